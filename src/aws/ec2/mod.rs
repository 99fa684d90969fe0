//! Amazon EC2: machines, their disks and their networks. One file a type; a new one is a row here, its file, and its template in the library.

mod attachment;
mod elastic_ip;
pub mod faults;
mod group;
mod holders;
mod image;
mod instance;
mod instances;
mod internet_gateway;
mod key_pair;
mod launch_template;
mod listed;
mod lookup;
mod nat_gateway;
mod obstacles;
mod reboot;
mod route;
mod route_table;
mod rules;
mod schedule;
mod security_group;
mod snapshot;
mod subnet;
mod tagging;
mod take;
mod volume;
mod vpc;

pub use group::TAG_GROUP;
pub use holders::few;
pub use key_pair::names as names_of_key_pairs;
pub use listed::named;
pub use obstacles::obstacles;
pub use reboot::{members_of, reboot};
pub use schedule::TAG_SCHEDULE;
pub use take::take_snapshot;

use super::act::AnyAct;
use super::kind::AnyKind;

pub const KINDS: &[(&str, &dyn AnyKind)] = &[
    ("aws.AvailabilityZoneLookup", &lookup::AvailabilityZoneLookup),
    ("aws.ElasticIp", &elastic_ip::ElasticIp),
    ("aws.Image", &image::Image),
    ("aws.ImageInstance", &group::ImageInstance),
    ("aws.ImageLookup", &lookup::ImageLookup),
    ("aws.Instance", &instance::Instance),
    ("aws.InstanceLookup", &instances::InstanceLookup),
    ("aws.InternetGateway", &internet_gateway::InternetGateway),
    ("aws.KeyPair", &key_pair::KeyPair),
    ("aws.LaunchTemplate", &launch_template::LaunchTemplate),
    ("aws.NatGateway", &nat_gateway::NatGateway),
    ("aws.Route", &route::Route),
    ("aws.RouteTable", &route_table::RouteTable),
    ("aws.SecurityGroup", &security_group::SecurityGroup),
    ("aws.Snapshot", &snapshot::Snapshot),
    ("aws.SnapshotSchedule", &schedule::SnapshotSchedule),
    ("aws.Subnet", &subnet::Subnet),
    ("aws.Volume", &volume::Volume),
    ("aws.VolumeAttachment", &attachment::VolumeAttachment),
    ("aws.Vpc", &vpc::Vpc),
];

pub const ACTS: &[(&str, &dyn AnyAct)] = &[("aws.TerminateInstances", &instances::TerminateInstances)];
