//! Every example in the sandbox: applied, unchanged, taken down.

use std::path::{Path, PathBuf};

use crate::cli::{Tadpole, copied, ends};

/// The folders below one, itself included, that are programs.
fn programs(folder: &Path) -> Vec<PathBuf> {
    let entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let is_program = entries.iter().any(|path| path.extension().is_some_and(|extension| extension == "cloud"));
    let below = entries.iter().filter(|path| path.is_dir() && !path.ends_with(".tadpole"));
    let below = below.flat_map(|path| programs(path));
    is_program.then(|| folder.to_path_buf()).into_iter().chain(below).collect()
}

#[test]
fn every_example_is_applied_unchanged_and_taken_down() {
    let all = programs(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"));
    for example in ["smartfrog", "smartfrog/buckets", "smartfrog/instances"] {
        assert!(all.iter().any(|path| path.ends_with(example)), "{example} is not among {all:?}");
    }
    for example in all {
        let directory = copied(&example);
        let tadpole = Tadpole::new(directory.path())
            .env("KULITZER_DB_PASSWORD", "correct horse battery staple")
            .env("SHOP_DB_PASSWORD", "correct horse battery staple");
        let run = tadpole.run(&["apply", ".", "--sandbox", "--yes"]);
        assert_eq!(run.code, 0, "{}: {}", example.display(), run.err);
        let run = tadpole.run(&["plan", ".", "--sandbox", "--exit-code"]);
        assert_eq!(run.code, 0, "{}: {}", example.display(), run.err);
        let run = tadpole.run(&["destroy", ".", "--sandbox", "--yes"]);
        assert_eq!(run.code, 0, "{}: {}", example.display(), run.err);
        let run = tadpole.run(&["apply", ".", "--sandbox", "--yes"]);
        assert_eq!(run.code, 0, "{}, once more: {}", example.display(), run.err);
    }
}

#[test]
fn what_smartfrog_left_standing_is_retired() {
    let directory = copied(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/smartfrog/buckets"));
    let tadpole = Tadpole::new(directory.path());
    let left = || tadpole.run(&["sandbox", "list"]).out.matches("aws.S3").count();
    ends(&tadpole.run(&["apply", "--sandbox", "--yes"]), 0, &["start: PUT_ACTION, GET_ACTION, HEAD_ACTION"]);
    assert_eq!(left(), 4);
    ends(&tadpole.run(&["destroy", "--sandbox", "--yes"]), 0, &["left standing: tadpole-smartfrog-family-archive"]);
    assert_eq!(left(), 2);
    let run = tadpole.run(&["apply", "--sandbox", "--yes", "--set", "retire=true"]);
    ends(&run, 0, &["v retired  adopted tadpole-smartfrog-family-archive", "v noteRetired  adopted"]);
    let run = tadpole.run(&["destroy", "--sandbox", "--yes"]);
    ends(&run, 0, &["v noteRetired  terminated", "v retired  terminated tadpole-smartfrog-family-archive"]);
    assert_eq!(left(), 0);
}

#[test]
fn instances_of_others_are_ended_when_it_is_asked_for() {
    let directory = copied(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/smartfrog/instances"));
    let tadpole = Tadpole::new(directory.path());
    let run = tadpole.run(&["apply", "--sandbox", "--yes", "--set", "kill=toads"]);
    ends(&run, 0, &["< killed   TerminateInstancesOnTermination  adopt"]);
    let run = tadpole.run(&["destroy", "--sandbox", "--yes"]);
    ends(&run, 0, &["terminate: TERMINATE_FOUND_ACTION", "v killed  terminated"]);
}

// ---- a test environment for each pull request: as by hand, and as in GitHub Actions

/// A build server: a checkout of the example, its workflow, and programs that stand for what it calls.
#[cfg(unix)]
struct Server {
    directory: tempfile::TempDir,
    workflow: serde_json::Value,
}

#[cfg(unix)]
impl Server {
    fn new() -> Server {
        let directory = tempfile::tempdir().unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pr-environment");
        let text = std::fs::read_to_string(example.join("github-workflow.yml")).unwrap();
        let workflow = serde_saphyr::from_str(&text).unwrap();
        let server = Server { directory, workflow };
        std::fs::create_dir_all(server.path("checkout/examples")).unwrap();
        std::fs::rename(copied(&example).keep(), server.path("checkout/examples/pr-environment")).unwrap();
        std::fs::create_dir(server.path("bin")).unwrap();
        // The sandbox in place of AWS, for the commands that ask a cloud; and a note of each that was called.
        let tadpole = env!("CARGO_BIN_EXE_tadpole");
        server.program(
            "tadpole",
            &format!(
                "echo \"$@\" >> '{}'\ncase \"$1\" in plan|apply|destroy|reap) exec '{tadpole}' \"$@\" --sandbox;; esac\n\
                 exec '{tadpole}' \"$@\"\n",
                server.path("called").display()
            ),
        );
        server
            .program("gh", &format!("echo \"gh $@\" >> '{0}'; cat plan.md >> '{0}'\n", server.path("said").display()));
        server
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn program(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path("bin").join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A value of the workflow as the build server fills it in.
    fn filled(text: &str, number: u32) -> String {
        let expression = regex::Regex::new(r"\$\{\{ *(.*?) *\}\}").unwrap();
        let fill = |found: &regex::Captures| match &found[1] {
            "github.event.number" => number.to_string(),
            "github.token" => "token".into(),
            "secrets.SHOP_DB_PASSWORD" => "correct horse battery staple".into(),
            other => panic!("nobody says what `{other}` is"),
        };
        expression.replace_all(text, fill).into_owned()
    }

    /// Runs the steps of a job that run something, for the pull request with this number.
    fn job(&self, name: &str, number: u32) -> String {
        let mut said = String::new();
        let steps = self.workflow["jobs"][name]["steps"].as_array().unwrap();
        for step in steps.iter().filter(|step| step.get("run").is_some()) {
            let script = step["run"].as_str().unwrap();
            assert!(!script.contains("${{"), "what others write must not get into a script: {script}");
            let mut shell = self.shell(script);
            for variables in [&self.workflow["env"], &step["env"]] {
                for (name, value) in variables.as_object().into_iter().flatten() {
                    shell.env(name, Server::filled(value.as_str().unwrap(), number));
                }
            }
            let output = shell.env("RECORDS", self.path("records")).output().unwrap();
            let all = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            assert!(output.status.success(), "job `{name}`, {script}:\n{all}");
            said.push_str(&all);
        }
        said
    }

    fn shell(&self, script: &str) -> std::process::Command {
        let others = std::env::var_os("PATH").unwrap_or_default();
        let path = [self.path("bin")].into_iter().chain(std::env::split_paths(&others));
        let mut shell = std::process::Command::new("bash");
        shell.args(["-e", "-o", "pipefail", "-c", script]).current_dir(self.path("checkout"));
        shell.env("PATH", std::env::join_paths(path).unwrap()).env("GITHUB_STEP_SUMMARY", self.path("summary.md"));
        shell
    }
}

#[cfg(unix)]
#[test]
fn the_workflow_for_pull_requests_works() {
    let server = Server::new();
    let said = server.job("apply", 17);
    assert!(said.contains(", in 8 h.") && said.contains("Nothing has moved since `pr.plan` was made."), "{said}");
    let comment = server.read("said");
    assert!(
        comment.starts_with("gh pr comment 17 --edit-last --create-if-none --body-file plan.md\n### "),
        "{comment}"
    );
    assert!(comment.contains("`pr-environment/pr-17`"), "{comment}");
    server.job("apply", 18);
    // Pushed to once more, with nothing changed: it is wanted for longer.
    let again = server.job("apply", 18);
    assert!(again.contains("Nothing changes in pr-environment/pr-18") && again.contains(", in 8 h."), "{again}");

    // One is forgotten, and its time is over.
    let nothing = server.job("reap", 0);
    assert!(nothing.contains("none has expired"), "{nothing}");
    crate::transient::expire(&server.path("records/pr-18"), std::time::Duration::from_secs(60));
    let reaped = server.job("reap", 0);
    assert!(reaped.contains("  v pr-18  taken down: "), "{reaped}");
    let summary = server.read("summary.md");
    assert!(summary.contains(": nothing has expired\n") && summary.contains(": 1 taken down\n"), "{summary}");
    assert!(summary.contains("| `pr-18` | "), "{summary}");

    let closed = server.job("destroy", 17);
    assert!(closed.contains("pr-17 is removed."), "{closed}");
    assert!(!server.path("records/pr-17").exists());
    // The one that was reaped is closed too, and one that never came into being.
    server.job("destroy", 18);
    server.job("destroy", 19);
    let records = std::fs::read_dir(server.path("records")).unwrap();
    let left: Vec<_> = records.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [tadpole::sandbox::FILE], "of the environments nothing is left but the sandbox that they shared");

    let called = server.read("called");
    let jobs = server.workflow["jobs"].as_object().unwrap().values();
    let steps = jobs.flat_map(|job| job["steps"].as_array().unwrap()).filter_map(|step| step["run"].as_str());
    let mut seen = 0;
    for command in steps.flat_map(str::lines).filter_map(|line| line.strip_prefix("tadpole ")) {
        let words = command.split('"').next().unwrap();
        assert!(called.lines().any(|line| line.starts_with(words)), "`tadpole {command}` was not tried");
        seen += 1;
    }
    assert_eq!(seen, 6);
}

#[cfg(unix)]
#[test]
fn a_pull_request_by_hand_works() {
    let server = Server::new();
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pr-environment/README.md");
    let blocks = crate::docs::blocks(&readme).into_iter().filter(|(_, fence, _)| fence == "sh");
    let script: Vec<String> = blocks.map(|(_, _, block)| block.replace(" --sandbox", "")).collect();
    assert!(script.len() >= 4);
    let output = server.shell(&script.concat()).output().unwrap();
    let all = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{all}");
    for said in ["pr-123", ", in 12 h; it was 20", "pr-123 is removed.", "Nothing to take down: of 0 environments"] {
        assert!(all.contains(said), "{said:?} is not in\n{all}");
    }
}
