//! Single machines. How one is made and told is here; how one is changed, in `change`.

mod change;
mod profile;
pub mod user_data;

pub use change::stop;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::types::{
    BlockDeviceMapping, EbsBlockDevice, Filter, HttpTokensState, IamInstanceProfileSpecification, Instance as Item,
    InstanceAttributeName, InstanceMetadataEndpointState, InstanceMetadataOptionsRequest, InstanceStateName,
    InstanceType, MonitoringState, Placement, ResourceType, RunInstancesMonitoringEnabled, Tag,
};
use serde::{Deserialize, Serialize};

use super::listed::{self, Listed, Seen};
use super::tagging;
use super::volume::{self, Volume};
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek, usually};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind, at_once};
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::aws::told;
use crate::state::Operation;
use crate::value::{Fields, Value};

#[derive(Clone, Copy)]
pub struct Instance;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    #[serde(rename = "imageID")]
    image_id: String,
    instance_type: String,
    running: bool,
    key_pair: Option<String>,
    security_groups: Option<Vec<String>>,
    subnet: Option<String>,
    placement: Option<String>,
    user_data: Option<String>,
    root_size: Option<u64>,
    monitoring: bool,
    ebs_optimized: Option<bool>,
    termination_protection: bool,
    instance_profile: Option<String>,
    source_dest_check: bool,
    imdsv2: bool,
    #[serde(default)]
    tags: Tags,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    #[serde(rename = "imageID")]
    image_id: Option<String>,
    instance_type: Option<String>,
    running: Option<bool>,
    key_pair: Option<Value>,
    security_groups: Option<Value>,
    subnet: Option<Value>,
    placement: Option<String>,
    user_data: Option<String>,
    root_size: Option<Value>,
    monitoring: Option<bool>,
    ebs_optimized: Option<bool>,
    termination_protection: Option<bool>,
    instance_profile: Option<String>,
    source_dest_check: Option<bool>,
    imdsv2: Option<bool>,
    tags: Option<Tags>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    public_ip: String,
    private_ip: String,
    public_dns_name: String,
    private_dns_name: String,
    availability_zone: String,
}

/// What the list of instances does not say of one. What is nothing was not asked for.
#[derive(Clone, Default)]
struct Extras {
    /// In Base64; empty when it has none.
    user_data: Option<String>,
    protected: Option<bool>,
    root_size: Option<Value>,
}

/// What is not gone or going.
const ALIVE: [InstanceStateName; 4] =
    [InstanceStateName::Pending, InstanceStateName::Running, InstanceStateName::Stopping, InstanceStateName::Stopped];

pub fn state(item: &Item) -> Option<&InstanceStateName> {
    item.state().and_then(|state| state.name())
}

/// The disks that came with it and go with it: those that were attached later have owners of their own.
fn own_disks(item: &Item) -> impl Iterator<Item = &str> {
    let disks = item.block_device_mappings().iter().filter_map(|mapping| mapping.ebs());
    disks.filter(|disk| disk.delete_on_termination() == Some(true)).filter_map(|disk| disk.volume_id())
}

fn root_disk(item: &Item) -> Option<&str> {
    let mut all = item.block_device_mappings().iter();
    let root =
        all.find(|mapping| mapping.device_name().is_some() && mapping.device_name() == item.root_device_name())?;
    root.ebs()?.volume_id()
}

/// The name in the ARN of an instance profile.
fn profile_name(item: &Item) -> Option<&str> {
    item.iam_instance_profile().and_then(|profile| profile.arn()).and_then(|arn| arn.rsplit('/').next())
}

#[async_trait]
impl Listed for Instance {
    type Item = Item;
    const ID: &'static str = "instance-id";
    const PLURAL: &'static str = "instances";

    async fn list(&self, session: &Session, filters: Vec<Filter>) -> Result<Vec<Item>, Fault> {
        let call = Call::read("ec2:DescribeInstances", "list instances");
        let request = session.ec2().describe_instances().set_filters(Some(filters)).into_paginator().page_size(1000);
        let mut pages = request.send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| call.fault(&error))?;
            all.extend(page.reservations().iter().flat_map(|reservation| reservation.instances()).cloned());
        }
        Ok(all)
    }

    fn id(item: &Item) -> &str {
        item.instance_id().unwrap_or_default()
    }

    fn is_alive(item: &Item) -> bool {
        state(item).is_some_and(|state| ALIVE.contains(state))
    }

    fn tags(item: &Self::Item) -> &[Tag] {
        item.tags()
    }

    fn seen(place: &Place, item: &Item) -> Option<Found<Told, Outputs>> {
        found(place, item, &Extras::default())
    }
}

#[async_trait]
impl Kind for Instance {
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
        let root = match want.root_size {
            Some(size) => Some(root_mapping(session, &want.image_id, volume::gib(size, "rootSize")?).await?),
            None => None,
        };
        let tagged = |resource| tagging::of_new(resource, &want.tags, owner);
        let tokens = if want.imdsv2 { HttpTokensState::Required } else { HttpTokensState::Optional };
        let metadata = InstanceMetadataOptionsRequest::builder()
            .http_tokens(tokens)
            .http_endpoint(InstanceMetadataEndpointState::Enabled)
            .build();
        let profile = want.instance_profile.as_ref();
        let call = Call::write("ec2:RunInstances ec2:CreateTags", format!("start an instance of `{}`", want.image_id));
        let sent = session
            .ec2()
            .run_instances()
            .image_id(&want.image_id)
            .instance_type(InstanceType::from(want.instance_type.as_str()))
            .min_count(1)
            .max_count(1)
            .client_token(&*owner.token)
            .set_key_name(want.key_pair.clone())
            .set_security_group_ids(want.security_groups.clone().filter(|groups| !groups.is_empty()))
            .set_subnet_id(want.subnet.clone())
            .set_placement(want.placement.as_ref().map(|zone| Placement::builder().availability_zone(zone).build()))
            .set_user_data(want.user_data.as_deref().map(user_data::encoded))
            .set_block_device_mappings(root.map(|root| vec![root]))
            .monitoring(RunInstancesMonitoringEnabled::builder().enabled(want.monitoring).build())
            .set_ebs_optimized(want.ebs_optimized)
            .disable_api_termination(want.termination_protection)
            .set_iam_instance_profile(profile.map(|name| IamInstanceProfileSpecification::builder().name(name).build()))
            .metadata_options(metadata)
            .tag_specifications(tagged(ResourceType::Instance)?)
            .tag_specifications(tagged(ResourceType::Volume)?)
            .send();
        let answer = sent.await.map_err(|error| about(call.fault(&error)))?;
        let id = tagging::made(answer.instances().first().and_then(|item| item.instance_id()), "an instance")?;
        // The one thing that the call cannot say, and the one that comes after it.
        Ok(Made { id, whole: want.source_dest_check && want.running })
    }

    async fn find(&self, session: &Session, _want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        listed::find(self, session, seek).await
    }

    async fn read(&self, session: &Session, place: &Place) -> Seen<Instance> {
        let Some(item) = listed::one(self, session, &place.id).await? else { return Ok(None) };
        let roots = root_sizes(session, &[(place, &item)]).await?;
        Ok(found(place, &item, &extras(session, place, &item, &roots).await?))
    }

    /// One list of all, one of the disks whose size somebody wanted, and two calls for those that have what no
    /// list tells.
    async fn read_many(&self, session: &Arc<Session>, places: &[Place]) -> Vec<Seen<Instance>> {
        let all = |fault: &Fault| places.iter().map(|_| Err(fault.clone())).collect();
        let ids: Vec<&str> = places.iter().map(|place| &*place.id).collect();
        let mut items = BTreeMap::new();
        for chunk in ids.chunks(tagging::VALUES_OF_A_FILTER) {
            match self.list(session, vec![tagging::filter(Self::ID, chunk.iter().copied())]).await {
                Ok(found) => items.extend(found.into_iter().map(|item| (Self::id(&item).to_string(), item))),
                Err(fault) => return all(&fault),
            }
        }
        let pairs: Vec<(&Place, &Item)> =
            places.iter().filter_map(|place| Some((place, items.get(&*place.id)?))).collect();
        let roots = match root_sizes(session, &pairs).await {
            Ok(roots) => Arc::new(roots),
            Err(fault) => return all(&fault),
        };
        at_once(places.iter().map(|place| {
            let (session, place, roots) = (session.clone(), place.clone(), roots.clone());
            let item = items.get(&*place.id).cloned();
            async move {
                let Some(item) = item else { return Ok(None) };
                Ok(found(&place, &item, &extras(&session, &place, &item, &roots).await?))
            }
        }))
        .await
    }

    /// One list, without what only attributes tell.
    async fn check(&self, session: &Session, place: &Place) -> Result<Option<Health>, Fault> {
        let item = listed::one(self, session, &place.id).await?;
        Ok(item.and_then(|item| Self::seen(place, &item)).map(|found| found.health))
    }

    async fn update(
        &self,
        session: &Session,
        place: &Place,
        old: Option<&Fields>,
        want: &Want,
        owner: &Owner,
    ) -> Result<Progress, Fault> {
        change::step(session, place, old, want, owner).await
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let call = Call::write("ec2:TerminateInstances", format!("terminate the instance `{}`", place.id));
        let sent = session.ec2().terminate_instances().instance_ids(&*place.id).send();
        match sent.await.map_err(|error| call.fault(&error)) {
            Err(fault) if fault.kind == FaultKind::Missing => Ok(Progress::Done),
            Err(fault) if fault.kind == FaultKind::Held => Err(fault.on("terminationProtection").help(
                "set `terminationProtection false` and apply that first; or keep it with `terminateActions [];`",
            )),
            Err(fault) => Err(fault),
            Ok(_) => Ok(Progress::Done),
        }
    }
}

/// The disk that an image starts from, with a size of its own. Only the image knows what its root is called.
async fn root_mapping(session: &Session, image: &str, size: i32) -> Result<BlockDeviceMapping, Fault> {
    let call = Call::read("ec2:DescribeImages", format!("look at the image `{image}`"));
    let answer = session.ec2().describe_images().image_ids(image).send().await.map_err(|error| call.fault(&error))?;
    let Some(device) = answer.images().first().and_then(|image| image.root_device_name()) else {
        let text = format!("the image `{image}` does not say what its root disk is called");
        return Err(Fault::new(FaultKind::Refused, text).on("rootSize").help("leave `rootSize` out"));
    };
    let disk = EbsBlockDevice::builder().volume_size(size).delete_on_termination(true).build();
    Ok(BlockDeviceMapping::builder().device_name(device).ebs(disk).build())
}

/// The sizes of the root disks for which one is recorded.
async fn root_sizes(session: &Session, pairs: &[(&Place, &Item)]) -> Result<BTreeMap<String, Value>, Fault> {
    let sized = pairs.iter().filter(|(place, _)| place.inputs.contains_key("rootSize"));
    let disks: Vec<&str> = sized.filter_map(|(_, item)| root_disk(item)).collect();
    let mut sizes = BTreeMap::new();
    for chunk in disks.chunks(tagging::VALUES_OF_A_FILTER) {
        let found = Volume.list(session, vec![tagging::filter(Volume::ID, chunk.iter().copied())]).await?;
        sizes.extend(found.iter().filter_map(|disk| Some((Volume::id(disk).to_string(), volume::size(disk)?))));
    }
    Ok(sizes)
}

/// Asks only for what is recorded: user data, and a protection that somebody relies on.
async fn extras(
    session: &Session,
    place: &Place,
    item: &Item,
    roots: &BTreeMap<String, Value>,
) -> Result<Extras, Fault> {
    let mut extras =
        Extras { root_size: root_disk(item).and_then(|disk| roots.get(disk)).cloned(), ..Extras::default() };
    if !Instance::is_alive(item) {
        return Ok(extras);
    }
    // A secret in it is not compared: nothing is told that would have to be kept.
    if place.inputs.get("userData").is_some_and(|data| !data.holds_secret()) {
        extras.user_data = told_user_data(session, &place.id).await?;
    }
    if place.inputs.get("terminationProtection") == Some(&Value::Bool(true)) {
        let call = Call::read("ec2:DescribeInstanceAttribute", format!("read the protection of `{}`", place.id));
        let name = InstanceAttributeName::DisableApiTermination;
        let sent = session.ec2().describe_instance_attribute().instance_id(&*place.id).attribute(name).send();
        match sent.await.map_err(|error| call.fault(&error)) {
            Ok(answer) => extras.protected = answer.disable_api_termination().and_then(|told| told.value()),
            // It went between two calls; what follows says so.
            Err(fault) if fault.kind == FaultKind::Missing => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(extras)
}

/// In Base64; empty when there is none, nothing when the instance is gone.
async fn told_user_data(session: &Session, id: &str) -> Result<Option<String>, Fault> {
    let call = Call::read("ec2:DescribeInstanceAttribute", format!("read the user data of `{id}`"));
    let name = InstanceAttributeName::UserData;
    match session.ec2().describe_instance_attribute().instance_id(id).attribute(name).send().await {
        Ok(answer) => Ok(Some(answer.user_data().and_then(|told| told.value()).unwrap_or_default().to_string())),
        Err(error) => tagging::gone_is_none(call.fault(&error)),
    }
}

fn found(place: &Place, item: &Item, extras: &Extras) -> Option<Found<Told, Outputs>> {
    let state = state(item);
    if state == Some(&InstanceStateName::Terminated) {
        return None;
    }
    let is_going = state == Some(&InstanceStateName::ShuttingDown);
    let up = matches!(state, Some(InstanceStateName::Pending | InstanceStateName::Running));
    let text = |text: Option<&str>| text.unwrap_or_default().to_string();
    let set = |name: &str| told::is_set(place, name);
    let recorded_data = place.inputs.get("userData").and_then(Value::as_str);
    let groups = || item.security_groups().iter().filter_map(|group| group.group_id().map(str::to_string)).collect();
    let zone = item.placement().and_then(|placement| placement.availability_zone());
    let tokens = item.metadata_options().and_then(|options| options.http_tokens());
    let inputs = Told {
        image_id: item.image_id().map(str::to_string),
        instance_type: item.instance_type().map(|kind| kind.as_str().to_string()),
        running: (!is_going).then_some(up),
        key_pair: item
            .key_name()
            .filter(|_| set("keyPair"))
            .map(|name| told::reference(place, "keyPair", "KeyPair", name)),
        // One that is going has none any more, and that is no change.
        security_groups: (!is_going && set("securityGroups") && !told::is_empty(place, "securityGroups"))
            .then(|| told::references(place, "securityGroups", "SecurityGroup", groups())),
        subnet: item
            .subnet_id()
            .filter(|_| !is_going && set("subnet"))
            .map(|id| told::reference(place, "subnet", "Subnet", id)),
        placement: zone.filter(|_| set("placement")).map(str::to_string),
        user_data: extras.user_data.as_deref().map(|told| user_data::as_recorded(recorded_data, told)),
        root_size: extras.root_size.clone(),
        monitoring: item.monitoring().and_then(|monitoring| monitoring.state()).map(is_monitored),
        ebs_optimized: item.ebs_optimized().filter(|_| set("ebsOptimized")),
        termination_protection: extras.protected,
        // What is null is not told, and that it has none any more has to be.
        instance_profile: set("instanceProfile").then(|| profile_name(item).unwrap_or_default().to_string()),
        source_dest_check: item.source_dest_check(),
        imdsv2: tokens.map(|tokens| *tokens == HttpTokensState::Required),
        tags: Some(tags::of_user(&tagging::of(item.tags()))),
    };
    let outputs = Outputs {
        public_ip: text(item.public_ip_address()),
        private_ip: text(item.private_ip_address()),
        public_dns_name: text(item.public_dns_name()),
        private_dns_name: text(item.private_dns_name()),
        availability_zone: text(zone),
    };
    let wanted_down = place.inputs.get("running") == Some(&Value::Bool(false));
    Some(Found { inputs, outputs, health: health(state, wanted_down) })
}

fn is_monitored(state: &MonitoringState) -> bool {
    matches!(state, MonitoringState::Enabled | MonitoringState::Pending)
}

/// One that runs is live, whatever the checks of its system say: whether it answers is for its liveness actions.
fn health(state: Option<&InstanceStateName>, wanted_down: bool) -> Health {
    match state {
        Some(InstanceStateName::Running) if !wanted_down => Health::Live,
        Some(InstanceStateName::Stopped) if wanted_down => Health::Live,
        Some(InstanceStateName::Stopped) => Health::Dead("it is stopped".to_string()),
        // On its way to be stopped.
        Some(InstanceStateName::Running) => Health::Waiting("running".to_string()),
        Some(state) => Health::Waiting(state.as_str().to_string()),
        None => Health::Live,
    }
}

/// Amazon has a few codes for whatever is wrong with a value (`InvalidParameterValue` is the most frequent); which
/// value it is, only the message says.
fn about(fault: Fault) -> Fault {
    const WORDS: [(&str, &str); 9] = [
        ("instanceprofile", "instanceProfile"),
        ("instance profile", "instanceProfile"),
        ("instancetype", "instanceType"),
        ("instance type", "instanceType"),
        ("user data", "userData"),
        ("userdata", "userData"),
        ("availabilityzone", "placement"),
        ("availability zone", "placement"),
        ("volume size", "rootSize"),
    ];
    if fault.attribute.is_some() || fault.kind != FaultKind::Refused {
        return fault;
    }
    let message = fault.message.to_lowercase();
    match WORDS.iter().find(|(words, _)| message.contains(words)) {
        Some((_, attribute)) => fault.on(attribute),
        None => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_wanted_down_is_well_when_it_is() {
        use InstanceStateName::{Pending, Running, Stopped, Stopping};
        let waiting = |text: &str| Health::Waiting(text.to_string());
        for (state, up, down) in [
            (Pending, waiting("pending"), waiting("pending")),
            (Running, Health::Live, waiting("running")),
            (Stopping, waiting("stopping"), waiting("stopping")),
            (Stopped, Health::Dead("it is stopped".to_string()), Health::Live),
        ] {
            assert_eq!(health(Some(&state), false), up, "{state}");
            assert_eq!(health(Some(&state), true), down, "{state}");
        }
    }

    #[test]
    fn a_refusal_is_on_what_it_is_about() {
        let attribute = |message: &str| about(Fault::new(FaultKind::Refused, message)).attribute;
        assert_eq!(attribute("User data is limited to 16384 bytes"), Some("userData".into()));
        assert_eq!(
            attribute("Value (x) for parameter iamInstanceProfile.name is invalid"),
            Some("instanceProfile".into())
        );
        assert_eq!(attribute("something else"), None);
    }
}
