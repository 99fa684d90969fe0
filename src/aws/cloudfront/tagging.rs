//! Tags as CloudFront takes and gives them: of distributions and functions, by ARN.

use aws_sdk_cloudfront::types::{Tag, TagKeys, Tags as AwsTags};

use crate::apply::provider::{Fault, FaultKind, Owner};
use crate::aws::fault::Call;
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};

pub async fn read(session: &Session, arn: &str) -> Result<Tags, Fault> {
    let call = Call::read("cloudfront:ListTagsForResource", format!("read the tags of `{arn}`"));
    let answer = session.cloudfront().list_tags_for_resource().resource(arn).send().await;
    let answer = answer.map_err(|error| call.fault(&error))?;
    let pair = |tag: &Tag| (tag.key.clone(), tag.value.clone().unwrap_or_default());
    Ok(answer.tags().map(|all| all.items().iter().map(pair).collect()).unwrap_or_default())
}

pub fn list(all: &Tags) -> Result<AwsTags, Fault> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    let items: Vec<Tag> = all
        .iter()
        .map(tag)
        .collect::<Result<_, _>>()
        .map_err(|error| Fault::new(FaultKind::Refused, format!("the tags cannot be sent: {error}")).on("tags"))?;
    Ok(AwsTags::builder().set_items(Some(items)).build())
}

/// Gives it the wanted tags, in as few calls as that takes.
///
/// # Errors
/// When the user's tags have a key that is not the user's to choose, or when AWS refuses.
pub async fn change(session: &Session, arn: &str, user: &Tags, owner: &Owner) -> Result<(), Fault> {
    let present = read(session, arn).await?;
    let (wanted, surplus) = tags::changes(user, owner, &present)?;
    if !wanted.is_empty() {
        let call = Call::write("cloudfront:TagResource", format!("set the tags of `{arn}`"));
        let sent = session.cloudfront().tag_resource().resource(arn).tags(list(&wanted)?).send();
        sent.await.map_err(|error| call.fault(&error).on("tags"))?;
    }
    if !surplus.is_empty() {
        let call = Call::write("cloudfront:UntagResource", format!("remove tags from `{arn}`"));
        let keys = TagKeys::builder().set_items(Some(surplus)).build();
        let sent = session.cloudfront().untag_resource().resource(arn).tag_keys(keys).send();
        sent.await.map_err(|error| call.fault(&error).on("tags"))?;
    }
    Ok(())
}
