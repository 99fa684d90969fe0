//! Expressions. Chains of operators and accesses are long and not deep, so they are walked in loops: what
//! recurses is what `MAX_DEPTH` bounds.

use super::{Gap, Place, Printer};
use crate::syntax::tree::{Binary, Element, Expr, ExprKind, For};

impl Printer<'_> {
    pub(super) fn expr(&mut self, expr: &Expr, gap: Gap) {
        self.gap(gap);
        self.bare(expr);
    }

    /// The tree has no node for parentheses. They belong to an expression if they open before its first
    /// part does.
    fn bare(&mut self, expr: &Expr) {
        let first_part = leading(expr).map_or(u32::MAX, |first| first.span.start);
        let mut parentheses = 0;
        while self.peek() == "(" && self.slice().start < first_part {
            self.token(Gap::Behind);
            self.gap(Gap::Behind);
            parentheses += 1;
        }
        self.kind(expr);
        for _ in 0..parentheses {
            self.sign(")", Gap::Before);
        }
    }

    fn in_parentheses(&self, expr: &Expr) -> bool {
        let start = expr.span.start;
        self.text.as_bytes()[start as usize] == b'(' && leading(expr).is_none_or(|first| first.span.start > start)
    }

    fn kind(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Int(_)
            | ExprKind::Number(_)
            | ExprKind::Duration(_)
            | ExprKind::Size(_)
            | ExprKind::Text(_)
            | ExprKind::Name(_)
            | ExprKind::This
            | ExprKind::Parent
            | ExprKind::Root
            | ExprKind::Super => self.token(Gap::Behind),
            ExprKind::List(elements) => {
                let last = matches!(elements.as_slice(), [Element::Item(only)] if self.opens(only));
                self.sequence(("[", "]"), elements, true, last, |printer, element| match element {
                    Element::Item(expr) => printer.bare(expr),
                    Element::Spread(expr) => {
                        printer.sign("...", Gap::Behind);
                        printer.expr(expr, Gap::Behind);
                    }
                });
            }
            ExprKind::Block(body) => self.block(body, Gap::Before),
            ExprKind::Construct(_, body) => {
                self.token(Gap::Behind);
                self.gap(Gap::Space);
                self.block(body, Gap::Space);
            }
            ExprKind::Call { arguments, .. } => {
                self.token(Gap::Behind);
                self.gap(Gap::Before);
                let last = arguments.last().is_some_and(|last| self.opens(last));
                self.sequence(("(", ")"), arguments, false, last, Self::bare);
            }
            ExprKind::Get { .. } | ExprKind::Index { .. } | ExprKind::Splat(_) => self.accesses(expr),
            ExprKind::Unary(..) => self.signs(expr),
            ExprKind::Binary(operator, ..) => self.operators(expr, level(*operator)),
            ExprKind::If { .. } => self.conditional(expr),
            ExprKind::For(repeat) => self.comprehension(repeat),
        }
    }

    /// `a.b[0]?.c`
    fn accesses(&mut self, whole: &Expr) {
        let mut steps = Vec::new();
        let mut base = whole;
        while let ExprKind::Get { of, .. } | ExprKind::Index { of, .. } | ExprKind::Splat(of) = &base.kind {
            steps.push(&base.kind);
            base = of;
            if self.in_parentheses(base) {
                break;
            }
        }
        self.bare(base);
        for step in steps.into_iter().rev() {
            match step {
                ExprKind::Get { optional, .. } => {
                    self.sign(if *optional { "?." } else { "." }, Gap::Before);
                    self.token(Gap::Behind);
                }
                ExprKind::Index { at, optional, .. } => {
                    self.sign(if *optional { "?[" } else { "[" }, Gap::Before);
                    self.expr(at, Gap::Behind);
                    self.sign("]", Gap::Before);
                }
                _ => {
                    self.sign("[", Gap::Before);
                    self.sign("*", Gap::Behind);
                    self.sign("]", Gap::Before);
                }
            }
        }
    }

    /// `!-a`
    fn signs(&mut self, whole: &Expr) {
        let mut base = whole;
        while let ExprKind::Unary(_, of) = &base.kind {
            self.token(Gap::Behind);
            self.gap(Gap::Behind);
            base = of;
            if self.in_parentheses(base) {
                break;
            }
        }
        self.bare(base);
    }

    /// Operators of one level are broken together.
    fn operators(&mut self, whole: &Expr, level_of_all: usize) {
        let mut operands = Vec::new();
        let mut first = whole;
        while let ExprKind::Binary(operator, left, right) = &first.kind
            && level(*operator) == level_of_all
            && (operands.is_empty() || !self.in_parentheses(first))
        {
            operands.push((*operator, &**right));
            first = left;
        }
        let count = operands.len();
        self.layout.begin();
        self.bare(first);
        for (at, (operator, operand)) in operands.into_iter().rev().enumerate() {
            if operator == Binary::Range {
                self.sign(operator.sign(), Gap::Before);
                self.expr(operand, Gap::Behind);
                continue;
            }
            self.joint(operator.sign(), Gap::Space);
            self.layout.indented();
            self.gap(Gap::Line);
            if at + 1 == count {
                self.last(operand)
            } else {
                self.bare(operand)
            }
            self.layout.dedented();
        }
        self.layout.end();
    }

    /// `if a then b else if c then d else e`. Where brackets stand behind `then`, they hold the line breaks,
    /// those behind `else` too: `if a then {`, `} else {`.
    fn conditional(&mut self, whole: &Expr) {
        let mut rest = whole;
        let (mut linked, mut indented) = (false, false);
        self.layout.begin();
        while let ExprKind::If { condition, then, otherwise } = &rest.kind {
            self.sign("if", Gap::Behind);
            self.expr(condition, Gap::Space);
            if self.opens(then) {
                linked = true;
                self.sign("then", Gap::Space);
                self.gap(Gap::Space);
                self.linked(then);
                self.sign("else", Gap::Space);
            } else {
                self.layout.begin();
                self.layout.indented();
                self.sign("then", Gap::Line);
                self.expr(then, Gap::Space);
                self.layout.dedented();
                self.layout.end();
                if !indented {
                    self.layout.indented();
                    indented = true;
                }
                self.sign("else", Gap::Line);
            }
            self.gap(Gap::Space);
            rest = otherwise;
            if !matches!(rest.kind, ExprKind::If { .. }) || self.in_parentheses(rest) {
                break;
            }
        }
        if linked && self.opens(rest) {
            self.linked(rest);
        } else {
            self.last(rest);
        }
        if indented {
            self.layout.dedented();
        }
        self.layout.end();
    }

    /// What is broken where the group around it is.
    fn linked(&mut self, expr: &Expr) {
        self.layout.link(true);
        self.bare(expr);
        self.layout.link(false);
    }

    /// What may be broken in place of the group around it, if it opens.
    fn last(&mut self, expr: &Expr) {
        if self.opens(expr) {
            self.layout.begin_last();
            self.bare(expr);
            self.layout.end_last();
        } else {
            self.bare(expr);
        }
    }

    /// `[for x in xs if c: e]` or `{for k, v in m: k: e}`
    fn comprehension(&mut self, repeat: &For) {
        let For { repeat, guard, key, value } = repeat;
        let (open, close) = if key.is_some() { ("{", "}") } else { ("[", "]") };
        self.layout.begin();
        self.sign(open, Gap::Behind);
        if self.begins_line() {
            self.layout.force();
        }
        self.layout.indented();
        self.separate(Place::First, false);
        self.layout.begin_inner();
        self.sign("for", Gap::Behind);
        self.repeat(repeat, Gap::Space);
        if let Some(guard) = guard {
            self.sign("if", Gap::Space);
            self.expr(guard, Gap::Space);
        }
        self.joint(":", Gap::Before);
        self.layout.indented();
        if let Some(key) = key {
            self.expr(key, Gap::Line);
            self.joint(":", Gap::Before);
            self.gap(Gap::Space);
        } else {
            self.gap(Gap::Line);
        }
        self.last(value);
        self.layout.dedented();
        self.layout.end();
        self.separate(Place::End, false);
        self.layout.dedented();
        self.layout.line(false, false);
        self.sign(close, Gap::Before);
        self.layout.end();
    }

    /// Whether an expression can be broken right behind its first sign, and reads well when nothing else
    /// around it is: `x if c then {`.
    fn opens(&self, expr: &Expr) -> bool {
        let can = match &expr.kind {
            ExprKind::List(elements) => !elements.is_empty(),
            ExprKind::Block(body) | ExprKind::Construct(_, body) => !body.items.is_empty(),
            ExprKind::For(_) => true,
            ExprKind::Text(_) => self.text[expr.span.start as usize..expr.span.end as usize].contains('\n'),
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Int(_)
            | ExprKind::Number(_)
            | ExprKind::Duration(_)
            | ExprKind::Size(_)
            | ExprKind::Name(_)
            | ExprKind::This
            | ExprKind::Parent
            | ExprKind::Root
            | ExprKind::Super
            | ExprKind::Get { .. }
            | ExprKind::Index { .. }
            | ExprKind::Splat(_)
            | ExprKind::Call { .. }
            | ExprKind::Unary(..)
            | ExprKind::Binary(..)
            | ExprKind::If { .. } => false,
        };
        can && !self.in_parentheses(expr)
    }
}

/// The part that an expression begins with, if it does not begin with a sign or word of its own.
fn leading(expr: &Expr) -> Option<&Expr> {
    match &expr.kind {
        ExprKind::Get { of, .. } | ExprKind::Index { of, .. } | ExprKind::Splat(of) => Some(of),
        ExprKind::Binary(_, left, _) => Some(left),
        ExprKind::Null
        | ExprKind::Bool(_)
        | ExprKind::Int(_)
        | ExprKind::Number(_)
        | ExprKind::Duration(_)
        | ExprKind::Size(_)
        | ExprKind::Text(_)
        | ExprKind::List(_)
        | ExprKind::Block(_)
        | ExprKind::Construct(..)
        | ExprKind::Name(_)
        | ExprKind::This
        | ExprKind::Parent
        | ExprKind::Root
        | ExprKind::Super
        | ExprKind::Call { .. }
        | ExprKind::Unary(..)
        | ExprKind::If { .. }
        | ExprKind::For(_) => None,
    }
}

/// How tightly an operator binds, as the parser has it.
fn level(operator: Binary) -> usize {
    match operator {
        Binary::Range => 0,
        Binary::Or => 1,
        Binary::And => 2,
        Binary::Equal | Binary::Unequal => 3,
        Binary::AtMost | Binary::AtLeast | Binary::Below | Binary::Above => 4,
        Binary::Coalesce => 5,
        Binary::Add | Binary::Subtract => 6,
        Binary::Multiply | Binary::Divide | Binary::Remainder => 7,
    }
}
