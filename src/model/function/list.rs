//! Functions of lists, maps and numbers.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::{Function, refuse, row, wrong};
use crate::model::operation::{MAX_RANGE, a_kind, compute_binary, ordering};
use crate::model::term::Term;
use crate::model::ty::Ty;
use crate::syntax::tree::Binary;
use crate::value::{Value, number};

pub(super) fn rows() -> Vec<Function> {
    let list = |of: Ty| Ty::List(Arc::new(of));
    vec![
        Function {
            of_terms: chunk_terms,
            narrow: |arguments| Some(Ty::List(Arc::new(arguments.first()?.plain().clone()))),
            ..row(
                "chunk",
                &[("list", list(Ty::Any)), ("size", Ty::Int)],
                list(list(Ty::Any)),
                "A list in lists of so many items, of which the last may be shorter.",
                chunk,
            )
        },
        row(
            "indexOf",
            &[("in", Ty::Any), ("item", Ty::Any)],
            Ty::Int.optional(),
            "The place, from 0, where an item first is in a list, or a piece in a text; null where it is not.",
            index_of,
        )
        .takes(0, "list or text")
        .refusing(refuse::index_of),
        Function {
            of_terms: |terms| match terms {
                [Term::Map(entries), Term::Known(Value::String(key)), default] => {
                    Some(entries.get(key.as_ref()).unwrap_or(default).clone())
                }
                _ => None,
            },
            narrow: |arguments| match (arguments.first()?.plain(), arguments.get(2)?) {
                (Ty::Map(of), default) if of.as_ref() == default => Some(default.clone()),
                _ => None,
            },
            ..row(
                "lookup",
                &[("map", Ty::Map(Arc::new(Ty::Any))), ("key", Ty::String), ("default", Ty::Any)],
                Ty::Any,
                "The value at a key of a map, or the default where it has none.",
                lookup,
            )
        },
        Function {
            of_terms: |terms| match terms {
                [Term::List(items)] => Some(Term::list(items.iter().rev().cloned().collect())),
                _ => None,
            },
            ..row("reverse", &[("of", Ty::Any)], Ty::Any, "A list or a text from its end to its start.", reverse)
        }
        .takes(0, "list or text")
        .refusing(refuse::no_list_or_text)
        .like_first(),
        row(
            "setProduct",
            &[("list", list(Ty::Any))],
            list(list(Ty::Any)),
            "Every way to take one item of each list, as lists.",
            set_product,
        )
        .variadic(1),
        Function {
            of_terms: slice_terms,
            ..row(
                "slice",
                &[("list", list(Ty::Any)), ("from", Ty::Int), ("to", Ty::Int)],
                list(Ty::Any),
                "The items of a list from one place up to another, without that, or up to its end.",
                slice,
            )
        }
        .required(2)
        .like_first(),
        Function {
            of_terms: zip_terms,
            ..row(
                "zip",
                &[("list", list(Ty::Any))],
                list(list(Ty::Any)),
                "The first items of lists of one length as a list, then the second ones, and so on.",
                zip,
            )
        }
        .variadic(1),
    ]
}

/// The items of a list that may not be known in all of them.
fn items(term: &Term) -> Option<Vec<Term>> {
    match term {
        Term::List(items) => Some(items.clone()),
        Term::Known(Value::List(items)) => Some(items.iter().cloned().map(Term::Known).collect()),
        _ => None,
    }
}

/// What a function of terms makes of known values.
fn known(of_terms: fn(&[Term]) -> Option<Term>, values: &[&Value]) -> Option<Value> {
    let terms: Vec<Term> = values.iter().map(|value| Term::Known((*value).clone())).collect();
    of_terms(&terms)?.known().cloned()
}

fn chunk(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::List(_), Value::Int(size)] if *size < 1 => {
            Err(format!("a list is cut into lists of 1 or more, not of {size}"))
        }
        _ => known(chunk_terms, values).map_or_else(|| wrong("chunk", values), Ok),
    }
}

fn chunk_terms(terms: &[Term]) -> Option<Term> {
    let [list, Term::Known(Value::Int(size))] = terms else { return None };
    // More than a list can have is as good as all of it.
    let size = usize::try_from(*size).ok().filter(|size| *size > 0)?;
    Some(Term::list(items(list)?.chunks(size).map(|chunk| Term::list(chunk.to_vec())).collect()))
}

fn index_of(values: &[&Value]) -> Result<Value, String> {
    let at = match values {
        [Value::List(items), item] => items.iter().position(|one| one == *item),
        [Value::String(text), Value::String(piece)] => text.find(piece.as_ref()).map(|at| text[..at].chars().count()),
        _ => return wrong("indexOf", values),
    };
    Ok(at.map_or(Value::Null, |at| Value::Int(at as i64)))
}

fn lookup(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::Map(entries), Value::String(key), default] => Ok(entries.get(key.as_ref()).unwrap_or(default).clone()),
        _ => wrong("lookup", values),
    }
}

fn reverse(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::List(items)] => Ok(Value::List(items.iter().rev().cloned().collect())),
        [Value::String(text)] => Ok(Value::string(text.chars().rev().collect::<String>())),
        _ => wrong("reverse", values),
    }
}

fn set_product(values: &[&Value]) -> Result<Value, String> {
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for value in values {
        let Value::List(items) = value else { return wrong("setProduct", values) };
        // Each row has an item of every list before.
        let count = rows.len().saturating_mul(items.len());
        if count.saturating_mul(values.len()) > MAX_RANGE as usize {
            return Err(format!("a result may have {MAX_RANGE} items, and this would have more"));
        }
        let mut longer = Vec::with_capacity(count);
        for row in &rows {
            longer.extend(items.iter().map(|item| {
                let mut row = row.clone();
                row.push(item.clone());
                row
            }));
        }
        rows = longer;
    }
    Ok(Value::List(rows.into_iter().map(Value::List).collect()))
}

/// The places from one up to another, without that, among so many. An end behind all is as good as all.
///
/// # Errors
/// When the end is before the start, or one of them below 0.
pub(super) fn places(from: i64, to: Option<i64>, count: usize) -> Result<std::ops::Range<usize>, String> {
    if let Some(negative) = [from, to.unwrap_or(0)].into_iter().find(|place| *place < 0) {
        return Err(format!("places are counted from 0, and {negative} is none"));
    }
    if let Some(to) = to.filter(|to| *to < from) {
        return Err(format!("this would end at {to}, before it begins at {from}"));
    }
    let within = |place: i64| usize::try_from(place).unwrap_or(usize::MAX).min(count);
    Ok(within(from)..to.map_or(count, within))
}

fn slice(values: &[&Value]) -> Result<Value, String> {
    let (items, from, to) = match values {
        [Value::List(items), Value::Int(from)] => (items, *from, None),
        [Value::List(items), Value::Int(from), Value::Int(to)] => (items, *from, Some(*to)),
        _ => return wrong("slice", values),
    };
    Ok(Value::List(items[places(from, to, items.len())?].to_vec()))
}

fn slice_terms(terms: &[Term]) -> Option<Term> {
    let (Term::List(items), from, to) = (match terms {
        [list, Term::Known(Value::Int(from))] => (list, *from, None),
        [list, Term::Known(Value::Int(from)), Term::Known(Value::Int(to))] => (list, *from, Some(*to)),
        _ => return None,
    }) else {
        return None;
    };
    Some(Term::list(items[places(from, to, items.len()).ok()?].to_vec()))
}

fn zip(values: &[&Value]) -> Result<Value, String> {
    let lengths: Option<Vec<usize>> = values
        .iter()
        .map(|value| match value {
            Value::List(items) => Some(items.len()),
            _ => None,
        })
        .collect();
    match lengths {
        Some(lengths) if lengths.windows(2).any(|pair| pair[0] != pair[1]) => {
            let lengths: Vec<String> = lengths.iter().map(usize::to_string).collect();
            Err(format!("`zip` takes lists of one length, and these have {} items", lengths.join(" and ")))
        }
        _ => known(zip_terms, values).map_or_else(|| wrong("zip", values), Ok),
    }
}

fn zip_terms(terms: &[Term]) -> Option<Term> {
    let lists: Option<Vec<Vec<Term>>> = terms.iter().map(items).collect();
    let lists = lists?;
    let length = lists.first()?.len();
    if lists.iter().any(|list| list.len() != length) {
        return None;
    }
    let row = |at: usize| Term::list(lists.iter().map(|list| list[at].clone()).collect());
    Some(Term::list((0..length).map(row).collect()))
}

pub(super) fn contains(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::List(items), item] => match refuse::contains_values(items, item) {
            Some(why) => Err(why),
            None => Ok(Value::Bool(items.contains(item))),
        },
        [Value::String(text), Value::String(part)] => Ok(Value::Bool(text.contains(part.as_ref()))),
        [Value::Map(entries), Value::String(key)] => Ok(Value::Bool(entries.contains_key(key.as_ref()))),
        _ => wrong("contains", values),
    }
}

pub(super) fn distinct(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::List(items)] => {
            let mut seen = HashSet::new();
            Ok(Value::List(items.iter().filter(|item| seen.insert(ByValue(item))).cloned().collect()))
        }
        _ => wrong("distinct", values),
    }
}

/// A value that can be looked up among others.
#[derive(PartialEq)]
struct ByValue<'v>(&'v Value);

// No number in a program is NaN: what is there is equal to itself.
impl Eq for ByValue<'_> {}

impl Hash for ByValue<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.0 {
            Value::Null => 0.hash(state),
            Value::Bool(value) => value.hash(state),
            Value::Int(int) => int.hash(state),
            // As the `Int` that it is equal to.
            Value::Number(value) => match number::to_int(*value) {
                Some(int) => int.hash(state),
                None => value.to_bits().hash(state),
            },
            Value::String(text) => text.hash(state),
            Value::Duration(amount) | Value::Size(amount) => amount.hash(state),
            Value::List(items) => items.iter().for_each(|item| ByValue(item).hash(state)),
            Value::Map(entries) => entries.iter().for_each(|(key, item)| {
                key.hash(state);
                ByValue(item).hash(state);
            }),
            Value::Data(data) => data.fields.values().for_each(|item| ByValue(item).hash(state)),
            Value::Reference(reference) => reference.id.hash(state),
            // Two may be equal by their texts or by their fingerprints.
            Value::Secret(_) => 1.hash(state),
        }
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

/// A text is never revealed: no message, record or plan holds one that was secret.
pub fn reveal(values: &[&Value]) -> Result<Value, String> {
    match values {
        [value @ (Value::Bool(_) | Value::Int(_) | Value::Number(_) | Value::Duration(_) | Value::Size(_))] => {
            Ok((*value).clone())
        }
        _ => Err("`reveal` takes a truth value, number, duration or size: a secret text is never revealed".into()),
    }
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

    #[test]
    fn numbers_are_found_by_value_wherever_they_stand() {
        let number = Value::Number(1.0);
        let nested = |value: Value| Value::List(vec![Value::Map(BTreeMap::from([("a".to_string(), value)]))]);
        assert_eq!(contains(&[&ints(&[2, 1]), &number]), Ok(Value::Bool(true)));
        assert_eq!(index_of(&[&ints(&[2, 1]), &number]), Ok(Value::Int(1)));
        let list = Value::List(vec![nested(Value::Int(1)), nested(number), Value::Int(1), Value::string("1")]);
        let expected = Value::List(vec![nested(Value::Int(1)), Value::Int(1), Value::string("1")]);
        assert_eq!(distinct(&[&list]), Ok(expected));
        let large = [Value::Int(9_007_199_254_740_993), Value::Number(9_007_199_254_740_992.0), Value::Int(1 << 53)];
        let sorted = Value::List(vec![large[1].clone(), large[2].clone(), large[0].clone()]);
        assert_eq!(sort(&[&Value::List(large.to_vec())]), Ok(sorted));
    }

    #[test]
    fn lists_are_cut_and_joined() {
        let lists = |lists: &[&[i64]]| Value::List(lists.iter().map(|list| ints(list)).collect());
        let list = ints(&[1, 2, 3]);
        assert_eq!(reverse(&[&list]), Ok(ints(&[3, 2, 1])));
        assert_eq!(chunk(&[&list, &Value::Int(2)]), Ok(lists(&[&[1, 2], &[3]])));
        assert!(chunk(&[&list, &Value::Int(0)]).is_err());
        assert_eq!(zip(&[&list, &ints(&[4, 5, 6])]), Ok(lists(&[&[1, 4], &[2, 5], &[3, 6]])));
        assert!(zip(&[&list, &ints(&[4])]).is_err());
        assert_eq!(set_product(&[&ints(&[1, 2]), &ints(&[3, 4])]), Ok(lists(&[&[1, 3], &[1, 4], &[2, 3], &[2, 4]])));
        assert_eq!(set_product(&[&list, &ints(&[])]), Ok(lists(&[])));
        let many = ints(&[0; 2000]);
        assert!(set_product(&[&many, &many]).is_err());
        for (from, to, expected) in [
            (1, None, Some(&[2, 3][..])),
            (0, Some(2), Some(&[1, 2])),
            (2, Some(i64::MAX), Some(&[3])),
            (9, None, Some(&[])),
            (2, Some(1), None),
            (-1, None, None),
        ] {
            let ends: Vec<Value> = [Some(from), to].into_iter().flatten().map(Value::Int).collect();
            let values: Vec<&Value> = std::iter::once(&list).chain(&ends).collect();
            assert_eq!(slice(&values).ok(), expected.map(ints), "{from} {to:?}");
        }
    }
}
