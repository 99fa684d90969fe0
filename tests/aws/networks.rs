//! Networks: made, found again, told as they are, and what holds them named.

use serde_json::json;
use tadpole::apply::provider::{FaultKind, Health, Place, Progress, Provider, Reading, Seek, Want};
use tadpole::name::Name;
use tadpole::value::{Fields, Reference, Target, Value};

use super::proxy::Mishap;
use super::{World, but, json, make, owner, place, tags, want};

fn vpc(token: &str) -> Want {
    let inputs = [
        ("cidr", Value::string("10.1.0.0/16")),
        ("dnsSupport", Value::Bool(true)),
        ("dnsHostnames", Value::Bool(false)),
        ("tags", tags(&[("team", "a")])),
    ];
    want("aws.Vpc", "net.vpc", token, &inputs)
}

fn to(template: &str, id: &str) -> Value {
    Value::Reference(Reference { of: Target::Existing(Name::from(template)), id: id.into() })
}

fn subnet(vpc: &Place, cidr: &str, token: &str) -> Want {
    let inputs = [
        ("vpc", to("Vpc", &vpc.id)),
        ("cidr", Value::string(cidr)),
        ("publicIps", Value::Bool(false)),
        ("tags", tags(&[])),
    ];
    want("aws.Subnet", "net.part", token, &inputs)
}

#[tokio::test]
async fn a_network_from_its_creation_to_its_deletion() {
    let world = World::new();
    let plain = vpc("vpc-life-1");
    let made = world.aws.create(&plain).await.unwrap();
    assert!(made.whole && made.id.starts_with("vpc-"), "what amazon makes by itself needs no second call");
    let home = place(&plain, &made.id, Fields::new());
    let here = world.here(&home).await;
    assert_eq!((&here.inputs, &here.health), (&without_site(&plain), &Health::Live));
    let seen = world.moto.python(&format!(
        "v = client('ec2').describe_vpcs(VpcIds=['{}'])['Vpcs'][0]\nresult = [v['CidrBlock'], tags_of(v['Tags'])]",
        made.id
    ));
    let written =
        json!({"team": "a", "tadpole:lineage": "lineage-1", "tadpole:address": "net.vpc", "tadpole:op": "vpc-life-1"});
    assert_eq!(seen, json!(["10.1.0.0/16", written]));

    let mut second = but(&plain, &[("dnsHostnames", Value::Bool(true)), ("tags", tags(&[("cost", "b")]))]);
    second.owner.token = "vpc-life-2".into();
    for _ in 0..2 {
        world.aws.update(&home, Some(&plain.inputs), &second).await.unwrap();
    }
    assert_eq!(world.here(&home).await.inputs, without_site(&second));
    assert_eq!(world.proxy.count("Action=ModifyVpcAttribute"), 2, "only what differs is set");
    let mut off = second.clone();
    off.inputs.insert("dnsSupport".into(), Value::Bool(false));
    off.inputs.insert("dnsHostnames".into(), Value::Bool(false));
    world.aws.update(&home, Some(&second.inputs), &off).await.unwrap();
    assert_eq!(world.here(&home).await.inputs, without_site(&off));

    for _ in 0..2 {
        assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Done);
        assert!(world.is_gone(&home).await);
    }
    let fault = world.aws.update(&home, None, &plain).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Missing, "{fault:?}");
}

/// What the cloud can tell of it.
fn without_site(want: &Want) -> Fields {
    let mut fields = want.inputs.clone();
    fields.remove("region");
    fields
}

#[tokio::test]
async fn a_network_is_found_when_the_answer_was_lost() {
    let world = World::new();
    let mut wanted = vpc("vpc-lost-1");
    wanted.owner = owner("lineage-lost", "net.vpc", "vpc-lost-1");
    assert_eq!(world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap(), None);
    world.proxy.next("Action=CreateVpc", Mishap::LostAnswer);
    assert_eq!(world.aws.create(&wanted).await.unwrap_err().kind, FaultKind::Unknown);
    let found = world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap().unwrap();
    let later = owner("lineage-lost", "net.vpc", "vpc-lost-2");
    assert_eq!(world.aws.find(&wanted, &Seek::Made(later.clone())).await.unwrap(), None);
    assert_eq!(world.aws.find(&wanted, &Seek::Owned(later)).await.unwrap(), Some(found.clone()));
    let other = owner("lineage-other", "net.vpc", "vpc-lost-1");
    assert_eq!(world.aws.find(&wanted, &Seek::Owned(other)).await.unwrap(), None);
    assert_eq!(world.aws.find(&wanted, &Seek::Identity).await.unwrap(), None);

    // A second one with the same tags: neither is taken.
    world.aws.create(&wanted).await.unwrap();
    let fault = world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap_err();
    assert!(fault.message.starts_with("several VPCs could be this one: `vpc-"), "{fault:?}");
    assert!(fault.message.contains(&*found));
}

#[tokio::test]
async fn a_subnet_from_its_creation_to_its_deletion() {
    let world = World::new();
    let network = make(&world, &vpc("subnet-life-0")).await;
    let wanted = subnet(&network, "10.1.1.0/24", "subnet-life-1");
    let made = world.aws.create(&wanted).await.unwrap();
    let home = place(&wanted, &made.id, Fields::new());
    let here = world.here(&home).await;
    let zone = json(&here.outputs)["zone"].clone();
    assert!(zone.as_str().unwrap().starts_with("us-east-1"), "amazon chose a zone: {zone}");
    assert_eq!(json(&here.inputs)["vpc"], json!(*network.id));
    assert_eq!(here.inputs.get("vpc"), wanted.inputs.get("vpc"), "a reference is told as one");

    let public = but(&wanted, &[("publicIps", Value::Bool(true)), ("tags", tags(&[("a", "b")]))]);
    for _ in 0..2 {
        world.aws.update(&home, Some(&wanted.inputs), &public).await.unwrap();
    }
    let inputs = world.here(&home).await.inputs;
    assert_eq!((inputs.get("publicIps"), &json(&inputs)["tags"]), (Some(&Value::Bool(true)), &json!({"a": "b"})));

    // What holds a network is named by the component that it belongs to.
    let fault = world.aws.delete(&network).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Held, "{fault:?}");
    let named = format!("`{}` (made as `net.part`) holds `{}`", made.id, network.id);
    assert!(fault.help.as_deref().unwrap().starts_with(&named), "{fault:?}");

    let interface = world.moto.python(&format!(
        "i = client('ec2').create_network_interface(SubnetId='{}', Description='balancer')\n\
         result = i['NetworkInterface']['NetworkInterfaceId']",
        made.id
    ));
    let fault = world.aws.delete(&home).await.unwrap_err();
    let named = format!("`{}` (balancer) holds `{}`", interface.as_str().unwrap(), made.id);
    assert!(fault.kind == FaultKind::Held && fault.help.as_deref().unwrap().starts_with(&named), "{fault:?}");
    world.moto.python(&format!("client('ec2').delete_network_interface(NetworkInterfaceId={interface})"));

    for _ in 0..2 {
        assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Done);
        assert!(world.is_gone(&home).await);
    }
}

#[tokio::test]
async fn many_networks_are_read_in_one_list() {
    let world = World::new();
    let mut places = Vec::new();
    for n in 0..5 {
        places.push(
            make(&world, &but(&vpc(&format!("many-vpc-{n}")), &[("tags", tags(&[("n", &n.to_string())]))])).await,
        );
    }
    world.moto.python(&format!("client('ec2').delete_vpc(VpcId='{}')", places[3].id));
    let before = world.proxy.count("Action=DescribeVpcs");
    let readings = world.aws.read_many(&places).await;
    assert_eq!(world.proxy.count("Action=DescribeVpcs"), before + 1);
    for (n, reading) in readings.iter().enumerate() {
        match reading.as_ref().unwrap() {
            Reading::Gone => assert_eq!(n, 3),
            Reading::Here(here) => assert_eq!(json(&here.inputs)["tags"], json!({"n": n.to_string()})),
        }
    }
}

/// A network of its own for one test, with two subnets.
async fn network(world: &World, token: &str) -> (Place, Vec<Place>) {
    let mut wanted = vpc(&format!("{token}-vpc"));
    wanted.owner.lineage = token.into();
    let vpc = make(world, &wanted).await;
    let mut subnets = Vec::new();
    for n in 0..2 {
        subnets.push(make(world, &subnet(&vpc, &format!("10.1.{n}.0/24"), &format!("{token}-{n}"))).await);
    }
    (vpc, subnets)
}

fn gateway(vpc: &Place, token: &str) -> Want {
    want("aws.InternetGateway", "net.internet", token, &[("vpc", to("Vpc", &vpc.id)), ("tags", tags(&[]))])
}

fn table(vpc: &Place, subnets: &[&Place], token: &str) -> Want {
    let subnets = Value::List(subnets.iter().map(|subnet| to("Subnet", &subnet.id)).collect());
    let inputs = [("vpc", to("Vpc", &vpc.id)), ("subnets", subnets), ("tags", tags(&[]))];
    want("aws.RouteTable", "net.table", token, &inputs)
}

#[tokio::test]
async fn a_gateway_is_attached_and_taken_off() {
    let world = World::new();
    let (first, _) = network(&world, "igw-a").await;
    let wanted = gateway(&first, "igw-1");
    let made = world.aws.create(&wanted).await.unwrap();
    assert!(!made.whole);
    let home = place(&wanted, &made.id, Fields::new());
    // Killed between its creation and its attachment: what it lacks shows.
    assert_eq!(world.here(&home).await.inputs.get("vpc"), Some(&Value::string("")));
    for _ in 0..2 {
        assert_eq!(world.aws.update(&home, None, &wanted).await.unwrap(), Progress::Done);
    }
    assert_eq!(world.proxy.count("Action=AttachInternetGateway"), 1);
    assert_eq!(world.here(&home).await.inputs, without_site(&wanted));

    // A public address in the network holds it: it goes, as nothing is in sight that has one.
    world.proxy.next("Action=DetachInternetGateway", Mishap::Refusal(400, "DependencyViolation"));
    let waiting = Progress::Waiting("held by what was deleted just now".to_string());
    assert_eq!(world.aws.delete(&home).await.unwrap(), waiting);
    for _ in 0..2 {
        assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Done);
        assert!(world.is_gone(&home).await);
    }
}

#[tokio::test]
async fn a_subnet_changes_from_one_table_to_another() {
    let world = World::new();
    let (vpc, subnets) = network(&world, "tables").await;
    let (a, b) = (&subnets[0], &subnets[1]);
    let first = table(&vpc, &[a, b], "table-1");
    let one = make(&world, &first).await;
    assert_eq!(world.here(&one).await.inputs, without_site(&first));
    // The order of the program is kept, whichever it is.
    let turned = place(&table(&vpc, &[b, a], "table-1"), &one.id, Fields::new());
    assert_eq!(world.here(&turned).await.inputs.get("subnets"), turned.inputs.get("subnets"));

    let second = table(&vpc, &[b], "table-2");
    let other = make(&world, &second).await;
    assert_eq!(world.proxy.count("Action=ReplaceRouteTableAssociation"), 1, "there is no moment without a table");
    assert_eq!(world.proxy.count("Action=DisassociateRouteTable"), 0);
    let told = world.here(&one).await.inputs;
    assert_eq!(told.get("subnets"), table(&vpc, &[a], "x").inputs.get("subnets"), "it lost one, and that shows");

    // A table of somebody else is not taken from.
    let mut stranger = table(&vpc, &[a], "table-3");
    stranger.owner = owner("lineage-2", "net.table", "table-3");
    let made = world.aws.create(&stranger).await.unwrap();
    let third = place(&stranger, &made.id, Fields::new());
    let fault = world.aws.update(&third, None, &stranger).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Taken, "{fault:?}");
    assert!(fault.message.contains(&format!("uses the route table `{}`", one.id)), "{fault:?}");

    for home in [&one, &other, &third] {
        for _ in 0..2 {
            assert_eq!(world.aws.delete(home).await.unwrap(), Progress::Done);
            assert!(world.is_gone(home).await);
        }
    }
}

#[tokio::test]
async fn a_route_from_its_creation_to_its_deletion() {
    let world = World::new();
    let (vpc, _) = network(&world, "routes").await;
    let internet = make(&world, &gateway(&vpc, "route-igw")).await;
    let table = make(&world, &table(&vpc, &[], "route-table")).await;
    let inputs = [
        ("table", to("RouteTable", &table.id)),
        ("cidr", Value::string("0.0.0.0/0")),
        ("gateway", to("InternetGateway", &internet.id)),
        ("tags", tags(&[])),
    ];
    let wanted = want("aws.Route", "net.out", "route-1", &inputs);
    assert_eq!(world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap(), None);
    world.proxy.next("Action=CreateRoute&", Mishap::LostAnswer);
    assert_eq!(world.aws.create(&wanted).await.unwrap_err().kind, FaultKind::Unknown);
    let id = world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap().unwrap();
    assert_eq!(*id, *format!("{}:0.0.0.0/0", table.id));
    let home = place(&wanted, &id, Fields::new());
    let mut told = without_site(&wanted);
    told.remove("tags");
    assert_eq!(world.here(&home).await.inputs, told);
    let fault = world.aws.create(&wanted).await.unwrap_err();
    assert_eq!((fault.kind, super::attribute(&fault)), (FaultKind::Taken, "cidr"), "{fault:?}");

    // Somebody lets it lead elsewhere.
    world.moto.python(&format!(
        "ec2 = client('ec2')\n\
         peer = ec2.create_vpc(CidrBlock='10.2.0.0/16')['Vpc']['VpcId']\n\
         other = ec2.create_internet_gateway()['InternetGateway']['InternetGatewayId']\n\
         ec2.replace_route(RouteTableId='{}', DestinationCidrBlock='0.0.0.0/0', GatewayId=other)",
        table.id
    ));
    let changed = world.here(&home).await.inputs;
    assert_ne!(changed.get("gateway"), wanted.inputs.get("gateway"));
    let fault = world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Taken, "one that leads elsewhere is not ours: {fault:?}");
    assert_eq!(world.aws.find(&wanted, &Seek::Identity).await.unwrap(), Some(id));
    for _ in 0..2 {
        world.aws.update(&home, Some(&changed), &wanted).await.unwrap();
    }
    assert_eq!(world.here(&home).await.inputs, told);

    let mut nowhere = wanted.clone();
    nowhere.inputs.remove("gateway");
    let fault = world.aws.create(&nowhere).await.unwrap_err();
    assert_eq!((fault.kind, super::attribute(&fault)), (FaultKind::Refused, "gateway"));

    for _ in 0..2 {
        assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Done);
        assert!(world.is_gone(&home).await);
    }
    // A table that is gone has no routes.
    world.aws.delete(&table).await.unwrap();
    assert!(world.is_gone(&home).await);
    world.aws.delete(&home).await.unwrap();
}
