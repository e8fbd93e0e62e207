//! The HTTP of the client: bounded, paced, without redirection, and every way to fail told apart.

use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::{Failure, Secret, Stage};
use reqwest::header::{ACCEPT, HeaderValue, RETRY_AFTER};
use reqwest::{StatusCode, Url};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::time::Instant;

/// Longest answer, in octets: 10 000 resources of 3 KB are 30 MB.
const LONGEST: usize = 48 * 1024 * 1024;

/// Between two calls: 16 a second, one less than the API allows.
const PACE: Duration = Duration::from_millis(63);

/// Longest `Retry-After` that is waited for here; beyond it the caller decides.
const PATIENT: Duration = Duration::from_secs(2);

#[derive(Clone, Debug)]
pub(super) struct Http {
    client: reqwest::Client,
    key: Secret<String>,
    next: Arc<Mutex<Instant>>,
}

impl Http {
    pub(super) fn new(
        tls: Option<&Arc<ClientConfig>>,
        key: Secret<String>,
        patience: Duration,
    ) -> Result<Self, Failure> {
        let config = match tls {
            Some(tls) => ClientConfig::clone(tls),
            None => nobody()?,
        };
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(patience)
            .build()
            .map_err(unusable)?;
        Ok(Self { client, key, next: Arc::new(Mutex::new(Instant::now())) })
    }

    /// The JSON at an address; with a form, the answer to it. A short `Retry-After` is waited for, once.
    pub(super) async fn json(&self, url: &Url, form: Option<&str>) -> Result<Value, Failure> {
        match self.once(url, form).await {
            Err(Refused { failure: _, wait: Some(wait) }) if wait <= PATIENT => {
                tokio::time::sleep(wait).await;
                self.once(url, form).await.map_err(|refused| refused.failure)
            }
            answer => answer.map_err(|refused| refused.failure),
        }
    }

    async fn once(&self, url: &Url, form: Option<&str>) -> Result<Value, Refused> {
        self.pace().await;
        let mut request = match form {
            None => self.client.get(url.clone()),
            Some(form) => self
                .client
                .post(url.clone())
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(form.to_owned()),
        };
        let mut key = HeaderValue::from_str(self.key.reveal()).map_err(|_| {
            Failure::permanent(Stage::Input, "the API key holds characters that a header cannot carry")
        })?;
        key.set_sensitive(true);
        request = request.header("ESANTE-API-KEY", key).header(ACCEPT, "application/fhir+json");
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = wait.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > LONGEST {
                let text = format!(
                    "the directory's answer is longer than {LONGEST} octets: ask for fewer at a time"
                );
                return Err(Failure::permanent(Stage::Command, text).into());
            }
            body.extend_from_slice(&chunk);
        }
        judge(status, &body).map_err(|failure| Refused { failure, wait: wait.filter(|_| is_passing(status)) })
    }

    /// Waits for this call's turn.
    async fn pace(&self) {
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*next).max(Instant::now());
            *next = turn + PACE;
            turn
        };
        tokio::time::sleep_until(turn).await;
    }
}

/// A failure, and how long the server asks to wait.
struct Refused {
    failure: Failure,
    wait: Option<Duration>,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self { failure, wait: None }
    }
}

fn is_passing(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
}

fn judge(status: StatusCode, body: &[u8]) -> Result<Value, Failure> {
    let said = said(body);
    let because = said.as_deref().map(|text| format!(" ({text})")).unwrap_or_default();
    let number = status.as_u16();
    let temporary = |text: String| Err(Failure::temporary(Stage::Command, text));
    match status {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let text =
                format!("the directory refuses the API key: {number}{because}. Check it on the portal");
            return Err(Failure::permanent(Stage::Authenticate, text));
        }
        StatusCode::TOO_MANY_REQUESTS => {
            return temporary(format!("the directory takes no more calls for now: 429{because}"));
        }
        StatusCode::GONE => {
            return temporary(format!(
                "this page of the result is not kept any more: 410{because}. Search again"
            ));
        }
        _ if status.is_server_error() => {
            return temporary(format!("the directory is out of order: {number}{because}"));
        }
        _ => {
            let text = format!("the directory does not understand the request: {number}{because}");
            return Err(Failure::permanent(Stage::Command, text));
        }
    }
    let value = serde_json::from_slice::<Value>(body).map_err(|error| {
        let is_page = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<');
        let what =
            if is_page { "a page of HTML".to_owned() } else { format!("JSON that cannot be read ({error})") };
        Failure::temporary(Stage::Command, format!("the directory answered 200 with {what} in place of FHIR"))
    })?;
    if value["resourceType"] == "OperationOutcome" {
        return temporary(format!("the directory answered 200 with an error{because}"));
    }
    Ok(value)
}

/// What an `OperationOutcome` says, without control characters, 200 characters at most.
fn said(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let issue = value["issue"].as_array()?.first()?;
    let text = issue["diagnostics"].as_str().or(issue["details"]["text"].as_str())?;
    Some(text.chars().filter(|c| !c.is_control()).take(200).collect())
}

/// A configuration that trusts no server: for the sandbox on this machine, over plain HTTP.
fn nobody() -> Result<ClientConfig, Failure> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(builder.map_err(unusable)?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

fn unusable(error: impl std::fmt::Display) -> Failure {
    Failure::permanent(Stage::Input, format!("the HTTP client cannot be set up: {error}"))
}

fn unreachable(error: reqwest::Error) -> Failure {
    let what = if error.is_timeout() { "does not answer in time" } else { "cannot be reached" };
    let error = error.without_url();
    let mut text = format!("the directory {what}: {error}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    Failure::temporary(Stage::Connect, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_that_is_not_fhir_is_a_failure() {
        let judged = |status: u16, body: &str| judge(StatusCode::from_u16(status).unwrap(), body.as_bytes());
        assert!(judged(200, r#"{"resourceType":"Bundle"}"#).is_ok());
        for (status, body, retryable, said) in [
            (200, "<!doctype html>", true, "a page of HTML"),
            (200, "  <html>", true, "a page of HTML"),
            (200, r#"{"resourceType":"Bun"#, true, "cannot be read"),
            (200, "", true, "cannot be read"),
            (
                200,
                r#"{"resourceType":"OperationOutcome","issue":[{"diagnostics":"later\u0007"}]}"#,
                true,
                "(later)",
            ),
            (400, r#"{"issue":[{"details":{"text":"no such parameter"}}]}"#, false, "no such parameter"),
            (401, "", false, "refuses the API key"),
            (403, "", false, "refuses the API key"),
            (404, "", false, "404"),
            (410, "", true, "Search again"),
            (429, "", true, "429"),
            (502, "<html>", true, "out of order"),
            (302, "", false, "302"),
        ] {
            let failure = judged(status, body).unwrap_err();
            assert_eq!(failure.is_retryable(), retryable, "{status} {body}");
            assert!(failure.message.contains(said), "{status}: {}", failure.message);
        }
    }
}
