//! The configuration of a bucket, part by part. AWS keeps each part for itself, with calls of its own; what the
//! program does not set is neither read nor changed.

pub mod access;
pub mod cors;
pub mod encryption;
pub mod lifecycle;
pub mod lock;
pub mod logging;
pub mod policy;
pub mod website;

use std::error::Error;

use async_trait::async_trait;
use aws_sdk_s3::error::{BuildError, ProvideErrorMetadata, SdkError};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::apply::provider::{Fault, FaultKind};
use crate::aws::fault::Call;
use crate::aws::session::Session;
use crate::value::{Data, Fields, Value};

/// The bucket that a setting is of.
#[derive(Clone, Copy)]
pub struct Bucket<'a> {
    pub session: &'a Session,
    pub name: &'a str,
}

impl Bucket<'_> {
    pub fn arn(&self) -> String {
        arn(self.name, &self.session.region)
    }
}

/// Amazon's three worlds, which share nothing: their names, and the ends of their hosts.
pub fn partition(region: &str) -> (&'static str, &'static str) {
    match region {
        china if china.starts_with("cn-") => ("aws-cn", "amazonaws.com.cn"),
        government if government.starts_with("us-gov-") => ("aws-us-gov", "amazonaws.com"),
        _ => ("aws", "amazonaws.com"),
    }
}

pub fn arn(name: &str, region: &str) -> String {
    format!("arn:{}:s3:::{name}", partition(region).0)
}

/// One part of the configuration, in the form that the library gives it.
#[async_trait]
pub trait Setting: DeserializeOwned + Clone + PartialEq + Send + Sync {
    /// The attribute of the bucket that holds it.
    const ATTRIBUTE: &'static str;

    /// What a bucket has of which nobody ever said anything.
    fn usual() -> Option<Self>;

    /// What AWS has; nothing when there is none of it.
    async fn read(bucket: Bucket<'_>) -> Result<Option<Self>, Fault>;

    async fn write(&self, bucket: Bucket<'_>) -> Result<(), Fault>;

    /// Makes it as it is in a bucket of which nobody ever said anything.
    async fn reset(bucket: Bucket<'_>) -> Result<(), Fault>;

    /// In one form of all that mean the same for the bucket with this ARN.
    fn normal(self, _arn: &str) -> Self {
        self
    }

    /// As the program has it.
    fn value(&self) -> Value;
}

/// What there is when the program wants something and there is nothing.
const NONE: &str = "none";

/// What to tell of a setting: what is recorded, when that means the same as what there is. Nothing without a call
/// when nothing is recorded of it, unless everything is to be told.
pub async fn told<S: Setting>(bucket: Bucket<'_>, inputs: &Fields, everything: bool) -> Result<Option<Value>, Fault> {
    let recorded = inputs.get(S::ATTRIBUTE).filter(|value| **value != Value::Null);
    if recorded.is_none() && !everything {
        return Ok(None);
    }
    let found = S::read(bucket).await.map_err(|fault| fault.on(S::ATTRIBUTE))?;
    Ok(as_recorded(&bucket.arn(), recorded, found))
}

/// A setting as it is recorded, if that means what was found.
pub fn as_recorded<S: Setting>(arn: &str, recorded: Option<&Value>, found: Option<S>) -> Option<Value> {
    let usual = S::usual().map(|usual| usual.normal(arn));
    let Some(recorded) = recorded else {
        // What every bucket has needs no words.
        return found.filter(|found| Some(found.clone().normal(arn)) != usual).map(|found| found.value());
    };
    let known = form::<S>(recorded).map(|known| known.normal(arn));
    match found {
        Some(found) if known.as_ref() == Some(&found.clone().normal(arn)) => Some(recorded.clone()),
        None if known.is_some() && known == usual => Some(recorded.clone()),
        Some(found) => Some(found.value()),
        None => Some(Value::string(NONE)),
    }
}

/// Makes a setting as wanted, when it is not. `recorded` is what the last operation recorded; `old` what there is
/// now, if that is known.
pub async fn apply<S: Setting>(
    bucket: Bucket<'_>,
    recorded: &Fields,
    old: Option<&Fields>,
    want: Option<&S>,
) -> Result<(), Fault> {
    let of = |fields: &Fields| fields.get(S::ATTRIBUTE).filter(|value| **value != Value::Null).cloned();
    let outcome = match want {
        Some(want) => {
            let arn = bucket.arn();
            let now = old.and_then(of).and_then(|value| form::<S>(&value)).map(|now| now.normal(&arn));
            if now.is_some_and(|now| now == want.clone().normal(&arn)) {
                return Ok(());
            }
            want.write(bucket).await
        }
        None if old.and_then(of).or_else(|| of(recorded)).is_some() => S::reset(bucket).await,
        None => return Ok(()),
    };
    outcome.map_err(|fault| fault.on(S::ATTRIBUTE))
}

fn form<S: Setting>(value: &Value) -> Option<S> {
    serde_json::from_value(value.reveal()).ok()
}

/// The answer to a question about a setting, where some errors say that there is none.
pub fn answered<T, E>(call: &Call, answer: Result<T, SdkError<E>>, absent: &[&str]) -> Result<Option<T>, Fault>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) => match error.as_service_error().and_then(ProvideErrorMetadata::code) {
            Some(code) if absent.contains(&code) => Ok(None),
            _ => Err(call.fault(&error)),
        },
    }
}

pub fn unbuilt(error: &BuildError) -> Fault {
    Fault::new(FaultKind::Refused, format!("this cannot be sent: {error}"))
}

/// A value of a template of the library.
pub fn data<const N: usize>(template: &str, fields: [(&str, Value); N]) -> Value {
    let fields = fields.into_iter().map(|(name, value)| (name.into(), value)).collect();
    Value::Data(Data { template: template.into(), fields })
}

pub fn text_or_null(text: Option<&String>) -> Value {
    text.map_or(Value::Null, |text| Value::string(text.as_str()))
}

pub fn texts(items: &[String]) -> Value {
    Value::List(items.iter().map(|item| Value::string(item.as_str())).collect())
}

/// A time that AWS counts in whole days.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(try_from = "f64")]
pub struct Days(pub i32);

const DAY: f64 = 86_400.0;

impl TryFrom<f64> for Days {
    type Error = String;

    fn try_from(seconds: f64) -> Result<Days, String> {
        let days = seconds / DAY;
        if days.fract() == 0.0 && (0.0..=f64::from(i32::MAX)).contains(&days) {
            Ok(Days(days as i32))
        } else {
            Err(format!("{seconds} seconds are no whole number of days"))
        }
    }
}

impl Days {
    pub fn value(self) -> Value {
        Value::Duration(u64::from(self.0.unsigned_abs()) * 86_400_000)
    }
}
