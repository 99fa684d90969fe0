//! `tadpole import`: things that exist become those of components. They are read and recorded; nothing is
//! written in the cloud.

use std::path::{Path, PathBuf};

use crate::apply::import::{Claim, Refusal, claims};
use crate::cli::Exit;
use crate::cli::asked::Asked;
use crate::cli::cloud::Cloud;
use crate::cli::context::{Compiled, Place};
use crate::cli::session::{Session, columns, paint, say_store};
use crate::cli::streams::{say, tell, tell_line};
use crate::cli::turn::Turn;
use crate::cli::ui::{Look, Paint};
use crate::name::Address;
use crate::plan::{Purpose, Scope, text};
use crate::printable::Plain;
use crate::state::State;
use crate::state::ledger::Ledger;
use crate::state::record::Record;

#[derive(clap::Args)]
pub struct Import {
    /// The component: `site.web[0]`; not with `--from`
    #[arg(value_name = "ADDRESS", required_unless_present = "from")]
    address: Option<String>,
    /// What the cloud calls the thing
    #[arg(value_name = "ID", required_unless_present = "from", conflicts_with = "from")]
    id: Option<String>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    cloud: Cloud,
    #[command(flatten)]
    turn: Turn,
    /// Many at once: a file with lines `ADDRESS ID`, or a JSON object from addresses to ids
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Only show what would be recorded
    #[arg(long)]
    dry_run: bool,
}

/// What came of the claims.
#[derive(Default)]
struct Count {
    taken: Vec<Address>,
    known: usize,
    refused: usize,
}

impl Import {
    pub async fn run(self, look: Look) -> Exit {
        self.import(look).await.unwrap_or_else(|exit| exit)
    }

    async fn import(mut self, look: Look) -> Result<Exit, Exit> {
        let claims = self.claims(look)?;
        let single = self.from.is_none();
        let Compiled { graph, sources, .. } = self.place.compile(&self.cloud, look).ok_or(Exit::Wrong)?;
        let mut session = Session::open(self.place, graph, sources, &self.cloud, look).await?;
        let mut ledger = if self.dry_run { None } else { Some(session.take(self.turn).await?) };
        let mut state = match &ledger {
            Some(ledger) => ledger.state().clone(),
            None => session.peek()?,
        };
        let mut count = Count::default();
        for claim in &claims {
            one(&session, claim, single, &mut state, ledger.as_mut(), &mut count).await?;
        }
        if let Some(ledger) = &mut ledger {
            ledger.compact().map_err(|fault| say_store(&fault, look))?;
        }
        if !count.taken.is_empty() {
            show_next(&session, &state, &count.taken).await;
        }
        if single && count.refused > 0 {
            return Err(Exit::Wrong);
        }
        tell("\n");
        let good = count.refused == 0;
        let text = format!("  {}.", count.summary(self.dry_run));
        tell_line(&look.paint(&text, if good { Paint::Good } else { Paint::Bad }));
        Ok(if good { Exit::Done } else { Exit::Failed })
    }

    /// What is to be taken in. Beside `--from`, the one thing to say is the program.
    fn claims(&mut self, look: Look) -> Result<Vec<Claim>, Exit> {
        let wrong = |message: String, help: &str| {
            say(&message, Some(help), look);
            Exit::Wrong
        };
        let Some(path) = &self.from else {
            let (address, id) = (self.address.take().unwrap_or_default(), self.id.take().unwrap_or_default());
            return match address.parse() {
                Ok(address) if !id.is_empty() => Ok(vec![Claim { address, id: id.into() }]),
                Ok(_) => Err(wrong("an id cannot be empty".into(), "write `tadpole import ADDRESS ID`")),
                Err(error) => Err(wrong(error.to_string(), "write `tadpole import ADDRESS ID`")),
            };
        };
        if let Some(program) = self.address.take() {
            self.place.program = PathBuf::from(program);
        }
        let shown = path.display();
        let text = read(path).map_err(|error| wrong(format!("`{shown}` cannot be read: {error}"), "name a file"))?;
        claims(&text)
            .map_err(|why| wrong(format!("`{shown}` is no list of what to import: {why}"), "write lines `ADDRESS ID`"))
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    if path == Path::new("-") { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(path) }
}

/// Takes one thing in, and says so. What cannot be is passed over, unless nothing can be recorded any more.
async fn one(
    session: &Session,
    claim: &Claim,
    single: bool,
    state: &mut State,
    ledger: Option<&mut Ledger>,
    count: &mut Count,
) -> Result<(), Exit> {
    let look = session.look;
    let Claim { address, id } = claim;
    match session.take_in(claim, state).await {
        Ok(recorded) => {
            let text = format!("  < {address}  {} {}", recorded.template, Plain(id));
            tell_line(&look.paint(&text, Paint::Good));
            if single {
                tell(&columns(recorded.inputs.iter().chain(&recorded.outputs), "  |    "));
            }
            let record = Record::Seen { address: address.clone(), recorded: Box::new(recorded) };
            if let Some(ledger) = ledger {
                ledger.record(vec![record.clone()]).map_err(|fault| say_store(&fault, look))?;
            }
            state.apply(record);
            count.taken.push(address.clone());
        }
        Err(Refusal::Known) => {
            tell_line(&look.paint(&format!("  = {address}  {} is recorded already", Plain(id)), Paint::Faint));
            count.known += 1;
        }
        Err(refusal) => {
            count.refused += 1;
            match refusal {
                Refusal::Cloud(fault) => session.say_faults(&[(address.clone(), fault)]),
                Refusal::Wrong(message, help) if single => say(&message, help.as_deref(), look),
                Refusal::Wrong(message, help) => {
                    tell_line(&look.paint(&format!("  x {address}  {}", Plain(&message)), Paint::Bad));
                    help.iter().for_each(|help| tell_line(&look.paint(&format!("  |    {help}"), Paint::Faint)));
                }
                Refusal::Known => {}
            }
        }
    }
    Ok(())
}

/// What the next apply would change of what was taken in.
async fn show_next(session: &Session, state: &State, taken: &[Address]) {
    let look = session.look;
    let scope = Scope { targets: taken.to_vec(), ..Scope::default() };
    let asked = Asked { purpose: Purpose::Apply, scope, refresh: true, persistent: false };
    tell("\n");
    // Why it cannot be planned has been said.
    let Ok((plan, _)) = session.plan(state, &asked).await else { return };
    let own: Vec<_> = plan.changes.into_iter().filter(|change| taken.contains(&change.address)).collect();
    if own.is_empty() {
        tell_line("  The next apply changes nothing of it.");
        return;
    }
    tell_line(&look.paint("  The next apply would change:", Paint::Strong));
    for (tone, line) in text::changes(&own, look.width) {
        tell_line(&look.paint(&line, paint(tone)));
    }
}

impl Count {
    fn summary(&self, dry_run: bool) -> String {
        let mut parts = vec![format!("{} {}", self.taken.len(), if dry_run { "to import" } else { "imported" })];
        if self.known > 0 {
            parts.push(format!("{} recorded already", self.known));
        }
        if self.refused > 0 {
            parts.push(format!("{} refused", self.refused));
        }
        parts.join(", ")
    }
}
