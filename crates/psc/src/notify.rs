//! Telling clients' servers that a session is over (OpenID Connect Back-Channel Logout 1.0): one post each, in the
//! background, tried once. Whatever comes of it is in the client's log.

use std::sync::Arc;
use std::time::Duration;

use kernel::Secret;
use oidc::LogoutClaims;

use crate::provider::Psc;
use crate::session::Session;
use crate::tokens::subject;

/// How long a client's server has to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A client that follows no redirection, takes no proxy from the environment, and judges servers by `tls` alone;
/// without it, no TLS server is trusted.
pub(crate) fn client(tls: Option<&Arc<rustls::ClientConfig>>) -> Result<reqwest::Client, String> {
    let tls = match tls {
        Some(tls) => rustls::ClientConfig::clone(tls),
        None => {
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            rustls::ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .map_err(|error| error.to_string())?
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth()
        }
    };
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .map_err(|error| error.to_string())
}

/// Tells the clients of these sessions, which have just ended. Outside a runtime nobody can be told, which is logged.
pub(crate) fn tell(psc: &Psc, ended: &[Session]) {
    for session in ended {
        let consent = &session.consent;
        let Some(client) = psc.client(&consent.client_id) else { continue };
        let Some(address) = client.settings.backchannel_logout_uri.clone() else { continue };
        let person = subject(&consent.identity);
        let claims = LogoutClaims::new(psc.issuer(), &consent.client_id, &session.sid, &person, psc.now());
        let token = match psc.key().sign_as("logout+jwt", &claims) {
            Ok(token) => Secret::new(token),
            Err(error) => {
                tracing::error!(%error, "a logout token could not be signed");
                continue;
            }
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            tracing::warn!(client = consent.client_id, "nobody can be told of a logout outside the runtime");
            return;
        };
        let (psc, client_id) = (psc.clone(), consent.client_id.clone());
        runtime.spawn(async move {
            let told = post(&psc, &address, &token).await;
            let (good, outcome) = match told {
                Ok(status) => ((200..300).contains(&status), format!("HTTP {status}")),
                Err(error) => (false, error),
            };
            tracing::info!(client = client_id, outcome, "back-channel logout");
            psc.note(&client_id, good, &format!("back-channel logout sent: {outcome}"));
        });
    }
}

async fn post(psc: &Psc, address: &str, token: &Secret<String>) -> Result<u16, String> {
    let body = oidc::encode_pairs([("logout_token", token.reveal().as_str())]);
    let request = psc
        .outgoing()
        .post(address)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("cache-control", "no-store")
        .body(body);
    // The address may hold whatever the client put there: it is not repeated.
    let answer = request.send().await.map_err(|error| error.without_url().to_string())?;
    Ok(answer.status().as_u16())
}
