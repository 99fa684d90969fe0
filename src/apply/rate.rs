//! How many calls a second a service takes, of each kind, found out by its own answers: without a limit
//! until it says that it was called too often, then less at once and more little by little. Whoever waits
//! is served in the order of coming.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::apply::provider::Call;

/// What is left of a rate that was too high.
const LESS: f64 = 0.7;
/// No service is asked less often, in calls a second.
const LEAST: f64 = 0.5;
/// A rate grows in each second by so many times its root: clients of one service, which all hear of its
/// limit, come to the same share when the large ones grow less for their size.
const MORE: f64 = 0.25;
/// And by so many calls a second at least: a client that has little gets more of it soon.
const MORE_AT_LEAST: f64 = 0.5;
/// A service that has not complained for so long has no limit that is worth keeping to.
const FORGOTTEN: Duration = Duration::from_secs(60);
/// Calls of so much time may leave at once: timers are not exact.
const AT_ONCE: f64 = 0.05;
/// The longest sleep before the rate is looked at again, which may have grown.
const LOOK: Duration = Duration::from_millis(500);

type Lanes = HashMap<(Arc<str>, Call), Arc<Lane>>;

/// All services that a command calls.
pub struct Rates {
    lanes: Mutex<Lanes>,
    room: usize,
}

impl Rates {
    /// With room for so many operations at their beginning, of each kind and service.
    pub fn new(room: usize) -> Rates {
        Rates { lanes: Mutex::default(), room }
    }

    pub fn lane(&self, service: &str, call: Call) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.entry((service.into(), call)).or_insert_with(|| Lane::new(self.room).into()).clone()
    }
}

/// Calls of one kind to one service.
pub struct Lane {
    flow: Mutex<Flow>,
    /// Tokio's mutex is a queue.
    head: tokio::sync::Mutex<()>,
    /// For operations between the writing of their intent and the answer to their first call. Were there as
    /// many as there are resources, a service that is slow would leave them all open at a crash.
    pub room: Arc<Semaphore>,
}

struct Flow {
    /// Calls a second; none while no limit is known.
    rate: Option<f64>,
    /// How much the rate grows in a second.
    growth: f64,
    /// When it grew last, and when it was lowered last.
    grown: Instant,
    lowered: Instant,
    /// Calls that may leave now, and since when that is so.
    room: f64,
    filled: Instant,
    /// Calls that passed in this second, since when, and in the one before.
    passed: u32,
    since: Instant,
    before: f64,
}

impl Lane {
    pub fn new(room: usize) -> Lane {
        let now = Instant::now();
        let flow = Flow {
            rate: None,
            growth: 0.0,
            grown: now,
            lowered: now,
            room: 0.0,
            filled: now,
            passed: 0,
            since: now,
            before: 0.0,
        };
        Lane { flow: Mutex::new(flow), head: tokio::sync::Mutex::new(()), room: Arc::new(Semaphore::new(room)) }
    }

    fn flow(&self) -> MutexGuard<'_, Flow> {
        self.flow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until one more call may leave; whether it was counted, because there is a limit.
    pub async fn turn(&self) -> bool {
        if self.flow().rate.is_none() {
            return false;
        }
        let _head = self.head.lock().await;
        loop {
            let wait = self.flow().take(Instant::now());
            match wait {
                None => return true,
                Some(wait) => tokio::time::sleep(wait.min(LOOK)).await,
            }
        }
    }

    /// A call passed, or was refused for another reason than its number.
    pub fn passed(&self) {
        self.flow().passed(Instant::now());
    }

    /// A call that left then was one too many.
    pub fn throttled(&self, left: Instant) {
        self.flow().throttled(left, Instant::now());
    }

    /// Calls a second, if there is a limit.
    pub fn rate(&self) -> Option<f64> {
        self.flow().rate
    }
}

impl Flow {
    /// Takes the room of one call; how long until there is some, if there is none.
    fn take(&mut self, now: Instant) -> Option<Duration> {
        let rate = self.rate?;
        let most = (rate * AT_ONCE).max(1.0);
        self.room = (self.room + (now - self.filled).as_secs_f64() * rate).min(most);
        self.filled = now;
        if self.room >= 1.0 {
            self.room -= 1.0;
            return None;
        }
        // A little more than the rest: a timer that fires too early costs another round.
        Some(Duration::from_secs_f64((1.0 - self.room) / rate) + Duration::from_micros(1))
    }

    fn passed(&mut self, now: Instant) {
        self.passed += 1;
        let measured = self.measured(now);
        let Some(rate) = self.rate else { return };
        if now - self.lowered > FORGOTTEN {
            self.rate = None;
            return;
        }
        let grown = rate + self.growth * (now - self.grown).as_secs_f64();
        self.grown = now;
        // What passes is no more than passes; but a rate that nobody uses says nothing.
        self.rate = Some(grown.min(2.0 * measured + 2.0).max(rate.min(grown)).max(LESS * measured));
    }

    fn throttled(&mut self, left: Instant, now: Instant) {
        // One that had left before the rate was lowered says nothing of the lower one.
        if self.rate.is_some() && left <= self.lowered {
            return;
        }
        let measured = self.measured(now);
        let rate = self.rate.map_or(measured, |rate| rate.min(measured.max(LEAST)));
        self.growth = (MORE * rate.sqrt()).max(MORE_AT_LEAST);
        self.rate = Some((rate * LESS).max(LEAST));
        (self.lowered, self.grown, self.filled, self.room) = (now, now, now, 0.0);
    }

    /// Calls a second that passed lately.
    fn measured(&mut self, now: Instant) -> f64 {
        let time = (now - self.since).as_secs_f64();
        if time >= 1.0 {
            self.before = f64::from(self.passed) / time;
            (self.passed, self.since) = (0, now);
            return self.before;
        }
        self.before.max(f64::from(self.passed))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A service that takes so many calls a second, in the manner of a bucket that is refilled.
    struct Service {
        rate: f64,
        room: Mutex<(f64, Instant)>,
        refused: AtomicU32,
    }

    impl Service {
        fn new(rate: f64) -> Arc<Service> {
            Arc::new(Service { rate, room: Mutex::new((rate, Instant::now())), refused: AtomicU32::new(0) })
        }

        async fn call(&self) -> bool {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let mut room = self.room.lock().unwrap();
            let now = Instant::now();
            room.0 = (room.0 + (now - room.1).as_secs_f64() * self.rate).min(self.rate);
            room.1 = now;
            let takes = room.0 >= 1.0;
            if takes {
                room.0 -= 1.0;
            } else {
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
            takes
        }
    }

    /// Makes calls at once, each until it passes; when each did.
    async fn all_pass(lane: &Arc<Lane>, service: &Arc<Service>, calls: usize) -> Vec<Duration> {
        let mut tasks = tokio::task::JoinSet::new();
        let began = Instant::now();
        for number in 0..calls {
            let (lane, service) = (lane.clone(), service.clone());
            tasks.spawn(async move {
                loop {
                    lane.turn().await;
                    let left = Instant::now();
                    if service.call().await {
                        lane.passed();
                        return (number, began.elapsed());
                    }
                    lane.throttled(left);
                }
            });
        }
        let mut times = tasks.join_all().await;
        times.sort_unstable();
        times.into_iter().map(|(_, time)| time).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn without_complaints_nothing_waits() {
        let (lane, service) = (Arc::new(Lane::new(1)), Service::new(1e9));
        let times = all_pass(&lane, &service, 10_000).await;
        assert_eq!(times.iter().max(), Some(&Duration::from_millis(50)));
        assert_eq!(lane.rate(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_comes_to_what_the_service_takes() {
        for rate in [2.0, 20.0, 200.0] {
            let (lane, service) = (Arc::new(Lane::new(1)), Service::new(rate));
            let calls = (rate * 100.0) as usize;
            // The first many find out that there is a limit.
            all_pass(&lane, &service, calls / 5).await;
            service.refused.store(0, Ordering::Relaxed);
            let began = Instant::now();
            all_pass(&lane, &service, calls).await;
            let best = Duration::from_secs(100);
            let took = began.elapsed();
            assert!(took < best.mul_f64(1.25), "{rate} a second: {took:?} in place of {best:?}");
            let refused = f64::from(service.refused.load(Ordering::Relaxed));
            assert!(refused < calls as f64 * 0.2, "{rate} a second: {refused} of {calls} were too many");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_starves() {
        let (lane, service) = (Arc::new(Lane::new(1)), Service::new(10.0));
        let times = all_pass(&lane, &service, 500).await;
        let longest = times.iter().max().unwrap().as_secs_f64();
        assert!(longest < 500.0 / 10.0 * 1.6, "{longest} s");
        // Whoever comes then waits behind these, and not behind those that come later.
        let (first, later) = tokio::join!(all_pass(&lane, &service, 50), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            all_pass(&lane, &service, 50).await
        });
        let mean = |times: &[Duration]| times.iter().sum::<Duration>() / times.len() as u32;
        assert!(mean(&first) < mean(&later), "{first:?} {later:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn two_clients_share_a_service() {
        let service = Service::new(20.0);
        let (one, two) = (Arc::new(Lane::new(1)), Arc::new(Lane::new(1)));
        let began = Instant::now();
        let (first, second) = tokio::join!(all_pass(&one, &service, 600), all_pass(&two, &service, 600));
        assert!(began.elapsed() < Duration::from_secs(90), "{:?}", began.elapsed());
        let ends = [first, second].map(|times| times.iter().max().unwrap().as_secs_f64());
        assert!(ends[0].max(ends[1]) < 2.0 * ends[0].min(ends[1]), "{ends:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_is_forgotten_when_nobody_complains() {
        let (lane, service) = (Arc::new(Lane::new(1)), Service::new(5.0));
        all_pass(&lane, &service, 50).await;
        assert!(lane.rate().is_some());
        tokio::time::advance(FORGOTTEN + Duration::from_secs(1)).await;
        all_pass(&lane, &service, 1).await;
        assert_eq!(lane.rate(), None);
    }
}
