//! Reboots of databases, so that parameters come into force that wait for one.

use async_trait::async_trait;
use serde::Deserialize;

use super::instance::{Sight, health};
use super::{instances, tagging};
use crate::apply::provider::{Fault, FaultKind, Health, Place, Progress};
use crate::aws::act::Act;
use crate::aws::fault::Call;
use crate::aws::session::Session;
use crate::aws::tags::Tags;

/// Which run of the action rebooted the database: one that is asked twice for the same reboot does it once.
const REBOOTED: &str = "tadpole:reboot";

#[derive(Clone, Copy)]
pub struct RebootDbInstance;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    database: Option<String>,
    #[serde(default)]
    always: bool,
    #[serde(default)]
    failover: bool,
}

#[async_trait]
impl Act for RebootDbInstance {
    type Settings = Settings;

    async fn run(&self, session: &Session, place: &Place, settings: &Settings, token: &str) -> Result<Progress, Fault> {
        let identifier = match &settings.database {
            Some(database) => database.as_str(),
            None if &*place.kind == "aws.DbInstance" => &*place.id,
            None => {
                let text = format!("`{}` is no database that could be rebooted", place.address);
                return Err(Fault::new(FaultKind::Refused, text).help("say which one: `database NAME;`"));
            }
        };
        let Some(database) = instances::describe(session, identifier).await? else {
            return Err(Fault::new(FaultKind::Missing, format!("the database `{identifier}` does not exist")));
        };
        let sight = Sight(&database);
        match health(sight.status()) {
            Health::Waiting(state) => return Ok(Progress::Waiting(state)),
            Health::Live | Health::Dead(_) => {}
        }
        let waits = match sight.parameter_status() {
            Some("applying") => return Ok(Progress::Waiting("taking its parameters".to_string())),
            status => status == Some("pending-reboot"),
        };
        let done = tagging::of(database.tag_list()).get(REBOOTED).is_some_and(|run| run == token);
        if done || !(waits || settings.always) {
            return Ok(Progress::Done);
        }
        let call = Call::write("rds:RebootDBInstance", format!("reboot the database `{identifier}`"));
        let request = session.rds().reboot_db_instance().db_instance_identifier(identifier);
        match request.set_force_failover(settings.failover.then_some(true)).send().await {
            Ok(_) => {}
            Err(error) => match call.fault(&error) {
                // It is busy with something that its state did not say a moment ago.
                fault if fault.kind == FaultKind::Held && health(sight.status()) == Health::Live => {
                    return Ok(Progress::Waiting(format!("{} and busy", sight.status())));
                }
                fault => return Err(fault),
            },
        }
        let mark = Tags::from([(REBOOTED.to_string(), token.to_string())]);
        tagging::add(session, database.db_instance_arn().unwrap_or_default(), &mark).await?;
        Ok(Progress::Waiting("rebooting".to_string()))
    }
}
