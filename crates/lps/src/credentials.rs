use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use kernel::{Clock, Failure, RetryClass, Secret, Stage};
use tokio::sync::watch;

use crate::refresh::{Grant, Refresh, Renew};
use crate::token::lifetime;

/// How a mailbox is opened.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// PER and ORG mailboxes: a Pro Santé Connect access token (SC.MSS/CONF.07).
    Xoauth2(Arc<TokenSource>),
    /// APP mailboxes: the client certificate of the TLS configuration (SC.MSS/CONF.12).
    External,
}

impl Credentials {
    /// What to present at the next login.
    pub(crate) async fn present(&self) -> Result<Presented, Failure> {
        match self {
            Self::Xoauth2(source) => Ok(Presented::Token(source.token().await?)),
            Self::External => Ok(Presented::Certificate),
        }
    }

    /// Notes that `presented` is on its way to a server.
    pub(crate) fn note(&self, presented: &Presented) {
        if let (Self::Xoauth2(source), Presented::Token(token)) = (self, presented) {
            source.lock().presented = Some(token.secret.fingerprint());
        }
    }

    /// What to present after `failure`: once, and only where the credential itself was refused (spec 01 §3.3).
    /// Otherwise the failure, for the caller.
    pub(crate) async fn after(&self, refused: Presented, failure: Failure) -> Result<Presented, Failure> {
        let (Self::Xoauth2(source), Presented::Token(token)) = (self, refused) else { return Err(failure) };
        if failure.retry != RetryClass::NewCredential {
            return Err(failure);
        }
        source.refuse(&token);
        if token.second || !source.can_refresh() {
            return Err(failure);
        }
        tracing::info!(reason = %failure, "token refused: one refresh, one more login");
        Ok(Presented::Token(Token { second: true, ..source.token().await? }))
    }
}

/// What one login presents.
#[derive(Clone, Debug)]
pub(crate) enum Presented {
    Token(Token),
    Certificate,
}

/// An access token on its way to one login.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) secret: Secret<String>,
    generation: u64,
    /// Presented because an earlier one was refused: there is no third.
    second: bool,
}

/// Where access tokens come from: memory only (SC.MSS/CONF.28), renewed before their end, thrown away at their first
/// refusal.
///
/// Any number of sessions may share one source. A renewal is done once for all of them, in a task of its own: PSC
/// replaces the refresh token at each use, so a renewal that a caller gave up half-way would lose the PSC session.
pub struct TokenSource {
    state: Mutex<State>,
    renewer: Option<Arc<dyn Renew>>,
    clock: Clock,
}

struct State {
    access: Option<Access>,
    refresh_token: Option<Secret<String>>,
    generation: u64,
    flight: Option<Flight>,
    /// Wiped: what a renewal brings that is still under way is dropped.
    closed: bool,
    presented: Option<String>,
}

/// A renewal under way.
type Flight = watch::Receiver<Option<Result<(), Failure>>>;

struct Access {
    secret: Secret<String>,
    /// When it is better to fetch another, in seconds since 1970; `None` where its end is not known.
    renew_at: Option<i64>,
}

impl TokenSource {
    /// A source that begins with this access token. Without `refresh` the token is all there is.
    pub fn new(access_token: Secret<String>, refresh: Option<Refresh>, clock: Clock) -> Arc<Self> {
        let access =
            Access { renew_at: lifetime(&access_token).map(|life| life.renew_at()), secret: access_token };
        let refresh_token = refresh.as_ref().map(|refresh| refresh.refresh_token.clone());
        let renewer = refresh.map(|refresh| Arc::new(refresh) as Arc<dyn Renew>);
        Self::with(access, refresh_token, renewer, clock)
    }

    /// A source that begins with what a login gave.
    pub(crate) fn renewed_by(grant: Grant, renewer: Arc<dyn Renew>, clock: Clock) -> Arc<Self> {
        let access = Access { renew_at: grant.renew_at(clock.now().as_second()), secret: grant.access_token };
        Self::with(access, grant.refresh_token, Some(renewer), clock)
    }

    fn with(
        access: Access,
        refresh_token: Option<Secret<String>>,
        renewer: Option<Arc<dyn Renew>>,
        clock: Clock,
    ) -> Arc<Self> {
        let state = State {
            access: Some(access),
            refresh_token,
            generation: 0,
            flight: None,
            closed: false,
            presented: None,
        };
        Arc::new(Self { state: Mutex::new(state), renewer, clock })
    }

    /// SHA-256 of the token presented last, in hexadecimal.
    pub fn presented(&self) -> Option<String> {
        self.lock().presented.clone()
    }

    pub(crate) fn can_refresh(&self) -> bool {
        self.renewer.is_some() && self.lock().refresh_token.is_some()
    }

    /// A token that is good for a login now.
    pub(crate) async fn token(self: &Arc<Self>) -> Result<Token, Failure> {
        // Twice at most: a renewal that we waited for, then its token.
        for _ in 0..2 {
            let mut flight = match self.take_or_fly()? {
                Next::Token(token) => return Ok(token),
                Next::Wait(flight) => flight,
            };
            let landed = flight.wait_for(Option::is_some).await.map_err(|_| {
                Failure::temporary(Stage::Authenticate, "the renewal of the access token was interrupted")
            })?;
            if let Some(Err(failure)) = landed.as_ref() {
                return Err(failure.clone());
            }
        }
        Err(Failure::temporary(Stage::Authenticate, "the renewed access token is not usable"))
    }

    /// Forgets a token that a server refused, unless it was replaced meanwhile.
    pub(crate) fn refuse(&self, token: &Token) {
        let mut state = self.lock();
        if state.generation == token.generation {
            state.access = None;
        }
    }

    /// Forgets every token, for good; gives the refresh token, for whoever withdraws it.
    pub(crate) fn wipe(&self) -> Option<Secret<String>> {
        let mut state = self.lock();
        (state.closed, state.access) = (true, None);
        state.refresh_token.take()
    }

    /// Renews now, in the background, unless a renewal is under way.
    pub(crate) fn prolong(self: &Arc<Self>) {
        let mut state = self.lock();
        if state.flight.is_none()
            && let Err(failure) = self.fly(&mut state)
        {
            tracing::debug!(%failure, "nothing to prolong");
        }
    }

    fn take_or_fly(self: &Arc<Self>) -> Result<Next, Failure> {
        let now = self.clock.now();
        let mut state = self.lock();
        if let Some(renewer) = &self.renewer {
            renewer.usable(now)?;
        }
        let renewable = self.renewer.is_some() && state.refresh_token.is_some();
        let fresh = |access: &&Access| !renewable || access.renew_at.is_none_or(|at| now.as_second() < at);
        if let Some(secret) = state.access.as_ref().filter(fresh).map(|access| access.secret.clone()) {
            return Ok(Next::Token(Token { secret, generation: state.generation, second: false }));
        }
        if let Some(flight) = &state.flight {
            return Ok(Next::Wait(flight.clone()));
        }
        if let Some(renewer) = &self.renewer {
            renewer.renewable(now)?;
        }
        self.fly(&mut state).map(Next::Wait)
    }

    /// Starts a renewal.
    fn fly(self: &Arc<Self>, state: &mut State) -> Result<Flight, Failure> {
        let (Some(renewer), Some(refresh_token)) = (&self.renewer, &state.refresh_token) else {
            return Err(Failure::permanent(
                Stage::Authenticate,
                "the access token was refused and cannot be renewed: log in to Pro Santé Connect again",
            ));
        };
        let (landed, flight) = watch::channel(None);
        let (renewer, refresh_token) = (Arc::clone(renewer), refresh_token.clone());
        state.flight = Some(flight.clone());
        let source = Arc::clone(self);
        tokio::spawn(async move {
            let result = renewer.renew(&refresh_token).await;
            if matches!(&result, Err(failure) if failure.retry == RetryClass::Never) {
                renewer.ended();
            }
            let _ = landed.send(Some(source.land(result))); // nobody may be waiting any more; the token is kept
        });
        Ok(flight)
    }

    fn land(&self, result: Result<Grant, Failure>) -> Result<(), Failure> {
        let now = self.clock.now().as_second();
        let mut state = self.lock();
        state.flight = None;
        match result {
            Ok(_) if state.closed => {
                Err(Failure::permanent(Stage::Authenticate, "the session was closed during the renewal"))
            }
            Ok(grant) => {
                let renew_at = grant.renew_at(now);
                state.access = Some(Access { secret: grant.access_token, renew_at });
                if let Some(next) = grant.refresh_token {
                    state.refresh_token = Some(next);
                }
                state.generation += 1;
                Ok(())
            }
            Err(failure) => {
                if failure.retry == RetryClass::Never {
                    (state.access, state.refresh_token) = (None, None); // the PSC session is over (SC.MSS/CONF.10)
                }
                Err(failure)
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner) // every change of the state is whole
    }
}

enum Next {
    Token(Token),
    Wait(watch::Receiver<Option<Result<(), Failure>>>),
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource").field("renewable", &self.can_refresh()).finish_non_exhaustive()
    }
}
