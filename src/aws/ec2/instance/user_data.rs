//! User data, by what it means: AWS keeps bytes, tells them in Base64, and some who hand them over have encoded
//! them once themselves.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::limits::user_data::meant;

/// As RunInstances takes it. What is Base64 already, of a script or of compressed data, is not encoded again.
pub fn encoded(text: &str) -> String {
    BASE64.encode(meant(text))
}

/// What AWS tells, as it is recorded when it means that; else as text, or in Base64 where it is none. `told` is
/// empty when there is no user data.
pub fn as_recorded(recorded: Option<&str>, told: &str) -> String {
    match recorded {
        Some(recorded) if is_same(recorded, told) => recorded.to_string(),
        Some(_) | None => plain(told).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_else(|| bare(told)),
    }
}

/// Whether a text of a program is what AWS tells.
pub fn is_same(text: &str, told: &str) -> bool {
    let Some(bytes) = plain(told) else { return text == told };
    // What was made before Base64 had one meaning was encoded twice.
    bytes == *meant(text) || bytes == text.as_bytes()
}

fn plain(told: &str) -> Option<Vec<u8>> {
    BASE64.decode(bare(told)).ok()
}

/// Base64 may be broken into lines.
fn bare(told: &str) -> String {
    told.split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "#!/bin/sh\necho hello\n";

    #[test]
    fn what_was_handed_over_is_told_as_it_was_written() {
        let told = encoded(SCRIPT);
        assert_eq!(as_recorded(Some(SCRIPT), &told), SCRIPT);
        assert_eq!(as_recorded(Some(SCRIPT), &format!("{}\n{}\n", &told[..8], &told[8..])), SCRIPT);
        // Encoded by the program, it is the same, also when AWS has it encoded twice.
        assert_eq!(encoded(&told), told);
        assert_eq!(as_recorded(Some(&told), &told), told);
        assert_eq!(as_recorded(Some(&told), &BASE64.encode(&told)), told);
        assert_eq!(as_recorded(None, &told), SCRIPT);
        assert_eq!(as_recorded(Some("other"), &told), SCRIPT);
    }

    #[test]
    fn bytes_that_are_no_text_are_told_in_base64() {
        let gzip = BASE64.encode([0x1f, 0x8b, 0x08, 0x00, 0xff]);
        assert_eq!(as_recorded(None, &gzip), gzip);
        assert_eq!(as_recorded(Some(&gzip), &gzip), gzip);
        assert!(is_same(&gzip, &gzip) && !is_same(SCRIPT, &gzip));
    }

    #[test]
    fn none_is_an_empty_text() {
        assert_eq!(as_recorded(None, ""), "");
        assert!(is_same("", "") && !is_same(SCRIPT, "") && !is_same("", &encoded(SCRIPT)));
    }
}
