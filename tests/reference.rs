//! What `tadpole docs` shows: the library is documented without a gap, its examples are true, and no
//! page shows a secret.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use tadpole::compile::reference;
use tadpole::diagnostic::Report;
use tadpole::reference::{Entry, Reference, Template, first_sentence, markdown};
use tadpole::source::{Origin, Sources};

use crate::world::{Files, compiled};

fn of_program(files: &Files) -> (Reference, Report) {
    let (mut sources, mut report) = (Sources::default(), Report::default());
    let reference = reference(Some(Path::new("")), files, &mut sources, &mut report);
    (reference, report)
}

fn of_library() -> Reference {
    let (mut sources, mut report) = (Sources::default(), Report::default());
    let reference = reference(None, &Files(Default::default()), &mut sources, &mut report);
    assert!(!report.has_errors(), "{:?}", report.sorted());
    reference
}

fn templates(reference: &Reference) -> impl Iterator<Item = &Template> {
    reference.files.iter().flat_map(|file| &file.templates)
}

fn shop() -> Files {
    let read = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name);
        (PathBuf::from(name), std::fs::read_to_string(path).unwrap())
    };
    // Beside the program's only file, which is all that is directly in the root.
    let (_, library) = read("lib.cloud");
    let (_, program) = read("shop.cloud");
    let program = program.replace("./lib.cloud", "./lib/lib.cloud");
    Files([("shop.cloud".into(), program), ("lib/lib.cloud".into(), library)].into())
}

#[test]
fn everything_in_the_library_is_documented() {
    let library = of_library();
    let mut seen = 0;
    let mut wrong = Vec::new();
    let mut judge = |what: String, doc: Option<&str>| {
        seen += 1;
        match doc {
            None => wrong.push(format!("{what} says nothing")),
            Some(doc) if !doc.trim_end().ends_with(['.', ':']) => wrong.push(format!("{what} has no full stop: {doc}")),
            Some(doc) if first_sentence(doc).chars().count() > 120 => {
                wrong.push(format!("{what} has a long first sentence: {}", first_sentence(doc)));
            }
            Some(_) => {}
        }
    };
    for file in &library.files {
        judge(file.name.clone(), file.intro.as_deref());
        for template in &file.templates {
            let name = &template.name;
            judge(name.clone(), template.doc.as_deref());
            for group in template.groups.iter().chain(&template.outputs).filter(|group| group.template == *name) {
                for attribute in &group.attributes {
                    judge(format!("{name}.{}", attribute.name), attribute.doc.as_deref());
                }
            }
            for part in template.parts.iter().filter(|part| part.template == *name) {
                judge(format!("{name}.{}", part.name), part.doc.as_deref());
            }
            for constant in template.constants.iter().filter(|constant| constant.template.as_ref() == Some(name)) {
                judge(format!("{name}.{}", constant.name), constant.doc.as_deref());
            }
        }
        for alias in &file.types {
            judge(alias.name.clone(), alias.doc.as_deref());
        }
        for function in &file.functions {
            judge(function.name.clone(), function.doc.as_deref());
        }
        for constant in &file.constants {
            judge(constant.name.clone(), constant.doc.as_deref());
        }
    }
    assert!(seen > 50, "only {seen} things were seen");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A type that narrows another gives an example of itself.
#[test]
fn every_type_of_the_library_shows_a_value_of_its_own() {
    let mut seen = 0;
    for file in of_library().files {
        let import = file.import.unwrap_or_default();
        for alias in file.types {
            seen += 1;
            let doc = alias.doc.unwrap();
            let fits = |example: &str| {
                ["\"", ""].iter().any(|quote| {
                    let text = format!("{import} value: {} = {quote}{example}{quote}; output v = value;", alias.name);
                    compiled(&Files::main(&text), &[]).0.is_some()
                })
            };
            let numbers = alias.text.contains(" in ");
            let examples: Vec<&str> = doc.split('`').skip(1).step_by(2).collect();
            assert!(numbers || examples.iter().any(|example| fits(example)), "{}: {doc}", alias.name);
            let strange = ["\u{1F438} \u{1F438}", "(\u{1F438}"];
            assert!(strange.iter().any(|strange| !fits(strange)), "{} takes anything", alias.name);
        }
    }
    assert!(seen > 5, "only {seen} types were seen");
}

#[test]
fn usages_are_programs() {
    let library = of_library();
    let mut seen = 0;
    for template in templates(&library) {
        if let Some(usage) = template.usage.as_ref().filter(|usage| usage.whole) {
            seen += 1;
            let (graph, said) = compiled(&Files::main(&usage.text), &[]);
            assert!(graph.is_some(), "{}: {}\n{said}", template.name, usage.text);
        }
    }
    assert!(seen >= 8, "only {seen} usages were seen");
    let types = library.types.iter().map(|builtin| format!("param p{0}: {0}?;", builtin.name));
    let formats = library.formats.iter().map(|format| format!("type T{0} = String is {0};", format.name));
    let all: String = types.chain(formats).chain(["output o = 1;".to_string()]).collect();
    let (graph, said) = compiled(&Files::main(&all), &[]);
    assert!(graph.is_some(), "{said}");
}

#[test]
fn pages_look_like_this() {
    let (reference, report) = of_program(&shop());
    assert!(!report.has_errors(), "{:?}", report.sorted());
    let pages = |names: &[&str]| -> String {
        let found = names.iter().flat_map(|name| reference.find(name));
        found.map(|entry| markdown::page(&reference, &entry)).collect::<Vec<_>>().join("\n────\n\n")
    };
    let own = ["Shop", "LargeShop", "Rule", "Stubborn", "ShopSize", "sign", "PORT_OF_ALL", "Logged"];
    let library = ["S3Bucket", "Check", "Cidr", "subnets", "json", "Duration", "join"];
    let list = markdown::list(&reference);
    let own_list = list.split("# stdlib/").next().unwrap();
    insta::with_settings!({ snapshot_path => "reference", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("own", pages(&own));
        insta::assert_snapshot!("library", pages(&library));
        insta::assert_snapshot!("list", own_list);
    });
}

#[test]
fn no_page_shows_a_secret() {
    let (reference, _) = of_program(&shop());
    let all = markdown::all(&reference);
    assert!(all.contains("`password: Secret` (its default is a secret)"), "{all}");
    assert!(all.contains("word \"*") && !all.contains("EmlMg61Yb"), "{all}");
}

#[test]
fn what_was_meant() {
    let (reference, _) = of_program(&shop());
    for (name, meant) in [
        ("s3bucket", Some("did you mean `S3Bucket`?")),
        ("Shopp", Some("did you mean `Shop`?")),
        ("joinn", Some("did you mean `join`?")),
        ("imageId", Some("did you mean `ImageId`?")),
        ("versioning", Some("`versioning` is an attribute of `S3Bucket`: `tadpole docs S3Bucket`")),
        ("domainNam", Some("`domainName` is an attribute of `S3Bucket`: `tadpole docs S3Bucket`")),
        ("HEAD_ACTION", Some("`HEAD_ACTION` is a constant of `S3Bucket`: `tadpole docs S3Bucket`")),
        ("kubernetes", None),
    ] {
        assert!(reference.find(name).is_empty(), "{name}");
        assert_eq!(reference.meant(name).as_deref(), meant, "{name}");
    }
    let buckets = reference.find("S3Bucket");
    assert!(matches!(buckets.as_slice(), [Entry::Template(own), Entry::Template(_)] if own.file == "shop.cloud"));
}

/// Of a program that cannot be read, the library is left; of one with wrong names, all that is right.
#[test]
fn a_broken_program_keeps_nobody_from_reading() {
    let (reference, report) = of_program(&Files::main("web extends {"));
    assert!(report.has_errors() && reference.files.iter().all(|file| file.origin == Origin::Library));
    assert_eq!(reference.files.len(), of_library().files.len());
    let (reference, report) = of_program(&Files::main("/// Mine.\nMine extends S3Buckt { size: Int; size: Int; }"));
    assert!(report.has_errors() && !reference.find("Mine").is_empty());
    let cycle = Files(
        [
            ("main.cloud", "import \"lib/a.cloud\";"),
            ("lib/a.cloud", "import \"b.cloud\";"),
            ("lib/b.cloud", "import \"a.cloud\";"),
        ]
        .map(|(name, text)| (name.into(), text.to_string()))
        .into(),
    );
    assert!(of_program(&cycle).1.has_errors());
}

#[test]
fn links_lead_somewhere() {
    let (reference, _) = of_program(&shop());
    let link = regex::Regex::new(r"\]\(#([^)]*)\)").unwrap();
    for document in [markdown::all(&of_library()), markdown::all(&reference)] {
        let headings = document.lines().filter(|line| line.starts_with('#'));
        let anchors: HashSet<String> = headings
            .map(|line| {
                let text = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
                text.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
            })
            .collect();
        let mut seen = 0;
        for found in link.captures_iter(&document) {
            seen += 1;
            assert!(anchors.contains(&found[1]), "nothing is at #{}", &found[1]);
        }
        assert!(seen > 30, "only {seen} links were seen");
    }
}

#[test]
fn the_page_of_the_library_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/library.md");
    let page = markdown::all(&of_library());
    if std::env::var_os("TADPOLE_UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/library.md is not what `stdlib/` says: TADPOLE_UPDATE=1 cargo test page_of_the_library"
    );
}
