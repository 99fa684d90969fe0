//! Names and accesses: what `a`, `a.b`, `a[0]` and `super` stand for, and what a component is as a
//! value. Each is evaluated once, when it is first asked for.

use std::collections::BTreeMap;

use crate::check::expr::{Env, Operand, POISON};
use crate::check::instance::{Children, DataLayer, NodeId};
use crate::check::{Checker, Frame, Given, What};
use crate::diagnostic::Diagnostic;
use crate::model::each::{Bound, Each};
use crate::model::operation::{Operation, a_kind, out_of_range};
use crate::model::term::Term;
use crate::model::ty::Ty;
use crate::name::{Key, Name};
use crate::resolve::prototype::{names_of, unknown_attribute};
use crate::resolve::{Family, ModuleId, PROGRAM, scope};
use crate::source::Span;
use crate::syntax::tree::{Ident, ItemKind};
use crate::value::Value;

impl<'a> Checker<'a, '_> {
    pub(super) fn name(&mut self, name: &'a Name, span: Span, env: &Env) -> Operand {
        if let Some((_, term)) = env.locals.iter().rev().find(|(local, _)| local == name) {
            return Operand::Term(term.clone());
        }
        let mut node = Some(env.node);
        for level in 0..env.levels {
            let Some(id) = node else { break };
            let itself = env.of.as_ref().is_some_and(|(of, attribute, _)| *of == id && attribute == name);
            if self.shows(id, name) && !itself {
                return self.member(id, name, span);
            }
            // The text stands inside the repetition's own body when it sees past the element.
            if level + 1 < env.levels
                && let Some((_, term)) = self.nodes[id.0].locals.iter().rev().find(|(local, _)| local == name)
            {
                return Operand::Term(term.clone());
            }
            node = self.nodes[id.0].parent;
        }
        self.module_name(name, span, env)
    }

    fn module_name(&mut self, name: &'a Name, span: Span, env: &Env) -> Operand {
        let library = self.library;
        if name.is_constant() {
            scope::clash(&library.modules, env.module, &Ident::new(name.clone(), span), self.report);
            let has = |module: &scope::Module| module.constants.contains_key(name).then_some(());
            if let Some((module, ())) = scope::search_from(&library.modules, env.module, has) {
                return self.constant(module, name, span);
            }
        }
        let pure = self.is_pure(env);
        if env.module == PROGRAM && !pure {
            let itself = env.of.as_ref().is_some_and(|(of, attribute, _)| Some(*of) == self.root && attribute == name);
            if let Some(root) = self.root
                && self.shows(root, name)
                && !itself
            {
                return self.member(root, name, span);
            }
            if library.module(PROGRAM).params.contains_key(name) {
                return Operand::Term(self.param(name, span));
            }
        }
        let of_program = |root: NodeId| self.nodes[root.0].has(name.as_str());
        if pure && (self.root.is_some_and(of_program) || library.module(PROGRAM).params.contains_key(name)) {
            self.report.push(
                Diagnostic::error("cloud::function::impure", format!("a function does not see `{name}`"))
                    .label(span, "it sees its parameters, constants and other functions")
                    .help(format!("give the function a parameter, and pass `{name}` to it")),
            );
            return POISON;
        }
        let ident = Ident::new(name.clone(), span);
        if let Some(id) = scope::find_template(&library.modules, env.module, name.as_str()) {
            let help = match library.family(library.shape(id)) {
                Family::Resource | Family::Compound => format!("name a component that extends `{name}`"),
                Family::Action | Family::Data => format!("write `{name} {{ }}` for one made from it"),
            };
            self.report.push(
                Diagnostic::error("cloud::value::template", format!("`{name}` is a template, not a value"))
                    .label(span, "a value is needed here")
                    .help(help),
            );
            return POISON;
        }
        let mut visible: Vec<Name> = env.locals.iter().map(|(local, _)| local.clone()).collect();
        let mut node = Some(env.node);
        for _ in 0..env.levels {
            let Some(id) = node else { break };
            visible.extend(self.nodes[id.0].member_names().cloned());
            node = self.nodes[id.0].parent;
        }
        if env.module == PROGRAM && !pure {
            visible.extend(library.module(PROGRAM).params.keys().cloned());
            visible.extend(self.root.iter().flat_map(|root| self.nodes[root.0].member_names()).cloned());
        }
        visible.extend(library.module(env.module).constants.keys().cloned());
        let message = format!("there is no `{name}` here");
        let names = visible.iter().map(Name::as_str);
        self.report.push(scope::unknown("cloud::name::unknown", &message, &ident, names));
        POISON
    }

    /// Whether a component has something of that name. Attributes that every program has, such as
    /// `region`, make way for a param as long as nothing sets them.
    fn shows(&self, node: NodeId, name: &Name) -> bool {
        let is_param = || Some(node) == self.root && self.library.module(PROGRAM).params.contains_key(name);
        let node = &self.nodes[node.0];
        node.has(name.as_str()) && (node.settings(name.as_str()).next().is_some() || !is_param())
    }

    /// What a member of a component means as part of an expression.
    pub(super) fn member(&mut self, node: NodeId, name: &Name, span: Span) -> Operand {
        if Some(node) == self.root {
            self.used.insert(name.clone());
        }
        // `answers [answers]`: while one attribute asks for another, a component is not evaluated.
        if self.nodes[node.0].is_component(name.as_str()) {
            return match self.children(node, name, span) {
                Children::Absent => Operand::Term(Term::NULL),
                Children::Broken => POISON,
                Children::One(child) => Operand::Node(child),
                Children::Many(children) => Operand::Nodes(children),
                Children::Any(child) => Operand::AnyOf(child),
            };
        }
        Operand::Term(Term::clone(&self.attribute(node, name, span)))
    }

    pub(super) fn get(&mut self, of: Operand, name: &'a Ident, optional: bool) -> Operand {
        match of {
            Operand::Node(node) => self.get_from(node, name),
            Operand::Each(all) => Operand::Each(all.into_iter().map(|one| self.get(one, name, optional)).collect()),
            Operand::Later(over, item, one) => Operand::Later(over, item, self.get(*one, name, optional).into()),
            Operand::Nodes(_) | Operand::AnyOf(_) => {
                self.report.push(
                    Diagnostic::error(
                        "cloud::repetition::group",
                        format!("this is a group, and `.{}` asks for one", name.value),
                    )
                    .label(name.span, "of which of them?")
                    .help(format!("write `[0].{0}`, `[\"key\"].{0}`, or `[*].{0}` for all", name.value)),
                );
                POISON
            }
            Operand::Term(Term::Reference { address, template }) => match self.by_address.get(&address).copied() {
                Some(node) => self.get_from(node, name),
                None => unreachable!("`{address}` of `{}` refers to a component that was made", template.name),
            },
            Operand::Term(Term::Existing { id, .. }) if name.value.as_str() == "id" => Operand::Term(Term::string(id)),
            Operand::Term(Term::Existing { template, .. }) => {
                self.report.push(
                    Diagnostic::error(
                        "cloud::value::existing",
                        format!("nothing but the id of this `{}` is known", template.name),
                    )
                    .label(name.span, "not known")
                    .help(format!(
                        "make a component of it to read the rest: `name extends {} {{ startActions []; ... }}`",
                        template.name
                    )),
                );
                POISON
            }
            Operand::Term(Term::Known(Value::Null)) if optional => Operand::Term(Term::NULL),
            Operand::Term(Term::Known(Value::Null)) => {
                self.report.push(
                    Diagnostic::error("cloud::value::null", format!("there is nothing to take `{}` from", name.value))
                        .label(name.span, "what stands before this is null")
                        .help(format!("write `?.{}` if it may be absent", name.value)),
                );
                POISON
            }
            Operand::Term(term) => {
                let operation = Operation::Get { name: name.value.clone(), optional };
                Operand::Term(self.apply(operation, vec![term], name.span))
            }
        }
    }

    fn get_from(&mut self, node: NodeId, name: &'a Ident) -> Operand {
        if self.nodes[node.0].has(name.value.as_str()) {
            return self.member(node, &name.value, name.span);
        }
        if self.nodes[node.0].shape.lineage.contains(&self.library.roots.upstream) {
            return Operand::Term(self.upstream(node, name));
        }
        let template = self.template_ref(node).name;
        if self.nodes[node.0].shape.broken {
            return POISON;
        }
        let node = &self.nodes[node.0];
        let names = names_of(node.own.iter().chain(node.shape.members.iter()), true);
        let unknown = unknown_attribute(&template, name, &names);
        self.report.push(unknown);
        POISON
    }

    pub(super) fn index(&mut self, of: Operand, at: Term, span: Span, at_span: Span) -> Operand {
        match (of, at) {
            (Operand::AnyOf(node), _) => Operand::Node(node),
            (Operand::Nodes(nodes), Term::Known(at)) => {
                let found = nodes.iter().find(|(key, _)| match (key, &at) {
                    (Key::Index(key), Value::Int(at)) => i64::try_from(*key) == Ok(*at),
                    (Key::Text(key), Value::String(at)) => key == at,
                    _ => false,
                });
                if let Some((_, node)) = found {
                    return Operand::Node(*node);
                }
                let message = match (&at, nodes.first()) {
                    (Value::Int(at), None | Some((Key::Index(_), _))) => out_of_range(*at, nodes.len()),
                    (Value::Int(_) | Value::String(_), _) => format!("there is no element {at}"),
                    (other, _) => format!("{} cannot choose an element", a_kind(other)),
                };
                let mut diagnostic =
                    Diagnostic::error("cloud::value::index", message).label(at_span, "no element has this key");
                if let Some((Key::Text(_), _)) = nodes.first() {
                    let keys: Vec<String> = nodes.iter().take(8).map(|(key, _)| key.to_string()).collect();
                    diagnostic = diagnostic.help(format!("its keys are {}", keys.join(" ")));
                }
                self.report.push(diagnostic);
                POISON
            }
            (Operand::Nodes(_), at) => {
                self.known_later(&at, at_span, "the key of an element");
                POISON
            }
            (Operand::Each(all), at) => {
                Operand::Each(all.into_iter().map(|one| self.index(one, at.clone(), span, at_span)).collect())
            }
            (Operand::Later(over, item, one), at) => {
                Operand::Later(over, item, self.index(*one, at, span, at_span).into())
            }
            (Operand::Node(_), _) => {
                self.report.push(
                    Diagnostic::error("cloud::value::index", "this is one component, it has no elements")
                        .label(span, "remove the brackets"),
                );
                POISON
            }
            (Operand::Term(term), at) => Operand::Term(self.apply(Operation::Index, vec![term, at], span)),
        }
    }

    /// An operand as a value.
    pub(super) fn term_of(&mut self, operand: Operand) -> Term {
        match operand {
            Operand::Term(term) => term,
            Operand::Node(node) => self.node_term(node),
            Operand::AnyOf(_) => Term::POISON,
            Operand::Each(all) => {
                let terms = all.into_iter().map(|one| self.term_of(one)).collect();
                Term::list(terms)
            }
            Operand::Later(over, item, one) => {
                let value = self.term_of(*one);
                let variables = vec![(Bound::Item, item)];
                Term::Each(Each { over: *over, variables, guard: None, key: None, value }.into())
            }
            Operand::Nodes(nodes) => {
                let texts = matches!(nodes.first(), Some((Key::Text(_), _)));
                let terms: Vec<Term> = nodes.iter().map(|(_, node)| self.node_term(*node)).collect();
                if texts {
                    let keys = nodes.iter().map(|(key, _)| match key {
                        Key::Text(text) => text.to_string(),
                        Key::Index(at) => at.to_string(),
                    });
                    Term::map(keys.zip(terms).collect())
                } else {
                    Term::list(terms)
                }
            }
        }
    }

    /// A component as a value: a reference to what is deployed, or all that a value consists of.
    pub(super) fn node_term(&mut self, node: NodeId) -> Term {
        let template = self.template_ref(node);
        match self.nodes[node.0].family {
            Family::Resource | Family::Compound => {
                Term::Reference { address: self.nodes[node.0].address.clone(), template }
            }
            Family::Data | Family::Action => {
                let names: Vec<Name> = self.nodes[node.0]
                    .member_names()
                    .filter(|name| self.nodes[node.0].attribute(name.as_str()).is_some())
                    .cloned()
                    .collect();
                let span = self.nodes[node.0].span;
                let mut fields = BTreeMap::new();
                let mut missing = Vec::new();
                for name in names {
                    if self.is_missing(node, &name) {
                        missing.push(name);
                        continue;
                    }
                    let term = self.attribute(node, &name, span);
                    fields.insert(name, Term::clone(&term));
                }
                self.report_missing(node, &missing);
                let made_by = self.nodes[node.0].define.is_some();
                let name =
                    self.nodes[node.0].address.segments().last().filter(|_| made_by).map(|last| last.name.clone());
                Term::Data { template, name, fields }
            }
        }
    }

    pub(super) fn inherited_value(&mut self, span: Span, env: &Env) -> Term {
        match env.of.clone() {
            Some(of @ (node, ..)) if of.2 > 0 => {
                if let Some(term) = self.inherited.get(&of) {
                    return term.clone();
                }
                let term = self.settled(node, &of.1, of.2, span);
                // Asked for twice by each of many templates, it would be evaluated twice as often by each.
                self.inherited.insert(of, term.clone());
                term
            }
            _ => {
                self.report.push(
                    Diagnostic::error("cloud::name::super", "there is no inherited value here")
                        .label(span, "no prototype sets this")
                        .help("`super` is the value that a prototype gives to the attribute being set"),
                );
                Term::POISON
            }
        }
    }

    pub(super) fn constant(&mut self, module: ModuleId, name: &Name, via: Span) -> Operand {
        let key = (module, name.clone());
        match self.constants.get(&key) {
            Some(Some(term)) => return Operand::Term(term.clone()),
            Some(None) => {
                self.cycle(&What::Constant(module, name.clone()), via);
                return POISON;
            }
            None => {}
        }
        self.constants.insert(key.clone(), None);
        self.stack.push(Frame { what: What::Constant(module, name.clone()), via });
        let library = self.library;
        let item = library.module(module).constants[name];
        let env = self.module_env(module);
        let term = match &item.kind {
            ItemKind::Set(value) => self.eval(value, &Ty::Any, &env),
            ItemKind::Merge(body) => self.map_block(body, &Ty::Any, &env),
            ItemKind::Declare(declare) => {
                let ty = crate::resolve::types::Types::new(&library.modules, &mut self.types, self.report)
                    .ty(module, &declare.ty);
                declare.default.as_ref().map_or(Term::NULL, |value| self.eval(value, &ty, &env))
            }
            ItemKind::Define(define) => match define.prototypes.first() {
                Some(prototype) => match scope::template_named(&library.modules, module, prototype, self.report) {
                    Some(id) => {
                        let node = self.block_node(id, &[(DataLayer::Body(&define.body), env)], item.path.span);
                        match self.node_term(node) {
                            Term::Data { template, fields, .. } => {
                                Term::Data { template, name: Some(name.clone()), fields }
                            }
                            term => term,
                        }
                    }
                    None => Term::POISON,
                },
                None => Term::POISON,
            },
        };
        self.stack.pop();
        self.constants.insert(key, Some(term.clone()));
        Operand::Term(term)
    }

    pub(super) fn param(&mut self, name: &Name, via: Span) -> Term {
        match self.params.get(name) {
            Some(Some(term)) => return term.clone(),
            Some(None) => {
                self.cycle(&What::Param(name.clone()), via);
                return Term::POISON;
            }
            None => {}
        }
        self.params.insert(name.clone(), None);
        self.stack.push(Frame { what: What::Param(name.clone()), via });
        let term = self.param_value(name);
        self.stack.pop();
        self.params.insert(name.clone(), Some(term.clone()));
        term
    }

    fn param_value(&mut self, name: &Name) -> Term {
        let library = self.library;
        let param = library.module(PROGRAM).params[name];
        let mut types = crate::resolve::types::Types::new(&library.modules, &mut self.types, self.report);
        let attribute = types.attribute(PROGRAM, &param.name, param.doc.as_deref(), &param.declaration);
        let env = self.module_env(PROGRAM);
        let term = match (self.outside.given.get(name), &param.declaration.default) {
            (Some((Given::Expr(expr), _)), _) => self.eval(expr, &attribute.ty, &env),
            (Some((Given::Text(text), span)), _) => {
                self.coerce(Term::string(text.as_str()), &attribute.ty, *span, &env)
            }
            (None, Some(default)) => self.eval(default, &attribute.ty, &env),
            (None, None) if attribute.ty.is_optional() => Term::NULL,
            (None, None) => {
                self.report.push(
                    Diagnostic::error("cloud::param::missing", format!("the param `{name}` has no value"))
                        .label(param.name.span, "declared without a default")
                        .help(format!("give it one: `--set {name}=...`")),
                );
                Term::POISON
            }
        };
        if !attribute.modifiers.secret {
            return term;
        }
        let given = match self.outside.given.get(name) {
            Some((Given::Expr(expr), _)) => Some(expr),
            Some((Given::Text(_), span)) => {
                self.report.hide(*span);
                None
            }
            None => None,
        };
        for value in param.declaration.default.iter().chain(given).filter(|value| !value.names_a_secret()) {
            self.report.hide(value.span);
        }
        crate::check::body::hidden(term)
    }
}
