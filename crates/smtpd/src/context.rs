use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use kernel::{Clock, Limits, Timing};

/// What every connection works with.
pub struct Context {
    /// Where facts go.
    pub journal: journal::Journal,
    /// The mailboxes. On the same database as the journal: a message and its events are one commit.
    pub store: mailstore::MailStore,
    /// The server side of TLS.
    pub acceptor: tls::Acceptor,
    /// The servers of the TLS lab, which a fault may put in the place of [`Self::acceptor`].
    pub tls_faults: TlsFaults,
    /// Who decides on logins.
    pub authenticator: Arc<dyn sasl::Authenticator>,
    /// Who decides where mail may go.
    pub recipients: Arc<dyn Recipients>,
    /// How much each mailbox has sent in the last minute, whichever listener and context it came to.
    pub rates: Arc<crate::Rates>,
    /// What is asked of a client before it may send.
    pub policy: Policy,
    /// The server's name in its greeting and in the Received line it adds.
    pub hostname: String,
    /// Sizes and counts.
    pub limits: Limits,
    /// Durations.
    pub timing: Timing,
    /// The hour.
    pub clock: Clock,
}

/// Finds the acceptor that a fault script names (`expired`, `wrong-host`…); `None` where there is none.
pub type TlsFaults = Arc<dyn Fn(&str) -> Option<tls::Acceptor> + Send + Sync>;

/// What is asked of a client before it may send. Neither setting ever lets a client log in without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// TLS before anything else (SC.MSS/CONF.05).
    pub require_tls: bool,
    /// A login before MAIL (RFC 6409 §4.3). Where it is `false`, a client that did not log in may use any sender.
    pub require_auth: bool,
}

impl Default for Policy {
    /// TLS and login required.
    fn default() -> Self {
        Self { require_tls: true, require_auth: true }
    }
}

/// How clients come in on one listener.
#[derive(Clone, Debug, Default)]
pub struct Endpoint {
    /// TLS from the first byte (465, RFC 8314) instead of STARTTLS (587).
    pub implicit_tls: bool,
    /// The run that the listener was opened for; `None` on the fixed ports.
    pub run: Option<i64>,
    /// What is offered before anybody is known.
    pub offer: sasl::Offer,
    /// Who says what goes wrong here; nothing does, by default.
    pub faults: faults::Asker,
}

/// A boxed future that may borrow.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Who decides where mail may go. Implemented by the operator; asked once for each RCPT.
pub trait Recipients: Send + Sync + 'static {
    /// Says what to do with mail for `address`: a well-formed address as the client wrote it, without angle
    /// brackets, in any case; or `postmaster` alone.
    fn resolve<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Resolution>;

    /// Whether who is logged in may send with that address, as envelope sender or as author. Asked for each message,
    /// so that a right that is taken away is gone.
    fn may_send_as(&self, login: &sasl::Granted, address: &str) -> bool {
        login.rights.send_as && address.eq_ignore_ascii_case(&login.mailbox)
    }

    /// How much may be sent from a mailbox; the server's own limits by default.
    fn allowance(&self, mailbox: &str) -> Allowance {
        let _ = mailbox;
        Allowance::default()
    }
}

/// How much may be sent from a mailbox. `None` leaves the server's own limit; a larger one is of no effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// Octets of one message.
    pub message: Option<u64>,
    /// Recipients of one message.
    pub recipients: Option<usize>,
    /// Messages in any minute.
    pub per_minute: Option<u32>,
}

/// What to do with mail for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Into the INBOX of that account of the mail store.
    Deliver {
        /// The account's number.
        account: i64,
    },
    /// The same, but late: the sender who wants to know is told of a delay first.
    Delayed {
        /// The account's number.
        account: i64,
        /// Why, for a person.
        text: String,
    },
    /// Taken at RCPT, and undeliverable afterwards: the sender who wants to know is told so by a notice (RFC 3464).
    Fails {
        /// Enhanced status code of class 5 (RFC 3463).
        status: &'static str,
        /// Why, for a person.
        text: String,
    },
    /// The client is told this reply.
    Refused {
        /// 4xx or 5xx.
        code: u16,
        /// The enhanced status code, whose class is the first digit of `code` (RFC 3463).
        enhanced: &'static str,
        /// Why, and what to do, for a person.
        text: String,
    },
    /// Nobody can say now: the client is told to try later (451 4.3.0).
    Unavailable,
}
