//! What happens on a connection, as typed facts.
//!
//! Servers state facts; `journal` keeps them; `rules` and `bench` judge them. Nothing here knows who reads.
//! Secrets are masked at birth: a token, a SASL response or a password has no field to go in. What identifies
//! a token in a transcript is its SHA-256 and the identifiers that it claims.

mod event;
mod fact;
mod line;
pub mod old_tls;
pub mod tls_fault;

pub use event::{ConnectionId, Event, Origin, Service};
pub use fact::{
    AuthFacts, AuthOutcome, CertificateFacts, ClientHelloFacts, Direction, Fact, MailFacts, SearchFacts,
    TlsFacts, TokenFacts,
};
pub use line::mask_line;
