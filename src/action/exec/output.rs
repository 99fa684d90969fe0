//! What a command says: the end of it, since some say a lot.

use std::sync::{Mutex, PoisonError};

use crate::apply::hidden::{Hidden, Missing};

/// Bytes of each stream that are kept.
const KEPT: usize = 64 << 10;
/// Lines of each stream that are told when the command fails, and bytes of one of them.
const LINES: usize = 12;
const LINE: usize = 200;

#[derive(Clone, Copy)]
pub enum Stream {
    Out,
    Error,
}

#[derive(Default)]
pub struct Output(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    out: Vec<u8>,
    error: Vec<u8>,
    /// Which of them spoke last.
    last: Option<Stream>,
}

impl Output {
    pub fn add(&self, which: Stream, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = match which {
            Stream::Out => &mut kept.out,
            Stream::Error => &mut kept.error,
        };
        stream.extend_from_slice(bytes);
        // At the double, so that each byte is moved once at most.
        if stream.len() > 2 * KEPT {
            stream.drain(..stream.len() - KEPT);
        }
        kept.last = Some(which);
    }

    /// The last line that was said, if any was. While it speaks, the line may have more to come.
    pub fn last_line(&self, hidden: &Hidden) -> Option<String> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = match kept.last? {
            Stream::Out => &kept.out,
            Stream::Error => &kept.error,
        };
        lines(stream, hidden).pop()
    }

    /// The last lines of both streams, one behind the other; nothing when nothing was said.
    pub fn last_lines(&self, hidden: &Hidden) -> Option<String> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = [("error output", &kept.error), ("output", &kept.out)].map(|(name, stream)| {
            let lines = lines(stream, hidden);
            let told = lines.len().min(LINES);
            let more = if lines.len() > told || stream.len() >= KEPT { "the end of its" } else { "its" };
            let text: Vec<String> = lines[lines.len() - told..].iter().map(|line| format!("\n  {line}")).collect();
            (told > 0).then(|| format!("{more} {name}:{}", text.concat()))
        });
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join("\n"))
    }
}

/// Lines with something in them, without what would move a terminal's cursor or colour it.
fn lines(stream: &[u8], hidden: &Hidden) -> Vec<String> {
    let from = match stream.len() < KEPT {
        true => 0,
        false => stream[..KEPT / 2].iter().position(|byte| *byte == b'\n').unwrap_or(KEPT / 2),
    };
    // A secret is searched for in the whole, since it may be of many lines, and across both ends: the start may
    // be cut off, and the end not said yet.
    let missing = Missing { start: from > 0, end: stream.last().is_some_and(|last| *last != b'\n') };
    let text = hidden.part(String::from_utf8_lossy(&stream[from..]).replace("\r\n", "\n"), missing);
    let text = console::strip_ansi_codes(&text).into_owned();
    // What overwrites its line again and again, as a progress bar does, has said only the last.
    let line = |line: &str| line.trim_end().rsplit('\r').next().unwrap_or_default().replace(char::is_control, " ");
    let lines = text.lines().map(line).filter(|line| !line.trim().is_empty());
    lines.map(|line| hidden.cut(line.trim_end(), LINE)).collect()
}
