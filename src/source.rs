//! Source texts and places in them. Spans are byte offsets; nothing here reads a file.

use std::fmt;
use std::sync::Arc;

/// A source text by its number in [`Sources`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct SourceId(u32);

/// One text: what to call it in messages, and what it says.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path as the user would write it, or `stdlib/...` for the library's own.
    pub name: String,
    pub text: Arc<str>,
}

/// Every text of one compilation, numbered in the order it was added.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    list: Vec<Source>,
}

impl Sources {
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> SourceId {
        let id = SourceId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        self.list.push(Source { name: name.into(), text: text.into() });
        id
    }

    pub fn get(&self, id: SourceId) -> &Source {
        &self.list[id.0 as usize]
    }

    /// Puts stars over a text, as long as it is in bytes. The quotes around it stay.
    pub fn hide(&mut self, span: Span) {
        let source = &mut self.list[span.source.0 as usize];
        let (start, end) = (span.start as usize, span.end as usize);
        let Some(text) = source.text.get(start..end) else {
            return;
        };
        let stars: String = text.bytes().map(|b| if matches!(b, b'"' | b'\n') { char::from(b) } else { '*' }).collect();
        source.text = [&source.text[..start], &stars, &source.text[end..]].concat().into();
    }

    /// The text that a span covers.
    pub fn text(&self, span: Span) -> &str {
        self.get(span.source).text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// Line (from 1) of the start of a span, and that line without its indent.
    pub fn line(&self, span: Span) -> (usize, &str) {
        let text = &self.get(span.source).text;
        let start = (span.start as usize).min(text.len());
        let number = text[..start].bytes().filter(|b| *b == b'\n').count() + 1;
        let from = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let to = text[start..].find('\n').map_or(text.len(), |at| start + at);
        (number, text[from..to].trim())
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
