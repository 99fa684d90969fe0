//! What is said of each action that comes to no good end, whole, to be read: `messages.snap`.

use std::fmt::Write as _;

use tadpole::model::action::{Action, List, Occasion, Verb};
use tadpole::value::Value;
use tempfile::tempdir;

use super::exec::shell;
use super::{DEED, LOOK, Stage, action, answer, data, free, map, numbers, secret, serve, text, texts};

const END: (List, Occasion) = (List::Terminate, Occasion::Terminate);

#[tokio::test]
async fn every_failure_says_what_came() {
    let directory = tempdir().unwrap();
    std::fs::write(directory.path().join("plain.txt"), "no program").unwrap();
    let (listener, address) = free();
    serve(
        listener,
        vec![answer("503 Service Unavailable", &["Content-Type: text/plain"], "restoring, 40 percent\nand more")],
    );
    let (silent, mute) = free();
    let (closed, nobody) = free();
    drop(closed);
    let site = format!("http://someone:hunter2@{address}/health?key=hunter2");
    let status = ("expectStatus", numbers(&[503]));
    let url = ("url", text(site.clone()));
    let short = ("timeout", Value::Duration(200));
    let password = ("environment", map(&[("PASSWORD", secret("hunter2"))]));
    type Case<'a> = ((List, Occasion), Verb, Vec<(&'a str, Value)>);
    let cases: Vec<Case> = vec![
        (LOOK, Verb::Http, vec![("url", text(format!("http://{nobody}/")))]),
        (LOOK, Verb::Http, vec![("url", text(format!("http://{mute}/"))), short.clone()]),
        (LOOK, Verb::Http, vec![url.clone(), ("expectStatus", numbers(&[200, 204]))]),
        ((List::Liveness, Occasion::Live), Verb::Http, vec![url.clone()]),
        (DEED, Verb::Http, vec![url.clone()]),
        (END, Verb::Http, vec![url.clone()]),
        (LOOK, Verb::Http, vec![url.clone(), status.clone(), ("expectBody", text("ready"))]),
        (LOOK, Verb::Http, vec![url.clone(), status.clone(), ("expectPattern", text("^ready"))]),
        (
            LOOK,
            Verb::Http,
            vec![url.clone(), status.clone(), ("expectHeader", map(&[("content-type", text("text/html"))]))],
        ),
        (LOOK, Verb::Http, vec![url.clone(), status.clone(), ("expectHeader", map(&[("x-build", text("7"))]))]),
        (LOOK, Verb::Http, vec![url.clone(), status, ("expectJson", map(&[("$.status", text("ok"))]))]),
        (LOOK, Verb::Http, vec![("url", secret(&site))]),
        (LOOK, Verb::Http, vec![("url", text("example.com"))]),
        (LOOK, Verb::Http, vec![url.clone(), ("tls", data("HttpTls", &[("ca", text("plain.txt"))]))]),
        (LOOK, Verb::Tcp, vec![("host", text("127.0.0.1")), ("port", Value::Int(nobody.port().into()))]),
        (
            LOOK,
            Verb::Tcp,
            vec![
                ("host", text("127.0.0.1")),
                ("port", Value::Int(mute.port().into())),
                ("expect", text("ready")),
                short.clone(),
            ],
        ),
        (LOOK, Verb::Dns, vec![("name", text("www.pond.example")), ("server", text(mute.to_string())), short]),
        (LOOK, Verb::Dns, vec![("name", text("a..b"))]),
        (LOOK, Verb::Exec, vec![shell("echo looking; exit 3"), ("timeout", Value::Null)]),
        (
            DEED,
            Verb::Exec,
            vec![shell("echo creating tables; echo \"no role for $PASSWORD\" >&2; exit 3"), password.clone()],
        ),
        (END, Verb::Exec, vec![shell("exit 3")]),
        (DEED, Verb::Exec, vec![shell("echo working; sleep 1000"), ("timeout", Value::Duration(300))]),
        (DEED, Verb::Exec, vec![("command", texts(&["./missing.sh", "up"]))]),
        (DEED, Verb::Exec, vec![("command", texts(&["./plain.txt"]))]),
        (DEED, Verb::Exec, vec![("command", Value::List(vec![text("./seed.sh"), secret("hunter2")]))]),
        (DEED, Verb::Webhook, vec![url.clone(), ("body", text("up"))]),
        (END, Verb::Webhook, vec![url, ("expectStatus", numbers(&[202]))]),
    ];
    let mut all = String::new();
    for (when, verb, mut settings) in cases {
        settings.push(("within", Value::Duration(if when == DEED || when == END { 60_000 } else { 0 })));
        if when != LOOK && verb == Verb::Http {
            settings.push(("within", Value::Duration(0)));
        }
        let action = Action { name: "step".into(), ..action(verb, &settings) };
        let fault = Stage::new(when).within(directory.path()).run(&action).await.fault();
        let (verb, list) = (verb.template(), when.0.attribute());
        writeln!(all, "{verb} in {list}\n  {}", fault.message).unwrap();
        for line in fault.help.iter().flat_map(|help| help.lines()) {
            writeln!(all, "  | {line}").unwrap();
        }
    }
    assert!(!all.contains("hunter2"), "{all}");
    for (address, name) in [(address, "SITE"), (mute, "MUTE"), (nobody, "NOBODY")] {
        all = all.replace(&address.to_string(), name);
    }
    let all = all.replace(directory.path().to_str().unwrap(), "DIRECTORY");
    drop(silent);
    insta::with_settings!({ snapshot_path => ".", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("messages", all);
    });
}
