//! `tadpole env extend`: another end, or none, for an environment that is there.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::apply::clock::Clock;
use crate::cli::context::{Place, parse_env};
use crate::cli::env::recorded;
use crate::cli::expiry::{after, told};
use crate::cli::state::{kept, name_of};
use crate::cli::streams::{say, tell_line};
use crate::cli::turn::Turn;
use crate::cli::ui::Look;
use crate::cli::{Exit, duration};
use crate::state::State;
use crate::state::lease::to_seconds;
use crate::state::ledger::Ledger;
use crate::state::record::Record;

#[derive(clap::Args)]
pub struct Extend {
    /// The environment
    #[arg(value_name = "NAME", value_parser = parse_env)]
    name: String,
    /// The program: a directory with `.cloud` files, or one file
    #[arg(default_value = ".", value_name = "PROGRAM")]
    program: PathBuf,
    #[command(flatten)]
    until: Until,
    #[command(flatten)]
    turn: Turn,
}

#[derive(clap::Args, Clone, Copy)]
#[group(required = true, multiple = false)]
struct Until {
    /// So much longer than recorded; from now on, when its time is over: `2h`, `3d`
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_ttl)]
    by: Option<Duration>,
    /// Until then, in UTC if no zone is given: `2026-11-21T20:00`
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: Option<Timestamp>,
    /// For ever: `tadpole reap` never takes it down
    #[arg(long)]
    never: bool,
}

/// A moment, in UTC where it does not say otherwise.
fn parse_time(text: &str) -> Result<Timestamp, String> {
    let wrong = || "write it like `2026-11-21T20:00`, which is UTC, or `2026-11-21T20:00+01:00`".to_string();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(to_seconds(time));
    }
    // A day alone has no hour at which it would be over.
    let time: DateTime = text.contains(':').then(|| text.parse().ok()).flatten().ok_or_else(wrong)?;
    let zoned = time.to_zoned(TimeZone::UTC).map_err(|_| wrong())?;
    Ok(to_seconds(zoned.timestamp()))
}

impl Extend {
    pub fn run(self, look: Look) -> Result<Exit, Exit> {
        let place = Place::of(&self.program, &self.name);
        recorded(&place, look)?;
        let (store, replayed) = self.turn.take(&place.record(), look)?;
        // It may have been removed meanwhile.
        let Some(replayed) = replayed else { return Err(super::say_unknown(&self.program, &self.name, look)) };
        let ledger = Ledger::new(replayed.state, Box::new(store), replayed.records);
        let (now, was, name) = (Clock::system().now(), ledger.state().about.expires, name_of(&place));
        let at = self.until.of(ledger.state(), &name, now).map_err(|(message, help)| {
            say(&message, Some(&help), look);
            Exit::Wrong
        })?;
        kept(ledger, vec![Record::Expires { at }], look)?;
        let before = was.filter(|was| Some(*was) != at).map(|was| format!("; it was {}", told(was, now)));
        tell_line(&match at {
            Some(at) => format!("{name} expires {}{}", told(at, now), before.unwrap_or_default()),
            None => format!("{name} stays until somebody destroys it{}", before.unwrap_or_default()),
        });
        Ok(Exit::Done)
    }
}

impl Until {
    /// When an environment is over from now on; why it cannot be, with what to do.
    fn of(self, state: &State, name: &str, now: Timestamp) -> Result<Option<Timestamp>, (String, String)> {
        if state.holds_nothing() {
            let help = "`tadpole apply --ttl 4h` makes it, for a time";
            return Err((format!("nothing is there in {name} that could expire"), help.into()));
        }
        match (self.by, self.until, state.about.expires) {
            (Some(by), _, Some(was)) => Ok(Some(after(was.max(now), by))),
            (Some(_), _, None) => {
                let help = "it stays until somebody destroys it; `--until TIME` gives it an end";
                Err((format!("{name} has no end that could be moved"), help.into()))
            }
            (None, Some(until), _) if until <= now => {
                let help = "`tadpole destroy` takes it down now";
                Err((format!("`--until` is over already: {}", told(until, now)), help.into()))
            }
            (None, until, _) => Ok(until),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::about::About;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn times_are_utc_unless_they_say_otherwise() {
        let expected = time("2026-11-21T20:00:00Z");
        for text in ["2026-11-21T20:00", "2026-11-21 20:00", "2026-11-21T20:00Z", "2026-11-21T21:00+01:00"] {
            assert_eq!(parse_time(text), Ok(expected), "{text}");
        }
        for text in ["", "tomorrow", "2026-11-21", "20:00", "2026-13-21T20:00"] {
            assert!(parse_time(text).unwrap_err().contains("write it like"), "{text}");
        }
    }

    #[test]
    fn an_end_moves_from_where_it_was_or_from_now() {
        let now = time("2026-11-21T16:00:00Z");
        let by = Until { by: Some(Duration::from_secs(7200)), until: None, never: false };
        let state = |expires: Option<&str>| {
            let about = About { expires: expires.map(time), ..About::default() };
            let mut state = State { about, ..State::new("l".into(), "sandbox".into()) };
            let recorded = serde_json::json!({
                "template": "T", "kind": "t.T", "id": "1", "status": "live", "inputs": {}, "outputs": {},
                "dependencies": [], "lifecycle": { "start": [], "liveness": [], "terminate": [], "update": [] },
            });
            state.resources.insert("a".parse().unwrap(), serde_json::from_value(recorded).unwrap());
            state
        };
        let of = |until: Until, expires| until.of(&state(expires), "shop/pr-1", now).map_err(|(message, _)| message);
        assert_eq!(of(by, Some("2026-11-21T17:00:00Z")), Ok(Some(time("2026-11-21T19:00:00Z"))));
        assert_eq!(of(by, Some("2026-11-20T17:00:00Z")), Ok(Some(time("2026-11-21T18:00:00Z"))));
        assert_eq!(of(by, None), Err("shop/pr-1 has no end that could be moved".into()));
        let until = |text: &str| Until { by: None, until: Some(time(text)), never: false };
        assert_eq!(of(until("2026-11-22T00:00:00Z"), None), Ok(Some(time("2026-11-22T00:00:00Z"))));
        let over = of(until("2026-11-21T15:00:00Z"), None).unwrap_err();
        assert_eq!(over, "`--until` is over already: 2026-11-21 15:00 UTC, 1 h ago");
        let never = Until { by: None, until: None, never: true };
        assert_eq!(of(never, Some("2026-11-20T17:00:00Z")), Ok(None));
        let empty = State::new("l".into(), "sandbox".into());
        assert!(never.of(&empty, "shop/pr-1", now).unwrap_err().0.contains("nothing is there"));
    }
}
