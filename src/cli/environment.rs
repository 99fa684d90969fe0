//! Which environment is meant where the command names none: that which the program's `param env` has by default.

use std::path::Path;

use crate::cli::context::{directory_of, parse_env};
use crate::cli::disk::Disk;
use crate::diagnostic::Report;
use crate::resolve::load::Loader;
use crate::source::Sources;
use crate::syntax;
use crate::syntax::tree::{Expr, ExprKind, Param, TextPart};

/// The default of a program's `param env`, where it is written as one text that can name an environment. A program
/// that cannot be read names none: whoever compiles it says why.
pub fn declared(program: &Path) -> Option<String> {
    let disk = Disk::of_program(directory_of(program), &[]);
    let files = disk.program(program).ok()?;
    files.iter().find_map(|path| {
        let text = disk.read(path).ok()?;
        // Only such a file is worth reading twice.
        if !mentions(&text) {
            return None;
        }
        let mut sources = Sources::default();
        let source = sources.add(path.display().to_string(), text.as_str());
        let file = syntax::parse(source, &text, &mut Report::default())?;
        file.params.iter().find_map(default)
    })
}

/// Whether a text has the words `param env`, one behind the other.
fn mentions(text: &str) -> bool {
    let mut params = text.match_indices("param").map(|(at, word)| text[at + word.len()..].trim_start());
    params.any(|rest| rest.starts_with("env"))
}

fn default(param: &Param) -> Option<String> {
    let value = param.declaration.default.as_ref().filter(|_| param.name.value.as_str() == "env")?;
    literal(value).and_then(|text| parse_env(text).ok())
}

fn literal(value: &Expr) -> Option<&str> {
    match &value.kind {
        ExprKind::Text(parts) => match parts.as_slice() {
            [TextPart::Literal(text)] => Some(text),
            _ => None,
        },
        _ => None,
    }
}
