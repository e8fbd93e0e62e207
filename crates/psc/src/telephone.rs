//! The person's side of the decoupled flow, for programs: what the e-CPS page shows and does.

use kernel::Timestamp;
use oidc::AuthMode;

use crate::provider::Psc;

/// A decoupled request that waits for its person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingRequest {
    /// What [`Psc::answer_request`] takes; it opens nothing at the token endpoint.
    pub number: String,
    /// The client that asks.
    pub client_id: String,
    /// The person who is asked for.
    pub identity: String,
    /// The short text that the client shows too.
    pub binding_message: String,
    /// Card or e-CPS.
    pub mode: AuthMode,
    /// When it is too late to answer.
    pub expires: Timestamp,
}

impl Psc {
    /// The decoupled requests that wait for their person, the oldest first.
    pub fn pending_requests(&self) -> Vec<PendingRequest> {
        let waiting = self.decoupled().waiting(self.now());
        let public = |request: crate::ciba::Request| PendingRequest {
            number: request.number,
            client_id: request.client_id,
            identity: request.identity,
            binding_message: request.binding_message,
            mode: request.channel,
            expires: request.expires,
        };
        waiting.into_iter().map(public).collect()
    }

    /// Answers a decoupled request in its person's place, once and in time. False where none waits under this number.
    pub fn answer_request(&self, number: &str, accept: bool) -> bool {
        let now = self.now();
        let Some(request) = self.decoupled().answer(number, accept, now) else { return false };
        let word = if accept { "accepted" } else { "refused" };
        tracing::info!(
            client = request.client_id,
            identity = request.identity,
            word,
            "decoupled request answered"
        );
        self.note(
            &request.client_id,
            accept,
            &format!("ciba {word} by the person identity={}", request.identity),
        );
        true
    }
}
