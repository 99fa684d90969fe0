//! `tadpole sandbox`: what is in the sandbox of a project, and who needs it. Making trouble in it is
//! `breakage`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::apply::provider::Health;
use crate::cli::breakage::Break;
use crate::cli::context::Place;
use crate::cli::session::{columns, confirmed, say_store};
use crate::cli::streams::{all_was_said, put_json, put_out, say, tell, tell_line};
use crate::cli::ui::{Look, Paint};
use crate::cli::{Exit, env};
use crate::diagnostic::closest;
use crate::name::{Address, AddressError, Name};
use crate::printable::Plain;
use crate::sandbox::{Object, Sandbox, Schemas, file};
use crate::state::{Recorded, State, store};
use crate::value::{Value, reveal};

#[derive(clap::Args)]
pub struct SandboxCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// List what is in it
    List(List),
    /// Show one thing
    Show(Show),
    /// Make trouble: bad weather, and changes that nobody knows of
    Break(Break),
    /// Take everything out
    Reset(Reset),
}

impl SandboxCommand {
    pub fn run(self, look: Look) -> Exit {
        let done = match self.action {
            Action::List(list) => list.run(look),
            Action::Show(show) => show.run(look),
            Action::Break(trouble) => trouble.run(look),
            Action::Reset(reset) => reset.run(look),
        };
        done.unwrap_or_else(|exit| exit)
    }
}

/// Says why a sandbox cannot be used; what the command ends with.
pub fn say_unusable(path: &Path, error: &std::io::Error, look: Look) -> Exit {
    let help = match error.kind() {
        ErrorKind::InvalidData => Some("restore the file from a backup, or take it away: `tadpole sandbox reset` does"),
        _ => None,
    };
    say(&format!("the sandbox `{}` cannot be used: {error}", path.display()), help, look);
    Exit::Wrong
}

/// The sandbox of an environment, with what is recorded of it.
pub struct Opened {
    pub sandbox: Sandbox,
    pub path: PathBuf,
    /// `shop/default`.
    pub name: String,
    /// Of the environment, as far as it is recorded.
    lineage: Option<String>,
    /// Names of the other environments, by their lineages.
    others: BTreeMap<String, String>,
    recorded: BTreeMap<(Arc<str>, Arc<str>), Address>,
    /// What is there on purpose and has no address now, and why.
    noted: BTreeMap<(Arc<str>, Arc<str>), &'static str>,
}

impl Opened {
    /// # Errors
    /// With what the command ends with, after having said why.
    pub fn at(place: &Place, schemas: Schemas, look: Look) -> Result<Opened, Exit> {
        if !place.is_sound(look) {
            return Err(Exit::Wrong);
        }
        if !place.record().exists() && place.is_nowhere(look) {
            return Err(Exit::Wrong);
        }
        let state = store::peek(&place.record()).map_err(|fault| say_store(&fault, look))?;
        let path = file(&place.record());
        let sandbox = Sandbox::open(&path, schemas).map_err(|error| say_unusable(&path, &error, look))?;
        let lineage = state.as_ref().map(|state| state.lineage.to_string());
        let is_foreign = |object: &Object| lineage.as_deref() != Some(&*object.owner.lineage);
        let others = if sandbox.objects().iter().any(is_foreign) { others(place, look)? } else { BTreeMap::new() };
        let (name, noted) = (name_of(place), noted(state.as_ref()));
        Ok(Opened { sandbox, path, name, lineage, others, noted, recorded: recorded(state) })
    }

    /// Whether the environment made a thing, or records it.
    fn is_own(&self, object: &Object) -> bool {
        self.lineage.as_deref() == Some(&*object.owner.lineage) || self.recorded(object).is_some()
    }

    /// The address under which a thing is recorded; none, when nothing records it.
    fn recorded(&self, object: &Object) -> Option<&Address> {
        self.recorded.get(&object.key())
    }

    /// What to say of it, of one that is not simply recorded.
    fn note(&self, object: &Object) -> Option<String> {
        let other = || self.others.get(&*object.owner.lineage).map(|name| format!("of the environment `{name}`"));
        let noted = self.noted.get(&object.key()).map(|note| (*note).to_string());
        let unrecorded = || self.recorded(object).is_none().then(|| "not recorded".to_string());
        noted.or_else(|| if self.is_own(object) { None } else { other() }).or_else(unrecorded)
    }

    /// The address that a thing has now, or that it was made under.
    pub fn address<'a>(&'a self, object: &'a Object) -> &'a Address {
        self.recorded(object).unwrap_or(&object.owner.address)
    }

    /// The one thing that is meant by an address or an id.
    ///
    /// # Errors
    /// With what the command ends with, after having said why.
    pub fn find(&self, thing: &str, look: Look) -> Result<Object, Exit> {
        let objects = self.sandbox.objects();
        let full = |object: &Object| format!("{}:{}", object.kind, object.id);
        let address: Result<Address, AddressError> = thing.parse();
        let is_meant = |object: &&Object| {
            *object.id == *thing || address.as_ref() == Ok(self.address(object)) || full(object) == thing
        };
        let mut found: Vec<&Object> = objects.iter().filter(is_meant).collect();
        // Two environments of one program have the same addresses.
        if found.iter().any(|object| self.is_own(object)) {
            found.retain(|object| self.is_own(object));
        }
        match found.as_slice() {
            [one] => Ok((*one).clone()),
            [] => {
                let addresses: Vec<String> = objects.iter().map(|object| self.address(object).to_string()).collect();
                let names = addresses.iter().map(String::as_str).chain(objects.iter().map(|object| &*object.id));
                let help = match closest(thing, names) {
                    _ if let Err(error) = &address
                        && thing.contains('[') =>
                    {
                        error.to_string()
                    }
                    Some(meant) => format!("did you mean `{meant}`? `tadpole sandbox list` shows all"),
                    None => "name an address or an id; `tadpole sandbox list` shows them".to_string(),
                };
                say(&format!("there is no `{thing}` in the sandbox of {}", self.name), Some(&help), look);
                Err(Exit::Wrong)
            }
            several => {
                let all: Vec<String> = several.iter().map(|object| format!("`{}`", full(object))).collect();
                let help = format!("say which one: {}", all.join(", "));
                say(&format!("`{thing}` is {} things in the sandbox of {}", all.len(), self.name), Some(&help), look);
                Err(Exit::Wrong)
            }
        }
    }
}

/// What an environment is called.
fn name_of(place: &Place) -> String {
    format!("{}/{}", place.default_name(), place.environment())
}

fn recorded(state: Option<State>) -> BTreeMap<(Arc<str>, Arc<str>), Address> {
    let things = state.iter().flat_map(State::things);
    things.map(|(address, recorded)| ((recorded.kind.clone(), recorded.id.clone()), address.clone())).collect()
}

/// Names of the environments of a program, by their lineages.
fn others(place: &Place, look: Look) -> Result<BTreeMap<String, String>, Exit> {
    let of = |found: env::Found| {
        let state = found.state.ok().flatten()?;
        Some((state.lineage.to_string(), found.name))
    };
    Ok(env::found(&place.program, look)?.into_iter().filter_map(of).collect())
}

fn noted(state: Option<&State>) -> BTreeMap<(Arc<str>, Arc<str>), &'static str> {
    let key = |recorded: &Recorded| (recorded.kind.clone(), recorded.id.clone());
    let retired = state.iter().flat_map(|state| state.retired.values());
    let retired = retired.map(|retired| (key(&retired.recorded), "replaced, and still there"));
    let kept = state.iter().flat_map(|state| &state.kept);
    retired.chain(kept.map(|kept| (key(&kept.recorded), "retained"))).collect()
}

/// What a thing is at, if it is at something.
fn at_what(object: &Object) -> Option<String> {
    let now = jiff::Timestamp::now();
    match object.health(now) {
        Health::Waiting(on) => Some(on),
        Health::Live | Health::Dead(_) if !object.is_seen(now) => Some("not seen yet".into()),
        Health::Live => None,
        Health::Dead(why) => Some(why),
    }
}

#[derive(clap::Args)]
pub struct List {
    #[command(flatten)]
    place: Place,
    /// Only types whose name begins so: `aws.S3`
    #[arg(long, value_name = "TYPE")]
    kind: Option<String>,
    /// Only this component, or this group
    #[arg(long, value_name = "ADDRESS")]
    only: Option<Address>,
    /// One JSON object a line, for programs
    #[arg(long)]
    json: bool,
}

impl List {
    fn run(self, look: Look) -> Result<Exit, Exit> {
        let opened = Opened::at(&self.place, Schemas::new(), look)?;
        let is_wanted = |object: &Object| {
            self.only.as_ref().is_none_or(|only| only.covers(opened.address(object)))
                && self.kind.as_ref().is_none_or(|kind| object.kind.starts_with(kind.as_str()))
        };
        let all = opened.sandbox.objects();
        let shown: Vec<&Object> = all.iter().filter(|object| is_wanted(object)).collect();
        let text = if self.json { json(&opened, &shown) } else { table(&opened, &shown, all.len()) };
        let unwritten = if self.json { put_json(&text, look) } else { put_out(&text, look) };
        Ok(unwritten.unwrap_or(Exit::Done))
    }
}

fn json(opened: &Opened, shown: &[&Object]) -> String {
    let line = |object: &&Object| {
        let line = serde_json::json!({
            "kind": object.kind,
            "id": object.id,
            "address": opened.address(object).to_string(),
            "recorded": opened.recorded(object).is_some(),
            "state": at_what(object),
        });
        format!("{line}\n")
    };
    shown.iter().map(line).collect()
}

fn table(opened: &Opened, shown: &[&Object], all: usize) -> String {
    let output = Look::of_output();
    let count = match (all, shown.len()) {
        (0, _) => "nothing in the sandbox".to_string(),
        (all, some) if some < all => format!("{some} of {all} things in the sandbox"),
        (1, _) => "1 thing in the sandbox".to_string(),
        (all, _) => format!("{all} things in the sandbox"),
    };
    let mut text = format!("{}\n", output.paint(&format!("{}  ({count})", opened.name), Paint::Strong));
    let rows: Vec<[String; 3]> = shown
        .iter()
        .map(|object| [object.kind.to_string(), Plain(&object.id).to_string(), opened.address(object).to_string()])
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let [kinds, ids, addresses] = [width(0), width(1), width(2)];
    for (at, ([kind, id, address], object)) in rows.iter().zip(shown).enumerate() {
        if at == 0 {
            text.push('\n');
        }
        let mut notes: Vec<String> = at_what(object).into_iter().collect();
        notes.extend(opened.note(object));
        let row = format!("  {kind:kinds$}  {id:ids$}  {address:addresses$}");
        let notes = output.paint(&notes.join(", "), Paint::Change);
        text.push_str(format!("{row}  {notes}").trim_end());
        text.push('\n');
    }
    text
}

#[derive(clap::Args)]
pub struct Show {
    /// An address or an id
    #[arg(value_name = "THING")]
    thing: String,
    #[command(flatten)]
    place: Place,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

impl Show {
    fn run(self, look: Look) -> Result<Exit, Exit> {
        let opened = Opened::at(&self.place, Schemas::new(), look)?;
        let object = opened.find(&self.thing, look)?;
        let users = opened.sandbox.referrers(&object);
        let recorded = opened.recorded(&object).is_some();
        let text = if self.json {
            let users: Vec<_> = users
                .iter()
                .map(|user| serde_json::json!({ "kind": user.kind, "id": user.id, "address": opened.address(user).to_string() }))
                .collect();
            let shown = serde_json::json!({
                "kind": object.kind,
                "id": object.id,
                "address": opened.address(&object).to_string(),
                "recorded": recorded,
                "state": at_what(&object),
                "inputs": reveal(&object.inputs),
                "outputs": reveal(&object.outputs),
                "referredToBy": users,
            });
            format!("{shown}\n")
        } else {
            let output = Look::of_output();
            let heading = format!("{}  {} {}", opened.address(&object), object.kind, Plain(&object.id));
            let mut text = output.paint(&heading, Paint::Strong);
            let note = at_what(&object).into_iter().chain(opened.note(&object));
            note.for_each(|note| text.push_str(&format!("  {}", output.paint(&note, Paint::Change))));
            let values: Vec<(&Name, &Value)> = object.inputs.iter().chain(&object.outputs).collect();
            text.push_str(&format!("\n{}", columns(values.into_iter(), "    ")));
            if !users.is_empty() {
                text.push_str("\n  referred to by\n");
            }
            for user in &users {
                text.push_str(&format!("    {}  {} {}\n", opened.address(user), user.kind, Plain(&user.id)));
            }
            text
        };
        let unwritten = if self.json { put_json(&text, look) } else { put_out(&text, look) };
        Ok(unwritten.unwrap_or(Exit::Done))
    }
}

#[derive(clap::Args)]
pub struct Reset {
    #[command(flatten)]
    place: Place,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Reset {
    fn run(self, look: Look) -> Result<Exit, Exit> {
        if !self.place.is_sound(look) || !self.place.record().exists() && self.place.is_nowhere(look) {
            return Err(Exit::Wrong);
        }
        let (path, name) = (file(&self.place.record()), name_of(&self.place));
        let sandbox = match Sandbox::open(&path, Schemas::new()) {
            Ok(sandbox) => Some(sandbox),
            // What cannot be read can be taken away still.
            Err(error) if error.kind() == ErrorKind::InvalidData => None,
            Err(error) => return Err(say_unusable(&path, &error, look)),
        };
        let objects = sandbox.as_ref().map(Sandbox::objects);
        let lineages: BTreeSet<&Arc<str>> = objects.iter().flatten().map(|object| &object.owner.lineage).collect();
        let shared = if lineages.len() > 1 { format!(", of {} environments", lineages.len()) } else { String::new() };
        let what = match objects.as_ref().map(Vec::len) {
            Some(1) => "1 thing".to_string(),
            Some(count) => format!("{count} things"),
            None => "what cannot be read".to_string(),
        };
        if !self.yes {
            if !std::io::stdin().is_terminal() {
                let message = "nobody is there to say yes: standard input is not a terminal";
                say(message, Some("look at it with `tadpole sandbox list`, then add `--yes`"), look);
                return Err(Exit::Wrong);
            }
            tell(&format!("Take {what}{shared} out of the sandbox of {name}? [y/N] "));
            // Nobody agrees to what could not be shown.
            if !all_was_said() || !confirmed() {
                tell_line("Nothing was changed.");
                return Ok(if all_was_said() { Exit::Done } else { Exit::Failed });
            }
        }
        let emptied = sandbox.map_or_else(|| std::fs::remove_file(&path), |sandbox| sandbox.reset());
        emptied.map_err(|error| say_unusable(&path, &error, look))?;
        tell_line(&format!("The sandbox of {name} is empty: {what}{shared} taken out. Its weather is fair."));
        Ok(Exit::Done)
    }
}
