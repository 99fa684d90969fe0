//! What keeps a thing from being deleted. The deletion asks the same as whoever wants to know beforehand, so
//! that both get the same answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::apply::provider::{Fault, FaultKind, Leaving, Obstacle, Owner};
use crate::diagnostic::listed;
use crate::name::{Address, Name};
use crate::sandbox::object::{Key, Object};
use crate::sandbox::world::World;
use crate::value::{Fields, Value};

/// Attributes that protect their thing for as long as they are on.
const PROTECTION: [&str; 2] = ["deletionProtection", "terminationProtection"];

/// A type whose things are full or empty.
struct Container {
    kind: &'static str,
    contents: &'static [&'static str],
    /// Actions that empty one.
    emptied: &'static [&'static str],
    help: &'static str,
}

const CONTAINERS: [Container; 1] = [Container {
    kind: "aws.S3Bucket",
    contents: &["aws.S3File", "aws.S3Directory"],
    emptied: &["aws.Empty", "aws.EmptyS3Bucket"],
    help: "to lose what is in it as well, put `EMPTY_ACTION` before the deletion in its `terminateActions`, and apply that first",
}];

/// Things that are named in one sentence.
const NAMED: usize = 3;

/// What is not counted when a deletion is foreseen. For one that happens now, everything counts.
#[derive(Default)]
pub struct Besides<'a> {
    /// Gone by then.
    pub going: Option<&'a BTreeSet<Key>>,
    pub leaving: Option<&'a Leaving>,
}

impl Besides<'_> {
    fn counts(&self, object: &Object) -> bool {
        let key = object.key();
        let is_going = self.going.is_some_and(|going| going.contains(&key));
        !is_going && self.leaving.is_none_or(|leaving| !leaving.known.contains(&key))
    }

    /// Whether an action runs before the deletion.
    fn does(&self, deed: &str) -> bool {
        self.leaving.is_some_and(|leaving| leaving.deeds.iter().any(|other| **other == *deed))
    }
}

/// One thing that is in the way.
pub enum Why {
    Used(Vec<Address>),
    Full(usize, &'static str),
    Protected(Name),
    /// A last snapshot is to have a name that another one has.
    Taken(Arc<str>),
}

impl Why {
    pub fn fault(&self, id: &str) -> Fault {
        let (kind, message) = match self {
            Why::Used(holders) => (FaultKind::Held, format!("{id} is in use by {}", named(holders))),
            Why::Full(..) => (FaultKind::Held, format!("{id} is not empty")),
            Why::Protected(name) => (FaultKind::Refused, format!("the `{name}` of {id} is on")),
            Why::Taken(name) => (FaultKind::Taken, format!("{id} cannot leave the snapshot `{name}`: there is one")),
        };
        let Obstacle { attribute, help, .. } = self.obstacle();
        Fault { attribute, help, ..Fault::new(kind, message) }
    }

    pub fn obstacle(&self) -> Obstacle {
        match self {
            Why::Used(holders) => Obstacle::new(format!("it is in use by {}", named(holders)))
                .help("take that down first, or have it refer to something else"),
            Why::Full(count, help) => Obstacle::new(format!("it has {} in it", objects(*count))).help(*help),
            Why::Protected(name) => Obstacle::new(format!("its `{name}` is on"))
                .on(name.as_str())
                .help(format!("write `{name} false;`, and apply that first")),
            Why::Taken(name) => Obstacle::new(format!("there is a snapshot `{name}` already"))
                .on("finalSnapshotName")
                .help("give another `finalSnapshotName`, and apply that first; or delete that snapshot"),
        }
    }
}

fn objects(count: usize) -> String {
    if count == 1 { "1 object".to_string() } else { format!("{count} objects") }
}

fn named(holders: &[Address]) -> String {
    let more = holders.len().saturating_sub(NAMED);
    let names = listed(holders.iter().take(NAMED));
    if more > 0 { format!("{names} and {more} others") } else { names }
}

impl World {
    /// Everything that keeps a thing from being deleted.
    pub fn refusals(&self, object: &Object, besides: &Besides) -> Vec<Why> {
        let container = CONTAINERS.iter().find(|container| *container.kind == *object.kind);
        let (mut users, mut contents) = (BTreeSet::new(), 0);
        for holder in self.referrers(object).filter(|holder| besides.counts(holder)) {
            match container.filter(|container| container.contents.contains(&&*holder.kind)) {
                Some(container) if container.emptied.iter().any(|deed| besides.does(deed)) => {}
                Some(_) => contents += 1,
                None => drop(users.insert(holder.owner.address.clone())),
            }
            // For a deletion, one is as good as ten thousand.
            if besides.leaving.is_none() && users.len() + contents > 0 {
                break;
            }
        }
        let mut all = Vec::new();
        all.extend(PROTECTION.map(Name::from).into_iter().filter(|name| is_on(object, name)).map(Why::Protected));
        all.extend((!users.is_empty()).then(|| Why::Used(users.into_iter().collect())));
        all.extend(container.filter(|_| contents > 0).map(|container| Why::Full(contents, container.help)));
        if let Some((kind, name)) = last_snapshot(object)
            && self.is_taken(&kind, &quoted(&name))
        {
            all.push(Why::Taken(name));
        }
        all
    }

    /// What an action takes out of the thing in whose list it stands.
    pub fn contents(&self, key: &Key, deed: &str) -> Vec<Key> {
        let mut containers = CONTAINERS.iter().filter(|container| *container.kind == *key.0);
        let container = containers.find(|container| container.emptied.contains(&deed));
        let Some((container, object)) = container.zip(self.get(key)) else { return Vec::new() };
        let is_in = |other: &&Object| container.contents.contains(&&*other.kind);
        self.referrers(object).filter(is_in).map(Object::key).collect()
    }
}

fn is_on(object: &Object, name: &Name) -> bool {
    object.inputs.get(name) == Some(&Value::Bool(true))
}

/// The type and the name of the snapshot that a thing leaves when it is deleted, where the program names it.
fn last_snapshot(object: &Object) -> Option<(Arc<str>, Arc<str>)> {
    let kind = object.kind.strip_suffix("Instance")?;
    let name = object.inputs.get(&Name::from("finalSnapshotName"))?.as_str()?;
    is_on(object, &"finalSnapshot".into()).then(|| (format!("{kind}Snapshot").into(), name.into()))
}

/// Whether a deletion made it.
pub fn is_last_snapshot(object: &Object) -> bool {
    object.owner.token.ends_with(LAST)
}

/// How the token ends of what a deletion leaves.
const LAST: &str = "-last";

/// The last snapshot of a thing, as its deletion makes it.
pub fn remains(object: &Object) -> Option<Object> {
    let (kind, name) = last_snapshot(object)?;
    let token = format!("{}{LAST}", object.owner.token).into();
    Some(Object {
        kind,
        id: name.clone(),
        inputs: Fields::from([("name".into(), Value::string(&*name))]),
        outputs: Fields::new(),
        owner: Owner { token, ..object.owner.clone() },
        name: Some(quoted(&name)),
        asked: None,
        seen: None,
        busy: None,
    })
}

/// As identities are written.
fn quoted(name: &str) -> Arc<str> {
    Value::string(name).to_string().into()
}
