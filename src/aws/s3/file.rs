//! Single objects: a file of the program, or a text that it makes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::object::{self, Body, Upload, apart, content_type, hex, look, taken};
use super::objects;
use super::settings::{Bucket, data};
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek, TAG_TOKEN};
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags;
use crate::value::{Data, Fields, Reference, Target, Value};

#[derive(Clone, Copy)]
pub struct S3File;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    bucket: String,
    key: String,
    source: Option<Asset>,
    content: Option<String>,
    content_type: Option<String>,
    cache_control: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Asset {
    path: String,
    sha256: String,
}

#[derive(Serialize)]
pub struct Outputs {
    etag: String,
    url: String,
}

impl Want {
    fn upload(&self, session: &Session) -> Result<Upload, Fault> {
        let (body, sha256) = match (&self.source, &self.content) {
            (Some(asset), None) => (Body::File(session.file(&asset.path)), asset.sha256.clone()),
            (None, Some(text)) => (Body::Text(text.clone()), hex(&Sha256::digest(text.as_bytes()))),
            (None, None) => {
                let text = format!("nothing says what is in `{}`", self.key);
                let help = "write `source asset(\"PATH\");` for a file, or `content \"TEXT\";`";
                return Err(Fault::new(FaultKind::Refused, text).on("source").help(help));
            }
            (Some(_), Some(_)) => {
                let text = format!("`source` and `content` both say what is in `{}`", self.key);
                return Err(Fault::new(FaultKind::Refused, text).on("content").help("leave one of them out"));
            }
        };
        if let Some(key) = self.metadata.keys().find(|key| key.to_ascii_lowercase().starts_with("tadpole-")) {
            let text = format!("the metadata `{key}` cannot be set by a program");
            let help = "keys that begin with `tadpole-` are reserved: choose another one";
            return Err(Fault::new(FaultKind::Refused, text).on("metadata").help(help));
        }
        Ok(Upload {
            key: self.key.clone(),
            body,
            sha256,
            // An empty text is as if it were not set.
            content_type: Some(filled(&self.content_type).unwrap_or_else(|| content_type(&self.key))),
            cache_control: filled(&self.cache_control),
            metadata: self.metadata.clone(),
        })
    }

    fn id(&self) -> Arc<str> {
        format!("{}/{}", self.bucket, self.key).into()
    }
}

#[async_trait]
impl Kind for S3File {
    type Want = Want;
    type Told = Fields;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience {
            consistency: Duration::from_secs(15),
            poll: Duration::from_secs(1),
            deletion: Duration::from_secs(60),
            ..Patience::default()
        }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let upload = want.upload(session)?;
        let bucket = Bucket { session, name: &want.bucket };
        let made = Made { id: want.id(), whole: true };
        match look(bucket, &want.key).await? {
            Some(seen) if tags::is_made(&seen.marks(), owner) => return Ok(made),
            // Of an earlier time, left standing or half taken down.
            Some(seen) if tags::is_owned(&seen.marks(), owner) => {}
            Some(seen) => return Err(taken(bucket.name, &want.key, &seen.marks(), owner).on("key")),
            None => {}
        }
        upload.send(bucket, Some(owner)).await?;
        Ok(made)
    }

    async fn find(&self, session: &Session, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        let Some(seen) = look(Bucket { session, name: &want.bucket }, &want.key).await? else {
            return Ok(None);
        };
        let is_it = match seek {
            Seek::Made(owner) => tags::is_made(&seen.marks(), owner),
            Seek::Owned(owner) => tags::is_owned(&seen.marks(), owner),
            Seek::Identity => true,
        };
        Ok(is_it.then(|| want.id()))
    }

    /// One call.
    async fn read(&self, session: &Session, place: &Place) -> Result<Option<Found<Fields, Outputs>>, Fault> {
        let (name, key) = apart(&place.id);
        let Some(seen) = look(Bucket { session, name }, key).await? else {
            return Ok(None);
        };
        let is_same = match (recorded_hash(&place.inputs), place.outputs.get("etag").and_then(Value::as_str)) {
            (Some(hash), Some(etag)) => seen.sha256() == Some(&hash) && seen.etag == etag,
            (Some(hash), None) => seen.sha256() == Some(&hash),
            (None, Some(etag)) => seen.etag == etag,
            (None, None) => false,
        };
        let mut told = Fields::new();
        let hash = seen.sha256().unwrap_or(&seen.etag);
        match (place.inputs.get("source"), place.inputs.get("content")) {
            (Some(Value::Data(asset)), _) => {
                let value = if is_same { Value::Data(asset.clone()) } else { changed(asset, hash) };
                told.insert("source".into(), value);
            }
            (_, Some(content)) if *content != Value::Null => {
                let other = || Value::string(format!("(other bytes, {hash})"));
                told.insert("content".into(), if is_same { content.clone() } else { other() });
            }
            (Some(_) | None, _) => {}
        }
        let text = |text: &Option<String>| Value::string(text.as_deref().unwrap_or_default());
        // What every file of its name is needs no words, unless the program has some.
        let said = |name: &str| place.inputs.get(name).is_some_and(|value| *value != Value::Null);
        let is_usual = seen.content_type.as_deref() == Some(&content_type(key));
        if place.inputs.get("contentType").and_then(Value::as_str) == Some("") && is_usual {
            told.insert("contentType".into(), Value::string(""));
        } else if said("contentType") || !is_usual {
            told.insert("contentType".into(), text(&seen.content_type));
        }
        if said("cacheControl") || seen.cache_control.is_some() {
            told.insert("cacheControl".into(), text(&seen.cache_control));
        }
        told.insert("metadata".into(), metadata(place.inputs.get("metadata"), seen.metadata()));
        // What is being taken in has nothing recorded yet.
        if !place.inputs.contains_key("key") {
            let of = Reference { of: Target::Existing("S3Bucket".into()), id: name.into() };
            told.insert("bucket".into(), Value::Reference(of));
            told.insert("key".into(), Value::string(key));
        }
        let outputs = Outputs { url: url(name, key, &session.region), etag: seen.etag };
        Ok(Some(Found { inputs: told, outputs, health: Health::Live }))
    }

    async fn update(
        &self,
        session: &Session,
        place: &Place,
        _: Option<&Fields>,
        want: &Want,
        owner: &Owner,
    ) -> Result<Progress, Fault> {
        let upload = want.upload(session)?;
        let (name, key) = apart(&place.id);
        let bucket = Bucket { session, name };
        // Nothing of an object changes in place, so it is written anew, with the token by which its creation is found.
        let mut owner = owner.clone();
        if let Some(seen) = look(bucket, key).await? {
            if upload.is_done(&seen, &owner) {
                return Ok(Progress::Done);
            }
            let marks = seen.marks();
            if let Some(token) = marks.get(TAG_TOKEN).filter(|_| tags::is_same_environment(&marks, &owner)) {
                owner.token = token.as_str().into();
            }
        }
        upload.send(bucket, Some(&owner)).await?;
        Ok(Progress::Done)
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let (name, key) = apart(&place.id);
        let identifier = objects::identifier(key.to_string(), None)?;
        match objects::delete(Bucket { session, name }, &[identifier]).await {
            Err(fault) if fault.kind == FaultKind::Missing => Ok(Progress::Done),
            outcome => outcome.map(|()| Progress::Done),
        }
    }
}

fn filled(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.is_empty())
}

/// The hash of what was uploaded; nothing for a secret, which is not recorded.
fn recorded_hash(inputs: &Fields) -> Option<String> {
    match (inputs.get("source"), inputs.get("content")) {
        (Some(Value::Data(asset)), _) => asset.fields.get("sha256")?.as_str().map(str::to_string),
        (_, Some(Value::String(text))) => Some(hex(&Sha256::digest(text.as_bytes()))),
        (_, Some(Value::Secret(secret))) => secret.reveal().map(|text| hex(&Sha256::digest(text.as_bytes()))),
        (Some(_) | None, _) => None,
    }
}

fn changed(asset: &Data, hash: &str) -> Value {
    let field = |name: &str| asset.fields.get(name).cloned().unwrap_or(Value::Null);
    data("Asset", [("path", field("path")), ("sha256", Value::string(hash)), ("size", field("size"))])
}

/// Names of metadata have no case.
fn metadata(recorded: Option<&Value>, found: BTreeMap<String, String>) -> Value {
    if let Some(Value::Map(recorded)) = recorded {
        let lower: BTreeMap<String, &str> = recorded
            .iter()
            .map(|(key, value)| (key.to_ascii_lowercase(), value.as_str().unwrap_or_default()))
            .collect();
        if object::same_metadata(&lower, &found) {
            return Value::Map(recorded.clone());
        }
    }
    Value::Map(found.into_iter().map(|(key, value)| (key, Value::string(value))).collect())
}

pub fn url(bucket: &str, key: &str, region: &str) -> String {
    let (_, domain) = super::settings::partition(region);
    format!("https://{bucket}.s3.{region}.{domain}/{}", object::escaped(key))
}
