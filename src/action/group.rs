//! Actions made of others: `Sequence`, `Parallel`, `Race` and `Try`. Each part keeps its own `onFailure`, `retry`
//! and `when`.

use std::fmt::Write as _;

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;

use crate::action::{Failed, Scene, failed, run};
use crate::apply::event::Event;
use crate::apply::provider::Fault;
use crate::model::action::Action;

/// One after the other, until the first that fails.
///
/// # Errors
/// Its failure.
pub async fn sequence(action: &Action, scene: &Scene<'_>) -> Result<(), Failed> {
    in_order(&action.parts, "", scene).await
}

/// Each part of a group has a token of its own: `mark` tells those of one list from those of another.
async fn in_order(parts: &[Action], mark: &str, scene: &Scene<'_>) -> Result<(), Failed> {
    for (at, part) in parts.iter().enumerate() {
        let token = format!("{}-{mark}{at}", scene.token);
        run(part, Scene { token: &token, ..*scene }).await?;
    }
    Ok(())
}

fn tokens(parts: &[Action], scene: &Scene<'_>) -> Vec<String> {
    (0..parts.len()).map(|at| format!("{}-{at}", scene.token)).collect()
}

/// All at once, each to its end.
///
/// # Errors
/// Every failure, in one.
pub async fn parallel(action: &Action, scene: &Scene<'_>) -> Result<(), Failed> {
    let tokens = tokens(&action.parts, scene);
    let runs = action.parts.iter().zip(&tokens).map(|(part, token)| run(part, Scene { token, ..*scene }));
    let all: Vec<Failed> = join_all(runs).await.into_iter().filter_map(Result::err).collect();
    together(all).map_or(Ok(()), Err)
}

/// All at once, until the first that comes to a good end. The others are broken off then.
///
/// # Errors
/// Every failure, in one, when there is no such.
pub async fn race(action: &Action, scene: &Scene<'_>) -> Result<(), Failed> {
    let tokens = tokens(&action.parts, scene);
    let runs = action.parts.iter().zip(&tokens).map(|(part, token)| run(part, Scene { token, ..*scene }));
    let mut running: FuturesUnordered<_> = runs.collect();
    let mut all = Vec::new();
    while let Some(result) = running.next().await {
        match result {
            Ok(()) => return Ok(()),
            Err(failed) => all.push(failed),
        }
    }
    // Of nothing, nothing comes to a good end.
    Err(together(all).unwrap_or_else(|| failed(action, scene, "it has no `actions`").into()))
}

/// The first; and if that fails, the others in order.
///
/// # Errors
/// Of the others, when there are any.
pub async fn attempt(action: &Action, scene: &Scene<'_>) -> Result<(), Failed> {
    let Err(failed) = in_order(&action.parts, "", scene).await else { return Ok(()) };
    if action.otherwise.is_empty() || failed.fault.interrupted {
        return Err(failed);
    }
    let on = format!("{}; trying otherwise", failed.fault);
    scene.calls.tell(Event::Waiting { address: scene.place.address.clone(), on });
    in_order(&action.otherwise, "otherwise", scene).await
}

/// Several failures as one, if there are any. It is about what the first of them is about.
pub fn together(all: Vec<Failed>) -> Option<Failed> {
    let rollback = all.iter().any(|failed| failed.rollback);
    let interrupted = all.iter().all(|failed| failed.fault.interrupted);
    let mut faults = all.into_iter().map(|failed| failed.fault);
    let first = faults.next()?;
    let fault = faults.fold(first, |mut first: Fault, other| {
        // Writing to a text does not fail.
        let _ = write!(first.message, "; {other}");
        first
    });
    Some(Failed { fault: Fault { interrupted, ..fault }, rollback })
}
