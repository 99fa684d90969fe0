//! Certificates: who is believed, and who says who asks. The server's side is rustls, with certificates made here.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, Stream};
use tadpole::model::action::Verb;
use tadpole::value::Value;

use super::{LOOK, Stage, action, answer, data, free, heard, text};

/// Who signs certificates; nobody on this machine believes it.
fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate of a name, with its key.
fn certificate(name: &str, by: &CertifiedIssuer<'_, KeyPair>) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_string()]).unwrap();
    (params.signed_by(&key, by).unwrap(), key)
}

/// Answers everybody who is believed. Gives the address.
fn serve(name: &str, by: &CertifiedIssuer<'_, KeyPair>, wants_certificate: bool) -> String {
    let (certificate, key) = certificate(name, by);
    let mut roots = RootCertStore::empty();
    roots.add(by.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let config = match wants_certificate {
        true => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            config.with_client_cert_verifier(verifier)
        }
        false => config.with_no_client_auth(),
    };
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap());
    let (listener, address) = free();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut connection) = (stream.unwrap(), ServerConnection::new(config.clone()).unwrap());
            let mut stream = Stream::new(&mut connection, &mut stream);
            if !heard(&mut stream).is_empty() {
                // Who does not believe is gone already.
                let _ = stream.write_all(answer("200 OK", &[], "").as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    format!("https://localhost:{}/", address.port())
}

async fn ask(url: &str, tls: &[(&str, Value)], directory: &Path) -> Result<(), String> {
    let settings = [("url", text(url)), ("tls", data("HttpTls", tls)), ("within", Value::Duration(0))];
    let outcome = Stage::new(LOOK).within(directory).run(&action(Verb::Http, &settings)).await;
    outcome.result.map_err(|fault| fault.message.replace(url, "SITE"))
}

#[tokio::test]
async fn only_who_has_a_certificate_is_believed() {
    let directory = tempfile::tempdir().unwrap();
    let (ours, others) = (authority("ours"), authority("others"));
    std::fs::write(directory.path().join("ca.pem"), others.pem() + &ours.pem()).unwrap();
    std::fs::write(directory.path().join("others.pem"), others.pem()).unwrap();
    std::fs::write(directory.path().join("no.pem"), "hello").unwrap();
    let url = serve("localhost", &ours, false);
    let ask = async |tls: &[(&str, Value)]| ask(&url, tls, directory.path()).await;
    assert_eq!(ask(&[("ca", text("ca.pem"))]).await, Ok(()));
    for tls in [vec![], vec![("ca", text("others.pem"))]] {
        let said = ask(&tls).await.unwrap_err();
        assert!(
            said.starts_with("it is not live: SITE does not answer: invalid peer certificate: UnknownIssuer"),
            "{said}"
        );
    }
    assert_eq!(ask(&[("insecure", Value::Bool(true))]).await, Ok(()));
    assert_eq!(ask(&[("ca", text("no.pem"))]).await.unwrap_err(), "`no.pem` does not have certificates in it");
}

#[tokio::test]
async fn a_certificate_is_of_one_name() {
    let directory = tempfile::tempdir().unwrap();
    let ours = authority("ours");
    std::fs::write(directory.path().join("ca.pem"), ours.pem()).unwrap();
    let url = serve("pond.example", &ours, false);
    let said = ask(&url, &[("ca", text("ca.pem"))], directory.path()).await.unwrap_err();
    assert!(said.starts_with("it is not live: SITE does not answer: invalid peer certificate"), "{said}");
}

#[tokio::test]
async fn who_asks_may_need_a_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let ours = authority("ours");
    let (certificate, key) = certificate("tadpole", &ours);
    std::fs::write(directory.path().join("ca.pem"), ours.pem()).unwrap();
    std::fs::write(directory.path().join("me.pem"), key.serialize_pem() + &certificate.pem()).unwrap();
    let url = serve("localhost", &ours, true);
    let (ca, me) = (("ca", text("ca.pem")), ("identity", text("me.pem")));
    assert_eq!(ask(&url, &[ca.clone(), me], directory.path()).await, Ok(()));
    let said = ask(&url, std::slice::from_ref(&ca), directory.path()).await.unwrap_err();
    assert!(said.starts_with("it is not live: SITE does not answer: "), "{said}");
    let said = ask(&url, &[ca, ("identity", text("ca.pem"))], directory.path()).await.unwrap_err();
    assert_eq!(said, "`ca.pem` does not have a certificate and its private key in it");
}
