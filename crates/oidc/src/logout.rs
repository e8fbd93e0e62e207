use kernel::{Timestamp, base64url, random};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The event that makes a token a logout token.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Life of a logout token, in seconds: the specification recommends two minutes at most.
const LIFE: i64 = 120;

/// The claims of a logout token (OpenID Connect Back-Channel Logout 1.0 §2.4): what PSC posts to a client when the
/// person's session ends elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutClaims {
    /// The environment.
    pub iss: String,
    /// The client.
    pub aud: String,
    /// Birth, seconds since 1970.
    pub iat: i64,
    /// End of life, seconds since 1970.
    pub exp: i64,
    /// The token's own identifier: a client refuses one that it has seen.
    pub jti: String,
    /// The person, as in the ID token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// The session, as in the ID token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// What happened: must hold the logout event.
    #[serde(default)]
    pub events: Map<String, Value>,
    /// Must be absent, so that no ID token passes for a logout token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

impl LogoutClaims {
    /// The end of one session, told to one client.
    pub fn new(issuer: &str, client_id: &str, sid: &str, sub: &str, now: Timestamp) -> Self {
        let mut events = Map::new();
        events.insert(EVENT.to_owned(), Value::Object(Map::new()));
        Self {
            iss: issuer.to_owned(),
            aud: client_id.to_owned(),
            iat: now.as_second(),
            exp: now.as_second().saturating_add(LIFE),
            jti: base64url(&random::bytes::<16>()),
            sub: Some(sub.to_owned()),
            sid: Some(sid.to_owned()),
            events,
            nonce: None,
        }
    }

    /// Whether it says that a session is over.
    pub fn is_logout(&self) -> bool {
        self.events.get(EVENT).is_some_and(Value::is_object)
    }
}
