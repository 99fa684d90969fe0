//! Actions with a real network and real processes: ports of this machine, and who answers there.

mod dns;
mod exec;
mod group;
mod http;
mod messages;
mod tcp;
mod tls;
mod webhook;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use async_trait::async_trait;
use tadpole::action::{self, Scene};
use tadpole::apply::Stop;
use tadpole::apply::event::Event;
use tadpole::apply::limit::Calls;
use tadpole::apply::provider::{Fault, Made, Patience, Place, Progress, Provider, Reading, Seek, Unsigned, Want};
use tadpole::model::action::{Action, List, Occasion, Verb};
use tadpole::value::{Data, Fields, Secret, Value};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;

/// A cloud that is never asked, but to sign.
struct Silent;

#[async_trait]
impl Provider for Silent {
    fn cloud(&self) -> &'static str {
        "silent"
    }
    fn patience(&self, _: &str) -> Patience {
        Patience::default()
    }
    async fn create(&self, _: &Want) -> Result<Made, Fault> {
        unreachable!()
    }
    async fn find(&self, _: &Want, _: &Seek) -> Result<Option<Arc<str>>, Fault> {
        unreachable!()
    }
    async fn read(&self, _: &Place) -> Result<Reading, Fault> {
        unreachable!()
    }
    async fn update(&self, _: &Place, _: Option<&Fields>, _: &Want) -> Result<Progress, Fault> {
        unreachable!()
    }
    async fn delete(&self, _: &Place) -> Result<Progress, Fault> {
        unreachable!()
    }
    async fn sign(&self, request: &Unsigned<'_>) -> Result<Vec<(String, String)>, Fault> {
        let Unsigned { method, service, region, body, .. } = request;
        let headers: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
        let signature = format!("{method} {service} {region} {} {}", headers.join(","), body.len());
        Ok(vec![("authorization".to_string(), signature)])
    }
}

/// Where and when an action is run.
struct Stage {
    list: List,
    occasion: Occasion,
    directory: PathBuf,
    token: String,
}

/// What came of it, and what was told meanwhile.
struct Outcome {
    result: Result<(), Fault>,
    /// What it waited for, each reason once.
    waits: Vec<String>,
    warnings: Vec<String>,
}

impl Outcome {
    fn fault(self) -> Fault {
        self.result.unwrap_err()
    }
}

const LOOK: (List, Occasion) = (List::Liveness, Occasion::Start);
const DEED: (List, Occasion) = (List::Start, Occasion::Start);

impl Stage {
    fn new((list, occasion): (List, Occasion)) -> Stage {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        // Another one for each: commands are told apart by it.
        let token = format!("token-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Stage { list, occasion, directory: std::env::temp_dir(), token }
    }

    fn within(self, directory: &Path) -> Stage {
        Stage { directory: directory.into(), ..self }
    }

    async fn run(&self, action: &Action) -> Outcome {
        self.run_until(action, |_| (), None).await
    }

    /// Tells each reason for which it waits while it does.
    async fn run_and(&self, action: &Action, waits_for: impl FnMut(&str)) -> Outcome {
        self.run_until(action, waits_for, None).await
    }

    /// As [`Stage::run_and`], until somebody wants it to stop.
    async fn run_until(
        &self,
        action: &Action,
        mut waits_for: impl FnMut(&str),
        stop: Option<watch::Receiver<Stop>>,
    ) -> Outcome {
        let (events, mut heard) = unbounded_channel();
        let calls = Calls::new(Arc::new(Silent), events).beside(&self.directory);
        let calls = stop.into_iter().fold(calls, |calls, stop| calls.until(stop));
        let inputs = Fields::from([("masterPassword".into(), Value::Secret(Secret::new("test", "0f-the-thing")))]);
        let place = Place {
            kind: "silent.Thing".into(),
            id: "x-1".into(),
            address: "web".parse().unwrap(),
            inputs,
            outputs: Fields::new(),
        };
        let Stage { list, occasion, .. } = *self;
        let scene = Scene { place: &place, token: &self.token, list, occasion, calls: &calls, witness: None };
        let (mut waits, mut warnings) = (Vec::new(), Vec::new());
        let mut hear = |event| match event {
            Event::Waiting { on, .. } => {
                waits_for(&on);
                waits.push(on);
            }
            Event::Warned { fault, .. } => warnings.push(fault.to_string()),
            _ => {}
        };
        let mut running = std::pin::pin!(action::run(action, scene));
        let result = loop {
            tokio::select! {
                result = &mut running => break result.map_err(|failed| failed.fault),
                Some(event) = heard.recv() => hear(event),
            }
        };
        while let Ok(event) = heard.try_recv() {
            hear(event);
        }
        waits.dedup();
        Outcome { result, waits, warnings }
    }
}

/// An action that looks often and is not patient for ever.
fn action(verb: Verb, settings: &[(&str, Value)]) -> Action {
    let mut all = Fields::from([
        ("every".into(), Value::Duration(20)),
        ("within".into(), Value::Duration(60_000)),
        ("timeout".into(), Value::Duration(60_000)),
    ]);
    all.extend(settings.iter().map(|(name, value)| ((*name).into(), value.clone())));
    Action { name: "answers".into(), settings: all, ..Action::plain(verb) }
}

fn text(text: impl Into<Arc<str>>) -> Value {
    Value::string(text)
}

fn texts(texts: &[&str]) -> Value {
    Value::List(texts.iter().map(|text| Value::string(*text)).collect())
}

fn numbers(numbers: &[i64]) -> Value {
    Value::List(numbers.iter().copied().map(Value::Int).collect())
}

fn map(entries: &[(&str, Value)]) -> Value {
    Value::Map(entries.iter().map(|(name, value)| ((*name).to_string(), value.clone())).collect())
}

fn data(template: &str, fields: &[(&str, Value)]) -> Value {
    let fields = fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
    Value::Data(Data { template: template.into(), fields })
}

fn secret(text: &str) -> Value {
    Value::Secret(Secret::new("test", text))
}

/// What looks and what waits changes nothing: it is left at once, is no failure of its own, and nothing else is tried
/// in its place.
#[tokio::test]
async fn what_looks_or_waits_is_left_when_somebody_wants_it_to_stop() {
    let (_listener, address) = free();
    drop(_listener);
    let port = ("port", Value::Int(address.port().into()));
    let tcp = action(Verb::Tcp, &[("host", text("127.0.0.1")), port]);
    let warns = action(Verb::Http, &[("url", text(format!("http://{address}/"))), ("onFailure", text("warn"))]);
    let wait = action(Verb::Wait, &[("time", Value::Duration(60_000))]);
    let attempt = Action {
        parts: vec![tcp.clone()],
        otherwise: vec![action(Verb::Wait, &[("time", Value::Duration(1))])],
        ..action(Verb::Try, &[])
    };
    let all = Action { parts: vec![wait.clone(), warns.clone()], ..action(Verb::Parallel, &[]) };
    for action in [tcp, warns, wait, attempt, all] {
        let (sender, stop) = watch::channel(Stop::No);
        let stage = Stage::new(DEED);
        let asked = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            sender.send(Stop::Soon).unwrap();
            std::future::pending::<()>().await;
        };
        let outcome = tokio::select! {
            outcome = stage.run_until(&action, |_| (), Some(stop)) => outcome,
            () = asked => unreachable!("it waits for ever"),
        };
        assert!(outcome.warnings.is_empty(), "{action:?}");
        assert!(outcome.fault().interrupted, "{action:?}");
    }
}

/// A port of which nobody else knows, taken or let go.
fn free() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Answers each connection with the next of these, the last of them for ever. What it was asked comes out.
fn serve(listener: TcpListener, answers: Vec<String>) -> Receiver<String> {
    let (asked, questions) = channel();
    std::thread::spawn(move || {
        for (at, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            // Nobody may listen.
            let _ = asked.send(heard(&mut stream));
            match answers[at.min(answers.len() - 1)].as_str() {
                // Until the other side has had enough of it.
                "silence" => drop(stream.read(&mut [0])),
                answer => drop(stream.write_all(answer.as_bytes())),
            }
        }
    });
    questions
}

/// A request with all that it carries.
fn heard(stream: &mut impl Read) -> String {
    let mut all = Vec::new();
    let mut part = [0; 4096];
    loop {
        let count = stream.read(&mut part).unwrap_or(0);
        all.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&all);
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            body.len() >= length.map_or(0, |length| length.parse().unwrap())
        });
        if count == 0 || whole {
            return text.into_owned();
        }
    }
}

/// An answer over HTTP.
fn answer(status: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}", body.len())
}
