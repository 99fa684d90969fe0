//! A command and all that it started, as one.

use tokio::process::Child;

#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process_group};

/// Asks one process to end, or kills it; not another one that was given its number meanwhile.
#[cfg(target_os = "linux")]
pub fn signal(pid: u32, started: u64, kill: bool) {
    use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};

    let Some(id) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
    // One that has ended meanwhile needs no signal.
    let Ok(held) = pidfd_open(id, PidfdFlags::empty()) else { return };
    let is_same = crate::state::process::stat(pid).ok().flatten().is_some_and(|stat| stat.started == started);
    if is_same {
        let _ = pidfd_send_signal(&held, if kill { Signal::KILL } else { Signal::TERM });
    }
}

#[cfg(not(target_os = "linux"))]
pub fn signal(_: u32, _: u64, _: bool) {}

/// Ended when it is dropped, unless it was left.
#[cfg(unix)]
pub struct Group(Option<Pid>);

#[cfg(unix)]
impl Group {
    /// The group of a child that was started as the first of one.
    pub fn of(child: &Child) -> Group {
        Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    /// What is in it lives on.
    pub fn leave(&mut self) {
        self.0 = None;
    }

    pub fn ask(&self) {
        self.send(Signal::TERM);
    }

    pub fn kill(&mut self) {
        self.send(Signal::KILL);
        self.leave();
    }

    fn send(&self, signal: Signal) {
        if let Some(id) = self.0 {
            // Nobody may be left in it.
            let _ = kill_process_group(id, signal);
        }
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where there are no groups, only the child itself is ended.
#[cfg(not(unix))]
pub struct Group;

#[cfg(not(unix))]
impl Group {
    pub fn of(_: &Child) -> Group {
        Group
    }

    pub fn leave(&mut self) {}

    pub fn ask(&self) {}

    pub fn kill(&mut self) {}
}
