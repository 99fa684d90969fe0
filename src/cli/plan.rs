//! `tadpole plan`: shows what apply would do, and does nothing.

use crate::cli::Exit;
use crate::cli::asked::Planning;
use crate::cli::context::{Compiled, Place};
use crate::cli::session::{Cloud, Session};
use crate::cli::streams::tell_line;
use crate::cli::ui::{Look, Paint};

#[derive(clap::Args)]
pub struct Plan {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    cloud: Cloud,
    #[command(flatten)]
    planning: Planning,
    /// End with 2 when there are changes
    #[arg(long)]
    exit_code: bool,
}

impl Plan {
    pub async fn run(self, look: Look) -> Exit {
        let Some(Compiled { graph, sources }) = self.place.compile(look) else {
            return Exit::Wrong;
        };
        let session = match Session::open(self.place, graph, sources, &self.cloud, look).await {
            Ok(session) => session,
            Err(exit) => return exit,
        };
        let asked = self.planning.asked();
        let state = match session.peek() {
            Ok(state) => state,
            Err(exit) => return exit,
        };
        if let Some(text) = crate::cli::session::cut_off(&state) {
            tell_line(&look.paint(&text, Paint::Change));
        }
        match session.plan(&state, &asked).await {
            Ok((plan, _)) => {
                session.show_plan(&plan, &state);
                if self.exit_code && !plan.is_empty() { Exit::Changes } else { Exit::Done }
            }
            Err(exit) => exit,
        }
    }
}
