//! Networks. A VPC has no token of its creation: it is found by its tags, which its creation writes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::types::{
    AttributeBooleanValue, Filter, ResourceType, Tag, Vpc as Listing, VpcAttributeName, VpcState,
};
use serde::{Deserialize, Serialize};

use super::listed::{self, Listed, Seen};
use super::{holders, tagging};
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::value::{Fields, Value};

#[derive(Clone, Copy)]
pub struct Vpc;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    cidr: String,
    dns_support: bool,
    dns_hostnames: bool,
    #[serde(default)]
    tags: Tags,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    cidr: Option<String>,
    dns_support: bool,
    dns_hostnames: bool,
    tags: Tags,
}

#[derive(Serialize)]
pub struct Outputs {}

/// A VPC with what its listing leaves out.
pub struct Item {
    listing: Listing,
    dns_support: bool,
    dns_hostnames: bool,
}

#[async_trait]
impl Listed for Vpc {
    type Item = Item;
    const ID: &'static str = "vpc-id";
    const PLURAL: &'static str = "VPCs";

    async fn list(&self, session: &Session, filters: Vec<Filter>) -> Result<Vec<Item>, Fault> {
        let call = Call::read("ec2:DescribeVpcs", "list VPCs");
        let request = session.ec2().describe_vpcs().set_filters(Some(filters)).into_paginator().page_size(1000);
        let mut pages = request.send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            for listing in page.map_err(|error| call.fault(&error))?.vpcs() {
                let id = listing.vpc_id().unwrap_or_default();
                let (support, hostnames) = tokio::join!(
                    attribute(session, id, VpcAttributeName::EnableDnsSupport),
                    attribute(session, id, VpcAttributeName::EnableDnsHostnames),
                );
                // It may go between two calls.
                if let (Some(dns_support), Some(dns_hostnames)) = (support?, hostnames?) {
                    all.push(Item { listing: listing.clone(), dns_support, dns_hostnames });
                }
            }
        }
        Ok(all)
    }

    fn id(item: &Item) -> &str {
        item.listing.vpc_id().unwrap_or_default()
    }

    fn tags(item: &Item) -> &[Tag] {
        item.listing.tags()
    }

    fn seen(_place: &Place, item: &Item) -> Option<Found<Told, Outputs>> {
        let listing = &item.listing;
        let health = match listing.state() {
            Some(VpcState::Available) | None => Health::Live,
            Some(state) => Health::Waiting(state.as_str().to_string()),
        };
        let told = Told {
            cidr: listing.cidr_block().map(str::to_string),
            dns_support: item.dns_support,
            dns_hostnames: item.dns_hostnames,
            tags: tags::of_user(&tagging::of(listing.tags())),
        };
        Some(Found { inputs: told, outputs: Outputs {}, health })
    }
}

#[async_trait]
impl Kind for Vpc {
    type Want = Want;
    type Told = Told;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience { consistency: Duration::from_secs(60), poll: Duration::from_secs(1), ..Patience::default() }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let call = Call::write("ec2:CreateVpc ec2:CreateTags", format!("create the VPC `{}`", want.cidr));
        let sent = session
            .ec2()
            .create_vpc()
            .cidr_block(&want.cidr)
            .tag_specifications(tagging::of_new(ResourceType::Vpc, &want.tags, owner)?)
            .send();
        let answer = sent.await.map_err(|error| call.fault(&error))?;
        let id = tagging::made(answer.vpc().and_then(Listing::vpc_id), "a VPC")?;
        // Amazon makes them so.
        Ok(Made { id, whole: want.dns_support && !want.dns_hostnames })
    }

    async fn find(&self, session: &Session, _want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        listed::find(self, session, seek).await
    }

    async fn read(&self, session: &Session, place: &Place) -> Seen<Vpc> {
        listed::read(self, session, place).await
    }

    async fn read_many(&self, session: &Arc<Session>, places: &[Place]) -> Vec<Seen<Vpc>> {
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
        let differs =
            |attribute: &str, wanted: bool| old.is_none_or(|old| old.get(attribute) != Some(&Value::Bool(wanted)));
        let support = differs("dnsSupport", want.dns_support);
        let hostnames = differs("dnsHostnames", want.dns_hostnames);
        // Names without a resolver are refused, so it comes first and goes last.
        if support && want.dns_support {
            set(session, id, true, true).await?;
        }
        if hostnames {
            set(session, id, false, want.dns_hostnames).await?;
        }
        if support && !want.dns_support {
            set(session, id, true, false).await?;
        }
        Ok(Progress::Done)
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let id = &*place.id;
        let call = Call::write("ec2:DeleteVpc", format!("delete the VPC `{id}`"));
        let Err(error) = session.ec2().delete_vpc().vpc_id(id).send().await else {
            return Ok(Progress::Done);
        };
        let fault = call.fault(&error);
        match fault.kind {
            FaultKind::Missing => Ok(Progress::Done),
            FaultKind::Held => listed::held(fault, id, holders::of_vpc(session, id).await),
            FaultKind::Throttled
            | FaultKind::Unavailable
            | FaultKind::Unknown
            | FaultKind::Taken
            | FaultKind::Denied
            | FaultKind::Refused => Err(fault),
        }
    }
}

/// One switch of a VPC, which no listing has; nothing when the VPC is gone.
async fn attribute(session: &Session, id: &str, name: VpcAttributeName) -> Result<Option<bool>, Fault> {
    let call = Call::read("ec2:DescribeVpcAttribute", format!("read the DNS settings of `{id}`"));
    let support = name == VpcAttributeName::EnableDnsSupport;
    match session.ec2().describe_vpc_attribute().vpc_id(id).attribute(name).send().await {
        Ok(answer) => {
            let value = if support { answer.enable_dns_support() } else { answer.enable_dns_hostnames() };
            Ok(Some(value.and_then(AttributeBooleanValue::value).unwrap_or(false)))
        }
        Err(error) => tagging::gone_is_none(call.fault(&error)),
    }
}

/// Sets one switch: AWS takes one a call.
async fn set(session: &Session, id: &str, support: bool, on: bool) -> Result<(), Fault> {
    let call = Call::write("ec2:ModifyVpcAttribute", format!("set the DNS settings of `{id}`"));
    let value = AttributeBooleanValue::builder().value(on).build();
    let request = session.ec2().modify_vpc_attribute().vpc_id(id);
    let request = if support { request.enable_dns_support(value) } else { request.enable_dns_hostnames(value) };
    let attribute = if support { "dnsSupport" } else { "dnsHostnames" };
    request.send().await.map(|_| ()).map_err(|error| call.fault(&error).on(attribute))
}
