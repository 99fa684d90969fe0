//! Arguments that a function refuses by their types, before their values are known: what the types of its parameters
//! do not say.

use super::text;
use crate::model::operation::a_kind;
use crate::model::term::Term;
use crate::model::ty::Ty;
use crate::model::typing::{Class, alike, comparable, has_no_text, kind_of};
use crate::value::Value;

fn cannot_take(name: &str, types: &[Ty]) -> String {
    let kinds: Vec<String> = types.iter().map(kind_of).collect();
    format!("`{name}` cannot take {}", kinds.join(" and "))
}

fn types(terms: &[Term]) -> Vec<Ty> {
    terms.iter().map(Term::ty).collect()
}

pub(super) fn contains(terms: &[Term]) -> Option<String> {
    looks_for("contains", terms)
}

pub(super) fn index_of(terms: &[Term]) -> Option<String> {
    looks_for("indexOf", terms)
}

fn looks_for(name: &str, terms: &[Term]) -> Option<String> {
    let types = types(terms);
    let [within, item] = types.as_slice() else { return None };
    let is_text = |ty: &Ty| *ty.plain() == Ty::Any || Class::of(ty) == Some(Class::Text);
    let fits = match within.plain() {
        Ty::Any => true,
        Ty::List(of) => comparable(of, item),
        Ty::Map(_) => name == "contains" && is_text(item),
        other => Class::of(other) == Some(Class::Text) && is_text(item),
    };
    (!fits).then(|| match within.plain() {
        Ty::List(of) if *of.plain() != Ty::Any => {
            format!("`{name}` looks for {} in a list of `{of}`", kind_of(item))
        }
        _ => cannot_take(name, &types),
    })
}

pub(super) fn length(terms: &[Term]) -> Option<String> {
    let of = terms.first()?.ty();
    let fits = matches!(of.plain(), Ty::Any | Ty::List(_) | Ty::Map(_)) || Class::of(&of) == Some(Class::Text);
    (!fits).then(|| cannot_take("length", &[of]))
}

pub(super) fn max(terms: &[Term]) -> Option<String> {
    extreme("max", terms)
}

pub(super) fn min(terms: &[Term]) -> Option<String> {
    extreme("min", terms)
}

fn extreme(name: &str, terms: &[Term]) -> Option<String> {
    let types = types(terms);
    let items = match types.as_slice() {
        [one] => match one.plain() {
            Ty::List(of) => vec![of.as_ref().clone()],
            _ => types,
        },
        _ => types,
    };
    let known: Vec<&Ty> = items.iter().filter(|ty| *ty.plain() != Ty::Any).collect();
    let first = Class::of(known.first()?).filter(|class| class.is_amount());
    let fits = first.is_some() && known.iter().all(|ty| Class::of(ty) == first);
    (!fits).then(|| cannot_take(name, &items))
}

pub(super) fn sort(terms: &[Term]) -> Option<String> {
    let of = item(terms)?;
    Class::of(&of).is_none().then(|| format!("`sort` cannot put {} in order", kind_of(&of)))
}

pub(super) fn sum(terms: &[Term]) -> Option<String> {
    let of = item(terms)?;
    let fits = Class::of(&of).is_some_and(Class::is_amount);
    (!fits).then(|| format!("`sum` cannot add {}", kind_of(&of)))
}

/// A first argument that is no number.
pub(super) fn no_number(terms: &[Term]) -> Option<String> {
    let ty = terms.first()?.ty();
    let fits = *ty.plain() == Ty::Any || Class::of(&ty) == Some(Class::Number);
    (!fits).then(|| format!("a number is taken here, not {}", kind_of(&ty)))
}

/// A first argument that is neither a text nor a number.
pub(super) fn nothing_to_read(terms: &[Term]) -> Option<String> {
    let ty = terms.first()?.ty();
    let fits = *ty.plain() == Ty::Any || matches!(Class::of(&ty), Some(Class::Number | Class::Text));
    (!fits).then(|| format!("a text or number is taken here, not {}", kind_of(&ty)))
}

/// A first argument that is neither a list nor a text.
pub(super) fn no_list_or_text(terms: &[Term]) -> Option<String> {
    let ty = terms.first()?.ty();
    let fits = matches!(ty.plain(), Ty::Any | Ty::List(_)) || Class::of(&ty) == Some(Class::Text);
    (!fits).then(|| format!("a list or text is taken here, not {}", kind_of(&ty)))
}

/// The type of the items of the list that is the first argument, if it says anything.
fn item(terms: &[Term]) -> Option<Ty> {
    match terms.first()?.ty().plain() {
        Ty::List(of) if *of.plain() != Ty::Any => Some(of.as_ref().clone()),
        _ => None,
    }
}

/// A pattern that is known is filled in with one value of each type.
pub(super) fn format(terms: &[Term]) -> Option<String> {
    let [pattern, values @ ..] = terms else { return None };
    if let Some(odd) = values.iter().map(Term::ty).find(has_no_text) {
        return Some(format!("{} cannot stand in a text", kind_of(&odd)));
    }
    let samples: Option<Vec<Value>> = values.iter().map(sample).collect();
    let (pattern, samples) = (pattern.known()?, samples?);
    let all: Vec<&Value> = std::iter::once(pattern).chain(&samples).collect();
    text::format(&all).err()
}

/// The value of a term, or one of its type.
fn sample(term: &Term) -> Option<Value> {
    match (term, term.ty().plain()) {
        (Term::Known(value), _) => Some(value.clone()),
        (_, Ty::Bool) => Some(Value::Bool(true)),
        (_, Ty::Int) => Some(Value::Int(1)),
        (_, Ty::Number) => Some(Value::Number(1.0)),
        (_, Ty::Duration) => Some(Value::Duration(1000)),
        (_, Ty::Size) => Some(Value::Size(1)),
        (_, Ty::String | Ty::Enum(_) | Ty::Secret | Ty::Template(_)) => Some(Value::string("")),
        (_, Ty::Any | Ty::Null | Ty::List(_) | Ty::Map(_) | Ty::Optional(_) | Ty::Alias(_)) => None,
    }
}

/// By value: an item that is of another type than all that the list has.
pub(super) fn contains_values(list: &[Value], item: &Value) -> Option<String> {
    let odd = list.first().filter(|_| !list.iter().any(|one| alike(one, item)))?;
    Some(format!("`contains` looks for {} in a list that has {}", a_kind(item), a_kind(odd)))
}
