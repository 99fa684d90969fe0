//! Types of values. Which template descends from which is asked of the caller, since only the
//! loaded program knows.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use crate::model::format::Format;
use crate::name::Name;
use crate::source::Span;
use crate::value::{Value, number};

/// A template by its number in the loaded program.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TemplateId(pub u32);

/// A template where its name is needed without the program at hand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TemplateRef {
    pub id: TemplateId,
    pub name: Name,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Ty {
    /// Not declared (an attribute of the root), or not known because of an earlier error.
    Any,
    Null,
    Bool,
    Int,
    Number,
    String,
    Duration,
    Size,
    Secret,
    List(Arc<Ty>),
    Map(Arc<Ty>),
    Optional(Arc<Ty>),
    Enum(Arc<[String]>),
    Alias(Arc<Alias>),
    /// A component or a value of this template or of one derived from it.
    Template(TemplateRef),
}

/// A named type that narrows another.
#[derive(Clone, Debug)]
pub struct Alias {
    pub name: Name,
    pub base: Ty,
    pub refinement: Option<Refinement>,
    /// What its documentation says.
    pub doc: Option<Arc<str>>,
    pub span: Span,
}

impl PartialEq for Alias {
    fn eq(&self, other: &Alias) -> bool {
        self.name == other.name && self.base == other.base
    }
}

#[derive(Clone, Debug)]
pub enum Refinement {
    /// Both ends included.
    Between(i64, i64),
    Matching(regex::Regex),
    Format(&'static Format),
}

impl Refinement {
    /// Whether the value is in; values of other kinds have been refused before.
    pub fn admits(&self, value: &Value) -> bool {
        if let Value::Secret(secret) = value {
            return secret.value().is_none_or(|value| self.admits(value));
        }
        match (self, value) {
            (Refinement::Between(low, high), Value::Int(value)) => (low..=high).contains(&value),
            (Refinement::Between(low, high), Value::Number(value)) => {
                let beside = |end: i64| number::compare(end, *value);
                beside(*low).is_some_and(Ordering::is_le) && beside(*high).is_some_and(Ordering::is_ge)
            }
            (Refinement::Matching(pattern), Value::String(text)) => pattern.is_match(text),
            (Refinement::Format(format), Value::String(text)) => (format.admits)(text),
            _ => true,
        }
    }
}

/// What a value has to be.
impl fmt::Display for Refinement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refinement::Between(low, high) => write!(f, "must be from {low} to {high}"),
            Refinement::Matching(pattern) => write!(f, "must match {pattern}"),
            Refinement::Format(format) => write!(f, "must be {}", format.meaning),
        }
    }
}

impl Ty {
    /// Whether its values are secrets, or lists or maps of secrets.
    pub fn is_of_secrets(&self) -> bool {
        match self {
            Ty::Secret => true,
            Ty::List(of) | Ty::Map(of) | Ty::Optional(of) => of.is_of_secrets(),
            Ty::Alias(alias) => alias.base.is_of_secrets(),
            Ty::Any
            | Ty::Null
            | Ty::Bool
            | Ty::Int
            | Ty::Number
            | Ty::String
            | Ty::Duration
            | Ty::Size
            | Ty::Enum(_)
            | Ty::Template(_) => false,
        }
    }

    pub fn optional(self) -> Ty {
        match self {
            Ty::Any | Ty::Null | Ty::Optional(_) => self,
            other => Ty::Optional(Arc::new(other)),
        }
    }

    /// Without `?` and without the names that narrow it.
    pub fn plain(&self) -> &Ty {
        match self {
            Ty::Optional(inner) => inner.plain(),
            Ty::Alias(alias) => alias.base.plain(),
            other => other,
        }
    }

    pub fn is_optional(&self) -> bool {
        match self {
            Ty::Optional(_) | Ty::Null | Ty::Any => true,
            Ty::Alias(alias) => alias.base.is_optional(),
            _ => false,
        }
    }

    /// Whether every value of this type may stand where `wanted` is asked for. What only the value
    /// itself can tell (a range, a pattern, null or not) is let through and asked of the value later.
    pub fn fits(&self, wanted: &Ty, descends: &dyn Fn(TemplateId, TemplateId) -> bool) -> bool {
        match (self, wanted) {
            (Ty::Any, _) | (_, Ty::Any) => true,
            (Ty::Alias(alias), _) => alias.base.fits(wanted, descends),
            (_, Ty::Alias(alias)) => self.fits(&alias.base, descends),
            (Ty::Null, _) => wanted.is_optional(),
            (Ty::Optional(inner), _) => inner.fits(wanted, descends),
            (_, Ty::Optional(inner)) => self.fits(inner, descends),
            (Ty::Int, Ty::Number) | (Ty::String, Ty::Enum(_) | Ty::Secret) | (Ty::Enum(_) | Ty::Secret, Ty::String) => {
                true
            }
            (Ty::List(one), Ty::List(two)) | (Ty::Map(one), Ty::Map(two)) => one.fits(two, descends),
            (Ty::Template(one), Ty::Template(two)) => descends(one.id, two.id),
            (one, two) => one == two,
        }
    }
}

impl Ty {
    /// Whether every value of this type is one of `wanted` for certain: nothing is left to be asked of
    /// the value.
    pub fn assures(&self, wanted: &Ty, descends: &dyn Fn(TemplateId, TemplateId) -> bool) -> bool {
        match (self, wanted) {
            (_, Ty::Any) => true,
            (Ty::Alias(one), Ty::Alias(two)) if one == two => true,
            (_, Ty::Alias(alias)) => alias.refinement.is_none() && self.assures(&alias.base, descends),
            (Ty::Alias(alias), _) => alias.base.assures(wanted, descends),
            (Ty::Null | Ty::Optional(_), Ty::Optional(two)) => match self {
                Ty::Optional(one) => one.assures(two, descends),
                _ => true,
            },
            (_, Ty::Optional(two)) => self.assures(two, descends),
            (Ty::Enum(one), Ty::Enum(two)) => one.iter().all(|word| two.contains(word)),
            (Ty::Enum(_), Ty::String) => true,
            (Ty::List(one), Ty::List(two)) | (Ty::Map(one), Ty::Map(two)) => one.assures(two, descends),
            (Ty::Template(one), Ty::Template(two)) => descends(one.id, two.id),
            (one, two) => one == two,
        }
    }

    /// Why a value is none of this type, in the user's words. What kind of component a reference is has
    /// been asked when it was written.
    pub fn refuses(&self, value: &Value) -> Option<String> {
        let kind = || Some(format!("{self} was expected, and {} came", crate::model::operation::a_kind(value)));
        match (self, value) {
            (Ty::Any, _) | (Ty::Null | Ty::Optional(_), Value::Null) => None,
            // What it is made of is not told. One of which nothing is known is taken for a text, if it was not made.
            (_, Value::Secret(secret)) => match secret.value() {
                Some(held) => self.refuses(held).map(|_| format!("{self} was expected, and a secret came")),
                None if secret.is_made() || matches!(self.plain(), Ty::String | Ty::Secret) => None,
                None => kind(),
            },
            (Ty::Optional(inner), _) => inner.refuses(value),
            (Ty::Alias(alias), _) => alias.base.refuses(value).or_else(|| {
                let refinement = alias.refinement.as_ref().filter(|refinement| !refinement.admits(value))?;
                Some(format!("{value} is no `{}`: it {refinement}", alias.name))
            }),
            (Ty::Enum(words), Value::String(text)) if words.iter().all(|word| **word != **text) => {
                Some(format!("\"{text}\" is none of {self}"))
            }
            (Ty::List(of), Value::List(items)) => items.iter().find_map(|item| of.refuses(item)),
            (Ty::Map(of), Value::Map(entries)) => entries.values().find_map(|item| of.refuses(item)),
            (Ty::Number, Value::Int(int)) if number::from_int(*int).is_none() => {
                Some(format!("{int} is not exactly a `Number`, which keeps whole numbers up to 9007199254740992"))
            }
            (Ty::Bool, Value::Bool(_))
            | (Ty::Int | Ty::Number, Value::Int(_))
            | (Ty::Number, Value::Number(_))
            | (Ty::String | Ty::Enum(_), Value::String(_))
            | (Ty::Secret, Value::String(_))
            | (Ty::Duration, Value::Duration(_))
            | (Ty::Size, Value::Size(_))
            | (Ty::Template(_), Value::Data(_) | Value::Reference(_)) => None,
            _ => kind(),
        }
    }
}

impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ty::Any => f.write_str("any value"),
            Ty::Null => f.write_str("null"),
            Ty::Bool => f.write_str("Bool"),
            Ty::Int => f.write_str("Int"),
            Ty::Number => f.write_str("Number"),
            Ty::String => f.write_str("String"),
            Ty::Duration => f.write_str("Duration"),
            Ty::Size => f.write_str("Size"),
            Ty::Secret => f.write_str("Secret"),
            Ty::List(of) => write!(f, "[{of}]"),
            Ty::Map(of) => write!(f, "{{String: {of}}}"),
            Ty::Optional(of) => write!(f, "{of}?"),
            Ty::Enum(words) => {
                for (at, word) in words.iter().enumerate() {
                    write!(f, "{}\"{word}\"", if at == 0 { "" } else { " | " })?;
                }
                Ok(())
            }
            Ty::Alias(alias) => write!(f, "{}", alias.name),
            Ty::Template(template) => write!(f, "{}", template.name),
        }
    }
}
