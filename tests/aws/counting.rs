//! How many calls it takes to look at much: what is paid for with every plan.

use tadpole::apply::provider::{Health, Place, Provider, Reading, Want};
use tadpole::value::{Fields, Value};

use super::moto::IMAGE;
use super::{World, but, ids, make, place, want};

/// A region that nobody else has instances in: a list takes moto a second for a thousand of them, whoever asks.
const FAR: &str = "ap-northeast-1";
/// Its tags and its versioning: what else a bucket has is only asked about where the program says something of it.
const CALLS_OF_A_BUCKET: usize = 2;

fn far(want: &Want) -> Want {
    but(want, &[("region", Value::string(FAR))])
}

fn group(number: usize, size: i64) -> Want {
    let inputs = [
        ("imageID", Value::string(IMAGE)),
        ("minCount", Value::Int(size)),
        ("maxCount", Value::Int(size)),
        ("instanceType", Value::string("t3.micro")),
    ];
    far(&want("aws.ImageInstance", &format!("counted[{number}]"), &format!("counted-{number}"), &inputs))
}

#[tokio::test]
async fn a_thousand_instances_are_a_few_calls() {
    let world = World::new();
    let mut groups: Vec<Place> = Vec::new();
    for number in 0..4 {
        let wanted = group(number, 250);
        let made = world.aws.create(&wanted).await.unwrap();
        groups.push(place(&wanted, &made.id, Fields::new()));
    }
    // Their tags lead to them, as long as nothing is recorded.
    let readings = world.aws.read_many(&groups).await;
    for (group, reading) in groups.iter_mut().zip(readings) {
        let Reading::Here(here) = reading.unwrap() else { panic!("`{}` is gone", group.id) };
        group.outputs = here.outputs;
    }
    let before = world.proxy.count("");
    let readings = world.aws.read_many(&groups).await;
    assert!(
        readings.iter().all(|reading| matches!(reading, Ok(Reading::Here(here)) if ids(&here.outputs).len() == 250))
    );
    assert_eq!(world.proxy.count("") - before, 5, "a list of ids has 200 of them");

    // The same instances, as if each were a component.
    let each: Vec<Place> = groups
        .iter()
        .flat_map(|group| ids(&group.outputs))
        .enumerate()
        .map(|(number, id)| {
            let wanted = far(&want("aws.Instance", &format!("each[{number}]"), "each", &[]));
            place(&wanted, &id, Fields::new())
        })
        .collect();
    assert_eq!(each.len(), 1000);
    let before = world.proxy.count("");
    let readings = world.aws.read_many(&each).await;
    let log = world.proxy.log()[before..].to_vec();
    assert!(readings.iter().all(|reading| matches!(reading, Ok(Reading::Here(_)))), "{:?}", readings[0]);
    assert!(log.len() <= 12, "{} calls, and not 12:\n{}", log.len(), log.join("\n"));
}

#[tokio::test]
async fn every_bucket_costs_as_much_as_is_documented() {
    let world = World::new();
    let mut places = Vec::new();
    for number in 0..50 {
        let name = format!("counted-{number}");
        let wanted = want("aws.S3Bucket", &format!("counted[{number}]"), &name, &[("bucket", Value::string(&*name))]);
        places.push(make(&world, &wanted).await);
    }
    let before = world.proxy.count("");
    let readings = world.aws.read_many(&places).await;
    assert!(readings.iter().all(|reading| matches!(reading, Ok(Reading::Here(_)))));
    assert_eq!(world.proxy.count("") - before, 50 * CALLS_OF_A_BUCKET);
    // Whether they are there is one call for each.
    let before = world.proxy.count("");
    let told = world.aws.check_many(&places).await;
    assert!(told.iter().all(|health| matches!(health, Ok(Some(Health::Live)))), "{told:?}");
    assert_eq!(world.proxy.count("") - before, 50);
}
