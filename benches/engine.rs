//! Whole commands on whole programs, by the clock: check, plan, apply, a plan with nothing to do, and
//! destroy, in the sandbox without latency and on a real disk. Where `terraform` is on the PATH, it does the
//! same with `terraform_data`, each of the same four fields. Prints a table in Markdown.

// A command that fails is a mistake in here: that is what `unwrap` says.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Only the program itself must live on when nobody listens.
#![allow(clippy::disallowed_macros)]

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Set, 100,000 resources are measured too (by tadpole alone: the peer takes hours).
const LARGE: &str = "TADPOLE_BENCH_LARGE";
/// The largest program that the peer is asked to apply.
const PEER_APPLIES: usize = 1_000;

/// Whether each layer of 100 refers to the one above.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Flat,
    Layered,
}

/// One kind of tool, and how it is called for each row.
struct Tool {
    name: &'static str,
    program: fn(usize, Shape) -> String,
    file: &'static str,
    /// Not timed: done once before.
    prepare: &'static [&'static str],
    rows: [(&'static str, &'static [&'static str]); 5],
}

const TADPOLE: Tool = Tool {
    name: "tadpole",
    program: cloud,
    file: "main.cloud",
    prepare: &[],
    rows: [
        ("check", &["check"]),
        ("plan", &["plan", "--sandbox"]),
        ("apply", &["apply", "--sandbox", "--yes"]),
        ("plan, nothing to do", &["plan", "--sandbox"]),
        ("destroy", &["destroy", "--sandbox", "--yes"]),
    ],
};

const TERRAFORM: Tool = Tool {
    name: "terraform",
    program: hcl,
    file: "main.tf",
    prepare: &["init", "-no-color"],
    rows: [
        ("check", &["validate", "-no-color"]),
        ("plan", &["plan", "-no-color", "-input=false"]),
        ("apply", &["apply", "-no-color", "-input=false", "-auto-approve"]),
        ("plan, nothing to do", &["plan", "-no-color", "-input=false"]),
        ("destroy", &["destroy", "-no-color", "-input=false", "-auto-approve"]),
    ],
};

fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let mut sizes = vec![1_000, 10_000];
    sizes.extend(std::env::var_os(LARGE).map(|_| 100_000));
    let columns: Vec<(usize, Shape)> =
        sizes.iter().flat_map(|size| [(*size, Shape::Flat), (*size, Shape::Layered)]).collect();
    println!("{}\n", machine());
    measure(&TADPOLE, env!("CARGO_BIN_EXE_tadpole"), &columns);
    if Command::new("terraform").arg("version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        let columns: Vec<(usize, Shape)> = columns.into_iter().filter(|(size, _)| *size <= 10_000).collect();
        measure(&TERRAFORM, "terraform", &columns);
    } else {
        println!("`terraform` is not on the PATH: it was not measured.");
    }
}

fn measure(tool: &Tool, binary: &str, columns: &[(usize, Shape)]) {
    let mut table = vec![vec![tool.name.to_string()]];
    table.extend(tool.rows.iter().map(|(name, _)| vec![name.to_string()]));
    for (size, shape) in columns {
        let word = if *shape == Shape::Flat { "flat" } else { "layered" };
        table[0].push(format!("{size} {word}"));
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(tool.file), (tool.program)(*size, *shape)).unwrap();
        if !tool.prepare.is_empty() {
            run(binary, tool.prepare, directory.path());
        }
        for (row, (name, arguments)) in tool.rows.iter().enumerate() {
            let writes = row >= 2;
            let cell = if tool.name != "tadpole" && writes && *size > PEER_APPLIES {
                "-".to_string()
            } else {
                eprintln!("{} {name}: {size} {word}", tool.name);
                let (took, peak) = run(binary, arguments, directory.path());
                format!("{:.2} s, {} MB", took.as_secs_f64(), peak / 1024)
            };
            table[row + 1].push(cell);
        }
    }
    for (at, row) in table.iter().enumerate() {
        println!("| {} |", row.join(" | "));
        if at == 0 {
            println!("|{}", "---|".repeat(row.len()));
        }
    }
    println!();
}

/// How long a command took, and the most memory that it had, in KiB.
fn run(binary: &str, arguments: &[&str], directory: &Path) -> (Duration, u64) {
    let errors = directory.join("errors.txt");
    let began = Instant::now();
    let mut child = Command::new(binary)
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&errors).unwrap())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let ended = loop {
        // The kernel keeps the peak itself, for as long as the process is there.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(peak);
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let took = began.elapsed();
    assert!(ended.success(), "{arguments:?}: {}", std::fs::read_to_string(&errors).unwrap());
    (took, peak)
}

/// What it was measured on.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let (cpus, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    let kib: u64 = memory.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let date = jiff::Timestamp::now().strftime("%Y-%m-%d");
    format!("{date}, {cores} cores ({}), {} GB of memory.", model.unwrap_or("unknown"), kib >> 20)
}

/// The numbers of those in the layer above that a resource refers to.
fn above(at: usize, shape: Shape) -> Option<[usize; 2]> {
    let (layer, place) = (at / 100, at % 100);
    let first = (layer.checked_sub(1)?) * 100;
    (shape == Shape::Layered).then_some([first + place, first + (place + 37) % 100])
}

fn cloud(size: usize, shape: Shape) -> String {
    let mut text = "Item extends Resource {\n    kind \"bench.Item\";\n    name: String;\n    size: Int;\n    \
                    note: String;\n    above: [String];\n    itemId: String, computed;\n}\n"
        .to_string();
    for at in 0..size {
        let above = above(at, shape).map(|above| above.map(|other| format!("item{other}.itemId")).join(", "));
        let above = above.unwrap_or_default();
        let size = at % 7;
        let _ = writeln!(
            text,
            "item{at} extends Item {{ name \"item-{at}\"; size {size}; note \"a note about {at}\"; above [{above}]; }}"
        );
    }
    text
}

fn hcl(size: usize, shape: Shape) -> String {
    let mut text = String::new();
    for at in 0..size {
        let above =
            above(at, shape).map(|above| above.map(|other| format!("terraform_data.item{other}.id")).join(", "));
        let above = above.unwrap_or_default();
        let size = at % 7;
        let _ = writeln!(
            text,
            "resource \"terraform_data\" \"item{at}\" {{\n  input = {{\n    name = \"item-{at}\"\n    size = {size}\n    \
             note = \"a note about {at}\"\n    above = [{above}]\n  }}\n}}"
        );
    }
    text
}
