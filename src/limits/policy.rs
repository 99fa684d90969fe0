//! Documents that say who may do what.

use super::rules::{set, twice};
use super::{Broken, Part, Wanted};

pub const SOURCE: &str =
    "\"IAM JSON policy elements reference\", AWS IAM user guide; PutBucketPolicy, Amazon S3 API reference";

/// Bytes of the policy of a bucket.
const MOST: usize = 20 * 1024;

/// The policy of a bucket: one message, of the first statement that is wrong.
pub fn of_bucket(wanted: &Wanted<'_>) -> Vec<Broken> {
    let policy = wanted.get("policy");
    if policy.is_unset() {
        return Vec::new();
    }
    let Some(statements) = policy.field("statements").items() else { return Vec::new() };
    if statements.is_empty() {
        return vec![
            Broken::new("policy", "this policy has no statements", "it says nothing").help("leave `policy` out"),
        ];
    }
    if let Some(sid) = twice(statements.iter().filter_map(|one| one.field("sid").text())) {
        return vec![Broken::new("policy", format!("two statements have the `sid` \"{sid}\""), "in here")];
    }
    let broken = statements.iter().enumerate().find_map(|(at, statement)| {
        let (message, help) = wrong(*statement)?;
        Some(Broken::new("policy", format!("statement {} {message}", at + 1), "in here").help(help))
    });
    broken.into_iter().collect()
}

fn wrong(statement: Part<'_>) -> Option<(String, &'static str)> {
    // What is empty is as if it were not set.
    let field = |name: &str| {
        let part = statement.field(name);
        let empty = part.items().is_some_and(|items| items.is_empty())
            || part.entries().is_some_and(|entries| entries.is_empty());
        if empty { Part::Unset } else { part }
    };
    let pairs = [
        (
            "principals",
            "notPrincipals",
            true,
            "say who: `principals { AWS [\"111122223333\"]; }`; everybody is `{ AWS [\"*\"]; }`",
        ),
        ("actions", "notActions", true, "say what: `actions [\"s3:GetObject\"]`"),
        ("resources", "notResources", false, "leave one of the two out"),
    ];
    for (one, other, needed, help) in pairs {
        let (certain, possible) = set(&[field(one), field(other)]);
        if certain > 1 {
            return Some((format!("has `{one}` and `{other}`"), "leave one of the two out"));
        }
        if needed && possible == 0 {
            return Some((format!("has no `{one}`"), help));
        }
    }
    None
}

pub fn text(wanted: &Wanted<'_>) -> Vec<Broken> {
    let Some(text) = wanted.get("policyText").text() else { return Vec::new() };
    let Ok(document) = serde_json::from_str::<serde_json::Value>(text) else { return Vec::new() };
    let compact = document.to_string().len();
    if compact > MOST {
        let label = format!("{compact} bytes, and AWS takes up to {MOST}");
        return vec![Broken::new("policyText", "`policyText` is too long", label)];
    }
    let statements = match &document {
        serde_json::Value::Object(fields) => fields.get("Statement"),
        _ => None,
    };
    match statements {
        Some(serde_json::Value::Array(all)) if all.is_empty() => {}
        Some(serde_json::Value::Array(_) | serde_json::Value::Object(_)) => return Vec::new(),
        Some(_) | None => {}
    }
    vec![
        Broken::new("policyText", "`policyText` has no statements", "a policy has a list `Statement`")
            .help("write `{\"Version\": \"2012-10-17\", \"Statement\": [...]}`, or leave it out"),
    ]
}
