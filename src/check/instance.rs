//! Components in the tree that they form: made when first asked for, each with its prototype's
//! table (shared) and its own overrides on top.

use std::rc::Rc;
use std::sync::Arc;

use crate::check::expr::{Env, Locals};
use crate::check::repeat::Group;
use crate::check::setting::Fields;
use crate::check::{Checker, Frame, MAX_COMPONENTS, MAX_NESTING, MAX_SELF_NESTING, SHALLOW, What};
use crate::diagnostic::Diagnostic;
use crate::model::resource::Former;
use crate::model::schema::Attribute;
use crate::model::term::Term;
use crate::model::ty::{TemplateId, TemplateRef, Ty};
use crate::name::{Address, Key, Name, Segment, Table};
use crate::resolve::prototype::{
    Layer, Members, Scope, Setting, SettingKind, Shape, layer_on, names_of, path_text, unknown_attribute,
};
use crate::resolve::types::Types;
use crate::resolve::{Family, ModuleId, scope};
use crate::source::Span;
use crate::syntax::tree::{Body, Define, Expr, Ident, Item, OldPath, OldStep, PathStep};
use crate::value::Value;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct NodeId(pub usize);

/// One component, or one value made of a block.
pub(super) struct Node<'a> {
    pub parent: Option<NodeId>,
    pub address: Address,
    pub shape: Rc<Shape<'a>>,
    pub family: Family,
    /// What its own body says, over its prototype's table.
    pub own: Members<'a>,
    /// Names bound by the repetition that made it.
    pub locals: Locals,
    /// Where it is named.
    pub span: Span,
    /// Stands for any component of a template: what is unset is open, not missing.
    pub probe: bool,
    /// The statement that made it.
    pub define: Option<*const Define>,
    /// Addresses under which it may be recorded still.
    pub formerly: Vec<Former>,
    /// The value that this one is merged into, where it is one of a template.
    pub merged_into: Option<Fields>,
    pub memo: Table<Name, Option<Arc<Term>>>,
    pub children: Table<Name, Option<Children>>,
}

/// What became of a nested component.
#[derive(Clone)]
pub(super) enum Children {
    /// Its condition does not hold.
    Absent,
    /// It could not be made, which has been reported.
    Broken,
    One(NodeId),
    Many(Rc<Group>),
    /// Repeated over something that a template leaves open: one for all.
    Any(NodeId),
}

impl<'a> Node<'a> {
    pub fn new(parent: Option<NodeId>, address: Address, shape: Rc<Shape<'a>>, family: Family) -> Node<'a> {
        Node {
            parent,
            address,
            shape,
            family,
            own: Members::default(),
            locals: Vec::new(),
            span: Span::new(crate::source::SourceId::default(), 0, 0),
            probe: false,
            define: None,
            formerly: Vec::new(),
            merged_into: None,
            memo: Table::default(),
            children: Table::default(),
        }
    }

    pub fn attribute(&self, name: &str) -> Option<&Rc<Attribute>> {
        let own = self.own.get(name).and_then(|member| member.attribute.as_ref());
        own.or_else(|| self.shape.members.get(name)?.attribute.as_ref())
    }

    pub fn has(&self, name: &str) -> bool {
        self.own.contains_key(name) || self.shape.members.contains_key(name)
    }

    /// Whether something misspelt was most likely meant for a member.
    pub fn is_excused(&self, name: &str) -> bool {
        let members = [self.own.get(name), self.shape.members.get(name)];
        members.into_iter().flatten().any(|member| member.excused)
    }

    /// Every place that sets a member, prototypes first.
    pub fn settings(&self, name: &str) -> impl DoubleEndedIterator<Item = &Setting<'a>> {
        let inherited = self.shape.members.get(name).map_or(&[][..], |member| &member.settings[..]);
        let own = self.own.get(name).map_or(&[][..], |member| &member.settings[..]);
        inherited.iter().chain(own)
    }

    /// Whether a member is a nested component rather than an attribute.
    pub fn is_component(&self, name: &str) -> bool {
        let last = self.settings(name).rev().find_map(|setting| match setting.kind {
            SettingKind::Define(..) => Some(true),
            SettingKind::Value(_) => Some(false),
            SettingKind::Merge(_) | SettingKind::Reach(..) => None,
        });
        last == Some(true)
    }

    pub fn member_names(&self) -> impl Iterator<Item = &Name> {
        let own = self.own.keys().filter(|name| !self.shape.members.contains_key(*name));
        self.shape.members.keys().chain(own)
    }

    /// The variable of the repetition that made it that holds its key.
    pub fn key_variable(&self) -> Option<Name> {
        let key = match self.address.segments().last()?.key.as_ref()? {
            Key::Index(index) => Value::Int(i64::try_from(*index).ok()?),
            Key::Text(text) => Value::String(text.clone()),
        };
        let holds = |term: &Term| matches!(term, Term::Known(value) if *value == key);
        self.locals.iter().find(|(_, term)| holds(term)).map(|(name, _)| name.clone())
    }

    /// The template that it is best called by.
    pub fn template(&self) -> Option<TemplateId> {
        self.shape.lineage.last().copied()
    }
}

impl<'a> Checker<'a, '_> {
    pub(super) fn add(&mut self, node: Node<'a>) -> NodeId {
        let id = NodeId(self.nodes.len());
        if matches!(node.family, Family::Resource | Family::Compound) {
            self.by_address.insert(node.address.clone(), id);
        }
        self.nodes.push(node);
        id
    }

    /// Names of the nested components of a node, in written order.
    pub(super) fn component_names(&self, node: NodeId) -> Vec<Name> {
        let node = &self.nodes[node.0];
        let lower = node.member_names().filter(|name| !name.is_constant());
        lower.filter(|name| node.is_component(name.as_str())).cloned().collect()
    }

    pub(super) fn template_ref(&self, node: NodeId) -> TemplateRef {
        match self.nodes[node.0].template() {
            Some(id) => TemplateRef { id, name: self.library.template(id).name.value.clone() },
            None => TemplateRef { id: self.library.roots.compound, name: "Compound".into() },
        }
    }

    /// The nested components of that name, made if they are not there yet.
    pub(super) fn children(&mut self, node: NodeId, name: &Name, via: Span) -> Children {
        match self.nodes[node.0].children.get(name) {
            Some(Some(children)) => return children.clone(),
            Some(None) => {
                self.cycle(&What::Children(node, name.clone()), via);
                return Children::Broken;
            }
            None => {}
        }
        self.nodes[node.0].children.insert(name.clone(), None);
        self.stack.push(Frame { what: What::Children(node, name.clone()), via });
        let children = self.make_children(node, name);
        self.stack.pop();
        self.nodes[node.0].children.insert(name.clone(), Some(children.clone()));
        children
    }

    fn make_children(&mut self, node: NodeId, name: &Name) -> Children {
        let settings: Vec<Setting<'a>> = self.nodes[node.0].settings(name.as_str()).copied().collect();
        let last = settings.iter().rposition(|setting| matches!(setting.kind, SettingKind::Define(..)));
        let Some((at, (define, ident))) = last.and_then(|at| match settings[at].kind {
            SettingKind::Define(define, ident) => Some((at, (define, ident))),
            SettingKind::Value(_) | SettingKind::Merge(_) | SettingKind::Reach(..) => None,
        }) else {
            return Children::Absent;
        };
        let layers = &settings[at + 1..];
        let plan = ChildPlan::new(node, name, (define, ident), settings[at].scope, layers);
        let env = self.env(node, settings[at].scope, None);
        let probe = self.nodes[node.0].probe;
        if let Some(condition) = &define.condition {
            match self.eval(condition, &Ty::Bool, &env.for_part("a condition")) {
                Term::Known(Value::Bool(true)) => {}
                Term::Known(Value::Secret(_)) => {
                    self.secret_decides(&format!("whether `{name}` exists"), condition.span);
                    return Children::Broken;
                }
                Term::Known(_) => return Children::Absent,
                Term::Open(_) if probe => {}
                term => {
                    self.known_later(&term, condition.span, &format!("whether `{name}` exists"));
                    return Children::Broken;
                }
            }
        }
        let Some(repeat) = &define.repeat else {
            for layer in layers {
                if let SettingKind::Reach([PathStep::Key(key), ..], _) = layer.kind {
                    self.tell(
                        Diagnostic::error(
                            "cloud::repetition::key",
                            format!("`{name}` is one component, it has no `{}`", key.value),
                        )
                        .label(key.span, "remove this key"),
                    );
                }
            }
            return self.make_child(&plan, None, Vec::new()).map_or(Children::Broken, Children::One);
        };
        let operand = self.operand(&repeat.over, &env);
        self.repeated(&plan, repeat, operand, &env, probe)
    }

    pub(super) fn make_child(&mut self, plan: &ChildPlan<'a, '_>, key: Option<Key>, locals: Locals) -> Option<NodeId> {
        if !self.may_expand(plan) {
            return None;
        }
        let mut prototypes = Vec::with_capacity(plan.define.prototypes.len());
        for name in &plan.define.prototypes {
            let library = self.library;
            prototypes.extend(scope::template_named(&library.modules, plan.scope.module, name, self.report));
        }
        if prototypes.is_empty() {
            return None;
        }
        if plan.name.is_constant() && self.is_deployed(prototypes[0]) {
            self.refuse_constant(plan.ident, prototypes[0], None);
            return None;
        }
        let shape = self.shape(&prototypes);
        let family = self.library.family(&shape);
        let subject = match shape.lineage.last() {
            Some(id) => self.library.template(*id).name.value.clone(),
            None => plan.name.clone(),
        };
        let mut own = Members::default();
        let inner = Scope { module: plan.scope.module, skip: 0, levels: plan.scope.levels + plan.scope.skip + 1 };
        let layer = Layer { body: &plan.define.body, scope: inner, subject, open: shape.broken };
        let library = self.library;
        let mut types = Types::new(&library.modules, &mut self.types, self.report);
        layer_on(&mut own, &shape.members, &layer, &mut types);
        for setting in plan.layers_of(key.as_ref()) {
            apply_setting(&mut own, &shape.members, setting, key.as_ref(), &layer.subject, &mut types);
        }
        let formerly = self.former_addresses(plan, key.as_ref(), &locals);
        let parent = &self.nodes[plan.parent.0];
        let (address, probe) = (parent.address.child(Segment { name: plan.name.clone(), key }), parent.probe);
        Some(self.add(Node {
            own,
            locals,
            span: plan.ident.span,
            probe,
            define: Some(plan.define),
            formerly,
            ..Node::new(Some(plan.parent), address, shape, family)
        }))
    }

    /// Stops templates that come to stand in themselves, and programs without end.
    fn may_expand(&mut self, plan: &ChildPlan<'a, '_>) -> bool {
        if self.exhausted {
            return false;
        }
        let (mut nested, mut depth) = (0, 0);
        let mut at = Some(plan.parent);
        while let Some(node) = at {
            let node = &self.nodes[node.0];
            nested += usize::from(node.define == Some(std::ptr::from_ref(plan.define)));
            depth += 1;
            at = node.parent;
        }
        if nested >= MAX_SELF_NESTING {
            self.exhausted = true;
            self.tell(
                Diagnostic::error(
                    "cloud::template::recursion",
                    format!("`{}` comes to stand in itself without end", plan.name),
                )
                .label(plan.ident.span, "makes another one of what it stands in")
                .help("take it out, or have an `if` behind its name end it"),
            );
            return false;
        }
        if depth > MAX_NESTING {
            self.exhausted = true;
            self.tell(
                Diagnostic::error("cloud::limit::nesting", format!("`{}` stands inside too many others", plan.name))
                    .label(plan.ident.span, format!("more than {MAX_NESTING} components around it")),
            );
            return false;
        }
        self.made += 1 + depth / SHALLOW;
        self.is_within(0, plan)
    }

    /// Whether so many more components are within the limit; an error if not.
    pub(super) fn is_within(&mut self, more: usize, plan: &ChildPlan<'a, '_>) -> bool {
        if self.made.saturating_add(more) <= self.budget {
            return true;
        }
        self.exhausted = true;
        if self.budget == MAX_COMPONENTS {
            self.tell(
                Diagnostic::error("cloud::limit::components", format!("more than {MAX_COMPONENTS} components"))
                    .label(plan.ident.span, "with this one")
                    .help("a component that is deep inside others counts for several; divide the program into several"),
            );
        }
        false
    }

    /// A value written as a block: `{ port 22; }` where a template is expected, or `Rule { port 22; }`.
    pub(super) fn block_node(&mut self, template: TemplateId, layers: &[(DataLayer<'a>, Env)], span: Span) -> NodeId {
        let library = self.library;
        let mut outer = layers.first().map(|(_, env)| env.node);
        let mut depth = 0;
        while let Some(node) = outer.filter(|node| self.nodes[node.0].define.is_none()) {
            depth += 1;
            outer = self.nodes[node.0].parent;
        }
        if depth > MAX_NESTED_VALUES && !self.exhausted {
            self.exhausted = true;
            let name = &library.template(template).name.value;
            self.tell(
                Diagnostic::error(
                    "cloud::template::recursion",
                    format!("a `{name}` comes to stand in itself without end"),
                )
                .label(span, "makes another one of what it stands in")
                .help("make the attribute optional, and leave it unset by default"),
            );
        }
        if self.exhausted || !self.spend(NODE_WEIGHT, span) {
            return self.add(Node::new(None, Address::root(), Rc::default(), Family::Data));
        }
        let shape = library.shape(template).clone();
        let family = library.family(&shape);
        let subject = library.template(template).name.value.clone();
        let mut own = Members::default();
        let mut locals = Vec::new();
        let mut parent = None;
        let mut probe = false;
        let mut types = Types::new(&library.modules, &mut self.types, self.report);
        for (layer, env) in layers {
            locals.extend(env.locals.iter().cloned());
            parent = parent.or(Some(env.node));
            probe |= self.nodes[env.node.0].probe;
            match layer {
                DataLayer::Body(body) => {
                    let scope = Scope { module: env.module, skip: 0, levels: env.levels + 1 };
                    let layer = Layer { body, scope, subject: subject.clone(), open: false };
                    layer_on(&mut own, &shape.members, &layer, &mut types);
                }
                DataLayer::Reach(path, item) => {
                    let scope = Scope { module: env.module, skip: 0, levels: env.levels };
                    let kind = SettingKind::Reach(path, item);
                    let setting = Setting { kind, scope, span: item.span, default: false };
                    apply_setting(&mut own, &shape.members, &setting, None, &subject, &mut types);
                }
            }
        }
        let address = parent.map_or_else(Address::root, |parent| self.nodes[parent.0].address.clone());
        self.add(Node { own, locals, span, probe, ..Node::new(parent, address, shape, family) })
    }

    /// What the text of a setting of `node` can see.
    pub(super) fn env(&mut self, node: NodeId, scope: Scope, of: Option<(NodeId, Name, usize)>) -> Env {
        let mut start = node;
        for _ in 0..scope.skip {
            start = self.nodes[start.0].parent.unwrap_or(start);
        }
        Env { node: start, levels: scope.levels, module: scope.module, locals: Rc::default(), of, part: None }
    }

    /// What the program's own statements can see.
    pub(super) fn text_of(&mut self, root: NodeId) -> Env {
        self.env(root, Scope { module: crate::resolve::PROGRAM, skip: 0, levels: 1 }, None)
    }

    /// What a statement at the top of a module can see, apart from its names.
    pub(super) fn module_env(&mut self, module: ModuleId) -> Env {
        let node = match self.module_nodes.get(&module.0) {
            Some(node) => *node,
            None => {
                let node = self.add(Node::new(None, Address::root(), Rc::default(), Family::Data));
                self.module_nodes.insert(module.0, node);
                node
            }
        };
        self.env(node, Scope { module, skip: 0, levels: 1 }, None)
    }
}

/// Values of templates may stand in one another this deep.
const MAX_NESTED_VALUES: usize = 100;

/// What a value of a template counts as, in elements of lists.
const NODE_WEIGHT: usize = 8;

/// Former addresses that a component may have; more than this are not looked for.
const MAX_FORMERLY: usize = 64;

impl<'a> Checker<'a, '_> {
    /// Every address that a component had if it, or what it stands in, was called otherwise.
    fn former_addresses(&mut self, plan: &ChildPlan<'a, '_>, key: Option<&Key>, locals: &Locals) -> Vec<Former> {
        let parent = &self.nodes[plan.parent.0];
        if parent.probe || parent.formerly.is_empty() && plan.define.formerly.is_empty() {
            return Vec::new();
        }
        let (address, above) = (parent.address.clone(), parent.formerly.clone());
        let own = Segment { name: plan.name.clone(), key: key.cloned() };
        let mut all = Vec::new();
        for old in &plan.define.formerly {
            let Some(segments) = self.old_segments(old, plan, locals) else { continue };
            let below = |base: &Address, last_key: Option<&Key>| {
                let mut segments = segments.clone();
                if let Some(last) = segments.last_mut().filter(|last| last.key.is_none()) {
                    last.key = last_key.cloned();
                }
                segments.into_iter().fold(base.clone(), |address, segment| address.child(segment))
            };
            let base = if old.from_root { Address::root() } else { address.clone() };
            self.claim(&below(&base, key), address.child(own.clone()), old.span);
            let others = above.iter().map(|former| former.address.clone()).filter(|_| !old.from_root);
            for base in std::iter::once(base).chain(others) {
                all.push(Former { address: below(&base, key), span: old.span });
                // The first of several was the only one before.
                if key == Some(&Key::Index(0)) {
                    all.push(Former { address: below(&base, None), span: old.span });
                }
            }
        }
        all.extend(above.iter().map(|base| Former { address: base.address.child(own.clone()), span: base.span }));
        all.truncate(MAX_FORMERLY);
        all
    }

    /// One thing cannot have become two.
    fn claim(&mut self, old: &Address, new: Address, span: Span) {
        match self.former.get(old) {
            Some((first, place)) if *first != new => {
                let twice = was_two(old, (&new, span), (first, *place));
                self.tell(twice);
            }
            Some(_) => {}
            None => drop(self.former.insert(old.clone(), (new, span))),
        }
    }

    /// A former name with its keys; nothing where one of them is null, or wrong.
    fn old_segments(&mut self, old: &'a OldPath, plan: &ChildPlan<'a, '_>, locals: &Locals) -> Option<Vec<Segment>> {
        let mut segments: Vec<Segment> = Vec::new();
        for step in &old.steps {
            match step {
                OldStep::Name(name) => segments.push(Segment { name: name.value.clone(), key: None }),
                OldStep::Key(expr) => {
                    let key = self.old_key(expr, plan, locals)?;
                    segments.last_mut().into_iter().for_each(|last| last.key = Some(key.clone()));
                }
            }
        }
        Some(segments)
    }

    fn old_key(&mut self, expr: &'a Expr, plan: &ChildPlan<'a, '_>, locals: &Locals) -> Option<Key> {
        let env = self.env(plan.parent, plan.scope, None);
        let env = Env { locals: Rc::new(locals.clone()), ..env };
        match self.eval(expr, &Ty::Any, &env.for_part("a key of a former name")) {
            Term::Known(Value::Int(index)) if index >= 0 => Some(Key::Index(index.unsigned_abs())),
            Term::Known(Value::String(text)) => Some(Key::Text(text)),
            Term::Known(Value::Null) => None,
            Term::Known(other) => {
                self.tell(
                    Diagnostic::error("cloud::syntax::key", "a key is a whole number or a text")
                        .label(expr.span, format!("this is {}", crate::model::operation::a_kind(&other))),
                );
                None
            }
            term => {
                self.known_later(&term, expr.span, "a key of a former name");
                None
            }
        }
    }
}

/// What to say of two components of which each says that it had an address.
fn was_two(old: &Address, (one, here): (&Address, Span), (other, there): (&Address, Span)) -> Diagnostic {
    Diagnostic::error("cloud::formerly::twice", format!("`{old}` cannot have become both `{other}` and `{one}`"))
        .label(here, format!("`{one}` takes it over here"))
        .label(there, format!("`{other}` takes it over here"))
        .help("leave one of them; the other one is created")
}

/// How the children of one name are made.
pub(super) struct ChildPlan<'a, 'p> {
    parent: NodeId,
    pub name: &'p Name,
    define: &'a Define,
    ident: &'a Ident,
    scope: Scope,
    /// What overrides the definition, from inside to outside.
    pub layers: &'p [Setting<'a>],
    /// Those of them that one element alone has, by its key: every element may have its own.
    keyed: Table<&'a Key, Vec<usize>>,
    /// Those that all have.
    common: Vec<usize>,
}

impl<'a, 'p> ChildPlan<'a, 'p> {
    fn new(
        parent: NodeId,
        name: &'p Name,
        (define, ident): (&'a Define, &'a Ident),
        scope: Scope,
        layers: &'p [Setting<'a>],
    ) -> ChildPlan<'a, 'p> {
        let mut plan =
            ChildPlan { parent, name, define, ident, scope, layers, keyed: Table::default(), common: Vec::new() };
        for (at, layer) in layers.iter().enumerate() {
            match layer.kind {
                SettingKind::Reach([PathStep::Key(key), ..], _) => plan.keyed.entry(&key.value).or_default().push(at),
                _ => plan.common.push(at),
            }
        }
        plan
    }

    /// What overrides the element of that key.
    fn layers_of(&self, key: Option<&Key>) -> impl Iterator<Item = &'p Setting<'a>> {
        let own = key.and_then(|key| self.keyed.get(key)).map_or(&[][..], Vec::as_slice);
        let mut layers = [&self.common[..], own].concat();
        layers.sort_unstable();
        layers.into_iter().map(|at| &self.layers[at])
    }
}

/// A part of a value that is written as a block.
#[derive(Clone, Copy)]
pub(super) enum DataLayer<'a> {
    Body(&'a Body),
    Reach(&'a [PathStep], &'a Item),
}

/// Applies what an enclosing component says of this one.
fn apply_setting<'a>(
    own: &mut Members<'a>,
    inherited: &Members<'a>,
    setting: &Setting<'a>,
    key: Option<&Key>,
    subject: &Name,
    types: &mut Types<'a, '_>,
) {
    // A body that reaches in sees what it reaches into, as if it were nested there.
    let inner = Scope { skip: 0, levels: setting.scope.levels + setting.scope.skip + 1, ..setting.scope };
    match setting.kind {
        SettingKind::Merge(body) => {
            let layer = Layer { body, scope: inner, subject: subject.clone(), open: false };
            layer_on(own, inherited, &layer, types);
        }
        SettingKind::Reach(path, item) => {
            let mut path = path;
            if let [PathStep::Key(wanted), rest @ ..] = path {
                if key != Some(&wanted.value) {
                    return;
                }
                path = rest;
            }
            reach(own, inherited, path, item, setting, subject, types);
        }
        SettingKind::Value(_) | SettingKind::Define(..) => {}
    }
}

fn reach<'a>(
    own: &mut Members<'a>,
    inherited: &Members<'a>,
    path: &'a [PathStep],
    item: &'a Item,
    setting: &Setting<'a>,
    subject: &Name,
    types: &mut Types<'a, '_>,
) {
    use crate::syntax::tree::ItemKind;
    let outer = Scope { skip: setting.scope.skip + 1, ..setting.scope };
    let inner = Scope { skip: 0, levels: setting.scope.levels + setting.scope.skip + 1, ..setting.scope };
    let Some((step, rest)) = path.split_first() else {
        // `server["a"] { ... }`: the path ends at the element itself.
        if let ItemKind::Merge(body) = &item.kind {
            let layer = Layer { body, scope: inner, subject: subject.clone(), open: false };
            layer_on(own, inherited, &layer, types);
        }
        return;
    };
    let PathStep::Name(name) = step else {
        types.report.push(
            Diagnostic::error("cloud::repetition::key", format!("`{}` has one key too many", path_text(path)))
                .label(item.path.span, "remove it"),
        );
        return;
    };
    let Some(member) = own.get(&name.value).or_else(|| inherited.get(&name.value)) else {
        let names = names_of(own.iter().chain(inherited.iter()), false, types.report);
        types.report.push(unknown_attribute(subject, name, &names));
        return;
    };
    if let Some(attribute) = &member.attribute {
        types.judge(attribute, name, Some(member));
    }
    let (kind, scope) = match (&item.kind, rest) {
        (_, [_, ..]) => (SettingKind::Reach(rest, item), outer),
        (ItemKind::Set(value), []) => (SettingKind::Value(value), outer),
        (ItemKind::Merge(body), []) => (SettingKind::Merge(body), outer),
        (ItemKind::Define(define), []) => (SettingKind::Define(define, name), outer),
        (ItemKind::Declare(_), []) => {
            types.report.push(
                Diagnostic::error("cloud::attribute::declared", "an attribute is declared in a body of its own")
                    .label(item.path.span, "not from outside"),
            );
            return;
        }
    };
    let span = match kind {
        SettingKind::Value(value) => value.span,
        SettingKind::Merge(_) | SettingKind::Define(..) | SettingKind::Reach(..) => item.path.span,
    };
    own.entry(name.value.clone()).or_default().set(Setting { kind, scope, span, default: false });
}
