//! Commands end with tadpole, however that ends. A second process of this program, the guard, is told which
//! commands run, over a pipe that closes by itself with tadpole: then they have a moment to come to their end, as a
//! migration in its last step would, and are ended with all that they started. They are found by their token, which
//! is in their environment. The next run waits for that before it starts a command again, and does it itself where
//! the guard was ended too.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::ENDING;
use super::group::signal;
use crate::state::process::bearers;

/// What this program is called with to become a guard.
pub const WORD: &str = "--end-commands-with-tadpole";

/// The variable by which a command is found, and all that it started.
pub const TOKEN: &str = "TADPOLE_TOKEN";

/// How long a command may run on without tadpole.
const GRACE: Duration = Duration::from_secs(10);
/// How long a killed process may take to disappear.
const KILLED: Duration = Duration::from_secs(5);
/// How often is looked what still runs.
const POLL: Duration = Duration::from_millis(50);

/// This program, as it can be called once more; absent where commands run without a guard, as in tests.
static LAUNCHER: OnceLock<PathBuf> = OnceLock::new();
static GUARD: Mutex<Guard> = Mutex::new(Guard::NotStarted);
/// Tokens with which this process has started a command.
static STARTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

enum Guard {
    NotStarted,
    Listens(ChildStdin),
    /// It could not be started, or has ended.
    Absent,
}

/// From now on commands have a guard, which is started as this.
pub fn start_with(launcher: PathBuf) {
    // The first one counts.
    let _ = LAUNCHER.set(launcher);
}

/// A command that the guard watches, as long as this is held.
pub struct Watched(String);

impl Watched {
    /// Told before the command starts: there is no moment at which it runs and the guard does not know.
    pub fn begin(token: &str) -> Watched {
        tell(&format!("+{token}\n"));
        Watched(token.to_string())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        tell(&format!("-{}\n", self.0));
    }
}

fn tell(line: &str) {
    let mut guard = GUARD.lock().unwrap_or_else(PoisonError::into_inner);
    if matches!(*guard, Guard::NotStarted) {
        *guard = LAUNCHER.get().and_then(start).map_or(Guard::Absent, Guard::Listens);
    }
    if let Guard::Listens(pipe) = &mut *guard
        && pipe.write_all(line.as_bytes()).is_err()
    {
        *guard = Guard::Absent;
    }
}

fn start(launcher: &PathBuf) -> Option<ChildStdin> {
    let mut command = Command::new(launcher);
    command.arg(WORD).current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // The terminal's Ctrl-C is for tadpole.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().ok()?.stdin.take()
}

/// Becomes the guard, when this program was called for that. Returns what to end with.
pub fn asked() -> Option<u8> {
    if std::env::args_os().nth(1).is_none_or(|word| word != WORD) {
        return None;
    }
    let mut running: BTreeMap<String, usize> = BTreeMap::new();
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        match line.split_at_checked(1) {
            Some(("+", token)) => *running.entry(token.to_string()).or_default() += 1,
            Some(("-", token)) => match running.get_mut(token) {
                Some(count) if *count > 1 => *count -= 1,
                Some(_) | None => drop(running.remove(token)),
            },
            Some(_) | None => {}
        }
    }
    let mut ending = Ending::of(running.into_keys().collect());
    while ending.step() {
        std::thread::sleep(POLL);
    }
    Some(0)
}

/// Whether this process starts a command with this token for the first time: what runs with it then is of a run
/// that was interrupted.
pub fn is_first(token: &str) -> bool {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner).insert(token.to_string())
}

/// How many processes bear this token.
pub fn left(token: &str) -> usize {
    bearers(TOKEN, token).len()
}

/// Waits until what an interrupted run started with this token has ended, and ends it after a while. Returns how many processes could not be ended.
pub async fn end_left(token: &str) -> usize {
    let mut ending = Ending::of(vec![token.to_string()]);
    while ending.step() {
        tokio::time::sleep(POLL).await;
    }
    left(token)
}

/// Waits for processes to end, then asks them to, and kills those that do not.
struct Ending {
    tokens: Vec<String>,
    since: Instant,
    asked: BTreeSet<(u32, u64)>,
}

impl Ending {
    fn of(tokens: Vec<String>) -> Ending {
        Ending { tokens, since: Instant::now(), asked: BTreeSet::new() }
    }

    /// Whether some still run, and there is time left for them.
    fn step(&mut self) -> bool {
        let (ask, kill) = (self.since.elapsed() >= GRACE, self.since.elapsed() >= GRACE + ENDING);
        let mut some = false;
        for token in &self.tokens {
            for (pid, started) in bearers(TOKEN, token) {
                some = true;
                if kill || ask && self.asked.insert((pid, started)) {
                    signal(pid, started, kill);
                }
            }
        }
        some && self.since.elapsed() < GRACE + ENDING + KILLED
    }
}
