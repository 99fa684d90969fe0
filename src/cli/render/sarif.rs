//! Diagnostics as SARIF 2.1.0, for code scanning. Source: OASIS, "Static Analysis Results Interchange
//! Format (SARIF) Version 2.1.0 plus Errata 01".

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Component, Path};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::cli::explain;
use crate::cli::render::written;
use crate::diagnostic::{Diagnostic, Label, Report, Severity};
use crate::source::{Origin, Sources};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The key of what tells a result from others wherever it moves. The version changes with what goes
/// into it.
const FINGERPRINT: &str = "codeAndMessage/v1";

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    /// Without it, columns count UTF-16 code units.
    column_kind: &'static str,
    results: Vec<ResultObject<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'static str,
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    information_uri: Option<&'static str>,
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'a> {
    id: &'a str,
    short_description: Message,
    /// The page that `tadpole explain` shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<Help>,
}

#[derive(Serialize)]
struct Help {
    text: &'static str,
    markdown: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultObject<'a> {
    rule_id: &'a str,
    rule_index: usize,
    level: &'static str,
    message: Message,
    locations: [Location; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
    partial_fingerprints: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize, Clone)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

/// All that a report says of the program at `program`, as it was named in `directory`, the current one.
/// Files in there are given relative to it.
pub fn render(report: &Report, sources: &Sources, program: &Path, directory: &Path) -> String {
    let diagnostics = report.sorted();
    let codes: BTreeSet<&str> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
    let codes: Vec<&str> = codes.into_iter().collect();
    let writer = Writer { sources, fallback: fallback(sources, program, directory), directory };
    let mut seen = HashMap::new();
    let results = diagnostics.iter().map(|diagnostic| {
        let rule_index = codes.partition_point(|code| *code < diagnostic.code);
        writer.result(diagnostic, rule_index, &mut seen)
    });
    let driver = Driver {
        name: "tadpole",
        version: env!("CARGO_PKG_VERSION"),
        information_uri: Some(env!("CARGO_PKG_REPOSITORY")).filter(|uri| !uri.is_empty()),
        rules: codes.iter().map(|code| rule(code)).collect(),
    };
    let run = Run { results: results.collect(), tool: Tool { driver }, column_kind: "unicodeCodePoints" };
    written(&Log { schema: SCHEMA, version: "2.1.0", runs: [run] }, true) + "\n"
}

fn rule(code: &str) -> Rule<'_> {
    let page = explain::page(code);
    // A rule is shown by its description: without a page, by the words of its code.
    let in_words = || code.trim_start_matches("cloud::").replace("::", " ");
    let short = page.as_ref().map_or_else(in_words, |page| page.summary().replace('\n', " "));
    let help = page.map(|page| Help { text: page.text, markdown: page.text });
    Rule { id: code, short_description: Message { text: short }, help }
}

/// Where a result is shown that has no place in a file of the user's: code scanning refuses the whole
/// log for the sake of one result without a location.
fn fallback(sources: &Sources, program: &Path, directory: &Path) -> PhysicalLocation {
    let first = sources.iter().find(|source| source.origin == Origin::File);
    let path = first.map_or(program, |source| Path::new(&source.name));
    PhysicalLocation {
        artifact_location: ArtifactLocation { uri: uri(path, directory) },
        region: Region { start_line: 1, start_column: 1, end_line: 1, end_column: 1 },
    }
}

struct Writer<'a> {
    sources: &'a Sources,
    fallback: PhysicalLocation,
    directory: &'a Path,
}

impl Writer<'_> {
    fn result<'d>(
        &self,
        diagnostic: &'d Diagnostic,
        rule_index: usize,
        seen: &mut HashMap<String, usize>,
    ) -> ResultObject<'d> {
        // The first place that can be shown stands for the result; the others are related to it.
        let in_a_file = |label: &&Label| self.sources.get(label.span.source).origin == Origin::File;
        let main = diagnostic.labels.iter().find(in_a_file);
        // Related locations are a set.
        let mut places: HashSet<&Label> = main.into_iter().collect();
        let others = diagnostic.labels.iter().filter(|label| places.insert(label));
        let related_locations = others.filter_map(|label| self.location(label)).collect();
        let location = main.and_then(|label| self.location(label));
        let nowhere = || Location { physical_location: self.fallback.clone(), message: None };
        ResultObject {
            rule_id: diagnostic.code,
            rule_index,
            level: match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            message: Message { text: text(diagnostic) },
            locations: [location.unwrap_or_else(nowhere)],
            related_locations,
            partial_fingerprints: BTreeMap::from([(FINGERPRINT, fingerprint(diagnostic, seen))]),
        }
    }

    /// Nothing for what no file holds, which is no artifact.
    fn location(&self, label: &Label) -> Option<Location> {
        let source = self.sources.get(label.span.source);
        if source.origin == Origin::Given {
            return None;
        }
        let start = self.sources.position(label.span.source, label.span.start);
        let end = self.sources.position(label.span.source, label.span.end);
        let region =
            Region { start_line: start.line, start_column: start.column, end_line: end.line, end_column: end.column };
        let artifact_location = ArtifactLocation { uri: uri(Path::new(&source.name), self.directory) };
        let message = (!label.text.is_empty()).then(|| Message { text: label.text.clone() });
        Some(Location { physical_location: PhysicalLocation { artifact_location, region }, message })
    }
}

/// The message with what its main place says, which viewers show nowhere else, and the help.
fn text(diagnostic: &Diagnostic) -> String {
    let mut text = diagnostic.message.clone();
    if let Some(label) = diagnostic.labels.first().filter(|label| !label.text.is_empty()) {
        text.push_str(&format!(": {}", label.text));
    }
    if let Some(help) = &diagnostic.help {
        text.push_str(&format!("\nhelp: {help}"));
    }
    text
}

/// The same wherever the diagnostic moves; equal ones are counted, in the order of the sources.
fn fingerprint(diagnostic: &Diagnostic, seen: &mut HashMap<String, usize>) -> String {
    let hash = Sha256::new().chain_update(diagnostic.code).chain_update([0]).chain_update(&diagnostic.message);
    let hash: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let count = seen.entry(hash.clone()).or_default();
    *count += 1;
    format!("{hash}:{count}")
}

/// A path as a URI, relative to `directory` where it lies in there.
fn uri(path: &Path, directory: &Path) -> String {
    let path = path.strip_prefix(directory).unwrap_or(path);
    let mut uri = String::new();
    for part in path.components() {
        match part {
            Component::Prefix(prefix) => uri.push_str(&format!("file:///{}", prefix.as_os_str().to_string_lossy())),
            Component::RootDir if uri.is_empty() => uri.push_str("file:///"),
            Component::RootDir => uri.push('/'),
            Component::CurDir => {}
            Component::ParentDir | Component::Normal(_) => {
                if !uri.is_empty() && !uri.ends_with('/') {
                    uri.push('/');
                }
                uri.push_str(&encoded(&part.as_os_str().to_string_lossy()));
            }
        }
    }
    if uri.is_empty() { "./".into() } else { uri }
}

/// Everything but unreserved characters by its bytes. Source: RFC 3986, sections 2.1 and 2.3.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        let directory = Path::new("/home/x/shop");
        for (path, expected) in [
            ("main.cloud", "main.cloud"),
            ("./main.cloud", "main.cloud"),
            ("../lib/web.cloud", "../lib/web.cloud"),
            ("a b/\u{f6}#1%:.cloud", "a%20b/%C3%B6%231%25%3A.cloud"),
            ("/home/x/shop/in/main.cloud", "in/main.cloud"),
            ("/etc/x.cloud", "file:///etc/x.cloud"),
            (".", "./"),
        ] {
            assert_eq!(uri(Path::new(path), directory), expected, "{path}");
        }
    }
}
