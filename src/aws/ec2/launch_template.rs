//! How instances are started, kept under a name. A template has versions, which never change: a change makes a
//! new one and makes that the one that counts. Old versions stay until the template goes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::types::{
    Filter, InstanceType, LaunchTemplate as Listing, RequestLaunchTemplateData, ResourceType,
    ResponseLaunchTemplateData as Data,
};
use serde::{Deserialize, Serialize};

use super::instance::user_data;
use super::{listed, tagging};
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::aws::told;
use crate::value::{Fields, Value};

#[derive(Clone, Copy)]
pub struct LaunchTemplate;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    template_name: String,
    #[serde(rename = "imageID")]
    image_id: Option<String>,
    instance_type: Option<String>,
    key_pair: Option<String>,
    #[serde(default)]
    security_groups: Vec<String>,
    user_data: Option<String>,
    #[serde(default)]
    tags: Tags,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    template_name: Option<String>,
    #[serde(rename = "imageID")]
    image_id: Option<String>,
    instance_type: Option<String>,
    key_pair: Option<Value>,
    security_groups: Value,
    user_data: Option<String>,
    tags: Tags,
}

#[derive(Serialize)]
pub struct Outputs {
    version: i64,
}

type Seen = Result<Option<Found<Told, Outputs>>, Fault>;

/// The version of all templates that counts.
const DEFAULT: &str = "$Default";

impl Want {
    fn data(&self) -> RequestLaunchTemplateData {
        RequestLaunchTemplateData::builder()
            .set_image_id(self.image_id.clone())
            .set_instance_type(self.instance_type.as_deref().map(InstanceType::from))
            .set_key_name(self.key_pair.clone())
            .set_security_group_ids((!self.security_groups.is_empty()).then(|| self.security_groups.clone()))
            .set_user_data(self.user_data.as_deref().map(user_data::encoded))
            .build()
    }

    /// Whether a version says just this.
    fn is(&self, data: &Data) -> bool {
        let sorted = |groups: &[String]| {
            let mut groups = groups.to_vec();
            groups.sort();
            groups
        };
        let same_script = match (self.user_data.as_deref(), data.user_data().filter(|text| !text.is_empty())) {
            (Some(wanted), Some(told)) => user_data::is_same(wanted, told),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        same_script
            && self.image_id.as_deref() == data.image_id().filter(|text| !text.is_empty())
            && self.instance_type.as_deref() == data.instance_type().map(InstanceType::as_str)
            && self.key_pair.as_deref() == data.key_name().filter(|text| !text.is_empty())
            && sorted(&self.security_groups) == sorted(data.security_group_ids())
    }
}

fn id(listing: &Listing) -> &str {
    listing.launch_template_id().unwrap_or_default()
}

async fn list(session: &Session, filters: Vec<Filter>) -> Result<Vec<Listing>, Fault> {
    let call = Call::read("ec2:DescribeLaunchTemplates", "list launch templates");
    let request = session.ec2().describe_launch_templates().set_filters(Some(filters));
    let mut pages = request.into_paginator().page_size(200).send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        all.extend_from_slice(page.map_err(|error| call.fault(&error))?.launch_templates());
    }
    Ok(all)
}

/// Those of them that are there. No filter takes ids, and a list of ids is refused when one of them is gone: then
/// each is asked for by itself.
async fn with_ids(session: &Session, ids: &[&str]) -> Result<Vec<Listing>, Fault> {
    let call = Call::read("ec2:DescribeLaunchTemplates", "list launch templates");
    let ask = async |ids: &[&str]| {
        let ids = ids.iter().map(|id| id.to_string()).collect();
        let sent = session.ec2().describe_launch_templates().set_launch_template_ids(Some(ids)).send();
        sent.await.map_err(|error| call.fault(&error))
    };
    let mut all = Vec::new();
    for chunk in ids.chunks(tagging::VALUES_OF_A_FILTER) {
        match ask(chunk).await {
            Ok(answer) => all.extend_from_slice(answer.launch_templates()),
            Err(fault) if fault.kind == FaultKind::Missing && chunk.len() > 1 => {
                for id in chunk {
                    match ask(&[id]).await {
                        Ok(answer) => all.extend_from_slice(answer.launch_templates()),
                        Err(fault) if fault.kind == FaultKind::Missing => {}
                        Err(fault) => return Err(fault),
                    }
                }
            }
            Err(fault) if fault.kind == FaultKind::Missing => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(all)
}

/// What one version of one template says, or of all templates, by their ids.
async fn versions(session: &Session, of: Option<&str>, version: &str) -> Result<BTreeMap<String, (i64, Data)>, Fault> {
    let call = Call::read("ec2:DescribeLaunchTemplateVersions", "read launch templates");
    let request = session.ec2().describe_launch_template_versions().versions(version);
    let mut pages = request.set_launch_template_id(of.map(str::to_string)).into_paginator().page_size(200).send();
    let mut all = BTreeMap::new();
    while let Some(page) = pages.next().await {
        let page = match page.map_err(|error| call.fault(&error)) {
            Ok(page) => page,
            Err(fault) if fault.kind == FaultKind::Missing => return Ok(all),
            Err(fault) => return Err(fault),
        };
        for one in page.launch_template_versions() {
            let data = one.launch_template_data().cloned().unwrap_or_else(|| Data::builder().build());
            let id = one.launch_template_id().unwrap_or_default().to_string();
            all.insert(id, (one.version_number().unwrap_or_default(), data));
        }
    }
    Ok(all)
}

fn seen(place: &Place, listing: &Listing, version: i64, data: &Data) -> Found<Told, Outputs> {
    let is_set = |attribute: &str| told::is_set(place, attribute);
    // What is null is not told, and that there is none any more has to be.
    let text = |attribute: &str, told: Option<&str>| is_set(attribute).then(|| told.unwrap_or_default().to_string());
    let key = data.key_name().unwrap_or_default();
    let script = place.inputs.get("userData").filter(|data| !data.holds_secret());
    let told = Told {
        template_name: listing.launch_template_name().map(str::to_string),
        image_id: text("imageID", data.image_id()),
        instance_type: text("instanceType", data.instance_type().map(InstanceType::as_str)),
        key_pair: is_set("keyPair").then(|| told::reference(place, "keyPair", "KeyPair", key)),
        security_groups: told::references(place, "securityGroups", "SecurityGroup", data.security_group_ids().to_vec()),
        user_data: script.map(|text| user_data::as_recorded(text.as_str(), data.user_data().unwrap_or_default())),
        tags: tags::of_user(&tagging::of(listing.tags())),
    };
    Found { inputs: told, outputs: Outputs { version }, health: Health::Live }
}

#[async_trait]
impl Kind for LaunchTemplate {
    type Want = Want;
    type Told = Told;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience { consistency: Duration::from_secs(60), poll: Duration::from_secs(1), ..Patience::default() }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let name = &want.template_name;
        let call =
            Call::write("ec2:CreateLaunchTemplate ec2:CreateTags", format!("create the launch template `{name}`"));
        let sent = session
            .ec2()
            .create_launch_template()
            .launch_template_name(name)
            .launch_template_data(want.data())
            .client_token(&*owner.token)
            .tag_specifications(tagging::of_new(ResourceType::LaunchTemplate, &want.tags, owner)?)
            .send();
        let answer = sent.await.map_err(|error| call.fault(&error))?;
        let id = answer.launch_template().and_then(Listing::launch_template_id);
        Ok(Made { id: tagging::made(id, "a launch template")?, whole: true })
    }

    async fn find(&self, session: &Session, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        let by_name = || vec![tagging::exactly("launch-template-name", [want.template_name.as_str()])];
        let items = list(session, tagging::sought(seek).unwrap_or_else(by_name)).await?;
        let is_it = |item: &&Listing| {
            let present = tagging::of(item.tags());
            match seek {
                Seek::Made(owner) => tags::is_made(&present, owner),
                Seek::Owned(owner) => tags::is_owned(&present, owner),
                Seek::Identity => item.launch_template_name() == Some(&want.template_name),
            }
        };
        listed::only("launch templates", items.iter().filter(is_it).map(id))
    }

    async fn read(&self, session: &Session, place: &Place) -> Seen {
        let ids = [&*place.id];
        let (listing, versions) = tokio::join!(with_ids(session, &ids), versions(session, Some(&place.id), DEFAULT));
        let (listing, versions) = (listing?, versions?);
        let found = listing.first().zip(versions.get(&*place.id));
        Ok(found.map(|(listing, (version, data))| seen(place, listing, *version, data)))
    }

    /// Two lists for all of them.
    async fn read_many(&self, session: &Arc<Session>, places: &[Place]) -> Vec<Seen> {
        if let [place] = places {
            return vec![self.read(session, place).await];
        }
        let ids: Vec<&str> = places.iter().map(|place| &*place.id).collect();
        let (listings, versions) = tokio::join!(with_ids(session, &ids), versions(session, None, DEFAULT));
        let (listings, versions) = match (listings, versions) {
            (Ok(listings), Ok(versions)) => (listings, versions),
            (Err(fault), _) | (_, Err(fault)) => return places.iter().map(|_| Err(fault.clone())).collect(),
        };
        let found = |place: &Place| {
            let listing = listings.iter().find(|listing| id(listing) == &*place.id)?;
            let (version, data) = versions.get(&*place.id)?;
            Some(seen(place, listing, *version, data))
        };
        places.iter().map(|place| Ok(found(place))).collect()
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
        let (now, latest) = tokio::join!(versions(session, Some(id), DEFAULT), versions(session, Some(id), "$Latest"));
        let (mut now, mut latest) = (now?, latest?);
        let gone = || Fault::new(FaultKind::Missing, format!("the launch template `{id}` does not exist"));
        let (number, data) = now.remove(id).ok_or_else(gone)?;
        if want.is(&data) {
            return Ok(Progress::Done);
        }
        // An earlier try may have made it, and not come further.
        let version = match latest.remove(id).filter(|(latest, data)| *latest != number && want.is(data)) {
            Some((latest, _)) => latest,
            None => new_version(session, id, want, owner).await?,
        };
        let call = Call::write("ec2:ModifyLaunchTemplate", format!("let version {version} of `{id}` count"));
        let request =
            session.ec2().modify_launch_template().launch_template_id(id).default_version(version.to_string());
        request.send().await.map_err(|error| call.fault(&error))?;
        Ok(Progress::Done)
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let id = &*place.id;
        let call = Call::write("ec2:DeleteLaunchTemplate", format!("delete the launch template `{id}`"));
        match session.ec2().delete_launch_template().launch_template_id(id).send().await {
            Ok(_) => Ok(Progress::Done),
            Err(error) => tagging::gone_is_done(call.fault(&error)),
        }
    }
}

/// Makes a version that says just what is wanted; its number.
async fn new_version(session: &Session, id: &str, want: &Want, owner: &Owner) -> Result<i64, Fault> {
    let call = Call::write("ec2:CreateLaunchTemplateVersion", format!("make a new version of `{id}`"));
    let request = session.ec2().create_launch_template_version().launch_template_id(id);
    let sent = request.launch_template_data(want.data()).client_token(&*owner.token).send();
    let answer = sent.await.map_err(|error| call.fault(&error))?;
    let number = answer.launch_template_version().and_then(|version| version.version_number());
    number.ok_or_else(|| Fault::new(FaultKind::Unknown, format!("aws did not number the new version of `{id}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_as_wanted_when_it_means_the_same() {
        let want = Want {
            template_name: "web".into(),
            image_id: Some("ami-1".into()),
            instance_type: Some("t3.micro".into()),
            key_pair: None,
            security_groups: vec!["sg-2".into(), "sg-1".into()],
            user_data: Some("#!/bin/sh".into()),
            tags: Tags::new(),
        };
        let data = || {
            Data::builder()
                .image_id("ami-1")
                .instance_type(InstanceType::T3Micro)
                .key_name("")
                .security_group_ids("sg-1")
                .security_group_ids("sg-2")
                .user_data(user_data::encoded("#!/bin/sh"))
        };
        assert!(want.is(&data().build()));
        assert!(!want.is(&data().key_name("k").build()));
        assert!(!want.is(&data().user_data(user_data::encoded("#!/bin/bash")).build()));
        assert!(!want.is(&data().security_group_ids("sg-3").build()));
        assert!(!want.is(&data().set_user_data(None).build()));
    }
}
