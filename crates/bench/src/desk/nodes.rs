use std::sync::Arc;
use std::time::Duration;

use rules::Protocol;
use rustls::ClientConfig;
use tokio::time::{Instant, timeout};

use super::probe::{self, PATIENCE, Place, Talk};
use crate::Bench;

/// One service of the sandbox, as the page *Nœuds* shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// `banc`, `imap`, `imaps`, `smtp`, `smtps`, `psc`, `pki`, `dns`, `annuaire`, `lps`.
    pub id: &'static str,
    /// Where it is: `localhost:1143`, or a URL. Empty where this build has none.
    pub address: String,
    /// Whether it answers.
    pub state: NodeState,
    /// What it said, or why it did not: a greeting, an HTTP status, an error.
    pub detail: String,
    /// How long it took to answer.
    pub took: Duration,
}

/// Whether a service answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// It does.
    Up,
    /// It does not.
    Down,
    /// It is not part of this build.
    Absent,
}

impl Bench {
    /// Asks every service for its greeting, all at once, for at most one second each. The probes come to the fixed ports without
    /// logging in, so no run takes them for its client.
    pub async fn nodes(&self) -> Vec<Node> {
        let parts = &self.shared.parts;
        let (imap, smtp) = (&parts.addresses.imap, &parts.addresses.smtp);
        let trust = probe::trust(&parts.lab, &parts.clock).map_err(|error| error.to_string());
        let crl = parts.addresses.crl_urls.first().map_or("", String::as_str);
        let discovery = parts.addresses.psc["discovery"].as_str().unwrap_or_default();
        let (imap, imaps, smtp, smtps, psc, pki) = tokio::join!(
            Box::pin(greeting("imap", Place::of(imap, "starttls"), Protocol::Imap)),
            Box::pin(secured("imaps", Place::of(imap, "tls"), Protocol::Imap, trust.clone())),
            Box::pin(greeting("smtp", Place::of(smtp, "starttls"), Protocol::Smtp)),
            Box::pin(secured("smtps", Place::of(smtp, "tls"), Protocol::Smtp, trust.clone())),
            Box::pin(page("psc", discovery, Some(trust))),
            Box::pin(page("pki", crl, None)),
        );
        let itself = Node {
            id: "banc",
            address: parts.addresses.server.clone(),
            state: NodeState::Up,
            detail: format!("version {}", env!("CARGO_PKG_VERSION")),
            took: Duration::ZERO,
        };
        let mut all = vec![itself, imap, imaps, smtp, smtps, psc, pki];
        all.extend(["dns", "annuaire", "lps"].map(absent));
        all
    }
}

fn absent(id: &'static str) -> Node {
    Node { id, address: String::new(), state: NodeState::Absent, detail: String::new(), took: Duration::ZERO }
}

/// Waits for the answer of one service, for one second at most.
async fn look(id: &'static str, address: String, ask: impl Future<Output = Result<String, String>>) -> Node {
    let start = Instant::now();
    let answer = timeout(PATIENCE, ask).await.unwrap_or_else(|_| Err(probe::late()));
    let took = start.elapsed();
    let (state, detail) = match answer {
        Ok(said) => (NodeState::Up, said),
        Err(why) => (NodeState::Down, why),
    };
    Node { id, address, state, detail, took }
}

async fn greeting(id: &'static str, place: Option<Place>, protocol: Protocol) -> Node {
    let Some(place) = place else { return absent(id) };
    look(id, place.to_string(), async {
        let mut talk = Talk::new(probe::connect(&place.resolve().await?).await?, protocol);
        let said = talk.greeting().await?;
        talk.leave().await;
        Ok(said)
    })
    .await
}

type Trust = Result<Arc<ClientConfig>, String>;

async fn secured(id: &'static str, place: Option<Place>, protocol: Protocol, trust: Trust) -> Node {
    let Some(place) = place else { return absent(id) };
    look(id, place.to_string(), async {
        let tcp = probe::connect(&place.resolve().await?).await?;
        let mut talk = Talk::new(probe::secure(tcp, &place.host, trust?).await?, protocol);
        let said = talk.greeting().await?;
        talk.leave().await;
        Ok(said)
    })
    .await
}

/// A page over HTTP, or over HTTPS where `trust` is given.
async fn page(id: &'static str, url: &str, trust: Option<Trust>) -> Node {
    let Some((place, path)) = Place::of_url(url) else { return absent(id) };
    look(id, url.to_owned(), async {
        let tcp = probe::connect(&place.resolve().await?).await?;
        match trust {
            Some(trust) => probe::get(probe::secure(tcp, &place.host, trust?).await?, &place, path).await,
            None => probe::get(tcp, &place, path).await,
        }
    })
    .await
}
