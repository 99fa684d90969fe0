//! `tadpole env remove`: the record of an environment in which nothing is left goes too.

use std::io;
use std::path::{Path, PathBuf};

use crate::cli::Exit;
use crate::cli::context::{Place, parse_env, records_of};
use crate::cli::sandbox;
use crate::cli::session::{LISTED, say_store};
use crate::cli::state::{agreed, name_of, plural};
use crate::cli::streams::{say, tell_line};
use crate::cli::turn::Turn;
use crate::cli::ui::Look;
use crate::printable::Plain;
use crate::sandbox::{self as cloud, Object, Sandbox};
use crate::state::{Kept, store};

#[derive(clap::Args)]
pub struct Remove {
    /// The environment
    #[arg(value_name = "NAME", value_parser = parse_env)]
    name: String,
    /// The program: a directory with `.cloud` files, or one file
    #[arg(default_value = ".", value_name = "PROGRAM")]
    program: PathBuf,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    turn: Turn,
}

impl Remove {
    pub fn run(self, look: Look) -> Result<Exit, Exit> {
        let place = Place::of(&self.program, &self.name);
        let (record, name) = (place.record(), name_of(&place));
        if !record.is_dir() {
            // Whoever runs it twice has what he wants.
            super::names(&self.program, look)?;
            tell_line(&format!("Nothing is recorded of the environment `{}`: nothing to remove.", self.name));
            return Ok(Exit::Done);
        }
        store::peek(&record).map_err(|fault| say_store(&fault, look))?;
        // Held until it is gone, so that nobody begins anything in it meanwhile.
        let (_store, replayed) = self.turn.take(&record, look)?;
        let state = replayed.map(|replayed| replayed.state);
        if let Some(state) = state.as_ref().filter(|state| !state.holds_nothing()) {
            let count = state.things().count() + state.unfinished.len();
            let message = format!("{name} is not empty: {} recorded in it", plural(count, "resource"));
            let help = format!(
                "`tadpole destroy --env {0}` takes down what is there, `tadpole forget --env {0}` leaves it standing",
                self.name
            );
            say(&message, Some(&help), look);
            return Err(Exit::Wrong);
        }
        let path = cloud::file(&record);
        let unusable = |error| sandbox::say_unusable(&path, &error, look);
        let sandbox = Sandbox::open(&path, Default::default()).map_err(unusable)?;
        let is_own = |thing: &Object| state.as_ref().is_some_and(|state| *state.lineage == *thing.owner.lineage);
        let things: Vec<Object> = sandbox.objects().into_iter().filter(is_own).collect();
        if !things.is_empty() {
            tell_line(&format!("What is in the sandbox of {name} goes with it:"));
            things.iter().take(LISTED).for_each(|thing| tell_line(&format!("  {}  {}", thing.kind, Plain(&thing.id))));
            if things.len() > LISTED {
                tell_line(&format!("  and {} others", things.len() - LISTED));
            }
        }
        if let Some(state) = state.as_ref().filter(|state| !state.kept.is_empty()) {
            tell_line(&format!("{name} left these standing. Without its record, no later apply takes them back:"));
            state.kept.iter().take(LISTED).for_each(|Kept { address, recorded }| {
                tell_line(&format!("  {address}  {} {}", recorded.template, Plain(&recorded.id)));
            });
            if state.kept.len() > LISTED {
                tell_line(&format!("  and {} others", state.kept.len() - LISTED));
            }
            let tag = format!("`tadpole:lineage = {}`", state.lineage);
            tell_line(&format!("They are tagged {tag}, and `tadpole import` takes them in."));
        }
        agreed(&format!("Remove the record of {name}?"), self.yes, look)?;
        // First, so that a kill in between leaves a record that says what they are.
        let keys: Vec<_> = things.iter().map(Object::key).collect();
        if !keys.is_empty() {
            sandbox.meddle(&keys, Vec::new()).map_err(unusable)?;
        }
        remove(&records_of(&self.program), &record).map_err(|error| {
            say(&format!("`{}` cannot be removed: {error}", record.display()), None, look);
            Exit::Failed
        })?;
        tell_line(&format!("The record of {name} is removed."));
        Ok(Exit::Done)
    }
}

/// Takes a record out of its place at once, and then away: half of one would look damaged.
fn remove(records: &Path, record: &Path) -> io::Result<()> {
    let aside = tempfile::Builder::new().prefix(".removed-").tempdir_in(records)?;
    std::fs::rename(record, aside.path().join("record"))?;
    aside.close()
}
