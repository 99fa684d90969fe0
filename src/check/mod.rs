//! The library to a [`Program`]: components come into being, every attribute is evaluated and
//! checked against its type. What only the provider can fill in stays a term.

mod body;
mod call;
mod demand;
mod expr;
mod files;
mod impossible;
mod infer;
mod instance;
mod lifecycle;
mod limit;
pub mod origin;
mod place;
mod reference;
mod repeat;
mod secret;
mod setting;
mod shared;
mod subject;
mod ty;
mod typing;
mod upstream;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use elsa::FrozenVec;

use crate::diagnostic::{Diagnostic, Report, Severity};
use crate::model::action::{ActionTerm, Lifecycle};
use crate::model::resource::{Assertion, Output, Program};
use crate::model::schema::Schema;
use crate::model::term::{Nothing, Term};
use crate::model::ty::{TemplateId, Ty};
use crate::model::unordered::Unordered;
use crate::name::{Address, Name, OrderedTable, Set, Table};
use crate::resolve::load::Loader;
use crate::resolve::prototype::{Layer, Members, Scope, Shape, combine, layer_items, layer_on};
use crate::resolve::types::Types;
use crate::resolve::{Family, Library, ModuleId, PROGRAM};
use crate::source::{SourceId, Sources, Span};
use crate::syntax::tree::{self, Expr, Ident};
use crate::value::Value;
use call::Call;
use instance::{Children, Node, NodeId};
use origin::{Missing, Origins};
use shared::Shared;
use upstream::Upstream;

/// Errors after which no more components are looked at.
const MAX_ERRORS: usize = 1_000;
/// Components that one program may have.
pub const MAX_COMPONENTS: usize = 200_000;
/// Of components around one, that many count nothing; with that many more, it counts for two, and so on.
const SHALLOW: usize = 4;
/// Components that one may stand inside.
const MAX_NESTING: usize = 100;
/// A statement may come to stand inside itself this often, by way of templates.
const MAX_SELF_NESTING: usize = 20;
/// Components that checking one template by itself may make,
const PROBE_BUDGET: usize = 10_000;
/// and all of them together: of templates made of templates, each has all that those below it have.
const PROBES_BUDGET: usize = 100_000;
/// Elements of lists and maps, attributes of values and pieces of texts that evaluating one program may make.
const MAX_ELEMENTS: usize = 5_000_000;
/// Calls of functions of the program that evaluating it may make.
const MAX_STEPS: usize = 1_000_000;
/// What weighs no more is copied without being counted.
const LIGHT: usize = 16;
/// References that may hang on one another.
const MAX_REFERENCES: usize = 5_000;

/// The value of a param from outside the program.
pub enum Given {
    /// Written as a value of the language.
    Expr(Expr),
    /// Taken as it is, for params that are texts.
    Text(String),
    /// No value of the language, which has been reported.
    Unreadable,
}

/// What a program asks of the world while it is compiled.
pub struct Outside<'a> {
    /// Values of params, and where they were given.
    pub given: &'a BTreeMap<Name, (Given, Span)>,
    pub loader: &'a dyn Loader,
    /// Keeps what is parsed on the way: template files.
    pub texts: &'a FrozenVec<Box<Expr>>,
    /// A secret, or an output of another program, that is not at hand stays open; a secret with a warning.
    pub absent_is_open: bool,
    /// The program is compiled for the sandbox: what help says to run, runs there too.
    pub sandbox: bool,
}

/// Checks everything. Always answers a program; it means something only when the report has no errors.
pub fn check<'a>(
    library: &'a Library<'a>,
    outside: &'a Outside<'a>,
    sources: &mut Sources,
    report: &mut Report,
) -> Program {
    let mut checker = Checker::new(library, outside, sources, report);
    checker.given_params_exist();
    let root = checker.root();
    let mut resources = Vec::new();
    checker.walk(root, &mut |checker, node| {
        let resource = checker.resource(node);
        resource.iter().for_each(|resource| checker.limits(resource));
        // With errors there is no graph, for which they would be kept.
        if !checker.report.has_errors() {
            resources.extend(resource);
        } else if checker.report.count(Severity::Error) > MAX_ERRORS {
            checker.report.cut_short();
            checker.exhausted = true;
        }
    });
    checker.limits_between(&resources);
    let outputs = checker.outputs(root);
    let assertions = checker.assertions(root);
    checker.params();
    checker.unused_constants();
    checker.functions();
    checker.probes();
    // A name may be unused only because what uses it could not be read.
    if !checker.report.has_errors() {
        checker.unused(root);
    }
    let project = checker.project(root);
    Program { project, resources, outputs, assertions }
}

/// The term of an expression, as if it stood at the top of the program. Only what it uses is evaluated.
pub fn evaluate<'a>(
    library: &'a Library<'a>,
    outside: &'a Outside<'a>,
    expr: &'a Expr,
    sources: &mut Sources,
    report: &mut Report,
) -> Term {
    let mut checker = Checker::new(library, outside, sources, report);
    checker.given_params_exist();
    checker.expression = Some(expr.span.source);
    let root = checker.root();
    let env = checker.text_of(root);
    let term = checker.eval(expr, &Ty::Any, &env);
    checker.refuse_groups(&term, expr.span);
    term
}

/// Every attribute of the component at an address, with the places that set it.
///
/// # Errors
/// When there is none.
pub fn origins<'a>(
    library: &'a Library<'a>,
    outside: &'a Outside<'a>,
    address: &Address,
    sources: &mut Sources,
    report: &mut Report,
) -> Result<Origins, Missing> {
    let mut checker = Checker::new(library, outside, sources, report);
    checker.given_params_exist();
    let root = checker.root();
    let node = checker.component_at(root, address)?;
    Ok(checker.origins(node))
}

struct Checker<'a, 'r> {
    library: &'a Library<'a>,
    outside: &'a Outside<'a>,
    sources: &'r mut Sources,
    report: &'r mut Report,
    nodes: Vec<Node<'a>>,
    by_address: Table<Address, NodeId>,
    /// Former addresses, each with the component that says that it had it, and where.
    former: Table<Address, (Address, Span)>,
    /// One node without members a module: what its own texts stand in.
    module_nodes: HashMap<usize, NodeId>,
    /// The node without members that the texts of functions stand in.
    function_node: Option<NodeId>,
    /// Functions of the program being evaluated, outermost first.
    calls: Vec<Call<'a>>,
    /// Other programs whose outputs were asked for, by directory and environment.
    upstreams: HashMap<(PathBuf, String), Rc<Upstream>>,
    /// Attributes being evaluated, outermost first.
    stack: Vec<Frame>,
    /// What `super` stands for: the value of an attribute from its first so many settings.
    inherited: Table<(NodeId, Name, usize), Arc<Term>>,
    constants: Table<(ModuleId, Name), Option<Arc<Term>>>,
    params: Table<Name, Option<Arc<Term>>>,
    shapes: Table<Vec<TemplateId>, Rc<Shape<'a>>>,
    schemas: Table<TemplateId, Arc<Schema>>,
    /// What is declared `unordered`, once somebody asked.
    unordered: Option<Unordered>,
    /// Nothing for an attribute that may differ between two components of a template.
    shared: Table<shared::Key<'a>, Option<Shared>>,
    /// Where all four lists are shared.
    lifecycles: Table<*const Shape<'a>, Arc<Lifecycle<ActionTerm>>>,
    /// Lists of actions whose limits have been asked.
    limited: Set<*const Lifecycle<ActionTerm>>,
    types: Table<(ModuleId, Name), Ty>,
    root: Option<NodeId>,
    /// The text of an expression from outside the program. It alone sees outputs.
    expression: Option<SourceId>,
    /// Set for a program of which only the types of its outputs are asked: its params are open.
    is_upstream: bool,
    /// Set when expanding has gone too far; nothing expands any more.
    exhausted: bool,
    /// Components made so far, those deep inside others for more than one,
    made: usize,
    /// and how many there may be at the moment.
    budget: usize,
    /// Elements made so far.
    elements: usize,
    /// Calls of functions of the program so far.
    steps: usize,
    /// Variables of what runs over things that are not known yet, made so far.
    variables: u32,
    /// Names of the root that something refers to or inherits.
    used: Set<Name>,
    /// Whether it was told of an operation on a secret that it has no result, which says something of the secret.
    secret_failed: bool,
}

/// One attribute, constant or param under evaluation.
struct Frame {
    what: What,
    /// The place that asked for it.
    via: Span,
}

#[derive(Clone, PartialEq)]
enum What {
    Attribute(NodeId, Name),
    Children(NodeId, Name),
    Constant(ModuleId, Name),
    Param(Name),
}

impl<'a, 'r> Checker<'a, 'r> {
    fn new(
        library: &'a Library<'a>,
        outside: &'a Outside<'a>,
        sources: &'r mut Sources,
        report: &'r mut Report,
    ) -> Checker<'a, 'r> {
        Checker {
            library,
            outside,
            sources,
            report,
            nodes: Vec::new(),
            by_address: Table::default(),
            former: Table::default(),
            module_nodes: HashMap::new(),
            function_node: None,
            calls: Vec::new(),
            upstreams: HashMap::new(),
            stack: Vec::new(),
            inherited: Table::default(),
            constants: Table::default(),
            params: Table::default(),
            shapes: Table::default(),
            schemas: Table::default(),
            unordered: None,
            shared: Table::default(),
            lifecycles: Table::default(),
            limited: Set::default(),
            types: Table::default(),
            root: None,
            expression: None,
            is_upstream: false,
            exhausted: false,
            made: 0,
            budget: MAX_COMPONENTS,
            elements: 0,
            steps: 0,
            variables: 0,
            used: Set::default(),
            secret_failed: false,
        }
    }

    /// Counts elements that are made; false when there are too many, with an error for the first.
    fn spend(&mut self, elements: usize, span: Span) -> bool {
        let fits = self.elements <= MAX_ELEMENTS;
        self.elements = self.elements.saturating_add(elements);
        if fits && self.elements > MAX_ELEMENTS {
            self.tell(
                Diagnostic::error("cloud::limit::elements", "this program makes too many values")
                    .label(span, format!("more than {MAX_ELEMENTS} parts of values by now")),
            );
        }
        self.elements <= MAX_ELEMENTS
    }

    /// Another one of a term, counted before it is made: what names a list twice could double it with every name.
    fn copy(&mut self, term: &Term, span: Span) -> Term {
        let weight = term.weight();
        if weight > LIGHT && !self.spend(weight, span) { Term::POISON } else { term.clone() }
    }

    /// The component that the program's files describe.
    fn root(&mut self) -> NodeId {
        let items: Vec<_> = self
            .library
            .program_items()
            .filter(|item| !item.path.head.value.is_template() && !item.path.head.value.is_constant())
            .collect();
        let mut own = Members::default();
        let compound = self.library.shape(self.library.roots.compound).clone();
        for name in items.iter().map(|item| &item.path.head) {
            if let Some(param) = self.library.module(PROGRAM).params.get(&name.value)
                && !compound.members.contains_key(&name.value)
            {
                self.tell(crate::resolve::scope::duplicate(&name.value, "defined", param.name.span, name.span));
            }
        }
        // The files stand one after another, so the body itself is not asked.
        let nothing = &self.library.template(self.library.roots.compound).body;
        let layer = Layer {
            body: nothing,
            scope: Scope { module: PROGRAM, skip: 0, levels: 1 },
            subject: "the program".into(),
            open: true,
        };
        let mut types = Types::new(&self.library.modules, &mut self.types, self.report);
        layer_items(&mut own, &compound.members, items.into_iter(), &layer, &mut types);
        let start = self.library.module(PROGRAM).files.first().map(|file| Span { end: file.span.start, ..file.span });
        let root = Node::new(None, Address::root(), compound, Family::Compound);
        let root = self.add(Node { own, span: start.unwrap_or(root.span), ..root });
        self.root = Some(root);
        root
    }

    /// Visits every component below one that is deployed or groups others, parents first.
    fn walk(&mut self, from: NodeId, visit: &mut dyn FnMut(&mut Checker<'a, 'r>, NodeId)) {
        let mut queue = vec![from];
        while let Some(node) = queue.pop() {
            visit(self, node);
            if self.exhausted {
                return;
            }
            let mut below = Vec::new();
            // A constant is not deployed: one that would be is reported as soon as it is made.
            let this = &self.nodes[node.0];
            let of_template = this.shape.members.keys().filter(|_| this.probe);
            let constants = this.own.keys().chain(of_template).filter(|name| name.is_constant());
            let constants: Vec<Name> = constants.filter(|name| this.is_component(name.as_str())).cloned().collect();
            for name in constants {
                self.children(node, &name, self.nodes[node.0].span);
            }
            for name in self.component_names(node) {
                match self.children(node, &name, self.nodes[node.0].span) {
                    Children::Absent | Children::Broken => {}
                    Children::One(child) | Children::Any(child) => below.push(child),
                    Children::Many(children) => below.extend(children.iter().map(|(_, child)| *child)),
                }
            }
            queue.extend(below.into_iter().rev());
        }
    }

    fn given_params_exist(&mut self) {
        let params = &self.library.module(PROGRAM).params;
        let mut wrong = Vec::new();
        for (name, (given, span)) in self.outside.given {
            if !params.contains_key(name) {
                // It may have been meant for a secret.
                if let Given::Text(_) = given {
                    self.report.hide(*span);
                }
                let ident = Ident::new(name.clone(), *span);
                let known = params.keys().map(Name::as_str);
                let message = format!("there is no param `{name}`");
                wrong.push(crate::resolve::scope::unknown("cloud::param::unknown", &message, &ident, known));
            }
        }
        wrong.into_iter().for_each(|diagnostic| self.tell(diagnostic));
    }

    fn outputs(&mut self, root: NodeId) -> Vec<Output> {
        let library = self.library;
        let mut outputs: OrderedTable<Name, Output> = OrderedTable::default();
        for output in library.module(PROGRAM).files.iter().flat_map(|file| &file.outputs) {
            if let Some(first) = outputs.get(&output.name.value) {
                self.tell(crate::resolve::scope::duplicate(
                    &output.name.value,
                    "defined",
                    first.span,
                    output.name.span,
                ));
                continue;
            }
            let term = self.output(root, output);
            self.refuse_groups(&term, output.value.span);
            let name = output.name.value.clone();
            outputs.insert(name.clone(), Output { name, term, span: output.name.span });
        }
        outputs.into_values().collect()
    }

    fn output(&mut self, root: NodeId, output: &'a tree::Output) -> Term {
        let ty = match &output.ty {
            Some(ty) => Types::new(&self.library.modules, &mut self.types, self.report).ty(PROGRAM, ty),
            None => Ty::Any,
        };
        let env = self.text_of(root);
        self.eval(&output.value, &ty, &env)
    }

    /// Tests assertions; answers those that only the cloud's answers can decide.
    fn assertions(&mut self, root: NodeId) -> Vec<Assertion> {
        let library = self.library;
        let (mut open, mut decided) = (Vec::new(), Vec::new());
        for assertion in library.module(PROGRAM).files.iter().flat_map(|file| &file.assertions) {
            let env = self.text_of(root);
            let condition = self.eval(&assertion.condition, &Ty::Bool, &env.for_part("what is asserted"));
            let message = self.eval(&assertion.message, &Ty::String, &env);
            let assertion = Assertion { condition, message, span: assertion.condition.span };
            match &assertion.condition {
                Term::Known(_) => decided.push(assertion),
                condition if condition.is_open() => {}
                _ => open.push(assertion),
            }
        }
        self.report.extend(Assertion::all_broken(&decided, &Nothing));
        open
    }

    /// Params that nothing refers to are checked like the others.
    fn params(&mut self) {
        let names: Vec<Name> = self.library.module(PROGRAM).params.keys().cloned().collect();
        for name in names {
            let span = self.library.module(PROGRAM).params[&name].name.span;
            self.param(&name, span);
        }
    }

    /// The root takes any name, so a misspelled one would go unnoticed.
    fn unused(&mut self, root: NodeId) {
        let node = &self.nodes[root.0];
        let names: HashMap<&Name, Span> =
            self.library.program_items().map(|item| (&item.path.head.value, item.path.head.span)).collect();
        let mut warnings = Vec::new();
        for (name, member) in &node.own {
            let declared = node.attribute(name.as_str()).is_some() || node.is_component(name.as_str());
            let Some(setting) = member.settings.last().filter(|_| !declared && !self.used.contains(name)) else {
                continue;
            };
            let known = node.shape.members.keys().filter(|name| !name.is_constant()).chain(&self.used);
            let known = known.filter(|_| warnings.len() < 100);
            let warning = Diagnostic::warning("cloud::attribute::unused", format!("nothing uses `{name}`"));
            let span = names.get(name).copied().unwrap_or(setting.span);
            warnings.push(match crate::diagnostic::closest(name.as_str(), known.map(Name::as_str)) {
                Some(near) => warning.label(span, format!("did you mean `{near}`?")),
                None => warning.label(span, "set here").help("remove it, or name it where it is meant to be used"),
            });
        }
        self.report.extend(warnings);
    }

    /// Constants that nothing refers to are checked like the others.
    fn unused_constants(&mut self) {
        let library = self.library;
        for (number, module) in library.modules.iter().enumerate() {
            let id = ModuleId(number);
            if id != crate::resolve::PRELUDE {
                for (name, item) in &module.constants {
                    self.constant(id, name, item.path.span);
                }
            }
        }
    }

    /// Templates are checked by themselves too, with what they leave open left open: a mistake shows
    /// when it is made, not when somebody extends the template.
    fn probes(&mut self) {
        // A program beyond a limit has been told so.
        if self.exhausted {
            return;
        }
        let library = self.library;
        let mut left = PROBES_BUDGET;
        for (number, template) in library.templates.iter().enumerate() {
            if template.module == crate::resolve::PRELUDE {
                continue;
            }
            let shape = library.shape(TemplateId(number as u32)).clone();
            let family = library.family(&shape);
            let address = Address::root().child(crate::name::Segment { name: template.name.value.clone(), key: None });
            let node = Node::new(None, address, shape, family);
            let node = self.add(Node { probe: true, span: template.name.span, ..node });
            let made = self.made;
            self.budget = made + PROBE_BUDGET.min(left);
            self.walk(node, &mut |checker, node| {
                checker.attributes(node);
                if checker.nodes[node.0].family == Family::Resource {
                    checker.lifecycle(node);
                }
            });
            left = left.saturating_sub(self.made - made);
            self.budget = MAX_COMPONENTS;
            self.exhausted = false;
        }
    }

    fn project(&mut self, root: NodeId) -> Option<Arc<str>> {
        let name = Name::from("project");
        if !self.nodes[root.0].is_component("project") {
            return None;
        }
        let span = self.nodes[root.0].span;
        let Children::One(node) = self.children(root, &name, span) else {
            return None;
        };
        if !self.nodes[node.0].shape.lineage.contains(&self.library.roots.project) {
            return None;
        }
        match self.attribute(node, &"name".into(), span).as_ref() {
            Term::Known(Value::String(name)) => Some(name.clone()),
            _ => None,
        }
    }

    /// The shape of a component that extends these.
    fn shape(&mut self, prototypes: &[TemplateId]) -> Rc<Shape<'a>> {
        if let [one] = prototypes {
            return self.library.shape(*one).clone();
        }
        if let Some(shape) = self.shapes.get(prototypes) {
            return shape.clone();
        }
        let library = self.library;
        let (types, report) = (&mut self.types, &mut *self.report);
        let shape = Rc::new(combine(
            prototypes,
            |id| library.shape(id).clone(),
            |shape, id| {
                let layer = Layer::of_template(library.template(id));
                layer_on(
                    &mut shape.members,
                    &Members::default(),
                    &layer,
                    &mut Types::new(&library.modules, types, report),
                );
            },
        ));
        self.shapes.insert(prototypes.to_vec(), shape.clone());
        shape
    }

    /// What is being evaluated, as a user would call it.
    fn called(&self, what: &What) -> String {
        match what {
            What::Attribute(node, name) | What::Children(node, name) => {
                let address = self.nodes[node.0].address.to_string();
                if address.is_empty() { name.to_string() } else { format!("{address}.{name}") }
            }
            What::Constant(_, name) | What::Param(name) => name.to_string(),
        }
    }

    /// Reports the cycle that asking for `what` at `via` would close.
    fn cycle(&mut self, what: &What, via: Span) {
        let start = self.stack.iter().position(|frame| frame.what == *what).unwrap_or(0);
        let frames = &self.stack[start..];
        let name = self.called(what);
        let mut diagnostic = Diagnostic::error("cloud::reference::cycle", format!("`{name}` depends on itself"));
        let steps = frames.iter().skip(1).map(|frame| frame.via).chain([via]);
        let ends = frames.iter().skip(1).map(|frame| self.called(&frame.what)).chain([name]);
        let mut labels: Vec<(Span, String)> = Vec::new();
        for ((span, end), frame) in steps.zip(ends).zip(frames) {
            labels.push((span, format!("`{}` needs `{end}`", self.called(&frame.what))));
        }
        // The same cycle is met from any of its attributes: it always starts at its first place.
        if let Some(first) = labels.iter().enumerate().min_by_key(|(_, (span, _))| *span).map(|(at, _)| at) {
            labels.rotate_left(first);
        }
        for (span, text) in labels {
            diagnostic = diagnostic.label(span, text);
        }
        self.tell(diagnostic.help("give one of them a value that does not need the others"));
    }
}
