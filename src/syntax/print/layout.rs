//! Lines out of pieces. A *group* is on one line when it fits, and broken at all its [`Piece::Line`]s when
//! it does not; groups in it decide for themselves. Knows nothing of the language. Pieces stand in one list
//! and every decision looks at one line at most, so time is linear and nothing recurses.
//!
//! Laying out what has been laid out changes nothing, which needs this: what was broken because it did not
//! fit is broken by force the next time, and force must then spread to the same groups.

use super::token::Slice;
use crate::syntax::MAX_FILE;

/// Columns that a line may have.
const WIDTH: usize = 100;
const INDENT: usize = 4;

enum Piece {
    Text(Slice),
    Space,
    /// A line break where its group is broken, with an empty line if asked for. Else a space, or nothing.
    Line {
        space: bool,
        blank: bool,
    },
    /// A line break anywhere; the line that follows is indented once more.
    Continue,
    /// Stands only where its group is broken.
    WhenBroken(&'static str),
    /// Indents what follows, if its group is broken.
    Indent,
    Dedent,
    Begin(usize),
    End,
    /// `// ...`, with a space before it. It takes no room: a comment never changes how code is laid out.
    LineComment(Slice),
    BlockComment {
        slice: Slice,
        /// Where its line begins, if only blanks stand before it.
        line_start: Option<u32>,
    },
}

#[derive(Default)]
struct Group {
    /// Something outside the last part holds a line break.
    forced: bool,
    /// A last part may be broken in place of the group, as in `f(a, {`. Here it begins.
    last: Option<usize>,
    last_forced: bool,
    in_last: bool,
    /// Its last part is that of the group around it, too.
    inner: bool,
    /// It is broken where the group around it is.
    linked: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Flat,
    /// On one line but for its last part.
    LastBroken,
    Broken,
}

pub(super) struct Layout<'a> {
    text: &'a str,
    pieces: Vec<Piece>,
    groups: Vec<Group>,
    open: Vec<usize>,
    /// The next group is to be linked.
    link: bool,
}

impl<'a> Layout<'a> {
    pub fn new(text: &'a str) -> Layout<'a> {
        Layout { text, pieces: Vec::new(), groups: Vec::new(), open: Vec::new(), link: false }
    }

    pub fn text(&mut self, slice: Slice) {
        if slice.of(self.text).contains('\n') {
            self.force();
        }
        self.pieces.push(Piece::Text(slice));
    }

    pub fn when_broken(&mut self, sign: &'static str) {
        self.pieces.push(Piece::WhenBroken(sign));
    }

    pub fn space(&mut self) {
        self.pieces.push(Piece::Space);
    }

    pub fn line(&mut self, space: bool, blank: bool) {
        self.pieces.push(Piece::Line { space, blank });
    }

    pub fn continued(&mut self) {
        self.force();
        self.pieces.push(Piece::Continue);
    }

    pub fn line_comment(&mut self, slice: Slice) {
        self.force();
        self.pieces.push(Piece::LineComment(slice));
    }

    pub fn block_comment(&mut self, slice: Slice, line_start: Option<u32>) {
        if slice.of(self.text).contains('\n') {
            self.force();
        }
        self.pieces.push(Piece::BlockComment { slice, line_start });
    }

    pub fn indented(&mut self) {
        self.pieces.push(Piece::Indent);
    }

    pub fn dedented(&mut self) {
        self.pieces.push(Piece::Dedent);
    }

    pub fn begin(&mut self) {
        self.pieces.push(Piece::Begin(self.groups.len()));
        self.open.push(self.groups.len());
        self.groups.push(Group { linked: std::mem::take(&mut self.link), ..Group::default() });
    }

    /// The next group is broken if the innermost one is.
    pub fn link(&mut self, link: bool) {
        self.link = link;
    }

    /// A group that ends a group, and has its last part.
    pub fn begin_inner(&mut self) {
        self.begin();
        if let Some(group) = self.open.last() {
            self.groups[*group].inner = true;
        }
    }

    pub fn end(&mut self) {
        self.pieces.push(Piece::End);
        let Some(ended) = self.open.pop() else { return };
        let Group { forced, last_forced, inner, last, .. } = self.groups[ended];
        match self.open.last().map(|group| &mut self.groups[*group]) {
            Some(around) if inner => {
                around.forced |= forced;
                around.last_forced |= last_forced;
                around.last = last;
            }
            _ if forced || last_forced => self.force(),
            _ => {}
        }
    }

    /// The innermost group cannot be on one line.
    pub fn force(&mut self) {
        if let Some(group) = self.open.last().map(|group| &mut self.groups[*group]) {
            if group.in_last {
                group.last_forced = true;
            } else {
                group.forced = true;
            }
        }
    }

    /// What comes until [`Layout::end_last`] may be broken in place of the innermost group.
    pub fn begin_last(&mut self) {
        if let Some(group) = self.open.last().map(|group| &mut self.groups[*group]) {
            group.last = Some(self.pieces.len());
            group.in_last = true;
        }
    }

    pub fn end_last(&mut self) {
        if let Some(group) = self.open.last().map(|group| &mut self.groups[*group]) {
            group.in_last = false;
        }
    }

    /// The lines, or nothing if they are more than a file may have.
    pub fn render(self) -> Option<String> {
        let mut page = Page { out: String::with_capacity(self.text.len() + self.text.len() / 4), ..Page::default() };
        // Around everything, lines are lines.
        let mut modes = vec![Mode::Broken];
        for (at, piece) in self.pieces.iter().enumerate() {
            let mode = modes.last().copied().unwrap_or(Mode::Broken);
            match piece {
                // In a text of several lines, the line ends of a checkout mean nothing.
                Piece::Text(slice) if slice.of(self.text).contains("\r\n") => {
                    page.write(&slice.of(self.text).replace("\r\n", "\n"));
                }
                Piece::Text(slice) => page.write(slice.of(self.text)),
                Piece::Space => page.space = true,
                Piece::Line { blank, .. } if mode == Mode::Broken => page.newline(*blank),
                Piece::Line { space, .. } => page.space |= space,
                Piece::Continue => page.continued(),
                Piece::WhenBroken(sign) if mode == Mode::Broken => page.write(sign),
                Piece::Indent if mode == Mode::Broken => page.indent += INDENT,
                Piece::Dedent if mode == Mode::Broken => page.indent -= INDENT,
                Piece::WhenBroken(_) | Piece::Indent | Piece::Dedent => {}
                Piece::Begin(group) => {
                    let mode = if mode == Mode::Flat { mode } else { self.mode(at, *group, &modes, page.room()) };
                    modes.push(mode);
                }
                Piece::End => drop(modes.pop()),
                Piece::LineComment(slice) => page.line_comment(slice.of(self.text).trim_end()),
                Piece::BlockComment { slice, line_start } => {
                    let blanks = line_start.map(|start| &self.text[start as usize..slice.start as usize]);
                    page.block_comment(slice.of(self.text), blanks);
                }
            }
            // Deep in brackets, short lines become long ones.
            if page.out.len() as u64 > MAX_FILE {
                return None;
            }
        }
        Some(page.finish()).filter(|out| out.len() as u64 <= MAX_FILE)
    }

    /// How a group is laid out that begins at a piece, where a line has room for so many columns.
    fn mode(&self, at: usize, group: usize, around: &[Mode], room: usize) -> Mode {
        let group = &self.groups[group];
        if group.linked && around.last() == Some(&Mode::Broken) {
            return Mode::Broken;
        }
        if !group.forced && !group.last_forced && self.fits(at, around, room) {
            return Mode::Flat;
        }
        match group.last {
            Some(last) if !group.forced && self.fits_up_to(at, last, room) => Mode::LastBroken,
            _ => Mode::Broken,
        }
    }

    /// Whether a group fits on its line, with what follows it up to where the line can end.
    fn fits(&self, start: usize, around: &[Mode], mut room: usize) -> bool {
        let (mut inside, mut behind) = (0, 0);
        let mut around = around.iter().rev();
        let mut mode = around.next().copied().unwrap_or(Mode::Broken);
        let mut in_group = true;
        for piece in &self.pieces[start..] {
            let taken = match piece {
                Piece::Begin(_) if in_group => {
                    inside += 1;
                    0
                }
                Piece::Begin(_) => {
                    behind += 1;
                    0
                }
                Piece::End if in_group => {
                    inside -= 1;
                    in_group = inside > 0;
                    0
                }
                Piece::End if behind > 0 => {
                    behind -= 1;
                    0
                }
                Piece::End => {
                    mode = around.next().copied().unwrap_or(Mode::Broken);
                    0
                }
                // A group that comes later can be broken at its first line.
                Piece::Line { .. } if !in_group && (behind > 0 || mode == Mode::Broken) => return true,
                Piece::WhenBroken(sign) if !in_group && behind == 0 && mode == Mode::Broken => sign.len(),
                Piece::LineComment(_) | Piece::Continue => return true,
                other => match self.width(other, room) {
                    Width::Columns(columns) => columns,
                    Width::EndsLine(columns) => return columns <= room,
                },
            };
            match room.checked_sub(taken) {
                Some(rest) => room = rest,
                None => return false,
            }
        }
        true
    }

    /// Whether a group fits on its line up to the first line break in its last part, if that has one.
    fn fits_up_to(&self, start: usize, last: usize, mut room: usize) -> bool {
        let mut inside = 0;
        for (at, piece) in self.pieces.iter().enumerate().skip(start) {
            let columns = match piece {
                Piece::Line { .. } | Piece::LineComment(_) | Piece::Continue if at >= last => return true,
                Piece::Begin(_) => {
                    inside += 1;
                    0
                }
                Piece::End => {
                    inside -= 1;
                    if inside == 0 {
                        return false;
                    }
                    0
                }
                other => match self.width(other, room) {
                    Width::Columns(columns) => columns,
                    Width::EndsLine(columns) => return columns <= room,
                },
            };
            match room.checked_sub(columns) {
                Some(rest) => room = rest,
                None => return false,
            }
        }
        false
    }

    /// What a piece takes of a line in a group that is not broken.
    fn width(&self, piece: &Piece, room: usize) -> Width {
        match piece {
            Piece::Text(slice) | Piece::BlockComment { slice, .. } => {
                // Not further than there is room: texts can be long, and are looked at more than once.
                let mut columns = 0;
                for character in slice.of(self.text).chars().take(room + 1) {
                    if character == '\n' {
                        return Width::EndsLine(columns);
                    }
                    columns += 1;
                }
                Width::Columns(columns)
            }
            Piece::Space => Width::Columns(1),
            Piece::Line { space, .. } => Width::Columns(usize::from(*space)),
            Piece::Continue
            | Piece::WhenBroken(_)
            | Piece::Indent
            | Piece::Dedent
            | Piece::Begin(_)
            | Piece::End
            | Piece::LineComment(_) => Width::Columns(0),
        }
    }
}

enum Width {
    Columns(usize),
    /// So many columns, and then a line break.
    EndsLine(usize),
}

/// A `//` comment behind code.
struct Trailing {
    /// Where the code ends in the text that comes out.
    at: usize,
    column: usize,
    line: usize,
    indent: Option<usize>,
}

/// The text that comes out.
#[derive(Default)]
struct Page {
    out: String,
    indent: usize,
    column: usize,
    /// The number of the line.
    line: usize,
    /// What the line is indented by; nothing within a text or comment of several lines.
    line_indent: Option<usize>,
    /// Something stands on the line.
    begun: bool,
    /// The next line is indented once more.
    deeper: bool,
    /// A space is due before the next piece of the line.
    space: bool,
    /// The line ends with a `//` comment: nothing may follow.
    ended: bool,
    trailing: Vec<Trailing>,
}

impl Page {
    fn room(&self) -> usize {
        let taken = if self.ended || !self.begun { self.next_indent() } else { self.column + usize::from(self.space) };
        WIDTH.saturating_sub(taken)
    }

    fn next_indent(&self) -> usize {
        self.indent + if self.deeper || self.ended { INDENT } else { 0 }
    }

    fn newline(&mut self, blank: bool) {
        self.space = false;
        self.ended = false;
        if !self.begun {
            return;
        }
        self.deeper = false;
        for _ in 0..=usize::from(blank) {
            self.out.push('\n');
            self.line += 1;
        }
        self.begun = false;
    }

    fn continued(&mut self) {
        if self.begun {
            self.newline(false);
            self.deeper = true;
        }
    }

    /// Goes to where the next piece stands.
    fn advance(&mut self) {
        if self.ended {
            self.continued();
        }
        if !self.begun {
            let indent = self.next_indent();
            self.out.extend(std::iter::repeat_n(' ', indent));
            (self.column, self.line_indent) = (indent, Some(indent));
            self.begun = true;
        } else if self.space {
            self.out.push(' ');
            self.column += 1;
        }
        self.space = false;
    }

    fn write(&mut self, text: &str) {
        self.advance();
        self.out.push_str(text);
        match text.rfind('\n') {
            None => self.column += text.chars().count(),
            Some(last) => {
                self.column = text[last + 1..].chars().count();
                self.line += text.matches('\n').count();
                self.line_indent = None;
            }
        }
    }

    fn line_comment(&mut self, text: &str) {
        if self.begun && !self.ended {
            let indent = self.line_indent;
            self.trailing.push(Trailing { at: self.out.len(), column: self.column, line: self.line, indent });
            self.space = true;
        }
        self.write(text);
        self.ended = true;
    }

    /// The lines of a comment keep their places below its first line, which was behind these blanks.
    fn block_comment(&mut self, text: &str, blanks: Option<&str>) {
        self.advance();
        let indent = self.line_indent.unwrap_or(0);
        for (number, line) in text.split('\n').enumerate() {
            let moved = blanks.and_then(|blanks| line.strip_prefix(blanks)).filter(|_| number > 0);
            let line = line.trim_end();
            match moved.map(str::trim_end) {
                Some("") | None if number == 0 => self.write(line),
                Some("") => self.write("\n"),
                Some(moved) => {
                    let indent = " ".repeat(indent);
                    self.write(&["\n", &indent, moved].concat());
                }
                None => self.write(&["\n", line].concat()),
            }
        }
    }

    /// Puts `//` comments on neighbouring lines of one indent below one another.
    fn finish(mut self) -> String {
        if self.begun {
            self.out.push('\n');
        }
        let mut aligned = String::with_capacity(self.out.len());
        let mut copied = 0;
        for run in self.trailing.chunk_by(|above, below| {
            above.line + 1 == below.line && above.indent.is_some() && above.indent == below.indent
        }) {
            let column = run.iter().map(|comment| comment.column).max().unwrap_or(0);
            for comment in run {
                aligned.push_str(&self.out[copied..comment.at]);
                aligned.extend(std::iter::repeat_n(' ', column - comment.column));
                copied = comment.at;
            }
        }
        aligned.push_str(&self.out[copied..]);
        aligned
    }
}
