//! The snapshot, `state.json`: everything recorded, one resource a line, with a checksum over all.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use serde::Deserialize;

use crate::state::record::checksum;
use crate::state::store::seat::{Seat, sync_directory};
use crate::state::store::{StoreFault, io_fault};
use crate::state::{State, VERSION};

pub const SNAPSHOT: &str = "state.json";

/// Puts a state in force as the environment's snapshot, durably. It bears the epoch of the seat.
pub fn put(environment: &Path, seat: &Seat, state: &State) -> io::Result<()> {
    seat.put(SNAPSHOT, &environment.join(SNAPSHOT), |file| {
        text(state, seat.epoch, &mut BufWriter::new(&mut *file))?;
        file.sync_all()
    })?;
    sync_directory(environment)
}

/// `{"version":1,...,"resources":{` a resource a line `},"sum":"..."}`
pub fn text(state: &State, epoch: u64, out: &mut impl Write) -> io::Result<()> {
    use serde_json::to_string;
    let head = (VERSION, &state.lineage, state.serial, epoch, &state.cloud, state.next_op);
    let mut sum = checksum(0, &to_string(&head)?);
    write!(
        out,
        "{{\n\"version\":{VERSION},\n\"lineage\":{},\n\"serial\":{},\n\"epoch\":{epoch},\n\"cloud\":{},\n\"next_op\":{},\n\"resources\":{{",
        to_string(&state.lineage)?,
        state.serial,
        to_string(&state.cloud)?,
        state.next_op
    )?;
    let mut line = |out: &mut dyn Write, at: usize, key: String, value: String| -> io::Result<()> {
        sum = checksum(0, &format!("{sum}{key}{value}"));
        write!(out, "{}\n{key}:{value}", if at == 0 { "" } else { "," })
    };
    for (at, (address, recorded)) in state.resources.iter().enumerate() {
        line(out, at, to_string(address)?, to_string(recorded)?)?;
    }
    write!(out, "\n}},\n\"retired\":{{")?;
    for (at, (op, retired)) in state.retired.iter().enumerate() {
        line(out, at, format!("\"{op}\""), to_string(retired)?)?;
    }
    write!(out, "\n}},\n\"unfinished\":{{")?;
    for (at, (op, began)) in state.unfinished.iter().enumerate() {
        line(out, at, format!("\"{op}\""), to_string(began)?)?;
    }
    write!(out, "\n}},\n\"outputs\":{{")?;
    for (at, (name, value)) in state.outputs.iter().enumerate() {
        line(out, at, to_string(name)?, to_string(value)?)?;
    }
    write!(out, "\n}}")?;
    if !state.kept.is_empty() {
        write!(out, ",\n\"kept\":[")?;
        for (at, kept) in state.kept.iter().enumerate() {
            let kept = to_string(kept)?;
            sum = checksum(0, &format!("{sum}{kept}"));
            write!(out, "{}\n{kept}", if at == 0 { "" } else { "," })?;
        }
        write!(out, "\n]")?;
    }
    if !state.late.is_empty() {
        let late = to_string(&state.late)?;
        sum = checksum(0, &format!("{sum}{late}"));
        write!(out, ",\n\"late\":{late}")?;
    }
    if !state.salts.is_empty() {
        let salts = to_string(&state.salts)?;
        sum = checksum(0, &format!("{sum}{salts}"));
        write!(out, ",\n\"salts\":{salts}")?;
    }
    if !state.exchanged.is_empty() {
        let exchanged = to_string(&state.exchanged)?;
        sum = checksum(0, &format!("{sum}{exchanged}"));
        write!(out, ",\n\"exchanged\":{exchanged}")?;
    }
    if !state.about.is_unknown() {
        let about = to_string(&state.about)?;
        sum = checksum(0, &format!("{sum}{about}"));
        write!(out, ",\n\"about\":{about}")?;
    }
    write!(out, ",\n\"sum\":\"{sum}\"\n}}\n")?;
    out.flush()
}

/// Which snapshot was in force at some moment.
pub struct InForce {
    /// Open for as long as it matters: meanwhile no other file can look the same. None where there is none.
    file: Option<File>,
}

impl InForce {
    pub fn of(path: &Path) -> io::Result<InForce> {
        match File::open(path) {
            Ok(file) => Ok(InForce { file: Some(file) }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(InForce { file: None }),
            Err(error) => Err(error),
        }
    }

    /// Whether it still is.
    pub fn holds(&self, path: &Path) -> io::Result<bool> {
        match (&self.file, std::fs::metadata(path)) {
            (Some(file), Ok(now)) => is_same(&file.metadata()?, &now),
            (None, Ok(_)) => Ok(false),
            (was, Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(was.is_none()),
            (_, Err(error)) => Err(error),
        }
    }
}

#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

#[cfg(not(unix))]
fn is_same(one: &Metadata, other: &Metadata) -> io::Result<bool> {
    Ok((one.len(), one.modified()?) == (other.len(), other.modified()?))
}

/// Reads the snapshot; nothing when there is none.
///
/// # Errors
/// When it cannot be read, or differs in a single byte from what was written.
pub fn read(path: &Path) -> Result<Option<State>, StoreFault> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_fault(path, "open")(error)),
    };
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(StoreFault::Damaged { path: path.to_path_buf(), what: "it is not UTF-8".into() });
        }
        Err(error) => return Err(io_fault(path, "read")(error)),
    }
    parse(path, &text).map(Some)
}

/// A state as [`text`] writes it.
///
/// # Errors
/// When it is not, to the last byte.
pub fn parse(path: &Path, text: &str) -> Result<State, StoreFault> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    // What is of this format says so in its text, which is compared below: only what is not is looked at again.
    let other = |what: String| match serde_json::from_str(text) {
        Ok(Versioned { version }) if version > VERSION => StoreFault::Newer { path: path.to_path_buf(), version },
        Ok(_) | Err(_) => StoreFault::Damaged { path: path.to_path_buf(), what },
    };
    let state: State = serde_json::from_str(text).map_err(|error| other(error.to_string()))?;
    // Written again, an unchanged snapshot gives the same text; its checksum is in there.
    let mut again = Vec::with_capacity(text.len());
    self::text(&state, state.epoch, &mut again).map_err(io_fault(path, "read"))?;
    if again != text.as_bytes() {
        return Err(other("its checksum does not fit its content".into()));
    }
    if let Some(what) = state.beyond() {
        let what = format!("{what} is beyond what any run counts to");
        return Err(StoreFault::Damaged { path: path.to_path_buf(), what });
    }
    Ok(state)
}

/// A state as one document, as the snapshot has it.
pub fn document(state: &State) -> String {
    let mut document = Vec::new();
    match text(state, state.epoch, &mut document).map(|()| String::from_utf8(document)) {
        Ok(Ok(text)) => text,
        Ok(Err(_)) | Err(_) => unreachable!("a state can be written as JSON"),
    }
}

/// The epoch that the snapshot bears, without reading it all; 0 when there is none or it cannot be told.
/// Whoever goes on reads the rest, and finds out what is wrong with it.
pub fn epoch(path: &Path) -> u64 {
    let Ok(file) = File::open(path) else { return 0 };
    // It is one of the first lines.
    let lines = BufReader::new(file.take(4096)).lines().map_while(Result::ok);
    let epochs = lines.filter_map(|line| line.strip_prefix("\"epoch\":")?.trim_end_matches(',').parse().ok());
    epochs.take(1).next().unwrap_or(0)
}
