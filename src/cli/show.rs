//! `tadpole show`: what is recorded of an environment, without asking any cloud.

use crate::apply::clock::Clock;
use crate::cli::Exit;
use crate::cli::cloud::whereabouts;
use crate::cli::context::Place;
use crate::cli::expiry::Expiry;
use crate::cli::origin;
use crate::cli::session::{columns, going_on};
use crate::cli::state::{RETIRED, plural, recorded, status};
use crate::cli::streams::{put_out, say};
use crate::cli::ui::{Look, Paint};
use crate::name::{Address, AddressError};
use crate::printable::Plain;
use crate::state::Recorded;

#[derive(clap::Args)]
pub struct Show {
    #[command(flatten)]
    place: Place,
    /// Only this component, or this group
    #[arg(long, value_name = "ADDRESS")]
    only: Option<Address>,
    /// Every attribute of one component, or of the program (`root`), and the places that set it
    #[arg(long, value_name = "ADDRESS", conflicts_with = "only", value_parser = parse_origin)]
    origin: Option<Address>,
}

/// The program's top has no name in an address; `root` is what expressions call it.
fn parse_origin(text: &str) -> Result<Address, AddressError> {
    if matches!(text, "" | "root") { Ok(Address::root()) } else { text.parse() }
}

impl Show {
    pub fn run(self, look: Look) -> Exit {
        if !self.place.is_sound(look) {
            return Exit::Wrong;
        }
        if let Some(address) = &self.origin {
            return origin::show(&self.place, address, look);
        }
        let state = match recorded(&self.place, look) {
            Ok(state) => state,
            Err(exit) => return exit,
        };
        let wanted = |address: &Address| self.only.as_ref().is_none_or(|only| only.covers(address));
        // What is read goes to standard output, which need not be where errors go.
        let output = Look::of_output();
        let shown = state.resources.iter().filter(|(address, _)| wanted(address));
        let shown: Vec<String> = shown.map(|(address, recorded)| resource(address, recorded, output)).collect();
        if let Some(only) = self.only.as_ref().filter(|_| shown.is_empty()) {
            say(&format!("nothing is recorded at `{only}`"), Some("`tadpole show` lists all addresses"), look);
            return Exit::Wrong;
        }
        let place = format!("{}/{}", self.place.default_name(), self.place.environment());
        let count = plural(state.resources.len(), "resource");
        let heading = format!("{place}  ({count}{}, state serial {})", whereabouts(&state.cloud), state.serial);
        let mut text = format!("{}\n", output.paint(&heading, Paint::Strong));
        if let Some(line) = Expiry::of(&state, None, Clock::system().now()).line() {
            text.push_str(&format!("{}\n", output.paint(&line, Paint::Change)));
        }
        text.push_str(&shown.concat());
        for retired in state.retired.values() {
            let Recorded { template, id, .. } = &retired.recorded;
            let words = output.paint(RETIRED, Paint::Bad);
            text.push_str(&format!("\n  {}  {template} {}  {words}\n", retired.address, Plain(id)));
        }
        if let Some(going_on) = going_on(&self.place.record(), &state) {
            text.push_str(&format!("\n{}\n", output.paint(&going_on, Paint::Change)));
        }
        if !state.outputs.is_empty() {
            text.push_str(&format!("\n  outputs\n{}", columns(state.outputs.iter(), "    ")));
        }
        put_out(&text, look).unwrap_or(Exit::Done)
    }
}

fn resource(address: &Address, recorded: &Recorded, look: Look) -> String {
    let (word, paint) = status(recorded.status);
    let attributes = columns(recorded.inputs.iter().chain(&recorded.outputs), "    ");
    format!("\n  {address}  {} {}  {}\n{attributes}", recorded.template, Plain(&recorded.id), look.paint(word, paint))
}
