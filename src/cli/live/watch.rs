//! Asking again and again: a page that is drawn anew on a terminal, and one line a change elsewhere.

use std::time::Duration;

use crate::cli::Exit;
use crate::cli::live::{Asker, document, exit_of, tree};
use crate::cli::signals::signal;
use crate::cli::state::recorded;
use crate::cli::streams::{put_json, put_out, put_page};
use crate::live::{Round, Standing, Thing};
use crate::name::{Address, Table};
use crate::state::State;

impl Asker {
    /// Rounds until somebody stops it; then it ends as its last whole round says.
    pub(super) async fn watch(&self, state: State, every: Duration) -> Result<Exit, Exit> {
        let mut stop = std::pin::pin!(signal());
        let mut told = Told::default();
        let mut last = Exit::Interrupted;
        let mut state = state;
        loop {
            let round = tokio::select! {
                round = self.round(&state) => round,
                () = &mut stop => return Ok(last),
            };
            self.keep(&state, &round)?;
            let look = self.session.look;
            let unwritten = if self.json {
                put_json(&format!("{}\n", document::document(&round, &state, &self.session)), look)
            } else if self.output.live {
                put_page(&self.screen(&state, &round, every), look)
            } else {
                put_out(&told.changes(&round).iter().map(|line| format!("{line}\n")).collect::<String>(), look)
            };
            if let Some(exit) = unwritten {
                return Err(exit);
            }
            last = exit_of(&round);
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                () = &mut stop => return Ok(last),
            }
            state = recorded(&self.session.place, self.session.look)?;
        }
    }

    /// As much of the page as there is room for, and the summary in any case.
    fn screen(&self, state: &State, round: &Round, every: Duration) -> String {
        let page = self.page(state, round);
        let rows = console::Term::stdout().size_checked().map_or(usize::MAX, |(rows, _)| usize::from(rows));
        let room = rows.saturating_sub(5).max(5);
        let lines: Vec<&str> = page.lines().collect();
        let mut text: String = lines.iter().take(room).map(|line| format!("{line}\n")).collect();
        if lines.len() > room {
            let more = lines.len() - room;
            text.push_str(&format!("  and {more} more lines: `--failing` leaves out what is live\n\n"));
        }
        let at = round.at.strftime("%H:%M:%S");
        let every = crate::cli::progress::shown(every);
        text + &tree::summary(round, self.output) + &format!("  at {at} UTC, again every {every}; Ctrl-C ends it\n")
    }
}

/// How each thing is, and what there is to say of it.
type Said = Table<(Address, String), (Standing, Vec<String>)>;

/// What was said last of each thing.
#[derive(Default)]
pub(super) struct Told {
    said: Option<Said>,
}

impl Told {
    /// One line for each thing that is not as it was, or not good the first time, and one for all of them.
    pub(super) fn changes(&mut self, round: &Round) -> Vec<String> {
        let at = round.at.strftime("%H:%M:%S");
        let now: Said = round.things.iter().map(|thing| (key(thing), (thing.standing, thing.notes()))).collect();
        let line = |thing: &Thing, what: String| {
            let (mark, _) = tree::mark(thing.standing);
            format!("{at}  {mark} {}  {what}", thing.address)
        };
        let with_notes = |state: String, notes: &[String]| match notes {
            [] => state,
            notes => format!("{state}: {}", notes.join("; ")),
        };
        let mut lines = Vec::new();
        for thing in &round.things {
            let (words, notes) = (thing.standing.words(), thing.notes());
            match self.said.as_ref().map(|said| said.get(&key(thing))) {
                None if thing.standing.is_quiet() => {}
                None => lines.push(line(thing, with_notes(words.into(), &notes))),
                Some(None) => lines.push(line(thing, with_notes(format!("new: {words}"), &notes))),
                Some(Some((was, _))) if *was != thing.standing => {
                    lines.push(line(thing, with_notes(format!("{} -> {words}", was.words()), &notes)));
                }
                Some(Some((_, said))) if *said != notes => lines.push(line(thing, with_notes(words.into(), &notes))),
                Some(Some(_)) => {}
            }
        }
        let mut gone: Vec<&Address> = self
            .said
            .iter()
            .flat_map(Table::keys)
            .filter(|key| !now.contains_key(*key))
            .map(|(address, _)| address)
            .collect();
        gone.sort();
        lines.extend(gone.into_iter().map(|address| format!("{at}  - {address}  not recorded any more")));
        if self.said.is_none() || !lines.is_empty() {
            lines.push(format!("{at}  {}", tree::counts(round)));
        }
        self.said = Some(now);
        lines
    }
}

/// Two things may have one address, while one of them takes the place of the other.
fn key(thing: &Thing) -> (Address, String) {
    (thing.address.clone(), thing.id.to_string())
}
