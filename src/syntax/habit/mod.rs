//! What people write who come from other tools, and how it is written here: one row each. The tables are
//! asked only when something is wrong already, so that no row can refuse a good program.

mod forms;
pub mod names;
mod write;

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::around::{Around, token};
use crate::diagnostic::Diagnostic;
use crate::source::{SourceId, Span};
use forms::{HABITS, Habit, class};
use write::CHANGES;

/// A form, ready to be held against texts.
struct Form {
    habit: &'static Habit,
    /// What precedes the place; nothing for the beginning of a statement.
    before: Option<Regex>,
    after: Regex,
}

static FORMS: LazyLock<Vec<Form>> = LazyLock::new(|| HABITS.iter().map(Form::new).collect());

impl Form {
    fn new(habit: &'static Habit) -> Form {
        let (before, after) = match habit.form.split_once('@') {
            None => (None, habit.form),
            Some((before, after)) => {
                let pattern = match before.strip_prefix('^') {
                    Some(whole) => format!("^{}$", pattern(whole)),
                    None => format!("{}$", pattern(before)),
                };
                (Some(regex(&pattern)), after)
            }
        };
        Form { habit, before, after: regex(&format!("^{}", pattern(after))) }
    }

    fn find<'t>(&self, around: &Around<'t>) -> Option<Found<'t>> {
        let starts = [Some(around.statement), around.closed];
        let Some(before) = &self.before else {
            let starts = around.headers.iter().copied().chain(starts.into_iter().flatten());
            return starts.into_iter().find_map(|start| {
                let after = self.after.captures(around.from(start))?;
                Some(Found { before: None, after, after_at: start })
            });
        };
        let after = self.after.captures(around.from(around.at))?;
        let before = starts.into_iter().flatten().find_map(|start| {
            let text = around.since(start)?;
            Some((before.captures(text)?, start))
        })?;
        Some(Found { before: Some(before), after, after_at: around.at })
    }
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|error| unreachable!("a form of the table cannot be read: {error}"))
}

/// The regular expression of a form, or of a half of one.
fn pattern(form: &str) -> String {
    let mut out = String::new();
    let mut rest = form;
    while let Some(first) = rest.chars().next() {
        if let Some((word, behind)) = placeholder(rest) {
            out.push_str(&format!("(?P<{word}>{})", class(word)));
            rest = behind;
            continue;
        }
        let wordlike = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if wordlike(first) {
            let word = &rest[..rest.find(|c| !wordlike(c)).unwrap_or(rest.len())];
            out.push_str(&format!("(?-u:\\b){word}(?-u:\\b)"));
            rest = &rest[word.len()..];
            continue;
        }
        match first {
            '«' => out.push_str("(?P<mark>"),
            '»' => out.push(')'),
            ' ' => {
                let before = form[..form.len() - rest.len()].trim_end_matches(['«', '»']);
                let behind = rest.trim_start().trim_start_matches(['«', '»']);
                let between = before.ends_with(|c| wordlike(c) || c == '>')
                    && (behind.starts_with(wordlike) || placeholder(behind).is_some());
                out.push_str(if between { "\\s+" } else { "\\s*" });
            }
            sign => out.push_str(&regex::escape(sign.encode_utf8(&mut [0; 4]))),
        }
        rest = &rest[first.len_utf8()..];
    }
    out
}

/// `<word>` or `<word change>` at the beginning of a text: what is in it, and what follows.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    let (inside, behind) = text.strip_prefix('<')?.split_once('>')?;
    let fits = inside.starts_with(|c: char| c.is_ascii_alphabetic())
        && inside.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ');
    fits.then_some((inside, behind))
}

/// A form that fits.
struct Found<'t> {
    /// With where the text begins that it was held against.
    before: Option<(Captures<'t>, usize)>,
    after: Captures<'t>,
    after_at: usize,
}

impl<'t> Found<'t> {
    fn get(&self, word: &str, around: &Around<'t>) -> Option<&'t str> {
        let before = self.before.as_ref().and_then(|(captures, _)| captures.name(word));
        let found = self.after.name(word).or(before).map(|found| found.as_str());
        found.or_else(|| match word {
            "owner" => owner(around).map(|(owner, _)| owner).or(Some("NAME")),
            "template" => owner(around).map(|(_, template)| template).or(Some("TEMPLATE")),
            _ => None,
        })
    }

    /// What is labelled.
    fn span(&self, source: SourceId, around: &Around) -> Span {
        let mark = |captures: &Captures, at: usize| {
            captures.name("mark").map(|mark| Span::new(source, at + mark.start(), at + mark.end()))
        };
        let marked = mark(&self.after, self.after_at)
            .or_else(|| self.before.as_ref().and_then(|(captures, at)| mark(captures, *at)));
        marked.unwrap_or_else(|| match (&self.before, self.after.get(0)) {
            (None, Some(whole)) => {
                let line = whole.as_str().lines().next().unwrap_or("").trim_end_matches([' ', '\t', '{', '\r']);
                Span::new(source, self.after_at, self.after_at + line.len())
            }
            _ => Span::new(source, around.at, around.at + around.found().len()),
        })
    }

    /// A message with everything filled in.
    fn fill(&self, text: &str, around: &Around<'t>) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let filled = placeholder(rest).and_then(|(inside, behind)| {
                let (word, change) = inside.split_once(' ').unwrap_or((inside, ""));
                let value = self.get(word, around)?;
                let change = CHANGES.iter().find(|(name, _)| *name == change);
                Some((change.map_or_else(|| value.to_string(), |(_, change)| change(value)), behind))
            });
            match filled {
                Some((filled, behind)) => {
                    out.push_str(if filled.contains('\n') || filled.len() > 80 { "..." } else { &filled });
                    rest = behind;
                }
                None => {
                    out.push(first);
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
        out
    }
}

/// The component in whose body the place is, and its template.
fn owner<'t>(around: &Around<'t>) -> Option<(&'t str, &'t str)> {
    let header = around.from(*around.headers.last()?);
    let (name, rest) = header.split_once(char::is_whitespace)?;
    let template = token(rest.trim_start().strip_prefix("extends")?.trim_start());
    (!template.is_empty()).then_some((name, template))
}

/// What to say of a place where reading failed, if a habit is behind it.
pub(super) fn recognise(source: SourceId, around: &Around) -> Option<Box<Diagnostic>> {
    let (form, found) = FORMS.iter().find_map(|form| Some((form, form.find(around)?)))?;
    #[cfg(test)]
    tests::SPOKEN.with_borrow_mut(|spoken| spoken.insert(form.habit.form));
    let fill = |text| found.fill(text, around);
    let diagnostic = Diagnostic::error("cloud::syntax::habit", fill(form.habit.message))
        .label(found.span(source, around), fill(form.habit.label))
        .help(fill(form.habit.help));
    Some(diagnostic.into())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::diagnostic::Report;

    thread_local! {
        /// Forms that were recognised.
        pub static SPOKEN: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
    }

    #[test]
    fn every_row_fills_in_only_what_its_form_takes() {
        let words = |text: &'static str| {
            (0..text.len())
                .filter(|at| text.is_char_boundary(*at))
                .filter_map(move |at| Some(placeholder(&text[at..])?.0))
        };
        for form in FORMS.iter() {
            let Habit { form: written, message, label, help } = form.habit;
            let taken: Vec<&str> = words(written).collect();
            for word in [message, label, help].into_iter().flat_map(|text| words(text)) {
                let (word, change) = word.split_once(' ').unwrap_or((word, ""));
                assert!(taken.contains(&word) || ["owner", "template"].contains(&word), "{written}: <{word}>");
                assert!(change.is_empty() || CHANGES.iter().any(|(name, _)| *name == change), "{written}: {change}");
            }
        }
    }

    /// A row that nothing reaches, because another speaks first or its form is wrong, would be a promise
    /// that nobody keeps.
    #[test]
    fn every_row_speaks_of_a_program_in_the_gallery() {
        let gallery = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gallery");
        for entry in std::fs::read_dir(gallery).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "cloud") {
                let text = std::fs::read_to_string(path).unwrap();
                // The rest of the line of a mark is a file's name.
                for file in text.split("//@ file").map(|file| {
                    file.strip_prefix(' ').map_or(file, |file| file.split_once('\n').map_or("", |(_, file)| file))
                }) {
                    crate::syntax::parse(SourceId::default(), file, &mut Report::default());
                }
            }
        }
        let silent: Vec<&str> = SPOKEN
            .with_borrow(|spoken| HABITS.iter().map(|row| row.form).filter(|form| !spoken.contains(form)).collect());
        assert!(silent.is_empty(), "{silent:#?}");
    }
}
