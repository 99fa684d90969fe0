//! What goes wrong in the sandbox, and how long things take: fair weather unless somebody makes another.
//! Everything follows from a seed: which call gets what depends on the seed, the run, the address, the
//! call and how many times it was made, and not on which came first.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use crate::apply::provider::Call;
use crate::apply::provider::{Fault, FaultKind};
use crate::name::Address;

/// Kept in the sandbox's file, so that it holds for the commands to come.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Weather {
    pub seed: u64,
    /// How long things take: 1 is as in real clouds, 0 is no time at all.
    pub latency: f64,
    /// How long a new thing may not be seen yet, and one that was deleted may be seen still.
    pub lag: Duration,
    /// The chance that a call is made too often, for the cloud's taste.
    pub throttle: f64,
    /// Calls a second that a service takes. That of the name `*` counts for services without their own.
    pub rates: BTreeMap<Arc<str>, f64>,
    /// The chance of an answer 500: not carried out.
    pub errors: f64,
    /// The chance that a call is carried out, and its answer lost.
    pub lose: f64,
    /// The chance that a call is lost on its way: not carried out, and nobody says so.
    pub lose_calls: f64,
    pub refusals: Vec<Refusal>,
}

/// Calls that do not go through, however often they are made.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Refusal {
    /// A type, `aws.S3Bucket`, or an address, `web[0]`; a `*` stands for any text.
    pub what: Arc<str>,
    /// All calls that change something, if it does not say which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Call>,
    pub kind: FaultKind,
}

/// What happens to one call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    Passes,
    Throttled,
    Fails,
    /// Carried out, and nobody hears of it.
    AnswerLost,
    /// Not carried out, and nobody hears of it.
    CallLost,
}

/// One call, as the dice see it.
#[derive(Clone, Copy, Debug)]
pub struct Throw<'a> {
    /// How many runs have met faults before this one.
    pub run: u64,
    pub address: &'a Address,
    pub call: Call,
    /// How many times this run has made it before.
    pub attempt: u32,
}

impl Weather {
    /// Whether nothing goes wrong and nothing takes time.
    pub fn is_fair(&self) -> bool {
        *self == Weather { seed: self.seed, ..Weather::default() }
    }

    /// What happens to a call, and how much faster or slower than usual it is.
    pub fn fate(&self, throw: Throw) -> (Fate, f64) {
        let mut dice = self.dice(throw);
        let chances = [
            (self.throttle, Fate::Throttled),
            (self.errors, Fate::Fails),
            (self.lose, Fate::AnswerLost),
            (self.lose_calls, Fate::CallLost),
        ];
        let mut left = dice.f64();
        let fate = chances.into_iter().find(|(chance, _)| {
            let hit = left < *chance;
            left -= chance;
            hit
        });
        (fate.map_or(Fate::Passes, |(_, fate)| fate), 0.75 + dice.f64() / 2.0)
    }

    fn dice(&self, Throw { run, address, call, attempt }: Throw) -> fastrand::Rng {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_le_bytes());
        hash.update(run.to_le_bytes());
        hash.update(u64::from(attempt).to_le_bytes());
        hash.update(call.name().as_bytes());
        hash.update(b" ");
        hash.update(address.to_string().as_bytes());
        let all = hash.finalize();
        let first: [u8; 8] = std::array::from_fn(|at| all[at]);
        fastrand::Rng::with_seed(u64::from_le_bytes(first))
    }

    /// Why a call is refused, if it is.
    pub fn refusal(&self, kind: &str, address: &Address, call: Call) -> Option<Fault> {
        let refusal = self.refusals.iter().find(|refusal| refusal.is_about(kind, address, call))?;
        let message = match refusal.kind {
            FaultKind::Denied => format!("you may not {} {kind} here", call.name()),
            _ => format!("the cloud does not {} this {kind}", call.name()),
        };
        let help = "the sandbox was told so: `tadpole sandbox break` shows what else, `--none` ends it";
        Some(Fault::new(refusal.kind, message).help(help))
    }

    /// Calls a second that a service takes, if it counts them.
    pub fn rate(&self, service: &str) -> Option<f64> {
        self.rates.get(service).or_else(|| self.rates.get("*")).copied()
    }

    /// How long looks do not show what became of a thing: from half the lag to all of it.
    pub fn lag_of(&self, id: &str) -> Duration {
        if self.lag.is_zero() {
            return Duration::ZERO;
        }
        let bytes = Sha256::digest(format!("{} {id}", self.seed).as_bytes());
        self.lag.mul_f64(0.5 + f64::from(bytes[0]) / 510.0)
    }

    /// A time in real clouds, as it is here.
    pub fn scaled(&self, time: Duration, speed: f64) -> Duration {
        time.mul_f64(self.latency * speed)
    }
}

impl Refusal {
    fn is_about(&self, kind: &str, address: &Address, call: Call) -> bool {
        let changes = matches!(call, Call::Create | Call::Update | Call::Delete);
        self.call.map_or(changes, |only| only == call)
            && (matches(&self.what, kind) || matches(&self.what, &address.to_string()))
    }
}

/// Whether a text is as a pattern says, in which `*` stands for any text.
pub fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text
            .strip_prefix(start)
            .is_some_and(|text| (0..=text.len()).any(|at| text.get(at..).is_some_and(|text| matches(rest, text)))),
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        self.call.map_or(Ok(()), |call| write!(f, ":{}", call.name()))
    }
}

/// The fault that a fate comes to, if it is one.
pub fn fault(fate: Fate) -> Option<Fault> {
    let (kind, message) = match fate {
        Fate::Passes => return None,
        Fate::Throttled => (FaultKind::Throttled, "too many calls"),
        Fate::Fails => (FaultKind::Unavailable, "the service failed (500)"),
        Fate::AnswerLost | Fate::CallLost => (FaultKind::Unknown, "no answer came"),
    };
    Some(Fault::new(kind, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throw(address: &Address, attempt: u32) -> Throw<'_> {
        Throw { run: 1, address, call: Call::Create, attempt }
    }

    #[test]
    fn fates_follow_from_the_seed() {
        let weather = Weather { seed: 7, throttle: 0.2, errors: 0.2, lose: 0.2, lose_calls: 0.2, ..Weather::default() };
        let address: Address = "web[0]".parse().unwrap();
        let all = |weather: &Weather| (0..200).map(|at| weather.fate(throw(&address, at)).0).collect::<Vec<_>>();
        let fates = all(&weather);
        assert_eq!(fates, all(&weather));
        assert_ne!(fates, all(&Weather { seed: 8, ..weather.clone() }));
        for fate in [Fate::Passes, Fate::Throttled, Fate::Fails, Fate::AnswerLost, Fate::CallLost] {
            let count = fates.iter().filter(|one| **one == fate).count();
            assert!((20..60).contains(&count), "{fate:?}: {count} of 200");
        }
        let other: Address = "web[1]".parse().unwrap();
        let others: Vec<Fate> = (0..200).map(|at| weather.fate(throw(&other, at)).0).collect();
        assert_ne!(fates, others);
        let later: Vec<Fate> = (0..200).map(|at| weather.fate(Throw { run: 2, ..throw(&address, at) }).0).collect();
        assert_ne!(fates, later);
    }

    #[test]
    fn what_is_refused() {
        let refusal = |what: &str, call| Refusal { what: what.into(), call, kind: FaultKind::Denied };
        let address: Address = "web[0].disk".parse().unwrap();
        for (refusal, call, refused) in [
            (refusal("aws.S3Bucket", Some(Call::Create)), Call::Create, true),
            (refusal("aws.S3Bucket", Some(Call::Create)), Call::Delete, false),
            (refusal("aws.S3Bucket", None), Call::Delete, true),
            (refusal("aws.S3Bucket", None), Call::Read, false),
            (refusal("aws.*", Some(Call::Read)), Call::Read, true),
            (refusal("web[*].disk", None), Call::Update, true),
            (refusal("web[*]", None), Call::Update, false),
            (refusal("*", None), Call::Update, true),
        ] {
            assert_eq!(refusal.is_about("aws.S3Bucket", &address, call), refused, "{refusal} {call:?}");
        }
    }
}
