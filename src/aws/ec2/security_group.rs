//! Security groups. Their rules are changed one by one, by the ids that AWS gives them: what is allowed now and
//! shall stay allowed is never interrupted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::types::{Filter, IpPermission, ResourceType, SecurityGroup as Group, SecurityGroupRuleUpdate, Tag};
use serde::{Deserialize, Serialize};

use super::holders::{self, Holders};
use super::listed::{self, Listed, Seen};
use super::rules::{self, Grant, Grants, Rule};
use super::tagging;
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::aws::told;
use crate::value::{Fields, Value};

/// The longest name of a group.
const LONGEST_NAME: usize = 255;

#[derive(Clone, Copy)]
pub struct SecurityGroup;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    group_name: Option<String>,
    description: String,
    vpc: Option<String>,
    ingress: Vec<Rule>,
    egress: Vec<Rule>,
    #[serde(default)]
    tags: Tags,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    group_name: Option<String>,
    description: Option<String>,
    vpc: Option<Value>,
    ingress: Value,
    egress: Value,
    tags: Option<Tags>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    given_name: Option<String>,
    vpc_id: Option<String>,
}

/// The rules of one group.
#[derive(Clone, Default)]
struct Present {
    ingress: BTreeMap<Grant, Standing>,
    egress: BTreeMap<Grant, Standing>,
}

/// A rule that stands in a group.
#[derive(Clone)]
struct Standing {
    id: String,
    description: String,
}

/// One of the two lists.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

impl Way {
    fn attribute(self) -> &'static str {
        match self {
            Way::In => "ingress",
            Way::Out => "egress",
        }
    }
}

/// A group with its rules.
pub struct Item {
    group: Group,
    rules: Present,
}

#[async_trait]
impl Listed for SecurityGroup {
    type Item = Item;
    const ID: &'static str = "group-id";
    const PLURAL: &'static str = "security groups";

    async fn list(&self, session: &Session, filters: Vec<Filter>) -> Result<Vec<Item>, Fault> {
        let groups = groups(session, filters).await?;
        let mut rules = BTreeMap::new();
        let ids: Vec<&str> = groups.iter().map(id).collect();
        for chunk in ids.chunks(tagging::VALUES_OF_A_FILTER) {
            rules.extend(rules_of(session, chunk).await?);
        }
        let with_rules = |group: Group| {
            let rules = rules.remove(id(&group)).unwrap_or_default();
            Item { group, rules }
        };
        Ok(groups.into_iter().map(with_rules).collect())
    }

    fn id(item: &Item) -> &str {
        id(&item.group)
    }

    fn tags(item: &Self::Item) -> &[Tag] {
        item.group.tags()
    }

    fn seen(place: &Place, Item { group, rules }: &Item) -> Option<Found<Told, Outputs>> {
        let list = |way: Way, standing: &BTreeMap<Grant, Standing>| {
            let described = standing.iter().map(|(grant, standing)| (grant.clone(), standing.description.clone()));
            rules::as_recorded(place.inputs.get(way.attribute()), &described.collect(), &place.id)
        };
        let name = group.group_name().map(str::to_string);
        let inputs = Told {
            group_name: name.clone().filter(|_| told::is_set(place, "groupName")),
            description: group.description().map(str::to_string),
            vpc: group
                .vpc_id()
                .filter(|_| told::is_set(place, "vpc"))
                .map(|vpc| told::reference(place, "vpc", "Vpc", vpc)),
            ingress: list(Way::In, &rules.ingress),
            egress: list(Way::Out, &rules.egress),
            tags: Some(tags::of_user(&tagging::of(group.tags()))),
        };
        let outputs = Outputs { given_name: name, vpc_id: group.vpc_id().map(str::to_string) };
        Some(Found { inputs, outputs, health: Health::Live })
    }
}

#[async_trait]
impl Kind for SecurityGroup {
    type Want = Want;
    type Told = Told;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience {
            consistency: Duration::from_secs(30),
            poll: Duration::from_secs(2),
            // Interfaces of load balancers and databases go some minutes after these.
            deletion: Duration::from_secs(600),
            ..Patience::default()
        }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        // What is wrong with the rules is said before anything is made.
        rules::grants(&want.ingress, "", Way::In.attribute())?;
        rules::grants(&want.egress, "", Way::Out.attribute())?;
        let name = want.group_name.clone().unwrap_or_else(|| derived(owner));
        let call = Call::write("ec2:CreateSecurityGroup ec2:CreateTags", format!("create the security group `{name}`"));
        let sent = session
            .ec2()
            .create_security_group()
            .group_name(&name)
            .description(&want.description)
            .set_vpc_id(want.vpc.clone())
            .tag_specifications(tagging::of_new(ResourceType::SecurityGroup, &want.tags, owner)?)
            .send();
        let fault = match sent.await {
            Ok(answer) => {
                let unknown =
                    || Fault::new(FaultKind::Unknown, "aws created a security group and did not say which one");
                return Ok(Made { id: answer.group_id().ok_or_else(unknown)?.into(), whole: false });
            }
            Err(error) => call.fault(&error),
        };
        if fault.kind != FaultKind::Taken {
            return Err(fault);
        }
        let other = groups(session, named(&name, want.vpc.as_deref())).await?.into_iter().next();
        match other.map(|group| (id(&group).to_string(), tagging::of(group.tags()))) {
            // An earlier try of this very operation did it.
            Some((id, present)) if tags::is_made(&present, owner) => Ok(Made { id: id.into(), whole: false }),
            Some((id, present)) => {
                let what = format!("the security group `{name}` ({id})");
                Err(tagging::taken(&what, &present, owner).on("groupName").help(NAME_HELP))
            }
            None => Err(fault.on("groupName").help(NAME_HELP)),
        }
    }

    async fn find(&self, session: &Session, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        let filters = match (tagging::sought(seek), &want.group_name) {
            (Some(filters), _) => filters,
            (None, Some(name)) => named(name, want.vpc.as_deref()),
            (None, None) => return Ok(None),
        };
        listed::only(Self::PLURAL, groups(session, filters).await?.iter().map(id))
    }

    async fn read(&self, session: &Session, place: &Place) -> Seen<SecurityGroup> {
        listed::read(self, session, place).await
    }

    async fn read_many(&self, session: &Arc<Session>, places: &[Place]) -> Vec<Seen<SecurityGroup>> {
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
        let wanted = [
            (Way::In, rules::grants(&want.ingress, id, "ingress")?),
            (Way::Out, rules::grants(&want.egress, id, "egress")?),
        ];
        tagging::update(session, id, old, &want.tags, owner).await?;
        let mut present = rules_of(session, &[id]).await?.remove(id).unwrap_or_default();
        for (way, wanted) in wanted {
            let standing = match way {
                Way::In => std::mem::take(&mut present.ingress),
                Way::Out => std::mem::take(&mut present.egress),
            };
            change(session, id, way, &wanted, &standing).await?;
        }
        Ok(Progress::Done)
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let id = &*place.id;
        let call = Call::write("ec2:DeleteSecurityGroup", format!("delete the security group `{id}`"));
        let Err(error) = session.ec2().delete_security_group().group_id(id).send().await else {
            return Ok(Progress::Done);
        };
        let fault = call.fault(&error);
        match fault.kind {
            FaultKind::Missing => Ok(Progress::Done),
            FaultKind::Held => listed::held(fault, id, users(session, id).await),
            FaultKind::Throttled
            | FaultKind::Unavailable
            | FaultKind::Unknown
            | FaultKind::Taken
            | FaultKind::Denied
            | FaultKind::Refused => Err(fault),
        }
    }
}

const NAME_HELP: &str = "leave `groupName` out, and each group gets a name of its own, so that a new one can come \
                         before the old one goes; or choose another name";

/// A name that no other operation chooses.
fn derived(owner: &Owner) -> String {
    let mut name = tags::address(&owner.address);
    // What an address cannot begin with for AWS is `sg-`, which stands for ids.
    if name.starts_with("sg-") {
        name.insert(0, '_');
    }
    let room = LONGEST_NAME - 1 - owner.token.len().min(LONGEST_NAME - 1);
    name.truncate(room);
    format!("{name}-{}", owner.token)
}

/// Filters for a group by its name. Without a network, the default one is meant, which only AWS knows.
fn named(name: &str, vpc: Option<&str>) -> Vec<Filter> {
    let mut filters = vec![tagging::exactly("group-name", [name])];
    filters.extend(vpc.map(|vpc| tagging::exactly("vpc-id", [vpc])));
    filters
}

fn id(group: &Group) -> &str {
    group.group_id().unwrap_or_default()
}

async fn groups(session: &Session, filters: Vec<Filter>) -> Result<Vec<Group>, Fault> {
    let call = Call::read("ec2:DescribeSecurityGroups", "list security groups");
    let request = session.ec2().describe_security_groups().set_filters(Some(filters)).into_paginator().page_size(1000);
    let mut pages = request.send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        all.extend_from_slice(page.map_err(|error| call.fault(&error))?.security_groups());
    }
    Ok(all)
}

/// The rules of groups, by the groups that they stand in.
async fn rules_of(session: &Session, ids: &[&str]) -> Result<BTreeMap<String, Present>, Fault> {
    let call = Call::read("ec2:DescribeSecurityGroupRules", "list the rules of security groups");
    let filter = tagging::filter("group-id", ids.iter().copied());
    let mut pages =
        session.ec2().describe_security_group_rules().filters(filter).into_paginator().page_size(1000).send();
    let mut all: BTreeMap<String, Present> = BTreeMap::new();
    while let Some(page) = pages.next().await {
        for rule in page.map_err(|error| call.fault(&error))?.security_group_rules() {
            let Some(grant) = rules::granted(rule) else { continue };
            let present = all.entry(rule.group_id().unwrap_or_default().to_string()).or_default();
            let list = if rule.is_egress() == Some(true) { &mut present.egress } else { &mut present.ingress };
            let text = |text: Option<&str>| text.unwrap_or_default().to_string();
            let standing = Standing { id: text(rule.security_group_rule_id()), description: text(rule.description()) };
            list.insert(grant, standing);
        }
    }
    Ok(all)
}

/// Allows what is not allowed yet, then describes what is described otherwise, then forbids what is left.
async fn change(
    session: &Session,
    id: &str,
    way: Way,
    wanted: &Grants,
    standing: &BTreeMap<Grant, Standing>,
) -> Result<(), Fault> {
    let new = wanted.iter().filter(|(grant, _)| !standing.contains_key(grant));
    let new: Vec<IpPermission> = new.map(|(grant, description)| grant.permission(description)).collect();
    if !new.is_empty() {
        let what = format!("add rules to `{}` of the security group `{id}`", way.attribute());
        let fault = match way {
            Way::In => {
                let call = Call::write("ec2:AuthorizeSecurityGroupIngress", what);
                let sent = session.ec2().authorize_security_group_ingress().group_id(id).set_ip_permissions(Some(new));
                sent.send().await.err().map(|error| call.fault(&error))
            }
            Way::Out => {
                let call = Call::write("ec2:AuthorizeSecurityGroupEgress", what);
                let sent = session.ec2().authorize_security_group_egress().group_id(id).set_ip_permissions(Some(new));
                sent.send().await.err().map(|error| call.fault(&error))
            }
        };
        fault.map_or(Ok(()), |fault| Err(fault.on(way.attribute())))?;
    }
    let other = standing.iter().filter_map(|(grant, standing)| {
        let description = wanted.get(grant).filter(|wanted| **wanted != standing.description)?;
        let update = SecurityGroupRuleUpdate::builder().security_group_rule_id(&standing.id);
        Some(update.security_group_rule(grant.described(description)).build())
    });
    let other: Vec<SecurityGroupRuleUpdate> = other.collect();
    if !other.is_empty() {
        let what = format!("describe rules of the security group `{id}`");
        let call = Call::write("ec2:ModifySecurityGroupRules", what);
        let sent = session.ec2().modify_security_group_rules().group_id(id).set_security_group_rules(Some(other));
        sent.send().await.map_err(|error| call.fault(&error).on(way.attribute()))?;
    }
    let surplus = standing.iter().filter(|(grant, _)| !wanted.contains_key(grant));
    let surplus: Vec<String> = surplus.map(|(_, standing)| standing.id.clone()).collect();
    if !surplus.is_empty() {
        let what = format!("remove rules from `{}` of the security group `{id}`", way.attribute());
        let fault = match way {
            Way::In => {
                let call = Call::write("ec2:RevokeSecurityGroupIngress", what);
                let sent = session.ec2().revoke_security_group_ingress().group_id(id);
                let sent = sent.set_security_group_rule_ids(Some(surplus)).send();
                sent.await.err().map(|error| call.fault(&error))
            }
            Way::Out => {
                let call = Call::write("ec2:RevokeSecurityGroupEgress", what);
                let sent = session.ec2().revoke_security_group_egress().group_id(id);
                let sent = sent.set_security_group_rule_ids(Some(surplus)).send();
                sent.await.err().map(|error| call.fault(&error))
            }
        };
        fault.map_or(Ok(()), |fault| Err(fault.on(way.attribute())))?;
    }
    Ok(())
}

/// Rules of other groups, and network interfaces.
async fn users(session: &Session, id: &str) -> Result<Holders, Fault> {
    let mut rules = BTreeSet::new();
    for filter in ["ip-permission.group-id", "egress.ip-permission.group-id"] {
        let others = groups(session, vec![tagging::filter(filter, [id])]).await?;
        let others = others.iter().map(self::id).filter(|other| *other != id && !session.recent.is_going(other));
        rules.extend(others.map(|other| format!("rules of `{other}`")));
    }
    let mut holders = holders::interfaces(session, vec![tagging::filter("group-id", [id])]).await?;
    holders.staying.splice(..0, rules);
    Ok(holders)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_name_is_its_operations_own_and_fits() {
        let owner = |address: &str, token: &str| Owner {
            lineage: "l".into(),
            address: address.parse().unwrap(),
            token: token.into(),
        };
        assert_eq!(derived(&owner("site.web[\"a b\"]", "t1")), "site.web/@a=20b-t1");
        assert_ne!(derived(&owner("web", "t1")), derived(&owner("web", "t2")));
        let long = format!("a[\"{}\"]", "x".repeat(300));
        let token = "f".repeat(32);
        let name = derived(&owner(&long, &token));
        assert!(name.len() <= LONGEST_NAME && name.ends_with(&token), "{name}");
    }
}
