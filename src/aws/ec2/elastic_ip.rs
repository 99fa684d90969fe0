//! Addresses that stay the same, and what answers at them now. AllocateAddress has no token: an address is found
//! by the tags of the call that made it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::types::{Address, DomainType, Filter, ResourceType, Tag};
use serde::{Deserialize, Serialize};

use super::listed::{self, Listed, Seen};
use super::tagging;
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::aws::told;
use crate::value::{Fields, Value};

#[derive(Clone, Copy)]
pub struct ElasticIp;

#[derive(Deserialize)]
pub struct Want {
    instance: Option<String>,
    #[serde(default)]
    tags: Tags,
}

#[derive(Serialize)]
pub struct Told {
    instance: Option<Value>,
    tags: Option<Tags>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    public_ip: Option<String>,
    allocation_id: Option<String>,
}

#[async_trait]
impl Listed for ElasticIp {
    type Item = Address;
    const ID: &'static str = "allocation-id";
    const PLURAL: &'static str = "addresses";

    /// AWS lists addresses in one answer.
    async fn list(&self, session: &Session, filters: Vec<Filter>) -> Result<Vec<Address>, Fault> {
        let call = Call::read("ec2:DescribeAddresses", "list elastic addresses");
        let sent = session.ec2().describe_addresses().set_filters(Some(filters)).send();
        Ok(sent.await.map_err(|error| call.fault(&error))?.addresses.unwrap_or_default())
    }

    fn id(item: &Address) -> &str {
        item.allocation_id().unwrap_or_default()
    }

    fn tags(item: &Self::Item) -> &[Tag] {
        item.tags()
    }

    fn seen(place: &Place, item: &Address) -> Option<Found<Told, Outputs>> {
        // What is null is not told, and that it leads nowhere has to be: to an instance without an id.
        let user = user(item).unwrap_or_default();
        let instance = told::is_set(place, "instance").then(|| told::reference(place, "instance", "Instance", user));
        let inputs = Told { instance, tags: Some(tags::of_user(&tagging::of(item.tags()))) };
        let outputs = Outputs {
            public_ip: item.public_ip().map(str::to_string),
            allocation_id: item.allocation_id().map(str::to_string),
        };
        Some(Found { inputs, outputs, health: Health::Live })
    }
}

/// The machine that answers at it.
fn user(item: &Address) -> Option<&str> {
    item.instance_id().filter(|id| !id.is_empty())
}

#[async_trait]
impl Kind for ElasticIp {
    type Want = Want;
    type Told = Told;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience { consistency: Duration::from_secs(30), poll: Duration::from_secs(1), ..Patience::default() }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let call = Call::write("ec2:AllocateAddress ec2:CreateTags", "allocate an elastic address");
        let tags = tagging::of_new(ResourceType::ElasticIp, &want.tags, owner)?;
        let sent = session.ec2().allocate_address().domain(DomainType::Vpc).tag_specifications(tags).send();
        let answer = sent.await.map_err(|error| call.fault(&error))?;
        let id = tagging::made(answer.allocation_id(), "an elastic address")?;
        Ok(Made { id, whole: want.instance.is_none() })
    }

    async fn find(&self, session: &Session, _want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        listed::find(self, session, seek).await
    }

    async fn read(&self, session: &Session, place: &Place) -> Seen<ElasticIp> {
        listed::read(self, session, place).await
    }

    async fn read_many(&self, session: &Arc<Session>, places: &[Place]) -> Vec<Seen<ElasticIp>> {
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
        let id = &*place.id;
        let missing = || Fault::new(FaultKind::Missing, format!("the elastic address `{id}` does not exist"));
        let now = listed::one(self, session, id).await?.ok_or_else(missing)?;
        if tags::differ(old, &want.tags) {
            tagging::change(session, id, &tagging::of(now.tags()), &want.tags, owner).await?;
        }
        match (&want.instance, user(&now)) {
            (Some(wanted), user) if user != Some(wanted) => {
                let call = Call::write("ec2:AssociateAddress", format!("lead `{id}` to `{wanted}`"));
                let sent = session.ec2().associate_address().allocation_id(id).instance_id(wanted);
                // It is ours, wherever it leads now.
                let sent = sent.allow_reassociation(true).send();
                sent.await.map_err(|error| call.fault(&error).on("instance"))?;
            }
            // Where a program never said anything, somebody else may.
            (None, Some(_)) if old.is_some_and(|old| old.contains_key("instance")) => {
                disassociate(session, &now).await?;
            }
            (Some(_) | None, Some(_) | None) => {}
        }
        Ok(Progress::Done)
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let id = &*place.id;
        let Some(now) = listed::one(self, session, id).await? else { return Ok(Progress::Done) };
        disassociate(session, &now).await?;
        let call = Call::write("ec2:ReleaseAddress", format!("release the elastic address `{id}`"));
        let Err(error) = session.ec2().release_address().allocation_id(id).send().await else {
            return Ok(Progress::Done);
        };
        let fault = call.fault(&error);
        match fault.kind {
            FaultKind::Missing => Ok(Progress::Done),
            // What had it was deleted, or has let go of it just now.
            FaultKind::Held => Ok(Progress::Waiting("still in use by what it led to".to_string())),
            FaultKind::Throttled
            | FaultKind::Unavailable
            | FaultKind::Unknown
            | FaultKind::Taken
            | FaultKind::Denied
            | FaultKind::Refused => Err(fault),
        }
    }
}

/// Has it lead nowhere.
async fn disassociate(session: &Session, now: &Address) -> Result<(), Fault> {
    let Some(association) = now.association_id() else { return Ok(()) };
    let id = ElasticIp::id(now);
    let call = Call::write("ec2:DisassociateAddress", format!("take `{id}` from what it leads to"));
    let sent = session.ec2().disassociate_address().association_id(association).send();
    match sent.await.map_err(|error| call.fault(&error)) {
        Err(fault) if fault.kind != FaultKind::Missing => Err(fault),
        Ok(_) | Err(_) => Ok(()),
    }
}
