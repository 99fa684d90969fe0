//! The lease on an environment: who writes it, and until when. Data only; how one is taken, kept and
//! lost is a store's matter.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::state::process::Process;

/// How long a lease is, unless said otherwise. It is renewed three times in that time.
pub const LENGTH: Duration = Duration::from_secs(30);

/// Who asks for an environment.
#[derive(Clone, Debug)]
pub struct Holder {
    pub user: Option<String>,
    pub host: String,
    pub command: String,
    /// How long its lease is to be.
    pub length: Duration,
}

/// The right to write an environment, as the store holds it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Lease {
    /// Higher than that of everyone before.
    pub epoch: u64,
    /// A UUID of this one tenure.
    pub owner: String,
    pub command: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    pub host: String,
    #[serde(flatten)]
    pub process: Process,
    pub since: Timestamp,
    /// Unless it is renewed before; by the owner's clock.
    pub until: Timestamp,
    pub length_ms: u64,
    /// Given back: whoever comes may have it.
    pub released: bool,
}

impl Lease {
    pub fn new(epoch: u64, owner: String, holder: &Holder) -> Lease {
        let since = to_seconds(Timestamp::now());
        let lease = Lease {
            epoch,
            owner,
            command: holder.command.clone(),
            user: holder.user.clone(),
            host: holder.host.clone(),
            process: Process::own(),
            since,
            until: since,
            length_ms: u64::try_from(holder.length.as_millis()).unwrap_or(u64::MAX),
            released: false,
        };
        lease.renewed()
    }

    /// The same one, from now on.
    pub fn renewed(&self) -> Lease {
        let until = Timestamp::now().checked_add(self.length()).unwrap_or(Timestamp::MAX);
        Lease { until, ..self.clone() }
    }

    pub fn length(&self) -> Duration {
        Duration::from_millis(self.length_ms)
    }

    /// Whether its owner is certain not to write any more.
    pub fn is_over(&self, host: &str) -> bool {
        // Machines that were cloned while they ran share everything but, mostly, their names.
        self.released || self.host == host && self.process.is_dead()
    }
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` on {} (process {}) since {}", self.command, self.host, self.process.pid, self.since)
    }
}

/// A time as people read it.
pub fn to_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
