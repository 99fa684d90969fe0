//! What applying looks like: one live line an active resource on a terminal, plain lines elsewhere.

use std::collections::HashMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::apply::event::Event;
use crate::apply::provider::Fault;
use crate::cli::streams::{live, tell_line};
use crate::cli::ui::{Look, Paint};
use crate::name::{Address, Name};
use crate::plan::ChangeKind;
use crate::printable::Plain;

/// Live lines on the screen at once; the rest is counted.
const LINES: usize = 12;

/// Shows events until there are no more, and gives what was only a warning. `total` is how many resources will be
/// worked on.
pub async fn show(mut events: UnboundedReceiver<Event>, total: usize, look: Look) -> Vec<Warning> {
    let mut screen = Screen::new(total, look);
    while let Some(event) = events.recv().await {
        screen.event(event);
    }
    screen.end();
    screen.warnings
}

/// An action that failed, of which nothing depends on it.
pub struct Warning {
    pub address: Address,
    pub action: Name,
    pub fault: Fault,
}

struct Screen {
    look: Look,
    lines: HashMap<Address, ProgressBar>,
    all: MultiProgress,
    total: Option<ProgressBar>,
    /// What each resource waits for was said last.
    said: HashMap<Address, String>,
    warnings: Vec<Warning>,
}

impl Screen {
    fn new(total: usize, look: Look) -> Screen {
        let all = MultiProgress::new();
        live(look.live.then(|| all.clone()));
        let bar = (look.live && total > 1).then(|| {
            let style = ProgressStyle::with_template("  [{bar:20}] {pos}/{len}  {elapsed}");
            let bar = all.add(ProgressBar::new(total as u64));
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Screen { look, lines: HashMap::new(), all, total: bar, said: HashMap::new(), warnings: Vec::new() }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Began { address, kind } => self.line(&address, doing(kind)),
            Event::Running { address, action } => self.line(&address, action.as_str()),
            Event::Waiting { address, on } => {
                if !self.look.live && self.said.get(&address) != Some(&on) {
                    self.print(&format!("   . {address}  {}", Plain(&on)), Paint::Faint);
                }
                self.line(&address, &on);
                self.said.insert(address, on);
            }
            Event::Warned { address, action, fault } => {
                self.print(&format!("   ! {address}  {action}: {}", below(&fault)), Paint::Change);
                self.warnings.push(Warning { address, action, fault });
            }
            Event::Retrying { address, fault, after } => {
                let text = format!("   . {address}  again in {}: {}", shown(after), below(&fault));
                self.print(&text, Paint::Faint);
            }
            Event::Done { address, kind, id, gone, took } => {
                self.over(&address);
                let what = match (kind, gone) {
                    (ChangeKind::Forget, true) => "forgotten: no longer exists:",
                    (ChangeKind::Forget, false) => "left standing:",
                    _ => done(kind),
                };
                let what = format!("{what} {}", Plain(&id));
                self.print(&format!("   v {address}  {what}  {}", shown(took)), Paint::Good);
            }
            Event::Failed { address, fault, took } => {
                self.over(&address);
                self.print(&format!("   x {address}  {}  {}", below(&fault), shown(took)), Paint::Bad);
            }
        }
    }

    fn line(&mut self, address: &Address, text: &str) {
        if !self.look.live {
            return;
        }
        if !self.lines.contains_key(address) && self.lines.len() < LINES {
            let style = ProgressStyle::with_template("   . {wide_msg}  {elapsed}");
            let bar = self.all.insert_from_back(usize::from(self.total.is_some()), ProgressBar::new_spinner());
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.enable_steady_tick(Duration::from_millis(200));
            self.lines.insert(address.clone(), bar);
        }
        if let Some(bar) = self.lines.get(address) {
            bar.set_message(format!("{address}  {}", Plain(text)));
        }
    }

    fn over(&mut self, address: &Address) {
        self.said.remove(address);
        if let Some(bar) = self.lines.remove(address) {
            bar.finish_and_clear();
        }
        if let Some(bar) = &self.total {
            bar.inc(1);
        }
    }

    fn print(&self, text: &str, paint: Paint) {
        tell_line(&self.look.paint(text, paint));
    }

    fn end(&mut self) {
        self.lines.drain().for_each(|(_, bar)| bar.finish_and_clear());
        if let Some(bar) = self.total.take() {
            bar.finish_and_clear();
        }
        live(None);
    }
}

fn doing(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Start | ChangeKind::Revive => "starting",
        ChangeKind::Adopt => "adopting",
        ChangeKind::Update => "updating",
        ChangeKind::Replace => "replacing",
        ChangeKind::Terminate => "terminating",
        ChangeKind::Forget => "forgetting",
        ChangeKind::Report => "reporting",
    }
}

fn done(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Start | ChangeKind::Revive => "started",
        ChangeKind::Adopt => "adopted",
        ChangeKind::Update => "updated",
        ChangeKind::Replace => "replaced by",
        ChangeKind::Terminate => "terminated",
        ChangeKind::Forget => "forgotten",
        ChangeKind::Report => "reported",
    }
}

/// A fault of which further lines cannot be taken for lines of ours.
fn below(fault: &Fault) -> String {
    fault.to_string().replace('\n', "\n   |  ")
}

/// A time as people say it.
pub fn shown(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 if time.as_millis() < 100 => format!("{} ms", time.as_millis()),
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}
