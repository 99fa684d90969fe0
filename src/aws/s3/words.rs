//! Metadata that is not US-ASCII. S3 takes and tells it as words of RFC 2047. Source: "Working with object metadata",
//! Amazon S3 user guide.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Bytes of text that one word holds: as base64, with `=?UTF-8?B?` and `?=`, that is no more than 75 characters.
const ROOM: usize = 45;

/// A value as S3 takes it: as it is when it is US-ASCII, else as words.
pub fn encoded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_string();
    }
    let mut words = vec![String::new()];
    for c in text.chars() {
        match words.last_mut() {
            Some(word) if word.len() + c.len_utf8() <= ROOM => word.push(c),
            Some(_) | None => words.push(c.to_string()),
        }
    }
    let words: Vec<String> = words.iter().map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word))).collect();
    words.join(" ")
}

/// A value as it was meant. What is no word stays as it is.
pub fn decoded(text: &str) -> String {
    let mut all = String::new();
    let mut rest = text;
    let mut after_word = false;
    while let Some(at) = rest.find("=?") {
        let (before, from) = rest.split_at(at);
        let Some((bytes, length)) = word(from) else {
            all.push_str(&rest[..at + 2]);
            rest = &rest[at + 2..];
            after_word = false;
            continue;
        };
        // White space between two words is no part of the text.
        if !(after_word && before.chars().all(char::is_whitespace)) {
            all.push_str(before);
        }
        all.push_str(&bytes);
        rest = &from[length..];
        after_word = true;
    }
    all.push_str(rest);
    all
}

/// Whether two values are one to S3: it strips white space at their ends, and what was sent to it as bare UTF-8 it
/// took for ISO 8859-1.
pub fn same(wanted: &str, told: &str) -> bool {
    let (wanted, told) = (wanted.trim(), decoded(told.trim()));
    let told = told.trim();
    wanted == told || decoded(wanted) == told || bare(told).is_some_and(|told| told == wanted)
}

/// The UTF-8 text of which these characters are the bytes.
fn bare(text: &str) -> Option<String> {
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    String::from_utf8(bytes?).ok()
}

/// The text of the word with which this begins, and how long the word is.
fn word(text: &str) -> Option<(String, usize)> {
    let mut parts = text.strip_prefix("=?")?.splitn(3, '?');
    let (charset, encoding, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let (content, _) = rest.split_once("?=")?;
    let bytes = match encoding {
        "B" | "b" => STANDARD.decode(content).ok()?,
        "Q" | "q" => quoted(content)?,
        _ => return None,
    };
    // A language may stand behind the charset.
    let charset = charset.split('*').next().unwrap_or_default().to_ascii_lowercase();
    let decoded = match charset.as_str() {
        "utf-8" | "us-ascii" => String::from_utf8(bytes).ok()?,
        "iso-8859-1" => bytes.into_iter().map(char::from).collect(),
        _ => return None,
    };
    Some((decoded, text.len() - rest.len() + content.len() + 2))
}

/// The bytes of the encoding `Q`.
fn quoted(content: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = content.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'_' => b' ',
            b'=' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ascii_is_sent_in_words_and_comes_back() {
        assert_eq!(encoded("plain = ?text?"), "plain = ?text?");
        assert_eq!(encoded("Zürich"), "=?UTF-8?B?WsO8cmljaA==?=");
        for text in
            ["Zürich", "日本語のメタデータは長いことがあるので分けて送る", "a = ä?", "=?", "=?UTF-8?B?", "", " ä"]
        {
            assert_eq!(decoded(&encoded(text)), text);
            assert!(encoded(text).is_ascii() && encoded(text).split(' ').all(|word| word.len() <= 75));
            assert!(same(text, &encoded(text)));
        }
    }

    #[test]
    fn words_of_others_are_read() {
        for (told, meant) in [
            ("=?utf-8?q?Z=C3=BCrich_West?=", "Zürich West"),
            ("=?ISO-8859-1?Q?Z=FCrich?=", "Zürich"),
            ("a =?UTF-8?B?w7w=?= b", "a ü b"),
            ("=?KOI8-R?B?w7w=?=", "=?KOI8-R?B?w7w=?="),
        ] {
            assert_eq!(decoded(told), meant);
        }
    }

    #[test]
    fn what_was_sent_as_bare_utf_8_is_the_same() {
        // What the user guide shows for `ÄMÄZÕÑ S3`.
        assert!(same("ÄMÄZÕÑ S3", "=?UTF-8?B?w4PChE3Dg8KEWsODwpXDg8KRIFMz?="));
        assert!(same(" a ", "a") && same("ä", "ä"));
        assert!(!same("ä", "=?UTF-8?B?w7w=?=") && !same("a", "b"));
    }
}
