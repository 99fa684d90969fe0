//! Secrets that no text may show, in every form in which requests, answers and terminals carry them. A text is
//! searched whole, before anything is cut off it.

use std::fmt::Write;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use crate::apply::provider::Fault;
use crate::value::{Fields, Value};

/// Bytes of a part of a secret that are not found elsewhere by chance.
const INNER: usize = 6;

/// Bytes at the end of a text that was cut that may begin a secret. Fewer tell nothing of it.
const PIECE: usize = 3;

/// Lines of a secret that are shorter are found elsewhere by chance.
const SHORTEST_LINE: usize = 8;

/// What stands in the place of a secret.
const HIDDEN: &str = "(secret)";

/// The texts to search for.
pub struct Hidden {
    /// What is longer first, since one form may be the start of another.
    forms: Vec<String>,
    /// Those that are long enough to be found between colours and line breaks, without white space.
    spread: Vec<Vec<u8>>,
}

/// Which ends of a text are missing: a secret may be across them.
#[derive(Clone, Copy, Default)]
pub struct Missing {
    pub start: bool,
    pub end: bool,
}

impl Hidden {
    pub fn of<'s>(secrets: impl IntoIterator<Item = &'s str>) -> Hidden {
        let mut all: Vec<&str> = Vec::new();
        for secret in secrets {
            all.extend([secret, secret.trim()]);
            // What prints a key of many lines may print one of them.
            all.extend(secret.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE));
        }
        let mut forms: Vec<String> = all.into_iter().flat_map(forms).filter(|form| !form.is_empty()).collect();
        forms.sort_by(|one, two| two.len().cmp(&one.len()).then_with(|| one.cmp(two)));
        forms.dedup();
        let spread = forms.iter().map(|form| squeezed(form).into_iter().map(|(byte, _)| byte).collect::<Vec<u8>>());
        let spread = spread.filter(|form| form.len() >= INNER).collect();
        Hidden { forms, spread }
    }

    pub fn among(values: &Fields) -> Hidden {
        Hidden::of(values.values().flat_map(Value::secrets))
    }

    /// A text without the secrets in it.
    pub fn text(&self, text: String) -> String {
        let text = self.forms.iter().fold(text, |text, form| match text.contains(form.as_str()) {
            true => text.replace(form, HIDDEN),
            false => text,
        });
        self.without_spread(text)
    }

    /// A part of a text: what is left of a secret at an end that is missing is hidden too.
    pub fn part(&self, text: String, missing: Missing) -> String {
        let mut text = self.text(text);
        if missing.start {
            let longest = self.forms.iter().filter_map(|form| {
                let piece = |at: &usize| form.is_char_boundary(*at) && text.starts_with(&form[*at..]);
                (1..=form.len().saturating_sub(PIECE)).find(piece).map(|at| form.len() - at)
            });
            if let Some(longest) = longest.max() {
                text.replace_range(..longest, HIDDEN);
            }
        }
        if missing.end {
            let longest = self.forms.iter().filter_map(|form| {
                let piece = |length: &usize| form.is_char_boundary(*length) && text.ends_with(&form[..*length]);
                (PIECE..form.len()).rev().find(piece)
            });
            if let Some(longest) = longest.max() {
                text.replace_range(text.len() - longest.., HIDDEN);
            }
        }
        text
    }

    /// The beginning of a text without secrets, with `...` where it was longer than so many bytes.
    pub fn cut(&self, text: &str, longest: usize) -> String {
        let text = self.text(text.to_string());
        match text.len() <= longest {
            true => text,
            false => format!("{}...", &text[..text.floor_char_boundary(longest)]),
        }
    }

    pub fn fault(&self, fault: Fault) -> Fault {
        Fault { message: self.text(fault.message), help: fault.help.map(|help| self.text(help)), ..fault }
    }

    /// Without secrets that have colours, line breaks or other white space in them.
    fn without_spread(&self, mut text: String) -> String {
        if self.spread.is_empty() || !text.bytes().any(|byte| byte.is_ascii_control()) {
            return text;
        }
        for form in &self.spread {
            let bytes = squeezed(&text);
            let found: Vec<Range<usize>> = bytes
                .windows(form.len())
                .filter(|window| window.iter().map(|(byte, _)| byte).eq(form))
                .filter_map(|window| Some(window.first()?.1..window.last()?.1 + 1))
                .collect();
            let mut before = usize::MAX;
            for range in found.into_iter().rev() {
                let is_whole = text.is_char_boundary(range.start) && text.is_char_boundary(range.end);
                if is_whole && range.end <= before {
                    before = range.start;
                    text.replace_range(range, HIDDEN);
                }
            }
        }
        text
    }
}

/// The bytes of a text with their places, without white space, control characters and what colours a terminal.
fn squeezed(text: &str) -> Vec<(u8, usize)> {
    let bytes = text.as_bytes();
    let mut kept = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (byte, bytes.get(at + 1)) {
            // ECMA-48: parameters and intermediate bytes, then one final byte.
            (0x1b, Some(b'[')) => {
                at += 2;
                at += bytes[at..].iter().take_while(|byte| (0x20..0x40).contains(*byte)).count() + 1;
            }
            (byte, _) if byte.is_ascii_control() || *byte == b' ' => at += 1,
            (byte, _) => {
                kept.push((*byte, at));
                at += 1;
            }
        }
    }
    kept
}

/// A secret as it is, and as requests, answers and shells carry it.
fn forms(secret: &str) -> Vec<String> {
    let percent = |keep: &[u8], upper: bool| {
        secret.bytes().fold(String::new(), |mut text, byte| {
            // Writing to a text does not fail.
            match byte.is_ascii_alphanumeric() || keep.contains(&byte) {
                true => text.push(char::from(byte)),
                false if upper => drop(write!(text, "%{byte:02X}")),
                false => drop(write!(text, "%{byte:02x}")),
            }
            text
        })
    };
    let json = serde_json::to_string(secret).unwrap_or_default();
    let json = json.get(1..json.len().saturating_sub(1)).unwrap_or_default().to_string();
    let html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![
        secret.to_string(),
        json.replace('/', "\\/"),
        json,
        secret.escape_debug().to_string(),
        secret.escape_default().to_string(),
        secret.replace('\'', "'\\''"),
        html.replace('\'', "&#39;"),
        html.replace('\'', "&#x27;"),
        html,
        hex.to_uppercase(),
        hex,
        percent(b"-._~", true),
        percent(b"-._~", false),
        percent(b"-._~/", true),
        percent(b"-._~", true).replace("%20", "+"),
    ];
    forms.extend([STANDARD, URL_SAFE, STANDARD_NO_PAD, URL_SAFE_NO_PAD].map(|engine| engine.encode(secret)));
    // Behind something else, as in `user:password`, base64 may begin anywhere in a group of three bytes.
    for inner in (0..3).filter_map(|from| secret.as_bytes().get(from..)) {
        let whole = &inner[..inner.len() / 3 * 3];
        if whole.len() >= INNER {
            forms.extend([STANDARD, URL_SAFE].map(|engine| engine.encode(whole)));
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "ghp_AbCdEf0123456789";

    #[test]
    fn a_secret_across_the_cut_is_hidden_whole() {
        let hidden = Hidden::of([SECRET]);
        for before in 0..30 {
            let shown = hidden.cut(&format!("{}{SECRET}", "x".repeat(before)), 20);
            assert!(!shown.contains("ghp"), "{shown}");
        }
    }

    #[test]
    fn what_is_left_of_a_secret_at_a_missing_end_is_hidden() {
        let hidden = Hidden::of([SECRET]);
        let (start, end) = (Missing { start: true, end: false }, Missing { start: false, end: true });
        for length in 3..SECRET.len() {
            let text = format!("token {}", &SECRET[..length]);
            assert_eq!(hidden.part(text, end), "token (secret)");
            let text = format!("{} token", &SECRET[SECRET.len() - length..]);
            assert_eq!(hidden.part(text, start), "(secret) token");
        }
        assert_eq!(hidden.part("token ghp_Ab".into(), Missing::default()), "token ghp_Ab");
    }

    #[test]
    fn colours_and_line_breaks_inside_hide_no_secret() {
        let hidden = Hidden::of([SECRET, "a key\nof lines that are long\n"]);
        for text in [
            "in ghp_\x1b[31mAbCdEf\x1b[0m0123456789 out",
            "in ghp_AbCdEf\n  0123456789 out",
            "in ghp_AbCdEf\r\n0123456789 out",
            "in g\0hp_AbCdEf0123456789 out",
        ] {
            assert_eq!(hidden.text(text.into()), "in (secret) out");
        }
        let wrapped = STANDARD.encode(SECRET);
        let (first, rest) = wrapped.split_at(10);
        assert_eq!(hidden.text(format!("{first}\n{rest}")), "(secret)");
        assert_eq!(hidden.text("said: of lines that are long".into()), "said: (secret)");
    }

    #[test]
    fn a_secret_is_hidden_in_each_form() {
        let secret = "hünter/2 <'&\"x\">";
        let hidden = Hidden::of([secret]);
        for form in forms(secret) {
            assert_eq!(hidden.text(format!("[{form}]")), "[(secret)]", "{form}");
        }
    }
}
