//! Codes, sessions and refresh tokens: a state machine without I/O, told the hour by its caller.
//!
//! Two levels, as in the real service: a *login* is a person in a browser (the single sign-on cookie), a *session* is
//! what one client got from it, with its own `sid` and refresh token. A session without a login came without a
//! browser: the decoupled flow, or a script.
//!
//! Everything that a client or a browser presents is kept as its SHA-256 only. Everything has an end and a greatest
//! number, so a client that never comes back costs nothing for long.

use std::collections::{HashMap, VecDeque};

use kernel::{Secret, Timestamp, Timing, base64url, random, sha256};
use oidc::{AuthMode, ErrorCode, pkce};

/// Sessions kept at most; past that those unused for longest go.
const SESSIONS: usize = 5_000;

/// Logins kept at most.
const LOGINS: usize = 1_000;

/// Codes kept at most.
const CODES: usize = 5_000;

/// Subject tokens remembered, so that each is exchanged once.
const SPENT: usize = 5_000;

/// Used refresh tokens remembered per session, to tell "used already" from "never seen".
const USED: usize = 16;

/// Refresh tokens of ended sessions remembered, so that whoever presents one can be named.
const ENDED: usize = 1_000;

/// Seconds for which a code is remembered past its end, so that its re-use is recognised.
const CODE_MEMORY: i64 = 600;

pub(crate) type Digest = [u8; 32];

/// What a person allowed a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Consent {
    pub(crate) identity: String,
    pub(crate) client_id: String,
    pub(crate) mode: AuthMode,
    pub(crate) nonce: String,
    pub(crate) scope: String,
}

/// A person in a browser.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) identity: String,
    pub(crate) mode: AuthMode,
    pub(crate) auth_time: Timestamp,
    last_used: Timestamp,
}

/// A session as token makers need it.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) sid: String,
    pub(crate) consent: Consent,
    pub(crate) auth_time: Timestamp,
    login: Option<Digest>,
    last_used: Timestamp,
    refresh: Option<Digest>,
    used: VecDeque<Digest>,
    revoked: HashMap<String, i64>,
}

/// A session with the refresh token that was just made for it, and that token's life in seconds.
pub(crate) struct Renewed {
    pub(crate) session: Session,
    pub(crate) refresh_token: Secret<String>,
    pub(crate) life: i64,
}

/// What a code is tied to.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub(crate) redirect_uri: String,
    pub(crate) challenge: String,
}

#[derive(Debug)]
struct Code {
    sid: String,
    client_id: String,
    binding: Binding,
    expires: Timestamp,
    used: bool,
}

/// Why a grant is refused: error and description.
pub(crate) type Refusal = (ErrorCode, &'static str);

fn refused<T>(why: &'static str) -> Result<T, Refusal> {
    Err((ErrorCode::InvalidGrant, why))
}

#[derive(Debug)]
pub(crate) struct Sessions {
    timing: Timing,
    logins: HashMap<Digest, Login>,
    sessions: HashMap<String, Session>,
    codes: HashMap<Digest, Code>,
    refresh: HashMap<Digest, String>,
    spent: HashMap<String, i64>,
    /// The last refresh token of sessions that have ended, with their `sid`: the newest at the back.
    ended: VecDeque<(Digest, String)>,
    swept: Timestamp,
}

impl Sessions {
    pub(crate) fn new(timing: Timing) -> Self {
        Self {
            timing,
            logins: HashMap::new(),
            sessions: HashMap::new(),
            codes: HashMap::new(),
            refresh: HashMap::new(),
            spent: HashMap::new(),
            ended: VecDeque::new(),
            swept: Timestamp::UNIX_EPOCH,
        }
    }

    /// A person has just identified herself in a browser. The cookie's value, and what sessions are opened with.
    pub(crate) fn sign_in(
        &mut self,
        identity: &str,
        mode: AuthMode,
        now: Timestamp,
    ) -> (Secret<String>, Digest) {
        self.sweep(now);
        if self.logins.len() >= LOGINS {
            let oldest = self.logins.iter().min_by_key(|(_, login)| login.last_used).map(|(key, _)| *key);
            oldest.and_then(|key| self.logins.remove(&key));
        }
        let cookie = secret();
        let key = sha256(cookie.reveal().as_bytes());
        let login = Login { identity: identity.to_owned(), mode, auth_time: now, last_used: now };
        self.logins.insert(key, login);
        (cookie, key)
    }

    /// The login of a cookie, while it lasts: 4 hours, and 30 minutes without use by any client.
    pub(crate) fn login(&self, cookie: &str, now: Timestamp) -> Option<(Digest, Login)> {
        let key = sha256(cookie.as_bytes());
        let login = self.logins.get(&key).filter(|login| self.login_lasts(login, now))?;
        Some((key, login.clone()))
    }

    /// A session for one client; with a login, of the same age as the login.
    pub(crate) fn open(&mut self, consent: Consent, login: Option<Digest>, now: Timestamp) -> Session {
        self.sweep(now);
        self.make_room();
        let mut auth_time = now;
        if let Some(login) = login.and_then(|key| self.logins.get_mut(&key)) {
            login.last_used = now;
            auth_time = login.auth_time;
        }
        let sid = uuid();
        let session = Session {
            sid: sid.clone(),
            consent,
            auth_time,
            login,
            last_used: now,
            refresh: None,
            used: VecDeque::new(),
            revoked: HashMap::new(),
        };
        self.sessions.insert(sid, session.clone());
        session
    }

    /// A one-time code for this session.
    pub(crate) fn code(&mut self, session: &Session, binding: Binding, now: Timestamp) -> Secret<String> {
        if self.codes.len() >= CODES {
            let oldest = self.codes.iter().min_by_key(|(_, code)| code.expires).map(|(digest, _)| *digest);
            oldest.and_then(|digest| self.codes.remove(&digest));
        }
        let code = secret();
        let entry = Code {
            sid: session.sid.clone(),
            client_id: session.consent.client_id.clone(),
            binding,
            expires: now + self.timing.authorization_code,
            used: false,
        };
        self.codes.insert(sha256(code.reveal().as_bytes()), entry);
        code
    }

    /// Exchanges a code. It is spent by the first attempt of its own client, whatever comes of it; a second attempt
    /// ends the session, since one of the two is a thief (RFC 6749 §4.1.2).
    pub(crate) fn redeem(
        &mut self,
        code: &str,
        client_id: &str,
        redirect_uri: &str,
        verifier: &str,
        now: Timestamp,
    ) -> Result<Session, Refusal> {
        let Some(entry) = self.codes.get_mut(&sha256(code.as_bytes())) else {
            return refused("The code is unknown.");
        };
        if entry.client_id != client_id {
            return refused("The code was issued to another client.");
        }
        if std::mem::replace(&mut entry.used, true) {
            let sid = entry.sid.clone();
            self.end(&sid);
            return refused("The code was used already: its session is closed.");
        }
        if now >= entry.expires {
            return refused("The code has expired.");
        }
        if entry.binding.redirect_uri != redirect_uri {
            return refused("The redirect_uri is not the one of the authorization request.");
        }
        if pkce::challenge(verifier) != entry.binding.challenge {
            return refused("The code_verifier does not match the code_challenge.");
        }
        let sid = entry.sid.clone();
        self.alive(&sid, now).ok_or((ErrorCode::InvalidGrant, "The session is over."))
    }

    /// A new refresh token for this session; the one before stops working. `None` where the session is over.
    pub(crate) fn rotate(&mut self, sid: &str, now: Timestamp) -> Option<Renewed> {
        let end = self.alive(sid, now)?.auth_time + self.timing.session;
        let session = self.sessions.get_mut(sid)?;
        let token = secret();
        let digest = sha256(token.reveal().as_bytes());
        if let Some(old) = session.refresh.replace(digest) {
            session.used.push_back(old);
            if session.used.len() > USED
                && let Some(forgotten) = session.used.pop_front()
            {
                self.refresh.remove(&forgotten);
            }
        }
        session.last_used = now;
        if let Some(login) = session.login.and_then(|key| self.logins.get_mut(&key)) {
            login.last_used = now;
        }
        self.refresh.insert(digest, sid.to_owned());
        let life = (now + self.timing.refresh_token).min(end).as_second() - now.as_second();
        Some(Renewed { session: session.clone(), refresh_token: token, life })
    }

    /// Trades a refresh token for the next one, in one step: of a thousand attempts at the same time, one wins. One
    /// that was traded already ends its session, since one of the two bearers is a thief (RFC 9700 §4.14.2; Keycloak
    /// does the same with rotation on). `scope` may narrow the grant, never widen it.
    pub(crate) fn renew(
        &mut self,
        token: &str,
        client_id: &str,
        scope: Option<&str>,
        now: Timestamp,
    ) -> Result<Renewed, Refusal> {
        let digest = sha256(token.as_bytes());
        let Some(sid) = self.refresh.get(&digest).cloned() else {
            return refused("The refresh token is unknown, or its session is over.");
        };
        let Some(session) = self.alive(&sid, now) else { return refused("The session is over.") };
        if session.consent.client_id != client_id {
            return refused("The refresh token was issued to another client.");
        }
        if session.refresh != Some(digest) {
            self.end(&sid);
            return refused(
                "The refresh token was used already: its session is closed. Keep the newest one.",
            );
        }
        if now >= session.last_used + self.timing.refresh_token {
            return refused("The refresh token has expired.");
        }
        let granted: Vec<&str> = session.consent.scope.split(' ').collect();
        if scope.is_some_and(|scope| !scope.split(' ').all(|wanted| granted.contains(&wanted))) {
            return Err((ErrorCode::InvalidScope, "A refresh cannot widen the scope."));
        }
        self.rotate(&sid, now).ok_or((ErrorCode::InvalidGrant, "The session is over."))
    }

    /// The session behind a refresh token, whoever presents it and used or not.
    pub(crate) fn behind(&self, token: &str) -> Option<&Session> {
        self.sessions.get(self.refresh.get(&sha256(token.as_bytes()))?)
    }

    /// The `sid` that a refresh token belongs to, also once its session has ended; for what is told of a request, never
    /// for a decision.
    pub(crate) fn trace(&self, token: &str) -> Option<String> {
        let digest = sha256(token.as_bytes());
        let ended = || self.ended.iter().find(|(last, _)| *last == digest).map(|(_, sid)| sid.clone());
        self.refresh.get(&digest).cloned().or_else(ended)
    }

    /// The `sid` that a code belongs to, used or not; for what is told of a request, never for a decision.
    pub(crate) fn trace_code(&self, code: &str) -> Option<String> {
        self.codes.get(&sha256(code.as_bytes())).map(|code| code.sid.clone())
    }

    /// The session of a live refresh token, for introspection and revocation.
    pub(crate) fn of_refresh(&self, token: &str, now: Timestamp) -> Option<Session> {
        let digest = sha256(token.as_bytes());
        let session = self.alive(self.refresh.get(&digest)?, now)?;
        (session.refresh == Some(digest)).then_some(session)
    }

    /// The session, while it lasts.
    pub(crate) fn alive(&self, sid: &str, now: Timestamp) -> Option<Session> {
        self.sessions.get(sid).filter(|session| self.lasts(session, now)).cloned()
    }

    /// The instant at which the session ends when nothing more happens.
    pub(crate) fn end_of(&self, session: &Session) -> Timestamp {
        (session.last_used + self.timing.session_idle).min(session.auth_time + self.timing.session)
    }

    /// Ends a session and all that came from it. False where there was none.
    pub(crate) fn end(&mut self, sid: &str) -> bool {
        let Some(session) = self.sessions.remove(sid) else { return false };
        session.used.iter().chain(&session.refresh).for_each(|digest| {
            self.refresh.remove(digest);
        });
        if let Some(last) = session.refresh {
            if self.ended.len() >= ENDED {
                self.ended.pop_front();
            }
            self.ended.push_back((last, sid.to_owned()));
        }
        true
    }

    /// Ends a session, the login behind it, and the sessions of the same login: what was ended.
    pub(crate) fn log_out(&mut self, sid: &str) -> Vec<Session> {
        let Some(session) = self.sessions.get(sid) else { return Vec::new() };
        match session.login {
            Some(login) => self.end_login(login),
            None => {
                let session = session.clone();
                self.end(sid);
                vec![session]
            }
        }
    }

    /// Ends a login and its sessions: what was ended.
    pub(crate) fn end_login(&mut self, login: Digest) -> Vec<Session> {
        self.logins.remove(&login);
        let of_login = self.sessions.values().filter(|session| session.login == Some(login));
        let ended: Vec<Session> = of_login.cloned().collect();
        ended.iter().for_each(|session| {
            self.end(&session.sid);
        });
        ended
    }

    /// Ends all sessions of a client: how many.
    pub(crate) fn end_client(&mut self, client_id: &str) -> usize {
        let of_client = self.sessions.values().filter(|session| session.consent.client_id == client_id);
        let sids: Vec<String> = of_client.map(|session| session.sid.clone()).collect();
        sids.iter().filter(|sid| self.end(sid)).count()
    }

    /// Remembers that one access token is not to be accepted any more.
    pub(crate) fn revoke_access(&mut self, sid: &str, jti: &str, exp: i64, now: Timestamp) {
        if let Some(session) = self.sessions.get_mut(sid) {
            session.revoked.retain(|_, exp| *exp > now.as_second());
            session.revoked.insert(jti.to_owned(), exp);
        }
    }

    /// Marks an access token as exchanged; false where it was already, or where too many are remembered.
    pub(crate) fn spend(&mut self, jti: &str, exp: i64, now: Timestamp) -> bool {
        self.spent.retain(|_, exp| *exp > now.as_second());
        self.spent.len() < SPENT && self.spent.insert(jti.to_owned(), exp).is_none()
    }

    fn lasts(&self, session: &Session, now: Timestamp) -> bool {
        now < self.end_of(session)
    }

    fn login_lasts(&self, login: &Login, now: Timestamp) -> bool {
        now < (login.last_used + self.timing.session_idle).min(login.auth_time + self.timing.session)
    }

    /// Forgets what is over; once a second is enough.
    fn sweep(&mut self, now: Timestamp) {
        if now.as_second() == self.swept.as_second() {
            return;
        }
        self.swept = now;
        self.codes.retain(|_, code| now.as_second() < code.expires.as_second() + CODE_MEMORY);
        let over: Vec<String> =
            self.sessions.values().filter(|s| !self.lasts(s, now)).map(|s| s.sid.clone()).collect();
        over.iter().for_each(|sid| {
            self.end(sid);
        });
        let gone: Vec<Digest> = self
            .logins
            .iter()
            .filter(|(_, login)| !self.login_lasts(login, now))
            .map(|(key, _)| *key)
            .collect();
        gone.iter().for_each(|key| {
            self.logins.remove(key);
        });
    }

    /// A twentieth at once where the sandbox is full, so that a full one stays fast.
    fn make_room(&mut self) {
        if self.sessions.len() < SESSIONS {
            return;
        }
        let mut by_age: Vec<(Timestamp, String)> =
            self.sessions.values().map(|session| (session.last_used, session.sid.clone())).collect();
        by_age.sort();
        by_age.iter().take(SESSIONS / 20).for_each(|(_, sid)| {
            self.end(sid);
        });
    }
}

impl Session {
    pub(crate) fn has_revoked(&self, jti: &str) -> bool {
        self.revoked.contains_key(jti)
    }
}

/// A random UUID, version 4 (RFC 9562 §5.4): the form of PSC's `jti` and `sid`.
pub(crate) fn uuid() -> String {
    let mut bytes = random::bytes::<16>();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = kernel::hex(&bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn secret() -> Secret<String> {
    Secret::new(base64url(&random::bytes::<32>()))
}

#[cfg(test)]
mod tests;
