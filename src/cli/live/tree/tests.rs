//! Trees as they are read, at two widths, few things and many.

use std::time::Duration;

use super::*;
use crate::apply::provider::{Fault, FaultKind};
use crate::model::action::Verb;

const LOOK: Look = Look { colour: false, width: 80, live: false, full: false };

/// A thing for each line: its address, how it is, how many milliseconds that took to find out, and why.
fn round(lines: &str) -> Round {
    let things = lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        let standing = Standing::ALL.into_iter().find(|standing| standing.key() == words[1]).unwrap();
        let fault = words.get(3).map(|why| Fault::new(FaultKind::Refused, *why));
        let warned = standing == Standing::Warned;
        let look = crate::live::Look {
            action: "HEALTH".into(),
            verb: Verb::Http,
            standing,
            took: words.get(2).map(|took| Duration::from_millis(took.parse().unwrap())),
            warnings: fault.clone().filter(|_| warned).map(|fault| ("HEALTH".into(), fault)).into_iter().collect(),
            fault: fault.filter(|_| !warned),
        };
        Thing {
            address: words[0].parse().unwrap(),
            template: if words[0].contains("db") { "PostgresInstance" } else { "Server" }.into(),
            kind: "acme.Thing".into(),
            id: "i-1".into(),
            is_ours: true,
            standing,
            looks: if words.len() > 2 { vec![look] } else { Vec::new() },
        }
    });
    Round { at: "2026-11-21T16:00:00Z".parse().unwrap(), took: Duration::from_millis(2100), things: things.collect() }
}

#[track_caller]
fn shows(lines: &str, view: View, width: usize, expected: &str) {
    let look = Look { width, ..LOOK };
    let round = round(lines);
    let shown = format!("{}\n{}", tree(&round, view, look), summary(&round, look));
    assert_eq!(shown.trim_end(), expected.trim_matches('\n').trim_end(), "\n{shown}");
}

const SITE: &str = "
    db live 12
    old replaced
    quiet not_asked
    site.cache warned 31 http://10.0.0.7/stats answered 200 OK with `hits` 12, and less than 50 were not expected of it
    site.web[\"a\"] live 8
    site.web[\"b\"] not_live 4100 http://10.0.0.8:8080/health answered 503 Service Unavailable, and not 200
    site.web[\"b\"].disk unknown 3 you may not read acme.Thing here
    worker incomplete
    zone cut_off
";

#[test]
fn a_few_are_all_shown() {
    shows(
        SITE,
        View::Brief,
        80,
        r#"
  v db          PostgresInstance  live         12 ms
  ! old         Server            replaced
      it has a successor: the next apply takes it down
  . quiet       Server            not asked
  x site                          1 of 4 live
    ! cache     Server            warned       31 ms
        HEALTH: http://10.0.0.7/stats answered 200 OK with `hits` 12, and less
        than 50 were not expected of it
    v web["a"]  Server            live          8 ms
    x web["b"]  Server            not live     4.1 s
        HEALTH: http://10.0.0.8:8080/health answered 503 Service Unavailable,
        and not 200
      ? disk    Server            unknown       3 ms
          HEALTH: you may not read acme.Thing here
  x worker      Server            incomplete
      it did not come to its end: the next apply goes on
  ? zone        Server            unfinished
      an operation began, and its end is not recorded

  2 live, 1 replaced, 1 warned, 1 unfinished, 1 incomplete, 1 unknown, 1 not live, 1 not asked.  2.1 s
"#,
    );
}

#[test]
fn what_there_is_nothing_to_say_of_can_be_left_out() {
    shows(
        "site.cache warned 31 slow\nsite.web[\"a\"] live 8\nsite.web[\"b\"] not_live 4100 no",
        View::Failing,
        100,
        r#"
  x site                1 of 3 live
    ! cache     Server  warned       31 ms
        HEALTH: slow
    x web["b"]  Server  not live     4.1 s
        HEALTH: no

  1 live, 1 warned, 1 not live.  2.1 s
"#,
    );
    assert_eq!(tree(&round("a live 1\nb.c not_asked"), View::Failing, LOOK), "");
}

/// A hundred servers, of which one is not live, and groups in which all is well.
fn many() -> String {
    let servers = (0..100).map(|at| match at {
        41 => "fleet.server[41] not_live 10000 http://10.0.0.41/ did not answer in 10s\n".to_string(),
        _ => format!("fleet.server[{at}] live 9\n"),
    });
    let network = (0..12).map(|at| format!("network.subnet{at:02} live\n"));
    let tops = (0..14).map(|at| format!("bucket{at:02} live\n"));
    servers.chain(network).chain(tops).chain(["zone[0] live\nzone[1] live\n".to_string()]).collect()
}

#[test]
fn of_many_live_ones_groups_are_told() {
    shows(
        &many(),
        View::Brief,
        80,
        r"
  v bucket00       Server  live
  v bucket01       Server  live
  v bucket02       Server  live
  v bucket03       Server  live
  v bucket04       Server  live
  v bucket05       Server  live
  v bucket06       Server  live
  v bucket07       Server  live
  v bucket08       Server  live
  v bucket09       Server  live
  x fleet                  99 of 100 live
    x server[41]   Server  not live        10 s
        HEALTH: http://10.0.0.41/ did not answer in 10s
    v server[...]          99 others live
  v zone[...]              2 live
  v ...                    16 others live

  127 live, 1 not live.  2.1 s
",
    );
    assert_eq!(tree(&round(&many()), View::All, LOOK).lines().count(), 128 + 1 + 2);
}
