//! What a change did to something else: an address that leads to a machine is the machine's address from then on. What
//! a finished step altered is read again, and recorded, before anything that is made of it. Steps that finish while a
//! read is under way share the next one.

use std::collections::{BTreeMap, BTreeSet};

use tokio::task::JoinSet;

use crate::apply::limit::Calls;
use crate::apply::provider::{Fault, Place, Reading};
use crate::apply::step::place_of;
use crate::graph::ResourceGraph;
use crate::name::Address;
use crate::plan::{Change, Part, Plan};
use crate::state::record::Record;
use crate::state::{Recorded, State};
use crate::value::Value;

/// Steps that have finished, whose neighbours are read before they count as finished.
pub(super) struct Neighbours {
    /// What goes in this plan need not be read.
    going: BTreeSet<Address>,
    waiting: Vec<(usize, Vec<Address>)>,
    reading: JoinSet<Looked>,
}

/// What one read of several told, and the steps that waited for it.
pub(super) struct Looked {
    pub steps: Vec<usize>,
    told: Vec<(Place, Result<Reading, Fault>)>,
}

impl Neighbours {
    pub fn new(plan: &Plan) -> Neighbours {
        let goes = |change: &&Change| change.kind.parts().contains(&Part::Unmake) && change.retired.is_none();
        let going = plan.changes.iter().filter(goes).map(|change| change.address.clone()).collect();
        Neighbours { going, waiting: Vec::new(), reading: JoinSet::new() }
    }

    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.reading.is_empty()
    }

    /// What a step may have altered: of what is made, what its type says; of what is gone, whatever it referred to.
    /// `old` is what was recorded before.
    pub fn altered(
        &self,
        change: &Change,
        part: Part,
        old: Option<&Recorded>,
        graph: &ResourceGraph,
        state: &State,
    ) -> Vec<Address> {
        let mut all = BTreeSet::new();
        let mut note = |value: &Value| {
            for (address, id) in value.references() {
                let is_here = state.resources.get(address).is_some_and(|recorded| recorded.id == *id);
                if is_here && !self.going.contains(address) && *address != change.address {
                    all.insert(address.clone());
                }
            }
        };
        match part {
            Part::Make => {
                let Some(resource) = graph.get(&change.address) else { return Vec::new() };
                let new = state.resources.get(&change.address);
                for (name, ..) in resource.alters() {
                    if change.decides(name) {
                        [old, new].into_iter().flatten().filter_map(|of| of.inputs.get(name)).for_each(&mut note);
                    }
                }
            }
            Part::Unmake => old.into_iter().flat_map(|old| old.inputs.values()).for_each(&mut note),
        }
        all.into_iter().collect()
    }

    /// Lets a step count as finished once these have been read.
    pub fn read_before(&mut self, step: usize, altered: Vec<Address>) {
        self.waiting.push((step, altered));
    }

    /// Begins to read what is waited for, unless a read is under way.
    pub fn go_on(&mut self, state: &State, calls: &Calls) {
        if !self.reading.is_empty() || self.waiting.is_empty() {
            return;
        }
        let (mut steps, mut places) = (Vec::new(), BTreeMap::new());
        for (step, altered) in std::mem::take(&mut self.waiting) {
            steps.push(step);
            for address in altered {
                if let Some(recorded) = state.resources.get(&address) {
                    places.insert(address.clone(), place_of(&address, recorded));
                }
            }
        }
        let (calls, places) = (calls.clone(), places.into_values().collect::<Vec<_>>());
        self.reading.spawn(async move {
            let told = calls.read_many(&places).await;
            Looked { steps, told: places.into_iter().zip(told).collect() }
        });
    }

    /// The next answer. Never, while nothing is read.
    pub async fn looked(&mut self) -> Looked {
        match self.reading.join_next().await {
            Some(Ok(looked)) => looked,
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            None => std::future::pending().await,
        }
    }
}

impl Looked {
    /// The records by which the state says what was told. One that could not be read is seen by the next plan.
    pub fn records(&self, state: &State) -> Vec<Record> {
        let mut records = Vec::new();
        for (place, told) in &self.told {
            let Ok(Reading::Here(here)) = told else { continue };
            let Some(recorded) = state.resources.get(&place.address).filter(|recorded| recorded.id == place.id) else {
                continue;
            };
            let mut outputs = recorded.outputs.clone();
            for (name, value) in outputs.iter_mut() {
                if let Some(told) = here.outputs.get(name) {
                    value.clone_from(told);
                }
            }
            if outputs != recorded.outputs {
                let recorded = Box::new(Recorded { outputs, ..recorded.clone() });
                records.push(Record::Seen { address: place.address.clone(), recorded });
            }
        }
        records
    }
}
