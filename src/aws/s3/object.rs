//! One object: what is written on it, and how it is sent. Whose it is, and the hash of its bytes, stand in its
//! metadata, so that neither takes a call of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::parts::{self, Parts};
use super::settings::Bucket;
use super::words;
use crate::apply::provider::{Fault, FaultKind, Owner, TAG_ADDRESS};
use crate::aws::fault::Call;
use crate::aws::tags::{self, Tags};

/// Keys of metadata that are ours begin like this; those of an owner are the tags of one, with `-` for `:`.
const OURS: &str = "tadpole-";
const SHA256: &str = "tadpole-sha256";

/// What one upload may take: parts are large, and lines may be slow.
const PATIENCE: Duration = Duration::from_secs(1800);

/// What there is under a key.
pub struct Seen {
    pub etag: String,
    pub content_type: Option<String>,
    pub cache_control: Option<String>,
    metadata: BTreeMap<String, String>,
}

impl Seen {
    /// The hash of the bytes that it was uploaded with; nothing when that was not us.
    pub fn sha256(&self) -> Option<&str> {
        self.metadata.get(SHA256).map(String::as_str)
    }

    /// What is written on it in the way of tags.
    pub fn marks(&self) -> Tags {
        let mark =
            |(key, value): (&String, &String)| Some((format!("tadpole:{}", key.strip_prefix(OURS)?), value.clone()));
        self.metadata.iter().filter_map(mark).collect()
    }

    /// The metadata of the user.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        let own = self.metadata.iter().filter(|(key, _)| !key.starts_with(OURS));
        own.map(|(key, value)| (key.clone(), words::decoded(value))).collect()
    }
}

/// # Errors
/// Also when the caller may not ask; what is not there is nothing.
pub async fn look(bucket: Bucket<'_>, key: &str) -> Result<Option<Seen>, Fault> {
    // Without the second one, AWS answers a question for what is not there as if it were forbidden.
    let call = Call::read("s3:GetObject s3:ListBucket", format!("look at `{key}` in the bucket `{}`", bucket.name));
    let sent = bucket.session.s3().head_object().bucket(bucket.name).key(key).send().await;
    match sent.map_err(|error| call.fault(&error)) {
        Ok(answer) => Ok(Some(Seen {
            etag: answer.e_tag.unwrap_or_default(),
            content_type: answer.content_type,
            cache_control: answer.cache_control,
            metadata: answer.metadata.unwrap_or_default().into_iter().collect(),
        })),
        Err(fault) if fault.kind == FaultKind::Missing => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Where the bytes of an object come from.
#[derive(Clone)]
pub enum Body {
    Text(String),
    File(PathBuf),
}

/// An object to be written.
#[derive(Clone)]
pub struct Upload {
    pub key: String,
    pub body: Body,
    /// Of the bytes that the plan was made with: 64 hexadecimal digits.
    pub sha256: String,
    pub content_type: Option<String>,
    pub cache_control: Option<String>,
    pub metadata: BTreeMap<String, String>,
}

impl Upload {
    /// Sends it, whatever is there already. Without an owner, it is what an action sends, and belongs to nobody.
    ///
    /// # Errors
    /// Also when the bytes are not those any more that the plan was made with.
    pub async fn send(&self, bucket: Bucket<'_>, owner: Option<&Owner>) -> Result<(), Fault> {
        match &self.body {
            Body::Text(text) => self.whole(bucket, owner, text.clone().into_bytes()).await,
            Body::File(path) => match parts::open(path).await.map_err(|error| self.unread(path, &error))? {
                Parts::One(bytes) => self.whole(bucket, owner, bytes).await,
                Parts::Many(parts) => self.in_parts(bucket, owner, path, parts).await,
            },
        }
    }

    async fn whole(&self, bucket: Bucket<'_>, owner: Option<&Owner>, bytes: Vec<u8>) -> Result<(), Fault> {
        let digest = Sha256::digest(&bytes);
        self.compare(&hex(&digest))?;
        let call = self.call(bucket);
        let sent = bucket.session.s3().put_object().bucket(bucket.name).key(&self.key);
        let sent = sent
            .set_content_type(self.content_type.clone())
            .set_cache_control(self.cache_control.clone())
            .set_metadata(Some(self.written(owner).into_iter().collect()))
            // S3 refuses what did not arrive as it was sent.
            .checksum_sha256(STANDARD.encode(digest))
            .body(ByteStream::from(bytes));
        sent.customize().config_override(patient()).send().await.map(drop).map_err(|error| call.fault(&error))
    }

    /// What is too large for one call. Nothing is seen of it before it is complete.
    async fn in_parts(
        &self,
        bucket: Bucket<'_>,
        owner: Option<&Owner>,
        path: &Path,
        mut file: parts::File,
    ) -> Result<(), Fault> {
        let call = self.call(bucket);
        let client = bucket.session.s3();
        let begun = client.create_multipart_upload().bucket(bucket.name).key(&self.key);
        let begun = begun
            .set_content_type(self.content_type.clone())
            .set_cache_control(self.cache_control.clone())
            .set_metadata(Some(self.written(owner).into_iter().collect()))
            .checksum_algorithm(ChecksumAlgorithm::Crc32);
        let begun = begun.send().await.map_err(|error| call.fault(&error))?;
        let id = begun.upload_id.unwrap_or_default();
        let sent = async {
            let mut hash = Sha256::new();
            let mut done = Vec::new();
            let mut number = 0;
            while let Some(bytes) = file.next().await.map_err(|error| self.unread(path, &error))? {
                hash.update(&bytes);
                number += 1;
                let part = client.upload_part().bucket(bucket.name).key(&self.key).upload_id(&id).part_number(number);
                let part = part
                    .checksum_algorithm(ChecksumAlgorithm::Crc32)
                    .body(ByteStream::from(bytes))
                    .customize()
                    .config_override(patient());
                let answer = part.send().await.map_err(|error| call.fault(&error))?;
                done.push(
                    CompletedPart::builder()
                        .part_number(number)
                        .set_e_tag(answer.e_tag)
                        .set_checksum_crc32(answer.checksum_crc32)
                        .build(),
                );
            }
            self.compare(&hex(&hash.finalize()))?;
            let all = CompletedMultipartUpload::builder().set_parts(Some(done)).build();
            let complete = client.complete_multipart_upload().bucket(bucket.name).key(&self.key).upload_id(&id);
            let complete = complete.multipart_upload(all).customize().config_override(patient());
            complete.send().await.map(drop).map_err(|error| call.fault(&error))
        };
        let outcome = sent.await;
        if outcome.is_err() {
            // If this fails too, a lifecycle rule or the emptying of the bucket takes the parts away.
            let _ = client.abort_multipart_upload().bucket(bucket.name).key(&self.key).upload_id(&id).send().await;
        }
        outcome
    }

    /// Its metadata. What an action sends is nobody's.
    pub fn written(&self, owner: Option<&Owner>) -> BTreeMap<String, String> {
        let mut all: BTreeMap<String, String> =
            self.metadata.iter().map(|(key, value)| (key.to_ascii_lowercase(), words::encoded(value))).collect();
        let marks = owner.map(tags::of_owner).unwrap_or_default().into_iter();
        all.extend(marks.map(|(key, value)| (key.replace(':', "-"), value)));
        all.insert(SHA256.into(), self.sha256.clone());
        all
    }

    /// Whether an object is as this would make it.
    pub fn is_done(&self, seen: &Seen, owner: &Owner) -> bool {
        tags::is_owned(&seen.marks(), owner) && self.is_same(seen)
    }

    /// As [`Upload::is_done`], whoever made it.
    pub fn is_same(&self, seen: &Seen) -> bool {
        let own: BTreeMap<String, &str> =
            self.metadata.iter().map(|(key, value)| (key.to_ascii_lowercase(), value.as_str())).collect();
        seen.sha256() == Some(&self.sha256)
            && same_metadata(&own, &seen.metadata())
            && seen.cache_control == self.cache_control
            && (self.content_type.is_none() || seen.content_type == self.content_type)
    }

    fn compare(&self, found: &str) -> Result<(), Fault> {
        if found == self.sha256 {
            return Ok(());
        }
        let what = match &self.body {
            Body::Text(_) => "the content".to_string(),
            Body::File(path) => format!("`{}`", path.display()),
        };
        let text = format!("{what} is not any more what the plan was made with, so `{}` is not uploaded", self.key);
        Err(Fault::new(FaultKind::Refused, text).on("source").help("apply again, with a new plan"))
    }

    fn unread(&self, path: &Path, error: &std::io::Error) -> Fault {
        let text = format!("`{}` cannot be read, so `{}` is not uploaded: {error}", path.display(), self.key);
        Fault::new(FaultKind::Refused, text).on("source").help("apply again, with a new plan")
    }

    fn call(&self, bucket: Bucket<'_>) -> Call {
        Call::write("s3:PutObject", format!("upload `{}` to the bucket `{}`", self.key, bucket.name))
    }
}

/// Whether metadata, by names without capitals, is what S3 tells of it.
pub fn same_metadata(wanted: &BTreeMap<String, &str>, told: &BTreeMap<String, String>) -> bool {
    let same = |(key, value): (&String, &&str)| told.get(key).is_some_and(|told| words::same(value, told));
    wanted.len() == told.len() && wanted.iter().all(same)
}

fn patient() -> aws_sdk_s3::config::Builder {
    aws_sdk_s3::config::Builder::new().timeout_config(TimeoutConfig::builder().operation_timeout(PATIENCE).build())
}

pub fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A key as a part of an address.
pub fn escaped(key: &str) -> String {
    let mut text = String::new();
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// The bucket and the key in an id.
pub fn apart(id: &str) -> (&str, &str) {
    id.split_once('/').unwrap_or((id, ""))
}

/// What to say of an object that is in the way.
pub fn taken(bucket: &str, key: &str, marks: &Tags, owner: &Owner) -> Fault {
    let whose = match marks.get(TAG_ADDRESS) {
        Some(address) if tags::is_same_environment(marks, owner) => {
            format!(", made by `{address}` of this environment")
        }
        Some(address) => format!(", made by `{address}` of another environment"),
        None => ", and nothing on it says who made it".to_string(),
    };
    Fault::new(FaultKind::Taken, format!("`{key}` exists already in the bucket `{bucket}`{whose}"))
        .help("move or delete it, or take it in with `tadpole import`; nothing is overwritten that is not ours")
}

/// What a browser is told that a file is, by the ending of its name.
pub fn content_type(key: &str) -> String {
    let guess = mime_guess::from_path(key).first_or_octet_stream();
    // A browser takes a text without this for one of the last century.
    if guess.type_() == "text" { format!("{guess}; charset=utf-8") } else { guess.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_name_says() {
        for (key, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a/b.CSS", "text/css; charset=utf-8"),
            ("a.png", "image/png"),
            ("a.json", "application/json"),
            ("a.wasm", "application/wasm"),
            ("CNAME", "application/octet-stream"),
        ] {
            assert_eq!(content_type(key), expected, "{key}");
        }
    }

    #[test]
    fn what_is_written_on_an_object_says_whose_it_is() {
        let owner = Owner { lineage: "l".into(), address: "web[0]".parse().unwrap(), token: "t".into() };
        let upload = Upload {
            key: "k".into(),
            body: Body::Text("x".into()),
            sha256: "abc".into(),
            content_type: None,
            cache_control: Some("no-cache".into()),
            metadata: BTreeMap::from([("Team".into(), "a".into())]),
        };
        let seen = Seen {
            etag: String::new(),
            content_type: Some("text/plain".into()),
            cache_control: Some("no-cache".into()),
            metadata: upload.written(Some(&owner)),
        };
        assert!(tags::is_made(&seen.marks(), &owner) && tags::is_owned(&seen.marks(), &owner));
        assert_eq!(seen.metadata(), BTreeMap::from([("team".into(), "a".into())]));
        assert!(upload.is_done(&seen, &owner));
        assert!(!Upload { cache_control: None, ..upload.clone() }.is_done(&seen, &owner));
        assert!(!Upload { sha256: "abd".into(), ..upload.clone() }.is_done(&seen, &owner));
        assert!(!upload.is_done(&seen, &Owner { address: "other".parse().unwrap(), ..owner.clone() }));
    }
}
