//! What AWS does by itself is no reason to replace anything: what it made otherwise than it was asked for, what it
//! withdrew since, what a change did to something else.

use serde_json::json;
use tadpole::plan::ChangeKind;

use super::hesitation::{Setting, program};

/// The ids of the disks of a region, by its name.
fn disks(setting: &Setting, region: &str) -> serde_json::Value {
    let script = "result = sorted(v['VolumeId'] for v in client('ec2', 'REGION').describe_volumes()['Volumes'])";
    setting.moto.python(&script.replace("REGION", region))
}

#[tokio::test]
async fn a_disk_that_aws_encrypted_by_itself_is_never_replaced() {
    let setting = Setting::new("lineage-lasting-a");
    // Where nothing else has disks, everything is encrypted from now on.
    setting.moto.python("client('ec2', 'eu-north-1').enable_ebs_encryption_by_default()\nresult = 0");
    let text = r#"
param tag: String = "a";
region "eu-north-1";
one extends TransientVolume { availabilityZone "eu-north-1a"; size 1GiB; encrypted false; tags { tag tag; } }
snap extends Snapshot { volume one; }
two extends PersistentVolume { availabilityZone "eu-north-1a"; snapshot snap; encrypted false; tags { tag tag; } }
"#;
    let graph = program(text, &[]);
    setting.environment.apply(&graph).await.unwrap();
    let before = disks(&setting, "eu-north-1");
    let recorded = setting.environment.state().resources[&"two".parse().unwrap()].clone();
    assert_eq!(recorded.inputs["encrypted"].to_string(), "true", "it is recorded as it is");
    assert_eq!(recorded.requested["encrypted"].to_string(), "false", "beside what was asked for");

    // Neither at the next apply, nor at a change, nor after it.
    for graph in [graph, program(text, &[("tag", "b")])] {
        setting.environment.apply(&graph).await.unwrap();
        let plan = setting.environment.plan(&graph).await.unwrap();
        assert!(plan.is_empty() && plan.drift.is_empty(), "{plan:?}");
    }
    // What the program says now is what is.
    let graph = program(&text.replace("encrypted false", "encrypted true"), &[("tag", "b")]);
    let plan = setting.environment.plan(&graph).await.unwrap();
    assert!(plan.is_empty(), "{plan:?}");
    assert_eq!(disks(&setting, "eu-north-1"), before);

    // Left standing, and taken back.
    let graph = program(&text.replace("TransientVolume", "PersistentVolume"), &[("tag", "b")]);
    setting.environment.apply(&graph).await.unwrap();
    setting.environment.destroy().await.unwrap();
    assert_eq!(disks(&setting, "eu-north-1"), before);
    let graph = program(
        r#"two extends PersistentVolume { region "eu-north-1"; availabilityZone "eu-north-1a"; size 1GiB; encrypted false; }"#,
        &[],
    );
    let plan = setting.environment.apply(&graph).await.unwrap();
    assert_eq!(plan.changes[0].kind, ChangeKind::Adopt, "{plan:?}");
    assert!(setting.environment.plan(&graph).await.unwrap().is_empty());
    assert_eq!(disks(&setting, "eu-north-1"), before);
}

#[tokio::test]
async fn a_machine_runs_on_when_its_image_is_withdrawn() {
    let setting = Setting::new("lineage-lasting-b");
    let image = |name: &str| {
        let script = format!(
            "ec2 = client('ec2', 'ap-northeast-2')\n\
             one = ec2.run_instances(ImageId=ec2.describe_images()['Images'][0]['ImageId'], MinCount=1, MaxCount=1, InstanceType='t3.micro')\n\
             result = ec2.create_image(InstanceId=one['Instances'][0]['InstanceId'], Name='{name}')['ImageId']"
        );
        setting.moto.python(&script).as_str().unwrap().to_string()
    };
    image("lasting-1");
    let newest = image("lasting-2");
    let text = r#"
param count: Int = 1;
region "ap-northeast-2";
image extends ImageLookup { owner "self"; name "lasting-*"; newest true; }
web[n in count] extends Instance { imageID image.imageID; }
output image = image.imageID;
"#;
    let graph = program(text, &[]);
    setting.environment.apply(&graph).await.unwrap();
    setting.moto.python(&format!("client('ec2', 'ap-northeast-2').deregister_image(ImageId='{newest}')\nresult = 0"));
    let plan = setting.environment.plan(&graph).await.unwrap();
    assert!(plan.is_empty(), "{plan:?}");
    setting.environment.apply(&graph).await.unwrap();

    // Another machine cannot be made of it, and the plan says so.
    let error = setting.environment.plan(&program(text, &[("count", "2")])).await.unwrap_err();
    assert!(error.contains("`image` does not exist any more") && error.contains("web[1]"), "{error}");
    setting.environment.destroy().await.unwrap();
}

#[tokio::test]
async fn an_address_is_the_address_of_its_machine_from_then_on() {
    let setting = Setting::new("lineage-lasting-c");
    let text = r#"
param to: String = "blue";
image extends ImageLookup { owner "amazon"; name "amzn-ami-hvm-2017.09.1.20171103-x86_64-gp2"; newest true; }
blue extends Instance { imageID image.imageID; }
green extends Instance { imageID image.imageID; }
ip extends ElasticIp { instance if to == "blue" then blue else green; }
note extends TransientS3Bucket { bucket "lasting-note"; tags { blue blue.publicIp; green green.publicIp; name blue.publicDnsName; } }
output blue = blue.publicIp;
output green = green.publicIp;
output ip = ip.publicIp;
"#;
    for to in ["blue", "green"] {
        let graph = program(text, &[("to", to)]);
        setting.environment.apply(&graph).await.unwrap();
        let plan = setting.environment.plan(&graph).await.unwrap();
        assert!(plan.is_empty() && plan.drift.is_empty(), "{plan:?}");
        let outputs = setting.environment.state().outputs;
        assert_eq!(outputs[to], outputs["ip"]);
        let tags =
            setting.moto.python("result = tags_of(client('s3').get_bucket_tagging(Bucket='lasting-note')['TagSet'])");
        assert_eq!(tags[to], json!(outputs["ip"].as_str().unwrap()));
    }
    // Taken away, it is the machine's no more.
    let without = text.replace("ip extends ElasticIp { instance if to == \"blue\" then blue else green; }", "");
    let graph = program(&without.replace("output ip = ip.publicIp;", ""), &[("to", "green")]);
    setting.environment.apply(&graph).await.unwrap();
    assert!(setting.environment.plan(&graph).await.unwrap().drift.is_empty());
    setting.environment.destroy().await.unwrap();
}
