//! Buckets.

use super::Rule::{Either, Items, Other};
use super::rules::twice;
use super::{Broken, DAY, Limit, Part, Wanted, limit, policy};

pub const LIMITS: &[Limit] = &[
    limit("aws.S3Bucket", Other(name), NAMES),
    limit("aws.AbsentS3Bucket", Other(name), NAMES),
    limit("aws.S3Bucket", Either("policy", "policyText"), "PutBucketPolicy, Amazon S3 API reference"),
    limit("aws.S3Bucket", Other(lock), "\"Locking objects with Object Lock\", Amazon S3 user guide"),
    limit("aws.S3Bucket", Other(encryption), "ServerSideEncryptionByDefault, Amazon S3 API reference"),
    limit("aws.S3Bucket", Other(website), "WebsiteConfiguration, Amazon S3 API reference"),
    limit("aws.S3Bucket", Items("lifecycle", 0, 1000), "PutBucketLifecycleConfiguration, Amazon S3 API reference"),
    limit("aws.S3Bucket", Other(ids), "LifecycleRule, Amazon S3 API reference: ID"),
    limit("aws.S3Bucket", Other(lifecycle), "\"Lifecycle configuration elements\", Amazon S3 user guide"),
    limit("aws.S3Bucket", Items("cors", 0, 100), "\"Elements of a CORS configuration\", Amazon S3 user guide"),
    limit("aws.S3Bucket", Other(cors), "\"Elements of a CORS configuration\", Amazon S3 user guide"),
    limit("aws.S3Bucket", Other(policy::of_bucket), policy::SOURCE),
    limit("aws.S3BucketPolicy", Other(policy::of_bucket), policy::SOURCE),
    limit("aws.S3Bucket", Other(policy::text), policy::SOURCE),
];

const NAMES: &str = "\"General purpose bucket naming rules\", Amazon S3 user guide";

fn name(wanted: &Wanted<'_>) -> Vec<Broken> {
    const PREFIXES: [&str; 4] = ["xn--", "sthree-", "amzn-s3-demo-", "sthree-configurator"];
    const SUFFIXES: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];
    let Some(name) = wanted.get("bucket").text() else { return Vec::new() };
    let label = if name.contains("..") {
        "two points may not stand side by side".to_string()
    } else if name.parse::<std::net::Ipv4Addr>().is_ok() {
        "it looks like an address".to_string()
    } else if let Some(prefix) = PREFIXES.iter().find(|prefix| name.starts_with(**prefix)) {
        format!("names that begin with `{prefix}` are reserved")
    } else if let Some(suffix) = SUFFIXES.iter().find(|suffix| name.ends_with(**suffix)) {
        format!("names that end with `{suffix}` are reserved")
    } else {
        return Vec::new();
    };
    vec![Broken::new("bucket", format!("a bucket cannot be called \"{name}\""), label)]
}

fn lock(wanted: &Wanted<'_>) -> Vec<Broken> {
    let lock = wanted.get("objectLock");
    let mut broken = Vec::new();
    if lock.is_set() && wanted.get("versioning").bool() == Some(false) {
        let message = "objects are locked version by version, and the bucket keeps no versions";
        broken.push(
            Broken::new("objectLock", message, "it needs versions").and("versioning").help("write `versioning true;`"),
        );
    }
    broken.extend(days("objectLock", "`retention` of `objectLock`", lock.field("retention"), 1, 36_500));
    broken
}

/// A duration within an attribute.
fn days(attribute: &'static str, what: &str, part: Part<'_>, least: u64, most: u64) -> Option<Broken> {
    let millis = part.duration()?;
    let is_whole = millis.is_multiple_of(DAY) && (least..=most).contains(&(millis / DAY));
    (!is_whole).then(|| {
        let shown = crate::value::Value::Duration(millis);
        let near = millis.div_ceil(DAY).clamp(least, most);
        Broken::new(
            attribute,
            format!("{what} cannot be {shown}"),
            format!("S3 counts whole days, from {least} to {most}"),
        )
        .help(format!("write `{near}d`"))
    })
}

fn encryption(wanted: &Wanted<'_>) -> Vec<Broken> {
    let encryption = wanted.get("encryption");
    let Some(algorithm) = encryption.field("algorithm").text() else { return Vec::new() };
    let broken = |message: String, help: &str| vec![Broken::new("encryption", message, "in here").help(help)];
    let key = encryption.field("key");
    if algorithm == "AES256" && key.is_set() {
        let help = "write `algorithm \"aws:kms\";` to encrypt with this key, or leave `key` out";
        return broken("`encryption` has a `key`, and \"AES256\" is with keys of S3".to_string(), help);
    }
    if algorithm == "aws:kms:dsse" && encryption.field("bucketKey").bool() == Some(true) {
        return broken("`bucketKey` is of \"aws:kms\" only".to_string(), "leave `bucketKey` out");
    }
    Vec::new()
}

fn website(wanted: &Wanted<'_>) -> Vec<Broken> {
    let website = wanted.get("website");
    let index = website.field("index").text();
    let broken = |message: &str, help: &str| vec![Broken::new("website", message, "in here").help(help)];
    if website.field("redirectTo").is_set() {
        if website.field("error").is_set() {
            let help = "leave `error` or `redirectTo` out";
            return broken("a `website` that sends every request on has no `error` page", help);
        }
        return Vec::new();
    }
    if website.field("redirectProtocol").is_set() && website.field("redirectTo").is_unset() {
        return broken("`redirectProtocol` counts only with `redirectTo`", "leave it out, or set `redirectTo`");
    }
    match index {
        Some(index) if index.is_empty() || index.contains('/') => {
            let help = "write the name of a file, which each directory has: `index \"index.html\";`";
            broken("the `index` of a `website` is a name without `/`", help)
        }
        Some(_) | None => Vec::new(),
    }
}

fn ids(wanted: &Wanted<'_>) -> Vec<Broken> {
    let rules = wanted.get("lifecycle").items().unwrap_or_default();
    let ids: Vec<&str> = rules.iter().filter_map(|rule| rule.field("id").text()).collect();
    let mut broken = Vec::new();
    if let Some(id) = twice(ids.iter().copied()) {
        let message = format!("two rules of `lifecycle` have the id \"{id}\"");
        broken.push(Broken::new("lifecycle", message, "in this list").help("give each rule an `id` of its own"));
    }
    if let Some(id) = ids.iter().find(|id| id.is_empty() || id.chars().count() > 255) {
        let message = if id.is_empty() {
            "a rule of `lifecycle` has an empty `id`"
        } else {
            "the `id` of a rule of `lifecycle` is too long"
        };
        broken.push(Broken::new("lifecycle", message, "an `id` has 1 to 255 characters"));
    }
    broken
}

/// One message: what is wrong with the first rule that is.
fn lifecycle(wanted: &Wanted<'_>) -> Vec<Broken> {
    let rules = wanted.get("lifecycle").items().unwrap_or_default();
    let broken = rules.iter().enumerate().find_map(|(at, rule)| {
        let called =
            rule.field("id").text().map_or_else(|| format!("rule {}", at + 1), |id| format!("the rule \"{id}\""));
        let called = format!("{called} of `lifecycle`");
        times(&called, *rule).or_else(|| {
            let (message, help) = together(*rule)?;
            Some(Broken::new("lifecycle", format!("{called} {message}"), "in this list").help(help))
        })
    });
    broken.into_iter().collect()
}

const STEPS: [&str; 2] = ["transitions", "oldVersionTransitions"];

fn times(called: &str, rule: Part<'_>) -> Option<Broken> {
    for (name, least) in [("expireAfter", 1), ("expireOldVersionsAfter", 1), ("abortUploadsAfter", 1)] {
        let what = format!("`{name}` of {called}");
        if let Some(broken) = days("lifecycle", &what, rule.field(name), least, 2_147_483_647) {
            return Some(broken);
        }
    }
    for name in STEPS {
        for step in rule.field(name).items().unwrap_or_default() {
            let class = step.field("storageClass").text();
            // Source: "Constraints and considerations for transitions", Amazon S3 user guide.
            let least = if matches!(class, Some("STANDARD_IA" | "ONEZONE_IA")) { 30 } else { 0 };
            let what = match class {
                Some(class) => format!("`after` of the move to {class} of {called}"),
                None => format!("`after` of a move of {called}"),
            };
            if let Some(broken) = days("lifecycle", &what, step.field("after"), least, 2_147_483_647) {
                return Some(broken);
            }
        }
    }
    None
}

/// What of a rule does not go together, to follow what it is called, and what to write.
fn together(rule: Part<'_>) -> Option<(String, &'static str)> {
    let on = |name: &str| rule.field(name).bool() == Some(true);
    let has_tags = rule.field("tags").entries().is_some_and(|tags| !tags.is_empty());
    let has_size = rule.field("largerThan").is_set() || rule.field("smallerThan").is_set();
    let none = |name: &str| rule.field(name).items().is_some_and(|items| items.is_empty());
    if on("expireDeleteMarkers") && rule.field("expireAfter").is_set() {
        return Some((
            "has `expireDeleteMarkers` and `expireAfter`".to_string(),
            "write two rules, or leave one of them out",
        ));
    }
    for (name, set) in [
        ("abortUploadsAfter", rule.field("abortUploadsAfter").is_set()),
        ("expireDeleteMarkers", on("expireDeleteMarkers")),
    ] {
        if set && (has_tags || has_size) {
            let what = if has_tags { "`tags`" } else { "sizes" };
            let help = "write a rule of its own for it, with no more than a `prefix`";
            return Some((format!("has `{name}`, which AWS does not take together with {what}"), help));
        }
    }
    if rule.field("keepOldVersions").is_set() && rule.field("expireOldVersionsAfter").is_unset() {
        let help = "set `expireOldVersionsAfter` too";
        return Some(("has `keepOldVersions` without `expireOldVersionsAfter`".to_string(), help));
    }
    if rule.field("keepOldVersions").int().is_some_and(|count| !(1..=100).contains(&count)) {
        return Some(("has `keepOldVersions` that is not from 1 to 100".to_string(), "write `keepOldVersions 3;`"));
    }
    let sizes = rule.field("largerThan").size().zip(rule.field("smallerThan").size());
    if sizes.is_some_and(|(larger, smaller)| larger >= smaller) {
        return Some(("is for no object: `largerThan` is not below `smallerThan`".to_string(), "swap the two"));
    }
    let acts = ["expireAfter", "expireOldVersionsAfter", "abortUploadsAfter"];
    if acts.iter().all(|name| rule.field(name).is_unset())
        && rule.field("expireDeleteMarkers").bool() == Some(false)
        && STEPS.iter().all(|name| none(name))
    {
        return Some(("does nothing".to_string(), "say what it does: `expireAfter 30d;`"));
    }
    steps(rule)
}

fn steps(rule: Part<'_>) -> Option<(String, &'static str)> {
    for (name, end) in [("transitions", "expireAfter"), ("oldVersionTransitions", "expireOldVersionsAfter")] {
        let steps = rule.field(name).items()?;
        if let Some(class) = twice(steps.iter().filter_map(|step| step.field("storageClass").text())) {
            return Some((format!("moves objects to {class} twice"), "leave one of the two out"));
        }
        let last = steps.iter().filter_map(|step| step.field("after").duration()).max();
        if last.zip(rule.field(end).duration()).is_some_and(|(last, end)| end <= last) {
            let help = "AWS wants the end to be later than every move";
            return Some((format!("has an `{end}` that is not after all of its `{name}`"), help));
        }
    }
    None
}

fn cors(wanted: &Wanted<'_>) -> Vec<Broken> {
    let rules = wanted.get("cors").items().unwrap_or_default();
    let broken = rules.iter().enumerate().find_map(|(at, rule)| {
        let (message, help) = wrong_cors(*rule)?;
        Some(Broken::new("cors", format!("rule {} of `cors` {message}", at + 1), "in this list").help(help))
    });
    broken.into_iter().collect()
}

fn wrong_cors(rule: Part<'_>) -> Option<(String, &'static str)> {
    let texts = |name: &str| -> Vec<&str> {
        rule.field(name).items().unwrap_or_default().into_iter().filter_map(Part::text).collect()
    };
    for name in ["origins", "methods"] {
        if rule.field(name).items().is_some_and(|items| items.is_empty()) {
            return Some((format!("has no `{name}`"), "say which: `origins [\"https://www.example.com\"]`"));
        }
    }
    for name in ["origins", "headers"] {
        if let Some(text) = texts(name).iter().find(|text| text.matches('*').count() > 1) {
            return Some((format!("has \"{text}\" in its `{name}`"), "`*` may stand in it once"));
        }
    }
    if texts("exposeHeaders").iter().any(|text| text.contains('*')) {
        return Some(("has a `*` in its `exposeHeaders`".to_string(), "name each of them"));
    }
    if rule.field("id").text().is_some_and(|id| id.chars().count() > 255) {
        return Some(("has a too long `id`".to_string(), "AWS takes up to 255 characters"));
    }
    let age = rule.field("maxAge").duration()?;
    (!age.is_multiple_of(1000) || age / 1000 > 2_147_483_647)
        .then(|| ("has a `maxAge` that is no whole number of seconds".to_string(), "write `maxAge 1h;`"))
}
