//! The wish to stop, as signals express it.

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::apply::Stop;
use crate::cli::streams::tell_line;
use crate::cli::ui::{Look, Paint};

/// The wish to stop, as signals express it, and who hears them.
pub fn listening(look: Look) -> (watch::Receiver<Stop>, JoinHandle<()>) {
    let (sender, stop) = watch::channel(Stop::No);
    (stop, tokio::spawn(listen(sender, look)))
}

/// First signal: stop soon. Second: now.
async fn listen(stop: watch::Sender<Stop>, look: Look) {
    let mut level = Stop::No;
    loop {
        signal().await;
        level = if level == Stop::No { Stop::Soon } else { Stop::Now };
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

/// Returns when somebody wants it to stop.
#[cfg(unix)]
pub async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

#[cfg(not(unix))]
pub async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
}
