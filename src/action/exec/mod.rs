//! `Exec`: runs a command of this machine, once, or again and again until it ends well.

mod group;
pub mod guard;
mod order;
mod output;

use std::process::ExitStatus;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::FusedFuture;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin};
use tokio::time::{Instant, MissedTickBehavior};

use crate::action::request::{innermost, refused};
use crate::action::setting::Settings;
use crate::action::{Look, Scene, failed, looks, probe};
use crate::apply::event::Event;
use crate::apply::hidden::Hidden;
use crate::apply::provider::Fault;
use crate::model::action::Action;
use group::Group;
use guard::Watched;
use order::Order;
use output::{Output, Stream};

/// How long a command may take to end by itself when it is asked to.
pub const ENDING: Duration = Duration::from_secs(2);
/// How long a look may take that may not be repeated, and says nothing else.
const SHORTEST_LOOK: Duration = Duration::from_secs(10);
/// What holds a stream open after its command is over, such as a server that it started, is not waited for.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// As much of a command is told, in bytes.
const TOLD: usize = 80;
/// How often it is told what the command said.
const TOLD_EVERY: Duration = Duration::from_millis(500);

/// How a command ended, and what it said.
struct Ended {
    /// Nothing when it took too long.
    status: Option<ExitStatus>,
    output: Output,
}

/// Passes when the command ends as expected.
///
/// # Errors
/// How it ended instead, with the last that it said; at once when it cannot be run.
pub async fn run(action: &Action, scene: &Scene<'_>) -> Result<(), Fault> {
    let settings = Settings::of(action, scene);
    let (mut order, hidden) = (Order::of(&settings, action, scene)?, settings.hidden(scene));
    if looks(action.verb, scene.list) {
        order.timeout = settings.duration("timeout").unwrap_or(order.timeout.max(SHORTEST_LOOK));
        let look = || async {
            let ended = carry_out(&order, scene, &hidden).await?;
            Ok(order.misses(&ended, &hidden).map_or(Look::Live, Look::NotYet))
        };
        return probe::run(action, scene, look).await;
    }
    end_interrupted(&order, scene, &hidden).await?;
    let ended = carry_out(&order, scene, &hidden).await?;
    let Some(why) = order.misses(&ended, &hidden) else { return Ok(()) };
    let fault = failed(action, scene, &why);
    let said = ended.output.last_lines(&hidden);
    let help: Vec<String> = said.into_iter().chain(fault.help.clone()).collect();
    Err(if help.is_empty() { fault } else { fault.help(help.join("\n")) })
}

/// Waits for the end of what an interrupted run left running of this command: it never runs twice at once.
///
/// # Errors
/// When that cannot be ended.
async fn end_interrupted(order: &Order, scene: &Scene<'_>, hidden: &Hidden) -> Result<(), Fault> {
    if !guard::is_first(scene.token) || guard::left(scene.token) == 0 {
        return Ok(());
    }
    let on = "an interrupted run left it running: it must end first".to_string();
    scene.calls.tell(Event::Waiting { address: scene.place.address.clone(), on });
    match guard::end_left(scene.token).await {
        0 => Ok(()),
        left => {
            let text =
                format!("`{}` still runs: {left} processes of an interrupted run", hidden.cut(&order.shown, TOLD));
            let help =
                format!("end them, and apply again: they have `{}={}` in their environment", guard::TOKEN, scene.token);
            Err(refused(text).help(help))
        }
    }
}

impl Order {
    /// Why it did not end as expected, if so.
    fn misses(&self, ended: &Ended, hidden: &Hidden) -> Option<String> {
        let shown = hidden.cut(&self.shown, TOLD);
        let how = match ended.status {
            None => format!("took longer than {} and was ended", super::shown(self.timeout)),
            Some(status) => match status.code() {
                Some(code) if self.exits.contains(&i64::from(code)) => return None,
                Some(code) => format!("ended with exit code {code}{}", self.wanted()),
                None => format!("was ended by {}", signal(status)),
            },
        };
        let last = ended.output.last_line(hidden).map_or(String::new(), |line| format!(": {line}"));
        Some(format!("`{shown}` {how}{last}"))
    }

    fn wanted(&self) -> String {
        let wanted: Vec<String> = self.exits.iter().map(i64::to_string).collect();
        if self.exits == [0] { String::new() } else { format!(", and not {}", wanted.join(" or ")) }
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    status.signal().map_or("nobody knows what".to_string(), |number| format!("signal {number}"))
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> String {
    "nobody knows what".to_string()
}

/// Runs it to its end or to the end of its time. When this is dropped, all that it started is ended.
async fn carry_out(order: &Order, scene: &Scene<'_>, hidden: &Hidden) -> Result<Ended, Fault> {
    let until = Instant::now() + order.timeout;
    let _watched = Watched::begin(scene.token);
    let mut child = order.command().spawn().map_err(|error| not_run(order, &error, hidden))?;
    let mut group = Group::of(&child);
    let output = Output::default();
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let talk = Box::pin(async {
        tokio::join!(
            tell(stdin, order.stdin.as_deref()),
            hear(stdout, &output, Stream::Out),
            hear(stderr, &output, Stream::Error)
        );
    });
    // What a stream says that is over, was said already.
    let mut talk = talk.fuse();
    let mut tick = tokio::time::interval(TOLD_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = None;
    let status = loop {
        tokio::select! {
            () = &mut talk => {}
            status = child.wait() => break Some(status),
            () = tokio::time::sleep_until(until) => break None,
            _ = tick.tick() => {
                let line = output.last_line(hidden);
                if line.is_some() && line != told {
                    let (address, on) = (scene.place.address.clone(), line.clone().unwrap_or_default());
                    scene.calls.tell(Event::Waiting { address, on });
                    told = line;
                }
            }
        }
    };
    let status = match status {
        Some(status) => {
            group.leave();
            Some(status.map_err(|error| not_run(order, &error, hidden))?)
        }
        None => {
            // What wants to say something before it ends must find somebody who listens.
            tokio::select! {
                () = end(&mut child, &mut group) => {}
                () = async { (&mut talk).await; std::future::pending().await } => {}
            }
            None
        }
    };
    if !talk.is_terminated() {
        // What is not said by then goes unheard.
        let _ = tokio::time::timeout(LAST_WORDS, &mut talk).await;
    }
    drop(talk);
    Ok(Ended { status, output })
}

/// Asks it and all that it started to end, and ends what is still there after a while.
async fn end(child: &mut Child, group: &mut Group) {
    group.ask();
    let _ = tokio::time::timeout(ENDING, child.wait()).await;
    group.kill();
    // Without a group, it is at least the child.
    let _ = child.start_kill();
    let _ = child.wait().await;
}

async fn tell(stdin: Option<ChildStdin>, text: Option<&str>) {
    if let (Some(mut stdin), Some(text)) = (stdin, text) {
        // It need not read to the end.
        let _ = stdin.write_all(text.as_bytes()).await;
    }
}

async fn hear(stream: Option<impl AsyncRead + Unpin>, output: &Output, which: Stream) {
    let Some(mut stream) = stream else { return };
    let mut part = vec![0; 16 << 10];
    while let Ok(count @ 1..) = stream.read(&mut part).await {
        output.add(which, &part[..count]);
    }
}

fn not_run(order: &Order, error: &std::io::Error, hidden: &Hidden) -> Fault {
    let shown = hidden.cut(&order.shown, TOLD);
    let fault = refused(format!("`{shown}` cannot be run: {}", innermost(error)));
    match error.kind() {
        std::io::ErrorKind::NotFound => fault.help(format!(
            "there must be the directory `{}`, and in it or on the `PATH` the program",
            order.directory.display()
        )),
        std::io::ErrorKind::PermissionDenied => fault.help("is it executable? `chmod +x` makes it so"),
        _ => fault,
    }
}
