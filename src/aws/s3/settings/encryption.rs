//! How objects are encrypted at rest.

use async_trait::async_trait;
use aws_sdk_s3::types::{
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
};
use serde::Deserialize;

use super::{Bucket, Setting, answered, data, text_or_null, unbuilt};
use crate::apply::provider::Fault;
use crate::aws::fault::Call;
use crate::value::Value;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Encryption {
    algorithm: String,
    key: Option<String>,
    bucket_key: bool,
}

#[async_trait]
impl Setting for Encryption {
    const ATTRIBUTE: &'static str = "encryption";

    /// Since 2023 AWS encrypts everything with keys of its own.
    fn usual() -> Option<Encryption> {
        Some(Encryption { algorithm: "AES256".into(), key: None, bucket_key: false })
    }

    async fn read(bucket: Bucket<'_>) -> Result<Option<Encryption>, Fault> {
        let call =
            Call::read("s3:GetEncryptionConfiguration", format!("read the encryption of the bucket `{}`", bucket.name));
        let sent = bucket.session.s3().get_bucket_encryption().bucket(bucket.name).send().await;
        let answer = answered(&call, sent, &["ServerSideEncryptionConfigurationNotFoundError"])?;
        let rule = answer
            .and_then(|answer| answer.server_side_encryption_configuration)
            .and_then(|configuration| configuration.rules.into_iter().next());
        Ok(rule.and_then(|rule| {
            let by_default = rule.apply_server_side_encryption_by_default?;
            Some(Encryption {
                algorithm: by_default.sse_algorithm.as_str().to_string(),
                key: by_default.kms_master_key_id,
                bucket_key: rule.bucket_key_enabled.unwrap_or(false),
            })
        }))
    }

    async fn write(&self, bucket: Bucket<'_>) -> Result<(), Fault> {
        let call =
            Call::write("s3:PutEncryptionConfiguration", format!("set the encryption of the bucket `{}`", bucket.name));
        let by_default = ServerSideEncryptionByDefault::builder()
            .sse_algorithm(ServerSideEncryption::from(self.algorithm.as_str()))
            .set_kms_master_key_id(self.key.clone())
            .build()
            .map_err(|error| unbuilt(&error))?;
        let rule = ServerSideEncryptionRule::builder()
            .apply_server_side_encryption_by_default(by_default)
            .bucket_key_enabled(self.bucket_key)
            .build();
        let configuration =
            ServerSideEncryptionConfiguration::builder().rules(rule).build().map_err(|error| unbuilt(&error))?;
        let sent = bucket.session.s3().put_bucket_encryption().bucket(bucket.name);
        let sent = sent.server_side_encryption_configuration(configuration).send().await;
        sent.map(drop).map_err(|error| call.fault(&error))
    }

    async fn reset(bucket: Bucket<'_>) -> Result<(), Fault> {
        let call = Call::write(
            "s3:PutEncryptionConfiguration",
            format!("reset the encryption of the bucket `{}`", bucket.name),
        );
        let sent = bucket.session.s3().delete_bucket_encryption().bucket(bucket.name).send().await;
        sent.map(drop).map_err(|error| call.fault(&error))
    }

    /// A key may be named by its id or by its ARN; with keys of its own AWS ignores the bucket key.
    fn normal(self, _: &str) -> Encryption {
        let kms = self.algorithm.starts_with("aws:kms");
        let key = self.key.filter(|key| kms && key != "alias/aws/s3" && !key.ends_with(":alias/aws/s3"));
        let key = key.map(|key| match key.rsplit_once(":key/") {
            Some((_, id)) => id.to_string(),
            None => key,
        });
        Encryption { algorithm: self.algorithm, key, bucket_key: kms && self.bucket_key }
    }

    fn value(&self) -> Value {
        data(
            "S3Encryption",
            [
                ("algorithm", Value::string(self.algorithm.as_str())),
                ("key", text_or_null(self.key.as_ref())),
                ("bucketKey", Value::Bool(self.bucket_key)),
            ],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_by_its_id_and_by_its_arn() {
        let of = |algorithm: &str, key: Option<&str>, bucket_key| {
            Encryption { algorithm: algorithm.into(), key: key.map(str::to_string), bucket_key }
                .normal("arn:aws:s3:::b")
        };
        let arn = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd";
        assert_eq!(of("aws:kms", Some(arn), true), of("aws:kms", Some("1234abcd"), true));
        assert_ne!(of("aws:kms", Some(arn), true), of("aws:kms", Some("1234abce"), true));
        assert_ne!(of("aws:kms", Some(arn), true), of("aws:kms", Some(arn), false));
        assert_eq!(of("AES256", None, true), of("AES256", None, false));
        assert_eq!(of("aws:kms", Some("alias/aws/s3"), false), of("aws:kms", None, false));
    }
}
