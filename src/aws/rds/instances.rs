//! The database instances that there are, for whatever type needs to know.

use aws_sdk_rds::types::DbInstance;

use crate::apply::provider::{Fault, FaultKind};
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

/// The fault, with the databases that are in the way.
pub async fn held_by(session: &Session, fault: Fault, uses: impl Fn(&DbInstance) -> bool) -> Fault {
    // Why it is held is an addition: when that cannot be found out, the fault itself still says the most.
    let Ok(databases) = list(session).await else { return fault };
    let users = databases.iter().filter(|database| uses(database));
    let names: Vec<String> =
        users.filter_map(|database| Some(format!("`{}`", database.db_instance_identifier()?))).collect();
    if names.is_empty() { fault } else { fault.help(format!("it is used by {}", names.join(", "))) }
}
