//! Types of EC2 whose things are listed with filters, by id and by tag: how they are found and read is the same
//! for all of them. A filter passes over ids that are not there, where a list of ids is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ec2::types::{Filter, Tag};

use super::holders::Holders;
use super::tagging;
use crate::apply::provider::{Fault, FaultKind, Place, Progress, Seek};
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags;

/// What a read of a type finds; nothing when it is gone.
pub type Seen<L> = Result<Option<Found<<L as Kind>::Told, <L as Kind>::Outputs>>, Fault>;

/// A type whose things EC2 lists.
#[async_trait]
pub trait Listed: Kind {
    /// One of them, as the list has it.
    type Item: Send + Sync;
    /// The filter that takes ids: `vpc-id`.
    const ID: &'static str;
    /// What several of them are called.
    const PLURAL: &'static str;

    /// All that pass the filters, from every page.
    async fn list(&self, session: &Session, filters: Vec<Filter>) -> Result<Vec<Self::Item>, Fault>;

    fn id(item: &Self::Item) -> &str;

    fn tags(item: &Self::Item) -> &[Tag];

    /// Whether it may be found by its owner: what is deleted is listed for a while.
    fn is_alive(_item: &Self::Item) -> bool {
        true
    }

    /// What an item says of a place; nothing when it is gone.
    fn seen(place: &Place, item: &Self::Item) -> Option<Found<Self::Told, Self::Outputs>>;
}

/// The one that is sought by its owner. None of these has a name of its own.
///
/// # Errors
/// When there are several.
pub async fn find<L: Listed>(kind: &L, session: &Session, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
    let Some(filters) = tagging::sought(seek) else { return Ok(None) };
    let items = kind.list(session, filters).await?;
    // Not every list of every emulator heeds every filter, and what is taken for ours may be deleted.
    let is_it = |item: &&L::Item| tags::fits(&tagging::of(L::tags(item)), seek);
    only(L::PLURAL, items.iter().filter(|item| L::is_alive(item)).filter(is_it).map(L::id))
}

/// The one id that there is, if any.
///
/// # Errors
/// When there are several: which one is meant is not guessed.
pub fn only<'a>(plural: &str, ids: impl IntoIterator<Item = &'a str>) -> Result<Option<Arc<str>>, Fault> {
    let ids: BTreeSet<&str> = ids.into_iter().collect();
    if ids.len() > 1 {
        let names = ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
        return Err(Fault::new(FaultKind::Refused, format!("several {plural} could be this one: {names}"))
            .help("delete those that are not needed, so that one is left"));
    }
    Ok(ids.into_iter().next().map(Arc::from))
}

/// The item with an id, if it is there.
pub async fn one<L: Listed>(kind: &L, session: &Session, id: &str) -> Result<Option<L::Item>, Fault> {
    let items = kind.list(session, vec![tagging::filter(L::ID, [id])]).await?;
    Ok(items.into_iter().find(|item| L::id(item) == id))
}

pub async fn read<L: Listed>(kind: &L, session: &Session, place: &Place) -> Seen<L> {
    Ok(one(kind, session, &place.id).await?.and_then(|item| L::seen(place, &item)))
}

/// All of them, in as few calls as filters allow.
pub async fn read_many<L: Listed>(kind: &L, session: &Session, places: &[Place]) -> Vec<Seen<L>> {
    let ids: BTreeSet<&str> = places.iter().map(|place| &*place.id).collect();
    let ids: Vec<&str> = ids.into_iter().collect();
    let mut items = BTreeMap::new();
    for chunk in ids.chunks(tagging::VALUES_OF_A_FILTER) {
        match kind.list(session, vec![tagging::filter(L::ID, chunk.iter().copied())]).await {
            Ok(found) => items.extend(found.into_iter().map(|item| (L::id(&item).to_string(), item))),
            Err(fault) => return places.iter().map(|_| Err(fault.clone())).collect(),
        }
    }
    places.iter().map(|place| Ok(items.get(&*place.id).and_then(|item| L::seen(place, item)))).collect()
}

/// The things that are in the way of a deletion, as a sentence's end: `` `subnet-1` and `eni-2` (web) ``.
pub fn named(holders: &[String]) -> String {
    match holders {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// What to do about a resource that AWS does not delete because something holds it. What holds it and stays is an
/// error that names it. Otherwise it was deleted a short time ago, or goes by itself, and AWS needs some minutes to
/// let go: that is waited for, and so is what cannot be found out.
///
/// # Errors
/// The fault, with what holds it.
pub fn held(fault: Fault, id: &str, holders: Result<Holders, Fault>) -> Result<Progress, Fault> {
    let Ok(Holders { staying, passing }) = holders else {
        return Ok(Progress::Waiting(format!("held: {}", fault.message)));
    };
    if !staying.is_empty() {
        let verb = if staying.len() == 1 { "holds" } else { "hold" };
        return Err(fault.help(format!("{} {verb} `{id}`: delete or detach first what nobody needs", named(&staying))));
    }
    let by = if passing.is_empty() { "what was deleted just now".to_string() } else { named(&passing) };
    Ok(Progress::Waiting(format!("held by {by}")))
}
