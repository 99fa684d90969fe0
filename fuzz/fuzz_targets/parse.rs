//! Any text is parsed, or refused with an error whose places lie in the text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tadpole::diagnostic::Report;
use tadpole::source::Sources;
use tadpole::syntax;

fuzz_target!(|text: &str| {
    let mut sources = Sources::default();
    let source = sources.add("main.cloud", text);
    let mut report = Report::default();
    let file = syntax::parse(source, text, &mut report);
    assert_eq!(file.is_none(), report.has_errors(), "a tree and errors exclude each other");
    for diagnostic in report.sorted() {
        for label in &diagnostic.labels {
            let (start, end) = (label.span.start as usize, label.span.end as usize);
            assert!(text.get(start..end).is_some(), "a label stands outside the text or inside a character");
        }
    }
    let _ = syntax::parse_value(source, text, &mut Report::default());
    let _ = syntax::parse_template(source, text, &mut Report::default());
});
