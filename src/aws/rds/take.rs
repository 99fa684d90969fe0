//! Snapshots of databases that an action makes. The name says which run of the action made one, so that a second
//! run of the same meets it.

use super::instance::Sight;
use super::snapshot::{describe, health};
use super::{instances, name, tagging};
use crate::apply::provider::{Fault, FaultKind, Health, Place, Progress};
use crate::aws::across::Copying;
use crate::aws::fault::Call;
use crate::aws::session::Session;
use crate::aws::tags;

/// # Errors
/// Also when it was made and failed, or its name is taken.
pub async fn take_snapshot(
    session: &Session,
    database: &str,
    place: &Place,
    copy: &Copying,
    token: &str,
) -> Result<Progress, Fault> {
    let readable = copy.name.as_deref().unwrap_or(database);
    let run = tags::hash(&[token, database, readable], 5);
    let name = name::ending(readable, &run);
    let Some(snapshot) = describe(session, &name).await? else {
        let Some(found) = instances::describe(session, database).await? else {
            let text = format!("the database `{database}` does not exist, so there is no snapshot of it");
            return Err(Fault::new(FaultKind::Refused, text));
        };
        let sight = Sight(&found);
        if let Health::Waiting(state) = super::instance::health(sight.status()) {
            return Ok(Progress::Waiting(state));
        }
        let all = tags::of_copy(&copy.tags, &tagging::of(found.tag_list()), &place.address, &run)?;
        let purpose = format!("make the snapshot `{name}` of the database `{database}`");
        let call = Call::write("rds:CreateDBSnapshot rds:AddTagsToResource", purpose);
        let request = session.rds().create_db_snapshot().db_snapshot_identifier(&name);
        let sent = request.db_instance_identifier(database).set_tags(Some(tagging::list(&all))).send().await;
        return match sent.map_err(|error| call.fault(&error)) {
            Ok(_) => Ok(waiting(copy, "creating")),
            // An earlier try of this very run made it meanwhile, or it is busy with something its state did not say.
            Err(fault) if fault.kind == FaultKind::Taken => Ok(Progress::Waiting("creating".to_string())),
            Err(fault) if fault.kind == FaultKind::Held => {
                Ok(Progress::Waiting(format!("{} and busy", sight.status())))
            }
            Err(fault) => Err(fault),
        };
    };
    match health(&snapshot) {
        Health::Live => Ok(Progress::Done),
        Health::Waiting(on) => Ok(waiting(copy, &on)),
        Health::Dead(why) => {
            let text = format!("the snapshot `{name}` of the database `{database}` was not made: {why}");
            Err(Fault::new(FaultKind::Refused, text).help("delete it, and apply again for another one"))
        }
    }
}

fn waiting(copy: &Copying, on: &str) -> Progress {
    if copy.wait { Progress::Waiting(on.to_string()) } else { Progress::Done }
}
