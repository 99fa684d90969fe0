//! What differs between two values that have parts: the entries of a map, the items of a list, the fields of a
//! value of a template. A folder has thousands of them, of which a few change.

use std::collections::BTreeSet;

use crate::value::{Quoted, Value};

/// A part that is not the same in both.
#[derive(PartialEq, Debug)]
pub struct Part<'v> {
    /// How a program would name it: `source.files["index.html"]`.
    pub path: String,
    pub old: Option<&'v Value>,
    pub new: Option<&'v Value>,
}

/// The parts that differ, in their order; the whole of both where they have no parts in common.
pub fn differing<'v>(path: &str, old: &'v Value, new: &'v Value) -> Vec<Part<'v>> {
    let mut parts = Vec::new();
    compare(path.to_string(), Some(old), Some(new), &mut parts);
    parts
}

fn compare<'v>(path: String, old: Option<&'v Value>, new: Option<&'v Value>, into: &mut Vec<Part<'v>>) {
    // What a template leaves unset is nothing.
    let (old, new) = (old.filter(|old| **old != Value::Null), new.filter(|new| **new != Value::Null));
    if old == new {
        return;
    }
    match (old, new) {
        (Some(Value::Map(one)), Some(Value::Map(two))) => {
            for key in one.keys().chain(two.keys()).collect::<BTreeSet<_>>() {
                compare(format!("{path}[{}]", Quoted(key)), one.get(key), two.get(key), into);
            }
        }
        (Some(Value::Data(one)), Some(Value::Data(two))) if one.template == two.template => {
            for name in one.fields.keys().chain(two.fields.keys()).collect::<BTreeSet<_>>() {
                compare(format!("{path}.{name}"), one.fields.get(name), two.fields.get(name), into);
            }
        }
        (Some(Value::List(one)), Some(Value::List(two))) if one.len() == two.len() => {
            for (at, (one, two)) in one.iter().zip(two).enumerate() {
                compare(format!("{path}[{at}]"), Some(one), Some(two), into);
            }
        }
        (old, new) => into.push(Part { path, old, new }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Data;

    fn map(pairs: &[(&str, Value)]) -> Value {
        Value::Map(pairs.iter().map(|(key, value)| (key.to_string(), value.clone())).collect())
    }

    fn folder(path: &str, files: &[(&str, Value)]) -> Value {
        let fields = [("path".into(), Value::string(path)), ("files".into(), map(files))].into();
        Value::Data(Data { template: "Folder".into(), fields })
    }

    fn shown(old: &Value, new: &Value) -> Vec<String> {
        let text = |value: Option<&Value>| value.map_or("unset".to_string(), ToString::to_string);
        let parts = differing("source", old, new);
        parts.into_iter().map(|part| format!("{} {} {}", part.path, text(part.old), text(part.new))).collect()
    }

    #[test]
    fn only_what_differs_is_told() {
        let one = folder("a", &[("x.html", Value::Int(1)), ("y", Value::Int(2)), ("z", Value::Int(3))]);
        let two = folder("a", &[("x.html", Value::Int(1)), ("y", Value::Int(5)), ("w", Value::Int(4))]);
        let expected = ["source.files[\"w\"] unset 4", "source.files[\"y\"] 2 5", "source.files[\"z\"] 3 unset"];
        assert_eq!(shown(&one, &two), expected);
        assert!(shown(&one, &one).is_empty());
        let list = |last: i64| Value::List(vec![Value::Int(1), map(&[("a", Value::Int(last))])]);
        assert_eq!(shown(&list(2), &list(3)), ["source[1][\"a\"] 2 3"]);
        assert_eq!(shown(&list(2), &Value::List(vec![])), ["source [1, { a 2; }] []"]);
        assert_eq!(shown(&map(&[("a", Value::Null)]), &map(&[])), Vec::<String>::new());
    }
}
