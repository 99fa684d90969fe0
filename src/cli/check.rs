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
        match self.place.compile(look) {
            Some(compiled) => {
                let count = compiled.graph.len();
                println!(
                    "{}: {count} {}, no errors",
                    self.place.default_name(),
                    if count == 1 { "resource" } else { "resources" }
                );
                Exit::Done
            }
            None => Exit::Wrong,
        }
    }
}
