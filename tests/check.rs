//! Programs and what is said of them: `tests/check/*.cloud`, each beside the message that a user
//! sees.

use tadpole::source::Origin;

use crate::world::{Files, compiled, examined, steady};

#[test]
fn programs_and_what_is_said_of_them() {
    insta::glob!("check/*.cloud", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let (graph, said) = compiled(&Files::written(&text), &[]);
        let mut shown = format!("{text}\n────\n{}", steady(&said));
        if let Some(graph) = graph {
            for resource in graph.in_order() {
                shown.push_str(&format!("{} extends {}\n", resource.address, resource.template));
                for (name, input) in &resource.inputs {
                    shown.push_str(&format!("    {name} {}\n", input.term));
                }
            }
            for output in &graph.outputs {
                shown.push_str(&format!("output {} = {}\n", output.name, output.term));
            }
        }
        insta::with_settings!({ snapshot_path => "check", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!("said", shown);
        });
    });
}

/// What is asked of the provider is shown at a line of the program: also what is inherited, and defaults.
#[test]
fn every_input_has_a_place_in_the_program() {
    let text = r#"
        region "eu-west-1";
        tags { team "web"; }
        Tier extends Compound { logs extends TransientS3Bucket { bucket "acme-logs"; } }
        group extends Tier { profile "acme"; }
        web extends ImageInstance { imageID "ami-26b6534f"; minCount 2; }
    "#;
    let (graph, sources, report) = examined(&Files::main(text), &[]);
    assert!(report.is_empty());
    let graph = graph.unwrap();
    let line = |address: &str, name: &str| {
        let resource = graph.in_order().find(|resource| resource.address.to_string() == address).unwrap();
        let span = resource.inputs[name].span;
        sources.text(span).split('{').next().unwrap().trim().to_string()
    };
    for resource in graph.in_order() {
        for (name, input) in &resource.inputs {
            let origin = sources.get(input.span.source).origin;
            assert_eq!(origin, Origin::File, "`{name}` of `{}`", resource.address);
        }
    }
    assert_eq!(line("web", "region"), r#""eu-west-1""#);
    assert_eq!(line("web", "minCount"), "2");
    assert_eq!(line("web", "maxCount"), "web");
    assert_eq!(line("group.logs", "profile"), r#""acme""#);
    assert_eq!(line("group.logs", "versioning"), "logs");
}

#[test]
fn params_are_given_as_they_are_typed() {
    let text = r#"
        param name: String; param size: Int = 1; param zones: [String] = []; param big: "yes" | "no" = "no";
        output all: String = "${name} ${size} ${length(zones)} ${big}";
    "#;
    let files = Files::main(text);
    let given = [("name", "12"), ("size", "3"), ("zones", r#"["a", "b"]"#), ("big", "yes")];
    let (graph, said) = compiled(&files, &given);
    let graph = graph.unwrap_or_else(|| panic!("{said}"));
    assert_eq!(graph.outputs[0].term, tadpole::model::term::Term::string("12 3 2 yes"));

    let (_, said) = compiled(&files, &[("nme", "x"), ("size", "three")]);
    insta::with_settings!({ snapshot_path => "check", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("params", said);
    });
}

/// What a checkout and an editor make of files: other line ends, and the mark of the encoding.
#[test]
fn line_ends_of_a_checkout_change_no_value() {
    let program = "/// Said.\nname \"web\";\noutput all = [\"\"\"\n    #!/bin/sh\n\n    echo ${name}\n    \"\"\",\n    \
                   file(\"a.sh\"), template(\"b.sh\", { name name; })];\n";
    let with = |change: fn(&str) -> String| {
        let mut files = Files::main(&change(program));
        files.0.insert("a.sh".into(), change("one\ntwo\n"));
        files.0.insert("b.sh".into(), change("hello ${\n  name\n}\nbye\n"));
        let (graph, said) = compiled(&files, &[]);
        graph.unwrap_or_else(|| panic!("{said}")).outputs[0].term.to_string()
    };
    let plain = with(str::to_string);
    assert_eq!(plain, r#"["#.to_string() + r##""#!/bin/sh\n\necho web\n", "one\ntwo\n", "hello web\nbye\n"]"##);
    assert_eq!(with(|text| text.replace('\n', "\r\n")), plain);
    assert_eq!(with(|text| format!("\u{feff}{text}")), plain);

    let (_, said) = compiled(&Files::main("output text = \"a\rb\";"), &[]);
    assert!(said.contains("carriage return") && said.contains("\\r"), "{said}");
}

#[test]
fn numbers_that_are_given_are_read_exactly_or_refused() {
    let files = Files::main("param n: Number = 1.5; param i: Int = 0; output all = [n, i];");
    for (name, text, expected) in [
        ("i", "-9223372036854775808", "[1.5, -9223372036854775808]"),
        ("n", "100000000000000000000000.0", "[100000000000000000000000.0, 0]"),
        ("n", "-0.00000025", "[-0.00000025, 0]"),
        ("n", "3", "[3.0, 0]"),
    ] {
        let (graph, said) = compiled(&files, &[(name, text)]);
        let graph = graph.unwrap_or_else(|| panic!("{said}"));
        assert_eq!(graph.outputs[0].term.to_string(), expected);
    }
    for (name, text, help) in [
        ("n", "1e23", "write `100000000000000000000000.0`"),
        ("n", "9007199254740993", "an `Int` keeps 64 bits"),
        ("i", "9223372036854775808", "write an id in quotes"),
        ("i", "007", "write `7`"),
    ] {
        let (graph, said) = compiled(&files, &[(name, text)]);
        assert!(graph.is_none() && said.contains(text) && said.contains(help), "{text}: {said}");
    }
}
