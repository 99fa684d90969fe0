//! Functions at the edges. One has two stages: what is stored, and what is live. A change is stored first and
//! put live then; what is compared with the program is what is live.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_cloudfront::primitives::Blob;
use aws_sdk_cloudfront::types::{DistributionSummary, FunctionConfig, FunctionStage, FunctionSummary};
use serde::{Deserialize, Serialize};

use super::{listing, tagging};
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::aws::tags::{self, Tags};
use crate::value::Fields;

#[derive(Clone, Copy)]
pub struct Function;

#[derive(Deserialize)]
pub struct Want {
    name: String,
    code: String,
    runtime: String,
    #[serde(default)]
    comment: String,
    #[serde(default)]
    tags: Tags,
}

#[derive(Serialize)]
pub struct Told {
    name: String,
    code: String,
    runtime: Option<String>,
    comment: Option<String>,
    tags: Tags,
}

#[derive(Serialize)]
pub struct Outputs {
    arn: String,
}

/// One stage of a function.
struct Stage {
    summary: FunctionSummary,
    etag: String,
}

#[async_trait]
impl Kind for Function {
    type Want = Want;
    type Told = Told;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience { consistency: Duration::from_secs(30), deletion: Duration::from_secs(300), ..Patience::default() }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let name = &want.name;
        let call =
            Call::write("cloudfront:CreateFunction cloudfront:TagResource", format!("create the function `{name}`"));
        let sent = session
            .cloudfront()
            .create_function()
            .name(name)
            .function_config(config(want, None)?)
            .function_code(Blob::new(want.code.as_bytes()))
            .tags(tagging::list(&tags::of_new(&want.tags, owner)?)?);
        let answer = sent.send().await.map_err(|error| call.fault(&error))?;
        let made = answer.function_summary().and_then(arn).map(|arn| Made { id: arn.into(), whole: false });
        made.ok_or_else(|| Fault::new(FaultKind::Unknown, format!("aws did not say how it calls `{name}`")))
    }

    async fn find(&self, session: &Session, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        let Some(stored) = describe(session, &want.name, FunctionStage::Development).await? else { return Ok(None) };
        let Some(arn) = arn(&stored.summary) else { return Ok(None) };
        let is_it = match seek {
            Seek::Made(owner) => tags::is_made(&tagging::read(session, arn).await?, owner),
            Seek::Owned(owner) => tags::is_owned(&tagging::read(session, arn).await?, owner),
            Seek::Identity => true,
        };
        Ok(is_it.then(|| arn.into()))
    }

    async fn read(&self, session: &Session, place: &Place) -> Result<Option<Found<Told, Outputs>>, Fault> {
        let name = name(&place.id);
        let live = describe(session, name, FunctionStage::Live).await?;
        let code = match &live {
            Some(_) => code(session, name, FunctionStage::Live).await?,
            // It was stored and never put live: nothing runs.
            None => Some(String::new()),
        };
        let stage = match live {
            Some(stage) => Some(stage),
            None => describe(session, name, FunctionStage::Development).await?,
        };
        let (Some(stage), Some(code)) = (stage, code) else { return Ok(None) };
        let Some(arn) = arn(&stage.summary) else { return Ok(None) };
        let config = stage.summary.function_config();
        let told = Told {
            name: name.to_string(),
            code,
            runtime: config.map(|config| config.runtime.as_str().to_string()),
            comment: config.map(|config| config.comment.clone()),
            tags: tags::of_user(&tagging::read(session, arn).await?),
        };
        Ok(Some(Found { inputs: told, outputs: Outputs { arn: arn.to_string() }, health: Health::Live }))
    }

    async fn check(&self, session: &Session, place: &Place) -> Result<Option<Health>, Fault> {
        let name = name(&place.id);
        if describe(session, name, FunctionStage::Live).await?.is_some() {
            return Ok(Some(Health::Live));
        }
        let stored = describe(session, name, FunctionStage::Development).await?;
        Ok(stored.map(|_| Health::Waiting("not put live".to_string())))
    }

    async fn update(
        &self,
        session: &Session,
        place: &Place,
        old: Option<&Fields>,
        want: &Want,
        owner: &Owner,
    ) -> Result<Progress, Fault> {
        let name = name(&place.id);
        let gone = || Fault::new(FaultKind::Missing, format!("the function `{name}` does not exist"));
        let stored = describe(session, name, FunctionStage::Development).await?.ok_or_else(gone)?;
        let present = stored.summary.function_config();
        let wanted = config(want, present)?;
        let mut etag = stored.etag;
        if present != Some(&wanted) || code(session, name, FunctionStage::Development).await? != Some(want.code.clone())
        {
            let call = Call::write("cloudfront:UpdateFunction", format!("update the function `{name}`"));
            let sent =
                session.cloudfront().update_function().name(name).if_match(&etag).function_config(wanted.clone());
            let sent = sent.function_code(Blob::new(want.code.as_bytes())).send();
            etag = sent.await.map_err(|error| call.fault(&error))?.e_tag.unwrap_or(etag);
        }
        let live = describe(session, name, FunctionStage::Live).await?;
        let is_live = match live.as_ref().and_then(|live| live.summary.function_config()) {
            Some(live) if *live == wanted => code(session, name, FunctionStage::Live).await? == Some(want.code.clone()),
            Some(_) | None => false,
        };
        if !is_live {
            let call = Call::write("cloudfront:PublishFunction", format!("put the function `{name}` live"));
            let sent = session.cloudfront().publish_function().name(name).if_match(&etag).send();
            sent.await.map_err(|error| call.fault(&error))?;
        }
        if tags::differ(old, &want.tags) {
            let arn = arn(&stored.summary).ok_or_else(gone)?;
            tagging::change(session, arn, &want.tags, owner).await?;
        }
        Ok(Progress::Done)
    }

    async fn delete(&self, session: &Session, place: &Place) -> Result<Progress, Fault> {
        let name = name(&place.id);
        let Some(stored) = describe(session, name, FunctionStage::Development).await? else {
            return Ok(Progress::Done);
        };
        let call = Call::write("cloudfront:DeleteFunction", format!("delete the function `{name}`"));
        let Err(error) = session.cloudfront().delete_function().name(name).if_match(stored.etag).send().await else {
            return Ok(Progress::Done);
        };
        let fault = call.fault(&error);
        if fault.kind == FaultKind::Missing {
            return Ok(Progress::Done);
        }
        let id = arn(&stored.summary);
        let uses = |one: &DistributionSummary| {
            let default = one.default_cache_behavior.iter().filter_map(|part| part.function_associations.as_ref());
            let others = one.cache_behaviors.iter().flat_map(|all| all.items());
            let others = others.filter_map(|part| part.function_associations.as_ref());
            default.chain(others).flat_map(|all| all.items()).any(|used| Some(&*used.function_arn) == id)
        };
        Err(listing::held(session, fault, uses).await)
    }
}

/// Its id is its ARN, which distributions ask for; calls about it take the name at its end.
fn name(id: &str) -> &str {
    id.rsplit_once('/').map_or(id, |(_, name)| name)
}

fn arn(summary: &FunctionSummary) -> Option<&str> {
    summary.function_metadata().map(|metadata| metadata.function_arn.as_str())
}

/// Its stores of keys and values stay as somebody set them.
fn config(want: &Want, present: Option<&FunctionConfig>) -> Result<FunctionConfig, Fault> {
    FunctionConfig::builder()
        .comment(&want.comment)
        .runtime(want.runtime.as_str().into())
        .set_key_value_store_associations(present.and_then(|present| present.key_value_store_associations.clone()))
        .build()
        .map_err(|error| Fault::new(FaultKind::Refused, format!("the function cannot be described to aws: {error}")))
}

async fn describe(session: &Session, name: &str, stage: FunctionStage) -> Result<Option<Stage>, Fault> {
    let call = Call::read("cloudfront:DescribeFunction", format!("look at the function `{name}`"));
    match session.cloudfront().describe_function().name(name).stage(stage).send().await {
        Ok(answer) => {
            let etag = answer.e_tag.unwrap_or_default();
            Ok(answer.function_summary.map(|summary| Stage { summary, etag }))
        }
        Err(error) => {
            let fault = call.fault(&error);
            if fault.kind == FaultKind::Missing { Ok(None) } else { Err(fault) }
        }
    }
}

async fn code(session: &Session, name: &str, stage: FunctionStage) -> Result<Option<String>, Fault> {
    let call = Call::read("cloudfront:GetFunction", format!("read the function `{name}`"));
    match session.cloudfront().get_function().name(name).stage(stage).send().await {
        Ok(answer) => {
            let code = answer.function_code.unwrap_or_else(|| Blob::new([]));
            Ok(Some(String::from_utf8_lossy(code.as_ref()).into_owned()))
        }
        Err(error) => {
            let fault = call.fault(&error);
            if fault.kind == FaultKind::Missing { Ok(None) } else { Err(fault) }
        }
    }
}
