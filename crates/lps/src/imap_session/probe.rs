//! A connection up to its TLS, for whoever wants to know why there is none. No credential is sent.

use std::collections::VecDeque;
use std::sync::Arc;

use imap::client::{ResponseReader, Tags};
use kernel::{Failure, Stage};
use rustls::ClientConfig;
use rustls_pki_types::CertificateDer;

use super::ImapSession;
use crate::transport::{Transport, Unshaken};
use crate::{Endpoint, Patience, Security};

/// What a server showed.
#[derive(Debug)]
pub(crate) struct Probe {
    /// Its certificates, its own first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// What it offers once TLS is up, in upper case.
    pub(crate) capabilities: Vec<String>,
}

/// Why there is nothing to show.
pub(crate) struct Unprobed {
    pub(crate) failure: Failure,
    /// TLS' own word, where TLS was refused.
    pub(crate) tls: Option<rustls::Error>,
}

impl From<Failure> for Unprobed {
    fn from(failure: Failure) -> Self {
        Self { failure, tls: None }
    }
}

impl From<Unshaken> for Unprobed {
    fn from(unshaken: Unshaken) -> Self {
        Self { failure: unshaken.failure, tls: unshaken.cause }
    }
}

impl ImapSession {
    /// Connects, raises TLS, asks what is offered, and leaves.
    pub(crate) async fn probe(
        endpoint: &Endpoint,
        tls: &Arc<ClientConfig>,
        patience: Patience,
    ) -> Result<Probe, Unprobed> {
        // In clear at first whatever the endpoint says, so that the handshake's own word is at hand.
        let plain = Endpoint { security: Security::StartTls, ..endpoint.clone() };
        let transport = Transport::connect(&plain, tls, patience).await?;
        let mut session = Self {
            transport,
            reader: ResponseReader::default(),
            pending: VecDeque::new(),
            tags: Tags::new(),
            capabilities: Vec::new(),
            preauthenticated: false,
            asked: VecDeque::new(),
            stirred: false,
            selected: None,
            broken: false,
        };
        if endpoint.security == Security::StartTls {
            session.greeting().await?;
            session.ask_for_tls().await?;
        }
        let transport = session.transport.shake_hands().await?;
        let mut session = Self {
            transport,
            reader: ResponseReader::default(),
            pending: VecDeque::new(),
            capabilities: Vec::new(),
            ..session
        };
        if endpoint.security == Security::Tls {
            session.greeting().await?;
        }
        // In TLS 1.3 a server that minds our certificate says so on the first read only.
        session
            .ask_capabilities()
            .await
            .map_err(|failure| Failure { stage: later(failure.stage), ..failure })?;
        let probe =
            Probe { chain: session.transport.server_chain(), capabilities: session.capabilities.clone() };
        session.logout().await;
        Ok(probe)
    }
}

/// A refusal of TLS stays one; the rest is of the greeting's time.
fn later(stage: Stage) -> Stage {
    if stage == Stage::Tls { stage } else { Stage::Greeting }
}
