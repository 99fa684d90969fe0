//! A component's attributes against its schema: evaluated, complete, and as a [`Resource`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::check::instance::NodeId;
use crate::check::{Checker, Frame, What};
use crate::diagnostic::{Diagnostic, listed};
use crate::model::resource::{Input, Order, Resource};
use crate::model::schema::Schema;
use crate::model::term::{Output, Term};
use crate::model::ty::Ty;
use crate::name::{Address, Name, OrderedTable};
use crate::resolve::{Family, scope};
use crate::source::Span;
use crate::syntax::tree::Ident;
use crate::value::{Secret, Value};

impl<'a> Checker<'a, '_> {
    /// The value of an attribute of a component; poison after an error, null when unset.
    pub(super) fn attribute(&mut self, node: NodeId, name: &Name, via: Span) -> Arc<Term> {
        match self.nodes[node.0].memo.get(name) {
            Some(Some(term)) => return term.clone(),
            Some(None) => {
                self.cycle(&What::Attribute(node, name.clone()), via);
                return Arc::new(Term::POISON);
            }
            None => {}
        }
        let shared = self.shared_as(node, name);
        let of_others = shared.as_ref().and_then(|key| self.shared[key].as_ref()?.term.clone());
        if let Some(term) = of_others {
            return term;
        }
        self.nodes[node.0].memo.insert(name.clone(), None);
        self.stack.push(Frame { what: What::Attribute(node, name.clone()), via });
        let mut term = self.attribute_value(node, name, via);
        // What refers to this gets a copy of it: lists of lists could double with every name.
        let weight = term.weight();
        if weight > 64 && !self.spend(weight, via) {
            term = Term::POISON;
        }
        self.stack.pop();
        let term = Arc::new(term);
        self.nodes[node.0].memo.insert(name.clone(), Some(term.clone()));
        // What is cut short by a limit may be whole elsewhere.
        if let Some(Some(shared)) = shared.filter(|_| !self.exhausted).and_then(|key| self.shared.get_mut(&key)) {
            shared.term = Some(term.clone());
        }
        term
    }

    fn attribute_value(&mut self, node: NodeId, name: &Name, via: Span) -> Term {
        let attribute = self.nodes[node.0].attribute(name.as_str()).cloned();
        if let Some(attribute) = &attribute {
            if attribute.modifiers.computed && self.nodes[node.0].family == Family::Resource {
                return Term::Output(Output {
                    address: self.nodes[node.0].address.clone(),
                    attribute: name.clone(),
                    ty: attribute.ty.clone(),
                });
            }
            if self.is_missing(node, name) {
                return Term::Open(attribute.ty.clone());
            }
        }
        let count = self.nodes[node.0].settings(name.as_str()).count();
        let term = self.settled(node, name, count, via);
        match attribute {
            Some(attribute) if attribute.modifiers.secret => {
                for setting in self.nodes[node.0].settings(name.as_str()).filter(|setting| setting.shows_text()) {
                    self.report.hide(setting.span);
                }
                hidden(term)
            }
            _ => term,
        }
    }

    /// Whether an attribute must be set and is not, here or where it would be inherited from.
    pub(super) fn is_missing(&self, node: NodeId, name: &Name) -> bool {
        let this = &self.nodes[node.0];
        let Some(attribute) = this.attribute(name.as_str()) else {
            return false;
        };
        if attribute.modifiers.computed || attribute.ty.is_optional() || this.settings(name.as_str()).next().is_some() {
            return false;
        }
        if this.merged_into.as_ref().is_some_and(|fields| fields.contains_key(name)) {
            return false;
        }
        let mut at = this.parent.filter(|_| attribute.modifiers.inherit);
        while let Some(outer) = at {
            if self.nodes[outer.0].settings(name.as_str()).next().is_some() {
                return false;
            }
            at = self.nodes[outer.0].parent;
        }
        true
    }

    pub(super) fn report_missing(&mut self, node: NodeId, missing: &[Name]) {
        let this = &self.nodes[node.0];
        if missing.is_empty() || this.probe {
            return;
        }
        // What is misspelt, or declared where it should be set, is told as that.
        let (declared, missing): (Vec<_>, Vec<_>) = missing
            .iter()
            .filter(|name| !this.is_excused(name.as_str()))
            .filter_map(|name| Some((name, this.attribute(name.as_str())?.clone())))
            .partition(|(_, attribute)| matches!(&attribute.ty, Ty::Enum(words) if words.len() == 1));
        let mut report: Vec<Diagnostic> = Vec::new();
        for (name, attribute) in declared {
            report.push(
                Diagnostic::error("cloud::attribute::missing", format!("`{name}` is declared here, and not set"))
                    .label(attribute.span, format!("with `:`, {} is its type", attribute.ty))
                    .help(format!("write `{name} {};`", attribute.ty)),
            );
        }
        if !missing.is_empty() {
            let names = listed(missing.iter().map(|(name, _)| name));
            let subject = match this.address.segments().last() {
                Some(_) if this.define.is_some() => format!("`{}`", this.address),
                _ => format!("this `{}`", self.template_ref(node).name),
            };
            let mut diagnostic =
                Diagnostic::error("cloud::attribute::missing", format!("{subject} does not set {names}"))
                    .label(this.span, format!("{names} must be set here"));
            for (name, attribute) in &missing {
                diagnostic = diagnostic.label(attribute.span, format!("`{name}` has no default"));
            }
            let lines = missing.iter().map(|(name, attribute)| format!("{name} {};", self.example(&attribute.ty)));
            report.push(diagnostic.help(format!("add {}", listed(lines))));
        }
        self.report.extend(report);
    }

    /// A value of a type, to be filled in.
    pub(super) fn example(&self, ty: &Ty) -> String {
        match ty.plain() {
            Ty::Bool => "true".into(),
            Ty::Int => "1".into(),
            Ty::Number => "1.0".into(),
            Ty::Duration => "30s".into(),
            Ty::Size => "8GiB".into(),
            Ty::String | Ty::Secret => "\"...\"".into(),
            Ty::List(_) => "[...]".into(),
            Ty::Map(_) => "{ ... }".into(),
            Ty::Enum(words) => words.first().map_or("\"...\"".into(), |word| format!("\"{word}\"")),
            Ty::Template(template) => match self.library.family(self.library.shape(template.id)) {
                Family::Resource | Family::Compound => "NAME".into(),
                Family::Action | Family::Data => "{ ... }".into(),
            },
            Ty::Any | Ty::Null | Ty::Optional(_) | Ty::Alias(_) => "...".into(),
        }
    }

    /// Evaluates everything that a component says, for its errors.
    pub(super) fn attributes(&mut self, node: NodeId) {
        let names: Vec<Name> = self.nodes[node.0]
            .member_names()
            .filter(|name| !self.nodes[node.0].is_component(name.as_str()))
            .cloned()
            .collect();
        let span = self.nodes[node.0].span;
        let mut missing = Vec::new();
        for name in names {
            if self.is_missing(node, &name) {
                missing.push(name);
            } else {
                self.attribute(node, &name, span);
            }
        }
        if self.nodes[node.0].family != Family::Data || self.nodes[node.0].define.is_some() {
            self.report_missing(node, &missing);
        }
    }

    /// A component of the program as a resource, if it is one. Reports what is wrong with it either way.
    pub(super) fn resource(&mut self, node: NodeId) -> Option<Resource> {
        self.attributes(node);
        if self.nodes[node.0].family != Family::Resource {
            return None;
        }
        let span = self.nodes[node.0].span;
        // How tadpole treats it is seen by everybody.
        let common: Vec<Name> = self.library.shape(self.library.roots.resource).members.keys().cloned().collect();
        for name in common {
            if self.attribute(node, &name, span).is_secret() {
                let place = self.nodes[node.0].settings(name.as_str()).last().map_or(span, |setting| setting.span);
                self.secret_decides(&format!("`{name}`"), place);
            }
        }
        let schema = self.schema(node, span);
        let mut inputs = BTreeMap::new();
        let mut samples = BTreeMap::new();
        for (name, attribute) in &schema.attributes {
            if attribute.modifiers.computed {
                if let Some(sample) = self.sample(node, name, span) {
                    samples.insert(name.clone(), Arc::new(sample));
                }
                continue;
            }
            let term = self.attribute(node, name, span);
            let default = self.nodes[node.0].settings(name.as_str()).last().is_some_and(|setting| setting.default);
            let at = self.asked_at(node, name);
            self.refuse_groups(&term, at);
            if !term.is_null() {
                inputs.insert(name.clone(), Input { term, span: at, default });
            }
        }
        let lifecycle = self.lifecycle(node);
        let replacement = match self.attribute(node, &"replacement".into(), span).known().and_then(Value::as_str) {
            Some("createFirst") => Some(Order::CreateFirst),
            Some("deleteFirst") => Some(Order::DeleteFirst),
            _ => None,
        };
        let ignored = self.ignored(node, &schema);
        let protected = self.protected(node);
        Some(Resource {
            address: self.nodes[node.0].address.clone(),
            template: self.template_ref(node).name,
            schema,
            inputs,
            samples,
            lifecycle,
            replacement,
            ignored,
            protected,
            depends_on: self.depends_on(node),
            formerly: self.nodes[node.0].formerly.clone(),
            each: self.nodes[node.0].key_variable(),
            span,
        })
    }

    /// `ignoreChanges`: each is the name of an attribute that the provider knows.
    fn ignored(&mut self, node: NodeId, schema: &Schema) -> BTreeSet<Name> {
        let span = self.nodes[node.0].span;
        let place = self.nodes[node.0].settings("ignoreChanges").last().map_or(span, |setting| setting.span);
        let term = self.attribute(node, &"ignoreChanges".into(), span);
        let Some(value) = term.known() else {
            self.known_later(&term, place, "`ignoreChanges`");
            return BTreeSet::new();
        };
        let names: BTreeSet<Name> = value.parts().filter_map(Value::as_str).map(Name::from).collect();
        for name in names.iter().filter(|name| !schema.attributes.contains_key(*name)) {
            let template = self.template_ref(node).name;
            let message = format!("`{template}` has no attribute `{name}` whose changes could be ignored");
            let ident = Ident::new(name.clone(), place);
            let known = schema.attributes.keys().map(Name::as_str);
            self.report.push(scope::unknown("cloud::attribute::unknown", &message, &ident, known));
        }
        names
    }

    /// Where `protected` is set to true, if it is.
    fn protected(&mut self, node: NodeId) -> Option<Span> {
        let span = self.nodes[node.0].span;
        let place = self.nodes[node.0].settings("protected").last().map_or(span, |setting| setting.span);
        let term = self.attribute(node, &"protected".into(), span);
        match term.known() {
            Some(value) => (*value == Value::Bool(true)).then_some(place),
            None => {
                self.known_later(&term, place, "`protected`");
                None
            }
        }
    }

    /// A group is nothing in the cloud: it cannot be given to it, nor be recorded.
    pub(super) fn refuse_groups(&mut self, term: &Term, span: Span) {
        let mut group = None;
        term.references(&mut |template| {
            if self.library.family(self.library.shape(template.id)) == Family::Compound {
                group = Some(template.name.clone());
            }
        });
        if let Some(name) = group {
            self.tell(
                Diagnostic::error("cloud::value::group", "a group has no value of its own")
                    .label(span, format!("this is a `{name}`, which only holds others"))
                    .help("name one of its resources, or one of its attributes: `group.name`"),
            );
        }
    }

    /// What the library expects of a computed attribute.
    fn sample(&mut self, node: NodeId, name: &Name, span: Span) -> Option<Term> {
        let count = self.nodes[node.0].settings(name.as_str()).count();
        (count > 0).then(|| self.settled(node, name, count, span))
    }

    /// `dependsOn`, its own and of those around it; a group stands for all that is in it.
    fn depends_on(&mut self, node: NodeId) -> BTreeMap<Address, Span> {
        let name = Name::from("dependsOn");
        let mut needs = BTreeMap::new();
        let mut at = Some(node);
        while let Some(outer) = at {
            let span = self.nodes[outer.0].span;
            if self.nodes[outer.0].has("dependsOn") {
                let place = self.nodes[outer.0].settings("dependsOn").last().map_or(span, |setting| setting.span);
                let mut addresses = std::collections::BTreeSet::new();
                self.attribute(outer, &name, span).needs(&mut addresses);
                for address in addresses {
                    needs.entry(address).or_insert(place);
                }
            }
            at = self.nodes[outer.0].parent;
        }
        needs
    }

    /// The attributes that the provider of a resource knows: those declared up to the template that
    /// says what kind of thing it is. What templates below declare is the program's own business.
    fn schema(&mut self, node: NodeId, span: Span) -> Arc<Schema> {
        let library = self.library;
        let shape = self.nodes[node.0].shape.clone();
        let kind = match self.attribute(node, &"kind".into(), span).as_ref() {
            Term::Known(Value::String(kind)) => kind.clone(),
            _ => "".into(),
        };
        let says_kind = |id: &&crate::model::ty::TemplateId| {
            library.shape(**id).members.get("kind").is_some_and(|member| !member.settings.is_empty())
        };
        let typed = shape.lineage.iter().find(says_kind);
        if let Some(schema) = typed.and_then(|id| self.schemas.get(id)) {
            return schema.clone();
        }
        let members = typed.map_or(&shape, |id| library.shape(*id));
        let common = library.shape(library.roots.resource);
        let attributes: OrderedTable<Name, _> = members
            .members
            .iter()
            .filter(|(name, _)| !common.members.contains_key(*name))
            .filter_map(|(name, member)| Some((name.clone(), member.attribute.as_deref()?.clone())))
            .collect();
        let lookup = shape.lineage.contains(&library.roots.lookup);
        let unordered = self.unordered.get_or_insert_with(|| library.unordered()).clone();
        let schema = Arc::new(Schema { kind, attributes, lookup, unordered });
        if let Some(id) = typed {
            self.schemas.insert(*id, schema.clone());
        }
        schema
    }
}

/// A term with everything in it secret, but for what is null.
pub(super) fn hidden(term: Term) -> Term {
    match term {
        Term::Known(
            value @ (Value::String(_)
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Number(_)
            | Value::Duration(_)
            | Value::Size(_)),
        ) => Term::Known(Value::Secret(Secret::holding("source", value))),
        Term::List(items) => Term::List(items.into_iter().map(hidden).collect()),
        Term::Known(Value::List(items)) => {
            Term::list(items.into_iter().map(|item| hidden(Term::Known(item))).collect())
        }
        Term::Known(Value::Map(entries)) => {
            Term::map(entries.into_iter().map(|(key, item)| (key, hidden(Term::Known(item)))).collect())
        }
        Term::Known(Value::Data(data)) => {
            let fields = data.fields.into_iter();
            let fields = fields.map(|(name, field)| match hidden(Term::Known(field)) {
                Term::Known(field) => (name, field),
                _ => unreachable!("what is known stays known"),
            });
            Term::Known(Value::Data(crate::value::Data { template: data.template, fields: fields.collect() }))
        }
        Term::Map(entries) => Term::Map(entries.into_iter().map(|(key, item)| (key, hidden(item))).collect()),
        Term::Data { template, name, fields } => Term::Data {
            template,
            name,
            fields: fields.into_iter().map(|(name, field)| (name, hidden(field))).collect(),
        },
        Term::Open(_) => Term::Open(Ty::Secret),
        term => term,
    }
}
