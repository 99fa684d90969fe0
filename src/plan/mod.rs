//! What will change: one self-contained document, from which every rendering is made. Planning is
//! pure; what the cloud said comes in as [`Refreshed`].

pub mod actions;
mod diff;
pub mod document;
mod drift;
mod hazard;
pub mod markdown;
mod moved;
mod moves;
mod obstacle;
mod outputs;
mod parts;
mod pieces;
mod protection;
mod renamed;
mod replace;
mod rollback;
mod schedule;
mod scope;
mod standing;
pub mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::action::List;
use crate::model::resource::Order;
use crate::name::{Address, Name};
use crate::state::State;
use crate::state::observed::{Here, Reading};
use crate::value::Value;

pub use actions::undoing;
pub use diff::{diff, means_another};
pub use document::{Made, Unread};
pub use drift::{Difference, Drift, Drifted, drift, found, seen};
pub use hazard::{Hazard, HazardKind, Spot};
pub use moved::{moved, was_applied};
pub use moves::{Moved, exchanges, moves};
pub use rollback::{lasting, rollback};
pub use scope::{Scope, suggestion};
pub use standing::{Left, Standing};

/// The version of the plan's own format.
pub const VERSION: u32 = 1;

/// What a plan is to be about.
#[derive(Clone, Debug)]
pub struct Request {
    pub project: Arc<str>,
    pub environment: Arc<str>,
    pub purpose: Purpose,
    pub scope: Scope,
    /// Whether the cloud was to be asked how what is recorded is doing.
    pub refresh: bool,
    /// Whether a teardown deletes what this environment made and would leave standing.
    pub persistent: bool,
}

impl Request {
    /// The plan that does nothing, of a state.
    fn plan(self, state: &State, asked: bool) -> Plan {
        let Request { project, environment, purpose, scope, refresh, persistent: _ } = self;
        Plan {
            version: VERSION,
            project,
            environment,
            cloud: state.cloud.clone(),
            made: Made::default(),
            lineage: (state.serial > 0).then(|| state.lineage.clone()),
            serial: state.serial,
            purpose,
            refresh: match (refresh, asked) {
                (false, _) => Refresh::Skipped,
                (true, true) => Refresh::Done,
                (true, false) => Refresh::Needless,
            },
            scope,
            moves: BTreeMap::new(),
            reverts: Vec::new(),
            strays: Vec::new(),
            drift: Vec::new(),
            changes: Vec::new(),
            steps: Vec::new(),
            unchanged: 0,
            left_out: Vec::new(),
            outputs: Vec::new(),
        }
    }
}

impl From<(Arc<str>, Arc<str>)> for Request {
    /// All of the program, with these names of project and environment.
    fn from((project, environment): (Arc<str>, Arc<str>)) -> Request {
        Request {
            project,
            environment,
            purpose: Purpose::Apply,
            scope: Scope::default(),
            refresh: true,
            persistent: false,
        }
    }
}

/// What carrying a plan out is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// To make the cloud what the program says.
    Apply,
    /// To take down what is recorded.
    Destroy,
    /// To record what the cloud says. Nothing is changed in it.
    Refresh,
}

/// Whether the cloud was asked how what is recorded is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Refresh {
    Done,
    /// There was nothing to ask about.
    Needless,
    Skipped,
}

impl Refresh {
    /// In the heading of a plan.
    fn word(self) -> &'static str {
        match self {
            Refresh::Done => "refreshed",
            Refresh::Needless => "nothing to refresh",
            Refresh::Skipped => "not refreshed",
        }
    }
}

/// What the cloud said when it was asked.
#[derive(Clone, Debug, Default)]
pub struct Refreshed {
    /// Of what is recorded. What is not in here was not asked, and is taken to be as recorded.
    pub readings: BTreeMap<Address, Reading>,
    /// Of what was replaced and is still recorded as being there, by its number.
    pub retired: BTreeMap<u64, Reading>,
    /// Of what is not recorded, and exists: by its identity, or because it is ours.
    pub found: BTreeMap<Address, Found>,
    /// What was left standing on purpose and is there still, by type and id.
    pub owned: BTreeSet<(Arc<str>, Arc<str>)>,
    /// What the cloud holds of the environment and neither the record has nor the plan takes in.
    pub strays: Vec<Stray>,
    /// Why it is not known what else the cloud holds of the environment.
    pub unlisted: Option<String>,
}

/// A thing of the environment that nothing records.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stray {
    /// That it was made under.
    pub address: Address,
    /// The provider's name of its type.
    pub kind: Arc<str>,
    pub id: Arc<str>,
    /// A deletion left it on purpose, as the last snapshot of a database: nothing that a plan has to tell.
    #[serde(skip)]
    pub remains: bool,
}

/// A replacement that did not come to its end and is reverted: what was replaced has its address again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revert {
    /// The number under which it was retired.
    pub retired: u64,
    pub address: Address,
    pub id: Arc<str>,
}

/// A thing that exists and is not recorded.
#[derive(Clone, Debug)]
pub struct Found {
    pub id: Arc<str>,
    pub here: Here,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    pub version: u32,
    pub project: Arc<str>,
    pub environment: Arc<str>,
    pub cloud: Arc<str>,
    pub made: Made,
    /// Of the state that this was made against; nothing while nothing is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<Arc<str>>,
    pub serial: u64,
    pub purpose: Purpose,
    pub refresh: Refresh,
    /// What it is confined to.
    #[serde(default, skip_serializing_if = "Scope::is_default")]
    pub scope: Scope,
    /// What the program calls otherwise than the record does: from the old address to the new one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub moves: BTreeMap<Address, Address>,
    /// What was replaced, is still there, and is what the program wants again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reverts: Vec<Revert>,
    /// What the cloud holds of the environment, and nothing records. The plan leaves it as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strays: Vec<Stray>,
    /// What somebody else changed or took away since it was recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<Drift>,
    pub changes: Vec<Change>,
    /// The changes in the parts in which they are carried out, each behind what it waits for.
    pub steps: Vec<Step>,
    pub unchanged: usize,
    /// What would change too, and does not because of the scope.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<Address>,
    pub outputs: Vec<OutputChange>,
}

/// What happens to one resource.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    pub address: Address,
    pub kind: ChangeKind,
    /// The template that it extends.
    pub template: Name,
    /// The cloud's name of what is there now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Arc<str>>,
    pub attributes: Vec<AttributeChange>,
    /// Actions in the order in which they will run.
    pub actions: Vec<Name>,
    /// Why, where the kind alone does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What may be lost or broken by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hazards: Vec<Hazard>,
    /// Why its thing is not deleted, of one that is recorded no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Left>,
    /// Its thing would be left standing, and is deleted all the same because somebody asked for that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub persistent: bool,
    /// What comes first, of a replacement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// It is about the thing with this number that was replaced before, not about the one that has the
    /// address now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<u64>,
}

/// A change, or one half of a replacement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its number in the plan.
    pub change: usize,
    pub part: Part,
    /// Steps that must have ended before, by their number.
    pub waits: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Afterwards the thing is there, as wanted.
    Make,
    /// Afterwards the old thing is gone, or forgotten.
    Unmake,
}

impl Change {
    /// Whether an attribute of its resource takes effect by it.
    pub fn decides(&self, name: &Name) -> bool {
        let is_made = matches!(self.kind, ChangeKind::Start | ChangeKind::Revive | ChangeKind::Replace);
        is_made || self.attributes.iter().any(|changed| changed.name == *name)
    }

    /// Whether there is anything for the provider to change: lists of actions are only recorded.
    pub fn changes_inputs(&self) -> bool {
        self.attributes.iter().any(AttributeChange::is_input)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It comes into being.
    Start,
    /// It was recorded and is gone: it comes into being again.
    Revive,
    /// It exists, and is recorded from now on.
    Adopt,
    Update,
    /// Made again and deleted, in the order that the change says.
    Replace,
    Terminate,
    /// Left standing, and no longer recorded; or gone already.
    Forget,
    /// It differs, and its `updateActions` are empty: nothing is done.
    Report,
}

impl ChangeKind {
    /// Whether there is anything to do.
    pub fn acts(self) -> bool {
        self != ChangeKind::Report
    }

    /// The halves of it, in the order of their numbers.
    pub fn parts(self) -> &'static [Part] {
        match self {
            ChangeKind::Start | ChangeKind::Revive | ChangeKind::Adopt | ChangeKind::Update => &[Part::Make],
            ChangeKind::Replace => &[Part::Make, Part::Unmake],
            ChangeKind::Terminate | ChangeKind::Forget => &[Part::Unmake],
            ChangeKind::Report => &[],
        }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeChange {
    pub name: Name,
    #[serde(default, skip_serializing_if = "is_unset")]
    pub old: Option<Value>,
    pub new: Planned,
    /// It cannot change in place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replaces: bool,
    /// A list that the cloud keeps as a set.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unordered: bool,
    /// The old value is not what was recorded: somebody else changed it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drifted: bool,
    /// Where the program asks for it, of what forces a replacement or is a hazard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Spot>,
}

impl AttributeChange {
    /// Whether it says anything: what was never set and stays empty does not.
    fn tells(&self) -> bool {
        let empty = match &self.new {
            Planned::Value(Value::Map(entries)) => entries.is_empty(),
            Planned::Value(Value::List(items)) => items.is_empty(),
            Planned::Value(_) | Planned::Nothing | Planned::Later(_) => false,
        };
        self.old.is_some() || !empty
    }

    /// Whether it is an attribute that the provider knows, rather than a list of actions or whether it is protected.
    pub fn is_input(&self) -> bool {
        self.name.as_str() != protection::ATTRIBUTE
            && List::ALL.iter().all(|list| list.attribute() != self.name.as_str())
    }
}

/// A value as far as it is known when planning.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Planned {
    Value(Value),
    /// Unset.
    Nothing,
    /// Known after apply; what it will be made of, when the program says so.
    Later(Option<String>),
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputChange {
    pub name: Name,
    #[serde(default, skip_serializing_if = "is_unset")]
    pub old: Option<Value>,
    pub new: Planned,
}

/// A null reads back as nothing.
fn is_unset(value: &Option<Value>) -> bool {
    matches!(value, None | Some(Value::Null))
}

impl Plan {
    /// Whether applying it would do anything at all.
    pub fn is_empty(&self) -> bool {
        match self.purpose {
            Purpose::Refresh => self.drift.is_empty(),
            Purpose::Apply | Purpose::Destroy => {
                self.moves.is_empty()
                    && self.reverts.is_empty()
                    && self.outputs.is_empty()
                    && self.changes.iter().all(|change| !change.kind.acts())
            }
        }
    }
}
