//! Terms against types: what fits, what is converted, and what to say when it does not.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::check::expr::Env;
use crate::check::{Checker, What};
use crate::diagnostic::{Diagnostic, article, closest};
use crate::model::operation::{Operation, a_kind};
use crate::model::schema::Modifiers;
use crate::model::term::Term;
use crate::model::ty::{Alias, Refinement, TemplateRef, Ty};
use crate::resolve::{Family, PROGRAM};
use crate::source::Span;
use crate::value::{Quoted, Secret, Value, number, with_unit};

impl Checker<'_, '_> {
    /// The term as a value of that type, or an error at `span` and poison.
    pub(super) fn coerce(&mut self, term: Term, wanted: &Ty, span: Span, env: &Env) -> Term {
        // What is open has a type all the same, unless an error made it so.
        if term.is_open() && !matches!(term, Term::List(_) | Term::Map(_)) {
            let ty = term.ty();
            if ty.fits(wanted, &|one, two| self.library.descends(one, two)) {
                return term;
            }
            let found = self.a_type(&ty);
            self.mismatch(&found, wanted, span, env, None);
            return Term::POISON;
        }
        match (wanted, term) {
            (Ty::Any, term) => term,
            (Ty::Optional(_) | Ty::Alias(_), term)
                if !matches!(term, Term::Known(_) | Term::List(_) | Term::Map(_)) =>
            {
                self.conform(term, wanted, span, env)
            }
            (Ty::Optional(_), Term::Known(Value::Secret(secret))) if secret.value() == Some(&Value::Null) => {
                Term::Known(Value::Secret(secret))
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
                    if !(value.holds_secret() && self.secret_failed) {
                        self.refuse(alias, refinement, value, span, env);
                    }
                    self.secret_failed |= value.holds_secret();
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
            (Ty::List(of), group @ (Term::Map(_) | Term::Known(Value::Map(_)))) if self.is_any_component(of) => {
                let items = self.each_of(group);
                Term::list(items.into_iter().map(|item| self.coerce(item, of, span, env)).collect())
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

    /// Whether a component of every template fits, as in `dependsOn`.
    pub(super) fn is_any_component(&self, ty: &Ty) -> bool {
        matches!(ty.plain(), Ty::Template(template) if template.id == self.library.component().id)
    }

    /// The components of a repeated one; what is none, alone.
    pub(super) fn each_of(&self, term: Term) -> Vec<Term> {
        match term {
            Term::List(items) => items,
            Term::Known(Value::List(items)) => items.into_iter().map(Term::Known).collect(),
            Term::Map(entries) => entries.into_values().collect(),
            Term::Known(Value::Map(entries)) => entries.into_values().map(Term::Known).collect(),
            term => vec![term],
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
        if let Value::Secret(secret) = value {
            return self.coerce_secret(secret, wanted, span, env);
        }
        let fits = match (wanted, &value) {
            (Ty::Bool, Value::Bool(_))
            | (Ty::Int, Value::Int(_))
            | (Ty::Number, Value::Number(_))
            | (Ty::String, Value::String(_))
            | (Ty::Duration, Value::Duration(_))
            | (Ty::Size, Value::Size(_))
            | (Ty::Template(_), Value::Data(_) | Value::Reference(_))
            | (Ty::Null, Value::Null) => true,
            (Ty::Number, Value::Int(int)) => {
                let Some(number) = number::from_int(*int) else {
                    self.not_kept(*int, wanted, span, env);
                    return Term::POISON;
                };
                return Term::Known(Value::Number(number));
            }
            (Ty::Secret, Value::String(text)) => {
                return Term::Known(Value::Secret(Secret::new("source", text.clone())));
            }
            (Ty::Enum(words), Value::String(text)) => {
                if words.iter().any(|word| **word == **text) {
                    true
                } else {
                    let near = closest(text, words.iter().map(String::as_str));
                    let choice = words.iter().map(|word| Quoted(word).to_string()).collect::<Vec<_>>().join(" or ");
                    let label = match near {
                        Some(near) if !self.in_secret() => format!("did you mean \"{near}\"?"),
                        _ => format!("must be {choice}"),
                    };
                    let message = self.cannot_be(&value, wanted, env);
                    let diagnostic = Diagnostic::error("cloud::type::refused", message).label(span, label);
                    self.tell(self.declared(diagnostic, env));
                    return Term::POISON;
                }
            }
            _ => false,
        };
        if fits {
            return Term::Known(value);
        }
        let help = if self.in_secret() { None } else { self.help_for_value(&value, wanted, span, env) };
        self.mismatch(a_kind(&value), wanted, span, env, help);
        Term::POISON
    }

    /// Reports a whole number of which a float would make another.
    fn not_kept(&mut self, int: i64, wanted: &Ty, span: Span, env: &Env) {
        let message = self.cannot_be(&Value::Int(int), wanted, env);
        let secret = self.in_secret();
        let label = match secret {
            true => "a `Number` would make it another".to_string(),
            false => format!("a `Number` would make it {}", number::written(int as f64)),
        };
        let mut diagnostic = Diagnostic::error("cloud::type::refused", message).label(span, label).help(
            "a `Number` keeps whole numbers up to 9007199254740992 (2^53); an `Int` keeps 64 bits, a `String` an id",
        );
        diagnostic = self.declared(diagnostic, env);
        self.tell(diagnostic);
    }

    /// How a value is written that a type takes, when that is plain from one that it does not take.
    fn help_for_value(&self, value: &Value, wanted: &Ty, span: Span, env: &Env) -> Option<String> {
        match (wanted.plain(), value) {
            (Ty::Duration, Value::Int(count)) => {
                let count = u64::try_from(*count).unwrap_or(0);
                with_unit(count, "s").map(|_| format!("a duration has a unit: `{count}s`, `{count}m`"))
            }
            (Ty::Size, Value::Int(count)) => Some(format!("a size has a unit: `{count}GiB`")),
            (Ty::Int | Ty::Number, Value::String(text)) => {
                let number = number::of_text(text)?;
                let fits = wanted.plain() == &Ty::Number || !number.contains('.');
                fits.then(|| format!("write it without quotes: `{number}`"))
            }
            (Ty::Bool, Value::String(text)) if text.parse::<bool>().is_ok() => {
                Some(format!("write it without quotes: `{text}`"))
            }
            (Ty::Duration | Ty::Size, Value::String(text)) => {
                let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
                let count = text[..text.len() - unit.len()].parse().ok()?;
                with_unit(count, unit).map(|_| format!("write it without quotes: `{count}{unit}`"))
            }
            (Ty::Int, Value::Duration(_) | Value::Size(_)) => {
                let shown = value.to_string();
                Some(format!(
                    "write it without a unit: `{}`",
                    shown.trim_end_matches(|c: char| c.is_ascii_alphabetic())
                ))
            }
            (Ty::Int, Value::Number(number)) => {
                number::to_int(number.trunc()).map(|int| format!("write a whole number: `{int}`"))
            }
            (Ty::Bool, Value::Int(_) | Value::Number(_)) => {
                let written = self.sources.text(span);
                let written = if written.len() > 40 || written.contains('\n') { "..." } else { written };
                Some(format!("compare it: `{written} != 0`"))
            }
            (Ty::Template(_), Value::String(text)) if self.finds(text, env) => {
                Some(format!("write it without quotes: `{text}`"))
            }
            (Ty::Template(template), Value::String(text)) => {
                self.help_component(template).map(|help| help.replace("\"...\"", &Quoted(text).to_string()))
            }
            (Ty::Map(_), Value::String(text)) => Some(match text.split_once(['=', ':']) {
                Some((key, value)) if !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                    format!("a map stands in braces: `{{ {key} {}; }}`", Quoted(value))
                }
                _ => "a map stands in braces: `{ name \"value\"; }`".into(),
            }),
            (Ty::Map(_), Value::List(_)) => Some("a map has keys: `{ name \"value\"; }`".into()),
            (_, Value::Null) => Some("only what is declared with `?` takes null".into()),
            (Ty::List(_), Value::Map(_) | Value::Data(_)) => Some("a list stands in brackets: `[{ ... }]`".into()),
            (Ty::List(_), _) => Some(format!("a list stands in brackets: `[{value}]`")),
            (Ty::String, Value::Int(_) | Value::Number(_) | Value::Bool(_) | Value::Duration(_) | Value::Size(_)) => {
                Some(format!("write it in quotes: `\"{value}\"`"))
            }
            _ => None,
        }
    }

    /// Reports a value that its type's refinement does not admit.
    fn refuse(&mut self, alias: &Alias, refinement: &Refinement, value: &Value, span: Span, env: &Env) {
        let ty = alias.name.as_str();
        let message = self.cannot_be(value, &Ty::Alias(Arc::new(alias.clone())), env);
        let diagnostic = Diagnostic::error("cloud::type::refused", message).label(span, refinement.to_string());
        let mut diagnostic = self.declared(diagnostic, env);
        // What the library narrows is told by its documentation; the program's own is shown.
        let of_library = self.sources.get(alias.span.source).name.starts_with("stdlib/");
        if !of_library {
            diagnostic = diagnostic.label(alias.span, format!("`{ty}` is narrowed here"));
        }
        let doc = alias.doc.as_deref().map(|doc| {
            let doc = doc.replace('\n', " ");
            // As many sentences as fit into two lines.
            let ends = doc.match_indices(". ").map(|(at, _)| at).chain([doc.len()]);
            let end = ends.clone().take_while(|end| *end <= 150).last().or(ends.clone().next()).unwrap_or(doc.len());
            let (first, rest) = doc[..end].split_at(doc.chars().next().map_or(0, char::len_utf8));
            format!("`{ty}` is {}{}", first.to_lowercase(), rest.trim_end_matches('.'))
        });
        let near = match (refinement, value) {
            _ if self.in_secret() => None,
            (Refinement::Format(format), Value::String(text)) => {
                (format.near)(text).map(|near| format!("write `{}`", Quoted(&near)))
            }
            (Refinement::Matching(_), Value::String(text)) => self.uninterpolated(text, env),
            _ => None,
        };
        diagnostic.help = near.or(doc.filter(|_| of_library || alias.doc.is_some()));
        self.tell(diagnostic);
    }

    /// Help for `"shop-$env"` and `"shop-{env}"`.
    fn uninterpolated(&self, text: &str, env: &Env) -> Option<String> {
        text.match_indices(['$', '{']).find_map(|(at, sign)| {
            let rest = text[at + 1..].trim_start_matches('{');
            let name = &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len())];
            let fits =
                !name.is_empty() && self.finds(name, env) && (sign == "$" || rest[name.len()..].starts_with('}'));
            fits.then(|| format!("the value of `{name}` is put into a text as `${{{name}}}`"))
        })
    }

    /// Whether what is being evaluated may not be shown.
    pub(super) fn in_secret(&self) -> bool {
        match self.stack.last().map(|frame| &frame.what) {
            Some(What::Attribute(node, name)) => {
                let attribute = self.nodes[node.0].attribute(name.as_str());
                attribute.is_some_and(|attribute| {
                    attribute.modifiers.secret || crate::resolve::secret::in_type(self.library, &attribute.ty)
                })
            }
            Some(What::Param(name)) => {
                let param = self.library.module(PROGRAM).params[name];
                crate::resolve::secret::is_declared(self.library, &param.declaration)
            }
            Some(What::Children(..) | What::Constant(..)) | None => false,
        }
    }

    /// What a value is meant for, as a user would call it.
    fn subject(&self, env: &Env) -> Option<String> {
        match (&env.part, &env.of, self.stack.last().map(|frame| &frame.what)) {
            (Some(part), ..) => Some(part.to_string()),
            (None, Some((_, name, _)), _) | (None, None, Some(What::Param(name))) => Some(format!("`{name}`")),
            (None, None, _) => None,
        }
    }

    /// "`minCount` cannot be 0".
    fn cannot_be(&self, value: &Value, wanted: &Ty, env: &Env) -> String {
        let shown = match value {
            Value::Secret(_) => "this".to_string(),
            _ if self.in_secret() => "this".to_string(),
            value => value.to_string(),
        };
        match self.subject(env) {
            Some(subject) => format!("{subject} cannot be {shown}"),
            None => format!("{shown} is not {}", self.a_type(wanted)),
        }
    }

    pub(super) fn mismatch(&mut self, found: &str, wanted: &Ty, span: Span, env: &Env, help: Option<String>) {
        let takes = self.a_type(wanted);
        // A value in a list or map is not the whole attribute.
        let declared = env.of.as_ref().and_then(|(node, name, _)| self.nodes[node.0].attribute(name.as_str()));
        let inside = declared.is_some_and(|attribute| {
            matches!(attribute.ty.plain(), Ty::List(_) | Ty::Map(_)) && attribute.ty.plain() != wanted.plain()
        });
        let message = match (&env.part, self.subject(env)) {
            (Some(part), _) => format!("{part} is {takes}, not {found}"),
            (None, Some(subject)) if inside => format!("what stands in {subject} is {takes}, not {found}"),
            (None, Some(subject)) => format!("{subject} takes {takes}, not {found}"),
            (None, None) => format!("{takes} is needed here, not {found}"),
        };
        let mut diagnostic = self
            .declared(Diagnostic::error("cloud::type::mismatch", message).label(span, format!("this is {found}")), env);
        diagnostic.help = help;
        self.tell(diagnostic);
    }

    /// Adds where the attribute or param is declared that a value was meant for.
    fn declared(&self, diagnostic: Diagnostic, env: &Env) -> Diagnostic {
        if env.part.is_some() {
            return diagnostic;
        }
        if let Some((node, name, _)) = &env.of {
            return match self.nodes[node.0].attribute(name.as_str()) {
                Some(attribute) => diagnostic
                    .label(attribute.span, format!("`{}` is declared as `{}` here", attribute.name, attribute.ty)),
                None => diagnostic,
            };
        }
        match self.stack.last().map(|frame| &frame.what) {
            Some(What::Param(name)) => {
                let param = self.library.module(PROGRAM).params[name];
                let same = diagnostic.labels.first().is_some_and(|main| main.span.source == param.name.span.source);
                let label = format!("`{name}` is declared here");
                if same {
                    diagnostic.label(param.declaration.ty.span, label)
                } else {
                    diagnostic.label(param.name.span, label)
                }
            }
            _ => diagnostic,
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

    pub(super) fn help_for(&self, term: &Term, wanted: &Ty) -> Option<String> {
        match (term, wanted.plain()) {
            (Term::Reference { address, .. }, Ty::String) => {
                let node = self.by_address.get(address)?;
                let node = &self.nodes[node.0];
                let named = |test: fn(&Modifiers) -> bool| {
                    let names = node.member_names();
                    names.filter(move |name| node.attribute(name.as_str()).is_some_and(|a| test(&a.modifiers)))
                };
                let names = named(|modifiers| modifiers.identity).chain(named(|modifiers| modifiers.computed));
                let names: Vec<String> = names.take(3).map(|name| format!("`{address}.{name}`")).collect();
                (!names.is_empty()).then(|| format!("name one of its attributes: {}", names.join(", ")))
            }
            (Term::Reference { address, .. }, Ty::List(_)) => Some(format!("a list stands in brackets: `[{address}]`")),
            (Term::List(items), Ty::Template(_)) => match items.first() {
                Some(Term::Reference { address, .. }) => Some(format!("choose one of them: `{address}`")),
                _ => None,
            },
            (Term::Map(entries), Ty::Template(_)) => match entries.values().next() {
                Some(Term::Reference { address, .. }) => Some(format!("choose one of them: `{address}`")),
                _ => None,
            },
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
