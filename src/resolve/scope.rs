//! Names of a file: which template, type, constant or param each means, looked up from the file
//! outward to what it imports and to the prelude. A file's own name hides an imported one.

use std::cell::OnceCell;

use crate::diagnostic::{Diagnostic, Report, closest};
use crate::model::ty::TemplateId;
use crate::name::{Name, OrderedTable, Set, Table};
use crate::resolve::load::Loaded;
use crate::resolve::prototype::Template;
use crate::resolve::{ModuleId, PRELUDE, PROGRAM, load};
use crate::source::Span;
use crate::syntax::tree::{self, Ident, Item, ItemKind};
use crate::syntax::{File, habit};

/// The names of one module. Components and attributes of the program are members of its root and
/// are not listed here.
pub struct Module<'a> {
    pub files: &'a [File],
    pub templates: OrderedTable<Name, TemplateId>,
    pub aliases: OrderedTable<Name, &'a tree::Alias>,
    pub constants: OrderedTable<Name, &'a Item>,
    pub params: OrderedTable<Name, &'a tree::Param>,
    pub functions: OrderedTable<Name, &'a tree::Function>,
    /// With the places that import them.
    pub imports: Vec<(ModuleId, Span)>,
    /// Names of templates that stand inside others, once they were asked for.
    nested: OnceCell<Set<&'a Name>>,
}

impl<'a> Module<'a> {
    /// Whether a template of that name stands inside another, which is reported there.
    fn has_nested(&self, name: &Name) -> bool {
        let files = self.files;
        self.nested.get_or_init(|| nested_templates(files.iter().flat_map(|file| &file.items))).contains(name)
    }
}

pub(super) fn collect<'a>(loaded: &'a Loaded, report: &mut Report) -> (Vec<Module<'a>>, Vec<Template<'a>>) {
    let mut modules = Vec::new();
    let mut templates = Vec::new();
    for (number, loaded) in loaded.modules.iter().enumerate() {
        let id = ModuleId(number);
        let mut module = Module {
            files: &loaded.files,
            templates: OrderedTable::default(),
            aliases: OrderedTable::default(),
            constants: OrderedTable::default(),
            params: OrderedTable::default(),
            functions: OrderedTable::default(),
            imports: loaded.imports.clone(),
            nested: OnceCell::new(),
        };
        let mut seen: Table<&Name, Span> = Table::default();
        let mut once = |name: &'a Ident, report: &mut Report| match seen.get(&name.value) {
            Some(first) => {
                report.push(duplicate(&name.value, "defined", *first, name.span));
                false
            }
            None => {
                seen.insert(&name.value, name.span);
                true
            }
        };
        for file in &loaded.files {
            for alias in &file.aliases {
                if once(&alias.name, report) {
                    module.aliases.insert(alias.name.value.clone(), alias);
                }
            }
            for function in &file.functions {
                if once(&function.name, report) {
                    module.functions.insert(function.name.value.clone(), function);
                }
            }
            for param in &file.params {
                if id != PROGRAM {
                    report.push(not_in_library(&param.name, "a param"));
                } else if once(&param.name, report) {
                    module.params.insert(param.name.value.clone(), param);
                }
            }
            if id != PROGRAM {
                file.outputs.iter().for_each(|output| report.push(not_in_library(&output.name, "an output")));
                for assertion in &file.assertions {
                    report.push(
                        Diagnostic::error("cloud::import::component", "an assertion cannot stand in an imported file")
                            .label(assertion.condition.span, "asserted here")
                            .help("put it into the program that imports this"),
                    );
                }
            }
            for item in &file.items {
                let name = &item.path.head;
                if !item.path.rest.is_empty() || item.path.quoted {
                    continue;
                }
                if name.value.is_template() {
                    if let Some(template) = template(item, id, report)
                        && once(name, report)
                    {
                        module.templates.insert(name.value.clone(), TemplateId(templates.len() as u32));
                        templates.push(template);
                    }
                } else if name.value.is_constant() {
                    if once(name, report) {
                        module.constants.insert(name.value.clone(), item);
                    }
                } else if id == PROGRAM {
                    // What only sets an attribute may be called like a param: `region region;`.
                    if matches!(item.kind, ItemKind::Define(_) | ItemKind::Declare(_)) {
                        once(name, report);
                    }
                } else {
                    report.push(not_in_library(name, "a component or attribute"));
                }
            }
        }
        modules.push(module);
    }
    (modules, templates)
}

/// A statement whose name is `UpperCamel` as a template.
fn template<'a>(item: &'a Item, module: ModuleId, report: &mut Report) -> Option<Template<'a>> {
    let name = &item.path.head;
    let ItemKind::Define(define) = &item.kind else {
        report.push(
            Diagnostic::error("cloud::name::case", format!("`{}` is written like a template", name.value))
                .label(name.span, "templates are `UpperCamel`, attributes and components `lowerCamel`")
                .help(format!("write `{}`, or `{} extends ...`", lower_camel(&name.value), name.value)),
        );
        return None;
    };
    if let Some(span) = define.repeat.as_ref().map(|r| r.over.span).or(define.condition.as_ref().map(|c| c.span)) {
        report.push(
            Diagnostic::error(
                "cloud::template::repeated",
                format!("the template `{}` cannot repeat or depend", name.value),
            )
            .label(span, "only a component can")
            .help("move this to the component that extends it"),
        );
    }
    Some(Template { name, module, prototypes: &define.prototypes, body: &define.body, item })
}

/// `Web` as a component would be written: `web`.
pub fn lower_camel(name: &Name) -> String {
    let text = name.as_str();
    text[..1].to_lowercase() + &text[1..]
}

fn not_in_library(name: &Ident, what: &str) -> Diagnostic {
    Diagnostic::error("cloud::import::component", format!("`{}` cannot stand in an imported file", name.value))
        .label(name.span, format!("this is {what}"))
        .help("move it to the program: imported files hold templates, types, constants and functions")
}

/// The same name twice where it may stand once: set twice, or defined.
pub fn duplicate(name: &Name, done: &str, first: Span, second: Span) -> Diagnostic {
    Diagnostic::error("cloud::name::duplicate", format!("`{name}` is {done} twice"))
        .label(second, "again here")
        .label(first, "first here")
        .help("remove one of them, or give one another name")
}

/// The first module in which `find` has something: the module itself, its imports, the prelude.
pub fn search<'m, 'a, T>(
    modules: &'m [Module<'a>],
    from: ModuleId,
    find: impl Fn(&'m Module<'a>) -> Option<T>,
) -> Option<T> {
    search_from(modules, from, find).map(|(_, found)| found)
}

/// As [`search`], with the module in which it was.
pub fn search_from<'m, 'a, T>(
    modules: &'m [Module<'a>],
    from: ModuleId,
    find: impl Fn(&'m Module<'a>) -> Option<T>,
) -> Option<(ModuleId, T)> {
    let mut all = [from].into_iter().chain(modules[from.0].imports.iter().map(|(id, _)| *id)).chain([PRELUDE]);
    all.find_map(|id| Some((id, find(&modules[id.0])?)))
}

/// Reports a name that means different things in two imports of a module, and nothing in itself.
pub fn clash(modules: &[Module], from: ModuleId, name: &Ident, report: &mut Report) {
    let own = &modules[from.0];
    let has = |module: &Module| {
        let name = name.value.as_str();
        module.templates.contains_key(name)
            || module.aliases.contains_key(name)
            || module.constants.contains_key(name)
            || module.functions.contains_key(name)
    };
    if own.imports.len() < 2 || has(own) {
        return;
    }
    let mut places: Vec<(ModuleId, Span)> = Vec::new();
    for (id, span) in &own.imports {
        if has(&modules[id.0]) && places.iter().all(|(seen, _)| seen != id) {
            places.push((*id, *span));
        }
    }
    if let [(_, first), (_, second), ..] = places.as_slice() {
        report.push(
            Diagnostic::error("cloud::import::clash", format!("`{}` comes from two imports", name.value))
                .label(name.span, "which of them?")
                .label(*first, "one is in here")
                .label(*second, "another is in here")
                .help(format!("define `{}` in this file, or leave one of the imports out", name.value)),
        );
    }
}

/// The template that a name means in a module.
pub fn find_template(modules: &[Module], from: ModuleId, name: &str) -> Option<TemplateId> {
    search(modules, from, |module| module.templates.get(name).copied())
}

/// As [`find_template`], reporting a name that means none.
pub fn template_named(modules: &[Module], from: ModuleId, name: &Ident, report: &mut Report) -> Option<TemplateId> {
    // A file's own type hides a template of the library.
    let hidden = modules[from.0].aliases.contains_key(&name.value);
    let found = find_template(modules, from, name.value.as_str()).filter(|_| !hidden);
    clash(modules, from, name, report);
    if found.is_none() {
        let all = [from, PRELUDE].into_iter().chain(modules[from.0].imports.iter().map(|(id, _)| *id));
        let all = all.filter(|_| !report.is_long());
        let known = all.flat_map(|id| modules[id.0].templates.keys().map(Name::as_str));
        let message = format!("there is no template `{}`", name.value);
        let own = &modules[from.0];
        if let Some(constant) = own.constants.get(&name.value) {
            report.push(
                Diagnostic::error("cloud::name::unknown", message)
                    .label(name.span, "a constant, and not a template")
                    .label(constant.path.head.span, "capitals alone make this a constant")
                    .help(format!(
                        "write `{}` for a template, in both places",
                        template_name(modules, from, &name.value)
                    )),
            );
        } else if let Some(alias) = own.aliases.get(&name.value) {
            report.push(
                Diagnostic::error("cloud::name::unknown", message)
                    .label(name.span, "a type, and not a template")
                    .label(alias.name.span, "defined as a type here")
                    .help("only a template is extended"),
            );
        } else if !own.has_nested(&name.value) {
            let diagnostic = unknown("cloud::name::unknown", &message, name, known);
            report.push(match habit::names::template(name.value.as_str()) {
                _ if report.is_long() => diagnostic,
                Some(help) => diagnostic.help(help),
                None if let Some(help) = load::help_import(name.value.as_str()) => diagnostic.help(help),
                None if name.value.is_constant() => {
                    diagnostic.help("templates are `UpperCamel`: a name in capitals alone is a constant")
                }
                None if diagnostic.labels.iter().any(|label| label.text.starts_with("did you mean")) => diagnostic,
                None => diagnostic.help(habit::names::own_template(name.value.as_str())),
            });
        }
    }
    found
}

/// What a template in capitals may be called: `Vpc` for `VPC`, or `MyVpc` where there is a `Vpc`.
pub fn template_name(modules: &[Module], from: ModuleId, name: &Name) -> String {
    let camel = upper_camel(name);
    if find_template(modules, from, &camel).is_some() { format!("My{camel}") } else { camel }
}

/// `VPC` as a template would be written: `Vpc`.
fn upper_camel(name: &Name) -> String {
    name.as_str()
        .split('_')
        .filter(|word| !word.is_empty())
        .map(|word| word[..1].to_string() + &word[1..].to_lowercase())
        .collect()
}

/// The templates that stand inside others.
fn nested_templates<'a>(items: impl Iterator<Item = &'a Item>) -> Set<&'a Name> {
    let mut found = Set::default();
    let mut queue: Vec<&Item> = items.collect();
    while let Some(item) = queue.pop() {
        let body = match &item.kind {
            ItemKind::Define(define) => &define.body,
            ItemKind::Merge(body) => body,
            ItemKind::Declare(_) | ItemKind::Set(_) => continue,
        };
        for inner in &body.items {
            if matches!(inner.kind, ItemKind::Define(_)) && inner.path.head.value.is_template() {
                found.insert(&inner.path.head.value);
            }
            queue.push(inner);
        }
    }
    found
}

/// "There is no ...", with what was probably meant.
pub fn unknown<'n>(
    code: &'static str,
    message: &str,
    name: &Ident,
    candidates: impl IntoIterator<Item = &'n str>,
) -> Diagnostic {
    let label = match closest(name.value.as_str(), candidates) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "not found".to_string(),
    };
    Diagnostic::error(code, message).label(name.span, label)
}
