//! `tadpole state`: what it shows, what it changes in the record, and what it refuses.

use std::path::Path;

use tadpole::state::State;
use tadpole::state::store;

use crate::cli::{Ran, Tadpole};

const SHOP: &str = r#"
images extends PersistentS3Bucket { bucket "images"; }
scratch extends TransientS3Bucket { bucket "scratch"; tags { images images.arn; } }
n[i in 0..2] extends TransientS3Bucket { bucket "n-${i}"; dependsOn [scratch]; }
key extends TransientS3Bucket { bucket "key"; tags { password "none"; } }
output images: String = images.domainName;
"#;

fn shop() -> (tempfile::TempDir, Tadpole) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("main.cloud"), SHOP).unwrap();
    let tadpole = Tadpole::new(directory.path());
    done(&tadpole.run(&["apply", "--sandbox", "--yes"]));
    (directory, tadpole)
}

fn state(directory: &Path, environment: &str) -> State {
    store::peek(&directory.join(".tadpole").join(environment)).unwrap().unwrap()
}

fn done(ran: &Ran) {
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

fn refused(ran: &Ran, why: &str) {
    let said = ran.err.replace("\n        ", " ");
    assert!(ran.code == 1 && said.contains(why), "{} {}", ran.code, said);
}

#[test]
fn resources_and_groups_get_other_addresses() {
    let (directory, tadpole) = shop();
    let before = state(directory.path(), "default");
    for (from, to, why) in [
        ("n", "n", "`n` is called so already"),
        ("scrach", "m", "did you mean `scratch`?"),
        ("scratch", "n[0]", "`n[0]` is recorded already"),
        ("n", "m[0]", "`n` is a repetition, and `m[0]` is one element"),
    ] {
        refused(&tadpole.run(&["state", "move", from, to]), why);
    }
    assert_eq!(state(directory.path(), "default").resources, before.resources);

    done(&tadpole.run(&["state", "move", "n", "tier.server"]));
    done(&tadpole.run(&["state", "move", "images", "pictures"]));
    // Two that change places.
    done(&tadpole.run(&["state", "move", "tier.server[0]", "tier.other"]));
    let moved = state(directory.path(), "default");
    let addresses: Vec<String> = moved.resources.keys().map(ToString::to_string).collect();
    assert_eq!(addresses, ["key", "pictures", "scratch", "tier.other", "tier.server[1]"]);
    let needs: Vec<String> =
        moved.resources[&"scratch".parse().unwrap()].dependencies.iter().map(ToString::to_string).collect();
    assert_eq!(needs, ["pictures"]);
    done(&tadpole.run(&["state", "verify", "--sandbox"]));

    std::fs::write(
        directory.path().join("main.cloud"),
        SHOP.replace("images extends", "pictures extends").replace("images.", "pictures."),
    )
    .unwrap();
    done(&tadpole.run(&["state", "move", "tier.server", "n"]));
    done(&tadpole.run(&["state", "move", "tier.other", "n[0]"]));
    let plan = tadpole.run(&["plan", "--sandbox", "--exit-code"]);
    assert_eq!(plan.code, 0, "{}", plan.err);
}

#[test]
fn what_is_forgotten_is_left_standing() {
    let (directory, tadpole) = shop();
    let asked = tadpole.run(&["forget", "scratch", "n[1]"]);
    refused(&asked, "nobody is there to say yes");
    assert!(asked.err.contains("scratch  TransientS3Bucket scratch"), "{}", asked.err);
    assert_eq!(state(directory.path(), "default").resources.len(), 5);
    refused(&tadpole.run(&["forget", "scratch", "scrach", "--yes"]), "nothing is recorded at `scrach`");
    assert_eq!(state(directory.path(), "default").resources.len(), 5);

    let forgot = tadpole.run(&["state", "forget", "scratch", "n[1]", "--yes", "--program", "."]);
    done(&forgot);
    assert!(forgot.err.contains("n[0] needs scratch, and stays recorded"), "{}", forgot.err);
    assert_eq!(state(directory.path(), "default").resources.len(), 3);
    let verified = tadpole.run(&["state", "verify", "--sandbox"]);
    done(&verified);
    for id in ["n-1", "scratch"] {
        assert!(verified.out.contains(&format!("aws.S3Bucket {id}, made as")), "{}", verified.out);
    }
    // What is left standing is not taken down.
    done(&tadpole.run(&["destroy", "--sandbox", "--yes"]));
    let list = tadpole.run(&["state", "list"]);
    assert_eq!((list.code, list.out.as_str()), (0, ""), "{}", list.err);
}

#[test]
fn a_record_goes_elsewhere_and_back() {
    let (directory, tadpole) = shop();
    let export = |environment: &str| tadpole.run(&["state", "export", "--env", environment]).out;
    let (first, file) = (export("default"), directory.path().join("first.json"));
    std::fs::write(&file, &first).unwrap();
    let import = |arguments: &[&str]| tadpole.run(&[&["state", "import", "first.json"], arguments].concat());

    refused(&import(&[]), "has a record already");
    refused(&import(&["--replace", "--yes"]), "the document has serial 1, and");
    done(&import(&["--env", "copy"]));
    let (one, other) = (state(directory.path(), "default"), state(directory.path(), "copy"));
    let wrote = other.about.command.clone().unwrap().line;
    assert_eq!(wrote, "tadpole state import first.json --env copy");
    assert_eq!(other.about.created, one.about.created);
    let salts = one.salts.clone();
    assert_eq!(one, State { epoch: one.epoch, about: one.about.clone(), salts, ..other });

    // The copy moves on, and comes back.
    done(&tadpole.run(&["state", "forget", "key", "--yes", "--env", "copy"]));
    std::fs::write(&file, export("copy")).unwrap();
    let asked = import(&["--replace"]);
    refused(&asked, "nobody is there to say yes");
    assert!(asked.err.contains("  key  TransientS3Bucket key"), "what is lost is not named: {}", asked.err);
    done(&import(&["--replace", "--yes"]));
    let now = state(directory.path(), "default");
    assert_eq!((now.serial, now.resources.len()), (2, 4));
    assert!(now.epoch > one.epoch, "the epoch went down");

    // With a sandbox of its own, in which no name is taken.
    let third = directory.path().join(".tadpole/third");
    std::fs::create_dir(&third).unwrap();
    std::fs::write(third.join(tadpole::sandbox::FILE), "").unwrap();
    done(&tadpole.run(&["apply", "--sandbox", "--yes", "--env", "third", "--target", "images"]));
    std::fs::write(&file, export("third")).unwrap();
    refused(&import(&["--replace", "--yes"]), "is of another environment");
    for bad in [first.replace("\"n-1\"", "\"n-7\""), first[..first.len() - 9].into(), String::new(), "{}".into()] {
        std::fs::write(&file, bad).unwrap();
        refused(&import(&["--env", "never"]), "`first.json` is damaged");
    }
    std::fs::write(&file, first.replace("\"version\":1", "\"version\":7")).unwrap();
    refused(&import(&["--env", "never"]), "is of format 7");
    assert!(!directory.path().join(".tadpole/never").exists());
}

#[test]
fn verify_finds_what_does_not_fit_together() {
    let (directory, tadpole) = shop();
    let good = tadpole.run(&["state", "export"]).out;
    let record = directory.path().join(".tadpole/default");
    let state = store::read_document(Path::new("state.json"), &good).unwrap();
    let wrong = |change: &dyn Fn(&mut State), said: &str| {
        let mut state = state.clone();
        change(&mut state);
        std::fs::write(record.join("state.json"), store::document(&state)).unwrap();
        let ran = tadpole.run(&["state", "verify", "--sandbox"]);
        assert!(ran.code == 3 && ran.out.contains(said), "{}{}", ran.out, ran.err);
    };
    let address = |text: &str| text.parse().unwrap();
    wrong(&|state| drop(state.resources.remove(&address("scratch"))), "`n[0]` needs `scratch`, which is not recorded");
    wrong(
        &|state| state.resources.get_mut(&address("key")).unwrap().id = "n-0".into(),
        "`key` and `n[0]` are both aws.S3Bucket n-0",
    );
    wrong(
        &|state| state.resources.get_mut(&address("key")).unwrap().id = "lost".into(),
        "`key`: TransientS3Bucket lost is not there",
    );
    wrong(&|state| state.resources.get_mut(&address("key")).unwrap().id = "".into(), "`key` has no id");
    std::fs::write(record.join("state.json"), &good).unwrap();
    done(&tadpole.run(&["state", "verify", "--sandbox"]));
    std::fs::write(record.join("state.json"), good.replace("n-1", "n-7")).unwrap();
    assert_eq!(tadpole.run(&["state", "verify"]).code, 3);
}
