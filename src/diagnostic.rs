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

/// The problems of one run. A template's body is checked once for each use, so the same problem
/// at the same place counts once.
#[derive(Clone, Debug, Default)]
pub struct Report {
    list: Vec<Diagnostic>,
    seen: std::collections::HashSet<(&'static str, Option<Span>)>,
    secrets: Vec<Span>,
}

impl Report {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let key = (diagnostic.code, diagnostic.labels.first().map(|l| l.span));
        if key.1.is_none() || self.seen.insert(key) {
            self.list.push(diagnostic);
        }
    }

    pub fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        diagnostics.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }

    /// Remembers a place whose text no message may show.
    pub fn hide(&mut self, span: Span) {
        self.secrets.push(span);
    }

    /// Places whose texts no message may show.
    pub fn secrets(&self) -> &[Span] {
        &self.secrets
    }

    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|d| d.severity == Severity::Error)
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
    let lower = name.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| *candidate != name)
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= name.len().max(candidate.len()).div_ceil(4).max(1))
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn closest_takes_typos_and_case_but_not_strangers() {
        let names = ["versioning", "bucket", "region"];
        assert_eq!(closest("versionning", names), Some("versioning"));
        assert_eq!(closest("Bucket", names), Some("bucket"));
        assert_eq!(closest("policy", names), None);
    }
}
