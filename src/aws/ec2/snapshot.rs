//! Copies of disks as they were at one moment. A copy counts from the moment that it is begun: what is written
//! later is not in it. It has no token of its creation: it is found by its tags.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::types::{EbsBlockDevice, Filter, ResourceType, Snapshot as Item, SnapshotState, Tag};
use serde::{Deserialize, Serialize};

use super::listed::{self, Listed, Seen};
use super::tagging;
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek, usually};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::aws::told;
use crate::state::Operation;
use crate::value::{Fields, Value};

#[derive(Clone, Copy)]
pub struct Snapshot;

#[derive(Deserialize)]
pub struct Want {
    volume: String,
    description: Option<String>,
    #[serde(default)]
    tags: Tags,
}

#[derive(Serialize)]
pub struct Told {
    volume: Option<Value>,
    description: Option<String>,
    tags: Tags,
}

#[derive(Serialize)]
pub struct Outputs {
    started: String,
}

#[async_trait]
impl Listed for Snapshot {
    type Item = Item;
    const ID: &'static str = "snapshot-id";
    const PLURAL: &'static str = "snapshots";

    async fn list(&self, session: &Session, filters: Vec<Filter>) -> Result<Vec<Item>, Fault> {
        let call = Call::read("ec2:DescribeSnapshots", "list snapshots");
        // Without an owner, those that all the world shares are gone through.
        let request = session.ec2().describe_snapshots().owner_ids("self").set_filters(Some(filters));
        let mut pages = request.into_paginator().page_size(1000).send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            all.extend_from_slice(page.map_err(|error| call.fault(&error))?.snapshots());
        }
        Ok(all)
    }

    fn id(item: &Item) -> &str {
        item.snapshot_id().unwrap_or_default()
    }

    fn tags(item: &Item) -> &[Tag] {
        item.tags()
    }

    fn is_alive(item: &Item) -> bool {
        !is_failed(item)
    }

    fn seen(place: &Place, item: &Item) -> Option<Found<Told, Outputs>> {
        let told = Told {
            volume: item.volume_id().map(|id| told::reference(place, "volume", "Volume", id)),
            // Unset, a description is nobody's wish.
            description: match place.inputs.contains_key("description") {
                true => item.description().map(str::to_string),
                false => None,
            },
            tags: tags::of_user(&tagging::of(item.tags())),
        };
        Some(Found { inputs: told, outputs: Outputs { started: started(item) }, health: health(item) })
    }
}

pub fn health(item: &Item) -> Health {
    match item.state() {
        Some(SnapshotState::Completed) | None => Health::Live,
        Some(SnapshotState::Error) => {
            let why = item.state_message().unwrap_or("aws does not say why");
            Health::Dead(format!("it failed: {why}"))
        }
        Some(SnapshotState::Pending) => {
            Health::Waiting(format!("pending, {}", item.progress().filter(|text| !text.is_empty()).unwrap_or("0%")))
        }
        Some(state) => Health::Waiting(state.as_str().to_string()),
    }
}

pub fn is_failed(item: &Item) -> bool {
    item.state() == Some(&SnapshotState::Error)
}

/// The moment that it is of, as RFC 3339 has it.
pub fn started(item: &Item) -> String {
    let format = |time: &aws_sdk_ec2::primitives::DateTime| {
        time.fmt(aws_sdk_ec2::primitives::DateTimeFormat::DateTime).unwrap_or_default()
    };
    item.start_time().map(format).unwrap_or_default()
}

/// Begins one.
pub async fn begin(session: &Session, volume: &str, description: Option<&str>, all: &Tags) -> Result<Arc<str>, Fault> {
    let call = Call::write("ec2:CreateSnapshot ec2:CreateTags", format!("make a snapshot of `{volume}`"));
    let tags = aws_sdk_ec2::types::TagSpecification::builder()
        .resource_type(ResourceType::Snapshot)
        .set_tags(Some(tagging::list(all)))
        .build();
    let request = session.ec2().create_snapshot().volume_id(volume).set_description(description.map(str::to_string));
    let answer = request.tag_specifications(tags).send().await.map_err(|error| call.fault(&error))?;
    tagging::made(answer.snapshot_id(), "a snapshot")
}

/// Deletes one. What is gone is deleted; what an image is made of is held, and AWS names the image.
pub async fn delete(session: &Session, id: &str) -> Result<(), Fault> {
    let call = Call::write("ec2:DeleteSnapshot", format!("delete the snapshot `{id}`"));
    match session.ec2().delete_snapshot().snapshot_id(id).send().await {
        Ok(_) => Ok(()),
        Err(error) => tagging::gone_is_done(call.fault(&error)).map(|_| ()),
    }
}

/// The snapshots that an image is made of.
pub fn snapshots_of(image: &aws_sdk_ec2::types::Image) -> impl Iterator<Item = &str> {
    let disks = image.block_device_mappings().iter().filter_map(|mapping| mapping.ebs());
    disks.filter_map(EbsBlockDevice::snapshot_id).filter(|id| !id.is_empty())
}

#[async_trait]
impl Kind for Snapshot {
    type Want = Want;
    type Told = Told;
    type Outputs = Outputs;

    /// A large disk takes hours.
    fn patience(&self) -> Patience {
        Patience {
            consistency: Duration::from_secs(60),
            poll: Duration::from_secs(5),
            readiness: Duration::from_secs(6 * 3600),
            ..Patience::default()
        }
    }

    fn usually(&self, operation: Operation) -> Duration {
        match operation {
            Operation::Create => Duration::from_secs(120),
            Operation::Update | Operation::Delete => usually(operation),
        }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let all = tags::of_new(&want.tags, owner)?;
        let id = begin(session, &want.volume, want.description.as_deref(), &all).await?;
        Ok(Made { id, whole: true })
    }

    async fn find(&self, session: &Session, _want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        listed::find(self, session, seek).await
    }

    async fn read(&self, session: &Session, place: &Place) -> Seen<Snapshot> {
        listed::read(self, session, place).await
    }

    async fn read_many(&self, session: &Arc<Session>, places: &[Place]) -> Vec<Seen<Snapshot>> {
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
        tagging::update(session, &place.id, old, &want.tags, owner).await?;
        Ok(Progress::Done)
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        match delete(session, &place.id).await {
            Ok(()) => Ok(Progress::Done),
            // AWS names the image that is made of it, also for a while after that was deleted.
            Err(fault) if fault.kind == FaultKind::Held => {
                let words = || fault.message.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '-');
                let stays = |word: &str| word.starts_with("ami-") && !session.recent.is_going(word);
                match words().any(stays) {
                    true => Err(fault),
                    false => Ok(Progress::Waiting("held by what was deleted just now".to_string())),
                }
            }
            Err(fault) => Err(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_health_of_a_snapshot_is_its_state() {
        let item = |state: &str| {
            Item::builder().state(SnapshotState::from(state)).progress("42%").state_message("no key").build()
        };
        assert_eq!(health(&item("completed")), Health::Live);
        assert_eq!(health(&item("pending")), Health::Waiting("pending, 42%".into()));
        assert_eq!(health(&item("error")), Health::Dead("it failed: no key".into()));
        assert_eq!(health(&item("recovering")), Health::Waiting("recovering".into()));
        assert!(Snapshot::is_alive(&item("pending")) && !Snapshot::is_alive(&item("error")));
    }
}
