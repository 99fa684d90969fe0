//! One pass over the characters before the grammar: strings, comments and brackets must close, and
//! nesting stays within [`MAX_DEPTH`]. On its way it notes where comments and texts stand. Knows nothing of
//! statements.

use super::around::{left_open, token};
use super::{MAX_DEPTH, MAX_SIGNS, MAX_STATEMENT};
use crate::diagnostic::Diagnostic;
use crate::source::{SourceId, Span};

/// Items of a list that a statement counts for.
const STATEMENT: usize = 4;

/// What is open at some place.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    Brace,
    Bracket,
    Paren,
    /// `${` in a text; a `}` goes back into the text.
    Interpolation,
    Text,
    TextBlock,
}

/// What no grammar tells, each in the order of the text.
#[derive(Default)]
pub(super) struct Scanned {
    pub comments: Vec<Comment>,
    /// Texts that stand in no other text, with their quotes.
    pub texts: Vec<Span>,
}

#[derive(Clone, Copy)]
pub(super) struct Comment {
    /// Without the line break that ends a `//` comment.
    pub span: Span,
    /// In the `${ }` of a text, and thereby a part of it.
    pub in_text: bool,
}

struct Scanner<'a> {
    source: SourceId,
    text: &'a str,
    bytes: &'a [u8],
    /// The text is no program, but has `${ }` in it.
    template: bool,
    at: usize,
    open: Vec<(Open, usize)>,
    /// `if`s nest without brackets: those since the last `;` or `,` inside the innermost bracket,
    ifs: usize,
    /// and those of each bracket around it.
    outer_ifs: Vec<usize>,
    /// Brackets and `if`s that the current place stands in.
    depth: usize,
    /// The last bracket closed was a brace, and no word came since.
    after_brace: bool,
    /// Signs and texts so far,
    signs: usize,
    /// and before the current statement at the top of the file.
    signs_before: usize,
    /// Texts that the current place stands in.
    texts: usize,
    scanned: Scanned,
}

pub(super) fn scan(source: SourceId, text: &str) -> Result<Scanned, Box<Diagnostic>> {
    Scanner::new(source, text, false).run()
}

/// As [`scan`], where everything outside `${ }` is plain text.
pub(super) fn scan_template(source: SourceId, text: &str) -> Result<Scanned, Box<Diagnostic>> {
    Scanner::new(source, text, true).run()
}

/// Whether brackets or a text block are open at the end of a text. Nothing when all is closed.
pub(super) fn leaves_open(text: &str) -> Option<bool> {
    let mut scanner = Scanner::new(SourceId::default(), text, false);
    match (scanner.walk(), scanner.open.last()) {
        (Err(_), _) => Some(false),
        (Ok(()), None) => None,
        (Ok(()), Some((open, _))) => Some(*open != Open::Text),
    }
}

impl Scanner<'_> {
    fn new(source: SourceId, text: &str, template: bool) -> Scanner<'_> {
        Scanner {
            source,
            text,
            template,
            bytes: text.as_bytes(),
            at: 0,
            open: Vec::new(),
            ifs: 0,
            outer_ifs: Vec::new(),
            depth: 0,
            after_brace: false,
            signs: 0,
            signs_before: 0,
            texts: 0,
            scanned: Scanned::default(),
        }
    }

    fn run(mut self) -> Result<Scanned, Box<Diagnostic>> {
        self.walk()?;
        match self.open.last().copied() {
            None => Ok(self.scanned),
            Some((Open::Text, start)) => Err(self.unclosed_text(start)),
            Some((open, start)) => Err(self.unclosed(open, start)),
        }
    }

    fn walk(&mut self) -> Result<(), Box<Diagnostic>> {
        while self.at < self.bytes.len() {
            match self.open.last() {
                Some((Open::Text | Open::TextBlock, _)) => self.in_text()?,
                None if self.template => self.in_template()?,
                _ => self.in_code()?,
            }
        }
        Ok(())
    }

    fn starts(&self, text: &str) -> bool {
        self.bytes[self.at..].starts_with(text.as_bytes())
    }

    fn push(&mut self, open: Open, length: usize) -> Result<(), Box<Diagnostic>> {
        self.sign()?;
        self.deeper(length)?;
        self.open.push((open, self.at));
        self.texts += usize::from(matches!(open, Open::Text | Open::TextBlock));
        self.outer_ifs.push(std::mem::take(&mut self.ifs));
        self.at += length;
        Ok(())
    }

    fn pop(&mut self) -> Option<(Open, usize)> {
        let popped = self.open.pop()?;
        self.end_ifs();
        self.ifs = self.outer_ifs.pop().unwrap_or(0);
        self.depth -= 1;
        Some(popped)
    }

    /// Counts a sign or a text: each becomes a part of a tree, which takes many times its bytes.
    fn sign(&mut self) -> Result<(), Box<Diagnostic>> {
        self.signs += 1;
        let (what, most) = match self.signs {
            all if all > MAX_SIGNS => ("file", MAX_SIGNS),
            all if all - self.signs_before > MAX_STATEMENT => ("statement", MAX_STATEMENT),
            _ => return Ok(()),
        };
        let message = format!("this {what} has more than {most} brackets, texts, operators, commas and statements");
        Err(Box::new(
            Diagnostic::error("cloud::limit::file", message)
                .label(self.span(self.at, 1), "with this one")
                .help("spread it over several, or read what is data from a file with `file`"),
        ))
    }

    fn end_ifs(&mut self) {
        self.depth -= std::mem::take(&mut self.ifs);
    }

    fn deeper(&mut self, length: usize) -> Result<(), Box<Diagnostic>> {
        if self.depth >= MAX_DEPTH {
            return Err(self
                .error("cloud::limit::depth", "this is nested too deeply", self.at, length)
                .help(format!(
                    "brackets, `${{...}}` and `if` may stand in one another {MAX_DEPTH} deep; give inner parts a name"
                ))
                .into());
        }
        self.depth += 1;
        Ok(())
    }

    fn in_code(&mut self) -> Result<(), Box<Diagnostic>> {
        match self.bytes[self.at] {
            b'/' if self.starts("//") => {
                let rest = &self.bytes[self.at..];
                self.comment(rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()));
            }
            b'/' if self.starts("/*") => {
                let end = self.bytes[self.at + 2..].windows(2).position(|pair| pair == b"*/");
                match end {
                    Some(end) => self.comment(end + 4),
                    None => {
                        return Err(self
                            .error("cloud::syntax::unclosed", "this comment is never closed", self.at, 2)
                            .help("end it with `*/`")
                            .into());
                    }
                }
            }
            b'"' if self.starts("\"\"\"") => self.push(Open::TextBlock, 3)?,
            b'"' => self.push(Open::Text, 1)?,
            b'{' => self.push(Open::Brace, 1)?,
            b'[' => self.push(Open::Bracket, 1)?,
            b'(' => self.push(Open::Paren, 1)?,
            closing @ (b'}' | b']' | b')') => self.close(closing)?,
            end @ (b';' | b',') => {
                self.sign()?;
                // A statement is as much as several items.
                self.signs += if end == b';' { STATEMENT - 1 } else { 0 };
                self.end_ifs();
                self.at += 1;
                if end == b';' && self.open.is_empty() {
                    self.signs_before = self.signs;
                }
            }
            byte if byte.is_ascii_alphabetic() => {
                let start = self.at;
                while self.bytes.get(self.at).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_') {
                    self.at += 1;
                }
                let word = &self.bytes[start..self.at];
                // A statement may end with a brace and no `;`: the next word tells.
                if std::mem::take(&mut self.after_brace) && word != b"else" {
                    self.end_ifs();
                }
                if word == b"if" {
                    self.deeper(2)?;
                    self.ifs += 1;
                }
            }
            byte => {
                if byte.is_ascii_punctuation() {
                    self.sign()?;
                }
                self.at += 1;
            }
        }
        Ok(())
    }

    fn close(&mut self, closing: u8) -> Result<(), Box<Diagnostic>> {
        let matches = |open: Open| match open {
            Open::Brace | Open::Interpolation => closing == b'}',
            Open::Bracket => closing == b']',
            Open::Paren => closing == b')',
            Open::Text | Open::TextBlock => false,
        };
        match self.pop() {
            Some((open, _)) if matches(open) => {
                self.after_brace = open == Open::Brace;
                self.at += 1;
                if self.after_brace && self.open.is_empty() {
                    self.signs_before = self.signs;
                }
                Ok(())
            }
            Some((open, start)) => {
                let found = closing as char;
                let (mark, want) = words(open);
                Err(Box::new(
                    Diagnostic::error("cloud::syntax::unclosed", format!("`{mark}` is closed by `{found}`"))
                        .label(self.span(self.at, 1), format!("expected `{want}` here or before"))
                        .label(self.span(start, mark.len()), "opened here")
                        .help(format!("close it with `{want}`")),
                ))
            }
            None => {
                let message = format!("this `{}` closes nothing", closing as char);
                Err(self
                    .error("cloud::syntax::unopened", &message, self.at, 1)
                    .help("remove it, or look above for a bracket that was closed too early")
                    .into())
            }
        }
    }

    fn in_text(&mut self) -> Result<(), Box<Diagnostic>> {
        let (open, start) = self.open[self.open.len() - 1];
        let block = open == Open::TextBlock;
        match self.bytes[self.at] {
            b'\\' => self.at += if self.bytes.get(self.at + 1) == Some(&b'\n') { 1 } else { 2 },
            b'\n' if !block => return Err(self.unclosed_text(start)),
            b'"' if !block => self.end_text(start, 1),
            b'"' if self.starts("\"\"\"") => self.end_text(start, 3),
            b'$' if self.starts("${") => self.push(Open::Interpolation, 2)?,
            _ => self.at += 1,
        }
        Ok(())
    }

    fn end_text(&mut self, start: usize, quotes: usize) {
        self.pop();
        self.at += quotes;
        self.texts -= 1;
        if self.texts == 0 {
            self.scanned.texts.push(self.span(start, self.at - start));
        }
    }

    fn comment(&mut self, length: usize) {
        let in_text = self.texts > 0 || self.template;
        self.scanned.comments.push(Comment { span: self.span(self.at, length), in_text });
        self.at += length;
    }

    fn in_template(&mut self) -> Result<(), Box<Diagnostic>> {
        if self.starts("$${") {
            self.at += 3;
        } else if self.starts("${") {
            self.push(Open::Interpolation, 2)?;
        } else {
            self.at += 1;
        }
        Ok(())
    }

    fn span(&self, start: usize, length: usize) -> Span {
        let end = (start + length).min(self.bytes.len());
        Span::new(self.source, start.min(end), end)
    }

    fn error(&self, code: &'static str, message: &str, start: usize, length: usize) -> Diagnostic {
        let label = match code {
            "cloud::syntax::unclosed" => "opened here",
            "cloud::syntax::unopened" => "nothing is open here",
            _ => "too deep",
        };
        Diagnostic::error(code, message).label(self.span(start, length), label)
    }

    /// A text that ends with its line.
    fn unclosed_text(&self, start: usize) -> Box<Diagnostic> {
        let line_end = self.bytes[start..].iter().position(|b| *b == b'\n').map_or(self.bytes.len(), |at| start + at);
        let rest = self.text.get(start + 1..line_end).unwrap_or("").trim_end();
        let inside = rest.trim_end_matches([';', ',', '}', ')', ']', ' ']);
        // In `"a ${b";` the second quote opens a text of its own, inside the interpolation.
        if let [.., (Open::Interpolation, at), _] = self.open.as_slice()
            && !self.bytes[*at..start].contains(&b'\n')
            && inside.is_empty()
        {
            return self.unclosed(Open::Interpolation, *at);
        }
        if !inside.is_empty() || rest.is_empty() {
            let diagnostic = self.error("cloud::syntax::unclosed", "this text is never closed", start, 1);
            let help = "a text ends with `\"` on the same line; one of several lines stands between `\"\"\"`";
            let one_word = inside.len() < rest.len() && !inside.contains(char::is_whitespace) && !inside.contains("${");
            return if one_word { diagnostic.help(format!("write `\"{inside}\"`")) } else { diagnostic.help(help) }
                .into();
        }
        let before = &self.text[..start];
        let word_at = before.rfind(|c: char| c.is_whitespace() || "[({;,".contains(c)).map_or(0, |at| at + 1);
        let word = before.get(word_at..).unwrap_or("");
        self.error("cloud::syntax::unclosed", "this text is never closed, or never opened", start, 1)
            .help(format!("write `\"{word}\"`"))
            .into()
    }

    fn unclosed(&self, open: Open, start: usize) -> Box<Diagnostic> {
        let (mark, want) = words(open);
        let message = match open {
            Open::Text | Open::TextBlock => "this text is never closed".to_string(),
            Open::Brace | Open::Bracket | Open::Paren | Open::Interpolation => format!("this `{mark}` is never closed"),
        };
        // Whose brace is missing, the indents may tell better than the brackets.
        if open == Open::Brace
            && let Some((brace, before)) = left_open(self.text)
        {
            let label = if self.bytes.get(before) == Some(&b'}') {
                "closed by this, which stands further out"
            } else {
                "expected `}` before this"
            };
            let length = token(&self.text[before..]).len();
            return self
                .error("cloud::syntax::unclosed", &message, brace, 1)
                .label(self.span(before, length), label)
                .help("close it with `}`")
                .into();
        }
        let diagnostic = self.error("cloud::syntax::unclosed", &message, start, mark.len());
        diagnostic.help(format!("close it with `{want}`")).into()
    }
}

/// How a bracket opens and closes.
fn words(open: Open) -> (&'static str, &'static str) {
    match open {
        Open::Brace => ("{", "}"),
        Open::Bracket => ("[", "]"),
        Open::Paren => ("(", ")"),
        Open::Interpolation => ("${", "}"),
        Open::Text => ("\"", "\""),
        Open::TextBlock => ("\"\"\"", "\"\"\""),
    }
}
