//! What has to be changed of a database: one call with all that differs, and nothing else. Pure.

use aws_sdk_rds::operation::modify_db_instance::builders::ModifyDbInstanceInputBuilder;

use super::sight::Sight;
use super::version;
use super::want::Want;
use crate::apply::provider::{Fault, FaultKind};

/// The call that makes it as wanted, with the attributes that differ; nothing when none does. `password` is
/// whether it may be another than the one that is set, which AWS does not tell.
///
/// # Errors
/// When something wanted is nothing that RDS could take.
pub fn change(
    sight: Sight<'_>,
    want: &Want,
    password: bool,
) -> Result<Option<(ModifyDbInstanceInputBuilder, Vec<&'static str>)>, Fault> {
    let now = sight.0;
    let mut call = ModifyDbInstanceInputBuilder::default();
    let mut names = Vec::new();
    // What was left for the maintenance window has to be asked for again, to come at once.
    let coming = sight.coming_names();
    let hurries = |name: &str| want.apply_immediately && coming.contains(&name);
    let mut differs = |name: &'static str, differs: bool| {
        if differs {
            names.push(name);
        }
        differs
    };

    if differs("instanceClass", sight.class() != Some(&want.instance_class) || hurries("instanceClass")) {
        call = call.db_instance_class(&want.instance_class);
    }
    let (storage, most) = (want.storage()?, want.max_storage()?);
    // Storage that grows by itself is as wanted when it has grown.
    let grown = most.is_some() && storage.is_some() && sight.storage() > storage && sight.storage() <= most;
    if let (Some(wanted), Some(present), false) = (storage, sight.storage(), grown) {
        grows(present, wanted)?;
    }
    let size = differs("storage", storage.is_some() && sight.storage() != storage && !grown || hurries("storage"));
    let kind = want.storage_type.is_some() && sight.storage_type() != want.storage_type.as_deref();
    let kind = differs("storageType", kind || hurries("storageType"));
    let iops = differs("iops", want.iops.is_some() && sight.iops() != want.iops || hurries("iops"));
    if size || kind || iops {
        // To AWS these are one setting: one without the others is refused, or sets them back.
        call = call
            .set_allocated_storage(storage.filter(|_| !grown).or(sight.storage()))
            .set_storage_type(want.storage_type.clone())
            .set_iops(want.iops);
    }
    if differs("maxStorage", sight.max_storage() != most) {
        // As large as it is now means that it does not grow.
        call = call.set_max_allocated_storage(most.or(storage).or(sight.storage()));
    }
    if let Some(wanted) = &want.engine_version {
        let fits = sight.version().is_some_and(|present| version::fits(wanted, present));
        if differs("engineVersion", !fits || hurries("engineVersion")) {
            let wanted = if fits { sight.version().unwrap_or(wanted) } else { wanted };
            call = call.engine_version(wanted);
            if want.allow_major_upgrade {
                call = call.allow_major_version_upgrade(true);
            }
        }
    }
    if differs("password", password && want.password.is_some()) {
        call = call.set_master_user_password(want.password.clone());
    }
    if differs("port", want.port.is_some() && sight.port() != want.port || hurries("port")) {
        call = call.set_db_port_number(want.port.or(sight.port()));
    }
    let group = &want.parameter_group;
    if differs("parameterGroup", group.is_some() && sight.parameter_group() != group.as_deref()) {
        call = call.set_db_parameter_group_name(group.clone());
    }
    if let Some(wanted) = want.security_groups()
        && differs("securityGroups", !same_set(&sight.security_groups(), &wanted))
    {
        call = call.set_vpc_security_group_ids(Some(wanted));
    }
    if differs("multiAz", sight.multi_az().unwrap_or(false) != want.multi_az || hurries("multiAz")) {
        call = call.multi_az(want.multi_az);
    }
    if differs("publiclyAccessible", now.publicly_accessible().unwrap_or(false) != want.publicly_accessible) {
        call = call.publicly_accessible(want.publicly_accessible);
    }
    let retention = want.backup_retention()?;
    let kept = retention.is_some() && sight.backup_retention() != retention;
    if differs("backupRetention", kept || hurries("backupRetention")) {
        call = call.set_backup_retention_period(retention.or(sight.backup_retention()));
    }
    let window = &want.backup_window;
    if differs("backupWindow", window.is_some() && !same_window(now.preferred_backup_window(), window)) {
        call = call.set_preferred_backup_window(window.clone());
    }
    let window = &want.maintenance_window;
    if differs("maintenanceWindow", window.is_some() && !same_window(now.preferred_maintenance_window(), window)) {
        call = call.set_preferred_maintenance_window(window.clone());
    }
    if differs("deletionProtection", now.deletion_protection().unwrap_or(false) != want.deletion_protection) {
        call = call.deletion_protection(want.deletion_protection);
    }
    if differs("minorUpgrades", now.auto_minor_version_upgrade().unwrap_or(false) != want.minor_upgrades) {
        call = call.auto_minor_version_upgrade(want.minor_upgrades);
    }
    if differs("performanceInsights", now.performance_insights_enabled().unwrap_or(false) != want.performance_insights)
    {
        call = call.enable_performance_insights(want.performance_insights);
    }
    let certificate = want.ca_certificate.is_some() && sight.certificate() != want.ca_certificate.as_deref();
    if differs("caCertificate", certificate || hurries("caCertificate")) {
        call = call.set_ca_certificate_identifier(want.ca_certificate.clone().or(sight.certificate().map(Into::into)));
    }
    if differs("copyTagsToSnapshot", now.copy_tags_to_snapshot().unwrap_or(false) != want.copy_tags_to_snapshot) {
        call = call.copy_tags_to_snapshot(want.copy_tags_to_snapshot);
    }
    if names.is_empty() {
        return Ok(None);
    }
    let call = call.db_instance_identifier(sight.identifier()).apply_immediately(want.apply_immediately);
    Ok(Some((call, names)))
}

/// RDS would round up what is less than a tenth more, so that it never became what is wanted.
fn grows(present: i32, wanted: i32) -> Result<(), Fault> {
    let least = (i64::from(present) * 11 + 9) / 10;
    if wanted == present || i64::from(wanted) >= least {
        return Ok(());
    }
    let text = match wanted < present {
        true => format!("the disk has {present}GiB, and never becomes smaller"),
        false => format!("the disk has {present}GiB, and grows by a tenth at least"),
    };
    Err(Fault::new(FaultKind::Refused, text)
        .on("storage")
        .help(format!("write `storage {present}GiB;` to leave it as it is, or `{least}GiB` or more")))
}

fn same_set(present: &[String], wanted: &[String]) -> bool {
    present.iter().all(|id| wanted.contains(id)) && wanted.iter().all(|id| present.contains(id))
}

/// AWS writes days in lowercase, whatever it was given.
pub fn same_window(present: Option<&str>, wanted: &Option<String>) -> bool {
    match (present, wanted) {
        (Some(present), Some(wanted)) => present.eq_ignore_ascii_case(wanted.trim()),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_rds::types::{DbInstance, PendingModifiedValues, VpcSecurityGroupMembership};

    use super::*;

    fn want(changes: serde_json::Value) -> Want {
        let mut all = serde_json::json!({
            "engine": "mysql", "instanceClass": "db.t3.small", "storage": 20u64 << 30, "engineVersion": "8.0",
            "multiAz": false, "backupRetention": 259_200, "minorUpgrades": true, "applyImmediately": true,
            "password": "secret",
        });
        for (name, value) in changes.as_object().unwrap() {
            all[name] = value.clone();
        }
        serde_json::from_value(all).unwrap()
    }

    fn present() -> DbInstance {
        DbInstance::builder()
            .db_instance_identifier("x")
            .db_instance_class("db.t3.small")
            .allocated_storage(20)
            .engine_version("8.0.35")
            .multi_az(false)
            .backup_retention_period(3)
            .auto_minor_version_upgrade(true)
            .preferred_maintenance_window("sun:05:00-sun:06:00")
            .vpc_security_groups(VpcSecurityGroupMembership::builder().vpc_security_group_id("sg-1").build())
            .build()
    }

    fn names(present: &DbInstance, changes: serde_json::Value) -> Vec<&'static str> {
        change(Sight(present), &want(changes), false).unwrap().map(|(_, names)| names).unwrap_or_default()
    }

    #[test]
    fn what_means_the_same_is_not_sent() {
        let same = serde_json::json!({
            "maintenanceWindow": "Sun:05:00-Sun:06:00", "securityGroups": ["sg-1"], "engineVersion": "8.0.34",
        });
        assert_eq!(names(&present(), same), [] as [&str; 0]);
    }

    #[test]
    fn only_what_differs_is_sent() {
        let changes = serde_json::json!({ "multiAz": true, "securityGroups": ["sg-2", "sg-1"] });
        let (call, names) = change(Sight(&present()), &want(changes), false).unwrap().unwrap();
        assert_eq!(names, ["securityGroups", "multiAz"]);
        let expected = ModifyDbInstanceInputBuilder::default()
            .db_instance_identifier("x")
            .apply_immediately(true)
            .multi_az(true)
            .set_vpc_security_group_ids(Some(vec!["sg-2".into(), "sg-1".into()]));
        assert_eq!(call, expected);
    }

    #[test]
    fn the_password_is_sent_when_it_may_be_another() {
        let (call, names) = change(Sight(&present()), &want(serde_json::json!({})), true).unwrap().unwrap();
        assert_eq!(names, ["password"]);
        assert_eq!(call.get_master_user_password().as_deref(), Some("secret"));
    }

    #[test]
    fn what_is_on_its_way_in_counts() {
        let pending = PendingModifiedValues::builder().multi_az(true).db_instance_class("db.m5.large").build();
        let mut present = present();
        present.pending_modified_values = Some(pending);
        let changed = serde_json::json!({ "multiAz": true, "instanceClass": "db.m5.large", "applyImmediately": false });
        assert_eq!(names(&present, changed), [] as [&str; 0]);
        // It waits for the window, and is to come at once.
        let hurried = serde_json::json!({ "multiAz": true, "instanceClass": "db.m5.large" });
        assert_eq!(names(&present, hurried), ["instanceClass", "multiAz"]);
        // It is not wanted any more.
        assert_eq!(names(&present, serde_json::json!({ "applyImmediately": false })), ["instanceClass", "multiAz"]);
    }

    #[test]
    fn storage_its_type_and_its_iops_go_together() {
        let changes = serde_json::json!({ "storageType": "io1", "iops": 1000 });
        let (call, names) = change(Sight(&present()), &want(changes), false).unwrap().unwrap();
        assert_eq!(names, ["storageType", "iops"]);
        let sent = (*call.get_allocated_storage(), call.get_storage_type().as_deref(), *call.get_iops());
        assert_eq!(sent, (Some(20), Some("io1"), Some(1000)));
    }

    #[test]
    fn a_disk_grows_by_a_tenth_at_least_and_never_shrinks() {
        for (present, wanted, expected) in
            [(20, 20, true), (20, 21, false), (20, 22, true), (25, 27, false), (25, 28, true), (20, 19, false)]
        {
            let outcome = grows(present, wanted);
            assert_eq!(outcome.is_ok(), expected, "{present} {wanted}");
            assert!(outcome.err().is_none_or(|fault| fault.attribute == Some("storage".into())));
        }
    }

    #[test]
    fn storage_may_grow_by_itself() {
        let mut present = present();
        present.allocated_storage = Some(60);
        present.max_allocated_storage = Some(100);
        assert_eq!(names(&present, serde_json::json!({ "maxStorage": 100u64 << 30 })), [] as [&str; 0]);
        let fault = change(Sight(&present), &want(serde_json::json!({})), false).unwrap_err();
        assert_eq!(fault.help.as_deref(), Some("write `storage 60GiB;` to leave it as it is, or `66GiB` or more"));
        let (call, _) =
            change(Sight(&present), &want(serde_json::json!({ "storage": 60u64 << 30 })), false).unwrap().unwrap();
        assert_eq!(*call.get_max_allocated_storage(), Some(60), "as large as it is: it does not grow any more");
    }
}
