//! Kills at every byte, several processes at once, and ten thousand things.

use std::time::Duration;

use super::*;
use crate::world::cpu;

#[tokio::test]
async fn a_kill_at_any_byte_loses_the_last_call_at_most() {
    let room = Room::new();
    let sandbox = room.open();
    for name in ["a", "b", "c"] {
        made(&sandbox, &net(name)).await;
    }
    sandbox.delete(&place(&net("b"), "b")).await.unwrap();
    made(&sandbox, &holder("h", reference("a", "a"))).await;
    let whole = std::fs::read(room.path()).unwrap();
    for length in 0..=whole.len() {
        let cut = Room::new();
        std::fs::write(cut.path(), &whole[..length]).unwrap();
        let calls = whole[..length].iter().filter(|byte| **byte == b'\n').count();
        let expected: &[&str] = match calls {
            0 => &[],
            1 => &["a"],
            2 => &["a", "b"],
            3 => &["a", "b", "c"],
            4 => &["a", "c"],
            _ => &["a", "c", "h"],
        };
        let known = |cut: &Room| {
            let objects = cut.open().objects();
            let mut known: Vec<String> = objects.iter().map(|object| object.owner.address.to_string()).collect();
            known.sort();
            known
        };
        assert_eq!(known(&cut), expected, "cut at {length}");
        // Looking changes nothing, and the next call goes on from there.
        assert_eq!(std::fs::metadata(cut.path()).unwrap().len(), length as u64);
        made(&cut.open(), &net("next")).await;
        let mut with_next = expected.to_vec();
        with_next.push("next");
        assert_eq!(known(&cut), with_next, "cut at {length}");
    }
}

#[tokio::test]
async fn what_was_not_written_by_it_is_refused() {
    let room = Room::new();
    made(&room.open(), &net("a")).await;
    let mut text = std::fs::read_to_string(room.path()).unwrap();
    text.push_str("nonsense\n");
    std::fs::write(room.path(), &text).unwrap();
    let error = Sandbox::open(&room.path(), room.schemas.clone()).err().unwrap();
    assert!(error.to_string().starts_with("line 2 is not what was written"), "{error}");
}

#[tokio::test]
async fn two_handles_see_each_other() {
    let room = Room::new();
    let (one, two) = (room.open(), room.open());
    let place = made(&one, &net("a")).await;
    assert!(is_here(&two.read(&place).await.unwrap()));
    refused(two.create(&Want { owner: owner("b", "b"), ..net("a") }).await, FaultKind::Taken, "taken");
    made(&two, &holder("h", reference("a", "a"))).await;
    refused(one.delete(&place).await, FaultKind::Held, "in use by `h`");
    one.set_weather(Weather { lag: Duration::from_secs(1), ..Weather::default() }).unwrap();
    two.look().unwrap();
    assert_eq!(two.weather().lag, Duration::from_secs(1));
    two.reset().unwrap();
    assert!(!is_here(&one.read(&place).await.unwrap()));
    assert!(one.weather().is_fair());
    made(&one, &net("a")).await;
    assert!(is_here(&two.read(&place).await.unwrap()));
    // Somebody takes the whole directory away.
    std::fs::remove_file(room.path()).unwrap();
    assert!(!is_here(&one.read(&place).await.unwrap()));
    made(&two, &net("b")).await;
    assert_eq!(one.objects().len(), 1);
}

#[test]
fn many_write_at_once_and_nothing_is_lost() {
    let room = Room::new();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let room = &room;
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                for number in 0..50 {
                    // Each opens the file anew now and then, which makes it shorter when it can be.
                    let sandbox = room.open();
                    runtime.block_on(async {
                        let own = net(&format!("t{thread}n{number}"));
                        let place = made(&sandbox, &own).await;
                        for _ in 0..5 {
                            sandbox.update(&place, None, &own).await.unwrap();
                        }
                        if number % 2 == 0 {
                            sandbox.delete(&place).await.unwrap();
                        }
                    });
                }
            });
        }
    });
    let mut expected: Vec<String> =
        (0..4).flat_map(|thread| (0..50).filter(|n| n % 2 == 1).map(move |n| format!("t{thread}n{n}"))).collect();
    expected.sort();
    assert_eq!(room.ids(), expected);
    let lines = std::fs::read_to_string(room.path()).unwrap().lines().count();
    assert!(lines < 4 * 50 * 6 / 2, "{lines} lines: it was never made shorter");
}

#[tokio::test(start_paused = true)]
async fn a_shorter_file_says_the_same() {
    let room = Room::new();
    let sandbox = room.open();
    let weather = Weather { lag: Duration::from_secs(100), seed: 9, ..Weather::default() };
    sandbox.set_weather(weather.clone()).unwrap();
    for name in ["a", "gone", "left"] {
        made(&sandbox, &net(name)).await;
    }
    tokio::time::advance(Duration::from_secs(200)).await;
    for _ in 0..100 {
        sandbox.update(&place(&net("a"), "a"), None, &net("a")).await.unwrap();
    }
    sandbox.delete(&place(&net("gone"), "gone")).await.unwrap();
    let before = sandbox.objects();
    let lines = || std::fs::read_to_string(room.path()).unwrap().lines().count();
    assert!(lines() > 100);
    let next = room.open();
    assert!(lines() > 100, "looking changed the file");
    next.update(&place(&net("a"), "a"), None, &net("a")).await.unwrap();
    assert!(lines() < 10, "{} lines", lines());
    for sandbox in [&sandbox, &next, &room.open()] {
        assert_eq!(sandbox.objects(), before);
        assert_eq!(sandbox.weather(), weather);
        assert!(is_here(&sandbox.read(&place(&net("gone"), "gone")).await.unwrap()), "it is seen still");
    }
}

#[tokio::test]
async fn ten_thousand_things() {
    let room = Room::new();
    let sandbox = room.open();
    let time = |work: &dyn Fn()| {
        let began = cpu();
        work();
        cpu() - began
    };
    made(&sandbox, &net("net")).await;
    let batch = |from: u32| {
        let sandbox = &sandbox;
        async move {
            let began = cpu();
            for number in from..from + 1000 {
                made(sandbox, &holder(&format!("h[{number}]"), reference("net", "net"))).await;
            }
            cpu() - began
        }
    };
    let mut times = Vec::new();
    for from in 0..10 {
        times.push(batch(from * 1000).await);
    }
    // The last thousand cost what the first did: nothing is looked through.
    let (first, last) = (times[..3].iter().min().unwrap(), times[7..].iter().min().unwrap());
    assert!(*last < *first * 4 + Duration::from_millis(50), "{times:?}");
    let place = place(&net("net"), "net");
    let deletes = cpu();
    for _ in 0..1000 {
        refused(sandbox.delete(&place).await, FaultKind::Held, "in use by `h[");
    }
    let deletes = cpu() - deletes;
    assert!(deletes < Duration::from_secs(2), "{deletes:?}");
    let opened = time(&|| assert_eq!(room.open().objects().len(), 10_001));
    assert!(opened < Duration::from_secs(5), "{opened:?}");
}
