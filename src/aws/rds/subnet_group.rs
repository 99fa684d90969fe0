//! Subnet groups: where in a VPC a database may be. RDS has no tags in their list, so the name decides which one
//! it may be, and the tags whose it is.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_rds::types::DbSubnetGroup as Group;
use serde::{Deserialize, Serialize};

use super::{instances, name, tagging, told};
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind, at_once};
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::aws::told::references;
use crate::value::Fields;

#[derive(Clone, Copy)]
pub struct DbSubnetGroup;

#[derive(Deserialize)]
pub struct Want {
    name: Option<String>,
    description: String,
    subnets: Vec<String>,
    #[serde(default)]
    tags: Tags,
}

#[derive(Serialize)]
pub struct Outputs {
    arn: Option<String>,
}

type Seen = Option<Found<Fields, Outputs>>;

#[async_trait]
impl Kind for DbSubnetGroup {
    type Want = Want;
    type Told = Fields;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience { consistency: Duration::from_secs(30), ..Patience::default() }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let name = want.name.clone().unwrap_or_else(|| name::derived(owner));
        let made = Made { id: name.as_str().into(), whole: true };
        let call =
            Call::write("rds:CreateDBSubnetGroup rds:AddTagsToResource", format!("create the subnet group `{name}`"));
        let request = session
            .rds()
            .create_db_subnet_group()
            .db_subnet_group_name(&name)
            .db_subnet_group_description(&want.description)
            .set_subnet_ids(Some(want.subnets.clone()))
            .set_tags(Some(tagging::of_new(&want.tags, owner)?));
        // An emulator would put the new one in the place of the old one: only a look beforehand tells.
        let present = match describe(session, &name).await? {
            Some(group) => group,
            None => {
                let Err(error) = request.send().await else { return Ok(made) };
                let fault = call.fault(&error);
                if fault.kind != FaultKind::Taken {
                    return Err(fault);
                }
                let Some(group) = describe(session, &name).await? else { return Err(fault) };
                group
            }
        };
        let present = tags_of(session, &present).await?;
        if tags::is_made(&present, owner) {
            return Ok(made);
        }
        Err(tagging::taken("subnet group", &name, "name", &present, owner))
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
                names.extend(group.db_subnet_group_name().map(str::to_string));
            }
        }
        name::sole("subnet groups", names)
    }

    async fn read(&self, session: &Session, place: &Place) -> Result<Seen, Fault> {
        match describe(session, &place.id).await? {
            Some(group) => seen(session, place, &group).await.map(Some),
            None => Ok(None),
        }
    }

    async fn read_many(&self, session: &Arc<Session>, places: &[Place]) -> Vec<Result<Seen, Fault>> {
        if let [place] = places {
            return vec![self.read(session, place).await];
        }
        let groups = match list(session).await {
            Ok(groups) => groups,
            Err(fault) => return places.iter().map(|_| Err(fault.clone())).collect(),
        };
        at_once(places.iter().cloned().map(|place| {
            let group = groups.iter().find(|group| group.db_subnet_group_name() == Some(&*place.id)).cloned();
            let session = session.clone();
            async move {
                match group {
                    Some(group) => seen(&session, &place, &group).await.map(Some),
                    None => Ok(None),
                }
            }
        }))
        .await
    }

    async fn check(&self, session: &Session, place: &Place) -> Result<Option<Health>, Fault> {
        Ok(describe(session, &place.id).await?.as_ref().map(health))
    }

    async fn update(
        &self,
        session: &Session,
        place: &Place,
        old: Option<&Fields>,
        want: &Want,
        owner: &Owner,
    ) -> Result<Progress, Fault> {
        let Some(group) = describe(session, &place.id).await? else {
            return Err(Fault::new(FaultKind::Missing, format!("the subnet group `{}` does not exist", place.id)));
        };
        if tags::differ(old, &want.tags) {
            let present = tags_of(session, &group).await?;
            tagging::change(session, arn(&group), &present, &want.tags, owner).await?;
        }
        let present = subnets(&group);
        let same =
            present.iter().all(|id| want.subnets.contains(id)) && want.subnets.iter().all(|id| present.contains(id));
        if same && group.db_subnet_group_description() == Some(&want.description) {
            return Ok(Progress::Done);
        }
        let call = Call::write("rds:ModifyDBSubnetGroup", format!("change the subnet group `{}`", place.id));
        let request = session
            .rds()
            .modify_db_subnet_group()
            .db_subnet_group_name(&*place.id)
            .db_subnet_group_description(&want.description)
            .set_subnet_ids(Some(want.subnets.clone()));
        request.send().await.map_err(|error| call.fault(&error))?;
        Ok(Progress::Done)
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let name = &*place.id;
        let call = Call::write("rds:DeleteDBSubnetGroup", format!("delete the subnet group `{name}`"));
        let sent = session.rds().delete_db_subnet_group().db_subnet_group_name(name).send();
        let Err(error) = sent.await else { return Ok(Progress::Done) };
        let fault = call.fault(&error);
        match fault.kind {
            FaultKind::Missing => Ok(Progress::Done),
            FaultKind::Held => {
                let uses = |database: &aws_sdk_rds::types::DbInstance| {
                    database.db_subnet_group().and_then(Group::db_subnet_group_name) == Some(name)
                };
                instances::held_by(session, fault, uses).await
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

fn subnets(group: &Group) -> Vec<String> {
    group.subnets().iter().filter_map(|subnet| subnet.subnet_identifier().map(str::to_string)).collect()
}

fn health(group: &Group) -> Health {
    match group.subnet_group_status() {
        Some("Complete") | None => Health::Live,
        Some(other) => Health::Waiting(other.to_string()),
    }
}

async fn seen(session: &Session, place: &Place, group: &Group) -> Result<Found<Fields, Outputs>, Fault> {
    let tags = tags_of(session, group).await?;
    let inputs = told::wished(
        place,
        [
            ("name", told::text(group.db_subnet_group_name())),
            ("description", told::text(group.db_subnet_group_description())),
            ("subnets", Some(references(place, "subnets", "Subnet", subnets(group)))),
            ("tags", told::user_tags(&tags)),
        ],
    );
    let outputs = Outputs { arn: group.db_subnet_group_arn().map(str::to_string) };
    Ok(Found { inputs, outputs, health: health(group) })
}

fn arn(group: &Group) -> &str {
    group.db_subnet_group_arn().unwrap_or_default()
}

async fn tags_of(session: &Session, group: &Group) -> Result<Tags, Fault> {
    tagging::read(session, arn(group)).await
}

async fn describe(session: &Session, name: &str) -> Result<Option<Group>, Fault> {
    let call = Call::read("rds:DescribeDBSubnetGroups", format!("look at the subnet group `{name}`"));
    match session.rds().describe_db_subnet_groups().db_subnet_group_name(name).send().await {
        Ok(answer) => Ok(answer.db_subnet_groups().first().cloned()),
        Err(error) => match call.fault(&error) {
            fault if fault.kind == FaultKind::Missing => Ok(None),
            fault => Err(fault),
        },
    }
}

async fn named(session: &Session, fits: impl Fn(&str) -> bool) -> Result<Vec<Group>, Fault> {
    let mut groups = list(session).await?;
    groups.retain(|group| group.db_subnet_group_name().is_some_and(&fits));
    Ok(groups)
}

async fn list(session: &Session) -> Result<Vec<Group>, Fault> {
    let call = Call::read("rds:DescribeDBSubnetGroups", "list the subnet groups");
    let mut pages = session.rds().describe_db_subnet_groups().into_paginator().page_size(100).send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        all.extend(page.map_err(|error| call.fault(&error))?.db_subnet_groups().iter().cloned());
    }
    Ok(all)
}
