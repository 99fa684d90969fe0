//! What is in the way of the deletions of a plan, asked before anybody agrees to it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::apply::limit::Calls;
use crate::apply::provider::{Fault, Leaving, Obstacle};
use crate::apply::step::place_of;
use crate::model::action::{Action, Occasion, Verb};
use crate::name::{Address, Table};
use crate::plan::{ChangeKind, Plan};
use crate::state::{Recorded, State};
use crate::value::Value;

/// By type and id.
type Things = BTreeSet<(Arc<str>, Arc<str>)>;

/// What the cloud said.
#[derive(Debug, Default)]
pub struct Foreseen {
    /// By the number of the change.
    pub obstacles: Vec<(usize, Vec<Obstacle>)>,
    /// What could not be asked about: nothing is known of it.
    pub faults: Vec<(Address, Fault)>,
}

/// Asks about everything that a plan deletes. `state` is that which it was made against.
pub async fn foresee(plan: &Plan, state: &State, calls: &Calls) -> Foreseen {
    let (numbers, leaving): (Vec<usize>, Vec<Leaving>) = leaving(plan, state).unzip();
    let mut foreseen = Foreseen::default();
    for ((number, leaving), told) in numbers.into_iter().zip(&leaving).zip(calls.obstacles(&leaving).await) {
        match told {
            Ok(obstacles) if obstacles.is_empty() => {}
            Ok(obstacles) => foreseen.obstacles.push((number, obstacles)),
            Err(fault) => foreseen.faults.push((leaving.place.address.clone(), fault)),
        }
    }
    foreseen
}

/// Everything that a plan deletes, by the number of the change.
fn leaving(plan: &Plan, state: &State) -> impl Iterator<Item = (usize, Leaving)> {
    let deleted = plan.changes.iter().enumerate();
    let deleted: Vec<(usize, &Address, &Recorded)> =
        deleted.filter_map(|(number, change)| Some((number, &change.address, change.deleted(state)?))).collect();
    let going: BTreeSet<(&Arc<str>, &Arc<str>)> = deleted.iter().map(|(_, _, one)| (&one.kind, &one.id)).collect();
    let mut known: Table<&Address, Things> = Table::default();
    let stay = |one: &Recorded| one.is_ours() && !going.contains(&(&one.kind, &one.id));
    for (_, recorded) in state.things().filter(|(_, one)| stay(one)) {
        for needed in &recorded.dependencies {
            known.entry(needed).or_default().insert((recorded.kind.clone(), recorded.id.clone()));
        }
    }
    deleted.into_iter().map(move |(number, address, recorded)| {
        let known = known.get(address).cloned().unwrap_or_default();
        let is_replaced = plan.changes[number].kind == ChangeKind::Replace;
        let occasion = if is_replaced { Occasion::Replace } else { Occasion::Terminate };
        let mut before = Vec::new();
        deeds(&recorded.lifecycle.terminate, occasion, &mut before);
        (number, Leaving { place: place_of(address, recorded), deeds: before, known })
    })
}

/// Actions of the cloud that run before the deletion, alone or in groups.
fn deeds(actions: &[Action], occasion: Occasion, all: &mut Vec<Arc<str>>) {
    for action in actions.iter().filter(|action| action.is_for(occasion)) {
        let kind = action.settings.get("kind").and_then(Value::as_str);
        all.extend(kind.filter(|_| action.verb == Verb::Act).map(Into::into));
        deeds(&action.parts, occasion, all);
        deeds(&action.otherwise, occasion, all);
    }
}
