//! What is known of an environment itself, beside what is in it: since when it is recorded, until when it
//! is wanted, and which command wrote last.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::state::lease::{Lease, to_seconds};

#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct About {
    /// When its record was begun. Older records do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// From when on it may be taken down by whoever comes; never, when nobody has said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// The last one that wrote. Older records do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Command>,
}

/// A command that wrote.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Command {
    /// As it was typed, without the values of params.
    pub line: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    pub host: String,
    /// When it took the environment.
    pub at: Timestamp,
}

impl About {
    /// Whether nothing is known, as of a record from before anything was noted here.
    pub fn is_unknown(&self) -> bool {
        *self == About::default()
    }

    /// Whether its time is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

impl From<&Lease> for Command {
    fn from(lease: &Lease) -> Command {
        Command {
            line: lease.command.clone(),
            user: lease.user.clone(),
            host: lease.host.clone(),
            at: to_seconds(lease.since),
        }
    }
}
