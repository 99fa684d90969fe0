//! `Exec`: real processes that end well and badly, hang, fork, shout and do not want to end.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tadpole::model::action::{Action, List, Occasion, Verb};
use tadpole::value::Value;
use tempfile::{TempDir, tempdir};

use super::{DEED, LOOK, Stage, action, data, map, numbers, secret, text, texts};
use crate::world::until;

pub fn exec(settings: &[(&str, Value)]) -> Action {
    let mut action = action(Verb::Exec, settings);
    if !settings.iter().any(|(name, _)| *name == "timeout") {
        action.settings.remove("timeout");
    }
    Action { name: "seed".into(), ..action }
}

pub fn shell(lines: &str) -> (&'static str, Value) {
    ("shell", text(lines))
}

fn read(directory: &TempDir, name: &str) -> String {
    fs::read_to_string(directory.path().join(name)).unwrap_or_default()
}

/// Whether the process whose number is in a file is there and not dead.
#[cfg(target_os = "linux")]
pub fn lives(file: &Path) -> bool {
    let number = fs::read_to_string(file).unwrap_or_default();
    let stat = fs::read_to_string(format!("/proc/{}/stat", number.trim())).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

#[tokio::test]
async fn a_command_is_run_with_its_arguments_as_they_are() {
    let directory = tempdir().unwrap();
    let program = directory.path().join("note.sh");
    fs::write(&program, "#!/bin/sh\npwd > here\nprintf '%s|' \"$@\" > arguments\ncat > heard\nenv > variables\n")
        .unwrap();
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    fs::create_dir(directory.path().join("inner")).unwrap();
    let stage = Stage::new((List::Update, Occasion::Replace)).within(directory.path());
    let outcome = stage
        .run(&exec(&[
            ("command", texts(&["./note.sh", "a b", "$HOME", "; rm -rf ."])),
            ("directory", text("inner")),
            ("stdin", secret("hunter2")),
            (
                "environment",
                map(&[("COLOUR", text("green")), ("PASSWORD", secret("s3cr3t")), ("TADPOLE_TOKEN", text("x"))]),
            ),
            ("clean", Value::Bool(true)),
        ]))
        .await;
    outcome.result.unwrap();
    let inner = |name| read(&directory, &format!("inner/{name}"));
    assert_eq!(inner("arguments"), "a b|$HOME|; rm -rf .|");
    assert_eq!(inner("heard"), "hunter2");
    assert!(inner("here").trim_end().ends_with("/inner"));
    let variables = inner("variables");
    let mut names: Vec<&str> = variables.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    names.retain(|name| !["PWD", "SHLVL", "_", "OLDPWD", "HOME"].contains(name));
    names.sort_unstable();
    let ours = ["ACTION", "ADDRESS", "ID", "OCCASION", "TOKEN"].map(|name| format!("TADPOLE_{name}"));
    let expected: Vec<&str> =
        ["COLOUR", "PASSWORD", "PATH"].into_iter().chain(ours.iter().map(String::as_str)).collect();
    assert_eq!(names, expected);
    for line in [
        "PASSWORD=s3cr3t",
        "TADPOLE_ACTION=seed",
        "TADPOLE_ADDRESS=web",
        "TADPOLE_ID=x-1",
        "TADPOLE_OCCASION=replace",
        &format!("TADPOLE_TOKEN={}", stage.token),
    ] {
        assert!(variables.lines().any(|variable| variable == line), "{line}: {variables}");
    }
}

#[tokio::test]
async fn a_shell_and_the_environment_are_there_when_they_are_wanted() {
    let directory = tempdir().unwrap();
    let stage = Stage::new(DEED).within(directory.path());
    stage.run(&exec(&[shell("echo $CARGO_PKG_NAME > name\necho done > end")])).await.result.unwrap();
    assert_eq!((read(&directory, "name").as_str(), read(&directory, "end").as_str()), ("tadpole\n", "done\n"));
}

#[tokio::test]
async fn what_fails_shows_the_last_that_it_said() {
    let stage = Stage::new(DEED);
    let lines = "seq 1 40; echo \"no table\" >&2; printf '\\033[31mpassword is %s\\033[0m\\r\\n' $PASSWORD >&2; exit 3";
    let action = exec(&[shell(lines), ("environment", map(&[("PASSWORD", secret("hunter2"))]))]);
    let fault = stage.run(&action).await.fault();
    assert!(fault.message.starts_with("`seed` failed: `seq 1 40; echo \"no table\" >&2; "), "{fault}");
    assert!(fault.message.contains("` ended with exit code 3: "), "{fault}");
    let help = fault.help.unwrap();
    let (error, rest) = help.split_once("\nthe end of its output:\n").unwrap();
    assert_eq!(error, "its error output:\n  no table\n  password is (secret)");
    let (output, last) = rest.rsplit_once('\n').unwrap();
    assert_eq!(output.lines().map(str::trim).collect::<Vec<_>>(), (29..=40).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(last, "`tadpole apply` goes on from there");
    // Other codes will do, if that is said.
    let other = exec(&[shell("exit 3"), ("expectExit", numbers(&[0, 3]))]);
    stage.run(&other).await.result.unwrap();
    let wrong = exec(&[shell("exit 0"), ("expectExit", numbers(&[1, 3]))]);
    assert_eq!(
        stage.run(&wrong).await.fault().message,
        "`seed` failed: `exit 0` ended with exit code 0, and not 1 or 3"
    );
    let killed = exec(&[shell("kill -9 $$")]);
    assert_eq!(stage.run(&killed).await.fault().message, "`seed` failed: `kill -9 $$` was ended by signal 9");
}

#[tokio::test]
async fn what_cannot_be_run_says_why() {
    let directory = tempdir().unwrap();
    fs::write(directory.path().join("plain.txt"), "no program").unwrap();
    let stage = Stage::new(DEED).within(directory.path());
    for (settings, message, help) in [
        (
            vec![("command", texts(&["tadpole-has-no-such-program"]))],
            "cannot be run: No such file",
            "there must be the directory",
        ),
        (vec![("command", texts(&["./plain.txt"]))], "cannot be run: Permission denied", "is it executable?"),
        (
            vec![("command", texts(&["true"])), ("directory", text("nowhere"))],
            "cannot be run: No such file",
            "nowhere`, and in it",
        ),
        (vec![], "there is nothing to run", ""),
        (
            vec![("command", Value::List(vec![text("echo"), secret("hunter2")]))],
            "there is a secret in `command`",
            "hand it over as a variable",
        ),
        (vec![("shell", secret("echo hunter2"))], "there is a secret in `shell`", "hand it over as a variable"),
        (vec![shell("true"), ("environment", map(&[("A=B", text("c"))]))], "the variable `A=B`", ""),
    ] {
        let fault = stage.run(&exec(&settings)).await.fault();
        assert!(fault.message.contains(message) && !fault.message.contains("hunter2"), "{fault}");
        assert!(fault.help.unwrap_or_default().contains(help), "{help}");
    }
}

#[tokio::test]
async fn a_look_is_repeated_and_a_deed_is_not() {
    let directory = tempdir().unwrap();
    // Ends well the third time.
    let lines = shell("echo x >> tries; echo looking; test $(wc -l < tries) -ge 3");
    let outcome = Stage::new(LOOK).within(directory.path()).run(&exec(std::slice::from_ref(&lines))).await;
    outcome.result.unwrap();
    assert_eq!(read(&directory, "tries"), "x\nx\nx\n");
    assert!(
        outcome.waits.iter().any(|wait| wait.ends_with("-ge 3` ended with exit code 1: looking")),
        "{:?}",
        outcome.waits
    );
    let directory = tempdir().unwrap();
    let once = Stage::new(DEED).within(directory.path());
    assert!(once.run(&exec(std::slice::from_ref(&lines))).await.result.is_err());
    assert_eq!(read(&directory, "tries"), "x\n");
    // Again only if it says so, and with the same token.
    let retry = data("Retry", &[("times", Value::Int(5)), ("backoff", Value::Duration(1))]);
    once.run(&exec(&[lines, ("retry", retry)])).await.result.unwrap();
    assert_eq!(read(&directory, "tries"), "x\nx\nx\n");
}

#[tokio::test]
async fn what_it_says_is_told_while_it_runs() {
    let directory = tempdir().unwrap();
    let lines = shell("echo migrating $PASSWORD; while ! test -e go; do sleep 0.05; done");
    let action = exec(&[lines, ("environment", map(&[("PASSWORD", secret("hunter2"))]))]);
    let go = directory.path().join("go");
    let later = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(1200));
        fs::write(go, "").unwrap();
    });
    let outcome = Stage::new(DEED).within(directory.path()).run(&action).await;
    later.join().unwrap();
    assert_eq!((outcome.result, outcome.waits), (Ok(()), vec!["migrating (secret)".to_string()]));
}

/// Of a gigabyte only the end is kept.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_says_a_lot_takes_no_room() {
    let resident = || {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10
    };
    let before = resident();
    let lines = "head -c 1000000000 /dev/zero | tr '\\0' 'x'; echo; echo the end; exit 1";
    let fault = Stage::new(DEED).run(&exec(&[shell(lines)])).await.fault();
    assert!(fault.message.ends_with("ended with exit code 1: the end"), "{fault}");
    let grown = resident().saturating_sub(before);
    assert!(grown < 300, "{grown} MiB more than before");
    assert!(fault.help.unwrap().len() < 1000);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_hangs_is_ended_with_all_that_it_started() {
    let directory = tempdir().unwrap();
    let stage = Stage::new(DEED).within(directory.path());
    // A child of its own that hangs too, and neither wants to end.
    let lines = "trap '' TERM; echo $$ > first; (trap '' TERM; sh -c 'echo $$ > second; while true; do sleep 0.1; done') & \
                 echo hanging; while true; do sleep 0.1; done";
    let started = Instant::now();
    let fault = stage.run(&exec(&[shell(lines), ("timeout", Value::Duration(500))])).await.fault();
    assert!(fault.message.ends_with("took longer than 500ms and was ended: hanging"), "{fault}");
    assert!(started.elapsed() > Duration::from_millis(2400));
    for name in ["first", "second"] {
        let file = directory.path().join(name);
        assert!(file.exists());
        until("its end", || !lives(&file));
    }
    // Who is asked to end may have something to say.
    let polite = "trap 'echo rolled back; exit 0' TERM; echo working; while true; do sleep 0.1; done";
    let fault = stage.run(&exec(&[shell(polite), ("within", Value::Duration(500))])).await.fault();
    assert!(fault.message.contains("took longer than 500ms and was ended: "), "{fault}");
    assert!(fault.help.unwrap().contains("its output:\n  working\n  rolled back\n"));
    // As a look, too.
    let fault = Stage::new(LOOK)
        .run(&exec(&[shell("sleep 1000"), ("within", Value::Duration(0)), ("timeout", Value::Duration(300))]))
        .await
        .fault();
    assert_eq!(fault.message, "it is not live: `sleep 1000` took longer than 300ms and was ended");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_is_left_in_the_background_is_left_and_not_waited_for() {
    let directory = tempdir().unwrap();
    let lines = "sh -c 'echo $$ > server; exec sleep 1000' & while ! test -s server; do sleep 0.01; done; echo started";
    let outcome = Stage::new(DEED).within(directory.path()).run(&exec(&[shell(lines)])).await;
    outcome.result.unwrap();
    let server = directory.path().join("server");
    assert!(lives(&server));
    let number = rustix::process::Pid::from_raw(fs::read_to_string(&server).unwrap().trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(number, rustix::process::Signal::KILL).unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_is_broken_off_is_ended_at_once() {
    let directory = tempdir().unwrap();
    let lines = "trap '' TERM; echo $$ > first; (sh -c 'echo $$ > second; exec sleep 1000') & sleep 1000";
    let (first, second) = (directory.path().join("first"), directory.path().join("second"));
    let (stage, action) = (Stage::new(DEED).within(directory.path()), exec(&[shell(lines)]));
    let both = || {
        [&first, &second]
            .map(|file| fs::read_to_string(file).unwrap_or_default())
            .iter()
            .all(|text| text.ends_with('\n'))
    };
    tokio::select! {
        _ = stage.run(&action) => panic!("it ended by itself"),
        () = async { while !both() { tokio::time::sleep(Duration::from_millis(10)).await } } => {}
    }
    until("their end", || !lives(&first) && !lives(&second));
}

/// A run that was killed left its command running: it has ended before the next run starts it again.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_command_never_runs_twice_at_once() {
    let directory = tempdir().unwrap();
    let stage = Stage::new(DEED).within(directory.path());
    let mut left = std::process::Command::new("sh");
    left.args(["-c", "sleep 1; echo left >> log"]).current_dir(directory.path()).env("TADPOLE_TOKEN", &stage.token);
    let mut left = left.spawn().unwrap();
    // Somebody takes note of its end, as the system does when its parent is gone.
    let waiting = std::thread::spawn(move || left.wait());
    let outcome = stage.run(&exec(&[shell("echo again >> log")])).await;
    outcome.result.unwrap();
    assert!(outcome.waits.iter().any(|wait| wait.contains("an interrupted run")), "{:?}", outcome.waits);
    assert_eq!(read(&directory, "log"), "left\nagain\n");
    waiting.join().unwrap().unwrap();
}
