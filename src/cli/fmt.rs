//! `tadpole fmt`: writes `.cloud` and `.cloudvars` files in their one layout.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use crate::cli::Exit;
use crate::cli::disk::Disk;
use crate::cli::streams::{put_out, put_unchanged, tell, tell_line, tell_one};
use crate::cli::ui::{self, Look};
use crate::diagnostic::{Diagnostic, Report};
use crate::printable::Plain;
use crate::resolve::load::Loader;
use crate::source::Sources;
use crate::syntax;

/// Directories of other programs, which may be large and are not the user's own.
const NOT_OURS: [&str; 2] = ["target", "node_modules"];

#[derive(clap::Args)]
pub struct Fmt {
    /// Files, and directories with all `.cloud` and `.cloudvars` files in and below them
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write nothing; list the files that would change, and end with 1 if there are any
    #[arg(long)]
    check: bool,
    /// Read standard input and write standard output, as editors want it
    #[arg(long, conflicts_with = "paths")]
    stdin: bool,
}

impl Fmt {
    pub fn run(self, look: Look) -> Exit {
        let files = match self.stdin {
            true => return self.filter(look),
            false => Files::of(&self.paths, look),
        };
        let (mut changed, mut wrong) = (0, files.wrong);
        let mut listed = String::new();
        for file in &files.list {
            match self.file(file, look) {
                Ok(false) => {}
                Ok(true) => {
                    changed += 1;
                    listed.push_str(&format!("{}\n", Plain(&file.display().to_string())));
                }
                Err(()) => wrong = true,
            }
        }
        if self.check && changed > 0 {
            let all = files.list.len();
            tell_line(&format!("{changed} of {all} files would change: run `tadpole fmt` without `--check`"));
        }
        let exit = if wrong || self.check && changed > 0 { Exit::Wrong } else { Exit::Done };
        put_out(&listed, look).unwrap_or(exit)
    }

    /// Whether a file is not in its layout, or was not until now. What goes wrong is said here.
    fn file(&self, path: &Path, look: Look) -> Result<bool, ()> {
        let text = Disk::typed().read(path).map_err(|diagnostic| tell_one(&diagnostic, look))?;
        let formatted = format(&path.display().to_string(), &text, look).ok_or(())?;
        if formatted == text {
            return Ok(false);
        }
        if !self.check {
            write(path, &formatted).map_err(|diagnostic| tell_one(&diagnostic, look))?;
        }
        Ok(true)
    }

    fn filter(&self, look: Look) -> Exit {
        let mut bytes = Vec::new();
        // More than a file may have, which the parser refuses.
        let read = io::stdin().take(syntax::MAX_FILE + (1 << 20)).read_to_end(&mut bytes);
        let text = match read.and_then(|_| String::from_utf8(bytes).map_err(io::Error::other)) {
            Ok(text) => text,
            Err(error) => {
                let message = format!("standard input cannot be read: {error}");
                tell_one(&Diagnostic::error("cloud::file::unreadable", message), look);
                return Exit::Wrong;
            }
        };
        let Some(formatted) = format("stdin", &text, look) else { return Exit::Wrong };
        if self.check {
            return if formatted == text { Exit::Done } else { Exit::Wrong };
        }
        put_unchanged(&formatted, look).unwrap_or(Exit::Done)
    }
}

/// The text in its layout, or nothing when it cannot be read, which is said.
fn format(name: &str, text: &str, look: Look) -> Option<String> {
    let (mut sources, mut report) = (Sources::default(), Report::default());
    let source = sources.add(name, text);
    let formatted = syntax::format(source, text, &mut report);
    tell(&ui::render(&report, &sources, look));
    formatted
}

/// In place of what a file held: at no time is there half a file. A link stays one.
fn write(path: &Path, text: &str) -> Result<(), Diagnostic> {
    let shown = path.display();
    let wrong = |what: String| Diagnostic::error("cloud::command", format!("`{shown}` cannot be written: {what}"));
    let failed = |error: io::Error| wrong(error.to_string());
    let target = fs::canonicalize(path).map_err(failed)?;
    let found = fs::metadata(&target).map_err(failed)?;
    if !found.is_file() {
        return Err(wrong("it is not a regular file".into()));
    }
    let permissions = found.permissions();
    // Replacing a file takes no right to write to it; whoever took that right away meant something by it.
    let protected = permissions.readonly()
        || fs::OpenOptions::new()
            .write(true)
            .open(&target)
            .is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
    if protected {
        return Err(wrong("it is read-only".into()).help(format!("if it is yours to change: `chmod u+w {shown}`")));
    }
    let directory = target.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new().prefix(".tadpole-fmt-").tempfile_in(directory).map_err(|error| {
        wrong(format!("no file can be made beside it: {}", error.kind()))
            .help(format!("it is replaced as a whole, which takes the right to write to `{}`", directory.display()))
    })?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file().set_permissions(permissions).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(&target).map_err(|error| failed(error.error))?;
    Ok(())
}

/// The files that some paths name.
struct Files {
    list: Vec<PathBuf>,
    /// A path names nothing that can be read, which has been said.
    wrong: bool,
}

impl Files {
    fn of(paths: &[PathBuf], look: Look) -> Files {
        let mut files = Files { list: Vec::new(), wrong: false };
        let mut seen = HashSet::new();
        for path in paths {
            let mut found = Vec::new();
            if path.is_dir() {
                if files.below(path, &mut found, look) && found.is_empty() {
                    files.tell_one(no_files(path), look);
                }
            } else if path.is_file() {
                found.push(path.clone());
            } else {
                files.tell_one(no_file(path), look);
            }
            // The same file may be named twice, and by two names.
            found.retain(|file| seen.insert(fs::canonicalize(file).unwrap_or_else(|_| file.clone())));
            files.list.append(&mut found);
        }
        files
    }

    fn tell_one(&mut self, diagnostic: Diagnostic, look: Look) {
        tell_one(&diagnostic, look);
        self.wrong = true;
    }

    /// The files in and below a directory, in the order of their names. A directory that is a link is not
    /// entered: what it holds is found where it is, or is not ours. Whether all of them could be read.
    fn below(&mut self, top: &Path, found: &mut Vec<PathBuf>, look: Look) -> bool {
        let mut readable = true;
        let mut directories = vec![top.to_path_buf()];
        while let Some(directory) = directories.pop() {
            let entries = fs::read_dir(&directory).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
            let entries = match entries {
                Ok(entries) => entries,
                Err(error) => {
                    let message = format!("`{}` cannot be read: {error}", directory.display());
                    self.tell_one(Diagnostic::error("cloud::file::unreadable", message), look);
                    readable = false;
                    continue;
                }
            };
            for entry in entries {
                let name = entry.file_name();
                let skipped = name.as_encoded_bytes().starts_with(b".");
                let path = if directory == Path::new(".") { PathBuf::from(&name) } else { entry.path() };
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    if !skipped && !NOT_OURS.iter().any(|other| name == *other) {
                        directories.push(path);
                    }
                } else if !skipped && is_ours(&path) && path.is_file() {
                    found.push(path);
                }
            }
        }
        found.sort();
        readable
    }
}

fn is_ours(path: &Path) -> bool {
    path.extension().and_then(OsStr::to_str).is_some_and(|extension| matches!(extension, "cloud" | "cloudvars"))
}

fn no_files(path: &Path) -> Diagnostic {
    let message = format!("there is no `.cloud` or `.cloudvars` file in or below `{}`", path.display());
    Diagnostic::error("cloud::file::none", message).help("name a directory with programs, or a file")
}

fn no_file(path: &Path) -> Diagnostic {
    let shown = path.display();
    match fs::metadata(path) {
        Ok(_) => Diagnostic::error("cloud::file::unreadable", format!("`{shown}` is neither a file nor a directory")),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Diagnostic::error("cloud::file::missing", format!("there is no file or directory `{shown}`"))
                .help("name a directory with programs, or a file")
        }
        Err(error) => Diagnostic::error("cloud::file::unreadable", format!("`{shown}` cannot be read: {error}")),
    }
}
