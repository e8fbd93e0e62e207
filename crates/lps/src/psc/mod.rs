//! A relying party of Pro Santé Connect that stands behind a server, and the sessions that it opens.
//!
//! PSC speaks to servers only (a workstation or a telephone must not hold a client's credentials), so the browser gets
//! an address and an opaque handle, and everything else stays here. Three decisions follow from the rules:
//!
//! - **Everything is verified before anybody is logged in** (OpenID Connect Core §3.1.3.7, RFC 9207): [`Breach`] names
//!   the rule that an answer breaks. RS256 and nothing else; an unsigned or HMAC token is refused whatever it says.
//! - **Tokens live in memory** ([`kernel::Secret`], wiped on drop; SC.MSS/CONF.28) and are fetched when a connection
//!   needs one. One renewal at a time for each session: PSC replaces the refresh token at each use.
//! - **Only a person prolongs a session.** Background work may use a session that a person uses; it cannot keep one
//!   alive that nobody uses. [`Session::touch`] is that person; two hours without it lock the session (SC.SSI/IE.58).
//!
//! ```no_run
//! # async fn example(tls: std::sync::Arc<rustls::ClientConfig>, query: &str) -> Result<(), lps::psc::Error> {
//! use lps::psc::{ClientAuthentication, Config, LoginOptions, RelyingParty};
//!
//! let secret = kernel::Secret::new("client secret".to_owned());
//! let issuer = "https://auth.bas.psc.esante.gouv.fr/auth/realms/esante-wallet";
//! let config =
//!     Config::new(issuer, "lps", ClientAuthentication::Basic(secret), "https://lps.example/psc/callback", tls);
//! let party = RelyingParty::new(config, kernel::Clock::system())?;
//! let login = party.begin_login(LoginOptions::default()).await?; // the browser goes to `login.url`, keeps `login.handle`
//! let session = party.finish_login(&login.handle, query).await?; // `query` of the callback
//! let credentials = session.credentials(); // opens the person's mailboxes
//! # drop(credentials);
//! # Ok(()) }
//! ```

mod config;
mod decoupled;
mod error;
mod id_token;
mod login;
mod logout;
mod person;
mod provider;
mod session;
mod sessions;

pub use config::{ClientAuthentication, Config, Lives};
pub use decoupled::{Decoupled, DecoupledRequest, Poll, binding_message};
pub use error::{Breach, Error};
pub use login::{Login, LoginOptions, RelyingParty};
pub use logout::Logout;
pub use person::Person;
pub use session::{Session, State};
pub use sessions::Sessions;
