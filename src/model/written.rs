//! Terms as they could be written in a program, for plans and messages. What is not known stands as the
//! reference that it is.

use std::fmt;

use crate::model::each::Each;
use crate::model::operation::Operation;
use crate::model::term::Term;
use crate::syntax::tree::Unary;
use crate::value::{Quoted, Value};

/// As it could be written, with what is not known as a reference.
impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Term::Known(value) => write!(f, "{value}"),
            Term::Output(output) => write!(f, "{}.{}", output.address, output.attribute),
            Term::Reference { address, .. } => write!(f, "{address}"),
            Term::Existing { template, id } => write!(f, "{} {{ id {}; }}", template.name, Quoted(id)),
            Term::Open(ty) => write!(f, "<{ty}>"),
            Term::List(items) => {
                f.write_str("[")?;
                separated(f, items)?;
                f.write_str("]")
            }
            Term::Map(entries) => {
                f.write_str("{")?;
                entries.iter().try_for_each(|(key, item)| write!(f, " {key} {item};"))?;
                f.write_str(" }")
            }
            Term::Data { template, fields, .. } => {
                write!(f, "{} {{", template.name)?;
                let mut set = fields.iter().filter(|(_, field)| !field.is_null());
                set.try_for_each(|(name, field)| write!(f, " {name} {field};"))?;
                f.write_str(" }")
            }
            Term::Variable(variable) => write!(f, "{}", variable.name),
            Term::Each(each) => write!(f, "{each}"),
            Term::Call { operation, arguments, .. } => call(f, operation, arguments),
        }
    }
}

impl fmt::Display for Each {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, close) = if self.key.is_some() { ("{", "}") } else { ("[", "]") };
        let names: Vec<&str> = self.variables.iter().map(|(_, variable)| variable.name.as_str()).collect();
        write!(f, "{open}for {} in {}", names.join(", "), self.over)?;
        self.guard.as_ref().map_or(Ok(()), |guard| write!(f, " if {guard}"))?;
        self.key.as_ref().map_or(Ok(()), |key| write!(f, ": {key}"))?;
        write!(f, ": {}{close}", self.value)
    }
}

fn call(f: &mut fmt::Formatter<'_>, operation: &Operation, arguments: &[Term]) -> fmt::Result {
    match (operation, arguments) {
        (Operation::Text, parts) => {
            f.write_str("\"")?;
            for part in parts {
                match part {
                    Term::Known(Value::String(text)) => f.write_str(text)?,
                    other => write!(f, "${{{other}}}")?,
                }
            }
            f.write_str("\"")
        }
        (Operation::Get { name, optional }, [of]) => {
            write!(f, "{}{}.{name}", Operand(of), if *optional { "?" } else { "" })
        }
        (Operation::Index { optional }, [of, at]) => {
            write!(f, "{}{}[{at}]", Operand(of), if *optional { "?" } else { "" })
        }
        (Operation::Unary(sign), [of]) => {
            let sign = match sign {
                Unary::Not => "!",
                Unary::Negative => "-",
            };
            write!(f, "{sign}{}", Operand(of))
        }
        (Operation::Binary(sign), [left, right]) => {
            write!(f, "{} {} {}", Operand(left), sign.sign(), Operand(right))
        }
        (Operation::If, [condition, then, otherwise]) => {
            write!(f, "if {condition} then {then} else {otherwise}")
        }
        (Operation::Concatenate, lists) => {
            f.write_str("[")?;
            let mut first = true;
            for list in lists {
                let text = match list {
                    Term::Known(Value::List(_)) | Term::List(_) => {
                        let text = list.to_string();
                        text[1..text.len() - 1].to_string()
                    }
                    other => format!("...{other}"),
                };
                if !text.is_empty() {
                    write!(f, "{}{text}", if first { "" } else { ", " })?;
                    first = false;
                }
            }
            f.write_str("]")
        }
        (Operation::Function(function), arguments) => {
            write!(f, "{}(", function.name)?;
            separated(f, arguments)?;
            f.write_str(")")
        }
        // What it checks is not written anywhere.
        (_, arguments) => separated(f, arguments),
    }
}

fn separated(f: &mut fmt::Formatter<'_>, items: &[Term]) -> fmt::Result {
    items.iter().enumerate().try_for_each(|(at, item)| write!(f, "{}{item}", if at == 0 { "" } else { ", " }))
}

/// A term beside an operator: in brackets where it has one of its own.
struct Operand<'t>(&'t Term);

impl fmt::Display for Operand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Term::Call { operation: Operation::Conform(_), arguments, .. } if arguments.len() == 1 => {
                write!(f, "{}", Operand(&arguments[0]))
            }
            Term::Call { operation: Operation::Binary(_) | Operation::If, .. } => write!(f, "({})", self.0),
            other => write!(f, "{other}"),
        }
    }
}
