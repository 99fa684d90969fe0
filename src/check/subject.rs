//! What an action of the cloud is done to: what it names, or else the thing in whose list it stands, which then has
//! to be of a type that this can be done to.

use crate::check::Checker;
use crate::check::instance::NodeId;
use crate::diagnostic::{Diagnostic, article, listed};
use crate::model::action::{ActionTerm, List, Verb};
use crate::model::term::Term;
use crate::name::Name;
use crate::source::Span;
use crate::value::Value;

impl Checker<'_, '_> {
    /// Refuses an action that names nothing and stands where it makes no sense; in a group, each of its parts.
    pub(super) fn can_be_done(&mut self, node: NodeId, action: &ActionTerm, list: List, place: Span) {
        for part in action.parts.iter().chain(&action.otherwise) {
            self.can_be_done(node, part, list, place);
        }
        if action.verb != Verb::Act || action.settings.values().any(names_something) {
            return;
        }
        let Some(of) = action.settings.get(&Name::from("of")).and_then(texts) else { return };
        let span = self.nodes[node.0].span;
        let kind = self.attribute(node, &"kind".into(), span);
        let Term::Known(Value::String(kind)) = kind.as_ref() else { return };
        if of.iter().any(|one| **one == **kind) {
            return;
        }
        let types = listed(of.iter().map(|one| bare(one)));
        self.tell(
            Diagnostic::error(
                "cloud::action::subject",
                format!("`{}` cannot be done to {} `{}`", action.name, article(bare(kind)), bare(kind)),
            )
            .label(place, format!("`{}` does it to what it stands in, as it names nothing else", list.attribute()))
            .help(format!("say in it what it is done to; without that, it stands in a list of: {types}")),
        );
    }
}

/// Whether it may be a component, which the action then is about.
fn names_something(term: &Term) -> bool {
    match term {
        Term::Known(value) => matches!(value, Value::Reference(_)),
        Term::Reference { .. } | Term::Existing { .. } => true,
        // What is not decided yet, or an error left behind, is not judged.
        Term::Output(_) | Term::Open(_) | Term::Each(_) | Term::Variable(_) | Term::Call { .. } => true,
        Term::List(_) | Term::Map(_) | Term::Data { .. } => false,
    }
}

fn texts(term: &Term) -> Option<Vec<std::sync::Arc<str>>> {
    let Term::Known(Value::List(items)) = term else { return None };
    items.iter().map(|item| item.as_str().map(Into::into)).collect()
}

/// A type as the library calls it: `S3Bucket`, of `aws.S3Bucket`.
fn bare(kind: &str) -> &str {
    kind.rsplit_once('.').map_or(kind, |(_, name)| name)
}
