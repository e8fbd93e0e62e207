use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::{Clock, Secret, Timestamp, base64url, random, sha256};
use oidc::{Form, TokenResponse, pkce};
use serde_json::{Map, Value};

use super::provider::{Answers, Provider};
use super::session::Opened;
use super::{Breach, Config, Error, Person, Session};

/// How long a login may take from its beginning to its callback.
const PATIENCE: Duration = Duration::from_secs(600);
/// Logins that are under way at a time; past that the oldest is forgotten.
const PENDING: usize = 10_000;
/// Longest query of a callback that is read.
const LONGEST_QUERY: usize = 8 * 1024;

/// A client of Pro Santé Connect behind a server; cheap to clone.
#[derive(Clone)]
pub struct RelyingParty(Arc<Inner>);

struct Inner {
    provider: Arc<Provider>,
    /// By the digest of the handle: what is kept cannot be used by who reads it.
    pending: Mutex<HashMap<[u8; 32], Pending>>,
}

struct Pending {
    state: String,
    nonce: String,
    verifier: Secret<String>,
    person: Option<String>,
    begun: Timestamp,
}

/// What to ask for besides the usual.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoginOptions {
    /// The national identifier that PSC should propose.
    pub login_hint: Option<String>,
    /// The only person who may come back: for a locked session that is to go on. Her national identifier.
    pub person: Option<String>,
    /// `login` to ask again even where the browser has an SSO session, `none` never to ask.
    pub prompt: Option<String>,
    /// The local identity provider to go through, where PSC delegates to one.
    pub kc_idp_hint: Option<String>,
}

/// A login that has begun.
#[derive(Clone)]
#[non_exhaustive]
pub struct Login {
    /// Where to send the browser.
    pub url: String,
    /// What ties the callback to this browser: for a cookie (`HttpOnly`, `Secure`, `SameSite=Lax`: with `Strict` it
    /// would not come back) or a server session. 256 bits; good for one callback within ten minutes.
    pub handle: String,
}

impl RelyingParty {
    /// A client of the environment that `config` names. Nothing is fetched yet: PSC may be away while an LPS starts.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn new(config: Config, clock: Clock) -> Result<Self, Error> {
        let provider = Arc::new(Provider::new(config, clock)?);
        Ok(Self(Arc::new(Inner { provider, pending: Mutex::default() })))
    }

    /// Begins a login: code flow with PKCE (S256), `state`, `nonce` and `acr_values=eidas1` (PSC's documentation).
    ///
    /// # Errors
    /// [`Error::Unavailable`] and [`Error::Breach`] where the discovery document cannot be had.
    pub async fn begin_login(&self, options: LoginOptions) -> Result<Login, Error> {
        let provider = self.provider();
        let metadata = provider.metadata().await?;
        let unguessable = || base64url(&random::bytes::<32>());
        let (state, nonce, handle) = (unguessable(), unguessable(), unguessable());
        let verifier = Secret::new(pkce::verifier());
        let challenge = pkce::challenge(verifier.reveal());
        let mut pairs = vec![
            ("response_type", "code"),
            ("client_id", &provider.config.client_id),
            ("redirect_uri", &provider.config.redirect_uri),
            ("scope", &provider.config.scope),
            ("acr_values", oidc::ACR_REQUESTED),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let hint = options.login_hint.as_ref().or(options.person.as_ref());
        let more = [
            ("login_hint", hint),
            ("prompt", options.prompt.as_ref()),
            ("kc_idp_hint", options.kc_idp_hint.as_ref()),
        ];
        pairs.extend(more.into_iter().filter_map(|(name, value)| Some((name, value?.as_str()))));
        let url = with_query(&metadata.authorization_endpoint, &oidc::encode_pairs(pairs));
        let begun = provider.clock.now();
        self.remember(&handle, Pending { state, nonce, verifier, person: options.person, begun });
        Ok(Login { url, handle })
    }

    /// Ends a login with the query of the callback, for the browser that holds `handle`: verifies the callback, the
    /// tokens and the user information, and opens a session. A handle is good once, whatever comes of it.
    ///
    /// # Errors
    /// [`Error::UnknownLogin`], [`Error::Denied`] (the person said no), [`Error::Breach`] (an answer that breaks a rule),
    /// [`Error::LoginAgain`] (the code is over), [`Error::Refused`], [`Error::Unavailable`].
    pub async fn finish_login(&self, handle: &str, query: &str) -> Result<Session, Error> {
        let pending = self.take(handle).ok_or(Error::UnknownLogin)?;
        let metadata = self.provider().metadata().await?;
        let must_name_issuer = metadata.authorization_response_iss_parameter_supported;
        let code = self.callback(&pending, query, must_name_issuer)?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.reveal().as_str()),
            ("redirect_uri", &self.provider().config.redirect_uri),
            ("code_verifier", pending.verifier.reveal()),
        ];
        let tokens = self.provider().tokens(&form).await?;
        let session = self.open(tokens, Some(&pending.nonce)).await?;
        match pending.person {
            Some(person) if person != session.person().national_id => Err(Breach::Person.into()),
            _ => Ok(session),
        }
    }

    /// Verifies what came with tokens, and opens a session on them.
    pub(super) async fn open(&self, tokens: TokenResponse, nonce: Option<&str>) -> Result<Session, Error> {
        let id_token = tokens.id_token.clone().ok_or(Breach::NoIdToken)?;
        let answers = Answers { nonce, access_token: &tokens.access_token };
        let verified = self.provider().id_token(&id_token, answers).await?;
        let userinfo = self.provider().userinfo(&tokens.access_token, &verified.sub).await?;
        let sid = sid(&verified.claims);
        let person = Person::new(verified.sub, verified.claims, userinfo)?;
        tracing::info!(session = %sid, "a person logged in with Pro Santé Connect");
        Ok(Session::open(Opened { provider: Arc::clone(self.provider()), person, tokens, id_token, sid }))
    }

    pub(super) fn provider(&self) -> &Arc<Provider> {
        &self.0.provider
    }

    /// The code of a callback that answers this login.
    fn callback(
        &self,
        pending: &Pending,
        query: &str,
        must_name_issuer: bool,
    ) -> Result<Secret<String>, Error> {
        if query.len() > LONGEST_QUERY {
            return Err(Breach::Callback.into());
        }
        let form = Form::parse(query.trim_start_matches('?').as_bytes()).map_err(|_| Breach::Callback)?;
        if form.get("state") != Some(&pending.state) {
            return Err(Breach::State.into());
        }
        match form.get("iss") {
            Some(issuer) if issuer != self.provider().config.issuer => {
                return Err(Breach::CallbackIssuer.into());
            }
            None if must_name_issuer => return Err(Breach::CallbackIssuer.into()),
            _ => {}
        }
        match (form.get("error"), form.get("code")) {
            (Some(error), _) => Err(Error::from_code(error, 302)),
            (None, Some(code)) => Ok(Secret::new(code.to_owned())),
            (None, None) => Err(Breach::Callback.into()),
        }
    }

    fn remember(&self, handle: &str, login: Pending) {
        let mut pending = self.0.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.len() >= PENDING {
            let now = login.begun;
            pending.retain(|_, other| now < other.begun + PATIENCE);
        }
        if pending.len() >= PENDING {
            let oldest = pending.iter().min_by_key(|(_, other)| other.begun).map(|(key, _)| *key);
            oldest.and_then(|key| pending.remove(&key));
        }
        pending.insert(sha256(handle.as_bytes()), login);
    }

    fn take(&self, handle: &str) -> Option<Pending> {
        let now = self.provider().clock.now();
        let mut pending = self.0.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.remove(&sha256(handle.as_bytes())).filter(|login| now < login.begun + PATIENCE)
    }
}

/// The session's name at PSC, for traces.
fn sid(claims: &Map<String, Value>) -> String {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let sid = if text("sid").is_empty() { text("session_state") } else { text("sid") };
    sid.chars().filter(|c| c.is_ascii_graphic()).take(64).collect()
}

pub(super) fn with_query(address: &str, query: &str) -> String {
    format!("{address}{}{query}", if address.contains('?') { '&' } else { '?' })
}

impl fmt::Debug for RelyingParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelyingParty").field("config", &self.provider().config).finish_non_exhaustive()
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}
