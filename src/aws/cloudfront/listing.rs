//! Distributions as a list: the one call that tells of many, and what uses something.

use aws_sdk_cloudfront::types::DistributionSummary;

use crate::apply::provider::{Fault, FaultKind};
use crate::aws::fault::Call;
use crate::aws::session::Session;

/// Every distribution of the account, 100 a call.
pub async fn distributions(session: &Session) -> Result<Vec<DistributionSummary>, Fault> {
    let call = Call::read("cloudfront:ListDistributions", "list the distributions");
    let mut pages = session.cloudfront().list_distributions().into_paginator().items().send();
    let mut all = Vec::new();
    while let Some(summary) = pages.next().await {
        all.push(summary.map_err(|error| call.fault(&error))?);
    }
    Ok(all)
}

/// A refusal to delete what distributions use says which ones those are, as far as that can be found out.
pub async fn held(session: &Session, fault: Fault, uses: impl Fn(&DistributionSummary) -> bool) -> Fault {
    if fault.kind != FaultKind::Held {
        return fault;
    }
    let Ok(all) = distributions(session).await else { return fault };
    let users: Vec<String> = all.iter().filter(|one| uses(one)).map(|one| format!("`{}`", one.id)).collect();
    match users.is_empty() {
        true => fault,
        false => {
            let help = format!("the distribution {} uses it: take it off there first", users.join(", "));
            fault.help(help)
        }
    }
}
