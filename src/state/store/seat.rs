//! The writer's seat: the one directory in which a writer of an environment can work, and how it
//! passes from one to the next.
//!
//! ```text
//! .tadpole/ENV/state.json          in force
//! .tadpole/ENV/writer/7-3f2a9c01/  the seat: its epoch, and the first digits of its owner
//!     lease.json                   who sits there, until when
//!     journal.jsonl                what happened since the snapshot
//!     NAME.3f2a9c01                not in force yet: only its owner knows of it
//! ```
//!
//! A writer puts something in force in one way only: it writes a file `NAME.OWNER` into its seat, makes
//! it durable, and renames it to its place. A taker takes over in three steps, in this order:
//!
//! 1. It renames the seat. The new name has a higher epoch and its own digits.
//! 2. It removes what is not in force yet from the seat.
//! 3. It reads the snapshot and the journal. What the journal has it folds into a snapshot of its own
//!    before it records anything, and it begins a journal of its own: a new file.
//!
//! What holds then, without a lock, wherever renaming is atomic and seen by all at once:
//!
//! - *One taker wins.* The name that it renames exists once; for all others it is gone. The directory
//!   `writer` comes into being with its first seat in it, by one rename that fails where it is already, and
//!   is never empty again: no second seat can be made.
//! - *A writer that was taken over from puts nothing in force.* A name is never used twice, so whatever it
//!   does by a path after step 1 finds nothing. What it was doing at step 1 with its path already looked up
//!   is at most one thing a thread: either it makes a file, which can no longer be renamed; or it renames
//!   one. That happens before step 2, and then step 3 reads it; or the file is gone, and it fails.
//! - *Nothing that it was told is durable is lost.* It can still append to the journal that it has open.
//!   But after each append that is durable it looks for its seat, and says so only if it is there. Then
//!   step 1 comes later, and step 3 reads what was appended. If it is not there, the writer is told so
//!   and stops: what it appended may count or not, as if it had been killed in the middle of it.
//! - *What it appends later counts for nobody*, once the successor has put anything in force: its journal is
//!   then another file, and continues another snapshot.
//!
//! Who cannot sit down, or give his lease back, because the disk is full, leaves the seat by renaming it to
//! `8-free`. That needs no space.
//!
//! None of this rests on clocks. They say when a lease has run out, that is, when somebody may try.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::state::LIMIT;
use crate::state::lease::Lease;
use crate::state::private;
use crate::state::store::{StoreFault, io_fault};
use crate::state::tenure::Keep;

/// The directory of the one seat.
pub const WRITER: &str = "writer";
const LEASE: &str = "lease.json";
/// In place of an owner's digits: nobody has it.
const FREE: &str = "free";
pub const JOURNAL: &str = "journal.jsonl";

/// A seat as it is called now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seat {
    pub path: PathBuf,
    pub epoch: u64,
    /// The first digits of its owner.
    digits: String,
}

impl Seat {
    fn new(environment: &Path, epoch: u64, owner: &str) -> Seat {
        let digits: String = owner.chars().take(8).collect();
        Seat { path: environment.join(WRITER).join(format!("{epoch}-{digits}")), epoch, digits }
    }

    /// The seat of an environment, if it has one yet. A list of names may show one that is gone by now, or
    /// leave out one that has changed: whoever acts upon it finds that out.
    pub fn find(environment: &Path) -> io::Result<Option<Seat>> {
        let writer = environment.join(WRITER);
        let entries = match std::fs::read_dir(&writer) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            entries => entries?,
        };
        let mut seat: Option<Seat> = None;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let Some((epoch, digits)) = name.to_str().and_then(|name| name.split_once('-')) else { continue };
            let Ok(epoch) = epoch.parse::<u64>() else { continue };
            if epoch > LIMIT {
                let what = format!("`{}` has a number that no writer has", entry.path().display());
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            if seat.as_ref().is_none_or(|seat| seat.epoch < epoch) {
                seat = Some(Seat { path: entry.path(), epoch, digits: digits.to_string() });
            }
        }
        Ok(seat)
    }

    /// Makes the first seat of an environment, unless it has one.
    pub fn first(environment: &Path, lease: &Lease) -> io::Result<Option<Seat>> {
        let beside = tempfile::Builder::new().prefix(".writer-").tempdir_in(environment)?;
        private::own(beside.path())?;
        let seat = Seat::new(environment, lease.epoch, &lease.owner);
        let Some(name) = seat.path.file_name() else { return Ok(None) };
        let inside = Seat { path: beside.path().join(name), ..seat.clone() };
        private::directory(&inside.path)?;
        inside.put_lease(lease)?;
        sync_directory(beside.path())?;
        match std::fs::rename(beside.path(), environment.join(WRITER)) {
            Ok(()) => {
                // There is nothing left to clean up.
                let _ = beside.keep();
                sync_directory(environment)?;
                Ok(Some(seat))
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Takes this seat for another owner: steps 1 and 2, and its lease. Nothing when it was another's
    /// already.
    pub fn pass_to(&self, environment: &Path, lease: &Lease) -> io::Result<Option<Seat>> {
        let seat = Seat::new(environment, lease.epoch, &lease.owner);
        match std::fs::rename(&self.path, &seat.path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
        // Else, after the machine has crashed, the one before might have its seat again.
        let taken =
            sync_directory(&environment.join(WRITER)).and_then(|()| seat.clear()).and_then(|()| seat.put_lease(lease));
        match taken {
            Ok(()) => Ok(Some(seat)),
            // It was taken over before it sat down.
            Err(_) if !seat.is_there()? => Ok(None),
            Err(error) => {
                // On a full disk, say, nobody else is to wait for somebody who will never sit there.
                let _ = seat.leave(environment);
                Err(error)
            }
        }
    }

    /// Leaves the seat to whoever comes. This needs no space on the disk.
    fn leave(&self, environment: &Path) -> io::Result<()> {
        std::fs::rename(&self.path, Seat::new(environment, self.epoch, FREE).path)
    }

    /// Whether nobody has it.
    pub fn is_free(&self) -> bool {
        self.digits == FREE
    }

    /// Removes what is not in force yet: step 2.
    fn clear(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            if matches!(entry.file_name().to_str(), Some(LEASE | JOURNAL)) {
                continue;
            }
            match std::fs::remove_file(entry.path()) {
                // It was put in force at the last moment.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed?,
            }
        }
        Ok(())
    }

    /// The lease of whoever sits here, with the time of its last renewal by the file system's clock.
    /// Nothing when he has not said who he is yet, or what he said cannot be read.
    ///
    /// # Errors
    /// `NotFound` when the seat is not called so any more.
    pub fn lease(&self) -> io::Result<Option<(Lease, SystemTime)>> {
        let mut file = match File::open(self.path.join(LEASE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.is_there()? => return Ok(None),
            file => file?,
        };
        let renewed = file.metadata()?.modified()?;
        let mut text = Vec::new();
        io::Read::read_to_end(&mut file, &mut text)?;
        let lease = serde_json::from_slice::<Lease>(&text).ok();
        Ok(lease.filter(|lease| self.is_of(lease)).map(|lease| (lease, renewed)))
    }

    /// Whether this is the seat of a lease's owner.
    pub fn is_of(&self, lease: &Lease) -> bool {
        lease.epoch == self.epoch && lease.owner.starts_with(&self.digits)
    }

    fn put_lease(&self, lease: &Lease) -> io::Result<()> {
        let mut text = serde_json::to_string(lease)?;
        text.push('\n');
        // Nothing needs a lease after the machine has crashed: it need not be durable.
        self.put(LEASE, &self.path.join(LEASE), |file| file.write_all(text.as_bytes())).map(drop)
    }

    /// Puts a file in force in its place. That it, and its name, are durable is up to the caller.
    pub fn put(&self, name: &str, place: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<File> {
        if std::fs::symlink_metadata(place).is_ok_and(|found| !found.is_file()) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "what is there is not a regular file"));
        }
        let path = self.path.join(format!("{name}.{}", self.digits));
        let mut file = private::options().read(true).write(true).create(true).truncate(true).open(&path)?;
        let written = private::file(&file).and_then(|()| write(&mut file));
        let written = written.and_then(|()| std::fs::rename(&path, place));
        if let Err(error) = written {
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        Ok(file)
    }

    /// Whether its owner still has it.
    pub fn is_there(&self) -> io::Result<bool> {
        std::fs::exists(&self.path)
    }
}

/// The lease in a seat, as its owner keeps it.
pub struct SeatKeeper {
    environment: PathBuf,
    seat: Seat,
    lease: Lease,
    /// Whether it was given back. One thread writes the lease at a time.
    released: Mutex<bool>,
}

impl SeatKeeper {
    pub fn new(environment: &Path, seat: Seat, lease: Lease) -> SeatKeeper {
        SeatKeeper { environment: environment.to_path_buf(), seat, lease, released: Mutex::new(false) }
    }

    fn write(&self, lease: &Lease) -> Result<(), StoreFault> {
        self.seat.put_lease(lease).map_err(|error| match self.seat.is_there() {
            Ok(false) => StoreFault::Fenced(self.successor().map(Box::new)),
            Ok(true) | Err(_) => io_fault(&self.seat.path.join(LEASE), "renew")(error),
        })
    }
}

impl Keep for SeatKeeper {
    fn is_lost(&self) -> bool {
        self.seat.is_there().is_ok_and(|there| !there)
    }

    fn renew(&self) -> Result<(), StoreFault> {
        let released = self.released.lock().unwrap_or_else(PoisonError::into_inner);
        if *released { Err(StoreFault::Fenced(None)) } else { self.write(&self.lease.renewed()) }
    }

    fn release(&self) -> Result<(), StoreFault> {
        let mut released = self.released.lock().unwrap_or_else(PoisonError::into_inner);
        *released = true;
        let written = self.write(&Lease { released: true, ..self.lease.renewed() });
        written.or_else(|fault| self.seat.leave(&self.environment).map_err(|_| fault))
    }

    fn successor(&self) -> Option<Lease> {
        // He may be just sitting down.
        for _ in 0..50 {
            let seat = Seat::find(&self.environment).ok().flatten().filter(|seat| *seat != self.seat);
            if let Some((lease, _)) = seat.and_then(|seat| seat.lease().ok().flatten()) {
                return Some(lease);
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        None
    }
}

/// Makes the names in a directory durable, not only the files.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// What time it is for an environment: by the clock of the file system, which is one for all machines that
/// share it.
pub fn time_of(environment: &Path) -> io::Result<SystemTime> {
    let mut probe = tempfile::Builder::new().prefix(".time-").tempfile_in(environment)?;
    probe.write_all(b".")?;
    probe.as_file().metadata()?.modified()
}

/// An owner as it is written.
pub fn new_owner() -> String {
    uuid::Uuid::new_v4().to_string()
}
