//! What is recorded of an environment: its resources, and operations that began and are not known to
//! have ended. State is a snapshot with journal records applied to it; the arithmetic is here, the
//! files are in `store`.

pub mod lease;
pub mod ledger;
pub mod observed;
pub mod process;
pub mod record;
pub mod store;
pub mod tenure;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::action::{Lifecycle, Verb};
use crate::model::term::Known;
use crate::name::{Address, Name};
use crate::value::{Fields, Value};
use record::{Ended, Record};

/// What [`is_environment`] asks for, in the user's words.
pub const ENVIRONMENT_RULE: &str = "an environment is named with letters, digits, `-` and `_`";

/// Whether a text can name an environment. Environments name directories and end up in the names of
/// things.
pub fn is_environment(text: &str) -> bool {
    let good = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    good && !text.is_empty() && text.len() <= 60 && !text.starts_with('-')
}

/// The version of the format that this program writes. It reads no newer one.
pub const VERSION: u32 = 1;

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
    /// Operations that began and whose end is not recorded, by number.
    pub unfinished: BTreeMap<u64, Began>,
    /// As of the last apply.
    pub outputs: BTreeMap<Name, Value>,
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
    pub outputs: Fields,
    pub dependencies: BTreeSet<Address>,
    /// Settled, so that it can be taken down when its source is gone.
    pub lifecycle: Lifecycle,
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

/// An operation whose call may be on its way.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Began {
    pub address: Address,
    pub verb: Verb,
    /// The idempotency token of a create.
    pub token: Arc<str>,
    /// What will be recorded if it turns out to exist. Its id is empty until the cloud has said it.
    pub request: Recorded,
    /// When, in RFC 3339.
    pub at: Arc<str>,
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
            unfinished: BTreeMap::new(),
            outputs: BTreeMap::new(),
        }
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
                }
            }
            Record::Ended { op, result } => {
                let Some(began) = self.unfinished.remove(&op) else {
                    return;
                };
                match result {
                    Ended::Recorded(recorded) => {
                        self.resources.insert(began.address, *recorded);
                    }
                    Ended::Gone => {
                        self.resources.remove(&began.address);
                    }
                    Ended::Unchanged => {}
                }
            }
            Record::Seen { address, recorded } => {
                self.resources.insert(address, *recorded);
            }
            Record::Forgotten { address } => {
                self.resources.remove(&address);
            }
            Record::Moved { moves } => self.move_to(&moves),
            Record::Outputs { outputs } => self.outputs = outputs,
        }
    }
}

impl State {
    /// Gives resources other addresses, and everything that refers to them with them.
    fn move_to(&mut self, moves: &BTreeMap<Address, Address>) {
        let new = |address: &Address| moves.get(address).unwrap_or(address).clone();
        let old = std::mem::take(&mut self.resources);
        self.resources = old
            .into_iter()
            .map(|(address, mut recorded)| {
                recorded.dependencies = recorded.dependencies.iter().map(new).collect();
                let values = recorded.inputs.values_mut().chain(recorded.outputs.values_mut());
                values.for_each(|value| value.follow(moves));
                let actions = recorded.lifecycle.actions_mut();
                actions.flat_map(|action| action.settings.values_mut()).for_each(|value| value.follow(moves));
                (new(&address), recorded)
            })
            .collect();
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
