//! A checked program: resources with terms for attributes, and outputs. What every later floor
//! works on; nothing here refers to the tree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::diagnostic::Diagnostic;
use crate::model::action::{ActionTerm, Lifecycle};
use crate::model::schema::Schema;
use crate::model::term::{Known, Term};
use crate::name::{Address, Name};
use crate::source::Span;
use crate::value::Value;

/// What comes first when a thing is replaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Order {
    /// For a time there are two: what refers to it is changed before the old one goes.
    CreateFirst,
    /// There are never two.
    DeleteFirst,
}

/// An address under which a component may be recorded still.
#[derive(Clone, Debug)]
pub struct Former {
    pub address: Address,
    /// The `formerly` that says so.
    pub span: Span,
}

/// One thing to be deployed.
#[derive(Clone, Debug)]
pub struct Resource {
    pub address: Address,
    /// The template that it extends, as the user wrote it.
    pub template: Name,
    pub schema: Arc<Schema>,
    /// What the program says of each attribute that the provider knows; absent when null.
    pub inputs: BTreeMap<Name, Input>,
    /// What the library expects the provider to fill in: the sandbox has nothing else to go by.
    pub samples: BTreeMap<Name, Arc<Term>>,
    pub lifecycle: Arc<Lifecycle<ActionTerm>>,
    /// What the program wants to come first when it is replaced, if it says so.
    pub replacement: Option<Order>,
    /// Attributes that somebody else owns once it is there.
    pub ignored: BTreeSet<Name>,
    /// Where the program says that it may not be destroyed, if it does.
    pub protected: Option<Span>,
    /// From `dependsOn`, of this component and of those around it.
    pub depends_on: BTreeMap<Address, Span>,
    /// Addresses under which it may be recorded still, the likeliest first.
    pub formerly: Vec<Former>,
    /// The variable of its repetition that holds its key.
    pub each: Option<Name>,
    /// Where the component is named.
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct Input {
    pub term: Arc<Term>,
    /// Where the value is written, which may be a default in the library.
    pub span: Span,
    /// Nobody set it: it is what the declaration says.
    pub default: bool,
}

impl Resource {
    /// What names it in the cloud, as far as that is known before anything is made; nothing when a part is
    /// not known, or when the type has no such attributes.
    pub fn identity(&self) -> Option<String> {
        let names = self.schema.identity();
        let parts: Option<Vec<String>> =
            names.map(|attribute| Some(self.inputs.get(&attribute.name)?.term.known()?.to_string())).collect();
        let parts = parts.filter(|parts| !parts.is_empty())?;
        let place = ["region", "profile"].map(|name| self.inputs.get(name).and_then(|input| input.term.known()));
        Some(format!("{} {} {place:?}", self.schema.kind, parts.join(" ")))
    }

    /// Components of which computed attributes depend on this one as well, with these attributes.
    pub fn alters(&self) -> impl Iterator<Item = (&Name, &[Name], BTreeSet<Address>)> {
        let altering = self.schema.attributes.values().filter(|attribute| !attribute.modifiers.alters.is_empty());
        altering.map(|attribute| {
            let mut of = BTreeSet::new();
            // Unset, it may still have been set before.
            self.inputs.get(&attribute.name).into_iter().for_each(|input| input.term.needs(&mut of));
            (&attribute.name, attribute.modifiers.alters.as_slice(), of)
        })
    }

    /// Everything that must be there before this, with the place that says so.
    pub fn needs(&self) -> BTreeMap<Address, Span> {
        let mut needs = self.depends_on.clone();
        for input in self.inputs.values() {
            let mut addresses = BTreeSet::new();
            input.term.needs(&mut addresses);
            for address in addresses {
                needs.entry(address).or_insert(input.span);
            }
        }
        // What its actions work on, beside itself.
        let mut addresses = BTreeSet::new();
        self.lifecycle.settings().for_each(|setting| setting.needs(&mut addresses));
        addresses.remove(&self.address);
        for address in addresses {
            needs.entry(address).or_insert(self.span);
        }
        needs
    }
}

#[derive(Clone, Debug)]
pub struct Output {
    pub name: Name,
    pub term: Term,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct Program {
    /// From `project extends Project { name ...; }`.
    pub project: Option<Arc<str>>,
    pub resources: Vec<Resource>,
    pub outputs: Vec<Output>,
    /// Those that only the cloud's answers can decide.
    pub assertions: Vec<Assertion>,
}

/// Something that must hold.
#[derive(Clone, Debug)]
pub struct Assertion {
    pub condition: Term,
    pub message: Term,
    /// Of the condition.
    pub span: Span,
}

impl Assertion {
    /// What it is about.
    pub fn needs(&self) -> BTreeSet<Address> {
        let mut needs = BTreeSet::new();
        self.condition.needs(&mut needs);
        needs
    }

    /// What to say if it does not hold in this world. What is not known there may hold yet.
    fn broken(&self, world: &dyn Known) -> Option<(Diagnostic, bool)> {
        let (condition, is_secret) = match self.condition.settle(world) {
            Ok(Term::Known(Value::Secret(secret))) => (Ok(secret.value().cloned().map(Term::Known)), true),
            Ok(term) => (Ok(Some(term)), false),
            Err(message) => (Err(message), self.condition.holds_secret()),
        };
        let message = match condition {
            Ok(Some(Term::Known(Value::Bool(false)))) => match self.message.settle(world) {
                Ok(Term::Known(Value::String(message))) => message.to_string(),
                // A message that may not be shown, or is not known, keeps nothing from failing.
                _ => "this must hold, and does not".to_string(),
            },
            Ok(_) => return None,
            Err(message) => message,
        };
        let label = if is_secret { "this does not hold, and depends on a secret" } else { "this does not hold" };
        Some((Diagnostic::error("cloud::assertion::failed", message).label(self.span, label), is_secret))
    }

    /// What to say of those that do not hold in this world. Of those about secrets only the first is told: each that
    /// fails says something of them.
    pub fn all_broken<'a>(assertions: impl IntoIterator<Item = &'a Assertion>, world: &dyn Known) -> Vec<Diagnostic> {
        let mut told = false;
        let broken = assertions.into_iter().filter_map(|assertion| assertion.broken(world));
        let first = |(diagnostic, is_secret): (Diagnostic, bool)| {
            (!is_secret || !std::mem::replace(&mut told, true)).then_some(diagnostic)
        };
        broken.filter_map(first).collect()
    }
}
