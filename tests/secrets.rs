//! A secret in every place that one can take, through every command: no file that is written and no
//! output holds it, in no form. Each place has a secret of its own, so that it is known which one leaks.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use crate::cli::Tadpole;
use crate::invariants::no_secret_written;
use crate::world::files_below;

/// Texts with what base64, JSON and addresses write in other ways. None is a part of another.
const SECRETS: [&str; 8] = [
    "canary/typed+1%\"x\"",
    "canary/written+2%\"x\"",
    "canary/file+3%x",
    "canary/variable+4%x",
    "canary/word+5%x",
    "canary/several+6%x",
    "canary/surrounding+7%x",
    "canary/literal+8%x",
];

const PROGRAM: &str = r#"
param typed: Secret;
param written: Secret;
param surrounding: Secret;
param several: [Secret];

Rule extends Data { port: Int; token: Secret; words: [Secret] = []; }
Vault extends Resource {
    kind "test.Vault";
    name: String, identity;
    password: String?, secret;
    one: Secret?;
    list: [Secret] = [];
    map: {String: Secret} = {};
    rules: [Rule] = [];
    rule: Rule?;
    link: String?;
    fixed: String?, immutable, secret;
    labels: {String: String} = {};
    tags: {String: String} = {};
    size: Int = 1;
    url: String, computed = "https://user:${one ?? "none"}@host";
}
literal: Secret = "canary/literal+8%x";
vault extends Vault {
    name "vault";
    tags { owner typed; }
    password typed;
    one written;
    list [surrounding, secret("env:CANARY_VARIABLE"), ...several];
    map { a secret("file:token.txt"); b literal; }
    rules [Rule { port 1; token typed; words [literal, "canary/word+5%x"]; }];
    rule { port 2; token secret("env:CANARY_VARIABLE"); }
    link "https://user:${written}@host";
    fixed literal;
    labels { a "x-${typed}"; b upper(surrounding); }
}
other extends Vault { name "other"; link vault.url; password base64(typed); size SIZE; }
named extends Vault { name "n-${surrounding}"; }
output password = typed;
output text = "in ${written} text";
output nested = { list [typed]; map { a literal; } };
output encoded = base64(typed);
output url = vault.url;
assert typed != "x" : "it is ${typed}";
"#;

struct Place {
    directory: tempfile::TempDir,
    tadpole: Tadpole,
}

impl Place {
    fn new() -> Place {
        let directory = tempfile::tempdir().unwrap();
        let tadpole = Tadpole::new(directory.path())
            .env("CANARY_VARIABLE", SECRETS[3])
            .env("TADPOLE_PARAM_SURROUNDING", SECRETS[6]);
        let place = Place { directory, tadpole };
        place.program(1);
        std::fs::write(place.directory.path().join("token.txt"), format!("{}\n", SECRETS[2])).unwrap();
        let values = format!("written {:?};\nseveral [\"{}\"];\n", SECRETS[1], SECRETS[5]);
        std::fs::write(place.directory.path().join("values.cloudvars"), values).unwrap();
        place
    }

    fn program(&self, size: u32) {
        let text = PROGRAM.replace("SIZE", &size.to_string());
        std::fs::write(self.directory.path().join("main.cloud"), text).unwrap();
    }

    /// Files but for those in which secrets were written by hand.
    fn files(&self) -> Vec<PathBuf> {
        let by_hand = ["main.cloud", "token.txt", "values.cloudvars"].map(|name| self.directory.path().join(name));
        files_below(self.directory.path()).into_iter().filter(|path| !by_hand.contains(path)).collect()
    }

    fn keeps(&self, said: &str, context: &str) {
        for secret in SECRETS {
            no_secret_written(secret, said.as_bytes(), context).unwrap_or_else(|what| panic!("{what}: {said}"));
            for path in self.files() {
                let place = format!("{} after {context}", path.display());
                let bytes = std::fs::read(&path).unwrap();
                no_secret_written(secret, &bytes, &place).unwrap_or_else(|what| panic!("{what}"));
            }
        }
    }

    /// Runs a command with all params, which ends with `code` and keeps its secrets.
    fn run(&self, code: i32, arguments: &[&str]) -> String {
        let typed = format!("typed={}", SECRETS[0]);
        let mut all = arguments.to_vec();
        if !matches!(arguments[0], "sandbox" | "env" | "reap") {
            all.extend(["--set", &typed, "--vars", "values.cloudvars"]);
        }
        let ran = self.tadpole.run(&all);
        let said = format!("{}{}", ran.out, ran.err);
        self.keeps(&said, &format!("`{}`", arguments.join(" ")));
        assert_eq!(ran.code, code, "{arguments:?}: {said}");
        said
    }
}

#[test]
fn no_command_writes_or_says_a_secret() {
    let place = Place::new();
    place.run(0, &["check"]);
    place.run(0, &["check", "--json"]);
    place.run(0, &["eval", "vault"]);
    place.run(1, &["eval", "vault.labels", "--json"]);
    let said = place.run(0, &["plan", "--sandbox"]);
    assert!(said.contains("password  (secret)"), "{said}");
    place.run(0, &["plan", "--sandbox", "--json"]);
    place.run(0, &["plan", "--sandbox", "--out", "saved.plan"]);
    // It fails in the middle, more than once.
    std::fs::create_dir_all(place.directory.path().join(".tadpole/default")).unwrap();
    place.run(0, &["sandbox", "break", "--refuse", "other:create", "--lose", "0.3", "--seed", "3"]);
    place.run(3, &["apply", "--sandbox", "--yes"]);
    place.run(0, &["sandbox", "break", "--none"]);
    let said = place.run(0, &["apply", "--sandbox", "--yes"]);
    assert!(said.contains("(secret)"), "{said}");
    place.run(0, &["plan", "--sandbox", "--exit-code"]);
    place.run(0, &["show"]);
    place.run(0, &["show", "--origin", "vault"]);
    place.run(0, &["sandbox", "list"]);
    place.run(0, &["sandbox", "show", "vault"]);
    place.program(2);
    place.run(0, &["plan", "--sandbox"]);
    place.run(0, &["apply", "--sandbox", "--yes"]);
    // What is wrong in the call itself quotes it easily.
    place.run(1, &["apply", "--sandbox", "--yes", "--set", "size=3"]);
    place.run(1, &["apply", "--sandbox", "--yes", "--set", &format!("typed={}", SECRETS[0])]);
    place.run(0, &["destroy", "--sandbox", "--yes"]);
    // Which command wrote is recorded and listed, without its values.
    place.run(0, &["apply", "--sandbox", "--yes", "--ttl", "1h"]);
    let said = place.run(0, &["env", "list", "--json"]);
    assert!(said.contains("apply --sandbox --yes --ttl 1h --set typed=... --vars values.cloudvars"), "{said}");
    place.run(0, &["env", "list"]);
    let record = place.directory.path().join(".tadpole/default");
    crate::transient::expire(&record, Duration::from_secs(60));
    place.run(0, &["sandbox", "break", "--refuse", "other:delete"]);
    place.run(3, &["reap", "--sandbox", "--yes", "--markdown", "--summary", "summary.md"]);
    place.run(0, &["sandbox", "break", "--none"]);
    place.run(0, &["reap", "--sandbox", "--yes"]);
}

/// Killed at work, and looked at before anybody cleans up.
#[cfg(unix)]
#[test]
fn no_secret_is_left_by_a_kill() {
    let place = Place::new();
    std::fs::create_dir_all(place.directory.path().join(".tadpole/default")).unwrap();
    place.run(0, &["sandbox", "break", "--latency", "x0.1"]);
    let typed = format!("typed={}", SECRETS[0]);
    let arguments = ["apply", "--sandbox", "--yes", "--set", &typed, "--vars", "values.cloudvars"];
    for after in (0..120).step_by(8) {
        let mut command = place.tadpole.command(&arguments);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(after));
        child.kill().unwrap();
        child.wait().unwrap();
        place.keeps("", "a kill");
    }
    place.run(0, &["sandbox", "break", "--none"]);
    place.run(0, &["apply", "--sandbox", "--yes"]);
    place.run(0, &["plan", "--sandbox", "--exit-code"]);
}
