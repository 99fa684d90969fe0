//! What would make AWS refuse a deletion is told before: only what is true, and only what stays.

use std::collections::BTreeSet;

use tadpole::apply::provider::{Fault, Leaving, Obstacle, Place, Provider};
use tadpole::value::{Fields, Value};

use super::{World, place, want};

fn going(kind: &str, id: &str, inputs: &[(&str, Value)]) -> Leaving {
    let place: Place = place(&want(kind, "thing", "t", inputs), id, Fields::new());
    Leaving { place, deeds: Vec::new(), known: BTreeSet::new() }
}

fn said(told: Vec<Result<Vec<Obstacle>, Fault>>) -> Vec<Vec<String>> {
    told.into_iter().map(|told| told.unwrap().into_iter().map(|one| one.message).collect()).collect()
}

#[tokio::test]
async fn a_bucket_with_something_in_it_that_stays() {
    let world = World::new();
    world.moto.python(
        "s3 = client('s3')\n\
         for name in ['full', 'empty', 'versions', 'own', 'gone', 'emptied']: s3.create_bucket(Bucket='obstacle-' + name)\n\
         s3.put_bucket_versioning(Bucket='obstacle-versions', VersioningConfiguration={'Status': 'Enabled'})\n\
         for name in ['full', 'versions', 'own', 'emptied']:\n    \
             for key in ['a', 'p/b']: s3.put_object(Bucket='obstacle-' + name, Key=key, Body=b'x')\n\
         s3.delete_bucket(Bucket='obstacle-gone')",
    );
    let bucket = |name: &str| going("aws.S3Bucket", name, &[]);
    let emptied = Leaving { deeds: vec!["aws.Empty".into()], ..bucket("obstacle-emptied") };
    let leaving = [
        bucket("obstacle-full"),
        bucket("obstacle-empty"),
        bucket("obstacle-gone"),
        emptied,
        bucket("obstacle-own"),
        going("aws.S3File", "obstacle-own/a", &[]),
        going("aws.S3Directory", "obstacle-own/p/", &[]),
        bucket("obstacle-versions"),
        going("aws.S3File", "obstacle-versions/a", &[]),
    ];
    let told = world.aws.obstacles(&leaving).await;
    let help = told[0].as_ref().unwrap()[0].help.clone().unwrap();
    assert!(help.contains("`EmptiedS3Bucket`") && help.contains("`Empty`"), "{help}");
    let full = vec!["it has 2 objects and versions in it".to_string()];
    let none = Vec::new;
    let expected = [full.clone(), none(), none(), none(), none(), none(), none(), full, none()];
    assert_eq!(said(told), expected);
    assert_eq!(world.proxy.count("?versions"), 5, "one call a bucket, and none for one that is emptied");
}

#[tokio::test]
async fn a_database_that_is_protected_or_whose_last_snapshot_has_no_name() {
    let world = World::new();
    world.moto.python(
        "rds = client('rds')\n\
         for name, protected in [('guarded', True), ('named', False), ('free', False)]:\n    \
             rds.create_db_instance(DBInstanceIdentifier='obstacle-' + name, Engine='mysql', DBInstanceClass='db.t3.small',\n        \
                 MasterUsername='someone', MasterUserPassword='correct horse', AllocatedStorage=20, DeletionProtection=protected)\n\
         rds.create_db_snapshot(DBInstanceIdentifier='obstacle-free', DBSnapshotIdentifier='obstacle-last')",
    );
    let last = [("finalSnapshot", Value::Bool(true)), ("finalSnapshotName", Value::string("obstacle-last"))];
    let other = [("finalSnapshot", Value::Bool(true)), ("finalSnapshotName", Value::string("obstacle-other"))];
    let leaving = [
        going("aws.DbInstance", "obstacle-guarded", &[]),
        going("aws.DbInstance", "obstacle-named", &last),
        going("aws.DbInstance", "obstacle-free", &other),
        going("aws.DbInstance", "obstacle-nowhere", &[]),
    ];
    let told = world.aws.obstacles(&leaving).await;
    let attributes: Vec<_> =
        told.iter().flatten().flatten().map(|one| one.attribute.clone().unwrap().to_string()).collect();
    assert_eq!(attributes, ["deletionProtection", "finalSnapshotName"]);
    let expected: [&[&str]; 4] = [
        &["it is protected against deletion"],
        &["the name of its last snapshot, `obstacle-last`, is taken by one of an earlier time"],
        &[],
        &[],
    ];
    assert_eq!(said(told), expected);
    assert_eq!(world.proxy.count("Action=DescribeDBInstances"), 1);
}

#[tokio::test]
async fn what_something_holds_that_stays() {
    let world = World::new();
    let ids = world.moto.python(
        "ec2 = client('ec2', 'ca-central-1')\n\
         vpc = ec2.create_vpc(CidrBlock='10.9.0.0/16')['Vpc']['VpcId']\n\
         subnet = ec2.create_subnet(VpcId=vpc, CidrBlock='10.9.1.0/24', AvailabilityZone='ca-central-1a')['Subnet']['SubnetId']\n\
         group = ec2.create_security_group(GroupName='g', Description='d', VpcId=vpc)['GroupId']\n\
         image = ec2.describe_images()['Images'][0]['ImageId']\n\
         one = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnet, SecurityGroupIds=[group],\n    \
             InstanceType='t3.micro')['Instances'][0]['InstanceId']\n\
         ec2.modify_instance_attribute(InstanceId=one, DisableApiTermination={'Value': True})\n\
         disk = ec2.create_volume(AvailabilityZone='ca-central-1a', Size=1)['VolumeId']\n\
         ec2.attach_volume(VolumeId=disk, InstanceId=one, Device='/dev/sdf')\n\
         made = ec2.create_image(InstanceId=one, Name='obstacle')['ImageId']\n\
         copy = ec2.describe_images(ImageIds=[made])['Images'][0]['BlockDeviceMappings'][0]['Ebs']['SnapshotId']\n\
         result = [vpc, subnet, group, one, disk, copy, made]",
    );
    let ids: Vec<String> = serde_json::from_value(ids).unwrap();
    let [vpc, subnet, group, machine, disk, copy, image] = ids.as_slice() else { panic!("{ids:?}") };
    let region = ("region", Value::string("ca-central-1"));
    let here = |kind: &str, id: &str| going(kind, id, std::slice::from_ref(&region));
    let held = [
        here("aws.Vpc", vpc),
        here("aws.Subnet", subnet),
        here("aws.SecurityGroup", group),
        here("aws.Volume", disk),
        here("aws.Snapshot", copy),
    ];
    let told = said(world.aws.obstacles(&held).await);
    for told in &told[..3] {
        assert!(told.len() == 1 && told[0].contains(&format!("(of the instance `{machine}`) holds it")), "{told:?}");
    }
    assert_eq!(told[3], [format!("the instance `{machine}` holds it")]);
    assert_eq!(told[4], [format!("the image `{image}` holds it")]);

    // It all goes with the machine; an attachment takes the disk out before.
    let guarded = [region.clone(), ("terminationProtection", Value::Bool(true))];
    let mut all = held.to_vec();
    all.push(going("aws.Instance", machine, &guarded));
    all.push(here("aws.Image", image));
    let told = said(world.aws.obstacles(&all).await);
    let protected = vec!["it is protected against termination".to_string()];
    assert_eq!(told, [vec![], vec![], vec![], vec![], vec![], protected, vec![]]);
    let taken_out = [here("aws.Volume", disk), here("aws.VolumeAttachment", &format!("{disk}:{machine}"))];
    assert_eq!(said(world.aws.obstacles(&taken_out).await), [vec![] as Vec<String>, vec![]]);
    let mut known = here("aws.Volume", disk);
    known.known.insert(("aws.Instance".into(), machine.as_str().into()));
    assert_eq!(said(world.aws.obstacles(&[known]).await), [vec![] as Vec<String>]);
}

#[tokio::test]
async fn what_cannot_be_asked_about_is_a_fault_of_its_own_things() {
    let world = World::new();
    world.moto.python("client('s3').create_bucket(Bucket='obstacle-asked')");
    world.proxy.next("Action=DescribeVolumes", super::proxy::Mishap::Refusal(403, "UnauthorizedOperation"));
    let leaving = [going("aws.S3Bucket", "obstacle-asked", &[]), going("aws.Volume", "vol-1", &[])];
    let told = world.aws.obstacles(&leaving).await;
    assert_eq!(told[0], Ok(Vec::new()));
    let fault = told[1].as_ref().unwrap_err();
    assert_eq!(fault.help.as_deref(), Some("the caller needs the permission `ec2:DescribeVolumes`"));
}
