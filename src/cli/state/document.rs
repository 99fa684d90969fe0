//! `tadpole state export` and `import`: the record as one document, to be kept or to go elsewhere.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use crate::cli::Exit;
use crate::cli::context::Place;
use crate::cli::session::{LISTED, say_store};
use crate::cli::state::{agreed, name_of, plural, recorded, taken};
use crate::cli::streams::{put_json, say, tell_line};
use crate::cli::turn::Turn;
use crate::cli::ui::Look;
use crate::printable::Plain;
use crate::state::ledger::Ledger;
use crate::state::store::StoreFault;
use crate::state::{State, store};

#[derive(clap::Args)]
pub struct Export {
    #[command(flatten)]
    place: Place,
}

impl Export {
    pub fn run(self, look: Look) -> Result<Exit, Exit> {
        let state = recorded(&self.place, look)?;
        Ok(put_json(&store::document(&state), look).unwrap_or(Exit::Done))
    }
}

#[derive(clap::Args)]
pub struct Import {
    /// As `tadpole state export` printed it; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    /// In place of an earlier record of the same environment
    #[arg(long)]
    replace: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    turn: Turn,
}

impl Import {
    pub fn run(self, look: Look) -> Result<Exit, Exit> {
        if !self.place.is_sound(look) || self.place.is_nowhere(look) {
            return Err(Exit::Wrong);
        }
        let new = self.document(look)?;
        let name = name_of(&self.place);
        let now = store::peek(&self.place.record()).map_err(|fault| say_store(&fault, look))?;
        match now {
            None => {
                let (store, None) = self.turn.take(&self.place.record(), look)? else {
                    say(&format!("{name} was recorded by another command just now"), None, look);
                    return Err(Exit::Wrong);
                };
                let count = new.resources.len();
                Ledger::begin(new, Box::new(store)).map_err(|fault| say_store(&fault, look))?;
                tell_line(&format!("{} recorded in {name}", plural(count, "resource")));
            }
            Some(_) if !self.replace => {
                let help = "add `--replace` to put a later document of the same environment in its place, or import it \
                            into another environment with `--env NAME`";
                say(&format!("{name} has a record already"), Some(help), look);
                return Err(Exit::Wrong);
            }
            Some(_) => self.put_in_place(new, look)?,
        }
        Ok(Exit::Done)
    }

    fn document(&self, look: Look) -> Result<State, Exit> {
        let text = if self.file.as_os_str() == "-" {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map(|_| text)
        } else {
            std::fs::read_to_string(&self.file)
        };
        let text = text.map_err(|error| {
            say(&format!("`{}` cannot be read: {error}", self.file.display()), None, look);
            Exit::Wrong
        })?;
        store::read_document(&self.file, &text).map_err(|fault| {
            let help = match &fault {
                StoreFault::Newer { .. } => fault.help(),
                StoreFault::Damaged { .. } | StoreFault::Io { .. } | StoreFault::Locked(_) | StoreFault::Fenced(_) => {
                    "take a document as `tadpole state export` prints it, or a `state.json`"
                }
            };
            say(&fault.to_string(), Some(help), look);
            Exit::Wrong
        })
    }

    fn put_in_place(&self, new: State, look: Look) -> Result<(), Exit> {
        let mut ledger = taken(&self.place, self.turn, look)?;
        let (old, name) = (ledger.state(), name_of(&self.place));
        let refuse = |message: String, help: &str| {
            say(&message, Some(help), look);
            Err(Exit::Wrong)
        };
        if old.lineage != new.lineage {
            let message = format!("the document is of another environment than {name}: its lineage is {}", new.lineage);
            return refuse(message, "import it into an environment of its own with `--env NAME`");
        }
        if new.serial <= old.serial {
            let message = format!("the document has serial {}, and {name} has {}", new.serial, old.serial);
            return refuse(message, "what is recorded is later, and stays");
        }
        let kept: BTreeSet<(&Arc<str>, &Arc<str>)> =
            new.things().map(|(_, recorded)| (&recorded.kind, &recorded.id)).collect();
        let lost: Vec<String> = old
            .things()
            .filter(|(_, recorded)| !kept.contains(&(&recorded.kind, &recorded.id)))
            .map(|(address, recorded)| format!("  {address}  {} {}", recorded.template, Plain(&recorded.id)))
            .collect();
        if !lost.is_empty() {
            tell_line("The document does not have these. They stay as they are, and are no longer recorded:");
            lost.iter().take(LISTED).for_each(|line| tell_line(line));
            if lost.len() > LISTED {
                tell_line(&format!("  and {} others", lost.len() - LISTED));
            }
        }
        let question = format!("Put serial {} in place of serial {} of {name}?", new.serial, old.serial);
        agreed(&question, self.yes, look)?;
        let (serial, count) = (new.serial, plural(new.resources.len(), "resource"));
        ledger.replace(new).map_err(|fault| say_store(&fault, look))?;
        tell_line(&format!("{name} has serial {serial} now: {count}"));
        Ok(())
    }
}
