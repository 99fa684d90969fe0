//! A round for programs. `docs/live.schema.json` describes it.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::apply::provider::Fault;
use crate::cli::live::project;
use crate::cli::session::Session;
use crate::live::{Look, Round, Standing, Thing};
use crate::state::State;

/// The version of the format.
const VERSION: u32 = 1;

pub fn document(round: &Round, state: &State, session: &Session) -> Json {
    let summary: serde_json::Map<String, Json> =
        Standing::ALL.into_iter().map(|standing| (standing.key().into(), round.count(standing).into())).collect();
    json!({
        "version": VERSION,
        "project": project(session),
        "environment": session.place.environment(),
        "cloud": state.cloud,
        "lineage": state.lineage,
        "serial": state.serial,
        "at": round.at,
        "took_ms": millis(round.took),
        "live": round.is_good(),
        "summary": summary,
        "resources": round.things.iter().map(|thing| resource(thing, session)).collect::<Vec<Json>>(),
    })
}

fn resource(thing: &Thing, session: &Session) -> Json {
    let place = session.graph.place(&thing.address, None).map(|span| {
        let (line, _) = session.sources.line(span);
        json!({ "file": session.sources.get(span.source).name, "line": line })
    });
    json!({
        "address": thing.address,
        "template": thing.template,
        "kind": thing.kind,
        "id": thing.id,
        "ours": thing.is_ours,
        "state": thing.standing.key(),
        "took_ms": thing.took().map(millis),
        "place": place,
        "actions": thing.looks.iter().map(action).collect::<Vec<Json>>(),
    })
}

fn action(look: &Look) -> Json {
    let warning = |(action, fault): &(_, Fault)| json!({ "action": action, "message": fault.to_string() });
    json!({
        "action": look.action,
        "does": look.verb.template(),
        "state": look.standing.key(),
        "took_ms": look.took.map(millis),
        "message": look.fault.as_ref().map(Fault::to_string),
        "help": look.fault.as_ref().and_then(|fault| fault.help.as_ref()),
        "warnings": look.warnings.iter().map(warning).collect::<Vec<Json>>(),
    })
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
