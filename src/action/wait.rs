//! `Wait`: lets time go by.

use crate::action::setting::Settings;
use crate::action::{Scene, shown};
use crate::apply::event::Event;
use crate::model::action::Action;

/// Returns when the time is over. After a crash it begins anew.
pub async fn run(action: &Action, scene: &Scene<'_>) {
    let time = Settings::of(action, scene).duration("time").unwrap_or_default();
    let on = format!("for {} to go by", shown(time));
    scene.calls.tell(Event::Waiting { address: scene.place.address.clone(), on });
    tokio::time::sleep(time).await;
}
