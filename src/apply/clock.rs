//! What time it is: a wall time that goes with tokio's own, so that where tests hold time still or let
//! it jump, deadlines, records and clouds all see the same one.

use jiff::Timestamp;
use tokio::time::Instant;

#[derive(Clone, Debug)]
pub struct Clock {
    /// When it was started, by the wall clock and by tokio's.
    start: Timestamp,
    started: Instant,
    /// Whether the machine's clock is looked at too.
    real: bool,
}

impl Clock {
    /// The machine's time. It never goes back, and follows the machine's clock forward: tokio's time
    /// stands still while a machine sleeps.
    pub fn system() -> Clock {
        Clock { start: Timestamp::now(), started: Instant::now(), real: true }
    }

    /// A time that has nothing to do with the machine's: two runs that begin at the same one see the
    /// same times.
    pub fn starting_at(start: Timestamp) -> Clock {
        Clock { start, started: Instant::now(), real: false }
    }

    pub fn now(&self) -> Timestamp {
        let now = self.start.checked_add(self.started.elapsed()).unwrap_or(Timestamp::MAX);
        if self.real { now.max(Timestamp::now()) } else { now }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_goes_with_tokios_time() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let (clock, system) = (Clock::starting_at(start), Clock::system());
        let before = system.now();
        assert_eq!(clock.now(), start);
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(clock.now().to_string(), "2026-01-01T01:00:00Z");
        assert!(before.duration_until(system.now()).as_secs() >= 3599);
    }
}
