//! Things of this machine, for real: the program as users run it, files, ports and processes, and the system's
//! own table of processes as the witness.

mod killed;
mod launch;
mod processes;
mod stack;
mod things;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tadpole::state::process::stat;
use tadpole::state::{State, store};

use crate::cli::{Ran, Tadpole};

/// A program in a directory of its own. What of it still runs at the end is killed.
struct Place {
    _at_the_end: AtTheEnd,
    directory: tempfile::TempDir,
    tadpole: Tadpole,
}

impl Place {
    fn new(program: &str) -> Place {
        let directory = tempfile::tempdir().unwrap();
        let tadpole = Tadpole::new(directory.path());
        let place = Place { _at_the_end: stop_all(directory.path()), directory, tadpole };
        place.says(program);
        place
    }

    fn says(&self, program: &str) {
        std::fs::write(self.path("main.cloud"), program).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn apply(&self) -> Ran {
        self.tadpole.run(&["apply", "--yes"])
    }

    fn destroy(&self) -> Ran {
        self.tadpole.run(&["destroy", "--yes"])
    }

    #[track_caller]
    fn is_applied(&self) {
        let ran = self.apply();
        assert_eq!(ran.code, 0, "{}", ran.err);
        self.is_as_the_program_says();
    }

    #[track_caller]
    fn is_as_the_program_says(&self) {
        let ran = self.tadpole.run(&["plan", "--exit-code"]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    }

    /// Nothing is left of it: no process, and no file but the program and the record.
    #[track_caller]
    fn is_destroyed(&self) {
        let ran = self.destroy();
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert_eq!(self.processes(), BTreeMap::new());
        let entries = std::fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, [".tadpole", "main.cloud"]);
    }

    /// Of how many things it is written down that they are of this environment.
    fn marks(&self) -> usize {
        std::fs::read_dir(self.path(".tadpole/default/local")).into_iter().flatten().count()
    }

    fn state(&self) -> Option<State> {
        store::peek(&self.path(".tadpole/default")).unwrap()
    }

    fn output(&self, address: &str, name: &str) -> String {
        let state = self.state().unwrap();
        state.resources[&address.parse().unwrap()].outputs[name].to_string().trim_matches('"').to_string()
    }

    /// Processes that bear the lineage of this environment, by the address that they were made under.
    fn processes(&self) -> BTreeMap<String, Vec<u32>> {
        self.state().map_or_else(BTreeMap::new, |state| processes_of(&state.lineage))
    }

    fn only_process(&self, address: &str) -> u32 {
        match self.processes().remove(address).as_deref() {
            Some([pid]) => *pid,
            other => panic!("`{address}` has the processes {other:?}"),
        }
    }
}

/// Kills what of a directory's environment still runs when a test ends, however it ends.
struct AtTheEnd(PathBuf);

fn stop_all(directory: &Path) -> AtTheEnd {
    AtTheEnd(directory.join(".tadpole/default"))
}

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        let state = store::peek(&self.0).ok().flatten();
        state.iter().flat_map(|state| processes_of(&state.lineage).into_values().flatten()).for_each(kill);
    }
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    // It may have ended meanwhile.
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

/// What the system's table has of an environment.
fn processes_of(lineage: &str) -> BTreeMap<String, Vec<u32>> {
    let mut found: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(environment) = std::fs::read(entry.path().join("environ")) else { continue };
        let variables: Vec<String> =
            environment.split(|byte| *byte == 0).map(|one| String::from_utf8_lossy(one).into_owned()).collect();
        let of = |name: &str| variables.iter().find_map(|one| one.strip_prefix(name)?.strip_prefix('='));
        let runs = stat(pid).ok().flatten().is_some_and(|stat| !stat.over);
        if runs && of("TADPOLE_LINEAGE") == Some(lineage) {
            found.entry(of("TADPOLE_ADDRESS").unwrap().to_string()).or_default().push(pid);
        }
    }
    found.values_mut().for_each(|pids| pids.sort());
    found
}

#[track_caller]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}
