use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::Secret;
use serde::{Deserialize, Serialize};

use crate::encode_pairs;

/// What a client posts to the token endpoint. [`TokenRequest::body`] gives the form; client authentication goes
/// either in the header ([`basic_credentials`]) or in the form.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TokenRequest<'a> {
    /// Exchange of an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.5).
    Code {
        /// The code of the callback.
        code: &'a Secret<String>,
        /// The same address as in the authorization request.
        redirect_uri: &'a str,
        /// The PKCE verifier.
        code_verifier: &'a Secret<String>,
    },
    /// A fresh access token from a refresh token (RFC 6749 §6).
    Refresh {
        /// The newest refresh token: PSC gives another one each time.
        refresh_token: &'a Secret<String>,
    },
    /// One poll of a decoupled request (CIBA Core §10.1).
    Ciba {
        /// The request's name.
        auth_req_id: &'a Secret<String>,
    },
    /// Exchange of a PSC token for a token of an API (RFC 8693 §2.1); the client authenticates by certificate.
    Exchange {
        /// The access token; it serves once.
        subject_token: &'a Secret<String>,
        /// Scopes of the API, with spaces.
        scope: &'a str,
    },
}

/// The grant of a token exchange (RFC 8693 §2.1).
pub const EXCHANGE_GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// The kind of the subject token in an exchange (RFC 8693 §3).
pub const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";

/// What the token endpoint answers (RFC 6749 §5.1 and Keycloak's additions). Tokens are secrets; nothing here can be
/// printed by accident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenResponse {
    /// The token that opens mailboxes.
    pub access_token: Secret<String>,
    /// Its life from the moment of the answer.
    pub expires_in: Duration,
    /// What gives the next one; to be replaced at each answer.
    pub refresh_token: Option<Secret<String>>,
    /// The refresh token's life.
    pub refresh_expires_in: Duration,
    /// The ID token.
    pub id_token: Option<Secret<String>>,
    /// The session.
    pub session_state: String,
    /// Scopes granted.
    pub scope: String,
}

/// An error answer of an OAuth endpoint (RFC 6749 §5.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The error's name, such as `invalid_grant`.
    pub error: String,
    /// What happened, for a person.
    #[serde(default)]
    pub error_description: String,
}

/// The errors that our endpoints answer with (RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, OpenID Connect Core §3.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The person said no.
    AccessDenied,
    /// Unknown client, wrong secret, or no client authentication.
    InvalidClient,
    /// The code or refresh token is expired, used, revoked, or somebody else's.
    InvalidGrant,
    /// A parameter is missing, repeated, or has a value that is not allowed.
    InvalidRequest,
    /// A scope that is not offered, or one that is missing.
    InvalidScope,
    /// The access token is expired, revoked or not ours.
    InvalidToken,
    /// `prompt=none`, and nobody is logged in.
    LoginRequired,
    /// A fault of the server's own.
    ServerError,
    /// This client may not do that.
    UnauthorizedClient,
    /// The `request` or `request_uri` parameter, which is not read.
    RequestNotSupported,
    /// A grant that is not offered.
    UnsupportedGrantType,
    /// A response type that is not offered.
    UnsupportedResponseType,
    /// The person has not answered yet (CIBA Core §11).
    AuthorizationPending,
    /// Polled too often: five seconds more between polls from now on (CIBA Core §11).
    SlowDown,
    /// The person did not answer in time (CIBA Core §11).
    ExpiredToken,
    /// `login_hint` names nobody that PSC knows (CIBA Core §13).
    UnknownUserId,
    /// `binding_message` cannot be shown (CIBA Core §13).
    InvalidBindingMessage,
    /// The server is away for a while.
    TemporarilyUnavailable,
}

/// A token endpoint's answer that is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// The server said no, in OAuth's words.
    #[error("{} ({})", .0.error, .0.error_description)]
    Refused(ErrorBody),
    /// Not an OAuth answer at all: a proxy's page, a truncated body. The HTTP status is given.
    #[error("HTTP {0} without an answer that can be read")]
    Unreadable(u16),
}

impl TokenRequest<'_> {
    /// The form to post, `application/x-www-form-urlencoded`; secret as a whole. With `client`, the client's name
    /// and secret go into the form (`client_secret_post`).
    pub fn body(&self, client: Option<(&str, &Secret<String>)>) -> Secret<String> {
        let mut pairs = self.pairs();
        if let Some((id, secret)) = client {
            pairs.extend([("client_id", id), ("client_secret", secret.reveal().as_str())]);
        }
        Secret::new(encode_pairs(pairs))
    }

    /// The form of a client that authenticates by its certificate: its name alone (`tls_client_auth`, RFC 8705 §2).
    pub fn body_by_certificate(&self, client_id: &str) -> Secret<String> {
        let mut pairs = self.pairs();
        pairs.push(("client_id", client_id));
        Secret::new(encode_pairs(pairs))
    }

    fn pairs(&self) -> Vec<(&str, &str)> {
        match self {
            Self::Code { code, redirect_uri, code_verifier } => vec![
                ("grant_type", "authorization_code"),
                ("code", code.reveal().as_str()),
                ("redirect_uri", *redirect_uri),
                ("code_verifier", code_verifier.reveal().as_str()),
            ],
            Self::Refresh { refresh_token } => {
                vec![("grant_type", "refresh_token"), ("refresh_token", refresh_token.reveal().as_str())]
            }
            Self::Ciba { auth_req_id } => {
                vec![("grant_type", crate::CIBA_GRANT), ("auth_req_id", auth_req_id.reveal().as_str())]
            }
            Self::Exchange { subject_token, scope } => vec![
                ("grant_type", EXCHANGE_GRANT),
                ("subject_token", subject_token.reveal().as_str()),
                ("subject_token_type", ACCESS_TOKEN_TYPE),
                ("scope", *scope),
            ],
        }
    }
}

/// The value of an `Authorization` header for `client_secret_basic`: both halves are form-encoded first (RFC 6749
/// §2.3.1), which most home-made clients forget.
pub fn basic_credentials(client_id: &str, client_secret: &Secret<String>) -> Secret<String> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Secret::new(format!("{}:{}", encode(client_id), encode(client_secret.reveal())));
    Secret::new(format!("Basic {}", STANDARD.encode(pair.reveal())))
}

#[derive(Serialize, Deserialize)]
struct Wire {
    access_token: String,
    #[serde(default)]
    expires_in: u64,
    #[serde(default)]
    refresh_expires_in: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    token_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    #[serde(rename = "not-before-policy", default)]
    not_before_policy: i64,
    #[serde(default)]
    session_state: String,
    #[serde(default)]
    scope: String,
}

impl TokenResponse {
    /// Reads an answer of the token endpoint, whatever its status.
    ///
    /// # Errors
    /// [`ResponseError::Refused`] for an OAuth error, [`ResponseError::Unreadable`] for anything else, a token
    /// type other than `Bearer` included.
    pub fn parse(status: u16, body: &[u8]) -> Result<Self, ResponseError> {
        if status != 200 {
            let refused =
                serde_json::from_slice::<ErrorBody>(body).map_err(|_| ResponseError::Unreadable(status))?;
            return Err(ResponseError::Refused(refused));
        }
        let wire: Wire = serde_json::from_slice(body).map_err(|_| ResponseError::Unreadable(status))?;
        if !wire.token_type.eq_ignore_ascii_case("bearer") {
            return Err(ResponseError::Unreadable(status));
        }
        Ok(Self {
            access_token: wire.access_token.into(),
            expires_in: Duration::from_secs(wire.expires_in),
            refresh_token: wire.refresh_token.map(Secret::new),
            refresh_expires_in: Duration::from_secs(wire.refresh_expires_in),
            id_token: wire.id_token.map(Secret::new),
            session_state: wire.session_state,
            scope: wire.scope,
        })
    }

    /// The answer as JSON, one line: secret as a whole.
    pub fn to_json(&self) -> Secret<String> {
        let reveal = |secret: &Option<Secret<String>>| secret.as_ref().map(|s| s.reveal().clone());
        let wire = Wire {
            access_token: self.access_token.reveal().clone(),
            expires_in: self.expires_in.as_secs(),
            refresh_expires_in: self.refresh_expires_in.as_secs(),
            refresh_token: reveal(&self.refresh_token),
            token_type: "Bearer".into(),
            id_token: reveal(&self.id_token),
            not_before_policy: 0,
            session_state: self.session_state.clone(),
            scope: self.scope.clone(),
        };
        Secret::new(serde_json::to_string(&wire).expect("strings and numbers always serialise"))
    }
}

impl ResponseError {
    /// Whether the refresh token or code is over: the person must identify herself again (SC.MSS/CONF.10).
    pub fn needs_login(&self) -> bool {
        matches!(self, Self::Refused(body) if body.error == "invalid_grant")
    }

    /// Whether a decoupled request still waits for its person: poll again after the interval, and five seconds later
    /// than before where [`ResponseError::is_too_fast`].
    pub fn is_pending(&self) -> bool {
        matches!(self, Self::Refused(body) if body.error == "authorization_pending") || self.is_too_fast()
    }

    /// Whether a decoupled request was polled too often (`slow_down`).
    pub fn is_too_fast(&self) -> bool {
        matches!(self, Self::Refused(body) if body.error == "slow_down")
    }

    /// Whether the same request may succeed later: the server is away or overloaded.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused(body) => matches!(body.error.as_str(), "server_error" | "temporarily_unavailable"),
            Self::Unreadable(status) => *status >= 500 || *status == 429,
        }
    }
}

impl ErrorCode {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidToken => "invalid_token",
            Self::LoginRequired => "login_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::ServerError => "server_error",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::UnknownUserId => "unknown_user_id",
            Self::InvalidBindingMessage => "invalid_binding_message",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }

    /// The HTTP status that goes with it at an endpoint that answers JSON.
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidClient | Self::InvalidToken => 401,
            Self::ServerError => 500,
            Self::TemporarilyUnavailable => 503,
            _ => 400,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_written_and_read_back() {
        let answer = TokenResponse {
            access_token: Secret::new("aa".into()),
            expires_in: Duration::from_secs(120),
            refresh_token: Some(Secret::new("rr".into())),
            refresh_expires_in: Duration::from_secs(1800),
            id_token: None,
            session_state: "s".into(),
            scope: "openid".into(),
        };
        assert_eq!(TokenResponse::parse(200, answer.to_json().reveal().as_bytes()), Ok(answer.clone()));
        assert!(!format!("{answer:?}").contains("aa"));
    }

    #[test]
    fn errors_say_what_to_do_next() {
        let refused = TokenResponse::parse(400, br#"{"error":"invalid_grant"}"#).unwrap_err();
        assert!(refused.needs_login() && !refused.is_retryable());
        let away = TokenResponse::parse(503, b"<html>").unwrap_err();
        assert!(away.is_retryable() && !away.needs_login());
        assert_eq!(
            TokenResponse::parse(200, br#"{"access_token":"a","token_type":"mac"}"#),
            Err(ResponseError::Unreadable(200))
        );
    }

    #[test]
    fn basic_credentials_are_form_encoded_first() {
        let header = basic_credentials("a b", &Secret::new("p:w".into()));
        assert_eq!(header.reveal(), &format!("Basic {}", STANDARD.encode("a+b:p%3Aw")));
    }
}
