//! The one layout of programs: what it looks like (`tests/fmt/*.cloud`), that it changes nothing but the
//! layout, and the command that writes it.

mod program;

use std::path::PathBuf;

use crate::cli::Tadpole;
use proptest::prelude::*;
use tadpole::diagnostic::Report;
use tadpole::source::Sources;
use tadpole::syntax;

/// The layout of a text, if it parses.
fn formatted(text: &str) -> Option<String> {
    let (mut sources, mut report) = (Sources::default(), Report::default());
    let source = sources.add("main.cloud", text);
    syntax::format(source, text, &mut report)
}

/// The tree of a text without its spans.
fn tree(text: &str) -> Result<String, String> {
    let (mut sources, mut report) = (Sources::default(), Report::default());
    let source = sources.add("main.cloud", text);
    let file = syntax::parse(source, text, &mut report).ok_or_else(|| format!("{:?}", report.sorted()))?;
    let span = regex::Regex::new(r"\b\d+:\d+\.\.\d+").unwrap();
    Ok(span.replace_all(&format!("{file:?}"), "").into_owned())
}

/// The comments outside texts, without the blanks at the ends of their lines.
fn comments(text: &str) -> Vec<String> {
    let mut comments = Vec::new();
    // What is open: a text by its quotes, and `{` for braces, also those of a `${`.
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let mut length = first.len_utf8();
        if let Some(quotes) = open.last().filter(|open| **open != "{").copied() {
            if let Some(escaped) = rest.strip_prefix('\\') {
                length += escaped.chars().next().map_or(0, char::len_utf8);
            } else if rest.starts_with(quotes) {
                open.pop();
                length = quotes.len();
            } else if rest.starts_with("${") {
                open.push("{");
                length = 2;
            }
        } else if rest.starts_with("//") || rest.starts_with("/*") {
            length = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else {
                rest[2..].find("*/").unwrap() + 4
            };
            if open.iter().all(|open| *open == "{") {
                let lines = rest[..length].lines().map(str::trim);
                comments.push(lines.collect::<Vec<_>>().join("\n"));
            }
        } else if let Some(quotes) = ["\"\"\"", "\""].into_iter().find(|quotes| rest.starts_with(quotes)) {
            open.push(quotes);
            length = quotes.len();
        } else if first == '{' {
            open.push("{");
        } else if first == '}' {
            open.pop();
        }
        rest = &rest[length..];
    }
    comments
}

/// What holds of the layout of whatever parses; whether this does.
fn holds(text: &str) -> Result<bool, String> {
    let Ok(before) = tree(text) else { return Ok(false) };
    let out = formatted(text).ok_or("it parses and has no layout")?;
    let wrong = |what: &str| Err(format!("{what}\n──── before\n{text}\n──── after\n{out}\n────"));
    match tree(&out) {
        Err(error) => return wrong(&format!("it does not parse any more: {error}")),
        Ok(after) if before != after => return wrong(&differ("it means something else", &before, &after)),
        Ok(_) => {}
    }
    if comments(text) != comments(&out) {
        return wrong("comments differ");
    }
    let again = formatted(&out).ok_or("it parses and has no layout")?;
    if again != out {
        return wrong(&differ("it changes again", &out, &again));
    }
    if !out.is_empty() && (!out.ends_with('\n') || out.ends_with("\n\n") || out.starts_with('\n')) {
        return wrong("empty lines at an end");
    }
    Ok(true)
}

/// Where two texts differ.
fn differ(what: &str, one: &str, other: &str) -> String {
    let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
    let around = |text: &str| text.chars().skip(same.saturating_sub(200)).take(400).collect::<String>();
    format!("{what}:\n──── ...{}...\n──── ...{}...", around(one), around(other))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every program of the repository: fixtures, examples, the library, the documentation.
fn programs() -> Vec<(String, String)> {
    let mut programs = Vec::new();
    let mut directories: Vec<PathBuf> =
        ["tests", "examples", "stdlib", "docs"].iter().map(|name| root().join(name)).collect();
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.display().to_string();
            if path.is_dir() {
                directories.push(path);
            } else if name.ends_with(".cloud") || name.ends_with(".cloudvars") {
                let text = std::fs::read_to_string(&path).unwrap();
                // A fixture may hold several files.
                programs.extend(text.split("//@ file ").map(|text| (name.clone(), text.to_string())));
                programs.push((name, text));
            } else if name.ends_with(".md") {
                let text = std::fs::read_to_string(&path).unwrap();
                programs.extend(text.split("```cloud\n").skip(1).map(|block| {
                    let block = block.split("```").next().unwrap();
                    (name.clone(), block.to_string())
                }));
            }
        }
    }
    programs.sort();
    programs.dedup();
    programs
}

/// The texts of [`programs`] that parse.
fn seeds() -> &'static [String] {
    static SEEDS: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    SEEDS.get_or_init(|| programs().into_iter().map(|(_, text)| text).filter(|text| tree(text).is_ok()).collect())
}

#[test]
fn what_it_looks_like() {
    insta::glob!("fmt/*.cloud", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let out = formatted(&text).unwrap_or_else(|| panic!("{} does not parse", path.display()));
        let shown = format!("{text}────\n{out}");
        insta::with_settings!({ snapshot_path => "fmt", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!("formatted", shown);
        });
    });
}

#[test]
fn lines_end_as_on_every_other_machine() {
    let text = "\u{feff}/// d\r\na extends T {\r\n\tb 1;\t// one  \r\n\r\n\r\n\t/*\r\n\t * two\r\n\t */\r\n}\r\n";
    let expected = "/// d\na extends T {\n    b 1; // one\n\n    /*\n     * two\n     */\n}\n";
    assert_eq!(formatted(text).unwrap(), expected);
    // In a text too, where they mean nothing.
    let block = "a \"\"\"\r\n    one\r\n    \ttwo  \r\n    \"\"\";\n";
    assert_eq!(formatted(block).unwrap(), block.replace('\r', ""));
}

/// What random programs have found.
#[test]
fn what_once_went_wrong() {
    for text in [
        "a f(b, c\n/* ahead */ );",
        "a { }\n/* ahead */ ;\nb 1;",
        "a { }\n/// alone\n;\nb 1;",
        "a { } // behind\n; /// behind\nb 1;",
        "a 1 // behind\n; /// behind\nb 1;",
        "a 1 // behind\n;/* two\n lines */ b 1;",
        "a 1\n/* ahead */ // behind\n;\nb 1;",
        "type T = Int in - // within\n5..6;",
        "fn f /* behind */\n(aRatherLongNameForSomething: TransientS3Bucket /* behind */\n): \"a \\\" b\" | /* behind */\n\"x\" = a;",
    ] {
        assert_eq!(holds(text), Ok(true), "{text}");
    }
}

#[test]
fn what_is_deep_or_long_is_laid_out() {
    for text in [
        format!("a {}{};", "[".repeat(190), "]".repeat(190)),
        format!("{}{}", "a { ".repeat(195), "}".repeat(195)),
        format!("a {}1{};", "(".repeat(190), format!("{})", "+1".repeat(900)).repeat(190)),
        format!("a {}1{};", format!("{}(", "-".repeat(900)).repeat(190), ")".repeat(190)),
        format!("a {}b{};", "(".repeat(190), format!("{})", ".c".repeat(900)).repeat(190)),
        format!("a {}1{};", "if true then ".repeat(190), " else 2".repeat(190)),
        format!("a {}1;", "if true then 1 else ".repeat(190)),
        format!("a: {}T{};", "[".repeat(190), "]".repeat(190)),
    ] {
        let out = formatted(&text).unwrap();
        assert!(formatted(&out).is_some_and(|again| again == out), "{}...", &text[..20]);
    }
}

#[test]
fn layout_is_all_that_changes() {
    let mut seen = 0;
    for (name, text) in programs() {
        match holds(&text) {
            Ok(parses) => seen += usize::from(parses),
            Err(wrong) => panic!("{name}: {wrong}"),
        }
    }
    assert!(seen > 80, "only {seen} programs parse");
}

#[test]
fn our_own_programs_have_it() {
    for directory in ["stdlib", "examples"] {
        for (name, text) in programs().iter().filter(|(name, _)| name.contains(&format!("/{directory}/"))) {
            let out = formatted(text).unwrap_or_else(|| panic!("{name} does not parse"));
            assert!(text == &out, "{name} is not in its layout: run `tadpole fmt {directory}`");
        }
    }
}

/// More with `TADPOLE_CASES`, as `docs/testing.md` says.
fn cases() -> u32 {
    std::env::var("TADPOLE_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(300)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn made_programs_keep_all_but_their_layout(
        choices in prop::collection::vec(any::<u8>(), 0..250),
        between in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        let text = program::program(&choices, &between);
        match holds(&text) {
            Ok(parses) => prop_assert!(parses, "this does not parse: {:?}\n{}", tree(&text), text),
            Err(wrong) => prop_assert!(false, "{}", wrong),
        }
    }

    #[test]
    fn changed_programs_keep_all_but_their_layout(
        seed in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(program::PIECES.to_vec())), 1..6),
    ) {
        let mut text = seed.get(seeds()).clone();
        for (at, piece) in changes {
            // Between two words or signs, where it has a chance to parse.
            let places: Vec<usize> = text
                .match_indices([' ', '\n', ';', '{', '}', '[', ']', '(', ')', ',', ':'])
                .flat_map(|(at, sign)| [at, at + sign.len()])
                .collect();
            if let Some(place) = (!places.is_empty()).then(|| places[at.index(places.len())]) {
                text.insert_str(place, piece);
            }
        }
        if let Err(wrong) = holds(&text) {
            prop_assert!(false, "{}", wrong);
        }
    }
}

// ---- the command

const UGLY: &str = "a  1;\n";
const PRETTY: &str = "a 1;\n";

/// A directory with these files.
fn directory(files: &[(&str, &str)]) -> (tempfile::TempDir, Tadpole) {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let tadpole = Tadpole::new(directory.path());
    (directory, tadpole)
}

#[test]
fn it_writes_what_differs_and_names_it() {
    let (directory, tadpole) = directory(&[
        ("main.cloud", UGLY),
        ("good.cloud", PRETTY),
        ("prod.cloudvars", UGLY),
        ("deep/er/web.cloud", UGLY),
        ("notes.md", UGLY),
        (".tadpole/x.cloud", UGLY),
        (".hidden.cloud", UGLY),
        ("target/x.cloud", UGLY),
        ("node_modules/x.cloud", UGLY),
    ]);
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
    let good = || std::fs::metadata(directory.path().join("good.cloud")).unwrap().modified().unwrap();
    let modified = good();

    let check = tadpole.run(&["fmt", "--check"]);
    assert_eq!((check.code, check.out.as_str()), (1, "deep/er/web.cloud\nmain.cloud\nprod.cloudvars\n"));
    assert!(check.err.contains("3 of 4 files would change"), "{}", check.err);
    assert_eq!(read("main.cloud"), UGLY);

    let run = tadpole.run(&["fmt"]);
    assert_eq!((run.code, run.out, run.err.as_str()), (0, check.out, ""));
    for (name, text) in [
        ("main.cloud", PRETTY),
        ("prod.cloudvars", PRETTY),
        ("deep/er/web.cloud", PRETTY),
        ("notes.md", UGLY),
        (".tadpole/x.cloud", UGLY),
        (".hidden.cloud", UGLY),
        ("target/x.cloud", UGLY),
    ] {
        assert_eq!(read(name), text, "{name}");
    }
    assert_eq!(good(), modified, "a file that has its layout is written");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 9, "something is left behind");

    for arguments in [&["fmt"][..], &["fmt", "--check"]] {
        let again = tadpole.run(arguments);
        assert_eq!((again.code, again.out.as_str(), again.err.as_str()), (0, "", ""));
    }
    // What is named is done, whatever it is called.
    let named = tadpole.run(&["fmt", "notes.md", ".tadpole", "./target/x.cloud", "target"]);
    assert_eq!(
        (named.code, named.out.as_str()),
        (0, "notes.md\n.tadpole/x.cloud\n./target/x.cloud\n"),
        "{}",
        named.err
    );
}

#[test]
fn what_cannot_be_done_is_said_and_the_rest_is_done() {
    let (directory, tadpole) = directory(&[
        ("a/broken.cloud", "a {"),
        ("a/main.cloud", UGLY),
        ("b/main.cloud", UGLY),
        ("empty/notes.md", ""),
        ("latin.cloud", PRETTY),
    ]);
    std::fs::write(directory.path().join("latin.cloud"), b"a \"\xe9\";").unwrap();
    let run = tadpole.run(&["fmt", "a", "nowhere", "empty", "latin.cloud", "b", "b/main.cloud"]);
    assert_eq!((run.code, run.out.as_str()), (1, "a/main.cloud\nb/main.cloud\n"), "{}", run.err);
    for said in [
        "[a/broken.cloud:1:3]",
        "there is no file or directory `nowhere`",
        "there is no `.cloud` or `.cloudvars` file in or below `empty`",
        "`latin.cloud` is not UTF-8",
    ] {
        assert!(run.err.contains(said), "`{said}` is missing in {}", run.err);
    }
    assert_eq!(std::fs::read_to_string(directory.path().join("a/broken.cloud")).unwrap(), "a {");
}

#[cfg(unix)]
#[test]
fn links_and_permissions_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (directory, tadpole) = directory(&[("real/main.cloud", UGLY), ("kept.cloud", UGLY)]);
    let path = |name: &str| directory.path().join(name);
    symlink("real/main.cloud", path("link.cloud")).unwrap();
    symlink(".", path("real/loop")).unwrap();
    symlink("nowhere", path("dangling.cloud")).unwrap();
    std::fs::set_permissions(path("real/main.cloud"), PermissionsExt::from_mode(0o640)).unwrap();
    std::fs::set_permissions(path("kept.cloud"), PermissionsExt::from_mode(0o444)).unwrap();

    let run = tadpole.run(&["fmt"]);
    assert_eq!((run.code, run.out.as_str()), (1, "link.cloud\n"), "{}", run.err);
    assert!(run.err.contains("`kept.cloud` cannot be written: it is read-only"), "{}", run.err);
    assert!(std::fs::symlink_metadata(path("link.cloud")).unwrap().is_symlink());
    assert_eq!(std::fs::read_to_string(path("real/main.cloud")).unwrap(), PRETTY);
    assert_eq!(std::fs::read_to_string(path("kept.cloud")).unwrap(), UGLY);
    let mode = |name: &str| std::fs::metadata(path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("real/main.cloud"), mode("kept.cloud")), (0o640, 0o444));
}

#[test]
fn it_filters() {
    use std::io::Write;
    let (_directory, tadpole) = directory(&[]);
    let filter = |arguments: &[&str], text: &str| {
        let mut command = tadpole.command(arguments);
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    assert_eq!(filter(&["fmt", "--stdin"], UGLY), (0, PRETTY.into(), String::new()));
    assert_eq!(filter(&["fmt", "--stdin"], PRETTY), (0, PRETTY.into(), String::new()));
    assert_eq!(filter(&["fmt", "--stdin", "--check"], UGLY).0, 1);
    assert_eq!(filter(&["fmt", "--stdin", "--check"], PRETTY), (0, String::new(), String::new()));
    let (code, out, err) = filter(&["fmt", "--stdin"], "a {");
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("this `{` is never closed"), "{err}");
    assert_eq!(tadpole.run(&["fmt", "--stdin", "a.cloud"]).code, 1);
}
