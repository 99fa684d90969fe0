//! What may not be destroyed: `protected true`. It is recorded, so that it holds when the program does not have the
//! component any more.

use crate::diagnostic::{Diagnostic, Report};
use crate::graph::ResourceGraph;
use crate::model::resource::Resource;
use crate::plan::{AttributeChange, Change, ChangeKind, Planned};
use crate::state::{Recorded, State};
use crate::value::Value;

pub(super) const ATTRIBUTE: &str = "protected";

/// That it is protected from now on, or is not any more: only recorded.
pub(super) fn changed(resource: &Resource, recorded: &Recorded) -> Option<AttributeChange> {
    let protected = resource.protected.is_some();
    (protected != recorded.protected).then(|| AttributeChange {
        name: ATTRIBUTE.into(),
        old: Some(Value::Bool(recorded.protected)),
        new: Planned::Value(Value::Bool(protected)),
        replaces: false,
        unordered: false,
        drifted: false,
        place: None,
    })
}

/// Refuses to destroy or replace what is protected: by the program, where it has the component, else by the record.
pub(super) fn refuse(changes: &[Change], graph: &ResourceGraph, state: &State, report: &mut Report) {
    for change in changes.iter().filter(|change| change.retired.is_none()) {
        let address = &change.address;
        let resource = graph.get(address);
        let recorded = state.resources.get(address).is_some_and(|recorded| recorded.protected);
        let (is_protected, what) = match change.kind {
            ChangeKind::Replace => (resource.is_some_and(|resource| resource.protected.is_some()), "replaced"),
            ChangeKind::Terminate => (recorded, "destroyed"),
            ChangeKind::Start
            | ChangeKind::Revive
            | ChangeKind::Adopt
            | ChangeKind::Update
            | ChangeKind::Forget
            | ChangeKind::Report => continue,
        };
        if !is_protected {
            continue;
        }
        let message = format!("`{address}` is protected, and would be {what}");
        let mut diagnostic = Diagnostic::error("cloud::plan::protected", message);
        if let Some(resource) = resource {
            diagnostic = diagnostic.label(resource.protected.unwrap_or(resource.span), "protected here");
            let forces = change.attributes.iter().find(|changed| changed.replaces);
            if let Some((changed, span)) =
                forces.and_then(|changed| Some((changed, graph.place(address, Some(&changed.name))?)))
            {
                diagnostic = diagnostic.label(span, format!("`{}` cannot change in place", changed.name));
            }
        }
        let help = match (change.kind, resource.is_some()) {
            (ChangeKind::Replace, _) => "leave it as it is; or write `protected false;` first, if it may be replaced",
            (_, true) => "leave it; or write `protected false;` first, if it may be destroyed",
            (_, false) => "if it may be destroyed, apply it with `protected false;` in the program before that",
        };
        report.push(diagnostic.help(help));
    }
}
