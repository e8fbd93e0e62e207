//! [`tls::ClientTrust`] against our own server and against OpenSSL's.

use std::process::Stdio;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tls::{ClientTrust, Lab};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio_rustls::TlsConnector;

use crate::support::*;

fn crls(lab: &Lab) -> Vec<Vec<u8>> {
    lab.crls().into_iter().map(|(_, der)| der).collect()
}

/// Connects and reads the greeting; a refusal comes back explained.
async fn connect(address: &str, host: &'static str, config: Arc<ClientConfig>) -> Result<String, String> {
    let tcp = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from(host).unwrap();
    let mut session = TlsConnector::from(config).connect(name, tcp).await.map_err(|error| {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        tls::explain(inner.unwrap_or_else(|| panic!("not a TLS error: {error}")))
    })?;
    let mut greeting = String::new();
    session.read_to_string(&mut greeting).await.map_err(|error| error.to_string())?;
    Ok(greeting)
}

#[tokio::test]
async fn our_server_is_trusted_by_each_of_its_names() {
    let (_dir, lab) = lab();
    let mut server = Server::start(lab.acceptor()).await;
    let address = server.address.to_string();
    let issued = lab.issue_auth_cli("163254178", "S").unwrap();
    for host in [
        "localhost",
        "127.0.0.1",
        "::1",
        "mail-tests-editeur.lab.example",
        "imap.mail-tests-editeur.lab.example",
    ] {
        let trust = ClientTrust::new(lab.ca_pem(), &crls(&lab)).unwrap();
        let trust = trust.with_certificate(&issued.chain_pem, &issued.key_pem).unwrap();
        let greeting = connect(&address, host, trust.config().unwrap()).await.unwrap();
        assert_eq!(greeting.trim_end(), GREETING);
        let visit = server.visit().await;
        assert_eq!(visit.established().certificate.as_ref(), Some(&issued.facts));
        assert_eq!(visit.established().version, "TLSv1.3");
        assert_eq!(visit.hello().versions, [0x0304, 0x0303]);
        // What our own client offers is within ANSSI's list (the signalling value is no suite).
        assert!(
            visit.hello().suites.iter().all(|suite| tls::policy::SUITES.contains(suite) || *suite == 0x00ff)
        );
    }
}

#[tokio::test]
async fn another_host_name_is_refused() {
    let (_dir, lab) = lab();
    let server = Server::start(lab.acceptor()).await;
    let trust = ClientTrust::new(lab.ca_pem(), &crls(&lab)).unwrap().config().unwrap();
    let refusal = connect(&server.address.to_string(), "mail.example.org", trust).await.unwrap_err();
    assert!(refusal.contains("does not carry the name “mail.example.org”"), "{refusal}");
    assert!(refusal.contains("localhost"), "{refusal}");
}

#[tokio::test]
async fn a_missing_crl_is_refused_and_named() {
    let (_dir, lab) = lab();
    let server = Server::start(lab.acceptor()).await;
    let address = server.address.to_string();
    let [root, organisations] = crls(&lab).try_into().unwrap();
    for (given, missing, url) in [
        (vec![], "“TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS LAB”", "/CRL/ACI-EL-ORG-LAB.crl"),
        (vec![root], "“TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS LAB”", "/CRL/ACI-EL-ORG-LAB.crl"),
        (vec![organisations], "“TEST AC RACINE IGC-SANTE ELEMENTAIRE LAB”", "/CRL/ACR-EL-LAB.crl"),
    ] {
        let trust = ClientTrust::new(lab.ca_pem(), &given).unwrap().config().unwrap();
        let refusal = connect(&address, "localhost", trust).await.unwrap_err();
        assert!(
            refusal.contains("no CRL of") && refusal.contains(missing) && refusal.contains(url),
            "{refusal}"
        );
    }
}

#[tokio::test]
async fn a_stale_crl_is_refused_and_a_newer_one_beside_it_helps() {
    let dir = tempfile::TempDir::new().unwrap();
    let stale = crls(&Lab::open(dir.path(), &names(), &days_ago(8)).unwrap());
    let lab = open(dir.path());
    let server = Server::start(lab.acceptor()).await;
    let address = server.address.to_string();
    let trust = ClientTrust::new(lab.ca_pem(), &stale).unwrap().config().unwrap();
    let refusal = connect(&address, "localhost", trust).await.unwrap_err();
    assert!(refusal.contains("the CRL is stale: its next update was due on 2"), "{refusal}");

    let both = [stale.clone(), crls(&lab)].concat();
    let trust = ClientTrust::new(lab.ca_pem(), &both).unwrap().config().unwrap();
    assert!(connect(&address, "localhost", trust).await.is_ok());
}

#[tokio::test]
async fn a_revoked_server_is_refused() {
    let (_dir, lab) = lab();
    let server = Server::start(lab.acceptor()).await;
    let address = server.address.to_string();
    let before = crls(&lab);
    lab.revoke(&lab.server_certificate().unwrap().serial).unwrap();
    let trust = |crls: &[Vec<u8>]| ClientTrust::new(lab.ca_pem(), crls).unwrap().config().unwrap();
    let refusal = connect(&address, "localhost", trust(&crls(&lab))).await.unwrap_err();
    assert!(refusal.contains("revoked"), "{refusal}");
    assert!(
        connect(&address, "localhost", trust(&before)).await.is_ok(),
        "the control with the CRL of before"
    );
}

#[tokio::test]
async fn an_expired_server_is_refused() {
    let (_dir, lab) = lab();
    let server = Server::start(lab.acceptor()).await;
    let later = kernel::Clock::system().now() + std::time::Duration::from_secs(400 * 86_400);
    let (clock, _hands) = kernel::Clock::manual(later);
    let trust = ClientTrust::new(lab.ca_pem(), &crls(&lab)).unwrap().with_clock(&clock).config().unwrap();
    let refusal = connect(&server.address.to_string(), "localhost", trust).await.unwrap_err();
    let end = lab.server_certificate().unwrap().not_after;
    assert_eq!(refusal, format!("the certificate expired on {end}"));
}

#[tokio::test]
async fn a_lab_of_the_same_names_and_another_key_is_refused() {
    let (_dir, lab) = lab();
    let (_other_dir, other) = crate::support::lab();
    let server = Server::start(lab.acceptor()).await;
    let trust = ClientTrust::new(other.ca_pem(), &crls(&other)).unwrap().config().unwrap();
    let refusal = connect(&server.address.to_string(), "localhost", trust).await.unwrap_err();
    assert!(refusal.contains("not signed by the key") || refusal.contains("anchors"), "{refusal}");
}

#[tokio::test]
async fn another_authority_is_refused_though_its_root_is_trusted() {
    // An authority of another name under the lab's own root, with its CRL at hand: only its name is wrong.
    let (dir, lab) = lab();
    let dir = dir.path();
    let [ca, ca_key] = authority(dir, "other", "AC IGC-SANTE ELEMENTAIRE PERSONNES").await;
    let [cert, key] = leaf(dir, "wrong", &ca, &ca_key, "extendedKeyUsage=serverAuth").await;
    let mut server = SServer::start(&cert, &key, &ca, &[]).await;
    let trust = ClientTrust::new(lab.ca_pem(), &crls(&lab)).unwrap().config().unwrap();
    let refusal = connect(&server.address, "localhost", trust).await.unwrap_err();
    assert!(
        refusal.contains("not IGC-Santé Élémentaire Organisations: “AC IGC-SANTE ELEMENTAIRE PERSONNES”"),
        "{refusal}"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_certificate_without_the_server_purpose_is_refused() {
    let (dir, lab) = lab();
    let dir = dir.path();
    let [ca, ca_key] = ["organisations.pem", "organisations.key"].map(|name| path(dir, name));
    for (name, extension, accepted) in [
        ("client", "extendedKeyUsage=clientAuth", false),
        ("none", "keyUsage=digitalSignature", false),
        ("good", "extendedKeyUsage=serverAuth", true),
    ] {
        let [cert, key] = leaf(dir, name, &ca, &ca_key, extension).await;
        let mut server = SServer::start(&cert, &key, &ca, &[]).await;
        let trust = ClientTrust::new(lab.ca_pem(), &crls(&lab)).unwrap().config().unwrap();
        let tcp = TcpStream::connect(&server.address).await.unwrap();
        let handshake =
            TlsConnector::from(trust).connect(ServerName::try_from("localhost").unwrap(), tcp).await;
        match handshake {
            Ok(_) => assert!(accepted, "{name} was accepted"),
            Err(error) => {
                let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
                let refusal = inner.map(tls::explain).unwrap_or_default();
                assert!(!accepted && refusal.contains("not meant for"), "{name}: {error}");
            }
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn a_server_of_tls_1_1_is_refused() {
    let (dir, lab) = lab();
    let dir = dir.path();
    let [ca, ca_key] = ["organisations.pem", "organisations.key"].map(|name| path(dir, name));
    let [cert, key] = leaf(dir, "old", &ca, &ca_key, "extendedKeyUsage=serverAuth").await;
    let mut server = SServer::start(&cert, &key, &ca, &["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"]).await;
    let trust = ClientTrust::new(lab.ca_pem(), &crls(&lab)).unwrap().config().unwrap();
    let refusal = connect(&server.address, "localhost", trust).await.unwrap_err();
    assert!(refusal.contains("no TLS version in common"), "{refusal}");
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_used_is_said_at_once() {
    let (_dir, lab) = lab();
    let crls = crls(&lab);
    let refusal = |result: Result<ClientTrust, tls::Error>| result.err().unwrap().to_string();
    assert!(refusal(ClientTrust::new("", &crls)).contains("no self-signed certificate"));
    let intermediate = &lab.ca_pem()[lab.ca_pem().rfind("-----BEGIN").unwrap()..];
    assert!(refusal(ClientTrust::new(intermediate, &crls)).contains("no self-signed certificate"));
    assert!(refusal(ClientTrust::new(&lab.ca_pem()[..600], &crls)).contains("bundle"));
    assert!(refusal(ClientTrust::new(lab.ca_pem(), &[b"<html>".to_vec()])).contains("not a CRL"));
    let (_, mut broken) = lab.crls().remove(0);
    broken.truncate(broken.len() - 1);
    assert!(refusal(ClientTrust::new(lab.ca_pem(), &[broken])).contains("not a CRL"));
    let (one, two) = (lab.issue_auth_cli("1", "S").unwrap(), lab.issue_auth_cli("2", "S").unwrap());
    let trust = || ClientTrust::new(lab.ca_pem(), &crls).unwrap();
    let swapped = trust().with_certificate(&one.chain_pem, &two.key_pem).unwrap().config();
    assert!(swapped.unwrap_err().to_string().contains("client certificate cannot be used"));
    let none = kernel::Secret::new(String::from("hunter2"));
    let error = refusal(trust().with_certificate(&one.chain_pem, &none));
    assert!(error.contains("not a private key") && !error.contains("hunter2"), "{error}");
}

/// An authority under the lab's root, made with OpenSSL.
async fn authority(dir: &std::path::Path, name: &str, common_name: &str) -> [String; 2] {
    let extensions = put(
        dir,
        &format!("{name}.ext"),
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign",
    );
    signed(dir, name, common_name, &path(dir, "root.pem"), &path(dir, "root.key"), &extensions).await
}

async fn leaf(dir: &std::path::Path, name: &str, ca: &str, ca_key: &str, extension: &str) -> [String; 2] {
    let extensions = put(dir, &format!("{name}.ext"), format!("{extension}\nsubjectAltName=DNS:localhost"));
    signed(dir, name, name, ca, ca_key, &extensions).await
}

async fn signed(
    dir: &std::path::Path,
    name: &str,
    cn: &str,
    ca: &str,
    ca_key: &str,
    extensions: &str,
) -> [String; 2] {
    let [cert, key, request] = ["crt", "key", "csr"].map(|kind| path(dir, &format!("made-{name}.{kind}")));
    let subject = format!("/C=FR/CN={cn}");
    openssl_ok(&[
        "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", &key, "-out", &request, "-subj", &subject,
    ])
    .await;
    openssl_ok(&[
        "x509", "-req", "-in", &request, "-CA", ca, "-CAkey", ca_key, "-days", "2", "-extfile", extensions,
        "-out", &cert,
    ])
    .await;
    [cert, key]
}

/// `openssl s_server` on a free port.
struct SServer {
    address: String,
    child: Child,
}

impl SServer {
    async fn start(cert: &str, key: &str, chain: &str, more: &[&str]) -> Self {
        let mut child = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-cert", cert, "-key", key, "-cert_chain", chain])
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("openssl is in PATH");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = loop {
            let line = lines.next_line().await.unwrap().expect("s_server says where it listens");
            if let Some(address) = line.strip_prefix("ACCEPT ") {
                break address.to_owned();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { address, child }
    }

    async fn stop(&mut self) {
        self.child.kill().await.unwrap();
    }
}
