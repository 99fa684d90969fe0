//! Actions with a real network: a port of this machine, and who answers there.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tadpole::action::{self, Scene};
use tadpole::apply::event::Event;
use tadpole::apply::limit::Calls;
use tadpole::apply::provider::{Fault, Made, Patience, Place, Progress, Provider, Reading, Seek, Want};
use tadpole::model::action::{Action, List, Occasion, Verb};
use tadpole::value::{Fields, Secret, Value};
use tokio::sync::mpsc::unbounded_channel;

/// A cloud that is never asked.
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
}

fn http(settings: &[(&str, Value)]) -> Action {
    let mut all = Fields::from([
        ("every".into(), Value::Duration(20)),
        ("within".into(), Value::Duration(60_000)),
        ("timeout".into(), Value::Duration(2000)),
    ]);
    all.extend(settings.iter().map(|(name, value)| ((*name).into(), value.clone())));
    Action { name: "answers".into(), settings: all, ..Action::plain(Verb::Http) }
}

/// Runs it. Gives what came of it, and what it waited for, each reason once.
async fn run(action: &Action) -> (Result<(), Fault>, Vec<String>) {
    let (events, mut heard) = unbounded_channel();
    let calls = Calls::new(Arc::new(Silent), events);
    let place = Place {
        kind: "silent.Thing".into(),
        id: "x".into(),
        address: "web".parse().unwrap(),
        inputs: Fields::new(),
        outputs: Fields::new(),
    };
    let (list, occasion) = (List::Liveness, Occasion::Start);
    let scene = Scene { place: &place, token: "token", list, occasion, calls: &calls, witness: None };
    let result = action::run(action, scene).await;
    let result = result.map_err(|failed| failed.fault);
    let mut waits = Vec::new();
    while let Ok(event) = heard.try_recv() {
        if let Event::Waiting { on, .. } = event {
            waits.push(on);
        }
    }
    waits.dedup();
    (result, waits)
}

/// Answers each connection with the next of these, the last of them for ever. What it was asked comes out.
fn serve(listener: TcpListener, answers: Vec<&'static str>) -> std::sync::mpsc::Receiver<String> {
    let (asked, questions) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for (at, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut bytes = [0; 4096];
            let count = stream.read(&mut bytes).unwrap_or(0);
            // Nobody may listen.
            let _ = asked.send(String::from_utf8_lossy(&bytes[..count]).into_owned());
            match answers[at.min(answers.len() - 1)] {
                "silence" => std::thread::sleep(Duration::from_secs(3)),
                answer => drop(stream.write_all(answer.as_bytes())),
            }
        }
    });
    questions
}

fn free() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

const STARTING: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const WRONG: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nIt works!";
const RIGHT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\nHello, pond!";

#[tokio::test]
async fn a_site_is_asked_until_it_answers_as_expected() {
    let (listener, address) = free();
    drop(listener);
    let action = http(&[
        ("url", Value::string(format!("http://someone:secret@{address}/health?key=hidden"))),
        ("expectBody", Value::string("pond")),
        ("headers", Value::Map([("x-key".to_string(), Value::Secret(Secret::new("test", "s3cr3t")))].into())),
    ]);
    let later = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(1500));
        serve(TcpListener::bind(address).unwrap(), vec![STARTING, STARTING, WRONG, "silence", RIGHT])
    });
    let (result, waits) = run(&action).await;
    result.unwrap();
    let site = format!("http://{address}/health");
    let expected = [
        format!("{site} does not answer: "),
        format!("{site} answered 503 Service Unavailable, and not 200"),
        format!("{site} answered without `pond` in it"),
        format!("{site} did not answer in 2s"),
    ];
    assert_eq!(waits.len(), expected.len(), "{waits:?}");
    for (waited, expected) in waits.iter().zip(&expected) {
        assert!(waited.starts_with(expected), "{waited}");
    }
    let question = later.join().unwrap().recv().unwrap();
    assert!(question.starts_with("GET /health?key=hidden HTTP/1.1\r\n") && question.contains("x-key: s3cr3t"));
}

#[tokio::test]
async fn what_never_answers_as_expected_has_failed() {
    let (listener, address) = free();
    serve(listener, vec![STARTING]);
    let url = ("url", Value::string(format!("http://{address}/")));
    let (result, _) = run(&http(&[url.clone(), ("within", Value::Duration(200))])).await;
    let fault = result.unwrap_err();
    assert_eq!(
        fault.message,
        format!("it is not live: http://{address}/ answered 503 Service Unavailable, and not 200")
    );
    assert_eq!(fault.help.as_deref(), Some("`answers` asked; `tadpole apply` asks again"));
    let statuses = Value::List(vec![Value::Int(200), Value::Int(503)]);
    let (result, waits) = run(&http(&[url, ("expectStatus", statuses)])).await;
    assert!(result.is_ok() && waits.is_empty(), "{waits:?}");
}

#[tokio::test]
async fn a_question_that_cannot_be_asked_is_not_asked() {
    for (settings, message) in [
        (vec![("url", Value::string("no address"))], "`no address` cannot be asked"),
        (
            vec![
                ("url", Value::string("http://localhost/")),
                ("headers", Value::Map([("a b".to_string(), Value::string("c"))].into())),
            ],
            "the header `a b`",
        ),
    ] {
        let (result, waits) = run(&http(&settings)).await;
        assert!(result.unwrap_err().message.contains(message) && waits.is_empty());
    }
}
