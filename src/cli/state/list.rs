//! `tadpole state list` and `show`: what is recorded, without asking any cloud.

use serde_json::json;

use crate::cli::Exit;
use crate::cli::context::Place;
use crate::cli::session::{at_work, columns};
use crate::cli::state::{RETIRED, recorded, say_nothing_at, status};
use crate::cli::streams::{put_json, put_out, tell_line};
use crate::cli::ui::{Look, Paint};
use crate::model::action::{Action, List as ActionList};
use crate::name::Address;
use crate::plan::actions::said;
use crate::printable::Plain;
use crate::state::Recorded;

#[derive(clap::Args)]
pub struct List {
    #[command(flatten)]
    place: Place,
    /// Only this component, or this group
    #[arg(long, value_name = "ADDRESS")]
    only: Option<Address>,
    /// One JSON object a line, for programs
    #[arg(long)]
    json: bool,
}

/// One line of the list.
struct Entry<'a> {
    address: &'a Address,
    recorded: &'a Recorded,
    status: &'static str,
    paint: Paint,
}

impl List {
    pub fn run(self, look: Look) -> Result<Exit, Exit> {
        let state = recorded(&self.place, look)?;
        let entries = state.resources.iter().map(|(address, recorded)| {
            let (status, paint) = status(recorded.status);
            Entry { address, recorded, status, paint }
        });
        let retired = state.retired.values().map(|retired| Entry {
            address: &retired.address,
            recorded: &retired.recorded,
            status: RETIRED,
            paint: Paint::Bad,
        });
        let mut entries: Vec<Entry> = entries.chain(retired).collect();
        entries.retain(|entry| self.only.as_ref().is_none_or(|only| only.covers(entry.address)));
        entries.sort_by_key(|entry| entry.address);
        if let Some(only) = self.only.as_ref().filter(|_| entries.is_empty()) {
            return Err(say_nothing_at(only, &state, look));
        }
        if let Some(lease) = at_work(&self.place.record()) {
            tell_line(
                &look
                    .paint(&format!("  Being changed now by {lease}: what is recorded so far is shown"), Paint::Change),
            );
        }
        let text = if self.json { lines(&entries) } else { table(&entries, Look::of_output()) };
        let unwritten = if self.json { put_json(&text, look) } else { put_out(&text, look) };
        Ok(unwritten.unwrap_or(Exit::Done))
    }
}

fn table(entries: &[Entry], look: Look) -> String {
    let shown: Vec<[String; 3]> = entries
        .iter()
        .map(|entry| {
            [entry.address.to_string(), entry.recorded.template.to_string(), Plain(&entry.recorded.id).to_string()]
        })
        .collect();
    let width = |column: usize| shown.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let [first, second, third] = [0, 1, 2].map(width);
    let line = |([address, template, id], entry): (&[String; 3], &Entry)| {
        let status = look.paint(entry.status, entry.paint);
        format!("{address:first$}  {template:second$}  {id:third$}  {status}\n")
    };
    shown.iter().zip(entries).map(line).collect()
}

fn lines(entries: &[Entry]) -> String {
    let line = |entry: &Entry| {
        let Recorded { template, kind, id, .. } = entry.recorded;
        let (address, status) = (entry.address.to_string(), entry.status);
        let object = json!({ "address": address, "template": template, "kind": kind, "id": id, "status": status });
        format!("{object}\n")
    };
    entries.iter().map(line).collect()
}

/// All that is recorded of one resource.
#[derive(clap::Args)]
pub struct Show {
    #[arg(value_name = "ADDRESS")]
    address: Address,
    #[command(flatten)]
    place: Place,
    /// As JSON, in the form of the record
    #[arg(long)]
    json: bool,
}

impl Show {
    pub fn run(self, look: Look) -> Result<Exit, Exit> {
        let state = recorded(&self.place, look)?;
        let Some(recorded) = state.resources.get(&self.address) else {
            return Err(say_nothing_at(&self.address, &state, look));
        };
        let text = if self.json {
            // What is recorded of a secret is where it came from, and a fingerprint.
            match serde_json::to_string_pretty(recorded) {
                Ok(text) => format!("{text}\n"),
                Err(error) => unreachable!("what is recorded can be written as JSON: {error}"),
            }
        } else {
            shown(&self.address, recorded, Look::of_output())
        };
        let unwritten = if self.json { put_json(&text, look) } else { put_out(&text, look) };
        Ok(unwritten.unwrap_or(Exit::Done))
    }
}

fn shown(address: &Address, recorded: &Recorded, look: Look) -> String {
    let Recorded { template, kind, id, status, inputs, requested, outputs, dependencies, lifecycle, protected, course } =
        recorded;
    let (word, paint) = super::status(*status);
    let id = Plain(id);
    let mut text =
        format!("{}  {template} {id}  {}\n", look.paint(&address.to_string(), Paint::Strong), look.paint(word, paint));
    text.push_str(&format!("\n  kind  {kind}\n"));
    if *protected {
        text.push_str("\n  protected\n");
    }
    for (title, fields) in [("inputs", inputs), ("asked for", requested), ("outputs", outputs)] {
        if !fields.is_empty() {
            text.push_str(&format!("\n  {title}\n{}", columns(fields.iter(), "    ")));
        }
    }
    if !dependencies.is_empty() {
        let needs: String = dependencies.iter().map(|address| format!("    {address}\n")).collect();
        text.push_str(&format!("\n  needs\n{needs}"));
    }
    let names =
        |actions: &[Action]| actions.iter().map(|action| action.name.to_string()).collect::<Vec<_>>().join(", ");
    text.push_str("\n  actions\n");
    for list in [ActionList::Start, ActionList::Liveness, ActionList::Update, ActionList::Terminate] {
        let begun = course.as_ref().filter(|course| course.lists.contains_key(&list));
        let said = begun.and_then(|course| said(course, list, lifecycle.list(list), None));
        let done = said.map(|said| format!("  interrupted: {said}")).unwrap_or_default();
        text.push_str(&format!("    {:16}  [{}]{done}\n", list.attribute(), names(lifecycle.list(list))));
    }
    text
}
