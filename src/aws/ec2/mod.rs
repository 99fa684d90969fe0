//! Amazon EC2: machines, their disks and their networks. One file a type; a new one is a row here, its file, and its template in the library.

pub mod faults;
mod group;
mod holders;
mod internet_gateway;
mod listed;
mod route;
mod route_table;
mod subnet;
mod tagging;
mod vpc;

use super::act::AnyAct;
use super::kind::AnyKind;

pub const KINDS: &[(&str, &dyn AnyKind)] = &[
    ("aws.ImageInstance", &group::ImageInstance),
    ("aws.Vpc", &vpc::Vpc),
    ("aws.Subnet", &subnet::Subnet),
    ("aws.InternetGateway", &internet_gateway::InternetGateway),
    ("aws.RouteTable", &route_table::RouteTable),
    ("aws.Route", &route::Route),
];

pub const ACTS: &[(&str, &dyn AnyAct)] = &[];
