//! All files of a folder as objects below a prefix. What was uploaded is told by ETags, so that a look at all of it
//! takes one call a thousand files; only what changed is sent, and only what was shown in a plan is deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::listing::{Listing, list};
use super::object::{Body, Seen, Upload, apart, taken};
use super::objects;
use super::rules::Rules;
use super::settings::{Bucket, data};
use super::together::{seen, send};
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek};
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags;
use crate::value::{Fields, Reference, Target, Value};

#[derive(Clone, Copy)]
pub struct S3Directory;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    bucket: String,
    prefix: String,
    source: Folder,
    #[serde(default)]
    cache_control: BTreeMap<String, String>,
    #[serde(default)]
    content_types: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Folder {
    path: String,
    files: BTreeMap<String, String>,
}

#[derive(Serialize)]
pub struct Outputs {
    etags: Listing,
}

impl Want {
    fn id(&self) -> Arc<str> {
        format!("{}/{}", self.bucket, self.prefix).into()
    }

    fn uploads(&self, session: &Session) -> Result<BTreeMap<String, Upload>, Fault> {
        if self.source.files.is_empty() {
            let text =
                format!("`{}` has no files, and a directory without files cannot be told from none", self.source.path);
            return Err(Fault::new(FaultKind::Refused, text).on("source").help("put a file into it"));
        }
        let rules = Rules::of(&self.cache_control, &self.content_types)?;
        let upload = |(path, sha256): (&String, &String)| {
            let upload = Upload {
                key: format!("{}{path}", self.prefix),
                body: Body::File(session.file(&format!("{}/{path}", self.source.path))),
                sha256: sha256.clone(),
                content_type: Some(rules.content_type(path)),
                cache_control: rules.cache_control(path),
                metadata: BTreeMap::new(),
            };
            (path.clone(), upload)
        };
        Ok(self.source.files.iter().map(upload).collect())
    }
}

#[async_trait]
impl Kind for S3Directory {
    type Want = Want;
    type Told = Fields;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience {
            consistency: Duration::from_secs(15),
            poll: Duration::from_millis(100),
            readiness: Duration::from_secs(12 * 3600),
            deletion: Duration::from_secs(3600),
        }
    }

    /// Only looks whether something is in the way: what there is to send, the update sends.
    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let bucket = Bucket { session, name: &want.bucket };
        let there = list(bucket, &want.prefix).await?;
        let ours: Vec<String> = want.uploads(session)?.into_keys().filter(|path| there.contains_key(path)).collect();
        for (path, seen) in seen(bucket, &want.prefix, ours).await? {
            if !tags::is_owned(&seen.marks(), owner) {
                let key = format!("{}{path}", want.prefix);
                return Err(taken(bucket.name, &key, &seen.marks(), owner).on("prefix"));
            }
        }
        Ok(Made { id: want.id(), whole: false })
    }

    async fn find(&self, session: &Session, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        let bucket = Bucket { session, name: &want.bucket };
        let there = match list(bucket, &want.prefix).await {
            Err(fault) if fault.kind == FaultKind::Missing => return Ok(None),
            answer => answer?,
        };
        let owner = match seek {
            Seek::Identity => return Ok((!there.is_empty()).then(|| want.id())),
            Seek::Made(owner) | Seek::Owned(owner) => owner,
        };
        // Any one of them says whose it is.
        let one = there.into_keys().filter(|path| want.source.files.contains_key(path)).take(1);
        for (_, seen) in seen(bucket, &want.prefix, one.collect()).await? {
            let marks = seen.marks();
            let is_it = match seek {
                Seek::Made(_) => tags::is_made(&marks, owner),
                Seek::Owned(_) | Seek::Identity => tags::is_owned(&marks, owner),
            };
            if is_it {
                return Ok(Some(want.id()));
            }
        }
        Ok(None)
    }

    /// One call a thousand objects; with `deleteExtra`, one more for each that is not of the folder.
    async fn read(&self, session: &Session, place: &Place) -> Result<Option<Found<Fields, Outputs>>, Fault> {
        let (name, prefix) = apart(&place.id);
        let bucket = Bucket { session, name };
        let there = match list(bucket, prefix).await {
            Err(fault) if fault.kind == FaultKind::Missing => return Ok(None),
            answer => answer?,
        };
        let recorded = texts(place.inputs.get("source").and_then(files));
        let mut etags = there.clone();
        let mut told = Fields::new();
        if recorded.is_empty() {
            if there.is_empty() {
                return Ok(None);
            }
            // What is being taken in has nothing recorded yet.
            let of = Reference { of: Target::Existing("S3Bucket".into()), id: name.into() };
            told.insert("bucket".into(), Value::Reference(of));
            told.insert("prefix".into(), Value::string(prefix));
        } else {
            if !recorded.keys().any(|path| there.contains_key(path)) {
                return Ok(None);
            }
            let known = texts(place.outputs.get("etags"));
            let mut found = as_found(&recorded, &known, &there);
            if place.inputs.get("deleteExtra") == Some(&Value::Bool(true)) {
                let extra = there.keys().filter(|path| !recorded.contains_key(*path)).cloned().collect();
                for (path, seen) in seen(bucket, prefix, extra).await? {
                    // Another component may keep its own here.
                    if !tags::is_anyones(&seen.marks()) || is_of(&seen, place) {
                        found.insert(path, format!("(not from the folder, {})", seen.etag.trim_matches('"')));
                    }
                }
            }
            etags.retain(|path, _| recorded.contains_key(path));
            let path = place.inputs.get("source").and_then(|source| field(source, "path")).cloned();
            let files = found.into_iter().map(|(path, hash)| (path, Value::string(hash)));
            let files = Value::Map(files.collect());
            told.insert("source".into(), data("Folder", [("path", path.unwrap_or(Value::Null)), ("files", files)]));
        }
        Ok(Some(Found { inputs: told, outputs: Outputs { etags }, health: Health::Live }))
    }

    async fn update(
        &self,
        session: &Session,
        place: &Place,
        old: Option<&Fields>,
        want: &Want,
        owner: &Owner,
    ) -> Result<Progress, Fault> {
        let (name, prefix) = apart(&place.id);
        let bucket = Bucket { session, name };
        let there = list(bucket, prefix).await?;
        let uploads = want.uploads(session)?;
        let before = texts(old.unwrap_or(&place.inputs).get("source").and_then(files));
        let same_rules = old.is_some_and(|old| is_served_alike(old, want));
        let is_settled = |path: &str, upload: &Upload| {
            same_rules && there.contains_key(path) && before.get(path) == Some(&upload.sha256)
        };
        let open: BTreeMap<String, Upload> = uploads
            .iter()
            .filter(|(path, upload)| !is_settled(path, upload))
            .map(|(a, b)| (a.clone(), b.clone()))
            .collect();
        // What an earlier turn, or an earlier try, has sent already.
        let present = open.keys().filter(|path| there.contains_key(*path)).cloned().collect();
        let seen = seen(bucket, prefix, present).await?;
        let left: Vec<Upload> = open
            .into_iter()
            .filter(|(path, upload)| !seen.get(path).is_some_and(|seen| upload.is_done(seen, owner)))
            .map(|(_, upload)| upload)
            .collect();
        let unsent = send(bucket, left, Some(owner)).await?;
        if unsent > 0 {
            return Ok(Progress::Waiting(format!("being uploaded: {unsent} of {} files left", uploads.len())));
        }
        // What pages refer to goes when the new pages are there.
        let gone = before.into_keys().filter(|path| !uploads.contains_key(path) && there.contains_key(path));
        take_away(bucket, prefix, gone.collect(), place).await?;
        Ok(Progress::Done)
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let (name, prefix) = apart(&place.id);
        let bucket = Bucket { session, name };
        let there = match list(bucket, prefix).await {
            Err(fault) if fault.kind == FaultKind::Missing => return Ok(Progress::Done),
            answer => answer?,
        };
        let recorded = texts(place.inputs.get("source").and_then(files));
        let known = texts(place.outputs.get("etags"));
        let all: BTreeSet<String> = recorded.into_keys().chain(known.keys().cloned()).collect();
        // What is still as we sent it is ours without a look.
        let (same, others): (Vec<String>, Vec<String>) = all
            .into_iter()
            .filter(|path| there.contains_key(path))
            .partition(|path| known.get(path) == there.get(path));
        let same = same.into_iter().map(|path| objects::identifier(format!("{prefix}{path}"), None));
        objects::delete(bucket, &same.collect::<Result<Vec<_>, _>>()?).await?;
        take_away(bucket, prefix, others, place).await?;
        Ok(Progress::Done)
    }
}

/// Files as they are found: with the recorded hash where the ETag is still the one that the upload had.
fn as_found(
    recorded: &BTreeMap<String, String>,
    known: &BTreeMap<String, String>,
    there: &Listing,
) -> BTreeMap<String, String> {
    let found = recorded.iter().filter_map(|(path, hash)| {
        let etag = there.get(path)?;
        let same = known.get(path).is_none_or(|known| known == etag);
        let hash = if same { hash.clone() } else { format!("(other bytes, {})", etag.trim_matches('"')) };
        Some((path.clone(), hash))
    });
    found.collect()
}

/// Whether every file is served as before, whatever is in it.
fn is_served_alike(old: &Fields, want: &Want) -> bool {
    texts(old.get("cacheControl")) == want.cache_control && texts(old.get("contentTypes")) == want.content_types
}

/// Deletes what is no other component's.
async fn take_away(bucket: Bucket<'_>, prefix: &str, paths: Vec<String>, place: &Place) -> Result<(), Fault> {
    let seen = seen(bucket, prefix, paths).await?;
    let ours = seen.into_iter().filter(|(_, seen)| !tags::is_anyones(&seen.marks()) || is_of(seen, place));
    let ours = ours.map(|(path, _)| objects::identifier(format!("{prefix}{path}"), None));
    objects::delete(bucket, &ours.collect::<Result<Vec<_>, _>>()?).await
}

/// Whether it says that it is of this component. Its environment is not known here; a component of the same name in
/// another one has no business in this place.
fn is_of(seen: &Seen, place: &Place) -> bool {
    seen.marks().get(crate::apply::provider::TAG_ADDRESS) == Some(&tags::address(&place.address))
}

fn field<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Data(data) => data.fields.get(name),
        Value::Map(entries) => entries.get(name),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Duration(_)
        | Value::Size(_)
        | Value::List(_)
        | Value::Reference(_)
        | Value::Secret(_) => None,
    }
}

fn files(source: &Value) -> Option<&Value> {
    field(source, "files")
}

/// The texts of a map.
fn texts(value: Option<&Value>) -> BTreeMap<String, String> {
    let Some(Value::Map(entries)) = value else { return BTreeMap::new() };
    entries.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_string()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    #[test]
    fn what_others_wrote_is_told_by_its_etag() {
        let recorded = map(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]);
        let known = map(&[("a", "\"x\""), ("b", "\"y\""), ("c", "\"z\"")]);
        let there = map(&[("a", "\"x\""), ("b", "\"other\""), ("d", "\"new\""), ("e", "\"extra\"")]);
        let found = as_found(&recorded, &known, &there);
        assert_eq!(found, map(&[("a", "1"), ("b", "(other bytes, other)"), ("d", "4")]));
    }
}
