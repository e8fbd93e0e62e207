use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kernel::{Failure, Secret, Stage, Timestamp};
use oidc::TokenResponse;
use tokio::sync::watch;

use super::provider::{Answers, Provider};
use super::{Breach, Error, Person};
use crate::credentials::{Credentials, TokenSource};
use crate::refresh::{Grant, Renew};

/// A person's session: who she is, and the tokens that open her mailboxes. Cheap to clone; all clones are one session.
///
/// | without activity for | what happens |
/// |---|---|
/// | half of `lives.prolong` | the next [`Session::touch`] renews the tokens, connections or not |
/// | `lives.prolong` (30 min) | nothing renews tokens any more, until [`Session::touch`] |
/// | `lives.lock` (2 h, SC.SSI/IE.58) | locked: tokens are wiped, a new login is needed |
#[derive(Clone)]
pub struct Session {
    person: Arc<Person>,
    source: Arc<TokenSource>,
    gate: Arc<Gate>,
}

/// Where a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Its person uses it.
    Active,
    /// Nobody has used it for a while: what is open stays open, nothing is renewed.
    Idle,
    /// Locked (SC.SSI/IE.58). Mail connections close; what is being written stays.
    Locked,
    /// Over: logged out, too old, or ended by PSC. Mail connections close (SC.MSS/CONF.10).
    Over,
}

/// What opens a session.
pub(super) struct Opened {
    pub(super) provider: Arc<Provider>,
    pub(super) person: Person,
    pub(super) tokens: TokenResponse,
    pub(super) id_token: Secret<String>,
    pub(super) sid: String,
}

impl Session {
    pub(super) fn open(opened: Opened) -> Self {
        let Opened { provider, person, tokens, id_token, sid } = opened;
        let now = provider.clock.now();
        let clock = provider.clock.clone();
        let gate = Arc::new(Gate {
            provider,
            sub: person.sub.clone(),
            sid,
            inner: Mutex::new(Inner { active: now, renewed: now, id_token: Some(id_token) }),
            opened: now,
            state: watch::Sender::new(State::Active),
        });
        let source = TokenSource::renewed_by(grant(tokens), Arc::clone(&gate) as Arc<dyn Renew>, clock);
        Self { person: Arc::new(person), source, gate }
    }

    /// Who she is.
    pub fn person(&self) -> &Person {
        &self.person
    }

    /// The session's name at PSC, for traces; empty where PSC gave none.
    pub fn sid(&self) -> &str {
        &self.gate.sid
    }

    /// What opens her mailboxes: each connection fetches the token that it needs.
    pub fn credentials(&self) -> Credentials {
        Credentials::Xoauth2(Arc::clone(&self.source))
    }

    /// An access token that is good now. Renewed where it is near its end; calls at the same moment share one renewal.
    ///
    /// # Errors
    /// Temporary where PSC is away, or where nobody has used the session for a while ([`State::Idle`]); permanent where
    /// the session is locked or over: the person logs in again.
    pub async fn access_token(&self) -> Result<Secret<String>, Failure> {
        self.source.token().await.map(|token| token.secret)
    }

    /// The person did something. Renews the tokens in the background where that is due.
    pub fn touch(&self) -> State {
        let now = self.gate.provider.clock.now();
        let state = self.refresh_state(now);
        if matches!(state, State::Locked | State::Over) {
            return state;
        }
        let due = {
            let mut inner = self.gate.lock();
            inner.active = now;
            now >= inner.renewed + self.gate.provider.config.lives.prolong / 2
        };
        self.gate.state.send_if_modified(|state| std::mem::replace(state, State::Active) != State::Active);
        if due {
            self.source.prolong();
        }
        State::Active
    }

    /// Where the session is now; wipes the tokens of one that has just locked or ended.
    pub fn state(&self) -> State {
        self.refresh_state(self.gate.provider.clock.now())
    }

    /// Tells each change of state from now on: mail connections close when it is locked or over.
    pub fn changes(&self) -> watch::Receiver<State> {
        self.gate.state.subscribe()
    }

    /// Locks at once, as two hours of inactivity do.
    pub fn lock(&self) {
        self.close(State::Locked);
    }

    /// Forgets the tokens, here alone; gives what PSC must be told with.
    pub(super) fn close(&self, state: State) -> (Option<Secret<String>>, Option<Secret<String>>) {
        let refresh_token = self.source.wipe();
        let id_token = self.gate.lock().id_token.take();
        self.gate.state.send_if_modified(|old| *old != State::Over && std::mem::replace(old, state) != state);
        (refresh_token, id_token)
    }

    pub(super) fn provider(&self) -> &Arc<Provider> {
        &self.gate.provider
    }

    fn refresh_state(&self, now: Timestamp) -> State {
        let state = self.gate.state_at(now);
        if matches!(state, State::Locked | State::Over) {
            self.close(state);
        }
        state
    }
}

/// What decides whether tokens are handed out and renewed.
struct Gate {
    provider: Arc<Provider>,
    sub: String,
    sid: String,
    opened: Timestamp,
    inner: Mutex<Inner>,
    state: watch::Sender<State>,
}

struct Inner {
    /// When the person last did something.
    active: Timestamp,
    /// When the tokens were last renewed.
    renewed: Timestamp,
    /// For the logout.
    id_token: Option<Secret<String>>,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner) // every change is one assignment
    }

    fn state_at(&self, now: Timestamp) -> State {
        let told = *self.state.borrow();
        let (lives, active) = (self.provider.config.lives, self.lock().active);
        let state = if told == State::Over || now >= self.opened + lives.absolute {
            State::Over
        } else if told == State::Locked || now >= active + lives.lock {
            State::Locked
        } else if now >= active + lives.prolong {
            State::Idle
        } else {
            State::Active
        };
        self.state.send_if_modified(|old| std::mem::replace(old, state) != state);
        state
    }

    async fn ask(&self, refresh_token: &Secret<String>) -> Result<Grant, Error> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.reveal().as_str())];
        let tokens = self.provider.tokens(&form).await?;
        if let Some(id_token) = &tokens.id_token {
            // OpenID Connect Core §12.2: the same person, verified as at first.
            let answers = Answers { nonce: None, access_token: &tokens.access_token };
            let verified = self.provider.id_token(id_token, answers).await?;
            if verified.sub != self.sub {
                return Err(Breach::Person.into());
            }
            let mut inner = self.lock();
            if inner.id_token.is_some() {
                inner.id_token = Some(id_token.clone());
            }
        }
        self.lock().renewed = self.provider.clock.now();
        Ok(grant(tokens))
    }
}

impl Renew for Gate {
    fn usable(&self, now: Timestamp) -> Result<(), Failure> {
        match self.state_at(now) {
            State::Locked | State::Over => Err(Error::Closed.into()),
            State::Active | State::Idle => Ok(()),
        }
    }

    fn renewable(&self, now: Timestamp) -> Result<(), Failure> {
        match self.state_at(now) {
            State::Idle => Err(Failure::temporary(
                Stage::Authenticate,
                "nobody has used this session for a while: its tokens are renewed at the person's next action",
            )),
            _ => self.usable(now),
        }
    }

    fn renew<'a>(&'a self, refresh_token: &'a Secret<String>) -> BoxFuture<'a, Result<Grant, Failure>> {
        self.ask(refresh_token).map(|outcome| outcome.map_err(Failure::from)).boxed()
    }

    fn ended(&self) {
        tracing::info!(session = %self.sid, "the Pro Santé Connect session is over");
        self.lock().id_token = None;
        self.state.send_if_modified(|old| std::mem::replace(old, State::Over) != State::Over);
    }
}

fn grant(tokens: TokenResponse) -> Grant {
    let life = i64::try_from(tokens.expires_in.as_secs()).ok().filter(|life| *life > 0);
    Grant { access_token: tokens.access_token, refresh_token: tokens.refresh_token, expires_in: life }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("sid", &self.gate.sid)
            .field("state", &*self.gate.state.borrow())
            .finish_non_exhaustive()
    }
}
