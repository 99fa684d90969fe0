//! Writes a file, a text or a folder into a bucket when its turn comes. What is there already is overwritten, unless
//! a component says that it is its own.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::empty::of_bucket;
use super::object::{self, Body, content_type, hex};
use super::settings::Bucket;
use super::together::{seen, send};
use crate::apply::provider::{Fault, FaultKind, Place, Progress, TAG_ADDRESS};
use crate::aws::act::Act;
use crate::aws::session::Session;

#[derive(Clone, Copy)]
pub struct Upload;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    bucket: Option<String>,
    key: Option<String>,
    source: Option<Asset>,
    content: Option<String>,
    files: Option<Folder>,
    #[serde(default)]
    prefix: String,
    content_type: Option<String>,
    cache_control: Option<String>,
}

#[derive(Deserialize)]
struct Asset {
    path: String,
    sha256: String,
}

#[derive(Deserialize)]
struct Folder {
    path: String,
    files: BTreeMap<String, String>,
}

#[async_trait]
impl Act for Upload {
    type Settings = Settings;

    /// What is there already as it should be is not sent again, so that a second run goes on where the first stopped.
    async fn run(&self, session: &Session, place: &Place, settings: &Settings, _: &str) -> Result<Progress, Fault> {
        let name = of_bucket(place, settings.bucket.as_deref(), "uploaded to")?;
        let bucket = Bucket { session, name };
        let uploads = settings.uploads(session)?;
        let all = uploads.len();
        let there =
            missing_is_refused(seen(bucket, "", uploads.iter().map(|upload| upload.key.clone()).collect()).await)?;
        let of_others = there.iter().find_map(|(key, seen)| Some((key, seen.marks().get(TAG_ADDRESS)?.clone())));
        if let Some((key, address)) = of_others {
            let text = format!("`{key}` in the bucket `{name}` is that of the component `{address}`");
            let help = "a component writes its own files: upload to another `key`, or let the component do it";
            return Err(Fault::new(FaultKind::Taken, text).help(help));
        }
        let is_left = |upload: &object::Upload| !there.get(&upload.key).is_some_and(|seen| upload.is_same(seen));
        let left = uploads.into_iter().filter(is_left).collect();
        Ok(match missing_is_refused(send(bucket, left, None).await)? {
            0 => Progress::Done,
            unsent => Progress::Waiting(format!("being uploaded: {unsent} of {all} files left")),
        })
    }
}

/// It is not the thing in whose list this stands that is missing.
fn missing_is_refused<T>(outcome: Result<T, Fault>) -> Result<T, Fault> {
    outcome.map_err(|fault| match fault.kind {
        FaultKind::Missing => Fault { kind: FaultKind::Refused, ..fault },
        FaultKind::Throttled
        | FaultKind::Unavailable
        | FaultKind::Unknown
        | FaultKind::Taken
        | FaultKind::Denied
        | FaultKind::Held
        | FaultKind::Refused => fault,
    })
}

impl Settings {
    fn uploads(&self, session: &Session) -> Result<Vec<object::Upload>, Fault> {
        let one = |name: Option<&str>, body: Body, sha256: String| {
            let Some(name) = self.key.as_deref().or(name) else {
                let text = "nothing says what the text is to be called in the bucket";
                return Err(Fault::new(FaultKind::Refused, text).help("write `key \"NAME\";`"));
            };
            Ok(vec![self.upload(format!("{}{name}", self.prefix), body, sha256)])
        };
        match (&self.source, &self.content, &self.files) {
            (Some(asset), None, None) => {
                let name = asset.path.rsplit('/').next();
                one(name, Body::File(session.file(&asset.path)), asset.sha256.clone())
            }
            (None, Some(text), None) => one(None, Body::Text(text.clone()), hex(&Sha256::digest(text.as_bytes()))),
            (None, None, Some(folder)) => Ok(folder
                .files
                .iter()
                .map(|(path, sha256)| {
                    let body = Body::File(session.file(&format!("{}/{path}", folder.path)));
                    self.upload(format!("{}{path}", self.prefix), body, sha256.clone())
                })
                .collect()),
            _ => {
                let text = "an upload is of one thing: `source`, `content` or `files`";
                let help = "write `source asset(\"PATH\");`, `content \"TEXT\";` or `files folder(\"PATH/\");`";
                Err(Fault::new(FaultKind::Refused, text).help(help))
            }
        }
    }

    fn upload(&self, key: String, body: Body, sha256: String) -> object::Upload {
        let kind = self.content_type.clone().unwrap_or_else(|| content_type(&key));
        let cache_control = self.cache_control.clone();
        object::Upload { key, body, sha256, content_type: Some(kind), cache_control, metadata: BTreeMap::new() }
    }
}
