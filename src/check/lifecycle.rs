//! The four action lists of a resource: every action is one that can be run, with all its attributes.

use std::sync::Arc;

use crate::check::Checker;
use crate::check::demand::demands;
use crate::check::instance::NodeId;
use crate::diagnostic::{Diagnostic, listed};
use crate::model::action::{ActionTerm, Lifecycle, List, Nature, OTHERWISE, Occasion, PARTS, Verb};
use crate::model::term::Term;
use crate::resolve::prototype::SettingKind;
use crate::source::Span;
use crate::syntax::tree::{Element, Expr, ExprKind};
use crate::value::Value;

impl Checker<'_, '_> {
    pub(super) fn lifecycle(&mut self, node: NodeId) -> Arc<Lifecycle<ActionTerm>> {
        let shared = List::ALL.iter().all(|list| self.shared_as(node, &list.attribute().into()).is_some());
        let shape = std::ptr::from_ref(self.nodes[node.0].shape.as_ref());
        if let Some(lifecycle) = self.lifecycles.get(&shape).filter(|_| shared) {
            return lifecycle.clone();
        }
        let lifecycle = Arc::new(self.checked_lifecycle(node));
        if shared && !self.exhausted {
            self.lifecycles.insert(shape, lifecycle.clone());
        }
        lifecycle
    }

    fn checked_lifecycle(&mut self, node: NodeId) -> Lifecycle<ActionTerm> {
        let [start, liveness, terminate, update] = [List::Start, List::Liveness, List::Terminate, List::Update];
        let lifecycle = Lifecycle {
            start: self.actions(node, start),
            liveness: self.actions(node, liveness),
            terminate: self.actions(node, terminate),
            update: self.actions(node, update),
        };
        let rules = [
            (start, &lifecycle.start, Verb::Create, "cloud::action::create", "creates", true),
            (terminate, &lifecycle.terminate, Verb::Delete, "cloud::action::delete", "deletes", false),
            (update, &lifecycle.update, Verb::Update, "cloud::action::update", "updates", true),
        ];
        let mut wrong = Vec::new();
        for (list, actions, verb, code, does, needed) in rules {
            let attribute = list.attribute();
            // An action that is wrong by itself may be the one that is missing.
            if self.length_of(node, list) != Some(actions.len()) {
                continue;
            }
            let with: Vec<usize> = (0..actions.len()).filter(|at| actions[*at].verb == verb).collect();
            let place = |at: usize| self.action_place(node, list, at, actions.len());
            let template = verb.template();
            wrong.push(match with.as_slice() {
                [] if needed && !actions.is_empty() => {
                    let empty = match verb {
                        Verb::Create => "that it exists already",
                        _ => "that changes are reported and never made",
                    };
                    Diagnostic::error(code, format!("`{attribute}` has no action that {does} it"))
                        .label(place(usize::MAX), format!("none of these extends `{template}`"))
                        .help(format!("add an action that extends `{template}`; `[]` says {empty}"))
                }
                [first, others @ ..] if !others.is_empty() => {
                    let times = others.len() + 1;
                    let message = format!("`{attribute}` {does} it {times} times");
                    let diagnostic =
                        Diagnostic::error(code, message).label(place(others[0]), format!("{does} it again"));
                    let diagnostic = match place(*first) == place(others[0]) {
                        true => diagnostic,
                        false => diagnostic.label(place(*first), format!("{does} it")),
                    };
                    diagnostic.help("leave one of them")
                }
                _ => continue,
            });
        }
        for (list, actions, verb, first) in
            [(start, &lifecycle.start, Verb::Create, true), (terminate, &lifecycle.terminate, Verb::Delete, false)]
        {
            let with: Vec<usize> = (0..actions.len()).filter(|at| actions[*at].verb == verb).collect();
            let end = if first { 0 } else { actions.len().saturating_sub(1) };
            if matches!(with.as_slice(), [at] if *at != end) && self.length_of(node, list) == Some(actions.len()) {
                let (attribute, other) = (list.attribute(), &actions[end].name);
                let template = verb.template();
                let (why, where_to) = match first {
                    true => ("it is not there yet", "first"),
                    false => ("it is gone by then", "last"),
                };
                wrong.push(
                    Diagnostic::error("cloud::action::order", format!("`{other}` cannot run then: {why}"))
                        .label(
                            self.action_place(node, list, end, actions.len()),
                            format!("runs {}", if first { "first" } else { "last" }),
                        )
                        .help(format!("in `{attribute}`, what extends `{template}` stands {where_to}")),
                );
            }
        }
        self.report.extend(wrong);
        lifecycle
    }

    fn actions(&mut self, node: NodeId, list: List) -> Vec<ActionTerm> {
        let span = self.nodes[node.0].span;
        let place = self.nodes[node.0].settings(list.attribute()).last().map_or(span, |setting| setting.span);
        match Term::clone(&self.attribute(node, &list.attribute().into(), span)) {
            Term::List(items) => self.each_action(node, list, items),
            Term::Known(Value::List(items)) => {
                self.each_action(node, list, items.into_iter().map(Term::Known).collect())
            }
            term => {
                self.known_later(&term, place, &format!("`{}`", list.attribute()));
                Vec::new()
            }
        }
    }

    fn length_of(&mut self, node: NodeId, list: List) -> Option<usize> {
        let span = self.nodes[node.0].span;
        match self.attribute(node, &list.attribute().into(), span).as_ref() {
            Term::List(items) => Some(items.len()),
            Term::Known(Value::List(items)) => Some(items.len()),
            _ => None,
        }
    }

    fn each_action(&mut self, node: NodeId, list: List, items: Vec<Term>) -> Vec<ActionTerm> {
        let count = items.len();
        let place = |checker: &Self, at| checker.action_place(node, list, at, count);
        let actions = items.into_iter().enumerate().filter_map(|(at, item)| {
            let place = place(self, at);
            let action = self.action(item, list, place)?;
            self.can_be_done(node, &action, list, place);
            Some(action)
        });
        actions.collect()
    }

    /// Where an action of a list is written, if the list is written action by action; else the list.
    fn action_place(&self, node: NodeId, list: List, at: usize, count: usize) -> Span {
        let node = &self.nodes[node.0];
        let Some(last) = node.settings(list.attribute()).last() else { return node.span };
        match last.kind {
            SettingKind::Value(Expr { kind: ExprKind::List(elements), .. }) if elements.len() == count => {
                match elements.get(at) {
                    Some(Element::Item(expr)) => expr.span,
                    Some(Element::Spread(_)) | None => last.span,
                }
            }
            _ => last.span,
        }
    }

    fn action(&mut self, term: Term, list: List, place: Span) -> Option<ActionTerm> {
        let attribute = list.attribute();
        let Term::Data { template, name, fields } = term else {
            // A function that looks into its arguments gives back values, which nothing can be run by.
            if !term.is_open() {
                self.tell(
                    Diagnostic::error(
                        "cloud::action::value",
                        format!("`{attribute}` has something that cannot be run"),
                    )
                    .label(place, "an action that went through a function is only a value")
                    .help("write the list with `[a, ...b]`"),
                );
            }
            return None;
        };
        let Some(verb) = self.library.verb(template.id) else {
            self.tell(
                Diagnostic::error("cloud::action::abstract", format!("`{}` does nothing by itself", template.name))
                    .label(place, format!("`{attribute}` runs it"))
                    .help(format!(
                        "extend one of the actions of the library: {}",
                        listed(Verb::ALL.map(Verb::template))
                    )),
            );
            return None;
        };
        let name = name.unwrap_or(template.name);
        if !allowed(list, verb) {
            let lists = List::ALL.into_iter().filter(|list| allowed(*list, verb)).map(List::attribute);
            self.tell(
                Diagnostic::error("cloud::action::place", format!("`{name}` cannot stand in `{attribute}`"))
                    .label(place, refusal(list, verb))
                    .help(format!("what extends `{}` stands in {}", verb.template(), listed(lists))),
            );
            return None;
        }
        let mut action = ActionTerm { name, verb, settings: fields, parts: Vec::new(), otherwise: Vec::new() };
        if verb.nature() == Nature::Group {
            let parts: Vec<Term> = PARTS.iter().filter_map(|part| action.settings.remove(*part)).collect();
            action.parts = parts.into_iter().flat_map(|part| self.parts(part, list, place)).collect();
            let otherwise = action.settings.remove(OTHERWISE);
            action.otherwise = otherwise.into_iter().flat_map(|part| self.parts(part, list, place)).collect();
        }
        self.when(&action, list, place);
        self.report.extend(demands(&action, place));
        Some(action)
    }

    /// What a group is made of: one action or a list of them.
    fn parts(&mut self, term: Term, list: List, place: Span) -> Vec<ActionTerm> {
        let items = match term {
            Term::List(items) => items,
            Term::Known(Value::List(items)) => items.into_iter().map(Term::Known).collect(),
            term => vec![term],
        };
        items.into_iter().filter_map(|item| self.action(item, list, place)).collect()
    }

    /// An action that no occasion of its list is for would never run.
    fn when(&mut self, action: &ActionTerm, list: List, place: Span) {
        let occasions = || Occasion::ALL.into_iter().filter(|occasion| occasion.concerns(list));
        if occasions().any(|occasion| action.is_for(occasion)) {
            return;
        }
        let attribute = list.attribute();
        let words = occasions().map(|occasion| format!("\"{}\"", occasion.word()));
        let words: Vec<String> = words.collect();
        self.tell(
            Diagnostic::error("cloud::action::when", format!("`{}` never runs in `{attribute}`", action.name))
                .label(place, "its `when` names no occasion of this list")
                .help(format!("`{attribute}` run on {}", listed(words.iter().map(String::as_str)))),
        );
    }
}

/// Whether an action has a meaning in a list.
fn allowed(list: List, verb: Verb) -> bool {
    match verb {
        Verb::Create => list == List::Start,
        Verb::Update => list == List::Update,
        Verb::Delete => list == List::Terminate,
        Verb::Check => list != List::Terminate,
        Verb::Act | Verb::Wait | Verb::Webhook => list != List::Liveness,
        Verb::Http | Verb::Tcp | Verb::Dns | Verb::Exec => true,
        Verb::Sequence | Verb::Parallel | Verb::Race | Verb::Try => true,
    }
}

/// Why it has none.
fn refusal(list: List, verb: Verb) -> String {
    match (verb, list) {
        (Verb::Check, List::Terminate) => "what ends is not asked any more how it is".to_string(),
        (Verb::Wait, List::Liveness) => {
            "each look would wait: the `grace` of an action that looks is for that".to_string()
        }
        (_, List::Liveness) if verb.nature() != Nature::Own => {
            "a look at it would change something each time".to_string()
        }
        _ => format!("it would {} the resource here", verb.template().to_lowercase()),
    }
}
