//! Things that are there without anybody's making, found by what they are like: images, and the zones of a region.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ec2::types::{AvailabilityZone, AvailabilityZoneOptInStatus, Filter, Image as Item, ImageState};
use serde::{Deserialize, Serialize};

use super::tagging;
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek};
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind};
use crate::aws::session::Session;
use crate::value::Fields;

#[derive(Clone, Copy)]
pub struct ImageLookup;

#[derive(Deserialize)]
pub struct Criteria {
    owner: String,
    name: String,
    newest: bool,
    architecture: Option<String>,
}

/// A lookup is its criteria: there is nothing to compare.
#[derive(Serialize)]
pub struct Nothing {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    #[serde(rename = "imageID")]
    image_id: String,
    image_name: String,
    created: String,
}

/// How many are named when several fit, or nearly.
const NAMED: usize = 5;

impl Criteria {
    fn filters(&self, name: &str, architecture: Option<&str>) -> Vec<Filter> {
        let mut filters = vec![tagging::filter("name", [name]), tagging::filter("state", ["available"])];
        filters.extend(architecture.map(|text| tagging::filter("architecture", [text])));
        filters
    }

    /// The image that is meant.
    ///
    /// # Errors
    /// When several fit, and the newest is not asked for.
    fn choose(&self, mut items: Vec<Item>) -> Result<Option<Item>, Fault> {
        newest_first(&mut items);
        if items.len() > 1 && !self.newest {
            let text = format!("{} images of `{}` are called `{}`", items.len(), self.owner, self.name);
            return Err(Fault::new(FaultKind::Refused, text).on("name").help(format!(
                "write `newest true;` for the one that was made last ({}), or a longer name: {}",
                items.first().map(|item| item.image_id().unwrap_or_default()).unwrap_or_default(),
                names(&items)
            )));
        }
        Ok(items.into_iter().next())
    }

    /// That there is none, and what there is instead.
    async fn none(&self, session: &Session) -> Fault {
        let architecture = self.architecture.as_deref().map(|text| format!(" for `{text}`")).unwrap_or_default();
        let text =
            format!("no image of `{}` in {} is called `{}`{architecture}", self.owner, session.region, self.name);
        let fault = Fault::new(FaultKind::Refused, text).on("name");
        let help = "look at the owner and the name: `*` stands for any text, and an image is in one region only";
        match self.nearby(session).await {
            Ok(Some(nearby)) => fault.help(nearby),
            // That nothing was found is what counts.
            Ok(None) | Err(_) => fault.help(help),
        }
    }

    /// What fits less strict criteria.
    async fn nearby(&self, session: &Session) -> Result<Option<String>, Fault> {
        if let Some(architecture) = &self.architecture {
            let items = images(session, &self.owner, self.filters(&self.name, None)).await?;
            let others: BTreeSet<&str> = items.iter().filter_map(|item| Some(item.architecture()?.as_str())).collect();
            if !others.is_empty() {
                let others = others.into_iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(" and ");
                return Ok(Some(format!("there are such images for {others}, not for `{architecture}`")));
            }
        }
        for pattern in wider(&self.name) {
            let mut items = images(session, &self.owner, self.filters(&pattern, None)).await?;
            if !items.is_empty() {
                newest_first(&mut items);
                return Ok(Some(format!(
                    "of `{pattern}` there are {}, the newest of them {}",
                    items.len(),
                    names(&items)
                )));
            }
        }
        Ok(None)
    }
}

/// Patterns that more names fit, from narrow to wide: what stands before the first sign that stands for others,
/// and that without its last piece.
fn wider(name: &str) -> Vec<String> {
    let start = name.split(['*', '?']).next().unwrap_or_default();
    let mut all = Vec::new();
    let mut piece = start.trim_end_matches(['-', '/', '_', '.', ' ']);
    while !piece.is_empty() && all.len() < 3 {
        let pattern = format!("{piece}*");
        if pattern != name {
            all.push(pattern);
        }
        let Some(at) = piece.rfind(['-', '/', '_', '.', ' ']) else { break };
        piece = &piece[..at];
    }
    all
}

fn newest_first(items: &mut [Item]) {
    // RFC 3339 in one zone: the order of the texts is that of the times.
    let key = |item: &Item| (item.creation_date().map(str::to_string), item.image_id().map(str::to_string));
    items.sort_by_cached_key(|item| std::cmp::Reverse(key(item)));
}

fn names(items: &[Item]) -> String {
    let named = items.iter().take(NAMED).map(|item| format!("`{}`", item.name().unwrap_or_default()));
    let mut text = named.collect::<Vec<_>>().join(", ");
    if items.len() > NAMED {
        text.push_str(", ...");
    }
    text
}

async fn images(session: &Session, owner: &str, filters: Vec<Filter>) -> Result<Vec<Item>, Fault> {
    let call = Call::read("ec2:DescribeImages", "look for images");
    let request = session.ec2().describe_images().owners(owner).set_filters(Some(filters));
    let mut pages = request.into_paginator().page_size(1000).send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        all.extend_from_slice(page.map_err(|error| call.fault(&error))?.images());
    }
    // Emulators pass over filters that they do not know.
    all.retain(|item| item.state().is_none_or(|state| *state == ImageState::Available));
    Ok(all)
}

#[async_trait]
impl Kind for ImageLookup {
    type Want = Criteria;
    type Told = Nothing;
    type Outputs = Image;

    fn patience(&self) -> Patience {
        Patience::default()
    }

    async fn create(&self, _session: &Session, _want: &Criteria, _owner: &Owner) -> Result<Made, Fault> {
        Err(only_looked_up("an image"))
    }

    async fn find(&self, session: &Session, want: &Criteria, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        match seek {
            Seek::Identity => {}
            Seek::Made(_) | Seek::Owned(_) => return Ok(None),
        }
        let filters = want.filters(&want.name, want.architecture.as_deref());
        let items = images(session, &want.owner, filters).await?;
        match want.choose(items)? {
            Some(item) => Ok(item.image_id().map(Arc::from)),
            None => Err(want.none(session).await),
        }
    }

    async fn read(&self, session: &Session, place: &Place) -> Result<Option<Found<Nothing, Image>>, Fault> {
        let found = self.read_places(session, std::slice::from_ref(place)).await?;
        Ok(found.into_iter().next().flatten())
    }

    async fn read_many(
        &self,
        session: &Arc<Session>,
        places: &[Place],
    ) -> Vec<Result<Option<Found<Nothing, Image>>, Fault>> {
        match self.read_places(session, places).await {
            Ok(found) => found.into_iter().map(Ok).collect(),
            Err(fault) => places.iter().map(|_| Err(fault.clone())).collect(),
        }
    }

    async fn update(
        &self,
        _session: &Session,
        _place: &Place,
        _old: Option<&Fields>,
        _want: &Criteria,
        _owner: &Owner,
    ) -> Result<Progress, Fault> {
        Err(only_looked_up("an image"))
    }

    async fn delete(&self, _session: &Session, _place: &Place) -> Result<Progress, Fault> {
        Err(only_looked_up("an image"))
    }
}

impl ImageLookup {
    /// What became of images that were found; nothing for those that are gone.
    async fn read_places(
        &self,
        session: &Session,
        places: &[Place],
    ) -> Result<Vec<Option<Found<Nothing, Image>>>, Fault> {
        let ids: Vec<&str> = places.iter().map(|place| &*place.id).collect::<BTreeSet<_>>().into_iter().collect();
        let mut items = Vec::new();
        for chunk in ids.chunks(tagging::VALUES_OF_A_FILTER) {
            let call = Call::read("ec2:DescribeImages", "read images");
            let filter = tagging::filter("image-id", chunk.iter().copied());
            // Whoever owns it, and also once its owner calls it out of date.
            let request = session.ec2().describe_images().filters(filter).include_deprecated(true);
            let mut pages = request.into_paginator().page_size(1000).send();
            while let Some(page) = pages.next().await {
                items.extend_from_slice(page.map_err(|error| call.fault(&error))?.images());
            }
        }
        let found = |place: &Place| {
            let item = items.iter().find(|item| item.image_id() == Some(&*place.id))?;
            let text = |text: Option<&str>| text.unwrap_or_default().to_string();
            let outputs = Image {
                image_id: place.id.to_string(),
                image_name: text(item.name()),
                created: text(item.creation_date()),
            };
            Some(Found { inputs: Nothing {}, outputs, health: Health::Live })
        };
        Ok(places.iter().map(found).collect())
    }
}

fn only_looked_up(what: &str) -> Fault {
    Fault::new(FaultKind::Refused, format!("{what} that is looked up is not made, changed or deleted"))
        .help("leave its lists of actions empty, as the library has them")
}

/// The zones of a region that everybody can use. Their id is the region's name.
#[derive(Clone, Copy)]
pub struct AvailabilityZoneLookup;

/// The region says it all.
#[derive(Deserialize)]
pub struct OfRegion {}

#[derive(Serialize)]
pub struct Zones {
    names: Vec<String>,
}

/// Whether it is one of the region's own, and switched on. Local and wavelength zones have other types. How it is
/// at the moment does not count: a list that gets shorter in a bad hour would move what was chosen from it.
fn is_standard(zone: &AvailabilityZone) -> bool {
    let is_on = zone.opt_in_status().is_none_or(|status| *status != AvailabilityZoneOptInStatus::NotOptedIn);
    let is_own = zone.zone_type().is_none_or(|kind| kind == "availability-zone");
    is_on && is_own
}

#[async_trait]
impl Kind for AvailabilityZoneLookup {
    type Want = OfRegion;
    type Told = Nothing;
    type Outputs = Zones;

    fn patience(&self) -> Patience {
        Patience::default()
    }

    async fn create(&self, _session: &Session, _want: &OfRegion, _owner: &Owner) -> Result<Made, Fault> {
        Err(only_looked_up("a list of zones"))
    }

    async fn find(&self, session: &Session, _want: &OfRegion, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        match seek {
            Seek::Identity => Ok(Some(session.region.as_str().into())),
            Seek::Made(_) | Seek::Owned(_) => Ok(None),
        }
    }

    async fn read(&self, session: &Session, _place: &Place) -> Result<Option<Found<Nothing, Zones>>, Fault> {
        let call = Call::read("ec2:DescribeAvailabilityZones", format!("list the zones of {}", session.region));
        let sent = session.ec2().describe_availability_zones().send();
        let answer = sent.await.map_err(|error| call.fault(&error))?;
        let standard = answer.availability_zones().iter().filter(|zone| is_standard(zone));
        let mut names: Vec<String> = standard.filter_map(|zone| zone.zone_name().map(str::to_string)).collect();
        names.sort();
        Ok(Some(Found { inputs: Nothing {}, outputs: Zones { names }, health: Health::Live }))
    }

    async fn update(
        &self,
        _session: &Session,
        _place: &Place,
        _old: Option<&Fields>,
        _want: &OfRegion,
        _owner: &Owner,
    ) -> Result<Progress, Fault> {
        Err(only_looked_up("a list of zones"))
    }

    async fn delete(&self, _session: &Session, _place: &Place) -> Result<Progress, Fault> {
        Err(only_looked_up("a list of zones"))
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::AvailabilityZoneState;

    use super::*;

    fn image(id: &str, name: &str, created: &str) -> Item {
        Item::builder().image_id(id).name(name).creation_date(created).build()
    }

    fn criteria(newest: bool) -> Criteria {
        Criteria { owner: "0".into(), name: "web-*".into(), newest, architecture: None }
    }

    #[test]
    fn several_that_fit_are_one_only_when_the_newest_is_asked_for() {
        let all = || {
            vec![
                image("ami-1", "web-1", "2024-01-01T00:00:00.000Z"),
                image("ami-3", "web-3", "2026-01-01T00:00:00.000Z"),
                image("ami-2", "web-2", "2025-01-01T00:00:00.000Z"),
            ]
        };
        let chosen = criteria(true).choose(all()).unwrap().unwrap();
        assert_eq!(chosen.image_id(), Some("ami-3"));
        let fault = criteria(false).choose(all()).unwrap_err();
        assert_eq!(fault.message, "3 images of `0` are called `web-*`");
        let help =
            "write `newest true;` for the one that was made last (ami-3), or a longer name: `web-3`, `web-2`, `web-1`";
        assert_eq!(fault.help.as_deref(), Some(help));
        assert_eq!(criteria(false).choose(all()[..1].to_vec()).unwrap().unwrap().image_id(), Some("ami-1"));
        assert!(criteria(true).choose(Vec::new()).unwrap().is_none());
    }

    #[test]
    fn a_name_that_nothing_has_is_made_wider_step_by_step() {
        assert_eq!(wider("ubuntu/images/*22.04*"), ["ubuntu/images*", "ubuntu*"]);
        assert_eq!(wider("al2023-ami-9.x"), ["al2023-ami-9.x*", "al2023-ami-9*", "al2023-ami*"]);
        assert_eq!(wider("web*"), Vec::<String>::new());
        assert_eq!(wider("*"), Vec::<String>::new());
    }

    #[test]
    fn zones_that_are_local_or_off_are_left_out() {
        let zone = |kind: &str, opt: &str, state: &str| {
            AvailabilityZone::builder()
                .zone_type(kind)
                .opt_in_status(AvailabilityZoneOptInStatus::from(opt))
                .state(AvailabilityZoneState::from(state))
                .build()
        };
        for (kind, opt, state, expected) in [
            ("availability-zone", "opt-in-not-required", "available", true),
            ("availability-zone", "opted-in", "available", true),
            ("local-zone", "opted-in", "available", false),
            ("wavelength-zone", "not-opted-in", "available", false),
            ("availability-zone", "opt-in-not-required", "impaired", true),
            ("availability-zone", "not-opted-in", "available", false),
        ] {
            assert_eq!(is_standard(&zone(kind, opt, state)), expected, "{kind} {opt} {state}");
        }
    }
}
