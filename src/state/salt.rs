//! What makes the tokens of one run different from those of every other. Operations are numbered by the record, and
//! a record that is restored from a backup counts again from where it was; a token must not come again with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::name::Address;
use crate::state::ledger;

/// A text of each run that began operations, by the number of the first of them.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Salts(BTreeMap<u64, Arc<str>>);

impl Salts {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn last(&self) -> Option<&u64> {
        self.0.keys().last()
    }

    /// That of an operation; none in records of earlier versions.
    fn of(&self, op: u64) -> Option<&Arc<str>> {
        self.0.range(..=op).next_back().map(|(_, salt)| salt)
    }

    /// Takes one for the operations from a number on.
    pub fn put(&mut self, from: u64, salt: Arc<str>) {
        self.0.insert(from, salt);
    }

    /// As [`Salts::put`], and drops those that no operation in `used` has.
    pub fn add(&mut self, from: u64, salt: Arc<str>, used: &BTreeSet<u64>) {
        let needed: BTreeSet<u64> =
            used.iter().filter_map(|op| self.0.range(..=*op).next_back().map(|(first, _)| *first)).collect();
        self.0.retain(|first, _| needed.contains(first));
        self.put(from, salt);
    }
}

/// Makes the tokens of an environment.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub lineage: Arc<str>,
    pub salts: Arc<Salts>,
}

impl Tokens {
    /// The same for every try of one operation, even after a crash; another one for any other.
    pub fn of(&self, address: &Address, what: &str, op: u64) -> Arc<str> {
        ledger::token(&self.lineage, address, what, op, self.salts.of(op).map(|salt| &**salt))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_keeps_its_token_and_no_other_has_it() {
        let address: Address = "a".parse().unwrap();
        let token = |salts: &Salts, op| {
            Tokens { lineage: "l".into(), salts: Arc::new(salts.clone()) }.of(&address, "Create", op)
        };
        let mut salts = Salts::default();
        let old = token(&salts, 3);
        salts.add(5, "one".into(), &BTreeSet::from([3]));
        assert_eq!(token(&salts, 3), old);
        let (restored, fifth) = (salts.clone(), token(&salts, 5));
        salts.add(7, "two".into(), &BTreeSet::from([5]));
        assert_eq!(token(&salts, 5), fifth);
        // The backup counts from 6 again, in another run.
        let mut restored = restored;
        let sixth = token(&restored, 6);
        restored.add(6, "three".into(), &BTreeSet::new());
        assert_ne!(token(&restored, 6), sixth);
        assert_eq!(restored.0.len(), 1);
    }
}
