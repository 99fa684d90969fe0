//! The journal, `journal.jsonl`: what happened since the snapshot, a record a line, only ever appended
//! to. A new one is a new file: who has an old one open writes into that and into no other.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::state::record::{self, Header, Record};
use crate::state::store::seat::{JOURNAL, Seat, sync_directory};
use crate::state::store::{StoreFault, io_fault};
use crate::state::{LIMIT, State, VERSION};

/// A journal that is being written.
pub struct Journal {
    file: File,
    /// Of the next line.
    next: u64,
    /// Bytes that are known to be whole lines.
    length: u64,
}

impl Journal {
    /// Puts a new journal in force that continues a snapshot, with its first records.
    pub fn begin(seat: &Seat, continues: &Header, records: &[Record]) -> io::Result<Journal> {
        let text = format!("{}{}", lines(0, &[continues]), lines(1, records));
        let file = seat.put(JOURNAL, &seat.path.join(JOURNAL), |file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })?;
        sync_directory(&seat.path)?;
        Ok(Journal { file, next: 1 + records.len() as u64, length: text.len() as u64 })
    }

    /// Appends records, durably.
    pub fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let text = lines(self.next, records);
        if let Err(error) = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data()) {
            // A part of a line must not stand before what comes next.
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.next += records.len() as u64;
        self.length += text.len() as u64;
        Ok(())
    }

    /// Empties it, when a snapshot has all that it says. Should a crash come before this, its header names
    /// an older snapshot, and it is not replayed.
    pub fn empty(self) -> io::Result<()> {
        self.file.set_len(0)
    }
}

fn lines<T: Serialize>(first: u64, of: &[T]) -> String {
    let mut text = String::new();
    for (at, of) in of.iter().enumerate() {
        match record::line(first + at as u64, of) {
            Ok(line) => text.push_str(&line),
            Err(error) => unreachable!("records can be written as JSON: {error}"),
        }
    }
    text
}

/// What the next line of a journal continues.
pub fn header(state: &State, epoch: u64) -> Header {
    Header { version: VERSION, lineage: state.lineage.clone(), serial: state.serial, epoch }
}

/// The records of a journal that continues the snapshot with this lineage and serial; none when it
/// continues an older one. A last line of which only the beginning is there was never acknowledged to
/// anybody and is left out; any other that is not whole means that the file was changed.
///
/// # Errors
/// When it cannot be read, or was changed.
pub fn scan(path: &Path, file: File, lineage: &Arc<str>, serial: u64) -> Result<Vec<Record>, StoreFault> {
    let mut records = Vec::new();
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    for number in 0.. {
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(io_fault(path, "read"))? == 0 {
            break;
        }
        let ended = line.ends_with(b"\n");
        if !ended {
            // Some file systems fill up with zeros what they had no time to write.
            let written = line.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            line.truncate(written);
        }
        let text = std::str::from_utf8(&line).unwrap_or_default();
        let good = if number == 0 {
            match record::read::<Header>(0, text) {
                Some(header) if header.version > VERSION => {
                    return Err(StoreFault::Newer { path: path.to_path_buf(), version: header.version });
                }
                // Left over from before the snapshot was written.
                Some(header) if header.lineage != *lineage || header.serial != serial => break,
                header => header.is_some(),
            }
        } else {
            let record = record::read::<Record>(number, text);
            let good = record.as_ref().is_some_and(|record| record.op().is_none_or(|op| op <= LIMIT));
            records.extend(record);
            good
        };
        if !good && (ended || !is_cut_off(&line)) {
            let what = format!("line {} is not what was written", number + 1);
            return Err(StoreFault::Damaged { path: path.to_path_buf(), what });
        }
    }
    Ok(records)
}

/// Whether this is the beginning of a line, and no more.
fn is_cut_off(line: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(line).is_err_and(|error| error.is_eof())
}
