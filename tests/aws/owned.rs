//! What bears the tags of an environment, recorded or not: found where its things live, and only what is there.

use tadpole::apply::provider::{FaultKind, Owned, Place, Provider, Want};
use tadpole::value::{Fields, Value};

use super::moto::IMAGE;
use super::proxy::Mishap;
use super::{World, but, ids, make, owner, place, want};

fn of(lineage: &str, address: &str, wanted: Want) -> Want {
    let token = format!("{lineage}-{address}");
    Want { owner: owner(lineage, address, &token), ..wanted }
}

fn bucket(lineage: &str, address: &str, name: &str) -> Want {
    of(lineage, address, want("aws.S3Bucket", "x", "t", &[("bucket", Value::string(name))]))
}

fn machine(lineage: &str, address: &str) -> Want {
    let inputs = [
        ("imageID", Value::string(IMAGE)),
        ("instanceType", Value::string("t3.micro")),
        ("running", Value::Bool(true)),
        ("monitoring", Value::Bool(false)),
        ("terminationProtection", Value::Bool(false)),
        ("sourceDestCheck", Value::Bool(true)),
        ("imdsv2", Value::Bool(true)),
    ];
    of(lineage, address, want("aws.Instance", "x", "t", &inputs))
}

fn shown(owned: &[Owned]) -> Vec<String> {
    owned.iter().map(|one| format!("{} {} {}", one.address, one.kind, one.id)).collect()
}

#[tokio::test]
async fn what_is_there_is_told_where_the_environment_lives() {
    let world = World::new();
    let near = make(&world, &bucket("own-1", "site.logs[\"a b\"]", "own-1-near")).await;
    let far = but(&bucket("own-1", "far", "own-1-far"), &[("region", Value::string("eu-central-1"))]);
    let far = make(&world, &far).await;
    make(&world, &bucket("own-2", "site.logs", "own-2-other")).await;
    let server = make(&world, &machine("own-1", "server")).await;

    let all = world.aws.owned("own-1", &[near.clone(), far.clone()]).await.unwrap().unwrap();
    let id = &server.id;
    assert_eq!(
        shown(&all),
        [
            "far aws.S3Bucket own-1-far".to_string(),
            format!("server aws.Instance {id}"),
            "site.logs[\"a b\"] aws.S3Bucket own-1-near".to_string(),
        ],
        "and nothing of the disk that came with the server"
    );
    let before = world.proxy.count("GetResources");
    let all = world.aws.owned("own-1", std::slice::from_ref(&far)).await.unwrap().unwrap();
    assert_eq!(shown(&all), ["far aws.S3Bucket own-1-far"], "nobody knows of another region");
    assert_eq!(world.proxy.count("GetResources") - before, 1);

    // The index of AWS has what was terminated for an hour, as this emulator has it for ever.
    world.aws.delete(&server).await.unwrap();
    let listed = world.moto.python(
        "result = len(pages('resourcegroupstaggingapi', 'get_resources', 'ResourceTagMappingList',\n\
         TagFilters=[{'Key': 'tadpole:address', 'Values': ['server']}, {'Key': 'tadpole:lineage', 'Values': ['own-1']}]))",
    );
    assert!(listed.as_u64().unwrap() > 0);
    let all = world.aws.owned("own-1", std::slice::from_ref(&near)).await.unwrap().unwrap();
    assert_eq!(shown(&all), ["site.logs[\"a b\"] aws.S3Bucket own-1-near"]);

    // Of something that was never anywhere, it is not known where to look.
    let nowhere = Place { inputs: Fields::new(), ..near };
    assert_eq!(world.aws.owned("own-1", &[nowhere]).await.unwrap(), None);
}

#[tokio::test]
async fn a_group_is_one_thing_as_long_as_it_is_known_to_be_one() {
    let world = World::new();
    let wanted = machine("own-3", "web");
    let wanted = Want { kind: "aws.ImageInstance".into(), ..wanted };
    let wanted = but(&wanted, &[("minCount", Value::Int(2)), ("maxCount", Value::Int(2))]);
    let group = make(&world, &wanted).await;
    let all = world.aws.owned("own-3", std::slice::from_ref(&group)).await.unwrap().unwrap();
    assert_eq!(shown(&all), [format!("web aws.ImageInstance {}", group.id)]);

    let mut members: Vec<_> = ids(&group.outputs).iter().map(|id| format!("web aws.Instance {id}")).collect();
    members.sort();
    let unknown = place(&wanted, "r-00000000", Fields::new());
    let all = world.aws.owned("own-3", &[unknown]).await.unwrap().unwrap();
    assert_eq!(shown(&all), members);
}

#[tokio::test]
async fn more_than_a_page_is_told() {
    let world = World::new();
    world.moto.python(
        "tags = [{'Key': 'tadpole:lineage', 'Value': 'own-4'}, {'Key': 'tadpole:address', 'Value': 'disk'}]\n\
         for number in range(120):\n    \
             client('ec2', 'sa-east-1').create_volume(AvailabilityZone='sa-east-1a', Size=1,\
                 TagSpecifications=[{'ResourceType': 'volume', 'Tags': tags}])",
    );
    let known = place(&want("aws.Volume", "x", "t", &[("region", Value::string("sa-east-1"))]), "vol-0", Fields::new());
    let before = world.proxy.count("");
    let all = world.aws.owned("own-4", &[known]).await.unwrap().unwrap();
    assert_eq!(all.len(), 120);
    let (calls, pages) = (world.proxy.count("") - before, world.proxy.count("GetResources"));
    assert!(pages > 1, "one page holds a hundred");
    assert_eq!(calls - pages, 1, "all disks are looked at in one call");
}

#[tokio::test]
async fn who_may_not_ask_is_told_what_is_missing() {
    let world = World::new();
    let known = make(&world, &bucket("own-5", "x", "own-5-x")).await;
    world.proxy.next("GetResources", Mishap::Refusal(400, "AccessDeniedException"));
    let fault = world.aws.owned("own-5", std::slice::from_ref(&known)).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Denied);
    assert_eq!(
        fault.message,
        "could not list what bears the tag `tadpole:lineage` of this environment in us-east-1: Not now \
         (AccessDeniedException)"
    );
    assert_eq!(fault.help.as_deref(), Some("the caller needs the permission `tag:GetResources`"));
    world.proxy.next("GetResources", Mishap::Refusal(400, "ThrottledException"));
    let fault = world.aws.owned("own-5", &[known]).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Throttled);
}
