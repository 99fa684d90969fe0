//! Actions that things of several services know: each is told by its service how it is done.

mod reboot;
mod snapshot;

pub use self::snapshot::Copying;
use super::act::AnyAct;

pub const ACTS: &[(&str, &dyn AnyAct)] = &[
    ("aws.Reboot", &reboot::Reboot),
    // As records of before have it.
    ("aws.RebootDbInstance", &reboot::Reboot),
    ("aws.TakeSnapshot", &snapshot::TakeSnapshot),
];
