//! How many calls it takes, of a cloud that counts them, and what each look comes to.

use std::sync::Mutex;

use async_trait::async_trait;

use super::*;
use crate::apply::limit::Calls;
use crate::apply::provider::{FaultKind, Health, Here, Made, Patience, Place, Progress, Provider, Reading, Seek, Want};
use crate::graph::ResourceGraph;
use crate::state::State;
use crate::value::Fields;

/// A cloud that keeps the calls made to it. What a thing is like is in its id.
#[derive(Default)]
struct Counting(Mutex<Vec<String>>);

impl Counting {
    fn note(&self, call: String) {
        self.0.lock().unwrap().push(call);
    }
}

fn answer(place: &Place) -> Result<Reading, Fault> {
    let health = match &*place.id {
        "gone" => return Ok(Reading::Gone),
        "denied" => return Err(Fault::new(FaultKind::Denied, "you may not look")),
        "dead" => Health::Dead("its disk is full".into()),
        "pending" => Health::Waiting("pending".into()),
        _ => Health::Live,
    };
    Ok(Reading::Here(Here { inputs: Fields::new(), outputs: Fields::new(), health }))
}

#[async_trait]
impl Provider for Counting {
    fn cloud(&self) -> &'static str {
        "counting"
    }
    fn patience(&self, _: &str) -> Patience {
        Patience::default()
    }
    async fn create(&self, _: &Want) -> Result<Made, Fault> {
        unreachable!("nothing is made here")
    }
    async fn find(&self, _: &Want, _: &Seek) -> Result<Option<Arc<str>>, Fault> {
        unreachable!("nothing is sought here")
    }
    async fn read(&self, place: &Place) -> Result<Reading, Fault> {
        self.note(format!("read {}", place.id));
        answer(place)
    }
    async fn read_many(&self, places: &[Place]) -> Vec<Result<Reading, Fault>> {
        self.note(format!("{} at once", places.len()));
        places.iter().map(answer).collect()
    }
    async fn update(&self, _: &Place, _: Option<&Fields>, _: &Want) -> Result<Progress, Fault> {
        unreachable!("nothing is changed here")
    }
    async fn delete(&self, _: &Place) -> Result<Progress, Fault> {
        unreachable!("nothing is deleted here")
    }
}

/// Things by address, type, id and liveness actions, as they are recorded.
fn recorded(things: &[(&str, &str, &str, serde_json::Value)]) -> State {
    let mut state = State::new("l".into(), "counting".into());
    for (address, kind, id, liveness) in things {
        let recorded = serde_json::json!({
            "template": "T", "kind": kind, "id": id, "status": "live", "inputs": {}, "outputs": {}, "dependencies": [],
            "lifecycle": { "start": [], "liveness": liveness, "terminate": [], "update": [] },
        });
        state.resources.insert(address.parse().unwrap(), serde_json::from_value(recorded).unwrap());
    }
    state
}

fn check() -> serde_json::Value {
    serde_json::json!([{ "name": "LOOK", "verb": "Check" }])
}

async fn asked(state: &State) -> (Vec<String>, Vec<String>) {
    let provider = Arc::new(Counting::default());
    let (events, _heard) = tokio::sync::mpsc::unbounded_channel();
    let calls = Calls::new(provider.clone(), events);
    let round = ask(state, &ResourceGraph::empty(None), |_| true, &calls).await;
    let told = round.things.iter().map(|thing| {
        let message = thing.looks.iter().filter_map(Look::message).collect::<Vec<_>>().join("; ");
        format!("{} {} {message}", thing.address, thing.standing.words()).trim().to_string()
    });
    let told = told.collect();
    (std::mem::take(&mut *provider.0.lock().unwrap()), told)
}

#[tokio::test(start_paused = true)]
async fn many_of_a_type_are_one_call() {
    let names: Vec<String> = (0..500).map(|at| format!("n[{at}]")).collect();
    let mut things: Vec<_> = names.iter().map(|name| (name.as_str(), "c.Many", "fine", check())).collect();
    things[7].2 = "gone";
    things[8].2 = "denied";
    things[9].2 = "pending";
    things[10].2 = "dead";
    things.push(("single", "c.One", "alone", check()));
    let (calls, told) = asked(&recorded(&things)).await;
    assert_eq!(calls, ["500 at once", "read alone"]);
    assert_eq!(told.len(), 501);
    let expected = [
        "n[6] live",
        "n[7] not live not there",
        "n[8] unknown you may not look",
        "n[9] not live pending",
        "n[10] not live its disk is full",
        "n[11] live",
    ];
    assert_eq!(told[6..12], expected);
}

/// What was seen of many is the first look of each; those after it are for that thing alone.
#[tokio::test(start_paused = true)]
async fn looks_after_the_first_are_its_own() {
    let thrice = serde_json::json!([{ "name": "LOOK", "verb": "Check", "settings": { "failures": 3 } }]);
    let state = recorded(&[("a", "c.Many", "gone", thrice), ("b", "c.Many", "fine", check())]);
    let (calls, told) = asked(&state).await;
    assert_eq!(calls, ["2 at once", "read gone", "read gone"]);
    assert_eq!(told, ["a not live not there", "b live"]);
}

#[tokio::test(start_paused = true)]
async fn who_has_no_actions_for_it_is_not_asked() {
    let later = serde_json::json!([{ "name": "LOOK", "verb": "Check", "settings": { "when": ["start"] } }]);
    let mut state = recorded(&[
        ("a", "c.T", "x", serde_json::json!([])),
        ("b", "c.T", "y", later),
        ("c", "c.T", "z", check()),
        ("d", "c.T", "w", check()),
    ]);
    state.resources.get_mut(&"c".parse().unwrap()).unwrap().status = crate::state::Status::Incomplete;
    let (calls, told) = asked(&state).await;
    assert_eq!(calls, ["read w"]);
    assert_eq!(told, ["a not asked", "b not asked", "c incomplete", "d live"]);
}
