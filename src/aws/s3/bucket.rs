//! Buckets. A name is all that a bucket is found by, so what decides whether one is ours are its tags:
//! one that does not say so is never taken over, as it could be deleted later.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, Tag, Tagging, VersioningConfiguration,
};
use serde::{Deserialize, Serialize};

use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek, TAG_ADDRESS};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::value::{Fields, Value};

#[derive(Clone, Copy)]
pub struct S3Bucket;

#[derive(Deserialize)]
pub struct Want {
    bucket: String,
    #[serde(default)]
    versioning: bool,
    #[serde(default)]
    tags: Tags,
}

#[derive(Serialize, Default)]
pub struct Told {
    versioning: Option<bool>,
    tags: Option<Tags>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    arn: String,
    domain_name: String,
}

/// What there is under a name.
enum Sight {
    Missing,
    Here(Tags),
    /// In another region, with what to say about it.
    Elsewhere(Fault),
    /// Its tags may not be read: it is someone else's, or the caller lacks a permission.
    Closed(Fault),
}

#[async_trait]
impl Kind for S3Bucket {
    type Want = Want;
    type Told = Told;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience {
            consistency: Duration::from_secs(15),
            poll: Duration::from_secs(1),
            deletion: Duration::from_secs(60),
            ..Patience::default()
        }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
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
        let sent = session.s3().create_bucket().bucket(name).create_bucket_configuration(configuration).send();
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

    async fn read(&self, session: &Session, place: &Place) -> Result<Option<Found<Told, Outputs>>, Fault> {
        let name = &*place.id;
        let (sight, versioning) = tokio::join!(look(session, name), versioning(session, name));
        let told = match sight? {
            Sight::Missing => return Ok(None),
            Sight::Elsewhere(fault) => return Err(fault),
            // Of someone else's bucket it may be all that is told, that it is there.
            Sight::Closed(fault) => match head(session, name, fault).await? {
                true => Told::default(),
                false => return Ok(None),
            },
            Sight::Here(present) => {
                let Some(versioning) = gone_is_none(versioning)? else {
                    return Ok(None);
                };
                let versioning = versioning == Some(BucketVersioningStatus::Enabled);
                Told { versioning: Some(versioning), tags: Some(tags::of_user(&present)) }
            }
        };
        Ok(Some(Found { inputs: told, outputs: outputs(name, &session.region), health: Health::Live }))
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

    async fn update(
        &self,
        session: &Session,
        place: &Place,
        old: Option<&Fields>,
        want: &Want,
        owner: &Owner,
    ) -> Result<Progress, Fault> {
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
            FaultKind::Held => Err(fault.help(format!(
                "empty it first (`aws s3 rm s3://{name} --recursive`, and its old versions), or keep it with \
                 `terminateActions [];`"
            ))),
            FaultKind::Throttled
            | FaultKind::Unavailable
            | FaultKind::Unknown
            | FaultKind::Taken
            | FaultKind::Denied
            | FaultKind::Refused => Err(fault),
        }
    }
}

fn taken(name: &str, present: &Tags, owner: &Owner) -> Fault {
    let whose = match present.get(TAG_ADDRESS) {
        Some(address) if tags::is_same_environment(present, owner) => {
            format!(", made by `{address}` of this environment")
        }
        Some(address) => format!(", made by `{address}` of another environment"),
        None => String::new(),
    };
    Fault::new(FaultKind::Taken, format!("the bucket `{name}` exists already{whose}"))
        .on("bucket")
        .help("write `startActions [];` to use it as it is, or choose another name")
}

/// Looks by reading the tags rather than by HEAD: that answer has no body, so that from it one could
/// not tell someone else's bucket from an expired token.
async fn look(session: &Session, name: &str) -> Result<Sight, Fault> {
    let call = Call::read("s3:GetBucketTagging", format!("read the tags of the bucket `{name}`"));
    let error = match session.s3().get_bucket_tagging().bucket(name).send().await {
        Ok(answer) => {
            let pair = |tag: &Tag| (tag.key().to_string(), tag.value().to_string());
            return Ok(Sight::Here(answer.tag_set().iter().map(pair).collect()));
        }
        Err(error) => error,
    };
    let fault = call.fault(&error);
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    Ok(match code {
        Some("NoSuchTagSet") => Sight::Here(Tags::new()),
        Some("NoSuchBucket") => Sight::Missing,
        Some("AccessDenied") => Sight::Closed(fault),
        _ if elsewhere(&error, session).is_some() => {
            let region = elsewhere(&error, session).unwrap_or_default();
            let text = format!("the bucket `{name}` is in another region: `{region}`");
            Sight::Elsewhere(
                Fault { message: text, ..fault }.on("region").help(format!("write `region \"{region}\";`")),
            )
        }
        _ => return Err(fault),
    })
}

/// The region that Amazon says a bucket is in, if that is not the one that was asked.
fn elsewhere<E>(error: &SdkError<E>, session: &Session) -> Option<String> {
    let region = error.raw_response()?.headers().get("x-amz-bucket-region")?;
    (region != session.region).then(|| region.to_string())
}

/// Whether there is a bucket that does not tell more than that. `closed` is why it did not; it is the
/// answer when this is refused too.
async fn head(session: &Session, name: &str, closed: Fault) -> Result<bool, Fault> {
    let call = Call::read("s3:ListBucket", format!("look at the bucket `{name}`"));
    let Err(error) = session.s3().head_bucket().bucket(name).send().await else {
        return Ok(true);
    };
    let fault = call.fault(&error);
    match fault.kind {
        FaultKind::Missing => Ok(false),
        FaultKind::Denied | FaultKind::Refused | FaultKind::Taken | FaultKind::Held => Err(closed),
        FaultKind::Throttled | FaultKind::Unavailable | FaultKind::Unknown => Err(fault),
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

/// A bucket may go between two calls.
fn gone_is_none<T>(answer: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(fault) if fault.kind == FaultKind::Missing => Ok(None),
        Err(fault) => Err(fault),
    }
}

async fn put_tags(session: &Session, name: &str, all: &Tags) -> Result<(), Fault> {
    let call = Call::write("s3:PutBucketTagging", format!("set the tags of the bucket `{name}`"));
    let tagging = Tagging::builder().set_tag_set(Some(tag_set(all)?)).build().map_err(|error| unbuilt(&error))?;
    let sent = session.s3().put_bucket_tagging().bucket(name).tagging(tagging).send();
    sent.await.map_err(|error| call.fault(&error).on("tags"))?;
    Ok(())
}

fn tag_set(all: &Tags) -> Result<Vec<Tag>, Fault> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    all.iter().map(tag).collect::<Result<_, _>>().map_err(|error| unbuilt(&error))
}

fn unbuilt(error: &aws_sdk_s3::error::BuildError) -> Fault {
    Fault::new(FaultKind::Refused, format!("the tags cannot be sent: {error}")).on("tags")
}

fn outputs(name: &str, region: &str) -> Outputs {
    // Amazon's three worlds, which share nothing.
    let (partition, domain) = match region {
        china if china.starts_with("cn-") => ("aws-cn", "amazonaws.com.cn"),
        government if government.starts_with("us-gov-") => ("aws-us-gov", "amazonaws.com"),
        _ => ("aws", "amazonaws.com"),
    };
    Outputs { arn: format!("arn:{partition}:s3:::{name}"), domain_name: format!("{name}.s3.{region}.{domain}") }
}
