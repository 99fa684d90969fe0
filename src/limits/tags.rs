//! Tags of all services.

use super::Rule::Other;
use super::{Broken, Limit, Wanted, limit};

const TAGS: &str = "\"Tag naming limits and requirements\", Tagging AWS resources user guide";

pub const LIMITS: &[Limit] = &[
    limit("aws.", Other(reserved), TAGS),
    limit("aws.", Other(short), TAGS),
    limit("aws.", Other(few), TAGS),
    limit("aws.S3Bucket", Other(plain), "\"Using cost allocation S3 bucket tags\", Amazon S3 user guide"),
    limit("aws.DbInstance", Other(plain), RDS),
    limit("aws.DbParameterGroup", Other(plain), RDS),
    limit("aws.DbSubnetGroup", Other(plain), RDS),
    limit("aws.DbSnapshot", Other(plain), RDS),
    limit("aws.Distribution", Other(plain), "Tag, Amazon CloudFront API reference"),
    limit("aws.Function", Other(plain), "Tag, Amazon CloudFront API reference"),
];

const RDS: &str = "\"Tagging Amazon RDS resources\", Amazon RDS user guide";

/// How keys begin that are Tadpole's own, or Amazon's.
const RESERVED: [&str; 2] = ["tadpole:", "aws:"];
/// AWS takes 50 on one thing, of which Tadpole writes three.
const MOST: usize = 47;

fn reserved(wanted: &Wanted<'_>) -> Vec<Broken> {
    let keys = wanted.get("tags").entries().unwrap_or_default();
    let is_reserved = |key: &str| RESERVED.iter().any(|start| key.to_ascii_lowercase().starts_with(start));
    let key = keys.into_iter().map(|(key, _)| key).find(|key| is_reserved(key));
    let broken = key.map(|key| {
        Broken::new("tags", format!("the tag `{key}` cannot be set by a program"), "its key is reserved")
            .help("keys that begin with `tadpole:` or `aws:` are reserved: choose another one")
    });
    broken.into_iter().collect()
}

fn short(wanted: &Wanted<'_>) -> Vec<Broken> {
    let entries = wanted.get("tags").entries().unwrap_or_default();
    let broken = entries.into_iter().find_map(|(key, value)| {
        let (count, long) = (key.chars().count(), value.revealed().is_some_and(|value| value.chars().count() > 256));
        match (count, long) {
            (0, _) => Some(Broken::new("tags", "a tag has an empty key", "AWS takes keys of 1 to 128 characters")),
            (129.., _) => {
                let label = format!("{count} characters, and AWS takes up to 128");
                Some(Broken::new("tags", "the key of a tag is too long", label))
            }
            (_, true) => {
                let message = format!("the value of the tag `{key}` is too long");
                Some(Broken::new("tags", message, "AWS takes up to 256 characters"))
            }
            (_, false) => None,
        }
    });
    broken.into_iter().collect()
}

fn few(wanted: &Wanted<'_>) -> Vec<Broken> {
    let count = wanted.get("tags").entries().map_or(0, |entries| entries.len());
    if count <= MOST {
        return Vec::new();
    }
    let label = format!("{count} of them; AWS takes 50, of which Tadpole writes 3");
    vec![Broken::new("tags", "these are too many tags", label)]
}

/// Letters, digits, spaces and `_ . : / = + - @`.
fn plain(wanted: &Wanted<'_>) -> Vec<Broken> {
    let is_plain =
        |text: &str| text.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c));
    let entries = wanted.get("tags").entries().unwrap_or_default();
    let odd = entries.into_iter().find_map(|(key, value)| {
        let value = value.text().unwrap_or_default();
        (!is_plain(key) || !is_plain(value)).then_some(key)
    });
    let broken = odd.map(|key| {
        Broken::new(
            "tags",
            format!("the tag `{key}` has a character that this service does not take"),
            "a key and a value are letters, digits, spaces and `_ . : / = + - @`",
        )
    });
    broken.into_iter().collect()
}
