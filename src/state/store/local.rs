//! An environment in a directory: taken through its seat, read without one, written by a snapshot and a
//! journal.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::state::about::Command;
use crate::state::lease::{Holder, Lease};
use crate::state::private;
use crate::state::record::{Header, Record};
use crate::state::store::journal::{self, Journal};
use crate::state::store::reading::{self, Replayed};
use crate::state::store::seat::{self, JOURNAL, Seat, SeatKeeper};
use crate::state::store::snapshot::{self, SNAPSHOT};
use crate::state::store::{Store, StoreFault, io_fault};
use crate::state::tenure::{Heartbeat, Moment, Tenure};
use crate::state::{LIMIT, State};

/// How long whoever takes an environment over may need to say who he is. It takes a few milliseconds.
const GRACE: Duration = Duration::from_secs(10);
/// Between two looks at a seat that somebody is taking.
const LOOK: Duration = Duration::from_millis(5);
/// Tries to make a first seat where there is something else in its place.
const TRIES: u32 = 200;

/// An environment that this process writes.
pub struct LocalStore {
    environment: PathBuf,
    seat: Seat,
    heartbeat: Heartbeat,
    writer: Command,
    /// The first digits of the owner of its lease.
    salt: Arc<str>,
    /// What the next journal continues; none before the first snapshot.
    continues: Option<Header>,
    journal: Option<Journal>,
}

/// Somebody who wants to write an environment.
pub struct Contender<'a> {
    environment: &'a Path,
    holder: &'a Holder,
    /// The lease that was seen last, and when by this process's clock it was seen first.
    seen: Option<(Option<Lease>, Instant)>,
}

/// Whether a seat may be taken.
enum Chance {
    Now,
    /// It is being taken, and nobody says by whom.
    Soon,
    Held(Box<Lease>),
}

impl<'a> Contender<'a> {
    pub fn new(environment: &'a Path, holder: &'a Holder) -> Contender<'a> {
        Contender { environment, holder, seen: None }
    }

    /// Tries to take the environment, and reads it; nothing is recorded in it when it is new.
    ///
    /// # Errors
    /// When another process has it, or a file cannot be read or is not what was written.
    pub fn attempt(&mut self) -> Result<(LocalStore, Option<Replayed>), StoreFault> {
        let began = Instant::now();
        let mut tries = 0;
        loop {
            let found = self.find()?;
            let chance = match &found {
                None => Chance::Now,
                Some(seat) => match self.chance(seat) {
                    Ok(chance) => chance,
                    // It changed its name meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        std::thread::sleep(LOOK);
                        continue;
                    }
                    Err(error) => return Err(io_fault(&seat.path, "read")(error)),
                },
            };
            match chance {
                Chance::Now => {
                    if let Some(taken) = self.take(found.as_ref())? {
                        return taken.read();
                    }
                    tries += 1;
                    if found.is_none() && tries > TRIES {
                        let what = "it holds something, and no writer's seat".into();
                        return Err(StoreFault::Damaged { path: self.environment.join(seat::WRITER), what });
                    }
                    std::thread::sleep(LOOK);
                }
                Chance::Soon if began.elapsed() < 2 * GRACE => std::thread::sleep(LOOK),
                Chance::Soon => return Err(StoreFault::Locked(None)),
                Chance::Held(lease) => return Err(StoreFault::Locked(Some(lease))),
            }
        }
    }

    fn find(&self) -> Result<Option<Seat>, StoreFault> {
        private::directory(self.environment).map_err(io_fault(self.environment, "make the directory"))?;
        Seat::find(self.environment).map_err(io_fault(&self.environment.join(seat::WRITER), "read"))
    }

    /// Takes the environment away from its holder, who finds that out when it next writes. Whoever comes
    /// next may have it. False when it is not this holder's any more.
    ///
    /// # Errors
    /// When it cannot be taken.
    pub fn evict(&self, lease: &Lease) -> Result<bool, StoreFault> {
        match self.find()?.filter(|seat| seat.is_of(lease)) {
            Some(seat) => Ok(self.take(Some(&seat))?.is_some()),
            None => Ok(false),
        }
    }

    fn chance(&mut self, seat: &Seat) -> io::Result<Chance> {
        if seat.is_free() {
            return Ok(Chance::Now);
        }
        let told = seat.lease()?;
        let lease = told.as_ref().map(|(lease, _)| lease.clone());
        let unchanged = match &self.seen {
            Some((seen, since)) if *seen == lease => since.elapsed(),
            Some(_) | None => {
                self.seen = Some((lease, Instant::now()));
                Duration::ZERO
            }
        };
        let Some((lease, renewed)) = told else {
            return Ok(if unchanged >= GRACE { Chance::Now } else { Chance::Soon });
        };
        if lease.is_over(&self.holder.host) || unchanged > lease.length() {
            return Ok(Chance::Now);
        }
        let age = seat::time_of(self.environment)?.duration_since(renewed).unwrap_or_default();
        Ok(if age > lease.length() { Chance::Now } else { Chance::Held(Box::new(lease)) })
    }

    /// Takes the seat as it is called, or the first one; nothing when another was quicker.
    fn take(&self, found: Option<&Seat>) -> Result<Option<LocalStore>, StoreFault> {
        let before = found.map_or(0, |seat| seat.epoch).max(snapshot::epoch(&self.environment.join(SNAPSHOT)));
        if before > LIMIT {
            let what = "its epoch is beyond what any run counts to".into();
            return Err(StoreFault::Damaged { path: self.environment.join(SNAPSHOT), what });
        }
        let since = Moment::now();
        let lease = Lease::new(before + 1, seat::new_owner(), self.holder);
        let taken = match found {
            Some(seat) => seat.pass_to(self.environment, &lease),
            None => Seat::first(self.environment, &lease),
        };
        let Some(seat) = taken.map_err(io_fault(self.environment, "take"))? else {
            return Ok(None);
        };
        let keeper = SeatKeeper::new(self.environment, seat.clone(), lease.clone());
        let heartbeat = Heartbeat::start(lease.epoch, Box::new(keeper), lease.length(), since)
            .map_err(io_fault(self.environment, "keep the lease of"))?;
        let environment = self.environment.to_path_buf();
        let writer = Command::from(&lease);
        let salt = lease.owner.chars().take(13).collect::<String>().into();
        Ok(Some(LocalStore { environment, seat, heartbeat, writer, salt, continues: None, journal: None }))
    }
}

impl LocalStore {
    /// Takes the environment for writing, and reads it; nothing is recorded in it when it is new.
    ///
    /// # Errors
    /// When another process has it, or a file cannot be read or is not what was written.
    pub fn open(environment: &Path, holder: &Holder) -> Result<(LocalStore, Option<Replayed>), StoreFault> {
        Contender::new(environment, holder).attempt()
    }

    /// Where the journal is, while this has the environment.
    pub fn journal(&self) -> PathBuf {
        self.seat.path.join(JOURNAL)
    }

    /// Step 3 of a takeover.
    fn read(mut self) -> Result<(LocalStore, Option<Replayed>), StoreFault> {
        let replayed =
            reading::replay(&self.environment, Some(&self.seat)).map_err(|fault| match self.seat.is_there() {
                Ok(false) => self.heartbeat.tenure().fenced(),
                Ok(true) | Err(_) => fault,
            })?;
        let Some(mut replayed) = replayed else { return Ok((self, None)) };
        if replayed.records > 0 {
            replayed.state.serial += 1;
            self.compact(&replayed.state)?;
            replayed.records = 0;
        }
        replayed.state.epoch = self.seat.epoch;
        self.continues = Some(journal::header(&replayed.state, self.seat.epoch));
        Ok((self, Some(replayed)))
    }

    /// Why a write did not succeed, which may be that the seat is another's.
    fn fault(&self, path: &Path, doing: &'static str, error: io::Error) -> StoreFault {
        match self.seat.is_there() {
            Ok(false) => self.heartbeat.tenure().fenced(),
            Ok(true) | Err(_) => io_fault(path, doing)(error),
        }
    }
}

impl Store for LocalStore {
    fn append(&mut self, records: &[Record]) -> Result<(), StoreFault> {
        let path = self.journal();
        let written = match (&mut self.journal, &self.continues) {
            (Some(journal), _) => journal.append(records),
            (None, Some(continues)) => {
                Journal::begin(&self.seat, continues, records).map(|journal| self.journal = Some(journal))
            }
            (None, None) => {
                let what = "it is not there".into();
                return Err(StoreFault::Damaged { path: self.environment.join(SNAPSHOT), what });
            }
        };
        written.map_err(|error| self.fault(&path, "write", error))?;
        // Whoever takes the seat from now on reads what was written.
        match self.seat.is_there() {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.heartbeat.tenure().fenced()),
            Err(error) => Err(io_fault(&path, "write")(error)),
        }
    }

    fn compact(&mut self, state: &State) -> Result<(), StoreFault> {
        let path = self.environment.join(SNAPSHOT);
        snapshot::put(&self.environment, &self.seat, state).map_err(|error| self.fault(&path, "write", error))?;
        self.continues = Some(journal::header(state, self.seat.epoch));
        match self.journal.take() {
            Some(journal) => journal.empty().map_err(io_fault(&self.journal(), "shorten")),
            None => Ok(()),
        }
    }

    fn tenure(&self) -> Tenure {
        self.heartbeat.tenure().clone()
    }

    fn salt(&self) -> Option<Arc<str>> {
        Some(self.salt.clone())
    }

    fn writer(&self) -> Option<Command> {
        Some(self.writer.clone())
    }
}
