//! Groups of instances: all or nothing, found again, counted, and none left behind.

use serde_json::json;
use tadpole::apply::provider::{FaultKind, Health, Provider, Reading, Seek, Want};
use tadpole::value::{Fields, Value};

use super::moto::IMAGE;
use super::proxy::Mishap;
use super::{World, attribute, but, ids, json, make, owner, place, tags, want};

fn group(address: &str, token: &str, least: i64, most: i64) -> Want {
    let inputs = [
        ("imageID", Value::string(IMAGE)),
        ("minCount", Value::Int(least)),
        ("maxCount", Value::Int(most)),
        ("instanceType", Value::string("t3.micro")),
        ("tags", tags(&[("team", "a")])),
    ];
    want("aws.ImageInstance", address, token, &inputs)
}

fn dead(text: &str) -> Health {
    Health::Dead(text.to_string())
}

#[tokio::test]
async fn a_group_from_its_start_to_its_end() {
    let world = World::new();
    let wanted = group("life.web[\"a b\"]", "life-1", 3, 3);
    let made = world.aws.create(&wanted).await.unwrap();
    assert!(made.whole && made.id.starts_with("r-"));
    let here = world.here(&place(&wanted, &made.id, Fields::new())).await;
    assert_eq!(
        json(&here.inputs),
        json!({"imageID": IMAGE, "minCount": 3, "maxCount": 3, "instanceType": "t3.micro", "tags": {"team": "a"}})
    );
    assert_eq!(ids(&here.outputs).len(), 3);
    let home = place(&wanted, &made.id, here.outputs);
    assert_eq!(world.here(&home).await.health, Health::Live);

    let tagged =
        |script: &str| world.moto.python(&format!("found = instances(**{{'tadpole:op': 'life-1'}})\n{script}"));
    let all = json!({"team": "a", "tadpole:lineage": "lineage-1", "tadpole:address": "life.web/@a=20b", "tadpole:op": "life-1"});
    let seen = tagged("result = [tags_of(one['Tags']) for one in found]");
    assert_eq!(seen, json!([all, all, all]));
    let volumes = "volumes = [one['BlockDeviceMappings'][0]['Ebs']['VolumeId'] for one in found]\n\
                   result = [tags_of(one['Tags']) for one in client('ec2').describe_volumes(VolumeIds=volumes)['Volumes']]";
    assert_eq!(tagged(volumes), json!([all, all, all]));

    let mut second = but(&wanted, &[("tags", tags(&[("cost", "b")]))]);
    second.owner.token = "life-2".into();
    for _ in 0..2 {
        world.aws.update(&home, Some(&wanted.inputs), &second).await.unwrap();
    }
    assert_eq!(world.proxy.count("Action=CreateTags"), 1);
    assert_eq!(world.proxy.count("Action=DeleteTags"), 1);
    let all = json!({"cost": "b", "tadpole:lineage": "lineage-1", "tadpole:address": "life.web/@a=20b", "tadpole:op": "life-1"});
    assert_eq!(tagged("result = [tags_of(one['Tags']) for one in found]"), json!([all, all, all]));
    assert_eq!(tagged(volumes), json!([all, all, all]));
    assert_eq!(json(&world.here(&home).await.inputs)["tags"], json!({"cost": "b"}));

    for _ in 0..2 {
        world.aws.delete(&home).await.unwrap();
        assert!(world.is_gone(&home).await);
    }
    let fault = world.aws.update(&home, None, &second).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Missing);
    assert_eq!(world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap(), None);
}

#[tokio::test]
async fn a_group_is_found_when_the_answer_was_lost() {
    let world = World::new();
    let wanted = group("lost", "lost-1", 2, 2);
    assert_eq!(world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap(), None);
    world.proxy.next("Action=RunInstances", Mishap::LostAnswer);
    assert_eq!(world.aws.create(&wanted).await.unwrap_err().kind, FaultKind::Unknown);
    let found = world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap().unwrap();
    assert_eq!(world.aws.create(&wanted).await.unwrap().id, found, "the token makes it the same group");
    assert_eq!(world.moto.python("result = len(instances(**{'tadpole:op': 'lost-1'}))"), json!(2));

    let mut later = wanted.clone();
    later.owner.token = "lost-2".into();
    assert_eq!(world.aws.find(&later, &Seek::Made(later.owner.clone())).await.unwrap(), None);
    assert_eq!(world.aws.find(&later, &Seek::Owned(later.owner.clone())).await.unwrap(), Some(found));
    assert_eq!(world.aws.find(&later, &Seek::Owned(owner("lineage-2", "lost", "x"))).await.unwrap(), None);
    assert_eq!(world.aws.find(&later, &Seek::Identity).await.unwrap(), None);
}

#[tokio::test]
async fn two_groups_of_one_token_are_reported_and_not_guessed() {
    let world = World::new();
    let wanted = group("twice", "twice-1", 1, 1);
    let home = make(&world, &wanted).await;
    world.moto.python(&format!(
        "tags = [tag for tag in instances(**{{'tadpole:op': 'twice-1'}})[0]['Tags']]\n\
         client('ec2').run_instances(ImageId='{IMAGE}', MinCount=1, MaxCount=1, InstanceType='t3.micro',\n\
             TagSpecifications=[{{'ResourceType': 'instance', 'Tags': tags}}])"
    ));
    let fault = world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap_err();
    assert!(fault.message.starts_with("several groups of instances could be this one: `r-"), "{fault:?}");
    assert!(fault.message.contains(&*home.id));
    // The other one is not ours to count or to end.
    assert_eq!(ids(&world.here(&place(&wanted, &home.id, Fields::new())).await.outputs), ids(&home.outputs));
    world.aws.delete(&home).await.unwrap();
    assert!(world.is_gone(&home).await);
    let left = "result = [one['State']['Name'] for one in instances(**{'tadpole:op': 'twice-1'})]";
    let mut left: Vec<String> = serde_json::from_value(world.moto.python(left)).unwrap();
    left.sort();
    assert_eq!(left, ["running", "terminated"]);
}

#[tokio::test]
async fn what_amazon_refuses_is_on_its_attribute() {
    let world = World::new();
    for (name, value, expected) in [
        ("imageID", "ami-00000000", "(InvalidAMIID.NotFound)"),
        ("instanceType", "z9.huge", "(InvalidInstanceType.NotFound)"),
    ] {
        let wanted = but(&group("refused", "refused-1", 2, 2), &[(name, Value::string(value))]);
        let fault = world.aws.create(&wanted).await.unwrap_err();
        assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Refused, name), "{fault:?}");
        assert!(fault.message.ends_with(expected), "{fault:?}");
        assert!(fault.message.starts_with("could not start 2 instances of `ami-"), "{fault:?}");
    }
    for (status, code, kind, name) in [
        (503, "RequestLimitExceeded", FaultKind::Throttled, ""),
        (500, "InsufficientInstanceCapacity", FaultKind::Unavailable, "instanceType"),
        (500, "InternalError", FaultKind::Unknown, ""),
        (403, "UnauthorizedOperation", FaultKind::Denied, ""),
        (400, "VcpuLimitExceeded", FaultKind::Refused, "minCount"),
    ] {
        world.proxy.next("Action=RunInstances", Mishap::Refusal(status, code));
        let fault = world.aws.create(&group("refused", "refused-2", 2, 2)).await.unwrap_err();
        assert_eq!((fault.kind, attribute(&fault)), (kind, name), "{fault:?}");
        assert!(fault.message.ends_with(&format!("Not now ({code})")), "{fault:?}");
        assert_eq!(fault.request_id.as_deref(), Some("r-1"));
    }
    let wanted = but(&group("refused", "refused-3", 1, 1), &[("tags", tags(&[("tadpole:op", "x")]))]);
    let fault = world.aws.create(&wanted).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Refused, "tags"));
    assert_eq!(world.moto.python("result = len(instances(**{'tadpole:address': 'refused'}))"), json!(0));
}

#[tokio::test]
async fn too_few_alive_are_a_dead_group_and_none_are_none() {
    let world = World::new();
    // The emulator starts as many as the most, where it can.
    let home = make(&world, &group("dying", "dying-1", 2, 4)).await;
    let all = ids(&home.outputs);
    assert!(all.len() >= 2);
    let act = |verb: &str, some: &[std::sync::Arc<str>]| {
        world.moto.python(&format!("client('ec2').{verb}_instances(InstanceIds={some:?})"));
    };
    let spare = all.len() - 2;
    if spare > 0 {
        act("terminate", &all[..spare]);
    }
    assert_eq!(world.here(&home).await.health, Health::Live);
    act("stop", &all[spare..=spare]);
    assert_eq!(world.here(&home).await.health, dead("1 of 2 instances are stopped"));
    act("terminate", &all[spare..=spare]);
    let here = world.here(&home).await;
    assert_eq!(here.health, dead("1 of at least 2 instances are alive"));
    assert_eq!(ids(&here.outputs), all[spare + 1..]);
    act("terminate", &all[spare + 1..]);
    assert!(world.is_gone(&home).await);
}

#[tokio::test]
async fn an_end_overlooks_no_instance() {
    let world = World::new();
    let wanted = group("overlooked", "overlooked-1", 3, 3);
    let home = make(&world, &wanted).await;
    // As if the first list had been short, and as if the tags had been lost.
    let mut short = home.clone();
    short.outputs.insert("instances".into(), Value::List(vec![Value::string(ids(&home.outputs)[0].clone())]));
    assert_eq!(ids(&world.here(&short).await.outputs), ids(&home.outputs));
    world.moto.python(&format!("client('ec2').delete_tags(Resources=['{}'])", ids(&home.outputs)[0]));
    assert_eq!(ids(&world.here(&short).await.outputs), ids(&home.outputs));
    world.aws.delete(&short).await.unwrap();
    assert!(world.is_gone(&home).await);
    let seen = world.moto.python(&format!(
        "result = [one['State']['Name'] for page in client('ec2').describe_instances(InstanceIds={:?})['Reservations'] for one in page['Instances']]",
        ids(&home.outputs)
    ));
    assert_eq!(seen, json!(["terminated", "terminated", "terminated"]));
    // Ids that nobody knows any more do not keep it from ending.
    let mut old = home.clone();
    old.outputs.insert("instances".into(), Value::List(vec![Value::string("i-0123456789abcdef0")]));
    old.address = "elsewhere".parse().unwrap();
    world.aws.delete(&old).await.unwrap();
    assert!(world.is_gone(&old).await);
}

#[tokio::test]
async fn tags_by_hand_are_seen_and_set_right() {
    let world = World::new();
    let wanted = group("drift", "drift-1", 2, 2);
    let home = make(&world, &wanted).await;
    let all = ids(&home.outputs);
    world.moto.python(&format!(
        "ec2 = client('ec2')\n\
         ec2.delete_tags(Resources=['{}'], Tags=[{{'Key': 'team'}}])\n\
         ec2.create_tags(Resources={all:?}, Tags=[{{'Key': 'by', 'Value': 'hand'}}])",
        all[0]
    ));
    let here = world.here(&home).await;
    assert_eq!(json(&here.inputs)["tags"], json!({"by": "hand"}), "what all have in common");
    world.aws.update(&home, Some(&here.inputs), &wanted).await.unwrap();
    assert_eq!(json(&world.here(&home).await.inputs)["tags"], json!({"team": "a"}));
}

#[tokio::test]
async fn many_groups_are_one_list() {
    let world = World::new();
    let mut places = Vec::new();
    for n in 0..6 {
        places.push(make(&world, &group(&format!("many[{n}]"), &format!("many-{n}"), n + 1, n + 1)).await);
    }
    world.aws.delete(&places[2]).await.unwrap();
    let before = world.proxy.count("Action=DescribeInstances");
    let readings = world.aws.read_many(&places).await;
    assert_eq!(world.proxy.count("Action=DescribeInstances"), before + 1);
    for (n, (place, reading)) in places.iter().zip(readings).enumerate() {
        match reading.unwrap() {
            Reading::Gone => assert_eq!(n, 2),
            Reading::Here(here) => {
                assert_eq!(here.outputs, place.outputs);
                assert_eq!(ids(&here.outputs).len(), n + 1);
                assert_eq!(here.health, Health::Live);
            }
        }
    }
    // Without anything recorded, their tags lead to them, in one list too.
    let bare: Vec<_> = places
        .iter()
        .map(|place| tadpole::apply::provider::Place { outputs: Fields::new(), ..place.clone() })
        .collect();
    let readings = world.aws.read_many(&bare).await;
    assert_eq!(world.proxy.count("Action=DescribeInstances"), before + 2);
    for (n, reading) in readings.into_iter().enumerate() {
        match reading.unwrap() {
            Reading::Gone => assert_eq!(n, 2),
            Reading::Here(here) => assert_eq!(here.outputs, places[n].outputs),
        }
    }
}
