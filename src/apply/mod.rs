//! Carrying a plan out. The executor is the sole owner of the ledger: it starts a step when the last
//! of what it waits for has ended, and makes what steps ask to record durable, many at a time.

mod afterwards;
mod course;
pub mod budget;
pub mod clock;
pub mod discreet;
pub mod hidden;
pub mod event;
pub mod foresee;
pub mod import;
pub mod limit;
mod neighbours;
mod otherwise;
pub mod provider;
pub mod rate;
mod queue;
pub mod recover;
pub mod refresh;
pub mod rollback;
pub mod several;
mod step;
mod teardown;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::action::Failed;
use crate::diagnostic::Diagnostic;
use crate::graph::ResourceGraph;
use crate::model::resource::Assertion;
use crate::name::Address;
use crate::plan::{self, ChangeKind, Part, Plan};
use crate::state::ledger::Ledger;
use crate::state::record::Record;
use crate::state::store::StoreFault;
use crate::state::{Began, Recorded, State};
use crate::value::SealingKey;
use afterwards::{afterwards, catch_up};
pub use afterwards::{record, settle};
use event::Event;
use limit::Calls;
use neighbours::Neighbours;
use provider::Fault;
use queue::Queue;
pub use queue::{Forecast, forecast};
pub use step::place_of;
use step::{Failure, Journal, Step};
use work::work;

/// How urgently the user wants it to stop.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stop {
    No,
    /// Start nothing new; finish and record what is in flight.
    Soon,
    /// At once: the journal makes that safe too.
    Now,
}

/// What came of a plan.
#[derive(Debug, Default)]
pub struct Outcome {
    pub done: Vec<Address>,
    pub failed: Vec<(Address, Fault)>,
    /// Not tried, because something before failed or because it was stopped.
    pub skipped: Vec<Address>,
    /// Begun, and cut off: recovery finds out what came of it.
    pub cut: Vec<Address>,
    /// Asked for and recorded, and not waited for until it was ready or gone.
    pub left: Vec<Address>,
    /// Destroyed to be replaced, and not created again, with the id that each had.
    pub destroyed: Vec<(Address, Arc<str>)>,
    /// What was replaced and is still there at the end, with its id.
    pub retired: Vec<(Address, Arc<str>)>,
    pub interrupted: bool,
    /// What was made under an environment that was another's by then, and could not be recorded any more.
    pub unrecorded: Vec<provider::Owned>,
    /// After a teardown of everything: what the cloud still has of the environment, and nobody knew of.
    pub lost: Vec<provider::Owned>,
    /// An action failed after which all that this run made is to be taken down again.
    pub rollback: bool,
    /// Assertions that do not hold, now that everything is there.
    pub broken: Vec<Diagnostic>,
    /// The journal could not be written: whatever was in flight is for recovery.
    pub store: Option<StoreFault>,
}

/// Carries out a plan that was made of this graph against this ledger.
pub async fn execute(
    plan: &Plan,
    graph: &ResourceGraph,
    refreshed: &crate::plan::Refreshed,
    ledger: &mut Ledger,
    key: &SealingKey,
    calls: &Calls,
    mut stop: watch::Receiver<Stop>,
) -> Outcome {
    if let Err(fault) = catch_up(plan, ledger) {
        return Outcome { store: Some(fault), ..Outcome::default() };
    }
    let (requests, mut inbox) = mpsc::unbounded_channel();
    let next_op = Arc::new(AtomicU64::new(ledger.next_op()));
    let calls = &calls.until(stop.clone());
    let journal = Journal { requests, next_op, tokens: ledger.tokens(), stop: stop.clone() };
    let takes = queue::takes(plan, graph, ledger.state(), &*calls.provider);
    let mut queue = Queue::new(plan, &takes);
    let mut outcome = Outcome::default();
    let mut tasks = JoinSet::new();
    // By the number of the change: when its first half began, whether one is at work, how many are left,
    // what was made, and whether it came to an end.
    let mut began: BTreeMap<usize, Instant> = BTreeMap::new();
    let mut running: BTreeSet<usize> = BTreeSet::new();
    let mut halves: Vec<usize> = plan.changes.iter().map(|change| change.kind.parts().len()).collect();
    let mut made: BTreeMap<usize, Arc<str>> = BTreeMap::new();
    let mut unmade: BTreeMap<usize, Arc<str>> = BTreeMap::new();
    let mut tried: BTreeSet<usize> = BTreeSet::new();
    let mut neighbours = Neighbours::new(plan);
    // What was recorded before its step, by the step's number.
    let mut before: BTreeMap<usize, Recorded> = BTreeMap::new();
    calls.provider.will_delete(&ending(plan, ledger.state()));
    loop {
        while *stop.borrow() == Stop::No
            && let Some(number) = queue.next()
        {
            let plan::Step { change: which, part, .. } = plan.steps[number];
            let change = &plan.changes[which];
            began.entry(which).or_insert_with(Instant::now);
            match work(change, part, graph, refreshed, ledger.state(), key) {
                Ok(work) => {
                    before.extend(work.present.clone().map(|present| (number, present)));
                    let step = Step { work, calls: calls.clone(), journal: journal.clone() };
                    running.insert(which);
                    tasks.spawn(async move { (number, step.run().await) });
                }
                Err(fault) => {
                    calls.tell(Event::Failed {
                        address: change.address.clone(),
                        fault: fault.clone(),
                        took: Duration::ZERO,
                    });
                    outcome.failed.push((change.address.clone(), fault));
                    tried.insert(which);
                    queue.failed(number);
                }
            }
        }
        neighbours.go_on(ledger.state(), calls);
        if tasks.is_empty() && neighbours.is_idle() {
            break;
        }
        tokio::select! {
            // In this order, so that a run with a seed comes out the same each time. Whoever wants it to
            // stop is heard first.
            biased;
            Ok(()) = stop.changed() => {
                outcome.interrupted = true;
                if *stop.borrow() == Stop::Now {
                    tasks.shutdown().await;
                    break;
                }
            }
            fault = calls.lost() => {
                tasks.shutdown().await;
                while let Ok((records, _)) = inbox.try_recv() {
                    outcome.unrecorded.extend(made_by(records.iter(), ledger.state()));
                }
                outcome.store = Some(fault);
                break;
            }
            Some(first) = inbox.recv() => {
                let mut batch = vec![first];
                while let Ok(request) = inbox.try_recv() {
                    batch.push(request);
                }
                let (records, waiting): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
                let made = made_by(records.iter().flatten(), ledger.state());
                let result = blocking(|| ledger.record(records.into_iter().flatten().collect()));
                match result {
                    Ok(()) => {
                        for done in waiting {
                            // A step that was ended meanwhile does not listen.
                            let _ = done.send(());
                        }
                    }
                    Err(fault) => {
                        // Nothing may be called any more whose beginning is not durable.
                        tasks.shutdown().await;
                        outcome.unrecorded = made;
                        outcome.store = Some(fault);
                        break;
                    }
                }
            }
            looked = neighbours.looked() => {
                let records = looked.records(ledger.state());
                if let Err(fault) = blocking(|| ledger.record(records)) {
                    tasks.shutdown().await;
                    outcome.store = Some(fault);
                    break;
                }
                looked.steps.into_iter().for_each(|number| queue.ended(number));
            }
            Some(joined) = tasks.join_next() => {
                let (number, result) = match joined {
                    Ok(ended) => ended,
                    Err(error) => std::panic::resume_unwind(error.into_panic()),
                };
                let plan::Step { change: which, part, .. } = plan.steps[number];
                running.remove(&which);
                let change = &plan.changes[which];
                let (kind, address) = (change.kind, change.address.clone());
                let took = began.get(&which).map_or(Duration::ZERO, Instant::elapsed);
                match result {
                    Ok(id) => {
                        if kind == ChangeKind::Replace && part == Part::Make {
                            made.insert(which, id.clone());
                        } else if kind == ChangeKind::Replace {
                            unmade.insert(which, id.clone());
                        }
                        halves[which] -= 1;
                        if halves[which] == 0 {
                            let id = made.remove(&which).unwrap_or(id).to_string();
                            let gone = matches!(change.left, Some(plan::Left::Gone));
                            calls.tell(Event::Done { address: address.clone(), kind, id, gone, took });
                            outcome.done.push(address);
                            tried.insert(which);
                        } else if part == Part::Make {
                            calls.tell(Event::Waiting { address, on: "waiting for what uses the old one".into() });
                        }
                        let old = before.remove(&number);
                        let altered = neighbours.altered(change, part, old.as_ref(), graph, ledger.state());
                        match altered.is_empty() {
                            true => queue.ended(number),
                            false => neighbours.read_before(number, altered),
                        }
                    }
                    Err(Failure::Action(Failed { fault, rollback })) => {
                        outcome.rollback |= rollback;
                        calls.tell(Event::Failed { address: address.clone(), fault: fault.clone(), took });
                        if fault.interrupted {
                            outcome.interrupted = true;
                            outcome.left.push(address);
                        } else {
                            outcome.failed.push((address, fault));
                        }
                        tried.insert(which);
                        queue.failed(number);
                    }
                    // It had not begun.
                    Err(Failure::Stopped) => {}
                }
            }
        }
    }
    for (number, change) in plan.changes.iter().enumerate() {
        if let Some(id) = unmade.get(&number).filter(|_| halves[number] > 0) {
            outcome.destroyed.push((change.address.clone(), id.clone()));
        }
        if running.contains(&number) {
            outcome.cut.push(change.address.clone());
        } else if unmade.contains_key(&number) {
            // It is done, has failed, or was destroyed alone.
        } else if change.kind.acts() && !tried.contains(&number) && !made.contains_key(&number) {
            outcome.skipped.push(change.address.clone());
        }
    }
    if outcome.failed.is_empty() && outcome.skipped.is_empty() && outcome.destroyed.is_empty() {
        let judged = graph.assertions.iter().filter(|assertion| plan.judges(assertion));
        outcome.broken.extend(Assertion::all_broken(judged, ledger.state()));
    }
    if outcome.store.is_none() {
        let records = afterwards(plan, graph, ledger.state(), key, &mut outcome);
        let finished = ledger.record(records).and_then(|()| ledger.compact());
        outcome.store = finished.err();
    }
    outcome.retired = retired(ledger.state());
    outcome
}

/// The ids of what is deleted by a plan.
fn ending(plan: &Plan, state: &State) -> Vec<Arc<str>> {
    plan.changes.iter().filter_map(|change| Some(change.deleted(state)?.id.clone())).collect()
}

/// What these records say that was made.
fn made_by<'r>(records: impl Iterator<Item = &'r Record>, state: &State) -> Vec<provider::Owned> {
    let made = records.filter_map(|record| match record {
        Record::Made { op, id } => {
            let Began { address, request, .. } = state.unfinished.get(op)?;
            let (kind, address) = (request.kind.clone(), address.clone());
            Some(provider::Owned { kind, id: id.clone(), address, remains: false })
        }
        _ => None,
    });
    made.collect()
}

/// What was replaced and is still there, with its id.
fn retired(state: &State) -> Vec<(Address, Arc<str>)> {
    let retired = state.retired.values();
    retired.map(|retired| (retired.address.clone(), retired.recorded.id.clone())).collect()
}

/// Something that waits for a disk. Where there are other threads, they take over the calls.
fn blocking<T>(work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::CurrentThread => work(),
        // Tokio's own enum may grow.
        _ => tokio::task::block_in_place(work),
    }
}
