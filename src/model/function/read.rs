//! Functions that read what other programs write: JSON and YAML. What would come out as something else than
//! what is written is refused: numbers that do not fit, keys that come twice, tags.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use granit_parser::{Event, Parser, ScalarStyle, Tag};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::number::not_kept;
use super::{Function, row, wrong};
use crate::model::operation::MAX_RANGE;
use crate::model::ty::Ty;
use crate::value::{Quoted, Value, number};

pub(super) fn rows() -> Vec<Function> {
    let reads = |name, doc, compute| row(name, &[("text", Ty::String)], Ty::Any, doc, compute);
    vec![
        reads("jsonDecode", "The value that a JSON document says.", json_decode),
        reads(
            "yamlDecode",
            "The value that a YAML document says (YAML 1.2: `no` and `12:30` are texts); keys become texts.",
            yaml_decode,
        ),
    ]
}

/// Lists and maps that may stand in one another.
const MAX_DEPTH: usize = 128;

fn json_decode(values: &[&Value]) -> Result<Value, String> {
    let [Value::String(text)] = values else { return wrong("jsonDecode", values) };
    for number in numbers(text) {
        scalar_number(number)?;
    }
    match serde_json::from_str::<Read>(text) {
        Ok(read) => Ok(read.0),
        Err(error) => Err(format!("this is no JSON: {error}")),
    }
}

/// The numbers of a JSON document, as they are written.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            match bytes[at] {
                b'"' => {
                    at += 1;
                    while at < bytes.len() && bytes[at] != b'"' {
                        at += if bytes[at] == b'\\' { 2 } else { 1 };
                    }
                    at += 1;
                }
                b'-' | b'0'..=b'9' => {
                    let start = at;
                    let part = |b: &u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E');
                    at += bytes[at..].iter().take_while(|b| part(b)).count();
                    return Some(&text[start..at]);
                }
                _ => at += 1,
            }
        }
        None
    })
}

/// A number that is written in decimal digits, with a sign, a point and an exponent as there may be.
fn scalar_number(text: &str) -> Result<Value, String> {
    if !text.contains(['.', 'e', 'E']) {
        return text.parse().map(Value::Int).map_err(|_| {
            let text: String = text.chars().take(60).collect();
            format!("{text} does not fit into the 64 bits of an `Int`; its writer can put it in quotes")
        });
    }
    number::read(text).map(Value::Number).ok_or_else(|| not_kept(text))
}

/// A value out of JSON.
struct Read(Value);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Read, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Read, E> {
        Ok(Read(Value::Null))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Read, E> {
        Ok(Read(Value::Bool(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Read, E> {
        Ok(Read(Value::Int(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Read, E> {
        value.try_into().map(|int| Read(Value::Int(int))).map_err(|_| E::custom("a number does not fit into 64 bits"))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Read, E> {
        Ok(Read(Value::Number(value)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Read, E> {
        Ok(Read(Value::string(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Read, A::Error> {
        let mut list = Vec::new();
        while let Some(Read(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Read(Value::List(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Read, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            let Read(item) = map.next_value()?;
            if entries.contains_key(&key) {
                return Err(A::Error::custom(format!("the key {} comes twice", Quoted(&key))));
            }
            entries.insert(key, item);
        }
        Ok(Read(Value::Map(entries)))
    }
}

fn yaml_decode(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::String(text)] => Composer::default().document(text),
        _ => wrong("yamlDecode", values),
    }
}

/// A list or map that is being read, and the number of its anchor, 0 for none.
enum Open {
    List(Vec<Value>, usize),
    Map {
        entries: BTreeMap<String, Value>,
        /// The key whose value comes next.
        key: Option<Key>,
        /// What `<<` brings in, where there is no such key.
        merged: BTreeMap<String, Value>,
        anchor: usize,
    },
}

enum Key {
    Text(String),
    Merge,
}

/// Puts the events of a YAML document together.
#[derive(Default)]
struct Composer {
    open: Vec<Open>,
    anchors: HashMap<usize, Value>,
    /// Values that anchors and aliases have copied.
    copied: usize,
    document: Option<Value>,
}

impl Composer {
    fn document(mut self, text: &str) -> Result<Value, String> {
        let mut parser = Parser::new_from_str(text);
        let mut documents = 0;
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| format!("this is no YAML: {error}"))?;
            let read = match event {
                Event::DocumentStart(..) => {
                    documents += 1;
                    if documents > 1 { Err("there are several documents, and one is read".to_string()) } else { Ok(()) }
                }
                Event::Alias(anchor) => self.alias(anchor),
                Event::Scalar(text, style, anchor, tag) => self.scalar(&text, style, anchor, tag.as_deref()),
                Event::SequenceStart(_, anchor, tag) => {
                    self.collection(tag.as_deref(), "seq", Open::List(Vec::new(), anchor))
                }
                Event::MappingStart(_, anchor, tag) => {
                    let (entries, merged) = Default::default();
                    self.collection(tag.as_deref(), "map", Open::Map { entries, key: None, merged, anchor })
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(),
                _ => Ok(()),
            };
            read.map_err(|why| format!("line {}: {why}", span.start.line()))?;
        }
        Ok(self.document.unwrap_or(Value::Null))
    }

    fn collection(&mut self, tag: Option<&Tag>, kind: &str, open: Open) -> Result<(), String> {
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema_tag(kind)) {
            return Err(no_tag(tag));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("lists and maps may stand in one another {MAX_DEPTH} deep"));
        }
        if let Some(Open::Map { key: None, .. }) = self.open.last() {
            return Err("a key is a text".into());
        }
        self.open.push(open);
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        let (value, anchor) = match self.open.pop() {
            Some(Open::List(items, anchor)) => (Value::List(items), anchor),
            Some(Open::Map { mut entries, merged, anchor, .. }) => {
                for (key, item) in merged {
                    entries.entry(key).or_insert(item);
                }
                (Value::Map(entries), anchor)
            }
            None => return Ok(()),
        };
        self.value(value, anchor)
    }

    fn alias(&mut self, anchor: usize) -> Result<(), String> {
        if let Some(Open::Map { key: None, .. }) = self.open.last() {
            return Err("a key is a text, not an alias".into());
        }
        let value = self.anchors.get(&anchor).ok_or("an alias stands in what it names")?;
        let value = copied(value, &mut self.copied)?;
        self.value(value, 0)
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, anchor: usize, tag: Option<&Tag>) -> Result<(), String> {
        if let Some(Open::Map { entries, key: key @ None, .. }) = self.open.last_mut() {
            if style == ScalarStyle::Plain && text == "<<" && tag.is_none() {
                *key = Some(Key::Merge);
                return Ok(());
            }
            if entries.contains_key(text) {
                return Err(format!("the key {} comes twice", Quoted(text)));
            }
            *key = Some(Key::Text(text.to_string()));
            return Ok(());
        }
        let value = match tag {
            None if style == ScalarStyle::Plain => plain(text)?,
            None => Value::string(text),
            Some(tag) if tag.is_yaml_core_schema_tag("str") => Value::string(text),
            Some(tag) => {
                let value = plain(text)?;
                let fits = match &value {
                    Value::Int(_) => tag.is_yaml_core_schema_tag("int") || tag.is_yaml_core_schema_tag("float"),
                    Value::Number(_) => tag.is_yaml_core_schema_tag("float"),
                    Value::Bool(_) => tag.is_yaml_core_schema_tag("bool"),
                    Value::Null => tag.is_yaml_core_schema_tag("null"),
                    _ => false,
                };
                if !fits {
                    return Err(no_tag(tag));
                }
                value
            }
        };
        self.value(value, anchor)
    }

    fn value(&mut self, value: Value, anchor: usize) -> Result<(), String> {
        if anchor > 0 {
            let copy = copied(&value, &mut self.copied)?;
            self.anchors.insert(anchor, copy);
        }
        match self.open.last_mut() {
            None => self.document = Some(value),
            Some(Open::List(items, _)) => items.push(value),
            Some(Open::Map { entries, key, merged, .. }) => match key.take() {
                Some(Key::Text(key)) => drop(entries.insert(key, value)),
                Some(Key::Merge) => merge(merged, value)?,
                None => return Err("a key is a text".into()),
            },
        }
        Ok(())
    }
}

/// Of several maps, the first that has a key counts.
fn merge(merged: &mut BTreeMap<String, Value>, value: Value) -> Result<(), String> {
    match value {
        Value::Map(entries) => {
            for (key, item) in entries {
                merged.entry(key).or_insert(item);
            }
            Ok(())
        }
        Value::List(maps) if maps.iter().all(|map| matches!(map, Value::Map(_))) => {
            maps.into_iter().try_for_each(|map| merge(merged, map))
        }
        _ => Err("`<<` takes a map, or a list of maps".into()),
    }
}

/// A copy, as long as all copies together have no more than [`MAX_RANGE`] values.
fn copied(value: &Value, copies: &mut usize) -> Result<Value, String> {
    let mut count = 0;
    value.walk(&mut |_| count += 1);
    *copies += count;
    if *copies > MAX_RANGE as usize {
        return Err(format!("anchors and aliases make more than {MAX_RANGE} values"));
    }
    Ok(value.clone())
}

fn no_tag(tag: &Tag) -> String {
    format!("the tag `{}` means nothing here", tag.original())
}

/// A scalar without quotes, by the core schema. Source: YAML 1.2.2, section 10.3.2.
fn plain(text: &str) -> Result<Value, String> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let radix = |digits: &str, radix| {
        let read = u64::from_str_radix(digits, radix).ok().and_then(|int| i64::try_from(int).ok());
        read.map(Value::Int).ok_or_else(|| format!("{text} does not fit into the 64 bits of an `Int`"))
    };
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err(format!("{text} is no number that a program can have"));
    }
    if let Some(octal) = text.strip_prefix("0o").filter(|rest| digits(rest)) {
        return radix(octal, 8);
    }
    if let Some(hexadecimal) = text.strip_prefix("0x")
        && !hexadecimal.is_empty()
        && hexadecimal.bytes().all(|b| b.is_ascii_hexdigit())
    {
        return radix(hexadecimal, 16);
    }
    if digits(unsigned) {
        // To YAML 1.1 it is an octal number, to 1.2 a decimal one, and to its writer most likely a text.
        if unsigned.len() > 1 && unsigned.starts_with('0') {
            return Err(format!("{text} begins with a zero; its writer can put it in quotes"));
        }
        return scalar_number(text.strip_prefix('+').unwrap_or(text));
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_number = (digits(whole) || whole.is_empty() && digits(fraction))
        && (fraction.is_empty() || digits(fraction))
        && exponent.is_none_or(digits);
    if is_number {
        return number::read(text).map(Value::Number).ok_or_else(|| not_kept(text));
    }
    Ok(Value::string(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json(text: &str) -> Result<Value, String> {
        json_decode(&[&Value::string(text)])
    }

    fn yaml(text: &str) -> Result<Value, String> {
        yaml_decode(&[&Value::string(text)])
    }

    #[test]
    fn json_is_read_exactly_or_refused() {
        let value =
            json(r#"{"a": [1, -9223372036854775808, 1.5, 1e-7, null, true, "9007199254740993 \" -1"], "b": {}}"#);
        assert_eq!(
            value.unwrap().to_string(),
            r#"{ a [1, -9223372036854775808, 1.5, 0.0000001, null, true, "9007199254740993 \" -1"]; b { }; }"#
        );
        for text in [
            "9223372036854775808",
            "[1e400]",
            "9007199254740993.0",
            r#"{"a": 1, "a": 2}"#,
            "",
            "{a: 1}",
            "[1] 2",
            &"[".repeat(1000),
            "\"\\",
        ] {
            assert!(json(text).is_err(), "{text}");
        }
    }

    #[test]
    fn yaml_is_read_by_its_core_schema() {
        let text =
            "a:\n  - 1\n  - 0x1F\n  - 1.5\n  - no\n  - 12:30\n  - ~\n  - 'true'\n  - true\n  - 2026-01-02\n80: http\n";
        assert_eq!(
            yaml(text).unwrap().to_string(),
            r#"{ "80" "http"; a [1, 31, 1.5, "no", "12:30", null, "true", true, "2026-01-02"]; }"#
        );
        let text = "base: &b\n  x: 1\n  y: 1\nweb:\n  <<: *b\n  y: 2\nalso: *b\n";
        assert_eq!(yaml(text).unwrap().to_string(), "{ also { x 1; y 1; }; base { x 1; y 1; }; web { x 1; y 2; }; }");
        assert_eq!(yaml(""), Ok(Value::Null));
        assert_eq!(yaml("---\n!!str 0644\n"), Ok(Value::string("0644")));
    }

    #[test]
    fn yaml_that_other_readers_take_for_something_else_is_refused() {
        for text in [
            "mode: 0644",
            "id: 9223372036854775808",
            "x: .inf",
            "a: 1\na: 2\n",
            "a: !Ref b",
            "a\n---\nb\n",
            "[1, 2]: x",
            "a: [1",
            "x: 9007199254740993.0",
            "? {a: 1}\n: b",
            &"[".repeat(1000),
        ] {
            assert!(yaml(text).is_err(), "{text}: {:?}", yaml(text));
        }
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_string();
        for at in 1..12 {
            let items = vec![format!("*a{}", at - 1); 10].join(", ");
            bomb.push_str(&format!("a{at}: &a{at} [{items}]\n"));
        }
        assert!(yaml(&bomb).is_err(), "a billion of them");
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            prop::num::f64::NORMAL.prop_map(Value::Number),
            "[ -~\u{e4}\n\t]{0,8}".prop_map(Value::string),
            "[-+.0-9_:exo~]{1,6}".prop_map(Value::string),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                prop::collection::btree_map("[ -~]{0,4}", inner, 0..4).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_the_same(value in any_value()) {
            let text = super::super::text::json(&[&value]).unwrap();
            prop_assert_eq!(json_decode(&[&text]), Ok(value.clone()), "{}", text);
            let text = super::super::text::yaml(&[&value]).unwrap();
            prop_assert_eq!(yaml_decode(&[&text]), Ok(value), "{}", text);
        }
    }
}
