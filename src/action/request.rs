//! A request over HTTP, as actions make them, and why there was no answer.

use std::error::Error;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Certificate, Client, Identity, Method, Response, Url};

use crate::action::setting::Settings;
use crate::action::{Scene, shown};
use crate::apply::hidden::{Hidden, Missing};
use crate::apply::provider::{Fault, FaultKind, Unsigned};
use crate::value::Value;

/// As much of an answer is looked into, in bytes.
const MOST: usize = 1 << 20;

/// What is asked of whom, and how it is sent.
pub struct Request {
    pub method: Method,
    pub headers: HeaderMap,
    pub body: Option<String>,
    url: Url,
    /// The address as messages have it.
    pub site: String,
    /// The service and the region for which it is signed.
    signature: Option<(String, String)>,
    timeout: Duration,
    connect_timeout: Duration,
    client: Client,
}

impl Request {
    /// Follows so many redirects, where its settings do not say how many.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub fn of(settings: &Settings<'_>, redirects: u32) -> Result<Request, Fault> {
        let is_secret = settings.is_secret("url");
        let url = url(&settings.text("url")?.unwrap_or_default(), is_secret)?;
        let method = settings.text("method")?.unwrap_or_else(|| "GET".to_string());
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| refused(format!("`{method}` is not a method of http")))?;
        let mut headers = HeaderMap::new();
        for (name, value) in settings.pairs("headers")? {
            set(&mut headers, &name, &value)?;
        }
        if let Some(login) = settings.data("basic") {
            let (user, password) = (login.text("user")?.unwrap_or_default(), login.text("password")?);
            let who = STANDARD.encode(format!("{user}:{}", password.unwrap_or_default()));
            set(&mut headers, AUTHORIZATION.as_str(), &format!("Basic {who}"))?;
        }
        let signature = settings.data("signature").map(|signature| -> Result<_, Fault> {
            Ok((signature.text("service")?.unwrap_or_default(), signature.text("region")?.unwrap_or_default()))
        });
        let signature = signature.transpose()?;
        let time = |name, default| settings.duration(name).unwrap_or(Duration::from_secs(default));
        let (timeout, connect_timeout) = (time("timeout", 10), time("connectTimeout", 5));
        // A signature is good for one address.
        let follow = if signature.is_some() { 0 } else { settings.count("redirects").unwrap_or(redirects) };
        let carries_secret = ["headers", "basic", "body", "url"].iter().any(|name| settings.is_secret(name));
        let client = client(settings, policy(follow, carries_secret), connect_timeout)?;
        let (site, body) = (site(&url, is_secret), settings.text("body")?);
        Ok(Request { method, headers, body, url, site, signature, timeout, connect_timeout, client })
    }

    /// # Errors
    /// Why there is no answer; or, inside, why it cannot be asked at all.
    pub async fn send(&self, scene: &Scene<'_>) -> Result<Result<Response, String>, Fault> {
        let mut request = self.client.request(self.method.clone(), self.url.clone());
        request = request.headers(self.headers.clone()).headers(self.signed(scene).await?).timeout(self.timeout);
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        Ok(request.send().await.map_err(|error| self.no_answer(&error)))
    }

    async fn signed(&self, scene: &Scene<'_>) -> Result<HeaderMap, Fault> {
        let mut headers = HeaderMap::new();
        let Some((service, region)) = &self.signature else { return Ok(headers) };
        let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_string();
        let carried: Vec<(String, String)> =
            self.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let unsigned = Unsigned {
            method: self.method.as_str(),
            url: self.url.as_str(),
            headers: &carried,
            body: self.body.as_deref().unwrap_or_default().as_bytes(),
            service,
            region,
            profile: scene.place.inputs.get("profile").and_then(Value::as_str),
        };
        for (name, value) in scene.calls.provider.sign(&unsigned).await? {
            set(&mut headers, &name, &value)?;
        }
        Ok(headers)
    }

    /// What an answer carries, as far as it is looked into.
    ///
    /// # Errors
    /// Why it did not come whole.
    pub async fn body(&self, mut response: Response) -> Result<Vec<u8>, String> {
        let mut seen = Vec::new();
        while seen.len() < MOST {
            match response.chunk().await {
                Ok(Some(chunk)) => seen.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) if error.is_timeout() => return Err(self.no_answer(&error)),
                Err(error) => return Err(format!("{} broke off its answer: {}", self.site, innermost(&error))),
            }
        }
        seen.truncate(MOST);
        Ok(seen)
    }

    fn no_answer(&self, error: &reqwest::Error) -> String {
        let site = &self.site;
        if error.is_timeout() && error.is_connect() {
            return format!("{site} took no connection in {}", shown(self.connect_timeout.min(self.timeout)));
        }
        match error {
            error if error.is_timeout() => format!("{site} did not answer in {}", shown(self.timeout)),
            error if error.is_redirect() => format!("{site} led elsewhere: {}", innermost(error)),
            error => format!("{site} does not answer: {}", innermost(error)),
        }
    }
}

/// # Errors
/// When http does not take it.
pub fn set(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Fault> {
    let parsed = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(value).ok());
    let Some((name, mut value)) = parsed else {
        return Err(refused(format!("the header `{name}` has a name or a value that http does not take")));
    };
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

/// What an answer says of itself in its first words, in backticks behind a colon; nothing when that is for machines.
/// `missing` says which ends of it did not come.
pub fn saying(body: &[u8], missing: Missing, hidden: &Hidden) -> String {
    const LONGEST: usize = 80;
    let text = hidden.part(String::from_utf8_lossy(body).into_owned(), missing);
    let Some(line) = text.lines().map(str::trim).find(|line| !line.is_empty()) else { return String::new() };
    if line.starts_with('<') || line.contains(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
        return String::new();
    }
    format!(": `{}`", hidden.cut(line, LONGEST))
}

/// Whether an answer may have more in it than was looked at.
pub fn seen_in_part(body: &[u8]) -> Missing {
    Missing { end: body.len() >= MOST, ..Missing::default() }
}

fn url(text: &str, is_secret: bool) -> Result<Url, Fault> {
    let parsed: Result<Url, _> = text.parse();
    let refused = |why: &dyn std::fmt::Display| {
        let public = text.split(['?', '#']).next().unwrap_or_default();
        let public = public.rsplit('@').next().unwrap_or_default();
        refused(format!("`{}` cannot be asked: {why}", if is_secret { "(secret)" } else { public }))
    };
    match parsed {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(_) => Err(refused(&"its address begins neither with `http://` nor with `https://`")),
        Err(error) => Err(refused(&error)),
    }
}

/// An address without what it carries for the site alone, which may be a password or a key.
fn site(url: &Url, is_secret: bool) -> String {
    let mut url = url.clone();
    // Of addresses that have no room for them, there is nothing to take away.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    if is_secret {
        url.set_path("");
        return format!("{url}...");
    }
    url.to_string()
}

/// Follows so many redirects; with a secret to none but the same host.
fn policy(most: u32, carries_secret: bool) -> Policy {
    if most == 0 {
        return Policy::none();
    }
    Policy::custom(move |attempt: Attempt<'_>| {
        let so_far = attempt.previous().len();
        let home = attempt.previous().first().map(Url::origin);
        if so_far > most as usize {
            attempt.error(format!("after {most} redirects there was one more"))
        } else if carries_secret && home.is_some_and(|home| home != attempt.url().origin()) {
            let host = attempt.url().host_str().unwrap_or_default().to_string();
            attempt.error(format!("a secret is not sent on to `{host}`"))
        } else {
            attempt.follow()
        }
    })
}

fn client(settings: &Settings<'_>, redirects: Policy, connect_timeout: Duration) -> Result<Client, Fault> {
    // Each try has a connection of its own: an old one says nothing of who would come now.
    let mut client = Client::builder()
        .user_agent(concat!("tadpole/", env!("CARGO_PKG_VERSION")))
        .pool_max_idle_per_host(0)
        .redirect(redirects)
        .connect_timeout(connect_timeout);
    if let Some(tls) = settings.data("tls") {
        if let Some(bytes) = pem(&tls, "ca")? {
            let certificates = Certificate::from_pem_bundle(&bytes).ok().filter(|all| !all.is_empty());
            let Some(certificates) = certificates else { return Err(not_pem(&tls, "ca", "certificates")) };
            client = client.tls_certs_merge(certificates);
        }
        if let Some(bytes) = pem(&tls, "identity")? {
            let identity = Identity::from_pem(&bytes);
            let identity = identity.map_err(|_| not_pem(&tls, "identity", "a certificate and its private key"))?;
            client = client.identity(identity);
        }
        client = client.tls_danger_accept_invalid_certs(tls.is("insecure"));
    }
    client.build().map_err(|error| refused(format!("no request can be made: {}", innermost(&error))))
}

fn pem(tls: &Settings<'_>, name: &str) -> Result<Option<Vec<u8>>, Fault> {
    let Some(path) = tls.path(name)? else { return Ok(None) };
    let bytes = std::fs::read(&path);
    let bytes = bytes.map_err(|error| refused(format!("`{}` cannot be read: {error}", path.display())))?;
    Ok(Some(bytes))
}

fn not_pem(tls: &Settings<'_>, name: &str, what: &str) -> Fault {
    let path = tls.text(name).ok().flatten().unwrap_or_default();
    refused(format!("`{path}` does not have {what} in it"))
        .help("it is a file of PEM, with `-----BEGIN` in its first line")
}

/// The reason behind an error: those above it say where, which messages say better.
pub fn innermost(error: &(dyn Error + 'static)) -> String {
    let last = std::iter::successors(Some(error), |error| (*error).source()).last();
    let text = last.map(ToString::to_string).unwrap_or_default();
    // The number of the system says nothing that its words do not.
    text.rfind(" (os error ").map_or(text.as_str(), |at| &text[..at]).to_string()
}

pub fn refused(message: String) -> Fault {
    Fault::new(FaultKind::Refused, message)
}
