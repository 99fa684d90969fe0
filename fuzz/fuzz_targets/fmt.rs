//! What parses is laid out, parses again, and then stays as it is.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tadpole::diagnostic::Report;
use tadpole::source::Sources;
use tadpole::syntax;

fuzz_target!(|text: &str| {
    let mut sources = Sources::default();
    let mut format = |text: &str| {
        let source = sources.add("main.cloud", text);
        syntax::format(source, text, &mut Report::default())
    };
    let Some(once) = format(text) else { return };
    let twice = format(&once);
    assert_eq!(twice.as_deref(), Some(once.as_str()), "the layout of a layout is another one");
});
