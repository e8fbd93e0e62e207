use std::sync::Arc;

use kernel::{Clock, Limits, Timing};

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// TLS from the first byte (993, RFC 8314) instead of STARTTLS (143).
    pub implicit_tls: bool,
    /// The run that the listener was opened for; `None` on the fixed ports.
    pub run: Option<i64>,
    /// What is offered before anybody is known.
    pub offer: sasl::Offer,
}
