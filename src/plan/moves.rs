//! Components that the program calls otherwise than the record does: `web formerly server`. They are
//! the same things under new addresses; nothing of them is made or deleted.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::graph::ResourceGraph;
use crate::model::resource::Resource;
use crate::name::Address;
use crate::state::State;
use crate::state::record::Record;

/// A state in which everything bears the address that the program gives it.
pub struct Moved<'s> {
    pub state: Cow<'s, State>,
    /// From the recorded address to the program's.
    pub moves: BTreeMap<Address, Address>,
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
    if moves.is_empty() {
        return Moved { state: Cow::Borrowed(state), moves };
    }
    let mut moved = state.clone();
    moved.apply(Record::Moved { moves: moves.clone() });
    Moved { state: Cow::Owned(moved), moves }
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
