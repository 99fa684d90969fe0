//! What is recorded of an environment: its resources, and operations that began and are not known to
//! have ended. State is a snapshot with journal records applied to it; the arithmetic is here, the
//! files are in `store`.

pub mod about;
pub mod lease;
pub mod ledger;
pub mod observed;
pub mod private;
pub mod process;
pub mod record;
pub mod salt;
pub mod store;
pub mod tenure;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::action::{Lifecycle, List, Verb};
use crate::model::term::Known;
use crate::name::{Address, Name};
use crate::value::{Fields, Value};
use about::About;
use record::{Ended, Record};
use salt::Salts;

/// Bytes in the name of an environment.
pub const MAX_ENVIRONMENT: usize = 60;

/// What [`is_environment`] asks of a text that it refuses, in the user's words.
pub fn environment_rule(text: &str) -> String {
    let rule = format!("an environment is named with at most {MAX_ENVIRONMENT} letters, digits, `-` and `_`");
    match text.chars().count() {
        long if long > MAX_ENVIRONMENT => format!("{rule}: this name has {long} characters"),
        _ if text.starts_with('-') => format!("{rule}, and not with `-` first"),
        _ => rule,
    }
}

/// Whether a text can name an environment. Environments name directories and end up in the names of
/// things.
pub fn is_environment(text: &str) -> bool {
    let good = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    good && !text.is_empty() && text.len() <= MAX_ENVIRONMENT && !text.starts_with('-')
}

/// The version of the format that this program writes. It reads no newer one.
pub const VERSION: u32 = 1;

/// The highest number of a writer, a snapshot or an operation. A record that has a higher one is damaged: no
/// environment is written so often.
pub const LIMIT: u64 = 1 << 53;

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct State {
    /// Names this recorded environment for ever.
    pub lineage: Arc<str>,
    /// Grows with every snapshot.
    pub serial: u64,
    /// Of whoever wrote the snapshot: it grows with every writer.
    pub epoch: u64,
    /// The cloud that the ids mean something to: `aws`, `sandbox`.
    pub cloud: Arc<str>,
    /// The next operation's number.
    pub next_op: u64,
    pub resources: BTreeMap<Address, Recorded>,
    /// Things whose successors have their addresses, until they are gone; by the number of the operation
    /// that made the successor.
    #[serde(default)]
    pub retired: BTreeMap<u64, Retired>,
    /// Operations that began and whose end is not recorded, by number.
    pub unfinished: BTreeMap<u64, Began>,
    /// As of the last apply.
    pub outputs: BTreeMap<Name, Value>,
    /// Things of this environment that were left standing on purpose, and are nobody's concern until a program
    /// wants them again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<Kept>,
    /// Creates that were looked for and not found, by address: their calls may still arrive.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub late: BTreeMap<Address, Late>,
    /// What tokens are made from besides, by the first operation that each is for.
    #[serde(default, skip_serializing_if = "Salts::is_empty")]
    pub salts: Salts,
    /// Components that exchanged their names, as the program still says: from the new address to the old one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub exchanged: BTreeMap<Address, Address>,
    #[serde(default, skip_serializing_if = "About::is_unknown")]
    pub about: About,
}

/// One resource as last seen.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Recorded {
    /// The template that it extends.
    pub template: Name,
    /// The provider's name of its type.
    pub kind: Arc<str>,
    pub id: Arc<str>,
    pub status: Status,
    pub inputs: Fields,
    /// What the program asked for of immutable inputs that the cloud set to another value at creation. `inputs` has
    /// them as they are.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub requested: Fields,
    pub outputs: Fields,
    pub dependencies: BTreeSet<Address>,
    /// Settled, so that it can be taken down when its source is gone.
    pub lifecycle: Lifecycle,
    /// It may not be destroyed, whatever the program says by then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
    /// How far its lists of actions have come, where one of them has not come to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub course: Option<Course>,
}

/// How far the lists of actions of a resource have come.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Course {
    /// Whether `startActions` had come to their end before.
    #[serde(default)]
    pub started: bool,
    /// The lists that were begun.
    #[serde(default)]
    pub lists: BTreeMap<List, Done>,
}

/// How far one list has come.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Done {
    /// The operation that began it: tokens of its actions are made from that, so that one which is run again
    /// has the token that it had.
    pub op: u64,
    /// The actions that are done, in their order, each by its [`Action::sum`].
    ///
    /// [`Action::sum`]: crate::model::action::Action::sum
    pub sums: Vec<Arc<str>>,
}

impl Course {
    /// Begins a list, unless it was begun before. Answers the operation that began it.
    pub fn begin(&mut self, list: List, op: u64) -> u64 {
        self.lists.entry(list).or_insert(Done { op, sums: Vec::new() }).op
    }

    /// Whether the action with this sum, which has so many before it in its list, is done.
    pub fn has_done(&self, list: List, at: usize, sum: &str) -> bool {
        self.lists.get(&list).and_then(|done| done.sums.get(at)).is_some_and(|done| **done == *sum)
    }

    /// How often an action with this sum is done among the first of a list.
    pub fn times_done(&self, list: List, before: usize, sum: &str) -> usize {
        let done = self.lists.get(&list).map_or(&[][..], |done| &done.sums);
        done.iter().take(before).filter(|done| ***done == *sum).count()
    }

    /// Notes that it is. What was done behind it by another list of the program does not count any more.
    pub fn note(&mut self, list: List, at: usize, sum: Arc<str>) {
        if let Some(done) = self.lists.get_mut(&list) {
            done.sums.truncate(at);
            done.sums.push(sum);
        }
    }
}

/// What an operation does to a thing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Operation {
    Create,
    Update,
    Delete,
}

impl Operation {
    pub fn name(self) -> &'static str {
        match self {
            Operation::Create => "Create",
            Operation::Update => "Update",
            Operation::Delete => "Delete",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Started and checked.
    Live,
    /// It exists, but its start or update did not come to an end.
    Incomplete,
    /// Complete, but it did not pass its liveness actions.
    Failing,
}

/// A thing that was replaced and is still there.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Retired {
    pub address: Address,
    pub recorded: Recorded,
}

/// A thing that was left standing on purpose.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// That it had.
    pub address: Address,
    pub recorded: Recorded,
}

/// A create that was looked for and not found. The next create of its address has the same token: a cloud that
/// knows tokens then has one resource, whichever call arrives first.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Late {
    pub kind: Arc<str>,
    pub token: Arc<str>,
}

/// An operation whose call may be on its way.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Began {
    pub address: Address,
    #[serde(rename = "verb")]
    pub operation: Operation,
    /// The idempotency token of a create.
    pub token: Arc<str>,
    /// What will be recorded if it turns out to exist. Its id is empty until the cloud has said it.
    pub request: Recorded,
    /// When, in RFC 3339.
    pub at: Arc<str>,
}

impl Recorded {
    /// Whether this environment made it, or took it in as if it had; if not, it existed already, and was found.
    pub fn is_ours(&self) -> bool {
        !self.lifecycle.start.is_empty()
    }

    /// Where it is, of a cloud with regions.
    pub fn region(&self) -> Option<Arc<str>> {
        self.inputs.get(&Name::from("region")).and_then(Value::as_str).map(Into::into)
    }

    /// Whether taking it down deletes it; if not, it is left standing.
    pub fn is_deleted(&self) -> bool {
        self.lifecycle.terminate.iter().any(|action| action.verb == Verb::Delete)
    }
}

impl State {
    /// An environment in which nothing was ever made.
    pub fn new(lineage: Arc<str>, cloud: Arc<str>) -> State {
        State {
            lineage,
            serial: 0,
            epoch: 0,
            cloud,
            next_op: 1,
            resources: BTreeMap::new(),
            retired: BTreeMap::new(),
            unfinished: BTreeMap::new(),
            outputs: BTreeMap::new(),
            kept: Vec::new(),
            late: BTreeMap::new(),
            salts: Salts::default(),
            exchanged: BTreeMap::new(),
            about: About::default(),
        }
    }

    /// What is beyond what any run counts to, if anything is.
    pub fn beyond(&self) -> Option<&'static str> {
        let things = self.resources.values().chain(self.retired.values().map(|retired| &retired.recorded));
        let mut lists = things.filter_map(|one| one.course.as_ref()).flat_map(|course| course.lists.values());
        let keys = [self.retired.keys().last(), self.unfinished.keys().last(), self.salts.last()];
        let over = |number: u64| number > LIMIT;
        match self {
            _ if over(self.serial) => Some("its serial"),
            _ if over(self.epoch) => Some("its epoch"),
            _ if over(self.next_op) => Some("its `next_op`"),
            _ if keys.into_iter().flatten().any(|op| over(*op)) || lists.any(|done| over(done.op)) => {
                Some("the number of an operation")
            }
            _ => None,
        }
    }

    /// Everything that is recorded as being there: what has an address now, then what had it before.
    pub fn things(&self) -> impl Iterator<Item = (&Address, &Recorded)> {
        let retired = self.retired.values().map(|retired| (&retired.address, &retired.recorded));
        self.resources.iter().chain(retired)
    }

    /// Whether nothing is recorded as being there, or on its way.
    pub fn holds_nothing(&self) -> bool {
        self.resources.is_empty() && self.retired.is_empty() && self.unfinished.is_empty()
    }

    /// Whether a thing was left standing on purpose.
    pub fn keeps(&self, kind: &str, id: &str) -> bool {
        self.kept.iter().any(|Kept { recorded, .. }| *recorded.kind == *kind && *recorded.id == *id)
    }

    /// What one record of the journal says, applied.
    pub fn apply(&mut self, record: Record) {
        match record {
            Record::Began { op, began } => {
                self.next_op = self.next_op.max(op + 1);
                self.unfinished.insert(op, *began);
            }
            Record::Made { op, id } => {
                if let Some(began) = self.unfinished.get_mut(&op) {
                    began.request.id = id;
                    let (address, token) = (began.address.clone(), began.token.clone());
                    self.arrived(&address, &token);
                }
            }
            Record::Ended { op, result } => {
                let Some(began) = self.unfinished.remove(&op) else {
                    return;
                };
                match result {
                    Ended::Recorded(recorded) => {
                        self.arrived(&began.address, &began.token);
                        self.put(op, began.address, *recorded);
                    }
                    Ended::Gone => {
                        self.take_back(&began.request);
                        self.remove(&began.address, &began.request.id);
                    }
                    Ended::Unchanged => {}
                    Ended::Unseen => {
                        self.late.insert(began.address, Late { kind: began.request.kind, token: began.token });
                    }
                }
            }
            Record::Entered { op, address, id, list } => {
                self.next_op = self.next_op.max(op + 1);
                if let Some(thing) = self.thing(&address, &id) {
                    thing.course.get_or_insert_default().begin(list, op);
                }
            }
            Record::Acted { op, address, id, list, at, sum } => {
                let course = match self.unfinished.get_mut(&op) {
                    Some(began) => began.request.course.as_mut(),
                    None => self.thing(&address, &id).and_then(|thing| thing.course.as_mut()),
                };
                if let Some(course) = course {
                    course.begin(list, op);
                    course.note(list, at, sum);
                }
            }
            Record::Anew { address, id } => {
                if let Some(thing) = self.thing(&address, &id)
                    && let Some(course) = &mut thing.course
                {
                    course.lists.remove(&List::Terminate);
                    if thing.status != Status::Incomplete {
                        thing.course = None;
                    }
                }
            }
            Record::Seen { address, recorded } => {
                self.take_back(&recorded);
                self.resources.insert(address, *recorded);
            }
            Record::Forgotten { address, id, gone } => {
                let recorded = self.remove(&address, &id);
                if let Some(recorded) = recorded.filter(|recorded| recorded.is_ours() && !gone) {
                    self.take_back(&recorded);
                    self.kept.push(Kept { address, recorded });
                }
            }
            Record::Restored { op } => {
                if let Some(Retired { address, recorded }) = self.retired.remove(&op)
                    && let Some(successor) = self.resources.insert(address.clone(), recorded)
                {
                    self.retired.insert(op, Retired { address, recorded: successor });
                }
            }
            Record::Moved { moves } => {
                self.move_to(&moves);
                let from = moves.into_iter().filter(|(old, _)| self.resources.contains_key(old));
                let exchanged: Vec<_> = from.map(|(old, new)| (new, old)).collect();
                self.exchanged.extend(exchanged);
            }
            Record::Exchanged { exchanged } => self.exchanged = exchanged,
            Record::Outputs { outputs } => self.outputs = outputs,
            Record::Wrote { command, salt } => {
                self.about.command = Some(*command);
                salt.into_iter().for_each(|salt| self.salted(salt));
            }
            Record::Expires { at } => self.about.expires = at,
        }
    }
}

impl State {
    /// Records what an operation left. Another thing that has the address is not overwritten, which would
    /// lose it: it is retired. What exists without us, and stays without us, need not be remembered.
    fn put(&mut self, op: u64, address: Address, recorded: Recorded) {
        let (kind, id) = (recorded.kind.clone(), recorded.id.clone());
        self.take_back(&recorded);
        if let Some(old) = self.resources.insert(address.clone(), recorded)
            && (old.kind != kind || old.id != id)
            && !(old.lifecycle.start.is_empty() && old.lifecycle.terminate.is_empty())
        {
            self.retired.insert(op, Retired { address, recorded: old });
        }
    }

    /// The create with this token is not late any more.
    fn arrived(&mut self, address: &Address, token: &str) {
        if self.late.get(address).is_some_and(|late| *late.token == *token) {
            self.late.remove(address);
        }
    }

    /// Tokens of operations from now on are made with this. Of those before, what is still needed is kept.
    pub fn salted(&mut self, salt: Arc<str>) {
        let things = self.resources.values().chain(self.retired.values().map(|retired| &retired.recorded));
        let requests = self.unfinished.values().map(|began| &began.request);
        let lists = things.chain(requests).filter_map(|one| one.course.as_ref()).flat_map(|one| one.lists.values());
        let used: BTreeSet<u64> = lists.map(|done| done.op).collect();
        self.salts.add(self.next_op, salt, &used);
    }

    /// The thing with this id, which has the address or had it.
    fn thing(&mut self, address: &Address, id: &str) -> Option<&mut Recorded> {
        let State { resources, retired, .. } = self;
        let current = resources.get_mut(address).filter(|recorded| *recorded.id == *id);
        current.or_else(|| {
            let retired = retired.values_mut().find(|old| old.address == *address && *old.recorded.id == *id);
            retired.map(|retired| &mut retired.recorded)
        })
    }

    /// Takes out the thing with this id, which has the address or had it.
    fn remove(&mut self, address: &Address, id: &str) -> Option<Recorded> {
        if self.resources.get(address).is_some_and(|recorded| *recorded.id == *id) {
            return self.resources.remove(address);
        }
        let mut old = self.retired.iter();
        let (number, _) = old.find(|(_, old)| old.address == *address && *old.recorded.id == *id)?;
        let number = *number;
        self.retired.remove(&number).map(|retired| retired.recorded)
    }

    /// What is recorded under an address again, or gone, is kept no longer.
    fn take_back(&mut self, recorded: &Recorded) {
        self.kept.retain(|kept| kept.recorded.kind != recorded.kind || kept.recorded.id != recorded.id);
    }

    /// Gives resources other addresses, and everything that refers to them with them.
    fn move_to(&mut self, moves: &BTreeMap<Address, Address>) {
        let new = |address: &Address| moves.get(address).unwrap_or(address).clone();
        let follow = |recorded: &mut Recorded| {
            recorded.dependencies = recorded.dependencies.iter().map(new).collect();
            let inputs = recorded.inputs.values_mut().chain(recorded.requested.values_mut());
            let values = inputs.chain(recorded.outputs.values_mut());
            values.for_each(|value| value.follow(moves));
            recorded.lifecycle.settings_mut().for_each(|value| value.follow(moves));
        };
        let old = std::mem::take(&mut self.resources);
        self.resources = old
            .into_iter()
            .map(|(address, mut recorded)| {
                follow(&mut recorded);
                (new(&address), recorded)
            })
            .collect();
        self.late = std::mem::take(&mut self.late).into_iter().map(|(address, late)| (new(&address), late)).collect();
        for retired in self.retired.values_mut() {
            follow(&mut retired.recorded);
            retired.address = new(&retired.address);
        }
        self.outputs.values_mut().for_each(|value| value.follow(moves));
    }
}

impl Known for State {
    fn id(&self, address: &Address) -> Option<Arc<str>> {
        self.resources.get(address).map(|recorded| recorded.id.clone())
    }

    fn output(&self, address: &Address, attribute: &Name) -> Option<Value> {
        let recorded = self.resources.get(address)?;
        recorded.outputs.get(attribute).cloned()
    }
}
