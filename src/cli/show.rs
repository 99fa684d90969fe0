//! `tadpole show`: what is recorded of an environment, without asking any cloud.

use crate::cli::Exit;
use crate::cli::context::Place;
use crate::cli::origin;
use crate::cli::session::{output_text, say, say_store};
use crate::cli::ui::{Look, Paint};
use crate::name::{Address, Name};
use crate::state::{Recorded, Status, store};
use crate::value::Value;

#[derive(clap::Args)]
pub struct Show {
    #[command(flatten)]
    place: Place,
    /// Only this component, or this group
    #[arg(long, value_name = "ADDRESS")]
    only: Option<String>,
    /// Every attribute of one component of the program, and the places that set it
    #[arg(long, value_name = "ADDRESS", conflicts_with = "only")]
    origin: Option<Address>,
}

impl Show {
    pub fn run(self, look: Look) -> Exit {
        if !self.place.names_an_environment(look) {
            return Exit::Wrong;
        }
        if let Some(address) = &self.origin {
            return origin::show(&self.place, address, look);
        }
        let environment = self.place.environment();
        let directory = self.place.record();
        let state = match store::peek(&directory) {
            Ok(Some(state)) => state,
            Ok(None) => {
                say(
                    &format!(
                        "nothing is recorded of the environment `{environment}` of `{}`",
                        self.place.directory().display()
                    ),
                    Some("`tadpole apply` makes it"),
                    look,
                );
                return Exit::Wrong;
            }
            Err(fault) => return say_store(&fault, look),
        };
        let place = format!("{}/{environment}", self.place.default_name());
        let count = state.resources.len();
        let heading =
            format!("{place}  ({} in `{}`, state serial {})", plural(count, "resource"), state.cloud, state.serial);
        println!("{}", look.paint(&heading, Paint::Strong));
        let mut shown = 0;
        for (address, recorded) in &state.resources {
            let text = address.to_string();
            let wanted = self.only.as_ref().is_none_or(|only| {
                text.strip_prefix(only.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            });
            if wanted {
                shown += 1;
                resource(&text, recorded, look);
            }
        }
        if let Some(only) = self.only.filter(|_| shown == 0) {
            say(&format!("nothing is recorded at `{only}`"), Some("`tadpole show` lists all addresses"), look);
            return Exit::Wrong;
        }
        if let Some(text) = crate::cli::session::cut_off(&state) {
            println!("\n{}", look.paint(&text, Paint::Change));
        }
        if !state.outputs.is_empty() {
            println!("\n  outputs");
            let column = state.outputs.keys().map(|name| name.as_str().len()).max().unwrap_or(0);
            for (name, value) in &state.outputs {
                println!("    {}", output_text(name, value, column));
            }
        }
        Exit::Done
    }
}

fn resource(address: &str, recorded: &Recorded, look: Look) {
    let (word, paint) = match recorded.status {
        Status::Live => ("live", Paint::Good),
        Status::Incomplete => ("incomplete", Paint::Bad),
        Status::Failing => ("not live", Paint::Bad),
    };
    println!("\n  {address}  {} {}  {}", recorded.template, recorded.id, look.paint(word, paint));
    let attributes: Vec<(&Name, &Value)> = recorded.inputs.iter().chain(&recorded.outputs).collect();
    let column = attributes.iter().map(|(name, _)| name.as_str().len()).max().unwrap_or(0);
    for (name, value) in attributes {
        println!("    {:column$}  {value}", name.as_str());
    }
}

fn plural(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}
