//! Machines, their disks, keys and images.

use super::Rule::{Gib, Length, Other};
use super::{Broken, GIB, Limit, Wanted, limit};

pub const LIMITS: &[Limit] = &[
    limit("aws.KeyPair", Other(public_key), "ImportKeyPair, Amazon EC2 API reference"),
    limit("aws.ImageInstance", Other(counts), "RunInstances, Amazon EC2 API reference: MinCount, MaxCount"),
    limit("aws.Instance", Gib("rootSize", 1, 65_536), "EbsBlockDevice, Amazon EC2 API reference: VolumeSize"),
    limit("aws.Instance", Other(user_data), "RunInstances, Amazon EC2 API reference: UserData"),
    limit("aws.LaunchTemplate", Other(user_data), "RunInstances, Amazon EC2 API reference: UserData"),
    limit("aws.Volume", Gib("size", 1, 65_536), "CreateVolume, Amazon EC2 API reference: Size"),
    limit("aws.Volume", Other(volume_size), "CreateVolume, Amazon EC2 API reference: Size"),
    limit("aws.Volume", Other(volume_iops), "CreateVolume, Amazon EC2 API reference: Iops"),
    limit("aws.Volume", Other(volume_throughput), "CreateVolume, Amazon EC2 API reference: Throughput"),
    limit("aws.Volume", Other(volume_source), "CreateVolume, Amazon EC2 API reference: Size, SnapshotId"),
    limit("aws.Volume", Other(key_without_encryption), "CreateVolume, Amazon EC2 API reference: KmsKeyId"),
    limit("aws.Snapshot", Length("description", 0, 255), "CreateSnapshot, Amazon EC2 API reference: Description"),
    limit(
        "aws.SnapshotSchedule",
        Length("description", 0, 255),
        "CreateSnapshot, Amazon EC2 API reference: Description",
    ),
    limit("aws.TakeSnapshot", Length("description", 0, 255), "CreateSnapshot, Amazon EC2 API reference: Description"),
    limit("aws.TakeSnapshot", super::Rule::Either("volume", "database"), "TakeSnapshot, the standard library"),
    limit("aws.Reboot", super::Rule::Either("instance", "database"), "Reboot, the standard library"),
    limit("aws.InstanceLookup", Other(criteria), "InstanceLookup, the standard library"),
];

fn public_key(wanted: &Wanted<'_>) -> Vec<Broken> {
    let Some(text) = wanted.get("publicKey").revealed() else { return Vec::new() };
    let text = text.trim();
    let first = text.split_whitespace().next().unwrap_or_default();
    let label = match first {
        _ if text.contains("PRIVATE KEY") => "this is the private half, which nobody else may have",
        "" => "this is empty",
        "ssh-dss" => "this is a DSA key, and AWS takes RSA and ED25519",
        _ if first.starts_with("ecdsa-") || first.starts_with("sk-") => {
            "this is a key of another kind, and AWS takes RSA and ED25519"
        }
        _ => return Vec::new(),
    };
    vec![
        Broken::new("publicKey", "`publicKey` is no key that AWS takes", label).help(
            "make a pair with `ssh-keygen -t ed25519 -f keys/NAME`, and write `publicKey file(\"keys/NAME.pub\");`",
        ),
    ]
}

fn counts(wanted: &Wanted<'_>) -> Vec<Broken> {
    let (Some(least), Some(most)) = (wanted.get("minCount").int(), wanted.get("maxCount").int()) else {
        return Vec::new();
    };
    if least <= most {
        return Vec::new();
    }
    let message = format!("`minCount` is {least}, and `maxCount` only {most}");
    vec![Broken::new("maxCount", message, "no number is within the two").and("minCount")]
}

fn user_data(wanted: &Wanted<'_>) -> Vec<Broken> {
    const MOST: usize = 16 * 1024;
    let Some(text) = wanted.get("userData").revealed() else { return Vec::new() };
    if text.len() <= MOST {
        return Vec::new();
    }
    let bytes = super::user_data::meant(text).len();
    if bytes <= MOST {
        return Vec::new();
    }
    vec![
        Broken::new("userData", "`userData` is too long", format!("{bytes} bytes, and AWS takes up to {MOST}"))
            .help("put the script into a bucket and let `userData` fetch and run it, or compress it"),
    ]
}

/// Sizes in GiB and operations a second of a type of volume, and operations a GiB.
struct Shape {
    kind: &'static str,
    size: (u64, u64),
    iops: Option<(i64, i64)>,
    per_gib: i64,
}

/// Source: "Amazon EBS volume types", Amazon EBS user guide.
const SHAPES: [Shape; 7] = [
    Shape { kind: "gp3", size: (1, 65_536), iops: Some((3000, 80_000)), per_gib: 500 },
    Shape { kind: "gp2", size: (1, 16_384), iops: None, per_gib: 0 },
    Shape { kind: "io1", size: (4, 16_384), iops: Some((100, 64_000)), per_gib: 50 },
    Shape { kind: "io2", size: (4, 65_536), iops: Some((100, 256_000)), per_gib: 1000 },
    Shape { kind: "st1", size: (125, 16_384), iops: None, per_gib: 0 },
    Shape { kind: "sc1", size: (125, 16_384), iops: None, per_gib: 0 },
    Shape { kind: "standard", size: (1, 1024), iops: None, per_gib: 0 },
];

fn shape(wanted: &Wanted<'_>) -> Option<&'static Shape> {
    let kind = wanted.get("volumeType").text()?;
    SHAPES.iter().find(|shape| shape.kind == kind)
}

fn volume_size(wanted: &Wanted<'_>) -> Vec<Broken> {
    let (Some(shape), Some(bytes)) = (shape(wanted), wanted.get("size").size()) else { return Vec::new() };
    let (least, most) = shape.size;
    // Other sizes have been refused for all types.
    if !bytes.is_multiple_of(GIB) || !(1..=65_536).contains(&(bytes / GIB)) || (least..=most).contains(&(bytes / GIB)) {
        return Vec::new();
    }
    let message = format!("a volume of type `{}` cannot have {}GiB", shape.kind, bytes / GIB);
    vec![Broken::new("size", message, format!("from {least}GiB to {most}GiB")).and("volumeType")]
}

fn volume_iops(wanted: &Wanted<'_>) -> Vec<Broken> {
    let Some(shape) = shape(wanted) else { return Vec::new() };
    let (kind, iops) = (shape.kind, wanted.get("iops"));
    let Some((least, most)) = shape.iops else {
        if !iops.is_set() {
            return Vec::new();
        }
        let message = format!("a volume of type `{kind}` has no `iops` of its own");
        return vec![
            Broken::new("iops", message, "only `gp3`, `io1` and `io2` do").and("volumeType").help("leave `iops` out"),
        ];
    };
    if iops.is_unset() && kind.starts_with("io") {
        let message = format!("a volume of type `{kind}` needs `iops`");
        return vec![Broken::new("iops", message, format!("from {least} to {most}")).and("volumeType")];
    }
    let Some(count) = iops.int() else { return Vec::new() };
    if !(least..=most).contains(&count) {
        let message = format!("`iops` of a volume of type `{kind}` cannot be {count}");
        return vec![Broken::new("iops", message, format!("from {least} to {most}")).and("volumeType")];
    }
    let Some(gib) = wanted.get("size").size().map(|bytes| bytes / GIB) else { return Vec::new() };
    let limit = i64::try_from(gib).unwrap_or(i64::MAX).saturating_mul(shape.per_gib).max(least);
    if count <= limit {
        return Vec::new();
    }
    let message = format!("{count} `iops` are too many for {gib}GiB");
    let label = format!("a volume of type `{kind}` has up to {} for each GiB, here {limit}", shape.per_gib);
    vec![Broken::new("iops", message, label).and("size")]
}

fn volume_throughput(wanted: &Wanted<'_>) -> Vec<Broken> {
    let (Some(shape), throughput) = (shape(wanted), wanted.get("throughput")) else { return Vec::new() };
    if shape.kind != "gp3" {
        if !throughput.is_set() {
            return Vec::new();
        }
        let message = format!("a volume of type `{}` has no `throughput` of its own", shape.kind);
        return vec![
            Broken::new("throughput", message, "only `gp3` does").and("volumeType").help("leave `throughput` out"),
        ];
    }
    let Some(count) = throughput.int() else { return Vec::new() };
    if !(125..=2000).contains(&count) {
        let message = format!("`throughput` cannot be {count}");
        return vec![Broken::new("throughput", message, "MiB a second, from 125 to 2000")];
    }
    let iops = wanted.get("iops");
    let Some(iops) = iops.int().or(iops.is_unset().then_some(3000)) else { return Vec::new() };
    // A quarter of a MiB a second for each operation.
    if count.saturating_mul(4) <= iops {
        return Vec::new();
    }
    let message = format!("`throughput` {count} is too much for {iops} `iops`");
    let label = format!("for it, `iops` are {} at least", count * 4);
    vec![Broken::new("throughput", message, label).and("iops")]
}

fn volume_source(wanted: &Wanted<'_>) -> Vec<Broken> {
    if !wanted.get("size").is_unset() || !wanted.get("snapshot").is_unset() {
        return Vec::new();
    }
    vec![
        Broken::new("size", "a volume needs a `size`", "neither `size` nor `snapshot` is set")
            .help("write `size 10GiB;`; only one that is made from a `snapshot` has its size from there"),
    ]
}

fn key_without_encryption(wanted: &Wanted<'_>) -> Vec<Broken> {
    super::rules::key_without_encryption(wanted)
}

fn criteria(wanted: &Wanted<'_>) -> Vec<Broken> {
    let no_tags = wanted.get("withTags").entries().is_some_and(|tags| tags.is_empty());
    if !wanted.get("imageID").is_unset() || !no_tags {
        return Vec::new();
    }
    vec![
        Broken::new("withTags", "this lookup would find every instance", "neither `imageID` nor `withTags` is set")
            .help("say which instances are meant: `withTags { team \"web\"; }`"),
    ]
}
