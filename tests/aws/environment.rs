//! An environment of a program and the engine that works on it, in process: what the program itself does
//! with `plan`, `apply`, `destroy` and `import`, without its words.

use std::fmt::Write;
use std::sync::Arc;

use tadpole::apply::import::{Claim, Refusal, take_in};
use tadpole::apply::limit::Calls;
use tadpole::apply::provider::{Fault, Provider};
use tadpole::apply::recover::{RecoveryFault, recover};
use tadpole::apply::refresh::refresh;
use tadpole::apply::{Stop, execute};
use tadpole::diagnostic::Report;
use tadpole::graph::ResourceGraph;
use tadpole::name::Address;
use tadpole::plan::{self, Plan, Purpose, Refreshed, Request};
use tadpole::state::State;
use tadpole::state::ledger::Ledger;
use tadpole::state::record::Record;
use tadpole::state::store::{LocalStore, Store};
use tadpole::value::SealingKey;

use crate::world::{World, request, shown};

pub struct Environment {
    directory: tempfile::TempDir,
    lineage: Arc<str>,
    key: SealingKey,
    provider: Arc<dyn Provider>,
}

impl Environment {
    /// An empty one. The lineage must be one that no other environment has.
    pub fn new(lineage: &str, provider: Arc<dyn Provider>) -> Environment {
        let directory = tempfile::tempdir().unwrap();
        Environment { directory, lineage: lineage.into(), key: SealingKey::random(), provider }
    }

    pub fn state(&self) -> State {
        self.take().state().clone()
    }

    /// The record, taken for writing.
    fn take(&self) -> Ledger {
        let (mut store, replayed) = LocalStore::open(self.directory.path(), &World::holder()).unwrap();
        let (state, records) = match replayed {
            Some(replayed) => (replayed.state, replayed.records),
            None => {
                let state = State::new(self.lineage.clone(), "aws".into());
                store.compact(&state).unwrap();
                (state, 0)
            }
        };
        Ledger::new(state, Box::new(store), records)
    }

    fn calls(&self) -> Calls {
        let (events, _nobody) = tokio::sync::mpsc::unbounded_channel();
        Calls::new(self.provider.clone(), events)
    }

    /// What would be done.
    ///
    /// # Errors
    /// Why that cannot be said.
    pub async fn plan(&self, graph: &ResourceGraph) -> Result<Plan, String> {
        let ledger = self.take();
        Ok(self.planned(graph, Purpose::Apply, &ledger, &self.calls()).await?.0)
    }

    async fn planned(
        &self,
        graph: &ResourceGraph,
        purpose: Purpose,
        ledger: &Ledger,
        calls: &Calls,
    ) -> Result<(Plan, Refreshed), String> {
        let moved = plan::moves(graph, ledger.state());
        let refreshed = refresh(&moved.state, graph, calls).await.map_err(|faults| told(&faults))?;
        let mut report = Report::default();
        let request = Request { purpose, ..request() };
        let plan = plan::diff(graph, &moved, &refreshed, &self.key, request, &mut report);
        match report.has_errors() {
            true => Err(format!("{:?}", report.sorted())),
            false => Ok((plan, refreshed)),
        }
    }

    /// Makes it so; answers what was planned.
    ///
    /// # Errors
    /// What kept it from a good end, with the plan.
    pub async fn apply(&self, graph: &ResourceGraph) -> Result<Plan, String> {
        self.carry_out(graph, Purpose::Apply).await
    }

    /// Takes everything down that is recorded.
    ///
    /// # Errors
    /// As [`Environment::apply`].
    pub async fn destroy(&self) -> Result<Plan, String> {
        self.carry_out(&ResourceGraph::empty(None), Purpose::Destroy).await
    }

    async fn carry_out(&self, graph: &ResourceGraph, purpose: Purpose) -> Result<Plan, String> {
        let mut ledger = self.take();
        let calls = self.calls().under(ledger.tenure());
        recover(&mut ledger, &calls).await.map_err(|fault| match fault {
            RecoveryFault::Store(fault) => fault.to_string(),
            RecoveryFault::Cloud(address, fault) => told(&[(address, fault)]),
        })?;
        let (plan, refreshed) = self.planned(graph, purpose, &ledger, &calls).await?;
        let (_sender, stop) = tokio::sync::watch::channel(Stop::No);
        let outcome = execute(&plan, graph, &refreshed, &mut ledger, &self.key, &calls, stop).await;
        let good = outcome.failed.is_empty() && outcome.skipped.is_empty() && outcome.broken.is_empty();
        if good && outcome.store.is_none() {
            return Ok(plan);
        }
        let mut text = told(&outcome.failed);
        let _ = write!(text, "not tried: {:?}\nbroken: {:?}", outcome.skipped, outcome.broken);
        Err(format!("{text}\nit was planned:\n{}", shown(&plan)))
    }

    /// Takes in what exists: each address with its id.
    ///
    /// # Errors
    /// Why one cannot be.
    pub async fn import(&self, graph: &ResourceGraph, all: &[(Address, Arc<str>)]) -> Result<(), String> {
        let mut ledger = self.take();
        for (address, id) in all {
            let claim = Claim { address: address.clone(), id: id.clone() };
            let recorded = take_in(&claim, graph, ledger.state(), &self.key, &self.calls()).await;
            let recorded = recorded.map_err(|refusal| match refusal {
                Refusal::Known => format!("`{address}` is recorded already"),
                Refusal::Wrong(message, help) => format!("`{address}`: {message} ({})", help.unwrap_or_default()),
                Refusal::Cloud(fault) => told(&[(address.clone(), fault)]),
            })?;
            let record = Record::Seen { address: address.clone(), recorded: Box::new(recorded) };
            ledger.record(vec![record]).map_err(|fault| fault.to_string())?;
        }
        Ok(())
    }
}

/// Faults with all that they say.
pub fn told(faults: &[(Address, Fault)]) -> String {
    faults.iter().fold(String::new(), |mut text, (address, fault)| {
        let help = fault.help.as_deref().unwrap_or("nothing to do");
        let _ = writeln!(text, "`{address}`: {:?}: {fault} ({help})", fault.kind);
        text
    })
}
