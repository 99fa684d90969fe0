//! AWS is eventually consistent: what one call made is unknown to the next for a while, and what was deleted holds
//! what it was in for a while. One apply suffices, one destroy too, and nothing is made twice.

use std::sync::Arc;

use serde_json::json;
use tadpole::graph::ResourceGraph;

use super::at;
use super::environment::Environment;
use super::moto::Moto;
use super::proxy::{Mishap, Proxy};
use super::watched::Watched;
use crate::world::{Files, compiled};

/// How often each call is refused first.
const TIMES: usize = 2;

pub struct Setting {
    pub environment: Environment,
    pub proxy: Arc<Proxy>,
    pub moto: &'static Moto,
}

impl Setting {
    pub fn new(lineage: &str) -> Setting {
        let moto = Moto::shared();
        let proxy = Arc::new(Proxy::before(moto));
        let provider = Arc::new(Watched::new(at(&proxy.endpoint), proxy.clone()));
        Setting { environment: Environment::new(lineage, provider), proxy, moto }
    }

    /// Refuses the next calls that contain these texts with these codes.
    fn hesitate(&self, status: u16, calls: &[(&str, &'static str)]) {
        for (call, code) in calls {
            (0..TIMES).for_each(|_| self.proxy.next(call, Mishap::Refusal(status, code)));
        }
    }

    /// How many of a kind of the service have the lineage, as boto3 sees them.
    pub fn counted(&self, lineage: &str, kinds: &[(&str, &str)]) -> Vec<i64> {
        let all: Vec<String> = kinds
            .iter()
            .map(|(method, key)| {
                format!(
                    "sum(any(t['Key'] == 'tadpole:lineage' and t['Value'] == '{lineage}' for t in one.get('Tags', []))\n\
                         for one in pages('ec2', '{method}', '{key}'))"
                )
            })
            .collect();
        serde_json::from_value(self.moto.python(&format!("result = [{}]", all.join(", ")))).unwrap()
    }
}

pub fn program(text: &str, values: &[(&str, &str)]) -> ResourceGraph {
    let (graph, said) = compiled(&Files::main(text), values);
    graph.unwrap_or_else(|| panic!("{said}"))
}

const MACHINE: &str = r#"
net extends Vpc { cidr "10.0.0.0/16"; dnsHostnames true; }
sub extends Subnet { vpc net; cidr "10.0.1.0/24"; publicIps true; availabilityZone "us-east-1a"; }
gw extends InternetGateway { vpc net; }
tab extends RouteTable { vpc net; subnets [sub]; }
out extends Route { table tab; cidr "0.0.0.0/0"; gateway gw; }
sg extends SecurityGroup { description "x"; vpc net; egress [{ port 443; cidr "0.0.0.0/0"; }]; }
i extends Instance { imageID "ami-26b6534f"; subnet sub; securityGroups [sg]; sourceDestCheck false; }
disk extends TransientVolume { availabilityZone "us-east-1a"; size 1GiB; }
att extends VolumeAttachment { volume disk; instance i; device "/dev/sdf"; }
ip extends ElasticIp { instance i; }
snap extends Snapshot { volume disk; }
made extends Image { name "hesitation-image"; instance i; }
second extends Instance { imageID made.imageID; subnet sub; }
nat extends NatGateway { subnet sub; address other; dependsOn [out]; }
other extends ElasticIp { }
"#;

#[tokio::test]
async fn one_apply_suffices_though_what_was_made_is_not_found_yet() {
    let lineage = "lineage-hesitation-a";
    let setting = Setting::new(lineage);
    setting.hesitate(
        400,
        &[
            ("Action=ModifyVpcAttribute&", "InvalidVpcID.NotFound"),
            ("Action=CreateSubnet&", "InvalidVpcID.NotFound"),
            ("Action=ModifySubnetAttribute&", "InvalidSubnetID.NotFound"),
            ("Action=AttachInternetGateway&", "InvalidInternetGatewayID.NotFound"),
            ("Action=CreateRouteTable&", "InvalidVpcID.NotFound"),
            ("Action=AssociateRouteTable&", "InvalidRouteTableID.NotFound"),
            ("Action=CreateRoute&", "InvalidRouteTableID.NotFound"),
            ("Action=CreateSecurityGroup&", "InvalidVpcID.NotFound"),
            ("Action=AuthorizeSecurityGroupEgress&", "InvalidGroup.NotFound"),
            ("Action=RunInstances&", "InvalidSubnetID.NotFound"),
            ("Action=ModifyInstanceAttribute&", "InvalidInstanceID.NotFound"),
            ("Action=AttachVolume&", "InvalidVolume.NotFound"),
            ("Action=AssociateAddress&", "InvalidAllocationID.NotFound"),
            ("Action=CreateSnapshot&", "InvalidVolume.NotFound"),
            ("Action=CreateImage&", "InvalidInstanceID.NotFound"),
            ("Action=RunInstances&", "InvalidAMIID.NotFound"),
            ("Action=CreateNatGateway&", "InvalidSubnet"),
        ],
    );
    let graph = program(MACHINE, &[]);
    setting.environment.apply(&graph).await.unwrap_or_else(|error| panic!("{error}"));
    let plan = setting.environment.plan(&graph).await.unwrap();
    assert!(plan.is_empty() && plan.drift.is_empty(), "{plan:?}");
    let kinds = [
        ("describe_vpcs", "Vpcs"),
        ("describe_subnets", "Subnets"),
        ("describe_security_groups", "SecurityGroups"),
        ("describe_internet_gateways", "InternetGateways"),
        ("describe_route_tables", "RouteTables"),
        ("describe_nat_gateways", "NatGateways"),
    ];
    assert_eq!(setting.counted(lineage, &kinds), [1; 6]);

    // What was deleted holds what it was in for a while.
    setting.hesitate(
        400,
        &[
            ("Action=DeleteSubnet&", "DependencyViolation"),
            ("Action=DetachInternetGateway&", "DependencyViolation"),
            ("Action=DeleteSecurityGroup&", "DependencyViolation"),
            ("Action=DeleteVpc&", "DependencyViolation"),
            ("Action=DeleteRouteTable&", "DependencyViolation"),
            ("Action=ReleaseAddress&", "InvalidIPAddress.InUse"),
            ("Action=DeleteVolume&", "VolumeInUse"),
            ("Action=DeleteSnapshot&", "InvalidSnapshot.InUse"),
        ],
    );
    setting.environment.destroy().await.unwrap_or_else(|error| panic!("{error}"));
    let mut gone = setting.counted(lineage, &kinds[..5]);
    gone.retain(|count| *count > 0);
    assert!(gone.is_empty(), "{gone:?}");
}

#[tokio::test]
async fn one_apply_suffices_for_databases_buckets_and_distributions() {
    let setting = Setting::new("lineage-hesitation-b");
    setting.hesitate(
        404,
        &[
            ("Action=ModifyDBParameterGroup&", "DBParameterGroupNotFound"),
            ("Action=CreateDBInstance&", "DBParameterGroupNotFound"),
            ("?policy", "NoSuchBucket"),
            ("?versioning", "NoSuchBucket"),
            ("POST /2020-05-31/distribution", "NoSuchOriginAccessControl"),
        ],
    );
    let graph = program(
        r#"
group extends DbParameterGroup { name "hesitation"; family "mysql8.0"; parameters { long_query_time "1"; } }
data extends TransientDbInstance {
    identifier "hesitation"; engine "mysql"; instanceClass "db.t3.small"; storage 20GiB;
    username "someone"; password "correct horse"; parameterGroup group;
}
files extends TransientS3Bucket { bucket "hesitation-files"; versioning true; }
access extends OriginAccessControl { }
site extends Distribution { access access; origin files; waitDeployed false; }
rule extends S3BucketPolicy {
    bucket files;
    policy { statements [{ principals { AWS ["*"]; }; actions ["s3:GetObject"]; }]; };
}
"#,
        &[],
    );
    setting.environment.apply(&graph).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(setting.environment.plan(&graph).await.unwrap().is_empty());
    setting.hesitate(400, &[("Action=DeleteDBParameterGroup&", "InvalidDBParameterGroupState")]);
    setting.environment.destroy().await.unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test]
async fn what_this_environment_did_not_make_is_missing_at_once() {
    let setting = Setting::new("lineage-hesitation-c");
    let graph = program(r#"sub extends Subnet { vpc Vpc { id "vpc-00000000"; }; cidr "10.0.1.0/24"; }"#, &[]);
    let error = setting.environment.apply(&graph).await.unwrap_err();
    assert!(error.contains("Missing") && error.contains("vpc-00000000"), "{error}");
    assert_eq!(setting.proxy.count("Action=CreateSubnet&"), 1);
}

#[tokio::test]
async fn what_holds_a_network_and_stays_is_named_at_once() {
    let setting = Setting::new("lineage-hesitation-d");
    let graph = program(
        r#"
net extends Vpc { cidr "10.0.0.0/16"; }
sub extends Subnet { vpc net; cidr "10.0.1.0/24"; }
"#,
        &[],
    );
    setting.environment.apply(&graph).await.unwrap();
    let subnet = setting.environment.state().resources[&"sub".parse().unwrap()].id.clone();
    let interface = setting.moto.python(&format!(
        "result = client('ec2').create_network_interface(SubnetId='{subnet}')['NetworkInterface']['NetworkInterfaceId']"
    ));
    let error = setting.environment.destroy().await.unwrap_err();
    assert!(error.contains("Held") && error.contains(interface.as_str().unwrap()), "{error}");
    setting.moto.python(&format!(
        "client('ec2').delete_network_interface(NetworkInterfaceId={})\nresult = 0",
        json!(interface)
    ));
    setting.environment.destroy().await.unwrap();
}
