//! Carrying a plan out. The executor is the sole owner of the ledger: it starts a step when the last
//! of what it waits for has ended, and makes what steps ask to record durable, many at a time.

pub mod clock;
pub mod event;
pub mod limit;
pub mod provider;
pub mod recover;
pub mod refresh;
pub mod rollback;
mod step;

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::diagnostic::Diagnostic;
use crate::graph::ResourceGraph;
use crate::model::term::Term;
use crate::name::{Address, Name};
use crate::plan::{self, Change, ChangeKind, Part, Plan};
use crate::state::ledger::Ledger;
use crate::state::record::Record;
use crate::state::store::StoreFault;
use crate::state::{Recorded, State, Status};
use crate::value::{Fields, SealingKey, Value};
use event::Event;
use limit::Calls;
use provider::{Fault, FaultKind};
use step::{Failure, Journal, Step, Wanted, Work};

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
    /// What was replaced and is still there at the end, with its id.
    pub retired: Vec<(Address, Arc<str>)>,
    pub interrupted: bool,
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
    let journal = Journal { requests, next_op, stop: stop.clone() };
    let mut run = Run::new(plan);
    let mut outcome = Outcome::default();
    let mut tasks = JoinSet::new();
    // By the number of the change: when its first half began, whether one is at work, how many are left,
    // what was made, and whether it came to an end.
    let mut began: BTreeMap<usize, Instant> = BTreeMap::new();
    let mut running: BTreeSet<usize> = BTreeSet::new();
    let mut halves: Vec<usize> = plan.changes.iter().map(|change| change.kind.parts().len()).collect();
    let mut made: BTreeMap<usize, Arc<str>> = BTreeMap::new();
    let mut tried: BTreeSet<usize> = BTreeSet::new();
    loop {
        while *stop.borrow() == Stop::No
            && let Some((_, std::cmp::Reverse(number))) = run.ready.pop()
        {
            let plan::Step { change: which, part, .. } = plan.steps[number];
            let change = &plan.changes[which];
            began.entry(which).or_insert_with(Instant::now);
            match work(change, part, graph, refreshed, ledger.state(), key) {
                Ok(work) => {
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
                    run.failed(number);
                }
            }
        }
        if tasks.is_empty() {
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
                outcome.store = Some(fault);
                break;
            }
            Some(first) = inbox.recv() => {
                let mut batch = vec![first];
                while let Ok(request) = inbox.try_recv() {
                    batch.push(request);
                }
                let (records, waiting): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
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
                        outcome.store = Some(fault);
                        break;
                    }
                }
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
                        }
                        halves[which] -= 1;
                        if halves[which] == 0 {
                            let id = made.remove(&which).unwrap_or(id).to_string();
                            calls.tell(Event::Done { address: address.clone(), kind, id, took });
                            outcome.done.push(address);
                            tried.insert(which);
                        } else if part == Part::Make {
                            calls.tell(Event::Waiting { address, on: "what uses the old one".into() });
                        }
                        run.ended(number);
                    }
                    Err(Failure::Fault(fault)) => {
                        calls.tell(Event::Failed { address: address.clone(), fault: fault.clone(), took });
                        outcome.failed.push((address, fault));
                        tried.insert(which);
                        run.failed(number);
                    }
                    // It had not begun.
                    Err(Failure::Stopped) => {}
                }
            }
        }
    }
    for (number, change) in plan.changes.iter().enumerate() {
        if running.contains(&number) {
            outcome.cut.push(change.address.clone());
        } else if change.kind.acts() && !tried.contains(&number) && !made.contains_key(&number) {
            outcome.skipped.push(change.address.clone());
        }
    }
    if outcome.failed.is_empty() && outcome.skipped.is_empty() {
        let judged = graph.assertions.iter().filter(|assertion| plan.judges(assertion));
        outcome.broken.extend(judged.filter_map(|assertion| assertion.broken(ledger.state())));
    }
    if outcome.store.is_none() {
        let records = afterwards(plan, graph, ledger.state(), key, &mut outcome);
        let finished = ledger.record(records).and_then(|()| ledger.compact());
        outcome.store = finished.err();
    }
    let retired = ledger.state().retired.values();
    outcome.retired = retired.map(|retired| (retired.address.clone(), retired.recorded.id.clone())).collect();
    outcome
}

/// Something that waits for a disk. Where there are other threads, they take over the calls.
fn blocking<T>(work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::CurrentThread => work(),
        // Tokio's own enum may grow.
        _ => tokio::task::block_in_place(work),
    }
}

/// Which steps may start.
struct Run {
    /// Steps that a step waits for and that have not ended.
    left: Vec<usize>,
    dependents: Vec<Vec<usize>>,
    /// The longest way from a step to the end, in steps: the longest goes first.
    remaining: Vec<usize>,
    ready: BinaryHeap<(usize, std::cmp::Reverse<usize>)>,
    never: HashSet<usize>,
}

impl Run {
    fn new(plan: &Plan) -> Run {
        let count = plan.steps.len();
        let mut dependents = vec![Vec::new(); count];
        let mut left = vec![0; count];
        for (number, step) in plan.steps.iter().enumerate() {
            for other in &step.waits {
                dependents[*other].push(number);
                left[number] += 1;
            }
        }
        // In an order in which everything comes after what it waits for; walked backwards.
        let mut order: Vec<usize> = (0..count).filter(|number| left[*number] == 0).collect();
        let mut open = left.clone();
        let mut at = 0;
        while at < order.len() {
            for dependent in &dependents[order[at]] {
                open[*dependent] -= 1;
                if open[*dependent] == 0 {
                    order.push(*dependent);
                }
            }
            at += 1;
        }
        let mut remaining = vec![0; count];
        for number in order.iter().rev() {
            remaining[*number] = dependents[*number].iter().map(|next| remaining[*next] + 1).max().unwrap_or(0);
        }
        let ready = (0..count)
            .filter(|number| left[*number] == 0)
            .map(|number| (remaining[number], std::cmp::Reverse(number)))
            .collect();
        Run { left, dependents, remaining, ready, never: HashSet::new() }
    }

    fn ended(&mut self, number: usize) {
        // It ends once.
        for dependent in std::mem::take(&mut self.dependents[number]) {
            self.left[dependent] -= 1;
            if self.left[dependent] == 0 && !self.never.contains(&dependent) {
                self.ready.push((self.remaining[dependent], std::cmp::Reverse(dependent)));
            }
        }
    }

    /// Whatever waits for it is never started.
    fn failed(&mut self, number: usize) {
        let mut queue = vec![number];
        while let Some(number) = queue.pop() {
            for dependent in &self.dependents[number] {
                if self.never.insert(*dependent) {
                    queue.push(*dependent);
                }
            }
        }
    }
}

/// The work of one step, with everything that it depends on known by now.
fn work(
    change: &Change,
    part: Part,
    graph: &ResourceGraph,
    refreshed: &crate::plan::Refreshed,
    state: &State,
    key: &SealingKey,
) -> Result<Work, Fault> {
    let mut wanted = None;
    if part == Part::Make {
        let Some(resource) = graph.get(&change.address) else {
            unreachable!("`{}` is planned from the program, and is not in it", change.address)
        };
        let mut inputs = Fields::new();
        for (name, input) in &resource.inputs {
            let settled = input
                .term
                .settle(state)
                .map_err(|message| Fault::new(FaultKind::Refused, message).on(name.as_str()))?;
            let Term::Known(mut value) = settled else {
                let message = format!("`{name}` is not known though everything that it needs was started");
                return Err(Fault::new(FaultKind::Refused, message).on(name.as_str()));
            };
            value.seal(key);
            inputs.insert(name.clone(), value);
        }
        as_planned(change, &inputs)?;
        let mut samples = Fields::new();
        for (name, term) in &resource.samples {
            if let Ok(Term::Known(value)) = term.settle(state) {
                samples.insert(name.clone(), value);
            }
        }
        let lifecycle = resource
            .lifecycle
            .try_map(|action| action.partly(state).map(Some))
            .map_err(|message| Fault::new(FaultKind::Refused, message))?;
        wanted = Some(Wanted {
            template: resource.template.clone(),
            kind: resource.schema.kind.clone(),
            inputs,
            samples,
            lifecycle,
            dependencies: graph.needs(&change.address).into_iter().cloned().collect(),
        });
    }
    let mut present = match part {
        Part::Make => state.resources.get(&change.address).cloned(),
        Part::Unmake => old(change, state).cloned(),
    };
    let reading = refreshed.readings.get(&change.address);
    if let (Part::Make, Some(present), Some(provider::Reading::Here(here))) = (part, &mut present, reading) {
        // The update starts from what is there, not from what was there.
        for (name, value) in &here.inputs {
            present.inputs.insert(name.clone(), value.clone());
        }
    }
    if let (None, Some(found), Some(wanted)) = (&present, refreshed.found.get(&change.address), &wanted) {
        // Of what the cloud does not tell (a region, say) nothing else can be assumed.
        let mut inputs = wanted.inputs.clone();
        inputs.extend(found.here.inputs.clone());
        present = Some(Recorded {
            template: wanted.template.clone(),
            kind: wanted.kind.clone(),
            id: found.id.clone(),
            status: Status::Live,
            inputs,
            outputs: found.here.outputs.clone(),
            dependencies: BTreeSet::new(),
            lifecycle: Default::default(),
        });
    }
    let incomplete = present.as_ref().is_some_and(|present| present.status == Status::Incomplete);
    let inputs_differ = incomplete || change.changes_inputs();
    Ok(Work {
        kind: change.kind,
        part,
        address: change.address.clone(),
        lineage: state.lineage.clone(),
        wanted,
        present,
        inputs_differ,
    })
}

/// What an unmaking step is about: what the plan saw under the address, which may have a successor there by
/// now.
fn old<'s>(change: &Change, state: &'s State) -> Option<&'s Recorded> {
    let is_old = |recorded: &&Recorded| change.id.as_ref().is_none_or(|id| recorded.id == *id);
    let retired = state.retired.values().rev().filter(|retired| retired.address == change.address);
    match change.retired {
        Some(number) => state.retired.get(&number).map(|retired| &retired.recorded),
        None => {
            let current = state.resources.get(&change.address).filter(is_old);
            current.or_else(|| retired.map(|retired| &retired.recorded).find(is_old))
        }
    }
}

/// A plan is kept: a value that it showed is the value that is used.
fn as_planned(change: &Change, inputs: &Fields) -> Result<(), Fault> {
    for attribute in &change.attributes {
        if let crate::plan::Planned::Value(planned) = &attribute.new
            && let Some(value) = inputs.get(&attribute.name)
            && value != planned
        {
            let message = format!("`{}` has become another value than the plan shows", attribute.name);
            return Err(Fault::new(FaultKind::Refused, message)
                .on(attribute.name.as_str())
                .help("something it is made from changed while applying; plan again"));
        }
    }
    Ok(())
}

/// Records what the plan starts from: new addresses, and things as they were found. What is planned was
/// planned with these.
fn catch_up(plan: &Plan, ledger: &mut Ledger) -> Result<(), StoreFault> {
    if !plan.moves.is_empty() {
        ledger.record(vec![Record::Moved { moves: plan.moves.clone() }])?;
    }
    let seen = plan::seen(ledger.state(), &plan.drift, false);
    ledger.record(seen)
}

/// Records what the cloud said, for a plan that is about nothing else.
///
/// # Errors
/// When the store cannot keep it.
pub fn record(plan: &Plan, ledger: &mut Ledger) -> Result<(), StoreFault> {
    let seen = plan::seen(ledger.state(), &plan.drift, true);
    ledger.record(seen)?;
    ledger.compact()
}

/// Records what the program says otherwise than the record does and needs no change in the cloud: the
/// order of things, above all, in which they will be taken down.
///
/// # Errors
/// When the store cannot keep it.
pub fn settle(plan: &Plan, graph: &ResourceGraph, ledger: &mut Ledger, key: &SealingKey) -> Result<(), StoreFault> {
    catch_up(plan, ledger)?;
    let records = afterwards(plan, graph, ledger.state(), key, &mut Outcome::default());
    ledger.record(records)?;
    ledger.compact()
}

/// What is recorded at the end, without a call: outputs, and what the program says of resources that
/// did not change otherwise. What still has to change keeps what is recorded of it, above all what it needs:
/// that is what it will be taken down by.
fn afterwards(
    plan: &Plan,
    graph: &ResourceGraph,
    state: &State,
    key: &SealingKey,
    outcome: &mut Outcome,
) -> Vec<Record> {
    let done: HashSet<&Address> = outcome.done.iter().collect();
    let acting = plan.changes.iter().filter(|change| change.kind.acts()).map(|change| &change.address);
    let pending: HashSet<&Address> = acting.filter(|address| !done.contains(address)).chain(&plan.left_out).collect();
    let mut records = Vec::new();
    for resource in graph.in_order().filter(|resource| !pending.contains(&resource.address)) {
        let Some(recorded) = state.resources.get(&resource.address) else {
            continue;
        };
        let dependencies: BTreeSet<Address> = graph.needs(&resource.address).into_iter().cloned().collect();
        if recorded.dependencies != dependencies || recorded.template != resource.template {
            let recorded = Recorded { dependencies, template: resource.template.clone(), ..recorded.clone() };
            records.push(Record::Seen { address: resource.address.clone(), recorded: Box::new(recorded) });
        }
    }
    let mut outputs: BTreeMap<Name, Value> = BTreeMap::new();
    for output in &graph.outputs {
        match output.term.settle(state) {
            Ok(Term::Known(mut value)) => {
                value.seal(key);
                outputs.insert(output.name.clone(), value);
            }
            Err(message) => outcome.broken.push(
                Diagnostic::error(
                    "cloud::value::impossible",
                    format!("the output `{}` has no value: {message}", output.name),
                )
                .label(output.span, "declared here"),
            ),
            Ok(_) if plan.unsets(output.name.as_str()) => {}
            // After a failure the last known value is better than none.
            Ok(_) => outputs.extend(state.outputs.get(&output.name).map(|old| (output.name.clone(), old.clone()))),
        }
    }
    if plan.keeps_outputs() {
        let others = state.outputs.iter().filter(|(name, _)| graph.outputs.iter().all(|output| output.name != **name));
        outputs.extend(others.map(|(name, value)| (name.clone(), value.clone())));
    }
    if outputs != state.outputs && (outcome.failed.is_empty() || !outputs.is_empty()) {
        records.push(Record::Outputs { outputs });
    }
    records
}
