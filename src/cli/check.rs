//! `tadpole check`: compiles a program and says what is wrong with it, to people or to programs.

use crate::cli::Exit;
use crate::cli::context::{Place, say_report};
use crate::cli::render::{json, sarif};
use crate::cli::streams::{put_json, put_out};
use crate::cli::ui::Look;

#[derive(clap::Args)]
pub struct Check {
    #[command(flatten)]
    place: Place,
    /// Say it in JSON lines on standard output
    #[arg(long, conflicts_with = "sarif")]
    json: bool,
    /// Say it as SARIF 2.1.0 on standard output
    #[arg(long)]
    sarif: bool,
}

impl Check {
    pub fn run(self, look: Look) -> Exit {
        let (graph, sources, report) = self.place.examine();
        let text = if self.json {
            json::render(&report, &sources, graph.as_ref().map(|graph| graph.len()))
        } else if self.sarif {
            let directory = std::env::current_dir().unwrap_or_default();
            sarif::render(&report, &sources, &self.place.program, &directory)
        } else {
            say_report(&report, &sources, look);
            graph.as_ref().map_or_else(String::new, |graph| {
                let name = graph.project.as_deref().map_or_else(|| self.place.default_name(), str::to_string);
                let count = graph.len();
                format!("{name}: {count} {}, no errors\n", if count == 1 { "resource" } else { "resources" })
            })
        };
        let exit = if graph.is_some() { Exit::Done } else { Exit::Wrong };
        if self.json || self.sarif { put_json(&text, look) } else { put_out(&text, look) }.unwrap_or(exit)
    }
}
