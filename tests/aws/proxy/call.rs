//! A request as a call of a service of AWS, and how that service says no.

use super::http::{Answer, Request};

/// As much of a call as is kept, in bytes: a body may be a file.
const KEPT: usize = 16 * 1024;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Service {
    S3,
    Ec2,
    Rds,
    CloudFront,
    /// The index of all tags, which alone speaks JSON.
    Tagging,
    Other,
}

impl Service {
    /// By what the call is signed for.
    fn of(request: &Request) -> Service {
        let signed = request.header("authorization").unwrap_or_default();
        let scope = signed.split("Credential=").nth(1).and_then(|rest| rest.split(',').next()).unwrap_or_default();
        match scope.split('/').nth(3) {
            Some("s3") => Service::S3,
            Some("ec2") => Service::Ec2,
            Some("rds") => Service::Rds,
            Some("cloudfront") => Service::CloudFront,
            Some("tagging") => Service::Tagging,
            Some(_) | None => Service::Other,
        }
    }

    /// How it says that it was asked too often: a status and a code.
    pub fn throttled(self) -> (u16, &'static str) {
        match self {
            Service::S3 => (503, "SlowDown"),
            Service::Ec2 => (503, "RequestLimitExceeded"),
            Service::Tagging => (400, "ThrottledException"),
            Service::Rds | Service::CloudFront | Service::Other => (400, "Throttling"),
        }
    }

    /// How it says that something is wrong with itself.
    pub fn broken(self) -> (u16, &'static str) {
        match self {
            Service::S3 | Service::Ec2 => (500, "InternalError"),
            Service::Tagging => (500, "InternalServiceException"),
            Service::Rds | Service::CloudFront | Service::Other => (500, "InternalFailure"),
        }
    }
}

pub struct Call {
    pub service: Service,
    /// Method, target and body: what tests look for.
    pub text: String,
    /// Whether it changes anything.
    pub changes: bool,
    /// Whether it is one of ours: the witness calls too, and is not counted.
    pub is_ours: bool,
}

impl Call {
    pub fn of(request: &Request) -> Call {
        let body = &request.body[..request.body.len().min(KEPT)];
        let body = String::from_utf8_lossy(body);
        // A call in JSON says in a header what it is.
        let action = request.header("x-amz-target").and_then(|target| target.rsplit_once('.'));
        let action = action.map(|(_, action)| format!("Action={action} ")).unwrap_or_default();
        let text = format!("{} {} HTTP/1.1 {action}{body}", request.method, request.target);
        let changes = match text.split_once("Action=") {
            Some((_, action)) => !["Describe", "Get", "List"].iter().any(|verb| action.starts_with(verb)),
            None => request.method != "GET" && request.method != "HEAD",
        };
        let is_ours = !request.header("user-agent").unwrap_or_default().starts_with("Boto3");
        Call { service: Service::of(request), text, changes, is_ours }
    }

    /// An answer that says no.
    pub fn refusal(&self, status: u16, code: &str) -> Answer {
        let said = format!("<Code>{code}</Code><Message>Not now.</Message>");
        let body = match self.service {
            Service::Ec2 => {
                format!("<Response><Errors><Error>{said}</Error></Errors><RequestID>r-1</RequestID></Response>")
            }
            Service::Tagging => format!("{{\"__type\":\"{code}\",\"message\":\"Not now.\"}}"),
            Service::S3 => format!("<Error>{said}<RequestId>r-1</RequestId></Error>"),
            Service::Rds | Service::CloudFront | Service::Other => format!(
                "<ErrorResponse><Error><Type>Sender</Type>{said}</Error><RequestId>r-1</RequestId></ErrorResponse>"
            ),
        };
        let form = if self.service == Service::Tagging { "application/x-amz-json-1.1" } else { "text/xml" };
        let headers = [("Content-Type", form), ("x-amz-request-id", "r-1"), ("x-amzn-requestid", "r-1")];
        let headers = headers.map(|(name, text)| (name.to_string(), text.to_string())).to_vec();
        Answer { status, headers, body: body.into_bytes() }
    }
}
