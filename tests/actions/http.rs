//! `Http`: who answers late, wrong, or elsewhere.

use std::time::Duration;

use tadpole::model::action::{Action, Occasion, Verb};
use tadpole::value::Value;

use super::{DEED, LOOK, Stage, action, answer, data, free, map, numbers, secret, serve, text};

fn http(settings: &[(&str, Value)]) -> Action {
    action(Verb::Http, settings)
}

/// A site that always answers the same, and its address.
fn site(said: String) -> Value {
    let (listener, address) = free();
    serve(listener, vec![said]);
    text(format!("http://{address}/"))
}

/// Why it does not pass, without the address.
async fn refusal(url: &Value, settings: &[(&str, Value)]) -> String {
    let mut all = vec![("url", url.clone()), ("within", Value::Duration(0))];
    all.extend_from_slice(settings);
    let fault = Stage::new(LOOK).run(&http(&all)).await.fault();
    fault.message.replace(url.as_str().unwrap(), "SITE")
}

async fn passes(url: &Value, settings: &[(&str, Value)]) {
    let mut all = vec![("url", url.clone()), ("within", Value::Duration(0))];
    all.extend_from_slice(settings);
    let outcome = Stage::new(LOOK).run(&http(&all)).await;
    outcome.result.unwrap();
    assert!(outcome.waits.is_empty(), "{:?}", outcome.waits);
}

#[tokio::test]
async fn a_site_is_asked_until_it_answers_as_expected() {
    // Bound, and nobody listens yet: it is nobody else's either.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    let action = http(&[
        ("url", text(format!("http://someone:secret@{address}/health?key=hidden"))),
        ("expectBody", text("pond")),
        ("headers", map(&[("x-key", secret("s3cr3t"))])),
        ("timeout", Value::Duration(2000)),
    ]);
    let (mut socket, mut questions) = (Some(socket), None);
    let outcome = Stage::new(LOOK)
        .run_and(&action, |_| {
            // It listens as soon as it was seen that it did not.
            let Some(socket) = socket.take() else { return };
            let listener = socket.listen(16).unwrap().into_std().unwrap();
            listener.set_nonblocking(false).unwrap();
            let starting = answer("503 Service Unavailable", &[], "");
            let (wrong, right) = (answer("200 OK", &[], "It works!"), answer("200 OK", &[], "Hello, pond!"));
            questions = Some(serve(listener, vec![starting.clone(), starting, wrong, "silence".into(), right]));
        })
        .await;
    outcome.result.unwrap();
    let site = format!("http://{address}/health");
    let expected = [
        format!("{site} does not answer: Connection refused"),
        format!("{site} answered 503 Service Unavailable, and not 200"),
        format!("{site} answered without `pond` in it: `It works!`"),
        format!("{site} did not answer in 2s"),
    ];
    // On a machine that is slow, any answer may take longer than two seconds.
    let mut waits = outcome.waits.iter();
    for expected in &expected {
        assert!(waits.any(|waited| waited.starts_with(expected)), "{expected} is not in {:?}", outcome.waits);
    }
    assert!(outcome.waits.iter().all(|waited| expected.iter().any(|one| waited.starts_with(one))));
    let question = questions.unwrap().recv().unwrap();
    assert!(question.starts_with("GET /health?key=hidden HTTP/1.1\r\n") && question.contains("x-key: s3cr3t"));
}

#[tokio::test]
async fn what_never_answers_as_expected_has_failed() {
    let url = site(answer("503 Service Unavailable", &[], "restoring from backup\n"));
    let fault = Stage::new(LOOK).run(&http(&[("url", url.clone()), ("within", Value::Duration(200))])).await.fault();
    let site = url.as_str().unwrap();
    assert_eq!(
        fault.message,
        format!("it is not live: {site} answered 503 Service Unavailable, and not 200: `restoring from backup`")
    );
    assert_eq!(fault.help.as_deref(), Some("`answers` asked; `tadpole apply` asks again"));
    passes(&url, &[("expectStatus", numbers(&[200, 503]))]).await;
    passes(&url, &[("expectStatus", numbers(&[503, 200]))]).await;
}

#[tokio::test]
async fn an_answer_is_looked_into() {
    let json = r#"{"status": "starting", "nodes": [{"ready": true, "load": 1.0}, {"ready": false, "load": 1}]}"#;
    let headers = ["Content-Type: application/json", "X-Version: 7", "X-Version: 8"];
    let url = site(answer("200 OK", &headers, json));
    let expect = |path: &str, value: Value| [("expectJson", map(&[(path, value)]))];
    passes(&url, &expect("$.status", text("starting"))).await;
    passes(&url, &expect("$.nodes[0].ready", Value::Bool(true))).await;
    passes(&url, &expect("$.nodes[*].load", Value::Int(1))).await;
    passes(&url, &expect("$.nodes[?@.ready == true].load", Value::Number(1.0))).await;
    passes(&url, &[("expectPattern", text(r#""status": "(starting|ok)""#))]).await;
    passes(&url, &[("expectHeader", map(&[("content-type", text("application/json")), ("x-version", text("8"))]))])
        .await;
    for (settings, why) in [
        (expect("$.status", text("ok")), r#"with `"starting"` at `$.status`, and not `"ok"`"#),
        (expect("$.nodes[*].ready", Value::Bool(true)), "with `false` at `$.nodes[*].ready`, and not `true`"),
        (expect("$.health", text("ok")), "with nothing at `$.health`"),
        ([("expectPattern", text("^ok$"))], "with nothing in it that `^ok$` matches"),
        ([("expectHeader", map(&[("x-version", text("9"))]))], "`x-version: 7, 8`, and not `9`"),
        ([("expectHeader", map(&[("x-build", text("9"))]))], "without the header `x-build`"),
    ] {
        let said = refusal(&url, &settings).await;
        assert!(said.starts_with(&format!("it is not live: SITE answered {why}")), "{said}");
    }
    let plain = site(answer("200 OK", &[], "ok"));
    let said = refusal(&plain, &expect("$.status", text("ok"))).await;
    assert_eq!(said, "it is not live: SITE answered with what is no JSON: `ok`");
}

/// A stream of events has no end, and is live all the same.
#[tokio::test]
async fn what_is_not_looked_at_need_not_end() {
    let url = site("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\ndata: 1\n\n".to_string());
    passes(&url, &[]).await;
}

#[tokio::test]
async fn redirects_are_followed_so_far() {
    let (listener, address) = free();
    let (target, elsewhere) = free();
    let moved = |to: &str| answer("302 Found", &[&format!("Location: {to}")], "");
    let questions = serve(listener, vec![moved("/next"), moved(&format!("http://{elsewhere}/there"))]);
    let arrived = serve(target, vec![answer("200 OK", &[], "")]);
    let url = text(format!("http://{address}/"));
    passes(&url, &[("redirects", Value::Int(2))]).await;
    assert!(arrived.recv().unwrap().starts_with("GET /there "));
    assert!(questions.recv().unwrap().starts_with("GET / ") && questions.recv().unwrap().starts_with("GET /next "));

    let said = refusal(&url, &[("redirects", Value::Int(0))]).await;
    assert_eq!(said, "it is not live: SITE answered 302 Found, and not 200");
    passes(&url, &[("redirects", Value::Int(0)), ("expectStatus", numbers(&[302]))]).await;

    let circle = site(moved("/"));
    let said = refusal(&circle, &[("redirects", Value::Int(3))]).await;
    assert_eq!(said, "it is not live: SITE led elsewhere: after 3 redirects there was one more");

    // What is secret is not for whoever is named by a redirect.
    let said = refusal(&url, &[("headers", map(&[("x-key", secret("s3cr3t"))]))]).await;
    assert_eq!(said, "it is not live: SITE led elsewhere: a secret is not sent on to `127.0.0.1`");
    assert!(arrived.try_recv().is_err());
}

#[tokio::test]
async fn a_site_can_be_told_who_asks() {
    let (listener, address) = free();
    let questions = serve(listener, vec![answer("200 OK", &[], "")]);
    let url = text(format!("http://{address}/items?page=2"));
    let login = data("HttpLogin", &[("user", text("pond")), ("password", secret("hunter2"))]);
    passes(&url, &[("basic", login)]).await;
    assert!(questions.recv().unwrap().contains("authorization: Basic cG9uZDpodW50ZXIy\r\n"));
    let signature = data("HttpSignature", &[("service", text("execute-api")), ("region", text("eu-central-1"))]);
    let settings = [
        ("signature", signature),
        ("method", text("POST")),
        ("body", text("{}")),
        ("headers", map(&[("x-team", text("pond"))])),
    ];
    passes(&url, &settings).await;
    let question = questions.recv().unwrap();
    assert!(question.contains("authorization: POST execute-api eu-central-1 x-team 2\r\n"), "{question}");
}

#[tokio::test]
async fn no_message_shows_a_secret() {
    let echo = "user=pond password=hunter2 key=swordfish thing=0f-the-thing";
    let url = site(answer("500 Internal Server Error", &["X-Echo: hunter2"], echo));
    let address = url.as_str().unwrap().to_string();
    let settings = [
        ("basic", data("HttpLogin", &[("user", text("pond")), ("password", secret("hunter2"))])),
        ("body", secret("swordfish")),
    ];
    let said = refusal(&url, &settings).await;
    let shown = "user=pond password=(secret) key=(secret) thing=(secret)";
    assert_eq!(said, format!("it is not live: SITE answered 500 Internal Server Error, and not 200: `{shown}`"));
    let fails = [("expectStatus", numbers(&[500])), ("expectBody", secret("correct horse"))];
    let said = refusal(&url, &fails).await;
    assert!(said.contains("without `(secret)` in it") && !said.contains("horse"), "{said}");
    let header = [
        ("expectStatus", numbers(&[500])),
        ("body", secret("hunter2")),
        ("expectHeader", map(&[("x-echo", text("no"))])),
    ];
    assert!(refusal(&url, &header).await.contains("`x-echo: (secret)`, and not `no`"));
    // Of an address that is secret, no more than the host is shown.
    let hook = http(&[("url", secret(&format!("{address}services/T0/B1?x=1"))), ("within", Value::Duration(0))]);
    let fault = Stage::new(LOOK).run(&hook).await.fault();
    assert!(fault.message.contains(&format!("{address}... answered 500")) && !fault.message.contains("T0"), "{fault}");
}

#[tokio::test]
async fn a_question_that_cannot_be_asked_is_not_asked() {
    let local = ("url", text("http://localhost/"));
    for (settings, message) in [
        (vec![("url", text("no address"))], "`no address` cannot be asked"),
        (
            vec![("url", text("ftp://user:hunter2@localhost/x?hunter2"))],
            "`localhost/x` cannot be asked: its address begins neither",
        ),
        (vec![local.clone(), ("headers", map(&[("a b", text("c"))]))], "the header `a b`"),
        (vec![local.clone(), ("expectPattern", text("(("))], "`((` is no regular expression"),
        (vec![local, ("tls", data("HttpTls", &[("ca", text("none.pem"))]))], "none.pem` cannot be read: No such file"),
    ] {
        let outcome = Stage::new(LOOK).run(&http(&settings)).await;
        assert!(outcome.waits.is_empty());
        let fault = outcome.fault();
        assert!(fault.message.contains(message) && !fault.message.contains("hunter2"), "{fault}");
    }
}

#[tokio::test]
async fn a_look_is_repeated_as_its_attributes_say() {
    let (good, bad) = (answer("200 OK", &[], ""), answer("503 Service Unavailable", &[], ""));
    let asked = |answers: &[&String]| {
        let (listener, address) = free();
        let questions = serve(listener, answers.iter().map(|answer| (*answer).clone()).collect());
        (text(format!("http://{address}/")), questions)
    };
    // Twice in a row, which what is up, down and up again is not.
    let (url, questions) = asked(&[&good, &bad, &good]);
    let outcome = Stage::new(LOOK).run(&http(&[("url", url), ("successes", Value::Int(2))])).await;
    assert_eq!((outcome.result, questions.try_iter().count()), (Ok(()), 4));
    // Who asks how it is now hears of the third failure in a row, and of no other.
    let (url, questions) = asked(&[&bad, &bad, &good]);
    let now = Stage::new((LOOK.0, Occasion::Live));
    let settings = [("url", url), ("failures", Value::Int(3))];
    assert_eq!((now.run(&http(&settings)).await.result, questions.try_iter().count()), (Ok(()), 3));
    let (url, questions) = asked(&[&bad]);
    let settings = [("url", url), ("failures", Value::Int(3))];
    assert!(now.run(&http(&settings)).await.result.is_err());
    assert_eq!(questions.try_iter().count(), 3);
    // Nobody is asked before the grace is over.
    let (url, questions) = asked(&[&good]);
    let started = std::time::Instant::now();
    let outcome = Stage::new(LOOK).run(&http(&[("url", url), ("grace", Value::Duration(300))])).await;
    assert!(outcome.result.is_ok() && started.elapsed() >= Duration::from_millis(300));
    assert_eq!((outcome.waits, questions.try_iter().count()), (vec!["left alone for 300ms".to_string()], 1));
    // What fails may be told and no more.
    let (url, _) = asked(&[&bad]);
    let settings = [("url", url), ("within", Value::Duration(0)), ("onFailure", text("warn"))];
    let outcome = Stage::new(DEED).run(&http(&settings)).await;
    assert!(outcome.result.is_ok() && outcome.warnings.len() == 1, "{:?}", outcome.warnings);
}
