//! A checked program: resources with terms for attributes, and outputs. What every later floor
//! works on; nothing here refers to the tree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::model::action::{ActionTerm, Lifecycle};
use crate::model::schema::Schema;
use crate::model::term::Term;
use crate::name::{Address, Name};
use crate::source::Span;

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
    pub samples: BTreeMap<Name, Term>,
    pub lifecycle: Lifecycle<ActionTerm>,
    /// From `dependsOn`, of this component and of those around it.
    pub depends_on: BTreeMap<Address, Span>,
    /// Addresses under which it may be recorded still, the likeliest first.
    pub formerly: Vec<Address>,
    /// Where the component is named.
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct Input {
    pub term: Term,
    /// Where the value is written, which may be a default in the library.
    pub span: Span,
    /// Nobody set it: it is what the declaration says.
    pub default: bool,
}

impl Resource {
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
    pub resources: IndexMap<Address, Resource>,
    pub outputs: Vec<Output>,
}
