//! Amazon RDS: databases. One file a type; a new one is a row here, its file, and its template in the library.

pub mod faults;

use super::act::AnyAct;
use super::kind::AnyKind;

pub const KINDS: &[(&str, &dyn AnyKind)] = &[];

pub const ACTS: &[(&str, &dyn AnyAct)] = &[];
