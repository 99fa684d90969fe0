//! Databases.

use super::Rule::{Days, Either, Gib, Length, Other};
use super::rules::set;
use super::{Broken, GIB, Limit, Wanted, limit};

pub const LIMITS: &[Limit] = &[
    limit(
        "aws.DbInstance",
        Length("identifier", 1, 63),
        "CreateDBInstance, Amazon RDS API reference: DBInstanceIdentifier",
    ),
    limit("aws.DbInstance", Length("finalSnapshotName", 1, 255), "DeleteDBInstance, Amazon RDS API reference"),
    limit("aws.DbInstance", Gib("storage", 5, 65_536), "CreateDBInstance, Amazon RDS API reference: AllocatedStorage"),
    limit(
        "aws.DbInstance",
        Gib("maxStorage", 5, 65_536),
        "CreateDBInstance, Amazon RDS API reference: MaxAllocatedStorage",
    ),
    limit("aws.DbInstance", Other(storage), "CreateDBInstance, Amazon RDS API reference: AllocatedStorage"),
    limit(
        "aws.DbInstance",
        Other(max_storage),
        "\"Managing capacity automatically with storage autoscaling\", Amazon RDS user guide",
    ),
    limit("aws.DbInstance", Other(iops), "CreateDBInstance, Amazon RDS API reference: Iops"),
    limit(
        "aws.DbInstance",
        Days("backupRetention", 0, 35),
        "CreateDBInstance, Amazon RDS API reference: BackupRetentionPeriod",
    ),
    limit(
        "aws.DbInstance",
        Other(windows),
        "CreateDBInstance, Amazon RDS API reference: PreferredBackupWindow, PreferredMaintenanceWindow",
    ),
    limit(
        "aws.DbInstance",
        Either("from", "replicaOf"),
        "CreateDBInstanceReadReplica, RestoreDBInstanceFromDBSnapshot",
    ),
    limit(
        "aws.DbInstance",
        Other(user),
        "CreateDBInstance, Amazon RDS API reference: MasterUsername, MasterUserPassword",
    ),
    limit("aws.DbInstance", Other(username), "CreateDBInstance, Amazon RDS API reference: MasterUsername"),
    limit("aws.DbInstance", Other(password), "CreateDBInstance, Amazon RDS API reference: MasterUserPassword"),
    limit("aws.DbInstance", Other(db_name), "CreateDBInstance, Amazon RDS API reference: DBName"),
    limit("aws.DbInstance", Other(engine), "CreateDBInstance, Amazon RDS API reference: Engine"),
    limit(
        "aws.DbInstance",
        Other(super::rules::key_without_encryption),
        "CreateDBInstance, Amazon RDS API reference: KmsKeyId",
    ),
    limit("aws.DbParameterGroup", Length("name", 1, 255), "CreateDBParameterGroup, Amazon RDS API reference"),
    limit("aws.DbParameterGroup", Length("description", 1, 255), "CreateDBParameterGroup, Amazon RDS API reference"),
    limit("aws.DbSubnetGroup", Length("name", 1, 255), "CreateDBSubnetGroup, Amazon RDS API reference"),
    limit("aws.DbSubnetGroup", Length("description", 1, 255), "CreateDBSubnetGroup, Amazon RDS API reference"),
    limit("aws.DbSubnetGroup", Other(not_default), "CreateDBSubnetGroup, Amazon RDS API reference: DBSubnetGroupName"),
    limit("aws.DbSubnetGroup", Other(subnets), "CreateDBSubnetGroup, Amazon RDS API reference: SubnetIds"),
    limit("aws.DbSnapshot", Length("name", 1, 255), "CreateDBSnapshot, Amazon RDS API reference: DBSnapshotIdentifier"),
    limit("aws.DbSnapshot", Other(database), "CreateDBSnapshot, Amazon RDS API reference: DBInstanceIdentifier"),
    limit("aws.DbSecurityGroup", Length("name", 1, 255), "CreateDBSecurityGroup, Amazon RDS API reference"),
    limit(
        "aws.DbSecurityGroup",
        Other(not_default),
        "CreateDBSecurityGroup, Amazon RDS API reference: DBSecurityGroupName",
    ),
    limit("aws.DbSecurityGroup", Other(ingress), "AuthorizeDBSecurityGroupIngress, Amazon RDS API reference"),
];

fn is_whole(bytes: u64) -> bool {
    bytes.is_multiple_of(GIB)
}

fn storage(wanted: &Wanted<'_>) -> Vec<Broken> {
    let (storage, kind) = (wanted.get("storage").size(), wanted.get("storageType"));
    let Some(gib) = storage.filter(|bytes| is_whole(*bytes)).map(|bytes| bytes / GIB) else { return Vec::new() };
    // AWS chooses gp2, or io1 where `iops` are set.
    let kind = match kind.text() {
        Some(kind) => kind,
        None if kind.is_unset() && wanted.get("iops").is_unset() => "gp2",
        None => return Vec::new(),
    };
    let (least, most) = match kind {
        "gp2" | "gp3" => (20, 65_536),
        "io1" | "io2" => (100, 65_536),
        "standard" => (5, 3072),
        _ => return Vec::new(),
    };
    if (least..=most).contains(&gib) || !(5..=65_536).contains(&gib) {
        return Vec::new();
    }
    let message = format!("a database with storage of type `{kind}` cannot have {gib}GiB");
    vec![Broken::new("storage", message, format!("from {least}GiB to {most}GiB")).and("storageType")]
}

fn max_storage(wanted: &Wanted<'_>) -> Vec<Broken> {
    let (Some(now), Some(most)) = (wanted.get("storage").size(), wanted.get("maxStorage").size()) else {
        return Vec::new();
    };
    let least = now / GIB + (now / GIB).div_ceil(10);
    if !is_whole(now) || !is_whole(most) || most == now || most / GIB >= least {
        return Vec::new();
    }
    let message = format!("`maxStorage` cannot be {}GiB with {}GiB of `storage`", most / GIB, now / GIB);
    vec![Broken::new("maxStorage", message, "it is a tenth more than `storage` at least").and("storage").help(format!(
        "write `maxStorage {least}GiB;` or more, or leave it out: then the disk does not grow by itself"
    ))]
}

fn iops(wanted: &Wanted<'_>) -> Vec<Broken> {
    let (iops, kind) = (wanted.get("iops"), wanted.get("storageType").text());
    match kind {
        Some(kind @ ("gp2" | "standard")) if iops.is_set() => {
            let message = format!("storage of type `{kind}` has no `iops` of its own");
            return vec![
                Broken::new("iops", message, "only `gp3`, `io1` and `io2` do")
                    .and("storageType")
                    .help("leave `iops` out"),
            ];
        }
        Some(kind @ ("io1" | "io2")) if iops.is_unset() => {
            let message = format!("storage of type `{kind}` needs `iops`");
            return vec![Broken::new("iops", message, "from 1000 upward").and("storageType")];
        }
        Some(_) | None => {}
    }
    let (Some(count), Some(kind)) = (iops.int(), kind) else { return Vec::new() };
    let (least, most) = match kind {
        "gp3" => (3000, 64_000),
        "io1" => (1000, 256_000),
        "io2" => (1000, 256_000),
        _ => return Vec::new(),
    };
    if !(least..=most).contains(&count) {
        let message = format!("`iops` of storage of type `{kind}` cannot be {count}");
        return vec![Broken::new("iops", message, format!("from {least} to {most}")).and("storageType")];
    }
    let Some(gib) = wanted.get("storage").size().map(|bytes| bytes / GIB) else { return Vec::new() };
    let limit = i64::try_from(gib).unwrap_or(i64::MAX).saturating_mul(50);
    if kind == "io1" && count > limit {
        let message = format!("{count} `iops` are too many for {gib}GiB");
        return vec![Broken::new("iops", message, format!("up to 50 for each GiB, here {limit}")).and("storage")];
    }
    Vec::new()
}

/// Minutes of a day, or of a week with a day before it.
fn minute(text: &str) -> Option<u32> {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let parts: Vec<&str> = text.split(':').collect();
    let (day, clock) = match parts.as_slice() {
        [day, hour, minute] => (DAYS.iter().position(|name| day.eq_ignore_ascii_case(name))?, [*hour, *minute]),
        [hour, minute] => (0, [*hour, *minute]),
        _ => return None,
    };
    Some(u32::try_from(day).ok()? * 1440 + clock[0].parse::<u32>().ok()? * 60 + clock[1].parse::<u32>().ok()?)
}

const DAY: u32 = 1440;
const WEEK: u32 = 7 * DAY;

/// When a window begins, and how long it is, in minutes.
fn window(text: &str, turn: u32) -> Option<(u32, u32)> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (minute(from)?, minute(to)?);
    Some((from, (to + turn - from % turn) % turn))
}

fn windows(wanted: &Wanted<'_>) -> Vec<Broken> {
    let of = |name: &str, turn: u32| wanted.get(name).text().and_then(|text| window(text, turn));
    let (backup, maintenance) = (of("backupWindow", DAY), of("maintenanceWindow", WEEK));
    for (name, window) in [("backupWindow", backup), ("maintenanceWindow", maintenance)] {
        if window.is_some_and(|(_, length)| length < 30) {
            let message = format!("`{name}` is too short");
            return vec![Broken::new(name, message, "AWS wants half an hour at least, in UTC")];
        }
    }
    let (Some((from, length)), Some((begin, lasts))) = (backup, maintenance) else { return Vec::new() };
    // The backup is every day: it meets the other one if one of its days does.
    let meets = (0..8).map(|day| day * DAY + from).any(|from| {
        let begins = [begin, begin + WEEK];
        begins.iter().any(|begin| from < begin + lasts && *begin < from + length)
    });
    if !meets {
        return Vec::new();
    }
    vec![
        Broken::new(
            "maintenanceWindow",
            "`backupWindow` and `maintenanceWindow` overlap",
            "AWS wants one after the other",
        )
        .and("backupWindow"),
    ]
}

/// One that comes from nowhere else needs its user and password.
fn user(wanted: &Wanted<'_>) -> Vec<Broken> {
    let (_, possible) = set(&[wanted.get("from"), wanted.get("replicaOf")]);
    if possible > 0 {
        return Vec::new();
    }
    let missing = ["username", "password"].into_iter().filter(|name| wanted.get(name).is_unset());
    let broken = missing.map(|name| {
        let help =
            format!("only one that comes `from` a snapshot, or is a `replicaOf` another, has its `{name}` from there");
        Broken::new(name, format!("a new database needs a `{name}`"), format!("`{name}` is not set")).help(help)
    });
    broken.collect()
}

fn engine_is(wanted: &Wanted<'_>, start: &str) -> bool {
    wanted.get("engine").text().is_some_and(|engine| engine.to_ascii_lowercase().starts_with(start))
}

fn username(wanted: &Wanted<'_>) -> Vec<Broken> {
    let Some(name) = wanted.get("username").revealed() else { return Vec::new() };
    let most = match () {
        () if engine_is(wanted, "mysql") || engine_is(wanted, "mariadb") => 16,
        () if engine_is(wanted, "postgres") => 63,
        () if engine_is(wanted, "oracle") => 30,
        () => 128,
    };
    let lower = name.to_ascii_lowercase();
    let is_reserved = lower == "rdsadmin" || (engine_is(wanted, "postgres") && lower == "admin");
    let count = name.chars().count();
    let label = if count == 0 || count > most {
        format!("1 to {most} characters")
    } else if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        "it begins with a letter".to_string()
    } else if is_reserved {
        "the engine keeps this name for itself".to_string()
    } else {
        return Vec::new();
    };
    let shown = wanted.get("username").text().map_or_else(|| "this".to_string(), |name| format!("\"{name}\""));
    vec![Broken::new("username", format!("`username` cannot be {shown}"), label)]
}

/// Never says what the password is.
fn password(wanted: &Wanted<'_>) -> Vec<Broken> {
    let Some(password) = wanted.get("password").revealed() else { return Vec::new() };
    let (most, also) = match () {
        () if engine_is(wanted, "mysql") || engine_is(wanted, "mariadb") => (41, ""),
        () if engine_is(wanted, "oracle") => (30, "&'"),
        () if engine_is(wanted, "db2") => (255, ""),
        () if engine_is(wanted, "postgres") || engine_is(wanted, "sqlserver") => (128, ""),
        () => (255, ""),
    };
    let count = password.chars().count();
    let is_odd = |c: char| !(c.is_ascii_graphic() || c == ' ') || "/\"@".contains(c) || also.contains(c);
    let label = if count < 8 {
        "AWS takes 8 characters or more".to_string()
    } else if count > most {
        format!("of this engine, AWS takes up to {most} characters")
    } else if password.chars().any(is_odd) {
        let more = if also.is_empty() { "" } else { "; of Oracle, neither `&` nor `'`" };
        format!("it is printable US-ASCII without `/`, `\"` and `@`{more}")
    } else {
        return Vec::new();
    };
    vec![Broken::new("password", "`password` is none that AWS takes", label)]
}

fn db_name(wanted: &Wanted<'_>) -> Vec<Broken> {
    let part = wanted.get("dbName");
    if engine_is(wanted, "sqlserver") && part.is_set() {
        let message = "a database of SQL Server has no `dbName`";
        return vec![Broken::new("dbName", message, "it is made without one").and("engine").help("leave `dbName` out")];
    }
    let Some(name) = part.text() else { return Vec::new() };
    let most = if engine_is(wanted, "oracle") {
        8
    } else if engine_is(wanted, "postgres") {
        63
    } else {
        64
    };
    let starts = |c: char| c.is_ascii_alphabetic() || (c == '_' && engine_is(wanted, "postgres"));
    let fits = (1..=most).contains(&name.len())
        && name.starts_with(starts)
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_$#".contains(c));
    if fits {
        return Vec::new();
    }
    let label = format!("1 to {most} letters, digits and `_`, beginning with a letter");
    vec![Broken::new("dbName", format!("`dbName` cannot be \"{name}\""), label)]
}

fn engine(wanted: &Wanted<'_>) -> Vec<Broken> {
    if !engine_is(wanted, "aurora") {
        return Vec::new();
    }
    vec![
        Broken::new("engine", "a database of Aurora is part of a cluster", "it cannot be made alone")
            .help("write `engine \"mysql\";` or `engine \"postgres\";`; there is no type for clusters yet"),
    ]
}

fn not_default(wanted: &Wanted<'_>) -> Vec<Broken> {
    if wanted.get("name").text() != Some("default") {
        return Vec::new();
    }
    vec![Broken::new("name", "`name` cannot be \"default\"", "AWS keeps this name for itself")]
}

fn subnets(wanted: &Wanted<'_>) -> Vec<Broken> {
    let Some(items) = wanted.get("subnets").items() else { return Vec::new() };
    let mut addresses: Vec<_> = items.iter().filter_map(|item| item.address()).collect();
    addresses.sort();
    addresses.dedup();
    let others = items.iter().filter(|item| item.address().is_none()).count();
    if addresses.len() + others >= 2 {
        return Vec::new();
    }
    vec![
        Broken::new("subnets", "a group of subnets needs two of them at least", "in two zones of one VPC")
            .help("RDS wants this for a database in one zone too: add a subnet in another zone"),
    ]
}

fn database(wanted: &Wanted<'_>) -> Vec<Broken> {
    if !wanted.get("database").is_unset() {
        return Vec::new();
    }
    vec![
        Broken::new("database", "a snapshot is made of a `database`", "`database` is not set")
            .help("write `database NAME;`, or `startActions [];` for a snapshot that exists already"),
    ]
}

fn ingress(wanted: &Wanted<'_>) -> Vec<Broken> {
    let rules = wanted.get("ingress").items().unwrap_or_default();
    let wrong = rules.iter().position(|rule| {
        let (certain, possible) = set(&[rule.field("cidr"), rule.field("group")]);
        possible == 0 || certain > 1
    });
    let broken = wrong.map(|at| {
        let message = format!("rule {} of `ingress` lets in either a `cidr` or a `group`", at + 1);
        Broken::new("ingress", message, "in this list").help("write one rule for each")
    });
    broken.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_go_over_midnight_and_over_the_end_of_the_week() {
        assert_eq!(window("23:45-00:15", DAY), Some((1425, 30)));
        assert_eq!(window("Sun:23:45-mon:00:00", WEEK), Some((6 * DAY + 1425, 15)));
        assert_eq!(window("04:00-05:00", DAY), Some((240, 60)));
    }
}
