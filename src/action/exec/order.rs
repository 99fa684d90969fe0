//! What is run, where, and with what around it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::action::Scene;
use crate::action::exec::guard::TOKEN;
use crate::action::request::refused;
use crate::action::setting::Settings;
use crate::apply::provider::Fault;
use crate::model::action::Action;

/// What even a clean environment has, since hardly a program works without.
const KEPT: [&str; 2] = ["PATH", "HOME"];

pub struct Order {
    program: PathBuf,
    arguments: Vec<String>,
    /// As messages have it, whole.
    pub shown: String,
    pub directory: PathBuf,
    environment: Vec<(String, String)>,
    clean: bool,
    pub stdin: Option<String>,
    pub exits: Vec<i64>,
    pub timeout: Duration,
}

impl Order {
    /// # Errors
    /// When there is nothing to run, or a secret would be seen by others.
    pub fn of(settings: &Settings<'_>, action: &Action, scene: &Scene<'_>) -> Result<Order, Fault> {
        for attribute in ["command", "shell"] {
            if settings.is_secret(attribute) {
                let text = format!("there is a secret in `{attribute}`, which every user of this machine could see");
                return Err(refused(text).help("hand it over as a variable: `environment { PASSWORD ...; }`"));
            }
        }
        let words = match settings.text("shell")? {
            Some(lines) => vec!["/bin/sh".to_string(), "-c".to_string(), lines],
            None => settings.texts("command")?,
        };
        let shown = match words.as_slice() {
            [_, _, lines] if settings.get("shell").is_some() => lines.lines().find(|line| !line.trim().is_empty()),
            _ => None,
        };
        let shown = shown.map_or_else(|| words.join(" "), |line| line.trim().to_string());
        let [program, arguments @ ..] = words.as_slice() else {
            return Err(refused("there is nothing to run: `command` is empty".into()));
        };
        // Where a relative one is looked for after a change of directory is not the same everywhere.
        let directory = scene.calls.directory.join(settings.text("directory")?.unwrap_or_else(|| ".".into()));
        let at = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let program = match program.contains('/') {
            true => at(&scene.calls.directory.join(program)),
            false => PathBuf::from(program),
        };
        let mut environment = settings.pairs("environment")?;
        let place = scene.place;
        environment.extend(
            [
                ("TADPOLE_ACTION", action.name.to_string()),
                ("TADPOLE_ADDRESS", place.address.to_string()),
                ("TADPOLE_ID", place.id.to_string()),
                ("TADPOLE_OCCASION", scene.occasion.word().to_string()),
                (TOKEN, scene.token.to_string()),
            ]
            .map(|(name, value)| (name.to_string(), value)),
        );
        let named = [("TADPOLE_ENV", &scene.calls.environment), ("TADPOLE_PROJECT", &scene.calls.project)];
        let named = named.into_iter().filter(|(_, value)| !value.is_empty());
        environment.extend(named.map(|(name, value)| (name.to_string(), value.to_string())));
        if let Some((name, _)) = environment
            .iter()
            .find(|(name, value)| name.is_empty() || name.contains(['=', '\0']) || value.contains('\0'))
        {
            return Err(refused(format!(
                "the variable `{}` has a name or a value that none can have",
                name.escape_debug()
            )));
        }
        Ok(Order {
            program,
            arguments: arguments.to_vec(),
            shown,
            directory: at(&directory),
            environment,
            clean: settings.is("clean"),
            stdin: settings.text("stdin")?,
            exits: settings.numbers("expectExit").unwrap_or_else(|| vec![0]),
            timeout: [settings.duration("timeout"), settings.duration("within")]
                .into_iter()
                .flatten()
                .min()
                .unwrap_or(Duration::from_secs(300)),
        })
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.directory).kill_on_drop(true);
        if self.clean {
            command.env_clear().envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        // What it starts is in its group, and the terminal's Ctrl-C, which is for tadpole, does not reach it.
        #[cfg(unix)]
        command.process_group(0);
        command
    }
}
