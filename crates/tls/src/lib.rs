//! TLS policy, raw ClientHello reading, the lab's certificate authorities and their CRLs, and the verifiers of both
//! sides.
//!
//! Why a crate of its own: everything that decides *whom to trust* is here, so that the mail servers, the Pro Santé
//! Connect sandbox and the connector cannot each have an opinion. Three choices follow from that:
//!
//! - **The ClientHello is read before rustls sees it.** A bench must say what a client *offered* (SC.MSS/CONF.01 and
//!   .03), also when no handshake follows: a TLS library only tells what was agreed.
//! - **Anchors are given, never found.** No store of the machine is consulted, and a certificate without a current
//!   CRL is refused (SC.MSS/CONF.22, .27): rustls checks no revocation at all when it is handed no CRL, and takes
//!   stale ones unless told otherwise, so neither can be left to its defaults.
//! - **No session is resumed.** Each connection shows its certificates again, so that a revocation counts at once and
//!   each handshake can be judged on its own.
//!
//! The cryptography is aws-lc-rs, passed explicitly everywhere; the process-wide default provider is never used.

mod acceptor;
mod canned;
mod client;
mod der;
mod error;
mod explain;
mod facts;
pub mod guide;
mod hello;
mod inventory;
mod lab;
pub mod policy;
mod stream;
mod visitor;

pub use acceptor::Acceptor;
pub use client::ClientTrust;
pub use error::{Error, Refusal};
pub use explain::explain;
pub use facts::certificate_facts;
pub use hello::parse_client_hello;
pub use inventory::{Inventory, Item, Score, inventory};
pub use lab::{BadClient, BadServer, Expected, Issued, Lab, LabNames, OcspAnswer, Text};
pub use stream::Stream;
pub use visitor::ClientCertificates;
