//! Files, directories and ports.

use std::collections::BTreeSet;

use tadpole::state::State;
use tadpole::state::store::{LocalStore, Store};

use super::{Place, mode};
use crate::cli::{Tadpole, ends};
use crate::world::{World, files_below};

const SITE: &str = r#"
    conf extends LocalDirectory { path "conf"; mode "0750"; }
    inner extends LocalDirectory { directory conf; path "inner"; }
    site extends LocalFile { directory inner; path "site.conf"; content "one\n"; mode "0640"; }
    output where = site.absolute;
"#;

#[test]
fn a_file_and_its_directories_come_change_and_go() {
    let place = Place::new(SITE);
    place.is_applied();
    assert_eq!(place.text("conf/inner/site.conf"), "one\n");
    assert_eq!((mode(&place.path("conf")), mode(&place.path("conf/inner/site.conf"))), (0o750, 0o640));
    let whole = place.path("conf/inner/site.conf").canonicalize().unwrap();
    assert_eq!(place.output("site", "absolute"), whole.display().to_string());
    place.says(&SITE.replace("one", "two").replace("0640", "0600").replace("0750", "0700"));
    place.is_applied();
    assert_eq!(place.text("conf/inner/site.conf"), "two\n");
    assert_eq!((mode(&place.path("conf")), mode(&place.path("conf/inner/site.conf"))), (0o700, 0o600));
    // Another path is another file.
    place.says(&SITE.replace("site.conf", "other.conf"));
    place.is_applied();
    assert!(!place.path("conf/inner/site.conf").exists());
    assert_eq!(place.text("conf/inner/other.conf"), "one\n");
    assert_eq!(place.marks(), 3);
    place.is_destroyed();
    assert_eq!(place.marks(), 0);
}

#[test]
fn a_copy_of_a_file_follows_it() {
    let place = Place::new("copy extends LocalFile { path \"copy.txt\"; source asset(\"from.txt\"); }");
    std::fs::write(place.path("from.txt"), "one").unwrap();
    place.is_applied();
    assert_eq!(place.text("copy.txt"), "one");
    std::fs::write(place.path("from.txt"), "two").unwrap();
    ends(&place.tadpole.run(&["plan", "--exit-code"]), 2, &[]);
    place.is_applied();
    assert_eq!(place.text("copy.txt"), "two");
    std::fs::remove_file(place.path("from.txt")).unwrap();
    // What is recorded is enough.
    place.is_destroyed();
}

#[test]
fn what_is_there_already_is_not_taken_over() {
    let place = Place::new(SITE);
    std::fs::create_dir(place.path("conf")).unwrap();
    std::fs::write(place.path("conf/mine"), "mine").unwrap();
    ends(&place.apply(), 3, &["/conf` is there already, and was not made by this environment", "choose another path"]);
    assert_eq!(place.text("conf/mine"), "mine");
    std::fs::remove_dir_all(place.path("conf")).unwrap();
    place.is_applied();
    std::fs::remove_file(place.path("conf/inner/site.conf")).unwrap();
    std::fs::write(place.path("conf/inner/site.conf"), "one\n").unwrap();
    // It has the same in it. Whose it is does not matter then: it is as it was written.
    place.is_destroyed();
}

#[test]
fn a_file_of_somebody_else_is_left_as_it_is() {
    let place = Place::new("note extends LocalFile { path \"note\"; content \"ours\"; }");
    std::fs::write(place.path("note"), "theirs").unwrap();
    ends(&place.apply(), 3, &["/note` is there already"]);
    ends(&place.destroy(), 0, &[]);
    assert_eq!(place.text("note"), "theirs");
    // As a link, which is not followed.
    std::fs::rename(place.path("note"), place.path("far")).unwrap();
    std::os::unix::fs::symlink("far", place.path("note")).unwrap();
    ends(&place.apply(), 3, &["/note` is there already"]);
    assert_eq!(place.text("far"), "theirs");
}

/// Someone moves a directory away and puts a link in its place: what is there is not ours, whatever is in it.
#[test]
fn what_a_link_in_the_place_of_a_directory_leads_to_is_neither_changed_nor_deleted() {
    for theirs in ["theirs", "ours"] {
        let place = Place::new("note extends LocalFile { path \"sub/note\"; content \"ours\"; }");
        std::fs::create_dir(place.path("sub")).unwrap();
        std::fs::create_dir(place.path("other")).unwrap();
        place.is_applied();
        std::fs::write(place.path("other/note"), theirs).unwrap();
        std::fs::rename(place.path("sub"), place.path("moved")).unwrap();
        std::os::unix::fs::symlink("other", place.path("sub")).unwrap();
        ends(&place.tadpole.run(&["plan", "--exit-code"]), 2, &["note is gone"]);
        ends(&place.apply(), 3, &["sub/note` is there already"]);
        let said = ["/sub/note` is not in the directory that it was written to: it is not deleted"];
        ends(&place.tadpole.run(&["destroy", "--yes", "--no-refresh"]), 3, &said);
        assert_eq!(place.text("other/note"), theirs);
        let forgotten = place.destroy();
        ends(&forgotten, 0, &["forgotten: no longer exists: sub/note"]);
        assert!(!forgotten.err.contains("left standing"), "{}", forgotten.err);
        assert_eq!((place.text("other/note"), place.text("moved/note")), (theirs.into(), "ours".into()));
    }
    // The same file, by another way, is ours still.
    let place = Place::new("note extends LocalFile { path \"sub/note\"; content \"ours\"; }");
    std::fs::create_dir(place.path("sub")).unwrap();
    place.is_applied();
    std::fs::rename(place.path("sub"), place.path("moved")).unwrap();
    std::os::unix::fs::symlink("moved", place.path("sub")).unwrap();
    ends(&place.tadpole.run(&["plan", "--exit-code"]), 0, &[]);
    ends(&place.destroy(), 0, &["v note  terminated sub/note"]);
    assert!(!place.path("moved/note").exists());
}

#[test]
fn what_somebody_changed_is_seen_and_not_deleted() {
    let place = Place::new("note extends LocalFile { path \"note\"; content \"ours\"; }");
    place.is_applied();
    std::fs::write(place.path("note"), "much work").unwrap();
    ends(&place.tadpole.run(&["plan", "--exit-code"]), 2, &["content  \"ours\" -> \"(other bytes, "]);
    let said = ["/note` has other bytes in it than were written: it is not deleted", "`tadpole apply` writes it anew"];
    ends(&place.destroy(), 3, &said);
    assert_eq!(place.text("note"), "much work");
    place.is_applied();
    assert_eq!(place.text("note"), "ours");
    // Whoever deletes it by hand is not asked for it.
    std::fs::remove_file(place.path("note")).unwrap();
    ends(&place.tadpole.run(&["plan", "--exit-code"]), 2, &["note is gone"]);
    place.is_destroyed();
}

#[test]
fn a_directory_goes_with_what_others_put_into_it_only_when_it_is_said() {
    let program = "data extends LocalDirectory { path \"data\"; }";
    let place = Place::new(program);
    place.is_applied();
    for name in ["one", "two", "three", "four", "five"] {
        std::fs::write(place.path("data").join(name), "x").unwrap();
    }
    let said = ["/data` is not empty: it has `five`, `four`, `one` and 2 more in it", "deleteContents true;"];
    ends(&place.destroy(), 3, &said);
    assert_eq!(place.text("data/five"), "x");
    place.says(&program.replace("data\";", "data\"; deleteContents true;"));
    place.is_applied();
    place.is_destroyed();
}

#[test]
fn another_directory_in_the_same_place_is_not_deleted() {
    let place = Place::new("data extends LocalDirectory { path \"data\"; deleteContents true; }");
    place.is_applied();
    std::fs::rename(place.path("data"), place.path("old")).unwrap();
    std::fs::create_dir(place.path("data")).unwrap();
    ends(&place.destroy(), 3, &["/data` is of this environment: it is not deleted"]);
    std::fs::remove_dir(place.path("data")).unwrap();
    std::fs::rename(place.path("old"), place.path("data")).unwrap();
    place.is_destroyed();
}

#[test]
fn a_file_without_a_directory_says_what_to_do() {
    let place = Place::new("note extends LocalFile { path \"no/where\"; content \"x\"; }");
    ends(&place.apply(), 3, &["there is no directory `", "declare a `LocalDirectory`"]);
    place.says("note extends LocalFile { path \"note\"; }");
    ends(&place.apply(), 3, &["nothing says what is in `note`"]);
}

#[test]
fn what_is_written_in_part_is_not_there() {
    let place = Place::new("note extends LocalFile { path \"big\"; source asset(\"from\"); }");
    std::fs::write(place.path("from"), vec![b'x'; 1 << 20]).unwrap();
    // Writing fails in the middle, as it does on a full disk.
    let mut command = std::process::Command::new("sh");
    let tadpole = env!("CARGO_BIN_EXE_tadpole");
    command.args(["-c", &format!("ulimit -f 256; exec {tadpole} apply --yes")]);
    let output = command.current_dir(place.directory.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("cannot write `") && said.contains("/big`: "), "{said}");
    let left: Vec<String> = files_below(place.directory.path()).iter().map(|path| path.display().to_string()).collect();
    assert!(!left.iter().any(|path| path.ends_with(".part") || path.ends_with("/big")), "{left:?}");
}

#[test]
fn a_secret_in_a_file_is_nowhere_else() {
    let program = "password: Secret = secret(\"env:CANARY\");
        file extends LocalFile { path \"password\"; content password; }";
    let place = Place::new(program);
    let tadpole = Tadpole::new(place.directory.path()).env("CANARY", "canary-in-a-file");
    ends(&tadpole.run(&["apply", "--yes"]), 0, &[]);
    ends(&tadpole.run(&["plan", "--exit-code"]), 0, &[]);
    assert_eq!(place.text("password"), "canary-in-a-file");
    assert_eq!(mode(&place.path("password")), 0o600);
    let sum = tadpole::resolve::load::Sum::of(b"canary-in-a-file").sha256;
    for path in files_below(&place.path(".tadpole")) {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains("canary-in") && !text.contains(&sum), "{}: {text}", path.display());
    }
    // Of the same length.
    std::fs::write(place.path("password"), "canary-in-a-fire").unwrap();
    ends(&tadpole.run(&["plan", "--exit-code"]), 2, &["(other bytes, "]);
    ends(&tadpole.run(&["destroy", "--yes"]), 3, &["has other bytes in it"]);
    ends(&tadpole.run(&["apply", "--yes"]), 0, &[]);
    ends(&tadpole.run(&["destroy", "--yes"]), 0, &[]);
    assert!(!place.path("password").exists());
}

#[test]
fn a_port_stays_as_long_as_it_is_there() {
    let place = Place::new("p[i in 0..20] extends LocalPort { }\noutput ports = [for one in p: one.port];");
    place.is_applied();
    let ports = |place: &Place| {
        let state = place.state().unwrap();
        let ports: BTreeSet<String> = state.resources.values().map(|recorded| recorded.id.to_string()).collect();
        ports
    };
    let first = ports(&place);
    assert_eq!(first.len(), 20);
    assert!(first.iter().all(|port| (20_000..32_768).contains(&port.parse::<u16>().unwrap())), "{first:?}");
    place.is_applied();
    assert_eq!(ports(&place), first);
    place.is_destroyed();
}

#[test]
fn in_the_sandbox_nothing_is_touched() {
    let place = Place::new(&format!("{SITE}\nrun extends LocalProcess {{ command [\"touch\", \"touched\"]; }}"));
    ends(&place.tadpole.run(&["apply", "--yes", "--sandbox"]), 0, &[]);
    assert!(!place.path("conf").exists() && !place.path("touched").exists());
    assert_eq!(place.processes().len(), 0);
    // What is in the sandbox is not mixed up with what is real.
    ends(&place.apply(), 1, &["is in the sandbox, and this command works on what is real", "add `--sandbox`"]);
    ends(&place.tadpole.run(&["destroy", "--yes", "--sandbox"]), 0, &[]);
}

#[test]
fn what_is_real_is_not_taken_for_the_sandbox() {
    let place = Place::new(SITE);
    place.is_applied();
    let said = ["is real, and this command works in the sandbox", "leave `--sandbox` out"];
    ends(&place.tadpole.run(&["apply", "--yes", "--sandbox"]), 1, &said);
    assert_eq!(&*place.state().unwrap().cloud, "real");
}

/// Versions that knew one cloud only recorded its name.
#[test]
fn what_was_recorded_as_aws_gets_local_things() {
    let place = Place::new(SITE);
    let (mut store, _) = LocalStore::open(&place.path(".tadpole/default"), &World::holder()).unwrap();
    store.compact(&State::new("8defd48e".into(), "aws".into())).unwrap();
    drop(store);
    place.is_applied();
    assert_eq!(&*place.state().unwrap().lineage, "8defd48e");
    place.is_destroyed();
}

#[cfg(not(feature = "aws"))]
#[test]
fn what_was_not_built_is_said_not_to_be() {
    let place = Place::new(&format!("{SITE}\nbucket extends TransientS3Bucket {{ bucket \"acme-scratch\"; }}"));
    ends(&place.apply(), 1, &["this tadpole was built without AWS", "add `--sandbox`"]);
    assert!(!place.path("conf").exists());
}
