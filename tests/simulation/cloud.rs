//! The sandbox as a cloud that one run calls: it may be killed at each call, and each call is looked at
//! as it comes, for what must not be asked.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use fastrand::Rng;
use tadpole::apply::clock::Clock;
use tadpole::apply::limit::passes_later;
use tadpole::apply::provider::{
    Deed, Fault, FaultKind, Made, Owned, Patience, Place, Progress, Provider, Reading, Seek, Want,
};
use tadpole::graph::ResourceGraph;
use tadpole::sandbox::Sandbox;
use tadpole::state::Operation;
use tadpole::value::{Fields, Value};

use crate::invariants::{self, Call};
use crate::simulation::disk::Shared;
use crate::simulation::fate::Fate;

/// The cloud as one run sees it.
pub struct Seen {
    pub sandbox: Arc<Sandbox>,
    pub clock: Clock,
    /// Of a thousand calls that change something, how many are refused for good.
    pub refused: u32,
    pub chances: Mutex<Rng>,
    pub fate: Arc<Fate>,
    pub disk: Shared,
    pub graph: Arc<ResourceGraph>,
    pub log: Log,
    /// Creates that left, and have not arrived.
    pub held: Held,
    /// Creates of the run before, and how many calls of this one come before them.
    pub late: Arc<Late>,
}

/// Creates on their way.
pub type Held = Arc<Mutex<Vec<Want>>>;
/// Those of the run before, and how many calls come before them.
pub type Late = Mutex<(Vec<Want>, usize)>;

/// What was asked and recorded, in order, and what should not have been.
#[derive(Clone, Debug, Default)]
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

impl Seen {
    fn is_refused(&self) -> bool {
        self.refused > 0 && self.chances.lock().unwrap_or_else(PoisonError::into_inner).u32(..1000) < self.refused
    }

    /// What left in the run before arrives, when its time has come.
    async fn arrivals(&self) {
        let late = {
            let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
            late.1 = late.1.saturating_sub(1);
            if late.1 == 0 { std::mem::take(&mut late.0) } else { Vec::new() }
        };
        for want in late {
            arrives(&self.sandbox, &want, &self.log).await;
        }
    }

    fn on_their_way(&self) -> MutexGuard<'_, Vec<Want>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call: before it, in it and after it the process may die.
    async fn call<T: Send, F: Future<Output = Result<T, Fault>> + Send>(
        &self,
        what: String,
        changes: Option<&Fields>,
        work: F,
    ) -> Result<T, Fault> {
        self.arrivals().await;
        if self.fate.moment() {
            std::future::pending::<()>().await;
        }
        let result = match changes {
            Some(values) if self.is_refused() => Err(indiscreet(values)),
            Some(_) | None => work.await,
        };
        if self.fate.is_dead() {
            std::future::pending::<()>().await;
        }
        self.log.say(match &result {
            Ok(_) => format!("{} call {what}", self.clock.now()),
            Err(fault) => format!("{} call {what}: {:?}", self.clock.now(), fault.kind),
        });
        if changes.is_some() && self.fate.moment() {
            self.log.say("killed before the answer".to_string());
            std::future::pending::<()>().await;
        }
        result
    }

    /// Looks at a call that changes something, with what is durable at that moment.
    fn watch(&self, call: Call) {
        let disk = self.disk.disk();
        let Some(state) = disk.state() else { return };
        let objects = self.sandbox.objects();
        for problem in [
            invariants::announced(&call, state),
            invariants::no_early_delete(&call, state),
            invariants::no_skipped_dependency(&call, state, &objects, &self.graph),
        ] {
            if let Err(what) = problem {
                self.log.wrong(what);
            }
        }
    }
}

#[async_trait]
impl Provider for Seen {
    fn cloud(&self) -> &'static str {
        "sandbox"
    }

    fn patience(&self, kind: &str) -> Patience {
        self.sandbox.patience(kind)
    }

    async fn create(&self, want: &Want) -> Result<Made, Fault> {
        let call = Call {
            operation: Operation::Create,
            address: want.owner.address.clone(),
            token: Some(want.owner.token.clone()),
            id: None,
            inputs: want.inputs.clone(),
        };
        self.on_their_way().push(want.clone());
        let arrived = || self.on_their_way().retain(|one| one.owner.token != want.owner.token);
        let made = self.call(format!("create {}", want.owner.address), Some(&want.inputs), async {
            arrived();
            self.watch(call);
            self.sandbox.create(want).await
        });
        let made = made.await;
        arrived();
        made
    }

    async fn find(&self, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        self.call(format!("find {}", want.owner.address), None, async { self.sandbox.find(want, seek).await }).await
    }

    async fn read(&self, place: &Place) -> Result<Reading, Fault> {
        self.call(format!("read {} {}", place.address, place.id), None, async { self.sandbox.read(place).await }).await
    }

    async fn owned(&self, lineage: &str, known: &[Place]) -> Result<Option<Vec<Owned>>, Fault> {
        self.call("list".to_string(), None, async { self.sandbox.owned(lineage, known).await }).await
    }

    async fn update(&self, place: &Place, old: Option<&Fields>, want: &Want) -> Result<Progress, Fault> {
        let call = Call {
            operation: Operation::Update,
            address: place.address.clone(),
            token: None,
            id: Some(place.id.clone()),
            inputs: want.inputs.clone(),
        };
        self.call(format!("update {} {}", place.address, place.id), Some(&want.inputs), async {
            self.watch(call);
            self.sandbox.update(place, old, want).await
        })
        .await
    }

    async fn act(&self, place: &Place, deed: &Deed) -> Result<Progress, Fault> {
        let word = deed.settings.get("word").map(ToString::to_string).unwrap_or_default();
        let soft = deed.settings.get("onFailure").and_then(Value::as_str) == Some("warn");
        let result = self
            .call(format!("say {word} {} {}", place.address, place.id), Some(&deed.settings), async {
                for what in self.disk.disk().said(&place.address, &place.id, &deed.token) {
                    self.log.wrong(what);
                }
                self.sandbox.act(place, deed).await
            })
            .await;
        let over = match &result {
            Ok(_) => true,
            Err(fault) => soft && !passes_later(fault.kind),
        };
        if over {
            self.disk.disk().words.entry(place.id.to_string()).or_default().push(word);
        }
        result
    }

    async fn delete(&self, place: &Place) -> Result<Progress, Fault> {
        let call = Call {
            operation: Operation::Delete,
            address: place.address.clone(),
            token: None,
            id: Some(place.id.clone()),
            inputs: Fields::new(),
        };
        self.call(format!("delete {} {}", place.address, place.id), Some(&place.inputs), async {
            self.watch(call);
            self.sandbox.delete(place).await
        })
        .await
    }
}

/// A create arrives of which nobody waits for the answer.
pub async fn arrives(sandbox: &Sandbox, want: &Want, log: &Log) {
    let made = sandbox.create(want).await;
    log.say(format!("arrives late: create {}: {:?}", want.owner.address, made.map(|made| made.id)));
}

/// A refusal that quotes all that it was asked for, as clouds do.
fn indiscreet(values: &Fields) -> Fault {
    let secrets = values.values().filter_map(|value| match value {
        Value::Secret(secret) => secret.reveal(),
        _ => None,
    });
    let quoted: Vec<String> =
        secrets.flat_map(invariants::forms).map(|(form, text)| format!("{form}: {text}")).collect();
    Fault::new(FaultKind::Refused, format!("refused, by chance: {}", quoted.join(", "))).help(quoted.join(", "))
}
