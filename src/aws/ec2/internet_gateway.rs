//! Ways of networks to the internet. A gateway is made by itself, and attached by an update: so its creation is
//! never whole. It has no token: it is found by its tags.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::types::{AttachmentStatus, Filter, InternetGateway as Item, ResourceType, Tag};
use serde::{Deserialize, Serialize};

use super::listed::{self, Listed, Seen};
use super::{holders, tagging};
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::aws::told;
use crate::value::{Fields, Value};

#[derive(Clone, Copy)]
pub struct InternetGateway;

#[derive(Deserialize)]
pub struct Want {
    vpc: String,
    #[serde(default)]
    tags: Tags,
}

#[derive(Serialize)]
pub struct Told {
    vpc: Value,
    tags: Tags,
}

#[derive(Serialize)]
pub struct Outputs {}

#[async_trait]
impl Listed for InternetGateway {
    type Item = Item;
    const ID: &'static str = "internet-gateway-id";
    const PLURAL: &'static str = "internet gateways";

    async fn list(&self, session: &Session, filters: Vec<Filter>) -> Result<Vec<Item>, Fault> {
        let call = Call::read("ec2:DescribeInternetGateways", "list internet gateways");
        let request = session.ec2().describe_internet_gateways().set_filters(Some(filters));
        let mut pages = request.into_paginator().page_size(1000).send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            all.extend_from_slice(page.map_err(|error| call.fault(&error))?.internet_gateways());
        }
        Ok(all)
    }

    fn id(item: &Item) -> &str {
        item.internet_gateway_id().unwrap_or_default()
    }

    fn tags(item: &Item) -> &[Tag] {
        item.tags()
    }

    fn seen(place: &Place, item: &Item) -> Option<Found<Told, Outputs>> {
        let (vpc, health) = match attached(item) {
            // Attached to nothing: that is not what anybody wrote.
            None => (Value::string(""), Health::Live),
            Some((vpc, AttachmentStatus::Attaching | AttachmentStatus::Detaching)) => {
                (told::reference(place, "vpc", "Vpc", vpc), Health::Waiting("attaching".to_string()))
            }
            Some((vpc, _)) => (told::reference(place, "vpc", "Vpc", vpc), Health::Live),
        };
        let told = Told { vpc, tags: tags::of_user(&tagging::of(item.tags())) };
        Some(Found { inputs: told, outputs: Outputs {}, health })
    }
}

/// The network that it is attached to, and how. A gateway has one at most.
fn attached(item: &Item) -> Option<(&str, AttachmentStatus)> {
    let attachment = item.attachments().iter().find(|one| one.state() != Some(&AttachmentStatus::Detached))?;
    // EC2 says `available` for what is attached.
    Some((attachment.vpc_id()?, attachment.state().cloned().unwrap_or(AttachmentStatus::Attached)))
}

#[async_trait]
impl Kind for InternetGateway {
    type Want = Want;
    type Told = Told;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience { consistency: Duration::from_secs(60), poll: Duration::from_secs(1), ..Patience::default() }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let call = Call::write("ec2:CreateInternetGateway ec2:CreateTags", "create an internet gateway");
        let tags = tagging::of_new(ResourceType::InternetGateway, &want.tags, owner)?;
        let sent = session.ec2().create_internet_gateway().tag_specifications(tags).send();
        let answer = sent.await.map_err(|error| call.fault(&error))?;
        let id = answer.internet_gateway().and_then(Item::internet_gateway_id);
        Ok(Made { id: tagging::made(id, "an internet gateway")?, whole: false })
    }

    async fn find(&self, session: &Session, _want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        listed::find(self, session, seek).await
    }

    async fn read(&self, session: &Session, place: &Place) -> Seen<InternetGateway> {
        listed::read(self, session, place).await
    }

    async fn read_many(&self, session: &Arc<Session>, places: &[Place]) -> Vec<Seen<InternetGateway>> {
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
        tagging::update(session, id, old, &want.tags, owner).await?;
        if old.and_then(|old| old.get("vpc")).and_then(Value::as_str) == Some(&want.vpc) {
            return Ok(Progress::Done);
        }
        let Some(item) = listed::one(self, session, id).await? else {
            return Err(Fault::new(FaultKind::Missing, format!("the internet gateway `{id}` does not exist")));
        };
        match attached(&item) {
            Some((vpc, _)) if vpc == want.vpc => return Ok(Progress::Done),
            // It is never taken off a network in which something runs: another network gets a gateway of its own.
            Some(_) | None => {}
        }
        let call = Call::write("ec2:AttachInternetGateway", format!("attach `{id}` to `{}`", want.vpc));
        let sent = session.ec2().attach_internet_gateway().internet_gateway_id(id).vpc_id(&want.vpc).send();
        sent.await.map_err(|error| call.fault(&error).on("vpc"))?;
        Ok(Progress::Done)
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let id = &*place.id;
        let Some(item) = listed::one(self, session, id).await? else { return Ok(Progress::Done) };
        if let Some((vpc, _)) = attached(&item)
            && let Progress::Waiting(on) = detach(session, id, vpc).await?
        {
            return Ok(Progress::Waiting(on));
        }
        let call = Call::write("ec2:DeleteInternetGateway", format!("delete the internet gateway `{id}`"));
        match session.ec2().delete_internet_gateway().internet_gateway_id(id).send().await {
            Ok(_) => Ok(Progress::Done),
            Err(error) => tagging::gone_or_going(call.fault(&error)),
        }
    }
}

/// Takes it off a network. What is not attached any more is off.
async fn detach(session: &Session, id: &str, vpc: &str) -> Result<Progress, Fault> {
    let call = Call::write("ec2:DetachInternetGateway", format!("detach `{id}` from `{vpc}`"));
    let Err(error) = session.ec2().detach_internet_gateway().internet_gateway_id(id).vpc_id(vpc).send().await else {
        return Ok(Progress::Done);
    };
    let fault = call.fault(&error);
    match fault.kind {
        FaultKind::Missing => Ok(Progress::Done),
        // A public address in the network needs the gateway.
        FaultKind::Held => {
            let filters = vec![tagging::filter("vpc-id", [vpc]), tagging::filter("association.public-ip", ["*"])];
            listed::held(fault, id, holders::interfaces(session, filters).await)
        }
        FaultKind::Throttled
        | FaultKind::Unavailable
        | FaultKind::Unknown
        | FaultKind::Taken
        | FaultKind::Denied
        | FaultKind::Refused => Err(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ec2::types::InternetGatewayAttachment;

    #[test]
    fn what_is_detached_is_attached_to_nothing() {
        let item = |state: &str| {
            let attachment = InternetGatewayAttachment::builder().vpc_id("vpc-1").state(AttachmentStatus::from(state));
            Item::builder().attachments(attachment.build()).build()
        };
        for (state, is_attached) in
            [("available", true), ("attached", true), ("attaching", true), ("detaching", true), ("detached", false)]
        {
            assert_eq!(attached(&item(state)).is_some(), is_attached, "{state}");
        }
        assert!(attached(&Item::builder().build()).is_none());
    }
}
