//! `Check`: asks the provider whether the thing is live.

use crate::action::{Look, Scene, Witness};
use crate::apply::provider::{Fault, Health};

/// # Errors
/// When the provider does not answer.
pub async fn look(scene: &Scene<'_>) -> Result<Look, Fault> {
    let health = match scene.witness.and_then(Witness::take) {
        Some(seen) => seen?,
        None => scene.calls.check(scene.place).await?,
    };
    Ok(match health {
        Some(Health::Live) => Look::Live,
        Some(Health::Waiting(on)) => Look::NotYet(on),
        Some(Health::Dead(why)) => Look::Never(why),
        None => Look::NotYet("not there".to_string()),
    })
}
