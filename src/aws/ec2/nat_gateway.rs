//! Ways out of private subnets. A gateway takes minutes to come and to go, and both are its states: what is
//! deleted is listed for an hour longer.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::types::{Filter, NatGateway as Item, NatGatewayAddress, NatGatewayState, ResourceType, Tag};
use serde::{Deserialize, Serialize};

use super::listed::{self, Listed, Seen};
use super::tagging;
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek, usually};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::aws::told;
use crate::state::Operation;
use crate::value::{Fields, Value};

#[derive(Clone, Copy)]
pub struct NatGateway;

#[derive(Deserialize)]
pub struct Want {
    subnet: String,
    address: String,
    #[serde(default)]
    tags: Tags,
}

#[derive(Serialize)]
pub struct Told {
    subnet: Option<Value>,
    address: Option<Value>,
    tags: Tags,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    public_ip: Option<String>,
    private_ip: Option<String>,
}

#[async_trait]
impl Listed for NatGateway {
    type Item = Item;
    const ID: &'static str = "nat-gateway-id";
    const PLURAL: &'static str = "NAT gateways";

    async fn list(&self, session: &Session, filters: Vec<Filter>) -> Result<Vec<Item>, Fault> {
        let call = Call::read("ec2:DescribeNatGateways", "list NAT gateways");
        let request = session.ec2().describe_nat_gateways().set_filter(Some(filters));
        let mut pages = request.into_paginator().page_size(1000).send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            all.extend_from_slice(page.map_err(|error| call.fault(&error))?.nat_gateways());
        }
        Ok(all)
    }

    fn id(item: &Item) -> &str {
        item.nat_gateway_id().unwrap_or_default()
    }

    fn tags(item: &Item) -> &[Tag] {
        item.tags()
    }

    fn is_alive(item: &Item) -> bool {
        !matches!(item.state(), Some(NatGatewayState::Deleted | NatGatewayState::Deleting | NatGatewayState::Failed))
    }

    fn seen(place: &Place, item: &Item) -> Option<Found<Told, Outputs>> {
        let health = health(item)?;
        // A gateway that was given more addresses by hand has a first one all the same.
        let addresses = item.nat_gateway_addresses();
        let primary = addresses.iter().find(|one| one.is_primary() == Some(true)).or_else(|| addresses.first());
        let text = |get: fn(&NatGatewayAddress) -> Option<&str>| primary.and_then(get).map(str::to_string);
        let address = primary.and_then(NatGatewayAddress::allocation_id);
        let told = Told {
            subnet: item.subnet_id().map(|id| told::reference(place, "subnet", "Subnet", id)),
            address: address.map(|id| told::reference(place, "address", "ElasticIp", id)),
            tags: tags::of_user(&tagging::of(item.tags())),
        };
        let outputs =
            Outputs { public_ip: text(NatGatewayAddress::public_ip), private_ip: text(NatGatewayAddress::private_ip) };
        Some(Found { inputs: told, outputs, health })
    }
}

/// How it is; nothing when it is gone.
fn health(item: &Item) -> Option<Health> {
    match item.state() {
        Some(NatGatewayState::Deleted) => None,
        Some(NatGatewayState::Available) | None => Some(Health::Live),
        // One that failed goes by itself after a while.
        Some(NatGatewayState::Failed) => {
            let why = item.failure_message().unwrap_or("aws does not say why");
            Some(Health::Dead(format!("it could not be made: {why}")))
        }
        Some(state) => Some(Health::Waiting(state.as_str().to_string())),
    }
}

#[async_trait]
impl Kind for NatGateway {
    type Want = Want;
    type Told = Told;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience {
            consistency: Duration::from_secs(60),
            poll: Duration::from_secs(5),
            readiness: Duration::from_secs(900),
            deletion: Duration::from_secs(900),
        }
    }

    fn usually(&self, operation: Operation) -> Duration {
        match operation {
            Operation::Create => Duration::from_secs(110),
            Operation::Delete => Duration::from_secs(60),
            Operation::Update => usually(operation),
        }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let purpose = format!("create a NAT gateway in `{}`", want.subnet);
        let call = Call::write("ec2:CreateNatGateway ec2:CreateTags", purpose);
        let sent = session
            .ec2()
            .create_nat_gateway()
            .subnet_id(&want.subnet)
            .allocation_id(&want.address)
            .client_token(&*owner.token)
            .tag_specifications(tagging::of_new(ResourceType::Natgateway, &want.tags, owner)?)
            .send();
        let answer = sent.await.map_err(|error| call.fault(&error))?;
        let id = tagging::made(answer.nat_gateway().and_then(Item::nat_gateway_id), "a NAT gateway")?;
        Ok(Made { id, whole: true })
    }

    async fn find(&self, session: &Session, _want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        listed::find(self, session, seek).await
    }

    async fn read(&self, session: &Session, place: &Place) -> Seen<NatGateway> {
        listed::read(self, session, place).await
    }

    async fn read_many(&self, session: &Arc<Session>, places: &[Place]) -> Vec<Seen<NatGateway>> {
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
        tagging::update(session, &place.id, old, &want.tags, owner).await?;
        Ok(Progress::Done)
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let id = &*place.id;
        let call = Call::write("ec2:DeleteNatGateway", format!("delete the NAT gateway `{id}`"));
        match session.ec2().delete_nat_gateway().nat_gateway_id(id).send().await {
            Ok(_) => Ok(Progress::Done),
            Err(error) => match call.fault(&error) {
                // One that is on its way out may be refused a second time.
                fault if fault.kind == FaultKind::Held => match listed::one(self, session, id).await? {
                    Some(item) if item.state() == Some(&NatGatewayState::Deleting) => Ok(Progress::Done),
                    Some(_) => Err(fault),
                    None => Ok(Progress::Done),
                },
                fault => tagging::gone_is_done(fault),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_health_of_a_gateway_is_its_state() {
        let item = |state: &str| Item::builder().state(NatGatewayState::from(state)).failure_message("no room").build();
        let waiting = |text: &str| Some(Health::Waiting(text.to_string()));
        for (state, expected) in [
            ("pending", waiting("pending")),
            ("available", Some(Health::Live)),
            ("deleting", waiting("deleting")),
            ("deleted", None),
            ("failed", Some(Health::Dead("it could not be made: no room".to_string()))),
        ] {
            assert_eq!(health(&item(state)), expected, "{state}");
            assert_eq!(NatGateway::is_alive(&item(state)), ["pending", "available"].contains(&state), "{state}");
        }
    }
}
