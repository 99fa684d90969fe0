//! What becomes of objects with time.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleAndOperator, LifecycleRuleFilter, NoncurrentVersionExpiration, NoncurrentVersionTransition, Tag,
    Transition, TransitionStorageClass,
};
use serde::Deserialize;

use super::{Bucket, Days, Setting, answered, data, unbuilt};
use crate::apply::provider::Fault;
use crate::aws::fault::Call;
use crate::value::Value;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(transparent)]
pub struct Lifecycle(Vec<Rule>);

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: String,
    enabled: bool,
    prefix: String,
    tags: BTreeMap<String, String>,
    /// In bytes, as the next one.
    larger_than: Option<i64>,
    smaller_than: Option<i64>,
    expire_after: Option<Days>,
    expire_delete_markers: bool,
    expire_old_versions_after: Option<Days>,
    keep_old_versions: Option<i32>,
    abort_uploads_after: Option<Days>,
    transitions: Vec<Step>,
    old_version_transitions: Vec<Step>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    after: Days,
    storage_class: String,
}

#[async_trait]
impl Setting for Lifecycle {
    const ATTRIBUTE: &'static str = "lifecycle";

    fn usual() -> Option<Lifecycle> {
        Some(Lifecycle(Vec::new()))
    }

    async fn read(bucket: Bucket<'_>) -> Result<Option<Lifecycle>, Fault> {
        let call = Call::read(
            "s3:GetLifecycleConfiguration",
            format!("read the lifecycle rules of the bucket `{}`", bucket.name),
        );
        let sent = bucket.session.s3().get_bucket_lifecycle_configuration().bucket(bucket.name).send().await;
        let answer = answered(&call, sent, &["NoSuchLifecycleConfiguration"])?;
        let rules = answer.and_then(|answer| answer.rules).unwrap_or_default();
        Ok(Some(Lifecycle(rules.into_iter().map(Rule::of).collect())))
    }

    async fn write(&self, bucket: Bucket<'_>) -> Result<(), Fault> {
        if self.0.is_empty() {
            return Lifecycle::reset(bucket).await;
        }
        let call = Call::write(
            "s3:PutLifecycleConfiguration",
            format!("set the lifecycle rules of the bucket `{}`", bucket.name),
        );
        let rules: Vec<LifecycleRule> = self.0.iter().map(Rule::built).collect::<Result<_, _>>()?;
        let configuration = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build();
        let configuration = configuration.map_err(|error| unbuilt(&error))?;
        let sent = bucket.session.s3().put_bucket_lifecycle_configuration().bucket(bucket.name);
        let sent = sent.lifecycle_configuration(configuration).send().await;
        sent.map(drop).map_err(|error| call.fault(&error))
    }

    async fn reset(bucket: Bucket<'_>) -> Result<(), Fault> {
        let call = Call::write(
            "s3:PutLifecycleConfiguration",
            format!("remove the lifecycle rules of the bucket `{}`", bucket.name),
        );
        let sent = bucket.session.s3().delete_bucket_lifecycle().bucket(bucket.name).send().await;
        sent.map(drop).map_err(|error| call.fault(&error))
    }

    /// The order of rules, and of steps, means nothing.
    fn normal(mut self, _: &str) -> Lifecycle {
        self.0.sort_by(|one, two| one.id.cmp(&two.id));
        for rule in &mut self.0 {
            rule.transitions.sort();
            rule.old_version_transitions.sort();
        }
        self
    }

    fn value(&self) -> Value {
        Value::List(self.0.iter().map(Rule::value).collect())
    }
}

impl Rule {
    /// A rule of AWS. What this has no word for (a date, a number of versions to keep at a step) is left out.
    fn of(rule: LifecycleRule) -> Rule {
        let filter = rule.filter.unwrap_or_else(|| LifecycleRuleFilter::builder().build());
        let and = filter.and.unwrap_or_else(|| LifecycleRuleAndOperator::builder().build());
        // Rules of before 2016 have the prefix beside the filter.
        #[allow(deprecated)]
        let prefix = filter.prefix.or(and.prefix).or(rule.prefix).unwrap_or_default();
        let tags = filter.tag.into_iter().chain(and.tags.unwrap_or_default());
        let expiration = rule.expiration;
        let old = rule.noncurrent_version_expiration;
        let transitions = rule.transitions.unwrap_or_default().into_iter();
        let old_transitions = rule.noncurrent_version_transitions.unwrap_or_default().into_iter();
        let step = |days: Option<i32>, class: Option<TransitionStorageClass>| {
            Some(Step { after: Days(days?), storage_class: class?.as_str().to_string() })
        };
        Rule {
            id: rule.id.unwrap_or_default(),
            enabled: rule.status == ExpirationStatus::Enabled,
            prefix,
            tags: tags.map(|tag| (tag.key, tag.value)).collect(),
            larger_than: filter.object_size_greater_than.or(and.object_size_greater_than),
            smaller_than: filter.object_size_less_than.or(and.object_size_less_than),
            expire_after: expiration.as_ref().and_then(|expiration| expiration.days).map(Days),
            expire_delete_markers: expiration
                .is_some_and(|expiration| expiration.expired_object_delete_marker == Some(true)),
            expire_old_versions_after: old.as_ref().and_then(|old| old.noncurrent_days).map(Days),
            keep_old_versions: old.and_then(|old| old.newer_noncurrent_versions),
            abort_uploads_after: rule
                .abort_incomplete_multipart_upload
                .and_then(|abort| abort.days_after_initiation)
                .map(Days),
            transitions: transitions.filter_map(|one| step(one.days, one.storage_class)).collect(),
            old_version_transitions: old_transitions
                .filter_map(|one| step(one.noncurrent_days, one.storage_class))
                .collect(),
        }
    }

    fn built(&self) -> Result<LifecycleRule, Fault> {
        let expiration = (self.expire_after.is_some() || self.expire_delete_markers).then(|| {
            LifecycleExpiration::builder()
                .set_days(self.expire_after.map(|days| days.0))
                // AWS takes either of the two.
                .set_expired_object_delete_marker(self.expire_delete_markers.then_some(true))
                .build()
        });
        let old = (self.expire_old_versions_after.is_some() || self.keep_old_versions.is_some()).then(|| {
            NoncurrentVersionExpiration::builder()
                .set_noncurrent_days(self.expire_old_versions_after.map(|days| days.0))
                .set_newer_noncurrent_versions(self.keep_old_versions)
                .build()
        });
        let transitions = self.transitions.iter().map(|step| {
            let class = TransitionStorageClass::from(step.storage_class.as_str());
            Transition::builder().days(step.after.0).storage_class(class).build()
        });
        let old_transitions = self.old_version_transitions.iter().map(|step| {
            let class = TransitionStorageClass::from(step.storage_class.as_str());
            NoncurrentVersionTransition::builder().noncurrent_days(step.after.0).storage_class(class).build()
        });
        let abort = self
            .abort_uploads_after
            .map(|days| AbortIncompleteMultipartUpload::builder().days_after_initiation(days.0).build());
        LifecycleRule::builder()
            .id(&self.id)
            .status(if self.enabled { ExpirationStatus::Enabled } else { ExpirationStatus::Disabled })
            .filter(self.filter()?)
            .set_expiration(expiration)
            .set_noncurrent_version_expiration(old)
            .set_transitions(Some(transitions.collect()).filter(|list: &Vec<_>| !list.is_empty()))
            .set_noncurrent_version_transitions(
                Some(old_transitions.collect()).filter(|list: &Vec<_>| !list.is_empty()),
            )
            .set_abort_incomplete_multipart_upload(abort)
            .build()
            .map_err(|error| unbuilt(&error))
    }

    /// One condition stands alone, several stand in an `And`.
    fn filter(&self) -> Result<LifecycleRuleFilter, Fault> {
        let tags = self.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
        let tags: Vec<Tag> = tags.collect::<Result<_, _>>().map_err(|error| unbuilt(&error))?;
        let prefix = Some(self.prefix.clone()).filter(|prefix| !prefix.is_empty());
        let count = usize::from(prefix.is_some())
            + tags.len()
            + usize::from(self.larger_than.is_some())
            + usize::from(self.smaller_than.is_some());
        if count > 1 {
            let and = LifecycleRuleAndOperator::builder()
                .set_prefix(prefix)
                .set_tags(Some(tags).filter(|tags| !tags.is_empty()))
                .set_object_size_greater_than(self.larger_than)
                .set_object_size_less_than(self.smaller_than)
                .build();
            return Ok(LifecycleRuleFilter::builder().and(and).build());
        }
        // No condition at all is said by an empty prefix.
        let prefix = if count == 0 { Some(String::new()) } else { prefix };
        Ok(LifecycleRuleFilter::builder()
            .set_prefix(prefix)
            .set_tag(tags.into_iter().next())
            .set_object_size_greater_than(self.larger_than)
            .set_object_size_less_than(self.smaller_than)
            .build())
    }

    fn value(&self) -> Value {
        let days = |days: Option<Days>| days.map_or(Value::Null, Days::value);
        let size = |size: Option<i64>| size.map_or(Value::Null, |bytes| Value::Size(bytes.unsigned_abs()));
        let step = |step: &Step| {
            let class = Value::string(step.storage_class.as_str());
            data("S3Transition", [("after", step.after.value()), ("storageClass", class)])
        };
        let tags = self.tags.iter().map(|(key, value)| (key.clone(), Value::string(value.as_str())));
        data(
            "S3LifecycleRule",
            [
                ("id", Value::string(self.id.as_str())),
                ("enabled", Value::Bool(self.enabled)),
                ("prefix", Value::string(self.prefix.as_str())),
                ("tags", Value::Map(tags.collect())),
                ("largerThan", size(self.larger_than)),
                ("smallerThan", size(self.smaller_than)),
                ("expireAfter", days(self.expire_after)),
                ("expireDeleteMarkers", Value::Bool(self.expire_delete_markers)),
                ("expireOldVersionsAfter", days(self.expire_old_versions_after)),
                ("keepOldVersions", self.keep_old_versions.map_or(Value::Null, |count| Value::Int(count.into()))),
                ("abortUploadsAfter", days(self.abort_uploads_after)),
                ("transitions", Value::List(self.transitions.iter().map(step).collect())),
                ("oldVersionTransitions", Value::List(self.old_version_transitions.iter().map(step).collect())),
            ],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_rule() -> impl Strategy<Value = Rule> {
        let days = || prop::option::of((1..4000i32).prop_map(Days));
        let steps = || {
            let step =
                (1..400i32, "GLACIER|STANDARD_IA").prop_map(|(n, class)| Step { after: Days(n), storage_class: class });
            prop::collection::vec(step, 0..3)
        };
        let tags = prop::collection::btree_map("[a-z]{1,3}", "[a-z]{0,3}", 0..3);
        let size = || prop::option::of(0..1_000_000i64);
        (
            ("[a-z]{1,8}", any::<bool>(), "[a-z/]{0,5}", tags, size(), size()),
            (days(), any::<bool>(), days(), prop::option::of(1..10i32), days(), steps(), steps()),
        )
            .prop_map(
                |(
                    (id, enabled, prefix, tags, larger_than, smaller_than),
                    (expire, markers, old, keep, abort, one, two),
                )| Rule {
                    id,
                    enabled,
                    prefix,
                    tags,
                    larger_than,
                    smaller_than,
                    expire_after: expire,
                    expire_delete_markers: markers,
                    expire_old_versions_after: old,
                    keep_old_versions: keep,
                    abort_uploads_after: abort,
                    transitions: one,
                    old_version_transitions: two,
                },
            )
    }

    proptest! {
        #[test]
        fn a_rule_comes_back_as_it_was_sent(rule in any_rule()) {
            prop_assert_eq!(Rule::of(rule.built().unwrap()), rule);
        }

        #[test]
        fn a_rule_is_told_as_the_program_has_it(rule in any_rule()) {
            let told: Rule = serde_json::from_value(rule.value().reveal()).unwrap();
            prop_assert_eq!(told, rule);
        }

        #[test]
        fn the_order_of_rules_means_nothing(mut rules in prop::collection::vec(any_rule(), 0..4)) {
            rules.sort_by(|one, two| one.id.cmp(&two.id));
            rules.dedup_by(|one, two| one.id == two.id);
            let one = Lifecycle(rules.clone()).normal("arn:aws:s3:::b");
            rules.reverse();
            prop_assert_eq!(Lifecycle(rules).normal("arn:aws:s3:::b"), one);
        }
    }
}
