//! Single lines of route tables. A route has no tags and no id of its own: it is the one of its range in its
//! table, and its id here is both, `rtb-0a1b:0.0.0.0/0`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::types::{Route as Item, RouteOrigin, RouteState, RouteTable as Table};
use serde::{Deserialize, Serialize};

use super::listed::{self, Listed};
use super::route_table::RouteTable;
use super::tagging;
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::{tags, told};
use crate::value::{Fields, Value};

#[derive(Clone, Copy)]
pub struct Route;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    table: String,
    cidr: String,
    gateway: Option<String>,
    nat_gateway: Option<String>,
    instance: Option<String>,
}

#[derive(Serialize, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    table: Value,
    cidr: Value,
    gateway: Option<Value>,
    nat_gateway: Option<Value>,
    instance: Option<Value>,
}

#[derive(Serialize)]
pub struct Outputs {}

type Seen = Result<Option<Found<Told, Outputs>>, Fault>;

/// Where a route leads, by the attribute that says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Target<'a> {
    Gateway(&'a str),
    NatGateway(&'a str),
    Instance(&'a str),
}

impl<'a> Target<'a> {
    fn id(self) -> &'a str {
        match self {
            Target::Gateway(id) | Target::NatGateway(id) | Target::Instance(id) => id,
        }
    }
}

impl Want {
    /// # Errors
    /// When it names none, or several.
    fn target(&self) -> Result<Target<'_>, Fault> {
        let all = [
            self.gateway.as_deref().map(Target::Gateway),
            self.nat_gateway.as_deref().map(Target::NatGateway),
            self.instance.as_deref().map(Target::Instance),
        ];
        let mut named = all.into_iter().flatten();
        match (named.next(), named.next()) {
            (Some(target), None) => Ok(target),
            (None, _) => Err(Fault::new(FaultKind::Refused, format!("the route to `{}` leads nowhere", self.cidr))
                .on("gateway")
                .help("set one of `gateway`, `natGateway` and `instance`")),
            (Some(_), Some(second)) => {
                let attribute = match second {
                    Target::Gateway(_) => "gateway",
                    Target::NatGateway(_) => "natGateway",
                    Target::Instance(_) => "instance",
                };
                Err(Fault::new(FaultKind::Refused, format!("the route to `{}` leads to several things", self.cidr))
                    .on(attribute)
                    .help("set one of `gateway`, `natGateway` and `instance`, and no other"))
            }
        }
    }
}

/// A range without what can be written in several ways.
fn normal(cidr: &str) -> (Option<IpAddr>, &str) {
    let (address, prefix) = cidr.split_once('/').unwrap_or((cidr, ""));
    (address.parse().ok(), prefix)
}

fn is_v6(cidr: &str) -> bool {
    cidr.contains(':')
}

/// The range of a route that leads to other addresses; not to a list of prefixes.
fn range(item: &Item) -> Option<&str> {
    item.destination_cidr_block().or_else(|| item.destination_ipv6_cidr_block())
}

/// The route of a range. Those that a virtual gateway tells the table by itself do not count.
fn route<'t>(table: &'t Table, cidr: &str) -> Option<&'t Item> {
    let is_it = |item: &&Item| {
        item.origin() != Some(&RouteOrigin::EnableVgwRoutePropagation)
            && range(item).is_some_and(|range| normal(range) == normal(cidr))
    };
    table.routes().iter().find(is_it)
}

/// What a route leads to. An instance has an interface too, a gateway nothing else.
fn target(item: &Item) -> Option<Target<'_>> {
    None.or_else(|| item.instance_id().map(Target::Instance))
        .or_else(|| item.nat_gateway_id().map(Target::NatGateway))
        .or_else(|| item.gateway_id().map(Target::Gateway))
}

/// A table and a range, from an id.
///
/// # Errors
/// When it is not the id of a route.
fn parts(id: &str) -> Result<(&str, &str), Fault> {
    id.split_once(':').filter(|(table, cidr)| table.starts_with("rtb-") && cidr.contains('/')).ok_or_else(|| {
        Fault::new(FaultKind::Refused, format!("`{id}` is not the id of a route"))
            .help("it is that of its table and its range: `rtb-0a1b2c3d:0.0.0.0/0`")
    })
}

/// The record's form of what AWS tells. What leads elsewhere shows at the attribute that is recorded.
fn seen(place: &Place, table: &Table, cidr: &str) -> Option<Found<Told, Outputs>> {
    let item = route(table, cidr)?;
    let reference = |attribute: &str, template: &str, id: &str| told::reference(place, attribute, template, id);
    let recorded = |attribute: &str| matches!(place.inputs.get(attribute), Some(Value::Reference(_)));
    let (mut gateway, mut nat_gateway, mut instance) = (None, None, None);
    match target(item) {
        Some(Target::Gateway(id)) => gateway = Some(reference("gateway", "InternetGateway", id)),
        Some(Target::NatGateway(id)) => nat_gateway = Some(reference("natGateway", "NatGateway", id)),
        Some(Target::Instance(id)) => instance = Some(reference("instance", "Instance", id)),
        None => {}
    }
    // Of an attribute that is recorded and not told, nothing would be compared.
    let other = || Value::string(target(item).map_or("something else", Target::id));
    for (attribute, slot) in [("gateway", &mut gateway), ("natGateway", &mut nat_gateway), ("instance", &mut instance)]
    {
        if slot.is_none() && recorded(attribute) {
            *slot = Some(other());
        }
    }
    let health = match item.state() {
        Some(RouteState::Blackhole) => Health::Waiting("a black hole: what it leads to is gone or stopped".to_string()),
        Some(_) | None => Health::Live,
    };
    let range = match place.inputs.get("cidr") {
        Some(recorded) if recorded.as_str().is_some_and(|text| normal(text) == normal(cidr)) => recorded.clone(),
        Some(_) | None => Value::string(cidr),
    };
    let told = Told {
        table: reference("table", "RouteTable", RouteTable::id(table)),
        cidr: range,
        gateway,
        nat_gateway,
        instance,
    };
    Some(Found { inputs: told, outputs: Outputs {}, health })
}

#[async_trait]
impl Kind for Route {
    type Want = Want;
    type Told = Told;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience {
            consistency: Duration::from_secs(60),
            poll: Duration::from_secs(1),
            readiness: Duration::from_secs(300),
            ..Patience::default()
        }
    }

    async fn create(&self, session: &Session, want: &Want, _owner: &Owner) -> Result<Made, Fault> {
        let (table, cidr) = (&want.table, &want.cidr);
        let call = Call::write("ec2:CreateRoute", format!("create the route to `{cidr}` in `{table}`"));
        let request = session.ec2().create_route().route_table_id(table);
        let request = match is_v6(cidr) {
            true => request.destination_ipv6_cidr_block(cidr),
            false => request.destination_cidr_block(cidr),
        };
        let request = match want.target()? {
            Target::Gateway(id) => request.gateway_id(id),
            Target::NatGateway(id) => request.nat_gateway_id(id),
            Target::Instance(id) => request.instance_id(id),
        };
        request.send().await.map_err(|error| call.fault(&error))?;
        Ok(Made { id: format!("{table}:{cidr}").into(), whole: true })
    }

    /// Nothing can be written on a route. One that leads where ours would is as good as ours, one that leads
    /// elsewhere is not: the table is in the program's hands, and a range has one route in it.
    async fn find(&self, session: &Session, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        let Some(table) = listed::one(&RouteTable, session, &want.table).await? else { return Ok(None) };
        let Some(item) = route(&table, &want.cidr) else { return Ok(None) };
        let id = || Some(Arc::from(format!("{}:{}", want.table, want.cidr)));
        let leads_there = || Ok::<_, Fault>(target(item) == Some(want.target()?));
        match seek {
            Seek::Identity => Ok(id()),
            Seek::Made(_) if leads_there()? => Ok(id()),
            Seek::Made(_) => {
                let other = target(item).map_or("something else", Target::id);
                let text = format!("`{}` has a route to `{}` already, over `{other}`", want.table, want.cidr);
                Err(Fault::new(FaultKind::Taken, text).on("cidr").help("delete that one, or leave this one out"))
            }
            Seek::Owned(owner) => {
                let ours = tags::is_same_environment(&tagging::of(table.tags()), owner) && leads_there()?;
                Ok(ours.then(id).flatten())
            }
        }
    }

    async fn read(&self, session: &Session, place: &Place) -> Seen {
        let (table, cidr) = parts(&place.id)?;
        Ok(listed::one(&RouteTable, session, table).await?.and_then(|table| seen(place, &table, cidr)))
    }

    async fn read_many(&self, session: &Arc<Session>, places: &[Place]) -> Vec<Seen> {
        let ids: BTreeSet<&str> = places.iter().filter_map(|place| Some(parts(&place.id).ok()?.0)).collect();
        let ids: Vec<&str> = ids.into_iter().collect();
        let mut tables: BTreeMap<String, Table> = BTreeMap::new();
        for chunk in ids.chunks(tagging::VALUES_OF_A_FILTER) {
            let filter = tagging::filter(RouteTable::ID, chunk.iter().copied());
            match RouteTable.list(session, vec![filter]).await {
                Ok(found) => tables.extend(found.into_iter().map(|table| (RouteTable::id(&table).to_string(), table))),
                Err(fault) => return places.iter().map(|_| Err(fault.clone())).collect(),
            }
        }
        let reading = |place: &Place| {
            let (table, cidr) = parts(&place.id)?;
            Ok(tables.get(table).and_then(|table| seen(place, table, cidr)))
        };
        places.iter().map(reading).collect()
    }

    async fn update(
        &self,
        session: &Session,
        place: &Place,
        old: Option<&Fields>,
        want: &Want,
        _owner: &Owner,
    ) -> Result<Progress, Fault> {
        let (table, cidr) = parts(&place.id)?;
        let wanted = want.target()?;
        let was = |attribute: &str| old.and_then(|old| old.get(attribute)).and_then(Value::as_str);
        let as_wanted = ["gateway", "natGateway", "instance"]
            .map(was)
            .iter()
            .zip([&want.gateway, &want.nat_gateway, &want.instance])
            .all(|(was, wanted)| *was == wanted.as_deref());
        if old.is_some() && as_wanted {
            return Ok(Progress::Done);
        }
        let call = Call::write("ec2:ReplaceRoute", format!("change the route to `{cidr}` in `{table}`"));
        let request = session.ec2().replace_route().route_table_id(table);
        let request = match is_v6(cidr) {
            true => request.destination_ipv6_cidr_block(cidr),
            false => request.destination_cidr_block(cidr),
        };
        let request = match wanted {
            Target::Gateway(id) => request.gateway_id(id),
            Target::NatGateway(id) => request.nat_gateway_id(id),
            Target::Instance(id) => request.instance_id(id),
        };
        request.send().await.map_err(|error| call.fault(&error))?;
        Ok(Progress::Done)
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let (table, cidr) = parts(&place.id)?;
        let call = Call::write("ec2:DeleteRoute", format!("delete the route to `{cidr}` in `{table}`"));
        let request = session.ec2().delete_route().route_table_id(table);
        let request = match is_v6(cidr) {
            true => request.destination_ipv6_cidr_block(cidr),
            false => request.destination_cidr_block(cidr),
        };
        match request.send().await {
            Ok(_) => Ok(Progress::Done),
            Err(error) => tagging::gone_is_done(call.fault(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Reference, Target as Of};

    fn ours(id: &str) -> Value {
        Value::Reference(Reference { of: Of::Address("net.x".parse().unwrap()), id: id.into() })
    }

    fn place(inputs: &[(&str, Value)]) -> Place {
        Place {
            kind: "aws.Route".into(),
            id: "rtb-1:0.0.0.0/0".into(),
            address: "net.out".parse().unwrap(),
            inputs: inputs.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
            outputs: Fields::new(),
        }
    }

    fn table(item: Item) -> Table {
        let local = Item::builder().destination_cidr_block("10.0.0.0/16").gateway_id("local").build();
        Table::builder().route_table_id("rtb-1").routes(local).routes(item).build()
    }

    #[test]
    fn a_route_that_leads_elsewhere_shows_at_the_attribute_that_is_recorded() {
        let there = table(Item::builder().destination_cidr_block("0.0.0.0/0").gateway_id("igw-1").build());
        let place =
            place(&[("table", ours("rtb-1")), ("cidr", Value::string("0.0.0.0/0")), ("gateway", ours("igw-1"))]);
        let told = seen(&place, &there, "0.0.0.0/0").unwrap().inputs;
        let as_recorded = Told {
            table: ours("rtb-1"),
            cidr: Value::string("0.0.0.0/0"),
            gateway: Some(ours("igw-1")),
            nat_gateway: None,
            instance: None,
        };
        assert_eq!(told, as_recorded);
        let elsewhere = table(Item::builder().destination_cidr_block("0.0.0.0/0").nat_gateway_id("nat-1").build());
        let told = seen(&place, &elsewhere, "0.0.0.0/0").unwrap().inputs;
        assert_eq!(told.gateway, Some(Value::string("nat-1")));
        assert_eq!(told.nat_gateway.unwrap().to_string(), "NatGateway { id \"nat-1\"; }");
        assert!(seen(&place, &elsewhere, "10.9.0.0/16").is_none());
    }

    #[test]
    fn a_range_is_the_same_however_it_is_written() {
        let v6 = table(Item::builder().destination_ipv6_cidr_block("2001:DB8:0::/48").gateway_id("igw-1").build());
        let place = place(&[("cidr", Value::string("2001:db8::/48"))]);
        assert_eq!(seen(&place, &v6, "2001:db8::/48").unwrap().inputs.cidr, Value::string("2001:db8::/48"));
    }

    #[test]
    fn an_id_has_a_table_and_a_range() {
        assert_eq!(parts("rtb-1:2001:db8::/48").unwrap(), ("rtb-1", "2001:db8::/48"));
        for wrong in ["rtb-1", "igw-1:0.0.0.0/0", "rtb-1:here"] {
            assert!(parts(wrong).unwrap_err().help.unwrap().contains("rtb-0a1b2c3d:0.0.0.0/0"));
        }
    }

    #[test]
    fn a_route_leads_to_one_thing() {
        let want = |gateway: Option<&str>, nat: Option<&str>| Want {
            table: "rtb-1".into(),
            cidr: "0.0.0.0/0".into(),
            gateway: gateway.map(Into::into),
            nat_gateway: nat.map(Into::into),
            instance: None,
        };
        let attribute = |want: &Want| want.target().unwrap_err().attribute.unwrap().to_string();
        assert_eq!(attribute(&want(None, None)), "gateway");
        assert_eq!(attribute(&want(Some("igw-1"), Some("nat-1"))), "natGateway");
        assert_eq!(want(None, Some("nat-1")).target().unwrap(), Target::NatGateway("nat-1"));
    }
}
