use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::http::Uri;
use journal::Journal;
use kernel::{Clock, Timestamp, Timing};
use oidc::{AuthMode, Discovery, Jwks, SigningKey, Verifier};

use crate::client::{Client, ClientRegistration, Clients};
use crate::error::Error;
use crate::identity::Identity;
use crate::session::{Consent, Sessions};
use crate::tokens::{self, TokenSet};
use crate::wallet::Pending;
use crate::witness::Witness;
use crate::{http, keyfile, wallet};

/// What the sandbox needs to start.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PscConfig {
    /// Its own directory: the signing key lives there.
    pub data_dir: PathBuf,
    /// The realm's address, without a slash at the end.
    pub issuer: String,
    /// The wallet's address, without a slash at the end.
    pub wallet_base: String,
    /// Where the hour comes from.
    pub clock: Clock,
    /// Lives of codes, tokens and sessions.
    pub timing: Timing,
    /// Where token facts are kept; `None` keeps none.
    pub journal: Option<Journal>,
}

impl PscConfig {
    /// The default addresses (`https://localhost:8802/auth/realms/esante-wallet`, `http://127.0.0.1:8805`), real
    /// durations, no journal.
    pub fn new(data_dir: impl Into<PathBuf>, clock: Clock) -> Self {
        Self {
            data_dir: data_dir.into(),
            issuer: "https://localhost:8802/auth/realms/esante-wallet".into(),
            wallet_base: "http://127.0.0.1:8805".into(),
            clock,
            timing: Timing::real(),
            journal: None,
        }
    }
}

/// The sandbox; cheap to clone.
#[derive(Clone, Debug)]
pub struct Psc(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    issuer: String,
    realm_path: String,
    wallet_base: String,
    clock: Clock,
    timing: Timing,
    key: SigningKey,
    verifier: Verifier,
    identities: RwLock<BTreeMap<String, Identity>>,
    clients: RwLock<Clients>,
    sessions: Mutex<Sessions>,
    pending: Mutex<Pending>,
    witness: Witness,
}

impl Psc {
    /// Opens the sandbox; makes its signing key the first time, which takes a fraction of a second.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::Key`] for the key, [`Error::Address`] for an issuer or wallet that is not an
    /// address.
    pub fn open(config: PscConfig) -> Result<Self, Error> {
        let realm_path = path_of(&config.issuer, "https")?;
        path_of(&config.wallet_base, "http")?;
        let key = keyfile::open(&config.data_dir)?;
        let verifier = Verifier::new(config.issuer.clone(), &Jwks { keys: vec![key.jwk().clone()] });
        Ok(Self(Arc::new(Inner {
            issuer: config.issuer,
            realm_path,
            wallet_base: config.wallet_base,
            clock: config.clock,
            sessions: Mutex::new(Sessions::new(config.timing.clone())),
            timing: config.timing,
            key,
            verifier,
            identities: RwLock::default(),
            clients: RwLock::default(),
            pending: Mutex::default(),
            witness: Witness::new(config.journal),
        })))
    }

    /// Adds a test identity, or replaces the one of that national identifier.
    pub fn add_identity(&self, identity: Identity) {
        let mut identities = self.0.identities.write().unwrap_or_else(PoisonError::into_inner);
        identities.insert(identity.national_id.clone(), identity);
    }

    /// Forgets a test identity; its sessions end as soon as somebody asks for it. False where there was none.
    pub fn remove_identity(&self, national_id: &str) -> bool {
        self.0.identities.write().unwrap_or_else(PoisonError::into_inner).remove(national_id).is_some()
    }

    /// The identity of that national identifier.
    pub fn identity(&self, national_id: &str) -> Option<Identity> {
        self.0.identities.read().unwrap_or_else(PoisonError::into_inner).get(national_id).cloned()
    }

    /// All identities, by national identifier.
    pub fn identities(&self) -> Vec<Identity> {
        self.0.identities.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Declares a client, or replaces the one of that `client_id`.
    ///
    /// # Errors
    /// [`Error::RedirectUri`] for an address of return that is not a safe one.
    pub fn register_client(&self, registration: ClientRegistration) -> Result<(), Error> {
        self.0.clients.write().unwrap_or_else(PoisonError::into_inner).register(registration)
    }

    /// Tokens without a browser: for scripts and for runs of the bench. A session is opened (with a card, as the
    /// decoded sandbox tokens), so the refresh token works. `life` shortens or lengthens this access token alone, in
    /// whole seconds; zero gives one that has expired already. Later ones have the usual life.
    ///
    /// # Errors
    /// [`Error::UnknownIdentity`], [`Error::UnknownClient`], [`Error::Key`].
    pub fn issue_tokens(
        &self,
        national_id: &str,
        client_id: &str,
        life: Option<Duration>,
    ) -> Result<TokenSet, Error> {
        let person =
            self.identity(national_id).ok_or_else(|| Error::UnknownIdentity(national_id.to_owned()))?;
        let client = self.client(client_id).ok_or_else(|| Error::UnknownClient(client_id.to_owned()))?;
        let consent = Consent {
            identity: person.national_id.clone(),
            client_id: client.id,
            mode: AuthMode::Card,
            nonce: String::new(),
            scope: oidc::SCOPE.to_owned(),
        };
        let session = self.sessions().open(consent, self.now());
        tokens::issue(self, &session, &person, life.unwrap_or(self.0.timing.access_token))
            .ok_or_else(|| Error::Key("no token could be signed".into()))
    }

    /// Ends a session: its refresh token stops working, and user information and introspection refuse its access
    /// tokens. Whoever verifies offline accepts those until they expire. False where there was none.
    pub fn end_session(&self, sid: &str) -> bool {
        self.sessions().end(sid)
    }

    /// Whether a session still lasts: what an operator may ask beyond the offline check of a token.
    pub fn session_lasts(&self, sid: &str) -> bool {
        let now = self.now();
        self.sessions().alive(sid, now).is_some()
    }

    /// The published keys.
    pub fn jwks(&self) -> Jwks {
        Jwks { keys: vec![self.0.key.jwk().clone()] }
    }

    /// A verifier for this sandbox's tokens, for services of the same process: no leeway, since the clock is the same.
    pub fn verifier(&self) -> Verifier {
        self.0.verifier.clone()
    }

    /// The discovery document.
    pub fn discovery(&self) -> Discovery {
        Discovery::sandbox(&self.0.issuer, &self.0.wallet_base)
    }

    /// The realm's router, for [`web::serve_https`].
    pub fn realm(&self) -> Router {
        http::router(self.clone())
    }

    /// The wallet's router, for [`web::serve_http`] on a loopback listener at this port.
    pub fn wallet(&self, port: u16) -> Router {
        wallet::router(self.clone(), port)
    }

    /// The sandbox's hour.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The realm's address.
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// The address of a realm endpoint, below the host.
    pub(crate) fn realm_path(&self, name: &str) -> String {
        format!("{}{name}", self.0.realm_path)
    }

    pub(crate) fn client(&self, client_id: &str) -> Option<Client> {
        self.0.clients.read().unwrap_or_else(PoisonError::into_inner).find(client_id)
    }

    pub(crate) fn key(&self) -> &SigningKey {
        &self.0.key
    }

    pub(crate) fn timing(&self) -> &Timing {
        &self.0.timing
    }

    pub(crate) fn witness(&self) -> &Witness {
        &self.0.witness
    }

    pub(crate) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn pending(&self) -> MutexGuard<'_, Pending> {
        self.0.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The path of an address that must be absolute, of this scheme, without a slash at the end.
fn path_of(address: &str, scheme: &str) -> Result<String, Error> {
    let refused = || Error::Address(address.to_owned());
    let uri: Uri = address.parse().map_err(|_| refused())?;
    let clean = uri.query().is_none() && !address.ends_with('/') && !address.contains('#');
    if uri.scheme_str() == Some(scheme) && uri.host().is_some() && clean {
        Ok(uri.path().trim_end_matches('/').to_owned())
    } else {
        Err(refused())
    }
}
