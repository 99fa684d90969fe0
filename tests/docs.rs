//! What the documentation shows is true: each of its programs compiles without a word, outputs have the
//! values that stand behind them (`output half = 7 / 2;   // 3`), commands and flags exist.
//!
//! In a program, `//@ file NAME` begins another file, `//@ set NAME=VALUE` gives a param its value, and
//! `//@ apply PROGRAM` applies another program before this one is looked at.

use std::path::{Path, PathBuf};

use tadpole::compile::{Inputs, compile};
use tadpole::diagnostic::Report;
use tadpole::graph::ResourceGraph;
use tadpole::model::term::Nothing;
use tadpole::source::Sources;

use crate::cli::Tadpole;
use crate::shown::is_message;
use crate::world::{Files, World, compiled, given};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The README, those of examples, and every page of `docs/` and `docs/errors/`.
pub fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md"), root().join("CONTRIBUTING.md")];
    let examples = std::fs::read_dir(root().join("examples")).unwrap();
    let examples = examples.map(|example| example.unwrap().path().join("README.md"));
    pages.extend(examples.filter(|page| page.exists()));
    let entries = ["docs", "docs/errors"].map(|folder| std::fs::read_dir(root().join(folder)).unwrap());
    for entry in entries.into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    pages
}

/// Fenced blocks of a page: the line of the fence, what the fence says, the text.
pub fn blocks(page: &Path) -> Vec<(usize, String, String)> {
    let text = std::fs::read_to_string(page).unwrap();
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String, String)> = None;
    for (number, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(fence)) => open = Some((number + 1, fence.trim().to_string(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((_, _, block)), None) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{}: a fence is never closed", page.display());
    blocks
}

/// A program on a page, and what is said of it.
pub fn compiled_block(block: &str) -> (Option<ResourceGraph>, String) {
    let mut files = Files::written(block);
    for program in block.lines().filter_map(|line| line.strip_prefix("//@ apply ")) {
        let (mut sources, mut report) = (Sources::default(), Report::default());
        let graph = compile(&Inputs::of(Path::new(program)), &files, &mut sources, &mut report);
        let world = World::new();
        world.apply(&graph.unwrap_or_else(|| panic!("`{program}` does not compile")));
        let outputs = serde_json::to_string(&world.state().outputs).unwrap();
        files.0.insert(format!("outputs:{program}:default").into(), outputs);
    }
    compiled(&files, &given(block))
}

#[test]
fn every_program_shown_compiles() {
    let value = regex::Regex::new(r"^output (\w+)\b.*;\s+// (.+)$").unwrap();
    let (mut programs, mut values) = (0, 0);
    for page in pages() {
        let blocks = blocks(&page);
        for (at, (line, fence, block)) in blocks.iter().enumerate() {
            if fence != "cloud" {
                continue;
            }
            let page = page.display();
            programs += 1;
            let (graph, said) = compiled_block(block);
            // What is said of it is shown behind it: `shown.rs` compares it.
            if blocks.get(at + 1).is_some_and(|(_, fence, text)| fence == "text" && is_message(text)) {
                assert!(!said.is_empty(), "{page}:{line}: nothing is said of this");
                continue;
            }
            assert_eq!(said, "", "{page}:{line}");
            let graph = graph.unwrap_or_else(|| panic!("{page}:{line}: no graph, and nothing is said"));
            for found in block.lines().filter_map(|line| value.captures(line)) {
                values += 1;
                let output = graph.outputs.iter().find(|output| output.name.as_str() == &found[1]).unwrap();
                let term = output.term.settle(&Nothing).unwrap();
                let later = &found[2] == "known after apply" && term.known().is_none();
                assert!(later || term.to_string() == found[2], "{page}:{line}: {} is {term}", &found[1]);
            }
        }
    }
    assert!(programs >= 10, "only {programs} programs were found");
    assert!(values > 50, "only {values} values of outputs were found");
}

#[test]
fn every_command_shown_exists() {
    let tadpole = Tadpole::new(&root());
    let mut seen = 0;
    for page in pages() {
        for (line, _, block) in blocks(&page) {
            for words in block.lines().filter_map(|line| line.trim_start_matches("$ ").strip_prefix("tadpole ")) {
                let words: Vec<&str> = words.split_whitespace().take_while(|word| !word.starts_with('#')).collect();
                let Some(command) = words.first().filter(|word| word.bytes().all(|b| b.is_ascii_lowercase())) else {
                    continue;
                };
                seen += 1;
                let mut help = tadpole.run(&[command, "--help"]);
                // A command may have commands of its own.
                if let Some(second) = words.get(1).filter(|word| help.out.contains(&format!("\n  {word} "))) {
                    help = tadpole.run(&[command, second, "--help"]);
                }
                assert_eq!(help.code, 0, "{}:{line}: there is no `tadpole {command}`", page.display());
                for flag in words.iter().filter(|word| word.starts_with("--")) {
                    let flag = flag.split('=').next().unwrap();
                    assert!(help.out.contains(flag), "{}:{line}: `tadpole {command}` has no {flag}", page.display());
                }
            }
        }
    }
    assert!(seen >= 5, "only {seen} commands were found");
}

/// The README's first command is the one that CI runs.
#[test]
fn the_two_commands_are_those_of_ci() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let ci = std::fs::read_to_string(root().join(".ci/run")).unwrap();
    for command in ["cargo run --no-default-features -- apply examples/smartfrog --sandbox --yes", "cargo test"] {
        for (name, text) in [("README.md", &readme), (".ci/run", &ci)] {
            assert!(text.lines().any(|line| line.trim() == command), "{name} does not have `{command}`");
        }
    }
}
