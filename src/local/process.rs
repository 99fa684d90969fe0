//! `local.Process`: a command that runs on when the program that started it has ended.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::PROCESS;
use super::identity::{Fate, Identity};
use super::launch::{Order, Told, WORD};
use super::mark::{Mark, Trait, remove};
use super::site::{Site, decode, io_fault, locked, look};
use super::stop::{Manners, Ours, Stopping, TOKEN};
use super::tail::last_words;
use crate::apply::provider::{
    Fault, FaultKind, Health, Here, Made, Owner, Place, Progress, Reading, Seek, Want as Wanted,
};
use crate::name::Address;
use crate::state::private;
use crate::value::{Fields, Value};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    command: Vec<String>,
    directory: String,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    log_file: Option<String>,
    ready_port: Option<u16>,
}

/// Variables of the command's own environment that a process is given too: where programs are, who runs it,
/// in which language. Not what else is there by chance, such as credentials.
const HANDED_ON: [&str; 12] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TMPDIR",
    "TZ",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "LC_MESSAGES",
];

/// How long a port may take to answer: it is on this machine.
const ANSWER: Duration = Duration::from_millis(500);

pub fn create(site: &Site, wanted: &Wanted) -> Result<Made, Fault> {
    let owner = &wanted.owner;
    if let Some(mark) = site.marks.get(&owner.token)? {
        return Ok(Made { id: mark.id.into(), whole: true });
    }
    refuse_shown_secrets(&wanted.inputs)?;
    let want: Want = decode(PROCESS, &wanted.inputs)?;
    if let Some(port) = want.ready_port.filter(|port| answers(*port)) {
        let text = format!("something else listens on port {port} already");
        let help =
            format!("find out what, `ss -ltnp 'sport = :{port}'`, or choose another port: `LocalPort` finds one");
        return Err(Fault::new(FaultKind::Taken, text).on("readyPort").help(help));
    }
    forget_ended(site, owner)?;
    let log = log_of(site, want.log_file.as_deref(), &owner.address);
    if want.log_file.is_none() {
        private::directory(&site.logs).map_err(|error| io_fault("make", &site.logs, &error))?;
    }
    make_room(&log)?;
    let leave = site.marks.give_leave(&owner.token)?;
    let mark = site.marks.path(&owner.token);
    let order = Order {
        owner: owner.clone(),
        kind: PROCESS.into(),
        leave: leave.clone(),
        mark,
        command: command_of(site, want.command),
        directory: site.directory.join(&want.directory),
        environment: environment_of(want.environment, owner),
        log,
    };
    let launched = launch(site, &order);
    if launched.is_err() {
        // What did not begin shall not.
        remove(&leave)?;
    }
    let (id, child) = launched?;
    locked(&site.children).insert(id.clone(), child);
    site.marks.note(&owner.token)?;
    Ok(Made { id: id.into(), whole: true })
}

pub fn find(site: &Site, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
    match seek {
        Seek::Identity => Err(Fault::new(FaultKind::Refused, "a process has no name to be found by")
            .help("leave its `startActions` as they are: it is started")),
        Seek::Made(owner) => {
            // Whatever was on its way to start it does not start it any more, or has marked it by now.
            remove(&site.marks.leave(&owner.token))?;
            Ok(site.marks.get(&owner.token)?.map(|mark| mark.id.into()))
        }
        Seek::Owned(owner) => {
            let marks = site.marks.owned(PROCESS, owner)?;
            let mut running = Vec::new();
            for mark in marks {
                if runs(site, &mark.id)? {
                    running.push(mark.id);
                }
            }
            match running.as_slice() {
                [] => Ok(None),
                [one] => Ok(Some(one.as_str().into())),
                several => {
                    let text =
                        format!("{} processes of `{}` run: {}", several.len(), owner.address, several.join(", "));
                    Err(Fault::new(FaultKind::Refused, text).help("end those that are not wanted: `kill PID`"))
                }
            }
        }
    }
}

pub fn read(site: &Site, place: &Place) -> Result<Reading, Fault> {
    let identity: Identity = place.id.parse()?;
    let mut here = Here {
        inputs: Fields::new(),
        outputs: Fields::from([
            ("pid".into(), Value::Int(identity.pid.into())),
            ("log".into(), Value::string(log_at(site, place)?.to_string_lossy())),
        ]),
        health: Health::Live,
    };
    if identity.fate(&site.marks)? == Fate::Runs {
        return Ok(Reading::Here(here));
    }
    let left = left(site, &identity, &place.id)?;
    // Whoever started it wants to hear how it ended. Later it is just gone, and is started anew.
    if left == 0 && !locked(&site.children).contains_key(&*place.id) {
        return Ok(Reading::Gone);
    }
    here.health = Health::Dead(end_of(site, place, left)?);
    if left > 0 {
        // What runs on is no process that answers to anybody: it goes, and another one comes.
        let what = format!("(ended; {left} that it started runs on)");
        here.inputs.insert("command".into(), Value::List(vec![Value::string(what)]));
    }
    Ok(Reading::Here(here))
}

pub fn check(site: &Site, place: &Place) -> Result<Option<Health>, Fault> {
    let identity: Identity = place.id.parse()?;
    if identity.fate(&site.marks)? == Fate::Over {
        let left = left(site, &identity, &place.id)?;
        return Ok(Some(Health::Dead(end_of(site, place, left)?)));
    }
    let port = match place.inputs.get("readyPort") {
        Some(Value::Int(port)) => u16::try_from(*port).ok(),
        Some(_) | None => None,
    };
    Ok(Some(match port.filter(|port| !answers(*port)) {
        Some(port) => Health::Waiting(format!("nothing answers on port {port}")),
        None => Health::Live,
    }))
}

pub fn delete(site: &Site, place: &Place) -> Result<Progress, Fault> {
    let identity: Identity = place.id.parse()?;
    // Where it cannot be seen, it cannot be stopped.
    identity.fate(&site.marks)?;
    let mark = site.marks.of(PROCESS, &place.id)?;
    let token = mark.as_ref().map(|mark| &*mark.owner.token);
    let grace = match place.inputs.get("grace") {
        Some(Value::Duration(millis)) => Duration::from_millis(*millis),
        Some(_) | None => Duration::from_secs(10),
    };
    let signal = place.inputs.get("stopSignal").and_then(Value::as_str).unwrap_or("TERM");
    let mut stopping = locked(&site.stopping);
    let so_far = stopping.entry(place.id.to_string()).or_insert_with(Stopping::begin);
    let progress = so_far.go_on(&Ours { identity: &identity, token }, Manners { signal, grace })?;
    if progress == Progress::Done {
        stopping.remove(&*place.id);
        if let Some(mut child) = locked(&site.children).remove(&*place.id) {
            // It has ended: nobody waits here.
            let _ = child.wait();
        }
        if let Some(mark) = &mark {
            site.marks.remove(&mark.owner.token)?;
        }
    }
    Ok(progress)
}

/// Whether the process with this id runs, or anything that it started.
pub fn runs(site: &Site, id: &str) -> Result<bool, Fault> {
    let identity: Identity = id.parse()?;
    Ok(identity.fate(&site.marks)? == Fate::Runs || left(site, &identity, id)? > 0)
}

/// How many of those that it started run still.
fn left(site: &Site, identity: &Identity, id: &str) -> Result<usize, Fault> {
    let mark = site.marks.of(PROCESS, id)?;
    Ours { identity, token: mark.as_ref().map(|mark| &*mark.owner.token) }.left()
}

/// Starts it, and waits until it has begun.
fn launch(site: &Site, order: &Order) -> Result<(String, Child), Fault> {
    let failed = |error: std::io::Error| io_fault("start processes with", &site.launcher, &error);
    let text = serde_json::to_vec(order).map_err(|error| failed(error.into()))?;
    let mut command = Command::new(&site.launcher);
    command.arg(WORD).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(failed)?;
    let mut told = String::new();
    let handed_over = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(&text));
    let heard = child.stdout.take().map_or(Ok(0), |mut stdout| stdout.read_to_string(&mut told));
    let said: Vec<Told> = told.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let begins = match said.into_iter().next_back() {
        Some(Told::Begins(id)) if heard.is_ok() => return Ok((id, child)),
        Some(Told::Begins(_)) | None => None,
        Some(Told::Not(fault)) => Some(fault),
    };
    let ended = child.wait();
    Err(begins.unwrap_or_else(|| match (handed_over, ended) {
        (Err(error), _) | (Ok(()), Err(error)) => failed(error),
        (Ok(()), Ok(status)) => {
            Fault::new(FaultKind::Refused, format!("it could not be started: what starts it ended with {status}"))
        }
    }))
}

/// Marks of those of this component that have ended long since.
fn forget_ended(site: &Site, owner: &Owner) -> Result<(), Fault> {
    for Mark { owner, id, .. } in site.marks.owned(PROCESS, owner)? {
        // One that cannot be seen is left as it is.
        if matches!(runs(site, &id), Ok(false)) && !locked(&site.children).contains_key(&id) {
            site.marks.remove(&owner.token)?;
        }
    }
    Ok(())
}

/// Everybody on the machine sees the words of a command.
fn refuse_shown_secrets(inputs: &Fields) -> Result<(), Fault> {
    match ["command", "directory", "logFile"]
        .into_iter()
        .find(|name| inputs.get(*name).is_some_and(Value::holds_secret))
    {
        None => Ok(()),
        Some(name) => {
            let text = format!("there is a secret in `{name}`, which everybody on this machine can see");
            let help = "hand it over in `environment`, and have the command read it from there";
            Err(Fault::new(FaultKind::Refused, text).on(name).help(help))
        }
    }
}

/// With the path of a program that is named by one.
fn command_of(site: &Site, mut command: Vec<String>) -> Vec<String> {
    if let Some(program) = command.first_mut()
        && program.contains('/')
    {
        *program = site.directory.join(&program).to_string_lossy().into_owned();
    }
    command
}

fn environment_of(own: BTreeMap<String, String>, owner: &Owner) -> BTreeMap<String, String> {
    let handed_on = HANDED_ON.iter().filter_map(|name| Some((name.to_string(), std::env::var(name).ok()?)));
    let mut all: BTreeMap<String, String> = handed_on.collect();
    all.extend(own);
    // Who looks at a process sees whose it is, and it is found by this when all else is lost.
    all.insert("TADPOLE_LINEAGE".into(), owner.lineage.to_string());
    all.insert("TADPOLE_ADDRESS".into(), owner.address.to_string());
    all.insert(TOKEN.into(), owner.token.to_string());
    all
}

/// Where it writes to: as the program says, else beside the record.
fn log_of(site: &Site, named: Option<&str>, address: &Address) -> PathBuf {
    match named {
        Some(path) => site.directory.join(path),
        None => {
            let plain = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
            site.logs.join(format!("{}.log", address.to_string().chars().map(plain).collect::<String>()))
        }
    }
}

/// Where it writes to that was started, whatever it was called then.
fn log_at(site: &Site, place: &Place) -> Result<PathBuf, Fault> {
    Ok(match site.marks.of(PROCESS, &place.id)?.map(|mark| mark.of) {
        Some(Trait::Process { log, .. }) => log,
        Some(Trait::File { .. } | Trait::Directory { .. } | Trait::Port) | None => {
            log_of(site, place.inputs.get("logFile").and_then(Value::as_str), &place.address)
        }
    })
}

/// Keeps what the process before wrote, and nothing of those before that.
fn make_room(log: &Path) -> Result<(), Fault> {
    let put = |error: std::io::Error| io_fault("write", log, &error).on("logFile");
    // A terminal or the like has nothing to be kept.
    if !look(log)?.is_some_and(|found| found.is_file()) {
        return Ok(());
    }
    let mut old = log.as_os_str().to_owned();
    old.push(".old");
    match std::fs::rename(log, &old) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(put(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// How it ended, and what it said last.
fn end_of(site: &Site, place: &Place, left: usize) -> Result<String, Fault> {
    let words = last_words(&log_at(site, place)?, &place.inputs);
    if left > 0 {
        // Until they are gone too, it is not asked how it ended: its number would be given to another.
        return Ok(format!("it ended, and {left} of the processes that it started run on; {words}"));
    }
    let status = locked(&site.children).get_mut(&*place.id).and_then(|child| child.try_wait().ok().flatten());
    let how = match status {
        Some(status) => status.to_string().replacen(": ", " ", 1),
        None => return Ok(format!("it does not run any more; {words}")),
    };
    Ok(format!("it ended with {how}; {words}"))
}

fn answers(port: u16) -> bool {
    let addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))];
    addresses.iter().any(|address| TcpStream::connect_timeout(address, ANSWER).is_ok())
}
