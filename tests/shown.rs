//! Tables, messages and terminal sessions in the documentation are what the code and the program give. With
//! `TADPOLE_UPDATE=1` they are written anew instead of compared.
//!
//! - Between `<!-- functions -->` and `<!-- end -->` stands the table of functions, and that of formats
//!   likewise.
//! - A block ```` ```text ```` that comes next to a program, and begins with `error[` or `warning[`, is what is
//!   said of that program.
//! - A block ```` ```console ```` is a session. Its commands run on the last program above it, in a directory
//!   that stays the same down the page; behind `console new` it is an empty one. A line `...` stands for any
//!   number of lines.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tadpole::model::{format, function};
use tempfile::TempDir;

use crate::docs::{blocks, compiled_block, pages};
use crate::world::{Files, steady};

/// Lines of a page, and what they must be.
struct Shown {
    place: Range<usize>,
    lines: Vec<String>,
}

#[test]
fn what_is_shown_is_what_comes() {
    let update = std::env::var_os("TADPOLE_UPDATE").is_some();
    let mut seen = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
        let mut all = tables(&page, &lines);
        all.extend(said_and_done(&page, &lines));
        seen += all.len();
        // From the end, so that the places before stay right.
        all.sort_by_key(|shown| std::cmp::Reverse(shown.place.start));
        for Shown { place, lines: new } in all {
            if steady(&lines[place.clone()].join("\n")) == steady(&new.join("\n")) {
                continue;
            }
            assert!(
                update,
                "{}:{} shows\n{}\nand what comes is\n{}\n(`TADPOLE_UPDATE=1` writes it anew)",
                page.display(),
                place.start + 1,
                lines[place].join("\n"),
                new.join("\n")
            );
            lines.splice(place, new);
        }
        let new = format!("{}\n", lines.join("\n"));
        if new != text {
            fs::write(&page, new).unwrap();
        }
    }
    assert!(seen > 20, "only {seen} tables, messages and sessions were found");
}

// ---- tables

fn tables(page: &Path, lines: &[String]) -> Vec<Shown> {
    let mut all = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let rows: Vec<String> = match line.as_str() {
            "<!-- functions -->" => {
                let row = |function: &function::Function| format!("| `{}` | {} |", function.signature(), function.doc);
                ["| function | gives |", "| --- | --- |"]
                    .map(str::to_string)
                    .into_iter()
                    .chain(function::TABLE.iter().map(row))
                    .collect()
            }
            "<!-- formats -->" => {
                let row = |format: &format::Format| format!("| `{}` | {} |", format.name, format.meaning);
                ["| format | takes |", "| --- | --- |"]
                    .map(str::to_string)
                    .into_iter()
                    .chain(format::TABLE.iter().map(row))
                    .collect()
            }
            _ => continue,
        };
        let end = lines[at..].iter().position(|line| line == "<!-- end -->");
        let end = end.unwrap_or_else(|| panic!("{}:{}: this table has no end", page.display(), at + 1));
        all.push(Shown { place: at + 1..at + end, lines: rows });
    }
    all
}

// ---- messages and sessions

fn said_and_done(page: &Path, lines: &[String]) -> Vec<Shown> {
    let mut all = Vec::new();
    let mut program = None;
    // Whether the block before was a program.
    let mut fresh = false;
    let mut room = Room::new();
    for (at, fence, block) in blocks(page) {
        let place = at..at + block.lines().count();
        match (fence.as_str(), &program) {
            ("cloud", _) => program = Some(block),
            ("text", Some(program)) if fresh && is_message(&block) => {
                let (_, said) = compiled_block(program);
                all.push(Shown { place, lines: said.trim().lines().map(str::to_string).collect() });
            }
            ("console" | "console new", Some(program)) => {
                if fence.ends_with("new") {
                    room = Room::new();
                }
                room.write(program);
                all.push(Shown { lines: room.session(&lines[place.clone()]), place });
            }
            _ => {}
        }
        fresh = fence == "cloud";
    }
    all
}

/// Whether a block shows what is said of a program.
pub fn is_message(block: &str) -> bool {
    block.starts_with("error[") || block.starts_with("warning[")
}

/// Where sessions take place.
struct Room {
    /// Inside another, so that there is room for `../network`.
    directory: PathBuf,
    _outer: TempDir,
}

impl Room {
    fn new() -> Room {
        let outer = tempfile::tempdir().unwrap();
        let directory = outer.path().join("shop");
        fs::create_dir(&directory).unwrap();
        // Both are of one repository.
        fs::create_dir(outer.path().join(".git")).unwrap();
        Room { directory, _outer: outer }
    }

    /// The files of a program, in place of those of the one before.
    fn write(&self, program: &str) {
        for entry in fs::read_dir(&self.directory).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "cloud") {
                fs::remove_file(path).unwrap();
            }
        }
        for (name, text) in Files::written(program).0 {
            let path = self.directory.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    /// The session as it goes when its commands are run: what is shown stays where it is right.
    fn session(&self, shown: &[String]) -> Vec<String> {
        let mut all = Vec::new();
        let mut rest = shown.iter().peekable();
        while let Some(command) = rest.next() {
            let typed = command.strip_prefix("$ ").unwrap_or_else(|| panic!("`{command}` is not a command"));
            let mut expected = Vec::new();
            while let Some(line) = rest.next_if(|line| !line.starts_with("$ ")) {
                expected.push(line.clone());
            }
            let blank = expected.last().is_some_and(String::is_empty);
            let came: Vec<String> = self.run(typed).trim_matches('\n').lines().map(str::to_string).collect();
            let expected: Vec<String> = expected.join("\n").trim_matches('\n').lines().map(str::to_string).collect();
            all.push(command.clone());
            all.extend(if matches(&settled(&expected), &settled(&came)) { expected } else { came });
            if blank {
                all.push(String::new());
            }
        }
        all
    }

    /// What a command puts on the terminal.
    fn run(&self, typed: &str) -> String {
        let own = Path::new(env!("CARGO_BIN_EXE_tadpole")).parent().unwrap();
        let others = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([own.to_path_buf()].into_iter().chain(std::env::split_paths(&others))).unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec 2>&1\n{typed}")]).current_dir(&self.directory).env("PATH", path);
        let output = shell.stdin(Stdio::null()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

// ---- what is the same

/// Without what differs from run to run: times, what was waited for, and the order in which things that do not wait for one
/// another are done. Nor do the numbers of the library's lines count, or the width of columns: `9 ms` and `0.1 s` make
/// different ones.
fn settled(lines: &[String]) -> Vec<String> {
    let time = regex::Regex::new(r"\b(\d+ min )?[0-9.]+ m?s$").unwrap();
    let columns = regex::Regex::new(r"(\S)  +").unwrap();
    let moment = regex::Regex::new(r"\b\d{4}-\d\d-\d\d \d\d:\d\d UTC").unwrap();
    let ago = regex::Regex::new(r"\b\d+ (s|min) ago").unwrap();
    // Processes and ports of this machine.
    let process = regex::Regex::new(r"\b\d+-\d+-[0-9a-f]{8}\b").unwrap();
    let port = regex::Regex::new(r"\b(127\.0\.0\.1:|LocalPort +|started |terminated |port +)[23]\d{4}\b").unwrap();
    let settle = |line: &String| {
        let line = process.replace_all(&steady(line.trim_end()), "1234-5678-9abcdef0").into_owned();
        let line = port.replace_all(&line, "${1}20000").into_owned();
        let line = columns.replace_all(&time.replace(&line, "0 ms"), "$1  ").into_owned();
        ago.replace_all(&moment.replace_all(&line, "2026-11-21 16:00 UTC"), "1 s ago").into_owned()
    };
    // What something waited for was seen or not, as it happens.
    let lines = lines.iter().filter(|line| !line.starts_with("   . "));
    let mut all: Vec<String> = lines.map(settle).collect();
    all.chunk_by_mut(|one, two| one.starts_with("   v ") && two.starts_with("   v ")).for_each(<[String]>::sort);
    all
}

/// Whether lines are as shown, where `...` stands for any number of them.
fn matches(shown: &[String], came: &[String]) -> bool {
    match shown.split_first() {
        None => came.is_empty(),
        Some((any, rest)) if any.trim() == "..." => (0..=came.len()).any(|skipped| matches(rest, &came[skipped..])),
        Some((first, rest)) => came.first() == Some(first) && matches(rest, &came[1..]),
    }
}

#[test]
fn dots_stand_for_any_lines() {
    let lines = |text: &str| text.split(' ').map(str::to_string).collect::<Vec<_>>();
    assert!(matches(&lines("a ... c"), &lines("a b b c")));
    assert!(matches(&lines("a ... c"), &lines("a c")));
    assert!(matches(&lines("a ..."), &lines("a b")));
    assert!(!matches(&lines("a ... c"), &lines("a b")));
    assert!(!matches(&lines("a b"), &lines("a b c")));
}
