//! Amazon S3: what is kept. One file a type; a new one is a row here, its file, and its template in the library.

mod bucket;
pub mod faults;

use super::act::AnyAct;
use super::kind::AnyKind;

pub const KINDS: &[(&str, &dyn AnyKind)] = &[("aws.S3Bucket", &bucket::S3Bucket)];

pub const ACTS: &[(&str, &dyn AnyAct)] = &[];
