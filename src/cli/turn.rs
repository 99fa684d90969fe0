//! Taking an environment for writing: who asks, how long its lease is, and waiting for somebody else's
//! end.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::cli::session::say_store;
use crate::cli::streams::{say, tell_line};
use crate::cli::ui::{Look, Paint};
use crate::cli::{Exit, duration};
use crate::state::lease::{self, Holder};
use crate::state::store::{Contender, LocalStore, Replayed, StoreFault};

/// The variable that says how long a lease is.
const VARIABLE: &str = "TADPOLE_LEASE";
/// Between two tries, and up to as long again.
const PAUSE: Duration = Duration::from_millis(50);

/// What a command does when another one has the environment.
#[derive(clap::Args, Clone, Copy, Debug, Default)]
pub struct Turn {
    /// Wait for the environment when another command has it: `90s`, `10m`
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub wait: Option<Duration>,
}

impl Turn {
    /// Takes the environment in a directory, and reads it.
    ///
    /// # Errors
    /// With what the command ends with, after having said why.
    pub fn take(self, environment: &Path, look: Look) -> Result<(LocalStore, Option<Replayed>), Exit> {
        let holder = holder(look)?;
        self.contend(environment, &holder, look).map_err(|fault| say_store(&fault, look))
    }

    /// The same, where not to get it is for the caller to tell.
    ///
    /// # Errors
    /// When another has it to the end, or it cannot be read.
    pub fn contend(
        self,
        environment: &Path,
        holder: &Holder,
        look: Look,
    ) -> Result<(LocalStore, Option<Replayed>), StoreFault> {
        let mut contender = Contender::new(environment, holder);
        let deadline = Instant::now() + self.wait.unwrap_or_default();
        let mut said = None;
        loop {
            let fault = match contender.attempt() {
                Ok(taken) => return Ok(taken),
                Err(fault) => fault,
            };
            match &fault {
                StoreFault::Locked(lease) if Instant::now() < deadline => {
                    let owner = lease.as_ref().map(|lease| lease.owner.clone());
                    if said.as_ref() != Some(&owner) {
                        let whom = lease.as_ref().map_or("another process".into(), |lease| lease.to_string());
                        tell_line(
                            &look.paint(&format!("Waiting for {whom}, which changes this environment."), Paint::Faint),
                        );
                        said = Some(owner);
                    }
                }
                StoreFault::Locked(_)
                | StoreFault::Fenced(_)
                | StoreFault::Io { .. }
                | StoreFault::Damaged { .. }
                | StoreFault::Newer { .. } => return Err(fault),
            }
            // Many that wait do not all come at the same moment.
            std::thread::sleep(PAUSE + PAUSE.mul_f64(fastrand::f64()));
        }
    }
}

/// This command, as others see it while it has an environment.
///
/// # Errors
/// With what the command ends with, after having said why.
pub fn holder(look: Look) -> Result<Holder, Exit> {
    let length = match std::env::var(VARIABLE) {
        Ok(text) => match duration::parse(&text) {
            Ok(length) if length >= Duration::from_millis(100) => length,
            Ok(_) | Err(_) => {
                let message = format!("`{VARIABLE}={text}` is no length of a lease");
                say(&message, Some("write it like `30s` or `2m`, and not below `100ms`"), look);
                return Err(Exit::Wrong);
            }
        },
        Err(_) => lease::LENGTH,
    };
    Ok(Holder { user: user_name(), host: host_name(), command: command_line(), length })
}

pub fn host_name() -> String {
    let read = |path: &str| std::fs::read_to_string(path).ok().map(|text| text.trim().to_string());
    let known = |name: &String| !name.is_empty();
    let system = read("/proc/sys/kernel/hostname").or_else(|| read("/etc/hostname")).filter(known);
    system.or_else(|| std::env::var("HOSTNAME").ok().filter(known)).unwrap_or_else(|| "this machine".into())
}

/// Who runs this, as far as the system says.
fn user_name() -> Option<String> {
    ["USER", "LOGNAME", "USERNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
}

/// The command as it was typed, without the values of params, which may be secret.
fn command_line() -> String {
    let words = std::env::args_os().skip(1).map(|word| match word.to_string_lossy().split_once('=') {
        Some((name, _)) => format!("{name}=..."),
        None => word.to_string_lossy().into_owned(),
    });
    std::iter::once("tadpole".to_string()).chain(words).collect::<Vec<_>>().join(" ")
}
