//! Names and accesses: what `a`, `a.b`, `a[0]` and `super` stand for, and what a component is as a
//! value. Each is evaluated once, when it is first asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::check::expr::{Env, Operand, POISON};
use crate::check::instance::{Children, DataLayer, NodeId};
use crate::check::{Checker, Frame, Given, What};
use crate::diagnostic::{Diagnostic, Label, Severity, article, closest, listed};
use crate::model::each::{Bound, Each};
use crate::model::operation::{Operation, a_kind, out_of_range};
use crate::model::term::Term;
use crate::model::ty::{TemplateId, Ty};
use crate::name::{Key, Name};
use crate::printable::shell_word;
use crate::resolve::prototype::{SettingKind, names_of, unknown_attribute};
use crate::resolve::{Family, ModuleId, PRELUDE, PROGRAM, load, scope};
use crate::source::Span;
use crate::syntax::habit;
use crate::syntax::tree::{Binary, Define, Expr, ExprKind, Ident, ItemKind, TextPart};
use crate::value::Value;

/// Names that are looked through for what was meant by others.
const MOST_LOOKED_AT: usize = 200_000;

impl<'a> Checker<'a, '_> {
    pub(super) fn name(&mut self, name: &'a Name, span: Span, env: &Env) -> Operand {
        match self.found(name, env) {
            Some(Found::Local(term)) => Operand::Term(self.copy(&term, span)),
            Some(Found::Member(node)) => self.member(node, name, span),
            None => self.module_name(name, span, env),
        }
    }

    /// What a name means to a text, among what stands around that.
    pub(super) fn found(&self, name: &Name, env: &Env) -> Option<Found> {
        if let Some((_, term)) = env.locals.iter().rev().find(|(local, _)| local == name) {
            return Some(Found::Local(term.clone()));
        }
        let mut node = Some(env.node);
        for level in 0..env.levels {
            let id = node?;
            if self.shows(id, name) && !is_itself(id, name, env) {
                return Some(Found::Member(id));
            }
            // The text stands inside the repetition's own body when it sees past the element.
            if level + 1 < env.levels
                && let Some((_, term)) = self.nodes[id.0].locals.iter().rev().find(|(local, _)| local == name)
            {
                return Some(Found::Local(term.clone()));
            }
            node = self.nodes[id.0].parent;
        }
        None
    }

    /// The program, if a text sees a member of that name at its top.
    pub(super) fn found_at_top(&self, name: &Name, env: &Env) -> Option<NodeId> {
        let root = self.root.filter(|_| env.module == PROGRAM && !self.is_pure(env))?;
        (self.shows(root, name) && !is_itself(root, name, env)).then_some(root)
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
            if let Some(root) = self.found_at_top(name, env) {
                return self.member(root, name, span);
            }
            if library.module(PROGRAM).params.contains_key(name) {
                return Operand::Term(self.param(name, span));
            }
            let mut outputs = library.module(PROGRAM).files.iter().flat_map(|file| &file.outputs);
            if self.expression == Some(span.source)
                && let Some(root) = self.root
                && let Some(output) = outputs.find(|output| output.name.value == *name)
            {
                return Operand::Term(self.output(root, output));
            }
        }
        let of_program = |root: NodeId| self.nodes[root.0].has(name.as_str());
        if pure && (self.root.is_some_and(of_program) || library.module(PROGRAM).params.contains_key(name)) {
            self.tell(
                Diagnostic::error("cloud::function::impure", format!("a function does not see `{name}`"))
                    .label(span, "it sees its parameters, constants and other functions")
                    .help(format!("give the function a parameter, and pass `{name}` to it")),
            );
            return POISON;
        }
        if let Some(id) = scope::find_template(&library.modules, env.module, name.as_str()) {
            let template = library.template(id);
            let own = template.module != PRELUDE;
            let family = library.family(library.shape(id));
            let help = match family {
                Family::Resource | Family::Compound if own => format!(
                    "a component is `lowerCamel`: write `{} extends ... {{ ... }}`, or name one that extends `{name}`",
                    scope::lower_camel(name)
                ),
                Family::Resource | Family::Compound => format!("name a component that extends `{name}`"),
                Family::Action | Family::Data => format!("write `{name} {{ }}` for one made from it"),
            };
            let diagnostic =
                Diagnostic::error("cloud::value::template", format!("`{name}` is a template, not a value"))
                    .label(span, "a value is needed here");
            let diagnostic =
                if own { diagnostic.label(template.name.span, "made here, as a template") } else { diagnostic };
            self.tell(diagnostic.help(help));
            return POISON;
        }
        self.unknown_name(name, span, env);
        POISON
    }

    /// The names that a text can see, for a message; none for a message of many, or where there are so many
    /// names that looking through them for each mistake would take too long.
    fn visible(&self, env: &Env) -> Vec<Name> {
        let names = self.root.map_or(0, |root| self.nodes[root.0].own.len());
        if self.report.is_long() || names.saturating_mul(self.report.count(Severity::Error)) > MOST_LOOKED_AT {
            return Vec::new();
        }
        let library = self.library;
        let mut visible: Vec<Name> = env.locals.iter().map(|(local, _)| local.clone()).collect();
        let mut node = Some(env.node);
        for _ in 0..env.levels {
            let Some(id) = node else { break };
            visible.extend(self.nodes[id.0].member_names().cloned());
            visible.extend(self.nodes[id.0].locals.iter().map(|(local, _)| local.clone()));
            node = self.nodes[id.0].parent;
        }
        if env.module == PROGRAM && !self.is_pure(env) {
            visible.extend(library.module(PROGRAM).params.keys().cloned());
            visible.extend(self.root.iter().flat_map(|root| self.nodes[root.0].member_names()).cloned());
        }
        visible.extend(library.module(env.module).constants.keys().cloned());
        // A name inside its own value means one further out.
        if let Some((_, of, _)) = env.of.as_ref().filter(|_| env.part.is_none()) {
            visible.retain(|name| name != of);
        }
        visible
    }

    fn unknown_name(&mut self, name: &Name, span: Span, env: &Env) {
        let diagnostic = Diagnostic::error("cloud::name::unknown", format!("there is no `{name}` here"));
        let may_be_imported = name.is_constant() && !self.report.is_long();
        if may_be_imported && let Some(help) = load::help_import(name.as_str()) {
            self.tell(diagnostic.label(span, "not found").help(help));
            return;
        }
        if let Some(meant) = self.without_quotes(name, span) {
            self.tell(
                diagnostic.label(span, "a key that is a text stands in quotes, which a shell removes").help(meant),
            );
            return;
        }
        let visible = self.visible(env);
        if let Some(near) = likely(name, &visible) {
            self.report.push_place(diagnostic.label(span, format!("did you mean `{near}`?")));
            return;
        }
        let root = self.root.filter(|_| !visible.is_empty());
        let own = root.iter().flat_map(|root| self.nodes[root.0].own.keys());
        let own = own.chain(self.library.module(PROGRAM).params.keys()).filter(|own| visible.contains(own));
        let shown: Vec<&Name> = env.locals.iter().map(|(local, _)| local).chain(own).take(8).collect();
        let diagnostic = diagnostic.label(span, "not found");
        // One name that is missing is one mistake, wherever it is used.
        self.report.push_place(match shown.as_slice() {
            [] => diagnostic.help(format!("a text stands in quotes: `\"{name}\"`")),
            _ if name.as_str() == "TBD" => diagnostic.help("leave it out: an attribute that must be set is asked for"),
            shown => {
                let shown: Vec<&str> = shown.iter().map(|name| name.as_str()).collect();
                diagnostic.help(format!("names of this program: {}", shown.join(", ")))
            }
        });
    }

    /// `w[eu]` at the command line, as it is to be written there.
    fn without_quotes(&self, name: &Name, span: Span) -> Option<String> {
        let source = self.expression.filter(|expression| *expression == span.source)?;
        let text = &self.sources.get(source).text;
        let (before, after) = (text.get(..span.start as usize)?, text.get(span.end as usize..)?);
        let is_key = before.ends_with('[') && after.starts_with(']');
        is_key.then(|| format!("write {}", shell_word(&format!("{before}\"{name}\"{after}"))))
    }

    /// Reports a text that stands without its quotes where one is wanted: `eu-west-1`.
    pub(super) fn bare_text(&mut self, expr: &Expr, wanted: &Ty, env: &Env) -> bool {
        if !matches!(wanted.plain(), Ty::String | Ty::Enum(_) | Ty::Secret) {
            return false;
        }
        let mut first = expr;
        while let ExprKind::Binary(Binary::Subtract | Binary::Divide, left, right) = &first.kind {
            if !matches!(right.kind, ExprKind::Name(_) | ExprKind::Int(_)) {
                return false;
            }
            first = left;
        }
        let ExprKind::Name(name) = &first.kind else { return false };
        let known = name.is_constant() || name.is_template() || self.finds(name.as_str(), env);
        if known || likely(name, &self.visible(env)).is_some() {
            return false;
        }
        let text = if self.in_secret() { "..." } else { self.sources.text(expr.span) };
        let message =
            if self.in_secret() { "there is no such name here".into() } else { format!("there is no `{name}` here") };
        self.tell(
            Diagnostic::error("cloud::name::unknown", message)
                .label(expr.span, "not found")
                .help(format!("a text stands in quotes: `\"{text}\"`")),
        );
        true
    }

    /// Whether a name means something to a text.
    pub(super) fn finds(&self, name: &str, env: &Env) -> bool {
        let library = self.library;
        let mut node = Some(env.node);
        for _ in 0..env.levels {
            let Some(id) = node else { break };
            if self.nodes[id.0].has(name) || self.nodes[id.0].locals.iter().any(|(local, _)| local.as_str() == name) {
                return true;
            }
            node = self.nodes[id.0].parent;
        }
        let of_program = || {
            self.root.is_some_and(|root| self.nodes[root.0].has(name))
                || library.module(PROGRAM).params.contains_key(name)
        };
        env.locals.iter().any(|(local, _)| local.as_str() == name) || env.module == PROGRAM && of_program()
    }

    /// Reports `vpc.id` and `"${vpc}"` where a component is meant by its name alone.
    pub(super) fn detour(&mut self, expr: &'a Expr, wanted: &Ty, env: &Env) -> bool {
        let is_resource = |ty: &Ty| match ty.plain() {
            Ty::Template(template) => self.library.family(self.library.shape(template.id)) == Family::Resource,
            _ => false,
        };
        let of = match &expr.kind {
            ExprKind::Get { of, name, optional: false } if name.value.as_str() == "id" => of.as_ref(),
            ExprKind::Text(parts) if is_resource(wanted) => match parts.as_slice() {
                [TextPart::Expr(of)] => of,
                _ => return false,
            },
            _ => return false,
        };
        let is_text = matches!(expr.kind, ExprKind::Text(_));
        // What means nothing is told where all of it is read.
        if !self.begins_with_known(of, env) {
            return false;
        }
        let node = match self.operand(of, env) {
            Operand::Node(node) => node,
            Operand::Term(Term::Reference { address, .. }) => match self.by_address.get(&address) {
                Some(node) => *node,
                None => return false,
            },
            Operand::Term(_) | Operand::Nodes(_) | Operand::AnyOf(_) | Operand::Each(_) | Operand::Later(..) => {
                return false;
            }
        };
        let this = &self.nodes[node.0];
        if this.family != Family::Resource || !is_text && this.has("id") || this.shape.broken {
            return false;
        }
        let (template, name) = (self.template_ref(node).name, self.sources.text(of.span).to_string());
        let message = if is_text {
            format!("{} `{template}` is wanted here, not a text with its id", article(template.as_str()))
        } else {
            format!("`{template}` has no attribute `id`")
        };
        let code = if is_text { "cloud::type::mismatch" } else { "cloud::attribute::unknown" };
        let help = match wanted.plain() {
            Ty::String | Ty::Secret => format!("write `\"${{{name}}}\"`"),
            _ => format!("write `{name}`"),
        };
        self.tell(
            Diagnostic::error(code, message).label(expr.span, "the name of a component stands for its id").help(help),
        );
        true
    }

    /// Whether a path begins with a name that means something.
    fn begins_with_known(&self, path: &Expr, env: &Env) -> bool {
        match &path.kind {
            ExprKind::Get { of, .. } | ExprKind::Index { of, .. } => self.begins_with_known(of, env),
            ExprKind::Name(name) => self.finds(name.as_str(), env),
            ExprKind::This | ExprKind::Parent | ExprKind::Root => true,
            _ => false,
        }
    }

    /// Reports a reference by another tool's rules: `var.env`, `aws_s3_bucket.media.id`.
    pub(super) fn foreign(&mut self, expr: &Expr, env: &Env) -> bool {
        let mut path: Vec<&str> = Vec::new();
        let mut at = expr;
        while let ExprKind::Get { of, name, optional: false } = &at.kind {
            path.push(name.value.as_str());
            at = of;
        }
        let ExprKind::Name(first) = &at.kind else { return false };
        if !habit::names::begins_reference(first.as_str()) || self.finds(first.as_str(), env) {
            return false;
        }
        path.push(first.as_str());
        path.reverse();
        let mut node = Some(env.node);
        let mut variable = None;
        while let (Some(id), None) = (node, variable) {
            variable = self.nodes[id.0].locals.first().map(|(local, _)| local.as_str());
            node = self.nodes[id.0].parent;
        }
        let found = habit::names::reference(&path, |name| self.finds(name, env), variable);
        if let Some(foreign) = &found {
            let diagnostic = Diagnostic::error("cloud::syntax::habit", foreign.message);
            self.tell(diagnostic.label(expr.span, foreign.label).help(foreign.help.as_str()));
        }
        found.is_some()
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
        let term = self.attribute(node, name, span);
        Operand::Term(self.copy(&term, span))
    }

    pub(super) fn get(&mut self, of: Operand, name: &'a Ident, optional: bool, of_span: Span) -> Operand {
        match of {
            Operand::Node(node) => self.get_from(node, name),
            Operand::Each(all) => {
                Operand::Each(all.into_iter().map(|one| self.get(one, name, optional, of_span)).collect())
            }
            Operand::Later(over, item, one) => {
                Operand::Later(over, item, self.get(*one, name, optional, of_span).into())
            }
            Operand::Nodes(_) | Operand::AnyOf(_) => {
                let nodes = match &of {
                    Operand::Nodes(nodes) => &nodes[..],
                    _ => &[],
                };
                let group = self.sources.text(of_span);
                let one = nodes.first().map_or("[0]".into(), |(key, _)| key.to_string());
                let is_key = |key: &Key| matches!(key, Key::Text(text) if **text == *name.value.as_str());
                let help = match nodes.iter().find(|(key, _)| is_key(key)) {
                    Some((key, _)) => format!("a text key is chosen in brackets: `{group}{key}`"),
                    None => format!("write `{group}{one}.{0}`, or `{group}[*].{0}` for all", name.value),
                };
                self.tell(
                    Diagnostic::error(
                        "cloud::repetition::group",
                        format!("`{group}` is a group, and `.{}` asks for one", name.value),
                    )
                    .label(
                        of_span,
                        if nodes.is_empty() { "a group".into() } else { format!("a group of {}", nodes.len()) },
                    )
                    .help(help),
                );
                POISON
            }
            Operand::Term(Term::Reference { address, template }) => match self.by_address.get(&address).copied() {
                Some(node) => self.get_from(node, name),
                None => unreachable!("`{address}` of `{}` refers to a component that was made", template.name),
            },
            Operand::Term(Term::Existing { id, .. }) if name.value.as_str() == "id" => Operand::Term(Term::string(id)),
            Operand::Term(Term::Existing { template, .. }) => {
                self.tell(
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
                let of = self.sources.text(of_span);
                self.tell(
                    Diagnostic::error("cloud::value::null", format!("there is nothing to take `{}` from", name.value))
                        .label(of_span, "this is null")
                        .help(format!("write `{of}?.{}` if it may be absent", name.value)),
                );
                POISON
            }
            Operand::Term(Term::Call { operation: Operation::If, arguments, .. })
                if self.chooses_component(&arguments) =>
            {
                self.get_from_either(arguments, name, optional, of_span)
            }
            Operand::Term(term) => match term.ty().plain() {
                // What type it has may be as secret as the value.
                _ if term.is_secret() => {
                    let operation = Operation::Get { name: name.value.clone(), optional };
                    self.picked(operation, vec![term], (of_span, name.span), "not in there", |of, _| of.to_string())
                }
                Ty::Template(template) if !matches!(term, Term::Data { .. } | Term::Known(_)) => {
                    Operand::Term(self.get_by_type(term, &template.clone(), name, optional, of_span))
                }
                Ty::List(of) => {
                    let list = self.sources.text(of_span);
                    let message = format!("a list has no attribute `{}`", name.value);
                    let diagnostic =
                        Diagnostic::error("cloud::value::impossible", message).label(name.span, "not in there");
                    self.tell(match name.value.as_str() {
                        "length" => diagnostic.help(format!("write `length({list})`")),
                        "first" => diagnostic.help(format!("the first item is `{list}[0]`")),
                        "last" => diagnostic.help(format!("the last item is `{list}[length({list}) - 1]`")),
                        name if matches!(of.plain(), Ty::Map(_) | Ty::Template(_)) => diagnostic
                            .help(format!("`{list}[*].{name}` asks each item for it, `{list}[0].{name}` the first")),
                        _ => diagnostic,
                    });
                    POISON
                }
                _ => {
                    let operation = Operation::Get { name: name.value.clone(), optional };
                    self.picked(operation, vec![term], (of_span, name.span), "not in there", |of, name| {
                        format!("{of}?.{name}")
                    })
                }
            },
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
        let names = names_of(node.own.iter().chain(node.shape.members.iter()), true, self.report);
        let family = node.family;
        let unknown = unknown_attribute(&template, name, &names);
        self.tell(match name.value.as_str() {
            "id" | "ref" | "self_link" if family == Family::Resource => {
                unknown.help(format!("the name of a component stands for its id: leave `.{}` out", name.value))
            }
            _ => unknown,
        });
        POISON
    }

    pub(super) fn index(&mut self, of: Operand, at: Term, optional: bool, of_span: Span, at_span: Span) -> Operand {
        match (of, at) {
            (Operand::AnyOf(node), _) => Operand::Node(node),
            (Operand::Nodes(_), at) if at.is_secret() => {
                self.secret_decides("which component this is", at_span);
                POISON
            }
            // What type they have may be as secret as the values.
            (Operand::Term(term), at) if term.is_secret() || at.is_secret() => {
                let operation = Operation::Index { optional };
                self.picked(operation, vec![term, at], (of_span, at_span), "chooses nothing", |of, _| of.to_string())
            }
            (Operand::Nodes(nodes), Term::Known(at)) => {
                let found = nodes.iter().find(|(key, _)| match (key, &at) {
                    (Key::Index(key), Value::Int(at)) => i64::try_from(*key) == Ok(*at),
                    (Key::Text(key), Value::String(at)) => key == at,
                    _ => false,
                });
                if let Some((_, node)) = found {
                    return Operand::Node(*node);
                }
                match (&at, nodes.texts) {
                    (Value::Int(0..), false) | (Value::String(_), true) if optional => {
                        return Operand::Term(Term::NULL);
                    }
                    _ => {}
                }
                let message = match (&at, nodes.texts) {
                    (Value::Int(at), false) => out_of_range(*at, nodes.len()),
                    (Value::Int(_) | Value::String(_), _) => format!("there is no element {at}"),
                    (other, _) => format!("{} cannot choose an element", a_kind(other)),
                };
                let label = match &at {
                    Value::Int(at) if *at < 0 => "counted from the front, from 0",
                    _ => "no element has this key",
                };
                let mut diagnostic = Diagnostic::error("cloud::value::index", message).label(at_span, label);
                if let Some((Key::Text(_), node)) = nodes.first() {
                    let keys: Vec<String> = nodes.iter().take(8).map(|(key, _)| key.to_string()).collect();
                    diagnostic = diagnostic.help(format!("its keys are {}", listed(keys)));
                    diagnostic.labels.extend(self.keys_of(*node));
                }
                self.tell(diagnostic);
                POISON
            }
            (Operand::Nodes(_), at) => {
                self.known_later(&at, at_span, "the key of an element");
                POISON
            }
            (Operand::Each(all), at) => {
                let each = all.into_iter().map(|one| self.index(one, at.clone(), optional, of_span, at_span));
                Operand::Each(each.collect())
            }
            (Operand::Later(over, item, one), at) => {
                Operand::Later(over, item, self.index(*one, at, optional, of_span, at_span).into())
            }
            (Operand::Node(_), _) => {
                let one = self.sources.text(of_span).to_string();
                self.tell(
                    Diagnostic::error("cloud::value::index", format!("`{one}` is one component, it has no elements"))
                        .label(at_span, "chooses nothing")
                        .help(format!("write `{one}`")),
                );
                POISON
            }
            (Operand::Term(Term::Known(Value::Null)), _) => {
                let (of, at) = (self.sources.text(of_span), self.sources.text(at_span));
                self.tell(
                    Diagnostic::error("cloud::value::null", format!("there is nothing to take `[{at}]` from"))
                        .label(of_span, "this is null")
                        .help(format!("write `{of}?[{at}]` if it may be absent")),
                );
                POISON
            }
            (Operand::Term(Term::Known(Value::List(items))), Term::Known(Value::Int(at))) if at < 0 => {
                let list = self.sources.text(of_span);
                self.tell(
                    Diagnostic::error("cloud::value::index", out_of_range(at, items.len()))
                        .label(at_span, "counted from the front, from 0")
                        .help(format!("the last one is `{list}[length({list}) - 1]`")),
                );
                POISON
            }
            (Operand::Term(Term::Known(Value::String(_))), Term::Known(Value::Int(at))) => {
                let text = self.sources.text(of_span);
                let help = match at.checked_add(1).filter(|_| at >= 0) {
                    Some(end) => format!("a piece of it is `substring({text}, {at}, {end})`"),
                    None => format!("the last character is `substring({text}, length({text}) - 1)`"),
                };
                self.tell(
                    Diagnostic::error("cloud::value::index", "a text has no elements")
                        .label(of_span, "this is a text")
                        .label(at_span, "chooses nothing")
                        .help(help),
                );
                POISON
            }
            (Operand::Term(term), at) => {
                let operation = Operation::Index { optional };
                self.picked(operation, vec![term, at], (of_span, at_span), "chooses nothing", |of, at| {
                    format!("{of}?[{at}]")
                })
            }
        }
    }

    /// A part of a value; where there is none, `safe` says how to ask for one that may be absent.
    fn picked(
        &mut self,
        operation: Operation,
        of: Vec<Term>,
        (of_span, span): (Span, Span),
        label: &str,
        safe: fn(&str, &str) -> String,
    ) -> Operand {
        let of_secret = of.iter().any(Term::is_secret);
        match self.result(operation, of, span) {
            Ok(term) => Operand::Term(term),
            Err(message) if of_secret => {
                let diagnostic = Diagnostic::error("cloud::value::impossible", message).label(span, label);
                Operand::Term(self.failed_on_secret(diagnostic))
            }
            Err(message) => {
                let safe = safe(self.sources.text(of_span), self.sources.text(span));
                let is_absent = message.starts_with("there is no ") && !safe.contains('\n') && safe.len() <= 60;
                let diagnostic = Diagnostic::error("cloud::value::impossible", message).label(span, label);
                self.tell(if is_absent {
                    diagnostic.help(format!("write `{safe}` if it may be absent"))
                } else {
                    diagnostic
                });
                POISON
            }
        }
    }

    /// Reports an attribute of a component whose condition does not hold; false when it is no such thing.
    pub(super) fn absent(&mut self, of: &Expr, name: &Ident, env: &Env) -> bool {
        let ExprKind::Name(component) = &of.kind else { return false };
        let mut node = Some(env.node);
        let mut made = None;
        for _ in 0..env.levels {
            let Some(id) = node else { break };
            if self.nodes[id.0].has(component.as_str()) {
                made = self.made_by(id, component.as_str());
                break;
            }
            node = self.nodes[id.0].parent;
        }
        let made = made.or_else(|| self.made_by(self.root?, component.as_str()));
        let Some(condition) = made.and_then(|made| made.condition.as_ref()) else { return false };
        self.tell(
            Diagnostic::error("cloud::value::null", format!("`{component}` does not exist here"))
                .label(of.span, "null, as it does not exist")
                .label(condition.span, "this does not hold")
                .help(format!("write `{component}?.{}` if it may be absent", name.value)),
        );
        true
    }

    /// The statement that makes a nested component.
    fn made_by(&self, node: NodeId, name: &str) -> Option<&'a Define> {
        self.nodes[node.0].settings(name).rev().find_map(|setting| match setting.kind {
            SettingKind::Define(define, _) => Some(define),
            SettingKind::Value(_) | SettingKind::Merge(_) | SettingKind::Reach(..) => None,
        })
    }

    /// The place from which the keys of a group come that a component is in.
    fn keys_of(&self, node: NodeId) -> Option<Label> {
        let node = &self.nodes[node.0];
        let name = &node.address.segments().last()?.name;
        let made = self.made_by(node.parent?, name.as_str())?;
        Some(Label { span: made.repeat.as_ref()?.over.span, text: "the keys come from here".into() })
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
                let texts = nodes.texts;
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
        // What stands for a value that a limit did not let be made.
        if self.nodes[node.0].template().is_none() && self.nodes[node.0].family == Family::Data {
            return Term::POISON;
        }
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
                let mut terms = Vec::with_capacity(names.len());
                for name in names {
                    if self.is_missing(node, &name) {
                        missing.push(name);
                    } else {
                        terms.push((self.attribute(node, &name, span), name));
                    }
                }
                // Nothing asks for a part of a value without a name once all of it is known.
                if self.nodes[node.0].define.is_none() {
                    self.nodes[node.0].memo.clear();
                }
                for (term, name) in terms {
                    let term = Arc::try_unwrap(term).unwrap_or_else(|term| self.copy(&term, span));
                    fields.insert(name, term);
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
                let known = self.inherited.get(&of).cloned();
                // Asked for twice by each of many templates, it would be evaluated twice as often by each.
                let term = known.unwrap_or_else(|| Arc::new(self.settled(node, &of.1, of.2, span)));
                self.inherited.insert(of, term.clone());
                self.copy(&term, span)
            }
            _ => {
                self.tell(
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
            Some(Some(term)) => {
                let term = term.clone();
                return Operand::Term(self.copy(&term, via));
            }
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
                    Some(id) if self.is_deployed(id) => {
                        let template = scope::template_name(&library.modules, module, name);
                        self.refuse_constant(&item.path.head, id, Some(template));
                        Term::POISON
                    }
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
        let term = Arc::new(term);
        self.constants.insert(key, Some(term.clone()));
        Operand::Term(self.copy(&term, via))
    }

    /// Whether what extends a template is deployed, or groups what is.
    pub(super) fn is_deployed(&self, id: TemplateId) -> bool {
        matches!(self.library.family(self.library.shape(id)), Family::Resource | Family::Compound)
    }

    /// Reports a component that is written like a constant.
    pub(super) fn refuse_constant(&mut self, name: &Ident, extended: TemplateId, template: Option<String>) {
        // Who extends it has been told so already.
        if self.report.mentions(name.span) {
            return;
        }
        let of = &self.library.template(extended).name.value;
        let template = template.map(|template| format!(", `{template} extends {of} {{ ... }}` for a template"));
        let component = name.value.as_str().to_lowercase();
        self.tell(
            Diagnostic::error("cloud::name::case", format!("`{}` is written like a constant", name.value))
                .label(
                    name.span,
                    format!("capitals alone make a constant, and {} `{of}` is none", article(of.as_str())),
                )
                .help(format!(
                    "write `{component} extends {of} {{ ... }}` for a component{}",
                    template.unwrap_or_default()
                )),
        );
    }

    pub(super) fn param(&mut self, name: &Name, via: Span) -> Term {
        match self.params.get(name) {
            Some(Some(term)) => {
                let term = term.clone();
                return self.copy(&term, via);
            }
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
        let term = Arc::new(term);
        self.params.insert(name.clone(), Some(term.clone()));
        self.copy(&term, via)
    }

    fn param_value(&mut self, name: &Name) -> Term {
        let library = self.library;
        let param = library.module(PROGRAM).params[name];
        let mut types = crate::resolve::types::Types::new(&library.modules, &mut self.types, self.report);
        let attribute = types.attribute(PROGRAM, &param.name, param.doc.as_deref(), &param.declaration);
        let env = self.module_env(PROGRAM);
        if self.is_upstream {
            return Term::Open(attribute.ty);
        }
        let term = match (self.outside.given.get(name), &param.declaration.default) {
            (Some((Given::Unreadable, _)), _) => Term::POISON,
            (Some((Given::Expr(Expr { kind: ExprKind::Name(word), span }), _)), _)
                if !self.finds(word.as_str(), &env) =>
            {
                let found = if self.in_secret() { "this".to_string() } else { format!("`{word}`") };
                let help = (matches!(attribute.ty.plain(), Ty::Any) && !self.in_secret())
                    .then(|| format!("a text stands in quotes: `\"{word}\"`"));
                self.mismatch(&found, &attribute.ty, *span, &env, help);
                Term::POISON
            }
            (Some((Given::Expr(expr), _)), _) => self.eval(expr, &attribute.ty, &env),
            (Some((Given::Text(text), span)), _) => {
                self.coerce(Term::string(text.as_str()), &attribute.ty, *span, &env)
            }
            (None, Some(default)) => self.eval(default, &attribute.ty, &env),
            (None, None) if attribute.ty.is_optional() => Term::NULL,
            (None, None) => {
                self.tell(
                    Diagnostic::error("cloud::param::missing", format!("the param `{name}` has no value"))
                        .label(param.name.span, "declared without a default")
                        .help(match attribute.ty.plain() {
                            Ty::Bool | Ty::Int | Ty::Number | Ty::Duration | Ty::Size => {
                                format!("give it one: `--set {name}={}`", self.example(&attribute.ty))
                            }
                            Ty::List(_) | Ty::Map(_) => {
                                format!("give it one: `--set '{name}={}'`", self.example(&attribute.ty))
                            }
                            _ => format!("give it one: `--set {name}=...`"),
                        }),
                );
                Term::POISON
            }
        };
        if !attribute.modifiers.secret {
            return term;
        }
        let given = match self.outside.given.get(name) {
            Some((Given::Expr(expr), _)) => Some(expr),
            Some((Given::Text(_) | Given::Unreadable, span)) => {
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

/// What a name means among what stands around a text.
pub(super) enum Found {
    /// A variable.
    Local(Arc<Term>),
    /// Something of that component.
    Member(NodeId),
}

/// Whether a name stands inside its own value, and so means the next one outward.
fn is_itself(node: NodeId, name: &Name, env: &Env) -> bool {
    env.of.as_ref().is_some_and(|(of, attribute, _)| *of == node && attribute == name)
}

/// What was most likely meant by a name that means nothing.
fn likely<'n>(name: &Name, visible: &'n [Name]) -> Option<&'n str> {
    const WORDS: [&str; 6] = ["true", "false", "null", "this", "parent", "root"];
    let word = || WORDS.into_iter().find(|word| word.eq_ignore_ascii_case(name.as_str()));
    let near = || closest(name.as_str(), visible.iter().map(Name::as_str));
    habit::names::word(name.as_str()).or_else(near).or_else(word)
}
