//! The little HTTP that a mail client needs: CRLs and PSC's token endpoint. Bounded answers, no redirection, no proxy
//! taken from the environment, and only the TLS configuration that is handed in.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Failure, Stage};
use rustls::{ClientConfig, RootCertStore};

/// A client that judges servers by `tls`, and gives up after `patience`.
pub(crate) fn client(tls: &Arc<ClientConfig>, patience: Duration) -> Result<reqwest::Client, Failure> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(ClientConfig::clone(tls))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(patience)
        .build()
        .map_err(|error| {
            Failure::permanent(Stage::Input, format!("the HTTP client cannot be set up: {error}"))
        })
}

/// A client that trusts no TLS server at all: for what is fetched over plain HTTP and signed by itself.
pub(crate) fn plain_client(patience: Duration) -> Result<reqwest::Client, Failure> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            Failure::permanent(Stage::Input, format!("the HTTP client cannot be set up: {error}"))
        })?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    client(&Arc::new(config), patience)
}

/// Sends, and reads at most `limit` octets. The error is a text without the address's query.
pub(crate) async fn fetch(request: reqwest::RequestBuilder, limit: usize) -> Result<(u16, Vec<u8>), String> {
    let mut response = request.send().await.map_err(explain)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(explain)? {
        if body.len() + chunk.len() > limit {
            return Err(format!("the answer is longer than {limit} octets"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((response.status().as_u16(), body))
}

fn explain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
