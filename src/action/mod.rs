//! Actions that need more than one call: one file each. What brings a thing into being, changes it and takes it
//! away is the step's own work, which journals it.

mod check;
mod http;

use std::time::Duration;

use crate::apply::event::Event;
use crate::apply::limit::Calls;
use crate::apply::provider::{Deed, Fault, FaultKind, Place};
use crate::model::action::{Action, Verb};
use crate::value::Value;

/// Runs an action that leaves the record as it is. It may run twice, with the same token.
///
/// # Errors
/// When it cannot be done, or what it waits for did not come in time.
pub async fn run(action: &Action, place: &Place, token: &str, calls: &Calls) -> Result<(), Fault> {
    match action.verb {
        Verb::Check => check::run(action, place, calls).await,
        Verb::Http => http::run(action, place, calls).await,
        Verb::Act => {
            let kind = action.settings.get("kind").and_then(Value::as_str).unwrap_or_default().into();
            let settings = action.settings.clone();
            calls.act(place, &Deed { kind, settings, token: token.into() }).await
        }
        Verb::Create | Verb::Update | Verb::Delete => {
            unreachable!("`{}` is the step's own", action.verb.template())
        }
    }
}

/// What a look came to.
enum Look {
    Live,
    /// Not yet, and why.
    NotYet(String),
}

/// Looks again and again, until it is live or the time of the action is up.
async fn until_live<F: Future<Output = Result<Look, Fault>>>(
    action: &Action,
    place: &Place,
    calls: &Calls,
    look: impl Fn() -> F,
) -> Result<(), Fault> {
    let (every, within) = (duration(action, "every", 2), duration(action, "within", 300));
    let began = tokio::time::Instant::now();
    loop {
        let on = match look().await? {
            Look::Live => return Ok(()),
            Look::NotYet(on) => on,
        };
        if began.elapsed() + every > within {
            return Err(not_live(action, &on));
        }
        calls.tell(Event::Waiting { address: place.address.clone(), on });
        tokio::time::sleep(every).await;
    }
}

/// A setting of an action, with the library's default in seconds for records of before it had one.
fn duration(action: &Action, name: &str, default: u64) -> Duration {
    match action.settings.get(name) {
        Some(Value::Duration(millis)) => Duration::from_millis(*millis),
        _ => Duration::from_secs(default),
    }
}

fn not_live(action: &Action, why: &str) -> Fault {
    Fault::new(FaultKind::Refused, format!("it is not live: {why}"))
        .on("livenessActions")
        .help(format!("`{}` asked; `tadpole apply` asks again", action.name))
}
