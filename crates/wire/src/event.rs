use std::fmt;

use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Fact;

/// Names one connection for ever. Global, increasing, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionId(pub i64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Which server of the sandbox saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Service {
    /// IMAP.
    Imap,
    /// SMTP submission.
    Smtp,
    /// Pro Santé Connect.
    Psc,
    /// The lab's certificate authority over HTTP (CRLs, certificates).
    Pki,
    /// The sandbox's authoritative DNS.
    Dns,
    /// The sandbox of the Annuaire Santé's API.
    Directory,
    /// The bench itself: windows, adapters, verdicts.
    Bench,
}

impl Service {
    /// The name in logs and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Imap => "imap",
            Self::Smtp => "smtp",
            Self::Psc => "psc",
            Self::Pki => "pki",
            Self::Dns => "dns",
            Self::Directory => "directory",
            Self::Bench => "bench",
        }
    }
}

/// Where a connection came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The server.
    pub service: Service,
    /// Peer address and port, as `127.0.0.1:51324` or `[::1]:51324`.
    pub peer: String,
    /// The local port it reached.
    pub port: u16,
    /// Whether TLS starts with the first byte (implicit TLS) instead of after STARTTLS.
    pub implicit_tls: bool,
    /// The run that the listener was opened for; `None` on the fixed ports.
    pub run: Option<i64>,
}

/// One fact, dated and placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Place in the journal: global, increasing, never reused.
    pub seq: i64,
    /// When the server saw it.
    pub at: Timestamp,
    /// The connection it belongs to.
    pub connection: ConnectionId,
    /// The server that saw it.
    pub service: Service,
    /// What happened.
    #[serde(flatten)]
    pub fact: Fact,
}
