//! `tadpole import`: what exists becomes that of a component, and nothing in the cloud is touched.

use std::path::Path;

use tempfile::TempDir;

use crate::cli::{Tadpole, ends};

const PROGRAM: &str = r#"
param size: Int = 1;
Queue extends Resource {
    kind "acme.Queue"; name: String, identity; size: Int = 1; feeds: Queue?; url: String, computed = "acme:${name}";
}
a extends Queue { name "a"; size size; }
b extends Queue { name "b"; feeds a; }
c[i in 0..2] extends Queue { name "c${i}"; }
output url: String = a.url;
"#;

/// An environment `new` with a sandbox of its own, as earlier versions made it, that holds everything, and a record
/// that holds nothing.
fn things_without_a_record() -> (TempDir, Tadpole) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("main.cloud"), PROGRAM).unwrap();
    let tadpole = Tadpole::new(directory.path());
    ends(&tadpole.run(&["apply", "--sandbox", "--yes"]), 0, &["4 done."]);
    let new = directory.path().join(".tadpole/new");
    std::fs::create_dir_all(&new).unwrap();
    std::fs::copy(directory.path().join(".tadpole/sandbox.jsonl"), new.join("sandbox.jsonl")).unwrap();
    (directory, tadpole)
}

fn sandbox(directory: &Path) -> String {
    std::fs::read_to_string(directory.join(".tadpole/new/sandbox.jsonl")).unwrap()
}

#[test]
fn one_thing_is_shown_recorded_and_then_changed_like_any_other() {
    let (directory, tadpole) = things_without_a_record();
    let before = sandbox(directory.path());
    let import = ["import", "a", "a", "--sandbox", "--env", "new", "--set", "size=2"];
    let dry = tadpole.run(&[&import[..], &["--dry-run"]].concat());
    ends(&dry, 0, &["  < a  Queue a\n", "  |    url   \"acme:a\"\n", "1 to import."]);
    assert!(!directory.path().join(".tadpole/new/state.json").exists());
    let imported = tadpole.run(&import);
    ends(&imported, 0, &["  The next apply would change:\n", "  |    size  1 -> 2\n", "1 imported."]);
    ends(&tadpole.run(&import), 0, &["  = a  a is recorded already\n", "0 imported, 1 recorded already."]);
    assert_eq!(sandbox(directory.path()), before, "something was written in the cloud");
    assert!(tadpole.run(&["show", "--env", "new"]).out.contains("a  Queue a  live"));
    let target = ["apply", "--sandbox", "--env", "new", "--target", "a", "--yes"];
    ends(&tadpole.run(&target), 0, &["  1 unchanged, 3 left out, 1 output changes.\n"]);
}

#[test]
fn what_cannot_be_is_refused_and_the_rest_is_taken_in() {
    let (directory, tadpole) = things_without_a_record();
    std::fs::write(directory.path().join("list"), "# all of it\na a\nb none\nc[0] c0\nc[1] c0\nd c1\nc[0] c1\n")
        .unwrap();
    let ran = tadpole.run(&["import", "--from", "list", "--sandbox", "--env", "new"]);
    ends(
        &ran,
        3,
        &[
            "  < a  Queue a\n",
            "  x b  there is no acme.Queue with the id `none`\n",
            "  < c[0]  Queue c0\n",
            "  x c[1]  c0 is recorded already, as `c[0]`\n",
            "  x d  the program has no component `d`\n",
            "  x c[0]  `c[0]` is recorded already, as c0\n",
            "The next apply changes nothing of it.",
            "2 imported, 4 refused.",
        ],
    );
    // Once more, with the slips mended: it goes on where it was.
    std::fs::write(directory.path().join("list"), r#"{"a": "a", "b": "b", "c[0]": "c0", "c[1]": "c1"}"#).unwrap();
    let ran = tadpole.run(&["import", "--from", "list", ".", "--sandbox", "--env", "new"]);
    ends(&ran, 0, &["2 imported, 2 recorded already."]);
    ends(&tadpole.run(&["apply", "--sandbox", "--env", "new", "--yes"]), 0, &["outputs\n    url  \"acme:a\""]);
    let plan = tadpole.run(&["plan", "--sandbox", "--env", "new", "--exit-code"]);
    ends(&plan, 0, &["Nothing changes in"]);
    ends(&tadpole.run(&["destroy", "--sandbox", "--env", "new", "--yes"]), 0, &["4 done."]);
}

#[test]
fn a_wrong_call_says_what_to_write() {
    let (directory, tadpole) = things_without_a_record();
    let import = |arguments: &[&str]| tadpole.run(&[&["import", "--sandbox", "--env", "new"], arguments].concat());
    ends(&import(&["a", "none"]), 1, &["there is no acme.Queue with the id `none`", "is `none` the id of one?"]);
    ends(&import(&["e", "a"]), 1, &["the program has no component `e`"]);
    ends(&import(&["a b", "a"]), 1, &["`a b` is not an address", "tadpole import ADDRESS ID"]);
    ends(&import(&["a"]), 1, &["ID"]);
    ends(&import(&["--from", "none"]), 1, &["`none` cannot be read"]);
    std::fs::write(directory.path().join("list"), "a\n").unwrap();
    ends(&import(&["--from", "list"]), 1, &["line 1 has no id: write `ADDRESS ID`"]);
    assert!(!tadpole.run(&["show", "--env", "new"]).out.contains("Queue"));
}
