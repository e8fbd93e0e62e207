use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use crate::jwt;

/// The claims of a PSC access token, in the order of the sandbox tokens that were decoded. There is no `aud`:
/// the client is in `azp`.
///
/// Writing keeps exactly that form; reading tolerates what other PSC tokens leave out or add (`SubjectNameID`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// End of life, seconds since 1970.
    pub exp: i64,
    /// Birth, seconds since 1970.
    pub iat: i64,
    /// When the person identified herself, seconds since 1970; a refresh does not change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// The token's own identifier.
    pub jti: String,
    /// The environment (`…/auth/realms/esante-wallet`), compared exactly.
    pub iss: String,
    /// `f:<federation>:<national id>`; differs between environments, so never a key for accounts.
    pub sub: String,
    /// `Bearer` on an access token.
    pub typ: String,
    /// The client that the token was made for.
    #[serde(default)]
    pub azp: String,
    /// The request's nonce; empty where there was none.
    #[serde(default)]
    pub nonce: String,
    /// The session, under its older name.
    #[serde(default)]
    pub session_state: String,
    /// The session.
    #[serde(default)]
    pub sid: String,
    /// Level of the authentication: one of [`crate::ACR_ACCEPTED`].
    #[serde(default)]
    pub acr: String,
    /// Scopes granted.
    #[serde(default)]
    pub scope: String,
    /// `CARD` or `MOBILE`.
    #[serde(rename = "authMode", default, skip_serializing_if = "Option::is_none")]
    pub auth_mode: Option<String>,
    /// Identifiers with their origin.
    #[serde(rename = "otherIds", default, skip_serializing_if = "Vec::is_empty")]
    pub other_ids: Vec<OtherId>,
    /// The national identifier, usually.
    #[serde(default)]
    pub preferred_username: String,
    /// The national identifier, on tokens that carry it.
    #[serde(rename = "SubjectNameID", default, skip_serializing_if = "Option::is_none")]
    pub subject_name_id: Option<String>,
    /// The client certificate that the token is bound to, where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

/// What a certificate-bound token asks of whoever presents it (RFC 8705 §3.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// Digest of the certificate.
    #[serde(rename = "x5t#S256", default)]
    pub x5t_s256: String,
}

/// How the person identified herself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthMode {
    /// With a CPx card in a reader.
    Card,
    /// With e-CPS on a telephone.
    Mobile,
}

/// One entry of `otherIds`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherId {
    /// The identifier.
    #[serde(default)]
    pub identifiant: String,
    /// Who gave it: `RPPS`, `ADELI`, `EDIT`…
    #[serde(default)]
    pub origine: String,
    /// 1 for a main identifier.
    #[serde(default)]
    pub qualite: i64,
}

/// The claims of an ID token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdClaims {
    /// End of life, seconds since 1970.
    pub exp: i64,
    /// Birth, seconds since 1970.
    pub iat: i64,
    /// When the person identified herself, seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// The token's own identifier.
    pub jti: String,
    /// The environment.
    pub iss: String,
    /// The client.
    pub aud: String,
    /// `f:<federation>:<national id>`.
    pub sub: String,
    /// `ID`.
    pub typ: String,
    /// The client again.
    #[serde(default)]
    pub azp: String,
    /// The nonce of the authorization request, to be compared by the client.
    #[serde(default)]
    pub nonce: String,
    /// The session, under its older name.
    #[serde(default)]
    pub session_state: String,
    /// The session.
    #[serde(default)]
    pub sid: String,
    /// Ties the access token to this one: see [`at_hash`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    /// `eidas1`.
    #[serde(default)]
    pub acr: String,
    /// The national identifier.
    #[serde(rename = "SubjectNameID", default, skip_serializing_if = "Option::is_none")]
    pub subject_name_id: Option<String>,
    /// The national identifier, usually.
    #[serde(default)]
    pub preferred_username: String,
    /// First name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// Family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
}

/// What an unverified token says of itself, for a transcript: `(jti, national identifier)`. Nothing is checked, so
/// nothing may be decided on it. Each is cut to 128 printable characters; `None` where it cannot be read.
pub fn claimed(token: &str) -> (Option<String>, Option<String>) {
    let Ok(parts) = jwt::Parts::split(token) else { return (None, None) };
    let Ok(value) = parts.payload::<serde_json::Value>() else { return (None, None) };
    let text = |name: &str| value.get(name).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
    let other_ids: Option<Vec<OtherId>> =
        value.get("otherIds").and_then(|ids| serde_json::from_value(ids.clone()).ok());
    let identity = resolve(
        &text("SubjectNameID"),
        &text("preferred_username"),
        &other_ids.unwrap_or_default(),
        &text("sub"),
    );
    (printable(&text("jti")), identity.as_deref().and_then(printable))
}

/// `at_hash` of an access token: left half of its SHA-256, base64url (OpenID Connect Core §3.1.3.6 for RS256).
pub fn at_hash(access_token: &str) -> String {
    kernel::base64url(&kernel::sha256(access_token.as_bytes())[..16])
}

impl Claims {
    /// The national identifier, in PSC's order of trust: `SubjectNameID`, `preferred_username`, the RPPS entry of
    /// `otherIds`, the tail of `sub`. `None` where all four are empty.
    pub fn national_id(&self) -> Option<String> {
        let name_id = self.subject_name_id.as_deref().unwrap_or_default();
        resolve(name_id, &self.preferred_username, &self.other_ids, &self.sub)
    }

    /// End of life as an instant.
    pub fn expires(&self) -> Timestamp {
        Timestamp::from_second(self.exp).unwrap_or(Timestamp::MAX)
    }
}

impl Confirmation {
    /// The confirmation of this certificate (DER), in the RFC's form: base64url of its SHA-256.
    pub fn of(certificate: &[u8]) -> Self {
        Self { x5t_s256: kernel::base64url(&kernel::sha256(certificate)) }
    }

    /// Whether this is the certificate (DER). The ANS's own samples hold the base64 of the digest's *hexadecimal
    /// text*: that form is accepted beside the RFC's.
    pub fn matches(&self, certificate: &[u8]) -> bool {
        self.matches_digest(&kernel::sha256(certificate))
    }

    /// The same, where the certificate's SHA-256 is what is known of it.
    pub fn matches_digest(&self, digest: &[u8; 32]) -> bool {
        let hex = STANDARD.encode(kernel::hex(digest));
        self.x5t_s256 == kernel::base64url(digest)
            || self.x5t_s256.trim_end_matches('=') == hex.trim_end_matches('=')
    }
}

impl AuthMode {
    /// The claim's value.
    pub fn name(self) -> &'static str {
        match self {
            Self::Card => "CARD",
            Self::Mobile => "MOBILE",
        }
    }

    /// Reads the claim's value.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "CARD" => Some(Self::Card),
            "MOBILE" => Some(Self::Mobile),
            _ => None,
        }
    }

    /// The `acr` of an access token: cards give `eidas3` (decoded sandbox tokens); e-CPS is taken to give what was
    /// asked for, which no source confirms.
    pub fn acr(self) -> &'static str {
        match self {
            Self::Card => "eidas3",
            Self::Mobile => crate::ACR_REQUESTED,
        }
    }
}

fn resolve(name_id: &str, username: &str, others: &[OtherId], sub: &str) -> Option<String> {
    let rpps = others.iter().find(|other| other.origine == "RPPS").map_or("", |other| &other.identifiant);
    let tail = sub.rsplit(':').next().unwrap_or_default();
    [name_id, username, rpps, tail].into_iter().find(|id| !id.is_empty()).map(str::to_owned)
}

fn printable(text: &str) -> Option<String> {
    let kept: String = text.chars().filter(|c| !c.is_control()).take(128).collect();
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(origine: &str, identifiant: &str) -> OtherId {
        OtherId { identifiant: identifiant.into(), origine: origine.into(), qualite: 1 }
    }

    #[test]
    fn the_national_identifier_is_looked_for_in_order() {
        let others = [other("EDIT", "ANS1"), other("RPPS", "8C")];
        assert_eq!(resolve("8A", "8B", &others, "f:u:8D").as_deref(), Some("8A"));
        assert_eq!(resolve("", "8B", &others, "f:u:8D").as_deref(), Some("8B"));
        assert_eq!(resolve("", "", &others, "f:u:8D").as_deref(), Some("8C"));
        assert_eq!(
            resolve("", "", &others[..1], "f:u:500000001815646/CPAT00045").as_deref(),
            Some("500000001815646/CPAT00045")
        );
        assert_eq!(resolve("", "", &[], ""), None);
    }

    #[test]
    fn a_confirmation_is_read_in_both_forms() {
        // SHA-256("abc"), FIPS 180-2, appendix B.1.
        let rfc = Confirmation::of(b"abc");
        assert_eq!(rfc.x5t_s256, "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
        let hex = STANDARD.encode("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(rfc.matches(b"abc") && Confirmation { x5t_s256: hex }.matches(b"abc"));
        assert!(!rfc.matches(b"abd") && !Confirmation { x5t_s256: String::new() }.matches(b"abc"));
    }

    #[test]
    fn at_hash_is_the_left_half_of_the_digest() {
        // SHA-256("abc") begins with ba7816bf 8f01cfea 414140de 5dae2223 (FIPS 180-2, appendix B.1).
        assert_eq!(at_hash("abc"), "ungWv48Bz-pBQUDeXa4iIw");
    }
}
