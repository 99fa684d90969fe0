//! What to say of an operation that has no result: what each of its parts is, and how it is meant.

use crate::check::Checker;
use crate::diagnostic::Diagnostic;
use crate::model::operation::{Operation, a_kind, value_ty};
use crate::model::term::Term;
use crate::model::ty::Ty;
use crate::model::typing::{Class, has_no_text};
use crate::resolve::Family;
use crate::source::Span;
use crate::syntax::tree::{Binary, Expr, ExprKind, TextPart, Unary};
use crate::value::{Value, number};

/// What is kept of an argument, so that it can be told of after the operation took it.
enum Kept {
    Scalar(Value),
    Component(Term),
    /// What is not known yet.
    Typed(Ty),
    Kind(&'static str),
}

impl Kept {
    fn ty(&self) -> Ty {
        match self {
            Kept::Scalar(value) => value_ty(value),
            Kept::Typed(ty) => ty.clone(),
            Kept::Component(term) => term.ty(),
            Kept::Kind(_) => Ty::Any,
        }
    }
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
        let of_secret = arguments.iter().any(Term::holds_secret);
        let kept: Vec<Kept> = arguments.iter().map(|term| self.kept(term)).collect();
        let sign = match &operation {
            Operation::Binary(sign) => Some(*sign),
            _ => None,
        };
        let not = operation == Operation::Unary(Unary::Not);
        match self.result(operation, arguments, span) {
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
                if of_secret {
                    return self.failed_on_secret(diagnostic);
                }
                self.tell(diagnostic);
                Term::POISON
            }
        }
    }

    /// Whether a value cannot stand in a text.
    pub(super) fn has_no_text(&self, term: &Term) -> bool {
        match term {
            Term::Known(value) => matches!(value, Value::Null | Value::List(_) | Value::Map(_) | Value::Data(_)),
            term => match term.ty().plain() {
                Ty::Template(template) => self.library.family(self.library.shape(template.id)) != Family::Resource,
                ty => has_no_text(ty),
            },
        }
    }

    /// Reports a value that cannot stand in a text.
    pub(super) fn no_text(&mut self, term: &Term, span: Span) {
        let written = self.sources.text(span);
        let (what, help) = match term.ty().plain() {
            Ty::Null => ("null", Some(format!("say what to write instead: `${{{written} ?? \"\"}}`"))),
            Ty::List(of) => {
                let is_text = matches!(of.plain(), Ty::String | Ty::Enum(_) | Ty::Secret);
                let help = match term {
                    _ if is_text => format!("join it: `${{join({written}, \", \")}}`"),
                    Term::Known(_) => format!("write it as JSON: `${{json({written})}}`"),
                    _ => format!("choose one of its items: `${{{written}[0]}}`"),
                };
                ("a list", Some(help))
            }
            Ty::Map(_) => ("a map", Some(format!("write it as JSON: `${{json({written})}}`"))),
            Ty::Template(template) if self.library.family(self.library.shape(template.id)) == Family::Compound => {
                ("a group, which has no id,", None)
            }
            ty => {
                let first = match (ty, term) {
                    (Ty::Template(template), _) => {
                        let members = &self.library.shape(template.id).members;
                        members.iter().find(|(_, member)| member.attribute.is_some()).map(|(name, _)| name.as_str())
                    }
                    (_, Term::Known(Value::Data(data))) => data.fields.keys().next().map(|name| name.as_str()),
                    _ => None,
                };
                let help = first.map(|first| format!("choose one of its attributes: `${{{written}.{first}}}`"));
                ("a value of a template", help)
            }
        };
        let mut diagnostic = Diagnostic::error("cloud::value::impossible", format!("{what} cannot stand in a text"))
            .label(span, format!("this is {}", what.trim_end_matches(", which has no id,")));
        diagnostic.help = help.filter(|help| help.len() <= 100 && !help.contains('\n') && !self.in_secret());
        self.tell(diagnostic);
    }

    fn kept(&self, term: &Term) -> Kept {
        match term {
            Term::Known(value @ (Value::List(_) | Value::Map(_) | Value::Data(_) | Value::Secret(_))) => {
                Kept::Kind(a_kind(value))
            }
            Term::Known(value) => Kept::Scalar(value.clone()),
            Term::Reference { .. } | Term::Existing { .. } => Kept::Component(term.clone()),
            Term::List(_) => Kept::Kind("a list"),
            Term::Map(_) => Kept::Kind("a map"),
            term => Kept::Typed(term.ty()),
        }
    }

    fn shown(&self, kept: &Kept, kind: bool) -> String {
        match kept {
            Kept::Kind(kind) => format!("this is {kind}"),
            Kept::Component(_) | Kept::Typed(_) => format!("this is {}", self.a_type(&kept.ty())),
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
            | (_, Kept::Scalar(Value::Int(_) | Value::Number(_)), Kept::Scalar(Value::String(text)))
                if let Some(number) = number::of_text(text) =>
            {
                Some(format!("a number stands without quotes: `{number}`"))
            }
            (
                Binary::Equal | Binary::Unequal | Binary::AtMost | Binary::AtLeast | Binary::Below | Binary::Above,
                one,
                two,
            ) => self.compared((left, one), (right, two)).or_else(|| self.compared((right, two), (left, one))),
            _ => None,
        }
    }
}

/// How a value is written that is compared with one of another type.
impl Checker<'_, '_> {
    fn compared(&self, (expr, kept): (&Expr, &Kept), (_, other): (&Expr, &Kept)) -> Option<String> {
        let written = Some(self.sources.text(expr.span)).filter(|text| text.len() <= 40 && !text.contains('\n'))?;
        let is_literal = matches!(expr.kind, ExprKind::Int(_) | ExprKind::Number(_));
        let of_other = other.ty();
        match (kept, Class::of(&kept.ty()), Class::of(&of_other)) {
            (Kept::Component(term), ..) => self.help_for(term, &of_other),
            (Kept::Scalar(Value::String(text)), ..) if *of_other.plain() == Ty::Bool => {
                text.parse::<bool>().ok().map(|_| format!("a truth value stands without quotes: `{text}`"))
            }
            (_, Some(Class::Number), Some(Class::Duration)) if is_literal => {
                Some(format!("give it a unit: `{written}s`"))
            }
            (_, Some(Class::Number), Some(Class::Size)) if is_literal => {
                Some(format!("give it a unit: `{written}GiB`"))
            }
            (_, Some(Class::Number), Some(Class::Text)) if is_literal => {
                Some(format!("a text stands in quotes: `\"{written}\"`"))
            }
            (_, Some(class), Some(Class::Text)) if class != Class::Text => {
                Some(format!("make a text of it: `\"${{{written}}}\"`"))
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
