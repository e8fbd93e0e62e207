//! The Pro Santé Connect sandbox: an OpenID provider that a real client cannot tell from the ANS's sandbox, with test
//! identities that anybody may play.
//!
//! Two doors, as in the real service: the realm over HTTPS ([`Psc::realm`]: discovery, keys, tokens, attributes,
//! introspection, revocation, logout) and the wallet that a person's browser opens ([`Psc::wallet`]), which is plain HTTP on
//! loopback because a browser does not know the lab's authority.
//!
//! What lasts and what does not: the signing key is kept on disk, so that a restart does not break clients that
//! remember the key set; identities and clients are registered again at each start by whoever owns them; codes,
//! sessions and tokens live in memory only, and tokens as digests wherever they must be recognised (SC.MSS/CONF.28).
//!
//! The decoupled flow (CIBA), back-channel logout and token exchange are not offered, and not advertised.
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

mod client;
mod error;
mod http;
mod identity;
mod keyfile;
mod provider;
mod samples;
mod session;
mod tokens;
mod wallet;
mod witness;

pub use client::ClientRegistration;
pub use error::Error;
pub use identity::{Activity, Identity, Practice, Structure};
pub use provider::{Psc, PscConfig};
pub use samples::samples;
pub use tokens::TokenSet;
