//! `asset` and `folder`: files that are not read into the program, only told apart. Their bytes go from the
//! disk to the cloud.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::check::Checker;
use crate::diagnostic::Diagnostic;
use crate::model::term::Term;
use crate::model::ty::TemplateRef;
use crate::name::Name;
use crate::resolve::{PRELUDE, load};
use crate::source::Span;
use crate::value::Value;

impl Checker<'_, '_> {
    pub(super) fn asset(&mut self, path: &str, span: Span) -> Term {
        let Some((place, seen)) = self.place_of(path, span) else {
            return Term::POISON;
        };
        match self.outside.loader.sum(&place) {
            Ok(sum) => {
                let size = Term::Known(Value::Size(sum.size));
                self.value_of(
                    "Asset",
                    [("path", Term::string(seen)), ("sha256", Term::string(sum.sha256)), ("size", size)],
                )
            }
            Err(diagnostic) => self.unread(diagnostic, span),
        }
    }

    pub(super) fn folder(&mut self, path: &str, span: Span) -> Term {
        let Some((place, seen)) = self.place_of(path, span) else {
            return Term::POISON;
        };
        match self.outside.loader.folder(&place) {
            Ok(files) if !self.spend(files.len(), span) => Term::POISON,
            Ok(files) => {
                let files = files.into_iter().map(|(path, sum)| (path, Term::string(sum.sha256)));
                let files = Term::map(files.collect::<BTreeMap<_, _>>());
                self.value_of("Folder", [("path", Term::string(seen)), ("files", files)])
            }
            Err(diagnostic) => self.unread(diagnostic, span),
        }
    }

    /// Where it is for us, and where it is from the program's directory.
    fn place_of(&mut self, path: &str, span: Span) -> Option<(PathBuf, String)> {
        let place = load::normal(&self.library.directory(span.source).join(path));
        let seen = load::seen_from(self.library.program_directory(), &place);
        if seen.is_none() {
            let text = format!("`{path}` cannot be reached from the program's directory");
            self.tell(
                Diagnostic::error("cloud::file::unreadable", text)
                    .label(span, "its place is recorded as it is seen from there")
                    .help("write it in a `.cloud` file of the program, or as a whole path that begins with `/`"),
            );
        }
        Some((place, seen?))
    }

    fn unread(&mut self, diagnostic: Diagnostic, span: Span) -> Term {
        let help = diagnostic.help.clone();
        let help = help.unwrap_or_else(|| "the path starts at the directory of this file".into());
        self.tell(diagnostic.label(span, "read here").help(help));
        Term::POISON
    }

    /// A value of a template of the library.
    fn value_of<const N: usize>(&self, template: &str, fields: [(&str, Term); N]) -> Term {
        let name = Name::from(template);
        match self.library.module(PRELUDE).templates.get(&name) {
            Some(id) => Term::Data {
                template: TemplateRef { id: *id, name },
                name: None,
                fields: fields.into_iter().map(|(name, term)| (Name::from(name), term)).collect(),
            },
            None => unreachable!("stdlib/core.cloud has a template `{template}`"),
        }
    }
}
