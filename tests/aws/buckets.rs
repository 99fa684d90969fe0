//! Buckets: found again, never taken over, and told as they are.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use tadpole::apply::provider::{Deed, FaultKind, Health, Place, Progress, Provider, Reading, Seek, Want};
use tadpole::aws::{Aws, Settings};
use tadpole::value::{Fields, Value};

use super::proxy::Mishap;
use super::{World, at, attribute, but, json, make, map, owner, place, tags};

fn bucket(name: &str, token: &str) -> Want {
    let inputs =
        [("bucket", Value::string(name)), ("versioning", Value::Bool(false)), ("tags", tags(&[("team", "a")]))];
    super::want("aws.S3Bucket", "site.logs[0]", token, &inputs)
}

fn named(name: &str) -> Place {
    place(&bucket(name, "t"), name, Fields::new())
}

#[tokio::test]
async fn a_bucket_from_its_creation_to_its_deletion() {
    let world = World::new();
    let first = but(&bucket("whole-life", "t1"), &[("versioning", Value::Bool(true))]);
    let made = world.aws.create(&first).await.unwrap();
    assert_eq!((&*made.id, made.whole), ("whole-life", false));
    let home = place(&first, &made.id, Fields::new());
    world.aws.update(&home, None, &first).await.unwrap();

    let here = world.here(&home).await;
    assert_eq!(json(&here.inputs), json!({"versioning": true, "tags": {"team": "a"}}));
    let domain = "whole-life.s3.us-east-1.amazonaws.com";
    let website = "whole-life.s3-website-us-east-1.amazonaws.com";
    let outputs = json!({"arn": "arn:aws:s3:::whole-life", "domainName": domain, "websiteDomain": website});
    assert_eq!(json(&here.outputs), outputs);
    assert_eq!(here.health, Health::Live);
    let seen = world.moto.python(
        "s3 = client('s3')\n\
         result = [tags_of(s3.get_bucket_tagging(Bucket='whole-life')['TagSet']), s3.get_bucket_versioning(Bucket='whole-life')['Status']]",
    );
    let written =
        json!({"team": "a", "tadpole:lineage": "lineage-1", "tadpole:address": "site.logs/0", "tadpole:op": "t1"});
    assert_eq!(seen, json!([written, "Enabled"]));

    let mut second = but(&first, &[("versioning", Value::Bool(false)), ("tags", tags(&[("cost", "b")]))]);
    second.owner.token = "t2".into();
    for _ in 0..2 {
        world.aws.update(&home, Some(&first.inputs), &second).await.unwrap();
    }
    assert_eq!(json(&world.here(&home).await.inputs), json!({"versioning": false, "tags": {"cost": "b"}}));
    // By the token of its creation it is found for ever.
    assert_eq!(world.aws.find(&second, &Seek::Made(first.owner.clone())).await.unwrap().as_deref(), Some("whole-life"));

    for _ in 0..2 {
        world.aws.delete(&home).await.unwrap();
        assert!(world.is_gone(&home).await);
    }
    let fault = world.aws.update(&home, None, &first).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Missing);
}

#[tokio::test]
async fn a_bucket_that_never_kept_versions_is_left_like_that() {
    let world = World::new();
    let home = make(&world, &bucket("never-versioned", "t1")).await;
    assert_eq!(world.proxy.count("versioning"), 2, "asked once by the update and once by the read");
    let seen = world.moto.python("result = client('s3').get_bucket_versioning(Bucket='never-versioned').get('Status')");
    assert_eq!(seen, json!(null));
    world.aws.delete(&home).await.unwrap();
}

#[tokio::test]
async fn a_bucket_lives_in_its_region() {
    let world = World::new();
    let wanted = but(&bucket("far-away", "t1"), &[("region", Value::string("eu-west-1"))]);
    let home = make(&world, &wanted).await;
    assert_eq!(home.outputs.get("domainName"), Some(&Value::string("far-away.s3.eu-west-1.amazonaws.com")));
    let seen = world.moto.python("result = client('s3').get_bucket_location(Bucket='far-away')['LocationConstraint']");
    assert_eq!(seen, json!("eu-west-1"));
}

#[tokio::test]
async fn a_bucket_is_found_when_the_answer_was_lost() {
    let world = World::new();
    let wanted = bucket("lost-answer", "t1");
    assert_eq!(world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap(), None);
    world.proxy.next("PUT /lost-answer", Mishap::LostAnswer);
    assert_eq!(world.aws.create(&wanted).await.unwrap_err().kind, FaultKind::Unknown);

    let found = world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap();
    assert_eq!(found.as_deref(), Some("lost-answer"));
    assert_eq!(&*world.aws.create(&wanted).await.unwrap().id, "lost-answer");
    assert_eq!(world.proxy.count("PUT /lost-answer"), 1, "what is there is not made again");
}

#[tokio::test]
async fn what_nothing_is_written_on_is_reported_and_not_guessed() {
    let world = World::new();
    world.moto.python("client('s3').create_bucket(Bucket='who-made-it')");
    let wanted = bucket("who-made-it", "t1");
    let fault = world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Taken, "bucket"));
    assert_eq!(fault.message, "the bucket `who-made-it` exists, and nothing on it says who made it");
    assert_eq!(world.aws.find(&wanted, &Seek::Owned(wanted.owner.clone())).await.unwrap(), None);
    assert_eq!(world.aws.find(&wanted, &Seek::Identity).await.unwrap().as_deref(), Some("who-made-it"));
    let nowhere = bucket("nobody-made-it", "t1");
    assert_eq!(world.aws.find(&nowhere, &Seek::Identity).await.unwrap(), None);
}

#[tokio::test]
async fn a_name_in_use_is_never_taken_over() {
    let world = World::new();
    world.moto.python("client('s3').create_bucket(Bucket='in-use')");
    let fault = world.aws.create(&bucket("in-use", "t1")).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Taken, "bucket"));
    assert_eq!(fault.message, "the bucket `in-use` exists already");
    assert!(fault.help.unwrap().contains("startActions [];"));

    // Another operation of the same component, another component, another environment.
    let ours = bucket("ours", "t1");
    make(&world, &ours).await;
    for (lineage, address, message) in [
        ("lineage-1", "site.logs[0]", "made by `site.logs/0` of this environment"),
        ("lineage-1", "other", "made by `site.logs/0` of this environment"),
        ("lineage-2", "site.logs[0]", "made by `site.logs/0` of another environment"),
    ] {
        let mut wanted = bucket("ours", "t2");
        wanted.owner = owner(lineage, address, "t2");
        let fault = world.aws.create(&wanted).await.unwrap_err();
        assert_eq!(fault.message, format!("the bucket `ours` exists already, {message}"));
        assert_eq!(world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap(), None);
        let owned = world.aws.find(&wanted, &Seek::Owned(wanted.owner.clone())).await.unwrap();
        assert_eq!(owned.is_some(), (lineage, address) == ("lineage-1", "site.logs[0]"));
    }
    assert_eq!(world.proxy.count("PUT /in-use"), 0);
}

#[tokio::test]
async fn a_bucket_that_may_not_be_looked_at() {
    let world = World::new();
    let wanted = bucket("closed", "t1");
    for _ in 0..2 {
        world.proxy.next("GET /closed/?tagging", Mishap::Refusal(403, "AccessDenied"));
    }
    let fault = world.aws.create(&wanted).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Taken, "bucket"));
    assert_eq!(world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap(), None);

    // That it is there may be all that its owner tells.
    world.moto.python("client('s3').create_bucket(Bucket='closed')");
    for _ in 0..3 {
        world.proxy.next("GET /closed/?tagging", Mishap::Refusal(403, "AccessDenied"));
    }
    assert_eq!(world.aws.find(&wanted, &Seek::Identity).await.unwrap().as_deref(), Some("closed"));
    let here = world.here(&named("closed")).await;
    assert!(here.inputs.is_empty() && here.health == Health::Live);
    world.proxy.next("HEAD /closed", Mishap::Refusal(403, ""));
    let fault = world.aws.read(&named("closed")).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Denied);
    assert_eq!(fault.help.as_deref(), Some("the caller needs the permission `s3:GetBucketTagging`"));
}

#[tokio::test]
async fn what_happens_behind_our_back_is_seen() {
    let world = World::new();
    let home = make(&world, &bucket("drifting", "t1")).await;
    world.moto.python(
        "s3 = client('s3')\n\
         kept = [tag for tag in s3.get_bucket_tagging(Bucket='drifting')['TagSet'] if tag['Key'] != 'team']\n\
         s3.put_bucket_tagging(Bucket='drifting', Tagging={'TagSet': kept + [{'Key': 'by', 'Value': 'hand'}]})\n\
         s3.put_bucket_versioning(Bucket='drifting', VersioningConfiguration={'Status': 'Enabled'})",
    );
    let here = world.here(&home).await;
    assert_eq!(json(&here.inputs), json!({"versioning": true, "tags": {"by": "hand"}}));
    world.aws.update(&home, Some(&here.inputs), &bucket("drifting", "t2")).await.unwrap();
    assert_eq!(json(&world.here(&home).await.inputs), json!({"versioning": false, "tags": {"team": "a"}}));

    world.moto.python("client('s3').delete_bucket(Bucket='drifting')");
    assert!(world.is_gone(&home).await);
    world.aws.delete(&home).await.unwrap();
}

#[tokio::test]
async fn a_bucket_without_tags_has_an_empty_map_of_them() {
    let world = World::new();
    let mut wanted = bucket("untagged", "t1");
    wanted.inputs.remove("tags");
    let home = make(&world, &wanted).await;
    assert_eq!(json(&world.here(&home).await.inputs), json!({"versioning": false, "tags": {}}));
    let before = world.proxy.count("");
    world.aws.update(&home, Some(&but(&wanted, &[("tags", tags(&[]))]).inputs), &wanted).await.unwrap();
    assert_eq!(world.proxy.count(""), before, "there is nothing to set");
}

#[tokio::test]
async fn a_bucket_that_is_not_empty_is_held() {
    let world = World::new();
    let home = make(&world, &bucket("full", "t1")).await;
    world.moto.python("client('s3').put_object(Bucket='full', Key='x', Body=b'x')");
    let fault = world.aws.delete(&home).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Held);
    let text = "could not delete the bucket `full`, which is not empty: 1 object is in it (BucketNotEmpty)";
    assert_eq!(fault.message, text);
    assert!(fault.help.unwrap().contains("extend `EmptiedS3Bucket` and apply"));
    assert!(fault.request_id.is_some());
    assert!(!world.is_gone(&home).await);
}

#[tokio::test]
async fn a_bucket_that_was_emptied_is_emptied_again_when_something_arrives_in_between() {
    let world = World::new();
    let home = make(&world, &bucket("logged", "t1")).await;
    let log = "client('s3').put_object(Bucket='logged', Key='log', Body=b'x')";
    world.moto.python(log);
    let empty = Deed { kind: "aws.Empty".into(), settings: Fields::new(), token: "t".into() };
    assert_eq!(world.aws.act(&home, &empty).await.unwrap(), Progress::Done);
    for _ in 0..2 {
        world.moto.python(log);
        assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Waiting("being emptied again".into()));
    }
    assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Done);
    assert!(world.is_gone(&home).await);

    // Not for ever.
    let home = make(&world, &bucket("logged", "t2")).await;
    assert_eq!(world.aws.act(&home, &empty).await.unwrap(), Progress::Done);
    let fault = loop {
        world.moto.python(log);
        match world.aws.delete(&home).await {
            Ok(progress) => assert_eq!(progress, Progress::Waiting("being emptied again".into())),
            Err(fault) => break fault,
        }
    };
    assert_eq!(fault.kind, FaultKind::Held);
    assert!(fault.help.unwrap().contains("something still writes to it"));
}

#[tokio::test]
async fn faults_say_whether_to_try_again() {
    let world = World::new();
    let wanted = bucket("unlucky", "t1");
    for (status, code, kind) in [
        (503, "SlowDown", FaultKind::Throttled),
        (503, "ServiceUnavailable", FaultKind::Unavailable),
        (500, "InternalError", FaultKind::Unknown),
        (403, "AccessDenied", FaultKind::Denied),
        (400, "TooManyBuckets", FaultKind::Refused),
        (409, "BucketAlreadyExists", FaultKind::Taken),
    ] {
        world.proxy.next("PUT /unlucky", Mishap::Refusal(status, code));
        let before = world.proxy.count("PUT /unlucky");
        let fault = world.aws.create(&wanted).await.unwrap_err();
        assert_eq!(fault.kind, kind, "{fault:?}");
        assert!(fault.message.ends_with(&format!("Not now ({code})")), "{fault:?}");
        assert_eq!(fault.request_id.as_deref(), Some("r-1"));
        assert_eq!(world.proxy.count("PUT /unlucky"), before + 1, "the engine retries, nobody else");
    }
    // A question without an answer can be asked again.
    world.proxy.next("GET /unlucky/?tagging", Mishap::LostAnswer);
    assert_eq!(world.aws.read(&named("unlucky")).await.unwrap_err().kind, FaultKind::Unavailable);
    world.proxy.next("GET /unlucky/?tagging", Mishap::Refusal(500, "InternalError"));
    assert_eq!(world.aws.read(&named("unlucky")).await.unwrap_err().kind, FaultKind::Unavailable);
    // Nobody is listening: nothing was done.
    let nobody = at("http://127.0.0.1:9");
    assert_eq!(nobody.delete(&named("unlucky")).await.unwrap_err().kind, FaultKind::Unavailable);
}

#[tokio::test]
async fn a_profile_that_is_not_there_is_denied() {
    let world = World::new();
    let aws = Aws::with(Settings { endpoint: Some(world.proxy.endpoint.clone()), keys: None, ..Settings::default() });
    let wanted = but(&bucket("no-profile", "t1"), &[("profile", Value::string("no-such-profile"))]);
    let fault = aws.create(&wanted).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Denied, "{fault:?}");
    assert_eq!(attribute(&fault), "profile", "its line says which one: {fault:?}");
    assert!(fault.help.unwrap().contains("aws sso login"));
    assert_eq!(world.proxy.count(""), 0);
}

#[tokio::test]
async fn many_buckets_are_read_at_once_and_in_order() {
    let world = World::new();
    let mut places = Vec::new();
    for n in 0..30 {
        let region = if n % 3 == 0 { "eu-west-1" } else { "us-east-1" };
        let wanted = but(
            &bucket(&format!("many-{n}"), &format!("t{n}")),
            &[("region", Value::string(region)), ("tags", tags(&[("n", &n.to_string())]))],
        );
        places.push(make(&world, &wanted).await);
    }
    world.moto.python("client('s3').delete_bucket(Bucket='many-7')");
    let mut stranger = places[0].clone();
    stranger.kind = "aws.Stranger".into();
    places.insert(10, stranger);

    let readings = world.aws.read_many(&places).await;
    assert_eq!(readings.len(), 31);
    assert_eq!(readings[10].as_ref().unwrap_err().kind, FaultKind::Refused);
    for (place, reading) in places.iter().zip(&readings).filter(|(place, _)| &*place.kind == "aws.S3Bucket") {
        match reading.as_ref().unwrap() {
            Reading::Gone => assert_eq!(&*place.id, "many-7"),
            Reading::Here(here) => {
                let number = &map(&json(&here.inputs)["tags"])["n"];
                assert_eq!(format!("many-{number}"), *place.id);
                assert_eq!(here.outputs, place.outputs);
            }
        }
    }
}

/// Settings as a program could have them, each of them or not.
fn any_settings() -> impl Strategy<Value = serde_json::Value> {
    let days = |n: i64| json!({"$": "duration", "of": n * 86_400_000});
    let rule = ("[a-z]{1,6}", any::<bool>(), "[a-z/]{0,4}", 1..3000i64, prop::option::of(1..90i64)).prop_map(
        move |(id, enabled, prefix, expire, abort)| {
            json!({
                "id": id, "enabled": enabled, "prefix": prefix, "tags": {}, "largerThan": null, "smallerThan": null,
                "expireAfter": days(expire), "expireDeleteMarkers": false, "expireOldVersionsAfter": null,
                "keepOldVersions": null, "abortUploadsAfter": abort.map(days), "transitions": [],
                "oldVersionTransitions": [],
            })
        },
    );
    let rules = prop::collection::btree_map("[a-z]{3}", rule, 0..3).prop_map(|rules| {
        // Names of rules are not the same twice.
        let named = rules.into_iter().map(|(id, mut rule)| {
            rule["id"] = json!(id);
            rule
        });
        named.collect::<Vec<_>>()
    });
    let methods = prop::sample::subsequence(vec!["GET", "PUT", "POST"], 1..3);
    let cors = (methods, prop::option::of(0..5000i64)).prop_map(|(methods, age)| {
        json!([{
            "id": null, "origins": ["https://b.example", "https://a.example"], "methods": methods, "headers": ["X-B", "X-a"],
            "exposeHeaders": [], "maxAge": age.map(|age| json!({"$": "duration", "of": age * 1000})),
        }])
    });
    let flags = prop::array::uniform4(any::<bool>())
        .prop_map(|[a, b, c, d]| json!({"blockAcls": a, "ignoreAcls": b, "blockPolicy": c, "restrictBucket": d}));
    let policy = prop::sample::subsequence(vec!["s3:PutObject", "s3:GetObject", "s3:ListBucket"], 1..3).prop_map(|actions| {
        json!({"statements": [{
            "sid": null, "effect": "Deny", "principals": {"AWS": ["*"]}, "notPrincipals": {}, "actions": actions,
            "notActions": [], "resources": [], "notResources": [], "conditions": {"Bool": {"aws:SecureTransport": ["false"]}},
        }]})
    });
    let website = prop::option::of("[a-z]{1,5}")
        .prop_map(|error| json!({"index": "index.html", "error": error, "redirectTo": null, "redirectProtocol": null}));
    let option = prop::option::of::<BoxedStrategy<serde_json::Value>>;
    (
        option(rules.prop_map(|rules| json!(rules)).boxed()),
        option(cors.boxed()),
        option(flags.boxed()),
        option(policy.boxed()),
        option(website.boxed()),
        option(prop::sample::select(vec![json!("BucketOwnerEnforced"), json!("ObjectWriter")]).boxed()),
    )
        .prop_map(|(lifecycle, cors, access, policy, website, ownership)| {
            json!({
                "lifecycle": lifecycle, "cors": cors, "publicAccessBlock": access, "policy": policy, "website": website,
                "ownership": ownership,
            })
        })
}

#[test]
fn whatever_is_set_is_told_as_it_was_recorded() {
    let world = World::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let home = runtime.block_on(make(&world, &bucket("any-settings", "t1")));
    // Each is reached from the one before, as an update does it.
    let before = std::cell::RefCell::new(home.clone());
    let outcome = runner.run(&any_settings(), |settings| {
        let settings: Fields = serde_json::from_value(settings).unwrap();
        let settings: Vec<(&str, Value)> =
            settings.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let wanted = but(&bucket("any-settings", "t2"), &settings);
        runtime.block_on(async {
            let old = before.borrow().clone();
            world.aws.update(&old, Some(&old.inputs), &wanted).await.unwrap();
            let mut now = home.clone();
            now.inputs = wanted.inputs.clone();
            let told = world.here(&now).await.inputs;
            for (name, value) in told {
                prop_assert_eq!(Some(&value), wanted.inputs.get(&name), "{}", name);
            }
            // With nothing to change, nothing is sent.
            let calls = world.proxy.count("");
            world.aws.update(&now, Some(&now.inputs), &wanted).await.unwrap();
            prop_assert_eq!(world.proxy.count(""), calls);
            *before.borrow_mut() = now;
            Ok(())
        })
    });
    outcome.unwrap();
}
