//! Origin access controls. They take no tags: whose one is stands in its description, behind what it is for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_cloudfront::types::{
    DistributionSummary, OriginAccessControlConfig, OriginAccessControlSigningProtocols, OriginAccessControlSummary,
};
use serde::{Deserialize, Serialize};

use super::listing;
use super::mark::{self, Description};
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind, at_once};
use crate::aws::session::Session;
use crate::aws::tags;
use crate::value::Fields;

/// The longest name that AWS takes.
const LONGEST_NAME: usize = 64;
/// How much of an address a description shows; it has room for 256 characters.
const LONGEST_WORDS: usize = 200;

#[derive(Clone, Copy)]
pub struct OriginAccessControl;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    name: Option<String>,
    origin_type: String,
    signing: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    name: Option<String>,
    origin_type: String,
    signing: String,
}

#[derive(Serialize)]
pub struct Outputs {}

#[async_trait]
impl Kind for OriginAccessControl {
    type Want = Want;
    type Told = Told;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience { consistency: Duration::from_secs(30), deletion: Duration::from_secs(300), ..Patience::default() }
    }

    async fn create(&self, session: &Session, want: &Want, owner: &Owner) -> Result<Made, Fault> {
        let name = want.name.clone().unwrap_or_else(|| name_of(owner));
        let call = Call::write("cloudfront:CreateOriginAccessControl", format!("create the access control `{name}`"));
        let description = Description::new(&words(owner), owner).text();
        let config = config(&name, &description, want)?;
        let sent = session.cloudfront().create_origin_access_control().origin_access_control_config(config).send();
        let answer = sent.await.map_err(|error| call.fault(&error))?;
        let made = answer.origin_access_control().map(|made| Made { id: made.id.as_str().into(), whole: true });
        made.ok_or_else(|| Fault::new(FaultKind::Unknown, format!("aws did not say how it calls `{name}`")))
    }

    async fn find(&self, session: &Session, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        let is_it = |one: &OriginAccessControlSummary| {
            let mark = Description::read(&one.description).mark;
            match seek {
                Seek::Made(owner) => mark.is_some_and(|mark| mark.is_made(owner)),
                Seek::Owned(owner) => mark.is_some_and(|mark| mark.is_owned(owner)),
                Seek::Identity => want.name.as_deref() == Some(&*one.name),
            }
        };
        let all = list(session).await?;
        let found: Vec<&OriginAccessControlSummary> = all.iter().filter(|one| is_it(one)).collect();
        match found[..] {
            [] => Ok(None),
            [one] => Ok(Some(one.id.as_str().into())),
            _ => {
                let ids: Vec<String> = found.iter().map(|one| format!("`{}`", one.id)).collect();
                let text = format!("several access controls say that they are this one: {}", ids.join(", "));
                Err(Fault::new(FaultKind::Refused, text).help("delete those that no distribution uses"))
            }
        }
    }

    async fn read(&self, session: &Session, place: &Place) -> Result<Option<Found<Told, Outputs>>, Fault> {
        match get(session, &place.id).await {
            Ok((config, _)) => Ok(Some(found(
                place,
                config.name.clone(),
                config.origin_access_control_origin_type.as_str(),
                config.signing_behavior.as_str(),
            ))),
            Err(fault) if fault.kind == FaultKind::Missing => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    async fn read_many(
        &self,
        session: &Arc<Session>,
        places: &[Place],
    ) -> Vec<Result<Option<Found<Told, Outputs>>, Fault>> {
        // A list may be behind, and may be forbidden: what is not in it is asked for by itself.
        let listed = if places.len() > 1 { list(session).await.unwrap_or_default() } else { Vec::new() };
        let listed: HashMap<String, OriginAccessControlSummary> =
            listed.into_iter().map(|one| (one.id.clone(), one)).collect();
        let kind = *self;
        at_once(places.iter().map(|place| {
            let (session, place, one) = (session.clone(), place.clone(), listed.get(&*place.id).cloned());
            async move {
                match one {
                    Some(one) => Ok(Some(found(
                        &place,
                        one.name,
                        one.origin_access_control_origin_type.as_str(),
                        one.signing_behavior.as_str(),
                    ))),
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
        let name = want.name.as_ref().unwrap_or(&present.name);
        let description = Description::read(present.description.as_deref().unwrap_or_default());
        let wanted = config(name, &description.changed(&words(owner), owner).text(), want)?;
        if wanted != present {
            let call = Call::write("cloudfront:UpdateOriginAccessControl", format!("update the access control `{id}`"));
            let sent = session.cloudfront().update_origin_access_control().id(id).if_match(etag);
            let sent = sent.origin_access_control_config(wanted).send();
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
        let call = Call::write("cloudfront:DeleteOriginAccessControl", format!("delete the access control `{id}`"));
        let sent = session.cloudfront().delete_origin_access_control().id(id).if_match(etag).send();
        let Err(error) = sent.await else { return Ok(Progress::Done) };
        let fault = call.fault(&error);
        if fault.kind == FaultKind::Missing {
            return Ok(Progress::Done);
        }
        let uses = |one: &DistributionSummary| {
            let mut origins = one.origins.iter().flat_map(|all| &all.items);
            origins.any(|origin| origin.origin_access_control_id.as_deref() == Some(id))
        };
        Err(listing::held(session, fault, uses).await)
    }
}

/// What it is called when the program does not say: the end of its address, which says the most, and what no other
/// one has.
fn name_of(owner: &Owner) -> String {
    let token = mark::hash(&owner.token);
    let address: String = tags::address(&owner.address)
        .chars()
        .map(|sign| if sign.is_ascii_alphanumeric() || sign == '-' || sign == '_' { sign } else { '-' })
        .collect();
    let room = LONGEST_NAME - token.len() - 1;
    format!("{}-{token}", &address[address.len().saturating_sub(room)..])
}

/// All signs of an address as a tag are one byte each.
fn words(owner: &Owner) -> String {
    let address = tags::address(&owner.address);
    address[..address.len().min(LONGEST_WORDS)].to_string()
}

fn config(name: &str, description: &str, want: &Want) -> Result<OriginAccessControlConfig, Fault> {
    OriginAccessControlConfig::builder()
        .name(name)
        .description(description)
        .signing_protocol(OriginAccessControlSigningProtocols::Sigv4)
        .signing_behavior(want.signing.as_str().into())
        .origin_access_control_origin_type(want.origin_type.as_str().into())
        .build()
        .map_err(|error| Fault::new(FaultKind::Refused, format!("the access control cannot be described: {error}")))
}

fn found(place: &Place, name: String, origin_type: &str, signing: &str) -> Found<Told, Outputs> {
    // A name that nobody chose is nothing that the program says.
    let is_chosen = place.inputs.contains_key("name") || !place.inputs.contains_key("signing");
    let told =
        Told { name: is_chosen.then_some(name), origin_type: origin_type.to_string(), signing: signing.to_string() };
    Found { inputs: told, outputs: Outputs {}, health: Health::Live }
}

async fn get(session: &Session, id: &str) -> Result<(OriginAccessControlConfig, String), Fault> {
    let call = Call::read("cloudfront:GetOriginAccessControl", format!("look at the access control `{id}`"));
    let answer = session.cloudfront().get_origin_access_control().id(id).send().await;
    let answer = answer.map_err(|error| call.fault(&error))?;
    let config = answer.origin_access_control.and_then(|one| one.origin_access_control_config);
    let nothing = || Fault::new(FaultKind::Unavailable, format!("aws said nothing of the access control `{id}`"));
    Ok((config.ok_or_else(nothing)?, answer.e_tag.unwrap_or_default()))
}

async fn list(session: &Session) -> Result<Vec<OriginAccessControlSummary>, Fault> {
    let call = Call::read("cloudfront:ListOriginAccessControls", "list the access controls");
    let mut all = Vec::new();
    let mut marker = None;
    loop {
        let sent = session.cloudfront().list_origin_access_controls().set_marker(marker).send();
        let answer = sent.await.map_err(|error| call.fault(&error))?;
        let Some(page) = answer.origin_access_control_list else { return Ok(all) };
        all.extend(page.items.unwrap_or_default());
        marker = page.next_marker.filter(|next| !next.is_empty());
        if marker.is_none() {
            return Ok(all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nobody_chose_fits_and_is_no_others() {
        let name = |address: &str, token: &str| {
            name_of(&Owner { lineage: "l".into(), address: address.parse().unwrap(), token: token.into() })
        };
        assert_eq!(name("site.oac[0]", "t"), format!("site-oac-0-{}", mark::hash("t")));
        assert_ne!(name("a", "t1"), name("a", "t2"));
        let long = name(&format!("{}.oac", "x".repeat(100)), "t");
        assert!(long.len() == LONGEST_NAME && long.contains("-oac-"), "{long}");
    }
}
