//! The wish to stop, as signals express it.

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::apply::Stop;
use crate::cli::streams::tell_line;
use crate::cli::ui::{Look, Paint};
#[cfg(unix)]
use crate::local::limits;

/// What a signal asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Stop,
    /// The terminal is gone. It may be said more than once, and nobody is there who means it.
    Hangup,
}

/// The wish to stop, as signals express it, and who hears them.
pub fn listening(look: Look) -> (watch::Receiver<Stop>, JoinHandle<()>) {
    let (sender, stop) = watch::channel(Stop::No);
    (stop, tokio::spawn(listen(sender, look)))
}

/// First signal: stop soon. Second: now.
async fn listen(stop: watch::Sender<Stop>, look: Look) {
    let mut signals = Signals::listen();
    let mut level = Stop::No;
    loop {
        let asked = signals.next().await;
        level = match (level, asked) {
            (Stop::No, Asked::Stop | Asked::Hangup) => Stop::Soon,
            (level, Asked::Hangup) => level,
            (Stop::Soon | Stop::Now, Asked::Stop) => Stop::Now,
        };
        let text = match level {
            Stop::Soon => "Stopping: calls that have left are finished and recorded. Once more stops at once.",
            Stop::No | Stop::Now => "Stopping at once. The next command recovers what was in flight.",
        };
        tell_line(&look.paint(text, Paint::Change));
        if stop.send(level).is_err() {
            return;
        }
    }
}

/// From now on a write beyond the limit of a file's size fails, as on a full disk, and does not end the process in
/// the middle of what it records. Commands that it starts are not affected.
#[cfg(unix)]
pub fn survive_file_limit() {
    use tokio::signal::unix::{SignalKind, signal};
    // The handler stays for as long as the process runs. Without it, the signal does what it does by itself.
    let _ = signal(SignalKind::from_raw(limits::FILE_SIZE_SIGNAL));
}

#[cfg(not(unix))]
pub fn survive_file_limit() {}

/// Returns when somebody wants it to stop.
pub async fn signal() {
    Signals::listen().next().await;
}

/// Hears SIGINT, SIGTERM, SIGQUIT and SIGHUP from now on, however often they come.
#[cfg(unix)]
struct Signals {
    heard: Vec<(Asked, tokio::signal::unix::Signal)>,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> Signals {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [
            (Asked::Stop, SignalKind::interrupt()),
            (Asked::Stop, SignalKind::terminate()),
            (Asked::Stop, SignalKind::quit()),
            (Asked::Hangup, SignalKind::hangup()),
        ];
        // With `nohup`, it goes on when the terminal is gone.
        let kinds = kinds.into_iter().filter(|(asked, _)| *asked != Asked::Hangup || !hangup_is_ignored());
        // One that cannot be heard ends the program, as it does by itself.
        Signals { heard: kinds.filter_map(|(asked, kind)| Some((asked, signal(kind).ok()?))).collect() }
    }

    async fn next(&mut self) -> Asked {
        std::future::poll_fn(|context| {
            for (asked, signal) in &mut self.heard {
                if signal.poll_recv(context).is_ready() {
                    return std::task::Poll::Ready(*asked);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }
}

/// Whether whoever started this wants it not to hear that the terminal is gone. Asked once, before it is heard.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    static IGNORED: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *IGNORED.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        // SIGHUP is number 1, the lowest bit.
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
    })
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> Signals {
        Signals
    }

    async fn next(&mut self) -> Asked {
        let _ = tokio::signal::ctrl_c().await;
        Asked::Stop
    }
}
