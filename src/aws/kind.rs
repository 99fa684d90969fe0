//! One type of thing in AWS, twice: `Kind`, with structs of its own, is what a new type implements;
//! `AnyKind` is the same without types, made from it, and what the table of types holds.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::session::{Session, Sessions, Site};
use crate::apply::provider::{
    Fault, FaultKind, Health, Here, Made, Owner, Patience, Place, Progress, Reading, Seek, Want, usually,
};
use crate::name::Name;
use crate::state::Operation;
use crate::value::{self, Fields, Value};

/// How many reads of one site and type are under way at the same time.
pub const READS_AT_ONCE: usize = 16;

/// What a read found.
pub struct Found<Told, Outputs> {
    pub inputs: Told,
    pub outputs: Outputs,
    pub health: Health,
}

/// One type of thing. Its methods make calls and say what came back; they do not wait or retry. An update or a
/// deletion that takes several calls with time between them does what can be done now and says what it waits
/// for: it is called again, and looks anew how far it has come.
#[async_trait]
pub trait Kind: Copy + Send + Sync + 'static {
    /// The attributes that calls need, from [`value::reveal`]: durations are seconds, sizes bytes,
    /// references ids.
    type Want: DeserializeOwned + Send + Sync;
    /// The inputs that AWS tells. What is null is not told.
    type Told: Serialize + Send;
    /// The computed attributes.
    type Outputs: Serialize + Send;

    fn patience(&self) -> Patience;

    /// How long an operation usually takes until it has come to its end.
    fn usually(&self, operation: Operation) -> Duration {
        usually(operation)
    }

    async fn create(&self, session: &Session, want: &Self::Want, owner: &Owner) -> Result<Made, Fault>;

    async fn find(&self, session: &Session, want: &Self::Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault>;

    /// What there is; nothing when it is gone.
    async fn read(&self, session: &Session, place: &Place) -> Result<Option<Found<Self::Told, Self::Outputs>>, Fault>;

    /// Whether it is well; nothing when it is gone.
    async fn check(&self, session: &Session, place: &Place) -> Result<Option<Health>, Fault> {
        Ok(self.read(session, place).await?.map(|found| found.health))
    }

    /// Whether many of them are checked one by one: where AWS has no list that tells of several, and `check` is less
    /// than reading each.
    fn looks_alone(&self) -> bool {
        false
    }

    /// All of them, in the same order. A type of which AWS lists many in one call does so here.
    async fn read_many(
        &self,
        session: &Arc<Session>,
        places: &[Place],
    ) -> Vec<Result<Option<Found<Self::Told, Self::Outputs>>, Fault>> {
        let kind = *self;
        at_once(places.iter().cloned().map(|place| {
            let session = session.clone();
            async move { kind.read(&session, &place).await }
        }))
        .await
    }

    async fn update(
        &self,
        session: &Session,
        place: &Place,
        old: Option<&Fields>,
        want: &Self::Want,
        owner: &Owner,
    ) -> Result<Progress, Fault>;

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault>;
}

/// Runs them side by side, a few at a time, and answers in their order.
pub async fn at_once<T, F>(jobs: impl IntoIterator<Item = F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let slots = Arc::new(Semaphore::new(READS_AT_ONCE));
    let mut running = JoinSet::new();
    for (at, job) in jobs.into_iter().enumerate() {
        let slots = slots.clone();
        running.spawn(async move {
            // The semaphore is never closed, so there is always a slot to wait for.
            let _slot = slots.acquire().await;
            (at, job.await)
        });
    }
    let mut answers = running.join_all().await;
    answers.sort_by_key(|(at, _)| *at);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// A [`Kind`] whose structs are not seen.
#[async_trait]
pub trait AnyKind: Send + Sync {
    fn patience(&self) -> Patience;
    fn usually(&self, operation: Operation) -> Duration;
    async fn create(&self, sessions: &Sessions, want: &Want) -> Result<Made, Fault>;
    async fn find(&self, sessions: &Sessions, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault>;
    async fn read(&self, sessions: &Sessions, place: &Place) -> Result<Reading, Fault>;
    async fn check(&self, sessions: &Sessions, place: &Place) -> Result<Option<Health>, Fault>;
    fn looks_alone(&self) -> bool;
    /// All of these places are at the same site.
    async fn read_many(&self, session: &Arc<Session>, places: &[Place]) -> Vec<Result<Reading, Fault>>;
    async fn update(
        &self,
        sessions: &Sessions,
        place: &Place,
        old: Option<&Fields>,
        want: &Want,
    ) -> Result<Progress, Fault>;
    async fn delete(&self, sessions: &Sessions, place: &Place) -> Result<Progress, Fault>;
    /// Whether a sample of all inputs fits into the struct: for a test of every schema.
    ///
    /// # Errors
    /// The attribute that does not fit.
    fn accepts(&self, kind: &str, inputs: &Fields) -> Result<(), Fault>;
}

#[async_trait]
impl<K: Kind> AnyKind for K {
    fn patience(&self) -> Patience {
        Kind::patience(self)
    }

    fn usually(&self, operation: Operation) -> Duration {
        Kind::usually(self, operation)
    }

    async fn create(&self, sessions: &Sessions, want: &Want) -> Result<Made, Fault> {
        let session = sessions.at(&decode(&want.kind, &want.inputs)?).await;
        let made = Kind::create(self, &session, &decode(&want.kind, &want.inputs)?, &want.owner).await;
        let made = made.map_err(|fault| {
            session.recent.judge(session.way.complete(fault), &want.inputs, None, Kind::patience(self))
        })?;
        session.recent.note(&made.id);
        Ok(made)
    }

    async fn find(&self, sessions: &Sessions, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        let session = sessions.at(&decode(&want.kind, &want.inputs)?).await;
        let found = Kind::find(self, &session, &decode(&want.kind, &want.inputs)?, seek).await;
        found.map_err(|fault| session.way.complete(fault))
    }

    async fn read(&self, sessions: &Sessions, place: &Place) -> Result<Reading, Fault> {
        let session = sessions.at(&site(place)?).await;
        let found = Kind::read(self, &session, place).await;
        let reading = reading(&place.kind, found.map_err(|fault| session.way.complete(fault)));
        known(&session, place, &reading);
        reading
    }

    async fn check(&self, sessions: &Sessions, place: &Place) -> Result<Option<Health>, Fault> {
        let session = sessions.at(&site(place)?).await;
        Kind::check(self, &session, place).await.map_err(|fault| session.way.complete(fault))
    }

    fn looks_alone(&self) -> bool {
        Kind::looks_alone(self)
    }

    async fn read_many(&self, session: &Arc<Session>, places: &[Place]) -> Vec<Result<Reading, Fault>> {
        let found = Kind::read_many(self, session, places).await;
        let complete = |found: Result<_, Fault>| found.map_err(|fault| session.way.complete(fault));
        let readings = places.iter().zip(found).map(|(place, found)| {
            let reading = reading(&place.kind, complete(found));
            known(session, place, &reading);
            reading
        });
        readings.collect()
    }

    async fn update(
        &self,
        sessions: &Sessions,
        place: &Place,
        old: Option<&Fields>,
        want: &Want,
    ) -> Result<Progress, Fault> {
        let session = sessions.at(&site(place)?).await;
        let old = old.map(|old| with_texts(old, &want.inputs));
        let want_of = decode(&want.kind, &want.inputs)?;
        let outcome = Kind::update(self, &session, place, old.as_ref(), &want_of, &want.owner).await;
        outcome.map_err(|fault| {
            session.recent.judge(session.way.complete(fault), &want.inputs, Some(&place.id), Kind::patience(self))
        })
    }

    async fn delete(&self, sessions: &Sessions, place: &Place) -> Result<Progress, Fault> {
        let session = sessions.at(&site(place)?).await;
        let outcome = Kind::delete(self, &session, place).await.map_err(|fault| session.way.complete(fault));
        if outcome == Ok(Progress::Done) {
            session.recent.note_deleted(&place.id);
        }
        outcome
    }

    fn accepts(&self, kind: &str, inputs: &Fields) -> Result<(), Fault> {
        decode::<Site>(kind, inputs)?;
        decode::<K::Want>(kind, inputs).map(|_| ())
    }
}

/// The old inputs, with the texts of those secrets that stay as they are: the record has only their fingerprints, and
/// a type cannot compare those with what is wanted.
fn with_texts(old: &Fields, want: &Fields) -> Fields {
    let kept = |name: &Name, old: &Value| match want.get(name) {
        Some(new) if old.holds_secret() && new == old => new.clone(),
        Some(_) | None => old.clone(),
    };
    old.iter().map(|(name, value)| (name.clone(), kept(name, value))).collect()
}

/// Where a thing is that was made.
pub fn site(place: &Place) -> Result<Site, Fault> {
    decode(&place.kind, &place.inputs)
}

/// Keeps in mind that something exists, or does not any more.
fn known(session: &Session, place: &Place, reading: &Result<Reading, Fault>) {
    match reading {
        Ok(Reading::Here(_)) => session.recent.note(&place.id),
        // One that was created just now may not be listed yet, and its reads are made again by the engine.
        Ok(Reading::Gone) | Err(_) => {}
    }
}

fn reading<T: Serialize, O: Serialize>(
    kind: &str,
    found: Result<Option<Found<T, O>>, Fault>,
) -> Result<Reading, Fault> {
    Ok(match found? {
        None => Reading::Gone,
        Some(found) => Reading::Here(Here {
            inputs: encode(kind, &found.inputs)?,
            outputs: encode(kind, &found.outputs)?,
            health: found.health,
        }),
    })
}

/// Attributes as the struct of a type.
///
/// # Errors
/// Our own mistake: the schema and the struct have drifted apart. It names the attribute.
pub fn decode<T: DeserializeOwned>(kind: &str, fields: &Fields) -> Result<T, Fault> {
    let json = value::reveal(fields);
    serde_json::from_value(json.clone()).map_err(|error| {
        let reason = error.to_string();
        let fault = ours(kind, &reason);
        match culprit::<T>(&json, &reason) {
            Some(attribute) => fault.on(&attribute),
            None => fault,
        }
    })
}

fn ours(kind: &str, reason: &str) -> Fault {
    Fault::new(FaultKind::Refused, format!("the attributes of `{kind}` do not fit its code: {reason}"))
        .help("this is a mistake of tadpole, not of the program: please report it")
}

/// Serde does not say which field it did not like. Without that one, it has something else to say.
fn culprit<T: DeserializeOwned>(json: &Json, reason: &str) -> Option<String> {
    if let Some(missing) = reason.strip_prefix("missing field `") {
        return missing.split('`').next().map(str::to_string);
    }
    let Json::Object(attributes) = json else { return None };
    attributes.keys().find_map(|name| {
        let mut others = attributes.clone();
        others.remove(name);
        let outcome = serde_json::from_value::<T>(Json::Object(others));
        outcome.map_or_else(|error| error.to_string() != reason, |_| true).then(|| name.clone())
    })
}

fn encode(kind: &str, told: &impl Serialize) -> Result<Fields, Fault> {
    let json = serde_json::to_value(told).map_err(|error| ours(kind, &error.to_string()))?;
    let mut fields: Fields = serde_json::from_value(json).map_err(|error| ours(kind, &error.to_string()))?;
    fields.retain(|_, value| *value != Value::Null);
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{SealingKey, Secret};
    use serde::Deserialize;

    #[derive(Deserialize, Debug)]
    #[serde(rename_all = "camelCase")]
    #[allow(dead_code)]
    struct Sample {
        first: i64,
        second_one: Option<String>,
    }

    #[test]
    fn a_mistake_of_ours_names_the_attribute() {
        let decode = |pairs: &[(&str, Value)]| {
            let fields = pairs.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
            decode::<Sample>("aws.Sample", &fields).map_err(|fault| fault.attribute.unwrap().to_string())
        };
        assert!(decode(&[("first", Value::Int(1)), ("other", Value::Bool(true))]).is_ok());
        assert_eq!(decode(&[("secondOne", Value::string("x"))]).unwrap_err(), "first");
        assert_eq!(decode(&[("first", Value::string("x"))]).unwrap_err(), "first");
        assert_eq!(decode(&[("first", Value::Int(1)), ("secondOne", Value::Int(2))]).unwrap_err(), "secondOne");
    }

    #[test]
    fn a_secret_that_stays_is_known_by_its_text() {
        let key = SealingKey([7; 32]);
        let secret = |text: &str| {
            let mut secret = Value::Secret(Secret::new("env:X", text));
            secret.seal(&key);
            secret
        };
        let recorded: Value = serde_json::from_str(&serde_json::to_string(&secret("one")).unwrap()).unwrap();
        let old = Fields::from([("password".into(), recorded)]);
        let text = |new: &str| {
            let old = with_texts(&old, &Fields::from([("password".into(), secret(new))]));
            old["password"].secrets().first().map(ToString::to_string)
        };
        assert_eq!(text("one").as_deref(), Some("one"));
        assert_eq!(text("two"), None);
    }

    #[tokio::test]
    async fn many_answers_keep_their_order() {
        let jobs = (0..100u64).map(|n| async move {
            tokio::time::sleep(std::time::Duration::from_millis(n % 3)).await;
            n
        });
        assert_eq!(at_once(jobs).await, (0..100).collect::<Vec<_>>());
    }
}
