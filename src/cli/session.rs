//! What `plan`, `apply` and `destroy` share: an environment opened with its cloud, recovered,
//! refreshed and planned.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use crate::apply::event::Event;
use crate::apply::import::{self, Claim, Refusal};
use crate::apply::limit::Calls;
use crate::apply::provider::{Fault, Owned, Reading};
use crate::apply::recover::{self, RecoveryFault};
use crate::apply::{self, Forecast, Stop, foresee, refresh};
use crate::cli::asked::Asked;
use crate::cli::cloud::{Cloud, are_made, provider};
use crate::cli::context::{Place, say_report};
use crate::cli::progress::Warning;
use crate::cli::signals::listening;
use crate::cli::state::plural;
use crate::cli::streams::{say, say_warning, tell, tell_line};
use crate::cli::turn::{self, Turn};
use crate::cli::ui::{self, Look, Paint};
use crate::cli::{Exit, progress};
use crate::diagnostic::{Diagnostic, Report};
use crate::graph::ResourceGraph;
use crate::name::{Address, Name};
use crate::plan::{self, Plan, Purpose, Refreshed, Request, text};
use crate::printable::Plain;
use crate::source::Sources;
use crate::state::lease::Lease;
use crate::state::ledger::Ledger;
use crate::state::store::{self, LocalStore, Replayed, Store, StoreFault};
use crate::state::{Recorded, State};
use crate::value::{SealingKey, Value};

/// Addresses of one kind that a summary lists.
pub const LISTED: usize = 20;

/// A program and the record of one of its environments.
pub struct Session {
    pub place: Place,
    pub graph: ResourceGraph,
    pub sources: Sources,
    pub look: Look,
    directory: PathBuf,
    key: SealingKey,
    key_is_kept: bool,
    calls: Calls,
    events: Option<mpsc::UnboundedReceiver<Event>>,
    /// Who hears the wish to stop for all of the command, when it is about more than this environment.
    stop: Option<watch::Receiver<Stop>>,
}

impl Session {
    /// # Errors
    /// With what the command ends with, after having said why.
    pub async fn open(
        place: Place,
        graph: ResourceGraph,
        sources: Sources,
        cloud: &Cloud,
        look: Look,
    ) -> Result<Session, Exit> {
        let directory = place.record();
        let provider = provider(cloud, &directory, place.directory(), &graph, look).await?;
        // One that nothing is recorded with yet serves for planning too.
        let kept = store::sealing_key(&directory).map_err(|fault| say_store(&fault, look))?;
        let (key, key_is_kept) = (kept.clone().unwrap_or_else(SealingKey::random), kept.is_some());
        let (sender, events) = mpsc::unbounded_channel();
        let calls = Calls::new(provider.clone(), sender).beside(place.directory());
        let project = graph.project.clone().unwrap_or_else(|| place.default_name().into());
        let calls = calls.named(project, place.environment().into());
        Ok(Session {
            place,
            graph,
            sources,
            look,
            directory,
            key,
            key_is_kept,
            calls,
            events: Some(events),
            stop: None,
        })
    }

    /// The same, which stops when this says so and hears no signals by itself.
    pub fn heeding(self, stop: watch::Receiver<Stop>) -> Session {
        Session { stop: Some(stop), ..self }
    }

    /// Whether what is recorded can be worked on by this command: what is in the sandbox only in the sandbox, and
    /// what is real, wherever it is, only where it is real. If not, says so.
    ///
    /// # Errors
    /// With what the command ends with, after having said why.
    pub fn suits(&self, recorded: Option<&State>) -> Result<(), Exit> {
        let Some(recorded) = recorded else { return Ok(()) };
        let is_sandbox = |cloud: &str| cloud == "sandbox";
        let now = is_sandbox(self.calls.provider.cloud());
        if is_sandbox(&recorded.cloud) == now {
            let kinds = recorded.things().map(|(_, recorded)| &*recorded.kind);
            return if now { Ok(()) } else { are_made(kinds, self.look) };
        }
        let (was, is, help) = match now {
            true => ("is real", "works in the sandbox", "leave `--sandbox` out"),
            false => ("is in the sandbox", "works on what is real", "add `--sandbox`"),
        };
        let environment = self.place.environment();
        say(
            &format!("what is recorded of the environment `{environment}` {was}, and this command {is}"),
            Some(&format!("{help}, or choose another environment with `--env NAME`")),
            self.look,
        );
        Err(Exit::Wrong)
    }

    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Whether fingerprints of secrets mean something beyond this command.
    pub fn seals(&self) -> bool {
        self.key_is_kept
    }

    fn fresh_state(&self) -> State {
        State::new(uuid::Uuid::new_v4().to_string().into(), self.calls.provider.cloud().into())
    }

    /// The record as it is, without taking it.
    ///
    /// # Errors
    /// With what the command ends with, after having said why.
    pub fn peek(&self) -> Result<State, Exit> {
        let state = store::peek(&self.directory).map_err(|fault| say_store(&fault, self.look))?;
        self.suits(state.as_ref())?;
        Ok(state.unwrap_or_else(|| self.fresh_state()))
    }

    /// Takes the environment for writing, and ends what an earlier run left unfinished.
    ///
    /// # Errors
    /// With what the command ends with, after having said why.
    pub async fn take(&mut self, turn: Turn) -> Result<Ledger, Exit> {
        let (store, replayed) = turn.take(&self.directory, self.look)?;
        self.seated(store, replayed).await
    }

    /// As [`Session::take`], of an environment that was just taken.
    ///
    /// # Errors
    /// With what the command ends with, after having said why.
    pub async fn seated(&mut self, store: LocalStore, replayed: Option<Replayed>) -> Result<Ledger, Exit> {
        self.suits(replayed.as_ref().map(|replayed| &replayed.state))?;
        self.calls = self.calls.under(store.tenure());
        if !self.key_is_kept {
            match store::sealing_key(&self.directory).map_err(|fault| say_store(&fault, self.look))? {
                Some(key) => self.key = key,
                None => store::keep_key(&self.directory, &self.key).map_err(|fault| say_store(&fault, self.look))?,
            }
            self.key_is_kept = true;
        }
        let mut ledger = match replayed {
            Some(replayed) => Ledger::new(replayed.state, Box::new(store), replayed.records),
            None => Ledger::begin(self.fresh_state(), Box::new(store)).map_err(|fault| say_store(&fault, self.look))?,
        };
        if !ledger.state().unfinished.is_empty() {
            let count = ledger.state().unfinished.len();
            let text = format!("An earlier run was cut off. Finding out what became of {count} of its operations.");
            tell_line(&self.look.paint(&text, Paint::Change));
        }
        match recover::recover(&mut ledger, &self.calls).await {
            Ok(recovered) => {
                for one in recovered.iter().take(LISTED) {
                    let text =
                        format!("  recovered {}: {} {}", one.address, one.operation.name().to_lowercase(), one.what);
                    tell_line(&self.look.paint(&text, Paint::Change));
                }
                if recovered.len() > LISTED {
                    tell_line(&format!("  and {} others", recovered.len() - LISTED));
                }
                Ok(ledger)
            }
            Err(RecoveryFault::Store(fault)) => Err(say_store(&fault, self.look)),
            Err(RecoveryFault::Cloud(address, fault)) => {
                say("an earlier run was cut off, and what it did is not known yet", None, self.look);
                self.say_faults(&[(address, fault)]);
                Err(Exit::Failed)
            }
        }
    }

    /// Asks the cloud, unless there is no need to, and plans.
    ///
    /// # Errors
    /// With what the command ends with, after having said why.
    pub async fn plan(&self, state: &State, asked: &Asked) -> Result<(Plan, Refreshed), Exit> {
        let project = self.graph.project.clone().unwrap_or_else(|| self.place.default_name().into());
        let Asked { purpose, scope, refresh, persistent } = asked.clone();
        let environment = self.place.environment().into();
        let request = Request { project, environment, purpose, scope, refresh, persistent };
        let moved = plan::moves(&self.graph, state);
        let mut report = Report::default();
        report.extend(request.scope.problems(&self.graph, &moved.state));
        if report.has_errors() {
            tell(&ui::render(&report, &self.sources, self.look));
            return Err(Exit::Wrong);
        }
        let said = |faults: Vec<_>| {
            if let Err(exit) = self.still_has_environment() {
                return exit;
            }
            self.say_faults(&faults);
            Exit::Failed
        };
        if purpose == Purpose::Refresh {
            let refreshed = refresh::refresh(state, &ResourceGraph::empty(None), &self.calls).await.map_err(said)?;
            return Ok((plan::found(state, &refreshed, &self.graph, request), refreshed));
        }
        let refreshed = if refresh {
            refresh::refresh(&moved.state, &self.graph, &self.calls).await.map_err(said)?
        } else {
            refresh::look_up(&moved.state, &self.graph, &self.calls).await.map_err(said)?
        };
        let mut refreshed = refreshed;
        if let Some(why) = &refreshed.unlisted {
            let text = format!("whether the cloud holds more of this environment than is recorded is not known: {why}");
            say_warning(&text, None, self.look);
        }
        if persistent && !state.kept.is_empty() {
            refreshed.owned = self.owned(state).await;
        }
        let mut plan = plan::diff(&self.graph, &moved, &refreshed, &self.key, request, &mut report);
        if refresh && !report.has_errors() {
            let foreseen = foresee::foresee(&plan, &moved.state, &self.calls).await;
            plan.obstruct(foreseen.obstacles);
            report.extend(foreseen.faults.iter().map(unforeseen));
        }
        plan.locate(&self.graph, &self.sources);
        self.still_has_environment()?;
        say_report(&report, &self.sources, self.look);
        if report.has_errors() { Err(Exit::Wrong) } else { Ok((plan, refreshed)) }
    }

    /// Nothing is said of a record that another process has taken over: what its successor made would look like a
    /// mistake, and the advice would be wrong.
    fn still_has_environment(&self) -> Result<(), Exit> {
        self.calls.still_has_environment().map_err(|fault| say_store(&fault, self.look))
    }

    /// Things that bear the name of the environment, as far as the cloud tells. Why it does not is said: then
    /// nothing is deleted that no record says is ours.
    async fn owned(&self, state: &State) -> BTreeSet<(Arc<str>, Arc<str>)> {
        let why = match self.calls.owned(state, Vec::new()).await {
            Ok(Some(owned)) => {
                let owned: BTreeSet<_> = owned.into_iter().map(|one| (one.kind, one.id)).collect();
                return self.still_there(state, owned).await;
            }
            Ok(None) => format!("`{}` does not tell what is of this environment", state.cloud),
            Err(fault) => fault.to_string(),
        };
        say_warning(&format!("what was left standing earlier is not deleted: {why}"), None, self.look);
        BTreeSet::new()
    }

    /// Those of them that were left standing and are there still: what lists them may lag behind.
    async fn still_there(
        &self,
        state: &State,
        owned: BTreeSet<(Arc<str>, Arc<str>)>,
    ) -> BTreeSet<(Arc<str>, Arc<str>)> {
        let kept = state.kept.iter().map(|kept| apply::place_of(&kept.address, &kept.recorded));
        let places: Vec<_> = kept.filter(|place| owned.contains(&(place.kind.clone(), place.id.clone()))).collect();
        let readings = self.calls.read_many(&places).await;
        let there = places.into_iter().zip(readings).filter(|(_, reading)| !matches!(reading, Ok(Reading::Gone)));
        there.map(|(place, _)| (place.kind, place.id)).collect()
    }

    /// Reads a thing that is to be that of a component.
    ///
    /// # Errors
    /// When it cannot be.
    pub async fn take_in(&self, claim: &Claim, state: &State) -> Result<Recorded, Refusal> {
        import::take_in(claim, &self.graph, state, &self.key, &self.calls).await
    }

    /// Shows a plan on standard error, where everything for people goes that a script does not read.
    pub fn show_plan(&self, plan: &Plan, state: &State) {
        if let Some(text) = self.place.misnomer() {
            tell_line(&self.look.paint(&text, Paint::Faint));
        }
        for (tone, line) in text::lines(plan, text::View { width: self.look.width, full: self.look.full }) {
            tell_line(&self.look.paint(&line, paint(tone)));
        }
        let forecast = apply::forecast(plan, &self.graph, state, &*self.calls.provider);
        if let Some(text) = forecast.and_then(|forecast| in_words(&forecast)) {
            tell_line(&format!("  {text}"));
        }
    }

    /// Carries a plan out, and says what came of it. If asked, takes down what it made when something failed.
    pub async fn apply(
        &mut self,
        plan: &Plan,
        refreshed: &Refreshed,
        ledger: &mut Ledger,
        rollback: bool,
    ) -> (Exit, apply::Outcome) {
        let (outcome, warnings) = self.carry_out(plan, Some(refreshed), ledger).await;
        self.sum_up(plan, &outcome, &warnings);
        let exit = self.exit_of(&outcome);
        if !(rollback || outcome.rollback) || outcome.failed.is_empty() || exit != Exit::Failed {
            return (exit, outcome);
        }
        let back = plan::rollback(plan, ledger.state());
        if back.changes.is_empty() {
            tell_line("\n  Rollback: nothing that was made now can be taken down again.");
            return (exit, outcome);
        }
        tell_line(&self.look.paint("\n  Rollback: what was made now is taken down again.", Paint::Strong));
        let (undone, warnings) = self.carry_out(&back, None, ledger).await;
        self.sum_up(&back, &undone, &warnings);
        match self.exit_of(&undone) {
            Exit::Done => (Exit::Failed, outcome),
            worse => (worse, outcome),
        }
    }

    /// Carries out a plan, or a rollback when nothing was refreshed for it, and shows what happens.
    async fn carry_out(
        &mut self,
        plan: &Plan,
        refreshed: Option<&Refreshed>,
        ledger: &mut Ledger,
    ) -> (apply::Outcome, Vec<Warning>) {
        let total = plan.changes.iter().filter(|change| change.kind.acts()).count();
        tell("\n");
        let shown = self.events.take().map(|events| tokio::spawn(progress::show(events, total, self.look)));
        let (stop, signals) = match &self.stop {
            Some(stop) => (stop.clone(), None),
            None => {
                let (stop, signals) = listening(self.look);
                (stop, Some(signals))
            }
        };
        let (graph, key, calls) = (&self.graph, &self.key, &self.calls);
        let outcome = match refreshed {
            Some(refreshed) => apply::execute(plan, graph, refreshed, ledger, key, calls, stop).await,
            None => apply::rollback::roll_back(plan, graph, ledger, key, calls, stop).await,
        };
        if let Some(signals) = signals {
            signals.abort();
        }
        // The last sender of events goes with the calls.
        let (sender, events) = mpsc::unbounded_channel();
        self.calls = self.calls.heard_by(sender);
        self.events = Some(events);
        let warnings = match shown {
            Some(shown) => shown.await.unwrap_or_default(),
            None => Vec::new(),
        };
        (outcome, warnings)
    }

    fn exit_of(&self, outcome: &apply::Outcome) -> Exit {
        let good = outcome.failed.is_empty() && outcome.broken.is_empty();
        match (&outcome.store, outcome.interrupted, good) {
            (Some(fault), ..) => say_store(fault, self.look),
            (None, true, _) => Exit::Interrupted,
            (None, false, false) => Exit::Failed,
            (None, false, true) => Exit::Done,
        }
    }

    /// Records what the cloud said, and nothing else.
    ///
    /// # Errors
    /// With what the command ends with, after having said why.
    pub fn record(&self, plan: &Plan, ledger: &mut Ledger) -> Result<(), Exit> {
        apply::record(plan, ledger).map_err(|fault| say_store(&fault, self.look))
    }

    /// Records what needs no change in the cloud.
    ///
    /// # Errors
    /// With what the command ends with, after having said why.
    pub fn settle(&self, plan: &Plan, ledger: &mut Ledger) -> Result<(), Exit> {
        apply::settle(plan, &self.graph, ledger, &self.key).map_err(|fault| say_store(&fault, self.look))
    }

    fn sum_up(&self, plan: &Plan, outcome: &apply::Outcome, warnings: &[Warning]) {
        if !outcome.failed.is_empty() {
            tell("\n");
            self.say_faults(&outcome.failed);
        }
        if !outcome.broken.is_empty() {
            let mut report = Report::default();
            report.extend(outcome.broken.iter().cloned());
            tell("\n");
            tell(&ui::render(&report, &self.sources, self.look));
        }
        let mut parts = Vec::new();
        if !outcome.done.is_empty() || outcome.destroyed.is_empty() {
            parts.push(format!("{} done", outcome.done.len()));
        }
        if !outcome.failed.is_empty() {
            parts.push(format!("{} failed", outcome.failed.len()));
        }
        if !outcome.destroyed.is_empty() {
            parts.push(format!("{} destroyed and not created again", outcome.destroyed.len()));
        }
        if !outcome.skipped.is_empty() {
            parts.push(format!("{} not tried", outcome.skipped.len()));
        }
        match outcome.broken.len() {
            0 => {}
            1 => parts.push("1 error afterwards".into()),
            many => parts.push(format!("{many} errors afterwards")),
        }
        if !outcome.cut.is_empty() {
            parts.push(format!("{} cut off", outcome.cut.len()));
        }
        if !outcome.left.is_empty() {
            parts.push(format!("{} not waited for", outcome.left.len()));
        }
        if !warnings.is_empty() {
            parts.push(plural(warnings.len(), "warning"));
        }
        let good = outcome.cut.is_empty()
            && outcome.left.is_empty()
            && outcome.failed.is_empty()
            && outcome.skipped.is_empty()
            && outcome.destroyed.is_empty()
            && outcome.broken.is_empty()
            && outcome.store.is_none();
        let paint = if good { Paint::Good } else { Paint::Bad };
        tell("\n");
        tell_line(&self.look.paint(&format!("  {}.", parts.join(", ")), paint));
        for Warning { address, action, fault } in warnings.iter().take(LISTED) {
            tell_line(&format!("    warning: {address}  {action}: {fault}"));
        }
        if warnings.len() > LISTED {
            tell_line(&format!("    and {} others", warnings.len() - LISTED));
        }
        for address in outcome.cut.iter().take(LISTED) {
            tell_line(&format!("    cut off: {address}"));
        }
        for address in outcome.left.iter().take(LISTED) {
            tell_line(&format!("    not waited for: {address}"));
        }
        let kinds: HashMap<&Address, plan::ChangeKind> =
            plan.changes.iter().map(|change| (&change.address, change.kind)).collect();
        for (address, _) in outcome.failed.iter().take(LISTED) {
            let kind = kinds.get(address).map(|kind| format!("{} ", text::mark(*kind).2)).unwrap_or_default();
            tell_line(&format!("    {kind}failed: {address}"));
        }
        for (address, id) in outcome.destroyed.iter().take(LISTED) {
            tell_line(&format!("    destroyed, and not created again: {address}  {id}"));
        }
        for address in outcome.skipped.iter().take(LISTED) {
            tell_line(&format!("    not tried: {address}"));
        }
        let done: HashSet<&Address> = outcome.done.iter().collect();
        let standing: Vec<plan::Standing> = plan.standing().filter(|one| done.contains(one.address)).collect();
        if !standing.is_empty() {
            tell_line("  Left standing, and recorded no longer:");
            plan.again(&standing).iter().for_each(|line| tell_line(&format!("    {line}")));
        }
        if !outcome.retired.is_empty() {
            tell_line("  Replaced, and still there: the next apply takes it down.");
            for (address, id) in outcome.retired.iter().take(LISTED) {
                tell_line(&format!("    {address}  {}", Plain(id)));
            }
        }
        self.say_unrecorded(plan, outcome);
        let next = if plan.purpose == Purpose::Destroy { "destroy" } else { "apply" };
        if outcome.interrupted {
            tell_line(&format!("  Interrupted. What was in flight is recorded; the next {next} goes on from there."));
        } else if !outcome.failed.is_empty() {
            tell_line(&format!("  What was done is recorded; the next {next} goes on from there."));
        }
    }

    /// What this process made when the environment was another's already, and whoever has it now does not know of.
    fn say_unrecorded(&self, plan: &Plan, outcome: &apply::Outcome) {
        if outcome.unrecorded.is_empty() {
            return;
        }
        let state = store::peek(&self.directory).ok().flatten();
        let begun = |state: &State| state.unfinished.values().map(|began| began.request.id.clone()).collect::<Vec<_>>();
        let known: HashSet<Arc<str>> = state.iter().flat_map(begun).collect();
        let is_known = |one: &&Owned| {
            let is_recorded = |state: &State| state.things().any(|(_, it)| it.kind == one.kind && it.id == one.id);
            known.contains(&one.id) || state.as_ref().is_some_and(is_recorded)
        };
        for one in outcome.unrecorded.iter().filter(|one| !is_known(one)).take(LISTED) {
            let Owned { kind, id, address, .. } = one;
            let text = format!("  created {}, which is not recorded: {kind} of `{address}`", Plain(id));
            tell_line(&self.look.paint(&text, Paint::Bad));
            let command = plan.import(&address.to_string(), id);
            tell_line(&format!(
                "    Delete it in the cloud, or, if nothing else is recorded as `{address}`: {command}"
            ));
        }
    }

    /// Faults of the cloud, each at the line of the program that asked for it.
    pub fn say_faults(&self, faults: &[(Address, Fault)]) {
        let mut report = Report::default();
        for (address, fault) in faults {
            let mut diagnostic = Diagnostic::error("cloud::fault", format!("`{address}`: {fault}"));
            if let Some(span) = self.graph.place(address, fault.attribute.as_ref()) {
                diagnostic = diagnostic.label(span, "asked for here");
            }
            if let Some(help) = &fault.help {
                diagnostic = diagnostic.help(help.clone());
            }
            report.push(diagnostic);
        }
        tell(&ui::render(&report, &self.sources, self.look));
    }
}

/// What the plan does not know, because the cloud would not say it.
fn unforeseen((address, fault): &(Address, Fault)) -> Diagnostic {
    let text = format!("whether `{address}` can be deleted is not known: {fault}");
    let diagnostic = Diagnostic::warning("cloud::fault", text);
    match &fault.help {
        Some(help) => diagnostic.help(help.clone()),
        None => diagnostic,
    }
}

/// "About 14 minutes, most of it waiting for `db`."; nothing when it is hardly worth waiting for.
fn in_words(forecast: &Forecast) -> Option<String> {
    let minutes = (forecast.total.as_secs_f64() / 60.0).round() as u64;
    let about = match minutes {
        0 => return None,
        1 => "About a minute".to_string(),
        2..100 => format!("About {minutes} minutes"),
        _ => format!("About {} hours", (minutes + 30) / 60),
    };
    Some(match forecast.waits * 2 > forecast.total {
        true => format!("{about}, most of it waiting for `{}`.", forecast.longest),
        false => format!("{about}."),
    })
}

pub fn paint(tone: text::Tone) -> Paint {
    match tone {
        text::Tone::Plain => Paint::Plain,
        text::Tone::Heading => Paint::Strong,
        text::Tone::Good => Paint::Good,
        text::Tone::Change => Paint::Change,
        text::Tone::Bad => Paint::Bad,
        text::Tone::Faint => Paint::Faint,
    }
}

/// What to say of operations whose end is not recorded, if there are any.
pub fn cut_off(state: &State) -> Option<String> {
    let mut addresses: Vec<String> = state.unfinished.values().map(|began| began.address.to_string()).collect();
    let all = addresses.len();
    addresses.truncate(LISTED);
    let more = if all > LISTED { format!(" and {} others", all - LISTED) } else { String::new() };
    let list = addresses.join(", ");
    (all > 0).then(|| format!("  An earlier run was cut off at {list}{more}: the next apply finds out what it did"))
}

/// Who changes the environment now, if somebody does; else what is to say of operations whose end is not recorded.
pub fn going_on(record: &Path, state: &State) -> Option<String> {
    match at_work(record) {
        Some(lease) => Some(format!("  Being changed now by {lease}: what is recorded so far is shown")),
        None => cut_off(state),
    }
}

/// The lease of whoever changes the environment, where one is known that has not run out.
pub fn at_work(record: &Path) -> Option<Lease> {
    let lease = store::holder(record, &turn::host_name()).ok().flatten();
    lease.filter(|lease| lease.until >= Timestamp::now())
}

/// Whether somebody says yes.
pub fn confirmed() -> bool {
    matches!(answer().to_lowercase().as_str(), "y" | "yes")
}

/// The line that somebody types; empty when there is none.
pub fn answer() -> String {
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    if read.is_ok() { answer.trim().to_string() } else { String::new() }
}

/// Says why a store cannot be used; what the command ends with.
pub fn say_store(fault: &StoreFault, look: Look) -> Exit {
    say(&fault.to_string(), Some(fault.help()), look);
    match fault {
        StoreFault::Locked(_) => Exit::Locked,
        StoreFault::Fenced(_) | StoreFault::Io { .. } | StoreFault::Damaged { .. } | StoreFault::Newer { .. } => {
            Exit::Failed
        }
    }
}

/// Values in a column of names, one a line, as they would be written.
pub fn columns<'v>(values: impl Iterator<Item = (&'v Name, &'v Value)> + Clone, indent: &str) -> String {
    let column = values.clone().map(|(name, _)| name.as_str().len()).max().unwrap_or(0);
    values.map(|(name, value)| format!("{indent}{:column$}  {value}\n", name.as_str())).collect()
}
