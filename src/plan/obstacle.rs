//! Deletions that would be refused: by what is recorded, and by what the cloud says. The plan is carried out
//! all the same; what is in nobody's way goes.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::diagnostic::listed;
use crate::model::action::Verb;
use crate::name::{Address, Name};
use crate::plan::{Change, Hazard, HazardKind, Left, Part, Plan, Step};
use crate::state::observed::Obstacle;
use crate::state::{Recorded, State};
use crate::value::Value;

/// Things that are named in one sentence.
const NAMED: usize = 3;

impl Change {
    /// What is recorded of the thing that it takes down or leaves, which may have a successor at its address.
    pub fn unmade<'s>(&self, state: &'s State) -> Option<&'s Recorded> {
        if !self.kind.parts().contains(&Part::Unmake) {
            return None;
        }
        let is_old = |recorded: &&Recorded| self.id.as_ref().is_none_or(|id| recorded.id == *id);
        let retired = state.retired.values().rev().filter(|retired| retired.address == self.address);
        match self.retired {
            Some(number) => state.retired.get(&number).map(|retired| &retired.recorded),
            None => {
                let current = state.resources.get(&self.address).filter(is_old);
                let retired = || retired.map(|retired| &retired.recorded).find(is_old);
                let kept = || state.kept.iter().filter(|kept| kept.address == self.address);
                current.or_else(retired).or_else(|| kept().map(|kept| &kept.recorded).find(is_old))
            }
        }
    }

    /// As [`Change::unmade`], when the thing is deleted.
    pub fn deleted<'s>(&self, state: &'s State) -> Option<&'s Recorded> {
        self.unmade(state).filter(|_| self.left.is_none())
    }
}

impl Plan {
    /// Adds what the cloud says is in the way of changes, by their numbers.
    pub fn obstruct(&mut self, told: impl IntoIterator<Item = (usize, Vec<Obstacle>)>) {
        for (number, obstacles) in told {
            let Some(change) = self.changes.get_mut(number) else { continue };
            let obstacles = obstacles.into_iter();
            let hazards = obstacles.map(|one| hazard(&one.message, one.attribute, one.help));
            let at = change.hazards.iter().take_while(|hazard| hazard.kind == HazardKind::Obstacle).count();
            change.hazards.splice(at..at, hazards);
        }
    }

    /// What cannot be done, or not to its end, as long as the old thing of this change is there.
    pub fn waits_for_end(&self, number: usize) -> BTreeSet<&Address> {
        let mut dependents: Vec<Vec<usize>> = vec![Vec::new(); self.steps.len()];
        for (at, step) in self.steps.iter().enumerate() {
            step.waits.iter().for_each(|other| dependents[*other].push(at));
        }
        let is_end = |step: &Step| step.part == Part::Unmake && step.change == number;
        let mut queue: Vec<usize> =
            self.steps.iter().enumerate().filter(|(_, step)| is_end(step)).map(|(at, _)| at).collect();
        let mut waiting = BTreeSet::new();
        while let Some(at) = queue.pop() {
            for dependent in &dependents[at] {
                if waiting.insert(*dependent) {
                    queue.push(*dependent);
                }
            }
        }
        let changes = waiting.into_iter().filter(|at| self.steps[*at].change != number);
        changes.map(|at| &self.changes[self.steps[at].change].address).collect()
    }

    /// The same in words; nothing when nothing else waits.
    pub(super) fn stays_too(&self, number: usize) -> Option<String> {
        let waiting = self.waits_for_end(number);
        let (wait, them) = if waiting.len() == 1 { ("waits", "it") } else { ("wait", "them") };
        (!waiting.is_empty()).then(|| format!("{} {wait} for that: the plan goes on without {them}", named(&waiting)))
    }
}

/// A few names, and how many there are besides.
fn named(addresses: &BTreeSet<&Address>) -> String {
    let more = addresses.len().saturating_sub(NAMED);
    let names = listed(addresses.iter().take(NAMED));
    if more > 0 { format!("{names} and {more} others") } else { names }
}

fn hazard(why: &str, attribute: Option<Name>, help: Option<String>) -> Hazard {
    Hazard { kind: HazardKind::Obstacle, text: format!("its deletion would be refused: {why}"), attribute, help }
}

/// What is left standing and refers to something that is deleted keeps that: known from the record alone.
pub(super) fn held(changes: &mut [Change], state: &State) {
    let stands = |change: &&Change| matches!(change.left, Some(Left::Standing { .. }));
    let standing = changes.iter().filter(stands);
    let standing: Vec<(&Address, &Recorded)> =
        standing.filter_map(|change| Some((&change.address, change.unmade(state)?))).collect();
    if standing.is_empty() {
        return;
    }
    let mut obstacles = Vec::new();
    for (number, change) in changes.iter().enumerate() {
        let Some(going) = change.deleted(state) else { continue };
        let holds = |(address, recorded): &&(&Address, &Recorded)| {
            **address != change.address && refers(recorded, &change.address, &going.id)
        };
        let holders: BTreeSet<&Address> = standing.iter().filter(holds).map(|(address, _)| *address).collect();
        if !holders.is_empty() {
            obstacles.push((number, kept(change, going, &holders)));
        }
    }
    for (number, hazard) in obstacles {
        changes[number].hazards.insert(0, hazard);
    }
}

fn kept(change: &Change, going: &Recorded, holders: &BTreeSet<&Address>) -> Hazard {
    let (is, refer, it) = if holders.len() == 1 { ("is", "refers", "it") } else { ("are", "refer", "them") };
    let text = format!("{} {is} left standing and {refer} to it", named(holders));
    let help = format!(
        "keep `{}` as well, with `terminateActions [];` and an apply, or delete {} too, with `tadpole destroy --include-persistent`",
        change.address,
        named(holders)
    );
    // What it does before its deletion, emptying it above all, may take what is in the way along.
    if going.lifecycle.terminate.iter().any(|action| action.verb != Verb::Delete) {
        let text = format!("its deletion may be refused, or takes {it} along: {text}");
        return Hazard { kind: HazardKind::Refusal, text, attribute: None, help: Some(help) };
    }
    hazard(&text, None, Some(help))
}

pub(super) fn refers(recorded: &Recorded, to: &Address, id: &Arc<str>) -> bool {
    recorded.inputs.values().flat_map(Value::references).any(|(address, other)| address == to && other == id)
}
