//! Networks, and who may talk to what in them.

use ipnet::{IpNet, Ipv4Net};

use super::Rule::{Length, Other};
use super::rules::set;
use super::{Broken, Limit, Part, Wanted, limit};

pub const LIMITS: &[Limit] = &[
    limit("aws.SecurityGroup", Other(group_name), "CreateSecurityGroup, Amazon EC2 API reference: GroupName"),
    limit("aws.SecurityGroup", Length("groupName", 1, 255), "CreateSecurityGroup, Amazon EC2 API reference: GroupName"),
    limit("aws.SecurityGroup", Other(ingress), "IpPermission, Amazon EC2 API reference"),
    limit("aws.SecurityGroup", Other(egress), "IpPermission, Amazon EC2 API reference"),
    limit("aws.Volume", Other(zone_in_region), ZONES),
    limit("aws.Instance", Other(zone_in_region), ZONES),
    limit("aws.Subnet", Other(zone_in_region), ZONES),
    limit("aws.DbInstance", Other(zone_in_region), ZONES),
    limit("aws.Vpc", Other(range), "\"VPC CIDR blocks\", Amazon VPC user guide"),
    limit("aws.Vpc", Other(names), "\"DNS attributes for your VPC\", Amazon VPC user guide"),
    limit("aws.Subnet", Other(range), "\"Subnet sizing\", Amazon VPC user guide"),
    limit("aws.Route", Other(target), "CreateRoute, Amazon EC2 API reference"),
];

const ZONES: &str = "\"Regions and Zones\", Amazon EC2 user guide";

fn zone_in_region(wanted: &Wanted<'_>) -> Vec<Broken> {
    let Some(region) = wanted.get("region").text() else { return Vec::new() };
    let name = ["availabilityZone", "placement"].into_iter().find(|name| {
        let zone = wanted.get(name).text();
        // A local zone has more behind its region.
        zone.is_some_and(|zone| {
            zone.strip_prefix(region).is_none_or(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        })
    });
    let Some(name) = name else { return Vec::new() };
    let zone = wanted.get(name).text().unwrap_or_default();
    let message = format!("`{name}` cannot be \"{zone}\" in {region}");
    vec![
        Broken::new(name, message, "this zone is in another region")
            .and("region")
            .help(format!("write `{name} \"{region}a\";`, or `\"${{region}}a\"` for any region")),
    ]
}

fn group_name(wanted: &Wanted<'_>) -> Vec<Broken> {
    let Some(name) = wanted.get("groupName").text() else { return Vec::new() };
    let lower = name.to_ascii_lowercase();
    let label = if lower.starts_with("sg-") {
        "names that begin with `sg-` are reserved for ids"
    } else if lower == "default" {
        "each network has a group of this name already"
    } else {
        return Vec::new();
    };
    vec![Broken::new("groupName", format!("`groupName` cannot be \"{name}\""), label)]
}

fn ingress(wanted: &Wanted<'_>) -> Vec<Broken> {
    rules(wanted, "ingress")
}

fn egress(wanted: &Wanted<'_>) -> Vec<Broken> {
    rules(wanted, "egress")
}

/// One message a list: the first rule that is wrong.
fn rules(wanted: &Wanted<'_>, list: &'static str) -> Vec<Broken> {
    let rules = wanted.get(list).items().unwrap_or_default();
    let broken = rules.iter().enumerate().find_map(|(at, rule)| {
        let (message, help) = wrong(*rule)?;
        let message = format!("rule {} of `{list}` {message}", at + 1);
        Some(Broken::new(list, message, "in this list").help(help))
    });
    broken.into_iter().collect()
}

/// What is wrong with a rule, to follow what it is called, and what to write.
fn wrong(rule: Part<'_>) -> Option<(String, &'static str)> {
    let it_self = rule.field("self");
    let itself = if it_self.bool() == Some(false) { Part::Unset } else { it_self };
    let (certain, possible) = set(&[rule.field("cidr"), rule.field("from"), rule.field("prefixList"), itself]);
    let one = "set one of `cidr`, `from`, `prefixList` and `self` in each rule";
    if possible == 0 {
        return Some(("does not say whom it is about".to_string(), one));
    }
    if certain > 1 {
        return Some(("says in several ways whom it is about".to_string(), one));
    }
    ports(rule).or_else(|| {
        let length = rule.field("description").text().map_or(0, |text| text.chars().count());
        (length > 255).then(|| (format!("has a `description` of {length} characters"), "AWS takes up to 255"))
    })
}

fn ports(rule: Part<'_>) -> Option<(String, &'static str)> {
    let field = |name: &str| rule.field(name);
    let protocol = field("protocol").text()?;
    let (port, from, to, code) = (field("port"), field("fromPort"), field("toPort"), field("code"));
    let range = "write `port 22;`, or `fromPort` and `toPort`; all ports are `fromPort 0; toPort 65535;`";
    match protocol {
        "all" => {
            let named = [("port", port), ("fromPort", from), ("toPort", to), ("code", code)];
            let (name, _) = named.into_iter().find(|(_, part)| part.is_set())?;
            let help = "with `\"all\"`, every port of every protocol is open: write `protocol \"tcp\";` for one port, or leave the port out";
            Some((format!("has a `{name}`, and `protocol \"all\"` has none"), help))
        }
        "tcp" | "udp" => {
            if code.is_set() {
                let help = "`code` is of ICMP: leave it out";
                return Some((format!("has a `code`, and `protocol \"{protocol}\"` has none"), help));
            }
            if port.is_unset() && from.is_unset() {
                return Some(("has no port".to_string(), range));
            }
            if port.is_set() && port.int().zip(from.int()).is_some_and(|(port, from)| port != from) {
                return Some(("has a `port` and another `fromPort`".to_string(), range));
            }
            let (first, last) = from.int().zip(to.int())?;
            (last < first).then(|| (format!("has ports from {first} to {last}, which are none"), range))
        }
        "icmp" | "icmpv6" => {
            let help =
                "of ICMP, `port` is the type and `code` the code: `port 8; code 0;`; without them, all are let through";
            let differs = match (from.int(), to.int()) {
                (Some(from), Some(to)) => from != to,
                (None, Some(_)) => from.is_unset(),
                (_, None) => false,
            };
            if differs || port.int().zip(from.int()).is_some_and(|(port, from)| port != from) {
                return Some((
                    format!("has a range of ports, and `protocol \"{protocol}\"` has types and codes"),
                    help,
                ));
            }
            if code.is_set() && from.is_unset() {
                return Some(("has a `code` without a type".to_string(), help));
            }
            let most = [from.int(), code.int()].into_iter().flatten().max()?;
            (most > 255).then(|| (format!("has the type or code {most}, and they end at 255"), help))
        }
        _ => None,
    }
}

/// Ranges that no network may have a part of. Source: "IPv4 VPC CIDR blocks", Amazon VPC user guide.
const KEPT: [&str; 4] = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4"];

fn range(wanted: &Wanted<'_>) -> Vec<Broken> {
    let Some(net) = wanted.get("cidr").text().and_then(|text| text.parse::<IpNet>().ok()) else { return Vec::new() };
    let message = format!("`cidr` cannot be \"{net}\"");
    let net = match net {
        IpNet::V4(net) => net,
        IpNet::V6(_) => return vec![Broken::new("cidr", message, "an IPv4 range is needed: `10.0.0.0/16`")],
    };
    if !(16..=28).contains(&net.prefix_len()) {
        return vec![Broken::new("cidr", message, "AWS takes ranges from /16, the largest, to /28")];
    }
    let kept = KEPT.iter().filter_map(|kept| kept.parse::<Ipv4Net>().ok()).find(|kept| kept.contains(&net));
    kept.map(|kept| Broken::new("cidr", message, format!("{kept} is not for networks"))).into_iter().collect()
}

fn names(wanted: &Wanted<'_>) -> Vec<Broken> {
    if wanted.get("dnsHostnames").bool() != Some(true) || wanted.get("dnsSupport").bool() != Some(false) {
        return Vec::new();
    }
    vec![
        Broken::new("dnsHostnames", "`dnsHostnames` needs `dnsSupport`", "there are no names without it")
            .and("dnsSupport")
            .help("write `dnsSupport true;`, or leave `dnsHostnames` out"),
    ]
}

fn target(wanted: &Wanted<'_>) -> Vec<Broken> {
    let names = ["gateway", "natGateway", "instance"];
    let parts = names.map(|name| wanted.get(name));
    let (certain, possible) = set(&parts);
    let help = "set one of `gateway`, `natGateway` and `instance`";
    if possible == 0 {
        return vec![Broken::new("gateway", "this route leads nowhere", "nothing says what it leads over").help(help)];
    }
    if certain < 2 {
        return Vec::new();
    }
    let mut named = names.into_iter().zip(parts).filter(|(_, part)| part.is_set()).map(|(name, _)| name);
    let first = named.next().unwrap_or("gateway");
    let broken = Broken::new(first, "this route leads over several components", "it leads over this").help(help);
    vec![named.fold(broken, Broken::and)]
}
