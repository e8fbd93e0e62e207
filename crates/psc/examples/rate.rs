//! How fast the sandbox issues and refreshes, over HTTPS with 16 keep-alive connections, and how fast a token is
//! verified: `cargo run --release -p psc --example rate`. Client and server share the machine's cores. With `--journal` each
//! request is told to a journal too, as `vaguemestre up` does.

#![allow(clippy::print_stdout, clippy::unwrap_used)] // a measuring tool: it prints, and stops where it cannot go on

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kernel::{Clock, Secret};
use oidc::{TokenRequest, TokenResponse};
use psc::{Automatic, ClientRegistration, Identity, Psc, PscConfig};
use tls::{ClientTrust, Lab, LabNames};
use tokio::net::TcpListener;
use tokio::sync::watch;

const CONNECTIONS: usize = 16;
const DURATION: Duration = Duration::from_secs(5);
const DOCTOR: &str = "899700000018";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let data = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    let names = LabNames { domains: vec!["psc.lab.test".into()], crl_base: "http://127.0.0.1:1".into() };
    let lab = Lab::open(&data.path().join("pki"), &names, &clock).unwrap();
    let crls: Vec<Vec<u8>> = lab.crls().into_iter().map(|(_, der)| der).collect();
    let trust = ClientTrust::new(lab.ca_pem(), &crls).unwrap().config().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut config = PscConfig::new(data.path().join("psc"), clock);
    config.issuer = format!("https://localhost:{port}/auth/realms/esante-wallet");
    if std::env::args().any(|argument| argument == "--journal") {
        let db = db::Db::open_sqlite(&data.path().join("journal.sqlite")).await.unwrap();
        config.journal = Some(journal::Journal::open(&db, Clock::system()).await.unwrap());
    }
    let psc = Psc::open(config).unwrap();
    psc.add_identity(Identity::test(DOCTOR));
    let client = ClientRegistration::new("lps", Secret::new("s3cret".into()), ["http://localhost:9/cb"]);
    psc.register_client(client.automatic(Automatic::Accept)).unwrap();
    let (_stop, stopped) = watch::channel(false);
    let tls = lab.acceptor().https_with_clients().unwrap();
    tokio::spawn(web::serve_https(listener, psc.realm(), tls, stopped));

    let before = resident_kb();
    refresh(&psc, &trust).await;
    println!("memory added under load: {} KiB (client included)", resident_kb().saturating_sub(before));
    issue(&psc);
    verify(&psc);
}

async fn refresh(psc: &Psc, trust: &Arc<rustls::ClientConfig>) {
    let done = Arc::new(AtomicU64::new(0));
    let end = Instant::now() + DURATION;
    let mut tasks = Vec::new();
    for _ in 0..CONNECTIONS {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(rustls::ClientConfig::clone(trust))
            .no_proxy()
            .build()
            .unwrap();
        let address = format!("{}/protocol/openid-connect/token", psc.issuer());
        let mut token = psc.issue_tokens(DOCTOR, "lps", None).unwrap().response.refresh_token.unwrap();
        let done = done.clone();
        tasks.push(tokio::spawn(async move {
            let secret = Secret::new("s3cret".to_owned());
            while Instant::now() < end {
                let body = TokenRequest::Refresh { refresh_token: &token }.body(Some(("lps", &secret)));
                let answer = http
                    .post(&address)
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(body.reveal().clone())
                    .send()
                    .await
                    .unwrap();
                let status = answer.status().as_u16();
                let tokens = TokenResponse::parse(status, &answer.bytes().await.unwrap()).unwrap();
                token = tokens.refresh_token.unwrap();
                done.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let count = done.load(Ordering::Relaxed);
    println!("refreshes over HTTPS: {:.0} per second", count as f64 / DURATION.as_secs_f64());
}

/// On one thread, without HTTP: two signatures each.
fn issue(psc: &Psc) {
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < Duration::from_secs(3) {
        psc.issue_tokens(DOCTOR, "lps", None).unwrap();
        count += 1;
    }
    println!(
        "sessions issued, one thread: {:.0} per second",
        f64::from(count) / start.elapsed().as_secs_f64()
    );
}

fn verify(psc: &Psc) {
    let set = psc.issue_tokens(DOCTOR, "lps", None).unwrap();
    let (verifier, now) = (psc.verifier(), psc.now());
    let (start, rounds) = (Instant::now(), 20_000_u32);
    for _ in 0..rounds {
        verifier.access(set.response.access_token.reveal(), now).unwrap();
    }
    println!("verification: {:.1} µs", start.elapsed().as_secs_f64() * 1e6 / f64::from(rounds));
}

fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("Pss:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).unwrap_or(0)
}
