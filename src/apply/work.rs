//! What a step has to do: everything that the program and the record say of it, settled with all that is
//! known when its turn comes.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::apply::provider::{Fault, FaultKind, Reading};
use crate::apply::step::{Wanted, Work};
use crate::graph::ResourceGraph;
use crate::limits;
use crate::model::action::{Action, Verb};
use crate::model::resource::Resource;
use crate::model::term::{Known, Term};
use crate::name::Name;
use crate::plan::{Change, ChangeKind, Left, Part, Planned, Refreshed};
use crate::state::{Kept, Late, Recorded, State, Status};
use crate::value::{Fields, SealingKey};

/// The work of one step, with everything that it depends on known by now.
pub(super) fn work(
    change: &Change,
    part: Part,
    graph: &ResourceGraph,
    refreshed: &Refreshed,
    state: &State,
    key: &SealingKey,
) -> Result<Work, Fault> {
    let mut wanted = None;
    if part == Part::Make {
        let Some(resource) = graph.get(&change.address) else {
            unreachable!("`{}` is planned from the program, and is not in it", change.address)
        };
        let mut inputs = Fields::new();
        for (name, input) in &resource.inputs {
            let settled = input
                .term
                .settle(state)
                .map_err(|message| Fault::new(FaultKind::Refused, message).on(name.as_str()))?;
            let Term::Known(mut value) = settled else {
                let message = format!("`{name}` is not known though everything that it needs was started");
                return Err(Fault::new(FaultKind::Refused, message).on(name.as_str()));
            };
            value.seal(key);
            inputs.insert(name.clone(), value);
        }
        as_planned(change, &inputs)?;
        if !resource.lifecycle.start.is_empty() {
            taken(&resource.schema.kind, &inputs)?;
        }
        let mut samples = samples(resource, state);
        samples.values_mut().for_each(|value| value.seal(key));
        let lifecycle = resource
            .lifecycle
            .try_map(|action| action.partly(state).map(Some))
            .map_err(|message| Fault::new(FaultKind::Refused, message))?;
        wanted = Some(Wanted {
            template: resource.template.clone(),
            kind: resource.schema.kind.clone(),
            schema: resource.schema.clone(),
            inputs,
            requested: Fields::new(),
            samples,
            lifecycle,
            dependencies: graph.needs(&change.address).into_iter().cloned().collect(),
            protected: resource.protected.is_some(),
        });
    }
    let mut present = match part {
        Part::Make => state.resources.get(&change.address).cloned(),
        Part::Unmake => change.unmade(state).cloned(),
    };
    if let Some(present) = present.as_mut().filter(|present| change.persistent && !present.is_deleted()) {
        // What is recorded of it stays as it is: after a crash, it is to be kept again until somebody asks anew.
        present.lifecycle.terminate.push(Action::plain(Verb::Delete));
    }
    let reading = refreshed.readings.get(&change.address);
    let found = refreshed.found.get(&change.address);
    // What is recorded, if anything, is another one.
    let lost = present.take_if(|_| change.kind == ChangeKind::Adopt && found.is_some());
    let lost = lost.filter(|_| matches!(reading, Some(Reading::Gone)));
    if let (Part::Make, Some(present), Some(Reading::Here(here))) = (part, &mut present, reading) {
        // The update starts from what is there, not from what was there.
        for (name, value) in &here.inputs {
            present.inputs.insert(name.clone(), value.clone());
        }
    }
    if let (None, Some(found), Some(wanted)) = (&present, found, &mut wanted) {
        let is_same = |kept: &&Kept| kept.recorded.kind == wanted.kind && kept.recorded.id == found.id;
        let before = state.kept.iter().find(is_same).map(|kept| &kept.recorded.requested);
        // What cannot change in place is recorded as it is; the next plan says what that means. What the cloud had set
        // otherwise when it was created is no difference now either.
        let attributes = graph.get(&change.address).map(|resource| &resource.schema.attributes);
        for attribute in attributes.into_iter().flat_map(|all| all.values()).filter(|one| one.modifiers.immutable) {
            if let Some(is) = found.here.inputs.get(&attribute.name) {
                let asked = wanted.inputs.insert(attribute.name.clone(), is.clone());
                let asked = asked.filter(|asked| before.and_then(|before| before.get(&attribute.name)) == Some(asked));
                wanted.requested.extend(asked.map(|asked| (attribute.name.clone(), asked)));
            }
        }
        // Of what the cloud does not tell (a region, say) nothing else can be assumed.
        let mut inputs = wanted.inputs.clone();
        inputs.extend(found.here.inputs.clone());
        present = Some(Recorded {
            template: wanted.template.clone(),
            kind: wanted.kind.clone(),
            id: found.id.clone(),
            status: Status::Live,
            inputs,
            requested: Fields::new(),
            outputs: found.here.outputs.clone(),
            dependencies: BTreeSet::new(),
            lifecycle: Default::default(),
            protected: wanted.protected,
            course: None,
        });
    }
    if let (ChangeKind::Update | ChangeKind::Adopt, Some(resource), Some(present), Some(wanted)) =
        (change.kind, graph.get(&change.address), &present, &mut wanted)
    {
        // What somebody else owns stays as it is.
        for name in &resource.ignored {
            match present.inputs.get(name) {
                Some(is) => drop(wanted.inputs.insert(name.clone(), is.clone())),
                None => drop(wanted.inputs.remove(name)),
            }
        }
    }
    let kind = wanted.as_ref().map(|wanted| wanted.kind.clone());
    let is_of = |late: &&Late| Some(&late.kind) == kind.as_ref();
    let incomplete = present.as_ref().is_some_and(|present| present.status == Status::Incomplete);
    let inputs_differ = incomplete || change.changes_inputs();
    Ok(Work {
        kind: change.kind,
        part,
        address: change.address.clone(),
        late: state.late.get(&change.address).filter(|late| is_of(late)).map(|late| late.token.clone()),
        wanted,
        present,
        lost,
        inputs_differ,
        gone: change.left == Some(Left::Gone),
        key: key.clone(),
    })
}

/// What `check` could not ask, since it was not known then.
fn taken(kind: &str, inputs: &Fields) -> Result<(), Fault> {
    let Some(broken) = limits::first(kind, inputs) else { return Ok(()) };
    let mut fault = Fault::new(FaultKind::Refused, format!("{}: {}", broken.message, broken.label));
    fault.help = broken.help;
    Err(broken.attributes.first().map_or(fault.clone(), |attribute| fault.on(attribute)))
}

/// What the library expects the provider to fill in, as far as it is known.
pub(super) fn samples(resource: &Resource, world: &dyn Known) -> Fields {
    let known = |(name, term): (&Name, &Arc<Term>)| match term.settle(world) {
        Ok(Term::Known(value)) => Some((name.clone(), value)),
        Ok(_) | Err(_) => None,
    };
    resource.samples.iter().filter_map(known).collect()
}

/// A plan is kept: a value that it showed is the value that is used.
fn as_planned(change: &Change, inputs: &Fields) -> Result<(), Fault> {
    for attribute in &change.attributes {
        if let Planned::Value(planned) = &attribute.new
            && let Some(value) = inputs.get(&attribute.name)
            && value != planned
        {
            let message = format!("`{}` has become another value than the plan shows", attribute.name);
            return Err(Fault::new(FaultKind::Refused, message)
                .on(attribute.name.as_str())
                .help("something it is made from changed while applying; plan again"));
        }
    }
    Ok(())
}
