//! Cache policies. They take no tags: whose one is stands in its comment, behind the user's words.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_cloudfront::error::BuildError;
use aws_sdk_cloudfront::types::{
    CachePolicyConfig, CachePolicyCookieBehavior, CachePolicyCookiesConfig, CachePolicyHeaderBehavior,
    CachePolicyHeadersConfig, CachePolicyQueryStringBehavior, CachePolicyQueryStringsConfig, CachePolicyType,
    CookieNames, DistributionSummary, Headers, ParametersInCacheKeyAndForwardedToOrigin, QueryStringNames,
};
use serde::{Deserialize, Serialize};

use super::configured::quantity;
use super::listing;
use super::mark::Description;
use super::settings::distinct;
use super::told::told;
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind, at_once};
use crate::aws::session::Session;
use crate::value::{self, Fields, Value};

/// Stands for all names there are.
const ALL: &str = "*";

#[derive(Clone, Copy)]
pub struct CachePolicy;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Want {
    name: String,
    comment: String,
    /// Seconds, as the next two.
    min_ttl: f64,
    default_ttl: f64,
    max_ttl: f64,
    headers: Vec<String>,
    cookies: Vec<String>,
    queries: Vec<String>,
    compression: bool,
}

#[derive(Serialize)]
pub struct Outputs {}

#[async_trait]
impl Kind for CachePolicy {
    type Want = Want;
    type Told = Fields;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience { consistency: Duration::from_secs(30), deletion: Duration::from_secs(300), ..Patience::default() }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let name = &want.name;
        let config = want.config(&Description::new(&want.comment, owner).text())?;
        let call = Call::write("cloudfront:CreateCachePolicy", format!("create the cache policy `{name}`"));
        let sent = session.cloudfront().create_cache_policy().cache_policy_config(config).send();
        let answer = sent.await.map_err(|error| call.fault(&error))?;
        let made = answer.cache_policy().map(|made| Made { id: made.id.as_str().into(), whole: true });
        made.ok_or_else(|| Fault::new(FaultKind::Unknown, format!("aws did not say how it calls `{name}`")))
    }

    async fn find(&self, session: &Session, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        // A name is unique: there is at most one.
        let Some((id, config)) = list(session).await?.into_iter().find(|(_, config)| config.name == want.name) else {
            return Ok(None);
        };
        let mark = Description::read(config.comment.as_deref().unwrap_or_default()).mark;
        let is_it = match seek {
            Seek::Made(owner) => mark.is_some_and(|mark| mark.is_made(owner)),
            Seek::Owned(owner) => mark.is_some_and(|mark| mark.is_owned(owner)),
            Seek::Identity => true,
        };
        Ok(is_it.then(|| id.into()))
    }

    async fn read(&self, session: &Session, place: &Place) -> Result<Option<Found<Fields, Outputs>>, Fault> {
        match get(session, &place.id).await {
            Ok((config, _)) => Ok(Some(found(place, &config))),
            Err(fault) if fault.kind == FaultKind::Missing => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    async fn read_many(
        &self,
        session: &Arc<Session>,
        places: &[Place],
    ) -> Vec<Result<Option<Found<Fields, Outputs>>, Fault>> {
        // A list may be behind, and may be forbidden: what is not in it is asked for by itself.
        let listed = if places.len() > 1 { list(session).await.unwrap_or_default() } else { Vec::new() };
        let listed: HashMap<String, CachePolicyConfig> = listed.into_iter().collect();
        let kind = *self;
        at_once(places.iter().map(|place| {
            let (session, place, config) = (session.clone(), place.clone(), listed.get(&*place.id).cloned());
            async move {
                match config {
                    Some(config) => Ok(Some(found(&place, &config))),
                    None => kind.read(&session, &place).await,
                }
            }
        }))
        .await
    }

    async fn update(
        &self,
        session: &Session,
        place: &Place,
        _old: Option<&Fields>,
        want: &Want,
        owner: &Owner,
    ) -> Result<Progress, Fault> {
        let id = &*place.id;
        let (present, etag) = get(session, id).await?;
        let description = Description::read(present.comment.as_deref().unwrap_or_default());
        let comment = description.changed(&want.comment, owner).text();
        if present.comment.as_deref() != Some(&*comment) || Want::of(&present).fields() != want.fields() {
            let call = Call::write("cloudfront:UpdateCachePolicy", format!("update the cache policy `{}`", want.name));
            let sent = session.cloudfront().update_cache_policy().id(id).if_match(etag);
            let sent = sent.cache_policy_config(want.config(&comment)?).send();
            sent.await.map_err(|error| call.fault(&error))?;
        }
        Ok(Progress::Done)
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let id = &*place.id;
        let etag = match get(session, id).await {
            Ok((_, etag)) => etag,
            Err(fault) if fault.kind == FaultKind::Missing => return Ok(Progress::Done),
            Err(fault) => return Err(fault),
        };
        let call = Call::write("cloudfront:DeleteCachePolicy", format!("delete the cache policy `{id}`"));
        let sent = session.cloudfront().delete_cache_policy().id(id).if_match(etag).send();
        let Err(error) = sent.await else { return Ok(Progress::Done) };
        let fault = call.fault(&error);
        if fault.kind == FaultKind::Missing {
            return Ok(Progress::Done);
        }
        let uses = |one: &DistributionSummary| {
            let default = one.default_cache_behavior.iter().map(|behavior| &behavior.cache_policy_id);
            let others =
                one.cache_behaviors.iter().flat_map(|all| all.items()).map(|behavior| &behavior.cache_policy_id);
            default.chain(others).any(|policy| policy.as_deref() == Some(id))
        };
        Err(listing::held(session, fault, uses).await)
    }
}

impl Want {
    /// What AWS says, as the library would say it.
    fn of(config: &CachePolicyConfig) -> Want {
        let key = config.parameters_in_cache_key_and_forwarded_to_origin.as_ref();
        let cookies = key.and_then(|key| key.cookies_config.as_ref());
        let queries = key.and_then(|key| key.query_strings_config.as_ref());
        let headers = key.and_then(|key| key.headers_config.as_ref()).and_then(|config| config.headers.as_ref());
        let names = |behavior: Option<&str>, names: Option<&[String]>| match (behavior, names.unwrap_or_default()) {
            (Some("all"), _) => vec![ALL.to_string()],
            // The library cannot say this; it can only see that it is something else.
            (Some("allExcept"), names) => names.iter().map(|name| format!("all but {name}")).collect(),
            (_, names) => names.to_vec(),
        };
        Want {
            name: config.name.clone(),
            comment: Description::read(config.comment.as_deref().unwrap_or_default()).words,
            min_ttl: config.min_ttl as f64,
            // What AWS takes where nothing is said.
            default_ttl: config.default_ttl.unwrap_or(86_400) as f64,
            max_ttl: config.max_ttl.unwrap_or(31_536_000) as f64,
            headers: headers.map(|all| all.items().to_vec()).unwrap_or_default(),
            cookies: names(
                cookies.map(|config| config.cookie_behavior.as_str()),
                cookies.and_then(|config| config.cookies.as_ref()).map(|all| all.items()),
            ),
            queries: names(
                queries.map(|config| config.query_string_behavior.as_str()),
                queries.and_then(|config| config.query_strings.as_ref()).map(|all| all.items()),
            ),
            compression: key.is_some_and(|key| key.enable_accept_encoding_gzip),
        }
    }

    /// All of it as the library writes it, in the one form in which two can be compared.
    fn fields(&self) -> Fields {
        let duration = |seconds: f64| Value::Duration((seconds * 1000.0).round().max(0.0) as u64);
        // Their order means nothing, and of headers neither does their case.
        let sorted = |names: &[String], same: fn(&str) -> String| {
            let mut names: Vec<String> = names.iter().map(|name| same(name)).collect();
            names.sort();
            names.dedup();
            Value::List(names.into_iter().map(Value::string).collect())
        };
        let pairs = [
            ("name", Value::string(self.name.as_str())),
            ("comment", Value::string(self.comment.as_str())),
            ("minTtl", duration(self.min_ttl)),
            ("defaultTtl", duration(self.default_ttl)),
            ("maxTtl", duration(self.max_ttl)),
            ("headers", sorted(&self.headers, str::to_lowercase)),
            ("cookies", sorted(&self.cookies, str::to_string)),
            ("queries", sorted(&self.queries, str::to_string)),
            ("compression", Value::Bool(self.compression)),
        ];
        pairs.into_iter().map(|(name, value)| (name.into(), value)).collect()
    }

    fn config(&self, comment: &str) -> Result<CachePolicyConfig, Fault> {
        self.built(comment).map_err(|error| {
            Fault::new(FaultKind::Refused, format!("the cache policy cannot be described to aws: {error}"))
        })
    }

    fn built(&self, comment: &str) -> Result<CachePolicyConfig, BuildError> {
        let (mut headers, mut cookies, mut queries) =
            (self.headers.clone(), self.cookies.clone(), self.queries.clone());
        // Names of headers have no case.
        let mut seen = BTreeSet::new();
        headers.retain(|name| seen.insert(name.to_lowercase()));
        [&mut cookies, &mut queries].into_iter().for_each(distinct);
        let headers = match &headers[..] {
            [] => CachePolicyHeadersConfig::builder().header_behavior(CachePolicyHeaderBehavior::None),
            names => CachePolicyHeadersConfig::builder()
                .header_behavior(CachePolicyHeaderBehavior::Whitelist)
                .headers(Headers::builder().quantity(quantity(names)).set_items(Some(names.to_vec())).build()?),
        };
        let is_all = |names: &[String]| names.iter().any(|name| name == ALL);
        let cookies = match &cookies[..] {
            [] => CachePolicyCookiesConfig::builder().cookie_behavior(CachePolicyCookieBehavior::None),
            names if is_all(names) => {
                CachePolicyCookiesConfig::builder().cookie_behavior(CachePolicyCookieBehavior::All)
            }
            names => CachePolicyCookiesConfig::builder()
                .cookie_behavior(CachePolicyCookieBehavior::Whitelist)
                .cookies(CookieNames::builder().quantity(quantity(names)).set_items(Some(names.to_vec())).build()?),
        };
        let queries = match &queries[..] {
            [] => CachePolicyQueryStringsConfig::builder().query_string_behavior(CachePolicyQueryStringBehavior::None),
            names if is_all(names) => {
                CachePolicyQueryStringsConfig::builder().query_string_behavior(CachePolicyQueryStringBehavior::All)
            }
            names => CachePolicyQueryStringsConfig::builder()
                .query_string_behavior(CachePolicyQueryStringBehavior::Whitelist)
                .query_strings(
                    QueryStringNames::builder().quantity(quantity(names)).set_items(Some(names.to_vec())).build()?,
                ),
        };
        let key = ParametersInCacheKeyAndForwardedToOrigin::builder()
            .enable_accept_encoding_gzip(self.compression)
            .enable_accept_encoding_brotli(self.compression)
            .headers_config(headers.build()?)
            .cookies_config(cookies.build()?)
            .query_strings_config(queries.build()?);
        CachePolicyConfig::builder()
            .name(&self.name)
            .comment(comment)
            .min_ttl(self.min_ttl.round() as i64)
            .default_ttl(self.default_ttl.round() as i64)
            .max_ttl(self.max_ttl.round() as i64)
            .parameters_in_cache_key_and_forwarded_to_origin(key.build()?)
            .build()
    }
}

fn found(place: &Place, config: &CachePolicyConfig) -> Found<Fields, Outputs> {
    let recorded: Want = serde_json::from_value(value::reveal(&place.inputs)).unwrap_or_default();
    let inputs = told(Want::of(config).fields(), &recorded.fields(), &place.inputs);
    Found { inputs, outputs: Outputs {}, health: Health::Live }
}

async fn get(session: &Session, id: &str) -> Result<(CachePolicyConfig, String), Fault> {
    let call = Call::read("cloudfront:GetCachePolicy", format!("look at the cache policy `{id}`"));
    let answer = session.cloudfront().get_cache_policy().id(id).send().await.map_err(|error| call.fault(&error))?;
    let config = answer.cache_policy.and_then(|policy| policy.cache_policy_config);
    let nothing = || Fault::new(FaultKind::Unavailable, format!("aws said nothing of the cache policy `{id}`"));
    Ok((config.ok_or_else(nothing)?, answer.e_tag.unwrap_or_default()))
}

/// Those of the account, by their ids: Amazon's own are left out.
async fn list(session: &Session) -> Result<Vec<(String, CachePolicyConfig)>, Fault> {
    let call = Call::read("cloudfront:ListCachePolicies", "list the cache policies");
    let mut all = Vec::new();
    let mut marker = None;
    loop {
        let sent = session.cloudfront().list_cache_policies().r#type(CachePolicyType::Custom).set_marker(marker);
        let answer = sent.send().await.map_err(|error| call.fault(&error))?;
        let Some(page) = answer.cache_policy_list else { return Ok(all) };
        let policies = page.items.unwrap_or_default().into_iter().filter_map(|summary| summary.cache_policy);
        all.extend(policies.filter_map(|policy| Some((policy.id, policy.cache_policy_config?))));
        marker = page.next_marker.filter(|next| !next.is_empty());
        if marker.is_none() {
            return Ok(all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn want(more: serde_json::Value) -> Want {
        let mut all = json!({"name": "p", "comment": "words", "minTtl": 0.0, "defaultTtl": 60.0, "maxTtl": 3600.0,
            "headers": ["Accept"], "cookies": [], "queries": ["*"], "compression": true});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn what_is_written_is_read_back() {
        for more in [
            json!({}),
            json!({"headers": [], "cookies": ["*"], "queries": ["b", "a"], "compression": false}),
            json!({"headers": ["accept"], "cookies": ["b", "a"], "queries": []}),
            json!({"headers": ["accept", "Accept"], "cookies": ["b", "a", "b"], "queries": ["a", "a"]}),
        ] {
            let wanted = want(more);
            assert_eq!(Want::of(&wanted.config("words").unwrap()).fields(), wanted.fields());
        }
    }

    #[test]
    fn order_means_nothing_and_names_do() {
        let same = |one: serde_json::Value, two: serde_json::Value| want(one).fields() == want(two).fields();
        assert!(same(json!({"headers": ["A", "b"]}), json!({"headers": ["B", "a"]})));
        assert!(same(json!({"cookies": ["a", "b"]}), json!({"cookies": ["b", "a"]})));
        assert!(!same(json!({"cookies": ["a"]}), json!({"cookies": ["A"]})));
        assert!(!same(json!({}), json!({"defaultTtl": 61.0})));
    }
}
