//! Reboots of machines. They are `running` all the while, as AWS has it: whether they answer again, only they tell.

use aws_sdk_ec2::types::{InstanceStateName, Tag};

use super::group::{self, Listed};
use super::tagging;
use crate::apply::provider::{Fault, FaultKind, Place, Progress};
use crate::aws::fault::Call;
use crate::aws::session::Session;

/// Which run of the action rebooted it: one that is asked twice for the same reboot does it once.
const REBOOTED: &str = "tadpole:reboot";

/// The machines of a group, as they were last seen.
pub fn members_of(place: &Place) -> Vec<String> {
    group::recorded(place)
}

/// Reboots those that run; of a single one it is an error that it does not.
///
/// # Errors
/// When one is not there.
pub async fn reboot(session: &Session, ids: Vec<String>, token: &str) -> Result<Progress, Fault> {
    let mut found = Vec::new();
    for chunk in ids.chunks(tagging::VALUES_OF_A_FILTER) {
        found.extend(group::list(session, vec![tagging::filter("instance-id", chunk.iter().cloned())]).await?);
    }
    let busy = [InstanceStateName::Pending, InstanceStateName::Stopping];
    if let Some(one) = found.iter().find(|one| one.is(&busy)) {
        return Ok(Progress::Waiting(format!("on its way ({})", one.id())));
    }
    let running: Vec<&Listed> = found.iter().filter(|one| one.is(&[InstanceStateName::Running])).collect();
    if let ([id], []) = (ids.as_slice(), running.as_slice()) {
        let text = format!("the instance `{id}` does not run, so it cannot be rebooted");
        return Err(Fault::new(FaultKind::Refused, text).help("`running true;` starts it"));
    }
    let is_left = |one: &&&Listed| one.tags().get(REBOOTED).is_none_or(|run| run != token);
    let left: Vec<String> = running.iter().filter(is_left).map(|one| one.id().to_string()).collect();
    let names = left.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
    for chunk in left.chunks(tagging::VALUES_OF_A_FILTER) {
        let call = Call::write("ec2:RebootInstances", format!("reboot {names}"));
        let sent = session.ec2().reboot_instances().set_instance_ids(Some(chunk.to_vec())).send();
        sent.await.map_err(|error| call.fault(&error))?;
        let call = Call::write("ec2:CreateTags", format!("write on {names} that it was rebooted"));
        let mark = Tag::builder().key(REBOOTED).value(token).build();
        let sent = session.ec2().create_tags().set_resources(Some(chunk.to_vec())).tags(mark).send();
        sent.await.map_err(|error| call.fault(&error))?;
    }
    Ok(Progress::Done)
}
