//! What a template lets users set: its attributes with types and modifiers.

use std::sync::Arc;

use crate::model::ty::Ty;
use crate::model::unordered::Unordered;
use crate::name::{Name, OrderedTable};
use crate::source::Span;
use crate::value::Value;

/// One declared attribute.
#[derive(Clone, Debug)]
pub struct Attribute {
    pub name: Name,
    pub ty: Ty,
    pub modifiers: Modifiers,
    pub doc: Option<Arc<str>>,
    /// Where it is declared.
    pub span: Span,
}

/// Among which things one alone can have a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Exclusive {
    /// All of its type.
    Everywhere,
    /// Those with the same value of this attribute.
    Within(Name),
}

#[derive(Clone, Default, Debug)]
pub struct Modifiers {
    /// The provider fills it in; unknown until the resource exists.
    pub computed: bool,
    /// A change replaces the resource.
    pub immutable: bool,
    /// Immutable, and names the thing in the cloud.
    pub identity: bool,
    /// One thing at a time can have this value.
    pub exclusive: Option<Exclusive>,
    /// Computed attributes of what it refers to, that its value decides as well.
    pub alters: Vec<Name>,
    pub secret: bool,
    /// A list that the cloud keeps as a set: neither the order of its elements nor how often each is in it
    /// means anything.
    pub unordered: bool,
    /// When unset, taken from the nearest enclosing component that has it.
    pub inherit: bool,
    /// May not be overridden.
    pub sealed: bool,
    /// Why not to use it any more.
    pub deprecated: Option<Arc<str>>,
}

/// The attributes that a provider knows of one type of resource.
#[derive(Clone, Debug)]
pub struct Schema {
    /// The provider's name of the type, `aws.S3Bucket`.
    pub kind: Arc<str>,
    pub attributes: OrderedTable<Name, Attribute>,
    /// Its things are there without anybody's making, and found by what they are like.
    pub lookup: bool,
    /// Fields of the values in its attributes that are kept as sets.
    pub unordered: Unordered,
}

impl Schema {
    pub fn get(&self, name: &str) -> Option<&Attribute> {
        self.attributes.get(name)
    }

    /// Whether two values of an attribute mean the same to the cloud.
    pub fn same(&self, name: &Name, one: &Value, two: &Value) -> bool {
        let is_set = self.attributes.get(name).is_some_and(|attribute| attribute.modifiers.unordered);
        self.unordered.same(is_set, one, two)
    }

    /// Attributes that name a thing in the cloud; none for types whose things have no name.
    pub fn identity(&self) -> impl Iterator<Item = &Attribute> {
        self.attributes.values().filter(|attribute| attribute.modifiers.identity)
    }

    /// Attributes that the provider fills in.
    pub fn computed(&self) -> impl Iterator<Item = &Attribute> {
        self.attributes.values().filter(|attribute| attribute.modifiers.computed)
    }
}
