//! Snapshots of databases, made on demand. They stay when the database goes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_rds::types::DbSnapshot as Snapshot;
use serde::{Deserialize, Serialize};

use super::{instance, name, tagging, told};
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek, usually};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::aws::told::reference;
use crate::state::Operation;
use crate::value::{Fields, Value};

#[derive(Clone, Copy)]
pub struct DbSnapshot;

#[derive(Deserialize)]
pub struct Want {
    name: Option<String>,
    database: Option<String>,
    #[serde(default)]
    tags: Tags,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    arn: Option<String>,
    engine: Option<String>,
    engine_version: Option<String>,
    storage: Option<Value>,
    encrypted: Option<bool>,
}

type Seen = Option<Found<Fields, Outputs>>;

#[async_trait]
impl Kind for DbSnapshot {
    type Want = Want;
    type Told = Fields;
    type Outputs = Outputs;

    /// The first one of a large database copies all of it.
    fn patience(&self) -> Patience {
        Patience {
            consistency: Duration::from_secs(60),
            poll: Duration::from_secs(5),
            readiness: Duration::from_secs(2 * 3600),
            deletion: Duration::from_secs(600),
        }
    }

    fn usually(&self, operation: Operation) -> Duration {
        match operation {
            Operation::Create => Duration::from_secs(180),
            Operation::Update | Operation::Delete => usually(operation),
        }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let Some(database) = &want.database else {
            return Err(Fault::new(FaultKind::Refused, "a snapshot is made of a `database`").on("database"));
        };
        let name = want.name.clone().unwrap_or_else(|| name::derived(owner));
        let made = Made { id: name.as_str().into(), whole: true };
        let call = Call::write(
            "rds:CreateDBSnapshot rds:AddTagsToResource",
            format!("create the snapshot `{name}` of the database `{database}`"),
        );
        let request = session
            .rds()
            .create_db_snapshot()
            .db_snapshot_identifier(&name)
            .db_instance_identifier(database)
            .set_tags(Some(tagging::of_new(&want.tags, owner)?));
        let Err(error) = request.send().await else { return Ok(made) };
        let fault = call.fault(&error);
        match fault.kind {
            FaultKind::Taken => {
                let Some(there) = describe(session, &name).await? else { return Err(fault) };
                let present = tagging::of(there.tag_list());
                if tags::is_made(&present, owner) {
                    return Ok(made);
                }
                Err(tagging::taken("snapshot", &name, "name", &present, owner))
            }
            FaultKind::Missing => Err(Fault { kind: FaultKind::Refused, ..fault }.on("database")),
            FaultKind::Held => Err(instance::busy(session, database, "database", fault).await),
            FaultKind::Throttled
            | FaultKind::Unavailable
            | FaultKind::Unknown
            | FaultKind::Denied
            | FaultKind::Refused => Err(fault),
        }
    }

    async fn find(&self, session: &Session, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        let candidates = match (seek, &want.name) {
            (_, Some(name)) => describe(session, name).await?.into_iter().collect(),
            (Seek::Made(_) | Seek::Owned(_), None) => list(session).await?,
            // Without a name there is nothing to know it by.
            (Seek::Identity, None) => Vec::new(),
        };
        // The last snapshot of a database may bear the tags of the database.
        let fits = |snapshot: &&Snapshot| match seek {
            Seek::Made(owner) if want.name.is_none() => name::is_made(id(snapshot), owner),
            Seek::Owned(owner) if want.name.is_none() => name::is_owned(id(snapshot), owner),
            Seek::Made(_) | Seek::Owned(_) | Seek::Identity => true,
        };
        let found = candidates
            .iter()
            .filter(|snapshot| snapshot.status() != Some("deleting"))
            .filter(fits)
            .filter(|snapshot| tags::fits(&tagging::of(snapshot.tag_list()), seek));
        name::sole("snapshots", found.map(|snapshot| id(snapshot).to_string()).collect())
    }

    async fn read(&self, session: &Session, place: &Place) -> Result<Seen, Fault> {
        Ok(describe(session, &place.id).await?.map(|snapshot| seen(place, &snapshot)))
    }

    async fn read_many(&self, session: &Arc<Session>, places: &[Place]) -> Vec<Result<Seen, Fault>> {
        if let [place] = places {
            return vec![self.read(session, place).await];
        }
        let all = match list(session).await {
            Ok(all) => all,
            Err(fault) => return places.iter().map(|_| Err(fault.clone())).collect(),
        };
        let of = |place: &Place| {
            Ok(all.iter().find(|snapshot| id(snapshot) == &*place.id).map(|snapshot| seen(place, snapshot)))
        };
        places.iter().map(of).collect()
    }

    async fn update(
        &self,
        session: &Session,
        place: &Place,
        _old: Option<&Fields>,
        want: &Want,
        owner: &Owner,
    ) -> Result<Progress, Fault> {
        let Some(snapshot) = describe(session, &place.id).await? else {
            return Err(Fault::new(FaultKind::Missing, format!("the snapshot `{}` does not exist", place.id)));
        };
        let arn = snapshot.db_snapshot_arn().unwrap_or_default();
        tagging::change(session, arn, &tagging::of(snapshot.tag_list()), &want.tags, owner).await?;
        Ok(Progress::Done)
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let Some(snapshot) = describe(session, &place.id).await? else { return Ok(Progress::Done) };
        match snapshot.status() {
            Some("deleting") => return Ok(Progress::Done),
            Some("creating") => return Ok(Progress::Waiting("creating".to_string())),
            Some(_) | None => {}
        }
        let call = Call::write("rds:DeleteDBSnapshot", format!("delete the snapshot `{}`", place.id));
        let sent = session.rds().delete_db_snapshot().db_snapshot_identifier(&*place.id).send();
        let Err(error) = sent.await else { return Ok(Progress::Done) };
        match call.fault(&error) {
            fault if fault.kind == FaultKind::Missing => Ok(Progress::Done),
            fault => Err(fault),
        }
    }
}

fn id(snapshot: &Snapshot) -> &str {
    snapshot.db_snapshot_identifier().unwrap_or_default()
}

pub fn health(snapshot: &Snapshot) -> Health {
    match snapshot.status().unwrap_or_default() {
        "available" => Health::Live,
        "failed" => Health::Dead("it failed".to_string()),
        other => Health::Waiting(match snapshot.percent_progress() {
            Some(percent) => format!("{other}, {percent} % done"),
            None => other.to_string(),
        }),
    }
}

fn seen(place: &Place, snapshot: &Snapshot) -> Found<Fields, Outputs> {
    // What it was made of may be another database by now: that changes nothing in the snapshot.
    let database = snapshot.db_instance_identifier().filter(|_| !place.inputs.contains_key("database"));
    let inputs = told::wished(
        place,
        [
            ("name", told::text(snapshot.db_snapshot_identifier())),
            ("database", database.map(|id| reference(place, "database", "DbInstance", id))),
            ("tags", told::user_tags(&tagging::of(snapshot.tag_list()))),
        ],
    );
    let outputs = Outputs {
        arn: snapshot.db_snapshot_arn().map(str::to_string),
        engine: snapshot.engine().map(str::to_string),
        engine_version: snapshot.engine_version().map(str::to_string),
        storage: snapshot.allocated_storage().map(|gib| Value::Size(instance::bytes(gib))),
        encrypted: snapshot.encrypted(),
    };
    Found { inputs, outputs, health: health(snapshot) }
}

pub async fn describe(session: &Session, name: &str) -> Result<Option<Snapshot>, Fault> {
    let call = Call::read("rds:DescribeDBSnapshots", format!("look at the snapshot `{name}`"));
    match session.rds().describe_db_snapshots().db_snapshot_identifier(name).send().await {
        Ok(answer) => Ok(answer.db_snapshots().first().cloned()),
        Err(error) => match call.fault(&error) {
            fault if fault.kind == FaultKind::Missing => Ok(None),
            fault => Err(fault),
        },
    }
}

/// Those that somebody made; the nightly ones are Amazon's.
async fn list(session: &Session) -> Result<Vec<Snapshot>, Fault> {
    let call = Call::read("rds:DescribeDBSnapshots", "list the snapshots of databases");
    let mut pages =
        session.rds().describe_db_snapshots().snapshot_type("manual").into_paginator().page_size(100).send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        all.extend(page.map_err(|error| call.fault(&error))?.db_snapshots().iter().cloned());
    }
    Ok(all)
}
