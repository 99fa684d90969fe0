//! What differs between two values that have parts: the entries of a map, the items of a list, the fields of a
//! value of a template, the elements of a JSON document in a text. A folder has thousands of them, of which a few
//! change.

use std::collections::BTreeSet;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::model::unordered::hash;
use crate::name::Table;
use crate::value::{Quoted, Value};

/// A part that is not the same in both.
#[derive(PartialEq, Debug)]
pub struct Part {
    /// How a program would name it: `source.files["index.html"]`. What is only in the old list has its number
    /// there.
    pub path: String,
    pub old: Option<Value>,
    pub new: Option<Value>,
}

/// Items of a list up to which the fewest changes are looked for. That takes time with the square of what differs.
const MOST_ALIGNED: usize = 2_000;

/// The parts that differ, in their order; the whole of both where they have no parts in common. `is_set` says that
/// the order of a list means nothing.
pub fn differing(path: &str, is_set: bool, old: &Value, new: &Value) -> Vec<Part> {
    let mut parts = Vec::new();
    compare(path.to_string(), is_set, Some(old), Some(new), &mut parts);
    parts
}

fn compare(path: String, is_set: bool, old: Option<&Value>, new: Option<&Value>, into: &mut Vec<Part>) {
    // What a template leaves unset is nothing.
    let (old, new) = (old.filter(|old| **old != Value::Null), new.filter(|new| **new != Value::Null));
    if old == new {
        return;
    }
    match (old, new) {
        (Some(Value::Map(one)), Some(Value::Map(two))) => {
            for key in one.keys().chain(two.keys()).collect::<BTreeSet<_>>() {
                compare(format!("{path}[{}]", Quoted(key)), false, one.get(key), two.get(key), into);
            }
        }
        (Some(Value::Data(one)), Some(Value::Data(two))) if one.template == two.template => {
            for name in one.fields.keys().chain(two.fields.keys()).collect::<BTreeSet<_>>() {
                compare(format!("{path}.{name}"), false, one.fields.get(name), two.fields.get(name), into);
            }
        }
        (Some(Value::List(one)), Some(Value::List(two))) => lists(path, is_set, one, two, into),
        (Some(Value::String(one)), Some(Value::String(two))) => match (document(one), document(two)) {
            (Some(one), Some(two)) if one != two => compare(path, false, Some(&one), Some(&two), into),
            _ => into.push(Part { path, old: old.cloned(), new: new.cloned() }),
        },
        (old, new) => into.push(Part { path, old: old.cloned(), new: new.cloned() }),
    }
}

/// What was taken out, put in and changed. Items that stand in the same place are compared with each other.
fn lists(path: String, is_set: bool, one: &[Value], two: &[Value], into: &mut Vec<Part>) {
    let (old, new) = numbered(one, two);
    let changes: Vec<DiffOp> = match is_set {
        true => without_order(&old, &new),
        false => in_order(&old, &new),
    };
    let numbers: BTreeSet<usize> = old.iter().copied().collect();
    let is_kept = new.iter().any(|number| numbers.contains(number));
    if !is_kept && one.len() != two.len() {
        into.push(Part { path, old: Some(Value::List(one.to_vec())), new: Some(Value::List(two.to_vec())) });
        return;
    }
    for change in changes {
        let (old, new) = (change.old_range(), change.new_range());
        match change {
            DiffOp::Equal { .. } => {}
            DiffOp::Replace { .. } if old.len() == new.len() => {
                for (from, to) in old.zip(new) {
                    compare(format!("{path}[{to}]"), false, Some(&one[from]), Some(&two[to]), into);
                }
            }
            DiffOp::Replace { .. } | DiffOp::Delete { .. } | DiffOp::Insert { .. } => {
                let gone = old.map(|at| (at, Some(&one[at]), None));
                let come = new.map(|at| (at, None, Some(&two[at])));
                for (at, old, new) in gone.chain(come) {
                    compare(format!("{path}[{at}]"), false, old, new, into);
                }
            }
        }
    }
}

fn in_order(old: &[usize], new: &[usize]) -> Vec<DiffOp> {
    let changed = old.iter().zip(new).filter(|(one, two)| one != two).count();
    let is_long = old.len().max(new.len()) > MOST_ALIGNED;
    // Where as many are there as before, most keep their place.
    if old.len() == new.len() && (is_long || changed * 2 <= old.len()) {
        let at = |at: usize| match old[at] == new[at] {
            true => DiffOp::Equal { old_index: at, new_index: at, len: 1 },
            false => DiffOp::Replace { old_index: at, old_len: 1, new_index: at, new_len: 1 },
        };
        return (0..old.len()).map(at).collect();
    }
    if !is_long {
        return capture_diff_slices(Algorithm::Myers, old, new);
    }
    let start = old.iter().zip(new).take_while(|(one, two)| one == two).count();
    let ends = old[start..].iter().rev().zip(new[start..].iter().rev());
    let end = ends.take_while(|(one, two)| one == two).count();
    let (old_len, new_len) = (old.len() - start - end, new.len() - start - end);
    vec![DiffOp::Replace { old_index: start, old_len, new_index: start, new_len }]
}

/// What only one of two sets has; one item in place of another is a change of it.
fn without_order(old: &[usize], new: &[usize]) -> Vec<DiffOp> {
    let only = |some: &[usize], others: &[usize]| -> Vec<usize> {
        let others: BTreeSet<usize> = others.iter().copied().collect();
        (0..some.len()).filter(|at| !others.contains(&some[*at])).collect()
    };
    let (gone, come) = (only(old, new), only(new, old));
    if let ([from], [to]) = (gone.as_slice(), come.as_slice()) {
        return vec![DiffOp::Replace { old_index: *from, old_len: 1, new_index: *to, new_len: 1 }];
    }
    let gone = gone.into_iter().map(|at| DiffOp::Delete { old_index: at, old_len: 1, new_index: 0 });
    let come = come.into_iter().map(|at| DiffOp::Insert { old_index: 0, new_index: at, new_len: 1 });
    gone.chain(come).collect()
}

/// The items of two lists as numbers: equal ones have the same.
fn numbered(one: &[Value], two: &[Value]) -> (Vec<usize>, Vec<usize>) {
    let mut known: Table<u64, Vec<(usize, &Value)>> = Table::default();
    let mut next = 0;
    let mut number = |value| {
        let alike = known.entry(hash(value)).or_default();
        if let Some((number, _)) = alike.iter().find(|(_, known)| *known == value) {
            return *number;
        }
        next += 1;
        alike.push((next, value));
        next
    };
    let old = one.iter().map(&mut number).collect();
    let new = two.iter().map(number).collect();
    (old, new)
}

/// The JSON document that a text in one line is: an object or a list.
pub fn document(text: &str) -> Option<Value> {
    if !text.starts_with(['{', '[']) || text.contains('\n') {
        return None;
    }
    Some(of_json(serde_json::from_str(text).ok()?))
}

fn of_json(json: serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Null,
        Json::Bool(is) => Value::Bool(is),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Int(number),
            // What is no number of the language stays as it is written.
            None if number.is_f64() => number.as_f64().map_or(Value::Null, Value::Number),
            None => Value::string(number.to_string()),
        },
        Json::String(text) => Value::string(text),
        Json::Array(items) => Value::List(items.into_iter().map(of_json).collect()),
        Json::Object(entries) => Value::Map(entries.into_iter().map(|(key, item)| (key, of_json(item))).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Data;

    fn map(pairs: &[(&str, Value)]) -> Value {
        Value::Map(pairs.iter().map(|(key, value)| (key.to_string(), value.clone())).collect())
    }

    fn list(numbers: &[i64]) -> Value {
        Value::List(numbers.iter().copied().map(Value::Int).collect())
    }

    fn folder(path: &str, files: &[(&str, Value)]) -> Value {
        let fields = [("path".into(), Value::string(path)), ("files".into(), map(files))].into();
        Value::Data(Data { template: "Folder".into(), fields })
    }

    fn told(is_set: bool, old: &Value, new: &Value) -> Vec<String> {
        let text = |value: Option<Value>| value.map_or("unset".to_string(), |value| value.to_string());
        let parts = differing("source", is_set, old, new);
        parts.into_iter().map(|part| format!("{} {} {}", part.path, text(part.old), text(part.new))).collect()
    }

    fn shown(old: &Value, new: &Value) -> Vec<String> {
        told(false, old, new)
    }

    #[test]
    fn only_what_differs_is_told() {
        let one = folder("a", &[("x.html", Value::Int(1)), ("y", Value::Int(2)), ("z", Value::Int(3))]);
        let two = folder("a", &[("x.html", Value::Int(1)), ("y", Value::Int(5)), ("w", Value::Int(4))]);
        let expected = ["source.files[\"w\"] unset 4", "source.files[\"y\"] 2 5", "source.files[\"z\"] 3 unset"];
        assert_eq!(shown(&one, &two), expected);
        assert!(shown(&one, &one).is_empty());
        let nested = |last: i64| Value::List(vec![Value::Int(1), map(&[("a", Value::Int(last))])]);
        assert_eq!(shown(&nested(2), &nested(3)), ["source[1][\"a\"] 2 3"]);
        assert_eq!(shown(&nested(2), &Value::List(vec![])), ["source [1, { a 2; }] []"]);
        assert_eq!(shown(&map(&[("a", Value::Null)]), &map(&[])), Vec::<String>::new());
    }

    #[test]
    fn an_item_put_into_a_list_is_one_change() {
        assert_eq!(shown(&list(&[1, 2, 3]), &list(&[1, 9, 2, 3])), ["source[1] unset 9"]);
        assert_eq!(shown(&list(&[1, 2, 3]), &list(&[2, 3])), ["source[0] 1 unset"]);
        assert_eq!(shown(&list(&[1, 2, 3, 4]), &list(&[2, 3, 4, 5])), ["source[0] 1 unset", "source[3] unset 5"]);
        assert_eq!(shown(&list(&[1, 2]), &list(&[3, 4, 5])), ["source [1, 2] [3, 4, 5]"]);
        assert_eq!(shown(&list(&[1, 2]), &list(&[3, 4])), ["source[0] 1 3", "source[1] 2 4"]);
        let long: Vec<i64> = (0..5_000).collect();
        let other: Vec<i64> = (-1..5_000).collect();
        assert_eq!(shown(&list(&long), &list(&other)), ["source[0] unset -1"]);
    }

    #[test]
    fn order_is_no_difference_of_sets() {
        assert_eq!(told(true, &list(&[1, 2, 3]), &list(&[3, 9, 1, 2])), ["source[1] unset 9"]);
        assert_eq!(told(true, &list(&[1, 2, 3]), &list(&[3, 9, 1])), ["source[1] 2 9"]);
    }

    #[test]
    fn a_json_document_differs_by_element() {
        let policy = |actions: &str| Value::string(format!("{{\"Statement\":[{{\"Action\":[{actions}]}}]}}"));
        let (one, two) = (policy("\"a\",\"b\""), policy("\"a\",\"c\",\"b\""));
        assert_eq!(shown(&one, &two), ["source[\"Statement\"][0][\"Action\"][1] unset \"c\""]);
        // What is written otherwise and means the same differs as a text.
        let spaced = Value::string("{ \"Statement\":[{\"Action\":[\"a\",\"b\"]}]}");
        assert_eq!(shown(&one, &spaced).len(), 1);
        assert!(shown(&one, &spaced)[0].starts_with("source \"{"));
    }
}
