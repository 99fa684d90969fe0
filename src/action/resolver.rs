//! Whom to ask about names, and how a question gets there: over UDP, again when nothing comes, and over TCP when
//! the answer does not fit.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use simple_dns::PacketFlag;
use simple_dns::header_buffer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout_at};

use crate::action::request::{innermost, refused};
use crate::apply::provider::Fault;

const PORT: u16 = 53;
/// When a question that got lost is asked again.
const AGAIN: Duration = Duration::from_secs(1);
/// Bytes of an answer over UDP, at most.
const LARGEST: usize = 4096;

/// Whom to ask: this one, or those whom this machine asks.
///
/// # Errors
/// Why it is not known where to ask; or, inside, what its name comes to just now.
pub async fn servers(server: Option<&str>) -> Result<Result<Vec<SocketAddr>, String>, Fault> {
    let Some(server) = server else { return own().map(Ok) };
    if let Some(address) = address(server) {
        return Ok(Ok(vec![address]));
    }
    let (host, port) = match server.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
        Some((host, Ok(port))) => (host, port),
        Some((_, Err(_))) => return Err(refused(format!("`{server}` is nobody who can be asked about names"))),
        None => (server, PORT),
    };
    Ok(match tokio::net::lookup_host((host, port)).await {
        Ok(found) => Ok(found.collect()),
        Err(error) => Err(format!("`{host}`, who is to be asked, is not found: {error}")),
    })
}

fn address(text: &str) -> Option<SocketAddr> {
    text.parse().ok().or_else(|| Some(SocketAddr::new(text.parse::<IpAddr>().ok()?, PORT)))
}

#[cfg(unix)]
fn own() -> Result<Vec<SocketAddr>, Fault> {
    const FILE: &str = "/etc/resolv.conf";
    let help = "say whom to ask: `server \"10.0.0.2\";`";
    let unreadable = |why: &dyn std::fmt::Display| refused(format!("`{FILE}` cannot be read: {why}")).help(help);
    let text = std::fs::read(FILE).map_err(|error| unreadable(&error))?;
    let config = resolv_conf::Config::parse(text).map_err(|error| unreadable(&error))?;
    let servers: Vec<SocketAddr> =
        config.nameservers.iter().map(|ip| SocketAddr::new(IpAddr::from(ip), PORT)).collect();
    match servers.is_empty() {
        true => Err(refused(format!("`{FILE}` names nobody to ask about names")).help(help)),
        false => Ok(servers),
    }
}

#[cfg(not(unix))]
fn own() -> Result<Vec<SocketAddr>, Fault> {
    let help = "say whom to ask: `server \"10.0.0.2\";`";
    Err(refused("it is not known whom this machine asks about names".into()).help(help))
}

/// The answer to a question.
///
/// # Errors
/// Why there is none; nothing when the time was over.
pub async fn exchange(server: SocketAddr, id: u16, query: &[u8], time: Duration) -> Result<Vec<u8>, Option<String>> {
    let until = Instant::now() + time;
    let answer = over_udp(server, id, query, until).await?;
    let is_cut = header_buffer::has_flags(&answer, PacketFlag::TRUNCATION).unwrap_or(false);
    if !is_cut {
        return Ok(answer);
    }
    match timeout_at(until, over_tcp(server, query)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Some(format!("does not answer over TCP: {}", innermost(&error)))),
        Err(_) => Err(None),
    }
}

async fn over_udp(server: SocketAddr, id: u16, query: &[u8], until: Instant) -> Result<Vec<u8>, Option<String>> {
    let failed = |error: std::io::Error| Some(format!("does not answer: {}", innermost(&error)));
    let here: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((here, 0)).await.map_err(failed)?;
    // From then on it hears nobody else.
    socket.connect(server).await.map_err(failed)?;
    let mut bytes = vec![0; LARGEST];
    loop {
        socket.send(query).await.map_err(failed)?;
        let again = until.min(Instant::now() + AGAIN);
        loop {
            match timeout_at(again, socket.recv(&mut bytes)).await {
                // What answers another question came late.
                Ok(Ok(count)) if header_buffer::id(&bytes[..count]).ok() != Some(id) => {}
                Ok(Ok(count)) => return Ok(bytes[..count].to_vec()),
                Ok(Err(error)) => return Err(failed(error)),
                Err(_) if Instant::now() >= until => return Err(None),
                Err(_) => break,
            }
        }
    }
}

async fn over_tcp(server: SocketAddr, query: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(query.len()).map_err(std::io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), query].concat()).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}
