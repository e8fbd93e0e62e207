//! The LPS side: sessions that log in to a mailbox of the MSSanté trust space, fetch and send.
//!
//! A medical software embeds this crate, or runs it as a program of its own; it knows nothing of the bench that
//! judges it. Three rules shape it:
//!
//! - **Nothing before trust.** No credential leaves before TLS is up and the server's certificate, its revocation
//!   included, has been judged by the given authorities alone (SC.MSS/CONF.01, CONF.22, CONF.27). Where a server
//!   does not offer STARTTLS the session ends; what it said in clear is forgotten.
//! - **Failures are typed** ([`kernel::Failure`]: stage and retry class). A refused token is thrown away, renewed
//!   once, presented once more; never a loop, never a fall back to anything weaker.
//! - **After the final dot there is a third outcome**: accepted, refused, unknown ([`Outcome`]).
//!
//! The protocols' grammars live in the crates `imap`, `smtp` and `sasl`; here are the sockets.

mod account;
pub mod adapter;
mod auth;
mod credentials;
mod crl;
mod discover;
pub mod engine;
mod http;
mod imap_session;
pub mod psc;
mod refresh;
mod resolver;
mod smtp_session;
mod token;
mod transport;

pub use account::{Account, Endpoint, Patience, Security};
pub use credentials::{Credentials, TokenSource};
pub use crl::CrlStore;
pub use discover::{DiscoveryError, MailProtocol};
pub use imap_session::{Idled, ImapSession, Listed, Selected, Streamed};
pub use refresh::Refresh;
pub use resolver::Resolver;
pub use smtp_session::{Outcome, SmtpRefusal, SmtpSession};
