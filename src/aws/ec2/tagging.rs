//! Tags as EC2 takes and gives them. All of its types have the same ones, and are found by them.

use std::sync::Arc;

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagDescription, TagSpecification};

use crate::apply::provider::{Fault, FaultKind, Owner, Progress, Seek, TAG_ADDRESS, TAG_LINEAGE, TAG_TOKEN};
use crate::aws::fault::Call;
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::value::Fields;

/// The most values that EC2 takes in one filter.
pub const VALUES_OF_A_FILTER: usize = 200;

pub fn of(tags: &[Tag]) -> Tags {
    let pair = |tag: &Tag| Some((tag.key()?.to_string(), tag.value().unwrap_or_default().to_string()));
    tags.iter().filter_map(pair).collect()
}

pub fn list(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// What a create call says of the tags of the thing that it makes.
///
/// # Errors
/// When the user's tags have a key that is not the user's to choose.
pub fn of_new(resource: ResourceType, user: &Tags, owner: &Owner) -> Result<TagSpecification, Fault> {
    let all = list(&tags::of_new(user, owner)?);
    Ok(TagSpecification::builder().resource_type(resource).set_tags(Some(all)).build())
}

pub fn filter<V: Into<String>>(name: &str, values: impl IntoIterator<Item = V>) -> Filter {
    Filter::builder().name(name).set_values(Some(values.into_iter().map(Into::into).collect())).build()
}

/// What has one of these values, and not another one that only looks like a pattern of it.
pub fn exactly<'a>(name: &str, values: impl IntoIterator<Item = &'a str>) -> Filter {
    // In a filter `*` and `?` stand for other text: one that matches too much would be someone else's things.
    let escape = |value: &str| value.replace('\\', "\\\\").replace('*', "\\*").replace('?', "\\?");
    filter(name, values.into_iter().map(escape))
}

/// What has one of these values as a tag.
pub fn tagged<'a>(key: &str, values: impl IntoIterator<Item = &'a str>) -> Filter {
    exactly(&format!("tag:{key}"), values)
}

/// Why a name cannot be had, when this is written on what has it. `what` is that: ``the key pair `x` ``.
pub fn taken(what: &str, present: &Tags, owner: &Owner) -> Fault {
    let whose = tags::whose(present, owner);
    Fault::new(FaultKind::Taken, format!("{what} exists already{whose}"))
}

/// Filters for what is sought by its owner; none for what is sought by its identity.
pub fn sought(seek: &Seek) -> Option<Vec<Filter>> {
    match seek {
        // The token alone would do, but only the lineage makes it certain whose token it is.
        Seek::Made(owner) => Some(vec![tagged(TAG_LINEAGE, [&*owner.lineage]), tagged(TAG_TOKEN, [&*owner.token])]),
        Seek::Owned(owner) => {
            let address = tags::address(&owner.address);
            Some(vec![tagged(TAG_LINEAGE, [&*owner.lineage]), tagged(TAG_ADDRESS, [address.as_str()])])
        }
        Seek::Identity => None,
    }
}

/// Gives one thing the wanted tags, in as few calls as that takes.
///
/// # Errors
/// When the user's tags have a key that is not the user's to choose, or when AWS refuses.
pub async fn change(session: &Session, id: &str, present: &Tags, user: &Tags, owner: &Owner) -> Result<(), Fault> {
    change_all(session, vec![id.to_string()], present, user, owner).await
}

/// As [`change`], for things that have their tags together: a machine and its disks.
///
/// # Errors
/// As there.
pub async fn change_all(
    session: &Session,
    ids: Vec<String>,
    present: &Tags,
    user: &Tags,
    owner: &Owner,
) -> Result<(), Fault> {
    let names = ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
    let (wanted, surplus) = tags::changes(user, owner, present)?;
    if !wanted.is_empty() {
        let call = Call::write("ec2:CreateTags", format!("set the tags of {names}"));
        let sent = session.ec2().create_tags().set_resources(Some(ids.clone())).set_tags(Some(list(&wanted))).send();
        sent.await.map_err(|error| call.fault(&error).on("tags"))?;
    }
    // Without a value, a tag is removed whatever its value is.
    let surplus: Vec<Tag> = surplus.into_iter().map(|key| Tag::builder().key(key).build()).collect();
    if !surplus.is_empty() {
        let call = Call::write("ec2:DeleteTags", format!("remove tags from {names}"));
        let sent = session.ec2().delete_tags().set_resources(Some(ids)).set_tags(Some(surplus)).send();
        sent.await.map_err(|error| call.fault(&error).on("tags"))?;
    }
    Ok(())
}

/// The user's tags of one thing, where they are others than `old` has them. What is on it now is asked for only
/// then.
///
/// # Errors
/// As [`change`].
pub async fn update(
    session: &Session,
    id: &str,
    old: Option<&Fields>,
    user: &Tags,
    owner: &Owner,
) -> Result<(), Fault> {
    if !tags::differ(old, user) {
        return Ok(());
    }
    let present = on(session, id).await?;
    change(session, id, &present, user, owner).await
}

/// All that is written on one thing.
pub async fn on(session: &Session, id: &str) -> Result<Tags, Fault> {
    let call = Call::read("ec2:DescribeTags", format!("read the tags of `{id}`"));
    let mut pages = session.ec2().describe_tags().filters(filter("resource-id", [id])).into_paginator().send();
    let mut all = Tags::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| call.fault(&error))?;
        let pair = |tag: &TagDescription| Some((tag.key()?.to_string(), tag.value().unwrap_or_default().to_string()));
        all.extend(page.tags().iter().filter_map(pair));
    }
    Ok(all)
}

/// The id in the answer to a create call.
///
/// # Errors
/// When there is none: it is made, and the engine has to look for it.
pub fn made(id: Option<&str>, what: &str) -> Result<Arc<str>, Fault> {
    let lost = || Fault::new(FaultKind::Unknown, format!("aws made {what} and did not say which one it is"));
    id.filter(|id| !id.is_empty()).map(Arc::from).ok_or_else(lost)
}

/// For a thing that may go between two calls.
///
/// # Errors
/// Any other fault.
pub fn gone_is_none<T>(fault: Fault) -> Result<Option<T>, Fault> {
    if fault.kind == FaultKind::Missing { Ok(None) } else { Err(fault) }
}

/// For a deletion of what only what is deleted before can hold: AWS needs some minutes to let go of it.
///
/// # Errors
/// Any other fault.
pub fn gone_or_going(fault: Fault) -> Result<Progress, Fault> {
    if fault.kind == FaultKind::Held {
        return Ok(Progress::Waiting("held by what was deleted just now".to_string()));
    }
    gone_is_done(fault)
}

/// For a deletion: what is gone is deleted.
///
/// # Errors
/// Any other fault.
pub fn gone_is_done(fault: Fault) -> Result<Progress, Fault> {
    if fault.kind == FaultKind::Missing { Ok(Progress::Done) } else { Err(fault) }
}
