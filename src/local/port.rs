//! `local.Port`: a number that nobody listened on when it was chosen. Between that and the moment when its
//! process listens, anybody may take it: nothing but listening holds a port.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;

use super::PORT;
use super::mark::{Mark, Trait};
use super::site::{Site, locked};
use crate::apply::provider::{Fault, FaultKind, Health, Here, Made, Place, Progress, Reading, Seek, Want as Wanted};
use crate::value::{Fields, Value};

/// Below those that systems give to connections that go out: from 32768 on Linux, from 49152 elsewhere.
const RANGE: std::ops::Range<u16> = 20_000..32_768;
/// Numbers that are tried.
const TRIES: u32 = 500;

pub fn create(site: &Site, wanted: &Wanted) -> Result<Made, Fault> {
    let owner = &wanted.owner;
    if let Some(mark) = site.marks.get(&owner.token)? {
        return Ok(Made { id: mark.id.into(), whole: true });
    }
    let _choosing = locked(&site.choosing);
    let marks = site.marks.all()?;
    for _ in 0..TRIES {
        let port = fastrand::u16(RANGE);
        let id = port.to_string();
        if marks.iter().any(|mark| mark.kind == PORT && mark.id == id) || !is_free(port) {
            continue;
        }
        site.marks.write(&Mark { owner: owner.clone(), kind: PORT.into(), id: id.clone(), of: Trait::Port })?;
        return Ok(Made { id: id.into(), whole: true });
    }
    let text = format!("none of {TRIES} ports between {} and {} is free", RANGE.start, RANGE.end - 1);
    Err(Fault::new(FaultKind::Refused, text).help("find out what listens on them: `ss -ltnp`"))
}

pub fn find(site: &Site, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
    let found = match seek {
        Seek::Identity => {
            return Err(Fault::new(FaultKind::Refused, "a port has no name to be found by")
                .help("leave its `startActions` as they are: one is chosen"));
        }
        Seek::Made(owner) => site.marks.get(&owner.token)?,
        Seek::Owned(owner) => site.marks.owned(PORT, owner)?.pop(),
    };
    Ok(found.map(|mark| mark.id.into()))
}

pub fn read(site: &Site, place: &Place) -> Result<Reading, Fault> {
    let number = place.id.parse::<i64>().ok();
    match (site.marks.of(PORT, &place.id)?, number) {
        (Some(_), Some(number)) => {
            let outputs = Fields::from([("port".into(), Value::Int(number))]);
            Ok(Reading::Here(Here { inputs: Fields::new(), outputs, health: Health::Live }))
        }
        (_, _) => Ok(Reading::Gone),
    }
}

pub fn delete(site: &Site, place: &Place) -> Result<Progress, Fault> {
    if let Some(mark) = site.marks.of(PORT, &place.id)? {
        site.marks.remove(&mark.owner.token)?;
    }
    Ok(Progress::Done)
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
