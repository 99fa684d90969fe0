//! What comes first when something is replaced or taken down: two of what there can be one of are never tried, and
//! nothing is taken from what still runs.

use serde_json::json;
use tadpole::model::resource::Order;
use tadpole::plan::{ChangeKind, Part};

use super::hesitation::{Setting, program};

#[tokio::test]
async fn a_mounted_disk_comes_out_when_its_machine_goes_too() {
    let setting = Setting::new("lineage-replacement-a");
    let text = r#"
param type: String = "ami-26b6534f";
server extends Instance { imageID type; placement "us-east-1a"; tags { stage "replacement"; } }
content extends TransientVolume { availabilityZone "us-east-1a"; size 1GiB; tags { mounted "yes"; } }
mounted extends VolumeAttachment { volume content; instance server; device "/dev/sdf"; }
"#;
    let graph = program(text, &[]);
    setting.environment.apply(&graph).await.unwrap();
    assert_eq!(setting.proxy.count("Action=StopInstances&"), 0);

    // The disk moves to another machine, which is there before.
    let image = setting.moto.python("result = client('ec2').describe_images()['Images'][0]['ImageId']");
    let graph = program(text, &[("type", image.as_str().unwrap())]);
    setting.environment.apply(&graph).await.unwrap();
    let calls = setting.proxy.log();
    let at = |text: &str| calls.iter().rposition(|call| call.contains(text)).unwrap();
    assert!(at("Action=RunInstances&") < at("Action=StopInstances&"), "the old one ran until the new one was there");
    assert!(at("Action=AttachVolume&") < at("Action=TerminateInstances&"));
    assert!(setting.environment.plan(&graph).await.unwrap().is_empty());

    setting.environment.destroy().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(setting.proxy.count("Action=StopInstances&"), 2);
    assert_eq!(setting.proxy.count("Force=true"), 0, "what is not written yet would be lost");
    let left = "result = [i['State']['Name'] for i in instances(**{'stage': 'replacement'}) if i['State']['Name'] != 'terminated']";
    assert_eq!(setting.moto.python(left), json!([]));
}

#[tokio::test]
async fn another_network_gets_a_gateway_of_its_own() {
    let setting = Setting::new("lineage-replacement-b");
    let text = r#"
param range: String = "10.0.0.0/16";
net extends Vpc { cidr range; }
a extends Subnet { vpc net; cidr cidrSubnet(net.cidr, 8, 0); publicIps true; }
gw extends InternetGateway { vpc net; }
web extends Instance { imageID "ami-26b6534f"; subnet a; dependsOn [gw]; }
"#;
    setting.environment.apply(&program(text, &[])).await.unwrap();
    let graph = program(text, &[("range", "10.1.0.0/16")]);
    let plan = setting.environment.apply(&graph).await.unwrap_or_else(|error| panic!("{error}"));
    let change = plan.changes.iter().find(|change| change.address == "gw".parse().unwrap()).unwrap();
    assert_eq!((change.kind, change.order), (ChangeKind::Replace, Some(Order::CreateFirst)));
    assert!(setting.environment.plan(&graph).await.unwrap().is_empty());
    setting.environment.destroy().await.unwrap();
}

#[tokio::test]
async fn a_nat_gateway_that_keeps_its_address_is_deleted_first() {
    let setting = Setting::new("lineage-replacement-c");
    let text = r#"
param second: Bool = false;
param other: Bool = false;
net extends Vpc { cidr "10.0.0.0/16"; }
a extends Subnet { vpc net; cidr "10.0.0.0/24"; availabilityZone "us-east-1a"; }
b extends Subnet { vpc net; cidr "10.0.1.0/24"; availabilityZone "us-east-1b"; }
gw extends InternetGateway { vpc net; }
ip[n in 2] extends ElasticIp { }
nat extends NatGateway { subnet if second then b else a; address if other then ip[1] else ip[0]; dependsOn [gw]; }
tab extends RouteTable { vpc net; }
out extends Route { table tab; cidr "0.0.0.0/0"; natGateway nat; }
"#;
    setting.environment.apply(&program(text, &[])).await.unwrap();
    let orders = [(("true", "false"), Order::DeleteFirst), (("true", "true"), Order::CreateFirst)];
    for ((second, other), order) in orders {
        let graph = program(text, &[("second", second), ("other", other)]);
        let plan = setting.environment.apply(&graph).await.unwrap_or_else(|error| panic!("{error}"));
        let change = plan.changes.iter().find(|change| change.address == "nat".parse().unwrap()).unwrap();
        assert_eq!((change.kind, change.order), (ChangeKind::Replace, Some(order)));
        assert!(setting.environment.plan(&graph).await.unwrap().is_empty());
    }
    setting.environment.destroy().await.unwrap();
}

#[tokio::test]
async fn a_subnet_with_the_same_addresses_in_another_zone_is_deleted_first() {
    let setting = Setting::new("lineage-replacement-d");
    let text = r#"
param place: String = "us-east-1a";
net extends Vpc { cidr "10.0.0.0/16"; }
a extends Subnet { vpc net; cidr "10.0.0.0/24"; availabilityZone place; }
tab extends RouteTable { vpc net; subnets [a]; }
web extends Instance { imageID "ami-26b6534f"; subnet a; }
"#;
    setting.environment.apply(&program(text, &[])).await.unwrap();
    let graph = program(text, &[("place", "us-east-1b")]);
    setting.environment.apply(&graph).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(setting.environment.plan(&graph).await.unwrap().is_empty());
    setting.environment.destroy().await.unwrap();
}

#[tokio::test]
async fn a_named_group_that_a_machine_is_in_is_not_replaced() {
    let setting = Setting::new("lineage-replacement-e");
    let text = r#"
param text: String = "old";
param name: String? = "replacement-web";
a extends SecurityGroup { groupName name; description text; }
i extends Instance { imageID "ami-26b6534f"; securityGroups [a]; }
"#;
    setting.environment.apply(&program(text, &[])).await.unwrap();
    let error = setting.environment.plan(&program(text, &[("text", "new")])).await.unwrap_err();
    assert!(error.contains("`a` cannot be replaced: `i` uses it"), "{error}");
    assert!(error.contains("leave `groupName` out"), "{error}");

    // Another name, and both can be there for a while.
    let order = |plan: tadpole::plan::Plan| {
        plan.changes.iter().find(|change| change.address == "a".parse().unwrap()).and_then(|change| change.order)
    };
    let other = program(text, &[("text", "new"), ("name", "replacement-other")]);
    assert_eq!(order(setting.environment.plan(&other).await.unwrap()), Some(Order::CreateFirst));
    // A machine that leaves the group does so before.
    let text =
        text.replace("securityGroups [a];", "securityGroups [b];") + "b extends SecurityGroup { description \"b\"; }";
    let plan = setting.environment.plan(&program(&text, &[("text", "new")])).await.unwrap();
    let step = |address: &str, part| {
        let is_it = |step: &tadpole::plan::Step| {
            plan.changes[step.change].address == address.parse().unwrap() && step.part == part
        };
        plan.steps.iter().position(is_it).unwrap()
    };
    assert!(plan.steps[step("a", Part::Unmake)].waits.contains(&step("i", Part::Make)), "{:?}", plan.steps);
    assert_eq!(order(plan), Some(Order::DeleteFirst));
    setting.environment.destroy().await.unwrap();
}
