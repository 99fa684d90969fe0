//! What `tadpole check` says to programs: every line fits its schema, and points at what it means.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tadpole::cli::render::{json, sarif};
use tadpole::diagnostic::{Diagnostic, Report};
use tadpole::source::{Origin, Sources, Span};

use crate::world::{Files, cpu, examined};

/// What is wrong with a value, by a schema.
pub struct Schema(jsonschema::Validator);

impl Schema {
    pub fn read(path: &str) -> Schema {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        jsonschema::meta::validate(&schema).unwrap();
        Schema(jsonschema::options().should_validate_formats(true).build(&schema).unwrap())
    }

    pub fn admits(&self, value: &Value) -> bool {
        self.0.is_valid(value)
    }

    #[track_caller]
    pub fn takes(&self, value: &Value) {
        let wrong: Vec<String> =
            self.0.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{wrong:#?}\n{value:#}");
    }
}

/// The programs of `tests/check`.
fn fixtures() -> Vec<Files> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check");
    let paths = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let programs = paths.filter(|path| path.extension().is_some_and(|extension| extension == "cloud"));
    programs.map(|path| Files::written(&std::fs::read_to_string(path).unwrap())).collect()
}

fn as_sarif(report: &Report, sources: &Sources) -> String {
    sarif::render(report, sources, Path::new("shop"), Path::new("/work"))
}

/// A program of two files with an error in each, a warning, a secret, and characters of many bytes.
const SHOP: &str = r#"//@ file main.cloud
/// Größe und Ort.
media extends TransientS3Bucket { bucket "the-media"; versionning true; }
service extends ImageInstance { imageID "ami-26b6534f"; key "NotForAnybodysEyes"; }
//@ file more things.cloud
media extends PersistentS3Bucket { bucket "ä"; tags { "größe" "🐸"; }; versioning "yes"; }
"#;

#[test]
fn json_lines_and_sarif_look_like_this() {
    let (graph, sources, report) = examined(&Files::written(SHOP), &[]);
    insta::with_settings!({ snapshot_path => "render", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("json", json::render(&report, &sources, graph.map(|graph| graph.len())));
        let mut log: Value = serde_json::from_str(&as_sarif(&report, &sources)).unwrap();
        let driver = &mut log["runs"][0]["tool"]["driver"];
        assert_eq!(driver["version"], env!("CARGO_PKG_VERSION"));
        driver["version"] = "VERSION".into();
        for rule in driver["rules"].as_array_mut().unwrap() {
            // The pages themselves have tests of their own.
            let title = format!("# {}\n", rule["id"].as_str().unwrap());
            for form in ["text", "markdown"] {
                assert!(rule["help"][form].as_str().unwrap().starts_with(&title), "{rule}");
                rule["help"][form] = "PAGE".into();
            }
        }
        insta::assert_snapshot!("sarif", format!("{log:#}"));
    });
}

#[test]
fn whatever_is_said_fits_the_schemas() {
    let (lines, log) = (Schema::read("docs/check.schema.json"), Schema::read("tests/render/sarif.schema.json"));
    let mut said = 0;
    let mut judge = |files: &Files, params: &[(&str, &str)]| {
        let (graph, sources, report) = examined(files, params);
        let text = json::render(&report, &sources, graph.map(|graph| graph.len()));
        let values: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        values.iter().for_each(|value| lines.takes(value));
        let (summary, diagnostics) = values.split_last().unwrap();
        let count = |severity: &str| diagnostics.iter().filter(|value| value["severity"] == severity).count();
        assert_eq!(summary["summary"]["errors"], count("error"));
        assert_eq!(summary["summary"]["warnings"], count("warning"));
        assert_eq!(summary["summary"]["resources"].is_null(), count("error") > 0);
        for label in diagnostics.iter().flat_map(|value| value["labels"].as_array().unwrap()) {
            let source = sources.iter().find(|source| source.name == label["file"].as_str().unwrap()).unwrap();
            for end in ["start", "end"] {
                let at = |of: &str| usize::try_from(label[end][of].as_u64().unwrap()).unwrap();
                let before = &source.text.as_bytes()[..at("offset")];
                assert_eq!(at("line"), before.iter().filter(|byte| **byte == b'\n').count() + 1);
            }
        }

        let value: Value = serde_json::from_str(&as_sarif(&report, &sources)).unwrap();
        log.takes(&value);
        let run = &value["runs"][0];
        let (results, rules) = (run["results"].as_array().unwrap(), &run["tool"]["driver"]["rules"]);
        assert_eq!(results.len(), diagnostics.len());
        for (result, diagnostic) in results.iter().zip(diagnostics) {
            assert_eq!(result["ruleId"], diagnostic["code"]);
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], diagnostic["code"]);
        }
        said += results.len();
    };
    for files in fixtures() {
        judge(&files, &[]);
    }
    judge(&Files::written(SHOP), &[]);
    judge(&Files::main("param size: Int = 1; output size = size;"), &[("size", "three"), ("nothing", "x")]);
    judge(&Files::main(""), &[]);
    judge(&Files(Default::default()), &[]);
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/commands.md")).unwrap();
    let shown: Vec<&str> = page.lines().filter(|line| line.starts_with("{\"type\"")).collect();
    assert!(!shown.is_empty());
    shown.iter().for_each(|line| lines.takes(&serde_json::from_str(line).unwrap()));
    assert!(said > 60, "only {said} diagnostics were seen");
}

#[test]
fn no_secret_is_said() {
    let (graph, sources, report) = examined(&Files::written(SHOP), &[]);
    assert!(!report.secrets().is_empty());
    for text in [json::render(&report, &sources, graph.map(|graph| graph.len())), as_sarif(&report, &sources)] {
        assert!(text.contains("`key` is deprecated") && !text.contains("NotForAnybody"), "{text}");
    }
}

/// Of a diagnostic that has no place in a file of the user's.
#[test]
fn sarif_has_a_location_for_what_has_no_place() {
    let log = Schema::read("tests/render/sarif.schema.json");
    let mut sources = Sources::default();
    let library =
        Span::new(sources.add_from(Origin::Library, "stdlib/core.cloud", "Data extends Component { }\n"), 0, 4);
    let argument = Span::new(sources.add_from(Origin::Given, "--set size", "three"), 0, 5);
    let file = Span::new(sources.add("in/the shop.cloud", "size: Int;\n"), 0, 4);
    let location = |result: &Value| result["locations"][0]["physicalLocation"].clone();
    for (spans, uri, related) in [
        (&[][..], "in/the%20shop.cloud", &[][..]),
        (&[argument], "in/the%20shop.cloud", &[]),
        (&[library], "in/the%20shop.cloud", &["stdlib/core.cloud"]),
        (&[library, file, file, library], "in/the%20shop.cloud", &["stdlib/core.cloud"]),
    ] {
        let mut report = Report::default();
        let diagnostic = Diagnostic::error("cloud::some::code", "something is wrong");
        report.push(spans.iter().fold(diagnostic, |diagnostic, span| diagnostic.label(*span, "here")));
        let value: Value = serde_json::from_str(&as_sarif(&report, &sources)).unwrap();
        log.takes(&value);
        let result = &value["runs"][0]["results"][0];
        assert_eq!(location(result)["artifactLocation"]["uri"], uri);
        let empty = Vec::new();
        let others = result["relatedLocations"].as_array().unwrap_or(&empty);
        let others: Vec<&str> =
            others.iter().map(|other| other["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap()).collect();
        assert_eq!(others, related);
    }
    let mut report = Report::default();
    report.push(Diagnostic::error("cloud::file::missing", "there is no file or directory `shop`"));
    let value: Value = serde_json::from_str(&as_sarif(&report, &Sources::default())).unwrap();
    log.takes(&value);
    assert_eq!(location(&value["runs"][0]["results"][0])["artifactLocation"]["uri"], "shop");
}

#[test]
fn fingerprints_stay_when_lines_move() {
    let prints = |text: &str| -> Vec<String> {
        let (_, sources, report) = examined(&Files::main(text), &[]);
        let value: Value = serde_json::from_str(&as_sarif(&report, &sources)).unwrap();
        let results = value["runs"][0]["results"].as_array().unwrap();
        results.iter().map(|result| result["partialFingerprints"].to_string()).collect()
    };
    let text = "a extends TransientS3Bucket { buckt \"one\"; }\nb extends TransientS3Bucket { buckt \"two\"; }\n";
    let (here, moved) = (prints(text), prints(&format!("// A line.\n\n{}", text.replace("{ ", "{\n    "))));
    assert_eq!(here, moved);
    let distinct: std::collections::HashSet<&String> = here.iter().collect();
    assert_eq!(distinct.len(), here.len(), "{here:?}");
    assert!(here.len() >= 2);
}

/// Ten thousand places in a file of five megabytes, all on one line or on lines of their own.
#[test]
fn many_places_in_a_large_file_cost_one_walk_through_it() {
    for line in ["größe 1; /* 0123456789 */ ", "größe 1;\n// 0123456789 0123456\n"] {
        let text = line.repeat((5 << 20) / line.len());
        let (mut sources, mut report) = (Sources::default(), Report::default());
        let id = sources.add("main.cloud", text.as_str());
        let step = text.len() / line.len() / 10_000 * line.len();
        let spans: Vec<Span> = (0..10_000).map(|at| Span::new(id, at * step, at * step + 7)).collect();
        for hundred in spans.chunks(100) {
            let warning = Diagnostic::warning("cloud::some::code", "something");
            report.push(hundred.iter().fold(warning, |warning, span| warning.label(*span, "here")));
            hundred.iter().for_each(|span| report.hide(*span));
        }
        let began = cpu();
        sources.hide(report.secrets());
        let lines = json::render(&report, &sources, None);
        let log = as_sarif(&report, &sources);
        let took = cpu() - began;
        assert_eq!(lines.lines().count(), 101);
        assert_eq!(lines.matches("\"here\"").count(), 10_000);
        assert!(log.len() > 10_000 * 100);
        // A walk for each place would take minutes.
        assert!(took < Duration::from_secs(10), "{took:?}");
    }
}
