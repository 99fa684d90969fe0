//! What is written on a thing in AWS: whose it is, and the tags of the user. How both become one
//! set and come apart again; which service holds them is not known here.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::apply::provider::{Fault, FaultKind, Owner, Seek, TAG_ADDRESS, TAG_LINEAGE, TAG_TOKEN};
use crate::name::{Address, Key};
use crate::value::{Fields, Value};

pub type Tags = BTreeMap<String, String>;

/// Keys that begin like this are ours.
const OURS: &str = "tadpole:";
/// Keys that begin like this are Amazon's: nobody else may set or remove them.
const AMAZONS: &str = "aws:";
/// The longest value of a tag that AWS takes, in characters.
const LONGEST: usize = 256;

/// The address as a tag may hold it. Some services take letters, digits and `+ - = . _ : / @` and
/// nothing else, so `web[0].disk["a b"]` is `web/0.disk/@a=20b`. Different addresses stay different.
pub fn address(address: &Address) -> String {
    let mut text = String::new();
    for (at, segment) in address.segments().iter().enumerate() {
        let dot = if at == 0 { "" } else { "." };
        // Writing to a string cannot fail.
        let _ = match &segment.key {
            None => write!(text, "{dot}{}", segment.name),
            Some(Key::Index(index)) => write!(text, "{dot}{}/{index}", segment.name),
            Some(Key::Text(key)) => write!(text, "{dot}{}/@{}", segment.name, escaped(key)),
        };
    }
    if text.len() <= LONGEST {
        return text;
    }
    // All of it is in the hash, the beginning is for people.
    let hash = Sha256::digest(text.as_bytes());
    let short: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{}...{short}", &text[..LONGEST - 3 - short.len()])
}

/// The address that [`address`] wrote. Of one that was too long for a tag, as much as there is of it.
pub fn addressed(text: &str) -> Address {
    let mut found = Address::root();
    for part in text.split('.') {
        let (name, key) = part.split_once('/').map_or((part, None), |(name, key)| (name, Some(key)));
        let segment = match key.map(|key| (key, key.strip_prefix('@'))) {
            None => name.to_string(),
            Some((index, None)) => format!("{name}[{index}]"),
            // A text in JSON is one in an address too.
            Some((_, Some(key))) => format!("{name}[{}]", serde_json::Value::from(unescaped(key))),
        };
        let Ok(segment) = segment.parse::<Address>() else { break };
        for segment in segment.segments() {
            found = found.child(segment.clone());
        }
    }
    found
}

fn unescaped(key: &str) -> String {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        let code = behind.get(..2).filter(|_| *byte == b'=').and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(code) => (bytes.push(code), rest = &behind[2..]),
            None => (bytes.push(*byte), rest = behind),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn escaped(key: &str) -> String {
    let mut text = String::new();
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "={byte:02X}");
        }
    }
    text
}

/// What says whose a thing is.
pub fn of_owner(owner: &Owner) -> Tags {
    Tags::from([
        (TAG_LINEAGE.to_string(), owner.lineage.to_string()),
        (TAG_ADDRESS.to_string(), address(&owner.address)),
        (TAG_TOKEN.to_string(), owner.token.to_string()),
    ])
}

/// All that is written on a new thing.
///
/// # Errors
/// When the user's tags have a key that is not the user's to choose.
pub fn of_new(user: &Tags, owner: &Owner) -> Result<Tags, Fault> {
    check(user)?;
    let mut tags = user.clone();
    tags.extend(of_owner(owner));
    Ok(tags)
}

/// All that is written on a copy that an action makes of a thing: whose the thing is, by what is written on that,
/// in whose list the action stands, and which run of it this is.
///
/// # Errors
/// When the user's tags have a key that is not the user's to choose.
pub fn of_copy(user: &Tags, original: &Tags, address: &Address, run: &str) -> Result<Tags, Fault> {
    let lineage = original.get(TAG_LINEAGE);
    let whose = lineage.map(String::as_str).unwrap_or_default();
    let owner = Owner { lineage: whose.into(), address: address.clone(), token: run.into() };
    let mut all = of_new(user, &owner)?;
    all.retain(|key, _| key != TAG_LINEAGE || lineage.is_some());
    Ok(all)
}

/// All that should be written on a thing that has `present` now. What the user did not write goes,
/// Amazon's own stays, and so does the token of the call that made it, by which that call is found.
///
/// # Errors
/// When the user's tags have a key that is not the user's to choose.
pub fn of_changed(user: &Tags, owner: &Owner, present: &Tags) -> Result<Tags, Fault> {
    let mut tags = of_new(user, owner)?;
    if is_same_environment(present, owner)
        && let Some(token) = present.get(TAG_TOKEN)
    {
        tags.insert(TAG_TOKEN.to_string(), token.clone());
    }
    tags.extend(
        present.iter().filter(|(key, _)| key.starts_with(AMAZONS)).map(|(key, value)| (key.clone(), value.clone())),
    );
    Ok(tags)
}

fn check(user: &Tags) -> Result<(), Fault> {
    match user.keys().find(|key| is_reserved(key)) {
        Some(key) => Err(Fault::new(FaultKind::Refused, format!("the tag `{key}` cannot be set by a program"))
            .on("tags")
            .help(format!("keys that begin with `{OURS}` or `{AMAZONS}` are reserved: choose another one"))),
        None => Ok(()),
    }
}

pub fn is_reserved(key: &str) -> bool {
    key.starts_with(OURS) || key.starts_with(AMAZONS)
}

/// The part of it that the user may have written.
pub fn of_user(present: &Tags) -> Tags {
    present.iter().filter(|(key, _)| !is_reserved(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Whether this environment made it, at some time.
pub fn is_same_environment(present: &Tags, owner: &Owner) -> bool {
    present.get(TAG_LINEAGE).map(String::as_str) == Some(&*owner.lineage)
}

/// Whether this component of this environment made it, at some time.
pub fn is_owned(present: &Tags, owner: &Owner) -> bool {
    is_same_environment(present, owner) && present.get(TAG_ADDRESS) == Some(&address(&owner.address))
}

/// Whether this very operation made it. The address may have changed since: a token names one
/// operation of one environment.
pub fn is_made(present: &Tags, owner: &Owner) -> bool {
    is_same_environment(present, owner) && present.get(TAG_TOKEN).map(String::as_str) == Some(&*owner.token)
}

/// Whether it is the one that is sought; by its identity anything is.
pub fn fits(present: &Tags, seek: &Seek) -> bool {
    match seek {
        Seek::Made(owner) => is_made(present, owner),
        Seek::Owned(owner) => is_owned(present, owner),
        Seek::Identity => true,
    }
}

/// Who made a thing that is in the way, as the end of a sentence; empty when nothing on it says that.
pub fn whose(present: &Tags, owner: &Owner) -> String {
    match present.get(TAG_ADDRESS) {
        Some(address) if is_same_environment(present, owner) => format!(", made by `{address}` of this environment"),
        Some(address) => format!(", made by `{address}` of another environment"),
        None => String::new(),
    }
}

/// What has to be written on a thing that has `present` now, and the keys of what has to go.
///
/// # Errors
/// When the user's tags have a key that is not the user's to choose.
pub fn changes(user: &Tags, owner: &Owner, present: &Tags) -> Result<(Tags, Vec<String>), Fault> {
    let mut wanted = of_changed(user, owner, present)?;
    wanted.retain(|key, value| !key.starts_with(AMAZONS) && present.get(key) != Some(value));
    let surplus = of_user(present).into_keys().filter(|key| !user.contains_key(key)).collect();
    Ok((wanted, surplus))
}

/// Whether any environment says that it is its own.
pub fn is_anyones(present: &Tags) -> bool {
    present.keys().any(|key| key.starts_with(OURS))
}

/// The first bytes of the hash of these texts.
pub fn hash(parts: &[&str], bytes: usize) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let mut text = String::new();
    for byte in hash.finalize().iter().take(bytes) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Whether the user's tags are others than `old` has them. No tags and nothing at all are the same.
pub fn differ(old: Option<&Fields>, user: &Tags) -> bool {
    let Some(old) = old else { return true };
    let old = match old.get("tags") {
        None | Some(Value::Null) => return !user.is_empty(),
        Some(Value::Map(old)) => old,
        Some(
            Value::Bool(_)
            | Value::Int(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Duration(_)
            | Value::Size(_)
            | Value::List(_)
            | Value::Data(_)
            | Value::Reference(_)
            | Value::Secret(_),
        ) => return true,
    };
    old.len() != user.len() || old.iter().any(|(key, value)| value.as_str() != user.get(key).map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    fn owner(token: &str) -> Owner {
        Owner { lineage: "env-1".into(), address: "web[0]".parse().unwrap(), token: token.into() }
    }

    #[test]
    fn an_address_fits_into_a_tag() {
        for (text, tag) in [
            ("web", "web"),
            ("site.web[12]", "site.web/12"),
            ("web[\"12\"]", "web/@12"),
            ("a[\"b.c\"]", "a/@b=2Ec"),
            ("a[\"b\"].c", "a/@b.c"),
            ("a[\"ü=*\"]", "a/@=C3=BC=3D=2A"),
        ] {
            assert_eq!(address(&text.parse().unwrap()), tag);
            assert_eq!(addressed(tag), text.parse().unwrap());
        }
        let long = |end: &str| address(&format!("a[\"{}{end}\"]", "x".repeat(300)).parse().unwrap());
        assert_eq!(long("1").len(), LONGEST);
        assert_ne!(long("1"), long("2"));
        assert_eq!(addressed("site.web...0123"), "site.web".parse().unwrap());
    }

    #[test]
    fn the_user_sees_only_the_tags_of_the_user() {
        let all = of_new(&tags(&[("team", "a")]), &owner("t1")).unwrap();
        assert_eq!(all.len(), 4);
        assert_eq!(of_user(&all), tags(&[("team", "a")]));
        assert!(is_anyones(&all) && !is_anyones(&tags(&[("team", "a")])));
    }

    #[test]
    fn an_update_keeps_the_token_of_the_creation_and_the_tags_of_amazon() {
        let mut present = of_new(&tags(&[("team", "a"), ("stray", "b")]), &owner("t1")).unwrap();
        present.insert("aws:x".into(), "y".into());
        let changed = of_changed(&tags(&[("team", "c")]), &owner("t2"), &present).unwrap();
        assert!(is_made(&changed, &owner("t1")) && !is_made(&changed, &owner("t2")));
        assert!(is_owned(&changed, &owner("t2")));
        assert_eq!(changed.get("aws:x").unwrap(), "y");
        assert_eq!(of_user(&changed), tags(&[("team", "c")]));
    }

    #[test]
    fn reserved_keys_are_refused() {
        for key in ["tadpole:op", "aws:name"] {
            let fault = of_new(&tags(&[(key, "x")]), &owner("t")).unwrap_err();
            assert_eq!((fault.kind, fault.attribute), (FaultKind::Refused, Some("tags".into())));
        }
    }

    #[test]
    fn no_tags_and_nothing_are_the_same() {
        let none = Fields::new();
        let empty = Fields::from([("tags".into(), Value::Map(BTreeMap::new()))]);
        let one = Fields::from([("tags".into(), Value::Map(BTreeMap::from([("a".into(), Value::string("b"))])))]);
        assert!(!differ(Some(&none), &tags(&[])) && !differ(Some(&empty), &tags(&[])));
        assert!(!differ(Some(&one), &tags(&[("a", "b")])));
        assert!(differ(Some(&one), &tags(&[("a", "c")])) && differ(Some(&one), &tags(&[("b", "b")])));
        assert!(
            differ(Some(&one), &tags(&[])) && differ(Some(&none), &tags(&[("a", "b")])) && differ(None, &tags(&[]))
        );
    }
}
