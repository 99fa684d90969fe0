//! An emulator of AWS for the tests: moto, in an environment of its own under the target directory,
//! started with every check that it has, and with those of `cloud/` besides. It can be asked by boto3, which knows
//! nothing of us.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use serde_json::{Value, json};

const PACKAGES: [&str; 2] = ["moto[server]==5.2.5", "boto3==1.44.5"];

/// The image of the oldest example, which moto does not know by itself.
pub const IMAGE: &str = "ami-26b6534f";

pub struct Moto {
    /// `127.0.0.1:PORT`
    pub host: String,
    server: Child,
    /// Those that nobody asks just now.
    witnesses: Mutex<Vec<Witness>>,
}

impl Moto {
    /// The one of this run of the tests. It stops by itself.
    pub fn shared() -> &'static Moto {
        static SHARED: OnceLock<Moto> = OnceLock::new();
        SHARED.get_or_init(Moto::start)
    }

    /// # Panics
    /// When there is no `python3`, or its packages cannot be installed.
    pub fn start() -> Moto {
        let mut server = python("server.py")
            .arg(IMAGE)
            .env("MOTO_ENABLE_AMI_VALIDATION", "true")
            .env("MOTO_ENABLE_KEYPAIR_VALIDATION", "true")
            .env("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "true")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port: u16 = line.trim().parse().expect("moto did not start");
        Moto { host: format!("127.0.0.1:{port}"), server, witnesses: Mutex::default() }
    }

    /// Runs a script that leaves its answer in `result`. It has `client(service, region)` of boto3,
    /// `pages(service, operation, key, ...)`, `instances(**tags)` and `tags_of(list)`.
    ///
    /// # Panics
    /// When the script fails.
    pub fn python(&self, script: &str) -> Value {
        let told = self.witness(&format!("http://{}", self.host), script, &Value::Object(Default::default()));
        told.unwrap_or_else(|error| panic!("this script failed:\n{script}\n{error}")).result
    }

    /// As [`Moto::python`], with some names given to the script, calling what is at this endpoint. What the script
    /// leaves in `expected` is told too: `true`, when it leaves nothing there.
    ///
    /// # Errors
    /// What the script failed with.
    pub fn witness(&self, endpoint: &str, script: &str, given: &Value) -> Result<Told, String> {
        let free = self.witnesses.lock().unwrap().pop();
        let mut witness = free.unwrap_or_else(|| Witness::new(&self.host));
        let asked = json!({ "endpoint": endpoint, "script": script, "given": given });
        let mut answer = witness.ask(&asked);
        self.witnesses.lock().unwrap().push(witness);
        match answer["error"].as_str() {
            Some(error) => Err(error.to_string()),
            None => Ok(Told { result: answer["result"].take(), expected: answer["expected"].take() }),
        }
    }
}

/// What a script left behind.
pub struct Told {
    pub result: Value,
    pub expected: Value,
}

/// A process that runs scripts, one after the other. It ends when its input does.
struct Witness {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Witness {
    fn new(host: &str) -> Witness {
        let mut process = python("witness.py")
            .envs(environment(&format!("http://{host}")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        Witness { process, input, output }
    }

    fn ask(&mut self, asked: &Value) -> Value {
        writeln!(self.input, "{asked}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("a witness is silent: {error}: {line:?}"))
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// What a program needs in its environment to call an emulator, and nothing of this machine's own.
pub fn environment(endpoint: &str) -> Vec<(&'static str, String)> {
    let texts = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("NO_PROXY", "127.0.0.1"),
    ];
    texts.into_iter().map(|(name, text)| (name, text.to_string())).collect()
}

/// One of the scripts beside this file.
fn python(script: &str) -> Command {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    let mut command = Command::new(BINARY.get_or_init(install));
    command.arg("-B").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aws/cloud").join(script));
    command
}

/// Installs it once for all runs. Several test binaries may want it at the same time.
fn install() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let home = target.join("moto-venv");
    fs::create_dir_all(&home).unwrap();
    let lock = File::create(home.join("lock")).unwrap();
    lock.lock().unwrap();
    let stamp = home.join("installed");
    let wanted = PACKAGES.join("\n");
    let binary = home.join("bin").join("python");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return binary;
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&home));
    run(Command::new(&binary).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES));
    fs::write(&stamp, wanted).unwrap();
    binary
}

fn run(command: &mut Command) {
    let status = command.stdout(Stdio::null()).status();
    assert!(status.as_ref().is_ok_and(std::process::ExitStatus::success), "{command:?}: {status:?}");
}
