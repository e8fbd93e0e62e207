use std::collections::BTreeMap;

use axum::http::Uri;
use kernel::{Secret, sha256};

use crate::Error;

/// A piece of software that may ask for tokens: declared at PSC's portal in the real world, by the bench here.
#[derive(Clone, Debug)]
pub struct ClientRegistration {
    /// Its name on the wire.
    pub client_id: String,
    /// Its secret; there are no public clients (an LPS speaks to PSC through its server).
    pub secret: Secret<String>,
    /// Where persons may be sent back after identifying themselves, compared character by character.
    pub redirect_uris: Vec<String>,
    /// Where they may be sent back after a logout.
    pub post_logout_redirect_uris: Vec<String>,
    /// Its name for a person; empty for its `client_id`.
    pub name: String,
}

impl ClientRegistration {
    /// A client with its addresses of return, and none after logout.
    pub fn new<S: Into<String>>(
        client_id: impl Into<String>,
        secret: Secret<String>,
        redirect_uris: impl IntoIterator<Item = S>,
    ) -> Self {
        Self {
            client_id: client_id.into(),
            secret,
            redirect_uris: redirect_uris.into_iter().map(Into::into).collect(),
            post_logout_redirect_uris: Vec::new(),
            name: String::new(),
        }
    }

    /// With a name for the wallet's page.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
}

/// The clients known. Secrets are kept as digests: comparing digests leaks no timing that helps to guess one.
#[derive(Debug, Default)]
pub(crate) struct Clients(BTreeMap<String, Client>);

/// A client as the endpoints see it.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) post_logout_redirect_uris: Vec<String>,
    secret: [u8; 32],
}

impl Clients {
    /// Adds a client, or replaces the one of that name.
    pub(crate) fn register(&mut self, registration: ClientRegistration) -> Result<(), Error> {
        for uri in registration.redirect_uris.iter().chain(&registration.post_logout_redirect_uris) {
            check_redirect(uri)?;
        }
        let id = registration.client_id;
        let name = if registration.name.is_empty() { id.clone() } else { registration.name };
        let client = Client {
            id: id.clone(),
            name,
            redirect_uris: registration.redirect_uris,
            post_logout_redirect_uris: registration.post_logout_redirect_uris,
            secret: sha256(registration.secret.reveal().as_bytes()),
        };
        self.0.insert(id, client);
        Ok(())
    }

    pub(crate) fn find(&self, client_id: &str) -> Option<Client> {
        self.0.get(client_id).cloned()
    }
}

impl Client {
    pub(crate) fn has_secret(&self, secret: &str) -> bool {
        sha256(secret.as_bytes()) == self.secret
    }
}

/// PSC wants registered `https` addresses; plain HTTP is let through to this machine only, where tests run.
fn check_redirect(text: &str) -> Result<(), Error> {
    let refused = |why: &str| Err(Error::RedirectUri(format!("{text}: {why}")));
    let Ok(uri) = text.parse::<Uri>() else { return refused("not an address") };
    let Some(host) = uri.host() else { return refused("not absolute") };
    if text.contains('#') {
        return refused("a fragment is not allowed (RFC 6749 section 3.1.2)");
    }
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if matches!(host, "localhost" | "127.0.0.1" | "[::1]") => Ok(()),
        _ => refused("https is needed, except to this machine"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_addresses_are_safe_ones() {
        for good in
            ["https://lps.example/cb?x=1", "http://localhost:9/cb", "http://[::1]:9/", "http://127.0.0.1/cb"]
        {
            assert!(check_redirect(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/cb",
            "lps.example/cb",
            "http://lps.example/cb",
            "https://lps.example/#x",
            "javascript:alert(1)",
            "app://cb",
        ] {
            assert!(check_redirect(bad).is_err(), "{bad}");
        }
    }
}
