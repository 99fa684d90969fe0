//! Records of the journal, and the lines that they are written as.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::model::action::List;
use crate::name::{Address, Name};
use crate::state::about::Command;
use crate::state::{Began, Recorded};
use crate::value::Value;

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "lowercase")]
pub enum Record {
    /// Durable before the call leaves.
    Began {
        op: u64,
        began: Box<Began>,
    },
    /// The cloud has said the id. Durable before anything depends on it.
    Made {
        op: u64,
        id: Arc<str>,
    },
    Ended {
        op: u64,
        result: Ended,
    },
    /// The terminate actions of a thing begin, before any of its own operations does.
    Entered {
        op: u64,
        address: Address,
        id: Arc<str>,
        list: List,
    },
    /// An action of a list is done: the one that has `at` others before it.
    Acted {
        /// The operation that it belongs to, or will belong to.
        op: u64,
        address: Address,
        id: Arc<str>,
        list: List,
        at: usize,
        /// Its [`Action::sum`](crate::model::action::Action::sum).
        sum: Arc<str>,
    },
    /// What was done of its terminate actions does not count any more: all of them run the next time.
    Anew {
        address: Address,
        id: Arc<str>,
    },
    /// Found as it is: adopted, or different from what was recorded.
    Seen {
        address: Address,
        recorded: Box<Recorded>,
    },
    /// Left standing, or gone already; ours no longer.
    Forgotten {
        address: Address,
        id: Arc<str>,
        /// It is not there any more. If not, what this environment made of it is remembered.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        gone: bool,
    },
    /// The thing that this operation replaced has its address again. Its successor, if it is there, is retired.
    Restored {
        op: u64,
    },
    /// The program calls these otherwise now: from the old address to the new one.
    Moved {
        moves: BTreeMap<Address, Address>,
    },
    /// The program says that these exchanged their names, and they have: from the new address to the old one.
    Exchanged {
        exchanged: BTreeMap<Address, Address>,
    },
    Outputs {
        outputs: BTreeMap<Name, Value>,
    },
    /// This command writes. It stands ahead of the first thing that it records.
    Wrote {
        command: Box<Command>,
        /// Of its tokens.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        salt: Option<Arc<str>>,
    },
    /// From when on the environment may be taken down; never, when there is no time.
    Expires {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<Timestamp>,
    },
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// It is there, like this. Another thing that had the address is retired.
    Recorded(Box<Recorded>),
    /// It is not there any more, or never was.
    Gone,
    /// Nothing came of it; what was recorded before still holds.
    Unchanged,
    /// Of a create: what it makes was looked for and not found, and its call may still arrive.
    Unseen,
}

impl Record {
    /// The number of the operation that it is about, if it is about one.
    pub fn op(&self) -> Option<u64> {
        match self {
            Record::Began { op, .. }
            | Record::Made { op, .. }
            | Record::Ended { op, .. }
            | Record::Entered { op, .. }
            | Record::Acted { op, .. }
            | Record::Restored { op } => Some(*op),
            Record::Anew { .. }
            | Record::Seen { .. }
            | Record::Forgotten { .. }
            | Record::Moved { .. }
            | Record::Exchanged { .. }
            | Record::Outputs { .. }
            | Record::Wrote { .. }
            | Record::Expires { .. } => None,
        }
    }
}

/// The first line of a journal: which snapshot it continues.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Header {
    pub version: u32,
    pub lineage: Arc<str>,
    /// The snapshot's.
    pub serial: u64,
    /// The writer's.
    pub epoch: u64,
}

/// One line: its number, its text, and a checksum over both.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    line: u64,
    sum: String,
    #[serde(borrow)]
    of: &'a RawValue,
}

/// The first 16 hexadecimal digits of the SHA-256 of the number and the text.
pub fn checksum(number: u64, text: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(number.to_le_bytes());
    hash.update(text.as_bytes());
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// A record or header as line `number`, with its line break.
///
/// # Errors
/// Never for records; a value that cannot be JSON is our mistake.
pub fn line<T: Serialize>(number: u64, of: &T) -> serde_json::Result<String> {
    let text = serde_json::to_string(of)?;
    let sum = checksum(number, &text);
    Ok(format!("{{\"line\":{number},\"sum\":\"{sum}\",\"of\":{text}}}\n"))
}

/// The record or header that line `number` holds; nothing when it is torn, changed or another's.
pub fn read<T: for<'de> Deserialize<'de>>(number: u64, text: &str) -> Option<T> {
    let line: Line = serde_json::from_str(text).ok()?;
    if line.line != number || line.sum != checksum(number, line.of.get()) {
        return None;
    }
    serde_json::from_str(line.of.get()).ok()
}
