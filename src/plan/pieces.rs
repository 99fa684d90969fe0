//! A value, and what changes in one, as text that leaves nothing out which differs: what is equal is what is cut.

use similar::{ChangeTag, TextDiff};

use crate::plan::Planned;
use crate::plan::parts::{Part, differing, document};
use crate::printable::{Escaped, is_hidden};
use crate::value::{Quoted, Reference, Value};

/// Where a line is from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    Both,
    Old,
    New,
}

impl Side {
    pub fn sign(self) -> char {
        match self {
            Side::Both => ' ',
            Side::Old => '-',
            Side::New => '+',
        }
    }
}

/// One change in a value, or a whole one.
#[derive(PartialEq, Debug)]
pub struct Piece {
    /// How a program would name it: `policy["Statement"][0]`.
    pub path: String,
    pub what: What,
}

#[derive(PartialEq, Debug)]
pub enum What {
    /// What it is and what it becomes, a line each.
    Pair(String, String),
    /// What there is to say without values.
    Note(String),
    /// A value in one or more lines.
    Only(Side, Vec<String>),
    /// A text of several lines: those that differ, with what is around them.
    Lines(Vec<(Side, String)>),
}

/// Lines of a text around one that differs.
const AROUND: usize = 3;
/// Signs of a text around those that differ.
const CONTEXT: usize = 15;
/// Lines of a text up to which the fewest changes are looked for.
const MOST_LINES: usize = 20_000;

/// What becomes of an attribute or an output, in lines of `width` columns where values allow that. `whole` is for
/// what is told as one where that fits into a line.
pub fn changed(
    name: &str,
    (old, new): (Option<&Value>, &Planned),
    is_set: bool,
    whole: bool,
    width: usize,
) -> Vec<Piece> {
    let piece = |what| vec![Piece { path: name.to_string(), what }];
    let room = width.saturating_sub(name.chars().count());
    match (old, new) {
        (None, Planned::Value(new)) => piece(What::Only(Side::Both, layout(new, room))),
        (None, Planned::Nothing) => piece(What::Note("unset".into())),
        (None, Planned::Later(None)) => piece(What::Note("known after apply".into())),
        (None, Planned::Later(Some(made_of))) => {
            let mut lines = hanging(broken(made_of, room.saturating_sub(24)));
            lines.last_mut().into_iter().for_each(|last| last.push_str(" (known after apply)"));
            piece(What::Only(Side::Both, lines))
        }
        (Some(Value::Secret(_)), Planned::Value(Value::Secret(_))) => piece(What::Note(SECRET.into())),
        (Some(old), Planned::Value(new)) => values(name, old, new, is_set, whole, width),
        (Some(old), Planned::Nothing) => piece(sides(old.to_string(), "unset".into(), room)),
        (Some(old), Planned::Later(None)) => piece(sides(old.to_string(), "known after apply".into(), room)),
        // What is referred to keeps its address; there will be another thing behind it.
        (Some(old), Planned::Later(Some(new))) if *new == old.to_string() => {
            let mut lines = hanging(broken(new, room.saturating_sub(44)));
            let then = ", another one then (known after apply)";
            lines.last_mut().into_iter().for_each(|last| last.push_str(then));
            piece(What::Only(Side::Both, lines))
        }
        (Some(Value::String(old)), Planned::Later(Some(new))) if old.contains('\n') && new.contains('\n') => {
            let new = new.strip_prefix('"').and_then(|new| new.strip_suffix('"')).unwrap_or(new);
            let mut lines = lines(old, new);
            lines.push((Side::New, "(known after apply)".into()));
            piece(What::Lines(lines))
        }
        (Some(old), Planned::Later(Some(new))) => {
            piece(sides(old.to_string(), format!("{new} (known after apply)"), room))
        }
    }
}

const SECRET: &str = "(secret, changed)";

fn values(name: &str, old: &Value, new: &Value, is_set: bool, whole: bool, width: usize) -> Vec<Piece> {
    let parts = differing(name, is_set, old, new);
    let room = width.saturating_sub(name.chars().count());
    let is_seen = |part: &Part| text(part.old.as_ref()) != text(part.new.as_ref());
    let (one, two) = (old.to_string(), new.to_string());
    if whole && !is_block(old) && !is_block(new) && fits(&one, &two, room) && parts.iter().all(is_seen) && one != two {
        return vec![Piece { path: name.to_string(), what: What::Pair(one, two) }];
    }
    if parts.is_empty() {
        // They differ in what counts as unset alone.
        return vec![Piece { path: name.to_string(), what: sides(one, two, room) }];
    }
    parts.into_iter().map(|part| piece(part, width)).collect()
}

fn piece(Part { path, old, new }: Part, width: usize) -> Piece {
    let room = width.saturating_sub(path.chars().count());
    let what = match (old, new) {
        (Some(Value::Secret(_)), Some(Value::Secret(_))) => What::Note(SECRET.into()),
        (Some(Value::String(old)), Some(Value::String(new))) if old.contains('\n') || new.contains('\n') => {
            What::Lines(lines(&old, &new))
        }
        (Some(old), Some(new)) => {
            let (one, two) = told_apart(&old, &new);
            match (&old, &new) {
                (Value::String(_), Value::String(_)) if !fits(&one, &two, room) => {
                    let (one, two) = around(&one, &two);
                    sides(one, two, room)
                }
                (Value::String(_), Value::String(_)) => What::Pair(one, two),
                _ if fits(&one, &two, room) => What::Pair(one, two),
                _ => What::Lines(both(layout(&old, room), layout(&new, room))),
            }
        }
        (Some(old), None) => What::Only(Side::Old, layout(&old, room)),
        (None, Some(new)) => What::Only(Side::New, layout(&new, room)),
        (None, None) => What::Note("unset".into()),
    };
    Piece { path, what }
}

fn is_block(value: &Value) -> bool {
    matches!(value, Value::String(text) if text.contains('\n'))
}

fn text(value: Option<&Value>) -> String {
    value.map_or("unset".to_string(), ToString::to_string)
}

fn fits(one: &str, two: &str, room: usize) -> bool {
    one.chars().count() + two.chars().count() + 6 <= room.max(40)
}

/// Both in one line where there is room, else below each other.
fn sides(one: String, two: String, room: usize) -> What {
    match fits(&one, &two, room) && !one.contains('\n') && !two.contains('\n') {
        true => What::Pair(one, two),
        false => What::Lines(both(broken(&one, room), broken(&two, room))),
    }
}

fn both(old: Vec<String>, new: Vec<String>) -> Vec<(Side, String)> {
    let old = old.into_iter().map(|line| (Side::Old, line));
    old.chain(new.into_iter().map(|line| (Side::New, line))).collect()
}

/// Two values that differ, as texts that do. Of a hash nobody reads more than its beginning.
fn told_apart(old: &Value, new: &Value) -> (String, String) {
    let brief = |value: &Value| match value.as_str() {
        Some(text) if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => text[..12].to_string(),
        _ => value.to_string(),
    };
    let (one, two) = (brief(old), brief(new));
    if one != two {
        return (one, two);
    }
    let exact = |value: &Value| match value {
        Value::Reference(Reference { id, .. }) => format!("{value} ({id})"),
        value => value.to_string(),
    };
    let (one, two) = (exact(old), exact(new));
    if one == two { (one, format!("{two} (changed)")) } else { (one, two) }
}

/// Two texts without what they have in common at both ends, but for a little of it.
fn around(one: &str, two: &str) -> (String, String) {
    let (one, two): (Vec<char>, Vec<char>) = (one.chars().collect(), two.chars().collect());
    let start = one.iter().zip(&two).take_while(|(one, two)| one == two).count();
    let ends = one[start..].iter().rev().zip(two[start..].iter().rev());
    let end = ends.take_while(|(one, two)| one == two).count();
    let from = if start > CONTEXT + 3 { start - CONTEXT } else { 0 };
    let left = if end > CONTEXT + 3 { end - CONTEXT } else { 0 };
    let cut = |text: &[char]| {
        let middle: String = text[from..text.len() - left].iter().collect();
        format!("{}{middle}{}", if from > 0 { "..." } else { "" }, if left > 0 { "..." } else { "" })
    };
    (cut(&one), cut(&two))
}

/// The lines in which two texts differ, with those around them.
fn lines(old: &str, new: &str) -> Vec<(Side, String)> {
    let (one, two): (Vec<&str>, Vec<&str>) = (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    if one.len().max(two.len()) > MOST_LINES {
        let all = |lines: Vec<&str>| lines.into_iter().map(|line| visible(line.trim_end_matches('\n'))).collect();
        return both(all(one), all(two));
    }
    let diff = TextDiff::from_slices(&one, &two);
    let mut lines = Vec::new();
    let groups = diff.grouped_ops(AROUND);
    let mut from = 0;
    for group in &groups {
        let start = group.first().map_or(0, |op| op.old_range().start);
        lines.extend(skipped(start - from));
        from = group.last().map_or(from, |op| op.old_range().end);
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let side = match change.tag() {
                ChangeTag::Equal => Side::Both,
                ChangeTag::Delete => Side::Old,
                ChangeTag::Insert => Side::New,
            };
            let line = change.value();
            lines.push((side, visible(line.strip_suffix('\n').unwrap_or(line))));
            if !line.ends_with('\n') && old.ends_with('\n') != new.ends_with('\n') {
                lines.push((side, "\\ no newline at the end".into()));
            }
        }
    }
    lines.extend(skipped(one.len() - from));
    lines
}

fn skipped(lines: usize) -> Option<(Side, String)> {
    match lines {
        0 => None,
        1 => Some((Side::Both, "... 1 line".into())),
        more => Some((Side::Both, format!("... {more} lines"))),
    }
}

/// A line as it is, or as a text of the language where signs in it could not be seen.
fn visible(line: &str) -> String {
    let is_seen = |c: char| c == ' ' || !c.is_whitespace() && !is_hidden(c);
    let is_plain = !line.ends_with(' ') && !line.starts_with(['"', '\\']) && line.chars().all(is_seen);
    if is_plain { line.to_string() } else { Quoted(line).to_string() }
}

/// A value in as many lines as it takes: what it consists of below each other where one line is too short.
pub fn layout(value: &Value, room: usize) -> Vec<String> {
    let line = value.to_string();
    if !is_block(value) && line.chars().count() <= room.max(40) {
        return vec![line];
    }
    let inner = room.saturating_sub(4);
    match value {
        Value::List(items) if !items.is_empty() => {
            let items = items.iter().flat_map(|item| indented("", layout(item, inner), ","));
            std::iter::once("[".to_string()).chain(items).chain(["]".to_string()]).collect()
        }
        Value::Map(entries) if !entries.is_empty() => {
            let entries: Vec<(String, &Value)> =
                entries.iter().map(|(key, item)| (crate::value::key_text(key), item)).collect();
            fields("{".into(), &entries, inner)
        }
        Value::Data(data) if !data.fields.is_empty() => {
            let set = data.fields.iter().filter(|(_, item)| **item != Value::Null);
            let set: Vec<(String, &Value)> = set.map(|(name, item)| (name.to_string(), item)).collect();
            fields(format!("{} {{", data.template), &set, inner)
        }
        Value::String(text) if text.contains('\n') => {
            let mut lines: Vec<String> = vec!["\"\"\"".into()];
            lines.extend(text.split_terminator('\n').map(|line| format!("    {}", visible(line))));
            if text.ends_with('\n') {
                lines.push("    \"\"\"".into());
            } else {
                lines.last_mut().into_iter().for_each(|last| last.push_str("\"\"\""));
            }
            lines
        }
        Value::String(text) => match document(text).filter(|document| is_canonical(document, text)) {
            Some(document) => {
                let mut lines = layout(&document, inner);
                lines.first_mut().into_iter().for_each(|first| first.insert_str(0, "json("));
                lines.last_mut().into_iter().for_each(|last| last.push(')'));
                lines
            }
            None => hanging(broken(&line, inner)),
        },
        _ => hanging(broken(&line, inner)),
    }
}

/// Whether the language's function `json` makes this text of the document.
fn is_canonical(document: &Value, text: &str) -> bool {
    let written = document.reveal().to_string();
    written == text
}

fn fields(head: String, entries: &[(String, &Value)], room: usize) -> Vec<String> {
    let entries = entries.iter().flat_map(|(name, value)| {
        indented(&format!("{name} "), layout(value, room.saturating_sub(name.chars().count() + 1)), ";")
    });
    std::iter::once(head).chain(entries).chain(["}".to_string()]).collect()
}

fn indented(before: &str, mut lines: Vec<String>, after: &str) -> Vec<String> {
    lines.first_mut().into_iter().for_each(|first| first.insert_str(0, before));
    lines.last_mut().into_iter().for_each(|last| last.push_str(after));
    lines.into_iter().map(|line| format!("    {line}")).collect()
}

/// A text in lines of so many columns, at the spaces that it has and without losing any.
fn broken(text: &str, room: usize) -> Vec<String> {
    let room = room.max(40);
    let mut lines = Vec::new();
    for part in text.split('\n') {
        let mut rest: Vec<char> = part.chars().flat_map(shown).collect();
        while rest.len() > room {
            let space = rest[..room].iter().rposition(|c| *c == ' ').filter(|at| *at > room / 2);
            let after = rest.split_off(space.map_or(room, |at| at + 1));
            lines.push(rest.iter().collect());
            rest = after;
        }
        lines.push(rest.iter().collect());
    }
    lines
}

/// Lines that go on with the first one stand further in.
fn hanging(lines: Vec<String>) -> Vec<String> {
    let in_place = |(at, line): (usize, String)| if at == 0 { line } else { format!("    {line}") };
    lines.into_iter().enumerate().map(in_place).collect()
}

/// A sign as it can be printed.
fn shown(c: char) -> Vec<char> {
    if is_hidden(c) { Escaped(c).to_string().chars().collect() } else { vec![c] }
}

/// The first part that differs, in a line: its path, what it is and what it becomes in so many columns each, and how
/// many others differ too.
pub fn first(name: &str, (old, new): (&Value, &Value), is_set: bool, room: usize) -> (Piece, usize) {
    let mut parts = differing(name, is_set, old, new).into_iter();
    let (path, old, new) = match parts.next() {
        Some(part) => (part.path, part.old, part.new),
        None => (name.to_string(), Some(old.clone()), Some(new.clone())),
    };
    let what = match (&old, &new) {
        (Some(Value::Secret(_)), Some(Value::Secret(_))) => What::Note(SECRET.into()),
        (Some(old), Some(new)) => {
            let (one, two) = told_apart(old, new);
            let (one, two) = if fits(&one, &two, room * 2) { (one, two) } else { around(&one, &two) };
            What::Pair(shortened(&one, room), shortened(&two, room))
        }
        (old, new) => What::Pair(shortened(&text(old.as_ref()), room), shortened(&text(new.as_ref()), room)),
    };
    (Piece { path, what }, parts.count())
}

/// A text of so many characters at most.
pub fn shortened(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_string();
    }
    let mut cut: String = text.chars().take(room.saturating_sub(3)).collect();
    cut.push_str("...");
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Data, Secret};
    use proptest::prelude::*;

    fn leaf() -> impl Strategy<Value = Value> {
        let lines = prop::collection::vec("[ab \t]{0,3}", 0..6).prop_map(|lines| lines.join("\n"));
        prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            (0..5i64).prop_map(Value::Int),
            (0..5u64).prop_map(Value::Size),
            lines.prop_map(Value::string),
            "[ab\\r\"\\\\]{0,5}".prop_map(Value::string),
            "a{0,70}b{0,3}[a ]{0,70}".prop_map(Value::string),
        ]
    }

    fn value() -> impl Strategy<Value = Value> {
        leaf().prop_recursive(3, 24, 5, |inner| {
            let entries = prop::collection::btree_map("[a-c]", inner.clone(), 0..4);
            let fields =
                prop::collection::btree_map("[a-c]".prop_map(|name| name.as_str().into()), inner.clone(), 0..3);
            prop_oneof![
                prop::collection::vec(inner, 0..5).prop_map(Value::List),
                entries.clone().prop_map(Value::Map),
                entries.prop_map(|entries| Value::string(Value::Map(entries).reveal().to_string())),
                fields.prop_map(|fields| Value::Data(Data { template: "Rule".into(), fields })),
            ]
        })
    }

    fn told(old: Option<&Value>, new: &Value) -> Vec<Piece> {
        changed("x", (old, &Planned::Value(new.clone())), false, true, 60)
    }

    proptest! {
        #[test]
        fn two_values_that_differ_never_read_the_same(old in value(), one in value(), two in value()) {
            prop_assume!(one != two);
            prop_assert_ne!(told(None, &one), told(None, &two));
            if old != one && old != two {
                prop_assert_ne!(told(Some(&old), &one), told(Some(&old), &two));
            }
        }

        #[test]
        fn what_changes_has_a_difference_in_it(old in value(), new in value()) {
            prop_assume!(old != new);
            for Piece { path, what } in told(Some(&old), &new) {
                match what {
                    What::Pair(one, two) => prop_assert_ne!(one, two, "{}", path),
                    What::Lines(lines) => prop_assert!(lines.iter().any(|(side, _)| *side != Side::Both), "{:?}", lines),
                    What::Note(_) | What::Only(..) => {}
                }
            }
            let (Piece { what, .. }, _) = first("x", (&old, &new), false, 30);
            let What::Pair(one, two) = what else { panic!("{what:?}") };
            prop_assert_ne!(one, two);
        }
    }

    fn shown(old: &str, new: &str) -> Vec<String> {
        let pieces = told(Some(&Value::string(old)), &Value::string(new));
        let [Piece { what, .. }] = pieces.as_slice() else { panic!("{pieces:?}") };
        match what {
            What::Pair(old, new) => vec![format!("{old} -> {new}")],
            What::Lines(lines) => lines.iter().map(|(side, line)| format!("{} {line}", side.sign())).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_text_of_lines_shows_those_that_differ() {
        let script = |package: &str| format!("#!/bin/sh\nset -e\n{}install {package}\nstart\n", "echo\n".repeat(9));
        let expected =
            ["  ... 8 lines", "  echo", "  echo", "  echo", "- install nginx", "+ install nginx-full", "  start"];
        assert_eq!(shown(&script("nginx"), &script("nginx-full")), expected);
        assert_eq!(shown("a\nb\n", "a\nb"), ["  a", "- b", "+ b", "+ \\ no newline at the end"]);
        assert_eq!(shown("a \n", "a\n"), ["- \"a \"", "+ a"]);
        assert_eq!(shown("a\r\nb\n", "a\nb\n"), ["- \"a\\r\"", "+ a", "  b"]);
    }

    #[test]
    fn a_long_line_is_cut_where_it_is_equal() {
        let long = |middle: &str| format!("{}{middle}{}", "x".repeat(80), "y".repeat(80));
        let (x, y) = ("x".repeat(15), "y".repeat(14));
        let expected = [format!("- ...{x}1y{y}..."), format!("+ ...{x}22y{y}...")];
        assert_eq!(shown(&long("1"), &long("22")), expected);
    }

    #[test]
    fn a_secret_that_changed_is_marked_where_it_is() {
        let secrets = |texts: &[&str]| {
            let list = texts.iter().map(|text| Value::Secret(Secret::new("env:KEY", *text))).collect();
            Value::Map([("keys".to_string(), Value::List(list))].into())
        };
        let changed = |path: &str| Piece { path: path.into(), what: What::Note(SECRET.into()) };
        assert_eq!(told(Some(&secrets(&["a", "b"])), &secrets(&["a", "c"])), [changed("x[\"keys\"][1]")]);
        let new = What::Only(Side::New, vec!["(secret)".into()]);
        let added = Piece { path: "x[\"keys\"][0]".into(), what: new };
        assert_eq!(told(Some(&secrets(&["a", "b"])), &secrets(&["z", "a", "b"])), [added]);
    }
}
