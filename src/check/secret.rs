//! Secrets while a program is evaluated: what is made from them stays secret, and they decide nothing that a plan
//! shows. Both branches of a condition on a secret are evaluated, so that no message tells which one counts.

use crate::check::Checker;
use crate::check::expr::Env;
use crate::diagnostic::Diagnostic;
use crate::model::action::ActionTerm;
use crate::model::operation::a_kind;
use crate::model::term::Term;
use crate::model::ty::Ty;
use crate::resolve::Family;
use crate::source::Span;
use crate::value::{Secret, Value};

const CODE: &str = "cloud::secret::decides";
const HELP: &str = "`reveal(...)` makes a truth value or number public that was made from secrets";

impl Checker<'_, '_> {
    /// Reports a secret that would decide something that everybody sees.
    pub(super) fn secret_decides(&mut self, what: &str, span: Span) {
        let diagnostic = Diagnostic::error(CODE, format!("a secret would decide {what}"));
        self.report.push(diagnostic.label(span, "this is made from a secret").help(HELP));
    }

    /// Reports why an operation on secrets has no result, the first time: each of many would say something of them.
    /// Answers a secret of which nothing is known.
    pub(super) fn failed_on_secret(&mut self, diagnostic: Diagnostic) -> Term {
        if !std::mem::replace(&mut self.secret_failed, true) {
            self.report.push(diagnostic);
        }
        Term::Known(Value::Secret(Secret::unknown()))
    }

    /// What a secret decided, as a secret.
    pub(super) fn concealed(&mut self, term: Term, what: &str, span: Span) -> Term {
        if self.stands_for_more(&term) {
            self.secret_decides(what, span);
            return Term::POISON;
        }
        if term.is_open() {
            return term;
        }
        term.concealed().unwrap_or_else(|| {
            self.report.push(
                Diagnostic::error(CODE, format!("a secret decides {what}, of which a part is known only after apply"))
                    .label(span, "this is made from a secret")
                    .help(HELP),
            );
            Term::POISON
        })
    }

    /// Whether there is a component or an action in it: which one it is cannot be a secret.
    pub(super) fn stands_for_more(&self, term: &Term) -> bool {
        match term {
            Term::Reference { .. } | Term::Existing { .. } => true,
            Term::Data { template, fields, .. } => {
                self.library.family(self.library.shape(template.id)) == Family::Action
                    || fields.values().any(|field| self.stands_for_more(field))
            }
            Term::List(items) | Term::Call { arguments: items, .. } => {
                items.iter().any(|item| self.stands_for_more(item))
            }
            Term::Map(entries) => entries.values().any(|item| self.stands_for_more(item)),
            Term::Each(each) => each.parts().any(|part| self.stands_for_more(part)),
            Term::Known(_) | Term::Output(_) | Term::Open(_) | Term::Variable(_) => false,
        }
    }

    /// A secret as a value of a type, which it stays as whatever it holds.
    pub(super) fn coerce_secret(&mut self, secret: Secret, wanted: &Ty, span: Span, env: &Env) -> Term {
        let is_text = match secret.value() {
            Some(value) => matches!(value, Value::String(_)),
            None => !secret.is_made(),
        };
        let takes_texts = matches!(wanted.plain(), Ty::String | Ty::Secret | Ty::Any);
        match (secret.value(), wanted.plain()) {
            (Some(Value::Int(value)), Ty::Number) => {
                Term::Known(Value::Secret(Secret::holding(secret.origin.clone(), Value::Number(*value as f64))))
            }
            _ if is_text && takes_texts => Term::Known(Value::Secret(secret)),
            (Some(value), _) if !is_text && wanted.refuses(value).is_none() => Term::Known(Value::Secret(secret)),
            (None, _) if !is_text => Term::Known(Value::Secret(secret)),
            // Of what was made, the type may be as secret as the value.
            (value, _) if secret.is_made() && self.secret_failed => {
                let _ = value;
                Term::Known(Value::Secret(Secret::unknown()))
            }
            (value, _) => {
                self.secret_failed |= secret.is_made();
                let found = match value {
                    Some(value) if !is_text => format!("{} that is secret", a_kind(value)),
                    Some(_) | None => "a secret".to_string(),
                };
                self.mismatch(&found, wanted, span, env, None);
                Term::Known(Value::Secret(Secret::unknown()))
            }
        }
    }
}

/// A setting of an action that is a secret and no text: what an action does is seen.
pub(super) fn deciding_setting(action: &ActionTerm, place: Span) -> Option<Diagnostic> {
    let decides = |term: &Term| {
        let mut found = false;
        term.values(&mut |value| {
            value.walk(&mut |value| {
                found |= matches!(value, Value::Secret(secret)
                    if secret.value().is_some_and(|value| !matches!(value, Value::String(_))));
            });
        });
        found
    };
    let (name, _) = action.settings.iter().find(|(_, term)| decides(term))?;
    let message = format!("a secret would decide `{name}` of `{}`", action.name);
    Some(Diagnostic::error(CODE, message).label(place, "it is made from a secret").help(HELP))
}
