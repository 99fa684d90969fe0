//! What happens while applying, for whoever shows it. Nothing here decides anything.

use std::time::Duration;

use crate::apply::provider::Fault;
use crate::name::{Address, Name};
use crate::plan::ChangeKind;

#[derive(Clone, Debug)]
pub enum Event {
    /// A resource is being worked on.
    Began {
        address: Address,
        kind: ChangeKind,
    },
    /// The action that runs now.
    Running {
        address: Address,
        action: Name,
    },
    /// What it is waiting for, as the cloud calls it.
    Waiting {
        address: Address,
        on: String,
    },
    /// An action failed whose `onFailure` is `"warn"`.
    Warned {
        address: Address,
        action: Name,
        fault: Fault,
    },
    /// A call did not go through and is made again after a pause.
    Retrying {
        address: Address,
        fault: Fault,
        after: Duration,
    },
    Done {
        address: Address,
        kind: ChangeKind,
        id: String,
        /// Whether it did not exist any more, and is recorded no longer.
        gone: bool,
        took: Duration,
    },
    Failed {
        address: Address,
        fault: Fault,
        took: Duration,
    },
}

/// Where events go. Nobody may listen.
pub type Events = tokio::sync::mpsc::UnboundedSender<Event>;
