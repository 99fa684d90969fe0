//! Plans in files: `plan --out FILE`, and `apply FILE`, which does what was reviewed or nothing.

use std::path::Path;

use tempfile::TempDir;

use crate::cli::{Tadpole, ends};
use crate::render::Schema;

const PROGRAM: &str = r#"
param size: Int = 1;
param password: String, secret = "unset";
Base extends Resource { kind "acme.Base"; name: String, identity; size: Int = 1; key: String?, secret; }
a extends Base { name "a"; size size; }
b extends Base { name "b"; key password; }
output size: Int = a.size;
"#;

fn shop() -> (TempDir, Tadpole) {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "main.cloud", PROGRAM);
    let tadpole = Tadpole::new(directory.path());
    (directory, tadpole)
}

fn write(directory: &Path, name: &str, text: &str) {
    std::fs::write(directory.join(name), text).unwrap();
}

#[test]
fn a_saved_plan_is_applied_once_without_a_question() {
    let (directory, tadpole) = shop();
    let planned = tadpole.run(&["plan", "--sandbox", "--set", "size=3", "--out", "shop.plan"]);
    ends(&planned, 0, &["2 to start", "To carry out exactly this: tadpole apply shop.plan"]);
    assert!(!directory.path().join(".tadpole").exists(), "planning wrote something");
    let text = std::fs::read_to_string(directory.path().join("shop.plan")).unwrap();
    Schema::read("docs/plan.schema.json").takes(&serde_json::from_str(&text).unwrap());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = directory.path().join("shop.plan").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "others can read it");
    }

    let applied = tadpole.run(&["apply", "shop.plan"]);
    ends(&applied, 0, &["Nothing has moved since `shop.plan` was made.", "2 done."]);
    assert_eq!(applied.out, "size  3\n");
    let again = tadpole.run(&["apply", "shop.plan"]);
    ends(&again, 1, &["`shop.plan` was applied already: nothing of it is left to do (state serial 0 -> 1)"]);
}

#[test]
fn what_moved_is_named_and_nothing_is_done() {
    let (directory, tadpole) = shop();
    ends(&tadpole.run(&["apply", "--sandbox", "--yes"]), 0, &[]);
    ends(&tadpole.run(&["plan", "--sandbox", "--set", "size=3", "--out", "shop.plan"]), 0, &["1 to update"]);

    write(directory.path(), "main.cloud", &PROGRAM.replace("key password;", ""));
    let refused = tadpole.run(&["apply", "shop.plan"]);
    ends(&refused, 1, &["does not hold any more", "  - `main.cloud` has changed since\n", "  - `b` is `update` now\n"]);

    write(directory.path(), "main.cloud", PROGRAM);
    write(directory.path(), "more.cloud", "// Nothing yet.\n");
    ends(&tadpole.run(&["apply", "shop.plan"]), 1, &["  - `more.cloud` is new\n"]);
    std::fs::remove_file(directory.path().join("more.cloud")).unwrap();

    ends(&tadpole.run(&["apply", "--sandbox", "--yes", "--set", "size=2"]), 0, &[]);
    let refused = tadpole.run(&["apply", "shop.plan"]);
    ends(&refused, 1, &["  - `a` was changed by an apply since (state serial 1 -> 2)\n"]);
    assert!(tadpole.run(&["show"]).out.contains("size  2"));
}

#[test]
fn a_plan_holds_no_secret_and_asks_for_it_again() {
    const CANARY: &str = "the-canary-sings";
    let (directory, tadpole) = shop();
    let password = format!("password={CANARY}");
    let planned = tadpole.run(&["plan", "--sandbox", "--set", &password, "--out", "shop.plan", "--json"]);
    ends(&planned, 0, &[]);
    let text = std::fs::read_to_string(directory.path().join("shop.plan")).unwrap();
    assert_eq!(text, planned.out);
    assert!(!text.contains(CANARY), "{text}");
    // The key that would be used is not kept yet.
    assert!(text.contains("\"fingerprint\": null"), "{text}");

    let refused = tadpole.run(&["apply", "shop.plan"]);
    ends(
        &refused,
        1,
        &["`password` must be given again", "`--set password=...`, or the variable `TADPOLE_PARAM_PASSWORD`"],
    );
    let refused = tadpole.run(&["apply", "shop.plan", "--set", "size=4", "--set", &password]);
    ends(&refused, 1, &["`--set size` cannot change it"]);
    let refused = tadpole.run(&["apply", "shop.plan", "--env", "prod"]);
    ends(&refused, 1, &["leave `--env` and `--vars` out"]);
    ends(&tadpole.run(&["apply", "shop.plan", "--target", "a"]), 1, &["a saved plan says by itself what it is about"]);

    ends(&tadpole.run(&["apply", "shop.plan", "--set", &password]), 0, &["2 done."]);
    // Now there is a key, and another secret is noticed.
    ends(
        &tadpole.run(&["plan", "--sandbox", "--set", "password=other-one", "--out", "shop.plan"]),
        0,
        &["1 to update"],
    );
    let refused = tadpole.run(&["apply", "shop.plan", "--set", "password=a-third"]);
    ends(&refused, 1, &["  - `b.key` becomes something else now\n"]);
    let tadpole = tadpole.env("TADPOLE_PARAM_PASSWORD", "other-one");
    ends(&tadpole.run(&["apply", "shop.plan"]), 0, &["1 done."]);
    for file in [".tadpole/default/state.json", "shop.plan"] {
        let text = std::fs::read_to_string(directory.path().join(file)).unwrap();
        assert!(!text.contains(CANARY) && !text.contains("other-one"), "{file}");
    }
}

/// A param that is not declared secret, and gives a secret its text.
#[test]
fn what_becomes_a_secret_is_not_saved() {
    let (directory, tadpole) = shop();
    write(directory.path(), "main.cloud", &PROGRAM.replace("password: String, secret = \"unset\"", "password: String"));
    let planned = tadpole.run(&["plan", "--sandbox", "--json", "--set", "password=the-canary-sings"]);
    ends(&planned, 0, &[]);
    assert!(!planned.out.contains("the-canary-sings"), "{}", planned.out);
    assert!(planned.out.contains("\"secrets\": [\n      \"password\"\n    ]"), "{}", planned.out);
}

#[test]
fn a_file_that_is_no_plan_is_refused() {
    let (directory, tadpole) = shop();
    write(directory.path(), "half.plan", "{\"version\": 1, \"project\":");
    ends(
        &tadpole.run(&["apply", "half.plan"]),
        1,
        &["`half.plan` is no plan, or is damaged", "tadpole plan --out half.plan"],
    );
    write(directory.path(), "new.plan", "{\"version\": 7, \"all\": \"new\"}");
    let refused = tadpole.run(&["apply", "new.plan"]);
    ends(&refused, 1, &["`new.plan` is a plan of the format 7, which a newer tadpole has made"]);
    let refused = tadpole.run(&["plan", "--sandbox", "--out", "main.cloud"]);
    ends(&refused, 1, &["a plan is not written to `main.cloud`"]);
    assert_eq!(std::fs::read_to_string(directory.path().join("main.cloud")).unwrap(), PROGRAM);
    assert!(!directory.path().join(".tadpole").exists());
}

#[test]
fn every_kind_of_plan_can_be_saved() {
    let (directory, tadpole) = shop();
    write(directory.path(), "values.cloudvars", "size 5;\n");
    let prod = ["--sandbox", "--env", "prod", "--vars", "values.cloudvars", "--out", "shop.plan"];
    let plan = |more: &[&str]| tadpole.run(&[&["plan"], &prod[..], more].concat());
    ends(&plan(&["--target", "a"]), 0, &["1 to start, 1 left out."]);
    ends(&tadpole.run(&["apply", "shop.plan"]), 0, &["1 done."]);
    assert!(directory.path().join(".tadpole/prod/state.json").exists());
    ends(&plan(&["--no-refresh"]), 0, &["not refreshed", "1 to start"]);
    ends(&tadpole.run(&["apply", "shop.plan"]), 0, &["not refreshed", "1 done."]);
    ends(&plan(&["--replace", "a"]), 0, &["1 to replace"]);
    write(directory.path(), "values.cloudvars", "size 6;\n");
    ends(&tadpole.run(&["apply", "shop.plan"]), 1, &["  - `values.cloudvars` has changed since\n"]);
    write(directory.path(), "values.cloudvars", "size 5;\n");
    ends(&tadpole.run(&["apply", "shop.plan"]), 0, &["1 done."]);
    ends(&plan(&["--refresh-only"]), 0, &["All is as recorded"]);
    ends(&tadpole.run(&["apply", "shop.plan"]), 0, &["All is as recorded"]);
    ends(&plan(&["--destroy"]), 0, &["2 to terminate."]);
    ends(&tadpole.run(&["apply", "shop.plan"]), 0, &["2 done."]);
}

/// A rename would take a device away from everybody, and a link from whoever made it.
#[cfg(unix)]
#[test]
fn a_plan_takes_the_place_of_a_regular_file_only() {
    let (directory, tadpole) = shop();
    let at = |name: &str| directory.path().join(name);
    std::os::unix::fs::symlink("elsewhere", at("link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    for name in ["link", "socket"] {
        let ran = tadpole.run(&["plan", "--sandbox", "--out", name]);
        ends(&ran, 1, &[&format!("a plan is not written to `{name}`: it is not a regular file")]);
        assert!(!at(name).symlink_metadata().unwrap().is_file() && !at("elsewhere").exists());
    }
    write(directory.path(), "old.plan", "");
    ends(&tadpole.run(&["plan", "--sandbox", "--out", "old.plan"]), 0, &["tadpole apply old.plan"]);
}
