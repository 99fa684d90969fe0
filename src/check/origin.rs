//! Where the value of an attribute comes from: every place that sets it, and which of them counts.

use crate::check::Checker;
use crate::check::instance::{Children, NodeId};
use crate::model::term::Term;
use crate::model::ty::Ty;
use crate::name::{Address, Name};
use crate::resolve::prototype::SettingKind;
use crate::source::Span;

/// One attribute of one component.
pub struct Origin {
    pub name: Name,
    pub ty: Ty,
    pub term: Term,
    pub computed: bool,
    /// Where it is declared, if it is.
    pub declared: Option<Span>,
    /// What set it, from the first prototype to the last override.
    pub steps: Vec<Step>,
}

/// One place that has to do with a value.
pub struct Step {
    pub span: Span,
    pub role: Role,
    /// A later place replaced what this one said.
    pub overridden: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Role {
    /// The default in the declaration.
    Default,
    Set,
    /// Added to what was there.
    Merged,
    /// Set from an enclosing component.
    Outside,
    /// Taken from the enclosing component at that address; empty for the program's top.
    Inherited(Address),
}

/// A component with all its attributes.
pub struct Origins {
    pub address: Address,
    pub template: Name,
    pub span: Span,
    pub attributes: Vec<Origin>,
}

/// Why there is no component at an address.
pub struct Missing {
    /// How far down the address there are components.
    pub until: Address,
    /// Where it comes to a repetition: the components that this has.
    pub elements: Vec<Address>,
}

impl Checker<'_, '_> {
    /// The component at an address.
    pub(super) fn component_at(&mut self, root: NodeId, address: &Address) -> Result<NodeId, Missing> {
        let mut node = root;
        for segment in address.segments() {
            let here = Missing { until: self.nodes[node.0].address.clone(), elements: Vec::new() };
            if !self.nodes[node.0].is_component(segment.name.as_str()) {
                return Err(here);
            }
            let span = self.nodes[node.0].span;
            node = match (self.children(node, &segment.name, span), &segment.key) {
                (Children::One(child), None) => child,
                (Children::Many(children), key) => {
                    match children.iter().find(|(other, _)| Some(other) == key.as_ref()) {
                        Some((_, child)) => *child,
                        None => {
                            let elements = children.iter().map(|(_, child)| self.nodes[child.0].address.clone());
                            return Err(Missing { elements: elements.collect(), ..here });
                        }
                    }
                }
                _ => return Err(here),
            };
        }
        Ok(node)
    }

    pub(super) fn origins(&mut self, node: NodeId) -> Origins {
        let names: Vec<Name> = self.nodes[node.0]
            .member_names()
            .filter(|name| !name.is_constant() && !self.nodes[node.0].is_component(name.as_str()))
            .cloned()
            .collect();
        let attributes = names.into_iter().map(|name| self.origin(node, name)).collect();
        let this = &self.nodes[node.0];
        Origins { address: this.address.clone(), template: self.template_ref(node).name, span: this.span, attributes }
    }

    fn origin(&mut self, node: NodeId, name: Name) -> Origin {
        let span = self.nodes[node.0].span;
        let attribute = self.nodes[node.0].attribute(name.as_str()).cloned();
        let missing = self.is_missing(node, &name);
        let term = if missing { Term::NULL } else { Term::clone(&self.attribute(node, &name, span)) };
        let mut steps: Vec<Step> = Vec::new();
        for setting in self.nodes[node.0].settings(name.as_str()) {
            let (role, replaces) = match setting.kind {
                SettingKind::Value(_) if setting.default => (Role::Default, true),
                SettingKind::Value(_) | SettingKind::Define(..) => (Role::Set, true),
                SettingKind::Merge(_) => (Role::Merged, false),
                SettingKind::Reach(..) => (Role::Outside, false),
            };
            if replaces {
                steps.iter_mut().for_each(|step| step.overridden = true);
            }
            // Seen from further out than the component itself: somebody else said it.
            let role = if role == Role::Set && setting.scope.skip > 0 { Role::Outside } else { role };
            steps.push(Step { span: setting.span, role, overridden: false });
        }
        let said = steps.iter().any(|step| matches!(step.role, Role::Set | Role::Outside));
        if attribute.as_ref().is_some_and(|attribute| attribute.modifiers.inherit)
            && !said
            && let Some((outer, span)) = self.inherits_from(node, &name)
        {
            for step in &mut steps {
                step.overridden |= step.role == Role::Default;
            }
            let role = Role::Inherited(self.nodes[outer.0].address.clone());
            let at = steps.iter().position(|step| step.role == Role::Merged).unwrap_or(steps.len());
            steps.insert(at, Step { span, role, overridden: false });
        }
        Origin {
            ty: attribute.as_ref().map_or_else(|| term.ty(), |attribute| attribute.ty.clone()),
            computed: attribute.as_ref().is_some_and(|attribute| attribute.modifiers.computed),
            declared: attribute.map(|attribute| attribute.span),
            name,
            term,
            steps,
        }
    }
}
