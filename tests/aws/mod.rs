//! The provider for AWS against an emulator, call by call. What boto3 sees or does there is the
//! witness; the engine has no part in this.

pub mod moto;
pub mod proxy;
mod buckets;
mod cloud;
mod conformance;
mod counting;
mod databases;
mod deeds;
mod distributions;
mod environment;
mod examples;
mod files;
mod hesitation;
mod images;
mod instances;
mod lasting;
mod live;
mod machines;
mod networks;
mod obstacles;
mod owned;
mod program;
mod refusals;
mod replacement;
mod schemas;
mod security;
mod signatures;
mod watched;
mod weather;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tadpole::apply::provider::{Fault, Here, Made, Owner, Place, Provider, Reading, Want};
use tadpole::aws::{Aws, Keys, Settings};
use tadpole::value::{Fields, Value};

use self::moto::Moto;
use self::proxy::Proxy;

/// A provider, the emulator that it calls, and what stands between them.
pub struct World {
    pub aws: Aws,
    pub moto: &'static Moto,
    pub proxy: Proxy,
}

impl World {
    pub fn new() -> World {
        let moto = Moto::shared();
        let proxy = Proxy::before(moto);
        World { aws: at(&proxy.endpoint), moto, proxy }
    }

    pub async fn here(&self, place: &Place) -> Here {
        match self.aws.read(place).await.unwrap() {
            Reading::Here(here) => here,
            Reading::Gone => panic!("`{}` is gone", place.address),
        }
    }

    pub async fn is_gone(&self, place: &Place) -> bool {
        matches!(self.aws.read(place).await.unwrap(), Reading::Gone)
    }
}

/// A provider that calls this.
pub fn at(endpoint: &str) -> Aws {
    beside(endpoint, Path::new(""))
}

/// The same, for a program in this directory.
pub fn beside(endpoint: &str, directory: &Path) -> Aws {
    let keys = Keys { access: "AKIAIOSFODNN7EXAMPLE".to_string(), secret: "secret".to_string() };
    Aws::with(Settings { endpoint: Some(endpoint.to_string()), keys: Some(keys), directory: directory.to_path_buf() })
}

pub fn want(kind: &str, address: &str, token: &str, inputs: &[(&str, Value)]) -> Want {
    let mut all = Fields::from([("region".into(), Value::string("us-east-1"))]);
    all.extend(inputs.iter().map(|(name, value)| ((*name).into(), value.clone())));
    Want { kind: kind.into(), inputs: all, samples: Fields::new(), owner: owner("lineage-1", address, token) }
}

pub fn owner(lineage: &str, address: &str, token: &str) -> Owner {
    Owner { lineage: lineage.into(), address: address.parse().unwrap(), token: token.into() }
}

pub fn tags(pairs: &[(&str, &str)]) -> Value {
    Value::Map(pairs.iter().map(|(key, value)| (key.to_string(), Value::string(*value))).collect())
}

/// The thing that was wanted, as the engine records it.
pub fn place(want: &Want, id: &str, outputs: Fields) -> Place {
    Place {
        kind: want.kind.clone(),
        id: id.into(),
        address: want.owner.address.clone(),
        inputs: want.inputs.clone(),
        outputs,
    }
}

pub fn attribute(fault: &Fault) -> &str {
    fault.attribute.as_ref().map_or("", |name| name.as_str())
}

pub fn json(fields: &Fields) -> serde_json::Value {
    tadpole::value::reveal(fields)
}

/// With some attributes changed.
pub fn but(want: &Want, changes: &[(&str, Value)]) -> Want {
    let mut want = want.clone();
    want.inputs.extend(changes.iter().map(|(name, value)| ((*name).into(), value.clone())));
    want
}

pub async fn make(world: &World, want: &Want) -> Place {
    let made: Made = world.aws.create(want).await.unwrap();
    let bare = place(want, &made.id, Fields::new());
    if !made.whole {
        world.aws.update(&bare, None, want).await.unwrap();
    }
    let outputs = world.here(&bare).await.outputs;
    place(want, &made.id, outputs)
}

pub fn ids(fields: &Fields) -> Vec<Arc<str>> {
    let Some(Value::List(items)) = fields.get("instances") else { panic!("no instances in {fields:?}") };
    items.iter().map(|item| item.as_str().unwrap().into()).collect()
}

pub fn map(value: &serde_json::Value) -> BTreeMap<String, String> {
    serde_json::from_value(value.clone()).unwrap()
}
