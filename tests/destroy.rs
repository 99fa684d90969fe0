//! `tadpole destroy` as its users run it: what is in the way, what stays, what is deleted only when somebody
//! names the project, and what the cloud still has afterwards.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use crate::cli::{Ran, Tadpole, ends};

const PROGRAM: &str = r#"
project extends Project { name "shop"; }
media extends PersistentS3Bucket { bucket "shop-media"; region "eu-west-1"; }
builds extends TransientS3Bucket { bucket "shop-builds"; }
"#;

fn shop(text: &str) -> (tempfile::TempDir, Tadpole) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("main.cloud"), text).unwrap();
    let tadpole = Tadpole::new(directory.path());
    ends(&tadpole.run(&["apply", "--sandbox", "--yes"]), 0, &[]);
    (directory, tadpole)
}

fn there(tadpole: &Tadpole) -> Vec<String> {
    let list = tadpole.run(&["sandbox", "list", "--json"]);
    assert_eq!(list.code, 0, "{}", list.err);
    let id = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().to_string();
    let mut ids: Vec<String> = list.out.lines().map(id).collect();
    ids.sort();
    ids
}

#[test]
fn what_is_left_standing_is_told_with_how_it_is_found_again() {
    let (_directory, tadpole) = shop(PROGRAM);
    let again = "tadpole import media shop-media --sandbox";
    let standing = "media  PersistentS3Bucket  shop-media in eu-west-1";
    let ran = tadpole.run(&["destroy", "--sandbox", "--yes"]);
    ends(&ran, 0, &[standing, again]);
    assert_eq!(ran.err.matches(standing).count(), 2, "in the plan, and at the end: {}", ran.err);
    assert_eq!(there(&tadpole), ["shop-media"]);
    ends(&tadpole.run(&["import", "media", "shop-media", "--sandbox"]), 0, &["1 imported"]);
    ends(&tadpole.run(&["destroy", "--sandbox", "--yes"]), 0, &[standing]);
    // By itself, too; and what it says of it is never taken for a surprise.
    ends(&tadpole.run(&["apply", "--sandbox", "--yes"]), 0, &["adopt"]);
    ends(&tadpole.run(&["destroy", "--sandbox", "--yes"]), 0, &[standing]);
    let last = tadpole.run(&["destroy", "--sandbox", "--yes"]);
    ends(&last, 0, &["Left standing on purpose, by an earlier run:\n    media  aws.S3Bucket shop-media"]);
    assert!(!last.err.contains("nothing records"), "{}", last.err);
}

#[test]
fn what_was_found_or_is_gone_is_not_left_standing() {
    let (_directory, tadpole) = shop(PROGRAM);
    let found = "old extends S3Bucket { bucket \"shop-media\"; region \"eu-west-1\"; }\n";
    std::fs::write(_directory.path().join("main.cloud"), format!("{PROGRAM}{found}")).unwrap();
    ends(&tadpole.run(&["apply", "--sandbox", "--yes"]), 0, &[]);
    ends(&tadpole.run(&["sandbox", "break", "--gone", "builds"]), 0, &[]);
    let ran = tadpole.run(&["destroy", "--sandbox", "--yes"]);
    ends(&ran, 0, &["it existed before, and is left as it is", "it is gone already", "media  PersistentS3Bucket"]);
    let (_, standing) = ran.err.rsplit_once("Left standing").unwrap();
    assert!(!standing.contains("old") && !standing.contains("builds"), "{}", ran.err);
}

#[test]
fn what_is_kept_goes_only_with_the_name_of_the_project() {
    let (_directory, tadpole) = shop(PROGRAM);
    let both = ["shop-builds", "shop-media"];
    let refused: [(&[&str], &str); 4] = [
        (&["--include-persistent"], "`--yes` is not enough"),
        (&["--include-persistent", "--yes"], "`--yes` is not enough"),
        (&["--include-persistent", "--confirm", "shoop"], "`--confirm shoop` is not the name of this project"),
        (&["--include-persistent", "--yes", "--confirm", "Shop"], "nothing was changed"),
    ];
    for (flags, text) in refused {
        let ran = tadpole.run(&[&["destroy", "--sandbox"], flags].concat());
        ends(&ran, 1, &[text]);
        assert_eq!(there(&tadpole), both, "{flags:?}");
    }
    assert_eq!(tadpole.run(&["destroy", "--sandbox", "--confirm", "shop"]).code, 1, "it confirms nothing");
    let ran = tadpole.run(&["destroy", "--sandbox", "--include-persistent", "--confirm", "shop"]);
    let loud = "! media  deletes shop-media, which was to be kept: all that it holds is lost for good";
    ends(&ran, 0, &[loud, "2 to terminate.  1 hazard."]);
    assert!(!ran.err.contains("Left standing"), "{}", ran.err);
    assert_eq!(there(&tadpole), [""; 0]);
}

#[test]
fn what_was_left_standing_before_goes_too() {
    let (_directory, tadpole) = shop(PROGRAM);
    ends(&tadpole.run(&["destroy", "--sandbox", "--yes"]), 0, &[]);
    assert_eq!(there(&tadpole), ["shop-media"]);
    let ran = tadpole.run(&["destroy", "--sandbox", "--include-persistent", "--confirm", "shop"]);
    ends(&ran, 0, &["it was left standing before", "1 to terminate.  1 hazard."]);
    assert_eq!(there(&tadpole), [""; 0]);
    ends(&tadpole.run(&["destroy", "--sandbox", "--include-persistent", "--confirm", "shop"]), 0, &["Nothing changes"]);
}

#[test]
fn what_existed_already_never_goes() {
    let (directory, tadpole) = shop("media extends TransientS3Bucket { bucket \"shop-media\"; }\n");
    let found = "old extends S3Bucket { bucket \"shop-media\"; }\n";
    std::fs::write(directory.path().join("main.cloud"), found).unwrap();
    // Its maker forgets it: from now on it is somebody else's.
    ends(&tadpole.run(&["forget", "media", "--yes"]), 0, &[]);
    ends(&tadpole.run(&["apply", "--sandbox", "--yes"]), 0, &[]);
    let name = directory.path().file_name().unwrap().to_str().unwrap();
    let ran = tadpole.run(&["destroy", "--sandbox", "--include-persistent", "--confirm", name]);
    ends(&ran, 0, &["it existed before, and is left as it is"]);
    assert_eq!(there(&tadpole), ["shop-media"]);
}

#[test]
fn a_teardown_goes_on_past_what_is_in_the_way() {
    let program = r#"
Net extends Resource { kind "acme.Net"; name: String, identity; }
Host extends Resource { kind "acme.Host"; name: String, identity; net: Net; terminationProtection: Bool = false; }
one extends Net { name "one"; }
two extends Net { name "two"; }
free extends Host { name "free"; net one; }
kept extends Host { name "kept"; net two; terminationProtection true; }
"#;
    let (_directory, tadpole) = shop(program);
    let plan = tadpole.run(&["plan", "--destroy", "--sandbox", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&plan.out).unwrap();
    let change = json["changes"].as_array().unwrap().iter().find(|change| change["address"] == "kept").unwrap();
    assert_eq!(change["hazards"][0]["kind"], "obstacle", "{change}");
    assert_eq!(change["hazards"][0]["attribute"], "terminationProtection");
    let markdown = tadpole.run(&["plan", "--destroy", "--sandbox", "--markdown"]).out;
    assert!(
        markdown.contains("> - `kept` its deletion would be refused: its `terminationProtection` is on; `two` waits"),
        "{markdown}"
    );
    let ran = tadpole.run(&["destroy", "--sandbox", "--yes"]);
    ends(
        &ran,
        3,
        &[
            "! kept  its deletion would be refused: its `terminationProtection` is on",
            "`two` waits for that: the plan goes on without it",
            "help: write `terminationProtection false;`, and apply that first",
            "2 done, 1 failed, 1 not tried.",
            "not tried: two",
            "the `terminationProtection` of kept is on",
        ],
    );
    assert_eq!(there(&tadpole), ["kept", "two"]);
    // Nobody is asked then.
    let ran = tadpole.run(&["plan", "--destroy", "--sandbox", "--no-refresh"]);
    assert!(!ran.err.contains("would be refused"), "{}", ran.err);
}

#[test]
fn what_cannot_be_asked_about_does_not_stop_a_plan() {
    let (_directory, tadpole) = shop("builds extends TransientS3Bucket { bucket \"shop-builds\"; }\n");
    ends(&tadpole.run(&["sandbox", "break", "--deny", "builds:obstacles"]), 0, &[]);
    let ran = tadpole.run(&["plan", "--destroy", "--sandbox"]);
    ends(&ran, 0, &["whether `builds` can be deleted is not known", "1 to terminate."]);
}

#[test]
fn what_nothing_records_is_told_after_everything_went() {
    let (directory, tadpole) = shop(PROGRAM);
    // Somebody puts an old copy of the record in place of the new one.
    let record = directory.path().join(".tadpole");
    let before: Vec<_> =
        crate::world::files_below(&record).into_iter().map(|path| (std::fs::read(&path).unwrap(), path)).collect();
    let more = format!("{PROGRAM}logs extends TransientS3Bucket {{ bucket \"shop-logs\"; }}\n");
    std::fs::write(directory.path().join("main.cloud"), more).unwrap();
    ends(&tadpole.run(&["apply", "--sandbox", "--yes"]), 0, &[]);
    let is_cloud = |path: &std::path::Path| path.ends_with("sandbox.jsonl");
    for path in crate::world::files_below(&record).iter().filter(|path| !is_cloud(path)) {
        std::fs::remove_file(path).unwrap();
    }
    for (bytes, path) in before.iter().filter(|(_, path)| !is_cloud(path)) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let ran = tadpole.run(&["destroy", "--sandbox", "--yes"]);
    let lost = "1 thing of this environment is still there, and nothing records it:\n    logs  aws.S3Bucket shop-logs";
    ends(&ran, 0, &[lost, "tadpole import ADDRESS ID --sandbox", "media  PersistentS3Bucket"]);
    ends(&tadpole.run(&["import", "logs", "shop-logs", "--sandbox"]), 0, &[]);
    let ran = tadpole.run(&["destroy", "--sandbox", "--yes"]);
    ends(&ran, 0, &["1 done."]);
    assert!(!ran.err.contains("nothing records"), "{}", ran.err);
    assert_eq!(there(&tadpole), ["shop-media"]);
}

#[test]
fn a_last_snapshot_is_left_behind_and_no_surprise() {
    let program = r#"
Db extends Resource {
    kind "acme.DbInstance"; name: String, identity; finalSnapshot: Bool = true; finalSnapshotName: String = "last";
}
db extends Db { name "db"; }
"#;
    let (_directory, tadpole) = shop(program);
    let ran = tadpole.run(&["destroy", "--sandbox", "--yes"]);
    ends(&ran, 0, &["Left behind by what was deleted, and recorded nowhere:\n    db  acme.DbSnapshot last"]);
    assert_eq!(there(&tadpole), ["last"]);
}

#[test]
fn what_needs_a_target_goes_with_it() {
    let program = r#"
Net extends Resource { kind "acme.Net"; name: String, identity; }
Host extends Resource { kind "acme.Host"; name: String, identity; net: Net; }
net extends Net { name "net"; }
other extends Net { name "other"; }
host extends Host { name "host"; net net; }
"#;
    let (_directory, tadpole) = shop(program);
    let ran = tadpole.run(&["destroy", "--sandbox", "--yes", "--target", "net"]);
    ends(
        &ran,
        0,
        &["only net and what needs it, which changes also host: 1 change is left out", "2 to terminate, 1 left out."],
    );
    assert_eq!(there(&tadpole), ["other"]);
    // What is left is not looked for: not everything was to go.
    assert!(!ran.err.contains("nothing records"), "{}", ran.err);
}

// ---- on a terminal

/// A command on a terminal, where something is typed when it asks.
#[cfg(target_os = "linux")]
fn typed(tadpole: &Tadpole, arguments: &str, question: &str, answer: &str) -> Option<Ran> {
    if Command::new("script").arg("--version").output().is_err() {
        eprintln!("SKIPPED: `script` of util-linux is not there");
        return None;
    }
    let line = format!("{} {arguments}", env!("CARGO_BIN_EXE_tadpole"));
    let mut child = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .current_dir(tadpole.directory())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut said = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&said).ends_with(question) {
        assert_eq!(stdout.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&said));
        said.push(byte[0]);
    }
    stdin.write_all(format!("{answer}\n").as_bytes()).unwrap();
    stdout.read_to_end(&mut said).unwrap();
    let code = child.wait().unwrap().code().unwrap_or(-1);
    drop(stdin);
    Some(Ran { code, out: String::new(), err: String::from_utf8_lossy(&said).into_owned() })
}

#[cfg(target_os = "linux")]
#[test]
fn the_name_of_the_project_is_typed_at_a_terminal() {
    let (_directory, tadpole) = shop(PROGRAM);
    let question = "type the name of the project: ";
    for (flags, answer) in [("", "y"), ("", ""), ("--yes ", "shop/default")] {
        let arguments = format!("destroy --sandbox --include-persistent {flags}");
        let Some(ran) = typed(&tadpole, &arguments, question, answer) else { return };
        ends(&ran, 1, &["This deletes 1 thing that was to be kept", "That is not its name. Nothing was changed."]);
        assert_eq!(there(&tadpole), ["shop-builds", "shop-media"]);
    }
    let Some(ran) = typed(&tadpole, "destroy --sandbox --include-persistent", question, "shop") else { return };
    ends(&ran, 0, &["2 done."]);
    assert_eq!(there(&tadpole), [""; 0]);
}

#[cfg(target_os = "linux")]
#[test]
fn where_nothing_is_kept_it_asks_as_always() {
    let (_directory, tadpole) = shop("builds extends TransientS3Bucket { bucket \"shop-builds\"; }\n");
    let Some(ran) = typed(&tadpole, "destroy --sandbox --include-persistent", "[y/N] ", "y") else { return };
    ends(&ran, 0, &["1 done."]);
}
