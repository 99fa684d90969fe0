//! Amazon EC2: machines, their disks and their networks. One file a type; a new one is a row here, its file, and its template in the library.

mod attachment;
mod elastic_ip;
pub mod faults;
mod group;
mod holders;
mod instance;
mod key_pair;
mod listed;
mod rules;
mod security_group;
mod tagging;
mod volume;

use super::act::AnyAct;
use super::kind::AnyKind;

pub const KINDS: &[(&str, &dyn AnyKind)] = &[
    ("aws.ImageInstance", &group::ImageInstance),
    ("aws.Instance", &instance::Instance),
    ("aws.Volume", &volume::Volume),
    ("aws.VolumeAttachment", &attachment::VolumeAttachment),
    ("aws.ElasticIp", &elastic_ip::ElasticIp),
    ("aws.KeyPair", &key_pair::KeyPair),
    ("aws.SecurityGroup", &security_group::SecurityGroup),
];

pub const ACTS: &[(&str, &dyn AnyAct)] = &[];
