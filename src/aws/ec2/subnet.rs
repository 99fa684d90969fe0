//! Parts of networks, each in one zone. A subnet has no token of its creation: it is found by its tags.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::types::{AttributeBooleanValue, Filter, ResourceType, Subnet as Item, SubnetState, Tag};
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
pub struct Subnet;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    vpc: String,
    cidr: String,
    availability_zone: Option<String>,
    public_ips: bool,
    #[serde(default)]
    tags: Tags,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    vpc: Option<Value>,
    cidr: Option<String>,
    availability_zone: Option<String>,
    public_ips: bool,
    tags: Tags,
}

#[derive(Serialize)]
pub struct Outputs {
    arn: String,
    zone: String,
}

#[async_trait]
impl Listed for Subnet {
    type Item = Item;
    const ID: &'static str = "subnet-id";
    const PLURAL: &'static str = "subnets";

    async fn list(&self, session: &Session, filters: Vec<Filter>) -> Result<Vec<Item>, Fault> {
        let call = Call::read("ec2:DescribeSubnets", "list subnets");
        let request = session.ec2().describe_subnets().set_filters(Some(filters)).into_paginator().page_size(1000);
        let mut pages = request.send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            all.extend_from_slice(page.map_err(|error| call.fault(&error))?.subnets());
        }
        Ok(all)
    }

    fn id(item: &Item) -> &str {
        item.subnet_id().unwrap_or_default()
    }

    fn tags(item: &Item) -> &[Tag] {
        item.tags()
    }

    fn seen(place: &Place, item: &Item) -> Option<Found<Told, Outputs>> {
        let health = match item.state() {
            Some(SubnetState::Available) | None => Health::Live,
            Some(state) => Health::Waiting(state.as_str().to_string()),
        };
        let told = Told {
            vpc: item.vpc_id().map(|id| told::reference(place, "vpc", "Vpc", id)),
            cidr: item.cidr_block().map(str::to_string),
            // Unset, it is Amazon's choice and no difference.
            availability_zone: match place.inputs.contains_key("availabilityZone") {
                true => item.availability_zone().map(str::to_string),
                false => None,
            },
            public_ips: item.map_public_ip_on_launch() == Some(true),
            tags: tags::of_user(&tagging::of(item.tags())),
        };
        let text = |text: Option<&str>| text.unwrap_or_default().to_string();
        let outputs = Outputs { arn: text(item.subnet_arn()), zone: text(item.availability_zone()) };
        Some(Found { inputs: told, outputs, health })
    }
}

#[async_trait]
impl Kind for Subnet {
    type Want = Want;
    type Told = Told;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience { consistency: Duration::from_secs(60), poll: Duration::from_secs(1), ..Patience::default() }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let purpose = format!("create the subnet `{}` of `{}`", want.cidr, want.vpc);
        let call = Call::write("ec2:CreateSubnet ec2:CreateTags", purpose);
        let sent = session
            .ec2()
            .create_subnet()
            .vpc_id(&want.vpc)
            .cidr_block(&want.cidr)
            .set_availability_zone(want.availability_zone.clone())
            .tag_specifications(tagging::of_new(ResourceType::Subnet, &want.tags, owner)?)
            .send();
        let answer = sent.await.map_err(|error| about_zone(call.fault(&error)))?;
        let id = tagging::made(answer.subnet().and_then(Item::subnet_id), "a subnet")?;
        Ok(Made { id, whole: !want.public_ips })
    }

    async fn find(&self, session: &Session, _want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        listed::find(self, session, seek).await
    }

    async fn read(&self, session: &Session, place: &Place) -> Seen<Subnet> {
        listed::read(self, session, place).await
    }

    async fn read_many(&self, session: &Arc<Session>, places: &[Place]) -> Vec<Seen<Subnet>> {
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
        if old.is_none_or(|old| old.get("publicIps") != Some(&Value::Bool(want.public_ips))) {
            let call = Call::write("ec2:ModifySubnetAttribute", format!("set the public addresses of `{id}`"));
            let on = AttributeBooleanValue::builder().value(want.public_ips).build();
            let sent = session.ec2().modify_subnet_attribute().subnet_id(id).map_public_ip_on_launch(on).send();
            sent.await.map_err(|error| call.fault(&error).on("publicIps"))?;
        }
        Ok(Progress::Done)
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let id = &*place.id;
        let call = Call::write("ec2:DeleteSubnet", format!("delete the subnet `{id}`"));
        let Err(error) = session.ec2().delete_subnet().subnet_id(id).send().await else {
            return Ok(Progress::Done);
        };
        let fault = call.fault(&error);
        match fault.kind {
            FaultKind::Missing => Ok(Progress::Done),
            FaultKind::Held => {
                let filters = vec![tagging::filter("subnet-id", [id])];
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
}

/// Amazon has one code for a wrong zone and for other wrong values; only the message says which.
fn about_zone(fault: Fault) -> Fault {
    let is_open = fault.attribute.is_none() && fault.kind == FaultKind::Refused;
    if is_open && fault.message.contains("availabilityZone") { fault.on("availabilityZone") } else { fault }
}
