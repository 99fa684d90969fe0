//! Any program is compiled or refused, and whatever is said of it can be shown. A line `//@ file NAME`
//! starts another file, as in the fixtures.

#![no_main]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use libfuzzer_sys::fuzz_target;
use tadpole::cli::ui::{self, Look};
use tadpole::compile::{Inputs, compile};
use tadpole::diagnostic::{Diagnostic, Report};
use tadpole::resolve::load::Loader;
use tadpole::source::Sources;
use tadpole::value::Fields;

struct Files(BTreeMap<PathBuf, String>);

impl Loader for Files {
    fn program(&self, path: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
        let is_program = |file: &&PathBuf| {
            file.parent() == Some(path) && file.extension().is_some_and(|extension| extension == "cloud")
        };
        Ok(self.0.keys().filter(is_program).cloned().collect())
    }

    fn read(&self, path: &Path) -> Result<String, Diagnostic> {
        self.0.get(path).cloned().ok_or_else(|| Diagnostic::error("cloud::file::missing", "there is no such file"))
    }

    fn variable(&self, name: &str) -> Option<String> {
        (name == "PASSWORD").then(|| "hunter2".to_string())
    }

    fn outputs(&self, _program: &Path, environment: &str) -> Result<Option<Fields>, Diagnostic> {
        Ok((environment == "prod").then(Fields::new))
    }
}

fuzz_target!(|text: &str| {
    let mut files = BTreeMap::new();
    let (mut name, mut current) = (PathBuf::from("main.cloud"), String::new());
    for line in text.split_inclusive('\n') {
        if let Some(next) = line.strip_prefix("//@ file ") {
            files.insert(std::mem::replace(&mut name, next.trim().into()), std::mem::take(&mut current));
        } else {
            current.push_str(line);
        }
    }
    files.insert(name, current);
    let (mut sources, mut report) = (Sources::default(), Report::default());
    let graph = compile(&Inputs::of(Path::new("")), &Files(files), &mut sources, &mut report);
    assert_eq!(graph.is_none(), report.has_errors(), "a graph and errors exclude each other");
    sources.hide(report.secrets());
    let said = ui::render(&report, &sources, Look { colour: false, width: 100, live: false });
    assert!(!said.contains("hunter2") || text.contains("hunter2"), "a secret is shown");
});
