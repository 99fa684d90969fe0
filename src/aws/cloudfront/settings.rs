//! What a distribution is to be like, in the words of the library. The same struct holds what the program
//! says, what is recorded and what AWS says; two are compared by what they mean, attribute by attribute, so
//! that what AWS fills in or puts in another order is no difference.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::managed;
use crate::value::{Data, Fields, Reference, Target, Value};

#[derive(Deserialize, Clone, Default, Debug)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    pub origins: Vec<Origin>,
    pub aliases: Vec<String>,
    pub comment: String,
    pub enabled: bool,
    pub price_class: String,
    pub default_root: Option<String>,
    pub behavior: Behavior,
    pub behaviors: Vec<Behavior>,
    pub error_pages: Vec<ErrorPage>,
    pub certificate: Option<String>,
    pub minimum_tls: String,
    pub sni: bool,
    /// The name of a bucket.
    pub logs: Option<String>,
    pub log_prefix: String,
    pub http_version: String,
    pub ipv6: bool,
    pub allowed_countries: Vec<String>,
    pub blocked_countries: Vec<String>,
    pub web_acl: Option<String>,
}

#[derive(Deserialize, Clone, Default, Debug)]
#[serde(rename_all = "camelCase", default)]
pub struct Origin {
    pub name: String,
    pub domain: String,
    pub path: String,
    /// Nothing in place of a value that is a secret which was not read again.
    pub headers: BTreeMap<String, Option<String>>,
    /// The id of an access control.
    pub access: Option<String>,
    /// How it is asked; nothing for a bucket.
    #[serde(flatten)]
    pub custom: Option<Custom>,
}

/// What only an origin has that is not a bucket.
#[derive(Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Custom {
    pub protocol: String,
    pub http_port: i32,
    pub https_port: i32,
    pub tls: Vec<String>,
    /// Seconds, as the next one.
    pub read_timeout: f64,
    pub keepalive: f64,
}

#[derive(Deserialize, Clone, Default, Debug)]
#[serde(rename_all = "camelCase", default)]
pub struct Behavior {
    /// Nothing in the default one.
    pub path: Option<String>,
    pub origin: Option<String>,
    pub viewer_protocol: String,
    pub methods: Vec<String>,
    pub compress: bool,
    /// By its id.
    pub cache_policy: Option<String>,
    /// By its name, and only where there is no policy by id.
    pub caching: Option<String>,
    /// By its name; what AWS says may have no name, and is an id then.
    pub origin_requests: Option<String>,
    pub on_request: Option<String>,
    pub on_response: Option<String>,
}

#[derive(Deserialize, Clone, Default, Debug)]
#[serde(rename_all = "camelCase", default)]
pub struct ErrorPage {
    pub code: i32,
    pub page: Option<String>,
    pub status: Option<i32>,
    /// Seconds.
    pub cache_for: f64,
}

impl Settings {
    /// All of it as the library writes it, in the one form in which two can be compared. An attribute that is
    /// not set is an empty text, so that one that was taken away differs from one that nobody asked about.
    pub fn fields(&self) -> Fields {
        let certified = self.certificate.is_some();
        let first = self.origins.first().map_or("", |origin| origin.name.as_str());
        let default = Value::Data(Data { template: "Behavior".into(), fields: self.behavior.fields(first) });
        let path =
            |behavior: &Behavior| Value::Data(Data { template: "PathBehavior".into(), fields: behavior.fields(first) });
        let mut pages: Vec<&ErrorPage> = self.error_pages.iter().collect();
        pages.sort_by_key(|page| page.code);
        let aliases = self.aliases.iter().map(|alias| alias.to_lowercase()).collect();
        let pairs = [
            ("origins", Value::List(self.origins.iter().map(Origin::value).collect())),
            ("aliases", sorted(aliases)),
            ("comment", text(&self.comment)),
            ("enabled", Value::Bool(self.enabled)),
            ("priceClass", text(&self.price_class)),
            ("defaultRoot", optional(&self.default_root)),
            ("behavior", default),
            ("behaviors", Value::List(self.behaviors.iter().map(path).collect())),
            ("errorPages", Value::List(pages.into_iter().map(ErrorPage::value).collect())),
            ("certificate", optional(&self.certificate)),
            // Both count only with a certificate; without one AWS has its own idea of them.
            ("minimumTls", if certified { text(&self.minimum_tls) } else { Value::Null }),
            ("sni", if certified { Value::Bool(self.sni) } else { Value::Null }),
            ("logs", self.logs.as_ref().map_or_else(|| text(""), |name| referred("S3Bucket", name))),
            ("logPrefix", if self.logs.is_some() { text(&self.log_prefix) } else { Value::Null }),
            ("httpVersion", text(&self.http_version.to_lowercase())),
            ("ipv6", Value::Bool(self.ipv6)),
            ("allowedCountries", sorted(self.allowed_countries.clone())),
            ("blockedCountries", sorted(self.blocked_countries.clone())),
            ("webAcl", optional(&self.web_acl)),
        ];
        pairs.into_iter().map(|(name, value)| (name.into(), value)).collect()
    }

    /// As AWS takes it: names of hosts in lower case, nothing twice in what is kept as a set, no empty texts.
    pub fn plain(&self) -> Settings {
        let mut plain = self.clone();
        plain.aliases.iter_mut().for_each(|alias| *alias = alias.to_lowercase());
        let behaviors = plain.behaviors.iter_mut().chain([&mut plain.behavior]).map(|behavior| &mut behavior.methods);
        let customs = plain.origins.iter_mut().filter_map(|origin| Some(&mut origin.custom.as_mut()?.tls));
        let sets = [&mut plain.aliases, &mut plain.allowed_countries, &mut plain.blocked_countries];
        sets.into_iter().chain(behaviors).chain(customs).for_each(distinct);
        for page in &mut plain.error_pages {
            page.page = page.page.take().filter(|page| !page.is_empty());
        }
        plain
    }

    /// Takes over what was recorded without its text: a secret header is as AWS says, as far as anyone knows.
    pub fn with_headers_of(mut self, other: &Settings) -> Settings {
        for origin in &mut self.origins {
            let Some(there) = other.origins.iter().find(|there| there.name == origin.name) else { continue };
            for (name, value) in origin.headers.iter_mut().filter(|(_, value)| value.is_none()) {
                *value = there.headers.get(name).cloned().flatten();
            }
        }
        self
    }
}

impl Origin {
    fn value(&self) -> Value {
        let mut fields = Fields::from([
            ("name".into(), text(&self.name)),
            ("domain".into(), text(&self.domain)),
            ("path".into(), text(&self.path)),
            ("headers".into(), self.headers()),
        ]);
        let template = match &self.custom {
            Some(custom) => {
                fields.extend(custom.fields());
                "CustomOrigin"
            }
            None => {
                let bucket = bucket(&self.domain);
                fields.extend(bucket.map(|name| ("bucket".into(), referred("S3Bucket", &name))));
                let access = self.access.as_ref();
                fields.extend(access.map(|id| ("access".into(), referred("OriginAccessControl", id))));
                "S3Origin"
            }
        };
        Value::Data(Data { template: template.into(), fields })
    }

    fn headers(&self) -> Value {
        let value = |value: &Option<String>| value.as_ref().map_or(Value::Null, |value| text(value));
        // Their names mean the same in any case.
        Value::Map(self.headers.iter().map(|(name, header)| (name.to_lowercase(), value(header))).collect())
    }
}

impl Custom {
    fn fields(&self) -> Fields {
        let pairs = [
            ("protocol", text(&self.protocol)),
            ("httpPort", Value::Int(self.http_port.into())),
            ("httpsPort", Value::Int(self.https_port.into())),
            ("tls", sorted(self.tls.clone())),
            ("readTimeout", duration(self.read_timeout)),
            ("keepalive", duration(self.keepalive)),
        ];
        pairs.into_iter().map(|(name, value)| (name.into(), value)).collect()
    }
}

impl Behavior {
    /// The id of its cache policy; nothing for one of before there were policies.
    pub fn policy(&self) -> Option<&str> {
        let managed = || self.caching.as_deref().and_then(|name| managed::id(managed::CACHE, name));
        self.cache_policy.as_deref().or_else(managed)
    }

    fn fields(&self, first: &str) -> Fields {
        let policy = self.policy();
        let managed = policy.and_then(|id| managed::name(managed::CACHE, id));
        let own = policy.filter(|_| managed.is_none());
        // Beside a policy of the program it counts for nothing, and is as the library has it.
        let caching = if own.is_some() { Some("CachingOptimized") } else { managed };
        let origin = self.origin.as_deref().filter(|name| *name != first);
        let pairs = [
            ("path", self.path.as_deref().map(text)),
            ("origin", origin.map(text)),
            ("viewerProtocol", Some(text(&self.viewer_protocol))),
            ("methods", Some(sorted(self.methods.clone()))),
            ("compress", Some(Value::Bool(self.compress))),
            ("cachePolicy", own.map(|id| referred("CachePolicy", id))),
            ("caching", caching.map(text)),
            ("originRequests", self.origin_requests.as_deref().map(text)),
            ("onRequest", self.on_request.as_deref().map(|arn| referred("Function", arn))),
            ("onResponse", self.on_response.as_deref().map(|arn| referred("Function", arn))),
        ];
        pairs.into_iter().filter_map(|(name, value)| Some((name.into(), value?))).collect()
    }
}

impl ErrorPage {
    fn value(&self) -> Value {
        let page = self.page.as_deref().filter(|page| !page.is_empty());
        // Where the program says no status, AWS says that of the error.
        let status = self.status.filter(|status| page.is_some() && *status != self.code);
        let pairs = [
            ("code", Some(Value::Int(self.code.into()))),
            ("page", page.map(text)),
            ("status", status.map(|status| Value::Int(status.into()))),
            ("cacheFor", Some(duration(self.cache_for))),
        ];
        let fields = pairs.into_iter().filter_map(|(name, value)| Some((name.into(), value?))).collect();
        Value::Data(Data { template: "ErrorPage".into(), fields })
    }
}

/// The bucket behind the name of a host: `static.acme.com` of `static.acme.com.s3.eu-west-1.amazonaws.com`.
pub fn bucket(domain: &str) -> Option<String> {
    let (name, rest) = domain.rsplit_once(".s3.").or_else(|| domain.rsplit_once(".s3-"))?;
    rest.contains("amazonaws.com").then(|| name.to_string())
}

fn text(text: &str) -> Value {
    Value::string(text)
}

fn optional(value: &Option<String>) -> Value {
    text(value.as_deref().unwrap_or_default())
}

fn referred(template: &str, id: &str) -> Value {
    Value::Reference(Reference { of: Target::Existing(template.into()), id: id.into() })
}

/// Takes out what is there already, and keeps the order.
pub fn distinct(texts: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    texts.retain(|text| seen.insert(text.clone()));
}

/// Its order means nothing.
fn sorted(mut texts: Vec<String>) -> Value {
    texts.sort();
    texts.dedup();
    Value::List(texts.iter().map(|item| text(item)).collect())
}

fn duration(seconds: f64) -> Value {
    // AWS counts whole seconds, and no duration of a program is negative.
    Value::Duration((seconds * 1000.0).round().max(0.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings(more: serde_json::Value) -> Settings {
        let mut all = json!({
            "origins": [{"name": "a", "domain": "a.s3.us-east-1.amazonaws.com", "headers": {"X-Key": null}}],
            "aliases": ["b.example.com", "A.example.com"],
            "comment": "", "enabled": true, "priceClass": "PriceClass_All", "minimumTls": "TLSv1.2_2021", "sni": true,
            "behavior": {"viewerProtocol": "https-only", "methods": ["HEAD", "GET"], "compress": true,
                "caching": "CachingOptimized"},
            "errorPages": [{"code": 404, "page": "/404.html", "cacheFor": 10.0}, {"code": 403, "cacheFor": 0.0}],
        });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    fn differ(one: &Settings, two: &Settings) -> Vec<String> {
        let two = two.fields();
        one.fields()
            .into_iter()
            .filter(|(name, value)| two.get(name) != Some(value))
            .map(|(n, _)| n.to_string())
            .collect()
    }

    #[test]
    fn what_means_the_same_is_the_same() {
        let one = settings(json!({}));
        for same in [
            json!({"aliases": ["a.example.com", "B.example.com", "b.example.com"]}),
            json!({"minimumTls": "TLSv1", "sni": false}),
            json!({"logPrefix": "x/"}),
            json!({"defaultRoot": "", "webAcl": ""}),
            json!({"behavior": {"origin": "a", "viewerProtocol": "https-only", "methods": ["GET", "HEAD"],
                "compress": true, "cachePolicy": "658327ea-f89d-4fab-a63d-7e88639e58f6"}}),
            json!({"errorPages": [{"code": 403, "cacheFor": 0.0},
                {"code": 404, "page": "/404.html", "status": 404, "cacheFor": 10.0}]}),
            json!({"origins": [{"name": "a", "domain": "a.s3.us-east-1.amazonaws.com", "headers": {"x-key": null}}]}),
        ] {
            assert_eq!(differ(&one, &settings(same.clone())), Vec::<String>::new(), "{same}");
        }
    }

    #[test]
    fn what_means_something_else_is_a_difference() {
        let one = settings(json!({}));
        for (other, name) in [
            (json!({"aliases": ["a.example.com"]}), "aliases"),
            (json!({"defaultRoot": "index.html"}), "defaultRoot"),
            (
                json!({"origins": [{"name": "a", "domain": "a.s3.us-east-1.amazonaws.com", "access": "E1",
                "headers": {"X-Key": null}}]}),
                "origins",
            ),
            (json!({"errorPages": []}), "errorPages"),
            (
                json!({"behavior": {"viewerProtocol": "https-only", "methods": ["HEAD", "GET"], "compress": true,
                "caching": "CachingDisabled"}}),
                "behavior",
            ),
            (
                json!({"behavior": {"viewerProtocol": "https-only", "methods": ["HEAD", "GET"], "compress": true,
                "caching": "CachingOptimized", "cachePolicy": "p-1"}}),
                "behavior",
            ),
            (json!({"allowedCountries": ["DE"]}), "allowedCountries"),
        ] {
            assert_eq!(differ(&one, &settings(other.clone())), [name], "{other}");
        }
        let certified = settings(json!({"certificate": "arn:aws:acm:x"}));
        assert_eq!(differ(&one, &certified), ["certificate", "minimumTls", "sni"]);
    }

    #[test]
    fn a_secret_header_is_taken_to_be_as_it_is_there() {
        let there = settings(json!({"origins": [{"name": "a", "domain": "a.s3.us-east-1.amazonaws.com",
            "headers": {"X-Key": "hunter2"}}]}));
        let recorded = settings(json!({}));
        assert_eq!(differ(&recorded, &there), ["origins"]);
        assert!(differ(&recorded.with_headers_of(&there), &there).is_empty());
    }

    #[test]
    fn nothing_is_sent_twice() {
        let plain = settings(json!({"aliases": ["B.example.com", "b.example.com", "a.example.com"],
            "blockedCountries": ["FR", "DE", "FR"], "errorPages": [{"code": 404, "page": "", "cacheFor": 1.0}]}))
        .plain();
        assert_eq!(plain.aliases, ["b.example.com", "a.example.com"]);
        assert_eq!(plain.blocked_countries, ["FR", "DE"]);
        assert_eq!(plain.error_pages[0].page, None);
    }

    #[test]
    fn only_what_is_not_a_bucket_has_ports() {
        let origin = |json: serde_json::Value| serde_json::from_value::<Origin>(json).unwrap();
        assert!(origin(json!({"name": "a", "domain": "b", "bucket": "c"})).custom.is_none());
        let custom = origin(json!({"name": "a", "domain": "b", "protocol": "https-only", "httpPort": 80,
            "httpsPort": 443, "tls": ["TLSv1.2"], "readTimeout": 30.0, "keepalive": 5.0}));
        assert_eq!(custom.custom.unwrap().https_port, 443);
    }

    #[test]
    fn the_bucket_is_in_the_name_of_its_host() {
        for (domain, name) in [
            ("static.acme.com.s3.eu-west-1.amazonaws.com", Some("static.acme.com")),
            ("acme.s3.amazonaws.com", Some("acme")),
            ("acme.s3.cn-north-1.amazonaws.com.cn", Some("acme")),
            ("acme.s3.example.com", None),
            ("www.example.com", None),
        ] {
            assert_eq!(bucket(domain).as_deref(), name);
        }
    }
}
