//! What comes first of a replacement, the new one or the end of the old one.

use crate::model::resource::{Order, Resource};
use crate::name::{Address, Name, Table};
use crate::plan::{Change, ChangeKind};
use crate::state::{Recorded, State};

impl Change {
    /// Puts the old one's end before the new one's beginning.
    fn delete_first(&mut self, recorded: &Recorded) {
        if self.order != Some(Order::DeleteFirst) {
            self.actions.rotate_right(recorded.lifecycle.terminate.len());
            self.order = Some(Order::DeleteFirst);
        }
    }
}

/// What comes first of a replacement: as the program wants it, else the new one, unless it is certain to
/// want the name that the old one has.
pub(super) fn order(change: &mut Change, resource: &Resource, state: &State) {
    let Some(recorded) = state.resources.get(&change.address) else { return };
    let names: Vec<&Name> = resource.schema.identity().map(|attribute| &attribute.name).collect();
    // What the program does not name gets another name each time.
    let named = recorded.kind == resource.schema.kind && names.iter().any(|name| recorded.inputs.contains_key(*name));
    let same = named && names.iter().all(|name| !change.attributes.iter().any(|changed| changed.name == **name));
    if same && resource.replacement == Some(Order::CreateFirst) {
        let reason = "its `replacement` is \"createFirst\", but both would have one name";
        change.reason.get_or_insert_with(|| reason.to_string());
    }
    if same || resource.replacement == Some(Order::DeleteFirst) {
        change.delete_first(recorded);
        return;
    }
    change.order = Some(Order::CreateFirst);
}

/// What is deleted first takes with it whatever held it and is replaced as well: that cannot have a
/// successor before its own is there.
pub(super) fn delete_first(changes: &mut [Change], state: &State) {
    let replaced: Table<Address, usize> = changes
        .iter()
        .enumerate()
        .filter(|(_, change)| change.kind == ChangeKind::Replace)
        .map(|(at, change)| (change.address.clone(), at))
        .collect();
    let is_first = |change: &Change| change.order == Some(Order::DeleteFirst);
    let mut queue: Vec<Address> =
        changes.iter().filter(|change| is_first(change)).map(|change| change.address.clone()).collect();
    if queue.is_empty() {
        return;
    }
    let mut dependents: Table<&Address, Vec<&Address>> = Table::default();
    for change in changes.iter().filter(|change| change.kind == ChangeKind::Replace) {
        if let Some((address, recorded)) = state.resources.get_key_value(&change.address) {
            recorded.dependencies.iter().for_each(|needed| dependents.entry(needed).or_default().push(address));
        }
    }
    while let Some(address) = queue.pop() {
        for dependent in dependents.get(&address).into_iter().flatten() {
            let change = &mut changes[replaced[*dependent]];
            if !is_first(change)
                && let Some(recorded) = state.resources.get(*dependent)
            {
                change.delete_first(recorded);
                queue.push((*dependent).clone());
            }
        }
    }
}
