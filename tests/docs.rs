//! What the documentation shows is true: each of its programs compiles, and the README's numbers of
//! commands and flags exist.

use std::path::{Path, PathBuf};

use crate::cli::Tadpole;
use crate::world::{Files, compiled, given};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The README and every page of `docs/` and `docs/errors/`.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md"), root().join("CONTRIBUTING.md")];
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

#[test]
fn every_program_shown_compiles() {
    let mut seen = 0;
    for page in pages() {
        for (line, fence, block) in blocks(&page) {
            if fence == "cloud" {
                seen += 1;
                let (graph, said) = compiled(&Files::written(&block), &given(&block));
                assert!(graph.is_some(), "{}:{line}:\n{said}", page.display());
            }
        }
    }
    assert!(seen >= 10, "only {seen} programs were found");
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
                let help = tadpole.run(&[command, "--help"]);
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
