//! The process itself, killed: programs that change, and SIGKILL anywhere while they are applied, taken
//! down or recovered; and the signals that a person or a build server sends before.

#![cfg(unix)]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fastrand::Rng;
use tadpole::sandbox::weather::Weather;
use tadpole::sandbox::{self, Object, Sandbox};
use tadpole::state::{State, Status, store};

use crate::cli::Tadpole;
use crate::invariants::{self, Scene};
use crate::simulation::{self, CANARY, Program};
use crate::world::{files_below, until};

/// Shares of the kills, each on a thread of its own.
const SHARES: u32 = 3;

/// An environment with a program that changes, and the sandbox that it is applied in.
struct Place {
    directory: tempfile::TempDir,
    tadpole: Tadpole,
}

impl Place {
    fn new() -> Place {
        let directory = tempfile::tempdir().unwrap();
        let tadpole = Tadpole::new(directory.path());
        Place { directory, tadpole }
    }

    fn record(&self) -> PathBuf {
        self.directory.path().join(".tadpole/default")
    }

    fn sandbox(&self) -> Sandbox {
        Sandbox::open(&sandbox::file(&self.record()), Default::default()).unwrap()
    }

    /// Things take a little, so that there is time to be killed in, and are seen a little later.
    fn slow(&self) {
        std::fs::create_dir_all(self.record()).unwrap();
        let weather = Weather { latency: 0.001, lag: Duration::from_millis(20), ..Weather::default() };
        self.sandbox().set_weather(weather).unwrap();
    }

    /// The command that makes of the environment what a program says; nothing is left of it when that is
    /// empty.
    fn becomes(&self, program: &Program) -> &'static [&'static str] {
        let path = self.directory.path().join("main.cloud");
        match program.text() {
            Some(text) => {
                std::fs::write(path, text).unwrap();
                &["apply", "--sandbox", "--yes"]
            }
            None => &["destroy", "--sandbox", "--yes"],
        }
    }

    fn started(&self, arguments: &[&str]) -> Child {
        self.tadpole.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn state(&self) -> Option<State> {
        store::peek(&self.record()).unwrap()
    }

    /// Things that a program let go, which nobody keeps a list of: they are of the one type that does that.
    fn let_go(state: &State, objects: &[Object]) -> BTreeSet<(String, String)> {
        let recorded: BTreeSet<&str> = state.resources.values().map(|recorded| &*recorded.id).collect();
        let notes = objects.iter().filter(|object| &*object.kind == "sim.Note");
        let left = notes.filter(|object| !recorded.contains(&*object.id));
        left.map(|object| (object.kind.to_string(), object.id.to_string())).collect()
    }

    /// What holds at any moment.
    fn is_sound(&self, context: &str) {
        let Some(state) = self.state() else { return };
        let objects = self.sandbox().objects();
        let let_go = Place::let_go(&state, &objects);
        let scene = Scene { state: &state, objects: &objects, let_go: &let_go };
        invariants::no_orphan(&scene).unwrap_or_else(|what| panic!("{context}: {what}"));
        for path in files_below(&self.record()) {
            let bytes = std::fs::read(&path).unwrap();
            let holds = invariants::no_secret_written(CANARY, &bytes, &path.display().to_string());
            holds.unwrap_or_else(|what| panic!("{context}: {what}"));
        }
    }

    /// What holds after a command that was not disturbed.
    fn is_at_rest(&self, context: &str) {
        self.is_sound(context);
        let state = self.state().unwrap();
        let objects = self.sandbox().objects();
        let let_go = Place::let_go(&state, &objects);
        let scene = Scene { state: &state, objects: &objects, let_go: &let_go };
        for check in [invariants::no_duplicate, invariants::no_phantom, invariants::no_lost_update] {
            check(&scene).unwrap_or_else(|what| panic!("{context}: {what}"));
        }
        assert!(state.unfinished.is_empty() && state.retired.is_empty(), "{context}: {state:?}");
    }
}

/// Lines of the journal of whoever writes now: its header, and a line for each record.
fn written(place: &Place) -> usize {
    let writers = std::fs::read_dir(place.record().join("writer")).into_iter().flatten().flatten();
    let journals = writers.filter_map(|writer| std::fs::read(writer.path().join("journal.jsonl")).ok());
    journals.map(|bytes| bytes.iter().filter(|byte| **byte == b'\n').count()).max().unwrap_or(0)
}

/// When a command is killed.
enum When {
    FromItsStart(Duration),
    /// From when it writes its first record.
    AtWork(Duration),
}

/// Records that a command had written when it was killed; nothing when it had ended before.
fn killed(place: &Place, arguments: &[&str], when: When) -> Option<usize> {
    let mut child = place.started(arguments);
    let after = match when {
        When::FromItsStart(after) => after,
        When::AtWork(after) => {
            while written(place) < 2 && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
            after
        }
    };
    std::thread::sleep(after);
    child.kill().unwrap();
    let ended = child.wait().unwrap().code().is_some();
    (!ended).then(|| written(place).saturating_sub(1))
}

/// How many kills fell where.
#[derive(Clone, Copy, Default, Debug)]
struct Fell {
    /// Before anything was recorded, or after the end.
    outside: u32,
    /// Among the records of a run, by thirds of the most that any run of its environment had.
    inside: [u32; 3],
}

impl Fell {
    fn count(&mut self, kills: &[Option<usize>]) {
        let most = kills.iter().flatten().copied().max().unwrap_or(0);
        for kill in kills {
            match kill {
                Some(records) if *records > 0 => self.inside[(records * 3 / (most + 1)).min(2)] += 1,
                Some(_) | None => self.outside += 1,
            }
        }
    }

    fn add(&mut self, other: Fell) {
        self.outside += other.outside;
        for (third, more) in self.inside.iter_mut().zip(other.inside) {
            *third += more;
        }
    }

    fn all(&self) -> u32 {
        self.outside + self.inside.iter().sum::<u32>()
    }

    /// A third of them or more at work, and some in each part of it.
    fn are_spread(&self) -> bool {
        self.outside * 3 < self.all() * 2 && self.inside.iter().all(|third| third * 20 > self.all())
    }
}

/// Programs that are applied one after the other.
const STEPS: usize = 6;

fn killed_at_random(share: u32, seed: u64, kills: u32) -> Fell {
    let mut rng = Rng::with_seed(seed);
    let mut fell = Fell::default();
    while fell.all() < kills {
        // Every environment is new once: its first run is killed too.
        let place = Place::new();
        place.slow();
        let resources = rng.usize(6..24);
        let mut programs = vec![Program::random(&mut rng, resources)];
        while programs.len() < STEPS {
            let next = programs[programs.len() - 1].evolved(&mut rng, resources, &programs);
            programs.push(next);
        }
        let expected = simulation::expected(&programs);
        // So long does the first take undisturbed, in a place of its own.
        let other = Place::new();
        other.slow();
        let arguments = other.becomes(&programs[0]);
        let began = Instant::now();
        let run = other.tadpole.run(arguments);
        assert_eq!(run.code, 0, "undisturbed: {}", run.err);
        let whole = began.elapsed();
        let mut killed_here = Vec::new();
        for (at, program) in programs.iter().enumerate() {
            let arguments = place.becomes(program);
            for _ in 0..rng.u32(1..5) {
                let after = whole.mul_f64(rng.f64());
                let when = if rng.u32(..4) == 0 { When::FromItsStart(after) } else { When::AtWork(after) };
                let kill = killed(&place, arguments, when);
                killed_here.push(kill);
                place.is_sound(&format!("share {share}, program {at} after {killed_here:?}"));
                if kill.is_none() {
                    break;
                }
            }
            if at + 1 == programs.len() || rng.u32(..3) == 0 {
                let context = format!("share {share}, program {at} after {killed_here:?}");
                let run = place.tadpole.run(arguments);
                assert_eq!(run.code, 0, "{context}: {}", run.err);
                place.is_at_rest(&context);
                assert_eq!(simulation::normal(&place.state().unwrap()), expected[at], "{context}");
                let again = place.tadpole.run(&["plan", "--sandbox", "--exit-code"]);
                assert!(program.text().is_none() || again.code == 0, "{context}: {}", again.err);
            }
        }
        let run = place.tadpole.run(&["destroy", "--sandbox", "--yes"]);
        assert_eq!(run.code, 0, "share {share}, the end: {}", run.err);
        place.is_at_rest(&format!("share {share}, the end"));
        assert!(place.state().unwrap().resources.is_empty());
        fell.count(&killed_here);
    }
    fell
}

/// SIGKILL at random moments, `TADPOLE_KILLS` times: the next command recovers without anybody's help.
#[test]
fn a_killed_process_loses_nothing() {
    let kills: u32 = std::env::var("TADPOLE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(160);
    let mut fell = Fell::default();
    // Where the kills fall depends on how busy the machine is: there are more until they are spread.
    for round in 0..10 {
        let threads: Vec<_> = (0..SHARES)
            .map(|share| {
                let seed = u64::from(round * SHARES + share);
                std::thread::spawn(move || killed_at_random(share, seed, kills / SHARES))
            })
            .collect();
        for thread in threads {
            fell.add(thread.join().expect("a share has failed"));
        }
        println!("kills outside of the work and by its thirds: {fell:?}");
        if fell.are_spread() {
            return;
        }
    }
    panic!("the kills are not spread: {fell:?}");
}

/// What a person does, or a build server that gives up: one signal after the other.
fn signal(name: &str, child: &Child) {
    // It may have ended meanwhile.
    let _ = Command::new("kill").args([name, &child.id().to_string()]).stderr(Stdio::null()).status();
}

/// The first signal waits for what is in flight, the second for nothing; what was cut off is found out.
#[test]
fn the_second_signal_stops_at_once() {
    let place = Place::new();
    let text = "n[i in 0..30] extends ImageInstance { imageID \"ami-12345678\"; }\n";
    std::fs::write(place.directory.path().join("main.cloud"), text).unwrap();
    std::fs::create_dir_all(place.record()).unwrap();
    // A create takes 24 seconds.
    place.sandbox().set_weather(Weather { latency: 20.0, ..Weather::default() }).unwrap();
    let apply = &["apply", "--sandbox", "--yes"];
    let mut child = place.started(apply);
    until("the first create", || place.state().is_some_and(|state| !state.unfinished.is_empty()));
    signal("-INT", &child);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(child.try_wait().unwrap(), None, "what is in flight was not waited for");
    signal("-TERM", &child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    place.is_sound("after two signals");
    // An instance takes five seconds to be ready: who had waited for it would have left nothing unfinished.
    assert!(!place.state().unwrap().unfinished.is_empty(), "nothing was cut off");
    place.sandbox().set_weather(Weather::default()).unwrap();
    let run = place.tadpole.run(apply);
    assert_eq!(run.code, 0, "{}", run.err);
    place.is_at_rest("after recovery");
    assert_eq!(place.state().unwrap().resources.len(), 30);
}

/// What was asked of the cloud is recorded; that it takes minutes until it is ready or gone is left to the next run.
#[test]
fn the_first_signal_ends_what_only_waits() {
    let place = Place::new();
    let text = "Base extends Resource { kind \"acme.Database\"; }\nbase extends Base { }\n";
    std::fs::write(place.directory.path().join("main.cloud"), text).unwrap();
    std::fs::create_dir_all(place.record()).unwrap();
    let interrupted = |arguments: &[&str], asked: &dyn Fn(&State) -> bool| {
        // A database takes seven minutes to be ready, and three to be gone.
        place.sandbox().set_weather(Weather { latency: 1.0, ..Weather::default() }).unwrap();
        let mut child = place.started(arguments);
        until("what was asked", || place.state().is_some_and(|state| asked(&state)));
        std::thread::sleep(Duration::from_millis(1500));
        signal("-INT", &child);
        let asked = Instant::now();
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert!(asked.elapsed() < Duration::from_secs(20), "it took {:?} to stop", asked.elapsed());
        place.sandbox().set_weather(Weather::default()).unwrap();
        place.state().unwrap()
    };
    let is_made = |state: &State| state.unfinished.values().any(|began| !began.request.id.is_empty());
    let state = interrupted(&["apply", "--sandbox", "--yes"], &is_made);
    let base = state.resources.values().next().unwrap();
    assert_eq!((base.status, state.unfinished.len()), (Status::Incomplete, 0));
    assert_eq!(place.sandbox().objects()[0].id, base.id);

    let is_asked = |state: &State| !state.unfinished.is_empty();
    let state = interrupted(&["destroy", "--sandbox", "--yes"], &is_asked);
    assert_eq!(state.unfinished.len(), 1, "the next run finds out when it is gone");
    place.is_sound("after an interrupted destroy");
}

/// As a build server stops a job: SIGINT, after a while SIGTERM, after another SIGKILL.
#[test]
fn a_build_server_stops_it_as_it_likes() {
    let mut rng = Rng::with_seed(3);
    let place = Place::new();
    place.slow();
    let mut programs = vec![Program::random(&mut rng, 14)];
    let (mut stopped, mut killed) = (0, 0);
    // How many of them have time to stop is a matter of how busy the machine is.
    let both = |stopped, killed| stopped > 0 && killed > 0;
    while stopped + killed < 24 || (!both(stopped, killed) && stopped + killed < 120) {
        let program = &programs[programs.len() - 1];
        let mut child = place.started(place.becomes(program));
        while written(&place) < 2 && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(rng.u64(..20)));
        signal("-INT", &child);
        std::thread::sleep(Duration::from_millis(rng.u64(..100)));
        signal("-TERM", &child);
        std::thread::sleep(Duration::from_millis(rng.u64(..30)));
        child.kill().unwrap();
        match child.wait().unwrap().code() {
            Some(130) => stopped += 1,
            Some(0) => {}
            None => killed += 1,
            Some(code) => panic!("it ended with {code}"),
        }
        place.is_sound(&format!("{stopped} were stopped and {killed} killed"));
        let next = program.evolved(&mut rng, 14, &programs);
        programs.push(next);
    }
    assert!(both(stopped, killed), "{stopped} were stopped and {killed} killed");
    let last = &programs[programs.len() - 1..];
    let run = place.tadpole.run(place.becomes(&last[0]));
    assert_eq!(run.code, 0, "{}", run.err);
    place.is_at_rest("at last");
    assert_eq!(simulation::normal(&place.state().unwrap()), simulation::expected(last)[0]);
}
