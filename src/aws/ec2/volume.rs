//! Disks that live by themselves (Amazon EBS). Whatever AWS changes in place is changed in place, also while a
//! disk is in use; nothing makes one smaller.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use aws_sdk_ec2::types::{
    Filter, ResourceType, Tag, Volume as Item, VolumeModification, VolumeModificationState, VolumeState, VolumeType,
};
use serde::{Deserialize, Serialize};

use super::holders::Holders;
use super::listed::{self, Listed, Seen};
use super::tagging;
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::aws::told;
use crate::state::Operation;
use crate::value::{Fields, Value};

const GIB: u64 = 1 << 30;

/// A change that failed so lately is the one that was asked for just now.
const LATELY: Duration = Duration::from_secs(900);

/// What `gp3` does without being told: operations and MiB a second.
const GP3: (i32, i32) = (3000, 125);

#[derive(Clone, Copy)]
pub struct Volume;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    availability_zone: String,
    size: Option<u64>,
    volume_type: String,
    iops: Option<i32>,
    throughput: Option<i32>,
    encrypted: bool,
    kms_key: Option<String>,
    snapshot: Option<String>,
    #[serde(default)]
    tags: Tags,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    availability_zone: Option<String>,
    size: Option<Value>,
    volume_type: Option<String>,
    iops: Option<i32>,
    throughput: Option<i32>,
    encrypted: Option<bool>,
    kms_key: Option<String>,
    snapshot: Option<Value>,
    tags: Option<Tags>,
}

#[derive(Serialize)]
pub struct Outputs {}

/// What can change of a disk. What is not said stays as it is.
#[derive(Default, Clone, PartialEq, Eq, Debug)]
pub struct Shape {
    /// In GiB.
    pub size: Option<i32>,
    pub volume_type: Option<String>,
    pub iops: Option<i32>,
    pub throughput: Option<i32>,
}

/// A size in the unit of EBS.
///
/// # Errors
/// When it is not a whole number of GiB, or more than there can be.
pub fn gib(bytes: u64, attribute: &str) -> Result<i32, Fault> {
    let whole = i32::try_from(bytes / GIB).ok().filter(|size| *size > 0 && bytes.is_multiple_of(GIB));
    whole.ok_or_else(|| {
        let text = format!("the size of a disk cannot be {}", Value::Size(bytes));
        Fault::new(FaultKind::Refused, text).on(attribute).help("AWS counts in whole GiB: `20GiB`")
    })
}

/// The size of a disk as a program has it.
pub fn size(item: &Item) -> Option<Value> {
    item.size().and_then(|size| u64::try_from(size).ok()).map(|size| Value::Size(size * GIB))
}

#[async_trait]
impl Listed for Volume {
    type Item = Item;
    const ID: &'static str = "volume-id";
    const PLURAL: &'static str = "volumes";

    async fn list(&self, session: &Session, filters: Vec<Filter>) -> Result<Vec<Item>, Fault> {
        let call = Call::read("ec2:DescribeVolumes", "list volumes");
        let request = session.ec2().describe_volumes().set_filters(Some(filters)).into_paginator().page_size(500);
        let mut pages = request.send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            all.extend_from_slice(page.map_err(|error| call.fault(&error))?.volumes());
        }
        Ok(all)
    }

    fn id(item: &Item) -> &str {
        item.volume_id().unwrap_or_default()
    }

    fn is_alive(item: &Item) -> bool {
        !matches!(item.state(), Some(VolumeState::Deleting | VolumeState::Deleted))
    }

    fn tags(item: &Self::Item) -> &[Tag] {
        item.tags()
    }

    fn seen(place: &Place, item: &Item) -> Option<Found<Told, Outputs>> {
        let health = match item.state() {
            Some(VolumeState::Deleted) => return None,
            Some(state @ (VolumeState::Creating | VolumeState::Deleting)) => {
                Health::Waiting(state.as_str().to_string())
            }
            Some(VolumeState::Error) => {
                Health::Dead("AWS could not make it, or lost it: its state is `error`".to_string())
            }
            Some(_) | None => Health::Live,
        };
        let inputs = Told {
            availability_zone: item.availability_zone().map(str::to_string),
            size: size(item).filter(|_| told::is_set(place, "size")),
            volume_type: item.volume_type().map(|kind| kind.as_str().to_string()),
            iops: item.iops().filter(|_| told::is_set(place, "iops")),
            throughput: item.throughput().filter(|_| told::is_set(place, "throughput")),
            encrypted: item.encrypted(),
            kms_key: kms_key(place, item),
            snapshot: item
                .snapshot_id()
                .filter(|_| told::is_set(place, "snapshot"))
                .map(|id| told::reference(place, "snapshot", "Snapshot", id)),
            tags: Some(tags::of_user(&tagging::of(item.tags()))),
        };
        Some(Found { inputs, outputs: Outputs {}, health })
    }
}

fn kms_key(place: &Place, item: &Item) -> Option<String> {
    let recorded = place.inputs.get("kmsKey").and_then(Value::as_str)?;
    item.kms_key_id().map(|told| key(recorded, told))
}

/// AWS tells a key by its ARN; a program may name it by its id, and by an alias that only AWS can follow.
fn key(recorded: &str, told: &str) -> String {
    let same = recorded.contains("alias/") || told.ends_with(&format!("/{recorded}"));
    if same { recorded.to_string() } else { told.to_string() }
}

#[async_trait]
impl Kind for Volume {
    type Want = Want;
    type Told = Told;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        // A change goes on for minutes; a large disk from a snapshot does not keep anybody waiting.
        Patience { consistency: Duration::from_secs(60), poll: Duration::from_secs(2), ..Patience::default() }
    }

    fn usually(&self, operation: Operation) -> Duration {
        match operation {
            Operation::Create | Operation::Delete => Duration::from_secs(5),
            Operation::Update => Duration::from_secs(15),
        }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        if want.size.is_none() && want.snapshot.is_none() {
            let text = "a new volume needs a size";
            return Err(Fault::new(FaultKind::Refused, text)
                .on("size")
                .help("only one from a `snapshot` has one already"));
        }
        let call = Call::write("ec2:CreateVolume ec2:CreateTags", "create a volume");
        let sent = session
            .ec2()
            .create_volume()
            .availability_zone(&want.availability_zone)
            .set_size(want.size.map(|size| gib(size, "size")).transpose()?)
            .volume_type(VolumeType::from(want.volume_type.as_str()))
            .set_iops(want.iops)
            .set_throughput(want.throughput)
            .encrypted(want.encrypted)
            .set_kms_key_id(want.kms_key.clone())
            .set_snapshot_id(want.snapshot.clone())
            .client_token(&*owner.token)
            .tag_specifications(tagging::of_new(ResourceType::Volume, &want.tags, owner)?)
            .send();
        let answer = sent.await.map_err(|error| call.fault(&error))?;
        Ok(Made { id: tagging::made(answer.volume_id(), "a volume")?, whole: true })
    }

    async fn find(&self, session: &Session, _want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        listed::find(self, session, seek).await
    }

    async fn read(&self, session: &Session, place: &Place) -> Seen<Volume> {
        listed::read(self, session, place).await
    }

    async fn read_many(&self, session: &Arc<Session>, places: &[Place]) -> Vec<Seen<Volume>> {
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
        let missing = || Fault::new(FaultKind::Missing, format!("the volume `{id}` does not exist"));
        let now = listed::one(self, session, id).await?.ok_or_else(missing)?;
        if tags::differ(old, &want.tags) {
            tagging::change(session, id, &tagging::of(now.tags()), &want.tags, owner).await?;
        }
        // What was set and is not any more goes back to what it is by itself.
        let was_set = |name: &str| old.is_some_and(|old| old.contains_key(name));
        let is_gp3 = want.volume_type == "gp3";
        let shape = Shape {
            size: want.size.map(|size| gib(size, "size")).transpose()?,
            volume_type: Some(want.volume_type.clone()),
            iops: want.iops.or_else(|| (is_gp3 && was_set("iops")).then_some(GP3.0)),
            throughput: want.throughput.or_else(|| (is_gp3 && was_set("throughput")).then_some(GP3.1)),
        };
        change(session, &now, &shape, "size").await
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let id = &*place.id;
        let call = Call::write("ec2:DeleteVolume", format!("delete the volume `{id}`"));
        let Err(error) = session.ec2().delete_volume().volume_id(id).send().await else {
            return Ok(Progress::Done);
        };
        let fault = call.fault(&error);
        match fault.kind {
            FaultKind::Missing => Ok(Progress::Done),
            FaultKind::Held | FaultKind::Taken => {
                let attached = listed::one(self, session, id).await.map(|item| {
                    let machines = item.iter().flat_map(|item| item.attachments()).filter_map(|to| to.instance_id());
                    let (passing, staying): (Vec<_>, Vec<_>) = machines.partition(|id| session.recent.is_going(id));
                    let names = |ids: Vec<&str>| ids.iter().map(|id| format!("the instance `{id}`")).collect();
                    Holders { passing: names(passing), staying: names(staying) }
                });
                listed::held(Fault { kind: FaultKind::Held, attribute: None, ..fault }, id, attached)
            }
            FaultKind::Throttled
            | FaultKind::Unavailable
            | FaultKind::Unknown
            | FaultKind::Denied
            | FaultKind::Refused => Err(fault),
        }
    }
}

/// Takes a disk nearer to what it shall be. `attribute` is where its size stands.
///
/// # Errors
/// When it would become smaller, before any call; or when AWS refuses.
pub async fn change(session: &Session, now: &Item, shape: &Shape, attribute: &str) -> Result<Progress, Fault> {
    let id = Volume::id(now);
    let Some(todo) = todo(now, shape, attribute)? else { return Ok(Progress::Done) };
    match last_change(session, id).await? {
        Some(last) if last.modification_state() == Some(&VolumeModificationState::Modifying) => {
            return Ok(Progress::Waiting(format!("modifying, {}%", last.progress().unwrap_or_default())));
        }
        Some(last) if last.modification_state() == Some(&VolumeModificationState::Failed) && is_lately(&last) => {
            let why = last.status_message().unwrap_or("AWS does not say why");
            return Err(Fault::new(FaultKind::Refused, format!("the change of the volume `{id}` failed: {why}")));
        }
        Some(_) | None => {}
    }
    let call = Call::write("ec2:ModifyVolume", format!("change the volume `{id}`"));
    let sent = session
        .ec2()
        .modify_volume()
        .volume_id(id)
        .set_size(todo.size)
        .set_volume_type(todo.volume_type.as_deref().map(VolumeType::from))
        .set_iops(todo.iops)
        .set_throughput(todo.throughput)
        .send();
    sent.await.map_err(|error| call.fault(&error))?;
    Ok(Progress::Waiting("modifying".to_string()))
}

/// What of the shape is otherwise now; nothing when all is as it shall be.
fn todo(now: &Item, shape: &Shape, attribute: &str) -> Result<Option<Shape>, Fault> {
    if let (Some(now), Some(wanted)) = (now.size(), shape.size)
        && wanted < now
    {
        let text = format!("a disk of {now}GiB cannot shrink to {wanted}GiB");
        let help = format!(
            "AWS only lets disks grow: write `{attribute} {now}GiB`, or make a new one and copy what is on this one"
        );
        return Err(Fault::new(FaultKind::Refused, text).on(attribute).help(help));
    }
    let mut todo = shape.clone();
    todo.size = todo.size.filter(|size| now.size() != Some(*size));
    todo.volume_type = todo.volume_type.filter(|kind| now.volume_type().map(VolumeType::as_str) != Some(kind.as_str()));
    // With another type, what is not said would become what AWS takes by default.
    let retyped = todo.volume_type.is_some();
    todo.iops = todo.iops.filter(|iops| retyped || now.iops() != Some(*iops));
    todo.throughput = todo.throughput.filter(|throughput| retyped || now.throughput() != Some(*throughput));
    Ok((todo != Shape::default()).then_some(todo))
}

/// The latest change of a disk that AWS remembers.
async fn last_change(session: &Session, id: &str) -> Result<Option<VolumeModification>, Fault> {
    let call = Call::read("ec2:DescribeVolumesModifications", format!("see how far the change of `{id}` is"));
    let filter = tagging::filter("volume-id", [id]);
    let mut pages = session.ec2().describe_volumes_modifications().filters(filter).into_paginator().send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        all.extend_from_slice(page.map_err(|error| call.fault(&error))?.volumes_modifications());
    }
    Ok(all.into_iter().max_by_key(|one| one.start_time().map(|time| time.secs())))
}

fn is_lately(change: &VolumeModification) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let began = change.start_time().and_then(|time| u64::try_from(time.secs()).ok());
    began.is_some_and(|began| now.saturating_sub(began) < LATELY.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_whole_gib() {
        assert_eq!(gib(10 * GIB, "size").unwrap(), 10);
        for bytes in [0, GIB / 2, GIB + 1, u64::MAX] {
            assert_eq!(gib(bytes, "size").unwrap_err().attribute, Some("size".into()));
        }
    }

    #[test]
    fn only_what_differs_is_changed_and_nothing_shrinks() {
        let now = Item::builder().size(20).volume_type(VolumeType::Gp3).iops(3000).throughput(125).build();
        let shape = |size, kind: &str, iops| Shape {
            size: Some(size),
            volume_type: Some(kind.to_string()),
            iops,
            throughput: None,
        };
        assert_eq!(todo(&now, &shape(20, "gp3", Some(3000)), "size").unwrap(), None);
        let grown = Shape { size: Some(30), ..Shape::default() };
        assert_eq!(todo(&now, &shape(30, "gp3", None), "size").unwrap(), Some(grown));
        let retyped = Shape { volume_type: Some("io2".to_string()), iops: Some(3000), ..Shape::default() };
        assert_eq!(todo(&now, &shape(20, "io2", Some(3000)), "size").unwrap(), Some(retyped));
        let fault = todo(&now, &shape(10, "gp3", None), "rootSize").unwrap_err();
        assert_eq!(fault.message, "a disk of 20GiB cannot shrink to 10GiB");
        assert_eq!(fault.attribute, Some("rootSize".into()));
    }

    #[test]
    fn a_key_may_be_named_in_several_ways() {
        let arn = "arn:aws:kms:us-east-1:1:key/k-1";
        for (recorded, told) in [("k-1", "k-1"), ("alias/mine", "alias/mine"), (arn, arn), ("k-2", arn)] {
            assert_eq!(key(recorded, arn), told);
        }
    }
}
