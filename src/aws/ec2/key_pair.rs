//! Key pairs: the public half of a key, under a name. The private half never leaves its owner, so there is no
//! secret in here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::{Filter, KeyPairInfo, ResourceType, Tag};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::listed::{self, Listed, Seen};
use super::tagging;
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek, TAG_LINEAGE};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::value::{Fields, Value};

#[derive(Clone, Copy)]
pub struct KeyPair;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    key_name: String,
    public_key: String,
    #[serde(default)]
    tags: Tags,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    key_name: Option<String>,
    public_key: Option<String>,
    tags: Option<Tags>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    fingerprint: Option<String>,
    key_type: Option<String>,
}

#[async_trait]
impl Listed for KeyPair {
    type Item = KeyPairInfo;
    const ID: &'static str = "key-name";
    const PLURAL: &'static str = "key pairs";

    /// AWS lists key pairs in one answer.
    async fn list(&self, session: &Session, filters: Vec<Filter>) -> Result<Vec<KeyPairInfo>, Fault> {
        let call = Call::read("ec2:DescribeKeyPairs", "list key pairs");
        let sent = session.ec2().describe_key_pairs().set_filters(Some(filters)).include_public_key(true).send();
        Ok(sent.await.map_err(|error| call.fault(&error))?.key_pairs.unwrap_or_default())
    }

    fn id(item: &KeyPairInfo) -> &str {
        item.key_name().unwrap_or_default()
    }

    fn tags(item: &Self::Item) -> &[Tag] {
        item.tags()
    }

    fn seen(place: &Place, item: &KeyPairInfo) -> Option<Found<Told, Outputs>> {
        let recorded = place.inputs.get("publicKey").and_then(Value::as_str);
        let public_key = item.public_key().map(|told| match recorded {
            Some(recorded) if is_same(recorded, told) => recorded.to_string(),
            Some(_) | None => told.trim().to_string(),
        });
        let inputs = Told {
            key_name: item.key_name().map(str::to_string),
            public_key,
            tags: Some(tags::of_user(&tagging::of(item.tags()))),
        };
        let outputs = Outputs {
            fingerprint: item.key_fingerprint().map(str::to_string),
            key_type: item.key_type().map(|kind| kind.as_str().to_string()),
        };
        Some(Found { inputs, outputs, health: Health::Live })
    }
}

#[async_trait]
impl Kind for KeyPair {
    type Want = Want;
    type Told = Told;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience {
            consistency: Duration::from_secs(20),
            poll: Duration::from_secs(1),
            deletion: Duration::from_secs(60),
            ..Patience::default()
        }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let name = &want.key_name;
        let made = Made { id: name.as_str().into(), whole: true };
        let call = Call::write("ec2:ImportKeyPair ec2:CreateTags", format!("import the key pair `{name}`"));
        let sent = session
            .ec2()
            .import_key_pair()
            .key_name(name)
            .public_key_material(Blob::new(want.public_key.trim()))
            .tag_specifications(tagging::of_new(ResourceType::KeyPair, &want.tags, owner)?)
            .send();
        let Err(error) = sent.await else { return Ok(made) };
        let fault = call.fault(&error);
        if fault.kind != FaultKind::Taken {
            return Err(fault);
        }
        let help = "write `startActions [];` to use it as it is, or choose another name";
        match listed::one(self, session, name).await?.map(|info| tagging::of(info.tags())) {
            // An earlier try of this very operation did it.
            Some(present) if tags::is_made(&present, owner) => Ok(made),
            Some(present) => {
                Err(tagging::taken(&format!("the key pair `{name}`"), &present, owner).on("keyName").help(help))
            }
            None => Err(fault.help(help)),
        }
    }

    async fn find(&self, session: &Session, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        let mut filters = vec![tagging::exactly("key-name", [want.key_name.as_str()])];
        filters.extend(tagging::sought(seek).into_iter().flatten());
        listed::only(Self::PLURAL, self.list(session, filters).await?.iter().map(Self::id))
    }

    async fn read(&self, session: &Session, place: &Place) -> Seen<KeyPair> {
        listed::read(self, session, place).await
    }

    async fn read_many(&self, session: &Arc<Session>, places: &[Place]) -> Vec<Seen<KeyPair>> {
        listed::read_many(self, session, places).await
    }

    async fn update(
        &self,
        session: &Session,
        place: &Place,
        old: Option<&Fields>,
        want: &Want,
        owner: &Owner,
    ) -> Result<Progress, Fault> {
        if tags::differ(old, &want.tags) {
            let missing = || Fault::new(FaultKind::Missing, format!("the key pair `{}` does not exist", place.id));
            let info = listed::one(self, session, &place.id).await?.ok_or_else(missing)?;
            let id = info.key_pair_id().unwrap_or_default();
            tagging::change(session, id, &tagging::of(info.tags()), &want.tags, owner).await?;
        }
        Ok(Progress::Done)
    }

    /// One that is not there is no error for AWS either.
    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let call = Call::write("ec2:DeleteKeyPair", format!("delete the key pair `{}`", place.id));
        match session.ec2().delete_key_pair().key_name(&*place.id).send().await.map_err(|error| call.fault(&error)) {
            Err(fault) if fault.kind != FaultKind::Missing => Err(fault),
            Ok(_) | Err(_) => Ok(Progress::Done),
        }
    }
}

/// The names of an environment's key pairs by their ids: everything but the index of tags goes by the names.
///
/// # Errors
/// When they cannot be listed.
pub async fn names(session: &Session, lineage: &str) -> Result<BTreeMap<String, String>, Fault> {
    let items = KeyPair.list(session, vec![tagging::tagged(TAG_LINEAGE, [lineage])]).await?;
    Ok(items.iter().filter_map(|item| Some((item.key_pair_id()?.to_string(), item.key_name()?.to_string()))).collect())
}

/// Whether two texts are the same public key: comments, white space and the form in which it is written
/// (OpenSSH, RFC 4716, PEM) do not count.
fn is_same(one: &str, two: &str) -> bool {
    match (bytes(one), bytes(two)) {
        (Some(one), Some(two)) => one == two || holds(&one, &two) || holds(&two, &one),
        (None, _) | (_, None) => one.trim() == two.trim(),
    }
}

/// The bytes of a key in any of its forms.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let coded: String = if text.starts_with("--") {
        // RFC 4716 has headers, which have a colon, and a backslash where they go on.
        let mut goes_on = false;
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("--"));
        lines
            .filter(|line| {
                let is_header = goes_on || line.contains(':');
                goes_on = is_header && line.ends_with('\\');
                !is_header
            })
            .collect()
    } else {
        let mut words = text.split_whitespace();
        let first = words.next()?;
        // In the OpenSSH form the type comes first; without it, it is bare Base64, in however many lines.
        match first.starts_with("ssh-") || first.starts_with("ecdsa-") || first.starts_with("sk-") {
            true => words.next()?.to_string(),
            false => text.split_whitespace().collect(),
        }
    };
    BASE64.decode(coded).ok().filter(|bytes| !bytes.is_empty())
}

/// Whether a key in ASN.1 (PEM, DER) is the one that SSH writes as fields with their lengths: its last field,
/// the modulus or the point, decides which key it is, and stands in both.
fn holds(asn1: &[u8], ssh: &[u8]) -> bool {
    let last = || {
        let mut rest = ssh;
        let mut last: &[u8] = &[];
        while !rest.is_empty() {
            let (length, behind) = rest.split_first_chunk::<4>()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            last = behind.get(..length)?;
            rest = &behind[length..];
        }
        Some(last)
    };
    let last = if asn1.first() == Some(&0x30) { last() } else { None };
    last.is_some_and(|last| last.len() >= 32 && asn1.windows(last.len()).any(|part| part == last))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SSH: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINsGQJbQZFgVeiIXPSLkPPe+7KnmbwGkeQQH2HLIbjxY arjan@desk";
    const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINsGQJbQZFgVeiIXPSLkPPe+7KnmbwGkeQQH2HLIbjxZ arjan@desk";

    /// The same key in the form of openssl, by its own bytes.
    fn pem() -> String {
        let ssh = bytes(SSH).unwrap();
        let mut der = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        der.extend(&ssh[ssh.len() - 32..]);
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64.encode(der))
    }

    #[test]
    fn a_key_is_the_same_in_every_form() {
        let coded = SSH.split(' ').nth(1).unwrap();
        let rfc = format!(
            "---- BEGIN SSH2 PUBLIC KEY ----\nComment: \"arjan, \\\nat his desk\"\n{}\n{}\n---- END SSH2 PUBLIC KEY ----\n",
            &coded[..40],
            &coded[40..]
        );
        for same in [format!("{SSH}\n"), format!("ssh-ed25519  {coded}"), coded.to_string(), rfc, pem()] {
            assert!(is_same(SSH, &same) && is_same(&same, SSH), "{same}");
            assert!(!is_same(OTHER, &same), "{same}");
        }
    }

    #[test]
    fn what_is_no_key_is_compared_as_it_is() {
        assert!(is_same("no key\n", "no key") && !is_same("no key", "another"));
        assert!(!is_same("", SSH));
    }
}
