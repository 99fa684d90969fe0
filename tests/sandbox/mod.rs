//! The sandbox as a provider, without an engine: the rules of its cloud, its weather, and its file; and
//! as its users see it.

mod file;
mod limits;
mod refusals;
mod rules;
mod story;
mod weather;

use std::path::PathBuf;
use std::sync::Arc;

use tadpole::apply::clock::Clock;
use tadpole::apply::provider::{Fault, FaultKind, Health, Owner, Place, Provider, Reading, Seek, Want};
use tadpole::sandbox::weather::Weather;
use tadpole::sandbox::{Sandbox, Schemas};
use tadpole::value::{Data, Fields, Reference, Secret, Target, Value};

use crate::world::graph;

const TYPES: &str = r#"
    Net extends Resource { kind "test.Net"; name: String, identity; cidr: String?; netId: String, computed; }
    Machine extends Resource { kind "test.ImageInstance"; image: String, immutable = "one"; size: Int = 1; }
    Clash extends Resource { kind "test.Clash"; name: String, identity; }
    net extends Net { name "a"; }
    machine extends Machine { }
    clash extends Clash { name "b"; }
"#;

/// A directory with one sandbox.
struct Room {
    directory: tempfile::TempDir,
    schemas: Schemas,
    clock: Clock,
}

impl Room {
    fn new() -> Room {
        let schemas = graph(TYPES).in_order().map(|r| (r.schema.kind.clone(), r.schema.clone())).collect();
        let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
        Room { directory: tempfile::tempdir().unwrap(), schemas, clock }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("sandbox.jsonl")
    }

    fn open(&self) -> Sandbox {
        Sandbox::open_at(&self.path(), self.schemas.clone(), self.clock.clone()).unwrap()
    }

    fn ids(&self) -> Vec<String> {
        self.open().objects().iter().map(|object| object.id.to_string()).collect()
    }
}

fn in_weather(weather: Weather) -> (Room, Sandbox) {
    let room = Room::new();
    let sandbox = room.open();
    sandbox.set_weather(weather).unwrap();
    (room, sandbox)
}

fn owner(address: &str, token: &str) -> Owner {
    Owner { lineage: "lineage".into(), address: address.parse().unwrap(), token: token.into() }
}

/// What a component with this address wants; its token is named after it.
fn want(kind: &str, address: &str, inputs: &[(&str, Value)]) -> Want {
    let inputs = inputs.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
    Want { kind: kind.into(), inputs, samples: Fields::new(), owner: owner(address, &format!("token of {address}")) }
}

fn net(name: &str) -> Want {
    want("test.Net", name, &[("name", Value::string(name))])
}

fn machine(address: &str) -> Want {
    want("test.ImageInstance", address, &[("image", Value::string("one"))])
}

fn reference(address: &str, id: &str) -> Value {
    Value::Reference(Reference { of: Target::Address(address.parse().unwrap()), id: id.into() })
}

/// Something of a type without a schema, which refers to something.
fn holder(address: &str, of: Value) -> Want {
    want("test.Holder", address, &[("of", of)])
}

fn place(want: &Want, id: &str) -> Place {
    Place {
        kind: want.kind.clone(),
        id: id.into(),
        address: want.owner.address.clone(),
        inputs: want.inputs.clone(),
        outputs: Fields::new(),
    }
}

async fn made(sandbox: &Sandbox, want: &Want) -> Place {
    let made = sandbox.create(want).await.unwrap();
    assert!(made.whole);
    place(want, &made.id)
}

fn refused<T: std::fmt::Debug>(result: Result<T, Fault>, kind: FaultKind, says: &str) -> Fault {
    let fault = result.unwrap_err();
    assert_eq!(fault.kind, kind, "{fault}");
    assert!(fault.message.contains(says), "`{fault}` does not say `{says}`");
    fault
}

fn is_here(reading: &Reading) -> bool {
    matches!(reading, Reading::Here(_))
}

fn health(reading: Reading) -> Health {
    match reading {
        Reading::Here(here) => here.health,
        Reading::Gone => panic!("it is gone"),
    }
}
