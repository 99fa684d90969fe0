//! Machines that are protected, and networks, groups, disks and snapshots that something holds which stays.

use std::sync::Arc;

use aws_sdk_ec2::types::{InstanceAttributeName, NetworkInterface};

use super::listed::Listed;
use super::snapshot::snapshots_of;
use super::volume::Volume;
use super::{holders, tagging};
use crate::apply::provider::{Fault, FaultKind, Leaving, Obstacle};
use crate::aws::fault::Call;
use crate::aws::obstacles::{Found, Going, held_by};
use crate::aws::session::Session;
use crate::value::Value;

/// A list for each type that leaves, and a call for each machine that is recorded as protected.
///
/// # Errors
/// When AWS refuses.
pub async fn obstacles(session: &Arc<Session>, going: &Going) -> Result<Found, Fault> {
    let (machines, network, disks, copies) = tokio::join!(
        protected(session, going),
        in_use(session, going),
        attached(session, going),
        imaged(session, going)
    );
    let mut found = machines?;
    found.extend(network?);
    found.extend(disks?);
    found.extend(copies?);
    Ok(found)
}

async fn protected(session: &Session, going: &Going) -> Result<Found, Fault> {
    let mut found = Found::new();
    let recorded = |one: &&Leaving| one.place.inputs.get("terminationProtection") == Some(&Value::Bool(true));
    for one in going.of("aws.Instance").filter(recorded) {
        let id = &one.place.id;
        let call = Call::read("ec2:DescribeInstanceAttribute", format!("read the protection of `{id}`"));
        let name = InstanceAttributeName::DisableApiTermination;
        let sent = session.ec2().describe_instance_attribute().instance_id(&**id).attribute(name).send();
        let told = match sent.await.map_err(|error| call.fault(&error)) {
            Ok(answer) => answer.disable_api_termination().and_then(|told| told.value()),
            Err(fault) if fault.kind == FaultKind::Missing => None,
            Err(fault) => return Err(fault),
        };
        if told == Some(true) {
            let help = "set `terminationProtection false` and apply that first; or keep it with `terminateActions [];`";
            let obstacle = Obstacle::new("it is protected against termination").on("terminationProtection");
            found.push((id.clone(), obstacle.help(help)));
        }
    }
    Ok(found)
}

/// Security groups, subnets and VPCs in which there are network interfaces of something that stays. Those that AWS
/// made for a database or a load balancer it takes away itself.
async fn in_use(session: &Session, going: &Going) -> Result<Found, Fault> {
    type Has = fn(&NetworkInterface, &str) -> bool;
    let types: [(&str, &str, Has); 3] = [
        ("aws.SecurityGroup", "group-id", |one, id| one.groups().iter().any(|group| group.group_id() == Some(id))),
        ("aws.Subnet", "subnet-id", |one, id| one.subnet_id() == Some(id)),
        ("aws.Vpc", "vpc-id", |one, id| one.vpc_id() == Some(id)),
    ];
    let mut found = Found::new();
    for (kind, filter, has) in types {
        let ids = going.ids(kind);
        let mut interfaces = Vec::new();
        for chunk in ids.chunks(tagging::VALUES_OF_A_FILTER) {
            interfaces.extend(holders::listed(session, vec![tagging::filter(filter, chunk.iter().copied())]).await?);
        }
        for one in going.of(kind) {
            let stays = |interface: &&NetworkInterface| {
                let instance = interface.attachment().and_then(|attachment| attachment.instance_id());
                let frees = |id: &str| going.frees(id, one);
                interface.requester_managed() != Some(true) && !instance.is_some_and(frees)
            };
            let holders = interfaces.iter().filter(|interface| has(interface, &one.place.id)).filter(stays);
            let obstacle = held_by(holders.map(holders::interface).collect());
            found.extend(obstacle.map(|obstacle| (one.place.id.clone(), obstacle)));
        }
    }
    Ok(found)
}

/// Disks in machines that stay, which no attachment takes out of them.
async fn attached(session: &Session, going: &Going) -> Result<Found, Fault> {
    let ids = going.ids("aws.Volume");
    let mut found = Found::new();
    for chunk in ids.chunks(tagging::VALUES_OF_A_FILTER) {
        let filters = vec![tagging::filter(Volume::ID, chunk.iter().copied())];
        for volume in Volume.list(session, filters).await? {
            let Some(one) = going.of("aws.Volume").find(|one| *one.place.id == *Volume::id(&volume)) else { continue };
            let is_taken_out = going.of("aws.VolumeAttachment").any(|other| other.place.id.starts_with(&*one.place.id));
            let machines = volume.attachments().iter().filter_map(|attachment| attachment.instance_id());
            let staying = machines.filter(|id| !is_taken_out && !going.frees(id, one));
            let obstacle = held_by(staying.map(|id| format!("the instance `{id}`")).collect());
            found.extend(obstacle.map(|obstacle| (one.place.id.clone(), obstacle)));
        }
    }
    Ok(found)
}

/// Snapshots that images are made of which stay.
async fn imaged(session: &Session, going: &Going) -> Result<Found, Fault> {
    let mut found = Found::new();
    if going.of("aws.Snapshot").next().is_none() {
        return Ok(found);
    }
    let call = Call::read("ec2:DescribeImages", "look for images that are made of snapshots");
    let mut pages = session.ec2().describe_images().owners("self").into_paginator().page_size(1000).send();
    let mut images = Vec::new();
    while let Some(page) = pages.next().await {
        images.extend_from_slice(page.map_err(|error| call.fault(&error))?.images());
    }
    for one in going.of("aws.Snapshot") {
        let made_of_it = images.iter().filter(|image| snapshots_of(image).any(|id| *id == *one.place.id));
        let staying = made_of_it.filter_map(|image| image.image_id()).filter(|id| !going.frees(id, one));
        let obstacle = held_by(staying.map(|id| format!("the image `{id}`")).collect());
        found.extend(obstacle.map(|obstacle| (one.place.id.clone(), obstacle)));
    }
    Ok(found)
}
