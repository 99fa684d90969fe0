//! `tadpole reap`: takes down every environment whose time is over, and no other. One after the other, each
//! under its own lock, so that several may run at once; whatever becomes of one, the others are tried.

mod end;
mod one;
mod summary;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::apply::Stop;
use crate::apply::clock::Clock;
use crate::cli::Exit;
use crate::cli::cloud::Cloud;
use crate::cli::context::Place;
use crate::cli::env::{self, Found};
use crate::cli::expiry::told;
use crate::cli::signals;
use crate::cli::state::{agreed, plural};
use crate::cli::streams::{put_out, say, tell_line};
use crate::cli::ui::{Look, Paint};
use crate::state::State;
use end::{End, Reaped};

#[derive(clap::Args)]
pub struct Reap {
    /// The program: a directory with `.cloud` files, or one file
    #[arg(default_value = ".", value_name = "PROGRAM")]
    program: PathBuf,
    #[command(flatten)]
    cloud: Cloud,
    /// Only say what would be taken down, by what is recorded
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Append what became of each to a file, as Markdown: `$GITHUB_STEP_SUMMARY`
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// The same on standard output
    #[arg(long)]
    markdown: bool,
}

impl Reap {
    pub async fn run(self, look: Look) -> Exit {
        self.reap(look).await.unwrap_or_else(|exit| exit)
    }

    async fn reap(self, look: Look) -> Result<Exit, Exit> {
        let all = env::found(&self.program, look)?;
        // Before anything is done of which it could not tell.
        let file = self.summary.as_deref().map(|path| open(path, look)).transpose()?;
        let now = Clock::system().now();
        let (name, count) = (Place::of(&self.program, "default").default_name(), all.len());
        let (mut ended, expired) = sorted(all, self.cloud.sandbox, now);
        let elsewhere = ended.iter().filter(|reaped| reaped.expired.is_some()).count();
        say_what_there_is(&name, count, elsewhere, &expired, now, look);
        let mut interrupted = false;
        if self.dry_run {
            ended.extend(expired.into_iter().map(|expired| expired.would_end()));
        } else if !expired.is_empty() {
            agreed(&format!("Take down {}?", plural(expired.len(), "environment")), self.yes, look)?;
            let (stop, signals) = signals::listening(look);
            for expired in expired {
                let end = match *stop.borrow() {
                    Stop::No => one::take_down(&self.program, &self.cloud, &expired, &stop, look),
                    Stop::Soon | Stop::Now => {
                        ended.push(expired.ends(End::NotTried));
                        continue;
                    }
                };
                let end = end.await;
                ended.push(expired.ends(end));
            }
            signals.abort();
            interrupted = *stop.borrow() != Stop::No;
        }
        tell_line("");
        for (line, paint) in summary::lines(&ended) {
            tell_line(&look.paint(&line, paint));
        }
        let page = summary::page(&name, &ended, self.dry_run, now);
        let unwritten = file.and_then(|(path, file)| append(&path, file, &page, look).err());
        let unsaid = self.markdown.then(|| put_out(&page, look)).flatten();
        let failed = ended.iter().any(|reaped| reaped.end.is_failure());
        let exit = match (interrupted, failed) {
            (true, _) => Exit::Interrupted,
            (false, true) => Exit::Failed,
            (false, false) => unwritten.or(unsaid).unwrap_or(Exit::Done),
        };
        Ok(exit)
    }
}

/// An environment whose time is over, as it was found.
pub struct Expired {
    name: String,
    at: Timestamp,
    state: State,
}

impl Expired {
    fn ends(self, end: End) -> Reaped {
        Reaped { name: self.name, expired: Some(self.at), end }
    }

    fn would_end(self) -> Reaped {
        let end = End::would(&self.state);
        self.ends(end)
    }
}

/// What can be said at once, and what is to be taken down: what expired first comes first.
fn sorted(all: Vec<Found>, sandbox: bool, now: Timestamp) -> (Vec<Reaped>, Vec<Expired>) {
    let (mut ended, mut expired) = (Vec::new(), Vec::new());
    for Found { name, state, .. } in all {
        match state {
            // Nobody knows whether its time is over, so somebody must look at it.
            Err(fault) => ended.push(Reaped { name, expired: None, end: End::Unreadable(fault.to_string()) }),
            Ok(state) => {
                let Some(state) = state.filter(|state| state.about.is_expired(now)) else { continue };
                let Some(at) = state.about.expires else { continue };
                if sandbox == (*state.cloud == *"sandbox") {
                    expired.push(Expired { name, at, state });
                } else {
                    ended.push(Reaped { name, expired: Some(at), end: End::Elsewhere(state.cloud) });
                }
            }
        }
    }
    expired.sort_by_key(|expired| expired.at);
    (ended, expired)
}

fn say_what_there_is(name: &str, count: usize, elsewhere: usize, expired: &[Expired], now: Timestamp, look: Look) {
    let all = expired.len() + elsewhere;
    let has = if all == 1 { "has" } else { "have" };
    let count = plural(count, "environment");
    let text = match all {
        0 => format!("Nothing to take down: of {count} of {name}, none has expired."),
        many => format!("Of {count} of {name}, {many} {has} expired:"),
    };
    tell_line(&look.paint(&text, Paint::Strong));
    let column = expired.iter().map(|expired| expired.name.len()).max().unwrap_or(0);
    for Expired { name, at, state } in expired {
        let things = plural(state.things().count(), "resource");
        tell_line(&format!("  {name:column$}  {}  {things}", told(*at, now)));
    }
}

fn open(path: &Path, look: Look) -> Result<(PathBuf, File), Exit> {
    match OpenOptions::new().append(true).create(true).open(path) {
        Ok(file) => Ok((path.to_path_buf(), file)),
        Err(error) => {
            say(&format!("`{}` cannot be written: {error}", path.display()), Some("nothing was taken down"), look);
            Err(Exit::Wrong)
        }
    }
}

fn append(path: &Path, mut file: File, page: &str, look: Look) -> Result<(), Exit> {
    file.write_all(page.as_bytes()).map_err(|error| {
        say(&format!("`{}` cannot be written: {error}", path.display()), None, look);
        Exit::Failed
    })
}
