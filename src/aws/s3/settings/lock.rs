//! Objects that nobody can delete for a time.

use async_trait::async_trait;
use aws_sdk_s3::types::{
    DefaultRetention, ObjectLockConfiguration, ObjectLockEnabled, ObjectLockRetentionMode, ObjectLockRule,
};
use serde::Deserialize;

use super::{Bucket, Days, Setting, answered, data};
use crate::apply::provider::Fault;
use crate::aws::fault::Call;
use crate::value::Value;

#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct ObjectLock {
    mode: String,
    retention: Days,
}

#[async_trait]
impl Setting for ObjectLock {
    const ATTRIBUTE: &'static str = "objectLock";

    fn usual() -> Option<ObjectLock> {
        None
    }

    async fn read(bucket: Bucket<'_>) -> Result<Option<ObjectLock>, Fault> {
        let call = Call::read(
            "s3:GetBucketObjectLockConfiguration",
            format!("read the object lock of the bucket `{}`", bucket.name),
        );
        let sent = bucket.session.s3().get_object_lock_configuration().bucket(bucket.name).send().await;
        let answer = answered(&call, sent, &["ObjectLockConfigurationNotFoundError"])?;
        let retention = answer
            .and_then(|answer| answer.object_lock_configuration)
            .and_then(|configuration| configuration.rule)
            .and_then(|rule| rule.default_retention);
        Ok(retention.and_then(|found| {
            let days = found.days.or_else(|| Some(found.years? * 365))?;
            Some(ObjectLock { mode: found.mode?.as_str().to_string(), retention: Days(days) })
        }))
    }

    async fn write(&self, bucket: Bucket<'_>) -> Result<(), Fault> {
        let retention = DefaultRetention::builder()
            .mode(ObjectLockRetentionMode::from(self.mode.as_str()))
            .days(self.retention.0)
            .build();
        put(bucket, Some(ObjectLockRule::builder().default_retention(retention).build())).await
    }

    /// The lock itself stays: AWS cannot take it off. New objects are not locked any more.
    async fn reset(bucket: Bucket<'_>) -> Result<(), Fault> {
        put(bucket, None).await
    }

    fn value(&self) -> Value {
        data("S3ObjectLock", [("mode", Value::string(self.mode.as_str())), ("retention", self.retention.value())])
    }
}

async fn put(bucket: Bucket<'_>, rule: Option<ObjectLockRule>) -> Result<(), Fault> {
    let call = Call::write(
        "s3:PutBucketObjectLockConfiguration",
        format!("set the object lock of the bucket `{}`", bucket.name),
    );
    let configuration =
        ObjectLockConfiguration::builder().object_lock_enabled(ObjectLockEnabled::Enabled).set_rule(rule).build();
    let sent = bucket.session.s3().put_object_lock_configuration().bucket(bucket.name);
    let sent = sent.object_lock_configuration(configuration).send().await;
    sent.map(drop).map_err(|error| call.fault(&error))
}
