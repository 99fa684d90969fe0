//! Everything that bears an environment's tags, recorded or not: one paged list a region and profile, of the
//! index that AWS keeps of all tags. The index lags behind, so each find is looked at before it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_resourcegroupstagging::types::{ResourceTagMapping, TagFilter};

use super::ec2;
use super::fault::Call;
use super::kind::at_once;
use super::session::{Session, Sessions, Site};
use super::tags::{self, Tags};
use crate::apply::provider::{Fault, Owned, Place, TAG_ADDRESS, TAG_LINEAGE, TAG_TOKEN};
use crate::name::{Address, Name};
use crate::value::{Fields, Value, reveal};

/// The most that one answer of the index holds.
const PAGE: i32 = 100;

/// Places by the address as a tag has it.
type Addresses<'p> = BTreeMap<String, &'p Place>;

/// One entry of the index.
struct Find {
    kind: Arc<str>,
    id: Arc<str>,
    written: Tags,
}

/// One thing that the index knows.
struct Hit {
    kind: Arc<str>,
    id: Arc<str>,
    address: Address,
    /// The call that made it, and whatever came with it.
    token: String,
    /// Where it lives.
    inputs: Fields,
    /// Whether it may have come with something else: disks come with machines, snapshots with images.
    comes_along: bool,
}

/// A find that may have been gone for hours, and where to look whether it has.
pub struct Trace {
    pub owned: Owned,
    /// Nothing, if it is of a type that this version does not know: then it cannot be looked at.
    pub place: Option<Place>,
}

/// What the index says of an environment; nothing when it is not known where to ask.
pub async fn traces(sessions: &Sessions, lineage: &str, known: &[Place]) -> Result<Option<Vec<Trace>>, Fault> {
    let sites: BTreeSet<(String, Option<String>)> = known.iter().filter_map(site).collect();
    if sites.is_empty() {
        return Ok(None);
    }
    let mut jobs = Vec::with_capacity(sites.len());
    for (region, profile) in sites {
        let session = sessions.at(&Site { region: region.clone(), profile: profile.clone() }).await;
        let lineage = lineage.to_string();
        jobs.push(async move {
            let found = found(&session, &lineage).await.map_err(|fault| session.way.complete(fault))?;
            Ok((region, profile, found))
        });
    }
    let addresses: Addresses = known.iter().map(|place| (tags::address(&place.address), place)).collect();
    let mut hits = Vec::new();
    for answer in at_once(jobs).await {
        let (region, profile, found): (_, _, Vec<Find>) = answer?;
        let mut inputs = Fields::from([("region".into(), Value::string(region))]);
        inputs.extend(profile.map(|profile| (Name::from("profile"), Value::string(profile))));
        hits.extend(found.into_iter().map(|find| find.hit(known, &addresses, &inputs)));
    }
    Ok(Some(things(hits).into_iter().map(Hit::trace).collect()))
}

/// Where a thing lives, if its attributes say so.
fn site(place: &Place) -> Option<(String, Option<String>)> {
    let site: Site = serde_json::from_value(reveal(&place.inputs)).ok()?;
    Some((site.region, site.profile))
}

async fn listed(session: &Session, lineage: &str) -> Result<Vec<ResourceTagMapping>, Fault> {
    let purpose = format!("list what bears the tag `{TAG_LINEAGE}` of this environment in {}", session.region);
    let call = Call::read("tag:GetResources", purpose);
    let filter = TagFilter::builder().key(TAG_LINEAGE).values(lineage).build();
    let pages = session.tagging().get_resources().tag_filters(filter).into_paginator().page_size(PAGE).items().send();
    pages.collect::<Result<_, _>>().await.map_err(|error| call.fault(&error))
}

/// What is in the index, with the ids that the types here go by.
async fn found(session: &Session, lineage: &str) -> Result<Vec<Find>, Fault> {
    let mut finds = Vec::new();
    for mapping in listed(session, lineage).await? {
        let Some((kind, id)) = mapping.resource_arn().and_then(thing) else { continue };
        let written = mapping.tags().iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
        finds.push(Find { kind, id, written });
    }
    if finds.iter().any(Find::is_key_pair) {
        let names = ec2::names_of_key_pairs(session, lineage).await?;
        // What has no name is there no longer.
        finds.retain(|find| !find.is_key_pair() || names.contains_key(&*find.id));
        for find in finds.iter_mut().filter(|find| find.is_key_pair()) {
            find.id = names.get(&*find.id).map_or_else(|| find.id.clone(), |name| name.as_str().into());
        }
    }
    Ok(finds)
}

impl Find {
    fn is_key_pair(&self) -> bool {
        *self.kind == *"aws.KeyPair"
    }

    fn hit(self, known: &[Place], addresses: &Addresses, site: &Fields) -> Hit {
        let comes_along = ["aws.Volume", "aws.Snapshot"].contains(&&*self.kind);
        let (kind, id) = match group(&self, known) {
            Some((kind, id)) => (kind.into(), id),
            None => (self.kind, self.id),
        };
        let address = self.written.get(TAG_ADDRESS).map(String::as_str).unwrap_or_default();
        let recorded = addresses.get(address);
        let address = recorded.map_or_else(|| tags::addressed(address), |place| place.address.clone());
        let token = self.written.get(TAG_TOKEN).cloned().unwrap_or_default();
        let mut inputs = site.clone();
        if *kind == *"aws.S3Bucket" {
            // Without its name, a bucket counts as one that is being taken in, of which all settings are read.
            inputs.insert("bucket".into(), Value::String(id.clone()));
        }
        Hit { kind, id, address, token, inputs, comes_along }
    }
}

/// What is made of several things is one.
fn group(find: &Find, known: &[Place]) -> Option<(&'static str, Arc<str>)> {
    let tagged = |tag: &str| find.written.get(tag).map(|id| Arc::from(id.as_str()));
    let (whole, tag, parts) = match &*find.kind {
        "aws.Instance" => ("aws.ImageInstance", Some(ec2::TAG_GROUP), "instances"),
        "aws.Snapshot" => match tagged(ec2::TAG_SCHEDULE) {
            Some(schedule) => return Some(("aws.SnapshotSchedule", schedule)),
            None => ("aws.Image", None, "snapshots"),
        },
        _ => return None,
    };
    let has_it = |place: &&Place| {
        let parts = place.outputs.get(&Name::from(parts));
        *place.kind == *whole
            && matches!(parts, Some(Value::List(ids)) if ids.iter().any(|one| one.as_str() == Some(&*find.id)))
    };
    let id = tag.and_then(tagged).or_else(|| known.iter().find(has_it).map(|place| place.id.clone()))?;
    Some((whole, id))
}

/// Each thing once, and without what came with another one.
fn things(hits: Vec<Hit>) -> Vec<Hit> {
    let tokens: BTreeSet<String> = hits.iter().filter(|hit| !hit.comes_along).map(|hit| hit.token.clone()).collect();
    let mut seen = BTreeSet::new();
    let mut kept: Vec<Hit> = hits
        .into_iter()
        .filter(|hit| !hit.comes_along || !tokens.contains(&hit.token))
        .filter(|hit| seen.insert((hit.kind.clone(), hit.id.clone())))
        .collect();
    kept.sort_by(|one, other| (&one.address, &one.kind, &one.id).cmp(&(&other.address, &other.kind, &other.id)));
    kept
}

impl Hit {
    fn trace(self) -> Trace {
        let Hit { kind, id, address, inputs, .. } = self;
        // What a database leaves when it is deleted has its tags.
        let remains = *kind == *"aws.DbSnapshot";
        let owned = Owned { kind: kind.clone(), id: id.clone(), address: address.clone(), remains };
        let place = kind.starts_with("aws.").then(|| Place { kind, id, address, inputs, outputs: Fields::new() });
        Trace { owned, place }
    }
}

/// The type and id of what a name of Amazon names. What we have no type for keeps Amazon's own: `rds:cluster`.
fn thing(arn: &str) -> Option<(Arc<str>, Arc<str>)> {
    // arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, resource) = (parts.next()?, parts.nth(2)?);
    let (of, id) = match service {
        "s3" => ("", resource),
        _ => resource.split_once(['/', ':'])?,
    };
    let kind = match (service, of) {
        ("s3", "") if !resource.contains('/') => "aws.S3Bucket",
        ("ec2", "elastic-ip") => "aws.ElasticIp",
        ("ec2", "image") => "aws.Image",
        ("ec2", "instance") => "aws.Instance",
        ("ec2", "internet-gateway") => "aws.InternetGateway",
        ("ec2", "key-pair") => "aws.KeyPair",
        ("ec2", "launch-template") => "aws.LaunchTemplate",
        ("ec2", "natgateway") => "aws.NatGateway",
        ("ec2", "route-table") => "aws.RouteTable",
        ("ec2", "security-group") => "aws.SecurityGroup",
        ("ec2", "snapshot") => "aws.Snapshot",
        ("ec2", "subnet") => "aws.Subnet",
        ("ec2", "volume") => "aws.Volume",
        ("ec2", "vpc") => "aws.Vpc",
        ("rds", "db") => "aws.DbInstance",
        ("rds", "pg") => "aws.DbParameterGroup",
        ("rds", "secgrp") => "aws.DbSecurityGroup",
        ("rds", "snapshot") => "aws.DbSnapshot",
        ("rds", "subgrp") => "aws.DbSubnetGroup",
        ("cloudfront", "distribution") => "aws.Distribution",
        // A function is known by its whole name.
        ("cloudfront", "function") => return Some(("aws.Function".into(), arn.into())),
        (service, of) => return Some((format!("{service}:{of}").into(), id.into())),
    };
    Some((kind.into(), id.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_amazon_names_a_type_and_an_id() {
        for (arn, kind, id) in [
            ("arn:aws:s3:::acme-media", "aws.S3Bucket", "acme-media"),
            ("arn:aws:ec2:eu-west-1:1:natgateway/nat-1", "aws.NatGateway", "nat-1"),
            ("arn:aws-cn:rds:cn-north-1:1:db:shop-db", "aws.DbInstance", "shop-db"),
            ("arn:aws:rds:us-east-1:1:snapshot:rds:shop-db-1", "aws.DbSnapshot", "rds:shop-db-1"),
            ("arn:aws:cloudfront::1:distribution/E1", "aws.Distribution", "E1"),
            ("arn:aws:cloudfront::1:function/f", "aws.Function", "arn:aws:cloudfront::1:function/f"),
            ("arn:aws:rds:us-east-1:1:auto-backup:ab-1", "rds:auto-backup", "ab-1"),
        ] {
            assert_eq!(thing(arn), Some((kind.into(), id.into())), "{arn}");
        }
        assert_eq!(thing("arn:aws"), None);
    }

    #[test]
    fn what_came_with_another_thing_is_not_told() {
        let hit = |kind: &str, id: &str, token: &str, comes_along| Hit {
            kind: kind.into(),
            id: id.into(),
            address: "x".parse().unwrap(),
            token: token.into(),
            inputs: Fields::new(),
            comes_along,
        };
        let told = things(vec![
            hit("aws.Volume", "vol-root", "t1", true),
            hit("aws.Instance", "i-1", "t1", false),
            hit("aws.Volume", "vol-own", "t2", true),
            hit("aws.ImageInstance", "r-1", "t3", false),
            hit("aws.ImageInstance", "r-1", "t4", false),
        ]);
        let ids: Vec<&str> = told.iter().map(|hit| &*hit.id).collect();
        assert_eq!(ids, ["r-1", "i-1", "vol-own"]);
    }
}
