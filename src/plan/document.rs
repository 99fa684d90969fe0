//! A plan as a document: one JSON text that says all of it, and how to make it again. `docs/plan.schema.json`
//! describes it. No secret is in it, nor anything by which one could be tried.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::name::{Address, Name};
use crate::plan::{Plan, VERSION};
use crate::source::{Origin, Sources};
use crate::state::State;

/// How a plan was made, and of what.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// The program that made it, with its version.
    pub by: Arc<str>,
    /// As it was given: a directory, or a file.
    pub program: Arc<str>,
    /// What `--env` said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<Arc<str>>,
    /// Files of values, as they were given.
    pub vars: Vec<Arc<str>>,
    /// Values of params from the command line or the environment, as they were typed.
    pub params: BTreeMap<Name, Arc<str>>,
    /// Params that were given too, and are secret.
    pub secrets: Vec<Name>,
    /// Of each file that was read: a fingerprint of its text, in which secrets are hidden.
    pub sources: BTreeMap<Arc<str>, Arc<str>>,
    /// Of each thing that was recorded: a fingerprint of what was.
    pub records: BTreeMap<Address, Arc<str>>,
}

/// Fingerprints of texts, in which secrets must have been hidden.
pub fn sources(sources: &Sources) -> BTreeMap<Arc<str>, Arc<str>> {
    let files = sources.iter().filter(|source| source.origin == Origin::File);
    files.map(|source| (source.name.as_str().into(), fingerprint(source.text.as_bytes()))).collect()
}

/// Fingerprints of what is recorded. What was replaced and is still there belongs to its successor.
pub fn records(state: &State) -> BTreeMap<Address, Arc<str>> {
    let text = |recorded| serde_json::to_vec(recorded).unwrap_or_default();
    let mut texts: BTreeMap<&Address, Vec<u8>> =
        state.resources.iter().map(|(address, recorded)| (address, text(recorded))).collect();
    for retired in state.retired.values() {
        texts.entry(&retired.address).or_default().extend(text(&retired.recorded));
    }
    texts.into_iter().map(|(address, text)| (address.clone(), fingerprint(&text))).collect()
}

/// The first 16 bytes of the SHA-256.
fn fingerprint(text: &[u8]) -> Arc<str> {
    Sha256::digest(text).iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

/// Why a text is no plan that can be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unread {
    Damaged(String),
    /// Made by a newer version of this program.
    Newer(u32),
}

impl Plan {
    /// The document. Fingerprints of secrets are only worth something `sealed` with a key that is kept.
    pub fn document(&self, sealed: bool) -> String {
        let mut json = as_json(self);
        if !sealed {
            unseal(&mut json);
        }
        let mut text = serde_json::to_string_pretty(&json).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads a document.
    ///
    /// # Errors
    /// When the text is none, or one of another version.
    pub fn read(text: &str) -> Result<Plan, Unread> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let damaged = |error: serde_json::Error| Unread::Damaged(error.to_string());
        match serde_json::from_str::<Versioned>(text).map_err(damaged)?.version {
            version if version > VERSION => Err(Unread::Newer(version)),
            _ => serde_json::from_str(text).map_err(damaged),
        }
    }
}

pub(super) fn as_json(of: &impl Serialize) -> Json {
    match serde_json::to_value(of) {
        Ok(json) => json,
        Err(error) => unreachable!("a plan can be written as JSON: {error}"),
    }
}

fn is_secret(json: &Json) -> bool {
    json.get("$").is_some_and(|tag| tag == "secret")
}

/// Takes the fingerprints of secrets out.
fn unseal(json: &mut Json) {
    match json {
        Json::Object(fields) => {
            let secret = fields.get("$").is_some_and(|tag| tag == "secret");
            if let Some(fingerprint) = fields.get_mut("fingerprint").filter(|_| secret) {
                *fingerprint = Json::Null;
            }
            fields.values_mut().for_each(unseal);
        }
        Json::Array(items) => items.iter_mut().for_each(unseal),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// Whether two parts of plans say the same. A secret without a fingerprint is like any other.
pub(super) fn same(saved: &Json, now: &Json) -> bool {
    match (saved, now) {
        (Json::Object(one), Json::Object(two)) => {
            let unsealed = is_secret(saved) && is_secret(now) && saved["fingerprint"].is_null();
            let equal = |(name, value): (&String, &Json)| {
                two.get(name).is_some_and(|other| (unsealed && name == "fingerprint") || same(value, other))
            };
            one.len() == two.len() && one.iter().all(equal)
        }
        (Json::Array(one), Json::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| same(one, two))
        }
        _ => saved == now,
    }
}
