//! Program against record: what each resource needs to become what the program says.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Report, listed};
use crate::graph::ResourceGraph;
use crate::limits;
use crate::model::action::{ActionTerm, List, Verb};
use crate::model::resource::{Assertion, Input, Resource};
use crate::model::term::{Known, Term};
use crate::name::{Address, Name, Set};
use crate::plan::{
    AttributeChange, Change, ChangeKind, Left, Moved, Part, Plan, Planned, Purpose, Refreshed, Request, Scope, Stray,
    actions, drift, hazard, outputs, protection, renamed, replace, schedule,
};
use crate::printable::{Plain, shell_word};
use crate::state::observed::{Health, Reading};
use crate::state::{Kept, Recorded, State, Status};
use crate::value::{Fields, SealingKey, Value};

/// The plan that turns what is recorded and was refreshed into what the graph says. What cannot be
/// planned goes into the report.
pub fn diff(
    graph: &ResourceGraph,
    moved: &Moved,
    refreshed: &Refreshed,
    key: &SealingKey,
    request: impl Into<Request>,
    report: &mut Report,
) -> Plan {
    let request = request.into();
    let state = &*moved.state;
    let persistent = request.persistent && request.purpose == Purpose::Destroy;
    let mut world =
        World { state, refreshed, graph, scope: &request.scope, unknown: HashSet::new(), altered: HashSet::new() };
    let mut changes = Vec::new();
    let mut unchanged = 0;
    let mut withdrawn = Set::default();
    for resource in graph.in_order() {
        if is_withdrawn(resource, state, refreshed) {
            withdrawn.insert(&resource.address);
            unchanged += 1;
            continue;
        }
        match change(resource, &world, key, report) {
            Some(mut change) => {
                if change.kind == ChangeKind::Replace {
                    replace::order(&mut change, resource, state);
                    change.left = state.resources.get(&change.address).and_then(Left::of);
                }
                if matches!(change.kind, ChangeKind::Start | ChangeKind::Revive | ChangeKind::Replace) {
                    world.unknown.insert(change.address.clone());
                }
                alter(&mut world, resource, &change);
                changes.push(change);
            }
            None => unchanged += 1,
        }
    }
    for (address, recorded) in state.resources.iter().rev() {
        if graph.get(address).is_none() {
            let gone = matches!(refreshed.readings.get(address), Some(Reading::Gone));
            changes.push(removal(address, recorded, gone, persistent));
        }
    }
    for (number, retired) in &state.retired {
        let gone = matches!(refreshed.retired.get(number), Some(Reading::Gone));
        let removal = removal(&retired.address, &retired.recorded, gone, persistent);
        let reason = removal.reason.clone().or_else(|| Some("it was replaced, and is still there".to_string()));
        changes.push(Change { retired: Some(*number), reason, ..removal });
    }
    // Nothing else says that it is still ours: its name may have become somebody else's.
    let is_ours = |kept: &&Kept| refreshed.owned.contains(&(kept.recorded.kind.clone(), kept.recorded.id.clone()));
    for Kept { address, recorded } in state.kept.iter().filter(|_| persistent).filter(is_ours) {
        let removal = removal(address, recorded, false, persistent);
        let reason = Some("it was left standing before".to_string());
        changes.push(Change { reason, persistent: true, ..removal });
    }
    replace::delete_first(&mut changes, state);
    let left_out = request.scope.narrow(&mut changes, graph, state);
    replace::refuse_held(&changes, graph, state, report);
    refuse_withdrawn(graph, state, &withdrawn, &changes, report);
    hazard::foresee(&mut changes, graph, state);
    report.extend(moved.collisions.iter().cloned());
    renamed::foresee(&mut changes, graph, state);
    protection::refuse(&changes, graph, state, report);
    renamed::refuse(&changes, graph, state, report);
    refuse_another(graph, refreshed, &changes, report);
    refuse_impossible(graph, &changes, report);
    let outputs = outputs::outputs(graph, &mut world, &changes, &request, key, report);
    // One that is about something that changes now is tested afterwards.
    let changing: HashSet<&Address> = changes.iter().map(|change| &change.address).chain(&left_out).collect();
    let is_settled = |assertion: &&Assertion| assertion.needs().iter().all(|address| !changing.contains(address));
    report.extend(Assertion::all_broken(graph.assertions.iter().filter(is_settled), &world));
    let steps = schedule::steps(&changes, graph, state);
    let asked = !refreshed.readings.is_empty() || !refreshed.found.is_empty();
    Plan {
        moves: moved.moves.clone(),
        reverts: moved.reverts.clone(),
        strays: refreshed.strays.iter().filter(|stray| !stray.remains).cloned().collect(),
        drift: drift::drift(state, refreshed, graph),
        changes,
        steps,
        unchanged,
        left_out,
        outputs,
        ..request.plan(state, asked)
    }
}

/// What is known while planning: everything recorded, but for what will be made anew.
pub(super) struct World<'a> {
    pub state: &'a State,
    refreshed: &'a Refreshed,
    graph: &'a ResourceGraph,
    scope: &'a Scope,
    pub unknown: HashSet<Address>,
    /// Computed attributes that become others by what is changed elsewhere.
    altered: HashSet<(Address, Name)>,
}

impl Known for World<'_> {
    fn id(&self, address: &Address) -> Option<Arc<str>> {
        if self.unknown.contains(address) {
            return None;
        }
        let found = self.refreshed.found.get(address).map(|found| found.id.clone());
        found.or_else(|| self.state.id(address))
    }

    fn output(&self, address: &Address, attribute: &Name) -> Option<Value> {
        if self.unknown.contains(address) || self.altered.contains(&(address.clone(), attribute.clone())) {
            return None;
        }
        let here = match (self.refreshed.found.get(address), self.refreshed.readings.get(address)) {
            (Some(found), _) => Some(&found.here),
            (None, Some(Reading::Here(here))) => Some(here),
            (None, Some(Reading::Gone) | None) => None,
        };
        let recorded = self.state.output(address, attribute);
        let Some(value) = here.and_then(|here| here.outputs.get(attribute)) else { return recorded };
        // What was only told in another order changes nothing that is made of it.
        let same =
            |old: &Value| self.graph.get(address).is_some_and(|resource| resource.schema.same(attribute, old, value));
        recorded.filter(same).or_else(|| Some(value.clone()))
    }
}

/// Whether something exists already for the program, was found before, and is gone. What was made of it stays as it
/// is: Amazon withdraws its images, and the machines run on.
fn is_withdrawn(resource: &Resource, state: &State, refreshed: &Refreshed) -> bool {
    resource.lifecycle.start.is_empty()
        && matches!(refreshed.readings.get(&resource.address), Some(Reading::Gone))
        && state.resources.get(&resource.address).is_some_and(|recorded| !means_another(resource, recorded, state))
}

/// What is gone cannot be used for anything that is made or changed now.
fn refuse_withdrawn(
    graph: &ResourceGraph,
    state: &State,
    withdrawn: &Set<&Address>,
    changes: &[Change],
    report: &mut Report,
) {
    if withdrawn.is_empty() {
        return;
    }
    let mut users: BTreeMap<Address, Vec<&Address>> = BTreeMap::new();
    for change in changes.iter().filter(|change| change.kind.parts().contains(&Part::Make)) {
        let Some(resource) = graph.get(&change.address) else { continue };
        // What stays is not made again of what it was made of.
        let needed: BTreeSet<Address> = if change.kind == ChangeKind::Update {
            let mut needs = BTreeSet::new();
            let changed = change.attributes.iter().filter_map(|changed| resource.inputs.get(&changed.name));
            changed.for_each(|input| input.term.needs(&mut needs));
            needs
        } else {
            resource.needs().into_keys().collect()
        };
        for address in needed.into_iter().filter(|address| withdrawn.contains(address)) {
            users.entry(address).or_default().push(&change.address);
        }
    }
    for (address, users) in users {
        let (Some(resource), Some(recorded)) = (graph.get(&address), state.resources.get(&address)) else { continue };
        let needs = if users.len() == 1 { "needs" } else { "need" };
        report.push(
            Diagnostic::error("cloud::plan::missing", format!("`{address}` does not exist any more"))
                .label(resource.span, format!("it was {}; {} {needs} it", recorded.id, listed(users.iter().take(3))))
                .help(format!(
                    "`tadpole state forget {address}` has it looked up again; what was made of {} may be replaced \
                     then: the plan says so",
                    recorded.id
                )),
        );
    }
}

/// Notes what else a change decides.
fn alter(world: &mut World, resource: &Resource, change: &Change) {
    if !change.kind.parts().contains(&Part::Make) {
        return;
    }
    for (name, attributes, mut of) in resource.alters() {
        if !change.decides(name) {
            continue;
        }
        let changed = change.attributes.iter().filter(|changed| changed.name == *name);
        let before = changed.filter_map(|changed| changed.old.as_ref()).flat_map(Value::references);
        of.extend(before.map(|(address, _)| address.clone()));
        for address in of {
            world.altered.extend(attributes.iter().map(|attribute| (address.clone(), attribute.clone())));
        }
    }
}

fn change(resource: &Resource, world: &World, key: &SealingKey, report: &mut Report) -> Option<Change> {
    let address = &resource.address;
    let exists_already = resource.lifecycle.start.is_empty();
    let start = |kind: ChangeKind, reason: Option<String>, report: &mut Report| Change {
        attributes: attributes(resource, None, world, key, report),
        actions: starting(kind, resource),
        ..Change::new(resource, kind, reason)
    };
    let other = world.state.resources.get(address).filter(|recorded| means_another(resource, recorded, world));
    let is_gone = matches!(world.refreshed.readings.get(address), Some(Reading::Gone)) && !exists_already;
    let lost = world.state.resources.get(address).filter(|_| is_gone && world.refreshed.found.contains_key(address));
    let taken_over = other.or(lost);
    let Some(recorded) = world.state.resources.get(address).filter(|_| taken_over.is_none()) else {
        if let Some(found) = world.refreshed.found.get(address) {
            let is_kept = world.state.keeps(&resource.schema.kind, &found.id);
            let reason = match (other, lost) {
                (Some(other), _) => Some(format!("it is another one now, in place of {}", other.id)),
                (None, Some(lost)) => Some(format!("{} is gone, and this environment has this one", lost.id)),
                (None, None) if exists_already => None,
                (None, None) if is_kept || resource.lifecycle.terminate.is_empty() => {
                    Some("this environment made it before, and left it standing".to_string())
                }
                (None, None) => Some("this environment made it, and the record does not have it".to_string()),
            };
            let old: Fields = found.here.inputs.clone();
            let attributes = attributes(resource, Some((&old, &old)), world, key, report);
            // What the cloud does not tell is taken to be as wanted.
            let told = attributes.into_iter().filter(|change| change.old.is_some());
            // What cannot change in place stays as it is for now.
            let (fixed, told): (Vec<_>, Vec<_>) = told.partition(|change| change.replaces && !exists_already);
            let told = told.into_iter();
            let reason =
                [reason, as_it_is(&fixed)].into_iter().flatten().reduce(|one, other| format!("{one}; {other}"));
            let attributes: Vec<AttributeChange> = told.filter(|_| !exists_already).collect();
            let update = resource.lifecycle.update.iter().filter(|_| !attributes.is_empty());
            return Some(Change {
                id: Some(found.id.clone()),
                actions: updating(ChangeKind::Adopt, resource, update),
                attributes,
                ..Change::new(resource, ChangeKind::Adopt, reason)
            });
        }
        if exists_already {
            report.push(missing(resource, world));
            return None;
        }
        return Some(start(ChangeKind::Start, None, report));
    };
    let here = match world.refreshed.readings.get(address) {
        Some(Reading::Gone) => {
            let reason = format!("{} is gone", recorded.id);
            return Some(start(ChangeKind::Revive, Some(reason), report));
        }
        Some(Reading::Here(here)) => Some(here),
        None => None,
    };
    let mut old = recorded.inputs.clone();
    if let Some(here) = here {
        // Only what the program set is compared with what the cloud says.
        for (name, value) in &here.inputs {
            if let Some(was) = old.get_mut(name) {
                *was = value.clone();
            }
        }
    }
    let mut changed = attributes(resource, Some((&old, &recorded.inputs)), world, key, report);
    changed.retain(|change| !is_settled(change, recorded));
    let replaces = changed.iter().any(|change| change.replaces);
    let other_type = recorded.kind != resource.schema.kind;
    let now = here.map(|here| &here.health);
    let incomplete = match (recorded.status, now) {
        (Status::Incomplete, _) => {
            let is_started = recorded.course.as_ref().is_some_and(|course| course.started);
            let end = if is_started { "its last update did not complete" } else { "its start did not come to an end" };
            let goes_on = actions::goes_on(resource, recorded, world, key);
            Some(goes_on.map_or(end.to_string(), |goes_on| format!("{end}: it {goes_on}")))
        }
        (Status::Live | Status::Failing, Some(Health::Waiting(why) | Health::Dead(why))) => {
            Some(format!("it is not live: {why}"))
        }
        (Status::Failing, _) => Some("it did not pass its liveness actions".to_string()),
        (Status::Live, _) => None,
    };
    changed.extend(lifecycle(resource, recorded, world, key));
    changed.extend(protection::changed(resource, recorded));
    if exists_already {
        // It is not ours: what nobody asked for is not even different.
        changed.retain(|change| resource.inputs.get(&change.name).is_none_or(|input| !input.default));
    }
    let asked_for = world.scope.replaces(address) && !exists_already;
    if changed.is_empty() && incomplete.is_none() && !other_type && !asked_for {
        return None;
    }
    let id = Some(recorded.id.clone());
    let never = resource.lifecycle.update.is_empty() || exists_already;
    if never && !asked_for && changed.iter().any(AttributeChange::is_input) {
        let why =
            if exists_already { "it exists already, and is left as it is" } else { "its `updateActions` are empty" };
        let reason = Some(why.to_string());
        return Some(Change { id, attributes: changed, ..Change::new(resource, ChangeKind::Report, reason) });
    }
    if (replaces || other_type || asked_for) && !exists_already {
        let by_hand = || (asked_for && !replaces).then(|| "asked for with `--replace`".to_string());
        let reason = other_type.then(|| format!("it becomes a `{}`", resource.template)).or_else(by_hand);
        let kind = ChangeKind::Replace;
        let terminate = kind.runs_recorded(List::Terminate, &recorded.lifecycle.terminate);
        let start = starting(kind, resource);
        return Some(Change {
            id,
            attributes: changed,
            actions: start.into_iter().chain(terminate).collect(),
            ..Change::new(resource, ChangeKind::Replace, reason)
        });
    }
    // Lists of actions are recorded anew without a call.
    let calls = recorded.status == Status::Incomplete || changed.iter().any(AttributeChange::is_input);
    let left = |list: List| actions::left(list, resource, recorded, world, key);
    let update = if calls { left(List::Update) } else { Vec::new() };
    // What else belongs to its start, and did not come to its end before.
    let is_started = recorded.course.as_ref().is_some_and(|course| course.started);
    let resumes = recorded.status == Status::Incomplete && !is_started;
    let start = if resumes { left(List::Start) } else { Vec::new() };
    Some(Change {
        id,
        attributes: changed,
        actions: updating(ChangeKind::Update, resource, update.into_iter().chain(start)),
        ..Change::new(resource, ChangeKind::Update, incomplete)
    })
}

/// Changes in place that no cloud makes: a disk that shrinks.
fn refuse_impossible(graph: &ResourceGraph, changes: &[Change], report: &mut Report) {
    for change in changes.iter().filter(|change| change.kind == ChangeKind::Update) {
        let Some(resource) = graph.get(&change.address) else { continue };
        let of = |name: &str| change.attributes.iter().find(|changed| changed.name.as_str() == name);
        let old = |name: &str| of(name)?.old.as_ref();
        let new = |name: &str| match &of(name)?.new {
            Planned::Value(value) => Some(value),
            Planned::Nothing | Planned::Later(_) => None,
        };
        for broken in limits::changed(&resource.schema.kind, old, new) {
            let input = broken.attributes.first().and_then(|attribute| resource.inputs.get(*attribute));
            let place = input.filter(|input| !input.default).map_or(resource.span, |input| input.span);
            let diagnostic = Diagnostic::error("cloud::plan::refused", broken.message).label(place, broken.label);
            report.push(Diagnostic { help: broken.help, ..diagnostic });
        }
    }
}

impl Change {
    fn new(resource: &Resource, kind: ChangeKind, reason: Option<String>) -> Change {
        Change {
            address: resource.address.clone(),
            kind,
            template: resource.template.clone(),
            id: None,
            attributes: Vec::new(),
            actions: Vec::new(),
            reason,
            hazards: Vec::new(),
            left: None,
            persistent: false,
            order: None,
            retired: None,
        }
    }
}

/// What adopting a resource does not change of it, though the program says or may say otherwise.
fn as_it_is(fixed: &[AttributeChange]) -> Option<String> {
    let names = |later: bool| {
        let some = fixed.iter().filter(|change| matches!(change.new, Planned::Later(_)) == later);
        some.map(|change| format!("`{}`", change.name)).collect::<Vec<_>>().join(", ")
    };
    let (differing, open) = (names(false), names(true));
    let differing = (!differing.is_empty())
        .then(|| format!("it is adopted as it is: {differing} cannot change in place, and the next apply replaces it"));
    let open = (!open.is_empty()).then(|| {
        format!("it is adopted as it is: {open} cannot change in place, and is known after apply; if it differs then, the next apply replaces it")
    });
    [differing, open].into_iter().flatten().reduce(|one, other| format!("{one}; {other}"))
}

/// A replacement of which the cloud has the successor already, and the record does not: another one would be made.
fn refuse_another(graph: &ResourceGraph, refreshed: &Refreshed, changes: &[Change], report: &mut Report) {
    let strays: HashMap<(&str, &Address), &Stray> =
        refreshed.strays.iter().map(|stray| ((&*stray.kind, &stray.address), stray)).collect();
    for change in changes.iter().filter(|change| change.kind == ChangeKind::Replace) {
        let Some(resource) = graph.get(&change.address) else { continue };
        let Some(stray) = strays.get(&(&*resource.schema.kind, &change.address)) else { continue };
        let (address, id) = (&change.address, Plain(&stray.id));
        let message =
            format!("`{address}` would be replaced, and {id}, which the record does not have, is there already");
        let words = (shell_word(&address.to_string()), shell_word(&stray.id));
        let help = format!(
            "if {id} is the new one, record it: `tadpole state forget {0}`, then `tadpole import {0} {1}`; \
             else delete it in the cloud",
            words.0, words.1
        );
        let diagnostic = Diagnostic::error("cloud::plan::unrecorded", message);
        report.push(diagnostic.label(resource.span, "this environment has two of it").help(help));
    }
}

/// What becomes of a thing that is not wanted any more. With `persistent`, one that is to be left standing is
/// deleted, if this environment made it.
pub(super) fn removal(address: &Address, recorded: &Recorded, gone: bool, persistent: bool) -> Change {
    let left = if gone { Some(Left::Gone) } else { Left::of(recorded) };
    let persistent = persistent && matches!(left, Some(Left::Standing { .. }));
    let (kind, reason) = match &left {
        Some(Left::Gone) => (ChangeKind::Forget, Some("it is gone already")),
        Some(Left::Standing { .. }) if persistent => {
            (ChangeKind::Terminate, Some("it would be left standing, and is deleted all the same"))
        }
        Some(Left::Found) if recorded.lifecycle.terminate.is_empty() => {
            (ChangeKind::Forget, Some("it existed before, and is left as it is"))
        }
        Some(Left::Standing { .. }) if recorded.lifecycle.terminate.is_empty() => {
            (ChangeKind::Forget, Some("its `terminateActions` are empty: it is left standing"))
        }
        Some(Left::Found | Left::Standing { .. }) => {
            (ChangeKind::Terminate, Some("its `terminateActions` do not delete it: it is left standing"))
        }
        None => (ChangeKind::Terminate, None),
    };
    let mut actions: Vec<Name> = Vec::new();
    if kind == ChangeKind::Terminate {
        actions.extend(kind.runs_recorded(List::Terminate, &recorded.lifecycle.terminate));
    }
    if persistent {
        actions.push(Verb::Delete.template().into());
    }
    Change {
        address: address.clone(),
        kind,
        template: recorded.template.clone(),
        id: Some(recorded.id.clone()),
        attributes: Vec::new(),
        actions,
        reason: reason.map(str::to_string),
        hazards: Vec::new(),
        left: left.filter(|_| !persistent),
        persistent,
        order: None,
        retired: None,
    }
}

/// Attributes that differ. `old` is what is there and
/// what was recorded; nothing when nothing is.
fn attributes(
    resource: &Resource,
    old: Option<(&Fields, &Fields)>,
    world: &World,
    key: &SealingKey,
    report: &mut Report,
) -> Vec<AttributeChange> {
    let mut changes = Vec::new();
    for (name, attribute) in &resource.schema.attributes {
        if attribute.modifiers.computed {
            if old.is_none() {
                let change = AttributeChange {
                    name: name.clone(),
                    old: None,
                    new: Planned::Later(None),
                    replaces: false,
                    unordered: false,
                    drifted: false,
                    place: None,
                };
                changes.push(change);
            }
            continue;
        }
        if old.is_some() && resource.ignored.contains(name) {
            continue;
        }
        let new = match resource.inputs.get(name) {
            None => Planned::Nothing,
            Some(input) => planned(&input.term, input.span, world, key, report),
        };
        let was = old.and_then(|(old, _)| old.get(name));
        let same = match (&new, was) {
            (Planned::Nothing, None) => true,
            (Planned::Value(new), Some(was)) if resource.schema.same(name, new, was) => true,
            // Of what is started, nothing is the same yet.
            (Planned::Value(new), _) => old.is_some() && means_same(resource, name, Some(new), was),
            (Planned::Nothing, _) => means_same(resource, name, None, was),
            (Planned::Later(_), _) => false,
        };
        if same {
            continue;
        }
        let recorded = old.and_then(|(_, recorded)| recorded.get(name));
        // What somebody took away is given again: nothing is lost by that.
        let is_taken_away = was != recorded && was.and_then(Value::as_str) == Some("");
        let forces = old.is_some() && attribute.modifiers.immutable && !is_taken_away;
        changes.push(AttributeChange {
            name: name.clone(),
            old: was.cloned(),
            new,
            replaces: forces,
            unordered: attribute.modifiers.unordered,
            drifted: !unchanged(resource, name, was, recorded),
            place: None,
        });
    }
    changes
}

/// Whether an immutable attribute differs because the cloud set it so at creation: while the program asks for what it
/// asked for then, another one would be the same.
fn is_settled(change: &AttributeChange, recorded: &Recorded) -> bool {
    let Planned::Value(new) = &change.new else { return false };
    let asked = |fields: &Fields| fields.get(&change.name) == Some(new);
    let at_creation = !change.drifted && asked(&recorded.requested);
    // What is made of it is not recorded before its start has come to an end.
    let not_recorded_yet = recorded.status == Status::Incomplete && asked(&recorded.inputs);
    change.replaces && (at_creation || not_recorded_yet)
}

fn means_same(resource: &Resource, name: &Name, one: Option<&Value>, two: Option<&Value>) -> bool {
    limits::same(&resource.schema.kind, name.as_str(), one, two)
}

pub(super) fn planned(
    term: &Term,
    span: crate::source::Span,
    world: &World,
    key: &SealingKey,
    report: &mut Report,
) -> Planned {
    match term.settle(world) {
        Ok(Term::Known(mut value)) => {
            value.seal(key);
            Planned::Value(value)
        }
        Ok(term) => Planned::Later(Some(term.to_string())),
        Err(message) => {
            report.push(Diagnostic::error("cloud::value::impossible", message).label(span, "here"));
            Planned::Later(None)
        }
    }
}

/// Lists of actions that will be recorded differently.
fn lifecycle(resource: &Resource, recorded: &Recorded, world: &World, key: &SealingKey) -> Vec<AttributeChange> {
    let Ok(mut new) = resource.lifecycle.settle(world) else {
        return Vec::new();
    };
    new.settings_mut().for_each(|value| value.seal(key));
    let old = &recorded.lifecycle;
    let lists = [
        (&old.start, &new.start),
        (&old.liveness, &new.liveness),
        (&old.terminate, &new.terminate),
        (&old.update, &new.update),
    ];
    lists
        .into_iter()
        .zip(List::ALL)
        .filter(|((old, new), _)| old != new)
        .map(|((old, new), list)| {
            let (old, new) = actions::differing(list, old, new);
            AttributeChange {
                name: list.attribute().into(),
                old: Some(old),
                new: Planned::Value(new),
                replaces: false,
                unordered: false,
                drifted: false,
                place: None,
            }
        })
        .collect()
}

fn starting(kind: ChangeKind, resource: &Resource) -> Vec<Name> {
    let start = kind.runs(List::Start, &resource.lifecycle.start);
    start.into_iter().chain(kind.runs(List::Liveness, &resource.lifecycle.liveness)).collect()
}

/// What runs of these actions, and what asks afterwards how it is.
fn updating<'a>(kind: ChangeKind, resource: &'a Resource, actions: impl Iterator<Item = &'a ActionTerm>) -> Vec<Name> {
    let update = kind.runs(List::Update, actions);
    update.into_iter().chain(kind.runs(List::Liveness, &resource.lifecycle.liveness)).collect()
}

/// Whether an attribute is as it was.
fn unchanged(resource: &Resource, name: &Name, was: Option<&Value>, is: Option<&Value>) -> bool {
    match (was, is) {
        (Some(was), Some(is)) => resource.schema.same(name, was, is),
        (was, is) => was == is,
    }
}

/// Whether what exists already, and was found before, is not what the program means any more.
pub fn means_another(resource: &Resource, recorded: &Recorded, world: &dyn Known) -> bool {
    let criteria = resource.schema.attributes.values().filter(|attribute| attribute.modifiers.immutable);
    resource.lifecycle.start.is_empty()
        && criteria.map(|attribute| &attribute.name).any(|name| {
            let wanted = resource.inputs.get(name).map(|input| input.term.settle(world));
            match wanted {
                None => recorded.inputs.contains_key(name),
                Some(Ok(Term::Known(value))) => !unchanged(resource, name, recorded.inputs.get(name), Some(&value)),
                Some(_) => false,
            }
        })
}

fn missing(resource: &Resource, world: &World) -> Diagnostic {
    let is_open = |input: &&Input| !matches!(input.term.settle(world), Ok(Term::Known(_)));
    if let Some((name, _)) = resource.inputs.iter().find(|(_, input)| is_open(input)) {
        return Diagnostic::error(
            "cloud::plan::missing",
            format!("`{}` is said to exist already, and cannot be looked for", resource.address),
        )
        .label(resource.span, format!("its `{name}` is known only after apply"))
        .help("let it refer to what exists already too, or extend another template to create it");
    }
    let names: Vec<String> = resource
        .schema
        .identity()
        .filter_map(|attribute| {
            let value = resource.inputs.get(&attribute.name)?.term.known()?;
            Some(format!("{} {value}", attribute.name))
        })
        .collect();
    let label = if names.is_empty() { "not found".to_string() } else { format!("nothing has {}", names.join(", ")) };
    Diagnostic::error(
        "cloud::plan::missing",
        format!("`{}` does not exist, and nothing here creates it", resource.address),
    )
    .label(resource.span, label)
    .help(format!(
        "its `startActions` are empty, so it must be there already; extend another template than `{}` to create it",
        resource.template
    ))
}
