//! Terms: values of which some parts come into being only while applying. A term is typed, and
//! settles to a [`Value`] once every output that it names is known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::each::{Each, Variable};
use crate::model::operation::{self, Operation};
use crate::model::ty::{TemplateRef, Ty};
use crate::model::typing::join_all;
use crate::name::{Address, Name};
use crate::value::{Data, Reference, Secret, Target, Value};

#[derive(Clone, PartialEq, Debug)]
pub enum Term {
    Known(Value),
    /// What the provider fills in.
    Output(Output),
    /// A component as a value: where its id is wanted, the provider's id of it.
    Reference {
        address: Address,
        template: TemplateRef,
    },
    /// Something that exists already, named by the provider's id of it.
    Existing {
        template: TemplateRef,
        id: Arc<str>,
    },
    /// Not decided: an attribute that a template leaves open, or what an error left behind.
    Open(Ty),
    List(Vec<Term>),
    Map(BTreeMap<String, Term>),
    Data {
        template: TemplateRef,
        name: Option<Name>,
        fields: BTreeMap<Name, Term>,
    },
    /// What a list or map that is not known yet makes of its elements.
    Each(Arc<Each>),
    /// An element of it, inside.
    Variable(Variable),
    /// An operation on terms of which at least one is not known yet.
    Call {
        operation: Operation,
        arguments: Vec<Term>,
        ty: Ty,
    },
}

#[derive(Clone, PartialEq, Debug)]
pub struct Output {
    pub address: Address,
    pub attribute: Name,
    pub ty: Ty,
}

/// What of the world is known when terms are settled.
pub trait Known {
    /// The provider's id of a component, if it has one.
    fn id(&self, address: &Address) -> Option<Arc<str>>;
    /// A computed attribute of a component, if it is known.
    fn output(&self, address: &Address, attribute: &Name) -> Option<Value>;
}

/// A world of which nothing is known.
pub struct Nothing;

impl Known for Nothing {
    fn id(&self, _: &Address) -> Option<Arc<str>> {
        None
    }

    fn output(&self, _: &Address, _: &Name) -> Option<Value> {
        None
    }
}

/// What a map takes, however few entries it has.
pub const MAP_WEIGHT: usize = 6;

impl Term {
    pub const NULL: Term = Term::Known(Value::Null);

    /// After an error that has been reported.
    pub const POISON: Term = Term::Open(Ty::Any);

    pub fn string(text: impl Into<Arc<str>>) -> Term {
        Term::Known(Value::string(text))
    }

    pub fn list(items: Vec<Term>) -> Term {
        if items.iter().all(|item| matches!(item, Term::Known(_))) {
            Term::Known(Value::List(items.into_iter().filter_map(Term::into_value).collect()))
        } else {
            Term::List(items)
        }
    }

    pub fn map(entries: BTreeMap<String, Term>) -> Term {
        if entries.values().all(|item| matches!(item, Term::Known(_))) {
            let known = entries.into_iter().filter_map(|(key, item)| Some((key, item.into_value()?)));
            Term::Known(Value::Map(known.collect()))
        } else {
            Term::Map(entries)
        }
    }

    /// The entries of a map.
    pub fn into_entries(self) -> Option<BTreeMap<String, Term>> {
        match self {
            Term::Map(entries) => Some(entries),
            Term::Known(Value::Map(entries)) => {
                Some(entries.into_iter().map(|(key, value)| (key, Term::Known(value))).collect())
            }
            Term::Known(_)
            | Term::Output(_)
            | Term::Reference { .. }
            | Term::Existing { .. }
            | Term::Open(_)
            | Term::Each(_)
            | Term::Variable(_)
            | Term::List(_)
            | Term::Data { .. }
            | Term::Call { .. } => None,
        }
    }

    fn into_value(self) -> Option<Value> {
        match self {
            Term::Known(value) => Some(value),
            _ => None,
        }
    }

    /// Whether it is a secret as a whole, such as the result of an operation on one.
    pub fn is_secret(&self) -> bool {
        matches!(self, Term::Known(Value::Secret(_)))
    }

    /// Whether there is a secret in it, known or not.
    pub fn holds_secret(&self) -> bool {
        let mut found = false;
        self.values(&mut |value| found |= value.holds_secret());
        found
    }

    /// The same as one secret; nothing as long as a part of it is not known.
    pub fn concealed(self) -> Option<Term> {
        let Term::Known(value) = self.collapsed() else { return None };
        Some(Term::Known(Value::Secret(if value.is_unknown() { Secret::unknown() } else { Secret::made(&value) })))
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Term::Known(Value::Null))
    }

    /// Whether an error or an open template is behind this, so that it cannot be judged.
    pub fn is_open(&self) -> bool {
        match self {
            Term::Open(_) => true,
            Term::Known(_) | Term::Output(_) | Term::Reference { .. } | Term::Existing { .. } => false,
            Term::Variable(_) => false,
            Term::Each(each) => each.parts().any(Term::is_open),
            Term::List(items) => items.iter().any(Term::is_open),
            Term::Map(entries) => entries.values().any(Term::is_open),
            Term::Data { fields, .. } => fields.values().any(Term::is_open),
            Term::Call { arguments, .. } => arguments.iter().any(Term::is_open),
        }
    }

    pub fn ty(&self) -> Ty {
        match self {
            Term::Known(value) => operation::value_ty(value),
            Term::Output(output) => output.ty.clone(),
            Term::Reference { template, .. } | Term::Existing { template, .. } | Term::Data { template, .. } => {
                Ty::Template(template.clone())
            }
            Term::Open(ty) | Term::Call { ty, .. } => ty.clone(),
            Term::Variable(variable) => variable.ty.clone(),
            Term::Each(each) if each.key.is_some() => Ty::Map(Arc::new(each.value.ty())),
            Term::Each(each) => Ty::List(Arc::new(each.value.ty())),
            Term::List(items) => Ty::List(Arc::new(join_all(items.iter().map(Term::ty)))),
            Term::Map(entries) => Ty::Map(Arc::new(join_all(entries.values().map(Term::ty)))),
        }
    }

    /// Every component that this needs, and through which of its attributes (none: its id).
    pub fn needs(&self, into: &mut BTreeSet<Address>) {
        match self {
            Term::Known(_) | Term::Open(_) | Term::Existing { .. } | Term::Variable(_) => {}
            Term::Each(each) => each.parts().for_each(|part| part.needs(into)),
            Term::Output(output) => {
                into.insert(output.address.clone());
            }
            Term::Reference { address, .. } => {
                into.insert(address.clone());
            }
            Term::List(items) | Term::Call { arguments: items, .. } => items.iter().for_each(|item| item.needs(into)),
            Term::Map(entries) => entries.values().for_each(|item| item.needs(into)),
            Term::Data { fields, .. } => fields.values().for_each(|item| item.needs(into)),
        }
    }

    /// Every computed attribute of a component that this is made of.
    pub fn outputs<'t>(&'t self, visit: &mut dyn FnMut(&'t Address, &'t Name)) {
        match self {
            Term::Output(output) => visit(&output.address, &output.attribute),
            Term::Known(_) | Term::Open(_) | Term::Existing { .. } | Term::Variable(_) | Term::Reference { .. } => {}
            Term::Each(each) => each.parts().for_each(|part| part.outputs(visit)),
            Term::List(items) | Term::Call { arguments: items, .. } => {
                items.iter().for_each(|item| item.outputs(visit));
            }
            Term::Map(entries) => entries.values().for_each(|item| item.outputs(visit)),
            Term::Data { fields, .. } => fields.values().for_each(|item| item.outputs(visit)),
        }
    }

    /// Every value that is known in here.
    pub fn values<'t>(&'t self, visit: &mut dyn FnMut(&'t Value)) {
        match self {
            Term::Known(value) => visit(value),
            Term::Open(_) | Term::Existing { .. } | Term::Variable(_) | Term::Output(_) | Term::Reference { .. } => {}
            Term::Each(each) => each.parts().for_each(|part| part.values(visit)),
            Term::List(items) | Term::Call { arguments: items, .. } => {
                items.iter().for_each(|item| item.values(visit));
            }
            Term::Map(entries) => entries.values().for_each(|item| item.values(visit)),
            Term::Data { fields, .. } => fields.values().for_each(|item| item.values(visit)),
        }
    }

    /// Every component that stands in here as a value.
    pub fn references<'t>(&'t self, visit: &mut dyn FnMut(&'t TemplateRef)) {
        match self {
            Term::Reference { template, .. } => visit(template),
            Term::Known(_) | Term::Output(_) | Term::Existing { .. } | Term::Variable(_) | Term::Open(_) => {}
            Term::List(items) | Term::Call { arguments: items, .. } => {
                items.iter().for_each(|item| item.references(visit));
            }
            Term::Map(entries) => entries.values().for_each(|item| item.references(visit)),
            Term::Data { fields, .. } => fields.values().for_each(|item| item.references(visit)),
            Term::Each(each) => each.parts().for_each(|part| part.references(visit)),
        }
    }

    /// This term with all that `world` knows put in.
    ///
    /// # Errors
    /// When an operation has no result for its values, in the user's words.
    pub fn settle(&self, world: &dyn Known) -> Result<Term, String> {
        Ok(match self {
            Term::Known(_) | Term::Open(_) | Term::Variable(_) => self.clone(),
            Term::Each(each) => each.settle(world)?,
            Term::Output(output) => match world.output(&output.address, &output.attribute) {
                Some(value) => Term::Known(value),
                None => self.clone(),
            },
            Term::Reference { address, .. } => match world.id(address) {
                Some(id) => Term::Known(Value::Reference(Reference { of: Target::Address(address.clone()), id })),
                None => self.clone(),
            },
            Term::Existing { template, id } => {
                Term::Known(Value::Reference(Reference { of: Target::Existing(template.name.clone()), id: id.clone() }))
            }
            Term::List(items) => Term::list(items.iter().map(|item| item.settle(world)).collect::<Result<_, _>>()?),
            Term::Map(entries) => Term::map(
                entries
                    .iter()
                    .map(|(key, item)| Ok((key.clone(), item.settle(world)?)))
                    .collect::<Result<_, String>>()?,
            ),
            Term::Data { template, name, fields } => {
                let fields: BTreeMap<Name, Term> = fields
                    .iter()
                    .map(|(name, item)| Ok((name.clone(), item.settle(world)?)))
                    .collect::<Result<_, String>>()?;
                Term::data(template.clone(), name.clone(), fields)
            }
            Term::Call { operation, arguments, .. } => operation.settle(arguments, world)?,
        })
    }

    /// With values of templates that are known in every part as known values.
    pub fn collapsed(self) -> Term {
        match self {
            Term::List(items) => Term::list(items.into_iter().map(Term::collapsed).collect()),
            Term::Map(entries) => Term::map(entries.into_iter().map(|(key, item)| (key, item.collapsed())).collect()),
            Term::Data { template, name, fields } => {
                Term::data(template, name, fields.into_iter().map(|(name, field)| (name, field.collapsed())).collect())
            }
            Term::Known(_)
            | Term::Output(_)
            | Term::Reference { .. }
            | Term::Existing { .. }
            | Term::Open(_)
            | Term::Each(_)
            | Term::Variable(_)
            | Term::Call { .. } => self,
        }
    }

    /// A value of a template: a known one, if all its fields are.
    fn data(template: TemplateRef, name: Option<Name>, fields: BTreeMap<Name, Term>) -> Term {
        if fields.values().all(|field| matches!(field, Term::Known(_))) {
            let known = fields.into_iter().filter_map(|(name, field)| Some((name, field.into_value()?)));
            Term::Known(Value::Data(Data { template: template.name, fields: known.collect() }))
        } else {
            Term::Data { template, name, fields }
        }
    }

    /// How much memory it takes, in elements of lists: up to some hundred bytes each.
    pub fn weight(&self) -> usize {
        fn of(value: &Value) -> usize {
            let own = match value {
                Value::String(text) => text.len() / 64,
                Value::Map(entries) => MAP_WEIGHT + entries.len(),
                Value::Data(data) => MAP_WEIGHT + data.fields.len(),
                _ => 0,
            };
            1 + own + value.parts().map(of).sum::<usize>()
        }
        match self {
            Term::Known(value) => of(value),
            Term::Output(_) | Term::Reference { .. } | Term::Existing { .. } | Term::Variable(_) | Term::Open(_) => 1,
            Term::Each(each) => 1 + each.parts().map(Term::weight).sum::<usize>(),
            Term::List(items) | Term::Call { arguments: items, .. } => {
                1 + items.iter().map(Term::weight).sum::<usize>()
            }
            Term::Map(entries) => 1 + MAP_WEIGHT + entries.len() + entries.values().map(Term::weight).sum::<usize>(),
            Term::Data { fields, .. } => {
                1 + MAP_WEIGHT + fields.len() + fields.values().map(Term::weight).sum::<usize>()
            }
        }
    }

    /// The value, when nothing in it is unknown.
    pub fn known(&self) -> Option<&Value> {
        match self {
            Term::Known(value) => Some(value),
            _ => None,
        }
    }
}
