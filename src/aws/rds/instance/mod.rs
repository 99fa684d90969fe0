//! Databases. They take their time: a change waits until one that is under way is done, and everything looks anew
//! at what there is. RDS has no idempotency tokens; the identifier of a database, and its tags, say whose it is.

mod change;
mod end;
mod make;
mod sight;
mod status;
mod told;
mod version;
mod want;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_rds::types::DbInstance as Database;
use serde::Serialize;

pub use self::sight::Sight;
pub use self::status::health;
use self::want::Want;
pub use self::want::bytes;
use super::{instances, name, parameter_group, tagging};
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags;
use crate::state::Operation;
use crate::value::{Fields, Value};

#[derive(Clone, Copy)]
pub struct DbInstance;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    endpoint: Option<String>,
    endpoint_port: Option<i32>,
    arn: Option<String>,
    resource_id: Option<String>,
}

type Seen = Option<Found<Fields, Outputs>>;

#[async_trait]
impl Kind for DbInstance {
    type Want = Want;
    type Told = Fields;
    type Outputs = Outputs;

    /// A large one, from a snapshot, in several zones, takes an hour.
    fn patience(&self) -> Patience {
        Patience {
            consistency: Duration::from_secs(60),
            poll: Duration::from_secs(5),
            readiness: Duration::from_secs(2 * 3600),
            deletion: Duration::from_secs(2 * 3600),
        }
    }

    fn usually(&self, operation: Operation) -> Duration {
        match operation {
            Operation::Create => Duration::from_secs(600),
            Operation::Update | Operation::Delete => Duration::from_secs(300),
        }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let identifier = want.identifier.clone().unwrap_or_else(|| name::derived(owner));
        let whole = match make::make(session, &identifier, want, owner).await {
            Ok(whole) => whole,
            Err(fault) if fault.kind == FaultKind::Taken => {
                let Some(there) = instances::describe(session, &identifier).await? else { return Err(fault) };
                let present = tagging::of(there.tag_list());
                if status::is_going(Sight(&there).status()) {
                    let text = format!("the database `{identifier}` is being deleted, and its name is in use so long");
                    return Err(Fault::new(FaultKind::Taken, text).on("identifier").help("try again when it is gone"));
                }
                if !tags::is_made(&present, owner) {
                    return Err(tagging::taken("database", &identifier, "identifier", &present, owner));
                }
                false
            }
            Err(fault) => return Err(fault),
        };
        Ok(Made { id: identifier.into(), whole })
    }

    async fn find(&self, session: &Session, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        let candidates = match (seek, &want.identifier) {
            (Seek::Made(_) | Seek::Owned(_), _) => instances::list(session).await?,
            (Seek::Identity, Some(identifier)) => instances::describe(session, identifier).await?.into_iter().collect(),
            // Without an identifier there is nothing to know it by.
            (Seek::Identity, None) => Vec::new(),
        };
        let fits = |database: &&Database| {
            !status::is_going(Sight(database).status()) && tags::fits(&tagging::of(database.tag_list()), seek)
        };
        let found = candidates.iter().filter(fits).map(|database| Sight(database).identifier().to_string()).collect();
        name::sole("databases", found)
    }

    async fn read(&self, session: &Session, place: &Place) -> Result<Seen, Fault> {
        Ok(instances::describe(session, &place.id).await?.map(|database| seen(place, &database)))
    }

    async fn read_many(&self, session: &Arc<Session>, places: &[Place]) -> Vec<Result<Seen, Fault>> {
        if let [place] = places {
            return vec![self.read(session, place).await];
        }
        let all = match instances::list(session).await {
            Ok(all) => all,
            Err(fault) => return places.iter().map(|_| Err(fault.clone())).collect(),
        };
        let of = |place: &Place| {
            let database = all.iter().find(|database| Sight(database).identifier() == &*place.id);
            Ok(database.map(|database| seen(place, database)))
        };
        places.iter().map(of).collect()
    }

    async fn check(&self, session: &Session, place: &Place) -> Result<Option<Health>, Fault> {
        Ok(instances::describe(session, &place.id).await?.map(|database| told::health(place, &database)))
    }

    async fn update(
        &self,
        session: &Session,
        place: &Place,
        old: Option<&Fields>,
        want: &Want,
        owner: &Owner,
    ) -> Result<Progress, Fault> {
        let there = instances::describe(session, &place.id).await?;
        let Some(database) = there.filter(|database| !status::is_going(Sight(database).status())) else {
            return Err(Fault::new(FaultKind::Missing, format!("the database `{}` does not exist", place.id)));
        };
        let sight = Sight(&database);
        let arn = database.db_instance_arn().unwrap_or_default();
        tagging::change(session, arn, &tagging::of(database.tag_list()), &want.tags, owner).await?;
        let state = status::health(sight.status());
        if let Health::Waiting(state) = state {
            return Ok(Progress::Waiting(state));
        }
        match (&want.replica_of, sight.source()) {
            // Only what was recorded as following another is promoted: what AWS alone says is too little for that.
            (None, Some(source)) if was_following(old, place) => return promote(session, sight, source).await,
            (Some(wanted), source) if source != Some(wanted) => {
                let text = format!("`{}` cannot be made to follow `{wanted}`: it has data of its own", place.id);
                return Err(Fault::new(FaultKind::Refused, text)
                    .on("replicaOf")
                    .help(format!("`tadpole apply --replace {}` makes another one that does", place.address)));
            }
            (Some(_) | None, _) => {}
        }
        let mut want = want.clone();
        if want.parameter_group.is_none() {
            want.parameter_group = amazons_group(session, old, sight).await?;
        }
        let Some((change, names)) = change::change(sight, &want, is_other_password(old, &want))? else {
            return Ok(Progress::Done);
        };
        let call =
            Call::write("rds:ModifyDBInstance", format!("set {} of the database `{}`", names.join(", "), place.id));
        let Err(error) = change.send_with(session.rds()).await else { return Ok(Progress::Done) };
        let fault = make::about(call.fault(&error));
        if fault.kind != FaultKind::Held {
            return Err(fault);
        }
        match state {
            // It is busy with something that its state did not say a moment ago.
            Health::Live => Ok(Progress::Waiting(format!("{} and busy", sight.status()))),
            Health::Waiting(why) | Health::Dead(why) => Err(fault.help(why)),
        }
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        match instances::describe(session, &place.id).await? {
            Some(database) => end::delete(session, place, Sight(&database)).await,
            None => Ok(Progress::Done),
        }
    }
}

fn seen(place: &Place, database: &Database) -> Found<Fields, Outputs> {
    let endpoint = database.endpoint();
    Found {
        inputs: told::inputs(place, database),
        outputs: Outputs {
            endpoint: endpoint.and_then(|endpoint| endpoint.address().map(str::to_string)),
            endpoint_port: endpoint.and_then(|endpoint| endpoint.port()),
            arn: database.db_instance_arn().map(str::to_string),
            resource_id: database.dbi_resource_id().map(str::to_string),
        },
        health: told::health(place, database),
    }
}

/// Amazon's own parameter group of the family, when the program has taken out the one that the database has: it would be
/// held by the database otherwise, and could not be deleted.
async fn amazons_group(session: &Session, old: Option<&Fields>, sight: Sight<'_>) -> Result<Option<String>, Fault> {
    let was = old.and_then(|old| old.get("parameterGroup")).and_then(Value::as_str);
    let Some(group) = was.filter(|was| Some(*was) == sight.parameter_group()) else { return Ok(None) };
    Ok(parameter_group::family(session, group).await?.map(|family| format!("default.{family}")))
}

/// Whether the password may be another than the one that is set. AWS never tells it; where it is not known what
/// was set, it is set.
fn is_other_password(old: Option<&Fields>, want: &Want) -> bool {
    let old = old.and_then(|old| old.get("password"));
    match old {
        Some(Value::Secret(old)) => old.reveal() != want.password.as_deref(),
        Some(_) | None => want.password.is_some(),
    }
}

/// Of a database that cannot be copied or followed as it is: it may be later, unless it is broken.
pub async fn busy(session: &Session, identifier: &str, attribute: &str, fault: Fault) -> Fault {
    let fault = fault.on(attribute);
    let Ok(Some(database)) = instances::describe(session, identifier).await else { return fault };
    match status::health(Sight(&database).status()) {
        Health::Waiting(state) => Fault { kind: FaultKind::Unavailable, ..fault }
            .help(format!("`{identifier}` is {state}: try again when it is done")),
        Health::Live => Fault { kind: FaultKind::Unavailable, ..fault }
            .help(format!("`{identifier}` must be available, and have a `backupRetention` for others to follow it")),
        Health::Dead(why) => fault.help(format!("`{identifier}`: {why}")),
    }
}

/// Whether the record says that it follows another.
fn was_following(old: Option<&Fields>, place: &Place) -> bool {
    let recorded = old.unwrap_or(&place.inputs).get("replicaOf");
    recorded.is_some_and(|source| *source != Value::Null)
}

/// Ends its following. From then on it is a database like any other.
async fn promote(session: &Session, sight: Sight<'_>, source: &str) -> Result<Progress, Fault> {
    let identifier = sight.identifier();
    let purpose = format!("let the database `{identifier}` follow `{source}` no longer");
    let call = Call::write("rds:PromoteReadReplica", purpose);
    let sent = session.rds().promote_read_replica().db_instance_identifier(identifier).send();
    match sent.await.map_err(|error| call.fault(&error)) {
        Ok(_) => {}
        Err(fault) if fault.kind == FaultKind::Held => {}
        Err(fault) => return Err(fault.on("replicaOf")),
    }
    Ok(Progress::Waiting("becoming independent".to_string()))
}
