//! Several who want to write one environment: real processes that race, are paused, are killed. One at
//! a time has it, nobody is stuck, and who was taken over from writes nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tadpole::apply::provider::FaultKind;
use tadpole::sandbox::weather::{Call, Refusal, Weather};
use tadpole::sandbox::{self, Sandbox};
use tadpole::state::lease::{Holder, Lease};
use tadpole::state::store::{self, LocalStore};

use crate::cli::Tadpole;
use crate::world::{files_below, until};

const BUCKETS: &str = "n[i in 0..8] extends TransientS3Bucket { bucket \"bucket-${i}\"; }\n";

fn program(text: &str) -> (tempfile::TempDir, Tadpole) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("main.cloud"), text).unwrap();
    let tadpole = Tadpole::new(directory.path());
    (directory, tadpole)
}

fn record(directory: &Path) -> PathBuf {
    directory.join(".tadpole/default")
}

/// The lease as the environment has it, when it can be read.
fn lease(directory: &Path) -> Option<Lease> {
    let seat = std::fs::read_dir(record(directory).join("writer")).ok()?.next()?.ok()?.path();
    serde_json::from_slice(&std::fs::read(seat.join("lease.json")).ok()?).ok()
}

/// All that could be written, byte by byte. Who has the seat may change that by saying so.
fn bytes(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = files_below(&record(directory)).into_iter().filter(|path| !path.ends_with("lease.json"));
    files.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

fn started(mut command: Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn ended(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// A sandbox in which no such call gets through for now, as if there were too many.
fn throttled(directory: &Path, calls: &[Call]) {
    let path = sandbox::file(&record(directory));
    let refusal = |call: &Call| Refusal { what: "*".into(), call: Some(*call), kind: FaultKind::Throttled };
    let weather = Weather { refusals: calls.iter().map(refusal).collect(), ..Weather::default() };
    Sandbox::open(&path, Default::default()).unwrap().set_weather(weather).unwrap();
}

/// Whether no thread of a process has anything to do for a while, however late the machine lets it run.
fn rests(pid: u32) -> bool {
    let is_idle = || {
        std::thread::sleep(Duration::from_millis(2));
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
        threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("stat")).ok()).all(|stat| {
            // The state comes behind the name, which is in brackets.
            stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'))
        })
    };
    (0..10).all(|_| is_idle())
}

/// A process that has the environment and is paused: operations of its have begun, and no call of its is
/// on the way.
fn paused(directory: &Path, tadpole: &Tadpole) -> Child {
    throttled(directory, &[Call::Create]);
    let child = started(tadpole.command(&["apply", "--sandbox", "--yes"]));
    let begun = || store::peek(&record(directory)).unwrap().is_some_and(|state| state.unfinished.len() == 8);
    until("the beginning of all operations", begun);
    // Each of them has been refused, and waits for its next try.
    until("a rest of the process", || rests(child.id()));
    signal("-STOP", child.id());
    throttled(directory, &[]);
    child
}

/// Paused for longer than its lease, in the middle of an apply: it is taken over from, and when it wakes it
/// makes no call, writes nothing, and says who took over.
#[cfg(target_os = "linux")]
#[test]
fn who_wakes_too_late_writes_nothing() {
    let (directory, tadpole) = program(BUCKETS);
    let tadpole = tadpole.env("TADPOLE_LEASE", "1s");
    let child = paused(directory.path(), &tadpole);

    let refused = tadpole.run(&["apply", "--sandbox", "--yes"]);
    assert_eq!(refused.code, 4, "{}", refused.err);
    let holder = format!(
        "`tadpole apply --sandbox --yes` on {} (process {})",
        lease(directory.path()).unwrap().host,
        child.id()
    );
    assert!(refused.err.contains(&holder) && refused.err.contains("its lease ends at"), "{}", refused.err);

    // With other names: nothing but its own restraint keeps the first one from making its buckets.
    std::fs::write(directory.path().join("main.cloud"), BUCKETS.replace("bucket-", "other-")).unwrap();
    let next = tadpole.run(&["apply", "--sandbox", "--yes", "--wait", "1m"]);
    assert_eq!(next.code, 0, "{}", next.err);
    assert!(next.err.contains(&format!("Waiting for {holder}")), "{}", next.err);
    assert!(next.err.contains("create never happened") && next.err.contains("8 done"), "{}", next.err);
    let before = bytes(directory.path());

    signal("-CONT", child.id());
    let pid = child.id();
    let (code, said) = ended(child);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("was taken over by `tadpole apply --sandbox --yes --wait 1m`"), "{said}");
    assert_ne!(lease(directory.path()).unwrap().process.pid, pid);
    assert!(bytes(directory.path()) == before, "who was taken over from wrote something");
    assert_eq!(tadpole.run(&["plan", "--sandbox", "--exit-code"]).code, 0);
}

/// Paused while it plans: what its successor made is no mistake, and nothing is advised about it.
#[cfg(target_os = "linux")]
#[test]
fn who_wakes_too_late_while_it_plans_says_only_that_it_was_taken_over() {
    let disk = |size: u32| {
        let template = "Disk extends Resource { kind \"acme.Disk\"; size: Int, immutable; }";
        format!("{template}\ndisk extends Disk {{ size {size}; }}\n")
    };
    let (directory, tadpole) = program(&disk(1));
    let tadpole = tadpole.env("TADPOLE_LEASE", "1s");
    assert_eq!(tadpole.run(&["apply", "--sandbox", "--yes"]).code, 0);
    std::fs::write(directory.path().join("main.cloud"), disk(2)).unwrap();
    throttled(directory.path(), &[Call::Read, Call::ReadMany]);
    let child = started(tadpole.command(&["apply", "--sandbox", "--yes"]));
    let has_lease = || lease(directory.path()).is_some_and(|lease| lease.process.pid == child.id());
    until("the lease of the process", has_lease);
    until("a rest of the process", || rests(child.id()));
    signal("-STOP", child.id());
    throttled(directory.path(), &[]);

    let next = tadpole.run(&["apply", "--sandbox", "--yes", "--wait", "1m"]);
    assert_eq!(next.code, 0, "{}", next.err);
    signal("-CONT", child.id());
    let (code, said) = ended(child);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("was taken over by `tadpole apply --sandbox --yes --wait 1m`"), "{said}");
    assert!(!said.contains("tadpole import") && !said.contains("would be replaced"), "{said}");
}

/// Paused for less than its lease, or with nobody there to take over: it goes on.
#[cfg(target_os = "linux")]
#[test]
fn who_is_not_taken_over_from_goes_on() {
    let (directory, tadpole) = program(BUCKETS);
    let tadpole = tadpole.env("TADPOLE_LEASE", "1s");
    let child = paused(directory.path(), &tadpole);
    std::thread::sleep(Duration::from_millis(1500));
    signal("-CONT", child.id());
    let (code, said) = ended(child);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(tadpole.run(&["plan", "--sandbox", "--exit-code"]).code, 0);
}

/// Killed in the middle of an apply: the next command does not wait for the lease to run out, and leaves
/// nothing undone.
#[cfg(target_os = "linux")]
#[test]
fn a_killed_process_is_not_waited_for() {
    let (directory, tadpole) = program(BUCKETS);
    let tadpole = tadpole.env("TADPOLE_LEASE", "1h");
    let mut child = paused(directory.path(), &tadpole);
    let refused = tadpole.run(&["apply", "--sandbox", "--yes"]);
    assert_eq!(refused.code, 4, "{}", refused.err);
    child.kill().unwrap();
    // Nobody has asked yet how it ended: it is dead all the same.
    let next = tadpole.run(&["apply", "--sandbox", "--yes", "--wait", "10s"]);
    assert_eq!(next.code, 0, "{}", next.err);
    assert!(next.err.contains("An earlier run was cut off") && next.err.contains("8 done"), "{}", next.err);
    child.wait().unwrap();
    assert_eq!(tadpole.run(&["plan", "--sandbox", "--exit-code"]).code, 0);
}

/// Fifty at once, each with a program of its own, half of them ready to wait. That one at a time had it is
/// seen from what they left: each that got it has an epoch of its own, and the operations of all of them
/// follow one another without a gap.
#[test]
fn fifty_writers_one_at_a_time() {
    const WRITERS: usize = 50;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    for nr in 0..WRITERS {
        let text = format!("w{nr}[i in 0..3] extends TransientS3Bucket {{ bucket \"bucket-{nr}-${{i}}\"; }}\n");
        std::fs::write(path.join(format!("p{nr}.cloud")), text).unwrap();
    }
    let tadpole = Tadpole::new(path);
    // While this test has it, those that do not wait are refused.
    let holder =
        Holder { user: None, host: "here".into(), command: "the test".into(), length: Duration::from_secs(30) };
    let (held, _) = LocalStore::open(&record(path), &holder).unwrap();
    let mut children: Vec<(usize, Child)> = Vec::new();
    let start = |nr: usize| {
        let file = format!("p{nr}.cloud");
        let patience: &[&str] = if nr.is_multiple_of(2) { &["--wait", "5m"] } else { &[] };
        (nr, started(tadpole.command(&[&["apply", file.as_str(), "--sandbox", "--yes"], patience].concat())))
    };
    children.extend((0..WRITERS / 2).map(start));
    let mut ended_first = None;
    until("the end of the first that does not wait", || {
        let over = |child: &mut Child| child.try_wait().unwrap().is_some();
        ended_first = ended_first.or_else(|| children.iter_mut().position(|(_, child)| over(child)));
        ended_first.is_some()
    });
    drop(held);
    children.extend((WRITERS / 2..WRITERS).map(start));

    let (mut won, mut lost, mut operations) = (Vec::new(), 0, 0);
    for (nr, child) in children {
        let (code, said) = ended(child);
        match code {
            Some(0) => {
                won.push(nr);
                operations += said.lines().filter(|line| line.starts_with("   v ")).count();
                assert!(said.contains(&format!("v w{nr}[2]  started bucket-{nr}-2")), "{said}");
            }
            Some(4) => {
                lost += 1;
                assert!(nr % 2 == 1, "one that was to wait did not: {said}");
                let holder = ["by `the test` on here (process", "by `tadpole apply p"];
                assert!(holder.iter().any(|holder| said.contains(holder)), "{said}");
                assert!(said.contains("its lease ends at"), "{said}");
            }
            code => panic!("{nr} ended with {code:?}: {said}"),
        }
    }
    assert!(lost >= 1 && won.len() >= WRITERS / 2 && won.len() + lost == WRITERS);

    let state = store::peek(&record(path)).unwrap().unwrap();
    // The test was the first, and recorded nothing.
    assert_eq!(lease(path).unwrap().epoch, 1 + won.len() as u64, "two had the same epoch, or one had two");
    assert_eq!(state.serial, won.len() as u64, "a snapshot is lost");
    assert_eq!(state.epoch, 1 + won.len() as u64);
    assert_eq!(state.next_op - 1, operations as u64, "operations are lost, or two have one number");
    let last =
        won.iter().copied().find(|nr| state.resources.contains_key(&format!("w{nr}[0]").parse().unwrap())).unwrap();
    let expected: Vec<String> = (0..3).map(|at| format!("w{last}[{at}]")).collect();
    let addresses: Vec<String> = state.resources.keys().map(ToString::to_string).collect();
    assert_eq!(addresses, expected, "this is the outcome of no order");
    let sandbox = Sandbox::open(&sandbox::file(&record(path)), Default::default()).unwrap();
    let mut made: Vec<String> = sandbox.objects().iter().map(|object| object.owner.address.to_string()).collect();
    made.sort();
    assert_eq!(made, expected, "the sandbox holds something else than what is recorded");
    let plan = tadpole.run(&["plan", &format!("p{last}.cloud"), "--sandbox", "--exit-code"]);
    assert_eq!(plan.code, 0, "{}", plan.err);
}

/// Taken away by hand from one that hangs: it is fenced as by any takeover, and nobody waits for its lease.
#[cfg(target_os = "linux")]
#[test]
fn who_is_unlocked_from_writes_nothing() {
    let (directory, tadpole) = program(BUCKETS);
    let tadpole = tadpole.env("TADPOLE_LEASE", "1h");
    let child = paused(directory.path(), &tadpole);
    let asked = tadpole.run(&["state", "unlock"]);
    assert!(asked.code == 1 && asked.err.contains(&format!("(process {})", child.id())), "{}", asked.err);
    assert_eq!(tadpole.run(&["apply", "--sandbox", "--yes"]).code, 4);
    let unlocked = tadpole.run(&["state", "unlock", "--yes"]);
    assert!(unlocked.code == 0 && unlocked.err.contains("Unlocked"), "{}", unlocked.err);
    assert!(tadpole.run(&["state", "unlock"]).err.contains("nothing to unlock"));
    let before = bytes(directory.path());
    signal("-CONT", child.id());
    let (code, said) = ended(child);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("was taken over by `tadpole state unlock --yes`"), "{said}");
    assert!(bytes(directory.path()) == before, "who was unlocked from wrote something");
    let next = tadpole.run(&["apply", "--sandbox", "--yes"]);
    assert_eq!(next.code, 0, "{}", next.err);
    let verified = tadpole.run(&["state", "verify", "--sandbox"]);
    assert!(
        verified.code == 0 && verified.out.contains("8 resources") && !verified.out.contains("not recorded"),
        "{}",
        verified.out
    );
}
