//! `Tcp`: a port that opens late, and what is said on it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use tadpole::model::action::{Action, Verb};
use tadpole::value::Value;

use super::{LOOK, Stage, action, free, secret, text};

fn tcp(port: u16, settings: &[(&str, Value)]) -> Action {
    let mut all = vec![("host", text("127.0.0.1")), ("port", Value::Int(port.into()))];
    all.extend_from_slice(settings);
    action(Verb::Tcp, &all)
}

/// Greets everybody, and answers each line with itself.
fn parrot(listener: TcpListener, greeting: &'static str) {
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                // Who only looks whether there is somebody goes at once.
                let _ = stream.write_all(greeting.as_bytes());
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                for line in lines.map_while(Result::ok) {
                    let _ = writeln!(stream, "you said {line}");
                }
            });
        }
    });
}

#[tokio::test]
async fn a_port_may_open_late() {
    // Bound without listening: no other process can take it.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    let (mut socket, mut listener) = (Some(socket), None);
    let open = |_: &str| listener = socket.take().map(|socket| socket.listen(16).unwrap());
    let outcome = Stage::new(LOOK).run_and(&tcp(address.port(), &[]), open).await;
    outcome.result.unwrap();
    let [waited] = outcome.waits.as_slice() else { panic!("{:?}", outcome.waits) };
    assert!(waited.starts_with(&format!("{address} takes no connection: Connection refused")), "{waited}");
    drop(listener);
}

#[tokio::test]
async fn what_is_said_is_looked_into() {
    let (listener, address) = free();
    parrot(listener, "220 mail.acme.com ready\r\n");
    let stage = Stage::new(LOOK);
    let at_once = ("within", Value::Duration(0));
    for settings in [
        vec![],
        vec![("expect", text("acme"))],
        vec![("expectPattern", text("^220 .* ready\r\n$"))],
        vec![("send", text("QUIT\n")), ("expect", text("you said QUIT"))],
    ] {
        stage
            .run(&tcp(address.port(), &[&settings[..], std::slice::from_ref(&at_once)].concat()))
            .await
            .result
            .unwrap();
    }
    for (settings, why) in [
        ([("expect", text("ESMTP"))], "said nothing with `ESMTP` in it in 200ms: `220 mail.acme.com ready`"),
        ([("expectPattern", text("^250"))], "said nothing that `^250` matches in 200ms: `220 mail.acme.com ready`"),
    ] {
        let short = [at_once.clone(), ("timeout", Value::Duration(200))];
        let fault = stage.run(&tcp(address.port(), &[&settings[..], &short].concat())).await.fault();
        assert_eq!(fault.message, format!("it is not live: {address} {why}"));
    }
    // It comes back, and is not shown.
    let key = [("send", secret("hunter2\n")), ("expect", text("welcome")), ("timeout", Value::Duration(200)), at_once];
    let (listener, silent) = free();
    let fault = stage.run(&tcp(silent.port(), &key)).await.fault();
    assert_eq!(fault.message, format!("it is not live: {silent} said nothing in 200ms"));
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // This one was left over by the question before.
        drop(stream.write_all(b""));
        let (stream, _) = listener.accept().unwrap();
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        stream.into_inner().write_all(format!("no {line}").as_bytes()).unwrap();
    });
    let fault = stage.run(&tcp(silent.port(), &key)).await.fault();
    assert_eq!(fault.message, format!("it is not live: {silent} said nothing with `welcome` in it: `no (secret)`"));
}

#[tokio::test]
async fn who_hangs_up_is_not_live() {
    let (listener, address) = free();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let settings = [("expect", text("ready")), ("within", Value::Duration(0))];
    let fault = Stage::new(LOOK).run(&tcp(address.port(), &settings)).await.fault();
    assert_eq!(fault.message, format!("it is not live: {address} closed the connection and said nothing"));
}
