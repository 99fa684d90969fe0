//! The value of an attribute from all the places that set it: the last that replaces it, what is
//! inherited from around the component, and the blocks merged on top.

use std::collections::BTreeMap;

use crate::check::expr::Env;
use crate::check::instance::{DataLayer, NodeId};
use crate::check::{Checker, MAX_REFERENCES};
use crate::diagnostic::Diagnostic;
use crate::model::function;
use crate::model::operation::Operation;
use crate::model::term::Term;
use crate::model::ty::{TemplateId, TemplateRef, Ty};
use crate::name::Name;
use crate::resolve::prototype::SettingKind;
use crate::resolve::{Family, PROGRAM, scope};
use crate::source::Span;
use crate::syntax::tree::{Expr, ExprKind, Ident, ItemKind};
use crate::value::Value;

/// What a value of a template says, by attribute.
pub(super) type Fields = BTreeMap<Name, Term>;

impl<'a> Checker<'a, '_> {
    /// The value that an attribute has from its first `count` settings.
    pub(super) fn settled(&mut self, node: NodeId, name: &Name, count: usize, via: Span) -> Term {
        stacker::maybe_grow(256 << 10, 4 << 20, || self.settled_inner(node, name, count, via))
    }

    fn settled_inner(&mut self, node: NodeId, name: &Name, count: usize, via: Span) -> Term {
        if self.stack.len() > MAX_REFERENCES {
            self.tell(
                Diagnostic::error("cloud::limit::references", "these references hang on one another without end")
                    .label(via, format!("more than {MAX_REFERENCES} in a row")),
            );
            return Term::POISON;
        }
        let settings: Vec<_> = self.nodes[node.0].settings(name.as_str()).take(count).copied().collect();
        let attribute = self.nodes[node.0].attribute(name.as_str()).cloned();
        let was_component = settings.iter().any(|setting| matches!(setting.kind, SettingKind::Define(..)));
        let ty = match &attribute {
            Some(attribute) => attribute.ty.clone(),
            // What takes the place of a component is one too, or there is none.
            None if was_component => Ty::Template(self.library.component()).optional(),
            None => Ty::Any,
        };
        let replaced = settings
            .iter()
            .rposition(|setting| matches!(setting.kind, SettingKind::Value(_) | SettingKind::Define(..)));
        // A value that blocks are merged into takes the place of what its template says.
        let of_template = self.nodes[node.0].shape.members.get(name).map_or(0, |member| member.settings.len());
        let merged_into = self.nodes[node.0].merged_into.as_ref().and_then(|fields| fields.get(name).cloned());
        let merged_into = merged_into.filter(|_| replaced.is_none_or(|at| at < of_template));
        let replaced = replaced.filter(|_| merged_into.is_none());
        let first_layer = if merged_into.is_some() { of_template } else { replaced.map_or(0, |at| at + 1) };
        let mut layers = Vec::new();
        for (at, setting) in settings.iter().enumerate().skip(first_layer) {
            let env = self.env(node, setting.scope, Some((node, name.clone(), at)));
            match setting.kind {
                SettingKind::Merge(body) => layers.push((DataLayer::Body(body), env)),
                SettingKind::Reach(path, item) => layers.push((DataLayer::Reach(path, item), env)),
                SettingKind::Value(_) | SettingKind::Define(..) => {}
            }
        }
        // What the nearest enclosing component has, when nothing but a default is said here.
        let inherits = attribute.as_ref().is_some_and(|attribute| attribute.modifiers.inherit);
        let said_here = merged_into.is_some() || replaced.is_some_and(|at| !settings[at].default);
        let outer = if inherits && !said_here { self.inherited_from_outside(node, name, &ty, via) } else { None };
        let mut whole = ty.clone();
        let base = match (outer.or(merged_into), replaced) {
            (Some(outer), _) => Some(outer),
            (None, Some(at)) => {
                let env = self.env(node, settings[at].scope, Some((node, name.clone(), at)));
                match settings[at].kind {
                    // A block is the lowest layer, so that the others can change what depends on it.
                    SettingKind::Value(Expr { kind: ExprKind::Block(body), .. }) => {
                        layers.insert(0, (DataLayer::Body(body), env));
                        None
                    }
                    SettingKind::Value(Expr { kind: ExprKind::Construct(template, body), .. })
                        if !layers.is_empty()
                            && let Some(made) = self.constructs(template, &ty, &env) =>
                    {
                        whole = Ty::Template(made);
                        layers.insert(0, (DataLayer::Body(body), env));
                        None
                    }
                    SettingKind::Value(expr) => Some(self.eval(expr, &ty, &env)),
                    SettingKind::Define(..) => {
                        let operand = self.member(node, name, via);
                        let term = self.term_of(operand);
                        Some(self.coerce(term, &ty, settings[at].span, &env))
                    }
                    SettingKind::Merge(_) | SettingKind::Reach(..) => None,
                }
            }
            (None, None) => None,
        };
        self.layered(base, &layers, &whole, via)
    }

    /// The template that a value is written with, if that makes one of a type.
    fn constructs(&self, template: &Ident, ty: &Ty, env: &Env) -> Option<TemplateRef> {
        let Ty::Template(wanted) = ty.plain() else { return None };
        let id = scope::find_template(&self.library.modules, env.module, template.value.as_str())?;
        let shape = self.library.shape(id);
        let is_value = matches!(self.library.family(shape), Family::Data | Family::Action);
        (is_value && shape.lineage.contains(&wanted.id)).then(|| TemplateRef { id, name: template.value.clone() })
    }

    /// The template of a value of which only its name is known.
    fn template_called(&self, name: &Name) -> Option<TemplateId> {
        let at = self.library.templates.iter().position(|template| template.name.value == *name)?;
        Some(TemplateId(at as u32))
    }

    /// A value of a template with blocks merged into it.
    fn merged(&mut self, id: TemplateId, fields: Fields, layers: &[(DataLayer<'a>, Env)], span: Span) -> Term {
        let node = self.block_node(id, layers, span);
        self.nodes[node.0].merged_into = Some(fields);
        self.node_term(node)
    }

    /// A value with blocks merged into it.
    pub(super) fn layered(&mut self, base: Option<Term>, layers: &[(DataLayer<'a>, Env)], ty: &Ty, via: Span) -> Term {
        let Some((_, env)) = layers.first() else {
            return base.unwrap_or(Term::NULL);
        };
        let env = env.clone();
        let span = match layers[0].0 {
            DataLayer::Body(body) => body.items.first().map_or(via, |item| item.span),
            DataLayer::Reach(_, item) => item.span,
        };
        match (ty.plain(), base) {
            (_, Some(open @ Term::Open(_))) => open,
            (Ty::Template(template), None | Some(Term::Known(Value::Null))) => {
                let id = template.id;
                if matches!(self.library.family(self.library.shape(id)), Family::Resource | Family::Compound) {
                    let place = self.block_place(&layers[0].0, via);
                    self.mismatch("a block", ty, place, &env, self.help_component(template));
                    return Term::POISON;
                }
                let node = self.block_node(id, layers, span);
                self.node_term(node)
            }
            (Ty::Template(_) | Ty::Any, Some(Term::Data { template, fields, .. })) => {
                self.merged(template.id, fields, layers, span)
            }
            (Ty::Template(_) | Ty::Any, Some(Term::Known(Value::Data(data))))
                if let Some(id) = self.template_called(&data.template) =>
            {
                let fields = data.fields.into_iter().map(|(name, value)| (name, Term::Known(value))).collect();
                self.merged(id, fields, layers, span)
            }
            (
                Ty::Template(_),
                Some(base @ (Term::Call { .. } | Term::Each(_) | Term::Output(_) | Term::Variable(_))),
            ) => {
                self.known_later(&base, self.block_place(&layers[0].0, via), "what a block merges into");
                Term::POISON
            }
            (Ty::Map(of), None | Some(Term::Known(Value::Null))) => {
                self.map_layers(BTreeMap::new(), layers, &of.clone())
            }
            (Ty::Any, None | Some(Term::Known(Value::Null))) => self.map_layers(BTreeMap::new(), layers, &Ty::Any),
            (Ty::Map(_) | Ty::Any, Some(base @ (Term::Map(_) | Term::Known(Value::Map(_))))) => {
                let of = match ty.plain() {
                    Ty::Map(of) => of.as_ref().clone(),
                    _ => Ty::Any,
                };
                self.map_layers(base.into_entries().unwrap_or_default(), layers, &of)
            }
            // What is merged into is not known yet: its keys are, when it is.
            (Ty::Map(of), Some(base)) if matches!(base.ty().plain(), Ty::Map(_)) => {
                self.refuse_removal(layers, "a map that is known only after apply");
                let over = self.map_layers(BTreeMap::new(), layers, &of.clone());
                let merge = function::find("merge").map(Operation::Function);
                merge.map_or(Term::POISON, |merge| self.apply(merge, vec![base, over], span))
            }
            (_, _) => {
                let place = self.block_place(&layers[0].0, via);
                let help = env.of.as_ref().map(|(_, name, _)| format!("write `{name} {};`", self.example(ty)));
                self.mismatch("a block", ty, place, &env, help.filter(|_| !matches!(ty.plain(), Ty::Map(_))));
                Term::POISON
            }
        }
    }

    /// Reports keys that are set to null where what they would be removed from is not there to look at.
    fn refuse_removal(&mut self, layers: &[(DataLayer<'a>, Env)], from: &str) {
        for (layer, _) in layers {
            let items = match layer {
                DataLayer::Body(body) => body.items.as_slice(),
                DataLayer::Reach(_, item) => std::slice::from_ref(*item),
            };
            for item in
                items.iter().filter(|item| matches!(&item.kind, ItemKind::Set(Expr { kind: ExprKind::Null, .. })))
            {
                self.tell(
                    Diagnostic::error("cloud::value::later", format!("a key cannot be removed from {from}"))
                        .label(item.span, "null removes a key that is known")
                        .help("write the map without it, or leave the key out with `{for key, value in map if key != \"...\": key: value}`"),
                );
            }
        }
    }

    /// The brace of a block that stands where none can.
    fn block_place(&self, layer: &DataLayer<'a>, via: Span) -> Span {
        match layer {
            DataLayer::Reach(_, item) => item.path.span,
            DataLayer::Body(body) => {
                let Some(first) = body.items.first().map(|item| item.span) else { return via };
                let before = self.sources.get(first.source).text.get(..first.start as usize);
                let brace = before.and_then(|before| before.rfind('{'));
                brace.map_or(first, |at| Span::new(first.source, at, at + 1))
            }
        }
    }

    /// The nearest enclosing component that says what an attribute is to be inherited as, and where.
    pub(super) fn inherits_from(&self, node: NodeId, name: &Name) -> Option<(NodeId, Span)> {
        let mut at = self.nodes[node.0].parent;
        while let Some(outer) = at {
            let this = &self.nodes[outer.0];
            let inherits = this.attribute(name.as_str()).is_some_and(|attribute| attribute.modifiers.inherit);
            if this.settings(name.as_str()).any(|setting| !setting.default || !inherits) {
                return Some((outer, this.settings(name.as_str()).last()?.span));
            }
            at = this.parent;
        }
        None
    }

    fn inherited_from_outside(&mut self, node: NodeId, name: &Name, ty: &Ty, via: Span) -> Option<Term> {
        let (outer, span) = self.inherits_from(node, name)?;
        if Some(outer) == self.root {
            self.used.insert(name.clone());
        }
        let term = self.attribute(outer, name, via);
        let term = self.copy(&term, via);
        let scope = crate::resolve::prototype::Scope { module: PROGRAM, skip: 0, levels: 1 };
        let env = self.env(node, scope, Some((node, name.clone(), 0)));
        Some(self.coerce(term, ty, span, &env))
    }
}
