//! The one layout of a text. The tree says what each token is for; the tokens say how it was written, and
//! which comments stand before it. Each token is taken once and in order, so nothing of a text can get
//! lost: a tree and tokens that differ are a panic here.
//!
//! This file does comments and what stands between brackets; `statement.rs` and `expr.rs` walk the tree.

mod expr;
mod layout;
mod statement;
mod token;

use super::scan::Scanned;
use super::tree::File;
use layout::Layout;
use token::{Comment, Slice, Tokens};

/// Nothing if it is larger than a file may be.
pub(super) fn print(text: &str, file: &File, scanned: &Scanned) -> Option<String> {
    let tokens = token::tokens(text, scanned);
    let mut printer = Printer { text, tokens, at: 0, printed: 0, layout: Layout::new(text) };
    printer.file(file);
    printer.layout.render()
}

struct Printer<'a> {
    text: &'a str,
    tokens: Tokens,
    /// The next token.
    at: usize,
    /// Comments that have been printed.
    printed: usize,
    layout: Layout<'a>,
}

/// What stands between two tokens of a statement. Comments there get spaces around them, and none towards
/// the sign that asks for none.
#[derive(Clone, Copy, PartialEq)]
enum Gap {
    /// Nothing, before a sign such as `,`.
    Before,
    /// Nothing, behind a sign such as `(`.
    Behind,
    Space,
    /// A space, or a line break where the group is broken.
    Line,
}

/// Where something stands in the brackets around it.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    First,
    Later,
    /// Behind everything, before the closing bracket.
    End,
    /// The same, and nothing stands there.
    Empty,
}

impl Place {
    fn nth(at: usize) -> Place {
        if at == 0 { Place::First } else { Place::Later }
    }

    fn end(count: usize) -> Place {
        if count == 0 { Place::Empty } else { Place::End }
    }
}

impl Printer<'_> {
    fn slice(&self) -> Slice {
        self.tokens.tokens[self.at].slice
    }

    fn peek(&self) -> &str {
        self.slice().of(self.text)
    }

    /// Comments before the next token that have not been printed.
    fn comments(&self) -> &[Comment] {
        &self.tokens.comments[self.printed..self.tokens.tokens[self.at].comments]
    }

    fn comment(&mut self) {
        let Comment { slice, line, line_start, .. } = self.tokens.comments[self.printed];
        self.printed += 1;
        if line {
            self.layout.line_comment(slice);
        } else {
            self.layout.block_comment(slice, line_start);
        }
    }

    /// The next token as it stands.
    fn token(&mut self, gap: Gap) {
        self.gap(gap);
        self.layout.text(self.slice());
        self.at += 1;
    }

    /// As [`Printer::token`], where it can only be this one.
    fn sign(&mut self, sign: &str, gap: Gap) {
        self.expect(sign);
        self.token(gap);
    }

    fn expect(&self, sign: &str) {
        assert_eq!(self.peek(), sign, "the tree of a text tells its tokens");
    }

    /// What stands before the next token, which goes on with what precedes it.
    fn gap(&mut self, gap: Gap) {
        let mut due = gap;
        while let Some(&Comment { newlines: above, line, .. }) = self.comments().first() {
            let below = self.comments().get(1).map_or(self.tokens.tokens[self.at].newlines, |next| next.newlines);
            let alone = above > 0 && (line || below > 0);
            match due {
                _ if alone => self.break_line(gap),
                // Wherever the author broke the line: the next time it is not known.
                Gap::Line if !line => self.layout.line(true, false),
                Gap::Line | Gap::Space | Gap::Before => self.layout.space(),
                Gap::Behind => {}
            }
            self.comment();
            due = match gap {
                _ if alone || line => Gap::Behind,
                Gap::Before => Gap::Before,
                Gap::Line | Gap::Space | Gap::Behind => Gap::Space,
            };
            if alone || line {
                self.break_line(gap);
            }
        }
        match due {
            Gap::Space => self.layout.space(),
            Gap::Line => self.layout.line(true, false),
            Gap::Before | Gap::Behind => {}
        }
    }

    fn break_line(&mut self, gap: Gap) {
        if gap == Gap::Line {
            self.layout.force();
            self.layout.line(true, false);
        } else {
            self.layout.continued();
        }
    }

    /// Comments that stand right behind the last token, between it and a sign.
    fn inner_comments(&mut self) {
        while self.comments().first().is_some_and(|comment| !comment.line && comment.newlines == 0) {
            self.layout.space();
            self.comment();
        }
    }

    /// A sign that belongs to the end of what precedes it; comments that stand before it come behind it.
    fn joint(&mut self, sign: &str, gap: Gap) {
        self.expect(sign);
        self.inner_comments();
        if gap == Gap::Space {
            self.layout.space();
        }
        self.layout.text(self.slice());
        self.at += 1;
    }

    /// What stands between brackets before a part of what they hold, or before the closing one: comments of
    /// what precedes stay on its line, others have lines of their own. `space` says whether a space stands
    /// behind the opening bracket when all is on one line.
    fn separate(&mut self, place: Place, space: bool) {
        let newlines = self.tokens.tokens[self.at].newlines;
        let first = matches!(place, Place::First | Place::Empty);
        let end = matches!(place, Place::End | Place::Empty);
        for _ in 0..self.trailing(end, first && !space) {
            self.layout.space();
            self.comment();
        }
        // Behind the opening bracket there is no empty line.
        let mut fresh = first;
        // Whether the comment before, if there is one, ends its line.
        let mut before: Option<bool> = None;
        while let Some(&Comment { newlines: above, line, .. }) = self.comments().first() {
            let below = self.comments().get(1).map_or(newlines, |next| next.newlines);
            if above == 0 && before == Some(false) {
                self.layout.space();
            } else {
                self.layout.line(space || !fresh, above > 1 && !fresh);
            }
            if above > 0 && below > 0 {
                self.layout.force();
            }
            self.comment();
            (fresh, before) = (false, Some(line));
        }
        if end {
            return;
        }
        if newlines == 0 && before == Some(false) {
            self.layout.space();
        } else {
            self.layout.line(space || !fresh, newlines > 1 && !fresh);
        }
    }

    /// How many of the comments before the next token belong to the line of what precedes it. What precedes
    /// it may be a bracket that stands close to what it holds.
    fn trailing(&self, end: bool, close: bool) -> usize {
        let comments = self.comments();
        let on_line = comments.iter().take_while(|comment| comment.newlines == 0).count();
        let line = comments[..on_line].iter().position(|comment| comment.line);
        let count = line.map_or(on_line, |line| line + 1);
        let next = comments.get(count).map_or(self.tokens.tokens[self.at].newlines, |next| next.newlines);
        let ends_line = line.is_some() || !close && (end || next > 0);
        // At the start of a text there is nothing that they could belong to.
        if ends_line && self.at > 0 { count } else { 0 }
    }

    /// Whether the author began a new line behind the bracket that has just been printed.
    fn begins_line(&self) -> bool {
        self.tokens.tokens[self.at].newlines > 0 || self.comments().iter().any(|comment| comment.newlines > 0)
    }

    /// Brackets with parts and commas between them. `last` says that the last part may be broken in place of
    /// the whole; `kept` that the author's line break behind the bracket stays.
    fn sequence<T>(
        &mut self,
        (open, close): (&str, &str),
        parts: &[T],
        kept: bool,
        last: bool,
        mut part: impl FnMut(&mut Self, &T),
    ) {
        self.layout.begin();
        self.sign(open, Gap::Behind);
        if parts.is_empty() && self.comments().is_empty() {
            self.sign(close, Gap::Before);
            return self.layout.end();
        }
        if kept && self.begins_line() {
            self.layout.force();
        }
        self.layout.indented();
        for (at, one) in parts.iter().enumerate() {
            self.separate(Place::nth(at), false);
            let is_last = at + 1 == parts.len();
            if last && is_last {
                self.layout.begin_last();
            }
            part(self, one);
            if last && is_last {
                self.layout.end_last();
            }
            match (self.peek() == ",", is_last) {
                (true, false) => self.joint(",", Gap::Before),
                (true, true) => {
                    self.inner_comments();
                    self.at += 1;
                    self.layout.when_broken(",");
                }
                (false, _) => self.layout.when_broken(","),
            }
        }
        self.separate(Place::end(parts.len()), false);
        self.layout.dedented();
        self.layout.line(false, false);
        self.sign(close, Gap::Before);
        self.layout.end();
    }
}
