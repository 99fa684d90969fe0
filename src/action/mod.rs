//! Actions that leave the record as it is: one file each. What brings a thing into being, changes it and takes
//! it away is the step's own work, which journals it.

mod check;
mod dns;
pub mod exec;
mod group;
mod http;
mod probe;
mod request;
mod resolver;
mod setting;
mod tcp;
mod wait;
mod webhook;
mod witness;

use std::pin::Pin;
use std::time::Duration;

use crate::apply::event::Event;
use crate::apply::limit::Calls;
use crate::apply::provider::{Deed, Fault, FaultKind, Place};
use crate::model::action::{Action, List, Nature, Occasion, OnFailure, Verb};
use crate::value::Value;
pub use group::together;
use probe::Look;
use setting::Settings;
pub use witness::{Seen, Witness};

/// How a fault begins that says why something is not live.
pub const NOT_LIVE: &str = "it is not live: ";

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Of what, when and why an action is run.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub place: &'a Place,
    /// The same for every try of this action within one operation, even after a crash; another one for any other
    /// action.
    pub token: &'a str,
    pub list: List,
    pub occasion: Occasion,
    pub calls: &'a Calls,
    /// Who watches, on [`Occasion::Live`].
    pub witness: Option<&'a Witness>,
}

/// Why an action came to no good end, and what that means.
#[derive(Clone, Debug)]
pub struct Failed {
    pub fault: Fault,
    /// Whether all that this run made is to be taken down again.
    pub rollback: bool,
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Failed {
        Failed { fault, rollback: false }
    }
}

/// Runs an action. It may run twice, with the same token. On [`Occasion::Live`] it looks how things are now, and
/// does not wait for them to become better. Dropping the future ends what it does.
///
/// # Errors
/// When it cannot be done, or what it waits for did not come in time; none when its `onFailure` is `"warn"`,
/// which is told as an event.
pub fn run<'a>(action: &'a Action, scene: Scene<'a>) -> Pin<Box<dyn Future<Output = Result<(), Failed>> + Send + 'a>> {
    // In a box, since a group runs others.
    Box::pin(async move {
        if !action.is_for(scene.occasion) {
            return Ok(());
        }
        let address = &scene.place.address;
        scene.calls.tell(Event::Running { address: address.clone(), action: action.name.clone() });
        let Err(failed) = in_time(action, &scene).await else { return Ok(()) };
        if failed.fault.interrupted {
            return Err(failed);
        }
        let failed = match &failed.fault.attribute {
            Some(_) => failed,
            None => Failed { fault: failed.fault.on(scene.list.attribute()), ..failed },
        };
        match action.on_failure() {
            OnFailure::Stop => Err(failed),
            OnFailure::Rollback => Err(Failed { rollback: true, ..failed }),
            OnFailure::Warn => {
                let (address, action) = (address.clone(), action.name.clone());
                scene.calls.tell(Event::Warned { address, action, fault: failed.fault });
                Ok(())
            }
        }
    })
}

/// With all its tries, in the time that it has. What looks sees to its time itself.
async fn in_time(action: &Action, scene: &Scene<'_>) -> Result<(), Failed> {
    if can_be_left(action.verb) {
        return scene.calls.unless_stopped(tried(action, scene)).await?;
    }
    let within = Settings::of(action, scene).duration("within");
    match within.filter(|_| !looks(action.verb, scene.list)) {
        None => tried(action, scene).await,
        Some(within) => match tokio::time::timeout(within + respite(action.verb), tried(action, scene)).await {
            Ok(result) => result,
            Err(_) => Err(failed(action, scene, &format!("it took longer than {}", shown(within))).into()),
        },
    }
}

/// Whether it can be left at any moment, since it changes nothing and nothing is lost of it.
fn can_be_left(verb: Verb) -> bool {
    verb == Verb::Wait || verb.nature() == Nature::Look
}

/// A command whose time is over ends by itself, and then it is known what it said.
fn respite(verb: Verb) -> Duration {
    if verb == Verb::Exec { exec::ENDING * 2 } else { Duration::ZERO }
}

/// Whether it is asked again and again, and changes nothing.
fn looks(verb: Verb, list: List) -> bool {
    match verb.nature() {
        Nature::Look => true,
        Nature::Either => list == List::Liveness,
        Nature::Own | Nature::Deed | Nature::Group => false,
    }
}

/// As often as its `retry` says.
async fn tried(action: &Action, scene: &Scene<'_>) -> Result<(), Failed> {
    let (times, backoff) = Settings::of(action, scene).retry();
    let mut tries = 0;
    loop {
        let failed = match once(action, scene).await {
            Err(failed) if tries < times && !failed.fault.interrupted => failed,
            result => return result,
        };
        let after = backoff.saturating_mul(1 << tries.min(16)).min(LONGEST_PAUSE);
        scene.calls.tell(Event::Retrying { address: scene.place.address.clone(), fault: failed.fault, after });
        scene.calls.rest(after).await?;
        tries += 1;
    }
}

async fn once(action: &Action, scene: &Scene<'_>) -> Result<(), Failed> {
    match action.verb {
        Verb::Sequence => group::sequence(action, scene).await,
        Verb::Parallel => group::parallel(action, scene).await,
        Verb::Race => group::race(action, scene).await,
        Verb::Try => group::attempt(action, scene).await,
        Verb::Act => {
            let kind = action.settings.get("kind").and_then(Value::as_str).unwrap_or_default().into();
            let settings = action.settings.clone();
            Ok(scene.calls.act(scene.place, &Deed { kind, settings, token: scene.token.into() }).await?)
        }
        // A thing of the sandbox is always there to be asked about; nothing else of it is anywhere.
        Verb::Check => Ok(probe::run(action, scene, || check::look(scene)).await?),
        Verb::Http | Verb::Tcp | Verb::Dns | Verb::Exec | Verb::Wait | Verb::Webhook if !is_real(scene) => Ok(()),
        Verb::Http => Ok(http::run(action, scene).await?),
        Verb::Tcp => Ok(tcp::run(action, scene).await?),
        Verb::Dns => Ok(dns::run(action, scene).await?),
        Verb::Exec => Ok(exec::run(action, scene).await?),
        Verb::Webhook => Ok(webhook::run(action, scene).await?),
        Verb::Wait => {
            wait::run(action, scene).await;
            Ok(())
        }
        Verb::Create | Verb::Update | Verb::Delete => {
            unreachable!("`{}` is the step's own", action.verb.template())
        }
    }
}

/// Whether what it stands on exists outside of the sandbox.
fn is_real(scene: &Scene<'_>) -> bool {
    scene.calls.provider.answers(&scene.place.kind)
}

/// The fault of an action that came to no good end.
fn failed(action: &Action, scene: &Scene<'_>, why: &str) -> Fault {
    let name = &action.name;
    let fault = |message: String| Fault::new(FaultKind::Refused, message).on(scene.list.attribute());
    match scene.list {
        List::Liveness => {
            let again = if scene.occasion == Occasion::Live { "tadpole live" } else { "tadpole apply" };
            fault(format!("{NOT_LIVE}{why}")).help(format!("`{name}` asked; `{again}` asks again"))
        }
        List::Start | List::Update => {
            fault(format!("`{name}` failed: {why}")).help("`tadpole apply` goes on from there")
        }
        List::Terminate => fault(format!("`{name}` failed: {why}")),
    }
}

/// A time as people say it: `1m 30s`.
fn shown(time: Duration) -> String {
    Value::Duration(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).to_string()
}
