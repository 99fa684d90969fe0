//! Values as JSON, as they stand in states, journals and plans. What JSON has no word for is tagged.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::name::Name;
use crate::value::{Data, Fields, Reference, Secret, Target, Value};

/// The recorded form of whatever JSON has no word for: `{"$": "duration", "of": 5000}`.
#[derive(Serialize)]
#[serde(tag = "$", rename_all = "lowercase")]
enum Tagged<'v> {
    Duration { of: u64 },
    Size { of: u64 },
    Number { of: f64 },
    Map { of: &'v BTreeMap<String, Value> },
    Data { template: &'v Name, of: &'v Fields },
    Reference { of: &'v Target, id: &'v str },
    Secret { origin: &'v str, fingerprint: Option<&'v str> },
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tagged = match self {
            Value::Null => return serializer.serialize_unit(),
            Value::Bool(value) => return serializer.serialize_bool(*value),
            Value::Int(value) => return serializer.serialize_i64(*value),
            Value::String(text) => return serializer.serialize_str(text),
            Value::List(items) => return items.serialize(serializer),
            // A user's map that has a key `$` must not read back as something else.
            Value::Map(of) if of.contains_key("$") => Tagged::Map { of },
            Value::Map(entries) => return entries.serialize(serializer),
            Value::Number(of) => Tagged::Number { of: *of },
            Value::Duration(of) => Tagged::Duration { of: *of },
            Value::Size(of) => Tagged::Size { of: *of },
            Value::Data(Data { template, fields }) => Tagged::Data { template, of: fields },
            Value::Reference(Reference { of, id }) => Tagged::Reference { of, id },
            Value::Secret(Secret { origin, fingerprint, .. }) => {
                Tagged::Secret { origin, fingerprint: fingerprint.as_deref() }
            }
        };
        tagged.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

/// Reads a recorded value in one go: a state has many. The key `$` comes first where there is one.
struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a recorded value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        let too_large = |_| E::invalid_value(de::Unexpected::Unsigned(value), &self);
        value.try_into().map(Value::Int).map_err(too_large)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::string(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::with_capacity(items.size_hint().unwrap_or_default());
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "$" if entries.is_empty() => {
                    let tag = map.next_value::<String>()?;
                    return tagged(&tag, MapAccessDeserializer::new(map));
                }
                "$" => return Err(de::Error::custom("`$` stands behind other keys")),
                _ => drop(entries.insert(key, map.next_value()?)),
            }
        }
        Ok(Value::Map(entries))
    }
}

/// The value whose tag was read, from the rest of its object.
fn tagged<'de, D: Deserializer<'de>>(tag: &str, rest: D) -> Result<Value, D::Error> {
    #[derive(Deserialize)]
    struct Of<T> {
        of: T,
    }
    #[derive(Deserialize)]
    struct Named {
        template: Name,
        of: Fields,
    }
    #[derive(Deserialize)]
    struct Identified {
        of: Target,
        id: Arc<str>,
    }
    #[derive(Deserialize)]
    struct Sealed {
        origin: Arc<str>,
        fingerprint: Option<Arc<str>>,
    }
    Ok(match tag {
        "duration" => Value::Duration(Of::deserialize(rest)?.of),
        "size" => Value::Size(Of::deserialize(rest)?.of),
        "number" => Value::Number(Of::deserialize(rest)?.of),
        "map" => Value::Map(Of::deserialize(rest)?.of),
        "data" => {
            let Named { template, of: fields } = Named::deserialize(rest)?;
            Value::Data(Data { template, fields })
        }
        "reference" => {
            let Identified { of, id } = Identified::deserialize(rest)?;
            Value::Reference(Reference { of, id })
        }
        "secret" => {
            let Sealed { origin, fingerprint } = Sealed::deserialize(rest)?;
            Value::Secret(Secret { origin, held: None, fingerprint })
        }
        other => return Err(de::Error::custom(format!("there is no value tagged `{other}`"))),
    })
}
