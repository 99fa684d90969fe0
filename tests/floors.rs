//! The import rule of `src/lib.rs`: downward only, and an outside crate stays in its room.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(directory: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// The floor of each module, as `src/lib.rs` lists them.
fn floors() -> HashMap<String, usize> {
    let mut floors = HashMap::new();
    let mut floor = None;
    for line in fs::read_to_string(root().join("src/lib.rs")).unwrap().lines() {
        if let Some(rest) = line.strip_prefix("// floor ") {
            floor = Some(rest.split(':').next().unwrap().parse().unwrap());
        } else if let Some(module) = line.strip_prefix("pub mod ") {
            floors.insert(module.trim_end_matches(';').to_string(), floor.expect("a module below the first floor"));
        }
    }
    floors
}

/// Every source file with its module and the code outside comments and tests.
pub fn sources() -> Vec<(String, PathBuf, String)> {
    let mut files = Vec::new();
    rust_files(&root().join("src"), &mut files);
    let mut sources = Vec::new();
    for path in files {
        let relative = path.strip_prefix(root().join("src")).unwrap();
        let module = relative.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_string();
        if module == "lib" || module == "main" {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let code: String =
            code.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect();
        sources.push((module, path, code));
    }
    sources
}

#[test]
fn imports_go_down_only() {
    let floors = floors();
    let import = regex::Regex::new(r"\bcrate::([a-z_]+)").unwrap();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (module, path, code) in sources() {
        let here = *floors.get(&module).unwrap_or_else(|| panic!("`{module}` is not listed in src/lib.rs"));
        for found in import.captures_iter(&code) {
            seen += 1;
            let there = *floors.get(&found[1]).unwrap_or_else(|| panic!("`{}` is not listed in src/lib.rs", &found[1]));
            // Siblings of the top floors do not know each other.
            let sibling = here == there && here >= 7 && module != found[1];
            if there > here || sibling {
                wrong.push(format!("{}: floor {here} imports `{}` of floor {there}", path.display(), &found[1]));
            }
        }
    }
    assert!(seen > 100, "only {seen} imports were found: the test does not see them any more");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn outside_crates_stay_in_their_rooms() {
    /// A pattern of uses, and whether a file may have them.
    type Room = (&'static str, fn(&str) -> bool);
    let rooms: [Room; 15] = [
        (r"\bpest(_derive)?::", |path| path.ends_with("syntax/parser.rs")),
        (r"\bpetgraph::", |path| path.contains("src/graph/")),
        (r"\bmiette::", |path| path.ends_with("cli/ui.rs")),
        (r"\b(pulldown_cmark|textwrap)::", |path| path.ends_with("cli/markdown.rs")),
        (r"\bsimilar::", |path| path.contains("src/plan/")),
        (r"\binclude_dir::", |path| path.ends_with("cli/explain.rs")),
        (r"\breqwest::", |path| path.contains("src/action/")),
        (r"\bquick_junit::", |path| path.ends_with("cli/live/junit.rs")),
        (r"\bclap::", |path| path.contains("src/cli/")),
        (r"\brustyline::", |path| path.ends_with("cli/repl.rs")),
        (r"\bgranit_parser::", |path| path.ends_with("model/function/read.rs")),
        (r"\baws_[a-z0-9_]+::", |path| path.contains("src/aws/")),
        (r"\brustix::", |path| path.contains("src/local/") || path.ends_with("action/exec/group.rs")),
        (r"\b(simple_dns|resolv_conf)::", |path| path.contains("src/action/")),
        (r"\btokio::", |path| {
            ["apply", "action", "live", "sandbox", "local", "aws", "cli"]
                .iter()
                .any(|room| path.contains(&format!("src/{room}/")))
        }),
    ];
    let mut wrong = Vec::new();
    for (_, path, code) in sources() {
        let path = path.to_str().unwrap().to_string();
        for (pattern, allowed) in &rooms {
            if regex::Regex::new(pattern).unwrap().is_match(&code) && !allowed(&path) {
                wrong.push(format!("{path} uses {pattern}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_lives_there() {
    let silent: Vec<String> = sources()
        .into_iter()
        .filter(|(_, path, _)| !fs::read_to_string(path).unwrap().starts_with("//!"))
        .map(|(_, path, _)| path.display().to_string())
        .collect();
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}
