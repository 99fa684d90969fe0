//! `tadpole env`: the environments that are recorded beside a program, and until when they are wanted.

mod extend;
mod list;
mod remove;

use std::io::ErrorKind;
use std::path::Path;

use jiff::Timestamp;

use crate::cli::Exit;
use crate::cli::context::{Place, parse_env, records_of};
use crate::cli::session::say_store;
use crate::cli::streams::say;
use crate::cli::turn;
use crate::cli::ui::Look;
use crate::diagnostic::closest;
use crate::state::lease::Lease;
use crate::state::store::StoreFault;
use crate::state::{State, store};

#[derive(clap::Args)]
pub struct EnvCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// List all environments of a program
    List(list::List),
    /// Want an environment for longer, or for ever
    Extend(extend::Extend),
    /// Remove the record of an environment in which nothing is left
    Remove(remove::Remove),
}

impl EnvCommand {
    pub fn run(self, look: Look) -> Exit {
        let done = match self.action {
            Action::List(command) => command.run(look),
            Action::Extend(command) => command.run(look),
            Action::Remove(command) => command.run(look),
        };
        done.unwrap_or_else(|exit| exit)
    }
}

/// An environment as it is found, without being taken.
pub struct Found {
    pub name: String,
    /// What is recorded of it, if anything is and can be read.
    pub state: Result<Option<State>, StoreFault>,
    /// Who has it now.
    pub holder: Option<Lease>,
}

impl Found {
    /// Whether somebody changes it now, whose lease has not run out.
    fn at_work(&self, now: Timestamp) -> bool {
        self.holder.as_ref().is_some_and(|lease| lease.until >= now)
    }
}

/// All environments that are recorded beside a program, by their names. One whose record cannot be read is
/// among them, and hides none.
///
/// # Errors
/// With what the command ends with, after having said why.
pub fn found(program: &Path, look: Look) -> Result<Vec<Found>, Exit> {
    let host = turn::host_name();
    let found = |name: String| {
        let record = Place::of(program, &name).record();
        let holder = store::holder(&record, &host).ok().flatten();
        Found { state: store::peek(&record), holder, name }
    };
    Ok(names(program, look)?.into_iter().map(found).collect())
}

fn names(program: &Path, look: Look) -> Result<Vec<String>, Exit> {
    let directory = records_of(program);
    let read = std::fs::read_dir(&directory).and_then(|entries| {
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().into_string().ok().filter(|name| parse_env(name).is_ok());
            names.extend(name.filter(|_| entry.path().is_dir()));
        }
        names.sort();
        Ok(names)
    });
    match read {
        Ok(names) => Ok(names),
        // Where there is no program either, the path may be a slip.
        Err(error) if error.kind() == ErrorKind::NotFound => match Place::of(program, "default").is_nowhere(look) {
            true => Err(Exit::Wrong),
            false => Ok(Vec::new()),
        },
        Err(error) => {
            say(&format!("`{}` cannot be read: {error}", directory.display()), None, look);
            Err(Exit::Failed)
        }
    }
}

/// Says that nothing is recorded of an environment, and which one was probably meant.
fn say_unknown(program: &Path, name: &str, look: Look) -> Exit {
    let Ok(names) = names(program, look) else { return Exit::Wrong };
    let help = match closest(name, names.iter().map(String::as_str).filter(|other| *other != name)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`tadpole env list` lists all environments".into(),
    };
    let message = format!("nothing is recorded of the environment `{name}`");
    say(&message, Some(&help), look);
    Exit::Wrong
}

/// The record of an environment, which must be there.
///
/// # Errors
/// With what the command ends with, after having said why.
fn recorded(place: &Place, look: Look) -> Result<State, Exit> {
    match store::peek(&place.record()) {
        Ok(Some(state)) => Ok(state),
        Ok(None) => Err(say_unknown(&place.program, &place.environment(), look)),
        Err(fault) => Err(say_store(&fault, look)),
    }
}
