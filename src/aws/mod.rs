//! Amazon Web Services, by its SDK: the only room of the program that names a type of it. One folder a
//! service, which lists its types of resources and its actions.

mod across;
mod act;
mod cloudfront;
mod ec2;
mod fault;
mod kind;
mod obstacles;
mod owned;
mod rds;
mod recent;
mod remedy;
mod s3;
mod session;
mod sign;
mod tags;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream;

use self::act::AnyAct;
use self::fault::Call;
use self::kind::AnyKind;
pub use self::session::{Keys, Settings};
use self::session::{Sessions, Site};
use crate::apply::provider::{
    Deed, Fault, FaultKind, Health, Leaving, Made, Obstacle, Owned, Patience, Place, Progress, Provider, Reading, Seek,
    Unsigned, Want, usually,
};
use crate::state::Operation;
use crate::value::Fields;

/// Types of things, by the names that the library gives them.
type Kinds = &'static [(&'static str, &'static dyn AnyKind)];
/// Actions of the cloud, likewise.
type Acts = &'static [(&'static str, &'static dyn AnyAct)];

/// Each service with its types and its actions.
const SERVICES: &[(&str, Kinds, Acts)] = &[
    ("s3", s3::KINDS, s3::ACTS),
    ("ec2", ec2::KINDS, ec2::ACTS),
    ("rds", rds::KINDS, rds::ACTS),
    ("cloudfront", cloudfront::KINDS, cloudfront::ACTS),
    ("several", &[], across::ACTS),
];

fn kind(name: &str) -> Result<&'static dyn AnyKind, Fault> {
    let mut all = SERVICES.iter().flat_map(|(_, kinds, _)| *kinds);
    all.find(|(known, _)| *known == name).map(|(_, kind)| *kind).ok_or_else(|| {
        Fault::new(FaultKind::Refused, format!("`{name}` is not a type that this version can make in aws"))
    })
}

fn act(name: &str) -> Result<&'static dyn AnyAct, Fault> {
    let mut all = SERVICES.iter().flat_map(|(_, _, acts)| *acts);
    all.find(|(known, _)| *known == name).map(|(_, act)| *act).ok_or_else(|| {
        Fault::new(FaultKind::Refused, format!("`{name}` is not an action that this version can run in aws"))
    })
}

/// The cloud, as the configuration of this machine says: environment variables (`AWS_PROFILE`,
/// `AWS_ENDPOINT_URL`, ...), the files in `~/.aws`, single sign-on, the role of the machine. Making one
/// asks nothing and reads nothing; the first call does.
#[derive(Default)]
pub struct Aws {
    sessions: Sessions,
}

impl Aws {
    pub fn new() -> Aws {
        Aws::default()
    }

    /// With something other than the configuration of the machine says: for an emulator.
    pub fn with(settings: Settings) -> Aws {
        Aws { sessions: Sessions::new(settings) }
    }

    /// The names of all types.
    pub fn kinds() -> impl Iterator<Item = &'static str> {
        SERVICES.iter().flat_map(|(_, kinds, _)| *kinds).map(|(name, _)| *name)
    }

    /// Whether the code of a type can take these inputs: a test asks this for a sample of every schema.
    ///
    /// # Errors
    /// Says which attribute it cannot take.
    pub fn accepts(name: &str, inputs: &Fields) -> Result<(), Fault> {
        kind(name)?.accepts(name, inputs)
    }
}

#[async_trait]
impl Provider for Aws {
    fn cloud(&self) -> &'static str {
        "aws"
    }

    fn patience(&self, name: &str) -> Patience {
        kind(name).map_or_else(|_| Patience::default(), |kind| kind.patience())
    }

    /// AWS counts the calls of a service together, whatever they are about.
    fn service<'k>(&self, name: &'k str) -> &'k str {
        let service = SERVICES.iter().find(|(_, kinds, _)| kinds.iter().any(|(known, _)| *known == name));
        service.map_or(name, |(service, ..)| service)
    }

    fn usually(&self, name: &str, operation: Operation) -> Duration {
        kind(name).map_or_else(|_| usually(operation), |kind| kind.usually(operation))
    }

    /// EC2 takes a token or a name for most of its types, and for these neither.
    fn is_idempotent(&self, name: &str) -> bool {
        !["aws.ElasticIp", "aws.InternetGateway", "aws.Snapshot", "aws.Subnet", "aws.Vpc"].contains(&name)
    }

    async fn create(&self, want: &Want) -> Result<Made, Fault> {
        kind(&want.kind)?.create(&self.sessions, want).await
    }

    async fn find(&self, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        kind(&want.kind)?.find(&self.sessions, want, seek).await
    }

    async fn read(&self, place: &Place) -> Result<Reading, Fault> {
        kind(&place.kind)?.read(&self.sessions, place).await
    }

    async fn check(&self, place: &Place) -> Result<Option<Health>, Fault> {
        kind(&place.kind)?.check(&self.sessions, place).await
    }

    async fn check_many(&self, places: &[Place]) -> Vec<Result<Option<Health>, Fault>> {
        let (mut looks, mut members, mut together) = (Vec::new(), Vec::new(), Vec::new());
        for (at, place) in places.iter().enumerate() {
            if kind(&place.kind).is_ok_and(AnyKind::looks_alone) {
                looks.push(async move { (at, self.check(place).await) });
            } else {
                members.push(at);
                together.push(place.clone());
            }
        }
        let alone: Vec<(usize, _)> = stream::iter(looks).buffer_unordered(kind::READS_AT_ONCE).collect().await;
        let mut told: BTreeMap<usize, _> = alone.into_iter().collect();
        let readings = self.read_many(&together).await.into_iter().map(|reading| reading.map(Reading::health));
        told.extend(members.into_iter().zip(readings));
        // The keys are the places' own positions, each once.
        told.into_values().collect()
    }

    async fn read_many(&self, places: &[Place]) -> Vec<Result<Reading, Fault>> {
        // What is wrong with one place must not keep the others from being read.
        let mut faults = BTreeMap::new();
        let mut groups: Vec<(&'static dyn AnyKind, session::Site, Vec<usize>)> = Vec::new();
        let mut known: BTreeMap<(&str, String, Option<String>), usize> = BTreeMap::new();
        for (at, place) in places.iter().enumerate() {
            match kind(&place.kind).and_then(|kind| Ok((kind, kind::site(place)?))) {
                Err(fault) => {
                    faults.insert(at, fault);
                }
                Ok((kind, site)) => {
                    let key = (&*place.kind, site.region.clone(), site.profile.clone());
                    let group = *known.entry(key).or_insert(groups.len());
                    if group == groups.len() {
                        groups.push((kind, site, Vec::new()));
                    }
                    groups[group].2.push(at);
                }
            }
        }
        let mut jobs = Vec::with_capacity(groups.len());
        for (kind, site, members) in groups {
            let session = self.sessions.at(&site).await;
            let places: Vec<Place> = members.iter().map(|at| places[*at].clone()).collect();
            jobs.push(async move { (members, kind.read_many(&session, &places).await) });
        }
        let mut readings: BTreeMap<usize, Result<Reading, Fault>> =
            faults.into_iter().map(|(at, fault)| (at, Err(fault))).collect();
        for (members, answers) in kind::at_once(jobs).await {
            readings.extend(members.into_iter().zip(answers));
        }
        // The keys are the places' own positions, each once.
        readings.into_values().collect()
    }

    async fn update(&self, place: &Place, old: Option<&Fields>, want: &Want) -> Result<Progress, Fault> {
        kind(&place.kind)?.update(&self.sessions, place, old, want).await
    }

    fn will_delete(&self, ids: &[Arc<str>]) {
        self.sessions.recent.note_leaving(ids);
    }

    async fn delete(&self, place: &Place) -> Result<Progress, Fault> {
        kind(&place.kind)?.delete(&self.sessions, place).await
    }

    async fn act(&self, place: &Place, deed: &Deed) -> Result<Progress, Fault> {
        act(&deed.kind)?.run(&self.sessions, place, deed).await
    }

    async fn owned(&self, lineage: &str, known: &[Place]) -> Result<Option<Vec<Owned>>, Fault> {
        let Some(traces) = owned::traces(&self.sessions, lineage, known).await? else { return Ok(None) };
        let known: BTreeSet<(&str, &str)> = known.iter().map(|place| (&*place.kind, &*place.id)).collect();
        let is_known = |place: &Place| known.contains(&(&*place.kind, &*place.id));
        let places = traces.iter().map(|trace| trace.place.clone().filter(|place| !is_known(place)));
        let places: Vec<Option<Place>> = places.collect();
        let asked: Vec<Place> = places.iter().flatten().cloned().collect();
        let mut readings = self.read_many(&asked).await.into_iter();
        let mut found = Vec::new();
        for (trace, place) in traces.into_iter().zip(places) {
            let reading = place.and_then(|_| readings.next()).transpose()?;
            if !matches!(reading, Some(Reading::Gone)) {
                found.push(trace.owned);
            }
        }
        Ok(Some(found))
    }

    async fn obstacles(&self, leaving: &[Leaving]) -> Vec<Result<Vec<Obstacle>, Fault>> {
        obstacles::obstacles(&self.sessions, leaving).await
    }

    async fn sign(&self, request: &Unsigned<'_>) -> Result<Vec<(String, String)>, Fault> {
        let site = Site { region: request.region.to_string(), profile: request.profile.map(str::to_string) };
        let session = self.sessions.at(&site).await;
        let call = Call::read("", format!("sign a request to {}", request.service));
        let credentials = session.credentials().await;
        let credentials = credentials.map_err(|error| session.way.complete(call.no_credentials(&error)))?;
        sign::headers(request, credentials, SystemTime::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_type_that_is_not_known_is_a_fault_of_its_own_place() {
        let place = Place {
            kind: "aws.Nothing".into(),
            id: "x".into(),
            address: "x".parse().unwrap(),
            inputs: Fields::new(),
            outputs: Fields::new(),
        };
        let answers = Aws::new().read_many(&[place]).await;
        let fault = answers.into_iter().next().unwrap().unwrap_err();
        assert_eq!(fault.message, "`aws.Nothing` is not a type that this version can make in aws");
    }
}
