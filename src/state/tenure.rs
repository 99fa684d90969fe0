//! Keeping a lease: a heartbeat that renews it, and a handle that says whether its owner may still
//! act. Where the lease lies is behind a trait, so that this serves every store.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use crate::state::lease::Lease;
use crate::state::store::StoreFault;

/// A lease in its place, as its owner reaches it.
pub trait Keep: Send + Sync {
    /// Whether it is certain that it is another's by now, where a cheap look tells.
    fn is_lost(&self) -> bool;

    /// Says that the owner is there.
    ///
    /// # Errors
    /// `Fenced` when it is another's by now; anything else leaves it as it was.
    fn renew(&self) -> Result<(), StoreFault>;

    /// Says that the owner needs it no longer.
    ///
    /// # Errors
    /// As for `renew`.
    fn release(&self) -> Result<(), StoreFault>;

    /// The lease of whoever has taken over, if that is known by now.
    fn successor(&self) -> Option<Lease>;
}

/// Says whether a process may still make calls for an environment. Cheap to clone and to ask.
#[derive(Clone)]
pub struct Tenure(Arc<Inner>);

struct Inner {
    epoch: u64,
    /// None for a store that nobody else can reach.
    lease: Option<(Box<dyn Keep>, Duration)>,
    /// When the last renewal that went through began.
    renewed: Mutex<Moment>,
    lost: OnceLock<Option<Lease>>,
}

/// A moment by both clocks: the first stands still while the machine sleeps, and the second may be set.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    at: Instant,
    by_wall: SystemTime,
}

impl Moment {
    pub fn now() -> Moment {
        Moment { at: Instant::now(), by_wall: SystemTime::now() }
    }

    fn is_younger_than(self, length: Duration) -> bool {
        self.at.elapsed() < length && self.by_wall.elapsed().is_ok_and(|age| age < length)
    }
}

impl Tenure {
    /// Of a lease that was written after `since`, and is `length` long.
    fn of(epoch: u64, keep: Box<dyn Keep>, length: Duration, since: Moment) -> Tenure {
        let lease = Some((keep, length));
        Tenure(Arc::new(Inner { epoch, lease, renewed: Mutex::new(since), lost: OnceLock::new() }))
    }

    /// Of a store that nobody else can reach, as one in memory.
    pub fn alone(epoch: u64) -> Tenure {
        let renewed = Mutex::new(Moment::now());
        Tenure(Arc::new(Inner { epoch, lease: None, renewed, lost: OnceLock::new() }))
    }

    pub fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// Whether the lease was renewed in time. After that time it is renewed on the spot, or found lost:
    /// so a process that slept does nothing on the strength of a lease that it had before.
    ///
    /// # Errors
    /// When it is lost, or cannot be renewed.
    pub fn holds(&self) -> Result<(), StoreFault> {
        let Some((keep, length)) = &self.0.lease else { return Ok(()) };
        if let Some(successor) = self.0.lost.get() {
            return Err(StoreFault::Fenced(successor.clone().map(Box::new)));
        }
        if keep.is_lost() {
            return Err(self.fenced());
        }
        if self.renewed().is_younger_than(*length) { Ok(()) } else { self.renew() }
    }

    fn renewed(&self) -> MutexGuard<'_, Moment> {
        self.0.renewed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn renew(&self) -> Result<(), StoreFault> {
        let Some((keep, _)) = &self.0.lease else { return Ok(()) };
        let began = Moment::now();
        let result = keep.renew();
        match &result {
            Ok(()) => *self.renewed() = began,
            Err(StoreFault::Fenced(successor)) => {
                let _ = self.0.lost.set(successor.as_deref().cloned());
            }
            // It may go through the next time, before the lease has run out.
            Err(
                StoreFault::Locked(_) | StoreFault::Io { .. } | StoreFault::Damaged { .. } | StoreFault::Newer { .. },
            ) => {}
        }
        result
    }

    /// Why something that needs the lease was not possible: the lease is another's.
    pub fn fenced(&self) -> StoreFault {
        let successor = self.0.lease.as_ref().and_then(|(keep, _)| keep.successor());
        StoreFault::Fenced(self.0.lost.get_or_init(|| successor).clone().map(Box::new))
    }
}

impl fmt::Debug for Tenure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "epoch {}", self.0.epoch)
    }
}

/// A lease that is kept for as long as this lives, and given back then.
pub struct Heartbeat {
    tenure: Tenure,
    ended: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Heartbeat {
    /// Keeps a lease that was written after `since`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(epoch: u64, keep: Box<dyn Keep>, length: Duration, since: Moment) -> std::io::Result<Heartbeat> {
        let tenure = Tenure::of(epoch, keep, length, since);
        let ended = Arc::new((Mutex::new(false), Condvar::new()));
        let mut heartbeat = Heartbeat { tenure: tenure.clone(), ended: ended.clone(), thread: None };
        let thread = std::thread::Builder::new().name("heartbeat".into());
        heartbeat.thread = Some(thread.spawn(move || beat(&tenure, length, &ended))?);
        Ok(heartbeat)
    }

    pub fn tenure(&self) -> &Tenure {
        &self.tenure
    }
}

fn beat(tenure: &Tenure, length: Duration, (ended, wake): &(Mutex<bool>, Condvar)) {
    let mut pause = length / 3;
    loop {
        let guard = ended.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = wake.wait_timeout_while(guard, pause, |ended| !*ended);
        let (guard, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if *guard {
            return;
        }
        drop(guard);
        pause = match tenure.renew() {
            Ok(()) => length / 3,
            Err(StoreFault::Fenced(_)) => return,
            // There is time for some more tries.
            Err(_) => length / 10,
        };
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        *self.ended.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.ended.1.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        if let Some((keep, _)) = &self.tenure.0.lease
            && self.tenure.0.lost.get().is_none()
        {
            // A lease that cannot be given back runs out.
            let _ = keep.release();
        }
    }
}
