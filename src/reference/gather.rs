//! A linked library to a [`Reference`]: walks the templates from the nearest to the furthest, and takes
//! types and values as they are written.

use std::collections::{HashMap, HashSet};

use crate::model::action::List;
use crate::model::schema;
use crate::model::ty::TemplateId;
use crate::model::{format, function};
use crate::name::Name;
use crate::reference::{
    Actions, Alias, Attribute, Builtin, Constant, Default, File, Format, Function, Group, Part, Reference, Template,
    first_sentence, usage,
};
use crate::resolve::prototype::{Setting, SettingKind, Shape};
use crate::resolve::{Family, Library, ModuleId, PRELUDE, scope};
use crate::source::{Origin, Sources, Span};
use crate::syntax::tree::{self, Define, Element, Expr, ExprKind, Item, ItemKind, TypeExpr, TypeExprKind};

/// The types that no file declares.
const BUILTINS: [Builtin; 8] = [
    Builtin { name: "Any", doc: "Any value." },
    Builtin { name: "Bool", doc: "`true` or `false`." },
    Builtin { name: "Duration", doc: "A length of time, in `ms`, `s`, `m`, `h` or `d`: `90m`. The number is whole." },
    Builtin { name: "Int", doc: "A whole number of 64 bits: `1_000`." },
    Builtin { name: "Number", doc: "A 64-bit float, written with a point: `1.5`. An `Int` will do too." },
    Builtin { name: "Secret", doc: "A text that is never shown and never recorded: `secret(\"env:TOKEN\")`." },
    Builtin {
        name: "Size",
        doc: "A number of bytes: `8GiB`. `KB MB GB TB` are powers of 1000, `KiB MiB GiB TiB` of 1024.",
    },
    Builtin { name: "String", doc: "A text: `\"hello ${name}\"`." },
];

/// Everything that there is to look up. Texts of secrets have been hidden in the sources before.
pub fn gather(library: &Library, sources: &Sources) -> Reference {
    let gatherer = Gatherer::new(library, sources);
    let mut files = Vec::new();
    for (number, module) in library.modules.iter().enumerate() {
        files.extend(module.files.iter().map(|file| gatherer.file(ModuleId(number), file)));
    }
    // What is one's own comes first; otherwise as loaded, which is floor by floor.
    files.sort_by_key(|file| file.origin != Origin::File);
    let functions = function::TABLE.iter().map(|function| Function {
        name: function.name.to_string(),
        file: None,
        signature: function.signature(),
        doc: Some(function.doc.to_string()),
    });
    let formats = format::TABLE.iter().map(|format| Format { name: format.name, meaning: format.meaning });
    Reference { files, functions: functions.collect(), types: BUILTINS.to_vec(), formats: formats.collect() }
}

pub(super) struct Gatherer<'l, 'a> {
    pub(super) library: &'l Library<'a>,
    sources: &'l Sources,
    extended_by: HashMap<TemplateId, Vec<TemplateId>>,
    /// By where a type is declared, the attributes that ask for it.
    asked_for_by: HashMap<Span, Vec<String>>,
}

impl<'l, 'a> Gatherer<'l, 'a> {
    fn new(library: &'l Library<'a>, sources: &'l Sources) -> Gatherer<'l, 'a> {
        let mut extended_by: HashMap<TemplateId, Vec<TemplateId>> = HashMap::new();
        let mut asked_for_by: HashMap<Span, Vec<String>> = HashMap::new();
        for (number, template) in library.templates.iter().enumerate() {
            for prototype in template.prototypes {
                let found = scope::find_template(&library.modules, template.module, prototype.value.as_str());
                if let Some(found) = found.filter(|found| found.0 as usize != number) {
                    extended_by.entry(found).or_default().push(TemplateId(number as u32));
                }
            }
            for item in &template.body.items {
                let ItemKind::Declare(declare) = &item.kind else { continue };
                for name in named(&declare.ty) {
                    let alias = scope::search(&library.modules, template.module, |module| module.aliases.get(name));
                    if let Some(alias) = alias {
                        let attribute = format!("{}.{}", template.name.value, item.path.head.value);
                        asked_for_by.entry(alias.name.span).or_default().push(attribute);
                    }
                }
            }
        }
        Gatherer { library, sources, extended_by, asked_for_by }
    }

    fn file(&self, id: ModuleId, file: &tree::File) -> File {
        let module = self.library.module(id);
        let source = self.sources.get(file.span.source);
        let here = |span: Span| span.source == file.span.source;
        let from_library = source.origin == Origin::Library;
        let module_name = source.name.trim_start_matches("stdlib/").trim_end_matches(".cloud");
        let templates = module.templates.values().filter(|id| here(self.library.template(**id).name.span));
        let constants = file.items.iter().filter(|item| is_constant(item));
        File {
            name: source.name.clone(),
            origin: source.origin,
            // At the top of one's own files stand licences and the like.
            intro: if from_library { intro(&source.text) } else { None },
            import: (from_library && id != PRELUDE).then(|| format!("import \"{module_name}\";")),
            templates: templates.map(|id| self.template(*id)).collect(),
            types: file.aliases.iter().map(|alias| self.alias(alias)).collect(),
            functions: file.functions.iter().map(|function| self.function(function)).collect(),
            constants: constants.map(|item| self.constant(item, None)).collect(),
        }
    }

    fn template(&self, id: TemplateId) -> Template {
        let template = self.library.template(id);
        let shape = self.library.shape(id);
        let family = self.library.family(shape);
        let mut page = Template {
            name: template.name.value.to_string(),
            file: self.sources.get(template.name.span.source).name.clone(),
            doc: template.item.doc.clone(),
            family,
            extends: Vec::new(),
            lineage: Vec::new(),
            usage: usage::usage(self, id),
            groups: Vec::new(),
            outputs: Vec::new(),
            parts: Vec::new(),
            constants: Vec::new(),
            actions: Vec::new(),
            extended_by: Vec::new(),
        };
        // `Component extends Component` is how the first template is written.
        let prototypes = template.prototypes.iter().filter(|name| name.value != template.name.value);
        page.extends.extend(prototypes.map(|name| name.value.to_string()));
        let mut seen: HashSet<&Name> = HashSet::new();
        for ancestor in shape.lineage.iter().rev() {
            let ancestor_id = *ancestor;
            let ancestor = self.library.template(ancestor_id);
            let ancestor_name = ancestor.name.value.to_string();
            if ancestor_id != id {
                page.lineage.push(ancestor_name.clone());
            }
            let mut group = Group { template: ancestor_name.clone(), attributes: Vec::new() };
            let mut outputs = group.clone();
            for item in &ancestor.body.items {
                let name = &item.path.head.value;
                if item.path.quoted || !item.path.rest.is_empty() || seen.contains(name) {
                    continue;
                }
                match &item.kind {
                    ItemKind::Declare(declare) => {
                        let Some(attribute) = self.attribute(shape, ancestor_id, item, declare) else { continue };
                        let computed =
                            declare.modifiers.iter().any(|written| written.name.value.as_str() == "computed");
                        if computed { &mut outputs } else { &mut group }.attributes.push(attribute);
                    }
                    ItemKind::Define(_) | ItemKind::Set(_) if is_constant(item) => {
                        page.constants.push(self.constant(item, Some(ancestor_name.clone())));
                    }
                    ItemKind::Define(define) => {
                        // A declared attribute is shown where it is declared.
                        if shape.members.get(name).is_some_and(|member| member.attribute.is_some()) {
                            continue;
                        }
                        page.parts.push(self.part(item, define, &ancestor_name));
                    }
                    ItemKind::Set(_) | ItemKind::Merge(_) => continue,
                }
                seen.insert(name);
            }
            // What is deprecated is looked for last.
            group.attributes.sort_by_key(|attribute| attribute.deprecated.is_some());
            let says_something = |group: &Group| !group.attributes.is_empty();
            page.groups.extend(Some(group).filter(says_something));
            page.outputs.extend(Some(outputs).filter(says_something));
        }
        if family == Family::Resource {
            page.actions = self.actions(shape, template.module);
        }
        let extended_by = self.extended_by.get(&id).into_iter().flatten().map(|other| self.library.template(*other));
        page.extended_by = extended_by
            .map(|other| (other.name.value.to_string(), other.item.doc.as_deref().map(first_sentence)))
            .collect();
        page
    }

    fn attribute(
        &self,
        shape: &Shape,
        declared_by: TemplateId,
        item: &Item,
        declare: &tree::Declare,
    ) -> Option<Attribute> {
        let member = shape.members.get(&item.path.head.value)?;
        let attribute = member.attribute.as_ref()?;
        // What the library says of what is computed is for the sandbox alone.
        let settings = if attribute.modifiers.computed { &[] } else { member.settings.as_slice() };
        let (default, last) = self.default(attribute, settings);
        let setters: Vec<Option<TemplateId>> =
            settings[last..].iter().map(|setting| self.setter(setting, shape)).collect();
        let (base, more) = if default == Default::Unset { (None, setters.as_slice()) } else { first_of(&setters) };
        let mut more_from: Vec<String> = more.iter().flatten().map(|setter| self.name(*setter)).collect();
        more_from.dedup();
        let modifiers = declare.modifiers.iter().map(|modifier| modifier.name.value.to_string());
        Some(Attribute {
            name: item.path.head.value.to_string(),
            ty: self.written(declare.ty.span),
            modifiers: modifiers.collect(),
            deprecated: attribute.modifiers.deprecated.as_deref().map(str::to_string),
            default,
            set_by: base.filter(|setter| *setter != declared_by).map(|setter| self.name(setter)),
            more_from,
            doc: item.doc.clone(),
        })
    }

    /// What an attribute is without being set, and the setting that says so: those behind it add to it.
    fn default(&self, attribute: &schema::Attribute, settings: &[Setting]) -> (Default, usize) {
        let whole = |setting: &Setting| match setting.kind {
            SettingKind::Value(value) => Some(self.written(value.span)),
            SettingKind::Define(define, _) => Some(format!("extends {} {{ ... }}", names(&define.prototypes))),
            SettingKind::Merge(_) | SettingKind::Reach(..) => None,
        };
        let last = settings.iter().enumerate().rev().find_map(|(at, setting)| Some((at, whole(setting)?)));
        match last {
            _ if !settings.is_empty() && (attribute.modifiers.secret || attribute.ty.is_of_secrets()) => {
                (Default::Hidden, last.map_or(0, |(at, _)| at))
            }
            Some((at, text)) => (Default::Written(text), at),
            None if !settings.is_empty() || attribute.ty.is_optional() || attribute.modifiers.computed => {
                (Default::Unset, 0)
            }
            None => (Default::Required, 0),
        }
    }

    /// The template that a setting stands in.
    fn setter(&self, setting: &Setting, shape: &Shape) -> Option<TemplateId> {
        let inside = |outer: Span| {
            outer.source == setting.span.source && outer.start <= setting.span.start && setting.span.end <= outer.end
        };
        shape.lineage.iter().copied().find(|id| inside(self.library.template(*id).item.span))
    }

    fn actions(&self, shape: &Shape, module: ModuleId) -> Vec<Actions> {
        let words = [
            (List::Start, "at its start", "it must exist already"),
            (List::Liveness, "after start and update", "it counts as live at once"),
            (List::Terminate, "at its end", "it is left standing"),
            (List::Update, "after a change", "changes are reported, never made"),
        ];
        let lists = words.into_iter().filter_map(|(list, when, when_empty)| {
            let attribute = list.attribute();
            let member = shape.members.get(attribute)?;
            let (list, _) = self.default(member.attribute.as_ref()?, &member.settings);
            let expr = member.settings.last().and_then(|setting| match setting.kind {
                SettingKind::Value(value) => Some(value),
                SettingKind::Merge(_) | SettingKind::Define(..) | SettingKind::Reach(..) => None,
            });
            let verbs = expr.map(|expr| self.verbs(expr, shape, module)).unwrap_or_default();
            Some(Actions { attribute, when, list, verbs, when_empty })
        });
        lists.collect()
    }

    /// The constants of a list of actions, with the templates that they extend.
    fn verbs(&self, list: &Expr, shape: &Shape, module: ModuleId) -> Vec<(String, String)> {
        let ExprKind::List(elements) = &list.kind else { return Vec::new() };
        let named = elements.iter().filter_map(|element| match element {
            Element::Item(Expr { kind: ExprKind::Name(name), .. }) => Some(name),
            Element::Item(_) | Element::Spread(_) => None,
        });
        let extends = |name: &Name| {
            let own = shape.members.get(name).and_then(|member| match member.settings.last()?.kind {
                SettingKind::Define(define, _) => Some(define),
                SettingKind::Value(_) | SettingKind::Merge(_) | SettingKind::Reach(..) => None,
            });
            let of_file = || {
                let item = scope::search(&self.library.modules, module, |module| module.constants.get(name))?;
                match &item.kind {
                    ItemKind::Define(define) => Some(define.as_ref()),
                    ItemKind::Declare(_) | ItemKind::Set(_) | ItemKind::Merge(_) => None,
                }
            };
            own.or_else(of_file).map(|define| names(&define.prototypes))
        };
        named.filter_map(|name| Some((name.to_string(), extends(name)?))).collect()
    }

    fn part(&self, item: &Item, define: &Define, template: &str) -> Part {
        let mut name = item.path.head.value.to_string();
        if let Some(repeat) = &define.repeat {
            let second = repeat.second.as_ref().map_or(String::new(), |second| format!(", {}", second.value));
            name.push_str(&format!("[{}{second} in {}]", repeat.first.value, self.written(repeat.over.span)));
        }
        if let Some(condition) = &define.condition {
            name.push_str(&format!(" if {}", self.written(condition.span)));
        }
        let extends = define.prototypes.iter().map(|prototype| prototype.value.to_string()).collect();
        Part { name, extends, template: template.to_string(), doc: item.doc.clone() }
    }

    fn constant(&self, item: &Item, template: Option<String>) -> Constant {
        let is = match &item.kind {
            ItemKind::Define(define) => format!("extends {}", names(&define.prototypes)),
            ItemKind::Set(value) => self.written(value.span),
            ItemKind::Declare(declare) => match &declare.default {
                Some(value) => self.written(value.span),
                None => self.written(declare.ty.span),
            },
            ItemKind::Merge(_) => "{ ... }".to_string(),
        };
        Constant { name: item.path.head.value.to_string(), is, template, doc: item.doc.clone() }
    }

    fn alias(&self, alias: &tree::Alias) -> Alias {
        let declaration = Span { start: alias.name.span.start, ..alias.span };
        Alias {
            name: alias.name.value.to_string(),
            file: self.sources.get(alias.span.source).name.clone(),
            text: format!("type {}", self.written(declaration)),
            doc: alias.doc.clone(),
            asked_for_by: self.asked_for_by.get(&alias.name.span).cloned().unwrap_or_default(),
        }
    }

    fn function(&self, function: &tree::Function) -> Function {
        let parameter =
            |parameter: &tree::Parameter| format!("{}: {}", parameter.name.value, self.written(parameter.ty.span));
        let parameters: Vec<String> = function.parameters.iter().map(parameter).collect();
        let result = function.result.as_ref().map_or(String::new(), |ty| format!(": {}", self.written(ty.span)));
        Function {
            name: function.name.value.to_string(),
            file: Some(self.sources.get(function.span.source).name.clone()),
            signature: format!("{}({}){result}", function.name.value, parameters.join(", ")),
            doc: function.doc.clone(),
        }
    }

    pub(super) fn name(&self, id: TemplateId) -> String {
        self.library.template(id).name.value.to_string()
    }

    /// A text of a source, with the indent that its lines share removed.
    fn written(&self, span: Span) -> String {
        let text = self.sources.text(span);
        let Some((first, others)) = text.split_once('\n') else { return text.to_string() };
        let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
        let shared = others.lines().filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or(0);
        let others = others.lines().map(|line| line.get(shared..).unwrap_or("").trim_end());
        std::iter::once(first.trim_end()).chain(others).collect::<Vec<_>>().join("\n")
    }
}

/// The first of some places, and the others.
fn first_of(setters: &[Option<TemplateId>]) -> (Option<TemplateId>, &[Option<TemplateId>]) {
    setters.split_first().map_or((None, &[]), |(first, others)| (*first, others))
}

/// `Tier, Logged`, as behind `extends`.
fn names(prototypes: &[tree::Ident]) -> String {
    prototypes.iter().map(|name| name.value.as_str()).collect::<Vec<_>>().join(", ")
}

fn is_constant(item: &Item) -> bool {
    item.path.head.value.is_constant() && item.path.rest.is_empty() && !item.path.quoted
}

/// The comment that a file begins with.
fn intro(text: &str) -> Option<String> {
    let lines = text.lines().map_while(|line| line.strip_prefix("//").filter(|line| !line.starts_with('/')));
    let words: Vec<&str> = lines.map(str::trim).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// The names that a written type consists of.
fn named(ty: &TypeExpr) -> Vec<&str> {
    match &ty.kind {
        TypeExprKind::Named(name) => vec![name.as_str()],
        TypeExprKind::List(of) | TypeExprKind::Map(of) | TypeExprKind::Optional(of) => named(of),
        TypeExprKind::Enum(_) => Vec::new(),
    }
}
