//! What keeps things from being deleted: foreseen, and refused.

use std::collections::BTreeSet;

use tadpole::apply::provider::{Deed, Leaving, Obstacle};

use super::*;

fn leaving(place: &Place) -> Leaving {
    Leaving { place: place.clone(), deeds: Vec::new(), known: BTreeSet::new() }
}

async fn foreseen(sandbox: &Sandbox, leaving: &[Leaving]) -> Vec<Vec<Obstacle>> {
    sandbox.obstacles(leaving).await.into_iter().map(Result::unwrap).collect()
}

fn database(address: &str, attributes: &[(&str, Value)]) -> Want {
    want("test.DbInstance", address, attributes)
}

#[tokio::test]
async fn protection_and_a_name_that_is_taken_are_refused() {
    let room = Room::new();
    let sandbox = room.open();
    for attribute in ["deletionProtection", "terminationProtection"] {
        let on = database(attribute, &[(attribute, Value::Bool(true))]);
        let place = made(&sandbox, &on).await;
        let told = foreseen(&sandbox, &[leaving(&place)]).await;
        assert_eq!(told[0][0].message, format!("its `{attribute}` is on"));
        let fault = refused(sandbox.delete(&place).await, FaultKind::Refused, attribute);
        assert_eq!((fault.attribute, fault.help), (told[0][0].attribute.clone(), told[0][0].help.clone()));
        let off = database(attribute, &[(attribute, Value::Bool(false))]);
        sandbox.update(&place, None, &off).await.unwrap();
        assert_eq!(foreseen(&sandbox, &[leaving(&place)]).await, [[]]);
        sandbox.delete(&place).await.unwrap();
    }
    let last = |address: &str| {
        let attributes = [("finalSnapshot", Value::Bool(true)), ("finalSnapshotName", Value::string("last"))];
        database(address, &attributes)
    };
    let first = made(&sandbox, &last("a")).await;
    let second = made(&sandbox, &last("b")).await;
    sandbox.delete(&first).await.unwrap();
    let snapshots: Vec<_> = room.open().objects().into_iter().filter(|one| &*one.kind == "test.DbSnapshot").collect();
    assert!(snapshots.len() == 1 && &*snapshots[0].id == "last", "{snapshots:?}");
    let told = foreseen(&sandbox, &[leaving(&second)]).await;
    assert_eq!(told[0][0].message, "there is a snapshot `last` already");
    refused(sandbox.delete(&second).await, FaultKind::Taken, "`last`");
}

#[tokio::test]
async fn a_bucket_goes_when_it_is_empty_or_emptied() {
    let room = Room::new();
    let sandbox = room.open();
    let bucket = made(&sandbox, &want("aws.S3Bucket", "media", &[])).await;
    let to = reference("media", &bucket.id);
    let page = made(&sandbox, &want("aws.S3File", "page", &[("bucket", to.clone())])).await;
    made(&sandbox, &want("aws.S3Directory", "site", &[("bucket", to)])).await;
    let alone = leaving(&bucket);
    let told = foreseen(&sandbox, std::slice::from_ref(&alone)).await;
    assert_eq!(told[0][0].message, "it has 2 objects in it");
    assert!(told[0][0].help.as_ref().unwrap().contains("EMPTY_ACTION"));
    assert_eq!(foreseen(&sandbox, &[alone.clone(), leaving(&page)]).await[0][0].message, "it has 1 object in it");
    refused(sandbox.delete(&bucket).await, FaultKind::Held, "is not empty");
    let empty = Deed { kind: "aws.Empty".into(), settings: Fields::new(), token: "t".into() };
    let emptied = Leaving { deeds: vec![empty.kind.clone()], ..alone };
    assert_eq!(foreseen(&sandbox, &[emptied]).await, [[]]);
    sandbox.act(&bucket, &empty).await.unwrap();
    sandbox.delete(&bucket).await.unwrap();
    assert_eq!(room.ids(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_known_already_is_not_told() {
    let room = Room::new();
    let sandbox = room.open();
    let net = made(&sandbox, &net("a")).await;
    let disk = made(&sandbox, &holder("disk", reference("a", "a"))).await;
    let other = made(&sandbox, &holder("other", reference("a", "a"))).await;
    let known = BTreeSet::from([(disk.kind.clone(), disk.id.clone())]);
    let told = foreseen(&sandbox, &[Leaving { known: known.clone(), ..leaving(&net) }]).await;
    assert_eq!(told[0][0].message, "it is in use by `other`");
    let told = foreseen(&sandbox, &[Leaving { known, ..leaving(&net) }, leaving(&other)]).await;
    assert_eq!(told, [[], []]);
}

/// In many worlds: what is foreseen is refused when its turn comes, or what it holds is; all else goes.
#[tokio::test]
async fn what_is_foreseen_is_what_is_refused() {
    let (mut held, mut went) = (0, 0);
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let room = Room::new();
        let sandbox = room.open();
        let mut all: Vec<(Place, BTreeSet<usize>)> = Vec::new();
        for number in 0..random.usize(2..12) {
            let address = format!("n{number}");
            let needs: BTreeSet<usize> = (0..number).filter(|_| random.u8(..4) == 0).collect();
            let to = |at: &usize| {
                let (place, _): &(Place, _) = &all[*at];
                reference(&place.address.to_string(), &place.id)
            };
            let needed = Value::List(needs.iter().map(to).collect());
            let kind = *random.choice(&["test.Machine", "test.DbInstance", "aws.S3Bucket", "aws.S3File"]).unwrap();
            let mut attributes = vec![("needs", needed)];
            if random.u8(..6) == 0 {
                attributes.push(("deletionProtection", Value::Bool(random.bool())));
            }
            if random.u8(..4) == 0 {
                attributes.push(("finalSnapshot", Value::Bool(random.bool())));
                attributes.push(("finalSnapshotName", Value::string(format!("last-{}", number % 3))));
            }
            all.push((made(&sandbox, &want(kind, &address, &attributes)).await, needs));
        }
        // Some go, and the names of some snapshots are taken from before.
        let going: Vec<usize> = (0..all.len()).filter(|_| random.u8(..4) > 0).collect();
        if random.bool() {
            made(
                &sandbox,
                &database(
                    "old",
                    &[("finalSnapshot", Value::Bool(true)), ("finalSnapshotName", Value::string("last-0"))],
                ),
            )
            .await;
            let old = sandbox.objects().into_iter().find(|one| one.owner.address.to_string() == "old").unwrap();
            let place = Place {
                kind: old.kind,
                id: old.id,
                address: old.owner.address,
                inputs: old.inputs,
                outputs: old.outputs,
            };
            sandbox.delete(&place).await.unwrap();
        }
        // A name that two of those that go would give is for the later one to find out.
        let mut names = BTreeSet::new();
        let unique = |at: &usize, names: &mut BTreeSet<String>| match all[*at].0.inputs.get("finalSnapshotName") {
            Some(name) => names.insert(name.to_string()),
            None => true,
        };
        let going: Vec<usize> = going.into_iter().filter(|at| unique(at, &mut names)).collect();
        let list: Vec<Leaving> = going.iter().map(|at| leaving(&all[*at].0)).collect();
        let told = foreseen(&sandbox, &list).await;
        let mut stays: BTreeSet<usize> = BTreeSet::new();
        for (at, told) in going.iter().zip(&told).rev() {
            let (place, _) = &all[*at];
            let is_held = stays.iter().any(|holder| all[*holder].1.contains(at));
            let refused = sandbox.delete(place).await.is_err();
            assert_eq!(refused, !told.is_empty() || is_held, "seed {seed}: {} {told:?}", place.address);
            if refused {
                stays.insert(*at);
                held += 1;
            } else {
                went += 1;
            }
        }
    }
    assert!(held > 100 && went > 100, "{held} were refused and {went} went: the test shows little");
}
