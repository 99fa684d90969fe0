//! `tadpole check`: compiles a program and says what is wrong with it.

use crate::cli::Exit;
use crate::cli::context::Place;
use crate::cli::ui::Look;

#[derive(clap::Args)]
pub struct Check {
    #[command(flatten)]
    place: Place,
}

impl Check {
    pub fn run(self, look: Look) -> Exit {
        match self.place.check(look) {
            Some(compiled) => {
                let count = compiled.graph.len();
                let name = compiled.graph.project.as_deref().map_or_else(|| self.place.default_name(), str::to_string);
                println!("{name}: {count} {}, no errors", if count == 1 { "resource" } else { "resources" });
                Exit::Done
            }
            None => Exit::Wrong,
        }
    }
}
