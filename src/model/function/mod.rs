//! The functions of the language: one row each, with the types that the checker asks for and the
//! sentence that the documentation shows. Adding a function is adding a row, here or in the file that has
//! what it does.

mod list;
mod net;
mod number;
mod pattern;
mod read;
mod refuse;
mod text;

use std::fmt;
use std::sync::{Arc, LazyLock};

use crate::model::operation::a_kind;
use crate::model::term::Term;
use crate::model::ty::Ty;
use crate::model::typing::join_all;
use crate::value::Value;

pub struct Function {
    pub name: &'static str,
    pub parameters: Vec<Parameter>,
    /// How many of the parameters must be given; the others come last.
    pub required: usize,
    /// The last parameter may be given any number of times.
    pub variadic: bool,
    pub result: Ty,
    /// What it gives in words, where no one type says it.
    pub gives: Option<&'static str>,
    /// One sentence, with a full stop: what it gives.
    pub doc: &'static str,
    pub work: Work,
    /// The result where it does not depend on all parts being known.
    pub of_terms: fn(&[Term]) -> Option<Term>,
    /// Why arguments of these types have no result, in the user's words, where the parameters do not say it.
    pub refuses: fn(&[Term]) -> Option<String>,
    /// Whether the result is picked from these arguments by places and keys, whatever the parts are: secrets among
    /// the parts make nothing else secret.
    pub picks: fn(&[&Value]) -> bool,
    /// A result that is narrower than `result`, from the types of the arguments.
    pub narrow: fn(&[Ty]) -> Option<Ty>,
}

pub struct Parameter {
    pub name: &'static str,
    pub ty: Ty,
    /// What it takes in words, where no one type says it.
    pub takes: Option<&'static str>,
}

/// How a function comes to its result.
pub enum Work {
    /// The result for known values, or why there is none, in the user's words.
    Pure(fn(&[&Value]) -> Result<Value, String>),
    /// Asks the world outside the program; the checker does it, while compiling.
    Ask(Ask),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ask {
    Asset,
    File,
    Folder,
    Template,
    Secret,
}

impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.takes {
            Some(words) => write!(f, "{}: {words}", self.name),
            None => write!(f, "{}: {}", self.name, self.ty),
        }
    }
}

impl Function {
    /// Least and most arguments.
    pub fn arity(&self) -> (usize, usize) {
        (self.required, if self.variadic { usize::MAX } else { self.parameters.len() })
    }

    /// What the argument at a place must be.
    pub fn parameter(&self, at: usize) -> Option<&Parameter> {
        self.parameters.get(at).or_else(|| self.parameters.last().filter(|_| self.variadic))
    }

    /// `join(list: [String], separator: String): String`
    pub fn signature(&self) -> String {
        match self.gives {
            Some(words) => format!("{}: {words}", self.usage()),
            None => format!("{}: {}", self.usage(), self.result),
        }
    }

    /// The signature without its result.
    pub fn usage(&self) -> String {
        let mut parts: Vec<String> = self.parameters.iter().map(Parameter::to_string).collect();
        for part in parts.iter_mut().skip(self.required) {
            part.insert(part.find(':').unwrap_or(part.len()), '?');
        }
        if self.variadic {
            parts.push("...".into());
        }
        format!("{}({})", self.name, parts.join(", "))
    }

    /// The result for known values.
    ///
    /// # Errors
    /// When there is none, in the user's words.
    pub fn compute(&self, values: &[&Value]) -> Result<Value, String> {
        match self.work {
            Work::Pure(compute) => compute(values),
            Work::Ask(_) => unreachable!("`{}` is answered while compiling", self.name),
        }
    }

    /// The type of the result for arguments of these types.
    pub fn result_for(&self, arguments: &[Ty]) -> Ty {
        (self.narrow)(arguments).unwrap_or_else(|| self.result.clone())
    }
}

/// A function by its name.
pub fn find(name: &str) -> Option<&'static Function> {
    TABLE.binary_search_by(|function| function.name.cmp(name)).ok().map(|at| &TABLE[at])
}

/// All of them, in the order of their names.
pub static TABLE: LazyLock<Vec<Function>> = LazyLock::new(|| {
    let any = || Ty::Any;
    let text = || Ty::String;
    let int = || Ty::Int;
    let list = |of: Ty| Ty::List(Arc::new(of));
    let map = |of: Ty| Ty::Map(Arc::new(of));
    let asks = |ask: Ask, row: Function| Function { work: Work::Ask(ask), ..row };
    let mut table = vec![
        asks(
            Ask::Asset,
            row(
                "asset",
                &[("path", text())],
                any(),
                "What there is to say of a file of any kind: its path from the program's directory, its SHA-256, its size.",
                text::nothing,
            ),
        )
        .gives("Asset"),
        row("base64", &[("text", text())], text(), "The bytes of a text in Base64.", text::base64),
        row(
            "cidrHost",
            &[("range", text()), ("number", int())],
            text(),
            "The address with that number in an address range; counted from its end when negative.",
            net::cidr_host,
        ),
        row(
            "cidrSubnet",
            &[("range", text()), ("bits", int()), ("number", int())],
            text(),
            "The part with that number of an address range that is divided by so many more bits.",
            net::cidr_subnet,
        ),
        Function {
            of_terms: |terms| match terms {
                [Term::Map(entries), Term::Known(Value::String(key))] => {
                    Some(Term::Known(Value::Bool(entries.contains_key(key.as_ref()))))
                }
                _ => None,
            },
            picks: |values| matches!(values, [Value::Map(_), Value::String(_)]),
            ..row("contains", &[("in", any()), ("item", any())], Ty::Bool, "Whether an item is in a list, a piece in a text, a key in a map.", list::contains)
        }
        .takes(0, "list, map or text")
        .refusing(refuse::contains),
        row("distinct", &[("list", list(any()))], list(any()), "A list without what it has already, in its order.", list::distinct)
            .like_first(),
        row("endsWith", &[("text", text()), ("end", text())], Ty::Bool, "Whether a text ends so.", text::ends_with),
        asks(
            Ask::File,
            row("file", &[("path", text())], text(), "What a text file holds; its path starts at the file that calls this.", text::nothing),
        ),
        Function {
            of_terms: list::flatten_terms,
            narrow: |arguments| match arguments.first().map(Ty::plain) {
                Some(Ty::List(inner)) if matches!(inner.plain(), Ty::List(_)) => Some(inner.as_ref().clone()),
                _ => None,
            },
            ..row("flatten", &[("lists", list(list(any())))], list(any()), "The items of all lists in a list, one behind the other.", list::flatten)
        }
        .picks(),
        asks(
            Ask::Folder,
            row(
                "folder",
                &[("path", text())],
                any(),
                "A directory: its path from the program's directory, and in `files` the SHA-256 of each file below it.",
                text::nothing,
            ),
        )
        .gives("Folder"),
        row(
            "format",
            &[("pattern", text()), ("value", any())],
            text(),
            "A pattern with a value for each `%s` (text), `%d` (whole number), `%f` (number) and `%x`; `%03d`, `%.2f`, `%-8s`; `%%` is `%`.",
            text::format,
        )
        .variadic(1)
        .refusing(refuse::format),
        row("join", &[("list", list(text())), ("separator", text())], text(), "The texts of a list as one, with a separator between them.", text::join),
        row(
            "json",
            &[("value", any())],
            text(),
            "A value as JSON: durations in seconds, sizes in bytes, a resource as its id; what a template leaves unset is left out.",
            text::json,
        ),
        Function {
            of_terms: |terms| match terms {
                [Term::Map(entries)] => {
                    Some(Term::list(entries.keys().map(|key| Term::string(key.as_str())).collect()))
                }
                _ => None,
            },
            ..row("keys", &[("map", map(any()))], list(text()), "The keys of a map, in alphabetical order.", list::keys)
        }
        .picks(),
        Function {
            of_terms: |terms| match terms {
                [Term::List(items)] => Some(Term::Known(Value::Int(items.len() as i64))),
                [Term::Map(entries)] => Some(Term::Known(Value::Int(entries.len() as i64))),
                _ => None,
            },
            ..row("length", &[("of", any())], int(), "How many items a list or map has, how many characters a text.", list::length)
        }
        .picks()
        .takes(0, "list, map or text")
        .refusing(refuse::length),
        row("lower", &[("text", text())], text(), "A text in lower case.", text::lower),
        row("max", &[("value", any())], any(), "The largest of numbers, durations or sizes, or of a list of them.", list::max)
            .variadic(1)
            .takes(0, "number, duration, size or list")
            .refusing(refuse::max)
            .like_items(),
        Function {
            of_terms: list::merge_terms,
            narrow: |arguments| Some(join_all(arguments.iter().map(|ty| ty.plain().clone()))),
            ..row("merge", &[("map", map(any()))], map(any()), "Maps as one; of a key that several have, the last counts.", list::merge)
        }
        .picks()
        .variadic(1),
        row("min", &[("value", any())], any(), "The smallest of numbers, durations or sizes, or of a list of them.", list::min)
            .variadic(1)
            .takes(0, "number, duration, size or list")
            .refusing(refuse::min)
            .like_items(),
        row(
            "range",
            &[("from", int()), ("to", int()), ("step", int())],
            list(int()),
            "The numbers from the first up to the second, without it; `range(n)` starts at 0, and `n..m` says the same.",
            list::range,
        )
        .required(1),
        row(
            "replace",
            &[("text", text()), ("old", text()), ("new", text())],
            text(),
            "A text with every piece `old` replaced.",
            text::replace,
        ),
        row(
            "reveal",
            &[("value", any())],
            any(),
            "A truth value, number, duration or size that was made from secrets, as one that may be shown.",
            list::reveal,
        )
        .like_first()
        .takes(0, "truth value, number, duration or size"),
        asks(
            Ask::Secret,
            row(
                "secret",
                &[("from", text())],
                Ty::Secret,
                "A secret from outside: `\"env:NAME\"`, an environment variable, or `\"file:PATH\"`, a file without its last line break.",
                text::nothing,
            ),
        ),
        row("sha256", &[("text", text())], text(), "The SHA-256 of the bytes of a text, as 64 hexadecimal digits.", text::sha256),
        row("sort", &[("list", list(any()))], list(any()), "A list of texts, numbers, durations or sizes, smallest first.", list::sort)
            .like_first()
            .refusing(refuse::sort),
        row(
            "split",
            &[("text", text()), ("separator", text())],
            list(text()),
            "The pieces of a text between separators.",
            text::split,
        ),
        row("startsWith", &[("text", text()), ("start", text())], Ty::Bool, "Whether a text starts so.", text::starts_with),
        row("sum", &[("list", list(any()))], any(), "The sum of a list of numbers, durations or sizes; 0 when it is empty.", list::sum)
            .refusing(refuse::sum)
            .like_items(),
        asks(
            Ask::Template,
            row(
                "template",
                &[("path", text()), ("values", map(any()))],
                text(),
                "What a text file holds, with `${ }` in it evaluated; it sees the values by their keys, constants and functions.",
                text::nothing,
            )
            .required(1),
        ),
        row("trim", &[("text", text())], text(), "A text without white space at both ends.", text::trim),
        row("upper", &[("text", text())], text(), "A text in upper case.", text::upper),
        Function {
            of_terms: |terms| match terms {
                [Term::Map(entries)] => Some(Term::list(entries.values().cloned().collect())),
                _ => None,
            },
            narrow: |arguments| match arguments.first().map(Ty::plain) {
                Some(Ty::Map(of)) => Some(Ty::List(of.clone())),
                _ => None,
            },
            ..row("values", &[("map", map(any()))], list(any()), "The values of a map, in the order of its keys.", list::values)
        }
        .picks(),
        row("yaml", &[("value", any())], text(), "A value as YAML, as `json` reads it.", text::yaml),
    ];
    let rows = [list::rows(), net::rows(), number::rows(), pattern::rows(), read::rows(), text::rows()];
    table.extend(rows.into_iter().flatten());
    table.sort_by_key(|function| function.name);
    table
});

fn row(
    name: &'static str,
    parameters: &[(&'static str, Ty)],
    result: Ty,
    doc: &'static str,
    compute: fn(&[&Value]) -> Result<Value, String>,
) -> Function {
    let parameters = parameters.iter().map(|(name, ty)| Parameter { name, ty: ty.clone(), takes: None });
    let parameters: Vec<Parameter> = parameters.collect();
    Function {
        name,
        required: parameters.len(),
        parameters,
        variadic: false,
        result,
        gives: None,
        doc,
        work: Work::Pure(compute),
        of_terms: |_| None,
        refuses: |_| None,
        picks: |_| false,
        narrow: |_| None,
    }
}

impl Function {
    fn required(self, required: usize) -> Function {
        Function { required, ..self }
    }

    fn variadic(self, required: usize) -> Function {
        Function { variadic: true, required, ..self }
    }

    /// The result is picked from the arguments, whatever their parts are.
    fn picks(self) -> Function {
        Function { picks: |_| true, ..self }
    }

    fn takes(mut self, at: usize, words: &'static str) -> Function {
        self.parameters[at].takes = Some(words);
        self
    }

    fn gives(self, words: &'static str) -> Function {
        Function { gives: Some(words), ..self }
    }

    fn refusing(self, refuses: fn(&[Term]) -> Option<String>) -> Function {
        Function { refuses, ..self }
    }

    /// The result has the type of the items of a list, or of all arguments.
    fn like_items(self) -> Function {
        Function {
            narrow: |arguments| match arguments {
                [one] => match one.plain() {
                    Ty::List(of) => Some(of.plain().clone()),
                    other => Some(other.clone()),
                },
                all => Some(join_all(all.iter().map(|ty| ty.plain().clone()))),
            },
            ..self
        }
    }

    /// The result has the type of the first argument.
    fn like_first(self) -> Function {
        Function { narrow: |arguments| arguments.first().map(|ty| ty.plain().clone()), ..self }
    }
}

fn wrong(name: &str, values: &[&Value]) -> Result<Value, String> {
    let kinds: Vec<&str> = values.iter().map(|value| a_kind(value)).collect();
    Err(format!("`{name}` cannot take {}", kinds.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_documented() {
        assert!(TABLE.is_sorted_by_key(|function| function.name));
        for function in TABLE.iter() {
            assert!(find(function.name).is_some_and(|found| found == function));
            assert!(function.doc.ends_with('.') && function.required <= function.parameters.len(), "{function:?}");
        }
        assert_eq!(find("join").unwrap().signature(), "join(list: [String], separator: String): String");
        assert_eq!(find("range").unwrap().usage(), "range(from: Int, to?: Int, step?: Int)");
        assert_eq!(find("max").unwrap().usage(), "max(value: number, duration, size or list, ...)");
    }
}
