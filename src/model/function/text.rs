//! Functions that read and make texts.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::wrong;
use crate::model::operation::{as_text, fitting};
use crate::value::Value;

/// Stands in the rows of functions that the checker answers.
pub(super) fn nothing(_: &[&Value]) -> Result<Value, String> {
    unreachable!("this function is answered while compiling")
}

pub(super) fn base64(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::String(text)] => {
            fitting(text.len().div_ceil(3) * 4)?;
            Ok(Value::string(STANDARD.encode(text.as_bytes())))
        }
        _ => wrong("base64", values),
    }
}

pub(super) fn sha256(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::String(text)] => {
            let digest = Sha256::digest(text.as_bytes());
            Ok(Value::string(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
        }
        _ => wrong("sha256", values),
    }
}

pub(super) fn ends_with(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::String(text), Value::String(end)] => Ok(Value::Bool(text.ends_with(end.as_ref()))),
        _ => wrong("endsWith", values),
    }
}

pub(super) fn starts_with(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::String(text), Value::String(start)] => Ok(Value::Bool(text.starts_with(start.as_ref()))),
        _ => wrong("startsWith", values),
    }
}

pub(super) fn lower(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::String(text)] => Ok(Value::string(text.to_lowercase())),
        _ => wrong("lower", values),
    }
}

pub(super) fn upper(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::String(text)] => Ok(Value::string(text.to_uppercase())),
        _ => wrong("upper", values),
    }
}

pub(super) fn trim(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::String(text)] => Ok(Value::string(text.trim())),
        _ => wrong("trim", values),
    }
}

pub(super) fn join(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::List(items), Value::String(separator)] => {
            let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            let texts = texts.ok_or("`join` takes a list of texts")?;
            fitting(texts.iter().map(|text| text.len() + separator.len()).sum())?;
            Ok(Value::string(texts.join(separator)))
        }
        _ => wrong("join", values),
    }
}

pub(super) fn replace(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::String(text), Value::String(old), Value::String(new)] => {
            fitting(text.len() + text.matches(old.as_ref()).count() * new.len())?;
            Ok(Value::string(text.replace(old.as_ref(), new)))
        }
        _ => wrong("replace", values),
    }
}

pub(super) fn split(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::String(text), Value::String(separator)] if !separator.is_empty() => {
            Ok(Value::List(text.split(separator.as_ref()).map(Value::string).collect()))
        }
        [Value::String(_), Value::String(_)] => Err("`split` needs a separator that is not empty".into()),
        _ => wrong("split", values),
    }
}

pub(super) fn json(values: &[&Value]) -> Result<Value, String> {
    match values {
        [value] => {
            let text = document(value)?.to_string();
            fitting(text.len())?;
            Ok(Value::string(text))
        }
        _ => wrong("json", values),
    }
}

pub(super) fn yaml(values: &[&Value]) -> Result<Value, String> {
    match values {
        [value] => {
            let text = serde_saphyr::to_string(&document(value)?).map_err(|error| format!("no YAML: {error}"))?;
            fitting(text.len())?;
            Ok(Value::string(text))
        }
        _ => wrong("yaml", values),
    }
}

/// A value as other programs read it. What a template leaves unset is no part of it.
fn document(value: &Value) -> Result<serde_json::Value, String> {
    use serde_json::Value as Json;
    Ok(match value {
        Value::Duration(millis) if millis.is_multiple_of(1000) => Json::from(millis / 1000),
        Value::Number(number) if !number.is_finite() => return Err(format!("{number} has no form in JSON")),
        Value::List(items) => Json::Array(items.iter().map(document).collect::<Result<_, _>>()?),
        Value::Map(entries) => Json::Object(
            entries.iter().map(|(key, item)| Ok((key.clone(), document(item)?))).collect::<Result<_, String>>()?,
        ),
        Value::Data(data) => {
            let set = data.fields.iter().filter(|(_, field)| **field != Value::Null);
            Json::Object(
                set.map(|(name, field)| Ok((name.to_string(), document(field)?))).collect::<Result<_, String>>()?,
            )
        }
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Duration(_)
        | Value::Size(_)
        | Value::Reference(_)
        | Value::Secret(_) => value.reveal(),
    })
}

/// How one value is set into a pattern: `%-08.3f`.
#[derive(Default)]
struct Directive {
    left: bool,
    zeros: bool,
    /// In characters.
    width: usize,
    precision: Option<usize>,
}

/// Characters that a width or precision may ask for.
const MAX_WIDTH: usize = 1000;

pub(super) fn format(values: &[&Value]) -> Result<Value, String> {
    let [Value::String(pattern), arguments @ ..] = values else {
        return wrong("format", values);
    };
    let mut arguments = arguments.iter();
    let mut taken = 0;
    let mut out = String::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        fitting(out.len())?;
        if c != '%' {
            out.push(c);
            continue;
        }
        if chars.next_if_eq(&'%').is_some() {
            out.push('%');
            continue;
        }
        let mut directive = Directive::default();
        while let Some(flag) = chars.next_if(|c| matches!(c, '-' | '0')) {
            directive.left |= flag == '-';
            directive.zeros |= flag == '0';
        }
        let number = |chars: &mut std::iter::Peekable<std::str::Chars>| {
            let mut number = None;
            while let Some(digit) = chars.next_if(char::is_ascii_digit).and_then(|c| c.to_digit(10)) {
                number = Some((number.unwrap_or(0usize) * 10 + digit as usize).min(MAX_WIDTH + 1));
            }
            number
        };
        directive.width = number(&mut chars).unwrap_or(0);
        if chars.next_if_eq(&'.').is_some() {
            directive.precision = Some(number(&mut chars).unwrap_or(0));
        }
        if directive.width.max(directive.precision.unwrap_or(0)) > MAX_WIDTH {
            return Err(format!("`format` pads to {MAX_WIDTH} characters at most"));
        }
        let Some(letter) = chars.next() else {
            return Err("the pattern ends with a `%`; write `%%` for the sign itself".into());
        };
        if !"sdfx".contains(letter) {
            return Err(format!("`%{letter}` is none of `%s %d %f %x`; write `%%` for the sign itself"));
        }
        let Some(value) = arguments.next() else {
            return Err(format!("the pattern asks for more values than the {taken} that are given"));
        };
        taken += 1;
        directive.write(letter, value, &mut out)?;
    }
    match arguments.len() {
        0 => Ok(Value::string(out)),
        1 => Err(format!("the pattern takes {taken} values, and one more is given")),
        more => Err(format!("the pattern takes {taken} values, and {more} more are given")),
    }
}

impl Directive {
    fn write(&self, letter: char, value: &Value, out: &mut String) -> Result<(), String> {
        let wrong =
            |wanted: &str| format!("`%{letter}` takes {wanted}, not {}", crate::model::operation::a_kind(value));
        let (sign, body) = match (letter, value) {
            ('s', value) => {
                let text = as_text(value)?;
                ("", self.precision.map_or(text.clone(), |most| text.chars().take(most).collect()))
            }
            ('d', Value::Int(int)) => (if *int < 0 { "-" } else { "" }, int.unsigned_abs().to_string()),
            ('x', Value::Int(int)) => (if *int < 0 { "-" } else { "" }, format!("{:x}", int.unsigned_abs())),
            ('f', Value::Int(_) | Value::Number(_)) => {
                let number = match value {
                    Value::Int(int) => *int as f64,
                    Value::Number(number) => *number,
                    _ => unreachable!("matched above"),
                };
                let precision = self.precision.unwrap_or(6);
                (if number < 0.0 { "-" } else { "" }, format!("{:.precision$}", number.abs()))
            }
            ('d' | 'x', _) => return Err(wrong("an Int")),
            _ => return Err(wrong("a number")),
        };
        let padding = self.width.saturating_sub(sign.len() + body.chars().count());
        let written = if self.left {
            write!(out, "{sign}{body}{:padding$}", "")
        } else if self.zeros && letter != 's' {
            write!(out, "{sign}{:0<padding$}{body}", "")
        } else {
            write!(out, "{:padding$}{sign}{body}", "")
        };
        written.map_err(|_| unreachable!("a text can be written to"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_filled_in_as_printf_does() {
        let text = |text: &str| Value::string(text);
        for (pattern, values, expected) in [
            ("web-%03d", vec![Value::Int(7)], "web-007"),
            ("%s|%5s|%-5s|%.2s", vec![text("a"), text("bc"), text("de"), text("fgh")], "a|   bc|de   |fg"),
            ("%.2f %f", vec![Value::Number(1.005), Value::Int(2)], "1.00 2.000000"),
            ("%x %05d%%", vec![Value::Int(255), Value::Int(-42)], "ff -0042%"),
            ("%s", vec![Value::Duration(30_000)], "30s"),
        ] {
            let pattern = text(pattern);
            let all: Vec<&Value> = std::iter::once(&pattern).chain(&values).collect();
            assert_eq!(format(&all), Ok(text(expected)));
        }
        for (pattern, values) in [
            ("%d", vec![]),
            ("%d", vec![text("x")]),
            ("%", vec![]),
            ("%q", vec![text("x")]),
            ("x", vec![text("y")]),
            ("%99999999999999999999d", vec![Value::Int(1)]),
        ] {
            let pattern = text(pattern);
            let all: Vec<&Value> = std::iter::once(&pattern).chain(&values).collect();
            assert!(format(&all).is_err(), "{pattern}");
        }
    }
}
