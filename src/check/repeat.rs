//! Repetitions: what they run over, and the keys of the components that they make. Keys are what a component is
//! recorded by: they hang on what is written, never on what is in a list by chance.

use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use crate::check::expr::{Env, Locals, Operand, roles};
use crate::check::instance::{ChildPlan, Children, NodeId};
use crate::check::{Checker, MAX_COMPONENTS};
use crate::diagnostic::{Diagnostic, listed};
use crate::model::each::negative;
use crate::model::operation::a_kind;
use crate::model::term::{Output, Term};
use crate::model::ty::Ty;
use crate::model::typing::kind_of;
use crate::name::{Key, Name, Set, Table};
use crate::printable::{is_hidden, seen};
use crate::resolve::prototype::SettingKind;
use crate::source::Span;
use crate::syntax::tree::{self, Expr, ExprKind, PathStep, Repeat, TextPart};
use crate::value::{Quoted, Value};

/// The components that one repetition made.
pub(super) struct Group {
    /// Whether their keys are texts, also when there are none.
    pub texts: bool,
    pub members: Vec<(Key, NodeId)>,
}

impl Deref for Group {
    type Target = [(Key, NodeId)];

    fn deref(&self) -> &[(Key, NodeId)] {
        &self.members
    }
}

/// What a repetition runs over.
pub(super) enum Elements {
    List(Vec<Term>),
    Map(Vec<(String, Term)>),
    /// In a template or function that leaves it open.
    Open(Ty),
    /// After an error.
    Broken,
    /// Known only after apply.
    Later(Term),
}

/// One element of what is repeated over.
pub(super) struct Element {
    /// Its place in a list, its key in a map.
    pub key: Arc<Term>,
    pub item: Arc<Term>,
    /// What a single variable stands for: the key of a map, the item of a list.
    pub single: Arc<Term>,
}

impl Element {
    pub fn of_list(at: usize, item: Term) -> Element {
        let item = Arc::new(item);
        Element { key: Arc::new(Term::Known(Value::Int(at as i64))), single: item.clone(), item }
    }

    pub fn of_map(key: String, item: Term) -> Element {
        let key = Arc::new(Term::string(key));
        Element { single: key.clone(), key, item: Arc::new(item) }
    }

    /// The variables of a repetition with this element's values.
    pub fn names(self, repeat: &Repeat) -> Locals {
        match &repeat.second {
            None => vec![(repeat.first.value.clone(), self.single)],
            Some(second) => vec![(repeat.first.value.clone(), self.key), (second.value.clone(), self.item)],
        }
    }
}

impl<'a> Checker<'a, '_> {
    pub(super) fn repeated(
        &mut self,
        plan: &ChildPlan<'a, '_>,
        repeat: &'a Repeat,
        over: Operand,
        env: &Env,
        probe: bool,
    ) -> Children {
        let span = repeat.over.span;
        if let Operand::Term(Term::Known(value)) = &over
            && decides_keys(value)
        {
            self.secret_decides(&format!("the keys of `{}`", plan.name), span);
            return Children::Broken;
        }
        if let Operand::Term(Term::Known(Value::Int(count @ ..0))) = over {
            self.too_few(plan.name, count, &repeat.over);
            return Children::Broken;
        }
        let (texts, elements) = match self.elements(over, span) {
            Elements::Broken => return Children::Broken,
            Elements::Open(ty) if probe => {
                let locals =
                    roles(repeat, &ty).into_iter().map(|(_, name, ty)| (name.clone(), Arc::new(Term::Open(ty))));
                let (key, locals) = (Some(Key::Index(0)), locals.collect());
                return self.make_child(plan, key, locals).map_or(Children::Broken, Children::Any);
            }
            Elements::Open(_) => return Children::Broken,
            Elements::Later(term) => {
                self.known_later(&term, span, &format!("how often `{}` repeats", plan.name));
                return Children::Broken;
            }
            Elements::List(items) => {
                let keys = if items.is_empty() {
                    self.keys_of_none(plan, repeat, env)
                } else {
                    self.keys(plan, repeat, &items, env, probe)
                };
                let Some(keys) = keys else { return Children::Broken };
                let items = items.into_iter().enumerate().map(|(at, item)| Element::of_list(at, item));
                (keys.texts, keys.list.into_iter().zip(items).collect::<Vec<_>>())
            }
            Elements::Map(entries) => {
                let keyed = entries.into_iter();
                (true, keyed.map(|(key, item)| (Key::Text(key.as_str().into()), Element::of_map(key, item))).collect())
            }
        };
        self.point_out_twins(plan.name, elements.iter().map(|(key, _)| key), span);
        if !self.is_within(elements.len(), plan) {
            return Children::Broken;
        }
        let mut members = Vec::with_capacity(elements.len());
        let mut seen = Set::default();
        for (key, bound) in elements {
            if !seen.insert(key.clone()) {
                let twice =
                    Diagnostic::error("cloud::repetition::key", format!("`{}{key}` would exist twice", plan.name));
                self.tell(match written_twice(&repeat.over, &key) {
                    Some((first, second)) => twice.label(second, "again here").label(first, "first here"),
                    None => twice.label(span, format!("the key `{key}` comes twice")),
                });
                continue;
            }
            match self.make_child(plan, Some(key.clone()), bound.names(repeat)) {
                Some(child) => members.push((key, child)),
                None => break,
            }
        }
        self.keys_that_are_not_there(plan, span, &seen, &members);
        Children::Many(Rc::new(Group { texts, members }))
    }

    /// Warns of keys that look the same: what one of them is meant for may be said of the other.
    fn point_out_twins<'k>(&mut self, name: &Name, keys: impl Iterator<Item = &'k Key> + Clone, span: Span) {
        let texts = keys.filter_map(|key| match key {
            Key::Text(text) => Some(text),
            Key::Index(_) => None,
        });
        if !texts.clone().any(|text| text.contains(is_hidden)) {
            return;
        }
        let mut looks: Table<String, &Arc<str>> = Table::default();
        for text in texts {
            let Some(first) = looks.insert(seen(text), text).filter(|first| *first != text) else { continue };
            let (one, two) = (Key::Text(first.clone()), Key::Text(text.clone()));
            self.tell(
                Diagnostic::warning(
                    "cloud::repetition::key",
                    format!("`{name}{one}` and `{name}{two}` differ only in characters that cannot be seen"),
                )
                .label(span, "the keys come from here")
                .help("remove these characters, or give the two different names"),
            );
        }
    }

    /// Reports settings of elements that do not exist.
    fn keys_that_are_not_there(
        &mut self,
        plan: &ChildPlan<'a, '_>,
        over: Span,
        keys: &Set<Key>,
        members: &[(Key, NodeId)],
    ) {
        for layer in plan.layers {
            if let SettingKind::Reach([PathStep::Key(key), ..], _) = layer.kind
                && !keys.contains(&key.value)
            {
                self.tell(
                    Diagnostic::error("cloud::repetition::key", format!("there is no `{}{}`", plan.name, key.value))
                        .label(key.span, "no element has this key")
                        .label(over, "the keys come from here")
                        .help(match members {
                            [] => "it has no elements".into(),
                            members => format!("its keys are {}", listed(members.iter().take(8).map(|(key, _)| key))),
                        }),
                );
            }
        }
    }

    /// The keys of components that repeat over a list. Texts are keys by themselves, so that taking one out leaves
    /// the others where they are; then all of them must be texts, and known.
    fn keys(
        &mut self,
        plan: &ChildPlan<'a, '_>,
        repeat: &'a Repeat,
        items: &[Term],
        env: &Env,
        probe: bool,
    ) -> Option<Keys> {
        let numbered = || Keys { texts: false, list: (0..items.len() as u64).map(Key::Index).collect() };
        let is_text = |item: &Term| matches!(item.ty().plain(), Ty::String | Ty::Enum(_));
        let may_be_text = |item: &Term| !matches!(item, Term::Known(_)) && *item.ty().plain() == Ty::Any;
        // Of a list that has only null now, the type tells what else it may have.
        let may_have_texts = items.iter().any(Term::is_null) && self.lists_texts(&repeat.over, env);
        if !items.iter().any(is_text) && !may_have_texts {
            return Some(numbered());
        }
        let mut keys = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            match item {
                Term::Known(Value::String(text)) => keys.push(Key::Text(text.clone())),
                item if item.is_open() => return probe.then(numbered),
                item if is_text(item) || may_be_text(item) => {
                    self.key_known_later(plan, repeat, items, at);
                    return None;
                }
                item => {
                    let list = self.sources.text(repeat.over.span);
                    let kind = kind_of(&item.ty());
                    let message = format!("the keys of `{}` come from a list of texts, and {kind} is in it", plan.name);
                    let diagnostic = Diagnostic::error("cloud::repetition::key", message)
                        .label(item_place(&repeat.over, at), format!("this is {kind}"));
                    let name = &repeat.second.as_ref().unwrap_or(&repeat.first).value;
                    self.tell(if item.is_null() && is_short(list) {
                        diagnostic.help(format!("leave it out: `[for {name} in {list} if {name} != null: {name}]`"))
                    } else {
                        diagnostic.help("repeat over a map: its keys are the keys")
                    });
                    return None;
                }
            }
        }
        Some(Keys { texts: true, list: keys })
    }

    fn key_known_later(&mut self, plan: &ChildPlan<'a, '_>, repeat: &'a Repeat, items: &[Term], at: usize) {
        let label = match first_output(&items[at]) {
            Some(output) => format!("`{}.{}` is known only after apply", output.address, output.attribute),
            None => "this is known only after apply".into(),
        };
        let (key, item) = match &repeat.second {
            Some(second) => (&repeat.first.value, &second.value),
            None => (&Name::from("key"), &repeat.first.value),
        };
        let map = self.as_map(&repeat.over, items).filter(|map| is_short(map));
        let map = map.unwrap_or_else(|| "{ one \"...\"; two \"...\"; }".into());
        self.tell(
            Diagnostic::error(
                "cloud::value::later",
                format!("the keys of `{}` must be known when planning", plan.name),
            )
            .label(item_place(&repeat.over, at), label)
            .help(format!("repeat over a map, whose keys are known: `{}[{key}, {item} in {map}]`", plan.name)),
        );
    }

    /// A list that is written out as a map: each text by itself, all else by its place.
    fn as_map(&self, over: &Expr, items: &[Term]) -> Option<String> {
        let ExprKind::List(elements) = &over.kind else { return None };
        let entries = elements.iter().zip(items).enumerate().map(|(at, (element, item))| match element {
            tree::Element::Item(expr) => {
                let key = match item {
                    Term::Known(Value::String(text)) if is_name(text) => text.to_string(),
                    Term::Known(Value::String(text)) => Quoted(text).to_string(),
                    _ => format!("item{}", at + 1),
                };
                Some(format!(" {key} {};", self.sources.text(expr.span)))
            }
            tree::Element::Spread(_) => None,
        });
        Some(format!("{{{} }}", entries.collect::<Option<String>>()?))
    }

    /// The keys of components that repeat over an empty list: of the kind that they would have if there were some.
    fn keys_of_none(&mut self, plan: &ChildPlan<'a, '_>, repeat: &'a Repeat, env: &Env) -> Option<Keys> {
        if let Some(backwards) = self.backwards(&repeat.over, env, 0) {
            let (from, to) = (backwards.from, backwards.to);
            let message = format!("`{}` repeats over a range that ends before it begins", plan.name);
            let diagnostic = Diagnostic::error("cloud::repetition::count", message)
                .label(backwards.span, format!("this is {from}..{to}"));
            let diagnostic = if backwards.span == repeat.over.span {
                diagnostic
            } else {
                diagnostic.label(repeat.over.span, "repeated over here")
            };
            let ends = backwards.ends.map(|(one, two)| (self.sources.text(one), self.sources.text(two)));
            self.tell(match ends {
                Some((from, to)) if is_short(from) && is_short(to) => {
                    diagnostic.help(format!("for none, end it where it begins: `{from}..max({from}, {to})`"))
                }
                _ => diagnostic.help("for none, end it where it begins"),
            });
            return None;
        }
        Some(Keys { texts: self.lists_texts(&repeat.over, env), list: Vec::new() })
    }

    /// Whether an expression is a list of texts, by what is declared.
    fn lists_texts(&mut self, over: &'a Expr, env: &Env) -> bool {
        let ty = self.inferred(over, env, 0);
        matches!(ty.plain(), Ty::List(of) if matches!(of.plain(), Ty::String | Ty::Enum(_)))
    }

    fn too_few(&mut self, name: &Name, count: i64, over: &Expr) {
        let written = self.sources.text(over.span);
        let mut diagnostic =
            Diagnostic::error("cloud::repetition::count", format!("`{name}` cannot exist {count} times"));
        let is_literal = matches!(over.kind, ExprKind::Unary(_, ref of) if matches!(of.kind, ExprKind::Int(_)));
        if is_literal || !is_short(written) {
            diagnostic = diagnostic.label(over.span, format!("this is {count}")).help("0 makes none");
        } else {
            let label = format!("`{written}` is {count}");
            diagnostic =
                diagnostic.label(over.span, label).help(format!("for none instead, write `max({written}, 0)`"));
        }
        self.tell(diagnostic);
    }

    /// What can be repeated over.
    pub(super) fn elements(&mut self, over: Operand, span: Span) -> Elements {
        match self.term_of(over) {
            Term::Known(Value::Int(count)) if count > MAX_COMPONENTS as i64 => {
                self.tell(
                    Diagnostic::error(
                        "cloud::limit::components",
                        format!("{count} times is more than {MAX_COMPONENTS}"),
                    )
                    .label(span, "too often"),
                );
                Elements::Broken
            }
            Term::Known(Value::Int(count)) if count < 0 => {
                self.tell(
                    Diagnostic::error("cloud::repetition::count", negative(count))
                        .label(span, format!("this is {count}"))
                        .help("0 makes none"),
                );
                Elements::Broken
            }
            Term::Known(Value::Int(count)) => {
                Elements::List((0..count).map(|at| Term::Known(Value::Int(at))).collect())
            }
            Term::Known(Value::List(items)) => Elements::List(items.into_iter().map(Term::Known).collect()),
            Term::List(items) => Elements::List(items),
            Term::Known(Value::Map(entries)) => {
                Elements::Map(entries.into_iter().map(|(key, item)| (key, Term::Known(item))).collect())
            }
            Term::Map(entries) => Elements::Map(entries.into_iter().collect()),
            Term::Known(Value::Secret(_)) => {
                self.secret_decides("how many there are", span);
                Elements::Broken
            }
            Term::Known(other) => self.not_repeatable(a_kind(&other), span),
            term => match term.ty().plain() {
                Ty::Any | Ty::Int | Ty::List(_) | Ty::Map(_) if !term.is_open() => Elements::Later(term),
                ty @ (Ty::Any | Ty::Int | Ty::List(_) | Ty::Map(_)) => Elements::Open(ty.clone()),
                other => self.not_repeatable(&kind_of(other), span),
            },
        }
    }

    fn not_repeatable(&mut self, kind: &str, span: Span) -> Elements {
        self.tell(
            Diagnostic::error("cloud::type::mismatch", format!("{kind} cannot be repeated over"))
                .label(span, "a number, a range, a list or a map is needed here"),
        );
        Elements::Broken
    }

    /// Reports what must be known when planning and is not, unless an error or an open template is behind that.
    pub(super) fn known_later(&mut self, term: &Term, span: Span, what: &str) {
        if term.is_secret() {
            return self.secret_decides(what, span);
        }
        if !term.is_open() {
            self.tell(
                Diagnostic::error("cloud::value::later", format!("{what} must be known when planning"))
                    .label(
                        span,
                        match first_output(term) {
                            Some(output) => {
                                format!("`{}.{}` is known only after apply", output.address, output.attribute)
                            }
                            None => "this is known only after apply".into(),
                        },
                    )
                    .help("make it hang on what is written in the program, or on a param"),
            );
        }
    }
}

/// The keys of a repetition over a list.
struct Keys {
    texts: bool,
    list: Vec<Key>,
}

/// Whether source text may stand in a line of help.
fn is_short(text: &str) -> bool {
    text.len() <= 60 && !text.contains('\n')
}

/// Whether a text can be the key of a map without quotes.
fn is_name(text: &str) -> bool {
    const WORDS: [&str; 13] =
        ["if", "then", "else", "for", "in", "extends", "null", "true", "false", "this", "parent", "root", "super"];
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !WORDS.contains(&text)
}

/// The place of an item in a list as it is written, or of the whole list.
fn item_place(over: &Expr, at: usize) -> Span {
    let ExprKind::List(elements) = &over.kind else { return over.span };
    let spread = elements.iter().any(|element| matches!(element, tree::Element::Spread(_)));
    match elements.get(at).filter(|_| !spread) {
        Some(tree::Element::Item(item)) => item.span,
        Some(tree::Element::Spread(_)) | None => over.span,
    }
}

/// The first computed attribute that a term is made of.
fn first_output(term: &Term) -> Option<&Output> {
    match term {
        Term::Output(output) => Some(output),
        Term::List(items) => items.iter().find_map(first_output),
        Term::Map(entries) => entries.values().find_map(first_output),
        Term::Data { fields, .. } => fields.values().find_map(first_output),
        Term::Call { arguments, .. } => arguments.iter().find_map(first_output),
        Term::Each(each) => each.parts().find_map(first_output),
        Term::Known(_) | Term::Reference { .. } | Term::Existing { .. } | Term::Open(_) | Term::Variable(_) => None,
    }
}

/// The first two places of a key in a list as it is written.
fn written_twice(over: &Expr, key: &Key) -> Option<(Span, Span)> {
    let ExprKind::List(elements) = &over.kind else { return None };
    let mut places = elements.iter().filter_map(|element| match element {
        tree::Element::Item(Expr { span, kind: ExprKind::Text(parts) }) => match (parts.as_slice(), key) {
            ([TextPart::Literal(text)], Key::Text(key)) if **text == **key => Some(*span),
            _ => None,
        },
        tree::Element::Item(_) | tree::Element::Spread(_) => None,
    });
    Some((places.next()?, places.next()?))
}

/// Whether it is a secret how often something is repeated, or what its elements are called.
fn decides_keys(over: &Value) -> bool {
    match over {
        Value::Secret(_) => true,
        // Texts are keys by themselves.
        Value::List(items) => {
            let is_text = |item: &Value| match item {
                Value::String(_) => true,
                Value::Secret(secret) => secret.reveal().is_some(),
                _ => false,
            };
            items.iter().any(|item| matches!(item, Value::Secret(_))) && items.iter().all(is_text)
        }
        _ => false,
    }
}
