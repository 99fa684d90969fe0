//! A cloud in a file, made from schemas alone: ids, computed attributes, names that are taken,
//! references that must exist, deletion refused while something refers to it. What it holds outlives
//! the process, as a cloud's things do; so does the weather that somebody made for it.

mod log;
pub mod object;
mod pace;
mod refusal;
pub mod weather;
mod world;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::apply::clock::Clock;
use crate::apply::provider::{
    Deed, Fault, FaultKind, Health, Here, Leaving, Made, Obstacle, Owned, Patience, Place, Progress, Provider, Reading,
    Seek, Want,
};
use crate::model::schema::Schema;
use crate::name::Address;
use crate::state::Operation;
use crate::value::Fields;
use log::Log;
use object::{Busy, Doing, Key, is_found, name_of};
use refusal::{Besides, Why};
use weather::{Call, Fate, Throw, Weather};
use world::{Line, World};

pub use object::Object;

/// What the file is called, beside the records of the environments.
pub const FILE: &str = "sandbox.jsonl";

/// Where the sandbox of an environment is kept: beside its record, since all environments of a project share one
/// sandbox, as they would share an account. One that an earlier version made in the record itself is used on.
pub fn file(record: &Path) -> PathBuf {
    let own = record.join(FILE);
    match record.parent() {
        Some(records) if !own.exists() => records.join(FILE),
        Some(_) | None => own,
    }
}

/// Schemas by the provider's name of the type.
pub type Schemas = HashMap<Arc<str>, Arc<Schema>>;

pub struct Sandbox {
    schemas: Schemas,
    clock: Clock,
    inner: Mutex<Inner>,
}

struct Inner {
    world: World,
    log: Log,
    /// Which run this is, by the dice; its first fault writes it down.
    run: u64,
    run_is_known: bool,
    /// How many times each call was made in this run.
    attempts: HashMap<(Address, Call), u32>,
    /// What lookups came to, in this run: they are no things of this world.
    found: HashMap<Key, Object>,
    /// Calls that services would take now, and since when.
    taken: HashMap<Arc<str>, (f64, Instant)>,
}

/// A call on its way.
struct Passage {
    before: Duration,
    after: Duration,
    fate: Fate,
}

impl Sandbox {
    /// The sandbox in a file; without a file, an empty one, which the first change will make.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn open(path: &Path, schemas: Schemas) -> io::Result<Sandbox> {
        Sandbox::open_at(path, schemas, Clock::system())
    }

    /// As [`Sandbox::open`], in a time of its own.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn open_at(path: &Path, schemas: Schemas, clock: Clock) -> io::Result<Sandbox> {
        let (mut world, mut log) = (World::default(), Log::new(path));
        log.look(&mut world)?;
        let run = world.runs + 1;
        let (attempts, found, taken) = (HashMap::new(), HashMap::new(), HashMap::new());
        let inner = Inner { world, log, run, run_is_known: false, attempts, found, taken };
        Ok(Sandbox { schemas, clock, inner: Mutex::new(inner) })
    }

    /// Everything that is in it.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub fn look(&self) -> io::Result<Vec<Object>> {
        let mut inner = self.inner();
        inner.look(self.clock.now())?;
        Ok(inner.world.objects().cloned().collect())
    }

    /// Everything that is in it, as far as is known.
    pub fn objects(&self) -> Vec<Object> {
        self.look().unwrap_or_default()
    }

    /// Things that refer to this one.
    pub fn referrers(&self, object: &Object) -> Vec<Object> {
        self.inner().world.referrers(object).cloned().collect()
    }

    pub fn weather(&self) -> Weather {
        self.inner().world.weather.clone()
    }

    /// Makes another weather, for all that have the file open. Runs are counted anew.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_weather(&self, weather: Weather) -> io::Result<()> {
        let mut inner = self.inner();
        let Inner { world, log, .. } = &mut *inner;
        log.change(world, |_| ((), vec![Line::Weather(weather.into())]))?;
        (inner.run, inner.run_is_known) = (1, false);
        inner.attempts.clear();
        Ok(())
    }

    /// Takes things away, or puts others in their place, behind everybody's back: no rule is asked.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn meddle(&self, gone: &[Key], put: Vec<Object>) -> io::Result<()> {
        let mut inner = self.inner();
        let Inner { world, log, .. } = &mut *inner;
        let gone = gone.iter().map(|(kind, id)| Line::Delete { kind: kind.clone(), id: id.clone(), seen: None });
        let lines = gone.chain(put.into_iter().map(|object| Line::Put(object.into()))).collect();
        log.change(world, |_| ((), lines))
    }

    /// Takes everything out, and the weather with it.
    ///
    /// # Errors
    /// When the file cannot be replaced.
    pub fn reset(&self) -> io::Result<()> {
        let mut inner = self.inner();
        let Inner { world, log, .. } = &mut *inner;
        log.clear(world)
    }

    /// A panic elsewhere leaves the world as the file has it: every change is one write.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn schema(&self, kind: &str) -> Option<&Schema> {
        self.schemas.get(kind).map(|schema| &**schema)
    }

    /// Lets a call set out: what will happen to it, and how long it takes.
    fn passage(&self, kind: &str, address: &Address, call: Call) -> Result<Passage, Fault> {
        let mut inner = self.inner();
        inner.look(self.clock.now()).map_err(unreadable)?;
        if inner.world.weather.is_fair() {
            return Ok(Passage { before: Duration::ZERO, after: Duration::ZERO, fate: Fate::Passes });
        }
        let count = inner.attempts.entry((address.clone(), call)).or_default();
        let attempt = std::mem::replace(count, *count + 1);
        let throw = Throw { run: inner.run, address, call, attempt };
        let (fate, speed) = inner.world.weather.fate(throw);
        if fate != Fate::Passes && !inner.run_is_known {
            let Inner { world, log, run, run_is_known, .. } = &mut *inner;
            log.change(world, |_| ((), vec![Line::Run(*run)])).map_err(unwritable)?;
            *run_is_known = true;
        }
        let whole = inner.world.weather.scaled(pace::of(kind).call(call), speed);
        let before = whole / 2;
        Ok(Passage { before, after: whole - before, fate })
    }

    /// The call arrives: whether the service takes it.
    async fn arrive(&self, passage: &Passage, kind: &str, address: &Address, call: Call) -> Result<(), Fault> {
        wait(passage.before).await;
        let refused = match passage.fate {
            Fate::Throttled | Fate::Fails | Fate::CallLost => weather::fault(passage.fate),
            Fate::Passes | Fate::AnswerLost => None,
        };
        let refused = refused.or_else(|| {
            let mut inner = self.inner();
            let over = (!inner.has_room(pace::service(kind))).then(|| weather::fault(Fate::Throttled)).flatten();
            over.or_else(|| inner.world.weather.refusal(kind, address, call))
        });
        match refused {
            Some(fault) => {
                wait(passage.after).await;
                Err(fault)
            }
            None => Ok(()),
        }
    }

    /// The answer of a call that was carried out.
    async fn answer<T>(&self, passage: &Passage, result: Result<T, Fault>) -> Result<T, Fault> {
        wait(passage.after).await;
        match passage.fate {
            Fate::AnswerLost => weather::fault(Fate::AnswerLost).map_or(result, Err),
            Fate::Passes | Fate::Throttled | Fate::Fails | Fate::CallLost => result,
        }
    }

    /// Looks at many things, a page with each call.
    async fn pages<T>(
        &self,
        call: Call,
        places: &[&Place],
        look: impl Fn(&Inner, usize, Timestamp) -> T + Send + Sync,
    ) -> Vec<Result<T, Fault>> {
        let mut answers = Vec::with_capacity(places.len());
        for page in places.chunks(pace::PAGE) {
            let passages: Vec<Result<Passage, Fault>> =
                page.iter().map(|place| self.passage(&place.kind, &place.address, call)).collect();
            // They travel together: as long as the first of them takes.
            let first = passages.iter().flatten().next();
            let (before, after) = first.map_or_else(Default::default, |passage| (passage.before, passage.after));
            wait(before).await;
            let now = self.clock.now();
            let room = page.first().is_none_or(|place| self.inner().has_room(pace::service(&place.kind)));
            let all = if room { Fate::Passes } else { Fate::Throttled };
            for (place, passage) in page.iter().zip(passages) {
                let fault = match passage {
                    Ok(passage) => weather::fault(all).or_else(|| weather::fault(passage.fate)),
                    Err(fault) => Some(fault),
                };
                let mut inner = self.inner();
                let fault = fault.or_else(|| inner.world.weather.refusal(&place.kind, &place.address, call));
                let at = answers.len();
                answers.push(match fault {
                    Some(fault) => Err(fault),
                    None => inner.look(now).map_err(unreadable).map(|()| look(&inner, at, now)),
                });
            }
            wait(after).await;
        }
        answers
    }

    /// A call from its beginning to its end.
    async fn call<T>(
        &self,
        kind: &str,
        address: &Address,
        call: Call,
        effect: impl FnOnce(&mut Inner, Timestamp) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let passage = self.passage(kind, address, call)?;
        self.arrive(&passage, kind, address, call).await?;
        let result = effect(&mut self.inner(), self.clock.now());
        self.answer(&passage, result).await
    }
}

async fn wait(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

fn unreadable(error: io::Error) -> Fault {
    Fault::new(FaultKind::Unavailable, format!("the sandbox cannot be read: {error}"))
}

fn unwritable(error: io::Error) -> Fault {
    Fault::new(FaultKind::Unavailable, format!("the sandbox cannot be written: {error}"))
}

impl Inner {
    fn look(&mut self, now: Timestamp) -> io::Result<()> {
        self.log.look(&mut self.world)?;
        self.world.advance(now);
        Ok(())
    }

    /// One change by the rules of the world.
    fn change<T>(
        &mut self,
        now: Timestamp,
        work: impl FnOnce(&World) -> Result<(T, Vec<Line>), Fault>,
    ) -> Result<T, Fault> {
        let Inner { world, log, .. } = self;
        let changed = log.change(world, |world| {
            world.advance(now);
            match work(world) {
                Ok((answer, lines)) => (Ok(answer), lines),
                Err(fault) => (Err(fault), Vec::new()),
            }
        });
        changed.map_err(unwritable)?
    }

    fn reading(&self, place: &Place, now: Timestamp) -> Reading {
        let key = key_of(place);
        if is_found(&place.id) {
            let (inputs, outputs) = match self.found.get(&key) {
                Some(object) => (&object.inputs, &object.outputs),
                None => (&place.inputs, &place.outputs),
            };
            return Reading::Here(Here { inputs: inputs.clone(), outputs: outputs.clone(), health: Health::Live });
        }
        match self.world.seen(&key, now) {
            Some(object) => Reading::Here(Here {
                inputs: object.inputs.clone(),
                outputs: object.outputs.clone(),
                health: object.health(now),
            }),
            None => Reading::Gone,
        }
    }

    /// Whether a service takes one more call now: it takes those of one second at once.
    fn has_room(&mut self, service: &str) -> bool {
        let Some(rate) = self.world.weather.rate(service) else {
            return true;
        };
        let now = Instant::now();
        let most = rate.max(1.0);
        let (room, at) = self.taken.entry(service.into()).or_insert((most, now));
        *room = (*room + (now - *at).as_secs_f64() * rate).min(most);
        *at = now;
        let fits = *room >= 1.0;
        if fits {
            *room -= 1.0;
        }
        fits
    }
}

fn key_of(place: &Place) -> Key {
    (place.kind.clone(), place.id.clone())
}

/// A time from now on; none for no time.
fn later(now: Timestamp, time: Duration) -> Option<Timestamp> {
    if time.is_zero() { None } else { now.checked_add(time).ok() }
}

#[async_trait]
impl Provider for Sandbox {
    fn cloud(&self) -> &'static str {
        "sandbox"
    }

    fn patience(&self, _kind: &str) -> Patience {
        let inner = self.inner();
        let weather = &inner.world.weather;
        let usual = Patience::default();
        // Asking twenty times in a lag, or as often as one asks a real cloud, is enough.
        let poll = (weather.lag / 20).max(usual.poll.mul_f64(weather.latency / 4.0));
        Patience {
            consistency: weather.lag.mul_f64(1.25),
            poll: poll.clamp(Duration::from_millis(10), usual.poll),
            readiness: usual.readiness.mul_f64(weather.latency.max(1.0)),
            deletion: usual.deletion.mul_f64(weather.latency.max(1.0)),
        }
    }

    fn service<'k>(&self, kind: &'k str) -> &'k str {
        pace::service(kind)
    }

    fn answers(&self, _kind: &str) -> bool {
        false
    }

    /// There are no connections to run out of; but of calls that take no time, many at once are no faster.
    fn at_once(&self) -> usize {
        if self.inner().world.weather.latency > 0.0 { usize::MAX } else { 128 }
    }

    fn usually(&self, kind: &str, operation: Operation) -> Duration {
        let call = match operation {
            Operation::Create => Call::Create,
            Operation::Update => Call::Update,
            Operation::Delete => Call::Delete,
        };
        let pace = pace::of(kind);
        (pace.call(call) + pace.after(call)).mul_f64(self.inner().world.weather.latency)
    }

    async fn create(&self, want: &Want) -> Result<Made, Fault> {
        self.call(&want.kind, &want.owner.address, Call::Create, |inner, now| {
            inner.change(now, |world| {
                let mut object = match world.create(want, self.schema(&want.kind))? {
                    Ok(object) => object,
                    Err(id) => return Ok((Made { id, whole: true }, Vec::new())),
                };
                let weather = &world.weather;
                let ready = weather.scaled(pace::of(&want.kind).after(Call::Create), 1.0);
                object.busy = later(now, ready).map(|until| Busy { doing: Doing::Creating, until });
                object.seen = later(now, weather.lag_of(&object.id));
                Ok((Made { id: object.id.clone(), whole: true }, vec![Line::Put(object.into())]))
            })
        })
        .await
    }

    async fn find(&self, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        self.call(&want.kind, &want.owner.address, Call::Find, |inner, now| {
            inner.look(now).map_err(unreadable)?;
            let world = &inner.world;
            let name = name_of(self.schema(&want.kind), &want.inputs);
            match seek {
                Seek::Made(owner) => Ok(world.made_by(owner, now).map(|object| object.id.clone())),
                Seek::Owned(owner) => {
                    // Those with other names were left standing under their own.
                    let all = world.owned(&want.kind, owner, now).filter(|object| object.name == name);
                    let ids: Vec<&Arc<str>> = all.map(|object| &object.id).collect();
                    match ids.as_slice() {
                        [] => Ok(None),
                        [id] => Ok(Some((*id).clone())),
                        several => Err(several_of(&owner.address, several)),
                    }
                }
                Seek::Identity if self.schema(&want.kind).is_some_and(|schema| schema.lookup) => {
                    let object = Object::found(want, self.schema(&want.kind));
                    let id = object.id.clone();
                    inner.found.insert(object.key(), object);
                    Ok(Some(id))
                }
                Seek::Identity => {
                    Ok(name.and_then(|name| world.named(&want.kind, &name, now)).map(|object| object.id.clone()))
                }
            }
        })
        .await
    }

    async fn read(&self, place: &Place) -> Result<Reading, Fault> {
        self.call(&place.kind, &place.address, Call::Read, |inner, now| {
            inner.look(now).map_err(unreadable)?;
            Ok(inner.reading(place, now))
        })
        .await
    }

    async fn owned(&self, lineage: &str, _: &[Place]) -> Result<Option<Vec<Owned>>, Fault> {
        let now = self.clock.now();
        let mut inner = self.inner();
        inner.look(now).map_err(unreadable)?;
        let is_there = |object: &&Object| object.is_seen(now) && object.ends().is_none();
        let objects = inner.world.objects().filter(|object| *object.owner.lineage == *lineage).filter(is_there);
        let owned = |object: &Object| Owned {
            kind: object.kind.clone(),
            id: object.id.clone(),
            address: object.owner.address.clone(),
            remains: refusal::is_last_snapshot(object),
        };
        Ok(Some(objects.map(owned).collect()))
    }

    async fn read_many(&self, places: &[Place]) -> Vec<Result<Reading, Fault>> {
        self.pages(Call::ReadMany, &places.iter().collect::<Vec<_>>(), |inner, at, now| inner.reading(&places[at], now))
            .await
    }

    async fn update(&self, place: &Place, _old: Option<&Fields>, want: &Want) -> Result<Progress, Fault> {
        self.call(&place.kind, &place.address, Call::Update, |inner, now| {
            inner.change(now, |world| {
                let mut object = world.update(&key_of(place), want, self.schema(&place.kind))?;
                let settled = world.weather.scaled(pace::of(&place.kind).after(Call::Update), 1.0);
                // One that is on its way still is not sooner there for it.
                let until = later(now, settled).max(object.busy.map(|busy| busy.until));
                let doing = object.busy.filter(|busy| busy.until > now).map_or(Doing::Updating, |busy| busy.doing);
                object.busy = until.filter(|until| *until > now).map(|until| Busy { doing, until });
                Ok((Progress::Done, vec![Line::Put(object.into())]))
            })
        })
        .await
    }

    /// What empties something does; nothing comes of others here but the time that they take.
    async fn act(&self, place: &Place, deed: &Deed) -> Result<Progress, Fault> {
        self.call(&place.kind, &place.address, Call::Update, |inner, now| {
            let gone = |(kind, id): Key| Line::Delete { kind, id, seen: None };
            inner.change(now, |world| {
                let contents = world.contents(&key_of(place), &deed.kind);
                Ok((Progress::Done, contents.into_iter().map(gone).collect()))
            })
        })
        .await
    }

    async fn obstacles(&self, leaving: &[Leaving]) -> Vec<Result<Vec<Obstacle>, Fault>> {
        let going: BTreeSet<Key> = leaving.iter().map(|one| key_of(&one.place)).collect();
        let obstacles = |inner: &Inner, at: usize, _| {
            let besides = Besides { going: Some(&going), leaving: leaving.get(at) };
            let object = inner.world.get(&key_of(&leaving[at].place)).filter(|object| object.ends().is_none());
            let refusals = object.map(|object| inner.world.refusals(object, &besides)).unwrap_or_default();
            refusals.iter().map(Why::obstacle).collect()
        };
        self.pages(Call::Obstacles, &leaving.iter().map(|one| &one.place).collect::<Vec<_>>(), obstacles).await
    }

    async fn delete(&self, place: &Place) -> Result<Progress, Fault> {
        self.call(&place.kind, &place.address, Call::Delete, |inner, now| {
            inner.change(now, |world| {
                let weather = &world.weather;
                let gone = later(now, weather.scaled(pace::of(&place.kind).after(Call::Delete), 1.0));
                let seen = later(now, weather.lag_of(&place.id));
                Ok((Progress::Done, world.delete(&key_of(place), gone, seen)?))
            })
        })
        .await
    }
}

fn several_of(address: &Address, ids: &[&Arc<str>]) -> Fault {
    let mut list: Vec<&str> = ids.iter().take(5).map(|id| &***id).collect();
    if ids.len() > list.len() {
        list.push("...");
    }
    let message = format!("`{address}` made several things that are there still: {}", list.join(", "));
    Fault::new(FaultKind::Refused, message).help("delete those that are not wanted any more")
}
