//! Whose a thing is, in the description of a thing that takes no tags. What stands there is short, as a policy
//! has room for 128 characters: the beginnings of hashes, which tell one from another and are no secret.

use sha2::{Digest, Sha256};

use crate::apply::provider::Owner;
use crate::aws::tags;

const BEGIN: &str = "[tadpole ";
const END: char = ']';
/// 48 bits of a hash: one account never has so many things that two meet.
const DIGITS: usize = 12;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    environment: String,
    address: String,
    operation: String,
}

/// What stands in a description: the user's words, and whose it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Description {
    pub words: String,
    pub mark: Option<Mark>,
}

pub fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

impl Mark {
    pub fn of(owner: &Owner) -> Mark {
        Mark {
            environment: hash(&owner.lineage),
            address: hash(&tags::address(&owner.address)),
            operation: hash(&owner.token),
        }
    }

    /// Whether this component of this environment made it, at some time.
    pub fn is_owned(&self, owner: &Owner) -> bool {
        let Mark { environment, address, operation: _ } = Mark::of(owner);
        self.environment == environment && self.address == address
    }

    /// Whether this very operation made it.
    pub fn is_made(&self, owner: &Owner) -> bool {
        let Mark { environment, operation, address: _ } = Mark::of(owner);
        self.environment == environment && self.operation == operation
    }
}

impl Description {
    pub fn read(text: &str) -> Description {
        let unmarked = || Description { words: text.to_string(), mark: None };
        let Some((words, rest)) = text.rsplit_once(BEGIN) else { return unmarked() };
        let parts: Vec<&str> = rest.trim_end_matches(END).split(' ').collect();
        match parts[..] {
            [environment, address, operation] if rest.ends_with(END) => Description {
                words: words.trim_end().to_string(),
                mark: Some(Mark {
                    environment: environment.to_string(),
                    address: address.to_string(),
                    operation: operation.to_string(),
                }),
            },
            _ => unmarked(),
        }
    }

    /// What stands on a new thing.
    pub fn new(words: &str, owner: &Owner) -> Description {
        Description { words: words.to_string(), mark: Some(Mark::of(owner)) }
    }

    /// What should stand on it from now on. The operation that made it stays, as it is found by that.
    pub fn changed(&self, words: &str, owner: &Owner) -> Description {
        let mut mark = Mark::of(owner);
        if let Some(present) = self.mark.as_ref().filter(|present| present.environment == mark.environment) {
            mark.operation.clone_from(&present.operation);
        }
        Description { words: words.to_string(), mark: Some(mark) }
    }

    pub fn text(&self) -> String {
        let Some(Mark { environment, address, operation }) = &self.mark else { return self.words.clone() };
        let gap = if self.words.is_empty() { "" } else { " " };
        format!("{}{gap}{BEGIN}{environment} {address} {operation}{END}", self.words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(address: &str, token: &str) -> Owner {
        Owner { lineage: "env-1".into(), address: address.parse().unwrap(), token: token.into() }
    }

    #[test]
    fn whose_it_is_stands_behind_the_words() {
        let made = Description::new("pictures [old]", &owner("a", "t1"));
        assert_eq!(Description::read(&made.text()), made);
        assert_eq!(made.words, "pictures [old]");
        let mark = made.mark.clone().unwrap();
        assert!(mark.is_made(&owner("b", "t1")) && !mark.is_made(&owner("a", "t2")));
        assert!(mark.is_owned(&owner("a", "t2")) && !mark.is_owned(&owner("b", "t1")));
        assert!(Description::new(&"x".repeat(64), &owner("a", "t1")).text().len() <= 128);
    }

    #[test]
    fn a_change_keeps_the_operation_that_made_it() {
        let changed = Description::new("old", &owner("a", "t1")).changed("new", &owner("b", "t2"));
        assert_eq!(changed.words, "new");
        let mark = changed.mark.unwrap();
        assert!(mark.is_made(&owner("a", "t1")) && mark.is_owned(&owner("b", "t1")));
    }

    #[test]
    fn other_words_are_nobodys() {
        for text in ["", "mine", "[tadpole ]", "[tadpole a b c", "[tadpole a b] c"] {
            assert_eq!(Description::read(text), Description { words: text.to_string(), mark: None });
        }
    }
}
