//! A bucket that answers as a web site.

use async_trait::async_trait;
use aws_sdk_s3::types::{ErrorDocument, IndexDocument, Protocol, RedirectAllRequestsTo, WebsiteConfiguration};
use serde::Deserialize;

use super::{Bucket, Setting, answered, data, text_or_null, unbuilt};
use crate::apply::provider::Fault;
use crate::aws::fault::Call;
use crate::value::Value;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Website {
    index: Option<String>,
    error: Option<String>,
    redirect_to: Option<String>,
    redirect_protocol: Option<String>,
}

#[async_trait]
impl Setting for Website {
    const ATTRIBUTE: &'static str = "website";

    fn usual() -> Option<Website> {
        None
    }

    async fn read(bucket: Bucket<'_>) -> Result<Option<Website>, Fault> {
        let call = Call::read("s3:GetBucketWebsite", format!("read the web site of the bucket `{}`", bucket.name));
        let sent = bucket.session.s3().get_bucket_website().bucket(bucket.name).send().await;
        let answer = answered(&call, sent, &["NoSuchWebsiteConfiguration"])?;
        Ok(answer.map(|answer| {
            let redirect = answer.redirect_all_requests_to;
            Website {
                index: answer.index_document.map(|index| index.suffix),
                error: answer.error_document.map(|error| error.key),
                redirect_protocol: redirect
                    .as_ref()
                    .and_then(|redirect| Some(redirect.protocol.as_ref()?.as_str().to_string())),
                redirect_to: redirect.map(|redirect| redirect.host_name),
            }
        }))
    }

    async fn write(&self, bucket: Bucket<'_>) -> Result<(), Fault> {
        let call = Call::write("s3:PutBucketWebsite", format!("set the web site of the bucket `{}`", bucket.name));
        let configuration = match &self.redirect_to {
            Some(host) => {
                let redirect = RedirectAllRequestsTo::builder()
                    .host_name(host)
                    .set_protocol(self.redirect_protocol.as_deref().map(Protocol::from))
                    .build()
                    .map_err(|error| unbuilt(&error))?;
                WebsiteConfiguration::builder().redirect_all_requests_to(redirect)
            }
            None => {
                let index = self.index.as_deref().unwrap_or(INDEX);
                let index = IndexDocument::builder().suffix(index).build().map_err(|error| unbuilt(&error))?;
                let error = self.error.as_deref().map(|key| ErrorDocument::builder().key(key).build());
                let error = error.transpose().map_err(|error| unbuilt(&error))?;
                WebsiteConfiguration::builder().index_document(index).set_error_document(error)
            }
        };
        let sent = bucket.session.s3().put_bucket_website().bucket(bucket.name);
        let sent = sent.website_configuration(configuration.build()).send().await;
        sent.map(drop).map_err(|error| call.fault(&error))
    }

    async fn reset(bucket: Bucket<'_>) -> Result<(), Fault> {
        let call =
            Call::write("s3:DeleteBucketWebsite", format!("remove the web site of the bucket `{}`", bucket.name));
        let sent = bucket.session.s3().delete_bucket_website().bucket(bucket.name).send().await;
        sent.map(drop).map_err(|error| call.fault(&error))
    }

    /// What redirects everything has no pages.
    fn normal(self, _: &str) -> Website {
        match self.redirect_to {
            Some(_) => Website { index: None, error: None, ..self },
            None => Website { index: Some(self.index.unwrap_or(INDEX.into())), redirect_protocol: None, ..self },
        }
    }

    fn value(&self) -> Value {
        data(
            "S3Website",
            [
                ("index", Value::string(self.index.as_deref().unwrap_or(INDEX))),
                ("error", text_or_null(self.error.as_ref())),
                ("redirectTo", text_or_null(self.redirect_to.as_ref())),
                ("redirectProtocol", text_or_null(self.redirect_protocol.as_ref())),
            ],
        )
    }
}

/// What the library says when the program does not.
const INDEX: &str = "index.html";
