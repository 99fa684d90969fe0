//! Attributes that have the same value in every component of a template that leaves them alone, such
//! as lists of actions and most other defaults: evaluated once, for the first component that asks.

use std::sync::Arc;

use crate::check::Checker;
use crate::check::instance::NodeId;
use crate::model::term::Term;
use crate::name::Name;
use crate::resolve::prototype::{SettingKind, Shape};
use crate::resolve::{Family, ModuleId, scope};
use crate::syntax::tree::{Define, Element, Expr, ExprKind, TextPart};

/// So many names may lead from one to the next; a longer way is not looked at.
const MAX_STEPS: usize = 8;

/// An attribute of a template.
pub(super) type Key<'a> = (*const Shape<'a>, Name);

/// The value of an attribute in all components that leave alone what it is made of.
pub(super) struct Shared {
    /// The attribute itself, and every member that its value names.
    made_of: Vec<Name>,
    /// As soon as it was asked for.
    pub term: Option<Arc<Term>>,
}

impl<'a> Checker<'a, '_> {
    /// Under which key the value of an attribute is shared, if this component shares it with others.
    pub(super) fn shared_as(&mut self, node: NodeId, name: &Name) -> Option<Key<'a>> {
        let node = &self.nodes[node.0];
        if node.own.contains_key(name) || node.merged_into.is_some() {
            return None;
        }
        let key = (std::ptr::from_ref(node.shape.as_ref()), name.clone());
        let shared = match self.shared.get(&key) {
            Some(shared) => shared,
            None => {
                let mut made_of = Vec::new();
                let same = self.is_same(&node.shape, name, MAX_STEPS, &mut made_of);
                let shared = same.then_some(Shared { made_of, term: None });
                self.shared.entry(key.clone()).or_insert(shared)
            }
        };
        let made_of = &shared.as_ref()?.made_of;
        made_of.iter().all(|member| !node.own.contains_key(member)).then_some(key)
    }

    /// Whether a member is the same in every component of a template, wherever that stands: it is made of
    /// literals, and of members of which the same is true. Adds those to `made_of`.
    fn is_same(&self, shape: &Shape<'a>, name: &Name, steps: usize, made_of: &mut Vec<Name>) -> bool {
        if made_of.contains(name) {
            return true;
        }
        let Some(member) = shape.members.get(name).filter(|_| steps > 0) else {
            return false;
        };
        if member.attribute.as_ref().is_some_and(|of| of.modifiers.inherit || of.modifiers.computed) {
            return false;
        }
        made_of.push(name.clone());
        member.settings.last().is_some_and(|setting| match setting.kind {
            SettingKind::Value(expr) => self.is_same_value(shape, expr, steps, made_of),
            SettingKind::Define(define, _) => steps > 1 && self.is_same_component(define, setting.scope.module),
            SettingKind::Merge(_) | SettingKind::Reach(..) => false,
        })
    }

    fn is_same_value(&self, shape: &Shape<'a>, expr: &Expr, steps: usize, made_of: &mut Vec<Name>) -> bool {
        match &expr.kind {
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Int(_)
            | ExprKind::Number(_)
            | ExprKind::Duration(_)
            | ExprKind::Size(_) => true,
            ExprKind::Text(parts) => parts.iter().all(|part| matches!(part, TextPart::Literal(_))),
            ExprKind::Name(name) => self.is_same(shape, name, steps - 1, made_of),
            ExprKind::List(elements) => elements.iter().all(|element| match element {
                Element::Item(item) => self.is_same_value(shape, item, steps, made_of),
                Element::Spread(_) => false,
            }),
            _ => false,
        }
    }

    /// A value that says nothing but its template, in which there are only literals.
    fn is_same_component(&self, define: &Define, module: ModuleId) -> bool {
        let Define { repeat: None, formerly, condition: None, prototypes, body } = define else {
            return false;
        };
        let [prototype] = prototypes.as_slice() else {
            return false;
        };
        let Some(id) = scope::find_template(&self.library.modules, module, prototype.value.as_str()) else {
            return false;
        };
        let shape = self.library.shape(id);
        let is_value = matches!(self.library.family(shape), Family::Data | Family::Action);
        let plain = is_value && !shape.broken && body.items.is_empty() && formerly.is_empty();
        plain && shape.members.keys().all(|name| self.is_same(shape, name, 1, &mut Vec::new()))
    }
}
