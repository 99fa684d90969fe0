//! Lists as they are read, at two widths and by programs.

use super::*;
use crate::state::about::About;
use crate::state::lease::Holder;
use crate::state::store::StoreFault;

const NOW: &str = "2026-11-21T16:00:00Z";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An environment with resources in these conditions.
fn recorded(statuses: &[&str], created: &str, expires: Option<&str>, command: (&str, &str)) -> State {
    let mut state = State::new("8defd48e".into(), "sandbox".into());
    for (at, status) in statuses.iter().enumerate() {
        let recorded = serde_json::json!({
            "template": "T", "kind": "t.T", "id": format!("{at}"), "status": status, "inputs": {}, "outputs": {},
            "dependencies": [], "lifecycle": { "start": [], "liveness": [], "terminate": [], "update": [] },
        });
        state.resources.insert(format!("n[{at}]").parse().unwrap(), serde_json::from_value(recorded).unwrap());
    }
    let (line, at) = command;
    state.about = About {
        created: Some(time(created)),
        expires: expires.map(time),
        command: Some(Command { line: line.into(), user: Some("deploy".into()), host: "build-7".into(), at: time(at) }),
    };
    state
}

fn store() -> Vec<Found> {
    let found = |name: &str, state| Found { name: name.into(), state, holder: None };
    let short = "tadpole apply shop --sandbox --yes --set password=...";
    let holder = Holder {
        user: None,
        host: "build-9".into(),
        command: "tadpole reap --yes".into(),
        length: std::time::Duration::from_secs(30),
    };
    let mut lease = Lease::new(7, "3f2a9c01".into(), &holder);
    (lease.process.pid, lease.since) = (812, time("2026-11-21T15:59:58Z"));
    let expired = "tadpole apply --env pr-17 --ttl 4h --yes --sandbox --target web --target site.pages[0]";
    vec![
        found(
            "default",
            Ok(Some(recorded(&["live"; 24], "2026-11-02T09:00:00Z", None, (short, "2026-11-21T13:01:00Z")))),
        ),
        found("left", Ok(Some(State::new("1".into(), "sandbox".into())))),
        found("new", Ok(None)),
        Found {
            holder: Some(lease),
            ..found(
                "pr-17",
                Ok(Some(recorded(
                    &["live", "failing", "incomplete"],
                    "2026-11-21T10:00:00Z",
                    Some("2026-11-21T14:00:00Z"),
                    (expired, "2026-11-21T10:00:00Z"),
                ))),
            )
        },
        found(
            "pr-18",
            Ok(Some(recorded(
                &["live", "live"],
                "2026-11-21T15:58:00Z",
                Some("2026-11-21T19:58:00Z"),
                ("tadpole apply --env pr-18", "2026-11-21T15:58:00Z"),
            ))),
        ),
        found(
            "pr-9",
            Err(StoreFault::Damaged {
                path: "shop/.tadpole/pr-9/writer/7-3f2a9c01/journal.jsonl".into(),
                what: "line 5 is not what was written".into(),
            }),
        ),
    ]
}

fn shown(width: usize) -> String {
    let text = table(&store(), time(NOW), Look { colour: false, width, live: false, full: false });
    for line in text.lines().filter(|line| !line.contains(".tadpole")) {
        assert!(line.chars().count() <= width, "{} columns: {line}", line.chars().count());
    }
    text
}

#[test]
fn a_list_is_read_in_80_columns() {
    assert_eq!(
        shown(80),
        r"environment  age    expires          resources  health       last command
default      19 d   never                   24  live         3 h ago: apply s...
left         -      never                    0  -            -
new          -      -                        -  -            nothing is recorded
pr-17        6 h    expired 2 h ago          3  1 of 3 live  6 h ago: apply -...
  is being changed by `tadpole reap --yes` on build-9 (process 812) since
  2026-11-21T15:59:58Z
pr-18        2 min  in 4 h                   2  live         2 min ago: apply...
pr-9         `shop/.tadpole/pr-9/writer/7-3f2a9c01/journal.jsonl` is damaged:
             line 5 is not what was written
"
    );
}

#[test]
fn a_list_is_read_in_120_columns() {
    assert_eq!(
        shown(120),
        r"environment  age    expires          resources  health       last command
default      19 d   never                   24  live         3 h ago: apply shop --sandbox --yes --set password=... (...
left         -      never                    0  -            -
new          -      -                        -  -            nothing is recorded
pr-17        6 h    expired 2 h ago          3  1 of 3 live  6 h ago: apply --env pr-17 --ttl 4h --yes --sandbox --ta...
  is being changed by `tadpole reap --yes` on build-9 (process 812) since 2026-11-21T15:59:58Z
pr-18        2 min  in 4 h                   2  live         2 min ago: apply --env pr-18 (deploy@build-7)
pr-9         `shop/.tadpole/pr-9/writer/7-3f2a9c01/journal.jsonl` is damaged: line 5 is not what was written
"
    );
}

#[test]
fn the_documentation_shows_such_a_list() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/commands.md");
    assert!(std::fs::read_to_string(page).unwrap().contains(&format!("```text\n{}```", shown(80))));
}

#[test]
fn an_empty_list_is_empty() {
    assert_eq!(table(&[], time(NOW), Look { colour: false, width: 80, live: false, full: false }), "");
}

#[test]
fn a_list_can_be_read_by_programs() {
    let text = lines(&store(), time(NOW));
    let all: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(all.len(), 6);
    assert_eq!(all[0]["expires"], Json::Null);
    assert_eq!(all[0]["command"]["line"], "tadpole apply shop --sandbox --yes --set password=...");
    assert_eq!(all[2], json!({ "environment": "new", "holder": null }));
    assert_eq!(
        all[3],
        json!({
            "environment": "pr-17",
            "cloud": "sandbox",
            "lineage": "8defd48e",
            "created": "2026-11-21T10:00:00Z",
            "expires": "2026-11-21T14:00:00Z",
            "expired": true,
            "resources": { "live": 1, "not_live": 1, "incomplete": 1, "replaced": 0 },
            "kept": 0,
            "at_work": 0,
            "cut_off": 0,
            "command": {
                "line": "tadpole apply --env pr-17 --ttl 4h --yes --sandbox --target web --target site.pages[0]",
                "user": "deploy",
                "host": "build-7",
                "at": "2026-11-21T10:00:00Z",
            },
            "holder": {
                "command": "tadpole reap --yes",
                "user": null,
                "host": "build-9",
                "pid": 812,
                "since": "2026-11-21T15:59:58Z",
            },
        })
    );
    assert_eq!(all[4]["expired"], false);
    assert!(all[5]["fault"].as_str().unwrap().contains("line 5"), "{}", all[5]);
}
