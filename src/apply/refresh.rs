//! What the cloud has, before planning: everything recorded in as few calls as it allows, and what
//! the program says exists already.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::apply::limit::{Calls, passes_later};
use crate::apply::provider::{Fault, FaultKind, Owned, Owner, Place, Reading, Seek, Want};
use crate::apply::step::{place_of, seen};
use crate::apply::work::samples;
use crate::graph::ResourceGraph;
use crate::model::resource::{Input, Resource};
use crate::model::term::{Known, Term};
use crate::name::{Address, Name};
use crate::plan::{self, Found, Refreshed, Stray};
use crate::printable::{Plain, shell_word};
use crate::state::{Recorded, State, Status};
use crate::value::{Fields, Value};

/// Asks the cloud.
///
/// # Errors
/// For each resource that it did not answer for: a plan without it would be a guess.
pub async fn refresh(state: &State, graph: &ResourceGraph, calls: &Calls) -> Result<Refreshed, Vec<(Address, Fault)>> {
    let mut refreshed = Refreshed::default();
    let mut faults = Vec::new();
    read(state, calls, &mut refreshed, &mut faults).await;
    list(state, graph, calls, &mut refreshed).await;
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

/// What the cloud holds of the environment and the record does not.
async fn list(state: &State, graph: &ResourceGraph, calls: &Calls, refreshed: &mut Refreshed) {
    if state.serial == 0 && state.next_op == 1 {
        // Nothing bears its lineage yet.
        return;
    }
    let unrecorded = graph.in_order().filter(|resource| !state.resources.contains_key(&resource.address));
    let owned = match calls.owned(state, unrecorded.map(|resource| site(resource, state)).collect()).await {
        Ok(owned) => owned.unwrap_or_default(),
        Err(fault) => return refreshed.unlisted = Some(fault.to_string()),
    };
    let recorded: HashSet<(&str, &str)> = state.things().map(|(_, one)| (&*one.kind, &*one.id)).collect();
    let kept = state.kept.iter().map(|kept| &kept.recorded);
    let kept: HashSet<(&str, &str)> = kept.map(|one| (&*one.kind, &*one.id)).collect();
    // What is being made now is found by whoever recovers it.
    let begun: HashSet<&Address> = state.unfinished.values().map(|began| &began.address).collect();
    for Owned { kind, id, address, remains } in owned {
        if kept.contains(&(&*kind, &*id)) {
            refreshed.owned.insert((kind, id));
        } else if !recorded.contains(&(&*kind, &*id)) && !begun.contains(&address) {
            refreshed.strays.push(Stray { address, kind, id, remains });
        }
    }
}

/// Where a resource of the program will live, as far as that is known.
fn site(resource: &Resource, state: &State) -> Place {
    let known = |(name, input): (&Name, &Input)| match input.term.settle(state) {
        Ok(Term::Known(value)) => Some((name.clone(), value)),
        Ok(_) | Err(_) => None,
    };
    let lives = |(name, _): &(&Name, &Input)| ["region", "profile"].contains(&name.as_str());
    Place {
        kind: resource.schema.kind.clone(),
        id: "".into(),
        address: resource.address.clone(),
        inputs: resource.inputs.iter().filter(lives).filter_map(known).collect(),
        outputs: Fields::new(),
    }
}

/// What may be the resource of a component that none is recorded for.
struct Sought<'a> {
    at: usize,
    resource: &'a Resource,
    owner: Owner,
    seeks: Vec<Seek>,
    /// That which was left standing last under its address.
    kept: Option<&'a Recorded>,
    /// What the cloud holds of this environment under its address.
    strays: Vec<Arc<str>>,
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
    let mut strays_at: HashMap<(&str, &Address), Vec<Arc<str>>> = HashMap::new();
    let strays = std::mem::take(&mut refreshed.strays);
    for Stray { kind, address, id, .. } in &strays {
        strays_at.entry((kind, address)).or_default().push(id.clone());
    }
    // Of several, the last one.
    let kept_at: HashMap<(&str, &Address), &Recorded> =
        state.kept.iter().map(|kept| ((&*kept.recorded.kind, &kept.address), &kept.recorded)).collect();
    for (at, resource) in graph.in_order().enumerate() {
        if let Some(recorded) = state.resources.get(&resource.address)
            && (!is_gone(refreshed, &resource.address) || resource.lifecycle.start.is_empty())
            && !plan::means_another(resource, recorded, state)
        {
            continue;
        }
        let owner = Owner { lineage: state.lineage.clone(), address: resource.address.clone(), token: "".into() };
        let mut seeks = Vec::new();
        let mut strays = Vec::new();
        let mut kept = None;
        let kind = &*resource.schema.kind;
        let addresses = || std::iter::once(&resource.address).chain(resource.formerly.iter().map(|one| &one.address));
        if resource.lifecycle.start.is_empty() {
            seeks.push(Seek::Identity);
        } else if resource.lifecycle.terminate.is_empty() {
            // It may have been left standing by an earlier teardown, under the address that it had then.
            let former = |address: &Address| Owner { address: address.clone(), ..owner.clone() };
            seeks.extend(addresses().map(former).map(Seek::Owned));
            kept = addresses().find_map(|address| kept_at.get(&(kind, address)).copied());
        }
        if !resource.lifecycle.start.is_empty() {
            strays.extend(addresses().filter_map(|address| strays_at.get(&(kind, address))).flatten().cloned());
        }
        if !seeks.is_empty() || !strays.is_empty() {
            sought.push(Sought { at, resource, owner, seeks, kept, strays });
        }
    }
    // What refers to something that is found can be looked for after that: in as many rounds as it takes.
    loop {
        let world = Round { state, refreshed };
        let mut looking = JoinSet::new();
        let mut later = Vec::new();
        for mut one in sought {
            let (at, resource) = (one.at, one.resource);
            let inputs = match known_inputs(resource, one.kept, &world) {
                Some(inputs) => inputs,
                // A list has told of it: where it lives is enough to look at it.
                None if !one.strays.is_empty() => {
                    one.seeks.clear();
                    site(resource, state).inputs
                }
                None => {
                    later.push(one);
                    continue;
                }
            };
            let Sought { owner, seeks, kept, strays, .. } = one;
            let samples = samples(resource, &world);
            let want = Want { kind: resource.schema.kind.clone(), inputs, samples, owner };
            let kept = kept.map(|kept| place_of(&resource.address, kept));
            let calls = calls.clone();
            looking.spawn(async move {
                let found = look(&want, &seeks, kept.as_ref(), &strays, &calls).await;
                (at, found, want.owner.address)
            });
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
    let taken: HashSet<Arc<str>> = refreshed.found.values().map(|found| found.id.clone()).collect();
    refreshed.strays = strays.into_iter().filter(|stray| !taken.contains(&stray.id)).collect();
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
async fn look(
    want: &Want,
    seeks: &[Seek],
    kept: Option<&Place>,
    strays: &[Arc<str>],
    calls: &Calls,
) -> Result<Option<Found>, Fault> {
    let place = |id: &Arc<str>| Place {
        kind: want.kind.clone(),
        id: id.clone(),
        address: want.owner.address.clone(),
        inputs: want.inputs.clone(),
        outputs: Fields::new(),
    };
    for seek in seeks {
        let place = match (calls.find(want, seek).await, kept) {
            (Ok(Some(id)), _) => place(&id),
            (Ok(None), _) => continue,
            // Of several, the record knows which one had the address last.
            (Err(fault), Some(kept)) if !passes_later(fault.kind) => kept.clone(),
            (Err(fault), _) => return Err(fault),
        };
        if let Reading::Here(here) = calls.read(&place).await? {
            return Ok(Some(Found { id: place.id, here }));
        }
    }
    let mut there = Vec::new();
    for id in strays {
        if let Reading::Here(here) = calls.read(&place(id)).await? {
            there.push(Found { id: id.clone(), here });
        }
    }
    match there.len() {
        0 | 1 => Ok(there.pop()),
        several => {
            let ids: Vec<String> = there.iter().take(5).map(|found| Plain(&found.id).to_string()).collect();
            let address = &want.owner.address;
            let text = format!("this environment has {several} of it that are not recorded: {}", ids.join(", "));
            let help = format!(
                "record one of them with `tadpole import {} ID`, and delete the others",
                shell_word(&address.to_string())
            );
            Err(Fault::new(FaultKind::Refused, text).help(help))
        }
    }
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

/// The inputs of a resource, when none of them waits for something to be made. What is not known yet is taken to be
/// as it was of the one that was left standing.
fn known_inputs(resource: &Resource, kept: Option<&Recorded>, world: &dyn Known) -> Option<Fields> {
    let mut inputs = Fields::new();
    for (name, input) in &resource.inputs {
        match input.term.settle(world).ok()? {
            Term::Known(value) => inputs.insert(name.clone(), value),
            _ => inputs.insert(name.clone(), kept?.inputs.get(name)?.clone()),
        };
    }
    Some(inputs)
}
