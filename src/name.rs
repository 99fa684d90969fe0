//! Names, and addresses made of them. An address says where a component stands in the tree and is
//! its identity from plan to state: `site.server["a"]`, `web[0]`.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::printable::{Quoted, seen, shell_word};

/// An identifier. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Name(Arc<str>);

impl Name {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `UpperCamel`: a template.
    pub fn is_template(&self) -> bool {
        self.0.starts_with(|c: char| c.is_ascii_uppercase()) && !self.is_constant()
    }

    /// `ALL_CAPS`: a constant. One capital letter alone, as in `T` or `T2`, reads as a template.
    pub fn is_constant(&self) -> bool {
        self.0.bytes().filter(|b| b.is_ascii_uppercase() || *b == b'_').count() > 1
            && self.0.starts_with(|c: char| c.is_ascii_uppercase())
            && self.0.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Name {
        Name(text.into())
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A table that is looked up by names or addresses, which compiling does all the time: its hash is
/// quicker than the standard one, and seeded anew in each process.
pub type Table<K, V> = HashMap<K, V, RandomState>;

/// As [`Table`], in the order of insertion.
pub type OrderedTable<K, V> = IndexMap<K, V, RandomState>;

/// As [`Table`], of keys alone.
pub type Set<K> = HashSet<K, RandomState>;

/// The key of one element of a repetition.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Key {
    Index(u64),
    Text(Arc<str>),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Index(index) => write!(f, "[{index}]"),
            Key::Text(text) => write!(f, "[{}]", Quoted(text)),
        }
    }
}

/// One step of an address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Segment {
    pub name: Name,
    pub key: Option<Key>,
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        self.key.as_ref().map_or(Ok(()), |key| write!(f, "{key}"))
    }
}

/// Where a component stands, from the root. The root itself is the empty address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(Arc<[Segment]>);

impl Address {
    pub fn root() -> Address {
        Address(Arc::new([]))
    }

    pub fn child(&self, segment: Segment) -> Address {
        Address(self.0.iter().cloned().chain([segment]).collect())
    }

    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Whether another address is a different one, and looks the same.
    pub fn looks_like(&self, other: &Address) -> bool {
        let looks = |segment: &Segment| match &segment.key {
            Some(Key::Text(text)) => (segment.name.clone(), Some(Key::Text(seen(text).into()))),
            key => (segment.name.clone(), key.clone()),
        };
        self != other && self.0.iter().map(looks).eq(other.0.iter().map(looks))
    }

    /// Whether an address is this one, or below it. A name without a key stands for all elements.
    pub fn covers(&self, address: &Address) -> bool {
        let (pattern, address) = (self.segments(), address.segments());
        let same = |(one, two): (&Segment, &Segment)| one.name == two.name && (one.key.is_none() || one.key == two.key);
        pattern.len() <= address.len() && pattern.iter().zip(address).all(same)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            write!(f, "{segment}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// An address that cannot be read, with the reason in the user's words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddressError(pub String);

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AddressError {}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        read(text, parse_key).map_err(|()| AddressError(no_address(text)))
    }
}

/// Reads an address of which `key` reads each key, from behind its `[`.
fn read(text: &str, key: fn(&str) -> Option<(Key, &str)>) -> Result<Address, ()> {
    let mut segments = Vec::new();
    let mut rest = text;
    loop {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        if end == 0 || rest.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(());
        }
        let mut segment = Segment { name: Name::from(&rest[..end]), key: None };
        rest = &rest[end..];
        if let Some(inner) = rest.strip_prefix('[') {
            let (parsed, after) = key(inner).ok_or(())?;
            segment.key = Some(parsed);
            rest = after;
        }
        segments.push(segment);
        match rest.strip_prefix('.') {
            Some(after) => rest = after,
            None if rest.is_empty() => return Ok(Address(segments.into())),
            None => return Err(()),
        }
    }
}

/// Reads `0]` or `"a"]`; gives the key and what follows it.
fn parse_key(text: &str) -> Option<(Key, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (digits, after) = text.split_once(']')?;
        // As it is written in a program: `[07]` is no `[7]`.
        if !digits.bytes().all(|b| b.is_ascii_digit()) || digits.len() > 1 && digits.starts_with('0') {
            return None;
        }
        return Some((Key::Index(digits.parse().ok()?), after));
    };
    let mut key = String::new();
    let mut rest = quoted;
    loop {
        let mut chars = rest.chars();
        match chars.next()? {
            '"' => return Some((Key::Text(key.into()), chars.as_str().strip_prefix(']')?)),
            '\\' => {
                let (c, after) = unescaped(chars.as_str())?;
                key.push(c);
                rest = after;
                continue;
            }
            other => key.push(other),
        }
        rest = chars.as_str();
    }
}

/// The character that stands behind a backslash, by the rules of texts of the language, and what follows it.
fn unescaped(text: &str) -> Option<(char, &str)> {
    let mut chars = text.chars();
    let c = match chars.next()? {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        same @ ('"' | '\\' | '$') => same,
        'u' => {
            let (digits, after) = chars.as_str().strip_prefix('{')?.split_once('}')?;
            let is_number = (1..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
            let number = u32::from_str_radix(digits, 16).ok().filter(|_| is_number)?;
            return Some((char::from_u32(number)?, after));
        }
        _ => return None,
    };
    Some((c, chars.as_str()))
}

/// Why a text is no address, with what was probably meant.
fn no_address(text: &str) -> String {
    if let Ok(meant) = read(text, parse_bare_key) {
        let meant = shell_word(&meant.to_string());
        return format!("the key in `{text}` has no quotes, which a shell removes: write {meant}");
    }
    match read(text, |key| parse_key(key).or_else(|| Some((Key::Index(0), key.strip_prefix("*]")?)))) {
        Ok(_) => {
            format!("`{text}` is not an address: write `{}`, which stands for all of them", text.replace("[*]", ""))
        }
        Err(()) if text.contains("[\"") && text.contains('\\') => {
            format!("`{text}` is not an address: escapes in a key are \\n \\t \\r \\\" \\\\ \\$ and \\u{{1F438}}")
        }
        Err(()) => {
            format!("`{text}` is not an address such as `site.server[0]`, or `site.server[\"eu\"]` with a text key")
        }
    }
}

/// As [`parse_key`], for a text that has lost its quotes, or has others.
fn parse_bare_key(text: &str) -> Option<(Key, &str)> {
    parse_key(text).or_else(|| {
        let (key, after) = text.split_once(']')?;
        let bare = key.trim_matches('\'');
        let digits = bare.bytes().all(|b| b.is_ascii_digit());
        let odd = digits || bare == "*" || bare.contains(['"', '\\', '[']);
        (!odd).then(|| (Key::Text(bare.into()), after))
    })
}

impl Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_a_round_trip() {
        for text in ["a", "site.web", "web[0]", "site.server[\"a\"].disk[12]", "x[\"q\\\"\\\\.]\\n\"].y"] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn keys_take_the_escapes_of_the_language_and_no_others() {
        let key = |text: &str| text.parse::<Address>().map(|address| address.to_string()).ok();
        assert_eq!(key(r#"w["\u{65}u"]"#).as_deref(), Some(r#"w["eu"]"#));
        assert_eq!(
            key("w[\"a\u{1b}\u{202e}\"]").as_deref(),
            Some(r#"w["a\u{1b}\u{202e}"]"#),
            "as older records have it"
        );
        assert_eq!(key(r#"w["\$\t\r\n\\\""]"#).as_deref(), Some(r#"w["$\t\r\n\\\""]"#));
        for wrong in
            [r#"w["\eu"]"#, r#"w["\u{}"]"#, r#"w["\u{110000}"]"#, r#"w["\u65"]"#, r#"w["\u{+65}"]"#, r#"w["\"]"#]
        {
            assert_eq!(key(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", ".", "a.", "a[", "a[x]", "a[\"x]", "a b", "9a", "a[0]b", "a[07]", "a[+7]"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_that_has_lost_its_quotes_is_shown_with_them() {
        let why = |text: &str| text.parse::<Address>().unwrap_err().0;
        for (text, meant) in [
            ("w[eu]", r#"'w["eu"]'"#),
            ("site.w[eu-1.a].disk[0]", r#"'site.w["eu-1.a"].disk[0]'"#),
            ("w['it]", r#"'w["it"]'"#),
            ("w[o'clock]", r#"'w["o'\''clock"]'"#),
        ] {
            let why = why(text);
            assert!(why.ends_with(&format!("write {meant}")), "{why}");
        }
        assert!(why("w[*].disk").contains("write `w.disk`"));
        assert!(why(r#"w["\eu"]"#).contains("escapes in a key"));
    }

    #[test]
    fn indexes_sort_as_numbers() {
        let (two, ten): (Address, Address) = ("a[2]".parse().unwrap(), "a[10]".parse().unwrap());
        assert!(two < ten);
    }

    #[test]
    fn spelling_tells_templates_from_constants() {
        assert!(Name::from("S3Bucket").is_template());
        assert!(Name::from("PUT_ACTION").is_constant());
        assert!(!Name::from("web").is_template() && !Name::from("web").is_constant());
    }
}
