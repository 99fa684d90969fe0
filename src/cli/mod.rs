//! The command line: one enum line and one file a command, and the exit codes.

mod apply;
mod asked;
mod breakage;
mod check;
pub mod cloud;
pub mod context;
mod destroy;
pub mod disk;
mod docs;
pub mod duration;
mod env;
mod environment;
mod eval;
mod expiry;
mod explain;
mod fmt;
mod folder;
mod import;
mod live;
pub mod markdown;
mod origin;
mod plan;
mod reap;
mod progress;
pub mod render;
mod repl;
mod sandbox;
mod saved;
pub mod session;
mod signals;
mod show;
mod state;
pub mod streams;
mod sweep;
pub mod turn;
pub mod ui;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::local::limits;
use crate::printable::{Plain, is_hidden};
use ui::Look;

/// What a command ends with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// An error in the source or in the call.
    Wrong = 1,
    /// The plan has changes, and `--exit-code` asked.
    Changes = 2,
    /// Something failed or is not live.
    Failed = 3,
    /// Another process holds the environment.
    Locked = 4,
    Interrupted = 130,
}

#[derive(Parser)]
#[command(name = "tadpole", version, about = "Infrastructure as code that cannot lose anything", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check a program without looking at any cloud
    Check(check::Check),
    /// Show what apply would do
    Plan(plan::Plan),
    /// Make the cloud what the program says
    Apply(apply::Apply),
    /// Take down everything that is recorded
    Destroy(destroy::Destroy),
    /// Record things that exist as those of components
    Import(import::Import),
    /// Ask everything that is recorded how it is
    Live(live::Live),
    /// Print the value of an expression, or of each that is typed
    Eval(eval::Eval),
    /// Show what is recorded
    Show(show::Show),
    /// Look into the record, or change it
    State(state::StateCommand),
    /// Take resources out of the record, and leave them standing
    Forget(state::Forget),
    /// The environments of a program: which there are, and until when they are wanted
    Env(env::EnvCommand),
    /// Take down all environments whose time is over
    Reap(reap::Reap),
    /// Explain a code that a message shows
    Explain(explain::Explain),
    /// Look up templates, types and functions
    Docs(docs::Docs),
    /// Write files in their one layout
    Fmt(fmt::Fmt),
    /// Look into the sandbox, and make trouble in it
    Sandbox(sandbox::SandboxCommand),
}

pub fn main() -> ExitCode {
    if let Some(code) = crate::local::launch::asked() {
        return ExitCode::from(code);
    }
    if let Some(code) = crate::action::exec::guard::asked() {
        return ExitCode::from(code);
    }
    crate::action::exec::guard::start_with(cloud::launcher());
    let look = Look::from_environment();
    end_in_scarcity(look);
    if let Err(scarce) = limits::memory() {
        streams::say(&scarce.message, Some(&scarce.help), look);
        return ExitCode::from(Exit::Failed as u8);
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let error = said_plainly(error);
            // Help goes to standard output and is no error. A wrong call is 1: 2 means changes here.
            let exit = if error.use_stderr() { Exit::Wrong } else { Exit::Done };
            let of_stream = if error.use_stderr() { look } else { Look::of_output() };
            let text = error.render();
            let text = if of_stream.colour { text.ansi().to_string() } else { text.to_string() };
            if !error.use_stderr() {
                return ExitCode::from(streams::put_out(&text, look).unwrap_or(exit) as u8);
            }
            streams::tell(&text);
            return ExitCode::from(streams::ending(exit) as u8);
        }
    };
    let exit = match arguments.command {
        Command::Check(command) => command.run(look),
        Command::Plan(command) => on_runtime(command.run(look), look),
        Command::Apply(command) => on_runtime(command.run(look), look),
        Command::Destroy(command) => on_runtime(command.run(look), look),
        Command::Import(command) => on_runtime(command.run(look), look),
        Command::Live(command) => on_runtime(command.run(look), look),
        Command::Eval(command) => command.run(look),
        Command::Show(command) => command.run(look),
        Command::State(command) => on_runtime(command.run(look), look),
        Command::Forget(command) => command.run(look),
        Command::Env(command) => command.run(look),
        Command::Reap(command) => on_runtime(command.run(look), look),
        Command::Explain(command) => command.run(look),
        Command::Docs(command) => command.run(look),
        Command::Fmt(command) => command.run(look),
        Command::Sandbox(command) => command.run(look),
    };
    ExitCode::from(streams::ending(exit) as u8)
}

/// The same about arguments in which nothing is hidden: the message quotes them.
fn said_plainly(error: clap::Error) -> clap::Error {
    let typed: Vec<String> = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let plain = typed.iter().map(|argument| Plain(argument).to_string());
    if typed.iter().all(|argument| !argument.contains(is_hidden)) {
        return error;
    }
    Arguments::try_parse_from(plain).err().unwrap_or(error)
}

/// Libraries panic when the machine gives them no thread, file or memory, some of them where nobody notices. The
/// command says that and ends at once, as if it was killed: the next one recovers what was in flight.
fn end_in_scarcity(look: Look) {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let Some(why) = panic.payload_as_str().filter(|why| limits::is_scarcity(why)) else {
            return usual(panic);
        };
        let help = "raise the limits of this process, `ulimit -a`, and run it again: it goes on from there";
        streams::say(&format!("this machine has too little left to go on: {why}"), Some(help), look);
        std::process::exit(Exit::Failed as i32);
    }));
}

fn on_runtime(command: impl Future<Output = Exit>, look: Look) -> Exit {
    if let Err(scarce) = limits::files_and_threads() {
        streams::say(&scarce.message, Some(&scarce.help), look);
        return Exit::Failed;
    }
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(async {
            signals::survive_file_limit();
            command.await
        }),
        Err(error) => {
            streams::say(&format!("the runtime cannot be started: {error}"), None, look);
            Exit::Failed
        }
    }
}
