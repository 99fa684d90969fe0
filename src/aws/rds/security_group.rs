//! The security groups that RDS had before there were VPCs. They are of use to old accounts only.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_rds::types::DbSecurityGroup as Group;
use serde::{Deserialize, Serialize};

use super::{instances, name, tagging, told};
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::aws::told::reference;
use crate::value::{Data, Fields, Value};

#[derive(Clone, Copy)]
pub struct DbSecurityGroup;

#[derive(Deserialize)]
pub struct Want {
    name: Option<String>,
    description: String,
    #[serde(default)]
    ingress: Vec<Ingress>,
    #[serde(default)]
    tags: Tags,
}

/// Who may connect: a range of addresses, or what is in a group of EC2.
#[derive(Deserialize, Clone, PartialEq, Debug)]
struct Ingress {
    cidr: Option<String>,
    group: Option<String>,
}

#[derive(Serialize)]
pub struct Outputs {
    arn: Option<String>,
}

type Seen = Option<Found<Fields, Outputs>>;

#[async_trait]
impl Kind for DbSecurityGroup {
    type Want = Want;
    type Told = Fields;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience { consistency: Duration::from_secs(30), ..Patience::default() }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let name = want.name.clone().unwrap_or_else(|| name::derived(owner));
        let made = Made { id: name.as_str().into(), whole: want.ingress.is_empty() };
        let purpose = format!("create the classic security group `{name}`");
        let call = Call::write("rds:CreateDBSecurityGroup rds:AddTagsToResource", purpose);
        let request = session
            .rds()
            .create_db_security_group()
            .db_security_group_name(&name)
            .db_security_group_description(&want.description)
            .set_tags(Some(tagging::of_new(&want.tags, owner)?));
        let Err(error) = request.send().await else { return Ok(made) };
        let fault = call.fault(&error);
        if fault.kind != FaultKind::Taken {
            return Err(fault);
        }
        let Some(group) = describe(session, &name).await? else { return Err(fault) };
        let present = tags_of(session, &group).await?;
        if tags::is_made(&present, owner) {
            return Ok(made);
        }
        Err(tagging::taken("classic security group", &name, "name", &present, owner))
    }

    async fn find(&self, session: &Session, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        let candidates = match (&want.name, seek) {
            (Some(name), _) => describe(session, name).await?.into_iter().collect(),
            (None, Seek::Made(owner)) => named(session, |name| name::is_made(name, owner)).await?,
            (None, Seek::Owned(owner)) => named(session, |name| name::is_owned(name, owner)).await?,
            // Without a name there is nothing to know it by.
            (None, Seek::Identity) => Vec::new(),
        };
        let mut names = Vec::new();
        for group in candidates {
            if *seek == Seek::Identity || tags::fits(&tags_of(session, &group).await?, seek) {
                names.extend(group.db_security_group_name().map(str::to_string));
            }
        }
        name::sole("classic security groups", names)
    }

    async fn read(&self, session: &Session, place: &Place) -> Result<Seen, Fault> {
        let Some(group) = describe(session, &place.id).await? else { return Ok(None) };
        let tags = tags_of(session, &group).await?;
        let inputs = told::wished(
            place,
            [
                ("name", told::text(group.db_security_group_name())),
                ("description", told::text(group.db_security_group_description())),
                ("ingress", Some(told_ingress(place, present(&group)))),
                ("tags", told::user_tags(&tags)),
            ],
        );
        let outputs = Outputs { arn: group.db_security_group_arn().map(str::to_string) };
        Ok(Some(Found { inputs, outputs, health: Health::Live }))
    }

    async fn check(&self, session: &Session, place: &Place) -> Result<Option<Health>, Fault> {
        Ok(describe(session, &place.id).await?.map(|_| Health::Live))
    }

    async fn update(
        &self,
        session: &Session,
        place: &Place,
        old: Option<&Fields>,
        want: &Want,
        owner: &Owner,
    ) -> Result<Progress, Fault> {
        let name = &*place.id;
        let Some(group) = describe(session, name).await? else {
            return Err(Fault::new(FaultKind::Missing, format!("the classic security group `{name}` does not exist")));
        };
        if tags::differ(old, &want.tags) {
            let present = tags_of(session, &group).await?;
            let arn = group.db_security_group_arn().unwrap_or_default();
            tagging::change(session, arn, &present, &want.tags, owner).await?;
        }
        let present = present(&group);
        for rule in want.ingress.iter().filter(|rule| !present.contains(rule)) {
            if rule.cidr.is_some() == rule.group.is_some() {
                let text = "a rule of a classic security group lets in either a `cidr` or a `group`";
                return Err(Fault::new(FaultKind::Refused, text).on("ingress").help("write one rule for each"));
            }
            let call = Call::write("rds:AuthorizeDBSecurityGroupIngress", format!("let {rule} into `{name}`"));
            let request = session.rds().authorize_db_security_group_ingress().db_security_group_name(name);
            let sent = request.set_cidrip(rule.cidr.clone()).set_ec2_security_group_id(rule.group.clone()).send();
            match sent.await.map_err(|error| call.fault(&error)) {
                // Let in already.
                Err(fault) if fault.kind != FaultKind::Taken => return Err(fault.on("ingress")),
                Ok(_) | Err(_) => {}
            }
        }
        for rule in present.iter().filter(|rule| !want.ingress.contains(rule)) {
            let call = Call::write("rds:RevokeDBSecurityGroupIngress", format!("let {rule} into `{name}` no longer"));
            let request = session.rds().revoke_db_security_group_ingress().db_security_group_name(name);
            let sent = request.set_cidrip(rule.cidr.clone()).set_ec2_security_group_id(rule.group.clone()).send();
            match sent.await.map_err(|error| call.fault(&error)) {
                // Not let in any more.
                Err(fault) if fault.kind != FaultKind::Missing => return Err(fault.on("ingress")),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(Progress::Done)
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let name = &*place.id;
        let call = Call::write("rds:DeleteDBSecurityGroup", format!("delete the classic security group `{name}`"));
        let sent = session.rds().delete_db_security_group().db_security_group_name(name).send();
        let Err(error) = sent.await else { return Ok(Progress::Done) };
        let fault = call.fault(&error);
        if fault.kind == FaultKind::Missing {
            return Ok(Progress::Done);
        }
        if fault.kind != FaultKind::Held {
            return Err(fault);
        }
        let uses = |database: &aws_sdk_rds::types::DbInstance| {
            database.db_security_groups().iter().any(|group| group.db_security_group_name() == Some(name))
        };
        instances::held_by(session, fault, uses).await
    }
}

impl std::fmt::Display for Ingress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.cidr.as_deref().or(self.group.as_deref()).unwrap_or("nobody"))
    }
}

fn present(group: &Group) -> Vec<Ingress> {
    let is_there = |status: Option<&str>| status != Some("revoking");
    let ranges = group.ip_ranges().iter().filter(|range| is_there(range.status()));
    let groups = group.ec2_security_groups().iter().filter(|group| is_there(group.status()));
    let ranges = ranges.map(|range| Ingress { cidr: range.cidrip().map(str::to_string), group: None });
    let group = |group: Option<&str>| Ingress { cidr: None, group: group.map(str::to_string) };
    ranges.chain(groups.map(|found| group(found.ec2_security_group_id()))).collect()
}

/// The rules, in the order of the recorded ones: their order means nothing.
fn told_ingress(place: &Place, mut present: Vec<Ingress>) -> Value {
    let recorded = match place.inputs.get("ingress") {
        Some(Value::List(recorded)) => recorded.as_slice(),
        Some(_) | None => &[],
    };
    let mut all = Vec::new();
    for item in recorded {
        let Ok(rule) = serde_json::from_value::<Ingress>(item.reveal()) else { continue };
        if let Some(at) = present.iter().position(|found| *found == rule) {
            present.remove(at);
            all.push(item.clone());
        }
    }
    all.extend(present.into_iter().map(|rule| {
        let group = rule.group.map(|id| reference(place, "", "SecurityGroup", &id));
        let fields = [("cidr", rule.cidr.map(Value::string)), ("group", group)];
        let fields = fields.into_iter().filter_map(|(name, value)| Some((name.into(), value?))).collect();
        Value::Data(Data { template: "DbIngress".into(), fields })
    }));
    Value::List(all)
}

async fn tags_of(session: &Session, group: &Group) -> Result<Tags, Fault> {
    tagging::read(session, group.db_security_group_arn().unwrap_or_default()).await
}

async fn describe(session: &Session, name: &str) -> Result<Option<Group>, Fault> {
    let call = Call::read("rds:DescribeDBSecurityGroups", format!("look at the classic security group `{name}`"));
    match session.rds().describe_db_security_groups().db_security_group_name(name).send().await {
        Ok(answer) => Ok(answer.db_security_groups().first().cloned()),
        Err(error) => match call.fault(&error) {
            fault if fault.kind == FaultKind::Missing => Ok(None),
            fault => Err(fault),
        },
    }
}

async fn named(session: &Session, fits: impl Fn(&str) -> bool) -> Result<Vec<Group>, Fault> {
    let call = Call::read("rds:DescribeDBSecurityGroups", "list the classic security groups");
    let mut pages = session.rds().describe_db_security_groups().into_paginator().page_size(100).send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| call.fault(&error))?;
        all.extend(
            page.db_security_groups().iter().filter(|group| group.db_security_group_name().is_some_and(&fits)).cloned(),
        );
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_rules_means_nothing() {
        let rule = |cidr: &str| {
            let fields = Fields::from([("cidr".into(), Value::string(cidr)), ("group".into(), Value::Null)]);
            Value::Data(Data { template: "DbIngress".into(), fields })
        };
        let recorded = Value::List(vec![rule("10.0.0.0/8"), rule("10.1.0.0/16")]);
        let place = Place {
            kind: "aws.DbSecurityGroup".into(),
            id: "x".into(),
            address: "x".parse().unwrap(),
            inputs: Fields::from([("ingress".into(), recorded.clone())]),
            outputs: Fields::new(),
        };
        let told = |cidrs: &[&str]| {
            let rule = |cidr: &&str| Ingress { cidr: Some(cidr.to_string()), group: None };
            told_ingress(&place, cidrs.iter().map(rule).collect())
        };
        assert_eq!(told(&["10.1.0.0/16", "10.0.0.0/8"]), recorded);
        assert_ne!(told(&["10.0.0.0/8"]), recorded);
        assert_ne!(told(&["10.1.0.0/16", "10.0.0.0/8", "0.0.0.0/0"]), recorded);
    }
}
