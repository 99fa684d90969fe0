//! What the record has under another address than the program: `web formerly server`, and what was replaced and is
//! wanted again. They are the same resources under other addresses; nothing of them is made or deleted.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::graph::ResourceGraph;
use crate::model::resource::Resource;
use crate::model::term::Term;
use crate::name::{Address, Name};
use crate::plan::Revert;
use crate::state::record::Record;
use crate::state::{Recorded, Retired, State};
use crate::value::Value;

/// A state in which everything bears the address that the program gives it.
pub struct Moved<'s> {
    pub state: Cow<'s, State>,
    /// From the recorded address to the program's.
    pub moves: BTreeMap<Address, Address>,
    pub reverts: Vec<Revert>,
}

/// What of a state the program has under another address now. A former name counts while the new one is
/// not recorded yet, and the program either does not use the old one any more or moves something else
/// there, which may go on: `c formerly b`, `b formerly a`.
pub fn moves<'s>(graph: &ResourceGraph, state: &'s State) -> Moved<'s> {
    let mut moves = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for resource in graph.in_order() {
        if state.resources.contains_key(&resource.address) {
            continue;
        }
        let Some(chain) = chain(graph, state, resource, &taken) else {
            continue;
        };
        let mut new = &resource.address;
        for old in chain {
            taken.insert(old.clone());
            moves.insert(old.clone(), new.clone());
            new = old;
        }
    }
    let mut moved = Cow::Borrowed(state);
    if !moves.is_empty() {
        moved.to_mut().apply(Record::Moved { moves: moves.clone() });
    }
    let reverts = reverts(graph, &moved);
    for revert in &reverts {
        moved.to_mut().apply(Record::Restored { op: revert.retired });
    }
    Moved { state: moved, moves, reverts }
}

/// What was replaced, is still there, and is what the program wants again: it has its address again, and its
/// successor is what was replaced.
fn reverts(graph: &ResourceGraph, state: &State) -> Vec<Revert> {
    let mut reverts: BTreeMap<&Address, Revert> = BTreeMap::new();
    for (op, Retired { address, recorded }) in &state.retired {
        let Some(resource) = graph.get(address) else { continue };
        let is_successor_wanted = state.resources.get(address).is_some_and(|now| fits(resource, now, state));
        if !is_successor_wanted && recorded.is_ours() && fits(resource, recorded, state) {
            // Of several, the last one.
            reverts.insert(address, Revert { retired: *op, address: address.clone(), id: recorded.id.clone() });
        }
    }
    reverts.into_values().collect()
}

/// Whether a recorded resource is what a component wants in all that cannot change in place.
fn fits(resource: &Resource, recorded: &Recorded, state: &State) -> bool {
    let fixed = resource.schema.attributes.values().filter(|attribute| attribute.modifiers.immutable);
    let is_same = |name: &Name| {
        let is = recorded.inputs.get(name).filter(|value| **value != Value::Null);
        match resource.inputs.get(name).map(|input| input.term.settle(state)) {
            None | Some(Ok(Term::Known(Value::Null))) => is.is_none(),
            Some(Ok(Term::Known(wanted))) => is.is_some_and(|is| resource.schema.same(name, &wanted, is)),
            Some(Ok(_) | Err(_)) => false,
        }
    };
    recorded.kind == resource.schema.kind
        && fixed.filter(|one| !one.modifiers.computed).all(|attribute| is_same(&attribute.name))
}

/// The former names, one behind the other, by which everything finds a place: the last one of them is
/// not used by the program any more.
fn chain<'g>(
    graph: &'g ResourceGraph,
    state: &State,
    first: &'g Resource,
    taken: &BTreeSet<Address>,
) -> Option<Vec<&'g Address>> {
    let mut chain: Vec<&Address> = Vec::new();
    let mut resource = first;
    loop {
        let free = |old: &&Address| state.resources.contains_key(*old) && !taken.contains(*old) && !chain.contains(old);
        let old = resource.formerly.iter().find(free)?;
        chain.push(old);
        match graph.get(old) {
            None => return Some(chain),
            Some(next) => resource = next,
        }
    }
}
