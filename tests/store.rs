//! The store against a bad disk and bad company: bytes that change, files that are cut off, no space, no
//! access, and several stores on one directory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tadpole::name::Address;
use tadpole::state::ledger::Ledger;
use tadpole::state::record::{Ended, Record};
use tadpole::state::store::{self, Contender, LocalStore, Replayed, Store, StoreFault};
use tadpole::state::{Began, Operation, Recorded, State, Status};
use tadpole::value::{Fields, Value};
use tempfile::TempDir;

use crate::cli::Tadpole;
use crate::world::{World, files_below};

fn recorded(id: &str) -> Recorded {
    Recorded {
        protected: false,
        course: None,
        template: "Thing".into(),
        kind: "test.Thing".into(),
        id: id.into(),
        status: Status::Live,
        inputs: Fields::from([("name".into(), Value::string(format!("ä {id}")))]),
        requested: Fields::new(),
        outputs: Fields::from([("size".into(), Value::Size(1 << 33))]),
        dependencies: BTreeSet::new(),
        lifecycle: Default::default(),
    }
}

fn seen(name: &str) -> Record {
    Record::Seen { address: address(name), recorded: Box::new(recorded(name)) }
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// An environment with a snapshot, and a journal of several records that was left behind. Answers its
/// directory, and the states after each record.
fn environment() -> (TempDir, Vec<State>) {
    let directory = fast_directory();
    let (mut store, _) = LocalStore::open(directory.path(), &World::holder()).unwrap();
    let mut state = State { serial: 4, ..State::new("8defd48e".into(), "sandbox".into()) };
    state.apply(seen("first"));
    state.apply(Record::Outputs { outputs: BTreeMap::from([("out".into(), Value::Int(7))]) });
    state.about.created = Some("2026-11-21T05:00:00Z".parse().unwrap());
    store.compact(&state).unwrap();
    let mut ledger = Ledger::new(state, Box::new(store), 0);
    let mut states = vec![ledger.state().clone()];
    let request = Recorded { id: "".into(), ..recorded("second") };
    let token = "14db848b".into();
    let at = "2026-11-21T05:00:46Z".into();
    let began = Began { address: address("site.second[0]"), operation: Operation::Create, token, request, at };
    for record in [
        Record::Began { op: 1, began: Box::new(began) },
        Record::Made { op: 1, id: "second".into() },
        Record::Ended { op: 1, result: Ended::Recorded(Box::new(recorded("second"))) },
        Record::Forgotten { address: address("first"), id: "first".into(), gone: false },
        Record::Expires { at: Some("2026-11-21T09:00:00Z".parse().unwrap()) },
    ] {
        ledger.record(vec![record]).unwrap();
        states.push(ledger.state().clone());
    }
    // The first of them stands behind a line that says who writes.
    let mut noted = states[0].clone();
    noted.about.command = ledger.state().about.command.clone();
    noted.salts = ledger.state().salts.clone();
    assert_eq!(noted.about.command.as_ref().map(|command| command.line.as_str()), Some("test"));
    assert!(!noted.salts.is_empty());
    states.insert(1, noted);
    (directory, states)
}

fn journal_of(directory: &Path) -> PathBuf {
    files_below(directory).into_iter().find(|path| path.ends_with("journal.jsonl")).unwrap()
}

/// What is read when a file has these bytes: one of these states, or a fault that names the file.
fn read_as(directory: &Path, path: &Path, bytes: &[u8], states: &[State], what: &str) {
    std::fs::write(path, bytes).unwrap();
    match store::peek(directory) {
        Ok(Some(state)) => assert!(states.contains(&state), "{what}: a wrong state: {state:?}"),
        Ok(None) => panic!("{what}: the state is lost"),
        Err(StoreFault::Damaged { path: named, .. } | StoreFault::Newer { path: named, .. }) => {
            assert_eq!(named, path, "{what}");
        }
        Err(fault) => panic!("{what}: {fault}"),
    }
}

#[test]
fn no_changed_byte_makes_a_wrong_state() {
    let (directory, states) = environment();
    let last = &states[states.len() - 1..];
    for path in [directory.path().join("state.json"), journal_of(directory.path())] {
        let good = std::fs::read(&path).unwrap();
        assert!(good.len() > 300, "{} is too small to tell", path.display());
        for at in 0..good.len() {
            let bits = (0..8).map(|bit| good[at] ^ (1 << bit));
            for byte in bits.chain([b'\n', 0, b' ']).filter(|byte| *byte != good[at]) {
                let mut bytes = good.clone();
                bytes[at] = byte;
                read_as(directory.path(), &path, &bytes, last, &format!("byte {at} as {byte}"));
            }
            let without = [&good[..at], &good[at + 1..]].concat();
            let at_the_end = at + 1 == good.len();
            // Without its last byte, which ends the line, a file is as good as cut off.
            let fine = if at_the_end { &states[..] } else { last };
            read_as(directory.path(), &path, &without, fine, &format!("without byte {at}"));
        }
        std::fs::write(&path, good).unwrap();
    }
    assert_eq!(store::peek(directory.path()).unwrap().as_ref(), states.last());
}

#[test]
fn what_is_cut_off_was_never_said() {
    let (directory, states) = environment();
    let path = journal_of(directory.path());
    let good = std::fs::read(&path).unwrap();
    for length in 0..=good.len() {
        // Some file systems fill up with zeros what they had no time to write.
        for zeros in [0, 7] {
            let bytes = [&good[..length], &vec![0; zeros]].concat();
            std::fs::write(&path, &bytes).unwrap();
            let state = store::peek(directory.path()).unwrap_or_else(|fault| panic!("cut to {length}: {fault}"));
            let whole = good[..length].iter().filter(|byte| **byte == b'\n').count().saturating_sub(1);
            // A line that is all there but for its end is a record as well.
            let more = usize::from(good.get(length) == Some(&b'\n')).min(length);
            let most = if whole == 0 && !good[..length].contains(&b'\n') { 0 } else { whole + more };
            assert_eq!(state.unwrap(), states[most], "cut to {length} bytes and {zeros} zeros");
        }
    }
    std::fs::write(&path, &good).unwrap();
    let path = directory.path().join("state.json");
    let good = std::fs::read(&path).unwrap();
    for length in 0..good.len() {
        read_as(directory.path(), &path, &good[..length], &[], &format!("cut to {length}"));
    }
}

/// Who wants to write a damaged environment is refused, and leaves it as it is.
#[test]
fn damage_is_left_as_it_is() {
    let (directory, _) = environment();
    for name in ["state.json", "journal.jsonl"] {
        // The seat has another name with each writer.
        let find = || files_below(directory.path()).into_iter().find(|path| path.ends_with(name)).unwrap();
        let path = find();
        let good = std::fs::read(&path).unwrap();
        let mut bytes = good.clone();
        bytes[good.len() / 2] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        for _ in 0..2 {
            let fault = LocalStore::open(directory.path(), &World::holder()).err().unwrap();
            assert!(matches!(&fault, StoreFault::Damaged { path, .. } if path.ends_with(name)), "{fault}");
            assert!(fault.help().contains("restore the file"));
        }
        assert!(std::fs::read(find()).unwrap() == bytes, "{name} was written");
        std::fs::write(find(), good).unwrap();
    }
    assert!(LocalStore::open(directory.path(), &World::holder()).is_ok());
}

/// What is not a file, or may not be read, is named, and nothing is taken for new.
#[test]
fn what_cannot_be_read_is_named() {
    let (directory, states) = environment();
    let journal = journal_of(directory.path());
    for path in [directory.path().join("state.json"), journal, directory.path().join("writer")] {
        let aside = directory.path().join("aside");
        std::fs::rename(&path, &aside).unwrap();
        let in_its_place = || if aside.is_dir() { std::fs::write(&path, "") } else { std::fs::create_dir(&path) };
        in_its_place().unwrap();
        let said = store::peek(directory.path()).err().unwrap().to_string();
        assert!(said.contains(path.to_str().unwrap()), "{said}");
        if !is_root() && aside.is_file() {
            std::fs::remove_dir(&path).unwrap();
            std::fs::copy(&aside, &path).unwrap();
            assert!(Command::new("chmod").arg("000").arg(&path).status().unwrap().success());
            let said = store::peek(directory.path()).err().unwrap().to_string();
            assert!(said.contains(path.to_str().unwrap()) && said.contains("denied"), "{said}");
            std::fs::remove_file(&path).unwrap();
        } else {
            eprintln!("SKIPPED: root reads everything: files without permissions are not tested");
            std::fs::remove_dir(&path).or_else(|_| std::fs::remove_file(&path)).unwrap();
        }
        std::fs::rename(&aside, &path).unwrap();
    }
    assert_eq!(store::peek(directory.path()).unwrap().as_ref(), states.last());
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

const BUCKETS: &str = "n[i in 0..40] extends TransientS3Bucket { bucket \"bucket-${i}\"; }\n";

fn program(directory: &Path) -> Tadpole {
    std::fs::write(directory.join("main.cloud"), BUCKETS).unwrap();
    Tadpole::new(directory)
}

/// Everything is there and recorded, each thing once.
fn whole(tadpole: &Tadpole, context: &str) {
    let run = tadpole.run(&["apply", "--sandbox", "--yes"]);
    assert_eq!(run.code, 0, "{context}: {}", run.err);
    let verified = tadpole.run(&["state", "verify", "--sandbox"]);
    assert_eq!(verified.code, 0, "{context}: {}", verified.out);
    assert!(
        verified.out.contains("40 resources") && !verified.out.contains("not recorded"),
        "{context}: {}",
        verified.out
    );
}

/// No file may grow beyond some size: each write beyond it fails, as on a full disk.
#[cfg(unix)]
#[test]
fn without_space_nothing_is_lost() {
    let mut failed = 0;
    for blocks in [0, 1, 2, 4, 8, 16, 32, 64] {
        let directory = fast_directory();
        let tadpole = program(directory.path());
        let limited = |arguments: &str| {
            let line = format!("ulimit -f {blocks}; exec {} {arguments}", env!("CARGO_BIN_EXE_tadpole"));
            let mut shell = Command::new("sh");
            let output = shell.args(["-c", &line]).current_dir(directory.path()).stdin(Stdio::null()).output().unwrap();
            (output.status.code(), String::from_utf8(output.stderr).unwrap())
        };
        let (code, said) = limited("apply --sandbox --yes");
        assert!(matches!(code, Some(0 | 3)), "{blocks} blocks: {code:?} {said}");
        if code == Some(3) {
            failed += 1;
            assert!(
                said.contains(".tadpole/default") || said.contains("sandbox cannot be written"),
                "{blocks} blocks: {said}"
            );
        }
        whole(&tadpole, &format!("{blocks} blocks"));
        let (code, said) = limited("destroy --sandbox --yes");
        assert!(matches!(code, Some(0 | 3)), "{blocks} blocks: {code:?} {said}");
        let run = tadpole.run(&["destroy", "--sandbox", "--yes"]);
        assert_eq!(run.code, 0, "{blocks} blocks: {}", run.err);
        let verified = tadpole.run(&["state", "verify", "--sandbox"]);
        assert!(verified.out.contains("0 resources") && !verified.out.contains("not recorded"), "{}", verified.out);
    }
    assert!(failed >= 5, "only {failed} runs met the limit");
}

/// A file system of its own, for as long as this lives.
struct Mounted(TempDir);

impl Mounted {
    fn new(options: &str) -> Option<Mounted> {
        let directory = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(directory.path()).stderr(Stdio::null());
        let mounted = mount.status().is_ok_and(|status| status.success());
        mounted.then(|| Mounted(directory))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_full_disk_nothing_is_lost() {
    let mut failed = 0;
    for size in ["32k", "48k", "64k", "96k", "128k"] {
        let Some(mounted) = Mounted::new(&format!("size={size}")) else {
            eprintln!("SKIPPED: no file system can be mounted here: a full disk is not tested");
            return;
        };
        let tadpole = program(mounted.0.path());
        let run = tadpole.run(&["apply", "--sandbox", "--yes"]);
        assert!(matches!(run.code, 0 | 3), "{size}: {} {}", run.code, run.err);
        failed += u32::from(run.code == 3);
        let mut remount = Command::new("mount");
        assert!(remount.args(["-o", "remount,size=10m"]).arg(mounted.0.path()).status().unwrap().success());
        whole(&tadpole, size);
    }
    assert!(failed >= 2, "only {failed} runs met the end of the disk");
}

/// A folder that cannot be written: what reads goes on, what writes says so and changes nothing.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_is_read_only_can_be_read() {
    let Some(mounted) = Mounted::new("size=10m") else {
        eprintln!("SKIPPED: no file system can be mounted here: a read-only one is not tested");
        return;
    };
    let directory = mounted.0.path();
    let tadpole = program(directory);
    let remount = |how: &str| {
        let mut remount = Command::new("mount");
        assert!(remount.args(["-o", &format!("remount,{how}")]).arg(directory).status().unwrap().success());
    };
    remount("ro");
    let run = tadpole.run(&["apply", "--sandbox", "--yes"]);
    assert!(run.code == 3 && run.err.contains(".tadpole/default"), "{} {}", run.code, run.err);
    remount("rw");
    whole(&tadpole, "before");
    let before: Vec<Vec<u8>> = files_below(directory).iter().map(|path| std::fs::read(path).unwrap()).collect();
    remount("ro");
    for reading in
        [&["plan", "--sandbox", "--exit-code"][..], &["show"], &["state", "list"], &["state", "verify", "--sandbox"]]
    {
        let run = tadpole.run(reading);
        assert_eq!(run.code, 0, "{reading:?}: {}", run.err);
    }
    for writing in [&["destroy", "--sandbox", "--yes"][..], &["state", "move", "n", "m"], &["forget", "n", "--yes"]] {
        let run = tadpole.run(writing);
        assert!(run.code == 3 && run.err.contains(".tadpole/default"), "{writing:?}: {}", run.err);
    }
    remount("rw");
    let after: Vec<Vec<u8>> = files_below(directory).iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert!(before == after, "something was written");
}

// ---- several stores on one directory

/// In memory where that is possible: what is tested is who sees what, not what a disk keeps.
fn fast_directory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

fn cases(few: u64) -> u64 {
    std::env::var("TADPOLE_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(few)
}

/// Takes the environment from whoever has it, as when his lease has run out.
fn take_over(directory: &Path) -> Result<(LocalStore, Option<State>), StoreFault> {
    let holder = World::holder();
    if let Some(lease) = store::holder(directory, &holder.host)? {
        Contender::new(directory, &holder).evict(&lease)?;
    }
    let (store, replayed) = LocalStore::open(directory, &holder)?;
    Ok((store, replayed.map(|replayed| replayed.state)))
}

/// One that believes to have the environment.
struct Writer {
    store: LocalStore,
    state: State,
}

/// What is there is what was acknowledged, to the last record.
fn check(state: &State, acknowledged: &BTreeSet<String>, context: &str) {
    let there: BTreeSet<String> = state.resources.keys().map(ToString::to_string).collect();
    assert_eq!(&there, acknowledged, "{context}");
}

/// Random turns of several writers, each of which goes on believing that it has the environment until it is
/// told otherwise. Who was taken over from never gets an Ok, and nothing acknowledged is ever lost.
#[test]
fn a_fenced_writer_is_never_told_that_it_is_durable() {
    let mut refused = 0;
    for seed in 0..cases(150) {
        let mut random = fastrand::Rng::with_seed(seed);
        let directory = fast_directory();
        let mut writers: Vec<Writer> = Vec::new();
        let mut acknowledged = BTreeSet::new();
        // The last one to take it, unless it gave it back.
        let mut owner: Option<u64> = None;
        let mut epoch = 0;
        for turn in 0..40 {
            let context = format!("seed {seed}, turn {turn}");
            match random.u8(0..10) {
                // Somebody takes it, by force or not.
                0..=2 => {
                    let force = random.bool();
                    let opened = if force {
                        take_over(directory.path())
                    } else {
                        let opened = LocalStore::open(directory.path(), &World::holder());
                        opened.map(|(store, replayed)| (store, replayed.map(|replayed| replayed.state)))
                    };
                    let (mut store, state) = match opened {
                        Ok(opened) => opened,
                        Err(StoreFault::Locked(_)) if !force && owner.is_some() => continue,
                        Err(fault) => panic!("{context}: {fault}"),
                    };
                    assert!(force || owner.is_none(), "{context}: two have it");
                    let now = store.tenure().epoch();
                    assert!(now > epoch, "{context}: the epoch went from {epoch} to {now}");
                    (epoch, owner) = (now, Some(now));
                    let state = state.unwrap_or_else(|| {
                        assert!(acknowledged.is_empty(), "{context}: the state is lost");
                        let state = State::new("lineage".into(), "test".into());
                        store.compact(&state).unwrap();
                        state
                    });
                    check(&state, &acknowledged, &context);
                    writers.push(Writer { store, state });
                }
                // Somebody gives it back, or ends without it.
                3 if !writers.is_empty() => {
                    let writer = writers.swap_remove(random.usize(0..writers.len()));
                    if owner == Some(writer.store.tenure().epoch()) {
                        owner = None;
                    }
                    drop(writer);
                }
                4 if !writers.is_empty() => {
                    let at = random.usize(0..writers.len());
                    let writer = &mut writers[at];
                    let has_it = owner == Some(writer.store.tenure().epoch());
                    writer.state.serial += 1;
                    match writer.store.compact(&writer.state) {
                        Ok(()) => assert!(has_it, "{context}: who was taken over from wrote a snapshot"),
                        Err(StoreFault::Fenced(_)) if !has_it => refused += 1,
                        Err(fault) => panic!("{context}: {fault}"),
                    }
                }
                _ if !writers.is_empty() => {
                    let at = random.usize(0..writers.len());
                    let writer = &mut writers[at];
                    let has_it = owner == Some(writer.store.tenure().epoch());
                    let names: Vec<String> = (0..random.usize(1..4)).map(|nr| format!("r{turn}_{nr}")).collect();
                    let records: Vec<Record> = names.iter().map(|name| seen(name)).collect();
                    match writer.store.append(&records) {
                        Ok(()) => {
                            assert!(has_it, "{context}: who was taken over from was told that it is durable");
                            acknowledged.extend(names);
                            records.into_iter().for_each(|record| writer.state.apply(record));
                        }
                        Err(StoreFault::Fenced(_)) if !has_it => refused += 1,
                        Err(fault) => panic!("{context}: {fault}"),
                    }
                }
                _ => {}
            }
            if let Some(state) = store::peek(directory.path()).unwrap() {
                check(&state, &acknowledged, &context);
            }
        }
    }
    assert!(refused > 50, "only {refused} writes were refused");
}

/// Threads that take the environment from one another as fast as they can, in the middle of whatever the
/// others do.
#[test]
fn nothing_acknowledged_is_lost_in_a_scramble() {
    let directory = fast_directory();
    let (mut store, _) = LocalStore::open(directory.path(), &World::holder()).unwrap();
    store.compact(&State::new("lineage".into(), "test".into())).unwrap();
    drop(store);
    let acknowledged: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let fenced = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let rounds = cases(100);
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let (directory, acknowledged) = (directory.path().to_path_buf(), acknowledged.clone());
            let fenced = fenced.clone();
            std::thread::spawn(move || {
                let mut random = fastrand::Rng::with_seed(thread);
                for round in 0..rounds {
                    // Whoever is always evicted at once gets nowhere.
                    std::thread::sleep(Duration::from_millis(random.u64(0..30)));
                    let (mut store, mut state) = match take_over(&directory) {
                        Ok((store, state)) => (store, state.unwrap()),
                        // Another one was quicker, before or after.
                        Err(StoreFault::Locked(_) | StoreFault::Fenced(_)) => continue,
                        Err(fault) => panic!("{fault}"),
                    };
                    for nr in 0..20 {
                        let name = format!("t{thread}_{round}_{nr}");
                        let result = if nr % 7 == 6 {
                            state.serial += 1;
                            store.compact(&state)
                        } else {
                            store.append(&[seen(&name)]).map(|()| {
                                state.apply(seen(&name));
                                acknowledged.lock().unwrap().insert(name);
                            })
                        };
                        match result {
                            Ok(()) => std::thread::sleep(Duration::from_millis(random.u64(0..3))),
                            Err(StoreFault::Fenced(_)) => {
                                fenced.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                                break;
                            }
                            Err(fault) => panic!("{fault}"),
                        }
                    }
                }
            })
        })
        .collect();
    let reading = std::thread::spawn({
        let (directory, acknowledged) = (directory.path().to_path_buf(), acknowledged.clone());
        move || {
            while Arc::strong_count(&acknowledged) > 2 {
                let before = acknowledged.lock().unwrap().clone();
                let state = store::peek(&directory).unwrap().unwrap();
                let lost = before.iter().filter(|name| !state.resources.contains_key(&address(name))).count();
                assert_eq!(lost, 0, "a reader does not see what was acknowledged before");
            }
        }
    });
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    reading.join().unwrap();
    let state = store::peek(directory.path()).unwrap().unwrap();
    let acknowledged = acknowledged.lock().unwrap();
    let lost: Vec<&String> = acknowledged.iter().filter(|name| !state.resources.contains_key(&address(name))).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let (fenced, acknowledged) = (fenced.load(std::sync::atomic::Ordering::Relaxed), acknowledged.len());
    assert!(fenced > 10 && acknowledged > 50, "only {fenced} were fenced, and {acknowledged} records acknowledged");
}

/// A record from before anything was noted of the environment itself is read, and noted in when somebody
/// writes; who writes nothing is not noted.
#[test]
fn an_older_record_gets_to_know_who_writes() {
    let directory = fast_directory();
    let old = include_str!("store/before_about.json");
    std::fs::write(directory.path().join("state.json"), old).unwrap();
    let open = || {
        let (store, replayed) = LocalStore::open(directory.path(), &World::holder()).unwrap();
        let Replayed { state, records } = replayed.unwrap();
        Ledger::new(state, Box::new(store), records)
    };
    let mut ledger = open();
    assert!(ledger.state().about.is_unknown());
    ledger.record(Vec::new()).unwrap();
    ledger.compact().unwrap();
    drop(ledger);
    assert_eq!(std::fs::read_to_string(directory.path().join("state.json")).unwrap(), old);

    let mut ledger = open();
    ledger.record(vec![seen("first")]).unwrap();
    ledger.compact().unwrap();
    drop(ledger);
    let state = store::peek(directory.path()).unwrap().unwrap();
    let command = state.about.command.unwrap();
    assert_eq!((command.line.as_str(), command.host.as_str()), ("test", "test"));
    assert_eq!((state.about.created, state.about.expires), (None, None));
}
