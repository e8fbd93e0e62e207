use std::fmt;

use serde::{Deserialize, Serialize};

/// How far an operation had come when it failed. A run that dies before `Window` is *not started*, with the
/// stage's name, never *failed*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// Reading what was asked: arguments, files, configuration.
    Input,
    /// Reading or writing the data directory or the database.
    Storage,
    /// Resolving a host name.
    Resolve,
    /// Opening the TCP connection.
    Connect,
    /// Waiting for the server's greeting.
    Greeting,
    /// The TLS handshake, STARTTLS included, and the certificate checks.
    Tls,
    /// SASL.
    Authenticate,
    /// Commands after the login and before any message is handed over.
    Command,
    /// SMTP envelope: MAIL FROM and RCPT TO.
    Envelope,
    /// SMTP DATA, up to the final dot.
    Data,
    /// After the final dot: the server may or may not have taken the message.
    Accept,
    /// The window in which a client is judged.
    Window,
}

impl Stage {
    /// The stage's name as the JSON contracts write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Storage => "storage",
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Greeting => "greeting",
            Self::Tls => "tls",
            Self::Authenticate => "authenticate",
            Self::Command => "command",
            Self::Envelope => "envelope",
            Self::Data => "data",
            Self::Accept => "accept",
            Self::Window => "window",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the caller may do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RetryClass {
    /// The same request will fail again: somebody must change something first.
    Never,
    /// Temporary: try again later, unchanged.
    Later,
    /// The credential was refused: fetch a new one and try once more.
    NewCredential,
    /// Nobody knows whether it was done (SMTP after the final dot): ask, or look, before trying again.
    Unknown,
}

/// A failure with its stage and retry class: what the libraries of the LPS side return.
///
/// The message is for a person; it never holds a secret nor patient data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// How far the operation had come.
    pub stage: Stage,
    /// What the caller may do now.
    pub retry: RetryClass,
    /// What happened, for a person.
    pub message: String,
}

impl Failure {
    /// A failure that trying again will not mend.
    pub fn permanent(stage: Stage, message: impl Into<String>) -> Self {
        Self { stage, retry: RetryClass::Never, message: message.into() }
    }

    /// A failure that may be gone the next time.
    pub fn temporary(stage: Stage, message: impl Into<String>) -> Self {
        Self { stage, retry: RetryClass::Later, message: message.into() }
    }

    /// Whether the same request may succeed later without anybody's help.
    pub fn is_retryable(&self) -> bool {
        matches!(self.retry, RetryClass::Later | RetryClass::NewCredential)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage, self.message)
    }
}

impl std::error::Error for Failure {}
