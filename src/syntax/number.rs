//! Numbers as they are written: read exactly, or refused with what was most likely meant.

use super::tree::ExprKind;
use crate::diagnostic::{Diagnostic, closest};
use crate::source::Span;
use crate::value::{UNITS, Value, number, with_unit};

type Fallible<T> = Result<T, Box<Diagnostic>>;

/// One more than the largest `Int`: the least `Int` without its sign.
pub(super) const BEYOND: u64 = 1 << 63;

/// The number of one token, and what stands behind it. An `Int` may be [`BEYOND`], which only a `-` before
/// it makes one of 64 bits.
pub(super) fn read(text: &str, behind: &str, span: Span) -> Fallible<ExprKind> {
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (written, unit) = text.split_at(unit_at);
    if let Some(exponent) = exponent(unit, behind) {
        return Err(with_exponent(written, exponent, span));
    }
    if let Some(value) = radix(written, unit) {
        return Err(error(format!("`{text}` is not a decimal number"), span, "numbers have the digits 0 to 9")
            .help(format!("write `{value}`"))
            .into());
    }
    if written.split('.').any(|digits| digits.split('_').any(str::is_empty)) {
        let kept: Vec<String> = written
            .split('.')
            .map(|digits| digits.split('_').filter(|digits| !digits.is_empty()).collect::<Vec<_>>().join("_"))
            .collect();
        return Err(error(
            format!("`{text}` has a `_` that is not between two digits"),
            span,
            "a single `_` between digits",
        )
        .help(format!("write `{}{unit}`", kept.join(".")))
        .into());
    }
    let digits = written.replace('_', "");
    if digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.") {
        return Err(leading_zero(text, &digits, unit, span));
    }
    if !unit.is_empty() {
        let value = digits.parse().ok().and_then(|count: u64| with_unit(count, unit));
        return match value {
            Some(Value::Duration(millis)) => Ok(ExprKind::Duration(millis)),
            Some(Value::Size(bytes)) => Ok(ExprKind::Size(bytes)),
            _ if UNITS.contains(&unit) => Err(not_whole(text, &digits, unit, span)),
            _ => {
                let unit_span = Span::new(span.source, span.end as usize - unit.len(), span.end as usize);
                Err(no_unit(&digits, unit, unit_span))
            }
        };
    }
    if digits.contains('.') {
        return match number::read(&digits) {
            Some(number) => Ok(ExprKind::Number(number)),
            None => Err(not_kept(text, &digits, span)),
        };
    }
    match digits.parse() {
        Ok(int) if int <= BEYOND => Ok(ExprKind::Int(int)),
        Ok(_) | Err(_) => Err(too_large(text, span)),
    }
}

/// A whole number with its sign.
pub(super) fn signed(magnitude: u64, negative: bool) -> Option<i64> {
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

pub(super) fn too_large(text: &str, span: Span) -> Box<Diagnostic> {
    error(format!("`{text}` is too large a number"), span, "more than 64 bits")
        .help(format!("an `Int` goes from {} to {}; write an id in quotes", i64::MIN, i64::MAX))
        .into()
}

fn error(message: String, span: Span, label: &str) -> Diagnostic {
    Diagnostic::error("cloud::syntax::number", message).label(span, label)
}

/// `e9`, or `e` with a sign and digits behind it, as `1e-7` is read.
fn exponent(unit: &str, behind: &str) -> Option<i32> {
    let exponent = unit.strip_prefix(['e', 'E'])?;
    if !exponent.is_empty() {
        return exponent.parse().ok();
    }
    let signed = behind.strip_prefix('+').or_else(|| behind.starts_with('-').then_some(behind))?;
    let end = signed[1.min(signed.len())..].find(|c: char| !c.is_ascii_digit()).map_or(signed.len(), |at| at + 1);
    signed[..end].parse().ok()
}

fn with_exponent(written: &str, exponent: i32, span: Span) -> Box<Diagnostic> {
    let digits = written.replace('_', "");
    let diagnostic = error(format!("`{written}e{exponent}` is written with an exponent"), span, "numbers have none");
    let zeros = usize::try_from(exponent).ok().filter(|zeros| digits.len() + zeros <= 18 && !digits.contains('.'));
    let plain = match zeros {
        Some(zeros) => Some(format!("{digits}{}", "0".repeat(zeros))),
        None => number::read(&format!("{digits}e{exponent}")).map(number::written),
    };
    match plain {
        Some(plain) if plain.len() <= 40 => diagnostic.help(format!("write `{plain}`")),
        Some(_) => diagnostic.help("write all of its digits"),
        None => diagnostic.help("a `Number`, a 64-bit float, cannot be that large or that small"),
    }
    .into()
}

/// The value of `0x1F`, `0o644` and `0b101`.
fn radix(written: &str, unit: &str) -> Option<u64> {
    let radix = match unit.get(..1)? {
        "x" | "X" => 16,
        "o" | "O" => 8,
        "b" => 2,
        _ => return None,
    };
    u64::from_str_radix(&unit[1..].replace('_', ""), radix).ok().filter(|_| written == "0")
}

/// `007`, `0644`, `012345678901`
fn leading_zero(text: &str, digits: &str, unit: &str, span: Span) -> Box<Diagnostic> {
    let meant = digits.trim_start_matches('0');
    let meant = if meant.is_empty() || meant.starts_with('.') { format!("0{meant}") } else { meant.to_string() };
    let diagnostic = error(format!("`{text}` begins with a zero"), span, "a number does not");
    let mode = unit.is_empty() && (4..=5).contains(&digits.len()) && digits.bytes().all(|b| (b'0'..b'8').contains(&b));
    if mode {
        return diagnostic.help(format!("write `{meant}`; a file mode is a text: `\"{digits}\"`")).into();
    }
    diagnostic.help(format!("write `{meant}{unit}`; if the zero means something, it is a text: `\"{text}\"`")).into()
}

/// A number with a point of which a float would make another.
fn not_kept(text: &str, digits: &str, span: Span) -> Box<Diagnostic> {
    let near = digits.parse().ok().filter(|near: &f64| near.is_finite()).map(number::written);
    let near = near.filter(|near| near.len() <= 40);
    let message = format!("`{text}` is not exactly a `Number`");
    match near {
        Some(near) => error(message, span, &format!("it would become {near}"))
            .help(format!("write `{near}`, or a text in quotes; an `Int` has no point and keeps 64 bits")),
        None => error(message, span, "a `Number` is a 64-bit float").help("write a text in quotes"),
    }
    .into()
}

/// Units by what else they are called.
const UNIT_NAMES: [(&str, &[&str]); 6] = [
    ("ms", &["millis", "msec", "milliseconds"]),
    ("s", &["sec", "secs", "second", "seconds"]),
    ("m", &["min", "mins", "minute", "minutes"]),
    ("h", &["hr", "hrs", "hour", "hours"]),
    ("d", &["day", "days"]),
    ("GiB", &["gi", "gig"]),
];

/// `30min`, `8gb`
fn no_unit(digits: &str, unit: &str, span: Span) -> Box<Diagnostic> {
    let lower = unit.to_lowercase();
    let called = UNIT_NAMES.iter().find(|(_, names)| names.contains(&lower.as_str())).map(|(unit, _)| *unit);
    let weeks = matches!(lower.as_str(), "w" | "week" | "weeks");
    let meant = called.or_else(|| weeks.then_some("d")).or_else(|| closest(unit, UNITS));
    let count = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(if weeks { 7 } else { 1 }));
    let diagnostic = Diagnostic::error("cloud::syntax::number", format!("`{unit}` is not a unit"))
        .label(span, meant.map_or("not a unit".into(), |unit| format!("did you mean `{unit}`?")));
    match meant.zip(count) {
        Some((unit, count)) => diagnostic.help(format!("write `{count}{unit}`; units are {}", UNITS.join(", "))),
        None => diagnostic.help(format!("units are {}", UNITS.join(", "))),
    }
    .into()
}

/// `1.5h`, or more than fits.
fn not_whole(text: &str, digits: &str, unit: &str, span: Span) -> Box<Diagnostic> {
    let amount = |unit: &str| match with_unit(1, unit) {
        Some(Value::Duration(amount)) => Some((true, amount)),
        Some(Value::Size(amount)) => Some((false, amount)),
        _ => None,
    };
    let fraction = digits.contains('.').then(|| digits.parse::<f64>().ok().zip(amount(unit))).flatten();
    let Some((count, (kind, one))) = fraction else {
        return Diagnostic::error("cloud::syntax::number", format!("`{text}` is too large"))
            .label(span, "more than 64 bits")
            .into();
    };
    let diagnostic = Diagnostic::error("cloud::syntax::number", format!("`{text}` is not a whole number of `{unit}`"))
        .label(span, "the number before a unit is whole");
    // The largest unit in which it is whole.
    let exact = UNITS
        .iter()
        .filter_map(|smaller| Some((*smaller, amount(smaller).filter(|(other, _)| *other == kind)?.1)))
        .map(|(smaller, of)| (of, smaller, count * one as f64 / of as f64))
        .filter(|(_, _, count)| count.fract() == 0.0 && *count >= 1.0 && *count < 1e15)
        .max_by_key(|(of, ..)| *of);
    match exact {
        Some((_, smaller, count)) => diagnostic.help(format!("write `{count}{smaller}`")),
        None => diagnostic.help("write it in a smaller unit"),
    }
    .into()
}
