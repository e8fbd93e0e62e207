use std::time::Duration;

use kernel::Secret;
use serde::{Deserialize, Serialize};

use crate::{AuthMode, ErrorBody, ResponseError, encode_pairs};

/// The grant of the decoupled flow at the token endpoint, as PSC announces it.
pub const CIBA_GRANT: &str = "urn:openid:params:grant-type:ciba";

/// What a client posts to start a decoupled identification (OpenID Connect CIBA Core 1.0 §7.1, with PSC's `channel`).
/// PSC offers the poll mode only.
#[derive(Clone, Copy, Debug)]
pub struct CibaRequest<'a> {
    /// National identifier of the person who shall identify herself.
    pub login_hint: &'a str,
    /// Short text shown on both screens, so that the person knows which request she accepts.
    pub binding_message: &'a str,
    /// Card or e-CPS.
    pub channel: AuthMode,
}

/// What the endpoint answers (CIBA Core §7.3). The request's name is a secret: whoever knows it and the client's
/// credentials gets the tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CibaAnswer {
    /// To be presented at each poll.
    pub auth_req_id: Secret<String>,
    /// How long the person has.
    pub expires_in: Duration,
    /// How long to wait between two polls; 5 s where the answer does not say.
    pub interval: Duration,
}

impl CibaRequest<'_> {
    /// The form to post; with `client`, its name and secret go into the form (`client_secret_post`).
    pub fn body(&self, client: Option<(&str, &Secret<String>)>) -> Secret<String> {
        let mut pairs = vec![
            ("scope", crate::SCOPE),
            ("acr_values", crate::ACR_REQUESTED),
            ("login_hint", self.login_hint),
            ("binding_message", self.binding_message),
            ("channel", self.channel.name()),
        ];
        if let Some((id, secret)) = client {
            pairs.extend([("client_id", id), ("client_secret", secret.reveal().as_str())]);
        }
        Secret::new(encode_pairs(pairs))
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    auth_req_id: String,
    expires_in: u64,
    #[serde(default = "five")]
    interval: u64,
}

fn five() -> u64 {
    5
}

impl CibaAnswer {
    /// Reads an answer, whatever its status.
    ///
    /// # Errors
    /// [`ResponseError::Refused`] for an OAuth error, [`ResponseError::Unreadable`] for anything else.
    pub fn parse(status: u16, body: &[u8]) -> Result<Self, ResponseError> {
        let unreadable = |_| ResponseError::Unreadable(status);
        if status != 200 {
            return Err(ResponseError::Refused(
                serde_json::from_slice::<ErrorBody>(body).map_err(unreadable)?,
            ));
        }
        let wire: Wire = serde_json::from_slice(body).map_err(unreadable)?;
        Ok(Self {
            auth_req_id: wire.auth_req_id.into(),
            expires_in: Duration::from_secs(wire.expires_in),
            interval: Duration::from_secs(wire.interval),
        })
    }

    /// The answer as JSON, one line: secret as a whole.
    pub fn to_json(&self) -> Secret<String> {
        let wire = Wire {
            auth_req_id: self.auth_req_id.reveal().clone(),
            expires_in: self.expires_in.as_secs(),
            interval: self.interval.as_secs(),
        };
        Secret::new(serde_json::to_string(&wire).expect("strings and numbers always serialise"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_written_and_read_back() {
        let answer = CibaAnswer {
            auth_req_id: Secret::new("r".into()),
            expires_in: Duration::from_secs(120),
            interval: Duration::from_secs(1),
        };
        assert_eq!(CibaAnswer::parse(200, answer.to_json().reveal().as_bytes()), Ok(answer));
        let silent = CibaAnswer::parse(200, br#"{"auth_req_id":"r","expires_in":9}"#).unwrap();
        assert_eq!(silent.interval, Duration::from_secs(5), "CIBA Core 7.3");
        let refused = CibaAnswer::parse(400, br#"{"error":"unknown_user_id"}"#).unwrap_err();
        assert!(!refused.needs_login() && !refused.is_retryable() && !refused.is_pending());
    }
}
