//! The provider as the engine uses it, with somebody watching: what it was asked to make is kept, and the answer
//! of the call that makes one certain thing can be lost. It waits less than for Amazon.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tadpole::apply::provider::{
    Deed, Fault, FaultKind, Health, Leaving, Made, Obstacle, Owned, Patience, Place, Progress, Provider, Reading, Seek,
    Want,
};
use tadpole::aws::Aws;
use tadpole::name::Address;
use tadpole::state::Operation;
use tadpole::value::Fields;

use super::proxy::Proxy;

pub struct Watched {
    aws: Aws,
    proxy: Arc<Proxy>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// What was last to be made at each address.
    wants: BTreeMap<Address, Want>,
    /// Whose creation is not answered, next time.
    loses: Option<Address>,
    /// What the provider said of it.
    lost: Option<Result<Made, Fault>>,
}

impl Watched {
    pub fn new(aws: Aws, proxy: Arc<Proxy>) -> Watched {
        Watched { aws, proxy, seen: Mutex::default() }
    }

    /// What was last to be made at an address.
    pub fn want(&self, address: &Address) -> Option<Want> {
        self.seen.lock().unwrap().wants.get(address).cloned()
    }

    /// Loses the answer of the first call that changes anything when the thing of this address is made. Until
    /// then one call is made at a time, so that it is no other one's.
    pub fn lose(&self, address: &Address) {
        self.seen.lock().unwrap().loses = Some(address.clone());
    }

    /// Whether the answer was lost, and was told to be unknown.
    ///
    /// # Errors
    /// What happened instead.
    pub fn lost(&self) -> Result<(), String> {
        match self.seen.lock().unwrap().lost.take() {
            Some(Err(fault)) if fault.kind == FaultKind::Unknown => Ok(()),
            Some(other) => Err(format!("its answer was lost, and what the provider says is {other:?}")),
            None => Err("no call was made that changes anything".into()),
        }
    }
}

#[async_trait]
impl Provider for Watched {
    fn cloud(&self) -> &'static str {
        self.aws.cloud()
    }

    fn patience(&self, kind: &str) -> Patience {
        let real = self.aws.patience(kind);
        Patience {
            consistency: real.consistency.min(Duration::from_millis(500)),
            poll: Duration::from_millis(10),
            readiness: real.readiness.min(Duration::from_secs(20)),
            deletion: real.deletion.min(Duration::from_secs(20)),
        }
    }

    fn service<'k>(&self, kind: &'k str) -> &'k str {
        self.aws.service(kind)
    }

    fn at_once(&self) -> usize {
        if self.seen.lock().unwrap().loses.is_some() { 1 } else { self.aws.at_once() }
    }

    fn usually(&self, kind: &str, operation: Operation) -> Duration {
        self.aws.usually(kind, operation)
    }

    async fn create(&self, want: &Want) -> Result<Made, Fault> {
        let loses = {
            let mut seen = self.seen.lock().unwrap();
            seen.wants.insert(want.owner.address.clone(), want.clone());
            seen.loses.take_if(|address| *address == want.owner.address).is_some()
        };
        if !loses {
            return self.aws.create(want).await;
        }
        self.proxy.lose_next_change();
        let answer = self.aws.create(want).await;
        let is_lost = self.proxy.has_lost();
        self.seen.lock().unwrap().lost = is_lost.then(|| answer.clone());
        answer
    }

    async fn find(&self, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        self.aws.find(want, seek).await
    }

    async fn read(&self, place: &Place) -> Result<Reading, Fault> {
        self.aws.read(place).await
    }

    async fn owned(&self, lineage: &str, known: &[Place]) -> Result<Option<Vec<Owned>>, Fault> {
        self.aws.owned(lineage, known).await
    }

    async fn obstacles(&self, leaving: &[Leaving]) -> Vec<Result<Vec<Obstacle>, Fault>> {
        self.aws.obstacles(leaving).await
    }

    async fn check(&self, place: &Place) -> Result<Option<Health>, Fault> {
        self.aws.check(place).await
    }

    async fn read_many(&self, places: &[Place]) -> Vec<Result<Reading, Fault>> {
        self.aws.read_many(places).await
    }

    async fn update(&self, place: &Place, old: Option<&Fields>, want: &Want) -> Result<Progress, Fault> {
        self.aws.update(place, old, want).await
    }

    fn will_delete(&self, ids: &[Arc<str>]) {
        self.aws.will_delete(ids);
    }

    async fn delete(&self, place: &Place) -> Result<Progress, Fault> {
        self.aws.delete(place).await
    }

    async fn act(&self, place: &Place, deed: &Deed) -> Result<Progress, Fault> {
        self.aws.act(place, deed).await
    }
}
