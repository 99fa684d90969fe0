//! Pairs of the grammar to the tree. The one user of pest; its rules and errors end here.

use std::collections::HashSet;

use pest::Parser;
use pest::iterators::Pair;
use pest::pratt_parser::{Assoc, Op, PrattParser};
use pest_derive::Parser;

use super::MAX_CHAIN;
use super::scan::{Comment, Scanned};
use super::tree::*;
use crate::diagnostic::Diagnostic;
use crate::name::{Key, Name};
use crate::source::{SourceId, Span, Spanned};
use crate::value::{UNITS, Value, with_unit};

#[derive(Parser)]
#[grammar = "grammar/cloud.pest"]
struct Grammar;

type Fallible<T> = Result<T, Box<Diagnostic>>;

pub(super) fn parse(source: SourceId, text: &str, scanned: &Scanned) -> Fallible<File> {
    let mut pairs = Grammar::parse(Rule::file, text).map_err(|error| syntax_error(source, text, &error))?;
    match pairs.next() {
        Some(file) => Builder::new(source, text, scanned).file(file),
        None => unreachable!("the grammar's first rule always gives a file"),
    }
}

pub(super) fn parse_template(source: SourceId, text: &str, scanned: &Scanned) -> Fallible<Expr> {
    let mut pairs = Grammar::parse(Rule::template_file, text).map_err(|error| syntax_error(source, text, &error))?;
    match pairs.next() {
        Some(template) => Builder::new(source, text, scanned).text(template),
        None => unreachable!("the grammar's rule always gives a text"),
    }
}

pub(super) fn parse_value(source: SourceId, text: &str, scanned: &Scanned) -> Fallible<Expr> {
    let mut pairs = Grammar::parse(Rule::given, text).map_err(|error| syntax_error(source, text, &error))?;
    match pairs.next() {
        Some(given) => Builder::new(source, text, scanned).expr(first(given)),
        None => unreachable!("the grammar's rule always gives a value"),
    }
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
    comments: &'a [Comment],
    /// One allocation a name and file, however often it is written.
    names: HashSet<Name>,
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
        Builder { source, text, comments: &scanned.comments, names: HashSet::new(), pratt: precedence() }
    }

    fn span(&self, pair: &Pair<Rule>) -> Span {
        let span = pair.as_span();
        // Pest lets a rule's span run over the white space behind it.
        Span::new(self.source, span.start(), span.start() + span.as_str().trim_end().len())
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

    fn file(&mut self, pair: Pair<Rule>) -> Fallible<File> {
        let mut file = File {
            imports: Vec::new(),
            params: Vec::new(),
            outputs: Vec::new(),
            assertions: Vec::new(),
            aliases: Vec::new(),
            functions: Vec::new(),
            items: Vec::new(),
            span: Span::new(self.source, 0, self.text.len()),
        };
        for pair in pair.into_inner() {
            let whole = self.span(&pair);
            let doc = self.doc(whole);
            match pair.as_rule() {
                Rule::import => {
                    let literal = second(pair);
                    let span = self.span(&literal);
                    let path = Spanned::new(self.literal(literal)?, span);
                    file.imports.push(Import { span: whole, path });
                }
                Rule::param => {
                    let mut parts = Parts::of(pair);
                    parts.required();
                    let name = self.ident(&parts.required());
                    let declaration = self.declare(&mut parts)?;
                    file.params.push(Param { doc, span: whole, name, declaration });
                }
                Rule::output => {
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
                    let mut parts = Parts::of(pair);
                    parts.required();
                    let name = self.ident(&parts.required());
                    let ty = self.type_expr(parts.required())?;
                    let refinement = parts.optional(Rule::refinement).map(|pair| self.refinement(pair)).transpose()?;
                    file.aliases.push(Alias { doc, span: whole, name, ty, refinement });
                }
                Rule::function => {
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
                Rule::item => file.items.push(self.item(pair)?),
                Rule::EOI => {}
                other => unreachable!("a file has no {other:?}"),
            }
        }
        Ok(file)
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
        let sign = if pair.as_str().starts_with('-') { "-" } else { "" };
        let text = format!("{sign}{}", first(pair.clone()).as_str().replace('_', ""));
        text.parse().map_err(|_| {
            Diagnostic::error("cloud::syntax::number", format!("`{text}` is not a whole number"))
                .label(self.span(&pair), "a range of a type has whole numbers at its ends")
                .into()
        })
    }

    // ---- statements

    fn item(&mut self, pair: Pair<Rule>) -> Fallible<Item> {
        let span = self.span(&pair);
        let doc = self.doc(span);
        let mut parts = Parts::of(pair);
        let head = parts.required();
        let path = match head.as_rule() {
            Rule::string_literal => {
                let span = self.span(&head);
                let name = Name::from(self.literal(head)?.as_str());
                Path { head: Spanned::new(name, span), rest: Vec::new(), quoted: true, span }
            }
            _ => self.path(head)?,
        };
        let tail = parts.required();
        let kind = match tail.as_rule() {
            Rule::declare_tail => ItemKind::Declare(self.declare(&mut Parts::of(tail))?),
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
                ItemKind::Define(Define { formerly: formerly.unwrap_or_default(), ..define })
            }
            Rule::conditional_tail => {
                let whole = self.span(&tail);
                let mut inner = Parts::of(tail);
                inner.required();
                let condition = self.expr(inner.required())?;
                let rest = inner.required();
                if rest.as_rule() == Rule::extends {
                    ItemKind::Define(self.define(None, Some(condition), rest)?)
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
        Ok(Path { head, rest, quoted: false, span })
    }

    /// `["a"]` or `[0]`.
    fn key(&mut self, pair: Pair<Rule>) -> Fallible<PathStep> {
        let span = self.span(&pair);
        let literal = first(pair);
        let key = match literal.as_rule() {
            Rule::number => match self.number(&literal)? {
                ExprKind::Int(index) => Key::Index(index.unsigned_abs()),
                _ => {
                    return Err(Diagnostic::error("cloud::syntax::key", "a key is a whole number or a text")
                        .label(span, "here")
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
            let mut steps = Vec::new();
            for step in old.into_inner() {
                steps.push(match step.as_rule() {
                    Rule::name => PathStep::Name(self.ident(&step)),
                    _ => self.key(step)?,
                });
            }
            paths.push(OldPath { steps, span });
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
        let items = block.into_inner().filter(|pair| pair.as_rule() == Rule::item);
        Ok(Body { items: items.map(|pair| self.item(pair)).collect::<Result<_, _>>()? })
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
            return self.postfix(parts.next().unwrap_or_else(|| unreachable!("it has one part")));
        }
        if parts.clone().filter(|part| part.as_rule() != Rule::postfix).count() > MAX_CHAIN {
            return Err(too_long(span));
        }
        // Operands first: the callbacks of the Pratt parser cannot share the builder.
        let mut operands = Vec::new();
        for part in parts.clone().filter(|part| part.as_rule() == Rule::postfix) {
            operands.push(self.postfix(part)?);
        }
        let mut operands = operands.into_iter();
        let source = self.source;
        let sign = |op: &Pair<Rule>| Span::new(source, op.as_span().start(), op.as_span().end());
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
        let mut expr = self.primary(primary)?;
        for part in parts {
            let span = expr.span.to(self.span(&part));
            let of = Box::new(expr);
            let kind = match part.as_rule() {
                Rule::get => ExprKind::Get { of, name: self.ident(&first(part)), optional: false },
                Rule::safe_get => ExprKind::Get { of, name: self.ident(&first(part)), optional: true },
                Rule::splat => ExprKind::Splat(of),
                _ => ExprKind::Index { of, at: self.expr(first(part))?.into() },
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
                let mut elements = Vec::new();
                for element in pair.into_inner() {
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
        let text = pair.as_str().replace('_', "");
        let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(unit_at);
        let wrong = |message: String| Diagnostic::error("cloud::syntax::number", message);
        if !unit.is_empty() {
            let span = Span::new(self.source, self.span(pair).end as usize - unit.len(), self.span(pair).end as usize);
            let value = digits.parse().ok().and_then(|count: u64| with_unit(count, unit));
            return match value {
                Some(Value::Duration(millis)) => Ok(ExprKind::Duration(millis)),
                Some(Value::Size(bytes)) => Ok(ExprKind::Size(bytes)),
                _ if UNITS.contains(&unit) => {
                    Err(wrong(format!("`{text}` is no whole number of `{unit}`, or too large"))
                        .label(self.span(pair), "write it in a smaller unit")
                        .into())
                }
                _ => {
                    let near = crate::diagnostic::closest(unit, UNITS);
                    Err(wrong(format!("`{unit}` is not a unit"))
                        .label(span, near.map_or("not a unit".into(), |unit| format!("did you mean `{unit}`?")))
                        .help(format!("units are {}", UNITS.join(", ")))
                        .into())
                }
            };
        }
        if digits.contains('.') {
            if let Some(number) = digits.parse().ok().filter(|number: &f64| number.is_finite()) {
                return Ok(ExprKind::Number(number));
            }
        } else if let Ok(int) = digits.parse() {
            return Ok(ExprKind::Int(int));
        }
        Err(wrong(format!("`{text}` is too large a number")).label(self.span(pair), "more than 64 bits").into())
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
            _ => {
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
                .label(self.span(part), "here")
                .help("escapes are \\n \\t \\r \\\" \\\\ \\$ and \\u{1F438}; write `\\\\` for a backslash")
                .into()),
        }
    }

    fn text(&mut self, pair: Pair<Rule>) -> Fallible<Expr> {
        let span = self.span(&pair);
        let block = pair.as_rule() == Rule::text_block;
        let mut parts: Vec<TextPart> = Vec::new();
        let inner = pair.into_inner();
        let indent = if block { common_indent(inner.clone()) } else { 0 };
        let mut line_start = true;
        for part in inner {
            if part.as_rule() == Rule::interpolation {
                parts.push(TextPart::Expr(self.expr(first(part))?));
                line_start = false;
                continue;
            }
            let mut piece = String::new();
            self.piece(&part, &mut piece)?;
            if block && part.as_rule() == Rule::block_plain {
                piece = strip_indent(&piece, indent, line_start);
            }
            line_start = piece.ends_with('\n');
            match parts.last_mut() {
                Some(TextPart::Literal(text)) => text.push_str(&piece),
                _ => parts.push(TextPart::Literal(piece)),
            }
        }
        if block {
            trim_block(&mut parts);
        }
        parts.retain(|part| !matches!(part, TextPart::Literal(text) if text.is_empty()));
        Ok(Expr { span, kind: ExprKind::Text(parts) })
    }
}

/// Columns of white space that every line of a block that is not blank begins with. The first line,
/// behind the opening quotes, does not count; the line of the closing quotes does.
fn common_indent(parts: pest::iterators::Pairs<Rule>) -> usize {
    let mut text = String::new();
    for part in parts {
        text.push_str(if part.as_rule() == Rule::block_plain { part.as_str() } else { "x" });
    }
    text.push('x');
    let lines = text.split('\n').skip(1).filter(|line| !line.trim().is_empty());
    let last_is_closing = |line: &str| line.trim() == "x";
    lines
        .filter(|line| !last_is_closing(line) || text.lines().count() == 2)
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0)
}

fn strip_indent(piece: &str, indent: usize, line_start: bool) -> String {
    let mut out = String::new();
    for (at, line) in piece.split_inclusive('\n').enumerate() {
        let strip = if at > 0 || line_start {
            line.bytes().take(indent).take_while(|b| *b == b' ' || *b == b'\t').count()
        } else {
            0
        };
        out.push_str(&line[strip..]);
    }
    out
}

/// The line break behind the opening quotes and the indent of the closing ones are layout.
fn trim_block(parts: &mut [TextPart]) {
    if let Some(TextPart::Literal(first)) = parts.first_mut()
        && let Some((blank, rest)) = first.split_once('\n')
        && blank.trim().is_empty()
    {
        *first = rest.to_string();
    }
    if let Some(TextPart::Literal(last)) = parts.last_mut() {
        let kept = last.trim_end_matches([' ', '\t']).len();
        if last[..kept].ends_with('\n') || kept == 0 {
            last.truncate(kept);
        }
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

/// What a rule is called in front of users; nothing for what would only confuse.
fn word(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::end => "`;`",
        Rule::close => "`}`",
        Rule::item | Rule::path => "a statement",
        Rule::expr | Rule::postfix | Rule::text | Rule::list => "a value",
        Rule::name => "a name",
        Rule::template_name => "a name in `UpperCamel`",
        Rule::type_expr => "a type",
        Rule::extends_word | Rule::extends => "`extends`",
        Rule::block => "`{`",
        Rule::then_word => "`then`",
        Rule::else_word => "`else`",
        Rule::in_word => "`in`",
        Rule::string_literal => "a text in quotes",
        _ => return None,
    })
}

fn syntax_error(source: SourceId, text: &str, error: &pest::error::Error<Rule>) -> Box<Diagnostic> {
    let at = match error.location {
        pest::error::InputLocation::Pos(at) | pest::error::InputLocation::Span((at, _)) => at,
    };
    let rules = match &error.variant {
        pest::error::ErrorVariant::ParsingError { positives, .. } => positives.as_slice(),
        pest::error::ErrorVariant::CustomError { .. } => &[],
    };
    let rest = &text[at..];
    let found = token(rest);
    let here = Span::new(source, at, at + found.len());
    let before = text[..at].trim_end();
    let wants_end = rules.contains(&Rule::end);
    // What comes next stands on another line, so the statement before it was meant to be over.
    if wants_end && (text[before.len()..at].contains('\n') || found.is_empty() || found == "}") {
        return Diagnostic::error("cloud::syntax::semicolon", "this statement does not end with `;`")
            .label(Span::new(source, before.len(), before.len()), "write `;` here")
            .into();
    }
    let mut words: Vec<&str> = rules.iter().filter_map(|rule| word(*rule)).collect();
    words.sort_unstable();
    words.dedup();
    if matches!(found, "=" | ":") && words.contains(&"`{`") {
        words = vec!["a value"];
    }
    if words.contains(&"a value") || words.contains(&"a statement") {
        words.retain(|word| !["a name", "a name in `UpperCamel`", "a text in quotes", "`{`"].contains(word));
    }
    let expected = match words.as_slice() {
        [] => "this cannot stand here".to_string(),
        [one] => format!("expected {one}"),
        [most @ .., last] => format!("expected {} or {last}", most.join(", ")),
    };
    let message = match found {
        "" => "the file ends too early".to_string(),
        found => format!("`{found}` cannot stand here"),
    };
    let diagnostic = Diagnostic::error("cloud::syntax::unexpected", message).label(here, expected);
    match found {
        "=" => diagnostic.help("an attribute is set without `=`: `name value;`"),
        ":" => diagnostic.help("an attribute is set without `:`: `name value;`; `name: Type;` declares one"),
        _ => diagnostic,
    }
    .into()
}

/// The word or sign that a text begins with.
fn token(text: &str) -> &str {
    let Some(first) = text.chars().next() else { return "" };
    let length = if first.is_alphanumeric() || first == '_' {
        text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())
    } else {
        first.len_utf8()
    };
    &text[..length]
}
