//! What stands around a place where a text could not be read: its statement, the blocks around that, the
//! bracket that is open. Reads characters and not the grammar, so that it takes any text.

/// Bytes before and behind the place that are looked at.
const WINDOW: usize = 2000;

pub(super) struct Around<'t> {
    pub text: &'t str,
    /// The place: between two characters.
    pub at: usize,
    /// Where the statement begins that the place stands in. In a text, the `${` around it.
    pub statement: usize,
    /// Where the statements begin in whose blocks it stands, outermost first.
    pub headers: Vec<usize>,
    /// Where the statement begins whose block has just been closed, when nothing follows it yet.
    pub closed: Option<usize>,
    /// The innermost bracket that is open, and where.
    pub open: Option<(u8, usize)>,
}

impl<'t> Around<'t> {
    pub fn new(text: &'t str, at: usize) -> Around<'t> {
        let mut reader = Reader::new(text);
        reader.read_to(at);
        let statement = if reader.fresh { at } else { reader.statement };
        let blocks = reader.open.iter().filter(|open| open.sign == b'{');
        Around {
            text,
            at,
            statement,
            headers: blocks.map(|open| open.statement).collect(),
            closed: reader.closed.filter(|_| reader.fresh),
            open: reader.open.last().map(|open| (open.sign, open.at)),
        }
    }

    /// In a text of any kind with `${ }` in it: only what stands in the last of them counts.
    pub fn in_template(text: &'t str, at: usize) -> Around<'t> {
        let statement = text[..at].rfind("${").unwrap_or(at);
        Around { text, at, statement, headers: Vec::new(), closed: None, open: Some((b'$', statement)) }
    }

    /// From the start of a statement to the place; nothing when that is far away.
    pub fn since(&self, statement: usize) -> Option<&'t str> {
        self.text.get(statement..self.at).filter(|before| before.len() <= WINDOW)
    }

    /// What the statement says up to the place.
    pub fn before(&self) -> &'t str {
        self.since(self.statement).unwrap_or("")
    }

    /// What follows a place, as far as it is looked at.
    pub fn from(&self, start: usize) -> &'t str {
        let end = self.text.floor_char_boundary(start.saturating_add(WINDOW));
        self.text.get(start..end).unwrap_or("")
    }

    /// The word or sign at the place; empty at the end of the text.
    pub fn found(&self) -> &'t str {
        token(self.from(self.at))
    }

    /// Where that which precedes the place ends, without white space and comments of one line.
    pub fn end_before(&self) -> usize {
        let mut end = self.text[..self.at].trim_end().len();
        // A comment behind a statement: what is missing there is missing before it.
        loop {
            let line = self.text[..end].rfind('\n').map_or(0, |newline| newline + 1);
            let Some(comment) = comment_in(&self.text[line..end]) else { return end };
            end = self.text[..line + comment].trim_end().len();
        }
    }
}

/// The brace that is left open in a text, judged by its indents, and the place before which it should have
/// been closed.
pub(super) fn left_open(text: &str) -> Option<(usize, usize)> {
    let mut reader = Reader::new(text);
    reader.read_to(text.len());
    let open = reader.open.iter().rev().filter(|open| open.sign == b'{');
    reader.closed_further_out.or_else(|| open.filter_map(|open| Some((open.at, open.left?))).next())
}

/// Where a comment begins in a line, if one does.
fn comment_in(line: &str) -> Option<usize> {
    outside_texts(line).map(|(at, _)| at).find(|at| line.as_bytes()[*at..].starts_with(b"//"))
}

/// The bytes of a line that stand outside texts, with their places.
pub(super) fn outside_texts(line: &str) -> impl Iterator<Item = (usize, u8)> {
    let mut in_text = false;
    let mut escaped = false;
    line.bytes().enumerate().filter(move |(_, byte)| {
        let was = in_text;
        match (in_text, *byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_text = !in_text,
            _ => {}
        }
        !was
    })
}

/// The word or sign that a text begins with.
pub(super) fn token(text: &str) -> &str {
    let Some(first) = text.chars().next() else { return "" };
    let length = if first.is_alphanumeric() || first == '_' {
        text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())
    } else {
        first.len_utf8()
    };
    &text[..length]
}

struct Open {
    sign: u8,
    at: usize,
    /// Where the statement begins that the bracket stands in.
    statement: usize,
    /// Columns before the first word of its line.
    indent: usize,
    /// A line in it stands further in than its own,
    indented: bool,
    /// and the first behind that one which does not.
    left: Option<usize>,
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    statement: usize,
    /// The next word begins a statement.
    fresh: bool,
    closed: Option<usize>,
    open: Vec<Open>,
    /// Columns before the first word of this line,
    indent: usize,
    /// which has not come yet.
    line_begins: bool,
    /// The first brace that is closed by one which stands further out, and that.
    closed_further_out: Option<(usize, usize)>,
}

impl Reader<'_> {
    fn new(text: &str) -> Reader<'_> {
        Reader {
            text,
            at: 0,
            statement: 0,
            fresh: true,
            closed: None,
            open: Vec::new(),
            indent: 0,
            line_begins: true,
            closed_further_out: None,
        }
    }

    fn read_to(&mut self, end: usize) {
        let bytes = self.text.as_bytes();
        while self.at < end {
            let rest = &bytes[self.at..end];
            if rest.starts_with(b"//") {
                self.at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                continue;
            }
            if rest.starts_with(b"/*") {
                self.at += rest[2..].windows(2).position(|two| two == b"*/").map_or(rest.len(), |found| found + 4);
                continue;
            }
            let byte = rest[0];
            if byte.is_ascii_whitespace() {
                self.at += 1;
                if byte == b'\n' {
                    self.line_begins = true;
                    self.indent = bytes[self.at..end].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
                }
                continue;
            }
            let first = std::mem::take(&mut self.line_begins);
            if first && let Some(open) = self.open.last_mut() {
                open.indented |= self.indent > open.indent;
                if open.indented && self.indent <= open.indent && !matches!(byte, b'}' | b']' | b')') {
                    open.left.get_or_insert(self.at);
                }
            }
            self.closed = None;
            if std::mem::take(&mut self.fresh) {
                self.statement = self.at;
            }
            match byte {
                b'"' => self.text_to(end),
                b'{' | b'[' | b'(' => {
                    self.push(byte, self.statement);
                    self.fresh = byte == b'{';
                    self.at += 1;
                }
                b'}' | b']' | b')' => self.close(byte, first),
                b';' => {
                    self.fresh = self.open.last().is_none_or(|open| open.sign == b'{');
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
    }

    fn push(&mut self, sign: u8, statement: usize) {
        let indent = self.indent;
        self.open.push(Open { sign, at: self.at, statement, indent, indented: false, left: None });
    }

    fn close(&mut self, sign: u8, first_of_line: bool) {
        self.at += 1;
        let Some(open) = self.open.pop() else {
            self.fresh = true;
            return;
        };
        self.statement = open.statement;
        if sign == b'}' && first_of_line && self.indent < open.indent {
            self.closed_further_out.get_or_insert((open.at, self.at - 1));
        }
        let inside = self.open.last().is_some_and(|outer| outer.sign != b'{');
        if sign == b'}' && !inside {
            // A block may end a statement or stand in the middle of a value: what follows tells.
            let next = self.text[self.at..].trim_start();
            let goes_on = next.starts_with([';', ',', '.', '+', '-', '*', '/', '?', '=', '!', '<', '>', '&', '|'])
                || token(next) == "else"
                || token(next) == "then";
            self.fresh = !goes_on;
            self.closed = Some(open.statement);
        }
    }

    /// Over a text, or into the `${` of it that the end lies in.
    fn text_to(&mut self, end: usize) {
        let bytes = self.text.as_bytes();
        let block = bytes[self.at..].starts_with(b"\"\"\"");
        let quote: &[u8] = if block { b"\"\"\"" } else { b"\"" };
        let start = self.at;
        self.at += quote.len();
        let mut inside = None;
        while self.at < end {
            let rest = &bytes[self.at..end];
            if rest[0] == b'\\' {
                self.at += 2;
            } else if inside.is_none() && (rest.starts_with(quote) || !block && rest[0] == b'\n') {
                self.at += if rest[0] == b'\n' { 1 } else { quote.len() };
                return;
            } else if rest.starts_with(b"${") {
                inside = inside.or(Some(self.at));
                self.at += 2;
            } else {
                if rest[0] == b'}' {
                    inside = None;
                }
                self.at += 1;
            }
        }
        if let Some(at) = inside {
            self.at = at;
            self.push(b'$', start);
            self.at = end;
            self.statement = at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Around, left_open};

    /// What [`Around`] knows at the `@` of a text: before, the headers, closed, open.
    fn at(text: &str) -> (String, Vec<String>, Option<String>, Option<char>) {
        let at = text.find('@').unwrap();
        let text = text.replacen('@', "", 1);
        let around = Around::new(&text, at);
        let line = |start: usize| text[start..].split(['{', '\n']).next().unwrap().trim().to_string();
        let headers = around.headers.iter().map(|start| line(*start)).collect();
        let open = around.open.map(|(sign, _)| char::from(sign));
        (around.before().to_string(), headers, around.closed.map(line), open)
    }

    #[test]
    fn a_place_knows_its_statement_and_the_blocks_around_it() {
        let none = Vec::<String>::new;
        assert_eq!(at("a 1; b @2;"), ("b ".into(), none(), None, None));
        assert_eq!(at("x extends Y {\n  a [1 @2]; }"), ("a [1 ".into(), vec!["x extends Y".into()], None, Some('[')));
        assert_eq!(at("// a { ;\n b \"} ;\" @c"), ("b \"} ;\" ".into(), none(), None, None));
        assert_eq!(at("a { b 1; } @"), (String::new(), none(), Some("a".into()), None));
        assert_eq!(at("a { b 1; } @c"), (String::new(), none(), Some("a".into()), None));
        assert_eq!(at("a { b 1; }; c@"), ("c".into(), none(), None, None));
        assert_eq!(at("a [{ b 1; }, @{"), ("a [{ b 1; }, ".into(), none(), None, Some('[')));
        assert_eq!(at("a \"x ${b @and c}\";"), ("${b ".into(), none(), None, Some('$')));
    }

    #[test]
    fn indents_tell_which_brace_is_left_open() {
        let left = |text: &str| left_open(text).map(|(open, before)| (text[..open].trim().to_string(), before));
        assert_eq!(left("a {\n  b 1;\n\nc {\n  d 2;\n}\n"), Some(("a".into(), 12)));
        assert_eq!(left("a {\n  b {\n    c 1;\n}\n"), Some(("a {\n  b".into(), 19)));
        assert_eq!(left("a {\nb 1;\nc 2;\n"), None);
    }

    #[test]
    fn what_is_missing_is_missing_before_the_comment() {
        let text = "a \"//\" // why\n // more\n}";
        assert_eq!(Around::new(text, text.len() - 1).end_before(), "a \"//\"".len());
    }
}
