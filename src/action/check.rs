//! `Check`: asks the provider until the thing is live, or the action's time is up.

use std::time::Duration;

use crate::apply::event::Event;
use crate::apply::limit::Calls;
use crate::apply::provider::{Fault, FaultKind, Health, Place};
use crate::model::action::Action;
use crate::value::Value;

/// Passes when the thing is live.
///
/// # Errors
/// The last answer, when `within` is over or the thing will not become live by itself.
pub async fn run(action: &Action, place: &Place, calls: &Calls) -> Result<(), Fault> {
    let setting = |name: &str, default: u64| match action.settings.get(name) {
        Some(Value::Duration(millis)) => Duration::from_millis(*millis),
        _ => Duration::from_secs(default),
    };
    let (every, within) = (setting("every", 2), setting("within", 300));
    let began = tokio::time::Instant::now();
    loop {
        let on = match calls.check(place).await? {
            Some(Health::Live) => return Ok(()),
            Some(Health::Waiting(on)) => on,
            Some(Health::Dead(why)) => return Err(not_live(action, &why)),
            None => "not there".to_string(),
        };
        if began.elapsed() + every > within {
            return Err(not_live(action, &on));
        }
        calls.tell(Event::Waiting { address: place.address.clone(), on });
        tokio::time::sleep(every).await;
    }
}

fn not_live(action: &Action, why: &str) -> Fault {
    Fault::new(FaultKind::Refused, format!("it is not live: {why}"))
        .on("livenessActions")
        .help(format!("`{}` asked; `tadpole apply` asks again", action.name))
}
