//! `tadpole sandbox`, as users run it: looking, drift, and weather that an apply comes through.

use std::path::Path;

use crate::cli::{Ran, Tadpole};

const PROGRAM: &str = r#"
    images extends PersistentS3Bucket { bucket "shop-images"; versioning true; }
    scratch extends TransientS3Bucket { bucket "shop-scratch"; }
    Disk extends Resource { kind "test.Disk"; of: S3Bucket; password: String?, secret; }
    disk extends Disk { of scratch; password "canary-secret"; }
"#;

fn program(text: &str) -> (tempfile::TempDir, Tadpole) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("main.cloud"), text).unwrap();
    let tadpole = Tadpole::new(directory.path());
    (directory, tadpole)
}

fn good(ran: Ran) -> Ran {
    assert_eq!(ran.code, 0, "{ran:?}");
    ran
}

/// The error of a call that is wrong.
fn wrong(ran: Ran, says: &str) {
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains(says), "{}\ndoes not say `{says}`", ran.err);
}

#[test]
fn a_look_into_it() {
    let (directory, tadpole) = program(PROGRAM);
    let run = |arguments: &[&str]| tadpole.run(&[&["sandbox"], arguments].concat());
    assert!(good(run(&["list"])).out.contains("(nothing in the sandbox)"));
    assert!(!directory.path().join(".tadpole").exists(), "looking made something");
    good(tadpole.run(&["apply", "--sandbox", "--yes"]));
    let list = good(run(&["list"])).out;
    assert!(list.contains("(3 things in the sandbox)") && !list.contains("not recorded"), "{list}");
    assert!(good(run(&["list", "--kind", "aws.S3"])).out.contains("(2 of 3 things"));
    let lines = good(run(&["list", "--only", "scratch", "--json"])).out;
    let line: serde_json::Value = serde_json::from_str(lines.trim()).unwrap();
    assert_eq!((&line["id"], &line["recorded"]), (&"shop-scratch".into(), &true.into()));
    // By its id as by its address.
    let shown = good(run(&["show", "shop-scratch"])).out;
    assert_eq!(shown, good(run(&["show", "scratch"])).out);
    assert!(shown.contains("referred to by\n    disk  test.Disk disk-"), "{shown}");
    for arguments in [&["show", "disk"][..], &["show", "disk", "--json"]] {
        let shown = good(run(arguments)).out;
        assert!(shown.contains("password") && !shown.contains("canary"), "{shown}");
    }
    wrong(run(&["show", "scrath"]), "did you mean `scratch`?");
    // What nothing records is somebody's orphan.
    let record = directory.path().join(".tadpole/default");
    std::fs::remove_dir_all(&record).unwrap();
    std::fs::create_dir(&record).unwrap();
    assert_eq!(good(run(&["list"])).out.matches("not recorded").count(), 3);
}

#[test]
fn drift_is_shown_and_repaired() {
    let (_directory, tadpole) = program(PROGRAM);
    good(tadpole.run(&["apply", "--sandbox", "--yes"]));
    let told = good(tadpole.run(&["sandbox", "break", "--gone", "disk", "--change", "images.versioning=false"])).err;
    assert!(told.contains("images.versioning is false now: it was true") && told.contains("disk is gone"), "{told}");
    let plan = tadpole.run(&["plan", "--sandbox", "--exit-code"]);
    assert_eq!(plan.code, 2, "{}", plan.err);
    assert!(plan.err.contains("versioning  false -> true") && plan.err.contains("start again"), "{}", plan.err);
    good(tadpole.run(&["apply", "--sandbox", "--yes"]));
    assert_eq!(tadpole.run(&["plan", "--sandbox", "--exit-code"]).code, 0);
    assert!(good(tadpole.run(&["sandbox", "show", "images"])).out.contains("versioning     true"));

    let change = |what: &str| tadpole.run(&["sandbox", "break", "--change", what]);
    wrong(change("images.versionin=true"), "did you mean `versioning`?");
    wrong(change("images.versioning=3"), "Bool was expected");
    wrong(change("image.versioning=true"), "there is no `image` in the sandbox");
    wrong(change("images.versioning=nonsense"), "nonsense");
    assert_eq!(change("versioning=true").code, 1);
    assert_eq!(tadpole.run(&["plan", "--sandbox", "--exit-code"]).code, 0, "a refused change changed something");
}

#[test]
fn an_apply_comes_through_bad_weather() {
    let text = format!("{PROGRAM} many[i in 0..12] extends TransientS3Bucket {{ bucket \"shop-${{i}}\"; }}");
    let (directory, tadpole) = program(&text);
    let weather = ["--seed", "7", "--throttle", "0.15", "--errors", "0.1", "--lose", "0.1", "--lose-calls", "0.05"];
    let more = ["--lag", "100ms", "--latency", "x0.01"];
    let made = good(tadpole.run(&[&["sandbox", "break"], &weather[..], &more[..]].concat())).out;
    assert!(made.contains("throttle    15%") && made.contains("lag         100ms"), "{made}");
    let until_done = |arguments: &[&str]| {
        let mut runs = Vec::new();
        // One address may have bad luck with all tries of a call: the next run has other luck.
        for _ in 0..5 {
            runs.push(tadpole.run(arguments));
            if runs.last().unwrap().code == 0 {
                return runs;
            }
        }
        panic!("it came to no end: {runs:?}");
    };
    let runs = until_done(&["apply", "--sandbox", "--yes"]);
    assert!(runs[0].err.contains("bad weather: seed 7, latency x0.01"), "{}", runs[0].err);
    assert!(runs[0].err.contains("again in"), "no fault was met: {}", runs[0].err);
    let list = || good(tadpole.run(&["sandbox", "list"])).out;
    assert!(list().contains("(15 things in the sandbox)") && !list().contains("not recorded"), "{}", list());
    until_done(&["destroy", "--sandbox", "--yes"]);
    good(tadpole.run(&["sandbox", "break", "--none"]));
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert!(list().contains("(1 thing in the sandbox)") && list().contains("shop-images"), "{}", list());
    assert!(directory.path().join(".tadpole/sandbox.jsonl").exists());
}

#[test]
fn refusals_end_where_they_are_asked_for() {
    let (_directory, tadpole) = program(PROGRAM);
    good(tadpole.run(&["sandbox", "break", "--deny", "aws.S3Bucket:create", "--refuse", "disk"]));
    let run = tadpole.run(&["apply", "--sandbox", "--yes"]);
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(
        run.err.contains("you may not create aws.S3Bucket here") && run.err.contains("main.cloud:2"),
        "{}",
        run.err
    );
    good(tadpole.run(&["sandbox", "break", "--none"]));
    good(tadpole.run(&["apply", "--sandbox", "--yes"]));
    for (flag, value, says) in [
        ("--deny", "disk:dance", "`dance` is no call"),
        ("--throttle", "2", "a chance from 0 to 1"),
        ("--latency", "fast", "`real`, `none`"),
        ("--lag", "3", "with its unit"),
        ("--rate", "ec2=none", "calls a second"),
    ] {
        wrong(tadpole.run(&["sandbox", "break", flag, value]), says);
    }
}

#[test]
fn reset_asks_and_takes_everything_out() {
    let (directory, tadpole) = program(PROGRAM);
    good(tadpole.run(&["apply", "--sandbox", "--yes"]));
    wrong(tadpole.run(&["sandbox", "reset"]), "nobody is there to say yes");
    good(tadpole.run(&["sandbox", "break", "--seed", "3", "--errors", "0.5"]));
    assert!(good(tadpole.run(&["sandbox", "reset", "--yes"])).err.contains("3 things taken out"));
    assert!(good(tadpole.run(&["sandbox", "break"])).out.contains("Fair"));
    // The record stays: a plan shows what is gone.
    assert!(good(tadpole.run(&["plan", "--sandbox"])).err.contains("3 to start again"));
    // A file that cannot be read is said to be so, and can be taken away.
    let file = directory.path().join(".tadpole/sandbox.jsonl");
    std::fs::write(&file, "nonsense\n").unwrap();
    for command in [&["plan", "--sandbox"][..], &["sandbox", "list"]] {
        wrong(tadpole.run(command), "line 1 is not what was written");
    }
    good(tadpole.run(&["sandbox", "reset", "--yes"]));
    good(tadpole.run(&["apply", "--sandbox", "--yes"]));
    // No sandbox is made for a program that is not there.
    wrong(tadpole.run(&["sandbox", "break", "typo", "--seed", "1"]), "typo");
    assert!(!Path::new(directory.path()).join("typo").exists());
}

/// As in one account: names collide, each environment sees what is its own, and one that goes takes nothing of the others.
#[test]
fn environments_of_a_project_share_one_sandbox() {
    let directory = tempfile::tempdir().unwrap();
    let text = "param name: String = \"shop\";\nimages extends TransientS3Bucket { bucket name; }\n";
    std::fs::write(directory.path().join("main.cloud"), text).unwrap();
    let tadpole = Tadpole::new(directory.path());
    let run = |words: &str| tadpole.run(&words.split(' ').collect::<Vec<_>>());
    good(run("apply --sandbox --yes --env one"));
    let taken = run("apply --sandbox --yes --env two");
    assert_eq!(taken.code, 3, "{}", taken.err);
    assert!(taken.err.contains("\"shop\" is taken: `images` of another environment has it"), "{}", taken.err);
    good(run("apply --sandbox --yes --env two --set name=other"));
    assert!(directory.path().join(".tadpole/sandbox.jsonl").exists());
    let list = good(run("sandbox list --env two")).out;
    assert!(list.contains("shop   images  of the environment `one`"), "{list}");
    assert!(list.contains("other  images\n"), "{list}");
    assert!(good(run("sandbox show images --env two")).out.contains("aws.S3Bucket other"));
    let removed = run("env remove two --yes");
    assert_eq!(removed.code, 1, "what it records is still there: {}", removed.err);
    good(run("destroy --sandbox --yes --env two"));
    good(run("env remove two --yes"));
    assert_eq!(good(run("plan --sandbox --env one --exit-code")).code, 0);
    good(run("apply --sandbox --yes --env two --set name=third"));
    assert!(good(run("sandbox reset --yes --env two")).err.contains("2 things, of 2 environments taken out"));
}
