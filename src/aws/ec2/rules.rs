//! Rules of security groups, by what they mean: AWS writes some of them otherwise than a program does, puts
//! them in an order of its own, and knows no two rules that allow the same.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{
    IpPermission, IpRange, Ipv6Range, PrefixListId, SecurityGroupRule, SecurityGroupRuleRequest, UserIdGroupPair,
};
use ipnet::IpNet;
use serde::Deserialize;

use crate::apply::provider::{Fault, FaultKind};
use crate::aws::told;
use crate::name::Name;
use crate::value::{Data, Fields, Value};

/// The template of a rule.
const TEMPLATE: &str = "SecurityRule";

/// A rule as a program has it.
#[derive(Deserialize, Clone, Default, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    protocol: String,
    from_port: Option<i32>,
    to_port: Option<i32>,
    /// Of ICMP, whose type is the port.
    code: Option<i32>,
    cidr: Option<String>,
    from: Option<String>,
    prefix_list: Option<String>,
    #[serde(rename = "self", default)]
    itself: bool,
    description: Option<String>,
}

/// What a rule allows: two that allow the same are one for AWS.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Grant {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `all`.
    protocol: String,
    /// Ports, or type and code of ICMP. -1 is any.
    from: i32,
    to: i32,
    peer: Peer,
}

/// Who is at the other end.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Peer {
    Ipv4(String),
    Ipv6(String),
    Group(String),
    PrefixList(String),
}

/// Rules with their descriptions.
pub type Grants = BTreeMap<Grant, String>;

impl Rule {
    /// `own` is the group that it stands in, `list` the attribute.
    fn grant(&self, own: &str, list: &str) -> Result<(Grant, String), Fault> {
        let wrong = |text: String| Fault::new(FaultKind::Refused, text).on(list);
        let own = self.itself.then(|| Peer::Group(own.to_string()));
        let peers = [
            self.cidr.as_ref().map(|range| net(range)),
            self.from.clone().map(Peer::Group),
            self.prefix_list.clone().map(Peer::PrefixList),
            own,
        ];
        let mut peers = peers.into_iter().flatten();
        let (Some(peer), None) = (peers.next(), peers.next()) else {
            return Err(wrong(format!("a rule of `{list}` does not say whom it is about, or says so twice"))
                .help("set one of `cidr`, `from`, `prefixList` and `self` in each rule"));
        };
        let (from, to) = match (protocol(&self.protocol), self.from_port, self.to_port) {
            ("all", _, _) => (-1, -1),
            ("tcp" | "udp", None, _) => {
                return Err(wrong(format!("a rule of `{list}` has no port"))
                    .help("set `port`, or `fromPort` and `toPort`; all ports are `fromPort 0; toPort 65535;`"));
            }
            ("tcp" | "udp", Some(from), to) if to.unwrap_or(from) < from => {
                return Err(wrong(format!("the ports of a rule of `{list}` end before they begin")));
            }
            ("tcp" | "udp", Some(from), to) => (from, to.unwrap_or(from)),
            ("icmp" | "icmpv6", kind, _) => (kind.unwrap_or(-1), self.code.unwrap_or(-1)),
            (_, from, to) => (from.unwrap_or(-1), to.unwrap_or(-1)),
        };
        let grant = Grant { protocol: protocol(&self.protocol).to_string(), from, to, peer };
        Ok((grant, self.description.clone().unwrap_or_default()))
    }
}

/// What these rules of a group allow.
///
/// # Errors
/// When one of them says nothing that AWS could take.
pub fn grants(rules: &[Rule], own: &str, list: &str) -> Result<Grants, Fault> {
    let mut grants = Grants::new();
    for rule in rules {
        let (grant, description) = rule.grant(own, list)?;
        grants.entry(grant).or_insert(description);
    }
    Ok(grants)
}

fn net(range: &str) -> Peer {
    match range.parse::<IpNet>() {
        Ok(IpNet::V4(net)) => Peer::Ipv4(net.trunc().to_string()),
        Ok(IpNet::V6(net)) => Peer::Ipv6(net.trunc().to_string()),
        // AWS says what is wrong with it.
        Err(_) => Peer::Ipv4(range.to_string()),
    }
}

fn protocol(name: &str) -> &str {
    match name {
        "-1" => "all",
        "1" => "icmp",
        "6" => "tcp",
        "17" => "udp",
        "58" => "icmpv6",
        other => other,
    }
}

/// A rule as AWS tells it.
pub fn granted(rule: &SecurityGroupRule) -> Option<Grant> {
    let group = rule.referenced_group_info().and_then(|group| group.group_id());
    let peer = match (rule.cidr_ipv4(), rule.cidr_ipv6(), group, rule.prefix_list_id()) {
        (Some(range), ..) | (None, Some(range), ..) => net(range),
        (None, None, Some(group), _) => Peer::Group(group.to_string()),
        (None, None, None, Some(list)) => Peer::PrefixList(list.to_string()),
        (None, None, None, None) => return None,
    };
    let name = rule.ip_protocol().unwrap_or("-1").to_lowercase();
    let protocol = protocol(&name).to_string();
    let any = protocol == "all";
    let port = |port: Option<i32>| if any { -1 } else { port.unwrap_or(-1) };
    Some(Grant { from: port(rule.from_port()), to: port(rule.to_port()), protocol, peer })
}

/// The recorded rules, if they allow what there is; else what there is: first what is recorded, as it is
/// recorded, then the others.
pub fn as_recorded(recorded: Option<&Value>, present: &Grants, own: &str) -> Value {
    let mut left = present.clone();
    let mut rules = Vec::new();
    let items = match recorded {
        Some(Value::List(items)) => items.as_slice(),
        Some(_) | None => &[],
    };
    let mut before = Grants::new();
    for item in items {
        let rule = serde_json::from_value::<Rule>(item.reveal()).ok();
        let Some((grant, description)) = rule.and_then(|rule| rule.grant(own, "").ok()) else { continue };
        match present.get(&grant) {
            // One that stands there twice is told twice.
            Some(now) if *now == description || before.contains_key(&grant) => {
                left.remove(&grant);
                rules.push(item.clone());
            }
            Some(_) | None => {}
        }
        before.entry(grant).or_insert(description);
    }
    rules.extend(left.iter().map(|(grant, description)| written(grant, description, own)));
    Value::List(rules)
}

/// A rule as a program would write it.
fn written(grant: &Grant, description: &str, own: &str) -> Value {
    let mut fields = Fields::new();
    let mut set = |name: &str, value: Value| fields.insert(Name::from(name), value);
    set("protocol", Value::string(grant.protocol.as_str()));
    let is_icmp = grant.protocol.starts_with("icmp");
    let last = if is_icmp { grant.from } else { grant.to };
    if grant.from != -1 {
        set("fromPort", Value::Int(grant.from.into()));
        set("toPort", Value::Int(last.into()));
        if grant.from == last {
            set("port", Value::Int(grant.from.into()));
        }
    }
    if is_icmp && grant.to != -1 {
        set("code", Value::Int(grant.to.into()));
    }
    let itself = matches!(&grant.peer, Peer::Group(group) if group == own);
    set("self", Value::Bool(itself));
    match &grant.peer {
        Peer::Ipv4(range) | Peer::Ipv6(range) => drop(set("cidr", Value::string(range.as_str()))),
        Peer::Group(group) if !itself => drop(set("from", told::existing("SecurityGroup", group))),
        Peer::Group(_) => {}
        Peer::PrefixList(list) => drop(set("prefixList", Value::string(list.as_str()))),
    }
    if !description.is_empty() {
        set("description", Value::string(description));
    }
    Value::Data(Data { template: TEMPLATE.into(), fields })
}

impl Grant {
    fn protocol(&self) -> &str {
        if self.protocol == "all" { "-1" } else { &self.protocol }
    }

    /// What is asked for when it is to be allowed.
    pub fn permission(&self, description: &str) -> IpPermission {
        let description = (!description.is_empty()).then(|| description.to_string());
        let permission = IpPermission::builder().ip_protocol(self.protocol());
        let permission = match self.protocol.as_str() {
            "all" => permission,
            _ => permission.from_port(self.from).to_port(self.to),
        };
        match &self.peer {
            Peer::Ipv4(range) => {
                permission.ip_ranges(IpRange::builder().cidr_ip(range).set_description(description).build())
            }
            Peer::Ipv6(range) => {
                permission.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(range).set_description(description).build())
            }
            Peer::Group(group) => permission
                .user_id_group_pairs(UserIdGroupPair::builder().group_id(group).set_description(description).build()),
            Peer::PrefixList(list) => permission
                .prefix_list_ids(PrefixListId::builder().prefix_list_id(list).set_description(description).build()),
        }
        .build()
    }

    /// The same rule with another description.
    pub fn described(&self, description: &str) -> SecurityGroupRuleRequest {
        let request = SecurityGroupRuleRequest::builder()
            .ip_protocol(self.protocol())
            .from_port(self.from)
            .to_port(self.to)
            .description(description);
        match &self.peer {
            Peer::Ipv4(range) => request.cidr_ipv4(range),
            Peer::Ipv6(range) => request.cidr_ipv6(range),
            Peer::Group(group) => request.referenced_group_id(group),
            Peer::PrefixList(list) => request.prefix_list_id(list),
        }
        .build()
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::ReferencedSecurityGroup;

    use super::*;

    fn data(pairs: &[(&str, Value)]) -> Value {
        let mut fields: Fields = pairs.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
        fields.entry("protocol".into()).or_insert(Value::string("tcp"));
        fields.entry("self".into()).or_insert(Value::Bool(false));
        Value::Data(Data { template: TEMPLATE.into(), fields })
    }

    fn ports(from: i64, to: i64, cidr: &str) -> Value {
        data(&[("fromPort", Value::Int(from)), ("toPort", Value::Int(to)), ("cidr", Value::string(cidr))])
    }

    fn parsed(rules: &Value) -> Result<Grants, Fault> {
        let rules: Vec<Rule> = serde_json::from_value(rules.reveal()).unwrap();
        grants(&rules, "sg-own", "ingress")
    }

    fn aws(protocol: &str, from: i32, to: i32) -> aws_sdk_ec2::types::builders::SecurityGroupRuleBuilder {
        SecurityGroupRule::builder().ip_protocol(protocol).from_port(from).to_port(to)
    }

    #[test]
    fn what_aws_writes_otherwise_means_the_same() {
        let group = ReferencedSecurityGroup::builder().group_id("sg-own").build();
        for (rule, told) in [
            (ports(22, 22, "10.0.0.0/8"), aws("6", 22, 22).cidr_ipv4("10.0.0.0/8")),
            (ports(22, 22, "2001:DB8:0::/32"), aws("tcp", 22, 22).cidr_ipv6("2001:db8::/32")),
            (
                data(&[("protocol", Value::string("all")), ("cidr", Value::string("0.0.0.0/0"))]),
                aws("-1", -1, -1).cidr_ipv4("0.0.0.0/0"),
            ),
            (
                data(&[("protocol", Value::string("icmp")), ("cidr", Value::string("0.0.0.0/0"))]),
                aws("icmp", -1, -1).cidr_ipv4("0.0.0.0/0"),
            ),
            (
                data(&[("fromPort", Value::Int(1)), ("toPort", Value::Int(2)), ("self", Value::Bool(true))]),
                aws("tcp", 1, 2).referenced_group_info(group.clone()),
            ),
            (
                data(&[("fromPort", Value::Int(1)), ("from", told::existing("SecurityGroup", "sg-own"))]),
                aws("tcp", 1, 1).referenced_group_info(group),
            ),
            (
                data(&[("fromPort", Value::Int(1)), ("prefixList", Value::string("pl-1"))]),
                aws("tcp", 1, 1).prefix_list_id("pl-1"),
            ),
        ] {
            let wanted = parsed(&Value::List(vec![rule.clone()])).unwrap();
            let there = granted(&told.build()).unwrap();
            assert_eq!(wanted.into_keys().collect::<Vec<_>>(), [there], "{rule}");
        }
    }

    #[test]
    fn order_and_repetition_are_no_difference() {
        let one = ports(22, 22, "10.0.0.0/8");
        let two = ports(80, 80, "0.0.0.0/0");
        let recorded = Value::List(vec![two.clone(), one.clone(), two.clone()]);
        let present = parsed(&Value::List(vec![one.clone(), two.clone()])).unwrap();
        assert_eq!(as_recorded(Some(&recorded), &present, "sg-own"), recorded);
    }

    #[test]
    fn what_was_done_by_hand_is_told_behind_what_is_recorded() {
        let one = ports(22, 22, "10.0.0.0/8");
        let two = ports(80, 80, "0.0.0.0/0");
        let recorded = Value::List(vec![two.clone(), one]);
        let by_hand = data(&[
            ("port", Value::Int(443)),
            ("fromPort", Value::Int(443)),
            ("toPort", Value::Int(443)),
            ("cidr", Value::string("::/0")),
        ]);
        let present = parsed(&Value::List(vec![by_hand.clone(), two.clone()])).unwrap();
        assert_eq!(as_recorded(Some(&recorded), &present, "sg-own"), Value::List(vec![two, by_hand]));
        assert_eq!(as_recorded(None, &Grants::new(), "sg-own"), Value::List(vec![]));
    }

    #[test]
    fn another_description_is_a_difference() {
        let with = |text: &str| {
            data(&[
                ("fromPort", Value::Int(1)),
                ("toPort", Value::Int(1)),
                ("port", Value::Int(1)),
                ("cidr", Value::string("::/0")),
                ("description", Value::string(text)),
            ])
        };
        let recorded = Value::List(vec![with("old")]);
        let present = parsed(&Value::List(vec![with("new")])).unwrap();
        assert_eq!(as_recorded(Some(&recorded), &present, "sg-own"), Value::List(vec![with("new")]));
    }

    #[test]
    fn rules_that_say_nothing_are_refused_with_what_to_write() {
        let anywhere = ("cidr", Value::string("0.0.0.0/0"));
        for (rule, message) in [
            (
                data(&[("fromPort", Value::Int(1))]),
                "a rule of `ingress` does not say whom it is about, or says so twice",
            ),
            (
                data(&[("fromPort", Value::Int(1)), anywhere.clone(), ("self", Value::Bool(true))]),
                "a rule of `ingress` does not say whom it is about, or says so twice",
            ),
            (data(std::slice::from_ref(&anywhere)), "a rule of `ingress` has no port"),
            (ports(2, 1, "0.0.0.0/0"), "the ports of a rule of `ingress` end before they begin"),
        ] {
            let fault = parsed(&Value::List(vec![rule])).unwrap_err();
            assert_eq!((fault.message.as_str(), fault.attribute), (message, Some("ingress".into())));
        }
    }

    #[test]
    fn icmp_has_a_type_and_a_code() {
        let echo = data(&[
            ("protocol", Value::string("icmp")),
            ("port", Value::Int(8)),
            ("fromPort", Value::Int(8)),
            ("toPort", Value::Int(8)),
            ("cidr", Value::string("0.0.0.0/0")),
        ]);
        let there = parsed(&Value::List(vec![echo.clone()])).unwrap();
        let grant = there.keys().next().unwrap();
        assert_eq!((grant.from, grant.to), (8, -1), "`port 8;` is any code of that type");
        assert_eq!(as_recorded(None, &there, "sg-own"), Value::List(vec![echo]));
        let there = Grants::from([(Grant { from: 3, to: 3, ..grant.clone() }, String::new())]);
        assert_eq!(parsed(&as_recorded(None, &there, "sg-own")).unwrap(), there);
    }
}
