//! What the states of a database mean. Source: "Viewing Amazon RDS DB instance status", Amazon RDS user guide.

use crate::apply::provider::Health;

/// What AWS calls the state, by what it means here.
pub fn health(status: &str) -> Health {
    match status {
        // It answers in all of these. A backup is made every night: that is no reason to touch anything.
        "available"
        | "backing-up"
        | "storage-optimization"
        | "storage-config-upgrade"
        | "storage-initialization"
        | "configuring-enhanced-monitoring"
        | "configuring-iam-database-auth"
        | "configuring-log-exports"
        | "configuring-associated-roles"
        | "configuring-activity-stream"
        | "delete-precheck" => Health::Live,
        "failed" => dead("it failed, and can only be deleted"),
        "stopped" => dead("it is stopped: start it with `aws rds start-db-instance`"),
        "storage-full" => dead("its storage is full: give it more `storage`"),
        "incompatible-parameters" => dead("it cannot start with the parameters of its `parameterGroup`"),
        "incompatible-network" => dead("its network cannot be set up: are there free addresses in its subnets?"),
        "inaccessible-encryption-credentials" | "inaccessible-encryption-credentials-recoverable" => {
            dead("the key that it is encrypted with cannot be used")
        }
        "incompatible-create"
        | "incompatible-option-group"
        | "incompatible-restore"
        | "restore-error"
        | "insufficient-capacity" => dead(status),
        other => Health::Waiting(other.to_string()),
    }
}

/// Whether it is on its way out: nothing is to be expected of it any more.
pub fn is_going(status: &str) -> bool {
    matches!(status, "deleting" | "deleted")
}

fn dead(why: &str) -> Health {
    Health::Dead(why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_mean_what_to_expect() {
        for status in ["available", "backing-up", "storage-optimization"] {
            assert_eq!(health(status), Health::Live);
        }
        for status in ["creating", "modifying", "rebooting", "upgrading", "never-heard-of", "deleting", "starting"] {
            assert_eq!(health(status), Health::Waiting(status.to_string()));
        }
        for status in ["failed", "stopped", "storage-full", "incompatible-restore", "restore-error"] {
            assert!(matches!(health(status), Health::Dead(_)), "{status}");
        }
        assert!(is_going("deleting") && !is_going("stopped"));
    }
}
