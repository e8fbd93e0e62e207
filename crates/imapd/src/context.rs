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
    /// The servers of the TLS lab, for listeners with a fault script.
    pub tls_faults: TlsFaults,
    /// Who decides on logins.
    pub authenticator: Arc<dyn sasl::Authenticator>,
    /// Sizes and counts.
    pub limits: Limits,
    /// Durations.
    pub timing: Timing,
    /// The hour.
    pub clock: Clock,
}

/// Finds a server of the TLS lab by its name in a fault script (`expired`, `wrong-host`…); `None` where there is no
/// such. It is called in the middle of a connection: what takes long is done before the listener is opened.
pub type TlsFaults = Arc<dyn Fn(&str) -> Option<tls::Acceptor> + Send + Sync>;

/// How clients come in on one listener.
#[derive(Clone, Debug, Default)]
pub struct Endpoint {
    /// TLS from the first byte (993, RFC 8314) instead of STARTTLS (143).
    pub implicit_tls: bool,
    /// The run that the listener was opened for; `None` on the fixed ports.
    pub run: Option<i64>,
    /// What is offered before anybody is known.
    pub offer: sasl::Offer,
    /// Who says what goes wrong, and when.
    pub faults: faults::Asker,
}
