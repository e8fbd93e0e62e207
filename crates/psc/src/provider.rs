use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::http::Uri;
use journal::Journal;
use kernel::{Clock, Timestamp, Timing};
use oidc::{AuthMode, Discovery, Jwks, SigningKey, Verifier};

use crate::awaited::Awaited;
use crate::ciba::Decoupled;
use crate::client::{Automatic, Client, Clients, Record};
use crate::error::Error;
use crate::fault::{Armory, PscFault};
use crate::identity::Identity;
use crate::keys::{Fresh, KeyRing};
use crate::log::Logs;
use crate::session::{Consent, Session, Sessions};
use crate::tokens::{self, Recipe, TokenSet, TokenWish};
use crate::wallet::Pending;
use crate::witness::Witness;
use crate::{http, notify, store, wallet};

/// Identities that a person made or changed.
pub(crate) const IDENTITIES_FILE: &str = "identities.json";

/// Clients that a person made or changed.
pub(crate) const CLIENTS_FILE: &str = "clients.json";

/// What the sandbox needs to start.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PscConfig {
    /// Its own directory: keys, and what a person changed on its pages.
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
    /// Whom to trust when clients' servers are told of a logout over HTTPS; `None` trusts nobody, and plain HTTP to
    /// this machine only is left.
    pub outgoing: Option<Arc<rustls::ClientConfig>>,
    /// What answers in persons' places, for clients that do not say themselves.
    pub automatic: Option<Automatic>,
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
            outgoing: None,
            automatic: None,
        }
    }
}

/// The sandbox; cheap to clone.
#[derive(Clone, Debug)]
pub struct Psc(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) data_dir: PathBuf,
    issuer: String,
    realm_path: String,
    wallet_base: String,
    clock: Clock,
    timing: Timing,
    automatic: Option<Automatic>,
    keys: RwLock<KeyRing>,
    pub(crate) identities: RwLock<BTreeMap<String, Identity>>,
    /// National identifiers of those that a person made or changed: they are on disk.
    pub(crate) edited: Mutex<BTreeMap<String, Identity>>,
    pub(crate) clients: RwLock<Clients>,
    sessions: Mutex<Sessions>,
    decoupled: Mutex<Decoupled>,
    pending: Mutex<Pending>,
    /// Logins that are answered in the person's place.
    pub(crate) awaited: Mutex<Vec<Awaited>>,
    armory: Mutex<Armory>,
    pub(crate) logs: Mutex<Logs>,
    witness: Witness,
    outgoing: RwLock<reqwest::Client>,
    /// What forms of the wallet are sealed with; another at each start.
    seal: [u8; 32],
}

impl Psc {
    /// Opens the sandbox; makes its signing key the first time, which takes a fraction of a second.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::Key`] for what it keeps on disk, [`Error::Address`] for an issuer or wallet that is
    /// not an address.
    pub fn open(config: PscConfig) -> Result<Self, Error> {
        let realm_path = path_of(&config.issuer, "https")?;
        path_of(&config.wallet_base, "http")?;
        let keys = KeyRing::open(&config.data_dir, &config.issuer, config.clock.now())?;
        let edited: Vec<Identity> = store::load(&config.data_dir.join(IDENTITIES_FILE))?;
        let edited: BTreeMap<String, Identity> =
            edited.into_iter().map(|person| (person.national_id.clone(), person)).collect();
        let clients: Vec<Record> = store::load(&config.data_dir.join(CLIENTS_FILE))?;
        let outgoing = notify::client(config.outgoing.as_ref()).map_err(Error::Outgoing)?;
        Ok(Self(Arc::new(Inner {
            data_dir: config.data_dir,
            issuer: config.issuer,
            realm_path,
            wallet_base: config.wallet_base,
            clock: config.clock,
            sessions: Mutex::new(Sessions::new(config.timing.clone())),
            timing: config.timing,
            automatic: config.automatic,
            keys: RwLock::new(keys),
            identities: RwLock::new(edited.clone()),
            edited: Mutex::new(edited),
            clients: RwLock::new(Clients::from_records(clients)),
            decoupled: Mutex::default(),
            pending: Mutex::default(),
            awaited: Mutex::default(),
            armory: Mutex::default(),
            logs: Mutex::default(),
            witness: Witness::new(config.journal),
            outgoing: RwLock::new(outgoing),
            seal: kernel::random::bytes(),
        })))
    }

    /// Tokens without a browser: for scripts and for runs of the bench. A session is opened (with a card, as the
    /// decoded sandbox tokens), so the refresh token works. `life` shortens or lengthens this access token alone, in
    /// whole seconds; zero gives one that has expired already. Later ones have the usual life. Armed faults leave
    /// these tokens alone.
    ///
    /// # Errors
    /// [`Error::UnknownIdentity`], [`Error::UnknownClient`], [`Error::Key`].
    pub fn issue_tokens(
        &self,
        national_id: &str,
        client_id: &str,
        life: Option<Duration>,
    ) -> Result<TokenSet, Error> {
        self.issue_tokens_as(national_id, client_id, TokenWish { life, ..TokenWish::default() })
    }

    /// The same, with tokens as they are wished for: wrong, long, short-lived. Later tokens of the session are as usual.
    ///
    /// # Errors
    /// As [`Psc::issue_tokens`].
    pub fn issue_tokens_as(
        &self,
        national_id: &str,
        client_id: &str,
        wish: TokenWish,
    ) -> Result<TokenSet, Error> {
        let person =
            self.identity(national_id).ok_or_else(|| Error::UnknownIdentity(national_id.to_owned()))?;
        let client = self.client(client_id).ok_or_else(|| Error::UnknownClient(client_id.to_owned()))?;
        let consent = Consent {
            identity: person.national_id.clone(),
            client_id: client.id().to_owned(),
            mode: AuthMode::Card,
            nonce: String::new(),
            scope: oidc::SCOPE.to_owned(),
        };
        let now = self.now();
        let renewed = {
            let mut sessions = self.sessions();
            let session = sessions.open(consent, None, now);
            sessions.rotate(&session.sid, now)
        };
        let recipe = Recipe {
            life: wish.life.unwrap_or(self.0.timing.access_token),
            padding: wish.padding,
            fault: wish.fault.filter(|fault| fault.is_of_tokens()),
            cnf: wish.bound_to,
        };
        renewed
            .and_then(|renewed| tokens::issue(self, renewed, &person, &recipe))
            .ok_or_else(|| Error::Key("no token could be signed".into()))
    }

    /// Ends a session: its refresh token stops working, and user information and introspection refuse its access
    /// tokens. Whoever verifies offline accepts those until they expire. Nobody is told: [`Psc::log_out`] does. False
    /// where there was none.
    pub fn end_session(&self, sid: &str) -> bool {
        self.sessions().end(sid)
    }

    /// Logs a person out: ends the session, the login behind it and the other sessions of that login, and tells the
    /// clients that registered an address for it (back channel). How many sessions ended.
    pub fn log_out(&self, sid: &str) -> usize {
        self.close(sid).len()
    }

    /// Ends all sessions of a client, without telling it: how many there were.
    pub fn end_client_sessions(&self, client_id: &str) -> usize {
        self.sessions().end_client(client_id)
    }

    /// Whether a session still lasts: what an operator may ask beyond the offline check of a token.
    pub fn session_lasts(&self, sid: &str) -> bool {
        let now = self.now();
        self.sessions().alive(sid, now).is_some()
    }

    /// Signs with another key from now on; the old one stays published as long as tokens that it signed may be shown.
    /// The new key's name. Makes an RSA key: a fraction of a second, not for a thread that must not wait.
    ///
    /// # Errors
    /// [`Error::Key`], [`Error::File`]; the old key goes on signing then.
    pub fn rotate_key(&self) -> Result<String, Error> {
        let fresh = Fresh::make()?;
        let now = self.now();
        let until = now + self.0.timing.session.max(self.0.timing.access_token);
        let kid = self.0.keys.write().unwrap_or_else(PoisonError::into_inner).rotate(fresh, until, now)?;
        tracing::info!(kid, "signing key rotated");
        Ok(kid)
    }

    /// The published keys: the one that signs, then those whose tokens may still live.
    pub fn jwks(&self) -> Jwks {
        let now = self.now();
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner).jwks(now)
    }

    /// A verifier for this sandbox's tokens, for services of the same process: no leeway, since the clock is the same.
    /// It knows the keys of this moment: ask again after a rotation (asking is cheap).
    pub fn verifier(&self) -> Verifier {
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner).verifier()
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

    /// Ends a login through one of its sessions, and tells its clients.
    pub(crate) fn close(&self, sid: &str) -> Vec<Session> {
        let ended = self.sessions().log_out(sid);
        self.told(ended)
    }

    /// Ends the login of a browser, and tells its clients.
    pub(crate) fn close_login(&self, cookie: &str) -> Vec<Session> {
        let now = self.now();
        let ended = {
            let mut sessions = self.sessions();
            let login = sessions.login(cookie, now);
            login.map(|(key, _)| sessions.end_login(key)).unwrap_or_default()
        };
        self.told(ended)
    }

    fn told(&self, ended: Vec<Session>) -> Vec<Session> {
        for session in &ended {
            self.note(&session.consent.client_id, true, &format!("session closed sid={}", session.sid));
        }
        notify::tell(self, &ended);
        ended
    }

    /// Adds to a client's log.
    pub(crate) fn note(&self, client_id: &str, good: bool, text: &str) {
        let now = self.now();
        if self.client(client_id).is_some() {
            self.0.logs.lock().unwrap_or_else(PoisonError::into_inner).add(client_id, now, good, text);
        }
    }

    pub(crate) fn key(&self) -> Arc<SigningKey> {
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner).current()
    }

    /// What answers in the place of this client's persons.
    pub(crate) fn automatic(&self, client: &Client) -> Option<Automatic> {
        client.settings.automatic.or(self.0.automatic)
    }

    pub(crate) fn timing(&self) -> &Timing {
        &self.0.timing
    }

    pub(crate) fn witness(&self) -> &Witness {
        &self.0.witness
    }

    /// Whom to trust from now on when clients' servers are told of a logout over HTTPS, in the place of
    /// [`PscConfig::outgoing`]: for an owner whose trust changes while the sandbox runs (revocation lists are renewed).
    ///
    /// # Errors
    /// [`Error::Outgoing`] where no client can be made of it; the one before stays.
    pub fn set_outgoing(&self, tls: &Arc<rustls::ClientConfig>) -> Result<(), Error> {
        let client = notify::client(Some(tls)).map_err(Error::Outgoing)?;
        *self.0.outgoing.write().unwrap_or_else(PoisonError::into_inner) = client;
        Ok(())
    }

    pub(crate) fn outgoing(&self) -> reqwest::Client {
        self.0.outgoing.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn decoupled(&self) -> MutexGuard<'_, Decoupled> {
        self.0.decoupled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn pending(&self) -> MutexGuard<'_, Pending> {
        self.0.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn armory(&self) -> MutexGuard<'_, Armory> {
        self.0.armory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What ties a form of the wallet to the browser that it was shown in.
    pub(crate) fn seal(&self, browser: &str) -> String {
        let mut bytes = self.0.seal.to_vec();
        bytes.extend_from_slice(browser.as_bytes());
        kernel::sha256_hex(&bytes)
    }

    /// The fault that the next tokens of this client are made with. A rotation of the key happens here.
    pub(crate) async fn token_fault(&self, client_id: &str) -> Option<PscFault> {
        if self.strike(client_id, |fault| fault == PscFault::JwksRotated).is_some() {
            let psc = self.clone();
            let rotated = tokio::task::spawn_blocking(move || psc.rotate_key()).await;
            if let Ok(Err(error)) = rotated {
                tracing::warn!(%error, "the key could not be rotated");
            }
        }
        self.strike(client_id, PscFault::is_of_tokens)
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
