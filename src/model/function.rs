//! The functions of the language: one row each. They are pure; adding one is adding a row.

use std::sync::LazyLock;

use crate::model::operation::{a_kind, fitting};
use crate::model::term::Term;
use crate::model::ty::Ty;
use crate::value::Value;

pub struct Function {
    pub name: &'static str,
    /// How it is called, for messages and documentation.
    pub usage: &'static str,
    /// Least and most arguments.
    pub arity: (usize, usize),
    pub result: Ty,
    /// The result for known values, or why there is none, in the user's words.
    pub compute: fn(&[&Value]) -> Result<Value, String>,
    /// The result where it does not depend on all parts being known.
    pub of_terms: fn(&[Term]) -> Option<Term>,
}

impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        self.name == other.name
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// A function by its name.
pub fn find(name: &str) -> Option<&'static Function> {
    TABLE.iter().find(|function| function.name == name)
}

/// All of them, in alphabetical order.
pub static TABLE: LazyLock<Vec<Function>> = LazyLock::new(|| {
    vec![
        row("contains", "contains(list or text, item)", (2, 2), Ty::Bool, |values| match values {
            [Value::List(items), item] => Ok(Value::Bool(items.contains(item))),
            [Value::String(text), Value::String(part)] => Ok(Value::Bool(text.contains(part.as_ref()))),
            [Value::Map(entries), Value::String(key)] => Ok(Value::Bool(entries.contains_key(key.as_ref()))),
            _ => wrong("contains", values),
        }),
        row("endsWith", "endsWith(text, end)", (2, 2), Ty::Bool, |values| match values {
            [Value::String(text), Value::String(end)] => Ok(Value::Bool(text.ends_with(end.as_ref()))),
            _ => wrong("endsWith", values),
        }),
        row("join", "join(list of texts, separator)", (2, 2), Ty::String, |values| match values {
            [Value::List(items), Value::String(separator)] => {
                let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
                let texts = texts.ok_or("`join` takes a list of texts")?;
                fitting(texts.iter().map(|text| text.len() + separator.len()).sum())?;
                Ok(Value::string(texts.join(separator)))
            }
            _ => wrong("join", values),
        }),
        row("keys", "keys(map)", (1, 1), Ty::List(Ty::String.into()), |values| match values {
            [Value::Map(entries)] => Ok(Value::List(entries.keys().map(|key| Value::string(key.as_str())).collect())),
            _ => wrong("keys", values),
        }),
        Function {
            of_terms: |terms| match terms {
                [Term::List(items)] => Some(Term::Known(Value::Int(items.len() as i64))),
                [Term::Map(entries)] => Some(Term::Known(Value::Int(entries.len() as i64))),
                _ => None,
            },
            ..row("length", "length(list, map or text)", (1, 1), Ty::Int, |values| {
                let length = match values {
                    [Value::List(items)] => items.len(),
                    [Value::Map(entries)] => entries.len(),
                    [Value::String(text)] => text.chars().count(),
                    _ => return wrong("length", values),
                };
                Ok(Value::Int(length as i64))
            })
        },
        row("lower", "lower(text)", (1, 1), Ty::String, |values| match values {
            [Value::String(text)] => Ok(Value::string(text.to_lowercase())),
            _ => wrong("lower", values),
        }),
        row("max", "max(number, number, ...)", (1, usize::MAX), Ty::Any, |values| extreme("max", values, |a, b| a > b)),
        row("merge", "merge(map, map, ...)", (1, usize::MAX), Ty::Map(Ty::Any.into()), |values| {
            let mut all = std::collections::BTreeMap::new();
            for value in values {
                match value {
                    Value::Map(entries) => all.extend(entries.clone()),
                    _ => return wrong("merge", values),
                }
            }
            Ok(Value::Map(all))
        }),
        row("min", "min(number, number, ...)", (1, usize::MAX), Ty::Any, |values| extreme("min", values, |a, b| a < b)),
        row("replace", "replace(text, old, new)", (3, 3), Ty::String, |values| match values {
            [Value::String(text), Value::String(old), Value::String(new)] => {
                fitting(text.len() + text.matches(old.as_ref()).count() * new.len())?;
                Ok(Value::string(text.replace(old.as_ref(), new)))
            }
            _ => wrong("replace", values),
        }),
        row("split", "split(text, separator)", (2, 2), Ty::List(Ty::String.into()), |values| match values {
            [Value::String(text), Value::String(separator)] if !separator.is_empty() => {
                Ok(Value::List(text.split(separator.as_ref()).map(Value::string).collect()))
            }
            [Value::String(_), Value::String(_)] => Err("`split` needs a separator that is not empty".into()),
            _ => wrong("split", values),
        }),
        row("startsWith", "startsWith(text, start)", (2, 2), Ty::Bool, |values| match values {
            [Value::String(text), Value::String(start)] => Ok(Value::Bool(text.starts_with(start.as_ref()))),
            _ => wrong("startsWith", values),
        }),
        row("trim", "trim(text)", (1, 1), Ty::String, |values| match values {
            [Value::String(text)] => Ok(Value::string(text.trim())),
            _ => wrong("trim", values),
        }),
        row("upper", "upper(text)", (1, 1), Ty::String, |values| match values {
            [Value::String(text)] => Ok(Value::string(text.to_uppercase())),
            _ => wrong("upper", values),
        }),
        row("values", "values(map)", (1, 1), Ty::List(Ty::Any.into()), |values| match values {
            [Value::Map(entries)] => Ok(Value::List(entries.values().cloned().collect())),
            _ => wrong("values", values),
        }),
    ]
});

fn row(
    name: &'static str,
    usage: &'static str,
    arity: (usize, usize),
    result: Ty,
    compute: fn(&[&Value]) -> Result<Value, String>,
) -> Function {
    Function { name, usage, arity, result, compute, of_terms: |_| None }
}

fn wrong(name: &str, values: &[&Value]) -> Result<Value, String> {
    let kinds: Vec<&str> = values.iter().map(|value| a_kind(value)).collect();
    Err(format!("`{name}` cannot take {}", kinds.join(" and ")))
}

fn extreme(name: &str, values: &[&Value], better: fn(f64, f64) -> bool) -> Result<Value, String> {
    let number = |value: &Value| match value {
        Value::Int(value) => Some(*value as f64),
        Value::Number(value) => Some(*value),
        Value::Duration(value) | Value::Size(value) => Some(*value as f64),
        _ => None,
    };
    let mut best: Option<(&Value, f64)> = None;
    for value in values {
        let Some(number) = number(value) else {
            return wrong(name, values);
        };
        if best.is_some_and(|(first, _)| std::mem::discriminant(first) != std::mem::discriminant(value)) {
            return wrong(name, values);
        }
        if best.is_none_or(|(_, so_far)| better(number, so_far)) {
            best = Some((value, number));
        }
    }
    best.map_or_else(|| wrong(name, values), |(value, _)| Ok(value.clone()))
}

#[cfg(test)]
mod tests {
    use super::TABLE;

    #[test]
    fn the_table_is_sorted_and_shows_its_names() {
        let names: Vec<&str> = TABLE.iter().map(|function| function.name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable_by_key(|name| name.to_lowercase());
        assert_eq!(names, sorted);
        assert!(TABLE.iter().all(|function| function.usage.starts_with(&format!("{}(", function.name))));
    }
}
