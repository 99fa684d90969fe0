//! Amazon CloudFront: what stands before a site, near to its readers. One file a type; a new one is a row here, its file, and its template in the library.

mod access;
mod configured;
mod distribution;
pub mod faults;
mod function;
mod invalidate;
mod listing;
mod managed;
mod mark;
mod policy;
mod settings;
mod tagging;
mod told;

use super::act::AnyAct;
use super::kind::AnyKind;

pub const KINDS: &[(&str, &dyn AnyKind)] = &[
    ("aws.OriginAccessControl", &access::OriginAccessControl),
    ("aws.Distribution", &distribution::Distribution),
    ("aws.CachePolicy", &policy::CachePolicy),
    ("aws.Function", &function::Function),
];

pub const ACTS: &[(&str, &dyn AnyAct)] = &[("aws.Invalidate", &invalidate::Invalidate)];
