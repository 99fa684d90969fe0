//! `tadpole state verify`: whether the record can be read, fits together and, if the cloud is asked, is
//! true.

use std::collections::BTreeMap;

use crate::apply::limit::Calls;
use crate::apply::provider::Reading;
use crate::apply::refresh;
use crate::cli::Exit;
use crate::cli::cloud::{Cloud, whereabouts};
use crate::cli::context::Place;
use crate::cli::session::{Session, going_on, say_store};
use crate::cli::state::{name_of, plural, recorded};
use crate::cli::streams::put_out;
use crate::cli::ui::{Look, Paint};
use crate::graph::ResourceGraph;
use crate::name::Address;
use crate::plan::Stray;
use crate::printable::Plain;
use crate::source::Sources;
use crate::state::{Recorded, State, store};
use crate::value::Value;

#[derive(clap::Args)]
pub struct Verify {
    #[command(flatten)]
    place: Place,
    /// Ask the cloud too whether everything recorded is there, and what else is of this environment
    #[arg(long)]
    cloud: bool,
    /// As `--cloud`, of an environment in the sandbox
    #[arg(long, conflicts_with = "cloud")]
    sandbox: bool,
}

/// What was found.
#[derive(Default)]
struct Findings {
    /// What is not as it should be.
    wrong: Vec<String>,
    /// What one should know.
    known: Vec<String>,
}

impl Verify {
    pub async fn run(self, look: Look) -> Result<Exit, Exit> {
        let state = recorded(&self.place, look)?;
        let mut found = Findings::default();
        fits_together(&state, &mut found);
        let directory = self.place.record();
        let key = store::sealing_key(&directory).map_err(|fault| say_store(&fault, look))?;
        if key.is_none() && state.things().any(|(_, recorded)| has_secret(recorded)) {
            found.wrong.push("there is no `secret.key`: every secret will look changed once".into());
        }
        found.known.extend(going_on(&directory, &state).map(|text| text.trim().to_string()));
        let name = name_of(&self.place);
        if self.cloud || self.sandbox {
            let graph = ResourceGraph::empty(None);
            let cloud = Cloud { sandbox: self.sandbox };
            let session = Session::open(self.place, graph, Sources::default(), &cloud, look).await?;
            is_true(&state, session.calls(), &mut found).await.map_err(|faults| {
                session.say_faults(&faults);
                Exit::Failed
            })?;
        }
        let count = plural(state.resources.len(), "resource");
        let out = Look::of_output();
        let heading = format!("{name}  ({count}{}, state serial {})", whereabouts(&state.cloud), state.serial);
        let mut text = format!("{}\n", out.paint(&heading, Paint::Strong));
        for (lines, paint) in [(&found.wrong, Paint::Bad), (&found.known, Paint::Change)] {
            lines.iter().for_each(|line| text.push_str(&format!("  {}\n", out.paint(&Plain(line).to_string(), paint))));
        }
        text.push_str(&match found.wrong.len() {
            0 => format!("  {}\n", out.paint("everything fits together", Paint::Good)),
            wrong => format!("  {}\n", out.paint(&format!("{} found", plural(wrong, "problem")), Paint::Bad)),
        });
        let exit = if found.wrong.is_empty() { Exit::Done } else { Exit::Failed };
        Ok(put_out(&text, look).unwrap_or(exit))
    }
}

/// What the record says, without looking anywhere else.
fn fits_together(state: &State, found: &mut Findings) {
    let mut things: BTreeMap<(&str, &str), &Address> = BTreeMap::new();
    for (address, recorded) in state.things() {
        if recorded.id.is_empty() {
            found.wrong.push(format!("`{address}` has no id"));
        } else if let Some(other) = things.insert((&recorded.kind, &recorded.id), address) {
            found.wrong.push(format!("`{other}` and `{address}` are both {} {}", recorded.kind, recorded.id));
        }
        for needed in recorded.dependencies.iter().filter(|needed| !state.resources.contains_key(needed)) {
            found.wrong.push(format!("`{address}` needs `{needed}`, which is not recorded"));
        }
        for field in recorded.inputs.values().chain(recorded.outputs.values()) {
            for (target, id) in field.references() {
                let other = state.resources.get(target);
                if let Some(other) = other.filter(|other| other.id != *id) {
                    found.known.push(format!("`{address}` refers to {id}, and `{target}` is {} by now", other.id));
                }
            }
        }
    }
    for retired in state.retired.values() {
        let Recorded { template, id, .. } = &retired.recorded;
        found.known.push(format!("`{}`: {template} {id} was replaced, and is still there", retired.address));
    }
}

/// Whether what is recorded is there, and what else is there.
async fn is_true(
    state: &State,
    calls: &Calls,
    found: &mut Findings,
) -> Result<(), Vec<(Address, crate::apply::provider::Fault)>> {
    let refreshed = refresh::refresh(state, &ResourceGraph::empty(None), calls).await?;
    for (address, recorded) in &state.resources {
        if let Some(Reading::Gone) = refreshed.readings.get(address) {
            found.wrong.push(format!("`{address}`: {} {} is not there", recorded.template, recorded.id));
        }
    }
    if let Some(why) = refreshed.unlisted {
        found.known.push(format!("what else is of this environment is not known: {why}"));
    }
    for kept in &state.kept {
        let Recorded { kind, id, .. } = &kept.recorded;
        if refreshed.owned.contains(&(kind.clone(), id.clone())) {
            found.known.push(format!("{kind} {}, made as `{}`, is left standing on purpose", Plain(id), kept.address));
        }
    }
    for Stray { address, kind, id, remains } in refreshed.strays {
        let id = Plain(&id);
        match remains {
            true => found.known.push(format!("{kind} {id} is what the deletion of `{address}` left")),
            false => found.wrong.push(format!("{kind} {id}, made as `{address}`, is not recorded")),
        }
    }
    Ok(())
}

fn has_secret(recorded: &Recorded) -> bool {
    recorded.inputs.values().chain(recorded.outputs.values()).any(Value::holds_secret)
}
