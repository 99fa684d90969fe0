//! Which process is meant: its number alone is given to others once it has ended.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::PROCESS;
use super::mark::{Marks, Trait};
use crate::apply::provider::{Fault, FaultKind};
use crate::state::process::{Process, stat};

/// The id of a process: its number, when it was started, and in which world both mean something, such as
/// `4242-8812345-3f2a9c1e`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Identity {
    pub pid: u32,
    /// In ticks since the machine's start.
    pub started: u64,
    /// Of the running system and the namespace: another one after each start, and in each container.
    world: String,
}

/// What is known of a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    Runs,
    /// It has ended, for certain.
    Over,
}

impl Identity {
    /// Of a process of this world. Nothing where the system does not tell when a process was started: without
    /// that it could not be told from others.
    pub fn of(process: &Process) -> Option<Identity> {
        let started = process.started?;
        Some(Identity { pid: process.pid, started, world: world(process)? })
    }

    /// Whether it still runs. Answers for another world only when that is certain to be over.
    ///
    /// # Errors
    /// When that cannot be seen from here.
    pub fn fate(&self, marks: &Marks) -> Result<Fate, Fault> {
        let own = Process::own();
        if world(&own).as_ref() == Some(&self.world) {
            let process = Process { pid: self.pid, started: Some(self.started), ..own };
            if process.is_dead() {
                return Ok(Fate::Over);
            }
            let runs = stat(self.pid).ok().flatten().is_some_and(|stat| stat.started == self.started);
            return if runs { Ok(Fate::Runs) } else { Err(self.unseen()) };
        }
        let mark = marks.of(PROCESS, &self.to_string())?;
        match mark.map(|mark| mark.of) {
            // This machine was started anew since: whatever ran on it before is over.
            Some(Trait::Process { process, machine: of, .. }) if of == machine() && process.boot != own.boot => {
                Ok(Fate::Over)
            }
            Some(_) | None => Err(self.unseen()),
        }
    }

    fn unseen(&self) -> Fault {
        let text = format!("whether process {} still runs cannot be seen from here", self.pid);
        Fault::new(FaultKind::Refused, text).help(
            "it was started on another machine or in another container: run this there; if that is gone for good, \
             `tadpole forget ADDRESS` takes it out of the record",
        )
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.pid, self.started, self.world)
    }
}

impl FromStr for Identity {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Identity, Fault> {
        let identity = || {
            let mut parts = text.splitn(3, '-');
            let (pid, started) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            Some(Identity { pid, started, world: parts.next()?.to_string() })
        };
        identity().ok_or_else(|| Fault::new(FaultKind::Refused, format!("`{text}` is not the id of a process")))
    }
}

fn world(process: &Process) -> Option<String> {
    let (boot, namespace) = (process.boot.as_ref()?, process.namespace.as_ref()?);
    let sum = Sha256::digest(format!("{boot} {namespace} {}", machine()));
    Some(sum.iter().take(4).map(|byte| format!("{byte:02x}")).collect())
}

/// What this machine calls itself: the same after it was started anew.
pub fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).ok().map(|text| text.trim().to_string());
    let known = read("/etc/machine-id").filter(|text| !text.is_empty());
    known.or_else(|| read("/proc/sys/kernel/hostname")).unwrap_or_default()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::apply::provider::Owner;
    use crate::local::mark::Mark;

    /// A number that runs, of which another process is meant.
    #[test]
    fn a_number_that_is_used_again_is_another_process() {
        let directory = tempfile::tempdir().unwrap();
        let marks = Marks::new(directory.path().into());
        let own = Identity::of(&Process::own()).unwrap();
        assert_eq!(own.fate(&marks), Ok(Fate::Runs));
        assert_eq!(own.to_string().parse(), Ok(own.clone()));
        let earlier = Identity { started: own.started - 1, ..own };
        assert_eq!(earlier.fate(&marks), Ok(Fate::Over));
    }

    #[test]
    fn what_ran_before_the_machine_was_started_anew_is_over() {
        let directory = tempfile::tempdir().unwrap();
        let marks = Marks::new(directory.path().into());
        let own = Process::own();
        let before = Process { boot: Some("before".into()), ..own.clone() };
        let identity = Identity::of(&before).unwrap();
        // Nothing says where it ran.
        let unseen = identity.fate(&marks).unwrap_err();
        assert!(unseen.message.contains("cannot be seen from here"), "{unseen}");
        let mark = |process: &Process, machine: String| Mark {
            owner: Owner { lineage: "l".into(), address: "web".parse().unwrap(), token: "t".into() },
            kind: PROCESS.into(),
            id: Identity::of(process).unwrap().to_string(),
            of: Trait::Process { process: process.clone(), machine, log: "x.log".into() },
        };
        marks.write(&mark(&before, "another".into())).unwrap();
        assert!(identity.fate(&marks).is_err());
        marks.write(&mark(&before, machine())).unwrap();
        assert_eq!(identity.fate(&marks), Ok(Fate::Over));
        // Another container of the running system may live still.
        let beside = Process { namespace: Some("pid:[1]".into()), ..own };
        marks.write(&mark(&beside, machine())).unwrap();
        assert!(Identity::of(&beside).unwrap().fate(&marks).is_err());
    }

    #[test]
    fn what_is_no_id_is_said_to_be_none() {
        for text in ["", "12", "12-x-1", "a-1-b"] {
            assert!(text.parse::<Identity>().is_err(), "{text}");
        }
    }
}
