//! Copies of disks and databases as they are when the turn of the action comes. They stay when all else goes.

use async_trait::async_trait;
use serde::Deserialize;

use crate::apply::provider::{Fault, FaultKind, Place, Progress};
use crate::aws::act::Act;
use crate::aws::session::Session;
use crate::aws::tags::Tags;
use crate::aws::{ec2, rds};

#[derive(Clone, Copy)]
pub struct TakeSnapshot;

#[derive(Deserialize)]
pub struct Settings {
    volume: Option<String>,
    database: Option<String>,
    #[serde(flatten)]
    copy: Copying,
}

/// What is to be known of a copy.
#[derive(Deserialize)]
pub struct Copying {
    pub name: Option<String>,
    pub description: Option<String>,
    #[serde(default)]
    pub tags: Tags,
    #[serde(default)]
    pub wait: bool,
}

#[async_trait]
impl Act for TakeSnapshot {
    type Settings = Settings;

    async fn run(&self, session: &Session, place: &Place, settings: &Settings, token: &str) -> Result<Progress, Fault> {
        let copy = &settings.copy;
        match (&settings.volume, &settings.database, &*place.kind) {
            (Some(_), Some(_), _) => {
                let text = "a snapshot is of one thing, and `volume` and `database` both say which";
                Err(Fault::new(FaultKind::Refused, text).help("leave one of them out, and add another action for it"))
            }
            (Some(volume), None, _) => ec2::take_snapshot(session, volume, place, copy, token).await,
            (None, Some(database), _) => rds::take_snapshot(session, database, place, copy, token).await,
            (None, None, "aws.Volume") => ec2::take_snapshot(session, &place.id, place, copy, token).await,
            (None, None, "aws.DbInstance") => rds::take_snapshot(session, &place.id, place, copy, token).await,
            (None, None, _) => {
                let text = format!("`{}` is nothing that a snapshot could be made of", place.address);
                Err(Fault::new(FaultKind::Refused, text).help("say of what: `volume NAME;` or `database NAME;`"))
            }
        }
    }
}
