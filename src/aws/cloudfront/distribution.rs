//! Distributions. They have no names, so they are found by their tags; and their lists cannot be searched by
//! those, so that finding one may take a call for each distribution of the account.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_cloudfront::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudfront::types::{DistributionConfig, DistributionConfigWithTags, DistributionSummary};
use serde::{Deserialize, Serialize};

use super::settings::Settings;
use super::told::told;
use super::{configured, listing, tagging};
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind, at_once};
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::state::Operation;
use crate::value::{self, Fields, Value};

/// The zone of all of CloudFront's own names, and of those in China.
const ZONES: (&str, &str) = ("Z2FDTNDATAQYW2", "Z3RFFRIM2A3IF5");

#[derive(Clone, Copy)]
pub struct Distribution;

#[derive(Deserialize)]
pub struct Want {
    /// The bucket that the program calls the only one.
    origin: Option<String>,
    #[serde(default)]
    tags: Tags,
    #[serde(flatten)]
    settings: Settings,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    arn: String,
    domain_name: String,
    hosted_zone: String,
}

/// A distribution as AWS tells it in one of two ways.
struct Seen {
    arn: String,
    domain_name: String,
    status: String,
    config: DistributionConfig,
}

#[async_trait]
impl Kind for Distribution {
    type Want = Want;
    type Told = Fields;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience {
            consistency: Duration::from_secs(30),
            poll: Duration::from_secs(5),
            readiness: Duration::from_secs(45 * 60),
            deletion: Duration::from_secs(45 * 60),
        }
    }

    fn usually(&self, operation: Operation) -> Duration {
        match operation {
            Operation::Create | Operation::Update => Duration::from_secs(240),
            Operation::Delete => Duration::from_secs(300),
        }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        checked(want)?;
        let config = configured::new(&want.settings, &owner.token)?;
        let all = tagging::list(&tags::of_new(&want.tags, owner)?)?;
        let call = Call::write("cloudfront:CreateDistribution cloudfront:TagResource", "create the distribution");
        let with_tags = DistributionConfigWithTags::builder().distribution_config(config).tags(all).build();
        let sent = session.cloudfront().create_distribution_with_tags().distribution_config_with_tags(with_tags);
        let error = match sent.send().await {
            Ok(answer) => {
                let made = answer.distribution().map(|made| Made { id: made.id.as_str().into(), whole: true });
                return made.ok_or_else(|| silent("create the distribution"));
            }
            Err(error) => error,
        };
        // The token belongs to this operation alone: what exists under it was made by an earlier try.
        if code(&error) == Some("DistributionAlreadyExists")
            && let Some(id) = self.find(session, want, &Seek::Made(owner.clone())).await?
        {
            return Ok(Made { id, whole: true });
        }
        Err(about(&error, call.fault(&error)))
    }

    async fn find(&self, session: &Session, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        let all = listing::distributions(session).await?;
        match seek {
            Seek::Made(owner) => {
                // It was made as wanted a moment ago, so that few others look like it.
                for one in all.iter().filter(|one| looks_like(one, &want.settings)) {
                    if tags::is_made(&tagging::read(session, &one.arn).await?, owner) {
                        return Ok(Some(one.id.as_str().into()));
                    }
                }
                Ok(None)
            }
            Seek::Owned(owner) => {
                let mut owned = Vec::new();
                for one in &all {
                    if tags::is_owned(&tagging::read(session, &one.arn).await?, owner) {
                        owned.push(one);
                    }
                }
                one_of(&owned, "bear the tags of this component")
            }
            Seek::Identity => {
                if want.settings.aliases.is_empty() {
                    let text = "a distribution that exists already is found by its `aliases`, and there are none";
                    let help = "write one of its aliases, or name it by its id where it is used: \
                                `Distribution { id \"E...\"; }`";
                    return Err(Fault::new(FaultKind::Refused, text).on("aliases").help(help));
                }
                let answers = |one: &&DistributionSummary| {
                    let present = one.aliases.as_ref().map(|all| all.items()).unwrap_or_default();
                    present.iter().any(|alias| want.settings.aliases.contains(alias))
                };
                one_of(&all.iter().filter(answers).collect::<Vec<_>>(), "answer for one of these aliases")
            }
        }
    }

    async fn read(&self, session: &Session, place: &Place) -> Result<Option<Found<Fields, Outputs>>, Fault> {
        let Some(seen) = get(session, &place.id).await? else { return Ok(None) };
        found(session, place, &seen).await.map(Some)
    }

    async fn check(&self, session: &Session, place: &Place) -> Result<Option<Health>, Fault> {
        Ok(get(session, &place.id).await?.map(|seen| health(place, &seen.status)))
    }

    /// A list of all tells nearly everything of each, but for the tags. Where something is recorded that it does
    /// not tell, the distribution itself is asked.
    async fn read_many(
        &self,
        session: &Arc<Session>,
        places: &[Place],
    ) -> Vec<Result<Option<Found<Fields, Outputs>>, Fault>> {
        // Who may not list them may still look at each.
        let listed = match places.iter().filter(|place| is_listed(place)).count() {
            0 | 1 => Vec::new(),
            _ => listing::distributions(session).await.unwrap_or_default(),
        };
        let listed: HashMap<String, DistributionSummary> =
            listed.into_iter().map(|summary| (summary.id.clone(), summary)).collect();
        at_once(places.iter().map(|place| {
            let summary = Some(place).filter(|place| is_listed(place)).and_then(|place| listed.get(&*place.id));
            let (session, place, summary) = (session.clone(), place.clone(), summary.cloned());
            async move {
                let seen = match summary {
                    Some(summary) => Some(of_summary(&summary)?),
                    None => get(&session, &place.id).await?,
                };
                match seen {
                    Some(seen) => found(&session, &place, &seen).await.map(Some),
                    None => Ok(None),
                }
            }
        }))
        .await
    }

    async fn update(
        &self,
        session: &Session,
        place: &Place,
        old: Option<&Fields>,
        want: &Want,
        owner: &Owner,
    ) -> Result<Progress, Fault> {
        checked(want)?;
        let id = &*place.id;
        let (mut config, etag) = config(session, id).await?;
        if configured::write(&mut config, &want.settings)? {
            put(session, id, config, &etag, "update").await?;
        }
        if tags::differ(old, &want.tags) {
            let Some(seen) = get(session, id).await? else { return Err(missing(id)) };
            tagging::change(session, &seen.arn, &want.tags, owner).await?;
        }
        Ok(Progress::Done)
    }

    /// AWS deletes only what is off, and has been so everywhere.
    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let id = &*place.id;
        let call = Call::read("cloudfront:GetDistribution", format!("look at the distribution `{id}`"));
        let answer = match session.cloudfront().get_distribution().id(id).send().await {
            Ok(answer) => answer,
            Err(error) => return gone_is_done(call.fault(&error)),
        };
        let etag = answer.e_tag.unwrap_or_default();
        let Some(distribution) = answer.distribution else { return Err(silent("look at the distribution")) };
        let (status, config) = (distribution.status, distribution.distribution_config);
        match config {
            Some(mut config) if config.enabled => {
                config.enabled = false;
                match put(session, id, config, &etag, "switch off").await {
                    Ok(()) => Ok(Progress::Waiting("being switched off".to_string())),
                    Err(fault) => gone_is_done(fault),
                }
            }
            Some(_) | None if status != DEPLOYED => Ok(Progress::Waiting(status)),
            Some(_) | None => {
                let call = Call::write("cloudfront:DeleteDistribution", format!("delete the distribution `{id}`"));
                let sent = session.cloudfront().delete_distribution().id(id).if_match(etag).send();
                match sent.await {
                    Ok(_) => Ok(Progress::Done),
                    // Somebody switched it on again: the next try looks.
                    Err(error) if code(&error) == Some("DistributionNotDisabled") => {
                        Ok(Progress::Waiting("not switched off".to_string()))
                    }
                    Err(error) => gone_is_done(call.fault(&error)),
                }
            }
        }
    }
}

/// What AWS calls one whose last change has reached all places.
const DEPLOYED: &str = "Deployed";

/// What AWS would refuse with less to say.
fn checked(want: &Want) -> Result<(), Fault> {
    let settings = &want.settings;
    let refused = |text: &str, attribute: &str, help: &str| {
        Err(Fault::new(FaultKind::Refused, text.to_string()).on(attribute).help(help))
    };
    if settings.origins.is_empty() {
        let help = "write `origin BUCKET;`, or `origins [...];` with an `S3Origin` or a `CustomOrigin`";
        return refused("a distribution needs an origin to get its answers from", "origins", help);
    }
    let among = |bucket: &String| {
        settings.origins.iter().any(|origin| super::settings::bucket(&origin.domain).as_ref() == Some(bucket))
    };
    if want.origin.as_ref().is_some_and(|bucket| !among(bucket)) {
        let help = "put it into `origins` as an `S3Origin`, or leave `origin` out";
        return refused("the bucket `origin` is none of the `origins`", "origin", help);
    }
    if !settings.allowed_countries.is_empty() && !settings.blocked_countries.is_empty() {
        let help = "leave one of them empty: who is not let in is kept out";
        return refused("`allowedCountries` and `blockedCountries` are both set", "blockedCountries", help);
    }
    let names = settings.origins.iter().map(|origin| origin.name.as_str()).collect::<Vec<_>>();
    let named = |name: &Option<String>| name.as_deref().is_none_or(|name| names.contains(&name));
    let lost = |attribute: &str, name: &Option<String>| {
        let text = format!("there is no origin `{}`", name.as_deref().unwrap_or_default());
        refused(&text, attribute, &format!("the origins of this distribution are `{}`", names.join("`, `")))
    };
    if !named(&settings.behavior.origin) {
        return lost("behavior", &settings.behavior.origin);
    }
    match settings.behaviors.iter().find(|behavior| !named(&behavior.origin)) {
        Some(behavior) => lost("behaviors", &behavior.origin),
        None => Ok(()),
    }
}

/// Whether a list of distributions tells all that is recorded of it. Of one that is imported, nothing is.
fn is_listed(place: &Place) -> bool {
    let is_set = |name: &str| place.inputs.get(name).is_some_and(|value| *value != Value::Null);
    is_set("origins") && !is_set("defaultRoot") && !is_set("logs")
}

fn looks_like(one: &DistributionSummary, wanted: &Settings) -> bool {
    let domains =
        |domains: Vec<&str>| domains.into_iter().map(str::to_lowercase).collect::<std::collections::BTreeSet<_>>();
    let present = one.origins.iter().flat_map(|all| &all.items).map(|origin| origin.domain_name.as_str()).collect();
    let sought = wanted.origins.iter().map(|origin| origin.domain.as_str()).collect();
    one.comment == wanted.comment && domains(present) == domains(sought)
}

fn one_of(found: &[&DistributionSummary], what: &str) -> Result<Option<Arc<str>>, Fault> {
    match found {
        [] => Ok(None),
        [one] => Ok(Some(one.id.as_str().into())),
        several => {
            let ids: Vec<String> = several.iter().map(|one| format!("`{}`", one.id)).collect();
            let text = format!("{} distributions {what}: {}", several.len(), ids.join(", "));
            Err(Fault::new(FaultKind::Refused, text).help("delete those that are not meant, or take their tags off"))
        }
    }
}

fn of_summary(summary: &DistributionSummary) -> Result<Seen, Fault> {
    Ok(Seen {
        arn: summary.arn.clone(),
        domain_name: summary.domain_name.clone(),
        status: summary.status.clone(),
        config: configured::of_summary(summary)?,
    })
}

async fn get(session: &Session, id: &str) -> Result<Option<Seen>, Fault> {
    let call = Call::read("cloudfront:GetDistribution", format!("look at the distribution `{id}`"));
    let answer = match session.cloudfront().get_distribution().id(id).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let fault = call.fault(&error);
            return if fault.kind == FaultKind::Missing { Ok(None) } else { Err(fault) };
        }
    };
    let Some(distribution) = answer.distribution else { return Err(silent("look at the distribution")) };
    let Some(config) = distribution.distribution_config else { return Err(silent("look at the distribution")) };
    let (arn, domain_name, status) = (distribution.arn, distribution.domain_name, distribution.status);
    Ok(Some(Seen { arn, domain_name, status, config }))
}

async fn found(session: &Session, place: &Place, seen: &Seen) -> Result<Found<Fields, Outputs>, Fault> {
    let present = tagging::read(session, &seen.arn).await?;
    let settings = configured::read(&seen.config);
    let recorded = recorded(place).with_headers_of(&settings).fields();
    let mut inputs = told(settings.fields(), &recorded, &place.inputs);
    let user = tags::of_user(&present).into_iter().map(|(key, tag)| (key, Value::string(tag))).collect();
    inputs.insert("tags".into(), Value::Map(user));
    let zone = if seen.arn.starts_with("arn:aws-cn:") { ZONES.1 } else { ZONES.0 };
    let (arn, domain_name, hosted_zone) = (seen.arn.clone(), seen.domain_name.clone(), zone.to_string());
    let outputs = Outputs { arn, domain_name, hosted_zone };
    Ok(Found { inputs, outputs, health: health(place, &seen.status) })
}

/// What is recorded, or as much of it as can be understood: somebody may have found it otherwise since.
fn recorded(place: &Place) -> Settings {
    serde_json::from_value(value::reveal(&place.inputs)).unwrap_or_default()
}

fn health(place: &Place, status: &str) -> Health {
    let waits = place.inputs.get("waitDeployed") != Some(&Value::Bool(false));
    if status == DEPLOYED || !waits { Health::Live } else { Health::Waiting(status.to_string()) }
}

async fn config(session: &Session, id: &str) -> Result<(DistributionConfig, String), Fault> {
    let call = Call::read("cloudfront:GetDistributionConfig", format!("read the distribution `{id}`"));
    let answer = session.cloudfront().get_distribution_config().id(id).send().await;
    let answer = answer.map_err(|error| call.fault(&error))?;
    let config = answer.distribution_config.ok_or_else(|| silent("read the distribution"))?;
    Ok((config, answer.e_tag.unwrap_or_default()))
}

async fn put(session: &Session, id: &str, config: DistributionConfig, etag: &str, what: &str) -> Result<(), Fault> {
    let call = Call::write("cloudfront:UpdateDistribution", format!("{what} the distribution `{id}`"));
    let sent = session.cloudfront().update_distribution().id(id).distribution_config(config).if_match(etag).send();
    sent.await.map(|_| ()).map_err(|error| about(&error, call.fault(&error)))
}

/// What a refusal of a configuration is about, where its code alone does not tell: it is another thing that is
/// missing, not the distribution.
fn about<E: ProvideErrorMetadata>(error: &SdkError<E>, fault: Fault) -> Fault {
    let refused = Fault { kind: FaultKind::Refused, ..fault.clone() };
    match code(error) {
        Some("NoSuchCachePolicy" | "NoSuchFunctionExists" | "NoSuchResponseHeadersPolicy") => refused.on("behavior"),
        Some("NoSuchOriginAccessControl" | "EntityNotFound") => refused.on("origins"),
        Some("InvalidArgument") if fault.message.contains("logs") => fault.on("logs").help(
            "cloudfront writes logs with access control lists: switch them on for the bucket (object ownership \
             `BucketOwnerPreferred`)",
        ),
        _ => fault,
    }
}

fn code<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

fn gone_is_done(fault: Fault) -> Result<Progress, Fault> {
    if fault.kind == FaultKind::Missing { Ok(Progress::Done) } else { Err(fault) }
}

fn missing(id: &str) -> Fault {
    Fault::new(FaultKind::Missing, format!("the distribution `{id}` does not exist"))
}

/// An answer that says yes and nothing else.
fn silent(purpose: &str) -> Fault {
    Fault::new(FaultKind::Unknown, format!("aws did not say what became of the try to {purpose}"))
}
