//! What the errors that only RDS has mean.

use crate::apply::provider::FaultKind;
use crate::aws::fault::{Help, Row, to};

pub const ROWS: &[Row] = {
    use FaultKind::{Held, Missing, Refused, Taken, Unavailable};
    use Help::Text;
    &[
        to(Unavailable, "InsufficientDBInstanceCapacity").on("instanceClass").help(Text(
            "amazon has no more of these at the moment: another `instanceClass` or `availabilityZone` may have room",
        )),
        to(Taken, "DBInstanceAlreadyExists").on("identifier"),
        to(Taken, "DBSnapshotAlreadyExists").on("name"),
        to(Taken, "DBParameterGroupAlreadyExists").on("name"),
        to(Taken, "DBSubnetGroupAlreadyExists").on("name"),
        to(Taken, "DBSecurityGroupAlreadyExists").on("name"),
        to(Missing, "DBInstanceNotFound"),
        to(Missing, "DBSnapshotNotFound"),
        // An emulator's way to say the same.
        to(Missing, "DBSnapshotNotFoundFault"),
        to(Missing, "DBParameterGroupNotFound"),
        to(Missing, "DBSubnetGroupNotFoundFault"),
        to(Missing, "DBSecurityGroupNotFound"),
        to(Held, "InvalidDBInstanceState"),
        to(Held, "InvalidDBInstanceStateFault"),
        to(Held, "InvalidDBParameterGroupState"),
        to(Held, "InvalidDBSubnetGroupStateFault"),
        to(Held, "InvalidDBSubnetStateFault"),
        to(Held, "InvalidDBSecurityGroupState"),
        to(Held, "InvalidDBSnapshotState"),
        to(Refused, "InstanceQuotaExceeded").help(Text("ask amazon to raise the quota of database instances")),
        to(Refused, "StorageQuotaExceeded")
            .on("storage")
            .help(Text("ask amazon to raise the quota of database storage, or delete what is not needed")),
        to(Refused, "SnapshotQuotaExceeded")
            .help(Text("delete snapshots that are not needed, or ask amazon to raise their quota")),
        to(Refused, "DBParameterGroupQuotaExceeded")
            .help(Text("delete parameter groups that are not used, or ask amazon to raise their quota")),
        to(Refused, "DBSubnetGroupQuotaExceeded")
            .help(Text("delete subnet groups that are not used, or ask amazon to raise their quota")),
        to(Refused, "DBSubnetQuotaExceededFault").on("subnets"),
        to(Refused, "DBSubnetGroupDoesNotCoverEnoughAZs")
            .on("subnets")
            .help(Text("a subnet group needs subnets in at least two availability zones")),
        to(Refused, "SubnetAlreadyInUse")
            .on("subnets")
            .help(Text("a subnet that a database is in cannot be taken out of its group")),
        to(Refused, "InvalidVPCNetworkStateFault")
            .on("subnetGroup")
            .help(Text("the subnets of the group do not cover the zones that the database needs")),
        to(Refused, "StorageTypeNotSupported").on("storageType"),
        to(Refused, "CertificateNotFound").on("caCertificate"),
        to(Refused, "KMSKeyNotAccessibleFault")
            .on("kmsKey")
            .help(Text("the key must be enabled, in the same region, and usable for the caller")),
        to(Refused, "InvalidRestoreFault").on("from"),
        to(Refused, "DBUpgradeDependencyFailure").on("engineVersion"),
        to(Refused, "AuthorizationQuotaExceeded").on("ingress"),
        to(Refused, "QuotaExceeded.DBSecurityGroup"),
        to(Refused, "DBSecurityGroupNotSupported")
            .help(Text("this region never had EC2-Classic: use a `SecurityGroup` in `securityGroups` of the database")),
        to(Taken, "AuthorizationAlreadyExists"),
        to(Missing, "AuthorizationNotFound"),
    ]
};
