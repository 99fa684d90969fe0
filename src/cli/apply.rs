//! `tadpole apply` and `tadpole destroy`: plan, ask, carry out, say what came of it.

use std::io::IsTerminal;

use crate::cli::Exit;
use crate::cli::asked::{Asked, Planning, Scoped};
use crate::cli::context::{Compiled, Place};
use crate::cli::session::{Cloud, LISTED, Session, columns, confirmed};
use crate::cli::streams::{all_was_said, put_out, say, tell, tell_line};
use crate::cli::turn::Turn;
use crate::cli::ui::Look;
use crate::graph::ResourceGraph;
use crate::plan::{self, Plan, Purpose};
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
}

impl Apply {
    pub async fn run(self, look: Look) -> Exit {
        let Some(Compiled { graph, sources }) = self.place.compile(look) else {
            return Exit::Wrong;
        };
        let session = match Session::open(self.place, graph, sources, &self.cloud, look).await {
            Ok(session) => session,
            Err(exit) => return exit,
        };
        carry_out(session, self.turn, self.planning.asked(), self.yes, self.rollback).await
    }
}

/// Takes down everything that is recorded. The program is compiled for its schemas and places, but
/// what is recorded says what to do, so that it works when the program is gone.
#[derive(clap::Args)]
pub struct Destroy {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    cloud: Cloud,
    #[command(flatten)]
    scoped: Scoped,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    turn: Turn,
}

impl Destroy {
    pub async fn run(self, look: Look) -> Exit {
        if !self.place.is_sound(look) {
            return Exit::Wrong;
        }
        if !self.place.record().exists() {
            if self.place.is_nowhere(look) {
                return Exit::Wrong;
            }
            let environment = self.place.environment();
            tell_line(&format!("Nothing is recorded of the environment `{environment}`: nothing to destroy."));
            return Exit::Done;
        }
        let name = self.place.default_name();
        let compiled = self.place.compile_quietly();
        let project = compiled.as_ref().and_then(|compiled| compiled.graph.project.clone()).unwrap_or(name.into());
        let asked = self.scoped.destroy();
        let (mut graph, sources) = match compiled {
            // What is left has its outputs still.
            Some(Compiled { graph, sources }) if !asked.scope.is_whole() => (graph.without_resources(), sources),
            Some(Compiled { sources, .. }) => (ResourceGraph::empty(None), sources),
            None => (ResourceGraph::empty(None), Sources::default()),
        };
        graph.project = Some(project);
        let session = match Session::open(self.place, graph, sources, &self.cloud, look).await {
            Ok(session) => session,
            Err(exit) => return exit,
        };
        carry_out(session, self.turn, asked, self.yes, false).await
    }
}

async fn carry_out(mut session: Session, turn: Turn, asked: Asked, yes: bool, rollback: bool) -> Exit {
    let mut ledger = match session.take(turn).await {
        Ok(ledger) => ledger,
        Err(exit) => return exit,
    };
    let (plan, refreshed) = match session.plan(ledger.state(), &asked).await {
        Ok(planned) => planned,
        Err(exit) => return exit,
    };
    session.show_plan(&plan, ledger.state());
    if plan.is_empty() && plan.purpose == Purpose::Refresh {
        return Exit::Done;
    }
    if plan.is_empty() {
        let exit = match session.settle(&plan, &mut ledger) {
            Ok(()) => Exit::Done,
            Err(exit) => exit,
        };
        return show_outputs(&ledger, exit, session.look);
    }
    if rollback {
        say_lasting(&plan);
    }
    if !yes {
        if !std::io::stdin().is_terminal() {
            tell("\n");
            say(
                "nobody is there to say yes: standard input is not a terminal",
                Some("look at the plan, then add `--yes`"),
                session.look,
            );
            return Exit::Wrong;
        }
        let question = match plan.purpose {
            Purpose::Apply => "Apply these changes",
            Purpose::Destroy => "Destroy all this",
            Purpose::Refresh => "Record this",
        };
        tell(&format!("\n{question} in {}/{}? [y/N] ", plan.project, plan.environment));
        // Nobody agrees to what could not be shown.
        if !all_was_said() || !confirmed() {
            tell_line("Nothing was changed.");
            return if all_was_said() { Exit::Done } else { Exit::Failed };
        }
    }
    if plan.purpose == Purpose::Refresh {
        let recorded = session.record(&plan, &mut ledger);
        return recorded.map_or_else(
            |exit| exit,
            |()| {
                tell_line("\n  Recorded. Nothing was changed in the cloud.");
                Exit::Done
            },
        );
    }
    let exit = session.apply(&plan, &refreshed, &mut ledger, rollback).await;
    show_outputs(&ledger, exit, session.look)
}

/// What a rollback would not undo, before anybody agrees to it.
fn say_lasting(plan: &Plan) {
    let lasting: Vec<String> = plan::lasting(plan).map(|change| change.address.to_string()).collect();
    if lasting.is_empty() {
        tell_line("  If anything fails, all that was made by then is taken down again.");
        return;
    }
    tell_line("  If anything fails, what was made by then is taken down again. These changes are not undone:");
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
