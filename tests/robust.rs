//! Whatever a file contains, the compiler answers: no panic, no overflow, no end of memory.

use std::sync::LazyLock;

use proptest::prelude::*;

use crate::world::{Files, compiled};

/// Programs to mutate: every fixture, every example, the standard library.
static SEEDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seeds = Vec::new();
    for directory in ["tests/check", "tests/gallery", "tests/apply", "examples/smartfrog", "stdlib", "stdlib/aws"] {
        for entry in std::fs::read_dir(root.join(directory)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "cloud") {
                seeds.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }
    assert!(seeds.len() > 20);
    seeds
});

/// Pieces of the language, to be thrown at one another.
const PIECES: [&str; 60] = [
    "a",
    "b",
    "x",
    "Web",
    "S3Bucket",
    "TransientS3Bucket",
    "PUT",
    " extends ",
    " if ",
    " then ",
    " else ",
    " for ",
    " in ",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ";",
    ":",
    ",",
    ".",
    "..",
    "...",
    "?.",
    "??",
    "=",
    "==",
    "+",
    "-",
    "*",
    "/",
    "\"",
    "${",
    "}",
    "12",
    "30s",
    "null",
    "super",
    "fn f(a: Int) = ",
    " formerly ",
    "type T = ",
    " is cidr",
    "import \"net\";",
    "param p: ",
    "output o = ",
    "template(\"t\", ",
    "f(",
    "Upstream",
    "[*]",
    "\"\"\"",
    // And of others.
    "'",
    "#",
    " ? ",
    "<<EOF",
    "“",
    "\n - ",
    "const x = new ",
    "resource \"a\" \"b\" {",
];

fn answers(text: &str) {
    // The reports themselves are rendered too: their spans must lie in the text.
    let _ = compiled(&Files::written(text), &[]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_is_answered(text in "\\PC{0,200}") {
        answers(&text);
    }

    #[test]
    fn pieces_in_any_order_are_answered(pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..60)) {
        answers(&pieces.concat());
    }

    #[test]
    fn changed_programs_are_answered(
        seed in any::<prop::sample::Index>(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), prop::sample::select(PIECES.to_vec())), 1..5),
    ) {
        let mut text: Vec<char> = seed.get(&SEEDS).chars().collect();
        for (from, length, piece) in cuts {
            let from = from.index(text.len() + 1);
            let to = (from + length.index(12)).min(text.len());
            text.splice(from..to, piece.chars());
        }
        answers(&text.into_iter().collect::<String>());
    }
}

/// More with `TADPOLE_CASES`, as `docs/testing.md` says.
fn cases() -> u32 {
    std::env::var("TADPOLE_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(300)
}

/// Inputs that are cheap to write and expensive to read.
#[test]
fn bombs_are_refused() {
    let doubling = |first: &str, next: fn(usize) -> String| -> String {
        std::iter::once(first.to_string()).chain((1..60).map(next)).collect()
    };
    let bombs = [
        ("brackets", format!("a {}{};", "[".repeat(10_000), "]".repeat(10_000)), "cloud::limit::depth"),
        ("blocks", format!("{}{}", "a {".repeat(10_000), "}".repeat(10_000)), "cloud::limit::depth"),
        (
            "conditions",
            format!("a {}1{};", "if true then ".repeat(10_000), " else 2".repeat(10_000)),
            "cloud::limit::depth",
        ),
        ("alternatives", format!("a {}1;", "if true then 1 else ".repeat(10_000)), "cloud::limit::depth"),
        ("blocks in conditions", format!("a {}1;", "if true then {} else ".repeat(10_000)), "cloud::limit::depth"),
        ("interpolation", format!("a {}1{};", "\"${".repeat(5_000), "}\"".repeat(5_000)), "cloud::limit::depth"),
        ("signs", format!("a {}1;", "-".repeat(100_000)), "cloud::limit::chain"),
        ("sums", format!("a 1{};", "+1".repeat(100_000)), "cloud::limit::chain"),
        ("accesses", format!("a b{};", ".c".repeat(100_000)), "cloud::limit::chain"),
        ("open", "a { a ".repeat(150), "cloud::syntax::unclosed"),
        ("open text", "a \"abc;\nb 1;\n".to_string(), "cloud::syntax::unclosed"),
        ("itself", "A extends A { }".to_string(), "cloud::template::cycle"),
        (
            "in itself",
            "D extends Compound { d extends D { } } x extends D { }".to_string(),
            "cloud::template::recursion",
        ),
        (
            "a long range",
            "x[i in 0..100000000] extends TransientS3Bucket { bucket \"abc${i}\"; }".to_string(),
            "cloud::value::impossible",
        ),
        (
            "texts",
            doubling("a0 \"0123456789abcdef\";", |i| format!("a{i} \"${{a{0}}}${{a{0}}}\";", i - 1)),
            "cloud::value::impossible",
        ),
        ("lists", doubling("a0 [1, 2];", |i| format!("a{i} [...a{0}, ...a{0}];", i - 1)), "cloud::limit::elements"),
        ("lists in lists", doubling("a0 [1, 2];", |i| format!("a{i} [a{0}, a{0}];", i - 1)), "cloud::limit::elements"),
        ("loops in loops", "a [for i in 0..1000000: [for j in 0..1000000: 1]];".to_string(), "cloud::limit::elements"),
        (
            "references",
            (1..20_000).map(|i| format!("a{} a{i};", i - 1)).chain(["a19999 1;".into()]).collect(),
            "cloud::limit::references",
        ),
        (
            "groups in groups",
            (0..2000).map(|i| format!("T{i} extends Compound {{ t extends T{} {{ }} }}", i + 1)).collect::<String>()
                + "T2000 extends Compound { } x extends T0 { }",
            "cloud::limit::nesting",
        ),
        ("empty", String::new(), "cloud::file::empty"),
    ];
    for (name, text, code) in bombs {
        let (graph, said) = compiled(&Files::main(&text), &[]);
        assert!(graph.is_none(), "{name} is accepted");
        assert!(said.contains(code), "{name}: {}", &said[..said.len().min(2000)]);
        let widest = said.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        assert!(widest < 500, "{name}: a line of {widest} columns");
    }
}

/// What doubles with each of many templates is evaluated once for each.
#[test]
fn what_is_inherited_may_be_asked_for_twice() {
    let chain: String = (1..100).map(|i| format!("A{i} extends A{} {{ x super + super; }}\n", i - 1)).collect();
    let (graph, said) =
        compiled(&Files::main(&format!("A0 extends Data {{ x: Int = 0; }}\n{chain}a extends A99 {{ }}")), &[]);
    assert!(graph.is_some(), "{said}");
}

#[test]
fn a_long_chain_of_templates_is_refused() {
    let chain: String = (1..1000).map(|i| format!("A{i} extends A{} {{ }}\n", i - 1)).collect();
    let (graph, said) = compiled(&Files::main(&format!("A0 extends Data {{ }}\n{chain}")), &[]);
    assert!(graph.is_none() && said.contains("cloud::limit::lineage"), "{said}");
}

/// Lines that double what they name, and files of nothing but items or mistakes, end with an error in little memory.
#[cfg(target_os = "linux")]
#[test]
fn what_doubles_or_goes_on_for_ever_ends_in_little_memory() {
    let doubling = |count: usize, last: &str, line: fn(usize, usize) -> String| -> String {
        (0..count).map(|i| line(i, i + 1)).chain([last.to_string()]).collect()
    };
    let elements = "cloud::limit::elements";
    let bombs = [
        ("maps", doubling(40, "a40 { z 1; } output o = a0;", |i, n| format!("a{i} {{ x a{n}; y a{n}; }}\n")), elements),
        ("lists", doubling(40, "a40 [1]; output o = a0;", |i, n| format!("a{i} [a{n}, a{n}];\n")), elements),
        ("constants", doubling(40, "AA40 [1];", |i, n| format!("AA{i} {{ x AA{n}; y AA{n}; }}\n")), elements),
        (
            "unknown maps",
            doubling(40, "a40 b.arn; b extends TransientS3Bucket { bucket \"acme-b\"; }", |i, n| {
                format!("a{i} {{ x a{n}; y a{n}; }}\n")
            }),
            elements,
        ),
        (
            "variables",
            format!(
                "output o = {}a39{};",
                (0..40)
                    .map(|i| match i {
                        0 => "[for a0 in [[0]]: ".to_string(),
                        i => format!("[for a{i} in [[a{0}, a{0}]]: ", i - 1),
                    })
                    .collect::<String>(),
                "]".repeat(40)
            ),
            elements,
        ),
        (
            "values",
            doubling(25, "T25 extends Data { z: Int = 1; } output o = T0 { };", |i, n| {
                format!("T{i} extends Data {{ x: T{n} = T{n} {{ }}; y: T{n} = T{n} {{ }}; }}\n")
            }),
            elements,
        ),
        ("copies", "big [for i in 0..60: i]; x [for i in 0..1000000: big]; output o = length(x);".into(), elements),
        (
            "groups",
            doubling(25, "T25 extends Compound { } a extends T0 { }", |i, n| {
                format!("T{i} extends Compound {{ x extends T{n} {{ }} y extends T{n} {{ }} }}\n")
            }),
            "cloud::limit::components",
        ),
        ("components", "a[i in 1000000] extends Compound { }".into(), "cloud::limit::components"),
        ("items", format!("x [{}1;", "1,".repeat(5_000_000)), "cloud::limit::file"),
        ("statements", "x 1;\n".repeat(3_100_000), "cloud::limit::file"),
    ];
    for (name, text, code) in bombs {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("main.cloud"), text).unwrap();
        // Of addresses, some of which are for stacks and never used.
        let ran = std::process::Command::new("sh")
            .args(["-c", "ulimit -v 1200000; exec \"$0\" check", env!("CARGO_BIN_EXE_tadpole")])
            .current_dir(directory.path())
            // Else the allocator reserves a gigabyte of addresses at once, whatever is needed, where that fits.
            .env("MIMALLOC_ARENA_RESERVE", "65536")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.code() == Some(1) && said.contains(code), "{name}: {}", &said[..said.len().min(2000)]);
    }
}

#[test]
fn of_many_mistakes_the_first_hundred_are_shown() {
    let text: String = (0..1000).map(|i| format!("a{i} b{i};\n")).collect();
    let (graph, said) = compiled(&Files::main(&text), &[]);
    assert!(graph.is_none());
    assert_eq!(said.matches("error[").count(), 100);
    assert!(said.contains("900 more errors are not shown"), "{said}");
}

/// A mistake at the end of a line that is as long as a file may be.
#[test]
fn a_mistake_in_a_long_line_is_shown_with_what_is_around_it() {
    let text = format!("x \"{}\"; y 1 2; z \"{}\";\n", "a".repeat(10_000_000), "b".repeat(10_000_000));
    let (graph, said) = compiled(&Files::main(&text), &[]);
    assert!(graph.is_none() && said.contains("y 1 2;") && said.len() < 2000, "{}", &said[..said.len().min(2000)]);
}
