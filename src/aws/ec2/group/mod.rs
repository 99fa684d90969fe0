//! Groups of like instances. One RunInstances call makes a group, all of it or nothing, and the
//! reservation that it answers with is the group's id; its tags say whose the instances are. What is started
//! later to fill it up bears that id in a tag of its own.

mod census;
mod members;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::types::{InstanceStateName, InstanceType, ResourceType, Tag, TagSpecification};
use serde::{Deserialize, Serialize};

use self::census::{Census, health};
use self::members::{ALIVE, Trust, alive, count, is_new, members};
pub use self::members::{Listed, TAG_GROUP, list, recorded};
use super::{listed, tagging};
use crate::apply::provider::{Fault, FaultKind, Made, Owner, Patience, Place, Progress, Seek, usually};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::state::Operation;
use crate::value::Fields;

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
    min_count: Option<usize>,
    max_count: Option<usize>,
    instance_type: Option<String>,
    tags: Option<Tags>,
}

#[derive(Serialize)]
pub struct Outputs {
    instances: Vec<String>,
}

type Seen = Option<Found<Told, Outputs>>;

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

    fn usually(&self, operation: Operation) -> Duration {
        match operation {
            Operation::Create => Duration::from_secs(30),
            Operation::Delete => Duration::from_secs(45),
            Operation::Update => usually(operation),
        }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let what = match want.min_count {
            1 => format!("start an instance of `{}`", want.image_id),
            count => format!("start {count} instances of `{}`", want.image_id),
        };
        match run(session, want, owner, (want.min_count, want.max_count), None, what).await? {
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
        let states = tagging::filter("instance-state-name", ALIVE.iter().map(InstanceStateName::as_str));
        let found = list(session, filters.into_iter().chain([states]).collect()).await?;
        let groups: BTreeSet<Arc<str>> = found.iter().map(Listed::group).collect();
        listed::only("groups of instances", groups.iter().map(|id| &**id))
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
        // What the tags are now is known from each instance itself.
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
        resize(session, place, want, owner, group).await
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

/// Starts as many as these, all with the tags of their owner; `group` is that which they fill up. Answers the
/// reservation.
async fn run(
    session: &Session,
    want: &Want,
    owner: &Owner,
    (least, most): (i32, i32),
    group: Option<&str>,
    purpose: String,
) -> Result<Option<String>, Fault> {
    let tagged = |resource: ResourceType| {
        let mut all = tags::of_new(&want.tags, owner)?;
        all.extend(group.map(|group| (TAG_GROUP.to_string(), group.to_string())));
        Ok(TagSpecification::builder().resource_type(resource).set_tags(Some(tagging::list(&all))).build())
    };
    let call = Call::write("ec2:RunInstances ec2:CreateTags", purpose);
    let sent = session
        .ec2()
        .run_instances()
        .image_id(&want.image_id)
        .instance_type(InstanceType::from(want.instance_type.as_str()))
        .min_count(least)
        .max_count(most)
        .client_token(&*owner.token)
        .tag_specifications(tagged(ResourceType::Instance)?)
        .tag_specifications(tagged(ResourceType::Volume)?)
        .send();
    let answer = sent.await.map_err(|error| about_type(call.fault(&error)))?;
    let reservation = answer.reservation_id().map(str::to_string);
    if let Some(id) = group.or(reservation.as_deref()) {
        let started = answer.instances().iter().filter_map(|one| one.instance_id().map(str::to_string));
        session.recent.note_members(id, started);
    }
    Ok(reservation)
}

/// Makes it as many as are wanted: starts those that are stopped, and others for those that are gone; ends those
/// that are too many, the newest first, as they have done the least.
async fn resize(
    session: &Session,
    place: &Place,
    want: &Want,
    owner: &Owner,
    group: Vec<Listed>,
) -> Result<Progress, Fault> {
    let bound = |count: i32| usize::try_from(count).unwrap_or_default();
    let (least, most) = (bound(want.min_count), bound(want.max_count));
    if group.len() > most {
        let mut newest: Vec<&Listed> = group.iter().collect();
        newest.sort_by_key(|listed| (listed.instance.launch_time().map(|time| time.secs()), listed.id()));
        let surplus = newest.iter().rev().take(group.len() - most).map(|listed| listed.id().to_string());
        terminate(session, place, surplus.collect()).await?;
        return Ok(Progress::Done);
    }
    let up = group.iter().filter(|listed| listed.is(&[InstanceStateName::Pending, InstanceStateName::Running])).count();
    if up >= least {
        return Ok(Progress::Done);
    }
    if group.iter().any(|listed| listed.is(&[InstanceStateName::Stopping])) {
        return Ok(Progress::Waiting("stopping".to_string()));
    }
    let stopped = group.iter().filter(|listed| listed.is(&[InstanceStateName::Stopped]));
    let stopped: Vec<String> = stopped.map(|listed| listed.id().to_string()).collect();
    if !stopped.is_empty() {
        let call = Call::write("ec2:StartInstances", format!("start the stopped instances of `{}`", place.id));
        let sent = session.ec2().start_instances().set_instance_ids(Some(stopped)).send();
        sent.await.map_err(|error| about_type(call.fault(&error)))?;
    }
    if group.len() < least {
        let missing = |count: i32| count.saturating_sub(i32::try_from(group.len()).unwrap_or(i32::MAX));
        let counts = (missing(want.min_count), missing(want.max_count));
        let purpose = format!("start {} more instances for `{}`", counts.0, place.id);
        let run = run(session, want, owner, counts, Some(&place.id), purpose).await;
        run.map_err(|fault| match fault.message.contains("IdempotentParameterMismatch") {
            // An earlier try of this operation started some, and not all of them are listed yet.
            true => Fault { kind: FaultKind::Unavailable, ..fault },
            false => fault,
        })?;
    }
    Ok(Progress::Done)
}

async fn terminate(session: &Session, place: &Place, ids: Vec<String>) -> Result<(), Fault> {
    let call = Call::write("ec2:TerminateInstances", format!("terminate the instances of `{}`", place.id));
    let sent = session.ec2().terminate_instances().set_instance_ids(Some(ids)).send();
    sent.await.map(|_| ()).map_err(|error| call.fault(&error))
}

fn seen(place: &Place, group: &[Listed]) -> Result<Seen, Fault> {
    let alive: Vec<&Listed> = group.iter().filter(|listed| listed.is_alive()).collect();
    let going = group.iter().any(|listed| listed.is(&[InstanceStateName::ShuttingDown]));
    if alive.is_empty() && !going {
        return Ok(None);
    }
    let number = |states: &[InstanceStateName]| alive.iter().filter(|listed| listed.is(states)).count();
    let (least, most) = (count(place, "minCount"), count(place, "maxCount"));
    let census = Census {
        least: least.unwrap_or(1),
        running: number(&[InstanceStateName::Running]),
        pending: number(&[InstanceStateName::Pending]),
        stopped: number(&[InstanceStateName::Stopping, InstanceStateName::Stopped]),
        listed: group.len(),
        recorded: recorded(place).len(),
        is_new: group.iter().any(is_new),
    };
    let mut instances: Vec<String> = alive.iter().map(|listed| listed.id().to_string()).collect();
    instances.sort();
    // A tag that only some of them have is not one of the group's.
    let tags = alive.iter().map(|listed| tags::of_user(&listed.tags())).reduce(|mut common, tags| {
        common.retain(|key, value| tags.get(key) == Some(value));
        common
    });
    let told = Told {
        min_count: least.map(|_| census.at_least()),
        max_count: most.map(|most| most.max(alive.len())),
        image_id: same(alive.iter().map(|listed| listed.instance.image_id())),
        instance_type: same(alive.iter().map(|listed| listed.instance.instance_type().map(InstanceType::as_str))),
        tags,
    };
    Ok(Some(Found { inputs: told, outputs: Outputs { instances }, health: health(&census) }))
}

/// What all of them agree on, if they do.
fn same<'a>(mut values: impl Iterator<Item = Option<&'a str>>) -> Option<String> {
    let first = values.next()??;
    values.all(|value| value == Some(first)).then(|| first.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

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
