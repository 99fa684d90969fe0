//! Public keys, in any of the forms in which they are written.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

/// Whether two texts are the same public key: comments, white space and the form in which it is written
/// (OpenSSH, RFC 4716, PEM) do not count.
pub fn is_same(one: &str, two: &str) -> bool {
    match (bytes(one), bytes(two)) {
        (Some(one), Some(two)) => one == two || holds(&one, &two) || holds(&two, &one),
        (None, _) | (_, None) => one.trim() == two.trim(),
    }
}

/// The bytes of a key in any of its forms.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let coded: String = if text.starts_with("--") {
        // RFC 4716 has headers, which have a colon, and a backslash where they go on.
        let mut goes_on = false;
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("--"));
        lines
            .filter(|line| {
                let is_header = goes_on || line.contains(':');
                goes_on = is_header && line.ends_with('\\');
                !is_header
            })
            .collect()
    } else {
        let mut words = text.split_whitespace();
        let first = words.next()?;
        // In the OpenSSH form the type comes first; without it, it is bare Base64, in however many lines.
        match first.starts_with("ssh-") || first.starts_with("ecdsa-") || first.starts_with("sk-") {
            true => words.next()?.to_string(),
            false => text.split_whitespace().collect(),
        }
    };
    BASE64.decode(coded).ok().filter(|bytes| !bytes.is_empty())
}

/// Whether a key in ASN.1 (PEM, DER) is the one that SSH writes as fields with their lengths: its last field,
/// the modulus or the point, decides which key it is, and stands in both.
fn holds(asn1: &[u8], ssh: &[u8]) -> bool {
    let last = || {
        let mut rest = ssh;
        let mut last: &[u8] = &[];
        while !rest.is_empty() {
            let (length, behind) = rest.split_first_chunk::<4>()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            last = behind.get(..length)?;
            rest = &behind[length..];
        }
        Some(last)
    };
    let last = if asn1.first() == Some(&0x30) { last() } else { None };
    last.is_some_and(|last| last.len() >= 32 && asn1.windows(last.len()).any(|part| part == last))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SSH: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINsGQJbQZFgVeiIXPSLkPPe+7KnmbwGkeQQH2HLIbjxY arjan@desk";
    const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINsGQJbQZFgVeiIXPSLkPPe+7KnmbwGkeQQH2HLIbjxZ arjan@desk";

    /// The same key in the form of openssl, by its own bytes.
    fn pem() -> String {
        let ssh = bytes(SSH).unwrap();
        let mut der = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        der.extend(&ssh[ssh.len() - 32..]);
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64.encode(der))
    }

    #[test]
    fn a_key_is_the_same_in_every_form() {
        let coded = SSH.split(' ').nth(1).unwrap();
        let rfc = format!(
            "---- BEGIN SSH2 PUBLIC KEY ----\nComment: \"arjan, \\\nat his desk\"\n{}\n{}\n---- END SSH2 PUBLIC KEY ----\n",
            &coded[..40],
            &coded[40..]
        );
        for same in [format!("{SSH}\n"), format!("ssh-ed25519  {coded}"), coded.to_string(), rfc, pem()] {
            assert!(is_same(SSH, &same) && is_same(&same, SSH), "{same}");
            assert!(!is_same(OTHER, &same), "{same}");
        }
    }

    #[test]
    fn what_is_no_key_is_compared_as_it_is() {
        assert!(is_same("no key\n", "no key") && !is_same("no key", "another"));
        assert!(!is_same("", SSH));
    }
}
