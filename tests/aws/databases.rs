//! Databases and what they are made with: parameters in portions, names that say whose they are, and states that
//! are waited for. Where moto is otherwise than AWS, `cloud/rds.py` puts it right.

use std::collections::BTreeMap;

use serde_json::json;
use tadpole::apply::provider::{FaultKind, Place, Progress, Provider, Seek, Want};
use tadpole::value::{Fields, Value};

use super::proxy::Mishap;
use super::{World, attribute, but, json, make, place, tags};

fn texts(pairs: &[(&str, &str)]) -> Value {
    tags(pairs)
}

fn group(address: &str, token: &str, parameters: &[(&str, &str)]) -> Want {
    let inputs = [
        ("family", Value::string("mysql8.0")),
        ("description", Value::string("a group")),
        ("parameters", texts(parameters)),
        ("applyMethod", Value::string("auto")),
        ("tags", tags(&[("team", "a")])),
    ];
    // One environment is shared by all of these tests: a token names one operation of it.
    super::want("aws.DbParameterGroup", address, &format!("{address} {token}"), &inputs)
}

/// What boto3 sees of the parameters that are set: values and how they apply.
fn parameters(world: &World, name: &str) -> BTreeMap<String, (String, String)> {
    let script = format!(
        "found = client('rds').describe_db_parameters(DBParameterGroupName='{name}')['Parameters']\n\
         result = {{one['ParameterName']: [one['ParameterValue'], one['ApplyMethod']] for one in found if 'ApplyMethod' in one}}"
    );
    serde_json::from_value(world.moto.python(&script)).unwrap()
}

#[tokio::test]
async fn a_parameter_group_gets_a_name_and_its_parameters() {
    let world = World::new();
    let first = group("tuning[0]", "t1", &[("slow_query_log", "ON"), ("performance_schema", "1")]);
    let home = make(&world, &first).await;
    assert!(home.id.starts_with("tuning-0-"), "{}", home.id);
    let arn = format!("arn:aws:rds:us-east-1:123456789012:pg:{}", home.id);
    assert_eq!(json(&home.outputs), json!({ "arn": arn }));
    // What the engine can take at once, it takes at once.
    let expected = [("performance_schema", ("1", "pending-reboot")), ("slow_query_log", ("ON", "immediate"))];
    let seen = parameters(&world, &home.id);
    let seen: Vec<_> = seen.iter().map(|(name, (value, method))| (&**name, (&**value, &**method))).collect();
    assert_eq!(seen, expected);
    let here = world.here(&home).await;
    assert_eq!(here.inputs.get("parameters"), first.inputs.get("parameters"));
    assert_eq!(json(&here.inputs)["tags"], json!({ "team": "a" }));

    // One is taken out, one is set to what the family has anyway, one is new.
    let changes = [
        ("parameters", texts(&[("performance_schema", "1"), ("max_connections", "100"), ("custom", "x")])),
        ("tags", tags(&[("cost", "b")])),
    ];
    let mut second = but(&first, &changes);
    second.owner.token = "tuning t2".into();
    for _ in 0..2 {
        let progress = world.aws.update(&home, Some(&first.inputs), &second).await.unwrap();
        assert_eq!(progress, Progress::Done);
    }
    let home = place(&second, &home.id, home.outputs);
    assert_eq!(
        parameters(&world, &home.id).into_keys().collect::<Vec<_>>(),
        ["custom", "max_connections", "performance_schema"]
    );
    let here = world.here(&home).await;
    assert_eq!(here.inputs.get("parameters"), second.inputs.get("parameters"));
    assert_eq!(json(&here.inputs)["tags"], json!({ "cost": "b" }));
    assert_eq!(world.proxy.count("Action=ModifyDBParameterGroup"), 3, "max_connections is not marked, and set again");

    // By the token of its creation, and by the address, it is found without a name.
    let found = world.aws.find(&second, &Seek::Made(first.owner.clone())).await.unwrap();
    assert_eq!(found.as_deref(), Some(&*home.id));
    let found = world.aws.find(&second, &Seek::Owned(second.owner.clone())).await.unwrap();
    assert_eq!(found.as_deref(), Some(&*home.id));
    assert_eq!(world.aws.find(&second, &Seek::Made(second.owner.clone())).await.unwrap(), None);

    for _ in 0..2 {
        assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Done);
        assert!(world.is_gone(&home).await);
    }
}

#[tokio::test]
async fn parameters_are_set_in_portions() {
    let world = World::new();
    let names: Vec<String> = (0..45).map(|n| format!("parameter_{n:02}")).collect();
    let all: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let wanted = group("portions", "t1", &all);
    let home = make(&world, &wanted).await;
    assert_eq!(world.proxy.count("Action=ModifyDBParameterGroup"), 3);
    assert_eq!(world.here(&home).await.inputs.get("parameters"), wanted.inputs.get("parameters"));
    world.aws.update(&home, Some(&wanted.inputs), &group("portions", "t2", &[])).await.unwrap();
    assert_eq!(world.proxy.count("Action=ResetDBParameterGroup"), 3);
    assert!(parameters(&world, &home.id).is_empty());
    world.aws.delete(&home).await.unwrap();
}

#[tokio::test]
async fn a_parameter_group_is_found_when_the_answer_was_lost() {
    let world = World::new();
    let wanted = group("lost", "t1", &[]);
    world.proxy.next("Action=CreateDBParameterGroup", Mishap::LostAnswer);
    assert_eq!(world.aws.create(&wanted).await.unwrap_err().kind, FaultKind::Unknown);
    let found = world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap().unwrap();
    // A second try meets the first.
    assert_eq!(world.aws.create(&wanted).await.unwrap().id, found);
    world.aws.delete(&place(&wanted, &found, Fields::new())).await.unwrap();
}

#[tokio::test]
async fn a_name_that_is_in_use_is_not_taken_over() {
    let world = World::new();
    world.moto.python(
        "client('rds').create_db_parameter_group(DBParameterGroupName='in-use', DBParameterGroupFamily='mysql8.0', Description='x')",
    );
    let named = but(&group("named", "t1", &[]), &[("name", Value::string("in-use"))]);
    let fault = world.aws.create(&named).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Taken, "name"));
    assert_eq!(fault.message, "the parameter group `in-use` exists already");
    assert_eq!(world.aws.find(&named, &Seek::Made(named.owner.clone())).await.unwrap(), None);
    assert_eq!(world.aws.find(&named, &Seek::Identity).await.unwrap().as_deref(), Some("in-use"));
    let ours = but(&group("ours", "t1", &[]), &[("name", Value::string("ours"))]);
    make(&world, &ours).await;
    let fault =
        world.aws.create(&but(&group("others", "t1", &[]), &[("name", Value::string("ours"))])).await.unwrap_err();
    assert_eq!(fault.message, "the parameter group `ours` exists already, made by `ours` of this environment");
}

#[tokio::test]
async fn a_parameter_group_in_use_says_by_whom() {
    let world = World::new();
    let home: Place = make(&world, &group("used", "t1", &[])).await;
    world.moto.python(&format!(
        "client('rds').create_db_instance(DBInstanceIdentifier='uses-group', DBInstanceClass='db.t3.micro', Engine='mysql', \
         AllocatedStorage=20, MasterUsername='u', MasterUserPassword='password', DBParameterGroupName='{}')",
        home.id
    ));
    let fault = world.aws.delete(&home).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Held);
    assert_eq!(fault.help.as_deref(), Some("it is used by `uses-group`"));
}
