//! What is not known yet, by its type: the result of an operation, an attribute of a value of which only the template
//! is known.

use crate::check::expr::Operand;
use crate::check::{Checker, LIGHT};
use crate::diagnostic::Diagnostic;
use crate::model::operation::Operation;
use crate::model::term::Term;
use crate::model::ty::{TemplateId, TemplateRef, Ty};
use crate::name::Name;
use crate::resolve::Family;
use crate::resolve::prototype::{names_of, unknown_attribute};
use crate::source::Span;
use crate::syntax::tree::Ident;

/// What a template says of an attribute.
enum Declared {
    As(Ty),
    /// A template that extends it may have it, or a component in it.
    Perhaps,
    No,
}

impl<'a> Checker<'a, '_> {
    /// The operation on these terms. What no values of their types have a result for is refused now, whether or not
    /// they are known.
    ///
    /// # Errors
    /// Why there is no result, in the user's words.
    pub(super) fn result(&mut self, operation: Operation, arguments: Vec<Term>, span: Span) -> Result<Term, String> {
        let known = arguments.iter().all(|term| matches!(term, Term::Known(_)));
        let ty = if known { Ty::Any } else { operation.typed(&arguments)? };
        if arguments.iter().any(|term| matches!(term, Term::Open(_))) {
            return Ok(Term::Open(ty));
        }
        let term = operation.apply(arguments)?;
        let weight = term.weight();
        Ok(if weight > LIGHT && !self.spend(weight, span) { Term::POISON } else { term })
    }

    /// Whether both sides of a choice that is not made yet are components, or nothing.
    pub(super) fn chooses_component(&self, arguments: &[Term]) -> bool {
        let is_component = |term: &Term| match term {
            Term::Reference { .. } | Term::Existing { .. } => true,
            Term::Call { operation: Operation::If, arguments, .. } => self.chooses_component(arguments),
            _ => false,
        };
        match arguments {
            [_, then, otherwise] => {
                let fits = |term: &Term| term.is_null() || is_component(term);
                fits(then) && fits(otherwise) && (is_component(then) || is_component(otherwise))
            }
            _ => false,
        }
    }

    /// An attribute of the one of two components that will be chosen.
    pub(super) fn get_from_either(
        &mut self,
        arguments: Vec<Term>,
        name: &'a Ident,
        optional: bool,
        of_span: Span,
    ) -> Operand {
        let mut sides = arguments.into_iter();
        let mut choice: Vec<Term> = sides.next().into_iter().collect();
        for side in sides {
            let operand = self.get(Operand::Term(side), name, optional, of_span);
            choice.push(self.term_of(operand));
        }
        Operand::Term(self.apply(Operation::If, choice, name.span))
    }

    /// An attribute of a value of which no more than the template is known.
    pub(super) fn get_by_type(
        &mut self,
        of: Term,
        template: &TemplateRef,
        name: &'a Ident,
        optional: bool,
        of_span: Span,
    ) -> Term {
        let family = self.library.family(self.library.shape(template.id));
        let is_component = matches!(family, Family::Resource | Family::Compound);
        let ty = match self.declared_in(template.id, &name.value) {
            // An id is all that can be read of a thing that exists already.
            _ if family == Family::Resource && name.value.as_str() == "id" => Ty::String,
            Declared::As(ty) if optional => ty.optional(),
            Declared::As(ty) => ty,
            Declared::Perhaps => Ty::Any,
            Declared::No => {
                let members = &self.library.shape(template.id).members;
                let names = names_of(members.iter(), true, self.report);
                self.tell(unknown_attribute(&template.name, name, &names));
                return Term::POISON;
            }
        };
        if matches!(of, Term::Open(_)) {
            return Term::Open(ty);
        }
        if is_component && !of.is_open() {
            let written = self.sources.text(of_span);
            let message = format!("`{}` cannot be read from a component that is chosen only after apply", name.value);
            self.tell(
                Diagnostic::error("cloud::value::later", message)
                    .label(of_span, format!("which `{}` `{written}` is, is known only after apply", template.name))
                    .help("make it hang on what is written in the program, or on a param"),
            );
            return Term::POISON;
        }
        let operation = Operation::Get { name: name.value.clone(), optional };
        match self.apply_at(operation, vec![of], name.span, "not in there") {
            Term::Call { operation, arguments, ty: Ty::Any } => Term::Call { operation, arguments, ty },
            term => term,
        }
    }

    /// What is known of an attribute of whatever is of a template.
    fn declared_in(&self, template: TemplateId, name: &Name) -> Declared {
        let library = self.library;
        let shape = library.shape(template);
        match shape.members.get(name) {
            Some(member) => match &member.attribute {
                Some(attribute) => Declared::As(attribute.ty.clone()),
                None => Declared::Perhaps,
            },
            None if shape.broken || shape.lineage.contains(&library.roots.upstream) => Declared::Perhaps,
            None => {
                let below = library.shapes.iter().filter(|shape| shape.lineage.contains(&template));
                let has = |shape: &std::rc::Rc<_>| -> bool {
                    let shape: &crate::resolve::prototype::Shape = shape;
                    shape.members.contains_key(name)
                };
                if below.into_iter().any(has) { Declared::Perhaps } else { Declared::No }
            }
        }
    }
}
