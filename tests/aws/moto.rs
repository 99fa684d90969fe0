//! An emulator of AWS for the tests: moto, in an environment of its own under the target directory,
//! started with every check that it has. It can be asked by boto3, which knows nothing of us.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

const PACKAGES: [&str; 2] = ["moto[server]==5.2.5", "boto3==1.44.5"];

/// The image of the oldest example, which moto does not know by itself.
pub const IMAGE: &str = "ami-26b6534f";

/// What moto leaves out of RDS.
const RDS: &str = include_str!("rds.py");

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

const CLIENT: &str = r#"
import json, os, sys
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
def client(service, region="us-east-1", **keys):
    return boto3.client(service, region_name=region, config=Config(retries={"total_max_attempts": 1}), **keys)
def instances(**tags):
    filters = [{"Name": "tag:" + key, "Values": [value]} for key, value in tags.items()]
    pages = client("ec2").describe_instances(Filters=filters)["Reservations"]
    return [instance for page in pages for instance in page["Instances"]]
def tags_of(thing):
    return {tag["Key"]: tag["Value"] for tag in thing}
result = None
exec(sys.stdin.read())
print(json.dumps(result, default=str))
"#;

pub struct Moto {
    /// `127.0.0.1:PORT`
    pub host: String,
    server: Child,
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
            .args(["-c", &[RDS, SERVER].concat(), IMAGE])
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
        Moto { host: format!("127.0.0.1:{port}"), server }
    }

    /// Runs a script that leaves its answer in `result`. It has `client(service, region)` of boto3,
    /// `instances(**tags)` and `tags_of(list)`.
    pub fn python(&self, script: &str) -> Value {
        let mut child = python()
            .args(["-c", CLIENT])
            .envs(environment(&format!("http://{}", self.host)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "this script failed:\n{script}");
        serde_json::from_slice(&output.stdout).unwrap()
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
