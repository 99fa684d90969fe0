//! What the cloud has, before planning: everything recorded in as few calls as it allows, and what
//! the program says exists already.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::apply::limit::{Calls, passes_later};
use crate::apply::provider::{Fault, Owner, Place, Reading, Seek, Want};
use crate::apply::step::{place_of, seen};
use crate::apply::work::samples;
use crate::graph::ResourceGraph;
use crate::model::resource::Resource;
use crate::model::term::{Known, Term};
use crate::name::{Address, Name};
use crate::plan::{self, Found, Refreshed};
use crate::state::{State, Status};
use crate::value::{Fields, Value};

/// Asks the cloud.
///
/// # Errors
/// For each resource that it did not answer for: a plan without it would be a guess.
pub async fn refresh(state: &State, graph: &ResourceGraph, calls: &Calls) -> Result<Refreshed, Vec<(Address, Fault)>> {
    let mut refreshed = Refreshed::default();
    let mut faults = Vec::new();
    read(state, calls, &mut refreshed, &mut faults).await;
    find(state, graph, calls, &mut refreshed, &mut faults).await;
    if faults.is_empty() { Ok(refreshed) } else { Err(faults) }
}

/// Asks the cloud only for what no record tells: things that exist already, or were left standing.
///
/// # Errors
/// As [`refresh`].
pub async fn look_up(state: &State, graph: &ResourceGraph, calls: &Calls) -> Result<Refreshed, Vec<(Address, Fault)>> {
    let mut refreshed = Refreshed::default();
    let mut faults = Vec::new();
    find(state, graph, calls, &mut refreshed, &mut faults).await;
    if faults.is_empty() { Ok(refreshed) } else { Err(faults) }
}

/// How everything is that is recorded.
async fn read(state: &State, calls: &Calls, refreshed: &mut Refreshed, faults: &mut Vec<(Address, Fault)>) {
    let now = Instant::now();
    let (numbers, places): (Vec<Option<u64>>, Vec<Place>) = recorded(state).unzip();
    if !places.is_empty() {
        let readings = calls.read_many(&places).await;
        let mut again = JoinSet::new();
        let mut all: Vec<Option<Result<Reading, Fault>>> = Vec::with_capacity(places.len());
        for (at, ((number, place), reading)) in numbers.iter().zip(&places).zip(readings).enumerate() {
            let (calls, place) = (calls.clone(), place.clone());
            all.push(match reading {
                // One that did not go through with the others is asked for by itself.
                Err(fault) if passes_later(fault.kind) => {
                    again.spawn(async move { (at, calls.read(&place).await) });
                    None
                }
                // It may have been made so lately that it is not seen yet.
                Ok(Reading::Gone) if is_incomplete(state, *number, &place.address) => {
                    let until = now + calls.provider.patience(&place.kind).consistency;
                    again.spawn(async move { (at, seen(&place, until, &calls).await) });
                    None
                }
                reading => Some(reading),
            });
        }
        for (at, reading) in again.join_all().await {
            all[at] = Some(reading);
        }
        for ((number, place), reading) in numbers.into_iter().zip(places).zip(all.into_iter().flatten()) {
            match (reading, number) {
                (Ok(reading), None) => drop(refreshed.readings.insert(place.address, reading)),
                (Ok(reading), Some(number)) => drop(refreshed.retired.insert(number, reading)),
                (Err(fault), _) => faults.push((place.address, fault)),
            }
        }
    }
}

/// What is not recorded, and may be there.
async fn find(
    state: &State,
    graph: &ResourceGraph,
    calls: &Calls,
    refreshed: &mut Refreshed,
    faults: &mut Vec<(Address, Fault)>,
) {
    let mut sought = Vec::new();
    for (at, resource) in graph.in_order().enumerate() {
        if let Some(recorded) = state.resources.get(&resource.address)
            && (!is_gone(refreshed, &resource.address) || resource.lifecycle.start.is_empty())
            && !plan::means_another(resource, recorded, state)
        {
            continue;
        }
        let owner = Owner { lineage: state.lineage.clone(), address: resource.address.clone(), token: "".into() };
        let mut seeks = Vec::new();
        if resource.lifecycle.start.is_empty() {
            seeks.push(Seek::Identity);
        } else if resource.lifecycle.terminate.is_empty() {
            // It may have been left standing by an earlier teardown, under the address that it had then.
            let former = |address: &Address| Owner { address: address.clone(), ..owner.clone() };
            seeks.extend(std::iter::once(owner.clone()).chain(resource.formerly.iter().map(former)).map(Seek::Owned));
        }
        if !seeks.is_empty() {
            sought.push((at, resource, owner, seeks));
        }
    }
    // What refers to something that is found can be looked for after that: in as many rounds as it takes.
    loop {
        let world = Round { state, refreshed };
        let mut looking = JoinSet::new();
        let mut later = Vec::new();
        for (at, resource, owner, seeks) in sought {
            let Some(inputs) = known_inputs(resource, &world) else {
                later.push((at, resource, owner, seeks));
                continue;
            };
            let samples = samples(resource, &world);
            let want = Want { kind: resource.schema.kind.clone(), inputs, samples, owner };
            let calls = calls.clone();
            looking.spawn(async move { (at, look(&want, &seeks, &calls).await, want.owner.address) });
        }
        let mut all = looking.join_all().await;
        all.sort_by_key(|(at, ..)| *at);
        let mut is_more_known = false;
        for (_, found, address) in all {
            match found {
                Ok(Some(found)) => {
                    is_more_known = true;
                    refreshed.found.insert(address, found);
                }
                Ok(None) => {}
                Err(fault) => faults.push((address, fault)),
            }
        }
        sought = later;
        if sought.is_empty() || !is_more_known {
            break;
        }
    }
}

/// What is known in a round of looking: what is recorded, and what was found before.
struct Round<'a> {
    state: &'a State,
    refreshed: &'a Refreshed,
}

impl Known for Round<'_> {
    fn id(&self, address: &Address) -> Option<Arc<str>> {
        let found = self.refreshed.found.get(address).map(|found| found.id.clone());
        found.or_else(|| self.state.id(address))
    }

    fn output(&self, address: &Address, attribute: &Name) -> Option<Value> {
        match self.refreshed.found.get(address) {
            Some(found) => found.here.outputs.get(attribute).cloned(),
            None => self.state.output(address, attribute),
        }
    }
}

/// Where everything is that is recorded; what was replaced with its number.
fn recorded(state: &State) -> impl Iterator<Item = (Option<u64>, Place)> {
    let current = state.resources.iter().map(|(address, recorded)| (None, place_of(address, recorded)));
    let retired = state.retired.iter();
    current.chain(retired.map(|(number, old)| (Some(*number), place_of(&old.address, &old.recorded))))
}

/// The first that is there of what is sought.
async fn look(want: &Want, seeks: &[Seek], calls: &Calls) -> Result<Option<Found>, Fault> {
    for seek in seeks {
        let Some(id) = calls.find(want, seek).await? else {
            continue;
        };
        let place = Place {
            kind: want.kind.clone(),
            id: id.clone(),
            address: want.owner.address.clone(),
            inputs: want.inputs.clone(),
            outputs: Fields::new(),
        };
        if let Reading::Here(here) = calls.read(&place).await? {
            return Ok(Some(Found { id, here }));
        }
    }
    Ok(None)
}

fn is_gone(refreshed: &Refreshed, address: &Address) -> bool {
    matches!(refreshed.readings.get(address), Some(Reading::Gone))
}

fn is_incomplete(state: &State, number: Option<u64>, address: &Address) -> bool {
    let recorded = match number {
        None => state.resources.get(address),
        Some(number) => state.retired.get(&number).map(|retired| &retired.recorded),
    };
    recorded.is_some_and(|recorded| recorded.status == Status::Incomplete)
}

/// The inputs of a resource, when none of them waits for something to be made.
fn known_inputs(resource: &Resource, world: &dyn Known) -> Option<Fields> {
    let mut inputs = Fields::new();
    for (name, input) in &resource.inputs {
        match input.term.settle(world).ok()? {
            Term::Known(value) => inputs.insert(name.clone(), value),
            _ => return None,
        };
    }
    Some(inputs)
}
