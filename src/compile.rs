//! The pipeline, in order: text to resource graph. Pure but for the loader it is given.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use elsa::FrozenVec;

use crate::check::origin::{Missing, Origins};
use crate::check::{self, Given, Outside};
use crate::diagnostic::{Diagnostic, Report};
use crate::graph::{self, ResourceGraph};
use crate::model::term::Term;
use crate::name::{Address, Name};
use crate::reference::{self, Reference};
use crate::resolve::load::{self, Loader};
use crate::resolve::{self, Library, PROGRAM, secret};
use crate::source::{Origin, Sources, Span};
use crate::syntax;
use crate::syntax::tree::{Expr, ExprKind, ItemKind, TypeExprKind};

/// Elements of a repetition that a message lists.
const LISTED: usize = 8;

/// What a program is compiled with.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// A directory, or one file.
    pub program: PathBuf,
    /// Values of params, as they were typed at the command line.
    pub params: BTreeMap<String, String>,
    /// The value of a param `env`, if the program declares one and nothing else gives it.
    pub env: Option<String>,
    /// Files of values for params, which count before those of the environment; the last counts most.
    pub files: Vec<PathBuf>,
    /// Files of values that count after those of the environment.
    pub fallback_files: Vec<PathBuf>,
    /// A secret, or an output of another program, that is not at hand stays open; a secret with a warning.
    pub absent_is_open: bool,
    /// It is compiled for the sandbox: what help says to run, runs there too.
    pub sandbox: bool,
}

impl Inputs {
    pub fn of(program: &Path) -> Inputs {
        Inputs { program: program.to_path_buf(), ..Inputs::default() }
    }
}

/// Compiles a program. Answers a graph when the report has no errors. Passes that follow a failed one
/// run as long as they can say something that is not its consequence.
pub fn compile(
    inputs: &Inputs,
    loader: &dyn Loader,
    sources: &mut Sources,
    report: &mut Report,
) -> Option<ResourceGraph> {
    let (program, given) = with_library(inputs, loader, sources, report, |library, outside, sources, report| {
        let given = outside.given.iter().map(|(name, (_, span))| (name.clone(), *span)).collect();
        (check::check(library, outside, sources, report), given)
    })?;
    if report.has_errors() {
        return None;
    }
    let mut graph = graph::build(program, report)?;
    graph.given = given;
    Some(graph)
}

/// The term of an expression, written for instance at the command line, as if it stood at the top of
/// the program. Nothing when the expression or the names of the program cannot be read.
pub fn evaluate(
    inputs: &Inputs,
    text: &str,
    loader: &dyn Loader,
    sources: &mut Sources,
    report: &mut Report,
) -> Option<Term> {
    let source = sources.add("expression", text);
    let expr = syntax::parse_value(source, text, report)?;
    with_library(inputs, loader, sources, report, |library, outside, sources, report| {
        let expr = outside.texts.push_get(Box::new(expr));
        (!report.has_errors()).then(|| check::evaluate(library, outside, expr, sources, report))
    })?
    .filter(|_| !report.has_errors())
}

/// Every attribute of a component with the places that set it. Nothing, with an error, when there is
/// no such component.
pub fn origins(
    inputs: &Inputs,
    address: &Address,
    loader: &dyn Loader,
    sources: &mut Sources,
    report: &mut Report,
) -> Option<Origins> {
    let found = with_library(inputs, loader, sources, report, |library, outside, sources, report| {
        (!report.has_errors()).then(|| check::origins(library, outside, address, sources, report))
    })??;
    found
        .map_err(|missing| {
            let message = format!("the program has no component `{address}`");
            let diagnostic = Diagnostic::error("cloud::command", message);
            report.push(match missing {
                Missing { until, elements } if elements.is_empty() && until.segments().is_empty() => diagnostic,
                Missing { until, elements } if elements.is_empty() => {
                    diagnostic.help(format!("there is `{until}`, and it has no such component in it"))
                }
                Missing { elements, .. } => {
                    let listed: Vec<String> =
                        elements.iter().take(LISTED).map(|element| format!("`{element}`")).collect();
                    let more = elements.len().saturating_sub(LISTED);
                    let more = if more > 0 { format!(" and {more} others") } else { String::new() };
                    diagnostic.help(format!("it is repeated, and there are {}{more}", listed.join(", ")))
                }
            });
        })
        .ok()
}

/// What there is to look up: the library, and what the program at `path` has besides, if there is one.
/// What is wrong with the names of the program is in the report; when it cannot be read at all, the
/// library is left.
pub fn reference(path: Option<&Path>, loader: &dyn Loader, sources: &mut Sources, report: &mut Report) -> Reference {
    let mut loaded = load::load_all(path, loader, sources, report);
    if report.has_errors() {
        loaded = load::load_all(None, loader, sources, &mut Report::default());
    }
    let library = resolve::link(&loaded, report);
    // Defaults are shown as they are written: checking tells which texts are secrets. What else it
    // finds is not asked for here.
    let mut unasked = Report::default();
    let inputs = Inputs { absent_is_open: true, ..Inputs::default() };
    let given = given(&inputs, loader, &library, sources, &mut unasked);
    let texts = FrozenVec::new();
    let outside = Outside { given: &given, loader, texts: &texts, absent_is_open: true, sandbox: false };
    check::check(&library, &outside, sources, &mut unasked);
    sources.hide(unasked.secrets());
    reference::gather(&library, sources)
}

/// Loads and links a program, and hands it to a pass over its components. Nothing when a file cannot
/// be read: that leaves names behind that nothing else can judge.
fn with_library<T>(
    inputs: &Inputs,
    loader: &dyn Loader,
    sources: &mut Sources,
    report: &mut Report,
    pass: impl for<'a> FnOnce(&'a Library<'a>, &'a Outside<'a>, &mut Sources, &mut Report) -> T,
) -> Option<T> {
    let loaded = load::load(&inputs.program, loader, sources, report);
    if report.has_errors() {
        return None;
    }
    let library = resolve::link(&loaded, report);
    let given = given(inputs, loader, &library, sources, report);
    let texts = FrozenVec::new();
    let (absent_is_open, sandbox) = (inputs.absent_is_open, inputs.sandbox);
    let outside = Outside { given: &given, loader, texts: &texts, absent_is_open, sandbox };
    let result = pass(&library, &outside, sources, report);
    report.scrub(&secret_texts(&library, &given, sources));
    if !report.is_empty() {
        // What a pass did not come to may be shown all the same, around the place of a message.
        secret::hide(&library, report);
    }
    Some(result)
}

/// Texts shorter than this are found in a message by chance.
const SHORTEST_SECRET: usize = 4;

/// What was given for params that are declared secret, as it may be quoted.
fn secret_texts(library: &Library, given: &BTreeMap<Name, (Given, Span)>, sources: &Sources) -> Vec<String> {
    let params = &library.module(PROGRAM).params;
    let is_secret =
        |name: &Name| params.get(name).is_some_and(|param| secret::is_declared(library, &param.declaration));
    let mut texts = Vec::new();
    for (value, span) in given.iter().filter(|(name, _)| is_secret(name)).map(|(_, given)| given) {
        match value {
            Given::Expr(expr) if expr.names_a_secret() => {}
            Given::Expr(expr) => secret::texts(expr, &mut texts),
            Given::Text(text) => texts.push(text.as_str()),
            Given::Unreadable => texts.push(sources.text(*span)),
        }
    }
    let mut texts: Vec<String> = texts.into_iter().map(|text| text.trim().to_string()).collect();
    texts.retain(|text| text.len() >= SHORTEST_SECRET);
    texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
    texts
}

/// Values for params, from wherever, what counts least first.
fn given(
    inputs: &Inputs,
    loader: &dyn Loader,
    library: &Library,
    sources: &mut Sources,
    report: &mut Report,
) -> BTreeMap<Name, (Given, Span)> {
    let mut given = BTreeMap::new();
    let params = &library.module(PROGRAM).params;
    let mut typed = |label: String, name: &Name, text: &str, report: &mut Report| {
        let source = sources.add_from(Origin::Given, label.as_str(), text);
        let span = Span::new(source, 0, text.len());
        if params.get(name).is_some_and(|param| secret::is_declared(library, &param.declaration)) {
            report.hide(span);
        }
        let value = match params.get(name) {
            Some(param) if !is_text(library, &param.declaration.ty.kind) && text.trim().is_empty() => {
                report.push(no_value(library, name, &param.declaration.ty.kind, &label, span));
                Given::Unreadable
            }
            Some(param) if !is_text(library, &param.declaration.ty.kind) => {
                let mut problems = Report::default();
                let value = syntax::parse_value(source, text, &mut problems);
                // What is given is short: what it should be says more than where reading it failed.
                if value.is_none() {
                    let number = problems.sorted().into_iter().find(|why| why.code == "cloud::syntax::number").cloned();
                    let unread = || {
                        Diagnostic::error("cloud::syntax::unexpected", format!("the value for `{name}` cannot be read"))
                            .label(span, "not a value of the language")
                            .help(format!(
                                "write it as in a file: `{}`",
                                example(library, &param.declaration.ty.kind, 0)
                            ))
                    };
                    let declared = param.declaration.ty.span;
                    report.push(number.unwrap_or_else(unread).label(declared, format!("`{name}` is declared here")));
                }
                value.map_or(Given::Unreadable, Given::Expr)
            }
            _ => Given::Text(text.to_string()),
        };
        (name.clone(), (value, span))
    };
    let mut from_environment = Vec::new();
    for name in params.keys() {
        let variable = variable(name.as_str());
        if let Some(text) = loader.variable(&variable) {
            from_environment.push(typed(variable, name, &text, report));
        }
    }
    let mut from_command = Vec::new();
    if let Some(env) = inputs.env.as_deref().filter(|_| params.contains_key("env")) {
        from_command.push(typed("--env".into(), &"env".into(), env, report));
    }
    for (name, text) in &inputs.params {
        from_command.push(typed(format!("--set {name}"), &name.as_str().into(), text, report));
    }
    for path in &inputs.fallback_files {
        from_file(path, loader.data(path), library, sources, report, &mut given);
    }
    given.extend(from_environment);
    for path in &inputs.files {
        from_file(path, loader.typed(path), library, sources, report, &mut given);
    }
    given.extend(from_command);
    given
}

/// The variable of the environment that gives a param its value: `TADPOLE_PARAM_DB_SIZE` for `dbSize`.
pub fn variable(param: &str) -> String {
    let mut name = String::from("TADPOLE_PARAM_");
    let mut after_lower = false;
    for c in param.chars() {
        if c.is_ascii_uppercase() && after_lower {
            name.push('_');
        }
        after_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        name.push(c.to_ascii_uppercase());
    }
    name
}

/// The values in a `.cloudvars` file: statements `name value;`.
fn from_file(
    path: &Path,
    text: Result<String, Diagnostic>,
    library: &Library,
    sources: &mut Sources,
    report: &mut Report,
    given: &mut BTreeMap<Name, (Given, Span)>,
) {
    let text = match text {
        Ok(text) => text,
        Err(diagnostic) => return report.push(diagnostic),
    };
    let source = sources.add(path.display().to_string(), text.as_str());
    if path.extension().is_none_or(|extension| extension != "cloudvars" && extension != "cloud") {
        // Whatever it is, who reads a message may not be meant to read it.
        report.hide(Span::new(source, 0, text.len()));
    }
    let params = &library.module(PROGRAM).params;
    let is_secret = |declaration| secret::is_declared(library, declaration);
    let has_secrets = params.values().any(|param| is_secret(&param.declaration));
    let mut problems = Report::default();
    let Some(file) = syntax::parse(source, &text, &mut problems) else {
        if has_secrets {
            // Nobody knows which part of it is one.
            report.hide(Span::new(source, 0, text.len()));
            report.extend(problems.sorted().into_iter().map(without_quotes));
        } else {
            report.extend(problems.sorted().into_iter().cloned());
        }
        return;
    };
    report.extend(problems.sorted().into_iter().cloned());
    let mut odd: Vec<Span> = file.imports.iter().map(|import| import.span).collect();
    odd.extend(file.params.iter().map(|param| param.span));
    odd.extend(file.outputs.iter().map(|output| output.span));
    odd.extend(file.assertions.iter().map(|assertion| assertion.span));
    odd.extend(file.aliases.iter().map(|alias| alias.span));
    odd.extend(file.functions.iter().map(|function| function.span));
    let mut seen: BTreeMap<Name, Span> = BTreeMap::new();
    for item in file.items {
        let name = item.path.head;
        if item.path.quoted || !item.path.rest.is_empty() {
            odd.push(item.span);
            continue;
        }
        let may_be_secret = match params.get(&name.value) {
            Some(param) => is_secret(&param.declaration),
            // It may be misspelt.
            None => has_secrets,
        };
        match &item.kind {
            ItemKind::Set(value) if may_be_secret => secret::written(value, report),
            _ if may_be_secret => report.hide(item.span),
            _ => {}
        }
        let expr = match item.kind {
            ItemKind::Set(value) => value,
            ItemKind::Merge(body) => Expr { span: item.span, kind: ExprKind::Block(body) },
            ItemKind::Declare(_) | ItemKind::Define(_) => {
                odd.push(item.span);
                continue;
            }
        };
        if let Some(first) = seen.insert(name.value.clone(), name.span) {
            report.push(resolve::scope::duplicate(&name.value, "set", first, name.span));
        }
        if name.value.as_str() == "env" {
            report.push(
                Diagnostic::error("cloud::param::file", "`env` is the name of the environment, not a value of it")
                    .label(name.span, "not in a file")
                    .help("name the environment with `--env NAME`"),
            );
            continue;
        }
        given.insert(name.value, (Given::Expr(expr), name.span));
    }
    for span in odd {
        if has_secrets {
            report.hide(span);
        }
        report.push(
            Diagnostic::error("cloud::param::file", "a file of values has statements `name value;` and no others")
                .label(span, "this is something else"),
        );
    }
}

/// What is wrong at a place of a text that may be secret.
fn without_quotes(diagnostic: &Diagnostic) -> Diagnostic {
    let message = "this file of values cannot be read";
    let wrong = Diagnostic { message: message.into(), labels: Vec::new(), help: None, ..diagnostic.clone() };
    let labels = diagnostic.labels.iter().take(1);
    let wrong =
        labels.fold(wrong, |wrong, label| wrong.label(label.span, "here; its text may be secret, and is not shown"));
    wrong.help("a file of values has statements `name value;`, with texts in quotes")
}

/// Says that nothing was given for a param that takes no text.
fn no_value(library: &Library, param: &Name, ty: &TypeExprKind, label: &str, span: Span) -> Diagnostic {
    let example = example(library, ty, 0);
    // What a shell would take apart stands in quotes.
    let plain = example.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
    let help = match (label.split_once(' '), plain) {
        (Some((flag, name)), true) => format!("{flag} {name}={example}"),
        (Some((flag, name)), false) => format!("{flag} '{name}={example}'"),
        (None, true) => format!("{label}={example}"),
        (None, false) => format!("{label}='{example}'"),
    };
    Diagnostic::error("cloud::param::missing", format!("`{label}` gives `{param}` no value"))
        .label(span, "nothing stands here")
        .help(format!("give it a value of its type, as `{help}`"))
}

/// Types that one written type may lead to, by way of names and `?`.
const MAX_ALIASES: usize = 50;

/// A written type without `?`, and without a name that only stands for it. Nothing for a type that is
/// made of itself, which is reported where it is declared.
fn plain<'t>(library: &'t Library, mut ty: &'t TypeExprKind) -> Option<&'t TypeExprKind> {
    for _ in 0..MAX_ALIASES {
        ty = match ty {
            TypeExprKind::Optional(inner) => &inner.kind,
            TypeExprKind::Named(name) => {
                let found =
                    resolve::scope::search(&library.modules, PROGRAM, |module| module.aliases.get(name).copied());
                let Some(alias) = found else { return Some(ty) };
                &alias.ty.kind
            }
            TypeExprKind::List(_) | TypeExprKind::Map(_) | TypeExprKind::Enum(_) => return Some(ty),
        };
    }
    None
}

/// Whether values of a written type are texts.
fn is_text(library: &Library, ty: &TypeExprKind) -> bool {
    match plain(library, ty) {
        Some(TypeExprKind::Enum(_)) => true,
        Some(TypeExprKind::Named(name)) => {
            let is_own = resolve::scope::find_template(&library.modules, PROGRAM, name.as_str()).is_some();
            matches!(name.as_str(), "String" | "Secret") && !is_own
        }
        Some(TypeExprKind::List(_) | TypeExprKind::Map(_) | TypeExprKind::Optional(_)) | None => false,
    }
}

/// A value of a written type.
fn example(library: &Library, ty: &TypeExprKind, depth: usize) -> String {
    let any = || "\"...\"".to_string();
    if depth > MAX_ALIASES {
        return any();
    }
    match plain(library, ty) {
        Some(TypeExprKind::List(of)) => format!("[{}]", example(library, &of.kind, depth + 1)),
        Some(TypeExprKind::Map(of)) => format!("{{ name {}; }}", example(library, &of.kind, depth + 1)),
        Some(TypeExprKind::Enum(words)) => words.first().map_or_else(any, |word| format!("\"{word}\"")),
        Some(TypeExprKind::Named(name)) => match name.as_str() {
            "Bool" => "true".into(),
            "Int" => "1".into(),
            "Number" => "1.5".into(),
            "Duration" => "30s".into(),
            "Size" => "8GiB".into(),
            _ => any(),
        },
        Some(TypeExprKind::Optional(_)) | None => any(),
    }
}

#[cfg(test)]
mod tests {
    use super::variable;

    #[test]
    fn params_have_variables_in_capitals() {
        for (param, name) in [("env", "ENV"), ("dbSize", "DB_SIZE"), ("ec2Type", "EC2_TYPE"), ("aURL", "A_URL")] {
            assert_eq!(variable(param), format!("TADPOLE_PARAM_{name}"));
        }
    }
}
