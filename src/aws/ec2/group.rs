//! Groups of like instances. One RunInstances call makes a group, all of it or nothing, and the
//! reservation that it answers with is the group's id; its tags say whose the instances are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use aws_sdk_ec2::types::{Filter, Instance, InstanceStateName, InstanceType, ResourceType, Tag};
use serde::{Deserialize, Serialize};

use super::tagging;
use crate::apply::provider::{
    Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek, TAG_ADDRESS, usually,
};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::model::action::Verb;
use crate::value::{Fields, Value};

/// For this long after the start of an instance a list may leave out others of its group.
const LISTING_LAG: Duration = Duration::from_secs(120);

#[derive(Clone, Copy)]
pub struct ImageInstance;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    #[serde(rename = "imageID")]
    image_id: String,
    min_count: i32,
    max_count: i32,
    instance_type: String,
    #[serde(default)]
    tags: Tags,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    #[serde(rename = "imageID")]
    image_id: Option<String>,
    instance_type: Option<String>,
    tags: Option<Tags>,
}

#[derive(Serialize)]
pub struct Outputs {
    instances: Vec<String>,
}

type Seen = Option<Found<Told, Outputs>>;

/// One instance, as it was listed.
#[derive(Clone)]
struct Listed {
    reservation: Arc<str>,
    instance: Instance,
}

impl Listed {
    fn id(&self) -> &str {
        self.instance.instance_id().unwrap_or_default()
    }

    fn state(&self) -> Option<&InstanceStateName> {
        self.instance.state().and_then(|state| state.name())
    }

    fn is(&self, states: &[InstanceStateName]) -> bool {
        self.state().is_some_and(|state| states.contains(state))
    }

    fn is_alive(&self) -> bool {
        self.is(&ALIVE)
    }

    fn tags(&self) -> Tags {
        tagging::of(self.instance.tags())
    }

    /// The disks that came with it and go with it.
    fn volumes(&self) -> impl Iterator<Item = &str> {
        let disks = self.instance.block_device_mappings().iter().filter_map(|mapping| mapping.ebs());
        disks.filter(|disk| disk.delete_on_termination() == Some(true)).filter_map(|disk| disk.volume_id())
    }
}

/// What is not yet gone or going.
const ALIVE: [InstanceStateName; 4] =
    [InstanceStateName::Pending, InstanceStateName::Running, InstanceStateName::Stopping, InstanceStateName::Stopped];

#[async_trait]
impl Kind for ImageInstance {
    type Want = Want;
    type Told = Told;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience {
            consistency: Duration::from_secs(60),
            poll: Duration::from_secs(3),
            deletion: Duration::from_secs(1200),
            ..Patience::default()
        }
    }

    fn usually(&self, verb: Verb) -> Duration {
        match verb {
            Verb::Create => Duration::from_secs(30),
            Verb::Delete => Duration::from_secs(45),
            Verb::Update | Verb::Check | Verb::Act | Verb::Http => usually(verb),
        }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let tagged = |resource| tagging::of_new(resource, &want.tags, owner);
        let what = match want.min_count {
            1 => format!("start an instance of `{}`", want.image_id),
            count => format!("start {count} instances of `{}`", want.image_id),
        };
        let call = Call::write("ec2:RunInstances ec2:CreateTags", what);
        let sent = session
            .ec2()
            .run_instances()
            .image_id(&want.image_id)
            .instance_type(InstanceType::from(want.instance_type.as_str()))
            .min_count(want.min_count)
            .max_count(want.max_count)
            .client_token(&*owner.token)
            .tag_specifications(tagged(ResourceType::Instance)?)
            .tag_specifications(tagged(ResourceType::Volume)?)
            .send();
        let answer = sent.await.map_err(|error| about_type(call.fault(&error)))?;
        match answer.reservation_id() {
            Some(id) => Ok(Made { id: id.into(), whole: true }),
            // They run: the engine has to look for them.
            None => {
                Err(Fault::new(FaultKind::Unknown, "aws started instances and did not say which reservation they are"))
            }
        }
    }

    async fn find(&self, session: &Session, _want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        // Instances have no name that a program could choose.
        let Some(filters) = tagging::sought(seek) else { return Ok(None) };
        let states = Filter::builder().name("instance-state-name");
        let states = states.set_values(Some(ALIVE.iter().map(|state| state.as_str().to_string()).collect())).build();
        let listed = list(session, filters.into_iter().chain([states]).collect()).await?;
        let groups: BTreeSet<Arc<str>> = listed.into_iter().map(|listed| listed.reservation).collect();
        if groups.len() > 1 {
            let names = groups.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
            let text = format!("several groups of instances could be this one: {names}");
            let help = "terminate those that are not needed, so that one is left";
            return Err(Fault::new(FaultKind::Refused, text).help(help));
        }
        Ok(groups.into_iter().next())
    }

    async fn read(&self, session: &Session, place: &Place) -> Result<Seen, Fault> {
        let groups = members(session, std::slice::from_ref(place), Trust::Record).await?;
        groups.into_iter().next().map_or(Ok(None), |group| seen(place, &group))
    }

    async fn read_many(&self, session: &Arc<Session>, places: &[Place]) -> Vec<Result<Seen, Fault>> {
        match members(session, places, Trust::Record).await {
            Ok(groups) => places.iter().zip(groups).map(|(place, group)| seen(place, &group)).collect(),
            Err(fault) => places.iter().map(|_| Err(fault.clone())).collect(),
        }
    }

    async fn update(
        &self,
        session: &Session,
        place: &Place,
        _old: Option<&Fields>,
        want: &Want,
        owner: &Owner,
    ) -> Result<Progress, Fault> {
        let group = alive(members(session, std::slice::from_ref(place), Trust::Tags).await?);
        if group.is_empty() {
            return Err(Fault::new(FaultKind::Missing, format!("no instance of `{}` is alive", place.id)));
        }
        // The tags are all that can change, and what they are now is known from each instance itself.
        let mut resources = Vec::new();
        let mut surplus = BTreeSet::new();
        let mut wanted = Tags::new();
        let mut differs = false;
        for listed in &group {
            let present = listed.tags();
            let mut all = tags::of_changed(&want.tags, owner, &present)?;
            all.retain(|key, _| !key.starts_with("aws:"));
            differs |= all.iter().any(|(key, value)| present.get(key) != Some(value));
            surplus.extend(tags::of_user(&present).into_keys().filter(|key| !all.contains_key(key)));
            wanted.extend(all);
            resources.push(listed.id().to_string());
            resources.extend(listed.volumes().map(str::to_string));
        }
        if differs {
            let call = Call::write("ec2:CreateTags", format!("set the tags of the instances of `{}`", place.id));
            let sent = session
                .ec2()
                .create_tags()
                .set_resources(Some(resources.clone()))
                .set_tags(Some(tagging::list(&wanted)));
            sent.send().await.map_err(|error| call.fault(&error).on("tags"))?;
        }
        if !surplus.is_empty() {
            let call = Call::write("ec2:DeleteTags", format!("remove tags from the instances of `{}`", place.id));
            // Without a value, a tag is removed whatever its value is.
            let keys = surplus.into_iter().map(|key| Tag::builder().key(key).build()).collect();
            let sent = session.ec2().delete_tags().set_resources(Some(resources)).set_tags(Some(keys)).send();
            sent.await.map_err(|error| call.fault(&error).on("tags"))?;
        }
        Ok(Progress::Done)
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let groups = members(session, std::slice::from_ref(place), Trust::Tags).await?;
        let listed: Vec<Listed> = groups.into_iter().flatten().collect();
        // One that was recorded and is not listed is long gone, or too new for the list. The call knows
        // it in both cases, but refuses all of its ids for one that it does not know.
        let unlisted = recorded(place).into_iter().filter(|id| listed.iter().all(|listed| listed.id() != id));
        let unlisted: Vec<String> = unlisted.collect();
        let ids: Vec<String> =
            listed.iter().filter(|listed| listed.is_alive()).map(|listed| listed.id().to_string()).collect();
        if !ids.is_empty() {
            terminate(session, place, ids).await?;
        }
        for id in unlisted {
            match terminate(session, place, vec![id]).await {
                Err(fault) if fault.kind == FaultKind::Missing => {}
                outcome => outcome?,
            }
        }
        Ok(Progress::Done)
    }
}

/// Amazon has one code for whatever is wrong with a value (`InvalidParameterValue`); which value it is,
/// only the message says.
fn about_type(fault: Fault) -> Fault {
    let names_type = ["InstanceType", "instance type"].iter().any(|words| fault.message.contains(words));
    let is_open = fault.attribute.is_none() && fault.kind == FaultKind::Refused;
    if is_open && names_type { fault.on("instanceType") } else { fault }
}

async fn terminate(session: &Session, place: &Place, ids: Vec<String>) -> Result<(), Fault> {
    let call = Call::write("ec2:TerminateInstances", format!("terminate the instances of `{}`", place.id));
    let sent = session.ec2().terminate_instances().set_instance_ids(Some(ids)).send();
    sent.await.map(|_| ()).map_err(|error| call.fault(&error))
}

/// What to go by when looking for the instances of a group.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// Recorded ids, where they must be all.
    Record,
    /// Tags and reservation, and the recorded ids besides: nothing may be overlooked.
    Tags,
}

/// The instances of each place, in whatever state, terminated ones too as long as they are listed.
/// It asks by filters, which pass over ids that EC2 has forgotten where a list of ids is refused.
async fn members(session: &Session, places: &[Place], trust: Trust) -> Result<Vec<Vec<Listed>>, Fault> {
    let mut ids = BTreeSet::new();
    let mut addresses = BTreeSet::new();
    for place in places {
        let recorded = recorded(place);
        // A group never grows, so one that is recorded in full has no member that is not. The first
        // lists after a start may have been short.
        let complete = count(place, "maxCount").is_some_and(|most| recorded.len() >= most);
        if !complete || trust == Trust::Tags {
            addresses.insert(tags::address(&place.address));
        }
        ids.extend(recorded);
    }
    let addresses: Vec<String> = addresses.into_iter().collect();
    let mut all: BTreeMap<String, Listed> = BTreeMap::new();
    for chunk in addresses.chunks(tagging::VALUES_OF_A_FILTER) {
        let found = list(session, vec![tagging::tagged(TAG_ADDRESS, chunk.iter().map(String::as_str))]).await?;
        all.extend(found.into_iter().map(|listed| (listed.id().to_string(), listed)));
    }
    let unseen: Vec<String> = ids.into_iter().filter(|id| !all.contains_key(id)).collect();
    for chunk in unseen.chunks(tagging::VALUES_OF_A_FILTER) {
        let filter = Filter::builder().name("instance-id").set_values(Some(chunk.to_vec())).build();
        let found = list(session, vec![filter]).await?;
        all.extend(found.into_iter().map(|listed| (listed.id().to_string(), listed)));
    }
    let mut groups: BTreeMap<&str, Vec<&Listed>> = BTreeMap::new();
    for listed in all.values() {
        groups.entry(&listed.reservation).or_default().push(listed);
    }
    let group = |place: &Place| groups.get(&*place.id).into_iter().flatten().copied().cloned().collect();
    Ok(places.iter().map(group).collect())
}

fn alive(groups: Vec<Vec<Listed>>) -> Vec<Listed> {
    groups.into_iter().flatten().filter(Listed::is_alive).collect()
}

/// Every instance that passes all the filters.
async fn list(session: &Session, filters: Vec<Filter>) -> Result<Vec<Listed>, Fault> {
    let call = Call::read("ec2:DescribeInstances", "list instances");
    let request = session.ec2().describe_instances().set_filters(Some(filters)).into_paginator().page_size(1000);
    let mut pages = request.send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| call.fault(&error))?;
        for reservation in page.reservations() {
            let id: Arc<str> = reservation.reservation_id().unwrap_or_default().into();
            let listed = |instance: &Instance| Listed { reservation: id.clone(), instance: instance.clone() };
            all.extend(reservation.instances().iter().map(listed));
        }
    }
    Ok(all)
}

/// The ids that were alive when last recorded.
fn recorded(place: &Place) -> Vec<String> {
    let instances = place.outputs.get("instances").into_iter().flat_map(Value::parts);
    instances.filter_map(|item| item.as_str().map(str::to_string)).collect()
}

fn count(place: &Place, attribute: &str) -> Option<usize> {
    let Some(Value::Int(count)) = place.inputs.get(attribute) else { return None };
    usize::try_from(*count).ok()
}

fn seen(place: &Place, group: &[Listed]) -> Result<Seen, Fault> {
    let alive: Vec<&Listed> = group.iter().filter(|listed| listed.is_alive()).collect();
    let going = group.iter().any(|listed| listed.is(&[InstanceStateName::ShuttingDown]));
    if alive.is_empty() && !going {
        return Ok(None);
    }
    let number = |states: &[InstanceStateName]| alive.iter().filter(|listed| listed.is(states)).count();
    let health = health(&Census {
        least: count(place, "minCount").unwrap_or(1),
        running: number(&[InstanceStateName::Running]),
        pending: number(&[InstanceStateName::Pending]),
        stopped: number(&[InstanceStateName::Stopping, InstanceStateName::Stopped]),
        listed: group.len(),
        recorded: recorded(place).len(),
        is_new: group.iter().any(is_new),
    });
    let mut instances: Vec<String> = alive.iter().map(|listed| listed.id().to_string()).collect();
    instances.sort();
    // A tag that only some of them have is not one of the group's.
    let tags = alive.iter().map(|listed| tags::of_user(&listed.tags())).reduce(|mut common, tags| {
        common.retain(|key, value| tags.get(key) == Some(value));
        common
    });
    let told = Told {
        image_id: same(alive.iter().map(|listed| listed.instance.image_id())),
        instance_type: same(alive.iter().map(|listed| listed.instance.instance_type().map(InstanceType::as_str))),
        tags,
    };
    Ok(Some(Found { inputs: told, outputs: Outputs { instances }, health }))
}

/// What all of them agree on, if they do.
fn same<'a>(mut values: impl Iterator<Item = Option<&'a str>>) -> Option<String> {
    let first = values.next()??;
    values.all(|value| value == Some(first)).then(|| first.to_string())
}

/// Whether it was started so lately that others of its group may still be missing from a list.
fn is_new(listed: &Listed) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let started = listed.instance.launch_time().and_then(|time| u64::try_from(time.secs()).ok());
    started.is_some_and(|started| now.saturating_sub(started) < LISTING_LAG.as_secs())
}

/// The numbers of a group.
struct Census {
    least: usize,
    running: usize,
    pending: usize,
    stopped: usize,
    /// In any state.
    listed: usize,
    /// Alive when last recorded.
    recorded: usize,
    is_new: bool,
}

fn health(group: &Census) -> Health {
    let least = group.least;
    let alive = group.running + group.pending + group.stopped;
    if group.running >= least {
        return Health::Live;
    }
    if alive == 0 {
        return Health::Waiting("shutting down".to_string());
    }
    // Amazon starts `minCount` or none: fewer in the first lists are a list that is behind.
    if group.listed < least && group.recorded == 0 && group.is_new {
        return Health::Waiting(format!("{} of {least} listed", group.listed));
    }
    if alive < least {
        return Health::Dead(format!("{alive} of at least {least} instances are alive"));
    }
    if group.running + group.pending < least {
        return Health::Dead(format!("{} of {alive} instances are stopped", group.stopped));
    }
    Health::Waiting(format!("{} of {least} running", group.running))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_health_of_a_group_follows_from_its_numbers() {
        let waiting = |text: &str| Health::Waiting(text.to_string());
        let dead = |text: &str| Health::Dead(text.to_string());
        // Of at least ten: running, pending, stopped, terminated or going.
        for (running, pending, stopped, gone, expected) in [
            (10, 0, 0, 0, Health::Live),
            (10, 2, 0, 0, Health::Live),
            (11, 0, 1, 3, Health::Live),
            (3, 7, 0, 0, waiting("3 of 10 running")),
            (0, 10, 0, 0, waiting("0 of 10 running")),
            (7, 0, 0, 3, dead("7 of at least 10 instances are alive")),
            (5, 2, 0, 3, dead("7 of at least 10 instances are alive")),
            (7, 0, 3, 0, dead("3 of 10 instances are stopped")),
            (7, 2, 3, 0, dead("3 of 12 instances are stopped")),
            (7, 3, 2, 0, waiting("7 of 10 running")),
            (0, 0, 0, 10, waiting("shutting down")),
        ] {
            let listed = running + pending + stopped + gone;
            let group = Census { least: 10, running, pending, stopped, listed, recorded: 10, is_new: true };
            assert_eq!(health(&group), expected, "{running} {pending} {stopped} {gone}");
        }
    }

    #[test]
    fn a_list_that_is_behind_is_not_a_death() {
        let group = |is_new, recorded| {
            health(&Census { least: 10, running: 2, pending: 5, stopped: 0, listed: 7, recorded, is_new })
        };
        assert_eq!(group(true, 0), Health::Waiting("7 of 10 listed".into()));
        let dead = Health::Dead("7 of at least 10 instances are alive".into());
        assert_eq!(group(false, 0), dead);
        assert_eq!(group(true, 10), dead);
    }

    #[test]
    fn a_refusal_of_the_type_is_on_the_type() {
        let attribute = |kind, message: &str| about_type(Fault::new(kind, message)).attribute;
        let words = "could not start: Invalid value 'z9.huge' for InstanceType (InvalidParameterValue)";
        assert_eq!(attribute(FaultKind::Refused, words), Some("instanceType".into()));
        assert_eq!(attribute(FaultKind::Throttled, words), None);
        assert_eq!(attribute(FaultKind::Refused, "could not start: no such key"), None);
    }

    #[test]
    fn what_all_agree_on_is_told() {
        assert_eq!(same([Some("a"), Some("a")].into_iter()), Some("a".to_string()));
        assert_eq!(same([Some("a"), Some("b")].into_iter()), None);
        assert_eq!(same([Some("a"), None].into_iter()), None);
        assert_eq!(same([].into_iter()), None);
    }
}
