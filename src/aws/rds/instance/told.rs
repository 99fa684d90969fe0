//! A database in the words of the record: what AWS normalises, fills in or grows by itself is as it is
//! recorded, when it means the same. Pure.

use aws_sdk_rds::types::DbInstance;

use super::change::same_window;
use super::sight::Sight;
use super::status;
use super::version;
use super::want::bytes;
use crate::apply::provider::{Health, Place};
use crate::aws::rds::{tagging, told};
use crate::aws::told::{is_empty, reference, references};
use crate::value::{Fields, Value};

/// A day in milliseconds.
const DAY: u64 = 86_400_000;

pub fn health(place: &Place, database: &DbInstance) -> Health {
    let sight = Sight(database);
    // The first backup comes right after the creation, and neither snapshot nor follower can be made before it is
    // done. The nightly ones are nobody's concern.
    if sight.status() == "backing-up" && database.latest_restorable_time().is_none() {
        return Health::Waiting("backing-up".to_string());
    }
    match status::health(sight.status()) {
        Health::Live => {
            let coming = hurried(place, sight);
            match coming.is_empty() {
                true => Health::Live,
                false => Health::Waiting(format!("about to be given its {}", coming.join(", "))),
            }
        }
        health => health,
    }
}

/// What was asked for at once, and has not begun yet: RDS takes a moment. What somebody else asked for may be
/// waiting for the maintenance window.
fn hurried(place: &Place, sight: Sight<'_>) -> Vec<&'static str> {
    if place.inputs.get("applyImmediately") != Some(&Value::Bool(true)) {
        return Vec::new();
    }
    let told = inputs(place, sight.0);
    let mut names = sight.coming_names();
    names.retain(|name| told.get(*name).is_some_and(|told| place.inputs.get(*name) == Some(told)));
    names
}

pub fn inputs(place: &Place, database: &DbInstance) -> Fields {
    let sight = Sight(database);
    let recorded = |name: &str| place.inputs.get(name);
    // What is told, or what is recorded if that means the same.
    let same = |name: &str, told: Option<&str>, same: &dyn Fn(&str, &str) -> bool| match (told, recorded(name)) {
        (Some(told), Some(Value::String(recorded))) if same(recorded, told) => Some(Value::String(recorded.clone())),
        (told, _) => told::text(told),
    };
    let ignoring_case = |recorded: &str, told: &str| recorded.eq_ignore_ascii_case(told);
    let window = |recorded: &str, told: &str| same_window(Some(told), &Some(recorded.to_string()));
    let size = |gib: i32| Value::Size(bytes(gib));
    let storage = sight.storage().map(size).map(|told| match (recorded("storage"), recorded("maxStorage"), told) {
        (Some(Value::Size(least)), Some(Value::Size(most)), Value::Size(now)) if (*least..=*most).contains(&now) => {
            Value::Size(*least)
        }
        (_, _, told) => told,
    });
    // One in several zones changes its zone when it fails over, and stays there when it is in one zone again. Nobody
    // else moves a database: where it is now is where it was put.
    let zone = recorded("availabilityZone").cloned();
    let zone = zone.or_else(|| told::text(database.availability_zone().filter(|_| sight.multi_az() != Some(true))));
    let days = |days: i32| Value::Duration(u64::from(days.unsigned_abs()) * DAY);
    told::wished(
        place,
        [
            ("identifier", told::text(database.db_instance_identifier())),
            ("engine", same("engine", database.engine(), &ignoring_case)),
            ("engineVersion", same("engineVersion", sight.version(), &version::fits)),
            ("instanceClass", told::text(sight.class())),
            ("storage", storage),
            ("storageType", told::text(sight.storage_type())),
            ("iops", told::number(sight.iops())),
            ("maxStorage", sight.max_storage().map(size)),
            ("username", told::text(database.master_username())),
            // Oracle writes it in capitals.
            ("dbName", same("dbName", database.db_name(), &ignoring_case)),
            ("port", told::number(sight.port())),
            (
                "parameterGroup",
                sight.parameter_group().map(|id| reference(place, "parameterGroup", "DbParameterGroup", id)),
            ),
            ("subnetGroup", sight.subnet_group().map(|id| reference(place, "subnetGroup", "DbSubnetGroup", id))),
            (
                "securityGroups",
                (!is_empty(place, "securityGroups"))
                    .then(|| references(place, "securityGroups", "SecurityGroup", sight.security_groups())),
            ),
            ("multiAz", sight.multi_az().map(Value::Bool)),
            ("availabilityZone", zone),
            ("publiclyAccessible", Some(Value::Bool(database.publicly_accessible().unwrap_or(false)))),
            ("encrypted", database.storage_encrypted().map(Value::Bool)),
            ("kmsKey", same("kmsKey", database.kms_key_id(), &same_key)),
            ("backupRetention", sight.backup_retention().map(days)),
            ("backupWindow", same("backupWindow", database.preferred_backup_window(), &window)),
            ("maintenanceWindow", same("maintenanceWindow", database.preferred_maintenance_window(), &window)),
            ("deletionProtection", database.deletion_protection().map(Value::Bool)),
            ("minorUpgrades", database.auto_minor_version_upgrade().map(Value::Bool)),
            ("performanceInsights", Some(Value::Bool(database.performance_insights_enabled().unwrap_or(false)))),
            ("caCertificate", told::text(sight.certificate())),
            ("copyTagsToSnapshot", database.copy_tags_to_snapshot().map(Value::Bool)),
            ("replicaOf", sight.source().map(|id| reference(place, "replicaOf", "DbInstance", id))),
            ("tags", told::user_tags(&tagging::of(database.tag_list()))),
        ],
    )
}

/// AWS tells the global name of a key, whatever name of it it was given. Which key an alias stands for, only
/// the key service knows.
fn same_key(recorded: &str, told: &str) -> bool {
    recorded == told || recorded.contains("alias/") || told.rsplit('/').next() == Some(recorded)
}

#[cfg(test)]
mod tests {
    use aws_sdk_rds::types::PendingModifiedValues;

    use super::*;

    fn place(inputs: &[(&str, Value)]) -> Place {
        Place {
            kind: "aws.DbInstance".into(),
            id: "x".into(),
            address: "x".parse().unwrap(),
            inputs: inputs.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
            outputs: Fields::new(),
        }
    }

    fn text(text: &str) -> Value {
        Value::string(text)
    }

    #[test]
    fn what_aws_normalises_is_as_it_is_recorded() {
        let key = "arn:aws:kms:us-east-1:123456789012:key/1234";
        let database = DbInstance::builder()
            .engine("mysql")
            .engine_version("8.0.35")
            .db_name("SHOP")
            .kms_key_id(key)
            .preferred_maintenance_window("sun:05:00-sun:06:00")
            .allocated_storage(60)
            .max_allocated_storage(100)
            .backup_retention_period(3)
            .multi_az(true)
            .availability_zone("us-east-1b")
            .build();
        let recorded = [
            ("availabilityZone", text("us-east-1a")),
            ("backupRetention", Value::Duration(3 * DAY)),
            ("dbName", text("shop")),
            ("engine", text("MySQL")),
            ("engineVersion", text("8.0")),
            ("kmsKey", text("1234")),
            ("maintenanceWindow", text("Sun:05:00-Sun:06:00")),
            ("maxStorage", Value::Size(100 << 30)),
            ("storage", Value::Size(20 << 30)),
        ];
        let place = place(&recorded);
        assert_eq!(inputs(&place, &database), place.inputs);
        let after_all_in_one = DbInstance::builder().multi_az(false).availability_zone("us-east-1b").build();
        let zone = inputs(&place, &after_all_in_one).remove("availabilityZone");
        assert_eq!(zone, Some(text("us-east-1a")), "where it failed over to is no reason to make another one");
        for (recorded, expected) in [("alias/mine", true), (key, true), ("1234", true), ("4", false)] {
            assert_eq!(same_key(recorded, key), expected, "{recorded}");
        }
    }

    #[test]
    fn only_the_first_backup_is_waited_for() {
        let database = DbInstance::builder().db_instance_status("backing-up");
        let first = database.clone().build();
        let nightly = database.latest_restorable_time(aws_sdk_rds::primitives::DateTime::from_secs(1)).build();
        assert_eq!(health(&place(&[]), &first), Health::Waiting("backing-up".into()));
        assert_eq!(health(&place(&[]), &nightly), Health::Live);
    }

    #[test]
    fn a_change_that_was_asked_for_at_once_is_waited_for() {
        let pending = PendingModifiedValues::builder().multi_az(true).db_instance_class("db.m5.large").build();
        let database = DbInstance::builder().db_instance_status("available").pending_modified_values(pending).build();
        let of = |inputs: &[(&str, Value)]| health(&place(inputs), &database);
        let (now, both) = (("applyImmediately", Value::Bool(true)), ("multiAz", Value::Bool(true)));
        assert_eq!(of(&[now.clone(), both.clone()]), Health::Waiting("about to be given its multiAz".into()));
        assert_eq!(of(&[("applyImmediately", Value::Bool(false)), both]), Health::Live);
        // Somebody else's, who may have meant the maintenance window.
        assert_eq!(of(&[now, ("multiAz", Value::Bool(false))]), Health::Live);
    }
}
