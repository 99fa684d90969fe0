//! Numbers that stay what they are: decimal digits as a 64-bit float and back, and whole numbers beside
//! floats. What a float cannot keep is refused, never rounded without a word.

use std::cmp::Ordering;

/// Digits that a decimal number may have: the longest exact float has 767.
const MAX_DIGITS: usize = 800;

/// The float that decimal digits such as `1.50`, `-3` or `1e-7` stand for. Nothing when there is none: the
/// float, written with as many digits, is another number.
pub fn read(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok().filter(|number: &f64| number.is_finite())?;
    let (digits, exponent) = significant(text)?;
    match digits.len() {
        0 => Some(number),
        count if count > MAX_DIGITS => None,
        count => {
            let (kept, at) = significant(&format!("{:.*e}", count - 1, number))?;
            (digits == kept && exponent == at).then_some(number)
        }
    }
}

/// The digits from the first to the last that is not zero, and the power of ten of the first.
fn significant(text: &str) -> Option<(String, i64)> {
    let text = text.trim_start_matches(['-', '+']);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let from_first = all.trim_start_matches('0');
    let zeros = all.len() - from_first.len();
    let digits = from_first.trim_end_matches('0').to_string();
    let power = exponent.checked_add(whole.len() as i64 - zeros as i64 - 1)?;
    Some((digits, power))
}

/// A float as it is written in a program: with a point, and without an exponent.
pub fn written(number: f64) -> String {
    let mut text = number.to_string();
    if !text.contains('.') && number.is_finite() {
        text.push_str(".0");
    }
    text
}

/// The number that a text has, as a program has it; nothing for another text.
pub fn of_text(text: &str) -> Option<String> {
    if !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E')) {
        return None;
    }
    match text.parse::<i64>() {
        Ok(int) => Some(int.to_string()),
        Err(_) => read(text).map(written).filter(|written| written.len() <= 40),
    }
}

/// A whole number as a float, if a float keeps it.
pub fn from_int(int: i64) -> Option<f64> {
    let number = int as f64;
    (compare(int, number) == Some(Ordering::Equal)).then_some(number)
}

/// A float as a whole number, if it is one of 64 bits.
pub fn to_int(number: f64) -> Option<i64> {
    let int = number as i64;
    (compare(int, number) == Some(Ordering::Equal)).then_some(int)
}

/// A whole number beside a float, exactly. Nothing for what is no number.
pub fn compare(int: i64, number: f64) -> Option<Ordering> {
    // 2^63: the first whole number above, and as a negative one the last below.
    const END: f64 = 9_223_372_036_854_775_808.0;
    if number >= END {
        return Some(Ordering::Less);
    }
    if number < -END {
        return Some(Ordering::Greater);
    }
    let whole = number.trunc();
    let by_whole = int.cmp(&(whole as i64));
    Some(by_whole.then(whole.partial_cmp(&number)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_as_they_are_or_not_at_all() {
        for text in [
            "0",
            "-0.0",
            "1.50",
            "0.1",
            "-0.00000025",
            "1e23",
            "1E-7",
            "5e-324",
            "1.7976931348623157e308",
            "9007199254740992.0",
            "0.10000000000000001",
            "123456789012345680000.0",
            "0.0000",
            "0.1000000000000000055511151231257827021181583404541015625",
        ] {
            assert_eq!(read(text), text.parse().ok(), "{text}");
        }
        for text in [
            "9007199254740993.0",
            "9007199254740993",
            "3.14159265358979323846",
            "1e309",
            "1e-400",
            "inf",
            "NaN",
            "",
            "0.10000000000000002e",
            "123456789012345678901234567890.0",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&"1".repeat(100_000)), None);
    }

    #[test]
    fn floats_are_written_without_an_exponent_and_read_again() {
        for (number, text) in [
            (0.0000001, "0.0000001"),
            (1e23, "100000000000000000000000.0"),
            (-2.5e-7, "-0.00000025"),
            (-0.0, "-0.0"),
            (1.5, "1.5"),
        ] {
            assert_eq!(written(number), text);
        }
        for number in [f64::MAX, f64::MIN_POSITIVE, 5e-324, 0.1 + 0.2, 1.0 / 3.0] {
            assert_eq!(read(&written(number)), Some(number));
        }
    }

    #[test]
    fn the_number_of_a_text_is_as_a_program_has_it() {
        for (text, expected) in [
            ("007", Some("7")),
            ("+5", Some("5")),
            ("1e3", Some("1000.0")),
            (".5", Some("0.5")),
            ("inf", None),
            ("1e300", None),
            ("9223372036854775809", None),
            ("", None),
        ] {
            assert_eq!(of_text(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn whole_numbers_and_floats_are_compared_exactly() {
        for (int, number, expected) in [
            (9_007_199_254_740_993, 9_007_199_254_740_992.0, Ordering::Greater),
            (9_007_199_254_740_992, 9_007_199_254_740_992.0, Ordering::Equal),
            (i64::MAX, 9_223_372_036_854_775_808.0, Ordering::Less),
            (i64::MIN, -9_223_372_036_854_775_808.0, Ordering::Equal),
            (i64::MIN, -1e300, Ordering::Greater),
            (0, -0.0, Ordering::Equal),
            (1, 1.5, Ordering::Less),
            (-1, -1.5, Ordering::Greater),
            (2, 1.5, Ordering::Greater),
        ] {
            assert_eq!(compare(int, number), Some(expected), "{int} {number}");
        }
        assert_eq!(compare(1, f64::NAN), None);
        assert_eq!((from_int(9_007_199_254_740_993), from_int(1 << 60)), (None, Some((1i64 << 60) as f64)));
        assert_eq!((to_int(1.5), to_int(1e19), to_int(-3.0)), (None, None, Some(-3)));
    }
}
