//! The key under which secrets are fingerprinted: one for each environment, in a file of its own.

use std::io::{self, Write};
use std::path::Path;

use crate::state::private;
use crate::state::store::seat::sync_directory;
use crate::state::store::{StoreFault, io_fault};
use crate::value::SealingKey;

const KEY: &str = "secret.key";

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

/// Keeps a key for the environment, readable by its owner alone. It is there whole or not at all: half a
/// key would lock everybody out.
///
/// # Errors
/// When it cannot be written, or there is one already.
pub fn keep_key(directory: &Path, key: &SealingKey) -> Result<(), StoreFault> {
    let path = directory.join(KEY);
    private::directory(directory).map_err(io_fault(directory, "make the directory"))?;
    // Such a file is its owner's alone from the start.
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(io_fault(&path, "write"))?;
    let written =
        file.write_all(&key.0).and_then(|()| private::file(file.as_file())).and_then(|()| file.as_file().sync_all());
    written.map_err(io_fault(&path, "write"))?;
    file.persist_noclobber(&path).map_err(|error| io_fault(&path, "write")(error.error))?;
    sync_directory(directory).map_err(io_fault(directory, "write"))
}
