use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use kernel::{Failure, RetryClass, Stage};
use serde_json::{Value, json};

/// What every operation answers: its object, or a problem.
pub(crate) type Answer<T> = Result<T, Problem>;

/// The media type of a problem (RFC 9457 §3).
pub(crate) const MEDIA: &str = "application/problem+json";

/// Seconds after which a temporary refusal is worth another try.
const AGAIN_S: u64 = 5;

/// Why an operation was refused or failed: `application/problem+json` with the stage that it died in and what the
/// caller may do now. The text is for a person; it never holds a secret nor patient data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    /// What programs compare: the last element of `type`.
    pub(crate) code: &'static str,
    pub(crate) detail: String,
    /// The field, parameter or header at fault.
    pub(crate) field: Option<String>,
    pub(crate) stage: Stage,
    pub(crate) retry: RetryClass,
    /// What to do now.
    pub(crate) next: String,
    /// The ANS's code of a refusal that has one (spec 01 §4.6: 900 to 905).
    pub(crate) refusal: Option<u16>,
}

impl Problem {
    fn new(
        status: StatusCode,
        code: &'static str,
        detail: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            field: None,
            stage: Stage::Input,
            retry: RetryClass::Never,
            next: next.into(),
            refusal: None,
        }
    }

    /// A parameter, header or field of the body is wrong: 400.
    pub(crate) fn bad(field: &str, detail: impl Into<String>, next: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::BAD_REQUEST, "bad_input", detail, next);
        Self { field: Some(field.to_owned()), ..problem }
    }

    /// The request cannot be read: of this status.
    pub(crate) fn unreadable(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::new(status, "bad_input", detail, "See GET /api/v1/openapi.json.")
    }

    /// What the path names is not there: 404.
    pub(crate) fn missing(what: &str, name: &str) -> Self {
        let next = "Take the key from a list of this practice; keys of another practice are unknown here.";
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("no {what} has the key {name:?}"), next)
    }

    /// No key, a wrong one, or one that does not open this: of this status.
    pub(crate) fn forbidden(status: StatusCode, detail: impl Into<String>, next: impl Into<String>) -> Self {
        Self::new(status, "forbidden", detail, next)
    }

    /// The present state forbids it: 409.
    pub(crate) fn conflict(detail: impl Into<String>, next: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail, next)
    }

    /// The same request is under way: 409, to be asked again.
    pub(crate) fn busy(detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::CONFLICT, "busy", detail, "Ask again in a few seconds.");
        Self { stage: Stage::Command, retry: RetryClass::Later, ..problem }
    }

    /// This service has no connector: it keeps and files, and fetches nothing.
    pub(crate) fn offline() -> Self {
        let next = "Start the service with its connector: vaguemestre lps serve.";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "offline", "no connector runs here", next);
        Self { stage: Stage::Connect, ..problem }
    }

    /// Names the header or field at fault.
    pub(crate) fn field(self, field: &str) -> Self {
        Self { field: Some(field.to_owned()), ..self }
    }

    pub(crate) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "type": format!("urn:vaguemestre:problem:{}", self.code),
            "title": self.status.canonical_reason().unwrap_or("Refused"),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "code": self.code,
            "field": self.field,
            "stage": self.stage,
            "retry": self.retry,
            "next": self.next,
            "refusal": self.refusal,
        })
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(self.to_json())).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA));
        if self.retry == RetryClass::Later {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(AGAIN_S));
        }
        response
    }
}

/// What the connector met on its way to an operator.
impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let next = match failure.retry {
            RetryClass::Later => "Ask again later, unchanged.",
            RetryClass::NewCredential => "Log in to Pro Santé Connect again, then hand the new token over.",
            RetryClass::Unknown => "Look whether it was done before asking again.",
            _ => "Correct the mailbox's settings; GET /api/v1/mailboxes/{key}/diagnostic says what is wrong.",
        };
        let status = match failure.stage {
            Stage::Input => StatusCode::BAD_REQUEST,
            Stage::Storage => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_GATEWAY,
        };
        let code = if failure.stage == Stage::Storage { "storage" } else { "operator" };
        let problem = Self::new(status, code, failure.message, next);
        Self { stage: failure.stage, retry: failure.retry, ..problem }
    }
}

/// What the practice refused, or could not do.
impl From<practice::Error> for Problem {
    fn from(error: practice::Error) -> Self {
        let (status, next) = match &error {
            practice::Error::Db(error) => return Self::from(error.clone()),
            practice::Error::NotFound { .. } => {
                (StatusCode::NOT_FOUND, "Take the key from a list of this practice; others are unknown here.")
            }
            practice::Error::Refused { code: "no_right" | "no_behalf", .. } => (
                StatusCode::FORBIDDEN,
                "Give the person the right first (PUT /api/v1/people/{key}/rights/{mailbox}).",
            ),
            practice::Error::Refused { .. } => (
                StatusCode::CONFLICT,
                "Read it again: things stand otherwise than this request takes them to.",
            ),
            practice::Error::Bad { .. } => (StatusCode::BAD_REQUEST, "Correct the field that is named."),
            _ => {
                tracing::error!(%error, "a practice's data cannot be used");
                (StatusCode::INTERNAL_SERVER_ERROR, "Look at the service's log, and run vaguemestre doctor.")
            }
        };
        let failure = error.failure();
        let field = match &error {
            practice::Error::Bad { field, .. } => Some((*field).to_owned()),
            _ => None,
        };
        let problem = Self::new(status, error.code(), failure.message, next);
        Self { stage: failure.stage, retry: failure.retry, field, ..problem }
    }
}

impl From<db::Error> for Problem {
    fn from(error: db::Error) -> Self {
        let failure = error.failure();
        if failure.retry == RetryClass::Never {
            tracing::error!(%error, "the practice's base refused what it should take");
        }
        let next = "Check the free space and the rights of the data directory, and the service's log.";
        let status = match failure.retry {
            RetryClass::Never => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        let problem = Self::new(status, "storage", failure.message, next);
        Self { stage: Stage::Storage, retry: failure.retry, ..problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_stage_and_retry_class() {
        let failure = Failure::temporary(Stage::Tls, "the certificate's revocation list is stale");
        let problem = Problem::from(failure);
        assert_eq!(problem.status, StatusCode::BAD_GATEWAY);
        let json = problem.to_json();
        assert_eq!((json["stage"].as_str(), json["retry"].as_str()), (Some("tls"), Some("later")));
        assert_eq!(json["type"], "urn:vaguemestre:problem:operator");
        let response = problem.into_response();
        assert_eq!(response.headers()["content-type"], MEDIA);
        assert_eq!(response.headers()["retry-after"], "5");
    }

    #[test]
    fn what_is_never_worth_a_retry_does_not_promise_one() {
        let response = Problem::missing("document", "x").into_response();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert!(response.headers().get(RETRY_AFTER).is_none());
    }
}
