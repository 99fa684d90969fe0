//! How many calls a whole run may make again: as many as pass pay for, and a few besides. So a service
//! that is sick gets no more calls than one that is well, however many resources wait for it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Repetitions that are there at first, and at most.
const MOST: f64 = 200.0;
/// What a call that passes brings in.
const PER_PASS: f64 = 0.5;
/// What a repetition that passes brings in: its own price and more, since the service is well again.
const PER_PASS_AGAIN: f64 = 2.0;
/// What a second brings in: a service that was sick is tried again.
const PER_SECOND: f64 = 1.0;

pub struct Budget {
    /// Repetitions that are left, and since when.
    left: Mutex<(f64, Instant)>,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { left: Mutex::new((MOST, Instant::now())) }
    }
}

impl Budget {
    /// Takes one repetition; when there will be one, if there is none.
    pub fn take(&self) -> Option<Duration> {
        self.with(|left| {
            let short = 1.0 - *left;
            if short <= 0.0 {
                *left -= 1.0;
                return None;
            }
            Some(Duration::from_secs_f64(short / PER_SECOND))
        })
    }

    /// A call passed, or one that was made again.
    pub fn passed(&self, again: bool) {
        let brings = if again { PER_PASS_AGAIN } else { PER_PASS };
        self.with(|left| *left = (*left + brings).min(MOST));
    }

    fn with<T>(&self, work: impl FnOnce(&mut f64) -> T) -> T {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        left.0 = (left.0 + (now - left.1).as_secs_f64() * PER_SECOND).min(MOST);
        left.1 = now;
        work(&mut left.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_budget_runs_out_and_comes_back() {
        let budget = Budget::default();
        let all = |budget: &Budget| (0..10_000).take_while(|_| budget.take().is_none()).count();
        assert_eq!(all(&budget), MOST as usize);
        assert!(budget.take().is_some());
        (0..20).for_each(|_| budget.passed(false));
        assert_eq!(all(&budget), 10);
        budget.passed(true);
        assert_eq!(all(&budget), 2);
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(all(&budget), 5);
        let wait = budget.take().unwrap();
        tokio::time::advance(wait).await;
        assert_eq!(budget.take(), None);
    }
}
