//! Instances that somebody started, found by what they are like, and ended if the program says so.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ec2::types::{Filter, InstanceStateName};
use serde::{Deserialize, Serialize};

use super::group::{self, Listed};
use super::lookup::Nothing;
use super::tagging;
use crate::apply::provider::{Fault, FaultKind, Health, Made, Owner, Patience, Place, Progress, Seek};
use crate::aws::act::Act;
use crate::aws::fault::Call;
use crate::aws::kind::{Found, Kind, decode};
use crate::aws::session::Session;
use crate::value::Fields;

#[derive(Clone, Copy)]
pub struct InstanceLookup;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Criteria {
    #[serde(rename = "imageID")]
    image_id: Option<String>,
    #[serde(default)]
    with_tags: BTreeMap<String, String>,
    #[serde(default)]
    states: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    instances: Vec<String>,
    public_ips: Vec<String>,
}

impl Criteria {
    /// # Errors
    /// When there are none: all instances of an account are never meant.
    fn filters(&self) -> Result<Vec<Filter>, Fault> {
        let image = self.image_id.iter().map(|id| tagging::filter("image-id", [id.as_str()]));
        let tags = self.with_tags.iter().map(|(key, value)| tagging::filter(&format!("tag:{key}"), [value.as_str()]));
        let mut filters: Vec<Filter> = image.chain(tags).collect();
        if filters.is_empty() {
            let text = "nothing says which instances are looked for, and all of an account are never meant";
            return Err(Fault::new(FaultKind::Refused, text)
                .on("withTags")
                .help("write `withTags { team \"web\"; }` or `imageID \"ami-...\";`"));
        }
        if !self.states.is_empty() {
            filters.push(tagging::filter("instance-state-name", self.states.iter().cloned()));
        }
        Ok(filters)
    }

    /// The criteria in one line: what a lookup is, it is by them.
    fn id(&self) -> String {
        let image = self.image_id.iter().map(|id| format!("image={id}"));
        let tags = self.with_tags.iter().map(|(key, value)| format!("{key}={value}"));
        image.chain(tags).collect::<Vec<_>>().join(",")
    }
}

#[async_trait]
impl Kind for InstanceLookup {
    type Want = Criteria;
    type Told = Nothing;
    type Outputs = Outputs;

    fn patience(&self) -> Patience {
        Patience::default()
    }

    async fn create(&self, _session: &Session, _want: &Criteria, _owner: &Owner) -> Result<Made, Fault> {
        Err(never_made())
    }

    async fn find(&self, _session: &Session, want: &Criteria, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        match seek {
            Seek::Identity => want.filters().map(|_| Some(want.id().into())),
            Seek::Made(_) | Seek::Owned(_) => Ok(None),
        }
    }

    /// None at all is an answer too.
    async fn read(&self, session: &Session, place: &Place) -> Result<Option<Found<Nothing, Outputs>>, Fault> {
        let criteria: Criteria = decode(&place.kind, &place.inputs)?;
        let mut found = group::list(session, criteria.filters()?).await?;
        found.retain(|one| !one.is(&[InstanceStateName::Terminated]));
        found.sort_by(|one, other| one.id().cmp(other.id()));
        let ips = found.iter().filter_map(|one| one.instance.public_ip_address());
        let outputs = Outputs {
            instances: found.iter().map(|one| one.id().to_string()).collect(),
            public_ips: ips.map(str::to_string).collect(),
        };
        Ok(Some(Found { inputs: Nothing {}, outputs, health: Health::Live }))
    }

    async fn update(
        &self,
        _session: &Session,
        _place: &Place,
        _old: Option<&Fields>,
        _want: &Criteria,
        _owner: &Owner,
    ) -> Result<Progress, Fault> {
        Err(never_made())
    }

    async fn delete(&self, _session: &Session, _place: &Place) -> Result<Progress, Fault> {
        Err(never_made())
    }
}

/// Ends instances: those that were found when it was last looked, or those that it names.
#[derive(Clone, Copy)]
pub struct TerminateInstances;

#[derive(Deserialize)]
pub struct Settings {
    instances: Option<Vec<String>>,
}

#[async_trait]
impl Act for TerminateInstances {
    type Settings = Settings;

    async fn run(&self, session: &Session, place: &Place, settings: &Settings, _: &str) -> Result<Progress, Fault> {
        let ids = match &settings.instances {
            Some(ids) => ids.clone(),
            None if &*place.kind == "aws.InstanceLookup" => group::recorded(place),
            None => {
                let text = format!("`{}` looks no instances up that could be terminated", place.address);
                return Err(Fault::new(FaultKind::Refused, text).help("say which: `instances [\"i-...\"];`"));
            }
        };
        let (mut alive, mut going) = (Vec::new(), 0);
        for chunk in ids.chunks(tagging::VALUES_OF_A_FILTER) {
            let found = group::list(session, vec![tagging::filter("instance-id", chunk.iter().cloned())]).await?;
            going += found.iter().filter(|one| one.is(&[InstanceStateName::ShuttingDown])).count();
            alive.extend(found.iter().filter(|one| one.is_alive()).map(|one: &Listed| one.id().to_string()));
        }
        for chunk in alive.chunks(tagging::VALUES_OF_A_FILTER) {
            let names = chunk.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
            let call = Call::write("ec2:TerminateInstances", format!("terminate {names}"));
            let sent = session.ec2().terminate_instances().set_instance_ids(Some(chunk.to_vec())).send();
            sent.await.map_err(|error| call.fault(&error))?;
        }
        match alive.len() + going {
            0 => Ok(Progress::Done),
            left => Ok(Progress::Waiting(format!("shutting down ({left} left)"))),
        }
    }
}

fn never_made() -> Fault {
    Fault::new(FaultKind::Refused, "instances that are looked up are not made, changed or deleted")
        .help("`TerminateInstances` ends them; leave the other actions as the library has them")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_instances_of_an_account_are_never_meant() {
        let criteria = |json| serde_json::from_value::<Criteria>(json).unwrap();
        let none = criteria(serde_json::json!({ "states": ["running"] }));
        assert_eq!(none.filters().unwrap_err().attribute.unwrap().as_str(), "withTags");
        let some = criteria(serde_json::json!({ "imageID": "ami-1", "withTags": { "team": "a", "b": "c" } }));
        assert_eq!((some.filters().unwrap().len(), some.id().as_str()), (3, "image=ami-1,b=c,team=a"));
    }
}
