//! The program as users run it: what it prints, what it ends with, what it leaves behind.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::world::files_below;

/// The program, to be run in a directory.
pub struct Tadpole {
    directory: PathBuf,
    environment: Vec<(String, String)>,
}

#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Tadpole {
    pub fn new(directory: &Path) -> Tadpole {
        Tadpole { directory: directory.to_path_buf(), environment: Vec::new() }
    }

    #[cfg_attr(not(feature = "aws"), allow(dead_code))]
    pub fn env(mut self, name: &str, value: &str) -> Tadpole {
        self.environment.push((name.into(), value.into()));
        self
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tadpole"));
        command.args(arguments).current_dir(&self.directory).stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// A run that ended with a code, and said these texts.
#[track_caller]
pub fn ends(ran: &Ran, code: i32, texts: &[&str]) {
    assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
    for text in texts {
        assert!(ran.err.contains(text), "{text:?} is not in\n{}", ran.err);
    }
}

/// A copy of a directory, so that what is recorded does not end up in the sources.
pub fn copied(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    copy(from, to.path());
    to
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        match path.is_dir() {
            // What somebody recorded beside the sources is no part of them.
            true if path.ends_with(".tadpole") => {}
            true => {
                std::fs::create_dir(&copied).unwrap();
                copy(&path, &copied);
            }
            false => drop(std::fs::copy(&path, copied).unwrap()),
        }
    }
}

fn program(text: &str) -> (tempfile::TempDir, Tadpole) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("main.cloud"), text).unwrap();
    let tadpole = Tadpole::new(directory.path());
    (directory, tadpole)
}

fn smartfrog() -> (tempfile::TempDir, Tadpole) {
    let directory = copied(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/smartfrog"));
    let tadpole = Tadpole::new(directory.path());
    (directory, tadpole)
}

#[test]
fn smartfrog_from_nothing_to_nothing() {
    let (directory, tadpole) = smartfrog();
    let plan = tadpole.run(&["plan", "--sandbox", "--exit-code"]);
    assert_eq!(plan.code, 2, "{}", plan.err);
    assert!(!directory.path().join(".tadpole").exists(), "planning wrote something");
    assert!(plan.err.contains("3 to start."), "{}", plan.err);

    let apply = tadpole.run(&["apply", "--sandbox", "--yes", "--set", "bucket=acme"]);
    assert_eq!(apply.code, 0, "{}", apply.err);
    assert!(apply.err.contains("v scratch  started acme-scratch"), "{}", apply.err);
    assert!(apply.out.contains("archive    \"acme-archive.s3.us-east-1.amazonaws.com\""), "{}", apply.out);

    let again = tadpole.run(&["apply", "--sandbox", "--set", "bucket=acme"]);
    assert_eq!(again.code, 0, "{}", again.err);
    assert!(again.err.contains("Nothing changes") && again.err.contains("= 3 unchanged"), "{}", again.err);

    let show = tadpole.run(&["show"]);
    assert_eq!(show.code, 0);
    assert!(show.out.contains("service  ImageInstance") && show.out.contains("(secret)"), "{}", show.out);
    assert!(!show.out.contains("EmlMg61YbNoThisIsNotMyKey"));
    assert_eq!(tadpole.run(&["show", "--only", "service"]).out.matches("  live").count(), 1);
    assert_eq!(tadpole.run(&["show", "--only", "nothing"]).code, 1);

    let destroy = tadpole.run(&["destroy", "--sandbox", "--yes"]);
    assert_eq!(destroy.code, 0, "{}", destroy.err);
    for line in [
        "v scratch  terminated acme-scratch",
        "v service  terminated",
        "Left standing, and recorded no longer:",
        "archive  PersistentS3Bucket  acme-archive",
    ] {
        assert!(destroy.err.contains(line), "`{line}` is missing in {}", destroy.err);
    }
    let show = tadpole.run(&["show"]);
    assert!(show.out.contains("0 resources"), "{}", show.out);
}

#[test]
fn nothing_secret_is_written() {
    let (directory, tadpole) = smartfrog();
    for arguments in
        [&["apply", "--sandbox", "--yes"][..], &["plan", "--sandbox"], &["show"], &["destroy", "--sandbox", "--yes"]]
    {
        let run = tadpole.run(arguments);
        let said = format!("{}{}", run.out, run.err);
        assert!(!said.contains("EmlMg61Yb"), "{arguments:?}: {said}");
        for path in files_below(&directory.path().join(".tadpole")) {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(9).any(|window| window == b"EmlMg61Yb"), "{}", path.display());
        }
    }
}

#[test]
fn without_a_terminal_nobody_says_yes() {
    let (directory, tadpole) = smartfrog();
    let run = tadpole.run(&["apply", "--sandbox"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("3 to start") && run.err.contains("add `--yes`"), "{}", run.err);
    assert!(!directory.path().join(".tadpole/sandbox.jsonl").exists(), "something was made without a yes");
}

#[test]
fn bad_input_is_refused_with_a_place_and_leaves_nothing() {
    let deep = format!("a {}{};", "[".repeat(10_000), "]".repeat(10_000));
    let inputs: [(&str, Vec<u8>, &str); 6] = [
        ("empty", Vec::new(), "this program is empty"),
        ("not UTF-8", b"a \xff\xfe;".to_vec(), "is not UTF-8: line 1, byte 2"),
        ("deep", deep.into_bytes(), "nested too deeply"),
        ("large", vec![b'\n'; 50 << 20], "has 50 MiB, and a file may have 32 MiB"),
        ("unterminated", b"a \"abc;\n".to_vec(), "this text is never closed"),
        ("itself", b"A extends A { }\n".to_vec(), "`A` extends itself"),
    ];
    for (name, bytes, message) in inputs {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("main.cloud"), bytes).unwrap();
        let tadpole = Tadpole::new(directory.path());
        for command in [&["check"][..], &["plan", "--sandbox"], &["apply", "--sandbox", "--yes"]] {
            let run = tadpole.run(command);
            assert_eq!(run.code, 1, "{name}: {}", run.err);
            assert!(run.err.contains(message) && run.err.contains("main.cloud"), "{name}: {}", run.err);
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "{name}: something was written");
    }
    let directory = tempfile::tempdir().unwrap();
    let run = Tadpole::new(directory.path()).run(&["check", "nowhere"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("there is no file or directory `nowhere`"), "{}", run.err);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn environments_do_not_touch_each_other() {
    let (directory, tadpole) =
        program("param env: String = \"dev\";\nmedia extends TransientS3Bucket { bucket \"media-${env}\"; }\n");
    assert_eq!(tadpole.run(&["apply", "--sandbox", "--yes", "--env", "pr-1"]).code, 0);
    assert_eq!(tadpole.run(&["apply", "--sandbox", "--yes", "--set", "env=pr-2"]).code, 0);
    assert!(tadpole.run(&["show", "--env", "pr-1"]).out.contains("media-pr-1"));
    assert!(tadpole.run(&["show", "--env", "pr-2"]).out.contains("media-pr-2"));
    assert_eq!(tadpole.run(&["show"]).code, 1);
    assert_eq!(tadpole.run(&["destroy", "--sandbox", "--yes", "--env", "pr-1"]).code, 0);
    assert!(tadpole.run(&["show", "--env", "pr-2"]).out.contains("media-pr-2"));
    assert_eq!(tadpole.run(&["show", "--env", "../up"]).code, 1);
    for command in
        [&["apply", "--sandbox", "--yes"][..], &["destroy", "--sandbox", "--yes"], &["show"], &["plan", "--sandbox"]]
    {
        let up = tadpole.run(&[command, &["--set", "env=../../up"]].concat());
        assert_eq!(up.code, 1, "{command:?}: {}", up.err);
        assert!(up.err.contains("names no environment"), "{}", up.err);
    }
    let nothing = tadpole.run(&["destroy", "--sandbox", "--yes", "--env", "never-made"]);
    assert_eq!(nothing.code, 0, "{}", nothing.err);
    assert!(nothing.err.contains("nothing to destroy"), "{}", nothing.err);
    assert!(!directory.path().join(".tadpole/never-made").exists());
    let both = tadpole.run(&["plan", "--sandbox", "--env", "pr-1", "--set", "env=pr-2"]);
    assert_eq!(both.code, 1, "{}", both.err);
    assert!(both.err.contains("name two environments"), "{}", both.err);
}

#[test]
fn a_wrong_call_is_not_taken_for_changes() {
    let (_directory, tadpole) = program("media extends TransientS3Bucket { bucket \"the-media\"; }\n");
    for wrong in [&["plan", "--sandbx"][..], &["plam"], &[], &["plan", "--set", "nothing"]] {
        let run = tadpole.run(wrong);
        assert_eq!(run.code, 1, "{wrong:?}: {}", run.err);
        assert!(!run.err.is_empty());
    }
    assert_eq!(tadpole.run(&["--help"]).code, 0);
    assert!(tadpole.run(&["--version"]).out.starts_with("tadpole "));
}

/// Standard output is one whole document, whatever is wrong, and nothing is said beside it.
#[test]
fn check_speaks_to_programs() {
    let (directory, tadpole) = program("param env: String;\nmedia extends TransientS3Bucket { bucket env; }\n");
    std::fs::write(directory.path().join("broken.cloud"), "media extends {\n").unwrap();
    for (arguments, code, errors, file) in [
        (&["main.cloud", "--set", "env=prod"][..], 0, 0, ""),
        (&["main.cloud"], 1, 1, "main.cloud"),
        (&["broken.cloud"], 1, 1, "broken.cloud"),
        (&[], 1, 1, "broken.cloud"),
        (&["nowhere"], 1, 1, ""),
        (&["main.cloud", "--env", "one", "--set", "env=two"], 1, 1, ""),
    ] {
        let run = tadpole.run(&[&["check", "--json"], arguments].concat());
        assert_eq!((run.code, run.err.as_str()), (code, ""), "{arguments:?}");
        let lines: Vec<serde_json::Value> = run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (summary, diagnostics) = lines.split_last().unwrap();
        assert_eq!(summary["summary"]["errors"], errors, "{arguments:?}: {}", run.out);
        assert_eq!(summary["summary"]["resources"], if code == 0 { 1.into() } else { serde_json::Value::Null });
        let shown = diagnostics.first().and_then(|said| said["labels"][0]["file"].as_str());
        assert_eq!(shown.unwrap_or(""), file, "{arguments:?}: {}", run.out);

        let run = tadpole.run(&[&["check", "--sarif"], arguments].concat());
        assert_eq!((run.code, run.err.as_str()), (code, ""), "{arguments:?}");
        let log: serde_json::Value = serde_json::from_str(&run.out).unwrap();
        assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), errors);
    }
    let both = tadpole.run(&["check", "--json", "--sarif", "main.cloud"]);
    assert_eq!((both.code, both.out.as_str()), (1, ""), "{}", both.err);
}

/// `tadpole check --json | head -1`
#[cfg(unix)]
#[test]
fn who_stops_reading_has_read_enough() {
    let text: String = (0..4000).map(|at| format!("n{at} extends S3Buckt {{ }}\n")).collect();
    let (_directory, tadpole) = program(&text);
    let mut child =
        tadpole.command(&["check", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    // The reader goes with its end of the pipe, long before all is written.
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
    assert!(line.contains("there is no template `S3Buckt`"), "{line}");
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(1), Vec::new()));
}

#[test]
fn docs_are_read_anywhere() {
    let nowhere = tempfile::tempdir().unwrap();
    let tadpole = Tadpole::new(nowhere.path());
    for arguments in [&[][..], &["S3Bucket"], &["--all", "--markdown"], &["join"], &["cidr"]] {
        let run = tadpole.run(&[&["docs"], arguments].concat());
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{arguments:?}");
        assert!(run.out.len() > 50 && !run.out.contains('\u{1b}'), "{arguments:?}: {}", run.out);
    }
    for (arguments, message) in [
        (&["S3Buckt"][..], "did you mean `S3Bucket`?"),
        (&["S3Bucket", "nowhere"], "there is no file or directory `nowhere`"),
        (&["./nowhere"], "there is no file or directory `./nowhere`"),
        (&["--all", "S3Bucket", "nowhere"], "leave one of them out"),
        (&["Xylo"], "`tadpole docs` lists all there is"),
    ] {
        let run = tadpole.run(&[&["docs"], arguments].concat());
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{arguments:?}");
        assert!(run.err.contains(message), "{arguments:?}: {}", run.err);
    }

    let (directory, tadpole) =
        program("/// A shop.\nShop extends Compound { size: Int = 2; }\nshop extends Shop { }\n");
    for (from, arguments) in [
        (&tadpole, &["Shop"][..]),
        (&tadpole, &["Shop", "."]),
        (&tadpole, &["Shop", "main.cloud"]),
        (&tadpole, &["./"]),
        (&tadpole, &["main.cloud"]),
        (&tadpole, &["--all", "."]),
    ] {
        let run = from.run(&[&["docs", "--markdown"], arguments].concat());
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{arguments:?}");
        assert!(run.out.contains("A shop."), "{arguments:?}: {}", run.out);
    }
    // Whoever looks something up may be about to mend what is broken.
    std::fs::write(directory.path().join("more.cloud"), "shop extends {").unwrap();
    let run = tadpole.run(&["docs", "S3Bucket"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("versioning") && run.err.contains("has errors"), "{}{}", run.out, run.err);
    let run = tadpole.run(&["docs", "Shop"]);
    assert!(run.code == 1 && run.err.contains("has errors") && run.err.contains("`Shop`"), "{}", run.err);
}

#[test]
fn destroy_needs_no_source() {
    let (directory, tadpole) = program("media extends TransientS3Bucket { bucket \"the-media\"; }\n");
    assert_eq!(tadpole.run(&["apply", "--sandbox", "--yes"]).code, 0);
    std::fs::write(directory.path().join("main.cloud"), "this is broken").unwrap();
    let run = tadpole.run(&["destroy", "--sandbox", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("v media  terminated the-media"), "{}", run.err);
}

#[test]
fn damaged_and_newer_records_are_refused() {
    let (directory, tadpole) = program("media extends TransientS3Bucket { bucket \"the-media\"; }\n");
    assert_eq!(tadpole.run(&["apply", "--sandbox", "--yes"]).code, 0);
    let path = directory.path().join(".tadpole/default/state.json");
    let good = std::fs::read_to_string(&path).unwrap();
    for (bad, message) in [
        (good.replace("the-media", "an-other"), "its checksum does not fit its content"),
        (good.replace("\"version\":1", "\"version\":2"), "is of format 2"),
        (good[..good.len() / 2].to_string(), "is damaged"),
    ] {
        std::fs::write(&path, bad).unwrap();
        let run = tadpole.run(&["apply", "--sandbox", "--yes"]);
        assert_eq!(run.code, 3, "{}", run.err);
        // Long messages are wrapped.
        let said = run.err.replace("\n  │", "");
        assert!(said.contains(message) && said.contains("state.json"), "{said}");
    }
    // A journal alone says that something was there.
    std::fs::remove_file(&path).unwrap();
    for command in [&["apply", "--sandbox", "--yes"][..], &["plan", "--sandbox"], &["show"]] {
        let run = tadpole.run(command);
        assert_eq!(run.code, 3, "{}", run.err);
        assert!(run.err.contains("journal.jsonl"), "{}", run.err);
    }
    std::fs::write(&path, good).unwrap();
    assert_eq!(tadpole.run(&["plan", "--sandbox", "--exit-code"]).code, 0);
}

/// The first signal to stop: what has not begun does not begin, and what is recorded is whole.
#[cfg(unix)]
#[test]
fn a_signal_stops_what_has_not_begun() {
    let (_directory, tadpole) = program(
        "first extends TransientS3Bucket { bucket \"the-first\"; }\n\
         slow extends ImageInstance { imageID \"ami-12345678\"; dependsOn [first]; }\n\
         last[i in 0..9] extends TransientS3Bucket { bucket \"last-${i}\"; dependsOn [slow]; }\n",
    );
    // The instance takes some seconds: however busy this machine is, the signal comes before its end.
    assert_eq!(tadpole.run(&["sandbox", "break", "--latency", "x0.2"]).code, 0);
    let child =
        tadpole.command(&["apply", "--sandbox", "--yes"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    // The first line of progress says that it has started.
    let id = child.id().to_string();
    let mut child = child;
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
    let first = lines.by_ref().map(Result::unwrap).find(|line| line.contains("   v "));
    assert!(first.is_some());
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    let summary = rest.iter().find(|line| line.contains(" done")).unwrap_or_else(|| panic!("{rest:?}"));
    assert!(summary.contains("not tried") && !summary.contains("cut off"), "{summary}");
    // The call for the slow one, if it had left, is recorded; nobody has waited until it was ready.
    let shown = tadpole.run(&["show"]).out;
    assert!(!shown.contains("cut off") && !shown.contains("last["), "{shown}");
    assert_eq!(tadpole.run(&["sandbox", "break", "--none"]).code, 0);
    assert_eq!(tadpole.run(&["apply", "--sandbox", "--yes"]).code, 0);
    assert_eq!(tadpole.run(&["sandbox", "list", "--json"]).out.lines().count(), 11);
}

/// On a terminal it asks, and takes no for an answer. `script` gives it one.
#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_it_asks() {
    if Command::new("script").arg("--version").output().is_err() {
        eprintln!("SKIPPED: `script` of util-linux is not there");
        return;
    }
    for (answer, code, made) in [("n\n", 0, false), ("y\n", 0, true)] {
        let (directory, tadpole) = program("media extends TransientS3Bucket { bucket \"the-media\"; }\n");
        let line = format!("{} apply --sandbox", env!("CARGO_BIN_EXE_tadpole"));
        let mut child = Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .current_dir(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        stdin.write_all(answer.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains("[y/N]"), "{said}");
        assert_eq!(tadpole.run(&["show"]).out.contains("the-media"), made, "{said}");
    }
}

#[test]
fn values_and_where_they_come_from_are_shown() {
    let (directory, tadpole) = program(
        r#"param env: String = "dev";
tags { env env; }
Tier extends Compound {
    size: Int = 2;
    group extends S3Bucket { bucket "abc-group"; startActions [PUT_ACTION]; }
    server[i in 0..size] extends ImageInstance { imageID "ami-12345678"; tags { nr "${i}"; } }
    arn: String = group.arn;
}
europe extends Tier {
    region "eu-west-1";
    server { imageID "ami-22345678"; }
    server[0].maxCount 2;
}
password: Secret = secret("env:NO_SUCH_SECRET");
output all = { a europe.arn; p password; };
"#,
    );
    let eval = |arguments: &[&str]| tadpole.run(&[&["eval"], arguments].concat());
    assert_eq!(eval(&["europe.server[*].imageID"]).out, "[\"ami-22345678\", \"ami-22345678\"] : [String]\n");
    assert_eq!(eval(&["-1 + length(europe.server)"]).out, "1 : Int\n");
    assert_eq!(eval(&["europe.arn", "--json"]).code, 1);
    assert_eq!(eval(&["{ a [env, 1.5]; }", "--json", "--set", "env=x"]).out, "{\"a\":[\"x\",1.5]}\n");
    let ran = eval(&["euro"]);
    assert!(ran.code == 1 && ran.err.contains("did you mean `europe`?"), "{}", ran.err);
    let before = eval(&["europe.arn"]);
    assert_eq!(before.out, "europe.group.arn (known after apply) : Arn\n");

    // What is not at hand does not keep a program from being checked, but from being applied.
    let checked = tadpole.run(&["check"]);
    assert!(checked.code == 0 && checked.err.contains("NO_SUCH_SECRET"), "{}", checked.err);
    assert_eq!(tadpole.run(&["plan", "--sandbox"]).code, 1);
    let tadpole = tadpole.env("NO_SUCH_SECRET", "hunter2");
    assert_eq!(tadpole.run(&["apply", "--sandbox", "--yes"]).code, 0);
    let eval = |arguments: &[&str]| tadpole.run(&[&["eval"], arguments].concat());
    assert_eq!(eval(&["europe.arn"]).out, "\"arn:aws:s3:::abc-group\" : Arn\n");
    assert_eq!(eval(&["password"]).out, "(secret) : Secret\n");
    assert_eq!(eval(&["password", "--json"]).code, 1);

    let origin = tadpole.run(&["show", "--origin", "europe.server[0]"]);
    insta::with_settings!({ snapshot_path => "cli", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("origin", crate::world::steady(&origin.out));
    });
    assert_eq!(tadpole.run(&["show", "--origin", "europe.server[7]"]).code, 1);
    drop(directory);
}

#[test]
fn params_come_from_outside_in_order() {
    let (directory, tadpole) = program(
        "param env: String = \"dev\"; param size: Int = 1; output all = \"${env} ${size}\";\nb extends TransientS3Bucket { bucket \"abc\"; }",
    );
    let value = |tadpole: &Tadpole, arguments: &[&str]| {
        tadpole.run(&[&["eval", "\"${env} ${size}\""], arguments].concat()).out.replace(" : String\n", "")
    };
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    assert_eq!(value(&tadpole, &[]), "\"dev 1\"");
    write("prod.cloudvars", "size 2;");
    assert_eq!(value(&tadpole, &["--env", "prod"]), "\"prod 2\"");
    assert_eq!(value(&tadpole, &["--env", "other"]), "\"other 1\"");
    let ambient = Tadpole::new(directory.path()).env("TADPOLE_PARAM_SIZE", "3").env("TADPOLE_PARAM_ENV", "prod");
    assert_eq!(value(&ambient, &[]), "\"prod 3\"");
    write("more.cloudvars", "size 4;");
    assert_eq!(value(&ambient, &["--vars", "more.cloudvars"]), "\"prod 4\"");
    assert_eq!(value(&ambient, &["--vars", "more.cloudvars", "--set", "size=5", "--env", "x"]), "\"x 5\"");
    let wrong = Tadpole::new(directory.path()).env("TADPOLE_PARAM_ENV", "../x").run(&["show"]);
    assert!(wrong.code == 1 && wrong.err.contains("TADPOLE_PARAM_ENV"), "{}", wrong.err);
    assert_eq!(tadpole.run(&["check", "--vars", "none.cloudvars"]).code, 1);
}

#[test]
fn one_program_reads_the_outputs_of_another() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::create_dir_all(directory.path().join(name)).unwrap();
        std::fs::write(directory.path().join(name).join("main.cloud"), text).unwrap();
    };
    write(
        "network",
        "logs extends PersistentS3Bucket { bucket \"acme-logs\"; } output logs: S3Bucket = logs; output arn: Arn = logs.arn;",
    );
    write(
        "site",
        "network extends Upstream { project \"../network\"; env \"prod\"; }\n\
         site extends TransientS3Bucket { bucket \"acme-site\"; tags { logs network.arn; } dependsOn [network.logs]; }",
    );
    let tadpole = Tadpole::new(directory.path());
    let first = tadpole.run(&["plan", "site", "--sandbox"]);
    // What is to be applied first is named for the cloud that was asked for.
    assert!(first.code == 1 && first.err.contains("tadpole apply network --env prod --sandbox`"), "{}", first.err);
    let real = tadpole.run(&["plan", "site"]);
    assert!(real.code == 1 && real.err.contains("tadpole apply network --env prod`"), "{}", real.err);
    assert_eq!(first.err.matches("error[").count(), 1, "{}", first.err);
    assert_eq!(tadpole.run(&["check", "site"]).code, 0);
    assert_eq!(tadpole.run(&["apply", "network", "--env", "prod", "--sandbox", "--yes"]).code, 0);
    let applied = tadpole.run(&["apply", "site", "--sandbox", "--yes"]);
    assert_eq!(applied.code, 0, "{}", applied.err);
    let shown = tadpole.run(&["show", "site"]).out;
    assert!(shown.contains("tags           { logs \"arn:aws:s3:::acme-logs\"; }"), "{shown}");
}

/// Every command with a stream that nobody reads, or that is full: what it does is done all the same.
#[cfg(target_os = "linux")]
#[test]
fn a_closed_or_full_stream_stops_nothing() {
    let text = "n[i in 0..40] extends TransientS3Bucket { bucket \"bucket-${i}\"; }\noutput all = n[*].bucket;\n";
    let full = || Stdio::from(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    // A pipe whose other end is gone.
    let closed = || Stdio::from(std::io::pipe().unwrap().1);
    type Stream<'a> = &'a dyn Fn() -> Stdio;
    let run = |tadpole: &Tadpole, arguments: &[&str], out: Option<Stream>, err: Option<Stream>| -> Ran {
        let mut command = tadpole.command(arguments);
        command.stdout(out.map_or_else(Stdio::piped, |stream| stream()));
        command.stderr(err.map_or_else(Stdio::piped, |stream| stream()));
        let output = command.spawn().unwrap().wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    };
    let recorded = |tadpole: &Tadpole| tadpole.run(&["show"]).out.matches("  live").count();
    let apply = &["apply", "--sandbox", "--yes"];
    let destroy = &["destroy", "--sandbox", "--yes"];
    let (_directory, tadpole) = program(text);

    for (out, err, code) in [
        (None, Some(&closed as Stream), 0),
        (Some(&closed as Stream), Some(&closed as Stream), 0),
        (Some(&full as Stream), None, 3),
        (None, Some(&full as Stream), 3),
        (Some(&full as Stream), Some(&full as Stream), 3),
    ] {
        let (full_out, full_err) = (out.is_some() && code == 3, err.is_some() && code == 3);
        let ran = run(&tadpole, apply, out, err);
        assert_eq!((ran.code, recorded(&tadpole)), (code, 40), "{ran:?}");
        if full_out && !full_err {
            assert!(ran.err.contains("standard output cannot be written"), "{}", ran.err);
        }
        if full_err && !full_out {
            assert!(ran.out.contains("standard error cannot be written"), "{}", ran.out);
        }
        let ran = run(&tadpole, destroy, out, err);
        assert_eq!(ran.code, if full_err { 3 } else { 0 }, "{ran:?}");
        assert_eq!(recorded(&tadpole), 0, "{ran:?}");
    }

    assert_eq!(run(&tadpole, &["plan", "--sandbox"], None, Some(&closed)).code, 0);
    assert_eq!(run(&tadpole, &["plan", "--sandbox", "--exit-code"], None, Some(&closed)).code, 2);
    assert_eq!(run(&tadpole, &["plan", "--sandbox", "--exit-code"], None, Some(&full)).code, 3);
    assert_eq!(tadpole.run(apply).code, 0);
    for arguments in [
        &["show"][..],
        &["show", "--origin", "n[0]"],
        &["eval", "n[*].bucket"],
        &["eval", "n[*].bucket", "--json"],
        &["check"],
        &["docs"],
        &["explain"],
        &["--help"],
    ] {
        let ran = run(&tadpole, arguments, Some(&closed), None);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}");
        let ran = run(&tadpole, arguments, Some(&full), None);
        assert_eq!(ran.code, 3, "{arguments:?}: {}", ran.err);
        let said = ran.err.contains("standard output cannot be written");
        assert!(said, "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn a_param_is_given_once_and_a_value_of_its_type() {
    let (directory, tadpole) = program(
        "type Zones = [String];\nparam p: Int = 1; param zones: Zones? = null; param t: String = \"\"; param on: Bool = true; \n\
         b extends TransientS3Bucket { bucket \"abc-${p}${t}${length(zones ?? [])}${on}\"; }\n",
    );
    for command in [&["check"][..], &["plan", "--sandbox"], &["show"], &["destroy", "--sandbox"], &["eval", "1"]] {
        let ran = tadpole.run(&[command, &["--set", "env=hunter2", "--set", "p=1", "--set", "env=b"]].concat());
        assert_eq!(ran.code, 1, "{command:?}: {}", ran.err);
        assert!(ran.err.contains("`--set env` is given twice"), "{}", ran.err);
        assert!(ran.err.contains("number 1 and number 3") && !ran.err.contains("hunter2"), "{}", ran.err);
    }
    for (set, message, help) in [
        ("p=", "`--set p` gives `p` no value", "`--set p=1`"),
        ("on= ", "`--set on` gives `on` no value", "`--set on=true`"),
        ("zones=", "`--set zones` gives `zones` no value", "`--set 'zones=[\"...\"]'`"),
    ] {
        let ran = tadpole.run(&["check", "--set", set]);
        assert_eq!(ran.code, 1, "{set}: {}", ran.err);
        assert!(ran.err.contains(message) && ran.err.contains(help), "{set}: {}", ran.err);
    }
    for set in ["t=", "t=word", "zones=[\"a\"]", "zones=null", "on=false", "p=1 + 1"] {
        let ran = tadpole.run(&["check", "--set", set]);
        assert_eq!(ran.code, 0, "{set}: {}", ran.err);
    }
    let ambient = Tadpole::new(directory.path()).env("TADPOLE_PARAM_P", "").run(&["check"]);
    assert!(ambient.code == 1 && ambient.err.contains("as `TADPOLE_PARAM_P=1`"), "{}", ambient.err);
}

/// A type that is made of itself is an error of the program, whatever is given for it.
#[test]
fn a_param_of_a_type_without_an_end_is_no_end_of_the_program() {
    let (_directory, tadpole) = program("type A = A?; type B = [B];\nparam a: A; param b: B;\noutput o = a;\n");
    for set in ["a=1", "a=", "b=", "b=x"] {
        assert_eq!(tadpole.run(&["check", "--set", set]).code, 1, "{set}");
    }
}

#[test]
fn a_program_that_is_not_there_is_said_to_be_missing() {
    let (directory, tadpole) = program("media extends TransientS3Bucket { bucket \"the-media\"; }\n");
    for command in [&["destroy", "typo", "--sandbox", "--yes"][..], &["show", "typo"], &["show", "typo.cloud"]] {
        let ran = tadpole.run(command);
        assert_eq!(ran.code, 1, "{command:?}: {}", ran.err);
        assert!(ran.err.contains("there is no file or directory `typo"), "{command:?}: {}", ran.err);
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "something was written");
    // What is recorded can be taken down without its source.
    assert_eq!(tadpole.run(&["apply", "main.cloud", "--sandbox", "--yes"]).code, 0);
    std::fs::remove_file(directory.path().join("main.cloud")).unwrap();
    assert_eq!(tadpole.run(&["show", "main.cloud"]).code, 0);
    let ran = tadpole.run(&["destroy", "main.cloud", "--sandbox", "--yes"]);
    assert!(ran.code == 0 && ran.err.contains("terminated the-media"), "{}", ran.err);
}

#[cfg(unix)]
#[test]
fn a_link_to_nothing_is_no_file_less() {
    let (directory, tadpole) = program("media extends TransientS3Bucket { bucket \"the-media\"; }\n");
    std::os::unix::fs::symlink("gone.cloud", directory.path().join("more.cloud")).unwrap();
    for command in [&["check"][..], &["plan", "--sandbox"], &["apply", "--sandbox", "--yes"]] {
        let ran = tadpole.run(command);
        assert_eq!(ran.code, 1, "{command:?}: {}", ran.err);
        assert!(ran.err.contains("`more.cloud` is a link to a file that is not there"), "{}", ran.err);
    }
    std::fs::write(directory.path().join("gone.cloud"), "a 1; output a = a;\n").unwrap();
    std::fs::remove_file(directory.path().join("more.cloud")).unwrap();
    std::fs::create_dir(directory.path().join("old.cloud")).unwrap();
    assert_eq!(tadpole.run(&["check"]).code, 0);
}

#[test]
fn files_of_data_are_not_taken_for_programs() {
    let (directory, tadpole) = program("param p: Int = 1; output o = p;\n");
    std::fs::write(directory.path().join("noise"), [0xff, 0xfe]).unwrap();
    for (path, message) in [
        ("", "`.` is a directory, and a file is read here"),
        (".", "`.` is a directory, and a file is read here"),
        ("none.txt", "there is no file `none.txt`"),
        ("noise", "`noise` is not UTF-8: line 1, byte 0"),
    ] {
        let ran = tadpole.run(&["eval", &format!("file(\"{path}\")")]);
        assert_eq!(ran.code, 1, "{path}: {}", ran.err);
        assert!(ran.err.contains(message), "{path}: {}", ran.err);
        assert!(!ran.err.contains("program") && !ran.err.contains(".cloud"), "{path}: {}", ran.err);
    }
    let ran = tadpole.run(&["check", "--vars", "none.cloudvars"]);
    assert!(ran.code == 1 && ran.err.contains("there is no file `none.cloudvars`"), "{}", ran.err);
}

#[test]
fn what_has_no_value_and_what_has_no_attributes_is_said() {
    let (_directory, tadpole) = program(
        "region \"eu-west-1\";\n\
         Tier extends Compound { s[i in 0..2] extends TransientS3Bucket { bucket \"abc-${i}\"; } }\n\
         g extends Tier { }\n\
         output o: String = g.s[0].bucket;\n\
         output twice = length(o);\n",
    );
    // One output does not see another, with or without `eval`.
    let ran = tadpole.run(&["eval", "twice"]);
    assert!(ran.code == 1 && ran.err.contains("there is no `o` here"), "{}", ran.err);
    assert_eq!(tadpole.run(&["eval", "o"]).out, "\"abc-0\" : String\n");
    assert_eq!(tadpole.run(&["eval", "length(o) + 1", "--json"]).out, "6\n");

    for arguments in [&["g"][..], &["g", "--json"], &["[g]", "--json"], &["{ a g; }"]] {
        let ran = tadpole.run(&[&["eval"], arguments].concat());
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{arguments:?}");
        assert!(ran.err.contains("a group has no value of its own"), "{}", ran.err);
    }
    let ran = tadpole.run(&["eval", "root"]);
    assert!(ran.code == 1 && ran.err.contains("a group has no value of its own"), "{}", ran.err);

    for address in ["g.s", "g.s[7]"] {
        let ran = tadpole.run(&["show", "--origin", address]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{address}");
        assert!(ran.err.contains("it is repeated, and there are `g.s[0]`, `g.s[1]`"), "{}", ran.err);
    }
    for address in ["root", ""] {
        let ran = tadpole.run(&["show", "--origin", address]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.out.starts_with("root  main.cloud:1\n"), "{}", ran.out);
        assert!(ran.out.contains("\"eu-west-1\"\n    main.cloud:1 ") && ran.out.contains("profile"), "{}", ran.out);
    }
}

/// Standard output is painted for where it goes, not for where errors go.
#[cfg(target_os = "linux")]
#[test]
fn a_file_of_what_is_shown_has_no_colours() {
    if Command::new("script").arg("--version").output().is_err() {
        eprintln!("SKIPPED: `script` of util-linux is not there");
        return;
    }
    let (directory, tadpole) = program("media extends TransientS3Bucket { bucket \"the-media\"; }\n");
    assert_eq!(tadpole.run(&["apply", "--sandbox", "--yes"]).code, 0);
    for arguments in ["show", "show --origin media"] {
        let line = format!("{0} {arguments} > shown; {0} {arguments}", env!("CARGO_BIN_EXE_tadpole"));
        let output = Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .current_dir(directory.path())
            .env_remove("NO_COLOR")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let shown = std::fs::read_to_string(directory.path().join("shown")).unwrap();
        assert!(shown.contains("the-media") && !shown.contains('\u{1b}'), "{shown}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("\u{1b}[1m"), "{arguments}: no colours on a terminal");
    }
}

/// What the machine does not give is said, with 3: no library panics, and nothing waits for it.
#[cfg(target_os = "linux")]
#[test]
fn limits_of_the_machine_end_a_command_with_a_message() {
    let (directory, _) = program("media extends TransientS3Bucket { bucket \"the-media\"; }\n");
    let run = |limit: &str| {
        let line = format!("ulimit {limit}; exec {} apply --sandbox --yes", env!("CARGO_BIN_EXE_tadpole"));
        let output = Command::new("sh").args(["-c", &line]).current_dir(directory.path()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (limit, said) in [("-n 6", "may open 6 files"), ("-n 16", "may open 16 files"), ("-v 200000", "address space")]
    {
        let (code, err) = run(limit);
        assert!(code == Some(3) && err.contains(said), "{limit}: {code:?} {err}");
    }
    let (code, err) = run("-n 64");
    assert_eq!(code, Some(0), "{err}");
}

/// A path is bytes, not always a text.
#[cfg(target_os = "linux")]
#[test]
fn a_path_need_not_be_utf_8() {
    use std::os::unix::ffi::OsStrExt;
    let (directory, tadpole) = program("");
    let inner = directory.path().join(std::ffi::OsStr::from_bytes(b"n\xff"));
    std::fs::create_dir(&inner).unwrap();
    std::fs::write(inner.join("main.cloud"), "media extends TransientS3Bucket { bucket \"the-media\"; }\n").unwrap();
    for arguments in [&["plan"][..], &["apply", "--yes"], &["show"], &["destroy", "--yes"]] {
        let mut command = tadpole.command(arguments);
        let sandbox: &[&str] = if arguments == ["show"] { &[] } else { &["--sandbox"] };
        let output = command.arg(&inner).args(sandbox).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Whatever the umask, what is recorded is its owner's alone.
#[cfg(unix)]
#[test]
fn nobody_else_reads_what_is_recorded() {
    use std::os::unix::fs::PermissionsExt;
    for umask in ["000", "277"] {
        let (directory, _) = program("media extends TransientS3Bucket { bucket \"the-media\"; }\n");
        let line = format!("umask {umask}; exec {} apply --sandbox --yes", env!("CARGO_BIN_EXE_tadpole"));
        let output = Command::new("sh").args(["-c", &line]).current_dir(directory.path()).output().unwrap();
        assert!(output.status.success(), "{umask}: {}", String::from_utf8_lossy(&output.stderr));
        let mut places = vec![directory.path().join(".tadpole")];
        while let Some(place) = places.pop() {
            let mode = place.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, if place.is_dir() { 0o700 } else { 0o600 }, "{umask}: {}", place.display());
            if place.is_dir() {
                places.extend(std::fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path()));
            }
        }
    }
}
