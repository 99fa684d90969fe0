//! Which steps there are, and which wait for which. A thing comes after what it needs, and goes before
//! what it needed; what refers to it lets go of it before it goes.

use std::collections::HashMap;

use crate::graph::{ResourceGraph, in_circles};
use crate::model::resource::Order;
use crate::name::Address;
use crate::plan::{Change, Part, Step};
use crate::state::{Recorded, State};

/// The steps of these changes.
///
/// Two rules hold always, and make no circle: what is made waits for what it needs, and the halves of a
/// replacement wait for each other as its order says. Three more hold unless a step would wait for itself, the
/// first before the others: what is unmade waits for the unmaking of what needed it, until what needed it and stays
/// has been changed, and, ahead of its successor, until what that needs is there. (What is recorded can be in a circle: a crash between the two halves of
/// turning a dependency round leaves one.)
pub(super) fn steps(changes: &[Change], graph: &ResourceGraph, state: &State) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut index = Index::default();
    for (number, change) in changes.iter().enumerate() {
        for part in change.kind.parts() {
            match part {
                Part::Make => drop(index.makes.insert(&change.address, steps.len())),
                Part::Unmake => index.unmakes.entry(&change.address).or_default().push(steps.len()),
            }
            steps.push(Step { change: number, part: *part, waits: Vec::new() });
        }
    }
    let dependents = dependents(state);
    let (mut unmade, mut changed, mut ready) = (Vec::new(), Vec::new(), Vec::new());
    for (at, step) in steps.iter_mut().enumerate() {
        let change = &changes[step.change];
        let make = index.makes.get(&change.address).copied();
        match step.part {
            Part::Make => {
                step.waits.extend(graph.needs(&change.address).into_iter().filter_map(|need| index.makes.get(need)));
                if change.order == Some(Order::DeleteFirst) {
                    step.waits.push(at + 1);
                }
            }
            Part::Unmake => {
                for dependent in dependents.get(&change.address).into_iter().flatten() {
                    let unmakes = index.unmakes.get(*dependent).into_iter().flatten();
                    unmade.extend(unmakes.map(|other| (*other, at)).filter(|(other, at)| other != at));
                    // One that goes on using what is deleted first can only be changed afterwards.
                    let uses = || graph.needs(dependent).into_iter().any(|need| *need == change.address);
                    let make = index.makes.get(*dependent);
                    let make = make.filter(|_| change.order != Some(Order::DeleteFirst) || !uses());
                    changed.extend(make.map(|make| (*make, at)));
                }
                if change.order == Some(Order::DeleteFirst) {
                    // What it serves has it until all is ready for the new one.
                    let needs = graph.needs(&change.address);
                    ready.extend(needs.iter().filter_map(|need| index.makes.get(need)).map(|make| (*make, at)));
                }
                if change.order == Some(Order::CreateFirst) {
                    step.waits.push(at - 1);
                } else if let (Some(_), Some(make)) = (change.retired, make) {
                    changed.push((make, at));
                }
            }
        }
    }
    grant(&mut steps, unmade);
    grant(&mut steps, changed);
    grant(&mut steps, ready);
    steps
}

#[derive(Default)]
struct Index<'a> {
    makes: HashMap<&'a Address, usize>,
    /// A thing and those that it replaced may all go at once.
    unmakes: HashMap<&'a Address, Vec<usize>>,
}

/// What needed each thing when it was recorded.
fn dependents(state: &State) -> HashMap<&Address, Vec<&Address>> {
    let mut dependents: HashMap<&Address, Vec<&Address>> = HashMap::new();
    let kept = state.kept.iter().map(|kept| (&kept.address, &kept.recorded));
    for (address, Recorded { dependencies, .. }) in state.things().chain(kept) {
        for needed in dependencies.iter().filter(|needed| *needed != address) {
            dependents.entry(needed).or_default().push(address);
        }
    }
    dependents
}

/// Adds what steps had better wait for, but for what would make them wait for themselves.
fn grant(steps: &mut [Step], wishes: Vec<(usize, usize)>) {
    let waits = |(at, step): (usize, &Step)| step.waits.iter().map(move |other| (*other, at)).collect::<Vec<_>>();
    let circles = in_circles(steps.iter().enumerate().flat_map(waits).chain(wishes.iter().copied()));
    for (other, at) in wishes {
        let within = circles.get(&other).is_some_and(|circle| circles.get(&at) == Some(circle));
        if !within {
            steps[at].waits.push(other);
        }
    }
    for step in steps {
        step.waits.sort_unstable();
        step.waits.dedup();
    }
}
