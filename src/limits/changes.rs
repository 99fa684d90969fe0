//! What cannot become what it is to become, though each would do by itself.

use super::{Broken, GIB, Part};
use crate::value::Value;

struct Change {
    kind: &'static str,
    attribute: &'static str,
    ask: fn(&Value, Part<'_>) -> Option<Broken>,
}

/// Sources: ModifyVolume, Amazon EC2 API reference; ModifyDBInstance, Amazon RDS API reference: AllocatedStorage,
/// EngineVersion.
const CHANGES: [Change; 4] = [
    Change { kind: "aws.Volume", attribute: "size", ask: |old, new| shrinks("size", old, new) },
    Change { kind: "aws.Instance", attribute: "rootSize", ask: |old, new| shrinks("rootSize", old, new) },
    Change { kind: "aws.DbInstance", attribute: "storage", ask: storage },
    Change { kind: "aws.DbInstance", attribute: "engineVersion", ask: version },
];

/// What is wrong with the change of a thing in place. `old` is what is there now, `new` what it is to become.
pub fn changed<'v>(
    kind: &str,
    old: impl Fn(&str) -> Option<&'v Value>,
    new: impl Fn(&str) -> Option<&'v Value>,
) -> Vec<Broken> {
    let rows = CHANGES.iter().filter(|change| change.kind == kind);
    let broken = rows.filter_map(|change| (change.ask)(old(change.attribute)?, Part::value(new(change.attribute)?)));
    broken.collect()
}

fn shrinks(attribute: &'static str, old: &Value, new: Part<'_>) -> Option<Broken> {
    let (Value::Size(old), Some(new)) = (old, new.size()) else { return None };
    (new < *old).then(|| {
        let (old, new) = (Value::Size(*old), Value::Size(new));
        Broken::new(attribute, format!("`{attribute}` cannot shrink from {old} to {new}"), "AWS only lets a disk grow")
            .help(format!(
                "write `{attribute} {old};`, or make another one under another name and copy what is on this one"
            ))
    })
}

/// RDS rounds up what is less than a tenth more.
fn storage(old: &Value, new: Part<'_>) -> Option<Broken> {
    if let Some(broken) = shrinks("storage", old, new) {
        return Some(broken);
    }
    let (Value::Size(old), Some(new)) = (old, new.size()) else { return None };
    let least = old / GIB + (old / GIB).div_ceil(10);
    (new > *old && new / GIB < least).then(|| {
        let message = format!("`storage` cannot grow from {} to {}", Value::Size(*old), Value::Size(new));
        Broken::new("storage", message, "it grows by a tenth at least")
            .help(format!("write `storage {};` to leave it as it is, or `{least}GiB` or more", Value::Size(*old)))
    })
}

fn version(old: &Value, new: Part<'_>) -> Option<Broken> {
    let (old, new) = (old.as_str()?, new.text()?);
    let numbers = |text: &str| -> Option<Vec<u64>> { text.split('.').map(|part| part.parse().ok()).collect() };
    let (was, wanted) = (numbers(old)?, numbers(new)?);
    // `8.0` is any `8.0.x`.
    let earlier = was.iter().zip(&wanted).find(|(was, wanted)| was != wanted).is_some_and(|(was, wanted)| wanted < was);
    earlier.then(|| {
        let message = format!("`engineVersion` cannot go back from \"{old}\" to \"{new}\"");
        Broken::new("engineVersion", message, "RDS only upgrades").help(format!("write `engineVersion \"{old}\";`"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kind: &str, attribute: &str, old: Value, new: Value) -> bool {
        let is_it = |name: &str| name == attribute;
        !changed(kind, |name| is_it(name).then_some(&old), |name| is_it(name).then_some(&new)).is_empty()
    }

    #[test]
    fn disks_grow_only_and_databases_by_a_tenth() {
        let gib = |count: u64| Value::Size(count << 30);
        assert!(said("aws.Volume", "size", gib(10), gib(8)) && !said("aws.Volume", "size", gib(10), gib(11)));
        assert!(said("aws.Instance", "rootSize", gib(10), gib(8)));
        for (old, new, refused) in [(20, 20, false), (20, 21, true), (20, 22, false), (25, 27, true), (20, 19, true)] {
            assert_eq!(said("aws.DbInstance", "storage", gib(old), gib(new)), refused, "{old} {new}");
        }
        assert!(!said("acme.Volume", "size", gib(10), gib(8)));
    }

    #[test]
    fn a_version_never_goes_back() {
        let said =
            |old: &str, new: &str| said("aws.DbInstance", "engineVersion", Value::string(old), Value::string(new));
        assert!(said("8.0.35", "5.7") && said("16", "15.4") && said("8.0.35", "8.0.34"));
        assert!(!said("8.0.35", "8.0") && !said("8.0", "8.0.35") && !said("16", "17") && !said("19.0.ru-1", "18"));
    }
}
