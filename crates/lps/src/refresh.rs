//! The refresh token grant (RFC 6749 §6) at Pro Santé Connect.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kernel::{Failure, Secret, Stage, Timestamp};
use rustls::ClientConfig;
use serde::Deserialize;

use crate::http;
use crate::token::Lifetime;

/// What it takes to renew an access token.
pub struct Refresh {
    /// PSC's token endpoint, https only.
    pub token_endpoint: String,
    /// The product's client identifier.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret<String>,
    /// The refresh token of the person's PSC session.
    pub refresh_token: Secret<String>,
    /// What PSC's certificate is judged by.
    pub tls: Arc<ClientConfig>,
}

impl fmt::Debug for Refresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refresh").field("token_endpoint", &self.token_endpoint).finish_non_exhaustive()
    }
}

/// How a [`crate::TokenSource`] gets its next token, and whether it may.
pub(crate) trait Renew: Send + Sync {
    /// Whether any token may be handed out.
    fn usable(&self, _now: Timestamp) -> Result<(), Failure> {
        Ok(())
    }

    /// Whether the tokens may be renewed.
    fn renewable(&self, _now: Timestamp) -> Result<(), Failure> {
        Ok(())
    }

    /// Renews, once.
    fn renew<'a>(&'a self, refresh_token: &'a Secret<String>) -> BoxFuture<'a, Result<Grant, Failure>>;

    /// Renewing is over for good.
    fn ended(&self) {}
}

impl Renew for Refresh {
    fn renew<'a>(&'a self, refresh_token: &'a Secret<String>) -> BoxFuture<'a, Result<Grant, Failure>> {
        renew(self, refresh_token).boxed()
    }
}

/// What PSC gave.
pub(crate) struct Grant {
    pub(crate) access_token: Secret<String>,
    pub(crate) refresh_token: Option<Secret<String>>,
    pub(crate) expires_in: Option<i64>,
}

impl Grant {
    /// When to renew again, for a grant received at `now` (seconds since 1970).
    pub(crate) fn renew_at(&self, now: i64) -> Option<i64> {
        let announced = self.expires_in.map(|life| Lifetime { iat: now, exp: now.saturating_add(life) });
        announced.or_else(|| crate::token::lifetime(&self.access_token)).map(Lifetime::renew_at)
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
const MAX_ANSWER: usize = 64 * 1024;

/// Asks for a new access token, once.
///
/// `invalid_grant` is the end of the PSC session (SC.MSS/CONF.10): never to be tried again. Network trouble and
/// server errors are temporary. No message quotes the answer, beyond the registered error code.
async fn renew(refresh: &Refresh, refresh_token: &Secret<String>) -> Result<Grant, Failure> {
    if !refresh.token_endpoint.starts_with("https://") {
        return Err(Failure::permanent(Stage::Input, "the token endpoint is not an https address"));
    }
    let client = http::client(&refresh.tls, PATIENCE)?;
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token.reveal()),
        ("client_id", &refresh.client_id),
        ("client_secret", refresh.client_secret.reveal()),
    ];
    let request = client.post(&refresh.token_endpoint).form(&form);
    let (status, body) = http::fetch(request, MAX_ANSWER).await.map_err(|why| {
        Failure::temporary(Stage::Authenticate, format!("Pro Santé Connect cannot be reached: {why}"))
    })?;
    let answer: Answer = serde_json::from_slice(&body).unwrap_or_default();
    match (status, answer) {
        (200, Answer { access_token: Some(access_token), refresh_token, expires_in, .. }) => {
            Ok(Grant { access_token, refresh_token, expires_in })
        }
        (200, _) => {
            Err(Failure::temporary(Stage::Authenticate, "Pro Santé Connect answered without an access token"))
        }
        (400..=499, Answer { error: Some(code), .. }) if code == "invalid_grant" => Err(Failure::permanent(
            Stage::Authenticate,
            "the Pro Santé Connect session is over (invalid_grant): log in again",
        )),
        (400..=499, Answer { error, .. }) if !matches!(status, 408 | 425 | 429) => Err(Failure::permanent(
            Stage::Authenticate,
            format!("Pro Santé Connect refused to renew the token: {}", registered(error.as_deref(), status)),
        )),
        (status, _) => Err(Failure::temporary(
            Stage::Authenticate,
            format!("Pro Santé Connect could not renew the token: HTTP {status}"),
        )),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    #[serde(deserialize_with = "secret")]
    access_token: Option<Secret<String>>,
    #[serde(deserialize_with = "secret")]
    refresh_token: Option<Secret<String>>,
    expires_in: Option<i64>,
    error: Option<String>,
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Secret<String>>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()).map(Secret::new))
}

/// An OAuth error code is shown only where it looks like one.
pub(crate) fn registered(code: Option<&str>, status: u16) -> String {
    match code {
        Some(code) if code.len() <= 40 && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') => {
            code.to_owned()
        }
        _ => format!("HTTP {status}"),
    }
}
