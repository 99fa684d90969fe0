//! Images of one's own, made from an instance. An image has a name of its own in its account and region, and
//! snapshots of the disks of the instance that go with it at the end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::types::{Filter, Image as Item, ImageState, ResourceType, SnapshotReturnCodes, Tag};
use serde::{Deserialize, Serialize};

use super::listed::{self, Listed, Seen};
use super::snapshot;
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
pub struct Image;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    instance: String,
    name: String,
    no_reboot: bool,
    #[serde(default)]
    tags: Tags,
}

#[derive(Serialize)]
pub struct Told {
    instance: Option<Value>,
    name: Option<String>,
    tags: Tags,
}

#[derive(Serialize)]
pub struct Outputs {
    #[serde(rename = "imageID")]
    image_id: String,
    snapshots: Vec<String>,
}

#[async_trait]
impl Listed for Image {
    type Item = Item;
    const ID: &'static str = "image-id";
    const PLURAL: &'static str = "images";

    async fn list(&self, session: &Session, filters: Vec<Filter>) -> Result<Vec<Item>, Fault> {
        let call = Call::read("ec2:DescribeImages", "list images");
        // Without an owner, those that all the world shares are gone through.
        let request = session.ec2().describe_images().owners("self").set_filters(Some(filters));
        let mut pages = request.include_disabled(true).into_paginator().page_size(1000).send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            all.extend_from_slice(page.map_err(|error| call.fault(&error))?.images());
        }
        Ok(all)
    }

    fn id(item: &Item) -> &str {
        item.image_id().unwrap_or_default()
    }

    fn tags(item: &Item) -> &[Tag] {
        item.tags()
    }

    fn is_alive(item: &Item) -> bool {
        matches!(health(item), Some(Health::Live | Health::Waiting(_)))
    }

    fn seen(place: &Place, item: &Item) -> Option<Found<Told, Outputs>> {
        let health = health(item)?;
        let told = Told {
            instance: item.source_instance_id().map(|id| told::reference(place, "instance", "Instance", id)),
            name: item.name().map(str::to_string),
            tags: tags::of_user(&tagging::of(item.tags())),
        };
        let mut snapshots: Vec<String> = snapshot::snapshots_of(item).map(str::to_string).collect();
        snapshots.sort();
        Some(Found { inputs: told, outputs: Outputs { image_id: place.id.to_string(), snapshots }, health })
    }
}

/// How it is; nothing when it is gone.
fn health(item: &Item) -> Option<Health> {
    match item.state() {
        Some(ImageState::Deregistered | ImageState::Invalid) => None,
        Some(ImageState::Available) | None => Some(Health::Live),
        Some(ImageState::Failed | ImageState::Error) => {
            let why = item.state_reason().and_then(|reason| reason.message()).unwrap_or("aws does not say why");
            Some(Health::Dead(format!("it could not be made: {why}")))
        }
        Some(ImageState::Disabled) => Some(Health::Dead("it is disabled".to_string())),
        Some(state) => Some(Health::Waiting(state.as_str().to_string())),
    }
}

#[async_trait]
impl Kind for Image {
    type Want = Want;
    type Told = Told;
    type Outputs = Outputs;

    /// Large disks take hours.
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
            Operation::Create => Duration::from_secs(300),
            Operation::Update | Operation::Delete => usually(operation),
        }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let purpose = format!("make the image `{}` of `{}`", want.name, want.instance);
        let call = Call::write("ec2:CreateImage ec2:CreateTags", purpose);
        let sent = session
            .ec2()
            .create_image()
            .instance_id(&want.instance)
            .name(&want.name)
            .no_reboot(want.no_reboot)
            .tag_specifications(tagging::of_new(ResourceType::Image, &want.tags, owner)?)
            .send();
        let answer = sent.await.map_err(|error| call.fault(&error))?;
        // Its snapshots get their tags when they are known.
        Ok(Made { id: tagging::made(answer.image_id(), "an image")?, whole: false })
    }

    async fn find(&self, session: &Session, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        match seek {
            Seek::Made(_) | Seek::Owned(_) => listed::find(self, session, seek).await,
            Seek::Identity => {
                let items = self.list(session, vec![tagging::exactly("name", [want.name.as_str()])]).await?;
                let named = items.iter().filter(|item| item.name() == Some(&want.name) && Image::is_alive(item));
                listed::only("images", named.map(Image::id))
            }
        }
    }

    async fn read(&self, session: &Session, place: &Place) -> Seen<Image> {
        listed::read(self, session, place).await
    }

    async fn read_many(&self, session: &Arc<Session>, places: &[Place]) -> Vec<Seen<Image>> {
        listed::read_many(self, session, places).await
    }

    /// The snapshots have the tags of their image, so that a bill says whose they are.
    async fn update(
        &self,
        session: &Session,
        place: &Place,
        old: Option<&Fields>,
        want: &Want,
        owner: &Owner,
    ) -> Result<Progress, Fault> {
        if !tags::differ(old, &want.tags) {
            return Ok(Progress::Done);
        }
        let id = &*place.id;
        let Some(item) = listed::one(self, session, id).await? else {
            return Err(Fault::new(FaultKind::Missing, format!("the image `{id}` does not exist")));
        };
        match health(&item) {
            // Which snapshots it has is told once it is made.
            Some(Health::Waiting(on)) => return Ok(Progress::Waiting(on)),
            Some(Health::Live | Health::Dead(_)) | None => {}
        }
        for id in std::iter::once(id).chain(snapshot::snapshots_of(&item)) {
            tagging::update(session, id, None, &want.tags, owner).await?;
        }
        Ok(Progress::Done)
    }

    /// Amazon deletes the snapshots in the same call; those that it left are deleted one by one. One that
    /// another image is made of too stays.
    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let id = &*place.id;
        let mut left: BTreeSet<String> = recorded(place).map(str::to_string).collect();
        if let Some(item) = listed::one(self, session, id).await?
            && health(&item).is_some()
        {
            left.extend(snapshot::snapshots_of(&item).map(str::to_string));
            let call = Call::write("ec2:DeregisterImage ec2:DeleteSnapshot", format!("delete the image `{id}`"));
            let sent = session.ec2().deregister_image().image_id(id).delete_associated_snapshots(true).send();
            match sent.await.map_err(|error| call.fault(&error)) {
                Ok(answer) => {
                    for one in answer.delete_snapshot_results() {
                        let settled = [SnapshotReturnCodes::Success, SnapshotReturnCodes::WarnSkipped];
                        if one.return_code().is_some_and(|code| settled.contains(code)) {
                            left.remove(one.snapshot_id().unwrap_or_default());
                        }
                    }
                }
                Err(fault) if is_gone(&fault) => {}
                Err(fault) => return Err(fault),
            }
        }
        for snapshot in &left {
            match snapshot::delete(session, snapshot).await {
                // Another image needs it.
                Err(fault) if fault.kind == FaultKind::Held => {}
                outcome => outcome?,
            }
        }
        Ok(Progress::Done)
    }
}

/// What is said of an image that is not there is, elsewhere, said of one that a program names.
fn is_gone(fault: &Fault) -> bool {
    ["(InvalidAMIID.NotFound)", "(InvalidAMIID.Unavailable)"].iter().any(|code| fault.message.ends_with(code))
}

/// Its snapshots when last recorded.
fn recorded(place: &Place) -> impl Iterator<Item = &str> {
    place.outputs.get("snapshots").into_iter().flat_map(Value::parts).filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_health_of_an_image_is_its_state() {
        let item = |state: &str| Item::builder().state(ImageState::from(state)).build();
        assert_eq!(health(&item("available")), Some(Health::Live));
        assert_eq!(health(&item("pending")), Some(Health::Waiting("pending".into())));
        assert_eq!(health(&item("deregistered")), None);
        assert_eq!(health(&item("failed")), Some(Health::Dead("it could not be made: aws does not say why".into())));
        assert!(!Image::is_alive(&item("failed")) && !Image::is_alive(&item("disabled")));
    }
}
