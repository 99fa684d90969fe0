//! An emulator of AWS for the tests: moto, in an environment of its own under the target directory,
//! started with every check that it has. It can be asked by boto3, which knows nothing of us.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use serde_json::{Value, json};

const PACKAGES: [&str; 2] = ["moto[server]==5.2.5", "boto3==1.44.5"];

/// The image of the oldest example, which moto does not know by itself.
pub const IMAGE: &str = "ami-26b6534f";

/// Prints its port when it is ready, and ends when its input does: when the tests end, however they end.
const SERVER: &str = r#"
import os, sys
from moto.ec2.models import amis
amis.AMIS.append(dict(amis.AMIS[0], ami_id=sys.argv[1], name="tadpole", description="tadpole"))
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
os._exit(0)
"#;

/// A witness: it reads one script a line, as JSON, and answers what the script left behind. Loading boto3
/// takes longer than anything that it is asked.
const WITNESS: &str = r#"
import functools, json, linecache, os, sys, traceback
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
endpoint = None
def client(service, region="us-east-1"):
    return connected(service, region, endpoint)
@functools.cache
def connected(service, region, endpoint):
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    return boto3.client(service, region_name=region, endpoint_url=endpoint, config=config)
def pages(service, operation, key, region="us-east-1", **arguments):
    found = client(service, region).get_paginator(operation).paginate(**arguments)
    return [item for page in found for item in page[key]]
def instances(**tags):
    filters = [{"Name": "tag:" + key, "Values": [value]} for key, value in tags.items()]
    found = client("ec2").describe_instances(Filters=filters)["Reservations"]
    return [instance for page in found for instance in page["Instances"]]
def tags_of(thing):
    return {tag["Key"]: tag["Value"] for tag in thing}
known = dict(globals())
for line in sys.stdin:
    asked = json.loads(line)
    endpoint = asked["endpoint"]
    script = asked["script"]
    linecache.cache["script"] = (len(script), None, script.splitlines(True), "script")
    room = {**known, "result": None, "expected": True, **asked["given"]}
    try:
        exec(compile(script, "script", "exec"), room)
        answer = {"result": room["result"], "expected": room["expected"]}
    except Exception:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer, default=str), flush=True)
"#;

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
        let mut server = python()
            .args(["-c", SERVER, IMAGE])
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
        let mut process = python()
            .args(["-c", WITNESS])
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

fn python() -> Command {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    Command::new(BINARY.get_or_init(install))
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
