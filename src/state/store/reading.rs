//! Reading an environment: the snapshot, and what its journal adds. Readers take nothing; what they
//! read was true together at some moment.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::state::State;
use crate::state::lease::Lease;
use crate::state::record::Record;
use crate::state::store::seat::{self, JOURNAL, Seat, WRITER};
use crate::state::store::snapshot::{self, InForce, SNAPSHOT};
use crate::state::store::{StoreFault, io_fault, journal};

/// How often files that change while they are read are read again.
const LOOKS: u32 = 1000;

/// A snapshot with its journal applied.
pub struct Replayed {
    pub state: State,
    /// How many of its records the snapshot does not have.
    pub records: usize,
}

/// Reads snapshot and journal, for somebody who has the environment; nothing when it is new.
pub fn replay(environment: &Path, seat: Option<&Seat>) -> Result<Option<Replayed>, StoreFault> {
    let snapshot = environment.join(SNAPSHOT);
    let path = seat.map_or_else(|| environment.join(WRITER).join(JOURNAL), |seat| seat.path.join(JOURNAL));
    let state = snapshot::read(&snapshot)?;
    let file = match (File::open(&path), seat) {
        (Ok(file), _) => Some(file),
        (Err(error), None) if error.kind() == io::ErrorKind::NotFound => None,
        (Err(error), Some(seat)) if error.kind() == io::ErrorKind::NotFound && seat.is_there().unwrap_or(false) => None,
        (Err(error), _) => return Err(io_fault(&path, "open")(error)),
    };
    let Some(mut state) = state else {
        // A journal only ever comes after a snapshot: without it, what was made would be lost.
        return match file {
            Some(_) => {
                let what = format!("it is not there, and `{}` continues it", path.display());
                Err(StoreFault::Damaged { path: snapshot, what })
            }
            None => Ok(None),
        };
    };
    let records = match file {
        Some(file) => journal::scan(&path, file, &state.lineage, state.serial)?,
        None => Vec::new(),
    };
    let count = records.len();
    records.into_iter().for_each(|record: Record| state.apply(record));
    Ok(Some(Replayed { state, records: count }))
}

/// Reads an environment without taking it; nothing when nothing is recorded.
///
/// # Errors
/// When a file cannot be read or is not what was written.
pub fn peek(environment: &Path) -> Result<Option<State>, StoreFault> {
    let path = environment.join(SNAPSHOT);
    for _ in 0..LOOKS {
        let found = find(environment)?;
        let in_force = InForce::of(&path).map_err(io_fault(&path, "open"))?;
        let read = replay(environment, found.as_ref());
        // Every snapshot is another file. If this one is still in force, the journal was read as it
        // continues it; if not, what was read may not belong together.
        if !in_force.holds(&path).map_err(io_fault(&path, "open"))? {
            continue;
        }
        match read {
            Ok(read) => return Ok(read.map(|replayed| replayed.state)),
            // The journal may have moved on with the seat.
            Err(fault) if find(environment)? == found => return Err(fault),
            Err(_) => {}
        }
    }
    Err(StoreFault::Damaged { path, what: "it changes all the time".into() })
}

/// Whether anything is recorded of an environment, without a look at what.
pub fn is_recorded(environment: &Path) -> bool {
    environment.join(SNAPSHOT).exists()
}

/// The lease that somebody has on an environment, unless it is certain that he needs it no longer.
///
/// # Errors
/// When it cannot be read.
pub fn holder(environment: &Path, host: &str) -> Result<Option<Lease>, StoreFault> {
    for _ in 0..LOOKS {
        let Some(seat) = find(environment)? else { return Ok(None) };
        match seat.lease() {
            Ok(told) => return Ok(told.map(|(lease, _)| lease).filter(|lease| !lease.is_over(host))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_fault(&seat.path, "read")(error)),
        }
    }
    Ok(None)
}

fn find(environment: &Path) -> Result<Option<Seat>, StoreFault> {
    Seat::find(environment).map_err(io_fault(&environment.join(seat::WRITER), "read"))
}
