//! Databases and what they are made with: parameters in portions, names that say whose they are, and states that
//! are waited for. Where moto is otherwise than AWS, `cloud/rds.py` puts it right.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use tadpole::apply::provider::{Deed, FaultKind, Health, Place, Progress, Provider, Seek, Want};
use tadpole::plan::ChangeKind;
use tadpole::value::{Fields, SealingKey, Secret, Value};

use super::environment::Environment;
use super::proxy::Mishap;
use super::{World, at, attribute, but, json, make, place, tags};
use crate::world::graph;

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

fn database(address: &str, token: &str, changes: &[(&str, Value)]) -> Want {
    let gib = |count: u64| Value::Size(count << 30);
    let inputs = [
        ("identifier", Value::string(address)),
        ("engine", Value::string("mysql")),
        ("instanceClass", Value::string("db.t3.small")),
        ("storage", gib(20)),
        ("username", Value::string("kulitzer")),
        ("password", password("correct horse")),
        ("multiAz", Value::Bool(false)),
        ("publiclyAccessible", Value::Bool(false)),
        ("encrypted", Value::Bool(true)),
        ("backupRetention", Value::Duration(3 * 86_400_000)),
        ("deletionProtection", Value::Bool(false)),
        ("minorUpgrades", Value::Bool(true)),
        ("allowMajorUpgrade", Value::Bool(false)),
        ("performanceInsights", Value::Bool(false)),
        ("copyTagsToSnapshot", Value::Bool(false)),
        ("applyImmediately", Value::Bool(true)),
        ("finalSnapshot", Value::Bool(false)),
        ("keepAutomatedBackups", Value::Bool(false)),
        ("tags", tags(&[("team", "a")])),
    ];
    // An address is of letters, digits and dots.
    let component = address.replace('-', "_");
    but(&super::want("aws.DbInstance", &component, &format!("{address} {token}"), &inputs), changes)
}

/// As a record has it: without its text.
fn recorded(inputs: &Fields) -> Fields {
    serde_json::from_str(&serde_json::to_string(inputs).unwrap()).unwrap()
}

fn password(text: &str) -> Value {
    let mut secret = Value::Secret(Secret::new("env:PASSWORD", text));
    secret.seal(&SealingKey([7; 32]));
    secret
}

async fn health(world: &World, place: &Place) -> Health {
    world.aws.check(place).await.unwrap().unwrap()
}

fn waiting(on: &str) -> Progress {
    Progress::Waiting(on.to_string())
}

/// Goes on until there is nothing more to wait for. Answers what it waited for.
async fn updated(world: &World, place: &Place, old: Option<&Fields>, want: &Want) -> Vec<String> {
    let mut waits = Vec::new();
    while let Progress::Waiting(on) = world.aws.update(place, old, want).await.unwrap() {
        waits.push(on);
        assert!(waits.len() < 20, "{waits:?}");
    }
    waits
}

#[tokio::test]
async fn a_change_waits_for_the_one_before_it() {
    let world = World::new();
    let first = database("slow-one", "t1", &[]);
    let made = world.aws.create(&first).await.unwrap();
    assert_eq!((&*made.id, made.whole), ("slow-one", true));
    let home = place(&first, &made.id, Fields::new());
    assert_eq!(health(&world, &home).await, Health::Waiting("creating".into()));
    assert_eq!(health(&world, &home).await, Health::Waiting("backing-up".into()));
    assert_eq!(health(&world, &home).await, Health::Live);

    let old = recorded(&first.inputs);
    let second = but(&first, &[("multiAz", Value::Bool(true))]);
    let third = but(&second, &[("instanceClass", Value::string("db.m5.large"))]);
    assert_eq!(updated(&world, &home, Some(&old), &second).await, [] as [&str; 0]);
    assert_eq!(updated(&world, &home, Some(&recorded(&second.inputs)), &third).await, ["modifying"]);
    assert_eq!(world.proxy.count("Action=ModifyDBInstance"), 2);
    assert_eq!(world.proxy.count("MasterUserPassword"), 1, "the password is not set again");
    assert_eq!(health(&world, &home).await, Health::Waiting("modifying".into()));
    let here = world.here(&home).await;
    assert_eq!(
        (json(&here.inputs)["multiAz"].clone(), json(&here.inputs)["instanceClass"].clone()),
        (json!(true), json!("db.m5.large"))
    );

    let fourth = but(&third, &[("password", password("battery staple"))]);
    assert_eq!(updated(&world, &home, Some(&recorded(&third.inputs)), &fourth).await, [] as [&str; 0]);
    assert_eq!(world.proxy.count("MasterUserPassword=battery"), 1);
    // Of what is not known to be complete, everything is set that cannot be looked at.
    assert_eq!(updated(&world, &home, None, &fourth).await, ["modifying"]);
    assert_eq!(world.proxy.count("MasterUserPassword=battery"), 2);

    assert_eq!(world.aws.delete(&home).await.unwrap(), waiting("modifying"));
    assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Done);
    // Going, it is not there for anybody any more, and its deletion is not ordered again.
    assert_eq!(world.aws.find(&first, &Seek::Made(first.owner.clone())).await.unwrap(), None);
    assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Done);
    assert!(world.is_gone(&home).await);
    assert_eq!(world.proxy.count("Action=DeleteDBInstance"), 1);
    assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Done);
}

#[tokio::test]
async fn a_refusal_for_being_busy_is_waited_out() {
    let world = World::new();
    let first = database("busy", "t1", &[]);
    let home = make(&world, &first).await;
    let second = but(&first, &[("multiAz", Value::Bool(true))]);
    world.proxy.next("Action=ModifyDBInstance", Mishap::Refusal(400, "InvalidDBInstanceState"));
    assert_eq!(updated(&world, &home, Some(&first.inputs), &second).await, ["available and busy"]);
    world.proxy.next("Action=DeleteDBInstance", Mishap::Refusal(400, "InvalidDBInstanceState"));
    assert_eq!(world.aws.delete(&home).await.unwrap(), waiting("available and busy"));
    assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Done);
}

#[tokio::test]
async fn a_database_is_found_when_the_answer_was_lost() {
    let world = World::new();
    let mut wanted = database("lost-db", "t1", &[]);
    wanted.inputs.remove("identifier");
    world.proxy.next("Action=CreateDBInstance", Mishap::LostAnswer);
    assert_eq!(world.aws.create(&wanted).await.unwrap_err().kind, FaultKind::Unknown);
    let found = world.aws.find(&wanted, &Seek::Made(wanted.owner.clone())).await.unwrap().unwrap();
    assert!(found.starts_with("lost-db-"), "{found}");
    assert_eq!(world.aws.create(&wanted).await.unwrap().id, found, "a second try meets the first");
    let home = place(&wanted, &found, Fields::new());
    assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Done);

    world.moto.python(
        "client('rds').create_db_instance(DBInstanceIdentifier='somebodys', DBInstanceClass='db.t3.micro', Engine='mysql', \
         AllocatedStorage=20, MasterUsername='u', MasterUserPassword='password')",
    );
    let fault = world.aws.create(&database("somebodys", "t1", &[])).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Taken, "identifier"));
    assert_eq!(fault.message, "the database `somebodys` exists already");
}

#[tokio::test]
async fn what_a_new_database_needs_is_asked_for_before_any_call() {
    let world = World::new();
    for (name, value, on) in [
        ("username", Value::Null, "username"),
        ("password", Value::Null, "password"),
        ("storage", Value::Size(20_000_000_000), "storage"),
        ("backupRetention", Value::Duration(3_600_000), "backupRetention"),
    ] {
        let mut wanted = database("incomplete", "t1", &[(name, value)]);
        wanted.inputs.retain(|_, value| *value != Value::Null);
        let fault = world.aws.create(&wanted).await.unwrap_err();
        assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Refused, on));
    }
    assert_eq!(world.proxy.count(""), 0);
}

#[tokio::test]
async fn the_end_of_a_database_is_as_its_form_says() {
    let world = World::new();
    let snapshots = |name: &str| {
        let script = format!(
            "found = pages('rds', 'describe_db_snapshots', 'DBSnapshots', SnapshotType='manual')\n\
             result = [one['DBSnapshotIdentifier'] for one in found if one['DBInstanceIdentifier'] == '{name}']"
        );
        serde_json::from_value::<Vec<String>>(world.moto.python(&script)).unwrap()
    };
    let archived =
        database("archived", "t1", &[("finalSnapshot", Value::Bool(true)), ("deletionProtection", Value::Bool(true))]);
    let home = make(&world, &archived).await;
    let fault = world.aws.delete(&home).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Held, "deletionProtection"));
    let open = but(&archived, &[("deletionProtection", Value::Bool(false))]);
    world.aws.update(&home, Some(&archived.inputs), &open).await.unwrap();
    // The answer is lost, and no second snapshot is made.
    world.proxy.next("Action=DeleteDBInstance", Mishap::LostAnswer);
    assert_eq!(world.aws.delete(&home).await.unwrap_err().kind, FaultKind::Unknown);
    assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Done);
    let first = snapshots("archived");
    assert!(first.len() == 1 && first[0].starts_with("archived-final-"), "{first:?}");
    // The next one of the same name leaves another one.
    let home = make(&world, &but(&open, &[("finalSnapshot", Value::Bool(true))])).await;
    world.aws.delete(&home).await.unwrap();
    assert_eq!(snapshots("archived").len(), 2);

    let named = [("finalSnapshot", Value::Bool(true)), ("finalSnapshotName", Value::string(first[0].as_str()))];
    let home = make(&world, &database("archived-too", "t1", &named)).await;
    let fault = world.aws.delete(&home).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Taken, "finalSnapshotName"));
    assert!(fault.help.unwrap().starts_with("a snapshot of that name is there"));

    let home = make(&world, &database("transient", "t1", &[])).await;
    world.aws.delete(&home).await.unwrap();
    assert_eq!(snapshots("transient"), [] as [&str; 0]);
}

/// What RDS alone says is too little to end a following, and enough to try a last snapshot first.
#[tokio::test]
async fn what_is_not_recorded_as_following_is_not_promoted_and_leaves_a_snapshot_if_it_can() {
    let world = World::new();
    make(&world, &database("ahead", "t1", &[])).await;
    world.moto.python(
        "client('rds').create_db_instance_read_replica(DBInstanceIdentifier='behind', SourceDBInstanceIdentifier='ahead')",
    );
    let wanted = database("behind", "t1", &[("finalSnapshot", Value::Bool(true))]);
    let home = place(&wanted, "behind", Fields::new());
    let changed = but(&wanted, &[("copyTagsToSnapshot", Value::Bool(true))]);
    world.aws.update(&home, Some(&wanted.inputs), &changed).await.unwrap();
    assert_eq!(world.proxy.count("Action=PromoteReadReplica"), 0);
    assert_eq!(world.aws.delete(&home).await.unwrap(), Progress::Done);
    assert_eq!(world.proxy.count("Action=DeleteDBInstance"), 2, "with a snapshot, and as RDS takes none, without");
}

#[tokio::test]
async fn a_database_comes_from_a_snapshot() {
    let world = World::new();
    let home = make(&world, &database("original", "t1", &[])).await;
    let snapshot = super::want(
        "aws.DbSnapshot",
        "copy",
        "copy t1",
        &[("name", Value::string("copy-of-original")), ("database", Value::string(&*home.id)), ("tags", tags(&[]))],
    );
    let copy = make(&world, &snapshot).await;
    assert_eq!(world.here(&copy).await.health, Health::Live);
    let restored = [
        ("from", Value::string(&*copy.id)),
        ("password", password("another one")),
        ("backupRetention", Value::Duration(7 * 86_400_000)),
    ];
    let wanted = database("slow-restored", "t1", &restored);
    let made = world.aws.create(&wanted).await.unwrap();
    assert!(!made.whole);
    let home = place(&wanted, &made.id, Fields::new());
    assert_eq!(updated(&world, &home, None, &wanted).await, ["creating"]);
    let change: Vec<String> =
        world.proxy.log().into_iter().filter(|call| call.contains("Action=ModifyDBInstance")).collect();
    assert_eq!(change.len(), 1);
    for part in ["BackupRetentionPeriod=7", "MasterUserPassword=another"] {
        assert!(change[0].contains(part), "{change:?}");
    }
    assert!(!change[0].contains("DBInstanceClass"), "{change:?}");
    let fault = world.aws.create(&database("x", "t1", &[("from", Value::string("nowhere"))])).await.unwrap_err();
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Refused, "from"));
    let both = [("from", Value::string("copy-of-original")), ("replicaOf", Value::string("original"))];
    assert_eq!(attribute(&world.aws.create(&database("x", "t1", &both)).await.unwrap_err()), "from");
}

#[tokio::test]
async fn a_replica_becomes_a_database_of_its_own() {
    let world = World::new();
    let source = make(&world, &database("leader", "t1", &[])).await;
    let follows = [
        ("replicaOf", Value::string(&*source.id)),
        ("backupRetention", Value::Duration(0)),
        ("finalSnapshot", Value::Bool(true)),
    ];
    let mut wanted = database("slow-follower", "t1", &follows);
    wanted.inputs.remove("password");
    let made = world.aws.create(&wanted).await.unwrap();
    let home = place(&wanted, &made.id, Fields::new());
    assert_eq!(updated(&world, &home, None, &wanted).await, ["creating"]);
    let told = world.here(&home).await.inputs;
    assert_eq!(told.get("replicaOf").and_then(Value::as_str), Some("leader"));
    let mut free = wanted.clone();
    free.inputs.remove("replicaOf");
    assert_eq!(updated(&world, &home, Some(&wanted.inputs), &free).await.last().map(String::as_str), Some("modifying"));
    assert_eq!(world.proxy.count("Action=PromoteReadReplica"), 1);
    assert_eq!(world.here(&home).await.inputs.get("replicaOf"), None);
    // There is no way back.
    let fault = loop {
        match world.aws.update(&home, Some(&free.inputs), &wanted).await {
            Ok(_) => {}
            Err(fault) => break fault,
        }
    };
    assert_eq!((fault.kind, attribute(&fault)), (FaultKind::Refused, "replicaOf"));
}

#[tokio::test]
async fn a_reboot_happens_once_and_only_where_parameters_wait_for_it() {
    let world = World::new();
    let tuning = make(&world, &group("rebooting", "t1", &[])).await;
    let wanted = database("slow-reboot", "t1", &[("parameterGroup", Value::string(&*tuning.id))]);
    let made = world.aws.create(&wanted).await.unwrap();
    let home = place(&wanted, &made.id, Fields::new());
    while health(&world, &home).await != Health::Live {}
    let reboot = |settings: &[(&str, Value)], token: &str| Deed {
        kind: "aws.RebootDbInstance".into(),
        settings: settings.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
        token: token.into(),
    };
    let run = async |place: &Place, deed: &Deed| {
        let mut waits = Vec::new();
        while let Progress::Waiting(on) = world.aws.act(place, deed).await.unwrap() {
            waits.push(on);
            assert!(waits.len() < 20, "{waits:?}");
        }
        waits
    };
    let none: [&str; 0] = [];
    while world.aws.act(&home, &reboot(&[], "r0")).await.unwrap() != Progress::Done {}
    assert_eq!(world.proxy.count("Action=RebootDBInstance"), 0, "nothing waits for one");

    let change = group("rebooting", "t2", &[("performance_schema", "1")]);
    world.aws.update(&tuning, Some(&group("rebooting", "t1", &[]).inputs), &change).await.unwrap();
    // From the list of the parameter group it says which one.
    let named = [("database", Value::string("slow-reboot"))];
    assert_eq!(run(&tuning, &reboot(&named, "r1")).await, ["rebooting", "rebooting"]);
    assert_eq!(run(&tuning, &reboot(&named, "r1")).await, none);
    assert_eq!(world.proxy.count("Action=RebootDBInstance"), 1);

    let always = [("always", Value::Bool(true))];
    assert_eq!(run(&home, &reboot(&always, "r2")).await, ["rebooting", "rebooting"]);
    assert_eq!(run(&home, &reboot(&always, "r2")).await, none, "the same run asks for one reboot");
    assert_eq!(run(&home, &reboot(&always, "r3")).await, ["rebooting", "rebooting"]);
    assert_eq!(world.proxy.count("Action=RebootDBInstance"), 3);
    let fault = world.aws.act(&tuning, &reboot(&[], "r4")).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Refused);
    assert_eq!(json(&world.here(&home).await.inputs)["tags"], json!({ "team": "a" }), "its mark is not the user's");
}

#[tokio::test]
async fn a_parameter_group_that_is_taken_out_can_be_deleted() {
    let world = World::new();
    let tuning = make(&world, &group("taken", "t1", &[])).await;
    let wanted = database("untuned", "t1", &[("parameterGroup", Value::string(&*tuning.id))]);
    let home = make(&world, &wanted).await;
    let mut plain = wanted.clone();
    plain.inputs.remove("parameterGroup");
    for _ in 0..2 {
        assert_eq!(updated(&world, &home, Some(&wanted.inputs), &plain).await, [] as [&str; 0]);
    }
    assert_eq!(world.proxy.count("DBParameterGroupName=default.mysql8.0"), 1);
    assert_eq!(world.aws.delete(&tuning).await.unwrap(), Progress::Done);
    world.aws.delete(&home).await.unwrap();
}

// ---- by the engine

fn engine(world: &World, lineage: &str) -> Environment {
    Environment::new(lineage, Arc::new(at(&world.proxy.endpoint)))
}

#[tokio::test]
async fn a_persistent_database_is_taken_back_as_it_is() {
    let world = World::new();
    let environment = engine(&world, "lineage-persistent");
    let program = graph(
        r#"
        kept extends PersistentDbInstance {
            engine "mysql"; engineVersion "8.0"; instanceClass "db.t3.small"; storage 20GiB;
            username "kulitzer"; password "correct horse";
        }
        "#,
    );
    environment.apply(&program).await.unwrap();
    let id = environment.state().resources.values().next().unwrap().id.clone();
    environment.destroy().await.unwrap();
    assert!(environment.state().resources.is_empty());
    let plan = environment.apply(&program).await.unwrap();
    let [change] = plan.changes.as_slice() else { panic!("{plan:?}") };
    assert_eq!(
        (change.kind, change.id.clone(), change.attributes.len()),
        (ChangeKind::Adopt, Some(id), 0),
        "{change:?}"
    );
    assert_eq!(world.proxy.count("Action=CreateDBInstance"), 1);
    let plan = environment.plan(&program).await.unwrap();
    assert!(plan.changes.is_empty() && plan.drift.is_empty(), "{plan:?}");
}

#[tokio::test]
async fn parameters_that_wait_for_a_reboot_get_it() {
    let world = World::new();
    let environment = engine(&world, "lineage-tuned");
    let program = |performance: &str, family: &str| {
        graph(&format!(
            r#"
            tuning extends DbParameterGroup {{ family "{family}"; parameters {{ performance_schema "{performance}"; }} }}
            tuned extends ArchivedDbInstance {{
                engine "mysql"; instanceClass "db.t3.small"; username "kulitzer"; password "correct horse";
                parameterGroup tuning;
                rebootFor tuning.parameters;
                reboot extends RebootDbInstance {{ }}
                updateActions [...super, reboot];
            }}
            "#
        ))
    };
    environment.apply(&program("0", "mysql8.0")).await.unwrap();
    environment.apply(&program("1", "mysql8.0")).await.unwrap();
    assert_eq!(world.proxy.count("Action=RebootDBInstance"), 1);
    let plan = environment.plan(&program("1", "mysql8.0")).await.unwrap();
    assert!(plan.changes.is_empty() && plan.drift.is_empty(), "{plan:?}");
    // Another family is another group: the new one comes first, as the old one is in use.
    environment.apply(&program("1", "mysql8.4")).await.unwrap();
    assert_eq!(world.proxy.count("Action=DeleteDBParameterGroup"), 1);
    environment.destroy().await.unwrap();
    assert_eq!(world.proxy.count("FinalDBSnapshotIdentifier=tuned-"), 1);
}
