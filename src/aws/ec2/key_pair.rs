//! Key pairs: the public half of a key, under a name. The private half never leaves its owner, so there is no
//! secret in here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::{Filter, KeyPairInfo, ResourceType, Tag};
use serde::{Deserialize, Serialize};

use super::listed::{self, Listed, Seen};
use super::tagging;
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek, TAG_LINEAGE};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::limits::public_key::is_same;
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
