//! `extends`: each template with all that it inherits, in one ordered table of members. A member
//! remembers every place that set it, the nearest prototype's last, so that overriding, `super` and
//! messages all read from one list. Cycles of `extends` end here.

use std::collections::HashSet;
use std::rc::Rc;

use crate::diagnostic::{Diagnostic, Report, closest};
use crate::model::schema::Attribute;
use crate::model::ty::{TemplateId, Ty};
use crate::name::{Name, OrderedTable, Set, Table};
use crate::resolve::scope::{self, Module, duplicate, lower_camel};
use crate::resolve::types::Types;
use crate::resolve::{ModuleId, PRELUDE, Roots};
use crate::source::Span;
use crate::syntax::habit;
use crate::syntax::tree::{Body, Define, Expr, Ident, Item, ItemKind, PathStep};

/// Prototypes that one template may have above it.
pub const MAX_LINEAGE: usize = 200;

/// The template from which all descend. It is not written anywhere.
const COMPONENT: &str = "Component";

pub struct Template<'a> {
    pub name: &'a Ident,
    pub module: ModuleId,
    pub prototypes: &'a [Ident],
    pub body: &'a Body,
    pub item: &'a Item,
}

/// A template, flattened.
#[derive(Default)]
pub struct Shape<'a> {
    /// Every template in it, in the order in which their bodies applied; itself last.
    pub lineage: Vec<TemplateId>,
    pub members: Members<'a>,
    /// A prototype of it could not be had, which has been reported: it may have any attribute.
    pub broken: bool,
}

pub type Members<'a> = OrderedTable<Name, Member<'a>>;

/// An attribute, nested component or constant of a component.
#[derive(Clone, Default)]
pub struct Member<'a> {
    /// Absent for nested components and for what the root sets freely.
    pub attribute: Option<Rc<Attribute>>,
    /// Each place that sets it; later wins or adds.
    pub settings: Vec<Setting<'a>>,
    /// Something misspelt was most likely meant for it: that it is not set is no news.
    pub excused: bool,
}

impl<'a> Member<'a> {
    pub fn set(&mut self, setting: Setting<'a>) {
        // Nearly all are set once.
        if self.settings.is_empty() {
            self.settings.reserve_exact(1);
        }
        self.settings.push(setting);
    }
}

/// One place that sets a member.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    pub kind: SettingKind<'a>,
    pub scope: Scope,
    pub span: Span,
    /// The default in the declaration, rather than a statement of its own.
    pub default: bool,
}

impl Setting<'_> {
    /// Whether its text may be the value itself: not, when it only says where a secret is.
    pub fn shows_text(&self) -> bool {
        match self.kind {
            SettingKind::Value(value) => !value.names_a_secret(),
            SettingKind::Merge(_) | SettingKind::Define(..) | SettingKind::Reach(..) => true,
        }
    }
}

#[derive(Clone, Copy)]
pub enum SettingKind<'a> {
    /// `name value;`
    Value(&'a Expr),
    /// `name { ... }`: merges into what is there.
    Merge(&'a Body),
    /// `name extends P { ... }`
    Define(&'a Define, &'a Ident),
    /// `name.rest ...`: reaches into what is there.
    Reach(&'a [PathStep], &'a Item),
}

/// Which names the text of a setting can see, relative to the component that it lands on: it starts
/// `skip` components further out, sees `levels` of them, and then the file.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Scope {
    pub module: ModuleId,
    pub skip: u16,
    pub levels: u16,
}

pub(super) fn flatten<'a>(
    modules: &[Module<'a>],
    templates: &[Template<'a>],
    report: &mut Report,
) -> (Vec<Rc<Shape<'a>>>, Roots) {
    let count = templates.len();
    let mut flattener = Flattener { modules, templates, shapes: vec![None; count], types: Table::default(), report };
    for number in 0..count {
        flattener.shape(TemplateId(number as u32));
    }
    // Types that nothing uses are read too: a mistake in one shows when it is made.
    for (number, module) in modules.iter().enumerate() {
        for (name, alias) in &module.aliases {
            let mut types = Types::new(modules, &mut flattener.types, flattener.report);
            types.named(ModuleId(number), name, alias.name.span);
        }
    }
    let shapes: Vec<Rc<Shape<'a>>> = flattener.shapes.into_iter().map(Option::unwrap_or_default).collect();
    let named = |name: &str| match modules[PRELUDE.0].templates.get(name) {
        Some(id) => *id,
        None => unreachable!("stdlib/core.cloud has a template `{name}`"),
    };
    let roots = Roots {
        resource: named("Resource"),
        lookup: named("Lookup"),
        compound: named("Compound"),
        action: named("Action"),
        project: named("Project"),
        upstream: named("Upstream"),
    };
    (shapes, roots)
}

struct Flattener<'a, 'r> {
    modules: &'r [Module<'a>],
    templates: &'r [Template<'a>],
    shapes: Vec<Option<Rc<Shape<'a>>>>,
    types: Table<(ModuleId, Name), Ty>,
    report: &'r mut Report,
}

impl<'a> Flattener<'a, '_> {
    /// The shape of a template and of everything above it. Works from a list of its own, so that a
    /// long chain of prototypes takes no stack.
    fn shape(&mut self, id: TemplateId) {
        let mut path = vec![id];
        let mut broken: HashSet<TemplateId> = HashSet::new();
        while let Some(&top) = path.last() {
            let template = &self.templates[top.0 as usize];
            let mut prototypes = Vec::new();
            let mut waits = false;
            for name in template.prototypes {
                // `Component extends Component` is how the first template is written.
                if template.module == PRELUDE && name.value.as_str() == COMPONENT && template.name.value == name.value {
                    continue;
                }
                let Some(prototype) = scope::template_named(self.modules, template.module, name, self.report) else {
                    broken.insert(top);
                    continue;
                };
                if let Some(at) = path.iter().position(|on_path| *on_path == prototype) {
                    self.cycle(&path[at..]);
                    broken.extend(&path[at..]);
                    continue;
                }
                if self.shapes[prototype.0 as usize].is_none() {
                    path.push(prototype);
                    waits = true;
                    break;
                }
                prototypes.push(prototype);
            }
            if waits {
                continue;
            }
            let shape = self.combined(top, &prototypes, broken.contains(&top));
            self.shapes[top.0 as usize] = Some(Rc::new(shape));
            path.pop();
        }
    }

    fn combined(&mut self, id: TemplateId, prototypes: &[TemplateId], broken: bool) -> Shape<'a> {
        let mut shape = combine(
            prototypes,
            |id| self.shapes[id.0 as usize].clone().unwrap_or_default(),
            |shape, id| {
                let template = &self.templates[id.0 as usize];
                apply(
                    shape,
                    &Layer::of_template(template),
                    &mut Types::new(self.modules, &mut self.types, self.report),
                );
            },
        );
        shape.broken |= broken;
        let template = &self.templates[id.0 as usize];
        if shape.lineage.len() >= MAX_LINEAGE {
            self.report.push(
                Diagnostic::error(
                    "cloud::limit::lineage",
                    format!("`{}` has too many prototypes", template.name.value),
                )
                .label(template.name.span, format!("more than {MAX_LINEAGE} templates above it")),
            );
            return shape;
        }
        apply(&mut shape, &Layer::of_template(template), &mut Types::new(self.modules, &mut self.types, self.report));
        shape.lineage.push(id);
        shape
    }

    fn cycle(&mut self, templates: &[TemplateId]) {
        let of = |id: &TemplateId| &self.templates[id.0 as usize];
        let Some(first) = templates.iter().map(of).min_by_key(|template| template.name.span) else {
            return;
        };
        let message = match templates.len() {
            1 => format!("`{}` extends itself", first.name.value),
            _ => format!("`{}` extends itself, over other templates", first.name.value),
        };
        let mut diagnostic = Diagnostic::error("cloud::template::cycle", message);
        let mut steps: Vec<&Template> = templates.iter().map(of).collect();
        steps.sort_by_key(|template| template.name.span);
        for template in steps {
            let next: Vec<String> = template.prototypes.iter().map(|name| format!("`{}`", name.value)).collect();
            let inside = |name: &&Ident| templates.iter().any(|id| of(id).name.value == name.value);
            let place = template.prototypes.iter().find(inside).map_or(template.name.span, |name| name.span);
            diagnostic = diagnostic.label(place, format!("`{}` extends {}", template.name.value, next.join(", ")));
        }
        let hidden = self.modules[PRELUDE.0].templates.contains_key(&first.name.value) && templates.len() == 1;
        self.report.push(if hidden {
            diagnostic.help(format!(
                "this name hides the library's `{0}`; call it something else, as `My{0} extends {0}`",
                first.name.value
            ))
        } else if templates.len() == 1 {
            diagnostic.help("extend another template, such as `Compound` or `Data`")
        } else {
            diagnostic.help("take one of these out, or let a third template hold what both share")
        });
    }
}

/// The shapes of several prototypes as one: left to right, each template's body once.
pub fn combine<'a>(
    prototypes: &[TemplateId],
    shape_of: impl Fn(TemplateId) -> Rc<Shape<'a>>,
    mut apply_body: impl FnMut(&mut Shape<'a>, TemplateId),
) -> Shape<'a> {
    let Some((first, others)) = prototypes.split_first() else {
        return Shape::default();
    };
    let first = shape_of(*first);
    let mut shape = Shape { lineage: first.lineage.clone(), members: first.members.clone(), broken: first.broken };
    for other in others {
        shape.broken |= shape_of(*other).broken;
        for id in &shape_of(*other).lineage {
            if !shape.lineage.contains(id) {
                apply_body(&mut shape, *id);
                shape.lineage.push(*id);
            }
        }
    }
    shape
}

/// A body on its way into a component: whose it is, and what its text can see.
pub struct Layer<'a> {
    pub body: &'a Body,
    pub scope: Scope,
    /// Named in messages about attributes that are not there.
    pub subject: Name,
    /// New attributes may be set without being declared: the root alone.
    pub open: bool,
}

impl<'a> Layer<'a> {
    pub fn of_template(template: &Template<'a>) -> Layer<'a> {
        Layer {
            body: template.body,
            scope: Scope { module: template.module, skip: 0, levels: 1 },
            subject: template.name.value.clone(),
            open: false,
        }
    }
}

/// Applies a body to a template's own table.
fn apply<'a>(shape: &mut Shape<'a>, layer: &Layer<'a>, types: &mut Types<'a, '_>) {
    let nothing = Members::default();
    let mut members = std::mem::take(&mut shape.members);
    let layer = &Layer { open: layer.open || shape.broken, subject: layer.subject.clone(), ..*layer };
    layer_on(&mut members, &nothing, layer, types);
    shape.members = members;
}

/// Applies a body to the table `own` of a component whose prototype has the members `inherited`.
pub fn layer_on<'a>(own: &mut Members<'a>, inherited: &Members<'a>, layer: &Layer<'a>, types: &mut Types<'a, '_>) {
    layer_items(own, inherited, layer.body.items.iter(), layer, types);
}

/// As [`layer_on`], for statements from wherever.
pub fn layer_items<'a>(
    own: &mut Members<'a>,
    inherited: &Members<'a>,
    items: impl Iterator<Item = &'a Item> + Clone,
    layer: &Layer<'a>,
    types: &mut Types<'a, '_>,
) {
    let mut seen: Table<(&Name, Option<String>), Span> = Table::default();
    let mut again: Set<Span> = Set::default();
    refuse_overlaps(items.clone(), types.report);
    // Declarations first: their order among the statements means nothing.
    for item in items.clone() {
        let name = &item.path.head;
        if item.path.quoted {
            types.report.push(
                Diagnostic::error(
                    "cloud::attribute::quoted",
                    format!("\"{}\" is the key of a map, not an attribute", name.value),
                )
                .label(name.span, format!("`{}` is not a map", layer.subject))
                .help(match item.path.made {
                    None => format!("write it without quotes: `{}`", name.value),
                    Some(_) => "an attribute is set by its name; only a map has keys that are made of values".into(),
                }),
            );
            own.entry(name.value.clone()).or_default().excused = true;
            continue;
        }
        let rest = (!item.path.rest.is_empty()).then(|| path_text(&item.path.rest));
        // `a { } a { }` is a mistake; `a.b { } a.b { }` may come from two hands.
        let may_repeat = matches!((&item.kind, &rest), (ItemKind::Merge(_), Some(_)));
        if !may_repeat && let Some(first) = seen.insert((&name.value, rest), item.path.span) {
            let done = if matches!(item.kind, ItemKind::Define(_) | ItemKind::Declare(_)) { "defined" } else { "set" };
            types.report.push(duplicate(&name.value, done, first, item.path.span));
            again.insert(item.path.span);
            continue;
        }
        if !item.path.rest.is_empty() {
            continue;
        }
        match &item.kind {
            ItemKind::Declare(declare) => {
                let mut attribute = types.attribute(layer.scope.module, name, item.doc.as_deref(), declare);
                let before = own.get(&name.value).or_else(|| inherited.get(&name.value));
                if let Some((before, declared)) = before.and_then(|member| Some((member, member.attribute.clone()?))) {
                    types.again(&mut attribute, &declared, before);
                }
                let member = own.entry(name.value.clone()).or_default();
                member.attribute = Some(Rc::new(attribute));
                if let Some(default) = &declare.default {
                    let kind = SettingKind::Value(default);
                    member.set(Setting { kind, scope: layer.scope, span: default.span, default: true });
                }
            }
            ItemKind::Define(define) => {
                if name.value.is_template() {
                    types.report.push(
                        Diagnostic::error(
                            "cloud::template::nested",
                            format!("the template `{}` stands inside another", name.value),
                        )
                        .label(name.span, "templates stand at the top of a file")
                        .help(format!("move it there, or write `{}` for a component", lower_camel(&name.value))),
                    );
                    continue;
                }
                let member = own.entry(name.value.clone()).or_default();
                let kind = SettingKind::Define(define, name);
                member.set(Setting { kind, scope: layer.scope, span: name.span, default: false });
            }
            ItemKind::Set(_) | ItemKind::Merge(_) => {}
        }
    }
    items.clone().for_each(|item| types.judge_exclusive(item, own, inherited));
    // What is said of one element counts before what is said of all, wherever it stands.
    let keyed = |item: &&Item| item.path.rest.iter().any(|step| matches!(step, PathStep::Key(_)));
    let (of_all, of_one) = (items.clone().filter(|item| !keyed(item)), items.filter(keyed));
    for item in of_all.chain(of_one) {
        let name = &item.path.head;
        if item.path.quoted || again.contains(&item.path.span) {
            continue;
        }
        let kind = match (&item.kind, item.path.rest.as_slice()) {
            (_, rest @ [_, ..]) => SettingKind::Reach(rest, item),
            (ItemKind::Set(value), []) => SettingKind::Value(value),
            (ItemKind::Merge(body), []) => SettingKind::Merge(body),
            (ItemKind::Declare(_) | ItemKind::Define(_), []) => continue,
        };
        let known = own.get(&name.value).or_else(|| inherited.get(&name.value));
        if known.is_none() && !layer.open && !name.value.is_constant() {
            let names = names_of(own.iter().chain(inherited.iter()), false, types.report);
            let near = closest(name.value.as_str(), names.iter().copied()).map(Name::from);
            let unknown = unknown_attribute(&layer.subject, name, &names);
            types.report.push(match (&near, habit::names::attribute(name.value.as_str(), layer.subject.as_str())) {
                (None, None) => match unknown.help.clone() {
                    Some(help) => unknown.help(format!("{help}; a new one is declared, `{}: Type = ...;`", name.value)),
                    None => unknown,
                },
                (_, Some(help)) => unknown.help(help),
                (Some(_), None) => unknown,
            });
            if let Some(near) = near {
                own.entry(near).or_default().excused = true;
            }
            continue;
        }
        if let Some(attribute) = known.and_then(|member| member.attribute.as_ref()) {
            types.judge(attribute, name, known);
        }
        let span = match kind {
            SettingKind::Value(value) => value.span,
            SettingKind::Merge(_) | SettingKind::Define(..) | SettingKind::Reach(..) => item.path.span,
        };
        own.entry(name.value.clone()).or_default().set(Setting { kind, scope: layer.scope, span, default: false });
    }
}

/// Reports what one body says twice in different ways: `t { v 1; } t.v 2;`.
fn refuse_overlaps<'a>(items: impl Iterator<Item = &'a Item> + Clone, report: &mut Report) {
    let mut heads: Table<&Name, usize> = Table::default();
    for item in items.clone() {
        *heads.entry(&item.path.head.value).or_default() += 1;
    }
    let several = |item: &&Item| heads.get(&item.path.head.value).is_some_and(|count| *count > 1);
    let mut seen: Table<String, (Span, usize, bool)> = Table::default();
    for (number, item) in items.filter(several).enumerate() {
        for (path, span) in leaves(item) {
            let whole = path == item.path.text();
            match seen.get(&path) {
                // An inner body says so itself, and the same path written twice is told elsewhere.
                Some((_, other, was_whole)) if *other == number || whole && *was_whole => {}
                Some((first, ..)) => report.push(duplicate(&Name::from(path.as_str()), "set", *first, span)),
                None => {
                    seen.insert(path, (span, number, whole));
                }
            }
        }
    }
}

/// Every attribute that a statement sets, as a path from where it stands.
fn leaves(item: &Item) -> Vec<(String, Span)> {
    let mut leaves = Vec::new();
    let mut open = vec![(item.path.text(), item)];
    while let Some((path, item)) = open.pop() {
        match &item.kind {
            ItemKind::Merge(body) => {
                open.extend(body.items.iter().map(|inner| (format!("{path}.{}", inner.path.text()), inner)));
            }
            ItemKind::Set(_) | ItemKind::Declare(_) | ItemKind::Define(_) => leaves.push((path, item.path.span)),
        }
    }
    leaves
}

/// Names of members for a message, those of the nearest templates first; with or without those that
/// only the provider sets. None for a message of many.
pub fn names_of<'n, 'a: 'n>(
    members: impl Iterator<Item = (&'n Name, &'n Member<'a>)>,
    computed: bool,
    report: &Report,
) -> Vec<&'n str> {
    if report.is_long() {
        return Vec::new();
    }
    let settable = |member: &Member| member.attribute.as_ref().is_none_or(|attribute| !attribute.modifiers.computed);
    let mut names: Vec<(&Name, &Member)> =
        members.filter(|(name, member)| !name.is_constant() && (computed || settable(member))).collect();
    // Sources are numbered from the library's core outward.
    names
        .sort_by_key(|(_, member)| std::cmp::Reverse(member.attribute.as_ref().map(|attribute| attribute.span.source)));
    let mut seen = Set::default();
    names.into_iter().map(|(name, _)| name.as_str()).filter(|name| seen.insert(*name)).collect()
}

/// "`X` has no attribute `y`", with what was probably meant and what there is.
pub fn unknown_attribute(subject: &Name, name: &Ident, names: &[&str]) -> Diagnostic {
    let label = match closest(name.value.as_str(), names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "not an attribute of it".to_string(),
    };
    let diagnostic =
        Diagnostic::error("cloud::attribute::unknown", format!("`{subject}` has no attribute `{}`", name.value))
            .label(name.span, label);
    if names.is_empty() {
        return diagnostic;
    }
    let mut shown = names.iter().take(8).copied().collect::<Vec<_>>().join(", ");
    if names.len() > 8 {
        shown.push_str(" ...");
    }
    diagnostic.help(format!("attributes of `{subject}`: {shown}"))
}

/// `.size` or `["a"].size`, as written behind a name.
pub fn path_text(path: &[PathStep]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            PathStep::Name(name) => {
                text.push('.');
                text.push_str(name.value.as_str());
            }
            PathStep::Key(key) => text.push_str(&key.value.to_string()),
        }
    }
    text
}
