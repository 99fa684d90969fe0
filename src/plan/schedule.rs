//! Which changes wait for which. A thing comes after what it needs, and goes before what it needed.

use std::collections::HashMap;

use crate::graph::{ResourceGraph, is_acyclic};
use crate::name::Address;
use crate::plan::{Change, ChangeKind};
use crate::state::State;

/// Fills in `waits` of every change.
pub(super) fn order(changes: &mut [Change], graph: &ResourceGraph, state: &State) {
    let number: HashMap<Address, usize> =
        changes.iter().enumerate().map(|(at, change)| (change.address.clone(), at)).collect();
    let mut dependents: HashMap<&Address, Vec<&Address>> = HashMap::new();
    for (address, recorded) in &state.resources {
        for needed in &recorded.dependencies {
            dependents.entry(needed).or_default().push(address);
        }
    }
    let numbers = |addresses: &[&Address]| {
        addresses.iter().filter_map(|address| number.get(*address)).copied().collect::<Vec<_>>()
    };
    let mut early = Vec::new();
    let removes: Vec<bool> =
        changes.iter().map(|change| matches!(change.kind, ChangeKind::Terminate | ChangeKind::Forget)).collect();
    for (at, change) in changes.iter_mut().enumerate() {
        let depending = dependents.get(&change.address).map_or(&[][..], Vec::as_slice);
        if removes[at] {
            change.waits.extend(numbers(depending));
            continue;
        }
        change.waits.extend(numbers(&graph.needs(&change.address)));
        if change.kind == ChangeKind::Replace {
            early.extend(numbers(depending).into_iter().filter(|other| removes[*other]).map(|other| (at, other)));
        }
    }
    // What needed the old one goes before it is replaced, unless that would make a circle.
    for (at, other) in &early {
        changes[*at].waits.insert(*other);
    }
    if !is_ordered(changes) {
        for (at, other) in &early {
            changes[*at].waits.remove(other);
        }
    }
}

fn is_ordered(changes: &[Change]) -> bool {
    let edges = changes
        .iter()
        .enumerate()
        .flat_map(|(at, change)| change.waits.iter().map(move |other| (*other as u32, at as u32)));
    is_acyclic(edges)
}
