//! The pipeline, in order: text to resource graph. Pure but for the loader it is given.

use std::collections::BTreeMap;
use std::path::Path;

use crate::check::{self, Given};
use crate::diagnostic::Report;
use crate::graph::{self, ResourceGraph};
use crate::name::Name;
use crate::resolve::load::{self, Loader};
use crate::resolve::{self, Library, PROGRAM};
use crate::source::{Sources, Span};
use crate::syntax;
use crate::syntax::tree::TypeExprKind;

/// Compiles the program at `path`, with params from outside as they were typed; `env` is the value of
/// a param of that name, if the program declares one and `params` do not give it. Answers a graph when
/// the report has no errors. Passes that follow a failed one run as long as they can say something
/// that is not its consequence.
pub fn compile(
    path: &Path,
    params: &BTreeMap<String, String>,
    env: Option<&str>,
    loader: &dyn Loader,
    sources: &mut Sources,
    report: &mut Report,
) -> Option<ResourceGraph> {
    let loaded = load::load(path, loader, sources, report);
    // A file that cannot be read leaves names behind that nothing else can judge.
    if report.has_errors() {
        return None;
    }
    let library = resolve::link(&loaded, report);
    let mut params = params.clone();
    if let Some(env) = env.filter(|_| library.module(PROGRAM).params.contains_key("env")) {
        params.entry("env".into()).or_insert_with(|| env.to_string());
    }
    let given = given(&params, &library, sources, report);
    let program = check::check(&library, &given, report);
    if report.has_errors() {
        return None;
    }
    graph::build(program, report)
}

/// Params as they were typed: texts as they are, anything else as a value of the language.
fn given(
    params: &BTreeMap<String, String>,
    library: &Library,
    sources: &mut Sources,
    report: &mut Report,
) -> BTreeMap<Name, (Given, Span)> {
    let mut given = BTreeMap::new();
    for (name, text) in params {
        let source = sources.add(format!("--set {name}"), text.as_str());
        let span = Span::new(source, 0, text.len());
        let name = Name::from(name.as_str());
        let value = match library.module(PROGRAM).params.get(&name) {
            Some(param) if !is_text(library, &param.declaration.ty.kind) => {
                syntax::parse_value(source, text, report).map(Given::Expr)
            }
            _ => Some(Given::Text(text.clone())),
        };
        if let Some(value) = value {
            given.insert(name, (value, span));
        }
    }
    given
}

/// Whether values of a written type are texts.
fn is_text(library: &Library, ty: &TypeExprKind) -> bool {
    match ty {
        TypeExprKind::Enum(_) => true,
        TypeExprKind::Optional(inner) => is_text(library, &inner.kind),
        TypeExprKind::List(_) | TypeExprKind::Map(_) => false,
        TypeExprKind::Named(name) => match name.as_str() {
            "String" | "Secret" => true,
            name => {
                let alias =
                    resolve::scope::search(&library.modules, PROGRAM, |module| module.aliases.get(name).copied());
                alias.is_some_and(|alias| is_text(library, &alias.ty.kind))
            }
        },
    }
}
