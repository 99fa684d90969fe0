//! Single instances, their disks and addresses: what the fixtures of their types do not show.

use serde_json::json;
use tadpole::apply::provider::{Fault, FaultKind, Health, Place, Progress, Provider, Reading, Seek, Want};
use tadpole::value::{Secret, Value};

use super::moto::IMAGE;
use super::proxy::Mishap;
use super::{World, attribute, but, json, make, place, tags, want};

const GIB: u64 = 1 << 30;

fn instance(address: &str, token: &str) -> Want {
    let inputs = [
        ("imageID", Value::string(IMAGE)),
        ("instanceType", Value::string("t3.micro")),
        ("running", Value::Bool(true)),
        ("monitoring", Value::Bool(false)),
        ("terminationProtection", Value::Bool(false)),
        ("sourceDestCheck", Value::Bool(true)),
        ("imdsv2", Value::Bool(true)),
        ("tags", tags(&[("team", "a")])),
    ];
    want("aws.Instance", address, token, &inputs)
}

fn volume(address: &str, token: &str, size: u64) -> Want {
    let inputs = [
        ("availabilityZone", Value::string("us-east-1a")),
        ("size", Value::Size(size)),
        ("volumeType", Value::string("gp3")),
        ("encrypted", Value::Bool(true)),
    ];
    want("aws.Volume", address, token, &inputs)
}

fn attachment(volume: &Place, instance: &Place, device: &str) -> Want {
    let inputs = [
        ("volume", Value::string(&*volume.id)),
        ("instance", Value::string(&*instance.id)),
        ("device", Value::string(device)),
        ("forceDetach", Value::Bool(false)),
    ];
    want("aws.VolumeAttachment", "mounted", "mounted", &inputs)
}

/// Updates until there is nothing more to wait for; what was waited for.
async fn update(world: &World, home: &Place, old: &Want, new: &Want) -> Result<Vec<String>, Fault> {
    let mut waited = Vec::new();
    loop {
        match world.aws.update(home, Some(&old.inputs), new).await? {
            Progress::Done => return Ok(waited),
            Progress::Waiting(on) => waited.push(on),
        }
        assert!(waited.len() < 10, "{waited:?}");
    }
}

fn state(world: &World, id: &str) -> String {
    let script = format!(
        "result = client('ec2').describe_instances(InstanceIds=['{id}'])['Reservations'][0]['Instances'][0]['State']['Name']"
    );
    world.moto.python(&script).as_str().unwrap().to_string()
}

#[tokio::test]
async fn another_type_stops_an_instance_and_starts_it_again() {
    let world = World::new();
    let first = instance("machines.a", "m-a");
    let home = make(&world, &first).await;
    let second = but(&first, &[("instanceType", Value::string("t3.small")), ("tags", tags(&[("team", "b")]))]);
    assert_eq!(update(&world, &home, &first, &second).await.unwrap(), ["stopping"]);
    for (call, count) in [
        ("Action=StopInstances", 1),
        ("Action=ModifyInstanceAttribute", 1),
        ("Action=StartInstances", 1),
        ("Action=RunInstances", 1),
    ] {
        assert_eq!(world.proxy.count(call), count, "{call}");
    }
    let here = world.here(&home).await;
    assert_eq!((json(&here.inputs)["instanceType"].as_str(), here.health), (Some("t3.small"), Health::Live));
}

#[tokio::test]
async fn what_aws_will_not_change_runs_as_it_was() {
    let world = World::new();
    let first = instance("machines.b", "m-b");
    let home = make(&world, &first).await;
    let second = but(&first, &[("instanceType", Value::string("t3.small"))]);
    world.proxy.next("Action=ModifyInstanceAttribute", Mishap::Refusal(400, "Unsupported"));
    let fault = update(&world, &home, &first, &second).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Refused, "instanceType"));
    assert!(fault.message.ends_with("Not now (Unsupported); it was started again as it was"), "{fault:?}");
    assert_eq!(state(&world, &home.id), "running");
    // What passes later is tried again from where it stands.
    world.proxy.next("Action=StartInstances", Mishap::Refusal(500, "InsufficientInstanceCapacity"));
    let fault = update(&world, &home, &first, &second).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Unavailable, "instanceType"));
    assert_eq!(state(&world, &home.id), "stopped");
    assert!(update(&world, &home, &first, &second).await.unwrap().is_empty());
    assert_eq!(state(&world, &home.id), "running");
}

#[tokio::test]
async fn one_that_is_stopped_is_not_live_unless_that_is_wanted() {
    let world = World::new();
    let wanted = instance("machines.c", "m-c");
    let home = make(&world, &wanted).await;
    world.moto.python(&format!("client('ec2').stop_instances(InstanceIds=['{}'])", home.id));
    let here = world.here(&home).await;
    assert_eq!(
        (here.health, json(&here.inputs)["running"].clone()),
        (Health::Dead("it is stopped".into()), json!(false))
    );
    let down = but(&wanted, &[("running", Value::Bool(false))]);
    assert_eq!(world.here(&place(&down, &home.id, home.outputs.clone())).await.health, Health::Live);
    assert!(update(&world, &home, &down, &wanted).await.unwrap().is_empty());
    assert_eq!(world.aws.check(&home).await.unwrap(), Some(Health::Live));
}

#[tokio::test]
async fn a_protected_instance_is_held() {
    let world = World::new();
    // The emulator does not heed it in RunInstances.
    let open = instance("machines.d", "m-d");
    let wanted = but(&open, &[("terminationProtection", Value::Bool(true))]);
    let home = make(&world, &open).await;
    update(&world, &home, &open, &wanted).await.unwrap();
    let home = place(&wanted, &home.id, home.outputs.clone());
    assert_eq!(json(&world.here(&home).await.inputs)["terminationProtection"], json!(true));
    let fault = world.aws.delete(&home).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Held, "terminationProtection"));
    assert!(fault.help.unwrap().starts_with("set `terminationProtection false` and apply that first"));
    update(&world, &home, &wanted, &open).await.unwrap();
    for _ in 0..2 {
        world.aws.delete(&home).await.unwrap();
        assert!(world.is_gone(&home).await);
    }
    let fault = update(&world, &home, &wanted, &open).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Missing);
}

#[tokio::test]
async fn user_data_means_what_it_says() {
    let world = World::new();
    let script = "#!/bin/sh\necho \u{1F438}\n";
    let first = but(&instance("machines.e", "m-e"), &[("userData", Value::string(script))]);
    let home = make(&world, &first).await;
    assert_eq!(json(&world.here(&home).await.inputs)["userData"], json!(script));
    let attribute = "import base64\n\
                     data = client('ec2').describe_instance_attribute(InstanceId='ID', Attribute='userData')['UserData']['Value']\n\
                     result = base64.b64decode(data).decode()"
        .replace("ID", &home.id);
    assert_eq!(world.moto.python(&attribute), json!(script));
    // The emulator decodes what it is given in ModifyInstanceAttribute once too often; a text that is Base64
    // itself survives that, and means the same.
    let second = but(&first, &[("userData", Value::string("IyEvYmluL3NoCmVjaG8gdHdvCg=="))]);
    assert_eq!(update(&world, &home, &first, &second).await.unwrap(), ["stopping"]);
    let now = place(&second, &home.id, home.outputs.clone());
    assert_eq!(json(&world.here(&now).await.inputs)["userData"], json!("IyEvYmluL3NoCmVjaG8gdHdvCg=="));
    assert_eq!(world.aws.update(&now, None, &second).await.unwrap(), Progress::Done);
    assert_eq!(world.proxy.count("Action=StopInstances"), 1, "it has it already");
    // A secret in it is told to nobody.
    let secret = Value::Secret(Secret::new("env:X", script));
    let third = but(&instance("machines.e2", "m-e2"), &[("userData", secret)]);
    let home = make(&world, &third).await;
    assert_eq!(json(&world.here(&home).await.inputs).get("userData"), None);
    assert_eq!(world.moto.python(&attribute.replace(&*now.id, &home.id)), json!(script));
}

#[tokio::test]
async fn an_instance_is_found_when_the_answer_was_lost() {
    let world = World::new();
    let wanted = instance("machines.f", "m-f");
    world.proxy.next("Action=RunInstances", Mishap::LostAnswer);
    assert_eq!(world.aws.create(&wanted).await.unwrap_err().kind, FaultKind::Unknown);
    let found = world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap().unwrap();
    assert_eq!(world.aws.create(&wanted).await.unwrap().id, found, "the token makes it the same one");
    world.aws.delete(&place(&wanted, &found, Default::default())).await.unwrap();
    assert_eq!(world.aws.find(&wanted, &Seek::Owned(wanted.owner.clone())).await.unwrap(), None, "it is dead");
    for (status, code, kind, name) in [
        (500, "InsufficientInstanceCapacity", FaultKind::Unavailable, "instanceType"),
        (400, "MaxSpotInstanceCountExceeded", FaultKind::Refused, ""),
        (400, "InvalidUserData.Malformed", FaultKind::Refused, "userData"),
        (400, "InvalidKeyPair.NotFound", FaultKind::Missing, ""),
    ] {
        world.proxy.next("Action=RunInstances", Mishap::Refusal(status, code));
        let fault = world.aws.create(&instance("machines.g", "m-g")).await.unwrap_err();
        assert_eq!((fault.kind, attribute(&fault)), (kind, name), "{fault:?}");
    }
}

#[tokio::test]
async fn many_instances_are_one_list() {
    let world = World::new();
    let mut places = Vec::new();
    for n in 0..3 {
        places.push(make(&world, &instance(&format!("machines.h[{n}]"), &format!("m-h{n}"))).await);
    }
    world.aws.delete(&places[1]).await.unwrap();
    let before = world.proxy.count("");
    let readings = world.aws.read_many(&places).await;
    assert_eq!(world.proxy.count("") - before, 1);
    let gone: Vec<bool> = readings.into_iter().map(|reading| matches!(reading.unwrap(), Reading::Gone)).collect();
    assert_eq!(gone, [false, true, false]);
}

#[tokio::test]
async fn a_volume_does_not_shrink() {
    let world = World::new();
    let first = volume("machines.v", "m-v", 20 * GIB);
    let home = make(&world, &first).await;
    let fault = update(&world, &home, &first, &volume("machines.v", "m-v", 10 * GIB)).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Refused, "size"));
    assert_eq!(fault.message, "a disk of 20GiB cannot shrink to 10GiB");
    assert!(fault.help.unwrap().contains("write `size 20GiB`"));
    assert_eq!(world.proxy.count("Action=ModifyVolume"), 0);
    let grown = volume("machines.v", "m-v", 30 * GIB);
    assert_eq!(update(&world, &home, &first, &grown).await.unwrap(), ["modifying"]);
    assert_eq!(world.here(&home).await.inputs.get("size"), Some(&Value::Size(30 * GIB)));
    let fault = world.aws.create(&volume("machines.w", "m-w", GIB + 1)).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Refused, "size"));
    world.proxy.next("Action=ModifyVolume", Mishap::Refusal(400, "VolumeModificationRateExceeded"));
    let fault = update(&world, &home, &grown, &volume("machines.v", "m-v", 40 * GIB)).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Held);
    assert!(fault.help.unwrap().contains("six hours"));
}

#[tokio::test]
async fn a_disk_in_use_says_where_it_is() {
    let world = World::new();
    let one = make(&world, &instance("machines.i", "m-i")).await;
    let two = make(&world, &instance("machines.j", "m-j")).await;
    let disk = make(&world, &volume("machines.x", "m-x", GIB)).await;
    let mounted = attachment(&disk, &one, "/dev/sdf");
    let home = make(&world, &mounted).await;
    assert_eq!(&*home.id, &*format!("{}:{}", disk.id, one.id));
    world.proxy.next("Action=AttachVolume", Mishap::Refusal(400, "VolumeInUse"));
    assert_eq!(world.aws.create(&mounted).await.unwrap().id, home.id, "an earlier try did it");
    world.proxy.next("Action=AttachVolume", Mishap::Refusal(400, "VolumeInUse"));
    let fault = world.aws.create(&attachment(&disk, &two, "/dev/sdf")).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Held, "volume"));
    assert_eq!(fault.help.unwrap(), format!("it is attached to `{}` as /dev/sdf: detach it there first", one.id));
    world.proxy.next("Action=DeleteVolume", Mishap::Refusal(400, "VolumeInUse"));
    let fault = world.aws.delete(&disk).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Held);
    assert!(fault.help.unwrap().starts_with(&format!("the instance `{}` holds `{}`", one.id, disk.id)));

    assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Waiting("detaching".into()));
    assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Done);
    assert!(world.is_gone(&home).await);
    assert_eq!(world.aws.delete(&disk).await.unwrap(), Progress::Done);
    assert!(world.is_gone(&disk).await);
}

#[tokio::test]
async fn an_address_is_let_go_before_it_is_released() {
    let world = World::new();
    let one = make(&world, &instance("machines.k", "m-k")).await;
    let wanted = want("aws.ElasticIp", "machines.ip", "m-ip", &[("instance", Value::string(&*one.id))]);
    let home = make(&world, &wanted).await;
    world.proxy.next("Action=ReleaseAddress", Mishap::Refusal(400, "InvalidIPAddress.InUse"));
    let progress = world.aws.delete(&home).await.unwrap();
    assert_eq!(progress, Progress::Waiting("still in use by what it led to".into()));
    assert_eq!(world.proxy.count("Action=DisassociateAddress"), 1);
    for _ in 0..2 {
        assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Done);
        assert!(world.is_gone(&home).await);
    }
    // What leads nowhere is told as an instance without an id.
    let wanted = want("aws.ElasticIp", "machines.ip2", "m-ip2", &[("instance", Value::string(&*one.id))]);
    let home = make(&world, &wanted).await;
    let association = "ec2 = client('ec2')\nid = ec2.describe_addresses(AllocationIds=['ID'])['Addresses'][0]['AssociationId']\n\
                       ec2.disassociate_address(AssociationId=id)";
    world.moto.python(&association.replace("'ID'", &format!("'{}'", home.id)));
    assert_eq!(json(&world.here(&home).await.inputs)["instance"], json!(""));
    world.proxy.next("Action=AllocateAddress", Mishap::Refusal(400, "AddressLimitExceeded"));
    let fault = world.aws.create(&wanted).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Refused);
    assert!(fault.help.unwrap().contains("quota of elastic addresses"));
}
