//! A database as it is, or will be without anybody's doing more: values that are on their way in count as there.

use aws_sdk_rds::types::{DbInstance, PendingModifiedValues};

/// One database, looked at.
#[derive(Clone, Copy)]
pub struct Sight<'d>(pub &'d DbInstance);

impl<'d> Sight<'d> {
    pub fn identifier(self) -> &'d str {
        self.0.db_instance_identifier().unwrap_or_default()
    }

    pub fn status(self) -> &'d str {
        self.0.db_instance_status().unwrap_or_default()
    }

    pub fn pending(self) -> Option<&'d PendingModifiedValues> {
        self.0.pending_modified_values()
    }

    fn coming<T>(self, pending: impl Fn(&'d PendingModifiedValues) -> Option<T>, now: Option<T>) -> Option<T> {
        self.pending().and_then(pending).or(now)
    }

    pub fn class(self) -> Option<&'d str> {
        self.coming(PendingModifiedValues::db_instance_class, self.0.db_instance_class())
    }

    /// In GiB.
    pub fn storage(self) -> Option<i32> {
        self.coming(PendingModifiedValues::allocated_storage, self.0.allocated_storage())
    }

    pub fn storage_type(self) -> Option<&'d str> {
        self.coming(PendingModifiedValues::storage_type, self.0.storage_type())
    }

    pub fn iops(self) -> Option<i32> {
        self.coming(PendingModifiedValues::iops, self.0.iops())
    }

    /// To what size the storage grows by itself, in GiB; nothing when it does not.
    pub fn max_storage(self) -> Option<i32> {
        self.0.max_allocated_storage().filter(|most| Some(*most) > self.storage())
    }

    pub fn version(self) -> Option<&'d str> {
        self.coming(PendingModifiedValues::engine_version, self.0.engine_version())
    }

    pub fn multi_az(self) -> Option<bool> {
        self.coming(PendingModifiedValues::multi_az, self.0.multi_az())
    }

    /// In days.
    pub fn backup_retention(self) -> Option<i32> {
        self.coming(PendingModifiedValues::backup_retention_period, self.0.backup_retention_period())
    }

    pub fn port(self) -> Option<i32> {
        let endpoint = self.0.endpoint().and_then(|endpoint| endpoint.port());
        self.coming(PendingModifiedValues::port, endpoint.or(self.0.db_instance_port()))
    }

    pub fn certificate(self) -> Option<&'d str> {
        self.coming(PendingModifiedValues::ca_certificate_identifier, self.0.ca_certificate_identifier())
    }

    pub fn parameter_group(self) -> Option<&'d str> {
        self.0.db_parameter_groups().first().and_then(|group| group.db_parameter_group_name())
    }

    /// How far the parameter group is in force: `in-sync`, `applying`, `pending-reboot`.
    pub fn parameter_status(self) -> Option<&'d str> {
        self.0.db_parameter_groups().first().and_then(|group| group.parameter_apply_status())
    }

    pub fn subnet_group(self) -> Option<&'d str> {
        self.0.db_subnet_group().and_then(|group| group.db_subnet_group_name())
    }

    pub fn security_groups(self) -> Vec<String> {
        let all = self.0.vpc_security_groups().iter();
        // One that is being taken away is as good as gone.
        let staying = all.filter(|group| group.status() != Some("removing"));
        staying.filter_map(|group| group.vpc_security_group_id().map(str::to_string)).collect()
    }

    /// The database that it follows, if it is a read replica. An empty name is none.
    pub fn source(self) -> Option<&'d str> {
        self.0.read_replica_source_db_instance_identifier().filter(|source| !source.is_empty())
    }

    /// What is on its way in, by the names of the attributes.
    pub fn coming_names(self) -> Vec<&'static str> {
        let Some(pending) = self.pending() else { return Vec::new() };
        let all = [
            ("instanceClass", pending.db_instance_class().is_some()),
            ("storage", pending.allocated_storage().is_some()),
            ("storageType", pending.storage_type().is_some()),
            ("iops", pending.iops().is_some()),
            ("engineVersion", pending.engine_version().is_some()),
            ("multiAz", pending.multi_az().is_some()),
            ("backupRetention", pending.backup_retention_period().is_some()),
            ("port", pending.port().is_some()),
            ("caCertificate", pending.ca_certificate_identifier().is_some()),
        ];
        all.into_iter().filter(|(_, is_coming)| *is_coming).map(|(name, _)| name).collect()
    }
}
