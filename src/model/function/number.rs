//! Functions of numbers: from texts, to whole ones.

use std::num::IntErrorKind;

use super::{Function, refuse, row, wrong};
use crate::model::operation::a_kind;
use crate::model::ty::Ty;
use crate::value::{Quoted, Value, number};

pub(super) fn rows() -> Vec<Function> {
    // An `Int` stays one: what they take is no `Number` yet.
    let whole = |name, doc, compute| {
        row(name, &[("number", Ty::Any)], Ty::Int, doc, compute).takes(0, "number").refusing(refuse::no_number)
    };
    vec![
        row("abs", &[("number", Ty::Any)], Ty::Any, "How far a number is from zero.", abs)
            .takes(0, "number").refusing(refuse::no_number)
            .like_first(),
        whole("ceil", "The smallest whole number that is not below a number.", ceil),
        whole("floor", "The largest whole number that is not above a number.", floor),
        row(
            "int",
            &[("from", Ty::Any), ("base", Ty::Int)],
            Ty::Int,
            "The whole number that a text says, with digits of base 10 or of the one given (2 to 36); a whole `Number` as an `Int`.",
            int,
        )
        .required(1)
        .takes(0, "text or number").refusing(refuse::nothing_to_read),
        row("number", &[("from", Ty::Any)], Ty::Number, "The number that a text says; an `Int` as a `Number`.", from)
            .takes(0, "text or number").refusing(refuse::nothing_to_read),
        row(
            "pow",
            &[("base", Ty::Any), ("exponent", Ty::Int)],
            Ty::Any,
            "A number multiplied with itself so many times.",
            pow,
        )
        .takes(0, "number").refusing(refuse::no_number)
        .like_first(),
        whole("round", "The nearest whole number; a half goes away from zero.", round),
    ]
}

fn abs(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::Int(int)] => int.checked_abs().map(Value::Int).ok_or_else(too_large),
        [Value::Number(number)] => Ok(Value::Number(number.abs())),
        _ => wrong("abs", values),
    }
}

fn ceil(values: &[&Value]) -> Result<Value, String> {
    whole("ceil", values, f64::ceil)
}

fn floor(values: &[&Value]) -> Result<Value, String> {
    whole("floor", values, f64::floor)
}

fn round(values: &[&Value]) -> Result<Value, String> {
    whole("round", values, f64::round)
}

fn whole(name: &str, values: &[&Value], rounded: fn(f64) -> f64) -> Result<Value, String> {
    match values {
        [Value::Int(int)] => Ok(Value::Int(*int)),
        [Value::Number(number)] => number::to_int(rounded(*number)).map(Value::Int).ok_or_else(too_large),
        _ => wrong(name, values),
    }
}

fn int(values: &[&Value]) -> Result<Value, String> {
    let base = match values {
        [_] => 10,
        [_, Value::Int(base)] => u32::try_from(*base)
            .ok()
            .filter(|base| (2..=36).contains(base))
            .ok_or_else(|| format!("a base is from 2 to 36, not {base}"))?,
        _ => return wrong("int", values),
    };
    match values {
        [Value::String(text), ..] => match i64::from_str_radix(text, base) {
            Ok(int) => Ok(Value::Int(int)),
            Err(error) => Err(match error.kind() {
                IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => {
                    format!("{} does not fit into the 64 bits of an `Int`", Quoted(text))
                }
                _ if text.trim() != text.as_ref() => {
                    format!("{} is no whole number: there is white space around it, which `trim` removes", Quoted(text))
                }
                _ if base == 10 => format!("{} is no whole number", Quoted(text)),
                _ => format!("{} is no whole number of base {base}", Quoted(text)),
            }),
        },
        [Value::Int(int)] => Ok(Value::Int(*int)),
        [Value::Number(value)] => number::to_int(*value).map(Value::Int).ok_or_else(|| {
            let value = number::written(*value);
            format!("{value} is no whole number of 64 bits; `floor`, `ceil` and `round` make a whole number")
        }),
        [_, Value::Int(_)] => Err("a base is for texts".into()),
        [other, ..] => Err(format!("`int` takes a text or a number, not {}", a_kind(other))),
        [] => wrong("int", values),
    }
}

fn from(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::String(text)] => {
            let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
            match text.parse::<f64>() {
                Ok(_) if plain => number::read(text).map(Value::Number).ok_or_else(|| not_kept(text)),
                Ok(_) | Err(_) => Err(format!("{} is no number", Quoted(text))),
            }
        }
        [Value::Int(int)] => number::from_int(*int).map(Value::Number).ok_or_else(|| not_kept(&int.to_string())),
        [Value::Number(value)] => Ok(Value::Number(*value)),
        [other] => Err(format!("`number` takes a text or a number, not {}", a_kind(other))),
        _ => wrong("number", values),
    }
}

fn pow(values: &[&Value]) -> Result<Value, String> {
    match values {
        [Value::Int(base), Value::Int(exponent)] => match u32::try_from(*exponent) {
            Ok(exponent) => base.checked_pow(exponent).map(Value::Int).ok_or_else(too_large),
            Err(_) if *exponent > 0 => Err(too_large()),
            Err(_) => Err("an `Int` to a negative power is no `Int`; write its base with a point".into()),
        },
        [Value::Number(base), Value::Int(exponent)] => {
            let result = base.powi(i32::try_from(*exponent).map_err(|_| too_large())?);
            if result.is_finite() { Ok(Value::Number(result)) } else { Err(too_large()) }
        }
        _ => wrong("pow", values),
    }
}

fn too_large() -> String {
    "the result does not fit into 64 bits".into()
}

/// Of a number of which a float would make another.
pub(super) fn not_kept(text: &str) -> String {
    let text: String = text.chars().take(60).collect();
    format!("{text} is not exactly a `Number`, which is a 64-bit float")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::string(text)
    }

    #[test]
    fn texts_become_the_number_that_they_say_or_none() {
        for (from, expected) in [
            (text("5"), Some(5)),
            (text("-9223372036854775808"), Some(i64::MIN)),
            (text("9223372036854775808"), None),
            (text("007"), Some(7)),
            (text("1.5"), None),
            (text("5\n"), None),
            (text(""), None),
            (Value::Number(3.0), Some(3)),
            (Value::Number(1.5), None),
            (Value::Number(1e19), None),
            (Value::Bool(true), None),
        ] {
            assert_eq!(int(&[&from]).ok(), expected.map(Value::Int), "{from}");
        }
        assert_eq!(int(&[&text("ff"), &Value::Int(16)]), Ok(Value::Int(255)));
        assert_eq!(int(&[&text("0644"), &Value::Int(8)]), Ok(Value::Int(420)));
        assert!(int(&[&text("5"), &Value::Int(1)]).is_err() && int(&[&Value::Int(5), &Value::Int(8)]).is_err());
        for (given, expected) in [("1.5", Some(1.5)), ("1e-7", Some(1e-7)), ("inf", None), ("9007199254740993", None)] {
            assert_eq!(from(&[&text(given)]).ok(), expected.map(Value::Number), "{given}");
        }
        assert!(from(&[&Value::Int(i64::MAX)]).is_err());
    }

    #[test]
    fn numbers_become_whole_ones_and_never_overflow() {
        let of = |value: f64| {
            let value = Value::Number(value);
            [floor(&[&value]), ceil(&[&value]), round(&[&value])].map(Result::ok)
        };
        let ints = |ints: [i64; 3]| ints.map(|int| Some(Value::Int(int)));
        assert_eq!(of(1.2), ints([1, 2, 1]));
        assert_eq!(of(-1.5), ints([-2, -1, -2]));
        assert_eq!(of(1e19), [None, None, None]);
        assert!(abs(&[&Value::Int(i64::MIN)]).is_err());
        assert_eq!(abs(&[&Value::Int(-5)]), Ok(Value::Int(5)));
        assert_eq!(pow(&[&Value::Int(2), &Value::Int(10)]), Ok(Value::Int(1024)));
        assert!(pow(&[&Value::Int(2), &Value::Int(63)]).is_err());
        assert!(pow(&[&Value::Number(10.0), &Value::Int(400)]).is_err());
    }
}
