//! What the errors that only EC2 has mean.

use crate::apply::provider::FaultKind;
use crate::aws::fault::{Help, Row, to};

pub const ROWS: &[Row] = {
    use FaultKind::{Denied, Held, Missing, Refused, Taken, Throttled, Unavailable};
    use Help::Text;
    &[
        to(Throttled, "EC2ThrottledException"),
        to(Unavailable, "InsufficientInstanceCapacity")
            .on("instanceType")
            .help(Text("amazon has no more of these at the moment: another `instanceType` or `region` may have room")),
        to(Unavailable, "InsufficientHostCapacity").on("instanceType"),
        to(Missing, "InvalidInstanceID.NotFound"),
        to(Missing, "InvalidVpcID.NotFound"),
        to(Missing, "InvalidSubnetID.NotFound"),
        to(Missing, "InvalidInternetGatewayID.NotFound"),
        to(Missing, "Gateway.NotAttached"),
        to(Missing, "InvalidRouteTableID.NotFound"),
        to(Missing, "InvalidRouteTableId.NotFound"),
        to(Missing, "InvalidAssociationID.NotFound"),
        to(Missing, "InvalidRoute.NotFound"),
        to(Denied, "PendingVerification"),
        to(Held, "OperationNotPermitted").help(Text("switch off its termination protection first")),
        to(Held, "IncorrectState"),
        to(Held, "IncorrectInstanceState"),
        to(Refused, "InvalidVpc.Range").on("cidr").help(Text("a VPC has a range from /16 to /28")),
        to(Refused, "InvalidSubnet.Range").on("cidr").help(Text("choose a range of /16 to /28 within that of the VPC")),
        to(Refused, "InvalidSubnet.Conflict")
            .on("cidr")
            .help(Text("another subnet of the VPC has a part of this range: choose one that is free")),
        to(Taken, "RouteAlreadyExists")
            .on("cidr")
            .help(Text("a range has one route in a table: delete that one, or leave this one out")),
        to(Refused, "InvalidGatewayID.NotFound").on("gateway"),
        to(Refused, "RouteLimitExceeded").help(Text("ask amazon to raise the quota of routes in a table")),
        to(Refused, "RouteTableLimitExceeded").help(Text("ask amazon to raise the quota of route tables in a VPC")),
        to(Refused, "InternetGatewayLimitExceeded")
            .help(Text("ask amazon to raise the quota of VPCs, which is that of internet gateways too")),
        to(Refused, "VpcLimitExceeded").help(Text("ask amazon to raise the quota of VPCs in this region")),
        to(Refused, "SubnetLimitExceeded").help(Text("ask amazon to raise the quota of subnets in a VPC")),
        to(Refused, "InvalidTagKey.Malformed").on("tags"),
        to(Refused, "TagLimitExceeded").on("tags"),
        to(Refused, "InvalidAMIID.NotFound")
            .on("imageID")
            .help(Text("an image exists in one region only: see `region`")),
        to(Refused, "InvalidAMIID.Malformed").on("imageID"),
        to(Refused, "InvalidAMIID.Unavailable").on("imageID"),
        to(Refused, "InvalidInstanceType").on("instanceType"),
        to(Refused, "InvalidInstanceType.NotFound").on("instanceType"),
        to(Refused, "Unsupported").on("instanceType"),
        to(Refused, "InstanceLimitExceeded").on("minCount").help(Text("ask amazon to raise the quota of instances")),
        to(Refused, "VcpuLimitExceeded").on("minCount").help(Text("ask amazon to raise the quota of vcpus")),
    ]
};
