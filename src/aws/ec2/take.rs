//! Snapshots that an action makes. What is written on one says which run of the action made it, so that a second
//! run of the same finds it.

use super::listed::Listed;
use super::snapshot::{Snapshot, begin, health};
use super::tagging;
use crate::apply::provider::{Fault, FaultKind, Health, Place, Progress, TAG_TOKEN};
use crate::aws::across::Copying;
use crate::aws::session::Session;
use crate::aws::tags;

/// # Errors
/// Also when it was made and failed.
pub async fn take_snapshot(
    session: &Session,
    volume: &str,
    place: &Place,
    copy: &Copying,
    token: &str,
) -> Result<Progress, Fault> {
    let run = tags::hash(&[token, volume, copy.name.as_deref().unwrap_or_default()], 16);
    let filters = vec![tagging::filter("volume-id", [volume]), tagging::tagged(TAG_TOKEN, [run.as_str()])];
    let there = Snapshot.list(session, filters).await?;
    let is_it = |item: &&<Snapshot as Listed>::Item| tagging::of(item.tags()).get(TAG_TOKEN) == Some(&run);
    let state = match there.iter().find(is_it) {
        Some(item) => health(item),
        None => {
            let mut all = tags::of_copy(&copy.tags, &tagging::on(session, volume).await?, &place.address, &run)?;
            if let Some(name) = &copy.name {
                all.insert("Name".to_string(), name.clone());
            }
            begin(session, volume, copy.description.as_deref(), &all).await.map_err(refused)?;
            Health::Waiting("being copied".to_string())
        }
    };
    match state {
        Health::Live => Ok(Progress::Done),
        Health::Waiting(on) if copy.wait => Ok(Progress::Waiting(on)),
        Health::Waiting(_) => Ok(Progress::Done),
        Health::Dead(why) => {
            let text = format!("the snapshot of `{volume}` was not made: {why}");
            Err(Fault::new(FaultKind::Refused, text).help("delete it, and apply again for another one"))
        }
    }
}

/// It may not be the thing in whose list this stands that is missing.
fn refused(fault: Fault) -> Fault {
    if fault.kind == FaultKind::Missing { Fault { kind: FaultKind::Refused, ..fault } } else { fault }
}
