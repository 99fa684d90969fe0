//! Components that most likely have another name now, which the program does not say: what they hold would be lost, or
//! left without a record.

use crate::diagnostic::{Diagnostic, Report};
use crate::graph::ResourceGraph;
use crate::model::resource::Resource;
use crate::name::{Address, Key, Name, Set, Table};
use crate::plan::{Change, ChangeKind, Hazard, HazardKind, Left};
use crate::state::{Recorded, State};
use crate::value::Value;

/// What loses its component, by the provider's name of its type.
type Going<'a> = Table<&'a str, Vec<(&'a Address, &'a Recorded)>>;

fn going<'a>(changes: &[Change], state: &'a State) -> Going<'a> {
    let mut going = Going::default();
    for change in changes.iter().filter(|change| change.retired.is_none()) {
        let is_kept = matches!(change.left, Some(Left::Standing { .. }));
        let goes = change.kind == ChangeKind::Terminate || change.kind == ChangeKind::Forget && is_kept;
        if let Some((address, recorded)) = state.resources.get_key_value(&change.address).filter(|_| goes) {
            going.entry(&*recorded.kind).or_default().push((address, recorded));
        }
    }
    going
}

fn starting<'a>(changes: &'a [Change], graph: &'a ResourceGraph) -> impl Iterator<Item = (usize, &'a Resource)> {
    let all = changes.iter().enumerate().filter(|(_, change)| change.kind == ChangeKind::Start);
    all.filter_map(|(at, change)| Some((at, graph.get(&change.address)?)))
}

/// Refuses to delete or forget a thing and to make another one of its name: what is in it would be lost, and that is
/// hardly what was meant.
pub(super) fn refuse(changes: &[Change], graph: &ResourceGraph, state: &State, report: &mut Report) {
    let going = going(changes, state);
    if going.is_empty() {
        return;
    }
    let mut by_name: Table<String, (&Address, &Recorded)> = Table::default();
    let mut kinds: Set<&str> = Set::default();
    let mut all: Vec<(&Resource, &Address, &Recorded)> = Vec::new();
    for (_, resource) in starting(changes, graph) {
        let kind = &*resource.schema.kind;
        let names: Vec<&Name> = resource.schema.identity().map(|attribute| &attribute.name).collect();
        if kinds.insert(kind) {
            for (address, recorded) in going.get(kind).into_iter().flatten() {
                let values: Option<Vec<&Value>> = names.iter().map(|name| recorded.inputs.get(*name)).collect();
                by_name
                    .extend(values.and_then(|values| called(kind, &values)).map(|name| (name, (*address, *recorded))));
            }
        }
        let wanted: Option<Vec<&Value>> = names.iter().map(|name| resource.inputs.get(*name)?.term.known()).collect();
        let old = wanted.and_then(|values| called(kind, &values)).and_then(|name| by_name.get(&name));
        all.extend(old.map(|(old, recorded)| (resource, *old, *recorded)));
    }
    let mut told = Set::default();
    for (new, old, recorded) in &all {
        // One statement is told of once, whatever it repeats.
        if !told.insert(new.span) {
            continue;
        }
        let pairs: Vec<(&Address, &Address)> =
            all.iter().filter(|(other, ..)| other.span == new.span).map(|(new, old, _)| (&new.address, *old)).collect();
        let others =
            if pairs.len() > 1 { format!(", and so on for {} others", pairs.len() - 1) } else { String::new() };
        let (what, first) = match recorded.is_deleted() {
            true => {
                ("would be deleted with all it holds", format!("destroy {} first, in an apply of its own", recorded.id))
            }
            false => ("would be retained and no longer tracked", "give it another name".to_string()),
        };
        let (new_address, advice) = (&new.address, advice(new, &pairs));
        report.push(
            Diagnostic::error(
                "cloud::plan::renamed",
                format!("`{new_address}` wants the name that `{old}` has{others}"),
            )
            .label(new.span, format!("`{old}` is not in the program any more, and {what}"))
            .help(format!("if it is the same thing, {advice}; else {first}")),
        );
    }
}

fn called(kind: &str, values: &[&Value]) -> Option<String> {
    let parts: Vec<String> = values.iter().map(|value| value.to_string()).collect();
    (!parts.is_empty()).then(|| format!("{kind} {}", parts.join(" ")))
}

/// What has no name of its own in the cloud, and may be the same all the same: of the same type, and as it was.
pub(super) fn foresee(changes: &mut [Change], graph: &ResourceGraph, state: &State) {
    let mut going = going(changes, state);
    if going.is_empty() {
        return;
    }
    let mut found: Vec<(usize, Hazard)> = Vec::new();
    for (at, resource) in starting(changes, graph) {
        let is_named = resource.schema.identity().next().is_some();
        let Some(all) = going.get_mut(&*resource.schema.kind).filter(|_| !is_named) else { continue };
        let Some(which) = all.iter().position(|(_, old)| is_alike(resource, old)) else { continue };
        let (old, recorded) = all.remove(which);
        let (id, advice) = (&recorded.id, advice(resource, &[(&resource.address, old)]));
        let what = match recorded.is_deleted() {
            true => format!("is created empty, and {id} of `{old}` is deleted with all it holds"),
            false => format!("is created empty, and {id} of `{old}` is retained and no longer tracked"),
        };
        let help = Some(format!("if it is the same thing, {advice}"));
        found.push((at, Hazard { kind: HazardKind::Loss, text: what, attribute: None, help }));
    }
    for (at, hazard) in found {
        changes[at].hazards.push(hazard);
    }
}

/// Whether a thing is recorded as it would be made. What is retained may differ: it is there to be kept.
fn is_alike(resource: &Resource, recorded: &Recorded) -> bool {
    let known = |name: &Name| resource.inputs.get(name).and_then(|input| input.term.known());
    !recorded.is_deleted()
        || recorded.inputs.len() == resource.inputs.len()
            && recorded.inputs.iter().all(|(name, old)| {
                known(name).map_or(resource.inputs.contains_key(name), |new| resource.schema.same(name, old, new))
            })
}

/// How a program says that things have other addresses now; all of them are of one statement.
fn advice(new: &Resource, pairs: &[(&Address, &Address)]) -> String {
    let address = &new.address;
    let Some((last, above)) = address.segments().split_last() else { return "say so with `formerly`".into() };
    let place = if above.is_empty() { String::new() } else { format!(" where `{address}` is defined") };
    let Some(old) = pairs.iter().find(|(new, _)| *new == address).map(|(_, old)| *old) else {
        return "say so with `formerly`".into();
    };
    let Some(key) = &last.key else {
        let (name, path, template) = (&last.name, path(address, old), &new.template);
        return format!("write `{name} formerly {path} extends {template}`{place}");
    };
    let without_key = |address: &Address| {
        let (last, above) = address.segments().split_last()?;
        let bare = crate::name::Segment { name: last.name.clone(), key: None };
        Some(above.iter().cloned().chain([bare]).fold(Address::root(), |address, segment| address.child(segment)))
    };
    let keys: Vec<(&Key, Option<&Key>)> = pairs
        .iter()
        .filter(|(_, other)| without_key(other) == without_key(old))
        .filter_map(|(new, old)| Some((new.segments().last()?.key.as_ref()?, old.segments().last()?.key.as_ref())))
        .collect();
    let Some(bare) = without_key(old) else { return "say so with `formerly`".into() };
    let bare = path(address, &bare);
    let behind = format!("behind `{}[...]`{place}", last.name);
    let is_first = |(new, old): &(&Key, Option<&Key>)| old.is_none() && **new == Key::Index(0);
    if keys.iter().all(|(new, old)| *old == Some(*new)) || matches!(keys.as_slice(), [one] if is_first(one)) {
        return format!("write `formerly {bare}` {behind}");
    }
    match &new.each {
        Some(variable) => {
            let olds: Vec<(&Key, &Key)> = keys.into_iter().filter_map(|(new, old)| Some((new, old?))).collect();
            if olds.is_empty() {
                return format!("write `formerly {bare}` {behind} that was it");
            }
            let choice: String = olds
                .iter()
                .map(|(new, old)| format!("if {variable} == {} then {} else ", bare_key(new), bare_key(old)))
                .collect();
            format!("write `formerly {bare}[{choice}null]` {behind}")
        }
        None => format!("say so with `formerly {bare}[...]`, with the old key of `[{}]`, {behind}", bare_key(key)),
    }
}

/// The key as an expression.
fn bare_key(key: &Key) -> String {
    match key {
        Key::Index(index) => index.to_string(),
        Key::Text(text) => crate::value::Quoted(text).to_string(),
    }
}

/// An old address as it is written where the new one is defined.
fn path(new: &Address, old: &Address) -> String {
    let above = new.segments().split_last().map_or(&[][..], |(_, above)| above);
    match old.segments().strip_prefix(above) {
        Some(rest) if !rest.is_empty() => rest.iter().map(ToString::to_string).collect::<Vec<_>>().join("."),
        _ => format!("root.{old}"),
    }
}
