//! The sandbox as a provider, without an engine: the rules of its cloud, its weather, and its file.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tadpole::apply::clock::Clock;
use tadpole::apply::provider::{Fault, FaultKind, Health, Owner, Place, Provider, Reading, Seek, Want};
use tadpole::sandbox::weather::{Call, Refusal, Weather};
use tadpole::sandbox::{Sandbox, Schemas};
use tadpole::value::{Data, Fields, Reference, Secret, Target, Value};

use crate::world::graph;

const TYPES: &str = r#"
    Net extends Resource { kind "test.Net"; name: String, identity; cidr: String?; netId: String, computed; }
    Machine extends Resource { kind "test.ImageInstance"; image: String, immutable = "one"; size: Int = 1; }
    Clash extends Resource { kind "test.Clash"; name: String, identity; }
    net extends Net { name "a"; }
    machine extends Machine { }
    clash extends Clash { name "b"; }
"#;

/// A directory with one sandbox.
struct Room {
    directory: tempfile::TempDir,
    schemas: Schemas,
    clock: Clock,
}

impl Room {
    fn new() -> Room {
        let schemas = graph(TYPES).in_order().map(|r| (r.schema.kind.clone(), r.schema.clone())).collect();
        let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
        Room { directory: tempfile::tempdir().unwrap(), schemas, clock }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("sandbox.jsonl")
    }

    fn open(&self) -> Sandbox {
        Sandbox::open_at(&self.path(), self.schemas.clone(), self.clock.clone()).unwrap()
    }

    fn ids(&self) -> Vec<String> {
        self.open().objects().iter().map(|object| object.id.to_string()).collect()
    }
}

fn in_weather(weather: Weather) -> (Room, Sandbox) {
    let room = Room::new();
    let sandbox = room.open();
    sandbox.set_weather(weather).unwrap();
    (room, sandbox)
}

fn owner(address: &str, token: &str) -> Owner {
    Owner { lineage: "lineage".into(), address: address.parse().unwrap(), token: token.into() }
}

/// What a component with this address wants; its token is named after it.
fn want(kind: &str, address: &str, inputs: &[(&str, Value)]) -> Want {
    let inputs = inputs.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
    Want { kind: kind.into(), inputs, samples: Fields::new(), owner: owner(address, &format!("token of {address}")) }
}

fn net(name: &str) -> Want {
    want("test.Net", name, &[("name", Value::string(name))])
}

fn machine(address: &str) -> Want {
    want("test.ImageInstance", address, &[("image", Value::string("one"))])
}

fn reference(address: &str, id: &str) -> Value {
    Value::Reference(Reference { of: Target::Address(address.parse().unwrap()), id: id.into() })
}

/// Something of a type without a schema, which refers to something.
fn holder(address: &str, of: Value) -> Want {
    want("test.Holder", address, &[("of", of)])
}

fn place(want: &Want, id: &str) -> Place {
    Place {
        kind: want.kind.clone(),
        id: id.into(),
        address: want.owner.address.clone(),
        inputs: want.inputs.clone(),
        outputs: Fields::new(),
    }
}

async fn made(sandbox: &Sandbox, want: &Want) -> Place {
    let made = sandbox.create(want).await.unwrap();
    assert!(made.whole);
    place(want, &made.id)
}

fn refused<T: std::fmt::Debug>(result: Result<T, Fault>, kind: FaultKind, says: &str) -> Fault {
    let fault = result.unwrap_err();
    assert_eq!(fault.kind, kind, "{fault}");
    assert!(fault.message.contains(says), "`{fault}` does not say `{says}`");
    fault
}

fn is_here(reading: &Reading) -> bool {
    matches!(reading, Reading::Here(_))
}

fn health(reading: Reading) -> Health {
    match reading {
        Reading::Here(here) => here.health,
        Reading::Gone => panic!("it is gone"),
    }
}

// ---- rules

#[tokio::test]
async fn a_name_is_taken_once() {
    let room = Room::new();
    let sandbox = room.open();
    let first = made(&sandbox, &net("a")).await;
    let other = want("test.Net", "other", &[("name", Value::string("a"))]);
    let fault = refused(sandbox.create(&other).await, FaultKind::Taken, "\"a\" is taken: `a` has it");
    assert_eq!(fault.attribute.unwrap().as_str(), "name");
    // Another type may have the same, and so may this one when the first is gone.
    made(&sandbox, &want("test.Clash", "clash", &[("name", Value::string("a"))])).await;
    sandbox.delete(&first).await.unwrap();
    made(&sandbox, &other).await;
}

#[tokio::test]
async fn a_token_makes_one_thing() {
    let room = Room::new();
    let sandbox = room.open();
    let first = sandbox.create(&machine("m")).await.unwrap().id;
    assert_eq!(sandbox.create(&machine("m")).await.unwrap().id, first);
    assert_eq!(room.ids().len(), 1);
    let other = want("test.ImageInstance", "m", &[("image", Value::string("two"))]);
    refused(sandbox.create(&other).await, FaultKind::Refused, "was used for something else");
    // What an update has changed since does not count: the call was the same.
    let bigger = Want {
        inputs: Fields::from([("image".into(), Value::string("one")), ("size".into(), Value::Int(2))]),
        ..machine("m")
    };
    sandbox.update(&place(&machine("m"), &first), None, &bigger).await.unwrap();
    assert_eq!(sandbox.create(&machine("m")).await.unwrap().id, first);
}

#[tokio::test]
async fn what_is_referred_to_must_be_there() {
    let room = Room::new();
    let sandbox = room.open();
    let nothing = reference("a", "a");
    let fault = refused(sandbox.create(&holder("h", nothing.clone())).await, FaultKind::Refused, "there is no a");
    assert_eq!(fault.attribute.unwrap().as_str(), "of");
    let there = made(&sandbox, &holder("h", Value::Null)).await;
    for value in
        [nothing.clone(), Value::List(vec![nothing.clone()]), Value::Map([("x".into(), nothing.clone())].into())]
    {
        refused(sandbox.update(&there, None, &holder("h", value)).await, FaultKind::Refused, "there is no a");
    }
    made(&sandbox, &net("a")).await;
    sandbox.update(&there, None, &holder("h", nothing)).await.unwrap();
    // What exists outside of the sandbox is nobody's business here.
    let outside = Reference { of: Target::Existing("Vpc".into()), id: "vpc-1".into() };
    sandbox.update(&there, None, &holder("h", Value::Reference(outside))).await.unwrap();
}

#[tokio::test]
async fn what_is_in_use_stays() {
    let wrapped: [fn(Value) -> Value; 4] = [
        |value| value,
        |value| Value::List(vec![Value::Null, Value::List(vec![value])]),
        |value| Value::Map([("deep".to_string(), Value::List(vec![value]))].into()),
        |value| Value::Data(Data { template: "Rule".into(), fields: Fields::from([("to".into(), value)]) }),
    ];
    for wrap in wrapped {
        let room = Room::new();
        let sandbox = room.open();
        let net = made(&sandbox, &net("a")).await;
        let holding = made(&sandbox, &holder("h", wrap(reference("a", "a")))).await;
        refused(sandbox.delete(&net).await, FaultKind::Held, "a is in use by `h`");
        // Another process sees the same.
        refused(room.open().delete(&net).await, FaultKind::Held, "a is in use by `h`");
        sandbox.update(&holding, None, &holder("h", Value::Null)).await.unwrap();
        sandbox.delete(&net).await.unwrap();
        // What is gone already counts as taken away.
        sandbox.delete(&net).await.unwrap();
        assert_eq!(room.ids().len(), 1);
    }
}

#[tokio::test]
async fn what_is_only_in_outputs_or_refers_to_itself_holds_nothing() {
    let room = Room::new();
    let sandbox = room.open();
    let net = made(&sandbox, &net("a")).await;
    let mut other = holder("h", Value::Null);
    other.samples.insert("of".into(), reference("a", "a"));
    made(&sandbox, &other).await;
    let machine = made(&sandbox, &machine("m")).await;
    let own =
        want("test.ImageInstance", "m", &[("image", Value::string("one")), ("self", reference("m", &machine.id))]);
    sandbox.update(&machine, None, &own).await.unwrap();
    sandbox.delete(&machine).await.unwrap();
    sandbox.delete(&net).await.unwrap();
}

#[tokio::test]
async fn of_two_types_with_one_id_the_one_that_is_meant_is_held() {
    let room = Room::new();
    let sandbox = room.open();
    let net = made(&sandbox, &net("a")).await;
    let clash = made(&sandbox, &want("test.Clash", "clash", &[("name", Value::string("a"))])).await;
    assert_eq!(net.id, clash.id);
    made(&sandbox, &holder("h", reference("clash", "a"))).await;
    refused(sandbox.delete(&clash).await, FaultKind::Held, "in use by `h`");
    sandbox.delete(&net).await.unwrap();
    refused(sandbox.delete(&clash).await, FaultKind::Held, "in use by `h`");
}

#[tokio::test]
async fn an_update_changes_what_may_change() {
    let room = Room::new();
    let sandbox = room.open();
    let machine = made(&sandbox, &machine("m")).await;
    let changed =
        |image: &str| want("test.ImageInstance", "m", &[("image", Value::string(image)), ("size", Value::Int(3))]);
    let fault =
        refused(sandbox.update(&machine, None, &changed("two")).await, FaultKind::Refused, "`image` of imageinstance-");
    assert_eq!(fault.attribute.unwrap().as_str(), "image");
    sandbox.update(&machine, None, &changed("one")).await.unwrap();
    let Reading::Here(here) = sandbox.read(&machine).await.unwrap() else { panic!("it is gone") };
    assert_eq!(here.inputs["size"], Value::Int(3));
    let first = made(&sandbox, &net("a")).await;
    let renamed = want("test.Net", "a", &[("name", Value::string("b"))]);
    refused(sandbox.update(&first, None, &renamed).await, FaultKind::Refused, "`name` of a cannot change");
    sandbox.delete(&machine).await.unwrap();
    refused(sandbox.update(&machine, None, &changed("one")).await, FaultKind::Missing, "there is no imageinstance-");
}

#[tokio::test]
async fn things_are_found_by_token_owner_and_name() {
    let room = Room::new();
    let sandbox = room.open();
    let net = net("a");
    let place = made(&sandbox, &net).await;
    let made_by = |token: &str| Seek::Made(owner("a", token));
    assert_eq!(sandbox.find(&net, &made_by("token of a")).await.unwrap(), Some(place.id.clone()));
    assert_eq!(sandbox.find(&net, &made_by("another")).await.unwrap(), None);
    assert_eq!(sandbox.find(&net, &Seek::Owned(owner("a", ""))).await.unwrap(), Some(place.id.clone()));
    assert_eq!(sandbox.find(&net, &Seek::Owned(owner("b", ""))).await.unwrap(), None);
    assert_eq!(sandbox.find(&net, &Seek::Identity).await.unwrap(), Some(place.id));
    // One of another name was left standing before.
    let renamed =
        Want { inputs: Fields::from([("name".into(), Value::string("b"))]), owner: owner("a", "2"), ..net.clone() };
    assert_eq!(sandbox.find(&renamed, &Seek::Owned(owner("a", ""))).await.unwrap(), None);
    let second = made(&sandbox, &renamed).await;
    assert_eq!(sandbox.find(&renamed, &Seek::Owned(owner("a", ""))).await.unwrap(), Some(second.id));
    // Without a name to tell them apart, nothing is guessed.
    let first = machine("m");
    made(&sandbox, &first).await;
    assert!(sandbox.find(&first, &Seek::Owned(owner("m", ""))).await.unwrap().is_some());
    made(&sandbox, &Want { owner: owner("m", "another m"), ..first.clone() }).await;
    let fault = refused(
        sandbox.find(&first, &Seek::Owned(owner("m", ""))).await,
        FaultKind::Refused,
        "`m` made several things",
    );
    assert!(fault.help.is_some());
    assert_eq!(sandbox.find(&first, &Seek::Identity).await.unwrap(), None);
}

#[tokio::test]
async fn computed_attributes_are_as_expected_or_invented() {
    let room = Room::new();
    let sandbox = room.open();
    let first = made(&sandbox, &net("a")).await;
    let mut expected = net("b");
    expected.samples.insert("netId".into(), Value::string("net-1"));
    let second = made(&sandbox, &expected).await;
    let Reading::Here(first) = sandbox.read(&first).await.unwrap() else { panic!("it is gone") };
    let Reading::Here(second) = sandbox.read(&second).await.unwrap() else { panic!("it is gone") };
    assert_eq!(first.outputs["netId"], Value::string("netId-of-a"));
    assert_eq!(second.outputs["netId"], Value::string("net-1"));
}

#[tokio::test]
async fn secrets_are_not_in_the_file() {
    let room = Room::new();
    let sandbox = room.open();
    let secret = Value::Secret(Secret::new("source", "canary-secret"));
    made(&sandbox, &holder("h", Value::List(vec![secret]))).await;
    let text = std::fs::read_to_string(room.path()).unwrap();
    assert!(text.contains("\"$\":\"secret\"") && !text.contains("canary"), "{text}");
}

// ---- weather

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

// ---- the file

#[tokio::test]
async fn a_kill_at_any_byte_loses_the_last_call_at_most() {
    let room = Room::new();
    let sandbox = room.open();
    for name in ["a", "b", "c"] {
        made(&sandbox, &net(name)).await;
    }
    sandbox.delete(&place(&net("b"), "b")).await.unwrap();
    made(&sandbox, &holder("h", reference("a", "a"))).await;
    let whole = std::fs::read(room.path()).unwrap();
    for length in 0..=whole.len() {
        let cut = Room::new();
        std::fs::write(cut.path(), &whole[..length]).unwrap();
        let calls = whole[..length].iter().filter(|byte| **byte == b'\n').count();
        let expected: &[&str] = match calls {
            0 => &[],
            1 => &["a"],
            2 => &["a", "b"],
            3 => &["a", "b", "c"],
            4 => &["a", "c"],
            _ => &["a", "c", "h"],
        };
        let known = |cut: &Room| {
            let objects = cut.open().objects();
            let mut known: Vec<String> = objects.iter().map(|object| object.owner.address.to_string()).collect();
            known.sort();
            known
        };
        assert_eq!(known(&cut), expected, "cut at {length}");
        // Looking changes nothing, and the next call goes on from there.
        assert_eq!(std::fs::metadata(cut.path()).unwrap().len(), length as u64);
        made(&cut.open(), &net("next")).await;
        let mut with_next = expected.to_vec();
        with_next.push("next");
        assert_eq!(known(&cut), with_next, "cut at {length}");
    }
}

#[tokio::test]
async fn what_was_not_written_by_it_is_refused() {
    let room = Room::new();
    made(&room.open(), &net("a")).await;
    let mut text = std::fs::read_to_string(room.path()).unwrap();
    text.push_str("nonsense\n");
    std::fs::write(room.path(), &text).unwrap();
    let error = Sandbox::open(&room.path(), room.schemas.clone()).err().unwrap();
    assert!(error.to_string().starts_with("line 2 is not what was written"), "{error}");
}

#[tokio::test]
async fn two_handles_see_each_other() {
    let room = Room::new();
    let (one, two) = (room.open(), room.open());
    let place = made(&one, &net("a")).await;
    assert!(is_here(&two.read(&place).await.unwrap()));
    refused(two.create(&Want { owner: owner("b", "b"), ..net("a") }).await, FaultKind::Taken, "taken");
    made(&two, &holder("h", reference("a", "a"))).await;
    refused(one.delete(&place).await, FaultKind::Held, "in use by `h`");
    one.set_weather(Weather { lag: Duration::from_secs(1), ..Weather::default() }).unwrap();
    two.look().unwrap();
    assert_eq!(two.weather().lag, Duration::from_secs(1));
    two.reset().unwrap();
    assert!(!is_here(&one.read(&place).await.unwrap()));
    assert!(one.weather().is_fair());
    made(&one, &net("a")).await;
    assert!(is_here(&two.read(&place).await.unwrap()));
    // Somebody takes the whole directory away.
    std::fs::remove_file(room.path()).unwrap();
    assert!(!is_here(&one.read(&place).await.unwrap()));
    made(&two, &net("b")).await;
    assert_eq!(one.objects().len(), 1);
}

#[test]
fn many_write_at_once_and_nothing_is_lost() {
    let room = Room::new();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let room = &room;
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                for number in 0..50 {
                    // Each opens the file anew now and then, which makes it shorter when it can be.
                    let sandbox = room.open();
                    runtime.block_on(async {
                        let own = net(&format!("t{thread}n{number}"));
                        let place = made(&sandbox, &own).await;
                        for _ in 0..5 {
                            sandbox.update(&place, None, &own).await.unwrap();
                        }
                        if number % 2 == 0 {
                            sandbox.delete(&place).await.unwrap();
                        }
                    });
                }
            });
        }
    });
    let mut expected: Vec<String> =
        (0..4).flat_map(|thread| (0..50).filter(|n| n % 2 == 1).map(move |n| format!("t{thread}n{n}"))).collect();
    expected.sort();
    assert_eq!(room.ids(), expected);
    let lines = std::fs::read_to_string(room.path()).unwrap().lines().count();
    assert!(lines < 4 * 50 * 6 / 2, "{lines} lines: it was never made shorter");
}

#[tokio::test(start_paused = true)]
async fn a_shorter_file_says_the_same() {
    let room = Room::new();
    let sandbox = room.open();
    let weather = Weather { lag: Duration::from_secs(100), seed: 9, ..Weather::default() };
    sandbox.set_weather(weather.clone()).unwrap();
    for name in ["a", "gone", "left"] {
        made(&sandbox, &net(name)).await;
    }
    tokio::time::advance(Duration::from_secs(200)).await;
    for _ in 0..100 {
        sandbox.update(&place(&net("a"), "a"), None, &net("a")).await.unwrap();
    }
    sandbox.delete(&place(&net("gone"), "gone")).await.unwrap();
    let before = sandbox.objects();
    let lines = || std::fs::read_to_string(room.path()).unwrap().lines().count();
    assert!(lines() > 100);
    let next = room.open();
    assert!(lines() > 100, "looking changed the file");
    next.update(&place(&net("a"), "a"), None, &net("a")).await.unwrap();
    assert!(lines() < 10, "{} lines", lines());
    for sandbox in [&sandbox, &next, &room.open()] {
        assert_eq!(sandbox.objects(), before);
        assert_eq!(sandbox.weather(), weather);
        assert!(is_here(&sandbox.read(&place(&net("gone"), "gone")).await.unwrap()), "it is seen still");
    }
}

#[tokio::test]
async fn ten_thousand_things() {
    let room = Room::new();
    let sandbox = room.open();
    let time = |work: &dyn Fn()| {
        let began = Instant::now();
        work();
        began.elapsed()
    };
    made(&sandbox, &net("net")).await;
    let batch = |from: u32| {
        let sandbox = &sandbox;
        async move {
            let began = Instant::now();
            for number in from..from + 1000 {
                made(sandbox, &holder(&format!("h[{number}]"), reference("net", "net"))).await;
            }
            began.elapsed()
        }
    };
    let mut times = Vec::new();
    for from in 0..10 {
        times.push(batch(from * 1000).await);
    }
    // The last thousand cost what the first did: nothing is looked through.
    let (first, last) = (times[..3].iter().min().unwrap(), times[7..].iter().min().unwrap());
    assert!(*last < *first * 4 + Duration::from_millis(50), "{times:?}");
    let place = place(&net("net"), "net");
    let deletes = Instant::now();
    for _ in 0..1000 {
        refused(sandbox.delete(&place).await, FaultKind::Held, "in use by `h[");
    }
    assert!(deletes.elapsed() < Duration::from_secs(2), "{:?}", deletes.elapsed());
    let opened = time(&|| assert_eq!(room.open().objects().len(), 10_001));
    assert!(opened < Duration::from_secs(5), "{opened:?}");
}
