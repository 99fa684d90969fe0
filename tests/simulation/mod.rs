//! Random programs that change, in random weather, applied by processes that are killed anywhere. After
//! recovery and one more apply, everything is as if nothing had happened. In process and without real
//! time; each case follows from its seed.

mod case;
mod cloud;
mod disk;
mod fate;
mod program;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tadpole::apply::Stop;
use tadpole::graph::ResourceGraph;
use tadpole::sandbox::Schemas;
use tadpole::sandbox::weather::Weather;

use crate::world::{graph, shown};
pub use case::normal;
use case::{Disturbance, End, World};
pub use program::{CANARY, Program};

/// Cases that share one sequence of programs: compiling is what takes time.
const SHARED: u64 = 24;

/// A seed, and what it was cut down to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Seed {
    number: u64,
    /// Programs of its sequence, at most.
    steps: usize,
    /// Resources of its programs, at most; as many as the seed says.
    resources: Option<usize>,
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, self.steps)?;
        self.resources.map_or(Ok(()), |resources| write!(f, ":{resources}"))
    }
}

impl FromStr for Seed {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Seed, Self::Err> {
        let mut parts = text.split(':');
        let number = parts.next().unwrap_or_default().parse()?;
        let steps = parts.next().map_or(Ok(STEPS), str::parse)?;
        Ok(Seed { number, steps, resources: parts.next().map(str::parse).transpose()? })
    }
}

/// Programs of a sequence.
const STEPS: usize = 4;

/// A program that changes, compiled.
struct Sequence {
    texts: Vec<String>,
    graphs: Vec<Arc<ResourceGraph>>,
    schemas: Schemas,
    /// What each of them comes to when nothing happens to it.
    expected: Vec<BTreeMap<String, String>>,
}

impl Sequence {
    fn of(seed: Seed) -> Sequence {
        let mut rng = Rng::with_seed(seed.number / SHARED);
        // Mostly small, as what goes wrong goes wrong with few; now and then large.
        let resources = match rng.u32(..100) {
            0 => rng.usize(60..=200),
            1..=8 => rng.usize(12..60),
            _ => rng.usize(1..12),
        };
        let resources = seed.resources.map_or(resources, |most| most.min(resources));
        let mut programs = vec![Program::random(&mut rng, resources)];
        while programs.len() < STEPS {
            let next = programs[programs.len() - 1].evolved(&mut rng, resources, &programs);
            programs.push(next);
        }
        programs.truncate(seed.steps);
        Sequence::compiled(&programs)
    }

    fn compiled(programs: &[Program]) -> Sequence {
        let texts: Vec<Option<String>> = programs.iter().map(Program::text).collect();
        let compiled = |text: &Option<String>| match text {
            Some(text) => Arc::new(graph(text)),
            None => Arc::new(ResourceGraph::empty(None)),
        };
        let graphs: Vec<Arc<ResourceGraph>> = texts.iter().map(compiled).collect();
        let all = graphs.iter().flat_map(|graph| graph.in_order());
        let schemas: Schemas = all.map(|one| (one.schema.kind.clone(), one.schema.clone())).collect();
        let expected = graphs
            .iter()
            .map(|graph| {
                let world = World::new(schemas.clone(), Duration::ZERO);
                fair(&world, graph);
                world.normal()
            })
            .collect();
        let texts = texts.into_iter().map(Option::unwrap_or_default).collect();
        Sequence { texts, graphs, schemas, expected }
    }
}

/// What each of these programs comes to.
pub fn expected(programs: &[Program]) -> Vec<BTreeMap<String, String>> {
    Sequence::compiled(programs).expected
}

/// A run in fair weather, which must come to a good end, and after which nothing is left to do.
fn fair(world: &World, graph: &Arc<ResourceGraph>) {
    for again in [false, true] {
        match world.run(graph, &Disturbance::default()).0 {
            End::Ran(ran) => {
                let (plan, outcome) = *ran;
                if !outcome.failed.is_empty() || !outcome.skipped.is_empty() || outcome.store.is_some() {
                    world.log.wrong(format!("in fair weather: {outcome:?}"));
                }
                if again && !plan.is_empty() {
                    world.log.wrong(format!("a second apply changes something: {}", shown(&plan)));
                }
            }
            End::GaveUp(why) => world.log.wrong(format!("in fair weather: {why}")),
            End::Killed => unreachable!("nobody kills it"),
        }
    }
    world.at_rest();
}

/// Some weather, and how many calls of a thousand are refused in it.
fn weather(rng: &mut Rng) -> (Weather, u32) {
    let fair = Weather { seed: rng.u64(..), latency: [0.0, 0.1, 1.0][rng.usize(..3)], ..Weather::default() };
    match rng.u32(..5) {
        0 => (fair, 0),
        1 => (Weather { lose: 0.2, lose_calls: 0.2, ..fair }, 0),
        2 => (Weather { throttle: 0.2, errors: 0.2, ..fair }, 30),
        3 => (Weather { rates: [("*".into(), 2.0)].into(), lose: 0.05, ..fair }, 0),
        _ => (Weather { throttle: 0.02, errors: 0.02, lose: 0.02, lose_calls: 0.02, ..fair }, 5),
    }
}

/// Runs a case; what is wrong, and how it went.
fn run(seed: Seed, sequence: &Sequence) -> (Vec<String>, Vec<String>) {
    let mut rng = Rng::with_seed(seed.number ^ 0x5eed);
    let lag = Duration::from_secs([0, 0, 5, 12][rng.usize(..4)]);
    let world = World::new(sequence.schemas.clone(), lag);
    let ran = catch_unwind(AssertUnwindSafe(|| {
        for (at, graph) in sequence.graphs.iter().enumerate() {
            world.log.say(format!("──── program {at}"));
            let last = at + 1 == sequence.graphs.len();
            // Some are applied undisturbed, some again and again, and some not to their end.
            let mut moments = 10 + graph.len() * 12;
            for _ in 0..[0, 1, 1, 2, 4][rng.usize(..5)] + usize::from(last) {
                let (weather, refused) = weather(&mut rng);
                let disturbance = Disturbance {
                    kill: (rng.u32(..4) > 0).then(|| rng.usize(..moments)),
                    weather,
                    refused,
                    full: (rng.u32(..16) == 0).then(|| rng.usize(..20)),
                    stop: (rng.u32(..8) == 0)
                        .then(|| (rng.u64(..5000), if rng.bool() { Stop::Soon } else { Stop::Now })),
                    late: rng.bool().then(|| rng.usize(..30)),
                    seed: rng.u64(..),
                };
                world.log.say(format!("── {disturbance:?}"));
                let (_, passed) = world.run(graph, &disturbance);
                moments = passed.max(2);
                world.between();
            }
            if !last && rng.u32(..3) > 0 {
                world.log.say("── in fair weather".to_string());
                fair(&world, graph);
            }
        }
        world.log.say("── in fair weather, at last".to_string());
        if let Some(last) = sequence.graphs.last() {
            fair(&world, last);
            let (normal, expected) = (world.normal(), &sequence.expected[sequence.expected.len() - 1]);
            if normal != *expected {
                world.log.wrong(format!("it is not as undisturbed:{}", difference(&normal, expected)));
            }
        }
    }));
    let mut wrongs = world.log.wrongs();
    if let Err(panic) = ran {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        wrongs.push(format!("panic: {}", text.unwrap_or_default()));
    }
    (wrongs, world.log.lines())
}

/// What differs, one a line.
fn difference(is: &BTreeMap<String, String>, should: &BTreeMap<String, String>) -> String {
    let names: BTreeSet<&String> = is.keys().chain(should.keys()).collect();
    let different = names.into_iter().filter(|name| is.get(*name) != should.get(*name));
    different
        .map(|name| format!("\n{name}\n  is        {:?}\n  should be {:?}", is.get(name), should.get(name)))
        .collect()
}

/// As small as it can be had with the same number: fewer programs, fewer resources.
fn shrunk(seed: Seed) -> Seed {
    let sizes = (1..12).chain([16, 24, 40, 80]).map(Some).chain([seed.resources]);
    for resources in sizes {
        for steps in 1..=seed.steps {
            let smaller = Seed { steps, resources, ..seed };
            if !run(smaller, &Sequence::of(smaller)).0.is_empty() {
                return smaller;
            }
        }
    }
    seed
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

/// Every case of a share of the numbers.
fn cases(share: u64, shares: u64) {
    if let Ok(text) = std::env::var("TADPOLE_SEED") {
        if share == 0 {
            replay(text.parse().expect("a seed is written NUMBER:PROGRAMS:RESOURCES"));
        }
        return;
    }
    // For each case of the tests of the compiler, which are cheaper.
    let count = number("TADPOLE_CASES").unwrap_or(150) * 5 / shares;
    let first = number("TADPOLE_FIRST").unwrap_or(0);
    let mut sequence: Option<(u64, Sequence)> = None;
    for number in (first..).skip(share as usize * count as usize).take(count as usize) {
        let seed = Seed { number, steps: STEPS, resources: None };
        if sequence.as_ref().is_none_or(|(of, _)| *of != number / SHARED) {
            sequence = Some((number / SHARED, Sequence::of(seed)));
        }
        let Some((_, sequence)) = &sequence else { continue };
        let (wrongs, _) = run(seed, sequence);
        if !wrongs.is_empty() {
            let smaller = shrunk(seed);
            panic!("case {seed}: {}\nrun it again with TADPOLE_SEED={smaller}", wrongs.join("\n"));
        }
    }
}

/// One case with everything that there is to see of it.
fn replay(seed: Seed) {
    let sequence = Sequence::of(seed);
    println!("{}", program::TYPES);
    for (at, text) in sequence.texts.iter().enumerate() {
        let text = text.strip_prefix(program::TYPES).unwrap_or("(nothing)");
        println!("──── program {at}\n{text}");
    }
    let (wrongs, lines) = run(seed, &sequence);
    lines.iter().for_each(|line| println!("{line}"));
    assert!(wrongs.is_empty(), "case {seed}: {}", wrongs.join("\n"));
}

#[test]
fn nothing_is_lost_one() {
    cases(0, 2);
}

#[test]
fn nothing_is_lost_two() {
    cases(1, 2);
}

/// A record that is restored from a backup is older than what there is. The next run takes in what was made since,
/// and makes nothing twice.
#[test]
fn what_was_made_after_a_backup_is_not_made_again() {
    let mut refused = 0;
    for seed in 0..60 {
        let mut rng = Rng::with_seed(seed);
        let first = Program::random(&mut rng, 6);
        let second = first.evolved(&mut rng, 8, std::slice::from_ref(&first));
        let sequence = Sequence::compiled(&[first, second]);
        let world = World::new(sequence.schemas.clone(), Duration::ZERO);
        fair(&world, &sequence.graphs[0]);
        world.restored_after(|| fair(&world, &sequence.graphs[1]));
        world.log.say("── restored".to_string());
        // What was replaced and retained is there beside its successor: which of them is meant, somebody has to say.
        if let End::GaveUp(why) = world.run(&sequence.graphs[1], &Disturbance::default()).0
            && why.contains("which the record does not have, is there already")
        {
            refused += 1;
            continue;
        }
        fair(&world, &sequence.graphs[1]);
        let difference = difference(&world.normal(), &sequence.expected[1]);
        let wrongs = world.log.wrongs();
        assert!(
            wrongs.is_empty() && difference.is_empty(),
            "seed {seed}: {}{difference}\n{}\n{}\n{}",
            wrongs.join("\n"),
            sequence.texts.join("\n──── then\n"),
            world.log.lines().join("\n"),
            program::TYPES,
        );
    }
    assert!(refused < 20, "{refused} of 60 were refused");
}

/// Small programs, killed at every moment that there is while one is turned into the next, and at every
/// moment of the recovery from one of these.
#[test]
fn killed_at_every_moment() {
    let mut kills = 0;
    for seed in 0..12 {
        let mut rng = Rng::with_seed(seed);
        let first = Program::random(&mut rng, 3);
        let second = first.evolved(&mut rng, 4, std::slice::from_ref(&first));
        let sequence = Sequence::compiled(&[first, second]);
        // Every third of them among things that are seen late.
        let lag = Duration::from_secs(if seed % 3 == 0 { 5 } else { 0 });
        let before = World::new(sequence.schemas.clone(), lag);
        for at in 0..2 {
            let recovered_from = rng.usize(..40);
            for kill in 0.. {
                let world = before.copy();
                let once = Disturbance { kill: Some(kill), ..Disturbance::default() };
                if !matches!(world.run(&sequence.graphs[at], &once).0, End::Killed) {
                    break;
                }
                for again in 0.. {
                    let world = world.copy();
                    let twice =
                        Disturbance { kill: (kill == recovered_from).then_some(again), ..Disturbance::default() };
                    let killed = matches!(world.run(&sequence.graphs[at], &twice).0, End::Killed);
                    world.between();
                    fair(&world, &sequence.graphs[at]);
                    kills += 1;
                    let difference = difference(&world.normal(), &sequence.expected[at]);
                    let wrongs = world.log.wrongs();
                    assert!(
                        wrongs.is_empty() && difference.is_empty(),
                        "seed {seed}, program {at}, killed at {kill}, then at {:?}: {}{difference}\n{}\n{}",
                        twice.kill,
                        wrongs.join("\n"),
                        sequence.texts[at],
                        world.log.lines().join("\n"),
                    );
                    if !killed {
                        break;
                    }
                }
            }
            fair(&before, &sequence.graphs[at]);
            assert!(before.log.wrongs().is_empty(), "{:?}", before.log.wrongs());
        }
    }
    assert!(kills > 1000, "only {kills} kills");
}
