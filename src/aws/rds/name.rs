//! Names for what the program does not name. RDS has no idempotency tokens, so the name says which operation
//! made a thing, and whose: a second try of it meets the first, and a list of names is enough to find it.

use std::sync::Arc;

use crate::apply::provider::{Fault, FaultKind, Owner};
use crate::aws::tags;

/// The longest identifier of a database that RDS takes.
pub const LONGEST: usize = 63;

/// The component in readable form, then whose it is, then which operation made it. Lowercase letters, digits
/// and single hyphens, beginning with a letter: what RDS takes for every type of thing.
pub fn derived(owner: &Owner) -> String {
    ending(&owner.address.to_string(), &format!("{}{}", whose(owner), which(owner))[1..])
}

/// A readable text as a name, with this behind it.
pub fn ending(text: &str, suffix: &str) -> String {
    let mut name = String::new();
    for c in text.chars() {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() => name.push(c),
            _ if name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    name.truncate(LONGEST.saturating_sub(suffix.len() + 1));
    let readable = name.trim_matches('-');
    // A component's name begins with a letter; one that is nothing but signs would leave nothing.
    let readable = if readable.starts_with(|c: char| c.is_ascii_lowercase()) { readable } else { "db" };
    format!("{readable}-{suffix}")
}

/// Whether [`derived`] gave this name to what this very operation made. The address may have changed since.
pub fn is_made(name: &str, owner: &Owner) -> bool {
    name.ends_with(&which(owner))
}

/// Whether [`derived`] gave this name to something of this component.
pub fn is_owned(name: &str, owner: &Owner) -> bool {
    let whose = whose(owner);
    let end = name.len().checked_sub(whose.len() + which(owner).len());
    end.and_then(|end| name.get(end..)).is_some_and(|suffix| suffix.starts_with(&whose))
}

fn whose(owner: &Owner) -> String {
    format!("-{}", tags::hash(&[&owner.lineage, &tags::address(&owner.address)], 4))
}

fn which(owner: &Owner) -> String {
    format!("-{}", tags::hash(&[&owner.lineage, &owner.token], 5))
}

/// The one that was found.
///
/// # Errors
/// When there are several: none is certain.
pub fn sole(what: &str, mut names: Vec<String>) -> Result<Option<Arc<str>>, Fault> {
    if names.len() > 1 {
        let all = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let text = format!("several {what} could be this one: {all}");
        return Err(Fault::new(FaultKind::Refused, text)
            .help("delete those that are not needed in the console of aws, so that one is left"));
    }
    Ok(names.pop().map(Arc::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(address: &str, token: &str) -> Owner {
        Owner { lineage: "env-1".into(), address: address.parse().unwrap(), token: token.into() }
    }

    #[test]
    fn a_derived_name_is_one_that_rds_takes() {
        for address in ["db", "Site.database[12]", "site.db[\"--x y--\"]", "a[\"ü\"].b", &"x".repeat(200), "db[0]"] {
            let name = derived(&owner(address, "t1"));
            assert!(name.len() <= LONGEST, "{name}");
            assert!(name.starts_with(|c: char| c.is_ascii_lowercase()), "{name}");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{name}");
            assert!(!name.contains("--") && !name.ends_with('-'), "{name}");
        }
        assert!(derived(&owner("Site.database[12]", "t1")).starts_with("site-database-12-"));
    }

    #[test]
    fn a_derived_name_says_whose_and_which_it_is() {
        let name = derived(&owner("site.db", "t1"));
        assert_eq!(name, derived(&owner("site.db", "t1")), "a second try meets the first");
        assert!(is_made(&name, &owner("site.db", "t1")) && !is_made(&name, &owner("site.db", "t2")));
        assert!(is_made(&name, &owner("renamed", "t1")), "a token names one operation, whatever the address is");
        assert!(is_owned(&name, &owner("site.db", "t2")) && !is_owned(&name, &owner("renamed", "t1")));
        assert!(!is_owned("x", &owner("site.db", "t1")) && !is_owned("ü-äöüäöüäöüäöüä", &owner("site.db", "t1")));
    }

    #[test]
    fn several_are_not_guessed_between() {
        assert_eq!(sole("things", vec![]).unwrap(), None);
        assert_eq!(sole("things", vec!["a".into()]).unwrap().as_deref(), Some("a"));
        let fault = sole("things", vec!["a".into(), "b".into()]).unwrap_err();
        assert_eq!(fault.message, "several things could be this one: `a`, `b`");
    }
}
