//! The Pro Santé Connect sandbox: an OpenID provider that a real client cannot tell from the ANS's sandbox, with test
//! identities that anybody may play.
//!
//! Two doors, as in the real service: the realm over HTTPS ([`Psc::realm`]: discovery, keys, tokens, attributes,
//! introspection, revocation, logout) and the wallet that a person's browser opens ([`Psc::wallet`]), which is plain HTTP on
//! loopback because a browser does not know the lab's authority.
//!
//! What lasts and what does not: the signing keys are kept on disk, so that a restart does not break clients that
//! remember the key set; identities and clients are registered again at each start by whoever owns them, and those that
//! a person made or changed on the wallet's pages are on disk too (secrets as digests); codes, sessions and tokens live
//! in memory only, and tokens as digests wherever they must be recognised (SC.MSS/CONF.28).
//!
//! It can misbehave on demand, for one client or for all: [`PscFault`], [`Psc::arm`].
//!
//! ```no_run
//! # fn main() -> Result<(), psc::Error> {
//! # let clock = kernel::Clock::system();
//! let psc = psc::Psc::open(psc::PscConfig::new("/var/lib/vaguemestre/psc", clock))?;
//! psc.add_identity(psc::Identity::test("899700000018"));
//! psc.register_client(psc::ClientRegistration::new(
//!     "lps",
//!     kernel::Secret::new("s3cret".into()),
//!     ["http://127.0.0.1:8801/psc/callback"],
//! ))?;
//! let tokens = psc.issue_tokens("899700000018", "lps", None)?;
//! assert!(psc.verifier().access(tokens.response.access_token.reveal(), psc.now()).is_ok());
//! # Ok(()) }
//! ```

mod awaited;
mod ciba;
mod client;
mod dn;
mod error;
mod fault;
mod forge;
mod http;
mod identity;
mod keyfile;
mod keys;
mod log;
mod notify;
mod provider;
mod registry;
mod samples;
mod session;
mod store;
mod telephone;
mod tokens;
mod trouble;
mod wallet;
mod witness;

pub use awaited::AwaitedLogin;
pub use client::{Automatic, ClientRegistration, ClientSettings};
pub use error::Error;
pub use fault::{ArmedFault, FaultState, PscFault, UnknownFault};
pub use identity::{Activity, Identity, Practice, Structure};
pub use log::ClientEvent;
pub use provider::{Psc, PscConfig};
pub use samples::samples;
pub use telephone::PendingRequest;
pub use tokens::{TokenSet, TokenWish};
