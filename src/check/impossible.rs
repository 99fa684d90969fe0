//! What to say of an operation that has no result: what each of its parts is, and how it is meant.

use crate::check::Checker;
use crate::diagnostic::{Diagnostic, article};
use crate::model::operation::{Operation, a_kind};
use crate::model::term::Term;
use crate::resolve::Family;
use crate::source::Span;
use crate::syntax::tree::{Binary, Expr, ExprKind, TextPart, Unary};
use crate::value::{Value, number};

/// What is kept of an argument, so that it can be told of after the operation took it.
enum Kept {
    Scalar(Value),
    Kind(String),
}

impl<'a> Checker<'a, '_> {
    /// The operation on the terms of these expressions, or an error that labels each, and poison.
    pub(super) fn apply_to(
        &mut self,
        operation: Operation,
        arguments: Vec<Term>,
        parts: &[&'a Expr],
        span: Span,
    ) -> Term {
        if arguments.iter().any(|term| matches!(term, Term::Open(_))) {
            return Term::Open(operation.ty(&arguments));
        }
        let kept: Vec<Kept> = arguments.iter().map(|term| self.kept(term)).collect();
        let sign = match &operation {
            Operation::Binary(sign) => Some(*sign),
            _ => None,
        };
        let not = operation == Operation::Unary(Unary::Not);
        match operation.apply(arguments) {
            Ok(Term::Known(Value::List(items))) if !self.spend(items.len(), span) => Term::POISON,
            Ok(term) => term,
            Err(message) => {
                let secret = self.in_secret();
                let of_kinds = secret || message.contains(" cannot ") || message.contains(" takes ");
                let mut diagnostic = Diagnostic::error("cloud::value::impossible", message);
                for (part, kept) in parts.iter().zip(&kept) {
                    diagnostic = diagnostic.label(part.span, self.shown(kept, of_kinds));
                }
                diagnostic.help = match (sign, parts, kept.as_slice()) {
                    _ if secret => None,
                    (Some(sign), ..) => self.meant(sign, parts, &kept),
                    (None, [part], [Kept::Scalar(Value::Int(_))]) if not => {
                        Some(format!("compare it: `{} == 0`", self.sources.text(part.span)))
                    }
                    (None, ..) => None,
                };
                self.report.push(diagnostic);
                Term::POISON
            }
        }
    }

    /// Whether a value cannot stand in a text.
    pub(super) fn has_no_text(&self, term: &Term) -> bool {
        match term {
            Term::List(_) | Term::Map(_) | Term::Data { .. } => true,
            Term::Known(value) => matches!(value, Value::Null | Value::List(_) | Value::Map(_) | Value::Data(_)),
            Term::Reference { template, .. } => {
                self.library.family(self.library.shape(template.id)) == Family::Compound
            }
            Term::Output(_)
            | Term::Existing { .. }
            | Term::Open(_)
            | Term::Call { .. }
            | Term::Each(_)
            | Term::Variable(_) => false,
        }
    }

    /// Reports a value that cannot stand in a text.
    pub(super) fn no_text(&mut self, term: &Term, span: Span) {
        let written = self.sources.text(span);
        let (what, help) = match term {
            Term::Known(Value::Null) => ("null", Some(format!("say what to write instead: `${{{written} ?? \"\"}}`"))),
            Term::List(_) | Term::Known(Value::List(_)) => {
                ("a list", Some(format!("join it: `${{join({written}, \", \")}}`")))
            }
            Term::Map(_) | Term::Known(Value::Map(_)) => {
                ("a map", Some(format!("write it as JSON: `${{json({written})}}`")))
            }
            Term::Reference { .. } => ("a group, which has no id,", None),
            _ => ("a value of a template", Some(format!("choose one of its attributes: `${{{written}.name}}`"))),
        };
        let mut diagnostic = Diagnostic::error("cloud::value::impossible", format!("{what} cannot stand in a text"))
            .label(span, format!("this is {}", what.trim_end_matches(", which has no id,")));
        diagnostic.help = help.filter(|help| help.len() <= 100 && !help.contains('\n') && !self.in_secret());
        self.report.push(diagnostic);
    }

    fn kept(&self, term: &Term) -> Kept {
        match term {
            Term::Known(value @ (Value::List(_) | Value::Map(_) | Value::Data(_) | Value::Secret(_))) => {
                Kept::Kind(a_kind(value).into())
            }
            Term::Known(value) => Kept::Scalar(value.clone()),
            Term::Reference { template, .. } | Term::Existing { template, .. } => {
                Kept::Kind(format!("{} `{}`", article(template.name.as_str()), template.name))
            }
            Term::List(_) => Kept::Kind("a list".into()),
            Term::Map(_) => Kept::Kind("a map".into()),
            term => Kept::Kind(self.a_type(&term.ty())),
        }
    }

    fn shown(&self, kept: &Kept, kind: bool) -> String {
        match kept {
            Kept::Kind(kind) => format!("this is {kind}"),
            Kept::Scalar(value) if kind || value.to_string().len() > 40 => format!("this is {}", a_kind(value)),
            Kept::Scalar(value) => format!("this is {value}"),
        }
    }

    /// What was most likely meant by an operation on values that it does not take.
    fn meant(&self, sign: Binary, parts: &[&'a Expr], kept: &[Kept]) -> Option<String> {
        let ([left, right], [one, two]) = (parts, kept) else { return None };
        let written =
            |expr: &Expr| Some(self.sources.text(expr.span)).filter(|text| text.len() <= 40 && !text.contains('\n'));
        match (sign, one, two) {
            (Binary::Add, Kept::Scalar(Value::String(_)), Kept::Scalar(Value::Null)) => None,
            (Binary::Add, Kept::Scalar(Value::String(_)), Kept::Scalar(_)) => {
                let right = in_text(right, written(right)?);
                Some(format!("put it into the text: `\"{}{right}\"`", in_text(left, written(left)?)))
            }
            (Binary::Add, Kept::Scalar(Value::Null), Kept::Scalar(Value::String(_))) => None,
            (Binary::Add, Kept::Scalar(_), Kept::Scalar(Value::String(_))) => {
                let left = in_text(left, written(left)?);
                Some(format!("put it into the text: `\"{left}{}\"`", in_text(right, written(right)?)))
            }
            (Binary::And | Binary::Or, Kept::Scalar(Value::Int(_)), _) => {
                Some(format!("compare it: `{} != 0`", written(left)?))
            }
            (Binary::And | Binary::Or, _, Kept::Scalar(Value::Int(_))) => {
                Some(format!("compare it: `{} != 0`", written(right)?))
            }
            (Binary::Add | Binary::Subtract, Kept::Scalar(Value::Duration(_)), Kept::Scalar(Value::Int(_))) => {
                matches!(right.kind, ExprKind::Int(_)).then_some(())?;
                Some(format!("give it a unit: `{}s`", written(right)?))
            }
            (Binary::Add | Binary::Subtract, Kept::Scalar(Value::Size(_)), Kept::Scalar(Value::Int(_))) => {
                matches!(right.kind, ExprKind::Int(_)).then_some(())?;
                Some(format!("give it a unit: `{}GiB`", written(right)?))
            }
            (_, Kept::Scalar(Value::String(text)), Kept::Scalar(Value::Int(_) | Value::Number(_)))
            | (_, Kept::Scalar(Value::Int(_) | Value::Number(_)), Kept::Scalar(Value::String(text))) => {
                Some(format!("a number stands without quotes: `{}`", number::of_text(text)?))
            }
            _ => None,
        }
    }
}

/// An expression as a part of a text.
fn in_text(expr: &Expr, written: &str) -> String {
    match &expr.kind {
        ExprKind::Text(parts) if parts.iter().all(|part| matches!(part, TextPart::Literal(_))) => {
            written.trim_matches('"').to_string()
        }
        ExprKind::Int(_) | ExprKind::Number(_) | ExprKind::Bool(_) => written.to_string(),
        _ => format!("${{{written}}}"),
    }
}
