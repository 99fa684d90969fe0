//! Formats that `type X = String is FORMAT;` can ask for: one row each.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// A format of texts.
pub struct Format {
    pub name: &'static str,
    /// What such a text is, with an example, for messages and documentation.
    pub meaning: &'static str,
    pub admits: fn(&str) -> bool,
    /// The text that was most likely meant by one that is not admitted.
    pub near: fn(&str) -> Option<String>,
}

impl std::fmt::Debug for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// A format by its name.
pub fn find(name: &str) -> Option<&'static Format> {
    TABLE.iter().find(|format| format.name == name)
}

/// All of them, in alphabetical order.
pub static TABLE: [Format; 8] = [
    Format { name: "arn", meaning: "an ARN: `arn:aws:s3:::my-bucket`", admits: is_arn, near: |_| None },
    Format {
        name: "cidr",
        meaning: "an address range, with no bits set behind its prefix: `10.0.0.0/16`",
        admits: |text| range(text).is_some_and(|net| net.addr() == net.network()),
        near: |text| Some(range(text).or_else(|| range(&without_zeros(text)?))?.trunc().to_string()),
    },
    Format { name: "hostname", meaning: "a host name: `www.example.com`", admits: is_hostname, near: |_| None },
    Format {
        name: "ipv4",
        meaning: "an IPv4 address: `10.0.0.1`",
        admits: |text| text.parse::<Ipv4Addr>().is_ok(),
        near: |text| without_zeros(text).filter(|near| near.parse::<Ipv4Addr>().is_ok()),
    },
    Format {
        name: "ipv6",
        meaning: "an IPv6 address: `2001:db8::1`",
        admits: |text| text.parse::<Ipv6Addr>().is_ok(),
        near: |_| None,
    },
    Format {
        name: "json",
        meaning: "a JSON document",
        admits: |text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(),
        near: |_| None,
    },
    Format {
        name: "pattern",
        meaning: "a regular expression: `^v[0-9]+$`",
        admits: |text| regex::Regex::new(text).is_ok(),
        near: |_| None,
    },
    Format {
        name: "url",
        meaning: "a URL with its scheme: `https://example.com/`",
        admits: |text| url::Url::parse(text).is_ok_and(|url| url.has_host() && has_its_address(text, &url)),
        near: |text| {
            Some(format!("https://{text}"))
                .filter(|text| text.contains('.') && find("url").is_some_and(|url| (url.admits)(text)))
        },
    },
];

/// `10.0.0.0/16`, `2001:db8::/32`. A number that begins with a zero is refused: some programs read it as an
/// octal one (RFC 6943, section 3.1.1).
pub fn range(text: &str) -> Option<IpNet> {
    let (address, prefix) = text.split_once('/')?;
    let plain = prefix.bytes().all(|b| b.is_ascii_digit()) && (prefix.len() == 1 || !prefix.starts_with('0'));
    IpNet::new(address.parse().ok()?, prefix.parse().ok().filter(|_| plain)?).ok()
}

/// Numbers between points and `/` without zeros before them, where there are any.
fn without_zeros(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(['.', '/']) {
        let digits = piece.find(|c: char| !c.is_ascii_digit()).unwrap_or(piece.len());
        let zeros = piece[..digits].len() - piece[..digits].trim_start_matches('0').len();
        out.push_str(&piece[zeros.min(digits.saturating_sub(1))..]);
    }
    (out != text && !text.contains(':')).then_some(out)
}

/// Whether the IPv4 address of a URL stands in it as it is: `http://010.0.0.1/` means `8.0.0.1`.
fn has_its_address(text: &str, url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => text.contains(&address.to_string()),
        Some(url::Host::Domain(_) | url::Host::Ipv6(_)) | None => true,
    }
}

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`; region and account may be empty.
/// Source: "Identify AWS resources with Amazon Resource Names", IAM user guide.
fn is_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    matches!(parts.as_slice(), ["arn", partition, service, _, _, resource]
        if !partition.is_empty() && !service.is_empty() && !resource.is_empty())
}

/// Labels of letters, digits and inner `-`, of 63 at most, 253 in all. Source: RFC 1123, section 2.1.
fn is_hostname(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::{TABLE, find};

    #[test]
    fn each_format_takes_its_like_and_nothing_else() {
        for (name, good, bad) in [
            ("arn", "arn:aws:iam::123456789012:role/a:b", "arn:aws:s3"),
            ("cidr", "10.0.0.0/16", "10.0.0.1/16"),
            ("cidr", "2001:db8::/32", "10.0.0.0"),
            ("cidr", "10.0.0.0/8", "010.0.0.0/16"),
            ("cidr", "0.0.0.0/0", "10.0.0.0/08"),
            ("cidr", "100.64.0.0/10", "10.0.00.0/16"),
            ("ipv4", "100.0.0.20", "010.0.0.1"),
            ("ipv6", "::ffff:10.0.0.1", "::ffff:010.0.0.1"),
            ("url", "http://10.0.0.1/", "http://010.0.0.1/"),
            ("hostname", "a-b.example.com", "-a.example.com"),
            ("ipv4", "10.0.0.1", "10.0.0.256"),
            ("ipv6", "::1", "10.0.0.1"),
            ("json", "{\"a\": [1, null]}", "{a: 1}"),
            ("pattern", "^v[0-9]+$", "^v[0-9+$"),
            ("url", "https://example.com/x?y", "example.com/x"),
            ("url", "http://[::1]:80/", "mailto:a@example.com"),
        ] {
            let format = find(name).unwrap();
            assert!((format.admits)(good), "{name}: {good}");
            assert!(!(format.admits)(bad), "{name}: {bad}");
        }
        assert!(TABLE.is_sorted_by_key(|format| format.name));
        let near = |name: &str, text: &str| (find(name).unwrap().near)(text);
        assert_eq!(near("cidr", "10.0.1.5/16").as_deref(), Some("10.0.0.0/16"));
        assert_eq!(near("cidr", "010.0.0.0/08").as_deref(), Some("10.0.0.0/8"));
        assert_eq!(near("cidr", "0.00.0.0/0").as_deref(), Some("0.0.0.0/0"));
        assert_eq!(near("ipv4", "010.0.0.001").as_deref(), Some("10.0.0.1"));
        assert_eq!(near("url", "example.com/x").as_deref(), Some("https://example.com/x"));
        assert_eq!(near("url", "mailto:a"), None);
    }
}
