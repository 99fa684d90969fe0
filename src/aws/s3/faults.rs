//! What the errors that only S3 has mean.

use crate::apply::provider::FaultKind;
use crate::aws::fault::{Help, Row, to};

pub const ROWS: &[Row] = {
    use FaultKind::{Denied, Held, Missing, Refused, Taken, Throttled, Unavailable};
    use Help::Text;
    &[
        to(Throttled, "SlowDown"),
        to(Throttled, "PriorRequestNotComplete"),
        // Something else is being done to the same thing, a deletion above all.
        to(Unavailable, "OperationAborted"),
        to(Taken, "BucketAlreadyExists")
            .on("bucket")
            .help(Text("bucket names are unique over all of aws: choose another one")),
        to(Taken, "BucketAlreadyOwnedByYou").on("bucket").help(Text("write `startActions [];` to use it as it is")),
        to(Missing, "NoSuchBucket"),
        to(Denied, "AllAccessDisabled"),
        to(Denied, "AccountProblem"),
        to(Held, "BucketNotEmpty"),
        to(Refused, "InvalidBucketName").on("bucket"),
        to(Refused, "TooManyBuckets").help(Text("ask amazon to raise the quota of buckets, or delete some")),
        to(Refused, "InvalidLocationConstraint").on("region"),
        to(Refused, "IllegalLocationConstraintException").on("region"),
        to(Missing, "NoSuchKey"),
        to(Missing, "NoSuchUpload"),
        to(Refused, "MalformedPolicy").on("policy").help(Text(
            "each statement needs principals, actions and resources; a resource is the bucket's `arn`, or `\"${arn}/*\"` for \
             what is in it; a principal that does not exist is malformed too",
        )),
        to(Refused, "PolicyTooLarge").on("policy").help(Text("a policy may have 20 KB: say it with fewer statements")),
        to(Refused, "InvalidBucketAclWithObjectOwnership").on("ownership"),
        to(Refused, "InvalidTargetBucketForLogging").on("logging").help(Text(
            "the target must be in the same region and account, and its policy must let `logging.s3.amazonaws.com` write",
        )),
        to(Refused, "KMS.NotFoundException").on("encryption"),
        to(Refused, "KMS.DisabledException").on("encryption"),
        to(Refused, "EntityTooLarge").help(Text("one upload may have 5 GiB, and an object 5 TiB")),
        to(Refused, "PermanentRedirect").on("region"),
        to(Refused, "AuthorizationHeaderMalformed").on("region"),
    ]
};
