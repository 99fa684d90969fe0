//! Terms against types: what fits, what is converted, and what to say when it does not.

use std::collections::BTreeMap;

use crate::check::Checker;
use crate::check::expr::Env;
use crate::diagnostic::{Diagnostic, article, closest};
use crate::model::operation::{Operation, a_kind};
use crate::model::term::Term;
use crate::model::ty::{TemplateRef, Ty};
use crate::resolve::Family;
use crate::source::Span;
use crate::value::{Secret, Value, with_unit};

impl Checker<'_, '_> {
    /// The term as a value of that type, or an error at `span` and poison.
    pub(super) fn coerce(&mut self, term: Term, wanted: &Ty, span: Span, env: &Env) -> Term {
        // What is open has a type all the same, unless an error made it so.
        if let Term::Open(ty) = &term
            && !ty.fits(wanted, &|one, two| self.library.descends(one, two))
        {
            let found = self.a_type(ty);
            self.mismatch(&found, wanted, span, env, None);
            return Term::POISON;
        }
        if term.is_open() && !matches!(term, Term::List(_) | Term::Map(_)) {
            return term;
        }
        match (wanted, term) {
            (Ty::Any, term) => term,
            (Ty::Optional(_) | Ty::Alias(_), term)
                if !matches!(term, Term::Known(_) | Term::List(_) | Term::Map(_)) =>
            {
                self.conform(term, wanted, span, env)
            }
            (Ty::Optional(inner), term) => {
                if term.is_null() {
                    term
                } else {
                    self.coerce(term, inner, span, env)
                }
            }
            (Ty::Alias(alias), term) => {
                let term = self.coerce(term, &alias.base, span, env);
                if let (Some(refinement), Term::Known(value)) = (&alias.refinement, &term)
                    && !refinement.admits(value)
                {
                    let shown = if matches!(value, Value::Secret(_)) { "it".into() } else { value.to_string() };
                    let diagnostic =
                        Diagnostic::error("cloud::type::refused", format!("{shown} is no `{}`", alias.name))
                            .label(span, refinement.to_string());
                    self.report.push(self.declared(diagnostic, env));
                    return Term::POISON;
                }
                term
            }
            (Ty::List(of), Term::List(items)) => {
                Term::list(items.into_iter().map(|item| self.coerce(item, of, span, env)).collect())
            }
            (Ty::List(of), Term::Known(Value::List(items))) => {
                Term::list(items.into_iter().map(|item| self.coerce(Term::Known(item), of, span, env)).collect())
            }
            (Ty::Map(of), Term::Map(entries)) => {
                let coerced = entries.into_iter().map(|(key, item)| (key, self.coerce(item, of, span, env)));
                Term::map(coerced.collect::<BTreeMap<_, _>>())
            }
            (Ty::Map(of), Term::Known(Value::Map(entries))) => {
                let coerced =
                    entries.into_iter().map(|(key, item)| (key, self.coerce(Term::Known(item), of, span, env)));
                Term::map(coerced.collect::<BTreeMap<_, _>>())
            }
            (wanted, Term::Known(value)) => self.coerce_value(value, wanted, span, env),
            (wanted, term) => self.conform(term, wanted, span, env),
        }
    }

    /// A term that is not known yet as a value of that type.
    fn conform(&mut self, term: Term, wanted: &Ty, span: Span, env: &Env) -> Term {
        let library = self.library;
        let ty = term.ty();
        let descends = |one, two| library.descends(one, two);
        if ty.fits(wanted, &descends) {
            // What only the value can tell is asked when it is known.
            if ty.assures(wanted, &descends) {
                return term;
            }
            let operation = Operation::Conform(wanted.clone());
            return Term::Call { operation, arguments: vec![term], ty: wanted.clone() };
        }
        self.mismatch(&self.a_type(&ty), wanted, span, env, self.help_for(&term, wanted));
        Term::POISON
    }

    fn coerce_value(&mut self, value: Value, wanted: &Ty, span: Span, env: &Env) -> Term {
        let fits = match (wanted, &value) {
            (Ty::Bool, Value::Bool(_))
            | (Ty::Int, Value::Int(_))
            | (Ty::Number, Value::Number(_))
            | (Ty::String, Value::String(_) | Value::Secret(_))
            | (Ty::Secret, Value::Secret(_))
            | (Ty::Duration, Value::Duration(_))
            | (Ty::Size, Value::Size(_))
            | (Ty::Template(_), Value::Data(_) | Value::Reference(_))
            | (Ty::Null, Value::Null) => true,
            (Ty::Number, Value::Int(int)) => return Term::Known(Value::Number(*int as f64)),
            (Ty::Secret, Value::String(text)) => {
                return Term::Known(Value::Secret(Secret::new("source", text.clone())));
            }
            (Ty::Enum(words), Value::String(text)) => {
                if words.iter().any(|word| **word == **text) {
                    true
                } else {
                    let label = match closest(text, words.iter().map(String::as_str)) {
                        Some(near) => format!("did you mean \"{near}\"?"),
                        None => "not one of them".to_string(),
                    };
                    let diagnostic =
                        Diagnostic::error("cloud::type::refused", format!("\"{text}\" is none of {wanted}"))
                            .label(span, label);
                    self.report.push(self.declared(diagnostic, env));
                    return Term::POISON;
                }
            }
            _ => false,
        };
        if fits {
            return Term::Known(value);
        }
        let help = match (wanted.plain(), &value) {
            (Ty::Duration, Value::Int(count)) => {
                let count = u64::try_from(*count).unwrap_or(0);
                with_unit(count, "s").map(|_| format!("a duration has a unit: `{count}s`, `{count}m`"))
            }
            (Ty::Size, Value::Int(count)) => Some(format!("a size has a unit: `{count}GiB`")),
            (Ty::Int, Value::String(text)) if text.parse::<i64>().is_ok() => {
                Some(format!("write it without quotes: `{text}`"))
            }
            (Ty::Number, Value::String(text)) if text.parse::<f64>().is_ok() => {
                Some(format!("write it without quotes: `{text}`"))
            }
            (Ty::Bool, Value::String(text)) if text.parse::<bool>().is_ok() => {
                Some(format!("write it without quotes: `{text}`"))
            }
            (Ty::Template(template), Value::String(text)) => self
                .help_component(template)
                .map(|help| help.replace("\"...\"", &crate::value::Quoted(text).to_string())),
            (Ty::List(_), _) => Some(format!("a list stands in brackets: `[{value}]`")),
            (Ty::String, Value::Int(_) | Value::Number(_) | Value::Bool(_)) => {
                Some(format!("write it in quotes: `\"{value}\"`"))
            }
            _ => None,
        };
        self.mismatch(a_kind(&value), wanted, span, env, help);
        Term::POISON
    }

    pub(super) fn mismatch(&mut self, found: &str, wanted: &Ty, span: Span, env: &Env, help: Option<String>) {
        let message = match (&env.part, &env.of) {
            (Some(part), _) => format!("{part} is {}, not {found}", self.a_type(wanted)),
            (None, Some((_, name, _))) => format!("`{name}` takes {}, not {found}", self.a_type(wanted)),
            (None, None) => format!("{} is needed here, not {found}", self.a_type(wanted)),
        };
        let mut diagnostic = self
            .declared(Diagnostic::error("cloud::type::mismatch", message).label(span, format!("this is {found}")), env);
        diagnostic.help = help;
        self.report.push(diagnostic);
    }

    /// Adds where the attribute is declared that a value was meant for.
    fn declared(&self, diagnostic: Diagnostic, env: &Env) -> Diagnostic {
        let of = env.of.as_ref().filter(|_| env.part.is_none());
        let attribute = of.and_then(|(node, name, _)| self.nodes[node.0].attribute(name.as_str()));
        match attribute {
            Some(attribute) => {
                diagnostic.label(attribute.span, format!("`{}` is declared as `{}` here", attribute.name, attribute.ty))
            }
            None => diagnostic,
        }
    }

    /// A type with its article.
    pub(super) fn a_type(&self, ty: &Ty) -> String {
        match ty {
            Ty::Any | Ty::Null => ty.to_string(),
            Ty::List(of) => format!("a list of `{of}`"),
            Ty::Map(of) => format!("a map of `{of}`"),
            Ty::Optional(of) => self.a_type(of),
            Ty::Enum(_) => format!("one of {ty}"),
            Ty::Bool
            | Ty::Int
            | Ty::Number
            | Ty::String
            | Ty::Duration
            | Ty::Size
            | Ty::Secret
            | Ty::Alias(_)
            | Ty::Template(_) => {
                let name = ty.to_string();
                format!("{} `{name}`", article(&name))
            }
        }
    }

    fn help_for(&self, term: &Term, wanted: &Ty) -> Option<String> {
        match (term, wanted.plain()) {
            (Term::Reference { address, .. }, Ty::String) => {
                let node = self.by_address.get(address)?;
                let node = &self.nodes[node.0];
                let computed: Vec<String> = node
                    .member_names()
                    .filter(|name| node.attribute(name.as_str()).is_some_and(|a| a.modifiers.computed))
                    .take(3)
                    .map(|name| format!("`{address}.{name}`"))
                    .collect();
                (!computed.is_empty()).then(|| format!("name one of its attributes: {}", computed.join(", ")))
            }
            (Term::Reference { address, .. }, Ty::List(_)) => Some(format!("a list stands in brackets: `[{address}]`")),
            (_, Ty::Template(template)) => self.help_component(template),
            _ => None,
        }
    }

    /// What to write where a component is wanted.
    pub(super) fn help_component(&self, template: &TemplateRef) -> Option<String> {
        let name = &template.name;
        match self.library.family(self.library.shape(template.id)) {
            Family::Resource => Some(format!(
                "name a component that extends `{name}`, or write `{name} {{ id \"...\"; }}` for one that exists already"
            )),
            Family::Compound => Some(format!("name a component that extends `{name}`")),
            Family::Action | Family::Data => None,
        }
    }
}
