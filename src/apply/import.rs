//! Taking in what exists: a thing is read by its id and recorded as that of a component. Nothing is written
//! in the cloud.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::apply::limit::Calls;
use crate::apply::provider::{Fault, Place, Reading};
use crate::diagnostic::closest;
use crate::graph::ResourceGraph;
use crate::model::resource::Resource;
use crate::model::term::{Known, Term};
use crate::name::{Address, Name};
use crate::state::{Recorded, State, Status};
use crate::value::{Fields, SealingKey, Value};

/// Which thing is to be that of which component.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    pub address: Address,
    pub id: Arc<str>,
}

/// Why a thing is not taken in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// It was taken in before, as just this.
    Known,
    /// With what to do about it.
    Wrong(String, Option<String>),
    Cloud(Fault),
}

fn wrong<T>(message: String, help: impl Into<Option<String>>) -> Result<T, Refusal> {
    Err(Refusal::Wrong(message, help.into()))
}

/// Claims as a file has them: a JSON object from addresses to ids, or lines `ADDRESS ID`, where a comma may stand
/// between the two. Empty lines, and those that begin with `#`, say nothing.
///
/// # Errors
/// The first line that cannot be read, in the user's words.
pub fn claims(text: &str) -> Result<Vec<Claim>, String> {
    if text.trim_start().starts_with('{') {
        let all: BTreeMap<Address, Arc<str>> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        return Ok(all.into_iter().map(|(address, id)| Claim { address, id }).collect());
    }
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let said = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    said.map(|(number, line)| {
        // A key in an address may hold spaces; no id does.
        let cut = line.rfind(|c: char| c.is_whitespace() || c == ',');
        let Some((address, id)) =
            cut.map(|at| (line[..at].trim_end_matches(|c: char| c == ',' || c.is_whitespace()), &line[at + 1..]))
        else {
            return Err(format!("line {number} has no id: write `ADDRESS ID`"));
        };
        let address = address.parse().map_err(|error| format!("line {number}: {error}"))?;
        Ok(Claim { address, id: id.into() })
    })
    .collect()
}

/// Reads the thing of a claim; what will be recorded of it.
///
/// # Errors
/// When it cannot be that of the component, or is not there.
pub async fn take_in(
    claim: &Claim,
    graph: &ResourceGraph,
    state: &State,
    key: &SealingKey,
    calls: &Calls,
) -> Result<Recorded, Refusal> {
    let Claim { address, id } = claim;
    let Some(resource) = graph.get(address) else {
        let names: Vec<String> = graph.in_order().map(|resource| resource.address.to_string()).collect();
        let near = closest(&address.to_string(), names.iter().map(String::as_str))
            .map(|near| format!("did you mean `{near}`?"));
        return wrong(format!("the program has no component `{address}`"), near);
    };
    let kind = &resource.schema.kind;
    free(claim, kind, state)?;
    if resource.lifecycle.start.is_empty() {
        let help = "`tadpole apply` looks it up by its name";
        return wrong(
            format!("`{address}` exists already for the program, which makes nothing of it"),
            help.to_string(),
        );
    }
    let mut inputs = known_inputs(resource, state)?;
    let place = Place {
        kind: kind.clone(),
        id: id.clone(),
        address: address.clone(),
        inputs: inputs.clone(),
        outputs: Fields::new(),
    };
    let here = match calls.read(&place).await.map_err(Refusal::Cloud)? {
        Reading::Here(here) => here,
        Reading::Gone => {
            let regional = inputs.get("region").map(|region| format!(" in {region}")).unwrap_or_default();
            let help = format!("`{address}` is a `{}`: is `{id}` the id of one?", resource.template);
            return wrong(format!("there is no {kind} with the id `{id}`{regional}"), help);
        }
    };
    // Of what the cloud does not tell nothing else can be assumed than what the program says.
    inputs.extend(here.inputs);
    inputs.values_mut().for_each(|value| value.seal(key));
    let own = With { state, address, id, outputs: &here.outputs };
    let mut lifecycle = resource.lifecycle.settle(&own).or_else(|message| {
        wrong(format!("its actions are not known yet: {message}"), "apply what they need first".to_string())
    })?;
    lifecycle.settings_mut().for_each(|value| value.seal(key));
    Ok(Recorded {
        template: resource.template.clone(),
        kind: kind.clone(),
        id: id.clone(),
        status: Status::Live,
        inputs,
        requested: Fields::new(),
        outputs: here.outputs,
        dependencies: graph.needs(address).into_iter().cloned().collect(),
        lifecycle,
        protected: resource.protected.is_some(),
        course: None,
    })
}

/// Whether neither the address nor the thing is recorded.
fn free(Claim { address, id }: &Claim, kind: &str, state: &State) -> Result<(), Refusal> {
    if let Some(recorded) = state.resources.get(address) {
        if recorded.id == *id && *recorded.kind == *kind {
            return Err(Refusal::Known);
        }
        let help = format!("`tadpole state forget {address}` leaves that one standing, and makes room");
        return wrong(format!("`{address}` is recorded already, as {}", recorded.id), help);
    }
    match state.things().find(|(_, recorded)| recorded.id == *id && *recorded.kind == *kind) {
        Some((other, _)) => {
            let help = format!("to give it another address, write `{address} formerly {other}` in the program");
            wrong(format!("{id} is recorded already, as `{other}`"), help)
        }
        None => Ok(()),
    }
}

/// What the program says of it, as far as that is known.
fn known_inputs(resource: &Resource, state: &State) -> Result<Fields, Refusal> {
    let mut inputs = Fields::new();
    for (name, input) in &resource.inputs {
        match input.term.settle(state) {
            Ok(Term::Known(value)) => drop(inputs.insert(name.clone(), value)),
            Ok(_) => {}
            Err(message) => return wrong(format!("`{name}` has no value: {message}"), None),
        }
    }
    Ok(inputs)
}

/// The record with the thing itself in it.
struct With<'a> {
    state: &'a State,
    address: &'a Address,
    id: &'a Arc<str>,
    outputs: &'a Fields,
}

impl Known for With<'_> {
    fn id(&self, address: &Address) -> Option<Arc<str>> {
        if address == self.address { Some(self.id.clone()) } else { self.state.id(address) }
    }

    fn output(&self, address: &Address, attribute: &Name) -> Option<Value> {
        if address == self.address {
            self.outputs.get(attribute).cloned()
        } else {
            self.state.output(address, attribute)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::claims;

    #[test]
    fn a_list_can_be_written_in_several_ways() {
        let shown = |text: &str| -> Vec<String> {
            claims(text).unwrap().iter().map(|claim| format!("{} = {}", claim.address, claim.id)).collect()
        };
        let all = ["a = i-1", "web[\"x y\"] = i-2"];
        assert_eq!(shown("# Old things.\n\na i-1\nweb[\"x y\"]\ti-2\n"), all);
        assert_eq!(shown("a,i-1\r\nweb[\"x y\"], i-2"), all);
        assert_eq!(shown(r#"{ "a": "i-1", "web[\"x y\"]": "i-2" }"#), all);
        assert_eq!(claims("a i-1\nb\n").unwrap_err(), "line 2 has no id: write `ADDRESS ID`");
        assert!(claims("a b[ i-1\n").unwrap_err().starts_with("line 1: "));
        assert!(claims("{ \"a\": 1 }").is_err());
    }
}
