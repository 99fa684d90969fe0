//! Bad weather from a seed: which calls go wrong, and how.

use std::time::Duration;

use fastrand::Rng;

/// What happens to one call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mishap {
    /// It is carried out, and the answer never comes.
    LostAnswer,
    /// It is not carried out, and this is the answer: a status and a code.
    Refusal(u16, &'static str),
    /// It is not carried out: there were too many.
    Throttled,
    /// It is not carried out: the service is broken.
    Broken,
    /// It is carried out, and the service says that it is broken.
    BrokenAfterwards,
    /// It is not carried out, and the connection ends.
    Reset,
    /// It takes so long.
    Slow(Duration),
}

pub struct Weather {
    random: Rng,
    /// How many calls of a hundred something happens to.
    percent: u8,
}

impl Weather {
    pub fn new(seed: u64, percent: u8) -> Weather {
        Weather { random: Rng::with_seed(seed), percent }
    }

    pub fn next(&mut self) -> Option<Mishap> {
        if self.random.u8(..100) >= self.percent {
            return None;
        }
        Some(match self.random.u8(..6) {
            0 => Mishap::LostAnswer,
            1 => Mishap::Throttled,
            2 => Mishap::Broken,
            3 => Mishap::BrokenAfterwards,
            4 => Mishap::Reset,
            _ => Mishap::Slow(Duration::from_millis(self.random.u64(1..60))),
        })
    }
}
