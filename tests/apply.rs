//! Programs that change: `tests/apply/*.cloud`, in steps separated by `//@ then TITLE`. Each step is
//! planned and applied in the sandbox; the snapshot shows plan, result and what the sandbox holds.
//!
//! A step may begin with what somebody else does before it: `//@ outside ADDRESS ATTRIBUTE VALUE` (the value
//! as JSON), `//@ gone ADDRESS`; and with what it is about: `//@ target ADDRESS`, `//@ exclude ADDRESS`,
//! `//@ replace ADDRESS`, `//@ no refresh`, `//@ only refresh`, `//@ destroy all`, `//@ destroy everything` (what
//! was to be kept as well). With `//@ rollback`, what it made is taken down again afterwards. With
//! `//@ refuse WORD`, the cloud does not do the actions that have it.

use tadpole::graph::ResourceGraph;
use tadpole::name::Address;
use tadpole::plan::{self, Plan, Purpose, Request, Scope};

use crate::render::Schema;
use crate::world::{World, graph, request, shown};

/// The options of a step, and what it does besides.
fn options<'t>(text: &'t str, name: &str) -> Vec<Vec<&'t str>> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("//@ ")?.strip_prefix(name));
    lines.filter_map(|rest| Some(rest.strip_prefix(' ')?.splitn(3, ' ').collect())).collect()
}

fn asked(step: &str) -> Request {
    let addresses =
        |name| -> Vec<Address> { options(step, name).iter().map(|option| option[0].parse().unwrap()).collect() };
    let has = |name, word| options(step, name).iter().any(|option| option[0] == word);
    let persistent = has("destroy", "everything");
    let purpose = match (has("destroy", "all") || persistent, has("only", "refresh")) {
        (true, _) => Purpose::Destroy,
        (_, true) => Purpose::Refresh,
        _ => Purpose::Apply,
    };
    let (targets, excludes, replaces) = (addresses("target"), addresses("exclude"), addresses("replace"));
    let scope = Scope { targets, excludes, replaces };
    Request { purpose, scope, refresh: !has("no", "refresh"), persistent, ..request() }
}

fn meddle(world: &World, graph: &ResourceGraph, step: &str) {
    for option in options(step, "outside") {
        let [address, name, value] = option[..] else { panic!("{option:?} is not ADDRESS ATTRIBUTE VALUE") };
        world.meddle(graph, address, name, serde_json::from_str(value).unwrap());
    }
    for option in options(step, "gone") {
        world.take_away(graph, option[0]);
    }
}

#[test]
fn programs_that_change() {
    let schema = Schema::read("docs/plan.schema.json");
    insta::glob!("apply/*.cloud", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let world = World::new();
        let mut all = String::new();
        for step in text.split("//@ then ") {
            let (title, program) = step.split_once('\n').unwrap();
            let is_gone = program.lines().all(|line| line.is_empty() || line.starts_with("//@ "));
            let graph = if is_gone { ResourceGraph::empty(None) } else { graph(program) };
            meddle(&world, &graph, program);
            let refused = options(program, "refuse").into_iter().map(|option| option[0].to_string());
            *world.deeds.refused.lock().unwrap() = refused.collect();
            let request = asked(program);
            let graph = match request.purpose {
                Purpose::Destroy if request.scope.is_whole() => ResourceGraph::empty(None),
                Purpose::Destroy => graph.without_resources(),
                Purpose::Apply | Purpose::Refresh => graph,
            };
            let run = world.run_as(&graph, request.clone());
            let document = run.plan.document(true);
            schema.takes(&serde_json::from_str(&document).unwrap());
            assert_eq!(Plan::read(&document).as_ref(), Ok(&run.plan), "a plan reads back as it was written");
            all.push_str(&format!(
                "──── {}\n{}\n{}",
                title.trim_start_matches("//@ "),
                program.trim(),
                shown(&run.plan)
            ));
            let mut done: Vec<String> = run.outcome.done.iter().map(ToString::to_string).collect();
            done.sort();
            all.push_str(&format!("\ndone: {}\n", done.join(", ")));
            for came in world.deeds.came.lock().unwrap().drain(..) {
                all.push_str(&format!("action: {}\n", came.trim_end()));
            }
            if run.outcome.rollback {
                all.push_str("all that was made now is to be taken down again\n");
            }
            let mut failed = run.outcome.failed.clone();
            failed.sort_by_key(|(address, _)| address.clone());
            for (address, fault) in failed {
                all.push_str(&format!("failed: {address}: {fault}\n"));
            }
            for broken in &run.outcome.broken {
                all.push_str(&format!("does not hold: {}\n", broken.message));
            }
            for (address, id) in &run.outcome.retired {
                all.push_str(&format!("still there: {address} {id}\n"));
            }
            for address in &run.outcome.skipped {
                all.push_str(&format!("not tried: {address}\n"));
            }
            if program.lines().any(|line| line == "//@ rollback") {
                let lasting: Vec<String> = plan::lasting(&run.plan).map(|change| change.address.to_string()).collect();
                all.push_str(&format!("lasting: {}\n", lasting.join(", ")));
                let back = world.roll_back(&graph, &run.plan);
                all.push_str(&shown(&back.plan));
                for (address, fault) in &back.outcome.failed {
                    all.push_str(&format!("failed: {address}: {fault}\n"));
                }
                for (address, recorded) in world.state().resources {
                    all.push_str(&format!("recorded: {address} {}\n", recorded.id));
                }
                assert_eq!(back.outcome.retired, [], "what was replaced has its address again");
            }
            for (name, value) in world.state().outputs {
                all.push_str(&format!("output: {name} {value}\n"));
            }
            let mut objects = world.objects();
            objects.sort_by_key(|object| object.owner.address.clone());
            for object in objects {
                all.push_str(&format!("sandbox: {} {} of {}\n", object.kind, object.id, object.owner.address));
            }
            all.push('\n');
            // What was taken down cannot be named any more.
            let named = request.scope.problems(&graph, &world.state()).is_empty();
            if run.outcome.failed.is_empty() && run.outcome.broken.is_empty() && named {
                let once = Scope { replaces: Vec::new(), ..request.scope };
                let again = world.run_as(&graph, Request { scope: once, ..request });
                assert_eq!(again.plan.drift, [], "{}: what was found is recorded", path.display());
                assert!(
                    again.plan.is_empty(),
                    "{}: a second apply changes something: {}",
                    path.display(),
                    shown(&again.plan)
                );
            }
        }
        // Ids follow the order in which things were made, which differs from run to run.
        let all = regex::Regex::new("-[0-9a-f]{8}([0-9a-f]{9})?\\b").unwrap().replace_all(&all, "-########");
        insta::with_settings!({ snapshot_path => "apply", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!("done", all);
        });
    });
}
