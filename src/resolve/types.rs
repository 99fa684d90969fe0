//! Written types and declarations, read in the module where they stand, and what setting a declared
//! attribute deserves to be told.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Report, article, closest};
use crate::model::format;
use crate::model::schema::{Attribute, Exclusive, Modifiers};
use crate::model::ty::{Alias, Refinement, TemplateRef, Ty};
use crate::name::{Name, Table};
use crate::resolve::prototype::{self, Member, Members};
use crate::resolve::scope::{self, Module};
use crate::resolve::{ModuleId, PRELUDE, load};
use crate::source::Span;
use crate::syntax::tree::{self, Declare, Ident, Item, ItemKind, TypeExpr, TypeExprKind};

/// A type of the language by its name: meant where no file defines another by that name.
fn builtin(name: &str) -> Option<Ty> {
    Some(match name {
        "Any" => Ty::Any,
        "Bool" => Ty::Bool,
        "Int" => Ty::Int,
        "Number" => Ty::Number,
        "String" => Ty::String,
        "Duration" => Ty::Duration,
        "Size" => Ty::Size,
        "Secret" => Ty::Secret,
        _ => return None,
    })
}

/// Reads written types in the module where they stand.
pub struct Types<'a, 'r> {
    modules: &'r [Module<'a>],
    cache: &'r mut Table<(ModuleId, Name), Ty>,
    pub report: &'r mut Report,
}

impl<'a, 'r> Types<'a, 'r> {
    pub fn new(
        modules: &'r [Module<'a>],
        cache: &'r mut Table<(ModuleId, Name), Ty>,
        report: &'r mut Report,
    ) -> Types<'a, 'r> {
        Types { modules, cache, report }
    }

    pub fn attribute(&mut self, module: ModuleId, name: &Ident, doc: Option<&str>, declare: &Declare) -> Attribute {
        let ty = self.ty(module, &declare.ty);
        let modifiers = self.modifiers(&declare.modifiers);
        if modifiers.unordered && !matches!(ty.plain(), Ty::List(_) | Ty::Any) {
            self.report.push(
                Diagnostic::error(
                    "cloud::attribute::modifier",
                    format!("`unordered` needs a list, and `{}` is none", name.value),
                )
                .label(declare.ty.span, format!("this is {} `{ty}`", article(&ty.to_string())))
                .help("remove `unordered`; only a list has an order"),
            );
        }
        Attribute { name: name.value.clone(), ty, modifiers, doc: doc.map(Arc::from), span: name.span }
    }

    fn modifiers(&mut self, written: &[tree::Modifier]) -> Modifiers {
        let mut modifiers = Modifiers::default();
        for modifier in written {
            match modifier.name.value.as_str() {
                "computed" => modifiers.computed = true,
                "immutable" => modifiers.immutable = true,
                "identity" => {
                    modifiers.identity = true;
                    modifiers.immutable = true;
                }
                "exclusive" => {
                    let within = modifier.text.as_deref().map(|name| Exclusive::Within(name.into()));
                    modifiers.exclusive = Some(within.unwrap_or(Exclusive::Everywhere));
                }
                "alters" => {
                    let names = modifier.text.as_deref().unwrap_or_default();
                    modifiers.alters = names.split_whitespace().map(Name::from).collect();
                    if modifiers.alters.is_empty() {
                        let text = "`alters` does not say which attributes it decides";
                        self.report.push(
                            Diagnostic::error("cloud::attribute::modifier", text)
                                .label(modifier.name.span, "names of computed attributes are missing here")
                                .help("name them: `instance: Instance?, alters \"publicIp\";`"),
                        );
                    }
                }
                "secret" => modifiers.secret = true,
                "unordered" => modifiers.unordered = true,
                "inherit" => modifiers.inherit = true,
                "final" => modifiers.sealed = true,
                "deprecated" => modifiers.deprecated = Some(modifier.text.as_deref().unwrap_or("").into()),
                _ => {
                    let known = [
                        "computed",
                        "immutable",
                        "identity",
                        "exclusive",
                        "alters",
                        "secret",
                        "unordered",
                        "inherit",
                        "final",
                        "deprecated",
                    ];
                    let message = format!("`{}` is not a modifier", modifier.name.value);
                    self.report.push(
                        scope::unknown("cloud::attribute::modifier", &message, &modifier.name, known)
                            .help(format!("modifiers are {}", known.join(", "))),
                    );
                }
            }
        }
        modifiers
    }

    /// An attribute that is declared again: it keeps its modifiers, and its type may only become narrower,
    /// so that it is still one of its prototype.
    pub fn again(&mut self, attribute: &mut Attribute, before: &Attribute, member: &Member) {
        let (new, old) = (&mut attribute.modifiers, &before.modifiers);
        new.computed |= old.computed;
        new.immutable |= old.immutable;
        new.identity |= old.identity;
        new.exclusive = new.exclusive.take().or_else(|| old.exclusive.clone());
        if new.alters.is_empty() {
            new.alters.clone_from(&old.alters);
        }
        new.secret |= old.secret;
        new.unordered |= old.unordered;
        new.inherit |= old.inherit;
        new.sealed |= old.sealed;
        // Whether one template descends from the other is not known before all are read.
        let narrower = attribute.ty.assures(&before.ty, &|_, _| true);
        let set = member.settings.last().is_some_and(|setting| !setting.default || old.sealed);
        let name = &attribute.name;
        let why = if !narrower {
            {
                let (new, old) = (attribute.ty.to_string(), before.ty.to_string());
                format!("{} `{new}` need not be {} `{old}`", article(&new), article(&old))
            }
        } else if old.computed {
            "the provider fills it in".to_string()
        } else if old.sealed && set {
            "it is final".to_string()
        } else {
            return;
        };
        self.report.push(
            Diagnostic::error("cloud::attribute::redeclared", format!("`{name}` is declared already, and differently"))
                .label(attribute.span, why)
                .label(before.span, format!("declared as `{}` here", before.ty))
                .help(format!("set it: `{name} ...;`; or give the new attribute another name")),
        );
    }

    /// Reports `exclusive "x"` where the template has no other attribute `x`: no two values would ever be compared.
    pub fn judge_exclusive(&mut self, item: &Item, own: &Members, inherited: &Members) {
        let ItemKind::Declare(declare) = &item.kind else { return };
        let exclusive = declare.modifiers.iter().filter(|modifier| modifier.name.value.as_str() == "exclusive");
        for (modifier, within) in exclusive.filter_map(|modifier| Some((modifier, modifier.text.as_deref()?))) {
            let (itself, named) = (&item.path.head.value, Name::from(within));
            let member = own.get(&named).or_else(|| inherited.get(&named));
            if named != *itself && member.is_some_and(|member| member.attribute.is_some()) {
                continue;
            }
            let known = prototype::names_of(own.iter().chain(inherited.iter()), true, self.report);
            let others = known.into_iter().filter(|name| *name != itself.as_str());
            let label = match closest(within, others) {
                Some(near) => format!("did you mean `exclusive \"{near}\"`?"),
                None => "this needs another attribute of the template".to_string(),
            };
            let text =
                format!("`{itself}` is exclusive within `{within}`, which is no other attribute of its template");
            self.report.push(
                Diagnostic::error("cloud::attribute::modifier", text)
                    .label(modifier.name.span, label)
                    .help("write `exclusive` alone if one resource of this type at a time can have the value"),
            );
        }
    }

    /// What setting an attribute deserves by itself.
    pub fn judge(&mut self, attribute: &Attribute, name: &Ident, known: Option<&Member>) {
        if attribute.modifiers.computed {
            self.report.push(
                Diagnostic::error(
                    "cloud::attribute::computed",
                    format!("`{}` is filled in by the provider", name.value),
                )
                .label(name.span, "cannot be set")
                .label(attribute.span, "declared `computed` here")
                .help(format!("remove it: `{}` is there to be read", name.value)),
            );
        }
        if let Some(why) = &attribute.modifiers.deprecated {
            self.report.push(
                Diagnostic::warning("cloud::attribute::deprecated", format!("`{}` is deprecated", name.value))
                    .label(name.span, "deprecated")
                    .help(why.to_string()),
            );
        }
        let set_before = known.and_then(|member| member.settings.last());
        if let (true, Some(before)) = (attribute.modifiers.sealed, set_before) {
            self.report.push(
                Diagnostic::error("cloud::attribute::final", format!("`{}` is final, and set already", name.value))
                    .label(name.span, "may not be overridden")
                    .label(before.span, "set here")
                    .help("remove it, or take `final` out of its declaration"),
            );
        }
    }

    pub fn ty(&mut self, module: ModuleId, written: &TypeExpr) -> Ty {
        match &written.kind {
            TypeExprKind::List(of) => Ty::List(Arc::new(self.ty(module, of))),
            TypeExprKind::Map(of) => Ty::Map(Arc::new(self.ty(module, of))),
            TypeExprKind::Optional(of) => self.ty(module, of).optional(),
            TypeExprKind::Enum(words) => Ty::Enum(words.clone().into()),
            TypeExprKind::Named(name) => self.named(module, name, written.span),
        }
    }

    pub fn named(&mut self, module: ModuleId, name: &Name, span: Span) -> Ty {
        let key = (module, name.clone());
        if let Some(ty) = self.cache.get(&key) {
            // No name stands for null: this one is being read.
            if *ty == Ty::Null {
                self.report.push(
                    Diagnostic::error("cloud::type::cycle", format!("the type `{name}` is made of itself"))
                        .label(span, "it is not known here yet")
                        .help("end the circle with a type of the language, such as `String`"),
                );
                return Ty::Any;
            }
            return ty.clone();
        }
        scope::clash(self.modules, module, &Ident::new(name.clone(), span), self.report);
        let found = scope::search(self.modules, module, |m| {
            m.aliases.get(name).map(|alias| Ok(*alias)).or_else(|| m.templates.get(name).map(|id| Err(*id)))
        });
        let ty = match found {
            Some(Err(id)) => Ty::Template(TemplateRef { id, name: name.clone() }),
            Some(Ok(alias)) => {
                // A type that is defined by itself finds this while it is being read.
                self.cache.insert(key.clone(), Ty::Null);
                self.alias(module, alias)
            }
            None if let Some(ty) = builtin(name.as_str()) => ty,
            None => {
                let builtins = ["Bool", "Int", "Number", "String", "Duration", "Size", "Secret"];
                let all = self.modules[module.0].templates.keys().chain(self.modules[PRELUDE.0].templates.keys());
                let aliases = self.modules.iter().flat_map(|m| m.aliases.keys());
                let known = builtins.into_iter().chain(all.chain(aliases).map(Name::as_str));
                let known = known.filter(|_| !self.report.is_long());
                let ident = Ident::new(name.clone(), span);
                let message = format!("there is no type `{name}`");
                let unknown = scope::unknown("cloud::type::unknown", &message, &ident, known);
                let help = if self.report.is_long() { None } else { load::help_import(name.as_str()) };
                self.report.push(match help {
                    Some(help) => unknown.help(help),
                    None => unknown,
                });
                Ty::Any
            }
        };
        self.cache.insert(key, ty.clone());
        ty
    }

    fn alias(&mut self, module: ModuleId, alias: &tree::Alias) -> Ty {
        let base = self.ty(module, &alias.ty);
        let refinement = alias.refinement.as_ref().and_then(|written| match written {
            tree::Refinement::Format(name) => {
                let format = format::find(name.value.as_str());
                if format.is_none() {
                    let known = format::TABLE.iter().map(|format| format.name);
                    let message = format!("there is no format `{}`", name.value);
                    self.report.push(
                        scope::unknown("cloud::type::format", &message, name, known.clone())
                            .help(format!("formats are {}", known.collect::<Vec<_>>().join(", "))),
                    );
                }
                format.map(Refinement::Format)
            }
            tree::Refinement::Between(low, high) if low > high => {
                self.report.push(
                    Diagnostic::error("cloud::type::narrowed", format!("no number is a `{}`", alias.name.value))
                        .label(alias.name.span, format!("its range ends at {high}, before it begins at {low}"))
                        .help(format!("write `in {high}..{low}`")),
                );
                None
            }
            tree::Refinement::Between(low, high) => Some(Refinement::Between(*low, *high)),
            tree::Refinement::Matching(pattern) => match regex::Regex::new(&pattern.value) {
                Ok(regex) => Some(Refinement::Matching(regex)),
                Err(error) => {
                    // The last line of a long explanation with a drawing.
                    let error = error.to_string();
                    let why = error.lines().last().unwrap_or("").trim_start_matches("error:").trim();
                    self.report.push(
                        Diagnostic::error("cloud::type::pattern", "this is not a regular expression")
                            .label(pattern.span, if why.is_empty() { "cannot be read" } else { why })
                            .help("a sign that means itself stands behind `\\\\`: `\\\\.`, `\\\\[`"),
                    );
                    None
                }
            },
        });
        let (word, narrows) = match (&alias.refinement, base.plain()) {
            (None, _) | (_, Ty::Any) => ("", true),
            (Some(tree::Refinement::Between(..)), plain) => ("in", matches!(plain, Ty::Int | Ty::Number)),
            (Some(tree::Refinement::Matching(_)), plain) => ("matching", matches!(plain, Ty::String)),
            (Some(tree::Refinement::Format(_)), plain) => ("is", matches!(plain, Ty::String)),
        };
        if !narrows {
            self.report.push(
                Diagnostic::error("cloud::type::narrowed", format!("`{word}` cannot narrow `{base}`"))
                    .label(alias.ty.span, format!("this is {} `{base}`", article(&base.to_string())))
                    .help(match (&alias.refinement, base.plain()) {
                        (Some(tree::Refinement::Between(low, high)), Ty::String) if *low >= 0 => {
                            format!("for {low} to {high} characters, write `String matching \"^.{{{low},{high}}}$\"`")
                        }
                        _ => "`in` narrows `Int` and `Number`, `matching` and `is` narrow `String`".to_string(),
                    }),
            );
        }
        let doc = alias.doc.as_deref().map(Arc::from);
        Ty::Alias(Arc::new(Alias { name: alias.name.value.clone(), base, refinement, doc, span: alias.name.span }))
    }
}
