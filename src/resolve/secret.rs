//! Places where secrets are written out: whatever is set for an attribute that is declared secret, as far
//! as a look at the text tells. Messages show lines around their places, and may not show these.

use crate::diagnostic::Report;
use crate::model::ty::{TemplateId, Ty};
use crate::name::{Name, Set};
use crate::resolve::prototype::Shape;
use crate::resolve::{Library, ModuleId, PROGRAM, scope};
use crate::syntax::tree::{
    Body, Declare, Element, Expr, ExprKind, Ident, Item, ItemKind, PathStep, TextPart, TypeExprKind,
};

/// Has every such place hidden.
pub fn hide(library: &Library, report: &mut Report) {
    let all = library.shapes.iter().flat_map(|shape| secrets(shape)).collect();
    for param in library.module(PROGRAM).params.values().filter(|param| is_declared(library, &param.declaration)) {
        param.declaration.default.iter().for_each(|value| written(value, report));
    }
    for (number, module) in library.modules.iter().enumerate() {
        let mut search = Search { library, module: ModuleId(number), all: &all, report };
        for item in module.files.iter().flat_map(|file| &file.items) {
            search.statement(item, &all);
        }
    }
}

fn secrets<'s>(shape: &'s Shape) -> impl Iterator<Item = Name> + 's {
    let secret = shape.members.iter().filter(|(_, member)| {
        let attribute = member.attribute.as_ref();
        attribute.is_some_and(|attribute| attribute.modifiers.secret || attribute.ty.is_of_secrets())
    });
    secret.map(|(name, _)| name.clone())
}

fn is_secret(declare: &Declare) -> bool {
    declare.modifiers.iter().any(|modifier| modifier.name.value.as_str() == "secret")
}

/// Hides a value that is meant to be secret, but for what only says where a secret is.
pub fn written(value: &Expr, report: &mut Report) {
    match &value.kind {
        ExprKind::List(elements) if !elements.is_empty() => elements.iter().for_each(|element| match element {
            Element::Item(item) | Element::Spread(item) => written(item, report),
        }),
        _ if value.names_a_secret() => {}
        _ => report.hide(value.span),
    }
}

/// The texts that are written in a value.
pub fn texts<'e>(value: &'e Expr, into: &mut Vec<&'e str>) {
    match &value.kind {
        ExprKind::Text(parts) => into.extend(parts.iter().filter_map(|part| match part {
            TextPart::Literal(text) => Some(text.as_str()),
            TextPart::Expr(_) => None,
        })),
        ExprKind::Name(name) => into.push(name.as_str()),
        ExprKind::List(elements) => elements.iter().for_each(|element| match element {
            Element::Item(item) | Element::Spread(item) => texts(item, into),
        }),
        ExprKind::Block(body) => body.items.iter().for_each(|item| match &item.kind {
            ItemKind::Set(value) => texts(value, into),
            ItemKind::Merge(_) | ItemKind::Declare(_) | ItemKind::Define(_) => {}
        }),
        _ => {}
    }
}

/// Whether what is declared so is secret, or has a secret anywhere in it.
pub fn is_declared(library: &Library, declare: &Declare) -> bool {
    is_secret(declare) || is_written(library, &declare.ty.kind, MAX_ALIASES)
}

/// Types that one written type may lead to.
const MAX_ALIASES: usize = 50;

fn is_written(library: &Library, ty: &TypeExprKind, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    match ty {
        TypeExprKind::Optional(of) | TypeExprKind::List(of) | TypeExprKind::Map(of) => {
            is_written(library, &of.kind, depth)
        }
        TypeExprKind::Enum(_) => false,
        TypeExprKind::Named(name) => {
            let alias = scope::search(&library.modules, PROGRAM, |module| module.aliases.get(name).copied());
            match (alias, scope::find_template(&library.modules, PROGRAM, name.as_str())) {
                (Some(alias), _) => is_written(library, &alias.ty.kind, depth),
                (None, Some(template)) => of_template(library, template, &mut Vec::new()),
                (None, None) => name.as_str() == "Secret",
            }
        }
    }
}

/// Whether a value of this type is secret, or has a secret anywhere in it.
pub fn in_type(library: &Library, ty: &Ty) -> bool {
    within(library, ty, &mut Vec::new())
}

fn within(library: &Library, ty: &Ty, seen: &mut Vec<TemplateId>) -> bool {
    match ty {
        Ty::Secret => true,
        Ty::List(of) | Ty::Map(of) | Ty::Optional(of) => within(library, of, seen),
        Ty::Alias(alias) => within(library, &alias.base, seen),
        Ty::Template(template) => of_template(library, template.id, seen),
        Ty::Any | Ty::Null | Ty::Bool | Ty::Int | Ty::Number | Ty::String | Ty::Duration | Ty::Size | Ty::Enum(_) => {
            false
        }
    }
}

fn of_template(library: &Library, template: TemplateId, seen: &mut Vec<TemplateId>) -> bool {
    if seen.contains(&template) {
        return false;
    }
    seen.push(template);
    let attributes = library.shape(template).members.values().filter_map(|member| member.attribute.as_ref());
    attributes.into_iter().any(|attribute| attribute.modifiers.secret || within(library, &attribute.ty, seen))
}

struct Search<'l, 'a> {
    library: &'l Library<'a>,
    module: ModuleId,
    /// Every name that some template declares secret: for bodies of which the template is not at hand.
    all: &'l Set<Name>,
    report: &'l mut Report,
}

impl Search<'_, '_> {
    /// A statement among others in which `names` are secret.
    fn statement(&mut self, item: &Item, names: &Set<Name>) {
        let last = item.path.rest.iter().rev().find_map(|step| match step {
            PathStep::Name(name) => Some(&name.value),
            PathStep::Key(_) => None,
        });
        let hidden = match last {
            Some(name) => self.all.contains(name),
            None => names.contains(&item.path.head.value),
        };
        match &item.kind {
            ItemKind::Set(value) if hidden => written(value, self.report),
            ItemKind::Merge(_) if hidden => self.report.hide(item.span),
            ItemKind::Declare(declare) if hidden || self.is_of_secrets(declare) => {
                declare.default.iter().for_each(|value| written(value, self.report));
            }
            ItemKind::Set(value) => self.inside(value),
            ItemKind::Merge(body) => self.block(body, &self.all.clone()),
            ItemKind::Define(define) => {
                let names = self.of_templates(&define.prototypes);
                self.block(&define.body, &names);
            }
            ItemKind::Declare(declare) => declare.default.iter().for_each(|value| self.inside(value)),
        }
    }

    /// Whether what is declared so are secrets, as written.
    fn is_of_secrets(&self, declare: &Declare) -> bool {
        let mut ty = &declare.ty.kind;
        while let TypeExprKind::Optional(of) | TypeExprKind::List(of) | TypeExprKind::Map(of) = ty {
            ty = &of.kind;
        }
        is_secret(declare) || matches!(ty, TypeExprKind::Named(name) if name.as_str() == "Secret")
    }

    /// What is secret in a body that extends these.
    fn of_templates(&self, templates: &[Ident]) -> Set<Name> {
        let found = |name: &Ident| scope::find_template(&self.library.modules, self.module, name.value.as_str());
        let shapes: Option<Vec<_>> = templates.iter().map(|name| Some(self.library.shape(found(name)?))).collect();
        match shapes {
            Some(shapes) => shapes.into_iter().flat_map(|shape| secrets(shape)).collect(),
            None => self.all.clone(),
        }
    }

    fn block(&mut self, body: &Body, names: &Set<Name>) {
        let is_it = |item: &&Item| matches!(&item.kind, ItemKind::Declare(declare) if self.is_of_secrets(declare));
        let declared = body.items.iter().filter(is_it);
        let mut names = names.clone();
        names.extend(declared.map(|item| item.path.head.value.clone()));
        body.items.iter().for_each(|item| self.statement(item, &names));
    }

    /// Blocks inside a value; what else a value consists of sets nothing.
    fn inside(&mut self, value: &Expr) {
        match &value.kind {
            ExprKind::Block(body) => self.block(body, &self.all.clone()),
            ExprKind::Construct(template, body) => {
                let names = self.of_templates(std::slice::from_ref(template));
                self.block(body, &names);
            }
            ExprKind::List(elements) => elements.iter().for_each(|element| match element {
                Element::Item(item) | Element::Spread(item) => self.inside(item),
            }),
            ExprKind::If { then, otherwise, .. } => {
                self.inside(then);
                self.inside(otherwise);
            }
            ExprKind::For(each) => self.inside(&each.value),
            ExprKind::Call { arguments, .. } => arguments.iter().for_each(|argument| self.inside(argument)),
            _ => {}
        }
    }
}
