//! A value as far as it is known: a term of the program, or what it settled to.

use crate::model::term::Term;
use crate::name::Address;
use crate::value::{Target, Value};

/// An attribute, or a part of one.
#[derive(Clone, Copy)]
pub enum Part<'t> {
    Unset,
    Value(&'t Value),
    /// Not known as a whole.
    Term(&'t Term),
    /// A part of what is not known.
    Unknown,
}

impl<'t> From<Option<&'t Value>> for Part<'t> {
    fn from(value: Option<&'t Value>) -> Part<'t> {
        value.map_or(Part::Unset, Part::value)
    }
}

impl<'t> Part<'t> {
    pub fn value(value: &'t Value) -> Part<'t> {
        if *value == Value::Null { Part::Unset } else { Part::Value(value) }
    }

    pub fn term(term: &'t Term) -> Part<'t> {
        match term.known() {
            Some(value) => Part::value(value),
            None => Part::Term(term),
        }
    }

    pub fn is_unset(self) -> bool {
        matches!(self, Part::Unset)
    }

    /// Whether it is certain to be set. What may turn out to be null is neither set nor unset.
    pub fn is_set(self) -> bool {
        match self {
            Part::Unset | Part::Unknown => false,
            Part::Value(_) => true,
            Part::Term(term) => match term {
                Term::Reference { .. } | Term::Existing { .. } | Term::List(_) | Term::Map(_) | Term::Data { .. } => {
                    true
                }
                Term::Known(_) | Term::Each(_) => true,
                Term::Output(output) => !output.ty.is_optional(),
                Term::Call { ty, .. } => !ty.is_optional(),
                Term::Open(_) | Term::Variable(_) => false,
            },
        }
    }

    fn known(self) -> Option<&'t Value> {
        match self {
            Part::Value(value) => Some(value),
            Part::Unset | Part::Term(_) | Part::Unknown => None,
        }
    }

    /// A text that may be shown.
    pub fn text(self) -> Option<&'t str> {
        match self.known()? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// A text, also one that is a secret: never for a message.
    pub fn revealed(self) -> Option<&'t str> {
        match self.known()? {
            Value::Secret(secret) => secret.reveal(),
            value => value.as_str(),
        }
    }

    pub fn int(self) -> Option<i64> {
        match self.known()? {
            Value::Int(int) => Some(*int),
            _ => None,
        }
    }

    pub fn bool(self) -> Option<bool> {
        match self.known()? {
            Value::Bool(bool) => Some(*bool),
            _ => None,
        }
    }

    /// In bytes.
    pub fn size(self) -> Option<u64> {
        match self.known()? {
            Value::Size(bytes) => Some(*bytes),
            _ => None,
        }
    }

    /// In milliseconds.
    pub fn duration(self) -> Option<u64> {
        match self.known()? {
            Value::Duration(millis) => Some(*millis),
            _ => None,
        }
    }

    /// The items of a list; nothing while it is not known how many there are. Of what is unset, there are none.
    pub fn items(self) -> Option<Vec<Part<'t>>> {
        match self {
            Part::Unset => Some(Vec::new()),
            Part::Value(Value::List(items)) => Some(items.iter().map(Part::value).collect()),
            Part::Term(Term::List(items)) => Some(items.iter().map(Part::term).collect()),
            Part::Value(_) | Part::Term(_) | Part::Unknown => None,
        }
    }

    /// The entries of a map; nothing while its keys are not known.
    pub fn entries(self) -> Option<Vec<(&'t str, Part<'t>)>> {
        match self {
            Part::Unset => Some(Vec::new()),
            Part::Value(Value::Map(entries)) => {
                Some(entries.iter().map(|(key, value)| (key.as_str(), Part::value(value))).collect())
            }
            Part::Term(Term::Map(entries)) => {
                Some(entries.iter().map(|(key, term)| (key.as_str(), Part::term(term))).collect())
            }
            Part::Value(_) | Part::Term(_) | Part::Unknown => None,
        }
    }

    /// A field of a value of a template. Of what is unset, all fields are; of what is not known, none is.
    pub fn field(self, name: &str) -> Part<'t> {
        match self {
            Part::Unset => Part::Unset,
            Part::Value(Value::Data(data)) => data.fields.get(name).into(),
            Part::Term(Term::Data { fields, .. }) => fields.get(name).map_or(Part::Unset, Part::term),
            Part::Value(_) | Part::Term(_) | Part::Unknown => Part::Unknown,
        }
    }

    /// The template of a value made of one.
    pub fn template(self) -> Option<&'t str> {
        match self {
            Part::Value(Value::Data(data)) => Some(data.template.as_str()),
            Part::Term(Term::Data { template, .. }) => Some(template.name.as_str()),
            Part::Unset | Part::Value(_) | Part::Term(_) | Part::Unknown => None,
        }
    }

    /// The component of this program that it refers to.
    pub fn address(self) -> Option<&'t Address> {
        match self {
            Part::Term(Term::Reference { address, .. }) => Some(address),
            Part::Value(Value::Reference(reference)) => match &reference.of {
                Target::Address(address) => Some(address),
                Target::Existing(_) => None,
            },
            Part::Unset | Part::Value(_) | Part::Term(_) | Part::Unknown => None,
        }
    }
}
