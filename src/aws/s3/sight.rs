//! What there is under a bucket's name, and whose it is: what is written on it decides.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{Tag, Tagging};

use super::settings::unbuilt;
use crate::apply::provider::{Fault, FaultKind, Owner};
use crate::aws::fault::Call;
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};

/// What there is under a name.
pub enum Sight {
    Missing,
    Here(Tags),
    /// In another region, with what to say about it.
    Elsewhere(Fault),
    /// Its tags may not be read: it is someone else's, or the caller lacks a permission.
    Closed(Fault),
}

pub fn taken(name: &str, present: &Tags, owner: &Owner) -> Fault {
    let whose = tags::whose(present, owner);
    Fault::new(FaultKind::Taken, format!("the bucket `{name}` exists already{whose}"))
        .on("bucket")
        .help("write `startActions [];` to use it as it is, or choose another name")
}

/// Looks by reading the tags rather than by HEAD: that answer has no body, so that from it one could
/// not tell someone else's bucket from an expired token.
pub async fn look(session: &Session, name: &str) -> Result<Sight, Fault> {
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
pub async fn head(session: &Session, name: &str, closed: Fault) -> Result<bool, Fault> {
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

pub async fn put_tags(session: &Session, name: &str, all: &Tags) -> Result<(), Fault> {
    let call = Call::write("s3:PutBucketTagging", format!("set the tags of the bucket `{name}`"));
    let tagging =
        Tagging::builder().set_tag_set(Some(tag_set(all)?)).build().map_err(|error| unbuilt(&error).on("tags"))?;
    let sent = session.s3().put_bucket_tagging().bucket(name).tagging(tagging).send();
    sent.await.map_err(|error| call.fault(&error).on("tags"))?;
    Ok(())
}

pub fn tag_set(all: &Tags) -> Result<Vec<Tag>, Fault> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    all.iter().map(tag).collect::<Result<_, _>>().map_err(|error| unbuilt(&error).on("tags"))
}
