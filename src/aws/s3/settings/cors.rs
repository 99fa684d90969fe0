//! Which other sites a browser may let at the objects.

use async_trait::async_trait;
use aws_sdk_s3::types::{CorsConfiguration, CorsRule};
use serde::Deserialize;

use super::{Bucket, Setting, answered, data, text_or_null, texts, unbuilt};
use crate::apply::provider::{Fault, FaultKind};
use crate::aws::fault::Call;
use crate::value::Value;

/// In their order: the first that fits decides.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(transparent)]
pub struct Cors(Vec<Rule>);

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: Option<String>,
    origins: Vec<String>,
    methods: Vec<String>,
    headers: Vec<String>,
    expose_headers: Vec<String>,
    /// In seconds.
    max_age: Option<f64>,
}

#[async_trait]
impl Setting for Cors {
    const ATTRIBUTE: &'static str = "cors";

    fn usual() -> Option<Cors> {
        Some(Cors(Vec::new()))
    }

    async fn read(bucket: Bucket<'_>) -> Result<Option<Cors>, Fault> {
        let call = Call::read("s3:GetBucketCORS", format!("read the CORS rules of the bucket `{}`", bucket.name));
        let sent = bucket.session.s3().get_bucket_cors().bucket(bucket.name).send().await;
        let answer = answered(&call, sent, &["NoSuchCORSConfiguration"])?;
        let rules = answer.and_then(|answer| answer.cors_rules).unwrap_or_default();
        let rule = |rule: CorsRule| Rule {
            id: rule.id,
            origins: rule.allowed_origins,
            methods: rule.allowed_methods,
            headers: rule.allowed_headers.unwrap_or_default(),
            expose_headers: rule.expose_headers.unwrap_or_default(),
            max_age: rule.max_age_seconds.map(f64::from),
        };
        Ok(Some(Cors(rules.into_iter().map(rule).collect())))
    }

    async fn write(&self, bucket: Bucket<'_>) -> Result<(), Fault> {
        if self.0.is_empty() {
            return Cors::reset(bucket).await;
        }
        let call = Call::write("s3:PutBucketCORS", format!("set the CORS rules of the bucket `{}`", bucket.name));
        let mut rules = Vec::new();
        for rule in &self.0 {
            let seconds = rule.max_age.map(whole_seconds).transpose()?;
            let some = |list: &Vec<String>| Some(list.clone()).filter(|list| !list.is_empty());
            let built = CorsRule::builder()
                .set_id(rule.id.clone())
                .set_allowed_origins(Some(rule.origins.clone()))
                .set_allowed_methods(Some(rule.methods.clone()))
                .set_allowed_headers(some(&rule.headers))
                .set_expose_headers(some(&rule.expose_headers))
                .set_max_age_seconds(seconds)
                .build();
            rules.push(built.map_err(|error| unbuilt(&error))?);
        }
        let configuration =
            CorsConfiguration::builder().set_cors_rules(Some(rules)).build().map_err(|error| unbuilt(&error))?;
        let sent = bucket.session.s3().put_bucket_cors().bucket(bucket.name).cors_configuration(configuration);
        sent.send().await.map(drop).map_err(|error| call.fault(&error))
    }

    async fn reset(bucket: Bucket<'_>) -> Result<(), Fault> {
        let call = Call::write("s3:PutBucketCORS", format!("remove the CORS rules of the bucket `{}`", bucket.name));
        let sent = bucket.session.s3().delete_bucket_cors().bucket(bucket.name).send().await;
        sent.map(drop).map_err(|error| call.fault(&error))
    }

    /// Within one rule nothing has an order, and names of headers have no case.
    fn normal(self, _: &str) -> Cors {
        let sorted = |mut list: Vec<String>| {
            list.sort();
            list.dedup();
            list
        };
        let lower = |list: Vec<String>| list.into_iter().map(|item| item.to_ascii_lowercase()).collect();
        let rule = |rule: Rule| Rule {
            id: rule.id.filter(|id| !id.is_empty()),
            origins: sorted(rule.origins),
            methods: sorted(rule.methods),
            headers: sorted(lower(rule.headers)),
            expose_headers: sorted(lower(rule.expose_headers)),
            max_age: rule.max_age,
        };
        Cors(self.0.into_iter().map(rule).collect())
    }

    fn value(&self) -> Value {
        let rule = |rule: &Rule| {
            let age = rule.max_age.map_or(Value::Null, |seconds| Value::Duration((seconds * 1000.0) as u64));
            data(
                "S3CorsRule",
                [
                    ("id", text_or_null(rule.id.as_ref())),
                    ("origins", texts(&rule.origins)),
                    ("methods", texts(&rule.methods)),
                    ("headers", texts(&rule.headers)),
                    ("exposeHeaders", texts(&rule.expose_headers)),
                    ("maxAge", age),
                ],
            )
        };
        Value::List(self.0.iter().map(rule).collect())
    }
}

fn whole_seconds(seconds: f64) -> Result<i32, Fault> {
    if seconds.fract() == 0.0 && (0.0..=f64::from(i32::MAX)).contains(&seconds) {
        return Ok(seconds as i32);
    }
    Err(Fault::new(FaultKind::Refused, format!("`maxAge` is {seconds} seconds, and AWS counts whole ones")))
}
