//! One environment whose time is over, taken down: the same as `destroy` does, under the lock.

use std::path::Path;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::apply::{Outcome, Stop};
use crate::cli::apply::{perform, take_down as taken_down};
use crate::cli::asked::Scoped;
use crate::cli::cloud::Cloud;
use crate::cli::context::{Compiled, Place};
use crate::cli::expiry::{Expiry, told};
use crate::cli::reap::Expired;
use crate::cli::reap::end::{End, Standing};
use crate::cli::session::{Session, say_store};
use crate::cli::streams::tell_line;
use crate::cli::turn::{self, Turn};
use crate::cli::ui::{Look, Paint};
use crate::plan::{Plan, Refreshed};
use crate::state::State;
use crate::state::ledger::Ledger;
use crate::state::store::StoreFault;

/// What stood in the way is said on standard error by whoever met it.
const SAID: &str = "why stands in the log";

/// An environment that is taken, with the plan of its end.
struct Ready {
    session: Session,
    ledger: Ledger,
    plan: Plan,
    refreshed: Refreshed,
    now: Timestamp,
}

/// Takes an environment down, unless another has it, or it is wanted again by now.
pub async fn take_down(
    program: &Path,
    cloud: &Cloud,
    expired: &Expired,
    stop: &watch::Receiver<Stop>,
    look: Look,
) -> End {
    let mut at_once = stop.clone();
    let ready = tokio::select! {
        ready = prepared(program, cloud, expired, stop, look) => ready,
        // Nothing has begun. What has is ended, or cut off, by whoever carries it out.
        Ok(_) = at_once.wait_for(|stop| *stop == Stop::Now) => Err(End::NotTried),
    };
    match ready {
        Ok(ready) if *stop.borrow() == Stop::No => ready.carried_out().await,
        Ok(_) => End::NotTried,
        Err(end) => end,
    }
}

async fn prepared(
    program: &Path,
    cloud: &Cloud,
    expired: &Expired,
    stop: &watch::Receiver<Stop>,
    look: Look,
) -> Result<Ready, End> {
    let place = Place::of(program, &expired.name);
    let failed = |why: &str| {
        let why = vec![why.to_string()];
        End::Failed { why, left: expired.state.things().count(), standing: Vec::new() }
    };
    let Compiled { graph, sources, .. } = taken_down(&place, place.compile_quietly(), true);
    let record = place.record();
    if !record.exists() {
        return Err(End::Changed("it was removed meanwhile".into()));
    }
    let session = Session::open(place, graph, sources, cloud, look).await.map_err(|_| failed(SAID))?;
    let mut session = session.heeding(stop.clone());
    let holder = turn::holder(look).map_err(|_| failed(SAID))?;
    let (store, replayed) = Turn::default().contend(&record, &holder, look).map_err(|fault| match fault {
        StoreFault::Locked(Some(lease)) => End::Held(lease.to_string()),
        StoreFault::Locked(None) => End::Held("another command, which is just taking it".into()),
        StoreFault::Fenced(_) | StoreFault::Io { .. } | StoreFault::Damaged { .. } | StoreFault::Newer { .. } => {
            say_store(&fault, look);
            failed(&fault.to_string())
        }
    })?;
    let Some(replayed) = replayed else { return Err(End::Changed("it was removed meanwhile".into())) };
    let now = session.calls().clock.now();
    if let Some(how) = changed(&replayed.state, now) {
        return Err(End::Changed(how));
    }
    tell_line(&look.paint(&format!("\n{}  expired {}", expired.name, told(expired.at, now)), Paint::Strong));
    let ledger = session.seated(store, Some(replayed)).await.map_err(|_| failed(SAID))?;
    let planned = session.plan(ledger.state(), &Scoped::default().destroy()).await;
    let (plan, refreshed) = planned.map_err(|_| failed(SAID))?;
    session.show_plan(&plan, ledger.state());
    Ok(Ready { session, ledger, plan, refreshed, now })
}

/// Why an environment is not to be taken down any more, now that nobody else can change it.
fn changed(state: &State, now: Timestamp) -> Option<String> {
    match state.about.expires {
        Some(at) if at <= now => None,
        Some(at) => Some(format!("it was extended meanwhile, and expires {}", told(at, now))),
        None if state.holds_nothing() => Some("it was taken down meanwhile".into()),
        None => Some("it was extended meanwhile, and stays".into()),
    }
}

impl Ready {
    async fn carried_out(self) -> End {
        let Ready { mut session, mut ledger, plan, refreshed, now } = self;
        let expiry = Expiry::of(ledger.state(), None, now);
        let (_, outcome) = perform(&mut session, &plan, &refreshed, &mut ledger, false, expiry).await;
        let state = ledger.state();
        let standing = standing(&plan, &outcome);
        match state.holds_nothing() && outcome.lost.is_empty() {
            true => End::Down { gone: plan.changes.iter().filter(|change| change.left.is_none()).count(), standing },
            false => End::Failed { why: why(&outcome), left: state.things().count(), standing },
        }
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
    let left = outcome.left.iter().map(|address| format!("`{address}`: not waited for"));
    let store = outcome.store.iter().map(ToString::to_string);
    let skipped = match outcome.skipped.len() {
        0 => None,
        many => Some(format!("{many} not tried")),
    };
    let lost = outcome.lost.iter().map(|one| format!("`{}`: {} {} is there still", one.address, one.kind, one.id));
    failed.chain(cut).chain(left).chain(store).chain(skipped).chain(lost).collect()
}
