//! Plans as documents: what they say, and that what they say is what is done.

use pulldown_cmark::{Event, Tag};
use serde_json::Value as Json;
use tadpole::diagnostic::Report;
use tadpole::graph::ResourceGraph;
use tadpole::plan::{self, Plan, Refreshed, Unread, markdown, moved, text, was_applied};
use tadpole::value::Value;

use crate::render::Schema;
use crate::world::{Files, World, examined, graph, request, shown};

#[test]
fn an_output_that_changed_outside_reaches_what_is_made_from_it() {
    let program = r#"
        Machine extends Resource { kind "acme.Machine"; name: String, identity; ip: String, computed = "10.0.0.1"; }
        Record extends Resource { kind "acme.Record"; name: String, identity; to: String; }
        web extends Machine { name "web"; }
        www extends Record { name "www"; to web.ip; }
    "#;
    let graph = graph(program);
    let world = World::new();
    world.apply(&graph);
    world.refill("web", "ip", Value::string("10.0.0.2"));
    let run = world.apply(&graph);
    let text = shown(&run.plan);
    assert!(text.contains("  ~ web  Machine  web\n  |    ip  \"10.0.0.1\" -> \"10.0.0.2\"\n"), "{text}");
    assert!(text.contains("to  \"10.0.0.1\" -> \"10.0.0.2\"\n"), "{text}");
    assert_eq!(run.outcome.done.len(), 1, "{:?}", run.outcome);
    let state = world.state();
    assert_eq!(state.resources[&"www".parse().unwrap()].inputs["to"], Value::string("10.0.0.2"));
    assert_eq!(state.resources[&"web".parse().unwrap()].outputs["ip"], Value::string("10.0.0.2"));
    assert_eq!(world.apply(&graph).plan.drift, []);
}

// ---- what is refused

/// The errors of planning a program, each with its help.
fn refused(world: &World, graph: &ResourceGraph) -> Vec<String> {
    let state = world.state();
    let mut report = Report::default();
    let moved = plan::moves(graph, &state);
    plan::diff(graph, &moved, &Refreshed::default(), &world.key(), request(), &mut report);
    let errors = report.sorted().into_iter();
    errors.map(|error| format!("{} / {}", error.message, error.help.as_deref().unwrap_or("no help"))).collect()
}

const NAMED: &str = "Named extends Resource { kind \"acme.Named\"; name: String, identity; }
    Kept extends Named { terminateActions []; }
    Disk extends Resource { kind \"acme.Disk\"; size: Int = 1; }
    Safe extends Disk { terminateActions []; }
";

fn named(program: &str) -> ResourceGraph {
    graph(&format!("{NAMED}{program}"))
}

/// Applies a program, is refused another one, and plans what is left when the help is followed.
fn renames(before: &str, after: &str, message: &str, written: &str) {
    let world = World::new();
    world.apply(&named(before));
    let errors = refused(&world, &named(after));
    assert!(errors.len() == 1 && errors[0].contains(message), "{errors:?}");
    let plan = world.plan(&named(written));
    assert!(plan.changes.is_empty() && !plan.moves.is_empty(), "{}", shown(&plan));
}

#[test]
fn a_rename_that_is_not_written_is_noticed_whatever_becomes_of_the_old_one() {
    let help = "if it is the same thing, write `films formerly media extends Named`; else destroy media-1 first";
    let written = "films formerly media extends Named { name \"media-1\"; }";
    renames("media extends Named { name \"media-1\"; }", "films extends Named { name \"media-1\"; }", help, written);
    let help = "write `films formerly media extends Kept`; else give it another name";
    let written = "films formerly media extends Kept { name \"m\"; }";
    renames("media extends Kept { name \"m\"; }", "films extends Kept { name \"m\"; }", help, written);
    let group =
        |name: &str| format!("G extends Compound {{ {name} extends Kept {{ name \"m\"; }} }} g extends G {{ }}");
    let help = "write `films formerly root.media extends Kept` where `g.films` is defined";
    renames("media extends Kept { name \"m\"; }", &group("films"), help, &group("films formerly root.media"));
    let help = "write `films formerly g.media extends Kept`";
    let written = "films formerly g.media extends Kept { name \"m\"; }";
    renames(&group("media"), "films extends Kept { name \"m\"; }", help, written);
}

#[test]
fn a_rename_of_keys_is_noticed_and_the_help_can_be_written() {
    let by_number = "w[i in 2] extends Named { name if i == 0 then \"eu\" else \"us\"; }";
    let by_key = |formerly: &str| format!("w[k in [\"eu\", \"us\"]] {formerly} extends Named {{ name k; }}");
    let help = "formerly w[if k == \"eu\" then 0 else if k == \"us\" then 1 else null]";
    renames(by_number, &by_key(""), &format!("write `{help}` behind `w[...]`"), &by_key(help));
    let other = |formerly: &str| by_key(formerly).replace("w[k", "x[k");
    renames(&by_key(""), &other(""), "write `formerly w` behind `x[...]`", &other("formerly w"));
}

#[test]
fn what_has_no_name_and_may_be_the_same_is_a_hazard() {
    let world = World::new();
    world.apply(&named("a extends Safe { size 5; } b extends Disk { }"));
    let plan = world.plan(&named("site extends Compound { c extends Safe { } } d extends Disk { }"));
    let text = shown(&plan).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("of `a` is retained and no longer tracked"), "{text}");
    assert!(text.contains("write `c formerly root.a extends Safe` where `site.c` is defined"), "{text}");
    assert!(text.contains("of `b` is deleted with all it holds"), "{text}");
    assert!(text.contains("write `d formerly b extends Disk`"), "{text}");
    assert!(!shown(&world.plan(&named("a extends Safe { size 5; } e extends Disk { size 9; }"))).contains("formerly"));
}

#[test]
fn one_thing_does_not_become_two_nor_two_one() {
    let world = World::new();
    world.apply(&named("x extends Disk { } G extends Compound { x extends Disk { } } g extends G { }"));
    let two_to_one = named("G extends Compound { x formerly root.x extends Disk { } } h formerly g extends G { }");
    let errors = refused(&world, &two_to_one);
    assert!(errors.len() == 1 && errors[0].contains("`x` and `g.x` cannot both have become `h.x`"), "{errors:?}");
    let one_to_two = "G extends Compound { x extends Disk { } } h formerly g extends G { } k formerly g extends G { }";
    let (graph, said) = crate::world::compiled(&Files::main(&format!("{NAMED}{one_to_two}")), &[]);
    assert!(graph.is_none() && said.contains("`g` cannot have become both `h` and `k`"), "{said}");
}

#[test]
fn what_is_protected_is_neither_destroyed_nor_replaced() {
    let disk = |more: &str| {
        graph(&format!(
            "Disk extends Resource {{ kind \"acme.Disk\"; size: Int, immutable = 1; name: String?; }} d extends Disk {{ {more} }}"
        ))
    };
    let world = World::new();
    world.apply(&disk("protected true;"));
    let errors = refused(&world, &disk("size 2; protected true;"));
    assert!(errors.len() == 1 && errors[0].contains("`d` is protected, and would be replaced"), "{errors:?}");
    assert_eq!(refused(&world, &disk("name \"d\"; protected true;")), Vec::<String>::new());
    assert_eq!(refused(&world, &disk("size 2;")), Vec::<String>::new());
    let errors = refused(&world, &ResourceGraph::empty(None));
    assert!(errors.len() == 1 && errors[0].contains("`d` is protected, and would be destroyed"), "{errors:?}");
    let run = world.apply(&disk(""));
    assert!(shown(&run.plan).contains("protected  true -> false"), "{}", shown(&run.plan));
    assert_eq!(refused(&world, &ResourceGraph::empty(None)), Vec::<String>::new());
}

#[test]
fn a_name_of_no_attribute_is_not_ignored() {
    let program =
        "Disk extends Resource { kind \"acme.Disk\"; size: Int = 1; } d extends Disk { ignoreChanges [\"sise\"]; }";
    let (graph, said) = crate::world::compiled(&Files::main(program), &[]);
    assert!(graph.is_none() && said.contains("did you mean `size`?"), "{said}");
}

#[test]
fn changed_outputs_alone_are_shown_and_counted() {
    let world = World::new();
    let program = |outputs: &str| named(&format!("d extends Disk {{ }} {outputs}"));
    world.apply(&program("output x = 1; output gone = \"q\";"));
    let plan = world.plan(&program("output x = 2;"));
    let text = shown(&plan);
    assert!(text.contains("    x     1 -> 2\n    gone  \"q\" -> unset\n"), "{text}");
    assert!(text.contains("  1 unchanged, 2 outputs change."), "{text}");
    let page = markdown::page(&plan);
    assert!(page.starts_with("### `test/default`: 1 unchanged, 2 outputs change\n"), "{page}");
    assert!(page.contains("- output x  1\n+ output x  2\n- output gone  \"q\"\n+ output gone  unset\n"), "{page}");
}

#[test]
fn a_value_too_long_to_show_says_how_to_see_it() {
    let rules: String = (0..150).map(|at| format!("\"a rule with number {at}\", ")).collect();
    let program = format!(
        "Gate extends Resource {{ kind \"acme.Gate\"; rules: [String]; }} g extends Gate {{ rules [{rules}]; }}"
    );
    let plan = World::new().plan(&graph(&program));
    let text = |full| -> String {
        let view = text::View { width: 80, full };
        text::lines(&plan, view).into_iter().map(|(_, line)| format!("{line}\n")).collect()
    };
    assert!(text(false).contains("52 more lines: `--full` shows them") && !text(false).contains("number 149"));
    assert!(text(true).contains("number 149") && !text(true).contains("--full"));
}

#[test]
fn what_was_destroyed_and_not_created_again_is_told() {
    let program = |version: i64| {
        graph(&format!(
        "Thing extends Resource {{ kind \"acme.Thing\"; version: Int, immutable = 0; of: Thing?; needs: Thing?, immutable; }}
         base extends Thing {{ version {version}; replacement \"deleteFirst\"; }}
         user extends Thing {{ needs base; }}
         holder extends Thing {{ of base; }}"
    ))
    };
    let world = World::new();
    world.apply(&program(0));
    let outcome = world.run(&program(1), None).unwrap().outcome;
    let addresses: Vec<String> = outcome.destroyed.iter().map(|(address, _)| address.to_string()).collect();
    assert_eq!(addresses, ["user"]);
    assert_eq!(outcome.skipped.iter().map(ToString::to_string).collect::<Vec<_>>(), ["holder"]);
    assert!(outcome.done.is_empty());
}

// ---- what moved

const QUEUES: &str = r#"
    Queue extends Resource {
        kind "acme.Queue"; name: String, identity; size: Int = 1; place: String, immutable = "a"; feeds: Queue?;
    }
"#;

fn queues(program: &str) -> ResourceGraph {
    graph(&format!("{QUEUES}{program}"))
}

#[test]
fn a_plan_holds_until_something_moves() {
    let world = World::new();
    let first = queues("a extends Queue { name \"a\"; } b extends Queue { name \"b\"; feeds a; }");
    world.apply(&first);
    let wanted = queues(
        "a extends Queue { name \"a\"; size 2; } b extends Queue { name \"b\"; feeds a; } c extends Queue { name \"c\"; }",
    );
    let saved = Plan::read(&world.plan(&wanted).document(true)).unwrap();
    assert_eq!(moved(&saved, &world.plan(&wanted)), Vec::<String>::new());

    world.meddle(&wanted, "b", "size", Value::Int(7));
    let now = world.plan(&wanted);
    assert_eq!(moved(&saved, &now), ["the cloud has changed `b.size`", "`b` is `update` now"]);

    world.take_away(&wanted, "b");
    let now = world.plan(&wanted);
    assert_eq!(moved(&saved, &now), ["`b` is gone", "`b` is `start again` now"]);
}

#[test]
fn an_apply_in_between_is_named() {
    let world = World::new();
    let first = queues("a extends Queue { name \"a\"; } b extends Queue { name \"b\"; feeds a; }");
    world.apply(&first);
    let wanted = queues("a extends Queue { name \"a\"; size 2; } b extends Queue { name \"b\"; size 2; feeds a; }");
    let saved = world.plan(&wanted);
    world.apply(&queues("a extends Queue { name \"a\"; size 5; } d extends Queue { name \"d\"; }"));
    let now = world.plan(&wanted);
    assert_eq!(
        moved(&saved, &now),
        [
            "`a` was changed by an apply since (state serial 1 -> 2)",
            "`b` was taken down by an apply since (state serial 1 -> 2)",
            "`d` was made by an apply since (state serial 1 -> 2)",
            "`a.size` becomes something else now",
            "`b` is `start` now, and was `update`",
            "`d` is `terminate` now",
        ]
    );
    assert!(!was_applied(&saved, &now));
    world.apply(&wanted);
    assert!(was_applied(&saved, &world.plan(&wanted)));
}

#[test]
fn a_program_that_wants_something_else_is_named() {
    let world = World::new();
    world.apply(&queues("a extends Queue { name \"a\"; } b extends Queue { name \"b\"; }"));
    let saved = world.plan(&queues("a extends Queue { name \"a\"; size 2; } b extends Queue { name \"b\"; size 2; }"));
    let now = world.plan(&queues("a extends Queue { name \"a\"; place \"b\"; } b extends Queue { name \"b\"; }"));
    assert_eq!(moved(&saved, &now), ["`a` is `replace` now, and was `update`", "`b` does not change any more"]);
}

// ---- the document

#[test]
fn the_document_is_closed_and_its_version_is_looked_at_first() {
    let world = World::new();
    let text = world.plan(&queues("a extends Queue { name \"a\"; }")).document(true);
    let json: Json = serde_json::from_str(&text).unwrap();
    let schema = Schema::read("docs/plan.schema.json");
    schema.takes(&json);
    for place in ["", "/made", "/changes/0", "/changes/0/attributes/0", "/steps/0"] {
        let mut more = json.clone();
        more.pointer_mut(place).unwrap()["surprise"] = Json::Bool(true);
        assert!(!schema.admits(&more), "{place}");
        assert!(matches!(Plan::read(&more.to_string()), Err(Unread::Damaged(_))), "{place}");
    }
    for (place, name) in [("", "changes"), ("/made", "program"), ("/changes/0", "kind"), ("/steps/0", "waits")] {
        let mut less = json.clone();
        less.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(name).unwrap();
        assert!(!schema.admits(&less), "{place}/{name}");
        assert!(matches!(Plan::read(&less.to_string()), Err(Unread::Damaged(_))), "{place}/{name}");
    }
    assert_eq!(Plan::read(r#"{"version": 99, "of": "something else"}"#), Err(Unread::Newer(99)));
    assert!(matches!(Plan::read(&text[..text.len() / 2]), Err(Unread::Damaged(_))));
}

#[test]
fn hazards_come_first_with_the_line_that_asks_for_them() {
    let program = |range: &str, place: &str| {
        format!(
            r#"import "net";
Gate extends Resource {{ kind "acme.Gate"; from: [Cidr]; place: String, immutable; name: String, identity; }}
gate extends Gate {{
    name "gate";
    from ["10.0.0.0/8", "{range}"];
    place "{place}";
}}
"#
        )
    };
    let world = World::new();
    world.apply(&graph(&program("192.168.0.0/16", "a")));
    let (graph, sources, _) = examined(&Files::main(&program("0.0.0.0/0", "b")), &[]);
    let graph = graph.unwrap();
    let mut plan = world.plan(&graph);
    plan.locate(&graph, &sources);
    let text: String = text::lines(&plan, 80).into_iter().map(|(_, line)| format!("{line}\n")).collect();
    insta::with_settings!({ snapshot_path => "plan", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("hazards", text);
    });
    Schema::read("docs/plan.schema.json").takes(&serde_json::from_str(&plan.document(true)).unwrap());
}

#[test]
fn markdown_takes_nothing_for_markdown_that_is_a_value() {
    let program = |label: &str| {
        format!(
            "{QUEUES}\n{}\nq extends Queue {{ name \"q\"; label {label}; place \"a\"; }}",
            "Queue2 extends Queue { note: String?; }"
        )
        .replace("feeds: Queue?;", "feeds: Queue?; label: String?;")
    };
    let world = World::new();
    world.apply(&graph(&program("\"plain\"")));
    let tricky = r#""</details> | `ticks` ``` [link](x) <b>bold</b> \\n# no heading""#;
    let (graph, sources, _) = examined(&Files::main(&program(tricky).replace("place \"a\"", "place \"<i>|`\"")), &[]);
    let graph = graph.unwrap();
    world.meddle(&graph, "q", "label", Value::string("*by* | hand"));
    let mut plan = world.plan(&graph);
    plan.locate(&graph, &sources);
    let page = markdown::page(&plan);
    insta::with_settings!({ snapshot_path => "plan", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("markdown", page);
    });
    let options = pulldown_cmark::Options::ENABLE_TABLES | pulldown_cmark::Options::ENABLE_GFM;
    let mut html = String::new();
    for event in pulldown_cmark::Parser::new_ext(&page, options) {
        match event {
            Event::Html(text) | Event::InlineHtml(text) => html.push_str(text.trim()),
            Event::Start(Tag::Link { .. } | Tag::Emphasis | Tag::Strong) => panic!("{event:?} in\n{page}"),
            _ => {}
        }
    }
    assert_eq!(html, "<details><summary>Values</summary></details><sub></sub>");
}

#[test]
fn markdown_fits_in_a_comment() {
    let world = World::new();
    let many = "many[i in 0..1500] extends Queue { name \"a-queue-with-a-name-of-some-length-${i}\"; }";
    world.apply(&queues(many));
    let wanted = queues(&many.replace("; }", "; place \"elsewhere\"; }"));
    (0..200).for_each(|at| world.meddle(&wanted, &format!("many[{at}]"), "size", Value::Int(at)));
    let page = markdown::page(&world.plan(&wanted));
    assert!(page.len() < 65_536, "{}", page.len());
    assert_eq!(page.matches(" others").count(), 3, "{page}");
}

// ---- actions

const PONDS: &str = r#"Pond extends Resource {
    kind "acme.Pond";
    name: String, identity;
    size: Int = 1;
    CREATE extends Create { }
    CHANGE extends Update { }
    DRAIN extends Delete { }
    startActions [CREATE, FILL, STOCK];
    updateActions [CHANGE];
    terminateActions [DRAIN];
    livenessActions [HEALTH];
    FILL extends Wait { time 1s; }
    STOCK extends Wait { time 2s; when ["start"]; }
    HEALTH extends Http { url "http://pond/one"; expectStatus [200]; }
}
"#;

fn pond(more: &str) -> tadpole::graph::ResourceGraph {
    graph(&format!("{PONDS}pond extends Pond {{ name \"pond\"; {more} }}\n"))
}

fn changes(plan: &Plan) -> String {
    text::changes(&plan.changes, 80).into_iter().map(|(_, line)| format!("{line}\n")).collect()
}

#[test]
fn what_changed_inside_of_an_action_is_told() {
    let world = World::new();
    world.apply(&pond(""));
    let plan = world.plan(&pond("HEALTH { url \"http://pond/two\"; expectStatus [200, 204]; expectBody \"frog\"; }"));
    let expected = "  ~ pond  Pond  update: HEALTH
  |  + livenessActions.HEALTH.expectBody       \"frog\"
  |  + livenessActions.HEALTH.expectStatus[1]  204
  |    livenessActions.HEALTH.url              \"http://pond/one\" -> \"http://pond/two\"
";
    assert_eq!(changes(&plan), expected);
    // With other actions in it, the list as a whole is told.
    let plan = world.plan(&pond("startActions [CREATE, STOCK];"));
    assert!(
        changes(&plan).contains("startActions  [\"CREATE\", \"FILL\", \"STOCK\"] -> [\"CREATE\", \"STOCK\"]"),
        "{}",
        changes(&plan)
    );
}

#[test]
fn secrets_of_actions_are_not_told() {
    let with = |file: &str| {
        let header = format!("HEALTH {{ headers {{ key secret(\"file:{file}\"); }}; }}");
        let mut files = Files::main(&format!("{PONDS}pond extends Pond {{ name \"pond\"; {header} }}\n"));
        files.0.insert("one.txt".into(), "frogspawn".into());
        files.0.insert("two.txt".into(), "newtspawn".into());
        examined(&files, &[]).0
    };
    let (Some(one), Some(two)) = (with("one.txt"), with("two.txt")) else { panic!("both compile") };
    let world = World::new();
    world.apply(&one);
    let plan = world.plan(&two);
    assert!(
        changes(&plan).contains("livenessActions.HEALTH.headers[\"key\"]  (secret, changed)"),
        "{}",
        changes(&plan)
    );
    assert!(!plan.document(true).contains("spawn"));
}

#[test]
fn only_actions_that_will_run_are_listed() {
    let world = World::new();
    let plan = world.plan(&pond("HEALTH { when [\"live\"]; }"));
    assert!(changes(&plan).starts_with("  + pond  Pond  start: CREATE, FILL, STOCK\n"), "{}", changes(&plan));
    world.apply(&pond(""));
    let replaced = graph(&format!("{PONDS}pond extends Pond {{ name \"other\"; }}\n"));
    assert!(
        changes(&world.plan(&replaced)).contains("replace: CREATE, FILL, HEALTH, DRAIN"),
        "{}",
        changes(&world.plan(&replaced))
    );
}
