//! The policy of a bucket as a thing of its own, for one that names what itself needs the bucket: a distribution
//! before it. A policy has no tags. What says whose it is, is its `Id`, which AWS keeps and looks at no further.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::settings::policy::{self, Policy};
use super::settings::{Bucket, as_recorded};
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek};
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags;
use crate::value::{Fields, Value};

#[derive(Clone, Copy)]
pub struct S3BucketPolicy;

#[derive(Deserialize)]
pub struct Want {
    bucket: String,
    policy: Policy,
}

#[derive(Serialize)]
pub struct Told {
    policy: Option<Value>,
}

#[derive(Serialize)]
pub struct Nothing {}

/// The text of the policy of a bucket; nothing when it has none, or is gone itself.
async fn document(bucket: Bucket<'_>) -> Result<Option<serde_json::Value>, Fault> {
    match policy::read(bucket).await {
        // What is no JSON is no policy of ours.
        Ok(text) => Ok(text.map(|text| serde_json::from_str(&text).unwrap_or_default())),
        Err(fault) if fault.kind == FaultKind::Missing => Ok(None),
        Err(fault) => Err(fault.on("policy")),
    }
}

fn owned(owner: &Owner) -> String {
    format!("tadpole:{}:{}:", owner.lineage, tags::address(&owner.address))
}

fn made(owner: &Owner) -> String {
    format!("{}{}", owned(owner), owner.token)
}

fn mark(document: &serde_json::Value) -> &str {
    document["Id"].as_str().unwrap_or_default()
}

/// Whether this operation made it, wherever the component has moved since: a token is one operation's.
fn is_made(document: &serde_json::Value, owner: &Owner) -> bool {
    let mark = mark(document);
    mark.starts_with(&format!("tadpole:{}:", owner.lineage)) && mark.ends_with(&format!(":{}", owner.token))
}

#[async_trait]
impl Kind for S3BucketPolicy {
    type Want = Want;
    type Told = Told;
    type Outputs = Nothing;

    fn patience(&self) -> Patience {
        Patience { poll: Duration::from_secs(1), ..Patience::default() }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let bucket = Bucket { session, name: &want.bucket };
        let done = Made { id: want.bucket.as_str().into(), whole: true };
        if let Some(present) = document(bucket).await? {
            if is_made(&present, owner) {
                return Ok(done);
            }
            if !mark(&present).starts_with(&owned(owner)) {
                let text = format!("the bucket `{}` has a policy already", want.bucket);
                let help = "write what it says into this one and take it in with `tadpole import`, or delete it first";
                return Err(Fault::new(FaultKind::Taken, text).on("bucket").help(help));
            }
        }
        want.policy.write_as(bucket, &made(owner)).await.map_err(|fault| fault.on("policy"))?;
        Ok(done)
    }

    async fn find(&self, session: &Session, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        let Some(present) = document(Bucket { session, name: &want.bucket }).await? else { return Ok(None) };
        let found = match seek {
            Seek::Made(owner) => is_made(&present, owner),
            Seek::Owned(owner) => mark(&present).starts_with(&owned(owner)),
            Seek::Identity => true,
        };
        Ok(found.then(|| want.bucket.as_str().into()))
    }

    async fn read(&self, session: &Session, place: &Place) -> Result<Option<Found<Told, Nothing>>, Fault> {
        let bucket = Bucket { session, name: &place.id };
        let Some(present) = document(bucket).await? else { return Ok(None) };
        let recorded = place.inputs.get("policy").filter(|value| **value != Value::Null);
        let policy = as_recorded(&bucket.arn(), recorded, Some(Policy::of(&present)));
        Ok(Some(Found { inputs: Told { policy }, outputs: Nothing {}, health: Health::Live }))
    }

    async fn update(
        &self,
        session: &Session,
        place: &Place,
        _old: Option<&Fields>,
        want: &Want,
        owner: &Owner,
    ) -> Result<Progress, Fault> {
        let bucket = Bucket { session, name: &place.id };
        // The mark of the operation that made it stays, by which that one is found.
        let present = document(bucket).await?.unwrap_or_default();
        let own = mark(&present).starts_with(&owned(owner));
        let mark = if own { mark(&present).to_string() } else { made(owner) };
        want.policy.write_as(bucket, &mark).await.map_err(|fault| fault.on("policy"))?;
        Ok(Progress::Done)
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        match policy::reset(Bucket { session, name: &place.id }).await {
            Err(fault) if fault.kind != FaultKind::Missing => Err(fault),
            Ok(()) | Err(_) => Ok(Progress::Done),
        }
    }
}
