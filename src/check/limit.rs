//! What the cloud would refuse of the values alone: asked of every resource and its actions, and of what they are to one
//! another. The place is in the program, also of what the library says or a component inherits.

use std::sync::Arc;

use crate::check::Checker;
use crate::diagnostic::Diagnostic;
use crate::limits::{self, Broken, Part};
use crate::model::action::{ActionTerm, List, Verb};
use crate::model::resource::Resource;
use crate::model::term::Term;
use crate::name::{Address, Table};
use crate::source::Span;
use crate::value::Value;

/// Resources of the program by their addresses.
type Resources<'t> = Table<&'t Address, &'t Resource>;

impl Checker<'_, '_> {
    /// What exists already is left as it is, and not asked about; what is looked up is found by what is said of it.
    pub(super) fn limits(&mut self, resource: &Resource) {
        if !resource.lifecycle.start.is_empty() || resource.schema.lookup {
            let get = |name: &str| resource.inputs.get(name).map_or(Part::Unset, |input| Part::term(&input.term));
            for broken in limits::broken(&resource.schema.kind, &get) {
                let diagnostic = self.broken(resource, &broken, &Resources::default());
                self.report.push(diagnostic);
            }
        }
        // Many components share their lists.
        if self.limited.insert(Arc::as_ptr(&resource.lifecycle)) {
            let lifecycle = resource.lifecycle.clone();
            for list in List::ALL {
                lifecycle.list(list).iter().for_each(|action| self.action_limits(action, resource.span));
            }
        }
    }

    /// What components are to one another.
    pub(super) fn limits_between(&mut self, resources: &[Resource]) {
        let all: Resources = resources.iter().map(|resource| (&resource.address, resource)).collect();
        for (resource, broken) in limits::between(resources) {
            let diagnostic = self.broken(resource, &broken, &all);
            self.report.push(diagnostic);
        }
    }

    fn action_limits(&mut self, action: &ActionTerm, place: Span) {
        for part in action.parts.iter().chain(&action.otherwise) {
            self.action_limits(part, place);
        }
        let kind = action.settings.get("kind").and_then(Term::known).and_then(Value::as_str);
        let Some(kind) = kind.filter(|_| action.verb == Verb::Act) else { return };
        let get = |name: &str| action.settings.get(name).map_or(Part::Unset, Part::term);
        for broken in limits::broken(kind, &get) {
            let label = match broken.label.as_str() {
                "" => format!("in its action `{}`", action.name),
                label => format!("in its action `{}`: {label}", action.name),
            };
            let mut diagnostic = Diagnostic::error("cloud::attribute::refused", broken.message).label(place, label);
            diagnostic.help = broken.help;
            self.report.push(diagnostic);
        }
    }

    fn broken(&self, resource: &Resource, broken: &Broken, all: &Resources<'_>) -> Diagnostic {
        let diagnostic = Diagnostic::error("cloud::attribute::refused", broken.message.clone());
        let mut places: Vec<(Span, String)> = Vec::new();
        let mut add = |place: Span, label: String| {
            if !places.iter().any(|(other, _)| *other == place) {
                places.push((place, label));
            }
        };
        let mut attributes = broken.attributes.iter();
        if let Some(first) = attributes.next() {
            add(self.place_in_program(resource, first).unwrap_or(resource.span), broken.label.clone());
        }
        for attribute in attributes {
            // Nobody has to be shown a default.
            if let Some(place) = self.place_in_program(resource, attribute) {
                add(place, format!("`{attribute}` is set here"));
            }
        }
        for (address, attribute, label) in &broken.others {
            if let Some(other) = all.get(address) {
                add(self.place_in_program(other, attribute).unwrap_or(other.span), label.clone());
            }
        }
        let mut diagnostic =
            places.into_iter().fold(diagnostic, |diagnostic, (place, label)| diagnostic.label(place, label));
        diagnostic.help.clone_from(&broken.help);
        diagnostic
    }

    /// Where the program says what an attribute is, if it does.
    fn place_in_program(&self, resource: &Resource, attribute: &str) -> Option<Span> {
        let written = resource.inputs.get(attribute).map(|input| input.span);
        written.filter(|place| !self.sources.get(place.source).name.starts_with("stdlib/"))
    }
}
