//! What the errors that only CloudFront has mean.

use crate::apply::provider::FaultKind;
use crate::aws::fault::{Help, Row, to};

pub const ROWS: &[Row] = {
    use FaultKind::{Held, Missing, Refused, Taken, Unavailable};
    use Help::Text;
    const QUOTA: Help = Text("ask amazon to raise the quota (service quotas, cloudfront), or delete what nobody uses");
    const CERTIFICATE: Help = Text(
        "`aliases` need a `certificate` of aws certificate manager in us-east-1 that is issued, and good for all of them",
    );
    &[
        // Somebody changed it between our look and our call: the next try looks again.
        to(Unavailable, "InvalidIfMatchVersion"),
        to(Unavailable, "TooManyInvalidationsInProgress"),
        to(Taken, "CNAMEAlreadyExists").on("aliases").help(Text(
            "another distribution, of this account or another, answers for one of these names: take it off there \
             first, or move it (`aws cloudfront associate-alias`)",
        )),
        to(Taken, "DistributionAlreadyExists"),
        to(Taken, "OriginAccessControlAlreadyExists").on("name").help(Text("leave `name` out, or choose another one")),
        to(Taken, "CachePolicyAlreadyExists")
            .on("name")
            .help(Text("write `startActions [];` to use it as it is, or choose another name")),
        to(Taken, "FunctionAlreadyExists")
            .on("name")
            .help(Text("write `startActions [];` to use it as it is, or choose another name")),
        to(Missing, "NoSuchDistribution"),
        to(Missing, "NoSuchOriginAccessControl"),
        to(Missing, "NoSuchCachePolicy"),
        to(Missing, "NoSuchFunctionExists"),
        to(Missing, "NoSuchInvalidation"),
        to(Missing, "NoSuchResource"),
        to(Held, "DistributionNotDisabled"),
        to(Held, "OriginAccessControlInUse"),
        to(Held, "CachePolicyInUse"),
        to(Held, "FunctionInUse"),
        to(Held, "ResourceInUse"),
        to(Refused, "InvalidViewerCertificate").on("certificate").help(CERTIFICATE),
        to(Refused, "TooManyCertificates").on("certificate").help(QUOTA),
        to(Refused, "InvalidMinimumProtocolVersion").on("minimumTls"),
        to(Refused, "InvalidOrigin").on("origins"),
        to(Refused, "InvalidOriginAccessControl").on("origins"),
        to(Refused, "InvalidDomainNameForOriginAccessControl").on("origins"),
        to(Refused, "IllegalOriginAccessConfiguration").on("origins"),
        to(Refused, "InvalidHeadersForS3Origin").on("origins"),
        to(Refused, "InvalidOriginReadTimeout").on("origins"),
        to(Refused, "InvalidOriginKeepaliveTimeout").on("origins"),
        to(Refused, "NoSuchOrigin").on("behavior"),
        to(Refused, "NoSuchOriginRequestPolicy").on("behavior"),
        to(Refused, "InvalidFunctionAssociation").on("behavior"),
        to(Refused, "InvalidDefaultRootObject").on("defaultRoot").help(Text("write it without a `/` before it")),
        to(Refused, "InvalidErrorCode").on("errorPages"),
        to(Refused, "InvalidResponseCode").on("errorPages"),
        to(Refused, "InvalidGeoRestrictionParameter").on("allowedCountries"),
        to(Refused, "InvalidLocationCode").on("allowedCountries"),
        to(Refused, "InvalidWebACLId").on("webAcl"),
        to(Refused, "InvalidTTLOrder").on("defaultTtl").help(Text("`minTtl` <= `defaultTtl` <= `maxTtl` must hold")),
        to(Refused, "InvalidTagging").on("tags"),
        to(Refused, "TooManyDistributions").help(QUOTA),
        to(Refused, "TooManyDistributionCNAMEs").on("aliases").help(QUOTA),
        to(Refused, "TooManyOrigins").on("origins").help(QUOTA),
        to(Refused, "TooManyOriginCustomHeaders").on("origins").help(QUOTA),
        to(Refused, "TooManyCacheBehaviors").on("behaviors").help(QUOTA),
        to(Refused, "TooManyOriginAccessControls").help(QUOTA),
        to(Refused, "TooManyDistributionsAssociatedToOriginAccessControl").on("origins").help(QUOTA),
        to(Refused, "TooManyCachePolicies").help(QUOTA),
        to(Refused, "TooManyDistributionsAssociatedToCachePolicy").on("behavior").help(QUOTA),
        to(Refused, "TooManyHeadersInCachePolicy").on("headers").help(QUOTA),
        to(Refused, "TooManyCookiesInCachePolicy").on("cookies").help(QUOTA),
        to(Refused, "TooManyQueryStringsInCachePolicy").on("queries").help(QUOTA),
        to(Refused, "TooManyFunctions").help(QUOTA),
        to(Refused, "TooManyDistributionsWithFunctionAssociations").on("behavior").help(QUOTA),
        to(Refused, "FunctionSizeLimitExceeded").on("code").help(Text("a function has at most 10 kilobytes of code")),
        to(Refused, "BatchTooLarge").on("paths"),
    ]
};
