//! Functions that look for regular expressions in texts, in time linear in both.

use std::cell::RefCell;
use std::sync::Arc;

use regex::{Captures, Regex};

use super::{Function, row, wrong};
use crate::model::operation::{MAX_RANGE, fitting};
use crate::model::ty::Ty;
use crate::value::{Quoted, Value};

pub(super) fn rows() -> Vec<Function> {
    let groups = || Ty::List(Arc::new(Ty::String.optional()));
    vec![
        row(
            "capture",
            &[("text", Ty::String), ("pattern", Ty::String)],
            groups().optional(),
            "What a regular expression finds first in a text: the piece, then that of each group in `( )`, null for a group without one; null when nothing is found.",
            capture,
        ),
        row(
            "captureAll",
            &[("text", Ty::String), ("pattern", Ty::String)],
            Ty::List(Arc::new(groups())),
            "The same for all that it finds.",
            capture_all,
        ),
        row(
            "matches",
            &[("text", Ty::String), ("pattern", Ty::String)],
            Ty::Bool,
            "Whether a regular expression finds something in a text; `^` and `$` tie it to the ends.",
            matches,
        ),
        row(
            "replacePattern",
            &[("text", Ty::String), ("pattern", Ty::String), ("new", Ty::String)],
            Ty::String,
            "A text with all that a regular expression finds replaced; in `new`, `$1` is the piece of a group, `$0` all of it, `$$` a `$`.",
            replace_pattern,
        ),
    ]
}

/// A pattern as an expression. In a `for` it mostly is the one before.
fn compiled(pattern: &Arc<str>) -> Result<Regex, String> {
    thread_local! {
        static LAST: RefCell<Option<(Arc<str>, Regex)>> = const { RefCell::new(None) };
    }
    LAST.with_borrow_mut(|last| match last {
        Some((known, regex)) if known == pattern => Ok(regex.clone()),
        _ => {
            let regex = Regex::new(pattern).map_err(|error| {
                let why = error.to_string();
                let why = why.lines().last().unwrap_or("").trim_start_matches("error: ").to_string();
                format!("{} is no regular expression: {why}", Quoted(pattern))
            })?;
            *last = Some((pattern.clone(), regex.clone()));
            Ok(regex)
        }
    })
}

fn matches(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::String(text), Value::String(pattern)] => Ok(Value::Bool(compiled(pattern)?.is_match(text))),
        _ => wrong("matches", values),
    }
}

fn capture(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::String(text), Value::String(pattern)] => {
            Ok(compiled(pattern)?.captures(text).map_or(Value::Null, |found| pieces(&found)))
        }
        _ => wrong("capture", values),
    }
}

fn capture_all(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::String(text), Value::String(pattern)] => {
            let regex = compiled(pattern)?;
            let most = MAX_RANGE as usize / regex.captures_len();
            let all: Vec<Value> = regex.captures_iter(text).take(most + 1).map(|found| pieces(&found)).collect();
            if all.len() > most {
                return Err(format!("`captureAll` finds more than {MAX_RANGE} pieces"));
            }
            Ok(Value::List(all))
        }
        _ => wrong("captureAll", values),
    }
}

fn pieces(found: &Captures) -> Value {
    Value::List(found.iter().map(|piece| piece.map_or(Value::Null, |piece| Value::string(piece.as_str()))).collect())
}

fn replace_pattern(values: &[&Value]) -> Result<Value, String> {
    let [Value::String(text), Value::String(pattern), Value::String(new)] = values else {
        return wrong("replacePattern", values);
    };
    let regex = compiled(pattern)?;
    let new = replacement(new, regex.captures_len())?;
    let mut out = String::new();
    let mut end = 0;
    for found in regex.captures_iter(text) {
        let Some(whole) = found.get(0) else { continue };
        out.push_str(&text[end..whole.start()]);
        for part in &new {
            out.push_str(match part {
                Part::Text(text) => text,
                Part::Group(group) => found.get(*group).map_or("", |piece| piece.as_str()),
            });
            fitting(out.len())?;
        }
        end = whole.end();
    }
    out.push_str(&text[end..]);
    fitting(out.len())?;
    Ok(Value::string(out))
}

enum Part<'t> {
    Text(&'t str),
    Group(usize),
}

/// A replacement in parts. A `$` that neither a digit nor a `$` follows is itself.
fn replacement(new: &str, groups: usize) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = new;
    while let Some((before, behind)) = rest.split_once('$') {
        parts.push(Part::Text(before));
        let digits = behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len());
        rest = if digits > 0 {
            let group = behind[..digits].parse().ok().filter(|group| *group < groups);
            parts.push(Part::Group(group.ok_or_else(|| {
                let named: String = behind[..digits].chars().take(9).collect();
                format!("the pattern has no group {named} for `${named}`; a `$` itself is `$$`")
            })?));
            &behind[digits..]
        } else {
            parts.push(Part::Text("$"));
            behind.strip_prefix('$').unwrap_or(behind)
        };
    }
    parts.push(Part::Text(rest));
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::string(text)
    }

    #[test]
    fn patterns_find_and_replace() {
        let list = |texts: &[Option<&str>]| {
            Value::List(texts.iter().map(|piece| piece.map_or(Value::Null, Value::string)).collect())
        };
        assert_eq!(matches(&[&text("v1.2"), &text(r"^v\d+")]), Ok(Value::Bool(true)));
        assert_eq!(
            capture(&[&text("v1.2"), &text(r"v(\d+)\.(\d+)(-rc)?")]),
            Ok(list(&[Some("v1.2"), Some("1"), Some("2"), None,]))
        );
        assert_eq!(capture(&[&text("x"), &text("y")]), Ok(Value::Null));
        let all = Value::List(vec![list(&[Some("a1")]), list(&[Some("b2")])]);
        assert_eq!(capture_all(&[&text("a1-b2"), &text(r"\w\d")]), Ok(all));
        for (pattern, new, expected) in [
            ("[0-9]", "", Some("ab")),
            ("([a-z])([0-9])", "$2$1", Some("1a2b")),
            ("[0-9]", "$$", Some("a$b$")),
            ("[0-9]", "<$0>", Some("a<1>b<2>")),
            ("[0-9]", "$x", Some("a$xb$x")),
            ("[0-9]", "$1", None),
            ("[0-9", "", None),
        ] {
            let result = replace_pattern(&[&text("a1b2"), &text(pattern), &text(new)]);
            assert_eq!(result.ok(), expected.map(text), "{pattern} {new}");
        }
        let long = text(&"a".repeat(1 << 20));
        assert!(replace_pattern(&[&long, &text("a"), &text("0123456789")]).is_err(), "the result is too long");
    }
}
