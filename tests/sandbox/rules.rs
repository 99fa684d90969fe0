//! What a cloud does not let anybody do, and how things are found in it.

use super::*;

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
