//! `tadpole state`: the record itself. Nothing here changes a cloud; what changes the record takes the
//! environment for it, as `apply` does.

mod change;
mod document;
mod list;
mod unlock;
mod verify;

use std::io::IsTerminal;

use crate::cli::Exit;
use crate::cli::context::Place;
use crate::cli::session::{confirmed, cut_off, say_store};
use crate::cli::streams::{all_was_said, say, tell, tell_line};
use crate::cli::turn::Turn;
use crate::cli::ui::{Look, Paint};
use crate::diagnostic::closest;
use crate::name::Address;
use crate::state::ledger::Ledger;
use crate::state::{State, Status, store};

pub use change::Forget;

#[derive(clap::Args)]
pub struct StateCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// List what is recorded
    List(list::List),
    /// Show all that is recorded of one resource
    Show(list::Show),
    /// Give recorded resources another address
    Move(change::Move),
    /// Take resources out of the record, and leave them standing
    Forget(change::Forget),
    /// Print the whole record as one document
    Export(document::Export),
    /// Record what such a document says
    Import(document::Import),
    /// Read everything, and say what does not fit together
    Verify(verify::Verify),
    /// Take the environment away from a command that hangs
    Unlock(unlock::Unlock),
}

impl StateCommand {
    pub async fn run(self, look: Look) -> Exit {
        let done = match self.action {
            Action::List(command) => command.run(look),
            Action::Show(command) => command.run(look),
            Action::Move(command) => command.run(look),
            Action::Forget(command) => return command.run(look),
            Action::Export(command) => command.run(look),
            Action::Import(command) => command.run(look),
            Action::Verify(command) => command.run(look).await,
            Action::Unlock(command) => command.run(look),
        };
        done.unwrap_or_else(|exit| exit)
    }
}

/// What is recorded of an environment; if nothing is, says so.
///
/// # Errors
/// With what the command ends with, after having said why.
pub fn recorded(place: &Place, look: Look) -> Result<State, Exit> {
    if !place.is_sound(look) {
        return Err(Exit::Wrong);
    }
    match store::peek(&place.record()) {
        Ok(Some(state)) => Ok(state),
        Ok(None) => {
            if !place.is_nowhere(look) {
                let (environment, directory) = (place.environment(), place.directory().display());
                let message = format!("nothing is recorded of the environment `{environment}` of `{directory}`");
                say(&message, Some("`tadpole apply` makes it"), look);
            }
            Err(Exit::Wrong)
        }
        Err(fault) => Err(say_store(&fault, look)),
    }
}

/// The record, taken to be changed.
fn taken(place: &Place, turn: Turn, look: Look) -> Result<Ledger, Exit> {
    recorded(place, look)?;
    let (store, replayed) = turn.take(&place.record(), look)?;
    let Some(replayed) = replayed else { unreachable!("what is recorded stays recorded") };
    // Who looks for what it did needs it to be recorded as it is.
    if let Some(text) = cut_off(&replayed.state) {
        let help = "run `tadpole apply` or `tadpole destroy`, and then this again";
        let text = text.trim();
        say(&format!("{}{}", text[..1].to_lowercase(), &text[1..]), Some(help), look);
        return Err(Exit::Wrong);
    }
    Ok(Ledger::new(replayed.state, Box::new(store), replayed.records))
}

/// Records that are made durable, and folded.
pub fn kept(mut ledger: Ledger, records: Vec<crate::state::record::Record>, look: Look) -> Result<(), Exit> {
    ledger.record(records).and_then(|()| ledger.compact()).map_err(|fault| say_store(&fault, look))
}

/// Whether to go on, as `--yes` or somebody says.
pub fn agreed(question: &str, yes: bool, look: Look) -> Result<(), Exit> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        let help = "look at what it says above, then add `--yes`";
        say("nobody is there to say yes: standard input is not a terminal", Some(help), look);
        return Err(Exit::Wrong);
    }
    tell(&format!("\n{question} [y/N] "));
    // Nobody agrees to what could not be shown.
    if all_was_said() && confirmed() {
        return Ok(());
    }
    tell_line("Nothing was changed.");
    Err(if all_was_said() { Exit::Done } else { Exit::Failed })
}

/// Says that nothing is recorded at an address, and what was probably meant.
fn say_nothing_at(address: &Address, state: &State, look: Look) -> Exit {
    let known: Vec<String> = state.resources.keys().map(Address::to_string).collect();
    let help = match closest(&address.to_string(), known.iter().map(String::as_str)) {
        _ if let Some(twin) = state.resources.keys().find(|known| known.looks_like(address)) => {
            format!("`{twin}` differs from it only in characters that cannot be seen")
        }
        Some(near) => format!("did you mean `{near}`?"),
        None => "`tadpole state list` lists all addresses".into(),
    };
    say(&format!("nothing is recorded at `{address}`"), Some(&help), look);
    Exit::Wrong
}

pub fn name_of(place: &Place) -> String {
    format!("{}/{}", place.default_name(), place.environment())
}

/// What is said of a thing that has a successor.
pub const RETIRED: &str = "replaced, and still there";

/// The word and colour of what a resource is like.
pub fn status(status: Status) -> (&'static str, Paint) {
    match status {
        Status::Live => ("live", Paint::Good),
        Status::Incomplete => ("incomplete", Paint::Bad),
        Status::Failing => ("not live", Paint::Bad),
    }
}

pub fn plural(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}
