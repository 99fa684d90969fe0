//! How long things take in real clouds, by type and call. Rounded from what their users see; the first
//! row whose word is in a type's name holds.

use std::time::Duration;

use crate::sandbox::weather::Call;

/// All in milliseconds.
pub struct Pace {
    word: &'static str,
    /// Whose API it belongs to; empty: that of its cloud as a whole.
    service: &'static str,
    /// What it is called until it is ready.
    pub starting: &'static str,
    create: u64,
    update: u64,
    delete: u64,
    /// From when it was made until it is ready.
    ready: u64,
    /// From when an update was taken until it is done.
    settled: u64,
    /// From when a deletion was taken until it is gone.
    gone: u64,
}

/// One call that looks, in milliseconds.
const LOOK: u64 = 60;

/// Things that one call of `read_many` can be asked for.
pub const PAGE: usize = 100;

#[rustfmt::skip]
const TABLE: &[Pace] = &[
    Pace { word: "distribution", service: "cloudfront",  starting: "in progress", create: 900,  update: 800, delete: 500, ready: 240_000, settled: 180_000, gone: 120_000 },
    Pace { word: "cluster",      service: "clusters",    starting: "creating", create: 1500, update: 700, delete: 600, ready: 600_000, settled: 60_000,  gone: 300_000 },
    Pace { word: "database",     service: "rds",         starting: "creating", create: 1500, update: 800, delete: 600, ready: 420_000, settled: 60_000,  gone: 180_000 },
    Pace { word: "db",           service: "rds",         starting: "creating", create: 1500, update: 800, delete: 600, ready: 420_000, settled: 60_000,  gone: 180_000 },
    Pace { word: "cache",        service: "elasticache", starting: "creating", create: 1200, update: 600, delete: 500, ready: 300_000, settled: 60_000,  gone: 180_000 },
    Pace { word: "balancer",     service: "elb",         starting: "provisioning", create: 900,  update: 400, delete: 300, ready: 150_000, settled: 0,       gone: 5_000 },
    Pace { word: "gateway",      service: "ec2",         starting: "pending", create: 600,  update: 300, delete: 300, ready: 90_000,  settled: 0,       gone: 45_000 },
    Pace { word: "certificate",  service: "acm",         starting: "pending validation", create: 400,  update: 300, delete: 200, ready: 45_000,  settled: 0,       gone: 0 },
    Pace { word: "instance",     service: "ec2",         starting: "pending", create: 1200, update: 500, delete: 400, ready: 25_000,  settled: 0,       gone: 40_000 },
    Pace { word: "host",         service: "ec2",         starting: "pending", create: 1200, update: 500, delete: 400, ready: 25_000,  settled: 0,       gone: 40_000 },
    Pace { word: "volume",       service: "ec2",         starting: "creating", create: 400,  update: 300, delete: 200, ready: 4_000,   settled: 4_000,   gone: 2_000 },
    Pace { word: "record",       service: "route53",     starting: "pending", create: 250,  update: 250, delete: 250, ready: 35_000,  settled: 35_000,  gone: 0 },
    Pace { word: "function",     service: "lambda",      starting: "pending", create: 700,  update: 500, delete: 200, ready: 5_000,   settled: 2_000,   gone: 0 },
    Pace { word: "bucket",       service: "s3",          starting: "creating", create: 200,  update: 150, delete: 120, ready: 0,       settled: 0,       gone: 0 },
    Pace { word: "net",          service: "ec2",         starting: "pending", create: 350,  update: 200, delete: 200, ready: 1_000,   settled: 0,       gone: 0 },
    Pace { word: "",             service: "",            starting: "creating", create: 300,  update: 200, delete: 200, ready: 0,       settled: 0,       gone: 0 },
];

/// The row of a type.
pub fn of(kind: &str) -> &'static Pace {
    let name = kind.rsplit('.').next().unwrap_or(kind).to_lowercase();
    let row = TABLE.iter().find(|row| name.contains(row.word));
    row.unwrap_or_else(|| unreachable!("the last row's word is in every name"))
}

/// The service whose calls are counted together with those of this type.
pub fn service(kind: &str) -> &str {
    match of(kind).service {
        "" => kind.split('.').next().unwrap_or(kind),
        service => service,
    }
}

impl Pace {
    /// From the call to its answer.
    pub fn call(&self, call: Call) -> Duration {
        Duration::from_millis(match call {
            Call::Create => self.create,
            Call::Update => self.update,
            Call::Delete => self.delete,
            Call::Find | Call::Read | Call::ReadMany | Call::Obstacles => LOOK,
        })
    }

    /// From when the call was taken until what was asked for has come about.
    pub fn after(&self, call: Call) -> Duration {
        Duration::from_millis(match call {
            Call::Create => self.ready,
            Call::Update => self.settled,
            Call::Delete => self.gone,
            Call::Find | Call::Read | Call::ReadMany | Call::Obstacles => 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_their_pace() {
        assert_eq!(of("aws.S3Bucket").call(Call::Create), Duration::from_millis(200));
        assert_eq!(of("aws.S3Bucket").after(Call::Create), Duration::ZERO);
        assert_eq!(of("aws.ImageInstance").after(Call::Create), Duration::from_secs(25));
        // `DbInstance` is a database first.
        assert_eq!(of("aws.DbInstance").after(Call::Create), Duration::from_secs(420));
        assert_eq!(of("test.Thing").call(Call::Create), Duration::from_millis(300));
        assert_eq!((service("aws.S3Bucket"), service("test.Thing")), ("s3", "test"));
    }
}
