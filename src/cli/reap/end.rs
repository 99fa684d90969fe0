//! What became of an environment whose time was over.

use std::sync::Arc;

use jiff::Timestamp;

use crate::cli::state::plural;
use crate::name::{Address, Name};
use crate::state::State;

/// One environment, and what became of it.
pub struct Reaped {
    pub name: String,
    /// When its time was over, as far as that can be read.
    pub expired: Option<Timestamp>,
    pub end: End,
}

/// A thing that is there still, and recorded no longer.
pub struct Standing {
    pub address: Address,
    pub template: Name,
    pub id: Arc<str>,
}

pub enum End {
    /// Nothing is recorded in it any more.
    Down {
        gone: usize,
        standing: Vec<Standing>,
    },
    /// What would become of it, by what is recorded.
    Would {
        gone: usize,
        standing: Vec<Standing>,
        unfinished: usize,
    },
    /// Something is recorded in it still: the next one goes on from there.
    Failed {
        why: Vec<String>,
        left: usize,
        standing: Vec<Standing>,
    },
    /// Another command has it.
    Held(String),
    /// It is not as it was found, now that it is taken.
    Changed(String),
    /// It is recorded in a cloud that this command does not work on.
    Elsewhere(Arc<str>),
    Unreadable(String),
    /// The command was to stop before.
    NotTried,
}

impl End {
    pub fn would(state: &State) -> End {
        let (goes, stays): (Vec<_>, Vec<_>) = state.things().partition(|(_, recorded)| recorded.is_deleted());
        // What was found is as it was before.
        let ours = stays.into_iter().filter(|(_, recorded)| recorded.is_ours());
        let standing = ours.map(|(address, recorded)| Standing {
            address: address.clone(),
            template: recorded.template.clone(),
            id: recorded.id.clone(),
        });
        End::Would { gone: goes.len(), standing: standing.collect(), unfinished: state.unfinished.len() }
    }

    /// Whether somebody must look at it.
    pub fn is_failure(&self) -> bool {
        match self {
            End::Failed { .. } | End::Unreadable(_) => true,
            End::Down { .. }
            | End::Would { .. }
            | End::Held(_)
            | End::Changed(_)
            | End::Elsewhere(_)
            | End::NotTried => false,
        }
    }

    /// Whether it is as it was before, and nothing is wrong with that.
    pub fn is_skipped(&self) -> bool {
        match self {
            End::Held(_) | End::Changed(_) | End::Elsewhere(_) | End::NotTried => true,
            End::Down { .. } | End::Would { .. } | End::Failed { .. } | End::Unreadable(_) => false,
        }
    }

    pub fn standing(&self) -> &[Standing] {
        match self {
            End::Down { standing, .. } | End::Would { standing, .. } | End::Failed { standing, .. } => standing,
            End::Held(_) | End::Changed(_) | End::Elsewhere(_) | End::Unreadable(_) | End::NotTried => &[],
        }
    }

    /// What became of it, in a few words.
    pub fn in_words(&self) -> String {
        match self {
            End::Down { gone: 0, standing } if standing.is_empty() => "taken down: nothing was left in it".into(),
            End::Down { gone, .. } => format!("taken down: {}", plural(*gone, "resource")),
            End::Would { gone, unfinished: 0, .. } => format!("would be taken down: {}", plural(*gone, "resource")),
            End::Would { gone, unfinished, .. } => format!(
                "would be taken down: {}, and what became of {} that were cut off",
                plural(*gone, "resource"),
                plural(*unfinished, "operation")
            ),
            End::Failed { left: 0, .. } => "failed: something of it is there still, and nothing records it".into(),
            End::Failed { left, .. } => format!("failed: {} still recorded", plural(*left, "resource")),
            End::Held(by) => format!("skipped: it is being changed by {by}"),
            End::Changed(how) => format!("skipped: {how}"),
            End::Elsewhere(cloud) if **cloud == *"sandbox" => {
                "skipped: it is in the sandbox, and `--sandbox` was left out".into()
            }
            End::Elsewhere(_) => "skipped: it is real, and `--sandbox` was given".into(),
            End::Unreadable(why) => format!("cannot be read: {why}"),
            End::NotTried => "not tried: this was stopped before".into(),
        }
    }

    /// Why it did not come to its end.
    pub fn why(&self) -> &[String] {
        match self {
            End::Failed { why, .. } => why,
            End::Down { .. }
            | End::Would { .. }
            | End::Held(_)
            | End::Changed(_)
            | End::Elsewhere(_)
            | End::Unreadable(_)
            | End::NotTried => &[],
        }
    }
}
