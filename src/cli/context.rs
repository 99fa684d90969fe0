//! What every command starts from: the program's place, its params, its files.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::cli::cloud::Cloud;
use crate::cli::disk::{Disk, unreadable};
use crate::cli::environment;
use crate::cli::streams::{tell, tell_line, tell_one};
use crate::cli::ui::{self, Look, Paint};
use crate::compile::{Inputs, compile, variable};
use crate::diagnostic::{Diagnostic, Report, Severity};
use crate::graph::ResourceGraph;
use crate::printable::Plain;
use crate::source::{Sources, Span};
use crate::state::{environment_rule, is_environment, store};

/// The directory that holds a program, beside which its state lies.
pub fn directory_of(program: &Path) -> &Path {
    let file = program.extension().is_some_and(|extension| extension == "cloud") && !program.is_dir();
    match program.parent() {
        Some(parent) if file => {
            if parent.as_os_str().is_empty() {
                Path::new(".")
            } else {
                parent
            }
        }
        _ => program,
    }
}

/// The directory in which an environment of a program is recorded.
pub fn record_of(program: &Path, environment: &str) -> PathBuf {
    records_of(program).join(environment)
}

/// Whether there is a record of the environment that earlier versions took where none was named: that is gone on with.
pub fn is_default_recorded(program: &Path) -> bool {
    store::is_recorded(&record_of(program, DEFAULT))
}

/// The directory in which all environments of a program are recorded.
pub fn records_of(program: &Path) -> PathBuf {
    directory_of(program).join(".tadpole")
}

/// The environment of a program that names none.
pub const DEFAULT: &str = "default";

/// Where a program is, and with which params it is compiled.
#[derive(clap::Args, Clone, Debug)]
pub struct Place {
    /// The program: a directory with `.cloud` files, or one file
    #[arg(default_value = ".", value_name = "PROGRAM")]
    pub program: PathBuf,
    /// Give a param its value; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    pub params: Vec<(String, String)>,
    /// A file of values for params; may be repeated, the last counts most
    #[arg(long = "vars", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The environment: one recorded instance of the program, and the param `env` [default: that of `param env`, or
    /// `default`]
    #[arg(long, value_name = "NAME", value_parser = parse_env)]
    pub env: Option<String>,
    /// What the program's `param env` is by default, once that was looked for.
    #[arg(skip)]
    pub declared: OnceLock<Option<String>>,
    /// Let the program read files below this directory too, besides its repository; may be repeated
    #[arg(long = "root", value_name = "DIR")]
    pub roots: Vec<PathBuf>,
}

fn parse_set(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_string(), value.to_string())),
        _ => Err("write it as NAME=VALUE".into()),
    }
}

/// The environment that the command's own environment names, if it does.
fn ambient_environment() -> Option<String> {
    std::env::var(variable("env")).ok()
}

pub fn parse_env(text: &str) -> Result<String, String> {
    if is_environment(text) { Ok(text.to_string()) } else { Err(environment_rule(text)) }
}

/// Shows what there is to say of a program, and where to read more about its first error.
pub fn say_report(report: &Report, sources: &Sources, look: Look) {
    tell(&ui::render(report, sources, look));
    if let Some(first) = report.sorted().into_iter().find(|diagnostic| diagnostic.severity == Severity::Error) {
        let text = format!("For more about an error: tadpole explain {}", first.code);
        tell_line(&look.paint(&text, Paint::Faint));
    }
}

/// Compiles, with what no message may show hidden in the sources.
fn compiled(inputs: &Inputs, disk: &Disk) -> (Option<ResourceGraph>, Sources, Report) {
    let mut sources = Sources::default();
    let mut report = Report::default();
    let graph = compile(inputs, disk, &mut sources, &mut report);
    sources.hide(report.secrets());
    (graph, sources, report)
}

/// A compiled program with the texts it came from.
pub struct Compiled {
    pub graph: ResourceGraph,
    pub sources: Sources,
    /// Places of secrets, whose texts are hidden in the sources.
    pub hidden: Vec<Span>,
}

impl Place {
    /// One environment of a program, which is compiled with what is written beside it alone.
    pub fn of(program: &Path, environment: &str) -> Place {
        Place {
            program: program.to_path_buf(),
            params: Vec::new(),
            files: Vec::new(),
            env: Some(environment.to_string()),
            declared: OnceLock::new(),
            roots: Vec::new(),
        }
    }

    /// The files that the program may read.
    pub fn disk(&self) -> Disk {
        Disk::of_program(self.directory(), &self.roots)
    }

    /// The directory that holds the program, beside which its state lies.
    pub fn directory(&self) -> &Path {
        directory_of(&self.program)
    }

    /// What a program without a name of its own is called: as its directory.
    pub fn default_name(&self) -> String {
        let directory = std::fs::canonicalize(self.directory()).unwrap_or_else(|_| self.directory().to_path_buf());
        directory.file_name().map_or_else(|| "program".into(), |name| Plain(&name.to_string_lossy()).to_string())
    }

    /// Whether the call makes sense: no param is given twice, and there is one environment to work on,
    /// with a name that can be one. If not, says so. To be asked before [`Place::environment`].
    pub fn is_sound(&self, look: Look) -> bool {
        let wrong = self.wrong();
        wrong.iter().for_each(|wrong| tell_one(wrong, look));
        wrong.is_none()
    }

    /// Whether there is nothing at the program's place; if so, says so.
    pub fn is_nowhere(&self, look: Look) -> bool {
        let nowhere = !self.program.exists();
        if nowhere {
            tell_one(&unreadable(&self.program, &ErrorKind::NotFound.into()), look);
        }
        nowhere
    }

    fn wrong(&self) -> Option<Diagnostic> {
        self.given_twice().or_else(|| self.wrong_environment())
    }

    /// The first param that several `--set` give. Their values are not shown: they may be secret.
    fn given_twice(&self) -> Option<Diagnostic> {
        let places = |name: &String| -> Vec<usize> {
            let same = self.params.iter().enumerate().filter(|(_, (other, _))| other == name);
            same.map(|(at, _)| at + 1).collect()
        };
        let (name, places) = self.params.iter().map(|(name, _)| (name, places(name))).find(|(_, all)| all.len() > 1)?;
        let times = if let [_, _] = *places { "twice".to_string() } else { format!("{} times", places.len()) };
        let list: Vec<String> = places.iter().map(|place| format!("number {place}")).collect();
        let help = format!("of the `--set` of this call, these are {}: keep one of them", list.join(" and "));
        Some(Diagnostic::error("cloud::command", format!("`--set {name}` is given {times}")).help(help))
    }

    /// What is wrong with the name of the environment, if anything: `--env` and the param `env` may not
    /// differ, and as a param it is as much the name of a directory as it is as a flag.
    fn wrong_environment(&self) -> Option<Diagnostic> {
        let set = self.params.iter().find(|(name, _)| name == "env").map(|(_, value)| value);
        let Some(set) = set else {
            let ambient = ambient_environment().filter(|_| self.env.is_none())?;
            let why = parse_env(&ambient).err()?;
            let message = format!("`{}={ambient}` names no environment", variable("env"));
            return Some(Diagnostic::error("cloud::command", message).help(why));
        };
        match &self.env {
            Some(env) if env != set => {
                let message = format!("`--env {env}` and `--set env={set}` name two environments");
                Some(Diagnostic::error("cloud::command", message).help("leave one of them out"))
            }
            _ => {
                let why = parse_env(set).err()?;
                Some(Diagnostic::error("cloud::command", format!("`--set env={set}` names no environment")).help(why))
            }
        }
    }

    /// Compiles for a cloud, and shows what there is to say. Nothing when there are errors.
    pub fn compile(&self, cloud: &Cloud, look: Look) -> Option<Compiled> {
        if !self.is_sound(look) {
            return None;
        }
        let inputs = Inputs { sandbox: cloud.sandbox, ..self.inputs(false) };
        let (graph, sources, report) = compiled(&inputs, &self.disk());
        say_report(&report, &sources, look);
        graph.map(|graph| Compiled { graph, sources, hidden: report.secrets().to_vec() })
    }

    /// Compiles without a word: all that there is to say is in the report. A graph and errors exclude
    /// each other. Secrets that are not at hand are no error.
    pub fn examine(&self) -> (Option<ResourceGraph>, Sources, Report) {
        match self.wrong() {
            Some(wrong) => {
                let mut report = Report::default();
                report.push(wrong);
                (None, Sources::default(), report)
            }
            None => compiled(&self.inputs(true), &self.disk()),
        }
    }

    /// As [`Place::compile`], where a program that does not compile is as good as none.
    pub fn compile_quietly(&self) -> Option<Compiled> {
        let (graph, sources, report) = compiled(&self.inputs(true), &self.disk());
        graph.map(|graph| Compiled { graph, sources, hidden: report.secrets().to_vec() })
    }

    /// What the program is compiled with. `ENVIRONMENT.cloudvars` beside it is read without being named.
    pub fn inputs(&self, absent_is_open: bool) -> Inputs {
        let beside = self.directory().join(format!("{}.cloudvars", self.environment()));
        Inputs {
            program: self.program.clone(),
            params: self.params.iter().cloned().collect(),
            env: self.env.clone(),
            files: self.files.clone(),
            fallback_files: beside.symlink_metadata().is_ok().then_some(beside).into_iter().collect(),
            absent_is_open,
            sandbox: false,
        }
    }

    /// The directory in which the environment is recorded.
    pub fn record(&self) -> PathBuf {
        record_of(&self.program, &self.environment())
    }

    /// The environment: as `--env` says, else as the param `env` is set to on the command line, else as
    /// `TADPOLE_PARAM_ENV` says, else as the program's `param env` is by default.
    pub fn environment(&self) -> String {
        let set = || self.params.iter().find(|(name, _)| name == "env").map(|(_, value)| value.clone());
        let given = self.env.clone().or_else(set).or_else(ambient_environment);
        let declared = || self.declared().filter(|_| !is_default_recorded(&self.program));
        given.or_else(declared).unwrap_or_else(|| DEFAULT.into())
    }

    fn declared(&self) -> Option<String> {
        self.declared.get_or_init(|| environment::declared(&self.program)).clone()
    }

    /// What to say of an environment that is not called as the program calls it.
    pub fn misnomer(&self) -> Option<String> {
        let declared = self.declared().filter(|declared| declared != DEFAULT)?;
        let is_set = self.params.iter().any(|(name, _)| name == "env");
        let is_unnamed = self.env.is_none() && !is_set && ambient_environment().is_none();
        (is_unnamed && self.environment() == DEFAULT).then(|| {
            format!(
                "  The environment is `{DEFAULT}`, which is recorded; in the program, `env` is \"{declared}\". \
                     `--env {declared}` is another environment."
            )
        })
    }
}
