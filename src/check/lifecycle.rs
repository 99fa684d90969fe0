//! The four action lists of a resource: every action is one that can be run, with all its attributes.

use crate::check::Checker;
use crate::check::instance::NodeId;
use crate::diagnostic::Diagnostic;
use crate::model::action::{ActionTerm, Lifecycle, Verb};
use crate::model::term::Term;
use crate::name::Name;
use crate::source::Span;
use crate::value::Value;

impl Checker<'_, '_> {
    pub(super) fn lifecycle(&mut self, node: NodeId) -> Lifecycle<ActionTerm> {
        let [start, liveness, terminate, update] = Lifecycle::<ActionTerm>::ATTRIBUTES;
        let lifecycle = Lifecycle {
            start: self.actions(node, start),
            liveness: self.actions(node, liveness),
            terminate: self.actions(node, terminate),
            update: self.actions(node, update),
        };
        let creates = lifecycle.start.iter().filter(|action| action.verb == Verb::Create).count();
        if !lifecycle.start.is_empty() && creates != 1 {
            let span = self.nodes[node.0].span;
            let place = self.nodes[node.0].settings(start).last().map_or(span, |setting| setting.span);
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
            let place = self.nodes[node.0].settings(terminate).last().map_or(span, |setting| setting.span);
            self.report.push(
                Diagnostic::error("cloud::action::delete", format!("`{terminate}` deletes it {deletes} times"))
                    .label(place, "once is enough"),
            );
        }
        let updates = lifecycle.update.iter().filter(|action| action.verb == Verb::Update).count();
        if !lifecycle.update.is_empty() && updates != 1 {
            let span = self.nodes[node.0].span;
            let place = self.nodes[node.0].settings(update).last().map_or(span, |setting| setting.span);
            self.report.push(
                Diagnostic::error("cloud::action::update", format!("`{update}` has {updates} actions that update"))
                    .label(place, "one of them must extend `Update`")
                    .help("write `[]` to have changes reported and never made"),
            );
        }
        lifecycle
    }

    fn actions(&mut self, node: NodeId, list: &str) -> Vec<ActionTerm> {
        let span = self.nodes[node.0].span;
        let place = self.nodes[node.0].settings(list).last().map_or(span, |setting| setting.span);
        match self.attribute(node, &Name::from(list), span) {
            Term::List(items) => items.into_iter().filter_map(|item| self.action(item, list, place)).collect(),
            Term::Known(Value::List(items)) => {
                items.into_iter().filter_map(|item| self.action(Term::Known(item), list, place)).collect()
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
