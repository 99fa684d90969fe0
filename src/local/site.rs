//! Where the things of one environment are on this machine, and what a command knows of them while it runs.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind};
use std::path::{Component, Path, PathBuf};
use std::process::Child;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;

use super::mark::{Marks, Stamp};
use super::stop::Stopping;
use crate::apply::provider::{Fault, FaultKind};
use crate::value::{self, Fields};

pub struct Site {
    /// The program's, absolute: relative paths start there.
    pub directory: PathBuf,
    pub marks: Marks,
    /// Where a process writes to that is not told where.
    pub logs: PathBuf,
    /// What starts processes: this program.
    pub launcher: PathBuf,
    /// Processes that this command started, by their ids: their parent is told how they end.
    pub children: Mutex<BTreeMap<String, Child>>,
    /// Processes that this command is stopping, by their ids.
    pub stopping: Mutex<BTreeMap<String, Stopping>>,
    /// Held while a port is chosen.
    pub choosing: Mutex<()>,
}

impl Site {
    /// A path as a thing has it for its id: from the program's directory where it is below that, without
    /// `.` and `..`.
    pub fn id(&self, directory: Option<&str>, path: &str) -> String {
        let whole = self.directory.join(directory.unwrap_or_default()).join(path);
        let mut plain = PathBuf::new();
        for part in whole.components() {
            match part {
                Component::ParentDir => drop(plain.pop()),
                Component::CurDir => {}
                Component::Prefix(_) | Component::RootDir | Component::Normal(_) => plain.push(part),
            }
        }
        let below = plain.strip_prefix(&self.directory).ok().filter(|below| !below.as_os_str().is_empty());
        below.unwrap_or(&plain).to_string_lossy().into_owned()
    }

    /// Where the thing with this id is.
    pub fn path(&self, id: &str) -> PathBuf {
        self.directory.join(id)
    }
}

/// What a lock holds, whatever became of who held it before: each of them is whole between two statements.
pub fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Attributes as the struct of a type.
///
/// # Errors
/// Our own mistake: the schema and the struct have drifted apart.
pub fn decode<T: DeserializeOwned>(kind: &str, inputs: &Fields) -> Result<T, Fault> {
    serde_json::from_value(value::reveal(inputs)).map_err(|error| {
        Fault::new(FaultKind::Refused, format!("the attributes of `{kind}` do not fit its code: {error}"))
            .help("this is a mistake of tadpole, not of the program: please report it")
    })
}

/// Why something could not be done with a file.
pub fn io_fault(what: &str, path: &Path, error: &Error) -> Fault {
    let path = path.display();
    let text = format!("cannot {what} `{path}`: {error}");
    match error.kind() {
        ErrorKind::PermissionDenied => Fault::new(FaultKind::Denied, text)
            .help("the user who runs this command may not: change the owner or the mode of its directory"),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Fault::new(FaultKind::Refused, text).help("make room on that disk, and apply again")
        }
        ErrorKind::ReadOnlyFilesystem => {
            Fault::new(FaultKind::Refused, text).help("choose a place that can be written to")
        }
        _ => Fault::new(FaultKind::Refused, text),
    }
}

/// As [`io_fault`], where something new is put at a path.
pub fn not_put(what: &str, path: &Path, error: &Error) -> Fault {
    match (error.kind(), path.parent()) {
        (ErrorKind::NotFound, Some(parent)) => {
            let text = format!("there is no directory `{}` to put `{}` in", parent.display(), path.display());
            Fault::new(FaultKind::Missing, text)
                .on("path")
                .help("make it, or declare a `LocalDirectory` and name it with `directory`")
        }
        _ => io_fault(what, path, error).on("path"),
    }
}

/// What the file system knows a file or directory by.
pub fn stamp(found: &std::fs::Metadata) -> Stamp {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Stamp { device: found.dev(), number: found.ino(), born: born(found) }
    }
    #[cfg(not(unix))]
    {
        // Without numbers of files, the moment of its making tells it from most others.
        Stamp { device: 0, number: born(found).unwrap_or(0), born: None }
    }
}

/// When it was made, in nanoseconds since 1970; nothing where the file system does not keep that.
fn born(found: &std::fs::Metadata) -> Option<u64> {
    let since = found.created().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok()
}

/// The permission bits, as `chmod` writes them; nothing where there are none.
pub fn mode(found: &std::fs::Metadata) -> Option<u32> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        Some(found.permissions().mode() & 0o7777)
    }
    #[cfg(not(unix))]
    {
        let _ = found;
        None
    }
}

/// Sets the permission bits, where there are any. Nothing is changed through a link.
pub fn set_mode(path: &Path, mode: u32) -> Result<(), Error> {
    #[cfg(unix)]
    {
        use rustix::fs::{Mode, OFlags, fchmod, open};
        let bits = Mode::from_raw_mode(mode as rustix::fs::RawMode);
        match open(path, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()) {
            Ok(file) => Ok(fchmod(file, bits)?),
            // One that may not be read may still be given another mode by its owner.
            Err(rustix::io::Errno::ACCESS) if !std::fs::symlink_metadata(path)?.is_symlink() => {
                use std::os::unix::fs::PermissionsExt;
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
            }
            Err(error) => Err(error.into()),
        }
    }
    #[cfg(not(unix))]
    {
        let _ = (path, mode);
        Ok(())
    }
}

/// What is at a path, without following a link; nothing when there is nothing.
pub fn look(path: &Path) -> Result<Option<std::fs::Metadata>, Fault> {
    match std::fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(io_fault("look at", path, &error)),
    }
}
