//! How a template is used: the shortest component of it, with a value for each attribute that must be
//! set. Values come from the examples in the documentation of their types.

use crate::limits::NEEDED;
use crate::model::ty::{Alias, Refinement, TemplateId, TemplateRef, Ty};
use crate::name::Name;
use crate::reference::Usage;
use crate::reference::gather::Gatherer;
use crate::resolve::prototype::SettingKind;
use crate::resolve::scope::lower_camel;
use crate::resolve::{Family, PRELUDE, PROGRAM};
use crate::syntax::tree::{Expr, ExprKind};
use crate::value::Value;

/// A usage that is longer stands on several lines.
const WIDEST: usize = 78;
/// Values in values, as deep as they are shown.
const DEEPEST: usize = 3;

/// A value as it would be written, and whether it stands for itself: a reference does not.
struct Sample {
    text: String,
    whole: bool,
    /// Written behind a name without a `;`.
    block: bool,
}

impl Sample {
    fn of(text: impl Into<String>) -> Sample {
        Sample { text: text.into(), whole: true, block: false }
    }
}

pub(super) fn usage(gatherer: &Gatherer, id: TemplateId) -> Option<Usage> {
    let template = gatherer.library.template(id);
    let shape = gatherer.library.shape(id);
    let required = required(gatherer, id);
    // The first templates of all, and those above the types of a provider, are there to be extended.
    let first_of_all = template.module == PRELUDE && shape.lineage.len() <= 2;
    let kind = |name: &Name| name.as_str() == "kind";
    if first_of_all || gatherer.library.family(shape) == Family::Resource && required.iter().any(|(name, _)| kind(name))
    {
        return None;
    }
    let head = format!("{} extends {}", lower_camel(&template.name.value), template.name.value);
    let (statements, whole) = statements(gatherer, &required, 0);
    let line = format!("{head} {}", in_braces(&statements));
    let text = if line.len() <= WIDEST {
        line
    } else {
        let lines: String = statements.iter().map(|statement| format!("    {statement}\n")).collect();
        format!("{head} {{\n{lines}}}")
    };
    Some(Usage { text, whole })
}

/// The attributes that must be set, the nearest template's first.
fn required<'l>(gatherer: &'l Gatherer, id: TemplateId) -> Vec<(&'l Name, &'l Ty)> {
    let members = gatherer.library.shape(id).members.iter().filter(|(_, member)| member.settings.is_empty());
    let attributes = members.filter_map(|(name, member)| Some((name, member.attribute.as_ref()?)));
    let mut required: Vec<_> =
        attributes.filter(|(_, attribute)| !attribute.modifiers.computed && !attribute.ty.is_optional()).collect();
    // Members stand in the order in which the bodies applied, the nearest last.
    let declared_by = |span: crate::source::Span| {
        let lineage = &gatherer.library.shape(id).lineage;
        lineage.iter().rposition(|id| {
            let body = gatherer.library.template(*id).item.span;
            body.source == span.source && body.start <= span.start && span.end <= body.end
        })
    };
    required.sort_by_key(|(_, attribute)| std::cmp::Reverse(declared_by(attribute.span)));
    let mut required: Vec<_> = required.into_iter().map(|(name, attribute)| (name, &attribute.ty)).collect();
    required.extend(needed(gatherer, id));
    required
}

/// What the cloud wants of a new one besides, though each by itself may be left out.
fn needed<'l>(gatherer: &'l Gatherer, id: TemplateId) -> Vec<(&'l Name, &'l Ty)> {
    let shape = gatherer.library.shape(id);
    let start = shape.members.get("startActions").and_then(|member| member.settings.last());
    let exists = start.is_some_and(|setting| match setting.kind {
        SettingKind::Value(Expr { kind: ExprKind::List(actions), .. }) => actions.is_empty(),
        SettingKind::Value(_) | SettingKind::Merge(_) | SettingKind::Define(..) | SettingKind::Reach(..) => false,
    });
    let is_of = |template: &str| {
        let mut lineage = shape.lineage.iter().map(|id| gatherer.library.template(*id));
        lineage.any(|one| one.module != PROGRAM && one.name.value.as_str() == template)
    };
    // What is looked up is asked for by what is said of it.
    let asked = !exists || is_of("Lookup");
    let rows = NEEDED.iter().filter(|(template, _)| asked && is_of(template));
    let attributes = rows.filter_map(|(_, name)| {
        let (name, member) = shape.members.get_key_value(*name)?;
        let ty = match &member.attribute.as_ref()?.ty {
            Ty::Optional(ty) => ty,
            ty => ty,
        };
        Some((name, ty))
    });
    attributes.collect()
}

/// A statement for each, and whether all of them stand for themselves.
fn statements(gatherer: &Gatherer, required: &[(&Name, &Ty)], depth: usize) -> (Vec<String>, bool) {
    let samples = required.iter().map(|(name, ty)| (name, sample(gatherer, ty, depth)));
    let samples: Vec<(&&Name, Sample)> = samples.collect();
    let whole = samples.iter().all(|(_, sample)| sample.whole);
    let statement = |(name, sample): &(&&Name, Sample)| match sample.block {
        true => format!("{name} {}", sample.text),
        false => format!("{name} {};", sample.text),
    };
    (samples.iter().map(statement).collect(), whole)
}

fn in_braces(statements: &[String]) -> String {
    if statements.is_empty() { "{ }".into() } else { format!("{{ {} }}", statements.join(" ")) }
}

fn sample(gatherer: &Gatherer, ty: &Ty, depth: usize) -> Sample {
    match ty {
        Ty::Any | Ty::Null | Ty::Optional(_) => Sample::of("null"),
        Ty::Bool => Sample::of("true"),
        Ty::Int => Sample::of("1"),
        Ty::Number => Sample::of("1.0"),
        // What text it is to be, the type does not say.
        Ty::String => Sample { whole: false, ..Sample::of("\"...\"") },
        Ty::Duration => Sample::of("30s"),
        Ty::Size => Sample::of("8GiB"),
        Ty::Secret => Sample { whole: false, ..Sample::of("secret(\"env:NAME\")") },
        Ty::List(of) => {
            let item = sample(gatherer, of, depth);
            Sample { text: format!("[{}]", item.text), block: false, ..item }
        }
        Ty::Map(_) => Sample { block: true, ..Sample::of("{ }") },
        Ty::Enum(words) => Sample::of(Value::string(words.first().map_or("", String::as_str)).to_string()),
        Ty::Alias(alias) => narrowed(gatherer, alias, depth),
        Ty::Template(template) => component(gatherer, template, depth),
    }
}

/// A value of a named type: the example that its documentation gives in backticks, if that is one.
fn narrowed(gatherer: &Gatherer, alias: &Alias, depth: usize) -> Sample {
    let Some(refinement) = &alias.refinement else {
        return sample(gatherer, &alias.base, depth);
    };
    let written = gatherer.library.modules.iter().find_map(|module| module.aliases.get(&alias.name));
    let doc = written.and_then(|alias| alias.doc.as_deref()).unwrap_or("");
    let meaning = match refinement {
        Refinement::Format(format) => format.meaning,
        Refinement::Between(..) | Refinement::Matching(_) => "",
    };
    let examples = in_backticks(doc).chain(in_backticks(meaning));
    let values = examples.filter_map(|example| match alias.base.plain() {
        Ty::Int => example.parse().ok().map(Value::Int),
        Ty::Number => example.parse().ok().map(Value::Number),
        Ty::String => Some(Value::string(example.trim_matches('"'))),
        _ => None,
    });
    match (values.into_iter().find(|value| refinement.admits(value)), refinement) {
        (Some(value), _) => Sample::of(value.to_string()),
        (None, Refinement::Between(low, high)) => Sample::of((*low).max(1).min(*high).to_string()),
        (None, Refinement::Matching(_) | Refinement::Format(_)) => Sample { whole: false, ..Sample::of("\"...\"") },
    }
}

fn in_backticks(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn component(gatherer: &Gatherer, template: &TemplateRef, depth: usize) -> Sample {
    let shape = gatherer.library.shape(template.id);
    match gatherer.library.family(shape) {
        // They cannot be made inside a value.
        Family::Resource | Family::Compound => Sample { whole: false, ..Sample::of(lower_camel(&template.name)) },
        Family::Action => Sample::of(format!("{} {{ }}", template.name)),
        Family::Data if depth >= DEEPEST => Sample { whole: false, block: true, ..Sample::of("{ ... }") },
        Family::Data => {
            let (statements, whole) = statements(gatherer, &required(gatherer, template.id), depth + 1);
            Sample { whole, block: true, ..Sample::of(in_braces(&statements)) }
        }
    }
}
