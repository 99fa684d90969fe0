//! Groups of actions with real sockets and processes: their order, and what becomes of those that lose.

use std::fs;
use std::time::Duration;

use tadpole::model::action::{Action, Verb};
use tadpole::value::Value;
use tempfile::tempdir;

use super::exec::{exec, shell};
use super::{DEED, LOOK, Stage, action, answer, free, serve, text};

fn group(verb: Verb, parts: Vec<Action>) -> Action {
    Action { name: "group".into(), parts, ..Action::plain(verb) }
}

fn named(name: &str, action: Action) -> Action {
    Action { name: name.into(), ..action }
}

fn http(port: &str) -> Action {
    action(Verb::Http, &[("url", text(format!("http://{port}/"))), ("within", Value::Duration(300))])
}

#[tokio::test]
async fn a_sequence_ends_with_the_first_that_fails() {
    let directory = tempdir().unwrap();
    let stage = Stage::new(DEED).within(directory.path());
    let note = |word: &str| exec(&[shell(&format!("echo {word} $TADPOLE_TOKEN >> notes"))]);
    let wrong = named("wrong", exec(&[shell("exit 7")]));
    let fault = stage.run(&group(Verb::Sequence, vec![note("one"), note("two"), wrong, note("four")])).await.fault();
    assert_eq!(fault.message, "`wrong` failed: `exit 7` ended with exit code 7");
    let notes = fs::read_to_string(directory.path().join("notes")).unwrap();
    assert_eq!(notes, format!("one {0}-0\ntwo {0}-1\n", stage.token));
}

#[tokio::test]
async fn parallel_ones_run_side_by_side_each_to_its_end() {
    let directory = tempdir().unwrap();
    let stage = Stage::new(DEED).within(directory.path());
    // Each waits for the other: one after the other, they would never end.
    let meet = |own: &str, other: &str, code: u8| {
        let lines = format!("touch {own}; while ! test -e {other}; do sleep 0.02; done; exit {code}");
        named(own, exec(&[shell(&lines)]))
    };
    stage.run(&group(Verb::Parallel, vec![meet("a", "b", 0), meet("b", "a", 0)])).await.result.unwrap();
    let fault =
        stage.run(&group(Verb::Parallel, vec![meet("c", "d", 1), meet("d", "e", 2), meet("e", "c", 0)])).await.fault();
    let each: Vec<&str> = fault.message.split("; `d` failed").collect();
    assert!(each.len() == 2 && each[0].starts_with("`c` failed: ") && each[0].ends_with("code 1"), "{fault}");
    assert!(each[1].ends_with("exit code 2"), "{fault}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_losers_of_a_race_are_ended() {
    let directory = tempdir().unwrap();
    let stage = Stage::new(DEED).within(directory.path());
    let (listener, address) = free();
    let slow = exec(&[shell("trap '' TERM; echo $$ > slow; sh -c 'echo $$ > slower; exec sleep 1000'")]);
    let wrong = named("wrong", exec(&[shell("exit 1")]));
    // Nobody wins before the slow one is on its way.
    let begun = directory.path().to_path_buf();
    std::thread::spawn(move || {
        let whole = |name: &str| fs::read_to_string(begun.join(name)).is_ok_and(|text| text.ends_with('\n'));
        while !(whole("slow") && whole("slower")) {
            std::thread::sleep(Duration::from_millis(10));
        }
        serve(listener, vec![answer("200 OK", &[], "")]);
    });
    let first =
        action(Verb::Http, &[("url", text(format!("http://{address}/"))), ("timeout", Value::Duration(30_000))]);
    stage.run(&group(Verb::Race, vec![slow, wrong.clone(), first])).await.result.unwrap();
    for name in ["slow", "slower"] {
        let file = directory.path().join(name);
        crate::world::until("its end", || !super::exec::lives(&file));
    }
    let fault = stage.run(&group(Verb::Race, vec![wrong.clone(), wrong])).await.fault();
    let each = "`wrong` failed: `exit 1` ended with exit code 1";
    assert_eq!(fault.message, format!("{each}; {each}"));
}

#[tokio::test]
async fn what_fails_may_be_tried_otherwise() {
    let (listener, address) = free();
    let questions = serve(listener, vec![answer("200 OK", &[], "")]);
    let (closed, nobody) = free();
    drop(closed);
    let mut attempt = group(Verb::Try, vec![http(&nobody.to_string())]);
    let fault = Stage::new(LOOK).run(&attempt).await.fault();
    assert!(fault.message.contains("does not answer: Connection refused"), "{fault}");
    attempt.otherwise = vec![http(&address.to_string())];
    let outcome = Stage::new(LOOK).run(&attempt).await;
    outcome.result.unwrap();
    assert!(outcome.waits.last().unwrap().ends_with("; trying otherwise"), "{:?}", outcome.waits);
    assert_eq!(questions.try_iter().count(), 1);
    // What takes its place fails as it fails.
    attempt.otherwise = vec![http(&nobody.to_string())];
    let fault = Stage::new(LOOK).run(&attempt).await.fault();
    assert!(fault.message.contains("does not answer: Connection refused"), "{fault}");
}
