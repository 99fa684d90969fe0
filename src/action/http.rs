//! `Http`: asks a site until it answers as expected, or the action's time is up.

use std::error::Error;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method};

use crate::action::setting::Settings;
use crate::action::{Look, Scene, probe};
use crate::apply::provider::{Fault, FaultKind};
use crate::model::action::Action;

/// As much of an answer is looked into.
const MOST: usize = 1 << 20;

/// What is asked, and what is expected.
struct Question {
    method: Method,
    url: reqwest::Url,
    headers: HeaderMap,
    body: Option<String>,
    statuses: Vec<i64>,
    text: Option<String>,
    timeout: Duration,
}

/// Passes when the site answers as expected.
///
/// # Errors
/// What came instead, when its time is over; at once when the question itself cannot be asked.
pub async fn run(action: &Action, scene: &Scene<'_>) -> Result<(), Fault> {
    let question = question(&Settings::of(action, scene))?;
    let client = client()?;
    probe::run(action, scene, || async { Ok(ask(&client, &question).await) }).await
}

fn client() -> Result<Client, Fault> {
    // Each try has a connection of its own: an old one says nothing of who would come now.
    let client = Client::builder().user_agent(concat!("tadpole/", env!("CARGO_PKG_VERSION"))).pool_max_idle_per_host(0);
    client.build().map_err(|error| refused(format!("no request can be made: {}", innermost(&error))))
}

fn question(settings: &Settings<'_>) -> Result<Question, Fault> {
    let url = settings.text("url")?.unwrap_or_default();
    let url = url.parse().map_err(|error| refused(format!("`{url}` cannot be asked: {error}")))?;
    let method = settings.text("method")?.unwrap_or_else(|| "GET".to_string());
    let method =
        Method::from_bytes(method.as_bytes()).map_err(|_| refused(format!("`{method}` is not a method of http")))?;
    let mut headers = HeaderMap::new();
    for (name, value) in settings.pairs("headers")? {
        let parsed = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(&value).ok());
        let Some((name, value)) = parsed else {
            return Err(refused(format!("the header `{name}` has a name or a value that http does not take")));
        };
        headers.insert(name, value);
    }
    Ok(Question {
        method,
        url,
        headers,
        body: settings.text("body")?,
        statuses: settings.numbers("expectStatus").unwrap_or_else(|| vec![200]),
        text: settings.text("expectBody")?,
        timeout: settings.duration("timeout").unwrap_or(Duration::from_secs(10)),
    })
}

async fn ask(client: &Client, question: &Question) -> Look {
    let Question { method, url, headers, body, statuses, text, timeout } = question;
    let mut request = client.request(method.clone(), url.clone()).headers(headers.clone()).timeout(*timeout);
    if let Some(body) = body {
        request = request.body(body.clone());
    }
    let shown = shown(url);
    let mut response = match request.send().await {
        Ok(response) => response,
        Err(error) if error.is_timeout() => return Look::NotYet(format!("{shown} did not answer in {timeout:?}")),
        Err(error) => return Look::NotYet(format!("{shown} does not answer: {}", innermost(&error))),
    };
    let status = response.status();
    if !statuses.contains(&i64::from(status.as_u16())) {
        let expected: Vec<String> = statuses.iter().map(i64::to_string).collect();
        return Look::NotYet(format!("{shown} answered {status}, and not {}", expected.join(" or ")));
    }
    let Some(text) = text else { return Look::Live };
    let mut seen = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if seen.len() < MOST => seen.extend_from_slice(&chunk),
            Ok(Some(_) | None) => break,
            Err(error) => return Look::NotYet(format!("{shown} broke off its answer: {}", innermost(&error))),
        }
    }
    match String::from_utf8_lossy(&seen).contains(text) {
        true => Look::Live,
        false => Look::NotYet(format!("{shown} answered without `{text}` in it")),
    }
}

/// An address without what it carries for the site alone, which may be a password or a key.
fn shown(url: &reqwest::Url) -> String {
    let mut url = url.clone();
    // Of addresses that have no room for them, there is nothing to take away.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.to_string()
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    let last = std::iter::successors(Some(error), |error| (*error).source()).last();
    last.map(ToString::to_string).unwrap_or_default()
}

fn refused(message: String) -> Fault {
    Fault::new(FaultKind::Refused, message)
}
