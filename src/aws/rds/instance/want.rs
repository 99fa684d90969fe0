//! What a program says of a database, in the units of RDS.

use serde::Deserialize;

use crate::apply::provider::{Fault, FaultKind};
use crate::aws::tags::Tags;

const GIB: u64 = 1 << 30;
const DAY: f64 = 86_400.0;

/// Storage of a new database of which the program does not say how large it is.
pub const STORAGE: i32 = 20;

#[derive(Deserialize, Clone, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Want {
    pub identifier: Option<String>,
    pub engine: String,
    pub engine_version: Option<String>,
    pub instance_class: String,
    storage: Option<u64>,
    pub storage_type: Option<String>,
    pub iops: Option<i32>,
    max_storage: Option<u64>,
    pub username: Option<String>,
    pub password: Option<String>,
    pub db_name: Option<String>,
    pub port: Option<i32>,
    pub parameter_group: Option<String>,
    pub subnet_group: Option<String>,
    security_groups: Option<Vec<String>>,
    pub multi_az: bool,
    pub publicly_accessible: bool,
    pub encrypted: bool,
    pub kms_key: Option<String>,
    backup_retention: Option<f64>,
    pub backup_window: Option<String>,
    pub maintenance_window: Option<String>,
    pub deletion_protection: bool,
    pub minor_upgrades: bool,
    pub allow_major_upgrade: bool,
    pub performance_insights: bool,
    pub ca_certificate: Option<String>,
    pub copy_tags_to_snapshot: bool,
    pub availability_zone: Option<String>,
    pub from: Option<String>,
    pub replica_of: Option<String>,
    pub apply_immediately: bool,
    pub tags: Tags,
}

impl Want {
    /// In GiB.
    ///
    /// # Errors
    /// When it is not so many whole GiB.
    pub fn storage(&self) -> Result<Option<i32>, Fault> {
        self.storage.map(|bytes| gib(bytes, "storage")).transpose()
    }

    /// In GiB.
    ///
    /// # Errors
    /// When it is not so many whole GiB.
    pub fn max_storage(&self) -> Result<Option<i32>, Fault> {
        self.max_storage.map(|bytes| gib(bytes, "maxStorage")).transpose()
    }

    /// In days.
    ///
    /// # Errors
    /// When it is not so many whole days.
    pub fn backup_retention(&self) -> Result<Option<i32>, Fault> {
        let Some(seconds) = self.backup_retention else { return Ok(None) };
        let days = seconds / DAY;
        if days.fract() != 0.0 || !(0.0..=35.0).contains(&days) {
            let text = "rds keeps backups for whole days, up to 35";
            return Err(Fault::new(FaultKind::Refused, text)
                .on("backupRetention")
                .help("write `backupRetention 3d;`, or `0d` for no backups"));
        }
        Ok(Some(days as i32))
    }

    /// The groups that it shall have. An empty list leaves the choice to AWS, as none does: without any it cannot be.
    pub fn security_groups(&self) -> Option<Vec<String>> {
        self.security_groups.clone().filter(|groups| !groups.is_empty())
    }

    /// The zone that may be said in a call: a database in several zones is in none in particular.
    pub fn zone(&self) -> Option<String> {
        self.availability_zone.clone().filter(|_| !self.multi_az)
    }
}

fn gib(bytes: u64, attribute: &str) -> Result<i32, Fault> {
    let whole = i32::try_from(bytes / GIB).ok().filter(|count| *count > 0 && bytes.is_multiple_of(GIB));
    whole.ok_or_else(|| {
        Fault::new(FaultKind::Refused, "rds counts storage in whole GiB")
            .on(attribute)
            .help(format!("write `{attribute} 20GiB;`, not `20GB`"))
    })
}

/// A number of GiB in bytes.
pub fn bytes(gib: i32) -> u64 {
    u64::from(gib.unsigned_abs()) * GIB
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_those_of_rds() {
        let want = |json: serde_json::Value| serde_json::from_value::<Want>(json).unwrap();
        let all = want(serde_json::json!({ "storage": 20u64 << 30, "backupRetention": 259_200.0 }));
        assert_eq!((all.storage().unwrap(), all.backup_retention().unwrap()), (Some(20), Some(3)));
        assert_eq!(want(serde_json::json!({})).storage().unwrap(), None);
        let attribute = |fault: Fault| fault.attribute.unwrap().to_string();
        assert_eq!(
            attribute(want(serde_json::json!({ "storage": 20_000_000_000u64 })).storage().unwrap_err()),
            "storage"
        );
        assert_eq!(attribute(want(serde_json::json!({ "maxStorage": 1 })).max_storage().unwrap_err()), "maxStorage");
        for seconds in [3600.0, 36.0 * DAY] {
            let retention = want(serde_json::json!({ "backupRetention": seconds })).backup_retention();
            assert_eq!(attribute(retention.unwrap_err()), "backupRetention");
        }
    }

    #[test]
    fn a_database_in_several_zones_is_in_none_in_particular() {
        let want = |multi_az| Want { availability_zone: Some("us-east-1a".into()), multi_az, ..Want::default() };
        assert_eq!(want(false).zone().as_deref(), Some("us-east-1a"));
        assert_eq!(want(true).zone(), None);
    }
}
