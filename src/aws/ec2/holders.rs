//! What is in a network and keeps it from being deleted, by name. Asked only when AWS refused to delete it and
//! said no more than that something holds it.

use aws_sdk_ec2::types::{Filter, NetworkInterface};

use super::tagging;
use crate::apply::provider::Fault;
use crate::aws::fault::Call;
use crate::aws::session::Session;
use crate::aws::tags;

/// More than this are not named one by one.
const NAMED: usize = 8;

/// What holds a resource that is to be deleted.
#[derive(Default, PartialEq, Eq, Debug)]
pub struct Holders {
    pub staying: Vec<String>,
    /// What goes by itself, as far as one can see.
    pub passing: Vec<String>,
}

/// The network interfaces that pass a filter, with what they belong to.
pub async fn interfaces(session: &Session, filters: Vec<Filter>) -> Result<Holders, Fault> {
    Ok(sorted(&listed(session, filters).await?, |id| session.recent.is_going(id)))
}

/// Interfaces that go by themselves, and those that do not. Those that AWS made for a database or a load balancer
/// it deletes some minutes after these are gone, and nobody else can; those of an instance go with it.
fn sorted(interfaces: &[NetworkInterface], is_going: impl Fn(&str) -> bool) -> Holders {
    let passes = |one: &&NetworkInterface| {
        let instance = one.attachment().and_then(|attachment| attachment.instance_id());
        // What a public address leads to is free of it when that goes.
        let address = one.association().and_then(|association| association.allocation_id());
        one.requester_managed() == Some(true) || [instance, address].into_iter().flatten().any(&is_going)
    };
    let (passing, staying): (Vec<&NetworkInterface>, Vec<&NetworkInterface>) = interfaces.iter().partition(passes);
    let names = |all: Vec<&NetworkInterface>| few(all.into_iter().map(interface).collect());
    Holders { passing: names(passing), staying: names(staying) }
}

/// The network interfaces that pass a filter.
pub async fn listed(session: &Session, filters: Vec<Filter>) -> Result<Vec<NetworkInterface>, Fault> {
    let call = Call::read("ec2:DescribeNetworkInterfaces", "list network interfaces");
    let mut pages =
        session.ec2().describe_network_interfaces().set_filters(Some(filters)).into_paginator().page_size(1000).send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| call.fault(&error))?;
        all.extend_from_slice(page.network_interfaces());
    }
    Ok(all)
}

/// One, with what it belongs to.
pub fn interface(one: &NetworkInterface) -> String {
    let id = one.network_interface_id().unwrap_or_default();
    let instance = one.attachment().and_then(|attachment| attachment.instance_id());
    match (instance, one.description().filter(|text| !text.is_empty())) {
        (Some(instance), _) => format!("`{id}` (of the instance `{instance}`)"),
        (None, Some(description)) => format!("`{id}` ({description})"),
        (None, None) => format!("`{id}`"),
    }
}

/// What a VPC holds that does not go with it.
pub async fn of_vpc(session: &Session, vpc: &str) -> Result<Holders, Fault> {
    let ec2 = session.ec2();
    let filters = || Some(vec![tagging::filter("vpc-id", [vpc])]);
    let attached = Some(vec![tagging::filter("attachment.vpc-id", [vpc])]);
    // One page of each is more than anybody reads.
    let (subnets, gateways, tables, groups) = tokio::join!(
        ec2.describe_subnets().set_filters(filters()).send(),
        ec2.describe_internet_gateways().set_filters(attached).send(),
        ec2.describe_route_tables().set_filters(filters()).send(),
        ec2.describe_security_groups().set_filters(filters()).send(),
    );
    let stays = |id: Option<&str>| !id.is_some_and(|id| session.recent.is_going(id));
    let mut all = Vec::new();
    let call = Call::read("ec2:DescribeSubnets", format!("list the subnets of `{vpc}`"));
    let subnets = subnets.map_err(|error| call.fault(&error))?;
    let subnets = subnets.subnets().iter().filter(|one| stays(one.subnet_id()));
    all.extend(subnets.map(|one| labelled(one.subnet_id(), tagging::of(one.tags()))));
    let call = Call::read("ec2:DescribeInternetGateways", format!("list the internet gateways of `{vpc}`"));
    let gateways = gateways.map_err(|error| call.fault(&error))?;
    let gateways = gateways.internet_gateways().iter().filter(|one| stays(one.internet_gateway_id()));
    all.extend(gateways.map(|one| labelled(one.internet_gateway_id(), tagging::of(one.tags()))));
    let call = Call::read("ec2:DescribeRouteTables", format!("list the route tables of `{vpc}`"));
    let tables = tables.map_err(|error| call.fault(&error))?;
    // The main one and the default group go with it.
    let tables = tables.route_tables().iter().filter(|one| one.associations().iter().all(|to| to.main() != Some(true)));
    let tables = tables.filter(|one| stays(one.route_table_id()));
    all.extend(tables.map(|one| labelled(one.route_table_id(), tagging::of(one.tags()))));
    let call = Call::read("ec2:DescribeSecurityGroups", format!("list the security groups of `{vpc}`"));
    let groups = groups.map_err(|error| call.fault(&error))?;
    let groups = groups.security_groups().iter().filter(|one| one.group_name() != Some("default"));
    let groups = groups.filter(|one| stays(one.group_id()));
    all.extend(groups.map(|one| labelled(one.group_id(), tagging::of(one.tags()))));
    if all.is_empty() {
        return interfaces(session, vec![tagging::filter("vpc-id", [vpc])]).await;
    }
    Ok(Holders { staying: few(all), passing: Vec::new() })
}

/// An id, with the component that it belongs to where it says so.
fn labelled(id: Option<&str>, present: tags::Tags) -> String {
    let id = id.unwrap_or_default();
    match present.get(crate::apply::provider::TAG_ADDRESS) {
        Some(address) => format!("`{id}` (made as `{address}`)"),
        None => format!("`{id}`"),
    }
}

/// As many as anybody reads.
pub fn few(mut all: Vec<String>) -> Vec<String> {
    let more = all.len().saturating_sub(NAMED);
    if more > 0 {
        all.truncate(NAMED);
        all.push(format!("{more} more"));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ec2::types::NetworkInterfaceAttachment;

    #[test]
    fn interfaces_of_amazon_and_of_deleted_machines_go_by_themselves() {
        let one = |id: &str, managed| {
            let of = NetworkInterfaceAttachment::builder().instance_id(format!("i-{id}")).build();
            NetworkInterface::builder().network_interface_id(id).requester_managed(managed).attachment(of).build()
        };
        let sorted = sorted(&[one("eni-1", true), one("eni-2", false), one("eni-3", false)], |id| id == "i-eni-3");
        let named = |n: usize| format!("`eni-{n}` (of the instance `i-eni-{n}`)");
        assert_eq!(sorted, Holders { passing: vec![named(1), named(3)], staying: vec![named(2)] });
    }

    #[test]
    fn few_are_named_and_many_counted() {
        let all = |count: usize| few((0..count).map(|n| format!("`s-{n}`")).collect());
        assert_eq!(all(2), ["`s-0`", "`s-1`"]);
        assert_eq!((all(8).len(), all(11).len(), all(11)[8].as_str()), (8, 9, "3 more"));
    }
}
