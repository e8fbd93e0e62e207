use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use mss::Address;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// A mailbox and where its servers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The mailbox's address: also its name for SASL and in MAIL FROM.
    pub address: Address,
    /// Where mail is read.
    pub imap: Option<Endpoint>,
    /// Where mail is submitted.
    pub smtp: Option<Endpoint>,
}

/// One server. The port comes from the operator's DNS SRV records or from a setting, never from a constant
/// (SC.MSS/CONF.04).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Host name or address: what is resolved, what is sent as SNI and what the certificate must carry.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How TLS starts.
    pub security: Security,
    /// Where the host is, as [`crate::Resolver::discover`] found it; the system resolves its name where this is empty.
    #[serde(skip)]
    pub addresses: Vec<IpAddr>,
}

impl Endpoint {
    /// A server whose name the system resolves.
    pub fn new(host: impl Into<String>, port: u16, security: Security) -> Self {
        Self { host: host.into(), port, security, addresses: Vec::new() }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// How TLS starts. There is no third way: nothing is ever sent in clear (SC.MSS/CONF.01).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// In clear, then STARTTLS, required (SC.MSS/CONF.05, CONF.06).
    StartTls,
    /// TLS from the first octet (RFC 8314).
    Tls,
}

/// How long the client waits. Each wait also ends at `deadline`, where one is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the TCP connection, name resolution included.
    pub connect: Duration,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For the answer to a command.
    pub reply: Duration,
    /// For the answer to the final dot of DATA (RFC 5321 §4.5.3.2.6: 10 minutes).
    pub accept: Duration,
    /// The end of the whole operation.
    pub deadline: Option<Instant>,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            handshake: Duration::from_secs(15),
            reply: Duration::from_secs(60),
            accept: Duration::from_secs(600),
            deadline: None,
        }
    }
}

impl Patience {
    /// The same, with an end to the whole operation.
    pub fn until(self, deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// When a wait of `wait` that starts now is over.
    pub(crate) fn end(&self, wait: Duration) -> Instant {
        let end = Instant::now() + wait;
        self.deadline.map_or(end, |deadline| end.min(deadline))
    }
}
