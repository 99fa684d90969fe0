//! What a terminal would obey or hide reaches nobody as it is: keys, ids, values, paths, names of directories,
//! environments and texts of files, through every command.

use std::fs;
use std::path::Path;

use tadpole::printable::is_hidden;

use crate::cli::{Ran, Tadpole};

/// Moves the cursor, wipes the line, conceals, sets the title, turns the direction, joins, and breaks the line.
const HOSTILE: &str =
    "a\u{1b}[2K\u{1b}[1G\u{1b}[8m\u{1b}]0;t\u{7}\u{9b}2J\u{202e}\u{200b}\u{feff}\u{7f}\n  v db  started";
/// The same in the language, and wherever it is shown.
const SHOWN: &str =
    r"a\u{1b}[2K\u{1b}[1G\u{1b}[8m\u{1b}]0;t\u{7}\u{9b}2J\u{202e}\u{200b}\u{feff}\u{7f}\n  v db  started";

#[track_caller]
fn is_clean(ran: &Ran, call: &[&str]) {
    for text in [&ran.out, &ran.err] {
        let found = text.chars().find(|c| is_hidden(*c) && !matches!(c, '\n' | '\t'));
        assert!(found.is_none(), "{call:?} writes {found:?}:\n{text:?}");
        let forged = text.lines().any(|line| line.starts_with("  v db"));
        assert!(!forged, "{call:?} writes a line that is not its own:\n{text}");
    }
}

/// Runs a command, which may succeed or fail, and looks at all that it says.
#[track_caller]
fn said(tadpole: &Tadpole, call: &[&str]) -> Ran {
    let ran = tadpole.run(call);
    is_clean(&ran, call);
    ran
}

#[track_caller]
fn shows(tadpole: &Tadpole, call: &[&str]) {
    let ran = said(tadpole, call);
    let text = format!("{}{}", ran.out, ran.err).replace("&quot;", "\"");
    assert!(text.contains(SHOWN), "{call:?} does not show the key:\n{text}");
}

fn program(directory: &Path, component: &str) {
    let text = format!(
        "Note extends Resource {{ kind \"acme.Note\"; text: String, identity; out: String, computed; }}\n\
         {component}[k in [\"{SHOWN}\"]] extends Note {{ text k; }}\n\
         output keys = keys({component});\n"
    );
    fs::write(directory.join("main.cloud"), text).unwrap();
}

#[test]
fn a_key_and_an_id_are_escaped_by_every_command() {
    let directory = tempfile::tempdir().unwrap();
    let tadpole = Tadpole::new(directory.path());
    program(directory.path(), "note");
    let address = format!("note[\"{SHOWN}\"]");
    for call in [
        &["plan", "--sandbox"][..],
        &["plan", "--sandbox", "--markdown"],
        &["apply", "--sandbox", "--yes"],
        &["plan", "--sandbox", "--replace", &address],
        &["plan", "--sandbox", "--target", &address],
        &["state", "list"],
        &["state", "show", &address],
        &["show"],
        &["show", "--only", &address],
        &["show", "--origin", &address],
        &["live", "--sandbox"],
        &["live", "--sandbox", "--failing"],
        &["sandbox", "list"],
        &["sandbox", "show", &address],
        &["eval", "note"],
        &["eval", "keys"],
        &["state", "verify", "--sandbox"],
    ] {
        match call {
            ["live", .., "--failing"] | ["state", "verify", ..] => drop(said(&tadpole, call)),
            _ => shows(&tadpole, call),
        }
    }
    program(directory.path(), "other");
    for call in [
        &["plan", "--sandbox"][..],
        &["plan", "--sandbox", "--markdown"],
        &["destroy", "--sandbox"],
        &["sandbox", "break", "drift", &address, "text", "x"],
        &["state", "move", &address, "other[0]"],
        &["import", &address, HOSTILE, "--sandbox"],
        &["forget", "note[\"b\"]"],
        &["apply", "--sandbox", "--yes"],
        &["destroy", "--sandbox", "--yes"],
    ] {
        said(&tadpole, call);
    }
}

#[test]
fn json_is_escaped_by_its_own_rules() {
    let directory = tempfile::tempdir().unwrap();
    let tadpole = Tadpole::new(directory.path());
    program(directory.path(), "note");
    assert_eq!(said(&tadpole, &["apply", "--sandbox", "--yes"]).code, 0);
    for call in [
        &["plan", "--sandbox", "--json"][..],
        &["check", "--json"],
        &["check", "--sarif"],
        &["state", "list", "--json"],
        &["state", "pull"],
        &["live", "--sandbox", "--json"],
        &["sandbox", "list", "--json"],
        &["eval", "keys", "--json"],
        &["env", "list", "--json"],
    ] {
        let ran = said(&tadpole, call);
        let whole = serde_json::from_str::<serde_json::Value>(&ran.out).is_ok();
        let by_line = ran.out.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok());
        assert!(whole || by_line, "{call:?}: {}", ran.out);
    }
    let keys: Vec<String> = serde_json::from_str(&said(&tadpole, &["eval", "keys", "--json"]).out).unwrap();
    assert_eq!(keys, [HOSTILE]);
}

#[test]
fn what_is_typed_and_what_files_hold_is_escaped_in_messages() {
    let directory = tempfile::tempdir().unwrap();
    let tadpole = Tadpole::new(directory.path()).env("TADPOLE_PARAM_SIZE", HOSTILE);
    let here = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    here("main.cloud", "param size: Int = 1;\nparam env: String = \"dev\";\noutput size = size;\n");
    let hostile = HOSTILE.replace('\n', "");
    let set = format!("size={HOSTILE}");
    for call in [
        &["check"][..],
        &["check", "--set", &set],
        &["check", "--set", HOSTILE],
        &["check", "--env", HOSTILE],
        &["check", "--vars", &hostile],
        &["check", &hostile],
        &["eval", HOSTILE],
        &["plan", "--sandbox", "--target", HOSTILE],
        &["plan", "--sandbox", "--out", &format!("{hostile}/x")],
        &["state", "show", HOSTILE],
        &["import", HOSTILE, "x", "--sandbox"],
        &["explain", HOSTILE],
        &["docs", HOSTILE],
        &["fmt", &hostile],
        &["sandbox", "show", HOSTILE],
        &["env", "remove", HOSTILE],
        &[HOSTILE],
    ] {
        let ran = said(&tadpole, call);
        assert!([1, 2, 3].contains(&ran.code), "{call:?} ended with {}", ran.code);
    }
    // A file whose text is hostile, and one whose name is.
    let tadpole = Tadpole::new(directory.path());
    here("bad.cloud", &format!("x 1 2; // {hostile}\n"));
    assert!(said(&tadpole, &["check", "bad.cloud"]).err.contains("\\u{1b}]0;t"));
    here("quoted.cloud", &format!("output x = \"{hostile}\" + 1;\n"));
    assert!(said(&tadpole, &["check", "quoted.cloud"]).err.contains("\\u{202e}"));
    let odd = format!("{}.cloud", hostile.replace('/', ""));
    here(&odd, "x 1 2;\n");
    assert!(said(&tadpole, &["check", &odd]).err.contains("\\u{1b}[2K"));
    said(&tadpole, &["fmt", "--check"]);
    // A directory, by which a program without a name is called.
    let inside = directory.path().join(&hostile);
    fs::create_dir(&inside).unwrap();
    fs::write(inside.join("main.cloud"), "web extends TransientS3Bucket { bucket \"acme-web\"; }\n").unwrap();
    let tadpole = Tadpole::new(&inside);
    for call in [&["check"][..], &["plan", "--sandbox"], &["apply", "--sandbox", "--yes"], &["show"], &["env", "list"]]
    {
        said(&tadpole, call);
    }
}

#[test]
fn what_cannot_be_seen_in_a_program_is_pointed_out() {
    let directory = tempfile::tempdir().unwrap();
    let tadpole = Tadpole::new(directory.path());
    let text = "zone[z in [\"eu\", \"e\u{200b}u\"]] extends TransientS3Bucket { bucket \"acme-${length(z)}\"; }\n";
    fs::write(directory.path().join("main.cloud"), text).unwrap();
    let ran = said(&tadpole, &["check"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for text in ["a character that cannot be seen: U+200B", "`zone[\"e\\u{200b}u\"]` differ only in characters"] {
        assert!(ran.err.contains(text), "{}", ran.err);
    }
    assert_eq!(said(&tadpole, &["apply", "--sandbox", "--yes"]).code, 0);
    let ran = said(&tadpole, &["state", "show", "zone[\"\u{200b}eu\"]"]);
    assert!(ran.err.contains("differs from it only in"), "{}", ran.err);
}
