//! A server that takes mail in clear and without login, for measuring: `accept PORT DIRECTORY`.
//!
//! Everything else is the real thing: the message and its events are one durable commit before each `250`. Mail for
//! any address in `bench.test` goes to the INBOX of `u1@bench.test`. Ends on Ctrl-C or TERM.

use std::error::Error;
use std::future::Future;
use std::io::Write as _;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use kernel::{Clock, Limits, Timing};
use sasl::{Attempt, Authenticator, Credentials, Granted, Mechanism, Offer, Refusal, RefusalCode};
use smtpd::{BoxFuture, Context, Endpoint, Policy, Recipients, Resolution};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use wire::{CertificateFacts, TokenFacts};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(port), Some(dir), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("usage: accept PORT DIRECTORY".into());
    };
    let (port, dir): (u16, _) = (port.parse()?, PathBuf::from(dir));
    std::fs::create_dir_all(&dir)?;
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(tracing::Level::WARN).init();

    let clock = Clock::system();
    let db = db::Db::open_sqlite(&dir.join("data.sqlite")).await?;
    let journal = journal::Journal::open(&db, clock.clone()).await?;
    let store = mailstore::MailStore::open(&db, clock.clone()).await?;
    let account = store.create_account("u1@bench.test").await?.id;
    let names = tls::LabNames { domains: vec![], crl_base: "http://127.0.0.1:9".into() };
    let lab = tls::Lab::open(&dir.join("pki"), &names, &clock)?;
    let mut limits = Limits::default();
    limits.connections_per_minute = u32::MAX; // the load comes from one address
    limits.commands_per_minute = u32::MAX;
    let context = Context {
        journal,
        store,
        acceptor: lab.acceptor(),
        tls_faults: Arc::new(|_| None),
        authenticator: Arc::new(Nobody),
        recipients: Arc::new(Everybody { account }),
        rates: Arc::default(),
        policy: Policy { require_tls: false, require_auth: false },
        hostname: "bench.test".into(),
        limits,
        timing: Timing::real(),
        clock,
    };
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    writeln!(std::io::stdout(), "listening on {}", listener.local_addr()?)?;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let server = tokio::spawn(smtpd::serve(Arc::new(context), listener, Endpoint::default(), stopped));
    let mut term = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = term.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    stop.send(true)?;
    server.await?;
    db.close().await;
    Ok(())
}

/// Everybody in `bench.test` shares one mailbox; nobody else exists.
struct Everybody {
    account: i64,
}

impl Recipients for Everybody {
    fn resolve<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Resolution> {
        Box::pin(async move {
            if address.ends_with("@bench.test") {
                Resolution::Deliver { account: self.account }
            } else {
                Resolution::Refused { code: 550, enhanced: "5.1.1", text: "Only bench.test is served".into() }
            }
        })
    }
}

/// Nobody can log in.
struct Nobody;

impl Authenticator for Nobody {
    fn authenticate<'a>(
        &'a self,
        _: Attempt,
    ) -> Pin<Box<dyn Future<Output = Result<Granted, Refusal>> + Send + 'a>> {
        Box::pin(async { Err(Refusal::new(RefusalCode::MechanismNotAllowed, "No login on this server")) })
    }

    fn token_facts(&self, _: &Credentials) -> Option<TokenFacts> {
        None
    }

    fn mechanisms(&self, _: Option<&CertificateFacts>, _offer: &Offer) -> Vec<Mechanism> {
        vec![]
    }
}
