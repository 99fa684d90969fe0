//! `Webhook`: who is told what, how it is signed, and who does not hear.

use tadpole::model::action::{Action, Verb};
use tadpole::value::Value;

use super::{DEED, Stage, action, answer, data, free, map, numbers, secret, serve, text};

fn webhook(settings: &[(&str, Value)]) -> Action {
    Action { name: "tell".into(), ..action(Verb::Webhook, settings) }
}

#[tokio::test]
async fn a_site_is_told() {
    let (listener, address) = free();
    let questions = serve(listener, vec![answer("204 No Content", &[], "")]);
    let url = ("url", text(format!("http://{address}/hooks/7?key=k")));
    let stage = Stage::new(DEED);
    let signed = webhook(&[
        url.clone(),
        ("method", text("PUT")),
        ("body", text("{\"up\":true}")),
        ("secret", secret("It's a Secret to Everybody")),
        ("headers", map(&[("x-team", text("pond"))])),
    ]);
    stage.run(&signed).await.result.unwrap();
    let question = questions.recv().unwrap();
    assert!(question.starts_with("PUT /hooks/7?key=k HTTP/1.1\r\n"), "{question}");
    assert!(question.ends_with("\r\n\r\n{\"up\":true}"), "{question}");
    for header in [
        "content-type: application/json",
        &format!("idempotency-key: {}", stage.token),
        "x-team: pond",
        // openssl dgst -sha256 -hmac "It's a Secret to Everybody"
        "x-signature-256: sha256=750b27042d52ec524d52d802efbd9baf10b415105675b48978b745d41e48b220",
    ] {
        assert!(question.contains(&format!("\r\n{header}\r\n")), "{header}: {question}");
    }
    let plain = webhook(&[
        url,
        ("body", text("up")),
        ("secret", secret("k")),
        ("signatureHeader", text("X-Hub-Signature-256")),
        ("basic", data("HttpLogin", &[("user", text("pond")), ("password", secret("hunter2"))])),
    ]);
    stage.run(&plain).await.result.unwrap();
    let question = questions.recv().unwrap();
    for header in [
        "content-type: text/plain; charset=utf-8",
        "x-hub-signature-256: sha256=",
        "authorization: Basic cG9uZDpodW50ZXIy",
    ] {
        assert!(question.contains(&format!("\r\n{header}")), "{header}: {question}");
    }
}

#[tokio::test]
async fn who_does_not_hear_is_told_again() {
    let (listener, address) = free();
    let busy = answer("503 Service Unavailable", &[], "busy, hunter2");
    let questions = serve(listener, vec![busy.clone(), busy.clone(), answer("200 OK", &[], ""), busy]);
    let url = ("url", text(format!("http://someone:hunter2@{address}/hooks?key=hunter2")));
    let retry = data("Retry", &[("times", Value::Int(2)), ("backoff", Value::Duration(10))]);
    let stage = Stage::new(DEED);
    let settings = [url.clone(), ("retry", retry), ("secret", secret("hunter2"))];
    stage.run(&webhook(&settings)).await.result.unwrap();
    let key = format!("idempotency-key: {}\r\n", stage.token);
    let tokens: Vec<bool> = questions.try_iter().map(|asked| asked.contains(&key)).collect();
    assert_eq!(tokens, [true, true, true]);
    let once = [url.clone(), ("secret", secret("hunter2"))];
    let fault = stage.run(&webhook(&once)).await.fault();
    let why = format!("http://{address}/hooks answered 503 Service Unavailable, and not 200 to 299: `busy, (secret)`");
    assert_eq!(fault.message, format!("`tell` failed: {why}"));
    let other = [url, ("secret", secret("hunter2")), ("expectStatus", numbers(&[503]))];
    stage.run(&webhook(&other)).await.result.unwrap();
    // What is said to one is not said to another.
    let (listener, address) = free();
    serve(listener, vec![answer("307 Temporary Redirect", &["Location: /else"], "")]);
    let fault = stage.run(&webhook(&[("url", text(format!("http://{address}/")))])).await.fault();
    assert!(fault.message.contains("answered 307 Temporary Redirect, and not 200 to 299"), "{fault}");
}
