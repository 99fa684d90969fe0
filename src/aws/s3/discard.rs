//! Deletes one file of a bucket when its turn comes.

use async_trait::async_trait;
use serde::Deserialize;

use super::get::of_file;
use super::objects;
use super::settings::Bucket;
use crate::apply::provider::{Fault, FaultKind, Place, Progress};
use crate::aws::act::Act;
use crate::aws::session::Session;

#[derive(Clone, Copy)]
pub struct DeleteS3File;

#[derive(Deserialize)]
pub struct Settings {
    bucket: Option<String>,
    key: Option<String>,
}

#[async_trait]
impl Act for DeleteS3File {
    type Settings = Settings;

    async fn run(&self, session: &Session, place: &Place, settings: &Settings, _: &str) -> Result<Progress, Fault> {
        let (name, key) = of_file(place, settings.bucket.as_deref(), settings.key.as_deref())?;
        let one = objects::identifier(key.to_string(), None)?;
        match objects::delete(Bucket { session, name }, &[one]).await {
            // Without a bucket, the file is not there either.
            Err(fault) if fault.kind != FaultKind::Missing => Err(fault),
            Ok(()) | Err(_) => Ok(Progress::Done),
        }
    }
}
