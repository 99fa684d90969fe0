//! Reboots of databases, so that parameters come into force that wait for one.

use super::instance::{Sight, health};
use super::{instances, tagging};
use crate::apply::provider::{Fault, FaultKind, Health, Progress};
use crate::aws::fault::Call;
use crate::aws::session::Session;
use crate::aws::tags::Tags;

/// Which run of the action rebooted the database: one that is asked twice for the same reboot does it once.
const REBOOTED: &str = "tadpole:reboot";

/// How a database is rebooted.
#[derive(Clone, Copy)]
pub struct How {
    /// Also when no parameter waits for that.
    pub always: bool,
    /// Whether the second one of a `multiAz` takes over meanwhile.
    pub failover: bool,
}

/// # Errors
/// When it is not there, or AWS refuses.
pub async fn reboot(session: &Session, identifier: &str, how: How, token: &str) -> Result<Progress, Fault> {
    let Some(database) = instances::describe(session, identifier).await? else {
        return Err(Fault::new(FaultKind::Refused, format!("the database `{identifier}` does not exist")));
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
    if done || !(waits || how.always) {
        return Ok(Progress::Done);
    }
    let call = Call::write("rds:RebootDBInstance", format!("reboot the database `{identifier}`"));
    let request = session.rds().reboot_db_instance().db_instance_identifier(identifier);
    match request.set_force_failover(how.failover.then_some(true)).send().await {
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
