//! The end of a log, for a message.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::apply::hidden::{Hidden, Missing};
use crate::value::{Fields, Value};

/// Lines that a message shows.
const LINES: usize = 8;
/// Bytes of the end that are looked at.
const BYTES: u64 = 64 << 10;
/// Characters of a line.
const WIDTH: usize = 200;

/// What to say of what a process wrote last: nothing secret of its inputs. Of secrets whose texts are not known
/// any more that cannot be promised: then only where it stands is said.
pub fn last_words(log: &Path, inputs: &Fields) -> String {
    let shown = log.display();
    if inputs.values().any(Value::is_unknown) {
        return format!("what it said is in `{shown}`");
    }
    match end_of(log, &Hidden::among(inputs)) {
        Some(text) if !text.is_empty() => {
            let lines: Vec<String> = text.lines().map(|line| format!("\n    {line}")).collect();
            format!("`{shown}` ends with{}", lines.concat())
        }
        Some(_) => format!("it said nothing: `{shown}` is empty"),
        None => format!("there is no log `{shown}`"),
    }
}

fn end_of(log: &Path, hidden: &Hidden) -> Option<String> {
    let mut file = File::open(log).ok()?;
    let size = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(BYTES))).ok()?;
    let mut bytes = Vec::new();
    file.take(BYTES).read_to_end(&mut bytes).ok()?;
    let missing = Missing { start: size > BYTES, end: bytes.last().is_some_and(|last| *last != b'\n') };
    let text = hidden.part(String::from_utf8_lossy(&bytes).into_owned(), missing);
    let text = console::strip_ansi_codes(&text);
    let lines: Vec<String> = text
        .lines()
        .map(|line| line.chars().filter(|c| !c.is_control()).take(WIDTH).collect::<String>())
        .filter(|line| !line.trim().is_empty())
        .collect();
    Some(lines[lines.len().saturating_sub(LINES)..].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{SealingKey, Secret};

    #[test]
    fn the_end_of_a_log_quotes_no_secret() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("x.log");
        let text: String = (0..20).map(|n| format!("line {n}\n")).collect();
        std::fs::write(&log, format!("{text}\x1b[31mdenied for hunter2\x1b[0m\n\n")).unwrap();
        let secret = Value::Secret(Secret::new("env:PASSWORD", "hunter2"));
        let mut inputs = Fields::from([("environment".into(), Value::Map([("P".to_string(), secret)].into()))]);
        let words = last_words(&log, &inputs);
        assert!(words.ends_with("line 19\n    denied for (secret)"), "{words}");
        assert_eq!(words.lines().count(), 1 + LINES);
        // As read back from the record.
        inputs.values_mut().for_each(|value| value.seal(&SealingKey::random()));
        let recorded: Fields = serde_json::from_str(&serde_json::to_string(&inputs).unwrap()).unwrap();
        assert_eq!(last_words(&log, &recorded), format!("what it said is in `{}`", log.display()));
    }

    #[test]
    fn a_secret_across_the_start_of_what_is_read_is_hidden() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("x.log");
        let secret = "a-secret-of-twenty-letters";
        let inputs = Fields::from([("p".into(), Value::Secret(Secret::new("env:P", secret)))]);
        for cut in 1..secret.len() {
            let text = format!("{}{secret}{}\nend\n", "x".repeat(100), " ".repeat(BYTES as usize - cut - 5));
            std::fs::write(&log, text).unwrap();
            let words = last_words(&log, &inputs);
            assert!(!words.contains("letters"), "{cut}: {words}");
        }
        // And across the place where a line is cut.
        std::fs::write(&log, format!("{}{secret}\n", "x".repeat(WIDTH - 8))).unwrap();
        let words = last_words(&log, &inputs);
        assert!(words.ends_with("(secret)"), "{words}");
    }

    #[test]
    fn a_log_that_says_nothing_is_said_to_be_empty() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("x.log");
        assert!(last_words(&log, &Fields::new()).starts_with("there is no log"));
        std::fs::write(&log, "\n").unwrap();
        assert!(last_words(&log, &Fields::new()).starts_with("it said nothing"));
    }
}
