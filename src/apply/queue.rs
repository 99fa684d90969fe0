//! Which step goes next: of those that wait for nothing any more, the one with the longest way behind it to
//! the end of the plan, in time. How long steps take is the provider's estimate; nothing else depends on it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::time::Duration;

use crate::apply::provider::Provider;
use crate::graph::ResourceGraph;
use crate::name::Address;
use crate::plan::{Change, ChangeKind, Part, Plan};
use crate::state::Operation;
use crate::state::State;

pub(super) struct Queue {
    /// How many steps each still waits for.
    left: Vec<usize>,
    dependents: Vec<Vec<usize>>,
    /// The longest way from the beginning of a step to the end of the plan.
    remaining: Vec<Duration>,
    ready: BinaryHeap<(Duration, Reverse<usize>)>,
    never: HashSet<usize>,
}

impl Queue {
    /// `takes` says how long each step takes, by its number.
    pub fn new(plan: &Plan, takes: &[Duration]) -> Queue {
        let count = plan.steps.len();
        let mut dependents = vec![Vec::new(); count];
        let left: Vec<usize> = plan.steps.iter().map(|step| step.waits.len()).collect();
        for (number, step) in plan.steps.iter().enumerate() {
            step.waits.iter().for_each(|other| dependents[*other].push(number));
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
        let mut remaining = vec![Duration::ZERO; count];
        for number in order.iter().rev() {
            let behind = dependents[*number].iter().map(|next| remaining[*next]).max();
            remaining[*number] = takes[*number] + behind.unwrap_or_default();
        }
        let ready = (0..count).filter(|number| left[*number] == 0).map(|number| (remaining[number], Reverse(number)));
        Queue { ready: ready.collect(), left, dependents, remaining, never: HashSet::new() }
    }

    pub fn next(&mut self) -> Option<usize> {
        self.ready.pop().map(|(_, Reverse(number))| number)
    }

    pub fn ended(&mut self, number: usize) {
        // It ends once.
        for dependent in std::mem::take(&mut self.dependents[number]) {
            self.left[dependent] -= 1;
            if self.left[dependent] == 0 && !self.never.contains(&dependent) {
                self.ready.push((self.remaining[dependent], Reverse(dependent)));
            }
        }
    }

    /// Whatever waits for it is never started.
    pub fn failed(&mut self, number: usize) {
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

/// How long each step of a plan usually takes.
pub(super) fn takes(plan: &Plan, graph: &ResourceGraph, state: &State, provider: &dyn Provider) -> Vec<Duration> {
    let kind = |change: &Change| {
        let resource = graph.get(&change.address).map(|resource| &*resource.schema.kind);
        resource.or_else(|| state.resources.get(&change.address).map(|recorded| &*recorded.kind)).unwrap_or_default()
    };
    let takes = |change: &Change, part| match (part, change.kind) {
        // Not even asked for.
        (_, ChangeKind::Forget | ChangeKind::Report) => Duration::ZERO,
        (Part::Unmake, _) => provider.usually(kind(change), Operation::Delete),
        (Part::Make, ChangeKind::Update) => provider.usually(kind(change), Operation::Update),
        (Part::Make, ChangeKind::Adopt) => Duration::ZERO,
        (Part::Make, _) => provider.usually(kind(change), Operation::Create),
    };
    plan.steps.iter().map(|step| takes(&plan.changes[step.change], step.part)).collect()
}

/// How long carrying out a plan will take if nothing goes wrong, and what it waits for longest.
pub struct Forecast {
    pub total: Duration,
    pub longest: Address,
    /// Of all that time.
    pub waits: Duration,
}

/// What the longest way through a plan comes to; nothing when there is nothing to do.
pub fn forecast(plan: &Plan, graph: &ResourceGraph, state: &State, provider: &dyn Provider) -> Option<Forecast> {
    let takes = takes(plan, graph, state, provider);
    let queue = Queue::new(plan, &takes);
    let longest = |steps: &mut dyn Iterator<Item = usize>| steps.max_by_key(|number| queue.remaining[*number]);
    let first = longest(&mut (0..plan.steps.len()))?;
    let way = std::iter::successors(Some(first), |at| longest(&mut queue.dependents[*at].iter().copied()));
    let slowest = way.max_by_key(|number| takes[*number])?;
    let longest = plan.changes[plan.steps[slowest].change].address.clone();
    Some(Forecast { total: queue.remaining[first], longest, waits: takes[slowest] })
}
