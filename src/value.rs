//! Known values: what a program says once everything in it is decided. There is no unknown in here.
//! Also their one textual form in state and journal (JSON), where a secret never shows its text.

pub mod number;
mod recorded;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::name::{Address, Name};
pub use crate::printable::Quoted;

/// Attributes by name, in the one order in which they are always written.
pub type Fields = BTreeMap<Name, Value>;

/// Numbers are equal by value: `1` and `1.0` are, wherever they stand.
#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Number(f64),
    String(Arc<str>),
    /// In milliseconds.
    Duration(u64),
    /// In bytes.
    Size(u64),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
    /// A value of a data or action template, with what its lineage made of it.
    Data(Data),
    /// Another resource, by what the cloud calls it.
    Reference(Reference),
    Secret(Secret),
}

#[derive(Clone, PartialEq, Debug)]
pub struct Data {
    pub template: Name,
    pub fields: Fields,
}

/// A resource as the value of an attribute of another. Two are the same when the cloud calls them the
/// same, wherever the program has them.
#[derive(Clone, Debug)]
pub struct Reference {
    pub of: Target,
    /// The provider's id of it.
    pub id: Arc<str>,
}

impl PartialEq for Reference {
    fn eq(&self, other: &Reference) -> bool {
        self.id == other.id
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// A component of the program.
    Address(Address),
    /// Something that exists already, as a template describes it.
    Existing(Name),
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(one), Value::Bool(two)) => one == two,
            (Value::Int(one), Value::Int(two)) => one == two,
            (Value::Number(one), Value::Number(two)) => one == two,
            (Value::Int(int), Value::Number(number)) | (Value::Number(number), Value::Int(int)) => {
                number::compare(*int, *number) == Some(std::cmp::Ordering::Equal)
            }
            (Value::String(one), Value::String(two)) => one == two,
            (Value::Duration(one), Value::Duration(two)) | (Value::Size(one), Value::Size(two)) => one == two,
            (Value::List(one), Value::List(two)) => one == two,
            (Value::Map(one), Value::Map(two)) => one == two,
            (Value::Data(one), Value::Data(two)) => one == two,
            (Value::Reference(one), Value::Reference(two)) => one == two,
            (Value::Secret(one), Value::Secret(two)) => one == two,
            (
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
                | Value::Reference(_)
                | Value::Secret(_),
                _,
            ) => false,
        }
    }
}

/// A value that is never written: a text, or anything that a program made from secrets. What is written says where
/// it came from and whether it changed.
#[derive(Clone)]
pub struct Secret {
    /// `env:NAME`, `file:PATH`, `source` for one written in the program, or [`MADE`].
    pub origin: Arc<str>,
    /// In memory only, without secrets in it; absent when read back from state, or not at hand.
    held: Option<Arc<Value>>,
    /// Keyed hash of the value; absent until [`Value::seal`].
    fingerprint: Option<Arc<str>>,
}

/// The origin of what was made from secrets.
pub const MADE: &str = "derived";

impl Secret {
    pub fn new(origin: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Secret {
        Secret::holding(origin, Value::string(text))
    }

    /// One of any value that has no secrets in it.
    pub fn holding(origin: impl Into<Arc<str>>, value: Value) -> Secret {
        Secret { origin: origin.into(), held: Some(Arc::new(value)), fingerprint: None }
    }

    /// What a program made from secrets.
    pub fn made(value: &Value) -> Secret {
        Secret::holding(MADE, value.opened())
    }

    /// What a program made from secrets that are not at hand.
    pub fn unknown() -> Secret {
        Secret { origin: MADE.into(), held: None, fingerprint: None }
    }

    /// Whether a program made it from secrets: then it may be null, or not a text.
    pub fn is_made(&self) -> bool {
        *self.origin == *MADE
    }

    /// The text itself, for the call that needs it and nothing else. Nothing when it is not at hand, or no text.
    pub fn reveal(&self) -> Option<&str> {
        match self.held.as_deref() {
            Some(Value::String(text)) => Some(text),
            Some(_) | None => None,
        }
    }

    /// The value itself, for the call that needs it and nothing else.
    pub fn value(&self) -> Option<&Value> {
        self.held.as_deref()
    }
}

/// Secrets from memory compare by value; as soon as one of them was read back, by fingerprint.
impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        match (&self.fingerprint, &other.fingerprint, &self.held, &other.held) {
            (_, _, Some(one), Some(two)) => one == two,
            (Some(one), Some(two), _, _) => one == two,
            (None, _, _, _) | (_, None, _, _) => false,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.origin)
    }
}

/// The key of the fingerprints of one environment. It lies beside the state, never in it.
#[derive(Clone)]
pub struct SealingKey(pub [u8; 32]);

impl SealingKey {
    /// A new one. Its 32 bytes are those of two random UUIDs: 244 random bits.
    pub fn random() -> SealingKey {
        let mut key = [0; 32];
        key[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        key[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        SealingKey(key)
    }

    fn fingerprint(&self, text: &str) -> Arc<str> {
        use hmac::{Hmac, KeyInit, Mac};
        // HMAC fills a short key up with zeros to the block of the hash, 64 bytes.
        let mut block = [0; 64];
        block[..self.0.len()].copy_from_slice(&self.0);
        let mut mac = Hmac::<sha2::Sha256>::new(&block.into());
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().iter().take(16).map(|b| format!("{b:02x}")).collect::<String>().into()
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey")
    }
}

impl Value {
    pub fn string(text: impl Into<Arc<str>>) -> Value {
        Value::String(text.into())
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            Value::Reference(reference) => Some(&reference.id),
            _ => None,
        }
    }

    /// The values that this one directly consists of; none for most.
    pub fn parts(&self) -> Box<dyn Iterator<Item = &Value> + '_> {
        match self {
            Value::List(items) => Box::new(items.iter()),
            Value::Map(entries) => Box::new(entries.values()),
            Value::Data(data) => Box::new(data.fields.values()),
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Duration(_)
            | Value::Size(_)
            | Value::Reference(_)
            | Value::Secret(_) => Box::new(std::iter::empty()),
        }
    }

    /// Visits this one and every value in it.
    pub fn walk<'v>(&'v self, visit: &mut impl FnMut(&'v Value)) {
        visit(self);
        self.parts().for_each(|part| part.walk(visit));
    }

    /// Whether there is a secret anywhere in it.
    pub fn holds_secret(&self) -> bool {
        matches!(self, Value::Secret(_)) || self.parts().any(Value::holds_secret)
    }

    /// The texts of the secrets in it, as far as they are known.
    pub fn secrets(&self) -> Vec<&str> {
        let mut secrets = Vec::new();
        self.walk(&mut |value| {
            if let Value::Secret(Secret { held: Some(held), .. }) = value {
                held.walk(&mut |value| {
                    if let Value::String(text) = value {
                        secrets.push(&**text);
                    }
                });
            }
        });
        secrets
    }

    /// With the values of secrets in their places, as far as they are at hand.
    pub fn opened(&self) -> Value {
        match self {
            Value::Secret(Secret { held: Some(held), .. }) => held.as_ref().clone(),
            Value::List(items) => Value::List(items.iter().map(Value::opened).collect()),
            Value::Map(entries) => Value::Map(entries.iter().map(|(key, item)| (key.clone(), item.opened())).collect()),
            Value::Data(Data { template, fields }) => {
                let fields = fields.iter().map(|(name, field)| (name.clone(), field.opened())).collect();
                Value::Data(Data { template: template.clone(), fields })
            }
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Duration(_)
            | Value::Size(_)
            | Value::Reference(_)
            | Value::Secret(_) => self.clone(),
        }
    }

    /// Whether there is a secret in it that is not at hand.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Value::Secret(secret) if secret.held.is_none()) || self.parts().any(Value::is_unknown)
    }

    /// What it refers to, but for what was never made here: addresses, and ids.
    pub fn references(&self) -> Vec<(&Address, &Arc<str>)> {
        let mut found = Vec::new();
        self.walk(&mut |value| {
            if let Value::Reference(Reference { of: Target::Address(address), id }) = value {
                found.push((address, id));
            }
        });
        found
    }

    /// Gives every secret in here its fingerprint, so that it can be compared with a recorded one.
    pub fn seal(&mut self, key: &SealingKey) {
        match self {
            Value::Secret(secret) => {
                secret.fingerprint = match secret.held.as_deref() {
                    Some(Value::String(text)) => Some(key.fingerprint(text)),
                    // No text begins so by chance.
                    Some(other) => Some(key.fingerprint(&format!("\0value:{}", other.reveal()))),
                    None => return,
                };
            }
            Value::List(items) => items.iter_mut().for_each(|item| item.seal(key)),
            Value::Map(entries) => entries.values_mut().for_each(|item| item.seal(key)),
            Value::Data(data) => data.fields.values_mut().for_each(|item| item.seal(key)),
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Duration(_)
            | Value::Size(_)
            | Value::Reference(_) => {}
        }
    }

    /// With every reference to a component that moved following it.
    pub fn follow(&mut self, moves: &BTreeMap<Address, Address>) {
        match self {
            Value::Reference(Reference { of: Target::Address(address), .. }) => {
                if let Some(new) = moves.get(address) {
                    *address = new.clone();
                }
            }
            Value::List(items) => items.iter_mut().for_each(|item| item.follow(moves)),
            Value::Map(entries) => entries.values_mut().for_each(|item| item.follow(moves)),
            Value::Data(data) => data.fields.values_mut().for_each(|item| item.follow(moves)),
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Duration(_)
            | Value::Size(_)
            | Value::Reference(_)
            | Value::Secret(_) => {}
        }
    }

    /// Plain JSON for a provider's call: references become ids, secrets their text, durations seconds,
    /// sizes bytes.
    pub fn reveal(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Int(value) => Json::from(*value),
            Value::Number(value) => Json::from(*value),
            Value::String(text) => Json::from(text.as_ref()),
            Value::Duration(millis) => Json::from(*millis as f64 / 1000.0),
            Value::Size(bytes) => Json::from(*bytes),
            Value::List(items) => items.iter().map(Value::reveal).collect(),
            Value::Map(entries) => entries.iter().map(|(key, value)| (key.clone(), value.reveal())).collect(),
            Value::Data(data) => reveal(&data.fields),
            Value::Reference(reference) => Json::from(reference.id.as_ref()),
            Value::Secret(secret) => secret.value().map_or(Json::Null, Value::reveal),
        }
    }
}

/// [`Value::reveal`] of all attributes, as one JSON object.
pub fn reveal(fields: &Fields) -> serde_json::Value {
    fields.iter().map(|(name, value)| (name.to_string(), value.reveal())).collect()
}

/// JSON on one line, with numbers as a program has them: other readers take `1e-7` for a text.
pub fn json_text(json: &serde_json::Value) -> String {
    struct Plain;
    impl serde_json::ser::Formatter for Plain {
        fn write_f64<W: std::io::Write + ?Sized>(&mut self, to: &mut W, value: f64) -> std::io::Result<()> {
            to.write_all(number::written(value).as_bytes())
        }
    }
    let mut bytes = Vec::new();
    let written = json.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, Plain));
    match written.map(|()| String::from_utf8(bytes)) {
        Ok(Ok(text)) => text,
        _ => unreachable!("JSON can be written to memory, and is UTF-8"),
    }
}

const DURATIONS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

const SIZES: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1000),
    ("B", 1),
];

/// The units that a number literal may end in, for messages.
pub const UNITS: [&str; 14] = ["ms", "s", "m", "h", "d", "B", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"];

/// The value of a literal such as `30s` or `8GiB`; nothing when the unit is unknown or it overflows.
pub fn with_unit(count: u64, unit: &str) -> Option<Value> {
    let find = |table: &[(&str, u64)]| table.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    match (find(&DURATIONS), find(&SIZES)) {
        (Some(factor), _) => Some(Value::Duration(count.checked_mul(factor)?)),
        (None, Some(factor)) => Some(Value::Size(count.checked_mul(factor)?)),
        (None, None) => None,
    }
}

fn in_units(f: &mut fmt::Formatter<'_>, amount: u64, table: &[(&str, u64)], zero: &str) -> fmt::Result {
    match table.iter().find(|(_, factor)| amount > 0 && amount.is_multiple_of(*factor)) {
        Some((unit, factor)) => write!(f, "{}{unit}", amount / factor),
        None => f.write_str(zero),
    }
}

/// As it would be written in a `.cloud` file, but for secrets.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = |f: &mut fmt::Formatter<'_>, entries: &mut dyn Iterator<Item = (String, &Value)>| {
            f.write_str("{")?;
            for (name, value) in entries {
                write!(f, " {name} {value};")?;
            }
            f.write_str(" }")
        };
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Int(value) => write!(f, "{value}"),
            Value::Number(value) => f.write_str(&number::written(*value)),
            Value::String(text) => write!(f, "{}", Quoted(text)),
            Value::Duration(millis) => in_units(f, *millis, &DURATIONS, "0s"),
            Value::Size(bytes) => in_units(f, *bytes, &SIZES, "0B"),
            Value::List(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Value::Map(map) => entries(f, &mut map.iter().map(|(key, value)| (key_text(key), value))),
            Value::Data(data) => {
                write!(f, "{} ", data.template)?;
                let set = data.fields.iter().filter(|(_, value)| **value != Value::Null);
                entries(f, &mut set.map(|(name, value)| (name.to_string(), value)))
            }
            Value::Reference(Reference { of: Target::Address(address), .. }) => write!(f, "{address}"),
            Value::Reference(Reference { of: Target::Existing(template), id }) => {
                write!(f, "{template} {{ id {}; }}", Quoted(id))
            }
            Value::Secret(_) => f.write_str("(secret)"),
        }
    }
}

/// The key of a map as a program would write it.
pub fn key_text(key: &str) -> String {
    let plain = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain { key.to_string() } else { Quoted(key).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            (-1e9..1e9f64).prop_map(Value::Number),
            "[a-z$\"]{0,4}".prop_map(Value::string),
            (0..u64::MAX >> 1).prop_map(Value::Duration),
            (0..u64::MAX >> 1).prop_map(Value::Size),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                prop::collection::btree_map("[$a-z]{1,3}", inner.clone(), 0..4).prop_map(Value::Map),
                prop::collection::btree_map("[a-z]{1,3}".prop_map(|n| Name::from(n.as_str())), inner, 0..4)
                    .prop_map(|fields| Value::Data(Data { template: "Http".into(), fields })),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_recorded_reads_back_the_same(value in any_value()) {
            let text = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value, "{}", text);
        }
    }

    #[test]
    fn a_secret_is_compared_but_never_written() {
        let key = SealingKey([7; 32]);
        let mut new = Value::Secret(Secret::new("env:PASSWORD", "hunter2"));
        new.seal(&key);
        let text = serde_json::to_string(&new).unwrap();
        assert!(!text.contains("hunter2") && text.contains("env:PASSWORD"), "{text}");
        assert!(!format!("{new} {new:?}").contains("hunter2"));
        let recorded: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(recorded, new);
        let mut other = Value::Secret(Secret::new("env:PASSWORD", "hunter3"));
        other.seal(&key);
        assert_ne!(recorded, other);
    }

    #[test]
    fn units_print_as_they_are_written() {
        for (count, unit) in [(30, "s"), (5, "m"), (2, "h"), (7, "d"), (8, "GiB"), (500, "MB"), (1, "ms")] {
            assert_eq!(with_unit(count, unit).unwrap().to_string(), format!("{count}{unit}"));
        }
        assert_eq!(with_unit(1, "sec"), None);
        assert_eq!(with_unit(u64::MAX, "d"), None);
    }
}
