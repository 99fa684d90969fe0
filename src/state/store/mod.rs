//! Where an environment is kept, whatever keeps it: what a store does for the ledger, and why it could
//! not. `local` is the one in a directory.

mod journal;
mod key;
mod local;
mod reading;
mod seat;
mod snapshot;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::state::about::Command;
use crate::state::lease::{Lease, to_seconds};
use crate::state::record::Record;
use crate::state::tenure::Tenure;
use crate::state::{State, VERSION};

pub use key::{keep_key, sealing_key};
pub use local::{Contender, LocalStore};
pub use reading::{Replayed, holder, is_recorded, peek};
pub use snapshot::{document, parse as read_document};

/// Keeps one environment, for the one writer that has it. A writer whose lease was taken over gets
/// `Fenced` from everything, whatever it believes of itself.
pub trait Store: Send {
    /// Makes records durable, all of them or, after a crash, a part from the start.
    ///
    /// # Errors
    /// When they may not be durable; the writer must stop then.
    fn append(&mut self, records: &[Record]) -> Result<(), StoreFault>;

    /// Replaces snapshot and journal by a new snapshot, of the writer's epoch.
    ///
    /// # Errors
    /// When the old ones are still in force.
    fn compact(&mut self, state: &State) -> Result<(), StoreFault>;

    /// Whether the writer may still act on what it reads and writes here.
    fn tenure(&self) -> Tenure;

    /// A text that no other writer of the environment has or had: tokens are made with it.
    fn salt(&self) -> Option<Arc<str>> {
        None
    }

    /// The command that writes, where that is known.
    fn writer(&self) -> Option<Command> {
        None
    }
}

/// Why a store cannot be read or written.
#[derive(Debug)]
pub enum StoreFault {
    /// Another process writes; who, if it has said so by now.
    Locked(Option<Box<Lease>>),
    /// This process had it, and another has taken it over; who, if it has said so by now.
    Fenced(Option<Box<Lease>>),
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
            StoreFault::Locked(Some(lease)) => {
                write!(f, "this environment is being changed by {lease}; its lease ends at {}", to_seconds(lease.until))
            }
            StoreFault::Locked(None) => f.write_str("this environment is just being taken by another process"),
            StoreFault::Fenced(Some(lease)) => {
                write!(f, "this environment was taken over by {lease}, because this process did not renew its lease")
            }
            StoreFault::Fenced(None) => f.write_str("this environment was taken over by another process"),
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
            StoreFault::Locked(_) => {
                "add `--wait 10m` to wait for it; the lease ends with its process, and when that hangs, by itself"
            }
            StoreFault::Fenced(_) => {
                "this process has stopped and changes nothing more; run the command again to see what is left to do"
            }
            StoreFault::Io { .. } => {
                "nothing was changed that is not recorded; make room or give access, and run the command again"
            }
            StoreFault::Damaged { .. } => "restore the file from a backup or from version control; nothing was changed",
            StoreFault::Newer { .. } => "use the newer tadpole that wrote it",
        }
    }
}

fn io_fault(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> StoreFault {
    move |error| match error.kind() {
        io::ErrorKind::InvalidData => StoreFault::Damaged { path: path.to_path_buf(), what: error.to_string() },
        _ => StoreFault::Io { path: path.to_path_buf(), doing, error },
    }
}
