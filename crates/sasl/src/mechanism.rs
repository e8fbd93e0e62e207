use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::Secret;
use serde::{Deserialize, Serialize};

/// The mechanisms that the sandbox's operator knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mechanism {
    /// RFC 4422 appendix A, over mutual TLS.
    External,
    /// Google's XOAUTH2, as MSSanté uses it with the PSC access token (spec 01 §3.3).
    Xoauth2,
}

impl Mechanism {
    /// Finds a mechanism by its registered name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("XOAUTH2") {
            Some(Self::Xoauth2)
        } else if name.eq_ignore_ascii_case("EXTERNAL") {
            Some(Self::External)
        } else {
            None
        }
    }

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::External => "EXTERNAL",
            Self::Xoauth2 => "XOAUTH2",
        }
    }
}

/// What a client claims, decoded. `Debug` never shows the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// `base64(authorization identity)`; empty where the client leaves the choice to the certificate.
    External {
        /// The mailbox asked for, or empty.
        authzid: String,
    },
    /// `base64("user=" BAL 0x01 "auth=Bearer " token 0x01 0x01)`.
    Xoauth2 {
        /// The mailbox asked for.
        user: String,
        /// The PSC access token.
        token: Secret<String>,
    },
}

impl Credentials {
    /// Decodes the client's response line (without its line end). `=` stands for an empty response (RFC 4959 §3).
    ///
    /// # Errors
    /// [`DecodeError`] says which part is wrong; it never quotes the response.
    pub fn decode(mechanism: Mechanism, response: &str) -> Result<Self, DecodeError> {
        let bytes = match response {
            "=" => Vec::new(),
            text => STANDARD.decode(text).map_err(|_| DecodeError::Base64)?,
        };
        let text = String::from_utf8(bytes).map_err(|_| DecodeError::Utf8)?;
        match mechanism {
            Mechanism::External if text.contains('\0') => Err(DecodeError::Identity),
            Mechanism::External => Ok(Self::External { authzid: text }),
            Mechanism::Xoauth2 => decode_xoauth2(&text),
        }
    }

    /// The mailbox that the client asks for; empty where EXTERNAL names none.
    pub fn user(&self) -> &str {
        match self {
            Self::External { authzid } => authzid,
            Self::Xoauth2 { user, .. } => user,
        }
    }
}

fn decode_xoauth2(text: &str) -> Result<Credentials, DecodeError> {
    let body = text.strip_suffix("\x01\x01").ok_or(DecodeError::Ending)?;
    let (mut user, mut token) = (None, None);
    for field in body.split('\x01') {
        match field.split_once('=') {
            Some(("user", value)) if user.is_none() => user = Some(value.to_owned()),
            Some(("auth", value)) if token.is_none() => {
                let (scheme, rest) = value.split_once(' ').ok_or(DecodeError::Bearer)?;
                if !scheme.eq_ignore_ascii_case("bearer") || rest.is_empty() {
                    return Err(DecodeError::Bearer);
                }
                token = Some(Secret::new(rest.to_owned()));
            }
            Some(("user" | "auth", _)) => return Err(DecodeError::Repeated),
            _ => {} // other key=value pairs (host, port) may be there, as in RFC 7628
        }
    }
    let user = user.filter(|user| !user.is_empty()).ok_or(DecodeError::User)?;
    Ok(Credentials::Xoauth2 { user, token: token.ok_or(DecodeError::Bearer)? })
}

/// Why a response could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not base64 (RFC 4648 §4, padded).
    #[error("the response is not base64")]
    Base64,
    /// Not UTF-8 once decoded.
    #[error("the decoded response is not UTF-8")]
    Utf8,
    /// EXTERNAL with a NUL in the identity.
    #[error("the authorization identity holds a NUL")]
    Identity,
    /// XOAUTH2 that does not end with two 0x01.
    #[error("an XOAUTH2 response ends with two 0x01 octets")]
    Ending,
    /// XOAUTH2 without `user=`.
    #[error("an XOAUTH2 response names its mailbox: user=<address>")]
    User,
    /// XOAUTH2 without `auth=Bearer `.
    #[error("an XOAUTH2 response holds auth=Bearer <token>")]
    Bearer,
    /// The same key twice.
    #[error("the XOAUTH2 response repeats a key")]
    Repeated,
}

/// The JSON that a server sends before it refuses an XOAUTH2 response; the client answers with an empty line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// `401` (refused) or `400` (malformed).
    pub status: String,
    /// `bearer`.
    pub schemes: String,
    /// `mail`, as seen on a real MSSanté operator (spec 01 §3.3).
    #[serde(default)]
    pub scope: String,
}

impl Challenge {
    /// The one seen on a real operator: `{"status":"401","schemes":"bearer","scope":"mail"}`.
    pub fn refused() -> Self {
        Self { status: "401".into(), schemes: "bearer".into(), scope: "mail".into() }
    }

    /// In base64, as it goes after `334 ` or `+ `.
    pub fn encode(&self) -> String {
        STANDARD.encode(serde_json::to_string(self).expect("three strings serialise"))
    }
}

/// Reads a server's challenge; `None` where it is not one.
pub fn decode_challenge(text: &str) -> Option<Challenge> {
    serde_json::from_slice(&STANDARD.decode(text.trim()).ok()?).ok()
}

/// The XOAUTH2 response of a client, in base64.
pub fn xoauth2_response(user: &str, token: &Secret<String>) -> Secret<String> {
    Secret::new(STANDARD.encode(format!("user={user}\x01auth=Bearer {}\x01\x01", token.reveal())))
}

/// The EXTERNAL response of a client, in base64; `=` where no identity is asked for.
pub fn external_response(authzid: &str) -> String {
    if authzid.is_empty() { "=".into() } else { STANDARD.encode(authzid) }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // Vectors of spec 01, appendix A.1.
    const RESPONSE: &str = "dXNlcj1kci50ZXN0QG1lZGVjaW4ubXNzYW50ZS5mcgFhdXRoPUJlYXJlciBhYmMBAQ==";
    const REFUSED: &str = "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsIn0=";

    #[test]
    fn the_response_is_the_one_of_the_specification() {
        let token = Secret::new("abc".to_owned());
        assert_eq!(xoauth2_response("dr.test@medecin.mssante.fr", &token).reveal(), RESPONSE);
        let read = Credentials::decode(Mechanism::Xoauth2, RESPONSE).unwrap();
        assert_eq!(read, Credentials::Xoauth2 { user: "dr.test@medecin.mssante.fr".into(), token });
        assert!(!format!("{read:?}").contains("abc"));
    }

    #[test]
    fn the_challenge_is_the_one_seen_on_a_real_operator() {
        assert_eq!(Challenge::refused().encode(), REFUSED);
        assert_eq!(decode_challenge(REFUSED), Some(Challenge::refused()));
        assert_eq!(decode_challenge("plain text"), None);
    }

    #[test]
    fn malformed_responses_are_named() {
        let decode = |raw: &str| Credentials::decode(Mechanism::Xoauth2, &STANDARD.encode(raw)).unwrap_err();
        assert_eq!(Credentials::decode(Mechanism::Xoauth2, "@@").unwrap_err(), DecodeError::Base64);
        assert_eq!(decode("user=a\x01auth=Bearer t\x01"), DecodeError::Ending);
        assert_eq!(decode("auth=Bearer t\x01\x01"), DecodeError::User);
        assert_eq!(decode("user=a\x01auth=Basic t\x01\x01"), DecodeError::Bearer);
        assert_eq!(decode("user=a\x01user=b\x01auth=Bearer t\x01\x01"), DecodeError::Repeated);
        assert_eq!(
            Credentials::decode(Mechanism::External, &STANDARD.encode("a\0b")).unwrap_err(),
            DecodeError::Identity
        );
    }

    #[test]
    fn external_may_leave_the_identity_to_the_certificate() {
        assert_eq!(Credentials::decode(Mechanism::External, "=").unwrap().user(), "");
        assert_eq!(
            Credentials::decode(Mechanism::External, &external_response("a@b")).unwrap().user(),
            "a@b"
        );
    }

    proptest! {
        #[test]
        fn decoding_never_panics(text in ".{0,200}") {
            let _ = Credentials::decode(Mechanism::Xoauth2, &text);
            let _ = Credentials::decode(Mechanism::External, &text);
            let _ = decode_challenge(&text);
        }

        #[test]
        fn what_a_client_writes_a_server_reads(user in "[a-z0-9.@-]{1,60}", token in "[A-Za-z0-9._-]{1,3000}") {
            let token = Secret::new(token);
            let read = Credentials::decode(Mechanism::Xoauth2, xoauth2_response(&user, &token).reveal()).unwrap();
            prop_assert_eq!(read, Credentials::Xoauth2 { user, token });
        }
    }
}
