//! One thing in the sandbox, and how it is made of what was asked for and what its schema says.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::apply::provider::{Health, Owner, Want};
use crate::model::schema::Schema;
use crate::model::ty::Ty;
use crate::name::Name;
use crate::sandbox::pace;
use crate::value::{Fields, Value};

/// A type, and an id in it.
pub type Key = (Arc<str>, Arc<str>);

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Object {
    pub kind: Arc<str>,
    pub id: Arc<str>,
    pub inputs: Fields,
    pub outputs: Fields,
    pub owner: Owner,
    /// What names it: no other of its type may have the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// What its create call asked for, in short: the same token may not ask for anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Arc<str>>,
    /// When it can be seen; always, if it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy: Option<Busy>,
}

/// How the ids of what was looked up begin. Nobody can choose such a name.
const FOUND: &str = "found:";

/// Whether an id is that of something that was looked up, and is no thing of this world.
pub fn is_found(id: &str) -> bool {
    id.starts_with(FOUND)
}

/// What a thing is at, and until when.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Busy {
    pub doing: Doing,
    pub until: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Doing {
    Creating,
    Updating,
    /// It is gone when the time is over.
    Deleting,
}

impl Object {
    /// What a create call makes.
    pub fn new(want: &Want, schema: Option<&Schema>) -> Object {
        let identity = schema.map(|schema| identity(schema, &want.inputs)).unwrap_or_default();
        let id: Arc<str> = match identity.as_slice() {
            [Value::String(name)] => name.clone(),
            _ => {
                let short = want.kind.rsplit('.').next().unwrap_or(&want.kind).to_lowercase();
                format!("{short}-{}", &digest(&want.owner.token)[..17]).into()
            }
        };
        let mut outputs = Fields::new();
        for attribute in schema.iter().flat_map(|schema| schema.computed()) {
            let value = match want.samples.get(&attribute.name) {
                Some(sample) => sample.clone(),
                None => invented(&attribute.ty, &attribute.name, &id),
            };
            outputs.insert(attribute.name.clone(), value);
        }
        Object {
            kind: want.kind.clone(),
            id,
            outputs,
            name: named(&identity),
            asked: Some(asked(want)),
            inputs: want.inputs.clone(),
            owner: want.owner.clone(),
            seen: None,
            busy: None,
        }
    }

    /// What a lookup comes to: the same for the same criteria.
    pub fn found(want: &Want, schema: Option<&Schema>) -> Object {
        let object = Object::new(want, schema);
        let short = want.kind.rsplit('.').next().unwrap_or(&want.kind).to_lowercase();
        let name = object.name.as_deref().unwrap_or_default();
        Object { id: format!("{FOUND}{short}:{}", &digest(name)[..17]).into(), ..object }
    }

    pub fn key(&self) -> Key {
        (self.kind.clone(), self.id.clone())
    }

    /// Whether it is gone by now.
    pub fn ends(&self) -> Option<Timestamp> {
        self.busy.filter(|busy| busy.doing == Doing::Deleting).map(|busy| busy.until)
    }

    pub fn is_seen(&self, now: Timestamp) -> bool {
        self.seen.is_none_or(|seen| seen <= now)
    }

    pub fn health(&self, now: Timestamp) -> Health {
        match self.busy {
            Some(busy) if busy.until > now => Health::Waiting(match busy.doing {
                Doing::Creating => pace::of(&self.kind).starting.into(),
                Doing::Updating => "updating".into(),
                Doing::Deleting => "deleting".into(),
            }),
            Some(_) | None => Health::Live,
        }
    }
}

/// The values of the attributes that name a thing.
fn identity(schema: &Schema, inputs: &Fields) -> Vec<Value> {
    schema.identity().filter_map(|attribute| inputs.get(&attribute.name).cloned()).collect()
}

fn named(identity: &[Value]) -> Option<Arc<str>> {
    let text = |value: &Value| match value {
        // As the cloud calls it: the program may call it something else one day.
        Value::Reference(reference) => reference.id.to_string(),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Duration(_)
        | Value::Size(_)
        | Value::List(_)
        | Value::Map(_)
        | Value::Data(_)
        | Value::Secret(_) => value.to_string(),
    };
    let text: Vec<String> = identity.iter().map(text).collect();
    (!text.is_empty()).then(|| text.join("/").into())
}

/// What names a thing with these inputs; nothing for types without a name.
pub fn name_of(schema: Option<&Schema>, inputs: &Fields) -> Option<Arc<str>> {
    named(&identity(schema?, inputs))
}

/// What a create call asks for, in short. The text of a secret is no part of it, its fingerprint is.
pub fn asked(want: &Want) -> Arc<str> {
    let text = serde_json::to_string(&(&want.kind, &want.inputs)).unwrap_or_default();
    digest(&text)[..16].into()
}

/// 64 hexadecimal digits.
fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A value for a computed attribute of which the library expects nothing in particular.
fn invented(ty: &Ty, name: &Name, id: &str) -> Value {
    match ty.plain() {
        Ty::Bool => Value::Bool(true),
        Ty::Int => Value::Int(1),
        Ty::Number => Value::Number(1.0),
        Ty::Duration => Value::Duration(1000),
        Ty::Size => Value::Size(1 << 30),
        Ty::List(of) => Value::List(vec![invented(of, name, id)]),
        Ty::Map(_) => Value::Map(BTreeMap::new()),
        Ty::Enum(words) => words.first().map_or(Value::Null, |word| Value::string(word.as_str())),
        Ty::String | Ty::Secret | Ty::Any | Ty::Template(_) => Value::string(format!("{name}-of-{id}")),
        Ty::Null | Ty::Optional(_) | Ty::Alias(_) => Value::Null,
    }
}
