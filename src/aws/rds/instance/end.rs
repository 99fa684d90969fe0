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
    let last = keeps_last(place, sight).then(|| snapshot(place, sight));
    let fault = match send(session, place, sight, last.as_deref()).await {
        Ok(()) => return Ok(Progress::Done),
        // RDS itself says that it follows another, which it says of it anyway: it has nothing of its own.
        Err(fault) if last.is_some() && sight.source().is_some() && is_about_replica(&fault) => {
            match send(session, place, sight, None).await {
                Ok(()) => return Ok(Progress::Done),
                Err(fault) => fault,
            }
        }
        Err(fault) => fault,
    };
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

async fn send(session: &Session, place: &Place, sight: Sight<'_>, last: Option<&str>) -> Result<(), Fault> {
    let identifier = sight.identifier();
    let purpose = match last {
        Some(snapshot) => format!("delete the database `{identifier}`, with a last snapshot `{snapshot}`"),
        None => format!("delete the database `{identifier}`"),
    };
    let call = Call::write("rds:DeleteDBInstance rds:CreateDBSnapshot", purpose);
    let request = session
        .rds()
        .delete_db_instance()
        .db_instance_identifier(identifier)
        .skip_final_snapshot(last.is_none())
        .set_final_db_snapshot_identifier(last.map(str::to_string))
        .delete_automated_backups(!is_on(place, "keepAutomatedBackups"));
    request.send().await.map(drop).map_err(|error| call.fault(&error))
}

fn is_on(place: &Place, attribute: &str) -> bool {
    place.inputs.get(attribute) == Some(&Value::Bool(true))
}

/// Whether a last snapshot is made. RDS makes none of a database that follows another: that it is one, both the record
/// and RDS must say. In doubt, the snapshot is made.
fn keeps_last(place: &Place, sight: Sight<'_>) -> bool {
    let was_following = place.inputs.get("replicaOf").is_some_and(|source| *source != Value::Null);
    is_on(place, "finalSnapshot") && !(was_following && sight.source().is_some())
}

/// "FinalDBSnapshotIdentifier can not be specified when deleting a replica instance".
fn is_about_replica(fault: &Fault) -> bool {
    fault.kind == FaultKind::Refused && fault.message.contains("InvalidParameterCombination") && {
        let said = fault.message.to_lowercase();
        said.contains("replica") && said.contains("finaldbsnapshotidentifier")
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

    #[test]
    fn only_what_certainly_follows_another_goes_without_a_last_snapshot() {
        let keeps = |recorded: Option<&str>, told: Option<&str>| {
            let mut inputs = Fields::from([("finalSnapshot".into(), Value::Bool(true))]);
            inputs.extend(recorded.map(|source| ("replicaOf".into(), Value::string(source))));
            let database = DbInstance::builder();
            let database = database.set_read_replica_source_db_instance_identifier(told.map(Into::into)).build();
            let address = "x".parse().unwrap();
            let place =
                Place { kind: "aws.DbInstance".into(), id: "x".into(), address, inputs, outputs: Fields::new() };
            keeps_last(&place, Sight(&database))
        };
        assert!(keeps(None, None) && keeps(None, Some("")), "an empty name of a source is none");
        assert!(keeps(None, Some("leader")) && keeps(Some("leader"), None), "one of the two says otherwise");
        assert!(keeps(Some("leader"), Some("")));
        assert!(!keeps(Some("leader"), Some("leader")));
    }
}
