//! OpenID Connect as Pro Santé Connect speaks it, without I/O and without a clock.
//!
//! One crate for both sides: the sandbox (`psc`) signs and answers with it, the operator verifies logins with
//! [`Verifier`], the LPS connector asks for tokens with [`TokenRequest`] and reads them with [`TokenResponse`]. Whoever
//! calls gives the hour (`now`), so a verdict can be replayed.
//!
//! Why not one of the OpenID crates: PSC differs where they are strict (no `aud` on the access token, a discovery
//! document under another name, an `acr` that is not the one asked for), and a bench must be able to say *which*
//! rule a token breaks. Cryptography itself is `jsonwebtoken` over aws-lc-rs, RS256 and nothing else.
//!
//! Facts about PSC come from decoded sandbox tokens and from the ANS's own clients; `acr` other than `eidas1` on
//! access tokens is one of them (cards give `eidas3`).

mod ciba;
mod claims;
mod discovery;
mod form;
mod grant;
mod jwt;
mod key;
mod logout;
pub mod pkce;
mod verify;

pub use ciba::{CIBA_GRANT, CibaAnswer, CibaRequest};
pub use claims::{AuthMode, Claims, Confirmation, IdClaims, OtherId, at_hash, claimed};
pub use discovery::Discovery;
pub use form::{Form, RepeatedParameter, decode_component, encode_pairs};
pub use grant::{
    ACCESS_TOKEN_TYPE, EXCHANGE_GRANT, ErrorBody, ErrorCode, ResponseError, TokenRequest, TokenResponse,
    basic_credentials,
};
pub use key::{Jwk, Jwks, KeyError, SigningKey};
pub use logout::LogoutClaims;
pub use verify::{TokenError, Verifier};

/// Scopes that an authorization request must hold (PSC documentation: `openid scope_all`).
pub const SCOPE: &str = "openid scope_all";

/// The only value of `acr_values` that PSC accepts in a request.
pub const ACR_REQUESTED: &str = "eidas1";

/// The `acr` values that a token may carry: the one asked for, and the higher ones that a card gives.
pub const ACR_ACCEPTED: [&str; 3] = ["eidas1", "eidas2", "eidas3"];

/// `typ` of a token got by exchange. PSC's access tokens say `Bearer`: the two must never open each other's doors.
pub const API_TOKEN: &str = "API";

/// Longest token that is looked at, in bytes. PSC's are 1 to 2 kB; SASL allows 12 288.
pub const LONGEST_TOKEN: usize = 16 * 1024;
