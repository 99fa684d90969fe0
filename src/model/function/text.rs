//! Functions that read and make texts.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256, Sha512};

use super::{Function, row, wrong};
use crate::model::operation::{as_text, fitting};
use crate::model::ty::Ty;
use crate::value::{Quoted, Value, json_text, number};

/// Stands in the rows of functions that the checker answers.
pub(super) fn nothing(_: &[&Value]) -> Result<Value, String> {
    unreachable!("this function is answered while compiling")
}

pub(super) fn rows() -> Vec<Function> {
    let text = || Ty::String;
    vec![
        row("base64Decode", &[("text", text())], text(), "The text whose bytes are given in Base64.", base64_decode),
        row(
            "formatDate",
            &[("time", text()), ("format", text())],
            text(),
            "A time as RFC 3339 has it (`2026-01-31T12:00:00Z`), in UTC, written as `strftime` does: `%Y-%m-%d`.",
            format_date,
        ),
        row(
            "indent",
            &[("text", text()), ("spaces", Ty::Int)],
            text(),
            "A text with so many spaces before each of its lines but the first, and none before empty ones.",
            indent,
        ),
        row(
            "sha512",
            &[("text", text())],
            text(),
            "The SHA-512 of the bytes of a text, as 128 hexadecimal digits.",
            sha512,
        ),
        row(
            "substring",
            &[("text", text()), ("from", Ty::Int), ("to", Ty::Int)],
            text(),
            "The characters of a text from one place, counted from 0, up to another, without that, or up to its end.",
            substring,
        )
        .required(2),
        row("title", &[("text", text())], text(), "A text with the first letter of each word in upper case.", title),
        row(
            "trimPrefix",
            &[("text", text()), ("start", text())],
            text(),
            "A text without what it starts with, if it does.",
            trim_prefix,
        ),
        row(
            "trimSuffix",
            &[("text", text()), ("end", text())],
            text(),
            "A text without what it ends with, if it does.",
            trim_suffix,
        ),
        row(
            "urlEncode",
            &[("text", text())],
            text(),
            "A text as a part of a URL: all but letters, digits and `-._~` as `%20`.",
            url_encode,
        ),
        row(
            "uuid5",
            &[("namespace", text()), ("name", text())],
            text(),
            "The UUID of a name (version 5), always the same; the namespace is `dns`, `url`, `oid`, `x500` or a UUID.",
            uuid5,
        ),
    ]
}

fn base64_decode(values: &[&Value]) -> Result<Value, String> {
    let [Value::String(text)] = values else { return wrong("base64Decode", values) };
    let bytes = STANDARD.decode(text.as_bytes()).map_err(|error| format!("this is no Base64: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|_| "these bytes are no text in UTF-8".to_string())?;
    Ok(Value::string(text))
}

fn format_date(values: &[&Value]) -> Result<Value, String> {
    let [Value::String(time), Value::String(format)] = values else { return wrong("formatDate", values) };
    // Each directive makes some hundred characters at most.
    fitting(format.len().saturating_mul(256))?;
    let time: jiff::Timestamp =
        time.parse().map_err(|_| format!("{} is no time such as `2026-01-31T12:00:00Z`", Quoted(time)))?;
    let written = jiff::fmt::strtime::format(format.as_bytes(), &time.to_zoned(jiff::tz::TimeZone::UTC));
    written.map(Value::string).map_err(|error| format!("{} is no format such as `%Y-%m-%d`: {error}", Quoted(format)))
}

fn indent(values: &[&Value]) -> Result<Value, String> {
    let [Value::String(text), Value::Int(spaces)] = values else { return wrong("indent", values) };
    let spaces = usize::try_from(*spaces).map_err(|_| format!("{spaces} spaces cannot be put before a line"))?;
    fitting(text.matches('\n').count().saturating_mul(spaces).saturating_add(text.len()))?;
    let mut out = String::new();
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
            if !line.is_empty() {
                out.extend(std::iter::repeat_n(' ', spaces));
            }
        }
        out.push_str(line);
    }
    Ok(Value::string(out))
}

fn sha512(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::String(text)] => {
            let digest = Sha512::digest(text.as_bytes());
            Ok(Value::string(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
        }
        _ => wrong("sha512", values),
    }
}

fn substring(values: &[&Value]) -> Result<Value, String> {
    let (text, from, to) = match values {
        [Value::String(text), Value::Int(from)] => (text, *from, None),
        [Value::String(text), Value::Int(from), Value::Int(to)] => (text, *from, Some(*to)),
        _ => return wrong("substring", values),
    };
    let places = super::list::places(from, to, text.chars().count())?;
    Ok(Value::string(text.chars().skip(places.start).take(places.len()).collect::<String>()))
}

fn title(values: &[&Value]) -> Result<Value, String> {
    let [Value::String(text)] = values else { return wrong("title", values) };
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        if inside {
            out.push(c)
        } else {
            out.extend(c.to_uppercase())
        }
        inside = c.is_alphanumeric() || inside && c == '\'';
    }
    Ok(Value::string(out))
}

fn trim_prefix(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::String(text), Value::String(start)] => {
            Ok(Value::string(text.strip_prefix(start.as_ref()).unwrap_or(text)))
        }
        _ => wrong("trimPrefix", values),
    }
}

fn trim_suffix(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::String(text), Value::String(end)] => Ok(Value::string(text.strip_suffix(end.as_ref()).unwrap_or(text))),
        _ => wrong("trimSuffix", values),
    }
}

/// Source: RFC 3986, section 2.3.
fn url_encode(values: &[&Value]) -> Result<Value, String> {
    let [Value::String(text)] = values else { return wrong("urlEncode", values) };
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    fitting(out.len())?;
    Ok(Value::string(out))
}

fn uuid5(values: &[&Value]) -> Result<Value, String> {
    use uuid::Uuid;
    let [Value::String(namespace), Value::String(name)] = values else { return wrong("uuid5", values) };
    let namespace = match namespace.as_ref() {
        "dns" => Uuid::NAMESPACE_DNS,
        "url" => Uuid::NAMESPACE_URL,
        "oid" => Uuid::NAMESPACE_OID,
        "x500" => Uuid::NAMESPACE_X500,
        other => other.parse().map_err(|_| {
            format!("{} is no namespace: write `\"dns\"`, `\"url\"`, `\"oid\"`, `\"x500\"` or a UUID", Quoted(other))
        })?,
    };
    Ok(Value::string(Uuid::new_v5(&namespace, name.as_bytes()).to_string()))
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
            let text = json_text(&document(value)?);
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
        Value::Duration(millis) => {
            let seconds = number::read(&format!("{}.{:03}", millis / 1000, millis % 1000));
            Json::from(seconds.ok_or_else(|| format!("{value} in seconds is no exact number"))?)
        }
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
            ('f', Value::Int(int)) => {
                let precision = self.precision.unwrap_or(6);
                let zeros = if precision > 0 { format!(".{}", "0".repeat(precision)) } else { String::new() };
                (if *int < 0 { "-" } else { "" }, format!("{}{zeros}", int.unsigned_abs()))
            }
            ('f', Value::Number(number)) => {
                let precision = self.precision.unwrap_or(6);
                (if *number < 0.0 { "-" } else { "" }, format!("{:.precision$}", number.abs()))
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
        assert_eq!(
            format(&[&text("%.2f %.0f"), &Value::Int(9_007_199_254_740_993), &Value::Int(i64::MIN)]),
            Ok(text("9007199254740993.00 -9223372036854775808")),
        );
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
    #[test]
    fn texts_are_cut_coded_and_hashed() {
        let text = |text: &str| Value::string(text);
        let of = |function: fn(&[&Value]) -> Result<Value, String>, values: &[Value]| {
            function(&values.iter().collect::<Vec<_>>()).ok()
        };
        let int = Value::Int;
        assert_eq!(of(substring, &[text("größe"), int(1), int(3)]), Some(text("rö")));
        assert_eq!(of(substring, &[text("abc"), int(1)]), Some(text("bc")));
        assert_eq!(of(substring, &[text("abc"), int(0), int(99)]), Some(text("abc")));
        assert_eq!(of(substring, &[text("abc"), int(-1)]), None);
        assert_eq!(of(base64_decode, &[text("YQ==")]), Some(text("a")));
        assert_eq!(of(base64_decode, &[text("/w==")]), None, "a byte that is no text");
        assert_eq!(of(base64_decode, &[text("a b")]), None);
        assert_eq!(of(url_encode, &[text("a b/ü~")]), Some(text("a%20b%2F%C3%BC~")));
        assert_eq!(of(title, &[text("hello wide-world, it's")]), Some(text("Hello Wide-World, It's")));
        assert_eq!(of(trim_prefix, &[text("v1.2"), text("v")]), Some(text("1.2")));
        assert_eq!(of(trim_suffix, &[text("a.txt"), text(".cloud")]), Some(text("a.txt")));
        assert_eq!(of(indent, &[text("a\n\nb"), int(2)]), Some(text("a\n\n  b")));
        assert_eq!(of(indent, &[text("a\nb"), int(i64::MAX)]), None);
        // Source: RFC 9562, appendix A.4.
        let uuid = "2ed6657d-e927-568b-95e1-2665a8aea6a2";
        assert_eq!(of(uuid5, &[text("dns"), text("www.example.com")]), Some(text(uuid)));
        assert_eq!(of(uuid5, &[text("dn"), text("x")]), None);
        let time = text("2026-11-27T01:30:00+02:00");
        assert_eq!(of(format_date, &[time.clone(), text("%Y-%m-%d %H:%M")]), Some(text("2026-11-26 23:30")));
        assert_eq!(of(format_date, &[time.clone(), text("%&")]), None);
        assert_eq!(of(format_date, &[text("%Y"), time]), None);
        assert_eq!(
            of(json, &[Value::List(vec![Value::Number(1e-7), Value::Number(1e23)])]),
            Some(text("[0.0000001,100000000000000000000000.0]",))
        );
    }
}
