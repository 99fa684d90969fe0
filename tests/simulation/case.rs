//! One case: a program that changes, applied in bad weather by processes that are killed, then in fair
//! weather once; and what must be true of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;
use tadpole::apply::clock::Clock;
use tadpole::apply::limit::Calls;
use tadpole::apply::recover::{RecoveryFault, recover};
use tadpole::apply::refresh::refresh;
use tadpole::apply::{self, Outcome, Stop, execute};
use tadpole::diagnostic::Report;
use tadpole::graph::ResourceGraph;
use tadpole::plan::{self, Plan};
use tadpole::sandbox::weather::Weather;
use tadpole::sandbox::{Object, Sandbox, Schemas};
use tadpole::state::State;
use tadpole::state::ledger::Ledger;
use tadpole::state::store::{Store, StoreFault};
use tadpole::value::SealingKey;

use crate::invariants::{self, Scene};
use crate::simulation::cloud::{Held, Late, Log, Seen, arrives};
use crate::simulation::disk::{Disk, MemoryStore, Shared};
use crate::simulation::fate::Fate;
use crate::simulation::program::CANARY;
use crate::world::{request, shown};

const KEY: SealingKey = SealingKey([7; 32]);
const BEGINNING: &str = "2026-01-01T00:00:00Z";

/// How a run is disturbed.
#[derive(Clone, Debug, Default)]
pub struct Disturbance {
    /// The moment of its kill.
    pub kill: Option<usize>,
    /// But for the lag, which the world has.
    pub weather: Weather,
    /// Of a thousand calls that change something, how many are refused for good.
    pub refused: u32,
    /// After so many batches of records the disk is full.
    pub full: Option<usize>,
    /// After so many milliseconds somebody wants it to stop.
    pub stop: Option<(u64, Stop)>,
    /// Creates that are on their way when it is killed arrive after so many calls of the next run; else never.
    pub late: Option<usize>,
    pub seed: u64,
}

/// What a run came to.
pub enum End {
    Killed,
    /// It gave up before it changed anything: the cloud or the disk did not answer.
    GaveUp(String),
    Ran(Box<(Plan, Outcome)>),
}

/// Everything that outlives a process.
pub struct World {
    pub disk: Shared,
    pub log: Log,
    schemas: Schemas,
    /// What was made or deleted shows only so much later.
    lag: Duration,
    now: Mutex<Timestamp>,
    /// As the last run left it: opening it anew costs reading it.
    sandbox: Mutex<Option<Arc<Sandbox>>>,
    /// Creates that have left and not arrived, and after how many calls they do.
    late: Late,
    directory: tempfile::TempDir,
}

impl World {
    pub fn new(schemas: Schemas, lag: Duration) -> World {
        let log = Log::default();
        World {
            disk: Shared::new(Disk { log: log.clone(), ..Disk::default() }),
            log,
            schemas,
            lag,
            now: Mutex::new(BEGINNING.parse().unwrap()),
            sandbox: Mutex::new(None),
            late: Mutex::default(),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn sandbox(&self, clock: Clock) -> Arc<Sandbox> {
        let path = self.directory.path().join("sandbox.jsonl");
        let sandbox = Arc::new(Sandbox::open_at(&path, self.schemas.clone(), clock).unwrap());
        *self.sandbox.lock().unwrap() = Some(sandbox.clone());
        sandbox
    }

    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    /// The same world once more, as it is now.
    pub fn copy(&self) -> World {
        let copy = World::new(self.schemas.clone(), self.lag);
        *copy.disk.disk() = Disk { log: copy.log.clone(), ..self.disk.disk().clone() };
        *copy.now.lock().unwrap() = self.now();
        let path = |world: &World| world.directory.path().join("sandbox.jsonl");
        if path(self).exists() {
            std::fs::copy(path(self), path(&copy)).unwrap();
        }
        copy
    }

    /// One run of the program, as a process of its own.
    pub fn run(&self, graph: &Arc<ResourceGraph>, how: &Disturbance) -> (End, usize) {
        let fate = Arc::new(Fate::new(how.kill));
        let (held, late) = (Held::default(), Arc::new(Late::new(std::mem::take(&mut *self.late.lock().unwrap()))));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let end = runtime.block_on(async {
            let clock = Clock::starting_at(self.now());
            let end = tokio::select! {
                biased;
                () = fate.died() => End::Killed,
                end = self.process(graph, how, &fate, &clock, (&held, &late)) => if fate.is_dead() { End::Killed } else { end },
            };
            // Nothing is on its way for longer than a run.
            let rest = std::mem::take(&mut late.lock().unwrap().0);
            let sandbox = self.sandbox.lock().unwrap().clone();
            for (want, sandbox) in rest.iter().zip(sandbox.iter().cycle()) {
                arrives(sandbox, want, &self.log).await;
            }
            if let (End::Killed, Some(after)) = (&end, how.late) {
                *self.late.lock().unwrap() = (std::mem::take(&mut *held.lock().unwrap()), after);
            }
            // The next one is started soon after.
            *self.now.lock().unwrap() = clock.now().checked_add(Duration::from_millis(700)).unwrap();
            end
        });
        self.log.say(match &end {
            End::Killed => format!("killed at moment {}", fate.passed() - 1),
            End::GaveUp(why) => format!("gave up: {why}"),
            End::Ran(ran) => format!("ended: {:?}", ran.1),
        });
        (end, fate.passed())
    }

    async fn process(
        &self,
        graph: &Arc<ResourceGraph>,
        how: &Disturbance,
        fate: &Arc<Fate>,
        clock: &Clock,
        (held, late): (&Held, &Arc<Late>),
    ) -> End {
        let (store, recorded) = MemoryStore::open(&self.disk, fate, how.full);
        let gave_up = |fault: StoreFault| End::GaveUp(fault.to_string());
        let mut ledger = match recorded {
            Some((state, records)) => Ledger::new(state, Box::new(store), records),
            None => {
                let state = State::new("the-lineage".into(), "sandbox".into());
                match Ledger::begin(state, Box::new(store) as Box<dyn Store>) {
                    Ok(ledger) => ledger,
                    Err(fault) => return gave_up(fault),
                }
            }
        };
        let sandbox = self.sandbox(clock.clone());
        let weather = Weather { lag: self.lag, ..how.weather.clone() };
        if sandbox.weather() != weather {
            sandbox.set_weather(weather).unwrap();
        }
        let provider = Seen {
            sandbox,
            clock: clock.clone(),
            refused: how.refused,
            chances: Mutex::new(Rng::with_seed(how.seed)),
            fate: fate.clone(),
            disk: self.disk.clone(),
            graph: graph.clone(),
            log: self.log.clone(),
            held: held.clone(),
            late: late.clone(),
        };
        let (events, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let calls = Calls::simulated(Arc::new(provider), events, clock.clone(), how.seed).under(ledger.tenure());
        match recover(&mut ledger, &calls).await {
            Ok(recovered) => recovered
                .iter()
                .for_each(|one| self.log.say(format!("recovered {}: {:?} {}", one.address, one.operation, one.what))),
            Err(RecoveryFault::Store(fault)) => return gave_up(fault),
            Err(RecoveryFault::Cloud(address, fault)) => return End::GaveUp(format!("recovering {address}: {fault}")),
        }
        let moved = plan::moves(graph, ledger.state());
        let refreshed = match refresh(&moved.state, graph, &calls).await {
            Ok(refreshed) => refreshed,
            Err(faults) => return End::GaveUp(format!("refreshing: {faults:?}")),
        };
        let mut report = Report::default();
        let plan = plan::diff(graph, &moved, &refreshed, &KEY, request(), &mut report);
        if report.has_errors() {
            let messages: Vec<String> = report.sorted().iter().map(|one| one.message.clone()).collect();
            return End::GaveUp(messages.join("; "));
        }
        self.log.say(shown(&plan));
        if plan.is_empty() {
            return match apply::settle(&plan, graph, &mut ledger, &KEY) {
                Ok(()) => End::Ran(Box::new((plan, Outcome::default()))),
                Err(fault) => gave_up(fault),
            };
        }
        let (sender, stop) = tokio::sync::watch::channel(Stop::No);
        let stops = async {
            if let Some((after, how)) = how.stop {
                tokio::time::sleep(Duration::from_millis(after)).await;
                let _ = sender.send(how);
            }
            std::future::pending::<()>().await;
        };
        let executed = execute(&plan, graph, &refreshed, &mut ledger, &KEY, &calls, stop);
        let outcome = tokio::select! {
            biased;
            outcome = executed => outcome,
            () = stops => unreachable!("it waits for ever"),
        };
        drop(calls);
        while let Ok(event) = heard.try_recv() {
            self.not_secret(format!("{event:?}").as_bytes(), "an event");
        }
        self.not_secret(format!("{outcome:?}").as_bytes(), "the outcome");
        self.not_secret(shown(&plan).as_bytes(), "the plan");
        self.not_secret(&serde_json::to_vec(&plan).unwrap(), "the plan as JSON");
        End::Ran(Box::new((plan, outcome)))
    }

    fn not_secret(&self, bytes: &[u8], place: &str) {
        if let Err(what) = invariants::no_secret_written(CANARY, bytes, place) {
            self.log.wrong(what);
        }
    }

    pub fn objects(&self) -> Vec<Object> {
        self.sandbox.lock().unwrap().as_ref().map(|sandbox| sandbox.objects()).unwrap_or_default()
    }

    /// A backup of the record, taken before `then` and put back after it.
    pub fn restored_after(&self, then: impl FnOnce()) {
        let backup = self.disk.disk().clone();
        then();
        let mut disk = self.disk.disk();
        // What came to pass meanwhile came to pass all the same.
        let Disk { snapshot, journal, state, .. } = backup;
        *disk = Disk { snapshot, journal, state, ..disk.clone() };
    }

    /// What holds at any moment between two runs.
    pub fn between(&self) {
        let disk = self.disk.disk().clone();
        let Some(state) = disk.state() else { return };
        let scene = Scene { state, objects: &self.objects(), let_go: &disk.let_go };
        for result in [invariants::no_orphan(&scene), invariants::no_old_epoch(&disk.writes)] {
            if let Err(what) = result {
                self.log.wrong(what);
            }
        }
        self.not_secret(&disk.snapshot, "the snapshot");
        self.not_secret(&disk.journal, "the journal");
    }

    /// What holds when a run has come to a good end.
    pub fn at_rest(&self) {
        self.between();
        let disk = self.disk.disk().clone();
        let Some(state) = disk.state() else { return };
        let scene = Scene { state, objects: &self.objects(), let_go: &disk.let_go };
        for check in
            [invariants::no_duplicate, invariants::no_phantom, invariants::no_lost_update, invariants::no_open_list]
        {
            if let Err(what) = check(&scene) {
                self.log.wrong(what);
            }
        }
        if !state.retired.is_empty() {
            self.log.wrong(format!("what was replaced is left: {:?}", state.retired));
        }
        if !state.unfinished.is_empty() {
            self.log.wrong(format!("operations are left open: {:?}", state.unfinished));
        }
        self.not_secret(&serde_json::to_vec(&self.objects()).unwrap(), "the sandbox");
    }

    pub fn normal(&self) -> BTreeMap<String, String> {
        normal(&self.disk.state())
    }
}

/// What is recorded, by address, with names in place of the ids and none of the fingerprints: these
/// differ from run to run.
pub fn normal(state: &State) -> BTreeMap<String, String> {
    let mut names: Vec<(String, String)> =
        state.resources.iter().map(|(address, one)| (one.id.to_string(), format!("<{address}>"))).collect();
    // A longer id first: `net-10` begins with `net-1`.
    names.sort_by_key(|(id, _)| std::cmp::Reverse(id.len()));
    let normal = |value: String| {
        let mut text = names.iter().fold(value, |text, (id, name)| text.replace(id, name));
        while let Some(at) = text.find(FINGERPRINT) {
            text.replace_range(at..at + FINGERPRINT.len() + 33, "");
        }
        text
    };
    let resources = state.resources.iter().map(|(address, one)| {
        let lines = (&one.kind, &one.template, one.status, &one.inputs, &one.outputs, &one.dependencies);
        (address.to_string(), normal(serde_json::to_string(&(lines, &one.lifecycle)).unwrap()))
    });
    let outputs = state.outputs.iter();
    let outputs =
        outputs.map(|(name, value)| (format!("output {name}"), normal(serde_json::to_string(value).unwrap())));
    resources.chain(outputs).collect()
}

/// What comes before the 32 digits of a secret's fingerprint.
const FINGERPRINT: &str = "\"fingerprint\":\"";
