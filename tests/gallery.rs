//! Wrong programs that people write, each named after its mistake and kept beside what is said of it:
//! `tests/gallery/*.cloud`. A line `//@ file NAME` starts another file of the same program, a line
//! `//@ set NAME=VALUE` gives a param.

use crate::world::{Files, compiled, steady};

#[test]
fn every_mistake_is_told() {
    let mut seen = 0;
    let mut silent = Vec::new();
    insta::glob!("gallery/*.cloud", |path| {
        seen += 1;
        let text = std::fs::read_to_string(path).unwrap();
        let (given, program): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with("//@ set "));
        let given: Vec<(&str, &str)> =
            given.iter().map(|line| line["//@ set ".len()..].split_once('=').unwrap()).collect();
        let (_, said) = compiled(&Files::written(&program.join("\n")), &given);
        if said.is_empty() {
            silent.push(path.display().to_string());
        }
        assert!(!said.contains("hunter"), "{}: this shows a secret:\n{said}", path.display());
        insta::with_settings!({ snapshot_path => "gallery", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!("said", format!("{text}\n────\n{}", steady(&said)));
        });
    });
    assert!(silent.is_empty(), "nothing is said of {}", silent.join(", "));
    assert!(seen >= 70, "only {seen} mistakes were found");
}
