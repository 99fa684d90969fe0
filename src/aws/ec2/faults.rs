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
        to(Missing, "InvalidSnapshot.NotFound"),
        to(Missing, "NatGatewayNotFound"),
        to(Missing, "InvalidNatGatewayID.NotFound"),
        to(Missing, "InvalidLaunchTemplateId.NotFound"),
        to(Missing, "InvalidLaunchTemplateName.NotFoundException"),
        to(Held, "InvalidSnapshot.InUse").help(Text("an image is made of it: delete the image first, and apply again")),
        to(Throttled, "SnapshotCreationPerVolumeRateExceeded"),
        to(Throttled, "ConcurrentSnapshotLimitExceeded"),
        to(Refused, "SnapshotLimitExceeded").help(Text("ask amazon to raise the quota of snapshots")),
        to(Refused, "NatGatewayLimitExceeded").help(Text("ask amazon to raise the quota of NAT gateways in a zone")),
        to(Taken, "InvalidAMIName.Duplicate")
            .on("name")
            .help(Text("an account has a name once in a region: choose another one")),
        to(Refused, "InvalidAMIName.Malformed").on("name"),
        to(Taken, "InvalidLaunchTemplateName.AlreadyExistsException")
            .on("templateName")
            .help(Text("an account has a name once in a region: choose another one")),
        to(Missing, "InvalidSubnetID.NotFound"),
        to(Missing, "InvalidInternetGatewayID.NotFound"),
        to(Missing, "Gateway.NotAttached"),
        to(Missing, "InvalidRouteTableID.NotFound"),
        to(Missing, "InvalidRouteTableId.NotFound"),
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
        to(Taken, "InvalidKeyPair.Duplicate").on("keyName"),
        to(Missing, "InvalidKeyPair.NotFound"),
        to(Refused, "InvalidKey.Format")
            .on("publicKey")
            .help(Text("amazon takes RSA and ED25519 keys, as OpenSSH, RFC 4716 or PEM writes them")),
        to(Refused, "InvalidKeyPair.Format").on("publicKey"),
        to(Taken, "InvalidGroup.Duplicate").on("groupName"),
        to(Held, "InvalidGroup.InUse"),
        to(Missing, "InvalidGroup.NotFound"),
        to(Refused, "InvalidGroupId.Malformed"),
        // What was looked at has changed since, or is not seen everywhere yet: another look shows what is left.
        to(Unavailable, "InvalidPermission.Duplicate"),
        to(Unavailable, "InvalidPermission.NotFound"),
        to(Unavailable, "InvalidSecurityGroupRuleId.NotFound"),
        to(Refused, "RulesPerSecurityGroupLimitExceeded")
            .help(Text("use fewer rules or more groups, or ask amazon to raise the quota of rules per security group")),
        to(Refused, "SecurityGroupLimitExceeded").help(Text("ask amazon to raise the quota of security groups")),
        to(Refused, "SecurityGroupsPerInstanceLimitExceeded").on("securityGroups"),
        to(Refused, "SecurityGroupsPerInterfaceLimitExceeded").on("securityGroups"),
        to(Missing, "InvalidInstanceID.Malformed"),
        to(Refused, "IdempotentParameterMismatch"),
        to(Refused, "IdempotentInstanceTerminated")
            .help(Text("the instance of this very operation was terminated: apply again for another one")),
        to(Unavailable, "Server.InsufficientInstanceCapacity").on("instanceType"),
        to(Unavailable, "InsufficientAddressCapacity"),
        to(Unavailable, "InsufficientVolumeCapacity").on("availabilityZone"),
        to(Refused, "MaxSpotInstanceCountExceeded").help(Text("ask amazon to raise the quota of spot instances")),
        to(Refused, "SpotMaxPriceTooLow"),
        to(Refused, "InvalidUserData.Malformed").on("userData"),
        to(Refused, "InvalidParameterCombination"),
        to(Missing, "InvalidVolume.NotFound"),
        to(Missing, "InvalidAttachment.NotFound"),
        to(Refused, "InvalidVolume.ZoneMismatch").on("volume").help(Text(
            "a volume goes into instances of its own zone only: `availabilityZone server.availabilityZone;`",
        )),
        to(Refused, "InvalidZone.NotFound").on("availabilityZone"),
        to(Held, "VolumeInUse"),
        to(Held, "IncorrectModificationState")
            .help(Text("its last change goes on in the background: it can be changed again when that is through")),
        to(Held, "VolumeModificationRateExceeded")
            .help(Text("amazon changes a volume once in six hours: apply again when they are over")),
        to(Refused, "VolumeLimitExceeded").help(Text("ask amazon to raise the quota of volumes")),
        to(Refused, "MaxIOPSLimitExceeded")
            .on("iops")
            .help(Text("ask amazon to raise the quota of operations a second")),
        to(Refused, "InvalidVolumeSize").on("size"),
        to(Refused, "UnknownVolumeType").on("volumeType"),
        to(Refused, "AttachmentLimitExceeded").on("instance"),
        to(Missing, "InvalidAllocationID.NotFound"),
        to(Missing, "InvalidAssociationID.NotFound"),
        to(Held, "InvalidIPAddress.InUse"),
        to(Held, "Resource.AlreadyAssociated"),
        to(Refused, "AddressLimitExceeded")
            .help(Text("ask amazon to raise the quota of elastic addresses (5 a region), or release one")),
        to(Refused, "VcpuLimitExceeded").on("minCount").help(Text("ask amazon to raise the quota of vcpus")),
    ]
};
