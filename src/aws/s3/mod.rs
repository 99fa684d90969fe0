//! Amazon S3: what is kept. One file a type; a new one is a row here, its file, and its template in the library.

mod absent;
mod bucket;
mod bucket_policy;
mod directory;
mod discard;
mod empty;
pub mod faults;
mod file;
mod get;
mod listing;
mod object;
mod objects;
mod obstacles;
mod parts;
mod rules;
mod settings;
mod sight;
mod together;
mod upload;
mod words;

pub use obstacles::obstacles;

use super::act::AnyAct;
use super::kind::AnyKind;

pub const KINDS: &[(&str, &dyn AnyKind)] = &[
    ("aws.S3Bucket", &bucket::S3Bucket),
    ("aws.AbsentS3Bucket", &absent::AbsentS3Bucket),
    ("aws.S3BucketPolicy", &bucket_policy::S3BucketPolicy),
    ("aws.S3File", &file::S3File),
    ("aws.S3Directory", &directory::S3Directory),
];

pub const ACTS: &[(&str, &dyn AnyAct)] = &[
    ("aws.Empty", &empty::Empty),
    // As records of before have it.
    ("aws.EmptyS3Bucket", &empty::Empty),
    ("aws.DeleteS3File", &discard::DeleteS3File),
    ("aws.GetS3File", &get::GetS3File),
    ("aws.Upload", &upload::Upload),
];
