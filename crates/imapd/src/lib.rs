//! The sandbox operator's IMAP server. (Signatures first; the body follows.)

use std::sync::Arc;

use kernel::{Clock, Limits, Timing};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What every connection works with.
pub struct Context {
    /// Where facts go.
    pub journal: journal::Journal,
    /// The mailboxes.
    pub store: mailstore::MailStore,
    /// The server side of TLS.
    pub acceptor: tls::Acceptor,
    /// Who decides on logins.
    pub authenticator: Arc<dyn sasl::Authenticator>,
    /// Sizes and counts.
    pub limits: Limits,
    /// Durations.
    pub timing: Timing,
    /// The hour.
    pub clock: Clock,
}

/// How clients come in on one listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// TLS from the first byte (993) instead of STARTTLS (143).
    pub implicit_tls: bool,
    /// The run that the listener was opened for; `None` on the fixed ports.
    pub run: Option<i64>,
}

/// Accepts connections until `shutdown` becomes `true` (or its sender is dropped), then says `* BYE` on those that
/// are open, records their end, and returns when all are closed.
pub async fn serve(
    context: Arc<Context>,
    listener: TcpListener,
    endpoint: Endpoint,
    mut shutdown: watch::Receiver<bool>,
) {
    let _ = (context, listener, endpoint);
    let _ = shutdown.wait_for(|down| *down).await;
}
