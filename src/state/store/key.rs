//! The key under which secrets are fingerprinted: one for each environment, in a file of its own.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

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
