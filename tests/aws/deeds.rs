//! What AWS does when the turn of an action comes: once a run, to what the action names, with words for what goes
//! wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use tadpole::apply::provider::{Deed, Fault, FaultKind, Place, Progress, Provider};
use tadpole::value::{Data, Fields, Value};

use super::environment::Environment;
use super::moto::IMAGE;
use super::proxy::Proxy;
use super::watched::Watched;
use super::{World, at, beside, make, place, tags, want};
use crate::world::graph;

fn deed(kind: &str, token: &str, settings: &[(&str, Value)]) -> Deed {
    let settings = settings.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
    Deed { kind: kind.into(), settings, token: token.into() }
}

/// Something in whose list actions stand that say themselves what they are about.
fn elsewhere() -> Place {
    place(&want("aws.KeyPair", "somewhere.else", "t", &[]), "k", Fields::new())
}

fn bucket(world: &World, name: &str) -> Place {
    world.moto.python(&format!("client('s3').create_bucket(Bucket='{name}')"));
    place(&want("aws.S3Bucket", "site", "t", &[("bucket", Value::string(name))]), name, Fields::new())
}

fn data(template: &str, fields: &[(&str, Value)]) -> Value {
    let fields = fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
    Value::Data(Data { template: template.into(), fields })
}

fn hash(bytes: &[u8]) -> Value {
    Value::String(tadpole::resolve::load::Sum::of(bytes).sha256.into())
}

/// Until it has nothing more to wait for; what it waited for.
async fn through(aws: &impl Provider, place: &Place, deed: &Deed) -> Result<Vec<String>, Fault> {
    let mut waits = Vec::new();
    while let Progress::Waiting(on) = aws.act(place, deed).await? {
        waits.push(on);
        assert!(waits.len() < 100, "{waits:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    Ok(waits)
}

#[tokio::test]
async fn a_file_a_text_and_a_folder_are_uploaded_and_not_again() {
    let world = World::new();
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("pages")).unwrap();
    std::fs::write(directory.path().join("motd.txt"), "welcome").unwrap();
    std::fs::write(directory.path().join("pages/a.html"), "a").unwrap();
    std::fs::write(directory.path().join("pages/b.html"), "b").unwrap();
    let aws = beside(&world.proxy.endpoint, directory.path());
    let home = bucket(&world, "deeds-upload");
    let source = data("Asset", &[("path", Value::string("motd.txt")), ("sha256", hash(b"welcome"))]);
    let files = Value::Map(BTreeMap::from([("a.html".into(), hash(b"a")), ("b.html".into(), hash(b"b"))]));
    let folder = data("Folder", &[("path", Value::string("pages")), ("files", files)]);
    let text = [("key", Value::string("note")), ("content", Value::string("hello"))];
    let all = [
        deed("aws.Upload", "t", &[("source", source.clone()), ("prefix", Value::string("")), ("key", Value::Null)]),
        deed("aws.Upload", "t", &text),
        deed("aws.Upload", "t", &[("files", folder), ("prefix", Value::string("p/"))]),
    ];
    for deed in &all {
        assert_eq!(aws.act(&home, deed).await.unwrap(), Progress::Done);
    }
    assert_eq!(world.proxy.count("PUT /deeds-upload/"), 4);
    for deed in &all {
        assert_eq!(aws.act(&home, deed).await.unwrap(), Progress::Done);
    }
    assert_eq!(world.proxy.count("PUT /deeds-upload/"), 4, "what is there already is not sent again");
    let seen = world.moto.python(
        "s3 = client('s3')\n\
         bodies = {one['Key']: s3.get_object(Bucket='deeds-upload', Key=one['Key']) for one in \
             s3.list_objects_v2(Bucket='deeds-upload')['Contents']}\n\
         result = {key: [one['Body'].read().decode(), one['ContentType'].split(';')[0]] for key, one in bodies.items()}",
    );
    let expected = json!({
        "motd.txt": ["welcome", "text/plain"], "note": ["hello", "application/octet-stream"],
        "p/a.html": ["a", "text/html"], "p/b.html": ["b", "text/html"],
    });
    assert_eq!(seen, expected);

    // What somebody else wrote is written over; what a component wrote is not.
    world.moto.python("client('s3').put_object(Bucket='deeds-upload', Key='motd.txt', Body=b'other')");
    aws.act(&home, &all[0]).await.unwrap();
    assert_eq!(world.proxy.count("PUT /deeds-upload/"), 5);
    world.moto.python(
        "client('s3').put_object(Bucket='deeds-upload', Key='note', Body=b'x', Metadata={'tadpole-address': 'page'})",
    );
    let fault = aws.act(&home, &all[1]).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Taken);
    assert_eq!(fault.message, "`note` in the bucket `deeds-upload` is that of the component `page`");

    // A file that is not any more as it was when the program was read.
    std::fs::write(directory.path().join("motd.txt"), "changed").unwrap();
    world.moto.python("client('s3').delete_object(Bucket='deeds-upload', Key='motd.txt')");
    let fault = aws.act(&home, &all[0]).await.unwrap_err();
    assert!(fault.message.contains("is not any more what the plan was made with"), "{fault}");
}

#[tokio::test]
async fn what_an_action_needs_to_know_is_asked_for() {
    let world = World::new();
    let home = bucket(&world, "deeds-words");
    let named = |name: &str| ("bucket", Value::string(name));
    let text = |name: &'static str, value: &str| (name, Value::string(value));
    let told = async |place: &Place, kind: &str, settings: &[(&str, Value)]| {
        let fault = world.aws.act(place, &deed(kind, "t", settings)).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Refused, "{fault:?}");
        format!("{fault}; {}", fault.help.as_deref().unwrap_or_default())
    };
    let (no, file) = (elsewhere(), text("content", "x"));
    for (place, kind, settings, said) in [
        (
            &no,
            "aws.Empty",
            vec![],
            "`somewhere.else` is no bucket that could be emptied; say which one: `bucket NAME;`",
        ),
        (
            &no,
            "aws.Upload",
            vec![file.clone()],
            "`somewhere.else` is no bucket that could be uploaded to; say which one",
        ),
        (&home, "aws.Upload", vec![], "an upload is of one thing: `source`, `content` or `files`; write `source"),
        (
            &home,
            "aws.Upload",
            vec![file.clone()],
            "nothing says what the text is to be called in the bucket; write `key",
        ),
        (
            &home,
            "aws.GetS3File",
            vec![],
            "`site` is no file, and nothing says which file is meant; write `bucket NAME;",
        ),
        (&no, "aws.Reboot", vec![], "`somewhere.else` is nothing that could be rebooted; say what: `instance NAME;`"),
        (
            &no,
            "aws.Reboot",
            vec![text("instance", "i-1"), text("database", "d")],
            "a reboot is of one thing, and `instance` and `database` both say which; leave one of them out",
        ),
        (
            &no,
            "aws.TakeSnapshot",
            vec![],
            "`somewhere.else` is nothing that a snapshot could be made of; say of what: `volume NAME;`",
        ),
        (&no, "aws.TerminateInstances", vec![], "`somewhere.else` looks no instances up that could be terminated; say"),
        (&no, "aws.TakeSnapshot", vec![text("database", "no-such-db")], "the database `no-such-db` does not exist, so"),
        (&no, "aws.TakeSnapshot", vec![text("volume", "vol-00000000000000000")], "could not make a snapshot of `vol-0"),
        (
            &no,
            "aws.Reboot",
            vec![text("instance", "i-00000000000000000")],
            "the instance `i-00000000000000000` does not",
        ),
        (
            &no,
            "aws.Upload",
            vec![named("no-such-bucket-1"), text("key", "k"), file],
            "could not upload `k` to the bucket",
        ),
    ] {
        let found = told(place, kind, &settings).await;
        assert!(found.starts_with(said), "{found}\nand not\n{said}");
    }
}

#[tokio::test]
async fn an_action_works_where_what_it_names_lives() {
    let world = World::new();
    world.moto.python(
        "s3 = client('s3', 'eu-north-1')\n\
         s3.create_bucket(Bucket='deeds-far', CreateBucketConfiguration={'LocationConstraint': 'eu-north-1'})\n\
         s3.put_object(Bucket='deeds-far', Key='x', Body=b'x')",
    );
    let disk = world.moto.python(
        "result = client('ec2', 'eu-north-1').create_volume(AvailabilityZone='eu-north-1a', Size=1)['VolumeId']",
    );
    let region = ("region", Value::string("eu-north-1"));
    let emptied = deed("aws.Empty", "t", &[("bucket", Value::string("deeds-far")), region.clone()]);
    assert_eq!(world.aws.act(&elsewhere(), &emptied).await.unwrap(), Progress::Done);
    let volume = ("volume", Value::string(disk.as_str().unwrap()));
    world.aws.act(&elsewhere(), &deed("aws.TakeSnapshot", "t", &[volume, region])).await.unwrap();
    let seen = world.moto.python(
        "result = [client('s3').list_objects_v2(Bucket='deeds-far')['KeyCount'],\n\
         len(client('ec2', 'eu-north-1').describe_snapshots(Filters=[{'Name': 'tag:tadpole:address',\
         'Values': ['somewhere.else']}])['Snapshots'])]",
    );
    assert_eq!(seen, json!([0, 1]));
}

#[tokio::test]
async fn a_snapshot_of_a_disk_is_made_once_a_run() {
    let world = World::new();
    world.proxy.slow(std::time::Duration::from_millis(200));
    let disk = world.moto.python(
        "tags = [{'Key': 'tadpole:lineage', 'Value': 'deeds-1'}, {'Key': 'tadpole:address', 'Value': 'disk'}]\n\
         result = client('ec2').create_volume(AvailabilityZone='us-east-1a', Size=1,\n    \
             TagSpecifications=[{'ResourceType': 'volume', 'Tags': tags}])['VolumeId']",
    );
    let disk = disk.as_str().unwrap();
    let home = place(&want("aws.Volume", "disk", "t", &[]), disk, Fields::new());
    let settings = [
        ("name", Value::string("nightly")),
        ("description", Value::string("before the change")),
        ("tags", tags(&[("team", "a")])),
        ("wait", Value::Bool(true)),
    ];
    let waits = through(&world.aws, &home, &deed("aws.TakeSnapshot", "run-1", &settings)).await.unwrap();
    assert_eq!(waits.first().map(String::as_str), Some("being copied"));
    assert!(waits.iter().any(|on| on.starts_with("pending")), "{waits:?}");
    assert_eq!(world.aws.act(&home, &deed("aws.TakeSnapshot", "run-1", &settings)).await.unwrap(), Progress::Done);
    assert_eq!(world.proxy.count("Action=CreateSnapshot"), 1);
    let quick = [("wait", Value::Bool(false))];
    assert_eq!(world.aws.act(&home, &deed("aws.TakeSnapshot", "run-2", &quick)).await.unwrap(), Progress::Done);
    let seen = world.moto.python(&format!(
        "found = client('ec2').describe_snapshots(Filters=[{{'Name': 'volume-id', 'Values': ['{disk}']}}])['Snapshots']\n\
         all = [[one.get('Description', ''), tags_of(one['Tags'])] for one in found]\n\
         result = sorted([text, tags.get('Name', ''), tags.get('team', ''), tags['tadpole:lineage'], tags['tadpole:address']] \
             for text, tags in all)"
    ));
    let first = json!(["before the change", "nightly", "a", "deeds-1", "disk"]);
    assert_eq!(seen, json!([["", "", "", "deeds-1", "disk"], first]));
    // It is told among what the environment has, though nothing records it.
    let owned = world.aws.owned("deeds-1", std::slice::from_ref(&home)).await.unwrap().unwrap();
    assert_eq!(owned.iter().filter(|one| &*one.kind == "aws.Snapshot").count(), 2, "{owned:?}");
    let reserved = [("tags", tags(&[("tadpole:op", "x")]))];
    let fault = world.aws.act(&home, &deed("aws.TakeSnapshot", "run-3", &reserved)).await.unwrap_err();
    assert_eq!(fault.message, "the tag `tadpole:op` cannot be set by a program");
}

#[tokio::test]
async fn a_snapshot_of_a_database_is_made_once_a_run() {
    let world = World::new();
    world.proxy.slow(std::time::Duration::from_millis(200));
    world.moto.python(
        "client('rds').create_db_instance(DBInstanceIdentifier='deeds-db', Engine='mysql', DBInstanceClass='db.t3.small',\n\
         MasterUsername='someone', MasterUserPassword='correct horse', AllocatedStorage=20,\n\
         Tags=[{'Key': 'tadpole:lineage', 'Value': 'deeds-2'}])",
    );
    let home = place(&want("aws.DbInstance", "db", "t", &[]), "deeds-db", Fields::new());
    let settings = [("name", Value::string("before--the change")), ("wait", Value::Bool(true))];
    let waits = through(&world.aws, &home, &deed("aws.TakeSnapshot", "run-1", &settings)).await.unwrap();
    assert!(!waits.is_empty(), "it takes a while");
    let named = [("database", Value::string("deeds-db")), ("wait", Value::Bool(true))];
    for token in ["run-1", "run-2"] {
        through(&world.aws, &home, &deed("aws.TakeSnapshot", token, &settings)).await.unwrap();
        through(&world.aws, &elsewhere(), &deed("aws.TakeSnapshot", token, &named)).await.unwrap();
    }
    let seen = world.moto.python(
        "found = client('rds').describe_db_snapshots(DBInstanceIdentifier='deeds-db', SnapshotType='manual')\n\
         result = sorted([one['DBSnapshotIdentifier'].rsplit('-', 1)[0], tags_of(one['TagList'])['tadpole:lineage']] \
             for one in found['DBSnapshots'])",
    );
    let (one, other) = (json!(["before-the-change", "deeds-2"]), json!(["deeds-db", "deeds-2"]));
    assert_eq!(seen, json!([one, one, other, other]));
    assert_eq!(world.proxy.count("Action=CreateDBSnapshot"), 4);
}

fn machine(kind: &str, address: &str) -> super::Want {
    let inputs = [
        ("imageID", Value::string(IMAGE)),
        ("instanceType", Value::string("t3.micro")),
        ("running", Value::Bool(true)),
        ("monitoring", Value::Bool(false)),
        ("terminationProtection", Value::Bool(false)),
        ("sourceDestCheck", Value::Bool(true)),
        ("imdsv2", Value::Bool(true)),
        ("minCount", Value::Int(2)),
        ("maxCount", Value::Int(2)),
    ];
    want(kind, address, address, &inputs)
}

#[tokio::test]
async fn machines_are_rebooted_once_a_run() {
    let world = World::new();
    let one = make(&world, &machine("aws.Instance", "rebooted.one")).await;
    let group = make(&world, &machine("aws.ImageInstance", "rebooted.group")).await;
    for _ in 0..2 {
        assert_eq!(world.aws.act(&one, &deed("aws.Reboot", "r1", &[])).await.unwrap(), Progress::Done);
    }
    assert_eq!(world.proxy.count("Action=RebootInstances"), 1);
    world.aws.act(&one, &deed("aws.Reboot", "r2", &[])).await.unwrap();
    world.aws.act(&group, &deed("aws.Reboot", "r1", &[])).await.unwrap();
    assert_eq!(world.proxy.count("Action=RebootInstances"), 3);
    assert_eq!(world.proxy.count("InstanceId.2="), 1, "all of a group in one call");
    let named = [("instance", Value::string(&*one.id))];
    world.aws.act(&elsewhere(), &deed("aws.Reboot", "r3", &named)).await.unwrap();
    assert_eq!(world.proxy.count("Action=RebootInstances"), 4);
    // Its tags are no difference to what the program says.
    let here = world.here(&one).await;
    assert_eq!(here.inputs.get("tags"), Some(&tags(&[])));

    world.moto.python(&format!("client('ec2').stop_instances(InstanceIds=['{}'])", one.id));
    let fault = through(&world.aws, &one, &deed("aws.Reboot", "r4", &[])).await.unwrap_err();
    assert_eq!(fault.message, format!("the instance `{}` does not run, so it cannot be rebooted", one.id));
    assert_eq!(fault.help.as_deref(), Some("`running true;` starts it"));
}

#[tokio::test]
async fn a_file_is_looked_for_until_it_is_as_expected_and_deleted() {
    let world = World::new();
    let home = bucket(&world, "deeds-get");
    let key = ("key", Value::string("ready.txt"));
    let there = deed("aws.GetS3File", "t", std::slice::from_ref(&key));
    let done = deed("aws.GetS3File", "t", &[key.clone(), ("expectBody", Value::string("done"))]);
    let missing = Progress::Waiting("not there yet: `ready.txt` in the bucket `deeds-get`".into());
    for deed in [&there, &done] {
        assert_eq!(world.aws.act(&home, deed).await.unwrap(), missing);
    }
    world.moto.python("client('s3').put_object(Bucket='deeds-get', Key='ready.txt', Body=b'nearly')");
    assert_eq!(world.aws.act(&home, &there).await.unwrap(), Progress::Done);
    let other = Progress::Waiting("without `done` in it: `ready.txt` in the bucket `deeds-get`".into());
    assert_eq!(world.aws.act(&home, &done).await.unwrap(), other);
    world.moto.python("client('s3').put_object(Bucket='deeds-get', Key='ready.txt', Body=b'all is done')");
    assert_eq!(world.aws.act(&home, &done).await.unwrap(), Progress::Done);
    // In the list of the file itself, nothing has to be said.
    let file = place(&want("aws.S3File", "file", "t", &[]), "deeds-get/ready.txt", Fields::new());
    assert_eq!(world.aws.act(&file, &deed("aws.GetS3File", "t", &[])).await.unwrap(), Progress::Done);

    let gone = deed("aws.DeleteS3File", "t", &[key]);
    for _ in 0..2 {
        assert_eq!(world.aws.act(&home, &gone).await.unwrap(), Progress::Done);
        assert_eq!(world.aws.act(&home, &there).await.unwrap(), missing);
    }
}

#[tokio::test]
async fn a_program_backs_up_before_it_changes_and_ends_what_it_found() {
    let world = World::new();
    let proxy = Arc::new(Proxy::before(world.moto));
    let provider = Arc::new(Watched::new(at(&proxy.endpoint), proxy.clone()));
    let environment = Environment::new("lineage-deeds", provider);
    let program = |size: u64| {
        graph(&format!(
            "disk extends TransientVolume {{ availabilityZone \"us-east-1a\"; size {size}GiB; tags {{ Name \"deeds\"; }}\n\
                 backup extends TakeSnapshot {{ name \"deeds\"; }}\n\
                 updateActions [backup, ...super];\n\
             }}\n\
             copy extends TransientVolume {{ availabilityZone \"us-east-1a\"; snapshot first; tags {{ Name \"deeds-copy\"; }} }}\n\
             first extends Snapshot {{ volume disk; }}\n\
             nobody extends TerminateInstancesOnTermination {{ withTags {{ fleet \"nobody\"; }} }}\n\
             others extends TerminateInstancesOnTermination {{ withTags {{ fleet \"deeds\"; }} }}\n"
        ))
    };
    world.moto.python(&format!(
        "client('ec2').run_instances(ImageId='{IMAGE}', MinCount=2, MaxCount=2, InstanceType='t3.micro',\n\
         TagSpecifications=[{{'ResourceType': 'instance', 'Tags': [{{'Key': 'fleet', 'Value': 'deeds'}}]}}])"
    ));
    environment.apply(&program(1)).await.unwrap();
    assert_eq!(proxy.count("Action=CreateSnapshot"), 1);
    let others = environment.state().resources[&"others".parse().unwrap()].outputs.clone();
    assert_eq!(super::ids(&others).len(), 2);
    environment.apply(&program(2)).await.unwrap();
    assert_eq!(proxy.count("Action=CreateSnapshot"), 2);
    let plan = environment.plan(&program(2)).await.unwrap();
    assert!(plan.is_empty(), "{plan:?}");
    let copied = world.moto.python(
        "found = client('ec2').describe_volumes(Filters=[{'Name': 'tag:Name', 'Values': ['deeds-copy']}])['Volumes']\n\
         result = found[0]['SnapshotId']",
    );
    assert_eq!(copied.as_str(), Some(&*environment.state().resources[&"first".parse().unwrap()].id));
    environment.destroy().await.unwrap();
    let left = world.moto.python(
        "result = [sorted({one['State']['Name'] for one in instances(fleet='deeds')}),\n\
         len(client('ec2').describe_snapshots(Filters=[{'Name': 'tag:Name', 'Values': ['deeds']}])['Snapshots'])]",
    );
    assert_eq!(left, json!([["terminated"], 1]));
}
