//! Lengths of time as they are typed, and as they are told.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// The longest time for which an environment can be wanted: ten years.
const LONGEST: Duration = Duration::from_secs(3650 * DAY);

/// A length of time: `90s`, `10m`, `2h 30m`, `3d`.
///
/// # Errors
/// With how to write it.
pub fn parse(text: &str) -> Result<Duration, String> {
    read(text).ok_or_else(|| "write it like `90s` or `10m`".to_string())
}

/// For how long an environment is wanted.
///
/// # Errors
/// With how to write it, or why it cannot be so short or so long.
pub fn parse_ttl(text: &str) -> Result<Duration, String> {
    let length = read(text).ok_or_else(|| "write it like `90m`, `4h` or `3d`".to_string())?;
    if length.is_zero() {
        return Err("nobody wants an environment for no time: write it like `90m`, `4h` or `3d`".into());
    }
    if length < Duration::from_secs(1) {
        return Err("the shortest time is `1s`".into());
    }
    if length > LONGEST {
        return Err("the longest time is `3650d`; an environment that is to stay has none".into());
    }
    Ok(length)
}

fn read(text: &str) -> Option<Duration> {
    let span: Span = text.parse().ok()?;
    // Months and years have no length of their own.
    let exact = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(exact).ok()
}

/// A length of time as people say it, by the unit that suits it: `45 min`, `4 h`, `12 d`.
pub fn roughly(length: Duration) -> String {
    let seconds = length.as_secs() + u64::from(length.subsec_millis() >= 500);
    let rounded = |unit: u64| (seconds + unit / 2) / unit;
    let (minutes, hours) = (rounded(MINUTE), rounded(HOUR));
    match seconds {
        0..90 => format!("{seconds} s"),
        _ if minutes < 120 && minutes != 60 => format!("{minutes} min"),
        // An hour and a half is neither one nor two.
        _ if hours < 10 && !rounded(HOUR / 2).is_multiple_of(2) => format!("{}.5 h", rounded(HOUR / 2) / 2),
        _ if hours < 48 => format!("{hours} h"),
        _ => format!("{} d", rounded(DAY)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("90s", 90),
            ("10m", 600),
            ("4h", 4 * 3600),
            ("2h 30m", 9000),
            ("2h30m", 9000),
            ("1.5h", 5400),
            ("3d", 3 * DAY),
            ("1w", 7 * DAY),
        ] {
            assert_eq!(parse_ttl(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for (text, why) in [
            ("", "write it like"),
            ("4", "write it like"),
            ("4 parsecs", "write it like"),
            ("-4h", "write it like"),
            ("4h ago", "write it like"),
            ("1mo", "write it like"),
            ("0s", "for no time"),
            ("0.4s", "the shortest time"),
            ("3651d", "the longest time"),
            ("9000w", "the longest time"),
            ("99999999999h", "write it like"),
        ] {
            let said = parse_ttl(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
        assert_eq!(parse("0s"), Ok(Duration::ZERO));
    }

    #[test]
    fn lengths_are_told_by_the_unit_that_suits() {
        let roughly = |seconds: u64| super::roughly(Duration::from_secs(seconds));
        for (seconds, told) in [
            (0, "0 s"),
            (89, "89 s"),
            (90, "2 min"),
            (HOUR - 40, "59 min"),
            (HOUR - 1, "1 h"),
            (HOUR, "1 h"),
            (HOUR + 20 * MINUTE, "80 min"),
            (90 * MINUTE, "90 min"),
            (150 * MINUTE, "2.5 h"),
            (4 * HOUR - 1, "4 h"),
            (4 * HOUR, "4 h"),
            (47 * HOUR, "47 h"),
            (48 * HOUR, "2 d"),
            (400 * DAY, "400 d"),
        ] {
            assert_eq!(roughly(seconds), told, "{seconds}");
        }
    }
}
