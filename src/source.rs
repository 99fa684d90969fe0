//! Source texts and places in them. Spans are byte offsets; nothing here reads a file.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::printable;

/// A source text by its number in [`Sources`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct SourceId(u32);

/// Where a text comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A file of the user's.
    File,
    Library,
    /// The command line or a variable of the environment: no file holds it.
    Given,
}

/// One text: what to call it in messages, and what it says.
#[derive(Clone, Debug)]
pub struct Source {
    pub origin: Origin,
    /// The path as the user would write it, or `stdlib/...` for the library's own.
    pub name: String,
    pub text: Arc<str>,
    /// Found when first asked for: most programs have nothing said of them.
    lines: OnceLock<Lines>,
    shown: OnceLock<Option<Box<Shown>>>,
}

/// A text as people see it, when that is another than the text itself.
#[derive(Clone, Debug)]
struct Shown {
    text: String,
    lines: Lines,
    /// Behind each character that is shown otherwise: the byte in the text, and the byte here.
    shifts: Vec<(u32, u32)>,
}

impl Shown {
    fn of(text: &str) -> Option<Box<Shown>> {
        let is_odd = |c: char| printable::is_hidden(c) && !matches!(c, '\n' | '\t');
        text.find(is_odd)?;
        let (mut shown, mut shifts) = (String::with_capacity(text.len() + 64), Vec::new());
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if !is_odd(c) {
                shown.push(c);
                continue;
            }
            // The line ends of some systems are no characters of the line, nor is the mark of a text's order of bytes.
            let silent = c == '\r' && matches!(chars.peek(), None | Some((_, '\n'))) || c == '\u{feff}' && at == 0;
            if !silent {
                shown.push_str(&printable::Escaped(c).to_string());
            }
            shifts.push(((at + c.len_utf8()) as u32, shown.len() as u32));
        }
        Some(Box::new(Shown { lines: Lines::of(&shown), text: shown, shifts }))
    }
}

/// A text on its way to people, with what a terminal would obey or hide escaped: places in it are other ones
/// than in the text itself.
#[derive(Clone, Copy)]
pub struct View<'s> {
    pub text: &'s str,
    lines: &'s Lines,
    shifts: &'s [(u32, u32)],
}

impl View<'_> {
    /// Where a byte of the text itself is seen.
    pub fn at(&self, offset: u32) -> usize {
        let before = self.shifts.partition_point(|(at, _)| *at <= offset);
        let (at, seen) = before.checked_sub(1).map_or((0, 0), |last| self.shifts[last]);
        (seen + (offset - at)).min(self.lines.length as u32) as usize
    }

    /// The bytes of the lines that a range of bytes touches, and of so many lines on both sides of it; how
    /// many lines come before those.
    pub fn lines(&self, bytes: Range<usize>, around: usize) -> (Range<usize>, usize) {
        self.lines.around(bytes, around)
    }
}

impl Source {
    fn lines(&self) -> &Lines {
        self.lines.get_or_init(|| Lines::of(&self.text))
    }
}

/// Where a byte stands in its text, as editors count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// From 1, in Unicode characters.
    pub column: usize,
    /// From 0, in bytes.
    pub offset: usize,
}

/// What [`Sources::position`] looks up, so that no place costs a walk through its text or its line.
#[derive(Clone, Debug)]
struct Lines {
    length: usize,
    /// The first byte of each line.
    starts: Vec<u32>,
    /// For each character of several bytes: its first byte, and by how much the bytes up to its end
    /// outnumber the characters, from the start of the text.
    wide: Vec<(u32, u32)>,
}

impl Lines {
    fn of(text: &str) -> Lines {
        let mut lines = Lines { length: text.len(), starts: vec![0], wide: Vec::new() };
        let mut more = 0;
        for (at, c) in text.char_indices() {
            // Texts are far shorter than 4 GiB, as spans say.
            let at = at as u32;
            if c == '\n' {
                lines.starts.push(at + 1);
            } else if !c.is_ascii() {
                more += c.len_utf8() as u32 - 1;
                lines.wide.push((at, more));
            }
        }
        lines
    }

    fn position(&self, offset: u32) -> Position {
        let offset = (offset as usize).min(self.length);
        let line = self.number(offset as u32);
        let start = self.starts[line] as usize;
        let column = (offset - self.surplus(offset)).saturating_sub(start - self.surplus(start)) + 1;
        Position { line: line + 1, column, offset }
    }

    fn around(&self, bytes: Range<usize>, around: usize) -> (Range<usize>, usize) {
        let first = self.number(bytes.start as u32).saturating_sub(around);
        let last = self.number(bytes.end as u32) + around;
        let end = self.starts.get(last + 1).map_or(self.length, |start| *start as usize);
        (self.starts[first] as usize..end, first)
    }

    /// The line of a byte, from 0.
    fn number(&self, offset: u32) -> usize {
        self.starts.partition_point(|start| *start <= offset) - 1
    }

    /// By how much the bytes before `offset` outnumber the characters.
    fn surplus(&self, offset: usize) -> usize {
        let before = self.wide.partition_point(|(at, _)| (*at as usize) < offset);
        before.checked_sub(1).map_or(0, |last| self.wide[last].1 as usize)
    }
}

/// Every text of one compilation, numbered in the order it was added.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    list: Vec<Source>,
}

impl Sources {
    /// Adds a file of the user's.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> SourceId {
        self.add_from(Origin::File, name, text)
    }

    pub fn add_from(&mut self, origin: Origin, name: impl Into<String>, text: impl Into<Arc<str>>) -> SourceId {
        let id = SourceId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        self.list.push(Source {
            origin,
            name: name.into(),
            text: text.into(),
            lines: OnceLock::new(),
            shown: OnceLock::new(),
        });
        id
    }

    pub fn get(&self, id: SourceId) -> &Source {
        &self.list[id.0 as usize]
    }

    /// All of them, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.list.iter()
    }

    /// Puts stars over texts, as long as they are in bytes. The quotes around them stay, and positions
    /// are what they were.
    pub fn hide(&mut self, spans: &[Span]) {
        let mut spans = spans.to_vec();
        spans.sort_unstable();
        for of_one in spans.chunk_by(|one, two| one.source == two.source) {
            let source = &mut self.list[of_one[0].source.0 as usize];
            source.lines();
            let mut hidden = String::with_capacity(source.text.len());
            for span in of_one {
                // What two spans have in common has been hidden once.
                let (from, end) = ((span.start as usize).max(hidden.len()), span.end as usize);
                let (Some(before), Some(text)) = (source.text.get(hidden.len()..from), source.text.get(from..end))
                else {
                    continue;
                };
                hidden.push_str(before);
                hidden.extend(text.bytes().map(|b| if matches!(b, b'"' | b'\n') { char::from(b) } else { '*' }));
            }
            hidden.push_str(&source.text[hidden.len()..]);
            source.text = hidden.into();
            source.shown = OnceLock::new();
        }
    }

    /// Line and column of a byte of a source; the end of the text for what lies behind it.
    pub fn position(&self, source: SourceId, offset: u32) -> Position {
        self.get(source).lines().position(offset)
    }

    /// The text that a span covers.
    pub fn text(&self, span: Span) -> &str {
        self.get(span.source).text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// Line (from 1) of the start of a span, and that line without its indent.
    pub fn line(&self, span: Span) -> (usize, &str) {
        let (lines, before) = self.lines(Span { end: span.start, ..span }, 0);
        (before + 1, self.get(span.source).text[lines].trim())
    }

    /// The bytes of the lines that a span touches, and of so many lines on both sides of it; how many
    /// lines come before those.
    pub fn lines(&self, span: Span, around: usize) -> (Range<usize>, usize) {
        self.get(span.source).lines().around(span.start as usize..span.end as usize, around)
    }

    /// A text as people see it.
    pub fn view(&self, id: SourceId) -> View<'_> {
        let source = self.get(id);
        match source.shown.get_or_init(|| Shown::of(&source.text)) {
            Some(shown) => View { text: &shown.text, lines: &shown.lines, shifts: &shown.shifts },
            None => View { text: &source.text, lines: source.lines(), shifts: &[] },
        }
    }
}

/// A half-open range of bytes in one source.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub source: SourceId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// `start` and `end` in bytes; texts are limited to far less than 4 GiB before they get here.
    pub fn new(source: SourceId, start: usize, end: usize) -> Span {
        Span { source, start: u32::try_from(start).unwrap_or(u32::MAX), end: u32::try_from(end).unwrap_or(u32::MAX) }
    }

    /// From the start of this one to the end of another in the same source.
    pub fn to(self, other: Span) -> Span {
        Span { source: self.source, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}..{}", self.source.0, self.start, self.end)
    }
}

/// A value and where it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

impl<T> Spanned<T> {
    pub fn new(value: T, span: Span) -> Spanned<T> {
        Spanned { value, span }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> (Sources, SourceId) {
        let mut sources = Sources::default();
        let id = sources.add("main.cloud", text);
        (sources, id)
    }

    /// As somebody would count who reads the text from its start.
    fn counted(text: &str, offset: usize) -> Position {
        let before = &text[..offset];
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        Position { line, column: before[start..].chars().count() + 1, offset }
    }

    #[test]
    fn positions_count_characters_as_a_reader_does() {
        for text in ["", "a", "\n", "a\n\nb\n", "\u{1F438} \u{e4}\n\u{e4}\u{1F438}x\n", "\r\n\tx\u{301}"] {
            let (sources, id) = one(text);
            for offset in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                assert_eq!(sources.position(id, offset as u32), counted(text, offset), "{text:?} at {offset}");
            }
            assert_eq!(sources.position(id, u32::MAX), counted(text, text.len()));
        }
    }

    #[test]
    fn a_place_is_found_in_the_text_as_it_is_seen() {
        let text = "\u{feff}a \u{1b}b\r\nc\u{202e}d";
        let (sources, id) = one(text);
        let view = sources.view(id);
        assert_eq!(view.text, "a \\u{1b}b\nc\\u{202e}d");
        for word in ["a", "b", "c", "d"] {
            let at = view.at(text.find(word).unwrap() as u32);
            assert_eq!(&view.text[at..=at], word);
        }
        assert_eq!(view.at(text.len() as u32), view.text.len());
        let d = view.text.len() - 1;
        let c = view.text.find('c').unwrap();
        assert_eq!(view.lines(d..d, 0), (c..view.text.len(), 1));
    }

    #[test]
    fn what_is_hidden_moves_nothing() {
        let text = "key \"p\u{e4}ss\nw\u{f6}rd\"; next \"x\"; last;";
        let (mut sources, id) = one(text);
        let at = |word: &str| text.find(word).unwrap();
        let secret = Span::new(id, 4, at("; next"));
        let inside = Span::new(id, 6, 9);
        let second = Span::new(id, at("\"x\""), at("; last"));
        sources.hide(&[second, secret, inside, secret]);
        assert_eq!(&*sources.get(id).text, "key \"*****\n*****\"; next \"*\"; last;");
        for word in ["; next", "last"] {
            assert_eq!(sources.position(id, at(word) as u32), counted(text, at(word)));
        }
    }
}
