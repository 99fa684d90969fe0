//! What users see: diagnostics dressed for the terminal, streams, colour, width. The one user of
//! miette.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, IsTerminal};

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan,
    SpanContents, ThemeCharacters, ThemeStyles,
};

use crate::diagnostic::{Diagnostic, Label, MAX_KEPT, Report, Severity};
use crate::printable::{Plain, lines};
use crate::source::{Sources, View};

/// How a stream is to be used: standard error, unless said otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub colour: bool,
    /// In columns.
    pub width: usize,
    /// Whether progress may move the cursor.
    pub live: bool,
    /// Whether values are shown whole, however long they are.
    pub full: bool,
}

impl Look {
    /// As the environment asks for: `NO_COLOR`, a terminal or not, its width.
    pub fn from_environment() -> Look {
        Look::of(&console::Term::stderr(), io::stderr().is_terminal())
    }

    /// The same for standard output, which may go elsewhere.
    pub fn of_output() -> Look {
        Look::of(&console::Term::stdout(), io::stdout().is_terminal())
    }

    fn of(term: &console::Term, terminal: bool) -> Look {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let width = term.size_checked().map_or(100, |(_, columns)| usize::from(columns));
        Look {
            colour: terminal && !plain,
            width: width.clamp(40, 160),
            live: terminal && std::env::var_os("CI").is_none(),
            full: false,
        }
    }

    /// A text in a colour of the terminal, where colour is wanted.
    pub fn paint(&self, text: &str, style: Paint) -> String {
        let code = match style {
            Paint::Plain => return text.to_string(),
            Paint::Good => "32",
            Paint::Change => "33",
            Paint::Bad => "31",
            Paint::Strong => "1",
            Paint::Faint => "2",
        };
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_string() }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Paint {
    Plain,
    Good,
    Change,
    Bad,
    Strong,
    Faint,
}

/// Everything in a report, as it goes to the terminal.
pub fn render(report: &Report, sources: &Sources, look: Look) -> String {
    let mut text: String =
        report.sorted().into_iter().map(|diagnostic| render_one(diagnostic, sources, look)).collect();
    for (severity, what) in [(Severity::Error, "error"), (Severity::Warning, "warning")] {
        let more = report.count(severity).saturating_sub(MAX_KEPT);
        if more > 0 {
            let (are, s) = if more == 1 { ("is", "") } else { ("are", "s") };
            let least = if report.is_cut_short() { "at least " } else { "" };
            text.push_str(&format!("{least}{more} more {what}{s} {are} not shown\n\n"));
        }
    }
    text
}

pub fn render_one(diagnostic: &Diagnostic, sources: &Sources, look: Look) -> String {
    let theme = GraphicalTheme {
        characters: ThemeCharacters {
            error: format!("error[{}]:", diagnostic.code),
            warning: format!("warning[{}]:", diagnostic.code),
            ..ThemeCharacters::unicode()
        },
        styles: if look.colour { ThemeStyles::ansi() } else { ThemeStyles::none() },
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(look.width)
        .with_links(false)
        // Without a text to show, the handler would draw a bar down a wrapped message.
        .with_wrap_lines(!diagnostic.labels.is_empty())
        .with_context_lines(1)
        .without_cause_chain();
    let mut text = String::new();
    // Writing to a string cannot fail; what the handler could not format is shown plainly.
    if handler.render_report(&mut text, &Dressed::new(diagnostic, sources)).is_err() {
        text = format!("{}: {}\n", diagnostic.code, lines(&diagnostic.message, false));
    }
    for label in diagnostic.labels.iter().skip(1) {
        if Some(label.span.source) != diagnostic.labels.first().map(|first| first.span.source) {
            let (line, _) = sources.line(label.span);
            let place = format!("{}:{line}", sources.get(label.span.source).name);
            let (place, said) = (Plain(&place).to_string(), lines(&label.text, false));
            text.push_str(&format!("  note: {}: {said}\n", look.paint(&place, Paint::Strong)));
        }
    }
    text.push('\n');
    // The handler indents the first line for a sign that is not used here.
    text.trim_start().to_string()
}

/// Bytes of a line that are shown before and behind a place in it, when it is longer.
const AROUND: usize = 120;

/// Bytes of lines that are looked through for how long they are; of more, a part is shown without a look.
const LONG: usize = 64 << 10;

/// A text of which long lines are shown in part.
struct Excerpt<'a> {
    view: View<'a>,
    name: String,
}

impl Excerpt<'_> {
    /// One line, around a place in it; its number stays what it is.
    fn part(&self, span: &SourceSpan) -> MietteSpanContents<'_> {
        let (text, at) = (self.view.text, span.offset());
        let (line, number) = self.view.lines(at..at, 0);
        let from = text.floor_char_boundary(at.saturating_sub(AROUND).max(line.start));
        let to = text.ceil_char_boundary((at + span.len().clamp(1, AROUND) + AROUND).min(line.end));
        let data = text[from..to].trim_end_matches('\n').as_bytes();
        MietteSpanContents::new_named(self.name.clone(), data, (from, data.len()).into(), number, from - line.start, 1)
    }
}

impl SourceCode for Excerpt<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let text = self.view.text;
        // Miette walks through all that it is given, for every message.
        let (lines, line) = self.view.lines(span.offset()..span.offset() + span.len(), before.max(after) + 1);
        if lines.len() > LONG {
            return Ok(Box::new(self.part(span)));
        }
        let whole = text[lines.clone()].read_span(&(span.offset() - lines.start, span.len()).into(), before, after)?;
        let start = lines.start + whole.span().offset();
        let longest = whole.data().split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap_or(0);
        if longest > 4 * AROUND {
            return Ok(Box::new(self.part(span)));
        }
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            whole.data(),
            (start, whole.span().len()).into(),
            line + whole.line(),
            whole.column(),
            whole.line_count(),
        )))
    }
}

/// A diagnostic with its text at hand. Miette shows one file a report; places in other files follow
/// as notes.
struct Dressed<'a> {
    severity: miette::Severity,
    message: Cow<'a, str>,
    help: Option<Cow<'a, str>>,
    text: Option<Excerpt<'a>>,
    labels: Vec<LabeledSpan>,
}

impl<'a> Dressed<'a> {
    fn new(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Dressed<'a> {
        let main = diagnostic.labels.first().map(|label| label.span.source);
        let text = main
            .map(|source| Excerpt { view: sources.view(source), name: Plain(&sources.get(source).name).to_string() });
        let here = diagnostic.labels.iter().filter(|label| Some(label.span.source) == main);
        let labels = here.zip(text.iter().cycle()).enumerate().map(|(at, (Label { span, text }, excerpt))| {
            let (start, end) = (excerpt.view.at(span.start), excerpt.view.at(span.end));
            let whole = excerpt.view.text.get(start..end).unwrap_or("");
            let length =
                if whole.contains('\n') { whole.len() } else { whole.len().min(whole.floor_char_boundary(AROUND)) };
            let text = Some(lines(text, false).into_owned());
            match at {
                0 => LabeledSpan::new_primary_with_span(text, (start, length)),
                _ => LabeledSpan::new(text, start, length),
            }
        });
        let labels = labels.collect();
        Dressed {
            severity: match diagnostic.severity {
                Severity::Error => miette::Severity::Error,
                Severity::Warning => miette::Severity::Warning,
            },
            message: lines(&diagnostic.message, false),
            help: diagnostic.help.as_deref().map(|help| lines(help, false)),
            labels,
            text,
        }
    }
}

impl fmt::Debug for Dressed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Display for Dressed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Dressed<'_> {}

impl miette::Diagnostic for Dressed<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        self.help.as_deref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.text.as_ref().map(|text| text as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (!self.labels.is_empty())
            .then(|| Box::new(self.labels.iter().cloned()) as Box<dyn Iterator<Item = LabeledSpan>>)
    }
}
