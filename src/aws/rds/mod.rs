//! Amazon RDS: databases. One file a type; a new one is a row here, its file, and its template in the library.

pub mod faults;
mod instances;
mod name;
mod parameter_group;
mod parameters;
mod tagging;
mod told;

use super::act::AnyAct;
use super::kind::AnyKind;

pub const KINDS: &[(&str, &dyn AnyKind)] = &[("aws.DbParameterGroup", &parameter_group::DbParameterGroup)];

pub const ACTS: &[(&str, &dyn AnyAct)] = &[];
