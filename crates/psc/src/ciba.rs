//! Decoupled requests (OpenID Connect CIBA Core 1.0, poll mode): a state machine without I/O, told the hour by its
//! caller. The request's name is kept as its SHA-256 only.

use std::collections::HashMap;
use std::time::Duration;

use kernel::{Secret, Timestamp, base64url, random, sha256};
use oidc::{AuthMode, ErrorCode};

use crate::client::Automatic;
use crate::session::{Consent, Digest, Refusal};

/// How long a person has to answer (ANS proxy example: 120 s).
pub(crate) const LIFE: Duration = Duration::from_secs(120);

/// What a poll that comes too early adds to the interval (CIBA Core §11).
const SLOWER: Duration = Duration::from_secs(5);

/// How much too early a poll may come: clients sleep for the interval, and clocks and networks are not exact.
const SLACK: Duration = Duration::from_millis(500);

/// Requests kept at most; past that the oldest goes.
const REQUESTS: usize = 1_000;

/// How long a request is remembered past its end, so that a late poll learns that it expired.
const MEMORY: Duration = Duration::from_secs(600);

/// A request as the person's screen shows it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Unguessable; what the page's buttons carry. Useless at the token endpoint.
    pub(crate) number: String,
    pub(crate) client_id: String,
    pub(crate) client_name: String,
    pub(crate) identity: String,
    pub(crate) binding_message: String,
    pub(crate) channel: AuthMode,
    pub(crate) asked: Timestamp,
    pub(crate) expires: Timestamp,
    scope: String,
    interval: Duration,
    polled: Option<Timestamp>,
    answer: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Awaited,
    Accepted,
    Refused,
    /// Nobody will be asked.
    Never,
    /// Tokens were given.
    Spent,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) client_id: String,
    pub(crate) client_name: String,
    pub(crate) identity: String,
    pub(crate) binding_message: String,
    pub(crate) channel: AuthMode,
    pub(crate) scope: String,
    pub(crate) life: Duration,
    pub(crate) interval: Duration,
    pub(crate) automatic: Option<Automatic>,
}

#[derive(Debug, Default)]
pub(crate) struct Decoupled(HashMap<Digest, Request>);

impl Decoupled {
    /// Keeps a request; its name for the client.
    pub(crate) fn ask(&mut self, asked: Asked, now: Timestamp) -> Secret<String> {
        self.0.retain(|_, request| now < request.expires + MEMORY);
        if self.0.len() >= REQUESTS {
            let oldest = self.0.iter().min_by_key(|(_, request)| request.asked).map(|(key, _)| *key);
            oldest.and_then(|key| self.0.remove(&key));
        }
        let name = Secret::new(base64url(&random::bytes::<32>()));
        let request = Request {
            number: random::id(),
            client_id: asked.client_id,
            client_name: asked.client_name,
            identity: asked.identity,
            binding_message: asked.binding_message,
            channel: asked.channel,
            asked: now,
            expires: now + asked.life,
            scope: asked.scope,
            interval: asked.interval,
            polled: None,
            answer: match asked.automatic {
                None => Answer::Awaited,
                Some(Automatic::Accept) => Answer::Accepted,
                Some(Automatic::Refuse) => Answer::Refused,
                Some(Automatic::Expire) => Answer::Never,
            },
        };
        self.0.insert(sha256(name.reveal().as_bytes()), request);
        name
    }

    /// What a poll gets: what the person allowed, once, or the error of CIBA Core §11.
    pub(crate) fn poll(&mut self, name: &str, client_id: &str, now: Timestamp) -> Result<Consent, Refusal> {
        let Some(request) = self.0.get_mut(&sha256(name.as_bytes())) else {
            return Err((ErrorCode::InvalidGrant, "The auth_req_id is unknown."));
        };
        if request.client_id != client_id {
            return Err((ErrorCode::InvalidGrant, "The auth_req_id was issued to another client."));
        }
        let early = request.polled.is_some_and(|last| now + SLACK < last + request.interval);
        request.polled = Some(now);
        match request.answer {
            Answer::Spent => return Err((ErrorCode::InvalidGrant, "The auth_req_id was used already.")),
            Answer::Refused => return Err((ErrorCode::AccessDenied, "The end-user refused.")),
            _ if now >= request.expires => {
                return Err((ErrorCode::ExpiredToken, "The end-user did not answer in time."));
            }
            _ => {}
        }
        if early {
            request.interval += SLOWER;
            return Err((ErrorCode::SlowDown, "Polled too often: wait five seconds more between polls."));
        }
        if request.answer != Answer::Accepted {
            let description = "The authorization request is still pending as the end-user hasn't yet been \
                               authenticated.";
            return Err((ErrorCode::AuthorizationPending, description));
        }
        request.answer = Answer::Spent;
        Ok(Consent {
            identity: request.identity.clone(),
            client_id: request.client_id.clone(),
            mode: request.channel,
            nonce: String::new(),
            scope: request.scope.clone(),
        })
    }

    /// The requests that wait for their person, the oldest first.
    pub(crate) fn waiting(&self, now: Timestamp) -> Vec<Request> {
        let waits = |request: &&Request| request.answer == Answer::Awaited && now < request.expires;
        let mut waiting: Vec<Request> = self.0.values().filter(waits).cloned().collect();
        waiting.sort_by_key(|request| request.asked);
        waiting
    }

    /// The person's answer, once and in time. The request that it was about.
    pub(crate) fn answer(&mut self, number: &str, accept: bool, now: Timestamp) -> Option<Request> {
        let request = self.0.values_mut().find(|request| {
            request.number == number && request.answer == Answer::Awaited && now < request.expires
        })?;
        request.answer = if accept { Answer::Accepted } else { Answer::Refused };
        Some(request.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(automatic: Option<Automatic>) -> Asked {
        Asked {
            client_id: "lps".into(),
            client_name: "LPS".into(),
            identity: "899700000018".into(),
            binding_message: "42".into(),
            channel: AuthMode::Card,
            scope: oidc::SCOPE.into(),
            life: LIFE,
            interval: Duration::from_secs(5),
            automatic,
        }
    }

    fn start() -> (Decoupled, Timestamp) {
        (Decoupled::default(), Timestamp::from_second(1_795_000_000).unwrap())
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_request_waits_for_its_person_and_serves_once() {
        let (mut decoupled, now) = start();
        let name = decoupled.ask(asked(None), now);
        let poll = |decoupled: &mut Decoupled, after: u64| {
            decoupled.poll(name.reveal(), "lps", now + seconds(after)).map_err(|(code, _)| code)
        };
        assert_eq!(
            poll(&mut decoupled, 1),
            Err(ErrorCode::AuthorizationPending),
            "the first may come at once"
        );
        assert_eq!(poll(&mut decoupled, 6), Err(ErrorCode::AuthorizationPending));
        let number = decoupled.waiting(now)[0].number.clone();
        assert!(decoupled.answer("another", true, now).is_none());
        assert!(decoupled.answer(&number, true, now).is_some());
        assert!(decoupled.answer(&number, false, now).is_none() && decoupled.waiting(now).is_empty(), "once");
        assert_eq!(poll(&mut decoupled, 11).unwrap().identity, "899700000018");
        assert_eq!(poll(&mut decoupled, 16), Err(ErrorCode::InvalidGrant));
    }

    #[test]
    fn polling_too_often_slows_down_by_five_seconds_each_time() {
        let (mut decoupled, now) = start();
        let name = decoupled.ask(asked(None), now);
        let polled: Vec<ErrorCode> = [0, 4, 12, 22]
            .iter()
            .map(|after| decoupled.poll(name.reveal(), "lps", now + seconds(*after)).unwrap_err().0)
            .collect();
        // 4 s after: too early, interval 10. 8 s after: too early, interval 15. 10 s after: too early again.
        assert_eq!(
            polled,
            [ErrorCode::AuthorizationPending, ErrorCode::SlowDown, ErrorCode::SlowDown, ErrorCode::SlowDown]
        );
        let patient = now + seconds(22 + 20);
        assert_eq!(
            decoupled.poll(name.reveal(), "lps", patient).unwrap_err().0,
            ErrorCode::AuthorizationPending
        );
    }

    #[test]
    fn refused_expired_and_foreign_requests_have_their_errors() {
        let (mut decoupled, now) = start();
        let name = decoupled.ask(asked(None), now);
        assert_eq!(decoupled.poll(name.reveal(), "thief", now).unwrap_err().0, ErrorCode::InvalidGrant);
        assert_eq!(decoupled.poll("unknown", "lps", now).unwrap_err().0, ErrorCode::InvalidGrant);
        assert_eq!(decoupled.poll(name.reveal(), "lps", now + LIFE).unwrap_err().0, ErrorCode::ExpiredToken);
        let number = decoupled.waiting(now)[0].number.clone();
        assert!(decoupled.answer(&number, true, now + LIFE).is_none(), "too late");
        decoupled.answer(&number, false, now).unwrap();
        assert_eq!(decoupled.poll(name.reveal(), "lps", now).unwrap_err().0, ErrorCode::AccessDenied);
    }

    #[test]
    fn without_a_person_the_answer_comes_by_itself() {
        for (automatic, told) in [
            (Automatic::Accept, None),
            (Automatic::Refuse, Some(ErrorCode::AccessDenied)),
            (Automatic::Expire, Some(ErrorCode::AuthorizationPending)),
        ] {
            let (mut decoupled, now) = start();
            let name = decoupled.ask(asked(Some(automatic)), now);
            assert!(decoupled.waiting(now).is_empty());
            let polled = decoupled.poll(name.reveal(), "lps", now).map_err(|(code, _)| code).err();
            assert_eq!(polled, told, "{automatic:?}");
        }
    }

    #[test]
    fn requests_are_bounded() {
        let (mut decoupled, now) = start();
        for _ in 0..(REQUESTS + 10) {
            decoupled.ask(asked(None), now);
        }
        assert_eq!(decoupled.0.len(), REQUESTS);
    }
}
