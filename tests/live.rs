//! `tadpole live`: things of this machine and of the sandbox, asked by the program as users run it, and who answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tadpole::sandbox::Sandbox;
use tadpole::sandbox::weather::{Call, Refusal, Weather};
use tadpole::state::lease::{self, Holder};
use tadpole::state::store::LocalStore;

use crate::cli::{Ran, Tadpole, ends};
use crate::render::Schema;

/// The longest that anything here may take.
const LONG: Duration = Duration::from_secs(60);

/// A program in a directory of its own.
struct Place {
    directory: tempfile::TempDir,
    tadpole: Tadpole,
}

impl Place {
    fn new(program: &str) -> Place {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("main.cloud"), program).unwrap();
        let tadpole = Tadpole::new(directory.path());
        Place { directory, tadpole }
    }

    fn run(&self, words: &str) -> Ran {
        self.tadpole.run(&words.split_whitespace().collect::<Vec<_>>())
    }

    #[track_caller]
    fn applied(self, words: &str) -> Place {
        ends(&self.run(&format!("apply --yes {words}")), 0, &[]);
        self
    }

    fn weather(&self, refusals: Vec<Refusal>) {
        let path = self.directory.path().join(".tadpole/sandbox.jsonl");
        let sandbox = Sandbox::open(&path, Default::default()).unwrap();
        sandbox.set_weather(Weather { refusals, ..Weather::default() }).unwrap();
    }

    /// The document that it prints with `--json`, which is as its schema says.
    #[track_caller]
    fn document(&self, words: &str, code: i32) -> Json {
        let ran = self.run(&format!("live --json {words}"));
        assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
        let json = serde_json::from_str(&ran.out).unwrap();
        Schema::read("docs/live.schema.json").takes(&json);
        json
    }
}

/// Who answers each connection to a port of this machine as is wanted now.
struct Site {
    address: SocketAddr,
    answer: Arc<Mutex<&'static str>>,
}

impl Site {
    /// A port on which nobody listens yet.
    fn new() -> Site {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Site { address, answer: Arc::new(Mutex::new("")) }
    }

    fn answers(&self, with: &'static str) {
        let is_first = std::mem::replace(&mut *self.answer.lock().unwrap(), with).is_empty();
        if !is_first {
            return;
        }
        let (listener, answer) = (TcpListener::bind(self.address).unwrap(), self.answer.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4096]);
                // Who asked may have gone.
                let _ = stream.write_all(answer.lock().unwrap().as_bytes());
            }
        });
    }
}

const STARTING: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const WRONG: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nIt works!";
const RIGHT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\nHello, pond!";

/// A file whose site is asked too, when somebody asks.
fn pond(site: &Site, more: &str) -> String {
    let address = site.address;
    format!(
        r#"page extends LocalFile {{
    path "page.html";
    content "Hello, pond!";
    HELLO_ACTION extends Http {{ url "http://{address}/"; expectBody "pond"; when ["live"]; {more} }}
    livenessActions [LOOK_ACTION, HELLO_ACTION];
}}
"#
    )
}

/// A command that goes on until it is told to stop, and its lines.
struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Watching {
    fn new(place: &Place, words: &str) -> Watching {
        let mut command = place.tadpole.command(&words.split_whitespace().collect::<Vec<_>>());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (sender, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().try_for_each(|line| sender.send(line.unwrap())));
        Watching { child, lines }
    }

    /// The next line that has this in it. Others before it are passed over.
    #[track_caller]
    fn says(&self, text: &str) -> String {
        let until = Instant::now() + LONG;
        let mut passed = Vec::new();
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => passed.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{text:?} not in {passed:#?}")
                }
            }
        }
    }

    /// Ctrl-C; what it ends with.
    fn stops(mut self) -> i32 {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code().unwrap()
    }
}

#[test]
fn a_site_that_comes_up_is_watched_until_it_is_live() {
    let site = Site::new();
    let place = Place::new(&pond(&site, "")).applied("");
    let url = format!("http://{}/", site.address);
    let ran = place.run("live");
    ends(
        &ran,
        3,
        &[&format!("`page`: it is not live: {url} does not answer"), "main.cloud:1:1", "help: `HELLO_ACTION`"],
    );
    assert!(ran.out.contains("x page  LocalFile  not live"), "{}", ran.out);
    assert!(ran.out.contains("1 not live."), "{}", ran.out);
    let watching = Watching::new(&place, "live --watch=50ms");
    watching.says(&format!("x page  not live: HELLO_ACTION: {url} does not answer"));
    watching.says("1 not live.");
    site.answers(STARTING);
    watching.says("answered 503 Service Unavailable, and not 200");
    site.answers(WRONG);
    watching.says("answered without `pond` in it");
    site.answers(RIGHT);
    watching.says("v page  not live -> live");
    assert_eq!(watching.says("live.")[8..], *"  1 live.");
    assert_eq!(watching.stops(), 0);
    ends(&place.run("live"), 0, &[]);
    let watching = Watching::new(&place, "live --watch=50ms");
    watching.says("1 live.");
    site.answers(STARTING);
    watching.says("x page  live -> not live");
    assert_eq!(watching.stops(), 3);
}

#[test]
fn it_waits_until_everything_is_live_or_the_time_is_up() {
    let site = Site::new();
    site.answers(STARTING);
    let place = Place::new(&pond(&site, "")).applied("");
    let began = Instant::now();
    ends(&place.run("live --within 1s"), 3, &["answered 503"]);
    assert!(began.elapsed() < LONG);
    let waiting = Watching::new(&place, "live --within 10m --json");
    // It has asked at least once by then, or asks once only: either way the end is the same.
    site.answers(RIGHT);
    let Watching { mut child, lines } = waiting;
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let text: Vec<String> = lines.iter().collect();
    assert_eq!(serde_json::from_str::<Json>(&text.join("\n")).unwrap()["live"], true);
}

#[test]
fn a_warning_is_told_and_is_no_failure() {
    let site = Site::new();
    site.answers(STARTING);
    let place = Place::new(&pond(&site, "onFailure \"warn\";")).applied("");
    let ran = place.run("live");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("! page  LocalFile  warned"), "{}", ran.out);
    assert!(ran.out.contains("HELLO_ACTION: http://") && ran.out.contains("1 warned."), "{}", ran.out);
    let json = place.document("", 0);
    assert_eq!((&json["live"], &json["summary"]["warned"]), (&Json::Bool(true), &Json::from(1)));
    let action = &json["resources"][0]["actions"][1];
    assert_eq!((&action["state"], &action["message"]), (&Json::from("warned"), &Json::Null));
    assert_eq!(action["warnings"][0]["action"], "HELLO_ACTION");
}

#[test]
fn several_looks_in_a_row_count_within_one_round() {
    let site = Site::new();
    site.answers(STARTING);
    let place = Place::new(&pond(&site, "failures 3; every 20ms;")).applied("");
    let before = Instant::now();
    ends(&place.run("live"), 3, &["answered 503"]);
    assert!(before.elapsed() > Duration::from_millis(40));
}

#[test]
fn without_its_program_what_is_recorded_is_asked() {
    let site = Site::new();
    site.answers(RIGHT);
    let place = Place::new(&pond(&site, "")).applied("");
    let program = place.directory.path().join("main.cloud");
    std::fs::write(&program, "page extends Nothing { }").unwrap();
    ends(&place.run("live"), 0, &["The program does not compile"]);
    std::fs::remove_file(&program).unwrap();
    site.answers(WRONG);
    let ran = place.run("live");
    ends(&ran, 3, &["`page`: it is not live", "answered without `pond` in it"]);
    assert!(ran.out.contains("x page  LocalFile  not live"), "{}", ran.out);
    // And what the program says differently counts before it is applied.
    std::fs::write(&program, pond(&site, "").replace("pond\";", "works\";")).unwrap();
    ends(&place.run("live"), 0, &[]);
}

const SHOP: &str = r#"project extends Project { name "shop"; }
images extends TransientS3Bucket { bucket "shop-images"; }
scratch[i in 0..3] extends TransientS3Bucket { bucket "scratch-${i}"; }
quiet extends TransientS3Bucket { bucket "shop-quiet"; livenessActions []; }
site extends Compound {
  logs extends TransientS3Bucket { bucket "shop-logs"; }
  pages extends TransientS3Bucket { bucket "shop-pages"; }
}
"#;

fn shop() -> Place {
    let place = Place::new(SHOP).applied("--sandbox");
    ends(&place.run("sandbox break --gone scratch[1]"), 0, &[]);
    let refusal = |call| Refusal {
        what: "site.pages".into(),
        call: Some(call),
        kind: tadpole::apply::provider::FaultKind::Denied,
    };
    place.weather(vec![refusal(Call::Read), refusal(Call::ReadMany)]);
    place
}

#[test]
fn each_is_shown_as_what_it_is() {
    let place = shop();
    let ran = place.run("live --sandbox");
    assert_eq!(ran.code, 3);
    let shown = format!("{}\n---- and on standard error\n{}", without_time(&ran.out), ran.err);
    insta::with_settings!({ snapshot_path => "live", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("shop", shown);
    });
}

/// Without how long it took, which is never twice the same.
fn without_time(text: &str) -> String {
    regex::Regex::new(r"  \d+(\.\d)? m?s\n").unwrap().replace_all(text, "  TIME\n").into_owned()
}

#[test]
fn addresses_choose_and_unknown_ones_are_refused() {
    let place = shop();
    let addresses = |json: Json| -> Vec<String> {
        json["resources"].as_array().unwrap().iter().map(|one| one["address"].as_str().unwrap().to_string()).collect()
    };
    assert_eq!(addresses(place.document("--sandbox . site.logs", 0)), ["site.logs"]);
    assert_eq!(addresses(place.document("--sandbox . site scratch[2]", 3)), ["scratch[2]", "site.logs", "site.pages"]);
    let ran = place.run("live --sandbox . site.page");
    ends(&ran, 1, &["nothing is recorded at `site.page`", "did you mean `site.pages`?"]);
    ends(&place.run("live --sandbox site"), 1, &["no file or directory `site`", "tadpole live . site`"]);
    std::fs::write(
        place.directory.path().join("main.cloud"),
        format!("{SHOP}\nnew extends TransientS3Bucket {{ bucket \"shop-new\"; }}\n"),
    )
    .unwrap();
    ends(&place.run("live --sandbox . new"), 1, &["nothing is recorded at `new`", "`tadpole apply` makes it"]);
}

#[test]
fn nothing_is_written_and_nobodys_leave_is_needed() {
    let place = shop();
    let record = place.directory.path().join(".tadpole/default");
    let holder = Holder { user: None, host: "test".into(), command: "test".into(), length: lease::LENGTH };
    let (_held, _) = LocalStore::open(&record, &holder).unwrap();
    ends(&place.run("apply --yes --sandbox"), 4, &[]);
    let files = || -> Vec<_> {
        let read = |path: PathBuf| (std::fs::read(&path).unwrap(), path);
        crate::world::files_below(&record).into_iter().map(read).collect()
    };
    let before = files();
    ends(&place.run("live --sandbox . images"), 0, &[]);
    assert_eq!(files(), before);
}

#[test]
fn programs_can_read_it() {
    let place = shop();
    let json = place.document("--sandbox", 3);
    assert_eq!((&json["version"], &json["live"], &json["environment"]), (&1.into(), &false.into(), &"default".into()));
    let one = |address: &str| {
        json["resources"].as_array().unwrap().iter().find(|one| one["address"] == address).unwrap().clone()
    };
    assert_eq!(one("quiet")["state"], "not_asked");
    assert_eq!(one("scratch[1]")["actions"][0]["message"], "it is not live: not there");
    assert_eq!(one("site.pages")["state"], "unknown");
    assert_eq!(one("site.pages")["place"], serde_json::json!({ "file": "main.cloud", "line": 7 }));
    let schema = Schema::read("docs/live.schema.json");
    for pointer in ["", "/summary", "/resources/0", "/resources/0/actions/0"] {
        let mut more = json.clone();
        more.pointer_mut(pointer).unwrap()["surprise"] = Json::Bool(true);
        assert!(!schema.admits(&more), "{pointer}");
    }
    let watching = Watching::new(&place, "live --sandbox --json --watch=20ms");
    let lines = [watching.says("\"live\":false"), watching.says("\"live\":false")];
    lines.iter().for_each(|line| schema.takes(&serde_json::from_str(line).unwrap()));
    assert_eq!(watching.stops(), 3);
}

/// What a build server reads of a file: suites and cases with their counts, as Jenkins' and GitLab's readers have it.
#[test]
fn build_servers_can_read_it() {
    use quick_xml::Reader;
    use quick_xml::events::{BytesStart, Event};
    let place = shop();
    ends(&place.run("live --sandbox --junit live.xml"), 3, &[]);
    let text = std::fs::read_to_string(place.directory.path().join("live.xml")).unwrap();
    let attribute = |tag: &BytesStart, name: &str| -> String {
        let found = tag.try_get_attribute(name).unwrap();
        let found = found.unwrap_or_else(|| panic!("no {name} in {tag:?}"));
        String::from_utf8(found.value.into_owned()).unwrap()
    };
    let mut reader = Reader::from_str(&text);
    let mut within: Vec<String> = Vec::new();
    let (mut cases, mut suites) = (Vec::new(), Vec::new());
    loop {
        let (tag, is_open) = match reader.read_event().unwrap() {
            Event::Start(tag) => (tag, true),
            Event::Empty(tag) => (tag, false),
            Event::End(_) => {
                within.pop();
                continue;
            }
            Event::Eof => break,
            _ => continue,
        };
        let name = String::from_utf8(tag.name().as_ref().to_vec()).unwrap();
        let parent = within.last().map(String::as_str);
        match (name.as_str(), parent) {
            ("testsuites", None) => {}
            ("testsuite", Some("testsuites")) => {
                suites.push(["name", "tests", "failures", "errors", "skipped"].map(|name| attribute(&tag, name)));
                attribute(&tag, "time").parse::<f64>().unwrap();
            }
            ("properties", Some("testsuite")) | ("property", Some("properties")) => {}
            ("testcase", Some("testsuite")) => {
                cases.push((attribute(&tag, "classname"), attribute(&tag, "name"), "passed".to_string()));
            }
            ("failure" | "error" | "skipped", Some("testcase")) => {
                assert!(!attribute(&tag, "message").is_empty());
                cases.last_mut().unwrap().2 = format!("{name} {}", attribute(&tag, "type"));
            }
            other => panic!("{other:?}"),
        }
        if is_open {
            within.push(name);
        }
    }
    let [[name, counts @ ..]] = suites.as_slice() else { panic!("{suites:?}") };
    assert_eq!(name, "shop/default");
    assert_eq!(*counts, ["7", "1", "1", "1"]);
    let expected = [
        ("images", "HEAD_ACTION", "passed"),
        ("quiet", "not asked", "skipped not_asked"),
        ("scratch[0]", "HEAD_ACTION", "passed"),
        ("scratch[1]", "HEAD_ACTION", "failure not_live"),
        ("scratch[2]", "HEAD_ACTION", "passed"),
        ("site.logs", "HEAD_ACTION", "passed"),
        ("site.pages", "HEAD_ACTION", "error unknown"),
    ];
    assert_eq!(cases, expected.map(|(one, two, three)| (one.to_string(), two.to_string(), three.to_string())));
}
