//! Stands between us and moto, and is nearer to AWS than moto is: tags in CreateBucket are kept, and
//! RunInstances heeds its token. It counts calls, and has the mishaps that a test asks for.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, RwLock};
use std::thread;

use super::moto::Moto;

/// What happens to one call.
#[derive(Clone, Copy)]
pub enum Mishap {
    /// It is carried out, and the answer never comes.
    LostAnswer,
    /// It is not carried out, and this is the answer: a status and a code.
    Refusal(u16, &'static str),
}

#[derive(Default)]
struct Memory {
    /// Every call, as method, path and body.
    calls: Vec<String>,
    /// For the next call that contains this text.
    mishaps: Vec<(String, Mishap)>,
    /// Whether the answer of the next call that changes something is lost.
    loses_change: bool,
    /// Answers of RunInstances, by token.
    tokens: HashMap<String, Vec<u8>>,
}

#[derive(Default)]
struct Shared {
    memory: Mutex<Memory>,
    /// What takes two steps here and one at Amazon is held for writing, so that nobody sees its middle:
    /// not even who comes after a client that was killed in it.
    gate: RwLock<()>,
}

pub struct Proxy {
    pub endpoint: String,
    shared: Arc<Shared>,
}

impl Proxy {
    pub fn before(moto: &Moto) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        let (host, inner) = (moto.host.clone(), shared.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (host, inner) = (host.clone(), inner.clone());
                thread::spawn(move || serve(client, &host, &inner));
            }
        });
        Proxy { endpoint, shared }
    }

    /// Lets this happen to the next call that contains the text.
    pub fn next(&self, call: &str, mishap: Mishap) {
        self.shared.memory.lock().unwrap().mishaps.push((call.to_string(), mishap));
    }

    /// Loses the answer of the next call that changes something.
    pub fn lose_next_change(&self) {
        self.shared.memory.lock().unwrap().loses_change = true;
    }

    /// Whether the answer that should be lost was. If not, none will be.
    pub fn has_lost(&self) -> bool {
        !std::mem::take(&mut self.shared.memory.lock().unwrap().loses_change)
    }

    /// Every call so far, each as its method and path, or its action, and what it was about.
    pub fn log(&self) -> Vec<String> {
        self.shared.memory.lock().unwrap().calls.clone()
    }

    /// How many calls contained the text.
    pub fn count(&self, call: &str) -> usize {
        self.shared.memory.lock().unwrap().calls.iter().filter(|line| line.contains(call)).count()
    }
}

/// One request a connection: that is allowed, and simple.
fn serve(mut client: TcpStream, host: &str, shared: &Shared) {
    let Some((head, body)) = request(&mut client) else {
        return;
    };
    let line = head.lines().next().unwrap_or_default().to_string();
    let call = format!("{line} {}", String::from_utf8_lossy(&body));
    let mishap = {
        let mut memory = shared.memory.lock().unwrap();
        memory.calls.push(call.clone());
        let at = memory.mishaps.iter().position(|(text, _)| call.contains(text));
        let mishap = at.map(|at| memory.mishaps.remove(at).1);
        match mishap {
            None if memory.loses_change && changes(&call) => {
                memory.loses_change = false;
                Some(Mishap::LostAnswer)
            }
            mishap => mishap,
        }
    };
    let answer = match mishap {
        Some(Mishap::Refusal(status, code)) => refusal(status, code, &call).into_bytes(),
        Some(Mishap::LostAnswer) | None => carry_out(host, shared, &call, &head, &body),
    };
    if !matches!(mishap, Some(Mishap::LostAnswer)) {
        // Who asked may be gone.
        let _ = client.write_all(&answer);
    }
    let _ = client.shutdown(Shutdown::Both);
}

/// Whether a call is one that changes something.
fn changes(call: &str) -> bool {
    match call.split_once("Action=") {
        Some((_, action)) => !["Describe", "Get", "List"].iter().any(|verb| action.starts_with(verb)),
        None => !call.starts_with("GET ") && !call.starts_with("HEAD "),
    }
}

fn carry_out(host: &str, shared: &Shared, call: &str, head: &str, body: &[u8]) -> Vec<u8> {
    if let Some(token) = token(call) {
        let _alone = shared.gate.write().unwrap();
        let known = shared.memory.lock().unwrap().tokens.get(&token).cloned();
        let answer = known.unwrap_or_else(|| forward(host, head, body));
        if answer.starts_with(b"HTTP/1.1 200") {
            shared.memory.lock().unwrap().tokens.insert(token, answer.clone());
        }
        return answer;
    }
    let line = head.lines().next().unwrap_or_default();
    let Some(tags) = bucket_tags(line, call) else {
        let _together = shared.gate.read().unwrap();
        return forward(host, head, body);
    };
    let _alone = shared.gate.write().unwrap();
    let answer = forward(host, head, body);
    if answer.starts_with(b"HTTP/1.1 200") {
        let head = head.replacen(line, &line.replacen(" HTTP", "?tagging HTTP", 1), 1);
        let tagged = forward(host, &without_digest(&head, tags.len()), tags.as_bytes());
        assert!(tagged.starts_with(b"HTTP/1.1 20"), "{}", String::from_utf8_lossy(&tagged));
    }
    answer
}

fn request(client: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        match client.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let length: usize = header(&head, "content-length").map_or(0, |text| text.parse().unwrap());
    let mut body = bytes[end..].to_vec();
    while body.len() < length {
        match client.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(count) => body.extend_from_slice(&piece[..count]),
        }
    }
    Some((head, body))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, text)| text.trim())
}

fn forward(host: &str, head: &str, body: &[u8]) -> Vec<u8> {
    let mut server = TcpStream::connect(host).unwrap();
    let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    server.write_all(head.as_bytes()).unwrap();
    server.write_all(body).unwrap();
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).unwrap();
    answer
}

fn token(call: &str) -> Option<String> {
    let rest = call.contains("Action=RunInstances").then(|| call.split("ClientToken=").nth(1)).flatten()?;
    rest.split('&').next().map(str::to_string)
}

/// The tags of a CreateBucket, as the body of a PutBucketTagging.
fn bucket_tags(line: &str, call: &str) -> Option<String> {
    if !line.starts_with("PUT /") || line.contains('?') {
        return None;
    }
    let tags = call.split("<Tags>").nth(1)?.split("</Tags>").next()?;
    Some(format!("<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet>{tags}</TagSet></Tagging>"))
}

fn without_digest(head: &str, length: usize) -> String {
    let kept = head.trim_end().lines().filter(|line| {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        name != "content-length" && !name.contains("checksum") && name != "content-md5"
    });
    let mut head: String = kept.map(|line| format!("{line}\r\n")).collect();
    head.push_str(&format!("Content-Length: {length}\r\n\r\n"));
    head
}

fn refusal(status: u16, code: &str, call: &str) -> String {
    let error = format!("<Error><Code>{code}</Code><Message>Not now.</Message>");
    // EC2 has a form of its own, RDS the one of all that are asked by `Action`, S3 and CloudFront that of REST.
    let body = match (call.contains(" / "), call.contains("Version=2014-10-31")) {
        (_, true) => format!("<ErrorResponse>{error}</Error><RequestId>r-1</RequestId></ErrorResponse>"),
        (true, false) => {
            format!("<Response><Errors>{error}</Error></Errors><RequestID>r-1</RequestID></Response>")
        }
        (false, false) => format!("{error}<RequestId>r-1</RequestId></Error>"),
    };
    format!(
        "HTTP/1.1 {status} No\r\nConnection: close\r\nContent-Type: text/xml\r\nx-amz-request-id: r-1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
