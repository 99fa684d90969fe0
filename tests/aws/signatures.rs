//! Signatures of requests that an action makes: botocore, which signs for boto3, signs the same requests.

use serde_json::json;
use tadpole::apply::provider::{Provider, Unsigned};
use tadpole::aws::{Aws, Settings};

use super::World;

#[tokio::test]
async fn botocore_signs_the_same_request_the_same_way() {
    let world = World::new();
    let requests = [
        ("GET", "https://abc.execute-api.eu-west-1.amazonaws.com/live/health?b=2&a=x%20y", "", "execute-api"),
        ("POST", "https://search.eu-west-1.es.amazonaws.com/index/_search", "{\"size\":1}", "es"),
        ("GET", "https://acme.s3.eu-west-1.amazonaws.com/a%20folder//what%2Bis.txt", "", "s3"),
        ("PUT", "https://acme.s3.eu-west-1.amazonaws.com/note.txt", "text", "s3"),
    ];
    for (method, url, body, service) in requests {
        let headers = [("x-what".to_string(), "  some   spaces ".to_string())];
        let body = body.as_bytes();
        let request = Unsigned { method, url, headers: &headers, body, service, region: "eu-west-1", profile: None };
        let signed = world.aws.sign(&request).await.unwrap();
        let header = |name: &str| signed.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let script = "
import botocore.auth, datetime
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
now = datetime.datetime.strptime(date, '%Y%m%dT%H%M%SZ')
clock, botocore.auth.get_current_datetime = botocore.auth.get_current_datetime, lambda **named: now
signer = botocore.auth.S3SigV4Auth if service == 's3' else botocore.auth.SigV4Auth
request = AWSRequest(method=method, url=url, data=body, headers={'x-what': '  some   spaces '})
signer(Credentials('AKIAIOSFODNN7EXAMPLE', 'secret'), service, 'eu-west-1').add_auth(request)
botocore.auth.get_current_datetime = clock
result = request.headers['Authorization']
";
        let given = json!({ "date": header("x-amz-date"), "method": method, "url": url, "service": service,
                            "body": String::from_utf8_lossy(body) });
        let theirs = world.moto.witness("", script, &given).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(json!(header("authorization")), theirs.result, "{method} {url}");
    }
}

#[tokio::test]
async fn who_has_no_credentials_signs_nothing() {
    // A profile that nobody has.
    let aws = Aws::with(Settings::default());
    let request = Unsigned {
        method: "GET",
        url: "https://example.com/",
        headers: &[],
        body: b"",
        service: "execute-api",
        region: "us-east-1",
        profile: Some("tadpole-has-no-such-profile"),
    };
    let fault = aws.sign(&request).await.unwrap_err();
    assert!(fault.message.starts_with("could not sign a request to execute-api: "), "{fault:?}");
    assert!(fault.help.unwrap().contains("--profile tadpole-has-no-such-profile"));
    assert_eq!(fault.attribute.unwrap().as_str(), "profile");
}
