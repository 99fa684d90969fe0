//! Values that are written otherwise and are one to the cloud: a change of spelling is no change, and never a reason to
//! replace anything.

use super::{public_key, user_data};
use crate::value::Value;

/// Asked of two that are set.
type Ask = fn(&str, &str) -> bool;

const ROWS: [(&str, &str, Ask); 11] = [
    ("aws.DbInstance", "engine", str::eq_ignore_ascii_case),
    ("aws.DbInstance", "maintenanceWindow", str::eq_ignore_ascii_case),
    ("aws.DbInstance", "kmsKey", key),
    ("aws.Volume", "kmsKey", key),
    ("aws.KeyPair", "publicKey", public_key::is_same),
    ("aws.Instance", "userData", data),
    ("aws.LaunchTemplate", "userData", data),
    ("aws.Route", "cidr", range),
    ("aws.S3Bucket", "policyText", json),
    // What is empty is as if it were not set.
    ("aws.Snapshot", "description", str::eq),
    ("aws.SnapshotSchedule", "description", str::eq),
];

/// Whether two values of an attribute are one to the cloud. Of a text that is not set, an empty one is the same.
pub fn same(kind: &str, attribute: &str, one: Option<&Value>, two: Option<&Value>) -> bool {
    let Some((.., ask)) = ROWS.iter().find(|row| row.0 == kind && row.1 == attribute) else { return false };
    match (text(one), text(two)) {
        (Some(""), Some("")) => true,
        (Some(one), Some(two)) => !one.is_empty() && !two.is_empty() && ask(one, two),
        (None, _) | (_, None) => false,
    }
}

fn text(value: Option<&Value>) -> Option<&str> {
    match value {
        None | Some(Value::Null) => Some(""),
        Some(value) => value.as_str(),
    }
}

/// A key of KMS by its id and by its global name. Which key an alias is of, only KMS knows.
fn key(one: &str, two: &str) -> bool {
    let is_of = |long: &str, short: &str| long.rsplit_once(":key/").is_some_and(|(_, id)| id == short);
    one == two || is_of(one, two) || is_of(two, one)
}

fn data(one: &str, two: &str) -> bool {
    user_data::meant(one) == user_data::meant(two)
}

fn range(one: &str, two: &str) -> bool {
    let net = |text: &str| text.parse::<ipnet::IpNet>().ok();
    net(one).zip(net(two)).is_some_and(|(one, two)| one.trunc() == two.trunc())
}

fn json(one: &str, two: &str) -> bool {
    let document = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    document(one).zip(document(two)).is_some_and(|(one, two)| one == two)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_spelling_is_no_change() {
        let said = |kind: &str, attribute: &str, one: &str, two: &str| {
            same(kind, attribute, Some(&Value::string(one)), Some(&Value::string(two)))
        };
        let key = "arn:aws:kms:us-east-1:123456789012:key/1234";
        for (kind, attribute, one, two) in [
            ("aws.DbInstance", "engine", "MySQL", "mysql"),
            ("aws.DbInstance", "kmsKey", "1234", key),
            ("aws.Instance", "userData", "#!/bin/sh", "IyEvYmluL3No"),
            ("aws.Route", "cidr", "2001:DB8::/32", "2001:db8::/32"),
            ("aws.S3Bucket", "policyText", "{\"a\":1, \"b\":2}", "{\"b\":2,\"a\":1}"),
        ] {
            assert!(said(kind, attribute, one, two) && said(kind, attribute, two, one), "{one} {two}");
        }
        assert!(!said("aws.DbInstance", "engine", "mysql", "mariadb"));
        assert!(!said("aws.DbInstance", "kmsKey", "alias/mine", key));
        assert!(!said("aws.DbInstance", "dbName", "SHOP", "shop"));
        assert!(!said("aws.Volume", "kmsKey", "", key), "one is set and one is not");
    }

    #[test]
    fn an_empty_text_is_as_if_it_were_not_set() {
        let empty = Value::string("");
        assert!(same("aws.Snapshot", "description", Some(&empty), None));
        assert!(!same("aws.Snapshot", "description", Some(&Value::string("x")), None));
        assert!(!same("acme.Snapshot", "description", Some(&empty), None));
    }
}
