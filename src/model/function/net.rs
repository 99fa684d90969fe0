//! Functions of address ranges, for IPv4 and IPv6 alike.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::{Function, row, wrong};
use crate::model::format;
use crate::model::ty::Ty;
use crate::value::{Quoted, Value};

pub(super) fn rows() -> Vec<Function> {
    vec![
        row(
            "cidrContains",
            &[("range", Ty::String), ("of", Ty::String)],
            Ty::Bool,
            "Whether an address, or every address of another range, is in an address range.",
            cidr_contains,
        ),
        row(
            "cidrOverlaps",
            &[("one", Ty::String), ("two", Ty::String)],
            Ty::Bool,
            "Whether two address ranges have an address in common.",
            cidr_overlaps,
        ),
    ]
}

fn cidr_contains(values: &[&Value]) -> Result<Value, String> {
    let [Value::String(range), Value::String(of)] = values else {
        return wrong("cidrContains", values);
    };
    let range = read(range)?;
    Ok(Value::Bool(match of.parse::<IpAddr>() {
        Ok(address) => range.contains(&address),
        Err(_) => range.contains(&read(of)?),
    }))
}

fn cidr_overlaps(values: &[&Value]) -> Result<Value, String> {
    let [Value::String(one), Value::String(two)] = values else {
        return wrong("cidrOverlaps", values);
    };
    let (one, two) = (read(one)?, read(two)?);
    Ok(Value::Bool(one.contains(&two) || two.contains(&one)))
}

pub(super) fn cidr_host(values: &[&Value]) -> Result<Value, String> {
    let [Value::String(range), Value::Int(number)] = values else {
        return wrong("cidrHost", values);
    };
    let range = read(range)?;
    let bits = u32::from(range.max_prefix_len() - range.prefix_len());
    // All 128 bits of `::/0` do not fit as a count, and no `Int` reaches that far anyway.
    let last = if bits >= 128 { u128::MAX } else { (1 << bits) - 1 };
    let back = u128::from(number.unsigned_abs());
    let offset = if *number >= 0 { Some(back) } else { last.checked_sub(back - 1) };
    match offset.filter(|offset| *offset <= last) {
        Some(offset) => Ok(Value::string(address(&range, first(&range) + offset).to_string())),
        None => Err(format!("`{range}` has no address {number}: it has {} of them", counted(bits))),
    }
}

pub(super) fn cidr_subnet(values: &[&Value]) -> Result<Value, String> {
    let [Value::String(range), Value::Int(bits), Value::Int(number)] = values else {
        return wrong("cidrSubnet", values);
    };
    let range = read(range)?;
    let free = range.max_prefix_len() - range.prefix_len();
    let bits = match u8::try_from(*bits) {
        Ok(bits) if bits <= free => bits,
        _ => return Err(format!("`{range}` can be divided by 0 to {free} more bits, not by {bits}")),
    };
    let number = match u128::try_from(*number) {
        Ok(number) if bits >= 127 || number < 1 << bits => number,
        _ => {
            return Err(format!(
                "`{range}` divided by {bits} bits has {} parts, and no part {number}",
                counted(u32::from(bits))
            ));
        }
    };
    let shift = u32::from(free - bits);
    let offset = if shift >= 128 { 0 } else { number << shift };
    let network = address(&range, first(&range) + offset);
    IpNet::new(network, range.prefix_len() + bits)
        .map(|net| Value::string(net.to_string()))
        .map_err(|error| error.to_string())
}

fn read(text: &str) -> Result<IpNet, String> {
    let range =
        format::range(text).ok_or_else(|| format!("{} is no address range such as `10.0.0.0/16`", Quoted(text)))?;
    Ok(range.trunc())
}

fn first(range: &IpNet) -> u128 {
    match range.network() {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

/// A number as an address of the range's own kind. Numbers inside an IPv4 range have 32 bits.
fn address(range: &IpNet, number: u128) -> IpAddr {
    match range {
        IpNet::V4(_) => IpAddr::V4(Ipv4Addr::from(number as u32)),
        IpNet::V6(_) => IpAddr::V6(Ipv6Addr::from(number)),
    }
}

fn counted(bits: u32) -> String {
    if bits < 64 { (1u64 << bits).to_string() } else { format!("2^{bits}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_divided_and_counted() {
        let text = |text: &str| Value::string(text);
        let subnet = |range: &str, bits, number| cidr_subnet(&[&text(range), &Value::Int(bits), &Value::Int(number)]);
        assert_eq!(subnet("10.0.0.0/16", 8, 3), Ok(text("10.0.3.0/24")));
        assert_eq!(subnet("10.0.0.0/16", 0, 0), Ok(text("10.0.0.0/16")));
        assert_eq!(subnet("2001:db8::/32", 32, 1), Ok(text("2001:db8:0:1::/64")));
        assert_eq!(subnet("::/0", 128, 5), Ok(text("::5/128")));
        assert!(subnet("10.0.0.0/16", 8, 256).is_err());
        assert!(subnet("10.0.0.0/16", 17, 0).is_err());
        assert!(subnet("10.0.0.0/16", -1, 0).is_err());
        let host = |range: &str, number| cidr_host(&[&text(range), &Value::Int(number)]);
        assert_eq!(host("10.0.3.0/24", 5), Ok(text("10.0.3.5")));
        assert_eq!(host("10.0.3.0/24", -1), Ok(text("10.0.3.255")));
        assert_eq!(host("::/0", i64::MAX), Ok(text("::7fff:ffff:ffff:ffff")));
        assert!(host("10.0.3.0/24", 256).is_err());
        assert!(host("10.0.3.0/24", -257).is_err());
        assert!(host("10.0.3.0", 0).is_err());
        assert!(host("010.0.3.0/24", 0).is_err());
    }

    #[test]
    fn ranges_hold_and_overlap_one_another() {
        let text = |text: &str| Value::string(text);
        for (one, two, contains, overlaps) in [
            ("10.0.0.0/8", "10.1.0.0/16", true, true),
            ("10.1.0.0/16", "10.0.0.0/8", false, true),
            ("10.0.0.0/16", "10.0.0.0/16", true, true),
            ("10.0.0.0/16", "10.1.0.0/16", false, false),
            ("10.0.0.0/8", "2001:db8::/32", false, false),
            ("2001:db8::/32", "2001:db8:1::/48", true, true),
        ] {
            assert_eq!(cidr_contains(&[&text(one), &text(two)]), Ok(Value::Bool(contains)), "{one} {two}");
            assert_eq!(cidr_overlaps(&[&text(one), &text(two)]), Ok(Value::Bool(overlaps)), "{one} {two}");
        }
        assert_eq!(cidr_contains(&[&text("10.0.0.0/8"), &text("10.255.255.255")]), Ok(Value::Bool(true)));
        assert!(cidr_contains(&[&text("10.0.0.0/8"), &text("010.0.0.1")]).is_err());
    }
}
