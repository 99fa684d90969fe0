//! Expressions one after another: from a terminal, with history and editing of lines, or from a pipe.

use std::io::{BufRead, IsTerminal, Read};

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Config, Editor, Helper};

use crate::cli::Exit;
use crate::cli::streams::{say, tell_line};
use crate::cli::ui::Look;
use crate::syntax;

/// Expressions that the terminal remembers. They are never written anywhere: a secret may be among them.
const HISTORY: usize = 1000;

/// Runs each expression that is read until the input ends. One that is wrong does not end it; from a pipe,
/// the worst is what the command ends with.
pub fn each(look: Look, run: impl FnMut(&str) -> Exit) -> Exit {
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        from_terminal(look, run)
    } else {
        from_pipe(std::io::stdin().lock(), look, run)
    }
}

/// Asks for more lines as long as something is open, or an empty line ends it.
struct Lines;

impl Completer for Lines {
    type Candidate = String;
}

impl Hinter for Lines {
    type Hint = String;
}

impl Highlighter for Lines {}

impl Helper for Lines {}

impl Validator for Lines {
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        let text = context.input();
        let ended = text.lines().next_back().is_none_or(|line| line.trim().is_empty());
        Ok(match !ended && syntax::is_unfinished(text) {
            true => ValidationResult::Incomplete,
            false => ValidationResult::Valid(None),
        })
    }
}

fn from_terminal(look: Look, mut run: impl FnMut(&str) -> Exit) -> Exit {
    let failed = |error: ReadlineError| {
        say(&format!("the terminal cannot be read: {error}"), None, look);
        Exit::Failed
    };
    let config = Config::builder().auto_add_history(true).max_history_size(HISTORY);
    let editor = config.and_then(|config| Editor::<Lines, DefaultHistory>::with_config(config.build()));
    let mut editor = match editor {
        Ok(editor) => editor,
        Err(error) => return failed(error),
    };
    editor.set_helper(Some(Lines));
    tell_line("An expression, and its value; Ctrl-D ends.");
    loop {
        match editor.readline("> ") {
            Ok(text) if text.trim().is_empty() => {}
            Ok(text) => {
                if run(&text) == Exit::Failed {
                    return Exit::Failed;
                }
            }
            // What was typed is dropped, or the window got another size.
            Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) => {}
            Err(ReadlineError::Eof) => return Exit::Done,
            Err(error) => return failed(error),
        }
    }
}

fn from_pipe(mut input: impl BufRead, look: Look, mut run: impl FnMut(&str) -> Exit) -> Exit {
    let mut exit = Exit::Done;
    let mut text = String::new();
    loop {
        let mut line = String::new();
        // One more than a text may have is refused when it is read.
        let read = (&mut input).take(syntax::MAX_FILE + 1).read_line(&mut line);
        let count = match read {
            Ok(count) => count,
            Err(error) => {
                say(&format!("standard input cannot be read: {error}"), None, look);
                return Exit::Wrong;
            }
        };
        let ended = count == 0 || line.trim().is_empty() || text.len() as u64 > syntax::MAX_FILE;
        text.push_str(&line);
        let says_nothing = text.lines().all(|line| line.trim().is_empty() || line.trim().starts_with("//"));
        if !says_nothing && (ended || !syntax::is_unfinished(&text)) {
            match run(&text) {
                Exit::Done => {}
                Exit::Failed => return Exit::Failed,
                other => exit = other,
            }
            text.clear();
        }
        if count == 0 {
            return exit;
        }
        if text.trim().is_empty() {
            text.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piped(input: &str) -> (Vec<String>, Exit) {
        let mut seen = Vec::new();
        let look = Look::from_environment();
        let exit = from_pipe(input.as_bytes(), look, |text| {
            seen.push(text.trim().to_string());
            if text.contains("wrong") { Exit::Wrong } else { Exit::Done }
        });
        (seen, exit)
    }

    #[test]
    fn an_expression_ends_where_nothing_is_open() {
        let (seen, exit) = piped("1 + 1\r\n\n// said\n[1,\n  2]\n\"\"\"\n  a\n  \"\"\"\n1 +\n2\n// end\n");
        assert_eq!(seen, ["1 + 1", "// said\n[1,\n  2]", "\"\"\"\n  a\n  \"\"\"", "1 +\n2"]);
        assert_eq!(exit, Exit::Done);
    }

    #[test]
    fn what_is_wrong_does_not_end_it() {
        assert_eq!(piped("wrong\n1\n"), (vec!["wrong".into(), "1".into()], Exit::Wrong));
        assert_eq!(piped("\"open\n(1\n\n2"), (vec!["\"open".into(), "(1".into(), "2".into()], Exit::Done));
        assert_eq!(piped(""), (vec![], Exit::Done));
    }
}
