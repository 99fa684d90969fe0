//! The written program as a tree: what was said and where, nothing about what it means.
//! Data only.

use crate::name::{Key, Name};
use crate::source::{Span, Spanned};

pub type Ident = Spanned<Name>;

/// One file.
#[derive(Clone, PartialEq, Debug)]
pub struct File {
    pub imports: Vec<Import>,
    pub params: Vec<Param>,
    pub outputs: Vec<Output>,
    pub assertions: Vec<Assertion>,
    pub aliases: Vec<Alias>,
    pub functions: Vec<Function>,
    pub items: Vec<Item>,
    /// From the first byte to the last.
    pub span: Span,
}

/// `import "../lib/web.cloud";`
#[derive(Clone, PartialEq, Debug)]
pub struct Import {
    pub span: Span,
    pub path: Spanned<String>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Param {
    pub doc: Option<String>,
    pub span: Span,
    pub name: Ident,
    pub declaration: Declare,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Output {
    pub doc: Option<String>,
    pub span: Span,
    pub name: Ident,
    pub ty: Option<TypeExpr>,
    pub value: Expr,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Assertion {
    pub span: Span,
    pub condition: Expr,
    pub message: Expr,
}

/// `type Port = Int in 1..65535;`
#[derive(Clone, PartialEq, Debug)]
pub struct Alias {
    pub doc: Option<String>,
    pub span: Span,
    pub name: Ident,
    pub ty: TypeExpr,
    pub refinement: Option<Refinement>,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Refinement {
    /// Both ends included.
    Between(i64, i64),
    Matching(Spanned<String>),
    /// `is cidr`: one of the formats that the language knows.
    Format(Ident),
}

/// `fn slug(s: String): String = lower(s);`
#[derive(Clone, PartialEq, Debug)]
pub struct Function {
    pub doc: Option<String>,
    pub span: Span,
    pub name: Ident,
    pub parameters: Vec<Parameter>,
    pub result: Option<TypeExpr>,
    pub body: Expr,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Parameter {
    pub name: Ident,
    pub ty: TypeExpr,
}

#[derive(Clone, PartialEq, Debug)]
pub struct TypeExpr {
    pub span: Span,
    pub kind: TypeExprKind,
}

#[derive(Clone, PartialEq, Debug)]
pub enum TypeExprKind {
    Named(Name),
    List(Box<TypeExpr>),
    Map(Box<TypeExpr>),
    Enum(Vec<String>),
    Optional(Box<TypeExpr>),
}

/// What stands between braces.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Body {
    pub items: Vec<Item>,
}

/// One statement of a body.
#[derive(Clone, PartialEq, Debug)]
pub struct Item {
    pub doc: Option<String>,
    pub span: Span,
    pub path: Path,
    pub kind: ItemKind,
}

/// What a statement is about: `name`, `name.inner`, `server["a"].size`, or a quoted key of a map.
#[derive(Clone, PartialEq, Debug)]
pub struct Path {
    pub head: Ident,
    pub rest: Vec<PathStep>,
    /// The head was written as `"text"`: only a key of a map can be meant.
    pub quoted: bool,
    /// The text of a head that has `${ }` in it; the head is then what stands between its quotes.
    pub made: Option<Box<Expr>>,
    pub span: Span,
}

impl Path {
    /// As it is written: `server["a"].size`.
    pub fn text(&self) -> String {
        let mut text = self.head.value.to_string();
        for step in &self.rest {
            match step {
                PathStep::Name(name) => {
                    text.push('.');
                    text.push_str(name.value.as_str());
                }
                PathStep::Key(key) => text.push_str(&key.value.to_string()),
            }
        }
        text
    }
}

#[derive(Clone, PartialEq, Debug)]
pub enum PathStep {
    Name(Ident),
    Key(Spanned<Key>),
}

#[derive(Clone, PartialEq, Debug)]
pub enum ItemKind {
    /// `name: Type, modifiers = default;`
    Declare(Box<Declare>),
    /// `name value;`
    Set(Expr),
    /// `name { ... }`
    Merge(Body),
    /// `name extends P { ... }`
    Define(Box<Define>),
}

#[derive(Clone, PartialEq, Debug)]
pub struct Declare {
    pub ty: TypeExpr,
    pub modifiers: Vec<Modifier>,
    pub default: Option<Expr>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Modifier {
    pub name: Ident,
    pub text: Option<String>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Define {
    pub repeat: Option<Repeat>,
    /// Names under which it was recorded before.
    pub formerly: Vec<OldPath>,
    pub condition: Option<Expr>,
    pub prototypes: Vec<Ident>,
    pub body: Body,
}

/// `formerly site.server["a"]`: names and keys, in turn.
#[derive(Clone, PartialEq, Debug)]
pub struct OldPath {
    /// Written with `root.` before it: from the top of the program, not beside the component.
    pub from_root: bool,
    pub steps: Vec<OldStep>,
    pub span: Span,
}

/// One step of a former name. A key may be made of the variables of the repetition.
#[derive(Clone, PartialEq, Debug)]
pub enum OldStep {
    Name(Ident),
    Key(Expr),
}

/// `[key in xs]` or `[key, value in xs]`
#[derive(Clone, PartialEq, Debug)]
pub struct Repeat {
    pub first: Ident,
    pub second: Option<Ident>,
    pub over: Expr,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Expr {
    pub span: Span,
    pub kind: ExprKind,
}

impl Expr {
    /// `secret("env:NAME")`: says where a secret is, and nothing of what it is.
    pub fn names_a_secret(&self) -> bool {
        matches!(&self.kind, ExprKind::Call { function, .. } if function.value.as_str() == "secret")
    }
}

#[derive(Clone, PartialEq, Debug)]
pub enum ExprKind {
    Null,
    Bool(bool),
    /// Without a sign. 2^63 only where a `-` stands before it.
    Int(u64),
    Number(f64),
    /// In milliseconds.
    Duration(u64),
    /// In bytes.
    Size(u64),
    Text(Vec<TextPart>),
    List(Vec<Element>),
    Block(Body),
    Construct(Ident, Body),
    Name(Name),
    This,
    Parent,
    Root,
    Super,
    Get {
        of: Box<Expr>,
        name: Ident,
        optional: bool,
    },
    Index {
        of: Box<Expr>,
        at: Box<Expr>,
        optional: bool,
    },
    /// `a[*]`: what follows is done to each.
    Splat(Box<Expr>),
    Call {
        function: Ident,
        arguments: Vec<Expr>,
    },
    Unary(Unary, Box<Expr>),
    Binary(Binary, Box<Expr>, Box<Expr>),
    If {
        condition: Box<Expr>,
        then: Box<Expr>,
        otherwise: Box<Expr>,
    },
    For(Box<For>),
}

/// `[for x in xs if c: e]`, or with a key `{for k, v in m if c: k: e}`.
#[derive(Clone, PartialEq, Debug)]
pub struct For {
    pub repeat: Repeat,
    pub guard: Option<Expr>,
    pub key: Option<Expr>,
    pub value: Expr,
}

#[derive(Clone, PartialEq, Debug)]
pub enum TextPart {
    Literal(String),
    Expr(Expr),
}

#[derive(Clone, PartialEq, Debug)]
pub enum Element {
    Item(Expr),
    Spread(Expr),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unary {
    Not,
    Negative,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Binary {
    Range,
    Or,
    And,
    Equal,
    Unequal,
    AtMost,
    AtLeast,
    Below,
    Above,
    Coalesce,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Binary {
    /// As it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Binary::Range => "..",
            Binary::Or => "||",
            Binary::And => "&&",
            Binary::Equal => "==",
            Binary::Unequal => "!=",
            Binary::AtMost => "<=",
            Binary::AtLeast => ">=",
            Binary::Below => "<",
            Binary::Above => ">",
            Binary::Coalesce => "??",
            Binary::Add => "+",
            Binary::Subtract => "-",
            Binary::Multiply => "*",
            Binary::Divide => "/",
            Binary::Remainder => "%",
        }
    }
}
