//! Where it is written down who asked for what.

use async_trait::async_trait;
use aws_sdk_s3::types::{BucketLoggingStatus, LoggingEnabled};
use serde::Deserialize;

use super::{Bucket, Setting, data, unbuilt};
use crate::apply::provider::Fault;
use crate::aws::fault::Call;
use crate::value::{Reference, Target, Value};

#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Logging {
    /// The name of a bucket.
    target: String,
    prefix: String,
}

#[async_trait]
impl Setting for Logging {
    const ATTRIBUTE: &'static str = "logging";

    fn usual() -> Option<Logging> {
        None
    }

    async fn read(bucket: Bucket<'_>) -> Result<Option<Logging>, Fault> {
        let call = Call::read("s3:GetBucketLogging", format!("read the logging of the bucket `{}`", bucket.name));
        let sent = bucket.session.s3().get_bucket_logging().bucket(bucket.name).send().await;
        let found = sent.map_err(|error| call.fault(&error))?.logging_enabled;
        Ok(found.map(|found| Logging { target: found.target_bucket, prefix: found.target_prefix }))
    }

    async fn write(&self, bucket: Bucket<'_>) -> Result<(), Fault> {
        let enabled = LoggingEnabled::builder().target_bucket(&self.target).target_prefix(&self.prefix);
        let enabled = enabled.build().map_err(|error| unbuilt(&error))?;
        put(bucket, BucketLoggingStatus::builder().logging_enabled(enabled).build()).await
    }

    async fn reset(bucket: Bucket<'_>) -> Result<(), Fault> {
        put(bucket, BucketLoggingStatus::builder().build()).await
    }

    fn value(&self) -> Value {
        let target = Reference { of: Target::Existing("S3Bucket".into()), id: self.target.as_str().into() };
        data("S3Logging", [("target", Value::Reference(target)), ("prefix", Value::string(self.prefix.as_str()))])
    }
}

async fn put(bucket: Bucket<'_>, status: BucketLoggingStatus) -> Result<(), Fault> {
    let call = Call::write("s3:PutBucketLogging", format!("set the logging of the bucket `{}`", bucket.name));
    let sent = bucket.session.s3().put_bucket_logging().bucket(bucket.name).bucket_logging_status(status);
    sent.send().await.map(drop).map_err(|error| call.fault(&error))
}
