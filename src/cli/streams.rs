//! The one way to each stream. A stream that is closed or full never stops what a command does: what was
//! lost is said at the end, on the other stream.

use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, OnceLock, PoisonError};

use indicatif::MultiProgress;

use crate::cli::Exit;
use crate::cli::ui::{self, Look};
use crate::diagnostic::Diagnostic;
use crate::printable;
use crate::source::Sources;

/// Why something that was to be said on standard error was not, if that ever happened.
static UNSAID: OnceLock<io::Error> = OnceLock::new();

/// Lines at the end of the terminal that are drawn again and again, while there are any.
static LIVE: Mutex<Option<MultiProgress>> = Mutex::new(None);

/// From now on everything is said above these lines, which would be drawn over it; or there are none any more.
pub fn live(lines: Option<MultiProgress>) {
    *LIVE.lock().unwrap_or_else(PoisonError::into_inner) = lines;
}

/// Erases the screen, and goes to its first line.
const ANEW: &str = "\u{1b}[H\u{1b}[2J";

/// Says something to people, on standard error. What a terminal would obey is escaped, whatever text it came in.
pub fn tell(text: &str) {
    static COLOUR: OnceLock<bool> = OnceLock::new();
    let text = printable::lines(text, *COLOUR.get_or_init(|| Look::from_environment().colour));
    let write = || io::stderr().lock().write_all(text.as_bytes());
    let lines = LIVE.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Err(error) = lines.map_or_else(write, |lines| lines.suspend(write)) {
        // The first reason is the one that counts.
        let _ = UNSAID.set(error);
    }
}

/// As [`tell`], one line.
pub fn tell_line(line: &str) {
    tell(&format!("{line}\n"));
}

/// Whether all that was said could be read by somebody.
pub fn all_was_said() -> bool {
    UNSAID.get().is_none()
}

/// Says one thing that has no place in a program's texts.
pub fn tell_one(diagnostic: &Diagnostic, look: Look) {
    tell(&ui::render_one(diagnostic, &Sources::default(), look));
}

/// An error in the call, or of the machine.
pub fn say(message: &str, help: Option<&str>, look: Look) {
    let mut diagnostic = Diagnostic::error("cloud::command", message);
    diagnostic.help = help.map(str::to_string);
    tell_one(&diagnostic, look);
}

/// Something that the command goes on without.
pub fn say_warning(message: &str, help: Option<&str>, look: Look) {
    let mut diagnostic = Diagnostic::warning("cloud::command", message);
    diagnostic.help = help.map(str::to_string);
    tell_one(&diagnostic, look);
}

/// Writes text for people to standard output, as [`tell`] does; what the command ends with, if that fails. Who
/// stops reading has read enough.
pub fn put_out(text: &str, look: Look) -> Option<Exit> {
    put_unchanged(&printable::lines(text, Look::of_output().colour), look)
}

/// As [`put_out`], in place of all that is on the screen.
pub fn put_page(text: &str, look: Look) -> Option<Exit> {
    put_unchanged(&format!("{ANEW}{}", printable::lines(text, Look::of_output().colour)), look)
}

/// As [`put_out`], a JSON document, or one a line.
pub fn put_json(text: &str, look: Look) -> Option<Exit> {
    put_unchanged(&printable::json(text), look)
}

/// As [`put_out`], with every character as it is.
pub fn put_unchanged(text: &str, look: Look) -> Option<Exit> {
    let error = write_out(text).err()?;
    say(&format!("standard output cannot be written: {error}"), None, look);
    Some(Exit::Failed)
}

fn write_out(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// What a command ends with, in view of what it could not say.
pub fn ending(exit: Exit) -> Exit {
    match UNSAID.get() {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => {
            // Where both streams are full, the exit code is all that is left.
            let _ = write_out(&format!("standard error cannot be written: {error}\n"));
            if matches!(exit, Exit::Done | Exit::Changes) { Exit::Failed } else { exit }
        }
        Some(_) | None => exit,
    }
}
