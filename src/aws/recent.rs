//! What is known to exist. AWS is eventually consistent: an id that one call returned or listed may be `NotFound` to
//! the next call ("Ensure eventual consistency", Amazon EC2 developer guide). A call that fails because of such an id
//! was not carried out, and succeeds later; an id that is not known here is missing at once.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::apply::provider::{Fault, FaultKind, Patience};
use crate::value::{self, Fields};

/// The shortest time for which a call is made again that does not find what exists.
const SHORTEST: Duration = Duration::from_secs(120);

/// What one process knows.
#[derive(Default)]
pub struct Recent(Mutex<Ids>);

#[derive(Default)]
struct Ids {
    /// Those that were created, or found by looking.
    known: HashSet<Arc<str>>,
    /// Those whose deletion was asked for, and accepted.
    deleted: HashSet<Arc<str>>,
    /// Those that this run is going to delete.
    leaving: HashSet<Arc<str>>,
    /// The group that each instance was started for.
    groups: HashMap<String, Arc<str>>,
    /// Since when something is waited for.
    since: HashMap<String, Instant>,
}

impl Recent {
    pub fn note(&self, id: &Arc<str>) {
        self.ids().known.insert(id.clone());
    }

    pub fn note_deleted(&self, id: &Arc<str>) {
        let mut ids = self.ids();
        ids.known.remove(id);
        ids.deleted.insert(id.clone());
    }

    pub fn note_members(&self, group: &str, instances: impl Iterator<Item = String>) {
        let group: Arc<str> = group.into();
        self.ids().groups.extend(instances.map(|id| (id, group.clone())));
    }

    /// The group that this process started an instance for.
    pub fn group_of(&self, instance: &str) -> Option<Arc<str>> {
        self.ids().groups.get(instance).cloned()
    }

    pub fn note_leaving(&self, ids: &[Arc<str>]) {
        self.ids().leaving = ids.iter().cloned().collect();
    }

    /// For how long something has been waited for, which begins with the first question.
    pub fn waited(&self, what: &str) -> Duration {
        self.ids().since.entry(what.to_string()).or_insert_with(Instant::now).elapsed()
    }

    /// Whether it goes by itself: this run deletes it. What was deleted a short time ago may be listed still, and hold
    /// what it was in.
    pub fn is_going(&self, id: &str) -> bool {
        let ids = self.ids();
        ids.deleted.contains(id) || ids.leaving.contains(id)
    }

    fn ids(&self) -> MutexGuard<'_, Ids> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A fault of a call with these values, about a resource with this id: one that says of a known id that it does
    /// not exist passes later. Where the type has read it as a refusal, it is not about the resource itself.
    pub fn judge(&self, fault: Fault, values: &Fields, own: Option<&str>, patience: Patience) -> Fault {
        if !fault.absent {
            return fault;
        }
        let known = &self.ids().known;
        let is_known = |text: &str| known.contains(text) || text.split([':', '/']).any(|part| known.contains(part));
        let own = own.filter(|_| fault.kind == FaultKind::Missing);
        let named =
            own.filter(|id| is_known(id)).map(str::to_string).or_else(|| first(&value::reveal(values), &is_known));
        let Some(named) = named else { return fault };
        let help = format!("`{named}` exists, and AWS does not find it yet: apply again in a few minutes");
        let help = fault.help.clone().unwrap_or(help);
        let within = Some(patience.consistency.max(SHORTEST));
        Fault { kind: FaultKind::Unavailable, within, ..fault }.help(help)
    }
}

/// The first text in a value that passes a test.
fn first(value: &Json, test: &impl Fn(&str) -> bool) -> Option<String> {
    match value {
        Json::String(text) => test(text).then(|| text.clone()),
        Json::Array(items) => items.iter().find_map(|item| first(item, test)),
        Json::Object(fields) => fields.values().find_map(|field| first(field, test)),
        Json::Null | Json::Bool(_) | Json::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn only_a_known_id_that_is_missing_passes_later() {
        let recent = Recent::default();
        recent.note(&"vpc-1".into());
        recent.note(&"oac-1".into());
        let values = |text: &str| Fields::from([("list".into(), Value::List(vec![Value::string(text)]))]);
        let judged = |fault: Fault, text: &str, own| {
            let fault = recent.judge(fault, &values(text), own, Patience::default());
            (fault.kind, fault.within.is_some())
        };
        let missing = || Fault::new(FaultKind::Missing, "not there");
        let (later, at_once) = ((FaultKind::Unavailable, true), (FaultKind::Missing, false));
        assert_eq!(judged(missing(), "vpc-1", None), later);
        assert_eq!(judged(missing(), "vpc-12", None), at_once);
        assert_eq!(judged(missing(), "x", Some("vpc-1:0.0.0.0/0")), later);
        assert_eq!(judged(missing(), "arn:aws:x:oac/oac-1", None), later);
        assert_eq!(judged(missing(), "x", Some("y")), at_once);
        assert_eq!(judged(Fault::new(FaultKind::Refused, "no"), "vpc-1", None), (FaultKind::Refused, false));
        // That it was read as something else by its type changes nothing.
        assert_eq!(judged(Fault { kind: FaultKind::Refused, ..missing() }, "vpc-1", None), later);
        let other = || Fault { kind: FaultKind::Refused, ..missing() };
        assert_eq!(judged(other(), "x", Some("vpc-1")), (FaultKind::Refused, false));
        recent.note_deleted(&"vpc-1".into());
        assert_eq!(judged(missing(), "vpc-1", None), at_once);
        assert!(recent.is_going("vpc-1") && !recent.is_going("oac-1"));
        recent.note_leaving(&["oac-1".into()]);
        assert!(recent.is_going("oac-1"));
    }
}
