//! The whole program against the emulator: the example that runs in the sandbox, with `--sandbox` left
//! out. boto3 is the witness of what is really there.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use super::moto::{Moto, environment};
use super::proxy::{Mishap, Proxy};
use crate::cli::{Tadpole, copied};

/// The example in a directory of its own, with calls going to `endpoint`.
fn smartfrog(endpoint: &str) -> (tempfile::TempDir, Tadpole) {
    let directory = copied(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/smartfrog"));
    let mut tadpole = Tadpole::new(directory.path());
    for (name, value) in environment(endpoint) {
        tadpole = tadpole.env(name, &value);
    }
    (directory, tadpole)
}

/// The lineage of what was recorded: it is on everything that was made.
fn lineage(directory: &Path) -> String {
    let state = tadpole::state::store::peek(&directory.join(".tadpole/default")).unwrap().unwrap();
    state.lineage.to_string()
}

/// Names of buckets and states of instances of one lineage, as boto3 sees them.
fn seen(moto: &Moto, prefix: &str, lineage: &str) -> (Vec<String>, Vec<String>) {
    let script = format!(
        "names = sorted(b['Name'] for b in client('s3').list_buckets()['Buckets'])\n\
         states = [i['State']['Name'] for i in instances(**{{'tadpole:lineage': '{lineage}'}})]\n\
         result = [[n for n in names if n.startswith('{prefix}')], sorted(states)]"
    );
    serde_json::from_value(moto.python(&script)).unwrap()
}

fn count(states: &[String], state: &str) -> usize {
    states.iter().filter(|other| *other == state).count()
}

#[test]
fn the_example_is_really_made_checked_and_deleted() {
    // Straight to the emulator, with nothing in between.
    let moto = Moto::shared();
    let (directory, tadpole) = smartfrog(&format!("http://{}", moto.host));
    let set = ["--set", "bucket=real-thing"];
    let run = tadpole.run(&["apply", "--yes", set[0], set[1]]);
    assert_eq!(run.code, 0, "{}", run.err);
    let lineage = lineage(directory.path());
    let (buckets, states) = seen(moto, "real-thing", &lineage);
    assert_eq!(buckets, ["real-thing-archive", "real-thing-scratch"]);
    assert_eq!((states.len(), count(&states, "running")), (10, 10), "{states:?}");

    let run = tadpole.run(&["apply", set[0], set[1]]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("Nothing changes"), "{}", run.err);

    // Fewer alive than `minCount` are filled up.
    let one = format!(
        "ids = [i['InstanceId'] for i in instances(**{{'tadpole:lineage': '{lineage}'}})]\n\
         client('ec2').terminate_instances(InstanceIds=ids[:1])\nresult = ids[0]"
    );
    moto.python(&one);
    let run = tadpole.run(&["apply", "--yes", set[0], set[1]]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("9 of at least 10 instances are alive"), "{}", run.err);
    let (_, states) = seen(moto, "real-thing", &lineage);
    assert_eq!((states.len(), count(&states, "running")), (11, 10), "{states:?}");
    let run = tadpole.run(&["apply", set[0], set[1]]);
    assert!(run.err.contains("Nothing changes"), "{}", run.err);

    let run = tadpole.run(&["destroy", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let (buckets, states) = seen(moto, "real-thing", &lineage);
    assert_eq!(buckets, ["real-thing-archive"], "the persistent bucket stays, the other goes");
    assert_eq!(count(&states, "terminated"), 11, "{states:?}");
    assert!(run.err.contains("Left standing,") && run.err.contains("real-thing-archive"), "{}", run.err);

    // Once more: the bucket that stayed is ours, and is taken up again.
    let run = tadpole.run(&["apply", "--yes", set[0], set[1]]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("1 to adopt"), "{}", run.err);
    assert_eq!(tadpole.run(&["destroy", "--yes"]).code, 0);
}

#[test]
fn head_asks_and_put_makes() {
    let proxy = Proxy::before(Moto::shared());
    let (_directory, tadpole) = smartfrog(&proxy.endpoint);
    let run = tadpole.run(&["apply", "--yes", "--set", "bucket=counted"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(proxy.count("HEAD /counted-scratch"), 1);
    assert!(proxy.count("PUT /counted-scratch") >= 1);
    assert_eq!(tadpole.run(&["destroy", "--yes"]).code, 0);
    assert_eq!(proxy.count("DELETE /counted-scratch"), 1);
    assert_eq!(proxy.count("DELETE /counted-archive"), 0);
}

#[test]
fn the_cloud_of_a_record_is_not_mixed_up() {
    let (_directory, tadpole) = smartfrog(&format!("http://{}", Moto::shared().host));
    assert_eq!(tadpole.run(&["apply", "--yes", "--sandbox"]).code, 0);
    let run = tadpole.run(&["apply", "--yes"]);
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(run.err.contains("is in the sandbox"), "{}", run.err);
}

#[test]
fn a_refusal_underlines_its_line() {
    let moto = Moto::shared();
    moto.python("client('s3').create_bucket(Bucket='somebody-elses-scratch')\nresult = 0");
    let (_directory, tadpole) = smartfrog(&format!("http://{}", moto.host));
    let run = tadpole.run(&["apply", "--yes", "--set", "bucket=somebody-elses"]);
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(run.err.contains("`somebody-elses-scratch` exists already"), "{}", run.err);
    assert!(run.err.contains("bucket \"${bucket}-scratch\""), "the line is not shown: {}", run.err);
    let run = tadpole.run(&["destroy", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let left = moto.python("result = [b['Name'] for b in client('s3').list_buckets()['Buckets']]");
    assert!(left.to_string().contains("somebody-elses-scratch"), "what was not ours was deleted: {left}");
}

#[test]
fn a_lost_answer_makes_nothing_twice() {
    let moto = Moto::shared();
    let proxy = Proxy::before(moto);
    let (directory, tadpole) = smartfrog(&proxy.endpoint);
    proxy.next("RunInstances", Mishap::LostAnswer);
    proxy.next("PUT /unanswered-scratch", Mishap::LostAnswer);
    let run = tadpole.run(&["apply", "--yes", "--set", "bucket=unanswered"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let (buckets, states) = seen(moto, "unanswered", &lineage(directory.path()));
    assert_eq!(buckets, ["unanswered-archive", "unanswered-scratch"]);
    assert_eq!(states.len(), 10, "{states:?}");
    assert_eq!(tadpole.run(&["destroy", "--yes"]).code, 0);
}

#[cfg(unix)]
#[test]
fn killed_at_any_moment_nothing_is_lost_or_made_twice() {
    let moto = Moto::shared();
    let proxy = Proxy::before(moto);
    std::thread::scope(|scope| {
        for delay in [50, 150, 250, 350, 500, 700] {
            let endpoint = &proxy.endpoint;
            scope.spawn(move || killed_after(delay, endpoint, moto));
        }
    });
}

#[cfg(unix)]
fn killed_after(delay: u64, endpoint: &str, moto: &Moto) {
    let (directory, tadpole) = smartfrog(endpoint);
    let prefix = format!("killed-{delay}ms");
    let set = format!("bucket={prefix}");
    let mut child = tadpole
        .command(&["apply", "--yes", "--set", &set])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(delay));
    child.kill().unwrap();
    child.wait().unwrap();
    let run = tadpole.run(&["apply", "--yes", "--set", &set]);
    assert_eq!(run.code, 0, "{}", run.err);
    let (buckets, states) = seen(moto, &prefix, &lineage(directory.path()));
    assert_eq!(buckets, [format!("{prefix}-archive"), format!("{prefix}-scratch")]);
    assert_eq!(states.len(), 10, "killed after {delay} ms: {states:?}");
    assert_eq!(tadpole.run(&["destroy", "--yes"]).code, 0);
}
