//! What a bucket holds below a prefix, in as few calls as AWS allows: a thousand objects each.

use std::collections::BTreeMap;

use super::settings::Bucket;
use crate::apply::provider::Fault;
use crate::aws::fault::Call;

/// The ETag of each object by its key, without the prefix. An ETag changes with the bytes.
pub type Listing = BTreeMap<String, String>;

/// # Errors
/// Also when there is no such bucket.
pub async fn list(bucket: Bucket<'_>, prefix: &str) -> Result<Listing, Fault> {
    let call = Call::read("s3:ListBucket", format!("list the objects of the bucket `{}`", bucket.name));
    let mut all = Listing::new();
    let mut next = None;
    loop {
        let sent = bucket.session.s3().list_objects_v2().bucket(bucket.name);
        let sent = sent.set_prefix(Some(prefix.to_string()).filter(|prefix| !prefix.is_empty()));
        let answer = sent.set_continuation_token(next).send().await.map_err(|error| call.fault(&error))?;
        for object in answer.contents.unwrap_or_default() {
            if let (Some(key), Some(etag)) = (object.key, object.e_tag)
                && let Some(rest) = key.strip_prefix(prefix)
            {
                all.insert(rest.to_string(), etag);
            }
        }
        next = answer.next_continuation_token;
        if next.is_none() {
            return Ok(all);
        }
    }
}
