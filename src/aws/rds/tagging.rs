//! Tags as RDS takes and gives them: by the Amazon resource name of a thing, the same for all of its types.

use aws_sdk_rds::types::Tag;

use crate::apply::provider::{Fault, FaultKind, Owner};
use crate::aws::fault::Call;
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};

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
pub fn of_new(user: &Tags, owner: &Owner) -> Result<Vec<Tag>, Fault> {
    Ok(list(&tags::of_new(user, owner)?))
}

/// The tags of one thing, for the types whose lists do not have them.
///
/// # Errors
/// When AWS refuses.
pub async fn read(session: &Session, arn: &str) -> Result<Tags, Fault> {
    let call = Call::read("rds:ListTagsForResource", format!("read the tags of {arn}"));
    let answer = session.rds().list_tags_for_resource().resource_name(arn).send().await;
    Ok(of(answer.map_err(|error| call.fault(&error))?.tag_list()))
}

/// Gives one thing the wanted tags, in as few calls as that takes.
///
/// # Errors
/// When the user's tags have a key that is not the user's to choose, or when AWS refuses.
pub async fn change(session: &Session, arn: &str, present: &Tags, user: &Tags, owner: &Owner) -> Result<(), Fault> {
    let (wanted, surplus) = tags::changes(user, owner, present)?;
    if !wanted.is_empty() {
        add(session, arn, &wanted).await?;
    }
    if !surplus.is_empty() {
        let call = Call::write("rds:RemoveTagsFromResource", format!("remove tags from {arn}"));
        let sent = session.rds().remove_tags_from_resource().resource_name(arn).set_tag_keys(Some(surplus)).send();
        sent.await.map_err(|error| call.fault(&error).on("tags"))?;
    }
    Ok(())
}

/// # Errors
/// When AWS refuses.
pub async fn add(session: &Session, arn: &str, tags: &Tags) -> Result<(), Fault> {
    let call = Call::write("rds:AddTagsToResource", format!("set the tags of {arn}"));
    let sent = session.rds().add_tags_to_resource().resource_name(arn).set_tags(Some(list(tags))).send();
    sent.await.map_err(|error| call.fault(&error).on("tags"))?;
    Ok(())
}

/// A name that is in use, by something that this very operation did not make.
pub fn taken(what: &str, name: &str, attribute: &str, present: &Tags, owner: &Owner) -> Fault {
    let whose = tags::whose(present, owner);
    Fault::new(FaultKind::Taken, format!("the {what} `{name}` exists already{whose}"))
        .on(attribute)
        .help("choose another name, or write `startActions [];` to use it as it is")
}
