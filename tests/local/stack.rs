//! `examples/local-stack`, with a real PostgreSQL.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use tadpole::state::process::stat;

use super::{kill, stop_all};
use crate::cli::{Tadpole, copied, ends};
use crate::world::until;

/// Where this machine has PostgreSQL; nothing when it has none.
fn postgres() -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let of_debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut all = std::env::split_paths(&path).chain(of_debian.map(|entry| entry.path().join("bin")));
    all.find(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
}

/// What a site says, with its status line; nothing when it does not answer.
fn asked(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

fn says(address: &str, path: &str) -> String {
    let answer = asked(address, path).unwrap_or_default();
    answer.split_once("\r\n\r\n").map_or(answer.clone(), |(_, body)| body.trim().to_string())
}

fn processes(that: impl Fn(u32) -> bool) -> Vec<u32> {
    let pids = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| that(*pid)).collect()
}

/// Processes that have a text in what they were called with.
fn called_with(text: &str) -> Vec<u32> {
    let words = |pid: u32| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    processes(|pid| String::from_utf8_lossy(&words(pid)).contains(text))
}

/// Processes that run in a directory: those of PostgreSQL say of themselves what they like.
fn at_work_in(directory: &str) -> Vec<u32> {
    processes(|pid| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(directory)))
}

#[test]
fn a_real_database_and_a_site_on_it_come_and_go() {
    let Some(_) = postgres() else {
        eprintln!("SKIPPED: PostgreSQL is not on the PATH or in /usr/lib/postgresql: examples/local-stack was not run");
        return;
    };
    let directory = copied(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/local-stack"));
    // As root, the database runs as another user.
    std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let _at_the_end = stop_all(directory.path());
    let tadpole = Tadpole::new(directory.path());
    let data = directory.path().join("data").display().to_string();
    let ran = tadpole.run(&["apply", "--yes"]);
    ends(&ran, 0, &[]);
    let address = ran.out.split("http://").nth(1).unwrap().split('/').next().unwrap().to_string();
    assert_eq!(says(&address, "/"), "visit 1");
    assert_eq!(says(&address, "/"), "visit 2");
    ends(&tadpole.run(&["plan", "--exit-code"]), 0, &[]);
    // The password is in no list of processes, and in no file of ours.
    assert!(called_with("only-on-this-machine").is_empty());
    // What it holds survives it.
    let [server] = called_with(&format!("{data}/cluster"))[..] else { panic!("there is not one server") };
    kill(server);
    until("the end of the server", || stat(server).unwrap().is_none() && at_work_in(&data).is_empty());
    assert!(asked(&address, "/health").unwrap().contains(" 503 "), "it answers without its database");
    ends(&tadpole.run(&["plan", "--exit-code"]), 2, &["stack.db", "is gone", "start again"]);
    ends(&tadpole.run(&["apply", "--yes"]), 0, &[]);
    // The port answers a little before the database does.
    until("an answer of the database", || says(&address, "/health") == "the database answers");
    assert_eq!(says(&address, "/"), "visit 3");
    ends(&tadpole.run(&["destroy", "--yes"]), 0, &[]);
    assert!(asked(&address, "/").is_none(), "the site answers still");
    assert_eq!((called_with(&data), at_work_in(&data)), (Vec::new(), Vec::new()));
    let entries = std::fs::read_dir(directory.path()).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, [".tadpole", "README.md", "main.cloud", "postgres.sh", "server.py"]);
}
