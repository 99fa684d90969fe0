//! `Check`: asks the provider until the thing is live, or the action's time is up.

use crate::action::{Look, not_live, until_live};
use crate::apply::limit::Calls;
use crate::apply::provider::{Fault, Health, Place};
use crate::model::action::Action;

/// Passes when the thing is live.
///
/// # Errors
/// The last answer, when `within` is over or the thing will not become live by itself.
pub async fn run(action: &Action, place: &Place, calls: &Calls) -> Result<(), Fault> {
    until_live(action, place, calls, || async {
        match calls.check(place).await? {
            Some(Health::Live) => Ok(Look::Live),
            Some(Health::Waiting(on)) => Ok(Look::NotYet(on)),
            Some(Health::Dead(why)) => Err(not_live(action, &why)),
            None => Ok(Look::NotYet("not there".to_string())),
        }
    })
    .await
}
