//! Programs and what is said of them: `tests/check/*.cloud`, each beside the message that a user
//! sees.

use crate::world::{Files, compiled, steady};

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
