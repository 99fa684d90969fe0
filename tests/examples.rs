//! Every example in the sandbox: applied, unchanged, taken down.

use std::path::Path;

use crate::cli::{Tadpole, copied};

#[test]
fn every_example_is_applied_unchanged_and_taken_down() {
    let mut seen = 0;
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")).unwrap() {
        let example = entry.unwrap().path();
        if !example.is_dir() {
            continue;
        }
        seen += 1;
        let directory = copied(&example);
        let tadpole = Tadpole::new(directory.path())
            .env("KULITZER_DB_PASSWORD", "correct horse battery staple")
            .env("SHOP_DB_PASSWORD", "correct horse battery staple");
        let run = tadpole.run(&["apply", ".", "--sandbox", "--yes"]);
        assert_eq!(run.code, 0, "{}: {}", example.display(), run.err);
        let run = tadpole.run(&["plan", ".", "--sandbox", "--exit-code"]);
        assert_eq!(run.code, 0, "{}: {}", example.display(), run.err);
        let run = tadpole.run(&["destroy", ".", "--sandbox", "--yes"]);
        assert_eq!(run.code, 0, "{}: {}", example.display(), run.err);
        let run = tadpole.run(&["apply", ".", "--sandbox", "--yes"]);
        assert_eq!(run.code, 0, "{}, once more: {}", example.display(), run.err);
    }
    assert!(seen > 0, "there are no examples");
}
