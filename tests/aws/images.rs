//! Images, snapshots and their schedules: looked up, made in time, and never more taken away than is said.

use std::time::Duration;

use tadpole::apply::provider::{Fault, FaultKind, Place, Progress, Provider, Reading, Seek, Want};
use tadpole::value::{Fields, Reference, Target, Value};

use super::moto::{IMAGE, Moto, environment};
use super::proxy::Mishap;
use super::{World, attribute, but, json, make, owner, place, tags, want};
use crate::cli::Tadpole;

fn image(name: &str, newest: bool) -> Want {
    let inputs = [("owner", Value::string("self")), ("name", Value::string(name)), ("newest", Value::Bool(newest))];
    want("aws.ImageLookup", "image", "", &inputs)
}

#[tokio::test]
async fn an_image_is_looked_up_and_never_guessed() {
    let world = World::new();
    let ids = world.moto.python(
        "ec2 = client('ec2')\n\
         result = [ec2.register_image(Name=f'lookup-test-{n}')['ImageId'] for n in range(3)]",
    );
    let find = async |wanted: &Want| world.aws.find(wanted, &Seek::Identity).await;
    assert_eq!(find(&image("lookup-test-1", false)).await.unwrap().as_deref(), ids[1].as_str());
    let newest = find(&image("lookup-test-*", true)).await.unwrap().unwrap();
    assert!(ids.as_array().unwrap().iter().any(|id| id.as_str() == Some(&*newest)));

    let fault = find(&image("lookup-test-*", false)).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Refused, "name"));
    assert_eq!(fault.message, "3 images of `self` are called `lookup-test-*`");
    assert!(fault.help.as_deref().unwrap().starts_with("write `newest true;`"), "{fault:?}");

    let fault = find(&image("lookup-test-9-*", true)).await.unwrap_err();
    assert_eq!(fault.message, "no image of `self` in us-east-1 is called `lookup-test-9-*`");
    let help = fault.help.as_deref().unwrap();
    assert!(help.starts_with("of `lookup-test*` there are 3, the newest of them `lookup-test-"), "{fault:?}");
    let fault = find(&image("nobody-has-this", true)).await.unwrap_err();
    assert!(fault.help.as_deref().unwrap().starts_with("look at the owner"), "{fault:?}");

    let official = but(
        &image("amzn2-ami-*", true),
        &[("owner", Value::string("amazon")), ("architecture", Value::string("i386"))],
    );
    let fault = find(&official).await.unwrap_err();
    let help = fault.help.as_deref().unwrap();
    assert!(help.starts_with("there are such images for `") && help.ends_with("not for `i386`"), "{fault:?}");
    assert_eq!(world.aws.find(&official, &Seek::Made(official.owner.clone())).await.unwrap(), None);
}

/// A disk, as boto3 makes it.
fn disk(world: &World) -> String {
    let made =
        world.moto.python("result = client('ec2').create_volume(AvailabilityZone='us-east-1a', Size=1)['VolumeId']");
    made.as_str().unwrap().to_string()
}

fn schedule(disk: &str, address: &str, token: &str, every: u64, keep: u64) -> Want {
    let inputs = [
        ("volume", Value::Reference(Reference { of: Target::Existing("Volume".into()), id: disk.into() })),
        ("every", Value::Duration(every)),
        ("keep", Value::Duration(keep)),
        ("due", Value::Bool(false)),
        ("tags", tags(&[("team", "a")])),
    ];
    want("aws.SnapshotSchedule", address, token, &inputs)
}

async fn is_due(world: &World, home: &Place) -> bool {
    world.here(home).await.inputs.get("due") == Some(&Value::Bool(true))
}

/// As the engine does when a plan says so.
async fn rotate(world: &World, home: &Place, token: &str, wanted: &Want) -> Result<Progress, Fault> {
    let mut wanted = wanted.clone();
    wanted.owner.token = token.into();
    let old = but(&wanted, &[("due", Value::Bool(true))]).inputs;
    world.aws.update(home, Some(&old), &wanted).await
}

async fn snapshots(world: &World, home: &Place) -> Vec<String> {
    serde_json::from_value(json(&world.here(home).await.outputs)["snapshots"].clone()).unwrap()
}

/// When these began, in milliseconds, the oldest first.
fn start_times(world: &World, snapshots: &[String]) -> Vec<u64> {
    let times = world.moto.python(&format!(
        "found = client('ec2').describe_snapshots(SnapshotIds={})['Snapshots']\n\
         result = sorted(int(one['StartTime'].timestamp() * 1000) for one in found)",
        serde_json::json!(snapshots)
    ));
    serde_json::from_value(times).unwrap()
}

const SECOND: u64 = 1000;
const HOUR: u64 = 3600 * SECOND;

/// So long that the next snapshot is of another second than the last: the emulator tells no smaller part.
async fn a_second() {
    tokio::time::sleep(Duration::from_millis(1100)).await;
}

/// As it was recorded with these lengths.
fn with(home: &Place, wanted: &Want, every: u64, keep: u64) -> (Place, Want) {
    let wanted = but(wanted, &[("every", Value::Duration(every)), ("keep", Value::Duration(keep))]);
    (place(&wanted, &home.id, home.outputs.clone()), wanted)
}

#[tokio::test]
async fn a_schedule_makes_one_when_it_is_time_and_keeps_what_it_says() {
    let world = World::new();
    let disk = disk(&world);
    let wanted = schedule(&disk, "backup[0]", "rotate-1", HOUR, HOUR);
    let home = make(&world, &wanted).await;
    assert!(home.id.starts_with("schedule-"));
    let mut all = snapshots(&world, &home).await;
    assert_eq!(all.len(), 1);
    assert!(!is_due(&world, &home).await, "it was made just now");
    for _ in 0..2 {
        rotate(&world, &home, "rotate-2", &wanted).await.unwrap();
    }
    assert_eq!(snapshots(&world, &home).await, all, "an update before its time makes none");

    for token in ["rotate-3", "rotate-4"] {
        a_second().await;
        let (often, quick) = with(&home, &wanted, SECOND, HOUR);
        assert!(is_due(&world, &often).await && !is_due(&world, &home).await);
        rotate(&world, &often, token, &quick).await.unwrap();
        let now = snapshots(&world, &home).await;
        assert_eq!(now[1..], all, "one more, and the newest comes first");
        all = now;
    }

    // A moment less than there is between the first and the third is kept.
    let starts = start_times(&world, &all);
    let (short, brief) = with(&home, &wanted, HOUR, starts[starts.len() - 1] - starts[0] - 1);
    assert!(is_due(&world, &short).await, "one is too old");
    for _ in 0..2 {
        rotate(&world, &short, "rotate-5", &brief).await.unwrap();
    }
    assert_eq!(snapshots(&world, &home).await, all[..2]);
    assert!(!is_due(&world, &short).await);

    // However little is to be kept, the newest stays.
    let (_, none) = with(&home, &wanted, HOUR, 0);
    rotate(&world, &home, "rotate-6", &none).await.unwrap();
    assert_eq!(snapshots(&world, &home).await, all[..1]);

    for _ in 0..2 {
        assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Done);
        assert!(world.is_gone(&home).await);
    }
}

#[tokio::test]
async fn nothing_is_deleted_when_nothing_could_be_made() {
    let world = World::new();
    let disk = disk(&world);
    let wanted = schedule(&disk, "backup", "sick-1", SECOND, SECOND);
    let home = make(&world, &wanted).await;
    for token in ["sick-2", "sick-3"] {
        a_second().await;
        let keep = but(&wanted, &[("keep", Value::Duration(HOUR))]);
        rotate(&world, &home, token, &keep).await.unwrap();
    }
    let all = snapshots(&world, &home).await;
    assert_eq!(all.len(), 3);
    a_second().await;
    world.proxy.next("Action=CreateSnapshot", Mishap::Refusal(400, "SnapshotLimitExceeded"));
    let fault = rotate(&world, &home, "sick-4", &wanted).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Refused, "{fault:?}");
    assert_eq!(snapshots(&world, &home).await, all, "two of them are too old, and stay");
    // Four schedules of one disk may ask at the same time: AWS takes one in fifteen seconds.
    world.proxy.next("Action=CreateSnapshot", Mishap::Refusal(400, "SnapshotCreationPerVolumeRateExceeded"));
    assert_eq!(rotate(&world, &home, "sick-4", &wanted).await.unwrap_err().kind, FaultKind::Throttled);

    // An answer that is lost makes no second one: the next look sees it.
    let (_, lately) = with(&home, &wanted, 4 * SECOND, HOUR);
    tokio::time::sleep(Duration::from_millis(4100)).await;
    world.proxy.next("Action=CreateSnapshot", Mishap::LostAnswer);
    assert_eq!(rotate(&world, &home, "sick-5", &lately).await.unwrap_err().kind, FaultKind::Unknown);
    rotate(&world, &home, "sick-5", &lately).await.unwrap();
    let found = snapshots(&world, &home).await;
    assert!(found.len() >= 4, "{found:?}");
    // On a machine that is slow, it may have been time for another one: never before four seconds were over, of
    // which the times that EC2 tells leave out up to one.
    let starts = start_times(&world, &found);
    assert!(starts[2..].windows(2).all(|pair| pair[1] - pair[0] >= 3 * SECOND), "{starts:?}");
}

#[tokio::test]
async fn schedules_of_one_disk_never_touch_each_others() {
    let world = World::new();
    let disk = disk(&world);
    let short = schedule(&disk, "backup[0]", "pair-1", SECOND, 0);
    let long = schedule(&disk, "backup[1]", "pair-2", HOUR, 24 * HOUR);
    let (often, seldom) = (make(&world, &short).await, make(&world, &long).await);
    let by_hand =
        world.moto.python(&format!("result = client('ec2').create_snapshot(VolumeId='{disk}')['SnapshotId']"));
    let kept = snapshots(&world, &seldom).await;
    for token in ["pair-3", "pair-4"] {
        a_second().await;
        rotate(&world, &often, token, &short).await.unwrap();
        rotate(&world, &seldom, token, &long).await.unwrap();
    }
    assert_eq!(snapshots(&world, &often).await.len(), 1);
    assert_eq!(snapshots(&world, &seldom).await, kept);

    let before = world.proxy.count("Action=DescribeSnapshots");
    let both = world.aws.read_many(&[often.clone(), seldom.clone()]).await;
    assert!(both.iter().all(|reading| matches!(reading, Ok(Reading::Here(_)))));
    assert_eq!(world.proxy.count("Action=DescribeSnapshots"), before + 1, "one list for all of them");

    world.aws.delete(&often).await.unwrap();
    assert!(world.is_gone(&often).await);
    let left = world.moto.python(&format!(
        "found = client('ec2').describe_snapshots(Filters=[{{'Name': 'volume-id', 'Values': ['{disk}']}}])\n\
         result = sorted(one['SnapshotId'] for one in found['Snapshots'])"
    ));
    let mut expected = [kept[0].clone(), by_hand.as_str().unwrap().to_string()];
    expected.sort();
    assert_eq!(left, serde_json::json!(expected), "what is of the other one, or of nobody, stays");
}

#[tokio::test]
async fn a_schedule_is_found_again_by_its_snapshots() {
    let world = World::new();
    let disk = disk(&world);
    let wanted = schedule(&disk, "found.backup", "found-1", SECOND, 0);
    world.proxy.next("Action=CreateSnapshot", Mishap::LostAnswer);
    assert_eq!(world.aws.create(&wanted).await.unwrap_err().kind, FaultKind::Unknown);
    let id = world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap().unwrap();
    let home = place(&wanted, &id, Fields::new());
    a_second().await;
    rotate(&world, &home, "found-2", &wanted).await.unwrap();
    // The one that its creation made is gone: what it made since says whose it is.
    let later = owner("lineage-1", "found.backup", "found-3");
    assert_eq!(world.aws.find(&wanted, &Seek::Owned(later.clone())).await.unwrap(), Some(id));
    assert_eq!(world.aws.find(&wanted, &Seek::Made(later.clone())).await.unwrap(), None);
    assert_eq!(
        world.aws.find(&wanted, &Seek::Made(owner("lineage-1", "found.backup", "found-2"))).await.unwrap(),
        None
    );
    let other = schedule(&self::disk(&world), "found.backup", "found-3", SECOND, 0);
    assert_eq!(world.aws.find(&other, &Seek::Owned(later)).await.unwrap(), None, "of another disk");
}

#[tokio::test]
async fn an_image_goes_with_its_snapshots() {
    let world = World::new();
    let server = world.moto.python(&format!(
        "result = client('ec2').run_instances(ImageId='{IMAGE}', MinCount=1, MaxCount=1)['Instances'][0]['InstanceId']"
    ));
    let instance =
        Value::Reference(Reference { of: Target::Existing("Instance".into()), id: server.as_str().unwrap().into() });
    let inputs = [
        ("name", Value::string("image-goes")),
        ("instance", instance),
        ("noReboot", Value::Bool(true)),
        ("tags", tags(&[("team", "a")])),
    ];
    let wanted = want("aws.Image", "image", "image-goes-1", &inputs);
    let home = make(&world, &wanted).await;
    assert_eq!(world.proxy.count("NoReboot=true"), 1);
    let made_of = snapshots(&world, &home).await;
    assert!(!made_of.is_empty());
    let count = |ids: &[String]| {
        let list = serde_json::json!(ids);
        world.moto.python(&format!(
            "all = [one['SnapshotId'] for one in client('ec2').describe_snapshots()['Snapshots']]\n\
             result = sum(id in all for id in {list})"
        ))
    };
    assert_eq!(count(&made_of), made_of.len());
    // Of a snapshot that an image is made of it is told which image.
    let snapshot = want("aws.Snapshot", "copy", "image-goes-2", &[("tags", tags(&[]))]);
    let fault = world.aws.delete(&place(&snapshot, &made_of[0], Fields::new())).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Held, "{fault:?}");
    assert!(fault.message.contains(&*home.id) && fault.help.is_some(), "{fault:?}");

    // Killed behind the deregistration: the snapshots are recorded, and go all the same.
    world.moto.python(&format!("client('ec2').deregister_image(ImageId='{}')", home.id));
    assert!(world.is_gone(&home).await);
    for _ in 0..2 {
        assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Done);
    }
    assert_eq!(count(&made_of), 0);
}

/// A program whose schedule is so quick that each apply finds one due.
const PROGRAM: &str = r#"
project extends Project { name "backups"; }
param every: Duration = 1s;
disk extends TransientVolume { availabilityZone "us-east-1a"; size 1GiB; tags { of "schedule-of-a-program"; } }
backup extends SnapshotSchedule { volume disk; every every; keep 1h; }
"#;

#[test]
fn an_apply_makes_a_snapshot_when_one_is_due() {
    let moto = Moto::shared();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("main.cloud"), PROGRAM).unwrap();
    let mut tadpole = Tadpole::new(directory.path());
    for (name, value) in environment(&format!("http://{}", moto.host)) {
        tadpole = tadpole.env(name, &value);
    }
    let seldom = ["--set", "every=3h"];
    let run = tadpole.run(&["apply", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.err);
    std::thread::sleep(Duration::from_millis(1100));
    let run = tadpole.run(&["apply", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("due  true -> false"), "{}", run.err);
    let run = tadpole.run(&["apply", "--yes", seldom[0], seldom[1]]);
    assert_eq!(run.code, 0, "{}", run.err);
    let run = tadpole.run(&["apply", "--yes", seldom[0], seldom[1]]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("Nothing changes"), "{}", run.err);

    let run = tadpole.run(&["destroy", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("Left standing,") && run.err.contains("schedule-"), "{}", run.err);
    let left = moto.python(
        "found = client('ec2').describe_snapshots(Filters=[{'Name': 'tag-key', 'Values': ['tadpole:schedule']}])\n\
         tags = [tags_of(one['Tags']) for one in found['Snapshots']]\n\
         result = len([one for one in tags if one['tadpole:address'] == 'backup' and not one.get('team')])",
    );
    let left = left.as_u64().unwrap();
    assert!(left >= 2, "backups outlive the disk that they are of: {left}");
}
