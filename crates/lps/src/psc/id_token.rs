//! The ID token, verified (OpenID Connect Core §3.1.3.7).
//!
//! Not [`oidc::Verifier`]: that one knows PSC's tokens as the sandbox writes them. A relying party meets whatever a
//! provider sends (an `aud` that is a list, a token without `kid` where there is one key), and must name what it
//! refuses.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::Timestamp;
use oidc::{Jwk, Jwks};
use serde_json::{Map, Value};

use super::Breach;

/// What an ID token is compared with.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    /// The request's nonce; `None` where the request has none (CIBA, refresh).
    pub(super) nonce: Option<&'a str>,
    pub(super) access_token: &'a str,
    pub(super) acr: &'a [String],
    pub(super) leeway: i64,
    pub(super) now: Timestamp,
}

/// A verified ID token.
#[derive(Debug)]
pub(super) struct IdToken {
    pub(super) sub: String,
    pub(super) claims: Map<String, Value>,
}

/// Verifies everything; the first rule broken, signature first.
pub(super) fn verify(token: &str, keys: &Jwks, expected: &Expected<'_>) -> Result<IdToken, Breach> {
    let claims = signed(token, keys)?;
    let text = |name: &'static str| claims.get(name).and_then(Value::as_str).ok_or(Breach::Claim(name));
    if text("iss")? != expected.issuer {
        return Err(Breach::Issuer);
    }
    let sub = text("sub")?.to_owned();
    if sub.is_empty() || sub.len() > 255 {
        return Err(Breach::Claim("sub"));
    }
    audience(&claims, expected.client_id)?;
    dates(&claims, expected)?;
    if expected.nonce.is_some_and(|nonce| claims.get("nonce").and_then(Value::as_str) != Some(nonce)) {
        return Err(Breach::Nonce);
    }
    if claims.get("at_hash").is_some_and(|hash| *hash != oidc::at_hash(expected.access_token)) {
        return Err(Breach::AccessTokenHash);
    }
    if claims.get("typ").is_some_and(|typ| typ != "ID") {
        return Err(Breach::Claim("typ"));
    }
    let acr = claims.get("acr").and_then(Value::as_str).unwrap_or_default();
    if expected.acr.iter().any(|accepted| accepted == acr) {
        Ok(IdToken { sub, claims })
    } else {
        Err(Breach::Level)
    }
}

fn signed(token: &str, keys: &Jwks) -> Result<Map<String, Value>, Breach> {
    if token.len() > oidc::LONGEST_TOKEN {
        return Err(Breach::Malformed);
    }
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Breach::Malformed);
    };
    let head = object(header)?;
    if head.get("alg").and_then(Value::as_str) != Some("RS256") {
        return Err(Breach::Algorithm);
    }
    if head.contains_key("crit") {
        return Err(Breach::Malformed); // RFC 7515 §4.1.11: an extension that we do not know
    }
    let kid = match head.get("kid") {
        None => None,
        Some(kid) => Some(kid.as_str().ok_or(Breach::Malformed)?),
    };
    let key = choose(keys, kid)?;
    let (n, e) = (decode(&key.n)?, decode(&key.e)?);
    let covered = &token[..header.len() + 1 + payload.len()];
    RsaPublicKeyComponents { n, e }
        .verify(&RSA_PKCS1_2048_8192_SHA256, covered.as_bytes(), &decode(signature)?)
        .map_err(|_| Breach::Signature)?;
    object(payload)
}

/// The key that the header names; without a name, the only one there is.
fn choose<'a>(keys: &'a Jwks, kid: Option<&str>) -> Result<&'a Jwk, Breach> {
    let mut usable = keys.keys.iter().filter(|key| {
        key.kty == "RSA"
            && key.usage.as_deref().is_none_or(|usage| usage == "sig")
            && key.alg.as_deref().is_none_or(|alg| alg == "RS256")
    });
    match kid {
        Some(kid) => usable.find(|key| key.kid == kid).ok_or(Breach::Key),
        None => match (usable.next(), usable.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err(Breach::Key),
            _ => Err(Breach::AmbiguousKey),
        },
    }
}

/// We are the audience, alone: nobody else is trusted with our tokens.
fn audience(claims: &Map<String, Value>, client_id: &str) -> Result<(), Breach> {
    let good = match claims.get("aud") {
        Some(Value::String(one)) => one == client_id,
        Some(Value::Array(all)) => !all.is_empty() && all.iter().all(|one| one == client_id),
        _ => return Err(Breach::Claim("aud")),
    };
    if !good {
        return Err(Breach::Audience);
    }
    match claims.get("azp") {
        Some(azp) if azp != client_id => Err(Breach::AuthorizedParty),
        _ => Ok(()),
    }
}

fn dates(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), Breach> {
    let seconds = |name: &'static str| claims.get(name).and_then(Value::as_i64).ok_or(Breach::Claim(name));
    let (exp, iat) = (seconds("exp")?, seconds("iat")?);
    let now = expected.now.as_second();
    if now >= exp.saturating_add(expected.leeway) {
        return Err(Breach::Expired);
    }
    let begins = match claims.get("nbf") {
        None => iat,
        Some(_) => iat.max(seconds("nbf")?),
    };
    if begins > now.saturating_add(expected.leeway) { Err(Breach::NotYetValid) } else { Ok(()) }
}

fn object(part: &str) -> Result<Map<String, Value>, Breach> {
    serde_json::from_slice(&decode(part)?).map_err(|_| Breach::Malformed)
}

fn decode(part: &str) -> Result<Vec<u8>, Breach> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Breach::Malformed)
}
