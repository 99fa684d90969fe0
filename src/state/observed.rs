//! What a provider says of a thing that was recorded. Data only.

use serde::{Deserialize, Serialize};

use crate::value::Fields;

/// What there is.
#[derive(Clone, Debug)]
pub enum Reading {
    Gone,
    Here(Here),
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
