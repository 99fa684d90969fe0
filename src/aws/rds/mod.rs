//! Amazon RDS: databases. One file a type; a new one is a row here, its file, and its template in the library.

pub mod faults;
mod instance;
mod instances;
mod name;
mod obstacles;
mod parameter_group;
mod parameters;
mod reboot;
mod security_group;
mod snapshot;
mod subnet_group;
mod tagging;
mod take;
mod told;

pub use obstacles::obstacles;
pub use reboot::{How, reboot};
pub use take::take_snapshot;

use super::act::AnyAct;
use super::kind::AnyKind;

pub const KINDS: &[(&str, &dyn AnyKind)] = &[
    ("aws.DbInstance", &instance::DbInstance),
    ("aws.DbSnapshot", &snapshot::DbSnapshot),
    ("aws.DbParameterGroup", &parameter_group::DbParameterGroup),
    ("aws.DbSubnetGroup", &subnet_group::DbSubnetGroup),
    ("aws.DbSecurityGroup", &security_group::DbSecurityGroup),
];

pub const ACTS: &[(&str, &dyn AnyAct)] = &[];
