//! Calls to the cloud: how many at once, how many a second, how often again, with which pauses. Waiting
//! for a thing to become ready holds no place here.

use std::future::Future;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::apply::Stop;
use crate::apply::budget::Budget;
use crate::apply::clock::Clock;
use crate::apply::discreet::Discreet;
use crate::apply::event::{Event, Events};
use crate::apply::provider::{
    Call, DEADLINE, Deed, Fault, FaultKind, Health, Leaving, Made, Obstacle, Owned, Place, Progress, Provider, Reading,
    Seek, Want,
};
use crate::apply::rate::{Lane, Rates};
use crate::apply::step::place_of;
use crate::name::Address;
use crate::state::State;
use crate::state::store::StoreFault;
use crate::state::tenure::Tenure;
use crate::value::Fields;
use crate::value::Value;

/// Tries of one call that fails.
const TRIES: u32 = 8;
/// Tries of one call that is one too many: those get through when their turn comes.
const THROTTLED_TRIES: u32 = 40;
/// The longest first pause; it doubles with each try, and the real one is random below it.
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// The longest pause before a call that waits for something that is certain to come.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A provider behind the limits of one command.
#[derive(Clone)]
pub struct Calls {
    pub provider: Arc<dyn Provider>,
    pub clock: Clock,
    /// The program's: paths that actions name start there.
    pub directory: Arc<Path>,
    /// The names of the program and of its environment, for what actions run; empty where there are none.
    pub project: Arc<str>,
    pub environment: Arc<str>,
    places: Arc<Semaphore>,
    rates: Arc<Rates>,
    budget: Arc<Budget>,
    events: Events,
    random: Arc<Mutex<fastrand::Rng>>,
    /// Whether this process may still change anything. None where nothing is to be changed.
    tenure: Option<Tenure>,
    lost: Arc<Lost>,
    /// Whether somebody wants the command to stop. None where nobody is heard.
    stop: Option<watch::Receiver<Stop>>,
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
        let at_once = provider.at_once().min(Semaphore::MAX_PERMITS);
        let (places, rates) = (Arc::new(Semaphore::new(at_once)), Arc::new(Rates::new(at_once)));
        Calls {
            provider: Arc::new(Discreet(provider)),
            clock,
            directory: Path::new("").into(),
            project: "".into(),
            environment: "".into(),
            places,
            rates,
            budget: Arc::default(),
            events,
            random: Arc::new(Mutex::new(random)),
            tenure: None,
            lost: Arc::default(),
            stop: None,
        }
    }

    /// The same, which waits for nothing any more once somebody wants it to stop: not for a call that changes
    /// nothing, nor for a turn or before another try. A call that changes something and has left is waited for.
    pub fn until(&self, stop: watch::Receiver<Stop>) -> Calls {
        Calls { stop: Some(stop), ..self.clone() }
    }

    /// Whether somebody wants the command to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| *stop.borrow() != Stop::No)
    }

    /// What comes first, the end of the future or the wish to stop.
    ///
    /// # Errors
    /// That somebody wants it to stop.
    pub async fn unless_stopped<T>(&self, future: impl Future<Output = T>) -> Result<T, Fault> {
        let stopped = async {
            let heard = match self.stop.clone() {
                Some(mut stop) => stop.wait_for(|stop| *stop != Stop::No).await.is_ok(),
                None => false,
            };
            if !heard {
                // Nobody can want it to stop.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = stopped => Err(Fault::interrupted()),
            result = future => Ok(result),
        }
    }

    /// Lets time go by.
    ///
    /// # Errors
    /// That somebody wants it to stop.
    pub async fn rest(&self, time: Duration) -> Result<(), Fault> {
        self.unless_stopped(tokio::time::sleep(time)).await
    }

    /// The same, for whoever has the environment, for as long as that is so.
    pub fn under(&self, tenure: Tenure) -> Calls {
        Calls { tenure: Some(tenure), ..self.clone() }
    }

    /// Whether the environment is still that of this process. It is where nothing is to be changed.
    ///
    /// # Errors
    /// When another process has it now, or the lease cannot be renewed.
    pub fn still_has_environment(&self) -> Result<(), StoreFault> {
        self.tenure.as_ref().map_or(Ok(()), Tenure::holds)
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

    /// The same, for a program in a directory.
    pub fn beside(&self, directory: &Path) -> Calls {
        Calls { directory: directory.into(), ..self.clone() }
    }

    /// The same, for a program and an environment with these names.
    pub fn named(self, project: Arc<str>, environment: Arc<str>) -> Calls {
        Calls { project, environment, ..self }
    }

    /// The same, heard by somebody else.
    pub fn heard_by(&self, events: Events) -> Calls {
        Calls { events, ..self.clone() }
    }

    /// Waits until an operation may begin with a call: until the service takes it, and there is room.
    pub async fn beginning(&self, kind: &str, call: Call) -> Beginning {
        let lane = self.lane(kind, call);
        // Nobody closes the semaphore.
        let room = lane.room.clone().acquire_owned().await.ok();
        Beginning { _room: room, turn: Some(lane.turn().await) }
    }

    fn lane(&self, kind: &str, call: Call) -> Arc<Lane> {
        self.rates.lane(self.provider.service(kind), call)
    }

    pub fn tell(&self, event: Event) {
        // Whoever listened may have gone.
        let _ = self.events.send(event);
    }

    // ---- calls that change nothing: until they go through or are refused

    /// # Errors
    /// The last fault.
    pub async fn find(&self, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        let call = || self.provider.find(want, seek);
        self.repeat(&want.kind, Call::Find, &want.owner.address, None, call).await
    }

    /// # Errors
    /// The last fault.
    pub async fn read(&self, place: &Place) -> Result<Reading, Fault> {
        self.repeat(&place.kind, Call::Read, &place.address, None, || self.provider.read(place)).await
    }

    /// # Errors
    /// The last fault.
    pub async fn check(&self, place: &Place) -> Result<Option<Health>, Fault> {
        self.repeat(&place.kind, Call::Read, &place.address, None, || self.provider.check(place)).await
    }

    /// Everything that is of an environment, recorded or not. `state` is as it was when there was most in it:
    /// the cloud is asked where its things live, and where `wanted` would.
    ///
    /// # Errors
    /// The last fault.
    pub async fn owned(&self, state: &State, wanted: Vec<Place>) -> Result<Option<Vec<Owned>>, Fault> {
        let kept = state.kept.iter().map(|kept| (&kept.address, &kept.recorded));
        // What was let go is looked at again: its name may have become somebody else's.
        let kept = kept.map(|(address, recorded)| Place { id: "".into(), ..place_of(address, recorded) });
        let known = state.things().map(|(address, recorded)| place_of(address, recorded)).chain(kept).chain(wanted);
        let known: Vec<Place> = known.collect();
        let call = || self.provider.owned(&state.lineage, &known);
        self.repeat("", Call::ReadMany, &Address::root(), None, call).await
    }

    /// How each of these is. What did not go through with the others is asked for again, by itself.
    pub async fn check_many(&self, places: &[Place]) -> Vec<Result<Option<Health>, Fault>> {
        if places.is_empty() {
            return Vec::new();
        }
        let mut told = {
            let _place = self.places.acquire().await;
            self.provider.check_many(places).await
        };
        let mut again = JoinSet::new();
        for (at, (place, told)) in places.iter().zip(&told).enumerate() {
            if told.as_ref().is_err_and(|fault| passes_later(fault.kind)) {
                let (calls, place) = (self.clone(), place.clone());
                again.spawn(async move { (at, calls.check(&place).await) });
            }
        }
        for (at, later) in again.join_all().await {
            told[at] = later;
        }
        told
    }

    /// One try. Which services it asks how often is the provider's business.
    pub async fn read_many(&self, places: &[Place]) -> Vec<Result<Reading, Fault>> {
        let _place = self.places.acquire().await;
        self.provider.read_many(places).await
    }

    /// What is in the way of these deletions. What did not go through with the others is asked for again, by
    /// itself.
    pub async fn obstacles(&self, leaving: &[Leaving]) -> Vec<Result<Vec<Obstacle>, Fault>> {
        if leaving.is_empty() {
            return Vec::new();
        }
        let mut told = {
            let _place = self.places.acquire().await;
            self.provider.obstacles(leaving).await
        };
        let mut again = JoinSet::new();
        for (at, (one, told)) in leaving.iter().zip(&told).enumerate() {
            if told.as_ref().is_err_and(|fault| passes_later(fault.kind)) {
                let (calls, one) = (self.clone(), one.clone());
                again.spawn(async move { (at, calls.obstacles_of(&one).await) });
            }
        }
        for (at, later) in again.join_all().await {
            told[at] = later;
        }
        told
    }

    async fn obstacles_of(&self, leaving: &Leaving) -> Result<Vec<Obstacle>, Fault> {
        let Place { kind, address, .. } = &leaving.place;
        // A provider that says nothing of a thing knows of nothing.
        let call =
            || async { self.provider.obstacles(std::slice::from_ref(leaving)).await.pop().unwrap_or(Ok(vec![])) };
        self.repeat(kind, Call::Obstacles, address, None, call).await
    }

    // ---- calls that change something. Where the environment is lost they are not made, and never return: the
    // executor, which waits for [`Calls::lost`], ends whoever waits.

    /// One try.
    ///
    /// # Errors
    /// Its fault: whether it is tried again is for whoever has looked what came of it.
    pub async fn create(&self, want: &Want, tries: &Tries, beginning: &mut Beginning) -> Result<Made, Fault> {
        let again = tries.failed > 0;
        let idempotent = self.provider.is_idempotent(&want.kind);
        let call = || async {
            if idempotent {
                return self.provider.create(want).await;
            }
            // Whoever takes over waits for as long, and then it is certain what came of it.
            let lost = |_| Fault::new(FaultKind::Unknown, format!("no answer within {} s", DEADLINE.as_secs()));
            tokio::time::timeout(DEADLINE, self.provider.create(want)).await.map_err(lost)?
        };
        self.once(&want.kind, Call::Create, Some(beginning), again, call).await
    }

    /// Until it has come to its end or is refused, as [`Calls::delete`] and [`Calls::act`] too: done twice, they
    /// change nothing more.
    ///
    /// # Errors
    /// The last fault.
    pub async fn update(
        &self,
        place: &Place,
        old: Option<&Fields>,
        want: &Want,
        beginning: Option<Beginning>,
    ) -> Result<(), Fault> {
        let within = self.provider.patience(&place.kind).readiness;
        self.finish(place, Call::Update, within, beginning, || self.provider.update(place, old, want)).await
    }

    /// # Errors
    /// The last fault.
    pub async fn delete(&self, place: &Place, beginning: Beginning) -> Result<(), Fault> {
        let within = self.provider.patience(&place.kind).deletion;
        self.finish(place, Call::Delete, within, Some(beginning), || self.provider.delete(place)).await
    }

    /// # Errors
    /// The last fault.
    pub async fn act(&self, place: &Place, deed: &Deed) -> Result<(), Fault> {
        let within = match deed.settings.get("within") {
            Some(Value::Duration(millis)) => Duration::from_millis(*millis),
            Some(_) | None => self.provider.patience(&place.kind).readiness,
        };
        self.finish(place, Call::Update, within, None, || self.provider.act(place, deed)).await
    }

    /// Makes a call again and again, until it has nothing more to wait for.
    async fn finish<F: Future<Output = Result<Progress, Fault>>>(
        &self,
        place: &Place,
        what: Call,
        within: Duration,
        mut beginning: Option<Beginning>,
        call: impl Fn() -> F,
    ) -> Result<(), Fault> {
        let patience = self.provider.patience(&place.kind);
        let began = Instant::now();
        loop {
            let progress = self.repeat(&place.kind, what, &place.address, beginning.as_mut(), &call).await?;
            // Its first call was answered: the room is for others.
            beginning = None;
            let on = match progress {
                Progress::Done => return Ok(()),
                Progress::Waiting(on) => on,
            };
            if began.elapsed() > within {
                return Err(Fault::new(FaultKind::Refused, format!("{} is still {on}", place.id)));
            }
            self.tell(Event::Waiting { address: place.address.clone(), on });
            self.rest(patience.pause(began.elapsed())).await?;
        }
    }

    /// One try, when its turn has come.
    async fn once<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        kind: &str,
        what: Call,
        beginning: Option<&mut Beginning>,
        again: bool,
        call: impl FnOnce() -> F,
    ) -> Result<T, Fault> {
        let lane = self.lane(kind, what);
        let changes = match what {
            Call::Create | Call::Update | Call::Delete => true,
            Call::Find | Call::Read | Call::ReadMany | Call::Obstacles => false,
        };
        // The first call of an operation had its turn before its intent was written.
        let mut turn = beginning.and_then(|beginning| beginning.turn.take());
        let begins = turn.is_some();
        let placed = async {
            loop {
                let counted = match turn.take() {
                    Some(counted) => counted,
                    None => lane.turn().await,
                };
                let place = self.places.acquire().await;
                // Until there was a place, the service may have complained: then it has to be its turn anew.
                if counted || lane.rate().is_none() {
                    break place;
                }
            }
        };
        let _place = if begins { placed.await } else { self.unless_stopped(placed).await? };
        if changes && let Some(Err(why)) = self.tenure.as_ref().map(Tenure::holds) {
            self.has_lost(why);
            std::future::pending::<()>().await;
        }
        let left = Instant::now();
        let result = match changes {
            true => self.held(call()).await,
            false => self.unless_stopped(call()).await?,
        };
        match &result {
            Err(fault) if fault.kind == FaultKind::Throttled => lane.throttled(left),
            Err(fault) if passes_later(fault.kind) => {}
            // A refusal is an answer too.
            Ok(_) | Err(_) => {
                lane.passed();
                self.budget.passed(again);
            }
        }
        result
    }

    /// Goes on with a call only for as long as the environment is this process's: one that was paused in the middle
    /// of it, and taken over from meanwhile, does not send what it had not sent by then.
    async fn held<T>(&self, call: impl Future<Output = T>) -> T {
        let Some(tenure) = &self.tenure else { return call.await };
        let mut call = std::pin::pin!(call);
        std::future::poll_fn(|context| match tenure.holds() {
            Err(why @ StoreFault::Fenced(_)) => {
                self.has_lost(why);
                Poll::Pending
            }
            // A lease that cannot be renewed now may be renewed later.
            Ok(()) | Err(_) => call.as_mut().poll(context),
        })
        .await
    }

    fn has_lost(&self, why: StoreFault) {
        *self.lost.why.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        self.lost.told.notify_one();
    }

    async fn repeat<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        kind: &str,
        what: Call,
        address: &Address,
        mut beginning: Option<&mut Beginning>,
        call: impl Fn() -> F,
    ) -> Result<T, Fault> {
        let mut tries = Tries::default();
        loop {
            match self.once(kind, what, beginning.as_deref_mut(), tries.failed > 0, &call).await {
                Ok(value) => return Ok(value),
                Err(fault) => self.again(address, fault, &mut tries).await?,
            }
        }
    }

    /// Waits before another try.
    ///
    /// # Errors
    /// The same fault when there will be none, or that somebody wants it to stop.
    pub async fn again(&self, address: &Address, fault: Fault, tries: &mut Tries) -> Result<(), Fault> {
        if !passes_later(fault.kind) {
            return Err(fault);
        }
        if let Some(within) = fault.within {
            return self.again_within(within, address, fault, tries).await;
        }
        let throttled = fault.kind == FaultKind::Throttled;
        let (tried, most) =
            if throttled { (&mut tries.throttled, THROTTLED_TRIES) } else { (&mut tries.failed, TRIES) };
        *tried += 1;
        if *tried >= most {
            return Err(fault);
        }
        let longest = PAUSE.saturating_mul(1 << (*tried - 1).min(10)).min(LONGEST_PAUSE);
        let after = longest.mul_f64(self.chance());
        self.tell(Event::Retrying { address: address.clone(), fault: fault.clone(), after });
        self.rest(after).await?;
        // One that was too many is no sign of sickness: its turn is all that it waits for.
        if throttled || self.unless_stopped(self.is_paid_for()).await? { Ok(()) } else { Err(fault) }
    }

    /// As [`Calls::again`], until the time is over. What is waited for comes by itself, so that the budget of a service
    /// that is ill has nothing to do with it.
    async fn again_within(
        &self,
        within: Duration,
        address: &Address,
        fault: Fault,
        tries: &mut Tries,
    ) -> Result<(), Fault> {
        let since = *tries.waiting.get_or_insert_with(Instant::now);
        let waited = since.elapsed();
        if waited >= within {
            return Err(fault);
        }
        let after = waited.clamp(PAUSE, LONGEST_WAIT).mul_f64(0.5 + self.chance());
        self.tell(Event::Retrying { address: address.clone(), fault, after });
        self.rest(after).await
    }

    /// Waits until the run's budget has another try, for as long as that makes sense.
    async fn is_paid_for(&self) -> bool {
        let began = Instant::now();
        while let Some(wait) = self.budget.take() {
            if began.elapsed() >= LONGEST_PAUSE {
                return false;
            }
            // Full of chance as well: others wait for the same.
            tokio::time::sleep(wait.max(PAUSE).mul_f64(1.0 + self.chance())).await;
        }
        true
    }

    fn chance(&self) -> f64 {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }
}

/// Room for an operation from the writing of its intent to the answer to its first call.
pub struct Beginning {
    _room: Option<OwnedSemaphorePermit>,
    /// The turn of its first call: whether it was counted. None when that has left.
    turn: Option<bool>,
}

/// How often one call was made in vain.
#[derive(Default)]
pub struct Tries {
    failed: u32,
    throttled: u32,
    /// Since when it waits for something that is certain to come.
    waiting: Option<Instant>,
}

/// Whether the same call may go through a little later.
pub fn passes_later(kind: FaultKind) -> bool {
    match kind {
        FaultKind::Throttled | FaultKind::Unavailable | FaultKind::Unknown => true,
        FaultKind::Taken | FaultKind::Missing | FaultKind::Denied | FaultKind::Held | FaultKind::Refused => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::apply::provider::{Owner, Patience};
    use async_trait::async_trait;

    /// A cloud whose looks fail until a time, and whose calls are counted.
    struct Sick {
        until: Instant,
        kind: FaultKind,
        calls: AtomicU64,
    }

    #[async_trait]
    impl Provider for Sick {
        fn cloud(&self) -> &'static str {
            "sick"
        }
        fn patience(&self, _: &str) -> Patience {
            Patience::default()
        }
        async fn create(&self, _: &Want) -> Result<Made, Fault> {
            unreachable!("nothing is made here")
        }
        async fn find(&self, _: &Want, _: &Seek) -> Result<Option<Arc<str>>, Fault> {
            self.calls.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(50)).await;
            if Instant::now() < self.until { Err(Fault::new(self.kind, "sick")) } else { Ok(None) }
        }
        async fn read(&self, _: &Place) -> Result<Reading, Fault> {
            unreachable!("nothing is read here")
        }
        async fn update(&self, _: &Place, _: Option<&Fields>, _: &Want) -> Result<Progress, Fault> {
            unreachable!("nothing is changed here")
        }
        async fn delete(&self, _: &Place) -> Result<Progress, Fault> {
            unreachable!("nothing is deleted here")
        }
    }

    /// Many looks at once at a cloud that is sick for so long: how many calls came, how many looks failed, and
    /// how long it took.
    async fn looks(count: usize, sick: Duration, kind: FaultKind) -> (u64, usize, Duration) {
        let began = Instant::now();
        let provider = Arc::new(Sick { until: began + sick, kind, calls: AtomicU64::new(0) });
        let (events, _heard) = tokio::sync::mpsc::unbounded_channel();
        let clock = Clock::starting_at(jiff::Timestamp::UNIX_EPOCH);
        let calls = Calls::simulated(provider.clone(), events, clock, 7);
        let mut tasks = JoinSet::new();
        for number in 0..count {
            let calls = calls.clone();
            tasks.spawn(async move {
                let address = format!("n[{number}]").parse().unwrap();
                let owner = Owner { lineage: "l".into(), address, token: "t".into() };
                let want = Want { kind: "sick.Thing".into(), inputs: Fields::new(), samples: Fields::new(), owner };
                calls.find(&want, &Seek::Identity).await.is_err()
            });
        }
        let failed = tasks.join_all().await.into_iter().filter(|failed| *failed).count();
        (provider.calls.load(Ordering::Relaxed), failed, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_service_is_not_beaten() {
        let (calls, failed, took) = looks(2000, Duration::from_secs(3600), FaultKind::Unavailable).await;
        assert_eq!(failed, 2000);
        // Once each, and as often again as the run has repetitions to spend.
        assert!(calls < 2000 + 200 + took.as_secs() + 1, "{calls} calls in {took:?}");
        assert!(took < Duration::from_secs(180), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_illness_is_waited_out() {
        let (_, failed, took) = looks(100, Duration::from_secs(3), FaultKind::Unavailable).await;
        assert_eq!(failed, 0);
        assert!(took < Duration::from_secs(30), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_too_many_waits_for_its_turn_and_costs_nothing() {
        let (calls, failed, _) = looks(1000, Duration::from_secs(5), FaultKind::Throttled).await;
        assert_eq!(failed, 0);
        // A place for as many as the provider takes at once, and from then on hardly any until it is well.
        assert!(calls < 1000 + 2 * 256, "{calls}");
    }
}
