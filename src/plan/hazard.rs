//! What may be lost or broken by a change, and the lines of the program that ask for it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::diagnostic::listed;
use crate::graph::ResourceGraph;
use crate::model::resource::Order;
use crate::model::ty::{Refinement, Ty};
use crate::name::{Address, Name, Set, Table};
use crate::plan::{AttributeChange, Change, ChangeKind, Part, Plan, Planned, obstacle};
use crate::source::Sources;
use crate::state::State;
use crate::value::Value;

/// One thing to know before agreeing to a change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hazard {
    pub kind: HazardKind,
    /// What happens, for a sentence that begins with the address.
    pub text: String,
    /// The attribute that makes it necessary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<Name>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HazardKind {
    /// What it holds is lost.
    Loss,
    /// For a time there is none of it.
    Downtime,
    /// It is open to the world from then on.
    Exposure,
    /// The cloud may say no, in the middle of it.
    Refusal,
    /// As things are, the cloud says no.
    Obstacle,
}

/// A line of a source.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spot {
    pub file: Arc<str>,
    /// From 1.
    pub line: usize,
    /// Without its indent.
    pub text: Arc<str>,
}

/// Ranges of all there is.
const WORLD: [&str; 2] = ["0.0.0.0/0", "::/0"];

/// Finds the hazards of every change.
pub(super) fn foresee(changes: &mut [Change], graph: &ResourceGraph, state: &State) {
    for change in changes.iter_mut() {
        change.hazards = replacing(change, state);
        change.hazards.extend(deliberate(change));
        let Some(resource) = graph.get(&change.address) else { continue };
        let exposed = change.attributes.iter().filter(|changed| {
            let ty = resource.schema.attributes.get(&changed.name).map(|attribute| &attribute.ty);
            // What a template of the library says is as its users expect it: what may go out, above all.
            let is_said = resource.inputs.get(&changed.name).is_some_and(|input| !input.default);
            is_said && ty.is_some_and(|ty| exposes(ty, changed))
        });
        let exposed: Vec<Hazard> = exposed
            .map(|changed| Hazard {
                kind: HazardKind::Exposure,
                text: format!("opens `{}` to the world", changed.name),
                attribute: Some(changed.name.clone()),
                help: None,
            })
            .collect();
        change.hazards.extend(exposed);
    }
    holders(changes, graph, state);
    obstacle::held(changes, state);
}

/// What was to outlive the environment and does not.
fn deliberate(change: &Change) -> Option<Hazard> {
    let id = change.id.as_ref().filter(|_| change.persistent)?;
    let text = format!("deletes {id}, which was to be kept: all that it holds is lost for good");
    Some(Hazard { kind: HazardKind::Loss, text, attribute: None, help: None })
}

fn replacing(change: &Change, state: &State) -> Vec<Hazard> {
    let (Some(order), Some(recorded)) = (change.order, state.resources.get(&change.address)) else {
        return Vec::new();
    };
    let attribute = change.attributes.iter().find(|changed| changed.replaces).map(|changed| changed.name.clone());
    let hazard = |kind, text| Hazard { kind, text, attribute: attribute.clone(), help: None };
    let id = &recorded.id;
    match (!recorded.is_deleted(), order) {
        (true, _) => vec![hazard(HazardKind::Loss, format!("leaves {id} standing and makes another"))],
        (false, Order::CreateFirst) => {
            vec![hazard(HazardKind::Loss, format!("makes another, then deletes {id}: what it holds goes with it"))]
        }
        (false, Order::DeleteFirst) => vec![
            hazard(HazardKind::Loss, format!("deletes {id} first: what it holds goes with it")),
            hazard(HazardKind::Downtime, "is not there until the new one has started".to_string()),
        ],
    }
}

/// Whether an attribute lets in everybody whom it did not let in before.
fn exposes(ty: &Ty, changed: &AttributeChange) -> bool {
    let Planned::Value(new) = &changed.new else { return false };
    open(ty, new) && !changed.old.as_ref().is_some_and(|old| open(ty, old))
}

/// Whether there is a range of all addresses in it. What the fields of a template are is not known here:
/// there, their names tell.
fn open(ty: &Ty, value: &Value) -> bool {
    let all = |value: &Value| value.as_str().is_some_and(|text| WORLD.contains(&text));
    match (ty, value) {
        (Ty::Optional(inner), _) => open(inner, value),
        (Ty::Alias(alias), _) => match &alias.refinement {
            Some(Refinement::Format(format)) => format.name == "cidr" && all(value),
            Some(Refinement::Between(..) | Refinement::Matching(_)) | None => open(&alias.base, value),
        },
        (Ty::List(of), Value::List(items)) => items.iter().any(|item| open(of, item)),
        (Ty::Map(of), Value::Map(entries)) => entries.values().any(|item| open(of, item)),
        (_, Value::Data(data)) => data.fields.iter().any(|(name, value)| {
            let says_so = name.as_str().to_lowercase().contains("cidr");
            says_so && (all(value) || value.parts().any(all)) || open(ty, value)
        }),
        _ => false,
    }
}

/// What is deleted first and is still referred to then may be refused by the cloud.
fn holders(changes: &mut [Change], graph: &ResourceGraph, state: &State) {
    let mut holders: Table<Address, Vec<Address>> = Table::default();
    for change in changes.iter().filter(|change| change.order == Some(Order::DeleteFirst)) {
        holders.insert(change.address.clone(), Vec::new());
    }
    if holders.is_empty() {
        return;
    }
    let goes = |change: &&Change| change.kind.parts().contains(&Part::Unmake) && change.retired.is_none();
    let going: Set<&Address> = changes.iter().filter(goes).map(|change| &change.address).collect();
    for (address, recorded) in state.resources.iter().filter(|(address, _)| !going.contains(address)) {
        for needed in &recorded.dependencies {
            let lets_go = graph.get(address).is_some_and(|user| !user.needs().contains_key(needed));
            if !lets_go && let Some(holders) = holders.get_mut(needed) {
                holders.push(address.clone());
            }
        }
    }
    for change in changes {
        let attribute = change.hazards.first().and_then(|hazard| hazard.attribute.clone());
        let Some(holders) = holders.get(&change.address).filter(|holders| !holders.is_empty()) else { continue };
        let names = listed(holders.iter().take(3));
        let more = if holders.len() > 3 { format!(" and {} others", holders.len() - 3) } else { String::new() };
        let (refer, they) = if holders.len() == 1 { ("refers", "it") } else { ("refer", "them") };
        let text = format!(
            "{names}{more} still {refer} to it then, and the cloud may refuse: `--replace` takes {they} down with it"
        );
        // It goes with what is said of the replacement itself.
        let at = change.hazards.iter().take_while(|hazard| hazard.kind != HazardKind::Exposure).count();
        change.hazards.insert(at, Hazard { kind: HazardKind::Refusal, text, attribute, help: None });
    }
}

impl Change {
    /// Its hazards, those that have one cause together. Obstacles come first.
    pub fn hazard_groups(&self) -> impl Iterator<Item = &[Hazard]> {
        let is_obstacle = |hazard: &Hazard| hazard.kind == HazardKind::Obstacle;
        self.hazards.chunk_by(move |one, two| one.attribute == two.attribute && !is_obstacle(one) && !is_obstacle(two))
    }
}

impl Plan {
    /// The hazards of all changes in groups, with the number of the change: what would be refused comes before
    /// all else.
    pub fn hazards(&self) -> impl Iterator<Item = (usize, &[Hazard])> {
        let groups = |(number, change)| Change::hazard_groups(change).map(move |group| (number, group));
        let all = move || self.changes.iter().enumerate().flat_map(groups);
        let is_obstacle = |group: &[Hazard]| group.iter().any(|hazard| hazard.kind == HazardKind::Obstacle);
        let first = all().filter(move |(_, group)| is_obstacle(group));
        first.chain(all().filter(move |(_, group)| !is_obstacle(group)))
    }

    /// Says of attributes that force a replacement, or are a hazard, which line of the program asks for them.
    pub fn locate(&mut self, graph: &ResourceGraph, sources: &Sources) {
        for change in self.changes.iter_mut().filter(|change| change.kind != ChangeKind::Report) {
            let hazardous: Vec<Name> = change.hazards.iter().filter_map(|hazard| hazard.attribute.clone()).collect();
            for changed in &mut change.attributes {
                if !changed.replaces && !hazardous.contains(&changed.name) {
                    continue;
                }
                let Some(span) = graph.place(&change.address, Some(&changed.name)) else { continue };
                let (line, text) = sources.line(span);
                let file = sources.get(span.source).name.as_str().into();
                changed.place = Some(Spot { file, line, text: text.into() });
            }
        }
    }
}
