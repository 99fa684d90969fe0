//! Files from disk, as far as a program may read them: a stranger's program reads its own repository and nothing
//! else of the machine that checks it.

use std::collections::BTreeMap;
use std::fs::FileType;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::cli::context::{DEFAULT, directory_of, is_default_recorded, record_of};
use crate::cli::{environment, folder};
use crate::diagnostic::Diagnostic;
use crate::printable::shell_word;
use crate::resolve::load::{Loader, Sum};
use crate::state::store;
use crate::syntax;
use crate::value::Fields;

/// What the system shows as files and is none: the variables and memory of processes, devices.
const OF_THE_SYSTEM: [&str; 3] = ["/proc", "/dev", "/sys"];

/// Among them, where regular files are.
const IN_MEMORY: &str = "/dev/shm";

/// Files from disk.
pub struct Disk {
    /// Where files of a program lie, without links; none where a user names each file.
    roots: Vec<PathBuf>,
}

impl Disk {
    /// For files that a user names.
    pub fn typed() -> Disk {
        Disk { roots: Vec::new() }
    }

    /// For a program: its repository, the nearest directory with `.git` in it around the program, else the working
    /// directory if the program lies in it, else the program's own directory; and these besides.
    pub fn of_program(directory: &Path, others: &[PathBuf]) -> Disk {
        let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        let own = real(if directory.as_os_str().is_empty() { Path::new(".") } else { directory });
        let repository = own.ancestors().find(|around| around.join(".git").exists()).map(Path::to_path_buf);
        // Whoever works in the root of the disk does not mean all of it.
        let holds = |working: &PathBuf| working.parent().is_some() && own.starts_with(working);
        let working = || std::env::current_dir().ok().map(|working| real(&working)).filter(holds);
        let repository = repository.or_else(working).unwrap_or(own);
        Disk { roots: std::iter::once(repository).chain(others.iter().map(|other| real(other))).collect() }
    }

    /// For another program that this one names. It has a repository of its own, and what is recorded of its outputs
    /// holds no secret.
    fn other(&self, program: &Path) -> Disk {
        if self.roots.is_empty() { Disk::typed() } else { Disk::of_program(directory_of(program), &self.roots) }
    }

    /// The path without links, if it may be read. One that does not exist is as it is.
    ///
    /// # Errors
    /// In the user's words, when it is outside of where files are read, or is no regular file or directory.
    pub fn permitted(&self, path: &Path) -> Result<PathBuf, Diagnostic> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let shown = path.display();
        if self.roots.is_empty() && is_of_shell(path) {
            return Ok(path.to_path_buf());
        }
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let found = std::fs::canonicalize(&whole);
        // Whether something is there is not told of places outside either.
        let real = match &found {
            Ok(real) => real.clone(),
            Err(_) => real_above(&whole),
        };
        let is_of_system = OF_THE_SYSTEM.iter().any(|system| real.starts_with(system));
        if is_of_system && !real.starts_with(IN_MEMORY) {
            let text = format!("`{shown}` is no file of a disk: nothing below {} is read", OF_THE_SYSTEM.join(", "));
            return Err(Diagnostic::error("cloud::file::unreadable", text)
                .help("name a regular file; a variable is read with `secret(\"env:NAME\")`, or given with `--set`"));
        }
        if !self.roots.is_empty() && !self.roots.iter().any(|root| real.starts_with(root)) {
            let root = self.roots.first().map(|root| root.display().to_string()).unwrap_or_default();
            let directory = real.parent().unwrap_or(&real).display();
            let text = format!("`{shown}` is outside of `{root}`, where the files of this program are read");
            return Err(Diagnostic::error("cloud::file::unreadable", text).help(format!(
                "a program reads files of its repository, links followed; permit another directory: `--root {directory}`"
            )));
        }
        match std::fs::metadata(&real) {
            Ok(found) if !found.is_file() && !found.is_dir() => Err(no_file(path, found.file_type())),
            Ok(_) => Ok(real),
            Err(_) => Ok(path.to_path_buf()),
        }
    }

    /// As [`Disk::permitted`], for a file whose lines messages show: a link with the right ending may not stand for
    /// another file.
    fn shown(&self, path: &Path, ending: &str) -> Result<PathBuf, Diagnostic> {
        let real = self.permitted(path)?;
        let has_it = |path: &Path| path.extension().is_some_and(|extension| extension == ending);
        if !self.roots.is_empty() && has_it(path) && !has_it(&real) {
            let text = format!("`{}` is a link to a file that does not end in `.{ending}`", path.display());
            return Err(Diagnostic::error("cloud::file::unreadable", text)
                .help("let it lead to such a file, or replace it with the file"));
        }
        Ok(real)
    }
}

/// The nearest that exists above a path, without links, with the rest of the path.
fn real_above(path: &Path) -> PathBuf {
    let plain = crate::resolve::load::normal(path);
    for above in plain.ancestors().skip(1) {
        if let (Ok(real), Ok(rest)) = (std::fs::canonicalize(above), plain.strip_prefix(above)) {
            return real.join(rest);
        }
    }
    plain
}

impl Loader for Disk {
    fn program(&self, path: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
        match std::fs::metadata(path).map(|found| found.file_type()) {
            Ok(kind) if kind.is_file() => return self.permitted(path).map(|_| vec![path.to_path_buf()]),
            Ok(kind) if !kind.is_dir() => return Err(no_file(path, kind)),
            Ok(_) | Err(_) => {}
        }
        let entries = std::fs::read_dir(path).map_err(|error| unreadable(path, &error))?;
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(path, &error))?;
            let file = entry.path();
            // What begins with a dot is an editor's or the desktop's.
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if hidden || file.extension().is_none_or(|extension| extension != "cloud") {
                continue;
            }
            // `main.cloud`, as one would write it, for the current directory.
            let file = file.strip_prefix(".").map(Path::to_path_buf).unwrap_or(file);
            match std::fs::metadata(&file) {
                Ok(found) if found.is_dir() => {}
                Ok(found) if found.is_file() => files.push(file),
                Ok(found) => return Err(no_file(&file, found.file_type())),
                // What a file describes would be planned away if the file were passed over.
                Err(error) => return Err(lost_link(&file, &error)),
            }
        }
        files.sort();
        if files.is_empty() {
            return Err(Diagnostic::error(
                "cloud::file::none",
                format!("there is no `.cloud` file in `{}`", path.display()),
            )
            .help("name the directory of a program, or one of its files"));
        }
        Ok(files)
    }

    fn read(&self, path: &Path) -> Result<String, Diagnostic> {
        if path.is_dir() {
            let message = format!("`{}` is a directory, and a file is read here", path.display());
            return Err(Diagnostic::error("cloud::file::unreadable", message).help("name one of the files in it"));
        }
        text_of(&self.shown(path, "cloud")?).map_err(|fault| match fault {
            Unread::Io(error) => unreadable(path, &error),
            Unread::Kind(kind) => no_file(path, kind),
            Unread::Large(size) => syntax::too_large(None, size, &format!("`{}`", path.display())),
            Unread::Encoding { line, byte, utf16 } => not_utf8(path, line, byte, utf16, "is this a `.cloud` file?"),
        })
    }

    fn data(&self, path: &Path) -> Result<String, Diagnostic> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let shown = path.display();
        let real = self.shown(path, "cloudvars")?;
        if real.is_dir() {
            return Err(Diagnostic::error(
                "cloud::file::unreadable",
                format!("`{shown}` is a directory, and a file is read here"),
            ));
        }
        text_of(&real).map_err(|fault| match fault {
            Unread::Io(error) if error.kind() == ErrorKind::NotFound => {
                Diagnostic::error("cloud::file::missing", format!("there is no file `{shown}`"))
            }
            Unread::Io(error) => unreadable(path, &error),
            Unread::Kind(kind) => no_file(path, kind),
            Unread::Large(size) => syntax::too_large(None, size, &format!("`{shown}`"))
                .help("name a smaller file: what is read becomes part of the program"),
            Unread::Encoding { line, byte, utf16 } => not_utf8(path, line, byte, utf16, "only a text can be read:"),
        })
    }

    fn typed(&self, path: &Path) -> Result<String, Diagnostic> {
        Disk::typed().data(path)
    }

    fn of_other(&self, program: &Path) -> Option<Box<dyn Loader>> {
        Some(Box::new(self.other(program)))
    }

    fn sum(&self, path: &Path) -> Result<Sum, Diagnostic> {
        self.permitted(path)?;
        folder::sum(path)
    }

    fn folder(&self, path: &Path) -> Result<BTreeMap<String, Sum>, Diagnostic> {
        self.permitted(path)?;
        folder::folder(path)
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn outputs(&self, program: &Path, environment: &str) -> Result<Option<Fields>, Diagnostic> {
        let unnamed = (environment == DEFAULT && !is_default_recorded(program)).then(|| environment::declared(program));
        let environment = unnamed.flatten().unwrap_or_else(|| environment.to_string());
        let record = record_of(program, &environment);
        self.other(program).permitted(&record)?;
        let state = store::peek(&record)
            .map_err(|fault| Diagnostic::error("cloud::upstream::unreadable", fault.to_string()).help(fault.help()))?;
        Ok(state.map(|state| state.outputs))
    }
}

/// Why there is no text of a file.
enum Unread {
    Io(std::io::Error),
    /// It is no file, and may never end.
    Kind(FileType),
    /// In bytes.
    Large(u64),
    Encoding {
        line: usize,
        /// From the start of the file.
        byte: usize,
        utf16: bool,
    },
}

fn text_of(path: &Path) -> Result<String, Unread> {
    // To open a pipe is to wait for whoever writes to it. One that a shell has made for this command has its end.
    let kind = std::fs::metadata(path).map_err(Unread::Io)?.file_type();
    if !kind.is_file() && !kind.is_dir() && !is_of_shell(path) {
        return Err(Unread::Kind(kind));
    }
    let file = std::fs::File::open(path).map_err(Unread::Io)?;
    let size = file.metadata().map_err(Unread::Io)?.len();
    if size > syntax::MAX_FILE {
        return Err(Unread::Large(size));
    }
    let mut bytes = Vec::new();
    // A file may grow while it is read.
    file.take(syntax::MAX_FILE).read_to_end(&mut bytes).map_err(Unread::Io)?;
    String::from_utf8(bytes).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..byte].iter().filter(|byte| **byte == b'\n').count() + 1;
        let utf16 = [[0xff, 0xfe], [0xfe, 0xff]].iter().any(|mark| error.as_bytes().starts_with(mark));
        Unread::Encoding { line, byte, utf16 }
    })
}

fn not_utf8(path: &Path, line: usize, byte: usize, utf16: bool, what: &str) -> Diagnostic {
    let shown = path.display();
    let diagnostic =
        Diagnostic::error("cloud::file::encoding", format!("`{shown}` is not UTF-8: line {line}, byte {byte}"));
    diagnostic.help(match utf16 {
        true => {
            format!("this is UTF-16: `iconv -f UTF-16 -t UTF-8 {}` writes it as UTF-8", shell_word(&shown.to_string()))
        }
        false => format!("{what} save it as UTF-8"),
    })
}

/// What is neither a file nor a directory: it is not read, since that may wait for ever, or do something.
fn no_file(path: &Path, kind: FileType) -> Diagnostic {
    #[cfg(unix)]
    let what = {
        use std::os::unix::fs::FileTypeExt;
        match kind {
            kind if kind.is_fifo() => "a pipe",
            kind if kind.is_socket() => "a socket",
            kind if kind.is_block_device() || kind.is_char_device() => "a device",
            _ => "not a file",
        }
    };
    #[cfg(not(unix))]
    let what = if kind.is_symlink() { "a link" } else { "not a file" };
    Diagnostic::error("cloud::file::unreadable", format!("`{}` is {what}, and only files are read", path.display()))
        .help("name a file, or move this out of the program's directory")
}

/// A `.cloud` file that is there and cannot be followed, as a link whose target is gone.
fn lost_link(path: &Path, error: &std::io::Error) -> Diagnostic {
    let shown = path.display();
    match error.kind() {
        ErrorKind::NotFound => {
            Diagnostic::error("cloud::file::unreadable", format!("`{shown}` is a link to a file that is not there"))
                .help(format!("fix the link, or remove it: `rm {}`", shell_word(&shown.to_string())))
        }
        _ => unreadable(path, error),
    }
}

pub fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    let shown = path.display();
    match error.kind() {
        ErrorKind::NotFound => {
            Diagnostic::error("cloud::file::missing", format!("there is no file or directory `{shown}`"))
                .help("name the directory of a program, or one of its `.cloud` files")
        }
        _ => Diagnostic::error("cloud::file::unreadable", format!("`{shown}` cannot be read: {error}")),
    }
}

/// What a shell has made for this command: a pipe that has its end.
fn is_of_shell(path: &Path) -> bool {
    path.starts_with("/dev/fd") || path == Path::new("/dev/stdin")
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// A repository with a program in a directory of it, and something beside the repository.
    fn place() -> (tempfile::TempDir, PathBuf, Disk) {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("repository/infra");
        fs::create_dir_all(&program).unwrap();
        fs::create_dir_all(directory.path().join("repository/.git")).unwrap();
        fs::write(directory.path().join("repository/shared.txt"), "shared").unwrap();
        fs::write(directory.path().join("beside.txt"), "beside").unwrap();
        let disk = Disk::of_program(&program, &[]);
        (directory, program, disk)
    }

    #[test]
    fn a_program_reads_its_repository_and_nothing_else() {
        let (directory, program, disk) = place();
        assert_eq!(disk.data(&program.join("../shared.txt")).unwrap(), "shared");
        symlink("../shared.txt", program.join("inside")).unwrap();
        assert_eq!(disk.data(&program.join("inside")).unwrap(), "shared");
        symlink("../../beside.txt", program.join("out")).unwrap();
        symlink("../..", program.join("up")).unwrap();
        for path in ["../../beside.txt", "out", "up/beside.txt", "up", "../../no-such-file", "/etc/passwd"] {
            let path = program.join(path);
            let told = [disk.data(&path).err(), disk.sum(&path).err(), disk.folder(&path).err()];
            for fault in told {
                let message = fault.unwrap().message;
                assert!(message.contains("is outside of"), "{}: {message}", path.display());
            }
        }
        // What the user names, or permits.
        assert_eq!(disk.typed(&program.join("../../beside.txt")).unwrap(), "beside");
        let wider = Disk::of_program(&program, &[directory.path().into()]);
        assert_eq!(wider.data(&program.join("out")).unwrap(), "beside");
    }

    #[test]
    fn another_program_may_be_anywhere_and_is_read_in_its_own_repository() {
        let (directory, program, disk) = place();
        let other = directory.path().join("network");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("main.cloud"), "output a = 1;").unwrap();
        symlink("../beside.txt", other.join("out")).unwrap();
        assert!(disk.read(&other.join("main.cloud")).is_err());
        let loader = disk.of_other(&other).unwrap();
        assert_eq!(loader.read(&other.join("main.cloud")).unwrap(), "output a = 1;");
        assert!(loader.data(&other.join("out")).is_err());
        assert_eq!(disk.outputs(&program.join("../../network"), "default").unwrap(), None);
        assert!(disk.outputs(Path::new("/proc/self"), "default").is_err());
    }

    #[test]
    fn without_a_repository_a_program_reads_its_own_directory() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("program");
        fs::create_dir(&program).unwrap();
        fs::write(program.join("own.txt"), "own").unwrap();
        fs::write(directory.path().join("beside.txt"), "beside").unwrap();
        let disk = Disk::of_program(&program, &[]);
        assert_eq!(disk.data(&program.join("own.txt")).unwrap(), "own");
        assert!(disk.data(&program.join("../beside.txt")).is_err());
    }

    #[test]
    fn what_is_no_regular_file_is_never_read() {
        let (_directory, program, disk) = place();
        let everywhere = Disk::of_program(&program, &[PathBuf::from("/")]);
        let _socket = std::os::unix::net::UnixListener::bind(program.join("socket")).unwrap();
        for disk in [&disk, &everywhere, &Disk::typed()] {
            for path in ["/proc/self/environ", "/dev/zero", "/sys/kernel", "socket"] {
                let path = program.join(path);
                assert!(disk.data(&path).is_err() && disk.sum(&path).is_err(), "{}", path.display());
            }
        }
    }

    /// Messages show lines of programs and of files of values.
    #[test]
    fn no_other_file_passes_for_a_program() {
        let (_directory, program, disk) = place();
        symlink("../shared.txt", program.join("default.cloudvars")).unwrap();
        symlink("../shared.txt", program.join("main.cloud")).unwrap();
        let told = [disk.data(&program.join("default.cloudvars")).err(), disk.read(&program.join("main.cloud")).err()];
        for fault in told {
            assert!(fault.unwrap().message.contains("is a link to a file that does not end in"));
        }
    }
}
