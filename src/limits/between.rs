//! What components are to one another, as far as the program says it: parts of networks that overlap, zones that
//! differ, names that two want.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use super::{Broken, Part};
use crate::model::resource::Resource;
use crate::name::{Address, Table};

/// Resources by their addresses.
struct World<'t> {
    resources: Table<&'t Address, &'t Resource>,
}

impl<'t> World<'t> {
    fn of(&self, resource: &'t Resource, attribute: &str) -> Part<'t> {
        resource.inputs.get(attribute).map_or(Part::Unset, |input| Part::term(&input.term))
    }

    /// What an attribute refers to, if this program has it.
    fn target(&self, resource: &'t Resource, attribute: &str) -> Option<&'t Resource> {
        self.resources.get(self.of(resource, attribute).address()?).copied()
    }

    /// What a list refers to, as far as this program has it.
    fn targets(&self, resource: &'t Resource, attribute: &str) -> Vec<&'t Resource> {
        let items = self.of(resource, attribute).items().unwrap_or_default();
        items.into_iter().filter_map(|item| self.resources.get(item.address()?).copied()).collect()
    }

    fn text(&self, resource: &'t Resource, attribute: &str) -> Option<&'t str> {
        self.of(resource, attribute).text()
    }
}

type Found<'t> = Vec<(&'t Resource, Broken)>;

/// What is wrong with a resource beside the others, if anything is.
type Rule = for<'t> fn(&'t Resource, &World<'t>, &mut Claims<'t>) -> Option<Broken>;

/// One rule a function. Sources: CreateSubnet, CreateRouteTable, AttachVolume, AssociateAddress, Amazon EC2 API
/// reference; CreateDBSubnetGroup, CreateDBInstanceReadReplica, Amazon RDS API reference; CreateDistribution, Amazon
/// CloudFront API reference; PutBucketPolicy, PutBucketLogging, Amazon S3 API reference.
const RULES: [Rule; 16] = [
    subnet_within,
    gateway_alone,
    table_of_one_vpc,
    subnet_in_one_table,
    route_not_local,
    same_zone,
    device_once,
    volume_once,
    address_once,
    zones_of_group,
    group_of_engine,
    followed_has_backups,
    one_policy,
    log_target,
    alias_once,
    logs_take_lists,
];

/// What only one component may have, with the one that has it.
#[derive(Default)]
struct Claims<'t>(BTreeMap<(&'static str, String), &'t Resource>);

impl<'t> Claims<'t> {
    /// Who else wants the same.
    fn claim(&mut self, what: &'static str, which: String, resource: &'t Resource) -> Option<&'t Resource> {
        let first = *self.0.entry((what, which)).or_insert(resource);
        (first.address != resource.address).then_some(first)
    }
}

/// What is wrong between components. What exists already is left as it is.
pub fn between(resources: &[Resource]) -> Found<'_> {
    let is_ours =
        |resource: &&Resource| resource.schema.kind.starts_with("aws.") && !resource.lifecycle.start.is_empty();
    let ours: Vec<&Resource> = resources.iter().filter(is_ours).collect();
    let world = World { resources: resources.iter().map(|resource| (&resource.address, resource)).collect() };
    let mut claims = Claims::default();
    let mut found = overlaps(&ours, &world);
    for resource in ours {
        let broken = RULES.iter().filter_map(|rule| rule(resource, &world, &mut claims));
        found.extend(broken.map(|broken| (resource, broken)));
    }
    found
}

fn is(resource: &Resource, kind: &str) -> bool {
    *resource.schema.kind == *kind
}

fn range(resource: &Resource) -> Option<Ipv4Net> {
    Part::term(&resource.inputs.get("cidr")?.term).text()?.parse().ok()
}

/// Subnets of one VPC that have addresses in common. Ranges are disjoint or one within the other, so that in order
/// each meets the one before it, or the widest of those.
fn overlaps<'t>(ours: &[&'t Resource], world: &World<'t>) -> Found<'t> {
    let mut parts: BTreeMap<&Address, Vec<(Ipv4Net, &'t Resource)>> = BTreeMap::new();
    for subnet in ours.iter().filter(|resource| is(resource, "aws.Subnet")) {
        if let (Some(vpc), Some(range)) = (world.of(subnet, "vpc").address(), range(subnet)) {
            parts.entry(vpc).or_default().push((range, subnet));
        }
    }
    let mut found = Vec::new();
    for mut all in parts.into_values() {
        all.sort_by_key(|(range, resource)| (range.network(), range.prefix_len(), &resource.address));
        let mut widest: Option<(Ipv4Net, &Resource)> = None;
        for (range, subnet) in all {
            match widest {
                Some((other, first)) if other.contains(&range.network()) => {
                    let (one, two) =
                        if first.span.start <= subnet.span.start { (first, subnet) } else { (subnet, first) };
                    let message =
                        format!("the subnets `{}` and `{}` have addresses in common", one.address, two.address);
                    let label = format!(
                        "{} overlaps with {}",
                        ranged(two, range, other, first),
                        ranged(one, range, other, first)
                    );
                    let broken = Broken::new("cidr", message, label).other(&one.address, "cidr", "with this");
                    found.push((two, broken.help("give each subnet of a VPC addresses of its own")));
                }
                Some(_) | None => widest = Some((range, subnet)),
            }
        }
    }
    found
}

/// Which of two ranges is that of a resource.
fn ranged(resource: &Resource, range: Ipv4Net, other: Ipv4Net, first: &Resource) -> Ipv4Net {
    if resource.address == first.address { other } else { range }
}

fn subnet_within<'t>(subnet: &'t Resource, world: &World<'t>, _: &mut Claims<'t>) -> Option<Broken> {
    let vpc = world.target(subnet, "vpc").filter(|_| is(subnet, "aws.Subnet"))?;
    let (part, whole) = (range(subnet)?, range(vpc)?);
    (!whole.contains(&part)).then(|| {
        let message = format!("the addresses of `{}` are not in those of its VPC", subnet.address);
        Broken::new("cidr", message, format!("{part} is not within {whole}"))
            .other(&vpc.address, "cidr", format!("`{}` has these", vpc.address))
            .help(format!("choose a part of {whole}"))
    })
}

fn gateway_alone<'t>(gateway: &'t Resource, world: &World<'t>, claims: &mut Claims<'t>) -> Option<Broken> {
    let vpc = world.of(gateway, "vpc").address().filter(|_| is(gateway, "aws.InternetGateway"))?;
    let other = claims.claim("gateway", vpc.to_string(), gateway)?;
    let message = format!("`{vpc}` would have two internet gateways");
    Some(
        Broken::new("vpc", message, "a VPC has one at most")
            .other(&other.address, "vpc", format!("`{}` is one already", other.address))
            .help("leave one of them out: routes of all subnets can lead over the same"),
    )
}

/// Subnets, groups and tables that are used together are of one VPC.
fn table_of_one_vpc<'t>(resource: &'t Resource, world: &World<'t>, _: &mut Claims<'t>) -> Option<Broken> {
    let network = |one: &'t Resource| Some((one, world.of(one, "vpc").address()?));
    let (attribute, expected, members): (_, (&Resource, &Address), Vec<&Resource>) = match &*resource.schema.kind {
        "aws.RouteTable" => ("subnets", network(resource)?, world.targets(resource, "subnets")),
        "aws.DbSubnetGroup" => {
            let members = world.targets(resource, "subnets");
            ("subnets", members.iter().find_map(|member| network(member))?, members)
        }
        "aws.Instance" => {
            ("securityGroups", network(world.target(resource, "subnet")?)?, world.targets(resource, "securityGroups"))
        }
        "aws.DbInstance" => {
            let group = world.target(resource, "subnetGroup")?;
            let first = world.targets(group, "subnets").into_iter().find_map(network)?;
            ("securityGroups", first, world.targets(resource, "securityGroups"))
        }
        _ => return None,
    };
    // A group that names no network is in the default one.
    let default = members.iter().find(|one| is(one, "aws.SecurityGroup") && world.of(one, "vpc").is_unset());
    if let Some(group) = default.filter(|group| !group.lifecycle.start.is_empty()) {
        let message = format!("`{}` and `{}` are in different networks", group.address, expected.0.address);
        let label = format!("`{}` is in `{}`, and the group in the default VPC", expected.0.address, expected.1);
        let help = format!("write `vpc {};` in `{}`", expected.1, group.address);
        return Some(Broken::new(attribute, message, label).other(&group.address, "vpc", "names no `vpc`").help(help));
    }
    let (other, vpc) = members.into_iter().find_map(|member| network(member).filter(|(_, vpc)| *vpc != expected.1))?;
    let message = format!("`{attribute}` of `{}` are not all of one VPC", resource.address);
    let label = format!("`{}` is in `{vpc}`, and `{}` in `{}`", other.address, expected.0.address, expected.1);
    Some(Broken::new(attribute, message, label))
}

fn subnet_in_one_table<'t>(table: &'t Resource, world: &World<'t>, claims: &mut Claims<'t>) -> Option<Broken> {
    let subnets = world.targets(table, "subnets");
    let subnets = subnets.into_iter().filter(|_| is(table, "aws.RouteTable"));
    let (subnet, other) = subnets
        .map(|subnet| (subnet, claims.claim("table", subnet.address.to_string(), table)))
        .find_map(|(subnet, other)| Some((subnet, other?)))?;
    let message = format!("the subnet `{}` has two route tables", subnet.address);
    Some(
        Broken::new("subnets", message, "a subnet uses one")
            .other(&other.address, "subnets", format!("it is that of `{}` too", other.address))
            .help("take it out of one of them"),
    )
}

fn route_not_local<'t>(route: &'t Resource, world: &World<'t>, _: &mut Claims<'t>) -> Option<Broken> {
    let table = world.target(route, "table").filter(|_| is(route, "aws.Route"))?;
    let vpc = world.target(table, "vpc")?;
    let (leads, whole) = (range(route)?, range(vpc)?);
    (leads == whole).then(|| {
        let message = format!("every table of `{}` has a route to {whole} already", vpc.address);
        Broken::new("cidr", message, "what stays in a VPC finds its way without").help("leave this route out")
    })
}

/// The zone of a machine, by what says it.
fn zone<'t>(machine: &'t Resource, world: &World<'t>) -> Option<&'t str> {
    let of_subnet = || world.text(world.target(machine, "subnet")?, "availabilityZone");
    world.text(machine, "placement").or_else(of_subnet)
}

fn same_zone<'t>(resource: &'t Resource, world: &World<'t>, _: &mut Claims<'t>) -> Option<Broken> {
    match &*resource.schema.kind {
        "aws.Instance" => {
            let subnet = world.target(resource, "subnet")?;
            let (wanted, there) = (world.text(resource, "placement")?, world.text(subnet, "availabilityZone")?);
            (wanted != there).then(|| {
                let message = format!("`{}` cannot be in {wanted} and in its subnet", resource.address);
                Broken::new("placement", message, format!("`{}` is in {there}", subnet.address))
                    .other(&subnet.address, "availabilityZone", "here")
                    .help("leave `placement` out: it is in the zone of its subnet")
            })
        }
        "aws.VolumeAttachment" => {
            let (volume, machine) = (world.target(resource, "volume")?, world.target(resource, "instance")?);
            let (disk, wanted) = (world.text(volume, "availabilityZone")?, zone(machine, world)?);
            (disk != wanted).then(|| {
                let message = format!("`{}` and `{}` are in different zones", volume.address, machine.address);
                Broken::new("volume", message, format!("the volume is in {disk}, the instance in {wanted}"))
                    .and("instance")
                    .help(format!("write `availabilityZone {}.availabilityZone;` on the volume", machine.address))
            })
        }
        _ => None,
    }
}

fn device_once<'t>(attachment: &'t Resource, world: &World<'t>, claims: &mut Claims<'t>) -> Option<Broken> {
    let machine = world.of(attachment, "instance").address().filter(|_| is(attachment, "aws.VolumeAttachment"))?;
    let device = world.text(attachment, "device")?;
    let other = claims.claim("device", format!("{machine} {device}"), attachment)?;
    let message = format!("two volumes are called {device} in `{machine}`");
    Some(
        Broken::new("device", message, "one of the two")
            .other(&other.address, "device", "and the other")
            .help("give one of them another `device`: `/dev/sdg`"),
    )
}

fn volume_once<'t>(attachment: &'t Resource, world: &World<'t>, claims: &mut Claims<'t>) -> Option<Broken> {
    let volume = world.of(attachment, "volume").address().filter(|_| is(attachment, "aws.VolumeAttachment"))?;
    let other = claims.claim("volume", volume.to_string(), attachment)?;
    let message = format!("the volume `{volume}` is in two instances");
    Some(Broken::new("volume", message, "a volume goes into one").other(&other.address, "volume", "and here"))
}

/// An address leads to one thing.
fn address_once<'t>(resource: &'t Resource, world: &World<'t>, claims: &mut Claims<'t>) -> Option<Broken> {
    let (attribute, address) = match &*resource.schema.kind {
        "aws.NatGateway" => ("address", world.of(resource, "address").address()?),
        "aws.ElasticIp" if world.of(resource, "instance").is_set() => ("instance", &resource.address),
        _ => return None,
    };
    let other = claims.claim("address", address.to_string(), resource)?;
    let message = format!("the address `{address}` is used twice");
    let at = if is(other, "aws.NatGateway") { "address" } else { "instance" };
    Some(
        Broken::new(attribute, message, "it leads to one instance or gateway")
            .other(&other.address, at, "and here")
            .help("add an `ElasticIp` of its own for one of them"),
    )
}

fn zones_of_group<'t>(group: &'t Resource, world: &World<'t>, _: &mut Claims<'t>) -> Option<Broken> {
    let items = world.of(group, "subnets").items().filter(|_| is(group, "aws.DbSubnetGroup"))?;
    let subnets = world.targets(group, "subnets");
    let zones: Vec<&str> = subnets.iter().filter_map(|subnet| world.text(subnet, "availabilityZone")).collect();
    // One of which nothing is known may be elsewhere.
    let first = *zones.first().filter(|_| zones.len() == items.len() && items.len() > 1)?;
    zones.iter().all(|zone| *zone == first).then(|| {
        let message = format!("all `subnets` of `{}` are in {first}", group.address);
        Broken::new("subnets", message, "RDS wants two zones at least, also for a database in one")
            .help("add a subnet in another zone")
    })
}

fn group_of_engine<'t>(database: &'t Resource, world: &World<'t>, _: &mut Claims<'t>) -> Option<Broken> {
    let group = world.target(database, "parameterGroup").filter(|_| is(database, "aws.DbInstance"))?;
    let (family, engine) = (world.text(group, "family")?, world.text(database, "engine")?.to_ascii_lowercase());
    let version = family
        .strip_prefix(engine.as_str())
        .filter(|rest| rest.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit()));
    let broken = |attribute: &'static str, label: String| {
        let message = format!("the parameters of `{}` are not for this database", group.address);
        let broken = Broken::new("parameterGroup", message, label).and(attribute);
        Some(broken.other(&group.address, "family", "its family"))
    };
    let Some(release) = version else { return broken("engine", format!("they are for {family}, and it is {engine}")) };
    let wanted = world.text(database, "engineVersion")?;
    let is_open = !matches!(engine.as_str(), "mysql" | "mariadb" | "postgres");
    let fits = is_open
        || format!("{wanted}.").starts_with(&format!("{release}."))
        || release.starts_with(&format!("{wanted}."));
    if fits { None } else { broken("engineVersion", format!("they are for {family}, and it is {engine} {wanted}")) }
}

fn followed_has_backups<'t>(database: &'t Resource, world: &World<'t>, _: &mut Claims<'t>) -> Option<Broken> {
    let source = world.target(database, "replicaOf").filter(|_| is(database, "aws.DbInstance"))?;
    let none = world.of(source, "backupRetention").duration() == Some(0);
    (none && !source.lifecycle.start.is_empty()).then(|| {
        let message = format!("`{}` keeps no backups, and cannot be followed", source.address);
        Broken::new("replicaOf", message, "a read replica is made from backups")
            .other(&source.address, "backupRetention", "there are none")
            .help(format!("write `backupRetention 1d;` on `{}`", source.address))
    })
}

fn one_policy<'t>(policy: &'t Resource, world: &World<'t>, _: &mut Claims<'t>) -> Option<Broken> {
    let bucket = world.target(policy, "bucket").filter(|_| is(policy, "aws.S3BucketPolicy"))?;
    let own = ["policy", "policyText"].into_iter().find(|name| world.of(bucket, name).is_set())?;
    let message = format!("the bucket `{}` has a policy of its own already", bucket.address);
    Some(
        Broken::new("bucket", message, "a bucket has one policy")
            .other(&bucket.address, own, "this one")
            .help("leave one of the two out"),
    )
}

fn log_target<'t>(bucket: &'t Resource, world: &World<'t>, _: &mut Claims<'t>) -> Option<Broken> {
    let target = world.of(bucket, "logging").field("target").address().filter(|_| is(bucket, "aws.S3Bucket"))?;
    let target = *world.resources.get(target)?;
    let (here, there) = (world.text(bucket, "region")?, world.text(target, "region")?);
    if here != there {
        let message = format!("`{}` cannot log to a bucket of another region", bucket.address);
        return Some(
            Broken::new("logging", message, format!("`{}` is in {there}, and this one in {here}", target.address))
                .help("log to a bucket in the same region"),
        );
    }
    world.of(target, "objectLock").is_set().then(|| {
        let message = format!("`{}` cannot take logs: its objects are locked", target.address);
        Broken::new("logging", message, "AWS writes no logs into it").other(&target.address, "objectLock", "here")
    })
}

fn alias_once<'t>(distribution: &'t Resource, world: &World<'t>, claims: &mut Claims<'t>) -> Option<Broken> {
    let aliases = world.of(distribution, "aliases").items().filter(|_| is(distribution, "aws.Distribution"))?;
    let mut aliases = aliases.into_iter().filter_map(Part::text);
    aliases.find_map(|alias| {
        let other = claims.claim("alias", alias.to_ascii_lowercase(), distribution)?;
        let message = format!("two distributions have the alias {}", alias.escape_debug());
        Some(Broken::new("aliases", message, "one distribution has it").other(&other.address, "aliases", "and here"))
    })
}

fn logs_take_lists<'t>(distribution: &'t Resource, world: &World<'t>, _: &mut Claims<'t>) -> Option<Broken> {
    let bucket = world.target(distribution, "logs").filter(|_| is(distribution, "aws.Distribution"))?;
    let ownership = world.of(bucket, "ownership");
    let is_closed = ownership.is_unset() || ownership.text() == Some("BucketOwnerEnforced");
    (is_closed && !bucket.lifecycle.start.is_empty()).then(|| {
        let message = format!("`{}` takes no logs of CloudFront: its access lists are off", bucket.address);
        Broken::new("logs", message, "CloudFront writes them with an access list")
            .help(format!("write `ownership \"BucketOwnerPreferred\";` on `{}`", bucket.address))
    })
}
