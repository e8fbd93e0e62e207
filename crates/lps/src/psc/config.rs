use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kernel::Secret;
use rustls::ClientConfig;

use super::Error;

/// Largest difference between PSC's clock and ours that may be asked for.
const LARGEST_LEEWAY: Duration = Duration::from_secs(60);

/// One environment of Pro Santé Connect, and who we are there.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// The realm's address, without a slash at the end; compared exactly with what tokens say.
    pub issuer: String,
    /// The wallet, where it is not the authorization endpoint of the discovery document (PSC's own document names
    /// Keycloak's; the ANS asks for the wallet).
    pub authorization_endpoint: Option<String>,
    /// Our name there.
    pub client_id: String,
    /// How we prove it.
    pub authentication: ClientAuthentication,
    /// Where the browser comes back, as registered.
    pub redirect_uri: String,
    /// Where it comes back after a logout, as registered.
    pub post_logout_redirect_uri: Option<String>,
    /// Scopes asked for; [`oidc::SCOPE`] unless changed.
    pub scope: String,
    /// `acr` values that an ID token may carry; [`oidc::ACR_ACCEPTED`] unless changed.
    pub acr: Vec<String>,
    /// What PSC's certificate is judged by; holds our client certificate where that is how we prove ourselves.
    pub tls: Arc<ClientConfig>,
    /// How far the clocks may differ: 30 s unless changed, 60 s at most.
    pub leeway: Duration,
    /// How long a call to PSC may last: 10 s unless changed.
    pub patience: Duration,
    /// How long sessions last.
    pub lives: Lives,
}

/// How a client proves itself at PSC's endpoints.
#[derive(Clone)]
pub enum ClientAuthentication {
    /// A secret in the `Authorization` header (`client_secret_basic`, RFC 6749 §2.3.1).
    Basic(Secret<String>),
    /// A secret in the form (`client_secret_post`).
    Post(Secret<String>),
    /// The certificate of the TLS configuration (`tls_client_auth`, RFC 8705 §2.1): what PSC's rules ask for.
    Certificate,
}

/// How long a session lasts without its person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lives {
    /// Without activity for so long, tokens are no longer renewed: background work alone does not prolong a session.
    /// 30 min, PSC's own.
    pub prolong: Duration,
    /// Without activity for so long, the session locks (SC.SSI/IE.58: 2 h).
    pub lock: Duration,
    /// So long after the login the session is over in any case. 4 h, PSC's own.
    pub absolute: Duration,
}

impl Default for Lives {
    fn default() -> Self {
        Self {
            prolong: Duration::from_secs(30 * 60),
            lock: Duration::from_secs(2 * 3600),
            absolute: Duration::from_secs(4 * 3600),
        }
    }
}

impl Config {
    /// The usual configuration for an environment.
    pub fn new(
        issuer: impl Into<String>,
        client_id: impl Into<String>,
        authentication: ClientAuthentication,
        redirect_uri: impl Into<String>,
        tls: Arc<ClientConfig>,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            authorization_endpoint: None,
            client_id: client_id.into(),
            authentication,
            redirect_uri: redirect_uri.into(),
            post_logout_redirect_uri: None,
            scope: oidc::SCOPE.to_owned(),
            acr: oidc::ACR_ACCEPTED.map(str::to_owned).to_vec(),
            tls,
            leeway: Duration::from_secs(30),
            patience: Duration::from_secs(10),
            lives: Lives::default(),
        }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let refuse = |what: &str| Err(Error::Config(what.to_owned()));
        if !self.issuer.starts_with("https://")
            || self.issuer.ends_with('/')
            || self.issuer.contains(['?', '#'])
        {
            return refuse("the issuer must be an https address without query, fragment or slash at the end");
        }
        if self.client_id.is_empty() {
            return refuse("the client_id is empty");
        }
        let returns = [Some(&self.redirect_uri), self.post_logout_redirect_uri.as_ref()];
        if returns.into_iter().flatten().any(|uri| !is_safe(uri) || uri.contains('#')) {
            return refuse("addresses of return must be https (or http to this machine), without a fragment");
        }
        if self.authorization_endpoint.as_deref().is_some_and(|endpoint| !is_safe(endpoint)) {
            return refuse("the wallet's address must be https, or http to this machine");
        }
        if self.leeway > LARGEST_LEEWAY {
            return refuse("clocks may not differ by more than 60 s");
        }
        Ok(())
    }
}

/// Whether an address may be opened by a person's browser: https, or this machine.
pub(super) fn is_safe(address: &str) -> bool {
    let loopback = |rest: &str| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => authority,
        };
        matches!(host, "localhost" | "127.0.0.1" | "[::1]")
    };
    address.strip_prefix("https://").is_some_and(|rest| !rest.is_empty())
        || address.strip_prefix("http://").is_some_and(loopback)
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .field("authentication", &self.authentication)
            .field("redirect_uri", &self.redirect_uri)
            .field("lives", &self.lives)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientAuthentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic(_) => "client_secret_basic",
            Self::Post(_) => "client_secret_post",
            Self::Certificate => "tls_client_auth",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        for good in
            ["https://a.fr/x", "http://localhost/cb", "http://127.0.0.1:8805/auth", "http://[::1]:9?x"]
        {
            assert!(is_safe(good), "{good}");
        }
        for bad in
            ["http://a.fr", "http://localhost.a.fr", "http://localhost@a.fr/", "https://", "ftp://localhost"]
        {
            assert!(!is_safe(bad), "{bad}");
        }
    }
}
