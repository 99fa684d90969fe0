//! Signature Version 4 of requests that are not ours to make: an action asks a site, and the site wants to know
//! who does. The SDK's own calls sign themselves.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;

use crate::apply::provider::{Fault, FaultKind, Unsigned};

/// The headers that the request needs besides its own.
///
/// # Errors
/// When the request is none that can be sent.
pub fn headers(
    request: &Unsigned<'_>,
    credentials: Credentials,
    now: SystemTime,
) -> Result<Vec<(String, String)>, Fault> {
    let identity = credentials.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(request.region)
        .name(request.service)
        .time(now)
        .settings(settings(request.service))
        .build()
        .map_err(refused)?
        .into();
    let carried = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let body = SignableBody::Bytes(request.body);
    let signable = SignableRequest::new(request.method, request.url, carried, body).map_err(refused)?;
    let (signature, _) = sign(signable, &params).map_err(refused)?.into_parts();
    Ok(signature.headers().map(|(name, value)| (name.to_string(), value.to_string())).collect())
}

/// S3 takes paths as they come, and wants the hash of the body in a header; the others do not.
fn settings(service: &str) -> SigningSettings {
    let mut settings = SigningSettings::default();
    if service == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    settings
}

/// Only what the error is about: the request may hold secrets.
fn refused(error: impl std::error::Error) -> Fault {
    let reason = std::iter::successors(error.source(), |error| (*error).source()).last();
    let reason = reason.map_or_else(|| error.to_string(), ToString::to_string);
    Fault::new(FaultKind::Refused, format!("the request cannot be signed: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(request: &Unsigned<'_>, key: &str, secret: &str, seconds: u64) -> (String, Vec<(String, String)>) {
        let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        let headers = headers(request, Credentials::new(key, secret, None, None, "test"), now).unwrap();
        let (_, value) = headers.iter().find(|(name, _)| name == "authorization").unwrap();
        (value.clone(), headers)
    }

    /// `get-vanilla` of Amazon's test suite for signatures.
    #[test]
    fn a_plain_request_is_signed_as_amazon_says() {
        let request = Unsigned {
            method: "GET",
            url: "https://example.amazonaws.com/",
            headers: &[],
            body: b"",
            service: "service",
            region: "us-east-1",
            profile: None,
        };
        let (value, _) = signature(&request, "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", 1_440_938_160);
        assert_eq!(
            value,
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, \
             Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
    }

    /// "Example: GET Object" of the API reference of Amazon S3.
    #[test]
    fn a_request_to_s3_is_signed_as_amazon_says() {
        let request = Unsigned {
            method: "GET",
            url: "https://examplebucket.s3.amazonaws.com/test.txt",
            headers: &[("range".to_string(), "bytes=0-9".to_string())],
            body: b"",
            service: "s3",
            region: "us-east-1",
            profile: None,
        };
        let key = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        let (value, headers) = signature(&request, key.0, key.1, 1_369_353_600);
        assert!(
            value.ends_with("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
            "{value}"
        );
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.contains(&"x-amz-content-sha256") && names.contains(&"x-amz-date"), "{names:?}");
    }

    #[test]
    fn what_cannot_be_sent_cannot_be_signed() {
        let request = Unsigned {
            method: "GET",
            url: "https://exa mple/",
            headers: &[],
            body: b"",
            service: "s3",
            region: "us-east-1",
            profile: None,
        };
        let fault = headers(&request, Credentials::new("a", "b", None, None, "test"), SystemTime::now()).unwrap_err();
        assert_eq!(fault.message, "the request cannot be signed: invalid uri character");
    }
}
