//! Pairs of the grammar to the tree. The one user of pest; its rules and errors end here.

use pest::Parser;
use pest::iterators::Pair;
use pest::pratt_parser::{Assoc, Op, PrattParser};
use pest_derive::Parser;

use super::around::Around;
use super::block::{self, Piece};
use super::mistake::{self, Wanted};
use super::number;
use super::scan::{Comment, Scanned};
use super::tree::*;
use super::{MAX_CHAIN, habit};
use crate::diagnostic::Diagnostic;
use crate::name::{Key, Name, Set};
use crate::source::{SourceId, Span, Spanned};

#[derive(Parser)]
#[grammar = "grammar/cloud.pest"]
struct Grammar;

type Fallible<T> = Result<T, Box<Diagnostic>>;

pub(super) fn parse(source: SourceId, text: &str, scanned: &Scanned) -> Fallible<File> {
    let mut file = File {
        imports: Vec::new(),
        params: Vec::new(),
        outputs: Vec::new(),
        assertions: Vec::new(),
        aliases: Vec::new(),
        functions: Vec::new(),
        items: Vec::new(),
        span: Span::new(source, 0, text.len()),
    };
    let mut builder = Builder::new(source, text, scanned);
    // One statement at a time: what pest remembers of a text is many times as large as the text.
    loop {
        let statement = builder.read(Rule::statement)?;
        if statement.as_rule() == Rule::EOI {
            return Ok(file);
        }
        let end = builder.base + statement.as_span().end();
        builder.statement(statement, &mut file)?;
        builder.base = end;
    }
}

pub(super) fn parse_template(source: SourceId, text: &str, scanned: &Scanned) -> Fallible<Expr> {
    let mut pairs = Grammar::parse(Rule::template_file, text).map_err(|error| {
        let at = failing_place(0, &error);
        explained(source, &Around::in_template(text, at), &error)
    })?;
    match pairs.next() {
        Some(template) => Builder::new(source, text, scanned).text(template),
        None => unreachable!("the grammar's rule always gives a text"),
    }
}

pub(super) fn parse_value(source: SourceId, text: &str, scanned: &Scanned) -> Fallible<Expr> {
    let mut builder = Builder::new(source, text, scanned);
    let given = builder.read(Rule::given)?;
    builder.expr(first(given))
}

/// Whether a text, whose brackets are closed, is no value because it ends too early.
pub(super) fn ends_early(text: &str) -> bool {
    let end = text.trim_end().len();
    Grammar::parse(Rule::given, text).is_err_and(|error| failing_place(0, &error) >= end)
}

/// Loosest first.
fn precedence() -> PrattParser<Rule> {
    let left = |rule| Op::infix(rule, Assoc::Left);
    PrattParser::new()
        .op(left(Rule::range))
        .op(left(Rule::or))
        .op(left(Rule::and))
        .op(left(Rule::equal) | left(Rule::unequal))
        .op(left(Rule::at_most) | left(Rule::at_least) | left(Rule::below) | left(Rule::above))
        .op(left(Rule::coalesce))
        .op(left(Rule::add) | left(Rule::subtract))
        .op(left(Rule::multiply) | left(Rule::divide) | left(Rule::remainder))
        .op(Op::prefix(Rule::not) | Op::prefix(Rule::negative))
}

struct Builder<'a> {
    source: SourceId,
    text: &'a str,
    /// Where in the text the statement begins whose pairs are at hand: pest counts from there.
    base: usize,
    comments: &'a [Comment],
    /// One allocation a name and file, however often it is written.
    names: Set<Name>,
    pratt: PrattParser<Rule>,
}

/// The children of a pair, taken in the order of its rule.
struct Parts<'i> {
    pairs: pest::iterators::Pairs<'i, Rule>,
}

impl<'i> Parts<'i> {
    fn of(pair: Pair<'i, Rule>) -> Parts<'i> {
        Parts { pairs: pair.into_inner() }
    }

    fn required(&mut self) -> Pair<'i, Rule> {
        match self.pairs.next() {
            Some(pair) => pair,
            None => unreachable!("the grammar requires another part here"),
        }
    }

    fn optional(&mut self, rule: Rule) -> Option<Pair<'i, Rule>> {
        if self.pairs.peek()?.as_rule() == rule { self.pairs.next() } else { None }
    }
}

impl<'a> Builder<'a> {
    fn new(source: SourceId, text: &'a str, scanned: &'a Scanned) -> Builder<'a> {
        Builder { source, text, base: 0, comments: &scanned.comments, names: Set::default(), pratt: precedence() }
    }

    /// What the text has behind the statements that were read.
    fn read(&self, rule: Rule) -> Fallible<Pair<'a, Rule>> {
        match Grammar::parse(rule, &self.text[self.base..]) {
            Ok(mut pairs) => match pairs.next() {
                Some(pair) => Ok(pair),
                None => unreachable!("{rule:?} always gives a pair"),
            },
            Err(error) => {
                let at = failing_place(self.base, &error);
                Err(explained(self.source, &Around::new(self.text, at), &error))
            }
        }
    }

    fn span(&self, pair: &Pair<Rule>) -> Span {
        let span = pair.as_span();
        let start = self.base + span.start();
        // Pest lets a rule's span run over the white space behind it.
        Span::new(self.source, start, start + span.as_str().trim_end().len())
    }

    fn ident(&mut self, pair: &Pair<Rule>) -> Ident {
        let name = match self.names.get(pair.as_str()) {
            Some(name) => name.clone(),
            None => {
                let name = Name::from(pair.as_str());
                self.names.insert(name.clone());
                name
            }
        };
        Spanned::new(name, self.span(pair))
    }

    /// The `///` lines right above a statement that is the first thing on its line.
    fn doc(&self, span: Span) -> Option<String> {
        let mut lines: Vec<&str> = Vec::new();
        let mut below = span.start as usize;
        let before = self.comments.partition_point(|comment| (comment.span.start as usize) < below);
        for comment in self.comments[..before].iter().rev() {
            let (start, end) = (comment.span.start as usize, comment.span.end as usize);
            let line = self.text[start..end].strip_prefix("///").filter(|line| !line.starts_with('/'));
            match line {
                Some(line) if self.line_start(below) == end + 1 && self.is_first(start) => {
                    lines.push(line.strip_prefix(' ').unwrap_or(line).trim_end());
                }
                _ => break,
            }
            below = start;
        }
        lines.reverse();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// Where the white space before a place begins, as far as it is on the same line.
    fn line_start(&self, at: usize) -> usize {
        self.text[..at].trim_end_matches([' ', '\t', '\r', '\u{feff}']).len()
    }

    /// Nothing but white space stands before a place on its line.
    fn is_first(&self, at: usize) -> bool {
        let start = self.line_start(at);
        start == 0 || self.text.as_bytes()[start - 1] == b'\n'
    }

    /// Puts one statement of the top of a file where it belongs.
    fn statement(&mut self, pair: Pair<Rule>, file: &mut File) -> Fallible<()> {
        let whole = self.span(&pair);
        match pair.as_rule() {
            Rule::import => {
                let literal = second(pair);
                let span = self.span(&literal);
                let path = Spanned::new(self.literal(literal)?, span);
                file.imports.push(Import { span: whole, path });
            }
            Rule::param => {
                let doc = self.doc(whole);
                let mut parts = Parts::of(pair);
                parts.required();
                let name = self.ident(&parts.required());
                let declaration = self.declare(&mut parts)?;
                file.params.push(Param { doc, span: whole, name, declaration });
            }
            Rule::output => {
                let doc = self.doc(whole);
                let mut parts = Parts::of(pair);
                parts.required();
                let name = self.ident(&parts.required());
                let ty = parts.optional(Rule::type_expr).map(|ty| self.type_expr(ty)).transpose()?;
                let value = self.expr(parts.required())?;
                file.outputs.push(Output { doc, span: whole, name, ty, value });
            }
            Rule::assertion => {
                let mut parts = Parts::of(pair);
                parts.required();
                let condition = self.expr(parts.required())?;
                let message = self.text(parts.required())?;
                file.assertions.push(Assertion { span: whole, condition, message });
            }
            Rule::type_alias => {
                let doc = self.doc(whole);
                let mut parts = Parts::of(pair);
                parts.required();
                let name = self.ident(&parts.required());
                let ty = self.type_expr(parts.required())?;
                let refinement = parts.optional(Rule::refinement).map(|pair| self.refinement(pair)).transpose()?;
                file.aliases.push(Alias { doc, span: whole, name, ty, refinement });
            }
            Rule::function => {
                let doc = self.doc(whole);
                let mut parts = Parts::of(pair);
                parts.required();
                let name = self.ident(&parts.required());
                let mut parameters = Vec::new();
                while let Some(parameter) = parts.optional(Rule::parameter) {
                    let mut inner = Parts::of(parameter);
                    let name = self.ident(&inner.required());
                    parameters.push(Parameter { name, ty: self.type_expr(inner.required())? });
                }
                let result = parts.optional(Rule::type_expr).map(|ty| self.type_expr(ty)).transpose()?;
                let body = self.expr(parts.required())?;
                file.functions.push(Function { doc, span: whole, name, parameters, result, body });
            }
            Rule::item => {
                let item = self.item(pair)?;
                unfinished(&item, self.text)?;
                file.items.push(item);
            }
            other => unreachable!("a file has no {other:?}"),
        }
        Ok(())
    }

    fn refinement(&mut self, pair: Pair<Rule>) -> Fallible<Refinement> {
        let mut parts = Parts::of(pair);
        match parts.required().as_rule() {
            Rule::in_word => Ok(Refinement::Between(self.bound(parts.required())?, self.bound(parts.required())?)),
            Rule::is_word => Ok(Refinement::Format(self.ident(&parts.required()))),
            _ => {
                let literal = parts.required();
                let span = self.span(&literal);
                Ok(Refinement::Matching(Spanned::new(self.literal(literal)?, span)))
            }
        }
    }

    fn bound(&mut self, pair: Pair<Rule>) -> Fallible<i64> {
        let (span, text) = (self.span(&pair), pair.as_str());
        let bound = match self.number(&first(pair))? {
            ExprKind::Int(magnitude) => match number::signed(magnitude, text.starts_with('-')) {
                Some(bound) => return Ok(bound),
                None => return Err(number::too_large(text, span)),
            },
            _ => text,
        };
        Err(Diagnostic::error("cloud::syntax::number", format!("`{bound}` is not a whole number"))
            .label(span, "the range of a type ends with whole numbers")
            .into())
    }

    // ---- statements

    fn item(&mut self, pair: Pair<Rule>) -> Fallible<Item> {
        let span = self.span(&pair);
        let doc = self.doc(span);
        let mut parts = Parts::of(pair);
        let head = parts.required();
        let path = match head.as_rule() {
            Rule::text => {
                let text = self.text(head)?;
                let span = text.span;
                let literal = match &text.kind {
                    ExprKind::Text(parts) => match parts.as_slice() {
                        [] => Some(""),
                        [TextPart::Literal(key)] => Some(key.as_str()),
                        _ => None,
                    },
                    _ => None,
                };
                let (name, made) = match literal {
                    Some(key) => (Name::from(key), None),
                    None => (Name::from(&self.text[span.start as usize + 1..span.end as usize - 1]), Some(text.into())),
                };
                Path { head: Spanned::new(name, span), rest: Vec::new(), quoted: true, made, span }
            }
            _ => self.path(head)?,
        };
        let tail = parts.required();
        let kind = match tail.as_rule() {
            Rule::declare_tail => ItemKind::Declare(self.declare(&mut Parts::of(tail))?.into()),
            Rule::block_tail => ItemKind::Merge(self.body(Parts::of(tail).required())?),
            Rule::value_tail => {
                let mut inner = Parts::of(tail);
                inner.optional(Rule::map_start);
                ItemKind::Set(self.expr(inner.required())?)
            }
            Rule::define_tail => {
                let mut inner = Parts::of(tail);
                let repeat = inner.optional(Rule::repeat).map(|pair| self.repeat(&mut Parts::of(pair))).transpose()?;
                let formerly = inner.optional(Rule::formerly).map(|pair| self.formerly(pair)).transpose()?;
                let condition = inner.optional(Rule::condition).map(|pair| self.expr(second(pair))).transpose()?;
                let define = self.define(repeat, condition, inner.required())?;
                ItemKind::Define(Define { formerly: formerly.unwrap_or_default(), ..define }.into())
            }
            Rule::conditional_tail => {
                let whole = self.span(&tail);
                let mut inner = Parts::of(tail);
                inner.required();
                let condition = self.expr(inner.required())?;
                let rest = inner.required();
                if rest.as_rule() == Rule::extends {
                    ItemKind::Define(self.define(None, Some(condition), rest)?.into())
                } else {
                    let mut branches = Parts::of(rest);
                    branches.required();
                    let then = self.expr(branches.required())?.into();
                    branches.required();
                    let otherwise = self.expr(branches.required())?.into();
                    let kind = ExprKind::If { condition: condition.into(), then, otherwise };
                    ItemKind::Set(Expr { span: whole, kind })
                }
            }
            other => unreachable!("a statement has no {other:?}"),
        };
        Ok(Item { doc, span, path, kind })
    }

    fn path(&mut self, pair: Pair<Rule>) -> Fallible<Path> {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let head = self.ident(&parts.required());
        let mut rest = Vec::new();
        for step in parts.pairs {
            match step.as_rule() {
                Rule::name => rest.push(PathStep::Name(self.ident(&step))),
                _ => rest.push(self.key(step)?),
            }
        }
        Ok(Path { head, rest, quoted: false, made: None, span })
    }

    /// `["a"]` or `[0]`.
    fn key(&mut self, pair: Pair<Rule>) -> Fallible<PathStep> {
        let span = self.span(&pair);
        let literal = first(pair);
        let key = match literal.as_rule() {
            Rule::number => match self.index(&literal)? {
                Some(index) => Key::Index(index),
                None => {
                    return Err(Diagnostic::error("cloud::syntax::key", "a key is a whole number or a text")
                        .label(span, "neither of them")
                        .into());
                }
            },
            _ => Key::Text(self.literal(literal)?.into()),
        };
        Ok(PathStep::Key(Spanned::new(key, span)))
    }

    fn formerly(&mut self, pair: Pair<Rule>) -> Fallible<Vec<OldPath>> {
        let mut paths = Vec::new();
        for old in pair.into_inner().filter(|part| part.as_rule() == Rule::old_path) {
            let span = self.span(&old);
            let (mut from_root, mut steps) = (false, Vec::new());
            for step in old.into_inner() {
                match step.as_rule() {
                    Rule::root_word => from_root = true,
                    Rule::name => steps.push(OldStep::Name(self.ident(&step))),
                    _ => steps.push(OldStep::Key(self.expr(first(step))?)),
                }
            }
            paths.push(OldPath { from_root, steps, span });
        }
        Ok(paths)
    }

    fn declare(&mut self, parts: &mut Parts) -> Fallible<Declare> {
        let ty = self.type_expr(parts.required())?;
        let mut modifiers = Vec::new();
        while let Some(pair) = parts.optional(Rule::modifier) {
            let mut inner = Parts::of(pair);
            let name = self.ident(&inner.required());
            let text = inner.optional(Rule::string_literal).map(|text| self.literal(text)).transpose()?;
            modifiers.push(Modifier { name, text });
        }
        let default = parts.optional(Rule::expr).map(|expr| self.expr(expr)).transpose()?;
        Ok(Declare { ty, modifiers, default })
    }

    fn define(&mut self, repeat: Option<Repeat>, condition: Option<Expr>, extends: Pair<Rule>) -> Fallible<Define> {
        let mut prototypes = Vec::new();
        let mut body = Body::default();
        for part in extends.into_inner() {
            match part.as_rule() {
                Rule::template_name => prototypes.push(self.ident(&part)),
                Rule::block => body = self.body(part)?,
                _ => {}
            }
        }
        Ok(Define { repeat, formerly: Vec::new(), condition, prototypes, body })
    }

    fn repeat(&mut self, parts: &mut Parts) -> Fallible<Repeat> {
        let first = self.ident(&parts.required());
        let second = parts.optional(Rule::name).map(|name| self.ident(&name));
        parts.optional(Rule::in_word);
        Ok(Repeat { first, second, over: self.expr(parts.required())? })
    }

    fn body(&mut self, block: Pair<Rule>) -> Fallible<Body> {
        let parts = block.into_inner();
        // All but the closing brace are statements.
        let mut items = Vec::with_capacity(parts.len() - 1);
        for part in parts.filter(|part| part.as_rule() == Rule::item) {
            items.push(self.item(part)?);
        }
        Ok(Body { items })
    }

    // ---- types

    fn type_expr(&mut self, pair: Pair<Rule>) -> Fallible<TypeExpr> {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let atom = parts.required();
        let atom_span = self.span(&atom);
        let kind = match atom.as_rule() {
            Rule::template_name => TypeExprKind::Named(self.ident(&atom).value),
            Rule::list_type => TypeExprKind::List(self.type_expr(first(atom))?.into()),
            Rule::map_type => {
                let mut inner = Parts::of(atom);
                let key = inner.required();
                if key.as_str() != "String" {
                    return Err(Diagnostic::error("cloud::type::key", "the keys of a map are of type `String`")
                        .label(self.span(&key), "write `String` here")
                        .into());
                }
                TypeExprKind::Map(self.type_expr(inner.required())?.into())
            }
            _ => TypeExprKind::Enum(atom.into_inner().map(|text| self.literal(text)).collect::<Result<_, _>>()?),
        };
        Ok(match parts.optional(Rule::optional) {
            Some(_) => TypeExpr { span, kind: TypeExprKind::Optional(TypeExpr { span: atom_span, kind }.into()) },
            None => TypeExpr { span, kind },
        })
    }

    // ---- expressions

    fn expr(&mut self, pair: Pair<Rule>) -> Fallible<Expr> {
        let span = self.span(&pair);
        let mut parts = pair.into_inner();
        if parts.len() == 1 {
            let part = parts.next().unwrap_or_else(|| unreachable!("it has one part"));
            let written = part.as_str();
            return within(self.postfix(part)?, written);
        }
        if parts.clone().filter(|part| part.as_rule() != Rule::postfix).count() > MAX_CHAIN {
            return Err(too_long(span));
        }
        // Operands first: the callbacks of the Pratt parser cannot share the builder.
        let mut operands = Vec::new();
        let mut negated = false;
        for part in parts.clone() {
            let rule = part.as_rule();
            if rule == Rule::postfix {
                let written = part.as_str();
                let operand = self.postfix(part)?;
                operands.push(if negated { operand } else { within(operand, written)? });
            }
            negated = rule == Rule::negative;
        }
        let mut operands = operands.into_iter();
        let (source, base) = (self.source, self.base);
        let sign = |op: &Pair<Rule>| Span::new(source, base + op.as_span().start(), base + op.as_span().end());
        Ok(self
            .pratt
            .map_primary(|_| operands.next().unwrap_or_else(|| unreachable!("one operand a postfix")))
            .map_prefix(|op, of| {
                let kind = if op.as_rule() == Rule::not { Unary::Not } else { Unary::Negative };
                Expr { span: sign(&op).to(of.span), kind: ExprKind::Unary(kind, of.into()) }
            })
            .map_infix(|left, op, right| Expr {
                span: left.span.to(right.span),
                kind: ExprKind::Binary(binary(op.as_rule()), left.into(), right.into()),
            })
            .parse(parts))
    }

    fn postfix(&mut self, pair: Pair<Rule>) -> Fallible<Expr> {
        let whole = self.span(&pair);
        let mut parts = pair.into_inner();
        if parts.len() > MAX_CHAIN {
            return Err(too_long(whole));
        }
        let primary = parts.next().unwrap_or_else(|| unreachable!("a postfix begins with a primary"));
        let written = primary.as_str();
        let mut expr = self.primary(primary)?;
        if !parts.is_empty() {
            expr = within(expr, written)?;
        }
        for part in parts {
            let span = expr.span.to(self.span(&part));
            let of = Box::new(expr);
            let kind = match part.as_rule() {
                Rule::get => ExprKind::Get { of, name: self.ident(&first(part)), optional: false },
                Rule::safe_get => ExprKind::Get { of, name: self.ident(&first(part)), optional: true },
                Rule::splat => ExprKind::Splat(of),
                rule => {
                    let optional = rule == Rule::safe_index;
                    ExprKind::Index { of, at: self.expr(first(part))?.into(), optional }
                }
            };
            expr = Expr { span, kind };
        }
        Ok(expr)
    }

    fn primary(&mut self, pair: Pair<Rule>) -> Fallible<Expr> {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::constant_word => match first(pair).as_rule() {
                Rule::true_word => ExprKind::Bool(true),
                Rule::false_word => ExprKind::Bool(false),
                _ => ExprKind::Null,
            },
            Rule::reference => {
                let inner = first(pair);
                match inner.as_rule() {
                    Rule::this_word => ExprKind::This,
                    Rule::parent_word => ExprKind::Parent,
                    Rule::root_word => ExprKind::Root,
                    Rule::super_word => ExprKind::Super,
                    _ => ExprKind::Name(self.ident(&inner).value),
                }
            }
            Rule::number => self.number(&pair)?,
            Rule::text | Rule::text_block => return self.text(pair),
            Rule::grouped => {
                return Ok(Expr { span, kind: self.expr(first(pair))?.kind });
            }
            Rule::list => {
                let parts = pair.into_inner();
                let mut elements = Vec::with_capacity(parts.len());
                for element in parts {
                    let inner = first(element);
                    elements.push(if inner.as_rule() == Rule::spread {
                        Element::Spread(self.expr(first(inner))?)
                    } else {
                        Element::Item(self.expr(inner)?)
                    });
                }
                ExprKind::List(elements)
            }
            Rule::block => ExprKind::Block(self.body(pair)?),
            Rule::construct => {
                let mut parts = Parts::of(pair);
                let template = self.ident(&parts.required());
                ExprKind::Construct(template, self.body(parts.required())?)
            }
            Rule::call => {
                let mut parts = Parts::of(pair);
                let function = self.ident(&parts.required());
                let arguments = parts.pairs.map(|argument| self.expr(argument)).collect::<Result<_, _>>()?;
                ExprKind::Call { function, arguments }
            }
            Rule::conditional => {
                let mut branches = pair.into_inner().filter(|part| part.as_rule() == Rule::expr);
                let mut next = || -> Fallible<Box<Expr>> {
                    let branch = branches.next().unwrap_or_else(|| unreachable!("`if` has three parts"));
                    Ok(self.expr(branch)?.into())
                };
                ExprKind::If { condition: next()?, then: next()?, otherwise: next()? }
            }
            Rule::list_for | Rule::map_for => {
                let keyed = pair.as_rule() == Rule::map_for;
                let mut parts = Parts::of(pair);
                parts.required();
                let repeat = self.repeat(&mut parts)?;
                let guard = parts.optional(Rule::guard).map(|guard| self.expr(second(guard))).transpose()?;
                let key = if keyed { Some(self.expr(parts.required())?) } else { None };
                let value = self.expr(parts.required())?;
                ExprKind::For(For { repeat, guard, key, value }.into())
            }
            other => unreachable!("an expression has no {other:?}"),
        };
        Ok(Expr { span, kind })
    }

    fn number(&self, pair: &Pair<Rule>) -> Fallible<ExprKind> {
        let span = self.span(pair);
        number::read(pair.as_str(), &self.text[span.end as usize..], span)
    }

    /// A whole number that no `-` stands before.
    fn index(&self, pair: &Pair<Rule>) -> Fallible<Option<u64>> {
        match self.number(pair)? {
            ExprKind::Int(number::BEYOND) => Err(number::too_large(pair.as_str(), self.span(pair))),
            ExprKind::Int(index) => Ok(Some(index)),
            _ => Ok(None),
        }
    }

    /// A text without interpolation.
    fn literal(&self, pair: Pair<Rule>) -> Fallible<String> {
        let mut text = String::new();
        for part in pair.into_inner() {
            self.piece(&part, &mut text)?;
        }
        Ok(text)
    }

    fn piece(&self, part: &Pair<Rule>, text: &mut String) -> Fallible<()> {
        match part.as_rule() {
            Rule::escape => {}
            Rule::dollar => {
                text.push_str("${");
                return Ok(());
            }
            Rule::EOI => return Ok(()),
            // A file of another language, in which a `\r` alone may mean something.
            Rule::template_plain => {
                text.push_str(&part.as_str().replace("\r\n", "\n"));
                return Ok(());
            }
            _ => {
                self.no_lone_return(part)?;
                text.push_str(part.as_str());
                return Ok(());
            }
        }
        let escape = &part.as_str()[1..];
        let decoded = match escape {
            "n" => Some('\n'),
            "t" => Some('\t'),
            "r" => Some('\r'),
            "\"" | "\\" | "$" => escape.chars().next(),
            _ => escape
                .strip_prefix("u{")
                .and_then(|hex| u32::from_str_radix(hex.strip_suffix('}')?, 16).ok())
                .and_then(char::from_u32),
        };
        match decoded {
            Some(c) => {
                text.push(c);
                Ok(())
            }
            None => Err(Diagnostic::error("cloud::syntax::escape", format!("`\\{escape}` is not an escape"))
                .label(self.span(part), "means nothing")
                .help("escapes are \\n \\t \\r \\\" \\\\ \\$ and \\u{1F438}; write `\\\\` for a backslash")
                .into()),
        }
    }

    fn text(&mut self, pair: Pair<Rule>) -> Fallible<Expr> {
        let span = self.span(&pair);
        let mut plain = match pair.as_rule() {
            Rule::text_block => self.without_layout(pair.clone().into_inner())?.into_iter(),
            _ => Vec::new().into_iter(),
        };
        let mut parts: Vec<TextPart> = Vec::new();
        for part in pair.into_inner() {
            let without_layout = plain.next();
            if part.as_rule() == Rule::interpolation {
                parts.push(TextPart::Expr(self.expr(first(part))?));
                continue;
            }
            let mut piece = String::new();
            match without_layout.filter(|_| part.as_rule() == Rule::block_plain) {
                Some(plain) => piece = plain,
                None => self.piece(&part, &mut piece)?,
            }
            match parts.last_mut() {
                Some(TextPart::Literal(text)) => text.push_str(&piece),
                _ => parts.push(TextPart::Literal(piece)),
            }
        }
        parts.retain(|part| !matches!(part, TextPart::Literal(text) if text.is_empty()));
        parts.shrink_to_fit();
        Ok(Expr { span, kind: ExprKind::Text(parts) })
    }

    /// The plain text of each part of a block, but for its layout.
    fn without_layout(&self, parts: pest::iterators::Pairs<Rule>) -> Fallible<Vec<String>> {
        let mut pieces = Vec::new();
        for part in parts {
            pieces.push(match part.as_rule() {
                Rule::block_plain => {
                    self.no_lone_return(&part)?;
                    Piece::Plain(part.as_str(), self.base + part.as_span().start())
                }
                _ => Piece::Other,
            });
        }
        block::without_layout(&pieces).map_err(|mixed| {
            let span = |place: std::ops::Range<usize>| Span::new(self.source, place.start, place.end);
            let what = |place: &std::ops::Range<usize>| match &self.text[place.clone()] {
                "" => "no indent".to_string(),
                indent if !indent.contains('\t') => "indented with spaces".to_string(),
                indent if !indent.contains(' ') => "indented with tabs".to_string(),
                _ => "indented with both".to_string(),
            };
            let (one, two) = (what(&mixed.one), what(&mixed.two));
            Diagnostic::error("cloud::syntax::indent", "this text is indented with tabs and with spaces")
                .label(span(mixed.one), one)
                .label(span(mixed.two), two)
                .help("indent all of its lines in the same way; a tab that belongs to the text can be written as `\\t`")
                .into()
        })
    }

    /// A `\r` in a text is written as such: by itself it is invisible, and before a line break no part of it.
    fn no_lone_return(&self, part: &Pair<Rule>) -> Fallible<()> {
        let text = part.as_str();
        let lone = text.match_indices('\r').find(|(at, _)| !text[at + 1..].starts_with('\n'));
        lone.map_or(Ok(()), |(at, _)| {
            let at = self.base + part.as_span().start() + at;
            Err(Diagnostic::error("cloud::syntax::escape", "there is a carriage return in this text")
                .label(Span::new(self.source, at, at + 1), "it cannot be seen here")
                .help("remove it, or write it as `\\r`")
                .into())
        })
    }
}

/// An operand that no `-` stands right before, which would make the largest number an `Int`.
fn within(operand: Expr, written: &str) -> Fallible<Expr> {
    match operand.kind {
        ExprKind::Int(number::BEYOND) => Err(number::too_large(written.trim_end(), operand.span)),
        _ => Ok(operand),
    }
}

fn first<'i>(pair: Pair<'i, Rule>) -> Pair<'i, Rule> {
    Parts::of(pair).required()
}

/// What follows a keyword.
fn second<'i>(pair: Pair<'i, Rule>) -> Pair<'i, Rule> {
    let mut parts = Parts::of(pair);
    parts.required();
    parts.required()
}

fn binary(rule: Rule) -> Binary {
    match rule {
        Rule::range => Binary::Range,
        Rule::or => Binary::Or,
        Rule::and => Binary::And,
        Rule::equal => Binary::Equal,
        Rule::unequal => Binary::Unequal,
        Rule::at_most => Binary::AtMost,
        Rule::at_least => Binary::AtLeast,
        Rule::below => Binary::Below,
        Rule::above => Binary::Above,
        Rule::coalesce => Binary::Coalesce,
        Rule::add => Binary::Add,
        Rule::subtract => Binary::Subtract,
        Rule::multiply => Binary::Multiply,
        Rule::divide => Binary::Divide,
        Rule::remainder => Binary::Remainder,
        other => unreachable!("{other:?} is no operator"),
    }
}

fn too_long(span: Span) -> Box<Diagnostic> {
    Diagnostic::error("cloud::limit::chain", "this expression is too long")
        .label(span, format!("more than {MAX_CHAIN} operators in one expression"))
        .help("give parts of it names of their own")
        .into()
}

/// `assert x;`, `output a.b;`, `import lib.cloud;`: statements of a file that would quietly set an attribute.
fn unfinished(item: &Item, text: &str) -> Fallible<()> {
    let ItemKind::Set(value) = &item.kind else { return Ok(()) };
    let literal = matches!(value.kind, ExprKind::Text(_) | ExprKind::Bool(_) | ExprKind::Int(_) | ExprKind::Null);
    let written = text.get(value.span.start as usize..value.span.end as usize).unwrap_or("...");
    let written = if written.len() > 60 || written.contains('\n') { "..." } else { written };
    let behind = Span { start: value.span.end, ..value.span };
    let before = Span { end: value.span.start, ..value.span };
    let error = |message: &str| Diagnostic::error("cloud::syntax::unexpected", message);
    let diagnostic = match item.path.head.value.as_str() {
        _ if item.path.quoted || !item.path.rest.is_empty() => return Ok(()),
        "assert" => error("this assertion has no message")
            .label(behind, "expected `:` and a text here")
            .help(format!("write `assert {written} : \"what is wrong\";`")),
        "output" if !literal => error("this output has no name")
            .label(before, "expected a name and `=` here")
            .help(format!("write `output name = {written};`")),
        "import" if !literal => error("the path of an import stands in quotes")
            .label(value.span, "not a text")
            .help(format!("write `import \"{written}\";`")),
        _ => return Ok(()),
    };
    Err(diagnostic.into())
}

/// What a rule is to users; nothing for what would only confuse.
fn wanted(rule: Rule) -> Option<Wanted> {
    Some(match rule {
        Rule::end => Wanted::End,
        Rule::close => Wanted::Close,
        Rule::item | Rule::path => Wanted::Statement,
        Rule::expr | Rule::postfix | Rule::text | Rule::list => Wanted::Value,
        Rule::name => Wanted::Name,
        Rule::template_name => Wanted::Template,
        Rule::type_expr => Wanted::Type,
        Rule::extends_word | Rule::extends => Wanted::Extends,
        Rule::block => Wanted::Block,
        Rule::then_word => Wanted::Then,
        Rule::else_word => Wanted::Else,
        Rule::in_word => Wanted::In,
        Rule::string_literal => Wanted::Text,
        _ => return None,
    })
}

fn failing_place(base: usize, error: &pest::error::Error<Rule>) -> usize {
    match error.location {
        pest::error::InputLocation::Pos(at) | pest::error::InputLocation::Span((at, _)) => base + at,
    }
}

fn explained(source: SourceId, around: &Around, error: &pest::error::Error<Rule>) -> Box<Diagnostic> {
    let rules = match &error.variant {
        pest::error::ErrorVariant::ParsingError { positives, .. } => positives.as_slice(),
        pest::error::ErrorVariant::CustomError { .. } => &[],
    };
    let wanted: Vec<Wanted> = rules.iter().filter_map(|rule| wanted(*rule)).collect();
    habit::recognise(source, around).unwrap_or_else(|| mistake::explain(source, around, &wanted))
}
