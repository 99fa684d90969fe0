//! Distributions beyond what every type must do: steps of a deletion, what AWS fills in, what others set, what
//! holds what, and invalidations.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tadpole::apply::provider::{Deed, FaultKind, Health, Progress, Provider, Reading, Seek, Want};
use tadpole::value::{Fields, Value};

use super::moto::{Moto, environment};
use super::proxy::{Mishap, Proxy};
use super::{World, attribute, but, json, make, place, tags, want};
use crate::cli::Tadpole;

fn map(pairs: &[(&str, Value)]) -> Value {
    Value::Map(pairs.iter().map(|(name, value)| (name.to_string(), value.clone())).collect::<BTreeMap<_, _>>())
}

fn texts(texts: &[&str]) -> Value {
    Value::List(texts.iter().map(|text| Value::string(*text)).collect())
}

fn origin(bucket: &str, access: Value) -> Value {
    let domain = format!("{bucket}.s3.us-east-1.amazonaws.com");
    let pairs = [
        ("name", Value::string("origin")),
        ("domain", Value::string(domain)),
        ("path", Value::string("")),
        ("access", access),
    ];
    Value::List(vec![map(&pairs)])
}

fn distribution(name: &str, token: &str) -> Want {
    let behavior = map(&[
        ("viewerProtocol", Value::string("redirect-to-https")),
        ("methods", texts(&["GET", "HEAD"])),
        ("compress", Value::Bool(true)),
        ("caching", Value::string("CachingOptimized")),
    ]);
    let inputs = [
        ("origins", origin(name, Value::Null)),
        ("aliases", texts(&[])),
        ("comment", Value::string(name)),
        ("enabled", Value::Bool(true)),
        ("priceClass", Value::string("PriceClass_All")),
        ("behavior", behavior),
        ("behaviors", Value::List(Vec::new())),
        ("errorPages", Value::List(Vec::new())),
        ("minimumTls", Value::string("TLSv1.2_2021")),
        ("sni", Value::Bool(true)),
        ("logPrefix", Value::string("")),
        ("httpVersion", Value::string("http2")),
        ("ipv6", Value::Bool(true)),
        ("allowedCountries", texts(&[])),
        ("blockedCountries", texts(&[])),
        ("waitDeployed", Value::Bool(true)),
        ("tags", tags(&[("team", "a")])),
    ];
    // A token is no other operation's, of any test.
    want("aws.Distribution", &name.replace('-', "_"), &format!("{name}-{token}"), &inputs)
}

/// A distribution as boto3 sees it.
fn seen(moto: &Moto, id: &str) -> serde_json::Value {
    moto.python(&format!(
        "result = client('cloudfront').get_distribution(Id='{id}')['Distribution']['DistributionConfig']"
    ))
}

#[tokio::test]
async fn what_others_set_stays_when_something_else_is_changed() {
    let world = World::new();
    let wanted = distribution("kept", "t1");
    let home = make(&world, &wanted).await;
    world.moto.python(&format!(
        "c = client('cloudfront')\n\
         found = c.get_distribution_config(Id='{id}')\n\
         config = found['DistributionConfig']\n\
         config['DefaultCacheBehavior']['ResponseHeadersPolicyId'] = 'rh-1'\n\
         config['Origins']['Items'][0]['ConnectionAttempts'] = 2\n\
         c.update_distribution(Id='{id}', IfMatch=found['ETag'], DistributionConfig=config)",
        id = home.id
    ));
    assert_eq!(world.here(&home).await.inputs.get("behavior"), wanted.inputs.get("behavior"), "it is as recorded");
    let second = but(&wanted, &[("comment", Value::string("kept, and changed"))]);
    world.aws.update(&home, Some(&wanted.inputs), &second).await.unwrap();
    let config = seen(world.moto, &home.id);
    assert_eq!(config["Comment"], "kept, and changed");
    assert_eq!(config["DefaultCacheBehavior"]["ResponseHeadersPolicyId"], "rh-1");
    assert_eq!(config["Origins"]["Items"][0]["ConnectionAttempts"], 2);
    assert_eq!(config["CallerReference"], "kept-t1");

    // Once more: there is nothing to send.
    let before = world.proxy.count("PUT ");
    world.aws.update(&home, None, &second).await.unwrap();
    assert_eq!(world.proxy.count("PUT "), before);
}

#[tokio::test]
async fn a_change_by_somebody_else_in_between_is_looked_at_again() {
    let world = World::new();
    let wanted = distribution("in-between", "t1");
    let home = make(&world, &wanted).await;
    let second = but(&wanted, &[("comment", Value::string("other"))]);
    for (status, code) in [(412, "PreconditionFailed"), (400, "InvalidIfMatchVersion")] {
        world.proxy.next("PUT /", Mishap::Refusal(status, code));
        let fault = world.aws.update(&home, Some(&wanted.inputs), &second).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unavailable, "{fault:?}");
        assert!(fault.request_id.is_some(), "{fault:?}");
    }
    world.aws.update(&home, Some(&wanted.inputs), &second).await.unwrap();
    assert_eq!(seen(world.moto, &home.id)["Comment"], "other");
}

#[tokio::test]
async fn a_deletion_goes_step_by_step() {
    let world = World::new();
    // Longer than a call takes on a machine that has much else to do.
    world.proxy.slow(Duration::from_secs(3));
    let wanted = distribution("slow", "t1");
    let made = world.aws.create(&wanted).await.unwrap();
    assert!(made.whole);
    let home = place(&wanted, &made.id, Fields::new());
    assert_eq!(world.aws.check(&home).await.unwrap(), Some(Health::Waiting("InProgress".into())));
    let mut hasty = home.clone();
    hasty.inputs.insert("waitDeployed".into(), Value::Bool(false));
    assert_eq!(world.aws.check(&hasty).await.unwrap(), Some(Health::Live));
    while world.aws.check(&home).await.unwrap() != Some(Health::Live) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Waiting("being switched off".into()));
    assert_eq!(seen(world.moto, &home.id)["Enabled"], false);
    // Not before the last change is everywhere.
    assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Waiting("InProgress".into()));
    while world.aws.delete(&home).await.unwrap() != Progress::Done {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(matches!(world.aws.read(&home).await.unwrap(), Reading::Gone));
    assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Done);
}

#[tokio::test]
async fn a_name_is_one_distributions_alone() {
    let world = World::new();
    let names = [("aliases", texts(&["www.taken.example.com"]))];
    make(&world, &but(&distribution("first", "t1"), &names)).await;
    let second = but(&distribution("second", "t2"), &names);
    let fault = world.aws.create(&second).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Taken, "aliases"), "{fault:?}");
    assert!(fault.help.unwrap().contains("associate-alias"));

    // One that exists already is found by them.
    let found = world.aws.find(&second, &Seek::Identity).await.unwrap();
    assert!(found.is_some());
    let nameless = distribution("second", "t2");
    let fault = world.aws.find(&nameless, &Seek::Identity).await.unwrap_err();
    assert_eq!(attribute(&fault), "aliases");
}

#[tokio::test]
async fn a_second_try_of_one_operation_makes_no_second_distribution() {
    let world = World::new();
    let wanted = distribution("twice", "t1");
    world.proxy.next("POST /", Mishap::LostAnswer);
    assert_eq!(world.aws.create(&wanted).await.unwrap_err().kind, FaultKind::Unknown);
    let found = world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap();
    assert_eq!(Some(world.aws.create(&wanted).await.unwrap().id), found);
    let count = world.moto.python(
        "found = client('cloudfront').list_distributions()['DistributionList']['Items']\n\
         result = sum(one['Comment'] == 'twice' for one in found)",
    );
    assert_eq!(count, 1);
}

#[tokio::test]
async fn many_are_read_by_a_list_where_a_list_tells_enough() {
    let world = World::new();
    let mut places = Vec::new();
    for n in 0..4 {
        let wanted = distribution(&format!("many-{n}"), &format!("t{n}"));
        let root = [("defaultRoot", Value::string("index.html"))];
        let wanted = if n == 3 { but(&wanted, &root) } else { wanted };
        places.push(make(&world, &wanted).await);
    }
    let before = world.proxy.log().len();
    let readings = world.aws.read_many(&places).await;
    let log = world.proxy.log().split_off(before);
    let count = |text: &str| log.iter().filter(|call| call.contains(text)).count();
    assert_eq!((count("/tagging"), count("GET /2020-05-31/distribution/"), log.len()), (4, 1, 6), "{log:#?}");
    for (place, reading) in places.iter().zip(readings) {
        let Ok(Reading::Here(here)) = reading else { panic!("{} is not there", place.address) };
        assert_eq!(here.outputs, place.outputs);
        for (name, told) in &here.inputs {
            assert_eq!(Some(told), place.inputs.get(name), "{name}");
        }
    }

    // Who may not list still looks at each.
    world.proxy.next("GET /2020-05-31/distribution", Mishap::Refusal(403, "AccessDenied"));
    assert!(world.aws.read_many(&places).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn what_cannot_work_is_refused_before_any_call() {
    let world = World::new();
    let wanted = distribution("refused", "t1");
    let named = |name: &str| map(&[("origin", Value::string(name)), ("path", Value::string("/*"))]);
    for (change, message) in [
        (("origins", Value::List(Vec::new())), "a distribution needs an origin to get its answers from"),
        (("origin", Value::string("other")), "the bucket `origin` is none of the `origins`"),
        (("behavior", named("nowhere")), "there is no origin `nowhere`"),
        (("behaviors", Value::List(vec![named("origin"), named("lost")])), "there is no origin `lost`"),
    ] {
        let fault = world.aws.create(&but(&wanted, std::slice::from_ref(&change))).await.unwrap_err();
        assert_eq!((fault.kind, fault.message.as_str(), attribute(&fault)), (FaultKind::Refused, message, change.0));
    }
    let both = but(&wanted, &[("allowedCountries", texts(&["DE"])), ("blockedCountries", texts(&["FR"]))]);
    assert_eq!(attribute(&world.aws.create(&both).await.unwrap_err()), "blockedCountries");
    assert_eq!(world.proxy.count(""), 0);
}

#[tokio::test]
async fn what_a_distribution_uses_is_held_and_says_by_which() {
    let world = World::new();
    let access = want(
        "aws.OriginAccessControl",
        "held.access",
        "t1",
        &[("originType", Value::string("s3")), ("signing", Value::string("always"))],
    );
    let access = make(&world, &access).await;
    let policy = want(
        "aws.CachePolicy",
        "held.policy",
        "t2",
        &[("name", Value::string("held-policy")), ("comment", Value::string("")), ("compression", Value::Bool(true))],
    );
    let policy = make(&world, &policy).await;
    let function = want(
        "aws.Function",
        "held.function",
        "t3",
        &[
            ("name", Value::string("held-function")),
            ("code", Value::string("x")),
            ("runtime", Value::string("cloudfront-js-2.0")),
        ],
    );
    let function = make(&world, &function).await;
    let behavior = map(&[
        ("viewerProtocol", Value::string("https-only")),
        ("methods", texts(&["GET", "HEAD"])),
        ("cachePolicy", Value::string(&*policy.id)),
        ("onResponse", Value::string(&*function.id)),
    ]);
    let changes = [("origins", origin("held", Value::string(&*access.id))), ("behavior", behavior)];
    let user = make(&world, &but(&distribution("held", "t4"), &changes)).await;
    for home in [&access, &policy, &function] {
        let fault = world.aws.delete(home).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Held, "{fault:?}");
        assert!(fault.help.unwrap().contains(&format!("`{}`", user.id)));
    }
    while world.aws.delete(&user).await.unwrap() != Progress::Done {}
    for home in [&access, &policy, &function] {
        assert_eq!(world.aws.delete(home).await.unwrap(), Progress::Done);
    }
}

#[tokio::test]
async fn a_policy_that_is_not_there_is_not_the_distribution_that_is_not_there() {
    let world = World::new();
    let wanted = distribution("no-policy", "t1");
    let home = make(&world, &wanted).await;
    world.proxy.next("PUT /", Mishap::Refusal(404, "NoSuchCachePolicy"));
    let second = but(&wanted, &[("comment", Value::string("other"))]);
    let fault = world.aws.update(&home, Some(&wanted.inputs), &second).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Refused, "behavior"));
}

#[tokio::test]
async fn one_operation_invalidates_once() {
    let world = World::new();
    let home = make(&world, &distribution("invalidated", "t1")).await;
    let deed = |paths: &[&str], wait: bool| Deed {
        kind: "aws.Invalidate".into(),
        settings: Fields::from([
            ("distribution".into(), Value::string(&*home.id)),
            ("paths".into(), texts(paths)),
            ("wait".into(), Value::Bool(wait)),
        ]),
        token: "o1".into(),
    };
    for _ in 0..2 {
        assert_eq!(world.aws.act(&home, &deed(&["/*"], true)).await.unwrap(), Progress::Done);
    }
    world.aws.act(&home, &deed(&["/a", "/b"], false)).await.unwrap();
    let script = format!(
        "c = client('cloudfront')\n\
         found = c.list_invalidations(DistributionId='{id}')['InvalidationList']['Items']\n\
         result = sorted(c.get_invalidation(DistributionId='{id}', Id=one['Id'])['Invalidation']['InvalidationBatch']['Paths']['Items'] for one in found)",
        id = home.id
    );
    assert_eq!(world.moto.python(&script), json!([["/*"], ["/a", "/b"]]));

    world.proxy.next("/invalidation", Mishap::Refusal(400, "TooManyInvalidationsInProgress"));
    let fault = world.aws.act(&home, &deed(&["/*"], false)).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unavailable, "it may pass later");
    let mut gone = deed(&["/*"], false);
    gone.settings.insert("distribution".into(), Value::string("ENOTTHERE"));
    let fault = world.aws.act(&home, &gone).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Refused, "the thing in whose list it stands is there: {fault:?}");
    assert_eq!(json(&world.here(&home).await.inputs)["comment"], "invalidated");
}

/// The files of a site, changed: its readers get the new ones.
#[test]
fn what_changes_answers_takes_the_old_ones_out() {
    let moto = Moto::shared();
    let proxy = Proxy::before(moto);
    let directory = tempfile::tempdir().unwrap();
    let mut tadpole = Tadpole::new(directory.path());
    for (name, value) in environment(&proxy.endpoint) {
        tadpole = tadpole.env(name, &value);
    }
    let program = |versioning: bool| {
        let text = format!(
            "static extends TransientS3Bucket {{ bucket \"invalidating-static\"; }}\n\
             files extends TransientS3Bucket {{\n    bucket \"invalidating-files\";\n    versioning {versioning};\n    \
             updateActions [...super, cdn.invalidate];\n}}\n\
             cdn extends Distribution {{\n    origin static;\n    comment \"invalidating\";\n    \
             invalidate extends Invalidate {{ distribution cdn; paths [\"/files/*\"]; }}\n}}\n\
             output domain = cdn.domainName;\n"
        );
        std::fs::write(directory.path().join("main.cloud"), text).unwrap();
    };
    program(false);
    let run = tadpole.run(&["apply", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains(".cloudfront.net"), "{}", run.out);
    assert_eq!(proxy.count("/invalidation"), 0);

    program(true);
    let run = tadpole.run(&["apply", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(proxy.count("/invalidation"), 1, "{}", proxy.log().join("\n"));
    assert_eq!(proxy.count("<Path>/files/*</Path>"), 1);
    let run = tadpole.run(&["plan"]);
    assert!(run.code == 0 && (run.out + &run.err).contains("Nothing changes"));
    assert_eq!(tadpole.run(&["destroy", "--yes"]).code, 0);
}
