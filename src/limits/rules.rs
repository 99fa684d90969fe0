//! Questions that several services ask.

use std::collections::BTreeSet;

use super::{Broken, Part, Wanted};

pub fn key_without_encryption(wanted: &Wanted<'_>) -> Vec<Broken> {
    let (key, encrypted) = (wanted.get("kmsKey"), wanted.get("encrypted").bool());
    if !key.is_set() || encrypted != Some(false) {
        return Vec::new();
    }
    vec![
        Broken::new("kmsKey", "`kmsKey` is set, and `encrypted` is false", "nothing is encrypted with this key")
            .and("encrypted")
            .help("write `encrypted true;`, or leave `kmsKey` out"),
    ]
}

/// The first text that is there twice.
pub fn twice<'t>(texts: impl IntoIterator<Item = &'t str>) -> Option<&'t str> {
    let mut seen = BTreeSet::new();
    texts.into_iter().find(|text| !seen.insert(*text))
}

/// How many of these are certain to be set, and how many may be.
pub fn set(parts: &[Part<'_>]) -> (usize, usize) {
    let certain = parts.iter().filter(|part| part.is_set()).count();
    (certain, parts.iter().filter(|part| !part.is_unset()).count())
}

/// A name of a host: labels of letters, digits and inner `-`; the first may be `*`.
pub fn is_host(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    crate::model::format::find("hostname").is_some_and(|format| (format.admits)(name)) && name.contains('.')
}
