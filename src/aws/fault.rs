//! What an error of the AWS SDK means: one table from Amazon's codes to what to do next. The words of
//! the message are made here too; which call failed, the caller says.

use std::error::Error;
use std::time::SystemTime;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;

use super::remedy::{self, SIGN_IN};
use super::{cloudfront, ec2, rds, s3};
use crate::apply::provider::{Fault, FaultKind};

/// A call that is about to be made.
#[derive(Clone, Debug)]
pub struct Call {
    /// The permission that it needs: `s3:CreateBucket`.
    permission: &'static str,
    /// What it is for, to follow "could not": ``create the bucket `x` ``.
    purpose: String,
    /// Whether it changes anything; if not, a call without an answer may simply be made again.
    writes: bool,
}

impl Call {
    pub fn read(permission: &'static str, purpose: impl Into<String>) -> Call {
        Call { permission, purpose: purpose.into(), writes: false }
    }

    pub fn write(permission: &'static str, purpose: impl Into<String>) -> Call {
        Call { permission, purpose: purpose.into(), writes: true }
    }

    /// What to answer for a failed call.
    pub fn fault<E>(&self, error: &SdkError<E>) -> Fault
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let mut fault = match error.raw_response() {
            Some(response) => {
                let status = response.status().as_u16();
                match error.as_service_error() {
                    Some(service) if status >= 300 => self.answered(service.code(), status, service.message()),
                    // It went well, and what came could not be read.
                    Some(_) | None => self.answered(None, status, Some(&innermost(error))),
                }
            }
            None => self.unanswered(error),
        };
        let answer = error.raw_response();
        let service = error.as_service_error();
        let (code, message) = (service.and_then(|said| said.code()), service.and_then(|said| said.message()));
        let date = answer.and_then(|answer| answer.headers().get("date"));
        if fault.kind == FaultKind::Denied
            && let Some(help) = remedy::clock(code, message, date, SystemTime::now())
        {
            fault.help = Some(help);
        }
        let body = || answer.and_then(|answer| answer.body().bytes()).and_then(remedy::request_id);
        fault.request_id = error.request_id().map(str::to_string).or_else(body);
        fault
    }

    /// There was an answer, and it was no.
    fn answered(&self, code: Option<&str>, status: u16, message: Option<&str>) -> Fault {
        let row = code.and_then(row);
        let kind = row.map_or_else(|| by_status(status), |row| row.kind);
        // Half an answer to a question is no harm; half an answer to an order is.
        let kind = if kind == FaultKind::Unknown && !self.writes { FaultKind::Unavailable } else { kind };
        let said = match (message.map(plain).filter(|text| !text.is_empty()), code) {
            (Some(text), Some(code)) => format!("{text} ({code})"),
            (Some(text), None) => format!("{text} (status {status})"),
            (None, Some(code)) => format!("aws answered {status} ({code})"),
            (None, None) => format!("aws answered with status {status} and no reason"),
        };
        let mut fault = Fault::new(kind, self.sentence(kind, &said));
        fault.absent |= code.is_some_and(is_absent);
        fault.attribute = row.and_then(|row| row.attribute).map(Into::into);
        fault.help = match row.map(|row| row.help) {
            Some(Help::Text(text)) => Some(text.to_string()),
            Some(Help::Permission) => Some(remedy::permission(self.permission, message)),
            Some(Help::SignIn) => Some(SIGN_IN.to_string()),
            Some(Help::None) => None,
            None if kind == FaultKind::Denied => Some(remedy::permission(self.permission, message)),
            None if kind == FaultKind::Refused && code.is_some_and(remedy::is_quota) => Some(remedy::QUOTA.to_string()),
            None => None,
        };
        fault
    }

    /// No answer came, or the call never left.
    fn unanswered<E: Error + 'static>(&self, error: &SdkError<E>) -> Fault {
        let reason = innermost(error);
        if let Some(credentials) = cause::<CredentialsError>(error) {
            return self.no_credentials(credentials);
        }
        if matches!(error, SdkError::ConstructionFailure(_)) {
            return Fault::new(FaultKind::Refused, self.sentence(FaultKind::Refused, &reason));
        }
        if never_left(error) {
            let fault = Fault::new(FaultKind::Unavailable, self.sentence(FaultKind::Unavailable, &reason));
            return fault.help(remedy::UNREACHABLE);
        }
        let kind = if self.writes { FaultKind::Unknown } else { FaultKind::Unavailable };
        Fault::new(kind, self.sentence(kind, &reason))
    }

    /// There is nobody as whom the call could be made.
    pub fn no_credentials(&self, error: &CredentialsError) -> Fault {
        match error {
            CredentialsError::ProviderTimedOut(_) => {
                let said = "the source of the credentials did not answer in time";
                Fault::new(FaultKind::Unavailable, self.sentence(FaultKind::Unavailable, said))
            }
            CredentialsError::CredentialsNotLoaded(_) => {
                let said = remedy::NOT_FOUND;
                Fault::new(FaultKind::Denied, self.sentence(FaultKind::Denied, said)).help(SIGN_IN)
            }
            // Any other one, and those that the SDK may add: what it says is the best there is.
            error => {
                let said = format!("the credentials for aws could not be loaded: {}", innermost(error));
                Fault::new(FaultKind::Denied, self.sentence(FaultKind::Denied, &said)).help(SIGN_IN)
            }
        }
    }

    fn sentence(&self, kind: FaultKind, said: &str) -> String {
        match kind {
            FaultKind::Unknown => format!("no certain answer came to the try to {}: {said}", self.purpose),
            FaultKind::Throttled => format!("aws was asked too often to {}: {said}", self.purpose),
            FaultKind::Unavailable
            | FaultKind::Taken
            | FaultKind::Missing
            | FaultKind::Denied
            | FaultKind::Held
            | FaultKind::Refused => format!("could not {}: {said}", self.purpose),
        }
    }
}

/// What to do about it.
#[derive(Clone, Copy)]
pub enum Help {
    None,
    Text(&'static str),
    /// The permission of the call.
    Permission,
    /// Credentials.
    SignIn,
}

pub struct Row {
    code: &'static str,
    kind: FaultKind,
    attribute: Option<&'static str>,
    help: Help,
}

pub const fn to(kind: FaultKind, code: &'static str) -> Row {
    Row { code, kind, attribute: None, help: Help::None }
}

impl Row {
    pub const fn on(self, attribute: &'static str) -> Row {
        Row { attribute: Some(attribute), ..self }
    }

    pub const fn help(self, help: Help) -> Row {
        Row { help, ..self }
    }
}

/// Amazon's codes that several services have, by what they mean here. Those of one service stand in its
/// own `faults.rs`. A code that is in none of them is judged by its status.
const ROWS: &[Row] = {
    use FaultKind::{Denied, Held, Missing, Refused, Throttled, Unavailable, Unknown};
    use Help::{Permission, SignIn, Text};
    &[
        to(Throttled, "Throttling"),
        to(Throttled, "ThrottlingException"),
        to(Throttled, "ThrottledException"),
        to(Throttled, "RequestThrottled"),
        to(Throttled, "RequestThrottledException"),
        to(Throttled, "RequestLimitExceeded"),
        to(Throttled, "TooManyRequestsException"),
        to(Throttled, "BandwidthLimitExceeded"),
        to(Unavailable, "ServiceUnavailable"),
        to(Unavailable, "Unavailable"),
        // A condition of the call did not hold: what there is, is other than it was a moment ago.
        to(Unavailable, "PreconditionFailed"),
        // The request did not arrive whole.
        to(Unavailable, "RequestTimeout"),
        to(Unknown, "InternalError"),
        to(Unknown, "InternalFailure"),
        to(Missing, "NotFound"),
        to(Denied, "AccessDenied").help(Permission),
        to(Denied, "AccessDeniedException").help(Permission),
        to(Denied, "UnauthorizedOperation").help(Permission),
        to(Denied, "UnauthorizedAccess").help(Permission),
        to(Denied, "NotSignedUp"),
        to(Denied, "OptInRequired")
            .on("region")
            .help(Text("switch the region on for the account, or choose another `region`")),
        to(Denied, "ExpiredToken").help(SignIn),
        to(Denied, "ExpiredTokenException").help(SignIn),
        to(Denied, "RequestExpired").help(SignIn),
        to(Denied, "TokenRefreshRequired").help(SignIn),
        to(Denied, "InvalidToken").help(SignIn),
        to(Denied, "InvalidClientTokenId").help(SignIn),
        to(Denied, "InvalidAccessKeyId").help(SignIn),
        to(Denied, "UnrecognizedClientException").help(SignIn),
        to(Denied, "AuthFailure").help(SignIn),
        to(Denied, "SignatureDoesNotMatch").help(SignIn),
        to(Denied, "InvalidSignatureException").help(SignIn),
        to(Denied, "IncompleteSignature").help(SignIn),
        to(Denied, "MissingAuthenticationToken").help(SignIn),
        to(Denied, "RequestTimeTooSkewed"),
        to(Refused, "LimitExceeded").help(Text(remedy::QUOTA)),
        to(Refused, "LimitExceededException").help(Text(remedy::QUOTA)),
        to(Refused, "ServiceQuotaExceededException").help(Text(remedy::QUOTA)),
        to(Held, "DependencyViolation"),
        to(Refused, "InvalidTag").on("tags"),
        // Of EC2 it is the only one, of RDS one of several: both call the attribute otherwise.
        to(Refused, "InvalidSubnet").help(Text("every subnet must be there, and all of them in one vpc")),
    ]
};

/// Every table there is. No code may be in two of them: a test checks that.
fn rows() -> impl Iterator<Item = &'static Row> {
    [ROWS, s3::faults::ROWS, ec2::faults::ROWS, rds::faults::ROWS, cloudfront::faults::ROWS].into_iter().flatten()
}

fn row(code: &str) -> Option<&'static Row> {
    rows().find(|row| row.code == code)
}

/// Whether a code says that something which the call names does not exist, whatever that means for the call itself.
fn is_absent(code: &str) -> bool {
    // Both services say so of a subnet without a code of its own.
    code == "InvalidSubnet" || code.contains("NotFound") || code.starts_with("NoSuch")
}

/// For a code that nobody knows, or an answer without one: HEAD has no body, and something between
/// us and Amazon may have answered.
fn by_status(status: u16) -> FaultKind {
    match status {
        401 | 403 => FaultKind::Denied,
        404 => FaultKind::Missing,
        429 => FaultKind::Throttled,
        503 => FaultKind::Unavailable,
        // Answers that do not say whether it was done; a success that could not be read is one too.
        500.. | ..300 => FaultKind::Unknown,
        _ => FaultKind::Refused,
    }
}

/// Amazon's words without the full stop, and without the encoded part that only Amazon can read.
fn plain(message: &str) -> &str {
    let message = message.split("Encoded authorization failure message").next().unwrap_or(message);
    message.trim().trim_end_matches('.')
}

/// Whether it is certain that no byte of the call was sent: there was no connection.
fn never_left(error: &(dyn Error + 'static)) -> bool {
    use std::io::ErrorKind::{AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkDown, NetworkUnreachable};
    causes(error).any(|cause| {
        let by_kind = cause.downcast_ref::<std::io::Error>().is_some_and(|io| {
            let never = [AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkDown, NetworkUnreachable];
            never.contains(&io.kind())
        });
        // The types of these are private to the SDK's HTTP client.
        let text = cause.to_string();
        by_kind || text.contains("(Connect)") || text.contains("HTTP connect timeout") || text.contains("dns error")
    })
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// The last of the causes, which says the most.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let text = causes(error).last().map(ToString::to_string).unwrap_or_default();
    plain(&text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Code, status, kind for a call that writes, kind for one that reads, attribute.
    #[test]
    fn codes_and_statuses_mean_what_to_do_next() {
        use FaultKind::*;
        for (code, status, write, read, attribute) in [
            (Some("Throttling"), 400, Throttled, Throttled, None),
            (Some("RequestLimitExceeded"), 503, Throttled, Throttled, None),
            (Some("SlowDown"), 503, Throttled, Throttled, None),
            (None, 429, Throttled, Throttled, None),
            (Some("Unavailable"), 503, Unavailable, Unavailable, None),
            (None, 503, Unavailable, Unavailable, None),
            (Some("OperationAborted"), 409, Unavailable, Unavailable, None),
            (Some("InsufficientInstanceCapacity"), 500, Unavailable, Unavailable, Some("instanceType")),
            (Some("InternalError"), 500, Unknown, Unavailable, None),
            (None, 500, Unknown, Unavailable, None),
            (None, 502, Unknown, Unavailable, None),
            (None, 504, Unknown, Unavailable, None),
            (None, 200, Unknown, Unavailable, None),
            (Some("BucketAlreadyExists"), 409, Taken, Taken, Some("bucket")),
            (Some("BucketAlreadyOwnedByYou"), 409, Taken, Taken, Some("bucket")),
            (Some("NoSuchBucket"), 404, Missing, Missing, None),
            (None, 404, Missing, Missing, None),
            (Some("InvalidInstanceID.NotFound"), 400, Missing, Missing, None),
            (Some("InvalidAMIID.NotFound"), 400, Refused, Refused, Some("imageID")),
            (Some("AccessDenied"), 403, Denied, Denied, None),
            (Some("UnauthorizedOperation"), 403, Denied, Denied, None),
            (Some("ExpiredToken"), 400, Denied, Denied, None),
            (None, 403, Denied, Denied, None),
            (Some("BucketNotEmpty"), 409, Held, Held, None),
            (Some("DependencyViolation"), 400, Held, Held, None),
            (Some("InvalidTag"), 400, Refused, Refused, Some("tags")),
            (Some("NeverHeardOf"), 400, Refused, Refused, None),
            (Some("NeverHeardOf"), 503, Unavailable, Unavailable, None),
            (None, 301, Refused, Refused, None),
        ] {
            for (call, kind) in [(Call::write("s3:X", "do it"), write), (Call::read("s3:X", "do it"), read)] {
                let fault = call.answered(code, status, Some("No."));
                assert_eq!(fault.kind, kind, "{code:?} {status} {call:?}");
                assert_eq!(fault.attribute.as_ref().map(|name| name.as_str()), attribute, "{code:?} {status}");
            }
        }
    }

    #[test]
    fn no_code_is_in_the_table_twice() {
        for (at, row) in rows().enumerate() {
            assert!(rows().take(at).all(|other| other.code != row.code), "{}", row.code);
        }
    }

    #[test]
    fn a_message_is_one_sentence_with_amazons_words() {
        let call = Call::write("s3:CreateBucket s3:TagResource", "create the bucket `x`");
        let fault = call.answered(Some("AccessDenied"), 403, Some("Access Denied."));
        assert_eq!(fault.message, "could not create the bucket `x`: Access Denied (AccessDenied)");
        let help = "the caller needs the permission `s3:CreateBucket` and `s3:TagResource`";
        assert_eq!(fault.help.unwrap(), help);
        let long = "You may not. Encoded authorization failure message: abcdef";
        let fault = call.answered(Some("UnauthorizedOperation"), 403, Some(long));
        assert_eq!(fault.message, "could not create the bucket `x`: You may not (UnauthorizedOperation)");
        let fault = call.answered(None, 502, None);
        let text =
            "no certain answer came to the try to create the bucket `x`: aws answered with status 502 and no reason";
        assert_eq!(fault.message, text);
    }
}
