//! Carrying a rollback out: what the failed run created goes; where it stood in for something older that is
//! still there, that has its address again.

use std::collections::BTreeMap;

use tokio::sync::watch;

use crate::apply::limit::Calls;
use crate::apply::{Outcome, Stop, execute, retired};
use crate::graph::ResourceGraph;
use crate::name::Address;
use crate::plan::{Plan, Refreshed};
use crate::state::ledger::Ledger;
use crate::state::record::Record;
use crate::value::SealingKey;

/// Carries out a plan of [`crate::plan::rollback`].
pub async fn roll_back(
    plan: &Plan,
    graph: &ResourceGraph,
    ledger: &mut Ledger,
    key: &SealingKey,
    calls: &Calls,
    stop: watch::Receiver<Stop>,
) -> Outcome {
    let mut outcome = execute(plan, graph, &Refreshed::default(), ledger, key, calls, stop).await;
    // Assertions are about what the program wants, which is not there.
    outcome.broken.clear();
    if outcome.store.is_none() {
        let state = ledger.state();
        // Of several that had the address, the last one.
        let last: BTreeMap<&Address, u64> = state.retired.iter().map(|(op, retired)| (&retired.address, *op)).collect();
        let vacant = last.into_iter().filter(|(address, _)| !state.resources.contains_key(*address));
        let records: Vec<Record> = vacant.map(|(_, op)| Record::Restored { op }).collect();
        let restored = ledger.record(records).and_then(|()| ledger.compact());
        outcome.store = restored.err();
        outcome.retired = retired(ledger.state());
    }
    outcome
}
