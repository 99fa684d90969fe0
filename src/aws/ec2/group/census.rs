//! How a group is, from its numbers.

use crate::apply::provider::Health;

/// The numbers of a group.
pub struct Census {
    pub least: usize,
    pub running: usize,
    pub pending: usize,
    pub stopped: usize,
    /// In any state.
    pub listed: usize,
    /// Alive when last recorded.
    pub recorded: usize,
    pub is_new: bool,
}

pub fn health(group: &Census) -> Health {
    let least = group.least;
    let alive = group.running + group.pending + group.stopped;
    if group.running >= least {
        return Health::Live;
    }
    if alive == 0 {
        return Health::Waiting("shutting down".to_string());
    }
    // Amazon starts `minCount` or none: fewer in the first lists are a list that is behind.
    if group.listed < least && group.recorded == 0 && group.is_new {
        return Health::Waiting(format!("{} of {least} listed", group.listed));
    }
    if alive < least {
        return Health::Dead(format!("{alive} of at least {least} instances are alive"));
    }
    if group.running + group.pending < least {
        return Health::Dead(format!("{} of {alive} instances are stopped", group.stopped));
    }
    Health::Waiting(format!("{} of {least} running", group.running))
}

impl Census {
    /// How many there are at least, as a program would say it: as many as it wanted, unless that is not so and
    /// will not be so by itself. Where it is not, the next plan has something to change.
    pub fn at_least(&self) -> usize {
        match health(self) {
            Health::Dead(_) => self.running + self.pending,
            Health::Live | Health::Waiting(_) => self.least,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_health_of_a_group_follows_from_its_numbers() {
        let waiting = |text: &str| Health::Waiting(text.to_string());
        let dead = |text: &str| Health::Dead(text.to_string());
        // Of at least ten: running, pending, stopped, terminated or going.
        for (running, pending, stopped, gone, expected) in [
            (10, 0, 0, 0, Health::Live),
            (10, 2, 0, 0, Health::Live),
            (11, 0, 1, 3, Health::Live),
            (3, 7, 0, 0, waiting("3 of 10 running")),
            (0, 10, 0, 0, waiting("0 of 10 running")),
            (7, 0, 0, 3, dead("7 of at least 10 instances are alive")),
            (5, 2, 0, 3, dead("7 of at least 10 instances are alive")),
            (7, 0, 3, 0, dead("3 of 10 instances are stopped")),
            (7, 2, 3, 0, dead("3 of 12 instances are stopped")),
            (7, 3, 2, 0, waiting("7 of 10 running")),
            (0, 0, 0, 10, waiting("shutting down")),
        ] {
            let listed = running + pending + stopped + gone;
            let group = Census { least: 10, running, pending, stopped, listed, recorded: 10, is_new: true };
            assert_eq!(health(&group), expected, "{running} {pending} {stopped} {gone}");
        }
    }

    #[test]
    fn a_list_that_is_behind_is_not_a_death() {
        let group = |is_new, recorded| {
            health(&Census { least: 10, running: 2, pending: 5, stopped: 0, listed: 7, recorded, is_new })
        };
        assert_eq!(group(true, 0), Health::Waiting("7 of 10 listed".into()));
        let dead = Health::Dead("7 of at least 10 instances are alive".into());
        assert_eq!(group(false, 0), dead);
        assert_eq!(group(true, 10), dead);
    }

    #[test]
    fn a_group_that_is_short_tells_how_many_it_has() {
        let group = |running, pending, stopped, listed, is_new| Census {
            least: 10,
            running,
            pending,
            stopped,
            listed,
            recorded: 0,
            is_new,
        };
        assert_eq!(group(10, 0, 2, 12, false).at_least(), 10);
        assert_eq!(group(3, 7, 0, 10, false).at_least(), 10, "they are on their way");
        assert_eq!(group(7, 0, 0, 10, false).at_least(), 7);
        assert_eq!(group(7, 0, 3, 10, false).at_least(), 7, "what is stopped does not count");
        assert_eq!(group(2, 5, 0, 7, true).at_least(), 10, "a list that is behind says nothing");
    }
}
