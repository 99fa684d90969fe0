//! The three calls that bring a database into being: a new one, one from a snapshot, one that follows another.

use super::want::{STORAGE, Want};
use crate::apply::provider::{Fault, FaultKind, Owner};
use crate::aws::fault::Call;
use crate::aws::rds::tagging;
use crate::aws::session::Session;

/// Makes one. Answers whether the call could say everything that is wanted.
///
/// # Errors
/// When AWS refuses, or when something is missing that only this call needs.
pub async fn make(session: &Session, identifier: &str, want: &Want, owner: &Owner) -> Result<bool, Fault> {
    match (&want.from, &want.replica_of) {
        (None, None) => anew(session, identifier, want, owner).await.map(|()| true),
        (Some(snapshot), None) => restored(session, identifier, snapshot, want, owner).await.map(|()| false),
        (None, Some(source)) => following(session, identifier, source, want, owner).await.map(|()| false),
        (Some(_), Some(_)) => {
            let text = "a database cannot both come from a snapshot and follow another database";
            Err(Fault::new(FaultKind::Refused, text).on("from").help("take `from` or `replicaOf` out"))
        }
    }
}

async fn anew(session: &Session, identifier: &str, want: &Want, owner: &Owner) -> Result<(), Fault> {
    let (Some(username), Some(password)) = (&want.username, &want.password) else {
        let missing = if want.username.is_none() { "username" } else { "password" };
        return Err(Fault::new(FaultKind::Refused, format!("a new database needs a `{missing}`")).on(missing).help(
            format!(
                "only one that comes `from` a snapshot, or is a `replicaOf` another, has its `{missing}` from there"
            ),
        ));
    };
    let call = Call::write("rds:CreateDBInstance rds:AddTagsToResource", format!("create the database `{identifier}`"));
    let request = session
        .rds()
        .create_db_instance()
        .db_instance_identifier(identifier)
        .engine(&want.engine)
        .set_engine_version(want.engine_version.clone())
        .db_instance_class(&want.instance_class)
        .allocated_storage(want.storage()?.unwrap_or(STORAGE))
        .set_max_allocated_storage(want.max_storage()?)
        .set_storage_type(want.storage_type.clone())
        .set_iops(want.iops)
        .master_username(username)
        .master_user_password(password)
        .set_db_name(want.db_name.clone())
        .set_port(want.port)
        .set_db_parameter_group_name(want.parameter_group.clone())
        .set_db_subnet_group_name(want.subnet_group.clone())
        .set_vpc_security_group_ids(want.security_groups())
        .multi_az(want.multi_az)
        .set_availability_zone(want.zone())
        .publicly_accessible(want.publicly_accessible)
        .storage_encrypted(want.encrypted)
        .set_kms_key_id(want.kms_key.clone())
        .set_backup_retention_period(want.backup_retention()?)
        .set_preferred_backup_window(want.backup_window.clone())
        .set_preferred_maintenance_window(want.maintenance_window.clone())
        .deletion_protection(want.deletion_protection)
        .auto_minor_version_upgrade(want.minor_upgrades)
        // Not every class can be asked about it, not even to say no.
        .set_enable_performance_insights(want.performance_insights.then_some(true))
        .set_ca_certificate_identifier(want.ca_certificate.clone())
        .copy_tags_to_snapshot(want.copy_tags_to_snapshot)
        .set_tags(Some(tagging::of_new(&want.tags, owner)?));
    request.send().await.map(|_| ()).map_err(|error| about(call.fault(&error)))
}

async fn restored(
    session: &Session,
    identifier: &str,
    snapshot: &str,
    want: &Want,
    owner: &Owner,
) -> Result<(), Fault> {
    let purpose = format!("restore the database `{identifier}` from the snapshot `{snapshot}`");
    let call = Call::write("rds:RestoreDBInstanceFromDBSnapshot rds:AddTagsToResource", purpose);
    let request = session
        .rds()
        .restore_db_instance_from_db_snapshot()
        .db_instance_identifier(identifier)
        .db_snapshot_identifier(snapshot)
        .engine(&want.engine)
        .db_instance_class(&want.instance_class)
        .set_storage_type(want.storage_type.clone())
        .set_iops(want.iops)
        .set_port(want.port)
        .set_db_parameter_group_name(want.parameter_group.clone())
        .set_db_subnet_group_name(want.subnet_group.clone())
        .set_vpc_security_group_ids(want.security_groups())
        .multi_az(want.multi_az)
        .set_availability_zone(want.zone())
        .publicly_accessible(want.publicly_accessible)
        .deletion_protection(want.deletion_protection)
        .auto_minor_version_upgrade(want.minor_upgrades)
        .copy_tags_to_snapshot(want.copy_tags_to_snapshot)
        .set_tags(Some(tagging::of_new(&want.tags, owner)?));
    request.send().await.map(|_| ()).map_err(|error| missing_is_refused("from", about(call.fault(&error))))
}

async fn following(session: &Session, identifier: &str, source: &str, want: &Want, owner: &Owner) -> Result<(), Fault> {
    let purpose = format!("create the database `{identifier}`, which follows `{source}`");
    let call = Call::write("rds:CreateDBInstanceReadReplica rds:AddTagsToResource", purpose);
    let request = session
        .rds()
        .create_db_instance_read_replica()
        .db_instance_identifier(identifier)
        .source_db_instance_identifier(source)
        .db_instance_class(&want.instance_class)
        .set_storage_type(want.storage_type.clone())
        .set_iops(want.iops)
        .set_port(want.port)
        .set_db_parameter_group_name(want.parameter_group.clone())
        .set_db_subnet_group_name(want.subnet_group.clone())
        .set_vpc_security_group_ids(want.security_groups())
        .multi_az(want.multi_az)
        .set_availability_zone(want.zone())
        .publicly_accessible(want.publicly_accessible)
        .deletion_protection(want.deletion_protection)
        .auto_minor_version_upgrade(want.minor_upgrades)
        .copy_tags_to_snapshot(want.copy_tags_to_snapshot)
        .set_tags(Some(tagging::of_new(&want.tags, owner)?));
    let Err(error) = request.send().await else { return Ok(()) };
    let fault = missing_is_refused("replicaOf", about(call.fault(&error)));
    if fault.kind == FaultKind::Held {
        return Err(super::busy(session, source, "replicaOf", fault).await);
    }
    Err(fault)
}

/// What it is to come from is not there: that is about an attribute, not about the database itself.
fn missing_is_refused(attribute: &str, fault: Fault) -> Fault {
    match fault.kind {
        FaultKind::Missing if fault.attribute.is_none() => Fault { kind: FaultKind::Refused, ..fault }.on(attribute),
        FaultKind::Missing
        | FaultKind::Throttled
        | FaultKind::Unavailable
        | FaultKind::Unknown
        | FaultKind::Taken
        | FaultKind::Denied
        | FaultKind::Held
        | FaultKind::Refused => fault,
    }
}

/// Amazon has two codes for whatever is wrong with a value; which value it is, only the message says. The
/// first word that it has in it decides.
const WORDS: &[(&str, &str)] = &[
    ("DBParameterGroup", "parameterGroup"),
    ("parameter group", "parameterGroup"),
    ("DB subnet group", "subnetGroup"),
    ("DBSubnetGroup", "subnetGroup"),
    ("MasterUserPassword", "password"),
    ("password", "password"),
    ("MasterUsername", "username"),
    ("MasterUserName", "username"),
    ("DBInstanceIdentifier", "identifier"),
    ("DBName", "dbName"),
    ("Cannot find version", "engineVersion"),
    ("Cannot upgrade", "engineVersion"),
    ("AllowMajorVersionUpgrade", "allowMajorUpgrade"),
    ("EngineVersion", "engineVersion"),
    ("DBInstanceClass", "instanceClass"),
    ("DB instance class", "instanceClass"),
    ("DB Instance class", "instanceClass"),
    ("MaxAllocatedStorage", "maxStorage"),
    ("iops", "iops"),
    ("IOPS", "iops"),
    ("Iops", "iops"),
    ("storage type", "storageType"),
    ("StorageType", "storageType"),
    ("modify the storage", "storage"),
    ("storage size", "storage"),
    ("AllocatedStorage", "storage"),
    ("Storage", "storage"),
    ("BackupRetentionPeriod", "backupRetention"),
    ("backup window", "backupWindow"),
    ("PreferredBackupWindow", "backupWindow"),
    ("maintenance window", "maintenanceWindow"),
    ("PreferredMaintenanceWindow", "maintenanceWindow"),
    ("availability zone", "availabilityZone"),
    ("AvailabilityZone", "availabilityZone"),
    ("MultiAZ", "multiAz"),
    ("Performance Insights", "performanceInsights"),
    ("security group", "securityGroups"),
    ("Engine", "engine"),
    ("engine", "engine"),
];

/// With the attribute that a refusal is about, where its words tell.
pub fn about(fault: Fault) -> Fault {
    let is_open = fault.attribute.is_none() && fault.kind == FaultKind::Refused;
    // The purpose of the call stands in front, and has names of the user in it.
    let said = fault.message.split_once(": ").map_or(&*fault.message, |(_, said)| said);
    let word = WORDS.iter().find(|(word, _)| said.contains(word)).filter(|_| is_open);
    match word {
        Some((_, attribute)) => fault.on(attribute),
        None => missing_part(fault),
    }
}

/// A part of the database that is not there.
fn missing_part(fault: Fault) -> Fault {
    let parts = [
        ("DBParameterGroupNotFound", "parameterGroup"),
        ("DBSubnetGroupNotFoundFault", "subnetGroup"),
        ("DBSnapshotNotFound", "from"),
    ];
    let part = parts.iter().find(|(code, _)| fault.kind == FaultKind::Missing && fault.message.contains(code));
    match part {
        Some((_, attribute)) => Fault { kind: FaultKind::Refused, ..fault }.on(attribute),
        None => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_on_the_attribute_that_it_names() {
        let attribute = |kind, said: &str| {
            let fault = about(Fault::new(kind, format!("could not create the database `engine`: {said}")));
            (fault.kind, fault.attribute.map(|name| name.to_string()).unwrap_or_default())
        };
        use FaultKind::{Missing, Refused, Throttled};
        for (said, expected) in [
            ("The parameter MasterUserPassword is not a valid password (InvalidParameterValue)", "password"),
            ("Cannot find version 9.9 for mysql (InvalidParameterCombination)", "engineVersion"),
            ("Invalid DB Instance class: db.z9 (InvalidParameterValue)", "instanceClass"),
            ("Invalid storage size for engine name mysql (InvalidParameterValue)", "storage"),
            ("something else (InvalidParameterValue)", ""),
        ] {
            assert_eq!(attribute(Refused, said), (Refused, expected.to_string()), "{said}");
        }
        assert_eq!(attribute(Throttled, "engine").1, "");
        let said = "DBParameterGroup not found: x (DBParameterGroupNotFound)";
        assert_eq!(attribute(Missing, said), (Refused, "parameterGroup".to_string()));
        assert_eq!(attribute(Missing, "x (DBInstanceNotFound)").0, Missing);
    }
}
