//! What moved between a plan that was saved and the same plan made again: reasons, in the user's words, not to
//! carry it out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::name::Address;
use crate::plan::document::{as_json, same};
use crate::plan::text::mark;
use crate::plan::{AttributeChange, Change, Drift, Drifted, HazardKind, Plan};
use crate::value::Value;

/// Everything in which the world is not as the saved plan has it, causes first; nothing when it still holds.
pub fn moved(saved: &Plan, now: &Plan) -> Vec<String> {
    let mut all = Vec::new();
    sources(saved, now, &mut all);
    records(saved, now, &mut all);
    drift(saved, now, &mut all);
    changes(saved, now, &mut all);
    if !same(&as_json(&saved.outputs), &as_json(&now.outputs)) {
        all.push("outputs get other values now".into());
    }
    if saved.moves != now.moves {
        all.push("other components are renamed now".into());
    }
    // What else there is follows from what has been compared, or the plan would not be kept.
    if all.is_empty() && (saved.steps != now.steps || saved.left_out != now.left_out) {
        all.push("the changes come in another order now".into());
    }
    all
}

/// Whether there is nothing left to do of a plan because the record has moved on since.
pub fn was_applied(saved: &Plan, now: &Plan) -> bool {
    !saved.is_empty() && now.is_empty() && now.serial > saved.serial && saved.made.sources == now.made.sources
}

fn sources(saved: &Plan, now: &Plan, all: &mut Vec<String>) {
    for (name, how) in differing(&saved.made.sources, &now.made.sources) {
        all.push(match how {
            How::Came => format!("`{name}` is new"),
            How::Went => format!("`{name}` is not read any more"),
            How::Changed => format!("`{name}` has changed since"),
        });
    }
}

fn records(saved: &Plan, now: &Plan, all: &mut Vec<String>) {
    let serials = if saved.serial == now.serial {
        String::new()
    } else {
        format!(" (state serial {} -> {})", saved.serial, now.serial)
    };
    if saved.lineage.is_some() && saved.lineage != now.lineage {
        all.push(format!("the environment `{}` was begun anew since", now.environment));
    }
    let before = all.len();
    for (address, how) in differing(&saved.made.records, &now.made.records) {
        all.push(match how {
            How::Came => format!("`{address}` was made by an apply since{serials}"),
            How::Went => format!("`{address}` was taken down by an apply since{serials}"),
            How::Changed => format!("`{address}` was changed by an apply since{serials}"),
        });
    }
    if before == all.len() && saved.serial != now.serial {
        all.push(format!("the record was written since{serials}"));
    }
}

fn drift(saved: &Plan, now: &Plan, all: &mut Vec<String>) {
    let found = |plan: &Plan| -> BTreeMap<String, Option<Value>> { plan.drift.iter().flat_map(differences).collect() };
    let (then, now) = (found(saved), found(now));
    for (what, how) in differing(&as_texts(&then), &as_texts(&now)) {
        all.push(match (how, now.get(&what).or_else(|| then.get(&what))) {
            (How::Came | How::Changed, Some(None)) => format!("`{what}` is gone"),
            (How::Went, Some(None)) => format!("`{what}` is not gone any more"),
            (How::Came | How::Changed, _) => format!("the cloud has changed `{what}`"),
            (How::Went, _) => format!("the cloud has `{what}` as it is recorded again"),
        });
    }
}

/// `web.size` and what it was found to be; `web` and nothing when it is gone.
fn differences(drift: &Drift) -> Vec<(String, Option<Value>)> {
    match &drift.what {
        Drifted::Gone => vec![(drift.address.to_string(), None)],
        Drifted::Attributes(differences) => {
            let attribute = |name| format!("{}.{name}", drift.address);
            differences.iter().map(|one| (attribute(&one.name), Some(one.found.clone()))).collect()
        }
    }
}

fn as_texts(found: &BTreeMap<String, Option<Value>>) -> BTreeMap<String, Arc<str>> {
    found.iter().map(|(what, value)| (what.clone(), as_json(value).to_string().into())).collect()
}

fn changes(saved: &Plan, now: &Plan, all: &mut Vec<String>) {
    type Key<'p> = (&'p Address, Option<u64>);
    let keyed = |plan: &'_ Plan| -> BTreeMap<(Address, Option<u64>), Change> {
        // What is in the way comes and goes, and changes nothing of what is to be done.
        let free = |change: &Change| {
            let mut change = change.clone();
            change.hazards.retain(|hazard| hazard.kind != HazardKind::Obstacle);
            change
        };
        plan.changes.iter().map(|change| ((change.address.clone(), change.retired), free(change))).collect()
    };
    let (then, now) = (keyed(saved), keyed(now));
    let keys: BTreeSet<Key> = then.keys().chain(now.keys()).map(|(address, retired)| (address, *retired)).collect();
    for (address, retired) in keys {
        let key = (address.clone(), retired);
        match (then.get(&key), now.get(&key)) {
            (Some(_), None) => all.push(format!("`{address}` does not change any more")),
            (None, Some(new)) => all.push(format!("`{address}` is `{}` now", mark(new.kind).2)),
            (Some(old), Some(new)) if old.kind != new.kind => {
                all.push(format!("`{address}` is `{}` now, and was `{}`", mark(new.kind).2, mark(old.kind).2));
            }
            (Some(old), Some(new)) if !same(&as_json(old), &as_json(new)) => {
                let name = other_attribute(&old.attributes, &new.attributes);
                let place = name.map_or_else(|| address.to_string(), |name| format!("{address}.{name}"));
                all.push(format!("`{place}` becomes something else now"));
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
}

/// The first attribute of which two plans say different things.
fn other_attribute(old: &[AttributeChange], new: &[AttributeChange]) -> Option<String> {
    let find =
        |list: &[AttributeChange], name: &str| list.iter().find(|change| change.name.as_str() == name).map(as_json);
    let mut names = old.iter().chain(new).map(|change| change.name.as_str());
    names
        .find(|name| match (find(old, name), find(new, name)) {
            (Some(old), Some(new)) => !same(&old, &new),
            (old, new) => old.is_some() != new.is_some(),
        })
        .map(str::to_string)
}

enum How {
    Came,
    Went,
    Changed,
}

fn differing<K: Ord + Clone>(then: &BTreeMap<K, Arc<str>>, now: &BTreeMap<K, Arc<str>>) -> Vec<(K, How)> {
    let keys: BTreeSet<&K> = then.keys().chain(now.keys()).collect();
    let how = |key: &K| match (then.get(key), now.get(key)) {
        (None, _) => Some(How::Came),
        (_, None) => Some(How::Went),
        (Some(then), Some(now)) => (then != now).then_some(How::Changed),
    };
    keys.into_iter().filter_map(|key| Some((key.clone(), how(key)?))).collect()
}
