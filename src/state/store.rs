//! Where an environment is kept. The local store is a directory: `state.json`, the snapshot, one
//! resource a line; `journal.jsonl`, what happened since; `lock`, held by whoever writes.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::state::record::{self, Header, Record, checksum};
use crate::state::{State, VERSION};
use crate::value::SealingKey;

/// Keeps one environment. Only one writer has a store at a time.
pub trait Store: Send {
    /// Makes records durable, all of them or, after a crash, a part from the start.
    ///
    /// # Errors
    /// When they may not be durable; the writer must stop then.
    fn append(&mut self, records: &[Record]) -> Result<(), StoreFault>;

    /// Replaces snapshot and journal by a new snapshot.
    ///
    /// # Errors
    /// When the old ones are still in force.
    fn compact(&mut self, state: &State) -> Result<(), StoreFault>;
}

/// Who holds a lock.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Holder {
    pub pid: u32,
    pub host: String,
    pub command: String,
    /// In RFC 3339.
    pub since: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` on {} (process {}) since {}", self.command, self.host, self.pid, self.since)
    }
}

/// Why a store cannot be read or written.
#[derive(Debug)]
pub enum StoreFault {
    /// Another process writes; who, if it has said so.
    Locked(Option<Holder>),
    Io {
        path: PathBuf,
        doing: &'static str,
        error: io::Error,
    },
    /// The file is there and is not what was written.
    Damaged {
        path: PathBuf,
        what: String,
    },
    /// Written by a newer version of this program.
    Newer {
        path: PathBuf,
        version: u32,
    },
}

impl fmt::Display for StoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreFault::Locked(Some(holder)) => write!(f, "this environment is being changed by {holder}"),
            StoreFault::Locked(None) => f.write_str("this environment is being changed by another process"),
            StoreFault::Io { path, doing, error } => write!(f, "cannot {doing} `{}`: {error}", path.display()),
            StoreFault::Damaged { path, what } => write!(f, "`{}` is damaged: {what}", path.display()),
            StoreFault::Newer { path, version } => {
                write!(f, "`{}` is of format {version}, and this tadpole reads up to {VERSION}", path.display())
            }
        }
    }
}

impl StoreFault {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            StoreFault::Locked(_) => "wait until it has ended; the lock goes with its process, however that ends",
            StoreFault::Io { .. } => {
                "nothing was changed that is not recorded; make room or give access, and run the command again"
            }
            StoreFault::Damaged { .. } => "restore the file from a backup or from version control; nothing was changed",
            StoreFault::Newer { .. } => "use the newer tadpole that wrote it",
        }
    }
}

/// An environment in a directory.
pub struct LocalStore {
    directory: PathBuf,
    /// Locked for as long as this lives.
    _lock: File,
    /// As found when the lock was taken, and as left by the last snapshot since; none before the first.
    continued: Option<Continued>,
    journal: Option<Journal>,
}

/// What the journal goes on from: a snapshot, and the lines that are there already.
struct Continued {
    header: Header,
    /// Whole lines, the header among them; none when the journal is to be begun anew.
    lines: u64,
    /// Their bytes.
    length: u64,
}

struct Journal {
    file: File,
    /// Of the next line.
    next: u64,
    /// Bytes that are known to be whole lines.
    length: u64,
}

const SNAPSHOT: &str = "state.json";
const JOURNAL: &str = "journal.jsonl";
const LOCK: &str = "lock";
const KEY: &str = "secret.key";

impl LocalStore {
    /// Takes the environment for writing, and reads it; nothing is recorded in it when it is new.
    ///
    /// # Errors
    /// When another process has it, or a file cannot be read or is not what was written.
    pub fn open(directory: &Path, holder: &Holder) -> Result<(LocalStore, Option<Replayed>), StoreFault> {
        std::fs::create_dir_all(directory).map_err(io_fault(directory, "make the directory"))?;
        let path = directory.join(LOCK);
        let mut lock = open_or_make(&path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let holder = lock.read_to_string(&mut text).ok().and_then(|_| serde_json::from_str(&text).ok());
                return Err(StoreFault::Locked(holder));
            }
            Err(TryLockError::Error(error)) => return Err(io_fault(&path, "lock")(error)),
        }
        // Only says who it is; what keeps others out is the lock of the operating system.
        let text = serde_json::to_string(holder).unwrap_or_default();
        let written = lock.set_len(0).and_then(|()| lock.write_all(text.as_bytes()));
        written.map_err(io_fault(&path, "write"))?;
        let (replayed, continued) = replay(directory)?.unzip();
        Ok((LocalStore { directory: directory.to_path_buf(), _lock: lock, continued, journal: None }, replayed))
    }

    /// Starts the journal of a snapshot, or goes on behind the last whole line of it.
    fn journal(&mut self) -> Result<&mut Journal, StoreFault> {
        if self.journal.is_none() {
            let path = self.directory.join(JOURNAL);
            let Some(continued) = &self.continued else {
                let what = "it is not there".into();
                return Err(StoreFault::Damaged { path: self.directory.join(SNAPSHOT), what });
            };
            let mut file = open_or_make(&path)?;
            // What is behind the last whole line was never acknowledged to anybody.
            file.set_len(continued.length).map_err(io_fault(&path, "shorten"))?;
            file.seek(SeekFrom::End(0)).map_err(io_fault(&path, "write"))?;
            let mut journal = Journal { file, next: continued.lines, length: continued.length };
            if continued.lines == 0 {
                journal.write(&path, &[&continued.header])?;
                sync_directory(&self.directory)?;
            }
            self.journal = Some(journal);
        }
        match &mut self.journal {
            Some(journal) => Ok(journal),
            None => unreachable!("the journal was opened above"),
        }
    }
}

impl Journal {
    fn write<T: Serialize>(&mut self, path: &Path, lines: &[T]) -> Result<(), StoreFault> {
        let mut text = String::new();
        for (at, of) in lines.iter().enumerate() {
            match record::line(self.next + at as u64, of) {
                Ok(line) => text.push_str(&line),
                Err(error) => unreachable!("records can be written as JSON: {error}"),
            }
        }
        let result = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        if let Err(error) = result {
            // A part of a line must not stand before what the next writer appends.
            let _ = self.file.set_len(self.length);
            return Err(io_fault(path, "write")(error));
        }
        self.next += lines.len() as u64;
        self.length += text.len() as u64;
        Ok(())
    }
}

impl Store for LocalStore {
    fn append(&mut self, records: &[Record]) -> Result<(), StoreFault> {
        let path = self.directory.join(JOURNAL);
        self.journal()?.write(&path, records)
    }

    fn compact(&mut self, state: &State) -> Result<(), StoreFault> {
        let path = self.directory.join(SNAPSHOT);
        write_snapshot(&self.directory, &path, state)?;
        // The old journal names the old serial: should it survive a crash here, it is not replayed.
        self.journal = None;
        let header = Header { version: VERSION, lineage: state.lineage.clone(), serial: state.serial };
        self.continued = Some(Continued { header, lines: 0, length: 0 });
        let journal = self.directory.join(JOURNAL);
        match std::fs::remove_file(&journal) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_fault(&journal, "remove")(error)),
        }
        sync_directory(&self.directory)
    }
}

/// Reads an environment without taking it: the snapshot with the journal replayed.
///
/// # Errors
/// When a file cannot be read or is not what was written.
pub fn peek(directory: &Path) -> Result<Option<State>, StoreFault> {
    Ok(replay(directory)?.map(|(replayed, _)| replayed.state))
}

/// A snapshot with its journal applied.
pub struct Replayed {
    pub state: State,
    /// How many records the journal had.
    pub records: usize,
}

fn replay(directory: &Path) -> Result<Option<(Replayed, Continued)>, StoreFault> {
    let path = directory.join(JOURNAL);
    let Some(mut state) = read_snapshot(&directory.join(SNAPSHOT))? else {
        // A journal is only ever written beside its snapshot: without it, what was made would be lost.
        if path.exists() {
            let what = format!("it is not there, and `{JOURNAL}` continues it");
            return Err(StoreFault::Damaged { path: directory.join(SNAPSHOT), what });
        }
        return Ok(None);
    };
    let scan = match File::open(&path) {
        Ok(mut file) => scan_journal(&path, &mut file, &state.lineage, state.serial)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Scan { records: Vec::new(), lines: 0, length: 0 },
        Err(error) => return Err(io_fault(&path, "open")(error)),
    };
    let header = Header { version: VERSION, lineage: state.lineage.clone(), serial: state.serial };
    let continued = Continued { header, lines: scan.lines, length: scan.length };
    let records = scan.records.len();
    scan.records.into_iter().for_each(|record| state.apply(record));
    Ok(Some((Replayed { state, records }, continued)))
}

/// The key of the environment's fingerprints, if it has one yet.
///
/// # Errors
/// When it cannot be read.
pub fn sealing_key(directory: &Path) -> Result<Option<SealingKey>, StoreFault> {
    let path = directory.join(KEY);
    match std::fs::read(&path) {
        Ok(bytes) => match bytes.try_into() {
            Ok(key) => Ok(Some(SealingKey(key))),
            Err(_) => Err(StoreFault::Damaged { path, what: "it does not have 32 bytes".into() }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_fault(&path, "read")(error)),
    }
}

/// Keeps a key for the environment, readable by its owner alone.
///
/// # Errors
/// When it cannot be written, or there is one already.
pub fn keep_key(directory: &Path, key: &SealingKey) -> Result<(), StoreFault> {
    let path = directory.join(KEY);
    std::fs::create_dir_all(directory).map_err(io_fault(directory, "make the directory"))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&path).and_then(|mut file| file.write_all(&key.0).and_then(|()| file.sync_all()));
    written.map_err(io_fault(&path, "write"))
}

struct Scan {
    records: Vec<Record>,
    /// Whole lines, the header among them; none when the journal belongs to an older snapshot.
    lines: u64,
    /// Their bytes.
    length: u64,
}

/// The journal's records. A last line that is not whole was never acknowledged and is left out; any
/// other that is not whole means that the file was changed.
fn scan_journal(path: &Path, file: &mut File, lineage: &str, serial: u64) -> Result<Scan, StoreFault> {
    let mut scan = Scan { records: Vec::new(), lines: 0, length: 0 };
    let mut reader = BufReader::new(file);
    let mut text = String::new();
    let mut torn: Option<u64> = None;
    loop {
        text.clear();
        let bytes = match reader.read_line(&mut text) {
            Ok(0) => return Ok(scan),
            Ok(bytes) => bytes,
            // Torn in the middle of a character, or changed.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                torn.get_or_insert(scan.lines + 1);
                reader.skip_until(b'\n').map_err(io_fault(path, "read"))?;
                continue;
            }
            Err(error) => return Err(io_fault(path, "read")(error)),
        };
        let damaged = |line: u64| StoreFault::Damaged {
            path: path.to_path_buf(),
            what: format!("line {line} is not what was written"),
        };
        if let Some(line) = torn {
            return Err(damaged(line));
        }
        let whole = text.strip_suffix('\n');
        if scan.lines == 0 {
            match whole.and_then(|text| record::read::<Header>(0, text)) {
                Some(header) if header.version > VERSION => {
                    return Err(StoreFault::Newer { path: path.to_path_buf(), version: header.version });
                }
                // Left over from before the snapshot was written.
                Some(header) if *header.lineage != *lineage || header.serial != serial => return Ok(scan),
                Some(_) => {}
                None => {
                    torn = Some(1);
                    continue;
                }
            }
        } else {
            match whole.and_then(|text| record::read::<Record>(scan.lines, text)) {
                Some(record) => scan.records.push(record),
                None => {
                    torn = Some(scan.lines + 1);
                    continue;
                }
            }
        }
        scan.lines += 1;
        scan.length += bytes as u64;
    }
}

/// `{"version":1,...,"resources":{` a resource a line `},"sum":"..."}`
fn write_snapshot(directory: &Path, path: &Path, state: &State) -> Result<(), StoreFault> {
    let mut temporary = tempfile::NamedTempFile::new_in(directory).map_err(io_fault(directory, "make a file in"))?;
    let result = snapshot_text(state, &mut BufWriter::new(temporary.as_file_mut()));
    result.and_then(|()| temporary.as_file().sync_all()).map_err(io_fault(path, "write"))?;
    temporary.persist(path).map_err(|error| io_fault(path, "replace")(error.error))?;
    sync_directory(directory)
}

fn snapshot_text(state: &State, out: &mut impl Write) -> io::Result<()> {
    use serde_json::to_string;
    let mut sum = checksum(0, &to_string(&(VERSION, &state.lineage, state.serial, &state.cloud, state.next_op))?);
    write!(
        out,
        "{{\n\"version\":{VERSION},\n\"lineage\":{},\n\"serial\":{},\n\"cloud\":{},\n\"next_op\":{},\n\"resources\":{{",
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
    write!(out, "\n}},\n\"sum\":\"{sum}\"\n}}\n")?;
    out.flush()
}

fn read_snapshot(path: &Path) -> Result<Option<State>, StoreFault> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(StoreFault::Damaged { path: path.to_path_buf(), what: "it is not UTF-8".into() });
        }
        Err(error) => return Err(io_fault(path, "read")(error)),
    };
    if let Ok(Versioned { version }) = serde_json::from_str(&text)
        && version > VERSION
    {
        return Err(StoreFault::Newer { path: path.to_path_buf(), version });
    }
    let state: State = serde_json::from_str(&text)
        .map_err(|error| StoreFault::Damaged { path: path.to_path_buf(), what: error.to_string() })?;
    // Written again, an unchanged snapshot gives the same text; its checksum is in there.
    let mut again = Vec::with_capacity(text.len());
    snapshot_text(&state, &mut again).map_err(io_fault(path, "read"))?;
    if again != text.as_bytes() {
        return Err(StoreFault::Damaged {
            path: path.to_path_buf(),
            what: "its checksum does not fit its content".into(),
        });
    }
    Ok(Some(state))
}

/// Makes the names in a directory durable, not only the files.
fn sync_directory(directory: &Path) -> Result<(), StoreFault> {
    File::open(directory).and_then(|file| file.sync_all()).map_err(io_fault(directory, "write"))
}

fn open_or_make(path: &Path) -> Result<File, StoreFault> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path).map_err(io_fault(path, "open"))
}

fn io_fault(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> StoreFault {
    move |error| StoreFault::Io { path: path.to_path_buf(), doing, error }
}
