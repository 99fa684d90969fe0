//! Calls: functions of the library, functions of the program, and the few that ask the world outside.

use std::rc::Rc;
use std::sync::Arc;

use crate::check::expr::{Env, Locals};
use crate::check::{Checker, MAX_STEPS, instance::Node};
use crate::diagnostic::Diagnostic;
use crate::model::function::{self, Ask, Function, Work};
use crate::model::operation::{self, Operation, a_kind};
use crate::model::term::Term;
use crate::model::ty::Ty;
use crate::name::{Address, Name};
use crate::resolve::types::Types;
use crate::resolve::{Family, ModuleId, load, scope};
use crate::source::Span;
use crate::syntax::tree::{self, Expr, Ident};
use crate::syntax::{self, habit};
use crate::value::{Secret, Value};

/// A function of the program that is being evaluated, and the place that called it.
pub(super) struct Call<'a> {
    function: &'a tree::Function,
    via: Span,
}

impl<'a> Checker<'a, '_> {
    pub(super) fn call(&mut self, name: &'a Ident, arguments: &'a [Expr], env: &Env, span: Span) -> Term {
        let library = self.library;
        let own = scope::search_from(&library.modules, env.module, |module| module.functions.get(&name.value).copied());
        if let Some((module, function)) = own {
            scope::clash(&library.modules, env.module, name, self.report);
            return self.call_own(module, function, arguments, env, span);
        }
        let Some(function) = function::find(name.value.as_str()) else {
            let help = habit::names::function(name.value.as_str());
            let own = library.module(env.module).functions.keys().map(Name::as_str);
            let known = function::TABLE.iter().map(|function| function.name).chain(own);
            // What only looks like it would contradict the help.
            let known = known.filter(|known| help.is_none_or(|help| help.contains(known)));
            let message = format!("there is no function `{}`", name.value);
            let diagnostic = scope::unknown("cloud::function::unknown", &message, name, known);
            let is_long = self.report.is_long();
            let import = || if is_long { None } else { load::help_import(name.value.as_str()) };
            self.tell(match help.map(str::to_string).or_else(import) {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            });
            return Term::POISON;
        };
        let (least, most) = function.arity();
        if arguments.len() < least || arguments.len() > most {
            self.wrong_count(name, arguments.len(), span, &function.usage());
            return Term::POISON;
        }
        let terms = arguments.iter().enumerate().map(|(at, argument)| {
            let ty = function.parameter(at).map_or(&Ty::Any, |parameter| &parameter.ty);
            let parameter = function.parameter(at).map_or("", |parameter| parameter.name);
            self.eval(argument, ty, &env.for_part(&format!("`{parameter}` of `{}`", function.name)))
        });
        let terms: Vec<Term> = terms.collect();
        match function.work {
            Work::Pure(_) => {
                let term = self.apply(Operation::Function(function), terms, span);
                // One call may make many: `jsonDecode`, `setProduct`.
                let weight = term.weight();
                if weight > 64 && !self.spend(weight, span) { Term::POISON } else { term }
            }
            Work::Ask(ask) => self.ask(function, ask, terms, env, span),
        }
    }

    fn wrong_count(&mut self, name: &Ident, count: usize, span: Span, usage: &str) {
        let arguments = if count == 1 { "one argument".to_string() } else { format!("{count} arguments") };
        self.tell(
            Diagnostic::error("cloud::function::arguments", format!("`{}` does not take {arguments}", name.value))
                .label(span, "called here")
                .help(format!("it is called as `{usage}`")),
        );
    }

    // ---- functions of the program

    fn call_own(
        &mut self,
        module: ModuleId,
        function: &'a tree::Function,
        arguments: &'a [Expr],
        env: &Env,
        span: Span,
    ) -> Term {
        if arguments.len() != function.parameters.len() {
            let parameters: Vec<&str> =
                function.parameters.iter().map(|parameter| parameter.name.value.as_str()).collect();
            let usage = format!("{}({})", function.name.value, parameters.join(", "));
            self.wrong_count(&function.name, arguments.len(), span, &usage);
            return Term::POISON;
        }
        let mut locals = Vec::with_capacity(arguments.len());
        for (parameter, argument) in function.parameters.iter().zip(arguments) {
            let ty = self.written(module, &parameter.ty);
            let part = env.for_part(&format!("`{}` of `{}`", parameter.name.value, function.name.value));
            locals.push((parameter.name.value.clone(), Arc::new(self.eval(argument, &ty, &part))));
        }
        self.body_of(module, function, locals, span)
    }

    /// The result of a function for these arguments.
    fn body_of(&mut self, module: ModuleId, function: &'a tree::Function, locals: Locals, via: Span) -> Term {
        if let Some(at) = self.calls.iter().position(|call| std::ptr::eq(call.function, function)) {
            self.recursion(at, via);
            return Term::POISON;
        }
        if !self.step(function, via) {
            return Term::POISON;
        }
        self.calls.push(Call { function, via });
        let node = self.function_node();
        let env = Env {
            locals: Rc::new(locals),
            ..self.env(node, crate::resolve::prototype::Scope { module, skip: 0, levels: 1 }, None)
        };
        let result = function.result.as_ref().map_or(Ty::Any, |ty| self.written(module, ty));
        let term =
            self.eval(&function.body, &result, &env.for_part(&format!("the result of `{}`", function.name.value)));
        self.calls.pop();
        // A result that holds its arguments twice doubles with every call around it.
        let weight = term.weight();
        if weight > 64 && !self.spend(weight, via) {
            return Term::POISON;
        }
        term
    }

    /// Counts a call; false when there are too many, with an error for the first, at the function that makes them.
    fn step(&mut self, function: &'a tree::Function, via: Span) -> bool {
        self.steps = self.steps.saturating_add(1);
        if self.steps == MAX_STEPS + 1 {
            let (outermost, via) = self.calls.first().map_or((function, via), |call| (call.function, call.via));
            let name = &outermost.name;
            let diagnostic =
                Diagnostic::error("cloud::limit::steps", format!("`{}` takes too many steps to evaluate", name.value))
                    .label(name.span, format!("more than {MAX_STEPS} calls of functions by now"));
            let diagnostic = if via == name.span { diagnostic } else { diagnostic.label(via, "called here") };
            self.tell(diagnostic.help("a function that calls others twice doubles the work with each level: pass on a value that was made once"));
        }
        self.steps <= MAX_STEPS
    }

    fn recursion(&mut self, at: usize, via: Span) {
        let calls = &self.calls[at..];
        let name = &calls[0].function.name.value;
        let message = match calls.len() {
            1 => format!("`{name}` calls itself"),
            _ => format!("`{name}` calls itself, over other functions"),
        };
        let mut labels: Vec<(Span, String)> = Vec::new();
        for (step, call) in calls.iter().enumerate() {
            let next = calls.get(step + 1);
            let (span, called) = next.map_or((via, name), |next| (next.via, &next.function.name.value));
            labels.push((span, format!("`{}` calls `{called}`", call.function.name.value)));
        }
        // The same ring is met from any of its functions: it always starts at its first place.
        if let Some(first) = labels.iter().enumerate().min_by_key(|(_, (span, _))| *span).map(|(at, _)| at) {
            labels.rotate_left(first);
        }
        let diagnostic = Diagnostic::error("cloud::function::recursion", message);
        let diagnostic = labels.into_iter().fold(diagnostic, |diagnostic, (span, text)| diagnostic.label(span, text));
        self.tell(diagnostic.help("a function may not come to itself: use a `for` over a list or a range"));
    }

    /// Functions are checked by themselves too, with their parameters left open.
    pub(super) fn functions(&mut self) {
        let library = self.library;
        for (number, module) in library.modules.iter().enumerate() {
            let id = ModuleId(number);
            for function in module.functions.values() {
                let mut locals = Locals::new();
                for parameter in &function.parameters {
                    let name = &parameter.name;
                    let first = function.parameters.iter().find(|other| other.name.value == name.value);
                    if let Some(first) = first.filter(|first| first.name.span != name.span) {
                        self.tell(scope::duplicate(&name.value, "defined", first.name.span, name.span));
                    }
                    locals.push((name.value.clone(), Term::Open(self.written(id, &parameter.ty)).into()));
                }
                self.body_of(id, function, locals, function.name.span);
            }
        }
    }

    fn written(&mut self, module: ModuleId, ty: &tree::TypeExpr) -> Ty {
        Types::new(&self.library.modules, &mut self.types, self.report).ty(module, ty)
    }

    /// What the texts of functions stand in: nothing is visible from there.
    fn function_node(&mut self) -> crate::check::instance::NodeId {
        match self.function_node {
            Some(node) => node,
            None => {
                let node = self.add(Node::new(None, Address::root(), Rc::default(), Family::Data));
                self.function_node = Some(node);
                node
            }
        }
    }

    /// Whether a text stands in a function or a template file, which see only what they are given.
    pub(super) fn is_pure(&self, env: &Env) -> bool {
        let mut node = Some(env.node);
        while let Some(id) = node {
            if Some(id) == self.function_node {
                return true;
            }
            node = self.nodes[id.0].parent;
        }
        false
    }

    // ---- the world outside

    fn ask(&mut self, function: &'static Function, ask: Ask, arguments: Vec<Term>, env: &Env, span: Span) -> Term {
        if arguments.iter().any(Term::is_open) {
            return Term::Open(function.result.clone());
        }
        let Some(Term::Known(Value::String(first))) = arguments.first() else {
            if let Some(Term::Known(other)) = arguments.first() {
                let message = format!("`{}` cannot take {}", function.name, a_kind(other));
                self.tell(Diagnostic::error("cloud::value::impossible", message).label(span, "here"));
            } else {
                let what = format!("what `{}` reads", function.name);
                arguments.first().inspect(|term| self.known_later(term, span, &what));
            }
            return Term::POISON;
        };
        match ask {
            Ask::Asset => self.asset(first, span),
            Ask::Folder => self.folder(first, span),
            Ask::File => self.file(first, span).map_or(Term::POISON, Term::string),
            Ask::Secret => self.secret(first, span),
            Ask::Template => {
                let values = arguments.get(1).cloned().unwrap_or(Term::map(Default::default()));
                self.template(first, values, env, span)
            }
        }
    }

    /// The text of a file, whose path starts at the file that names it.
    fn file(&mut self, path: &str, span: Span) -> Option<String> {
        let from = self.library.directory(span.source);
        let read = self.outside.loader.data(&crate::resolve::load::normal(&from.join(path)));
        let text = match read {
            Ok(text) => text,
            Err(diagnostic) => {
                let help = diagnostic.help.clone();
                let help = help.unwrap_or_else(|| "the path starts at the directory of this file".into());
                self.report.push_place(diagnostic.label(span, "read here").help(help));
                return None;
            }
        };
        match operation::fitting(text.len()) {
            Ok(()) => Some(of_any_checkout(&text)),
            Err(message) => {
                self.tell(Diagnostic::error("cloud::value::impossible", message).label(span, "read here"));
                None
            }
        }
    }

    fn template(&mut self, path: &str, values: Term, env: &Env, span: Span) -> Term {
        if values.is_secret() {
            self.secret_decides("what a template file sees", span);
            return Term::POISON;
        }
        let Some(text) = self.file(path, span) else {
            return Term::POISON;
        };
        let shown = crate::resolve::load::normal(&self.library.directory(span.source).join(path));
        let source = self.sources.add(shown.display().to_string(), text.as_str());
        // It is no program: who reads a message may not be meant to read the file.
        self.report.hide(Span::new(source, 0, text.len()));
        let Some(expr) = syntax::parse_template(source, &text, self.report) else {
            return Term::POISON;
        };
        let expr = self.outside.texts.push_get(Box::new(expr));
        let locals = values.into_entries().unwrap_or_default();
        let locals = locals.into_iter().map(|(key, value)| (Name::from(key.as_str()), Arc::new(value))).collect();
        let node = self.function_node();
        let scope = crate::resolve::prototype::Scope { module: env.module, skip: 0, levels: 1 };
        let inner = Env { locals: Rc::new(locals), ..self.env(node, scope, None) };
        self.eval(expr, &Ty::String, &inner)
    }

    fn secret(&mut self, origin: &str, span: Span) -> Term {
        let found = match origin.split_once(':') {
            Some(("env", name)) if !name.is_empty() => {
                let missing = || {
                    Diagnostic::error("cloud::secret::absent", format!("the environment has no variable `{name}`"))
                        .label(span, "this secret is read from it")
                        .help(format!("set it: `export {name}=...`"))
                };
                self.outside.loader.variable(name).ok_or_else(missing)
            }
            Some(("file", path)) if !path.is_empty() => {
                let from = self.library.directory(span.source);
                let read = self.outside.loader.data(&crate::resolve::load::normal(&from.join(path)));
                let text = read.map(|text| {
                    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
                    text.strip_suffix('\n').map_or(text, |text| text.trim_end_matches('\r')).to_string()
                });
                text.map_err(|diagnostic| Diagnostic {
                    code: "cloud::secret::absent",
                    ..diagnostic.label(span, "this secret is read from it")
                })
            }
            _ => {
                // It may be the secret itself.
                self.report.hide(span);
                self.tell(
                    Diagnostic::error("cloud::secret::origin", "this does not say where a secret is")
                        .label(span, "neither a variable nor a file")
                        .help("write `secret(\"env:NAME\")` or `secret(\"file:PATH\")`"),
                );
                return Term::POISON;
            }
        };
        match found {
            Ok(text) => Term::Known(Value::Secret(Secret::new(origin, text))),
            // A program can be checked where its secrets are not at hand, as in a pull request.
            Err(diagnostic) if self.outside.absent_is_open => {
                self.report.push_place(Diagnostic { severity: crate::diagnostic::Severity::Warning, ..diagnostic });
                Term::Open(Ty::Secret)
            }
            Err(diagnostic) => {
                self.report.push_place(diagnostic);
                Term::POISON
            }
        }
    }
}

/// A text as it is on every machine: a checkout may put another line end, and an editor the mark of the
/// encoding at its start. A `\r` that no `\n` follows is the file's own.
fn of_any_checkout(text: &str) -> String {
    text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n")
}
