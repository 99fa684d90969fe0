//! Undoing what a run that failed has made: what it created goes, and nothing older. What cannot be undone
//! is known before the run.

use std::collections::BTreeSet;

use crate::graph::ResourceGraph;
use crate::model::resource::Order;
use crate::name::{Address, Table};
use crate::plan::diff::removal;
use crate::plan::{Change, ChangeKind, Plan, Request, schedule};
use crate::state::{Recorded, State};
use crate::value::{Reference, Value};

/// Changes that stay when something fails after them.
pub fn lasting(plan: &Plan) -> impl Iterator<Item = &Change> {
    plan.changes.iter().filter(|change| match change.kind {
        ChangeKind::Update | ChangeKind::Terminate => true,
        ChangeKind::Replace => change.order == Some(Order::DeleteFirst),
        // They only make something, or only record.
        ChangeKind::Start | ChangeKind::Revive | ChangeKind::Adopt | ChangeKind::Forget | ChangeKind::Report => false,
    })
}

/// What takes down everything that a run of this plan made, by what is recorded afterwards. What something
/// older refers to by now stays, and so does what has no terminate actions.
pub fn rollback(plan: &Plan, state: &State) -> Plan {
    let makes = |change: &&Change| match change.kind {
        ChangeKind::Start | ChangeKind::Revive => true,
        ChangeKind::Replace => change.order == Some(Order::CreateFirst),
        ChangeKind::Update | ChangeKind::Adopt | ChangeKind::Terminate | ChangeKind::Forget | ChangeKind::Report => {
            false
        }
    };
    let changes = plan.changes.iter().filter(makes);
    let mut made: Table<&Address, ChangeKind> =
        changes.filter(|change| is_made(change, state)).map(|change| (&change.address, change.kind)).collect();
    let mut kept: Vec<&Recorded> = Vec::new();
    kept.extend(state.resources.iter().filter(|(address, _)| !made.contains_key(address)).map(|(_, kept)| kept));
    while let Some(recorded) = kept.pop() {
        for needed in &recorded.dependencies {
            let (Some(kind), Some(new)) = (made.get(needed), state.resources.get(needed)) else { continue };
            // What was replaced is needed by its address; that may still be the old one.
            if *kind != ChangeKind::Replace || recorded.inputs.values().any(|value| refers(value, &new.id)) {
                made.remove(needed);
                kept.push(new);
            }
        }
    }
    let made: BTreeSet<&Address> = made.into_keys().collect();
    let recorded = made.into_iter().rev().filter_map(|address| Some((address, state.resources.get(address)?)));
    let changes: Vec<Change> = recorded.map(|(address, recorded)| removal(address, recorded, false, false)).collect();
    let steps = schedule::steps(&changes, &ResourceGraph::empty(None), state);
    let request = Request {
        project: plan.project.clone(),
        environment: plan.environment.clone(),
        purpose: plan.purpose,
        scope: plan.scope.clone(),
        refresh: false,
        persistent: false,
    };
    Plan { changes, steps, ..request.plan(state, false) }
}

/// Whether there is something under the address that the run brought there, and that can be taken down.
fn is_made(change: &Change, state: &State) -> bool {
    let recorded = state.resources.get(&change.address).filter(|recorded| change.id.as_ref() != Some(&recorded.id));
    recorded.is_some_and(|recorded| !recorded.lifecycle.terminate.is_empty())
}

fn refers(value: &Value, to: &str) -> bool {
    matches!(value, Value::Reference(Reference { id, .. }) if **id == *to) || value.parts().any(|part| refers(part, to))
}
