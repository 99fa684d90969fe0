//! Plain mistakes of syntax: what was expected where reading failed, as a message that says what to type
//! and where. Knows the characters around the place, not the grammar.

use super::around::{Around, token};
use super::habit;
use crate::diagnostic::Diagnostic;
use crate::source::{SourceId, Span};

/// What could have stood at the place, as far as a user has a word for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Wanted {
    End,
    Close,
    Block,
    Extends,
    Else,
    In,
    Then,
    Name,
    Statement,
    Template,
    Text,
    Type,
    Value,
}

impl Wanted {
    fn word(self) -> &'static str {
        match self {
            Wanted::End => "`;`",
            Wanted::Close => "`}`",
            Wanted::Block => "`{`",
            Wanted::Extends => "`extends`",
            Wanted::Else => "`else`",
            Wanted::In => "`in`",
            Wanted::Then => "`then`",
            Wanted::Name => "a name",
            Wanted::Statement => "a statement",
            Wanted::Template => "a template",
            Wanted::Text => "a text in quotes",
            Wanted::Type => "a type",
            Wanted::Value => "a value",
        }
    }
}

/// Words that cannot be names.
const KEYWORDS: [&str; 13] =
    ["if", "then", "else", "for", "in", "extends", "null", "true", "false", "this", "parent", "root", "super"];

struct Mistake<'a, 't> {
    source: SourceId,
    around: &'a Around<'t>,
    wanted: &'a [Wanted],
    /// The word or sign at the place.
    found: &'t str,
}

/// What to say of a place where one of `wanted` was expected.
pub(super) fn explain(source: SourceId, around: &Around, wanted: &[Wanted]) -> Box<Diagnostic> {
    let mistake = Mistake { source, around, wanted, found: around.found() };
    let known = mistake
        .in_brackets()
        .or_else(|| mistake.value_missing())
        .or_else(|| mistake.end_missing())
        .or_else(|| mistake.stray())
        .or_else(|| mistake.part_of_if_missing())
        .or_else(|| mistake.template_missing())
        .or_else(|| mistake.no_name())
        .or_else(|| mistake.two_values());
    known.unwrap_or_else(|| mistake.plain()).into()
}

fn error(message: impl Into<String>) -> Diagnostic {
    Diagnostic::error("cloud::syntax::unexpected", message)
}

fn semicolon() -> Diagnostic {
    Diagnostic::error("cloud::syntax::semicolon", "this statement does not end with `;`")
}

/// Whether a value can begin like this.
fn begins_value(found: &str) -> bool {
    let word = found.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '"' | '[' | '{' | '('));
    word && !matches!(found, "then" | "else" | "in" | "extends")
}

impl<'t> Mistake<'_, 't> {
    fn wants(&self, what: Wanted) -> bool {
        self.wanted.contains(&what)
    }

    /// The place itself.
    fn here(&self) -> Span {
        Span::new(self.source, self.around.at, self.around.at + self.found.len())
    }

    /// Right behind what precedes the place.
    fn behind(&self) -> Span {
        let end = self.around.end_before();
        Span::new(self.source, end, end)
    }

    /// What follows the word or sign at the place.
    fn next(&self) -> &'t str {
        let rest = self.around.from(self.around.at);
        rest[self.found.len()..].trim_start()
    }

    fn on_new_line(&self) -> bool {
        self.around.text[self.around.end_before()..self.around.at].contains('\n')
    }

    /// `[a b]`, `f(a; b)`.
    fn in_brackets(&self) -> Option<Diagnostic> {
        let (sign, at) = self.around.open.filter(|(sign, _)| matches!(sign, b'[' | b'('))?;
        let opened = Span::new(self.source, at, at + 1);
        let what = if sign == b'[' { "a list" } else { "the brackets" };
        if self.found == ";" {
            let last = self.next().starts_with([']', ')']);
            let label = if last { "leave this out" } else { "write `,` here" };
            return Some(
                error(format!("`;` ends a statement, and {what} is not closed yet"))
                    .label(self.here(), label)
                    .label(opened, "opened here"),
            );
        }
        let after_value = self.around.text[..self.around.end_before()]
            .ends_with(|c: char| c.is_alphanumeric() || matches!(c, '"' | ']' | ')' | '}' | '_'));
        let line = self.around.from(self.around.at).lines().next().unwrap_or("");
        if self.wants(Wanted::In) && line.contains("extends") {
            return Some(
                error("a repetition has no `in`")
                    .label(self.behind(), "write `in` here")
                    .label(opened, "begins here")
                    .help("a component is repeated as `name[x in xs] extends TEMPLATE { ... }`"),
            );
        }
        if begins_value(self.found) && after_value && !self.wants_word() {
            return Some(error(format!("a `,` is missing in {what}")).label(self.behind(), "write `,` here"));
        }
        None
    }

    /// Whether a word such as `then` is wanted, which a value in its place does not explain.
    fn wants_word(&self) -> bool {
        self.wants(Wanted::Then) || self.wants(Wanted::Else)
    }

    /// `name ;`, `a + ;`
    fn value_missing(&self) -> Option<Diagnostic> {
        let wants = self.wants(Wanted::Value) || self.wanted == [Wanted::Block];
        if !wants || !matches!(self.found, ";" | "}" | "]" | ")" | "," | "") {
            return None;
        }
        let before = self.around.before().trim_end();
        let end = self.around.end_before();
        let sign_at =
            before.trim_end_matches(|c: char| c.is_ascii_punctuation() && !matches!(c, '"' | ']' | ')' | '}' | '_'));
        let sign = before[sign_at.len()..].trim_start_matches(['[', '(', '{', '$', ',']);
        if !sign.is_empty() && end >= sign.len() {
            return Some(
                error(format!("`{sign}` has nothing behind it"))
                    .label(Span::new(self.source, end - sign.len(), end), "expected a value behind this"),
            );
        }
        let plain = before.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'));
        if plain && !before.is_empty() {
            return Some(
                error(format!("`{before}` has no value"))
                    .label(self.behind(), "expected a value here")
                    .help(format!("write `{before} ...;`, or `{before} extends TEMPLATE {{ ... }}` for a component")),
            );
        }
        None
    }

    /// A statement that is over without its `;`.
    fn end_missing(&self) -> Option<Diagnostic> {
        if !self.wants(Wanted::End) {
            return None;
        }
        if self.found == "," {
            return Some(
                error("statements are separated by `;`")
                    .label(self.here(), "write `;` here")
                    .help("`,` stands between the elements of a list and the arguments of a function"),
            );
        }
        let over = self.on_new_line() || matches!(self.found, "" | "}");
        let next = self.next();
        let starts_statement =
            next.starts_with(['"', '{', '[', ':', '=']) || token(next).starts_with(char::is_alphanumeric);
        let is_name = self.found.starts_with(|c: char| c.is_ascii_alphabetic()) && !KEYWORDS.contains(&self.found);
        if !(over || is_name && starts_statement) {
            return None;
        }
        if let Some((name, template)) = self.around.closed.and_then(|start| self.made_without_extends(start)) {
            let at = self.around.closed.unwrap_or(0) + name.len();
            return Some(
                error(format!("`{name}` is made without `extends`"))
                    .label(Span::new(self.source, at, at), "write `extends` here")
                    .help(format!("a component is `{name} extends {template} {{ ... }}`; a value ends with `;`")),
            );
        }
        let bodyless = self.around.before().contains(" extends ") && self.wants(Wanted::Block);
        let label = if bodyless { "write `;` or `{ ... }` here" } else { "write `;` here" };
        Some(semicolon().label(self.behind(), label))
    }

    /// `media TransientS3Bucket { ... }`
    fn made_without_extends(&self, start: usize) -> Option<(&'t str, &'t str)> {
        let statement = self.around.from(start);
        let name = token(statement);
        let rest = statement[name.len()..].trim_start();
        let template = token(rest);
        let upper = template.starts_with(|c: char| c.is_ascii_uppercase());
        let lower = name.starts_with(|c: char| c.is_ascii_lowercase());
        (lower && upper && rest[template.len()..].trim_start().starts_with('{')).then_some((name, template))
    }

    /// A sign that has no business there.
    fn stray(&self) -> Option<Diagnostic> {
        let statement = self.wants(Wanted::Statement) || self.wanted.is_empty();
        if self.found == ";" && statement {
            return Some(error("this `;` ends nothing").label(self.here(), "leave this out"));
        }
        let first = self.found.chars().next()?;
        let known = first.is_ascii_alphanumeric() || "_\"{}[]();:,.+-*/%!<>=&|?$".contains(first);
        if known {
            return None;
        }
        Some(if first.is_alphanumeric() || !first.is_ascii() {
            error(format!("`{}` cannot stand outside a text", self.found))
                .label(self.here(), "not of the letters that names are made of")
                .help("names are made of a to z, A to Z, digits and `_`; a text stands between `\"`")
        } else {
            let message = match first {
                '`' => "a backtick means nothing here".to_string(),
                sign => format!("`{sign}` means nothing here"),
            };
            error(message).label(self.here(), "leave this out")
        })
    }

    /// `if a b else c`, `if a then b`
    fn part_of_if_missing(&self) -> Option<Diagnostic> {
        let word = match (self.wants(Wanted::Then), self.wants(Wanted::Else)) {
            (true, _) => "then",
            (false, true) => "else",
            (false, false) => return None,
        };
        let before = self.around.before();
        let at = before.match_indices("if").map(|(at, _)| at).filter(|at| {
            let wordlike = |c: char| c.is_alphanumeric() || c == '_';
            !before[..*at].ends_with(wordlike) && !before[at + 2..].starts_with(wordlike)
        });
        let start = self.around.statement + at.last()?;
        let help = "`if` always has both: `if a then b else c`";
        Some(
            error(format!("this `if` has no `{word}`"))
                .label(self.behind(), format!("expected `{word}` here"))
                .label(Span::new(self.source, start, start + 2), "begins here")
                .help(if self.wants(Wanted::Extends) {
                    "a component that may be absent is `name if a extends TEMPLATE { ... }`"
                } else {
                    help
                }),
        )
    }

    /// `extends {`, `extends media`
    fn template_missing(&self) -> Option<Diagnostic> {
        let before = self.around.before().trim_end();
        if !self.wants(Wanted::Template)
            || self.wants(Wanted::Type)
            || !(before.ends_with("extends") || before.ends_with(','))
        {
            return None;
        }
        let name = token(before);
        if self.found.starts_with(|c: char| c.is_ascii_lowercase()) {
            let (first, rest) = self.found.split_at(1);
            let upper = format!("{}{rest}", first.to_uppercase());
            if self.found.starts_with("aws_") {
                let help = habit::names::template(self.found);
                return Some(
                    error(format!("`{}` is a type of another tool", self.found))
                        .label(self.here(), "not a template")
                        .help(help.unwrap_or_else(|| habit::names::own_template(self.found))),
                );
            }
            return Some(
                error(format!("`{}` cannot be extended: only a template can", self.found))
                    .label(self.here(), "not written like a template")
                    .help(format!("write `{upper} extends ... {{ ... }}` for what both share, and extend that")),
            );
        }
        Some(
            error(format!("`{name}` extends nothing"))
                .label(self.behind(), "expected a template here")
                .help(format!("write `{name} extends Compound {{ ... }}` for a group of components")),
        )
    }

    /// What stands where a name is wanted and can be none.
    fn no_name(&self) -> Option<Diagnostic> {
        let place = self.wants(Wanted::Statement) || self.wants(Wanted::Name) || self.wanted.is_empty();
        if !place || !self.around.before().is_empty() {
            return None;
        }
        if self.found == "extends" {
            return Some(
                error("there is no name before `extends`")
                    .label(self.here(), "expected a name before this")
                    .help("write `name extends TEMPLATE { ... }`"),
            );
        }
        if KEYWORDS.contains(&self.found) {
            return Some(
                error(format!("`{}` is a word of the language, and cannot be a name", self.found))
                    .label(self.here(), "choose another name"),
            );
        }
        if self.found.starts_with(|c: char| c.is_ascii_digit() || c == '_') {
            return Some(
                error(format!("`{}` is no name: names begin with a letter", self.found))
                    .label(self.here(), "choose another name"),
            );
        }
        None
    }

    /// `a b;` where one value is enough.
    fn two_values(&self) -> Option<Diagnostic> {
        (self.wants(Wanted::End) && begins_value(self.found)).then(|| {
            let what = if self.found == "\"" { "a text" } else { &format!("`{}`", self.found) };
            error(format!("{what} stands here behind a value that is complete"))
                .label(self.here(), "expected an operator or `;` before this")
        })
    }

    fn plain(&self) -> Diagnostic {
        let mut wanted = self.wanted.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        if wanted == [Wanted::Block] {
            wanted.push(Wanted::Value);
        }
        if wanted.contains(&Wanted::Value) || wanted.contains(&Wanted::Statement) {
            wanted.retain(|want| !matches!(want, Wanted::Name | Wanted::Template | Wanted::Text));
        }
        let words: Vec<&str> = wanted.iter().map(|want| want.word()).collect();
        let expected = match words.as_slice() {
            [] => "not expected here".to_string(),
            [one] => format!("expected {one}"),
            [most @ .., last] => format!("expected {} or {last}", most.join(", ")),
        };
        let message = match self.found {
            "" => "the file ends too early".to_string(),
            found => format!("`{found}` cannot stand here"),
        };
        error(message).label(self.here(), expected)
    }
}
