//! What to do about troubles that are not in the program: who calls, by which clock, to where. What a call alone
//! cannot know, the session adds.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};

use crate::apply::provider::Fault;

/// How to have credentials, until the session says more.
pub const SIGN_IN: &str =
    "run `aws sso login`, or set AWS_PROFILE, or the attribute `profile`, to one that has credentials";

/// What may be wrong when nobody can be reached, until the session says more.
pub const UNREACHABLE: &str = "is this machine connected to the network?";

/// What a quota is exceeded by.
pub const QUOTA: &str = "ask amazon to raise this quota (service quotas), or delete what nobody uses";

/// AWS takes calls whose time is up to five minutes off.
const TOLERANCE: Duration = Duration::from_secs(240);

/// As whom and where a session calls.
#[derive(Clone, Default, Debug)]
pub struct Way {
    pub region: String,
    /// That the program names.
    pub profile: Option<String>,
    /// Where calls go instead of to Amazon.
    pub endpoint: Option<String>,
    pub environment: Environment,
}

/// What the environment of the command says of who calls.
#[derive(Clone, Default, Debug)]
pub struct Environment {
    pub profile: Option<String>,
    pub has_keys: bool,
}

impl Environment {
    pub fn of_this_process() -> Environment {
        let filled = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        Environment { profile: filled("AWS_PROFILE"), has_keys: filled("AWS_ACCESS_KEY_ID").is_some() }
    }
}

impl Way {
    /// With what only the session knows.
    pub fn complete(&self, mut fault: Fault) -> Fault {
        if fault.help.as_deref() == Some(SIGN_IN) {
            // Its line says which profile it is; without one, there is no line to show.
            fault.attribute = self.profile.as_ref().map(|_| "profile".into());
            fault.help = Some(self.sign_in(&fault.message));
        } else if fault.help.as_deref() == Some(UNREACHABLE) {
            let unknown_host = fault.message.contains("dns error") || fault.message.contains("lookup");
            fault.help = Some(match &self.endpoint {
                Some(endpoint) => format!(
                    "calls go to `{endpoint}`, as AWS_ENDPOINT_URL or the configuration of aws says: is something \
                     listening there?"
                ),
                None if unknown_host => {
                    fault.attribute = Some("region".into());
                    format!("is there a region `{}`, and is this machine connected to the network?", self.region)
                }
                None => UNREACHABLE.to_string(),
            });
        }
        fault
    }

    fn sign_in(&self, message: &str) -> String {
        let Environment { profile, has_keys } = &self.environment;
        match (&self.profile, profile) {
            (Some(profile), _) if message.contains(NOT_FOUND) => format!(
                "run `aws sso login --profile {profile}`, or name another one: `aws configure list-profiles` lists those \
                 of this machine"
            ),
            (Some(profile), _) => {
                format!("run `aws sso login --profile {profile}`, or renew the keys of that profile in ~/.aws")
            }
            (None, _) if *has_keys => {
                "renew the keys in the environment (AWS_ACCESS_KEY_ID and those beside it), or take them out of it"
                    .to_string()
            }
            (None, Some(profile)) => {
                format!("run `aws sso login --profile {profile}`, which AWS_PROFILE names, or renew its keys in ~/.aws")
            }
            (None, None) => SIGN_IN.to_string(),
        }
    }
}

/// What is said when there are none.
pub const NOT_FOUND: &str = "no credentials for aws were found";

/// What a caller lacks, in the words of AWS where it says who that is.
pub fn permission(needed: &str, message: Option<&str>) -> String {
    let needed: Vec<String> = needed.split(' ').map(|name| format!("`{name}`")).collect();
    let needed = needed.join(" and ");
    let Some((caller, action)) = message.and_then(denied) else {
        return format!("the caller needs the permission {needed}");
    };
    match message.is_some_and(|message| message.contains("explicit deny")) {
        true => format!("a policy denies `{action}` to `{caller}`: nothing that allows it outweighs that"),
        false => format!("allow `{action}` to `{caller}`"),
    }
}

/// Who may not do what: `User: arn:... is not authorized to perform: s3:CreateBucket on resource: ...`.
fn denied(message: &str) -> Option<(&str, &str)> {
    let (before, after) = message.split_once(" is not authorized to perform: ")?;
    let caller = before.rsplit_once("User: ").map_or(before, |(_, caller)| caller);
    let action = after.split([' ', ',', '.']).next().filter(|action| action.contains(':'))?;
    caller.starts_with("arn:").then_some((caller, action))
}

/// Whether a clock is to blame, and what to do then. `date` is the time of the answer, by Amazon's clock.
pub fn clock(code: Option<&str>, message: Option<&str>, date: Option<&str>, now: SystemTime) -> Option<String> {
    let said = message.unwrap_or_default();
    let blamed = code == Some("RequestTimeTooSkewed")
        || said.contains("Signature expired")
        || said.contains("Signature not yet current");
    let theirs = date.and_then(|date| DateTime::from_str(date, DateTimeFormat::HttpDate).ok());
    let theirs = theirs.and_then(|date| SystemTime::try_from(date).ok());
    // Some services only say that the signature is wrong.
    let signature =
        matches!(code, Some("SignatureDoesNotMatch" | "AuthFailure" | "RequestExpired" | "InvalidSignature"));
    let (off, side) = match theirs.map(|theirs| (now.duration_since(theirs), theirs.duration_since(now))) {
        Some((Ok(ahead), _)) if ahead > TOLERANCE => (Some(ahead), "ahead of"),
        Some((_, Ok(behind))) if behind > TOLERANCE => (Some(behind), "behind"),
        Some(_) | None => (None, ""),
    };
    match off {
        Some(off) if blamed || signature => {
            let minutes = off.as_secs() / 60;
            Some(format!("set the clock of this machine: it is {minutes} minutes {side} that of aws"))
        }
        None if blamed => Some("set the clock of this machine: aws takes calls that are up to five minutes off".into()),
        Some(_) | None => None,
    }
}

/// Whether an unknown code says that there are too many of something.
pub fn is_quota(code: &str) -> bool {
    let ends = ["", "Fault", "Exception"];
    code.starts_with("TooMany")
        || ends.iter().any(|end| {
            code.strip_suffix(end)
                .is_some_and(|code| code.ends_with("LimitExceeded") || code.ends_with("QuotaExceeded"))
        })
}

/// The number of a call in the body of its answer, where no header has it.
pub fn request_id(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    ["RequestId", "RequestID"].into_iter().find_map(|name| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once("</").map(|(id, _)| id.trim().to_string()).filter(|id| !id.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::provider::FaultKind;

    fn way(profile: Option<&str>, environment: Environment) -> Way {
        Way { region: "us-east-1".into(), profile: profile.map(str::to_string), endpoint: None, environment }
    }

    fn fault(message: &str, help: &str) -> Fault {
        Fault::new(FaultKind::Denied, message).help(help)
    }

    #[test]
    fn who_signs_in_is_said_by_name() {
        let named = |profile: Option<&str>, has_keys| Environment { profile: profile.map(str::to_string), has_keys };
        for (profile, environment, expected) in [
            (Some("work"), named(Some("other"), true), "run `aws sso login --profile work`, or renew the keys"),
            (None, named(None, true), "renew the keys in the environment (AWS_ACCESS_KEY_ID"),
            (None, named(Some("other"), false), "run `aws sso login --profile other`, which AWS_PROFILE names"),
            (None, named(None, false), SIGN_IN),
        ] {
            let fault = way(profile, environment).complete(fault("the token expired", SIGN_IN));
            assert!(fault.help.as_ref().unwrap().starts_with(expected), "{fault:?}");
            // Only what the program says has a line.
            assert_eq!(fault.attribute.is_some(), profile.is_some(), "{fault:?}");
        }
        let fault = way(Some("work"), named(None, false)).complete(fault(NOT_FOUND, SIGN_IN));
        assert!(fault.help.unwrap().contains("aws configure list-profiles"));
    }

    #[test]
    fn where_nobody_is_reached_is_said() {
        let away = || Fault::new(FaultKind::Unavailable, "could not do it: dns error").help(UNREACHABLE);
        let mut way = way(None, Environment::default());
        let fault = way.complete(away());
        assert_eq!(fault.attribute, Some("region".into()));
        assert!(fault.help.unwrap().starts_with("is there a region `us-east-1`"));
        way.endpoint = Some("http://127.0.0.1:9".into());
        let fault = way.complete(away());
        assert_eq!(fault.attribute, None);
        assert!(fault.help.unwrap().starts_with("calls go to `http://127.0.0.1:9`, as AWS_ENDPOINT_URL"));
        let other = fault_of_the_program();
        assert_eq!(way.complete(other.clone()), other);
    }

    fn fault_of_the_program() -> Fault {
        Fault::new(FaultKind::Refused, "no").on("bucket").help("choose another one")
    }

    #[test]
    fn a_permission_is_said_with_who_lacks_it() {
        let said = "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: s3:CreateBucket on resource: \
                    \"arn:aws:s3:::x\" because no identity-based policy allows the s3:CreateBucket action";
        let help = "allow `s3:CreateBucket` to `arn:aws:iam::123456789012:user/ann`";
        assert_eq!(permission("s3:X", Some(said)), help);
        let longer = format!("You are not authorized to perform this operation. {said}");
        assert_eq!(permission("s3:X", Some(&longer)), help);
        let denied =
            said.replace("no identity-based policy allows the s3:CreateBucket action", "with an explicit deny");
        assert!(permission("s3:X", Some(&denied)).starts_with("a policy denies `s3:CreateBucket` to `arn:aws:iam::1"));
        for nothing in [None, Some("Access Denied"), Some("x is not authorized to perform: y")] {
            assert_eq!(permission("s3:X s3:Y", nothing), "the caller needs the permission `s3:X` and `s3:Y`");
        }
    }

    #[test]
    fn a_clock_that_is_off_is_said_with_by_how_much() {
        let date = "Sat, 21 Nov 2026 12:00:00 GMT";
        let noon = SystemTime::try_from(DateTime::from_str(date, DateTimeFormat::HttpDate).unwrap()).unwrap();
        let minutes = |count: u64| Duration::from_secs(60 * count);
        let skewed = Some("RequestTimeTooSkewed");
        let help = |code, message, date, now| clock(code, message, date, now);
        let ahead = help(skewed, None, Some(date), noon + minutes(12)).unwrap();
        assert_eq!(ahead, "set the clock of this machine: it is 12 minutes ahead of that of aws");
        let expired = Some("Signature expired: 20261121T110000Z is now earlier than 20261121T115500Z");
        let behind = help(Some("SignatureDoesNotMatch"), expired, Some(date), noon - minutes(60)).unwrap();
        assert_eq!(behind, "set the clock of this machine: it is 60 minutes behind that of aws");
        // EC2 and S3 may only say that the signature is wrong.
        assert!(help(Some("AuthFailure"), None, Some(date), noon + minutes(12)).is_some());
        assert_eq!(help(Some("AuthFailure"), None, Some(date), noon), None);
        assert_eq!(help(Some("SignatureDoesNotMatch"), None, None, noon), None);
        assert!(help(skewed, None, None, noon).unwrap().contains("five minutes"));
        let early = Some("Signature not yet current: 20261121T130000Z is still later than ...");
        assert!(help(Some("InvalidSignatureException"), early, None, noon).is_some());
        assert_eq!(help(Some("AccessDenied"), None, Some(date), noon + minutes(12)), None);
    }

    #[test]
    fn unknown_quotas_are_seen_by_their_codes() {
        for code in
            ["FooLimitExceeded", "FooQuotaExceeded", "FooQuotaExceededFault", "LimitExceededException", "TooManyFoos"]
        {
            assert!(is_quota(code), "{code}");
        }
        for code in ["NoLimit", "QuotaExceededOnce", "InvalidQuota"] {
            assert!(!is_quota(code), "{code}");
        }
    }

    #[test]
    fn the_number_of_a_call_may_stand_in_the_body() {
        for (body, id) in [
            ("<ErrorResponse><Error/><RequestId>a-1</RequestId></ErrorResponse>", Some("a-1")),
            ("<Response><Errors/><RequestID>b-2</RequestID></Response>", Some("b-2")),
            ("<Response><RequestId></RequestId></Response>", None),
            ("not found", None),
        ] {
            assert_eq!(request_id(body.as_bytes()).as_deref(), id);
        }
    }
}
