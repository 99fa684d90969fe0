//! As much of HTTP/1.1 as a proxy needs: whole requests and answers, over connections that are kept.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// One request, with its body whole.
pub struct Request {
    pub method: String,
    /// With what stands behind `?`.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

fn value<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, text)| text.as_str())
}

fn is_chunked(headers: &[(String, String)]) -> bool {
    value(headers, "transfer-encoding").is_some_and(|text| text.eq_ignore_ascii_case("chunked"))
}

impl Request {
    /// The next one of a connection; nothing when the client has no more, or is gone.
    pub fn read(client: &mut BufReader<TcpStream>) -> Option<Request> {
        let first = line(client)?;
        let mut words = first.split(' ');
        let (method, target) = (words.next()?.to_string(), words.next()?.to_string());
        let headers = headers(client)?;
        if value(&headers, "expect").is_some() {
            client.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
        }
        let body = match is_chunked(&headers) {
            true => chunks(client)?,
            false => {
                let length = value(&headers, "content-length").map_or(Some(0), |text| text.parse().ok())?;
                let mut body = vec![0; length];
                client.read_exact(&mut body).ok()?;
                body
            }
        };
        Some(Request { method, target, headers, body })
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }

    /// What a server answers to it, with some headers added.
    ///
    /// # Errors
    /// When the server ends the connection in the middle.
    pub fn send(&self, host: &str, added: &[(&str, &str)]) -> std::io::Result<Answer> {
        let mut head = format!("{} {} HTTP/1.1\r\nConnection: close\r\n", self.method, self.target);
        let ours = ["connection", "content-length", "transfer-encoding", "expect"];
        for (name, text) in self.headers.iter().filter(|(name, _)| !ours.contains(&&*name.to_ascii_lowercase())) {
            head.push_str(&format!("{name}: {text}\r\n"));
        }
        for (name, text) in added {
            head.push_str(&format!("{name}: {text}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", self.body.len()));
        let mut server = TcpStream::connect(host)?;
        server.write_all(head.as_bytes())?;
        server.write_all(&self.body)?;
        Answer::read(&mut BufReader::new(server), self.method == "HEAD").ok_or(std::io::ErrorKind::UnexpectedEof.into())
    }
}

impl Answer {
    fn read(server: &mut BufReader<TcpStream>, is_head: bool) -> Option<Answer> {
        let (status, headers) = loop {
            let status: u16 = line(server)?.split(' ').nth(1)?.parse().ok()?;
            let headers = headers(server)?;
            if status != 100 {
                break (status, headers);
            }
        };
        let mut body = Vec::new();
        match (is_head, is_chunked(&headers), value(&headers, "content-length")) {
            (true, ..) => {}
            (false, true, _) => body = chunks(server)?,
            (false, false, Some(length)) => {
                body = vec![0; length.parse().ok()?];
                server.read_exact(&mut body).ok()?;
            }
            (false, false, None) => drop(server.read_to_end(&mut body).ok()?),
        }
        Some(Answer { status, headers, body })
    }

    /// Whether the client has got it.
    pub fn write(&self, client: &mut TcpStream, is_head: bool) -> bool {
        let mut head = format!("HTTP/1.1 {} -\r\n", self.status);
        for (name, text) in &self.headers {
            let name_of = name.to_ascii_lowercase();
            let is_length = name_of == "content-length";
            // The length of what HEAD does not bring stays what it was.
            if !["connection", "transfer-encoding"].contains(&&*name_of) && (!is_length || is_head) {
                head.push_str(&format!("{name}: {text}\r\n"));
            }
        }
        if !is_head && self.status != 204 && self.status != 304 {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        if !is_head {
            bytes.extend_from_slice(&self.body);
        }
        client.write_all(&bytes).is_ok()
    }
}

/// A line without its end; nothing when there is none.
fn line(from: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    let count = from.read_line(&mut line).ok()?;
    (count > 0).then(|| line.trim_end_matches(['\r', '\n']).to_string())
}

fn headers(from: &mut impl BufRead) -> Option<Vec<(String, String)>> {
    let mut all = Vec::new();
    loop {
        let line = line(from)?;
        if line.is_empty() {
            return Some(all);
        }
        let (name, text) = line.split_once(':')?;
        all.push((name.to_string(), text.trim().to_string()));
    }
}

/// A body that comes in pieces. What trails it is for the transport alone.
fn chunks(from: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(from)?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            headers(from)?;
            return Some(body);
        }
        let start = body.len();
        body.resize(start + size, 0);
        from.read_exact(&mut body[start..]).ok()?;
        line(from)?;
    }
}
