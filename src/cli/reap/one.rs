//! One environment whose time is over, taken down: the same as `destroy` does, under the lock.

use std::path::Path;

use tokio::sync::watch;

use crate::apply::{Outcome, Stop};
use crate::cli::apply::{perform, take_down as taken_down};
use crate::cli::asked::Scoped;
use crate::cli::context::{Compiled, Place};
use crate::cli::expiry::{Expiry, told};
use crate::cli::reap::Expired;
use crate::cli::reap::end::{End, Standing};
use crate::cli::session::{Cloud, Session, say_store};
use crate::cli::streams::tell_line;
use crate::cli::turn::{self, Turn};
use crate::cli::ui::{Look, Paint};
use crate::plan::Plan;
use crate::state::store::StoreFault;

/// What stood in the way is said on standard error by whoever met it.
const SAID: &str = "why stands in the log";

/// Takes an environment down, unless another has it, or it is wanted again by now.
pub async fn take_down(
    program: &Path,
    cloud: &Cloud,
    expired: &Expired,
    stop: &watch::Receiver<Stop>,
    look: Look,
) -> End {
    let mut at_once = stop.clone();
    tokio::select! {
        end = in_order(program, cloud, expired, stop, look) => end,
        // What is in flight is in the journal.
        Ok(_) = at_once.wait_for(|stop| *stop == Stop::Now) => End::NotTried,
    }
}

async fn in_order(program: &Path, cloud: &Cloud, expired: &Expired, stop: &watch::Receiver<Stop>, look: Look) -> End {
    let place = Place::of(program, &expired.name);
    let left = || expired.state.things().count();
    let failed = |why: &str| End::Failed { why: vec![why.to_string()], left: left(), standing: Vec::new() };
    let Compiled { graph, sources, .. } = taken_down(&place, place.compile_quietly(), true);
    let record = place.record();
    if !record.exists() {
        return End::Changed("it was removed meanwhile".into());
    }
    let Ok(session) = Session::open(place, graph, sources, cloud, look).await else { return failed(SAID) };
    let mut session = session.heeding(stop.clone());
    let Ok(holder) = turn::holder(look) else { return failed(SAID) };
    let (store, replayed) = match Turn::default().contend(&record, &holder, look) {
        Ok((store, Some(replayed))) => (store, replayed),
        Ok((_, None)) => return End::Changed("it was removed meanwhile".into()),
        Err(StoreFault::Locked(Some(lease))) => return End::Held(lease.to_string()),
        Err(StoreFault::Locked(None)) => return End::Held("another command, which is just taking it".into()),
        Err(fault) => {
            say_store(&fault, look);
            return failed(&fault.to_string());
        }
    };
    // What was read without the lock may have changed since.
    let now = session.calls().clock.now();
    match replayed.state.about.expires {
        Some(at) if at <= now => {}
        Some(at) => return End::Changed(format!("it was extended meanwhile, and expires {}", told(at, now))),
        None if replayed.state.holds_nothing() => return End::Changed("it was taken down meanwhile".into()),
        None => return End::Changed("it was extended meanwhile, and stays".into()),
    }
    tell_line(&look.paint(&format!("\n{}  expired {}", expired.name, told(expired.at, now)), Paint::Strong));
    let Ok(mut ledger) = session.seated(store, Some(replayed)).await else { return failed(SAID) };
    let Ok((plan, refreshed)) = session.plan(ledger.state(), &Scoped::default().destroy()).await else {
        return failed(SAID);
    };
    session.show_plan(&plan, ledger.state());
    if *stop.borrow() != Stop::No {
        return End::NotTried;
    }
    let expiry = Expiry::of(ledger.state(), None, now);
    let (_, outcome) = perform(&mut session, &plan, &refreshed, &mut ledger, false, expiry).await;
    let state = ledger.state();
    let standing = standing(&plan, &outcome);
    match state.holds_nothing() {
        true => End::Down { gone: plan.changes.iter().filter(|change| change.left.is_none()).count(), standing },
        false => End::Failed { why: why(&outcome), left: state.things().count(), standing },
    }
}

/// What was left standing.
fn standing(plan: &Plan, outcome: &Outcome) -> Vec<Standing> {
    let done = plan.standing().filter(|one| outcome.done.contains(one.address));
    let stands =
        done.map(|one| Standing { address: one.address.clone(), template: one.template.clone(), id: one.id.into() });
    stands.collect()
}

fn why(outcome: &Outcome) -> Vec<String> {
    let failed = outcome.failed.iter().map(|(address, fault)| format!("`{address}`: {fault}"));
    let cut = outcome.cut.iter().map(|address| format!("`{address}`: cut off"));
    let store = outcome.store.iter().map(ToString::to_string);
    let skipped = match outcome.skipped.len() {
        0 => None,
        many => Some(format!("{many} not tried")),
    };
    failed.chain(cut).chain(store).chain(skipped).collect()
}
