//! Files of any kind, told apart without being kept: what `asset` and `folder` see on disk.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::diagnostic::Diagnostic;
use crate::resolve::load::{LITTER, MAX_FILES, Sum};

/// # Errors
/// When it cannot be read, or is no file.
pub fn sum(path: &Path) -> Result<Sum, Diagnostic> {
    let shown = path.display();
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            Err(unreadable(format!("`{shown}` is a directory, and a file is read here"))
                .help("`folder` takes a directory"))
        }
        Ok(found) if !found.is_file() => Err(unreadable(format!("`{shown}` is no file that has an end"))),
        Ok(_) => summed(path).map_err(|error| failed(path, &error)),
        Err(error) => Err(failed(path, &error)),
    }
}

/// # Errors
/// As [`crate::resolve::load::Loader::folder`].
pub fn folder(path: &Path) -> Result<BTreeMap<String, Sum>, Diagnostic> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => {
            return Err(unreadable(format!("`{}` is no directory", path.display())).help("`asset` takes a file"));
        }
        Err(error) => return Err(failed(path, &error)),
    }
    let top = fs::canonicalize(path).map_err(|error| failed(path, &error))?;
    let mut walk = Walk { shown: path.to_path_buf(), files: BTreeMap::new(), around: vec![top.clone()], top };
    walk.directory(path, "")?;
    Ok(walk.files)
}

struct Walk {
    /// As the program names it.
    shown: PathBuf,
    /// The same, without links.
    top: PathBuf,
    /// The directories that the walk is in, without links: one that comes again would never end.
    around: Vec<PathBuf>,
    files: BTreeMap<String, Sum>,
}

impl Walk {
    fn directory(&mut self, path: &Path, prefix: &str) -> Result<(), Diagnostic> {
        for entry in fs::read_dir(path).map_err(|error| failed(path, &error))? {
            let entry = entry.map_err(|error| failed(path, &error))?;
            let (path, name) = (entry.path(), entry.file_name());
            let Some(name) = name.to_str() else {
                return Err(unreadable(format!("the name of `{}` is not UTF-8", path.display()))
                    .help("rename it: where it goes, names are UTF-8"));
            };
            if LITTER.contains(&name) {
                continue;
            }
            let key = format!("{prefix}{name}");
            let is_link = entry.file_type().map_err(|error| failed(&path, &error))?.is_symlink();
            let real = if is_link { Some(self.inside(&path)?) } else { None };
            let found = fs::metadata(&path).map_err(|error| failed(&path, &error))?;
            if found.is_dir() {
                let real = match real {
                    Some(real) => real,
                    None => fs::canonicalize(&path).map_err(|error| failed(&path, &error))?,
                };
                if self.around.contains(&real) {
                    return Err(unreadable(format!("`{}` is a link to a directory that it is in", path.display()))
                        .help("take the link away: what is in it would never end"));
                }
                self.around.push(real);
                self.directory(&path, &format!("{key}/"))?;
                self.around.pop();
            } else if found.is_file() {
                if self.files.len() == MAX_FILES {
                    let text = format!("`{}` has more than {MAX_FILES} files", self.shown.display());
                    return Err(unreadable(text).help("name a directory in it, each with `folder` of its own"));
                }
                let sum = summed(&path).map_err(|error| failed(&path, &error))?;
                self.files.insert(key, sum);
            }
        }
        Ok(())
    }

    /// What a link stands for, if that is in the folder.
    fn inside(&self, link: &Path) -> Result<PathBuf, Diagnostic> {
        let real = fs::canonicalize(link).map_err(|error| match error.kind() {
            ErrorKind::NotFound => unreadable(format!("`{}` is a link to something that is not there", link.display()))
                .help("mend the link, or take it away"),
            _ => failed(link, &error),
        })?;
        if real.starts_with(&self.top) {
            return Ok(real);
        }
        let text = format!("`{}` is a link that leads out of `{}`", link.display(), self.shown.display());
        Err(unreadable(text).help("put what it stands for into the folder, or take the link away"))
    }
}

fn summed(path: &Path) -> std::io::Result<Sum> {
    let mut file = File::open(path)?;
    let (mut hash, mut size) = (Sha256::new(), 0);
    let mut piece = vec![0; 64 << 10];
    loop {
        let count = match file.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(&piece[..count]);
        size += count as u64;
    }
    let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Sum { sha256, size })
}

fn unreadable(text: String) -> Diagnostic {
    Diagnostic::error("cloud::file::unreadable", text)
}

fn failed(path: &Path, error: &std::io::Error) -> Diagnostic {
    let shown = path.display();
    match error.kind() {
        ErrorKind::NotFound => Diagnostic::error("cloud::file::missing", format!("there is no `{shown}`")),
        _ => unreadable(format!("`{shown}` cannot be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(directory: &Path, name: &str, text: &str) {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn every_file_is_told_by_its_path_and_its_bytes() {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("index.html", "hello"),
            ("img/a.png", "a"),
            ("img/deep/b.png", "b"),
            (".well-known/x", "x"),
            (".DS_Store", "litter"),
            (".tadpole/default/state", "litter"),
        ] {
            write(home.path(), name, text);
        }
        let files = folder(home.path()).unwrap();
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        assert_eq!(names, [".well-known/x", "img/a.png", "img/deep/b.png", "index.html"]);
        let hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        assert_eq!(files["index.html"], Sum { sha256: hello.into(), size: 5 });
        assert_eq!(sum(&home.path().join("index.html")).unwrap(), files["index.html"]);
    }

    #[test]
    fn what_is_no_folder_and_no_file_says_so() {
        let home = tempfile::tempdir().unwrap();
        write(home.path(), "a", "a");
        assert_eq!(folder(&home.path().join("b")).unwrap_err().code, "cloud::file::missing");
        assert!(folder(&home.path().join("a")).unwrap_err().message.ends_with("is no directory"));
        assert!(sum(home.path()).unwrap_err().message.contains("is a directory"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_may_not_lead_out_or_in_circles() {
        use std::os::unix::fs::symlink;
        let home = tempfile::tempdir().unwrap();
        write(home.path(), "outside", "secret");
        write(home.path(), "public/a", "a");
        let link = |target: &str| {
            let link = home.path().join("public/link");
            let _ = fs::remove_file(&link);
            symlink(target, link).unwrap();
            folder(&home.path().join("public"))
        };
        assert_eq!(link("a").unwrap().len(), 2, "a link that stays inside is a file like others");
        assert!(link("../outside").unwrap_err().message.contains("leads out of"));
        assert!(link("nowhere").unwrap_err().message.contains("not there"));
        assert!(link(".").unwrap_err().message.contains("a directory that it is in"));
    }
}
