//! Tables that say where what leaves a subnet goes. Their routes are resources of their own; which subnets use a
//! table is written in it. Its main association, if it has one, is the network's and not looked at.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::types::{
    Filter, ResourceType, RouteTable as Item, RouteTableAssociation, RouteTableAssociationStateCode, Tag,
};
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
pub struct RouteTable;

#[derive(Deserialize)]
pub struct Want {
    vpc: String,
    #[serde(default)]
    subnets: Vec<String>,
    #[serde(default)]
    tags: Tags,
}

#[derive(Serialize)]
pub struct Told {
    vpc: Option<Value>,
    subnets: Value,
    tags: Tags,
}

#[derive(Serialize)]
pub struct Outputs {}

#[async_trait]
impl Listed for RouteTable {
    type Item = Item;
    const ID: &'static str = "route-table-id";
    const PLURAL: &'static str = "route tables";

    async fn list(&self, session: &Session, filters: Vec<Filter>) -> Result<Vec<Item>, Fault> {
        let call = Call::read("ec2:DescribeRouteTables", "list route tables");
        let request = session.ec2().describe_route_tables().set_filters(Some(filters));
        let mut pages = request.into_paginator().page_size(100).send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            all.extend_from_slice(page.map_err(|error| call.fault(&error))?.route_tables());
        }
        Ok(all)
    }

    fn id(item: &Item) -> &str {
        item.route_table_id().unwrap_or_default()
    }

    fn tags(item: &Item) -> &[Tag] {
        item.tags()
    }

    fn seen(place: &Place, item: &Item) -> Option<Found<Told, Outputs>> {
        let subnets = uses(item).map(|(subnet, _)| subnet.to_string()).collect();
        let told = Told {
            vpc: item.vpc_id().map(|id| told::reference(place, "vpc", "Vpc", id)),
            subnets: told::references(place, "subnets", "Subnet", subnets),
            tags: tags::of_user(&tagging::of(item.tags())),
        };
        Some(Found { inputs: told, outputs: Outputs {}, health: health(item) })
    }
}

/// The subnets that use a table, each with the id of its association.
fn uses(item: &Item) -> impl Iterator<Item = (&str, &str)> {
    use RouteTableAssociationStateCode::{Disassociated, Disassociating};
    let stays = |one: &&RouteTableAssociation| {
        let state = one.association_state().and_then(|state| state.state());
        !matches!(state, Some(Disassociated | Disassociating))
    };
    item.associations()
        .iter()
        .filter(stays)
        .filter_map(|one| Some((one.subnet_id()?, one.route_table_association_id()?)))
}

fn health(item: &Item) -> Health {
    use RouteTableAssociationStateCode::{Associating, Failed};
    for one in item.associations() {
        let Some(state) = one.association_state() else { continue };
        let subnet = one.subnet_id().unwrap_or_default();
        match state.state() {
            Some(Associating) => return Health::Waiting(format!("associating `{subnet}`")),
            Some(Failed) => {
                let why = state.status_message().unwrap_or("aws does not say why");
                return Health::Dead(format!("its association with `{subnet}` failed: {why}"));
            }
            Some(_) | None => {}
        }
    }
    Health::Live
}

#[async_trait]
impl Kind for RouteTable {
    type Want = Want;
    type Told = Told;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience { consistency: Duration::from_secs(60), poll: Duration::from_secs(1), ..Patience::default() }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let purpose = format!("create a route table of `{}`", want.vpc);
        let call = Call::write("ec2:CreateRouteTable ec2:CreateTags", purpose);
        let sent = session
            .ec2()
            .create_route_table()
            .vpc_id(&want.vpc)
            .client_token(&*owner.token)
            .tag_specifications(tagging::of_new(ResourceType::RouteTable, &want.tags, owner)?)
            .send();
        let answer = sent.await.map_err(|error| call.fault(&error))?;
        let id = tagging::made(answer.route_table().and_then(Item::route_table_id), "a route table")?;
        Ok(Made { id, whole: want.subnets.is_empty() })
    }

    async fn find(&self, session: &Session, _want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        listed::find(self, session, seek).await
    }

    async fn read(&self, session: &Session, place: &Place) -> Seen<RouteTable> {
        listed::read(self, session, place).await
    }

    async fn read_many(&self, session: &Arc<Session>, places: &[Place]) -> Vec<Seen<RouteTable>> {
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
        let Some(item) = listed::one(self, session, id).await? else {
            return Err(Fault::new(FaultKind::Missing, format!("the route table `{id}` does not exist")));
        };
        let (kept, surplus): (Vec<_>, Vec<_>) =
            uses(&item).partition(|(subnet, _)| want.subnets.iter().any(|wanted| wanted == subnet));
        let new: Vec<&str> = want.subnets.iter().map(String::as_str).collect();
        let new: Vec<&str> = new.into_iter().filter(|subnet| kept.iter().all(|(kept, _)| kept != subnet)).collect();
        if !new.is_empty() {
            let elsewhere = self.list(session, vec![tagging::filter("association.subnet-id", new.clone())]).await?;
            for subnet in new {
                take(session, id, subnet, &elsewhere, owner).await?;
            }
        }
        for (_, association) in surplus {
            disassociate(session, association).await?;
        }
        Ok(Progress::Done)
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let id = &*place.id;
        let Some(item) = listed::one(self, session, id).await? else { return Ok(Progress::Done) };
        for (_, association) in uses(&item) {
            disassociate(session, association).await?;
        }
        let call = Call::write("ec2:DeleteRouteTable", format!("delete the route table `{id}`"));
        match session.ec2().delete_route_table().route_table_id(id).send().await {
            Ok(_) => Ok(Progress::Done),
            Err(error) => tagging::gone_or_going(call.fault(&error)),
        }
    }
}

/// Lets a subnet use a table. One that uses another table of this environment changes over in one call, so that
/// it is never without a table; somebody else's is not taken away.
async fn take(session: &Session, id: &str, subnet: &str, tables: &[Item], owner: &Owner) -> Result<(), Fault> {
    let Some((table, association)) = used_by(subnet, tables) else {
        let call = Call::write("ec2:AssociateRouteTable", format!("let `{subnet}` use the route table `{id}`"));
        let sent = session.ec2().associate_route_table().route_table_id(id).subnet_id(subnet).send();
        return sent.await.map(|_| ()).map_err(|error| call.fault(&error).on("subnets"));
    };
    if !tags::is_same_environment(&tagging::of(table.tags()), owner) {
        let other = RouteTable::id(table);
        let text = format!("the subnet `{subnet}` uses the route table `{other}`, which this environment did not make");
        return Err(Fault::new(FaultKind::Taken, text).on("subnets").help(format!(
            "a subnet uses one table: end that one's use of it (`{association}`), or leave it out here"
        )));
    }
    let purpose = format!("let `{subnet}` use the route table `{id}` in place of another");
    let call = Call::write("ec2:ReplaceRouteTableAssociation", purpose);
    let sent = session.ec2().replace_route_table_association().association_id(association).route_table_id(id).send();
    sent.await.map(|_| ()).map_err(|error| call.fault(&error).on("subnets"))
}

/// The table that a subnet uses, with the id of that association.
fn used_by<'t>(subnet: &str, tables: &'t [Item]) -> Option<(&'t Item, &'t str)> {
    tables.iter().find_map(|table| {
        let (_, association) = uses(table).find(|(used, _)| *used == subnet)?;
        Some((table, association))
    })
}

async fn disassociate(session: &Session, association: &str) -> Result<(), Fault> {
    let call = Call::write("ec2:DisassociateRouteTable", format!("end the use of a route table (`{association}`)"));
    match session.ec2().disassociate_route_table().association_id(association).send().await {
        Ok(_) => Ok(()),
        Err(error) => tagging::gone_is_done(call.fault(&error)).map(|_| ()),
    }
}
