//! Reboots of machines and databases.

use async_trait::async_trait;
use serde::Deserialize;

use crate::apply::provider::{Fault, FaultKind, Place, Progress};
use crate::aws::act::Act;
use crate::aws::session::Session;
use crate::aws::{ec2, rds};

#[derive(Clone, Copy)]
pub struct Reboot;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    instance: Option<String>,
    database: Option<String>,
    /// Of a database: also when no parameter waits for it.
    #[serde(default)]
    always: bool,
    #[serde(default)]
    failover: bool,
}

#[async_trait]
impl Act for Reboot {
    type Settings = Settings;

    async fn run(&self, session: &Session, place: &Place, settings: &Settings, token: &str) -> Result<Progress, Fault> {
        let how = rds::How { always: settings.always, failover: settings.failover };
        match (&settings.instance, &settings.database, &*place.kind) {
            (Some(_), Some(_), _) => {
                let text = "a reboot is of one thing, and `instance` and `database` both say which";
                Err(Fault::new(FaultKind::Refused, text).help("leave one of them out, and add another action for it"))
            }
            (Some(instance), None, _) => ec2::reboot(session, vec![instance.clone()], token).await,
            (None, Some(database), _) => rds::reboot(session, database, how, token).await,
            (None, None, "aws.Instance") => ec2::reboot(session, vec![place.id.to_string()], token).await,
            (None, None, "aws.ImageInstance") => ec2::reboot(session, ec2::members_of(place), token).await,
            (None, None, "aws.DbInstance") => rds::reboot(session, &place.id, how, token).await,
            (None, None, _) => {
                let text = format!("`{}` is nothing that could be rebooted", place.address);
                Err(Fault::new(FaultKind::Refused, text).help("say what: `instance NAME;` or `database NAME;`"))
            }
        }
    }
}
