//! What a provider says of a thing that was recorded. Data only.

use serde::{Deserialize, Serialize};

use crate::name::Name;
use crate::value::Fields;

/// What there is.
#[derive(Clone, Debug)]
pub enum Reading {
    Gone,
    Here(Here),
}

impl Reading {
    /// How it is; nothing when it is gone.
    pub fn health(self) -> Option<Health> {
        match self {
            Reading::Here(here) => Some(here.health),
            Reading::Gone => None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Here {
    /// Inputs as the cloud has them, of those that it tells; attributes that are not in here are
    /// taken to be as recorded.
    pub inputs: Fields,
    /// Computed attributes.
    pub outputs: Fields,
    pub health: Health,
}

/// Whether a thing is as it should be, by the provider's own word.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Health {
    Live,
    /// On its way, with what it is at: `pending`.
    Waiting(String),
    /// It will not get there by itself.
    Dead(String),
}

/// Why the cloud would refuse to delete a thing as it is now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Obstacle {
    /// The attribute that makes it so: `deletionProtection`.
    pub attribute: Option<Name>,
    /// What is in the way, as a clause: `it has 3 objects in it`.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Obstacle {
    pub fn new(message: impl Into<String>) -> Obstacle {
        Obstacle { attribute: None, message: message.into(), help: None }
    }

    pub fn on(mut self, attribute: &str) -> Obstacle {
        self.attribute = Some(attribute.into());
        self
    }

    pub fn help(mut self, text: impl Into<String>) -> Obstacle {
        self.help = Some(text.into());
        self
    }
}
