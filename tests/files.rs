//! Files that are no program: those of editors and desktops, links that lead nowhere, what has no end.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use tempfile::TempDir;

use crate::cli::{Tadpole, ends};

fn program() -> (TempDir, Tadpole) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("main.cloud"), "web extends TransientS3Bucket { bucket \"acme-web\"; }\n").unwrap();
    let tadpole = Tadpole::new(directory.path());
    (directory, tadpole)
}

fn pipe(directory: &TempDir, name: &str) {
    let made = std::process::Command::new("mkfifo").arg(name).current_dir(directory.path()).status().unwrap();
    assert!(made.success());
}

#[test]
fn files_of_editors_and_desktops_are_no_part_of_a_program() {
    let (directory, tadpole) = program();
    let at = |name: &str| directory.path().join(name);
    symlink("user@host.4711:1700000000", at(".#main.cloud")).unwrap();
    fs::write(at("._main.cloud"), b"\0\x05\x16\x07Mac OS X").unwrap();
    fs::write(at(".old.cloud"), "web 1;").unwrap();
    fs::write(at("main.cloud~"), "web 1;").unwrap();
    fs::write(at("#main.cloud#"), "web 1;").unwrap();
    fs::write(at(".main.cloud.swp"), b"b0VIM\xff").unwrap();
    fs::create_dir(at("lib.cloud")).unwrap();
    for call in [&["check"][..], &["fmt", "--check"], &["apply", "--sandbox", "--yes"], &["show"]] {
        ends(&tadpole.run(call), 0, &[]);
    }
    assert!(tadpole.run(&["check"]).out.contains("1 resource"));
}

#[test]
fn what_has_no_end_is_refused_without_being_read() {
    let (directory, tadpole) = program();
    pipe(&directory, "pipe.cloud");
    for call in [&["check"][..], &["plan", "--sandbox"], &["check", "pipe.cloud"]] {
        ends(&tadpole.run(call), 1, &["`pipe.cloud` is a pipe"]);
    }
    ends(&tadpole.run(&["fmt", "--check"]), 0, &[]);
    fs::remove_file(directory.path().join("pipe.cloud")).unwrap();
    let socket = UnixListener::bind(directory.path().join("socket.cloud")).unwrap();
    ends(&tadpole.run(&["check"]), 1, &["`socket.cloud` is a socket"]);
    drop(socket);
    fs::remove_file(directory.path().join("socket.cloud")).unwrap();
    symlink("/dev/zero", directory.path().join("zero.cloud")).unwrap();
    ends(&tadpole.run(&["check"]), 1, &["`zero.cloud` is a device"]);
    fs::remove_file(directory.path().join("zero.cloud")).unwrap();
    ends(&tadpole.run(&["check", "--vars", "/dev/zero"]), 1, &["`/dev/zero` is no file of a disk"]);
    // Values of an environment would be missing without a word.
    pipe(&directory, "prod.cloudvars");
    ends(&tadpole.run(&["check", "--env", "prod"]), 1, &["prod.cloudvars` is a pipe"]);
    symlink("nowhere", directory.path().join("test.cloudvars")).unwrap();
    ends(&tadpole.run(&["check", "--env", "test"]), 1, &["there is no file"]);
}

#[test]
fn what_cannot_be_imported_says_why() {
    let (directory, tadpole) = program();
    fs::create_dir(directory.path().join("lib")).unwrap();
    pipe(&directory, "lib/pipe.cloud");
    fs::create_dir(directory.path().join("lib/inner.cloud")).unwrap();
    for (path, said) in [("lib/pipe.cloud", "is a pipe"), ("lib/inner.cloud", "is a directory")] {
        let text = format!("import \"{path}\";\nweb extends TransientS3Bucket {{ bucket \"acme-web\"; }}\n");
        fs::write(directory.path().join("main.cloud"), text).unwrap();
        ends(&tadpole.run(&["check"]), 1, &[&format!("`{path}` {said}"), "imported here"]);
    }
}

#[test]
fn a_file_of_another_encoding_is_told_how_to_be_read() {
    let (directory, tadpole) = program();
    fs::write(directory.path().join("wide.cloud"), b"\xff\xfea\0 \x001\0;\0").unwrap();
    ends(&tadpole.run(&["check"]), 1, &["`wide.cloud` is not UTF-8", "iconv -f UTF-16 -t UTF-8 wide.cloud"]);
}

#[test]
fn the_name_of_an_environment_is_told_how_long_it_may_be() {
    let (_directory, tadpole) = program();
    let name = |length: usize| "e".repeat(length);
    ends(&tadpole.run(&["plan", "--sandbox", "--env", &name(60)]), 0, &[]);
    for call in [
        &["plan", "--sandbox", "--env", &name(61)][..],
        &["plan", "--sandbox", "--set", &format!("env={}", name(61))],
        &["env", "remove", &name(61)],
    ] {
        let ran = tadpole.run(call);
        assert_eq!(ran.code, 1);
        let said = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("at most 60") && said.contains("61 characters"), "{said}");
    }
}

#[test]
fn a_key_without_its_quotes_is_shown_with_them() {
    let (directory, tadpole) = program();
    let text = "web[k in [\"eu\"]] extends TransientS3Bucket { bucket \"acme-${k}\"; }\n";
    fs::write(directory.path().join("main.cloud"), text).unwrap();
    ends(&tadpole.run(&["apply", "--sandbox", "--yes"]), 0, &[]);
    for call in [
        &["plan", "--sandbox", "--target", "web[eu]"][..],
        &["plan", "--sandbox", "--exclude", "web[eu]"],
        &["plan", "--sandbox", "--replace", "web[eu]"],
        &["destroy", "--sandbox", "--target", "web[eu]"],
        &["state", "show", "web[eu]"],
        &["state", "list", "--only", "web[eu]"],
        &["state", "move", "web[eu]", "other"],
        &["show", "--only", "web[eu]"],
        &["show", "--origin", "web[eu]"],
        &["live", ".", "web[eu]", "--sandbox"],
        &["sandbox", "list", "--only", "web[eu]"],
        &["sandbox", "show", "web[eu]"],
        &["forget", "web[eu]"],
        &["import", "web[eu]", "x", "--sandbox"],
        &["eval", "web[eu].bucket"],
    ] {
        let ran = tadpole.run(call);
        assert_eq!(ran.code, 1, "{call:?}: {}", ran.err);
        assert!(ran.err.contains("'web[\"eu\"]"), "{call:?}: {}", ran.err);
    }
    ends(&tadpole.run(&["state", "show", r#"web["\u{65}u"]"#]), 0, &[]);
    ends(&tadpole.run(&["state", "show", r#"web["\eu"]"#]), 1, &["escapes in a key"]);
}
