//! Finds and parses every file that a program consists of: its own, the prelude, and imports.
//! The outside is reached through [`Loader`] alone.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::diagnostic::{Diagnostic, Report, closest};
use crate::resolve::{ModuleId, PRELUDE, PROGRAM};
use crate::source::{Origin, SourceId, Sources, Span, Spanned};
use crate::syntax::{self, File};
use crate::value::Fields;

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

    /// As [`Loader::read`], for a file that is not written in this language, or has only values in it. What
    /// is said of a file that cannot be read may differ.
    ///
    /// # Errors
    /// As [`Loader::read`].
    fn data(&self, path: &Path) -> Result<String, Diagnostic> {
        self.read(path)
    }

    /// As [`Loader::data`], for a file that the user has named, which may be anywhere.
    ///
    /// # Errors
    /// As [`Loader::read`].
    fn typed(&self, path: &Path) -> Result<String, Diagnostic> {
        self.data(path)
    }

    /// What reads another program that this one names; nothing if that is this loader itself.
    fn of_other(&self, _program: &Path) -> Option<Box<dyn Loader>> {
        None
    }

    /// What there is to say of a file of any kind.
    ///
    /// # Errors
    /// As [`Loader::read`].
    fn sum(&self, path: &Path) -> Result<Sum, Diagnostic> {
        self.data(path).map(|text| Sum::of(text.as_bytes()))
    }

    /// The same of every file below a directory, by its path from there with `/` between the parts. A link is
    /// followed as long as it stays in the directory; what the desktop or this program leaves lying about
    /// ([`LITTER`]) is passed over.
    ///
    /// # Errors
    /// In the user's words: when there is no directory, a file cannot be read, a link leads out, or there are
    /// more than [`MAX_FILES`].
    fn folder(&self, path: &Path) -> Result<BTreeMap<String, Sum>, Diagnostic> {
        let text = format!("`{}` cannot be listed: there are no directories here", path.display());
        Err(Diagnostic::error("cloud::file::unreadable", text))
    }

    /// A variable of the environment that the command runs in.
    fn variable(&self, name: &str) -> Option<String>;

    /// What the last apply recorded as the outputs of an environment of another program; nothing when
    /// nothing is recorded.
    ///
    /// # Errors
    /// In the user's words, when there is a record that cannot be read.
    fn outputs(&self, program: &Path, environment: &str) -> Result<Option<Fields>, Diagnostic>;
}

/// A file of any kind, without its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sum {
    /// 64 hexadecimal digits.
    pub sha256: String,
    /// In bytes.
    pub size: u64,
}

impl Sum {
    pub fn of(bytes: &[u8]) -> Sum {
        let sha256 = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Sum { sha256, size: bytes.len() as u64 }
    }
}

/// Names that are no part of a folder.
pub const LITTER: [&str; 2] = [".DS_Store", ".tadpole"];

/// Files that one folder may have.
pub const MAX_FILES: usize = 100_000;

/// The standard library's modules that are always there, in the order of their floors.
const PRELUDE_FILES: [(&str, &str); 12] = [
    ("core", include_str!("../../stdlib/core.cloud")),
    ("actions", include_str!("../../stdlib/actions.cloud")),
    ("local", include_str!("../../stdlib/local.cloud")),
    ("aws/common", include_str!("../../stdlib/aws/common.cloud")),
    ("aws/s3", include_str!("../../stdlib/aws/s3.cloud")),
    ("aws/files", include_str!("../../stdlib/aws/files.cloud")),
    ("aws/ec2", include_str!("../../stdlib/aws/ec2.cloud")),
    ("aws/network", include_str!("../../stdlib/aws/network.cloud")),
    ("aws/images", include_str!("../../stdlib/aws/images.cloud")),
    ("aws/rds", include_str!("../../stdlib/aws/rds.cloud")),
    ("aws/cloudfront", include_str!("../../stdlib/aws/cloudfront.cloud")),
    ("aws/actions", include_str!("../../stdlib/aws/actions.cloud")),
];

/// Those that a file names in an `import`.
const STANDARD_FILES: [(&str, &str); 1] = [("net", include_str!("../../stdlib/net.cloud"))];

/// What to write where a name is missing that a module of the library has, which is there when it is imported.
pub fn help_import(name: &str) -> Option<String> {
    let has = |text: &str| {
        let file = syntax::parse(SourceId::default(), text, &mut Report::default())?;
        let items = file.items.iter().map(|item| &item.path.head);
        let aliases = file.aliases.iter().map(|alias| &alias.name);
        let functions = file.functions.iter().map(|function| &function.name);
        items.chain(aliases).chain(functions).any(|found| found.value.as_str() == name).then_some(())
    };
    let (module, _) = STANDARD_FILES.iter().find(|(_, text)| has(text).is_some())?;
    Some(format!("write `import \"{module}\";` at the top of the file"))
}

/// The files of one module, and the modules that they import.
#[derive(Default)]
pub struct LoadedModule {
    pub files: Vec<File>,
    pub imports: Vec<(ModuleId, Span)>,
}

/// All modules by [`ModuleId`].
pub struct Loaded {
    pub modules: Vec<LoadedModule>,
    /// The directory of each file, where the paths that it names start.
    pub directories: HashMap<SourceId, PathBuf>,
}

/// Loads the program at `path` with everything that it imports.
pub fn load(path: &Path, loader: &dyn Loader, sources: &mut Sources, report: &mut Report) -> Loaded {
    loaded(Some(path), false, loader, sources, report)
}

/// Loads all that can be read about: every module of the library, imported or not, and the program at
/// `path`, if there is one.
pub fn load_all(path: Option<&Path>, loader: &dyn Loader, sources: &mut Sources, report: &mut Report) -> Loaded {
    loaded(path, true, loader, sources, report)
}

fn loaded(
    path: Option<&Path>,
    whole_library: bool,
    loader: &dyn Loader,
    sources: &mut Sources,
    report: &mut Report,
) -> Loaded {
    let mut prelude = LoadedModule::default();
    for (name, text) in PRELUDE_FILES {
        let id = sources.add_from(Origin::Library, format!("stdlib/{name}.cloud"), text);
        prelude.files.extend(syntax::parse(id, text, report));
    }
    debug_assert_eq!((PRELUDE.0, PROGRAM.0), (0, 1));
    let loaded = Loaded { modules: vec![prelude, LoadedModule::default()], directories: HashMap::new() };
    let mut loading = Loading { loader, sources, report, loaded, known: HashMap::new(), queue: VecDeque::new() };
    if let Some(path) = path {
        match loader.program(path) {
            Err(diagnostic) => loading.report.push(diagnostic),
            Ok(paths) => {
                loading.known.extend(paths.iter().map(|path| (normal(path), PROGRAM)));
                for path in paths {
                    loading.file(PROGRAM, &path, None);
                }
            }
        }
        loading.refuse_empty();
    }
    loop {
        while let Some((importer, from, import)) = loading.queue.pop_front() {
            loading.import(importer, &from, &import);
        }
        let others = STANDARD_FILES.into_iter().filter(|_| whole_library);
        let Some((name, text)) = others.into_iter().find(|(name, _)| !loading.known.contains_key(&standard(name)))
        else {
            break;
        };
        loading.library(name, text);
    }
    let Loading { loaded, report, .. } = loading;
    report_cycles(&loaded, report);
    loaded
}

/// What a module of the library is known by: a name that no file has.
fn standard(name: &str) -> PathBuf {
    PathBuf::from(format!("<{name}>"))
}

/// Files on their way in.
struct Loading<'l> {
    loader: &'l dyn Loader,
    sources: &'l mut Sources,
    report: &'l mut Report,
    loaded: Loaded,
    known: HashMap<PathBuf, ModuleId>,
    /// Imports that are not followed yet: whose, from which directory.
    queue: VecDeque<(ModuleId, PathBuf, Spanned<String>)>,
}

impl Loading<'_> {
    /// Reads and parses a file of a module.
    fn file(&mut self, module: ModuleId, path: &Path, wanted_at: Option<Span>) {
        let text = match self.loader.read(path) {
            Ok(text) => text,
            Err(diagnostic) => {
                self.report.push(match wanted_at {
                    Some(span) => {
                        let diagnostic = diagnostic.label(span, "imported here");
                        match diagnostic.help {
                            Some(_) => diagnostic,
                            None => diagnostic.help("a path begins at the directory of the file that imports it"),
                        }
                    }
                    None => diagnostic,
                });
                return;
            }
        };
        let id = self.sources.add(normal(path).display().to_string(), text.as_str());
        let directory = path.parent().unwrap_or(Path::new("")).to_path_buf();
        self.loaded.directories.insert(id, directory.clone());
        if let Some(file) = syntax::parse(id, &text, self.report) {
            self.add(module, file, directory);
        }
    }

    fn add(&mut self, module: ModuleId, file: File, directory: PathBuf) {
        self.queue.extend(file.imports.iter().map(|import| (module, directory.clone(), import.path.clone())));
        self.loaded.modules[module.0].files.push(file);
    }

    fn import(&mut self, importer: ModuleId, from: &Path, import: &Spanned<String>) {
        if PRELUDE_FILES.iter().any(|(name, _)| *name == import.value) {
            return;
        }
        let module = STANDARD_FILES.iter().find(|(name, _)| *name == import.value);
        let is_file =
            import.value.ends_with(".cloud") || import.value.starts_with('.') || import.value.starts_with('/');
        if module.is_none() && !is_file {
            let names = STANDARD_FILES.iter().chain(&PRELUDE_FILES).map(|(name, _)| *name);
            let of_cloud = ["aws", "@aws", "@pulumi", "hashicorp/", "azure", "gcp", "google"];
            let of_cloud = of_cloud.iter().any(|of| import.value.starts_with(of));
            let near = closest(&import.value, names).filter(|_| !of_cloud);
            let help = if of_cloud {
                "remove this line: all that the library has of a cloud is there without an import".to_string()
            } else if near.is_some() {
                format!("a file is imported by its path: `import \"./{}.cloud\";`", import.value)
            } else {
                let modules: Vec<String> =
                    STANDARD_FILES.iter().map(|(name, _)| format!("`import \"{name}\";`")).collect();
                format!(
                    "remove this line, or import what is not always there: {}; a file is imported by its path: `import \"./{}.cloud\";`",
                    modules.join(", "),
                    import.value,
                )
            };
            self.report.push(
                Diagnostic::error("cloud::import::unknown", format!("there is no module `{}`", import.value))
                    .label(import.span, near.map_or("not found".into(), |near| format!("did you mean `{near}`?")))
                    .help(help),
            );
            return;
        }
        if module.is_none() && !import.value.ends_with(".cloud") {
            self.report.push(
                Diagnostic::error("cloud::file::unreadable", format!("`{}` is no `.cloud` file", import.value))
                    .label(import.span, "imported here")
                    .help("import a file with its ending: `import \"./network.cloud\";`; `file(...)` reads a text"),
            );
            return;
        }
        let target = match module {
            Some((name, _)) => standard(name),
            None => normal(&from.join(&import.value)),
        };
        let id = match self.known.get(&target) {
            Some(id) if *id == PROGRAM && importer == PROGRAM => {
                self.report.push(
                    Diagnostic::error(
                        "cloud::import::own",
                        format!("`{}` is part of this program already", import.value),
                    )
                    .label(import.span, "imported here")
                    .help("remove this import: all `.cloud` files of a directory are one program"),
                );
                return;
            }
            Some(id) => *id,
            None => match module {
                Some((name, text)) => self.library(name, text),
                None => {
                    let id = self.module(target.clone());
                    self.file(id, &target, Some(import.span));
                    id
                }
            },
        };
        self.loaded.modules[importer.0].imports.push((id, import.span));
    }

    /// A module of the library that is not always there.
    fn library(&mut self, name: &str, text: &'static str) -> ModuleId {
        let id = self.module(standard(name));
        let source = self.sources.add_from(Origin::Library, format!("stdlib/{name}.cloud"), text);
        if let Some(file) = syntax::parse(source, text, self.report) {
            self.add(id, file, PathBuf::new());
        }
        id
    }

    fn module(&mut self, known_by: PathBuf) -> ModuleId {
        let id = ModuleId(self.loaded.modules.len());
        self.known.insert(known_by, id);
        self.loaded.modules.push(LoadedModule::default());
        id
    }

    fn refuse_empty(&mut self) {
        let files = &self.loaded.modules[PROGRAM.0].files;
        let says_nothing = |file: &File| {
            file.items.is_empty()
                && file.params.is_empty()
                && file.outputs.is_empty()
                && file.aliases.is_empty()
                && file.functions.is_empty()
        };
        if self.report.has_errors() || !files.iter().all(says_nothing) {
            return;
        }
        let mut diagnostic = Diagnostic::error("cloud::file::empty", "this program is empty")
            .help("a program has components: `media extends TransientS3Bucket { bucket \"my-media\"; }`");
        for file in files {
            let start = Span { end: file.span.start, ..file.span };
            diagnostic = diagnostic.label(start, "nothing is deployed by this");
        }
        self.report.push(diagnostic);
    }
}

/// One error for each import that leads back to where it came from, with a label on every step.
fn report_cycles(loaded: &Loaded, report: &mut Report) {
    let modules = &loaded.modules;
    let mut done = vec![false; modules.len()];
    for start in 0..modules.len() {
        // The modules on the way from the start, and how many of their imports were followed.
        let mut path: Vec<(usize, usize)> = if done[start] { Vec::new() } else { vec![(start, 0)] };
        while let Some((module, next)) = path.last_mut() {
            let Some((target, _)) = modules[*module].imports.get(*next) else {
                done[*module] = true;
                path.pop();
                continue;
            };
            *next += 1;
            if let Some(at) = path.iter().position(|(module, _)| *module == target.0) {
                let steps = path[at..].iter().map(|(module, next)| modules[*module].imports[*next - 1].1);
                let message = if path.len() - at == 1 {
                    "this file imports itself"
                } else {
                    "these files import one another in a circle"
                };
                let diagnostic = Diagnostic::error("cloud::import::cycle", message);
                let diagnostic = steps.enumerate().fold(diagnostic, |diagnostic, (step, span)| {
                    diagnostic.label(
                        span,
                        if step == 0 { "this import comes back to this file" } else { "by way of this import" },
                    )
                });
                report.push(diagnostic.help("move what both need into a third file, and import that"));
            } else if !done[target.0] {
                path.push((target.0, 0));
            }
        }
    }
}

/// A path as it is seen from a directory, with `/` between its parts; what is written from the root of the file
/// system stays so. Nothing when only a look at the file system would tell.
pub fn seen_from(directory: &Path, path: &Path) -> Option<String> {
    let (directory, path) = (normal(directory), normal(path));
    if directory.is_absolute() != path.is_absolute() {
        return if path.is_absolute() { written(&path) } else { None };
    }
    let common = directory.components().zip(path.components()).take_while(|(one, two)| one == two).count();
    let mut seen = PathBuf::new();
    for part in directory.components().skip(common) {
        match part {
            Component::Normal(_) => seen.push(".."),
            Component::ParentDir | Component::CurDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    seen.extend(path.components().skip(common));
    if seen.as_os_str().is_empty() { Some(".".into()) } else { written(&seen) }
}

/// A path as a text that is the same on every machine; nothing when it is not UTF-8.
pub fn written(path: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = path.components().map(|part| part.as_os_str().to_str()).collect();
    Some(parts?.join("/").replacen("//", "/", 1))
}

/// Without `.` and `..` where that needs no look at the file system.
pub fn normal(path: &Path) -> PathBuf {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_the_same_wherever_the_command_runs() {
        for (directory, path, expected) in [
            ("", "public", Some("public")),
            ("", "./public/", Some("public")),
            ("", "../lib/public", Some("../lib/public")),
            ("", "", Some(".")),
            ("infra", "infra/public", Some("public")),
            ("infra/prod", "infra/lib/public/img", Some("../lib/public/img")),
            ("../infra", "../infra/public", Some("public")),
            ("../infra", "public", None),
            ("/a/infra", "/a/infra/public", Some("public")),
            ("/a/infra", "/b/public", Some("../../b/public")),
            ("infra", "/b/public", Some("/b/public")),
            ("/a/infra", "public", None),
        ] {
            assert_eq!(seen_from(Path::new(directory), Path::new(path)).as_deref(), expected, "{directory} {path}");
        }
    }
}
