//! Expressions to terms. A block or list is read with the type that its place expects; everything
//! else shows its own type and is then checked against the expected one.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::check::Checker;
use crate::check::instance::{DataLayer, NodeId};
use crate::check::repeat::{Element as Repeated, Elements, Group};
use crate::diagnostic::{Diagnostic, article};
use crate::model::each::{Bound, Each, Variable};
use crate::model::operation::{Operation, parts_hidden};
use crate::model::term::{MAP_WEIGHT, Term};
use crate::model::ty::{TemplateRef, Ty};
use crate::name::{Key, Name};
use crate::resolve::prototype::path_text;
use crate::resolve::{Family, ModuleId, PROGRAM, scope};
use crate::source::{Span, Spanned};
use crate::syntax::tree::{Binary, Body, Element, Expr, ExprKind, For, ItemKind, PathStep, Repeat, TextPart, Unary};
use crate::value::{Quoted, Value};

/// Variables with their values, innermost last.
pub(super) type Locals = Vec<(Name, Arc<Term>)>;

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
    pub locals: Rc<Locals>,
    /// The attribute that the text is the value of, and which of its settings: for `super`, and so
    /// that `env env;` means the `env` further out.
    pub of: Option<(NodeId, Name, usize)>,
    /// What its value is to be, when that is not the whole attribute: "`text` of `upper`".
    pub part: Option<Rc<str>>,
}

impl Env {
    /// The same, for a value that is only a part of an attribute's.
    pub fn for_part(&self, part: &str) -> Env {
        Env { part: Some(part.into()), ..self.clone() }
    }
}

/// A value, or something that is more than one: a component, a group of them.
#[derive(Clone)]
pub(super) enum Operand {
    Term(Term),
    Node(NodeId),
    Nodes(Rc<Group>),
    /// Any element of a group whose keys a template leaves open.
    AnyOf(NodeId),
    /// `a[*]`
    Each(Vec<Operand>),
    /// `a[*]` of what is not known yet: what is done to each element, which the variable stands for.
    Later(Box<Term>, Variable, Box<Operand>),
}

pub(super) const POISON: Operand = Operand::Term(Term::POISON);

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
                    self.mismatch("a block", wanted, expr.span, env, self.help_component(template));
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
            (ExprKind::If { condition, then, otherwise }, _) => {
                match self.eval(condition, &Ty::Bool, &env.for_part("a condition")) {
                    Term::Known(Value::Bool(holds)) => self.eval(if holds { then } else { otherwise }, wanted, env),
                    condition => {
                        let then = self.eval(then, wanted, env);
                        let otherwise = self.eval(otherwise, wanted, env);
                        if condition.is_secret() && (self.stands_for_more(&then) || self.stands_for_more(&otherwise)) {
                            self.secret_decides("which component or action this is", expr.span);
                            return Term::POISON;
                        }
                        self.apply(Operation::If, vec![condition, then, otherwise], expr.span)
                    }
                }
            }
            (ExprKind::Binary(Binary::Coalesce, left, right), _) => {
                let first = self.eval(left, &wanted.clone().optional(), env);
                match first {
                    Term::Known(Value::Null) => self.eval(right, wanted, env),
                    Term::Known(Value::Secret(secret)) if secret.is_made() => {
                        let first = Term::Known(Value::Secret(secret));
                        let second = self.eval(right, wanted, env);
                        self.apply(Operation::Binary(Binary::Coalesce), vec![first, second], expr.span)
                    }
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
            _ if self.bare_text(expr, wanted, env) || self.detour(expr, wanted, env) => Term::POISON,
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
            ExprKind::Int(magnitude) => match i64::try_from(*magnitude) {
                Ok(int) => known(Value::Int(int)),
                Err(_) => unreachable!("a number that only fits behind a `-` stands there"),
            },
            ExprKind::Number(value) => known(Value::Number(*value)),
            ExprKind::Duration(millis) => known(Value::Duration(*millis)),
            ExprKind::Size(bytes) => known(Value::Size(*bytes)),
            ExprKind::Text(parts) => Operand::Term(self.text(parts, env, expr.span)),
            ExprKind::Name(name) => self.name(name, expr.span, env),
            ExprKind::This | ExprKind::Parent | ExprKind::Root if self.is_pure(env) => {
                self.tell(
                    Diagnostic::error("cloud::function::impure", "a function stands in no component")
                        .label(expr.span, "it sees its parameters, constants and other functions")
                        .help("give the function a parameter, and pass the value to it"),
                );
                POISON
            }
            ExprKind::This => Operand::Node(env.node),
            ExprKind::Root => match self.root {
                Some(root) if env.module == PROGRAM => Operand::Node(root),
                _ => {
                    self.tell(
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
                    self.tell(
                        Diagnostic::error("cloud::name::unknown", "there is no `parent` here")
                            .label(expr.span, "this is the outermost component"),
                    );
                    POISON
                }
            },
            ExprKind::Super => Operand::Term(self.inherited_value(expr.span, env)),
            ExprKind::Get { .. } if self.foreign(expr, env) => POISON,
            ExprKind::Get { of, name, optional } => {
                let operand = self.operand(of, env);
                let is_null = matches!(operand, Operand::Term(Term::Known(Value::Null))) && !optional;
                if is_null && self.absent(of, name, env) {
                    return POISON;
                }
                self.get(operand, name, *optional, of.span)
            }
            ExprKind::Index { of, at, optional } => match self.operand(of, env) {
                Operand::Term(Term::Known(Value::Null)) if *optional => Operand::Term(Term::NULL),
                operand => {
                    let key = self.eval(at, &Ty::Any, env);
                    self.index(operand, key, *optional, of.span, at.span)
                }
            },
            ExprKind::Splat(of) => {
                let operand = self.operand(of, env);
                self.splat(operand, of.span)
            }
            ExprKind::Call { function, arguments } => Operand::Term(self.call(function, arguments, env, expr.span)),
            ExprKind::Unary(sign, of) => {
                if let (Unary::Negative, ExprKind::Int(magnitude)) = (sign, &of.kind)
                    && let Some(int) = 0i64.checked_sub_unsigned(*magnitude)
                {
                    return known(Value::Int(int));
                }
                let term = self.eval(of, &Ty::Any, env);
                Operand::Term(self.apply_to(Operation::Unary(*sign), vec![term], &[of], expr.span))
            }
            ExprKind::Binary(sign, left, right) => {
                let first = self.eval(left, &Ty::Any, env);
                // The side that decides is enough.
                match (sign, &first) {
                    (Binary::And, Term::Known(Value::Bool(false))) | (Binary::Or, Term::Known(Value::Bool(true))) => {
                        return Operand::Term(first);
                    }
                    _ => {}
                }
                let terms = vec![first, self.eval(right, &Ty::Any, env)];
                Operand::Term(self.apply_to(Operation::Binary(*sign), terms, &[left, right], expr.span))
            }
            ExprKind::Construct(template, body) => {
                let library = self.library;
                let Some(id) = scope::template_named(&library.modules, env.module, template, self.report) else {
                    return POISON;
                };
                let family = library.family(library.shape(id));
                if family == Family::Resource
                    && let Some(given) = named_by_id(body)
                {
                    let template = TemplateRef { id, name: template.value.clone() };
                    return Operand::Term(self.existing(template, given, env));
                }
                if matches!(family, Family::Resource | Family::Compound) {
                    let name = &template.value;
                    let help = match env.of.as_ref().filter(|_| env.part.is_none()) {
                        Some((node, of, _)) if self.nodes[node.0].attribute(of.as_str()).is_none() => {
                            format!("write `{of} extends {name} {{ ... }}`")
                        }
                        Some((_, of, _)) => {
                            format!(
                                "write `NAME extends {name} {{ ... }}` as a component of its own, and `{of} NAME;` here"
                            )
                        }
                        None => {
                            format!("write `NAME extends {name} {{ ... }}` as a component of its own, and `NAME` here")
                        }
                    };
                    self.tell(
                        Diagnostic::error(
                            "cloud::value::component",
                            format!("{} `{name}` cannot be made inside a value", article(name.as_str())),
                        )
                        .label(template.span, "it would have no name")
                        .help(help),
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

    /// `SecurityGroup { id "sg-1"; }`: something that exists already.
    fn existing(&mut self, template: TemplateRef, id: &'a Expr, env: &Env) -> Term {
        match self.eval(id, &Ty::String, &env.for_part("an id")) {
            Term::Known(Value::String(id)) => Term::Existing { template, id },
            Term::Open(_) => Term::Open(Ty::Template(template)),
            term => {
                self.known_later(&term, id.span, "the id of something that exists already");
                Term::POISON
            }
        }
    }

    /// The operation on these terms, or an error at `span` and poison.
    pub(super) fn apply(&mut self, operation: Operation, arguments: Vec<Term>, span: Span) -> Term {
        self.apply_at(operation, arguments, span, "this has no value")
    }

    /// As [`Checker::apply`], with what the label says.
    pub(super) fn apply_at(&mut self, operation: Operation, arguments: Vec<Term>, span: Span, label: &str) -> Term {
        let of_secret = arguments.iter().any(Term::holds_secret);
        match self.result(operation, arguments, span) {
            Ok(term) => term,
            Err(message) => {
                let diagnostic = Diagnostic::error("cloud::value::impossible", message).label(span, label);
                if of_secret {
                    return self.failed_on_secret(diagnostic);
                }
                self.tell(diagnostic);
                Term::POISON
            }
        }
    }

    /// What is done to a group or list, done to each of its elements; of several groups, to each of each.
    fn splat(&mut self, of: Operand, span: Span) -> Operand {
        match of {
            Operand::Nodes(nodes) => Operand::Each(nodes.iter().map(|(_, node)| Operand::Node(*node)).collect()),
            Operand::AnyOf(node) => Operand::Each(vec![Operand::Node(node)]),
            Operand::Each(all) => Operand::Each(all.into_iter().map(|one| self.splat(one, span)).collect()),
            Operand::Later(over, item, one) => Operand::Later(over, item, self.splat(*one, span).into()),
            other => match self.elements(other, span) {
                Elements::List(items) => Operand::Each(items.into_iter().map(Operand::Term).collect()),
                Elements::Map(entries) => {
                    Operand::Each(entries.into_iter().map(|(_, item)| Operand::Term(item)).collect())
                }
                Elements::Broken => POISON,
                Elements::Open(ty) => self.splat_later(Term::Open(ty)),
                Elements::Later(over) => self.splat_later(over),
            },
        }
    }

    fn splat_later(&mut self, over: Term) -> Operand {
        let item = self.variable(&"item".into(), element_ty(&over.ty()));
        Operand::Later(over.into(), item.clone(), Operand::Term(Term::Variable(item)).into())
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
                    term if self.has_no_text(&term) => {
                        self.no_text(&term, expr.span);
                        Term::POISON
                    }
                    term => term,
                },
            });
        }
        self.apply(Operation::Text, terms, span)
    }

    fn list(&mut self, elements: &'a [Element], of: &Ty, env: &Env) -> Term {
        let whole = Ty::List(of.clone().into());
        let mut parts: Vec<Term> = Vec::new();
        let mut run: Vec<Term> = Vec::new();
        let mut spread = false;
        let item = env.part.as_ref().map(|part| env.for_part(&format!("an item of {part}")));
        for element in elements {
            match element {
                Element::Item(expr) if self.is_any_component(of) => {
                    let term = self.eval(expr, &Ty::Any, env);
                    let parts = self.each_of(term);
                    run.extend(parts.into_iter().map(|part| self.coerce(part, of, expr.span, env)));
                }
                Element::Item(expr) => run.push(self.eval(expr, of, item.as_ref().unwrap_or(env))),
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
        // What a secret decides about a list or map is secret: then all of it is.
        let mut is_secret = false;
        let over = match over {
            Operand::Term(Term::Known(Value::Secret(secret))) => {
                is_secret = true;
                match secret.value() {
                    Some(value) => Operand::Term(Term::Known(parts_hidden(value))),
                    None => return Term::Known(Value::Secret(secret)),
                }
            }
            over => over,
        };
        let elements: Vec<Repeated> = match over {
            Operand::Nodes(nodes) => {
                let mut all = Vec::with_capacity(nodes.len());
                for (key, node) in nodes.iter() {
                    let item = self.node_term(*node);
                    let key = match key {
                        Key::Index(at) => Term::Known(Value::Int(*at as i64)),
                        Key::Text(text) => Term::string(text.clone()),
                    };
                    let item = Arc::new(item);
                    all.push(Repeated { key: key.into(), single: item.clone(), item });
                }
                all
            }
            over => match self.elements(over, repeat.over.span) {
                Elements::List(items) => {
                    items.into_iter().enumerate().map(|(at, item)| Repeated::of_list(at, item)).collect()
                }
                Elements::Map(entries) => entries.into_iter().map(|(key, item)| Repeated::of_map(key, item)).collect(),
                Elements::Broken => return Term::POISON,
                Elements::Open(ty) => return self.left_open(comprehension, &ty, of, env),
                Elements::Later(over) => return self.deferred(comprehension, over, of, env),
            },
        };
        let (mut list, mut map) = (Vec::new(), BTreeMap::new());
        let mut keys = std::collections::BTreeSet::new();
        for bound in elements {
            if !self.spend(1, comprehension.value.span) {
                return Term::POISON;
            }
            let mut locals = env.locals.as_ref().clone();
            locals.extend(bound.names(repeat));
            let inner = Env { locals: Rc::new(locals), ..env.clone() };
            let mut is_in = true;
            if let Some(guard) = &comprehension.guard {
                match self.eval(guard, &Ty::Bool, &inner.for_part("a condition")) {
                    Term::Known(Value::Bool(true)) => {}
                    Term::Known(Value::Secret(secret)) => {
                        is_secret = true;
                        is_in = secret.value() == Some(&Value::Bool(true));
                    }
                    Term::Known(_) => continue,
                    term => {
                        self.known_later(&term, guard.span, "what `for` leaves out");
                        return Term::POISON;
                    }
                }
            }
            let value = self.eval(&comprehension.value, of, &inner);
            if has_parts(&value) && !self.spend(MAP_WEIGHT, comprehension.value.span) {
                return Term::POISON;
            }
            match &comprehension.key {
                None if is_in => list.push(value),
                None => {}
                Some(key) => {
                    let Some(text) = self.key_of_map(key, &inner) else { return Term::POISON };
                    if is_in {
                        map.insert(text.to_string(), value);
                    }
                    // Whether a secret leaves one of them out is not told.
                    if !keys.insert(text.clone()) {
                        self.tell(
                            Diagnostic::error("cloud::value::key", format!("the key {} comes twice", Quoted(&text)))
                                .label(key.span, "the same for two elements"),
                        );
                    }
                }
            }
        }
        let made = if comprehension.key.is_some() { Term::map(map) } else { Term::list(list) };
        if is_secret { self.concealed(made, "what `for` makes", repeat.over.span) } else { made }
    }

    /// A `for` over what is known only after apply: what it makes of one element stands for all.
    fn deferred(&mut self, comprehension: &'a For, over: Term, of: &Ty, env: &Env) -> Term {
        let roles = roles(&comprehension.repeat, &over.ty());
        let variables: Vec<_> = roles.into_iter().map(|(role, name, ty)| (role, self.variable(name, ty))).collect();
        let mut locals = env.locals.as_ref().clone();
        let bound =
            variables.iter().map(|(_, variable)| (variable.name.clone(), Arc::new(Term::Variable(variable.clone()))));
        locals.extend(bound);
        let inner = Env { locals: Rc::new(locals), ..env.clone() };
        let guard = comprehension.guard.as_ref();
        let guard = guard.map(|guard| self.eval(guard, &Ty::Bool, &inner.for_part("a condition")));
        let key = comprehension.key.as_ref().map(|key| self.eval(key, &Ty::String, &inner.for_part("a key")));
        let value = self.eval(&comprehension.value, of, &inner);
        Term::Each(Each { over, variables, guard, key, value }.into())
    }

    /// A `for` over what a template or function leaves open, evaluated for its errors and its type.
    fn left_open(&mut self, comprehension: &'a For, over: &Ty, of: &Ty, env: &Env) -> Term {
        let mut locals = env.locals.as_ref().clone();
        let bound = roles(&comprehension.repeat, over).into_iter();
        locals.extend(bound.map(|(_, name, ty)| (name.clone(), Arc::new(Term::Open(ty)))));
        let inner = Env { locals: Rc::new(locals), ..env.clone() };
        if let Some(guard) = &comprehension.guard {
            self.eval(guard, &Ty::Bool, &inner.for_part("a condition"));
        }
        if let Some(key) = &comprehension.key {
            self.eval(key, &Ty::String, &inner.for_part("a key"));
        }
        let value = self.eval(&comprehension.value, of, &inner).ty().into();
        Term::Open(if comprehension.key.is_some() { Ty::Map(value) } else { Ty::List(value) })
    }

    fn variable(&mut self, name: &Name, ty: Ty) -> Variable {
        self.variables += 1;
        Variable { id: self.variables, name: name.clone(), ty }
    }

    /// The text of a key that is made by an expression; nothing when it is none, or open.
    fn key_of_map(&mut self, key: &'a Expr, env: &Env) -> Option<Arc<str>> {
        match self.eval(key, &Ty::String, &env.for_part("a key")) {
            Term::Known(Value::String(text)) => Some(text),
            Term::Known(Value::Secret(_)) => {
                self.tell(
                    Diagnostic::error("cloud::value::key", "the key of a map cannot be secret")
                        .label(key.span, "this is made of a secret")
                        .help("put the secret into the value: keys are shown and recorded"),
                );
                None
            }
            term => {
                self.known_later(&term, key.span, "the key of a map");
                None
            }
        }
    }

    /// A block where keys are free.
    pub(super) fn map_block(&mut self, body: &'a Body, of: &Ty, env: &Env) -> Term {
        self.map_layers(BTreeMap::new(), &[(DataLayer::Body(body), env.clone())], of)
    }

    /// A map with blocks merged into it, deeply. A key that becomes null is removed, unless null is a value there.
    pub(super) fn map_layers(
        &mut self,
        mut entries: BTreeMap<String, Term>,
        layers: &[(DataLayer<'a>, Env)],
        of: &Ty,
    ) -> Term {
        let mut whole = true;
        for (layer, env) in layers {
            let items = match layer {
                DataLayer::Body(body) => body.items.as_slice(),
                DataLayer::Reach(_, item) => std::slice::from_ref(*item),
            };
            let mut seen: BTreeMap<(Arc<str>, String), Span> = BTreeMap::new();
            for item in items {
                let steps = match layer {
                    DataLayer::Body(_) => Some((item.path.head.value.as_str(), item.path.rest.as_slice())),
                    DataLayer::Reach(path, _) => key_of(path),
                };
                let Some((written, rest)) = steps else {
                    self.tell(
                        Diagnostic::error("cloud::value::path", "a map has texts as keys, and this is a number")
                            .label(item.path.span, "not a key of a map")
                            .help("write the key as a text: `name[\"0\"].inner ...;`"),
                    );
                    continue;
                };
                let key: Arc<str> = match item.path.made.as_ref().filter(|_| matches!(layer, DataLayer::Body(_))) {
                    None => written.into(),
                    Some(made) => match self.key_of_map(made, env) {
                        Some(key) => key,
                        // Which keys there are cannot be told: what is left is said of the others.
                        None => {
                            whole = false;
                            continue;
                        }
                    },
                };
                if let Some(first) = seen.insert((key.clone(), path_text(rest)), item.path.span) {
                    self.tell(scope::duplicate(&Name::from(&*key), "set", first, item.path.span));
                    continue;
                }
                if !rest.is_empty() && !matches!(of.plain(), Ty::Map(_) | Ty::Template(_)) {
                    let quoted = format!("{key}{}", path_text(rest));
                    self.tell(
                        Diagnostic::error("cloud::value::path", "a path cannot reach into this map")
                            .label(item.path.span, format!("its values are of type `{of}`"))
                            .help(format!(
                                "write the inner keys as a block, or one key in quotes: `\"{quoted}\" ...;`"
                            )),
                    );
                    continue;
                }
                let term = match &item.kind {
                    ItemKind::Set(_) | ItemKind::Merge(_) if !rest.is_empty() => {
                        let old = entries.remove(&*key);
                        self.layered(old, &[(DataLayer::Reach(rest, item), env.clone())], of, item.span)
                    }
                    ItemKind::Set(value) => match self.entry(value, of, env) {
                        Some(term) => term,
                        None => {
                            entries.remove(&*key);
                            continue;
                        }
                    },
                    ItemKind::Merge(body) => {
                        let old = entries.remove(&*key).filter(|old| !matches!(of, Ty::Any) || has_parts(old));
                        self.layered(old, &[(DataLayer::Body(body), env.clone())], of, item.span)
                    }
                    ItemKind::Declare(declare) => {
                        let value = declare.default.as_ref().map_or("...", |value| self.sources.text(value.span));
                        let help = format!("write `{key} {value};`");
                        self.tell(
                            Diagnostic::error("cloud::value::statement", "a map has only keys and values")
                                .label(declare.ty.span, "nothing is declared in a map")
                                .help(if help.len() > 80 { format!("write `{key} ...;`") } else { help }),
                        );
                        continue;
                    }
                    ItemKind::Define(_) => {
                        self.tell(
                            Diagnostic::error("cloud::value::statement", "a map has only keys and values")
                                .label(item.path.span, "a component cannot stand in a map")
                                .help("write it beside the map, and name it here"),
                        );
                        continue;
                    }
                };
                entries.insert(key.to_string(), term);
            }
        }
        if whole { Term::map(entries) } else { Term::Open(Ty::Map(of.clone().into())) }
    }

    /// The value of a key; nothing for null where that is no value.
    fn entry(&mut self, value: &'a Expr, of: &Ty, env: &Env) -> Option<Term> {
        if matches!(of.plain(), Ty::Any) || of.is_optional() {
            return Some(self.eval(value, of, env));
        }
        match self.eval(value, &of.clone().optional(), env) {
            Term::Known(Value::Null) => None,
            // What is known only after apply may not turn out to be null.
            Term::Call { operation: Operation::Conform(_), mut arguments, .. } if arguments.len() == 1 => {
                Some(self.coerce(arguments.swap_remove(0), of, value.span, env))
            }
            term => Some(self.coerce(term, of, value.span, env)),
        }
    }
}

/// The key of a map that a path begins with, and what follows.
fn key_of(path: &[PathStep]) -> Option<(&str, &[PathStep])> {
    let (first, rest) = path.split_first()?;
    match first {
        PathStep::Name(name) => Some((name.value.as_str(), rest)),
        PathStep::Key(Spanned { value: Key::Text(text), .. }) => Some((text, rest)),
        PathStep::Key(Spanned { value: Key::Index(_), .. }) => None,
    }
}

/// Whether a block can be merged into a value of any type.
fn has_parts(term: &Term) -> bool {
    matches!(term, Term::Map(_) | Term::Data { .. } | Term::Known(Value::Map(_) | Value::Data(_)))
}

/// The variables of a repetition over a value of that type, with what each stands for and its type.
pub(super) fn roles<'r>(repeat: &'r Repeat, over: &Ty) -> Vec<(Bound, &'r Name, Ty)> {
    let item = element_ty(over);
    let (key, single) = match over.plain() {
        Ty::Map(_) => (Ty::String, Ty::String),
        Ty::Any => (Ty::Any, Ty::Any),
        _ => (Ty::Int, item.clone()),
    };
    match &repeat.second {
        None => vec![(Bound::Single, &repeat.first.value, single)],
        Some(second) => vec![(Bound::Key, &repeat.first.value, key), (Bound::Item, &second.value, item)],
    }
}

/// The type of the elements of a list or map, or of the numbers below one.
pub(super) fn element_ty(ty: &Ty) -> Ty {
    match ty.plain() {
        Ty::List(of) | Ty::Map(of) => of.as_ref().clone(),
        Ty::Int => Ty::Int,
        _ => Ty::Any,
    }
}

/// The id in a body that sets nothing else.
fn named_by_id(body: &Body) -> Option<&Expr> {
    match body.items.as_slice() {
        [item] if item.path.head.value.as_str() == "id" && item.path.rest.is_empty() => match &item.kind {
            ItemKind::Set(id) => Some(id),
            ItemKind::Declare(_) | ItemKind::Merge(_) | ItemKind::Define(_) => None,
        },
        _ => None,
    }
}
