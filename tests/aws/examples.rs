//! The examples against the emulator, by the program as users run it: applied, unchanged, changed, taken down, with
//! nothing left but what they say that they leave.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use super::moto::{Moto, environment};
use super::proxy::Proxy;
use crate::cli::{Tadpole, copied, ends};

struct Example {
    directory: tempfile::TempDir,
    tadpole: Tadpole,
    proxy: Proxy,
    moto: &'static Moto,
}

impl Example {
    fn new(name: &str) -> Example {
        let moto = Moto::shared();
        let proxy = Proxy::before(moto);
        let directory = copied(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name));
        let mut tadpole = Tadpole::new(directory.path());
        for (name, value) in environment(&proxy.endpoint) {
            tadpole = tadpole.env(name, &value);
        }
        // What the emulator has as images.
        for (name, value) in [
            ("TADPOLE_PARAM_SYSTEM_OWNER", "099720109477"),
            ("TADPOLE_PARAM_SYSTEM", "ubuntu/images/*"),
            ("KULITZER_DB_PASSWORD", "correct horse battery staple"),
            ("SHOP_DB_PASSWORD", "correct horse battery staple"),
        ] {
            tadpole = tadpole.env(name, value);
        }
        Example { directory, tadpole, proxy, moto }
    }

    /// What boto3 sees, once it is asked in a script.
    fn seen(&self, script: &str) -> serde_json::Value {
        self.moto.python(script)
    }

    fn with<'a>(command: &[&'a str], arguments: &[&'a str]) -> Vec<&'a str> {
        [command, arguments].concat()
    }

    /// Applies it, and looks that nothing is left to do.
    #[track_caller]
    fn applies(&self, arguments: &[&str]) {
        let run = self.tadpole.run(&Example::with(&["apply", "--yes"], arguments));
        assert_eq!(run.code, 0, "{}", run.err);
        let run = self.tadpole.run(&Example::with(&["plan"], arguments));
        ends(&run, 0, &["Nothing changes"]);
    }

    #[track_caller]
    fn destroys(&self, arguments: &[&str]) {
        ends(&self.tadpole.run(&Example::with(&["destroy", "--yes"], arguments)), 0, &[]);
        let run = self.tadpole.run(&Example::with(&["destroy", "--yes"], arguments));
        ends(&run, 0, &["Nothing"]);
    }
}

/// Somebody who answers.
fn site() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // Who asks may be gone.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nKulitzer");
        }
    });
    url
}

#[test]
fn a_site_with_a_server_a_database_files_and_snapshots() {
    let example = Example::new("kulitzer");
    let probe = format!("probe={}", site());
    let all = ["--env", "kulitzer-a", "--set", &probe];
    example.applies(&all);
    let seen = "ec2, rds, s3 = client('ec2'), client('rds'), client('s3')\n\
                tag = [{'Name': 'tag:env', 'Values': ['kulitzer-a']}]\n\
                attached = [v['Attachments'] for v in ec2.describe_volumes(Filters=tag)['Volumes'] if v['Size'] == 10]\n\
                result = [len(ec2.describe_snapshots(Filters=tag, OwnerIds=['self'])['Snapshots']), len(attached[0]),\n\
                          sorted(o['Key'] for o in s3.list_objects_v2(Bucket='static.kulitzer.com.kulitzer-a')['Contents'])]";
    assert_eq!(example.seen(seen), serde_json::json!([4, 1, ["index.html", "site.css"]]));

    // From elsewhere, a larger server, another parameter, another page.
    std::fs::write(example.directory.path().join("public/index.html"), "<h1>Closed</h1>").unwrap();
    let program = example.directory.path().join("main.cloud");
    let text = std::fs::read_to_string(&program).unwrap();
    let text = text.replace("long_query_time \"1\"", "long_query_time \"2\"").replace("t3.small", "t3.medium");
    std::fs::write(&program, text).unwrap();
    let changed = [&all[..], &["--set", "office=198.51.100.0/24"]].concat();
    let run = example.tadpole.run(&Example::with(&["plan"], &changed));
    assert!(!run.err.contains("forces replacement") && run.err.contains("index.html"), "{}", run.err);
    let before = example.proxy.count("/invalidation");
    example.applies(&changed);
    assert_eq!(example.proxy.count("/invalidation"), before + 1, "the page changed, and nobody heard of it");

    example.destroys(&changed);
    let left = "ec2, rds = client('ec2'), client('rds')\n\
                tag = [{'Name': 'tag:env', 'Values': ['kulitzer-a']}]\n\
                alive = [i['InstanceId'] for p in ec2.describe_instances(Filters=tag)['Reservations'] for i in p['Instances']\n\
                         if i['State']['Name'] != 'terminated']\n\
                last = [s for s in rds.describe_db_snapshots()['DBSnapshots']\n\
                        if tags_of(s.get('TagList', [])).get('env') == 'kulitzer-a' or 'kulitzer' in s['DBSnapshotIdentifier'] or 'site' in s['DBSnapshotIdentifier']]\n\
                names = [b['Name'] for b in client('s3').list_buckets()['Buckets'] if b['Name'].endswith('kulitzer-a')]\n\
                groups = [g['GroupId'] for g in ec2.describe_security_groups(Filters=tag)['SecurityGroups']]\n\
                result = [alive, len(last) > 0, sorted(names), groups, len(ec2.describe_addresses(Filters=tag)['Addresses'])]";
    assert_eq!(example.seen(left), serde_json::json!([[], true, ["media.kulitzer.com.kulitzer-a"], [], 0]));
}

#[test]
fn files_behind_four_names_are_forgotten_when_they_change() {
    let example = Example::new("smallpayroll-cdn");
    let all = ["--env", "payroll-a"];
    example.applies(&all);
    let before = example.proxy.count("/invalidation");
    std::fs::write(example.directory.path().join("public/new.html"), "<h1>New</h1>").unwrap();
    std::fs::remove_file(example.directory.path().join("public/css/site.css")).unwrap();
    example.applies(&all);
    assert_eq!(example.proxy.count("/invalidation"), before + 1);
    let keys = "result = sorted(o['Key'] for o in client('s3', 'ap-southeast-2').list_objects_v2(\n\
                    Bucket='cdn.smallpayroll.com.au.payroll-a')['Contents'])";
    assert_eq!(example.seen(keys), serde_json::json!(["index.html", "new.html"]));
    example.destroys(&all);
    let left = "result = [d['Comment'] for d in client('cloudfront').list_distributions()['DistributionList'].get('Items', [])\n\
                    if 'smallpayroll' in d['Comment']]";
    assert_eq!(example.seen(left), serde_json::json!([]));
}

#[test]
fn an_environment_of_a_pull_request_leaves_nothing() {
    let example = Example::new("pr-environment");
    let all = ["--env", "pr-4711"];
    example.applies(&all);
    let changed = [&all[..], &["--set", "office=198.51.100.0/24"]].concat();
    example.applies(&changed);
    example.destroys(&changed);
    let left = "ec2, rds = client('ec2', 'eu-central-1'), client('rds', 'eu-central-1')\n\
                tag = [{'Name': 'tag:env', 'Values': ['pr-4711']}]\n\
                alive = [i['InstanceId'] for p in ec2.describe_instances(Filters=tag)['Reservations'] for i in p['Instances']\n\
                         if i['State']['Name'] != 'terminated']\n\
                result = [alive, ec2.describe_vpcs(Filters=tag)['Vpcs'], ec2.describe_subnets(Filters=tag)['Subnets'],\n\
                          rds.describe_db_instances()['DBInstances'], rds.describe_db_subnet_groups()['DBSubnetGroups'],\n\
                          [b['Name'] for b in client('s3').list_buckets()['Buckets'] if b['Name'].endswith('pr-4711')]]";
    assert_eq!(example.seen(left), serde_json::json!([[], [], [], [], [], []]));
}

#[test]
fn buckets_and_files_of_smartfrog_stay_until_they_are_retired() {
    let example = Example::new("smartfrog/buckets");
    let family = ["--set", "bucket=frog-family"];
    let seen = "s3 = client('s3')\n\
                names = [b['Name'] for b in s3.list_buckets()['Buckets'] if b['Name'].startswith('frog-family')]\n\
                result = {n: [o['Key'] for o in s3.list_objects_v2(Bucket=n).get('Contents', [])] for n in names}";
    example.applies(&family);
    let all = serde_json::json!({"frog-family-scratch": ["index.html"], "frog-family-archive": ["note.txt"]});
    assert_eq!(example.seen(seen), all);
    example.destroys(&family);
    assert_eq!(example.seen(seen), serde_json::json!({"frog-family-archive": ["note.txt"]}));
    let retired = [&family[..], &["--set", "retire=true"]].concat();
    example.applies(&retired);
    example.destroys(&retired);
    assert_eq!(example.seen(seen), serde_json::json!({}));
}

#[test]
fn instances_of_smartfrog_are_started_listed_and_ended() {
    let example = Example::new("smartfrog/instances");
    let started = "ec2 = client('ec2')\n\
                   image = ec2.describe_images(Owners=['099720109477'])['Images'][0]['ImageId']\n\
                   tags = [{'ResourceType': 'instance', 'Tags': [{'Key': 'team', 'Value': 'newts'}]}]\n\
                   made = ec2.run_instances(ImageId=image, MinCount=2, MaxCount=2, TagSpecifications=tags)\n\
                   result = len(made['Instances'])";
    assert_eq!(example.seen(started), serde_json::json!(2));
    let states = "tag = [{'Name': 'tag:team', 'Values': ['newts', 'frogs']}]\n\
                  found = client('ec2').describe_instances(Filters=tag)['Reservations']\n\
                  result = sorted(i['State']['Name'] for p in found for i in p['Instances'])";
    let kill = ["--env", "frogs-a", "--set", "kill=newts"];
    example.applies(&kill);
    assert_eq!(example.seen(states), serde_json::json!(["running", "running", "running", "running"]));
    example.destroys(&kill);
    assert_eq!(example.seen(states), serde_json::json!(["terminated", "terminated", "terminated", "terminated"]));
}
