use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use bench::judge::Verdict;
use bench::{Code, Phase};
use web::{ApiError, ErrorCode, T, Tone, pill};

/// A failure of the bench, as the API answers it.
pub(crate) struct Failure(pub(crate) ApiError);

impl IntoResponse for Failure {
    /// The error object; pages find it among the extensions and say it to a person.
    fn into_response(self) -> Response {
        let mut response = self.0.clone().into_response();
        response.extensions_mut().insert(self.0);
        response
    }
}

impl From<bench::Error> for Failure {
    fn from(error: bench::Error) -> Self {
        let code = match error.code {
            Code::DuplicateNil => ErrorCode::DuplicateNil,
            Code::IdentityInUse => ErrorCode::IdentityInUse,
            Code::UnknownProduct => ErrorCode::UnknownProduct,
            Code::UnknownJob => ErrorCode::UnknownJob,
            Code::PortInUse => ErrorCode::PortInUse,
            Code::DataUnwritable => ErrorCode::DataUnwritable,
            Code::DataNewer => ErrorCode::DataNewer,
            Code::NoServer => ErrorCode::NoServer,
            Code::AdapterMissing => ErrorCode::AdapterMissing,
            Code::Busy => ErrorCode::Busy,
            Code::Forbidden => ErrorCode::Forbidden,
            _ => ErrorCode::BadInput,
        };
        if code == ErrorCode::DataUnwritable {
            tracing::error!("the data directory fails: {}", error.message);
        }
        let mut api = ApiError::new(code, error.message, error.next).detail(error.detail);
        api.field = error.field;
        Self(api)
    }
}

impl From<JsonRejection> for Failure {
    fn from(rejection: JsonRejection) -> Self {
        Self(ApiError::new(
            ErrorCode::BadInput,
            rejection.body_text(),
            "Send the JSON object that docs/contracts.md shows.",
        ))
    }
}

/// The pill of a verdict.
pub(crate) fn verdict_pill(t: T, verdict: Verdict) -> String {
    let (tone, id) = match verdict {
        Verdict::Passed => (Tone::Good, "verdict-passed"),
        Verdict::Failed => (Tone::Bad, "verdict-failed"),
        Verdict::Inconclusive => (Tone::Unsure, "verdict-inconclusive"),
        Verdict::Unsupported => (Tone::Idle, "verdict-unsupported"),
        Verdict::NotStarted => (Tone::Idle, "verdict-not-started"),
        Verdict::Aborted => (Tone::Unsure, "verdict-aborted"),
        Verdict::Attested => (Tone::Good, "verdict-attested"),
        Verdict::NotApplicable => (Tone::Idle, "verdict-not-applicable"),
    };
    pill(tone, &t.get(id))
}

/// The pill of a run that has no verdict yet.
pub(crate) fn phase_pill(t: T, phase: Option<Phase>) -> String {
    match phase {
        Some(Phase::Queued { behind }) => {
            pill(Tone::Waiting, &t.with("phase-queued", "run", &behind.to_string()))
        }
        Some(Phase::Waiting) => pill(Tone::Waiting, &t.get("phase-waiting")),
        Some(Phase::Running) | None => pill(Tone::Active, &t.get("phase-running")),
    }
}
