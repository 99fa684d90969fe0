//! Who may be let in at all, and whose objects are: both stand above what a policy allows.

use async_trait::async_trait;
use aws_sdk_s3::types::{ObjectOwnership, OwnershipControls, OwnershipControlsRule, PublicAccessBlockConfiguration};
use serde::Deserialize;

use super::{Bucket, Setting, answered, data, unbuilt};
use crate::apply::provider::Fault;
use crate::aws::fault::Call;
use crate::value::Value;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublicAccessBlock {
    block_acls: bool,
    ignore_acls: bool,
    block_policy: bool,
    restrict_bucket: bool,
}

#[async_trait]
impl Setting for PublicAccessBlock {
    const ATTRIBUTE: &'static str = "publicAccessBlock";

    /// Since 2023 a new bucket is closed.
    fn usual() -> Option<PublicAccessBlock> {
        Some(PublicAccessBlock { block_acls: true, ignore_acls: true, block_policy: true, restrict_bucket: true })
    }

    async fn read(bucket: Bucket<'_>) -> Result<Option<PublicAccessBlock>, Fault> {
        let call = Call::read(
            "s3:GetBucketPublicAccessBlock",
            format!("read the public access block of the bucket `{}`", bucket.name),
        );
        let sent = bucket.session.s3().get_public_access_block().bucket(bucket.name).send().await;
        let answer = answered(&call, sent, &["NoSuchPublicAccessBlockConfiguration"])?;
        // None at all blocks nothing.
        let found = answer.and_then(|answer| answer.public_access_block_configuration);
        let is =
            |flag: fn(&PublicAccessBlockConfiguration) -> Option<bool>| found.as_ref().and_then(flag).unwrap_or(false);
        Ok(Some(PublicAccessBlock {
            block_acls: is(|found| found.block_public_acls),
            ignore_acls: is(|found| found.ignore_public_acls),
            block_policy: is(|found| found.block_public_policy),
            restrict_bucket: is(|found| found.restrict_public_buckets),
        }))
    }

    async fn write(&self, bucket: Bucket<'_>) -> Result<(), Fault> {
        let call = Call::write(
            "s3:PutBucketPublicAccessBlock",
            format!("set the public access block of the bucket `{}`", bucket.name),
        );
        let configuration = PublicAccessBlockConfiguration::builder()
            .block_public_acls(self.block_acls)
            .ignore_public_acls(self.ignore_acls)
            .block_public_policy(self.block_policy)
            .restrict_public_buckets(self.restrict_bucket)
            .build();
        let sent = bucket.session.s3().put_public_access_block().bucket(bucket.name);
        let sent = sent.public_access_block_configuration(configuration).send().await;
        sent.map(drop).map_err(|error| call.fault(&error))
    }

    async fn reset(bucket: Bucket<'_>) -> Result<(), Fault> {
        match PublicAccessBlock::usual() {
            Some(usual) => usual.write(bucket).await,
            None => Ok(()),
        }
    }

    fn value(&self) -> Value {
        data(
            "S3PublicAccessBlock",
            [
                ("blockAcls", Value::Bool(self.block_acls)),
                ("ignoreAcls", Value::Bool(self.ignore_acls)),
                ("blockPolicy", Value::Bool(self.block_policy)),
                ("restrictBucket", Value::Bool(self.restrict_bucket)),
            ],
        )
    }
}

/// `BucketOwnerEnforced` and the like.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(transparent)]
pub struct Ownership(String);

#[async_trait]
impl Setting for Ownership {
    const ATTRIBUTE: &'static str = "ownership";

    fn usual() -> Option<Ownership> {
        Some(Ownership("BucketOwnerEnforced".into()))
    }

    async fn read(bucket: Bucket<'_>) -> Result<Option<Ownership>, Fault> {
        let call = Call::read(
            "s3:GetBucketOwnershipControls",
            format!("read the ownership controls of the bucket `{}`", bucket.name),
        );
        let sent = bucket.session.s3().get_bucket_ownership_controls().bucket(bucket.name).send().await;
        let answer = answered(&call, sent, &["OwnershipControlsNotFoundError"])?;
        let rule =
            answer.and_then(|answer| answer.ownership_controls).and_then(|controls| controls.rules.into_iter().next());
        // None at all is what buckets were like before there was a choice.
        Ok(Some(Ownership(rule.map_or("ObjectWriter".into(), |rule| rule.object_ownership.as_str().to_string()))))
    }

    async fn write(&self, bucket: Bucket<'_>) -> Result<(), Fault> {
        let call = Call::write(
            "s3:PutBucketOwnershipControls",
            format!("set the ownership controls of the bucket `{}`", bucket.name),
        );
        let rule = OwnershipControlsRule::builder().object_ownership(ObjectOwnership::from(self.0.as_str()));
        let rule = rule.build().map_err(|error| unbuilt(&error))?;
        let controls = OwnershipControls::builder().rules(rule).build().map_err(|error| unbuilt(&error))?;
        let sent = bucket.session.s3().put_bucket_ownership_controls().bucket(bucket.name);
        let sent = sent.ownership_controls(controls).send().await;
        sent.map(drop).map_err(|error| call.fault(&error))
    }

    async fn reset(bucket: Bucket<'_>) -> Result<(), Fault> {
        match Ownership::usual() {
            Some(usual) => usual.write(bucket).await,
            None => Ok(()),
        }
    }

    fn value(&self) -> Value {
        Value::string(self.0.as_str())
    }
}
