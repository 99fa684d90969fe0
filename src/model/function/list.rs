//! Functions of lists, maps and numbers.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};

use super::wrong;
use crate::model::operation::{MAX_RANGE, a_kind, compute_binary, ordering};
use crate::model::term::Term;
use crate::syntax::tree::Binary;
use crate::value::Value;

pub(super) fn contains(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::List(items), item] => Ok(Value::Bool(items.contains(item))),
        [Value::String(text), Value::String(part)] => Ok(Value::Bool(text.contains(part.as_ref()))),
        [Value::Map(entries), Value::String(key)] => Ok(Value::Bool(entries.contains_key(key.as_ref()))),
        _ => wrong("contains", values),
    }
}

pub(super) fn distinct(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::List(items)] => {
            // What is equal is written the same; the text is what can be hashed.
            let mut seen = HashSet::new();
            Ok(Value::List(items.iter().filter(|item| seen.insert(item.to_string())).cloned().collect()))
        }
        _ => wrong("distinct", values),
    }
}

pub(super) fn flatten(values: &[&Value]) -> Result<Value, String> {
    let [Value::List(lists)] = values else {
        return wrong("flatten", values);
    };
    let mut all = Vec::new();
    for list in lists {
        match list {
            Value::List(items) => all.extend(items.iter().cloned()),
            other => return Err(format!("`flatten` takes a list of lists, and {} is in it", a_kind(other))),
        }
    }
    Ok(Value::List(all))
}

pub(super) fn flatten_terms(terms: &[Term]) -> Option<Term> {
    let [Term::List(lists)] = terms else { return None };
    let mut all = Vec::new();
    for list in lists {
        match list {
            Term::List(items) => all.extend(items.iter().cloned()),
            Term::Known(Value::List(items)) => all.extend(items.iter().cloned().map(Term::Known)),
            _ => return None,
        }
    }
    Some(Term::list(all))
}

pub(super) fn keys(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::Map(entries)] => Ok(Value::List(entries.keys().map(|key| Value::string(key.as_str())).collect())),
        _ => wrong("keys", values),
    }
}

pub(super) fn values(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::Map(entries)] => Ok(Value::List(entries.values().cloned().collect())),
        _ => wrong("values", values),
    }
}

pub(super) fn length(values: &[&Value]) -> Result<Value, String> {
    let length = match values {
        [Value::List(items)] => items.len(),
        [Value::Map(entries)] => entries.len(),
        [Value::String(text)] => text.chars().count(),
        _ => return wrong("length", values),
    };
    Ok(Value::Int(length as i64))
}

pub(super) fn merge(values: &[&Value]) -> Result<Value, String> {
    let mut all = BTreeMap::new();
    for value in values {
        match value {
            Value::Map(entries) => all.extend(entries.iter().map(|(key, item)| (key.clone(), item.clone()))),
            _ => return wrong("merge", values),
        }
    }
    Ok(Value::Map(all))
}

pub(super) fn merge_terms(terms: &[Term]) -> Option<Term> {
    let maps: Option<Vec<_>> = terms.iter().cloned().map(Term::into_entries).collect();
    Some(Term::map(maps?.into_iter().flatten().collect()))
}

pub(super) fn max(values: &[&Value]) -> Result<Value, String> {
    extreme("max", values, Ordering::is_gt)
}

pub(super) fn min(values: &[&Value]) -> Result<Value, String> {
    extreme("min", values, Ordering::is_lt)
}

fn extreme(name: &str, values: &[&Value], better: fn(Ordering) -> bool) -> Result<Value, String> {
    let inner: Vec<&Value>;
    let values = match values {
        [Value::List(items)] => {
            inner = items.iter().collect();
            &inner
        }
        _ => values,
    };
    let mut best: Option<&Value> = None;
    for value in values {
        match best.map(|best| ordering(value, best)) {
            _ if !is_amount(value) => return wrong(name, values),
            None => best = Some(value),
            Some(Some(than_best)) if better(than_best) => best = Some(value),
            Some(Some(_)) => {}
            Some(None) => return wrong(name, values),
        }
    }
    best.cloned().ok_or_else(|| format!("`{name}` of nothing has no value"))
}

fn is_amount(value: &Value) -> bool {
    matches!(value, Value::Int(_) | Value::Number(_) | Value::Duration(_) | Value::Size(_))
}

pub(super) fn range(values: &[&Value]) -> Result<Value, String> {
    let (from, to, step) = match values {
        [Value::Int(to)] => (0, *to, 1),
        [Value::Int(from), Value::Int(to)] => (*from, *to, 1),
        [Value::Int(from), Value::Int(to), Value::Int(step)] => (*from, *to, *step),
        _ => return wrong("range", values),
    };
    if step == 0 {
        return Err("a range cannot go by steps of 0".into());
    }
    let (distance, stride) = (i128::from(to) - i128::from(from), i128::from(step));
    // Rounded up; nothing when it would lead away from the end.
    let count = if (distance > 0) == (stride > 0) { (distance + stride - stride.signum()) / stride } else { 0 };
    if count > i128::from(MAX_RANGE) {
        return Err(format!("a range may have {MAX_RANGE} elements, not {count}"));
    }
    // Every element lies between the ends, which fit.
    let element = |at: i128| Value::Int((i128::from(from) + at * stride) as i64);
    Ok(Value::List((0..count).map(element).collect()))
}

pub(super) fn sort(values: &[&Value]) -> Result<Value, String> {
    let [Value::List(items)] = values else {
        return wrong("sort", values);
    };
    let comparable = match items.first() {
        Some(Value::String(_)) => items.iter().all(|item| matches!(item, Value::String(_))),
        Some(first) => items.iter().all(|item| is_amount(item) && ordering(first, item).is_some()),
        None => true,
    };
    if !comparable {
        let odd = items.iter().find(|item| !is_amount(item) && !matches!(item, Value::String(_)));
        return Err(match odd {
            Some(odd) => format!("`sort` cannot put {} in order", a_kind(odd)),
            None => "`sort` takes items of one kind: texts, numbers, durations or sizes".into(),
        });
    }
    let mut sorted = items.clone();
    // All pairs have an order: no number in a program is NaN, and the kinds agree.
    sorted.sort_by(|one, two| ordering(one, two).unwrap_or(Ordering::Equal));
    Ok(Value::List(sorted))
}

pub(super) fn sum(values: &[&Value]) -> Result<Value, String> {
    let [Value::List(items)] = values else {
        return wrong("sum", values);
    };
    let Some((first, others)) = items.split_first() else {
        return Ok(Value::Int(0));
    };
    if let Some(odd) = items.iter().find(|item| !is_amount(item)) {
        return Err(format!("`sum` cannot add {}", a_kind(odd)));
    }
    others.iter().try_fold(first.clone(), |total, item| compute_binary(Binary::Add, &total, item))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ints(ints: &[i64]) -> Value {
        Value::List(ints.iter().map(|int| Value::Int(*int)).collect())
    }

    #[test]
    fn ranges_step_up_and_down_and_end_before_their_end() {
        let of = |from, to, step| range(&[&Value::Int(from), &Value::Int(to), &Value::Int(step)]);
        assert_eq!(range(&[&Value::Int(3)]), Ok(ints(&[0, 1, 2])));
        assert_eq!(of(1, 8, 3), Ok(ints(&[1, 4, 7])));
        assert_eq!(of(5, 0, -2), Ok(ints(&[5, 3, 1])));
        assert_eq!(of(0, 5, -1), Ok(ints(&[])));
        assert!(of(0, 1, 0).is_err());
        assert!(of(i64::MIN, i64::MAX, 1).is_err());
        assert_eq!(of(i64::MIN, i64::MAX, i64::MAX), Ok(ints(&[i64::MIN, -1, i64::MAX - 1])));
    }

    #[test]
    fn amounts_are_compared_and_added_with_their_like() {
        assert_eq!(max(&[&Value::Int(1), &Value::Number(2.5)]), Ok(Value::Number(2.5)));
        assert_eq!(min(&[&ints(&[3, 1, 2])]), Ok(Value::Int(1)));
        assert!(max(&[&Value::Int(1), &Value::Duration(1)]).is_err());
        assert!(max(&[&Value::string("a")]).is_err());
        assert!(max(&[&ints(&[])]).is_err());
        assert!(max(&[&Value::Bool(true)]).is_err());
        let durations = Value::List(vec![Value::Duration(1), Value::Duration(2)]);
        assert_eq!(sum(&[&durations]), Ok(Value::Duration(3)));
        assert_eq!(sum(&[&ints(&[])]), Ok(Value::Int(0)));
        assert!(sum(&[&ints(&[i64::MAX, 1])]).is_err());
        assert!(sum(&[&Value::List(vec![Value::string("a")])]).is_err());
        assert_eq!(sort(&[&ints(&[3, 1, 2])]), Ok(ints(&[1, 2, 3])));
        assert!(sort(&[&Value::List(vec![Value::Int(1), Value::string("a")])]).is_err());
        assert_eq!(distinct(&[&ints(&[2, 1, 2])]), Ok(ints(&[2, 1])));
        assert_eq!(flatten(&[&Value::List(vec![ints(&[1]), ints(&[2, 3])])]), Ok(ints(&[1, 2, 3])));
    }
}
