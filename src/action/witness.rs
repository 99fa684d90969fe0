//! Who watches one action while somebody asks how a thing is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::apply::provider::{Fault, Health};

/// What the provider says of a thing; nothing when it is not there.
pub type Seen = Result<Option<Health>, Fault>;

/// Knows what a look at many things at once has shown of this one, and keeps what the action saw.
#[derive(Debug, Default)]
pub struct Witness {
    seen: Mutex<Option<Seen>>,
    asked: AtomicBool,
    judged: AtomicBool,
}

impl Witness {
    /// With what was seen of the thing already: it stands for the first look of a `Check`.
    pub fn having(seen: Option<Seen>) -> Witness {
        Witness { seen: Mutex::new(seen), ..Witness::default() }
    }

    /// What was seen already, the first time. From then on the provider has to be asked.
    pub(super) fn take(&self) -> Option<Seen> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.asked.fetch_or(seen.is_none(), Ordering::Relaxed);
        seen
    }

    /// Notes that it was looked at, and is not live.
    pub(super) fn judge(&self) {
        self.judged.store(true, Ordering::Relaxed);
    }

    /// Whether a `Check` had to ask for this thing alone.
    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Whether it was looked at, and is not live. A failure without that says nothing of the thing.
    pub fn judged(&self) -> bool {
        self.judged.load(Ordering::Relaxed)
    }
}
