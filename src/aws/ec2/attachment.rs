//! Disks in machines. An attachment is no thing of its own for AWS: it has no id and no tags, and is found by
//! looking at its disk. Its id here is both of theirs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::types::{InstanceStateName, Volume as Item, VolumeAttachment as To, VolumeAttachmentState as State};
use serde::{Deserialize, Serialize};

use super::instance::{self, Instance};
use super::listed::{self, Listed, Seen};
use super::tagging;
use super::volume::Volume;
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek, usually};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::told;
use crate::state::Operation;
use crate::value::{Fields, Value};

/// A disk that is on its way out of a machine for longer is mounted there.
const STUCK: Duration = Duration::from_secs(45);

#[derive(Clone, Copy)]
pub struct VolumeAttachment;

#[derive(Deserialize)]
pub struct Want {
    volume: String,
    instance: String,
    device: String,
}

#[derive(Serialize)]
pub struct Told {
    volume: Value,
    instance: Value,
    device: Option<String>,
}

#[derive(Serialize)]
pub struct Outputs {}

fn id(volume: &str, instance: &str) -> Arc<str> {
    format!("{volume}:{instance}").into()
}

/// The disk and the machine of an id.
fn both(id: &str) -> (&str, &str) {
    id.split_once(':').unwrap_or((id, ""))
}

/// The attachment to this machine, as long as there is one.
fn to<'a>(item: &'a Item, instance: &str) -> Option<&'a To> {
    let mut all = item.attachments().iter();
    all.find(|to| to.instance_id() == Some(instance) && to.state() != Some(&State::Detached))
}

#[async_trait]
impl Kind for VolumeAttachment {
    type Want = Want;
    type Told = Told;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience {
            consistency: Duration::from_secs(30),
            poll: Duration::from_secs(2),
            readiness: Duration::from_secs(600),
            deletion: Duration::from_secs(600),
        }
    }

    fn usually(&self, operation: Operation) -> Duration {
        match operation {
            Operation::Create | Operation::Delete => Duration::from_secs(8),
            Operation::Update => usually(operation),
        }
    }

    async fn create(&self, session: &Session, want: &Want, _owner: &Owner) -> Result<Made, Fault> {
        let Want { volume, instance, device } = want;
        let made = Made { id: id(volume, instance), whole: true };
        let call = Call::write("ec2:AttachVolume", format!("attach the volume `{volume}` to `{instance}`"));
        let sent = session.ec2().attach_volume().volume_id(volume).instance_id(instance).device(device).send();
        let Err(error) = sent.await else { return Ok(made) };
        let fault = call.fault(&error);
        if fault.kind != FaultKind::Held {
            return Err(fault);
        }
        match listed::one(&Volume, session, volume).await? {
            // An earlier try did it.
            Some(item) if to(&item, instance).is_some_and(|to| to.device() == Some(device)) => Ok(made),
            Some(item) => Err(elsewhere(fault, &item)),
            None => Err(fault),
        }
    }

    /// Whoever made it: nothing can be written on it. That a disk is in a machine is all there is to know.
    async fn find(&self, session: &Session, want: &Want, _seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        let item = listed::one(&Volume, session, &want.volume).await?;
        let attached = item.as_ref().and_then(|item| to(item, &want.instance));
        Ok(attached.filter(|to| to.device() == Some(&want.device)).map(|_| id(&want.volume, &want.instance)))
    }

    async fn read(&self, session: &Session, place: &Place) -> Seen<VolumeAttachment> {
        let item = listed::one(&Volume, session, both(&place.id).0).await?;
        Ok(item.and_then(|item| seen(place, &item)))
    }

    async fn read_many(&self, session: &Arc<Session>, places: &[Place]) -> Vec<Seen<VolumeAttachment>> {
        let volumes: Vec<&str> = places.iter().map(|place| both(&place.id).0).collect();
        let mut items = BTreeMap::new();
        for chunk in volumes.chunks(tagging::VALUES_OF_A_FILTER) {
            match Volume.list(session, vec![tagging::filter(Volume::ID, chunk.iter().copied())]).await {
                Ok(found) => items.extend(found.into_iter().map(|item| (Volume::id(&item).to_string(), item))),
                Err(fault) => return places.iter().map(|_| Err(fault.clone())).collect(),
            }
        }
        places.iter().map(|place| Ok(items.get(both(&place.id).0).and_then(|item| seen(place, item)))).collect()
    }

    /// What can change of it is how it ends, which is looked up when it does.
    async fn update(
        &self,
        _session: &Session,
        _place: &Place,
        _old: Option<&Fields>,
        _want: &Want,
        _owner: &Owner,
    ) -> Result<Progress, Fault> {
        Ok(Progress::Done)
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let (volume, instance) = both(&place.id);
        let item = listed::one(&Volume, session, volume).await?;
        let Some(to) = item.as_ref().and_then(|item| to(item, instance)) else {
            return Ok(Progress::Done);
        };
        let is_stuck = || session.recent.waited(&place.id) > STUCK;
        match to.state() {
            Some(State::Detaching | State::Busy) if session.recent.is_going(instance) => {
                let is_busy = to.state() == Some(&State::Busy);
                if let Some(on) = at_rest(session, instance, is_busy || is_stuck()).await? {
                    return Ok(Progress::Waiting(on));
                }
            }
            Some(State::Detaching) => return Ok(Progress::Waiting("detaching".to_string())),
            Some(State::Busy) => {
                let on = format!("busy: it is mounted, so unmount {} in `{instance}`", to.device().unwrap_or("it"));
                return Ok(Progress::Waiting(on));
            }
            Some(_) | None => {}
        }
        let call = Call::write("ec2:DetachVolume", format!("detach the volume `{volume}` from `{instance}`"));
        let force = place.inputs.get("forceDetach") == Some(&Value::Bool(true));
        let sent = session.ec2().detach_volume().volume_id(volume).instance_id(instance).force(force).send();
        match sent.await.map_err(|error| call.fault(&error)) {
            // It was detached between the two calls.
            Err(fault) if fault.kind == FaultKind::Missing => Ok(Progress::Waiting("detaching".to_string())),
            Err(fault) => Err(fault),
            Ok(_) => Ok(Progress::Waiting("detaching".to_string())),
        }
    }
}

/// What has to be waited for until a disk comes out of a machine that is going to be terminated as well. A mounted
/// disk does not come out of one that runs: it is stopped, by which its system writes what is not written yet, and
/// takes no more.
async fn at_rest(session: &Session, instance: &str, is_mounted: bool) -> Result<Option<String>, Fault> {
    let machine = listed::one(&Instance, session, instance).await?;
    Ok(match machine.as_ref().and_then(instance::state) {
        Some(InstanceStateName::Running) if is_mounted => {
            instance::stop(session, instance).await?;
            Some(format!("mounted: `{instance}` is being stopped first, as it goes too"))
        }
        Some(InstanceStateName::Stopping | InstanceStateName::ShuttingDown) => {
            Some(format!("mounted until `{instance}` has stopped"))
        }
        Some(InstanceStateName::Running | InstanceStateName::Pending) => Some("detaching".to_string()),
        Some(_) | None => None,
    })
}

/// Says where a disk is instead.
fn elsewhere(fault: Fault, item: &Item) -> Fault {
    let places: Vec<String> = item
        .attachments()
        .iter()
        .filter_map(|to| Some(format!("`{}` as {}", to.instance_id()?, to.device().unwrap_or("?"))))
        .collect();
    match places.is_empty() {
        true => fault,
        false => {
            fault.on("volume").help(format!("it is attached to {}: detach it there first", listed::named(&places)))
        }
    }
}

fn seen(place: &Place, item: &Item) -> Option<Found<Told, Outputs>> {
    let (volume, instance) = both(&place.id);
    let to = to(item, instance)?;
    let health = match to.state() {
        Some(State::Attached) | None => Health::Live,
        // It is in use, and was asked to go.
        Some(state) => Health::Waiting(state.as_str().to_string()),
    };
    let inputs = Told {
        volume: told::reference(place, "volume", "Volume", volume),
        instance: told::reference(place, "instance", "Instance", instance),
        device: to.device().map(str::to_string),
    };
    Some(Found { inputs, outputs: Outputs {}, health })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_both_ids() {
        assert_eq!(both(&id("vol-1", "i-1")), ("vol-1", "i-1"));
        assert_eq!(both("vol-1"), ("vol-1", ""));
    }
}
