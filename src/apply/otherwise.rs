//! Immutable attributes that the cloud set to another value than the program asked for, at creation: a disk from an
//! encrypted snapshot is encrypted whatever the call says. Replacing the resource would give the same again, without
//! what is in it. So they are recorded as they are, together with what was asked for; while the program asks for the
//! same, that is no change.

use crate::apply::event::Event;
use crate::apply::provider::{Fault, FaultKind, Here};
use crate::apply::step::{Step, Wanted};
use crate::model::schema::Schema;
use crate::name::Name;
use crate::state::Recorded;
use crate::value::{Fields, Value};

/// What was asked for, and is otherwise.
fn otherwise<'w>(wanted: &'w Fields, schema: &Schema, here: &Here) -> Vec<(&'w Name, &'w Value, Value)> {
    let is_immutable = |name: &Name| schema.attributes.get(name).is_some_and(|of| of.modifiers.immutable);
    let all = wanted.iter().filter(|(name, asked)| is_immutable(name) && !asked.holds_secret());
    all.filter_map(|(name, asked)| {
        let found = here.inputs.get(name).filter(|found| !schema.same(name, found, asked))?;
        // What is empty has not come yet, or was taken away.
        let is_set = found.as_str() != Some("");
        is_set.then(|| (name, asked, found.clone()))
    })
    .collect()
}

impl Step {
    /// Records what the cloud made otherwise, and warns of what was not known to be.
    pub(super) fn note_otherwise(&self, recorded: &mut Recorded, wanted: &Wanted, here: &Here) {
        let known = self.work.present.as_ref().map(|present| &present.requested);
        for (name, asked, found) in otherwise(&wanted.inputs, &wanted.schema, here) {
            if known.and_then(|known| known.get(name)) != Some(asked) {
                self.warn(wanted, name, asked, &found);
            }
            recorded.inputs.insert(name.clone(), found);
            recorded.requested.insert(name.clone(), asked.clone());
        }
    }

    fn warn(&self, wanted: &Wanted, name: &Name, asked: &Value, found: &Value) {
        let text = format!(
            "the cloud set `{name}` to {found}, though the program says {asked}; nothing is replaced because of that"
        );
        let fault = Fault::new(FaultKind::Refused, text).on(name.as_str());
        let Some(first) = wanted.lifecycle.start.first() else { return };
        let (address, action) = (self.work.address.clone(), first.name.clone());
        self.calls.tell(Event::Warned { address, action, fault });
    }
}
