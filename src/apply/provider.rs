//! What the engine asks of a cloud. A provider makes calls and nothing else: it keeps no state, does
//! not wait for a thing to become ready, and does not retry; the executor does all three.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::name::{Address, Name};
use crate::state::Operation;
pub use crate::state::observed::{Health, Here, Obstacle, Reading};
use crate::value::Fields;

/// Whose an object is: written on it, in the create call itself where the cloud can do that, so that
/// it is found again after a crash.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Owner {
    /// The recorded environment, for ever.
    pub lineage: Arc<str>,
    pub address: Address,
    /// The same for every try of one operation, different for any other: an idempotency token.
    pub token: Arc<str>,
}

/// The keys under which [`Owner`] is written where a cloud has tags.
pub const TAG_LINEAGE: &str = "tadpole:lineage";
pub const TAG_ADDRESS: &str = "tadpole:address";
pub const TAG_TOKEN: &str = "tadpole:op";

/// A thing to be made.
#[derive(Clone, Debug)]
pub struct Want {
    /// The provider's name of its type: `aws.S3Bucket`.
    pub kind: Arc<str>,
    /// Everything that the program says; what is null is absent.
    pub inputs: Fields,
    /// What the library expects to be filled in. Only the sandbox may look at it.
    pub samples: Fields,
    pub owner: Owner,
}

/// A thing that was made.
#[derive(Clone, Debug)]
pub struct Place {
    pub kind: Arc<str>,
    pub id: Arc<str>,
    pub address: Address,
    /// As last recorded: where it lives (`region`, `profile`) is in here.
    pub inputs: Fields,
    /// As last recorded.
    pub outputs: Fields,
}

/// A thing that a plan is about to have deleted.
#[derive(Clone, Debug)]
pub struct Leaving {
    pub place: Place,
    /// Actions of the cloud that run before its deletion, by the provider's name of each: `aws.Empty`.
    pub deeds: Vec<Arc<str>>,
    /// Things, by type and id, that are recorded as needing it and stay. The plan knows what becomes of that:
    /// they are no obstacle that anybody has to be told of.
    pub known: BTreeSet<(Arc<str>, Arc<str>)>,
}

/// A thing of an environment, as a cloud tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owned {
    pub kind: Arc<str>,
    pub id: Arc<str>,
    /// That it was made under.
    pub address: Address,
    /// A deletion leaves it on purpose, as the last snapshot of a database.
    pub remains: bool,
}

/// The answer to a create call.
#[derive(Clone, Debug)]
pub struct Made {
    pub id: Arc<str>,
    /// Whether the call set all inputs. If not, an update with nothing known of the old ones follows.
    pub whole: bool,
}

/// How far a call has come that changes something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Progress {
    Done,
    /// The first steps are done, and the next ones wait for this: the same call, made again later, goes on.
    Waiting(String),
}

/// An action that the cloud itself carries out, with everything decided.
#[derive(Clone, Debug)]
pub struct Deed {
    /// The provider's name of it: `aws.Invalidate`.
    pub kind: Arc<str>,
    pub settings: Fields,
    /// The same for every try of it within one operation.
    pub token: Arc<str>,
}

/// A request over HTTP that is to say, by a signature of this cloud, who asks.
pub struct Unsigned<'a> {
    pub method: &'a str,
    /// Whole and percent-encoded, as it is sent: with scheme, host and query.
    pub url: &'a str,
    /// All that it carries already; what is signed must not change on its way.
    pub headers: &'a [(String, String)],
    pub body: &'a [u8],
    /// The service that is asked, as the cloud calls it: `execute-api`.
    pub service: &'a str,
    pub region: &'a str,
    /// Whose credentials; those that this machine has when it is nothing.
    pub profile: Option<&'a str>,
}

/// How to find a thing whose id is not known.
#[derive(Clone, PartialEq, Debug)]
pub enum Seek {
    /// The one that this very operation made, if it did.
    Made(Owner),
    /// The one that this component of this environment made at some time.
    Owned(Owner),
    /// Whoever made it: the one with these identity attributes.
    Identity,
}

/// A call of a provider, by what it is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Call {
    Create,
    Find,
    Read,
    ReadMany,
    /// Whether things could be deleted.
    Obstacles,
    Update,
    Delete,
}

impl Call {
    pub const ALL: [Call; 7] =
        [Call::Create, Call::Find, Call::Read, Call::ReadMany, Call::Obstacles, Call::Update, Call::Delete];

    pub fn name(self) -> &'static str {
        match self {
            Call::Create => "create",
            Call::Find => "find",
            Call::Read => "read",
            Call::ReadMany => "readmany",
            Call::Obstacles => "obstacles",
            Call::Update => "update",
            Call::Delete => "delete",
        }
    }
}

/// How long a call may be on its way before it counts as lost. It is shorter than the lease of who makes it.
pub const DEADLINE: Duration = Duration::from_secs(25);

/// How patient the engine is with one type of thing.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long after a create a read may still say "not found".
    pub consistency: Duration,
    /// The shortest pause between two reads of something that is on its way.
    pub poll: Duration,
    /// How long it may be on its way to being ready.
    pub readiness: Duration,
    /// How long a deletion may take.
    pub deletion: Duration,
}

impl Patience {
    /// How long to wait before another look at something that has been on its way for so long: so that
    /// looking makes nothing much later, and long ones are not asked for all the time.
    pub fn pause(&self, waited: Duration) -> Duration {
        (waited / 25).clamp(self.poll, self.poll * 8)
    }
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            consistency: Duration::from_secs(15),
            poll: Duration::from_secs(2),
            readiness: Duration::from_secs(1800),
            deletion: Duration::from_secs(600),
        }
    }
}

/// What a refusal means for what to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum FaultKind {
    /// Asked too often: the same call may pass later. It did nothing.
    Throttled,
    /// The call was not carried out, and may pass later.
    Unavailable,
    /// No answer came: whether the call was carried out is not known.
    Unknown,
    /// The name is in use by something else.
    Taken,
    /// What was asked about is not there.
    Missing,
    /// The caller may not do this.
    Denied,
    /// Something holds it: it cannot be deleted or changed now.
    Held,
    /// The cloud will not do this with these values.
    Refused,
}

/// Why a call did not do what it should.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fault {
    pub kind: FaultKind,
    /// One lowercase sentence, with the cloud's own words where they help.
    pub message: String,
    /// The attribute that it is about, so that its line can be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<Name>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The cloud's number of the call, for its support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The cloud does not find something that the call names.
    #[serde(skip)]
    pub absent: bool,
    /// The call is made again for this long, whatever the number of tries: it waits for something that is certain to
    /// come.
    #[serde(skip)]
    pub within: Option<Duration>,
    /// Nothing is wrong: somebody wanted the command to stop while it waited.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
}

impl Fault {
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Fault {
        Fault {
            kind,
            message: message.into(),
            attribute: None,
            help: None,
            request_id: None,
            absent: kind == FaultKind::Missing,
            within: None,
            interrupted: false,
        }
    }

    /// Of waiting that was left because somebody wanted the command to stop.
    pub fn interrupted() -> Fault {
        Fault { interrupted: true, ..Fault::new(FaultKind::Refused, "interrupted while waiting") }
    }

    pub fn on(mut self, attribute: &str) -> Fault {
        self.attribute = Some(attribute.into());
        self
    }

    pub fn help(mut self, text: impl Into<String>) -> Fault {
        self.help = Some(text.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.request_id.as_ref().map_or(Ok(()), |id| write!(f, " (request {id})"))
    }
}

/// How long an operation takes of which nothing in particular is known.
pub fn usually(operation: Operation) -> Duration {
    match operation {
        Operation::Create | Operation::Update | Operation::Delete => Duration::from_secs(1),
    }
}

#[async_trait]
pub trait Provider: Send + Sync {
    /// What the state calls this cloud: `aws`, `sandbox`. A state of one is never applied to another.
    fn cloud(&self) -> &'static str;

    /// How patient to be with a type.
    fn patience(&self, kind: &str) -> Patience;

    /// The service that counts the calls for a type together with those for others.
    fn service<'k>(&self, kind: &'k str) -> &'k str {
        kind
    }

    /// Whether a thing of this type that it makes can be asked over a network. What cannot is taken to
    /// answer as expected.
    fn answers(&self, _kind: &str) -> bool {
        true
    }

    /// Whether a create of this type that arrives after another one with its token, or with its name, makes nothing.
    /// If not, a create that may still arrive is waited for.
    fn is_idempotent(&self, _kind: &str) -> bool {
        true
    }

    /// How many calls it can have on their way at once: each may need a connection.
    fn at_once(&self) -> usize {
        256
    }

    /// How long an operation usually takes until it has come to its end. Only order and forecasts depend on it.
    fn usually(&self, _kind: &str, operation: Operation) -> Duration {
        usually(operation)
    }

    /// The one call that brings it into being, with the owner on it. A second call with the same
    /// token makes nothing new where the cloud can tell; where it cannot, the engine asks `find` first.
    async fn create(&self, want: &Want) -> Result<Made, Fault>;

    /// The id of a thing that exists, or nothing.
    ///
    /// # Errors
    /// Also when there are several and none is certain: it is reported, never guessed.
    async fn find(&self, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault>;

    async fn read(&self, place: &Place) -> Result<Reading, Fault>;

    /// Everything that bears this lineage, where the cloud can tell. `known` is what the environment has, had or
    /// wants: it is looked for where these live, and what they are made of is no find of its own. Those that have an
    /// id are told without another look at them.
    async fn owned(&self, _lineage: &str, _known: &[Place]) -> Result<Option<Vec<Owned>>, Fault> {
        Ok(None)
    }

    /// Whether it is well, by the cheapest call that tells; nothing when it is gone.
    async fn check(&self, place: &Place) -> Result<Option<Health>, Fault> {
        Ok(self.read(place).await?.health())
    }

    /// As `check`, for many at once, in the same order: as few calls as the cloud allows.
    async fn check_many(&self, places: &[Place]) -> Vec<Result<Option<Health>, Fault>> {
        self.read_many(places).await.into_iter().map(|reading| reading.map(Reading::health)).collect()
    }

    /// As `read`, for many at once, in the same order: as few calls as the cloud allows.
    async fn read_many(&self, places: &[Place]) -> Vec<Result<Reading, Fault>> {
        let mut readings = Vec::with_capacity(places.len());
        for place in places {
            readings.push(self.read(place).await);
        }
        readings
    }

    /// Why each of these could not be deleted now, in the same order; nothing for most. They go together: what
    /// only another of them holds is free when its turn comes. Nothing is changed, and what cannot be told
    /// cheaply is left for the deletion to tell.
    async fn obstacles(&self, leaving: &[Leaving]) -> Vec<Result<Vec<Obstacle>, Fault>> {
        leaving.iter().map(|_| Ok(Vec::new())).collect()
    }

    /// Makes it as wanted. `old` is what it is now, or nothing when that is not known: then
    /// everything is set. Doing it twice changes nothing more.
    async fn update(&self, place: &Place, old: Option<&Fields>, want: &Want) -> Result<Progress, Fault>;

    /// Says, before the first call of a run, what it is going to delete: what is in the way of one deletion may go with
    /// another.
    fn will_delete(&self, _ids: &[Arc<str>]) {}

    /// The call that takes it away. What is gone already counts as taken away.
    async fn delete(&self, place: &Place) -> Result<Progress, Fault>;

    /// Carries out an action that stands in a list of this thing. It may be made twice.
    async fn act(&self, _place: &Place, deed: &Deed) -> Result<Progress, Fault> {
        Err(Fault::new(FaultKind::Refused, format!("{} cannot do `{}`", self.cloud(), deed.kind)))
    }

    /// The headers that a request needs besides its own, so that the site knows who asks. They are good for a
    /// few minutes, and for this very request: each try is signed anew.
    async fn sign(&self, request: &Unsigned<'_>) -> Result<Vec<(String, String)>, Fault> {
        let text = format!("{} signs no requests, and {} wants a signature", self.cloud(), request.service);
        Err(Fault::new(FaultKind::Refused, text).help("ask without a signature: a header can say who asks"))
    }
}
