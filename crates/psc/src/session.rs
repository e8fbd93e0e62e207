//! Codes, sessions and refresh tokens: a state machine without I/O, told the hour by its caller.
//!
//! Everything that a client presents is kept as its SHA-256 only. Everything has an end and a greatest number, so a
//! client that never comes back costs nothing for long.

use std::collections::{HashMap, VecDeque};

use kernel::{Secret, Timestamp, Timing, base64url, random, sha256};
use oidc::{AuthMode, pkce};

/// Sessions kept at most; past that the one unused for longest goes.
const SESSIONS: usize = 20_000;

/// Codes kept at most.
const CODES: usize = 20_000;

/// Used refresh tokens remembered per session, to tell "used already" from "never seen".
const USED: usize = 64;

/// Whether presenting a used refresh token ends the session. PSC's own policy is not published; a refusal alone is
/// the milder reading, and a client must not be failed on a guess.
const REUSED_REFRESH_ENDS_SESSION: bool = false;

/// Seconds for which a code is remembered past its end, so that its re-use is recognised.
const CODE_MEMORY: i64 = 600;

type Digest = [u8; 32];

/// What a person allowed a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Consent {
    pub(crate) identity: String,
    pub(crate) client_id: String,
    pub(crate) mode: AuthMode,
    pub(crate) nonce: String,
    pub(crate) scope: String,
}

/// A session as token makers need it.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) sid: String,
    pub(crate) consent: Consent,
    pub(crate) auth_time: Timestamp,
    last_used: Timestamp,
    refresh: Option<Digest>,
    used: VecDeque<Digest>,
    revoked: HashMap<String, i64>,
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

/// Why a grant is refused: the `error_description` of `invalid_grant`.
pub(crate) type Refusal = &'static str;

#[derive(Debug)]
pub(crate) struct Sessions {
    timing: Timing,
    sessions: HashMap<String, Session>,
    codes: HashMap<Digest, Code>,
    refresh: HashMap<Digest, String>,
}

impl Sessions {
    pub(crate) fn new(timing: Timing) -> Self {
        Self { timing, sessions: HashMap::new(), codes: HashMap::new(), refresh: HashMap::new() }
    }

    /// A person has just identified herself.
    pub(crate) fn open(&mut self, consent: Consent, now: Timestamp) -> Session {
        self.sweep(now);
        let sid = uuid();
        let session = Session {
            sid: sid.clone(),
            consent,
            auth_time: now,
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
        let entry = self.codes.get_mut(&sha256(code.as_bytes())).ok_or("The code is unknown.")?;
        if entry.client_id != client_id {
            return Err("The code was issued to another client.");
        }
        if std::mem::replace(&mut entry.used, true) {
            let sid = entry.sid.clone();
            self.end(&sid);
            return Err("The code was used already: its session is closed.");
        }
        if now >= entry.expires {
            return Err("The code has expired.");
        }
        if entry.binding.redirect_uri != redirect_uri {
            return Err("The redirect_uri is not the one of the authorization request.");
        }
        if pkce::challenge(verifier) != entry.binding.challenge {
            return Err("The code_verifier does not match the code_challenge.");
        }
        let sid = entry.sid.clone();
        self.alive(&sid, now).ok_or("The session is over.")
    }

    /// A new refresh token for this session, with its life in seconds; the one before stops working.
    pub(crate) fn rotate(&mut self, sid: &str, now: Timestamp) -> Option<(Secret<String>, i64)> {
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
        self.refresh.insert(digest, sid.to_owned());
        let life = (now + self.timing.refresh_token).min(end).as_second() - now.as_second();
        Some((token, life))
    }

    /// The session behind a refresh token, which stays valid until [`Sessions::rotate`].
    pub(crate) fn refreshing(
        &mut self,
        token: &str,
        client_id: &str,
        now: Timestamp,
    ) -> Result<Session, Refusal> {
        let digest = sha256(token.as_bytes());
        let sid = self.refresh.get(&digest).cloned().ok_or("The refresh token is unknown.")?;
        let session = self.alive(&sid, now).ok_or("The session is over.")?;
        if session.consent.client_id != client_id {
            return Err("The refresh token was issued to another client.");
        }
        if session.refresh != Some(digest) {
            if REUSED_REFRESH_ENDS_SESSION {
                self.end(&sid);
            }
            return Err("The refresh token was used already: keep the newest one.");
        }
        if now >= session.last_used + self.timing.refresh_token {
            return Err("The refresh token has expired.");
        }
        Ok(session)
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
        true
    }

    /// Remembers that one access token is not to be accepted any more.
    pub(crate) fn revoke_access(&mut self, sid: &str, jti: &str, exp: i64, now: Timestamp) {
        if let Some(session) = self.sessions.get_mut(sid) {
            session.revoked.retain(|_, exp| *exp > now.as_second());
            session.revoked.insert(jti.to_owned(), exp);
        }
    }

    fn lasts(&self, session: &Session, now: Timestamp) -> bool {
        now < self.end_of(session)
    }

    fn sweep(&mut self, now: Timestamp) {
        self.codes.retain(|_, code| now.as_second() < code.expires.as_second() + CODE_MEMORY);
        let mut over: Vec<String> =
            self.sessions.values().filter(|s| !self.lasts(s, now)).map(|s| s.sid.clone()).collect();
        if self.sessions.len() - over.len() >= SESSIONS {
            let oldest = self.sessions.values().min_by_key(|s| s.last_used).map(|s| s.sid.clone());
            over.extend(oldest);
        }
        over.iter().for_each(|sid| {
            self.end(sid);
        });
        if self.codes.len() >= CODES {
            let oldest = self.codes.iter().min_by_key(|(_, code)| code.expires).map(|(digest, _)| *digest);
            oldest.and_then(|digest| self.codes.remove(&digest));
        }
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
mod tests {
    use std::time::Duration;

    use super::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    fn start() -> (Sessions, Session, Timestamp) {
        let now = Timestamp::from_second(1_795_000_000).unwrap();
        let mut sessions = Sessions::new(Timing::real());
        let consent = Consent {
            identity: "899700000018".into(),
            client_id: "lps".into(),
            mode: AuthMode::Card,
            nonce: "n".into(),
            scope: "openid scope_all".into(),
        };
        let session = sessions.open(consent, now);
        (sessions, session, now)
    }

    fn binding() -> Binding {
        Binding { redirect_uri: "https://lps/cb".into(), challenge: pkce::challenge(VERIFIER) }
    }

    fn minutes(count: u64) -> Duration {
        Duration::from_secs(60 * count)
    }

    #[test]
    fn a_code_serves_once_and_its_reuse_ends_the_session() {
        let (mut sessions, session, now) = start();
        let code = sessions.code(&session, binding(), now);
        let mut redeem =
            |client: &str, at| sessions.redeem(code.reveal(), client, "https://lps/cb", VERIFIER, at);
        assert!(redeem("thief", now).unwrap_err().contains("another client"));
        assert_eq!(redeem("lps", now).unwrap().sid, session.sid);
        assert!(redeem("lps", now).unwrap_err().contains("used already"));
        assert!(sessions.alive(&session.sid, now).is_none());
    }

    #[test]
    fn a_code_is_tied_to_its_minute_its_address_and_its_verifier() {
        for (uri, verifier, wait, why) in [
            ("https://lps/cb", VERIFIER, 60, "expired"),
            ("https://lps/other", VERIFIER, 0, "redirect_uri"),
            ("https://lps/cb", "wrong", 59, "code_verifier"),
        ] {
            let (mut sessions, session, now) = start();
            let code = sessions.code(&session, binding(), now);
            let at = now + Duration::from_secs(wait);
            assert!(sessions.redeem(code.reveal(), "lps", uri, verifier, at).unwrap_err().contains(why));
            assert!(sessions.redeem(code.reveal(), "lps", "https://lps/cb", VERIFIER, at).is_err(), "spent");
        }
    }

    #[test]
    fn refresh_tokens_rotate_until_idle_or_four_hours() {
        let (mut sessions, session, start) = start();
        let (mut token, life) = sessions.rotate(&session.sid, start).unwrap();
        assert_eq!(life, 1_800);
        let mut now = start;
        for _ in 0..9 {
            now += minutes(25);
            let alive = sessions.refreshing(token.reveal(), "lps", now).unwrap();
            assert_eq!(alive.auth_time, start, "a refresh is no new identification");
            let old = token;
            token = sessions.rotate(&session.sid, now).unwrap().0;
            assert!(sessions.refreshing(old.reveal(), "lps", now).unwrap_err().contains("used already"));
            assert!(sessions.refreshing(token.reveal(), "lps", now).is_ok(), "the newest still works");
        }
        // 225 minutes in: the refresh token can live 15 minutes more, not 30.
        assert_eq!(sessions.rotate(&session.sid, now).unwrap().1, 900);
        assert!(sessions.alive(&session.sid, start + minutes(239)).is_some());
        assert!(sessions.alive(&session.sid, start + minutes(240)).is_none());
    }

    #[test]
    fn thirty_idle_minutes_end_it() {
        let (mut sessions, session, now) = start();
        let (token, _) = sessions.rotate(&session.sid, now).unwrap();
        assert!(sessions.refreshing(token.reveal(), "thief", now).unwrap_err().contains("another client"));
        assert!(sessions.refreshing(token.reveal(), "lps", now + minutes(30)).is_err());
        assert!(sessions.of_refresh(token.reveal(), now + minutes(29)).is_some());
        assert!(sessions.refreshing("never seen", "lps", now).unwrap_err().contains("unknown"));
    }

    #[test]
    fn ended_sessions_leave_nothing_behind() {
        let (mut sessions, session, now) = start();
        for step in 0..200 {
            sessions.rotate(&session.sid, now + Duration::from_secs(step)).unwrap();
        }
        assert_eq!(sessions.refresh.len(), USED + 1, "bounded while it lives");
        sessions.code(&session, binding(), now);
        sessions.open(session.consent.clone(), now + minutes(60));
        assert_eq!((sessions.sessions.len(), sessions.refresh.len(), sessions.codes.len()), (1, 0, 0));
    }

    #[test]
    fn a_uuid_is_one_of_version_four() {
        let id = uuid();
        assert!(id.len() == 36 && &id[14..15] == "4" && "89ab".contains(&id[19..20]), "{id}");
    }
}
