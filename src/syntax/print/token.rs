//! Words and signs with what stands before them: line breaks and comments. Everything of a text but its
//! blanks is here, so what prints all tokens loses nothing.

use crate::syntax::scan::Scanned;

/// A range of bytes.
#[derive(Clone, Copy)]
pub(super) struct Slice {
    pub start: u32,
    pub end: u32,
}

impl Slice {
    pub fn of(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }
}

pub(super) struct Token {
    pub slice: Slice,
    /// Line breaks since what precedes it, be that a comment.
    pub newlines: u32,
    /// Comments of the text that stand before it.
    pub comments: usize,
}

pub(super) struct Comment {
    pub slice: Slice,
    /// Line breaks since what precedes it.
    pub newlines: u32,
    /// It runs to the end of its line.
    pub line: bool,
    /// Where its line begins, if only blanks stand before it.
    pub line_start: Option<u32>,
}

/// A text in pieces. The last token is empty and stands for the end.
pub(super) struct Tokens {
    pub tokens: Vec<Token>,
    pub comments: Vec<Comment>,
}

/// Longest first.
const SIGNS: [&str; 11] = ["...", "..", "?.", "?[", "??", "||", "&&", "==", "!=", "<=", ">="];

pub(super) fn tokens(text: &str, scanned: &Scanned) -> Tokens {
    let bytes = text.as_bytes();
    let mut tokens = Tokens { tokens: Vec::new(), comments: Vec::new() };
    let mut comments = scanned.comments.iter().filter(|comment| !comment.in_text).peekable();
    let mut texts = scanned.texts.iter().peekable();
    let (mut at, mut newlines) = (0, 0);
    // Where the line begins, as long as only blanks have been seen on it.
    let mut line_start = Some(0);
    while at < bytes.len() {
        if matches!(bytes[at], b' ' | b'\t' | b'\r') {
            at += 1;
            continue;
        }
        if bytes[at] == b'\n' {
            at += 1;
            newlines += 1;
            line_start = u32::try_from(at).ok();
            continue;
        }
        if text[at..].starts_with('\u{feff}') {
            at += '\u{feff}'.len_utf8();
            continue;
        }
        let start = at as u32;
        if let Some(comment) = comments.next_if(|comment| comment.span.start == start) {
            let slice = Slice { start, end: comment.span.end };
            let line = slice.of(text).starts_with("//");
            tokens.comments.push(Comment { slice, newlines, line, line_start });
            at = comment.span.end as usize;
        } else {
            at = match texts.next_if(|span| span.start == start) {
                Some(span) => span.end as usize,
                None => at + length(&bytes[at..]),
            };
            let slice = Slice { start, end: at as u32 };
            tokens.tokens.push(Token { slice, newlines, comments: tokens.comments.len() });
        }
        newlines = 0;
        line_start = None;
    }
    let end = text.len() as u32;
    tokens.tokens.push(Token { slice: Slice { start: end, end }, newlines, comments: tokens.comments.len() });
    tokens
}

/// Bytes of the word, number or sign that some bytes begin with.
fn length(bytes: &[u8]) -> usize {
    let run = |from: usize, of: fn(u8) -> bool| {
        from + bytes[from..].iter().position(|byte| !of(*byte)).unwrap_or(bytes.len() - from)
    };
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if bytes[0].is_ascii_digit() {
        let whole = run(0, |byte| byte.is_ascii_digit() || byte == b'_');
        let fraction = bytes[whole..].starts_with(b".") && bytes.get(whole + 1).is_some_and(u8::is_ascii_digit);
        let digits = if fraction { run(whole + 1, |byte| byte.is_ascii_digit()) } else { whole };
        return run(digits, word);
    }
    if word(bytes[0]) {
        return run(0, word);
    }
    SIGNS.iter().find(|sign| bytes.starts_with(sign.as_bytes())).map_or(1, |sign| sign.len())
}
