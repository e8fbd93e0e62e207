use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey};
use kernel::Timestamp;
use serde::de::DeserializeOwned;

use crate::claims::{Claims, IdClaims, at_hash};
use crate::key::Jwks;
use crate::{ACR_ACCEPTED, LogoutClaims, jwt};

/// Verifies PSC tokens against the keys of one environment, or of several: no network, no clock.
///
/// ```
/// # use oidc::{Jwks, TokenError, Verifier};
/// let verifier = Verifier::new("https://localhost:8802/auth/realms/esante-wallet", &Jwks::default());
/// assert_eq!(verifier.access("not a token", kernel::Timestamp::UNIX_EPOCH), Err(TokenError::Malformed));
/// ```
#[derive(Clone)]
pub struct Verifier {
    /// Never empty; the first is the environment's own.
    realms: Vec<Realm>,
    leeway: Duration,
}

/// An issuer and its keys: a key of one never vouches for another.
#[derive(Clone)]
struct Realm {
    issuer: String,
    keys: Arc<Vec<(String, DecodingKey)>>,
}

/// The first rule that a token breaks, in the order in which the rules are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Not three base64url parts with JSON in them, or without a claim that every PSC token has. Usual cause: a
    /// truncated token, or something else sent in its place.
    #[error("the token cannot be read as a signed JWT")]
    Malformed,
    /// Signed with something else than RS256, `none` and HMAC included. Usual cause: a forged token.
    #[error("the token is not signed with RS256")]
    Algorithm,
    /// Its `kid` is not in the JWKS. Usual cause: another environment, or keys fetched too long ago.
    #[error("the token's key is not one of this Pro Santé Connect's")]
    UnknownKey,
    /// The signature does not match. Usual cause: a changed token.
    #[error("the token's signature does not match")]
    Signature,
    /// The right key for another environment.
    #[error("the token was issued by another environment")]
    Issuer,
    /// An ID token for another client.
    #[error("the token was issued for another client")]
    Audience,
    /// Its life is over. Usual cause: a client that does not refresh.
    #[error("the token has expired")]
    Expired,
    /// It is from the future. Usual cause: a clock that is wrong.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The nonce is not the one of the request. Usual cause: an answer to another request.
    #[error("the token answers another request")]
    Nonce,
    /// The level of authentication is not accepted.
    #[error("the token's authentication level is not accepted")]
    Acr,
    /// An ID or refresh token in an access token's place, or the reverse.
    #[error("the token is of another kind than expected")]
    Type,
    /// The access token received beside it is another one.
    #[error("the access token is not the one that this ID token announces")]
    AccessTokenHash,
}

impl Verifier {
    /// A verifier for one issuer and its keys, with no leeway: right for a server on the same clock as PSC.
    pub fn new(issuer: impl Into<String>, keys: &Jwks) -> Self {
        Self { realms: vec![Realm::new(issuer.into(), keys)], leeway: Duration::ZERO }
    }

    /// Accepts the tokens of one more issuer, with its own keys; a second set for the same issuer replaces the first.
    /// For an operator that also serves clients of another Pro Santé Connect (the ANS's sandbox); the key set comes
    /// from a file or an address, which is the caller's affair.
    #[must_use]
    pub fn and(mut self, issuer: impl Into<String>, keys: &Jwks) -> Self {
        let realm = Realm::new(issuer.into(), keys);
        match self.realms.iter_mut().find(|known| known.issuer == realm.issuer) {
            Some(known) => *known = realm,
            None => self.realms.push(realm),
        }
        self
    }

    /// How far clocks may differ. An operator on another machine allows at most 30 s.
    #[must_use]
    pub fn with_leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// The first issuer whose tokens are accepted: the environment's own.
    pub fn issuer(&self) -> &str {
        self.realms.first().map_or("", |realm| &realm.issuer)
    }

    /// All issuers whose tokens are accepted.
    pub fn issuers(&self) -> impl Iterator<Item = &str> {
        self.realms.iter().map(|realm| realm.issuer.as_str())
    }

    /// Verifies an access token: form, algorithm, key, signature, issuer, dates, level, kind.
    ///
    /// # Errors
    /// The first rule broken, in that order.
    pub fn access(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        let claims: Claims = self.signed(token)?;
        self.check_dates(claims.iat, claims.exp, now)?;
        check_acr(&claims.acr)?;
        if claims.typ == "Bearer" { Ok(claims) } else { Err(TokenError::Type) }
    }

    /// Verifies a token of an API, got by token exchange (RFC 8693): as an access token, but of the kind
    /// [`crate::API_TOKEN`], so that the two can never stand in for each other.
    ///
    /// # Errors
    /// As [`Verifier::access`].
    pub fn api_token(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        let claims: Claims = self.signed(token)?;
        self.check_dates(claims.iat, claims.exp, now)?;
        if claims.typ == crate::API_TOKEN { Ok(claims) } else { Err(TokenError::Type) }
    }

    /// Verifies a logout token as a client must (OpenID Connect Back-Channel Logout 1.0 §2.6). That its `jti` is new
    /// and that its session is known are the caller's to check.
    ///
    /// # Errors
    /// The first rule broken: form, algorithm, key, signature, issuer, audience, dates, then [`TokenError::Type`] for
    /// a token without the logout event or with a nonce, and [`TokenError::Malformed`] for one that names neither
    /// session nor person.
    pub fn logout_token(
        &self,
        token: &str,
        client_id: &str,
        now: Timestamp,
    ) -> Result<LogoutClaims, TokenError> {
        let claims: LogoutClaims = self.signed(token)?;
        if claims.aud != client_id {
            return Err(TokenError::Audience);
        }
        self.check_dates(claims.iat, claims.exp, now)?;
        if claims.nonce.is_some() || !claims.is_logout() {
            return Err(TokenError::Type);
        }
        if claims.sid.is_none() && claims.sub.is_none() { Err(TokenError::Malformed) } else { Ok(claims) }
    }

    /// Verifies an ID token as a client must (OpenID Connect Core §3.1.3.7); `access_token` is the one that came
    /// with it.
    ///
    /// # Errors
    /// The first rule broken: form, algorithm, key, signature, issuer, audience, dates, nonce, level, kind, hash.
    pub fn id_token(
        &self,
        token: &str,
        client_id: &str,
        nonce: &str,
        access_token: Option<&str>,
        now: Timestamp,
    ) -> Result<IdClaims, TokenError> {
        let claims: IdClaims = self.signed(token)?;
        if claims.aud != client_id {
            return Err(TokenError::Audience);
        }
        self.check_dates(claims.iat, claims.exp, now)?;
        if claims.nonce != nonce {
            return Err(TokenError::Nonce);
        }
        check_acr(&claims.acr)?;
        if claims.typ != "ID" {
            return Err(TokenError::Type);
        }
        match (&claims.at_hash, access_token) {
            (Some(hash), Some(token)) if *hash != at_hash(token) => Err(TokenError::AccessTokenHash),
            _ => Ok(claims),
        }
    }

    /// Reads an `id_token_hint`: signature and issuer only, since a hint may be long expired (OpenID Connect
    /// RP-Initiated Logout 1.0 §4).
    ///
    /// # Errors
    /// Form, algorithm, key, signature, issuer, kind.
    pub fn id_token_hint(&self, token: &str) -> Result<IdClaims, TokenError> {
        let claims: IdClaims = self.signed(token)?;
        if claims.typ == "ID" { Ok(claims) } else { Err(TokenError::Type) }
    }

    fn signed<T: DeserializeOwned>(&self, token: &str) -> Result<T, TokenError> {
        let parts = jwt::Parts::split(token).map_err(|_| TokenError::Malformed)?;
        let header = parts.header().map_err(|_| TokenError::Malformed)?;
        let payload: serde_json::Value = parts.payload().map_err(|_| TokenError::Malformed)?;
        if header.alg != "RS256" {
            return Err(TokenError::Algorithm);
        }
        let kid = header.kid.ok_or(TokenError::UnknownKey)?;
        let issuer = payload.get("iss").and_then(|iss| iss.as_str()).unwrap_or_default();
        let realm = self.realms.iter().find(|realm| realm.issuer == issuer);
        let key = match realm {
            Some(realm) => realm.key(&kid),
            // Nobody's token is accepted, but one is told apart from a forged one.
            None => self.realms.iter().find_map(|realm| realm.key(&kid)),
        };
        let key = key.ok_or(TokenError::UnknownKey)?;
        let good =
            jsonwebtoken::crypto::verify(parts.signature, parts.signed.as_bytes(), key, Algorithm::RS256);
        if !good.unwrap_or(false) {
            return Err(TokenError::Signature);
        }
        let known = realm.is_some();
        // After the signature on purpose: a forged ID or access token is named forged, whatever it misses.
        let claims = serde_json::from_value(payload).map_err(|_| TokenError::Malformed)?;
        if known { Ok(claims) } else { Err(TokenError::Issuer) }
    }

    fn check_dates(&self, iat: i64, exp: i64, now: Timestamp) -> Result<(), TokenError> {
        let leeway = i64::try_from(self.leeway.as_secs()).unwrap_or(i64::MAX);
        if now.as_second() >= exp.saturating_add(leeway) {
            return Err(TokenError::Expired);
        }
        if iat > now.as_second().saturating_add(leeway) { Err(TokenError::NotYetValid) } else { Ok(()) }
    }
}

impl Realm {
    fn new(issuer: String, keys: &Jwks) -> Self {
        Self { issuer, keys: Arc::new(keys.usable()) }
    }

    fn key(&self, kid: &str) -> Option<&DecodingKey> {
        self.keys.iter().find(|(name, _)| name == kid).map(|(_, key)| key)
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kids: Vec<&String> =
            self.realms.iter().flat_map(|realm| realm.keys.iter().map(|(kid, _)| kid)).collect();
        f.debug_struct("Verifier")
            .field("issuers", &self.issuers().collect::<Vec<_>>())
            .field("kids", &kids)
            .field("leeway", &self.leeway)
            .finish()
    }
}

impl TokenError {
    /// The machine name of a refused login, among those of the journal: `token_expired`, `token_signature`,
    /// `token_issuer`, `token_malformed`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Expired | Self::NotYetValid => "token_expired",
            Self::Algorithm | Self::UnknownKey | Self::Signature => "token_signature",
            Self::Issuer => "token_issuer",
            _ => "token_malformed",
        }
    }
}

fn check_acr(acr: &str) -> Result<(), TokenError> {
    if ACR_ACCEPTED.contains(&acr) { Ok(()) } else { Err(TokenError::Acr) }
}
