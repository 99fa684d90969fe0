//! A real account, when `TADPOLE_LIVE=1` asks for one: with the credentials of whoever runs it, and for money. The
//! example comes up, stays as it is, changes and goes. With `AWS_ENDPOINT_URL` it is an emulator that does not know it
//! is one.

use std::path::Path;

use crate::cli::{Tadpole, copied, ends};

#[test]
fn an_environment_comes_and_goes() {
    if std::env::var_os("TADPOLE_LIVE").is_none() {
        eprintln!("SKIPPED: `TADPOLE_LIVE` is not set");
        return;
    }
    let directory = copied(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pr-environment"));
    let tadpole = Tadpole::new(directory.path()).env("SHOP_DB_PASSWORD", "correct horse battery staple");
    // Nobody else has a bucket of this name.
    let env = format!("live-{}", uuid::Uuid::new_v4().simple());
    let run = |command: &[&str]| tadpole.run(&[command, &["--env", &env]].concat());
    let elsewhere = ["--set", "office=198.51.100.0/24"];
    let tried = [
        run(&["apply", "--yes"]),
        run(&["plan", "--exit-code"]),
        run(&[&["apply", "--yes"], &elsewhere[..]].concat()),
        run(&[&["plan", "--exit-code"], &elsewhere[..]].concat()),
    ];
    // Whatever came of it, nothing of it may stay.
    let mut gone = run(&["destroy", "--yes"]);
    if gone.code != 0 {
        gone = run(&["destroy", "--yes"]);
    }
    ends(&gone, 0, &[]);
    tried.iter().for_each(|ran| ends(ran, 0, &[]));
}
