//! What values mean to a cloud, beyond the types of its attributes: what it refuses by values alone, known before
//! anything is made, and which values are one to it. One table a service, each row with the documentation that says so. `check` asks what the program says, each step what that has
//! become, whichever cloud it is for. What is not known yet is not judged.

mod between;
mod changes;
mod cloudfront;
mod ec2;
mod network;
mod objects;
mod part;
mod policy;
pub mod public_key;
mod rds;
mod rules;
mod s3;
mod same;
mod tags;
pub mod user_data;

use crate::name::Address;
use crate::value::{Fields, Value, with_unit};

pub use between::between;
pub use changes::changed;
pub use part::Part;
pub use same::same;

/// Attributes that a new one needs though no type says so, in the shortest program: by template. Of several of which one
/// is needed, it is the plainest.
pub const NEEDED: [(&str, &str); 8] = [
    ("Volume", "size"),
    ("Route", "gateway"),
    ("S3File", "content"),
    ("DbInstance", "username"),
    ("DbInstance", "password"),
    ("DbSnapshot", "database"),
    ("InstanceLookup", "imageID"),
    ("Distribution", "origin"),
];

/// One thing that a cloud does not take.
pub struct Limit {
    /// The provider's name of the type; `aws.` is all of Amazon's.
    kind: &'static str,
    rule: Rule,
    /// Where its documentation says so.
    pub source: &'static str,
}

/// Ends of ranges are included.
enum Rule {
    /// A size in whole GiB.
    Gib(&'static str, u64, u64),
    /// A duration in whole days.
    Days(&'static str, u64, u64),
    /// A duration in whole seconds.
    Seconds(&'static str, u64, u64),
    /// So many characters.
    Length(&'static str, usize, usize),
    /// So many items.
    Items(&'static str, usize, usize),
    /// Either of the two may be set.
    Either(&'static str, &'static str),
    Other(fn(&Wanted<'_>) -> Vec<Broken>),
}

const fn limit(kind: &'static str, rule: Rule, source: &'static str) -> Limit {
    Limit { kind, rule, source }
}

/// What is wrong, in the words of a message.
#[derive(Debug)]
pub struct Broken {
    /// The attributes that it is about; the first one most.
    pub attributes: Vec<&'static str>,
    pub message: String,
    /// Nothing, of an action that says it all in its message.
    pub label: String,
    pub help: Option<String>,
    /// Attributes of other components that it is about too.
    pub others: Vec<(Address, &'static str, String)>,
}

impl Broken {
    fn new(attribute: &'static str, message: impl Into<String>, label: impl Into<String>) -> Broken {
        let (message, label) = (message.into(), label.into());
        Broken { attributes: vec![attribute], message, label, help: None, others: Vec::new() }
    }

    fn help(mut self, help: impl Into<String>) -> Broken {
        self.help = Some(help.into());
        self
    }

    fn and(mut self, attribute: &'static str) -> Broken {
        self.attributes.push(attribute);
        self
    }

    fn other(mut self, address: &Address, attribute: &'static str, label: impl Into<String>) -> Broken {
        self.others.push((address.clone(), attribute, label.into()));
        self
    }
}

/// The attributes of one resource.
pub struct Wanted<'t> {
    get: &'t dyn Fn(&str) -> Part<'t>,
}

impl<'t> Wanted<'t> {
    fn get(&self, attribute: &str) -> Part<'t> {
        (self.get)(attribute)
    }
}

/// Every row there is.
fn all() -> impl Iterator<Item = &'static Limit> {
    let tables: [&[Limit]; 7] =
        [tags::LIMITS, ec2::LIMITS, network::LIMITS, s3::LIMITS, objects::LIMITS, rds::LIMITS, cloudfront::LIMITS];
    tables.into_iter().flatten()
}

/// What is wrong with the attributes of a resource of this type, or with the settings of an action.
pub fn broken<'t>(kind: &str, get: &'t dyn Fn(&str) -> Part<'t>) -> Vec<Broken> {
    if !kind.starts_with("aws.") {
        return Vec::new();
    }
    let wanted = Wanted { get };
    all().filter(|limit| limit.is_for(kind)).flat_map(|limit| limit.rule.broken(&wanted)).collect()
}

/// As [`broken`], of what is about to be sent.
pub fn first(kind: &str, inputs: &Fields) -> Option<Broken> {
    broken(kind, &|name| inputs.get(name).into()).into_iter().next()
}

impl Limit {
    fn is_for(&self, kind: &str) -> bool {
        self.kind == kind || (self.kind == "aws." && kind.starts_with(self.kind))
    }
}

const GIB: u64 = 1 << 30;
const DAY: u64 = 86_400_000;

impl Rule {
    fn broken(&self, wanted: &Wanted<'_>) -> Vec<Broken> {
        match *self {
            Rule::Gib(attribute, least, most) => {
                gib(attribute, wanted.get(attribute), least, most).into_iter().collect()
            }
            Rule::Days(attribute, least, most) => {
                whole(attribute, wanted.get(attribute), DAY, (least, most), "days").into_iter().collect()
            }
            Rule::Seconds(attribute, least, most) => {
                whole(attribute, wanted.get(attribute), 1000, (least, most), "seconds").into_iter().collect()
            }
            Rule::Length(attribute, least, most) => {
                length(attribute, attribute, wanted.get(attribute), least, most).into_iter().collect()
            }
            Rule::Items(attribute, least, most) => {
                let Some(items) = wanted.get(attribute).items() else { return Vec::new() };
                count(attribute, items.len(), least, most).into_iter().collect()
            }
            Rule::Either(one, two) => either(wanted, one, two).into_iter().collect(),
            Rule::Other(ask) => ask(wanted),
        }
    }
}

fn gib(attribute: &'static str, part: Part<'_>, least: u64, most: u64) -> Option<Broken> {
    let bytes = part.size()?;
    let is_whole = bytes.is_multiple_of(GIB) && (least..=most).contains(&(bytes / GIB));
    (!is_whole).then(|| {
        let near = bytes.div_ceil(GIB).clamp(least, most);
        Broken::new(
            attribute,
            format!("`{attribute}` cannot be {}", Value::Size(bytes)),
            format!("AWS counts it in whole GiB, from {least}GiB to {most}GiB"),
        )
        .help(format!("write `{attribute} {near}GiB;`"))
    })
}

/// A duration of the program that has to be a whole number of units.
fn whole(attribute: &'static str, part: Part<'_>, unit: u64, (least, most): (u64, u64), units: &str) -> Option<Broken> {
    let millis = part.duration()?;
    let is_whole = millis.is_multiple_of(unit) && (least..=most).contains(&(millis / unit));
    (!is_whole).then(|| {
        let near = millis.div_ceil(unit).clamp(least, most);
        let letter = if unit == DAY { "d" } else { "s" };
        let shown = with_unit(near, letter).unwrap_or(Value::Duration(near * unit));
        Broken::new(
            attribute,
            format!("`{attribute}` cannot be {}", Value::Duration(millis)),
            format!("AWS takes whole {units}, from {least} to {most}"),
        )
        .help(format!("write `{attribute} {shown};`"))
    })
}

/// `name` is what the text is called in the message.
fn length(attribute: &'static str, name: &str, part: Part<'_>, least: usize, most: usize) -> Option<Broken> {
    let text = part.revealed()?;
    let length = text.chars().count();
    let characters = |count: usize| if count == 1 { "1 character".to_string() } else { format!("{count} characters") };
    if length < least {
        let (message, label) = match length {
            0 => (format!("`{name}` is empty"), format!("AWS takes {} or more", characters(least))),
            _ => (format!("`{name}` is too short"), format!("AWS takes {} or more", characters(least))),
        };
        return Some(Broken::new(attribute, message, label));
    }
    (length > most).then(|| {
        let label = format!("{}, and AWS takes up to {most}", characters(length));
        Broken::new(attribute, format!("`{name}` is too long"), label)
    })
}

fn count(attribute: &'static str, items: usize, least: usize, most: usize) -> Option<Broken> {
    if items < least {
        let message =
            if items == 0 { format!("`{attribute}` is empty") } else { format!("`{attribute}` has too few items") };
        return Some(Broken::new(attribute, message, format!("AWS takes {least} or more")));
    }
    (items > most).then(|| {
        Broken::new(
            attribute,
            format!("`{attribute}` has too many items"),
            format!("{items} of them, and AWS takes up to {most}"),
        )
    })
}

fn either(wanted: &Wanted<'_>, one: &'static str, two: &'static str) -> Option<Broken> {
    let both = wanted.get(one).is_set() && wanted.get(two).is_set();
    both.then(|| {
        Broken::new(two, format!("`{one}` and `{two}` are both set"), "only one of the two can count")
            .and(one)
            .help("leave one of them out")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_says_where_it_is_from() {
        assert!(all().count() > 60);
        for limit in all() {
            assert!(limit.source.len() > 10, "{}: {}", limit.kind, limit.source);
        }
    }

    fn said(kind: &str, inputs: &[(&str, Value)]) -> Vec<String> {
        let inputs: Fields = inputs.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
        broken(kind, &|name| inputs.get(name).into()).into_iter().map(|broken| broken.message).collect()
    }

    #[test]
    fn what_is_sent_is_asked_as_what_is_written() {
        let zone = ("availabilityZone", Value::string("us-east-1a"));
        let size = |bytes| ("size", Value::Size(bytes));
        assert_eq!(said("aws.Volume", &[zone.clone(), size(8 << 30)]), [] as [&str; 0]);
        assert_eq!(said("aws.Volume", &[zone, size(8_000_000_000)]), ["`size` cannot be 8GB"]);
        assert_eq!(said("acme.Volume", &[size(1)]), [] as [&str; 0]);
    }
}
