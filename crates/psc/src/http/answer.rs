use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, PRAGMA, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use kernel::Secret;
use oidc::{ErrorBody, ErrorCode};

/// An error of an OAuth endpoint (RFC 6749 §5.2): JSON, never kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    pub(super) description: String,
    challenge: Option<&'static str>,
}

impl Refusal {
    pub(super) fn new(code: ErrorCode, description: impl Into<String>) -> Self {
        let challenge = match code {
            ErrorCode::InvalidClient => Some("Basic realm=\"esante-wallet\""),
            _ => None,
        };
        Self { code, description: description.into(), challenge }
    }

    /// A refused bearer token (RFC 6750 §3).
    pub(super) fn token(description: &str) -> Self {
        Self {
            code: ErrorCode::InvalidToken,
            description: description.into(),
            challenge: Some("Bearer realm=\"esante-wallet\", error=\"invalid_token\""),
        }
    }

    /// No bearer token at all: RFC 6750 §3.1 wants no error code in the challenge then.
    pub(super) fn no_token() -> Self {
        Self {
            challenge: Some("Bearer realm=\"esante-wallet\""),
            ..Self::token("An access token is needed.")
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
        let body = ErrorBody { error: self.code.name().into(), error_description: self.description };
        let mut response = never_kept((status, Json(body)).into_response());
        if let Some(challenge) = self.challenge {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

/// JSON that holds tokens.
pub(super) fn tokens(json: &Secret<String>) -> Response {
    never_kept(([(CONTENT_TYPE, "application/json")], json.reveal().clone()).into_response())
}

/// Forbids every cache (RFC 6749 §5.1).
pub(super) fn never_kept(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
