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

/// A directory with a program in it.
fn program(text: &str) -> (tempfile::TempDir, Tadpole) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("main.cloud"), text).unwrap();
    let tadpole = Tadpole::new(directory.path()).env("TADPOLE_PARAM_PASSWORD", "S3cr3t-Canary!");
    (directory, tadpole)
}

/// Pure functions that ask a secret for its letters, one after the other.
const ORACLE: &str = r#"
param password: Secret;
ABC ["a", "c", "n", "r", "t", "y", "C", "S", "3", "-", "!"];
fn next(s: String, p: String): String = p + join([for c in ABC if CONDITION: c], "");
fn three(s: String, p: String): String = next(s, next(s, next(s, p)));
output leak = three(password, three(password, ""));
output map = {for c in ABC if CONDITIONS: c: true};
output chosen = [for c in ABC: if CONDITIONS then c else "?"];
output index = [for c in ABC: ["-", c][if CONDITIONS then 1 else 0]];
output count = [for c in ABC: length([for d in [c] if CONDITIONS: d])];
a extends TransientS3Bucket { bucket "acme-a"; tags { leak three(password, ""); } versioning startsWith(password, "S"); }
"#;

#[test]
fn no_program_can_spell_a_secret_out() {
    for condition in ["split(s, p + c)[0] == \"\"", "startsWith(s, p + c)", "contains(s, p + c)", "s >= p + c"] {
        let (directory, tadpole) = program(
            &ORACLE
                .replace(
                    "CONDITIONS",
                    &condition.replace("s,", "password,").replace("s >", "password >").replace("p + ", ""),
                )
                .replace("CONDITION", condition),
        );
        for arguments in [
            &["check"][..],
            &["plan", "--sandbox", "--markdown"],
            &["plan", "--sandbox", "--json"],
            &["apply", "--sandbox", "--yes"],
            &["plan", "--sandbox", "--exit-code"],
            &["show"],
            &["destroy", "--sandbox", "--yes"],
        ] {
            let ran = tadpole.run(arguments);
            assert_eq!(ran.code, 0, "{condition}: {arguments:?}: {}", ran.err);
            let said = format!("{}{}", ran.out, ran.err);
            for letters in ["S3c", "\"S\"", "Canary"] {
                assert!(!said.contains(letters), "{condition}: {arguments:?} says {letters}: {said}");
            }
            for path in files_below(directory.path()).iter().filter(|path| !path.ends_with("main.cloud")) {
                let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
                assert!(!text.contains("S3c") && !text.contains("Canary"), "{condition}: {}: {text}", path.display());
            }
        }
    }
}

/// What everybody sees does not depend on a secret, without `reveal`.
#[test]
fn a_secret_decides_nothing_that_a_plan_shows() {
    let bucket = "extends TransientS3Bucket { bucket \"acme-a\"; }";
    for text in [
        format!("a if password == \"x\" {bucket}"),
        format!("a if contains(password, \"x\") || false {bucket}"),
        format!("a[i in length(password)] {bucket}"),
        format!("a[p in split(password, \"-\")] {bucket}"),
        format!("a[p in [for c in [\"x\"] if startsWith(password, c): c]] {bucket}"),
        format!("a[i in 2] {bucket} output b = a[length(password)].bucket;"),
        format!("a {bucket} b {bucket} output c = (if password == \"x\" then a else b).bucket;"),
        "a extends TransientS3Bucket { bucket \"acme-a\"; \
         terminateActions if password == \"x\" then [] else [S3_DELETE_ACTION]; }"
            .to_string(),
        "a extends TransientS3Bucket { bucket \"acme-a\"; startActions [...super, W]; }\n\
         W extends Tcp { host \"h\"; port length(password); }\nw extends W { }"
            .replace("[...super, W]", "[...super, w]"),
    ] {
        let (_directory, tadpole) = program(&format!("param password: Secret;\n{text}\n"));
        let ran = tadpole.run(&["check"]);
        assert_eq!(ran.code, 1, "{text}: {}", ran.err);
        assert!(ran.err.contains("a secret would decide"), "{text}: {}", ran.err);
    }
    let (_directory, tadpole) = program(&format!(
        "param password: Secret;\na if reveal(length(password) > 3) {bucket}\n\
         assert length(password) >= 8 : \"the password is too short\";\nassert password != \"x\" : \"it is ${{password}}\";\n"
    ));
    assert_eq!(tadpole.run(&["check"]).code, 0);
    // A text is never revealed.
    let (_directory, tadpole) = program("param password: Secret;\noutput x = reveal(password);\n");
    let ran = tadpole.run(&["check"]);
    assert!(ran.code == 1 && !ran.err.contains("Canary"), "{}", ran.err);
}

/// Each that fails says something of the secret.
#[test]
fn of_many_questions_to_a_secret_one_failure_is_told() {
    let letters: Vec<char> = ('a'..='z').collect();
    let lines = |line: &str| letters.iter().map(|c| line.replace('@', &c.to_string())).collect::<String>();
    for lines in [
        lines("assert contains(password, \"@\") : \"@\";\n"),
        lines("output @ = split(password, \"@\")[1];\n"),
        lines("output @ = [1][if contains(password, \"@\") then 0 else 1];\n"),
    ] {
        let (_directory, tadpole) = program(&format!("param password: Secret;\n{lines}"));
        let ran = tadpole.run(&["check"]);
        assert_eq!(ran.code, 1, "{}", ran.err);
        assert_eq!(ran.err.matches("error[").count(), 1, "{}", ran.err);
    }
}

/// What is given for a param of a secret type is in no message, whatever is wrong with it or beside it.
#[test]
fn no_message_shows_the_value_of_a_secret_param() {
    let text = "param pw: Secret;\nparam pws: [Secret] = [];\nparam logins: [Login] = [];\nparam named: Pass = \"x\";\n\
                param n: Int = 1;\ntype Pass = Secret;\nLogin extends Data { user: String; password: Secret; }\n\
                a extends TransientS3Bucket { bucket \"acme-a\"; }\n";
    let given = |text: &str| text.replace('@', "hunter2");
    for values in [
        "pw \"@\"; n \"x\";",
        "pw \"@\"\nn 3;",
        "pw = \"@\";",
        "pw: \"@\";",
        "pw @;",
        "pw \"@;\nn 3;",
        "pws [\"@\", 3]; pw \"x\";",
        "pws \"@\"; pw \"x\";",
        "logins [{ user \"u\"; password \"@\"; more 1; }]; pw \"x\";",
        "logins [{ user 3; password \"@\"; }]; pw \"x\";",
        "named \"@\"; pw \"x\"; n \"x\";",
        "pww \"@\"; pw \"x\";",
        "pw.x \"@\";",
        "pw \"x\"; pw \"@\";",
        "pw: String = \"@\";",
        "import \"@\";",
    ] {
        let (directory, tadpole) = program(text);
        std::fs::write(directory.path().join("v.cloudvars"), given(values)).unwrap();
        for arguments in [&["check", "--vars", "v.cloudvars"][..], &["check", "--json", "--vars", "v.cloudvars"]] {
            let ran = tadpole.run(arguments);
            let said = format!("{}{}", ran.out, ran.err);
            assert!(ran.code == 1 && !said.contains("hunter2"), "{values}: {said}");
        }
    }
    for (name, value) in [
        ("pws", "@"),
        ("pws", "[\"@\", 3]"),
        ("pws", "[\"@\""),
        ("logins", "[{ user 3; password \"@\"; }]"),
        ("logins", "@"),
        ("pww", "@"),
        ("n", "x"),
    ] {
        let (_directory, tadpole) = program(text);
        let tadpole = tadpole.env("TADPOLE_PARAM_PW", "hunter2");
        let set = format!("{name}={}", given(value));
        let variable = Tadpole::new(tadpole.directory())
            .env("TADPOLE_PARAM_PW", "hunter2")
            .env(&format!("TADPOLE_PARAM_{}", name.to_uppercase()), &given(value));
        let mut all = vec![tadpole.run(&["check", "--set", &set]), tadpole.run(&["check", "--json", "--set", &set])];
        all.extend((name != "pww").then(|| variable.run(&["check"])));
        for ran in all {
            let said = format!("{}{}", ran.out, ran.err);
            assert!(ran.code == 1 && !said.contains("hunter2"), "{set}: {said}");
        }
    }
}
