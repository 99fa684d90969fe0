//! What a machine is told at its first start, by what it means: AWS keeps bytes, and some who hand them over have encoded
//! them themselves, which is the only way to hand over compressed ones.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How data begins that cloud-init and EC2Launch know. Source: "User-data formats", cloud-init documentation; "Run
/// commands when you launch an EC2 Windows instance", Amazon EC2 user guide.
const BEGINNINGS: [&[u8]; 12] = [
    // gzip, RFC 1952
    &[0x1f, 0x8b],
    b"#!",
    b"#cloud-",
    b"#include",
    b"#part-handler",
    b"#upstart-job",
    b"## template:",
    b"Content-Type:",
    b"MIME-Version:",
    b"<powershell>",
    b"<script>",
    b"version:",
];

/// The bytes that a text of a program stands for: what it encodes, when it is Base64 of something that a machine knows;
/// else itself.
pub fn meant(text: &str) -> Cow<'_, [u8]> {
    // Base64 may be broken into lines.
    let bare: String = text.split_whitespace().collect();
    match STANDARD.decode(bare) {
        Ok(bytes) if BEGINNINGS.iter().any(|beginning| bytes.starts_with(beginning)) => Cow::Owned(bytes),
        Ok(_) | Err(_) => Cow::Borrowed(text.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_stands_for_what_it_encodes_where_a_machine_knows_that() {
        let encoded = |bytes: &[u8]| STANDARD.encode(bytes);
        let (script, zipped) = ("#!/bin/sh\necho hello\n", [0x1f, 0x8b, 0x08, 0x00, 0xff]);
        assert_eq!(&*meant(script), script.as_bytes());
        assert_eq!(&*meant(&encoded(script.as_bytes())), script.as_bytes());
        assert_eq!(&*meant(&encoded(&zipped)), zipped);
        // A word that happens to be Base64 is itself.
        assert_eq!(&*meant("password"), b"password");
    }
}
