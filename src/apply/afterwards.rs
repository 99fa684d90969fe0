//! What is recorded without a call: before anything is changed, what the plan starts from; at the end, what the
//! program says besides.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::apply::Outcome;
use crate::diagnostic::Diagnostic;
use crate::graph::ResourceGraph;
use crate::model::action::List;
use crate::model::term::Term;
use crate::name::{Address, Name};
use crate::plan::{self, Part, Plan};
use crate::state::ledger::Ledger;
use crate::state::record::Record;
use crate::state::store::StoreFault;
use crate::state::{Recorded, State};
use crate::value::{SealingKey, Value};

/// Records what the plan starts from: new addresses, and things as they were found. What is planned was
/// planned with these.
pub(super) fn catch_up(plan: &Plan, ledger: &mut Ledger) -> Result<(), StoreFault> {
    if !plan.moves.is_empty() {
        ledger.record(vec![Record::Moved { moves: plan.moves.clone() }])?;
    }
    if !plan.reverts.is_empty() {
        ledger.record(plan.reverts.iter().map(|revert| Record::Restored { op: revert.retired }).collect())?;
    }
    let mut records = plan::seen(ledger.state(), &plan.drift, false);
    records.extend(spared(plan, ledger.state()));
    ledger.record(records)
}

/// Things whose end was begun, and that live on: what was done for it, a backup for one, will be done again when
/// they end after all.
fn spared(plan: &Plan, state: &State) -> Vec<Record> {
    let ending = |recorded: &Recorded| {
        recorded.course.as_ref().is_some_and(|course| course.lists.contains_key(&List::Terminate))
    };
    let is_ended = |address: &Address, id: &str| {
        let ends = plan.changes.iter().filter(|change| change.kind.parts().contains(&Part::Unmake));
        ends.into_iter().any(|change| change.address == *address && change.id.as_deref().is_none_or(|of| of == id))
    };
    let spared = state.things().filter(|(address, recorded)| ending(recorded) && !is_ended(address, &recorded.id));
    spared.map(|(address, recorded)| Record::Anew { address: address.clone(), id: recorded.id.clone() }).collect()
}

/// Records what the cloud said, for a plan that is about nothing else.
///
/// # Errors
/// When the store cannot keep it.
pub fn record(plan: &Plan, ledger: &mut Ledger) -> Result<(), StoreFault> {
    let seen = plan::seen(ledger.state(), &plan.drift, true);
    ledger.record(seen)?;
    ledger.compact()
}

/// Records what the program says otherwise than the record does and needs no change in the cloud: the
/// order of things, above all, in which they will be taken down.
///
/// # Errors
/// When the store cannot keep it.
pub fn settle(plan: &Plan, graph: &ResourceGraph, ledger: &mut Ledger, key: &SealingKey) -> Result<(), StoreFault> {
    catch_up(plan, ledger)?;
    let records = afterwards(plan, graph, ledger.state(), key, &mut Outcome::default());
    ledger.record(records)?;
    ledger.compact()
}

/// What is recorded at the end, without a call: outputs, and what the program says of resources that
/// did not change otherwise. What still has to change keeps what is recorded of it, above all what it needs:
/// that is what it will be taken down by.
pub(super) fn afterwards(
    plan: &Plan,
    graph: &ResourceGraph,
    state: &State,
    key: &SealingKey,
    outcome: &mut Outcome,
) -> Vec<Record> {
    let done: HashSet<&Address> = outcome.done.iter().collect();
    let acting = plan.changes.iter().filter(|change| change.kind.acts()).map(|change| &change.address);
    let pending: HashSet<&Address> = acting.filter(|address| !done.contains(address)).chain(&plan.left_out).collect();
    let mut records = Vec::new();
    for resource in graph.in_order().filter(|resource| !pending.contains(&resource.address)) {
        let Some(recorded) = state.resources.get(&resource.address) else {
            continue;
        };
        let dependencies: BTreeSet<Address> = graph.needs(&resource.address).into_iter().cloned().collect();
        let protected = resource.protected.is_some();
        let is_as_said = recorded.template == resource.template && recorded.protected == protected;
        if recorded.dependencies != dependencies || !is_as_said {
            let template = resource.template.clone();
            let recorded = Recorded { dependencies, template, protected, ..recorded.clone() };
            records.push(Record::Seen { address: resource.address.clone(), recorded: Box::new(recorded) });
        }
    }
    let exchanged = plan::exchanges(graph);
    if state.exchanged != exchanged {
        records.push(Record::Exchanged { exchanged });
    }
    let mut outputs: BTreeMap<Name, Value> = BTreeMap::new();
    for output in &graph.outputs {
        match output.term.settle(state) {
            Ok(Term::Known(mut value)) => {
                value.seal(key);
                outputs.insert(output.name.clone(), value);
            }
            Err(message) => outcome.broken.push(
                Diagnostic::error(
                    "cloud::value::impossible",
                    format!("the output `{}` has no value: {message}", output.name),
                )
                .label(output.span, "declared here"),
            ),
            Ok(_) if plan.unsets(output.name.as_str()) => {}
            // After a failure the last known value is better than none.
            Ok(_) => outputs.extend(state.outputs.get(&output.name).map(|old| (output.name.clone(), old.clone()))),
        }
    }
    if plan.keeps_outputs() {
        let others = state.outputs.iter().filter(|(name, _)| graph.outputs.iter().all(|output| output.name != **name));
        outputs.extend(others.map(|(name, value)| (name.clone(), value.clone())));
    }
    if outputs != state.outputs && (outcome.failed.is_empty() || !outputs.is_empty()) {
        records.push(Record::Outputs { outputs });
    }
    records
}
