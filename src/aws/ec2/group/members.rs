//! Who is in a group: the reservation that began it, and those that were started later to fill it up, which
//! bear its id in a tag.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_ec2::types::{Filter, Instance, InstanceStateName};

use crate::apply::provider::{Fault, Place, TAG_ADDRESS};
use crate::aws::ec2::tagging;
use crate::aws::fault::Call;
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::value::Value;

/// The group that an instance was started for, where its reservation is not that group.
pub const TAG_GROUP: &str = "tadpole:group";

/// For this long after the start of an instance a list may leave out others of its group.
const LISTING_LAG: Duration = Duration::from_secs(120);

/// One instance, as it was listed.
#[derive(Clone)]
pub struct Listed {
    reservation: Arc<str>,
    pub instance: Instance,
}

impl Listed {
    pub fn id(&self) -> &str {
        self.instance.instance_id().unwrap_or_default()
    }

    fn state(&self) -> Option<&InstanceStateName> {
        self.instance.state().and_then(|state| state.name())
    }

    pub fn is(&self, states: &[InstanceStateName]) -> bool {
        self.state().is_some_and(|state| states.contains(state))
    }

    pub fn is_alive(&self) -> bool {
        self.is(&ALIVE)
    }

    /// The group that it belongs to, where nothing is known but what is listed.
    pub fn group(&self) -> Arc<str> {
        self.written().unwrap_or_else(|| self.reservation.clone())
    }

    /// The group that its tag says.
    fn written(&self) -> Option<Arc<str>> {
        let tags = self.instance.tags();
        tags.iter().find(|tag| tag.key() == Some(TAG_GROUP)).and_then(|tag| tag.value()).map(Arc::from)
    }

    pub fn tags(&self) -> Tags {
        tagging::of(self.instance.tags())
    }

    /// The disks that came with it and go with it.
    pub fn volumes(&self) -> impl Iterator<Item = &str> {
        let disks = self.instance.block_device_mappings().iter().filter_map(|mapping| mapping.ebs());
        disks.filter(|disk| disk.delete_on_termination() == Some(true)).filter_map(|disk| disk.volume_id())
    }
}

/// What is not yet gone or going.
pub const ALIVE: [InstanceStateName; 4] =
    [InstanceStateName::Pending, InstanceStateName::Running, InstanceStateName::Stopping, InstanceStateName::Stopped];

/// What to go by when looking for the instances of a group.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Recorded ids, where they are all there can be.
    Record,
    /// Tags and reservation, and the recorded ids besides: nothing may be overlooked.
    Tags,
}

/// The instances of each place, in whatever state, terminated ones too as long as they are listed.
/// It asks by filters, which pass over ids that EC2 has forgotten where a list of ids is refused.
pub async fn members(session: &Session, places: &[Place], trust: Trust) -> Result<Vec<Vec<Listed>>, Fault> {
    let mut all: BTreeMap<String, Listed> = BTreeMap::new();
    // Not every cloud lists an instance under the reservation that its start answered.
    let claimed = |place: &Place| recorded(place).into_iter().map(|id| (id, place.id.clone())).collect::<Vec<_>>();
    let claimed: BTreeMap<String, Arc<str>> = places.iter().flat_map(claimed).collect();
    let ids: BTreeSet<String> = places.iter().flat_map(recorded).collect();
    let ids: Vec<String> = ids.into_iter().collect();
    for chunk in ids.chunks(tagging::VALUES_OF_A_FILTER) {
        let found = list(session, vec![tagging::filter("instance-id", chunk.iter().cloned())]).await?;
        all.extend(found.into_iter().map(|listed| (listed.id().to_string(), listed)));
    }
    let open = places.iter().filter(|place| trust == Trust::Tags || !is_complete(place, &all));
    let addresses: BTreeSet<String> = open.map(|place| tags::address(&place.address)).collect();
    let addresses: Vec<String> = addresses.into_iter().collect();
    for chunk in addresses.chunks(tagging::VALUES_OF_A_FILTER) {
        let found = list(session, vec![tagging::tagged(TAG_ADDRESS, chunk.iter().map(String::as_str))]).await?;
        all.extend(found.into_iter().map(|listed| (listed.id().to_string(), listed)));
    }
    let mut groups: BTreeMap<Arc<str>, Vec<&Listed>> = BTreeMap::new();
    for listed in all.values() {
        let started = || session.recent.group_of(listed.id());
        let group = listed.written().or_else(started).or_else(|| claimed.get(listed.id()).cloned());
        groups.entry(group.unwrap_or_else(|| listed.reservation.clone())).or_default().push(listed);
    }
    let group = |place: &Place| groups.get(&place.id).into_iter().flatten().copied().cloned().collect();
    Ok(places.iter().map(group).collect())
}

/// Whether the recorded instances are all that a group can have: as many as it may have, and either all of them
/// alive or none. Where some died, others may have been started in their place; the first lists after a start
/// may have been short.
fn is_complete(place: &Place, listed: &BTreeMap<String, Listed>) -> bool {
    let recorded = recorded(place);
    let alive = recorded.iter().filter(|id| listed.get(*id).is_some_and(Listed::is_alive)).count();
    let all = count(place, "maxCount").is_some_and(|most| recorded.len() >= most);
    all && (alive == recorded.len() || alive == 0)
}

pub fn alive(groups: Vec<Vec<Listed>>) -> Vec<Listed> {
    groups.into_iter().flatten().filter(Listed::is_alive).collect()
}

/// Every instance that passes all the filters.
pub async fn list(session: &Session, filters: Vec<Filter>) -> Result<Vec<Listed>, Fault> {
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
pub fn recorded(place: &Place) -> Vec<String> {
    let instances = place.outputs.get("instances").into_iter().flat_map(Value::parts);
    instances.filter_map(|item| item.as_str().map(str::to_string)).collect()
}

pub fn count(place: &Place, attribute: &str) -> Option<usize> {
    let Some(Value::Int(count)) = place.inputs.get(attribute) else { return None };
    usize::try_from(*count).ok()
}

/// Whether it was started so lately that others of its group may still be missing from a list.
pub fn is_new(listed: &Listed) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let started = listed.instance.launch_time().and_then(|time| u64::try_from(time.secs()).ok());
    started.is_some_and(|started| now.saturating_sub(started) < LISTING_LAG.as_secs())
}
