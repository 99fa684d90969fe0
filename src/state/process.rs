//! Which process something was, and whether it is certain to be dead. Where that cannot be known, the
//! answer is no.

use std::io;

use serde::{Deserialize, Serialize};

/// A process, told from every other one that this machine runs between two starts. What is not known
/// is absent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Process {
    pub pid: u32,
    /// Of the machine's running system: another one after each start.
    pub boot: Option<String>,
    /// In which `pid` and `started` mean something.
    pub namespace: Option<String>,
    /// In ticks since the machine's start: a number that is used again starts later.
    pub started: Option<u64>,
}

impl Process {
    pub fn own() -> Process {
        let pid = std::process::id();
        // The tables of another namespace, as a container may be given, say nothing of ours.
        let ours = std::fs::read_link("/proc/self").is_ok_and(|own| own.as_os_str() == pid.to_string().as_str());
        let started = stat(pid).ok().flatten().filter(|_| ours).map(|stat| stat.started);
        Process { pid, boot: boot(), namespace: namespace(), started }
    }

    /// Whether it runs on the running system and in the namespace that this one does, so that the numbers of
    /// both mean the same. False when that is not known.
    pub fn is_beside(&self, own: &Process) -> bool {
        let known = own.started.is_some() && own.boot.is_some() && own.namespace.is_some();
        known && self.boot == own.boot && self.namespace == own.namespace
    }

    /// Whether it is certain that it does nothing any more.
    pub fn is_dead(&self) -> bool {
        let own = Process::own();
        let (true, Some(started)) = (self.is_beside(&own), self.started) else {
            return false;
        };
        match stat(self.pid) {
            Ok(Some(stat)) => stat.started != started || stat.over && threads(self.pid) <= 1,
            Ok(None) => !hides_processes(),
            Err(_) => false,
        }
    }
}

fn boot() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_string()).filter(|text| !text.is_empty())
}

/// Of process numbers, and of the time since the machine's start.
fn namespace() -> Option<String> {
    let name = |of: &str| std::fs::read_link(format!("/proc/self/ns/{of}")).ok()?.into_os_string().into_string().ok();
    // Older systems have one time for all.
    Some([name("pid")?, name("time").unwrap_or_default()].join(" ").trim().to_string())
}

/// What the system says of a process.
pub struct Stat {
    /// In ticks since the machine's start.
    pub started: u64,
    /// It has ended, and nobody has asked yet how.
    pub over: bool,
    pub group: u32,
    pub session: u32,
}

/// What the system says of a process; nothing when there is none with this number.
///
/// # Errors
/// When the system does not tell.
pub fn stat(pid: u32) -> io::Result<Option<Stat>> {
    let text = match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let unlike = || io::Error::new(io::ErrorKind::InvalidData, "not as `proc` writes it");
    // The name in parentheses may have anything in it.
    let (_, rest) = text.rsplit_once(") ").ok_or_else(unlike)?;
    let mut words = rest.split(' ');
    let over = matches!(words.next().ok_or_else(unlike)?, "Z" | "X" | "x");
    let mut number = |skipped: usize| words.nth(skipped).and_then(|word| word.parse::<u64>().ok()).ok_or_else(unlike);
    let id = |number: u64| u32::try_from(number).map_err(|_| unlike());
    let (group, session, started) = (id(number(1)?)?, id(number(0)?)?, number(15)?);
    Ok(Some(Stat { started, over, group, session }))
}

/// Processes that were given a variable with this value when they began, or that one of those started: their
/// numbers, and when they started. None where the system does not tell, and never this one.
pub fn bearers(variable: &str, value: &str) -> Vec<(u32, u64)> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let ours = pids.filter(|pid| *pid != std::process::id() && bears(*pid, variable, value));
    ours.filter_map(|pid| {
        let stat = stat(pid).ok().flatten().filter(|stat| !stat.over)?;
        Some((pid, stat.started))
    })
    .collect()
}

/// Whether a process was given a variable with this value when it began, or one that started it.
pub fn bears(pid: u32, variable: &str, value: &str) -> bool {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let is_it = |one: &[u8]| {
        one.strip_prefix(variable.as_bytes()).and_then(|rest| rest.strip_prefix(b"=")) == Some(value.as_bytes())
    };
    environment.split(|byte| *byte == 0).any(is_it)
}

/// A process whose first thread has ended may have others that have not.
fn threads(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count)
}

/// Whether other users' processes are left out of the system's tables.
fn hides_processes() -> bool {
    let Ok(mounts) = std::fs::read_to_string("/proc/self/mounts") else { return true };
    let of_processes = mounts.lines().filter(|line| line.split(' ').nth(1) == Some("/proc"));
    of_processes
        .flat_map(|line| line.split([' ', ',']))
        .any(|word| word.strip_prefix("hidepid=").is_some_and(|how| !matches!(how, "0" | "off")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn death_is_certain_or_not_claimed() {
        let own = Process::own();
        assert!(!own.is_dead());
        let mut child = std::process::Command::new("sleep").arg("100").spawn().unwrap();
        let started = stat(child.id()).unwrap().unwrap().started;
        let process = Process { pid: child.id(), started: Some(started), ..own.clone() };
        assert!(!process.is_dead());
        // The number may have been given to another since.
        assert!(Process { started: Some(started + 1), ..process.clone() }.is_dead());
        child.kill().unwrap();
        // Nobody has asked yet how it ended.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while !process.is_dead() {
            assert!(std::time::Instant::now() < deadline, "it was killed and is not dead");
        }
        child.wait().unwrap();
        assert!(process.is_dead());
        let elsewhere = [
            Process { boot: Some("another".into()), ..process.clone() },
            Process { boot: None, ..process.clone() },
            Process { namespace: Some("pid:[1]".into()), ..process.clone() },
            Process { started: None, ..process.clone() },
        ];
        assert!(elsewhere.iter().all(|process| !process.is_dead()));
    }
}
