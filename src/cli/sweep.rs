//! After everything was taken down: what the cloud still has of the environment.

use std::collections::{BTreeMap, BTreeSet};

use crate::apply::provider::Owned;
use crate::cli::session::{LISTED, Session};
use crate::cli::streams::{say_warning, tell, tell_line};
use crate::cli::ui::Paint;
use crate::name::Address;
use crate::plan::Plan;
use crate::printable::Plain;
use crate::state::State;

/// Looks for what bears the name of the environment and was not recorded before the teardown, and says what
/// there is. Answers what nobody knew of; what was left standing on purpose is no surprise, nor is what the
/// deletion of a thing leaves behind, such as a last snapshot.
pub async fn sweep(session: &Session, plan: &Plan, before: &State, after: &State) -> Vec<Owned> {
    let look = session.look;
    let owned = match session.calls().owned(before, Vec::new()).await {
        Ok(Some(owned)) => owned,
        // This cloud does not tell.
        Ok(None) => return Vec::new(),
        Err(fault) => {
            tell("\n");
            let place = format!("{}/{}", plan.project, plan.environment);
            let text = format!("whether anything else of {place} is there is not known: {fault}");
            say_warning(&text, fault.help.as_deref(), look);
            return Vec::new();
        }
    };
    let things: BTreeSet<(&str, &str)> = before.things().map(|(_, known)| (&*known.kind, &*known.id)).collect();
    let kinds: BTreeMap<&Address, &str> = before.things().map(|(address, one)| (address, &*one.kind)).collect();
    let unrecorded = owned.into_iter().filter(|one| !things.contains(&(&*one.kind, &*one.id)));
    let (kept, others): (Vec<Owned>, Vec<Owned>) = unrecorded.partition(|one| after.keeps(&one.kind, &one.id));
    // Of another type than what had the address, it came with that: the disk of a machine.
    let came_along = |one: &Owned| {
        let kind = kinds.get(&one.address);
        kind.is_some_and(|kind| **kind != *one.kind) && !after.resources.contains_key(&one.address)
    };
    let (remains, lost): (Vec<Owned>, Vec<Owned>) = others.into_iter().partition(|one| one.remains || came_along(one));
    if !kept.is_empty() {
        tell_line("  Left standing on purpose, by an earlier run:");
        list(&kept);
        tell_line("    `tadpole destroy --include-persistent` deletes what is left standing.");
    }
    if !remains.is_empty() {
        tell_line("  Left behind by what was deleted, and recorded nowhere:");
        list(&remains);
    }
    if !lost.is_empty() {
        let text = match lost.len() {
            1 => "  1 thing of this environment is still there, and nothing records it:".to_string(),
            many => format!("  {many} things of this environment are still there, and nothing records them:"),
        };
        tell_line(&look.paint(&text, Paint::Bad));
        list(&lost);
        tell_line("    Take each in again and destroy once more, or delete it by the means of its cloud:");
        tell_line(&format!("      {}", plan.import("ADDRESS", "ID")));
    }
    lost
}

fn list(all: &[Owned]) {
    for one in all.iter().take(LISTED) {
        tell_line(&format!("    {}  {} {}", one.address, one.kind, Plain(&one.id)));
    }
    if all.len() > LISTED {
        tell_line(&format!("    and {} others", all.len() - LISTED));
    }
}
