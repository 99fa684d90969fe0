//! The type of an expression by what is declared, where its value does not show one: an empty list has the type of
//! its declaration. Asked only of what has been evaluated without an error.

use std::rc::Rc;
use std::sync::Arc;

use crate::check::Checker;
use crate::check::expr::{Env, Operand, roles};
use crate::check::instance::NodeId;
use crate::check::reference::Found;
use crate::model::function;
use crate::model::term::Term;
use crate::model::ty::Ty;
use crate::model::typing::join;
use crate::name::Name;
use crate::resolve::prototype::SettingKind;
use crate::resolve::types::Types;
use crate::resolve::{PROGRAM, scope};
use crate::source::Span;
use crate::syntax::tree::{Binary, Element, Expr, ExprKind, ItemKind};
use crate::value::Value;

/// So many names may lead from one to the next.
const MAX_STEPS: usize = 32;

/// A range that ends before it begins.
pub(super) struct Backwards {
    pub from: i64,
    pub to: i64,
    pub span: Span,
    /// Where its ends are written, of one with `..`.
    pub ends: Option<(Span, Span)>,
}

impl<'a> Checker<'a, '_> {
    /// The type of an expression; any value, where nothing says more.
    pub(super) fn inferred(&mut self, expr: &'a Expr, env: &Env, steps: usize) -> Ty {
        if steps > MAX_STEPS {
            return Ty::Any;
        }
        let list = |of: Ty| Ty::List(Arc::new(of));
        match &expr.kind {
            ExprKind::List(elements) => {
                let mut of = Ty::Null;
                for element in elements {
                    let ty = match element {
                        Element::Item(item) => self.inferred(item, env, steps + 1),
                        Element::Spread(items) => match self.inferred(items, env, steps + 1).plain() {
                            Ty::List(of) => of.as_ref().clone(),
                            _ => Ty::Any,
                        },
                    };
                    of = join(&of, &ty);
                }
                list(of)
            }
            ExprKind::If { then, otherwise, .. } => self.either(then, otherwise, env, steps),
            ExprKind::Binary(Binary::Coalesce | Binary::Add, one, two) => self.either(one, two, env, steps),
            ExprKind::For(comprehension) => {
                let over = self.inferred(&comprehension.repeat.over, env, steps + 1);
                let mut locals = env.locals.as_ref().clone();
                let bound = roles(&comprehension.repeat, &over).into_iter();
                locals.extend(bound.map(|(_, name, ty)| (name.clone(), Arc::new(Term::Open(ty)))));
                let inner = Env { locals: Rc::new(locals), ..env.clone() };
                let of = self.inferred(&comprehension.value, &inner, steps + 1);
                if comprehension.key.is_some() { Ty::Map(of.into()) } else { list(of) }
            }
            ExprKind::Name(name) => self.inferred_of_name(expr, name, env, steps),
            ExprKind::Get { of, name, .. } => match self.operand(of, env) {
                Operand::Node(node) => self.inferred_of_member(node, &name.value, steps),
                _ => self.type_of(expr, env),
            },
            ExprKind::Call { function: name, arguments } => {
                let own = scope::search_from(&self.library.modules, env.module, |module| {
                    module.functions.get(&name.value).copied()
                });
                let Some((module, function)) = own else {
                    let arguments: Vec<Ty> =
                        arguments.iter().map(|argument| self.inferred(argument, env, steps + 1)).collect();
                    return function::find(name.value.as_str())
                        .map_or(Ty::Any, |function| function.result_for(&arguments));
                };
                let library = self.library;
                let mut types = Types::new(&library.modules, &mut self.types, self.report);
                match &function.result {
                    Some(ty) => types.ty(module, ty),
                    None => {
                        let parameters = function.parameters.iter();
                        let locals = parameters.map(|parameter| {
                            (parameter.name.value.clone(), Arc::new(Term::Open(types.ty(module, &parameter.ty))))
                        });
                        let inner = Env { locals: Rc::new(locals.collect()), ..self.module_env(module) };
                        self.inferred(&function.body, &inner, steps + 1)
                    }
                }
            }
            _ => self.type_of(expr, env),
        }
    }

    fn either(&mut self, one: &'a Expr, two: &'a Expr, env: &Env, steps: usize) -> Ty {
        let (one, two) = (self.inferred(one, env, steps + 1), self.inferred(two, env, steps + 1));
        // Null stands for the items of a list that has none.
        match join(&one, &two) {
            Ty::Optional(ty) => ty.as_ref().clone(),
            ty => ty,
        }
    }

    /// The type that the value of an expression shows.
    fn type_of(&mut self, expr: &'a Expr, env: &Env) -> Ty {
        shown(&self.eval(expr, &Ty::Any, env))
    }

    fn inferred_of_name(&mut self, expr: &'a Expr, name: &'a Name, env: &Env, steps: usize) -> Ty {
        let library = self.library;
        match self.found(name, env) {
            Some(Found::Local(term)) => return shown(&term),
            Some(Found::Member(node)) => return self.inferred_of_member(node, name, steps),
            None => {}
        }
        if name.is_constant() {
            let has = |module: &scope::Module<'a>| module.constants.get(name).copied();
            if let Some((module, item)) = scope::search_from(&library.modules, env.module, has) {
                return match &item.kind {
                    ItemKind::Set(value) => {
                        let env = self.module_env(module);
                        self.inferred(value, &env, steps + 1)
                    }
                    ItemKind::Declare(declare) => {
                        Types::new(&library.modules, &mut self.types, self.report).ty(module, &declare.ty)
                    }
                    ItemKind::Merge(_) | ItemKind::Define(_) => Ty::Any,
                };
            }
        }
        if let Some(root) = self.found_at_top(name, env) {
            return self.inferred_of_member(root, name, steps);
        }
        match library.module(PROGRAM).params.get(name) {
            Some(param) if env.module == PROGRAM => {
                Types::new(&library.modules, &mut self.types, self.report).ty(PROGRAM, &param.declaration.ty)
            }
            _ => self.type_of(expr, env),
        }
    }

    fn inferred_of_member(&mut self, node: NodeId, name: &Name, steps: usize) -> Ty {
        if let Some(attribute) = self.nodes[node.0].attribute(name.as_str())
            && *attribute.ty.plain() != Ty::Any
        {
            return attribute.ty.clone();
        }
        let count = self.nodes[node.0].settings(name.as_str()).count();
        let last = self.nodes[node.0].settings(name.as_str()).last().copied();
        match last.map(|setting| (setting.kind, setting.scope)) {
            Some((SettingKind::Value(expr), scope)) => {
                let env = self.env(node, scope, Some((node, name.clone(), count - 1)));
                self.inferred(expr, &env, steps + 1)
            }
            Some((SettingKind::Merge(_) | SettingKind::Define(..) | SettingKind::Reach(..), _)) | None => {
                let span = self.nodes[node.0].span;
                let operand = self.member(node, name, span);
                shown(&self.term_of(operand))
            }
        }
    }

    /// The range that an expression is, by way of names and choices, if it ends before it begins.
    pub(super) fn backwards(&mut self, expr: &'a Expr, env: &Env, steps: usize) -> Option<Backwards> {
        if steps > MAX_STEPS {
            return None;
        }
        match &expr.kind {
            ExprKind::Binary(Binary::Range, from, to) => {
                let ends = Some((from.span, to.span));
                self.ends(from, to, env).map(|(from, to)| Backwards { from, to, span: expr.span, ends })
            }
            ExprKind::Call { function, arguments } if function.value.as_str() == "range" => match &arguments[..] {
                [to] => match self.eval(to, &Ty::Any, env) {
                    Term::Known(Value::Int(to @ ..0)) => Some(Backwards { from: 0, to, span: expr.span, ends: None }),
                    _ => None,
                },
                [from, to] => {
                    self.ends(from, to, env).map(|(from, to)| Backwards { from, to, span: expr.span, ends: None })
                }
                _ => None,
            },
            ExprKind::For(all) => self.backwards(&all.repeat.over, env, steps + 1),
            ExprKind::If { condition, then, otherwise } => match self.eval(condition, &Ty::Bool, env) {
                Term::Known(Value::Bool(holds)) => self.backwards(if holds { then } else { otherwise }, env, steps + 1),
                _ => None,
            },
            ExprKind::Name(name) => {
                let node = match self.found(name, env) {
                    Some(Found::Member(node)) => node,
                    Some(Found::Local(_)) => return None,
                    None => self.found_at_top(name, env)?,
                };
                let setting = self.nodes[node.0].settings(name.as_str()).last().copied()?;
                let count = self.nodes[node.0].settings(name.as_str()).count();
                match setting.kind {
                    SettingKind::Value(value) => {
                        let env = self.env(node, setting.scope, Some((node, name.clone(), count - 1)));
                        self.backwards(value, &env, steps + 1)
                    }
                    SettingKind::Merge(_) | SettingKind::Define(..) | SettingKind::Reach(..) => None,
                }
            }
            _ => None,
        }
    }

    /// The ends of a range that ends before it begins.
    fn ends(&mut self, from: &'a Expr, to: &'a Expr, env: &Env) -> Option<(i64, i64)> {
        match (self.eval(from, &Ty::Any, env), self.eval(to, &Ty::Any, env)) {
            (Term::Known(Value::Int(from)), Term::Known(Value::Int(to))) if to < from => Some((from, to)),
            _ => None,
        }
    }
}

/// The type that a term shows. The items of an empty list are of no type, which null stands for.
fn shown(term: &Term) -> Ty {
    match term {
        Term::Known(Value::List(items)) if items.is_empty() => Ty::List(Arc::new(Ty::Null)),
        term => term.ty(),
    }
}
