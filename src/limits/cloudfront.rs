//! What stands before a site.

use super::Rule::{Items, Length, Other, Seconds};
use super::rules::{is_host, twice};
use super::{Broken, Limit, Part, Wanted, limit};

pub const LIMITS: &[Limit] = &[
    limit("aws.Distribution", Other(some_origin), "DistributionConfig, Amazon CloudFront API reference: Origins"),
    limit("aws.Distribution", Other(origins), "Origin, CustomOriginConfig, Amazon CloudFront API reference"),
    limit(
        "aws.Distribution",
        Other(headers),
        "\"Add custom headers to origin requests\", Amazon CloudFront developer guide",
    ),
    limit("aws.Distribution", Other(behaviors), "CacheBehavior, Amazon CloudFront API reference"),
    limit("aws.Distribution", Other(countries), "GeoRestriction, Amazon CloudFront API reference"),
    limit("aws.Distribution", Items("aliases", 0, 100), "\"Quotas\", Amazon CloudFront developer guide"),
    limit("aws.Distribution", Items("behaviors", 0, 75), "\"Quotas\", Amazon CloudFront developer guide"),
    limit("aws.Distribution", Items("origins", 0, 100), "\"Quotas\", Amazon CloudFront developer guide"),
    limit(
        "aws.Distribution",
        Other(aliases),
        "\"Requirements for using alternate domain names\", Amazon CloudFront developer guide",
    ),
    limit(
        "aws.Distribution",
        Other(certificate),
        "\"Requirements for using SSL/TLS certificates with CloudFront\", Amazon CloudFront developer guide",
    ),
    limit("aws.Distribution", Other(web_acl), "DistributionConfig, Amazon CloudFront API reference: WebACLId"),
    limit("aws.Distribution", Other(root), "DistributionConfig, Amazon CloudFront API reference: DefaultRootObject"),
    limit(
        "aws.Distribution",
        Length("defaultRoot", 0, 255),
        "DistributionConfig, Amazon CloudFront API reference: DefaultRootObject",
    ),
    limit(
        "aws.Distribution",
        Length("comment", 0, 128),
        "DistributionConfig, Amazon CloudFront API reference: Comment",
    ),
    limit("aws.Distribution", Length("logPrefix", 0, 256), "LoggingConfig, Amazon CloudFront API reference: Prefix"),
    limit("aws.Distribution", Other(pages), "CustomErrorResponse, Amazon CloudFront API reference"),
    limit("aws.CachePolicy", Length("comment", 0, 64), "CachePolicy, the standard library"),
    limit("aws.CachePolicy", Seconds("minTtl", 0, TTL), "CachePolicyConfig, Amazon CloudFront API reference: MinTTL"),
    limit(
        "aws.CachePolicy",
        Seconds("defaultTtl", 0, TTL),
        "CachePolicyConfig, Amazon CloudFront API reference: DefaultTTL",
    ),
    limit("aws.CachePolicy", Seconds("maxTtl", 0, TTL), "CachePolicyConfig, Amazon CloudFront API reference: MaxTTL"),
    limit("aws.CachePolicy", Other(ttls), "CachePolicyConfig, Amazon CloudFront API reference"),
    limit(
        "aws.CachePolicy",
        Items("headers", 0, 10),
        "\"Quotas on cache policies\", Amazon CloudFront developer guide",
    ),
    limit(
        "aws.CachePolicy",
        Items("cookies", 0, 10),
        "\"Quotas on cache policies\", Amazon CloudFront developer guide",
    ),
    limit(
        "aws.CachePolicy",
        Items("queries", 0, 10),
        "\"Quotas on cache policies\", Amazon CloudFront developer guide",
    ),
    limit("aws.CachePolicy", Other(stars), "CachePolicyConfig, Amazon CloudFront API reference"),
    limit("aws.Function", Length("comment", 0, 128), "FunctionConfig, Amazon CloudFront API reference: Comment"),
    limit("aws.Function", Other(code), "\"Quotas on CloudFront Functions\", Amazon CloudFront developer guide"),
    limit("aws.Invalidate", Items("paths", 1, 3000), "\"Quotas on invalidations\", Amazon CloudFront developer guide"),
    limit(
        "aws.Invalidate",
        Other(paths),
        "\"What you need to know when invalidating files\", Amazon CloudFront developer guide",
    ),
];

/// What a policy may keep an answer for, in seconds: 100 years.
const TTL: u64 = 3_153_600_000;

fn some_origin(wanted: &Wanted<'_>) -> Vec<Broken> {
    let Some(origins) = wanted.get("origins").items() else { return Vec::new() };
    let origin = wanted.get("origin");
    if origins.is_empty() && origin.is_unset() {
        return vec![
            Broken::new(
                "origins",
                "a distribution needs an origin to get its answers from",
                "neither `origin` nor `origins` is set",
            )
            .help("write `origin BUCKET;`, or `origins [...];` with an `S3Origin` or a `CustomOrigin`"),
        ];
    }
    let Some(bucket) = origin.address() else { return Vec::new() };
    // What is not known of one of them may be this bucket.
    let is_among = |one: &Part<'_>| one.field("bucket").address().is_none_or(|address| address == bucket);
    let custom = |one: &Part<'_>| one.template().is_some() && one.field("bucket").is_unset();
    if origins.iter().any(|one| !custom(one) && is_among(one)) {
        return Vec::new();
    }
    vec![
        Broken::new("origin", "the bucket `origin` is none of the `origins`", "nothing is asked of it")
            .and("origins")
            .help("put it into `origins` as an `S3Origin`, or leave `origin` out"),
    ]
}

fn origins(wanted: &Wanted<'_>) -> Vec<Broken> {
    let origins = wanted.get("origins").items().unwrap_or_default();
    if let Some(name) = twice(origins.iter().filter_map(|origin| origin.field("name").text())) {
        let message = format!("two origins are called \"{name}\"");
        return vec![Broken::new("origins", message, "in this list").help("give each a `name` of its own")];
    }
    let broken = origins.iter().enumerate().find_map(|(at, origin)| {
        let message = wrong_origin(*origin)?;
        let name = origin.field("name").text().filter(|name| !name.is_empty());
        let called = name.map_or_else(|| format!("origin {}", at + 1), |name| format!("the origin \"{name}\""));
        Some(Broken::new("origins", format!("{called} {message}"), "in this list"))
    });
    broken.into_iter().collect()
}

/// To follow what the origin is called.
fn wrong_origin(origin: Part<'_>) -> Option<String> {
    if origin.field("name").text().is_some_and(|name| !(1..=128).contains(&name.chars().count())) {
        return Some("has a `name` that is not of 1 to 128 characters".to_string());
    }
    let domain = origin.field("domain").text();
    if let Some(domain) = domain.filter(|domain| !is_host(domain) || domain.starts_with('*')) {
        return Some(format!("has the `domain` \"{}\", which is no name of a host", domain.escape_debug()));
    }
    for name in ["httpPort", "httpsPort"] {
        let port = origin.field(name).int();
        if let Some(port) = port.filter(|port| !(matches!(port, 80 | 443) || (1024..=65_535).contains(port))) {
            return Some(format!("has the `{name}` {port}, and AWS takes 80, 443 and 1024 to 65535"));
        }
    }
    for name in ["readTimeout", "keepalive"] {
        let time = origin.field(name).duration();
        if time.is_some_and(|time| !time.is_multiple_of(1000) || !(1..=120).contains(&(time / 1000))) {
            return Some(format!("has a `{name}` that is not of 1 to 120 whole seconds"));
        }
    }
    if origin.template().is_some() && origin.field("protocol").is_set() {
        let is_empty = origin.field("tls").items().is_some_and(|all| all.is_empty());
        return is_empty.then(|| "has no version of TLS in `tls`".to_string());
    }
    None
}

fn headers(wanted: &Wanted<'_>) -> Vec<Broken> {
    const KEPT: [&str; 23] = [
        "cache-control",
        "connection",
        "content-length",
        "cookie",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "max-forwards",
        "pragma",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "request-range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
        "x-real-ip",
    ];
    for origin in wanted.get("origins").items().unwrap_or_default() {
        let headers = origin.field("headers").entries().unwrap_or_default();
        let is_kept = |name: &str| {
            let name = name.to_ascii_lowercase();
            KEPT.contains(&name.as_str()) || name.starts_with("x-amz-") || name.starts_with("x-edge-")
        };
        if let Some((name, _)) = headers.iter().find(|(name, _)| is_kept(name)) {
            let message = format!("the header `{}` cannot be added to what an origin is asked", name.escape_debug());
            return vec![Broken::new("origins", message, "CloudFront sets it itself")];
        }
        if let Some((name, _)) = headers.iter().find(|(_, value)| value.revealed() == Some("")) {
            let message = format!("the header `{}` of an origin is empty", name.escape_debug());
            return vec![Broken::new("origins", message, "AWS takes no empty value").help("leave it out")];
        }
        if headers.len() > 30 {
            let label = format!("{} of them, and AWS takes up to 30", headers.len());
            return vec![Broken::new("origins", "an origin has too many `headers`", label)];
        }
    }
    Vec::new()
}

fn behaviors(wanted: &Wanted<'_>) -> Vec<Broken> {
    let paths = wanted.get("behaviors").items().unwrap_or_default();
    if let Some(path) = twice(paths.iter().filter_map(|one| one.field("path").text())) {
        let message = format!("two behaviors are for the path \"{path}\"");
        return vec![
            Broken::new("behaviors", message, "in this list").help("the first one would always count: leave one out"),
        ];
    }
    let names: Option<Vec<&str>> = match wanted.get("origins").items() {
        // What names none of them stands for the only one, or is made from `origin`.
        Some(origins) => origins.iter().map(|origin| origin.field("name").text()).collect(),
        None => None,
    };
    let default = ("behavior", "`behavior`".to_string(), wanted.get("behavior"));
    let others =
        paths.iter().enumerate().map(|(at, one)| ("behaviors", format!("behavior {} of `behaviors`", at + 1), *one));
    let broken = std::iter::once(default).chain(others).find_map(|(attribute, called, one)| {
        let path = one.field("path").text();
        if path.is_some_and(|path| !(1..=255).contains(&path.chars().count())) {
            return Some(Broken::new(
                attribute,
                format!("{called} has a `path` that is not of 1 to 255 characters"),
                "in here",
            ));
        }
        if let (Some(name), Some(names)) =
            (one.field("origin").text(), names.as_ref().filter(|names| !names.is_empty()))
            && !names.contains(&name)
        {
            let help = format!("the origins of this distribution are `{}`", names.join("`, `"));
            return Some(
                Broken::new(attribute, format!("there is no origin `{}`", name.escape_debug()), "in here").help(help),
            );
        }
        methods(one).map(|help| {
            Broken::new(attribute, format!("{called} has `methods` that AWS does not take together"), "in here")
                .help(help)
        })
    });
    broken.into_iter().collect()
}

fn methods(behavior: Part<'_>) -> Option<&'static str> {
    let items = behavior.field("methods").items()?;
    let mut methods: Vec<&str> = items.iter().map(|item| item.text()).collect::<Option<_>>()?;
    methods.sort_unstable();
    methods.dedup();
    let sets: [&[&str]; 3] =
        [&["GET", "HEAD"], &["GET", "HEAD", "OPTIONS"], &["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]];
    let fits = behavior.field("methods").is_unset() || sets.contains(&methods.as_slice());
    (!fits).then_some("write `GET HEAD`, those with `OPTIONS`, or all seven: `[\"GET\", \"HEAD\", \"OPTIONS\", \"PUT\", \"POST\", \"PATCH\", \"DELETE\"]`")
}

fn countries(wanted: &Wanted<'_>) -> Vec<Broken> {
    let some = |name: &str| wanted.get(name).items().is_some_and(|items| !items.is_empty());
    if !some("allowedCountries") || !some("blockedCountries") {
        return Vec::new();
    }
    vec![
        Broken::new(
            "blockedCountries",
            "`allowedCountries` and `blockedCountries` are both set",
            "only one of the two can count",
        )
        .and("allowedCountries")
        .help("leave one of them empty: who is not let in is kept out"),
    ]
}

fn aliases(wanted: &Wanted<'_>) -> Vec<Broken> {
    let Some(aliases) = wanted.get("aliases").items() else { return Vec::new() };
    let odd = aliases.iter().filter_map(|alias| alias.text()).find(|alias| !is_host(alias));
    if let Some(alias) = odd {
        let message = format!("`aliases` cannot have \"{}\"", alias.escape_debug());
        return vec![Broken::new("aliases", message, "a name of a host is needed: `www.example.com`, `*.example.com`")];
    }
    if aliases.is_empty() || !wanted.get("certificate").is_unset() {
        return Vec::new();
    }
    vec![
        Broken::new("aliases", "`aliases` need a `certificate` for them", "`certificate` is not set")
            .help("write `certificate \"arn:aws:acm:us-east-1:ACCOUNT:certificate/ID\";`, or leave `aliases` out"),
    ]
}

/// The parts of a global name.
fn arn(text: &str) -> Option<[&str; 6]> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    parts.try_into().ok()
}

fn certificate(wanted: &Wanted<'_>) -> Vec<Broken> {
    let Some([_, _, service, region, _, resource]) = wanted.get("certificate").text().and_then(arn) else {
        let odd = wanted.get("certificate").text().map(|_| {
            Broken::new("certificate", "`certificate` is no ARN of a certificate", "its parts are missing")
                .help("write `certificate \"arn:aws:acm:us-east-1:ACCOUNT:certificate/ID\";`")
        });
        return odd.into_iter().collect();
    };
    let label = match service {
        "acm" if region != "us-east-1" => format!("it is of {region}"),
        "acm" if !resource.starts_with("certificate/") => "it is of something else".to_string(),
        "acm" => return Vec::new(),
        "iam" if resource.starts_with("server-certificate/") => return Vec::new(),
        _ => "it is of something else".to_string(),
    };
    vec![
        Broken::new("certificate", "CloudFront takes certificates of us-east-1 only", label)
            .help("request one in us-east-1, wherever the site is: `arn:aws:acm:us-east-1:ACCOUNT:certificate/ID`"),
    ]
}

fn web_acl(wanted: &Wanted<'_>) -> Vec<Broken> {
    let Some([_, _, service, region, _, resource]) = wanted.get("webAcl").text().and_then(arn) else {
        return Vec::new();
    };
    if service == "wafv2" && region == "us-east-1" && resource.starts_with("global/webacl/") {
        return Vec::new();
    }
    vec![
        Broken::new("webAcl", "this is no web ACL that CloudFront takes", "it is not a global one of us-east-1")
            .help("make it with the scope `CLOUDFRONT`: `arn:aws:wafv2:us-east-1:ACCOUNT:global/webacl/NAME/ID`"),
    ]
}

fn root(wanted: &Wanted<'_>) -> Vec<Broken> {
    for name in ["defaultRoot", "logPrefix"] {
        if wanted.get(name).text().is_some_and(|text| text.starts_with('/')) {
            return vec![Broken::new(name, format!("`{name}` begins with `/`"), "AWS takes it without").help(
                if name == "defaultRoot" {
                    "write `defaultRoot \"index.html\";`"
                } else {
                    "write `logPrefix \"site/\";`"
                },
            )];
        }
    }
    Vec::new()
}

fn pages(wanted: &Wanted<'_>) -> Vec<Broken> {
    const CODES: [i64; 12] = [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504, 429];
    const STATUSES: [i64; 14] = [200, 400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504, 429, 206];
    let pages = wanted.get("errorPages").items().unwrap_or_default();
    let broken = |message: String, help: &str| vec![Broken::new("errorPages", message, "in this list").help(help)];
    let mut codes: Vec<i64> = pages.iter().filter_map(|page| page.field("code").int()).collect();
    codes.sort_unstable();
    if let Some(pair) = codes.windows(2).find(|pair| pair[0] == pair[1]) {
        return broken(format!("the error {} has two pages", pair[0]), "leave one of them out");
    }
    for page in pages {
        let Some(code) = page.field("code").int() else { continue };
        if !CODES.contains(&code) {
            let help = "AWS takes 400, 403, 404, 405, 414, 416, 500, 501, 502, 503 and 504";
            return broken(format!("there is no page for the error {code}"), help);
        }
        if page.field("page").text().is_some_and(|path| !path.is_empty() && !path.starts_with('/')) {
            return broken(
                format!("the `page` of the error {code} does not begin with `/`"),
                "write `page \"/404.html\";`",
            );
        }
        let status = page.field("status");
        if status.is_set() && page.field("page").is_unset() {
            return broken(
                format!("the error {code} has a `status` and no `page`"),
                "a status is sent with a page: set `page` too",
            );
        }
        if let Some(status) = status.int().filter(|status| !STATUSES.contains(status)) {
            return broken(
                format!("the page of the error {code} cannot be sent with the status {status}"),
                "write `status 200;`, or that of an error",
            );
        }
        if page.field("cacheFor").duration().is_some_and(|time| !time.is_multiple_of(1000)) {
            return broken(
                format!("`cacheFor` of the error {code} is no whole number of seconds"),
                "write `cacheFor 10s;`",
            );
        }
    }
    Vec::new()
}

fn ttls(wanted: &Wanted<'_>) -> Vec<Broken> {
    let names = ["minTtl", "defaultTtl", "maxTtl"];
    for pair in names.windows(2) {
        let (less, more) = (wanted.get(pair[0]).duration(), wanted.get(pair[1]).duration());
        if less.zip(more).is_some_and(|(less, more)| less > more) {
            let message = format!("`{}` is longer than `{}`", pair[0], pair[1]);
            let (one, two) = if pair[0] == names[0] { (names[0], names[1]) } else { (names[1], names[2]) };
            return vec![Broken::new(one, message, "nothing is within the two").and(two)];
        }
    }
    let some = ["headers", "cookies", "queries"]
        .into_iter()
        .find(|name| wanted.get(name).items().is_some_and(|items| !items.is_empty()));
    if wanted.get("maxTtl").duration() != Some(0) {
        return Vec::new();
    }
    let name = match some {
        Some(name) => name,
        None if wanted.get("compression").bool() == Some(true) => "compression",
        None => return Vec::new(),
    };
    vec![
        Broken::new(
            name,
            format!("`{name}` counts for nothing where `maxTtl` is 0s"),
            "nothing is kept that it could tell apart",
        )
        .and("maxTtl")
        .help(if name == "compression" {
            "write `compression false;`, or set `maxTtl`"
        } else {
            "leave it out, or set `maxTtl`"
        }),
    ]
}

fn stars(wanted: &Wanted<'_>) -> Vec<Broken> {
    let texts = |name: &str| -> Vec<&str> {
        wanted.get(name).items().unwrap_or_default().into_iter().filter_map(Part::text).collect()
    };
    if texts("headers").contains(&"*") {
        return vec![
            Broken::new("headers", "`headers` cannot be all of them", "a cache policy names each header")
                .help("name them, or write `caching \"CachingDisabled\";` in the behavior to keep nothing"),
        ];
    }
    for name in ["cookies", "queries"] {
        let all = texts(name);
        if all.len() > 1 && all.contains(&"*") {
            let message = format!("`{name}` has `*` and others");
            return vec![Broken::new(name, message, "`*` is all of them").help(format!("write `{name} [\"*\"];`"))];
        }
    }
    Vec::new()
}

fn code(wanted: &Wanted<'_>) -> Vec<Broken> {
    let Some(code) = wanted.get("code").revealed() else { return Vec::new() };
    if (1..=10_240).contains(&code.len()) {
        return Vec::new();
    }
    let message = if code.is_empty() { "`code` is empty" } else { "`code` is too long" };
    vec![Broken::new("code", message, format!("{} bytes, and AWS takes 1 to 10240", code.len()))]
}

fn paths(wanted: &Wanted<'_>) -> Vec<Broken> {
    let paths = wanted.get("paths").items().unwrap_or_default();
    let odd =
        paths.iter().filter_map(|path| path.text()).find(|path| path.find('*').is_some_and(|at| at + 1 < path.len()));
    let broken = odd.map(|path| {
        let message = format!("the path \"{}\" has a `*` that is not at its end", path.escape_debug());
        Broken::new("paths", message, "").help("write `/images/*`, or `/*` for all")
    });
    broken.into_iter().collect()
}
