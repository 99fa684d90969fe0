//! Text from outside as people see it: a character that a terminal obeys, or that cannot be seen, is shown
//! by its number, `\u{1b}`. Names, keys and values are escaped where they are displayed; [`lines`] is the
//! last gate, on the way to a stream.

use std::borrow::Cow;
use std::fmt;

/// Whether a character is obeyed by a terminal instead of shown, or cannot be seen: the controls of C0 and
/// C1, those of bidirectional text, what has no width, and what looks like a space and is a letter.
pub fn is_hidden(c: char) -> bool {
    match c {
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => true,
        '\u{20}'..='\u{7e}' => false,
        _ => matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'),
    }
}

/// A hidden character as it is written in a text of the language.
pub struct Escaped(pub char);

impl fmt::Display for Escaped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            '\n' => f.write_str("\\n"),
            '\t' => f.write_str("\\t"),
            '\r' => f.write_str("\\r"),
            c => write!(f, "\\u{{{:x}}}", c as u32),
        }
    }
}

/// A text on one line, with every hidden character escaped. Nothing else changes.
pub struct Plain<'a>(pub &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Width and fill count what is shown.
        f.pad(&escaped(self.0, |_| false))
    }
}

/// A text as a string literal.
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c if is_hidden(c) => write!(f, "{}", Escaped(c))?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}

/// A text of several lines on its way to people: every hidden character but line breaks and tabs is
/// escaped. With `colour`, the codes of colours and weights that this program writes itself stay.
pub fn lines(text: &str, colour: bool) -> Cow<'_, str> {
    if !text.contains('\u{1b}') || !colour {
        return escaped(text, |c| matches!(c, '\n' | '\t'));
    }
    let mut out = String::with_capacity(text.len());
    let mut pieces = text.split('\u{1b}');
    out.push_str(&escaped(pieces.next().unwrap_or(""), |c| matches!(c, '\n' | '\t')));
    for piece in pieces {
        let code = own_code(piece);
        out.push_str(if code > 0 { "\u{1b}" } else { "\\u{1b}" });
        out.push_str(&piece[..code]);
        out.push_str(&escaped(&piece[code..], |c| matches!(c, '\n' | '\t')));
    }
    out.into()
}

/// JSON as it goes to a stream: what it need not escape, and a terminal would obey or hide, is escaped too.
pub fn json(text: &str) -> Cow<'_, str> {
    let stays = |c: char| !is_hidden(c) || matches!(c, '\n' | '\t' | '\r');
    if text.chars().all(stays) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 64);
    for c in text.chars() {
        if stays(c) {
            out.push(c);
        } else {
            // Such a character only stands inside a text, where JSON takes its UTF-16 units.
            out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    out.into()
}

/// A text as one word of a shell's command line.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_string();
    }
    if !text.contains(is_hidden) {
        return format!("'{}'", text.replace('\'', "'\\''"));
    }
    // What cannot be seen is written as bash and zsh read it.
    let mut word = String::from("$'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => word.extend(['\\', c]),
            c if is_hidden(c) => word.push_str(&format!("\\U{:08x}", c as u32)),
            c => word.push(c),
        }
    }
    word + "'"
}

/// A text without its hidden characters.
pub fn seen(text: &str) -> String {
    text.chars().filter(|c| !is_hidden(*c)).collect()
}

fn escaped(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_bad = |c: char| is_hidden(c) && !stays(c);
    let Some(first) = text.find(is_bad) else { return text.into() };
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(&text[..first]);
    for c in text[first..].chars() {
        if is_bad(c) {
            out.push_str(&Escaped(c).to_string());
        } else {
            out.push(c);
        }
    }
    out.into()
}

/// How long a colour's code is that may follow an escape character, `[31m`; 0 for any other code.
fn own_code(text: &str) -> usize {
    let Some(end) = text.strip_prefix('[').and_then(|rest| rest.find('m')) else { return 0 };
    // Not one that conceals or blinks, and no colour that may be that of the background.
    let own = |code: &str| {
        matches!(code, "0" | "1" | "2" | "3" | "4" | "22" | "31" | "32" | "33" | "34" | "35" | "36" | "39")
    };
    if text[1..=end].split(';').all(own) { end + 2 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_or_hides_is_shown_by_its_number() {
        let text = "a\u{1b}[2K\r\n\u{202e}b\u{200b}\u{9b}\u{7f}\u{feff}\u{e0041}ä🐸\t";
        let shown = "a\\u{1b}[2K\\r\n\\u{202e}b\\u{200b}\\u{9b}\\u{7f}\\u{feff}\\u{e0041}ä🐸\t";
        assert_eq!(lines(text, false), shown);
        assert_eq!(Plain("a\nb\tc").to_string(), "a\\nb\\tc");
        assert_eq!(format!("[{:6}]", Plain("\n")), "[\\n    ]");
        assert_eq!(Quoted("a\"\\\u{1b}\n").to_string(), r#""a\"\\\u{1b}\n""#);
    }

    #[test]
    fn only_colours_that_this_program_writes_stay() {
        assert_eq!(lines("\u{1b}[31mx\u{1b}[0m \u{1b}[36;1;4my", true), "\u{1b}[31mx\u{1b}[0m \u{1b}[36;1;4my");
        assert_eq!(lines("\u{1b}[8mx\u{1b}[2Ky\u{1b}]0;t\u{7}", true), "\\u{1b}[8mx\\u{1b}[2Ky\\u{1b}]0;t\\u{7}");
        assert_eq!(lines("\u{1b}[31mx", false), "\\u{1b}[31mx");
        assert_eq!(lines("a\u{1b}", true), "a\\u{1b}");
    }

    #[test]
    fn json_stays_the_same_document() {
        let text = serde_json::to_string(&["\u{1b}\u{202e}\u{9b}\u{e0041}ä"]).unwrap();
        let shown = json(&text);
        assert!(shown.chars().all(|c| !is_hidden(c)), "{shown}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), ["\u{1b}\u{202e}\u{9b}\u{e0041}ä"]);
    }
}
