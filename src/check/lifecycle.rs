//! The four action lists of a resource: every action is one that can be run, with all its attributes.

use std::sync::Arc;

use crate::check::Checker;
use crate::check::instance::NodeId;
use crate::diagnostic::Diagnostic;
use crate::model::action::{ActionTerm, Lifecycle, Verb};
use crate::model::term::Term;
use crate::name::Name;
use crate::source::Span;
use crate::value::Value;

impl Checker<'_, '_> {
    pub(super) fn lifecycle(&mut self, node: NodeId) -> Arc<Lifecycle<ActionTerm>> {
        let lists = Lifecycle::<ActionTerm>::ATTRIBUTES.map(Name::from);
        let shared = lists.iter().all(|list| self.shared_as(node, list).is_some());
        let shape = std::ptr::from_ref(self.nodes[node.0].shape.as_ref());
        if let Some(lifecycle) = self.lifecycles.get(&shape).filter(|_| shared) {
            return lifecycle.clone();
        }
        let lifecycle = Arc::new(self.checked_lifecycle(node, lists));
        if shared && !self.exhausted {
            self.lifecycles.insert(shape, lifecycle.clone());
        }
        lifecycle
    }

    fn checked_lifecycle(&mut self, node: NodeId, lists: [Name; 4]) -> Lifecycle<ActionTerm> {
        let [start, liveness, terminate, update] = &lists;
        let lifecycle = Lifecycle {
            start: self.actions(node, start),
            liveness: self.actions(node, liveness),
            terminate: self.actions(node, terminate),
            update: self.actions(node, update),
        };
        let creates = lifecycle.start.iter().filter(|action| action.verb == Verb::Create).count();
        if !lifecycle.start.is_empty() && creates != 1 {
            let span = self.nodes[node.0].span;
            let place = self.nodes[node.0].settings(start.as_str()).last().map_or(span, |setting| setting.span);
            self.report.push(
                Diagnostic::error(
                    "cloud::action::create",
                    format!("`{start}` creates {creates} things, and a resource is one"),
                )
                .label(place, "one of them must extend `Create`")
                .help("write `[]` for something that exists already"),
            );
        }
        let deletes = lifecycle.terminate.iter().filter(|action| action.verb == Verb::Delete).count();
        if deletes > 1 {
            let span = self.nodes[node.0].span;
            let place = self.nodes[node.0].settings(terminate.as_str()).last().map_or(span, |setting| setting.span);
            self.report.push(
                Diagnostic::error("cloud::action::delete", format!("`{terminate}` deletes it {deletes} times"))
                    .label(place, "once is enough"),
            );
        }
        let updates = lifecycle.update.iter().filter(|action| action.verb == Verb::Update).count();
        if !lifecycle.update.is_empty() && updates != 1 {
            let span = self.nodes[node.0].span;
            let place = self.nodes[node.0].settings(update.as_str()).last().map_or(span, |setting| setting.span);
            self.report.push(
                Diagnostic::error("cloud::action::update", format!("`{update}` has {updates} actions that update"))
                    .label(place, "one of them must extend `Update`")
                    .help("write `[]` to have changes reported and never made"),
            );
        }
        lifecycle
    }

    fn actions(&mut self, node: NodeId, list: &Name) -> Vec<ActionTerm> {
        let span = self.nodes[node.0].span;
        let place = self.nodes[node.0].settings(list.as_str()).last().map_or(span, |setting| setting.span);
        match Term::clone(&self.attribute(node, list, span)) {
            Term::List(items) => items.into_iter().filter_map(|item| self.action(item, list.as_str(), place)).collect(),
            Term::Known(Value::List(items)) => {
                items.into_iter().filter_map(|item| self.action(Term::Known(item), list.as_str(), place)).collect()
            }
            term => {
                self.known_later(&term, place, &format!("`{list}`"));
                Vec::new()
            }
        }
    }

    fn action(&mut self, term: Term, list: &str, place: Span) -> Option<ActionTerm> {
        let Term::Data { template, name, fields } = term else {
            // A function that looks into its arguments gives back values, which nothing can be run by.
            if !term.is_open() {
                self.report.push(
                    Diagnostic::error("cloud::action::value", format!("`{list}` has something that cannot be run"))
                        .label(place, "an action that went through a function is only a value")
                        .help("write the list with `[a, ...b]`"),
                );
            }
            return None;
        };
        let Some(verb) = self.library.verb(template.id) else {
            self.report.push(
                Diagnostic::error("cloud::action::abstract", format!("`{}` does nothing by itself", template.name))
                    .label(place, format!("`{list}` runs it"))
                    .help("extend one of the actions of the library: `Create`, `Check`, `Update`, `Delete`"),
            );
            return None;
        };
        if !allowed(list, verb) {
            self.report.push(
                Diagnostic::error("cloud::action::place", format!("`{}` cannot stand in `{list}`", template.name))
                    .label(place, format!("it would {} the resource here", verb.template().to_lowercase())),
            );
            return None;
        }
        Some(ActionTerm { name: name.unwrap_or(template.name), verb, settings: fields })
    }
}

/// Whether an action has a meaning in a list.
fn allowed(list: &str, verb: Verb) -> bool {
    match verb {
        Verb::Check => list != "terminateActions",
        Verb::Create => list == "startActions",
        Verb::Update => list == "updateActions",
        Verb::Delete => list == "terminateActions",
    }
}
