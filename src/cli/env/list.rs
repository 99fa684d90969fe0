//! `tadpole env list`: one line an environment, for people or for programs.

use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::apply::clock::Clock;
use crate::cli::Exit;
use crate::cli::duration::roughly;
use crate::cli::env::Found;
use crate::cli::expiry::distance;
use crate::cli::markdown::columns;
use crate::cli::state::plural;
use crate::cli::streams::{put_json, put_out, tell_line};
use crate::cli::ui::{Look, Paint};
use crate::plan::text::shortened;
use crate::state::about::Command;
use crate::state::lease::Lease;
use crate::state::{State, Status};

/// Columns below which a command line is not worth showing.
const LEAST: usize = 12;

#[derive(clap::Args)]
pub struct List {
    /// The program: a directory with `.cloud` files, or one file
    #[arg(default_value = ".", value_name = "PROGRAM")]
    program: PathBuf,
    /// One JSON object a line, for programs
    #[arg(long)]
    json: bool,
}

impl List {
    pub fn run(self, look: Look) -> Result<Exit, Exit> {
        let all = super::found(&self.program, look)?;
        let now = Clock::system().now();
        let output = Look::of_output();
        let text = if self.json { lines(&all, now) } else { table(&all, now, output) };
        let unwritten = if self.json { put_json(&text, look) } else { put_out(&text, look) };
        if !self.json {
            say_expired(&all, now);
        }
        let unreadable = all.iter().any(|found| found.state.is_err());
        Ok(unwritten.unwrap_or(if unreadable { Exit::Failed } else { Exit::Done }))
    }
}

const HEADINGS: [&str; 6] = ["environment", "age", "expires", "resources", "health", "last command"];
/// What is not known, or is not there.
const NOTHING: &str = "-";

/// A cell, and its colour.
type Cell = (String, Paint);

fn table(all: &[Found], now: Timestamp, look: Look) -> String {
    let rows: Vec<Option<[Cell; 6]>> = all.iter().map(|found| row(found, now)).collect();
    let names = all.iter().map(|found| found.name.len()).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().flatten().map(|row| row[column].0.chars().count());
        let widest = cells.max().unwrap_or(0).max(HEADINGS[column].len());
        if column == 0 { widest.max(names) } else { widest }
    };
    let widths: [usize; 5] = std::array::from_fn(width);
    let room = look.width.saturating_sub(widths.iter().map(|width| width + 2).sum());
    let line = |cells: &[Cell; 6]| {
        let (last, others) = (&cells[5], &cells[..5]);
        let mut line = String::new();
        for (at, ((text, paint), width)) in others.iter().zip(widths).enumerate() {
            let space = " ".repeat(width - text.chars().count());
            let painted = look.paint(text, *paint);
            // Numbers stand below one another.
            line.push_str(&if at == 3 { format!("{space}{painted}  ") } else { format!("{painted}{space}  ") });
        }
        if room >= LEAST {
            line.push_str(&look.paint(&shortened(&last.0, room), last.1));
        }
        format!("{}\n", line.trim_end())
    };
    let mut text = String::new();
    if !all.is_empty() {
        text.push_str(&line(&HEADINGS.map(|heading| (heading.to_string(), Paint::Faint))));
    }
    for (found, row) in all.iter().zip(&rows) {
        if let Some(row) = row {
            text.push_str(&line(row));
        }
        for (note, paint) in notes(found, now) {
            let name = if row.is_some() { "" } else { found.name.as_str() };
            // What cannot be read stands behind its name, what else there is to say below it.
            let name = format!("{name:width$}", width = if row.is_some() { 0 } else { widths[0] });
            text.push_str(
                &columns(&[vec![name, note]], look.width)
                    .lines()
                    .fold(String::new(), |all, line| all + &look.paint(line, paint) + "\n"),
            );
        }
    }
    text
}

/// One line of the table; nothing for what cannot be read.
fn row(found: &Found, now: Timestamp) -> Option<[Cell; 6]> {
    let plain = |text: String| (text, Paint::Plain);
    let faint = |text: &str| (text.to_string(), Paint::Faint);
    let state = match &found.state {
        Ok(Some(state)) => state,
        Ok(None) => {
            let nothing = || faint(NOTHING);
            let name = plain(found.name.clone());
            return Some([name, nothing(), nothing(), nothing(), nothing(), faint("nothing is recorded")]);
        }
        Err(_) => return None,
    };
    let age = state.about.created.map(|created| plain(roughly(now.duration_since(created).unsigned_abs())));
    let expires = match state.about.expires {
        None => faint("never"),
        Some(at) if at <= now => (format!("expired {}", distance(at, now)), Paint::Bad),
        Some(at) => plain(distance(at, now)),
    };
    let last = state.about.command.as_ref().map(|command| plain(told(command, now)));
    Some([
        plain(found.name.clone()),
        age.unwrap_or_else(|| faint(NOTHING)),
        expires,
        plain(state.things().count().to_string()),
        health(state, found.at_work(now)),
        last.unwrap_or_else(|| faint(NOTHING)),
    ])
}

/// `3 h ago: apply --yes --ttl 4h (deploy@build-7)`
fn told(command: &Command, now: Timestamp) -> String {
    let line = command.line.strip_prefix("tadpole ").unwrap_or(&command.line);
    format!("{}: {line} ({})", distance(command.at.min(now), now), whom(command))
}

fn whom(Command { user, host, .. }: &Command) -> String {
    user.as_ref().map_or_else(|| host.clone(), |user| format!("{user}@{host}"))
}

/// How many of what is recorded are in which condition.
struct Health {
    live: usize,
    failing: usize,
    incomplete: usize,
    retired: usize,
    unfinished: usize,
}

impl Health {
    fn of(state: &State) -> Health {
        let count = |status| state.resources.values().filter(|recorded| recorded.status == status).count();
        Health {
            live: count(Status::Live),
            failing: count(Status::Failing),
            incomplete: count(Status::Incomplete),
            retired: state.retired.len(),
            unfinished: state.unfinished.len(),
        }
    }
}

/// As last recorded: `live`, or how many are; of an environment that is down, how many things it left standing.
fn health(state: &State, at_work: bool) -> Cell {
    let Health { live, failing, incomplete, retired, unfinished } = Health::of(state);
    let all = live + failing + incomplete + retired;
    match (unfinished, all) {
        (0, 0) if state.kept.is_empty() => (NOTHING.into(), Paint::Faint),
        (0, 0) => (format!("{} kept", state.kept.len()), Paint::Faint),
        (0, all) if all == live => ("live".into(), Paint::Good),
        (0, all) => (format!("{live} of {all} live"), Paint::Bad),
        (unfinished, _) if at_work => (format!("{unfinished} at work"), Paint::Change),
        // Nobody knows what these are until somebody finds out.
        (unfinished, _) => (format!("{unfinished} cut off"), Paint::Bad),
    }
}

/// What there is to say of one besides.
fn notes(found: &Found, now: Timestamp) -> Vec<(String, Paint)> {
    let fault = found.state.as_ref().err().map(|fault| (fault.to_string(), Paint::Bad));
    let holder = found.holder.as_ref().map(|lease| match lease.until >= now {
        true => (format!("is being changed by {lease}"), Paint::Change),
        false => (format!("was being changed by {lease}, which does not answer any more"), Paint::Bad),
    });
    fault.into_iter().chain(holder).collect()
}

/// What to do about what has expired, beside the list.
fn say_expired(all: &[Found], now: Timestamp) {
    let states = all.iter().filter_map(|found| found.state.as_ref().ok()?.as_ref());
    let expired = states.filter(|state| state.about.is_expired(now)).count();
    match expired {
        0 => {}
        1 => tell_line("1 environment has expired: `tadpole reap` takes it down."),
        many => tell_line(&format!("{} have expired: `tadpole reap` takes them down.", plural(many, "environment"))),
    }
}

/// The same for programs: one object a line.
fn lines(all: &[Found], now: Timestamp) -> String {
    all.iter().map(|found| format!("{}\n", object(found, now))).collect()
}

fn object(found: &Found, now: Timestamp) -> Json {
    let holder = found.holder.as_ref().map(|lease| {
        let Lease { command, user, host, since, .. } = lease;
        json!({ "command": command, "user": user, "host": host, "pid": lease.process.pid, "since": since })
    });
    let mut object = json!({ "environment": found.name, "holder": holder });
    let more = match &found.state {
        Ok(None) => json!({}),
        Err(fault) => json!({ "fault": fault.to_string() }),
        Ok(Some(state)) => {
            let Health { live, failing, incomplete, retired, unfinished } = Health::of(state);
            let (at_work, cut_off) = if found.at_work(now) { (unfinished, 0) } else { (0, unfinished) };
            let command =
                state.about.command.as_ref().map(
                    |Command { line, user, host, at }| json!({ "line": line, "user": user, "host": host, "at": at }),
                );
            json!({
                "cloud": state.cloud,
                "lineage": state.lineage,
                "created": state.about.created,
                "expires": state.about.expires,
                "expired": state.about.is_expired(now),
                "resources": { "live": live, "not_live": failing, "incomplete": incomplete, "replaced": retired },
                "kept": state.kept.len(),
                "at_work": at_work,
                "cut_off": cut_off,
                "command": command,
            })
        }
    };
    if let (Json::Object(object), Json::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}

#[cfg(test)]
mod tests;
