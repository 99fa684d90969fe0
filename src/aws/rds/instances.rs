//! The database instances that there are, for whatever type needs to know.

use aws_sdk_rds::types::DbInstance;

use crate::apply::provider::{Fault, FaultKind, Progress};
use crate::aws::fault::Call;
use crate::aws::session::Session;

/// One instance; nothing when it is gone.
///
/// # Errors
/// When AWS refuses.
pub async fn describe(session: &Session, identifier: &str) -> Result<Option<DbInstance>, Fault> {
    let call = Call::read("rds:DescribeDBInstances", format!("look at the database `{identifier}`"));
    match session.rds().describe_db_instances().db_instance_identifier(identifier).send().await {
        Ok(answer) => Ok(answer.db_instances().first().cloned()),
        Err(error) => match call.fault(&error) {
            fault if fault.kind == FaultKind::Missing => Ok(None),
            fault => Err(fault),
        },
    }
}

/// All instances of the account in the region. RDS has no filter by tag.
///
/// # Errors
/// When AWS refuses.
pub async fn list(session: &Session) -> Result<Vec<DbInstance>, Fault> {
    let call = Call::read("rds:DescribeDBInstances", "list the databases");
    let mut pages = session.rds().describe_db_instances().into_paginator().page_size(100).send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        all.extend(page.map_err(|error| call.fault(&error))?.db_instances().iter().cloned());
    }
    Ok(all)
}

/// What to do about a group that AWS does not delete because databases use it. Where none does any more, they were
/// deleted a short time ago, and AWS needs some minutes to let go: that is waited for.
///
/// # Errors
/// The fault, with the databases that use it and stay.
pub async fn held_by(session: &Session, fault: Fault, uses: impl Fn(&DbInstance) -> bool) -> Result<Progress, Fault> {
    // Why it is held is an addition: when that cannot be found out, the fault itself still says the most.
    let Ok(databases) = list(session).await else { return Err(fault) };
    let goes = |database: &&DbInstance| {
        let is_going = |id: &str| session.recent.is_going(id);
        database.db_instance_status() == Some("deleting") || database.db_instance_identifier().is_some_and(is_going)
    };
    let users = databases.iter().filter(|database| uses(database) && !goes(database));
    let names: Vec<String> =
        users.filter_map(|database| Some(format!("`{}`", database.db_instance_identifier()?))).collect();
    match names.is_empty() {
        true => Ok(Progress::Waiting("held by what was deleted just now".to_string())),
        false => Err(fault.help(format!("it is used by {}", names.join(", ")))),
    }
}
