//! A whole apply in the sandbox's time: what waits does not hold up what could go, and a service that takes
//! few calls gets few.

use std::time::Duration;

use tadpole::apply::limit::Calls;
use tadpole::apply::{Outcome, Stop, execute};
use tadpole::diagnostic::Report;
use tadpole::graph::ResourceGraph;
use tadpole::plan::{self, Refreshed};
use tadpole::state::State;
use tadpole::state::ledger::Ledger;
use tadpole::state::record::Record;
use tadpole::state::store::{Store, StoreFault};
use tadpole::state::tenure::Tenure;
use tadpole::value::SealingKey;

use super::*;
use crate::world::request;

/// Keeps nothing, at once.
struct Nowhere;

impl Store for Nowhere {
    fn append(&mut self, _: &[Record]) -> Result<(), StoreFault> {
        Ok(())
    }
    fn compact(&mut self, _: &State) -> Result<(), StoreFault> {
        Ok(())
    }
    fn tenure(&self) -> Tenure {
        Tenure::alone(1)
    }
}

/// What an apply of a program into nothing comes to, in this weather, and how long it takes.
async fn applied(graph: &ResourceGraph, weather: Weather) -> (Outcome, Duration) {
    let room = Room::new();
    let schemas = graph.in_order().map(|r| (r.schema.kind.clone(), r.schema.clone())).collect();
    let sandbox = Sandbox::open_at(&room.path(), schemas, room.clock.clone()).unwrap();
    sandbox.set_weather(weather).unwrap();
    let state = State::new("lineage".into(), "sandbox".into());
    let mut ledger = Ledger::begin(state, Box::new(Nowhere)).unwrap();
    let (events, _heard) = tokio::sync::mpsc::unbounded_channel();
    let calls = Calls::simulated(Arc::new(sandbox), events, room.clock.clone(), 7).under(ledger.tenure());
    let (key, refreshed, mut report) = (SealingKey([0; 32]), Refreshed::default(), Report::default());
    let plan = plan::diff(graph, &plan::moves(graph, ledger.state()), &refreshed, &key, request(), &mut report);
    let (_sender, stop) = tokio::sync::watch::channel(Stop::No);
    let began = tokio::time::Instant::now();
    let outcome = execute(&plan, graph, &refreshed, &mut ledger, &key, &calls, stop).await;
    assert!(outcome.failed.is_empty() && outcome.store.is_none(), "{:?} {:?}", outcome.failed, outcome.store);
    assert_eq!(outcome.done.len(), graph.len());
    (outcome, began.elapsed())
}

/// Layers of machines, each with two of the layer above.
fn layers(count: usize, width: usize) -> ResourceGraph {
    let mut text =
        String::from("Machine extends Resource { kind \"test.ImageInstance\"; one: Machine?; two: Machine?; }\n");
    for layer in 0..count {
        let above = |by: usize| format!("l{}[(i + {by}) % {width}]", layer - 1);
        let above = if layer == 0 { String::new() } else { format!("one {}; two {};", above(0), above(1)) };
        text.push_str(&format!("l{layer}[i in 0..{width}] extends Machine {{ {above} }}\n"));
    }
    graph(&text)
}

/// An instance: half its call, until it runs, a read that shows it and one by its liveness action.
const MACHINE: Duration = Duration::from_millis(600 + 25_000 + 60 + 60);

#[tokio::test(start_paused = true)]
async fn an_apply_takes_as_long_as_its_longest_way() {
    let real = Weather { latency: 1.0, ..Weather::default() };
    for (count, width) in [(8, 50), (1, 1000), (20, 1)] {
        let (_, took) = applied(&layers(count, width), real.clone()).await;
        let longest = MACHINE * count as u32;
        assert!(took >= longest.mul_f64(0.97), "{count} layers of {width}: {took:?} is less than the longest way");
        assert!(took <= longest.mul_f64(1.05), "{count} layers of {width}: {took:?}, and the longest way {longest:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_apply_comes_through_a_service_that_takes_few_calls() {
    let text = "a[i in 0..400] extends TransientS3Bucket { bucket \"bucket-${i}\"; }\n";
    let rates = [(Arc::from("s3"), 20.0)].into();
    let (_, took) = applied(&graph(text), Weather { rates, latency: 0.1, ..Weather::default() }).await;
    // A create and two reads each.
    let best = Duration::from_secs(400 * 3 / 20);
    assert!(took > best.mul_f64(0.9), "{took:?} is better than best: {best:?}");
    assert!(took < best.mul_f64(1.6), "{took:?} in place of {best:?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_in_simulated_time_is_the_same_each_time() {
    let rough = Weather {
        latency: 1.0,
        lag: Duration::from_secs(2),
        throttle: 0.1,
        errors: 0.05,
        lose: 0.05,
        lose_calls: 0.05,
        seed: 5,
        ..Weather::default()
    };
    let graph = layers(3, 10);
    let (first, took) = applied(&graph, rough.clone()).await;
    let (second, again) = applied(&graph, rough).await;
    assert_eq!((first.done, took), (second.done, again));
}
