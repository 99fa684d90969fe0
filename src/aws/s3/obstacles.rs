//! Buckets that would not be empty when their turn comes.

use std::sync::Arc;

use aws_sdk_s3::types::ObjectIdentifier;

use super::object::apart;
use super::objects;
use super::settings::Bucket;
use crate::apply::provider::{Fault, FaultKind, Leaving, Obstacle};
use crate::aws::fault::Call;
use crate::aws::kind::at_once;
use crate::aws::obstacles::{Found, Going};
use crate::aws::session::Session;

/// A version of an object of a bucket that keeps none.
const ONLY: &str = "null";

/// One call a bucket.
///
/// # Errors
/// When one cannot be looked into.
pub async fn obstacles(session: &Arc<Session>, going: &Going) -> Result<Found, Fault> {
    let full = going.of("aws.S3Bucket").filter(|one| !is_emptied(one));
    let jobs = full.map(|one| {
        let (session, id) = (session.clone(), one.place.id.clone());
        async move {
            let call = Call::read("s3:ListBucketVersions", format!("look whether the bucket `{id}` is empty"));
            let page = objects::versions(Bucket { session: &session, name: &id }, &call).await;
            (id, page)
        }
    });
    let mut found = Found::new();
    for (id, page) in at_once(jobs.collect::<Vec<_>>()).await {
        let mut page = match page {
            Err(fault) if fault.kind == FaultKind::Missing => continue,
            page => page?,
        };
        let all = page.versions.len();
        page.versions.retain(|version| !goes(going, &id, version));
        // Where a whole page goes, there may be more that goes, and more that stays.
        if page.versions.is_empty() || (page.more && page.versions.len() < all) {
            continue;
        }
        let count = page.count();
        let count = count.strip_suffix(" is").or(count.strip_suffix(" are")).unwrap_or(&count).to_string();
        let help = "extend `EmptiedS3Bucket` and apply, or put an `Empty` before its deletion: then its end empties it; \
                    or keep it with `terminateActions [];`";
        found.push((id, Obstacle::new(format!("it has {count} in it")).help(help)));
    }
    Ok(found)
}

/// Whether it is emptied before it is deleted.
fn is_emptied(one: &Leaving) -> bool {
    one.deeds.iter().any(|deed| ["aws.Empty", "aws.EmptyS3Bucket"].contains(&&**deed))
}

/// Whether another component takes it away before. What has versions leaves the old ones behind.
fn goes(going: &Going, bucket: &str, version: &ObjectIdentifier) -> bool {
    let is_only = version.version_id().is_none_or(|version| version == ONLY);
    let file = |one: &Leaving| apart(&one.place.id) == (bucket, version.key());
    let directory = |one: &Leaving| {
        let (name, prefix) = apart(&one.place.id);
        name == bucket && version.key().starts_with(prefix)
    };
    is_only && (going.of("aws.S3File").any(file) || going.of("aws.S3Directory").any(directory))
}
