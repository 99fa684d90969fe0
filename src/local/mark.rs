//! Whose the things of this machine are. They bear no tags, so this is written beside the record of their
//! environment, before they come into being: one file for each, called as the operation that made it.

use std::fs::Metadata;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::site::{io_fault, stamp};
use crate::apply::provider::{Fault, FaultKind, Owner};
use crate::state::process::Process;

/// What is known of one thing.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Mark {
    pub owner: Owner,
    /// The provider's name of its type.
    pub kind: String,
    pub id: String,
    pub of: Trait,
}

/// What a thing is known by.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trait {
    File {
        stamp: Stamp,
        /// When it was written, in nanoseconds since 1970.
        modified: u64,
        /// The SHA-256 of what it may have in it: what was written, and while that changes what was before.
        /// None of a secret.
        sums: Vec<String>,
    },
    Directory {
        stamp: Stamp,
    },
    Port,
    Process {
        process: Process,
        /// Which machine it runs on.
        machine: String,
        /// Where it writes to.
        log: PathBuf,
    },
}

/// A file as the file system tells it from all others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stamp {
    pub device: u64,
    pub number: u64,
}

impl Mark {
    /// Whether what was found at its path is the one that it is about.
    pub fn is_of(&self, found: Option<&Metadata>) -> bool {
        match (&self.of, found) {
            (Trait::File { stamp: marked, .. }, Some(found)) => found.is_file() && *marked == stamp(found),
            (Trait::Directory { stamp: marked }, Some(found)) => found.is_dir() && *marked == stamp(found),
            (Trait::Port | Trait::Process { .. }, _) | (_, None) => false,
        }
    }
}

/// The marks of one environment.
#[derive(Clone, Debug)]
pub struct Marks {
    directory: PathBuf,
}

impl Marks {
    pub fn new(directory: PathBuf) -> Marks {
        Marks { directory }
    }

    /// Where the mark of an operation is, or will be.
    pub fn path(&self, token: &str) -> PathBuf {
        self.named(token, "json")
    }

    /// The leave to start a process for an operation: whoever starts it renames this to its mark, and who
    /// takes it away first keeps it from being started.
    pub fn leave(&self, token: &str) -> PathBuf {
        self.named(token, "leave")
    }

    fn named(&self, token: &str, ending: &str) -> PathBuf {
        let name: String = token.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        self.directory.join(format!("{name}.{ending}"))
    }

    /// Makes it durable.
    pub fn write(&self, mark: &Mark) -> Result<(), Fault> {
        let path = self.path(&mark.owner.token);
        let text = serde_json::to_vec(mark).map_err(|error| io_fault("write", &path, &error.into()))?;
        self.put(&path, &text)
    }

    /// Gives leave to start a process.
    pub fn give_leave(&self, token: &str) -> Result<PathBuf, Fault> {
        let path = self.leave(token);
        self.put(&path, b"")?;
        Ok(path)
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> Result<(), Fault> {
        let written = || {
            std::fs::create_dir_all(&self.directory)?;
            // Such a file is its owner's alone from the start.
            let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|error| error.error)?;
            std::fs::File::open(&self.directory)?.sync_all()
        };
        written().map_err(|error| io_fault("write", path, &error))
    }

    /// That of an operation.
    pub fn get(&self, token: &str) -> Result<Option<Mark>, Fault> {
        read(&self.path(token))
    }

    /// All of them, in the order of their names.
    pub fn all(&self) -> Result<Vec<Mark>, Fault> {
        let unreadable = |error| io_fault("read", &self.directory, &error);
        let entries = match std::fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(error)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|ending| ending == "json") {
                paths.push(path);
            }
        }
        paths.sort();
        // One that is taken away meanwhile is none.
        paths.iter().filter_map(|path| read(path).transpose()).collect()
    }

    /// That of a thing.
    pub fn of(&self, kind: &str, id: &str) -> Result<Option<Mark>, Fault> {
        Ok(self.all()?.into_iter().rev().find(|mark| mark.kind == kind && mark.id == id))
    }

    /// Those of a component of an environment.
    pub fn owned(&self, kind: &str, owner: &Owner) -> Result<Vec<Mark>, Fault> {
        let is_it = |mark: &Mark| {
            mark.kind == kind && mark.owner.lineage == owner.lineage && mark.owner.address == owner.address
        };
        Ok(self.all()?.into_iter().filter(is_it).collect())
    }

    pub fn remove(&self, token: &str) -> Result<(), Fault> {
        remove(&self.path(token))
    }
}

/// Takes a file away; what is gone already counts as taken away.
pub fn remove(path: &Path) -> Result<(), Fault> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io_fault("delete", path, &error)),
    }
}

fn read(path: &Path) -> Result<Option<Mark>, Fault> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_fault("read", path, &error)),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        let text = format!("`{}` does not say whose a thing is: {error}", path.display());
        Fault::new(FaultKind::Refused, text).help("restore it from a backup, or look what it was about and delete it")
    })
}
