//! The sandbox as a cloud with a mind of its own: answers take their time, calls are throttled, fail or
//! are lost on either way, and what was made is seen only a while later. It also looks at each call as
//! it comes, and says what must not be asked.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use fastrand::Rng;
use jiff::Timestamp;
use tadpole::apply::clock::Clock;
use tadpole::apply::provider::{Fault, FaultKind, Made, Patience, Place, Provider, Reading, Seek, Want};
use tadpole::graph::ResourceGraph;
use tadpole::model::action::Verb;
use tadpole::sandbox::Sandbox;
use tadpole::value::Fields;

use crate::invariants::{self, Call};
use crate::simulation::disk::Shared;
use crate::simulation::fate::Fate;

/// How long what was made may stay unseen.
const CONSISTENCY: Duration = Duration::from_secs(15);

/// How bad it is, in calls of a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    /// Throttled, or answered with a 500 before anything was done.
    pub turned_away: u32,
    /// The request or its answer is lost.
    pub lost: u32,
    /// Refused for good.
    pub refused: u32,
    /// What was made is seen later.
    pub late: u32,
    /// The longest time that a call takes, in milliseconds.
    pub slow: u64,
}

/// What outlives a run of the program.
pub struct Cloud {
    pub sandbox: Sandbox,
    /// When things can be seen that cannot be yet.
    visible: Mutex<BTreeMap<Arc<str>, Timestamp>>,
}

impl Cloud {
    pub fn new(sandbox: Sandbox) -> Cloud {
        Cloud { sandbox, visible: Mutex::default() }
    }
}

/// The cloud as one run sees it.
pub struct Seen {
    pub cloud: Arc<Cloud>,
    pub clock: Clock,
    pub weather: Weather,
    pub chances: Mutex<Rng>,
    pub fate: Arc<Fate>,
    pub disk: Shared,
    pub graph: Arc<ResourceGraph>,
    pub log: Log,
}

/// What was asked and recorded, in order, and what should not have been.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<(Vec<String>, Vec<String>)>>);

impl Log {
    fn both(&self) -> MutexGuard<'_, (Vec<String>, Vec<String>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    pub fn say(&self, line: String) {
        self.both().0.push(line);
    }
    pub fn wrong(&self, what: String) {
        self.both().1.push(what);
    }
    pub fn lines(&self) -> Vec<String> {
        self.both().0.clone()
    }
    pub fn wrongs(&self) -> Vec<String> {
        self.both().1.clone()
    }
}

enum Luck {
    Good,
    Before(FaultKind),
    After,
}

impl Seen {
    fn chance(&self, of_a_thousand: u32) -> bool {
        of_a_thousand > 0 && self.chances.lock().unwrap_or_else(PoisonError::into_inner).u32(..1000) < of_a_thousand
    }

    async fn time_passes(&self) {
        if self.weather.slow > 0 {
            let time = self.chances.lock().unwrap_or_else(PoisonError::into_inner).u64(..self.weather.slow);
            tokio::time::sleep(Duration::from_millis(time)).await;
        }
    }

    fn luck(&self, may_refuse: bool) -> Luck {
        if self.chance(self.weather.turned_away) {
            return Luck::Before(if self.chance(500) { FaultKind::Throttled } else { FaultKind::Unavailable });
        }
        if self.chance(self.weather.lost) {
            return if self.chance(500) { Luck::Before(FaultKind::Unknown) } else { Luck::After };
        }
        if may_refuse && self.chance(self.weather.refused) {
            return Luck::Before(if self.chance(500) { FaultKind::Denied } else { FaultKind::Refused });
        }
        Luck::Good
    }

    /// A call: before it, in it and after it the process may die.
    async fn call<T: Send, F: Future<Output = Result<T, Fault>> + Send>(
        &self,
        what: String,
        changes: bool,
        work: F,
    ) -> Result<T, Fault> {
        if self.fate.moment() {
            std::future::pending::<()>().await;
        }
        self.time_passes().await;
        if self.fate.is_dead() {
            std::future::pending::<()>().await;
        }
        let result = match self.luck(changes) {
            Luck::Before(kind) => Err(Fault::new(kind, format!("{kind:?}, by chance"))),
            Luck::After => match work.await {
                Ok(_) => Err(Fault::new(FaultKind::Unknown, "the answer was lost")),
                Err(fault) => Err(fault),
            },
            Luck::Good => work.await,
        };
        self.log.say(match &result {
            Ok(_) => format!("{} call {what}", self.clock.now()),
            Err(fault) => format!("{} call {what}: {fault}", self.clock.now()),
        });
        if changes && self.fate.moment() {
            self.log.say("killed before the answer".to_string());
            std::future::pending::<()>().await;
        }
        self.time_passes().await;
        result
    }

    /// Looks at a call that changes something, with what is durable at that moment.
    fn watch(&self, call: Call) {
        let disk = self.disk.disk();
        let Some(state) = disk.state() else { return };
        let objects = self.cloud.sandbox.objects();
        for problem in [
            invariants::announced(&call, state),
            invariants::no_skipped_dependency(&call, state, &objects, &self.graph),
        ] {
            if let Err(what) = problem {
                self.log.wrong(what);
            }
        }
    }

    fn is_visible(&self, id: &str) -> bool {
        let visible = self.cloud.visible.lock().unwrap_or_else(PoisonError::into_inner);
        visible.get(id).is_none_or(|at| *at <= self.clock.now())
    }
}

#[async_trait]
impl Provider for Seen {
    fn cloud(&self) -> &'static str {
        "sandbox"
    }

    fn patience(&self, _kind: &str) -> Patience {
        Patience { consistency: CONSISTENCY, poll: Duration::from_millis(500), ..Patience::default() }
    }

    async fn create(&self, want: &Want) -> Result<Made, Fault> {
        let call = Call {
            verb: Verb::Create,
            address: want.owner.address.clone(),
            token: Some(want.owner.token.clone()),
            id: None,
            inputs: want.inputs.clone(),
        };
        self.call(format!("create {}", want.owner.address), true, async {
            self.watch(call);
            let before = self.cloud.sandbox.objects().len();
            let made = self.cloud.sandbox.create(want).await?;
            if self.cloud.sandbox.objects().len() > before && self.chance(self.weather.late) {
                let late = self.chances.lock().unwrap_or_else(PoisonError::into_inner).u64(..14_000);
                let at = self.clock.now().checked_add(Duration::from_millis(late)).unwrap();
                self.cloud.visible.lock().unwrap_or_else(PoisonError::into_inner).insert(made.id.clone(), at);
                self.log.say(format!("{} is seen from {at} on", made.id));
            }
            Ok(made)
        })
        .await
    }

    async fn find(&self, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        self.call(format!("find {}", want.owner.address), false, async {
            let found = self.cloud.sandbox.find(want, seek).await?;
            Ok(found.filter(|id| self.is_visible(id)))
        })
        .await
    }

    async fn read(&self, place: &Place) -> Result<Reading, Fault> {
        self.call(format!("read {} {}", place.address, place.id), false, async {
            let reading = self.cloud.sandbox.read(place).await?;
            Ok(if self.is_visible(&place.id) { reading } else { Reading::Gone })
        })
        .await
    }

    async fn update(&self, place: &Place, old: Option<&Fields>, want: &Want) -> Result<(), Fault> {
        let call = Call {
            verb: Verb::Update,
            address: place.address.clone(),
            token: None,
            id: Some(place.id.clone()),
            inputs: want.inputs.clone(),
        };
        self.call(format!("update {} {}", place.address, place.id), true, async {
            self.watch(call);
            self.cloud.sandbox.update(place, old, want).await
        })
        .await
    }

    async fn delete(&self, place: &Place) -> Result<(), Fault> {
        let call = Call {
            verb: Verb::Delete,
            address: place.address.clone(),
            token: None,
            id: Some(place.id.clone()),
            inputs: Fields::new(),
        };
        self.call(format!("delete {} {}", place.address, place.id), true, async {
            self.watch(call);
            self.cloud.sandbox.delete(place).await
        })
        .await
    }
}
