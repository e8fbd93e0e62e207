//! An IMAP server that lets everybody in, for measuring and for other people's test suites:
//! `serve PORT DIRECTORY [PROFILE]`, TLS from the first byte on PORT.
//!
//! Any user logs in with the token `lab` (XOAUTH2); the mailbox is made at the first login. The rest is the real
//! thing: store, journal, TLS. Ends on Ctrl-C or TERM.

use std::error::Error;
use std::future::Future;
use std::io::Write as _;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use imapd::{Context, Endpoint};
use kernel::{Clock, Limits, Timing};
use mailstore::MailStore;
use sasl::{
    Attempt, Authenticator, Credentials, Granted, Mechanism, Offer, Profile, Refusal, RefusalCode, Rights,
};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use wire::{CertificateFacts, TokenFacts};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(port), Some(dir)) = (arguments.next(), arguments.next()) else {
        return Err("usage: serve PORT DIRECTORY [PROFILE]".into());
    };
    let profile = match arguments.next() {
        Some(name) => Profile::parse(&name).ok_or("no such profile")?,
        None => Profile::default(),
    };
    let offer = Offer { profile, oauthbearer: false };
    let (port, dir): (u16, _) = (port.parse()?, PathBuf::from(dir));
    std::fs::create_dir_all(&dir)?;
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(tracing::Level::WARN).init();

    let clock = Clock::system();
    let db = db::Db::open_sqlite(&dir.join("data.sqlite")).await?;
    let store = MailStore::open(&db, clock.clone()).await?;
    let names = tls::LabNames { domains: vec![], crl_base: "http://127.0.0.1:9".into() };
    let context = Context {
        journal: journal::Journal::open(&db, clock.clone()).await?,
        store: store.clone(),
        acceptor: tls::Lab::open(&dir.join("pki"), &names, &clock)?.acceptor(),
        authenticator: Arc::new(Everybody { store, offer }),
        limits: Limits::default(),
        timing: Timing::real(),
        clock,
    };
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    writeln!(std::io::stdout(), "listening on {}", listener.local_addr()?)?;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let endpoint = Endpoint { implicit_tls: true, offer, ..Endpoint::default() };
    let server = tokio::spawn(imapd::serve(Arc::new(context), listener, endpoint, stopped));
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

/// Whoever knows the token has the mailbox that they name.
struct Everybody {
    store: MailStore,
    offer: Offer,
}

impl Authenticator for Everybody {
    fn authenticate<'a>(
        &'a self,
        attempt: Attempt,
    ) -> Pin<Box<dyn Future<Output = Result<Granted, Refusal>> + Send + 'a>> {
        Box::pin(async move {
            let Credentials::Xoauth2 { user, token } = &attempt.credentials else {
                return Err(Refusal::new(RefusalCode::MechanismNotAllowed, "XOAUTH2 only"));
            };
            if token.reveal() != "lab" {
                return Err(Refusal::new(RefusalCode::TokenMalformed, "the token is `lab`"));
            }
            let address = if user.contains('@') { user.clone() } else { format!("{user}@bench.test") };
            let account = self
                .store
                .create_account(&address)
                .await
                .map_err(|error| Refusal::new(RefusalCode::Unavailable, error.to_string()))?;
            Ok(Granted {
                mailbox: account.address,
                identity: user.clone(),
                account: account.id,
                offer: self.offer,
                rights: Rights::ALL,
            })
        })
    }

    fn token_facts(&self, _: &Credentials) -> Option<TokenFacts> {
        None
    }

    fn mechanisms(&self, _: Option<&CertificateFacts>, _: &Offer) -> Vec<Mechanism> {
        vec![Mechanism::Xoauth2]
    }
}
