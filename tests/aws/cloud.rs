//! The emulator is what the tests lean on: that it refuses what AWS refuses, and takes as long, boto3 says.

use std::time::Duration;

use serde_json::json;

use super::moto::Moto;
use super::proxy::Proxy;

/// Carries out a script of `cloud/checks` through a proxy, as fast or slow as a test wants it.
fn passes(script: &str, slowness: Duration) {
    let moto = Moto::shared();
    let proxy = Proxy::before(moto);
    proxy.slow(slowness);
    let told = moto.witness(&proxy.endpoint, script, &json!({}));
    let told = told.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(told.result, told.expected);
    assert_eq!(proxy.count(""), 0, "what a witness asks is not counted");
}

#[test]
fn ec2_refuses_what_amazon_refuses() {
    passes(include_str!("cloud/checks/ec2.py"), Duration::ZERO);
}

#[test]
fn rds_refuses_what_amazon_refuses() {
    passes(include_str!("cloud/checks/rds.py"), Duration::ZERO);
}

#[test]
fn cloudfront_refuses_what_amazon_refuses() {
    passes(include_str!("cloud/checks/cloudfront.py"), Duration::ZERO);
}

#[test]
fn buckets_are_as_amazon_makes_them_and_large_bodies_arrive() {
    passes(include_str!("cloud/checks/s3.py"), Duration::ZERO);
}

#[test]
fn what_takes_time_can_be_seen_on_its_way() {
    // Long enough to be seen on a machine that has much else to do: this one mostly sleeps.
    passes(include_str!("cloud/checks/slow.py"), Duration::from_millis(2500));
}
