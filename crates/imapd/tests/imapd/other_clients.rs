//! Clients that others wrote: Python's imaplib, curl.

use std::process::Stdio;

use tokio::process::Command;

use crate::bench::{APP, Bench, EXPIRED, PER, TOKEN};

async fn run(program: &str, arguments: &[&str]) -> (bool, String) {
    let child = Command::new(program).args(arguments).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(std::time::Duration::from_secs(30), child).await.expect("in time");
    let output = output.unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/imapd/session.py");

#[tokio::test]
async fn imaplib_goes_through_a_whole_session() {
    let bench = Bench::start().await;
    for (port, mode) in [(bench.clear, "starttls"), (bench.tls, "tls")] {
        let port = port.to_string();
        let (good, text) = run("python3", &[SCRIPT, mode, &port, &bench.ca(), PER, TOKEN, EXPIRED]).await;
        assert!(good, "{mode}: {text}");
    }
}

#[tokio::test]
async fn imaplib_logs_in_with_a_certificate() {
    let bench = Bench::start().await;
    let issued = bench.certificate("163254178");
    let file = bench.dir.path().join("app.pem");
    std::fs::write(&file, format!("{}{}", issued.chain_pem, issued.key_pem.reveal())).unwrap();
    let file = file.to_str().unwrap();
    let port = bench.clear.to_string();
    let (good, text) = run("python3", &[SCRIPT, "external", &port, &bench.ca(), APP, file, ""]).await;
    assert!(good, "{text}");
}

#[tokio::test]
async fn curl_reads_a_message() {
    let bench = Bench::start().await;
    bench.deliver("INBOX", b"Subject: pour curl\r\n\r\nbonjour\r\n").await;
    let ca = bench.ca();
    let user = format!("{PER}:");
    for (scheme, port) in [("imaps", bench.tls), ("imap", bench.clear)] {
        let url = format!("{scheme}://localhost:{port}/INBOX;MAILINDEX=1");
        let common = ["-sS", "--ssl-reqd", "--ipv4", "--url", &url, "-u", &user, "--cacert", &ca];
        let (good, text) = run("curl", &[&common[..], &["--oauth2-bearer", TOKEN]].concat()).await;
        assert!(good && text.contains("bonjour"), "{scheme}: {text}");
        let (good, _) = run("curl", &[&common[..], &["--oauth2-bearer", EXPIRED]].concat()).await;
        assert!(!good);
    }
}
