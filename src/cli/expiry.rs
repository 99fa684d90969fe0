//! Until when an environment is wanted: as a command finds it, or sets it, and how that is told.

use std::time::Duration;

use jiff::Timestamp;

use crate::cli::duration::roughly;
use crate::state::State;
use crate::state::lease::to_seconds;
use crate::state::ledger::Ledger;
use crate::state::record::Record;
use crate::state::store::StoreFault;

/// The expiry of an environment, for one apply.
#[derive(Clone, Copy, Debug)]
pub struct Expiry {
    at: Option<Timestamp>,
    /// Whether it is set now.
    is_new: bool,
    now: Timestamp,
}

impl Expiry {
    /// As recorded, or so long from now on.
    pub fn of(state: &State, ttl: Option<Duration>, now: Timestamp) -> Expiry {
        let set = ttl.map(|ttl| after(now, ttl));
        Expiry { at: set.or(state.about.expires), is_new: set.is_some(), now }
    }

    /// Makes it durable if it is set now. To be called before the first thing is made: what a killed apply
    /// leaves must be taken down too when its time is over.
    ///
    /// # Errors
    /// When the store cannot keep it.
    pub fn record(&self, ledger: &mut Ledger) -> Result<(), StoreFault> {
        if self.is_new { ledger.record(vec![Record::Expires { at: self.at }]) } else { Ok(()) }
    }

    /// The same, as it is told later.
    pub fn later(self, now: Timestamp) -> Expiry {
        Expiry { now, ..self }
    }

    /// What a plan says of it; nothing when the environment stays.
    pub fn line(&self) -> Option<String> {
        let at = self.at?;
        let told = told(at, self.now);
        Some(if at > self.now {
            format!("  Expires {told}.")
        } else {
            format!("  Expired {told}: the next `tadpole reap` takes it down. `--ttl 4h` gives it more time.")
        })
    }
}

/// Takes the time away from an environment in which nothing is left. What is made in it later is as new, and
/// not to be taken down at once.
///
/// # Errors
/// When the store cannot keep it.
pub fn end(ledger: &mut Ledger) -> Result<(), StoreFault> {
    if !ledger.state().holds_nothing() || ledger.state().about.expires.is_none() {
        return Ok(());
    }
    ledger.record(vec![Record::Expires { at: None }])?;
    ledger.compact()
}

/// So long after a moment, to the second.
pub fn after(now: Timestamp, length: Duration) -> Timestamp {
    to_seconds(now.checked_add(length).unwrap_or(Timestamp::MAX))
}

/// `2026-11-21 20:00 UTC, in 4 h`, or `..., 2 h ago`
pub fn told(at: Timestamp, now: Timestamp) -> String {
    format!("{} UTC, {}", at.strftime("%Y-%m-%d %H:%M"), distance(at, now))
}

/// `in 4 h`, or `2 h ago`
pub fn distance(at: Timestamp, now: Timestamp) -> String {
    let length = roughly(at.duration_since(now).unsigned_abs());
    if at > now { format!("in {length}") } else { format!("{length} ago") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn an_expiry_is_told_with_how_far_it_is() {
        let now = time("2026-11-21T16:00:00.7Z");
        let mut state = State::new("l".into(), "sandbox".into());
        assert_eq!(Expiry::of(&state, None, now).line(), None);
        let set = Expiry::of(&state, Some(Duration::from_secs(4 * 3600)), now);
        assert_eq!(set.line().unwrap(), "  Expires 2026-11-21 20:00 UTC, in 4 h.");
        state.about.expires = Some(time("2026-11-23T17:00:00Z"));
        assert_eq!(Expiry::of(&state, None, now).line().unwrap(), "  Expires 2026-11-23 17:00 UTC, in 2 d.");
        state.about.expires = Some(time("2026-11-21T14:00:00Z"));
        let line = Expiry::of(&state, None, now).line().unwrap();
        assert!(line.starts_with("  Expired 2026-11-21 14:00 UTC, 2 h ago: the next `tadpole reap`"), "{line}");
        let line = Expiry::of(&state, Some(Duration::from_secs(60)), now).line().unwrap();
        assert_eq!(line, "  Expires 2026-11-21 16:01 UTC, in 59 s.");
    }
}
