//! Diagnostics as JSON lines: one object a diagnostic, and a summary at the end. The form is fixed by
//! `docs/check.schema.json`; what changes it in a way that readers notice changes [`VERSION`].

use serde::Serialize;

use crate::cli::render::written;
use crate::diagnostic::{Diagnostic, Report, Severity};
use crate::source::{self, Sources};

/// Of the form of the lines.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Tagged<T> {
    #[serde(rename = "type")]
    tag: &'static str,
    version: u32,
    #[serde(flatten)]
    content: T,
}

#[derive(Serialize)]
struct Said<'a> {
    code: &'a str,
    severity: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    labels: Vec<Label<'a>>,
}

#[derive(Serialize)]
struct Label<'a> {
    file: &'a str,
    text: &'a str,
    primary: bool,
    start: Position,
    end: Position,
}

#[derive(Serialize)]
struct Position {
    line: usize,
    column: usize,
    offset: usize,
}

#[derive(Serialize)]
struct Summary {
    summary: Counts,
}

#[derive(Serialize)]
struct Counts {
    errors: usize,
    warnings: usize,
    resources: Option<usize>,
}

/// All that a report says, in the order of the sources. `resources` is how many the program has, if it
/// compiles.
pub fn render(report: &Report, sources: &Sources, resources: Option<usize>) -> String {
    let diagnostics = report.sorted();
    let mut lines = String::new();
    for diagnostic in &diagnostics {
        lines.push_str(&written(&tagged("diagnostic", said(diagnostic, sources)), false));
        lines.push('\n');
    }
    let counts = Counts { errors: report.count(Severity::Error), warnings: report.count(Severity::Warning), resources };
    lines.push_str(&written(&tagged("summary", Summary { summary: counts }), false));
    lines.push('\n');
    lines
}

fn tagged<T>(tag: &'static str, content: T) -> Tagged<T> {
    Tagged { tag, version: VERSION, content }
}

fn said<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Said<'a> {
    let labels = diagnostic.labels.iter().enumerate().map(|(at, label)| Label {
        file: &sources.get(label.span.source).name,
        text: &label.text,
        primary: at == 0,
        start: sources.position(label.span.source, label.span.start).into(),
        end: sources.position(label.span.source, label.span.end).into(),
    });
    Said {
        code: diagnostic.code,
        severity: match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        message: &diagnostic.message,
        help: diagnostic.help.as_deref(),
        labels: labels.collect(),
    }
}

impl From<source::Position> for Position {
    fn from(position: source::Position) -> Position {
        let source::Position { line, column, offset } = position;
        Position { line, column, offset }
    }
}
