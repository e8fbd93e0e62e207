//! A second Pro Santé Connect: its name, its keys, and the wish for newer ones.
//!
//! The keys come from outside (a file, an address: the caller's affair). What is kept here is the last good set, so that an
//! outage of the other service closes no mailbox, and the news that a token named a key that is not in it.

use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oidc::Jwks;
use tokio::sync::Notify;

/// An issuer besides the sandbox's own; cheap to clone.
#[derive(Clone, Debug)]
pub struct SecondIssuer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    issuer: String,
    keys: RwLock<Jwks>,
    wanted: Notify,
}

impl SecondIssuer {
    /// An issuer, as its tokens spell it (claim `iss`), and its keys.
    pub fn new(issuer: impl Into<String>, keys: Jwks) -> Self {
        Self(Arc::new(Inner { issuer: issuer.into(), keys: RwLock::new(keys), wanted: Notify::new() }))
    }

    /// Its name.
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// Newer keys. An empty set is none: the one before stays, and the answer is false.
    pub fn set_keys(&self, keys: Jwks) -> bool {
        if keys.keys.is_empty() {
            return false;
        }
        *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        true
    }

    /// Waits until a token named a key that is not in the set. Whoever fetches keys limits how often it does.
    pub async fn keys_wanted(&self) {
        self.0.wanted.notified().await;
    }

    pub(crate) fn keys(&self) -> Jwks {
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn wants_keys(&self) {
        self.0.wanted.notify_one();
    }

    /// Whether a token says that it comes from here; nothing is verified.
    pub(crate) fn claims_to_issue(&self, token: &str) -> bool {
        let payload = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let claims = payload.and_then(|bytes| serde_json::from_slice::<Issued>(&bytes).ok());
        claims.is_some_and(|claims| claims.iss == self.0.issuer)
    }
}

#[derive(serde::Deserialize)]
struct Issued {
    iss: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_set_replaces_nothing_and_other_issuers_tokens_are_not_its_own() {
        let key = oidc::Jwk {
            kid: "k".into(),
            kty: "RSA".into(),
            alg: None,
            usage: None,
            n: String::new(),
            e: String::new(),
        };
        let second = SecondIssuer::new("https://bas.example/realm", Jwks { keys: vec![key] });
        assert!(!second.set_keys(Jwks::default()));
        assert_eq!(second.keys().keys.len(), 1);
        let token =
            |iss: &str| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(format!("{{\"iss\":\"{iss}\"}}")));
        assert!(second.claims_to_issue(&token("https://bas.example/realm")));
        for other in [token("https://bas.example/realm/"), "rubbish".into(), String::new()] {
            assert!(!second.claims_to_issue(&other), "{other}");
        }
    }
}
