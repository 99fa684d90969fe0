//! `tadpole eval` without an expression: lines from a pipe, and a person at a terminal.

use std::io::{Read, Write};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;

use crate::cli::{Ran, Tadpole};

fn program() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let text = "param env: String = \"dev\";\nname \"web-${env}\";\noutput name = name;\n";
    std::fs::write(directory.path().join("main.cloud"), text).unwrap();
    directory
}

fn piped(directory: &TempDir, arguments: &[&str], input: &str) -> Ran {
    let mut command = Tadpole::new(directory.path()).command(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn each_expression_of_a_pipe_has_its_value() {
    let directory = program();
    let ran = piped(&directory, &["eval"], "name\n[1,\n  2]\n\n1 +\n2\n");
    assert_eq!((ran.code, ran.out.as_str()), (0, "\"web-dev\" : String\n[1, 2] : [Int]\n3 : Int\n"), "{}", ran.err);
    let ran = piped(&directory, &["eval", "-", "--env", "prod", "--json"], "name");
    assert_eq!((ran.code, ran.out.as_str()), (0, "\"web-prod\"\n"), "{}", ran.err);
}

#[test]
fn an_error_of_one_expression_does_not_end_the_others() {
    let ran = piped(&program(), &["eval"], "nmae\n(1\n\n1 + 1\n");
    assert_eq!((ran.code, ran.out.as_str()), (1, "2 : Int\n"));
    assert!(ran.err.contains("nmae") && ran.err.contains("never closed"), "{}", ran.err);
}

#[cfg(unix)]
#[test]
fn a_person_at_a_terminal_edits_lines_and_ends_with_ctrl_d() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let name = ptsname(&controller, Vec::new()).unwrap().into_string().unwrap();
    let terminal = || std::fs::OpenOptions::new().read(true).write(true).open(&name).unwrap();
    let directory = program();
    let mut command = Tadpole::new(directory.path()).command(&["eval"]);
    command.env("TERM", "xterm").stdin(terminal()).stdout(terminal()).stderr(terminal());
    let mut child = command.spawn().unwrap();
    drop(command);

    let mut keys = std::fs::File::from(controller);
    let mut screen = keys.try_clone().unwrap();
    let (send, shown) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count) = screen.read(&mut bytes)
            && send.send(String::from_utf8_lossy(&bytes[..count]).into_owned()).is_ok()
        {}
    });
    let mut unread = String::new();
    let mut until = |text: &str| {
        while !unread.contains(text) {
            let more = shown.recv_timeout(Duration::from_secs(120));
            unread.push_str(&more.unwrap_or_else(|_| panic!("{text:?} does not come behind {unread:?}")));
        }
        unread = unread.split_once(text).unwrap().1.to_string();
    };
    // What is typed before the prompt is there is not seen by the editor.
    let mut types = |keys_typed: &str| keys.write_all(keys_typed.as_bytes()).unwrap();
    until("> ");
    types("nmae\r");
    until("there is no");
    until("> ");
    // Up, and three letters are put right.
    types("\x1b[A\x7f\x7f\x7fame\r");
    until("\"web-dev\" : String");
    until("> ");
    types("[1,\r2]\r");
    until("[1, 2] : [Int]");
    until("> ");
    types("dropped");
    until("dropped");
    types("\x03");
    until("> ");
    types("40 + 2\r");
    until("42 : Int");
    until("> ");
    types("\x04");
    assert!(child.wait().unwrap().success());
}
