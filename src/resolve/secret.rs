//! Places where secrets are written out: whatever is set for an attribute that is declared secret, as far
//! as a look at the text tells. Messages show lines around their places, and may not show these.

use crate::diagnostic::Report;
use crate::name::{Name, Set};
use crate::resolve::prototype::Shape;
use crate::resolve::{Library, ModuleId, PROGRAM, scope};
use crate::syntax::tree::{Body, Declare, Element, Expr, ExprKind, Ident, Item, ItemKind, PathStep};

/// Has every such place hidden.
pub fn hide(library: &Library, report: &mut Report) {
    let all = library.shapes.iter().flat_map(|shape| secrets(shape)).collect();
    for param in library.module(PROGRAM).params.values().filter(|param| is_secret(&param.declaration)) {
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
    let secret = shape
        .members
        .iter()
        .filter(|(_, member)| member.attribute.as_ref().is_some_and(|attribute| attribute.modifiers.secret));
    secret.map(|(name, _)| name.clone())
}

fn is_secret(declare: &Declare) -> bool {
    declare.modifiers.iter().any(|modifier| modifier.name.value.as_str() == "secret")
}

fn written(value: &Expr, report: &mut Report) {
    if !value.names_a_secret() {
        report.hide(value.span);
    }
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
            ItemKind::Declare(declare) if hidden || is_secret(declare) => {
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
        let declared =
            body.items.iter().filter(|item| matches!(&item.kind, ItemKind::Declare(declare) if is_secret(declare)));
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
