//! `local.File`: one file, written whole or not at all.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::FILE;
use super::mark::{Mark, Trait, remove};
use super::site::{Site, decode, io_fault, look, mode, not_put, set_mode, stamp};
use crate::apply::provider::{
    Fault, FaultKind, Health, Here, Made, Obstacle, Owner, Place, Progress, Reading, Seek, Want as Wanted,
};
use crate::value::{Data, Fields, Value};

#[derive(Deserialize)]
pub struct Want {
    pub directory: Option<String>,
    pub path: String,
    source: Option<Asset>,
    content: Option<String>,
    pub mode: Option<String>,
}

#[derive(Deserialize)]
struct Asset {
    path: String,
    sha256: String,
}

/// What is put in place of another, with its own mark ready.
struct Part {
    path: PathBuf,
    of: Trait,
}

pub fn create(site: &Site, wanted: &Wanted) -> Result<Made, Fault> {
    let want: Want = decode(FILE, &wanted.inputs)?;
    let owner = &wanted.owner;
    let id = site.id(want.directory.as_deref(), &want.path);
    let path = site.path(&id);
    let made = Made { id: id.as_str().into(), whole: true };
    let mut marks = site.marks.owned(FILE, owner)?;
    marks.retain(|mark| mark.id == id);
    let found = look(&path)?;
    if let Some(found) = &found {
        match marks.iter().find(|mark| mark.is_of(Some(found))) {
            Some(mark) if mark.owner.token == owner.token => return Ok(made),
            // Of an earlier time, left standing.
            Some(_) => {}
            None => return Err(taken(&path)),
        }
    }
    let part = write(site, &want, &wanted.inputs, &path, owner)?;
    let marked = site.marks.write(&Mark { owner: owner.clone(), kind: FILE.into(), id, of: part.of });
    if let Err(fault) = marked {
        let _ = remove(&part.path);
        return Err(fault);
    }
    if let Err(fault) = show(&part.path, &path, found.is_some()) {
        // What is not there is nobody's. Why is said already.
        let _ = remove(&part.path).and_then(|()| site.marks.remove(&owner.token));
        return Err(fault);
    }
    for old in marks.iter().filter(|mark| mark.owner.token != owner.token) {
        site.marks.remove(&old.owner.token)?;
    }
    Ok(made)
}

pub fn find(site: &Site, wanted: &Wanted, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
    let want: Want = decode(FILE, &wanted.inputs)?;
    let id = site.id(want.directory.as_deref(), &want.path);
    let path = site.path(&id);
    let found = look(&path)?;
    let marks = match seek {
        Seek::Identity => return Ok(found.map(|_| id.into())),
        Seek::Made(owner) => {
            // What a crash left half written.
            remove(&part_of(&path, &owner.token))?;
            site.marks.get(&owner.token)?.into_iter().collect()
        }
        Seek::Owned(owner) => site.marks.owned(FILE, owner)?,
    };
    let is_it = |found: &Metadata| marks.iter().any(|mark| mark.id == id && mark.is_of(Some(found)));
    Ok(found.filter(is_it).map(|_| id.into()))
}

pub fn read(site: &Site, place: &Place) -> Result<Reading, Fault> {
    let path = site.path(&place.id);
    let Some(found) = look(&path)?.filter(Metadata::is_file) else { return Ok(Reading::Gone) };
    let mark = site.marks.of(FILE, &place.id)?;
    if mark.as_ref().is_some_and(|mark| is_elsewhere(site, mark, &path, &found)) {
        return Ok(Reading::Gone);
    }
    let sum = sum_of(&path)?;
    let is_secret = place.inputs.get("content").is_some_and(Value::holds_secret);
    let is_same = match recorded_sum(&place.inputs) {
        Some(recorded) => recorded == sum,
        None => mark.is_some_and(|mark| is_untouched(&mark, &found)),
    };
    let mut inputs = Fields::new();
    match (place.inputs.get("source"), place.inputs.get("content")) {
        (Some(Value::Data(asset)), _) => {
            let value = if is_same { asset.clone() } else { changed(asset, &sum, found.len()) };
            inputs.insert("source".into(), Value::Data(value));
        }
        (_, Some(content)) if *content != Value::Null => {
            let other = || Value::string(format!("(other bytes, {})", sum.get(..8).unwrap_or(&sum)));
            inputs.insert("content".into(), if is_same { content.clone() } else { other() });
        }
        (Some(_) | None, _) => {}
    }
    tell_mode(&place.inputs, &found, &mut inputs);
    // What is being taken in has nothing recorded yet.
    if !place.inputs.contains_key("path") {
        inputs.insert("path".into(), Value::String(place.id.clone()));
    }
    let mut outputs = Fields::from([
        ("absolute".into(), Value::string(path.to_string_lossy())),
        ("size".into(), Value::Size(found.len())),
    ]);
    if !is_secret {
        outputs.insert("sha256".into(), Value::string(sum));
    }
    Ok(Reading::Here(Here { inputs, outputs, health: Health::Live }))
}

/// Writes it anew: what reads it meanwhile sees the old or the new, and nothing between.
pub fn update(site: &Site, place: &Place, wanted: &Wanted) -> Result<Progress, Fault> {
    let want: Want = decode(FILE, &wanted.inputs)?;
    let path = site.path(&place.id);
    let old = site.marks.of(FILE, &place.id)?;
    let is_another = |found: &Metadata| old.as_ref().is_some_and(|mark| is_elsewhere(site, mark, &path, found));
    if look(&path)?.is_some_and(|found| !found.is_file() || is_another(&found)) {
        return Err(taken(&path));
    }
    // The token by which its creation is found stays.
    let owner = match &old {
        Some(mark) => Owner { token: mark.owner.token.clone(), ..wanted.owner.clone() },
        None => wanted.owner.clone(),
    };
    let part = write(site, &want, &wanted.inputs, &path, &owner)?;
    let mark = Mark { owner, kind: FILE.into(), id: place.id.to_string(), of: part.of };
    // Until the new one is there, the old one is ours too.
    let mut both = mark.clone();
    if let (Trait::File { sums, .. }, Some(Mark { of: Trait::File { sums: before, .. }, .. })) = (&mut both.of, old) {
        sums.extend(before);
    }
    site.marks.write(&both).inspect_err(|_| drop(remove(&part.path)))?;
    std::fs::rename(&part.path, &path).map_err(|error| {
        let _ = std::fs::remove_file(&part.path);
        not_put("write", &path, &error)
    })?;
    site.marks.write(&mark)?;
    Ok(Progress::Done)
}

/// Only what has in it what was written is deleted.
pub fn delete(site: &Site, place: &Place) -> Result<Progress, Fault> {
    if let Some(Obstacle { message, help, .. }) = obstacle(site, place)? {
        return Err(Fault { help, ..Fault::new(FaultKind::Held, message) });
    }
    remove(&site.path(&place.id))?;
    if let Some(mark) = site.marks.of(FILE, &place.id)? {
        site.marks.remove(&mark.owner.token)?;
    }
    Ok(Progress::Done)
}

/// Why it is not deleted as it is now.
pub fn obstacle(site: &Site, place: &Place) -> Result<Option<Obstacle>, Fault> {
    let path = site.path(&place.id);
    let Some(found) = look(&path)? else { return Ok(None) };
    let shown = path.display();
    let Some(mark) = site.marks.of(FILE, &place.id)? else {
        let text = format!("nothing says that `{shown}` is of this environment: it is not deleted");
        return Ok(Some(Obstacle::new(text).help(format!("look at it, then `rm {shown}`"))));
    };
    if is_elsewhere(site, &mark, &path, &found) {
        let text = format!("`{shown}` is not in the directory that it was written to: it is not deleted");
        return Ok(Some(
            Obstacle::new(text).help("a directory of its path was replaced by a link: look where it leads"),
        ));
    }
    let is_ours = match &mark.of {
        Trait::File { sums, .. } if !sums.is_empty() => found.is_file() && sums.contains(&sum_of(&path)?),
        Trait::File { .. } | Trait::Directory { .. } | Trait::Port | Trait::Process { .. } => {
            is_untouched(&mark, &found)
        }
    };
    let text = format!("`{shown}` has other bytes in it than were written: it is not deleted");
    let help = format!("`tadpole apply` writes it anew; if nobody needs what is in it, `rm {shown}`");
    Ok((!is_ours).then(|| Obstacle::new(text).help(help)))
}

impl Want {
    fn body(&self, site: &Site) -> Result<(Box<dyn Read>, PathBuf), Fault> {
        let refused = |text: String, on: &str| Fault::new(FaultKind::Refused, text).on(on);
        match (&self.source, &self.content) {
            (Some(asset), None) => {
                let path = site.directory.join(&asset.path);
                let file = File::open(&path).map_err(|error| io_fault("read", &path, &error).on("source"))?;
                Ok((Box::new(file), path))
            }
            (None, Some(text)) => Ok((Box::new(std::io::Cursor::new(text.clone().into_bytes())), PathBuf::new())),
            (None, None) => Err(refused(format!("nothing says what is in `{}`", self.path), "content")
                .help("write `content \"TEXT\";`, or `source asset(\"PATH\");` for a copy of a file")),
            (Some(_), Some(_)) => {
                Err(refused(format!("`source` and `content` both say what is in `{}`", self.path), "content")
                    .help("leave one of them out"))
            }
        }
    }
}

/// Writes it beside the place where it will be.
fn write(site: &Site, want: &Want, inputs: &Fields, path: &Path, owner: &Owner) -> Result<Part, Fault> {
    let is_secret = inputs.get("content").is_some_and(Value::holds_secret);
    let bits = match &want.mode {
        Some(text) => bits_of(text)?,
        None if is_secret => 0o600,
        None => 0o644,
    };
    let (mut body, from) = want.body(site)?;
    let part = part_of(path, &owner.token);
    // Left by an earlier try.
    remove(&part)?;
    let mut sum = Sha256::new();
    let mut written = || {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&part)?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            match body.read(&mut buffer)? {
                0 => break,
                count => {
                    sum.update(&buffer[..count]);
                    file.write_all(&buffer[..count])?;
                }
            }
        }
        set_mode(&part, bits)?;
        file.sync_all()?;
        file.metadata()
    };
    let abandon = |fault: Fault| {
        let _ = std::fs::remove_file(&part);
        fault
    };
    let found = written().map_err(|error: std::io::Error| abandon(not_put("write", path, &error)))?;
    let sum = hex(sum);
    if let Some(asset) = want.source.as_ref().filter(|asset| asset.sha256 != sum) {
        let text = format!("`{}` was changed after it was planned with", asset.path);
        let help = format!("plan again: what is in `{}` now was not agreed to", from.display());
        return Err(abandon(Fault::new(FaultKind::Refused, text).on("source").help(help)));
    }
    let sums = if is_secret { Vec::new() } else { vec![sum] };
    let (stamp, modified, within) = (stamp(&found), modified(&found), within(site, path));
    Ok(Part { path: part, of: Trait::File { stamp, modified, sums, within } })
}

/// Puts it where it belongs. What somebody else put there meanwhile is not overwritten.
fn show(part: &Path, path: &Path, over: bool) -> Result<(), Fault> {
    let put = |error| not_put("write", path, &error);
    if over {
        return std::fs::rename(part, path).map_err(put);
    }
    match std::fs::hard_link(part, path) {
        Ok(()) => remove(part),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(taken(path)),
        // A file system without second names.
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::PermissionDenied) => {
            if look(path)?.is_some() {
                return Err(taken(path));
            }
            std::fs::rename(part, path).map_err(put)
        }
        Err(error) => Err(put(error)),
    }
}

/// Where a thing is made that is shown at a path when it is whole.
pub fn part_of(path: &Path, token: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let few: String = token.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
    path.with_file_name(format!(".{name}.{few}.part"))
}

pub fn taken(path: &Path) -> Fault {
    let text = format!("`{}` is there already, and was not made by this environment", path.display());
    Fault::new(FaultKind::Taken, text).on("path").help("choose another path, or take away what is there")
}

/// The bits of `0644`.
pub fn bits_of(text: &str) -> Result<u32, Fault> {
    u32::from_str_radix(text, 8)
        .map_err(|error| Fault::new(FaultKind::Refused, format!("`{text}` is no mode: {error}")).on("mode"))
}

/// Says what the mode is, if the program says what it should be.
pub fn tell_mode(recorded: &Fields, found: &Metadata, inputs: &mut Fields) {
    if let (Some(Value::String(text)), Some(is)) = (recorded.get("mode"), mode(found)) {
        let same = bits_of(text).is_ok_and(|bits| bits == is);
        let value = if same { Value::String(text.clone()) } else { Value::string(format!("{is:04o}")) };
        inputs.insert("mode".into(), value);
    }
}

/// The directory that contains a path, as [`Trait::File`] has it.
fn within(site: &Site, path: &Path) -> Option<String> {
    let (parent, program) = (path.parent()?.canonicalize().ok()?, site.directory.canonicalize().ok()?);
    Some(parent.strip_prefix(&program).unwrap_or(&parent).to_string_lossy().into_owned())
}

/// Whether the path leads to another file by now, since a directory of it was replaced by a link. The file may
/// have been replaced by its editor; the directory that it is in stays the same then.
fn is_elsewhere(site: &Site, mark: &Mark, path: &Path, found: &Metadata) -> bool {
    let Trait::File { within: Some(before), .. } = &mark.of else { return false };
    !mark.is_of(Some(found)) && within(site, path).is_none_or(|now| now != *before)
}

/// Whether nobody wrote to it.
fn is_untouched(mark: &Mark, found: &Metadata) -> bool {
    mark.is_of(Some(found)) && matches!(&mark.of, Trait::File { modified: at, .. } if *at == modified(found))
}

fn modified(found: &Metadata) -> u64 {
    let since = found.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_nanos() as u64)
}

fn sum_of(path: &Path) -> Result<String, Fault> {
    let summed = || {
        let mut file = File::open(path)?;
        let mut sum = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hex(sum)),
                count => sum.update(&buffer[..count]),
            }
        }
    };
    summed().map_err(|error: std::io::Error| io_fault("read", path, &error))
}

fn hex(sum: Sha256) -> String {
    sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The hash of what was written; nothing for a secret whose text is not known any more.
fn recorded_sum(inputs: &Fields) -> Option<String> {
    let of = |text: &str| hex(Sha256::new_with_prefix(text));
    match (inputs.get("source"), inputs.get("content")) {
        (Some(Value::Data(asset)), _) => asset.fields.get("sha256")?.as_str().map(str::to_string),
        (_, Some(Value::String(text))) => Some(of(text)),
        (_, Some(Value::Secret(secret))) => secret.reveal().map(of),
        (Some(_) | None, _) => None,
    }
}

fn changed(asset: &Data, sum: &str, size: u64) -> Data {
    let mut fields = asset.fields.clone();
    fields.insert("sha256".into(), Value::string(sum));
    fields.insert("size".into(), Value::Size(size));
    Data { template: asset.template.clone(), fields }
}
