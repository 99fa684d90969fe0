//! Empties a bucket: objects, their versions, the marks of deleted ones, and uploads that were never finished.

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use tokio::time::Instant;

use super::objects;
use super::settings::Bucket;
use crate::apply::provider::{Fault, FaultKind, Place, Progress};
use crate::aws::act::Act;
use crate::aws::fault::Call;
use crate::aws::session::Session;

#[derive(Clone, Copy)]
pub struct Empty;

#[derive(Deserialize)]
pub struct Settings {
    bucket: Option<String>,
}

/// How long one turn works before it says how far it is.
const TURN: Duration = Duration::from_secs(20);

#[async_trait]
impl Act for Empty {
    type Settings = Settings;

    async fn run(&self, session: &Session, place: &Place, settings: &Settings, _: &str) -> Result<Progress, Fault> {
        let name = of_bucket(place, settings.bucket.as_deref(), "emptied")?;
        match emptied(Bucket { session, name }).await {
            // Without a bucket there is nothing in it.
            Err(fault) if fault.kind == FaultKind::Missing => Ok(Progress::Done),
            // What arrives before its own deletion is to go as well.
            Ok(Progress::Done) if *place.id == *name => {
                session.note_emptied(name);
                Ok(Progress::Done)
            }
            outcome => outcome,
        }
    }
}

/// The bucket that an action works on: the one that it names, or else the one in whose list it stands.
///
/// # Errors
/// When it is neither.
pub fn of_bucket<'a>(place: &'a Place, named: Option<&'a str>, done: &str) -> Result<&'a str, Fault> {
    match named {
        Some(bucket) => Ok(bucket),
        None if &*place.kind == "aws.S3Bucket" => Ok(&place.id),
        None => {
            let text = format!("`{}` is no bucket that could be {done}", place.address);
            Err(Fault::new(FaultKind::Refused, text).help("say which one: `bucket NAME;`"))
        }
    }
}

/// Empties a bucket, as far as one turn goes.
///
/// # Errors
/// The fault of the first call that failed.
pub async fn emptied(bucket: Bucket<'_>) -> Result<Progress, Fault> {
    let call = Call::read("s3:ListBucketVersions", format!("list the objects of the bucket `{}`", bucket.name));
    let began = Instant::now();
    let mut first = true;
    loop {
        let page = objects::versions(bucket, &call).await?;
        if page.versions.is_empty() && !page.more {
            break;
        }
        // At least one page a turn, however slow it is.
        if !first && began.elapsed() > TURN {
            return Ok(Progress::Waiting(format!("being emptied: {} left", page.count())));
        }
        objects::delete(bucket, &page.versions).await?;
        first = false;
    }
    abort_uploads(bucket).await?;
    Ok(Progress::Done)
}

/// What was uploaded in part is seen nowhere, and paid for.
async fn abort_uploads(bucket: Bucket<'_>) -> Result<(), Fault> {
    let list = Call::read(
        "s3:ListBucketMultipartUploads",
        format!("list the unfinished uploads of the bucket `{}`", bucket.name),
    );
    let abort =
        Call::write("s3:AbortMultipartUpload", format!("abort an unfinished upload of the bucket `{}`", bucket.name));
    loop {
        let sent = bucket.session.s3().list_multipart_uploads().bucket(bucket.name).send().await;
        let answer = sent.map_err(|error| list.fault(&error))?;
        for upload in answer.uploads() {
            let sent = bucket.session.s3().abort_multipart_upload().bucket(bucket.name);
            let sent = sent.set_key(upload.key.clone()).set_upload_id(upload.upload_id.clone()).send().await;
            match sent.map_err(|error| abort.fault(&error)) {
                Err(fault) if fault.kind != FaultKind::Missing => return Err(fault),
                Ok(_) | Err(_) => {}
            }
        }
        if answer.uploads().is_empty() || !answer.is_truncated.unwrap_or(false) {
            return Ok(());
        }
    }
}
