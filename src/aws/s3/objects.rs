//! Objects of a bucket by the thousand: AWS lists and deletes so many in one call.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use super::settings::{Bucket, unbuilt};
use crate::apply::provider::{Fault, FaultKind};
use crate::aws::fault::Call;

/// Keys that one DeleteObjects takes.
pub const BATCH: usize = 1000;

/// A page of everything that a bucket holds.
pub struct Page {
    /// Every version of every object, and the marks of those that were deleted.
    pub versions: Vec<ObjectIdentifier>,
    /// Whether there are others behind these.
    pub more: bool,
}

impl Page {
    /// "1 object", "more than 1000 objects and versions": in the words of a message.
    pub fn count(&self) -> String {
        match (self.versions.len(), self.more) {
            (1, false) => "1 object is".into(),
            (count, false) => format!("{count} objects and versions are"),
            (count, true) => format!("more than {count} objects and versions are"),
        }
    }
}

/// The first page.
pub async fn versions(bucket: Bucket<'_>, call: &Call) -> Result<Page, Fault> {
    let sent = bucket.session.s3().list_object_versions().bucket(bucket.name).send().await;
    let answer = sent.map_err(|error| call.fault(&error))?;
    let more = answer.is_truncated.unwrap_or(false);
    let versions = answer.versions.unwrap_or_default().into_iter().map(|one| (one.key, one.version_id));
    let marks = answer.delete_markers.unwrap_or_default().into_iter().map(|one| (one.key, one.version_id));
    let all = versions.chain(marks).filter_map(|(key, version)| Some(identifier(key?, version)));
    Ok(Page { versions: all.collect::<Result<_, _>>()?, more })
}

pub fn identifier(key: String, version: Option<String>) -> Result<ObjectIdentifier, Fault> {
    ObjectIdentifier::builder().key(key).set_version_id(version).build().map_err(|error| unbuilt(&error))
}

/// Deletes them, in as few calls as there can be. What is gone already counts as deleted.
pub async fn delete(bucket: Bucket<'_>, objects: &[ObjectIdentifier]) -> Result<(), Fault> {
    let call = Call::write("s3:DeleteObject s3:DeleteObjectVersion", format!("delete objects of `{}`", bucket.name));
    for batch in objects.chunks(BATCH) {
        let delete = Delete::builder().set_objects(Some(batch.to_vec())).quiet(true).build();
        let delete = delete.map_err(|error| unbuilt(&error))?;
        let sent = bucket.session.s3().delete_objects().bucket(bucket.name).delete(delete).send().await;
        let answer = sent.map_err(|error| call.fault(&error))?;
        if let Some(error) = answer.errors().first() {
            return Err(left(bucket, error, answer.errors().len()));
        }
    }
    Ok(())
}

/// The call went well, and some objects are left.
fn left(bucket: Bucket<'_>, error: &aws_sdk_s3::types::Error, count: usize) -> Fault {
    let key = error.key().unwrap_or_default();
    let said = error.message().unwrap_or_default().trim_end_matches('.');
    let code = error.code().unwrap_or_default();
    let kind = match code {
        "InternalError" | "ServiceUnavailable" => FaultKind::Unavailable,
        "SlowDown" => FaultKind::Throttled,
        "AccessDenied" => FaultKind::Denied,
        _ => FaultKind::Held,
    };
    let others = if count > 1 { format!(", and {} others", count - 1) } else { String::new() };
    let text = format!("could not delete `{key}`{others} in the bucket `{}`: {said} ({code})", bucket.name);
    let fault = Fault::new(kind, text);
    if kind == FaultKind::Denied {
        fault.help("the caller needs the permission `s3:DeleteObject` and `s3:DeleteObjectVersion`; what is locked stays until its time is up")
    } else {
        fault
    }
}
