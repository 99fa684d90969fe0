//! Operations by type alone: what they take, and the type of what they give. The rules are those that `operation`
//! has for values, asked before the values are known.

use std::sync::Arc;

use crate::diagnostic::article;
use crate::model::operation::{Operation, a_kind, value_ty};
use crate::model::term::Term;
use crate::model::ty::Ty;
use crate::syntax::tree::{Binary, Unary};
use crate::value::Value;

/// Values that have an order among themselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    Number,
    Text,
    Duration,
    Size,
}

impl Class {
    /// The class of the values of a type; none when they have no order, or when the type does not say.
    pub fn of(ty: &Ty) -> Option<Class> {
        match ty.plain() {
            Ty::Int | Ty::Number => Some(Class::Number),
            Ty::String | Ty::Enum(_) | Ty::Secret => Some(Class::Text),
            Ty::Duration => Some(Class::Duration),
            Ty::Size => Some(Class::Size),
            Ty::Any
            | Ty::Null
            | Ty::Bool
            | Ty::List(_)
            | Ty::Map(_)
            | Ty::Template(_)
            | Ty::Optional(_)
            | Ty::Alias(_) => None,
        }
    }

    pub fn is_amount(self) -> bool {
        self != Class::Text
    }
}

/// Whether values of two types can be equal: null equals null of every type, an `Int` may equal a `Number`.
pub fn comparable(one: &Ty, two: &Ty) -> bool {
    match (one.plain(), two.plain()) {
        (Ty::Any | Ty::Null, _) | (_, Ty::Any | Ty::Null) => true,
        (Ty::Bool, Ty::Bool) | (Ty::Template(_), Ty::Template(_)) => true,
        (Ty::List(one), Ty::List(two)) | (Ty::Map(one), Ty::Map(two)) => comparable(one, two),
        (one, two) => Class::of(one).is_some_and(|class| Class::of(two) == Some(class)),
    }
}

/// Why values of two types are not compared.
pub(super) fn uncomparable(sign: Binary, one: &Ty, two: &Ty) -> String {
    let kind = |ty: &Ty| match ty.plain() {
        Ty::List(of) => format!("a list of `{of}`"),
        Ty::Map(of) => format!("a map of `{of}`"),
        ty => kind_of(ty),
    };
    // What is in them tells two lists apart.
    match (one.plain(), two.plain()) {
        (Ty::List(_), Ty::List(_)) | (Ty::Map(_), Ty::Map(_)) => {
            format!("`{}` cannot take {} and {}", sign.sign(), kind(one), kind(two))
        }
        _ => format!("`{}` cannot take {}", sign.sign(), kinds(&[one, two])),
    }
}

/// Whether two values are of types that can be compared.
pub fn alike(one: &Value, two: &Value) -> bool {
    let made = |value: &Value| matches!(value, Value::Data(_) | Value::Reference(_));
    match (one, two) {
        (Value::Null, _) | (_, Value::Null) => true,
        _ if made(one) || made(two) => made(one) && made(two),
        _ => comparable(&value_ty(one), &value_ty(two)),
    }
}

/// A type that has the values of both.
pub fn join(one: &Ty, two: &Ty) -> Ty {
    match (one, two) {
        (one, two) if one == two => one.clone(),
        (Ty::Any, _) | (_, Ty::Any) => Ty::Any,
        (Ty::Null, other) | (other, Ty::Null) => other.clone().optional(),
        (Ty::Optional(one), two) | (two, Ty::Optional(one)) => join(one, two).optional(),
        (Ty::Alias(alias), other) | (other, Ty::Alias(alias)) => join(&alias.base, other),
        (Ty::List(one), Ty::List(two)) => Ty::List(Arc::new(join(one, two))),
        (Ty::Map(one), Ty::Map(two)) => Ty::Map(Arc::new(join(one, two))),
        (Ty::Int, Ty::Number) | (Ty::Number, Ty::Int) => Ty::Number,
        (Ty::Secret, Ty::String | Ty::Enum(_)) | (Ty::String | Ty::Enum(_), Ty::Secret) => Ty::Secret,
        (Ty::String | Ty::Enum(_), Ty::String | Ty::Enum(_)) => Ty::String,
        (
            Ty::Bool
            | Ty::Int
            | Ty::Number
            | Ty::String
            | Ty::Duration
            | Ty::Size
            | Ty::Secret
            | Ty::List(_)
            | Ty::Map(_)
            | Ty::Enum(_)
            | Ty::Template(_),
            _,
        ) => Ty::Any,
    }
}

/// A type that has the values of all; any value, when there are none.
pub fn join_all(types: impl IntoIterator<Item = Ty>) -> Ty {
    types.into_iter().reduce(|one, two| join(&one, &two)).unwrap_or(Ty::Any)
}

/// The kind of the values of a type with its article, for messages.
pub fn kind_of(ty: &Ty) -> String {
    match ty.plain() {
        Ty::Any => "any value".into(),
        Ty::Null => a_kind(&Value::Null).into(),
        Ty::List(_) => "a list".into(),
        Ty::Map(_) => "a map".into(),
        Ty::String | Ty::Enum(_) => "a String".into(),
        Ty::Secret => "a secret".into(),
        Ty::Template(template) => format!("{} `{}`", article(template.name.as_str()), template.name),
        ty @ (Ty::Bool | Ty::Int | Ty::Number | Ty::Duration | Ty::Size | Ty::Optional(_) | Ty::Alias(_)) => {
            let name = ty.to_string();
            format!("{} {name}", article(&name))
        }
    }
}

/// The kinds that are known, as a sentence lists them.
fn kinds(types: &[&Ty]) -> String {
    let known = types.iter().filter(|ty| *ty.plain() != Ty::Any).map(|ty| kind_of(ty));
    known.collect::<Vec<_>>().join(" and ")
}

/// Whether values of a type may be of the wanted one, which is no type of lists, maps or templates.
fn may_be(ty: &Ty, wanted: &Ty) -> bool {
    let ty = ty.plain();
    *ty == Ty::Any || ty == wanted
}

impl Operation {
    /// The type of the result for arguments of these types. Attributes of templates are not known here: they are
    /// of any type.
    ///
    /// # Errors
    /// When no values of these types have a result, in the user's words.
    pub fn typed(&self, arguments: &[Term]) -> Result<Ty, String> {
        let types: Vec<Ty> = arguments.iter().map(Term::ty).collect();
        match (self, types.as_slice()) {
            (Operation::Text, parts) => match parts.iter().find(|part| has_no_text(part)) {
                Some(part) => Err(format!("{} cannot stand in a text", kind_of(part))),
                None => Ok(Ty::String),
            },
            (Operation::Get { name, optional }, [of]) => match of.plain() {
                Ty::Map(of) if *optional => Ok(of.as_ref().clone().optional()),
                Ty::Map(of) => Ok(of.as_ref().clone()),
                Ty::Any | Ty::Template(_) => Ok(Ty::Any),
                Ty::Null if *optional => Ok(Ty::Null),
                other => Err(format!("{} has no attribute `{name}`", kind_of(other))),
            },
            (Operation::Index { optional }, [of, at]) => {
                let item = match (of.plain(), at.plain()) {
                    (Ty::List(item), at) if may_be(at, &Ty::Int) => item.as_ref().clone(),
                    (Ty::Map(item), Ty::String | Ty::Enum(_) | Ty::Any) => item.as_ref().clone(),
                    (Ty::Any, Ty::Int | Ty::String | Ty::Enum(_) | Ty::Any) => Ty::Any,
                    (Ty::Null, _) if *optional => Ty::Null,
                    (of, at) => return Err(format!("{} cannot be indexed by {}", kind_of(of), kind_of(at))),
                };
                Ok(if *optional { item.optional() } else { item })
            }
            (Operation::Unary(Unary::Not), [of]) if may_be(of, &Ty::Bool) => Ok(Ty::Bool),
            (Operation::Unary(Unary::Not), [of]) => Err(format!("`!` takes a Bool, not {}", kind_of(of))),
            (Operation::Unary(Unary::Negative), [of]) => match of.plain() {
                number @ (Ty::Int | Ty::Number | Ty::Any) => Ok(number.clone()),
                other => Err(format!("`-` takes a number, not {}", kind_of(other))),
            },
            (Operation::Binary(sign), [one, two]) => {
                binary(*sign, one, two).ok_or_else(|| uncomparable(*sign, one, two))
            }
            (Operation::If, [condition, then, otherwise]) if may_be(condition, &Ty::Bool) => Ok(join(then, otherwise)),
            (Operation::If, [condition, ..]) => Err(format!("a condition is a Bool, not {}", kind_of(condition))),
            (Operation::Concatenate, lists) => {
                match lists.iter().find(|list| !matches!(list.plain(), Ty::List(_) | Ty::Any)) {
                    Some(odd) => Err(format!("`...` takes a list, not {}", kind_of(odd))),
                    None => Ok(join_all(lists.iter().map(|list| list.plain().clone()))),
                }
            }
            (Operation::Conform(ty), _) => Ok(ty.clone()),
            (Operation::Function(function), types) => match (function.refuses)(arguments) {
                Some(why) => Err(why),
                None => Ok(function.result_for(types)),
            },
            (operation, types) => unreachable!("{operation:?} with {} arguments", types.len()),
        }
    }
}

/// Whether values of a type cannot stand in a text. Of templates, only their family tells.
pub fn has_no_text(ty: &Ty) -> bool {
    matches!(ty.plain(), Ty::Null | Ty::List(_) | Ty::Map(_))
}

/// The type of the result of an operator; none when it does not take such values.
fn binary(sign: Binary, one: &Ty, two: &Ty) -> Option<Ty> {
    let both = |wanted: &Ty| may_be(one, wanted) && may_be(two, wanted);
    match sign {
        Binary::And | Binary::Or => both(&Ty::Bool).then_some(Ty::Bool),
        Binary::Range => both(&Ty::Int).then(|| Ty::List(Arc::new(Ty::Int))),
        Binary::Equal | Binary::Unequal => comparable(one, two).then_some(Ty::Bool),
        Binary::AtMost | Binary::AtLeast | Binary::Below | Binary::Above => {
            let ordered = |ty: &Ty| *ty.plain() == Ty::Any || Class::of(ty).is_some();
            (ordered(one) && ordered(two) && comparable(one, two)).then_some(Ty::Bool)
        }
        Binary::Coalesce => Some(match one {
            Ty::Optional(one) => join(one, two),
            Ty::Null => two.clone(),
            one => join(one, two),
        }),
        Binary::Add => match (one.plain(), two.plain()) {
            (Ty::List(one), Ty::List(two)) => Some(Ty::List(Arc::new(join(one, two)))),
            (Ty::Any, Ty::List(_)) | (Ty::List(_), Ty::Any) => Some(Ty::List(Arc::new(Ty::Any))),
            (one, two) => match (Class::of(one), Class::of(two)) {
                (Some(Class::Text), Some(Class::Text)) => Some(Ty::String),
                (Some(Class::Text), None) if *two == Ty::Any => Some(Ty::String),
                (None, Some(Class::Text)) if *one == Ty::Any => Some(Ty::String),
                _ => arithmetic(sign, one, two),
            },
        },
        Binary::Subtract | Binary::Multiply | Binary::Divide | Binary::Remainder => {
            arithmetic(sign, one.plain(), two.plain())
        }
    }
}

fn arithmetic(sign: Binary, one: &Ty, two: &Ty) -> Option<Ty> {
    let additive = matches!(sign, Binary::Add | Binary::Subtract);
    let scaling = matches!(sign, Binary::Multiply | Binary::Divide);
    match (one, two) {
        (Ty::Int, Ty::Int) => Some(Ty::Int),
        (Ty::Int | Ty::Number, Ty::Int | Ty::Number) => Some(Ty::Number),
        (Ty::Duration, Ty::Duration) | (Ty::Size, Ty::Size) if additive => Some(one.clone()),
        (Ty::Duration | Ty::Size, Ty::Int) if scaling => Some(one.clone()),
        (Ty::Any, Ty::Any) => Some(Ty::Any),
        (Ty::Any, Ty::Int | Ty::Number) | (Ty::Int | Ty::Number, Ty::Any) => Some(Ty::Any),
        (Ty::Any, Ty::Duration | Ty::Size) if additive => Some(two.clone()),
        (Ty::Duration | Ty::Size, Ty::Any) if additive || scaling => Some(one.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::function;

    /// Values of every kind; operations that refuse all values of two kinds must refuse the kinds.
    fn samples() -> Vec<Value> {
        let list = |items: &[Value]| Value::List(items.to_vec());
        let map = |value: Value| Value::Map([("a".to_string(), value)].into());
        vec![
            Value::Bool(true),
            Value::Int(2),
            Value::Number(1.5),
            Value::string("a"),
            Value::Duration(5000),
            Value::Size(1024),
            list(&[Value::Int(1), Value::Int(2), Value::Int(3)]),
            list(&[Value::string("a")]),
            map(Value::Int(1)),
            map(Value::string("b")),
            Value::Null,
        ]
    }

    /// By type alone, an operation takes what it takes by value, and the type that it says is that of its result.
    #[test]
    fn types_and_values_agree() {
        const SIGNS: [Binary; 15] = [
            Binary::Range,
            Binary::Or,
            Binary::And,
            Binary::Equal,
            Binary::Unequal,
            Binary::AtMost,
            Binary::AtLeast,
            Binary::Below,
            Binary::Above,
            Binary::Coalesce,
            Binary::Add,
            Binary::Subtract,
            Binary::Multiply,
            Binary::Divide,
            Binary::Remainder,
        ];
        let mut operations: Vec<(Operation, usize)> =
            SIGNS.into_iter().map(|sign| (Operation::Binary(sign), 2)).collect();
        operations.extend([(Operation::Unary(Unary::Not), 1), (Operation::Unary(Unary::Negative), 1)]);
        operations.extend([(Operation::Text, 1), (Operation::Get { name: "a".into(), optional: false }, 1)]);
        operations.extend([(Operation::Index { optional: false }, 2), (Operation::Index { optional: true }, 2)]);
        for (name, arity) in [("length", 1), ("max", 1), ("sort", 1), ("sum", 1), ("contains", 2), ("max", 2)] {
            operations.push((Operation::Function(function::find(name).unwrap()), arity));
        }
        for (operation, arity) in operations {
            for one in samples() {
                for two in samples().into_iter().take(if arity == 2 { usize::MAX } else { 1 }) {
                    let values = [one.clone(), two];
                    // What parameters of functions take is asked where they are called.
                    if let Operation::Function(function) = &operation
                        && !value_ty(&values[0]).fits(&function.parameters[0].ty, &|_, _| true)
                    {
                        continue;
                    }
                    let open: Vec<Term> = values[..arity].iter().map(|value| Term::Open(value_ty(value))).collect();
                    let known = values[..arity].iter().cloned().map(Term::Known).collect();
                    let (typed, value) = (operation.typed(&open), operation.apply(known));
                    match (&typed, &value) {
                        (Ok(ty), Ok(Term::Known(value))) => {
                            assert_eq!(ty.refuses(value), None, "{operation:?} of {values:?}");
                        }
                        // A key that is not there, an element out of range: only the value tells.
                        (Ok(_), Err(why)) => assert!(why.contains("there is no"), "{operation:?} of {values:?}: {why}"),
                        (Err(_), Err(_)) => {}
                        // By value, one side may be enough.
                        (Err(_), Ok(_)) if matches!(operation, Operation::Binary(Binary::And | Binary::Or)) => {}
                        (typed, value) => panic!("{operation:?} of {values:?}: {typed:?}, {value:?}"),
                    }
                }
            }
        }
    }

    #[test]
    fn a_joined_type_has_the_values_of_both() {
        for one in samples() {
            for two in samples() {
                let joined = join(&value_ty(&one), &value_ty(&two));
                assert_eq!((joined.refuses(&one), joined.refuses(&two)), (None, None), "{joined}");
            }
        }
    }
}
