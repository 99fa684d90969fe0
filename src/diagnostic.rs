//! What we tell users about their sources: a code, one sentence, labelled places, help.
//! Holds spans, never text or colour; `cli/ui.rs` dresses it.

use crate::source::Span;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    Error,
    Warning,
}

/// A place that takes part in a problem. The first label of a diagnostic is the main one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// Stable name, `cloud::type::mismatch`.
    pub code: &'static str,
    pub severity: Severity,
    /// One lowercase sentence without a full stop, the user's names in backticks.
    pub message: String,
    pub labels: Vec<Label>,
    /// What to write instead.
    pub help: Option<String>,
}

impl Diagnostic {
    pub fn error(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic { code, severity: Severity::Error, message: message.into(), labels: Vec::new(), help: None }
    }

    pub fn warning(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, message) }
    }

    pub fn label(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help = Some(text.into());
        self
    }
}

/// Places of one cause that are shown.
const MAX_PLACES: usize = 50;

/// Errors that a report keeps, and warnings as well: nobody reads more, and of each mistake in a large file a
/// text would be made.
pub const MAX_KEPT: usize = 100;

/// The problems of one run. A template's body is checked once for each use, so the same problem
/// at the same place counts once. Of the first [`MAX_KEPT`] of a severity all is kept, of others how many there are.
#[derive(Clone, Debug, Default)]
pub struct Report {
    list: Vec<Diagnostic>,
    seen: std::collections::HashSet<(&'static str, Option<Span>)>,
    errors: usize,
    warnings: usize,
    /// Nobody looked for more.
    cut_short: bool,
    secrets: Vec<Span>,
}

impl Report {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let key = (diagnostic.code, diagnostic.labels.first().map(|l| l.span));
        if key.1.is_some() && !self.seen.insert(key) {
            return;
        }
        let count = match diagnostic.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        *count += 1;
        if *count <= MAX_KEPT {
            self.list.push(diagnostic);
        }
    }

    /// As [`Report::push`], of a cause that shows at several places: when it was told before, in the same words, its
    /// places are added to that.
    pub fn push_place(&mut self, diagnostic: Diagnostic) {
        let same = |one: &&mut Diagnostic| one.code == diagnostic.code && one.message == diagnostic.message;
        let Some(told) = self.list.iter_mut().find(same) else {
            return self.push(diagnostic);
        };
        for label in diagnostic.labels {
            if told.labels.len() < MAX_PLACES && !told.labels.contains(&label) {
                told.labels.push(label);
            }
        }
    }

    pub fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        diagnostics.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }

    /// Remembers a place whose text no message may show.
    pub fn hide(&mut self, span: Span) {
        self.secrets.push(span);
    }

    /// Takes texts out of all that is said, wherever they are quoted. What an assertion says is a program's own text,
    /// which is shown only when it is public.
    pub fn scrub(&mut self, texts: &[String]) {
        let quoting = self.list.iter_mut().filter(|diagnostic| diagnostic.code != "cloud::assertion::failed");
        let said = quoting.flat_map(|diagnostic| {
            let labels = diagnostic.labels.iter_mut().map(|label| &mut label.text);
            std::iter::once(&mut diagnostic.message).chain(labels).chain(diagnostic.help.as_mut())
        });
        for said in said {
            for text in texts.iter().filter(|text| said.contains(text.as_str())).cloned().collect::<Vec<_>>() {
                *said = said.replace(&text, "(secret)");
            }
        }
    }

    /// Places whose texts no message may show.
    pub fn secrets(&self) -> &[Span] {
        &self.secrets
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// From now on there may be errors that nobody looked for.
    pub fn cut_short(&mut self) {
        self.cut_short = true;
    }

    pub fn is_cut_short(&self) -> bool {
        self.cut_short
    }

    /// How many there are of a severity, kept or not.
    pub fn count(&self, severity: Severity) -> usize {
        match severity {
            Severity::Error => self.errors,
            Severity::Warning => self.warnings,
        }
    }

    /// Whether a label stands at a place.
    pub fn mentions(&self, span: Span) -> bool {
        self.list.iter().flat_map(|diagnostic| &diagnostic.labels).any(|label| label.span == span)
    }

    /// So much is said by now that nobody reads what else a name could have meant. Finding that out takes
    /// as long as there are names, for every name that means nothing.
    pub fn is_long(&self) -> bool {
        self.list.len() >= MAX_KEPT
    }

    /// In the order of the sources, errors and warnings together.
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut all: Vec<&Diagnostic> = self.list.iter().collect();
        all.sort_by_key(|d| d.labels.first().map(|l| l.span));
        all
    }
}

/// The candidate that a reader most likely meant by `name`, if any is close enough.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['_', '-'], "");
    let wanted = plain(name);
    let letters = letters(name);
    // A slip changes at most a quarter of the letters: most candidates need no second look.
    let most = |candidate: &str| name.len().max(candidate.len()).div_ceil(4) as u32;
    candidates
        .into_iter()
        .filter(|candidate| *candidate != name)
        .filter(|candidate| (letters & !self::letters(candidate)).count_ones() <= most(candidate))
        .filter_map(|candidate| Some((distance(&wanted, &plain(candidate))?, candidate)))
        .min()
        .map(|(_, candidate)| candidate)
}

/// Which letters and digits there are in a name, one bit each.
fn letters(name: &str) -> u64 {
    let bit = |byte: u8| match byte.to_ascii_lowercase() {
        letter @ b'a'..=b'z' => 1 << (letter - b'a'),
        digit @ b'0'..=b'9' => 1 << (26 + digit - b'0'),
        _ => 0,
    };
    name.bytes().fold(0, |bits, byte| bits | bit(byte))
}

/// How far a slip of the hand must have gone from one name to the other; nothing when it is no slip.
fn distance(one: &str, two: &str) -> Option<usize> {
    let distance = strsim::damerau_levenshtein(one, two);
    let (one_length, two_length) = (one.chars().count(), two.chars().count());
    let longest = one_length.max(two_length);
    if longest > 3 && one_length.min(two_length) > 2 {
        return (distance <= longest.div_ceil(4)).then_some(distance);
    }
    // Between short names every letter counts: they are the same, or two letters changed places.
    let swapped = distance == 1 && one_length == two_length && strsim::levenshtein(one, two) == 2;
    (distance == 0 || swapped).then_some(distance)
}

/// "a" or "an", as a name is read: `an Int`, `an S3Bucket`, `a User`.
pub fn article(name: &str) -> &'static str {
    let mut chars = name.chars();
    let (Some(first), second) = (chars.next(), chars.next()) else { return "a" };
    let spelt = second.is_none_or(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
    let vowel = match first.to_ascii_uppercase() {
        'A' | 'E' | 'I' | 'O' => true,
        // Letter by letter, as in "an S3 bucket".
        'F' | 'H' | 'L' | 'M' | 'N' | 'R' | 'S' | 'X' => spelt,
        'U' => second.is_some_and(|c| matches!(c, 'n' | 'p')) && !name[1..].starts_with("ni"),
        _ => false,
    };
    if vowel { "an" } else { "a" }
}

/// Names in backticks, as a sentence lists them.
pub fn listed(names: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [most @ .., last] if !most.is_empty() => format!("{} and {last}", most.join(", ")),
        names => names.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::{article, closest, listed};

    #[test]
    fn closest_takes_typos_and_case_but_not_strangers() {
        let names = ["versioning", "bucket", "region"];
        assert_eq!(closest("versionning", names), Some("versioning"));
        assert_eq!(closest("Bucket", names), Some("bucket"));
        assert_eq!(closest("policy", names), None);
        assert_eq!(closest("depends_on", ["dependsOn"]), Some("dependsOn"));
    }

    #[test]
    fn closest_is_careful_with_short_names() {
        assert_eq!(closest("a", ["w", "b", "ab"]), None);
        assert_eq!(closest("ip", ["id", "tip"]), None);
        assert_eq!(closest("udp", ["tcp", "ud"]), None);
        assert_eq!(closest("upd", ["tcp", "udp"]), Some("udp"));
        assert_eq!(closest("ENV", ["env"]), Some("env"));
        assert_eq!(closest("prt", ["port"]), Some("port"));
    }

    #[test]
    fn sentences_are_english() {
        for (name, expected) in [
            ("Int", "an"),
            ("String", "a"),
            ("S3Bucket", "an"),
            ("VPC", "a"),
            ("SQS", "an"),
            ("Upload", "an"),
            ("User", "a"),
            ("Unit", "a"),
        ] {
            assert_eq!(article(name), expected, "{name}");
        }
        assert_eq!(listed(["a"]), "`a`");
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
