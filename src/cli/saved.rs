//! Plans in files. One that was saved is made again before it is carried out, and only carried out when
//! nothing has come of it that was not in it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::cli::Exit;
use crate::cli::apply::{perform, take_down};
use crate::cli::asked::Asked;
use crate::cli::cloud::Cloud;
use crate::cli::context::{Compiled, Place};
use crate::cli::expiry::Expiry;
use crate::cli::session::Session;
use crate::cli::streams::{say, tell, tell_line, tell_one};
use crate::cli::turn::Turn;
use crate::cli::ui::{Look, Paint};
use crate::compile::variable;
use crate::diagnostic::listed;
use crate::graph::ResourceGraph;
use crate::name::Name;
use crate::plan::{self, Made, Plan, Purpose, Refresh, Unread, document};
use crate::source::{Origin, Sources, Span};
use crate::state::{State, is_environment};
use crate::value::Value;

/// Reasons that a refusal lists.
const LISTED: usize = 12;

/// Values of params that no file holds, as they were typed; nothing in place of one that is secret.
pub type Typed = BTreeMap<Name, Option<Arc<str>>>;

/// What was typed for params.
pub fn typed(Compiled { graph, sources, hidden }: &Compiled) -> Typed {
    let secrets = secrets(graph);
    let typed = graph.given.iter().filter(|(_, span)| sources.get(span.source).origin == Origin::Given);
    typed.map(|(name, span)| (name.clone(), open_text(*span, sources, hidden, &secrets))).collect()
}

/// The text at a place, unless a part of it is hidden, or is what makes a secret somewhere.
fn open_text(span: Span, sources: &Sources, hidden: &[Span], secrets: &BTreeSet<String>) -> Option<Arc<str>> {
    let text = sources.text(span);
    let holds = |secret: &String| text.trim() == secret || (secret.len() > 3 && text.contains(secret.as_str()));
    let open = hidden.iter().all(|hidden| hidden.source != span.source) && !secrets.iter().any(holds);
    open.then(|| text.into())
}

/// The text of every secret that the program hands out.
fn secrets(graph: &ResourceGraph) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut collect = |value: &Value| {
        all.extend(value.secrets().into_iter().filter(|text| !text.is_empty()).map(str::to_string));
    };
    let inputs = graph.in_order().flat_map(|resource| resource.inputs.values());
    inputs.for_each(|input| input.term.values(&mut collect));
    graph.outputs.iter().for_each(|output| output.term.values(&mut collect));
    all
}

/// How a plan was made at a place, and of what.
pub fn made(place: &Place, typed: &Typed, sources: &Sources, state: &State) -> Made {
    let open = typed.iter().filter_map(|(name, text)| Some((name.clone(), text.clone()?)));
    Made {
        by: concat!("tadpole ", env!("CARGO_PKG_VERSION")).into(),
        program: place.program.display().to_string().into(),
        env: place.env.as_deref().map(Into::into),
        vars: place.files.iter().map(|path| path.display().to_string().into()).collect(),
        params: open.collect(),
        secrets: typed.iter().filter(|(_, text)| text.is_none()).map(|(name, _)| name.clone()).collect(),
        sources: document::sources(sources),
        records: document::records(state),
    }
}

/// Whether a path is that of a plan: any file but one with a program in it.
pub fn is_plan(path: &Path) -> bool {
    path.is_file() && path.extension().is_none_or(|extension| extension != "cloud")
}

/// Writes a plan: as a whole or not at all, for its owner alone.
///
/// # Errors
/// With what the command ends with, after having said why.
pub fn write(document: &str, path: &Path, look: Look) -> Result<(), Exit> {
    let shown = path.display();
    if path.is_dir() || path.extension().is_some_and(|extension| extension == "cloud") {
        say(&format!("a plan is not written to `{shown}`: that is a program's place"), None, look);
        return Err(Exit::Wrong);
    }
    // It is put in place by a rename: a device would be gone for everybody, and a link for whoever made it.
    if std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        let help = "name a regular file, or one that does not exist; `--json` prints the plan to standard output";
        say(&format!("a plan is not written to `{shown}`: it is not a regular file"), Some(help), look);
        return Err(Exit::Wrong);
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = tempfile::NamedTempFile::new_in(directory).and_then(|mut file| {
        file.write_all(document.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)
    });
    written.map(drop).map_err(|error| {
        say(&format!("`{shown}` cannot be written: {error}"), None, look);
        Exit::Failed
    })
}

fn read(path: &Path, look: Look) -> Result<Plan, Exit> {
    let shown = path.display();
    let (message, help) = match std::fs::read_to_string(path).map(|text| Plan::read(&text)) {
        Ok(Ok(plan)) => return Ok(plan),
        Ok(Err(Unread::Newer(version))) => (
            format!("`{shown}` is a plan of the format {version}, which a newer tadpole has made"),
            "carry it out with the tadpole that made it".to_string(),
        ),
        Ok(Err(Unread::Damaged(why))) => (
            format!("`{shown}` is no plan, or is damaged: {why}"),
            format!(
                "make it anew: `tadpole plan --out {shown}`; a program is a directory, or a file that ends in `.cloud`"
            ),
        ),
        Err(error) => (format!("`{shown}` cannot be read: {error}"), "name a plan or a program".to_string()),
    };
    say(&message, Some(&help), look);
    Err(Exit::Wrong)
}

/// Carries out the plan of a file. `given` is the place that the command names, whose program is that file.
///
/// # Errors
/// With what the command ends with, after having said why.
pub async fn apply(
    given: Place,
    cloud: &Cloud,
    turn: Turn,
    rollback: bool,
    ttl: Option<Duration>,
    look: Look,
) -> Result<Exit, Exit> {
    let file = given.program.clone();
    let saved = read(&file, look)?;
    let place = place(&saved, given, &file, look)?;
    if saved.purpose == Purpose::Destroy && ttl.is_some() {
        say(&format!("`{}` takes everything down", file.display()), Some("leave `--ttl` out"), look);
        return Err(Exit::Wrong);
    }
    if cloud.sandbox && *saved.cloud != *"sandbox" {
        say(&format!("`{}` is no plan for the sandbox", file.display()), Some("leave `--sandbox` out"), look);
        return Err(Exit::Wrong);
    }
    let cloud = Cloud { sandbox: *saved.cloud == *"sandbox" };
    let compiled = match saved.purpose {
        Purpose::Destroy => take_down(&place, place.compile_quietly(), saved.scope.is_whole()),
        Purpose::Apply | Purpose::Refresh => place.compile(&cloud, look).ok_or(Exit::Wrong)?,
    };
    let typed = typed(&compiled);
    let mut session = Session::open(place, compiled.graph, compiled.sources, &cloud, look).await?;
    let mut ledger = session.take(turn).await?;
    let asked = Asked {
        purpose: saved.purpose,
        scope: saved.scope.clone(),
        refresh: match saved.refresh {
            Refresh::Done | Refresh::Needless => true,
            Refresh::Skipped => false,
        },
        persistent: false,
    };
    let (mut now, refreshed) = session.plan(ledger.state(), &asked).await?;
    now.made = made(&session.place, &typed, &session.sources, ledger.state());
    if plan::was_applied(&saved, &now) {
        let serials = format!("state serial {} -> {}", saved.serial, now.serial);
        say(
            &format!("`{}` was applied already: nothing of it is left to do ({serials})", file.display()),
            Some("plan again, when there is something to change"),
            look,
        );
        return Err(Exit::Wrong);
    }
    let moved = plan::moved(&saved, &now);
    if !moved.is_empty() {
        say(
            &format!("`{}` does not hold any more: nothing was changed", file.display()),
            Some("plan again, and look at what has become of it"),
            look,
        );
        for line in moved.iter().take(LISTED) {
            tell_line(&format!("  - {line}"));
        }
        if moved.len() > LISTED {
            tell_line(&format!("  - and {} other differences", moved.len() - LISTED));
        }
        return Err(Exit::Wrong);
    }
    session.show_plan(&now, ledger.state());
    let expiry = Expiry::of(ledger.state(), ttl, session.calls().clock.now());
    if saved.purpose != Purpose::Destroy {
        expiry.line().iter().for_each(|line| tell_line(line));
    }
    tell("\n");
    tell_line(&look.paint(&format!("Nothing has moved since `{}` was made.", file.display()), Paint::Good));
    let (exit, _) = perform(&mut session, &now, &refreshed, &mut ledger, rollback, expiry).await;
    Ok(exit)
}

/// A plan that tadpole has not written so.
fn wrong_plan(message: &str, look: Look) -> Result<Place, Exit> {
    say(message, Some("plan again"), look);
    Err(Exit::Wrong)
}

/// The place where a plan was made, with the secrets that it does not hold.
fn place(saved: &Plan, given: Place, file: &Path, look: Look) -> Result<Place, Exit> {
    let shown = file.display();
    let wrong = |message: String, help: &str| {
        say(&message, Some(help), look);
        Err(Exit::Wrong)
    };
    if !given.is_sound(look) {
        return Err(Exit::Wrong);
    }
    let Made { program, env, vars, params, secrets, .. } = &saved.made;
    if given.env.is_some() || !given.files.is_empty() {
        return wrong(
            format!("`{shown}` is a plan, which says by itself what it is made with"),
            "leave `--env` and `--vars` out",
        );
    }
    let known = |name: &String| secrets.iter().any(|secret| secret.as_str() == name);
    if let Some((name, _)) = given.params.iter().find(|(name, _)| !known(name)) {
        return wrong(
            format!("`{shown}` is a plan: `--set {name}` cannot change it"),
            "only secret params are given again, which no plan holds",
        );
    }
    let absent = |name: &&Name| {
        let typed = given.params.iter().any(|(other, _)| other == name.as_str());
        !typed && std::env::var_os(variable(name.as_str())).is_none()
    };
    let absent: Vec<&Name> = secrets.iter().filter(absent).collect();
    if let [first, ..] = *absent {
        return wrong(
            format!("`{shown}` does not hold the values of secret params: {} must be given again", listed(&absent)),
            &format!("`--set {first}=...`, or the variable `{}`", variable(first.as_str())),
        );
    }
    let open = params.iter().map(|(name, text)| (name.to_string(), text.to_string()));
    let mut place = Place {
        program: PathBuf::from(&**program),
        params: open.chain(given.params).collect(),
        files: vars.iter().map(|path| PathBuf::from(&**path)).collect(),
        env: env.as_deref().map(str::to_string),
        declared: OnceLock::new(),
        roots: given.roots,
    };
    // What stands in a file is checked as what is typed.
    let environments = place.env.iter().map(String::as_str).chain([&*saved.environment]);
    if let Some(wrong) = environments.into_iter().find(|env| !is_environment(env)) {
        return wrong_plan(
            &format!("`{shown}` names an environment that none can have: `{}`", wrong.escape_debug()),
            look,
        );
    }
    if saved.project.is_empty() || saved.project.contains(|c: char| c.is_control() || c == '/') {
        let project = saved.project.escape_debug();
        return wrong_plan(&format!("`{shown}` names a program that none can have: `{project}`"), look);
    }
    let disk = place.disk();
    if let Some(outside) = place.files.iter().find_map(|path| disk.permitted(path).err()) {
        tell_one(&outside, look);
        return Err(Exit::Wrong);
    }
    if place.environment() != *saved.environment {
        // It came from a variable, which counts only while the program has no such param.
        place.env = Some(saved.environment.to_string());
    }
    if place.is_sound(look) && !place.is_nowhere(look) { Ok(place) } else { Err(Exit::Wrong) }
}
