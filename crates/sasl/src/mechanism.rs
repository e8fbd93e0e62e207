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
    /// RFC 7628: the same token in a GS2 envelope.
    OauthBearer,
}

impl Mechanism {
    /// Finds a mechanism by its registered name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("XOAUTH2") {
            Some(Self::Xoauth2)
        } else if name.eq_ignore_ascii_case("EXTERNAL") {
            Some(Self::External)
        } else if name.eq_ignore_ascii_case("OAUTHBEARER") {
            Some(Self::OauthBearer)
        } else {
            None
        }
    }

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::External => "EXTERNAL",
            Self::Xoauth2 => "XOAUTH2",
            Self::OauthBearer => "OAUTHBEARER",
        }
    }

    /// Whether it carries a token, and so is refused with a [`Challenge`] first.
    pub fn is_bearer(self) -> bool {
        matches!(self, Self::Xoauth2 | Self::OauthBearer)
    }
}

/// Longest authorization identity of EXTERNAL, in octets.
const LONGEST_IDENTITY: usize = 320;

/// What a client claims, decoded. `Debug` never shows the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// `base64(authorization identity)`; empty where the client leaves the choice to the certificate.
    External {
        /// The mailbox asked for, or empty.
        authzid: String,
    },
    /// A bearer token, from XOAUTH2 (`base64("user=" BAL 0x01 "auth=Bearer " token 0x01 0x01)`) or from OAUTHBEARER
    /// (`base64("n,a=" BAL "," 0x01 "auth=Bearer " token 0x01 0x01)`, RFC 7628 §3.1).
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
            // A token sent under the wrong mechanism's name would otherwise be kept as a mailbox's name.
            Mechanism::External if text.len() > LONGEST_IDENTITY || text.contains(char::is_control) => {
                Err(DecodeError::Identity)
            }
            Mechanism::External => Ok(Self::External { authzid: text }),
            Mechanism::Xoauth2 => decode_xoauth2(&text),
            Mechanism::OauthBearer => decode_oauthbearer(&text),
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
                token = Some(bearer(value)?);
            }
            Some(("user" | "auth", _)) => return Err(DecodeError::Repeated),
            _ => {} // other key=value pairs (host, port) may be there, as in RFC 7628
        }
    }
    let user = user.filter(|user| !user.is_empty()).ok_or(DecodeError::User)?;
    Ok(Credentials::Xoauth2 { user, token: token.ok_or(DecodeError::Bearer)? })
}

/// RFC 7628 §3.1: a GS2 header (RFC 5801 §4), then key=value pairs, each ended with 0x01, then one more.
fn decode_oauthbearer(text: &str) -> Result<Credentials, DecodeError> {
    let (header, pairs) = text.split_once('\x01').ok_or(DecodeError::Ending)?;
    let mut parts = header.splitn(3, ',');
    // "p=" asks for a channel binding, which this mechanism does not have.
    if !matches!(parts.next(), Some("n" | "y")) {
        return Err(DecodeError::Gs2);
    }
    let authzid = parts.next().ok_or(DecodeError::Gs2)?;
    if parts.next() != Some("") {
        return Err(DecodeError::Gs2);
    }
    let user = match authzid.strip_prefix("a=") {
        Some(name) => saslname(name)?,
        None if authzid.is_empty() => return Err(DecodeError::Authzid),
        None => return Err(DecodeError::Gs2),
    };
    // What is left is XOAUTH2's own form without its user.
    let body = pairs.strip_suffix("\x01\x01").ok_or(DecodeError::Ending)?;
    let mut token = None;
    for field in body.split('\x01') {
        let Some(("auth", value)) = field.split_once('=') else { continue };
        if token.is_some() {
            return Err(DecodeError::Repeated);
        }
        token = Some(bearer(value)?);
    }
    Ok(Credentials::Xoauth2 { user, token: token.ok_or(DecodeError::Bearer)? })
}

/// RFC 5801 §4: `=2C` is a comma, `=3D` an equals sign, and nothing else is escaped.
fn saslname(name: &str) -> Result<String, DecodeError> {
    let mut pieces = name.split('=');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (sign, rest) = match (piece.strip_prefix("2C"), piece.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return Err(DecodeError::Gs2),
        };
        out.push(sign);
        out.push_str(rest);
    }
    if out.is_empty() { Err(DecodeError::Authzid) } else { Ok(out) }
}

fn bearer(value: &str) -> Result<Secret<String>, DecodeError> {
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() => {
            Ok(Secret::new(token.to_owned()))
        }
        _ => Err(DecodeError::Bearer),
    }
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
    /// EXTERNAL with an identity that no mailbox has: over 320 octets (RFC 5321 §4.5.3.1: 64, `@`, 255), or with a control
    /// character (RFC 4422 §3.4.1 forbids NUL). Usually the response of another mechanism.
    #[error("the authorization identity is no mailbox: it holds a control character, or is over 320 octets")]
    Identity,
    /// XOAUTH2 or OAUTHBEARER that does not end with two 0x01.
    #[error("the response ends with two 0x01 octets")]
    Ending,
    /// XOAUTH2 without `user=`.
    #[error("an XOAUTH2 response names its mailbox: user=<address>")]
    User,
    /// OAUTHBEARER that does not begin with a GS2 header without channel binding.
    #[error("an OAUTHBEARER response begins with n,a=<address>, and 0x01")]
    Gs2,
    /// OAUTHBEARER without an authorization identity.
    #[error("an OAUTHBEARER response names its mailbox: n,a=<address>,")]
    Authzid,
    /// XOAUTH2 or OAUTHBEARER without `auth=Bearer `.
    #[error("the response holds auth=Bearer <token>")]
    Bearer,
    /// The same key twice.
    #[error("the response repeats a key")]
    Repeated,
}

/// The JSON that a server sends before it refuses a token. The client answers XOAUTH2's with an empty line, and
/// OAUTHBEARER's with 0x01 (in base64, `AQ==`, RFC 7628 §3.2.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// `401` (refused) or `400` (malformed); in OAUTHBEARER `invalid_token` or `invalid_request`.
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

    /// The one that a mechanism refuses with, for a token or for a response that cannot be read.
    pub fn of(mechanism: Mechanism, readable: bool) -> Self {
        let status = match (mechanism, readable) {
            // The two values of RFC 6750 §3.1 that fit, as RFC 7628 §3.2.2 wants them.
            (Mechanism::OauthBearer, true) => "invalid_token",
            (Mechanism::OauthBearer, false) => "invalid_request",
            (_, true) => "401",
            (_, false) => "400",
        };
        Self { status: status.into(), ..Self::refused() }
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

/// The OAUTHBEARER response of a client, in base64.
pub fn oauthbearer_response(user: &str, token: &Secret<String>) -> Secret<String> {
    let name = user.replace('=', "=3D").replace(',', "=2C");
    Secret::new(STANDARD.encode(format!("n,a={name},\x01auth=Bearer {}\x01\x01", token.reveal())))
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
        let token = Secret::new("x".repeat(400));
        for other in [STANDARD.encode(token.reveal()), xoauth2_response("a@b", &token).reveal().clone()] {
            let refused = Credentials::decode(Mechanism::External, &other);
            assert_eq!(refused.unwrap_err(), DecodeError::Identity, "a token is no identity");
        }
        assert_eq!(
            Credentials::decode(Mechanism::External, &STANDARD.encode("a\0b")).unwrap_err(),
            DecodeError::Identity
        );
    }

    #[test]
    fn oauthbearer_is_read_as_the_rfc_writes_it() {
        // RFC 7628 §4.1, with its host and port.
        let wire = "n,a=user@example.com,\x01host=server.example.com\x01port=143\x01\
auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01";
        let read = Credentials::decode(Mechanism::OauthBearer, &STANDARD.encode(wire)).unwrap();
        let token = Secret::new("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==".to_owned());
        assert_eq!(read, Credentials::Xoauth2 { user: "user@example.com".into(), token: token.clone() });
        let odd = oauthbearer_response("a,b=c@x", &token);
        let read = Credentials::decode(Mechanism::OauthBearer, odd.reveal()).unwrap();
        assert_eq!(read.user(), "a,b=c@x");
        let bad = |raw: &str| Credentials::decode(Mechanism::OauthBearer, &STANDARD.encode(raw)).unwrap_err();
        assert_eq!(bad("n,,\x01auth=Bearer t\x01\x01"), DecodeError::Authzid);
        assert_eq!(bad("p=tls-unique,a=u,\x01auth=Bearer t\x01\x01"), DecodeError::Gs2);
        assert_eq!(bad("n,a=u\x01auth=Bearer t\x01\x01"), DecodeError::Gs2);
        assert_eq!(bad("n,a=u=41,\x01auth=Bearer t\x01\x01"), DecodeError::Gs2);
        assert_eq!(bad("n,a=u,\x01auth=Bearer t\x01"), DecodeError::Ending);
        assert_eq!(bad("n,a=u,\x01auth=Basic t\x01\x01"), DecodeError::Bearer);
        assert_eq!(bad("n,a=u,\x01host=x\x01\x01"), DecodeError::Bearer);
        assert_eq!(bad("n,a=u,\x01auth=Bearer t\x01auth=Bearer t\x01\x01"), DecodeError::Repeated);
        let refused = Challenge::of(Mechanism::OauthBearer, true);
        assert_eq!(decode_challenge(&refused.encode()).unwrap().status, "invalid_token");
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
            let _ = Credentials::decode(Mechanism::OauthBearer, &text);
            let _ = Credentials::decode(Mechanism::OauthBearer, &STANDARD.encode(&text));
            let _ = decode_challenge(&text);
        }

        #[test]
        fn what_a_client_writes_a_server_reads(user in "[a-z0-9.@-]{1,60}", token in "[A-Za-z0-9._-]{1,3000}") {
            let token = Secret::new(token);
            let read = Credentials::decode(Mechanism::Xoauth2, xoauth2_response(&user, &token).reveal()).unwrap();
            prop_assert_eq!(read, Credentials::Xoauth2 { user: user.clone(), token: token.clone() });
            let other = oauthbearer_response(&user, &token);
            let read = Credentials::decode(Mechanism::OauthBearer, other.reveal()).unwrap();
            prop_assert_eq!(read, Credentials::Xoauth2 { user, token });
        }
    }
}
