//! After a crash: every operation that began and has no recorded end is looked up in the cloud, and
//! what it did or did not do is recorded. Nothing is made or deleted here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::apply::limit::Calls;
use crate::apply::provider::{DEADLINE, Fault, Health, Owner, Place, Reading, Seek, Want};
use crate::apply::step::{look, place_of, seen};
use crate::name::Address;
use crate::state::Operation;
use crate::state::ledger::Ledger;
use crate::state::record::{Ended, Record};
use crate::state::store::StoreFault;
use crate::state::{Began, Recorded, Status};
use crate::value::Fields;

/// What became of one unfinished operation.
#[derive(Clone, Debug)]
pub struct Recovered {
    pub address: Address,
    pub operation: Operation,
    /// In the user's words: `made as i-0f1c`, `never happened`.
    pub what: String,
}

/// Why recovery could not come to an end.
#[derive(Debug)]
pub enum RecoveryFault {
    Store(StoreFault),
    Cloud(Address, Fault),
}

/// Ends every unfinished operation, side by side: what was made last may have to be waited for.
///
/// # Errors
/// When the cloud does not answer, or answers more than one thing: then nothing may be planned. What it
/// answered for is recorded all the same.
pub async fn recover(ledger: &mut Ledger, calls: &Calls) -> Result<Vec<Recovered>, RecoveryFault> {
    let unfinished = ledger.state().unfinished.clone();
    let lineage = ledger.state().lineage.clone();
    // Nobody knows when the last call left: it may have been just now, and what it made is not seen yet.
    let now = Instant::now();
    let mut looking = JoinSet::new();
    for (op, began) in unfinished {
        let owner = Owner { lineage: lineage.clone(), address: began.address.clone(), token: began.token.clone() };
        let calls = calls.clone();
        looking.spawn(async move { (op, end_of(&began, owner, now, &calls).await, began) });
    }
    let mut recovered = BTreeMap::new();
    let mut failed = BTreeMap::new();
    while let Some(joined) = looking.join_next().await {
        let (op, end, Began { address, operation, .. }) =
            joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        match end {
            Ok((result, what)) => {
                ledger.record(vec![Record::Ended { op, result }]).map_err(RecoveryFault::Store)?;
                recovered.insert(op, Recovered { address, operation, what });
            }
            Err(fault) => drop(failed.insert(op, (address, fault))),
        }
    }
    match failed.into_values().next() {
        Some((address, fault)) => Err(RecoveryFault::Cloud(address, fault)),
        None => Ok(recovered.into_values().collect()),
    }
}

async fn end_of(began: &Began, owner: Owner, now: Instant, calls: &Calls) -> Result<(Ended, String), Fault> {
    match began.operation {
        Operation::Create => {
            let consistency = calls.provider.patience(&began.request.kind).consistency;
            let until = now + arriving(began, calls) + consistency;
            let id = if began.request.id.is_empty() {
                find(began, owner, until, calls).await?
            } else {
                Some(began.request.id.clone())
            };
            let Some(id) = id else {
                return Ok((Ended::Unseen, "never happened".into()));
            };
            let recorded = Recorded { id: id.clone(), ..began.request.clone() };
            match seen(&place_of(&began.address, &recorded), until, calls).await? {
                Reading::Gone => Ok((Ended::Unchanged, format!("{id} was made and is gone"))),
                Reading::Here(here) => {
                    let recorded = Recorded { outputs: here.outputs, status: Status::Incomplete, ..recorded };
                    Ok((Ended::Recorded(recorded.into()), format!("made {id}")))
                }
            }
        }
        Operation::Update => match calls.read(&place_of(&began.address, &began.request)).await? {
            Reading::Gone => Ok((Ended::Gone, format!("{} is gone", began.request.id))),
            Reading::Here(here) => {
                // Part of it may have been done; the next plan does it again.
                let recorded = Recorded { outputs: here.outputs, status: Status::Incomplete, ..began.request.clone() };
                Ok((Ended::Recorded(recorded.into()), "may be half done".into()))
            }
        },
        Operation::Delete => match leaving(&place_of(&began.address, &began.request), now, calls).await? {
            Reading::Gone => Ok((Ended::Gone, format!("deleted {}", began.request.id))),
            Reading::Here(_) => Ok((Ended::Unchanged, format!("{} is still there", began.request.id))),
        },
    }
}

/// Reads what a delete may have been called for: until it is gone, or is certain to stay. One that is gone
/// may be seen for a while, and one that is on its way may be on its way out.
async fn leaving(place: &Place, now: Instant, calls: &Calls) -> Result<Reading, Fault> {
    let patience = calls.provider.patience(&place.kind);
    loop {
        let reading = calls.read(place).await?;
        let until = match &reading {
            Reading::Gone => return Ok(reading),
            Reading::Here(here) => match &here.health {
                Health::Waiting(_) => now + patience.deletion,
                Health::Live | Health::Dead(_) => now + patience.consistency,
            },
        };
        if Instant::now() >= until {
            return Ok(reading);
        }
        calls.rest(patience.poll).await?;
    }
}

/// How long the call of a create may still be on its way, where the cloud would carry it out beside another one.
fn arriving(began: &Began, calls: &Calls) -> Duration {
    if calls.provider.is_idempotent(&began.request.kind) || !began.request.id.is_empty() {
        return Duration::ZERO;
    }
    let Ok(at) = began.at.parse::<Timestamp>() else { return DEADLINE };
    // By another machine's clock, it may have been at any time.
    let passed = Duration::try_from(at.duration_until(calls.clock.now())).unwrap_or_default();
    DEADLINE.saturating_sub(passed)
}

/// Looks for what a create may have made.
async fn find(began: &Began, owner: Owner, until: Instant, calls: &Calls) -> Result<Option<Arc<str>>, Fault> {
    let want = Want {
        kind: began.request.kind.clone(),
        inputs: began.request.inputs.clone(),
        samples: Fields::new(),
        owner: owner.clone(),
    };
    look(&began.address, &want, &Seek::Made(owner), until, calls).await
}
