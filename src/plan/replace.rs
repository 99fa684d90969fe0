//! What comes first of a replacement, the new one or the end of the old one.

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Report, listed};
use crate::graph::ResourceGraph;
use crate::model::resource::{Order, Resource};
use crate::model::schema::{Attribute, Exclusive};
use crate::name::{Address, Name, Set, Table};
use crate::plan::obstacle::refers;
use crate::plan::{Change, ChangeKind, Part};
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

/// Attributes that both would have with one value, which one thing alone can have.
fn contested<'r>(change: &Change, resource: &'r Resource, recorded: &Recorded) -> Vec<&'r Attribute> {
    if recorded.kind != resource.schema.kind {
        return Vec::new();
    }
    let stays = |name: &Name| change.attributes.iter().all(|changed| changed.name != *name);
    let is_set = |attribute: &&Attribute| recorded.inputs.contains_key(&attribute.name);
    let names: Vec<&Attribute> = resource.schema.identity().collect();
    // What the program does not name gets another name each time.
    if names.iter().any(is_set) && names.iter().all(|attribute| stays(&attribute.name)) {
        return names;
    }
    let is_contested = |attribute: &&Attribute| match &attribute.modifiers.exclusive {
        Some(Exclusive::Everywhere) => stays(&attribute.name),
        Some(Exclusive::Within(of)) => stays(&attribute.name) && stays(of),
        None => false,
    };
    resource.schema.attributes.values().filter(is_set).filter(is_contested).collect()
}

/// What comes first of a replacement: as the program wants it, else the new one, unless it is certain to
/// want what the old one has and one alone can have.
pub(super) fn order(change: &mut Change, resource: &Resource, state: &State) {
    let Some(recorded) = state.resources.get(&change.address) else { return };
    let contested = contested(change, resource, recorded);
    if !contested.is_empty() && resource.replacement == Some(Order::CreateFirst) {
        let what = if contested.iter().any(|attribute| attribute.modifiers.identity) {
            "both would have one name".to_string()
        } else {
            format!("one at a time has its {}", quoted(&contested))
        };
        let reason = format!("its `replacement` is \"createFirst\", but {what}");
        change.reason.get_or_insert(reason);
    }
    if !contested.is_empty() || resource.replacement == Some(Order::DeleteFirst) {
        change.delete_first(recorded);
        return;
    }
    change.order = Some(Order::CreateFirst);
}

fn quoted(attributes: &[&Attribute]) -> String {
    listed(attributes.iter().map(|attribute| format!("`{}`", attribute.name)))
}

/// A name that need not be said keeps a new one from coming first, while something that stays uses the old one: the
/// cloud deletes nothing that is in use. The new one would be refused in the middle of the plan.
pub(super) fn refuse_held(changes: &[Change], graph: &ResourceGraph, state: &State, report: &mut Report) {
    let first = |change: &&Change| change.order == Some(Order::DeleteFirst);
    let mut replaced = changes.iter().filter(first).peekable();
    if replaced.peek().is_none() {
        return;
    }
    let goes = |change: &&Change| change.kind.parts().contains(&Part::Unmake) && change.retired.is_none();
    let going: Set<&Address> = changes.iter().filter(goes).map(|change| &change.address).collect();
    let mut staying: Table<&Address, Vec<&Address>> = Table::default();
    for (address, recorded) in state.resources.iter().filter(|(address, _)| !going.contains(address)) {
        recorded.dependencies.iter().for_each(|needed| staying.entry(needed).or_default().push(address));
    }
    for change in replaced {
        let (Some(resource), Some(old)) = (graph.get(&change.address), state.resources.get(&change.address)) else {
            continue;
        };
        let contested = contested(change, resource, old);
        let Some(name) = contested.iter().find(|attribute| attribute.ty.is_optional()) else { continue };
        let uses = |address: &&&Address| {
            let is_used = state.resources.get(**address).is_some_and(|user| refers(user, &change.address, &old.id));
            // One that is changed to use it no more lets go of it before.
            is_used && graph.get(address).is_some_and(|user| user.needs().contains_key(&change.address))
        };
        let users: BTreeSet<&Address> =
            staying.get(&change.address).into_iter().flatten().filter(uses).copied().collect();
        if let Some(user) = users.first() {
            report.push(held(change, resource, name, &users, user));
        }
    }
}

fn held(
    change: &Change,
    resource: &Resource,
    name: &Attribute,
    users: &BTreeSet<&Address>,
    user: &Address,
) -> Diagnostic {
    let Change { address, .. } = change;
    let who = listed(users.iter().take(3));
    let (use_, them) = if users.len() == 1 { ("uses", "it") } else { ("use", "them") };
    let place = |name: &Name| resource.inputs.get(name).map_or(resource.span, |input| input.span);
    let mut diagnostic = Diagnostic::error(
        "cloud::plan::taken",
        format!("`{address}` cannot be replaced: {who} {use_} it, and the new one would have the same `{}`", name.name),
    )
    .label(place(&name.name), "one at a time has this, so the new one cannot come first");
    if let Some(changed) = change.attributes.iter().find(|changed| changed.replaces) {
        diagnostic = diagnostic.label(place(&changed.name), format!("`{}` cannot change in place", changed.name));
    }
    diagnostic.help(format!(
        "leave `{}` out, so that the new one gets another, or write another one; `--replace {user}` replaces {them} too",
        name.name
    ))
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
