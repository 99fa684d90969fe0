//! The end of a database. It is asked whether it may go, and leaves a last snapshot where that is wanted.

use super::Sight;
use super::status;
use crate::apply::provider::{Fault, FaultKind, Health, Place, Progress};
use crate::aws::fault::Call;
use crate::aws::session::Session;
use crate::aws::tags;
use crate::value::Value;

pub async fn delete(session: &Session, place: &Place, sight: Sight<'_>) -> Result<Progress, Fault> {
    let identifier = sight.identifier();
    let state = sight.status();
    if status::is_going(state) {
        return Ok(Progress::Done);
    }
    if sight.0.deletion_protection() == Some(true) {
        let text = format!("the database `{identifier}` is protected against deletion");
        return Err(Fault::new(FaultKind::Held, text).on("deletionProtection").help(
            "write `deletionProtection false;` and apply that first; or keep it, by extending `PersistentDbInstance`",
        ));
    }
    let health = status::health(state);
    if let Health::Waiting(state) = health {
        return Ok(Progress::Waiting(state));
    }
    let is_on = |attribute: &str| place.inputs.get(attribute) == Some(&Value::Bool(true));
    // Of one that only follows another RDS makes no last snapshot: it has nothing of its own.
    let last = (is_on("finalSnapshot") && sight.source().is_none()).then(|| snapshot(place, sight));
    let purpose = match &last {
        Some(snapshot) => format!("delete the database `{identifier}`, with a last snapshot `{snapshot}`"),
        None => format!("delete the database `{identifier}`"),
    };
    let call = Call::write("rds:DeleteDBInstance rds:CreateDBSnapshot", purpose);
    let request = session
        .rds()
        .delete_db_instance()
        .db_instance_identifier(identifier)
        .skip_final_snapshot(last.is_none())
        .set_final_db_snapshot_identifier(last.clone())
        .delete_automated_backups(!is_on("keepAutomatedBackups"));
    let Err(error) = request.send().await else { return Ok(Progress::Done) };
    let fault = call.fault(&error);
    match fault.kind {
        FaultKind::Missing => Ok(Progress::Done),
        FaultKind::Taken => Err(fault.on("finalSnapshotName").help(
            "a snapshot of that name is there from an earlier time: give another `finalSnapshotName`, and apply that \
             first; without one, the name is always a new one",
        )),
        FaultKind::Held => match health {
            // It is busy with something that its state did not say a moment ago.
            Health::Live => Ok(Progress::Waiting(format!("{state} and busy"))),
            Health::Waiting(why) | Health::Dead(why) if last.is_some() => Err(fault.help(format!(
                "{why}; no last snapshot can be made of it as it is: extend `TransientDbInstance` and apply that, to have \
                 it deleted without one"
            ))),
            Health::Waiting(why) | Health::Dead(why) => Err(fault.help(why)),
        },
        FaultKind::Throttled
        | FaultKind::Unavailable
        | FaultKind::Unknown
        | FaultKind::Denied
        | FaultKind::Refused => Err(fault),
    }
}

/// The name of the last snapshot: the program's, or one that no database had before this one.
fn snapshot(place: &Place, sight: Sight<'_>) -> String {
    match place.inputs.get("finalSnapshotName") {
        Some(Value::String(name)) => name.to_string(),
        Some(_) | None => {
            let resource = sight.0.dbi_resource_id().unwrap_or_default();
            format!("{}-final-{}", sight.identifier(), tags::hash(&[resource], 5))
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_rds::types::DbInstance;

    use super::*;
    use crate::value::Fields;

    #[test]
    fn the_last_snapshot_has_a_name_of_its_own() {
        let place = |inputs: Fields| Place {
            kind: "aws.DbInstance".into(),
            id: "x".into(),
            address: "x".parse().unwrap(),
            inputs,
            outputs: Fields::new(),
        };
        let database =
            |resource: &str| DbInstance::builder().db_instance_identifier("shop").dbi_resource_id(resource).build();
        let of = |resource: &str| snapshot(&place(Fields::new()), Sight(&database(resource)));
        assert!(of("db-1").starts_with("shop-final-"), "{}", of("db-1"));
        assert_eq!(of("db-1"), of("db-1"), "a second try makes no second one");
        assert_ne!(of("db-1"), of("db-2"), "the next database of the same name has another one");
        let named = place(Fields::from([("finalSnapshotName".into(), Value::string("mine"))]));
        assert_eq!(snapshot(&named, Sight(&database("db-1"))), "mine");
    }
}
