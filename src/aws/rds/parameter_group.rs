//! Parameter groups: how the engine of a database is set up. They are made empty and then filled, at most 20
//! parameters a call; what nobody set is the family's own business and is never shown.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_rds::types::{DbParameterGroup as Group, Parameter};
use serde::{Deserialize, Serialize};

use super::instances;
use super::parameters::{self, AT_ONCE, Method};
use super::{name, tagging, told};
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind, at_once};
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::value::{Fields, Value};

#[derive(Clone, Copy)]
pub struct DbParameterGroup;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    name: Option<String>,
    family: String,
    description: String,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    #[serde(default)]
    apply_method: Method,
    #[serde(default)]
    tags: Tags,
}

#[derive(Serialize)]
pub struct Outputs {
    arn: Option<String>,
}

type Seen = Option<Found<Fields, Outputs>>;

#[async_trait]
impl Kind for DbParameterGroup {
    type Want = Want;
    type Told = Fields;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience { consistency: Duration::from_secs(30), ..Patience::default() }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let name = want.name.clone().unwrap_or_else(|| name::derived(owner));
        let made = Made { id: name.as_str().into(), whole: want.parameters.is_empty() };
        let call = Call::write(
            "rds:CreateDBParameterGroup rds:AddTagsToResource",
            format!("create the parameter group `{name}`"),
        );
        let request = session
            .rds()
            .create_db_parameter_group()
            .db_parameter_group_name(&name)
            .db_parameter_group_family(&want.family)
            .description(&want.description)
            .set_tags(Some(tagging::of_new(&want.tags, owner)?));
        let Err(error) = request.send().await else { return Ok(made) };
        let fault = about_family(call.fault(&error));
        if fault.kind != FaultKind::Taken {
            return Err(fault);
        }
        let Some(group) = describe(session, &name).await? else { return Err(fault) };
        let present = tags_of(session, &group).await?;
        if tags::is_made(&present, owner) {
            return Ok(made);
        }
        Err(tagging::taken("parameter group", &name, "name", &present, owner))
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
                names.extend(group.db_parameter_group_name().map(str::to_string));
            }
        }
        name::sole("parameter groups", names)
    }

    async fn read(&self, session: &Session, place: &Place) -> Result<Seen, Fault> {
        match describe(session, &place.id).await? {
            Some(group) => seen(session, place, &group).await,
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
            let group = groups.iter().find(|group| group.db_parameter_group_name() == Some(&*place.id)).cloned();
            let session = session.clone();
            async move {
                match group {
                    Some(group) => seen(&session, &place, &group).await,
                    None => Ok(None),
                }
            }
        }))
        .await
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
        let Some(group) = describe(session, &place.id).await? else {
            return Err(Fault::new(FaultKind::Missing, format!("the parameter group `{}` does not exist", place.id)));
        };
        if tags::differ(old, &want.tags) {
            let present = tags_of(session, &group).await?;
            tagging::change(session, arn(&group), &present, &want.tags, owner).await?;
        }
        match change(session, &place.id, want).await {
            // Another change of it is still being made.
            Err(fault) if fault.kind == FaultKind::Held => Ok(Progress::Waiting("being changed".to_string())),
            outcome => outcome.map(|()| Progress::Done),
        }
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let name = &*place.id;
        let call = Call::write("rds:DeleteDBParameterGroup", format!("delete the parameter group `{name}`"));
        let sent = session.rds().delete_db_parameter_group().db_parameter_group_name(name).send();
        let Err(error) = sent.await else { return Ok(Progress::Done) };
        let fault = call.fault(&error);
        match fault.kind {
            FaultKind::Missing => Ok(Progress::Done),
            FaultKind::Held => {
                let uses = |database: &aws_sdk_rds::types::DbInstance| {
                    database.db_parameter_groups().iter().any(|group| group.db_parameter_group_name() == Some(name))
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

/// Amazon has one code for whatever is wrong with a value; that it is the family, only the message says.
fn about_family(fault: Fault) -> Fault {
    let is_open = fault.attribute.is_none() && fault.kind == FaultKind::Refused;
    if is_open && fault.message.contains("amily") {
        return fault.on("family").help(
            "`aws rds describe-db-engine-versions --query 'DBEngineVersions[].DBParameterGroupFamily'` lists all",
        );
    }
    fault
}

/// Sets and resets what differs, and nothing else.
async fn change(session: &Session, group: &str, want: &Want) -> Result<(), Fault> {
    let present = parameters::list(session, group, true).await?;
    let changes = parameters::changes(&want.parameters, &present);
    if changes.is_empty() {
        return Ok(());
    }
    // Which are static, only the list of all says.
    let all = match want.apply_method {
        Method::Auto => parameters::list(session, group, false).await?,
        Method::Immediate | Method::PendingReboot => Vec::new(),
    };
    let parameter = |name: &str, value: Option<&str>| {
        Parameter::builder()
            .parameter_name(name)
            .set_parameter_value(value.map(str::to_string))
            .apply_method(parameters::method(want.apply_method, name, &all))
            .build()
    };
    let purpose = |what: &str, names: &[&str]| format!("{what} {} of the parameter group `{group}`", quoted(names));
    for chunk in changes.reset.chunks(AT_ONCE) {
        let call = Call::write("rds:ResetDBParameterGroup", purpose("reset", chunk));
        let chunk = chunk.iter().map(|name| parameter(name, None)).collect();
        let request = session.rds().reset_db_parameter_group().db_parameter_group_name(group);
        let sent = request.reset_all_parameters(false).set_parameters(Some(chunk)).send();
        sent.await.map_err(|error| call.fault(&error).on("parameters"))?;
    }
    for chunk in changes.set.chunks(AT_ONCE) {
        let names: Vec<&str> = chunk.iter().map(|(name, _)| *name).collect();
        let call = Call::write("rds:ModifyDBParameterGroup", purpose("set", &names));
        let chunk = chunk.iter().map(|(name, value)| parameter(name, Some(value))).collect();
        let request = session.rds().modify_db_parameter_group().db_parameter_group_name(group);
        let sent = request.set_parameters(Some(chunk)).send();
        sent.await.map_err(|error| call.fault(&error).on("parameters"))?;
    }
    Ok(())
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

async fn seen(session: &Session, place: &Place, group: &Group) -> Result<Seen, Fault> {
    let recorded: BTreeMap<String, String> = match place.inputs.get("parameters") {
        Some(Value::Map(all)) => {
            all.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_string()))).collect()
        }
        Some(_) | None => BTreeMap::new(),
    };
    let (set, tags) = tokio::join!(parameters::list(session, &place.id, true), tags_of(session, group));
    let set = match set {
        Ok(set) => set,
        // It went between two calls.
        Err(fault) if fault.kind == FaultKind::Missing => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let parameters = if parameters::is_short(&recorded, &set) {
        let all = parameters::list(session, &place.id, false).await?;
        parameters::told_of_all(&recorded, &set, &all)
    } else {
        parameters::told(&recorded, &set)
    };
    let inputs = told::wished(
        place,
        [
            ("name", told::text(group.db_parameter_group_name())),
            ("family", told::text(group.db_parameter_group_family())),
            ("description", told::text(group.description())),
            ("parameters", Some(told::texts(parameters))),
            ("tags", told::user_tags(&tags?)),
        ],
    );
    let outputs = Outputs { arn: group.db_parameter_group_arn().map(str::to_string) };
    Ok(Some(Found { inputs, outputs, health: Health::Live }))
}

fn arn(group: &Group) -> &str {
    group.db_parameter_group_arn().unwrap_or_default()
}

async fn tags_of(session: &Session, group: &Group) -> Result<Tags, Fault> {
    tagging::read(session, arn(group)).await
}

/// Which engine and version a group is for; nothing when there is no such group.
///
/// # Errors
/// When AWS refuses.
pub async fn family(session: &Session, name: &str) -> Result<Option<String>, Fault> {
    Ok(describe(session, name).await?.and_then(|group| group.db_parameter_group_family().map(str::to_string)))
}

async fn describe(session: &Session, name: &str) -> Result<Option<Group>, Fault> {
    let call = Call::read("rds:DescribeDBParameterGroups", format!("look at the parameter group `{name}`"));
    match session.rds().describe_db_parameter_groups().db_parameter_group_name(name).send().await {
        Ok(answer) => {
            Ok(answer.db_parameter_groups().iter().find(|group| group.db_parameter_group_name() == Some(name)).cloned())
        }
        Err(error) => match call.fault(&error) {
            fault if fault.kind == FaultKind::Missing => Ok(None),
            fault => Err(fault),
        },
    }
}

async fn named(session: &Session, fits: impl Fn(&str) -> bool) -> Result<Vec<Group>, Fault> {
    let mut groups = list(session).await?;
    groups.retain(|group| group.db_parameter_group_name().is_some_and(&fits));
    Ok(groups)
}

async fn list(session: &Session) -> Result<Vec<Group>, Fault> {
    let call = Call::read("rds:DescribeDBParameterGroups", "list the parameter groups");
    let mut pages = session.rds().describe_db_parameter_groups().into_paginator().page_size(100).send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        all.extend(page.map_err(|error| call.fault(&error))?.db_parameter_groups().iter().cloned());
    }
    Ok(all)
}
