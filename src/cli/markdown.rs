//! Markdown as text for a terminal: headings strong, code further in, lines wrapped, tables in columns.
//! What stands in backticks keeps them. The one user of pulldown-cmark and textwrap.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use textwrap::core::display_width;
use textwrap::{WordSeparator, WordSplitter, WrapAlgorithm};

use crate::cli::ui::{Look, Paint};

/// How much further in code stands.
const CODE: &str = "    ";
/// Between two columns of a table.
const GAP: &str = "  ";
/// Longer lines of prose are hard to read, whatever the width of the terminal.
const WIDEST: usize = 100;

/// A Markdown text as it is shown, ending with a line break. Has no escape sequences when the look has no
/// colour, whatever the text contains.
pub fn render(markdown: &str, look: Look) -> String {
    let mut page = Page {
        look,
        out: String::new(),
        line: String::new(),
        blank: false,
        before: Vec::new(),
        lists: Vec::new(),
        rows: Vec::new(),
        in_code: false,
        runs: Vec::new(),
    };
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        page.take(event);
    }
    page.out
}

/// Rows in columns as wide as their widest cell. What does not fit into the width is wrapped in the last.
pub fn columns(rows: &[Vec<String>], width: usize) -> String {
    let mut out = String::new();
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| display_width(cell)).max();
    let widths: Vec<usize> = (0..count).map(|at| widest(at).unwrap_or(0)).collect();
    for row in rows {
        let Some((last, cells)) = row.split_last() else { continue };
        let mut first = String::new();
        for (cell, width) in cells.iter().zip(&widths) {
            first.push_str(cell);
            first.extend(std::iter::repeat_n(' ', width - display_width(cell)));
            first.push_str(GAP);
        }
        let rest = " ".repeat(display_width(&first));
        push_wrapped(&mut out, last, &first, &rest, width);
    }
    out
}

/// A sentence in lines that begin alike.
pub fn wrapped(text: &str, indent: &str, width: usize) -> String {
    let mut out = String::new();
    push_wrapped(&mut out, text, indent, indent, width);
    out
}

/// Lines no wider than `width`, where the words allow it.
fn push_wrapped(out: &mut String, text: &str, first: &str, rest: &str, width: usize) {
    let options = textwrap::Options::new(width)
        .initial_indent(first)
        .subsequent_indent(rest)
        // Addresses and flags are copied from the terminal: no line ends inside a word.
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .break_words(false);
    for line in textwrap::wrap(text, options) {
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

/// A page in the making.
struct Page {
    look: Look,
    out: String,
    /// The text of the block that is being read.
    line: String,
    /// A blank line is due before the next block.
    blank: bool,
    /// What stands before the lines of items and quotes, outermost first.
    before: Vec<Before>,
    /// The number of the next item of each list, if it is numbered.
    lists: Vec<Option<u64>>,
    rows: Vec<Vec<String>>,
    in_code: bool,
    /// Where each open run of strong text or link text began in the line, and where the link goes.
    runs: Vec<(usize, String)>,
}

struct Before {
    /// Of the first line, until that is written.
    first: Option<String>,
    rest: String,
}

impl Page {
    fn take(&mut self, event: Event) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.push(&text),
            Event::Code(text) => self.push(&format!("`{text}`")),
            Event::SoftBreak => self.line.push(' '),
            Event::HardBreak => self.line.push('\n'),
            Event::Rule => {
                self.line.push_str("---");
                self.block();
            }
            // Comments of the author, and what has no meaning in a terminal.
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag) {
        match tag {
            Tag::Item => {
                let first = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "- ".to_string(),
                };
                let rest = " ".repeat(first.len());
                self.before.push(Before { first: Some(first), rest });
            }
            Tag::List(number) => {
                // An item without blank lines has text of its own before what is nested in it.
                self.flush();
                self.lists.push(number);
            }
            Tag::BlockQuote(_) => {
                self.flush();
                self.before.push(Before { first: None, rest: "> ".into() });
            }
            Tag::CodeBlock(_) => {
                self.flush();
                self.blank = true;
                self.in_code = true;
            }
            Tag::TableHead | Tag::TableRow => self.rows.push(Vec::new()),
            Tag::Strong => self.runs.push((self.line.len(), String::new())),
            Tag::Link { dest_url, .. } => self.runs.push((self.line.len(), dest_url.to_string())),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => self.block(),
            TagEnd::Heading(_) => {
                self.line = self.look.paint(&self.line, Paint::Strong);
                self.block();
            }
            TagEnd::Item => {
                self.flush();
                self.before.pop();
            }
            TagEnd::List(_) => {
                self.lists.pop();
                self.blank |= self.lists.is_empty();
            }
            TagEnd::BlockQuote(_) => {
                self.before.pop();
                self.blank = true;
            }
            TagEnd::CodeBlock => self.code(),
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.line);
                self.rows.last_mut().into_iter().for_each(|row| row.push(cell.clone()));
            }
            TagEnd::Table => self.table(),
            TagEnd::Strong => {
                if let Some((start, _)) = self.runs.pop() {
                    let strong = self.line.split_off(start);
                    self.line.push_str(&self.look.paint(&strong, Paint::Strong));
                }
            }
            TagEnd::Link => {
                // A place in the same page cannot be gone to, and an address that is its own text is said.
                if let Some((start, to)) = self.runs.pop()
                    && !to.starts_with('#')
                    && self.line.get(start..) != Some(to.as_str())
                {
                    self.push(&format!(" ({to})"));
                }
            }
            _ => {}
        }
    }

    /// Text of the author, who may not move the cursor.
    fn push(&mut self, text: &str) {
        let code = self.in_code;
        self.line.extend(text.chars().filter(|c| !c.is_control() || code && matches!(c, '\n' | '\t')));
    }

    /// Ends a block that has a blank line behind it.
    fn block(&mut self) {
        self.flush();
        self.blank = true;
    }

    /// Writes the text that was read, wrapped.
    fn flush(&mut self) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            let ((first, rest), width) = (self.begin(), self.width());
            push_wrapped(&mut self.out, &line, &first, &rest, width);
        }
    }

    fn code(&mut self) {
        self.in_code = false;
        let code = std::mem::take(&mut self.line);
        let (mut before, rest) = self.begin();
        for line in code.lines() {
            let line = format!("{before}{CODE}{line}");
            self.out.push_str(line.trim_end());
            self.out.push('\n');
            before.clone_from(&rest);
        }
        self.blank = true;
    }

    fn table(&mut self) {
        let mut rows = std::mem::take(&mut self.rows);
        if let Some(head) = rows.first_mut() {
            if head.iter().all(String::is_empty) {
                rows.remove(0);
            } else {
                head.iter_mut().for_each(|cell| *cell = self.look.paint(cell, Paint::Strong));
            }
        }
        let (mut before, rest) = self.begin();
        for line in columns(&rows, self.width().saturating_sub(display_width(&rest))).lines() {
            self.out.push_str(&format!("{before}{line}\n"));
            before.clone_from(&rest);
        }
        self.blank = true;
    }

    /// What stands before the first line of a block and before its others, with the blank line above it.
    fn begin(&mut self) -> (String, String) {
        let rest: String = self.before.iter().map(|before| before.rest.as_str()).collect();
        if std::mem::take(&mut self.blank) && !self.out.is_empty() {
            // Between two items there is no line of either.
            let outer = self.before.iter().take_while(|before| before.first.is_none());
            let line: String = outer.map(|before| before.rest.as_str()).collect();
            self.out.push_str(line.trim_end());
            self.out.push('\n');
        }
        let first = self.before.iter_mut().map(|before| before.first.take().unwrap_or_else(|| before.rest.clone()));
        (first.collect(), rest)
    }

    fn width(&self) -> usize {
        self.look.width.min(WIDEST)
    }
}

#[cfg(test)]
mod tests {
    use super::{columns, render};
    use crate::cli::ui::Look;

    const PLAIN: Look = Look { colour: false, width: 40, live: false, full: false };
    const COLOURED: Look = Look { colour: true, ..PLAIN };

    #[test]
    fn prose_is_wrapped_and_code_is_not() {
        let text = "# A title\n\nSome words that do not all fit\non one line, with `code` in them.\n\n\
                    ```cloud\nweb extends TransientS3Bucket { bucket \"acme-web\"; }\n\n    deeper\n```\n\n## Behind\nText.\n";
        let shown = "A title\n\n\
                     Some words that do not all fit on one\nline, with `code` in them.\n\n\
                     \x20   web extends TransientS3Bucket { bucket \"acme-web\"; }\n\n\
                     \x20       deeper\n\n\
                     Behind\n\nText.\n";
        assert_eq!(render(text, PLAIN), shown);
    }

    #[test]
    fn headings_and_strong_words_are_painted_only_in_colour() {
        let text = "# T\n\na **b c** d\n";
        assert_eq!(render(text, COLOURED), "\u{1b}[1mT\u{1b}[0m\n\na \u{1b}[1mb c\u{1b}[0m d\n");
        assert_eq!(render(text, PLAIN), "T\n\na b c d\n");
    }

    #[test]
    fn lists_hang_under_their_first_word() {
        let text = "Before:\n\n- one that is long enough to need a second line\n- two\n  - inner\n- three\n\nBehind.\n";
        let shown = "Before:\n\n\
                     - one that is long enough to need a\n  second line\n- two\n  - inner\n- three\n\n\
                     Behind.\n";
        assert_eq!(render(text, PLAIN), shown);
        assert_eq!(render("1. a\n2. b\n", PLAIN), "1. a\n2. b\n");
        let loose = "- a\n\n  more\n\n      code\n\n- b\n";
        assert_eq!(render(loose, PLAIN), "- a\n\n  more\n\n      code\n\n- b\n");
        assert_eq!(render("- ```\n  code\n  ```\n", PLAIN), "-     code\n");
        assert_eq!(render("> a\n>\n> b\n\nc\n", PLAIN), "> a\n>\n> b\n\nc\n");
    }

    #[test]
    fn tables_stand_in_columns() {
        let text =
            "| name | what it is for |\n|---|---|\n| `a` | short |\n| `longer` | words that do not fit on one line |\n";
        let shown = "name      what it is for\n\
                     `a`       short\n\
                     `longer`  words that do not fit on one\n          line\n";
        assert_eq!(render(text, PLAIN), shown);
        assert_eq!(render("| | |\n|---|---|\n| a | b |\n", PLAIN), "a  b\n");
        assert!(render(text, COLOURED).starts_with("\u{1b}[1mname\u{1b}[0m      \u{1b}[1mwhat it is for\u{1b}[0m\n"));
        assert_eq!(columns(&[vec!["a".into()], vec!["b".into(), "c".into()]], 10), "a\nb  c\n");
    }

    #[test]
    fn links_say_where_they_go() {
        let text = "See [state](state.md), [below](#below) and <https://example.com>.";
        assert_eq!(render(text, PLAIN), "See state (state.md), below and\nhttps://example.com.\n");
    }

    #[test]
    fn a_text_cannot_paint_by_itself() {
        let shown = render("# a\u{1b}[31m\n\n`b\u{7}`\n\n```\nc\u{1b}[2J\td\n```\n<!-- said to nobody -->\n", PLAIN);
        assert_eq!(shown, "a[31m\n\n`b`\n\n    c[2J\td\n");
    }
}
