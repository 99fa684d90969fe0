//! The start of a process, from the inside. This program is started once more, and becomes the process: so it
//! can lead a session of its own, and write down who it is before it is anything.
//!
//! Whoever wants it gives leave by a file. The file becomes the mark of the process by being renamed, as the
//! last thing before the process begins. After a crash somebody takes the leave away first: then nothing is
//! begun any more, however late it is. Either the mark is there or the leave is gone: nothing runs that nobody
//! knows of.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::identity::{Identity, machine};
use super::mark::{Mark, Trait};
use crate::apply::provider::{Fault, FaultKind, Owner};
use crate::state::private;
use crate::state::process::Process;

/// What this program is called with to become another one.
pub const WORD: &str = "--become-a-local-process";

/// What is to be started, handed over on standard input: what is secret in it stands in no list of processes.
#[derive(Serialize, Deserialize)]
pub struct Order {
    pub owner: Owner,
    pub kind: String,
    pub leave: PathBuf,
    pub mark: PathBuf,
    pub command: Vec<String>,
    pub directory: PathBuf,
    pub environment: BTreeMap<String, String>,
    pub log: PathBuf,
}

/// What whoever started it is told, before it begins.
#[derive(Serialize, Deserialize)]
pub enum Told {
    /// It is marked as this, and begins now.
    Begins(String),
    /// It does not begin.
    Not(Fault),
}

/// Becomes a process, when this program was called for that. Returns what to end with when it could not.
pub fn asked() -> Option<u8> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_none_or(|word| word != WORD) {
        return None;
    }
    let mut text = String::new();
    let order = std::io::stdin().read_to_string(&mut text).map_err(drop);
    // Whoever wanted it may have died while writing. Then nobody is there to be told.
    let Some(order) = order.ok().and_then(|_| serde_json::from_str::<Order>(&text).ok()) else { return Some(1) };
    become_it(&order);
    Some(1)
}

#[cfg(unix)]
fn become_it(order: &Order) {
    use std::os::fd::AsFd;
    use std::os::unix::process::CommandExt;

    // What is told goes a way of its own, which closes by itself when the process begins.
    let Ok(told) = std::io::stdout().as_fd().try_clone_to_owned() else { return };
    let mut told = std::fs::File::from(told);
    // Nobody may listen any more: that is no reason to stop.
    let mut tell = |what: &Told| {
        let line = serde_json::to_string(what).unwrap_or_default();
        let _ = writeln!(told, "{line}");
    };
    match ready(order) {
        Ok((mut command, id)) => {
            tell(&Told::Begins(id));
            let error = command.exec();
            let _ = std::fs::remove_file(&order.mark);
            tell(&Told::Not(not_begun(order, &error)));
        }
        Err(fault) => tell(&Told::Not(fault)),
    }
}

#[cfg(not(unix))]
fn become_it(_: &Order) {}

/// All that can fail, then the mark.
#[cfg(unix)]
fn ready(order: &Order) -> Result<(Command, String), Fault> {
    use super::site::io_fault;

    // It is started by another process, and leads no group: there is nothing to refuse.
    let _ = rustix::process::setsid();
    // What it says may be secret.
    let log = private::options().create(true).append(true).open(&order.log);
    let log = log.map_err(|error| io_fault("write", &order.log, &error).on("logFile"))?;
    let both = log.try_clone().map_err(|error| io_fault("write", &order.log, &error).on("logFile"))?;
    if !order.directory.is_dir() {
        let text = format!("there is no directory `{}` to run in", order.directory.display());
        return Err(Fault::new(FaultKind::Missing, text).on("directory").help("make it, or name another one"));
    }
    let (Some(program), process) = (order.command.first(), Process::own()) else {
        return Err(Fault::new(FaultKind::Refused, "the command is empty").on("command"));
    };
    let Some(id) = Identity::of(&process) else {
        let text = "this system does not tell when a process was started, so that it could not be found again";
        return Err(Fault::new(FaultKind::Refused, text).help("processes are started on Linux only, with `/proc`"));
    };
    let mut command = Command::new(program);
    command.args(&order.command[1..]).env_clear().envs(&order.environment).current_dir(&order.directory);
    command.stdin(Stdio::null()).stdout(log).stderr(both);
    let id = id.to_string();
    let of = Trait::Process { process, machine: machine(), log: order.log.clone() };
    let mark = Mark { owner: order.owner.clone(), kind: order.kind.clone(), id: id.clone(), of };
    claim(order, &mark).map_err(|error| io_fault("write", &order.mark, &error))?;
    Ok((command, id))
}

/// Makes the leave the mark. Fails when it was taken away.
fn claim(order: &Order, mark: &Mark) -> std::io::Result<()> {
    let text = serde_json::to_vec(mark)?;
    let mut file = OpenOptions::new().write(true).truncate(true).open(&order.leave)?;
    file.write_all(&text)?;
    file.sync_all()?;
    std::fs::rename(&order.leave, &order.mark)?;
    let directory = order.mark.parent().unwrap_or(Path::new("."));
    std::fs::File::open(directory)?.sync_all()
}

/// Why the system did not run a command.
fn not_begun(order: &Order, error: &std::io::Error) -> Fault {
    use std::io::ErrorKind;
    let program = order.command.first().map_or("", String::as_str);
    let path = order.environment.get("PATH").map_or("", String::as_str);
    let fault = |text: String| Fault::new(FaultKind::Refused, text).on("command");
    match error.kind() {
        // An interpreter that a script names and that is not there is told in the same way.
        ErrorKind::NotFound if Path::new(program).is_absolute() && Path::new(program).exists() => {
            fault(format!("`{program}` cannot be run: what its first line names is not there"))
                .help("look at its first line, `#!...`")
        }
        ErrorKind::NotFound if program.contains('/') => {
            fault(format!("there is no program `{program}`")).help("install it, or mend the path in `command`")
        }
        ErrorKind::NotFound => fault(format!("there is no program `{program}` on the PATH"))
            .help(format!("install it, or name it with its path; the PATH is {path}")),
        ErrorKind::PermissionDenied => fault(format!("`{program}` may not be run: {error}"))
            .help(format!("make it executable: `chmod +x {program}`")),
        _ => fault(format!("`{program}` cannot be run: {error}")),
    }
}
