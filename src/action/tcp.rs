//! `Tcp`: opens a connection until that works, and the other side says what is expected.

use regex::Regex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use std::time::Duration;

use crate::action::http::pattern;
use crate::action::request::{innermost, saying};
use crate::action::setting::Settings;
use crate::action::{Look, Scene, probe};
use crate::apply::hidden::{Hidden, Missing};
use crate::apply::provider::Fault;
use crate::model::action::Action;

/// As much of what comes back is looked into, in bytes.
const MOST: usize = 64 << 10;
/// As much of what was expected is told, in bytes.
const TOLD: usize = 120;

struct Question {
    host: String,
    port: u16,
    send: Option<String>,
    text: Option<String>,
    pattern: Option<Regex>,
    timeout: Duration,
}

/// Passes when there is a connection on which comes what is expected.
///
/// # Errors
/// What came instead, when its time is over.
pub async fn run(action: &Action, scene: &Scene<'_>) -> Result<(), Fault> {
    let settings = Settings::of(action, scene);
    let hidden = settings.hidden(scene);
    let question = Question {
        host: settings.text("host")?.unwrap_or_default(),
        port: settings.count("port").and_then(|port| u16::try_from(port).ok()).unwrap_or(0),
        send: settings.text("send")?,
        text: settings.text("expect")?,
        pattern: pattern(&settings, &hidden)?,
        timeout: settings.duration("timeout").unwrap_or(Duration::from_secs(5)),
    };
    let look = || async { Ok(question.ask(&hidden).await.map(|why| hidden.text(why))) };
    probe::run(action, scene, look).await
}

impl Question {
    async fn ask(&self, hidden: &Hidden) -> Look {
        let until = Instant::now() + self.timeout;
        let shown = match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        };
        let connection = tokio::time::timeout_at(until, TcpStream::connect((self.host.as_str(), self.port)));
        let mut stream = match connection.await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Look::NotYet(format!("{shown} takes no connection: {}", innermost(&error))),
            Err(_) => return Look::NotYet(format!("{shown} took no connection in {}", super::shown(self.timeout))),
        };
        let mut came = Vec::new();
        let talk = tokio::time::timeout_at(until, self.talk(&mut stream, &mut came, hidden)).await;
        let missed = match self.misses(&came, hidden) {
            // Where nothing is expected, what was to be sent must at least have gone.
            None if !matches!(talk, Ok(Err(_))) => return Look::Live,
            missed => missed.unwrap_or_else(|| "something".to_string()),
        };
        // What else it wanted to say did not come.
        let missing = Missing { end: !matches!(talk, Ok(Ok(()))) || came.len() >= MOST, ..Missing::default() };
        let saying = || saying(&came, missing, hidden);
        let ended = match talk {
            Ok(Ok(())) if came.is_empty() => "closed the connection and said nothing".to_string(),
            Ok(Err(error)) if came.is_empty() => format!("broke off the connection: {}", innermost(&error)),
            Ok(Ok(()) | Err(_)) => format!("said {missed}{}", saying()),
            Err(_) if came.is_empty() => format!("said nothing in {}", super::shown(self.timeout)),
            Err(_) => format!("said {missed} in {}{}", super::shown(self.timeout), saying()),
        };
        Look::NotYet(format!("{shown} {ended}"))
    }

    /// Until all is said that is expected, or the other side has nothing more to say.
    async fn talk(&self, stream: &mut TcpStream, came: &mut Vec<u8>, hidden: &Hidden) -> std::io::Result<()> {
        if let Some(text) = &self.send {
            stream.write_all(text.as_bytes()).await?;
        }
        let mut part = [0; 4096];
        while self.misses(came, hidden).is_some() && came.len() < MOST {
            match stream.read(&mut part).await? {
                0 => break,
                count => came.extend_from_slice(&part[..count]),
            }
        }
        Ok(())
    }

    /// What is expected, and not in what came.
    fn misses(&self, came: &[u8], hidden: &Hidden) -> Option<String> {
        let text = String::from_utf8_lossy(came);
        if let Some(wanted) = self.text.as_ref().filter(|wanted| !text.contains(wanted.as_str())) {
            return Some(format!("nothing with `{}` in it", hidden.cut(wanted, TOLD)));
        }
        let pattern = self.pattern.as_ref().filter(|pattern| !pattern.is_match(&text))?;
        Some(format!("nothing that `{pattern}` matches"))
    }
}
