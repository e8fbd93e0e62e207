use bench::Error;
use i18n::Arg;
use web::{ApiError, ErrorCode, T};

use crate::view::Failure;

/// A failure in the reader's language: what happened, and what to do.
pub(crate) struct Told {
    pub(crate) what: String,
    pub(crate) next: String,
}

/// A failure of the bench, for a form.
pub(crate) fn explain(t: T, error: Error) -> Told {
    tell(t, &Failure::from(error).0)
}

/// What the API says in English, said to a person. What is not known here is shown as the API says it.
pub(crate) fn tell(t: T, error: &ApiError) -> Told {
    let told = |what: &str, next: &str| Told { what: t.get(what), next: t.get(next) };
    match (error.code, error.field.as_deref()) {
        (ErrorCode::UnknownProduct, _) => told("error-unknown-product", "error-unknown-product-next"),
        (ErrorCode::UnknownJob, _) => told("error-unknown-job", "error-unknown-job-next"),
        (ErrorCode::IdentityInUse, _) => {
            let word = |name: &str| error.detail[name].as_str().unwrap_or_default().to_owned();
            let (identity, nil, name) = (word("identity"), word("nil"), word("name"));
            let args = [
                ("identity", Arg::Text(identity.as_str())),
                ("nil", Arg::Text(nil.as_str())),
                ("name", Arg::Text(name.as_str())),
            ];
            let what = i18n::text_with(t.0, "error-identity-in-use", &args);
            Told { what, next: t.get("error-identity-in-use-next") }
        }
        (ErrorCode::DuplicateNil, _) if error.detail["name"].is_string() => {
            told("error-duplicate-version", "error-duplicate-version-next")
        }
        (ErrorCode::DuplicateNil, _) => told("error-duplicate-nil", "error-duplicate-nil-next"),
        (ErrorCode::Busy, _) => told("error-busy", "error-busy-next"),
        (ErrorCode::BadInput, Some("nil")) => told("error-nil", "error-nil-next"),
        (ErrorCode::BadInput, Some("name")) => told("error-name", "error-name-next"),
        (ErrorCode::BadInput, Some("psc_id" | "app_id")) => told("error-identity", "error-identity-next"),
        (ErrorCode::BadInput, Some("product_version")) => told("error-version", "error-version-next"),
        (ErrorCode::BadInput, Some("run")) => told("error-run", "error-run-next"),
        _ => Told { what: error.message.clone(), next: error.next.clone() },
    }
}
