//! `tadpole apply`, and what it shares with `tadpole destroy`: plan, ask, carry out, say what came of it.

use std::io::IsTerminal;
use std::time::Duration;

use crate::apply::Outcome;
use crate::cli::asked::{Asked, Planning};
use crate::cli::cloud::Cloud;
use crate::cli::context::{Compiled, Place};
use crate::cli::expiry::{self, Expiry};
use crate::cli::saved;
use crate::cli::session::{LISTED, Session, answer, columns, confirmed, say_store};
use crate::cli::streams::{all_was_said, put_out, say, tell, tell_line};
use crate::cli::sweep;
use crate::cli::turn::Turn;
use crate::cli::ui::{Look, Paint};
use crate::cli::{Exit, duration};
use crate::graph::ResourceGraph;
use crate::plan::{self, Plan, Purpose, Refreshed};
use crate::source::Sources;
use crate::state::ledger::Ledger;

#[derive(clap::Args)]
pub struct Apply {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    cloud: Cloud,
    #[command(flatten)]
    planning: Planning,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// If anything fails, take down what was made
    #[arg(long)]
    rollback: bool,
    #[command(flatten)]
    turn: Turn,
    /// Want the environment for this long, from now on: `90m`, `4h`, `3d`. Then `tadpole reap` takes it down
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_ttl)]
    ttl: Option<Duration>,
}

impl Apply {
    pub async fn run(self, look: Look) -> Exit {
        let look = self.planning.look(look);
        if saved::is_plan(&self.place.program) {
            if !self.planning.is_empty() {
                let help = "leave out what says what to plan, such as `--target`";
                say("a saved plan says by itself what it is about", Some(help), look);
                return Exit::Wrong;
            }
            return saved::apply(self.place, &self.cloud, self.turn, self.rollback, self.ttl, look)
                .await
                .unwrap_or_else(|exit| exit);
        }
        let Some(Compiled { graph, sources, .. }) = self.place.compile(&self.cloud, look) else {
            return Exit::Wrong;
        };
        let session = match Session::open(self.place, graph, sources, &self.cloud, look).await {
            Ok(session) => session,
            Err(exit) => return exit,
        };
        let consent = Consent::of(self.yes);
        carry_out(session, self.turn, self.planning.asked(), consent, self.rollback, self.ttl).await
    }
}

/// The program as it is when its components are taken down: what is left of it has outputs still. Without a
/// program, what is recorded is enough.
pub fn take_down(place: &Place, compiled: Option<Compiled>, whole: bool) -> Compiled {
    let compiled = compiled.unwrap_or_else(|| Compiled {
        graph: ResourceGraph::empty(None),
        sources: Sources::default(),
        hidden: Vec::new(),
    });
    let project = compiled.graph.project.clone().unwrap_or_else(|| place.default_name().into());
    let mut graph = compiled.graph.without_resources();
    graph.project = Some(project);
    if whole {
        graph.outputs.clear();
    }
    Compiled { graph, ..compiled }
}

/// How somebody agrees to a plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Consent {
    /// They are asked.
    Asked,
    /// They said so beforehand, with `--yes`.
    Given,
    /// They named the project with the command: that is enough for whatever the plan deletes.
    Named,
}

impl Consent {
    pub fn of(yes: bool) -> Consent {
        if yes { Consent::Given } else { Consent::Asked }
    }

    /// Whether the plan, which has been shown, is agreed to.
    ///
    /// # Errors
    /// With what the command ends with when it is not, after having said so.
    fn agreed(self, plan: &Plan, look: Look) -> Result<(), Exit> {
        if plan.is_empty() {
            return Ok(());
        }
        let persistent = plan.changes.iter().filter(|change| change.persistent).count();
        match (self, persistent) {
            (Consent::Named, _) | (Consent::Given, 0) => Ok(()),
            (Consent::Asked, 0) => yes_or_no(plan, look),
            (Consent::Asked | Consent::Given, _) => named(plan, persistent, look),
        }
    }
}

fn yes_or_no(plan: &Plan, look: Look) -> Result<(), Exit> {
    if !std::io::stdin().is_terminal() {
        tell("\n");
        let help = "look at the plan, then add `--yes`";
        say("nobody is there to say yes: standard input is not a terminal", Some(help), look);
        return Err(Exit::Wrong);
    }
    let question = match plan.purpose {
        Purpose::Apply => "Apply these changes",
        Purpose::Destroy => "Destroy all this",
        Purpose::Refresh => "Record this",
    };
    tell(&format!("\n{question} in {}/{}? [y/N] ", plan.project, plan.environment));
    // Nobody agrees to what could not be shown.
    if all_was_said() && confirmed() {
        return Ok(());
    }
    tell_line("Nothing was changed.");
    Err(if all_was_said() { Exit::Done } else { Exit::Failed })
}

/// Has the name of the project typed before anything is deleted that was to be kept.
fn named(plan: &Plan, persistent: usize, look: Look) -> Result<(), Exit> {
    let things =
        if persistent == 1 { "1 thing that was".to_string() } else { format!("{persistent} things that were") };
    if !std::io::stdin().is_terminal() {
        tell("\n");
        let help = "look at the plan, then add `--confirm NAME` with the name of the project; `--yes` is not enough";
        say(&format!("nobody is there to confirm that {things} to be kept are deleted"), Some(help), look);
        return Err(Exit::Wrong);
    }
    let text = format!("This deletes {things} to be kept, with all data. Nothing brings that back.");
    tell_line(&format!("\n{}", look.paint(&text, Paint::Bad)));
    tell(&format!("To destroy all this in {}/{}, type the name of the project: ", plan.project, plan.environment));
    if all_was_said() && answer() == *plan.project {
        return Ok(());
    }
    tell_line("That is not its name. Nothing was changed.");
    Err(Exit::Wrong)
}

pub async fn carry_out(
    mut session: Session,
    turn: Turn,
    asked: Asked,
    consent: Consent,
    rollback: bool,
    ttl: Option<Duration>,
) -> Exit {
    let mut ledger = match session.take(turn).await {
        Ok(ledger) => ledger,
        Err(exit) => return exit,
    };
    let (plan, refreshed) = match session.plan(ledger.state(), &asked).await {
        Ok(planned) => planned,
        Err(exit) => return exit,
    };
    session.show_plan(&plan, ledger.state());
    let expiry = Expiry::of(ledger.state(), ttl, session.calls().clock.now());
    if plan.purpose != Purpose::Destroy {
        expiry.line().iter().for_each(|line| tell_line(line));
    }
    if rollback && !plan.is_empty() {
        say_lasting(&plan, "If anything fails");
    } else if let Some((address, action)) = plan::undoing(&plan, &session.graph) {
        say_lasting(&plan, &format!("If `{action}` of `{address}` fails"));
    }
    if let Err(exit) = consent.agreed(&plan, session.look) {
        return exit;
    }
    let (exit, _) = perform(&mut session, &plan, &refreshed, &mut ledger, rollback, expiry).await;
    exit
}

/// Carries out a plan that somebody agreed to: what the command ends with, and what came of it.
pub async fn perform(
    session: &mut Session,
    plan: &Plan,
    refreshed: &Refreshed,
    ledger: &mut Ledger,
    rollback: bool,
    expiry: Expiry,
) -> (Exit, Outcome) {
    let look = session.look;
    if let Err(fault) = expiry.record(ledger) {
        return (say_store(&fault, look), Outcome::default());
    }
    let before = ledger.state().clone();
    let (exit, mut outcome) = match plan.purpose {
        Purpose::Refresh => {
            let exit = match session.record(plan, ledger) {
                Ok(()) if !plan.is_empty() => {
                    tell_line("\n  Recorded. Nothing was changed in the cloud.");
                    Exit::Done
                }
                Ok(()) => Exit::Done,
                Err(exit) => exit,
            };
            return (exit, Outcome::default());
        }
        Purpose::Apply | Purpose::Destroy if plan.is_empty() => match session.settle(plan, ledger) {
            Ok(()) => (Exit::Done, Outcome::default()),
            Err(exit) => (exit, Outcome::default()),
        },
        Purpose::Apply | Purpose::Destroy => session.apply(plan, refreshed, ledger, rollback).await,
    };
    match plan.purpose {
        Purpose::Destroy => {
            // What was cut off may be on its way still.
            if plan.scope.is_whole() && outcome.store.is_none() && !outcome.interrupted {
                outcome.lost = sweep::sweep(session, plan, &before, ledger.state()).await;
            }
            if let Err(fault) = expiry::end(ledger) {
                return (say_store(&fault, look), outcome);
            }
        }
        Purpose::Apply if !plan.is_empty() => {
            let expiry = expiry.later(session.calls().clock.now());
            expiry.line().iter().for_each(|line| tell_line(line));
        }
        Purpose::Apply | Purpose::Refresh => {}
    }
    (show_outputs(ledger, exit, look), outcome)
}

/// What a rollback would not undo, before anybody agrees to it.
fn say_lasting(plan: &Plan, when: &str) {
    let lasting: Vec<String> = plan::lasting(plan).map(|change| change.address.to_string()).collect();
    if lasting.is_empty() {
        tell_line(&format!("  {when}, all that was made by then is taken down again."));
        return;
    }
    tell_line(&format!("  {when}, what was made by then is taken down again. These changes are not undone:"));
    lasting.iter().take(LISTED).for_each(|address| tell_line(&format!("    {address}")));
    if lasting.len() > LISTED {
        tell_line(&format!("    and {} others", lasting.len() - LISTED));
    }
}

/// Shows outputs, at the end of a command; what it ends with, in view of whether that was possible.
fn show_outputs(ledger: &Ledger, exit: Exit, look: Look) -> Exit {
    let outputs = &ledger.state().outputs;
    if outputs.is_empty() {
        return exit;
    }
    tell("\n");
    let failed = put_out(&columns(outputs.iter(), ""), look);
    // Why the work itself did not come to its end says more.
    failed.filter(|_| exit == Exit::Done).unwrap_or(exit)
}
