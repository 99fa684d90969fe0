//! Databases that are protected or whose last snapshot cannot be made, and groups that other databases use.

use std::sync::Arc;

use super::instance::{Sight, health};
use super::{instances, snapshot};
use crate::apply::provider::{Fault, Health, Leaving, Obstacle};
use crate::aws::obstacles::{Found, Going, held_by};
use crate::aws::session::Session;
use crate::value::Value;

/// One list, and a call for each last snapshot that has a name.
///
/// # Errors
/// When AWS refuses.
pub async fn obstacles(session: &Arc<Session>, going: &Going) -> Result<Found, Fault> {
    let concerned = ["aws.DbInstance", "aws.DbParameterGroup", "aws.DbSubnetGroup"];
    if !concerned.iter().any(|kind| going.of(kind).next().is_some()) {
        return Ok(Found::new());
    }
    let all = instances::list(session).await?;
    let mut found = Found::new();
    for one in going.of("aws.DbInstance") {
        let id = one.place.id.clone();
        let Some(database) = all.iter().find(|database| Sight(database).identifier() == &*id) else { continue };
        if database.deletion_protection() == Some(true) {
            let obstacle = Obstacle::new("it is protected against deletion").on("deletionProtection");
            let help = "write `deletionProtection false;` and apply that first; or keep it, by extending \
                        `PersistentDbInstance`";
            found.push((id.clone(), obstacle.help(help)));
        }
        if !is_on(one, "finalSnapshot") || Sight(database).source().is_some() {
            continue;
        }
        if let Health::Dead(why) = health(Sight(database).status()) {
            let obstacle = Obstacle::new(format!("no last snapshot can be made of it as it is: {why}"));
            let help = "extend `TransientDbInstance` and apply that, to have it deleted without one";
            found.push((id.clone(), obstacle.on("finalSnapshot").help(help)));
        }
        if let Some(Value::String(name)) = one.place.inputs.get("finalSnapshotName")
            && snapshot::describe(session, name).await?.is_some()
        {
            let text = format!("the name of its last snapshot, `{name}`, is taken by one of an earlier time");
            let help =
                "give another `finalSnapshotName`, and apply that first; without one, the name is always a new one";
            found.push((id, Obstacle::new(text).on("finalSnapshotName").help(help)));
        }
    }
    let staying = |one: &Leaving, uses: &dyn Fn(&aws_sdk_rds::types::DbInstance) -> bool| {
        let users = all.iter().filter(|database| uses(database)).map(|database| Sight(database).identifier());
        held_by(users.filter(|user| !going.frees(user, one)).map(|user| format!("`{user}`")).collect())
    };
    for one in going.of("aws.DbParameterGroup") {
        let id = &*one.place.id;
        let uses = |database: &aws_sdk_rds::types::DbInstance| {
            database.db_parameter_groups().iter().any(|group| group.db_parameter_group_name() == Some(id))
        };
        found.extend(staying(one, &uses).map(|obstacle| (one.place.id.clone(), obstacle)));
    }
    for one in going.of("aws.DbSubnetGroup") {
        let id = &*one.place.id;
        let uses = |database: &aws_sdk_rds::types::DbInstance| {
            database.db_subnet_group().and_then(|group| group.db_subnet_group_name()) == Some(id)
        };
        found.extend(staying(one, &uses).map(|obstacle| (one.place.id.clone(), obstacle)));
    }
    Ok(found)
}

fn is_on(one: &Leaving, attribute: &str) -> bool {
    one.place.inputs.get(attribute) == Some(&Value::Bool(true))
}
