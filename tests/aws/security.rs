//! Key pairs and security groups: found again, never taken over, changed rule by rule.

use serde_json::json;
use tadpole::apply::provider::{FaultKind, Health, Progress, Provider, Seek, Want};
use tadpole::value::{Data, Fields, Value};

use super::proxy::Mishap;
use super::{World, attribute, but, json, make, place, tags, want};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINsGQJbQZFgVeiIXPSLkPPe+7KnmbwGkeQQH2HLIbjxY";

fn key(name: &str, token: &str) -> Want {
    let inputs = [
        ("keyName", Value::string(name)),
        ("publicKey", Value::string(format!("{KEY} arjan@desk\n"))),
        ("tags", tags(&[("team", "a")])),
    ];
    want("aws.KeyPair", "site.key", token, &inputs)
}

/// A rule as the program has it: what it sets, and the defaults of the template.
fn rule(pairs: &[(&str, Value)]) -> Value {
    let mut fields: Fields = pairs.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
    if let Some(port) = fields.get("port").cloned() {
        fields.insert("fromPort".into(), port.clone());
        fields.insert("toPort".into(), port);
    }
    fields.entry("protocol".into()).or_insert(Value::string("tcp"));
    fields.entry("self".into()).or_insert(Value::Bool(false));
    Value::Data(Data { template: "SecurityRule".into(), fields })
}

fn port(port: i64, cidr: &str) -> Value {
    rule(&[("port", Value::Int(port)), ("cidr", Value::string(cidr))])
}

fn everything() -> Value {
    rule(&[("protocol", Value::string("all")), ("cidr", Value::string("0.0.0.0/0"))])
}

fn group(token: &str, ingress: Vec<Value>) -> Want {
    let inputs = [
        ("description", Value::string("web server")),
        ("ingress", Value::List(ingress)),
        ("egress", Value::List(vec![everything()])),
        ("tags", tags(&[("team", "a")])),
    ];
    want("aws.SecurityGroup", &format!("site.{}", token.replace('-', "_")), token, &inputs)
}

#[tokio::test]
async fn a_key_pair_from_its_import_to_its_deletion() {
    let world = World::new();
    let first = key("whole-key", "key-1");
    let home = make(&world, &first).await;
    assert_eq!(&*home.id, "whole-key");
    let here = world.here(&home).await;
    assert_eq!(here.health, Health::Live);
    let told = json!({"keyName": "whole-key", "publicKey": format!("{KEY} arjan@desk\n"), "tags": {"team": "a"}});
    assert_eq!(json(&here.inputs), told, "as it is recorded, white space and all");
    assert_eq!(json(&here.outputs)["keyType"], json!("ed25519"));
    let seen = world
        .moto
        .python("result = tags_of(client('ec2').describe_key_pairs(KeyNames=['whole-key'])['KeyPairs'][0]['Tags'])");
    assert_eq!(
        seen,
        json!({"team": "a", "tadpole:lineage": "lineage-1", "tadpole:address": "site.key", "tadpole:op": "key-1"})
    );

    let mut second = but(&first, &[("tags", tags(&[("cost", "b")]))]);
    second.owner.token = "key-2".into();
    for _ in 0..2 {
        world.aws.update(&home, Some(&first.inputs), &second).await.unwrap();
    }
    assert_eq!(json(&world.here(&home).await.inputs)["tags"], json!({"cost": "b"}));
    assert_eq!(world.aws.find(&second, &Seek::Made(first.owner.clone())).await.unwrap().as_deref(), Some("whole-key"));
    for _ in 0..2 {
        world.aws.delete(&home).await.unwrap();
        assert!(world.is_gone(&home).await);
    }
}

#[tokio::test]
async fn a_key_pair_with_another_key_behind_the_same_name_is_seen() {
    let world = World::new();
    let home = make(&world, &key("drifted-key", "key-d")).await;
    let other = KEY.replace("bjxY", "bjxZ");
    world.moto.python(&format!(
        "ec2 = client('ec2')\nec2.delete_key_pair(KeyName='drifted-key')\n\
         ec2.import_key_pair(KeyName='drifted-key', PublicKeyMaterial=b'{other}')"
    ));
    assert_eq!(
        json(&world.here(&home).await.inputs),
        json!({"keyName": "drifted-key", "publicKey": other, "tags": {}})
    );
}

#[tokio::test]
async fn a_key_pair_is_found_when_the_answer_was_lost_and_never_taken_over() {
    let world = World::new();
    let wanted = key("lost-key", "key-l");
    world.proxy.next("Action=ImportKeyPair", Mishap::LostAnswer);
    assert_eq!(world.aws.create(&wanted).await.unwrap_err().kind, FaultKind::Unknown);
    let found = world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap();
    assert_eq!(found.as_deref(), Some("lost-key"));
    assert_eq!(&*world.aws.create(&wanted).await.unwrap().id, "lost-key", "this operation made it");
    let mut other = wanted.clone();
    other.owner.token = "key-m".into();
    let fault = world.aws.create(&other).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Taken, "keyName"));
    assert_eq!(fault.message, "the key pair `lost-key` exists already, made by `site.key` of this environment");
    world.moto.python(&format!("client('ec2').import_key_pair(KeyName='their-key', PublicKeyMaterial=b'{KEY}')"));
    let theirs = key("their-key", "key-n");
    let fault = world.aws.create(&theirs).await.unwrap_err();
    assert_eq!(fault.message, "the key pair `their-key` exists already");
    assert_eq!(world.aws.find(&theirs, &Seek::Owned(theirs.owner.clone())).await.unwrap(), None);
    assert_eq!(world.aws.find(&theirs, &Seek::Identity).await.unwrap().as_deref(), Some("their-key"));
    // The emulator breaks on what is no key.
    world.proxy.next("Action=ImportKeyPair", Mishap::Refusal(400, "InvalidKey.Format"));
    let fault = world.aws.create(&key("no-key", "key-o")).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Refused, "publicKey"), "{fault:?}");
}

#[tokio::test]
async fn a_group_from_its_creation_to_its_deletion() {
    let world = World::new();
    let note = rule(&[
        ("port", Value::Int(443)),
        ("cidr", Value::string("2001:DB8::/32")),
        ("description", Value::string("office")),
    ]);
    let first = group("group-1", vec![port(22, "203.0.113.0/24"), note.clone(), port(80, "0.0.0.0/0")]);
    let made = world.aws.create(&first).await.unwrap();
    assert!(!made.whole && made.id.starts_with("sg-"));
    let bare = place(&first, &made.id, Fields::new());
    for _ in 0..2 {
        assert_eq!(world.aws.update(&bare, None, &first).await.unwrap(), Progress::Done);
    }
    assert_eq!(world.proxy.count("Action=AuthorizeSecurityGroupIngress"), 1, "the second time there is nothing to do");
    assert_eq!(world.proxy.count("Action=AuthorizeSecurityGroupEgress"), 0, "what goes out by default is AWS's own");
    let here = world.here(&bare).await;
    for name in ["description", "ingress", "egress", "tags"] {
        assert_eq!(here.inputs.get(name), first.inputs.get(name), "{name}");
    }
    assert_eq!(json(&here.outputs)["givenName"], json!("site.group_1-group-1"));
    // The same rules in another order are the same.
    let mut shuffled = bare.clone();
    let turned = Value::List(vec![port(80, "0.0.0.0/0"), port(22, "203.0.113.0/24"), note.clone()]);
    shuffled.inputs.insert("ingress".into(), turned.clone());
    assert_eq!(world.here(&shuffled).await.inputs.get("ingress"), Some(&turned));

    // One comes, one goes, one is described otherwise, and one stays.
    let described = rule(&[
        ("port", Value::Int(80)),
        ("cidr", Value::string("0.0.0.0/0")),
        ("description", Value::string("everybody")),
    ]);
    let itself = rule(&[("port", Value::Int(5000)), ("self", Value::Bool(true))]);
    let second = but(&first, &[("ingress", Value::List(vec![described, note, itself]))]);
    for _ in 0..2 {
        world.aws.update(&bare, Some(&first.inputs), &second).await.unwrap();
    }
    let rules = format!(
        "rules = client('ec2').describe_security_group_rules(Filters=[{{'Name': 'group-id', 'Values': ['{}']}}])['SecurityGroupRules']\n\
         result = sorted([r['FromPort'], r.get('CidrIpv4') or r.get('CidrIpv6') or r['ReferencedGroupInfo']['GroupId'], r.get('Description')] for r in rules if not r['IsEgress'])",
        made.id
    );
    assert_eq!(
        world.moto.python(&rules),
        json!([[80, "0.0.0.0/0", "everybody"], [443, "2001:db8::/32", "office"], [5000, &*made.id, null]])
    );
    for (call, count) in [
        ("Action=AuthorizeSecurityGroupIngress", 2),
        ("Action=ModifySecurityGroupRules", 1),
        ("Action=RevokeSecurityGroupIngress", 1),
        ("Action=RevokeSecurityGroupEgress", 0),
    ] {
        assert_eq!(world.proxy.count(call), count, "{call}");
    }
    let home = place(&second, &made.id, Fields::new());
    assert_eq!(world.here(&home).await.inputs.get("ingress"), second.inputs.get("ingress"));
    for _ in 0..2 {
        assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Done);
        assert!(world.is_gone(&home).await);
    }
}

#[tokio::test]
async fn rules_by_hand_are_seen_and_set_right() {
    let world = World::new();
    let wanted = group("group-2", vec![port(22, "203.0.113.0/24"), port(80, "0.0.0.0/0")]);
    let home = make(&world, &wanted).await;
    world.moto.python(&format!(
        "ec2 = client('ec2')\nid = '{}'\n\
         ec2.revoke_security_group_ingress(GroupId=id, IpProtocol='tcp', FromPort=22, ToPort=22, CidrIp='203.0.113.0/24')\n\
         ec2.authorize_security_group_ingress(GroupId=id, IpProtocol='tcp', FromPort=23, ToPort=23, CidrIp='0.0.0.0/0')\n\
         ec2.revoke_security_group_egress(GroupId=id, IpPermissions=[{{'IpProtocol': '-1', 'IpRanges': [{{'CidrIp': '0.0.0.0/0'}}]}}])",
        home.id
    ));
    let here = world.here(&home).await;
    assert_eq!(here.inputs.get("ingress"), Some(&Value::List(vec![port(80, "0.0.0.0/0"), port(23, "0.0.0.0/0")])));
    assert_eq!(here.inputs.get("egress"), Some(&Value::List(vec![])));
    world.aws.update(&home, Some(&here.inputs), &wanted).await.unwrap();
    let here = world.here(&home).await;
    for name in ["ingress", "egress"] {
        assert_eq!(here.inputs.get(name), wanted.inputs.get(name), "{name}");
    }
}

#[tokio::test]
async fn a_group_is_found_when_the_answer_was_lost() {
    let world = World::new();
    let wanted = group("group-3", vec![]);
    assert_eq!(world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap(), None);
    world.proxy.next("Action=CreateSecurityGroup", Mishap::LostAnswer);
    assert_eq!(world.aws.create(&wanted).await.unwrap_err().kind, FaultKind::Unknown);
    let found = world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap().unwrap();
    assert_eq!(world.aws.create(&wanted).await.unwrap().id, found, "its name makes it the same group");
    let mut later = wanted.clone();
    later.owner.token = "group-3b".into();
    assert_eq!(world.aws.find(&later, &Seek::Owned(later.owner.clone())).await.unwrap(), Some(found.clone()));
    assert_ne!(world.aws.create(&later).await.unwrap().id, found, "a new one can come before the old one goes");
    let fault = world.aws.find(&later, &Seek::Owned(later.owner.clone())).await.unwrap_err();
    assert!(fault.message.starts_with("several security groups could be this one: `sg-"), "{fault:?}");

    let named = but(&group("group-4", vec![]), &[("groupName", Value::string("named-group"))]);
    let id = world.aws.create(&named).await.unwrap().id;
    assert_eq!(world.aws.find(&named, &Seek::Identity).await.unwrap(), Some(id.clone()));
    let mut other = named.clone();
    other.owner.token = "group-5".into();
    let fault = world.aws.create(&other).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Taken, "groupName"));
    let message =
        format!("the security group `named-group` ({id}) exists already, made by `site.group_4` of this environment");
    assert_eq!(fault.message, message);
}

#[tokio::test]
async fn a_group_in_use_says_who_uses_it() {
    let world = World::new();
    let home = make(&world, &group("group-6", vec![])).await;
    let held =
        |world: &World| world.proxy.next("Action=DeleteSecurityGroup", Mishap::Refusal(400, "DependencyViolation"));
    // Nobody is in sight: it passes.
    held(&world);
    assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Waiting("held by what was deleted just now".into()));
    let from = rule(&[("port", Value::Int(3306)), ("from", Value::string(&*home.id))]);
    let other = make(&world, &group("group-7", vec![from])).await;
    let instance = world.moto.python(&format!(
        "result = client('ec2').run_instances(ImageId='{}', MinCount=1, MaxCount=1, InstanceType='t3.micro', SecurityGroupIds=['{}'])['Instances'][0]['InstanceId']",
        super::moto::IMAGE, home.id
    ));
    held(&world);
    let fault = world.aws.delete(&home).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Held);
    let help = fault.help.unwrap();
    assert!(help.starts_with(&format!("rules of `{}` and `eni-", other.id)), "{help}");
    assert!(help.contains(&format!("(of the instance `{}`)", instance.as_str().unwrap())), "{help}");
}

#[tokio::test]
async fn what_a_group_cannot_say_is_refused_before_any_call() {
    let world = World::new();
    let wrong = rule(&[("cidr", Value::string("0.0.0.0/0"))]);
    let fault = world.aws.create(&group("group-8", vec![wrong])).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Refused, "ingress"));
    assert_eq!(fault.message, "a rule of `ingress` has no port");
    assert_eq!(world.proxy.count(""), 0);
}

#[tokio::test]
async fn many_groups_are_two_lists() {
    let world = World::new();
    let mut places = Vec::new();
    for n in 0..4 {
        places.push(make(&world, &group(&format!("group-m{n}"), vec![port(n + 1, "0.0.0.0/0")])).await);
    }
    world.aws.delete(&places[1]).await.unwrap();
    let before = world.proxy.count("Action=Describe");
    let readings = world.aws.read_many(&places).await;
    assert_eq!(world.proxy.count("Action=Describe"), before + 2);
    for (n, (place, reading)) in places.iter().zip(readings).enumerate() {
        match reading.unwrap() {
            tadpole::apply::provider::Reading::Gone => assert_eq!(n, 1),
            tadpole::apply::provider::Reading::Here(here) => {
                assert_eq!(here.inputs.get("ingress"), place.inputs.get("ingress"));
            }
        }
    }
}
