//! `tadpole destroy`: takes down everything that is recorded.

use crate::cli::Exit;
use crate::cli::apply::{Consent, carry_out, take_down};
use crate::cli::asked::Scoped;
use crate::cli::cloud::Cloud;
use crate::cli::context::{Compiled, Place};
use crate::cli::session::Session;
use crate::cli::streams::{say, tell_line};
use crate::cli::turn::Turn;
use crate::cli::ui::Look;

/// The program is compiled for its schemas and places, but what is recorded says what to do, so that it works
/// when the program is gone.
#[derive(clap::Args)]
pub struct Destroy {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    cloud: Cloud,
    #[command(flatten)]
    scoped: Scoped,
    /// Delete also what would be left standing, of what this environment made. Asks for the project's name
    #[arg(long)]
    include_persistent: bool,
    /// The name of the project, for whoever is not there to type it
    #[arg(long, value_name = "NAME", requires = "include_persistent")]
    confirm: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    turn: Turn,
}

impl Destroy {
    pub async fn run(self, look: Look) -> Exit {
        let look = self.scoped.look(look);
        if !self.place.is_sound(look) {
            return Exit::Wrong;
        }
        if !self.place.record().exists() {
            if self.place.is_nowhere(look) {
                return Exit::Wrong;
            }
            let environment = self.place.environment();
            tell_line(&format!("Nothing is recorded of the environment `{environment}`: nothing to destroy."));
            return Exit::Done;
        }
        let mut asked = self.scoped.destroy();
        asked.persistent = self.include_persistent;
        let compiled = take_down(&self.place, self.place.compile_quietly(), asked.scope.is_whole());
        let Compiled { graph, sources, .. } = compiled;
        let consent = match (&self.confirm, graph.project.as_deref()) {
            (None, _) => Consent::of(self.yes),
            (Some(name), Some(project)) if name == project => Consent::Named,
            (Some(name), _) => {
                let help = "`tadpole destroy` without it shows what would be deleted, and of which project";
                say(
                    &format!("`--confirm {name}` is not the name of this project: nothing was changed"),
                    Some(help),
                    look,
                );
                return Exit::Wrong;
            }
        };
        let session = match Session::open(self.place, graph, sources, &self.cloud, look).await {
            Ok(session) => session,
            Err(exit) => return exit,
        };
        carry_out(session, self.turn, asked, consent, false, None).await
    }
}
