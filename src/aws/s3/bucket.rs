//! Buckets. A name is all that a bucket is found by, so what decides whether one is ours are its tags:
//! one that does not say so is never taken over, as it could be deleted later.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, VersioningConfiguration,
};
use serde::{Deserialize, Serialize};

use super::empty::emptied;
use super::objects;
use super::settings::access::{Ownership, PublicAccessBlock};
use super::settings::cors::Cors;
use super::settings::encryption::Encryption;
use super::settings::lifecycle::Lifecycle;
use super::settings::lock::ObjectLock;
use super::settings::logging::Logging;
use super::settings::policy::{Policy, PolicyText};
use super::settings::website::Website;
use super::settings::{Bucket, apply, arn, partition, told};
use super::sight::{Sight, head, look, put_tags, tag_set, taken};
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::value::{Fields, Value};

#[derive(Clone, Copy)]
pub struct S3Bucket;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    bucket: String,
    #[serde(default)]
    versioning: bool,
    #[serde(default)]
    tags: Tags,
    encryption: Option<Encryption>,
    public_access_block: Option<PublicAccessBlock>,
    ownership: Option<Ownership>,
    policy: Option<Policy>,
    policy_text: Option<PolicyText>,
    cors: Option<Cors>,
    lifecycle: Option<Lifecycle>,
    website: Option<Website>,
    logging: Option<Logging>,
    object_lock: Option<ObjectLock>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    arn: String,
    domain_name: String,
    website_domain: String,
}

impl Want {
    /// What AWS would refuse in words that help nobody, or not at all.
    fn check(&self) -> Result<(), Fault> {
        if self.policy.is_some() && self.policy_text.is_some() {
            let text = "a bucket has one policy, and `policy` and `policyText` both give it one";
            return Err(Fault::new(FaultKind::Refused, text).on("policyText").help("leave one of them out"));
        }
        if self.object_lock.is_some() && !self.versioning {
            let text = "objects are locked version by version, and the bucket keeps no versions";
            return Err(Fault::new(FaultKind::Refused, text).on("objectLock").help("write `versioning true;`"));
        }
        Ok(())
    }
}

#[async_trait]
impl Kind for S3Bucket {
    type Want = Want;
    type Told = Fields;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience {
            consistency: Duration::from_secs(15),
            poll: Duration::from_secs(1),
            deletion: Duration::from_secs(60),
            // To empty a large one takes hours.
            readiness: Duration::from_secs(12 * 3600),
        }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        want.check()?;
        let name = &want.bucket;
        let all = tags::of_new(&want.tags, owner)?;
        let made = Made { id: name.as_str().into(), whole: false };
        // In us-east-1 a second creation of an own bucket succeeds: only a look beforehand tells.
        match look(session, name).await? {
            Sight::Missing => {}
            Sight::Here(present) if tags::is_made(&present, owner) => return Ok(made),
            Sight::Here(present) => return Err(taken(name, &present, owner)),
            Sight::Elsewhere(fault) => {
                return Err(Fault { kind: FaultKind::Taken, ..fault });
            }
            Sight::Closed(_) => {
                let text = format!("the bucket `{name}` exists already, and this caller may not look at it");
                let help = "bucket names are unique over all of aws: choose another one; if it is yours, the caller \
                            needs the permission `s3:GetBucketTagging`";
                return Err(Fault::new(FaultKind::Taken, text).on("bucket").help(help));
            }
        }
        // No location means us-east-1, which may not be named.
        let location = (session.region != "us-east-1").then(|| BucketLocationConstraint::from(&*session.region));
        let call = Call::write("s3:CreateBucket s3:TagResource", format!("create the bucket `{name}`"));
        let configuration = CreateBucketConfiguration::builder()
            .set_location_constraint(location)
            .set_tags(Some(tag_set(&all)?))
            .build();
        let sent = session.s3().create_bucket().bucket(name).create_bucket_configuration(configuration);
        let sent = sent.set_object_lock_enabled_for_bucket(want.object_lock.as_ref().map(|_| true)).send();
        sent.await.map_err(|error| call.fault(&error))?;
        // An emulator may leave out the tags, and someone may have been quicker than we. If this look
        // fails, the bucket is made all the same, and the update that follows says what is wrong.
        match look(session, name).await {
            Ok(Sight::Here(present)) if tags::is_made(&present, owner) => {}
            // Ours of an earlier time: an emulator may keep the tags of a bucket that was deleted. It was
            // not there a moment ago, and nobody else works on this environment.
            Ok(Sight::Here(present)) if tags::is_anyones(&present) && !tags::is_owned(&present, owner) => {
                return Err(taken(name, &present, owner));
            }
            Ok(Sight::Here(_)) => {
                let _ = put_tags(session, name, &all).await;
            }
            Ok(Sight::Missing | Sight::Elsewhere(_) | Sight::Closed(_)) | Err(_) => {}
        }
        Ok(made)
    }

    async fn find(&self, session: &Session, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        let name = &want.bucket;
        let id = || Some(Arc::from(name.as_str()));
        let sight = look(session, name).await?;
        match (seek, sight) {
            (_, Sight::Missing) => Ok(None),
            (Seek::Made(owner), Sight::Here(present)) if tags::is_made(&present, owner) => Ok(id()),
            (Seek::Made(_), Sight::Here(present)) if !tags::is_anyones(&present) => {
                let text = format!("the bucket `{name}` exists, and nothing on it says who made it");
                let help = "write `startActions [];` to use it as it is, or choose another name; if nobody needs it, \
                            delete it and try again";
                Err(Fault::new(FaultKind::Taken, text).on("bucket").help(help))
            }
            (Seek::Owned(owner), Sight::Here(present)) if tags::is_owned(&present, owner) => Ok(id()),
            // Someone else's. If it is in the way of something, its creation says so.
            (Seek::Made(_) | Seek::Owned(_), Sight::Here(_) | Sight::Elsewhere(_) | Sight::Closed(_)) => Ok(None),
            (Seek::Identity, Sight::Here(_)) => Ok(id()),
            (Seek::Identity, Sight::Elsewhere(fault)) => Err(fault),
            (Seek::Identity, Sight::Closed(fault)) => Ok(head(session, name, fault).await?.then(id).flatten()),
        }
    }

    /// Two calls, and one more for each setting that is recorded.
    async fn read(&self, session: &Session, place: &Place) -> Result<Option<Found<Fields, Outputs>>, Fault> {
        let name = &*place.id;
        let (sight, versioning) = tokio::join!(look(session, name), versioning(session, name));
        let mut all = Fields::new();
        match sight? {
            Sight::Missing => return Ok(None),
            Sight::Elsewhere(fault) => return Err(fault),
            // Of someone else's bucket it may be all that is told, that it is there.
            Sight::Closed(fault) => {
                if !head(session, name, fault).await? {
                    return Ok(None);
                }
            }
            Sight::Here(present) => {
                let Some(versioning) = gone_is_none(versioning)? else {
                    return Ok(None);
                };
                let versioning = versioning == Some(BucketVersioningStatus::Enabled);
                let tags = tags::of_user(&present).into_iter().map(|(key, value)| (key, Value::string(value)));
                all.insert("versioning".into(), Value::Bool(versioning));
                all.insert("tags".into(), Value::Map(tags.collect()));
                let Some(settings) = gone_is_none(settings(Bucket { session, name }, &place.inputs).await)? else {
                    return Ok(None);
                };
                all.extend(settings);
            }
        };
        Ok(Some(Found { inputs: all, outputs: outputs(name, &session.region), health: Health::Live }))
    }

    /// HEAD, as the name of the action says.
    async fn check(&self, session: &Session, place: &Place) -> Result<Option<Health>, Fault> {
        let name = &*place.id;
        let call = Call::read("s3:ListBucket", format!("look at the bucket `{name}`"));
        match session.s3().head_bucket().bucket(name).send().await.map_err(|error| call.fault(&error)) {
            Ok(_) => Ok(Some(Health::Live)),
            Err(fault) if fault.kind == FaultKind::Missing => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    fn looks_alone(&self) -> bool {
        true
    }

    async fn update(
        &self,
        session: &Session,
        place: &Place,
        old: Option<&Fields>,
        want: &Want,
        owner: &Owner,
    ) -> Result<Progress, Fault> {
        want.check()?;
        let name = &*place.id;
        if tags::differ(old, &want.tags) {
            let present = match look(session, name).await? {
                Sight::Here(present) => present,
                Sight::Missing => {
                    return Err(Fault::new(FaultKind::Missing, format!("the bucket `{name}` does not exist")));
                }
                Sight::Elsewhere(fault) | Sight::Closed(fault) => return Err(fault),
            };
            let all = tags::of_changed(&want.tags, owner, &present)?;
            if all != present {
                put_tags(session, name, &all).await?;
            }
        }
        let (bucket, recorded) = (Bucket { session, name }, &place.inputs);
        // What closes the bucket comes before what could open it.
        apply(bucket, recorded, old, want.ownership.as_ref()).await?;
        apply(bucket, recorded, old, want.public_access_block.as_ref()).await?;
        apply(bucket, recorded, old, want.encryption.as_ref()).await?;
        let before = old.map(|old| old.get("versioning") == Some(&Value::Bool(true)));
        let status = match (before, want.versioning) {
            (Some(before), wanted) if before == wanted => None,
            (_, true) => Some(BucketVersioningStatus::Enabled),
            (Some(_), false) => Some(BucketVersioningStatus::Suspended),
            // A bucket that never kept versions is not the same as one that stopped to: leave it.
            (None, false) => {
                let now = versioning(session, name).await?;
                (now == Some(BucketVersioningStatus::Enabled)).then_some(BucketVersioningStatus::Suspended)
            }
        };
        if let Some(status) = status {
            let call = Call::write("s3:PutBucketVersioning", format!("set the versioning of the bucket `{name}`"));
            let versioning = VersioningConfiguration::builder().status(status).build();
            let sent = session.s3().put_bucket_versioning().bucket(name).versioning_configuration(versioning).send();
            sent.await.map_err(|error| call.fault(&error).on("versioning"))?;
        }
        // One policy takes the place of the other, so that the bucket is never without.
        match (&want.policy, &want.policy_text) {
            (None, Some(text)) => apply(bucket, recorded, old, Some(text)).await?,
            (Some(policy), _) => apply(bucket, recorded, old, Some(policy)).await?,
            (None, None) => {
                apply::<Policy>(bucket, recorded, old, None).await?;
                apply::<PolicyText>(bucket, recorded, old, None).await?;
            }
        }
        apply(bucket, recorded, old, want.cors.as_ref()).await?;
        apply(bucket, recorded, old, want.lifecycle.as_ref()).await?;
        apply(bucket, recorded, old, want.website.as_ref()).await?;
        apply(bucket, recorded, old, want.logging.as_ref()).await?;
        apply(bucket, recorded, old, want.object_lock.as_ref()).await?;
        Ok(Progress::Done)
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let name = &*place.id;
        let call = Call::write("s3:DeleteBucket", format!("delete the bucket `{name}`"));
        let Err(error) = session.s3().delete_bucket().bucket(name).send().await else {
            return Ok(Progress::Done);
        };
        let fault = call.fault(&error);
        match fault.kind {
            FaultKind::Missing => Ok(Progress::Done),
            FaultKind::Held => {
                let again = session.empties_again(name);
                if again == Some(true) {
                    // Something was written to it after it was emptied: a log, mostly.
                    emptied(Bucket { session, name }).await?;
                    return Ok(Progress::Waiting("being emptied again".to_string()));
                }
                // How much there is would be good to know; without it the answer is the same.
                let what = match objects::versions(Bucket { session, name }, &call).await {
                    Ok(page) => format!(": {} in it", page.count()),
                    Err(_) => String::new(),
                };
                let message =
                    format!("could not delete the bucket `{name}`, which is not empty{what} (BucketNotEmpty)");
                Err(Fault { message, ..fault }.help(match again {
                    Some(_) => {
                        "it was emptied several times, and something still writes to it: stop that first (logs of \
                                S3, CloudFront and load balancers arrive for hours), and destroy it again"
                    }
                    None => {
                        "extend `EmptiedS3Bucket` and apply: then its end empties it; or keep it with \
                             `terminateActions [];`"
                    }
                }))
            }
            FaultKind::Throttled
            | FaultKind::Unavailable
            | FaultKind::Unknown
            | FaultKind::Taken
            | FaultKind::Denied
            | FaultKind::Refused => Err(fault),
        }
    }
}

/// Whether it keeps versions; nothing if it never did.
async fn versioning(session: &Session, name: &str) -> Result<Option<BucketVersioningStatus>, Fault> {
    let call = Call::read("s3:GetBucketVersioning", format!("read the versioning of the bucket `{name}`"));
    let answer = session.s3().get_bucket_versioning().bucket(name).send().await;
    match answer {
        Ok(answer) => Ok(answer.status().cloned()),
        Err(error) => unread_versioning(&error).ok_or_else(|| call.fault(&error)),
    }
}

/// The versioning in an answer whose outermost element the SDK does not know: emulators name it
/// otherwise than Amazon does. Nothing when it is not such an answer.
fn unread_versioning<E>(error: &SdkError<E>) -> Option<Option<BucketVersioningStatus>> {
    let answer = error.raw_response().filter(|answer| answer.status().as_u16() == 200)?;
    let body = String::from_utf8_lossy(answer.body().bytes()?);
    body.contains("<GetBucketVersioningResponse").then(|| {
        let status = body.split_once("<Status>")?.1.split_once("</Status>")?.0;
        Some(BucketVersioningStatus::from(status))
    })
}

/// What is to be told of the settings. Of a bucket that is being taken in, nothing is recorded yet: then it is all.
async fn settings(bucket: Bucket<'_>, inputs: &Fields) -> Result<Fields, Fault> {
    let all = !inputs.contains_key("bucket");
    let (encryption, access, ownership, policy, text, cors, lifecycle, website, logging, lock) = tokio::try_join!(
        told::<Encryption>(bucket, inputs, all),
        told::<PublicAccessBlock>(bucket, inputs, all),
        told::<Ownership>(bucket, inputs, all),
        told::<Policy>(bucket, inputs, all),
        // The same policy need not be told twice.
        told::<PolicyText>(bucket, inputs, false),
        told::<Cors>(bucket, inputs, all),
        told::<Lifecycle>(bucket, inputs, all),
        told::<Website>(bucket, inputs, all),
        told::<Logging>(bucket, inputs, all),
        told::<ObjectLock>(bucket, inputs, all),
    )?;
    let told = [
        ("encryption", encryption),
        ("publicAccessBlock", access),
        ("ownership", ownership),
        ("policy", policy),
        ("policyText", text),
        ("cors", cors),
        ("lifecycle", lifecycle),
        ("website", website),
        ("logging", logging),
        ("objectLock", lock),
    ];
    Ok(told.into_iter().filter_map(|(name, value)| Some((name.into(), value?))).collect())
}

/// A bucket may go between two calls.
fn gone_is_none<T>(answer: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(fault) if fault.kind == FaultKind::Missing => Ok(None),
        Err(fault) => Err(fault),
    }
}

fn outputs(name: &str, region: &str) -> Outputs {
    let (_, domain) = partition(region);
    Outputs {
        arn: arn(name, region),
        domain_name: format!("{name}.s3.{region}.{domain}"),
        website_domain: website_domain(name, region, domain),
    }
}

/// Where it answers as a web site. The oldest regions have a dash where the others have a point.
fn website_domain(name: &str, region: &str, domain: &str) -> String {
    const DASHED: [&str; 9] = [
        "us-east-1",
        "us-west-1",
        "us-west-2",
        "us-gov-west-1",
        "eu-west-1",
        "ap-northeast-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "sa-east-1",
    ];
    let sign = if DASHED.contains(&region) { '-' } else { '.' };
    format!("{name}.s3-website{sign}{region}.{domain}")
}
