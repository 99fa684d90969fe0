//! The file that a sandbox is kept in: lines that are only ever appended to. Several processes may have
//! it open; each holds its lock for the moment of a change, and reads what others appended first. Kills
//! at any byte of it lose at most the line that was being written.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::sandbox::world::{Line, World};
use crate::state::private;

/// A log shorter than this is not worth making shorter.
const SHORT: usize = 64;

pub struct Log {
    path: PathBuf,
    handle: Option<Handle>,
}

struct Handle {
    file: File,
    id: FileId,
    writable: bool,
    /// It is as short as it is worth making it.
    tidy: bool,
    /// Bytes of whole lines that were read, and their number.
    read: u64,
    lines: usize,
    /// The file's length when it was last looked at.
    length: u64,
}

/// Tells a file from one that has taken its place; nothing where the system does not say. Logs are not
/// replaced there.
type FileId = Option<(u64, u64)>;

#[cfg(unix)]
fn id_of(metadata: &Metadata) -> FileId {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn id_of(_: &Metadata) -> FileId {
    None
}

impl Log {
    pub fn new(path: &Path) -> Log {
        Log { path: path.to_path_buf(), handle: None }
    }

    /// Brings the world up to what the file says. Looking makes nothing, not even the file.
    ///
    /// # Errors
    /// When the file is there and cannot be read, or is not what was written.
    pub fn look(&mut self, world: &mut World) -> io::Result<()> {
        let found = match std::fs::metadata(&self.path) {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if self.handle.take().is_some() {
                    *world = World::default();
                }
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if self.handle.as_ref().is_some_and(|handle| handle.id == id_of(&found) && handle.length == found.len()) {
            return Ok(());
        }
        self.locked(world, false, |_, _| Ok(()))
    }

    /// Changes the world by lines that `work` finds in it, and makes of its answer. Nobody else changes it
    /// meanwhile.
    ///
    /// # Errors
    /// When the file cannot be read or written: then nothing was changed.
    pub fn change<T>(&mut self, world: &mut World, work: impl FnOnce(&mut World) -> (T, Vec<Line>)) -> io::Result<T> {
        self.locked(world, true, |handle, world| {
            let (answer, lines) = work(world);
            handle.append(&lines)?;
            lines.into_iter().for_each(|line| world.apply(line));
            Ok(answer)
        })
    }

    /// Takes everything out.
    ///
    /// # Errors
    /// When the file cannot be replaced: then everything is as it was.
    pub fn clear(&mut self, world: &mut World) -> io::Result<()> {
        if !self.path.exists() {
            return Ok(());
        }
        let path = self.path.clone();
        self.locked(world, true, |handle, world| {
            *world = World::default();
            match handle.id {
                Some(_) => *handle = replaced(&path, world)?,
                None => {
                    handle.file.set_len(0)?;
                    (handle.read, handle.lines) = (0, 0);
                }
            }
            Ok(())
        })
    }

    /// Does something while nobody else changes the file, in the world as the file has it then.
    fn locked<T>(
        &mut self,
        world: &mut World,
        write: bool,
        work: impl FnOnce(&mut Handle, &mut World) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut handle = self.lock(world, write)?;
        let result = handle.catch_up(world).and_then(|()| {
            if write && !handle.tidy && handle.lines > SHORT.max(2 * world.size()) {
                handle = replaced(&self.path, world)?;
            }
            handle.tidy |= write;
            work(&mut handle, world)
        });
        handle.length = handle.file.metadata().map_or(0, |found| found.len());
        let unlocked = handle.file.unlock();
        self.handle = Some(handle);
        let answer = result?;
        unlocked.map(|()| answer)
    }

    /// The file that has the path now, locked.
    fn lock(&mut self, world: &mut World, write: bool) -> io::Result<Handle> {
        loop {
            let mut handle = match self.handle.take() {
                Some(handle) if handle.writable || !write => handle,
                kept => {
                    let mut opened = open(&self.path, write)?;
                    match kept {
                        // The same file: what was read of it is known.
                        Some(kept) if kept.id == opened.id && opened.id.is_some() => {
                            (opened.read, opened.lines, opened.length) = (kept.read, kept.lines, kept.length);
                        }
                        _ => *world = World::default(),
                    }
                    opened
                }
            };
            if write {
                handle.file.lock()?
            } else {
                handle.file.lock_shared()?
            }
            // It may have been replaced by a shorter one, or taken away, before the lock was had.
            match std::fs::metadata(&self.path) {
                Ok(found) if id_of(&found) == handle.id => {
                    if found.len() < handle.read {
                        *world = World::default();
                        (handle.read, handle.lines) = (0, 0);
                    }
                    return Ok(handle);
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            *world = World::default();
        }
    }
}

fn open(path: &Path, write: bool) -> io::Result<Handle> {
    let file = if write {
        if let Some(directory) = path.parent() {
            private::directory(directory)?;
        }
        let file = private::options().read(true).append(true).create(true).open(path)?;
        if file.metadata()?.len() == 0 {
            private::file(&file)?;
        }
        file
    } else {
        File::open(path)?
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let id = id_of(&file.metadata()?);
    Ok(Handle { file, id, writable: write, tidy: id.is_none(), read: 0, lines: 0, length: 0 })
}

impl Handle {
    /// Reads what was appended since.
    fn catch_up(&mut self, world: &mut World) -> io::Result<()> {
        if self.file.metadata()?.len() == self.read {
            return Ok(());
        }
        self.file.seek(SeekFrom::Start(self.read))?;
        let mut reader = BufReader::with_capacity(1 << 16, &self.file);
        let mut line = Vec::new();
        loop {
            line.clear();
            reader.by_ref().read_until(b'\n', &mut line)?;
            // A last line without an end is a call that was cut off: it did not happen.
            if line.last() != Some(&b'\n') {
                return Ok(());
            }
            let parsed = serde_json::from_slice(&line).map_err(|error| {
                let message = format!("line {} is not what was written: {error}", self.lines + 1);
                io::Error::new(ErrorKind::InvalidData, message)
            })?;
            world.apply(parsed);
            self.lines += 1;
            self.read += line.len() as u64;
        }
    }

    fn append(&mut self, lines: &[Line]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        // What was cut off must not stand before what is written now.
        if self.file.metadata()?.len() != self.read {
            self.file.set_len(self.read)?;
        }
        if let Err(error) = self.file.write_all(&text) {
            let _ = self.file.set_len(self.read);
            return Err(error);
        }
        self.read += text.len() as u64;
        self.lines += lines.len();
        Ok(())
    }
}

/// The same world in as few lines as it takes, in the file's place, and locked.
fn replaced(path: &Path, world: &World) -> io::Result<Handle> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::Builder::new().prefix("sandbox-").append(true).tempfile_in(directory)?;
    let mut writer = BufWriter::new(temporary.as_file_mut());
    let (mut lines, mut length) = (0, 0);
    for line in world.lines() {
        let text = serde_json::to_vec(&line)?;
        writer.write_all(&text)?;
        writer.write_all(b"\n")?;
        (lines, length) = (lines + 1, length + text.len() as u64 + 1);
    }
    writer.flush()?;
    drop(writer);
    private::file(temporary.as_file())?;
    temporary.as_file().sync_all()?;
    temporary.as_file().lock()?;
    let file = temporary.persist(path).map_err(|error| error.error)?;
    if cfg!(unix) {
        File::open(directory)?.sync_all()?;
    }
    let id = id_of(&file.metadata()?);
    Ok(Handle { file, id, writable: true, tidy: true, read: length, lines, length })
}
