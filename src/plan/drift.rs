//! What somebody else did: where the cloud says otherwise than the record. It is shown whether or not the
//! program has something to say about it, and recorded before anything is changed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::graph::ResourceGraph;
use crate::model::resource::Resource;
use crate::model::unordered::Unordered;
use crate::name::{Address, Name};
use crate::plan::{Plan, Refreshed, Request};
use crate::state::observed::{Here, Reading};
use crate::state::record::Record;
use crate::state::{Recorded, State, Status};
use crate::value::{Fields, Value};

/// A thing that is not as it was recorded.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    pub address: Address,
    pub template: Name,
    pub id: Arc<str>,
    pub what: Drifted,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Drifted {
    /// Nothing has the id any more.
    Gone,
    Attributes(Vec<Difference>),
}

/// An attribute as it was recorded, and as it was found.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    pub name: Name,
    pub recorded: Value,
    pub found: Value,
}

/// Everything in which the cloud and the record differ, in the order of the addresses.
pub fn drift(state: &State, refreshed: &Refreshed, graph: &ResourceGraph) -> Vec<Drift> {
    let mut all = Vec::new();
    for (address, recorded) in &state.resources {
        let what = match refreshed.readings.get(address) {
            None => continue,
            Some(Reading::Gone) => Drifted::Gone,
            Some(Reading::Here(here)) => {
                let ours = is_ours(address, recorded, graph);
                let mut differences = differences(recorded, here, ours, graph.get(address));
                // How the cloud made it is recorded when its start comes to its end.
                differences
                    .retain(|one| recorded.status != Status::Incomplete || !is_immutable(address, &one.name, graph));
                if differences.is_empty() {
                    continue;
                }
                Drifted::Attributes(differences)
            }
        };
        all.push(Drift {
            address: address.clone(),
            template: recorded.template.clone(),
            id: recorded.id.clone(),
            what,
        });
    }
    all
}

fn is_immutable(address: &Address, name: &Name, graph: &ResourceGraph) -> bool {
    let attribute = graph.get(address).and_then(|resource| resource.schema.attributes.get(name));
    attribute.is_some_and(|attribute| attribute.modifiers.immutable)
}

/// Of what exists without us, the record has what the program says, not what was ever there.
fn is_ours(address: &Address, recorded: &Recorded, graph: &ResourceGraph) -> bool {
    match graph.get(address) {
        Some(resource) => !resource.lifecycle.start.is_empty(),
        None => !recorded.lifecycle.start.is_empty(),
    }
}

/// Attributes that the program set are compared, and those that the provider filled in; what else the cloud
/// tells was nobody's wish.
fn differences(recorded: &Recorded, here: &Here, ours: bool, resource: Option<&Resource>) -> Vec<Difference> {
    let same = |name: &Name, one: &Value, two: &Value| match resource {
        Some(resource) => resource.schema.same(name, one, two),
        // Which of its lists are kept as sets is not known any more.
        None => Unordered::default().same(true, one, two),
    };
    let compare = |old: &Fields, new: &Fields| -> Vec<Difference> {
        let pairs = new.iter().filter_map(|(name, found)| Some((name, old.get(name)?, found)));
        pairs
            .filter(|(name, recorded, found)| !same(name, recorded, found))
            .filter(|(name, ..)| resource.is_none_or(|resource| !resource.ignored.contains(*name)))
            // No cloud tells a secret: what it says in its place is neither compared nor shown.
            .filter(|(_, recorded, found)| !recorded.holds_secret() || found.holds_secret())
            .map(|(name, recorded, found)| Difference {
                name: name.clone(),
                recorded: recorded.clone(),
                found: found.clone(),
            })
            .collect()
    };
    let mut all = if ours { compare(&recorded.inputs, &here.inputs) } else { Vec::new() };
    all.extend(compare(&recorded.outputs, &here.outputs));
    all
}

/// The plan that records what was found and changes nothing. Names are those of the record.
pub fn found(state: &State, refreshed: &Refreshed, graph: &ResourceGraph, request: Request) -> Plan {
    let mut drift = drift(state, refreshed, graph);
    let all = drift.len();
    drift.retain(|one| request.scope.names(&one.address));
    let unchanged = state.resources.len() - all;
    Plan { unchanged, drift, ..request.plan(state, !state.resources.is_empty()) }
}

/// The records by which the state says what was found. What is gone stays recorded, unless `forget` says
/// otherwise: making it anew, or taking its address away, is a change like any other.
pub fn seen(state: &State, drift: &[Drift], forget: bool) -> Vec<Record> {
    let mut records = Vec::new();
    for Drift { address, what, id, .. } in drift {
        match what {
            // What was there without this environment is kept in mind: what was made of it is here still.
            Drifted::Gone if forget && state.resources.get(address).is_none_or(Recorded::is_ours) => {
                records.push(Record::Forgotten { address: address.clone(), id: id.clone(), gone: true });
            }
            Drifted::Gone => {}
            Drifted::Attributes(differences) => {
                let Some(recorded) = state.resources.get(address).filter(|recorded| recorded.id == *id) else {
                    continue;
                };
                let mut recorded = recorded.clone();
                for Difference { name, found, .. } in differences {
                    // Whatever it was at creation: this was somebody else.
                    recorded.requested.remove(name);
                    let fields = [&mut recorded.inputs, &mut recorded.outputs];
                    for value in fields.into_iter().filter_map(|fields| fields.get_mut(name)) {
                        *value = found.clone();
                    }
                }
                records.push(Record::Seen { address: address.clone(), recorded: Box::new(recorded) });
            }
        }
    }
    records
}
