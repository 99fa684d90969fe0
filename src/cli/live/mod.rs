//! `tadpole live`: asks everything that is recorded how it is, once or again and again. Changes nothing, and needs
//! nobody's leave: it runs beside an apply.

mod document;
mod junit;
mod tree;
mod watch;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use crate::apply::provider::Fault;
use crate::cli::cloud::Cloud;
use crate::cli::context::{Compiled, Place};
use crate::cli::session::{Session, going_on};
use crate::cli::signals::signal;
use crate::cli::state::{plural, recorded};
use crate::cli::streams::{put_json, put_out, say, tell, tell_line};
use crate::cli::ui::{Look, Paint};
use crate::cli::{Exit, duration};
use crate::graph::ResourceGraph;
use crate::live::{Round, ask};
use crate::name::Address;
use crate::plan;
use crate::source::Sources;
use crate::state::State;
use tree::View;

/// Faults that are shown with their lines of the program.
const EXPLAINED: usize = 10;
/// The pause between two rounds, where nobody says otherwise.
const EVERY: Duration = Duration::from_secs(5);

#[derive(clap::Args)]
pub struct Live {
    #[command(flatten)]
    place: Place,
    /// Only these components, and what is below them
    #[arg(value_name = "ADDRESS")]
    addresses: Vec<Address>,
    #[command(flatten)]
    cloud: Cloud,
    /// Show only what there is something to say of
    #[arg(long)]
    failing: bool,
    /// Show each resource, however many there are
    #[arg(long, conflicts_with = "failing")]
    all: bool,
    /// Ask again and again, with this pause [default: 5s]; Ctrl-C ends it
    #[arg(long, value_name = "EVERY", num_args = 0..=1, require_equals = true, default_missing_value = "5s",
          value_parser = duration::parse)]
    watch: Option<Duration>,
    /// Ask until everything is live, for this long at most
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, conflicts_with = "watch")]
    within: Option<Duration>,
    /// As JSON on standard output: one document, or one a line with `--watch`
    #[arg(long)]
    json: bool,
    /// Write the result for a build server too, as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// What a command of these flags asks, and how it shows that.
struct Asker {
    session: Session,
    addresses: Vec<Address>,
    view: View,
    json: bool,
    junit: Option<PathBuf>,
    /// How standard output is used.
    output: Look,
}

impl Live {
    pub async fn run(self, look: Look) -> Exit {
        self.asked(look).await.unwrap_or_else(|exit| exit)
    }

    async fn asked(self, look: Look) -> Result<Exit, Exit> {
        let Live { place, addresses, cloud, failing, all, watch, within, json, junit } = self;
        if !place.is_sound(look) {
            return Err(Exit::Wrong);
        }
        let state = recorded(&place, look).inspect_err(|_| say_address(&place, look))?;
        let Compiled { graph, sources, .. } = compiled(&place, look);
        let session = Session::open(place, graph, sources, &cloud, look).await?;
        session.suits(Some(&state))?;
        are_there(&addresses, &state, &session)?;
        let view = match (failing, all) {
            (true, _) => View::Failing,
            (false, true) => View::All,
            (false, false) => View::Brief,
        };
        let asker = Asker { session, addresses, view, json, junit, output: Look::of_output() };
        match (watch, within) {
            (Some(every), _) => asker.watch(state, every).await,
            (None, Some(within)) => asker.wait(state, within).await,
            (None, None) => asker.once(state).await,
        }
    }
}

/// The program, or nothing in its place: then what is recorded says what is asked.
fn compiled(place: &Place, look: Look) -> Compiled {
    place.compile_quietly().unwrap_or_else(|| {
        let text = "  The program does not compile: everything is asked as it was recorded.";
        tell_line(&look.paint(text, Paint::Faint));
        Compiled { graph: ResourceGraph::empty(None), sources: Sources::default(), hidden: Vec::new() }
    })
}

/// An address may stand where the program is expected.
fn say_address(place: &Place, look: Look) {
    let text = place.program.to_string_lossy();
    if text.parse::<Address>().is_ok() {
        let help = format!("  If `{text}` is a component of the program in this directory: `tadpole live . {text}`");
        tell_line(&look.paint(&help, Paint::Faint));
    }
}

/// Whether something is recorded at each address. If not, says so.
fn are_there(addresses: &[Address], state: &State, session: &Session) -> Result<(), Exit> {
    let retired = state.retired.values().map(|retired| &retired.address);
    let unfinished = state.unfinished.values().map(|began| &began.address);
    let known: BTreeSet<&Address> = state.resources.keys().chain(retired).chain(unfinished).collect();
    let is_there = |pattern: &Address| known.iter().any(|address| pattern.covers(address));
    let Some(pattern) = addresses.iter().find(|pattern| !is_there(pattern)) else { return Ok(()) };
    let is_new = session.graph.in_order().any(|resource| pattern.covers(&resource.address));
    let help = match is_new {
        true => Some("the program has it: `tadpole apply` makes it".to_string()),
        false => plan::suggestion(pattern, &known),
    };
    say(&format!("nothing is recorded at `{pattern}`"), help.as_deref(), session.look);
    Err(Exit::Wrong)
}

impl Asker {
    async fn round(&self, state: &State) -> Round {
        let is_meant =
            |address: &Address| self.addresses.is_empty() || self.addresses.iter().any(|one| one.covers(address));
        ask(state, &self.session.graph, is_meant, self.session.calls()).await
    }

    async fn once(&self, state: State) -> Result<Exit, Exit> {
        let round = tokio::select! {
            round = self.round(&state) => round,
            () = signal() => return Err(Exit::Interrupted),
        };
        self.shown(&state, &round)
    }

    /// Asks until everything is live, or the time is up.
    async fn wait(&self, state: State, within: Duration) -> Result<Exit, Exit> {
        let until = Instant::now() + within;
        let mut told = watch::Told::default();
        let rounds = async {
            let mut state = state;
            loop {
                let round = self.round(&state).await;
                if round.is_good() || Instant::now() + EVERY > until {
                    return Ok((state, round));
                }
                told.changes(&round).iter().for_each(|line| tell_line(line));
                tokio::time::sleep(EVERY).await;
                state = recorded(&self.session.place, self.session.look)?;
            }
        };
        let (state, round) = tokio::select! {
            round = rounds => round?,
            () = signal() => return Err(Exit::Interrupted),
        };
        self.shown(&state, &round)
    }

    /// Says all that there is to say of a round; what the command ends with.
    fn shown(&self, state: &State, round: &Round) -> Result<Exit, Exit> {
        self.keep(state, round)?;
        if self.json {
            let document = document::document(round, state, &self.session);
            let text = format!("{document:#}\n");
            return put_json(&text, self.output).map_or(Ok(exit_of(round)), Err);
        }
        if let Some(text) = going_on(&self.session.place.record(), state) {
            tell_line(&self.session.look.paint(&text, Paint::Change));
        }
        let tree = self.page(state, round);
        if let Some(exit) = put_out(&tree, self.session.look) {
            return Err(exit);
        }
        self.explain(round);
        put_out(&tree::summary(round, self.output), self.session.look).map_or(Ok(exit_of(round)), Err)
    }

    /// The heading and the tree.
    fn page(&self, state: &State, round: &Round) -> String {
        let name = name(&self.session);
        let count = match self.addresses.is_empty() {
            true => plural(round.things.len(), "resource"),
            false => format!("{} of {}", round.things.len(), plural(state.things().count(), "resource")),
        };
        let sandbox = if *state.cloud == *"sandbox" { " in the sandbox" } else { "" };
        let heading = format!("{name}  ({count}{sandbox}, state serial {})", state.serial);
        let tree = tree::tree(round, self.view, self.output);
        let gap = if tree.is_empty() { "" } else { "\n" };
        format!("{}\n\n{tree}{gap}", self.output.paint(&heading, Paint::Strong))
    }

    /// What is wrong, at the lines of the program that ask for it.
    fn explain(&self, round: &Round) {
        let faults: Vec<(Address, Fault)> =
            round.faults().take(EXPLAINED).map(|(address, fault)| (address.clone(), fault.clone())).collect();
        if faults.is_empty() {
            return;
        }
        self.session.say_faults(&faults);
        let more = round.faults().count() - faults.len();
        if more > 0 {
            tell(&format!("  and {more} more, which the tree shows\n\n"));
        }
    }

    fn keep(&self, state: &State, round: &Round) -> Result<(), Exit> {
        let Some(path) = &self.junit else { return Ok(()) };
        let name = name(&self.session);
        let written = junit::report(round, &name, &state.lineage)
            .and_then(|text| std::fs::write(path, text).map_err(|error| error.to_string()));
        written.map_err(|why| {
            say(&format!("`{}` cannot be written: {why}", path.display()), None, self.session.look);
            Exit::Failed
        })
    }
}

/// What the program is called.
fn project(session: &Session) -> String {
    session.graph.project.as_deref().map_or_else(|| session.place.default_name(), str::to_string)
}

fn name(session: &Session) -> String {
    format!("{}/{}", project(session), session.place.environment())
}

fn exit_of(round: &Round) -> Exit {
    if round.is_good() { Exit::Done } else { Exit::Failed }
}
