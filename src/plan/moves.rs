//! Components that the program calls otherwise than the record does: `web formerly server`. They are
//! the same things under new addresses; nothing of them is made or deleted.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::graph::ResourceGraph;
use crate::name::Address;
use crate::state::State;
use crate::state::record::Record;

/// A state in which everything bears the address that the program gives it.
pub struct Moved<'s> {
    pub state: Cow<'s, State>,
    /// From the recorded address to the program's.
    pub moves: BTreeMap<Address, Address>,
}

/// What of a state the program has under another address now. A former name counts only while the
/// program does not use it for something else, and the new one is not recorded yet.
pub fn moves<'s>(graph: &ResourceGraph, state: &'s State) -> Moved<'s> {
    let mut moves = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for resource in graph.in_order() {
        if state.resources.contains_key(&resource.address) {
            continue;
        }
        let free = |old: &&Address| state.resources.contains_key(old) && graph.get(old).is_none();
        if let Some(old) = resource.formerly.iter().filter(free).find(|old| !taken.contains(*old)) {
            taken.insert(old.clone());
            moves.insert(old.clone(), resource.address.clone());
        }
    }
    if moves.is_empty() {
        return Moved { state: Cow::Borrowed(state), moves };
    }
    let mut moved = state.clone();
    moved.apply(Record::Moved { moves: moves.clone() });
    Moved { state: Cow::Owned(moved), moves }
}
