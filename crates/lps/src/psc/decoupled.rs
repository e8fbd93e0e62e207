//! The decoupled login (OpenID Connect CIBA Core 1.0, poll mode: the only one that PSC offers).

use std::fmt;
use std::time::Duration;

use kernel::{Secret, Timestamp, random};
use oidc::AuthMode;
use serde::Deserialize;
use tokio::sync::watch;

use super::{Breach, Error, RelyingParty, Session};

/// Where PSC names no interval (CIBA §7.3).
const INTERVAL: u64 = 5;
/// What `slow_down` adds (RFC 8628 §3.5, which CIBA §11 follows).
const SLOWER: Duration = Duration::from_secs(5);
/// Longest interval that is believed.
const SLOWEST: Duration = Duration::from_secs(60);
/// Longest life of a request that is believed.
const LONGEST: u64 = 3600;

/// Whom to ask, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecoupledRequest {
    /// The national identifier of the person who is asked; she alone may answer.
    pub login_hint: String,
    /// What both screens show, so that she knows what she accepts: see [`binding_message`].
    pub binding_message: String,
    /// With what she answers; `None` leaves it to PSC.
    pub channel: Option<AuthMode>,
}

/// A question that a person was asked and has not answered yet.
pub struct Decoupled {
    party: RelyingParty,
    auth_req_id: Secret<String>,
    person: String,
    binding_message: String,
    interval: Duration,
    expires: Timestamp,
}

/// What a poll found.
#[derive(Debug)]
pub enum Poll {
    /// No answer yet; the next poll may come after so long, not before.
    Pending(Duration),
    /// She accepted.
    Accepted(Session),
}

/// Two digits for both screens.
pub fn binding_message() -> String {
    format!("{:02}", u16::from_be_bytes(random::bytes::<2>()) % 100)
}

impl RelyingParty {
    /// Asks a person on her telephone or at her card reader.
    ///
    /// # Errors
    /// [`Error::Refused`] (`unknown_user_id`, `unauthorized_client`: the decoupled flow is not activated…),
    /// [`Error::Unavailable`], [`Error::Breach`].
    pub async fn begin_decoupled(&self, request: DecoupledRequest) -> Result<Decoupled, Error> {
        let provider = self.provider();
        let mut form = vec![
            ("scope", provider.config.scope.as_str()),
            ("acr_values", oidc::ACR_REQUESTED),
            ("login_hint", &request.login_hint),
            ("binding_message", &request.binding_message),
        ];
        form.extend(request.channel.map(|channel| ("channel", channel.name())));
        let begun: Begun = provider.backchannel(&form).await?;
        if begun.auth_req_id.is_empty() {
            return Err(Breach::Answer(200).into());
        }
        Ok(Decoupled {
            party: self.clone(),
            auth_req_id: Secret::new(begun.auth_req_id),
            person: request.login_hint,
            binding_message: request.binding_message,
            interval: Duration::from_secs(begun.interval.unwrap_or(INTERVAL).max(1)).min(SLOWEST),
            expires: provider.clock.now() + Duration::from_secs(begun.expires_in.min(LONGEST)),
        })
    }
}

#[derive(Deserialize)]
struct Begun {
    auth_req_id: String,
    expires_in: u64,
    interval: Option<u64>,
}

impl Decoupled {
    /// What both screens show.
    pub fn binding_message(&self) -> &str {
        &self.binding_message
    }

    /// When the question is void.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// How long to wait before the next poll.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Asks PSC once; not sooner than [`Self::interval`] after the last time.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Expired`], [`Error::Breach`] (another person than the one asked included):
    /// final. [`Error::Unavailable`]: the next poll may succeed.
    pub async fn poll(&mut self) -> Result<Poll, Error> {
        let provider = self.party.provider();
        if provider.clock.now() >= self.expires {
            return Err(Error::Expired);
        }
        let form = [
            ("grant_type", "urn:openid:params:grant-type:ciba"),
            ("auth_req_id", self.auth_req_id.reveal().as_str()),
        ];
        let tokens = match provider.tokens(&form).await {
            Ok(tokens) => tokens,
            Err(Error::Refused(code)) if code == "authorization_pending" => {
                return Ok(Poll::Pending(self.interval));
            }
            Err(Error::Refused(code)) if code == "slow_down" => {
                self.interval = (self.interval + SLOWER).min(SLOWEST);
                return Ok(Poll::Pending(self.interval));
            }
            Err(error) => return Err(error),
        };
        let session = self.party.open(tokens, None).await?;
        if session.person().national_id == self.person {
            Ok(Poll::Accepted(session))
        } else {
            Err(Breach::Person.into())
        }
    }

    /// Polls until there is an answer, at the pace that PSC asks for. `cancelled` ends it as soon as it is true or its
    /// sender is gone; an answer that comes all the same is given back to PSC.
    ///
    /// # Errors
    /// Those of [`Self::poll`], trouble on the way excepted, and [`Error::Cancelled`].
    pub async fn wait(mut self, mut cancelled: watch::Receiver<bool>) -> Result<Session, Error> {
        let mut pause = self.interval;
        loop {
            tokio::select! {
                _ = cancelled.wait_for(|cancelled| *cancelled) => return Err(Error::Cancelled),
                () = tokio::time::sleep(pause) => {}
            }
            // Not given up half-way: PSC may be handing out tokens at this very moment.
            pause = match self.poll().await {
                Ok(Poll::Accepted(session)) if *cancelled.borrow() => {
                    session.end().await.unwrap_or_else(|error| {
                        tracing::info!(%error, "a session that nobody wants any more could not be given back");
                    });
                    return Err(Error::Cancelled);
                }
                Ok(Poll::Accepted(session)) => return Ok(session),
                Ok(Poll::Pending(pause)) => pause,
                Err(Error::Unavailable(why)) => {
                    tracing::debug!(%why, "Pro Santé Connect did not answer a poll");
                    (pause * 2).min(SLOWEST)
                }
                Err(error) => return Err(error),
            };
        }
    }
}

impl fmt::Debug for Decoupled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoupled")
            .field("interval", &self.interval)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}
