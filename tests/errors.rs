//! The pages of `docs/errors/`: every code has one, what is shown as wrong is refused with that code and no
//! other, and what is shown as right is accepted without a word.
//!
//! A block ```` ```cloud-bad ```` is compiled, as `check` does; behind `cloud-bad apply` it is applied in the
//! sandbox. The same holds for `cloud`. Lines `//@ file NAME` and `//@ set NAME=VALUE` are as in
//! [`Files::written`] and [`given`]; a line `//@ apply PROGRAM` has another program applied before.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use tadpole::cli::disk::Disk;
use tadpole::compile::{Inputs, compile};
use tadpole::diagnostic::Report;
use tadpole::source::Sources;
use tadpole::syntax::MAX_FILE;

use crate::cli::Tadpole;
use crate::docs::blocks;
use crate::floors::sources;
use crate::world::{Files, given};

type Codes = BTreeSet<String>;
/// A code, why no block can show it, and what shows it in an empty directory.
type Elsewhere = (&'static str, &'static str, fn(&Path) -> Codes);

/// Codes that no program on a page can show.
const ELSEWHERE: [Elsewhere; 13] = [
    ("cloud::command", "it is about a call, not a program", |directory| {
        fs::write(directory.join("main.cloud"), "web extends TransientS3Bucket { bucket \"acme-web\"; }\n").unwrap();
        ran(directory, &["show"])
    }),
    ("cloud::file::encoding", "pages are UTF-8", |directory| {
        fs::write(directory.join("main.cloud"), b"output name = \"caf\xe9\";\n").unwrap();
        said(directory, "")
    }),
    ("cloud::file::none", "a block is a file", |directory| said(directory, "")),
    ("cloud::limit::chain", "it is too long to print", |directory| {
        said_of(directory, &format!("output total = 1{};", " + 1".repeat(1001)))
    }),
    ("cloud::limit::depth", "it is too long to print", |directory| {
        said_of(directory, &format!("output nothing = {}{};", "[".repeat(201), "]".repeat(201)))
    }),
    ("cloud::limit::file", "it is too long to print", |directory| {
        fs::File::create(directory.join("backup.cloud")).unwrap().set_len(MAX_FILE + 1).unwrap();
        said(directory, "")
    }),
    ("cloud::limit::lineage", "it is too long to print", |directory| {
        let sites: String = (1..=200).map(|i| format!("Site{i} extends Site{} {{ }}\n", i - 1)).collect();
        said_of(directory, &format!("Site0 extends Data {{ }}\n{sites}"))
    }),
    ("cloud::limit::nesting", "it is too long to print", |directory| {
        let regions: String = (0..100)
            .map(|i| format!("Region{i} extends Compound {{ next extends Region{} {{ }} }}\n", i + 1))
            .collect();
        let last = "Region100 extends Compound { next extends TransientS3Bucket { bucket \"acme-last\"; } }\n";
        said_of(directory, &format!("{regions}{last}regions extends Region0 {{ }}\n"))
    }),
    ("cloud::plan::protected", "it takes two applies", |directory| {
        let write = |text: &str| fs::write(directory.join("main.cloud"), text).unwrap();
        write("media extends TransientS3Bucket { bucket \"acme-media\"; protected true; }");
        assert_eq!(ran(directory, &["apply", "--sandbox", "--yes"]), Codes::new());
        ran(directory, &["destroy", "--sandbox", "--yes"])
    }),
    ("cloud::plan::renamed", "it takes two applies", |directory| {
        let write = |text: &str| fs::write(directory.join("main.cloud"), text).unwrap();
        write("media extends TransientS3Bucket { bucket \"acme-media\"; }");
        assert_eq!(ran(directory, &["apply", "--sandbox", "--yes"]), Codes::new());
        write("films extends TransientS3Bucket { bucket \"acme-media\"; }");
        ran(directory, &["plan", "--sandbox"])
    }),
    ("cloud::plan::unrecorded", "it takes a record from a backup", |directory| {
        let disk = |size: u32| {
            let text = format!(
                "Disk extends Resource {{ kind \"acme.Disk\"; size: Int, immutable; }}\n\
                 data extends Disk {{ size {size}; terminateActions []; }}"
            );
            fs::write(directory.join("main.cloud"), text).unwrap();
            ran(directory, &["apply", "--sandbox", "--yes"])
        };
        disk(1);
        let record = directory.join(".tadpole/default/state.json");
        let backup = fs::read(&record).unwrap();
        disk(2);
        fs::write(&record, backup).unwrap();
        disk(2)
    }),
    ("cloud::plan::refused", "it takes two applies", |directory| {
        let write = |size: &str| {
            let text = format!("data extends TransientVolume {{ availabilityZone \"us-east-1a\"; size {size}; }}");
            fs::write(directory.join("main.cloud"), text).unwrap();
        };
        write("10GiB");
        assert_eq!(ran(directory, &["apply", "--sandbox", "--yes"]), Codes::new());
        write("8GiB");
        ran(directory, &["plan", "--sandbox"])
    }),
    ("cloud::limit::references", "it is too long to print", |directory| {
        let values: String = (0..5000).map(|i| format!("v{i} v{} + 1;\n", i + 1)).collect();
        said_of(directory, &format!("{values}v5000 1;\noutput first = v0;\n"))
    }),
];

struct Page {
    path: PathBuf,
    code: String,
    text: String,
}

fn pages() -> Vec<Page> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors");
    let mut pages = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let name = name.strip_suffix(".md").unwrap_or_else(|| panic!("{name} is not a page"));
        let code = format!("cloud::{}", name.replace('.', "::"));
        pages.push(Page { text: fs::read_to_string(&path).unwrap(), code, path });
    }
    pages.sort_by(|one, two| one.code.cmp(&two.code));
    pages
}

/// The codes of what compiling the files in a directory says.
fn said(directory: &Path, text: &str) -> Codes {
    let params = given(text).into_iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "cloudvars")).collect();
    let inputs = Inputs { params, files, ..Inputs::of(directory) };
    let mut report = Report::default();
    compile(&inputs, &Disk::typed(), &mut Sources::default(), &mut report);
    report.sorted().into_iter().map(|diagnostic| diagnostic.code.to_string()).collect()
}

/// As [`said`], of a program in one file.
fn said_of(directory: &Path, text: &str) -> Codes {
    fs::write(directory.join("main.cloud"), text).unwrap();
    said(directory, text)
}

/// The codes of what a command says.
fn ran(directory: &Path, arguments: &[&str]) -> Codes {
    let run = Tadpole::new(directory).run(arguments);
    let code = regex::Regex::new(r"(?m)^(?:error|warning)\[([a-z:]+)\]").unwrap();
    let codes: Codes = code.captures_iter(&run.err).map(|found| found[1].to_string()).collect();
    assert_eq!(run.code == 0, codes.is_empty(), "{arguments:?} ended with {}:\n{}", run.code, run.err);
    codes
}

/// The codes of what is said of a block.
fn shown(fence: &str, block: &str) -> Codes {
    let outer = tempfile::tempdir().unwrap();
    // Room for `../other`, in one repository.
    let directory = outer.path().join("program");
    fs::create_dir(&directory).unwrap();
    fs::create_dir(outer.path().join(".git")).unwrap();
    for (path, text) in Files::written(block).0 {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    for program in block.lines().filter_map(|line| line.strip_prefix("//@ apply ")) {
        assert_eq!(ran(&directory, &["apply", program, "--sandbox", "--yes"]), Codes::new(), "{block}");
    }
    let words: &[&str] = match fence.split_once(' ') {
        None => return said(&directory, block),
        Some((_, "plan")) => &["plan", "--sandbox"],
        Some((_, "apply")) => &["apply", "--sandbox", "--yes"],
        Some((_, other)) => panic!("no block is for `{other}`"),
    };
    assert!(given(block).is_empty(), "params are for what is compiled");
    ran(&directory, words)
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let code = regex::Regex::new(r#""(cloud(?:::[a-z]+)+)""#).unwrap();
    let mut used = BTreeMap::new();
    for (_, path, text) in sources() {
        used.extend(code.captures_iter(&text).map(|found| (found[1].to_string(), path.clone())));
    }
    assert!(used.len() > 60, "only {} codes were found: the test does not see them any more", used.len());
    let pages: Codes = pages().into_iter().map(|page| page.code).collect();
    let without: Vec<_> = used.iter().filter(|(code, _)| !pages.contains(*code)).collect();
    assert!(without.is_empty(), "codes without a page: {without:?}");
    let unused: Vec<_> = pages.iter().filter(|code| !used.contains_key(*code)).collect();
    assert!(unused.is_empty(), "pages of codes that nothing says: {unused:?}");
}

/// What `tadpole explain` and readers rely on: a title, one short sentence, what is wrong, what is right.
#[test]
fn pages_have_one_form() {
    for Page { path, code, text } in pages() {
        let page = path.display();
        let mut paragraphs = text.split("\n\n");
        assert_eq!(paragraphs.next(), Some(format!("# {code}").as_str()), "{page}");
        let summary = paragraphs.next().unwrap_or_default();
        assert!(summary.ends_with('.') && !summary.contains(". "), "{page}: `{summary}` is not one sentence");
        assert!(!summary.contains('\n') && summary.len() <= 70, "{page}: `{summary}` is not short");
        let headings: Vec<&str> = text.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(headings, ["## Wrong", "## Right"], "{page}");
        let (wrong, right) = text.split_once("## Right").unwrap();
        let (why, wrong) = wrong.split_once("## Wrong").unwrap();
        assert!(!why.contains("```") && wrong.contains("```"), "{page}: what is wrong is not shown");
        assert!(!right.contains("cloud-bad") && !wrong.contains("```cloud\n"), "{page}: shown in the wrong place");
        for (line, fence, _) in blocks(&path) {
            let known = ["cloud", "cloud-bad", "text"].contains(&fence.split(' ').next().unwrap());
            assert!(known, "{page}:{line}: a block of `{fence}`");
        }
    }
}

#[test]
fn what_is_wrong_is_refused_with_that_code_alone() {
    let mut elsewhere: BTreeMap<&str, _> = ELSEWHERE.iter().map(|(code, why, show)| (*code, (why, show))).collect();
    for page in pages() {
        let expected = Codes::from([page.code.clone()]);
        let blocks = blocks(&page.path).into_iter().filter(|(_, fence, _)| fence.starts_with("cloud-bad"));
        let mut seen = 0;
        for (line, fence, block) in blocks {
            seen += 1;
            assert_eq!(shown(&fence, &block), expected, "{}:{line}", page.path.display());
        }
        match (elsewhere.remove(page.code.as_str()), seen) {
            (None, 0) => panic!("{} shows nothing that is wrong", page.path.display()),
            (None, _) => {}
            (Some((_, show)), 0) => {
                assert_eq!(show(tempfile::tempdir().unwrap().path()), expected, "{}", page.code);
            }
            (Some((why, _)), _) => panic!("{} does show it, though {why}", page.path.display()),
        }
    }
    assert!(elsewhere.is_empty(), "there are no pages of {:?}", elsewhere.keys());
}

#[test]
fn what_is_right_is_accepted_without_a_word() {
    let mut seen = 0;
    for page in pages() {
        for (line, fence, block) in blocks(&page.path) {
            if fence.split(' ').next() == Some("cloud") {
                seen += 1;
                assert_eq!(shown(&fence, &block), Codes::new(), "{}:{line}", page.path.display());
            }
        }
    }
    assert!(seen > 60, "only {seen} were found");
}

#[test]
fn explain_shows_the_page_of_a_code() {
    let tadpole = Tadpole::new(Path::new(env!("CARGO_MANIFEST_DIR")));
    for written in ["cloud::type::mismatch", "type::mismatch", "type.mismatch"] {
        let run = tadpole.run(&["explain", written]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{written}");
        assert!(run.out.starts_with("cloud::type::mismatch\n\nA value is of another type"), "{}", run.out);
        assert!(run.out.contains("\nRight\n\n    patient extends Check"), "{}", run.out);
        assert!(!run.out.contains(['\u{1b}', '#']), "{}", run.out);
    }
    let run = tadpole.run(&["explain", "cloud::type::missmatch"]);
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert!(run.err.contains("did you mean `cloud::type::mismatch`?"), "{}", run.err);
}

/// Each in one line, so that it can be searched.
#[test]
fn explain_lists_all_codes() {
    let run = Tadpole::new(Path::new(env!("CARGO_MANIFEST_DIR"))).run(&["explain"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let lines: Vec<Vec<&str>> = run.out.lines().map(|line| line.splitn(2, "  ").map(str::trim).collect()).collect();
    let pages = pages();
    let expected: Vec<Vec<&str>> =
        pages.iter().map(|page| vec![page.code.as_str(), page.text.split("\n\n").nth(1).unwrap()]).collect();
    assert_eq!(lines, expected, "`cargo build` has not seen a change of docs/errors");
}

/// A reader who has seen enough is no error.
#[test]
fn explain_into_a_closed_pipe_is_no_error() {
    let mut command = Tadpole::new(Path::new(env!("CARGO_MANIFEST_DIR"))).command(&["explain"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command.stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn an_error_says_where_to_read_more() {
    let directory = tempfile::tempdir().unwrap();
    let program = "regoin \"eu-west-1\";\nweb extends TransientS3Bucket { bucket 1; versionning true; }\n";
    fs::write(directory.path().join("main.cloud"), program).unwrap();
    let tadpole = Tadpole::new(directory.path());
    let run = tadpole.run(&["check"]);
    let last = run.err.lines().last();
    assert_eq!(last, Some("For more about an error: tadpole explain cloud::type::mismatch"), "{}", run.err);
    assert_eq!(run.err.matches("tadpole explain").count(), 1, "{}", run.err);

    fs::write(directory.path().join("main.cloud"), "regoin \"eu-west-1\";\n").unwrap();
    let run = tadpole.run(&["check"]);
    assert!(run.err.contains("warning[") && !run.err.contains("tadpole explain"), "{}", run.err);
}
