//! Finds and parses every file that a program consists of: its own, the prelude, and imports.
//! The outside is reached through [`Loader`] alone.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use crate::diagnostic::{Diagnostic, Report};
use crate::resolve::{ModuleId, PRELUDE, PROGRAM};
use crate::source::{Sources, Span};
use crate::syntax::{self, File};

/// Where files come from.
pub trait Loader {
    /// The `.cloud` files of a program: those directly in a directory, sorted, or the one file named.
    ///
    /// # Errors
    /// In the user's words, when there is nothing to be read there.
    fn program(&self, path: &Path) -> Result<Vec<PathBuf>, Diagnostic>;

    /// The text of one file.
    ///
    /// # Errors
    /// In the user's words; a file over [`syntax::MAX_FILE`] is refused before it is read.
    fn read(&self, path: &Path) -> Result<String, Diagnostic>;
}

/// The standard library's modules that are always there, in the order of their floors.
const PRELUDE_FILES: [(&str, &str); 4] = [
    ("stdlib/core.cloud", include_str!("../../stdlib/core.cloud")),
    ("stdlib/actions.cloud", include_str!("../../stdlib/actions.cloud")),
    ("stdlib/aws/s3.cloud", include_str!("../../stdlib/aws/s3.cloud")),
    ("stdlib/aws/ec2.cloud", include_str!("../../stdlib/aws/ec2.cloud")),
];

/// The files of one module, and the modules that they import.
#[derive(Default)]
pub struct LoadedModule {
    pub files: Vec<File>,
    pub imports: Vec<(ModuleId, Span)>,
}

/// All modules by [`ModuleId`].
pub struct Loaded {
    pub modules: Vec<LoadedModule>,
}

/// Loads the program at `path` with everything that it imports. Values given by name override the
/// defaults of params later; they are sources too, so that messages can point into them.
pub fn load(path: &Path, loader: &dyn Loader, sources: &mut Sources, report: &mut Report) -> Loaded {
    let mut prelude = LoadedModule::default();
    for (name, text) in PRELUDE_FILES {
        let id = sources.add(name, text);
        prelude.files.extend(syntax::parse(id, text, report));
    }
    let mut queue = Vec::new();
    let mut program = LoadedModule::default();
    match loader.program(path) {
        Err(diagnostic) => report.push(diagnostic),
        Ok(paths) => {
            for path in paths {
                if let Some(file) = read(&path, loader, sources, report, None) {
                    queue.extend(file.imports.iter().map(|import| (PROGRAM, path.clone(), import.path.clone())));
                    program.files.push(file);
                }
            }
        }
    }
    let says_nothing = |file: &File| {
        file.items.is_empty()
            && file.params.is_empty()
            && file.outputs.is_empty()
            && file.aliases.is_empty()
            && file.functions.is_empty()
    };
    if !report.has_errors() && program.files.iter().all(says_nothing) {
        let mut diagnostic = Diagnostic::error("cloud::file::empty", "this program is empty")
            .help("a program has components: `media extends TransientS3Bucket { bucket \"my-media\"; }`");
        for file in &program.files {
            let start = Span { end: file.span.start, ..file.span };
            diagnostic = diagnostic.label(start, "nothing is deployed by this");
        }
        report.push(diagnostic);
    }
    let mut loaded = Loaded { modules: vec![prelude, program] };
    debug_assert_eq!((PRELUDE.0, PROGRAM.0), (0, 1));
    let mut known: HashMap<PathBuf, ModuleId> = HashMap::new();
    while let Some((importer, from, import)) = queue.pop() {
        let target = normal(&from.parent().unwrap_or(Path::new("")).join(&import.value));
        let id = match known.get(&target) {
            Some(id) => *id,
            None => {
                let id = ModuleId(loaded.modules.len());
                known.insert(target.clone(), id);
                let mut module = LoadedModule::default();
                if let Some(file) = read(&target, loader, sources, report, Some(import.span)) {
                    queue.extend(file.imports.iter().map(|inner| (id, target.clone(), inner.path.clone())));
                    module.files.push(file);
                }
                loaded.modules.push(module);
                id
            }
        };
        loaded.modules[importer.0].imports.push((id, import.span));
    }
    loaded
}

fn read(
    path: &Path,
    loader: &dyn Loader,
    sources: &mut Sources,
    report: &mut Report,
    wanted_at: Option<Span>,
) -> Option<File> {
    match loader.read(path) {
        Ok(text) => {
            let id = sources.add(path.display().to_string(), text.as_str());
            syntax::parse(id, &text, report)
        }
        Err(diagnostic) => {
            report.push(match wanted_at {
                Some(span) => diagnostic.label(span, "imported here"),
                None => diagnostic,
            });
            None
        }
    }
}

/// Without `.` and `..` where that needs no look at the file system.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}
