//! Processes, as they live and as they die.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use tadpole::state::process::stat;

use super::{Place, kill};
use crate::cli::{Tadpole, ends};
use crate::world::{files_below, until};

const SLEEPER: &str = "web extends LocalProcess { command [\"sleep\", \"1000\"]; }\n";

/// A process that is a line of shell.
fn shell(line: &str, more: &str) -> String {
    format!("web extends LocalProcess {{ command [\"sh\", \"-c\", \"{line}\"]; grace 1s; {more} }}\n")
}

/// One that nothing listens on.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn it_survives_its_command_and_goes_at_the_end() {
    let place = Place::new(SLEEPER);
    place.is_applied();
    let pid = place.only_process("web");
    assert_eq!(place.output("web", "pid"), pid.to_string());
    let found = stat(pid).unwrap().unwrap();
    assert_eq!((found.session, found.group), (pid, pid), "it does not lead a session of its own");
    place.is_applied();
    assert_eq!(place.only_process("web"), pid);
    // How it is asked to end is no reason to start it anew.
    place.says(&SLEEPER.replace("];", "]; grace 3s; stopSignal \"INT\";"));
    place.is_applied();
    assert_eq!(place.only_process("web"), pid);
    place.says(&SLEEPER.replace("1000", "1001"));
    place.is_applied();
    assert_ne!(place.only_process("web"), pid);
    place.is_destroyed();
    assert_eq!(place.marks(), 0);
}

#[test]
fn one_that_was_killed_is_started_again() {
    let place = Place::new(SLEEPER);
    place.is_applied();
    let pid = place.only_process("web");
    kill(pid);
    until("its end", || place.processes().is_empty());
    let said = ["is gone", "start again: SPAWN_ACTION"];
    ends(&place.tadpole.run(&["plan", "--exit-code"]), 2, &said);
    place.is_applied();
    assert_ne!(place.only_process("web"), pid);
    kill(place.only_process("web"));
    until("its end", || place.processes().is_empty());
    place.is_destroyed();
}

#[test]
fn one_that_ends_at_once_tells_what_it_said() {
    // Waited for until it answers, it is certain to be seen when it ends.
    let ready = format!("readyPort {};", free_port());
    let place = Place::new(&shell("echo starting; echo the disk is on fire >&2; exit 7", &ready));
    let said = ["it ended with exit status 7", "web.log` ends with", "starting", "the disk is on fire"];
    ends(&place.apply(), 3, &said);
    // Why it ended is mended elsewhere, or not: it is started again in either case.
    ends(&place.tadpole.run(&["plan", "--exit-code"]), 2, &["start again"]);
    ends(&place.apply(), 3, &said);
    place.says(&shell("echo fine; exec sleep 1000", ""));
    place.is_applied();
    assert_eq!(place.text(".tadpole/default/log/web.log"), "fine\n");
    assert!(place.text(".tadpole/default/log/web.log.old").contains("the disk is on fire"));
    place.is_destroyed();
}

#[test]
fn what_cannot_be_started_says_why() {
    let place = Place::new("");
    std::fs::write(place.path("plain"), "text").unwrap();
    std::fs::write(place.path("script"), "#!/no/such/shell\n").unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(place.path("script"), PermissionsExt::from_mode(0o755)).unwrap();
    for (program, said) in [
        ("[\"no-such-program\"]", vec!["there is no program `no-such-program` on the PATH", "the PATH is "]),
        ("[\"./no-such-program\"]", vec!["there is no program `", "no-such-program`", "mend the path"]),
        ("[\"./plain\"]", vec!["may not be run", "make it executable: `chmod +x "]),
        ("[\"./script\"]", vec!["what its first line names is not there"]),
        ("[]", vec!["the command is empty"]),
        ("[\"true\"]; directory \"no/where\"", vec!["there is no directory `", "to run in"]),
        ("[\"true\"]; logFile \"no/where\"", vec!["cannot write `", "no/where`: No such file or directory"]),
        ("[\"true\"]; logFile \".tadpole\"", vec!["cannot write `", ".tadpole`: Is a directory"]),
    ] {
        place.says(&format!("web extends LocalProcess {{ command {program}; }}"));
        ends(&place.apply(), 3, &said);
        assert!(place.state().unwrap().resources.is_empty(), "{program} is recorded");
        assert_eq!(place.marks(), 0, "{program} is marked");
    }
}

#[test]
fn a_port_of_somebody_else_is_not_waited_for() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let program = shell("exec sleep 1000", &format!("readyPort {port};"));
    let place = Place::new(&program);
    ends(&place.apply(), 3, &[&format!("something else listens on port {port} already"), "`LocalPort` finds one"]);
    assert!(place.processes().is_empty());
    drop(other);
    // Nothing answers now, and nothing will.
    place.says(&program.replace("readyPort", "RUNS_ACTION extends Check { every 50ms; within 300ms; } readyPort"));
    ends(&place.apply(), 3, &[&format!("it is not live: nothing answers on port {port}")]);
    assert_eq!(place.processes().len(), 1);
    // It runs, and was looked at in vain: it is looked at again, and not started anew.
    let pid = place.only_process("web");
    let later = TcpListener::bind(("127.0.0.1", port)).unwrap();
    ends(&place.apply(), 0, &[]);
    assert_eq!(place.only_process("web"), pid);
    drop(later);
    place.is_destroyed();
}

const SERVER: &str = r#"
    port extends LocalPort { }
    web extends LocalProcess {
        command ["python3", "-c", "import http.server,time; time.sleep(0.3); http.server.HTTPServer(('127.0.0.1', ${port.port}), http.server.SimpleHTTPRequestHandler).serve_forever()"];
        readyPort port.port;
        answers extends Http { url "http://127.0.0.1:${port.port}/main.cloud"; expectBody "LocalProcess"; every 50ms; within 30s; }
        livenessActions [...super, answers];
    }
    behind extends LocalProcess { command ["sleep", "1000"]; dependsOn [web]; }
"#;

#[test]
fn one_that_listens_late_is_waited_for() {
    let place = Place::new(SERVER);
    place.is_applied();
    assert_eq!(place.processes().len(), 2);
    place.is_destroyed();
}

#[test]
fn a_stubborn_one_is_killed_with_all_that_it_started() {
    let place = Place::new(&shell("trap '' TERM; sleep 1001 & setsid sleep 1002 & wait; sleep 1003", ""));
    place.is_applied();
    until("its children", || place.processes().get("web").is_some_and(|pids| pids.len() >= 3));
    let began = Instant::now();
    place.is_destroyed();
    assert!(began.elapsed() >= Duration::from_secs(1), "its grace was not waited for");
}

#[test]
fn it_is_asked_as_it_wants_to_be() {
    let line = "trap 'echo asked nicely; exit' INT; echo ready; while :; do sleep 0.05; done";
    let asked = shell(line, "stopSignal \"INT\"; logFile \"web.log\";").replace("grace 1s", "grace 30s");
    let place = Place::new(&asked);
    place.is_applied();
    // Before that, it knows of no way to be asked.
    until("its beginning", || place.text("web.log") == "ready\n");
    ends(&place.destroy(), 0, &[]);
    assert_eq!(place.text("web.log"), "ready\nasked nicely\n");
}

#[test]
fn one_that_leaves_others_behind_is_replaced_with_them() {
    let leaves = shell("sleep 1001 & while [ ! -e go ]; do sleep 0.05; done", "");
    let place = Place::new(&leaves);
    place.is_applied();
    std::fs::write(place.path("go"), "").unwrap();
    until("the end of the first", || place.processes().get("web").is_some_and(|pids| pids.len() == 1));
    let left = place.only_process("web");
    std::fs::remove_file(place.path("go")).unwrap();
    ends(&place.tadpole.run(&["plan", "--exit-code"]), 2, &["(ended; 1 that it started runs on)"]);
    place.says(SLEEPER);
    place.is_applied();
    assert_ne!(place.only_process("web"), left);
    place.says(&leaves);
    place.is_applied();
    std::fs::write(place.path("go"), "").unwrap();
    until("the end of the first", || place.processes().get("web").is_some_and(|pids| pids.len() == 1));
    std::fs::remove_file(place.path("go")).unwrap();
    place.is_destroyed();
}

#[test]
fn secrets_are_handed_over_in_the_environment_only() {
    let program =
        |web: &str| format!("password: Secret = secret(\"env:CANARY\");\nweb extends LocalProcess {{ {web} }}");
    let place = Place::new(&program("command [\"echo\", password];"));
    let tadpole = Tadpole::new(place.directory.path()).env("CANARY", "canary-in-a-process").env("STRAY", "stray");
    let said = ["there is a secret in `command`, which everybody on this machine can see", "in `environment`"];
    ends(&tadpole.run(&["apply", "--yes"]), 3, &said);
    place.says(&program("command [\"sleep\", \"1000\"]; environment { PASSWORD password; };"));
    ends(&tadpole.run(&["apply", "--yes"]), 0, &[]);
    ends(&tadpole.run(&["plan", "--exit-code"]), 0, &[]);
    let environment = std::fs::read(format!("/proc/{}/environ", place.only_process("web"))).unwrap();
    let environment = String::from_utf8(environment).unwrap();
    assert!(environment.contains("PASSWORD=canary-in-a-process") && !environment.contains("stray"), "{environment}");
    let nowhere = |place: &Place| {
        for path in files_below(&place.path(".tadpole")) {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            assert!(!text.contains("canary-in"), "{}", path.display());
        }
    };
    nowhere(&place);
    place.is_destroyed();
    // What it says itself is in its log, and in no message.
    let ready = format!("readyPort {};", free_port());
    let web = "command [\"sh\", \"-c\", \"echo no $PASSWORD; exit 1\"]; environment { PASSWORD password; };";
    place.says(&program(&format!("{web} {ready}")));
    let ran = tadpole.run(&["apply", "--yes"]);
    ends(&ran, 3, &["it ended with exit status 1", "no (secret)"]);
    assert!(!ran.err.contains("canary-in"), "{}", ran.err);
}

#[test]
fn a_number_that_another_has_is_left_alone() {
    let place = Place::new(SLEEPER);
    place.is_applied();
    let ours = place.only_process("web");
    // As if the number had been given to another one since: the same, started at another time.
    let mut stranger = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
    let started = stat(stranger.id()).unwrap().unwrap().started;
    let id = place.state().unwrap().resources[&"web".parse().unwrap()].id.to_string();
    let world = id.splitn(3, '-').nth(2).unwrap();
    let text = place.text(".tadpole/default/state.json");
    let reused = format!("{}-{}-{world}", stranger.id(), started - 1);
    let (mut store, replayed) =
        tadpole::state::store::LocalStore::open(&place.path(".tadpole/default"), &crate::world::World::holder())
            .unwrap();
    let mut state = replayed.unwrap().state;
    state.resources.get_mut(&"web".parse().unwrap()).unwrap().id = reused.into();
    tadpole::state::store::Store::compact(&mut store, &state).unwrap();
    drop(store);
    assert_ne!(place.text(".tadpole/default/state.json"), text);
    ends(&place.destroy(), 0, &[]);
    assert!(stranger.try_wait().unwrap().is_none(), "a stranger was killed");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    kill(ours);
}
