//! How everything is that is recorded: the liveness actions of all of it, side by side. Nothing is changed, and
//! nothing is recorded.

mod ask;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::action::NOT_LIVE;
use crate::apply::provider::Fault;
use crate::model::action::Verb;
use crate::name::{Address, Name};
pub use ask::ask;

/// What there is to say of a thing, or of one action that looked at it. The worse is the greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Standing {
    /// Nobody asks: it has no liveness actions.
    Unasked,
    Live,
    /// It has a successor, and is there until the next apply.
    Replaced,
    /// An action failed whose `onFailure` is `"warn"`.
    Warned,
    /// An operation was cut off, or goes on now: nobody knows what came of it.
    CutOff,
    /// Its start or its update did not come to an end.
    Incomplete,
    /// It could not be asked.
    Unknown,
    NotLive,
}

impl Standing {
    pub const ALL: [Standing; 8] = [
        Standing::Unasked,
        Standing::Live,
        Standing::Replaced,
        Standing::Warned,
        Standing::CutOff,
        Standing::Incomplete,
        Standing::Unknown,
        Standing::NotLive,
    ];

    /// Whether nobody has to be woken up.
    pub fn is_good(self) -> bool {
        match self {
            Standing::Unasked | Standing::Live | Standing::Replaced | Standing::Warned => true,
            Standing::CutOff | Standing::Incomplete | Standing::Unknown | Standing::NotLive => false,
        }
    }

    /// Whether there is nothing to say of it.
    pub fn is_quiet(self) -> bool {
        matches!(self, Standing::Unasked | Standing::Live)
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Standing::Unasked => "not asked",
            Standing::Live => "live",
            Standing::Replaced => "replaced",
            Standing::Warned => "warned",
            Standing::CutOff => "unfinished",
            Standing::Incomplete => "incomplete",
            Standing::Unknown => "unknown",
            Standing::NotLive => "not live",
        }
    }

    /// For programs.
    pub fn key(self) -> &'static str {
        match self {
            Standing::Unasked => "not_asked",
            Standing::Live => "live",
            Standing::Replaced => "replaced",
            Standing::Warned => "warned",
            Standing::CutOff => "cut_off",
            Standing::Incomplete => "incomplete",
            Standing::Unknown => "unknown",
            Standing::NotLive => "not_live",
        }
    }
}

/// All of it, asked once.
#[derive(Debug)]
pub struct Round {
    pub at: Timestamp,
    pub took: Duration,
    /// In the order of their addresses.
    pub things: Vec<Thing>,
}

#[derive(Debug)]
pub struct Thing {
    pub address: Address,
    pub template: Name,
    pub kind: Arc<str>,
    pub id: Arc<str>,
    /// Whether this environment made it; if not, it existed already, and was found.
    pub is_ours: bool,
    pub standing: Standing,
    /// One for each of its liveness actions that is run when somebody asks.
    pub looks: Vec<Look>,
}

/// What one action saw.
#[derive(Debug)]
pub struct Look {
    pub action: Name,
    pub verb: Verb,
    pub standing: Standing,
    /// With all its looks. Nothing where one call was about many things.
    pub took: Option<Duration>,
    /// What is wrong.
    pub fault: Option<Fault>,
    /// Failures of it, or of its parts, that are warnings and no more.
    pub warnings: Vec<(Name, Fault)>,
}

impl Round {
    pub fn is_good(&self) -> bool {
        self.things.iter().all(|thing| thing.standing.is_good())
    }

    pub fn count(&self, standing: Standing) -> usize {
        self.things.iter().filter(|thing| thing.standing == standing).count()
    }

    /// Everything that went wrong, with the address that it is about.
    pub fn faults(&self) -> impl Iterator<Item = (&Address, &Fault)> {
        self.things
            .iter()
            .flat_map(|thing| thing.looks.iter().filter_map(|look| Some((&thing.address, look.fault.as_ref()?))))
    }
}

impl Thing {
    /// Of the action that took longest: they look side by side.
    pub fn took(&self) -> Option<Duration> {
        self.looks.iter().filter_map(|look| look.took).max()
    }

    /// What is wrong with it, or what there is to know of it; one line each.
    pub fn notes(&self) -> Vec<String> {
        match self.standing {
            Standing::Replaced => vec!["it has a successor: the next apply takes it down".into()],
            Standing::CutOff => vec!["an operation began, and its end is not recorded".into()],
            Standing::Incomplete => vec!["it did not come to its end: the next apply goes on".into()],
            Standing::Unasked | Standing::Live | Standing::Warned | Standing::Unknown | Standing::NotLive => {
                self.looks.iter().flat_map(Look::notes).collect()
            }
        }
    }
}

impl Look {
    fn notes(&self) -> impl Iterator<Item = String> {
        let wrong = self.fault.iter().map(|fault| (&self.action, fault));
        let wrong = wrong.chain(self.warnings.iter().map(|(action, fault)| (action, fault)));
        wrong.map(|(action, fault)| format!("{action}: {}", why(fault)))
    }

    /// What is wrong with it, without saying that it is.
    pub fn message(&self) -> Option<String> {
        let first = || self.warnings.first().map(|(_, fault)| fault);
        self.fault.as_ref().or_else(first).map(why)
    }
}

/// Why a thing is not live, for a place that says so itself.
fn why(fault: &Fault) -> String {
    let text = fault.to_string();
    text.strip_prefix(NOT_LIVE).unwrap_or(&text).to_string()
}

#[cfg(test)]
mod tests;
