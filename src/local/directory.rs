//! `local.Directory`: one directory, and what becomes of what others put into it.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::DIRECTORY;
use super::file::{bits_of, part_of, taken, tell_mode};
use super::mark::{Mark, Trait};
use super::site::{Site, decode, io_fault, look, not_put, set_mode, stamp};
use crate::apply::provider::{
    Fault, FaultKind, Health, Here, Made, Obstacle, Place, Progress, Reading, Seek, Want as Wanted,
};
use crate::value::{Fields, Value};

#[derive(Deserialize)]
pub struct Want {
    directory: Option<String>,
    path: String,
    mode: String,
}

/// Names that a message shows of what is in it.
const SHOWN: usize = 3;

pub fn create(site: &Site, wanted: &Wanted) -> Result<Made, Fault> {
    let want: Want = decode(DIRECTORY, &wanted.inputs)?;
    let owner = &wanted.owner;
    let id = site.id(want.directory.as_deref(), &want.path);
    let path = site.path(&id);
    let made = Made { id: id.as_str().into(), whole: true };
    let bits = bits_of(&want.mode)?;
    let mut marks = site.marks.owned(DIRECTORY, owner)?;
    marks.retain(|mark| mark.id == id);
    if let Some(found) = look(&path)? {
        let Some(old) = marks.iter().find(|mark| mark.is_of(Some(&found))) else { return Err(taken(&path)) };
        if old.owner.token != owner.token {
            // Of an earlier time, left standing.
            let mark = Mark { owner: owner.clone(), ..old.clone() };
            site.marks.write(&mark)?;
            site.marks.remove(&old.owner.token)?;
            set_mode(&path, bits).map_err(|error| io_fault("change the mode of", &path, &error))?;
        }
        return Ok(made);
    }
    let part = part_of(&path, &owner.token);
    let put = |error: Error| not_put("make the directory", &path, &error);
    let found = match std::fs::create_dir(&part) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(put(error)),
        // Left by an earlier try, and empty.
        Ok(()) | Err(_) => std::fs::symlink_metadata(&part).map_err(put)?,
    };
    let shown = || {
        set_mode(&part, bits).map_err(put)?;
        let of = Trait::Directory { stamp: stamp(&found) };
        site.marks.write(&Mark { owner: owner.clone(), kind: DIRECTORY.into(), id, of })?;
        show(&part, &path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => taken(&path),
            _ => put(error),
        })
    };
    if let Err(fault) = shown() {
        // What is not there is nobody's. Why is said already.
        let _ = std::fs::remove_dir(&part);
        let _ = site.marks.remove(&owner.token);
        return Err(fault);
    }
    for old in marks.iter().filter(|mark| mark.owner.token != owner.token) {
        site.marks.remove(&old.owner.token)?;
    }
    Ok(made)
}

pub fn find(site: &Site, wanted: &Wanted, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
    let want: Want = decode(DIRECTORY, &wanted.inputs)?;
    let id = site.id(want.directory.as_deref(), &want.path);
    let path = site.path(&id);
    let found = look(&path)?.filter(Metadata::is_dir);
    let marks = match seek {
        Seek::Identity => return Ok(found.map(|_| id.into())),
        Seek::Made(owner) => {
            // What a crash left: nobody knew of it, so there is nothing in it.
            let _ = std::fs::remove_dir(part_of(&path, &owner.token));
            site.marks.get(&owner.token)?.into_iter().collect()
        }
        Seek::Owned(owner) => site.marks.owned(DIRECTORY, owner)?,
    };
    let is_it = |found: &Metadata| marks.iter().any(|mark| mark.id == id && mark.is_of(Some(found)));
    Ok(found.filter(is_it).map(|_| id.into()))
}

pub fn read(site: &Site, place: &Place) -> Result<Reading, Fault> {
    let path = site.path(&place.id);
    let Some(found) = look(&path)?.filter(Metadata::is_dir) else { return Ok(Reading::Gone) };
    let mut inputs = Fields::new();
    tell_mode(&place.inputs, &found, &mut inputs);
    // What is being taken in has nothing recorded yet.
    if !place.inputs.contains_key("path") {
        inputs.insert("path".into(), Value::String(place.id.clone()));
    }
    let outputs = Fields::from([("absolute".into(), Value::string(path.to_string_lossy()))]);
    Ok(Reading::Here(Here { inputs, outputs, health: Health::Live }))
}

pub fn update(site: &Site, place: &Place, wanted: &Wanted) -> Result<Progress, Fault> {
    let want: Want = decode(DIRECTORY, &wanted.inputs)?;
    let path = site.path(&place.id);
    let found = look(&path)?;
    if !site.marks.of(DIRECTORY, &place.id)?.is_some_and(|mark| mark.is_of(found.as_ref())) {
        return Err(not_ours(&path).on("path"));
    }
    set_mode(&path, bits_of(&want.mode)?).map_err(|error| io_fault("change the mode of", &path, &error).on("mode"))?;
    Ok(Progress::Done)
}

/// Only the one that was made is deleted, and with what is in it only where the program says so.
pub fn delete(site: &Site, place: &Place) -> Result<Progress, Fault> {
    if let Some(Obstacle { message, help, attribute }) = obstacle(site, place, &BTreeSet::new())? {
        return Err(Fault { help, attribute, ..Fault::new(FaultKind::Held, message) });
    }
    let path = site.path(&place.id);
    match if has_all(place) { std::fs::remove_dir_all(&path) } else { std::fs::remove_dir(&path) } {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        // Something is being written into it still.
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {
            return Ok(Progress::Waiting("being written to".into()));
        }
        Err(error) => return Err(io_fault("delete", &path, &error)),
    }
    if let Some(mark) = site.marks.of(DIRECTORY, &place.id)? {
        site.marks.remove(&mark.owner.token)?;
    }
    Ok(Progress::Done)
}

/// Why it is not deleted as it is now, when these are gone.
pub fn obstacle(site: &Site, place: &Place, going: &BTreeSet<PathBuf>) -> Result<Option<Obstacle>, Fault> {
    let path = site.path(&place.id);
    let Some(found) = look(&path)? else { return Ok(None) };
    let shown = path.display();
    if !site.marks.of(DIRECTORY, &place.id)?.is_some_and(|mark| mark.is_of(Some(&found))) {
        let text = format!("nothing says that `{shown}` is of this environment: it is not deleted");
        return Ok(Some(Obstacle::new(text).help("look at it, and take it away by hand")));
    }
    if has_all(place) {
        return Ok(None);
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&path).map_err(|error| io_fault("list", &path, &error))? {
        let entry = entry.map_err(|error| io_fault("list", &path, &error))?;
        if !going.contains(&entry.path()) {
            names.push(format!("`{}`", entry.file_name().to_string_lossy()));
        }
    }
    names.sort();
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    if names.is_empty() {
        return Ok(None);
    }
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let text = format!("`{shown}` is not empty: it has {}{more} in it", names.join(", "));
    let help = "look whether anybody needs that; `deleteContents true;`, applied before, deletes it too";
    Ok(Some(Obstacle::new(text).on("deleteContents").help(help)))
}

fn not_ours(path: &Path) -> Fault {
    let text = format!("nothing says that `{}` is of this environment: it is not changed", path.display());
    Fault::new(FaultKind::Taken, text).help("look at it, and take it away by hand")
}

/// Whether everything in it goes with it.
fn has_all(place: &Place) -> bool {
    place.inputs.get("deleteContents") == Some(&Value::Bool(true))
}

/// Gives it its name, unless something has that already.
fn show(part: &Path, path: &Path) -> Result<(), Error> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, part, CWD, path, RenameFlags::NOREPLACE) {
            // A file system that cannot promise that.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {}
            renamed => return renamed.map_err(Error::from),
        }
    }
    if path.symlink_metadata().is_ok() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    std::fs::rename(part, path)
}
