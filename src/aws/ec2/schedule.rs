//! Snapshots of a disk that are made again and again, and not kept for ever. There is no such thing in EC2: a
//! schedule is what its snapshots say, each by a tag with the schedule's id. So several schedules of one disk
//! never touch each other's, and nothing runs between two applies: each apply looks whether one is due.
//!
//! That is told by an attribute, `due`, which the program never sets: it wants `false`, and is told `true` when
//! there is something to do. Then the plan has a change, and the update makes one and takes away what is old.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use aws_sdk_ec2::types::{Snapshot as Item, Tag};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::listed::{self, Listed};
use super::snapshot::{self, Snapshot};
use super::tagging;
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::aws::told;
use crate::value::{Fields, Value};

/// Which schedule a snapshot is of.
pub const TAG_SCHEDULE: &str = "tadpole:schedule";
/// So much before its time one is made at most: a job that runs as often as `every` says would else miss each
/// second turn by seconds, and no two clocks are alike.
const EARLIEST: f64 = 300.0;

#[derive(Clone, Copy)]
pub struct SnapshotSchedule;

#[derive(Deserialize)]
pub struct Want {
    volume: String,
    /// Seconds.
    every: f64,
    /// Seconds.
    keep: f64,
    description: Option<String>,
    #[serde(default)]
    tags: Tags,
}

#[derive(Serialize)]
pub struct Told {
    volume: Option<Value>,
    due: Option<bool>,
    tags: Tags,
}

#[derive(Serialize)]
pub struct Outputs {
    snapshots: Vec<String>,
    newest: String,
}

type Seen = Result<Option<Found<Told, Outputs>>, Fault>;

/// The snapshots of one schedule, newest first.
struct Series {
    items: Vec<Item>,
}

impl Series {
    fn new(mut items: Vec<Item>) -> Series {
        items.sort_by(|a, b| moment(b).total_cmp(&moment(a)).then_with(|| Snapshot::id(a).cmp(Snapshot::id(b))));
        Series { items }
    }

    /// Those that something can be had back from.
    fn good(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| !snapshot::is_failed(item))
    }

    fn newest(&self) -> Option<&Item> {
        self.good().next()
    }

    /// Whether it is time for another one.
    fn is_due(&self, every: f64, now: f64) -> bool {
        let early = EARLIEST.min(every / 20.0);
        self.newest().is_none_or(|newest| now - moment(newest) >= every - early)
    }

    /// Those that are older than `keep` beside the newest, which stays whatever its age, and those that failed.
    /// Both times are of Amazon's clock: ours has no part in what is deleted, and where no new ones are made,
    /// the old ones stay.
    fn surplus(&self, keep: f64) -> Vec<&str> {
        let Some(newest) = self.newest() else { return Vec::new() };
        let is_old = |item: &&Item| snapshot::is_failed(item) || moment(newest) - moment(item) > keep;
        self.items.iter().filter(is_old).map(Snapshot::id).collect()
    }
}

/// When it was begun, in seconds.
fn moment(item: &Item) -> f64 {
    item.start_time().map_or(0.0, |time| time.as_secs_f64())
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// What a schedule is called: the same for every try of the operation that makes it.
fn id_of(owner: &Owner) -> String {
    let hash = Sha256::digest(format!("{} {}", owner.lineage, owner.token).as_bytes());
    let hex: String = hash.iter().take(9).map(|byte| format!("{byte:02x}")).collect();
    format!("schedule-{hex}")
}

/// All that is written on a new snapshot of a schedule.
fn written(id: &str, want: &Want, owner: &Owner) -> Result<Tags, Fault> {
    let mut all = tags::of_new(&want.tags, owner)?;
    all.insert(TAG_SCHEDULE.to_string(), id.to_string());
    Ok(all)
}

fn schedule_of(item: &Item) -> Option<&str> {
    let tag = item.tags().iter().find(|tag| tag.key() == Some(TAG_SCHEDULE));
    tag.and_then(Tag::value)
}

/// All snapshots of these schedules.
async fn series(session: &Session, ids: &BTreeSet<&str>) -> Result<BTreeMap<String, Series>, Fault> {
    let ids: Vec<&str> = ids.iter().copied().collect();
    let mut all: BTreeMap<String, Vec<Item>> = BTreeMap::new();
    for chunk in ids.chunks(tagging::VALUES_OF_A_FILTER) {
        let filter = tagging::tagged(TAG_SCHEDULE, chunk.iter().copied());
        for item in Snapshot.list(session, vec![filter]).await? {
            if let Some(id) = schedule_of(&item) {
                all.entry(id.to_string()).or_default().push(item);
            }
        }
    }
    Ok(all.into_iter().map(|(id, items)| (id, Series::new(items))).collect())
}

async fn one(session: &Session, id: &str) -> Result<Option<Series>, Fault> {
    Ok(series(session, &BTreeSet::from([id])).await?.remove(id))
}

fn seconds(place: &Place, attribute: &str) -> Option<f64> {
    match place.inputs.get(attribute) {
        Some(Value::Duration(millis)) => Some(*millis as f64 / 1000.0),
        Some(_) | None => None,
    }
}

fn seen(place: &Place, series: &Series, now: f64) -> Option<Found<Told, Outputs>> {
    let last = series.newest().or_else(|| series.items.first())?;
    let health = match series.newest() {
        Some(_) => Health::Live,
        None => Health::Dead("none of its snapshots came to a good end".to_string()),
    };
    // Without its own words, at an import, nobody can say.
    let due = seconds(place, "every")
        .zip(seconds(place, "keep"))
        .map(|(every, keep)| series.is_due(every, now) || !series.surplus(keep).is_empty());
    let told = Told {
        volume: last.volume_id().map(|id| told::reference(place, "volume", "Volume", id)),
        due,
        tags: tags::of_user(&tagging::of(last.tags())),
    };
    let outputs = Outputs {
        snapshots: series.good().map(|item| Snapshot::id(item).to_string()).collect(),
        newest: snapshot::started(last),
    };
    Some(Found { inputs: told, outputs, health })
}

#[async_trait]
impl Kind for SnapshotSchedule {
    type Want = Want;
    type Told = Told;
    type Outputs = Outputs;

    /// A snapshot is of the moment in which it is begun: nothing waits until it is copied.
    fn patience(&self) -> Patience {
        Patience { consistency: Duration::from_secs(60), poll: Duration::from_secs(2), ..Patience::default() }
    }

    /// The first snapshot is the creation.
    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let id = id_of(owner);
        let all = written(&id, want, owner)?;
        snapshot::begin(session, &want.volume, want.description.as_deref(), &all).await?;
        Ok(Made { id: id.into(), whole: true })
    }

    async fn find(&self, session: &Session, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        let Some(mut filters) = tagging::sought(seek) else { return Ok(None) };
        filters.push(tagging::filter("volume-id", [want.volume.as_str()]));
        let items = Snapshot.list(session, filters).await?;
        let is_it = |item: &&Item| {
            let present = tagging::of(item.tags());
            match seek {
                // Another schedule may have made one in the same operation of its own; the id is certain.
                Seek::Made(owner) => tags::is_made(&present, owner) && schedule_of(item) == Some(&id_of(owner)),
                Seek::Owned(owner) => tags::is_owned(&present, owner),
                Seek::Identity => false,
            }
        };
        listed::only("snapshot schedules", items.iter().filter(is_it).filter_map(schedule_of))
    }

    async fn read(&self, session: &Session, place: &Place) -> Seen {
        Ok(one(session, &place.id).await?.and_then(|series| seen(place, &series, now())))
    }

    async fn read_many(&self, session: &Arc<Session>, places: &[Place]) -> Vec<Seen> {
        match series(session, &places.iter().map(|place| &*place.id).collect()).await {
            Ok(all) => places
                .iter()
                .map(|place| Ok(all.get(&*place.id).and_then(|series| seen(place, series, now()))))
                .collect(),
            Err(fault) => places.iter().map(|_| Err(fault.clone())).collect(),
        }
    }

    async fn update(
        &self,
        session: &Session,
        place: &Place,
        old: Option<&Fields>,
        want: &Want,
        owner: &Owner,
    ) -> Result<Progress, Fault> {
        let id = &*place.id;
        let gone = || Fault::new(FaultKind::Missing, format!("`{id}` has no snapshots any more"));
        let mut series = one(session, id).await?.ok_or_else(gone)?;
        if tags::differ(old, &want.tags) {
            retag(session, &series, want, owner).await?;
        }
        if series.is_due(want.every, now()) {
            let all = written(id, want, owner)?;
            snapshot::begin(session, &want.volume, want.description.as_deref(), &all).await?;
            // What is old is told by the new one, as it is listed. Until that is so, nothing is taken away: the
            // next apply does.
            series = one(session, id).await?.ok_or_else(gone)?;
        }
        prune(session, &series.surplus(want.keep)).await?;
        Ok(Progress::Done)
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        if let Some(series) = one(session, &place.id).await? {
            prune(session, &series.items.iter().map(Snapshot::id).collect::<Vec<_>>()).await?;
        }
        Ok(Progress::Done)
    }
}

/// Deletes these. One that cannot be does not keep the others; the first reason is told.
async fn prune(session: &Session, ids: &[&str]) -> Result<(), Fault> {
    let mut reason = None;
    for id in ids {
        match snapshot::delete(session, id).await {
            Err(fault) if fault.kind == FaultKind::Held => reason = reason.or(Some(fault)),
            outcome => outcome?,
        }
    }
    reason.map_or(Ok(()), Err)
}

/// Gives all snapshots of a schedule the user's tags.
async fn retag(session: &Session, series: &Series, want: &Want, owner: &Owner) -> Result<(), Fault> {
    // What is reserved is refused here too.
    tags::of_new(&want.tags, owner)?;
    let ids: Vec<String> = series.items.iter().map(|item| Snapshot::id(item).to_string()).collect();
    let present: BTreeSet<String> =
        series.items.iter().flat_map(|item| tags::of_user(&tagging::of(item.tags())).into_keys()).collect();
    let surplus: Vec<Tag> = present
        .into_iter()
        .filter(|key| !want.tags.contains_key(key))
        .map(|key| Tag::builder().key(key).build())
        .collect();
    for chunk in ids.chunks(tagging::VALUES_OF_A_FILTER) {
        if !want.tags.is_empty() {
            let call = Call::write("ec2:CreateTags", "set the tags of snapshots");
            let request = session.ec2().create_tags().set_resources(Some(chunk.to_vec()));
            let sent = request.set_tags(Some(tagging::list(&want.tags))).send();
            sent.await.map_err(|error| call.fault(&error).on("tags"))?;
        }
        if !surplus.is_empty() {
            let call = Call::write("ec2:DeleteTags", "remove tags from snapshots");
            let request = session.ec2().delete_tags().set_resources(Some(chunk.to_vec()));
            let sent = request.set_tags(Some(surplus.clone())).send();
            sent.await.map_err(|error| call.fault(&error).on("tags"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ec2::primitives::DateTime;
    use aws_sdk_ec2::types::SnapshotState;

    const HOUR: f64 = 3600.0;

    /// Begun so many hours before the hour 1000; one whose name begins with `x` failed.
    fn series(all: &[(&str, f64)]) -> Series {
        let item = |(id, hours): &(&str, f64)| {
            let state = if id.starts_with('x') { SnapshotState::Error } else { SnapshotState::Completed };
            let time = DateTime::from_secs_f64((1000.0 - hours) * HOUR);
            Item::builder().snapshot_id(*id).start_time(time).state(state).build()
        };
        Series::new(all.iter().map(item).collect())
    }

    #[test]
    fn one_is_due_when_the_newest_is_old() {
        let now = 1000.0 * HOUR;
        for (newest, due) in [(0.0, false), (2.9, false), (2.95, true), (3.0, true), (9.0, true), (-1.0, false)] {
            assert_eq!(series(&[("a", newest), ("b", 50.0)]).is_due(3.0 * HOUR, now), due, "{newest} hours");
        }
        // A job that runs every three hours and is a few seconds early misses none.
        assert!(series(&[("a", 3.0 - 5.0 / HOUR)]).is_due(3.0 * HOUR, now));
        assert!(!series(&[("a", 0.8 / HOUR)]).is_due(1.0, now) && series(&[("a", 1.0 / HOUR)]).is_due(1.0, now));
        assert!(series(&[("x1", 0.1)]).is_due(3.0 * HOUR, now), "one that failed is none");
    }

    #[test]
    fn what_is_old_goes_and_the_newest_stays() {
        let all = series(&[("d", 30.0), ("a", 1.0), ("c", 25.5), ("b", 24.9)]);
        assert_eq!(all.surplus(24.0 * HOUR), ["c", "d"]);
        assert_eq!(all.surplus(0.0), ["b", "c", "d"]);
        // However long nothing was made, what there is stays.
        assert!(series(&[("a", 900.0)]).surplus(1.0).is_empty());
        assert!(series(&[("a", 900.0), ("b", 901.0)]).surplus(24.0 * HOUR).is_empty());
        assert_eq!(series(&[("x1", 0.0), ("a", 1.0), ("b", 30.0)]).surplus(24.0 * HOUR), ["x1", "b"]);
        assert!(series(&[("x1", 0.0)]).surplus(0.0).is_empty(), "nothing goes while there is nothing else");
    }

    #[test]
    fn an_id_is_that_of_its_operation() {
        let owner = |lineage: &str, token: &str| Owner {
            lineage: lineage.into(),
            address: "backup".parse().unwrap(),
            token: token.into(),
        };
        let id = id_of(&owner("l", "t"));
        assert_eq!((id.len(), id.clone()), (27, id_of(&owner("l", "t"))));
        assert!(id != id_of(&owner("l", "u")) && id != id_of(&owner("m", "t")));
    }
}
