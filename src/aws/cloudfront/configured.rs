//! Settings in Amazon's words, both ways. A configuration that there is, is changed in what differs and kept in
//! all else: what this version knows nothing of stays as somebody set it.

use std::collections::BTreeMap;

use aws_sdk_cloudfront::error::BuildError;
use aws_sdk_cloudfront::types::{
    Aliases, AllowedMethods, CacheBehavior, CacheBehaviors, CachedMethods, CustomErrorResponse, CustomErrorResponses,
    CustomHeaders, CustomOriginConfig, DefaultCacheBehavior, DistributionConfig, DistributionSummary, EventType,
    FunctionAssociation, FunctionAssociations, GeoRestriction, GeoRestrictionType, LoggingConfig, Method,
    Origin as AwsOrigin, OriginCustomHeader, OriginSslProtocols, Origins, Restrictions, S3OriginConfig, SslProtocol,
    SslSupportMethod, ViewerCertificate, ViewerProtocolPolicy,
};

use super::managed;
use super::settings::{Behavior, Custom, ErrorPage, Origin, Settings};
use crate::apply::provider::{Fault, FaultKind};

/// What a list of distributions says of one. It leaves out the default root and the logs, which are then as if
/// they were not set.
pub fn of_summary(summary: &DistributionSummary) -> Result<DistributionConfig, Fault> {
    DistributionConfig::builder()
        .caller_reference("")
        .comment(&summary.comment)
        .enabled(summary.enabled)
        .set_aliases(summary.aliases.clone())
        .set_origins(summary.origins.clone())
        .set_default_cache_behavior(summary.default_cache_behavior.clone())
        .set_cache_behaviors(summary.cache_behaviors.clone())
        .set_custom_error_responses(summary.custom_error_responses.clone())
        .price_class(summary.price_class.clone())
        .set_viewer_certificate(summary.viewer_certificate.clone())
        .set_restrictions(summary.restrictions.clone())
        .web_acl_id(&summary.web_acl_id)
        .http_version(summary.http_version.clone())
        .is_ipv6_enabled(summary.is_ipv6_enabled)
        .build()
        .map_err(|error| unbuilt(&error))
}

/// The configuration of a new one.
pub fn new(settings: &Settings, reference: &str) -> Result<DistributionConfig, Fault> {
    let empty = DistributionConfig::builder().caller_reference(reference).comment("").enabled(settings.enabled).build();
    let mut config = empty.map_err(|error| unbuilt(&error))?;
    let differs = |_: &str| true;
    write_with(&mut config, &settings.plain(), differs).map_err(|error| unbuilt(&error))?;
    Ok(config)
}

/// Makes the configuration as wanted; answers whether that changed anything.
pub fn write(config: &mut DistributionConfig, settings: &Settings) -> Result<bool, Fault> {
    let (present, wanted) = (read(config).fields(), settings.fields());
    let differs = |name: &str| present.get(name) != wanted.get(name);
    let certificate = ["certificate", "minimumTls", "sni"].into_iter().any(differs);
    let changed = certificate || wanted.keys().any(|name| differs(name.as_str()));
    write_with(config, &settings.plain(), differs).map_err(|error| unbuilt(&error))?;
    Ok(changed)
}

/// What AWS says, as the library would say it.
pub fn read(config: &DistributionConfig) -> Settings {
    let countries = |kind: GeoRestrictionType| {
        let restriction = config.restrictions.as_ref().and_then(|all| all.geo_restriction.as_ref());
        restriction.filter(|all| all.restriction_type == kind).map(|all| all.items().to_vec()).unwrap_or_default()
    };
    let certificate = config.viewer_certificate.as_ref().filter(|one| filled(&one.acm_certificate_arn).is_some());
    let logs = config.logging.as_ref().filter(|logging| logging.enabled);
    Settings {
        origins: config.origins.iter().flat_map(|all| &all.items).map(read_origin).collect(),
        aliases: config.aliases.as_ref().map(|all| all.items().to_vec()).unwrap_or_default(),
        comment: config.comment.clone(),
        enabled: config.enabled,
        price_class: config.price_class.as_ref().map(|class| class.as_str().to_string()).unwrap_or_default(),
        default_root: filled(&config.default_root_object),
        behavior: config.default_cache_behavior.as_ref().map(Part::read).unwrap_or_default(),
        behaviors: config.cache_behaviors.iter().flat_map(|all| all.items()).map(Part::read).collect(),
        error_pages: config.custom_error_responses.iter().flat_map(|all| all.items()).map(read_page).collect(),
        certificate: certificate.and_then(|one| filled(&one.acm_certificate_arn)),
        minimum_tls: certificate
            .and_then(|one| one.minimum_protocol_version.as_ref())
            .map(|version| version.as_str().to_string())
            .unwrap_or_default(),
        sni: certificate.is_none_or(|one| one.ssl_support_method.as_ref() != Some(&SslSupportMethod::Vip)),
        logs: logs.map(|logging| super::settings::bucket(&logging.bucket).unwrap_or_else(|| logging.bucket.clone())),
        log_prefix: logs.map(|logging| logging.prefix.clone()).unwrap_or_default(),
        http_version: config.http_version.as_ref().map(|version| version.as_str().to_string()).unwrap_or_default(),
        ipv6: config.is_ipv6_enabled.unwrap_or_default(),
        allowed_countries: countries(GeoRestrictionType::Whitelist),
        blocked_countries: countries(GeoRestrictionType::Blacklist),
        web_acl: filled(&config.web_acl_id),
    }
}

fn write_with(
    config: &mut DistributionConfig,
    settings: &Settings,
    differs: impl Fn(&str) -> bool,
) -> Result<(), BuildError> {
    if differs("origins") {
        let present = config.origins.take().map(|all| all.items).unwrap_or_default();
        let items: Vec<AwsOrigin> =
            settings.origins.iter().map(|origin| write_origin(origin, &present)).collect::<Result<_, _>>()?;
        config.origins = Some(Origins::builder().quantity(quantity(&items)).set_items(Some(items)).build()?);
    }
    if differs("aliases") {
        let items = settings.aliases.clone();
        config.aliases = Some(Aliases::builder().quantity(quantity(&items)).set_items(Some(items)).build()?);
    }
    config.comment.clone_from(&settings.comment);
    config.enabled = settings.enabled;
    if differs("priceClass") {
        config.price_class = Some(settings.price_class.as_str().into());
    }
    if differs("defaultRoot") {
        config.default_root_object = Some(settings.default_root.clone().unwrap_or_default());
    }
    let first = settings.origins.first().map_or("", |origin| origin.name.as_str());
    if differs("behavior") {
        let present = config.default_cache_behavior.take();
        config.default_cache_behavior = Some(DefaultCacheBehavior::written(&settings.behavior, first, present)?);
    }
    if differs("behaviors") {
        let present = config.cache_behaviors.take().and_then(|all| all.items).unwrap_or_default();
        let of = |path: &Option<String>| present.iter().find(|one| Some(&one.path_pattern) == path.as_ref()).cloned();
        let write = |one: &Behavior| CacheBehavior::written(one, first, of(&one.path));
        let items: Vec<CacheBehavior> = settings.behaviors.iter().map(write).collect::<Result<_, _>>()?;
        let all = CacheBehaviors::builder().quantity(quantity(&items)).set_items(Some(items)).build()?;
        config.cache_behaviors = Some(all);
    }
    if differs("errorPages") {
        let items: Vec<CustomErrorResponse> = settings.error_pages.iter().map(write_page).collect::<Result<_, _>>()?;
        let all = CustomErrorResponses::builder().quantity(quantity(&items)).set_items(Some(items)).build()?;
        config.custom_error_responses = Some(all);
    }
    if differs("certificate") || differs("minimumTls") || differs("sni") {
        config.viewer_certificate = Some(match &settings.certificate {
            Some(arn) => ViewerCertificate::builder()
                .acm_certificate_arn(arn)
                .minimum_protocol_version(settings.minimum_tls.as_str().into())
                .ssl_support_method(if settings.sni { SslSupportMethod::SniOnly } else { SslSupportMethod::Vip })
                .build(),
            None => ViewerCertificate::builder().cloud_front_default_certificate(true).build(),
        });
    }
    if differs("logs") || differs("logPrefix") {
        let cookies = config.logging.as_ref().is_some_and(|logging| logging.include_cookies);
        let bucket = settings.logs.as_ref().map(|name| format!("{name}.s3.amazonaws.com"));
        let prefix = settings.logs.as_ref().map(|_| settings.log_prefix.clone());
        let logging = LoggingConfig::builder()
            .enabled(bucket.is_some())
            .include_cookies(cookies && bucket.is_some())
            .bucket(bucket.unwrap_or_default())
            .prefix(prefix.unwrap_or_default());
        config.logging = Some(logging.build());
    }
    if differs("httpVersion") {
        config.http_version = Some(settings.http_version.as_str().into());
    }
    config.is_ipv6_enabled = Some(settings.ipv6);
    if differs("allowedCountries") || differs("blockedCountries") {
        let (kind, items) = match (&settings.allowed_countries[..], &settings.blocked_countries[..]) {
            ([], []) => (GeoRestrictionType::None, Vec::new()),
            ([], blocked) => (GeoRestrictionType::Blacklist, blocked.to_vec()),
            (allowed, _) => (GeoRestrictionType::Whitelist, allowed.to_vec()),
        };
        let all = GeoRestriction::builder().restriction_type(kind).quantity(quantity(&items)).set_items(Some(items));
        config.restrictions = Some(Restrictions::builder().geo_restriction(all.build()?).build());
    }
    if differs("webAcl") {
        config.web_acl_id = Some(settings.web_acl.clone().unwrap_or_default());
    }
    Ok(())
}

fn read_origin(origin: &AwsOrigin) -> Origin {
    let headers = origin.custom_headers.iter().flat_map(|all| all.items());
    Origin {
        name: origin.id.clone(),
        domain: origin.domain_name.clone(),
        path: origin.origin_path.clone().unwrap_or_default(),
        headers: headers.map(|one| (one.header_name.clone(), Some(one.header_value.clone()))).collect(),
        access: filled(&origin.origin_access_control_id),
        custom: origin.custom_origin_config.as_ref().map(|custom| Custom {
            protocol: custom.origin_protocol_policy.as_str().to_string(),
            http_port: custom.http_port,
            https_port: custom.https_port,
            tls: custom
                .origin_ssl_protocols
                .iter()
                .flat_map(|all| &all.items)
                .map(|version| version.as_str().to_string())
                .collect(),
            read_timeout: custom.origin_read_timeout.unwrap_or_default().into(),
            keepalive: custom.origin_keepalive_timeout.unwrap_or_default().into(),
        }),
    }
}

fn write_origin(origin: &Origin, present: &[AwsOrigin]) -> Result<AwsOrigin, BuildError> {
    let mut written = match present.iter().find(|one| one.id == origin.name) {
        Some(present) => present.clone(),
        None => AwsOrigin::builder().id(&origin.name).domain_name(&origin.domain).build()?,
    };
    written.domain_name.clone_from(&origin.domain);
    written.origin_path = Some(origin.path.clone());
    let header = |(name, value): (&String, &Option<String>)| {
        OriginCustomHeader::builder().header_name(name).header_value(value.as_deref().unwrap_or_default()).build()
    };
    let headers: Vec<OriginCustomHeader> = origin.headers.iter().map(header).collect::<Result<_, _>>()?;
    let headers = CustomHeaders::builder().quantity(quantity(&headers)).set_items(Some(headers)).build()?;
    written.custom_headers = Some(headers);
    written.origin_access_control_id = Some(origin.access.clone().unwrap_or_default());
    match &origin.custom {
        None => {
            // An identity of the time before access controls stays, as far as there is no access control.
            let identity = written.s3_origin_config.take().filter(|_| origin.access.is_none());
            written.s3_origin_config = Some(match identity {
                Some(identity) => identity,
                None => S3OriginConfig::builder().origin_access_identity("").build(),
            });
            written.custom_origin_config = None;
        }
        Some(custom) => {
            let tls: Vec<SslProtocol> = custom.tls.iter().map(|version| version.as_str().into()).collect();
            let mut config = CustomOriginConfig::builder()
                .http_port(custom.http_port)
                .https_port(custom.https_port)
                .origin_protocol_policy(custom.protocol.as_str().into())
                .origin_ssl_protocols(
                    OriginSslProtocols::builder().quantity(quantity(&tls)).set_items(Some(tls)).build()?,
                )
                .origin_read_timeout(seconds(custom.read_timeout))
                .origin_keepalive_timeout(seconds(custom.keepalive))
                .build()?;
            if let Some(present) = written.custom_origin_config.take() {
                config.ip_address_type = present.ip_address_type;
                config.origin_mtls_config = present.origin_mtls_config;
            }
            written.custom_origin_config = Some(config);
            written.s3_origin_config = None;
        }
    }
    Ok(written)
}

fn read_page(page: &CustomErrorResponse) -> ErrorPage {
    ErrorPage {
        code: page.error_code,
        page: filled(&page.response_page_path),
        status: page.response_code.as_ref().and_then(|code| code.parse().ok()),
        // Of one of which nothing is said, it keeps errors for ten seconds.
        cache_for: page.error_caching_min_ttl.map_or(10.0, |seconds| seconds as f64),
    }
}

fn write_page(page: &ErrorPage) -> Result<CustomErrorResponse, BuildError> {
    let status = page.page.as_ref().map(|_| page.status.unwrap_or(page.code).to_string());
    CustomErrorResponse::builder()
        .error_code(page.code)
        .set_response_page_path(page.page.clone())
        .set_response_code(status)
        .error_caching_min_ttl(seconds(page.cache_for).into())
        .build()
}

/// A behaviour of AWS, of its two types that differ in nothing but the path.
trait Part: Sized {
    fn read(&self) -> Behavior;
    fn written(behavior: &Behavior, first: &str, present: Option<Self>) -> Result<Self, BuildError>;
}

/// Both types have the same fields, and no trait of the SDK says so.
macro_rules! part {
    ($part:ty, $path:expr, $empty:expr) => {
        impl Part for $part {
            fn read(&self) -> Behavior {
                let path: fn(&$part) -> Option<String> = $path;
                let runs = |event: EventType| {
                    let all = self.function_associations.iter().flat_map(|all| all.items());
                    all.into_iter().find(|one| one.event_type == event).map(|one| one.function_arn.clone())
                };
                Behavior {
                    path: path(self),
                    origin: Some(self.target_origin_id.clone()),
                    viewer_protocol: self.viewer_protocol_policy.as_str().to_string(),
                    methods: self.allowed_methods.as_ref().map_or_else(
                        || vec!["GET".to_string(), "HEAD".to_string()],
                        |all| all.items.iter().map(|method| method.as_str().to_string()).collect(),
                    ),
                    compress: self.compress.unwrap_or_default(),
                    cache_policy: filled(&self.cache_policy_id),
                    caching: None,
                    origin_requests: filled(&self.origin_request_policy_id)
                        .map(|id| managed::name(managed::ORIGIN_REQUEST, &id).map_or(id, str::to_string)),
                    on_request: runs(EventType::ViewerRequest),
                    on_response: runs(EventType::ViewerResponse),
                }
            }

            // Amazon calls what stood in place of policies deprecated; it must be taken away to have one.
            #[allow(deprecated)]
            fn written(behavior: &Behavior, first: &str, present: Option<Self>) -> Result<Self, BuildError> {
                let empty: fn(&Behavior, &str, ViewerProtocolPolicy) -> Result<$part, BuildError> = $empty;
                let origin = behavior.origin.as_deref().unwrap_or(first);
                let protocol = ViewerProtocolPolicy::from(behavior.viewer_protocol.as_str());
                let mut written = match present {
                    Some(present) => present,
                    None => empty(behavior, origin, protocol.clone())?,
                };
                written.target_origin_id = origin.to_string();
                written.viewer_protocol_policy = protocol;
                let cached = written.allowed_methods.take().and_then(|all| all.cached_methods);
                written.allowed_methods = Some(methods(&behavior.methods, cached)?);
                written.compress = Some(behavior.compress);
                if let Some(policy) = behavior.policy() {
                    written.cache_policy_id = Some(policy.to_string());
                    // Those of the time before policies: AWS refuses both together.
                    written.forwarded_values = None;
                    (written.min_ttl, written.default_ttl, written.max_ttl) = (None, None, None);
                }
                let id = |name: &String| managed::id(managed::ORIGIN_REQUEST, name).unwrap_or(name).to_string();
                written.origin_request_policy_id = behavior.origin_requests.as_ref().map(id);
                written.function_associations = Some(functions(behavior)?);
                Ok(written)
            }
        }
    };
}

part!(DefaultCacheBehavior, |_| None, |_, origin, protocol| {
    DefaultCacheBehavior::builder().target_origin_id(origin).viewer_protocol_policy(protocol).build()
});
part!(CacheBehavior, |part| Some(part.path_pattern.clone()), |behavior, origin, protocol| {
    let path = behavior.path.as_deref().unwrap_or_default();
    CacheBehavior::builder().path_pattern(path).target_origin_id(origin).viewer_protocol_policy(protocol).build()
});

fn methods(wanted: &[String], cached: Option<CachedMethods>) -> Result<AllowedMethods, BuildError> {
    let items: Vec<Method> = wanted.iter().map(|method| method.as_str().into()).collect();
    let kept = [Method::Get, Method::Head];
    let cached = match cached.filter(|cached| cached.items.iter().all(|method| items.contains(method))) {
        Some(cached) => cached,
        None => CachedMethods::builder().quantity(quantity(&kept)).set_items(Some(kept.to_vec())).build()?,
    };
    AllowedMethods::builder().quantity(quantity(&items)).set_items(Some(items)).cached_methods(cached).build()
}

fn functions(behavior: &Behavior) -> Result<FunctionAssociations, BuildError> {
    let wanted = BTreeMap::from([
        (EventType::ViewerRequest.as_str(), behavior.on_request.as_ref()),
        (EventType::ViewerResponse.as_str(), behavior.on_response.as_ref()),
    ]);
    let one = |(event, arn): (&str, Option<&String>)| {
        Some(FunctionAssociation::builder().function_arn(arn?).event_type(event.into()).build())
    };
    let items: Vec<FunctionAssociation> = wanted.into_iter().filter_map(one).collect::<Result<_, _>>()?;
    FunctionAssociations::builder().quantity(quantity(&items)).set_items(Some(items)).build()
}

fn filled(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.is_empty())
}

/// AWS wants every list counted; no list is long enough to overflow.
pub fn quantity<T>(items: &[T]) -> i32 {
    i32::try_from(items.len()).unwrap_or(i32::MAX)
}

fn seconds(seconds: f64) -> i32 {
    seconds.round() as i32
}

fn unbuilt(error: &BuildError) -> Fault {
    Fault::new(FaultKind::Refused, format!("the distribution cannot be described to aws: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings(more: serde_json::Value) -> Settings {
        let mut all = json!({
            "origins": [
                {"name": "a", "domain": "a.s3.us-east-1.amazonaws.com", "access": "E1"},
                {"name": "api", "domain": "api.example.com", "protocol": "https-only", "httpPort": 80,
                    "httpsPort": 443, "tls": ["TLSv1.2"], "readTimeout": 30.0, "keepalive": 5.0,
                    "headers": {"X-Key": "hunter2"}},
            ],
            "aliases": ["a.example.com"], "comment": "c", "enabled": true, "priceClass": "PriceClass_100",
            "defaultRoot": "index.html", "certificate": "arn:aws:acm:x", "minimumTls": "TLSv1.2_2021", "sni": true,
            "behavior": {"viewerProtocol": "https-only", "methods": ["GET", "HEAD"], "compress": true,
                "caching": "CachingOptimized", "onRequest": "arn:f", "originRequests": "CORS-S3Origin"},
            "behaviors": [{"path": "/api/*", "origin": "api", "viewerProtocol": "allow-all", "compress": false,
                "methods": ["GET", "HEAD", "OPTIONS"], "cachePolicy": "p-1", "caching": "CachingOptimized"}],
            "errorPages": [{"code": 404, "page": "/404.html", "cacheFor": 10.0}],
            "logs": "logs", "logPrefix": "x/", "httpVersion": "http2and3", "ipv6": true,
            "blockedCountries": ["DE"], "webAcl": "arn:waf",
        });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn what_is_written_is_read_back() {
        for more in [
            json!({}),
            json!({"certificate": null, "logs": null, "blockedCountries": [], "allowedCountries": ["FR"]}),
            json!({"aliases": [], "behaviors": [], "errorPages": [], "webAcl": null, "defaultRoot": null}),
        ] {
            let wanted = settings(more);
            let mut config = new(&wanted, "t1").unwrap();
            assert_eq!(read(&config).fields(), wanted.fields());
            let before = config.clone();
            assert!(!write(&mut config, &wanted).unwrap());
            assert_eq!(config, before);
        }
    }

    #[test]
    fn a_change_keeps_what_the_program_knows_nothing_of() {
        let mut config = new(&settings(json!({})), "t1").unwrap();
        config.continuous_deployment_policy_id = Some("cd".into());
        if let Some(behavior) = &mut config.default_cache_behavior {
            behavior.response_headers_policy_id = Some("rh".into());
            behavior.realtime_log_config_arn = Some("arn:rt".into());
        }
        config.origins.as_mut().unwrap().items[0].connection_attempts = Some(2);
        let other = settings(json!({
            "comment": "d",
            "origins": [{"name": "a", "domain": "b.s3.us-east-1.amazonaws.com"}],
            "behavior": {"viewerProtocol": "allow-all", "methods": ["GET", "HEAD"], "caching": "CachingDisabled"},
            "behaviors": [],
        }));
        assert!(write(&mut config, &other).unwrap());
        assert_eq!(read(&config).fields(), other.fields());
        assert_eq!(config.caller_reference, "t1");
        assert_eq!(config.continuous_deployment_policy_id.as_deref(), Some("cd"));
        let behavior = config.default_cache_behavior.as_ref().unwrap();
        assert_eq!(behavior.response_headers_policy_id.as_deref(), Some("rh"));
        assert_eq!(behavior.realtime_log_config_arn.as_deref(), Some("arn:rt"));
        let origin = &config.origins.as_ref().unwrap().items[0];
        assert_eq!(origin.connection_attempts, Some(2));
        assert_eq!(origin.origin_access_control_id.as_deref(), Some(""));
    }

    #[test]
    #[allow(deprecated)]
    fn what_stood_in_place_of_a_policy_goes_when_there_is_one() {
        let mut config = new(&settings(json!({})), "t1").unwrap();
        let behavior = config.default_cache_behavior.as_mut().unwrap();
        behavior.cache_policy_id = None;
        (behavior.min_ttl, behavior.max_ttl) = (Some(0), Some(10));
        assert!(write(&mut config, &settings(json!({}))).unwrap());
        let behavior = config.default_cache_behavior.unwrap();
        assert_eq!((behavior.min_ttl, behavior.max_ttl), (None, None));
        assert_eq!(behavior.cache_policy_id.as_deref(), Some("658327ea-f89d-4fab-a63d-7e88639e58f6"));
    }
}
