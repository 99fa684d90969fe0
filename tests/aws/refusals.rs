//! What AWS refuses, through the whole program: the line that it is about, Amazon's number of the call, and what to
//! do about it.

use tadpole::apply::provider::{FaultKind, Provider};
use tadpole::value::Fields;

use super::moto::{Moto, environment};
use super::proxy::{Mishap, Proxy};
use super::{World, at, attribute, place, want};
use crate::cli::Tadpole;

/// What an apply of the program says when this call of it is refused.
fn said(program: &str, call: &str, status: u16, code: &'static str) -> String {
    let proxy = Proxy::before(Moto::shared());
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("main.cloud"), program).unwrap();
    let keys = directory.path().join("keys");
    std::fs::write(&keys, "[work]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = secret\n")
        .unwrap();
    let mut tadpole = Tadpole::new(directory.path());
    for (name, value) in environment(&proxy.endpoint) {
        tadpole = tadpole.env(name, &value);
    }
    let tadpole = tadpole.env("AWS_SHARED_CREDENTIALS_FILE", keys.to_str().unwrap());
    proxy.next(call, Mishap::Refusal(status, code));
    let run = tadpole.run(&["apply", "--yes"]);
    assert_eq!(run.code, 3, "{}", run.err);
    assert_eq!(tadpole.run(&["destroy", "--yes"]).code, 0);
    // Before that is the plan, and how long things took.
    let begin = run.err.find("error[").unwrap_or_else(|| panic!("there is no error in\n{}", run.err));
    run.err[begin..].trim_end().to_string()
}

fn shown(name: &str, said: &str) {
    insta::with_settings!({ snapshot_path => "refusals", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, said);
    });
}

const BUCKET: &str = "project extends Project { name \"refused\"; }\n\
                      logs extends TransientS3Bucket {\n    bucket \"refused-logs\";\n    profile \"work\";\n}\n";

#[test]
fn a_missing_permission() {
    shown("denied", &said(BUCKET, "PUT /refused-logs", 403, "AccessDenied"));
}

#[test]
fn an_expired_token() {
    shown("expired", &said(BUCKET, "GET /refused-logs", 400, "ExpiredToken"));
}

#[test]
fn a_quota() {
    let program = "project extends Project { name \"refused\"; }\n\
                   web extends ImageInstance {\n    imageID \"ami-26b6534f\";\n    minCount 40;\n}\n";
    shown("quota", &said(program, "Action=RunInstances", 400, "VcpuLimitExceeded"));
}

#[test]
fn a_name_of_somebody_else() {
    let program = "project extends Project { name \"refused\"; }\n\
                   static extends TransientS3Bucket { bucket \"refused-static\"; }\n\
                   cdn extends Distribution {\n    origin static;\n    aliases [\"www.example.com\"];\n    \
                   certificate \"arn:aws:acm:us-east-1:123456789012:certificate/1\";\n}\n";
    shown("taken", &said(program, "POST /2020-05-31/distribution", 409, "CNAMEAlreadyExists"));
}

#[tokio::test]
async fn each_service_tells_the_number_of_the_call() {
    let world = World::new();
    for (kind, call) in [
        ("aws.ImageInstance", "Action=DescribeInstances"),
        ("aws.DbParameterGroup", "Action=DescribeDBParameterGroups"),
        ("aws.Distribution", "GET /2020-05-31/distribution/numbered"),
    ] {
        world.proxy.next(call, Mishap::Refusal(403, "AccessDenied"));
        let fault = world.aws.read(&place(&want(kind, "x", "t1", &[]), "numbered", Fields::new())).await.unwrap_err();
        assert_eq!((fault.kind, fault.request_id.as_deref()), (FaultKind::Denied, Some("r-1")), "{kind}: {fault:?}");
        assert!(fault.help.unwrap().starts_with("the caller needs the permission `"), "{kind}");
    }
}

#[tokio::test]
async fn an_emulator_that_is_not_there_is_named() {
    // Nothing listens at the port of the protocol that throws everything away.
    let aws = at("http://127.0.0.1:9");
    let home = place(&want("aws.Distribution", "x", "t1", &[]), "E1", Fields::new());
    let fault = aws.read(&home).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Unavailable, ""));
    let help = "calls go to `http://127.0.0.1:9`, as AWS_ENDPOINT_URL or the configuration of aws says";
    assert!(fault.help.as_ref().unwrap().starts_with(help), "{fault:?}");
    assert!(aws.read_many(&[home]).await.remove(0).unwrap_err().help.unwrap().starts_with(help));
}
