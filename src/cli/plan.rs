//! `tadpole plan`: shows what apply would do, and does nothing.

use std::path::PathBuf;

use crate::cli::Exit;
use crate::cli::apply::take_down;
use crate::cli::asked::Planning;
use crate::cli::cloud::Cloud;
use crate::cli::context::Place;
use crate::cli::expiry::Expiry;
use crate::cli::saved;
use crate::cli::session::{Session, going_on};
use crate::cli::streams::{put_json, put_out, tell_line};
use crate::cli::ui::{Look, Paint};
use crate::plan::{Purpose, markdown};

#[derive(clap::Args)]
pub struct Plan {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    cloud: Cloud,
    #[command(flatten)]
    planning: Planning,
    /// Plan taking down what is recorded
    #[arg(long, conflicts_with_all = ["replaces", "refresh_only"])]
    destroy: bool,
    /// Save the plan, to be carried out as it is: `tadpole apply FILE`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The plan as JSON on standard output
    #[arg(long)]
    json: bool,
    /// The plan as Markdown on standard output, for a pull request
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// End with 2 when there are changes
    #[arg(long)]
    exit_code: bool,
}

impl Plan {
    pub async fn run(self, look: Look) -> Exit {
        self.planned(look).await.unwrap_or_else(|exit| exit)
    }

    async fn planned(self, look: Look) -> Result<Exit, Exit> {
        let look = self.planning.look(look);
        let mut asked = self.planning.asked();
        let compiled = if self.destroy {
            if !self.place.is_sound(look) || self.place.is_nowhere(look) {
                return Err(Exit::Wrong);
            }
            asked.purpose = Purpose::Destroy;
            take_down(&self.place, self.place.compile_quietly(), asked.scope.is_whole())
        } else {
            self.place.compile(&self.cloud, look).ok_or(Exit::Wrong)?
        };
        let typed = saved::typed(&compiled);
        let session = Session::open(self.place, compiled.graph, compiled.sources, &self.cloud, look).await?;
        let state = session.peek()?;
        if let Some(text) = going_on(&session.place.record(), &state) {
            tell_line(&look.paint(&text, Paint::Change));
        }
        let (mut plan, _) = session.plan(&state, &asked).await?;
        if !self.json && !self.markdown {
            session.show_plan(&plan, &state);
            let expiry = Expiry::of(&state, None, session.calls().clock.now());
            if !self.destroy {
                expiry.line().iter().for_each(|line| tell_line(line));
            }
        }
        let exit = if self.exit_code && !plan.is_empty() { Exit::Changes } else { Exit::Done };
        if self.markdown {
            let failed = put_out(&markdown::page(&plan), look);
            if self.out.is_none() || failed.is_some() {
                return Ok(failed.unwrap_or(exit));
            }
        }
        if !self.json && self.out.is_none() {
            return Ok(exit);
        }
        plan.made = saved::made(&session.place, &typed, &session.sources, &state);
        let document = plan.document(session.seals());
        if let Some(path) = &self.out {
            saved::write(&document, path, look)?;
            tell_line(&format!("\n  Saved. To carry out exactly this: tadpole apply {}", path.display()));
        }
        let failed = if self.json { put_json(&document, look) } else { None };
        Ok(failed.unwrap_or(exit))
    }
}
