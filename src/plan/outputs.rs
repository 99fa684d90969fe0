//! What becomes of the program's outputs, and which assertions can be judged: both only see what the plan is
//! about.

use std::collections::BTreeSet;

use crate::diagnostic::Report;
use crate::graph::ResourceGraph;
use crate::model::resource::Assertion;
use crate::name::Address;
use crate::plan::diff::{World, planned};
use crate::plan::{Change, ChangeKind, OutputChange, Plan, Planned, Purpose, Request};
use crate::value::SealingKey;

/// Outputs that will have another value. Afterwards the world does not know any more what goes away.
pub(super) fn outputs(
    graph: &ResourceGraph,
    world: &mut World,
    changes: &[Change],
    request: &Request,
    key: &SealingKey,
    report: &mut Report,
) -> Vec<OutputChange> {
    let (mut made, mut unmade) = (BTreeSet::new(), BTreeSet::new());
    for change in changes.iter().filter(|change| change.retired.is_none()) {
        match change.kind {
            ChangeKind::Start | ChangeKind::Revive | ChangeKind::Replace => drop(made.insert(change.address.clone())),
            ChangeKind::Terminate | ChangeKind::Forget => drop(unmade.insert(change.address.clone())),
            ChangeKind::Adopt | ChangeKind::Update | ChangeKind::Report => {}
        }
    }
    world.unknown = made.iter().chain(&unmade).cloned().collect();
    let mut outputs = Vec::new();
    for output in &graph.outputs {
        let old = world.state.outputs.get(&output.name);
        let mut new = planned(&output.term, output.span, world, key, report);
        if matches!(new, Planned::Later(_)) && !request.scope.is_whole() {
            let mut needs = BTreeSet::new();
            output.term.needs(&mut needs);
            if !needs.is_disjoint(&unmade) && old.is_some() {
                new = Planned::Nothing;
            } else if needs.is_disjoint(&made) {
                // What it waits for is left out: it stays as it is.
                continue;
            }
        }
        if !matches!((&new, old), (Planned::Value(new), Some(old)) if new == old) {
            outputs.push(OutputChange { name: output.name.clone(), old: old.cloned(), new });
        }
    }
    if request.keeps_outputs() {
        return outputs;
    }
    for (name, old) in &world.state.outputs {
        if !graph.outputs.iter().any(|output| output.name == *name) {
            outputs.push(OutputChange { name: name.clone(), old: Some(old.clone()), new: Planned::Nothing });
        }
    }
    outputs
}

impl Request {
    fn keeps_outputs(&self) -> bool {
        keeps_outputs(self.purpose, self.scope.is_whole())
    }
}

/// Of what is destroyed in part, the program may not be there to say which outputs go with it.
fn keeps_outputs(purpose: Purpose, whole: bool) -> bool {
    purpose == Purpose::Destroy && !whole
}

impl Plan {
    /// Whether an output stays that the program does not have.
    pub fn keeps_outputs(&self) -> bool {
        keeps_outputs(self.purpose, self.scope.is_whole())
    }

    /// Whether an output goes that the program has: what it was made of is taken down.
    pub fn unsets(&self, output: &str) -> bool {
        self.outputs.iter().any(|change| change.name.as_str() == output && change.new == Planned::Nothing)
    }

    /// Whether an assertion can be judged when the plan is carried out: not, if what it is about was left
    /// out.
    pub fn judges(&self, assertion: &Assertion) -> bool {
        self.left_out.is_empty() || {
            let needs = assertion.needs();
            !self.left_out.iter().any(|address: &Address| needs.contains(address))
        }
    }
}
