//! What can be done to values, once for compile time and for apply time. An operation whose
//! arguments are all known gives a value at once; else it stays in the term until they are.

use std::sync::Arc;

use crate::diagnostic::listed;
use crate::model::function::Function;
use crate::model::term::{Known, Term};
use crate::model::ty::Ty;
use crate::model::typing::{alike, uncomparable};
use crate::name::Name;
use crate::syntax::tree::{Binary, Unary};
use crate::value::{Secret, Value, number};

#[derive(Clone, PartialEq, Debug)]
pub enum Operation {
    /// All arguments as text, one behind the other.
    Text,
    Get {
        name: Name,
        optional: bool,
    },
    /// `[list or map, key]`
    Index {
        optional: bool,
    },
    Unary(Unary),
    Binary(Binary),
    /// `[condition, then, otherwise]`
    If,
    /// Lists, one behind the other.
    Concatenate,
    Function(&'static Function),
    /// Its argument, which must turn out to be a value of that type.
    Conform(Ty),
}

/// The type that a known value shows by itself.
pub fn value_ty(value: &Value) -> Ty {
    match value {
        Value::Null => Ty::Null,
        Value::Bool(_) => Ty::Bool,
        Value::Int(_) => Ty::Int,
        Value::Number(_) => Ty::Number,
        Value::String(_) => Ty::String,
        Value::Duration(_) => Ty::Duration,
        Value::Size(_) => Ty::Size,
        Value::Secret(secret) => match secret.value() {
            Some(Value::String(_)) => Ty::Secret,
            Some(value) => value_ty(value),
            None if secret.is_made() => Ty::Any,
            None => Ty::Secret,
        },
        Value::List(items) => Ty::List(Arc::new(common(items.iter()))),
        Value::Map(entries) => Ty::Map(Arc::new(common(entries.values()))),
        Value::Data(_) | Value::Reference(_) => Ty::Any,
    }
}

fn common<'a>(mut items: impl Iterator<Item = &'a Value>) -> Ty {
    let Some(first) = items.next().map(value_ty) else {
        return Ty::Any;
    };
    if items.all(|item| value_ty(item) == first) { first } else { Ty::Any }
}

impl Operation {
    /// The result, as far as the arguments are known.
    ///
    /// # Errors
    /// When there is no result for these values, in the user's words.
    pub fn apply(&self, arguments: Vec<Term>) -> Result<Term, String> {
        if let Some(early) = self.without_all(&arguments)? {
            return Ok(early);
        }
        let chooses = *self == Operation::If && arguments.first().is_some_and(Term::is_secret);
        let compares = matches!(self, Operation::Binary(Binary::Equal | Binary::Unequal));
        let whole = matches!(self, Operation::Function(_)) || compares || chooses;
        let arguments = if whole { arguments.into_iter().map(Term::collapsed).collect() } else { arguments };
        let mut values = Vec::with_capacity(arguments.len());
        for argument in &arguments {
            match argument {
                Term::Known(value) => values.push(value),
                _ => {
                    let ty = self.typed(&arguments).unwrap_or(Ty::Any);
                    return Ok(Term::Call { operation: self.clone(), arguments, ty });
                }
            }
        }
        if values.iter().any(|value| value.holds_secret()) {
            return self.on_secrets(&values).map(Term::Known);
        }
        self.compute(&values).map(Term::Known)
    }

    /// The result for arguments with all that `world` knows put in. Of what chooses between its arguments, only the
    /// side that is needed has to have a value.
    ///
    /// # Errors
    /// As [`Operation::apply`].
    pub(super) fn settle(&self, arguments: &[Term], world: &dyn Known) -> Result<Term, String> {
        let chooses = matches!(self, Operation::If | Operation::Binary(Binary::And | Binary::Or | Binary::Coalesce));
        let [first, others @ ..] = arguments else {
            return self.apply(Vec::new());
        };
        if !chooses {
            return self.apply(arguments.iter().map(|item| item.settle(world)).collect::<Result<_, _>>()?);
        }
        let first = first.settle(world)?;
        let needed = |at: usize| match (self, &first) {
            (Operation::If, Term::Known(Value::Bool(holds))) => *holds == (at == 0),
            (Operation::Binary(Binary::Coalesce), Term::Known(value)) => *value == Value::Null,
            (Operation::Binary(sign), Term::Known(Value::Bool(side))) => *side == (*sign == Binary::And),
            _ => false,
        };
        let mut settled = Vec::with_capacity(arguments.len());
        for (at, other) in others.iter().enumerate() {
            settled.push(match other.settle(world) {
                Ok(term) => term,
                Err(why) if needed(at) => return Err(why),
                Err(_) => other.clone(),
            });
        }
        settled.insert(0, first);
        self.apply(settled)
    }

    /// What is made from secrets is one as a whole, of whatever type: from truth values and lengths follows the text.
    fn on_secrets(&self, values: &[&Value]) -> Result<Value, String> {
        if let (Operation::Function(function), [value]) = (self, values)
            && function.name == REVEAL
        {
            return self.compute(&[&value.opened()]);
        }
        // How many there are and what they are called is written in the program.
        if self.picks(values) && !values.iter().any(|value| matches!(value, Value::Secret(_))) {
            match self.compute(values) {
                Err(_) if matches!(self, Operation::Function(_)) => {}
                result => return result,
            }
        }
        if let (Operation::Conform(ty), [value]) = (self, values) {
            return ty.refuses(value).map_or(Ok((*value).clone()), Err);
        }
        if values.iter().any(|value| value.is_unknown()) {
            return Ok(Value::Secret(Secret::unknown()));
        }
        let opened: Vec<Value> = values.iter().map(|value| value.opened()).collect();
        let opened: Vec<&Value> = opened.iter().collect();
        let result = match (self, &*opened) {
            (Operation::If, [Value::Bool(holds), then, otherwise]) => {
                Ok(if *holds { *then } else { *otherwise }.clone())
            }
            (operation, opened) => operation.compute(opened),
        };
        // Why there is none may quote it.
        let result = result.map_err(|_| "this has no result for a secret that is in it".to_string())?;
        Ok(Value::Secret(Secret::made(&result)))
    }

    /// Whether the result is picked from the arguments by their places and keys, whatever the parts are.
    fn picks(&self, values: &[&Value]) -> bool {
        match self {
            Operation::Get { .. } | Operation::Index { .. } | Operation::Concatenate => true,
            Operation::Function(function) => (function.picks)(values),
            Operation::Binary(Binary::Add) => values.iter().all(|value| matches!(value, Value::List(_))),
            Operation::Text | Operation::Unary(_) | Operation::Binary(_) | Operation::If | Operation::Conform(_) => {
                false
            }
        }
    }

    /// Results that do not need all arguments: `c ? a : b`, `??`, `&&`, `||`, a part of a list that
    /// is known in that part.
    fn without_all(&self, arguments: &[Term]) -> Result<Option<Term>, String> {
        Ok(match (self, arguments) {
            (Operation::If, [Term::Known(Value::Bool(condition)), then, otherwise]) => {
                Some(if *condition { then } else { otherwise }.clone())
            }
            (Operation::Binary(Binary::Coalesce), [Term::Known(Value::Null), otherwise]) => Some(otherwise.clone()),
            // What was made from secrets may be null, which is a secret too.
            (Operation::Binary(Binary::Coalesce), [Term::Known(Value::Secret(secret)), _])
                if secret.value() == Some(&Value::Null) =>
            {
                None
            }
            // What is made of parts is not null, whatever they will be.
            (
                Operation::Binary(Binary::Coalesce),
                [
                    first @ (Term::Known(_)
                    | Term::Reference { .. }
                    | Term::Existing { .. }
                    | Term::List(_)
                    | Term::Map(_)
                    | Term::Data { .. }),
                    _,
                ],
            ) => Some(first.clone()),
            // A component that exists is not null, whatever the cloud will call it.
            (
                Operation::Binary(sign @ (Binary::Equal | Binary::Unequal)),
                [Term::Reference { .. } | Term::Existing { .. } | Term::Data { .. }, Term::Known(Value::Null)]
                | [Term::Known(Value::Null), Term::Reference { .. } | Term::Existing { .. } | Term::Data { .. }],
            ) => Some(Term::Known(Value::Bool(*sign == Binary::Unequal))),
            // So is a secret that was not made from others.
            (
                Operation::Binary(sign @ (Binary::Equal | Binary::Unequal)),
                [Term::Known(value), Term::Known(Value::Null)] | [Term::Known(Value::Null), Term::Known(value)],
            ) if value.holds_secret() && !matches!(value, Value::Secret(secret) if secret.is_made()) => {
                Some(Term::Known(Value::Bool(*sign == Binary::Unequal)))
            }
            (
                Operation::Binary(sign @ (Binary::And | Binary::Or)),
                [decided @ Term::Known(Value::Bool(side)), _] | [_, decided @ Term::Known(Value::Bool(side))],
            ) if *side == (*sign == Binary::Or) => Some(decided.clone()),
            (Operation::Get { name, optional }, [Term::Map(entries)]) => {
                Some(picked(entries.get(name.as_str()), *optional, || no_key(name.as_str(), entries.keys()))?)
            }
            (Operation::Get { name, optional }, [Term::Data { fields, template, .. }]) => {
                let missing = || format!("`{}` has no attribute `{name}`", template.name);
                Some(picked(fields.get(name), *optional, missing)?)
            }
            (Operation::Index { optional }, [Term::List(items), Term::Known(Value::Int(at))]) => {
                let item = usize::try_from(*at).ok().and_then(|at| items.get(at));
                Some(picked(item, *optional && *at >= 0, || out_of_range(*at, items.len()))?)
            }
            (Operation::Index { optional }, [Term::Map(entries), Term::Known(Value::String(key))]) => {
                Some(picked(entries.get(key.as_ref()), *optional, || no_key(key, entries.keys()))?)
            }
            (Operation::Index { optional: true }, [Term::Known(Value::Null), _]) => Some(Term::NULL),
            (Operation::Concatenate, lists) if lists.iter().any(|list| matches!(list, Term::List(_))) => {
                let mut all = Vec::new();
                for list in lists {
                    match list {
                        Term::List(items) => all.extend(items.iter().cloned()),
                        Term::Known(Value::List(items)) => all.extend(items.iter().cloned().map(Term::Known)),
                        _ => return Ok(None),
                    }
                }
                Some(Term::list(all))
            }
            (Operation::Function(function), arguments) => (function.of_terms)(arguments),
            _ => None,
        })
    }

    fn compute(&self, values: &[&Value]) -> Result<Value, String> {
        match (self, values) {
            (Operation::Text, parts) => {
                let mut text = String::new();
                for part in parts {
                    let part = as_text(part)?;
                    fitting(text.len() + part.len())?;
                    text.push_str(&part);
                }
                Ok(Value::string(text))
            }
            (Operation::Get { optional: true, .. }, [Value::Null]) => Ok(Value::Null),
            (Operation::Get { name, optional }, [Value::Map(entries)]) => {
                chosen(entries.get(name.as_str()), *optional, || no_key(name.as_str(), entries.keys()))
            }
            (Operation::Get { name, optional }, [Value::Data(data)]) => {
                chosen(data.fields.get(name), *optional, || format!("`{}` has no attribute `{name}`", data.template))
            }
            (Operation::Get { name, .. }, [other]) => Err(format!("{} has no attribute `{name}`", a_kind(other))),
            (Operation::Index { optional: true }, [Value::Null, _]) => Ok(Value::Null),
            // A place before the first is a mistake, not one that may be missing.
            (Operation::Index { optional }, [Value::List(items), Value::Int(at)]) => {
                let item = usize::try_from(*at).ok().and_then(|at| items.get(at));
                chosen(item, *optional && *at >= 0, || out_of_range(*at, items.len()))
            }
            (Operation::Index { optional }, [Value::Map(entries), Value::String(key)]) => {
                chosen(entries.get(key.as_ref()), *optional, || no_key(key, entries.keys()))
            }
            (Operation::Index { .. }, [of, at]) => Err(format!("{} cannot be indexed by {}", a_kind(of), a_kind(at))),
            (Operation::Unary(Unary::Not), [Value::Bool(value)]) => Ok(Value::Bool(!value)),
            (Operation::Unary(Unary::Not), [other]) => Err(format!("`!` takes a Bool, not {}", a_kind(other))),
            (Operation::Unary(Unary::Negative), [Value::Int(value)]) => {
                value.checked_neg().map(Value::Int).ok_or_else(overflow)
            }
            (Operation::Unary(Unary::Negative), [Value::Number(value)]) => Ok(Value::Number(-value)),
            (Operation::Unary(Unary::Negative), [other]) => Err(format!("`-` takes a number, not {}", a_kind(other))),
            (Operation::Binary(sign), [left, right]) => compute_binary(*sign, left, right),
            (Operation::If, [condition, ..]) => Err(format!("a condition is a Bool, not {}", a_kind(condition))),
            (Operation::Concatenate, lists) => {
                let mut all = Vec::new();
                for list in lists {
                    match list {
                        Value::List(items) => all.extend(items.iter().cloned()),
                        other => return Err(format!("`...` takes a list, not {}", a_kind(other))),
                    }
                }
                Ok(Value::List(all))
            }
            (Operation::Conform(ty), [value]) => match ty.refuses(value) {
                Some(why) => Err(why),
                None => Ok((*value).clone()),
            },
            (Operation::Function(function), values) => function.compute(values),
            (operation, values) => unreachable!("{operation:?} with {} arguments", values.len()),
        }
    }
}

fn picked(found: Option<&Term>, optional: bool, missing: impl Fn() -> String) -> Result<Term, String> {
    match found {
        Some(term) => Ok(term.clone()),
        None if optional => Ok(Term::NULL),
        None => Err(missing()),
    }
}

fn chosen(found: Option<&Value>, optional: bool, missing: impl Fn() -> String) -> Result<Value, String> {
    match found {
        Some(value) => Ok(value.clone()),
        None if optional => Ok(Value::Null),
        None => Err(missing()),
    }
}

/// "There is no key ...", with those that there are.
fn no_key<'a>(key: &str, keys: impl Iterator<Item = &'a String>) -> String {
    let keys: Vec<&String> = keys.take(9).collect();
    match keys.as_slice() {
        [] => format!("there is no key `{key}`: it is empty"),
        [_, _, _, _, _, _, _, _, ..] => format!("there is no key `{key}` in it"),
        keys => format!("there is no key `{key}`: its keys are {}", listed(keys)),
    }
}

/// "index 3 is out of range", with what there is.
pub fn out_of_range(at: i64, length: usize) -> String {
    match length {
        0 => format!("there is no element {at}: it is empty"),
        _ => format!("there is no element {at}: they are numbered 0 to {}", length - 1),
    }
}

fn overflow() -> String {
    "the result does not fit into 64 bits".into()
}

/// The value of a secret, with each of its parts a secret.
pub fn parts_hidden(value: &Value) -> Value {
    let hidden = |value: &Value| Value::Secret(Secret::made(value));
    match value {
        Value::List(items) => Value::List(items.iter().map(hidden).collect()),
        Value::Map(entries) => Value::Map(entries.iter().map(|(key, item)| (key.clone(), hidden(item))).collect()),
        other => other.clone(),
    }
}

/// A value inside a text: texts as they are, the rest as it is written.
pub(super) fn as_text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.to_string()),
        Value::Reference(reference) => Ok(reference.id.to_string()),
        Value::Secret(secret) => secret.reveal().map(str::to_string).ok_or_else(|| "this secret is not at hand".into()),
        Value::Bool(_) | Value::Int(_) | Value::Number(_) | Value::Duration(_) | Value::Size(_) => {
            Ok(value.to_string())
        }
        Value::Null | Value::List(_) | Value::Map(_) | Value::Data(_) => {
            Err(format!("{} cannot stand in a text", a_kind(value)))
        }
    }
}

/// The kind of a value with its article, for messages.
pub fn a_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a Bool",
        Value::Int(_) => "an Int",
        Value::Number(_) => "a Number",
        Value::String(_) => "a String",
        Value::Duration(_) => "a Duration",
        Value::Size(_) => "a Size",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
        Value::Data(_) => "a value of a template",
        Value::Reference(_) => "a component",
        Value::Secret(_) => "a secret",
    }
}

/// Bytes that one text may have.
pub const MAX_TEXT: usize = 4 << 20;

/// A text that fits.
///
/// # Errors
/// When it would be longer than [`MAX_TEXT`]; asked before it is made.
pub fn fitting(length: usize) -> Result<(), String> {
    if length > MAX_TEXT {
        Err(format!("a text may have {} MiB, and this would have more", MAX_TEXT >> 20))
    } else {
        Ok(())
    }
}

/// The function that makes a secret number or truth value public.
pub const REVEAL: &str = "reveal";

/// Elements that one range may have.
pub const MAX_RANGE: i64 = 1_000_000;

pub(super) fn compute_binary(sign: Binary, left: &Value, right: &Value) -> Result<Value, String> {
    use std::cmp::Ordering;
    let mismatch = || Err(format!("`{}` cannot take {} and {}", sign.sign(), a_kind(left), a_kind(right)));
    let compare = |test: fn(Ordering) -> bool| match ordering(left, right) {
        Some(ordering) => Ok(Value::Bool(test(ordering))),
        None => mismatch(),
    };
    match sign {
        Binary::Equal | Binary::Unequal if !alike(left, right) => match (value_ty(left), value_ty(right)) {
            (Ty::Any, _) | (_, Ty::Any) => mismatch(),
            (one, two) => Err(uncomparable(sign, &one, &two)),
        },
        Binary::Equal => Ok(Value::Bool(left == right)),
        Binary::Unequal => Ok(Value::Bool(left != right)),
        Binary::AtMost => compare(Ordering::is_le),
        Binary::AtLeast => compare(Ordering::is_ge),
        Binary::Below => compare(Ordering::is_lt),
        Binary::Above => compare(Ordering::is_gt),
        Binary::And | Binary::Or => match (left, right) {
            (Value::Bool(one), Value::Bool(two)) => {
                Ok(Value::Bool(if sign == Binary::And { *one && *two } else { *one || *two }))
            }
            _ => mismatch(),
        },
        Binary::Coalesce => Ok(if *left == Value::Null { right } else { left }.clone()),
        Binary::Range => match (left, right) {
            (Value::Int(from), Value::Int(to)) if i128::from(*to) - i128::from(*from) > i128::from(MAX_RANGE) => {
                Err(format!("a range may have {MAX_RANGE} elements, not {}", i128::from(*to) - i128::from(*from)))
            }
            (Value::Int(from), Value::Int(to)) => Ok(Value::List((*from..*to).map(Value::Int).collect())),
            _ => mismatch(),
        },
        Binary::Add => match (left, right) {
            (Value::String(one), Value::String(two)) => {
                fitting(one.len() + two.len())?;
                Ok(Value::string(format!("{one}{two}")))
            }
            (Value::List(one), Value::List(two)) => Ok(Value::List(one.iter().chain(two).cloned().collect())),
            _ => arithmetic(sign, left, right).unwrap_or_else(mismatch),
        },
        Binary::Subtract | Binary::Multiply | Binary::Divide | Binary::Remainder => {
            arithmetic(sign, left, right).unwrap_or_else(mismatch)
        }
    }
}

/// Nothing when the kinds do not go together.
fn arithmetic(sign: Binary, left: &Value, right: &Value) -> Option<Result<Value, String>> {
    let zero = || "division by zero".to_string();
    let amounts = |one: u64, two: u64| match sign {
        Binary::Add => one.checked_add(two).ok_or_else(overflow),
        _ => one.checked_sub(two).ok_or_else(|| "the result would be below zero".to_string()),
    };
    let scaled = |amount: u64, by: i64| match (sign, u64::try_from(by)) {
        (Binary::Multiply, Ok(by)) => amount.checked_mul(by).ok_or_else(overflow),
        (_, Ok(by)) => amount.checked_div(by).ok_or_else(zero),
        (_, Err(_)) => Err("the result would be below zero".into()),
    };
    let additive = matches!(sign, Binary::Add | Binary::Subtract);
    let scaling = matches!(sign, Binary::Multiply | Binary::Divide);
    Some(match (left, right) {
        (Value::Int(one), Value::Int(two)) => match sign {
            Binary::Add => one.checked_add(*two).ok_or_else(overflow),
            Binary::Subtract => one.checked_sub(*two).ok_or_else(overflow),
            Binary::Multiply => one.checked_mul(*two).ok_or_else(overflow),
            _ if *two == 0 => Err(zero()),
            Binary::Remainder => one.checked_rem(*two).ok_or_else(overflow),
            _ => one.checked_div(*two).ok_or_else(overflow),
        }
        .map(Value::Int),
        (Value::Duration(one), Value::Duration(two)) if additive => amounts(*one, *two).map(Value::Duration),
        (Value::Size(one), Value::Size(two)) if additive => amounts(*one, *two).map(Value::Size),
        (Value::Duration(one), Value::Int(by)) if scaling => scaled(*one, *by).map(Value::Duration),
        (Value::Size(one), Value::Int(by)) if scaling => scaled(*one, *by).map(Value::Size),
        _ => {
            let (one, two) = match (float(left)?, float(right)?) {
                (Ok(one), Ok(two)) => (one, two),
                (Err(why), _) | (_, Err(why)) => return Some(Err(why)),
            };
            let result = match sign {
                Binary::Add => one + two,
                Binary::Subtract => one - two,
                Binary::Multiply => one * two,
                _ if two == 0.0 => return Some(Err(zero())),
                Binary::Remainder => one % two,
                _ => one / two,
            };
            // So that every number in a program can be compared and written.
            if result.is_finite() { Ok(Value::Number(result)) } else { Err("the result is too large a number".into()) }
        }
    })
}

/// A number as a float; nothing for what is no number.
///
/// # Errors
/// When a float would make another number of it.
fn float(value: &Value) -> Option<Result<f64, String>> {
    match value {
        Value::Int(int) => Some(number::from_int(*int).ok_or_else(|| {
            format!("{int} is not exactly a `Number`, which keeps whole numbers up to 9007199254740992")
        })),
        Value::Number(value) => Some(Ok(*value)),
        _ => None,
    }
}

pub(super) fn ordering(left: &Value, right: &Value) -> Option<std::cmp::Ordering> {
    match (left, right) {
        (Value::Int(one), Value::Int(two)) => Some(one.cmp(two)),
        (Value::String(one), Value::String(two)) => Some(one.cmp(two)),
        (Value::Duration(one), Value::Duration(two)) | (Value::Size(one), Value::Size(two)) => Some(one.cmp(two)),
        (Value::Number(one), Value::Number(two)) => one.partial_cmp(two),
        (Value::Int(int), Value::Number(number)) => number::compare(*int, *number),
        (Value::Number(number), Value::Int(int)) => number::compare(*int, *number).map(std::cmp::Ordering::reverse),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(sign: Binary, left: Value, right: Value) -> Result<Term, String> {
        Operation::Binary(sign).apply(vec![Term::Known(left), Term::Known(right)])
    }

    #[test]
    fn arithmetic_never_wraps_or_panics() {
        assert!(binary(Binary::Add, Value::Int(i64::MAX), Value::Int(1)).is_err());
        assert!(binary(Binary::Divide, Value::Int(i64::MIN), Value::Int(-1)).is_err());
        assert!(binary(Binary::Remainder, Value::Int(1), Value::Int(0)).is_err());
        assert!(binary(Binary::Subtract, Value::Size(1), Value::Size(2)).is_err());
        assert!(binary(Binary::Range, Value::Int(0), Value::Int(i64::MAX)).is_err());
    }

    #[test]
    fn a_text_made_with_a_secret_is_a_secret() {
        let secret = Term::Known(Value::Secret(Secret::new("env:P", "hunter2")));
        let text = Operation::Text.apply(vec![Term::string("x="), secret]).unwrap();
        assert_eq!(text, Term::Known(Value::Secret(Secret::new("derived", "x=hunter2"))));
    }

    #[test]
    fn nothing_made_of_a_secret_shows_it() {
        let secret = || Term::Known(Value::Secret(Secret::new("env:P", "hunter2,hunter3")));
        let function = |name: &str| Operation::Function(crate::model::function::find(name).unwrap());
        let map = Term::map(std::collections::BTreeMap::from([("p".to_string(), secret())]));
        let list = Term::list(vec![secret()]);
        for (operation, arguments) in [
            (function("split"), vec![secret(), Term::string(",")]),
            (function("values"), vec![map.clone()]),
            (function("merge"), vec![map.clone(), map.clone()]),
            (function("join"), vec![list.clone(), Term::string("-")]),
            (function("upper"), vec![secret()]),
            (Operation::Binary(Binary::Add), vec![list.clone(), list]),
            (Operation::Binary(Binary::Add), vec![secret(), Term::string("x")]),
            (Operation::Binary(Binary::Coalesce), vec![secret(), Term::NULL]),
            (Operation::Index { optional: false }, vec![map.clone(), Term::string("p")]),
            (Operation::Get { name: "p".into(), optional: false }, vec![map]),
            (Operation::Text, vec![secret()]),
        ] {
            let shown = format!("{}", operation.apply(arguments).unwrap());
            assert!(!shown.to_lowercase().contains("hunter"), "{operation:?}: {shown}");
        }
    }

    /// A world where the one number that somebody asks for is known.
    struct Number(i64);

    impl Known for Number {
        fn id(&self, _: &crate::name::Address) -> Option<Arc<str>> {
            None
        }

        fn output(&self, _: &crate::name::Address, _: &Name) -> Option<Value> {
            Some(Value::Int(self.0))
        }
    }

    #[test]
    fn only_the_side_that_is_needed_has_to_have_a_value() {
        let (address, attribute) = (crate::name::Address::root(), Name::from("n"));
        let number = Term::Output(crate::model::term::Output { address, attribute, ty: Ty::Int });
        let int = |int: i64| Term::Known(Value::Int(int));
        let of = |operation: Operation, arguments: Vec<Term>| operation.apply(arguments).unwrap();
        let share = of(Operation::Binary(Binary::Divide), vec![int(10), number.clone()]);
        let some = of(Operation::Binary(Binary::Above), vec![number.clone(), int(0)]);
        let none = of(Operation::Binary(Binary::Equal), vec![number, int(0)]);
        let large = of(Operation::Binary(Binary::Above), vec![share.clone(), int(2)]);
        for (term, of_zero, of_two) in [
            (of(Operation::Binary(Binary::And), vec![some, large.clone()]), Value::Bool(false), Value::Bool(true)),
            (of(Operation::Binary(Binary::Or), vec![none.clone(), large]), Value::Bool(true), Value::Bool(true)),
            (of(Operation::If, vec![none, int(1), share.clone()]), Value::Int(1), Value::Int(5)),
        ] {
            assert_eq!(term.settle(&Number(0)), Ok(Term::Known(of_zero)), "{term}");
            assert_eq!(term.settle(&Number(2)), Ok(Term::Known(of_two)), "{term}");
        }
        assert!(share.settle(&Number(0)).is_err());
    }

    /// From truth values, numbers and lengths follows the text.
    #[test]
    fn whatever_type_it_has_what_is_made_of_a_secret_is_one() {
        let secret = || Term::Known(Value::Secret(Secret::new("env:P", "hunter2,hunter3")));
        let function = |name: &str| Operation::Function(crate::model::function::find(name).unwrap());
        let made = |value: Value| Term::Known(Value::Secret(Secret::made(&value)));
        let truth = || made(Value::Bool(true));
        let names = || Term::list(vec![Term::string("a"), Term::string("b")]);
        for (operation, arguments, value) in [
            (Operation::Binary(Binary::Equal), vec![secret(), Term::string("x")], Value::Bool(false)),
            (Operation::Binary(Binary::Below), vec![secret(), Term::string("x")], Value::Bool(true)),
            (Operation::Binary(Binary::And), vec![truth(), Term::Known(Value::Bool(true))], Value::Bool(true)),
            (Operation::Unary(Unary::Not), vec![truth()], Value::Bool(false)),
            (function("length"), vec![secret()], Value::Int(15)),
            (function("contains"), vec![secret(), Term::string("3")], Value::Bool(true)),
            (function("contains"), vec![Term::list(vec![secret()]), Term::string("3")], Value::Bool(false)),
            (function("startsWith"), vec![secret(), Term::string("h")], Value::Bool(true)),
            (Operation::If, vec![truth(), Term::string("a"), Term::string("b")], Value::string("a")),
            (Operation::If, vec![truth(), names(), Term::list(Vec::new())], names().known().unwrap().clone()),
            (Operation::Index { optional: false }, vec![names(), made(Value::Int(1))], Value::string("b")),
            (Operation::Binary(Binary::Add), vec![made(Value::Int(1)), Term::Known(Value::Int(1))], Value::Int(2)),
            (Operation::Binary(Binary::Coalesce), vec![made(Value::Null), Term::string("b")], Value::string("b")),
            (Operation::Binary(Binary::Equal), vec![made(Value::Null), Term::NULL], Value::Bool(true)),
            (Operation::Concatenate, vec![names(), made(Value::List(Vec::new()))], names().known().unwrap().clone()),
        ] {
            let result = operation.apply(arguments.clone());
            assert_eq!(result, Ok(made(value)), "{operation:?} {arguments:?}");
        }
    }

    /// What is written in the program is not secret: how many there are, and what they are called.
    #[test]
    fn the_places_of_secrets_are_public() {
        let secret = || Term::Known(Value::Secret(Secret::new("env:P", "hunter2")));
        let function = |name: &str| Operation::Function(crate::model::function::find(name).unwrap());
        let list = || Term::list(vec![secret(), secret()]);
        let map = || Term::map(std::collections::BTreeMap::from([("p".to_string(), secret())]));
        for (operation, arguments, expected) in [
            (function("length"), vec![list()], Term::Known(Value::Int(2))),
            (function("keys"), vec![map()], Term::list(vec![Term::string("p")])),
            (function("values"), vec![map()], Term::list(vec![secret()])),
            (function("contains"), vec![map(), Term::string("p")], Term::Known(Value::Bool(true))),
            (Operation::Binary(Binary::Equal), vec![secret(), Term::NULL], Term::Known(Value::Bool(false))),
            (Operation::Index { optional: false }, vec![list(), Term::Known(Value::Int(1))], secret()),
        ] {
            assert_eq!(operation.apply(arguments), Ok(expected), "{operation:?}");
        }
    }

    #[test]
    fn reveal_makes_numbers_and_truth_values_public_and_no_text() {
        let reveal = Operation::Function(crate::model::function::find(REVEAL).unwrap());
        let made = |value: Value| Term::Known(Value::Secret(Secret::made(&value)));
        for value in [Value::Bool(true), Value::Int(3), Value::Number(0.5), Value::Duration(5), Value::Size(1)] {
            assert_eq!(reveal.apply(vec![made(value.clone())]), Ok(Term::Known(value)));
        }
        for value in [Value::string("hunter2"), Value::List(vec![Value::Int(1)]), Value::Null] {
            let refused = reveal.apply(vec![made(value)]).unwrap_err();
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }

    #[test]
    fn only_what_is_used_makes_a_term_unknown() {
        let open = Term::Open(Ty::String);
        let list = Term::list(vec![open.clone(), Term::string("b")]);
        let second = Operation::Index { optional: false }.apply(vec![list, Term::Known(Value::Int(1))]).unwrap();
        assert_eq!(second, Term::string("b"));
        let choice = Operation::If.apply(vec![Term::Known(Value::Bool(false)), open, Term::NULL]).unwrap();
        assert_eq!(choice, Term::NULL);
    }
}
