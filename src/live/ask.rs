//! Asking all of it. A `Check` of many things is as few calls as the cloud allows; everything else that looks
//! does so side by side, within a limit: each look may need a connection, a process or a file.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::action::{self, Scene, Seen, Witness};
use crate::apply::event::Event;
use crate::apply::limit::Calls;
use crate::apply::place_of;
use crate::apply::provider::Place;
use crate::graph::ResourceGraph;
use crate::live::{Look, Round, Standing, Thing};
use crate::model::action::{Action, List, Occasion, Verb};
use crate::name::Address;
use crate::state::{Recorded, State, Status};

/// Things that are asked at the same time.
const AT_ONCE: usize = 128;

/// Asks everything that is recorded at an address which `is_meant`. Actions are those of the program where it
/// has them, and those that were recorded elsewhere.
pub async fn ask(state: &State, graph: &ResourceGraph, is_meant: impl Fn(&Address) -> bool, calls: &Calls) -> Round {
    let (at, began) = (calls.clock.now(), Instant::now());
    let mut things = Vec::new();
    let mut asking = Vec::new();
    for (address, recorded) in state.resources.iter().filter(|(address, _)| is_meant(address)) {
        let mut thing = thing(address, recorded, Standing::Unasked);
        if recorded.status == Status::Incomplete {
            thing.standing = Standing::Incomplete;
        } else {
            let actions = actions(address, recorded, graph, state);
            if !actions.is_empty() {
                asking.push(Asking { at: things.len(), place: place_of(address, recorded), actions, seen: None });
            }
        }
        things.push(thing);
    }
    look_at_many(&mut asking, calls).await;
    let mut looking = stream::iter(asking).map(|asking| asking.look(calls)).buffer_unordered(AT_ONCE);
    while let Some((at, looks)) = looking.next().await {
        let thing = &mut things[at];
        thing.standing = looks.iter().map(|look| look.standing).max().unwrap_or(Standing::Unasked);
        thing.looks = looks;
    }
    drop(looking);
    let retired = state.retired.values().filter(|retired| is_meant(&retired.address));
    things.extend(retired.map(|retired| thing(&retired.address, &retired.recorded, Standing::Replaced)));
    // Of what is recorded besides, it is known how it is.
    let cut = state.unfinished.values().filter(|began| !state.resources.contains_key(&began.address));
    let cut = cut.filter(|began| is_meant(&began.address));
    things.extend(cut.map(|began| thing(&began.address, &began.request, Standing::CutOff)));
    things.sort_by(|one, two| one.address.cmp(&two.address));
    Round { at, took: began.elapsed(), things }
}

fn thing(address: &Address, recorded: &Recorded, standing: Standing) -> Thing {
    Thing {
        address: address.clone(),
        template: recorded.template.clone(),
        kind: recorded.kind.clone(),
        id: recorded.id.clone(),
        is_ours: recorded.is_ours(),
        standing,
        looks: Vec::new(),
    }
}

/// The liveness actions that are run when somebody asks. Those of the program have their secrets at hand.
fn actions(address: &Address, recorded: &Recorded, graph: &ResourceGraph, state: &State) -> Vec<Action> {
    let resource = graph.get(address).filter(|resource| resource.schema.kind == recorded.kind);
    let settled = resource.and_then(|resource| {
        let actions = resource.lifecycle.liveness.iter().map(|action| action.settle(state));
        actions.collect::<Result<Vec<Action>, String>>().ok()
    });
    let mut actions = settled.unwrap_or_else(|| recorded.lifecycle.liveness.clone());
    actions.retain(|action| action.is_for(Occasion::Live));
    actions
}

/// A thing that is to be asked.
struct Asking {
    /// Its number among all things.
    at: usize,
    place: Place,
    actions: Vec<Action>,
    seen: Option<Seen>,
}

/// Whether the provider will be asked how the thing is.
fn checks(action: &Action) -> bool {
    action.verb == Verb::Check || action.parts.iter().any(checks)
}

/// Looks at all at once of whose type there are several.
async fn look_at_many(asking: &mut [Asking], calls: &Calls) {
    let mut types: BTreeMap<Arc<str>, Vec<usize>> = BTreeMap::new();
    for (number, one) in asking.iter().enumerate().filter(|(_, one)| one.actions.iter().any(checks)) {
        types.entry(one.place.kind.clone()).or_default().push(number);
    }
    let numbers: Vec<usize> = types.into_values().filter(|numbers| numbers.len() > 1).flatten().collect();
    let places: Vec<Place> = numbers.iter().map(|number| asking[*number].place.clone()).collect();
    for (number, seen) in numbers.into_iter().zip(calls.check_many(&places).await) {
        asking[number].seen = Some(seen);
    }
}

impl Asking {
    /// What its actions see, side by side.
    async fn look(self, calls: &Calls) -> (usize, Vec<Look>) {
        let looks = self.actions.iter().map(|action| look(action, &self.place, self.seen.clone(), calls));
        (self.at, join_all(looks).await)
    }
}

async fn look(action: &Action, place: &Place, seen: Option<Seen>, calls: &Calls) -> Look {
    // Warnings come as events, of this action and of nothing else.
    let (sender, mut heard) = mpsc::unbounded_channel();
    let calls = calls.heard_by(sender);
    let was_seen = seen.is_some() && action.verb == Verb::Check;
    let witness = Witness::having(seen);
    let scene = Scene {
        place,
        // No action of this list needs a token: none of them changes anything.
        token: "",
        list: List::Liveness,
        occasion: Occasion::Live,
        calls: &calls,
        witness: Some(&witness),
    };
    let began = Instant::now();
    let result = action::run(action, scene).await;
    let took: Duration = began.elapsed();
    let took = (!was_seen || witness.asked()).then_some(took);
    let mut warnings = Vec::new();
    while let Ok(event) = heard.try_recv() {
        if let Event::Warned { action, fault, .. } = event {
            warnings.push((action, fault));
        }
    }
    let fault = result.err().map(|failed| failed.fault);
    let standing = match &fault {
        Some(_) if witness.judged() => Standing::NotLive,
        Some(_) => Standing::Unknown,
        None if warnings.is_empty() => Standing::Live,
        None => Standing::Warned,
    };
    Look { action: action.name.clone(), verb: action.verb, standing, took, fault, warnings }
}
