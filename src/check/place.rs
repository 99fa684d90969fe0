//! Where a problem is shown: at the line of the program that asked for it, never in the library alone. What the
//! program did not write itself is asked for by what it did write: what is inherited from there, what a default is
//! made of, and else the component that has the default.

use crate::check::instance::NodeId;
use crate::check::{Checker, What};
use crate::diagnostic::{Diagnostic, Label};
use crate::name::Name;
use crate::resolve::prototype::SettingKind;
use crate::source::{Origin, Span};

impl Checker<'_, '_> {
    /// Reports a problem. Of one in the library, the place of the program that led there is the main one.
    pub(super) fn tell(&mut self, mut diagnostic: Diagnostic) {
        let main = diagnostic.labels.first().map(|label| label.span);
        if let Some(asking) = main.filter(|main| self.is_library(*main)).and_then(|_| self.asking()) {
            diagnostic.labels.insert(0, asking);
        }
        self.report.push(diagnostic);
    }

    fn is_library(&self, span: Span) -> bool {
        self.sources.get(span.source).origin == Origin::Library
    }

    /// What of the program led to what is being evaluated.
    fn asking(&self) -> Option<Label> {
        self.stack.iter().rev().find_map(|frame| {
            let via = (!self.is_library(frame.via)).then_some(frame.via);
            let (span, text) = match &frame.what {
                What::Attribute(node, name) => {
                    if let Some((span, of)) = self.made_of(*node, name) {
                        let text = if of == name {
                            format!("`{of}` is set here")
                        } else {
                            format!("`{name}` is made of `{of}`")
                        };
                        return Some(Label { span, text });
                    }
                    (via.or_else(|| self.named_at(*node))?, format!("its `{name}` is a default of the library"))
                }
                What::Children(_, name) | What::Constant(_, name) | What::Param(name) => {
                    (via?, format!("this needs `{name}`"))
                }
            };
            Some(Label { span, text })
        })
    }

    /// The place in the program that sets an attribute, or another one that its default in the library names.
    fn made_of<'n>(&'n self, node: NodeId, name: &'n Name) -> Option<(Span, &'n Name)> {
        if let Some(span) = self.set_at(node, name) {
            return Some((span, name));
        }
        let default = self.nodes[node.0].settings(name.as_str()).last()?;
        let SettingKind::Value(value) = default.kind else { return None };
        let text = self.sources.text(value.span);
        let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
        let members = self.nodes[node.0].member_names();
        members.filter(|member| words.contains(&member.as_str())).find_map(|of| Some((self.set_at(node, of)?, of)))
    }

    /// The place in the program that sets an attribute, or from which it is inherited.
    fn set_at(&self, node: NodeId, name: &Name) -> Option<Span> {
        let set = self.nodes[node.0].settings(name.as_str()).rfind(|setting| !setting.default);
        let span = set.map(|setting| setting.span).or_else(|| {
            let inherits = self.nodes[node.0].attribute(name.as_str())?.modifiers.inherit;
            if inherits { self.inherits_from(node, name).map(|(_, span)| span) } else { None }
        });
        span.filter(|span| !self.is_library(*span))
    }

    /// Where the program asks for the value of an attribute: where it sets it, else at the component that has it.
    pub(super) fn asked_at(&self, node: NodeId, name: &Name) -> Span {
        self.set_at(node, name).or_else(|| self.named_at(node)).unwrap_or(self.nodes[node.0].span)
    }

    /// Where the program names a component, or the nearest one around it.
    fn named_at(&self, node: NodeId) -> Option<Span> {
        let mut at = Some(node);
        while let Some(outer) = at {
            let span = self.nodes[outer.0].span;
            if !self.is_library(span) {
                return Some(span);
            }
            at = self.nodes[outer.0].parent;
        }
        None
    }
}
