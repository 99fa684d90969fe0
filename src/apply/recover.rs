//! After a crash: every operation that began and has no recorded end is looked up in the cloud, and
//! what it did or did not do is recorded. Nothing is made or deleted here.

use crate::apply::limit::Calls;
use crate::apply::provider::{Fault, Owner, Reading, Seek, Want};
use crate::apply::step::place_of;
use crate::model::action::Verb;
use crate::name::Address;
use crate::state::ledger::Ledger;
use crate::state::record::{Ended, Record};
use crate::state::store::StoreFault;
use crate::state::{Began, Recorded, Status};
use crate::value::Fields;

/// What became of one unfinished operation.
#[derive(Clone, Debug)]
pub struct Recovered {
    pub address: Address,
    pub verb: Verb,
    /// In the user's words: `made as i-0f1c`, `never happened`.
    pub what: String,
}

/// Why recovery could not come to an end.
#[derive(Debug)]
pub enum RecoveryFault {
    Store(StoreFault),
    Cloud(Address, Fault),
}

/// Ends every unfinished operation.
///
/// # Errors
/// When the cloud does not answer, or answers more than one thing: then nothing may be planned.
pub async fn recover(ledger: &mut Ledger, calls: &Calls) -> Result<Vec<Recovered>, RecoveryFault> {
    let unfinished: Vec<(u64, Began)> =
        ledger.state().unfinished.iter().map(|(op, began)| (*op, began.clone())).collect();
    let lineage = ledger.state().lineage.clone();
    let mut recovered = Vec::new();
    for (op, began) in unfinished {
        let owner = Owner { lineage: lineage.clone(), address: began.address.clone(), token: began.token.clone() };
        let (result, what) =
            end_of(&began, owner, calls).await.map_err(|fault| RecoveryFault::Cloud(began.address.clone(), fault))?;
        ledger.record(vec![Record::Ended { op, result }]).map_err(RecoveryFault::Store)?;
        recovered.push(Recovered { address: began.address, verb: began.verb, what });
    }
    Ok(recovered)
}

async fn end_of(began: &Began, owner: Owner, calls: &Calls) -> Result<(Ended, String), Fault> {
    match began.verb {
        Verb::Create => {
            let id = if began.request.id.is_empty() {
                find(began, owner, calls).await?
            } else {
                Some(began.request.id.clone())
            };
            let Some(id) = id else {
                return Ok((Ended::Unchanged, "never happened".into()));
            };
            let recorded = Recorded { id: id.clone(), ..began.request.clone() };
            match calls.repeat(&began.address, || read(&recorded, &began.address, calls)).await? {
                Reading::Gone => Ok((Ended::Unchanged, format!("{id} was made and is gone"))),
                Reading::Here(here) => {
                    let recorded = Recorded { outputs: here.outputs, status: Status::Incomplete, ..recorded };
                    Ok((Ended::Recorded(recorded.into()), format!("made {id}")))
                }
            }
        }
        Verb::Update => match calls.repeat(&began.address, || read(&began.request, &began.address, calls)).await? {
            Reading::Gone => Ok((Ended::Gone, format!("{} is gone", began.request.id))),
            Reading::Here(here) => {
                // Part of it may have been done; the next plan does it again.
                let recorded = Recorded { outputs: here.outputs, status: Status::Incomplete, ..began.request.clone() };
                Ok((Ended::Recorded(recorded.into()), "may be half done".into()))
            }
        },
        Verb::Delete => match calls.repeat(&began.address, || read(&began.request, &began.address, calls)).await? {
            Reading::Gone => Ok((Ended::Gone, format!("deleted {}", began.request.id))),
            Reading::Here(_) => Ok((Ended::Unchanged, format!("{} is still there", began.request.id))),
        },
        Verb::Check => Ok((Ended::Unchanged, "changes nothing".into())),
    }
}

async fn read(recorded: &Recorded, address: &Address, calls: &Calls) -> Result<Reading, Fault> {
    calls.provider.read(&place_of(address, recorded)).await
}

/// Looks for what a create may have made, until it must be visible if it is there.
async fn find(began: &Began, owner: Owner, calls: &Calls) -> Result<Option<std::sync::Arc<str>>, Fault> {
    let want = Want {
        kind: began.request.kind.clone(),
        inputs: began.request.inputs.clone(),
        samples: Fields::new(),
        owner: owner.clone(),
    };
    let seek = Seek::Made(owner);
    let consistency = calls.provider.patience(&want.kind).consistency;
    let deadline = began.at.parse::<jiff::Timestamp>().ok().and_then(|at| at.checked_add(consistency).ok());
    loop {
        if let Some(id) = calls.repeat(&began.address, || calls.provider.find(&want, &seek)).await? {
            return Ok(Some(id));
        }
        if deadline.is_none_or(|deadline| calls.clock.now() >= deadline) {
            return Ok(None);
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}
