//! The leave to start a process: between it and the mark nothing can be lost.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use tadpole::apply::provider::{Owner, Provider, Seek, Want};
use tadpole::local::Local;
use tadpole::local::launch::{Order, Told, WORD};
use tadpole::value::Fields;

use super::{kill, processes_of};

/// Where marks are, and an operation that starts a process.
struct Start {
    directory: tempfile::TempDir,
    owner: Owner,
}

impl Start {
    fn new(lineage: &str) -> Start {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("local")).unwrap();
        let owner = Owner { lineage: lineage.into(), address: "web".parse().unwrap(), token: "7f3a".into() };
        Start { directory, owner }
    }

    fn order(&self) -> Order {
        let marks = self.directory.path().join("local");
        let environment =
            [("TADPOLE_LINEAGE", &*self.owner.lineage), ("TADPOLE_ADDRESS", "web"), ("TADPOLE_OP", "7f3a")];
        Order {
            owner: self.owner.clone(),
            kind: "local.Process".into(),
            leave: marks.join("7f3a.leave"),
            mark: marks.join("7f3a.json"),
            command: vec!["/bin/sleep".into(), "1000".into()],
            directory: "/".into(),
            environment: environment.map(|(name, value)| (name.to_string(), value.to_string())).into(),
            log: self.directory.path().join("log"),
        }
    }

    /// What is told by whoever is to become the process.
    // It runs on: whoever waited for it would wait for ever.
    #[allow(clippy::zombie_processes)]
    fn launched(&self) -> Vec<Told> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tadpole"));
        let mut child = command.arg(WORD).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&serde_json::to_vec(&self.order()).unwrap()).unwrap();
        let told = std::io::read_to_string(child.stdout.take().unwrap()).unwrap();
        told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn local(&self) -> Local {
        Local::new(Path::new("/"), self.directory.path(), env!("CARGO_BIN_EXE_tadpole").into())
    }

    fn find(&self) -> Option<String> {
        let want = Want {
            kind: "local.Process".into(),
            inputs: Fields::new(),
            samples: Fields::new(),
            owner: self.owner.clone(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let local = self.local();
        let found = runtime.block_on(local.find(&want, &Seek::Made(self.owner.clone()))).unwrap();
        found.map(|id| id.to_string())
    }
}

/// Recovery looks, finds nothing, and says so. The one that was on its way comes too late.
#[test]
fn without_leave_nothing_is_started() {
    let start = Start::new("leave-taken-away");
    std::fs::write(start.order().leave, "").unwrap();
    assert_eq!(start.find(), None);
    match start.launched().as_slice() {
        [Told::Not(fault)] => assert!(fault.message.contains("No such file"), "{fault}"),
        _ => panic!("it was started"),
    }
    assert!(processes_of("leave-taken-away").is_empty());
    assert_eq!(start.find(), None);
}

/// Whoever wanted it died before he could write down that it is there.
#[test]
fn what_was_started_is_found() {
    let start = Start::new("leave-used");
    std::fs::write(start.order().leave, "").unwrap();
    let Some(Told::Begins(id)) = start.launched().pop() else { panic!("it was not started") };
    assert_eq!(start.find().as_ref(), Some(&id));
    let pids = processes_of("leave-used").remove("web").unwrap();
    assert_eq!(pids.len(), 1);
    assert!(id.starts_with(&format!("{}-", pids[0])), "{id} and {pids:?}");
    // The leave is good for one.
    assert!(matches!(start.launched().as_slice(), [Told::Not(_)]));
    assert_eq!(processes_of("leave-used").remove("web").unwrap(), pids);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let owned = runtime.block_on(start.local().owned("leave-used", &[])).unwrap().unwrap();
    assert_eq!(owned.iter().map(|owned| &*owned.id).collect::<Vec<_>>(), [&*id]);
    kill(pids[0]);
}

/// Whoever wanted it died while he said what he wanted.
#[test]
fn half_an_order_starts_nothing() {
    let start = Start::new("half-an-order");
    std::fs::write(start.order().leave, "").unwrap();
    let text = serde_json::to_vec(&start.order()).unwrap();
    for length in [0, 1, text.len() / 2, text.len() - 1] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tadpole"));
        let mut child = command.arg(WORD).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&text[..length]).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{length} bytes");
    }
    assert!(processes_of("half-an-order").is_empty());
}
