//! Text to tree. [`parse`] is the only way in: it first scans the text for what a grammar reports
//! badly (open brackets and strings, depth), then parses.

mod parser;
mod scan;
pub mod tree;

use crate::diagnostic::{Diagnostic, Report};
use crate::source::{SourceId, Span};

pub use tree::File;

/// Brackets, interpolations and `if`s may stand in one another this deep.
pub const MAX_DEPTH: usize = 200;
/// Operators and accesses that one expression may chain.
pub const MAX_CHAIN: usize = 1000;
/// Bytes in one file.
pub const MAX_FILE: u64 = 32 << 20;

/// The tree of one text, or nothing with at least one error in the report.
pub fn parse(source: SourceId, text: &str, report: &mut Report) -> Option<File> {
    scanned(source, text, report, parser::parse)
}

/// As [`parse`], for one value, such as is given for a param on the command line.
pub fn parse_value(source: SourceId, text: &str, report: &mut Report) -> Option<tree::Expr> {
    scanned(source, text, report, parser::parse_value)
}

fn scanned<T>(
    source: SourceId,
    text: &str,
    report: &mut Report,
    parse: fn(SourceId, &str) -> Result<T, Box<Diagnostic>>,
) -> Option<T> {
    if text.len() as u64 > MAX_FILE {
        report.push(too_large(Some(source), text.len() as u64, "this file"));
        return None;
    }
    // The grammar recurses: MAX_DEPTH levels of it fit into this stack with a wide margin.
    let parsed = scan::scan(source, text).and_then(|()| stacker::grow(64 << 20, || parse(source, text)));
    parsed.map_err(|diagnostic| report.push(*diagnostic)).ok()
}

/// The refusal of a file of `size` bytes, also for who only looked at its size.
pub fn too_large(source: Option<SourceId>, size: u64, what: &str) -> Diagnostic {
    let diagnostic = Diagnostic::error(
        "cloud::limit::file",
        format!("{what} has {} MiB, and a file may have {} MiB", size >> 20, MAX_FILE >> 20),
    )
    .help("is this a `.cloud` file? spread a large program over several files of one directory");
    match source {
        Some(source) => diagnostic.label(Span::new(source, 0, 0), "too large"),
        None => diagnostic,
    }
}
