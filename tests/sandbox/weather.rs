//! What goes wrong, and how long things take: all of it from a seed.

use std::collections::BTreeSet;
use std::time::Duration;

use tadpole::apply::provider::Leaving;
use tadpole::sandbox::weather::{Call, Refusal};

use super::*;

/// What comes of each of many calls of each kind.
async fn fates(sandbox: &Sandbox) -> Vec<String> {
    let mut all = Vec::new();
    let mut say = |call: &str, fault: Option<Fault>| {
        all.push(format!("{call} {}", fault.map_or("-".to_string(), |fault| format!("{:?}", fault.kind))));
    };
    for number in 0..40 {
        let want = net(&format!("n{number}"));
        let place = place(&want, &want.owner.address.to_string());
        say("create", sandbox.create(&want).await.err());
        say("find", sandbox.find(&want, &Seek::Identity).await.err());
        say("read", sandbox.read(&place).await.err());
        say("readmany", sandbox.read_many(std::slice::from_ref(&place)).await.remove(0).err());
        let leaving = Leaving { place: place.clone(), deeds: Vec::new(), known: BTreeSet::new() };
        say("obstacles", sandbox.obstacles(&[leaving]).await.remove(0).err());
        say("update", sandbox.update(&place, None, &want).await.err().filter(|fault| fault.kind != FaultKind::Missing));
        say("delete", sandbox.delete(&place).await.err());
    }
    all
}

fn rough(seed: u64) -> Weather {
    Weather { seed, throttle: 0.1, errors: 0.1, lose: 0.1, lose_calls: 0.1, ..Weather::default() }
}

#[tokio::test(start_paused = true)]
async fn every_call_may_meet_every_fault_and_the_seed_says_which() {
    let (_room, sandbox) = in_weather(rough(7));
    let first = fates(&sandbox).await;
    for call in Call::ALL {
        for kind in [FaultKind::Throttled, FaultKind::Unavailable, FaultKind::Unknown] {
            let wanted = format!("{} {kind:?}", call.name());
            assert!(first.contains(&wanted), "no {wanted}");
        }
    }
    let (_room, again) = in_weather(rough(7));
    assert_eq!(fates(&again).await, first);
    let (_room, other) = in_weather(rough(8));
    assert_ne!(fates(&other).await, first);
}

#[tokio::test(start_paused = true)]
async fn fates_do_not_depend_on_the_order_of_calls() {
    let one_by_one = |order: Vec<usize>| async move {
        let (_room, sandbox) = in_weather(rough(3));
        let mut all = vec![None; order.len()];
        for number in order {
            all[number] =
                Some(sandbox.create(&net(&format!("n{number}"))).await.map_err(|fault| fault.kind).map(|_| ()));
        }
        all
    };
    assert_eq!(one_by_one((0..50).collect()).await, one_by_one((0..50).rev().collect()).await);
}

#[tokio::test(start_paused = true)]
async fn the_next_run_has_other_luck_and_a_replay_the_same() {
    let room = Room::new();
    let run = || async { fates(&room.open()).await };
    room.open().set_weather(rough(7)).unwrap();
    let (first, second) = (run().await, run().await);
    assert_ne!(first, second);
    let sandbox = room.open();
    sandbox.reset().unwrap();
    assert!(sandbox.weather().is_fair());
    sandbox.set_weather(rough(7)).unwrap();
    assert_eq!((run().await, run().await), (first, second));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_was_carried_out_and_a_lost_call_was_not() {
    let (_room, sandbox) = in_weather(Weather { lose: 1.0, ..Weather::default() });
    refused(sandbox.create(&net("a")).await, FaultKind::Unknown, "no answer");
    assert_eq!(sandbox.objects().len(), 1);
    refused(sandbox.delete(&place(&net("a"), "a")).await, FaultKind::Unknown, "no answer");
    assert_eq!(sandbox.objects().len(), 0);
    for weather in [
        Weather { lose_calls: 1.0, ..Weather::default() },
        Weather { errors: 1.0, ..Weather::default() },
        Weather { throttle: 1.0, ..Weather::default() },
    ] {
        let (_room, sandbox) = in_weather(weather);
        sandbox.create(&net("a")).await.unwrap_err();
        assert_eq!(sandbox.objects().len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_hold_however_often_it_is_tried() {
    let refusal = |what: &str, call, kind| Refusal { what: what.into(), call, kind };
    let refusals =
        vec![refusal("test.Net", Some(Call::Create), FaultKind::Denied), refusal("m[*]", None, FaultKind::Refused)];
    let (_room, sandbox) = in_weather(Weather { refusals, ..Weather::default() });
    for _ in 0..3 {
        refused(sandbox.create(&net("a")).await, FaultKind::Denied, "you may not create test.Net");
        refused(sandbox.create(&machine("m[0]")).await, FaultKind::Refused, "does not create");
    }
    let other = made(&sandbox, &machine("other")).await;
    sandbox.delete(&other).await.unwrap();
    assert!(sandbox.find(&net("a"), &Seek::Identity).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_service_takes_so_many_calls_a_second() {
    let rates = [(Arc::from("ec2"), 5.0), (Arc::from("*"), 1000.0)].into();
    let (_room, sandbox) = in_weather(Weather { rates, ..Weather::default() });
    let calls = |count| {
        let sandbox = &sandbox;
        async move {
            let mut passed = 0;
            for _ in 0..count {
                passed += usize::from(sandbox.find(&machine("m"), &Seek::Identity).await.is_ok());
            }
            passed
        }
    };
    assert_eq!(calls(20).await, 5);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(calls(20).await, 5);
    tokio::time::advance(Duration::from_millis(400)).await;
    assert_eq!(calls(20).await, 2);
    // Others are counted by themselves.
    let other = holder("h", Value::Null);
    for _ in 0..100 {
        sandbox.find(&other, &Seek::Identity).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn things_take_their_time() {
    let (room, sandbox) = in_weather(Weather { latency: 1.0, ..Weather::default() });
    let began = tokio::time::Instant::now();
    let place = made(&sandbox, &machine("m")).await;
    let call = began.elapsed();
    assert!(call > Duration::from_millis(800) && call < Duration::from_millis(1600), "{call:?}");
    assert_eq!(health(sandbox.read(&place).await.unwrap()), Health::Waiting("pending".into()));
    tokio::time::advance(Duration::from_secs(25)).await;
    assert_eq!(health(sandbox.read(&place).await.unwrap()), Health::Live);
    sandbox.delete(&place).await.unwrap();
    assert_eq!(health(sandbox.read(&place).await.unwrap()), Health::Waiting("deleting".into()));
    refused(sandbox.update(&place, None, &machine("m")).await, FaultKind::Held, "being deleted");
    refused(sandbox.create(&holder("h", reference("m", &place.id))).await, FaultKind::Refused, "being deleted");
    assert_eq!(sandbox.find(&machine("m"), &Seek::Owned(owner("m", ""))).await.unwrap(), None);
    tokio::time::advance(Duration::from_secs(40)).await;
    assert!(!is_here(&sandbox.read(&place).await.unwrap()));
    assert!(room.ids().is_empty() && sandbox.objects().is_empty());
    // A hundredth of it.
    sandbox.set_weather(Weather { latency: 0.01, ..Weather::default() }).unwrap();
    let began = tokio::time::Instant::now();
    let place = made(&sandbox, &Want { owner: owner("m", "2"), ..machine("m") }).await;
    assert!(began.elapsed() < Duration::from_millis(20), "{:?}", began.elapsed());
    tokio::time::advance(Duration::from_millis(250)).await;
    assert_eq!(health(sandbox.read(&place).await.unwrap()), Health::Live);
}

#[tokio::test(start_paused = true)]
async fn what_is_new_is_not_seen_yet_and_what_is_gone_is_seen_still() {
    let lag = Duration::from_secs(10);
    let (room, sandbox) = in_weather(Weather { lag, ..Weather::default() });
    let (net, seek) = (net("a"), Seek::Made(owner("a", "token of a")));
    let place = made(&sandbox, &net).await;
    assert!(!is_here(&sandbox.read(&place).await.unwrap()));
    assert_eq!(sandbox.find(&net, &seek).await.unwrap(), None);
    // The rules know it: only looks lag.
    refused(sandbox.create(&Want { owner: owner("b", "b"), ..net.clone() }).await, FaultKind::Taken, "taken");
    // So does the next process, which began later.
    tokio::time::advance(lag / 2 - Duration::from_secs(1)).await;
    let next = room.open();
    assert_eq!(next.find(&net, &seek).await.unwrap(), None);
    assert!(next.patience("test.Net").consistency > lag);
    tokio::time::advance(lag / 2 + Duration::from_secs(1)).await;
    assert_eq!(next.find(&net, &seek).await.unwrap(), Some("a".into()));
    assert!(is_here(&next.read_many(std::slice::from_ref(&place)).await.remove(0).unwrap()));
    next.delete(&place).await.unwrap();
    assert!(is_here(&next.read(&place).await.unwrap()));
    assert!(is_here(&sandbox.read(&place).await.unwrap()));
    refused(next.update(&place, None, &net).await, FaultKind::Missing, "there is no a");
    tokio::time::advance(lag).await;
    assert!(!is_here(&next.read(&place).await.unwrap()));
}
