use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// The error object of every JSON answer and of every command (`vaguemestre/error/1`).
///
/// The text is for the person who asked; what only concerns us goes to the log, never here.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    /// HTTP status of the answer.
    pub status: StatusCode,
    /// What scripts compare.
    pub code: ErrorCode,
    /// What happened, for a person.
    pub message: String,
    /// The field of the request that is wrong, where there is one.
    pub field: Option<String>,
    /// Further facts, an object.
    pub detail: Value,
    /// What to do now.
    pub next: String,
}

/// The codes of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// This NIL is registered already.
    DuplicateNil,
    /// This national identifier belongs to another product.
    IdentityInUse,
    /// No product of this NIL.
    UnknownProduct,
    /// No job of this name.
    UnknownJob,
    /// Somebody else listens there.
    PortInUse,
    /// The data directory cannot be written.
    DataUnwritable,
    /// The data directory was written by a newer version.
    DataNewer,
    /// No server runs.
    NoServer,
    /// The adapter cannot be started.
    AdapterMissing,
    /// Something else is under way.
    Busy,
    /// The request is wrong.
    BadInput,
    /// No key, wrong key, foreign Host or Origin.
    Forbidden,
}

impl ApiError {
    /// An error with the usual status of its code.
    pub fn new(code: ErrorCode, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            status: code.status(),
            code,
            message: message.into(),
            field: None,
            detail: json!({}),
            next: next.into(),
        }
    }

    /// Names the field that is wrong.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Adds facts.
    #[must_use]
    pub fn detail(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }

    /// The object of the contract.
    pub fn to_json(&self) -> Value {
        json!({
            "schema": "vaguemestre/error/1",
            "error": {
                "code": self.code.name(), "message": self.message, "field": self.field,
                "detail": self.detail, "next": self.next,
            },
        })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, axum::Json(self.to_json())).into_response()
    }
}

impl ErrorCode {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::DuplicateNil => "duplicate_nil",
            Self::IdentityInUse => "identity_in_use",
            Self::UnknownProduct => "unknown_product",
            Self::UnknownJob => "unknown_job",
            Self::PortInUse => "port_in_use",
            Self::DataUnwritable => "data_unwritable",
            Self::DataNewer => "data_newer",
            Self::NoServer => "no_server",
            Self::AdapterMissing => "adapter_missing",
            Self::Busy => "busy",
            Self::BadInput => "bad_input",
            Self::Forbidden => "forbidden",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::DuplicateNil | Self::IdentityInUse | Self::Busy | Self::PortInUse => StatusCode::CONFLICT,
            Self::UnknownProduct | Self::UnknownJob => StatusCode::NOT_FOUND,
            Self::BadInput | Self::AdapterMissing => StatusCode::BAD_REQUEST,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::DataUnwritable | Self::DataNewer | Self::NoServer => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_is_the_one_of_the_contract() {
        let error = ApiError::new(ErrorCode::DuplicateNil, "NIL 2621 exists", "choose another").field("nil");
        assert_eq!(
            error.to_json(),
            json!({"schema": "vaguemestre/error/1", "error": {"code": "duplicate_nil", "message": "NIL 2621 exists",
                   "field": "nil", "detail": {}, "next": "choose another"}})
        );
        assert_eq!(error.into_response().status(), StatusCode::CONFLICT);
    }
}
