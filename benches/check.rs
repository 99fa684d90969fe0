//! Speed and memory of the front end: text to graph, as `tadpole check` does it, and the parser alone.
//! `docs/testing.md` says how to run it and what it gave.

// A program that does not compile is a mistake in here: that is what `unwrap` says.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Only the program itself must live on when nobody listens.
#![allow(clippy::disallowed_macros)]

mod programs;

use std::path::{Path, PathBuf};
use std::process::Command;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use programs::{Files, SHAPES};
use tadpole::compile::{Inputs, compile};
use tadpole::diagnostic::{Diagnostic, Report};
use tadpole::graph::ResourceGraph;
use tadpole::resolve::load::Loader;
use tadpole::source::Sources;
use tadpole::syntax::{self, File};
use tadpole::value::Fields;

/// Set, programs of 100,000 components are measured too.
const LARGE: &str = "TADPOLE_BENCH_LARGE";
/// `cargo bench --bench check -- --memory` shows how much memory each program takes instead.
const MEMORY: &str = "--memory";
/// What the child processes of that are called with, before a shape and a size.
const ONE: &str = "--one";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [ONE, shape, size] => one(shape, size.parse().unwrap()),
        arguments if arguments.contains(&MEMORY) => memory(),
        _ => divan::main(),
    }
}

fn sizes() -> impl Iterator<Item = usize> {
    [1_000, 10_000].into_iter().chain(std::env::var_os(LARGE).map(|_| 100_000))
}

/// Every shape in every size.
fn cases() -> Vec<String> {
    SHAPES.iter().flat_map(|shape| sizes().map(|size| format!("{} {size}", shape.name))).collect()
}

fn program(shape: &str, size: usize) -> Files {
    (SHAPES.iter().find(|known| known.name == shape).unwrap().program)(size)
}

struct Memory<'a>(&'a Files);

impl Loader for Memory<'_> {
    fn program(&self, _path: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
        Ok(self.0.iter().map(|(path, _)| path.clone()).collect())
    }

    fn read(&self, path: &Path) -> Result<String, Diagnostic> {
        let found = self.0.iter().find(|(known, _)| known == path);
        found.map(|(_, text)| text.clone()).ok_or_else(|| Diagnostic::error("bench", "no such file"))
    }

    fn variable(&self, _name: &str) -> Option<String> {
        None
    }

    fn outputs(&self, _program: &Path, _environment: &str) -> Result<Option<Fields>, Diagnostic> {
        Ok(None)
    }
}

/// The texts too, which the program needs for its messages.
fn compiled(files: &Files) -> (ResourceGraph, Sources) {
    let mut sources = Sources::default();
    let mut report = Report::default();
    let graph = compile(&Inputs::of(Path::new("")), &Memory(files), &mut sources, &mut report);
    (graph.unwrap_or_else(|| panic!("the program has errors: {:?}", report.sorted().first())), sources)
}

#[divan::bench(args = cases(), sample_count = 12, sample_size = 1)]
fn check(bencher: Bencher, case: &str) {
    let (shape, size) = case.split_once(' ').unwrap();
    let files = program(shape, size.parse().unwrap());
    bencher.counter(ItemsCount::new(compiled(&files).0.len())).bench(|| compiled(&files));
}

#[divan::bench(args = cases(), sample_count = 12, sample_size = 1)]
fn parse(bencher: Bencher, case: &str) {
    let (shape, size) = case.split_once(' ').unwrap();
    let files = program(shape, size.parse().unwrap());
    let bytes: usize = files.iter().map(|(_, text)| text.len()).sum();
    bencher.counter(BytesCount::new(bytes)).bench(|| parsed(&files));
}

fn parsed(files: &Files) -> Vec<File> {
    let mut sources = Sources::default();
    let mut report = Report::default();
    let parse = |(path, text): &(PathBuf, String)| {
        let source = sources.add(path.display().to_string(), text.as_str());
        syntax::parse(source, text, &mut report)
    };
    files.iter().filter_map(parse).collect()
}

/// What the start alone costs: the library, and one component.
#[divan::bench]
fn start() -> (ResourceGraph, Sources) {
    compiled(&vec![("main.cloud".into(), "a extends S3Bucket { bucket \"abc\"; }".into())])
}

/// Compiles one program, and says how much memory that took at most, in KiB.
fn one(shape: &str, size: usize) {
    let files = program(shape, size);
    let (graph, _sources) = compiled(&files);
    println!("{} {}", graph.len(), peak());
    // As when the program ends.
    std::process::exit(0);
}

/// The most memory that this process ever had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// One process a program: a peak does not go down again.
fn memory() {
    println!("{:<20} {:>10} {:>10} {:>12}", "program", "resources", "MB", "KB a resource");
    for case in cases() {
        let (shape, size) = case.split_once(' ').unwrap();
        let child = Command::new(std::env::current_exe().unwrap()).args([ONE, shape, size]).output().unwrap();
        let said = String::from_utf8(child.stdout).unwrap();
        let numbers: Vec<u64> = said.split_whitespace().map(|number| number.parse().unwrap()).collect();
        let &[resources, peak] = numbers.as_slice() else { panic!("{case}: {said:?}") };
        println!("{case:<20} {resources:>10} {:>10.1} {:>12.1}", peak as f64 / 1024.0, peak as f64 / resources as f64);
    }
}
