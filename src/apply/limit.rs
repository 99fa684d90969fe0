//! Calls to the cloud: how many at once, how often again, with which pauses. Waiting for a thing to
//! become ready holds no place here.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use crate::apply::clock::Clock;
use crate::apply::discreet::Discreet;
use crate::apply::event::{Event, Events};
use crate::apply::provider::{Fault, FaultKind, Provider};
use crate::name::Address;
use crate::state::store::StoreFault;
use crate::state::tenure::Tenure;

/// Calls in flight at once.
const AT_ONCE: usize = 16;
/// Tries of one call.
const TRIES: u32 = 6;
/// The longest first pause; it doubles with each try, and the real one is random below it.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// A provider behind the limits of one command.
#[derive(Clone)]
pub struct Calls {
    pub provider: Arc<dyn Provider>,
    pub clock: Clock,
    places: Arc<Semaphore>,
    /// Operations between the writing of their intent and the answer to their first call. Were there
    /// as many as there are resources, a crash would leave them all open, and a wish to stop would
    /// come after all of them.
    beginnings: Arc<Semaphore>,
    events: Events,
    random: Arc<Mutex<fastrand::Rng>>,
    /// Whether this process may still change anything. None where nothing is to be changed.
    tenure: Option<Tenure>,
    lost: Arc<Lost>,
}

/// Why the environment is not this process's any more, when that is found out.
#[derive(Default)]
struct Lost {
    why: Mutex<Option<StoreFault>>,
    told: Notify,
}

impl Calls {
    pub fn new(provider: Arc<dyn Provider>, events: Events) -> Calls {
        Calls::with(provider, events, Clock::system(), fastrand::Rng::new())
    }

    /// Calls in a time of their own, with chances that follow from a seed: on one thread with tokio's
    /// time held still, two runs are the same.
    pub fn simulated(provider: Arc<dyn Provider>, events: Events, clock: Clock, seed: u64) -> Calls {
        Calls::with(provider, events, clock, fastrand::Rng::with_seed(seed))
    }

    fn with(provider: Arc<dyn Provider>, events: Events, clock: Clock, random: fastrand::Rng) -> Calls {
        let (places, beginnings) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(Semaphore::new(AT_ONCE)));
        Calls {
            provider: Arc::new(Discreet(provider)),
            clock,
            places,
            beginnings,
            events,
            random: Arc::new(Mutex::new(random)),
            tenure: None,
            lost: Arc::default(),
        }
    }

    /// The same, for whoever has the environment, for as long as that is so.
    pub fn under(&self, tenure: Tenure) -> Calls {
        Calls { tenure: Some(tenure), ..self.clone() }
    }

    /// Returns when a call that changes something was not made, because the environment was lost.
    pub async fn lost(&self) -> StoreFault {
        loop {
            if let Some(why) = self.lost.why.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return why;
            }
            self.lost.told.notified().await;
        }
    }

    /// The same, heard by somebody else.
    pub fn heard_by(&self, events: Events) -> Calls {
        Calls { events, ..self.clone() }
    }

    /// A place among the operations that are beginning, until it is dropped.
    pub async fn beginning(&self) -> Option<SemaphorePermit<'_>> {
        // Nobody closes the semaphore.
        self.beginnings.acquire().await.ok()
    }

    pub fn tell(&self, event: Event) {
        // Whoever listened may have gone.
        let _ = self.events.send(event);
    }

    /// One try of a call that changes nothing.
    pub async fn once<T>(&self, call: impl Future<Output = T>) -> T {
        let _place = self.places.acquire().await;
        call.await
    }

    /// One try of a call that changes something. Where the environment is lost it is not made, and this
    /// never returns: the executor, which waits for [`Calls::lost`], ends whoever waits.
    pub async fn change<T>(&self, call: impl Future<Output = T>) -> T {
        let _place = self.places.acquire().await;
        if let Some(Err(why)) = self.tenure.as_ref().map(Tenure::holds) {
            *self.lost.why.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
            self.lost.told.notify_one();
            std::future::pending::<()>().await;
        }
        call.await
    }

    /// A call that changes nothing, until it goes through or is refused.
    ///
    /// # Errors
    /// The last fault.
    pub async fn repeat<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        address: &Address,
        mut call: impl FnMut() -> F,
    ) -> Result<T, Fault> {
        self.repeatedly(address, || self.once(call())).await
    }

    /// As [`Calls::repeat`], of a change that may be made twice without harm.
    ///
    /// # Errors
    /// The last fault.
    pub async fn repeat_change<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        address: &Address,
        mut call: impl FnMut() -> F,
    ) -> Result<T, Fault> {
        self.repeatedly(address, || self.change(call())).await
    }

    async fn repeatedly<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        address: &Address,
        mut call: impl FnMut() -> F,
    ) -> Result<T, Fault> {
        let mut tried = 1;
        loop {
            match call().await {
                Ok(value) => return Ok(value),
                Err(fault) if !passes_later(fault.kind) => return Err(fault),
                Err(fault) => match self.pause(address, &fault, tried).await {
                    true => tried += 1,
                    false => return Err(fault),
                },
            }
        }
    }

    /// Waits before another try; false when there have been enough.
    pub async fn pause(&self, address: &Address, fault: &Fault, tried: u32) -> bool {
        if tried >= TRIES {
            return false;
        }
        let longest = PAUSE.saturating_mul(1 << tried.min(10)).min(LONGEST_PAUSE);
        let after = longest.mul_f64(self.random.lock().unwrap_or_else(PoisonError::into_inner).f64());
        self.tell(Event::Retrying { address: address.clone(), fault: fault.clone(), after });
        tokio::time::sleep(after).await;
        true
    }
}

/// Whether the same call may go through a little later.
pub fn passes_later(kind: FaultKind) -> bool {
    match kind {
        FaultKind::Throttled | FaultKind::Unavailable | FaultKind::Unknown => true,
        FaultKind::Taken | FaultKind::Missing | FaultKind::Denied | FaultKind::Held | FaultKind::Refused => false,
    }
}
