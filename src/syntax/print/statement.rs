//! Statements, declarations, types.

use super::{Gap, Place, Printer};
use crate::source::Span;
use crate::syntax::tree::{
    Alias, Assertion, Body, Declare, Define, File, Function, Import, Item, ItemKind, OldPath, OldStep, Output, Param,
    Path, PathStep, Refinement, Repeat, TypeExpr, TypeExprKind,
};

/// One of a file, where they stand in any order.
enum Statement<'t> {
    Import(&'t Import),
    Param(&'t Param),
    Output(&'t Output),
    Assertion(&'t Assertion),
    Alias(&'t Alias),
    Function(&'t Function),
    Item(&'t Item),
}

impl Statement<'_> {
    fn span(&self) -> Span {
        match self {
            Statement::Import(import) => import.span,
            Statement::Param(param) => param.span,
            Statement::Output(output) => output.span,
            Statement::Assertion(assertion) => assertion.span,
            Statement::Alias(alias) => alias.span,
            Statement::Function(function) => function.span,
            Statement::Item(item) => item.span,
        }
    }
}

/// As they are written.
fn statements(file: &File) -> Vec<Statement<'_>> {
    let File { imports, params, outputs, assertions, aliases, functions, items, span: _ } = file;
    let mut statements: Vec<Statement> = imports.iter().map(Statement::Import).collect();
    statements.extend(params.iter().map(Statement::Param));
    statements.extend(outputs.iter().map(Statement::Output));
    statements.extend(assertions.iter().map(Statement::Assertion));
    statements.extend(aliases.iter().map(Statement::Alias));
    statements.extend(functions.iter().map(Statement::Function));
    statements.extend(items.iter().map(Statement::Item));
    statements.sort_by_key(Statement::span);
    statements
}

impl Printer<'_> {
    pub(super) fn file(&mut self, file: &File) {
        let statements = statements(file);
        for (at, statement) in statements.iter().enumerate() {
            self.separate(Place::nth(at), true);
            self.statement(statement);
        }
        self.separate(Place::end(statements.len()), true);
        assert_eq!(self.at + 1, self.tokens.tokens.len(), "the tree of a text has all its tokens");
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Item(item) => return self.item(item),
            Statement::Import(_) => {
                self.sign("import", Gap::Behind);
                self.token(Gap::Space);
            }
            Statement::Param(param) => {
                self.sign("param", Gap::Behind);
                self.token(Gap::Space);
                self.declare(&param.declaration);
            }
            Statement::Output(output) => {
                self.sign("output", Gap::Behind);
                self.token(Gap::Space);
                self.annotation(output.ty.as_ref());
                self.sign("=", Gap::Space);
                self.expr(&output.value, Gap::Space);
            }
            Statement::Assertion(assertion) => {
                self.layout.begin();
                self.sign("assert", Gap::Behind);
                self.expr(&assertion.condition, Gap::Space);
                self.joint(":", Gap::Space);
                self.layout.indented();
                self.expr(&assertion.message, Gap::Line);
                self.layout.dedented();
                self.layout.end();
            }
            Statement::Alias(alias) => {
                self.sign("type", Gap::Behind);
                self.token(Gap::Space);
                self.sign("=", Gap::Space);
                self.type_expr(&alias.ty, Gap::Space);
                self.refinement(alias.refinement.as_ref());
            }
            Statement::Function(function) => {
                self.sign("fn", Gap::Behind);
                self.token(Gap::Space);
                self.gap(Gap::Before);
                self.sequence(("(", ")"), &function.parameters, false, false, |printer, parameter| {
                    printer.token(Gap::Behind);
                    printer.annotation(Some(&parameter.ty));
                });
                self.annotation(function.result.as_ref());
                self.sign("=", Gap::Space);
                self.expr(&function.body, Gap::Space);
            }
        }
        self.semicolon();
    }

    fn semicolon(&mut self) {
        self.expect(";");
        self.inner_comments();
        if !self.comments_can_follow() {
            self.gap(Gap::Before);
        }
        self.layout.text(self.slice());
        self.at += 1;
    }

    /// Whether the comments before a `;` can as well stand behind it. A `//` comment can if something stands
    /// before it on its line: on a line of its own it might come to document what follows.
    fn comments_can_follow(&self) -> bool {
        let comments = self.comments();
        let Some(line) = comments.iter().position(|comment| comment.line) else { return true };
        let next = &self.tokens.comments[self.printed + comments.len()..self.tokens.tokens[self.at + 1].comments];
        line + 1 == comments.len()
            && comments[line].newlines == 0
            && next.first().is_none_or(|next| next.newlines > 0 || !next.line)
    }

    fn item(&mut self, item: &Item) {
        self.path(&item.path);
        match &item.kind {
            ItemKind::Declare(declare) => self.declare(declare),
            ItemKind::Set(value) => self.expr(value, Gap::Space),
            ItemKind::Merge(body) => return self.last_block(body),
            ItemKind::Define(define) => return self.define(define),
        }
        self.semicolon();
    }

    fn path(&mut self, path: &Path) {
        self.token(Gap::Behind);
        self.steps(&path.rest);
    }

    fn steps(&mut self, steps: &[PathStep]) {
        for step in steps {
            match step {
                PathStep::Name(_) => {
                    self.sign(".", Gap::Before);
                    self.token(Gap::Behind);
                }
                PathStep::Key(_) => {
                    self.sign("[", Gap::Before);
                    self.token(Gap::Behind);
                    self.sign("]", Gap::Before);
                }
            }
        }
    }

    fn declare(&mut self, declare: &Declare) {
        self.annotation(Some(&declare.ty));
        for modifier in &declare.modifiers {
            self.joint(",", Gap::Before);
            self.token(Gap::Space);
            if modifier.text.is_some() {
                self.token(Gap::Space);
            }
        }
        if let Some(default) = &declare.default {
            self.sign("=", Gap::Space);
            self.expr(default, Gap::Space);
        }
    }

    fn define(&mut self, define: &Define) {
        if let Some(repeat) = &define.repeat {
            self.sign("[", Gap::Before);
            self.repeat(repeat, Gap::Behind);
            self.sign("]", Gap::Before);
        }
        if !define.formerly.is_empty() {
            self.sign("formerly", Gap::Space);
            self.with_commas(&define.formerly, Self::old_path);
        }
        if let Some(condition) = &define.condition {
            self.sign("if", Gap::Space);
            self.expr(condition, Gap::Space);
        }
        self.sign("extends", Gap::Space);
        self.with_commas(&define.prototypes, |printer, _| printer.token(Gap::Behind));
        if self.peek() == ";" { self.semicolon() } else { self.last_block(&define.body) }
    }

    fn with_commas<T>(&mut self, parts: &[T], mut part: impl FnMut(&mut Self, &T)) {
        for (at, one) in parts.iter().enumerate() {
            if at > 0 {
                self.joint(",", Gap::Before);
            }
            self.gap(Gap::Space);
            part(self, one);
        }
    }

    fn old_path(&mut self, path: &OldPath) {
        self.token(Gap::Behind);
        // `root` is no step itself.
        for step in path.steps.iter().skip(usize::from(!path.from_root)) {
            match step {
                OldStep::Name(_) => {
                    self.sign(".", Gap::Before);
                    self.token(Gap::Behind);
                }
                OldStep::Key(key) => {
                    self.sign("[", Gap::Before);
                    self.expr(key, Gap::Behind);
                    self.sign("]", Gap::Before);
                }
            }
        }
    }

    /// `a in xs` or `a, b in xs`
    pub(super) fn repeat(&mut self, repeat: &Repeat, gap: Gap) {
        self.token(gap);
        if repeat.second.is_some() {
            self.joint(",", Gap::Before);
            self.token(Gap::Space);
        }
        self.sign("in", Gap::Space);
        self.expr(&repeat.over, Gap::Space);
    }

    // ---- blocks

    /// The block that ends a statement. A `;` behind it is dropped, if comments allow it.
    fn last_block(&mut self, body: &Body) {
        self.gap(Gap::Space);
        self.block(body, Gap::Space);
        if self.peek() == ";" {
            if self.comments_can_follow() {
                self.at += 1;
            } else {
                self.token(Gap::Before);
            }
        }
    }

    /// With what stands in it when it is empty.
    pub(super) fn block(&mut self, body: &Body, empty: Gap) {
        self.layout.begin();
        self.sign("{", Gap::Behind);
        if body.items.is_empty() && self.comments().is_empty() {
            self.sign("}", empty);
            return self.layout.end();
        }
        if self.begins_line() {
            self.layout.force();
        }
        self.layout.indented();
        for (at, item) in body.items.iter().enumerate() {
            self.separate(Place::nth(at), true);
            self.item(item);
        }
        self.separate(Place::end(body.items.len()), true);
        self.layout.dedented();
        self.layout.line(true, false);
        self.sign("}", Gap::Behind);
        self.layout.end();
    }

    // ---- types

    fn annotation(&mut self, ty: Option<&TypeExpr>) {
        if let Some(ty) = ty {
            self.joint(":", Gap::Before);
            self.type_expr(ty, Gap::Space);
        }
    }

    fn type_expr(&mut self, ty: &TypeExpr, gap: Gap) {
        match &ty.kind {
            TypeExprKind::Named(_) => self.token(gap),
            TypeExprKind::List(of) => {
                self.sign("[", gap);
                self.type_expr(of, Gap::Behind);
                self.sign("]", Gap::Before);
            }
            TypeExprKind::Map(of) => {
                self.sign("{", gap);
                self.sign("String", Gap::Behind);
                self.annotation(Some(of));
                self.sign("}", Gap::Before);
            }
            TypeExprKind::Enum(texts) => {
                self.gap(gap);
                self.layout.begin();
                self.token(Gap::Behind);
                for _ in texts.iter().skip(1) {
                    self.joint("|", Gap::Space);
                    self.layout.indented();
                    self.token(Gap::Line);
                    self.layout.dedented();
                }
                self.layout.end();
            }
            TypeExprKind::Optional(of) => {
                self.type_expr(of, gap);
                self.sign("?", Gap::Before);
            }
        }
    }

    fn refinement(&mut self, refinement: Option<&Refinement>) {
        match refinement {
            None => {}
            Some(Refinement::Between(..)) => {
                self.sign("in", Gap::Space);
                self.bound(Gap::Space);
                self.sign("..", Gap::Before);
                self.bound(Gap::Behind);
            }
            Some(Refinement::Matching(_)) => {
                self.sign("matching", Gap::Space);
                self.token(Gap::Space);
            }
            Some(Refinement::Format(_)) => {
                self.sign("is", Gap::Space);
                self.token(Gap::Space);
            }
        }
    }

    fn bound(&mut self, gap: Gap) {
        if self.peek() == "-" {
            self.token(gap);
            self.token(Gap::Behind);
        } else {
            self.token(gap);
        }
    }
}
