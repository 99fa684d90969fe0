//! Kills: between any two batches of journal records, before and after they are durable and in the
//! middle of a line, and with any one answer of the cloud lost. After recovery and one more apply the
//! sandbox holds exactly what the state names, each once, as if nothing had happened.

use std::collections::{BTreeMap, BTreeSet};

use tadpole::graph::ResourceGraph;
use tadpole::plan::{Purpose, Request};
use tadpole::value::Fields;

use crate::world::{Death, World, files_below, graph, request};

/// Types for the sandbox, and a program in layers that grows, changes, replaces and shrinks.
const TYPES: &str = r#"
    Net extends Resource { kind "test.Net"; name: String, identity; cidr: String = "10.0.0.0/8"; netId: String, computed; }
    Host extends Resource {
        kind "test.Host";
        net: Net;
        size: Int = 1;
        image: String, immutable = "one";
        note: String?;
        password: String?, secret;
        address: String, computed;
    }
    Note extends Resource { kind "test.Note"; text: String; address: String, computed; }
"#;

const BEFORE: &str = r#"
    a extends Net { name "a"; }
    b extends Net { name "b"; }
    host[i in 0..3] extends Host { net a; size i; password "canary-secret"; }
    behind extends Host { net b; note host[0].address; }
    last extends Note { text "${behind.address}/${host[2].address}"; terminateActions []; }
    output last: String = last.address;
"#;

const AFTER: &str = r#"
    a extends Net { name "a"; cidr "10.1.0.0/16"; }
    b extends Net { name "b"; }
    host[i in 0..2] extends Host { net a; size i + 10; image "two"; password "canary-secret"; }
    behind extends Host { net a; note host[1].address; }
    fresh extends Net { name "fresh"; }
    more extends Host { net fresh; note behind.address; }
    output last: String = more.address;
"#;

const RENAMED: &str = r#"
    a extends Net { name "a"; cidr "10.1.0.0/16"; }
    other formerly b extends Net { name "b"; }
    tier extends Compound {
        server[i in 0..2] formerly root.host extends Host { net a; size i + 10; password "canary-secret"; }
    }
    host extends Host { net other; note tier.server[0].address; }
    back formerly behind extends Host { net other; note tier.server[0].address; }
    last extends Note { text "${back.address}"; terminateActions []; }
    output last: String = last.address;
"#;

fn before() -> ResourceGraph {
    graph(&format!("{TYPES}{BEFORE}"))
}

fn after() -> ResourceGraph {
    graph(&format!("{TYPES}{AFTER}"))
}

/// Inputs of what is recorded by address, with the ids of hosts and notes, which are different in
/// every run, replaced by the addresses that they belong to.
fn normal(world: &World) -> BTreeMap<String, String> {
    let objects = world.objects();
    let state = world.state();
    // A thing bears the address that it was made under; the record has the one that it is called by now.
    let called: BTreeMap<&str, String> =
        state.resources.iter().map(|(address, recorded)| (&*recorded.id, address.to_string())).collect();
    let numbered = objects.iter().filter(|object| &*object.kind != "test.Net");
    let names: Vec<(String, String)> = numbered
        .filter_map(|object| Some((object.id.to_string(), format!("<{}>", called.get(&*object.id)?))))
        .collect();
    objects
        .iter()
        .filter_map(|object| Some((object, called.get(&*object.id)?.clone())))
        .map(|(object, address)| {
            let inputs: Fields = object.inputs.clone();
            let mut text = serde_json::to_string(&inputs).unwrap();
            let secret = regex::Regex::new(r#""fingerprint":"[0-9a-f]+""#).unwrap();
            text = secret.replace_all(&text, "").into_owned();
            for (id, name) in &names {
                text = text.replace(id, name);
            }
            (address, text)
        })
        .collect()
}

/// No orphan, no duplicate, no phantom, nothing left open, no secret.
fn sound(world: &World, left_standing: &[&str], context: &str) {
    let state = world.state();
    assert!(state.unfinished.is_empty(), "{context}: operations are left open: {:?}", state.unfinished);
    let recorded: BTreeSet<(String, String)> =
        state.resources.values().map(|recorded| (recorded.kind.to_string(), recorded.id.to_string())).collect();
    assert_eq!(recorded.len(), state.resources.len(), "{context}: two resources are one thing");
    let objects = world.objects();
    let addresses: BTreeSet<String> = objects.iter().map(|object| object.owner.address.to_string()).collect();
    assert_eq!(addresses.len(), objects.len(), "{context}: one resource is two things");
    for object in &objects {
        let known = recorded.contains(&(object.kind.to_string(), object.id.to_string()));
        let standing = left_standing.contains(&object.owner.address.to_string().as_str());
        assert!(known || standing, "{context}: {} of `{}` is an orphan", object.id, object.owner.address);
    }
    let made: BTreeSet<(String, String)> =
        objects.iter().map(|object| (object.kind.to_string(), object.id.to_string())).collect();
    for one in &recorded {
        assert!(made.contains(one), "{context}: {one:?} is recorded and was never made");
    }
    for path in files_below(world.path()) {
        let bytes = std::fs::read(path).unwrap();
        assert!(!bytes.windows(13).any(|window| window == b"canary-secret"), "{context}: a secret was written");
    }
}

/// The batches of records that an undisturbed apply of `to` upon `from` takes, and what it ends with.
fn undisturbed(from: Option<&ResourceGraph>, to: &ResourceGraph) -> BTreeMap<String, String> {
    let world = World::new();
    if let Some(from) = from {
        world.apply(from);
    }
    world.apply(to);
    normal(&world)
}

fn killed_everywhere(from: Option<&ResourceGraph>, to: &ResourceGraph, left_standing: &[&str]) {
    let expected = undisturbed(from, to);
    for death in [Death::Before, Death::After, Death::Torn] {
        let mut kills = 0;
        loop {
            let world = World::new();
            if let Some(from) = from {
                world.apply(from);
            }
            let context = format!("killed at batch {kills}, {death:?}");
            let run = world.run(to, Some((kills, death))).unwrap();
            if run.outcome.store.is_none() {
                break;
            }
            world.apply(to);
            sound(&world, left_standing, &context);
            assert_eq!(normal(&world), expected, "{context}");
            let again = world.apply(to);
            assert!(again.plan.is_empty(), "{context}: {}", crate::world::shown(&again.plan));
            kills += 1;
        }
        assert!(kills >= 6, "only {kills} batches were killed: the test does not reach the executor any more");
    }
}

/// The cloud answered, and the answer could not be recorded any more: the outcome has what was created.
#[test]
fn what_was_created_and_could_not_be_recorded_is_told_by_its_id() {
    let graph = graph(&format!("{TYPES} a extends Net {{ name \"a\"; }}"));
    let mut told = 0;
    for batch in 0..8 {
        let world = World::new();
        let Ok(run) = world.run(&graph, Some((batch, Death::Before))) else { continue };
        for one in &run.outcome.unrecorded {
            assert_eq!((&*one.kind, one.address.to_string().as_str()), ("test.Net", "a"));
            assert_eq!(
                world.objects().iter().map(|object| object.id.clone()).collect::<Vec<_>>(),
                std::slice::from_ref(&one.id)
            );
            assert!(world.state().resources.is_empty());
            told += 1;
        }
    }
    assert_eq!(told, 1, "the id of one creation is recorded once");
}

#[test]
fn killed_while_everything_starts() {
    killed_everywhere(None, &before(), &[]);
}

#[test]
fn killed_while_things_change() {
    killed_everywhere(Some(&before()), &after(), &["last"]);
}

#[test]
fn killed_while_things_get_other_names() {
    killed_everywhere(Some(&before()), &graph(&format!("{TYPES}{RENAMED}")), &[]);
}

#[test]
fn killed_while_everything_goes() {
    killed_everywhere(Some(&before()), &ResourceGraph::empty(None), &["last"]);
}

/// What is kept and is to go all the same: after a kill it is either gone or kept as before, and whoever asks
/// anew finds it.
#[test]
fn killed_while_what_is_kept_goes() {
    let all = Request { purpose: Purpose::Destroy, persistent: true, ..request() };
    let nothing = ResourceGraph::empty(None);
    let kept = || {
        let world = World::new();
        world.apply(&before());
        // One more was left standing by an earlier run.
        let more = "old extends Net { name \"old\"; terminateActions []; }";
        world.apply(&graph(&format!("{TYPES}{BEFORE}{more}")));
        world.apply(&before());
        assert!(world.state().keeps("test.Net", "old"));
        world
    };
    for death in [Death::Before, Death::After, Death::Torn] {
        for kills in 0.. {
            let world = kept();
            let context = format!("killed at batch {kills}, {death:?}");
            let run = world.run_killed(&nothing, (kills, death), all.clone());
            let killed = run.outcome.store.is_some();
            // Nobody asks for it any more: what is left of it is kept, and known.
            if kills % 2 == 0 {
                world.run_as(&nothing, Request { purpose: Purpose::Destroy, ..request() });
                let state = world.state();
                for object in world.objects() {
                    assert!(state.keeps(&object.kind, &object.id), "{context}: {} is lost", object.id);
                }
            }
            world.run_as(&nothing, all.clone());
            assert_eq!(world.objects(), [], "{context}");
            let state = world.state();
            assert!(state.holds_nothing() && state.kept.is_empty(), "{context}: {state:?}");
            if !killed {
                assert!(kills >= 6, "only {kills} batches were killed: the test does not reach the executor any more");
                break;
            }
        }
    }
    for calls in 0.. {
        let world = kept();
        world.lose_answer(calls);
        let run = world.run_as(&nothing, all.clone());
        let lost = world.lost_one();
        world.lose_answer(usize::MAX);
        assert!(run.outcome.failed.is_empty(), "answer {calls} lost: {:?}", run.outcome.failed);
        assert_eq!(world.objects(), [], "answer {calls} lost");
        if !lost {
            assert!(calls > 10, "only {calls} answers were lost");
            break;
        }
    }
}

#[test]
fn killed_again_and_again() {
    let world = World::new();
    let to = before();
    let mut runs = 0;
    // Each run gets one batch further than the one before, at least.
    for kills in (1..60).map(|at| at % 5 + 1) {
        runs += 1;
        if world
            .run(&to, Some((kills, Death::After)))
            .is_ok_and(|run| run.outcome.store.is_none() && run.outcome.failed.is_empty())
        {
            break;
        }
    }
    assert!(runs > 2, "nothing was killed");
    world.apply(&to);
    sound(&world, &[], "killed again and again");
    assert_eq!(normal(&world), undisturbed(None, &to));
}

#[test]
fn any_one_answer_may_be_lost() {
    let (from, to) = (before(), after());
    let expected = undisturbed(Some(&from), &to);
    for calls in 0.. {
        let world = World::new();
        world.apply(&from);
        world.lose_answer(calls);
        let run = world.run(&to, None).unwrap();
        let lost = world.lost_one();
        world.lose_answer(usize::MAX);
        assert!(run.outcome.failed.is_empty(), "answer {calls} lost: {:?}", run.outcome.failed);
        sound(&world, &["last"], &format!("answer {calls} lost"));
        assert_eq!(normal(&world), expected, "answer {calls} lost");
        if !lost {
            assert!(calls > 10, "only {calls} answers were lost");
            break;
        }
    }
}

/// The actions that came since they were looked at last.
fn came(world: &World) -> Vec<String> {
    std::mem::take(&mut *world.deeds.came.lock().unwrap())
}

const BACKED_UP: &str = r#"
Say extends Act { kind "test.Say"; word: String; }
Thing extends Resource { kind "test.Thing"; }
a extends Thing { terminateActions [Say { word "backup"; }, Say { word "farewell"; }, ...super]; }
b extends Thing { }
"#;

const WITHOUT_IT: &str = r#"
Thing extends Resource { kind "test.Thing"; }
b extends Thing { }
"#;

/// Records of the end of `a`: its list begins, the backup is done, the farewell, the deletion begins.
const BACKED_UP_AT: usize = 1;

#[test]
fn an_end_that_is_cut_off_goes_on_behind_what_is_done() {
    let (with, without) = (graph(BACKED_UP), graph(WITHOUT_IT));
    for death in [Death::Before, Death::After, Death::Torn] {
        let world = World::new();
        world.run(&with, None).unwrap();
        assert!(world.run(&without, Some((BACKED_UP_AT, death))).is_ok_and(|run| run.outcome.store.is_some()));
        assert_eq!(came(&world)[0], "a backup", "{death:?}");
        let run = world.run(&without, None).unwrap();
        assert!(run.outcome.failed.is_empty(), "{:?}", run.outcome);
        let again: &[&str] = if death == Death::After { &["a farewell"] } else { &["a backup", "a farewell"] };
        assert_eq!(came(&world), again, "{death:?}");
    }
}

#[test]
fn what_lives_on_after_all_is_backed_up_anew_when_it_ends() {
    let (with, without) = (graph(BACKED_UP), graph(WITHOUT_IT));
    let world = World::new();
    world.run(&with, None).unwrap();
    assert!(world.run(&without, Some((BACKED_UP_AT, Death::After))).is_ok_and(|run| run.outcome.store.is_some()));
    // Somebody thinks better of it.
    world.run(&with, None).unwrap();
    assert!(world.state().resources.values().all(|recorded| recorded.course.is_none()), "{:?}", world.state());
    came(&world);
    world.run(&without, None).unwrap();
    assert_eq!(came(&world), ["a backup", "a farewell"]);
}
