//! Plans as documents: what they say, and that what they say is what is done.

use tadpole::value::Value;

use crate::world::{World, graph, shown};

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
