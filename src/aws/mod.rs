//! Amazon Web Services, by its SDK: the only room of the program that names a type of it. One row of
//! `KINDS` a type of resource; what each does is in the file of its service.

mod ec2;
mod fault;
mod kind;
mod s3;
mod session;
mod tags;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use self::kind::AnyKind;
use self::session::Sessions;
pub use self::session::{Keys, Settings};
use crate::apply::provider::{Fault, FaultKind, Health, Made, Patience, Place, Provider, Reading, Seek, Want, usually};
use crate::model::action::Verb;
use crate::value::Fields;

/// The types that AWS is asked for. A new one is a row here, its file, and its template in the library.
const KINDS: &[(&str, &dyn AnyKind)] = &[("aws.S3Bucket", &s3::S3Bucket), ("aws.ImageInstance", &ec2::ImageInstance)];

fn kind(name: &str) -> Result<&'static dyn AnyKind, Fault> {
    let found = KINDS.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
    found.ok_or_else(|| {
        Fault::new(FaultKind::Refused, format!("`{name}` is not a type that this version can make in aws"))
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
        KINDS.iter().map(|(name, _)| *name)
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

    fn usually(&self, name: &str, verb: Verb) -> Duration {
        kind(name).map_or_else(|_| usually(verb), |kind| kind.usually(verb))
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

    async fn update(&self, place: &Place, old: Option<&Fields>, want: &Want) -> Result<(), Fault> {
        kind(&place.kind)?.update(&self.sessions, place, old, want).await
    }

    async fn delete(&self, place: &Place) -> Result<(), Fault> {
        kind(&place.kind)?.delete(&self.sessions, place).await
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
