//! Environments that are wanted for a time: when that is recorded, who takes them down when it is over, and
//! who must not. Real processes, which race, are killed and get in each other's way.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use tadpole::apply::provider::FaultKind;
use tadpole::sandbox::weather::{Call, Refusal, Weather};
use tadpole::sandbox::{self, Object, Sandbox};
use tadpole::state::lease::Holder;
use tadpole::state::ledger::Ledger;
use tadpole::state::record::Record;
use tadpole::state::store::{self, LocalStore};
use tadpole::state::{Began, Operation, State, Status};

use crate::cli::{Ran, Tadpole, ends};
use crate::world::until;

const SHOP: &str = r#"
project extends Project { name "shop"; }
param env: String;
images extends PersistentS3Bucket { bucket "${env}-images"; }
scratch[i in 0..3] extends TransientS3Bucket { bucket "${env}-scratch-${i}"; tags { images images.arn; } }
output images: String = images.domainName;
"#;

/// A store with environments of one program.
struct Shop {
    directory: tempfile::TempDir,
    tadpole: Tadpole,
}

impl Shop {
    fn new() -> Shop {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("main.cloud"), SHOP).unwrap();
        let tadpole = Tadpole::new(directory.path()).env("USER", "deploy");
        Shop { directory, tadpole }
    }

    fn run(&self, words: &str) -> Ran {
        self.tadpole.run(&words.split_whitespace().collect::<Vec<_>>())
    }

    fn started(&self, words: &str) -> Child {
        let mut command = self.tadpole.command(&words.split_whitespace().collect::<Vec<_>>());
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn record(&self, environment: &str) -> PathBuf {
        self.path(".tadpole").join(environment)
    }

    fn state(&self, environment: &str) -> State {
        store::peek(&self.record(environment)).unwrap().unwrap()
    }

    fn expires(&self, environment: &str) -> Option<Timestamp> {
        self.state(environment).about.expires
    }

    fn sandbox(&self, environment: &str) -> Sandbox {
        Sandbox::open(&sandbox::file(&self.record(environment)), Default::default()).unwrap()
    }

    fn objects(&self, environment: &str) -> Vec<String> {
        let mut ids: Vec<String> =
            self.sandbox(environment).objects().iter().map(|Object { id, .. }| id.to_string()).collect();
        ids.sort();
        ids
    }

    /// Applied, and wanted for so long. It has a sandbox of its own, with weather of its own, as earlier versions made
    /// it.
    fn applied(&self, environment: &str, ttl: Option<&str>) {
        std::fs::create_dir_all(self.record(environment)).unwrap();
        drop(std::fs::File::options().create(true).append(true).open(self.record(environment).join(sandbox::FILE)));
        let ttl = ttl.map(|ttl| format!("--ttl {ttl}")).unwrap_or_default();
        let ran = self.run(&format!("apply --sandbox --yes --env {environment} {ttl}"));
        assert_eq!(ran.code, 0, "{}", ran.err);
    }

    /// Its time is over since then, whatever was said when it was applied.
    fn expired(&self, environment: &str, since: Duration) {
        expire(&self.record(environment), since);
    }

    /// A sandbox in which these calls do not go through.
    fn refusing(&self, environment: &str, refusals: Vec<Refusal>) {
        std::fs::create_dir_all(self.record(environment)).unwrap();
        self.sandbox(environment).set_weather(Weather { refusals, ..Weather::default() }).unwrap();
    }

    /// That nothing is left of it but what is to stay, and no time either.
    fn is_down(&self, environment: &str) {
        let state = self.state(environment);
        assert!(state.holds_nothing() && state.outputs.is_empty(), "{environment}: {state:?}");
        assert_eq!(state.about.expires, None, "{environment}");
        assert_eq!(self.objects(environment), [format!("{environment}-images")]);
    }

    fn is_up(&self, environment: &str) {
        let state = self.state(environment);
        assert!(state.resources.values().all(|recorded| recorded.status == Status::Live), "{environment}");
        assert_eq!((state.resources.len(), self.objects(environment).len()), (4, 4), "{environment}");
    }
}

fn taken(record: &Path) -> Ledger {
    let length = tadpole::state::lease::LENGTH;
    let holder = Holder { user: None, host: "test".into(), command: "test".into(), length };
    let (store, replayed) = LocalStore::open(record, &holder).unwrap();
    let replayed = replayed.unwrap();
    Ledger::new(replayed.state, Box::new(store), replayed.records)
}

/// Records of an environment that its time is over since then.
pub fn expire(record: &Path, since: Duration) {
    let mut ledger = taken(record);
    ledger.record(vec![Record::Expires { at: Some(Timestamp::now().checked_sub(since).unwrap()) }]).unwrap();
}

/// As if there were too many calls of one kind: they are tried again and again.
fn stuck(call: Call) -> Vec<Refusal> {
    vec![Refusal { what: "aws.S3Bucket".into(), call: Some(call), kind: FaultKind::Throttled }]
}

fn ended(child: Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

const REAP: &str = "reap --sandbox --yes";

// ---- until when

#[test]
fn a_time_to_live_is_set_kept_and_set_anew() {
    let shop = Shop::new();
    let before = Timestamp::now();
    let ran = shop.run("apply --sandbox --yes --env pr-1 --ttl 4h");
    ends(&ran, 0, &[", in 4 h."]);
    assert_eq!(ran.err.matches("  Expires 20").count(), 2, "with the plan, and at the end: {}", ran.err);
    let state = shop.state("pr-1");
    let hours = |from: Timestamp, to: Timestamp| from.duration_until(to).as_secs_f64() / 3600.0;
    let expires = state.about.expires.unwrap();
    assert!((3.99..4.01).contains(&hours(before, expires)), "{expires}");
    assert!(hours(before, state.about.created.unwrap()).abs() < 0.01, "{state:?}");
    let command = state.about.command.unwrap();
    assert_eq!(command.line, "tadpole apply --sandbox --yes --env pr-1 --ttl 4h");
    assert_eq!(command.user.as_deref(), Some("deploy"));

    // Nothing to do: it says until when all the same, and asks nobody.
    let ran = shop.run("apply --sandbox --env pr-1");
    ends(&ran, 0, &["Nothing changes", "  Expires 20"]);
    let state = shop.state("pr-1");
    assert_eq!((state.about.expires, state.serial), (Some(expires), 1), "who writes nothing is not noted");
    let ran = shop.run("apply --sandbox --env pr-1 --ttl 3d");
    ends(&ran, 0, &["Nothing changes", ", in 3 d."]);
    assert!((71.9..72.1).contains(&hours(before, shop.expires("pr-1").unwrap())));

    ends(&shop.run("plan --sandbox --env pr-1 --replace scratch --out pr.plan"), 0, &[]);
    let ran = shop.run("apply pr.plan --ttl 90m");
    ends(&ran, 0, &["Nothing has moved", ", in 90 min."]);
    assert!((1.49..1.51).contains(&hours(before, shop.expires("pr-1").unwrap())));
    ends(&shop.run("plan --destroy --sandbox --env pr-1 --out end.plan"), 0, &[]);
    ends(&shop.run("apply end.plan --ttl 90m"), 1, &["takes everything down", "leave `--ttl` out"]);

    shop.expired("pr-1", Duration::from_secs(7200));
    let ran = shop.run("apply --sandbox --env pr-1");
    ends(
        &ran,
        0,
        &["  Expired 20", ", 2 h ago: the next `tadpole reap` takes it down. `--ttl 4h` gives it more time."],
    );

    shop.applied("stays", None);
    assert_eq!(shop.expires("stays"), None);
    assert!(!shop.run("apply --sandbox --env stays").err.contains("xpire"));
}

#[test]
fn what_is_no_time_to_live_is_refused() {
    let shop = Shop::new();
    for (ttl, why) in [
        ("", "write it like `90m`, `4h` or `3d`"),
        ("4", "write it like `90m`, `4h` or `3d`"),
        ("soon", "write it like `90m`, `4h` or `3d`"),
        ("1mo", "write it like `90m`, `4h` or `3d`"),
        ("-4h", "write it like `90m`, `4h` or `3d`"),
        ("0h", "nobody wants an environment for no time"),
        ("40y", "write it like"),
        ("5000d", "the longest time is `3650d`; an environment that is to stay has none"),
        ("99999999999999999999h", "write it like"),
    ] {
        let flag = format!("--ttl={ttl}");
        let ran = shop.tadpole.run(&["apply", "--sandbox", "--yes", "--env", "x", &flag]);
        ends(&ran, 1, &[why, "--ttl"]);
        assert!(!shop.record("x").exists(), "{ttl}");
    }
}

/// What a killed apply leaves must be found to have expired: its time is durable before anything is begun.
#[test]
fn the_time_is_recorded_before_anything_is_made() {
    let shop = Shop::new();
    let one = Refusal { what: "scratch[1]".into(), call: Some(Call::Create), kind: FaultKind::Throttled };
    shop.refusing("pr-1", vec![one]);
    let mut child = shop.started("apply --sandbox --yes --env pr-1 --ttl 1s");
    until("the end of all operations but one", || {
        let state = store::peek(&shop.record("pr-1")).unwrap();
        state.is_some_and(|state| state.unfinished.len() == 1 && state.resources.len() == 3)
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let writer = std::fs::read_dir(shop.record("pr-1").join("writer")).unwrap().next().unwrap().unwrap().path();
    let journal = std::fs::read_to_string(writer.join("journal.jsonl")).unwrap();
    let line = |what: &str| journal.lines().position(|line| line.contains(what)).unwrap_or_else(|| panic!("{journal}"));
    assert!(line("\"expires\"") < line("\"began\""), "{journal}");

    shop.refusing("pr-1", Vec::new());
    until("the end of its time", || shop.expires("pr-1").unwrap() <= Timestamp::now());
    let ran = shop.run(REAP);
    ends(&ran, 0, &["An earlier run was cut off", "  v pr-1  taken down: 2 resources"]);
    shop.is_down("pr-1");
}

// ---- reap

#[test]
fn what_has_expired_is_taken_down_and_nothing_else() {
    let shop = Shop::new();
    for (environment, ttl) in [("old", Some("1h")), ("new", Some("1h")), ("prod", None)] {
        shop.applied(environment, ttl);
    }
    ends(&shop.run(REAP), 0, &["Nothing to take down: of 3 environments of "]);
    shop.expired("old", Duration::from_secs(3600));
    ends(&shop.run("reap --sandbox"), 1, &["1 has expired:", "1 h ago  4 resources", "then add `--yes`"]);
    ends(&shop.run("reap --yes"), 0, &["  . old  skipped: it is in the sandbox, and `--sandbox` was left out"]);
    let dry = shop.run("reap --sandbox --dry-run --markdown");
    ends(&dry, 0, &["  - old  would be taken down: 3 resources", "      stays: images  PersistentS3Bucket old-images"]);
    assert!(dry.out.contains("1 to be taken down (dry run)"), "{}", dry.out);
    shop.is_up("old");

    std::fs::write(shop.path("summary.md"), "# Before\n").unwrap();
    let ran = shop.run(&format!("{REAP} --markdown --summary summary.md"));
    ends(
        &ran,
        0,
        &["old  expired 20", "  v old  taken down: 3 resources\n      stays: images  PersistentS3Bucket old-images"],
    );
    shop.is_down("old");
    shop.is_up("new");
    shop.is_up("prod");
    assert!(ran.out.contains("1 taken down\n") && ran.out.contains("| `old` | `images` | `PersistentS3Bucket` |"));
    assert_eq!(std::fs::read_to_string(shop.path("summary.md")).unwrap(), format!("# Before\n{}", ran.out));

    // What it was stays recorded, so that what stands is taken back. It is new then, and stays.
    let lineage = shop.state("old").lineage;
    let ran = shop.run("apply --sandbox --yes --env old");
    ends(&ran, 0, &["< images", "3 to start, 1 to adopt."]);
    assert_eq!((shop.state("old").lineage, shop.expires("old")), (lineage, None));
    shop.is_up("old");
    ends(&shop.run(REAP), 0, &["none has expired"]);
}

/// The records are enough: the program may be gone, or broken, or want params that nobody gives.
#[test]
fn no_program_is_needed() {
    for text in [None, Some("this is broken"), Some("param size: Int; param secret: Secret; output o = size;")] {
        let shop = Shop::new();
        shop.applied("pr-1", Some("1h"));
        shop.expired("pr-1", Duration::from_secs(60));
        let main = shop.path("main.cloud");
        match text {
            Some(text) => std::fs::write(main, text).unwrap(),
            None => std::fs::remove_file(main).unwrap(),
        }
        ends(&shop.run(REAP), 0, &["  v pr-1  taken down: 3 resources"]);
        shop.is_down("pr-1");
        ends(&shop.run("env list"), 0, &[]);
    }
    let nowhere = tempfile::tempdir().unwrap();
    let tadpole = Tadpole::new(nowhere.path());
    for command in [&["reap", "typo", "--sandbox", "--yes"][..], &["env", "list", "typo"]] {
        ends(&tadpole.run(command), 1, &["there is no file or directory `typo`"]);
    }
    assert_eq!(std::fs::read_dir(nowhere.path()).unwrap().count(), 0);
}

#[test]
fn one_that_fails_stops_no_other() {
    let shop = Shop::new();
    for (environment, ago) in [("bad", 300), ("broken", 200), ("good", 100)] {
        shop.applied(environment, Some("1h"));
        shop.expired(environment, Duration::from_secs(ago));
    }
    let refused = Refusal { what: "scratch[1]".into(), call: Some(Call::Delete), kind: FaultKind::Denied };
    shop.refusing("bad", vec![refused]);
    let path = shop.record("broken").join("state.json");
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, whole.replace("broken-images", "broken-imagos")).unwrap();

    let ran = shop.run(&format!("{REAP} --markdown --summary no/such/folder"));
    ends(&ran, 1, &["`no/such/folder` cannot be written", "nothing was taken down"]);
    shop.is_up("bad");
    let ran = shop.run(&format!("{REAP} --markdown"));
    let unread = "  x broken  cannot be read: `./.tadpole/broken/state.json` is damaged: its checksum does not fit";
    ends(
        &ran,
        3,
        &[
            unread,
            "  x bad     failed: 2 resources still recorded\n      `scratch[1]`: you may not delete",
            "  v good    taken down",
        ],
    );
    assert!(ran.out.contains("1 taken down, 2 failed\n"), "{}", ran.out);
    assert!(ran.out.contains("| **failed: 2 resources still recorded**<br>`scratch[1]`: "), "{}", ran.out);
    shop.is_down("good");
    assert!(shop.state("bad").about.expires.is_some(), "it must be tried again");
    let listed = shop.run("env list");
    ends(&listed, 3, &["1 environment has expired: `tadpole reap` takes it down."]);
    assert!(listed.out.contains("good") && listed.out.contains("is damaged"), "{}", listed.out);

    std::fs::write(&path, whole).unwrap();
    shop.refusing("bad", Vec::new());
    ends(&shop.run(REAP), 0, &["  v bad     taken down: 1 resource", "  v broken  taken down: 3 resources"]);
    shop.is_down("broken");
    assert!(shop.state("bad").holds_nothing());
}

/// What bears the name of the environment and is recorded nowhere is no success.
#[test]
fn what_nothing_records_is_told() {
    let shop = Shop::new();
    shop.applied("pr-1", Some("1h"));
    shop.expired("pr-1", Duration::from_secs(60));
    let mut ledger = taken(&shop.record("pr-1"));
    let mut state = ledger.state().clone();
    state.resources.remove(&"scratch[1]".parse().unwrap());
    state.serial += 1;
    ledger.replace(state).unwrap();
    drop(ledger);
    let why =
        "something of it is there still, and nothing records it\n      `scratch[1]`: aws.S3Bucket pr-1-scratch-1 is";
    ends(&shop.run(REAP), 3, &[&format!("  x pr-1  failed: {why} there still")]);
    assert_eq!(shop.objects("pr-1"), ["pr-1-images", "pr-1-scratch-1"]);
}

/// As several build servers may do on the same schedule: each environment is taken down once.
#[test]
fn several_reap_at_once() {
    const ENVIRONMENTS: usize = 6;
    let shop = Shop::new();
    let names: Vec<String> = (0..ENVIRONMENTS).map(|nr| format!("pr-{nr}")).collect();
    for name in &names {
        shop.applied(name, Some("1h"));
        shop.expired(name, Duration::from_secs(60));
    }
    let children: Vec<Child> = (0..4).map(|_| shop.started(REAP)).collect();
    let all: Vec<Ran> = children.into_iter().map(ended).collect();
    for ran in &all {
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    for name in &names {
        let by: Vec<&Ran> = all.iter().filter(|ran| ran.err.contains(&format!("  v {name}  taken down: 3"))).collect();
        assert_eq!(by.len(), 1, "{name} was taken down by {}: {all:#?}", by.len());
        shop.is_down(name);
    }
    let skipped = all.iter().map(|ran| ran.err.matches("  skipped: it ").count()).sum::<usize>();
    println!("{skipped} were skipped because another had them, or had been there");
}

/// Whoever has it is not waited for, and not disturbed.
#[test]
fn what_somebody_changes_is_left_to_him() {
    let shop = Shop::new();
    for environment in ["mine", "yours"] {
        shop.applied(environment, Some("1h"));
        shop.expired(environment, Duration::from_secs(60));
    }
    shop.refusing("mine", stuck(Call::Create));
    let mut child = shop.started("apply --sandbox --yes --env mine --replace scratch[0]");
    let makes = |state: State| state.unfinished.values().any(|began| began.request.id.is_empty());
    until("the beginning of a create", || makes(shop.state("mine")));
    let before = shop.state("mine");
    let ran = shop.run(REAP);
    let holder = "skipped: it is being changed by `tadpole apply --sandbox --yes --env mine --replace scratch[0]` on ";
    ends(&ran, 0, &[&format!("  . mine   {holder}"), "  v yours  taken down"]);
    assert_eq!(shop.state("mine"), before);
    let listed = shop.run("env list");
    assert!(listed.out.replace("\n  ", " ").contains("is being changed by `tadpole apply"), "{}", listed.out);
    let json: serde_json::Value =
        serde_json::from_str(shop.run("env list --json").out.lines().next().unwrap()).unwrap();
    assert_eq!(json["holder"]["pid"], child.id());
    ends(&shop.run("env extend mine --by 1h"), 4, &["add `--wait 10m`"]);
    child.kill().unwrap();
    child.wait().unwrap();
    shop.refusing("mine", Vec::new());
    ends(&shop.run(REAP), 0, &["An earlier run was cut off", "  v mine  taken down"]);
    shop.is_down("mine");
}

/// Extended after it was found to have expired, and before its turn has come: what counts is what is recorded
/// when it is taken.
#[test]
fn what_was_extended_meanwhile_stays() {
    let shop = Shop::new();
    for (environment, ago) in [("first", 90), ("second", 60), ("third", 30)] {
        shop.applied(environment, Some("1h"));
        shop.expired(environment, Duration::from_secs(ago));
    }
    shop.refusing("first", stuck(Call::Delete));
    let child = shop.started(REAP);
    until("the beginning of the first", || !shop.state("first").unfinished.is_empty());
    ends(&shop.run("env extend second --by 2h"), 0, &[" expires 20", ", in 2 h; it was 20"]);
    ends(&shop.run("env extend third --never"), 0, &["stays until somebody destroys it"]);
    shop.refusing("first", Vec::new());
    let ran = ended(child);
    ends(
        &ran,
        0,
        &[
            "  v first   taken down",
            "  . second  skipped: it was extended meanwhile, and expires 20",
            "  . third   skipped: it was extended meanwhile, and stays",
        ],
    );
    shop.is_down("first");
    shop.is_up("second");
    shop.is_up("third");
}

#[test]
fn a_killed_reap_is_run_again() {
    let shop = Shop::new();
    for environment in ["a", "b"] {
        shop.applied(environment, Some("1h"));
        shop.expired(environment, Duration::from_secs(60));
    }
    // In the middle of the first, where one is gone and the others cannot go.
    let stuck = |what: &str| Refusal { what: what.into(), call: Some(Call::Delete), kind: FaultKind::Throttled };
    shop.refusing("a", vec![stuck("scratch[1]"), stuck("scratch[2]")]);
    let mut child = shop.started(REAP);
    until("the end of one of them", || {
        let state = shop.state("a");
        state.resources.len() == 3 && state.unfinished.len() == 2
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(shop.expires("a").is_some());
    shop.is_up("b");
    shop.refusing("a", Vec::new());
    ends(&shop.run(REAP), 0, &["An earlier run was cut off", "  v a  taken down: 2", "  v b  taken down: 3"]);
    shop.is_down("a");
    shop.is_down("b");
    ends(&shop.run(REAP), 0, &["none has expired"]);
}

/// Two that have expired, a reap that is stuck in the first in this weather, and a signal that it has heard.
fn stuck_and_signalled(weather: Weather) -> (Shop, Child, BufReader<ChildStderr>) {
    let shop = Shop::new();
    for (environment, ago) in [("first", 90), ("second", 60)] {
        shop.applied(environment, Some("1h"));
        shop.expired(environment, Duration::from_secs(ago));
    }
    shop.sandbox("first").set_weather(weather).unwrap();
    let mut child = shop.started(REAP);
    until("the beginning of the first", || shop.state("first").unfinished.len() == 3);
    signal(&child);
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("Stopping: calls that have left are finished and recorded.") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "it has not heard the signal");
    }
    (shop, child, said)
}

fn signal(child: &Child) {
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
}

/// The first signal: nothing is waited for, and no other is begun.
#[test]
fn a_reap_that_is_to_stop_begins_no_other() {
    let weather = Weather { refusals: stuck(Call::Delete), ..Weather::default() };
    let (shop, child, mut said) = stuck_and_signalled(weather);
    shop.refusing("first", Vec::new());
    let mut err = String::new();
    said.read_to_string(&mut err).unwrap();
    ends(&Ran { err, ..ended(child) }, 130, &["  . second  not tried"]);
    shop.is_up("second");
    ends(&shop.run(REAP), 0, &["  v second  taken down"]);
    shop.is_down("first");
}

/// The second signal: it waits for nothing.
#[test]
fn a_reap_that_is_to_stop_at_once_says_what_was_cut_off() {
    // A call that deletes is on its way for seven seconds.
    let (shop, child, mut said) = stuck_and_signalled(Weather { latency: 60.0, ..Weather::default() });
    signal(&child);
    let mut err = String::new();
    said.read_to_string(&mut err).unwrap();
    let first = "  x first   failed: 4 resources still recorded\n      `scratch[2]`: cut off";
    ends(&Ran { err, ..ended(child) }, 130, &["Stopping at once.", first, "  . second  not tried"]);
    assert_eq!(shop.state("first").unfinished.len(), 3);
    shop.refusing("first", Vec::new());
    ends(&shop.run(REAP), 0, &["  v first   taken down: 3", "  v second  taken down: 3"]);
    shop.is_down("first");
}

// ---- env

#[test]
fn an_end_is_moved_or_taken_away() {
    let shop = Shop::new();
    shop.applied("pr-1", Some("2h"));
    shop.applied("stays", None);
    let first = shop.expires("pr-1").unwrap();
    ends(&shop.run("env extend pr-1 --by 90m"), 0, &["/pr-1 expires 20", ", in 3.5 h; it was 20", ", in 2 h\n"]);
    assert_eq!(first.duration_until(shop.expires("pr-1").unwrap()).as_secs(), 5400);
    assert_eq!(shop.state("pr-1").about.command.unwrap().line, "tadpole env extend pr-1 --by 90m");
    ends(&shop.run("env extend pr-1 --until 2031-05-01T12:00"), 0, &["expires 2031-05-01 12:00 UTC, in "]);
    ends(&shop.run("env extend stays --until 2031-05-01T12:00+02:00"), 0, &["expires 2031-05-01 10:00 UTC, in "]);
    ends(&shop.run("env extend pr-1 --never"), 0, &["/pr-1 stays until somebody destroys it; it was 2031"]);
    assert_eq!(shop.expires("pr-1"), None);
    for (words, why) in [
        ("env extend pr-1 --by 1h", "has no end that could be moved"),
        ("env extend pr-1 --until 2020-01-01T00:00", "`--until` is over already: 2020-01-01 00:00 UTC"),
        ("env extend pr-1 --until tomorrow", "write it like `2026-11-21T20:00`, which is UTC"),
        ("env extend pr-1 --by 0s", "nobody wants an environment for no time"),
        ("env extend pr-1", "required"),
        ("env extend pr-1 --by 1h --never", "cannot be used with"),
        ("env extend pr_1 --never", "did you mean `pr-1`?"),
        ("env extend ../up --never", "an environment is named with at most 60 letters"),
    ] {
        ends(&shop.run(words), 1, &[why]);
    }
    assert!(!shop.record("pr_1").exists());
    // Also where an apply was cut off: whoever looks into that may need the time.
    shop.refusing("pr-1", stuck(Call::Create));
    let mut child = shop.started("apply --sandbox --yes --env pr-1 --replace scratch[0]");
    // The old one goes first, and its end comes to pass.
    let is_made = |began: &Began| began.operation == Operation::Create;
    until("the beginning of a create", || shop.state("pr-1").unfinished.values().any(is_made));
    child.kill().unwrap();
    child.wait().unwrap();
    ends(&shop.run("env extend pr-1 --until 2031-05-01T12:00"), 0, &["expires 2031"]);
    assert!(!shop.state("pr-1").unfinished.is_empty());
    assert!(shop.run("env list").out.contains(" cut off "));

    // Nothing is there: what is made later is not to be taken down by an end from before.
    shop.refusing("pr-1", Vec::new());
    ends(&shop.run("destroy --sandbox --yes --env pr-1"), 0, &[]);
    assert_eq!(shop.expires("pr-1"), None);
    ends(&shop.run("env extend pr-1 --until 2031-05-01T12:00"), 1, &["nothing is there in "]);
}

#[test]
fn only_an_empty_record_is_removed() {
    let shop = Shop::new();
    shop.applied("pr-1", Some("2h"));
    ends(
        &shop.run("env remove pr-1 --yes"),
        1,
        &["/pr-1 is not empty: 4 resources recorded in it", "destroy --env pr-1"],
    );
    ends(&shop.run("destroy --sandbox --yes --env pr-1"), 0, &[]);
    let lineage = shop.state("pr-1").lineage;
    let asked = shop.run("env remove pr-1");
    let kept = "left these standing. Without its record, no later apply takes them back:\n  images  PersistentS3Bucket pr-1-images\n";
    ends(&asked, 1, &["aws.S3Bucket  pr-1-images", kept, &format!("tadpole:lineage = {lineage}"), "then add `--yes`"]);
    assert!(shop.run("env list").out.contains("  1 kept  "));
    assert!(shop.record("pr-1").exists());
    ends(&shop.run("env remove pr-1 --yes"), 0, &["/pr-1 is removed."]);
    assert_eq!(std::fs::read_dir(shop.path(".tadpole")).unwrap().count(), 0, "something is left");
    ends(&shop.run("env remove pr-1 --yes"), 0, &["of the environment `pr-1`: nothing to remove"]);
    ends(&shop.run("env remove pr-1 typo --yes"), 1, &["there is no file or directory `typo`"]);
    assert_eq!(std::fs::read_dir(shop.path(".tadpole")).unwrap().count(), 0, "something came into being");
    // A place in which nothing was ever recorded is as empty.
    std::fs::create_dir(shop.record("pr-2")).unwrap();
    ends(&shop.run("env remove pr-2 --yes"), 0, &["/pr-2 is removed."]);

    shop.applied("pr-3", None);
    let path = shop.record("pr-3").join("state.json");
    std::fs::write(&path, "{").unwrap();
    ends(&shop.run("env remove pr-3 --yes"), 3, &["is damaged"]);
    assert!(Path::new(&path).exists());
}
