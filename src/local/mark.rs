//! Whose the things of this machine are. They bear no tags, so this is written beside the record of their
//! environment, before they come into being: one file for each, called as the operation that made it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::site::{io_fault, locked, stamp};
use crate::apply::provider::{Fault, FaultKind, Owner};
use crate::name::Address;
use crate::state::private;
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
        /// The directory that it was written to, without links: from the program's directory where it is below
        /// that. Absent in marks of earlier versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        within: Option<String>,
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
#[derive(Clone, Copy, Eq, Debug, Serialize, Deserialize)]
pub struct Stamp {
    pub device: u64,
    pub number: u64,
    /// When it was made, in nanoseconds since 1970: a number is given to others when it is free again. Absent
    /// where the file system does not keep it, and in marks of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub born: Option<u64>,
}

impl PartialEq for Stamp {
    fn eq(&self, other: &Stamp) -> bool {
        let born = self.born.zip(other.born).is_none_or(|(one, two)| one == two);
        self.device == other.device && self.number == other.number && born
    }
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
#[derive(Debug)]
pub struct Marks {
    directory: PathBuf,
    /// Which files to read for a thing: all are read once. Nothing before that.
    index: Mutex<Option<Index>>,
}

/// Files of marks, by what they are about. A file that is named here may be gone, or say something else by now.
#[derive(Debug, Default)]
struct Index {
    of_thing: BTreeMap<(String, String), BTreeSet<PathBuf>>,
    of_component: BTreeMap<(String, Address), BTreeSet<PathBuf>>,
}

impl Index {
    fn add(&mut self, mark: &Mark, path: &Path) {
        self.of_thing.entry((mark.kind.clone(), mark.id.clone())).or_default().insert(path.into());
        let component = (mark.kind.clone(), mark.owner.address.clone());
        self.of_component.entry(component).or_default().insert(path.into());
    }
}

impl Marks {
    pub fn new(directory: PathBuf) -> Marks {
        Marks { directory, index: Mutex::default() }
    }

    /// The marks that an index names and that a test admits, in the order of their names.
    fn found(
        &self,
        paths: impl FnOnce(&Index) -> Option<&BTreeSet<PathBuf>>,
        is_it: impl Fn(&Mark) -> bool,
    ) -> Result<Vec<Mark>, Fault> {
        let paths: Vec<PathBuf> = {
            let mut index = locked(&self.index);
            let index = match &mut *index {
                Some(index) => index,
                unread => {
                    let mut read = Index::default();
                    self.all()?.iter().for_each(|mark| read.add(mark, &self.path(&mark.owner.token)));
                    unread.insert(read)
                }
            };
            paths(index).into_iter().flatten().cloned().collect()
        };
        // Each is read again: whatever is decided by it is decided by what it says now.
        let marks = paths.iter().filter_map(|path| read(path).transpose());
        marks.filter(|mark| mark.as_ref().map_or(true, &is_it)).collect()
    }

    /// Notes a mark that another process of this command has written.
    pub fn note(&self, token: &str) -> Result<(), Fault> {
        let path = self.path(token);
        if let (Some(mark), Some(index)) = (read(&path)?, &mut *locked(&self.index)) {
            index.add(&mark, &path);
        }
        Ok(())
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
        self.put(&path, &text)?;
        if let Some(index) = &mut *locked(&self.index) {
            index.add(mark, &path);
        }
        Ok(())
    }

    /// Gives leave to start a process.
    pub fn give_leave(&self, token: &str) -> Result<PathBuf, Fault> {
        let path = self.leave(token);
        self.put(&path, b"")?;
        Ok(path)
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> Result<(), Fault> {
        let written = || {
            private::directory(&self.directory)?;
            // Such a file is its owner's alone from the start.
            let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
            file.write_all(bytes)?;
            private::file(file.as_file())?;
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
        let is_it = |mark: &Mark| mark.kind == kind && mark.id == id;
        Ok(self.found(|index| index.of_thing.get(&(kind.to_string(), id.to_string())), is_it)?.pop())
    }

    /// Those of a component of an environment.
    pub fn owned(&self, kind: &str, owner: &Owner) -> Result<Vec<Mark>, Fault> {
        let is_it = |mark: &Mark| {
            mark.kind == kind && mark.owner.lineage == owner.lineage && mark.owner.address == owner.address
        };
        self.found(|index| index.of_component.get(&(kind.to_string(), owner.address.clone())), is_it)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(token: &str, id: &str, born: Option<u64>) -> Mark {
        let owner = Owner { lineage: "l".into(), address: "web".parse().unwrap(), token: token.into() };
        let of = Trait::Directory { stamp: Stamp { device: 1, number: 2, born } };
        Mark { owner, kind: "local.Directory".into(), id: id.into(), of }
    }

    #[test]
    fn a_number_that_is_used_again_is_another_directory() {
        let stamp = |born| Stamp { device: 1, number: 2, born };
        assert_ne!(stamp(Some(3)), stamp(Some(4)));
        assert_eq!(stamp(Some(3)), stamp(Some(3)));
        // As an earlier version marked it.
        let old: Stamp = serde_json::from_str(r#"{"device":1,"number":2}"#).unwrap();
        assert_eq!(old, stamp(Some(4)));
    }

    #[test]
    fn marks_are_found_as_they_are_now_also_those_of_others() {
        let directory = tempfile::tempdir().unwrap();
        let (marks, others) = (Marks::new(directory.path().into()), Marks::new(directory.path().into()));
        let kind = "local.Directory";
        assert_eq!(marks.of(kind, "site").unwrap(), None);
        marks.write(&mark("one", "site", Some(1))).unwrap();
        assert_eq!(marks.of(kind, "site").unwrap(), Some(mark("one", "site", Some(1))));
        // Another process writes one, changes one, and takes one away.
        others.write(&mark("two", "more", None)).unwrap();
        marks.note("two").unwrap();
        assert_eq!(marks.of(kind, "more").unwrap(), Some(mark("two", "more", None)));
        others.write(&mark("one", "site", Some(9))).unwrap();
        assert_eq!(marks.of(kind, "site").unwrap(), Some(mark("one", "site", Some(9))));
        let owner = mark("one", "site", None).owner;
        assert_eq!(marks.owned(kind, &owner).unwrap().len(), 2);
        others.remove("one").unwrap();
        assert_eq!(marks.of(kind, "site").unwrap(), None);
        assert_eq!(marks.owned(kind, &owner).unwrap(), [mark("two", "more", None)]);
    }
}
