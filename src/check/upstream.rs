//! `Upstream`: outputs of another program, typed by its source where that is at hand, with the values
//! that its last apply recorded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use elsa::FrozenVec;
use indexmap::IndexMap;

use crate::check::instance::NodeId;
use crate::check::{Checker, Outside};
use crate::diagnostic::{Diagnostic, Report};
use crate::model::term::Term;
use crate::model::ty::Ty;
use crate::name::Name;
use crate::resolve::types::Types;
use crate::resolve::{Family, PRELUDE, PROGRAM, load, scope};
use crate::source::{Sources, Span};
use crate::state::{environment_rule, is_environment};
use crate::syntax::tree::Ident;
use crate::value::{Fields, Value};

/// Another program, as far as it could be learned.
pub(super) struct Upstream {
    /// What its source declares; nothing when that is not at hand, or has errors.
    declared: Option<IndexMap<Name, Ty>>,
    /// What is recorded; nothing when it was never applied.
    recorded: Option<Fields>,
}

impl Checker<'_, '_> {
    /// An output of the program that a component descended from `Upstream` stands for.
    pub(super) fn upstream(&mut self, node: NodeId, name: &Ident) -> Term {
        let mut known = |attribute: &str| match self.attribute(node, &attribute.into(), name.span).as_ref() {
            Term::Known(Value::String(text)) => Ok(text.clone()),
            term => Err(term.clone()),
        };
        let (project, environment) = match (known("project"), known("env")) {
            (Ok(project), Ok(environment)) => (project, environment),
            (Err(term), _) | (_, Err(term)) => {
                self.known_later(&term, name.span, "which program this is");
                return Term::POISON;
            }
        };
        let place = self.nodes[node.0].settings("project").last().map_or(name.span, |setting| setting.span);
        if !is_environment(&environment) {
            let span = self.nodes[node.0].settings("env").last().map_or(name.span, |setting| setting.span);
            let what = if environment.is_empty() { "an empty text".to_string() } else { format!("`{environment}`") };
            self.tell(
                Diagnostic::error("cloud::upstream::environment", format!("{what} names no environment"))
                    .label(span, "the environment of the other program")
                    .help(environment_rule(&environment)),
            );
            return Term::POISON;
        }
        let Some(upstream) = self.learned(&project, &environment, place) else {
            return Term::POISON;
        };
        let declared = upstream.declared.as_ref().map(|declared| declared.get(&name.value));
        let names = upstream.declared.iter().flat_map(IndexMap::keys);
        let names = names.chain(upstream.recorded.iter().filter(|_| declared.is_none()).flat_map(BTreeMap::keys));
        if declared == Some(None)
            || declared.is_none() && upstream.recorded.as_ref().is_some_and(|all| !all.contains_key(&name.value))
        {
            let message = format!("`{project}` has no output `{}`", name.value);
            let diagnostic =
                scope::unknown("cloud::upstream::unknown", &message, name, names.clone().map(Name::as_str));
            let shown: Vec<&str> = names.map(Name::as_str).take(8).collect();
            self.tell(
                diagnostic
                    .label(place, "the program is named here")
                    .help(format!("its outputs are {}", shown.join(", "))),
            );
            return Term::POISON;
        }
        let ty = declared.flatten().unwrap_or(&Ty::Any);
        match upstream.recorded.as_ref().map(|recorded| recorded.get(&name.value)) {
            Some(Some(value)) if value.holds_secret() => {
                self.tell(
                    Diagnostic::error(
                        "cloud::upstream::secret",
                        format!("the output `{}` of `{project}` is a secret", name.value),
                    )
                    .label(name.span, "secrets are never recorded")
                    .help("read it from where that program reads it: `secret(\"env:NAME\")`"),
                );
                Term::POISON
            }
            Some(Some(value)) => received(value, ty),
            Some(None) | None if self.outside.absent_is_open => Term::Open(ty.clone()),
            recorded => {
                let (message, label) = match recorded {
                    Some(_) => {
                        let message = format!("`{project}` was not applied since these outputs were added to it");
                        (message, "this is not recorded yet")
                    }
                    None => {
                        let message = format!("nothing is recorded of the environment `{environment}` of `{project}`");
                        (message, "this is one of its outputs")
                    }
                };
                // As it is reached from where the command runs, so that it can be pasted.
                let program = self.program_beside(&project, place);
                let in_environment =
                    if *environment == *"default" { String::new() } else { format!(" --env {environment}") };
                let in_cloud = if self.outside.sandbox { " --sandbox" } else { "" };
                self.report.push_place(
                    Diagnostic::error("cloud::upstream::absent", message)
                        .label(name.span, label)
                        .label(place, "the program is named here")
                        .help(format!(
                            "apply it first: `tadpole apply {}{in_environment}{in_cloud}`",
                            word(&program.to_string_lossy())
                        )),
                );
                Term::Open(ty.clone())
            }
        }
    }

    fn learned(&mut self, project: &str, environment: &str, place: Span) -> Option<Rc<Upstream>> {
        let key = (self.program_beside(project, place), environment.to_string());
        if let Some(upstream) = self.upstreams.get(&key) {
            return Some(upstream.clone());
        }
        let declared = self.declared_outputs(&key.0);
        let recorded = match self.outside.loader.outputs(&key.0, environment) {
            Ok(recorded) => recorded,
            Err(diagnostic) => {
                self.tell(diagnostic.label(place, "the program is named here"));
                return None;
            }
        };
        if declared.is_none() && recorded.is_none() {
            self.tell(
                Diagnostic::error("cloud::upstream::missing", format!("there is no program in `{project}`"))
                    .label(place, "neither `.cloud` files without errors nor a record of this environment")
                    .help("the path starts at the directory of this file"),
            );
            return None;
        }
        let upstream = Rc::new(Upstream { declared, recorded });
        self.upstreams.insert(key, upstream.clone());
        Some(upstream)
    }

    /// Where a program lies that a file names by a path from its own directory.
    fn program_beside(&self, project: &str, place: Span) -> PathBuf {
        let path = load::normal(&self.library.directory(place.source).join(project));
        if path.as_os_str().is_empty() { PathBuf::from(".") } else { path }
    }

    /// The outputs that a program's source has, each of the type that it declares, or else that its value shows
    /// whatever the params are. What is wrong with it is its own affair.
    fn declared_outputs(&self, program: &Path) -> Option<IndexMap<Name, Ty>> {
        let (mut sources, mut report) = (Sources::default(), Report::default());
        let other = self.outside.loader.of_other(program);
        let loader = other.as_deref().unwrap_or(self.outside.loader);
        let loaded = load::load(program, loader, &mut sources, &mut report);
        if report.has_errors() {
            return None;
        }
        let library = crate::resolve::link(&loaded, &mut report);
        let (given, texts) = (BTreeMap::new(), FrozenVec::new());
        let outside = Outside { given: &given, loader, texts: &texts, absent_is_open: true, sandbox: false };
        let mut checker = Checker::new(&library, &outside, &mut sources, &mut report);
        checker.is_upstream = true;
        let root = checker.root();
        let mut outputs = IndexMap::new();
        for output in library.module(PROGRAM).files.iter().flat_map(|file| &file.outputs) {
            let ty = match &output.ty {
                Some(ty) => Types::new(&library.modules, &mut checker.types, checker.report).ty(PROGRAM, ty),
                // Of a program that itself is upstream of this one, only what is declared is asked.
                None if self.is_upstream => Ty::Any,
                None => {
                    let term = checker.output(root, output);
                    checker.as_recorded(&term.ty())
                }
            };
            outputs.insert(output.name.value.clone(), self.shared(ty));
        }
        Some(outputs)
    }

    /// The type of what is recorded of an output that declares none: a component as its id, a text.
    fn as_recorded(&self, ty: &Ty) -> Ty {
        match ty {
            Ty::Template(template) if self.library.family(self.library.shape(template.id)) == Family::Data => {
                ty.clone()
            }
            Ty::Template(_) => Ty::String,
            Ty::List(of) => Ty::List(self.as_recorded(of).into()),
            Ty::Map(of) => Ty::Map(self.as_recorded(of).into()),
            Ty::Optional(of) => self.as_recorded(of).optional(),
            // What is null now may be something else when it was recorded.
            Ty::Null => Ty::Any,
            Ty::Any
            | Ty::Bool
            | Ty::Int
            | Ty::Number
            | Ty::String
            | Ty::Duration
            | Ty::Size
            | Ty::Secret
            | Ty::Enum(_)
            | Ty::Alias(_) => ty.clone(),
        }
    }

    /// A type of another program as one of this. Templates are numbered from the prelude on, so those of
    /// the prelude are the same in both; others mean nothing here.
    fn shared(&self, ty: Ty) -> Ty {
        match ty {
            Ty::Template(template) => {
                let common = self.library.module(PRELUDE).templates.get(&template.name) == Some(&template.id);
                if common { Ty::Template(template) } else { Ty::Any }
            }
            Ty::List(of) => Ty::List(Arc::new(self.shared(of.as_ref().clone()))),
            Ty::Map(of) => Ty::Map(Arc::new(self.shared(of.as_ref().clone()))),
            Ty::Optional(of) => self.shared(of.as_ref().clone()).optional(),
            Ty::Any
            | Ty::Null
            | Ty::Bool
            | Ty::Int
            | Ty::Number
            | Ty::String
            | Ty::Duration
            | Ty::Size
            | Ty::Secret
            | Ty::Enum(_)
            | Ty::Alias(_) => ty,
        }
    }
}

/// A path as a word of a command line.
fn word(path: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:@,~".contains(c);
    if !path.is_empty() && path.chars().all(is_plain) {
        path.to_string()
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}

/// A recorded value as one of this program. A component of the other one is something that exists
/// already; without a type for it, only its id says anything here.
fn received(value: &Value, ty: &Ty) -> Term {
    match (value, ty.plain()) {
        (Value::Reference(reference), Ty::Template(template)) => {
            Term::Existing { template: template.clone(), id: reference.id.clone() }
        }
        (Value::Reference(reference), _) => Term::string(reference.id.clone()),
        (Value::List(items), ty) => {
            let of = if let Ty::List(of) = ty { of.as_ref() } else { &Ty::Any };
            Term::list(items.iter().map(|item| received(item, of)).collect())
        }
        (Value::Map(entries), ty) => {
            let of = if let Ty::Map(of) = ty { of.as_ref() } else { &Ty::Any };
            Term::map(entries.iter().map(|(key, item)| (key.clone(), received(item, of))).collect())
        }
        (value, _) => Term::Known(value.clone()),
    }
}
