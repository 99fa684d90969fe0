//! What every type must be able to do, whatever it is: one fixture a type, `tests/aws/types/TYPE.cloud`. It is
//! made, looked at, changed, replaced, meddled with, taken away, found again after a lost answer, taken in by its
//! id and deleted, by the engine in process; boto3 is the witness. One fixture alone:
//! `TADPOLE_TYPE=S3Bucket cargo test -- conformance`, and `TADPOLE_LOG=1` besides prints all calls.
//!
//! A fixture is cut into sections by lines that begin with `//@`. What stands before the first one is put before
//! every program of it: `param name: String;`, which is another text in each run, and what surrounds the thing.
//! Python stands in comments. Sections are carried out in the order in which they are written:
//!
//! - `//@ of ADDRESS`: the component that it is about. The others are there because it needs them.
//! - `//@ made`: the first program. Once it is applied, the plan must be empty; one and many must be read the
//!   same, in no more calls than `//@ calls N` says (without it: 1); it must be found by its owner and by no other;
//!   setting everything once more, with nothing known of what is, must change nothing.
//! - `//@ there`: Python that counts things like it with this `name`, whoever made them, and leaves the number in
//!   `result`. It is asked by the harness all along: nothing may be lost, doubled or left behind.
//! - `//@ seen`: Python that leaves in `result` what boto3 sees and in `expected` (`True`, if nothing else) what
//!   that must be. May stand behind any other section.
//! - `//@ changed NAME ...`: a program that changes these attributes in place.
//! - `//@ replaced NAME ...`: a program for whose attributes another one has to be made.
//! - `//@ drift NAME ...`: Python that changes these attributes behind our back. They must be in the plan, and
//!   are repaired.
//! - `//@ gone`: Python that takes the thing away behind our back. It is made again.
//! - `//@ import NAME ...`: the attributes that the plan changes after everything was taken in by id: those that
//!   AWS does not tell. Without this section, the plan changes nothing.
//! - `//@ calls N`: how many calls a refresh of it makes at most.
//! - `//@ file NAME`: a file beside the program, in comments like Python.
//! - `//@ no STEP: REASON`, for what a type cannot have, with STEP one of `changed`, `replaced`, `drift`, `gone`,
//!   `lost` (the answer of the call that makes it), `weather` (calls that go wrong in every way), `import`, `find`,
//!   `again` (setting everything once more), `owned` (being listed as the environment's own).
//! - `//@ lookup`: it is only looked up. There is nothing but `made` and `seen`.
//!
//! Python has `client(service, region)` of boto3, `pages(service, operation, key, ...)`, `tags_of(list)`, and of
//! this run: `name`, the `id` of the thing, `ids` of all by their addresses, `inputs` and `outputs` of the thing as
//! recorded.

mod fixture;
mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;

use tadpole::aws::Aws;

use fixture::Fixture;
use run::Run;

/// Types that have no fixture yet.
const MISSING: [&str; 1] = [
    // It is there to see to it that something is not: there is nothing to count.
    "AbsentS3Bucket",
];

/// Fixtures that are run side by side. The emulator does one thing at a time; they wait for other things too.
const AT_ONCE: usize = 8;

fn fixtures() -> BTreeMap<String, String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aws/types");
    let paths = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    paths
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_string();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect()
}

#[test]
fn every_type_has_a_fixture() {
    let fixtures: BTreeSet<String> = fixtures().into_keys().map(|name| format!("aws.{name}")).collect();
    let kinds: BTreeSet<String> = Aws::kinds().map(str::to_string).collect();
    let missing: BTreeSet<String> = MISSING.iter().map(|name| format!("aws.{name}")).collect();
    let without: BTreeSet<String> = kinds.difference(&fixtures).cloned().collect();
    assert_eq!(without, missing, "types without a fixture in tests/aws/types, and those that are known to have none");
    let strange: Vec<&String> = fixtures.difference(&kinds).collect();
    assert!(strange.is_empty(), "fixtures of no type: {strange:?}");
}

#[test]
fn every_type_does_what_all_must() {
    let chosen = std::env::var("TADPOLE_TYPE").unwrap_or_default();
    let mut queue: Vec<(String, String)> = fixtures().into_iter().collect();
    if !chosen.is_empty() {
        let chosen: Vec<&str> = chosen.split(',').collect();
        queue.retain(|(name, _)| chosen.contains(&name.as_str()));
        assert_eq!(queue.len(), chosen.len(), "there are no fixtures for all of {chosen:?}");
    }
    let queue = Mutex::new(queue);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some((name, text)) = queue.lock().unwrap().pop() else { break };
                    let outcome = catch_unwind(AssertUnwindSafe(|| {
                        let fixture = Fixture::read(&name, &text)?;
                        Run::new(&fixture, &name).all()
                    }));
                    let outcome = outcome.unwrap_or_else(|panic| {
                        let text = panic.downcast_ref::<String>().cloned();
                        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
                        Err(format!("it panicked: {}", text.unwrap_or_default()))
                    });
                    if let Err(error) = outcome {
                        failures.lock().unwrap().push(format!("──── {name}: {error}"));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    assert!(failures.is_empty(), "{} types do not conform:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn what_does_not_conform_is_told() {
    let sound = fixtures().remove("S3Bucket").unwrap();
    let wrongs = [
        (
            ("expected = [\"a\", \"thing\", None]", "expected = 7"),
            "section 2 (`seen`): boto3 sees\n    [\"a\",\"thing\",null]",
        ),
        (
            ("//@ changed tags versioning", "//@ changed bucket"),
            "section 3 (`changed`): `bucket` is not planned to change",
        ),
        (("//@ replaced bucket", "//@ no replaced: none\n//@ changed bucket"), "and no Update"),
        (("//@ drift tags versioning", "//@ drift bucket"), "section 5 (`drift`): `bucket` is not planned to change"),
        (("//@ calls 2", "//@ calls 1"), "a refresh takes 2 calls and not 1:\nGET /"),
        (("client(\"s3\").delete_bucket(Bucket=id)", "pass"), "(`gone`): no Revive of `thing` was planned"),
        (("team \"a\"; }", "}"), "section 2 (`seen`): a script failed: Traceback"),
        (("//@ of thing", "//@ of other"), "`other` is not recorded"),
        (("//@ gone\n", "//@ seen\n"), "there is no section `//@ gone`, and no reason for that"),
        (("//@ calls 2", "//@ no changed"), "is not `//@ no STEP: REASON`"),
        (("//@ calls 2", "//@ call 2"), "`//@ call 2` is no section"),
        (("versioning true", "versioned true"), "the program has errors:"),
    ];
    for (at, (change, expected)) in wrongs.into_iter().enumerate() {
        assert!(sound.contains(change.0), "there is no {:?}", change.0);
        let broken = Fixture::read("S3Bucket", &sound.replacen(change.0, change.1, 1));
        let said = broken.and_then(|fixture| Run::new(&fixture, &format!("broken-{at}")).all()).unwrap_err();
        assert!(said.contains(expected), "with {change:?}:\n{said}");
    }
}
