//! What a list or map that is not known yet makes of its elements. Settled like every term, once it is
//! known what there is.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::operation;
use crate::model::term::{Known, Term};
use crate::model::ty::Ty;
use crate::name::Name;
use crate::value::{Secret, Value};

/// `[for x in over if guard: value]`, or with a key `{for k, v in over: key: value}`.
#[derive(Clone, PartialEq, Debug)]
pub struct Each {
    pub over: Term,
    pub variables: Vec<(Bound, Variable)>,
    pub guard: Option<Term>,
    pub key: Option<Term>,
    pub value: Term,
}

/// What a variable stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound {
    /// The place in a list, the key of a map.
    Key,
    Item,
    /// The item of a list, the key of a map: the only variable of a `for`.
    Single,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Variable {
    /// No two variables of one program have the same.
    pub id: u32,
    pub name: Name,
    pub ty: Ty,
}

/// Why a number below zero cannot be repeated over.
pub fn negative(count: i64) -> String {
    format!("nothing can be repeated {count} times")
}

impl Each {
    pub fn parts(&self) -> impl Iterator<Item = &Term> {
        [&self.over, &self.value].into_iter().chain(&self.guard).chain(&self.key)
    }

    /// The list or map, once it is known over what; as it is until then.
    pub(super) fn settle(&self, world: &dyn Known) -> Result<Term, String> {
        let later = |over: Term| Term::Each(Arc::new(Each { over, ..self.clone() }));
        let over = self.over.settle(world)?;
        // What a secret decides about a list or map is secret: then all of it is.
        let mut is_secret = over.is_secret();
        let over = match over {
            Term::Known(Value::Secret(secret)) => match secret.value() {
                Some(value) => Term::Known(operation::parts_hidden(value)),
                None => return Ok(Term::Known(Value::Secret(Secret::unknown()))),
            },
            over => over,
        };
        let elements: Vec<(Term, Term, Term)> = match over {
            Term::Known(Value::List(items)) => {
                let numbered = items.into_iter().map(Term::Known).enumerate();
                numbered.map(|(at, item)| (Term::Known(Value::Int(at as i64)), item.clone(), item)).collect()
            }
            Term::Known(Value::Map(entries)) => entries
                .into_iter()
                .map(|(key, item)| (Term::string(key.as_str()), Term::Known(item), Term::string(key)))
                .collect(),
            Term::Known(Value::Int(count)) if count < 0 => return Err(negative(count)),
            Term::Known(Value::Int(count)) => {
                let number = |at: i64| Term::Known(Value::Int(at));
                (0..count).map(|at| (number(at), number(at), number(at))).collect()
            }
            Term::Known(other) => return Err(format!("{} cannot be repeated over", operation::a_kind(&other))),
            over => return Ok(later(over)),
        };
        let (mut list, mut map) = (Vec::new(), BTreeMap::new());
        for (key, item, single) in elements {
            let bound = |variable: &Variable| {
                let (role, _) = self.variables.iter().find(|(_, other)| other.id == variable.id)?;
                Some(match role {
                    Bound::Key => &key,
                    Bound::Item => &item,
                    Bound::Single => &single,
                })
            };
            let settled = |term: &Term| term.with(&bound).settle(world);
            match self.guard.as_ref().map(settled).transpose()? {
                None | Some(Term::Known(Value::Bool(true))) => {}
                Some(Term::Known(Value::Bool(false))) => continue,
                Some(Term::Known(Value::Secret(secret))) => {
                    is_secret = true;
                    if secret.value() != Some(&Value::Bool(true)) {
                        continue;
                    }
                }
                Some(Term::Known(other)) => {
                    return Err(format!("a condition is a Bool, not {}", operation::a_kind(&other)));
                }
                Some(_) => return Ok(later(self.over.settle(world)?)),
            }
            let value = settled(&self.value)?;
            match self.key.as_ref().map(settled).transpose()? {
                None => list.push(value),
                Some(Term::Known(Value::String(key))) => {
                    if map.insert(key.to_string(), value).is_some() {
                        return Err(format!("the key \"{key}\" comes twice"));
                    }
                }
                Some(Term::Known(Value::Secret(secret))) if secret.reveal().is_some() => {
                    is_secret = true;
                    map.insert(secret.reveal().unwrap_or_default().to_string(), value);
                }
                Some(Term::Known(other)) => {
                    return Err(format!("a key is a String, not {}", operation::a_kind(&other)));
                }
                Some(_) => return Ok(later(self.over.settle(world)?)),
            }
        }
        let made = if self.key.is_some() { Term::map(map) } else { Term::list(list) };
        match is_secret {
            false => Ok(made),
            true => Ok(made.concealed().map_or_else(|| self.over.settle(world).map(later), Ok)?),
        }
    }
}

impl Term {
    /// With what variables stand for in their places.
    fn with<'t>(&self, bound: &dyn Fn(&Variable) -> Option<&'t Term>) -> Term {
        let all = |terms: &[Term]| terms.iter().map(|term| term.with(bound)).collect();
        match self {
            Term::Variable(variable) => bound(variable).cloned().unwrap_or_else(|| self.clone()),
            Term::Known(_) | Term::Output(_) | Term::Reference { .. } | Term::Existing { .. } | Term::Open(_) => {
                self.clone()
            }
            Term::List(items) => Term::list(all(items)),
            Term::Map(entries) => {
                Term::map(entries.iter().map(|(key, item)| (key.clone(), item.with(bound))).collect())
            }
            Term::Data { template, name, fields } => Term::Data {
                template: template.clone(),
                name: name.clone(),
                fields: fields.iter().map(|(name, field)| (name.clone(), field.with(bound))).collect(),
            },
            Term::Call { operation, arguments, ty } => {
                Term::Call { operation: operation.clone(), arguments: all(arguments), ty: ty.clone() }
            }
            Term::Each(each) => Term::Each(Arc::new(Each {
                over: each.over.with(bound),
                variables: each.variables.clone(),
                guard: each.guard.as_ref().map(|guard| guard.with(bound)),
                key: each.key.as_ref().map(|key| key.with(bound)),
                value: each.value.with(bound),
            })),
        }
    }
}
