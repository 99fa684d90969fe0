//! Text to tree. [`parse`] is the only way in: it first scans the text for what a grammar reports
//! badly (open brackets and strings, depth), then parses.

mod around;
mod block;
pub mod habit;
mod mistake;
mod number;
mod parser;
mod print;
mod scan;
pub mod tree;

use crate::diagnostic::{Diagnostic, Report};
use crate::printable::{Escaped, is_hidden};
use crate::source::{SourceId, Span};
use scan::Scanned;

pub use tree::File;

/// Brackets, interpolations and `if`s may stand in one another this deep.
pub const MAX_DEPTH: usize = 200;
/// Operators and accesses that one expression may chain.
pub const MAX_CHAIN: usize = 1000;
/// Brackets, texts, operators and commas in one file, and statements, each of which counts for four,
pub const MAX_SIGNS: usize = 3_000_000;
/// and in one statement at its top.
pub const MAX_STATEMENT: usize = 1_000_000;
/// Bytes in one file.
pub const MAX_FILE: u64 = 32 << 20;

/// The tree of one text, or nothing with at least one error in the report.
pub fn parse(source: SourceId, text: &str, report: &mut Report) -> Option<File> {
    let file = scanned(source, text, report, scan_program, parser::parse)?;
    report.extend(hidden(source, text));
    Some(file)
}

/// A warning of what is in a text and does not show there. What scripts and emoji are joined by is left alone.
fn hidden(source: SourceId, text: &str) -> Option<Diagnostic> {
    let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let joins = |c: char| matches!(c, '\n' | '\t' | '\r' | '\u{ad}' | '\u{200c}' | '\u{200d}');
    let at = rest.find(|c: char| is_hidden(c) && !joins(c))? + text.len() - rest.len();
    let c = text[at..].chars().next()?;
    Some(
        Diagnostic::warning(
            "cloud::syntax::hidden",
            format!("this file has a character that cannot be seen: U+{:04X}", c as u32),
        )
        .label(Span::new(source, at, at + c.len_utf8()), "here")
        .help(format!("remove it; in a text, write `{}` if it is meant", Escaped(c))),
    )
}

/// The text in its one layout, or nothing with at least one error in the report. Its tree is that of the
/// text, and no comment is lost.
pub fn format(source: SourceId, text: &str, report: &mut Report) -> Option<String> {
    scanned(source, text, report, scan_program, |source, text, scanned| {
        let file = parser::parse(source, text, scanned)?;
        print::print(text, &file, scanned).ok_or_else(|| Box::new(indented_too_large(source)))
    })
}

/// As [`parse`], for one value, such as is given for a param on the command line.
pub fn parse_value(source: SourceId, text: &str, report: &mut Report) -> Option<tree::Expr> {
    scanned(source, text, report, scan_program, parser::parse_value)
}

/// Whether a text that is no value yet may become one with more lines: brackets or a text block are open, or
/// it ends where something is expected.
pub fn is_unfinished(text: &str) -> bool {
    match scan::leaves_open(text) {
        Some(open) => open,
        None => text.len() as u64 <= MAX_FILE && stacker::grow(64 << 20, || parser::ends_early(text)),
    }
}

/// As [`parse`], for a file of any kind with `${ }` in it: one text.
pub fn parse_template(source: SourceId, text: &str, report: &mut Report) -> Option<tree::Expr> {
    scanned(source, text, report, scan::scan_template, parser::parse_template)
}

type Fallible<T> = Result<T, Box<Diagnostic>>;

fn scanned<T>(
    source: SourceId,
    text: &str,
    report: &mut Report,
    scan: fn(SourceId, &str) -> Fallible<Scanned>,
    parse: impl FnOnce(SourceId, &str, &Scanned) -> Fallible<T>,
) -> Option<T> {
    if text.len() as u64 > MAX_FILE {
        report.push(too_large(Some(source), text.len() as u64, "this file"));
        return None;
    }
    // The grammar recurses: MAX_DEPTH levels of it fit into this stack with a wide margin.
    let parsed = scan(source, text).and_then(|scanned| stacker::grow(64 << 20, || parse(source, text, &scanned)));
    parsed.map_err(|diagnostic| report.push(*diagnostic)).ok()
}

fn scan_program(source: SourceId, text: &str) -> Fallible<Scanned> {
    scan::scan(source, text).map_err(|diagnostic| habit_behind(source, text, &diagnostic).unwrap_or(diagnostic))
}

/// The habit behind brackets and texts that do not close: `# it's`, `'"'`.
fn habit_behind(source: SourceId, text: &str, diagnostic: &Diagnostic) -> Option<Box<Diagnostic>> {
    let at = diagnostic.labels.first()?.span.start as usize;
    if diagnostic.code.split("::").nth(1) == Some("limit") {
        return None;
    }
    let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let sign = around::outside_texts(&text[line..at]).find(|(_, sign)| matches!(sign, b'#' | b'\'' | b'`'));
    let place = sign.map_or(at, |(column, _)| line + column);
    habit::recognise(source, &around::Around::new(text, place))
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

fn indented_too_large(source: SourceId) -> Diagnostic {
    let message = format!("with its lines indented, this file would be larger than {} MiB", MAX_FILE >> 20);
    Diagnostic::error("cloud::limit::file", message)
        .label(Span::new(source, 0, 0), "too large")
        .help("spread a large program over several files of one directory")
}

#[cfg(test)]
mod tests {
    use super::tree::{Binary, Expr, ExprKind, ItemKind, TextPart};
    use super::*;
    use crate::source::Sources;

    fn file(text: &str) -> (Option<File>, Report, Sources) {
        let mut sources = Sources::default();
        let mut report = Report::default();
        let id = sources.add("main.cloud", text);
        (parse(id, text, &mut report), report, sources)
    }

    /// The value of the only statement of a file.
    fn value(text: &str) -> Expr {
        let (file, report, _) = file(&format!("x {text};"));
        let file = file.unwrap_or_else(|| panic!("{:?}", report.sorted()));
        match file.items.into_iter().next().unwrap().kind {
            ItemKind::Set(value) => value,
            other => panic!("{other:?}"),
        }
    }

    /// With brackets around every operation.
    fn bracketed(expr: &Expr) -> String {
        match &expr.kind {
            ExprKind::Int(value) => value.to_string(),
            ExprKind::Name(name) => name.to_string(),
            ExprKind::Unary(sign, of) => format!("({sign:?} {})", bracketed(of)),
            ExprKind::Binary(sign, left, right) => {
                format!("({} {} {})", bracketed(left), sign.sign(), bracketed(right))
            }
            ExprKind::If { condition, then, otherwise } => {
                format!("(if {} {} {})", bracketed(condition), bracketed(then), bracketed(otherwise))
            }
            ExprKind::Get { of, name, .. } => format!("{}.{}", bracketed(of), name.value),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn operators_bind_as_they_are_used_to() {
        for (text, expected) in [
            ("1 + 2 * 3", "(1 + (2 * 3))"),
            ("1 - 2 - 3", "((1 - 2) - 3)"),
            ("-a.b + 1", "((Negative a.b) + 1)"),
            ("!a && b || c", "(((Not a) && b) || c)"),
            ("a == b && c < d + 1", "((a == b) && (c < (d + 1)))"),
            ("a ?? b == c", "((a ?? b) == c)"),
            ("0..a + 1", "(0 .. (a + 1))"),
            ("if a then 1 else b + 2", "(if a 1 (b + 2))"),
            ("(1 + 2) * 3", "((1 + 2) * 3)"),
        ] {
            assert_eq!(bracketed(&value(text)), expected, "{text}");
        }
        assert!(matches!(value("a - 1").kind, ExprKind::Binary(Binary::Subtract, ..)));
    }

    #[test]
    fn statements_are_told_apart_by_their_first_words() {
        let text = "a: Int, immutable = 1; b 2; c { d 3; } e extends F { } g[i in 0..2] extends H { }\n\
                    k if x extends L; m if x then 1 else 2; n [1]; o[\"k\"].p 1; \"quoted key\" 5; q {for i in r: i: i};";
        let (file, report, sources) = file(text);
        let file = file.unwrap_or_else(|| panic!("{:?}", report.sorted()));
        let kinds: Vec<&str> = file
            .items
            .iter()
            .map(|item| match &item.kind {
                ItemKind::Declare(_) => "declare",
                ItemKind::Set(_) => "set",
                ItemKind::Merge(_) => "merge",
                ItemKind::Define(define) if define.repeat.is_some() => "repeat",
                ItemKind::Define(define) if define.condition.is_some() => "depend",
                ItemKind::Define(_) => "define",
            })
            .collect();
        let expected = ["declare", "set", "merge", "define", "repeat", "depend", "set", "set", "set", "set", "set"];
        assert_eq!(kinds, expected);
        assert_eq!(sources.text(file.items[1].span), "b 2;");
        assert_eq!(sources.text(file.items[8].path.span), "o[\"k\"].p");
    }

    #[test]
    fn blocks_of_text_lose_their_common_indent() {
        let value = value("\"\"\"\n        one\n          two ${a}\n\n        three\n        \"\"\"");
        let ExprKind::Text(parts) = value.kind else { panic!() };
        let texts: Vec<&str> = parts
            .iter()
            .map(|part| match part {
                TextPart::Literal(text) => text.as_str(),
                TextPart::Expr(_) => "<>",
            })
            .collect();
        assert_eq!(texts.concat(), "one\n  two <>\n\nthree\n");
    }

    #[test]
    fn comments_above_a_statement_document_it() {
        let (first, ..) =
            file("// not this\n/// One.\n/// Two.\na extends B { }\n\n/// Far away.\n\nc extends B { }\n");
        let docs: Vec<Option<String>> = first.unwrap().items.into_iter().map(|item| item.doc).collect();
        assert_eq!(docs, [Some("One.\nTwo.".to_string()), None]);
        let (second, ..) = file("/// Of a.\na extends B { b 1;\n    /// Of c.\n    c 2; }\n");
        let ItemKind::Define(define) = second.unwrap().items.remove(0).kind else { panic!() };
        let docs: Vec<Option<&str>> = define.body.items.iter().map(|item| item.doc.as_deref()).collect();
        assert_eq!(docs, [None, Some("Of c.")], "what stands on the line of another is not documented with it");
    }

    #[test]
    fn only_a_comment_with_a_line_of_its_own_documents_the_next() {
        for (text, expected) in [
            ("/// One.\r\n\ta 1;", Some("One.")),
            ("\u{feff}/// One.\na 1;", Some("One.")),
            ("b 1; /// Behind.\na 1;", None),
            ("b { /// Behind.\n} a 1;", None),
            ("/// Of b.\nb 1; a 1;", None),
            ("/// One.\n/* ahead */ a 1;", None),
            ("/// One.\n\na 1;", None),
            ("b 1\n/// Within.\n; a 1;", None),
            ("b \"\"\"\n/// text\"\"\"\n;\na 1;", None),
            ("/*\n/// within */\na 1;", None),
        ] {
            let (file, ..) = file(text);
            let doc = file.unwrap().items.pop().unwrap().doc;
            assert_eq!(doc.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn words_are_told_apart_however_they_are_laid_out() {
        let (file, report, _) = file(
            "import\n\"a.cloud\"; param\ta: Int; output // why\nb\n= 1; fn /* one */ f\n() = 1;\n\
             type\nT\n= Int in - /* least */ 1..2; x formerly // old\ny extends T { }",
        );
        let file = file.unwrap_or_else(|| panic!("{:?}", report.sorted()));
        let counts =
            [file.imports.len(), file.params.len(), file.outputs.len(), file.functions.len(), file.aliases.len()];
        assert_eq!((counts, file.items.len()), ([1; 5], 1));
    }

    #[test]
    fn brackets_are_counted_wherever_they_stand() {
        for text in ["a \"}\";", "a \"${ {b 1;} }\"; // {", "/* [ */ a [\"]\"];", "a \"\"\"\n} \\\" {\n\"\"\";"] {
            let (file, report, _) = file(text);
            assert!(file.is_some(), "{text}: {:?}", report.sorted());
        }
        for text in ["a {", "a }", "a [}];", "a \"${b\";", "/* ", "a \"\"\"", "a (1;"] {
            let (file, report, _) = file(text);
            assert!(file.is_none() && report.has_errors(), "{text}");
        }
    }

    #[test]
    fn many_short_conditions_are_not_a_deep_one() {
        let list = "if a then 1 else 2, ".repeat(500);
        assert!(file(&format!("x [{list}];")).0.is_some());
        let components = "a if b extends C { } ".repeat(500);
        assert!(file(&components).0.is_some());
    }
}
