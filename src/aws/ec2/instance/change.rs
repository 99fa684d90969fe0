//! Changing a machine. What AWS changes while it runs is changed while it runs; for the rest it is stopped, changed
//! and started, in as many calls as that takes: each looks anew how far it is.

use aws_sdk_ec2::operation::modify_instance_attribute::builders::ModifyInstanceAttributeFluentBuilder as Modify;
use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::{
    AttributeBooleanValue, AttributeValue, HttpTokensState, Instance as Item, InstanceStateName, InstanceType,
    SecureBlobAttributeValue,
};

use super::{Instance, Want, about, is_monitored, own_disks, profile, profile_name, root_disk, state, user_data};
use crate::apply::provider::{Fault, FaultKind, Owner, Place, Progress};
use crate::aws::ec2::listed::{self, Listed};
use crate::aws::ec2::tagging;
use crate::aws::ec2::volume::{self, Shape, Volume};
use crate::aws::fault::Call;
use crate::aws::session::Session;
use crate::aws::tags;
use crate::value::{Fields, Value};

pub async fn step(
    session: &Session,
    place: &Place,
    old: Option<&Fields>,
    want: &Want,
    owner: &Owner,
) -> Result<Progress, Fault> {
    let id = &*place.id;
    let item = listed::one(&Instance, session, id).await?.filter(Instance::is_alive);
    let missing = || Fault::new(FaultKind::Missing, format!("the instance `{id}` does not exist"));
    let now = item.ok_or_else(missing)?;
    // Hardly anything of it can be changed before it runs.
    if state(&now) == Some(&InstanceStateName::Pending) {
        return Ok(Progress::Waiting("pending".to_string()));
    }
    if tags::differ(old, &want.tags) {
        let all: Vec<String> = std::iter::once(id).chain(own_disks(&now)).map(str::to_string).collect();
        tagging::change_all(session, all, &tagging::of(now.tags()), &want.tags, owner).await?;
    }
    in_passing(session, id, &now, old, want).await?;
    if let Some(waiting) = root_size(session, &now, want).await? {
        return Ok(waiting);
    }
    let todo = at_rest(session, id, &now, old, want).await?;
    match state(&now) {
        Some(InstanceStateName::Running) if !todo.is_empty() => {
            stop(session, id).await?;
            Ok(Progress::Waiting("stopping".to_string()))
        }
        // Whoever reads it from now on waits until it is stopped.
        Some(InstanceStateName::Running) if !want.running => stop(session, id).await.map(|()| Progress::Done),
        Some(InstanceStateName::Stopping) if !todo.is_empty() || want.running => {
            Ok(Progress::Waiting("stopping".to_string()))
        }
        Some(InstanceStateName::Stopped) => {
            for change in todo {
                if let Err(fault) = change.make(session, id).await {
                    return Err(back_up(session, id, want, fault).await);
                }
            }
            if want.running {
                start(session, id).await?;
            }
            Ok(Progress::Done)
        }
        Some(_) | None => Ok(Progress::Done),
    }
}

/// What changes while it runs.
async fn in_passing(session: &Session, id: &str, now: &Item, old: Option<&Fields>, want: &Want) -> Result<(), Fault> {
    let modify = || session.ec2().modify_instance_attribute().instance_id(id);
    let on = |on: bool| AttributeBooleanValue::builder().value(on).build();
    // Without any it cannot be: an empty list leaves the choice to AWS.
    if let Some(wanted) = want.security_groups.as_ref().filter(|groups| !groups.is_empty()) {
        let mut present: Vec<&str> = now.security_groups().iter().filter_map(|group| group.group_id()).collect();
        let mut wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        present.sort_unstable();
        wanted.sort_unstable();
        wanted.dedup();
        if present != wanted {
            let groups = wanted.into_iter().map(str::to_string).collect();
            send(modify().set_groups(Some(groups)), format!("set the security groups of `{id}`"), "securityGroups")
                .await?;
        }
    }
    if now.source_dest_check().is_some_and(|present| present != want.source_dest_check) {
        let what = format!("set the source and destination check of `{id}`");
        send(modify().source_dest_check(on(want.source_dest_check)), what, "sourceDestCheck").await?;
    }
    // The list does not tell it: what it was last is what there is to go by.
    let protected = old.map(|old| old.get("terminationProtection") == Some(&Value::Bool(true)));
    if protected != Some(want.termination_protection) {
        let what = format!("set the protection of `{id}`");
        let call = modify().disable_api_termination(on(want.termination_protection));
        send(call, what, "terminationProtection").await?;
    }
    let monitored = now.monitoring().and_then(|monitoring| monitoring.state()).is_some_and(is_monitored);
    if monitored != want.monitoring {
        monitor(session, id, want.monitoring).await?;
    }
    let tokens = if want.imdsv2 { HttpTokensState::Required } else { HttpTokensState::Optional };
    if now.metadata_options().and_then(|options| options.http_tokens()).is_some_and(|present| *present != tokens) {
        let what = format!("set how `{id}` is told about itself");
        let call = Call::write("ec2:ModifyInstanceMetadataOptions", what);
        let sent = session.ec2().modify_instance_metadata_options().instance_id(id).http_tokens(tokens).send();
        sent.await.map_err(|error| call.fault(&error).on("imdsv2"))?;
    }
    // One that a program never named is not its to take away.
    let ours = want.instance_profile.is_some() || old.is_some_and(|old| old.contains_key("instanceProfile"));
    if ours && profile_name(now) != want.instance_profile.as_deref() {
        profile::change(session, id, want.instance_profile.as_deref()).await?;
    }
    Ok(())
}

async fn monitor(session: &Session, id: &str, on: bool) -> Result<(), Fault> {
    let what = format!("switch the monitoring of `{id}` {}", if on { "on" } else { "off" });
    let fault = if on {
        let call = Call::write("ec2:MonitorInstances", what);
        session.ec2().monitor_instances().instance_ids(id).send().await.err().map(|error| call.fault(&error))
    } else {
        let call = Call::write("ec2:UnmonitorInstances", what);
        session.ec2().unmonitor_instances().instance_ids(id).send().await.err().map(|error| call.fault(&error))
    };
    fault.map_or(Ok(()), |fault| Err(fault.on("monitoring")))
}

/// Lets the root disk grow; what is waited for, if anything.
async fn root_size(session: &Session, now: &Item, want: &Want) -> Result<Option<Progress>, Fault> {
    let (Some(size), Some(disk)) = (want.root_size, root_disk(now)) else { return Ok(None) };
    let shape = Shape { size: Some(volume::gib(size, "rootSize")?), ..Shape::default() };
    let Some(disk) = listed::one(&Volume, session, disk).await? else { return Ok(None) };
    match volume::change(session, &disk, &shape, "rootSize").await? {
        Progress::Done => Ok(None),
        Progress::Waiting(on) => Ok(Some(Progress::Waiting(format!("waiting for its root disk, which is {on}")))),
    }
}

/// A change for which it has to be stopped.
#[derive(PartialEq, Eq, Debug)]
enum Change {
    Type(String),
    EbsOptimized(bool),
    UserData(String),
}

impl Change {
    async fn make(&self, session: &Session, id: &str) -> Result<(), Fault> {
        let modify = session.ec2().modify_instance_attribute().instance_id(id);
        match self {
            Change::Type(wanted) => {
                let value = AttributeValue::builder().value(InstanceType::from(wanted.as_str()).as_str()).build();
                send(modify.instance_type(value), format!("make `{id}` a {wanted}"), "instanceType").await
            }
            Change::EbsOptimized(wanted) => {
                let value = AttributeBooleanValue::builder().value(*wanted).build();
                send(modify.ebs_optimized(value), format!("set `ebsOptimized` of `{id}`"), "ebsOptimized").await
            }
            Change::UserData(text) => {
                // The SDK does the Base64 of this one by itself.
                let value = SecureBlobAttributeValue::builder()
                    .value(Blob::new(&*crate::limits::user_data::meant(text)))
                    .build();
                send(modify.user_data(value), format!("set the user data of `{id}`"), "userData").await
            }
        }
    }
}

/// What is otherwise, and changes only when it is stopped.
async fn at_rest(
    session: &Session,
    id: &str,
    now: &Item,
    old: Option<&Fields>,
    want: &Want,
) -> Result<Vec<Change>, Fault> {
    let mut todo = Vec::new();
    if now.instance_type().map(InstanceType::as_str) != Some(want.instance_type.as_str()) {
        todo.push(Change::Type(want.instance_type.clone()));
    }
    if let Some(wanted) = want.ebs_optimized
        && now.ebs_optimized() != Some(wanted)
    {
        todo.push(Change::EbsOptimized(wanted));
    }
    let wanted = want.user_data.as_deref();
    let is_as_before = old.is_some_and(|old| match old.get("userData") {
        // That a secret in it is the same cannot be seen from here.
        Some(data) => !data.holds_secret() && data.as_str() == wanted,
        None => wanted.is_none(),
    });
    // What a program never set is not its to take away.
    if !is_as_before && (wanted.is_some() || old.is_some()) {
        let told = super::told_user_data(session, id).await?.unwrap_or_default();
        let wanted = wanted.unwrap_or_default();
        if !user_data::is_same(wanted, &told) {
            todo.push(Change::UserData(wanted.to_string()));
        }
    }
    Ok(todo)
}

/// AWS takes one attribute a call.
async fn send(call: Modify, purpose: String, attribute: &str) -> Result<(), Fault> {
    let words = Call::write("ec2:ModifyInstanceAttribute", purpose);
    let sent = call.send().await;
    sent.map(|_| ()).map_err(|error| about(words.fault(&error))).map_err(|fault| match fault.attribute {
        Some(_) => fault,
        None => fault.on(attribute),
    })
}

pub async fn stop(session: &Session, id: &str) -> Result<(), Fault> {
    let call = Call::write("ec2:StopInstances", format!("stop the instance `{id}`"));
    session.ec2().stop_instances().instance_ids(id).send().await.map(|_| ()).map_err(|error| call.fault(&error))
}

async fn start(session: &Session, id: &str) -> Result<(), Fault> {
    let call = Call::write("ec2:StartInstances", format!("start the instance `{id}`"));
    session.ec2().start_instances().instance_ids(id).send().await.map(|_| ()).map_err(|error| call.fault(&error))
}

/// It was stopped for a change that AWS will not make: better it runs as it was than not at all.
async fn back_up(session: &Session, id: &str, want: &Want, fault: Fault) -> Fault {
    if fault.kind != FaultKind::Refused || !want.running || start(session, id).await.is_err() {
        return fault;
    }
    let message = format!("{}; it was started again as it was", fault.message);
    Fault { message, ..fault }
}
