//! Several clouds as one: what a kind begins with says whose it is, `aws` of `aws.S3Bucket`. One that nothing
//! of a command is about is asked nothing, so that nobody needs credentials for what he does not use.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use crate::apply::provider::{
    Deed, Fault, FaultKind, Health, Leaving, Made, Obstacle, Owned, Patience, Place, Progress, Provider, Reading, Seek,
    Unsigned, Want, usually,
};
use crate::state::Operation;
use crate::value::Fields;

/// What the state calls all that is not the sandbox.
pub const REAL: &str = "real";

/// The word that says whose a kind is.
pub fn cloud_of(kind: &str) -> &str {
    kind.split_once('.').map_or(kind, |(cloud, _)| cloud)
}

/// One of them.
struct Member {
    name: &'static str,
    provider: Arc<dyn Provider>,
    /// Whether anything of it was asked for.
    used: AtomicBool,
}

/// Real clouds, side by side.
pub struct Several {
    members: Vec<Member>,
}

impl Several {
    /// Of providers, each called as its kinds begin.
    pub fn new(providers: impl IntoIterator<Item = Arc<dyn Provider>>) -> Several {
        let member = |provider: Arc<dyn Provider>| Member { name: provider.cloud(), provider, used: false.into() };
        Several { members: providers.into_iter().map(member).collect() }
    }

    fn knows(&self, kind: &str) -> Option<&dyn Provider> {
        self.member(kind).map(|member| &*member.provider)
    }

    fn member(&self, kind: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == cloud_of(kind))
    }

    /// Whoever makes this kind, to be asked for something.
    fn of(&self, kind: &str) -> Result<&dyn Provider, Fault> {
        let Some(member) = self.member(kind) else {
            let text = format!("this version makes nothing in `{}`, and `{kind}` is of there", cloud_of(kind));
            let names: Vec<String> = self.members.iter().map(|member| format!("`{}`", member.name)).collect();
            return Err(Fault::new(FaultKind::Refused, text).help(format!("it knows {}", names.join(" and "))));
        };
        member.used.store(true, Ordering::Relaxed);
        Ok(&*member.provider)
    }
}

#[async_trait]
impl Provider for Several {
    fn cloud(&self) -> &'static str {
        REAL
    }

    fn patience(&self, kind: &str) -> Patience {
        self.knows(kind).map_or_else(Patience::default, |provider| provider.patience(kind))
    }

    fn service<'k>(&self, kind: &'k str) -> &'k str {
        self.knows(kind).map_or(kind, |provider| provider.service(kind))
    }

    fn answers(&self, kind: &str) -> bool {
        self.knows(kind).is_none_or(|provider| provider.answers(kind))
    }

    fn is_idempotent(&self, kind: &str) -> bool {
        self.knows(kind).is_none_or(|provider| provider.is_idempotent(kind))
    }

    fn at_once(&self) -> usize {
        self.members.iter().map(|member| member.provider.at_once()).max().unwrap_or(1)
    }

    fn usually(&self, kind: &str, operation: Operation) -> Duration {
        self.knows(kind).map_or_else(|| usually(operation), |provider| provider.usually(kind, operation))
    }

    async fn create(&self, want: &Want) -> Result<Made, Fault> {
        self.of(&want.kind)?.create(want).await
    }

    async fn find(&self, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        self.of(&want.kind)?.find(want, seek).await
    }

    async fn read(&self, place: &Place) -> Result<Reading, Fault> {
        self.of(&place.kind)?.read(place).await
    }

    /// Of those that anything was asked of, or that have something: what a command knows nothing of, it does not
    /// look for.
    async fn owned(&self, lineage: &str, known: &[Place]) -> Result<Option<Vec<Owned>>, Fault> {
        let mut all: Option<Vec<Owned>> = None;
        for Member { name, provider, used } in &self.members {
            let theirs: Vec<Place> = known.iter().filter(|place| cloud_of(&place.kind) == *name).cloned().collect();
            if !used.load(Ordering::Relaxed) && theirs.is_empty() {
                continue;
            }
            if let Some(owned) = provider.owned(lineage, &theirs).await? {
                all.get_or_insert_default().extend(owned);
            }
        }
        Ok(all)
    }

    async fn check(&self, place: &Place) -> Result<Option<Health>, Fault> {
        self.of(&place.kind)?.check(place).await
    }

    /// Each is asked once, for all that is its own.
    async fn read_many(&self, places: &[Place]) -> Vec<Result<Reading, Fault>> {
        let mut readings = BTreeMap::new();
        for (members, theirs) in by_cloud(places, |place| &place.kind) {
            let answers = match self.of(&theirs[0].kind) {
                Ok(provider) => provider.read_many(&theirs).await,
                Err(fault) => vec![Err(fault); theirs.len()],
            };
            readings.extend(members.into_iter().zip(answers));
        }
        // The keys are the places' own positions, each once.
        readings.into_values().collect()
    }

    /// As [`Several::read_many`].
    async fn check_many(&self, places: &[Place]) -> Vec<Result<Option<Health>, Fault>> {
        let mut told = BTreeMap::new();
        for (members, theirs) in by_cloud(places, |place| &place.kind) {
            let answers = match self.of(&theirs[0].kind) {
                Ok(provider) => provider.check_many(&theirs).await,
                Err(fault) => vec![Err(fault); theirs.len()],
            };
            told.extend(members.into_iter().zip(answers));
        }
        told.into_values().collect()
    }

    /// As [`Several::read_many`]. What one of them holds of another cannot be told.
    async fn obstacles(&self, leaving: &[Leaving]) -> Vec<Result<Vec<Obstacle>, Fault>> {
        let mut told = BTreeMap::new();
        for (members, theirs) in by_cloud(leaving, |leaving| &leaving.place.kind) {
            let answers = match self.of(&theirs[0].place.kind) {
                Ok(provider) => provider.obstacles(&theirs).await,
                Err(fault) => vec![Err(fault); theirs.len()],
            };
            told.extend(members.into_iter().zip(answers));
        }
        told.into_values().collect()
    }

    async fn update(&self, place: &Place, old: Option<&Fields>, want: &Want) -> Result<Progress, Fault> {
        self.of(&place.kind)?.update(place, old, want).await
    }

    fn will_delete(&self, ids: &[Arc<str>]) {
        self.members.iter().for_each(|member| member.provider.will_delete(ids));
    }

    async fn delete(&self, place: &Place) -> Result<Progress, Fault> {
        self.of(&place.kind)?.delete(place).await
    }

    async fn act(&self, place: &Place, deed: &Deed) -> Result<Progress, Fault> {
        self.of(&deed.kind)?.act(place, deed).await
    }

    /// By whoever can: only one of them has signatures.
    async fn sign(&self, request: &Unsigned<'_>) -> Result<Vec<(String, String)>, Fault> {
        self.of("aws")?.sign(request).await
    }
}

/// What belongs to each cloud, with its positions in the whole.
fn by_cloud<T: Clone>(all: &[T], kind: impl Fn(&T) -> &str) -> Vec<(Vec<usize>, Vec<T>)> {
    let mut parts: BTreeMap<&str, (Vec<usize>, Vec<T>)> = BTreeMap::new();
    for (at, one) in all.iter().enumerate() {
        let (members, theirs) = parts.entry(cloud_of(kind(one))).or_default();
        members.push(at);
        theirs.push(one.clone());
    }
    parts.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cloud that says of what it was asked.
    struct One(&'static str);

    #[async_trait]
    impl Provider for One {
        fn cloud(&self) -> &'static str {
            self.0
        }
        fn patience(&self, _: &str) -> Patience {
            Patience { poll: Duration::from_millis(self.0.len() as u64), ..Patience::default() }
        }
        fn answers(&self, _: &str) -> bool {
            self.0 != "mute"
        }
        async fn create(&self, want: &Want) -> Result<Made, Fault> {
            Ok(Made { id: format!("{} made {}", self.0, want.kind).into(), whole: true })
        }
        async fn find(&self, _: &Want, _: &Seek) -> Result<Option<Arc<str>>, Fault> {
            Ok(Some(self.0.into()))
        }
        async fn read(&self, place: &Place) -> Result<Reading, Fault> {
            Err(Fault::new(FaultKind::Refused, format!("{} of {}", place.id, self.0)))
        }
        async fn owned(&self, lineage: &str, _: &[Place]) -> Result<Option<Vec<Owned>>, Fault> {
            let address = "x".parse().unwrap();
            let owned = Owned { kind: self.0.into(), id: lineage.into(), address, remains: false };
            Ok((self.0 != "mute").then(|| vec![owned]))
        }
        async fn update(&self, _: &Place, _: Option<&Fields>, _: &Want) -> Result<Progress, Fault> {
            Ok(Progress::Waiting(self.0.into()))
        }
        async fn delete(&self, _: &Place) -> Result<Progress, Fault> {
            Ok(Progress::Waiting(self.0.into()))
        }
    }

    fn several() -> Several {
        Several::new(["near", "mute", "far"].map(|name| Arc::new(One(name)) as Arc<dyn Provider>))
    }

    fn place(kind: &str, id: &str) -> Place {
        let address = "x".parse().unwrap();
        Place { kind: kind.into(), id: id.into(), address, inputs: Fields::new(), outputs: Fields::new() }
    }

    #[tokio::test]
    async fn many_readings_are_split_and_keep_their_order() {
        let places = [("far.A", "1"), ("near.A", "2"), ("gone.A", "3"), ("far.B", "4"), ("near.B", "5")];
        let readings = several().read_many(&places.map(|(kind, id)| place(kind, id))).await;
        let said: Vec<String> = readings.into_iter().map(|reading| reading.unwrap_err().message).collect();
        let unknown = "this version makes nothing in `gone`, and `gone.A` is of there";
        assert_eq!(said, ["1 of far", "2 of near", unknown, "4 of far", "5 of near"]);
        let told = several().check_many(&places.map(|(kind, id)| place(kind, id))).await;
        assert_eq!(told.into_iter().map(|told| told.unwrap_err().message).collect::<Vec<_>>(), said);
    }

    #[tokio::test]
    async fn who_was_asked_nothing_is_not_asked_what_it_owns() {
        let several = several();
        assert_eq!(several.owned("l", &[]).await, Ok(None));
        assert_eq!(several.delete(&place("mute.A", "1")).await, Ok(Progress::Waiting("mute".into())));
        assert_eq!(several.owned("l", &[]).await, Ok(None));
        assert_eq!(several.delete(&place("far.A", "1")).await, Ok(Progress::Waiting("far".into())));
        let owned = several.owned("l", &[place("near.A", "1")]).await.unwrap().unwrap();
        assert_eq!(owned.iter().map(|owned| &*owned.kind).collect::<Vec<_>>(), ["near", "far"]);
    }

    #[test]
    fn each_is_as_patient_as_it_is() {
        let several = several();
        assert_eq!(several.patience("near.A").poll, Duration::from_millis(4));
        assert_eq!(several.patience("far.A").poll, Duration::from_millis(3));
        assert!(several.answers("far.A") && !several.answers("mute.A"));
    }
}
