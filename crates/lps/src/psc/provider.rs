//! Calls to one Pro Santé Connect: where its endpoints are, what its keys are, and who we are there.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::{Clock, Failure, Secret, Timestamp};
use oidc::{ErrorBody, Jwks, ResponseError, TokenResponse};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::config::is_safe;
use super::id_token::{self, Expected, IdToken};
use super::{Breach, ClientAuthentication, Config, Error};
use crate::http;

/// Largest document, key set or answer that is read.
const MAX_ANSWER: usize = 256 * 1024;
/// How long the discovery document is kept.
const KEEP: Duration = Duration::from_secs(3600);
/// PSC's own name for the discovery document, then the standard one.
const DISCOVERY: [&str; 2] = ["wallet-openid-configuration", "openid-configuration"];

/// One Pro Santé Connect, as its client sees it.
pub(super) struct Provider {
    pub(super) config: Config,
    pub(super) clock: Clock,
    http: reqwest::Client,
    found: Mutex<Option<(Arc<Metadata>, Timestamp)>>,
    keys: Mutex<Arc<Jwks>>,
}

/// What of a discovery document a relying party uses (OpenID Connect Discovery §3).
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    pub(super) authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    pub(super) end_session_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    backchannel_authentication_endpoint: Option<String>,
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
    #[serde(default)]
    mtls_endpoint_aliases: Map<String, Value>,
}

/// What an ID token must answer.
pub(super) struct Answers<'a> {
    pub(super) nonce: Option<&'a str>,
    pub(super) access_token: &'a Secret<String>,
}

impl Provider {
    pub(super) fn new(config: Config, clock: Clock) -> Result<Self, Error> {
        config.check()?;
        let client =
            http::client(&config.tls, config.patience).map_err(|failure| Error::Config(failure.message))?;
        Ok(Self { config, clock, http: client, found: Mutex::default(), keys: Mutex::default() })
    }

    /// Where the endpoints are; read again once an hour.
    pub(super) async fn metadata(&self) -> Result<Arc<Metadata>, Error> {
        let now = self.clock.now();
        let kept = lock(&self.found).clone();
        if let Some((metadata, found)) = &kept
            && now.duration_since(*found).unsigned_abs() < KEEP
        {
            return Ok(Arc::clone(metadata));
        }
        match self.discover().await {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                *lock(&self.found) = Some((Arc::clone(&metadata), now));
                Ok(metadata)
            }
            // An old document is better than none while PSC is away.
            Err(error) => kept.filter(|_| error.is_retryable()).map(|(metadata, _)| metadata).ok_or(error),
        }
    }

    async fn discover(&self) -> Result<Metadata, Error> {
        let mut last = Error::Breach(Breach::Answer(404));
        for name in DISCOVERY {
            let address = format!("{}/.well-known/{name}", self.config.issuer);
            match self.get::<Metadata>(&address, None).await {
                Ok(metadata) => return self.checked(metadata),
                Err(error @ Error::Breach(Breach::Answer(404))) => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    fn checked(&self, mut metadata: Metadata) -> Result<Metadata, Error> {
        if metadata.issuer != self.config.issuer {
            return Err(Breach::DiscoveryIssuer.into());
        }
        if let Some(wallet) = &self.config.authorization_endpoint {
            metadata.authorization_endpoint.clone_from(wallet);
        }
        let ours = [
            Some(&metadata.token_endpoint),
            Some(&metadata.jwks_uri),
            metadata.userinfo_endpoint.as_ref(),
            metadata.revocation_endpoint.as_ref(),
            metadata.backchannel_authentication_endpoint.as_ref(),
        ];
        let browsers = [Some(&metadata.authorization_endpoint), metadata.end_session_endpoint.as_ref()];
        if ours.into_iter().flatten().all(|endpoint| endpoint.starts_with("https://"))
            && browsers.into_iter().flatten().all(|endpoint| is_safe(endpoint))
        {
            Ok(metadata)
        } else {
            Err(Breach::DiscoveryEndpoint.into())
        }
    }

    /// Asks the token endpoint.
    pub(super) async fn tokens(&self, form: &[(&str, &str)]) -> Result<TokenResponse, Error> {
        let metadata = self.metadata().await?;
        let endpoint = self.alias(&metadata, "token_endpoint", &metadata.token_endpoint);
        let (status, body) = self.post(endpoint, form).await?;
        TokenResponse::parse(status, &body).map_err(|error| match error {
            ResponseError::Refused(refused) if (400..500).contains(&status) && status != 429 => {
                Error::from_code(&refused.error, status)
            }
            _ => Error::from_status(status),
        })
    }

    /// Begins a decoupled login (CIBA §7.1).
    pub(super) async fn backchannel<T: DeserializeOwned>(&self, form: &[(&str, &str)]) -> Result<T, Error> {
        let metadata = self.metadata().await?;
        let Some(endpoint) = &metadata.backchannel_authentication_endpoint else {
            return Err(Breach::DiscoveryEndpoint.into());
        };
        let endpoint = self.alias(&metadata, "backchannel_authentication_endpoint", endpoint);
        let (status, body) = self.post(endpoint, form).await?;
        parsed(status, &body)
    }

    /// Withdraws a token (RFC 7009); a provider without that endpoint is no error.
    pub(super) async fn revoke(&self, token: &Secret<String>) -> Result<(), Error> {
        let metadata = self.metadata().await?;
        let Some(endpoint) = &metadata.revocation_endpoint else { return Ok(()) };
        let endpoint = self.alias(&metadata, "revocation_endpoint", endpoint);
        let form = [("token", token.reveal().as_str()), ("token_type_hint", "refresh_token")];
        match self.post(endpoint, &form).await? {
            (200..=299, _) => Ok(()),
            (status, body) => parsed::<Value>(status, &body).map(drop),
        }
    }

    /// Verifies an ID token; keys are fetched once more where its key is not among those that are kept.
    pub(super) async fn id_token(
        &self,
        token: &Secret<String>,
        answers: Answers<'_>,
    ) -> Result<IdToken, Error> {
        let expected = Expected {
            issuer: &self.config.issuer,
            client_id: &self.config.client_id,
            nonce: answers.nonce,
            access_token: answers.access_token.reveal(),
            acr: &self.config.acr,
            leeway: i64::try_from(self.config.leeway.as_secs()).unwrap_or_default(),
            now: self.clock.now(),
        };
        let kept = Arc::clone(&lock(&self.keys));
        match id_token::verify(token.reveal(), &kept, &expected) {
            Err(Breach::Key) => {
                let metadata = self.metadata().await?;
                let keys: Arc<Jwks> = Arc::new(self.get(&metadata.jwks_uri, None).await?);
                *lock(&self.keys) = Arc::clone(&keys);
                Ok(id_token::verify(token.reveal(), &keys, &expected)?)
            }
            verdict => Ok(verdict?),
        }
    }

    /// The user information of `sub`; empty where the provider has none.
    pub(super) async fn userinfo(
        &self,
        access_token: &Secret<String>,
        sub: &str,
    ) -> Result<Map<String, Value>, Error> {
        let metadata = self.metadata().await?;
        let Some(endpoint) = &metadata.userinfo_endpoint else { return Ok(Map::new()) };
        let endpoint = self.alias(&metadata, "userinfo_endpoint", endpoint);
        let claims: Map<String, Value> = self.get(endpoint, Some(access_token)).await?;
        match claims.get("sub") {
            Some(Value::String(said)) if said == sub => Ok(claims),
            _ => Err(Breach::UserinfoSubject.into()),
        }
    }

    /// A form that a browser would post, posted by us; only whether PSC took it is told.
    pub(super) async fn submit(&self, endpoint: &str, form: &[(&str, &str)]) -> Result<(), Error> {
        let body = Secret::new(oidc::encode_pairs(form.iter().copied()));
        match self
            .send(self.http.post(endpoint).header("content-type", FORM).body(body.reveal().clone()))
            .await?
        {
            (200..=399, _) => Ok(()),
            (status, body) => parsed::<Value>(status, &body).map(drop),
        }
    }

    /// RFC 8705 §5: a client with a certificate goes to the endpoints that ask for one.
    fn alias<'a>(&self, metadata: &'a Metadata, name: &str, usual: &'a str) -> &'a str {
        let alias = metadata.mtls_endpoint_aliases.get(name).and_then(Value::as_str);
        match (&self.config.authentication, alias) {
            (ClientAuthentication::Certificate, Some(alias)) if alias.starts_with("https://") => alias,
            _ => usual,
        }
    }

    async fn get<T: DeserializeOwned>(
        &self,
        address: &str,
        bearer: Option<&Secret<String>>,
    ) -> Result<T, Error> {
        let mut request = self.http.get(address).header("accept", "application/json");
        if let Some(token) = bearer {
            request = request.bearer_auth(token.reveal());
        }
        let (status, body) = self.send(request).await?;
        parsed(status, &body)
    }

    async fn post(&self, endpoint: &str, form: &[(&str, &str)]) -> Result<(u16, Vec<u8>), Error> {
        let id = self.config.client_id.as_str();
        let mut pairs = form.to_vec();
        let mut request =
            self.http.post(endpoint).header("content-type", FORM).header("accept", "application/json");
        match &self.config.authentication {
            ClientAuthentication::Basic(secret) => {
                request = request.header("authorization", oidc::basic_credentials(id, secret).reveal());
            }
            ClientAuthentication::Post(secret) => {
                pairs.extend([("client_id", id), ("client_secret", secret.reveal().as_str())]);
            }
            ClientAuthentication::Certificate => pairs.push(("client_id", id)),
        }
        let body = Secret::new(oidc::encode_pairs(pairs));
        self.send(request.body(body.reveal().clone())).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<(u16, Vec<u8>), Error> {
        http::fetch(request, MAX_ANSWER).await.map_err(Error::Unavailable)
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

fn parsed<T: DeserializeOwned>(status: u16, body: &[u8]) -> Result<T, Error> {
    if status == 200 {
        return serde_json::from_slice(body).map_err(|_| Breach::Answer(200).into());
    }
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(refused) if (400..500).contains(&status) && status != 429 => {
            Err(Error::from_code(&refused.error, status))
        }
        _ => Err(Error::from_status(status)),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner) // every change is one assignment
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("config", &self.config).finish_non_exhaustive()
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        error.clone().into()
    }
}
