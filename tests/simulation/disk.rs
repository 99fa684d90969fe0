//! A disk that outlives the process: snapshot and journal as bytes, in the format of the real ones. A
//! kill may come before a batch of records is there, in the middle of its bytes, or after.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tadpole::model::action::List;
use tadpole::name::Address;
use tadpole::state::about::Command;
use tadpole::state::record::{self, Ended, Header, Record};
use tadpole::state::store::{Store, StoreFault};
use tadpole::state::tenure::Tenure;
use tadpole::state::{Recorded, State, Status};
use tadpole::value::Value;

use crate::simulation::cloud::Log;
use crate::simulation::fate::Fate;

#[derive(Clone, Debug, Default)]
pub struct Disk {
    pub snapshot: Vec<u8>,
    pub journal: Vec<u8>,
    /// What a reader would make of these bytes.
    pub(super) state: Option<State>,
    /// Things that were let go: left standing, or replaced and left standing. Kind and id.
    pub let_go: BTreeSet<(String, String)>,
    /// What was said to each thing, by its id: actions of its lists that came to an end.
    pub words: BTreeMap<String, Vec<String>>,
    /// The token of what was said to it last.
    pub(super) saying: BTreeMap<String, String>,
    /// Tokens of what is recorded as said.
    pub(super) said: BTreeSet<String>,
    /// Told of every record that becomes durable.
    pub log: Log,
    /// Of whoever opened it last.
    pub(super) epoch: u64,
    /// Under which epoch each write was made.
    pub writes: Vec<u64>,
}

#[derive(Clone, Debug, Default)]
pub struct Shared(Arc<Mutex<Disk>>);

impl Shared {
    pub fn new(disk: Disk) -> Shared {
        Shared(Arc::new(Mutex::new(disk)))
    }

    pub fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is durable now.
    pub fn state(&self) -> State {
        self.disk().state.clone().expect("an environment is recorded before anything is called")
    }
}

impl Disk {
    /// What a reader would make of it.
    pub fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// What is recorded, how many records of it in the journal alone, and how many bytes of the journal
    /// are whole lines. Nothing when nothing ever was.
    fn read(&self) -> Option<(State, usize, usize)> {
        if self.snapshot.is_empty() {
            return None;
        }
        let mut state: State = serde_json::from_slice(&self.snapshot).expect("a snapshot is whole or not there");
        let (mut records, mut whole) = (0, 0);
        for (at, line) in self.journal.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let is_last = whole + line.len() == self.journal.len();
            let text = std::str::from_utf8(line).ok().and_then(|line| line.strip_suffix('\n'));
            if at == 0 {
                match text.and_then(|text| record::read::<Header>(0, text)) {
                    Some(header) if header.serial == state.serial => {}
                    // Of the snapshot before this one.
                    Some(_) => return Some((state, 0, 0)),
                    None => {
                        assert!(is_last, "only the last line is ever torn");
                        break;
                    }
                }
            } else {
                match text.and_then(|text| record::read::<Record>(at as u64, text)) {
                    Some(record) => {
                        state.apply(record);
                        records += 1;
                    }
                    None => {
                        assert!(is_last, "only the last line is ever torn");
                        break;
                    }
                }
            }
            whole += line.len();
        }
        Some((state, records, whole))
    }

    /// What is wrong with an action that is on its way to a thing.
    pub fn said(&mut self, address: &Address, id: &str, token: &str) -> Vec<String> {
        self.saying.insert(id.to_string(), token.to_string());
        let Some(state) = &self.state else { return vec!["nothing is recorded".to_string()] };
        let mut wrong = Vec::new();
        let open = state.unfinished.values().any(|began| *began.request.id == *id);
        let leaves = |recorded: &Recorded| {
            let course = recorded.course.as_ref();
            *recorded.id == *id && course.is_some_and(|course| course.lists.contains_key(&List::Terminate))
        };
        if !open && !state.things().any(|(_, recorded)| leaves(recorded)) {
            wrong.push(format!("no action out of the blue: one of `{address}`, and no list of it is open"));
        }
        if self.said.contains(token) {
            wrong.push(format!("no action twice: one of `{address}` is recorded as done"));
        }
        wrong
    }

    /// Whether all that belongs to the start of a thing was said, now that it counts as started.
    fn is_started(&self, op: u64, recorded: &Recorded) -> Result<(), String> {
        let began = self.state.as_ref().and_then(|state| state.unfinished.get(&op));
        let begins = began.is_some_and(|began| began.request.course.as_ref().is_none_or(|course| !course.started));
        if recorded.status == Status::Incomplete || !begins {
            return Ok(());
        }
        let said = self.words.get(&*recorded.id);
        let words = recorded.lifecycle.start.iter().filter_map(|action| action.settings.get("word"));
        let missing = |word: &&Value| !said.is_some_and(|said| said.contains(&word.to_string()));
        let missing = words.into_iter().find(missing);
        missing.map_or(Ok(()), |word| Err(format!("no start half done: {} counts as live without {word}", recorded.id)))
    }

    /// One record that is durable from now on.
    fn keep(&mut self, record: &Record) {
        self.log.say(format!("record {}", brief(record)));
        if let Record::Acted { id, .. } = record {
            self.said.extend(self.saying.get(&**id).cloned());
        }
        if let Record::Ended { op, result: Ended::Recorded(recorded) } = record
            && let Err(what) = self.is_started(*op, recorded)
        {
            self.log.wrong(what);
        }
        let Some(state) = &mut self.state else { return };
        if let Record::Forgotten { address, id, .. } = record {
            let retired = state.retired.values().map(|retired| (&retired.address, &retired.recorded));
            let mut all = state.resources.iter().chain(retired);
            if let Some((_, left)) = all.find(|(of, left)| *of == address && left.id == *id) {
                self.let_go.insert((left.kind.to_string(), left.id.to_string()));
            }
        }
        state.apply(record.clone());
        // What was let go may be taken back.
        if !self.let_go.is_empty() && !matches!(record, Record::Forgotten { .. }) {
            for recorded in state.resources.values().chain(state.retired.values().map(|retired| &retired.recorded)) {
                self.let_go.remove(&(recorded.kind.to_string(), recorded.id.to_string()));
            }
        }
    }
}

/// A record in a few words.
fn brief(record: &Record) -> String {
    match record {
        Record::Began { op, began } => {
            format!("began {op}: {:?} {} {}", began.operation, began.address, began.request.id)
        }
        Record::Made { op, id } => format!("made {op}: {id}"),
        Record::Ended { op, result: Ended::Recorded(recorded) } => {
            format!("ended {op}: {} {:?}", recorded.id, recorded.status)
        }
        Record::Ended { op, result: Ended::Gone } => format!("ended {op}: gone"),
        Record::Ended { op, result: Ended::Unchanged } => format!("ended {op}: unchanged"),
        Record::Ended { op, result: Ended::Unseen } => format!("ended {op}: unseen"),
        Record::Entered { op, address, id, list } => format!("entered {op}: {address} {id} {list:?}"),
        Record::Acted { op, address, id, list, at, .. } => format!("acted {op}: {address} {id} {list:?} {at}"),
        Record::Anew { address, id } => format!("anew {address} {id}"),
        Record::Seen { address, recorded } => format!("seen {address}: {}", recorded.id),
        Record::Forgotten { address, id, .. } => format!("forgotten {address} {id}"),
        Record::Restored { op } => format!("restored {op}"),
        Record::Exchanged { exchanged } => format!("exchanged {exchanged:?}"),
        Record::Moved { moves } => format!("moved {moves:?}"),
        Record::Outputs { .. } => "outputs".to_string(),
        Record::Wrote { .. } => "wrote".to_string(),
        Record::Expires { .. } => "expires".to_string(),
    }
}

/// The store of one run.
pub struct MemoryStore {
    disk: Shared,
    fate: Arc<Fate>,
    lines: u64,
    epoch: u64,
    /// Batches left until one is refused as by a full disk; never without.
    full: Option<usize>,
}

impl MemoryStore {
    /// Opens the disk as a new process does. Answers what is recorded and how many records of it are in
    /// the journal alone.
    pub fn open(disk: &Shared, fate: &Arc<Fate>, full: Option<usize>) -> (MemoryStore, Option<(State, usize)>) {
        let mut bytes = disk.disk();
        let read = bytes.read();
        let (whole, lines) = match &read {
            // The header is a line too.
            Some((_, records, whole)) => (*whole, if *whole == 0 { 0 } else { *records as u64 + 1 }),
            None => (0, 0),
        };
        bytes.journal.truncate(whole);
        bytes.epoch += 1;
        let epoch = bytes.epoch;
        let state = read.map(|(state, records, _)| (state, records));
        let read = state.as_ref().map(|(state, _)| state.clone());
        assert!(bytes.state.is_none() || bytes.state == read, "what is read is not what was written");
        bytes.state = read;
        drop(bytes);
        (MemoryStore { disk: disk.clone(), fate: fate.clone(), lines, epoch, full }, state)
    }

    fn fault(what: &'static str) -> StoreFault {
        StoreFault::Io { path: "journal".into(), doing: "write", error: std::io::Error::other(what) }
    }
}

impl Store for MemoryStore {
    fn append(&mut self, records: &[Record]) -> Result<(), StoreFault> {
        if self.fate.moment() {
            return Err(MemoryStore::fault("killed"));
        }
        if let Some(left) = &mut self.full {
            *left = left.checked_sub(1).ok_or_else(|| MemoryStore::fault("no space left"))?;
        }
        let mut disk = self.disk.disk();
        disk.writes.push(self.epoch);
        let mut text = String::new();
        let mut ends = Vec::new();
        let mut next = self.lines;
        if next == 0 {
            let state = disk.state.as_ref().expect("a snapshot comes before records");
            let (lineage, serial) = (state.lineage.clone(), state.serial);
            let header = Header { version: tadpole::state::VERSION, lineage, serial, epoch: self.epoch };
            text.push_str(&record::line(0, &header).unwrap());
            next = 1;
            disk.journal.clear();
        }
        for record in records {
            text.push_str(&record::line(next, record).unwrap());
            ends.push(text.len());
            next += 1;
        }
        if self.fate.moment() {
            // Somewhere in the middle of its last line, or of one before it.
            let cut = if self.fate.passed().is_multiple_of(2) { text.len() - 7 } else { text.len() / 2 };
            disk.journal.extend_from_slice(&text.as_bytes()[..cut]);
            let there = ends.iter().filter(|end| **end <= cut).count();
            records[..there].iter().for_each(|record| disk.keep(record));
            return Err(MemoryStore::fault("killed"));
        }
        disk.journal.extend_from_slice(text.as_bytes());
        records.iter().for_each(|record| disk.keep(record));
        self.lines = next;
        if self.fate.moment() { Err(MemoryStore::fault("killed")) } else { Ok(()) }
    }

    fn compact(&mut self, state: &State) -> Result<(), StoreFault> {
        if self.fate.moment() {
            return Err(MemoryStore::fault("killed"));
        }
        let mut disk = self.disk.disk();
        disk.writes.push(self.epoch);
        disk.snapshot = serde_json::to_vec(state).unwrap();
        disk.state = Some(state.clone());
        disk.log.say(format!("snapshot {}", state.serial));
        self.lines = 0;
        if self.fate.moment() {
            // The old journal is still there.
            return Err(MemoryStore::fault("killed"));
        }
        disk.journal.clear();
        if self.fate.moment() { Err(MemoryStore::fault("killed")) } else { Ok(()) }
    }

    fn tenure(&self) -> Tenure {
        Tenure::alone(self.epoch)
    }

    fn salt(&self) -> Option<Arc<str>> {
        Some(format!("writer {}", self.epoch).into())
    }

    fn writer(&self) -> Option<Command> {
        let (user, host, line) = (None, "simulated".into(), "tadpole apply".into());
        Some(Command { line, user, host, at: jiff::Timestamp::UNIX_EPOCH })
    }
}
