//! `Dns`: a small server on a port of this machine, whose answers change.

use std::net::{SocketAddr, TcpListener, UdpSocket};

use simple_dns::rdata::{A, AAAA, CNAME, MX, NS, RData, SRV, TXT};
use simple_dns::{CLASS, Name, Packet, PacketFlag, RCODE, ResourceRecord};
use tadpole::model::action::{Action, Verb};
use tadpole::value::Value;

use super::{LOOK, Stage, action, text, texts};

/// How a server takes a question.
#[derive(Clone, Copy)]
enum Reply {
    Answers(fn() -> Vec<RData<'static>>),
    Error(RCODE),
    /// Nothing, as when the question got lost.
    Silence,
    /// An answer that is too long for UDP, and comes over TCP.
    Long(fn() -> Vec<RData<'static>>),
    /// One to another question first.
    Late(fn() -> Vec<RData<'static>>),
}

/// Takes each question in the next of these ways, the last of them for ever.
fn serve(replies: Vec<Reply>) -> SocketAddr {
    // Port 0 of TCP is another one than port 0 of UDP, so that one may be taken.
    let (udp, tcp) = loop {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
            break (udp, tcp);
        }
    };
    let address = udp.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut bytes = [0; 512];
        for at in 0.. {
            let (count, from) = udp.recv_from(&mut bytes).unwrap();
            let question = &bytes[..count];
            let send = |bytes: Vec<u8>| assert_eq!(udp.send_to(&bytes, from).unwrap(), bytes.len());
            match replies[at.min(replies.len() - 1)] {
                Reply::Silence => {}
                Reply::Answers(answers) => send(reply(question, RCODE::NoError, answers())),
                Reply::Error(code) => send(reply(question, code, Vec::new())),
                Reply::Late(answers) => {
                    let mut other = question.to_vec();
                    other[0] ^= 1;
                    send(reply(&other, RCODE::NameError, Vec::new()));
                    send(reply(question, RCODE::NoError, answers()));
                }
                Reply::Long(answers) => {
                    let mut cut = reply(question, RCODE::NoError, Vec::new());
                    cut[2] |= 0x02;
                    send(cut);
                    over_tcp(&tcp, &answers());
                }
            }
        }
    });
    address
}

fn over_tcp(listener: &TcpListener, answers: &[RData<'static>]) {
    use std::io::{Read, Write};
    let (mut stream, _) = listener.accept().unwrap();
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut question).unwrap();
    let answer = reply(&question, RCODE::NoError, answers.to_vec());
    stream.write_all(&u16::try_from(answer.len()).unwrap().to_be_bytes()).unwrap();
    stream.write_all(&answer).unwrap();
}

fn reply(question: &[u8], code: RCODE, answers: Vec<RData<'static>>) -> Vec<u8> {
    let asked = Packet::parse(question).unwrap();
    assert!(asked.has_flags(PacketFlag::RECURSION_DESIRED));
    let name = asked.questions[0].qname.clone();
    assert_eq!(name.to_string(), "www.pond.example");
    let mut packet = Packet::new_reply(asked.id());
    *packet.rcode_mut() = code;
    packet.questions = asked.questions.clone();
    packet.answers = answers.into_iter().map(|data| ResourceRecord::new(name.clone(), CLASS::IN, 60, data)).collect();
    packet.build_bytes_vec().unwrap()
}

fn name(text: &'static str) -> Name<'static> {
    Name::new_unchecked(text)
}

fn a(address: [u8; 4]) -> RData<'static> {
    RData::A(A { address: u32::from_be_bytes(address) })
}

/// As a name server tells an alias: with all that it leads to.
fn alias() -> Vec<RData<'static>> {
    vec![RData::CNAME(CNAME(name("Cdn.Pond.Example"))), a([10, 0, 0, 1]), a([10, 0, 0, 2])]
}

fn dns(server: SocketAddr, settings: &[(&str, Value)]) -> Action {
    let mut all = vec![("name", text("www.pond.example")), ("server", text(server.to_string()))];
    all.extend_from_slice(settings);
    action(Verb::Dns, &all)
}

async fn now(server: SocketAddr, settings: &[(&str, Value)]) -> Result<(), String> {
    let all = [settings, &[("within", Value::Duration(0))]].concat();
    let outcome = Stage::new(LOOK).run(&dns(server, &all)).await;
    outcome.result.map_err(|fault| fault.message.replace(&server.to_string(), "SERVER"))
}

#[tokio::test]
async fn a_name_is_looked_up_until_it_is_known() {
    let server = serve(vec![
        Reply::Error(RCODE::NameError),
        Reply::Error(RCODE::ServerFailure),
        Reply::Answers(Vec::new),
        Reply::Answers(|| vec![a([10, 0, 0, 9])]),
        Reply::Late(alias),
    ]);
    let outcome = Stage::new(LOOK).run(&dns(server, &[("expectAnswers", texts(&["10.0.0.2"]))])).await;
    outcome.result.unwrap();
    assert_eq!(
        outcome.waits,
        [
            "there is no name `www.pond.example`".to_string(),
            format!("{server} could not find `www.pond.example` out"),
            "`www.pond.example` has no A".to_string(),
            "`www.pond.example` has the A `10.0.0.9`, and not `10.0.0.2`".to_string(),
        ]
    );
}

#[tokio::test]
async fn answers_are_a_set() {
    let server = serve(vec![Reply::Answers(alias)]);
    let expect = |how: &str, answers: &[&str]| [("expect", text(how)), ("expectAnswers", texts(answers))];
    let (one, two, three) = ("10.0.0.1", "10.0.0.2", "10.0.0.3");
    assert_eq!(now(server, &[]).await, Ok(()));
    for (how, answers, why) in [
        ("all", vec![two, one], None),
        ("all", vec![one, three], Some("`10.0.0.3`")),
        ("any", vec![three, one], None),
        ("any", vec![three, "10.0.0.4"], Some("`10.0.0.3` or `10.0.0.4`")),
        ("only", vec![two, one], None),
        ("only", vec![one], Some("only `10.0.0.1`")),
    ] {
        let why = why.map(|why| {
            let has = "`www.pond.example` has the A `10.0.0.1` and `10.0.0.2`";
            format!("it is not live: {has}, and not {why}")
        });
        assert_eq!(now(server, &expect(how, &answers)).await.err(), why, "{how} {answers:?}");
    }
}

#[tokio::test]
async fn answers_of_each_type_can_be_written_in_several_ways() {
    let all = || {
        let mut text = TXT::new();
        text.add_string("v=spf1 ").unwrap();
        text.add_string("-all").unwrap();
        vec![
            RData::CNAME(CNAME(name("Cdn.Pond.Example"))),
            RData::AAAA(AAAA { address: 0x2001_0db8 << 96 | 1 }),
            RData::MX(MX { preference: 10, exchange: name("mail.pond.example") }),
            RData::NS(NS(name("ns1.pond.example"))),
            RData::SRV(SRV { priority: 1, weight: 2, port: 443, target: name("www.pond.example") }),
            RData::TXT(text),
        ]
    };
    let server = serve(vec![Reply::Answers(all)]);
    for (kind, answer) in [
        ("CNAME", "cdn.pond.example."),
        ("AAAA", "2001:DB8:0::1"),
        ("MX", "10  mail.pond.example."),
        ("NS", "NS1.pond.example"),
        ("SRV", "1 2 443 www.pond.example"),
        ("TXT", "v=spf1 -all"),
    ] {
        let only = [("recordType", text(kind)), ("expect", text("only")), ("expectAnswers", texts(&[answer]))];
        assert_eq!(now(server, &only).await, Ok(()), "{kind}");
    }
    let said = now(server, &[("recordType", text("TXT")), ("expectAnswers", texts(&["V=SPF1 -all"]))]).await;
    assert_eq!(
        said.unwrap_err(),
        "it is not live: `www.pond.example` has the TXT `v=spf1 -all`, and not `V=SPF1 -all`"
    );
}

#[tokio::test]
async fn what_is_lost_is_asked_again_and_what_is_long_comes_over_tcp() {
    let server = serve(vec![Reply::Silence, Reply::Long(alias)]);
    let patient = [("timeout", Value::Duration(20_000)), ("expectAnswers", texts(&["10.0.0.2"]))];
    assert_eq!(now(server, &patient).await, Ok(()));
    let silent = serve(vec![Reply::Silence]);
    let said = now(silent, &[("timeout", Value::Duration(300))]).await.unwrap_err();
    assert_eq!(said, "it is not live: `www.pond.example` cannot be looked up: SERVER did not answer in 300ms");
    let refuses = serve(vec![Reply::Error(RCODE::Refused)]);
    let said = now(refuses, &[]).await.unwrap_err();
    assert_eq!(said, "it is not live: SERVER tells nothing of `www.pond.example`");
}

#[tokio::test]
async fn a_question_that_cannot_be_asked_is_not_asked() {
    let server = serve(vec![Reply::Silence]);
    for (setting, message) in [
        (("name", text("a..b")), "`a..b` is no name that can be looked up"),
        (("server", text("pond:dns")), "`pond:dns` is nobody who can be asked about names"),
    ] {
        let outcome = Stage::new(LOOK).run(&dns(server, &[setting])).await;
        assert!(outcome.waits.is_empty());
        assert_eq!(outcome.fault().message, message);
    }
}
