//! SIGKILL anywhere while things of this machine are made or taken down: nothing runs that nobody knows of, and
//! nothing runs twice.

use std::process::Stdio;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::Place;

const PROGRAM: &str = r#"
    data extends LocalDirectory { path "data"; }
    port[i in 0..2] extends LocalPort { }
    file[i in 0..3] extends LocalFile { directory data; path "f${i}"; content "WHICH ${i}\n"; }
    worker[i in 0..5] extends LocalProcess {
        command ["sleep", "1000"];
        environment { VERSION "WHICH"; PORT "${port[i % 2].port}"; };
        directory data.absolute;
    }
"#;

fn version(number: usize) -> String {
    PROGRAM.replace("WHICH", &format!("version-{number}"))
}

/// At most one process for each component, at any moment.
fn is_sound(place: &Place, context: &str) {
    for (address, pids) in place.processes() {
        assert!(pids.len() <= 1, "{context}: `{address}` has {pids:?}");
    }
}

/// Kills a command after a time; whether it was still at work.
fn killed(place: &Place, arguments: &[&str], after: Duration) -> bool {
    let mut command = place.tadpole.command(arguments);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap().code().is_none()
}

#[test]
fn killed_anywhere_nothing_is_lost_and_nothing_is_there_twice() {
    let mut rng = Rng::with_seed(7);
    // So long does it take undisturbed.
    let other = Place::new(&version(0));
    let began = Instant::now();
    other.is_applied();
    let whole = began.elapsed();
    other.is_destroyed();
    let place = Place::new(&version(0));
    let most = std::env::var("TADPOLE_KILLS").map_or(30, |text| text.parse().unwrap());
    let (mut kills, mut number, mut halfway) = (0, 0, 0);
    // Where the kills fall is a matter of how busy the machine is.
    while kills < most || (halfway == 0 && kills < most * 10) {
        let context = format!("after {kills} kills");
        place.says(&version(number));
        let arguments: &[&str] = if rng.u32(..4) == 0 { &["destroy", "--yes"] } else { &["apply", "--yes"] };
        kills += usize::from(killed(&place, arguments, whole.mul_f64(rng.f64())));
        is_sound(&place, &context);
        halfway += usize::from((1..5).contains(&place.processes().len()));
        if rng.u32(..3) == 0 {
            number += 1;
        }
        if rng.u32(..6) == 0 {
            place.says(&version(number));
            place.is_applied();
            let processes = place.processes();
            assert_eq!(processes.len(), 5, "{context}: {processes:?}");
            is_sound(&place, &context);
            assert_eq!(place.text("data/f1"), format!("version-{number} 1\n"));
            if rng.bool() {
                place.is_destroyed();
            }
        }
    }
    assert!(halfway > 0, "no kill fell while processes were started or stopped");
    place.says(&version(number));
    place.is_applied();
    is_sound(&place, "at last");
    place.is_destroyed();
}
