//! The end of a process and of all that it started: asked first, killed when its time is up. Each signal goes to
//! a process that is held while it is looked at once more, so that no other one is hit that was given its number.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::identity::Identity;
use crate::apply::provider::{Fault, FaultKind, Progress};
use crate::state::process::{bears, stat};

/// The variable by which a process is known that left the session that it was started in.
pub const TOKEN: &str = "TADPOLE_OP";

/// How far the end of a process has come.
pub struct Stopping {
    since: Instant,
    /// Processes that were asked to end, by number and start.
    asked: BTreeSet<(u32, u64)>,
}

/// What a process of ours is told from others by.
pub struct Ours<'a> {
    pub identity: &'a Identity,
    /// Of the operation that started it.
    pub token: Option<&'a str>,
}

struct Member {
    pid: u32,
    started: u64,
    /// Whether it is of the session that was started.
    near: bool,
}

/// How to ask a process to end.
#[derive(Clone, Copy)]
pub struct Manners<'a> {
    /// Such as `TERM`.
    pub signal: &'a str,
    pub grace: Duration,
}

impl Stopping {
    pub fn begin() -> Stopping {
        Stopping { since: Instant::now(), asked: BTreeSet::new() }
    }

    /// Asks who was not asked yet, kills when the grace is over; done when none is left.
    ///
    /// # Errors
    /// When this user may not stop it.
    pub fn go_on(&mut self, ours: &Ours, manners: Manners) -> Result<Progress, Fault> {
        let (leads, members) = ours.members()?;
        if members.is_empty() {
            return Ok(Progress::Done);
        }
        let is_over = self.since.elapsed() >= manners.grace;
        for member in &members {
            if is_over {
                signal(member, "KILL")?;
            } else if (member.near || !leads) && self.asked.insert((member.pid, member.started)) {
                // What left the session is asked only when who started it is gone: that may end it better.
                signal(member, manners.signal)?;
            }
        }
        let what = if is_over { "KILL" } else { manners.signal };
        Ok(Progress::Waiting(format!("to end after SIG{what}")))
    }
}

impl Ours<'_> {
    /// How many run, when the first of them has ended.
    ///
    /// # Errors
    /// When the system does not list processes.
    pub fn left(&self) -> Result<usize, Fault> {
        Ok(self.members()?.1.len())
    }

    /// Whether the first of them still leads the others, and all that run.
    fn members(&self) -> Result<(bool, Vec<Member>), Fault> {
        let Identity { pid: first, started, .. } = *self.identity;
        let unreadable = |error| Fault::new(FaultKind::Refused, format!("cannot list processes: {error}"));
        let leader = stat(first).map_err(unreadable)?.filter(|stat| stat.started == started);
        let mut members = Vec::new();
        for entry in std::fs::read_dir("/proc").map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            // One that ends meanwhile is none.
            let Ok(Some(found)) = stat(pid) else { continue };
            if found.over || found.started < started || pid == std::process::id() {
                continue;
            }
            let near = found.session == first || found.group == first;
            // While the leader is in the system's table, nothing else has the number of its session.
            if near && leader.is_some() || self.token.is_some_and(|token| bears(pid, TOKEN, token)) {
                members.push(Member { pid, started: found.started, near });
            }
        }
        Ok((leader.is_some_and(|leader| !leader.over), members))
    }
}

#[cfg(target_os = "linux")]
fn signal(member: &Member, name: &str) -> Result<(), Fault> {
    use rustix::io::Errno;
    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    let signal = match name {
        "TERM" => Signal::TERM,
        "INT" => Signal::INT,
        "QUIT" => Signal::QUIT,
        "HUP" => Signal::HUP,
        "KILL" => Signal::KILL,
        _ => {
            let text = format!("`{name}` is no signal that ends a process");
            return Err(Fault::new(FaultKind::Refused, text).on("stopSignal"));
        }
    };
    let refused = |error: Errno| match error {
        // It has ended by itself.
        Errno::SRCH => Ok(()),
        Errno::PERM => {
            let text = format!("process {} may not be stopped: it is another user's", member.pid);
            Err(Fault::new(FaultKind::Denied, text).help("run this as the user who started it, or as root"))
        }
        _ => Err(Fault::new(FaultKind::Refused, format!("process {} cannot be stopped: {error}", member.pid))),
    };
    let Some(pid) = i32::try_from(member.pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
    let held = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(held) => held,
        Err(error) => return refused(error),
    };
    // What is held now is the one that was meant, or the number was given to another before.
    if stat(member.pid).ok().flatten().is_none_or(|stat| stat.started != member.started) {
        return Ok(());
    }
    pidfd_send_signal(&held, signal).or_else(refused)
}

#[cfg(not(target_os = "linux"))]
fn signal(_: &Member, _: &str) -> Result<(), Fault> {
    Err(Fault::new(FaultKind::Refused, "processes are stopped on Linux only"))
}
