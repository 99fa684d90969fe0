//! Looks whether a file is in a bucket, and whether it is as expected. A look changes nothing.

use async_trait::async_trait;
use serde::Deserialize;

use super::empty::of_bucket;
use super::object::{apart, look};
use super::settings::Bucket;
use crate::apply::provider::{Fault, FaultKind, Place, Progress};
use crate::aws::act::Act;
use crate::aws::fault::Call;
use crate::aws::session::Session;

/// As much of a file is looked into.
const MOST: usize = 1 << 20;

#[derive(Clone, Copy)]
pub struct GetS3File;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    bucket: Option<String>,
    key: Option<String>,
    expect_body: Option<String>,
}

#[async_trait]
impl Act for GetS3File {
    type Settings = Settings;

    async fn run(&self, session: &Session, place: &Place, settings: &Settings, _: &str) -> Result<Progress, Fault> {
        let (name, key) = of_file(place, settings.bucket.as_deref(), settings.key.as_deref())?;
        let bucket = Bucket { session, name };
        let missing = || Progress::Waiting(format!("not there yet: `{key}` in the bucket `{name}`"));
        let Some(text) = &settings.expect_body else {
            return Ok(if look(bucket, key).await?.is_some() { Progress::Done } else { missing() });
        };
        let call = Call::read("s3:GetObject s3:ListBucket", format!("read `{key}` in the bucket `{name}`"));
        // Of an empty file, no range of bytes can be had.
        let sent = session.s3().get_object().bucket(name).key(key).send().await;
        let mut answer = match sent.map_err(|error| call.fault(&error)) {
            Ok(answer) => answer,
            Err(fault) if fault.kind == FaultKind::Missing => return Ok(missing()),
            Err(fault) => return Err(fault),
        };
        let mut seen = Vec::new();
        while seen.len() < MOST
            && let Some(piece) = answer.body.next().await
        {
            let broken =
                |error| Fault::new(FaultKind::Unavailable, format!("could not read `{key}` to its end: {error}"));
            seen.extend_from_slice(&piece.map_err(broken)?);
        }
        match String::from_utf8_lossy(&seen).contains(text) {
            true => Ok(Progress::Done),
            false => Ok(Progress::Waiting(format!("without `{text}` in it: `{key}` in the bucket `{name}`"))),
        }
    }
}

/// The bucket and key that an action works on: those that it names, or else the file in whose list it stands.
///
/// # Errors
/// When it is neither.
pub fn of_file<'a>(
    place: &'a Place,
    bucket: Option<&'a str>,
    key: Option<&'a str>,
) -> Result<(&'a str, &'a str), Fault> {
    match key {
        Some(key) if bucket.is_none() && &*place.kind == "aws.S3File" => Ok((apart(&place.id).0, key)),
        Some(key) => Ok((of_bucket(place, bucket, "looked into")?, key)),
        None if &*place.kind == "aws.S3File" => Ok(apart(&place.id)),
        None => {
            let text = format!("`{}` is no file, and nothing says which file is meant", place.address);
            Err(Fault::new(FaultKind::Refused, text).help("write `bucket NAME; key \"NAME\";`"))
        }
    }
}
