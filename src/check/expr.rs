//! Expressions to terms. A block or list is read with the type that its place expects; everything
//! else shows its own type and is then checked against the expected one.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::check::instance::{Bound, Children, DataLayer, Elements, NodeId};
use crate::check::{Checker, Frame, Given, MAX_REFERENCES, What};
use crate::diagnostic::Diagnostic;
use crate::model::function;
use crate::model::operation::{Operation, a_kind, out_of_range};
use crate::model::term::Term;
use crate::model::ty::{TemplateId, Ty};
use crate::name::{Key, Name};
use crate::resolve::prototype::{SettingKind, names_of, unknown_attribute};
use crate::resolve::{Family, ModuleId, PRELUDE, PROGRAM, scope};
use crate::source::Span;
use crate::syntax::tree::{Binary, Body, Element, Expr, ExprKind, For, Ident, ItemKind, TextPart};
use crate::value::Value;

/// What a text can see, and what it is the value of.
#[derive(Clone)]
pub(super) struct Env {
    /// The innermost component around the text,
    pub node: NodeId,
    /// how many components outward from there are visible,
    pub levels: u16,
    /// and the file behind them.
    pub module: ModuleId,
    /// Variables of comprehensions, innermost last.
    pub locals: Rc<Vec<(Name, Term)>>,
    /// The attribute that the text is the value of, and which of its settings: for `super`, and so
    /// that `env env;` means the `env` further out.
    pub of: Option<(NodeId, Name, usize)>,
}

/// A value, or something that is more than one: a component, a group of them.
#[derive(Clone)]
pub(super) enum Operand {
    Term(Term),
    Node(NodeId),
    Nodes(Rc<Vec<(Key, NodeId)>>),
    /// Any element of a group whose keys a template leaves open.
    AnyOf(NodeId),
    /// `a[*]`
    Each(Vec<Operand>),
}

const POISON: Operand = Operand::Term(Term::POISON);

impl<'a> Checker<'a, '_> {
    /// The term of an expression where `wanted` is expected; poison after an error.
    pub(super) fn eval(&mut self, expr: &'a Expr, wanted: &Ty, env: &Env) -> Term {
        stacker::maybe_grow(256 << 10, 4 << 20, || self.eval_inner(expr, wanted, env))
    }

    fn eval_inner(&mut self, expr: &'a Expr, wanted: &Ty, env: &Env) -> Term {
        match (&expr.kind, wanted.plain()) {
            (ExprKind::Block(body), Ty::Map(of)) => self.map_block(body, &of.clone(), env),
            (ExprKind::Block(body), Ty::Any) => self.map_block(body, &Ty::Any, env),
            (ExprKind::Block(body), Ty::Template(template)) => {
                let family = self.library.family(self.library.shape(template.id));
                if matches!(family, Family::Resource | Family::Compound) {
                    let message = format!("`{}` is a component, not a block", template.name);
                    self.mismatch("a block", wanted, expr.span, env, Some(message));
                    return Term::POISON;
                }
                let layers = [(DataLayer::Body(body), env.clone())];
                let node = self.block_node(template.id, &layers, expr.span);
                self.node_term(node)
            }
            (ExprKind::Block(_), _) => {
                self.mismatch("a block", wanted, expr.span, env, None);
                Term::POISON
            }
            (ExprKind::List(elements), Ty::List(of)) => self.list(elements, &of.clone(), env),
            (ExprKind::List(elements), Ty::Any) => self.list(elements, &Ty::Any, env),
            (ExprKind::If { condition, then, otherwise }, _) => match self.eval(condition, &Ty::Bool, env) {
                Term::Known(Value::Bool(holds)) => self.eval(if holds { then } else { otherwise }, wanted, env),
                condition => {
                    let then = self.eval(then, wanted, env);
                    let otherwise = self.eval(otherwise, wanted, env);
                    self.apply(Operation::If, vec![condition, then, otherwise], expr.span)
                }
            },
            (ExprKind::Binary(Binary::Coalesce, left, right), _) => {
                let first = self.eval(left, &wanted.clone().optional(), env);
                match first {
                    Term::Known(Value::Null) => self.eval(right, wanted, env),
                    Term::Known(_) => first,
                    first => {
                        let second = self.eval(right, wanted, env);
                        self.apply(Operation::Binary(Binary::Coalesce), vec![first, second], expr.span)
                    }
                }
            }
            (ExprKind::For(comprehension), _) => {
                let of = match wanted.plain() {
                    Ty::List(of) | Ty::Map(of) => of.as_ref().clone(),
                    _ => Ty::Any,
                };
                let term = self.comprehension(comprehension, &of, env);
                self.coerce(term, wanted, expr.span, env)
            }
            _ => {
                let operand = self.operand(expr, env);
                let term = self.term_of(operand);
                self.coerce(term, wanted, expr.span, env)
            }
        }
    }

    /// The operand of an expression, without a type expected of it.
    pub(super) fn operand(&mut self, expr: &'a Expr, env: &Env) -> Operand {
        stacker::maybe_grow(256 << 10, 4 << 20, || self.operand_inner(expr, env))
    }

    fn operand_inner(&mut self, expr: &'a Expr, env: &Env) -> Operand {
        let known = |value| Operand::Term(Term::Known(value));
        match &expr.kind {
            ExprKind::Null => known(Value::Null),
            ExprKind::Bool(value) => known(Value::Bool(*value)),
            ExprKind::Int(value) => known(Value::Int(*value)),
            ExprKind::Number(value) => known(Value::Number(*value)),
            ExprKind::Duration(millis) => known(Value::Duration(*millis)),
            ExprKind::Size(bytes) => known(Value::Size(*bytes)),
            ExprKind::Text(parts) => Operand::Term(self.text(parts, env, expr.span)),
            ExprKind::Name(name) => self.name(name, expr.span, env),
            ExprKind::This => Operand::Node(env.node),
            ExprKind::Root => match self.root {
                Some(root) if env.module == PROGRAM => Operand::Node(root),
                _ => {
                    self.report.push(
                        Diagnostic::error("cloud::name::unknown", "an imported file has no `root`")
                            .label(expr.span, "only the program's own files have"),
                    );
                    POISON
                }
            },
            ExprKind::Parent => match self.nodes[env.node.0].parent {
                Some(parent) => Operand::Node(parent),
                None if self.nodes[env.node.0].probe => POISON,
                None => {
                    self.report.push(
                        Diagnostic::error("cloud::name::unknown", "there is no `parent` here")
                            .label(expr.span, "this is the outermost component"),
                    );
                    POISON
                }
            },
            ExprKind::Super => Operand::Term(self.inherited_value(expr.span, env)),
            ExprKind::Get { of, name, optional } => {
                let of = self.operand(of, env);
                self.get(of, name, *optional, env)
            }
            ExprKind::Index { of, at } => {
                let operand = self.operand(of, env);
                let at_term = self.eval(at, &Ty::Any, env);
                self.index(operand, at_term, expr.span, at.span)
            }
            ExprKind::Splat(of) => match self.operand(of, env) {
                Operand::Nodes(nodes) => Operand::Each(nodes.iter().map(|(_, node)| Operand::Node(*node)).collect()),
                Operand::AnyOf(node) => Operand::Each(vec![Operand::Node(node)]),
                other => {
                    let span = of.span;
                    match self.elements(other, span) {
                        Elements::List(items) => Operand::Each(items.into_iter().map(Operand::Term).collect()),
                        Elements::Map(entries) => {
                            Operand::Each(entries.into_iter().map(|(_, item)| Operand::Term(item)).collect())
                        }
                        Elements::Open => POISON,
                        Elements::Later(term) => {
                            self.known_later(&term, span, "what `[*]` stands for");
                            POISON
                        }
                    }
                }
            },
            ExprKind::Call { function, arguments } => Operand::Term(self.call(function, arguments, env, expr.span)),
            ExprKind::Unary(sign, of) => {
                let of = self.eval(of, &Ty::Any, env);
                Operand::Term(self.apply(Operation::Unary(*sign), vec![of], expr.span))
            }
            ExprKind::Binary(sign, left, right) => {
                let left = self.eval(left, &Ty::Any, env);
                let right = self.eval(right, &Ty::Any, env);
                Operand::Term(self.apply(Operation::Binary(*sign), vec![left, right], expr.span))
            }
            ExprKind::Construct(template, body) => {
                let library = self.library;
                let Some(id) = scope::template_named(&library.modules, env.module, template, self.report) else {
                    return POISON;
                };
                let family = library.family(library.shape(id));
                if matches!(family, Family::Resource | Family::Compound) {
                    self.report.push(
                        Diagnostic::error(
                            "cloud::value::component",
                            format!("a `{}` cannot be made inside a value", template.value),
                        )
                        .label(expr.span, "it would have no name")
                        .help(format!("write `name extends {} {{ ... }}` beside it, and `name` here", template.value)),
                    );
                    return POISON;
                }
                let node = self.block_node(id, &[(DataLayer::Body(body), env.clone())], expr.span);
                Operand::Node(node)
            }
            ExprKind::List(_) | ExprKind::Block(_) | ExprKind::If { .. } | ExprKind::For(_) => {
                Operand::Term(self.eval_inner(expr, &Ty::Any, env))
            }
        }
    }

    /// The operation on these terms, or an error at `span` and poison.
    fn apply(&mut self, operation: Operation, arguments: Vec<Term>, span: Span) -> Term {
        if arguments.iter().any(|term| matches!(term, Term::Open(_))) {
            return Term::Open(operation.ty(&arguments));
        }
        match operation.apply(arguments) {
            Ok(Term::Known(Value::List(items))) if !self.spend(items.len(), span) => Term::POISON,
            Ok(term) => term,
            Err(message) => {
                self.report.push(Diagnostic::error("cloud::value::impossible", message).label(span, "here"));
                Term::POISON
            }
        }
    }

    fn text(&mut self, parts: &'a [TextPart], env: &Env, span: Span) -> Term {
        match parts {
            [] => return Term::string(""),
            [TextPart::Literal(text)] => return Term::string(text.as_str()),
            _ => {}
        }
        let mut terms = Vec::with_capacity(parts.len());
        for part in parts {
            terms.push(match part {
                TextPart::Literal(text) => Term::string(text.as_str()),
                TextPart::Expr(expr) => match self.eval(expr, &Ty::Any, env) {
                    term @ (Term::List(_) | Term::Map(_) | Term::Data { .. }) if !term.is_open() => {
                        self.report.push(
                            Diagnostic::error("cloud::value::impossible", "this cannot stand in a text")
                                .label(expr.span, format!("this is {}", self.a_type(&term.ty()))),
                        );
                        Term::POISON
                    }
                    Term::Reference { template, .. } if self.is_group(template.id) => {
                        self.report.push(
                            Diagnostic::error("cloud::value::impossible", "a group cannot stand in a text")
                                .label(expr.span, format!("this is a `{}`, which has no id", template.name)),
                        );
                        Term::POISON
                    }
                    term => term,
                },
            });
        }
        self.apply(Operation::Text, terms, span)
    }

    fn is_group(&self, template: TemplateId) -> bool {
        self.library.family(self.library.shape(template)) == Family::Compound
    }

    fn list(&mut self, elements: &'a [Element], of: &Ty, env: &Env) -> Term {
        let whole = Ty::List(of.clone().into());
        let mut parts: Vec<Term> = Vec::new();
        let mut run: Vec<Term> = Vec::new();
        let mut spread = false;
        for element in elements {
            match element {
                Element::Item(expr) => run.push(self.eval(expr, of, env)),
                Element::Spread(expr) => {
                    spread = true;
                    parts.push(Term::list(std::mem::take(&mut run)));
                    parts.push(self.eval(expr, &whole, env));
                }
            }
        }
        parts.push(Term::list(run));
        if !spread {
            return parts.swap_remove(0);
        }
        if parts.iter().any(|part| matches!(part, Term::Open(_))) {
            return Term::Open(whole);
        }
        let span = elements.first().map_or(self.nodes[env.node.0].span, |first| match first {
            Element::Item(expr) | Element::Spread(expr) => expr.span,
        });
        self.apply(Operation::Concatenate, parts, span)
    }

    fn comprehension(&mut self, comprehension: &'a For, of: &Ty, env: &Env) -> Term {
        let repeat = &comprehension.repeat;
        let over = self.operand(&repeat.over, env);
        let elements: Vec<Bound> = match over {
            Operand::Nodes(nodes) => {
                let mut all = Vec::with_capacity(nodes.len());
                for (key, node) in nodes.iter() {
                    let item = self.node_term(*node);
                    let key = match key {
                        Key::Index(at) => Term::Known(Value::Int(*at as i64)),
                        Key::Text(text) => Term::string(text.clone()),
                    };
                    all.push(Bound { key, single: item.clone(), item });
                }
                all
            }
            over => match self.elements(over, repeat.over.span) {
                Elements::List(items) => {
                    items.into_iter().enumerate().map(|(at, item)| Bound::of_list(at, item)).collect()
                }
                Elements::Map(entries) => entries.into_iter().map(|(key, item)| Bound::of_map(key, item)).collect(),
                Elements::Open => return Term::POISON,
                Elements::Later(term) => {
                    self.known_later(&term, repeat.over.span, "what `for` runs over");
                    return Term::POISON;
                }
            },
        };
        let mut list = Vec::new();
        let mut map = BTreeMap::new();
        for bound in elements {
            if !self.spend(1, comprehension.value.span) {
                return Term::POISON;
            }
            let mut locals = env.locals.as_ref().clone();
            locals.extend(bound.names(repeat));
            let inner = Env { locals: Rc::new(locals), ..env.clone() };
            if let Some(guard) = &comprehension.guard {
                match self.eval(guard, &Ty::Bool, &inner) {
                    Term::Known(Value::Bool(true)) => {}
                    Term::Known(_) => continue,
                    term => {
                        self.known_later(&term, guard.span, "what `for` leaves out");
                        return Term::POISON;
                    }
                }
            }
            let value = self.eval(&comprehension.value, of, &inner);
            match &comprehension.key {
                None => list.push(value),
                Some(key) => match self.eval(key, &Ty::String, &inner) {
                    Term::Known(Value::String(text)) => {
                        if map.insert(text.to_string(), value).is_some() {
                            self.report.push(
                                Diagnostic::error("cloud::value::key", format!("the key \"{text}\" comes twice"))
                                    .label(key.span, "the same for two elements"),
                            );
                        }
                    }
                    term => {
                        self.known_later(&term, key.span, "the key of a map");
                        return Term::POISON;
                    }
                },
            }
        }
        if comprehension.key.is_some() { Term::map(map) } else { Term::list(list) }
    }

    fn call(&mut self, name: &Ident, arguments: &'a [Expr], env: &Env, span: Span) -> Term {
        let Some(function) = function::find(name.value.as_str()) else {
            let known = function::TABLE.iter().map(|function| function.name);
            let message = format!("there is no function `{}`", name.value);
            self.report.push(scope::unknown("cloud::function::unknown", &message, name, known));
            return Term::POISON;
        };
        let (least, most) = function.arity;
        if arguments.len() < least || arguments.len() > most {
            self.report.push(
                Diagnostic::error(
                    "cloud::function::arguments",
                    format!("`{}` does not take {} arguments", name.value, arguments.len()),
                )
                .label(span, format!("it is called as `{}`", function.usage)),
            );
            return Term::POISON;
        }
        let terms = arguments.iter().map(|argument| self.eval(argument, &Ty::Any, env)).collect();
        self.apply(Operation::Function(function), terms, span)
    }

    /// A block where keys are free.
    fn map_block(&mut self, body: &'a Body, of: &Ty, env: &Env) -> Term {
        self.map_layers(BTreeMap::new(), &[(DataLayer::Body(body), env.clone())], of)
    }

    /// A map with blocks merged into it, deeply.
    fn map_layers(&mut self, mut entries: BTreeMap<String, Term>, layers: &[(DataLayer<'a>, Env)], of: &Ty) -> Term {
        for (layer, env) in layers {
            let items = match layer {
                DataLayer::Body(body) => body.items.as_slice(),
                DataLayer::Reach(_, item) => std::slice::from_ref(*item),
            };
            let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
            for item in items {
                let head = match layer {
                    DataLayer::Body(_) if item.path.rest.is_empty() => &item.path.head,
                    DataLayer::Reach([crate::syntax::tree::PathStep::Name(name)], _) => name,
                    DataLayer::Body(_) | DataLayer::Reach(..) => {
                        self.report.push(
                            Diagnostic::error("cloud::value::path", "a path cannot reach into a map")
                                .label(item.path.span, "write the inner keys as a block"),
                        );
                        continue;
                    }
                };
                if let Some(first) = seen.insert(head.value.as_str(), head.span) {
                    self.report.push(scope::duplicate(&head.value, first, head.span));
                    continue;
                }
                let term = match &item.kind {
                    ItemKind::Set(value) => self.eval(value, of, env),
                    ItemKind::Merge(body) => match (of.plain(), entries.remove(head.value.as_str())) {
                        (Ty::Map(inner), old) => {
                            let old = old.and_then(Term::into_entries).unwrap_or_default();
                            self.map_layers(old, &[(DataLayer::Body(body), env.clone())], &inner.clone())
                        }
                        (Ty::Template(template), _) => {
                            let id = template.id;
                            let node = self.block_node(id, &[(DataLayer::Body(body), env.clone())], item.span);
                            self.node_term(node)
                        }
                        (Ty::Any, old) => {
                            let old = old.and_then(Term::into_entries).unwrap_or_default();
                            self.map_layers(old, &[(DataLayer::Body(body), env.clone())], &Ty::Any)
                        }
                        (_, _) => {
                            self.mismatch("a block", of, item.span, env, None);
                            Term::POISON
                        }
                    },
                    ItemKind::Declare(_) | ItemKind::Define(_) => {
                        self.report.push(
                            Diagnostic::error("cloud::value::statement", "a map has only keys and values")
                                .label(item.span, "neither a declaration nor a component"),
                        );
                        continue;
                    }
                };
                entries.insert(head.value.to_string(), term);
            }
        }
        Term::map(entries)
    }

    // ---- names

    fn name(&mut self, name: &'a Name, span: Span, env: &Env) -> Operand {
        if let Some((_, term)) = env.locals.iter().rev().find(|(local, _)| local == name) {
            return Operand::Term(term.clone());
        }
        let mut node = Some(env.node);
        for level in 0..env.levels {
            let Some(id) = node else { break };
            let itself = env.of.as_ref().is_some_and(|(of, attribute, _)| *of == id && attribute == name);
            if self.nodes[id.0].has(name.as_str()) && !itself {
                return self.member(id, name, span, env);
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
            let modules = [env.module].into_iter().chain(library.module(env.module).imports.iter().copied());
            let found = modules.chain([PRELUDE]).find(|id| library.module(*id).constants.contains_key(name));
            if let Some(module) = found {
                return self.constant(module, name, span);
            }
        }
        if env.module == PROGRAM {
            let itself = env.of.as_ref().is_some_and(|(of, attribute, _)| Some(*of) == self.root && attribute == name);
            if let Some(root) = self.root
                && self.nodes[root.0].has(name.as_str())
                && !itself
            {
                return self.member(root, name, span, env);
            }
            if library.module(PROGRAM).params.contains_key(name) {
                return Operand::Term(self.param(name, span));
            }
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
        if env.module == PROGRAM {
            visible.extend(library.module(PROGRAM).params.keys().cloned());
            visible.extend(self.root.iter().flat_map(|root| self.nodes[root.0].member_names()).cloned());
        }
        visible.extend(library.module(env.module).constants.keys().cloned());
        let message = format!("there is no `{name}` here");
        let names = visible.iter().map(Name::as_str);
        self.report.push(scope::unknown("cloud::name::unknown", &message, &ident, names));
        POISON
    }

    /// What a member of a component means as part of an expression.
    fn member(&mut self, node: NodeId, name: &Name, span: Span, env: &Env) -> Operand {
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
        let _ = env;
        Operand::Term(self.attribute(node, name, span))
    }

    fn get(&mut self, of: Operand, name: &'a Ident, optional: bool, env: &Env) -> Operand {
        match of {
            Operand::Node(node) => self.get_from(node, name, env),
            Operand::Each(all) => {
                Operand::Each(all.into_iter().map(|one| self.get(one, name, optional, env)).collect())
            }
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
                Some(node) => self.get_from(node, name, env),
                None => unreachable!("`{address}` of `{}` refers to a component that was made", template.name),
            },
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

    fn get_from(&mut self, node: NodeId, name: &'a Ident, env: &Env) -> Operand {
        if self.nodes[node.0].has(name.value.as_str()) {
            return self.member(node, &name.value, name.span, env);
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

    fn index(&mut self, of: Operand, at: Term, span: Span, at_span: Span) -> Operand {
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
                    if !term.is_null() {
                        fields.insert(name, term);
                    }
                }
                self.report_missing(node, &missing);
                let made_by = self.nodes[node.0].define.is_some();
                let name =
                    self.nodes[node.0].address.segments().last().filter(|_| made_by).map(|last| last.name.clone());
                Term::Data { template, name, fields }
            }
        }
    }

    fn inherited_value(&mut self, span: Span, env: &Env) -> Term {
        match env.of.clone() {
            Some((node, name, at)) if at > 0 => self.settled(node, &name, at, span),
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

    fn constant(&mut self, module: ModuleId, name: &Name, via: Span) -> Operand {
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
                let ty = crate::resolve::prototype::Types::new(&library.modules, &mut self.types, self.report)
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
        let mut types = crate::resolve::prototype::Types::new(&library.modules, &mut self.types, self.report);
        let attribute = types.attribute(PROGRAM, &param.name, param.doc.as_deref(), &param.declaration);
        let env = self.module_env(PROGRAM);
        let term = match (self.given.get(name), &param.declaration.default) {
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
        let given = self.given.get(name).map(|(_, span)| *span);
        for span in param.declaration.default.iter().map(|default| default.span).chain(given) {
            self.report.hide(span);
        }
        crate::check::body::hidden(term)
    }

    /// The value that an attribute has from its first `count` settings.
    pub(super) fn settled(&mut self, node: NodeId, name: &Name, count: usize, via: Span) -> Term {
        if self.stack.len() > MAX_REFERENCES {
            self.report.push(
                Diagnostic::error("cloud::limit::references", "these references hang on one another without end")
                    .label(via, format!("more than {MAX_REFERENCES} in a row")),
            );
            return Term::POISON;
        }
        let settings: Vec<_> = self.nodes[node.0].settings(name.as_str()).take(count).copied().collect();
        let attribute = self.nodes[node.0].attribute(name.as_str()).cloned();
        let ty = attribute.as_ref().map_or(Ty::Any, |attribute| attribute.ty.clone());
        let replaced = settings
            .iter()
            .rposition(|setting| matches!(setting.kind, SettingKind::Value(_) | SettingKind::Define(..)));
        let first_layer = replaced.map_or(0, |at| at + 1);
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
        let said_here = replaced.is_some_and(|at| !settings[at].default);
        let outer = if inherits && !said_here { self.inherited_from_outside(node, name, &ty, via) } else { None };
        let base = match (outer, replaced) {
            (Some(outer), _) => Some(outer),
            (None, Some(at)) => {
                let env = self.env(node, settings[at].scope, Some((node, name.clone(), at)));
                match settings[at].kind {
                    // A block is the lowest layer, so that the others can change what depends on it.
                    SettingKind::Value(Expr { kind: ExprKind::Block(body), .. }) => {
                        layers.insert(0, (DataLayer::Body(body), env));
                        None
                    }
                    SettingKind::Value(expr) => Some(self.eval(expr, &ty, &env)),
                    SettingKind::Define(..) => {
                        let operand = self.member(node, name, via, &env);
                        let term = self.term_of(operand);
                        Some(self.coerce(term, &ty, settings[at].span, &env))
                    }
                    SettingKind::Merge(_) | SettingKind::Reach(..) => None,
                }
            }
            (None, None) => None,
        };
        self.layered(base, layers, &ty, via)
    }

    /// A value with blocks merged into it.
    fn layered(&mut self, base: Option<Term>, layers: Vec<(DataLayer<'a>, Env)>, ty: &Ty, via: Span) -> Term {
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
                    self.mismatch("a block", ty, span, &env, None);
                    return Term::POISON;
                }
                let node = self.block_node(id, &layers, span);
                self.node_term(node)
            }
            (Ty::Map(of), None | Some(Term::Known(Value::Null))) => {
                self.map_layers(BTreeMap::new(), &layers, &of.clone())
            }
            (Ty::Any, None | Some(Term::Known(Value::Null))) => self.map_layers(BTreeMap::new(), &layers, &Ty::Any),
            (Ty::Map(_) | Ty::Any, Some(base @ (Term::Map(_) | Term::Known(Value::Map(_))))) => {
                let of = match ty.plain() {
                    Ty::Map(of) => of.as_ref().clone(),
                    _ => Ty::Any,
                };
                self.map_layers(base.into_entries().unwrap_or_default(), &layers, &of)
            }
            (_, base) => {
                let help = base.map(|_| "set it to a value of its own: `name value;`".to_string());
                self.mismatch("a block", ty, span, &env, help);
                Term::POISON
            }
        }
    }

    fn inherited_from_outside(&mut self, node: NodeId, name: &Name, ty: &Ty, via: Span) -> Option<Term> {
        let mut at = self.nodes[node.0].parent;
        while let Some(outer) = at {
            let said = self.nodes[outer.0].settings(name.as_str()).any(|setting| {
                !setting.default || self.nodes[outer.0].attribute(name.as_str()).is_some_and(|a| !a.modifiers.inherit)
            });
            if said {
                let span = self.nodes[outer.0].settings(name.as_str()).last().map_or(via, |setting| setting.span);
                let term = self.attribute(outer, name, via);
                let env = self.env(
                    node,
                    crate::resolve::prototype::Scope { module: PROGRAM, skip: 0, levels: 1 },
                    Some((node, name.clone(), 0)),
                );
                return Some(self.coerce(term, ty, span, &env));
            }
            at = self.nodes[outer.0].parent;
        }
        None
    }
}
