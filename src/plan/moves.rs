//! What the record has under another address than the program: `web formerly server`, and what was replaced and is
//! wanted again. They are the same resources under other addresses; nothing of them is made or deleted.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Diagnostic;
use crate::graph::ResourceGraph;
use crate::model::resource::{Former, Resource};
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
    /// Former names that lead two recorded things to one address, or one to two.
    pub collisions: Vec<Diagnostic>,
}

/// What of a state the program has under another address now. A former name counts while the new one is
/// not recorded yet, and the program either does not use the old one any more or moves something else
/// there, which may go on: `c formerly b`, `b formerly a`. Names that are exchanged, `a formerly b` and
/// `b formerly a`, count until that is recorded.
pub fn moves<'s>(graph: &ResourceGraph, state: &'s State) -> Moved<'s> {
    let mut moves = exchanged(graph, state);
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
    let collisions = collisions(graph, state, &moves);
    let mut moved = Cow::Borrowed(state);
    if !moves.is_empty() {
        moved.to_mut().apply(Record::Moved { moves: moves.clone() });
    }
    let reverts = reverts(graph, &moved);
    for revert in &reverts {
        moved.to_mut().apply(Record::Restored { op: revert.retired });
    }
    Moved { state: moved, moves, reverts, collisions }
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
        let old = resource.formerly.iter().map(|former| &former.address).find(free)?;
        chain.push(old);
        match graph.get(old) {
            None => return Some(chain),
            Some(next) => resource = next,
        }
    }
}

/// Components of which each has the former name of another one, in a circle: from the new address to the old one.
pub fn exchanges(graph: &ResourceGraph) -> BTreeMap<Address, Address> {
    circles(graph).into_iter().flatten().map(|(new, old)| (new.clone(), old.clone())).collect()
}

/// Each circle as pairs of a new and an old address.
fn circles(graph: &ResourceGraph) -> Vec<Vec<(&Address, &Address)>> {
    let former = |resource: &'_ Resource, former: &Former| {
        former.address != resource.address && graph.get(&former.address).is_some()
    };
    let next: BTreeMap<&Address, &Address> = graph
        .in_order()
        .filter_map(|new| Some((&new.address, &new.formerly.iter().find(|one| former(new, one))?.address)))
        .collect();
    let mut seen: BTreeSet<&Address> = BTreeSet::new();
    let mut circles = Vec::new();
    for start in next.keys() {
        let mut path: Vec<&Address> = Vec::new();
        let mut at = *start;
        while let Some(old) = next.get(at)
            && seen.insert(at)
        {
            path.push(at);
            at = old;
        }
        if let Some(begin) = path.iter().position(|one| *one == at) {
            circles.push(path[begin..].iter().map(|new| (*new, next[*new])).collect());
        }
    }
    circles
}

/// What exchanges its names now: everything in the circle is recorded, and that it was exchanged is not.
fn exchanged(graph: &ResourceGraph, state: &State) -> BTreeMap<Address, Address> {
    let circles = circles(graph).into_iter().filter(|circle| {
        let is_done = circle.iter().all(|(new, old)| state.exchanged.get(*new) == Some(*old));
        !is_done && circle.iter().all(|(new, _)| state.resources.contains_key(*new))
    });
    circles.flatten().map(|(new, old)| (old.clone(), new.clone())).collect()
}

/// One thing cannot become two, nor two one.
fn collisions(graph: &ResourceGraph, state: &State, moves: &BTreeMap<Address, Address>) -> Vec<Diagnostic> {
    let mut collisions = Vec::new();
    for resource in graph.in_order().filter(|resource| !state.resources.contains_key(&resource.address)) {
        let new = &resource.address;
        let is_free =
            |former: &&Former| state.resources.contains_key(&former.address) && graph.get(&former.address).is_none();
        let mut seen = BTreeSet::new();
        let free: Vec<&Former> =
            resource.formerly.iter().filter(is_free).filter(|former| seen.insert(&former.address)).collect();
        let own = free.iter().find(|former| moves.get(&former.address) == Some(new));
        for former in &free {
            let old = &former.address;
            let diagnostic = match (moves.get(old), own) {
                (Some(to), _) if to == new => continue,
                (Some(to), _) => {
                    let there = graph.get(to).and_then(|other| other.formerly.iter().find(|one| one.address == *old));
                    let message = format!("`{old}` cannot have become both `{to}` and `{new}`");
                    let twice = Diagnostic::error("cloud::formerly::twice", message)
                        .label(former.span, format!("`{new}` takes it over here"));
                    let twice = match there {
                        Some(there) => twice.label(there.span, format!("`{to}` takes it over here")),
                        None => twice,
                    };
                    twice.help("leave one of them; the other one is created")
                }
                (None, Some(own)) => {
                    let message = format!("`{}` and `{old}` cannot both have become `{new}`", own.address);
                    Diagnostic::error("cloud::formerly::twice", message)
                        .label(former.span, format!("`{new}` was `{old}` by this"))
                        .label(own.span, format!("and `{}` by this", own.address))
                        .help("both are recorded: leave one `formerly`, and keep the other resource under a name of its own, or it is destroyed")
                }
                (None, None) => continue,
            };
            collisions.push(diagnostic);
        }
    }
    collisions
}
